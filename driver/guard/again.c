// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Names are looked at by children, one after the other. One that is held up is left behind with its name, and the
 * next one goes on with the name after that; the rest of the limit is spent on waiting for those left behind.
 */
#include "guard/again.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/limited.h"
#include "base/limits.h"

/* What parent and children share. */
struct shared {
	atomic_uint worker; /* the child whose turn it is */
	atomic_size_t at;   /* the name that it looks at, by its place in the text */
	atomic_uint late;   /* children that were left behind, and have done their name meanwhile */
};

struct again {
	int root;
	const char *text; /* the paths */
	size_t size;
	unsigned int number; /* of the child */
	struct shared *shared;
};

/*
 * Make the kernel look at @name of @parent again: a new name is asked for where one is, for which any
 * name that it knows is looked up anew, with the lock of the directory. That nothing is made if there
 * is none any more, the other end sees to: a directory gets no second name.
 */
static void look_again(int parent, const char *name)
{
	if (linkat(parent, ".", parent, name, 0) == 0)
		unlinkat(parent, name, 0); /* no kernel does this */
}

static void look_again_at(int root, const char *path)
{
	const char *slash = strrchr(path, '/');
	_cleanup_free_ char *above = slash ? strndup(path, (size_t)(slash - path)) : NULL;
	_cleanup_fd_ int parent = -1;

	if (!above || !slash[1])
		return;
	parent = lamina_fd_open_beneath(root, *above ? above + 1 : "", O_PATH | O_DIRECTORY);
	if (parent >= 0)
		look_again(parent,
			   slash + 1); /* else it is gone, or something is mounted over it */
}

static const char *after(const char *path)
{
	return path + strlen(path) + 1;
}

/* A child: from the name at `at` on, until all are done, or another child is at it. */
static errint_t work(void *user)
{
	const struct again *a = user;

	for (const char *path = a->text + atomic_load(&a->shared->at); path < a->text + a->size;
	     path = after(path)) {
		atomic_store(&a->shared->at, (size_t)(path - a->text));
		look_again_at(a->root, path);
		if (atomic_load(&a->shared->worker) != a->number) {
			atomic_fetch_add(&a->shared->late, 1);
			return 0;
		}
	}
	return 0;
}

/* Wait for the child as long as it gets on. Returns 0: it has done all; -ETIME: it is held up. */
static errint_t wait_for(const struct again *a, struct lamina_limited *child, long end)
{
	size_t before;
	errint_t err;

	do {
		long left = end - lamina_limited_now();

		before = atomic_load(&a->shared->at);
		err = lamina_limited_wait(child, left < LAMINA_AGAIN_MS ? left : LAMINA_AGAIN_MS);
	} while (err == -ETIME && lamina_limited_now() < end &&
		 atomic_load(&a->shared->at) != before);
	return err;
}

/* Wait for the @n children that were left behind. Returns whether all have done their names. */
static bool wait_for_late(const struct again *a, size_t n, long end)
{
	const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};

	while (atomic_load(&a->shared->late) < n) {
		if (lamina_limited_now() >= end)
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}

/* What was not done, in words. @first: the first name; @n: how many may be meant. */
static errint_t not_all(const char *first, size_t n, struct lamina_error *error)
{
	char more[64] = "";

	if (n > 1)
		snprintf(more, sizeof(more), " and %zu more", n - 1);
	return lamina_error_say(
		error, -ETIMEDOUT,
		"the policy is in force, but a process keeps the kernel from looking "
		"at '%.500s'%s again: what was looked at there before may still be "
		"seen",
		first, more);
}

static size_t count(const char *path, const char *end)
{
	size_t n = 0;

	for (; path < end; path = after(path))
		n++;
	return n;
}

/* Child after child. */
static errint_t look_at_all(struct again *a, long end, struct lamina_error *error)
{
	const char *path = a->text, *text_end = a->text + a->size, *first = NULL;
	const int keep[] = {a->root};
	size_t held_up = 0;
	errint_t err = -ETIME;

	while (err == -ETIME && path < text_end) {
		struct lamina_limited child;

		if (lamina_limited_now() >= end)
			return not_all(first ? first : path, held_up + count(path, text_end),
				       error);
		atomic_store(&a->shared->worker, ++a->number);
		atomic_store(&a->shared->at, (size_t)(path - a->text));
		err = lamina_limited_start(&child, work, a, keep, 1);
		if (err < 0)
			return lamina_error_set(error, err,
						"the policy is in force, but names cannot be taken "
						"back from the kernel");
		err = wait_for(a, &child, end);
		lamina_limited_leave(&child);
		if (err != -ETIME)
			break;
		path = a->text + atomic_load(&a->shared->at);
		first = first ? first : path;
		held_up++;
		path = after(path);
	}
	atomic_store(&a->shared->worker, 0);
	if (err < 0 && err != -ETIME)
		return lamina_error_set(error, err,
					"the policy is in force, but names cannot be taken back "
					"from the kernel");
	return wait_for_late(a, held_up, end) ? 0 : not_all(first, held_up, error);
}

static errint_t read_paths(int fd, char **ret, size_t *ret_size)
{
	off_t size = lseek(fd, 0, SEEK_END);
	_cleanup_free_ char *text = size < 0 ? NULL : malloc((size_t)size + 1);
	ssize_t n;

	if (!text)
		return -ENOMEM;
	n = pread(fd, text, (size_t)size, 0);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	*ret = TAKE_PTR(text);
	*ret_size = (size_t)n;
	return 0;
}

errint_t lamina_again_all(int root, int paths, long end, struct lamina_error *error)
{
	_cleanup_free_ char *text = NULL;
	struct again a = {.root = root};
	errint_t err = read_paths(paths, &text, &a.size);

	a.text = text;
	if (err == 0 && a.size == 0)
		return 0;
	a.shared = err < 0 ? NULL : lamina_limited_alloc(sizeof(*a.shared));
	if (!a.shared)
		return lamina_error_set(error, err < 0 ? err : -ENOMEM,
					"the policy is in force, but names cannot be taken back "
					"from the kernel");
	err = look_at_all(&a, end, error);
	/* What children share that were left behind stays with them. */
	lamina_limited_free(a.shared, sizeof(*a.shared));
	return err;
}
