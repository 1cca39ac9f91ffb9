// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Lookup: down the stack, top first, until a whiteout, an opaque directory or a plain object ends
 * the search. A search follows overlayfs' redirects: below a redirected directory the layers are
 * searched under another name or at another path. No locks.
 */
#include "union/lookup.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "union/flags.h"
#include "union/permit.h"
#include "union/whiteout.h"
#include "union/xattr.h"

/* With more parts than this, a part's fd is closed as soon as it was asked. */
#define KEEP_OPEN_MAX 16

struct search {
	struct lamina_dir *dir;
	unsigned int next;  /* part of `dir`; with a path: layer */
	unsigned int above; /* parts from here to the hit may hold a `.wh.` name that hides it */
	const char *name;   /* to look for in the parts */
	char *moved;	    /* owned: a redirect's name or absolute path, which replaced `name` */
};

struct place {
	unsigned int layer;
	unsigned int part;
	int dirfd;
	bool owned; /* the fd was opened for this place alone */
	bool xwhiteouts;
	const char *name;
};

static bool is_absolute(const struct search *s)
{
	return s->moved && s->moved[0] == '/';
}

static void leave(struct search *s, struct place *p)
{
	if (p->owned)
		lamina_cleanup_fd(&p->dirfd);
	else if (s->dir->n > KEEP_OPEN_MAX && p->part != 0)
		lamina_dir_close(s->dir, p->part);
	p->owned = false;
}

static errint_t enter_path(struct search *s, struct place *p)
{
	const struct lamina_union *u = s->dir->u;
	const char *base = strrchr(s->moved, '/') + 1;
	_cleanup_free_ char *parent = strndup(s->moved + 1, (size_t)(base - s->moved - 1));
	size_t length;
	errint_t fd;

	if (!parent)
		return -ENOMEM;
	length = strlen(parent);
	if (length > 0)
		parent[length - 1] = '\0';
	fd = lamina_permit_open(u, s->next, parent, O_PATH | O_DIRECTORY);
	if (fd < 0)
		return fd;
	*p = (struct place){.layer = s->next, .dirfd = fd, .owned = true, .name = base};
	return 0;
}

/* Go to the next place. Returns 1, 0 when there is none, or -errno. */
static errint_t next_place(struct search *s, struct place *p)
{
	const struct lamina_union *u = s->dir->u;
	errint_t err;

	while (is_absolute(s)) {
		if (s->next >= u->n_layers)
			return 0;
		err = enter_path(s, p);
		s->next++;
		if (err == -ENOENT || err == -ENOTDIR)
			continue;
		return err < 0 ? err : 1;
	}
	if (s->next >= s->dir->n)
		return 0;
	err = lamina_dir_fd(s->dir, s->next);
	if (err < 0)
		return err;
	*p = (struct place){
		.layer = s->dir->parts[s->next].layer,
		.part = s->next,
		.dirfd = err,
		.xwhiteouts = lamina_dir_xwhiteouts(s->dir, s->next),
		.name = s->moved ? s->moved : s->name,
	};
	s->next++;
	return 1;
}

static bool is_last(const struct search *s)
{
	return s->next >= (is_absolute(s) ? s->dir->u->n_layers : s->dir->n);
}

/* Does a `.wh.` name between the last hit and @p hide what lies at @p? Returns 1, 0 or -errno. */
static errint_t hidden_above(struct search *s, const struct place *p)
{
	if (is_absolute(s))
		return 0;
	for (unsigned int i = s->above; i < p->part; i++) {
		errint_t fd = lamina_dir_fd(s->dir, i);
		errint_t found = fd < 0 ? fd : lamina_whiteout_dot_exists(fd, p->name);

		if (s->dir->n > KEEP_OPEN_MAX && i != 0)
			lamina_dir_close(s->dir, i);
		if (found != 0)
			return found;
	}
	return 0;
}

/* From now on the search goes on at @redirect, which it takes over. */
static void follow(struct search *s, const struct place *p, char *redirect)
{
	bool was_absolute = is_absolute(s);

	free(s->moved);
	s->moved = redirect;
	if (is_absolute(s) && !was_absolute)
		s->next = p->layer + 1u;
}

/* What the lookup goes through while it finds the next place that has the name. */
static errint_t next_hit(struct search *s, struct place *p, struct statx *st)
{
	for (;;) {
		errint_t err = next_place(s, p);

		if (err <= 0)
			return err;
		err = lamina_attr_read_at(s->dir->u, p->layer, p->dirfd, p->name, st);
		if (err == 0)
			err = hidden_above(s, p);
		else if (err == -ENOENT || err == -ENAMETOOLONG) {
			leave(s, p);
			continue;
		}
		if (err != 0) { /* hidden, or failed */
			leave(s, p);
			return err > 0 ? 0 : err;
		}
		err = lamina_whiteout_is(p->dirfd, p->name, st, p->xwhiteouts);
		if (err != 0) {
			leave(s, p);
			return err > 0 ? 0 : err;
		}
		s->above = p->part;
		return 1;
	}
}

/*
 * Add the directory at @p to @stack and see whether it ends the search.
 * Returns 1 to go on, 0 to stop, or -errno.
 */
static errint_t push(struct search *s, const struct place *p, struct lamina_stack *stack)
{
	const struct lamina_union *u = s->dir->u;
	struct lamina_stack_part *part = &stack->parts[stack->n];
	struct lamina_marks marks = {0};
	errint_t err = 0;

	if (!is_last(s) || (u->writable && p->layer == 0))
		err = lamina_marks_read(u, p->layer, p->dirfd, p->name, &marks);
	if (err == 0 && !is_last(s) && !marks.opaque) {
		err = lamina_opaque_dot_exists(p->dirfd, p->name);
		marks.opaque = err > 0;
	}
	if (err < 0) {
		lamina_marks_done(&marks);
		return err;
	}
	*part = (struct lamina_stack_part){.layer = (uint16_t)p->layer};
	if (marks.xwhiteouts)
		part->flags |= LAMINA_PART_XWHITEOUTS;
	if (marks.impure)
		part->flags |= LAMINA_PART_IMPURE;
	if (is_absolute(s))
		part->path = strdup(s->moved + 1);
	else if (s->moved) {
		const char *parent = s->dir->parts[p->part].path;

		if (asprintf(&part->path, "%s%s%s", parent, *parent ? "/" : "", s->moved) < 0)
			part->path = NULL;
	}
	if (s->moved && !part->path) {
		lamina_marks_done(&marks);
		return -ENOMEM;
	}
	stack->n++;
	if (marks.opaque || is_last(s)) {
		lamina_marks_done(&marks);
		return 0;
	}
	if (marks.redirect)
		follow(s, p, TAKE_PTR(marks.redirect));
	return 1;
}

/* The layers that a directory is merged from. @p is its topmost place. */
static errint_t collect_stack(struct search *s, struct place *p, struct lamina_entry *entry)
{
	_cleanup_stack_ struct lamina_stack *stack = lamina_stack_new(s->dir->u->n_layers);
	struct lamina_stack *fitted;
	struct statx st;
	errint_t more;

	if (!stack)
		return -ENOMEM;
	do {
		more = push(s, p, stack);
		leave(s, p);
		if (more > 0)
			more = next_hit(s, p, &st);
	} while (more > 0 && S_ISDIR(st.stx_mode));
	leave(s, p);
	if (more < 0)
		return more;
	fitted = realloc(stack, sizeof(*stack) + stack->n * sizeof(stack->parts[0]));
	entry->stack = fitted ? fitted : stack;
	stack = NULL;
	return 0;
}

/* The attributes that make a plain file a metacopy: its data lie further down. */
static const char *const metacopy_xattrs[] = {
	"trusted.overlay.metacopy",
	"user.overlay.metacopy",
};

#define N_METACOPY_XATTRS (sizeof(metacopy_xattrs) / sizeof(metacopy_xattrs[0]))

static errint_t is_metacopy(const struct place *p)
{
	for (size_t i = 0; i < N_METACOPY_XATTRS; i++) {
		ssize_t n = lamina_xattr_get_at(p->dirfd, p->name, metacopy_xattrs[i], NULL, 0);

		if (n >= 0)
			return 1;
		if (!lamina_xattr_absent(n))
			return (errint_t)n;
	}
	return 0;
}

static errint_t follow_file_redirect(struct search *s, const struct place *p)
{
	struct lamina_marks marks = {0};
	errint_t err = lamina_marks_read(s->dir->u, p->layer, p->dirfd, p->name, &marks);

	if (err < 0)
		return err;
	if (marks.redirect)
		follow(s, p, TAKE_PTR(marks.redirect));
	return 0;
}

/*
 * The file at @p may be a metacopy: find the layer that has the data. overlayfs answers -EIO where
 * they are missing, and so do we.
 */
static errint_t find_data(struct search *s, struct place *p, struct lamina_entry *entry)
{
	errint_t err = is_metacopy(p);
	struct statx st;

	entry->data_known = true;
	if (err <= 0)
		return err;
	for (;;) {
		err = follow_file_redirect(s, p);
		leave(s, p);
		if (err < 0)
			return err;
		err = next_hit(s, p, &st);
		if (err < 0)
			return err;
		if (err == 0 || !S_ISREG(st.stx_mode)) {
			leave(s, p);
			return -EIO;
		}
		err = is_metacopy(p);
		if (err < 0)
			return err;
		if (err == 0)
			break;
	}
	if (is_absolute(s)) {
		entry->data_path = strdup(s->moved + 1);
	} else {
		const char *parent = s->dir->parts[p->part].path;

		if (asprintf(&entry->data_path, "%s%s%s", parent, *parent ? "/" : "", p->name) < 0)
			entry->data_path = NULL;
	}
	entry->data_layer = p->layer;
	entry->st.stx_blocks = st.stx_blocks;
	return entry->data_path ? 0 : -ENOMEM;
}

/* The file's other names, if it has some: its key, its copy in the index, its link count. */
static errint_t identify_lower(struct search *s, const struct place *p, struct lamina_entry *entry)
{
	const struct lamina_union *u = s->dir->u;
	_cleanup_fd_ int fd = -1;
	errint_t err;

	err = lamina_key_of(u, p->layer, p->dirfd, p->name, &entry->st, entry->key);
	if (err < 0 || !u->writable || !entry->key[0])
		return err;
	entry->lower_nlink = entry->st.stx_nlink;
	fd = lamina_index_open(u, entry->key);
	if (fd >= 0) {
		entry->indexed = true;
		entry->layer = 0;
		entry->protection = UINT32_MAX;
		err = lamina_attr_read_fd(u, 0, fd, &entry->st);
	} else if (fd != -ENOENT) {
		err = fd;
	}
	if (err < 0)
		return err;
	err = lamina_index_nlink(u, entry->key, entry->lower_nlink,
				 entry->indexed ? entry->st.stx_nlink : 0);
	entry->st.stx_nlink = (uint32_t)err;
	return err < 0 ? err : 0;
}

/*
 * A copied-up file with several names lives in the index. One that does not any more, because
 * somebody emptied the work directory, has only its upper names left.
 */
static errint_t identify_linked(const struct lamina_union *u, const struct lamina_origin *origin,
				struct lamina_entry *entry)
{
	_cleanup_fd_ int fd = lamina_index_open(u, origin->key);
	errint_t nlink;

	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return fd;
	/* By the index it is read and written, and the other name may lead to older attributes. */
	nlink = lamina_attr_read_fd(u, 0, fd, &entry->st);
	if (nlink == 0)
		nlink = lamina_index_nlink(u, origin->key, origin->nlink, entry->st.stx_nlink);
	if (nlink < 0)
		return nlink;
	memcpy(entry->key, origin->key, sizeof(entry->key));
	entry->indexed = true;
	entry->lower_nlink = origin->nlink;
	entry->st.stx_nlink = (uint32_t)nlink;
	return 1;
}

/* An upper object may have been copied up: then it shows its origin's number and links. */
static errint_t identify_upper(struct search *s, const struct place *p, struct lamina_entry *entry)
{
	const struct lamina_union *u = s->dir->u;
	struct lamina_origin origin = {0};
	errint_t err = 0;

	if (s->dir->parts[0].flags & LAMINA_PART_IMPURE)
		err = lamina_origin_read_at(u, p->dirfd, p->name, &entry->st, &origin);
	if (err < 0)
		return err;
	if (err > 0)
		entry->ino = origin.ino;
	if (S_ISDIR(entry->st.stx_mode))
		return 0;
	err = origin.key[0] ? identify_linked(u, &origin, entry) : 0;
	if (err != 0)
		return err < 0 ? err : 0;
	if (entry->st.stx_nlink > 1)
		return lamina_key_of(u, 0, p->dirfd, p->name, &entry->st, entry->key);
	return 0;
}

static errint_t identify(struct search *s, const struct place *p, struct lamina_entry *entry)
{
	const struct lamina_union *u = s->dir->u;

	entry->ino = lamina_attr_ino(u, p->layer, lamina_statx_dev(&entry->st), entry->st.stx_ino);
	if (u->writable && p->layer == 0)
		return identify_upper(s, p, entry);
	if (!S_ISDIR(entry->st.stx_mode) && entry->st.stx_nlink > 1)
		return identify_lower(s, p, entry);
	return 0;
}

static errint_t lookup(struct search *s, struct lamina_entry *entry)
{
	struct place p = {.dirfd = -1};
	errint_t err = next_hit(s, &p, &entry->st);

	if (err <= 0)
		return err < 0 ? err : -ENOENT;
	entry->layer = p.layer;
	/* An upper object's are kept elsewhere, and looked for when it is changed. */
	entry->protection =
		s->dir->u->writable && p.layer == 0 ? UINT32_MAX : lamina_flags_of(&entry->st);
	err = identify(s, &p, entry);
	if (err == 0 && S_ISDIR(entry->st.stx_mode)) {
		err = collect_stack(s, &p, entry);
		/* overlayfs' sign for "not counted": nobody knows without reading all layers. */
		if (err == 0 && entry->stack->n > 1)
			entry->st.stx_nlink = 1;
	} else if (err == 0 && S_ISREG(entry->st.stx_mode) && !entry->indexed &&
		   entry->st.stx_size > 0 && entry->st.stx_blocks == 0) {
		err = find_data(s, &p, entry);
	}
	leave(s, &p);
	return err;
}

errint_t lamina_lookup(struct lamina_dir *dir, const char *name, unsigned int first,
		       struct lamina_entry *ret)
{
	struct search s = {.dir = dir, .name = name, .next = first, .above = first};
	struct lamina_entry entry = {0};
	errint_t err;

	if (lamina_whiteout_reserved(name))
		return -ENOENT;
	err = lookup(&s, &entry);
	free(s.moved);
	if (err < 0) {
		lamina_entry_done(&entry);
		return err;
	}
	*ret = entry;
	return 0;
}

errint_t lamina_lookup_data(struct lamina_dir *dir, const char *name, struct lamina_entry *ret)
{
	struct search s = {.dir = dir, .name = name};
	struct place p = {.dirfd = -1};
	errint_t err = next_hit(&s, &p, &ret->st);

	if (err > 0)
		err = find_data(&s, &p, ret);
	else if (err == 0)
		err = -ENOENT;
	leave(&s, &p);
	free(s.moved);
	return err;
}

errint_t lamina_lookup_is_metacopy(int fd)
{
	for (size_t i = 0; i < N_METACOPY_XATTRS; i++) {
		ssize_t n = lamina_xattr_get_fd(fd, metacopy_xattrs[i], NULL, 0);

		if (n >= 0)
			return 1;
		if (!lamina_xattr_absent(n))
			return (errint_t)n;
	}
	return 0;
}

errint_t lamina_lookup_lower_has(struct lamina_dir *dir, const char *name)
{
	unsigned int first = lamina_dir_first_lower(dir);
	struct search s = {.dir = dir, .name = name, .next = first, .above = first};
	struct place p = {.dirfd = -1};
	struct statx st;
	errint_t err = next_hit(&s, &p, &st);

	leave(&s, &p);
	return err;
}

void lamina_entry_done(struct lamina_entry *entry)
{
	lamina_stack_free(entry->stack);
	free(entry->data_path);
	entry->stack = NULL;
	entry->data_path = NULL;
}
