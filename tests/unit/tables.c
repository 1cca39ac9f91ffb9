// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Hash tables and listings.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/map.h"
#include "tap.h"
#include "union/listing.h"

/* The published vectors are of SipHash-2-4; what matters here is that the key and all bytes count. */
static void test_hash(void)
{
	const uint64_t key[2] = {1, 2}, other[2] = {1, 3};
	char text[] = "some name of a file";
	uint64_t before = lamina_hash(key, text, sizeof(text));

	ok(before == lamina_hash(key, text, sizeof(text)), "the same again");
	ok(before != lamina_hash(other, text, sizeof(text)), "another key, another hash");
	for (size_t i = 0; i < sizeof(text); i++) {
		text[i] ^= 1;
		ok(before != lamina_hash(key, text, sizeof(text)), "byte %zu counts", i);
		text[i] ^= 1;
	}
	ok(before != lamina_hash(key, text, sizeof(text) - 1), "the length counts");
}

struct thing {
	struct lamina_link link;
	unsigned int value;
};

#define N_THINGS 10000

static void test_map(void)
{
	struct thing *things = calloc(N_THINGS, sizeof(*things));
	struct lamina_link *link = NULL;
	unsigned int found = 0, n = 0;
	struct lamina_map map;

	ok(things && lamina_map_init(&map) == 0, "a table");
	for (unsigned int i = 0; i < N_THINGS; i++) {
		things[i].value = i;
		lamina_map_add(&map, &things[i].link, i / 2); /* two of each hash */
	}
	for (unsigned int i = 0; i < N_THINGS / 2; i++) {
		n = 0;
		link = NULL;
		while ((link = lamina_map_next(&map, link, i)))
			n += lamina_container_of(link, struct thing, link)->value / 2 == i;
		found += n == 2;
	}
	same_number(found, N_THINGS / 2, "both things of each hash are found");
	for (unsigned int i = 0; i < N_THINGS; i += 2)
		lamina_map_remove(&map, &things[i].link);
	found = 0;
	for (unsigned int i = 0; i < N_THINGS / 2; i++) {
		link = lamina_map_next(&map, NULL, i);
		found += link && !lamina_map_next(&map, link, i);
	}
	same_number(found, N_THINGS / 2, "after half were removed, the other half");
	for (unsigned int i = 1; i < N_THINGS; i += 2)
		lamina_map_remove(&map, &things[i].link);
	same_number((long long)map.n, 0, "none are left");
	lamina_map_done(&map);
	free(things);
}

/* A listing can be gone on with from any cookie after names came and went. */
static void test_listing(void)
{
	char path[] = "/tmp/lamina-unit.XXXXXX", name[32];
	struct lamina_layer layer = {.d_ino_real = true};
	struct lamina_union u = {.layers = &layer, .n_layers = 1, .n_devs = 1};
	struct lamina_part part = {.fd = -1, .path = ""};
	struct lamina_dir dir = {.u = &u, .n = 1, .parts = &part};
	struct lamina_listing *before = NULL, *after = NULL;
	unsigned int seen = 0, ascending = 0, half;

	ok(mkdtemp(path) != NULL, "a directory");
	layer.fd = open(path, O_PATH | O_DIRECTORY);
	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "name-%d", i);
		close(openat(layer.fd, name, O_CREAT | O_WRONLY, 0600));
	}
	ok(lamina_listing_read(&dir, &before) == 0 && before->n == 200, "200 names");
	for (unsigned int i = 1; i < before->n; i++)
		ascending += before->names[i].cookie > before->names[i - 1].cookie;
	same_number(ascending, 199, "in the order of their cookies");

	/* Read half; then every other name goes and as many come; read the rest. */
	half = 100;
	for (unsigned int i = 0; i < 200; i += 2)
		unlinkat(layer.fd, lamina_listing_name(before, i), 0);
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "new-%d", i);
		close(openat(layer.fd, name, O_CREAT | O_WRONLY, 0600));
	}
	ok(lamina_listing_read(&dir, &after) == 0 && after->n == 200, "200 names again");
	for (unsigned int i = lamina_listing_after(after, before->names[half - 1].cookie);
	     i < after->n; i++)
		seen += strncmp(lamina_listing_name(after, i), "name-", 5) == 0;
	same_number(seen, 50, "each old name of the second half that stayed comes once");
	lamina_listing_free(before);
	lamina_listing_free(after);
	lamina_dir_done(&dir);
	close(layer.fd);
	snprintf(name, sizeof(name), "rm -rf %s", path);
	ok(system(name) == 0, "cleared up");
}

int main(void)
{
	test_hash();
	test_map();
	test_listing();
	return tap_done();
}
