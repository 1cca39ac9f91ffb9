// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * refuse ERRNO CALL[,CALL...] COMMAND...: run a command for which the named system calls end with the
 * error, as a sandbox (seccomp) answers calls that it does not know.
 */
#include <err.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Linux 6.13; the numbers are the same everywhere. */
#ifndef SYS_getxattrat
#define SYS_setxattrat	  463
#define SYS_getxattrat	  464
#define SYS_listxattrat	  465
#define SYS_removexattrat 466
#endif

struct word {
	const char *name;
	unsigned int number;
};

#define CALL(name) {#name, SYS_##name}

static const struct word calls[] = {
	CALL(capset),	  CALL(clone3),	       CALL(close_range), CALL(copy_file_range),
	CALL(faccessat2), CALL(fsconfig),      CALL(fsmount),	  CALL(fsopen),
	CALL(getrandom),  CALL(getxattrat),    CALL(listxattrat), CALL(memfd_create),
	CALL(mount),	  CALL(mount_setattr), CALL(move_mount),  CALL(name_to_handle_at),
	CALL(open_tree),  CALL(openat2),       CALL(prctl),	  CALL(removexattrat),
	CALL(renameat2),  CALL(setfsgid),      CALL(setfsuid),	  CALL(setxattrat),
	CALL(statx),	  CALL(unshare),
};

static const struct word errors[] = {{"EPERM", EPERM}, {"ENOSYS", ENOSYS}, {"EACCES", EACCES}};

#define N(table) (sizeof(table) / sizeof((table)[0]))

static unsigned int find(const struct word *table, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(table[i].name, name))
			return table[i].number;
	errx(2, "no such word: %s", name);
}

static struct sock_filter statement(unsigned int code, unsigned int k)
{
	return (struct sock_filter)BPF_STMT((unsigned short)code, k);
}

int main(int argc, char **argv)
{
	struct sock_filter filter[2 * N(calls) + 2];
	struct sock_fprog program = {.filter = filter};
	unsigned int answer;
	char *name, *rest;

	if (argc < 4)
		errx(2, "usage: refuse ERRNO CALL[,CALL...] COMMAND...");
	answer = SECCOMP_RET_ERRNO | find(errors, N(errors), argv[1]);
	filter[program.len++] =
		statement(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (name = strtok_r(argv[2], ",", &rest); name; name = strtok_r(NULL, ",", &rest)) {
		if (program.len + 3u > N(filter))
			errx(2, "too many calls");
		filter[program.len++] = (struct sock_filter)BPF_JUMP(
			BPF_JMP | BPF_JEQ | BPF_K, find(calls, N(calls), name), 0, 1);
		filter[program.len++] = statement(BPF_RET | BPF_K, answer);
	}
	filter[program.len++] = statement(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	/* Without privilege a filter is for those alone that gain none. */
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0 &&
	    (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	     prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0))
		err(2, "seccomp");
	execvp(argv[3], argv + 3);
	err(127, "%s", argv[3]);
}
