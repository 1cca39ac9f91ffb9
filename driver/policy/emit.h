/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The automaton as a table of words, in the format of policy/step.h.
 */
#pragma once

#include "policy/automaton.h"

/* -EFBIG: it would be larger than LAMINA_POLICY_MAX_WORDS. @ret is to be freed. */
errint_t lamina_automaton_emit(const struct lamina_automaton *a, uint32_t **ret, uint32_t *ret_n);
