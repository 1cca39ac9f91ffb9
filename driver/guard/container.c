// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Looking for containers. Functions that look in one place return 1, 0 (not there) or -errno.
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
#include "base/text.h"
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

/* ---- what a name can mean ---- */

#define MATCHES_MAX 8

/* Containers that can be meant, each once. More than there is room for are as ambiguous as these. */
struct matches {
	struct lamina_container list[MATCHES_MAX];
	dev_t devs[MATCHES_MAX]; /* of the mounts; 0: the label alone tells it apart */
	size_t n;
};

static void matches_done(struct matches *m)
{
	for (size_t i = 0; i < m->n; i++)
		lamina_container_done(&m->list[i]);
	m->n = 0;
}

static errint_t matches_add(struct matches *m, const char *mount, const char *label, dev_t dev)
{
	errint_t err;

	for (size_t i = 0; i < m->n; i++)
		if (!strcmp(m->list[i].label, label) && (!dev || !m->devs[i] || m->devs[i] == dev))
			return 0;
	if (m->n == MATCHES_MAX)
		return 0;
	err = found(mount, label, &m->list[m->n]);
	if (err > 0)
		m->devs[m->n++] = dev;
	return err;
}

/* The only match, if there is one. */
static errint_t matches_only(struct matches *m, const char *name, struct lamina_container *ret,
			     struct lamina_error *error)
{
	_cleanup_text_ struct lamina_text list = {0};

	if (m->n == 0)
		return 0;
	if (m->n == 1) {
		*ret = m->list[0];
		m->n = 0;
		return 1;
	}
	for (size_t i = 0; i < m->n; i++)
		lamina_text_print(&list, "%s'%.128s' on '%.128s'", i ? ", " : "", m->list[i].label,
				  m->list[i].mount);
	return lamina_error_say(
		error, -ENOTUNIQ,
		"'%.64s' can be more than one container: %s; give the whole name or the path "
		"of the mount",
		name, list.broken ? "" : list.bytes);
}

static bool is_cut(const char *name, const char *id)
{
	size_t n = strlen(name);

	return !strncmp(name, id, n) && id[n];
}

/* Ids may be cut off, to what is still improbable as the beginning of two. */
#define ID_MIN 6

static bool is_beginning(const char *name, const char *label)
{
	return strlen(name) >= ID_MIN && is_cut(name, label);
}

/* What @name can mean: labels that are it, and ids that begin with it. */
struct meaning {
	const char *name;
	struct matches whole, cut;
};

static void meaning_done(struct meaning *m)
{
	matches_done(&m->whole);
	matches_done(&m->cut);
}

static errint_t add_labels(struct meaning *m, const char *mount, int root,
			   const struct lamina_bundle *bundle)
{
	struct stat st;
	errint_t err = fstat(root, &st) < 0 ? -errno : 0;

	for (size_t i = 0; err >= 0 && i < bundle->sources.n; i++) {
		const char *label = bundle->sources.list[i].label;

		if (*label && !strcmp(m->name, label))
			err = matches_add(&m->whole, mount, label, st.st_dev);
		else if (is_beginning(m->name, label))
			err = matches_add(&m->cut, mount, label, st.st_dev);
	}
	return err;
}

/* The labels on all mounts: the first one that matches may be another container's. */
static errint_t look_at_labels(struct meaning *m)
{
	struct lamina_error ignored = {""};
	char **mounts;
	errint_t err = lamina_container_mounts(&mounts, &ignored);

	if (err < 0)
		return err;
	for (size_t i = 0; err >= 0 && mounts[i]; i++) {
		_cleanup_fd_ int root = lamina_client_open(mounts[i], &ignored);
		struct lamina_bundle bundle = {0};

		if (root < 0 || lamina_client_show(root, &bundle, &ignored) <= 0)
			continue;
		err = add_labels(m, mounts[i], root, &bundle);
		lamina_bundle_done(&bundle);
	}
	lamina_container_mounts_free(mounts);
	return err < 0 ? err : 0;
}

/* An id of containerd's is unique within one of its namespaces only. */
static errint_t add_containerd(struct matches *m, const char *name)
{
	_cleanup_free_ char *pattern = NULL;
	glob_t paths;
	errint_t err = 0;

	if (!*name || strpbrk(name, "*?[\\"))
		return 0;
	if (asprintf(&pattern, "/run/containerd/io.containerd.runtime.v2.task/*/%s/rootfs", name) <
	    0)
		return -ENOMEM;
	if (glob(pattern, GLOB_NOSORT, NULL, &paths) == 0) {
		for (size_t i = 0; err >= 0 && i < paths.gl_pathc; i++) {
			struct stat st;

			if (stat(paths.gl_pathv[i], &st) == 0)
				err = matches_add(m, paths.gl_pathv[i], name, st.st_dev);
		}
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

static errint_t ask_podman_for(const char *name, struct lamina_container *ret)
{
	char answer[8192];
	errint_t err = ask_podman(name, answer, sizeof(answer));

	return err > 0 ? lamina_container_parse(answer, ret) : err;
}

/*
 * What podman calls @m->name. By the beginning of an id podman finds one only if it is the only one of its own: that it
 * finds none, but the id that was found otherwise, says that there are others.
 */
static errint_t add_podman(struct meaning *m, struct lamina_error *error)
{
	struct lamina_container container = {0}, other = {0};
	errint_t err = ask_podman_for(m->name, &container);

	if (err > 0)
		err = matches_add(is_cut(m->name, container.label) ? &m->cut : &m->whole,
				  container.mount, container.label, 0);
	else if (err == 0 && m->cut.n == 1 && ask_podman_for(m->cut.list[0].label, &other) > 0)
		err = lamina_error_say(
			error, -ENOTUNIQ,
			"'%.64s' can be more than one container of podman, '%.128s' among "
			"them; give more of its id",
			m->name, m->cut.list[0].label);
	lamina_container_done(&container);
	lamina_container_done(&other);
	return err;
}

/* A directory here, which people write without a slash; containers of the name come first. */
static errint_t find_directory(const char *name, struct lamina_container *ret)
{
	struct stat st;

	if (stat(name, &st) < 0 || !S_ISDIR(st.st_mode))
		return 0;
	return found(name, "", ret);
}

/* A container: one that is called so, wherever it is found, before one whose id begins so. */
static errint_t find_container(const char *name, struct lamina_container *ret,
			       struct lamina_error *error)
{
	_cleanup_(meaning_done) struct meaning m = {.name = name};
	errint_t err = look_at_labels(&m);

	if (err >= 0 && m.whole.n == 0)
		err = add_containerd(&m.whole, name);
	if (err >= 0 && m.whole.n == 0)
		err = add_podman(&m, error);
	if (err < 0)
		return err;
	return matches_only(m.whole.n ? &m.whole : &m.cut, name, ret, error);
}

errint_t lamina_container_find(const char *name, struct lamina_container *ret,
			       struct lamina_error *error)
{
	struct lamina_error cause = {""};
	errint_t err = find_path(name, ret);

	if (err == 0)
		err = find_container(name, ret, &cause);
	if (err == 0)
		err = find_directory(name, ret);
	if (err < 0 && cause.text[0])
		return lamina_error_say(error, err, "%s", cause.text);
	if (err < 0)
		return lamina_error_set(error, err, "cannot look for '%s'", name);
	if (err == 0)
		return lamina_error_say(error, -ENOENT,
					"'%s' is neither the path of a mount nor a container that "
					"is mounted",
					name);
	return 0;
}
