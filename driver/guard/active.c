// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What is found out about a table when it comes into force. No locks: it is done before anybody else
 * knows the policy.
 */
#include "guard/active.h"

#include <stdlib.h>

#include "base/cleanup.h"

static uint32_t head(const struct lamina_active *active, enum lamina_policy_header at)
{
	return active->table.words[at];
}

static void mark(struct lamina_active *active, uint32_t group)
{
	active->hiding[group / 8] |= (uint8_t)(1u << group % 8);
	active->hides = true;
}

static bool is_marked(const struct lamina_active *active, uint32_t group)
{
	return active->hiding[group / 8] >> group % 8 & 1;
}

/* Names that are written in the policy. */
static void mark_slots(struct lamina_active *active)
{
	const uint32_t *slot = active->table.words + head(active, LAMINA_POLICY_AT_SLOTS);
	uint32_t n = head(active, LAMINA_POLICY_AT_N_BUCKETS) * LAMINA_POLICY_BUCKET;

	for (uint32_t i = 0; i < n; i++, slot += LAMINA_POLICY_SLOT_WORDS)
		if (slot[0] && lamina_active_hidden(active, slot[3]))
			mark(active, slot[0] - 1);
}

/* Whether the automaton at @at, which was checked, ends in a hidden state for some name. */
static bool automaton_hides(const struct lamina_active *active, uint32_t at)
{
	const uint32_t *words = active->table.words + at;
	uint32_t classes = words[0], states = words[1];

	words += 2 + LAMINA_POLICY_CLASS_WORDS + (size_t)classes * states;
	for (uint32_t i = 0; i < states; i++)
		if (lamina_active_hidden(active, words[i]))
			return true;
	return false;
}

/* All other names. Groups that send them on to another one come second. */
static void mark_groups(struct lamina_active *active)
{
	const uint32_t *groups = active->table.words + head(active, LAMINA_POLICY_AT_GROUPS);
	uint32_t n = head(active, LAMINA_POLICY_AT_N_GROUPS);

	for (uint32_t i = 0; i < n; i++) {
		const uint32_t *group = groups + (size_t)i * LAMINA_POLICY_GROUP_WORDS;

		/* SAME: what lies below is seen or hidden as the directory itself is. */
		if (group[0] & (LAMINA_POLICY_NEXT | LAMINA_POLICY_SAME))
			continue;
		if (group[2] ? automaton_hides(active, group[2])
			     : lamina_active_hidden(active, group[3]))
			mark(active, i);
	}
	for (uint32_t i = 0; i < n; i++) {
		const uint32_t *group = groups + (size_t)i * LAMINA_POLICY_GROUP_WORDS;

		if ((group[0] & LAMINA_POLICY_NEXT) && is_marked(active, group[1]))
			mark(active, i);
	}
}

/* Whether some row refuses one of @accesses, which are bits. */
static bool some_row_refuses(const struct lamina_active *active, uint32_t accesses)
{
	const uint32_t *row = active->table.words + head(active, LAMINA_POLICY_AT_ROWS);
	uint32_t n = head(active, LAMINA_POLICY_AT_N_ROWS);

	for (uint32_t i = 0; i < n; i++, row += LAMINA_POLICY_BITS)
		for (unsigned int access = 0; access < LAMINA_POLICY_BITS; access++)
			if (accesses >> access & 1 && lamina_verdict_refuses(row[access]))
				return true;
	return false;
}

struct lamina_active *lamina_active_new(struct lamina_bundle *bundle)
{
	struct lamina_active *active = calloc(1, sizeof(*active));

	if (!active) {
		lamina_bundle_done(bundle);
		return NULL;
	}
	active->refs = 1;
	active->bundle = *bundle;
	*bundle = (struct lamina_bundle){0};
	active->table = lamina_compiled_table(&active->bundle.compiled);
	active->hiding = calloc(head(active, LAMINA_POLICY_AT_N_GROUPS) / 8 + 1, 1);
	if (!active->hiding) {
		lamina_active_unref(active);
		return NULL;
	}
	/* No name leads to the root, which a table that nobody compiled may hide, too. */
	active->hides = lamina_active_hidden(active, lamina_policy_root(&active->table));
	mark_slots(active);
	mark_groups(active);
	active->refuses = some_row_refuses(active, UINT32_MAX);
	active->lists = active->hides || some_row_refuses(active, 1u << LAMINA_ACCESS_READ_DIR);
	return active;
}

struct lamina_active *lamina_active_ref(struct lamina_active *active)
{
	if (active)
		atomic_fetch_add(&active->refs, 1);
	return active;
}

void lamina_active_unref(struct lamina_active *active)
{
	if (!active || atomic_fetch_sub(&active->refs, 1) > 1)
		return;
	free(active->hiding);
	lamina_bundle_done(&active->bundle);
	free(active);
}

bool lamina_active_hides_in(const struct lamina_active *active, unsigned int state)
{
	const uint32_t *states = active->table.words + head(active, LAMINA_POLICY_AT_STATES);

	if (!active->hides)
		return false;
	return lamina_active_hidden(active, state) ||
	       is_marked(active, states[(size_t)state * LAMINA_POLICY_STATE_WORDS]);
}
