// SPDX-License-Identifier: GPL-2.0-or-later
#include "guard/learn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/calls.h"
#include "base/grow.h"
#include "base/hash.h"
#include "base/limits.h"
#include "policy/step.h"

struct learned {
	struct lamina_link link;
	uint32_t number;
	uint32_t bits; /* of a path that was used */
	char kind;     /* the record's letter */
	size_t size;
	char text[]; /* a path, or two */
};

void lamina_learn_stop(struct lamina_learn *learn)
{
	for (size_t i = 0; i < learn->n_list; i++)
		free(learn->list[i]);
	free(learn->list);
	free(learn->uses);
	if (learn->known.buckets)
		lamina_map_done(&learn->known);
	*learn = (struct lamina_learn){0};
}

errint_t lamina_learn_start(struct lamina_learn *learn, bool waits)
{
	errint_t err;

	lamina_learn_stop(learn);
	err = lamina_map_init(&learn->known);
	if (err < 0)
		return err;
	/* A container chooses the paths. */
	if (lamina_call_random(learn->key, sizeof(learn->key)) < 0) {
		lamina_learn_stop(learn);
		return -EIO;
	}
	learn->on = true;
	learn->waits = waits;
	return 0;
}

static struct learned *find(const struct lamina_learn *learn, char kind, const char *text,
			    size_t size, uint64_t hash)
{
	struct lamina_link *link = NULL;

	while ((link = lamina_map_next(&learn->known, link, hash))) {
		struct learned *learned = lamina_container_of(link, struct learned, link);

		if (learned->kind == kind && learned->size == size &&
		    !memcmp(learned->text, text, size))
			return learned;
	}
	return NULL;
}

static struct learned *add(struct lamina_learn *learn, char kind, const char *text, size_t size,
			   uint64_t hash)
{
	struct learned *learned;

	if (learn->n_list == LAMINA_LEARN_PATHS || learn->bytes + size > LAMINA_LEARN_BYTES ||
	    !lamina_grow(&learn->list, learn->n_list, &learn->list_room, sizeof(struct learned *)))
		return NULL;
	learned = malloc(sizeof(*learned) + size);
	if (!learned)
		return NULL;
	*learned = (struct learned){.number = (uint32_t)learn->n_list, .kind = kind, .size = size};
	memcpy(learned->text, text, size);
	learn->bytes += size;
	learn->list[learn->n_list++] = learned;
	lamina_map_add(&learn->known, &learned->link, hash);
	return learned;
}

/* Note a record; @bits of it are new if it did not have them. */
static bool note(struct lamina_learn *learn, char kind, const char *text, size_t size,
		 uint32_t bits)
{
	uint64_t hash = lamina_hash(learn->key, text, size);
	struct learned *learned = find(learn, kind, text, size, hash);

	if (!learned)
		learned = add(learn, kind, text, size, hash);
	if (learned && !(bits & ~learned->bits))
		return false;
	if (!learned || !lamina_grow(&learn->uses, learn->n, &learn->room, sizeof(*learn->uses))) {
		learn->full = true;
		return true;
	}
	learn->uses[learn->n++] = (struct learned_use){learned->number, bits & ~learned->bits};
	learned->bits |= bits;
	return true;
}

bool lamina_learn_note(struct lamina_learn *learn, const char *path, unsigned int bits)
{
	if (!learn->on || learn->full)
		return false;
	if (learn->waits && !(bits & 1u << LAMINA_ACCESS_EXECUTE))
		return false;
	learn->waits = false;
	return note(learn, 'u', path, strlen(path) + 1, bits);
}

bool lamina_learn_note_move(struct lamina_learn *learn, const char *from, const char *to, bool dir)
{
	_cleanup_text_ struct lamina_text both = {0};

	if (!learn->on || learn->full || learn->waits)
		return false;
	lamina_text_add(&both, from, strlen(from) + 1);
	lamina_text_add(&both, to, strlen(to) + 1);
	learn->full |= both.broken;
	return both.broken || note(learn, dir ? 'd' : 'm', both.bytes, both.n, 1);
}

bool lamina_learn_next(const struct lamina_learn *learn, size_t at, struct lamina_text *text)
{
	if (at < learn->n) {
		const struct learned_use *use = &learn->uses[at];
		const struct learned *learned = learn->list[use->number];

		if (learned->kind == 'u')
			lamina_text_print(text, "u %x ", use->bits);
		else
			lamina_text_print(text, "%c ", learned->kind);
		lamina_text_add(text, learned->text, learned->size);
		return true;
	}
	if (learn->full && at == learn->n) {
		lamina_text_add(text, "!", 2);
		return true;
	}
	return false;
}
