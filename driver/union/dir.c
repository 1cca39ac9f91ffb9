// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Stacks of directories and their file descriptors. No locks: a dir belongs to one thread.
 */
#include "union/dir.h"

#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "union/permit.h"

struct lamina_stack *lamina_stack_new(unsigned int capacity)
{
	return calloc(1, sizeof(struct lamina_stack) + capacity * sizeof(struct lamina_stack_part));
}

struct lamina_stack *lamina_stack_with_upper(const struct lamina_stack *lower)
{
	struct lamina_stack *stack = lamina_stack_new(lower->n + 1);

	if (!stack)
		return NULL;
	stack->n = lower->n + 1;
	memcpy(&stack->parts[1], lower->parts, lower->n * sizeof(lower->parts[0]));
	return stack;
}

void lamina_stack_free(struct lamina_stack *stack)
{
	if (!stack)
		return;
	for (unsigned int i = 0; i < stack->n; i++)
		free(stack->parts[i].path);
	free(stack);
}

errint_t lamina_dir_fd(struct lamina_dir *dir, unsigned int i)
{
	struct lamina_part *part = &dir->parts[i];

	if (part->fd < 0) {
		errint_t fd =
			lamina_permit_open(dir->u, part->layer, part->path, O_PATH | O_DIRECTORY);

		if (fd < 0)
			return fd;
		part->fd = fd;
	}
	return part->fd;
}

void lamina_dir_close(struct lamina_dir *dir, unsigned int i)
{
	if (!dir->parts[i].lent)
		lamina_cleanup_fd(&dir->parts[i].fd);
}

void lamina_dir_done(struct lamina_dir *dir)
{
	for (unsigned int i = 0; i < dir->n; i++)
		lamina_dir_close(dir, i);
	dir->n = 0;
}
