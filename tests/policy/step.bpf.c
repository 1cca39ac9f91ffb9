// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The step function as BPF: the table is an array map of words. It is compiled by the tests, so that
 * the header stays one for both; a context holds the question and takes the answer.
 */
#include "loop.bpf.h"

#define SEC(name)      __attribute__((section(name), used))
#define MAX_WORDS      (4u << 20)
#define NAME_SIZE      256
#define MAP_TYPE_ARRAY 2

static void *(*const map_lookup)(void *map, const void *key) = (void *)1;

struct {
	int (*type)[MAP_TYPE_ARRAY];
	unsigned int *key;
	unsigned int *value;
	int (*max_entries)[MAX_WORDS];
} words SEC(".maps");

static inline unsigned int word_of(void *map, unsigned int index)
{
	unsigned int *word = map_lookup(map, &index);

	return word ? *word : 0;
}

#define LAMINA_POLICY_TABLE		 void *
#define LAMINA_POLICY_WORD(table, index) word_of(table, index)

#include "policy/step.h"

/* The question and the answer, in memory that a test program reads and writes. */
struct {
	unsigned int state, access, length;
	unsigned int ret_state, ret_verdict;
	char name[NAME_SIZE];
} question;

SEC("syscall")
int decide(void *context)
{
	unsigned int length = question.length, state;

	(void)context;
	if (length > LAMINA_POLICY_NAME_MAX)
		return 1;
	state = lamina_policy_step(&words, question.state, question.name, length);
	question.ret_state = state;
	question.ret_verdict = lamina_policy_verdict(&words, state, question.access);
	return 0;
}

char licence_[] SEC("license") = "GPL";
