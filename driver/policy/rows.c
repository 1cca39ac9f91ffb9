// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the rules that match an object say together, access by access: in a file the first that is
 * about the access, of several files the strictest.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "policy/automaton.h"

/* Put what @rule says into @row, for what no rule of its file has decided yet. */
static void ask_rule(const struct lamina_automaton *a, uint32_t number, unsigned int *decided,
		     uint32_t row[LAMINA_POLICY_BITS])
{
	const struct lamina_policy_rule *rule = &a->policy->rules[number];

	for (unsigned int access = 0; access < LAMINA_POLICY_BITS; access++) {
		unsigned int verdict;

		if (!(rule->bits & ~*decided & 1u << access))
			continue;
		verdict = lamina_policy_rule_says(a->policy, rule, access) | number << 16;
		if (lamina_verdict_action(verdict) > lamina_verdict_action(row[access]))
			row[access] = verdict;
	}
	*decided |= rule->bits;
}

/* File after file: its rules among @rules, then its default. */
static void ask_all(const struct lamina_automaton *a, const uint32_t *rules, size_t n,
		    uint32_t row[LAMINA_POLICY_BITS])
{
	size_t at = 0;

	for (size_t i = 0; i < a->policy->n_files; i++) {
		uint32_t last = (uint32_t)a->policy->files[i].default_rule;
		unsigned int decided = 0;

		while (at < n && rules[at] < last)
			ask_rule(a, rules[at++], &decided, row);
		ask_rule(a, last, &decided, row);
	}
}

static errint_t make_row(struct lamina_automaton *a, const uint32_t *rules, size_t n)
{
	uint32_t row[LAMINA_POLICY_BITS] = {0};

	ask_all(a, rules, n, row);
	/* A file is opened for reading to be run, and what runs it may get at its content. */
	if (lamina_verdict_action(row[LAMINA_ACCESS_READ_FILE]) >
	    lamina_verdict_action(row[LAMINA_ACCESS_EXECUTE]))
		row[LAMINA_ACCESS_EXECUTE] = row[LAMINA_ACCESS_READ_FILE];
	/* Nothing can be done with what is not to be seen. */
	if (lamina_verdict_action(row[LAMINA_ACCESS_SEE]) == LAMINA_ACTION_HIDE)
		for (unsigned int access = 0; access < LAMINA_POLICY_BITS; access++)
			row[access] = row[LAMINA_ACCESS_SEE];
	return lamina_intern_add(&a->row_words, row, LAMINA_POLICY_BITS);
}

errint_t lamina_automaton_row(struct lamina_automaton *a, const uint32_t *rules, size_t n)
{
	errint_t set = lamina_intern_add(&a->rule_rows, rules, n), row;

	if (set < 0)
		return set;
	if ((uint32_t)set == a->rows_room) {
		uint32_t room = a->rows_room ? a->rows_room * 2 : 64;
		uint32_t *rows = reallocarray(a->rows, room, sizeof(*rows));

		if (!rows)
			return -ENOMEM;
		a->rows = rows;
		memset(rows + a->rows_room, 0xff, (room - a->rows_room) * sizeof(*rows));
		a->rows_room = room;
	}
	if (a->rows[set] != UINT32_MAX)
		return (errint_t)a->rows[set];
	row = make_row(a, rules, n);
	if (row >= 0)
		a->rows[set] = (uint32_t)row;
	return row;
}

bool lamina_automaton_hides(const struct lamina_automaton *a, uint32_t row)
{
	size_t n;

	return lamina_verdict_action(lamina_intern_get(
		       &a->row_words, row, &n)[LAMINA_ACCESS_SEE]) == LAMINA_ACTION_HIDE;
}
