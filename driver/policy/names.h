/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Many patterns for one component as one automaton over bytes: which of them match a name costs one
 * pass over it, however many they are.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "policy/intern.h"

/* A pattern and what to report when it matches. */
struct lamina_name_pattern {
	const char *text;
	uint32_t length;
	uint32_t target;
	uint32_t origin; /* for lamina_names_build()'s ret_culprit */
};

/* Numbers of states are 0 (the first) to n_states - 1. */
struct lamina_names {
	uint8_t classes[256];
	uint32_t n_classes, n_states;
	uint32_t *next;	  /* of state x class */
	uint32_t *accept; /* a label a state; what it means is up to the owner */
};

/*
 * Build the automaton for @patterns. Its accept labels are numbers in @labels: sorted sequences of
 * targets. @max_states is a bound, @work is counted down.
 *
 * -E2BIG: a bound was reached; @ret_culprit is the origin of the pattern that multiplies states.
 */
errint_t lamina_names_build(struct lamina_names *names, const struct lamina_name_pattern *patterns,
			    size_t n, struct lamina_intern *labels, uint32_t max_states,
			    uint32_t *work, uint32_t *ret_culprit);
void lamina_names_done(struct lamina_names *names);

/* The state to which a name leads. */
uint32_t lamina_names_walk(const struct lamina_names *names, const char *name, size_t length);

/* Join states that no name tells apart, by their labels. */
errint_t lamina_names_minimise(struct lamina_names *names);
