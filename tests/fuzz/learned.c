// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libFuzzer target: what containers can make a mount note, whose names they choose. The policy that is
 * learned from it is one, and allows it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "learned/learned.h"
#include "policy/compile.h"
#include "policy/source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A cursor over the input. */
struct input {
	const uint8_t *at;
	size_t left;
};

static uint8_t next_byte(struct input *in)
{
	if (in->left == 0)
		return 0;
	in->left--;
	return *in->at++;
}

/* A path as the mount program has them, of the bytes up to the next NUL. */
static void add_path(struct input *in, struct lamina_text *text)
{
	const uint8_t *end = memchr(in->at, 0, in->left);
	size_t n = end ? (size_t)(end - in->at) : in->left, written = 0;

	for (size_t i = 0; i < n;) {
		const char *name = (const char *)in->at + i;
		const uint8_t *slash = memchr(name, '/', n - i);
		size_t length = slash ? (size_t)(slash - in->at) - i : n - i;

		i += length + 1;
		if (length == 0 || length > 255 || (length == 1 && name[0] == '.') ||
		    (length == 2 && name[0] == '.' && name[1] == '.'))
			continue;
		lamina_text_add(text, "/", 1);
		lamina_text_add(text, name, length);
		written++;
	}
	if (written == 0)
		lamina_text_add(text, "/", 1);
	lamina_text_add(text, "", 1);
	n += end ? 1 : 0;
	in->at += n;
	in->left -= n;
}

static void add_record(struct input *in, struct lamina_text *text)
{
	uint8_t kind = next_byte(in);
	unsigned int bits = next_byte(in);

	bits |= (unsigned int)next_byte(in) << 8 | (unsigned int)(kind & 7) << 16;
	bits &= (1u << LAMINA_POLICY_BITS) - 1;
	bits &= ~(1u << LAMINA_ACCESS_SEE);
	if (kind < 0xe0)
		lamina_text_print(text, "u %x ", bits);
	else
		lamina_text_print(text, "%c ", kind < 0xf0 ? 'm' : 'd');
	add_path(in, text);
	if (kind >= 0xe0)
		add_path(in, text);
}

static void check_allowed(const struct lamina_learned *learned,
			  const struct lamina_compiled *compiled)
{
	for (size_t i = 0; i < learned->n_paths; i++)
		for (unsigned int access = 0; access < LAMINA_POLICY_BITS; access++) {
			const struct learned_path *path = &learned->paths[i];

			if (path->bits >> access & 1 &&
			    lamina_verdict_refuses(
				    lamina_compiled_decide(compiled, path->path, access)))
				abort();
		}
}

static void check(struct lamina_learned *learned)
{
	struct lamina_text policy = {0}, warnings = {0};
	struct lamina_error error = {""};
	struct lamina_sources sources = {.n = 0};
	struct lamina_compiled compiled;
	struct lamina_policy read;

	if (lamina_learned_write(learned, "x", &policy, &warnings, &error) < 0) {
		if (!error.text[0])
			abort();
	} else {
		if (lamina_sources_add(&sources, "learned", policy.bytes, policy.n, false, &error) <
			    0 ||
		    lamina_sources_compile(&sources, &read, &compiled, &error) < 0)
			abort();
		check_allowed(learned, &compiled);
		lamina_compiled_done(&compiled);
		lamina_policy_done(&read);
	}
	lamina_sources_done(&sources);
	lamina_text_done(&policy);
	lamina_text_done(&warnings);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	struct lamina_text text = {0};
	struct lamina_learned learned;
	errint_t taken;

	while (in.left > 0)
		add_record(&in, &text);
	lamina_learned_init(&learned);
	taken = lamina_learned_take(&learned, text.bytes, text.n);
	if (taken < 0 || (size_t)taken != text.n)
		abort();
	check(&learned);
	lamina_learned_done(&learned);
	lamina_text_done(&text);
	return 0;
}
