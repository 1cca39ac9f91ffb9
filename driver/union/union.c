// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Opening and closing a union. Runs before the mount exists, in one thread.
 */
#include "union/union.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/calls.h"
#include "base/fd.h"
#include "base/limits.h"
#include "union/attr.h"
#include "union/clone.h"
#include "union/index.h"
#include "union/key.h"
#include "union/layer.h"
#include "union/override.h"
#include "union/permit.h"
#include "union/upper.h"
#include "union/whiteout.h"
#include "union/work.h"
#include "union/xattr.h"

#define WORK_DIR  "work"
#define INDEX_DIR "lamina-index"

static errint_t open_layers(struct lamina_union *u, const struct lamina_union_options *o,
			    struct lamina_error *error)
{
	u->layers = calloc(o->n_lowers + 1, sizeof(*u->layers));
	if (!u->layers)
		return lamina_error_set(error, -ENOMEM, "cannot open %zu layers", o->n_lowers);
	if (o->upper) {
		errint_t err =
			lamina_layer_open(&u->layers[0], o->at, o->upper, "upper directory", error);

		if (err < 0)
			return err;
		u->n_layers = 1;
		u->writable = true;
	}
	for (size_t i = 0; i < o->n_lowers; i++) {
		errint_t err = lamina_layer_open(&u->layers[u->n_layers], o->at, o->lowers[i],
						 "lower directory", error);

		if (err < 0)
			return err;
		u->n_layers++;
	}
	return 0;
}

static errint_t check_overlap(const struct lamina_union *u, int work_fd, const char *work,
			      struct lamina_error *error)
{
	_cleanup_free_ struct lamina_root *roots = calloc(u->n_layers + 1, sizeof(*roots));
	size_t n = 0;

	if (!roots)
		return lamina_error_set(error, -ENOMEM, "cannot compare %u layers", u->n_layers);
	for (unsigned int i = 0; i < u->n_layers; i++)
		roots[n++] = (struct lamina_root){
			.fd = u->layers[i].fd,
			.path = u->layers[i].path,
			.what = u->writable && i == 0 ? "upper directory" : "lower directory",
		};
	if (work_fd >= 0)
		roots[n++] = (struct lamina_root){work_fd, work, "work directory"};
	return lamina_layers_check_overlap(roots, n, error);
}

static void number_devices(struct lamina_union *u)
{
	for (unsigned int i = 0; i < u->n_layers; i++) {
		unsigned int same = 0;

		while (u->layers[same].dev != u->layers[i].dev)
			same++;
		u->layers[i].dev_nr = same < i ? u->layers[same].dev_nr : (uint16_t)u->n_devs++;
	}
}

/* A root marked opaque in AUFS' way ends the stack, as any directory so marked would. */
static void find_root_depth(struct lamina_union *u)
{
	while (u->n_root < u->n_layers) {
		int fd = u->layers[u->n_root++].fd;

		if (lamina_call_access(fd, LAMINA_DOT_OPAQUE, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			break;
	}
}

/*
 * Take the lock that says "this upper is mounted". The daemon before us may be about to leave: its
 * mount has gone, it has not.
 */
static errint_t lock_upper(struct lamina_union *u, unsigned int wait_ms, struct lamina_error *error)
{
	const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};
	const char *path = u->layers[0].path;

	u->lock_fd = lamina_fd_open_beneath(u->layers[0].fd, "", O_RDONLY | O_DIRECTORY);
	if (u->lock_fd < 0)
		return lamina_error_set(error, u->lock_fd, "cannot open the upper directory '%s'",
					path);
	for (unsigned int waited = 0; flock(u->lock_fd, LOCK_EX | LOCK_NB) < 0; waited += 10) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return lamina_error_set(error, -errno,
						"cannot lock the upper directory '%s'", path);
		if (waited >= wait_ms)
			return lamina_error_say(
				error, -EBUSY,
				"the upper directory '%s' is mounted already; unmount it "
				"first, or use another one",
				path);
		nanosleep(&pause, NULL);
	}
	return 0;
}

static errint_t check_same_mount(const struct lamina_union *u, int work_fd, const char *work,
				 struct lamina_error *error)
{
	errint_t upper = lamina_call_mount_id(u->layers[0].fd),
		 other = lamina_call_mount_id(work_fd);
	struct stat upper_st, other_st;

	if (upper < 0 || other < 0)
		return lamina_error_set(error, upper < 0 ? upper : other,
					"cannot find out which mount the work directory '%s' is on",
					work);
	if (fstat(u->layers[0].fd, &upper_st) < 0 || fstat(work_fd, &other_st) < 0)
		return lamina_error_set(error, -errno, "cannot stat the work directory '%s'", work);
	if (upper_st.st_dev == other_st.st_dev && upper == other)
		return 0;
	return lamina_error_say(
		error, -EXDEV,
		"the work directory '%s' must be on the same mounted file system as the "
		"upper directory '%s'",
		work, u->layers[0].path);
}

static errint_t open_work(struct lamina_union *u, int work_fd, const char *work,
			  struct lamina_error *error)
{
	errint_t err;

	u->work_fd = lamina_work_open_dir(work_fd, WORK_DIR);
	if (u->work_fd < 0)
		return lamina_error_set(error, u->work_fd, "cannot use the work directory '%s/%s'",
					work, WORK_DIR);
	u->index_fd = lamina_work_open_dir(work_fd, INDEX_DIR);
	if (u->index_fd < 0)
		return lamina_error_set(error, u->index_fd,
					"cannot use the index directory '%s/%s'", work, INDEX_DIR);
	err = lamina_permits_recover(u);
	if (err < 0)
		return lamina_error_set(
			error, err, "cannot restore what '%s/%s' says of a daemon that was killed",
			work, WORK_DIR);
	err = lamina_work_clear(u->work_fd);
	if (err < 0)
		return lamina_error_set(error, err, "cannot clear the work directory '%s/%s'", work,
					WORK_DIR);
	return 0;
}

/* Owner and mode are to be kept in attributes: say so at the upper's root, as others expect. */
static errint_t set_override(struct lamina_union *u, unsigned int permissions,
			     struct lamina_error *error)
{
	struct lamina_layer *upper = &u->layers[0];
	struct statx st;
	errint_t err;

	if (permissions == 0 || upper->override != LAMINA_OVERRIDE_NONE)
		return 0;
	err = lamina_attr_read_fd(u, 0, upper->fd, &st);
	upper->override = permissions == 1 ? LAMINA_OVERRIDE_SECURITY : LAMINA_OVERRIDE_CONTAINERS;
	if (err == 0)
		err = lamina_attr_imprint(u, upper->fd, &st);
	if (err < 0)
		return lamina_error_set(error, err,
					"cannot keep permissions in attributes of '%s' "
					"(xattr_permissions=%u)",
					upper->path, permissions);
	return 0;
}

static errint_t refuse_upper(const struct lamina_union *u, errint_t err, struct lamina_error *error)
{
	const char *path = u->layers[0].path;

	if (err != -EOPNOTSUPP)
		return lamina_error_set(error, err, "cannot mark the upper directory '%s'", path);
	return lamina_error_say(
		error, err,
		"cannot record deleted names in the upper directory '%s': its file "
		"system refuses device 0:0, names '.wh.NAME' and attributes "
		"'overlay.whiteout'; use a directory of another file system, such as "
		"a volume of the container",
		path);
}

static errint_t open_upper(struct lamina_union *u, const struct lamina_union_options *o,
			   int work_fd, struct lamina_error *error)
{
	errint_t err = lamina_call_access(u->layers[0].fd, ".", W_OK, AT_EACCESS);

	if (err < 0)
		return lamina_error_set(error, err, "cannot write to the upper directory '%s'",
					o->upper);
	err = check_same_mount(u, work_fd, o->work, error);
	if (err == 0)
		err = lock_upper(u, o->lock_wait_ms ? o->lock_wait_ms : LAMINA_LOCK_WAIT_MS, error);
	if (err == 0 && lamina_permits_init(u) < 0)
		err = lamina_error_set(error, -ENOMEM, "cannot open the upper");
	if (err == 0)
		err = open_work(u, work_fd, o->work, error);
	if (err < 0)
		return err;
	err = lamina_keys_choose(u, error);
	if (err < 0)
		return err;
	u->durable = !o->volatile_;
	u->atime = o->atime;
	u->noatime = o->atime == MOUNT_ATTR_NOATIME ? O_NOATIME : 0;
	err = lamina_upper_probe(u, o->dot_whiteouts);
	if (err < 0)
		return refuse_upper(u, err, error);
	err = set_override(u, o->xattr_permissions, error);
	if (err < 0)
		return err;
	err = lamina_union_recover(u);
	return err < 0 ? lamina_error_set(error, err, "cannot read the index directory '%s/%s'",
					  o->work, INDEX_DIR)
		       : 0;
}

static errint_t check_options(const struct lamina_union_options *o, struct lamina_error *error)
{
	if (o->n_lowers == 0)
		lamina_error_set(error, 0,
				 "no lower directory given: use -o lowerdir=DIR[:DIR...]");
	else if (o->n_lowers > LAMINA_MAX_LOWERS)
		lamina_error_set(error, 0, "%zu lower directories given, at most %d are possible",
				 o->n_lowers, LAMINA_MAX_LOWERS);
	else if (o->upper && !o->work)
		lamina_error_set(error, 0, "upperdir=%s needs a work directory: use -o workdir=DIR",
				 o->upper);
	else
		return 0;
	return -EINVAL;
}

static errint_t open_union(struct lamina_union *u, const struct lamina_union_options *o,
			   struct lamina_error *error)
{
	_cleanup_fd_ int work_fd = -1;
	errint_t err = check_options(o, error);

	if (err == 0)
		err = open_layers(u, o, error);
	if (err == 0 && u->writable) {
		work_fd = openat(o->at, o->work, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (work_fd < 0)
			err = lamina_error_set(error, -errno, "cannot open the work directory '%s'",
					       o->work);
	}
	if (err == 0)
		err = check_overlap(u, work_fd, o->work, error);
	if (err < 0)
		return err;
	number_devices(u);
	find_root_depth(u);
	err = lamina_call_random(u->hash_key, sizeof(u->hash_key));
	if (err < 0)
		return lamina_error_set(
			error, err,
			"getrandom(2) is refused here, and /dev/urandom cannot be read instead");
	err = u->writable ? open_upper(u, o, work_fd, error) : lamina_keys_choose(u, error);
	if (err == 0 && !o->keep_mounts)
		lamina_union_make_private(u);
	return err;
}

errint_t lamina_union_open(struct lamina_union *ret, const struct lamina_union_options *options,
			   struct lamina_error *error)
{
	struct lamina_union u = {.lock_fd = -1, .work_fd = -1, .index_fd = -1};
	errint_t err = open_union(&u, options, error);

	if (err < 0) {
		lamina_union_close(&u);
		return err;
	}
	*ret = u;
	return 0;
}

errint_t lamina_union_recover(struct lamina_union *u)
{
	errint_t empty, err = lamina_permits_recover(u);

	if (err == 0)
		err = lamina_work_clear(u->work_fd);
	if (err < 0)
		return err;
	empty = lamina_fd_dir_is_empty(u->index_fd);
	if (empty < 0)
		return empty;
	atomic_store(&u->index_used, !empty);
	return empty ? 0 : lamina_index_recover(u);
}

void lamina_union_make_private(struct lamina_union *u)
{
	for (unsigned int i = u->writable ? 1 : 0; i < u->n_layers; i++)
		lamina_clone_lower(&u->layers[i]);
	if (u->writable)
		lamina_clone_upper(u);
}

void lamina_union_close(struct lamina_union *u)
{
	for (unsigned int i = 0; i < u->n_layers; i++)
		lamina_layer_close(&u->layers[i]);
	lamina_permits_done(u);
	free(u->layers);
	u->layers = NULL;
	u->n_layers = 0;
	lamina_cleanup_fd(&u->index_fd);
	lamina_cleanup_fd(&u->work_fd);
	lamina_cleanup_fd(&u->lock_fd);
}
