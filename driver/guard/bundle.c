// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Bundles as bytes: a header of words, the table, and each source with its name and label. Texts are filled up to
 * whole words with zeros.
 */
#include "guard/bundle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/limits.h"

#define BUNDLE_MAGIC   0x6e75426cu /* "lBun" */
#define BUNDLE_VERSION 2u

struct header {
	uint32_t magic, version;
	uint32_t table; /* bytes of it */
	uint32_t n_sources;
};

#define SOURCE_DRY   1u
#define SOURCE_BASE  2u
#define SOURCE_FLAGS 3u

struct source_header {
	uint32_t name, text, label; /* bytes */
	uint32_t flags;
	uint32_t rules_end;
};

void lamina_bundle_done(struct lamina_bundle *bundle)
{
	lamina_sources_done(&bundle->sources);
	lamina_compiled_done(&bundle->compiled);
	*bundle = (struct lamina_bundle){0};
}

errint_t lamina_bundle_make(struct lamina_bundle *ret, struct lamina_sources *sources,
			    struct lamina_error *error)
{
	struct lamina_bundle bundle = {.sources = *sources};
	struct lamina_policy policy;
	errint_t err;

	*sources = (struct lamina_sources){0};
	err = lamina_sources_compile(&bundle.sources, &policy, &bundle.compiled, error);
	if (err < 0) {
		lamina_bundle_done(&bundle);
		return err;
	}
	lamina_policy_done(&policy);
	*ret = bundle;
	return 0;
}

/* ---- as bytes ---- */

static errint_t put(int fd, const void *bytes, size_t size)
{
	static const char zeros[sizeof(uint32_t)];
	errint_t err = lamina_fd_write_all(fd, bytes, size);

	return err < 0 ? err : lamina_fd_write_all(fd, zeros, -size % sizeof(uint32_t));
}

static errint_t put_source(int fd, const struct lamina_source *source)
{
	const struct source_header header = {
		.name = (uint32_t)strlen(source->name),
		.text = (uint32_t)source->size,
		.label = (uint32_t)strlen(source->label),
		.flags = (source->dry ? SOURCE_DRY : 0) | (source->base ? SOURCE_BASE : 0),
		.rules_end = source->rules_end,
	};
	errint_t err = put(fd, &header, sizeof(header));

	if (err == 0)
		err = put(fd, source->name, header.name);
	if (err == 0)
		err = put(fd, source->text, header.text);
	if (err == 0)
		err = put(fd, source->label, header.label);
	return err;
}

/* @table: how many bytes of the table to write. */
static errint_t write_with(const struct lamina_bundle *bundle, uint32_t table, int fd)
{
	const struct header header = {
		.magic = BUNDLE_MAGIC,
		.version = BUNDLE_VERSION,
		.table = table,
		.n_sources = (uint32_t)bundle->sources.n,
	};
	errint_t err = put(fd, &header, sizeof(header));

	if (err == 0)
		err = put(fd, bundle->compiled.words, table);
	for (size_t i = 0; err == 0 && i < bundle->sources.n; i++)
		err = put_source(fd, &bundle->sources.list[i]);
	return err;
}

errint_t lamina_bundle_write(const struct lamina_bundle *bundle, int fd)
{
	return write_with(bundle, bundle->compiled.n * (uint32_t)sizeof(uint32_t), fd);
}

errint_t lamina_bundle_write_rest(const struct lamina_bundle *bundle, int fd)
{
	return write_with(bundle, 0, fd);
}

struct cursor {
	const char *at;
	size_t left;
};

/* @size bytes and the zeros that fill them up to words; NULL: there are not so many. */
static const char *take(struct cursor *c, size_t size)
{
	const char *taken = c->at;
	size_t all = size + -size % sizeof(uint32_t);

	if (size > LAMINA_BUNDLE_MAX || all > c->left)
		return NULL;
	for (size_t i = size; i < all; i++)
		if (taken[i])
			return NULL;
	c->at += all;
	c->left -= all;
	return taken;
}

/* @before: the source before it, or NULL; @n_rules: the rules of all. */
static errint_t check_source(const struct source_header *header, const struct lamina_source *before,
			     uint32_t n_rules, struct lamina_error *error)
{
	bool base = header->flags & SOURCE_BASE;

	/* Each source has a default at least. */
	if (header->flags & ~SOURCE_FLAGS || header->label > LAMINA_LABEL_MAX ||
	    header->rules_end <= (before ? before->rules_end : 0) || header->rules_end > n_rules)
		return lamina_error_say(error, -EINVAL, "a source of the policy is none");
	if (base && (header->label > 0 || (before && !before->base)))
		return lamina_error_say(error, -EINVAL,
					"the mount's own policy is among those of containers");
	return 0;
}

static errint_t add_source(struct lamina_sources *sources, const struct source_header *header,
			   const char *name, const char *text, const char *label,
			   struct lamina_error *error)
{
	_cleanup_free_ char *name_copy = strndup(name, header->name);
	_cleanup_free_ char *label_copy = strndup(label, header->label);
	struct lamina_source *source;
	errint_t err;

	if (!name_copy || !label_copy)
		return lamina_error_set(error, -ENOMEM, "cannot keep the policy");
	if (strlen(name_copy) != header->name || strlen(label_copy) != header->label)
		return lamina_error_say(error, -EINVAL, "a name in the policy holds a NUL");
	err = lamina_sources_add(sources, name_copy, text, header->text, header->flags & SOURCE_DRY,
				 error);
	if (err == 0)
		err = lamina_sources_set_label(sources, sources->n - 1, label_copy, error);
	if (err < 0)
		return err;
	source = &sources->list[sources->n - 1];
	source->base = header->flags & SOURCE_BASE;
	source->rules_end = header->rules_end;
	return 0;
}

static errint_t parse_source(struct cursor *c, struct lamina_bundle *bundle,
			     struct lamina_error *error)
{
	const struct source_header *header = (const void *)take(c, sizeof(*header));
	struct lamina_sources *sources = &bundle->sources;
	const struct lamina_source *before = sources->n > 0 ? &sources->list[sources->n - 1] : NULL;
	const char *name = header ? take(c, header->name) : NULL;
	const char *text = name ? take(c, header->text) : NULL;
	const char *label = text ? take(c, header->label) : NULL;
	errint_t err;

	if (!label)
		return lamina_error_say(error, -EINVAL, "a source of the policy is cut off");
	err = check_source(header, before, bundle->compiled.words[LAMINA_POLICY_AT_N_RULES], error);
	return err < 0 ? err : add_source(sources, header, name, text, label, error);
}

/* @rest: the table, if it is not among the bytes. */
static errint_t parse(struct cursor *c, const struct cursor *rest, struct lamina_bundle *bundle,
		      struct lamina_error *error)
{
	const struct header *header = (const void *)take(c, sizeof(*header));
	const char *table;
	errint_t err;

	if (!header || header->magic != BUNDLE_MAGIC || header->version != BUNDLE_VERSION ||
	    header->n_sources == 0 || header->n_sources > LAMINA_POLICY_MAX_FILES)
		return lamina_error_say(error, -EINVAL, "this is no policy of this version");
	table = take(c, header->table);
	if (!table)
		return lamina_error_say(error, -EINVAL, "the policy is cut off");
	if (rest && header->table > 0)
		return lamina_error_say(error, -EINVAL, "the policy has two tables");
	err = lamina_policy_load(rest ? rest->at : table, rest ? rest->left : header->table,
				 &bundle->compiled, error);
	for (uint32_t i = 0; err == 0 && i < header->n_sources; i++)
		err = parse_source(c, bundle, error);
	if (err == 0 && c->left > 0)
		err = lamina_error_say(error, -EINVAL, "something follows the policy");
	return err;
}

static errint_t parse_whole(struct cursor c, const struct cursor *rest, struct lamina_bundle *ret,
			    struct lamina_error *error)
{
	struct lamina_bundle bundle = {0};
	errint_t err = parse(&c, rest, &bundle, error);

	if (err < 0)
		lamina_bundle_done(&bundle);
	else
		*ret = bundle;
	return err;
}

errint_t lamina_bundle_parse(const void *bytes, size_t size, struct lamina_bundle *ret,
			     struct lamina_error *error)
{
	return parse_whole((struct cursor){bytes, size}, NULL, ret, error);
}

errint_t lamina_bundle_parse_rest(const void *bytes, size_t size, const void *table,
				  size_t table_size, struct lamina_bundle *ret,
				  struct lamina_error *error)
{
	const struct cursor rest = {table, table_size};

	return parse_whole((struct cursor){bytes, size}, &rest, ret, error);
}

errint_t lamina_bundle_receive(int fd, struct lamina_bundle *ret, struct lamina_error *error)
{
	_cleanup_free_ char *bytes = NULL;
	off_t size = lseek(fd, 0, SEEK_END);
	size_t got = 0;

	if (size < 0)
		return lamina_error_set(error, -errno, "cannot read the policy");
	if (size > LAMINA_BUNDLE_MAX)
		return lamina_error_say(error, -EFBIG, "the policy is larger than %u bytes",
					LAMINA_BUNDLE_MAX);
	/* A copy: who gave it may go on changing it. */
	bytes = malloc((size_t)size + 1);
	if (!bytes)
		return lamina_error_set(error, -ENOMEM, "cannot keep the policy");
	while (got < (size_t)size) {
		ssize_t n = pread(fd, bytes + got, (size_t)size - got, (off_t)got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		got += (size_t)n;
	}
	return lamina_bundle_parse(bytes, got, ret, error);
}
