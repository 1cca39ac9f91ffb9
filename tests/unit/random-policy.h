/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random policies, as JSON, over a few short names: so that patterns meet each other and the paths
 * that are tried.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "policy/access.h"
#include "text.h"

static uint64_t random_state;

static inline void random_seed(uint64_t seed)
{
	random_state = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15);
}

static inline unsigned int random_below(unsigned int n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (unsigned int)(random_state >> 20) % n;
}

static inline const char *pick(const char *const *list, unsigned int n)
{
	return list[random_below(n)];
}

#define PICK(list) pick(list, sizeof(list) / sizeof((list)[0]))

static inline void add_pattern(struct text *t, bool masked)
{
	static const char *const parts[] = {
		"a",	  "b",	    "ab",    "ba",	"a",	    "b",    "*",    "*",
		"**",	  "**",	    "?",     "a*",	"*b",	    "*a*",  "[ab]", "[!a]",
		"a?",	  "[^b]*b", "\\\\*", "[a-]",	"*[]a]",    "[!]]", ".env", "*.c",
		"[+-b]*", "a*b*",   "*a*b",  "\\u00e9", "[\\\\]x]",
	};
	unsigned int n = random_below(5) + masked;

	add(t, "\"%s", n ? "" : "/");
	while (n-- > 0)
		add(t, "/%s", PICK(parts));
	add(t, "\"");
}

static inline void add_paths(struct text *t, unsigned int n, bool masked)
{
	add(t, "[");
	for (unsigned int i = 0; i < n; i++) {
		add(t, "%s", i ? ", " : "");
		add_pattern(t, masked);
	}
	add(t, "]");
}

static inline void add_access(struct text *t)
{
	unsigned int n = 0;

	add(t, ", \"access\": [");
	for (unsigned int i = 1; i < LAMINA_POLICY_BITS; i++)
		if (random_below(4) == 0)
			add(t, "%s\"%s\"", n++ ? ", " : "", lamina_access_name(i));
	add(t, n ? "]" : "\"xattr\"]");
}

static inline void add_rule(struct text *t)
{
	static const char *const errors[] = {"ENOENT", "EACCES", "EPERM", "EIO"};
	bool hides = false;

	add(t, "{\"action\": ");
	switch (random_below(4)) {
	case 0:
		add(t, "\"ALLOW\"");
		break;
	case 1:
		add(t, "\"LOG\"");
		break;
	default:
		hides = random_below(3) > 0;
		add(t, "\"ERRNO\"");
		if (hides)
			add(t, ", \"errno\": \"%s\"", PICK(errors));
		break;
	}
	if (random_below(2))
		add_access(t);
	add(t, ", \"paths\": ");
	add_paths(t, 1 + random_below(3), hides);
	add(t, "}");
}

/* One file of a policy. */
static inline void make_file(struct text *t)
{
	static const char *const defaults[] = {"ALLOW", "ALLOW", "LOG", "ERRNO"};
	unsigned int rules = random_below(random_below(8) ? 8 : 40);

	t->n = 0;
	add(t, "{\"defaultAction\": \"%s\"", PICK(defaults));
	if (random_below(5) == 0)
		add(t, ", \"mode\": \"dry-run\"");
	add(t, ",\n \"rules\": [");
	for (unsigned int i = 0; i < rules; i++) {
		add(t, i ? ",\n  " : "\n  ");
		add_rule(t);
	}
	add(t, "]");
	if (random_below(3) == 0) {
		add(t, ",\n \"maskedPaths\": ");
		add_paths(t, random_below(3), true);
	}
	if (random_below(3) == 0) {
		add(t, ",\n \"readonlyPaths\": ");
		add_paths(t, random_below(3), false);
	}
	add(t, "}\n");
}
