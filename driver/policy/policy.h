/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Policies as they are written: files, their rules in the order in which they are asked, and the
 * paths of these. Filled by lamina_policy_read_text(), compiled by policy/compile.h; docs/policy.md
 * says what all of it means.
 *
 * In one file the first rule that matches an object and is about an access decides; masked paths
 * come first, then read-only paths, then `rules`, then the default. Of several files the strictest
 * verdict counts. What is hidden takes with it all that lies below.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "policy/access.h"

/* The version of the language that policies are written in: what "version" may say in a file. */
#define LAMINA_POLICY_LANGUAGE "1"

enum lamina_rule_kind {
	LAMINA_RULE_MASKED,
	LAMINA_RULE_READONLY,
	LAMINA_RULE_RULE,
	LAMINA_RULE_DEFAULT,
};

struct lamina_policy_pattern {
	char *text;
	unsigned int line, column;
	bool below; /* it is also about all that lies below what it matches */
};

struct lamina_policy_rule {
	enum lamina_rule_kind kind;
	unsigned int file;
	unsigned int line, column; /* of a default that nobody wrote: 0 */
	unsigned int bits;	   /* accesses that it decides, 1 << LAMINA_ACCESS_* */
	unsigned int verdict;	   /* action and errno; of a default: its number is the rule's */
	char *comment;		   /* or NULL */
	size_t first, n;	   /* its patterns */
};

struct lamina_policy_file {
	char *name;
	bool dry;	     /* log what would be refused */
	size_t default_rule; /* its last one */
};

struct lamina_policy {
	struct lamina_policy_file *files;
	size_t n_files;
	struct lamina_policy_rule *rules; /* file after file, each in the order of asking */
	size_t n_rules;
	struct lamina_policy_pattern *patterns;
	size_t n_patterns;
	size_t rules_room, patterns_room;
};

void lamina_policy_init(struct lamina_policy *policy);
void lamina_policy_done(struct lamina_policy *policy);

/*
 * Read one file more, of which @text is the content and @name stands for in errors. With errors,
 * @policy is as it was, and @error says "FILE:LINE:COLUMN: what".
 */
errint_t lamina_policy_read_text(struct lamina_policy *policy, const char *name, const char *text,
				 size_t size, struct lamina_error *error);

/* What @rule says about @access, as a verdict without the rule's number; its file may be dry. */
unsigned int lamina_policy_rule_says(const struct lamina_policy *policy,
				     const struct lamina_policy_rule *rule, unsigned int access);

/* ---- for the reader ---- */

/* Add a copy; the pattern's text is copied as well, a rule's comment is taken over. */
errint_t lamina_policy_add_pattern(struct lamina_policy *policy,
				   const struct lamina_policy_pattern *pattern);
errint_t lamina_policy_add_rule(struct lamina_policy *policy,
				const struct lamina_policy_rule *rule);

/* Forget what was added since there were so many. */
void lamina_policy_drop(struct lamina_policy *policy, size_t n_rules, size_t n_patterns);
