// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reading what the command line of `lamina policy` names, and words for what was read.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "policy.h"

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

void policy_input_done(struct policy_input *input)
{
	lamina_sources_done(&input->sources);
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
	lamina_text_put(stdout, text);
}
