// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/grow.h"

#include <stdlib.h>

#define ROOM_AT_FIRST 64

bool lamina_grow(void *list, size_t n, size_t *room, size_t size)
{
	size_t more = *room ? *room * 2 : ROOM_AT_FIRST;
	void **at = list, *larger;

	if (n < *room)
		return true;
	larger = reallocarray(*at, more, size);
	if (!larger)
		return false;
	*at = larger;
	*room = more;
	return true;
}
