// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tables of words. The order of the access words is the order of the bits.
 */
#include "policy/access.h"

#include <errno.h>
#include <string.h>

static const char *const accesses[LAMINA_POLICY_BITS] = {
	[LAMINA_ACCESS_SEE] = "see",
	[LAMINA_ACCESS_READ_FILE] = "read_file",
	[LAMINA_ACCESS_WRITE_FILE] = "write_file",
	[LAMINA_ACCESS_EXECUTE] = "execute",
	[LAMINA_ACCESS_READ_DIR] = "read_dir",
	[LAMINA_ACCESS_MAKE_DIR] = "make_dir",
	[LAMINA_ACCESS_MAKE_REG] = "make_reg",
	[LAMINA_ACCESS_MAKE_SYM] = "make_sym",
	[LAMINA_ACCESS_MAKE_SOCK] = "make_sock",
	[LAMINA_ACCESS_MAKE_FIFO] = "make_fifo",
	[LAMINA_ACCESS_MAKE_CHAR] = "make_char",
	[LAMINA_ACCESS_MAKE_BLOCK] = "make_block",
	[LAMINA_ACCESS_REMOVE_DIR] = "remove_dir",
	[LAMINA_ACCESS_REMOVE_FILE] = "remove_file",
	[LAMINA_ACCESS_TRUNCATE] = "truncate",
	[LAMINA_ACCESS_REFER] = "refer",
	[LAMINA_ACCESS_CHMOD] = "chmod",
	[LAMINA_ACCESS_CHOWN] = "chown",
	[LAMINA_ACCESS_XATTR] = "xattr",
};

static const char *const actions[] = {
	[LAMINA_ACTION_ALLOW] = "ALLOW", [LAMINA_ACTION_LOG] = "LOG",
	[LAMINA_ACTION_DRY] = "DRY-RUN", [LAMINA_ACTION_ERRNO] = "ERRNO",
	[LAMINA_ACTION_HIDE] = "HIDE",
};

/* What a refusal may look like: errors that programs expect of a file system. */
static const struct {
	const char *name;
	unsigned int number;
} errors[] = {
	{"EACCES", EACCES}, {"EPERM", EPERM},	{"ENOENT", ENOENT},	    {"EROFS", EROFS},
	{"EIO", EIO},	    {"ENXIO", ENXIO},	{"ENODEV", ENODEV},	    {"EBUSY", EBUSY},
	{"ENOSPC", ENOSPC}, {"EDQUOT", EDQUOT}, {"EOPNOTSUPP", EOPNOTSUPP}, {"ETXTBSY", ETXTBSY},
};

#define N_ERRORS (sizeof(errors) / sizeof(errors[0]))

const char *lamina_access_name(unsigned int access)
{
	return access < LAMINA_POLICY_BITS ? accesses[access] : "?";
}

unsigned int lamina_access_find(const char *word)
{
	unsigned int i;

	for (i = LAMINA_ACCESS_SEE + 1; i < LAMINA_POLICY_BITS; i++)
		if (!strcmp(accesses[i], word))
			break;
	return i;
}

const char *lamina_action_name(unsigned int action)
{
	return action >= LAMINA_ACTION_ALLOW && action <= LAMINA_ACTION_HIDE ? actions[action]
									     : "?";
}

unsigned int lamina_policy_errno_find(const char *name)
{
	for (size_t i = 0; i < N_ERRORS; i++)
		if (!strcmp(errors[i].name, name))
			return errors[i].number;
	return 0;
}

const char *lamina_policy_errno_name(unsigned int number)
{
	for (size_t i = 0; i < N_ERRORS; i++)
		if (errors[i].number == number)
			return errors[i].name;
	return NULL;
}
