// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lamina features: which engines work here. `--json` for programs.
 */
#include <errno.h>
#include <json-c/json.h>
#include <linux/fuse_bpf.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "view/kernel.h"
#include "commands.h"
#include "engine/probe.h"
#include "mount/fit.h"
#include "wire/proto.h"

struct engine_state {
	const char *name;
	bool works;
	const char *why; /* if not */
	bool read_only;	 /* not for engine=auto, which may have to write */
};

static void print_text(const struct engine_state *engines, size_t n, const struct lamina_probe *p)
{
	const char *best = NULL;

	for (size_t i = 0; i < n; i++) {
		if (engines[i].works && !engines[i].read_only && !best)
			best = engines[i].name;
		printf("%-12s %s%s\n", engines[i].name, engines[i].works ? "works" : "no: ",
		       !engines[i].works      ? engines[i].why
		       : engines[i].read_only ? ", read-only"
					      : "");
	}
	printf("\nauto         %s\n", best ? best : "none");
	if (p->kernel_minor)
		printf("FUSE         7.%u\n", p->kernel_minor);
}

static int print_json(const struct engine_state *engines, size_t n, const struct lamina_probe *p)
{
	struct json_object *all = json_object_new_object(), *list = json_object_new_object();
	const char *best = NULL;
	struct utsname system;
	int result;

	for (size_t i = 0; i < n; i++) {
		struct json_object *engine = json_object_new_object();

		if (engines[i].works && !engines[i].read_only && !best)
			best = engines[i].name;
		json_object_object_add(engine, "works", json_object_new_boolean(engines[i].works));
		if (engines[i].works && engines[i].read_only)
			json_object_object_add(engine, "readOnly", json_object_new_boolean(true));
		if (!engines[i].works)
			json_object_object_add(engine, "why",
					       json_object_new_string(engines[i].why));
		json_object_object_add(list, engines[i].name, engine);
	}
	json_object_object_add(all, "engines", list);
	json_object_object_add(all, "auto", best ? json_object_new_string(best) : NULL);
	json_object_object_add(all, "fuseMinor", json_object_new_int((int)p->kernel_minor));
	if (uname(&system) == 0)
		json_object_object_add(all, "kernel", json_object_new_string(system.release));
	result = puts(json_object_to_json_string_ext(all, JSON_C_TO_STRING_PRETTY |
								  JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(all);
	return result < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int command_features(int argc, char **argv)
{
	struct lamina_view_kernel kernel;
	struct lamina_error bpf_why = {0};
	struct lamina_probe probe;
	bool bpf;

	if (argc > 2 || (argc == 2 && strcmp(argv[1], "--json") != 0)) {
		fprintf(stderr, "usage: lamina features [--json]\n");
		return EXIT_FAILURE;
	}
	lamina_probe_run(&probe);
	bpf = lamina_view_kernel_probe(&kernel, &bpf_why) == 0;
	if (bpf && !lamina_mount_is_real_root()) {
		bpf = false;
		lamina_error_say(&bpf_why, -EPERM, "only the real root makes views");
	}

	const struct engine_state engines[] = {
		{"bpf", bpf, bpf_why.text, bpf && !(kernel.features & FUSE_BPF_FEATURE_WRITABLE)},
		{"passthrough", probe.passthrough == 0, probe.passthrough_why.text, false},
		{"fuse", probe.fuse == 0, probe.fuse_why.text, false},
	};
	size_t n = sizeof(engines) / sizeof(engines[0]);

	if (argc == 2)
		return print_json(engines, n, &probe);
	print_text(engines, n, &probe);
	return EXIT_SUCCESS;
}
