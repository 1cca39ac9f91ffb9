// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lamina mount: a read-only view of layers, by the kernel. What is to be written to is mounted by
 * lamina-mount.
 */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <fcntl.h>

#include "base/cleanup.h"
#include "base/nearest.h"
#include "bpf/filter.h"
#include "guard/data.h"
#include "commands.h"
#include "mount/optlist.h"
#include "view/view.h"

/* The command line, and what it stands for. */
struct request {
	struct lamina_view_spec spec;
	char **paths;
	int *fds;
	struct lamina_view_filter *filters;
	const char *target;
};

static errint_t add_layer(struct request *r, char *path)
{
	char **paths = reallocarray(r->paths, r->spec.n_layers + 1, sizeof(*paths));

	if (!paths)
		return -ENOMEM;
	r->paths = paths;
	paths[r->spec.n_layers++] = path;
	return 0;
}

static errint_t add_filter(struct request *r, char *name, struct lamina_error *error)
{
	size_t n = r->spec.n_filters;
	struct lamina_view_filter *filters = reallocarray(r->filters, n + 1, sizeof(*filters));
	char *cookie = strchr(name, ':'), *end;

	if (!filters)
		return -ENOMEM;
	r->filters = filters;
	filters[n] = (struct lamina_view_filter){.name = name, .cookie = LAMINA_VIEW_COOKIE};
	if (!cookie && !strcmp(name, LAMINA_POLICY_FILTER))
		return lamina_data_cookie(&filters[r->spec.n_filters++].cookie, error);
	if (cookie) {
		*cookie++ = '\0';
		errno = 0;
		filters[n].cookie = strtoull(cookie, &end, 0);
		if (errno || end == cookie || *end)
			return lamina_error_say(error, -EINVAL, "option filter: '%s' is no number",
						cookie);
	}
	r->spec.n_filters++;
	return 0;
}

static const char *const with_value[] = {"lowerdir", "filter",	"marks", "fsname",
					 "upperdir", "workdir", NULL};

static bool needs_value(const char *name)
{
	for (size_t i = 0; with_value[i]; i++)
		if (!strcmp(with_value[i], name))
			return true;
	return false;
}

static errint_t unknown_option(const char *name, struct lamina_error *error)
{
	struct lamina_nearest nearest;
	char hint[80];

	lamina_nearest_begin(&nearest, name);
	for (size_t i = 0; with_value[i]; i++)
		lamina_nearest_try(&nearest, with_value[i]);
	lamina_nearest_try(&nearest, "only_owner");
	return lamina_error_say(error, -EINVAL, "option '%.80s' is unknown%s", name,
				lamina_nearest_hint(&nearest, "", hint, sizeof(hint)));
}

static errint_t set_option(struct request *r, const char *name, char *value,
			   struct lamina_error *error)
{
	struct lamina_view_spec *spec = &r->spec;
	errint_t err = 0;
	char *path;

	if (!strcmp(name, "only_owner") && !value) {
		spec->only_owner = true;
		return 0;
	}
	if (!strcmp(name, "ro") && !value)
		return 0;
	if (!value || !*value)
		return needs_value(name)
			       ? lamina_error_say(error, -EINVAL, "option '%s' needs a value", name)
			       : unknown_option(name, error);
	if (!strcmp(name, "lowerdir")) {
		while (err == 0 && (path = lamina_optlist_cut(&value, ':'))) {
			lamina_optlist_unescape(path);
			err = add_layer(r, path);
		}
		return err;
	}
	lamina_optlist_unescape(value);
	if (!strcmp(name, "filter"))
		return add_filter(r, value, error);
	if (!strcmp(name, "marks"))
		spec->marks = value;
	else if (!strcmp(name, "fsname"))
		spec->source = value;
	else if (!strcmp(name, "upperdir") || !strcmp(name, "workdir"))
		return lamina_error_say(error, -EOPNOTSUPP,
					"option '%s': what is written to is mounted by "
					"lamina-mount",
					name);
	else
		return unknown_option(name, error);
	return 0;
}

static errint_t set_options(struct request *r, char *list, struct lamina_error *error)
{
	char *name, *value;
	errint_t err;

	while ((err = lamina_optlist_next(&list, &name, &value)) > 0) {
		err = set_option(r, name, value, error);
		if (err < 0)
			return err;
	}
	return err < 0 ? lamina_error_set(error, err, "-o: a quote has no end") : 0;
}

static errint_t check_engine(const char *name, struct lamina_error *error)
{
	static const char *const known[] = {"fuse", "passthrough", "auto", NULL};
	struct lamina_nearest nearest;
	char hint[80];

	if (!strcmp(name, "bpf"))
		return 0;
	for (size_t i = 0; known[i]; i++)
		if (!strcmp(name, known[i]))
			return lamina_error_say(
				error, -EINVAL,
				"engine '%s': this command mounts with 'bpf', lamina-mount "
				"with the others",
				name);
	lamina_nearest_begin(&nearest, name);
	lamina_nearest_try(&nearest, "bpf");
	return lamina_error_say(error, -EINVAL, "engine '%.80s' is unknown%s", name,
				lamina_nearest_hint(&nearest, "", hint, sizeof(hint)));
}

static errint_t parse(struct request *r, const struct command *command, int argc, char **argv,
		      struct lamina_error *error)
{
	errint_t err = 0;
	int option;

	while (err == 0 && (option = command_next(command, argc, argv)) >= 0)
		err = option == 'o' ? set_options(r, optarg, error) : check_engine(optarg, error);
	if (err < 0)
		return err;
	if (optind == argc)
		return lamina_error_say(error, -EINVAL, "a mountpoint is missing");
	r->target = argv[optind++];
	if (optind < argc)
		return lamina_error_say(error, -EINVAL,
					"'%s' is not understood; see lamina mount --help",
					argv[optind]);
	if (!r->spec.n_layers)
		return lamina_error_say(error, -EINVAL, "-o lowerdir= is missing");
	return 0;
}

/* The filter that makes layers look as they should is not to be asked for. */
static errint_t default_filter(struct request *r, struct lamina_error *error)
{
	static char name[] = "overlay";
	const struct lamina_filter_spec load = {.what = name};
	struct lamina_filter_info info;
	errint_t err;

	if (r->spec.n_filters || r->spec.marks)
		return 0;
	err = lamina_filter_info(name, &info, error);
	/* Who may not look may still use what the administrator has loaded; the kernel knows. */
	if (err == -ENOENT)
		err = lamina_filter_load(&load, error);
	/* Another mount may have been faster. */
	if (err < 0 && err != -EEXIST && err != -EACCES && err != -EPERM)
		return err;
	return add_filter(r, name, error);
}

static errint_t open_layers(struct request *r, struct lamina_error *error)
{
	r->fds = calloc(r->spec.n_layers, sizeof(*r->fds));
	if (!r->fds)
		return lamina_error_set(error, -ENOMEM, "cannot open the layers");
	for (size_t i = 0; i < r->spec.n_layers; i++) {
		/* They are open until the program ends, which it does soon. */
		r->fds[i] = open(r->paths[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (r->fds[i] < 0)
			return lamina_error_set(error, -errno, "cannot open the layer '%s'",
						r->paths[i]);
	}
	return 0;
}

static errint_t mount_view(struct request *r, struct lamina_error *error)
{
	struct lamina_view view;
	errint_t err = open_layers(r, error);

	r->spec.paths = r->paths;
	r->spec.fds = r->fds;
	r->spec.filters = r->filters;
	r->spec.target = r->target;
	if (err == 0)
		err = lamina_view_make(&r->spec, &view, error);
	if (err < 0)
		return err;
	if (move_mount(view.mount_fd, "", AT_FDCWD, r->target, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		err = lamina_error_set(error, -errno, "cannot mount on '%s'", r->target);
	close(view.mount_fd);
	return err;
}

static int mount_command(const struct command *command, int argc, char **argv)
{
	struct request r = {.spec = {.source = "lamina"}};
	struct lamina_error error = {0};
	errint_t err = parse(&r, command, argc, argv, &error);

	if (err == 0)
		err = default_filter(&r, &error);
	if (err == 0)
		err = mount_view(&r, &error);
	free(r.paths);
	free(r.fds);
	free(r.filters);
	if (err == 0)
		return EXIT_SUCCESS;
	fprintf(stderr, "lamina mount: %s\n", error.text[0] ? error.text : strerror(-err));
	return EXIT_FAILURE;
}

static const struct command_option options[] = {
	{"options", 'o', "LIST", "mount options, see below; may be given more than once"},
	{"engine", 'e', "NAME", "bpf, the only one there is here (default: bpf)"},
	{0},
};

const struct command command_mount = {
	.name = "mount",
	.arguments = "[--engine bpf] -o lowerdir=DIR[:DIR...][,OPTION...] MOUNTPOINT",
	.help = "Mount layers as one read-only tree, by the kernel alone; no process stays.",
	.options = options,
	.text = "mount options:\n"
		"  lowerdir=DIR[:DIR...]    the layers, the topmost first\n"
		"  filter=NAME[:COOKIE]     a filter that was loaded; several are asked in this "
		"order\n"
		"                           (default: overlay, which is loaded if need be).\n"
		"                           COOKIE is a number that the filter knows the view by "
		"(default: 1)\n"
		"  marks=trusted|user|none  let the kernel alone read overlayfs' marks, instead of "
		"a filter\n"
		"  fsname=NAME              the mount's source (default: lamina)\n"
		"  only_owner               for processes of the mounter alone\n",
	.example = "lamina mount -o lowerdir=/layers/2:/layers/1 /mnt",
	.run = mount_command,
};
