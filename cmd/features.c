// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lamina features: which engines work here.
 */
#include <errno.h>
#include <getopt.h>
#include <linux/fuse_bpf.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "view/kernel.h"
#include "commands.h"
#include "engine/probe.h"
#include "json.h"
#include "mount/fit.h"
#include "table.h"
#include "wire/proto.h"

struct engine_state {
	const char *name;
	bool works;
	const char *why; /* if not */
	bool read_only;	 /* not for engine=auto, which may have to write */
};

static const char *best_of(const struct engine_state *engines, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (engines[i].works && !engines[i].read_only)
			return engines[i].name;
	return NULL;
}

static int print_text(const struct engine_state *engines, size_t n, const struct lamina_probe *p,
		      const char *release)
{
	static const char *const columns[] = {"engine", "works", "why", NULL};
	const char *best = best_of(engines, n);
	struct table table = {.columns = columns};
	int status;

	for (size_t i = 0; i < n; i++) {
		table_add(&table, engines[i].name);
		table_add(&table, !engines[i].works	 ? "no"
				  : engines[i].read_only ? "read-only"
							 : "yes");
		table_add(&table, engines[i].works ? NULL : engines[i].why);
	}
	status = table_end(&table);
	printf("\nauto    %s\nkernel  %s\n", best ? best : "none", release);
	if (p->kernel_minor)
		printf("FUSE    7.%u\n", p->kernel_minor);
	return status;
}

static struct json_object *engine_json(const struct engine_state *engine)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "works", json_object_new_boolean(engine->works));
	if (engine->works && engine->read_only)
		json_object_object_add(object, "readOnly", json_object_new_boolean(true));
	if (!engine->works)
		json_add_string(object, "why", engine->why);
	return object;
}

static int print_json(const struct engine_state *engines, size_t n, const struct lamina_probe *p,
		      const char *release)
{
	struct json_object *all = json_object_new_object(), *list = json_object_new_object();

	for (size_t i = 0; i < n; i++)
		json_object_object_add(list, engines[i].name, engine_json(&engines[i]));
	json_object_object_add(all, "engines", list);
	json_add_string(all, "auto", best_of(engines, n));
	json_object_object_add(all, "fuseMinor", json_object_new_int((int)p->kernel_minor));
	json_add_string(all, "kernel", release);
	return json_print(all);
}

static int features(const struct command *command, int argc, char **argv)
{
	struct utsname system = {.release = "unknown"};
	struct lamina_view_kernel kernel;
	struct lamina_error bpf_why = {0};
	struct lamina_probe probe;
	bool bpf, json = false;

	while (command_next(command, argc, argv) == 'j')
		json = true;
	if (optind < argc)
		return command_misused(command);
	(void)uname(&system);
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

	return json ? print_json(engines, n, &probe, system.release)
		    : print_text(engines, n, &probe, system.release);
}

static const struct command_option options[] = {
	{"json", 'j', NULL, "print JSON"},
	{0},
};

const struct command command_features = {
	.name = "features",
	.arguments = "[--json]",
	.help = "Which engines work here, and why the others do not.",
	.options = options,
	.example = "lamina features --json",
	.run = features,
};
