// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libFuzzer target: policies as they are handed to a mount. What is taken is in force as it is, and is
 * shown again as it came.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guard/active.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_again(const struct lamina_bundle *bundle)
{
	struct lamina_error error = {""};
	struct lamina_bundle again;
	int fd = memfd_create("bundle", MFD_CLOEXEC);

	if (fd < 0)
		return;
	if (lamina_bundle_write(bundle, fd) < 0 || lamina_bundle_receive(fd, &again, &error) < 0)
		abort();
	if (!lamina_bundle_has_base(&again, bundle) || again.sources.n != bundle->sources.n ||
	    again.compiled.n != bundle->compiled.n)
		abort();
	for (unsigned int i = 0; i < bundle->compiled.words[LAMINA_POLICY_AT_N_RULES]; i++)
		if (strcmp(lamina_bundle_label(&again, i), lamina_bundle_label(bundle, i)) != 0)
			abort();
	lamina_bundle_done(&again);
	close(fd);
}

static void look(const struct lamina_active *active)
{
	unsigned int state = lamina_policy_root(&active->table);
	static const char *const names[] = {"etc", "shadow", "a"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		bool hidden;

		/* What hides nothing has nothing hidden in it. */
		bool hides = lamina_active_hides_in(active, state);

		state = lamina_policy_step(&active->table, state, names[i],
					   (unsigned int)strlen(names[i]));
		hidden = lamina_active_hidden(active, state);
		if (hidden && (!hides || !active->hides || !active->refuses))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lamina_error error = {""};
	struct lamina_active *active;
	struct lamina_bundle bundle;
	void *copy = malloc(size ? size : 1); /* exactly so many bytes, and in words */

	if (!copy)
		return 0;
	memcpy(copy, data, size);
	if (lamina_bundle_parse(copy, size, &bundle, &error) == 0) {
		check_again(&bundle);
		active = lamina_active_new(&bundle);
		if (active)
			look(active);
		lamina_active_unref(active);
	} else if (!error.text[0]) {
		abort();
	}
	free(copy);
	return 0;
}
