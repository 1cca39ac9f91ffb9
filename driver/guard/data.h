/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The policy of a view: there is nobody to hand it to but the kernel, which keeps it as the view's
 * data for the filter that enforces it (bpf/policy.bpf.c). All functions take an fd of the root
 * directory of a mount, open for reading.
 */
#pragma once

#include "guard/bundle.h"

/* The name of the filter. */
#define LAMINA_POLICY_FILTER "policy"

/* What a view's filter is given: who is not bound is who shares this process's mount namespace. */
errint_t lamina_data_cookie(uint64_t *ret, struct lamina_error *error);

/* Whether the mount is a view whose data we may set. */
bool lamina_data_is_view(int root);

/*
 * Put @bundle in force instead of what was; NULL: nothing. Whoever changes the data of a view that others see holds
 * lamina_record_lock() from before it reads them until it has set them.
 */
errint_t lamina_data_set(int root, const struct lamina_bundle *bundle, struct lamina_error *error);

/* The policy in force, and its number in events, if that is wanted. Returns 1, or 0 if there is none. */
errint_t lamina_data_get(int root, struct lamina_bundle *ret, uint32_t *ret_id,
			 struct lamina_error *error);

/*
 * Let the filter tell of everything that is used, or no more; the policy in force stays what it is. What
 * is put in force meanwhile does not end it.
 */
errint_t lamina_data_learn(int root, bool learns, struct lamina_error *error);
