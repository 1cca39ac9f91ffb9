// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From what a request wants to the words of policies.
 */
#include "engine/policy.h"

#include <fcntl.h>
#include <sys/stat.h>

/* How the kernel says that a file is opened to be run: its __FMODE_EXEC. */
#define OPEN_TO_RUN 0x20u

unsigned int policy_make_bit(mode_t type)
{
	switch (type & S_IFMT) {
	case S_IFDIR:
		return POLICY_BIT(MAKE_DIR);
	case S_IFLNK:
		return POLICY_BIT(MAKE_SYM);
	case S_IFSOCK:
		return POLICY_BIT(MAKE_SOCK);
	case S_IFIFO:
		return POLICY_BIT(MAKE_FIFO);
	case S_IFCHR:
		return POLICY_BIT(MAKE_CHAR);
	case S_IFBLK:
		return POLICY_BIT(MAKE_BLOCK);
	default:
		return POLICY_BIT(MAKE_REG);
	}
}

unsigned int policy_remove_bit(mode_t type)
{
	return S_ISDIR(type) ? POLICY_BIT(REMOVE_DIR) : POLICY_BIT(REMOVE_FILE);
}

unsigned int policy_open_bits(unsigned int flags)
{
	unsigned int bits;

	if (flags & OPEN_TO_RUN)
		return POLICY_BIT(EXECUTE) | POLICY_BIT(READ_FILE);
	switch (flags & O_ACCMODE) {
	case O_RDONLY:
		bits = POLICY_BIT(READ_FILE);
		break;
	case O_WRONLY:
		bits = POLICY_BIT(WRITE_FILE);
		break;
	default:
		bits = POLICY_BIT(READ_FILE) | POLICY_BIT(WRITE_FILE);
		break;
	}
	return flags & O_TRUNC ? bits | POLICY_BIT(TRUNCATE) : bits;
}
