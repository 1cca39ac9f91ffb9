/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A compiled policy and how a decision is made with it: the one place where that is written, for
 * the daemon and for BPF. So it includes nothing, allocates nothing, has no recursion, and each
 * loop has a bound that is a constant.
 *
 * A compiled policy is an array of 32-bit words in the machine's byte order; places in it are
 * indexes of words, so it may lie anywhere. Every word is read by LAMINA_POLICY_WORD(table, index),
 * which is 0 beyond the end; who keeps the words elsewhere (a BPF map) defines it before including
 * this. An object of a governed tree carries the number of its state; a decision is
 *
 *   state = lamina_policy_step(table, parent's state, name, length), from lamina_policy_root(), and
 *   verdict = lamina_policy_verdict(table, state, access).
 *
 * Both cost the same for any number of rules: a step is one pass over the name, at most two lookups
 * in one hash table, each of at most two buckets, and at most one pass by an automaton over the
 * name's bytes.
 *
 *   header     LAMINA_POLICY_HEADER words, the enum below
 *   states     2 words each: group, row
 *   groups     4 words each: what states have in common that lead on in the same way:
 *              flags, the group to ask next, the automaton for names (0: none), the target of
 *              names that nothing else is said about
 *   slots      4 words each, a hash table over all groups, in buckets of LAMINA_POLICY_BUCKET; a
 *              name is in one of two buckets: group + 1 (0: free), hash of the name, place of the
 *              name << 8 | its length, target
 *   automata   number of classes, number of states, 64 words that give each byte its class (four
 *              bytes a word), states x classes words with the next state, states words with the
 *              target. The first state is 0. LAMINA_POLICY_STAYS beside the next state says that
 *              no byte leads on from there.
 *   rows       LAMINA_POLICY_BITS words each: one verdict an access
 *   names      bytes, four a word, the rest of the last word is zero
 *   rules      4 words each: place of the file's name << 8 | its length, line, column, what it is
 *              (action, errno, kind: as in a verdict, with the kind for the rule); for people only
 *
 * A verdict is: rule << 16 | errno << 4 | action.
 */
#pragma once

enum lamina_access {
	LAMINA_ACCESS_SEE, /* lookup and listing: hidden or not */
	LAMINA_ACCESS_READ_FILE,
	LAMINA_ACCESS_WRITE_FILE,
	LAMINA_ACCESS_EXECUTE, /* a row's verdict is at least as strict as that about reading */
	LAMINA_ACCESS_READ_DIR,
	LAMINA_ACCESS_MAKE_DIR,
	LAMINA_ACCESS_MAKE_REG,
	LAMINA_ACCESS_MAKE_SYM,
	LAMINA_ACCESS_MAKE_SOCK,
	LAMINA_ACCESS_MAKE_FIFO,
	LAMINA_ACCESS_MAKE_CHAR,
	LAMINA_ACCESS_MAKE_BLOCK,
	LAMINA_ACCESS_REMOVE_DIR,
	LAMINA_ACCESS_REMOVE_FILE,
	LAMINA_ACCESS_TRUNCATE,
	LAMINA_ACCESS_REFER,
	LAMINA_ACCESS_CHMOD,
	LAMINA_ACCESS_CHOWN,
	LAMINA_ACCESS_XATTR,
	LAMINA_POLICY_BITS,
};

/* In the order of their strictness. 0 is no action: what is not a policy allows nothing. */
enum lamina_action {
	LAMINA_ACTION_ALLOW = 1,
	LAMINA_ACTION_LOG,   /* allow, and tell */
	LAMINA_ACTION_DRY,   /* allow, and tell what would have been refused */
	LAMINA_ACTION_ERRNO, /* refuse */
	LAMINA_ACTION_HIDE,  /* refuse, as if the name did not exist */
};

#define LAMINA_POLICY_MAGIC    0x6c6f506cu /* "lPol" */
#define LAMINA_POLICY_VERSION  3u
#define LAMINA_POLICY_NAME_MAX 255u
#define LAMINA_POLICY_BUCKET   4u

/* A name takes so many words at most. */
#define LAMINA_POLICY_NAME_WORDS ((LAMINA_POLICY_NAME_MAX + 3) / 4)

enum lamina_policy_header {
	LAMINA_POLICY_AT_MAGIC,
	LAMINA_POLICY_AT_VERSION,
	LAMINA_POLICY_AT_WORDS, /* of all */
	LAMINA_POLICY_AT_BITS,	/* LAMINA_POLICY_BITS */
	LAMINA_POLICY_AT_SEED,
	LAMINA_POLICY_AT_ROOT, /* state of "/" */
	LAMINA_POLICY_AT_N_STATES,
	LAMINA_POLICY_AT_STATES,
	LAMINA_POLICY_AT_N_GROUPS,
	LAMINA_POLICY_AT_GROUPS,
	LAMINA_POLICY_AT_N_BUCKETS, /* a power of two */
	LAMINA_POLICY_AT_SLOTS,
	LAMINA_POLICY_AT_N_ROWS,
	LAMINA_POLICY_AT_ROWS,
	LAMINA_POLICY_AT_N_AUTOMATA,
	LAMINA_POLICY_AT_AUTOMATA, /* one after the other */
	LAMINA_POLICY_AT_AUTOMATA_END,
	LAMINA_POLICY_AT_NAMES,
	LAMINA_POLICY_AT_NAMES_END,
	LAMINA_POLICY_AT_N_RULES,
	LAMINA_POLICY_AT_RULES,
	LAMINA_POLICY_HEADER,
};

#define LAMINA_POLICY_STATE_WORDS 2u
#define LAMINA_POLICY_GROUP_WORDS 4u
#define LAMINA_POLICY_SLOT_WORDS  4u
#define LAMINA_POLICY_RULE_WORDS  4u
#define LAMINA_POLICY_CLASS_WORDS 64u
#define LAMINA_POLICY_STAYS	  0x80000000u

/* Flags of a group. */
#define LAMINA_POLICY_EXACT 1u /* it has slots */
#define LAMINA_POLICY_NEXT \
	2u /* ask another group about names without a slot; that one has no next */
#define LAMINA_POLICY_SAME  4u /* every name leads to the same state again */
#define LAMINA_POLICY_FLAGS 7u

#ifndef LAMINA_POLICY_WORD
struct lamina_policy_table {
	const unsigned int *words;
	unsigned int n;
};

static inline unsigned int lamina_policy_word(const struct lamina_policy_table *table,
					      unsigned int index)
{
	return index < table->n ? table->words[index] : 0;
}

#define LAMINA_POLICY_TABLE		 const struct lamina_policy_table *
#define LAMINA_POLICY_WORD(table, index) lamina_policy_word(table, index)
#endif

/* A loop over 0 ... n - 1. The kernel's verifier follows such a loop round by round, and each of these
 * has more rounds within than it is willing to follow: BPF defines it as one by an iterator. */
#ifndef LAMINA_POLICY_FOR
#define LAMINA_POLICY_FOR(i, n) for ((i) = 0; (i) < (n); (i)++)
#endif

/* A byte of a name, and four at once, the first one lowest, with zeros beyond its end. BPF has to show
 * where names end. */
#ifndef LAMINA_POLICY_BYTE
static inline unsigned int lamina_policy_bytes(const char *name, unsigned int length,
					       unsigned int i)
{
	unsigned int word = 0, n = length - i < 4 ? length - i : 4;

	while (n--)
		word = word << 8 | (unsigned char)name[i + n];
	return word;
}

#define LAMINA_POLICY_BYTE(name, i)	     ((unsigned char)(name)[i])
#define LAMINA_POLICY_BYTES(name, length, i) lamina_policy_bytes(name, length, i)
#endif

static inline unsigned int lamina_verdict(unsigned int action, unsigned int number,
					  unsigned int rule)
{
	return rule << 16 | number << 4 | action;
}

static inline unsigned int lamina_verdict_action(unsigned int verdict)
{
	return verdict & 0xf;
}

static inline unsigned int lamina_verdict_errno(unsigned int verdict)
{
	return verdict >> 4 & 0xfff;
}

static inline unsigned int lamina_verdict_rule(unsigned int verdict)
{
	return verdict >> 16;
}

/* Whether the access is refused. What is no action refuses. */
static inline int lamina_verdict_refuses(unsigned int verdict)
{
	unsigned int action = lamina_verdict_action(verdict);

	return action < LAMINA_ACTION_ALLOW || action > LAMINA_ACTION_DRY;
}

static inline unsigned int lamina_policy_hash(unsigned int seed, const char *name,
					      unsigned int length)
{
	unsigned int hash = seed ^ length, i;

	LAMINA_POLICY_FOR(i, LAMINA_POLICY_NAME_WORDS)
	{
		if (i * 4 >= length)
			break;
		hash = (hash ^ LAMINA_POLICY_BYTES(name, length, i * 4)) * 0x9e3779b1u;
		hash ^= hash >> 15;
	}
	return hash;
}

/* Where the two buckets of a name of @group begin, by a hash of which the low bits are taken. */
static inline unsigned int lamina_policy_bucket(unsigned int hash, unsigned int group,
						unsigned int which)
{
	hash ^= (group * 2 + which) * 0x85ebca6bu;
	hash = (hash ^ hash >> 16) * 0xc2b2ae35u;
	return hash ^ hash >> 13;
}

static inline int lamina_policy_same_name(LAMINA_POLICY_TABLE table, unsigned int at,
					  const char *name, unsigned int length)
{
	unsigned int i;

	LAMINA_POLICY_FOR(i, LAMINA_POLICY_NAME_WORDS)
	{
		if (i * 4 >= length)
			break;
		if (LAMINA_POLICY_BYTES(name, length, i * 4) != LAMINA_POLICY_WORD(table, at + i))
			return 0;
	}
	return 1;
}

/* The place of the slot that @group has for the name; 0: none. */
static inline unsigned int lamina_policy_find(LAMINA_POLICY_TABLE table, unsigned int group,
					      unsigned int hash, const char *name,
					      unsigned int length)
{
	unsigned int mask = LAMINA_POLICY_WORD(table, LAMINA_POLICY_AT_N_BUCKETS) - 1;
	unsigned int slots = LAMINA_POLICY_WORD(table, LAMINA_POLICY_AT_SLOTS);
	unsigned int i;

	LAMINA_POLICY_FOR(i, 2 * LAMINA_POLICY_BUCKET)
	{
		unsigned int which = i / LAMINA_POLICY_BUCKET, slot, text;

		slot = (lamina_policy_bucket(hash, group, which) & mask) * LAMINA_POLICY_BUCKET;
		slot = slots + (slot + i % LAMINA_POLICY_BUCKET) * LAMINA_POLICY_SLOT_WORDS;
		if (LAMINA_POLICY_WORD(table, slot) != group + 1 ||
		    LAMINA_POLICY_WORD(table, slot + 1) != hash)
			continue;
		text = LAMINA_POLICY_WORD(table, slot + 2);
		if ((text & 0xff) == length &&
		    lamina_policy_same_name(table, text >> 8, name, length))
			return slot;
	}
	return 0;
}

/* Where the automaton at @at leads by the bytes of the name. */
static inline unsigned int lamina_policy_run(LAMINA_POLICY_TABLE table, unsigned int at,
					     const char *name, unsigned int length)
{
	unsigned int classes = LAMINA_POLICY_WORD(table, at);
	unsigned int states = LAMINA_POLICY_WORD(table, at + 1);
	unsigned int next = at + 2 + LAMINA_POLICY_CLASS_WORDS, state = 0, i;

	LAMINA_POLICY_FOR(i, LAMINA_POLICY_NAME_MAX)
	{
		unsigned int byte, class;

		if (i >= length)
			break;
		byte = LAMINA_POLICY_BYTE(name, i);
		class = LAMINA_POLICY_WORD(table, at + 2 + byte / 4) >> byte % 4 * 8 & 0xff;
		state = LAMINA_POLICY_WORD(table, next + state * classes + class);
		if (state & LAMINA_POLICY_STAYS)
			break;
	}
	state &= ~LAMINA_POLICY_STAYS;
	return LAMINA_POLICY_WORD(table, next + states * classes + state);
}

/* The state of the root directory. */
static inline unsigned int lamina_policy_root(LAMINA_POLICY_TABLE table)
{
	return LAMINA_POLICY_WORD(table, LAMINA_POLICY_AT_ROOT);
}

/* The state of @name, one component of @length bytes, in a directory of state @state. */
static inline unsigned int lamina_policy_step(LAMINA_POLICY_TABLE table, unsigned int state,
					      const char *name, unsigned int length)
{
	unsigned int states = LAMINA_POLICY_WORD(table, LAMINA_POLICY_AT_STATES);
	unsigned int groups = LAMINA_POLICY_WORD(table, LAMINA_POLICY_AT_GROUPS);
	unsigned int group, at, flags, hash, i;

	group = LAMINA_POLICY_WORD(table, states + state * LAMINA_POLICY_STATE_WORDS);
	at = groups + group * LAMINA_POLICY_GROUP_WORDS;
	flags = LAMINA_POLICY_WORD(table, at);
	if (flags & LAMINA_POLICY_SAME)
		return state;
	hash = 0;
	if (flags & (LAMINA_POLICY_EXACT | LAMINA_POLICY_NEXT))
		hash = lamina_policy_hash(LAMINA_POLICY_WORD(table, LAMINA_POLICY_AT_SEED), name,
					  length);
	for (i = 0; i < 2; i++) {
		if (flags & LAMINA_POLICY_EXACT) {
			unsigned int slot = lamina_policy_find(table, group, hash, name, length);

			if (slot)
				return LAMINA_POLICY_WORD(table, slot + 3);
		}
		if (!(flags & LAMINA_POLICY_NEXT))
			break;
		group = LAMINA_POLICY_WORD(table, at + 1);
		at = groups + group * LAMINA_POLICY_GROUP_WORDS;
		flags = LAMINA_POLICY_WORD(table, at);
	}
	if (LAMINA_POLICY_WORD(table, at + 2))
		return lamina_policy_run(table, LAMINA_POLICY_WORD(table, at + 2), name, length);
	return LAMINA_POLICY_WORD(table, at + 3);
}

/* What the policy says about @access to an object of state @state. */
static inline unsigned int lamina_policy_verdict(LAMINA_POLICY_TABLE table, unsigned int state,
						 unsigned int access)
{
	unsigned int states = LAMINA_POLICY_WORD(table, LAMINA_POLICY_AT_STATES);
	unsigned int rows = LAMINA_POLICY_WORD(table, LAMINA_POLICY_AT_ROWS);
	unsigned int row;

	row = LAMINA_POLICY_WORD(table, states + state * LAMINA_POLICY_STATE_WORDS + 1);
	return LAMINA_POLICY_WORD(table, rows + row * LAMINA_POLICY_BITS + access);
}
