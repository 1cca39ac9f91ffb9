/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The plain matcher that the compiler is compared with: slow, over the whole path and all rules, and
 * written from docs/policy.md alone. It shares with the compiler what the reader has read.
 */
#pragma once

#include <stdlib.h>
#include <string.h>

#include "policy/policy.h"

/* Whether the set at @p (behind its '[') has @byte; *@end: behind the ']'. */
static inline bool reference_set(const char *p, unsigned char byte, const char **end)
{
	bool negated = *p == '!' || *p == '^', found = false;
	const char *start = negated ? p + 1 : p;

	for (p = start; p == start || *p != ']'; p++) {
		unsigned char low, high;

		p += *p == '\\';
		low = high = (unsigned char)*p;
		if (p[1] == '-' && p[2] != ']') {
			p += 2;
			p += *p == '\\';
			high = (unsigned char)*p;
		}
		found |= low <= byte && byte <= high;
	}
	*end = p + 1;
	return found != negated;
}

/* Whether the pattern from @p matches all of @s; both begin at a '/', or within a component. */
static inline bool reference_glob(const char *p, const char *s)
{
	if (!strncmp(p, "/**", 3) && (p[3] == '/' || !p[3])) {
		if (s[0] != '/' || !p[3])
			return s[0] == '/' && s[1];
		for (const char *at = s; at; at = strchr(at + 1, '/'))
			if (reference_glob(p + 3, at))
				return true;
		return false;
	}
	if (*p == '*') {
		for (;; s++) {
			if (reference_glob(p + 1, s))
				return true;
			if (!*s || *s == '/')
				return false;
		}
	}
	if (!*p || !*s)
		return !*p && !*s;
	if (*p == '[') {
		const char *end;
		bool has = reference_set(p + 1, (unsigned char)*s, &end);

		return *s != '/' && has && reference_glob(end, s + 1);
	}
	if (*p == '?')
		return *s != '/' && reference_glob(p + 1, s + 1);
	p += *p == '\\';
	return *p == *s && reference_glob(p + 1, s + 1);
}

static inline bool reference_path(const char *pattern, const char *path)
{
	if (!strcmp(path, "/") || !strcmp(pattern, "/"))
		return !strcmp(path, pattern);
	return reference_glob(pattern, path);
}

/* Calls @visit for each directory above @path, from "/", and for @path. */
#define REFERENCE_PREFIXES(path, prefix)                                         \
	for (char prefix[4096], *at_##prefix = strcpy(prefix, "/"); at_##prefix; \
	     at_##prefix = reference_longer(path, prefix))

/* Make @prefix of @path one component longer; NULL if it is all of it. */
static inline char *reference_longer(const char *path, char *prefix)
{
	size_t length = strlen(prefix), more;

	if (!strcmp(path, prefix))
		return NULL;
	length = length == 1 ? 0 : length;
	more = 1 + strcspn(path + length + 1, "/");
	memcpy(prefix + length, path + length, more);
	prefix[length + more] = '\0';
	return prefix;
}

static inline bool reference_rule(const struct lamina_policy *policy,
				  const struct lamina_policy_rule *rule, const char *path)
{
	if (rule->kind == LAMINA_RULE_DEFAULT)
		return true;
	for (size_t i = rule->first; i < rule->first + rule->n; i++) {
		if (reference_path(policy->patterns[i].text, path))
			return true;
		if (!policy->patterns[i].below)
			continue;
		REFERENCE_PREFIXES(path, prefix)
		if (reference_path(policy->patterns[i].text, prefix))
			return true;
	}
	return false;
}

/* What the first rule of each file says about the object itself; the strictest of these. */
static inline unsigned int reference_own(const struct lamina_policy *policy, const char *path,
					 unsigned int access)
{
	unsigned int strictest = 0, file = (unsigned int)policy->n_files;

	for (unsigned int i = 0; i < policy->n_rules; i++) {
		const struct lamina_policy_rule *rule = &policy->rules[i];
		unsigned int action = rule->verdict & 0xf, number = rule->verdict >> 4;

		if (rule->file == file || !(rule->bits >> access & 1) ||
		    !reference_rule(policy, rule, path))
			continue;
		file = rule->file; /* has spoken */
		if (access == LAMINA_ACCESS_SEE && action != LAMINA_ACTION_HIDE) {
			action = LAMINA_ACTION_ALLOW;
			number = 0;
		}
		if (policy->files[file].dry && number != 0)
			action = LAMINA_ACTION_DRY;
		if (action > (strictest & 0xf))
			strictest = i << 16 | number << 4 | action;
	}
	return strictest;
}

static inline unsigned int reference_decide(const struct lamina_policy *policy, const char *path,
					    unsigned int access)
{
	unsigned int own, reading;

	REFERENCE_PREFIXES(path, prefix)
	{
		unsigned int seen = reference_own(policy, prefix, LAMINA_ACCESS_SEE);

		if ((seen & 0xf) == LAMINA_ACTION_HIDE)
			return seen;
	}
	own = reference_own(policy, path, access);
	if (access != LAMINA_ACCESS_EXECUTE)
		return own;
	reading = reference_own(policy, path, LAMINA_ACCESS_READ_FILE);
	return (reading & 0xf) > (own & 0xf) ? reading : own;
}
