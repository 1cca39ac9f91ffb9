// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reading what the command line of `lamina policy` names, and words for what was read.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "policy.h"
#include "table.h"

errint_t policy_input_read(struct policy_input *input, char **files, size_t n, bool dry,
			   struct lamina_error *error)
{
	errint_t err = 0;

	*input = (struct policy_input){.sources = {.n = 0}};
	for (size_t i = 0; err == 0 && i < n; i++)
		err = lamina_sources_read(&input->sources, files[i], dry, error);
	if (err == 0)
		err = policy_input_compile(input, error);
	if (err < 0)
		lamina_sources_done(&input->sources);
	return err;
}

errint_t policy_input_compile(struct policy_input *input, struct lamina_error *error)
{
	return lamina_sources_compile(&input->sources, &input->policy, &input->compiled, error);
}

/* What names a file, or looks like it, is a file; anything else is a mount or a container. */
static bool is_live(size_t n, const char *name)
{
	const char *end = strrchr(name, '.');
	struct stat st;

	if (n > 1 || !strcmp(name, "-"))
		return false;
	return stat(name, &st) < 0 ? !end || strcmp(end, ".json") != 0 : S_ISDIR(st.st_mode);
}

errint_t policy_input_any(struct policy_input *input, char **names, size_t n, bool dry,
			  struct lamina_error *error)
{
	errint_t err;

	if (is_live(n, names[0]))
		return policy_input_live(input, names[0], error);
	err = policy_input_read(input, names, n, dry, error);
	return err < 0 ? err : 1;
}

void policy_input_done(struct policy_input *input)
{
	lamina_sources_done(&input->sources);
	lamina_policy_done(&input->policy);
	lamina_compiled_done(&input->compiled);
}

const char *policy_verdict_errno(unsigned int verdict)
{
	return lamina_policy_errno_name(lamina_verdict_errno(verdict));
}

void policy_print_size(const struct policy_input *input)
{
	const uint32_t *words = input->compiled.words;
	unsigned int rules = words[LAMINA_POLICY_AT_N_RULES];
	unsigned int states = words[LAMINA_POLICY_AT_N_STATES];

	printf("%u rule%s, %u state%s, %u bytes compiled\n", rules, rules == 1 ? "" : "s", states,
	       states == 1 ? "" : "s", input->compiled.n * 4);
}

static const char *kind_name(enum lamina_rule_kind kind)
{
	switch (kind) {
	case LAMINA_RULE_MASKED:
		return "maskedPaths";
	case LAMINA_RULE_READONLY:
		return "readonlyPaths";
	case LAMINA_RULE_RULE:
		return "rules";
	default:
		return "defaultAction";
	}
}

const char *policy_from(const struct lamina_compiled_rule *rule)
{
	return rule->line ? kind_name(rule->kind) : "default";
}

/* ---- where a rule stands ---- */

void policy_rule_cells(const struct policy_input *input, unsigned int number, struct table *table)
{
	struct lamina_compiled_rule rule;

	lamina_compiled_rule(&input->compiled, number, &rule);
	table_add(table, rule.file);
	if (rule.line)
		table_add_number(table, rule.line);
	else
		table_add(table, NULL);
	table_add(table, policy_from(&rule));
}

static const struct lamina_policy_rule *source_of(const struct policy_input *input,
						  unsigned int number)
{
	return number < input->policy.n_rules ? &input->policy.rules[number] : NULL;
}

void policy_source_cells(const struct policy_input *input, unsigned int number, struct table *table)
{
	const struct lamina_policy_rule *source = source_of(input, number);
	_cleanup_text_ struct lamina_text paths = {0};

	for (size_t i = 0; source && i < source->n; i++) {
		const struct lamina_policy_pattern *pattern =
			&input->policy.patterns[source->first + i];

		lamina_text_print(&paths, "%s%s%s", i ? ", " : "", pattern->text,
				  pattern->below ? " and below" : "");
	}
	table->broken |= paths.broken;
	table_add(table, paths.bytes);
	table_add(table, source ? source->comment : NULL);
}

/* ---- for programs ---- */

/* The words for the accesses in @bits, or NULL if it is about all. */
static struct json_object *access_list(unsigned int bits)
{
	struct json_object *list;

	if (bits == (LAMINA_ACCESS_ALL | LAMINA_ACCESS_SEEN))
		return NULL;
	list = json_object_new_array();
	for (unsigned int access = 0; access < LAMINA_POLICY_BITS; access++)
		if (bits >> access & 1)
			json_object_array_add(list,
					      json_object_new_string(lamina_access_name(access)));
	return list;
}

static struct json_object *path_list(const struct lamina_policy *policy,
				     const struct lamina_policy_rule *rule)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = rule->first; i < rule->first + rule->n; i++)
		json_object_array_add(list, json_object_new_string(policy->patterns[i].text));
	return list;
}

struct json_object *policy_rule_json(const struct policy_input *input, unsigned int number)
{
	const struct lamina_policy_rule *source = source_of(input, number);
	struct json_object *object = json_object_new_object(), *list;
	struct lamina_compiled_rule rule;

	lamina_compiled_rule(&input->compiled, number, &rule);
	json_add_string(object, "file", rule.file);
	/* A default that stands in no file has no line. */
	json_object_object_add(object, "line",
			       rule.line ? json_object_new_int((int)rule.line) : NULL);
	json_object_object_add(object, "column",
			       rule.line ? json_object_new_int((int)rule.column) : NULL);
	json_add_string(object, "from", policy_from(&rule));
	if (!source)
		return object;
	list = access_list(source->bits);
	if (source->n > 0)
		json_object_object_add(object, "paths", path_list(&input->policy, source));
	if (list)
		json_object_object_add(object, "access", list);
	if (source->comment)
		json_add_string(object, "comment", source->comment);
	return object;
}
