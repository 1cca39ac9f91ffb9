// SPDX-License-Identifier: GPL-2.0-or-later
/* One mapping, whose pages are there. `lock` guards all. */
#include "base/spare.h"

#include <pthread.h>
#include <stddef.h>
#include <sys/mman.h>

#include "base/limits.h"

static struct {
	pthread_mutex_t lock;
	void *memory; /* NULL: in use, or there is none */
	unsigned int users;
} spare = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void *take(void)
{
	void *memory = mmap(NULL, LAMINA_SPARE_MEMORY, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

void lamina_spare_init(void)
{
	spare.memory = take();
}

void lamina_spare_use(bool use)
{
	pthread_mutex_lock(&spare.lock);
	if (use) {
		spare.users++;
		if (spare.memory)
			munmap(spare.memory, LAMINA_SPARE_MEMORY);
		spare.memory = NULL;
	} else if (--spare.users == 0) {
		spare.memory = take();
	}
	pthread_mutex_unlock(&spare.lock);
}
