// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libFuzzer target: everything that is parsed from bytes of others. The first byte says what: a
 * request of the device, an option list, an id mapping, an override or an ACL of a layer, an upcall.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "mount/optlist.h"
#include "union/idmap.h"
#include "union/override.h"
#include "upcall/decode.h"
#include "wire/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was decoded must lie within the bytes that were given. */
static void check_within(const void *at, size_t length, const void *start, size_t size)
{
	const char *a = at, *s = start;

	if (at && (a < s || a + length > s + size))
		abort();
}

static void fuzz_request(void *data, size_t size)
{
	struct fuse_in_header *header = data;
	struct wire_request r = {0};

	if (size >= sizeof(*header))
		header->len = (uint32_t)size; /* else nearly nothing would get further */
	if (wire_decode(&r, data, size) < 0)
		return;
	if (r.name)
		check_within(r.name, strlen(r.name) + 1, data, size);
	if (r.name2)
		check_within(r.name2, strlen(r.name2) + 1, data, size);
	if (r.text)
		check_within(r.text, strlen(r.text) + 1, data, size);
	check_within(r.data, r.data_size, data, size);
}

static void fuzz_options(char *text)
{
	char *at = text, *name, *value;

	while (lamina_optlist_next(&at, &name, &value) > 0) {
		char *list = value, *element;

		while (list && (element = lamina_optlist_cut(&list, ':')))
			lamina_optlist_unescape(element);
	}
}

static void fuzz_idmap(const char *text)
{
	struct lamina_idmap map = {0};

	if (lamina_idmap_parse(text, &map) < 0)
		return;
	for (size_t i = 0; i < map.n; i++)
		if (lamina_idmap_show(&map, map.ranges[i].disk) == UINT32_MAX)
			abort();
	lamina_idmap_done(&map);
}

static void fuzz_override(const char *text)
{
	struct statx st = {.stx_mode = S_IFREG}, again = {.stx_mode = S_IFREG};
	char value[LAMINA_OVERRIDE_SIZE];

	if (lamina_override_parse(text, &st) < 0)
		return;
	/* What is written is what was understood. */
	lamina_override_format(&st, value);
	if (lamina_override_parse(value, &again) < 0 || again.stx_mode != st.stx_mode ||
	    again.stx_uid != st.stx_uid)
		abort();
}

static void fuzz_acl(void *data, size_t size)
{
	struct lamina_id_range range = {0, 1000, 50};
	const struct lamina_idmap map = {.ranges = &range, .n = 1};

	(void)lamina_idmap_acl(&map, &map, data, size, true);
	(void)lamina_idmap_acl(&map, &map, data, size, false);
}

/* No path leads up, or out of what was given. */
static void check_path(const char *path, const void *start, size_t size)
{
	check_within(path, strlen(path) + 1, start, size);
	if (path[0] == '/' || strstr(path, "//") || !strcmp(path, "..") ||
	    !strncmp(path, "../", 3) || strstr(path, "/../"))
		abort();
}

static void fuzz_upcall(const void *data, size_t size)
{
	const struct fuse_in_header header = {.opcode = FUSE_UPCALL};
	struct wire_request r = {.in = &header, .arg = data};
	struct lamina_upcall upcall;

	if (size < sizeof(struct fuse_upcall_in))
		return;
	r.data = (const char *)data + sizeof(struct fuse_upcall_in);
	r.data_size = size - sizeof(struct fuse_upcall_in);
	if (lamina_upcall_decode(&r, &upcall) < 0)
		return;
	check_path(upcall.path, data, size);
	check_within(upcall.name, strlen(upcall.name) + 1, data, size);
	if (upcall.text)
		check_within(upcall.text, strlen(upcall.text) + 1, data, size);
	if (strchr(upcall.name, '/') || !*upcall.name)
		abort();
	lamina_upcall_done(&upcall);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy;

	if (size == 0)
		return 0;
	copy = malloc(size); /* the byte that says what makes room for a NUL */
	if (!copy)
		return 0;
	memcpy(copy, data + 1, size - 1);
	copy[size - 1] = '\0';
	switch (data[0] % 6) {
	case 0:
		fuzz_request(copy, size - 1);
		break;
	case 1:
		fuzz_options(copy);
		break;
	case 2:
		fuzz_idmap(copy);
		break;
	case 3:
		fuzz_override(copy);
		break;
	case 4:
		fuzz_acl(copy, size - 1);
		break;
	default:
		fuzz_upcall(copy, size - 1);
		break;
	}
	free(copy);
	return 0;
}
