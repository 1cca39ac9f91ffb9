/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Patterns for names that were used.
 */
#pragma once

#include "base/text.h"

enum lamina_name_kind {
	LAMINA_NAME_FOUND,   /* it was there */
	LAMINA_NAME_MADE,    /* it was made, and stayed */
	LAMINA_NAME_PASSING, /* it was made and went again */
};

/*
 * Append the pattern for @name to @ret: what will be another name next time becomes '*'. That is seen
 * from its look, and suspected the more of a name that came and went. @base, or NULL: a name beside it
 * that stays and from which it is made ("status" of "status-new").
 */
void lamina_learned_name(const char *name, enum lamina_name_kind kind, const char *base,
			 struct lamina_text *ret);
