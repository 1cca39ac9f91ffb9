// SPDX-License-Identifier: GPL-2.0-or-later
#include "guard/learn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/hash.h"
#include "base/limits.h"
#include "policy/step.h"

struct learned {
	struct lamina_link link;
	uint32_t number;
	uint32_t bits;
	char path[];
};

void lamina_learn_stop(struct lamina_learn *learn)
{
	for (size_t i = 0; i < learn->n_list; i++)
		free(learn->list[i]);
	free(learn->list);
	free(learn->uses);
	if (learn->paths.buckets)
		lamina_map_done(&learn->paths);
	*learn = (struct lamina_learn){0};
}

errint_t lamina_learn_start(struct lamina_learn *learn, bool waits)
{
	errint_t err;

	lamina_learn_stop(learn);
	err = lamina_map_init(&learn->paths);
	if (err < 0)
		return err;
	/* A container chooses the paths. */
	if (getrandom(learn->key, sizeof(learn->key), 0) != sizeof(learn->key)) {
		lamina_learn_stop(learn);
		return -EIO;
	}
	learn->on = true;
	learn->waits = waits;
	return 0;
}

static struct learned *find(const struct lamina_learn *learn, const char *path, uint64_t hash)
{
	struct lamina_link *link = NULL;

	while ((link = lamina_map_next(&learn->paths, link, hash))) {
		struct learned *learned = lamina_container_of(link, struct learned, link);

		if (!strcmp(learned->path, path))
			return learned;
	}
	return NULL;
}

/* Room for one element more. */
static bool grow(void *list, size_t n, size_t *room, size_t size)
{
	size_t more = *room ? *room * 2 : 256;
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

static struct learned *add(struct lamina_learn *learn, const char *path, uint64_t hash)
{
	size_t size = strlen(path) + 1;
	struct learned *learned;

	if (learn->n_list == LAMINA_LEARN_PATHS || learn->bytes + size > LAMINA_LEARN_BYTES ||
	    !grow(&learn->list, learn->n_list, &learn->list_room, sizeof(*learn->list)))
		return NULL;
	learned = malloc(sizeof(*learned) + size);
	if (!learned)
		return NULL;
	learned->number = (uint32_t)learn->n_list;
	learned->bits = 0;
	memcpy(learned->path, path, size);
	learn->bytes += size;
	learn->list[learn->n_list++] = learned;
	lamina_map_add(&learn->paths, &learned->link, hash);
	return learned;
}

bool lamina_learn_note(struct lamina_learn *learn, const char *path, unsigned int bits)
{
	uint64_t hash = lamina_hash(learn->key, path, strlen(path));
	struct learned *learned;

	if (!learn->on || learn->full)
		return false;
	if (learn->waits && !(bits & 1u << LAMINA_ACCESS_EXECUTE))
		return false;
	learn->waits = false;
	learned = find(learn, path, hash);
	if (!learned)
		learned = add(learn, path, hash);
	if (learned && !(bits & ~learned->bits))
		return false;
	if (!learned || !grow(&learn->uses, learn->n, &learn->room, sizeof(*learn->uses))) {
		learn->full = true;
		return true;
	}
	learn->uses[learn->n++] = (struct learned_use){learned->number, bits & ~learned->bits};
	learned->bits |= bits;
	return true;
}

bool lamina_learn_next(const struct lamina_learn *learn, size_t at, struct lamina_text *text)
{
	if (at < learn->n) {
		const struct learned_use *use = &learn->uses[at];

		lamina_text_print(text, "%x %s", use->bits, learn->list[use->path]->path);
		lamina_text_add(text, "", 1);
		return true;
	}
	if (learn->full && at == learn->n) {
		lamina_text_add(text, "!", 2);
		return true;
	}
	return false;
}
