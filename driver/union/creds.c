// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * File-system ids and umask of the calling thread. All state is the thread's own: it remembers
 * what is in force, so a container that works as one user costs no system call.
 */
#include "union/creds.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sched.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static _Thread_local struct {
	bool known;
	uid_t uid;
	gid_t gid;
	mode_t umask;
} in_force;

/* The daemon's own ids, which do not change. */
static uid_t own_uid;
static gid_t own_gid;

static void drop_sys_resource(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &header, data) < 0)
		return;
	data[CAP_TO_INDEX(CAP_SYS_RESOURCE)].effective &= ~CAP_TO_MASK(CAP_SYS_RESOURCE);
	syscall(SYS_capset, &header, data);
}

void lamina_creds_prepare(void)
{
	int bits = prctl(PR_GET_SECUREBITS);

	own_uid = geteuid();
	own_gid = getegid();
	/* Refused without CAP_SETPCAP: then become() finds that it may not change the ids. */
	if (bits >= 0)
		prctl(PR_SET_SECUREBITS, (unsigned long)bits | SECBIT_NO_SETUID_FIXUP);
	drop_sys_resource();
}

errint_t lamina_creds_start_thread(void)
{
	if (unshare(CLONE_FS) < 0)
		return -errno;
	umask(0);
	in_force.known = true;
	in_force.uid = (uid_t)setfsuid((uid_t)-1);
	in_force.gid = (gid_t)setfsgid((gid_t)-1);
	in_force.umask = 0;
	return 0;
}

errint_t lamina_creds_become(uid_t uid, gid_t gid, mode_t mask)
{
	if (!in_force.known || in_force.umask != mask) {
		umask(mask & 0777);
		in_force.umask = mask;
	}
	if (!in_force.known || in_force.gid != gid) {
		setfsgid(gid);
		in_force.gid = (gid_t)setfsgid((gid_t)-1);
	}
	if (!in_force.known || in_force.uid != uid) {
		setfsuid(uid);
		in_force.uid = (uid_t)setfsuid((uid_t)-1);
	}
	in_force.known = true;
	return in_force.uid == uid && in_force.gid == gid ? 0 : -EPERM;
}

void lamina_creds_become_self(void)
{
	(void)lamina_creds_become(own_uid, own_gid, 0);
}
