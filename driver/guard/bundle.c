// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Bundles as bytes: a header of words, the label, the table, and each source with its name. Texts are
 * filled up to whole words with zeros.
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
#define BUNDLE_VERSION 1u

struct header {
	uint32_t magic, version;
	uint32_t label; /* bytes of it */
	uint32_t table; /* bytes of it */
	uint32_t n_sources;
	uint32_t reserved;
};

struct source_header {
	uint32_t name, text; /* bytes */
	uint32_t dry;
};

void lamina_bundle_done(struct lamina_bundle *bundle)
{
	free(bundle->label);
	lamina_sources_done(&bundle->sources);
	lamina_compiled_done(&bundle->compiled);
	*bundle = (struct lamina_bundle){0};
}

errint_t lamina_bundle_make(struct lamina_bundle *ret, const char *label,
			    struct lamina_sources *sources, struct lamina_error *error)
{
	struct lamina_bundle bundle = {.label = strdup(label), .sources = *sources};
	struct lamina_policy policy;
	errint_t err;

	*sources = (struct lamina_sources){0};
	if (!bundle.label)
		err = lamina_error_set(error, -ENOMEM, "cannot read the policy");
	else if (strlen(label) > LAMINA_LABEL_MAX)
		err = lamina_error_say(error, -EINVAL, "the container's name is too long");
	else
		err = lamina_sources_compile(&bundle.sources, &policy, &bundle.compiled, error);
	if (err < 0) {
		lamina_bundle_done(&bundle);
		return err;
	}
	lamina_policy_done(&policy);
	*ret = bundle;
	return 0;
}

errint_t lamina_bundle_read(struct lamina_bundle *ret, const char *label, char **files, size_t n,
			    bool dry, struct lamina_error *error)
{
	struct lamina_sources sources = {.n = 0};
	errint_t err = 0;

	for (size_t i = 0; err == 0 && i < n; i++)
		err = lamina_sources_read(&sources, files[i], dry, error);
	if (err == 0)
		return lamina_bundle_make(ret, label, &sources, error);
	lamina_sources_done(&sources);
	return err;
}

/* ---- as bytes ---- */

static errint_t put(int fd, const void *bytes, size_t size)
{
	static const char zeros[sizeof(uint32_t)];
	errint_t err = lamina_fd_write_all(fd, bytes, size);

	return err < 0 ? err : lamina_fd_write_all(fd, zeros, -size % sizeof(uint32_t));
}

/* @table: how many bytes of the table to write. */
static errint_t write_with(const struct lamina_bundle *bundle, uint32_t table, int fd)
{
	const struct header header = {
		.magic = BUNDLE_MAGIC,
		.version = BUNDLE_VERSION,
		.label = (uint32_t)strlen(bundle->label),
		.table = table,
		.n_sources = (uint32_t)bundle->sources.n,
	};
	errint_t err = put(fd, &header, sizeof(header));

	if (err == 0)
		err = put(fd, bundle->label, header.label);
	if (err == 0)
		err = put(fd, bundle->compiled.words, table);
	for (size_t i = 0; err == 0 && i < bundle->sources.n; i++) {
		const struct lamina_source *source = &bundle->sources.list[i];
		const struct source_header sizes = {(uint32_t)strlen(source->name),
						    (uint32_t)source->size, source->dry};

		err = put(fd, &sizes, sizeof(sizes));
		if (err == 0)
			err = put(fd, source->name, sizes.name);
		if (err == 0)
			err = put(fd, source->text, sizes.text);
	}
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

/* @size bytes and what fills them up to words; NULL: there are not so many. */
static const char *take(struct cursor *c, size_t size)
{
	const char *taken = c->at;
	size_t all = size + -size % sizeof(uint32_t);

	if (size > LAMINA_BUNDLE_MAX || all > c->left)
		return NULL;
	c->at += all;
	c->left -= all;
	return taken;
}

static errint_t parse_source(struct cursor *c, struct lamina_sources *sources,
			     struct lamina_error *error)
{
	const struct source_header *sizes = (const void *)take(c, sizeof(*sizes));
	const char *name = sizes ? take(c, sizes->name) : NULL;
	const char *text = name ? take(c, sizes->text) : NULL;
	_cleanup_free_ char *copy = NULL;

	if (!text)
		return lamina_error_say(error, -EINVAL, "a source of the policy is cut off");
	copy = strndup(name, sizes->name);
	if (!copy)
		return lamina_error_set(error, -ENOMEM, "cannot keep the policy");
	return lamina_sources_add(sources, copy, text, sizes->text, sizes->dry, error);
}

/* @rest: the table, if it is not among the bytes. */
static errint_t parse(struct cursor *c, const struct cursor *rest, struct lamina_bundle *bundle,
		      struct lamina_error *error)
{
	const struct header *header = (const void *)take(c, sizeof(*header));
	const char *label, *table;
	errint_t err;

	if (!header || header->magic != BUNDLE_MAGIC || header->version != BUNDLE_VERSION ||
	    header->label > LAMINA_LABEL_MAX || header->n_sources > LAMINA_POLICY_MAX_FILES)
		return lamina_error_say(error, -EINVAL, "this is no policy of this version");
	label = take(c, header->label);
	table = label ? take(c, header->table) : NULL;
	if (!table)
		return lamina_error_say(error, -EINVAL, "the policy is cut off");
	bundle->label = strndup(label, header->label);
	if (!bundle->label)
		return lamina_error_set(error, -ENOMEM, "cannot keep the policy");
	if (rest && header->table > 0)
		return lamina_error_say(error, -EINVAL, "the policy has two tables");
	err = lamina_policy_load(rest ? rest->at : table, rest ? rest->left : header->table,
				 &bundle->compiled, error);
	for (uint32_t i = 0; err == 0 && i < header->n_sources; i++)
		err = parse_source(c, &bundle->sources, error);
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
