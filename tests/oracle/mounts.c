// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Mounting the two sides. overlayfs runs with index and redirect_dir, because Lamina keeps hard
 * links and renames directories as well.
 */
#include "oracle.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define OPTIONS_SIZE 4096

static void make_dirs(const char *side)
{
	static const char *const subdirs[] = {"upper", "work", "mnt"};
	char path[64];

	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", side, subdirs[i]);
		if (mkdir(path, 0755) < 0 && errno != EEXIST)
			err(2, "mkdir %s", path);
	}
}

static void lower_list(const struct scene *s, const char *side, char *list, size_t size)
{
	*list = '\0';
	for (int i = (int)s->n_layers - 1; i >= 0; i--)
		snprintf(list + strlen(list), size - strlen(list), "%s%s/%d", *list ? ":" : "",
			 side, i);
}

static int open_root(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		err(2, "open %s", path);
	return fd;
}

static void mount_kernel(const struct scene *s, const char *upper_side, const char *layers_side,
			 const char *target)
{
	char list[1024], options[OPTIONS_SIZE];

	lower_list(s, layers_side, list, sizeof(list));
	snprintf(options, sizeof(options),
		 "lowerdir=%s,upperdir=%s/upper,workdir=%s/work,index=on,redirect_dir=on,"
		 "metacopy=off",
		 list, upper_side, upper_side);
	if (mount("overlay", target, "overlay", s->noatime ? MS_NOATIME : MS_RELATIME, options) < 0)
		err(2, "mount overlay (%s)", options);
}

static void mount_ours(const struct scene *s)
{
	char list[1024], options[OPTIONS_SIZE];
	int status;
	pid_t child;

	lower_list(s, "ours", list, sizeof(list));
	snprintf(options, sizeof(options),
		 "lowerdir=%s,upperdir=ours/upper,workdir=ours/work,volatile,dev,%s,engine=%s",
		 list, s->noatime ? "noatime" : "relatime", s->settings->engine);
	child = fork();
	if (child == 0) {
		/* Engine bpf reads that form, and never writes it. */
		if (s->form == FORM_DOT && strcmp(s->settings->engine, "bpf") != 0)
			setenv("FUSE_OVERLAYFS_DISABLE_OVL_WHITEOUT", "1", 1);
		execl(s->settings->mount_program, s->settings->mount_program, "-o", options,
		      "ours/mnt", NULL);
		err(127, "%s", s->settings->mount_program);
	}
	if (waitpid(child, &status, 0) < 0 || status != 0)
		errx(2, "%s -o %s: status %d", s->settings->mount_program, options, status);
}

void mounts_up(struct scene *s)
{
	make_dirs("kernel");
	make_dirs("ours");
	mount_kernel(s, "kernel", "kernel", "kernel/mnt");
	mount_ours(s);
	s->mounts = (struct pair){open_root("kernel/mnt"), open_root("ours/mnt")};
}

void mounts_down(struct scene *s)
{
	close(s->mounts.kernel);
	close(s->mounts.ours);
	if (umount2("kernel/mnt", 0) < 0)
		err(2, "umount kernel/mnt");
	if (umount2("ours/mnt", 0) < 0)
		err(2, "umount ours/mnt");
}

int mounts_up_cross(struct scene *s)
{
	char list[1024], options[OPTIONS_SIZE];

	/* Without the index: it is each driver's own. */
	lower_list(s, "ours", list, sizeof(list));
	snprintf(options, sizeof(options),
		 "lowerdir=%s,upperdir=ours/upper,workdir=ours/work,index=off,redirect_dir=on,"
		 "metacopy=off",
		 list);
	if (mount("overlay", "kernel/mnt", "overlay", 0, options) < 0)
		err(2, "mount overlay over our upper (%s)", options);
	return open_root("kernel/mnt");
}

void mounts_down_cross(struct scene *s, int root)
{
	(void)s;
	close(root);
	if (umount2("kernel/mnt", 0) < 0)
		err(2, "umount kernel/mnt");
}
