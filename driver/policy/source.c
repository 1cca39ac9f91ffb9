// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The files of a policy in memory.
 */
#include "policy/source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/limits.h"
#include "policy/file.h"

void lamina_sources_done(struct lamina_sources *sources)
{
	for (size_t i = 0; i < sources->n; i++) {
		free(sources->list[i].name);
		free(sources->list[i].text);
		free(sources->list[i].label);
	}
	free(sources->list);
	*sources = (struct lamina_sources){0};
}

/* Takes over @text on success. */
static errint_t add(struct lamina_sources *sources, const char *name, char *text, size_t size,
		    bool dry, struct lamina_error *error)
{
	struct lamina_source *list = reallocarray(sources->list, sources->n + 1, sizeof(*list));
	struct lamina_source source = {.size = size, .dry = dry};

	if (list)
		sources->list = list;
	source.name = strdup(name);
	source.label = strdup("");
	if (!list || !source.name || !source.label) {
		free(source.name);
		free(source.label);
		return lamina_error_set(error, -ENOMEM, "cannot read the policy '%s'", name);
	}
	source.text = text;
	list[sources->n++] = source;
	return 0;
}

errint_t lamina_sources_add(struct lamina_sources *sources, const char *name, const char *text,
			    size_t size, bool dry, struct lamina_error *error)
{
	_cleanup_free_ char *copy = malloc(size + 1);
	errint_t err;

	if (!copy)
		return lamina_error_set(error, -ENOMEM, "cannot read the policy '%s'", name);
	memcpy(copy, text, size);
	copy[size] = '\0';
	err = add(sources, name, copy, size, dry, error);
	if (err == 0)
		(void)TAKE_PTR(copy);
	return err;
}

errint_t lamina_sources_set_label(struct lamina_sources *sources, size_t i, const char *label,
				  struct lamina_error *error)
{
	char *copy;

	if (strlen(label) > LAMINA_LABEL_MAX)
		return lamina_error_say(error, -EINVAL,
					"the container's name is longer than %d bytes",
					LAMINA_LABEL_MAX);
	copy = strdup(label);
	if (!copy)
		return lamina_error_set(error, -ENOMEM, "cannot keep the container's name");
	free(sources->list[i].label);
	sources->list[i].label = copy;
	return 0;
}

errint_t lamina_sources_add_copy(struct lamina_sources *sources, const struct lamina_source *source,
				 struct lamina_error *error)
{
	errint_t err = lamina_sources_add(sources, source->name, source->text, source->size,
					  source->dry, error);

	if (err == 0)
		err = lamina_sources_set_label(sources, sources->n - 1, source->label, error);
	if (err == 0)
		sources->list[sources->n - 1].base = source->base;
	return err;
}

errint_t lamina_sources_read(struct lamina_sources *sources, const char *path, bool dry,
			     struct lamina_error *error)
{
	const char *name = !strcmp(path, "-") ? "standard input" : path;
	_cleanup_free_ char *bytes = NULL;
	size_t size = 0;
	errint_t err = lamina_policy_read_bytes(path, LAMINA_POLICY_MAX_WORDS * 4, &bytes, &size);

	if (err == -EFBIG)
		return lamina_error_say(error, err, "%s: larger than %u bytes", name,
					LAMINA_POLICY_MAX_FILE);
	if (err < 0)
		return lamina_error_set(error, err, "cannot read the policy '%s'", name);
	err = add(sources, name, bytes, size, dry, error);
	if (err == 0)
		(void)TAKE_PTR(bytes);
	return err;
}

static errint_t load(const struct lamina_sources *sources, struct lamina_source *source,
		     struct lamina_compiled *compiled, struct lamina_error *error)
{
	errint_t err;

	if (sources->n > 1)
		return lamina_error_say(error, -EINVAL,
					"%s: a compiled policy can't be put together with others; "
					"compile the sources of all into one (lamina policy "
					"compile)",
					source->name);
	if (source->dry)
		return lamina_error_say(error, -EINVAL,
					"%s: a compiled policy is taken as it is; give --dry-run "
					"when it is compiled",
					source->name);
	err = lamina_policy_load(source->text, source->size, compiled, error);
	if (err < 0)
		return lamina_error_wrap(error, err, "%s", source->name);
	source->rules_end = compiled->words[LAMINA_POLICY_AT_N_RULES];
	return 0;
}

static errint_t compile(struct lamina_sources *sources, struct lamina_policy *policy,
			struct lamina_compiled *compiled, struct lamina_error *error)
{
	for (size_t i = 0; i < sources->n; i++) {
		struct lamina_source *source = &sources->list[i];
		errint_t err;

		if (lamina_policy_is_compiled(source->text, source->size))
			return load(sources, source, compiled, error);
		err = lamina_policy_read_text(policy, source->name, source->text, source->size,
					      error);
		if (err < 0)
			return err;
		policy->files[i].dry |= source->dry;
		source->rules_end = (uint32_t)policy->n_rules;
	}
	return lamina_policy_compile(policy, compiled, error);
}

errint_t lamina_sources_compile(struct lamina_sources *sources, struct lamina_policy *policy,
				struct lamina_compiled *compiled, struct lamina_error *error)
{
	struct lamina_compiled made = {0};
	errint_t err;

	lamina_policy_init(policy);
	err = compile(sources, policy, &made, error);
	if (err < 0) {
		lamina_policy_done(policy);
		return err;
	}
	*compiled = made;
	return 0;
}

const struct lamina_source *lamina_sources_of_rule(const struct lamina_sources *sources,
						   unsigned int rule)
{
	for (size_t i = 0; i < sources->n; i++)
		if (rule < sources->list[i].rules_end)
			return &sources->list[i];
	return NULL;
}
