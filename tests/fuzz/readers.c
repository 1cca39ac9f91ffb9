// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libFuzzer target: what the programs read of files, pipes and attributes that a user may have written. The
 * first byte says which reader gets the rest. Policies, compiled tables, bundles and learned paths have targets
 * of their own.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "guard/container.h"
#include "learned/learned.h"
#include "mount/record.h"
#include "mount/table.h"
#include "state.h"
#include "union/index.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every byte of @text is read, so that one beyond its memory is found. */
static void touch(const char *text)
{
	volatile size_t length = text ? strlen(text) : 0;

	(void)length;
}

static void fuzz_record(char *text)
{
	struct lamina_record record;

	if (lamina_record_parse(text, &record) < 0)
		return;
	touch(record.engine);
	touch(record.target);
	touch(record.options);
	touch(record.why);
	lamina_record_done(&record);
}

static bool touch_entry(void *user, const struct lamina_table_entry *entry)
{
	bool *called = user;

	*called = true;
	touch(entry->root);
	touch(entry->target);
	touch(entry->type);
	touch(entry->source);
	(void)lamina_table_is_ours(entry);
	return false;
}

static void fuzz_table(const char *line)
{
	bool called = false;

	/* What is no line of a table is passed over. */
	if (lamina_table_line(line, touch_entry, &called) == called)
		abort();
}

static void fuzz_answer(char *text)
{
	struct lamina_container container;

	if (lamina_container_parse(text, &container) <= 0)
		return;
	if (container.mount[0] != '/' || strchr(container.label, ' '))
		abort();
	lamina_container_done(&container);
}

/* As the pipe of who learns brings it: any bytes, in pieces. */
static void fuzz_learned(const char *bytes, size_t size)
{
	struct lamina_learned learned;
	errint_t taken;

	lamina_learned_init(&learned);
	taken = lamina_learned_take(&learned, bytes, size);
	if (taken > 0 && (size_t)taken > size)
		abort();
	lamina_learned_done(&learned);
}

static void fuzz_origin(const char *value)
{
	struct lamina_origin origin;

	if (lamina_origin_parse(value, 7, &origin) > 0 && strchr(origin.key, '/'))
		abort();
}

static void fuzz_unescape(char *text)
{
	size_t before = strlen(text);

	lamina_text_unescape(text);
	if (strlen(text) > before)
		abort();
}

/* A container's state, and behind a NUL its configuration. */
static void fuzz_state(const char *text, size_t size)
{
	const char *config = memchr(text, '\0', size);
	size_t length = config ? (size_t)(config - text) : size;
	struct lamina_error error = {""};
	struct hook_state state;

	if (hook_state_parse(text, length, &state, &error) < 0) {
		if (!error.text[0])
			abort();
		return;
	}
	touch(state.id);
	touch(state.policy);
	touch(state.mode);
	touch(state.unknown);
	touch(state.odd);
	if (config && hook_state_parse_config(&state, config + 1, size - length - 1) == 0)
		touch(state.config_root);
	hook_state_done(&state);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy;

	if (size == 0)
		return 0;
	copy = malloc(size); /* the byte that says which makes room for a NUL */
	if (!copy)
		return 0;
	memcpy(copy, data + 1, size - 1);
	copy[size - 1] = '\0';
	switch (data[0] % 7) {
	case 0:
		fuzz_record(copy);
		break;
	case 1:
		fuzz_table(copy);
		break;
	case 2:
		fuzz_answer(copy);
		break;
	case 3:
		fuzz_learned(copy, size - 1);
		break;
	case 4:
		fuzz_origin(copy);
		break;
	case 5:
		fuzz_state(copy, size - 1);
		break;
	default:
		fuzz_unescape(copy);
		break;
	}
	free(copy);
	return 0;
}
