// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lamina policy show: what is in a policy, in the order in which it is asked; for people, or as JSON.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "policy.h"
#include "table.h"

static const char *mode_of(const struct policy_input *input, unsigned int file)
{
	return input->policy.files[file].dry ? "dry-run" : "enforce";
}

/* ---- for programs ---- */

static struct json_object *rule_object(const struct policy_input *input, unsigned int number)
{
	struct json_object *object = policy_rule_json(input, number);
	struct lamina_compiled_rule rule;
	const char *name;

	lamina_compiled_rule(&input->compiled, number, &rule);
	json_add_string(object, "action", lamina_action_name(lamina_verdict_action(rule.verdict)));
	name = policy_verdict_errno(rule.verdict);
	if (name)
		json_add_string(object, "errno", name);
	return object;
}

/* A file of the policy, and whose part it is. @file: NULL for a compiled one, of which the mode is not known. */
static struct json_object *file_object(const struct lamina_policy_file *file,
				       const struct lamina_source *source)
{
	struct json_object *object = json_object_new_object();
	const char *label = *source->label ? source->label : NULL;
	const char *mode = file && file->dry ? "dry-run" : "enforce";

	json_object_object_add(object, "file", json_object_new_string(source->name));
	json_object_object_add(object, "mode", file ? json_object_new_string(mode) : NULL);
	json_object_object_add(object, "base", json_object_new_boolean(source->base));
	json_object_object_add(object, "container", label ? json_object_new_string(label) : NULL);
	return object;
}

static int print_json(const struct policy_input *input)
{
	struct json_object *all = json_object_new_object(), *list = json_object_new_array();
	struct json_object *files = json_object_new_array();
	const uint32_t *words = input->compiled.words;

	for (size_t i = 0; i < input->sources.n; i++) {
		bool known = i < input->policy.n_files;

		json_object_array_add(files, file_object(known ? &input->policy.files[i] : NULL,
							 &input->sources.list[i]));
	}
	for (unsigned int i = 0; i < words[LAMINA_POLICY_AT_N_RULES]; i++)
		json_object_array_add(list, rule_object(input, i));
	json_object_object_add(all, "files", files);
	json_object_object_add(all, "rules", list);
	json_object_object_add(all, "states",
			       json_object_new_int((int)words[LAMINA_POLICY_AT_N_STATES]));
	json_object_object_add(all, "bytes", json_object_new_int((int)input->compiled.n * 4));
	return json_print(all);
}

/* ---- for people ---- */

static void add_accesses(struct table *table, const struct lamina_policy_rule *rule)
{
	_cleanup_text_ struct lamina_text words = {0};

	if (rule && rule->kind == LAMINA_RULE_RULE && !(rule->bits & LAMINA_ACCESS_SEEN))
		for (unsigned int access = 0; access < LAMINA_POLICY_BITS; access++)
			if (rule->bits >> access & 1)
				lamina_text_print(&words, "%s%s", words.n ? " " : "",
						  lamina_access_name(access));
	table->broken |= words.broken;
	table_add(table, words.bytes);
}

/* Whose part of the policy a rule is, if it is in force. */
static void add_owner(const struct policy_input *input, unsigned int number, struct table *table)
{
	const struct lamina_source *source = lamina_sources_of_rule(&input->sources, number);

	if (source && source->base)
		table_add(table, "(the mount)");
	else
		table_add(table, source ? source->label : NULL);
}

static void add_rule(const struct policy_input *input, unsigned int number, struct table *table)
{
	const struct lamina_policy_rule *source =
		number < input->policy.n_rules ? &input->policy.rules[number] : NULL;
	struct lamina_compiled_rule rule;

	lamina_compiled_rule(&input->compiled, number, &rule);
	policy_rule_cells(input, number, table);
	table_add(table, lamina_action_name(lamina_verdict_action(rule.verdict)));
	table_add(table, policy_verdict_errno(rule.verdict));
	table_add(table, source ? mode_of(input, source->file) : NULL);
	add_owner(input, number, table);
	add_accesses(table, source);
	policy_source_cells(input, number, table);
}

static int print_text(const struct policy_input *input)
{
	static const char *const columns[] = {
		POLICY_RULE_COLUMNS,   "action", "errno", "mode", "container", "access",
		POLICY_SOURCE_COLUMNS, NULL,
	};
	const uint32_t *words = input->compiled.words;
	struct table table = {.columns = columns};
	int status;

	for (unsigned int i = 0; i < words[LAMINA_POLICY_AT_N_RULES]; i++)
		add_rule(input, i, &table);
	status = table_end(&table);
	putchar('\n');
	policy_print_size(input);
	return status;
}

static int show(const struct command *command, int argc, char **argv)
{
	struct lamina_error error = {""};
	struct policy_input input;
	bool json = false;
	errint_t found;
	int status;

	while (command_next(command, argc, argv) == 'j')
		json = true;
	if (optind == argc)
		return command_misused(command);
	found = policy_input_any(&input, argv + optind, (size_t)(argc - optind), false, &error);
	if (found < 0)
		return policy_failure(&error);
	if (found == 0) {
		puts(json ? "null" : "no policy");
		return EXIT_SUCCESS;
	}
	status = json ? print_json(&input) : print_text(&input);
	policy_input_done(&input);
	return status;
}

static const struct command_option options[] = {
	{"json", 'j', NULL, "print JSON"},
	{0},
};

const struct command policy_show = {
	.name = "policy show",
	.arguments = "[--json] CONTAINER|MOUNTPOINT|FILE...",
	.help = "The rules in the order in which they are asked: of files, or those in force.",
	.options = options,
	.text = POLICY_FILES POLICY_MOUNTS,
	.example = "lamina policy show web\nlamina policy show --json policy.json",
	.run = show,
};
