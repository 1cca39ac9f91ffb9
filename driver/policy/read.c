// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From JSON to rules. The grammar is fixed, so there is no nesting beyond it: an object with keys
 * that are known, lists of strings, a list of rules.
 */
#include "policy/policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/limits.h"
#include "policy/glob.h"
#include "policy/grammar.h"
#include "policy/json.h"

struct lamina_reader {
	struct lamina_json json;
	struct lamina_policy *policy;
	size_t first_rule; /* of this file */
	unsigned int default_action, default_line, default_column;
	bool dry;
	/* The rule that is being read. */
	struct lamina_policy_rule rule;
	struct lamina_json_token action_at, errno_at, access_at;
	unsigned int number;
	bool has_action, has_errno, has_access;
};

/* ---- what is collected ---- */

static errint_t no_memory(struct lamina_reader *r)
{
	return lamina_error_set(r->json.error, -ENOMEM, "cannot read the policy '%s'",
				r->json.file);
}

static errint_t add_pattern(struct lamina_reader *r, const struct lamina_json_token *at, bool below)
{
	struct lamina_policy *p = r->policy;
	const char *problem = strlen(r->json.string) == r->json.length
				      ? lamina_glob_check(r->json.string)
				      : "holds a NUL";
	const struct lamina_policy_pattern pattern = {
		.text = r->json.string,
		.line = at->line,
		.column = at->column,
		.below = below,
	};

	if (problem)
		return lamina_json_error(&r->json, at, "the path '%.128s' %s", r->json.string,
					 problem);
	if (p->n_patterns >= LAMINA_POLICY_MAX_PATTERNS)
		return lamina_json_error(&r->json, at, "more than %d paths",
					 LAMINA_POLICY_MAX_PATTERNS);
	return lamina_policy_add_pattern(p, &pattern) < 0 ? no_memory(r) : 0;
}

static errint_t add_rule(struct lamina_reader *r, const struct lamina_json_token *at,
			 const struct lamina_policy_rule *rule)
{
	struct lamina_policy *p = r->policy;
	struct lamina_policy_rule placed = *rule;
	/* A default that nobody wrote has no place: say where the file ends. */
	const struct lamina_json_token end = {.line = r->json.line, .column = r->json.column};

	if (p->n_rules >= LAMINA_POLICY_MAX_RULES)
		return lamina_json_error(&r->json, at->line ? at : &end, "more than %d rules",
					 LAMINA_POLICY_MAX_RULES);
	placed.file = (unsigned int)p->n_files;
	placed.line = at->line;
	placed.column = at->column;
	return lamina_policy_add_rule(p, &placed) < 0 ? no_memory(r) : 0;
}

/* ---- rules ---- */

static errint_t read_path(struct lamina_reader *r, const struct lamina_json_token *at)
{
	return add_pattern(r, at, false);
}

static errint_t read_paths(struct lamina_reader *r, const struct lamina_json_token *at)
{
	(void)at;
	r->rule.first = r->policy->n_patterns;
	return lamina_json_array(&r->json, LAMINA_JSON_STRING, read_path, r);
}

static errint_t read_access(struct lamina_reader *r, const struct lamina_json_token *at)
{
	unsigned int access = lamina_access_find(r->json.string);

	if (access == LAMINA_POLICY_BITS)
		return lamina_json_error(&r->json, at, "unknown access '%.64s'", r->json.string);
	if (r->rule.bits & 1u << access)
		return lamina_json_error(&r->json, at, "access '%s' stands here a second time",
					 r->json.string);
	r->rule.bits |= 1u << access;
	return 0;
}

static errint_t read_accesses(struct lamina_reader *r, const struct lamina_json_token *at)
{
	r->has_access = true;
	r->access_at = *at;
	return lamina_json_array(&r->json, LAMINA_JSON_STRING, read_access, r);
}

static errint_t find_action(struct lamina_reader *r, const struct lamina_json_token *at,
			    const char *key, unsigned int *ret)
{
	static const unsigned int actions[] = {LAMINA_ACTION_ALLOW, LAMINA_ACTION_LOG,
					       LAMINA_ACTION_ERRNO};

	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		if (strcmp(r->json.string, lamina_action_name(actions[i])) != 0)
			continue;
		*ret = actions[i];
		return 0;
	}
	return lamina_json_error(&r->json, at, "'%s' must be ALLOW, ERRNO or LOG, not '%.64s'", key,
				 r->json.string);
}

static errint_t read_action(struct lamina_reader *r, const struct lamina_json_token *at)
{
	r->has_action = true;
	r->action_at = *at;
	return find_action(r, at, "action", &r->rule.verdict);
}

static errint_t read_errno(struct lamina_reader *r, const struct lamina_json_token *at)
{
	r->has_errno = true;
	r->errno_at = *at;
	r->number = lamina_policy_errno_find(r->json.string);
	if (r->number == 0)
		return lamina_json_error(&r->json, at, "no such errno for a refusal: '%.64s'",
					 r->json.string);
	return 0;
}

static errint_t read_comment(struct lamina_reader *r, const struct lamina_json_token *at)
{
	(void)at;
	r->rule.comment = strdup(r->json.string);
	return r->rule.comment ? 0 : no_memory(r);
}

static errint_t check_rule(struct lamina_reader *r, const struct lamina_json_token *at)
{
	if (r->rule.n == 0)
		return lamina_json_error(&r->json, at, "this rule has no 'paths'");
	if (r->has_access && r->rule.bits == 0)
		return lamina_json_error(&r->json, &r->access_at,
					 "'access' is empty; without it a rule is about all");
	if (!r->has_action)
		return lamina_json_error(&r->json, at, "this rule has no 'action'");
	if (r->has_errno && r->rule.verdict != LAMINA_ACTION_ERRNO)
		return lamina_json_error(&r->json, &r->errno_at,
					 "'errno' has a meaning only with action ERRNO");
	return 0;
}

/* What is hidden takes with it all that lies below: the root directory would be everything. */
static errint_t check_hidden(const struct lamina_reader *r)
{
	for (size_t i = r->rule.first; i < r->policy->n_patterns; i++) {
		const struct lamina_policy_pattern *pattern = &r->policy->patterns[i];
		const struct lamina_json_token at = {.line = pattern->line,
						     .column = pattern->column};

		if (!strcmp(pattern->text, "/"))
			return lamina_json_error(&r->json, &at,
						 "the root directory cannot be hidden");
	}
	return 0;
}

/* What is said about all accesses also says whether the object is to be seen. */
static void finish_rule(struct lamina_reader *r)
{
	unsigned int action = r->rule.verdict, number = 0;

	if (!r->has_access)
		r->rule.bits = LAMINA_ACCESS_ALL | LAMINA_ACCESS_SEEN;
	if (action == LAMINA_ACTION_ERRNO)
		number = r->has_errno ? r->number : EACCES;
	if (number == ENOENT && !r->has_access)
		action = LAMINA_ACTION_HIDE;
	r->rule.verdict = lamina_verdict(action, number, 0);
}

static errint_t read_rule(struct lamina_reader *r, const struct lamina_json_token *at)
{
	static const struct lamina_json_key keys[] = {
		{"paths", LAMINA_JSON_ARRAY, read_paths},
		{"access", LAMINA_JSON_ARRAY, read_accesses},
		{"action", LAMINA_JSON_STRING, read_action},
		{"errno", LAMINA_JSON_STRING, read_errno},
		{"comment", LAMINA_JSON_STRING, read_comment},
	};
	errint_t err;

	r->rule = (struct lamina_policy_rule){.kind = LAMINA_RULE_RULE};
	r->has_action = r->has_errno = r->has_access = false;
	r->rule.first = r->policy->n_patterns;
	err = lamina_json_object(&r->json, keys, sizeof(keys) / sizeof(keys[0]), r);
	r->rule.n = r->policy->n_patterns - r->rule.first;
	if (err == 0)
		err = check_rule(r, at);
	if (err == 0) {
		finish_rule(r);
		if (lamina_verdict_action(r->rule.verdict) == LAMINA_ACTION_HIDE)
			err = check_hidden(r);
	}
	if (err == 0)
		err = add_rule(r, at, &r->rule);
	if (err < 0)
		free(r->rule.comment);
	return err;
}

static errint_t read_rules(struct lamina_reader *r, const struct lamina_json_token *at)
{
	(void)at;
	return lamina_json_array(&r->json, LAMINA_JSON_OBJECT, read_rule, r);
}

/* ---- the file ---- */

static errint_t read_masked_path(struct lamina_reader *r, const struct lamina_json_token *at)
{
	const struct lamina_policy_rule rule = {
		.kind = LAMINA_RULE_MASKED,
		.bits = LAMINA_ACCESS_ALL | LAMINA_ACCESS_SEEN,
		.verdict = lamina_verdict(LAMINA_ACTION_HIDE, ENOENT, 0),
		.first = r->policy->n_patterns,
		.n = 1,
	};
	errint_t err;

	if (!strcmp(r->json.string, "/"))
		return lamina_json_error(&r->json, at, "the root directory cannot be masked");
	err = add_pattern(r, at, true);
	return err < 0 ? err : add_rule(r, at, &rule);
}

static errint_t read_masked(struct lamina_reader *r, const struct lamina_json_token *at)
{
	(void)at;
	return lamina_json_array(&r->json, LAMINA_JSON_STRING, read_masked_path, r);
}

static errint_t read_readonly_path(struct lamina_reader *r, const struct lamina_json_token *at)
{
	const struct lamina_policy_rule rule = {
		.kind = LAMINA_RULE_READONLY,
		.bits = LAMINA_ACCESS_WRITING,
		.verdict = lamina_verdict(LAMINA_ACTION_ERRNO, EROFS, 0),
		.first = r->policy->n_patterns,
		.n = 1,
	};
	errint_t err = add_pattern(r, at, true);

	return err < 0 ? err : add_rule(r, at, &rule);
}

static errint_t read_readonly(struct lamina_reader *r, const struct lamina_json_token *at)
{
	(void)at;
	return lamina_json_array(&r->json, LAMINA_JSON_STRING, read_readonly_path, r);
}

static errint_t read_default(struct lamina_reader *r, const struct lamina_json_token *at)
{
	r->default_line = at->line;
	r->default_column = at->column;
	return find_action(r, at, "defaultAction", &r->default_action);
}

static errint_t read_mode(struct lamina_reader *r, const struct lamina_json_token *at)
{
	r->dry = !strcmp(r->json.string, "dry-run");
	if (!r->dry && strcmp(r->json.string, "enforce") != 0)
		return lamina_json_error(&r->json, at,
					 "'mode' must be enforce or dry-run, not '%.64s'",
					 r->json.string);
	return 0;
}

static errint_t read_version(struct lamina_reader *r, const struct lamina_json_token *at)
{
	if (strcmp(r->json.string, LAMINA_POLICY_LANGUAGE) != 0)
		return lamina_json_error(&r->json, at,
					 "unknown version '%.64s' of the language; known is '%s'",
					 r->json.string, LAMINA_POLICY_LANGUAGE);
	return 0;
}

static errint_t pass_over(struct lamina_reader *r, const struct lamina_json_token *at)
{
	(void)r;
	(void)at;
	return 0;
}

/* The default is a rule like others: about everything, and without a path. */
static errint_t add_default(struct lamina_reader *r)
{
	unsigned int action = r->default_action;
	const struct lamina_policy_rule rule = {
		.kind = LAMINA_RULE_DEFAULT,
		.bits = LAMINA_ACCESS_ALL | LAMINA_ACCESS_SEEN,
		.verdict = lamina_verdict(action, action == LAMINA_ACTION_ERRNO ? EACCES : 0, 0),
	};
	const struct lamina_json_token at = {.line = r->default_line, .column = r->default_column};

	return add_rule(r, &at, &rule);
}

/* Put the rules of this file into the order in which they are asked. */
static errint_t sort_rules(struct lamina_reader *r)
{
	struct lamina_policy_rule *rules = r->policy->rules + r->first_rule;
	size_t n = r->policy->n_rules - r->first_rule, at = 0;
	_cleanup_free_ struct lamina_policy_rule *sorted = calloc(n, sizeof(*sorted));

	if (!sorted)
		return no_memory(r);
	for (int kind = LAMINA_RULE_MASKED; kind <= LAMINA_RULE_DEFAULT; kind++)
		for (size_t i = 0; i < n; i++)
			if ((int)rules[i].kind == kind)
				sorted[at++] = rules[i];
	memcpy(rules, sorted, n * sizeof(*sorted));
	return 0;
}

static errint_t read_file(struct lamina_reader *r)
{
	static const struct lamina_json_key keys[] = {
		{"version", LAMINA_JSON_STRING, read_version},
		{"maskedPaths", LAMINA_JSON_ARRAY, read_masked},
		{"readonlyPaths", LAMINA_JSON_ARRAY, read_readonly},
		{"defaultAction", LAMINA_JSON_STRING, read_default},
		{"rules", LAMINA_JSON_ARRAY, read_rules},
		{"mode", LAMINA_JSON_STRING, read_mode},
		{"comment", LAMINA_JSON_STRING, pass_over},
		{"$schema", LAMINA_JSON_STRING, pass_over},
	};
	struct lamina_json_token token;
	errint_t err = lamina_json_next_of(&r->json, LAMINA_JSON_OBJECT, &token);

	if (err == 0)
		err = lamina_json_object(&r->json, keys, sizeof(keys) / sizeof(keys[0]), r);
	if (err == 0)
		err = lamina_json_next_of(&r->json, LAMINA_JSON_END, &token);
	if (err == 0)
		err = add_default(r);
	return err < 0 ? err : sort_rules(r);
}

static errint_t add_file(struct lamina_reader *r)
{
	struct lamina_policy *p = r->policy;
	struct lamina_policy_file *files = reallocarray(p->files, p->n_files + 1, sizeof(*files));
	char *name;

	if (!files)
		return no_memory(r);
	p->files = files;
	name = strdup(r->json.file);
	if (!name)
		return no_memory(r);
	files[p->n_files++] = (struct lamina_policy_file){
		.name = name,
		.dry = r->dry,
		.default_rule = p->n_rules - 1,
	};
	return 0;
}

static errint_t read_text(struct lamina_reader *r, struct lamina_policy *policy)
{
	size_t n_rules = policy->n_rules, n_patterns = policy->n_patterns;
	errint_t err;

	r->policy = policy;
	r->first_rule = n_rules;
	r->default_action = LAMINA_ACTION_ALLOW;
	err = read_file(r);
	if (err == 0)
		err = add_file(r);
	if (err < 0)
		lamina_policy_drop(policy, n_rules, n_patterns);
	return err;
}

errint_t lamina_policy_read_text(struct lamina_policy *policy, const char *name, const char *text,
				 size_t size, struct lamina_error *error)
{
	struct lamina_reader *r;
	errint_t err;

	if (policy->n_files >= LAMINA_POLICY_MAX_FILES)
		return lamina_error_say(error, -E2BIG, "%s: more than %d policy files", name,
					LAMINA_POLICY_MAX_FILES);
	if (size > LAMINA_POLICY_MAX_FILE)
		return lamina_error_say(error, -EFBIG, "%s: larger than %u bytes", name,
					LAMINA_POLICY_MAX_FILE);
	r = calloc(1, sizeof(*r)); /* with room for a string: too large for a stack */
	if (!r)
		return lamina_error_set(error, -ENOMEM, "cannot read the policy '%s'", name);
	lamina_json_init(&r->json, name, text, size, error);
	err = read_text(r, policy);
	free(r);
	return err;
}
