// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lamina policy show: what is in a policy, in the order in which it is asked; for people, or as JSON.
 */
#include <getopt.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "policy.h"

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

/* All that is known of rule @number: of a compiled policy, where it stood and what it does. */
static struct json_object *rule_object(const struct policy_input *input, unsigned int number)
{
	struct json_object *object = json_object_new_object();
	struct lamina_compiled_rule rule;
	const char *name;

	lamina_compiled_rule(&input->compiled, number, &rule);
	json_object_object_add(object, "file", json_object_new_string(rule.file));
	json_object_object_add(object, "line", json_object_new_int((int)rule.line));
	json_object_object_add(object, "column", json_object_new_int((int)rule.column));
	json_object_object_add(object, "from", json_object_new_string(policy_kind_name(rule.kind)));
	name = lamina_action_name(lamina_verdict_action(rule.verdict));
	json_object_object_add(object, "action", json_object_new_string(name));
	name = lamina_policy_errno_name(lamina_verdict_errno(rule.verdict));
	if (name)
		json_object_object_add(object, "errno", json_object_new_string(name));
	if (number < input->policy.n_rules) {
		const struct lamina_policy_rule *source = &input->policy.rules[number];
		struct json_object *list = access_list(source->bits);

		if (source->n > 0)
			json_object_object_add(object, "paths", path_list(&input->policy, source));
		if (list)
			json_object_object_add(object, "access", list);
		if (source->comment)
			json_object_object_add(object, "comment",
					       json_object_new_string(source->comment));
	}
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
	int result;

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
	result = puts(json_object_to_json_string_ext(all, JSON_C_TO_STRING_PRETTY |
								  JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(all);
	return result < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static void print_source(const struct policy_input *input, unsigned int number)
{
	const struct lamina_policy_rule *rule = &input->policy.rules[number];

	for (size_t i = rule->first; i < rule->first + rule->n; i++) {
		printf(i == rule->first ? "  " : ", ");
		policy_print(input->policy.patterns[i].text);
		if (input->policy.patterns[i].below)
			printf(" and below");
	}
	if (rule->kind == LAMINA_RULE_RULE && !(rule->bits & LAMINA_ACCESS_SEEN)) {
		printf("  [");
		for (unsigned int access = 0, n = 0; access < LAMINA_POLICY_BITS; access++)
			if (rule->bits >> access & 1)
				printf("%s%s", n++ ? " " : "", lamina_access_name(access));
		printf("]");
	}
	if (rule->comment) {
		printf("  # ");
		policy_print(rule->comment);
	}
}

/* Whose part of the policy a source is, if it is in force. */
static void print_owner(const struct lamina_source *source)
{
	if (source && source->base) {
		printf(" (the mount's own)");
	} else if (source && *source->label) {
		printf(" (of ");
		policy_print(source->label);
		printf(")");
	}
}

static void print_rule(const struct policy_input *input, unsigned int number)
{
	struct lamina_compiled_rule rule;
	const char *error;

	lamina_compiled_rule(&input->compiled, number, &rule);
	error = lamina_policy_errno_name(lamina_verdict_errno(rule.verdict));
	policy_print(rule.file);
	printf(":%u: %s %s", rule.line, policy_kind_name(rule.kind),
	       lamina_action_name(lamina_verdict_action(rule.verdict)));
	if (error && lamina_verdict_action(rule.verdict) == LAMINA_ACTION_ERRNO)
		printf(" %s", error);
	print_owner(lamina_sources_of_rule(&input->sources, number));
	if (number < input->policy.n_rules) {
		if (input->policy.files[input->policy.rules[number].file].dry)
			printf(" (dry run)");
		print_source(input, number);
	}
	putchar('\n');
}

/* What names a file, or looks like it, is a file; anything else is a mount or a container. */
static bool is_live(int n, const char *name)
{
	const char *end = strrchr(name, '.');
	struct stat st;

	if (n > 1 || !strcmp(name, "-"))
		return false;
	return stat(name, &st) < 0 ? !end || strcmp(end, ".json") != 0 : S_ISDIR(st.st_mode);
}

int policy_show(int argc, char **argv)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, 'j'},
		{0},
	};
	struct lamina_error error = {""};
	struct policy_input input;
	int option, status = EXIT_SUCCESS;
	bool json = false;
	errint_t found;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (option != 'j')
			return policy_usage("show");
		json = true;
	}
	if (optind == argc)
		return policy_usage("show");
	if (is_live(argc - optind, argv[optind]))
		found = policy_input_live(&input, argv[optind], &error);
	else
		found = policy_input_read(&input, argv + optind, (size_t)(argc - optind), false,
					  &error);
	if (found < 0)
		return policy_failure(&error);
	if (found == 0 && !input.compiled.words) {
		puts(json ? "null" : "no policy");
		return EXIT_SUCCESS;
	}
	if (json) {
		status = print_json(&input);
	} else {
		const uint32_t *words = input.compiled.words;

		for (unsigned int i = 0; i < words[LAMINA_POLICY_AT_N_RULES]; i++)
			print_rule(&input, i);
		printf("%u rules, %u states, %u bytes compiled\n", words[LAMINA_POLICY_AT_N_RULES],
		       words[LAMINA_POLICY_AT_N_STATES], input.compiled.n * 4);
	}
	policy_input_done(&input);
	return status;
}
