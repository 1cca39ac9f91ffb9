// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Policies as lists of files, rules and paths.
 */
#include "policy/policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"

errint_t lamina_policy_add_pattern(struct lamina_policy *p,
				   const struct lamina_policy_pattern *pattern)
{
	char *text = strdup(pattern->text);

	if (!text ||
	    !lamina_grow(&p->patterns, p->n_patterns, &p->patterns_room, sizeof(*p->patterns))) {
		free(text);
		return -ENOMEM;
	}
	p->patterns[p->n_patterns] = *pattern;
	p->patterns[p->n_patterns++].text = text;
	return 0;
}

errint_t lamina_policy_add_rule(struct lamina_policy *p, const struct lamina_policy_rule *rule)
{
	if (!lamina_grow(&p->rules, p->n_rules, &p->rules_room, sizeof(*p->rules)))
		return -ENOMEM;
	p->rules[p->n_rules++] = *rule;
	return 0;
}

void lamina_policy_drop(struct lamina_policy *p, size_t n_rules, size_t n_patterns)
{
	for (size_t i = n_rules; i < p->n_rules; i++)
		free(p->rules[i].comment);
	for (size_t i = n_patterns; i < p->n_patterns; i++)
		free(p->patterns[i].text);
	p->n_rules = n_rules;
	p->n_patterns = n_patterns;
}

void lamina_policy_init(struct lamina_policy *policy)
{
	*policy = (struct lamina_policy){0};
}

void lamina_policy_done(struct lamina_policy *policy)
{
	lamina_policy_drop(policy, 0, 0);
	for (size_t i = 0; i < policy->n_files; i++)
		free(policy->files[i].name);
	free(policy->files);
	free(policy->rules);
	free(policy->patterns);
	lamina_policy_init(policy);
}

unsigned int lamina_policy_rule_says(const struct lamina_policy *policy,
				     const struct lamina_policy_rule *rule, unsigned int access)
{
	unsigned int action = lamina_verdict_action(rule->verdict);
	unsigned int number = lamina_verdict_errno(rule->verdict);

	/* Only hiding is about being seen: looking a name up is neither told nor refused. */
	if (access == LAMINA_ACCESS_SEE && action != LAMINA_ACTION_HIDE)
		return lamina_verdict(LAMINA_ACTION_ALLOW, 0, 0);
	if (policy->files[rule->file].dry && action >= LAMINA_ACTION_ERRNO)
		action = LAMINA_ACTION_DRY;
	return lamina_verdict(action, number, 0);
}
