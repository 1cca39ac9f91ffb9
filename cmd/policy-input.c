// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reading what the command line of `lamina policy` names, and words for what was read.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/limits.h"
#include "policy.h"
#include "policy/file.h"
#include "policy/json.h"

static errint_t load(struct policy_input *input, const char *name, const void *bytes, size_t size,
		     size_t n, bool dry, struct lamina_error *error)
{
	errint_t err;

	if (n > 1 || dry)
		return lamina_error_say(error, -EINVAL,
					"%s: a compiled policy is taken as it is, by itself", name);
	err = lamina_policy_load(bytes, size, &input->compiled, error);
	return err < 0 ? lamina_error_wrap(error, err, "%s", name) : 0;
}

static errint_t read_one(struct policy_input *input, const char *path, size_t n, bool dry,
			 struct lamina_error *error)
{
	const char *name = !strcmp(path, "-") ? "standard input" : path;
	_cleanup_free_ char *bytes = NULL;
	size_t size = 0;
	errint_t err = lamina_policy_read_bytes(path, LAMINA_POLICY_MAX_WORDS * 4, &bytes, &size);

	if (err == -EFBIG) {
		lamina_error_set(error, 0, "%s: larger than %u bytes", name,
				 LAMINA_POLICY_MAX_FILE);
		return err;
	}
	if (err < 0)
		return lamina_error_set(error, err, "cannot read the policy '%s'", name);
	if (lamina_policy_is_compiled(bytes, size))
		return load(input, name, bytes, size, n, dry, error);
	return lamina_policy_read_text(&input->policy, name, bytes, size, error);
}

errint_t policy_input_read(struct policy_input *input, char **files, size_t n, bool dry,
			   struct lamina_error *error)
{
	errint_t err = 0;

	lamina_policy_init(&input->policy);
	input->compiled = (struct lamina_compiled){0};
	for (size_t i = 0; err == 0 && i < n; i++)
		err = read_one(input, files[i], n, dry, error);
	for (size_t i = 0; dry && i < input->policy.n_files; i++)
		input->policy.files[i].dry = true;
	if (err == 0 && !input->compiled.words)
		err = lamina_policy_compile(&input->policy, &input->compiled, error);
	if (err < 0)
		policy_input_done(input);
	return err;
}

void policy_input_done(struct policy_input *input)
{
	lamina_policy_done(&input->policy);
	lamina_compiled_done(&input->compiled);
}

void policy_verdict_text(unsigned int verdict, char *ret, size_t size)
{
	const char *number = lamina_policy_errno_name(lamina_verdict_errno(verdict));

	switch (lamina_verdict_action(verdict)) {
	case LAMINA_ACTION_ALLOW:
		snprintf(ret, size, "allowed");
		break;
	case LAMINA_ACTION_LOG:
		snprintf(ret, size, "allowed, logged");
		break;
	case LAMINA_ACTION_DRY:
		snprintf(ret, size, "allowed, logged (would be %s)", number);
		break;
	case LAMINA_ACTION_HIDE:
		snprintf(ret, size, "hidden");
		break;
	default:
		snprintf(ret, size, "refused (%s)", number ? number : "?");
		break;
	}
}

const char *policy_kind_name(enum lamina_rule_kind kind)
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

void policy_print(const char *text)
{
	_cleanup_free_ char *copy = strdup(text);

	if (!copy)
		return;
	lamina_json_clean(copy);
	fputs(copy, stdout);
}
