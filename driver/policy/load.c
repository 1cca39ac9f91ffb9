// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Checking a table that somebody else has made. What is accepted has no index that leads out of its
 * section, so that a step ends in a state and a state in a verdict; whether the verdicts are wise is
 * up to who wrote it.
 */
#include "policy/compile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"

struct check {
	const uint32_t *words;
	uint32_t n;
};

/* Whether @count elements of @size words from @at lie within the table, behind the header. */
static bool within(const struct check *c, uint32_t at, uint64_t count, uint32_t size)
{
	return at >= LAMINA_POLICY_HEADER && at <= c->n && count * size <= c->n - at;
}

static uint32_t head(const struct check *c, enum lamina_policy_header at)
{
	return c->words[at];
}

static const char *check_sections(const struct check *c)
{
	uint32_t buckets = head(c, LAMINA_POLICY_AT_N_BUCKETS);
	uint32_t automata = head(c, LAMINA_POLICY_AT_AUTOMATA);
	uint32_t names = head(c, LAMINA_POLICY_AT_NAMES);

	if (!within(c, head(c, LAMINA_POLICY_AT_STATES), head(c, LAMINA_POLICY_AT_N_STATES),
		    LAMINA_POLICY_STATE_WORDS) ||
	    !within(c, head(c, LAMINA_POLICY_AT_GROUPS), head(c, LAMINA_POLICY_AT_N_GROUPS),
		    LAMINA_POLICY_GROUP_WORDS) ||
	    !within(c, head(c, LAMINA_POLICY_AT_SLOTS), (uint64_t)buckets * LAMINA_POLICY_BUCKET,
		    LAMINA_POLICY_SLOT_WORDS) ||
	    !within(c, head(c, LAMINA_POLICY_AT_ROWS), head(c, LAMINA_POLICY_AT_N_ROWS),
		    LAMINA_POLICY_BITS) ||
	    !within(c, head(c, LAMINA_POLICY_AT_RULES), head(c, LAMINA_POLICY_AT_N_RULES),
		    LAMINA_POLICY_RULE_WORDS))
		return "a section lies outside of it";
	if (head(c, LAMINA_POLICY_AT_AUTOMATA_END) < automata ||
	    head(c, LAMINA_POLICY_AT_NAMES_END) < names ||
	    !within(c, automata, head(c, LAMINA_POLICY_AT_AUTOMATA_END) - automata, 1) ||
	    !within(c, names, head(c, LAMINA_POLICY_AT_NAMES_END) - names, 1))
		return "a section lies outside of it";
	if (buckets == 0 || (buckets & (buckets - 1)) != 0)
		return "the number of its buckets is not a power of two";
	if (head(c, LAMINA_POLICY_AT_N_STATES) == 0 ||
	    head(c, LAMINA_POLICY_AT_N_STATES) > LAMINA_POLICY_MAX_STATES ||
	    head(c, LAMINA_POLICY_AT_ROOT) >= head(c, LAMINA_POLICY_AT_N_STATES))
		return "its root is no state";
	if (head(c, LAMINA_POLICY_AT_N_RULES) > LAMINA_POLICY_MAX_RULES)
		return "it has too many rules";
	return NULL;
}

static const char *check_states(const struct check *c)
{
	const uint32_t *states = c->words + head(c, LAMINA_POLICY_AT_STATES);

	for (uint32_t i = 0; i < head(c, LAMINA_POLICY_AT_N_STATES); i++, states += 2)
		if (states[0] >= head(c, LAMINA_POLICY_AT_N_GROUPS) ||
		    states[1] >= head(c, LAMINA_POLICY_AT_N_ROWS))
			return "a state has no group or no row";
	return NULL;
}

/* Whether @word refers to bytes among the names. */
static bool is_name(const struct check *c, uint32_t word)
{
	uint32_t at = word >> 8, size = ((word & 0xff) + 3) / 4;

	return at >= head(c, LAMINA_POLICY_AT_NAMES) && at <= head(c, LAMINA_POLICY_AT_NAMES_END) &&
	       size <= head(c, LAMINA_POLICY_AT_NAMES_END) - at;
}

static const char *check_slots(const struct check *c)
{
	const uint32_t *slot = c->words + head(c, LAMINA_POLICY_AT_SLOTS);
	uint32_t n = head(c, LAMINA_POLICY_AT_N_BUCKETS) * LAMINA_POLICY_BUCKET;

	for (uint32_t i = 0; i < n; i++, slot += LAMINA_POLICY_SLOT_WORDS) {
		if (slot[0] == 0)
			continue;
		if (slot[0] > head(c, LAMINA_POLICY_AT_N_GROUPS) || !is_name(c, slot[2]) ||
		    slot[3] >= head(c, LAMINA_POLICY_AT_N_STATES))
			return "a slot leads nowhere";
	}
	return NULL;
}

/* The automaton at @at, which must end before @end. Returns its words; 0: it is none. */
static uint32_t check_automaton(const struct check *c, uint32_t at, uint32_t end)
{
	const uint32_t *words = c->words + at;
	uint32_t body = 2 + LAMINA_POLICY_CLASS_WORDS, classes, states;
	uint64_t cells;

	if (end - at < body)
		return 0;
	classes = words[0];
	states = words[1];
	cells = (uint64_t)classes * states;
	if (classes == 0 || classes > 256 || states == 0 ||
	    states > LAMINA_POLICY_MAX_NAME_STATES || cells + states > end - at - body)
		return 0;
	for (uint32_t i = 0; i < 256; i++)
		if ((words[2 + i / 4] >> i % 4 * 8 & 0xff) >= classes)
			return 0;
	for (uint32_t i = 0; i < cells; i++)
		if ((words[body + i] & ~LAMINA_POLICY_STAYS) >= states)
			return 0;
	for (uint32_t i = 0; i < states; i++)
		if (words[body + cells + i] >= head(c, LAMINA_POLICY_AT_N_STATES))
			return 0;
	return body + (uint32_t)cells + states;
}

/* Automata lie one after the other; @starts marks where. */
static const char *check_automata(const struct check *c, uint8_t *starts)
{
	uint32_t at = head(c, LAMINA_POLICY_AT_AUTOMATA);
	uint32_t end = head(c, LAMINA_POLICY_AT_AUTOMATA_END);

	for (uint32_t i = 0; i < head(c, LAMINA_POLICY_AT_N_AUTOMATA); i++) {
		uint32_t size = check_automaton(c, at, end);

		if (size == 0)
			return "an automaton for names is broken";
		starts[at / 8] |= (uint8_t)(1u << at % 8);
		at += size;
	}
	return at == end ? NULL : "an automaton for names is broken";
}

static const char *check_groups(const struct check *c, const uint8_t *starts)
{
	const uint32_t *groups = c->words + head(c, LAMINA_POLICY_AT_GROUPS);
	uint32_t n = head(c, LAMINA_POLICY_AT_N_GROUPS);

	for (uint32_t i = 0; i < n; i++) {
		const uint32_t *group = groups + (size_t)i * LAMINA_POLICY_GROUP_WORDS;

		if (group[0] & ~LAMINA_POLICY_FLAGS)
			return "a group has unknown flags";
		if (group[1] >= n || (group[0] & LAMINA_POLICY_NEXT &&
				      groups[(size_t)group[1] * LAMINA_POLICY_GROUP_WORDS] &
					      (LAMINA_POLICY_NEXT | LAMINA_POLICY_SAME)))
			return "a group leads to a group that it cannot";
		if (group[2] && (group[2] >= c->n || !(starts[group[2] / 8] >> group[2] % 8 & 1)))
			return "a group has an automaton that is none";
		if (group[3] >= head(c, LAMINA_POLICY_AT_N_STATES))
			return "a group leads to no state";
	}
	return NULL;
}

static bool is_verdict(uint32_t verdict)
{
	unsigned int action = lamina_verdict_action(verdict);
	unsigned int number = lamina_verdict_errno(verdict);

	if (action < LAMINA_ACTION_ALLOW || action > LAMINA_ACTION_HIDE)
		return false;
	if (action < LAMINA_ACTION_DRY)
		return number == 0;
	return lamina_policy_errno_name(number) != NULL;
}

static const char *check_rows(const struct check *c)
{
	const uint32_t *rows = c->words + head(c, LAMINA_POLICY_AT_ROWS);
	uint32_t n = head(c, LAMINA_POLICY_AT_N_ROWS) * LAMINA_POLICY_BITS;

	for (uint32_t i = 0; i < n; i++)
		if (!is_verdict(rows[i]) ||
		    lamina_verdict_rule(rows[i]) >= head(c, LAMINA_POLICY_AT_N_RULES))
			return "a verdict is none";
	return NULL;
}

/* What people read of a rule: a file's name, which is text, and its kind. */
static const char *check_rules(const struct check *c)
{
	const uint32_t *rule = c->words + head(c, LAMINA_POLICY_AT_RULES);
	uint32_t n = head(c, LAMINA_POLICY_AT_N_RULES);

	for (uint32_t i = 0; i < n; i++, rule += LAMINA_POLICY_RULE_WORDS)
		if (!is_name(c, rule[0]) || !is_verdict(rule[3] & 0xffff) ||
		    rule[3] >> 16 > LAMINA_RULE_DEFAULT)
			return "a rule is broken";
	return NULL;
}

static const char *check_header(const struct check *c)
{
	if (c->n < LAMINA_POLICY_HEADER || head(c, LAMINA_POLICY_AT_MAGIC) != LAMINA_POLICY_MAGIC)
		return "it does not begin as one";
	if (head(c, LAMINA_POLICY_AT_VERSION) != LAMINA_POLICY_VERSION ||
	    head(c, LAMINA_POLICY_AT_BITS) != LAMINA_POLICY_BITS)
		return "it is of another version; compile its source again";
	if (head(c, LAMINA_POLICY_AT_WORDS) != c->n)
		return "its size is not the one that it says";
	return NULL;
}

static const char *check_all(const struct check *c, uint8_t *starts)
{
	const char *problem = check_header(c);

	if (!problem)
		problem = check_sections(c);
	if (!problem)
		problem = check_states(c);
	if (!problem)
		problem = check_slots(c);
	if (!problem)
		problem = check_automata(c, starts);
	if (!problem)
		problem = check_groups(c, starts);
	if (!problem)
		problem = check_rows(c);
	if (!problem)
		problem = check_rules(c);
	return problem;
}

errint_t lamina_policy_load(const void *bytes, size_t size, struct lamina_compiled *ret,
			    struct lamina_error *error)
{
	const char *problem = "its size is not the one that it says";
	struct check c = {.n = (uint32_t)(size / 4)};
	uint32_t *words = NULL;
	uint8_t *starts = NULL;

	if (size % 4 == 0 && size <= (size_t)LAMINA_POLICY_MAX_WORDS * 4) {
		words = malloc(size + 1);
		starts = calloc(c.n / 8 + 1, 1);
		if (words && starts) {
			memcpy(words, bytes, size);
			c.words = words;
			problem = check_all(&c, starts);
		}
		free(starts);
		if (!words || !starts) {
			free(words);
			return lamina_error_set(error, -ENOMEM, "cannot load the policy");
		}
	}
	if (problem) {
		free(words);
		return lamina_error_say(error, -EINVAL, "this is not a compiled policy: %s",
					problem);
	}
	*ret = (struct lamina_compiled){.words = words, .n = c.n};
	return 0;
}
