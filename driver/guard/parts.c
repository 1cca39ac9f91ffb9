// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The parts of a mount's policy: its base, and one for each container. No state.
 */
#include <errno.h>
#include <string.h>

#include "guard/bundle.h"

errint_t lamina_bundle_read_base(struct lamina_bundle *ret, char **files, size_t n,
				 struct lamina_error *error)
{
	struct lamina_sources sources = {.n = 0};
	errint_t err = 0;

	for (size_t i = 0; err == 0 && i < n; i++) {
		err = lamina_sources_read(&sources, files[i], false, error);
		if (err == 0)
			sources.list[i].base = true;
	}
	if (err == 0)
		return lamina_bundle_make(ret, &sources, error);
	lamina_sources_done(&sources);
	return err;
}

/* Whether @source stays when the part of @label (NULL: of each container) changes. */
static bool stays(const struct lamina_source *source, const char *label)
{
	return source->base || (label && strcmp(source->label, label) != 0);
}

static errint_t collect(struct lamina_sources *ret, const struct lamina_bundle *now,
			const char *label, const struct lamina_sources *part,
			struct lamina_error *error)
{
	errint_t err = 0;

	for (size_t i = 0; err == 0 && now && i < now->sources.n; i++)
		if (stays(&now->sources.list[i], label))
			err = lamina_sources_add_copy(ret, &now->sources.list[i], error);
	for (size_t i = 0; err == 0 && part && i < part->n; i++) {
		err = lamina_sources_add_copy(ret, &part->list[i], error);
		if (err == 0)
			err = lamina_sources_set_label(ret, ret->n - 1, label, error);
	}
	return err;
}

errint_t lamina_bundle_change(struct lamina_bundle *ret, const struct lamina_bundle *now,
			      const char *label, const struct lamina_sources *part,
			      struct lamina_error *error)
{
	struct lamina_sources sources = {.n = 0};
	errint_t err = collect(&sources, now, label, part, error);

	if (err < 0 || sources.n == 0) {
		lamina_sources_done(&sources);
		return err;
	}
	err = lamina_bundle_make(ret, &sources, error);
	return err < 0 ? err : 1;
}

static size_t count_base(const struct lamina_bundle *bundle)
{
	size_t n = 0;

	/* It stands before the parts; one that does not is none. */
	while (bundle && n < bundle->sources.n && bundle->sources.list[n].base)
		n++;
	return n;
}

static bool is_same(const struct lamina_source *a, const struct lamina_source *b)
{
	return a->size == b->size && a->dry == b->dry && a->rules_end == b->rules_end &&
	       !strcmp(a->name, b->name) && !memcmp(a->text, b->text, a->size);
}

bool lamina_bundle_has_base(const struct lamina_bundle *bundle, const struct lamina_bundle *base)
{
	size_t n = count_base(base);

	if (count_base(bundle) != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!is_same(&bundle->sources.list[i], &base->sources.list[i]))
			return false;
	return true;
}

const char *lamina_bundle_label(const struct lamina_bundle *bundle, unsigned int rule)
{
	const struct lamina_source *source = lamina_sources_of_rule(&bundle->sources, rule);

	return source ? source->label : "";
}
