// SPDX-License-Identifier: GPL-2.0-or-later
/* capget(2) and capset(2). No state. */
#include "base/capability.h"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool read_all(struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3])
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};

	return syscall(SYS_capget, &header, data) == 0;
}

bool lamina_capability_has(unsigned int capability)
{
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	return read_all(data) &&
	       (data[CAP_TO_INDEX(capability)].effective & CAP_TO_MASK(capability));
}

void lamina_capability_drop(unsigned int capability)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (!read_all(data))
		return;
	data[CAP_TO_INDEX(capability)].effective &= ~CAP_TO_MASK(capability);
	syscall(SYS_capset, &header, data);
}
