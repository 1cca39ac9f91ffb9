// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Looking for containers. Each place where one can be found is one function, which returns 1, 0 (not
 * there) or -errno.
 */
#include "guard/container.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/limits.h"
#include "guard/client.h"
#include "mount/table.h"

void lamina_container_done(struct lamina_container *container)
{
	free(container->mount);
	free(container->label);
	*container = (struct lamina_container){0};
}

static errint_t found(const char *mount, const char *label, struct lamina_container *ret)
{
	struct lamina_container container = {strdup(mount), strdup(label)};

	if (!container.mount || !container.label) {
		lamina_container_done(&container);
		return -ENOMEM;
	}
	*ret = container;
	return 1;
}

/* ---- mounts ---- */

void lamina_container_mounts_free(char **mounts)
{
	for (size_t i = 0; mounts && mounts[i]; i++)
		free(mounts[i]);
	free(mounts);
}

struct mounts {
	char **paths; /* ends with NULL */
	size_t n;
	errint_t err;
};

static errint_t add_mount(struct mounts *mounts, const char *path)
{
	char **more = reallocarray(mounts->paths, mounts->n + 2, sizeof(*more));

	if (!more)
		return -ENOMEM;
	mounts->paths = more;
	more[mounts->n] = strdup(path);
	if (!more[mounts->n])
		return -ENOMEM;
	more[++mounts->n] = NULL;
	return 0;
}

/* One that another user serves would answer when it likes. */
static bool is_strangers(const struct lamina_table_entry *entry)
{
	return entry->owner != LAMINA_TABLE_NO_OWNER && entry->owner != geteuid();
}

static bool add_if_ours(void *user, const struct lamina_table_entry *entry)
{
	struct mounts *mounts = user;

	if (lamina_table_is_ours(entry) && !is_strangers(entry))
		mounts->err = add_mount(mounts, entry->target);
	return mounts->err == 0;
}

errint_t lamina_container_mounts(char ***ret, struct lamina_error *error)
{
	struct mounts mounts = {.paths = calloc(1, sizeof(char *))};
	errint_t err = mounts.paths ? 0 : -ENOMEM;

	if (err == 0)
		err = lamina_table_each(LAMINA_TABLE_SELF, add_if_ours, &mounts);
	if (err == 0)
		err = mounts.err;
	if (err < 0) {
		lamina_container_mounts_free(mounts.paths);
		return lamina_error_set(error, err, "cannot list the mounts");
	}
	*ret = mounts.paths;
	return 0;
}

/* ---- where a container can be found ---- */

static errint_t find_path(const char *name, struct lamina_container *ret)
{
	if (!strchr(name, '/'))
		return 0;
	return found(name, "", ret);
}

/* Whether @label is what is meant by @name: ids may be cut off. */
static bool means(const char *name, const char *label)
{
	size_t n = strlen(name);

	return n > 0 && !strncmp(name, label, n) && (!label[n] || n >= 6);
}

/* The label of @bundle that is meant by @name, or NULL. */
static const char *label_of(const struct lamina_bundle *bundle, const char *name)
{
	for (size_t i = 0; i < bundle->sources.n; i++)
		if (means(name, bundle->sources.list[i].label))
			return bundle->sources.list[i].label;
	return NULL;
}

static errint_t find_label(const char *name, struct lamina_container *ret)
{
	struct lamina_error ignored = {""};
	char **mounts;
	errint_t err = lamina_container_mounts(&mounts, &ignored);

	for (size_t i = 0; err == 0 && mounts[i]; i++) {
		_cleanup_fd_ int root = lamina_client_open(mounts[i], &ignored);
		struct lamina_bundle bundle = {0};
		const char *label;

		if (root < 0 || lamina_client_show(root, &bundle, &ignored) <= 0)
			continue;
		label = label_of(&bundle, name);
		if (label)
			err = found(mounts[i], label, ret);
		lamina_bundle_done(&bundle);
	}
	if (err >= 0)
		lamina_container_mounts_free(mounts);
	return err;
}

static errint_t find_containerd(const char *name, struct lamina_container *ret)
{
	_cleanup_free_ char *pattern = NULL;
	glob_t paths;
	errint_t err = 0;

	if (strpbrk(name, "*?[\\"))
		return 0;
	if (asprintf(&pattern, "/run/containerd/io.containerd.runtime.v2.task/*/%s/rootfs", name) <
	    0)
		return -ENOMEM;
	if (glob(pattern, GLOB_NOSORT, NULL, &paths) == 0) {
		if (paths.gl_pathc == 1)
			err = found(paths.gl_pathv[0], name, ret);
		globfree(&paths);
	}
	return err;
}

/* What podman answers: "ID MOUNTPOINT". Returns its length, or -errno. */
static errint_t ask_podman(const char *name, char *answer, size_t size)
{
	static const char script[] =
		"exec ${LAMINA_PODMAN:-podman} container inspect "
		"--format '{{.ID}} {{.GraphDriver.Data.MergedDir}}' -- \"$1\" 2>/dev/null";
	_cleanup_fd_ int ours = -1, theirs = -1;
	size_t n = 0;
	ssize_t more = 0;
	int ends[2], status;
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	ours = ends[0];
	theirs = ends[1];
	child = fork();
	if (child < 0)
		return -errno;
	if (child == 0) {
		dup2(theirs, STDOUT_FILENO);
		execl("/bin/sh", "sh", "-c", script, "sh", name, NULL);
		_exit(127);
	}
	lamina_cleanup_fd(&theirs);
	while (n < size - 1 && (more = read(ours, answer + n, size - 1 - n)) > 0)
		n += (size_t)more;
	answer[n] = '\0';
	/* What says more than an answer can be is not waited for: it would wait for a reader. */
	lamina_cleanup_fd(&ours);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return more < 0 ? -EIO : (errint_t)n;
}

errint_t lamina_container_parse(char *answer, struct lamina_container *ret)
{
	char *mount;

	answer[strcspn(answer, "\n")] = '\0';
	mount = strchr(answer, ' ');
	if (!mount || mount[1] != '/')
		return 0;
	*mount++ = '\0';
	if (strlen(answer) > LAMINA_LABEL_MAX)
		return 0;
	return found(mount, answer, ret);
}

static errint_t find_podman(const char *name, struct lamina_container *ret)
{
	char answer[8192];
	errint_t err = ask_podman(name, answer, sizeof(answer));

	return err > 0 ? lamina_container_parse(answer, ret) : err;
}

/* A directory here, which people write without a slash; containers of the name come first. */
static errint_t find_directory(const char *name, struct lamina_container *ret)
{
	struct stat st;

	if (stat(name, &st) < 0 || !S_ISDIR(st.st_mode))
		return 0;
	return found(name, "", ret);
}

errint_t lamina_container_find(const char *name, struct lamina_container *ret,
			       struct lamina_error *error)
{
	static errint_t (*const places[])(const char *name, struct lamina_container *ret) = {
		find_path, find_label, find_containerd, find_podman, find_directory,
	};
	errint_t err = 0;

	for (size_t i = 0; err == 0 && i < sizeof(places) / sizeof(places[0]); i++)
		err = places[i](name, ret);
	if (err < 0)
		return lamina_error_set(error, err, "cannot look for '%s'", name);
	if (err == 0)
		return lamina_error_say(error, -ENOENT,
					"'%s' is neither the path of a mount nor a container that "
					"is mounted",
					name);
	return 0;
}
