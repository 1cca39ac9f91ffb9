/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lists that grow.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * Make room for one element more in the list at @list (a pointer to a pointer to elements of @size bytes),
 * which has @n of them and room for *@room. Returns false without memory; the list is as it was then.
 */
bool lamina_grow(void *list, size_t n, size_t *room, size_t size);
