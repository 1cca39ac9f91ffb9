// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * view [-p] [-o KEY[=VALUE]]... MOUNTPOINT LAYER...
 *
 * Mounts a view without a server, the topmost layer first. Without -o, allow_other and
 * marks=trusted are given; -o default gives nothing. With -p, layers are opened with O_PATH and
 * given by number. Prints what the kernel says of an error.
 */
#include <fcntl.h>
#include <stdbool.h>

#include "view.h"

static void print_log(int fs)
{
	char text[1024];
	ssize_t n;

	while ((n = read(fs, text, sizeof(text) - 1)) > 0) {
		text[n] = '\0';
		fprintf(stderr, "%s", text);
	}
}

static void check(int fs, int result, const char *what)
{
	int saved = errno;

	if (result == 0)
		return;
	print_log(fs);
	errno = saved;
	fail(what);
}

static void set_option(int fs, char *option)
{
	char *value = strchr(option, '=');

	if (!strcmp(option, "default"))
		return;
	if (value) {
		*value++ = '\0';
		check(fs, sys_fsconfig(fs, CFG_SET_STRING, option, value, 0), option);
	} else {
		check(fs, sys_fsconfig(fs, CFG_SET_FLAG, option, NULL, 0), option);
	}
}

static void add_layer(int fs, const char *path, bool by_number)
{
	int fd = open(path, O_CLOEXEC | (by_number ? O_PATH : O_RDONLY));
	char number[16];

	if (fd < 0)
		fail(path);
	snprintf(number, sizeof(number), "%d", fd);
	if (by_number)
		check(fs, sys_fsconfig(fs, CFG_SET_STRING, "root_dir", number, 0), "root_dir");
	else
		check(fs, sys_fsconfig(fs, CFG_SET_FD, "root_dir", NULL, fd), "root_dir");
	close(fd);
}

int main(int argc, char **argv)
{
	bool defaults = true, by_number = false;
	int c, fs = sys_fsopen(fuse_type()), mnt, i;

	if (fs < 0)
		fail("fsopen");
	while ((c = getopt(argc, argv, "po:")) != -1) {
		if (c == 'p') {
			by_number = true;
		} else if (c == 'o') {
			set_option(fs, optarg);
			defaults = false;
		} else {
			return 2;
		}
	}
	if (argc - optind < 1)
		return 2;
	if (defaults) {
		check(fs, sys_fsconfig(fs, CFG_SET_FLAG, "allow_other", NULL, 0), "allow_other");
		check(fs, sys_fsconfig(fs, CFG_SET_STRING, "marks", "trusted", 0), "marks");
	}
	for (i = optind + 1; i < argc; i++)
		add_layer(fs, argv[i], by_number);
	check(fs, sys_fsconfig(fs, CFG_SET_FLAG, "no_daemon", NULL, 0), "no_daemon");
	check(fs, sys_fsconfig(fs, CFG_SET_STRING, "source", "view", 0), "source");
	check(fs, sys_fsconfig(fs, CFG_CREATE, NULL, NULL, 0), "create");
	mnt = sys_fsmount(fs, 0);
	if (mnt < 0)
		fail("fsmount");
	if (sys_move_mount(mnt, argv[optind]))
		fail("move_mount");
	return 0;
}
