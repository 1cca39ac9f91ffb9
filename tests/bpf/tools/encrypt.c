// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * encrypt DIRECTORY: makes an empty directory of ext4 an encrypted one, with a key of zeros.
 */
#include <fcntl.h>
#include <linux/fscrypt.h>
#include <sys/ioctl.h>

#include "view.h"

int main(int argc, char **argv)
{
	struct {
		struct fscrypt_add_key_arg arg;
		unsigned char key[64];
	} add = {
		.arg.key_spec.type = FSCRYPT_KEY_SPEC_TYPE_IDENTIFIER,
		.arg.raw_size = 64,
	};
	struct fscrypt_policy_v2 policy = {
		.version = FSCRYPT_POLICY_V2,
		.contents_encryption_mode = FSCRYPT_MODE_AES_256_XTS,
		.filenames_encryption_mode = FSCRYPT_MODE_AES_256_CTS,
		.flags = FSCRYPT_POLICY_FLAGS_PAD_32,
	};
	int fd;

	if (argc != 2)
		return 2;
	fd = open(argv[1], O_RDONLY);
	if (fd < 0)
		fail(argv[1]);
	if (ioctl(fd, FS_IOC_ADD_ENCRYPTION_KEY, &add))
		fail("key");
	memcpy(policy.master_key_identifier, add.arg.key_spec.u.identifier,
	       sizeof(policy.master_key_identifier));
	if (ioctl(fd, FS_IOC_SET_ENCRYPTION_POLICY, &policy))
		fail("policy");
	return 0;
}
