// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Opening paths in the upper and in the layers. No locks and no state.
 */
#include "upcall/place.h"

#include <errno.h>
#include <fcntl.h>

#include "base/fd.h"

errint_t upper_dir_open(const struct lamina_union *u, const char *path, struct upper_dir *ret)
{
	errint_t marked, fd = lamina_fd_open_beneath(u->layers[0].fd, path, O_PATH | O_DIRECTORY);

	if (fd < 0)
		return fd;
	marked = lamina_origin_parent_marked(u, fd);
	if (marked < 0) {
		close(fd);
		return marked;
	}
	ret->part = (struct lamina_part){
		.flags = marked ? LAMINA_PART_IMPURE : 0,
		.fd = fd,
		.path = path,
	};
	ret->dir = (struct lamina_dir){.u = u, .n = 1, .parts = &ret->part};
	return 0;
}

/* Errors that say that a layer has no such path: a name is missing, or is no directory there. */
static bool is_missing(errint_t err)
{
	return err == -ENOENT || err == -ENOTDIR || err == -ENAMETOOLONG || err == -ELOOP;
}

static errint_t open_topmost(const struct lamina_union *u, const char *path, unsigned int first,
			     unsigned int *ret_layer)
{
	for (unsigned int i = first; i < u->n_layers; i++) {
		errint_t fd = lamina_fd_open_beneath(u->layers[i].fd, path, O_PATH | O_NOFOLLOW);

		if (is_missing(fd))
			continue;
		*ret_layer = i;
		return fd;
	}
	return -ENOENT;
}

static errint_t describe(const struct lamina_union *u, struct lower_object *o)
{
	struct lamina_source *s = &o->source;
	errint_t err = lamina_attr_read_fd(u, s->layer, s->fd, &s->st);

	if (err < 0)
		return err;
	s->ino = lamina_attr_ino(u, s->layer, lamina_statx_dev(&s->st), s->st.stx_ino);
	if (S_ISDIR(s->st.stx_mode) || s->st.stx_nlink <= 1)
		return 0;
	err = lamina_key_of(u, s->layer, s->fd, "", &s->st, o->key);
	if (err == 0 && o->key[0])
		s->lower_nlink = s->st.stx_nlink;
	return err;
}

errint_t lower_object_find(const struct lamina_union *u, const char *path, unsigned int first,
			   struct lower_object *ret)
{
	unsigned int layer = 0;
	errint_t err, fd = open_topmost(u, path, first > 0 ? first : 1, &layer);

	if (fd < 0)
		return fd;
	*ret = (struct lower_object){.source = {.layer = layer, .fd = fd, .data_fd = -1}};
	err = describe(u, ret);
	ret->source.key = ret->key;
	if (err < 0)
		lower_object_done(ret);
	return err;
}
