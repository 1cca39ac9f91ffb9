// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lamina filter: the filters of the bpf engine: load, list, show, remove.
 */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"
#include "bpf/filter.h"
#include "bpf/list.h"
#include "commands.h"
#include "json.h"
#include "table.h"

static int complain(const struct lamina_error *error)
{
	fprintf(stderr, "lamina filter: %s\n", error->text);
	return EXIT_FAILURE;
}

/* ---- load ---- */

/* A name that is none of those that are built in may be one of them. */
static int complain_of_load(const char *what, const struct lamina_error *error)
{
	struct lamina_nearest nearest;
	char hint[80];

	lamina_nearest_begin(&nearest, what);
	for (const char *const *name = lamina_filter_names; *name; name++) {
		if (!strcmp(*name, what))
			return complain(error);
		lamina_nearest_try(&nearest, *name);
	}
	fprintf(stderr, "lamina filter: %s%s\n", error->text,
		strchr(what, '/') ? "" : lamina_nearest_hint(&nearest, "", hint, sizeof(hint)));
	return EXIT_FAILURE;
}

enum { AS = 256, PATHS, REPLACE, DETACH };

static const struct command_option load_options[] = {
	{"as", AS, "NAME", "register it by this name (default: its own)"},
	{"paths", PATHS, "LIST", "for hide: a file with the paths to hide, one a line"},
	{"replace", REPLACE, NULL,
	 "give the filter of this name the new programs and data, in all views"},
	{"verbose", 'v', NULL, "print what the verifier says"},
	{0},
};

static int filter_load(const struct command *command, int argc, char **argv)
{
	struct lamina_filter_spec spec = {0};
	struct lamina_error error = {0};
	int option;

	while ((option = command_next(command, argc, argv)) >= 0) {
		if (option == AS)
			spec.as = optarg;
		else if (option == PATHS)
			spec.paths = optarg;
		else if (option == REPLACE)
			spec.replace = true;
		else
			spec.verbose = true;
	}
	if (optind + 1 != argc)
		return command_misused(command);
	spec.what = argv[optind];
	return lamina_filter_load(&spec, &error) < 0 ? complain_of_load(spec.what, &error)
						     : EXIT_SUCCESS;
}

/* ---- list and show ---- */

/* Is this the filter in a view's line "NAME cookie=..."? */
static bool names(const char *value, const char *id)
{
	size_t len = strlen(id);

	return !strncmp(value, id, len) && value[len] == ' ';
}

static bool has_filter(const struct lamina_list_mount *mount, const char *id)
{
	for (size_t i = 0; i < mount->n_items; i++) {
		if (!strcmp(mount->items[i].key, "filter") && names(mount->items[i].value, id))
			return true;
	}
	return false;
}

static size_t count_views(const struct lamina_list *list, const char *id)
{
	size_t n = 0;

	for (size_t i = 0; i < list->n; i++)
		n += has_filter(&list->mounts[i], id);
	return n;
}

static const char *state_of(const struct lamina_filter_info *info)
{
	return info->map ? "attached" : "detached";
}

/* What is made of each filter: a row for people, or an object. */
struct listing {
	const struct lamina_list *list;
	struct lamina_error *error;
	struct table table;
	struct json_object *json; /* NULL: for people */
};

static errint_t list_one(const char *id, void *data)
{
	struct listing *listing = data;
	struct json_object *object;
	struct lamina_filter_info info;
	errint_t err = lamina_filter_info(id, &info, listing->error);
	size_t views;

	if (err < 0)
		return err;
	views = count_views(listing->list, id);
	if (!listing->json) {
		table_add(&listing->table, id);
		table_add(&listing->table, state_of(&info));
		table_add_number(&listing->table, views);
		return 0;
	}
	object = json_object_new_object();
	json_add_string(object, "filter", id);
	json_add_string(object, "state", state_of(&info));
	json_object_object_add(object, "views", json_object_new_int64((int64_t)views));
	json_object_array_add(listing->json, object);
	return 0;
}

static const struct command_option output_options[] = {
	{"json", 'j', NULL, "print JSON"},
	{0},
};

static int filter_list(const struct command *command, int argc, char **argv)
{
	static const char *const columns[] = {"filter", "state", "views", NULL};
	struct lamina_error error = {0};
	struct lamina_list list;
	struct listing listing = {.list = &list, .error = &error, .table = {.columns = columns}};
	errint_t err;

	while (command_next(command, argc, argv) == 'j')
		if (!listing.json)
			listing.json = json_object_new_array();
	if (optind < argc)
		return command_misused(command);
	err = lamina_list_read(&list, &error);
	if (err < 0)
		return complain(&error);
	err = lamina_filter_each(list_one, &listing, &error);
	lamina_list_done(&list);
	if (err < 0)
		return complain(&error);
	return listing.json ? json_print(listing.json) : table_end(&listing.table);
}

static int show_json(const struct lamina_filter_info *info, const struct lamina_list *list)
{
	struct json_object *all = json_object_new_object(), *views = json_object_new_array();

	json_add_string(all, "filter", info->id);
	json_add_string(all, "state", state_of(info));
	json_object_object_add(all, "link", json_object_new_int64(info->link));
	json_object_object_add(all, "map", info->map ? json_object_new_int64(info->map) : NULL);
	for (size_t i = 0; i < list->n; i++)
		if (has_filter(&list->mounts[i], info->id))
			json_object_array_add(
				views, list->mounts[i].target
					       ? json_object_new_string(list->mounts[i].target)
					       : NULL);
	json_object_object_add(all, "views", views);
	return json_print(all);
}

static void show_text(const struct lamina_filter_info *info, const struct lamina_list *list)
{
	printf("filter: %s\nstate:  %s\nlink:   %u\n", info->id, state_of(info), info->link);
	if (info->map)
		printf("map:    %u\n", info->map);
	for (size_t i = 0; i < list->n; i++)
		if (has_filter(&list->mounts[i], info->id))
			printf("view:   %s\n",
			       list->mounts[i].target ? list->mounts[i].target : "(elsewhere)");
}

static int filter_show(const struct command *command, int argc, char **argv)
{
	struct lamina_error error = {0};
	struct lamina_filter_info info;
	struct lamina_list list;
	int status = EXIT_SUCCESS;
	bool json = false;

	while (command_next(command, argc, argv) == 'j')
		json = true;
	if (optind + 1 != argc)
		return command_misused(command);
	if (lamina_filter_info(argv[optind], &info, &error) < 0 ||
	    lamina_list_read(&list, &error) < 0)
		return complain(&error);
	if (json)
		status = show_json(&info, &list);
	else
		show_text(&info, &list);
	lamina_list_done(&list);
	return status;
}

/* ---- remove ---- */

static const struct command_option remove_options[] = {
	{"detach", DETACH, NULL, "also one that views have: nothing works in them any more"},
	{0},
};

static int filter_remove(const struct command *command, int argc, char **argv)
{
	struct lamina_error error = {0};
	struct lamina_list list;
	bool detach = false;
	const char *name;
	size_t n;

	while (command_next(command, argc, argv) == DETACH)
		detach = true;
	if (optind + 1 != argc)
		return command_misused(command);
	name = argv[optind];
	if (lamina_list_read(&list, &error) < 0)
		return complain(&error);
	n = count_views(&list, name);
	lamina_list_done(&list);
	if (n && !detach) {
		fprintf(stderr,
			"lamina filter: %zu views have the filter '%s'; --detach would close "
			"them\n",
			n, name);
		return EXIT_FAILURE;
	}
	return lamina_filter_remove(name, detach, &error) < 0 ? complain(&error) : EXIT_SUCCESS;
}

/* ---- */

static const struct command load = {
	.name = "filter load",
	.arguments = "[OPTION...] NAME|FILE",
	.help = "Load a filter; it stays until it is removed.",
	.options = load_options,
	.text = "NAME is one of the filters that are built in (overlay, hide, trace); FILE, with a "
		"'/' in "
		"it,\nis an object file with one.\n",
	.example = "lamina filter load hide --paths /etc/lamina/hidden\n"
		   "lamina filter load ./nocore.bpf.o --as nocore",
	.run = filter_load,
};

static const struct command list = {
	.name = "filter list",
	.arguments = "[--json]",
	.help = "The filters that are loaded, and how many views have each.",
	.options = output_options,
	.example = "lamina filter list",
	.run = filter_list,
};

static const struct command show = {
	.name = "filter show",
	.arguments = "[--json] NAME",
	.help = "One filter, and the views that have it.",
	.options = output_options,
	.example = "lamina filter show overlay",
	.run = filter_show,
};

static const struct command remove_ = {
	.name = "filter remove",
	.arguments = "[--detach] NAME",
	.help = "Let go of a filter; one that views have is only removed with --detach.",
	.options = remove_options,
	.example = "lamina filter remove hide",
	.run = filter_remove,
};

static const struct command *const subs[] = {&load, &list, &show, &remove_, NULL};

const struct command command_filter = {
	.name = "filter",
	.arguments = "COMMAND [ARGUMENT...]",
	.help = "Load, list, show and remove filters of engine bpf.",
	.subs = subs,
	.example = "lamina filter load overlay\nlamina filter list",
	.run = command_run_sub,
};
