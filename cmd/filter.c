// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lamina filter: the filters of the bpf engine: load, list, show, remove.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/filter.h"
#include "bpf/list.h"
#include "commands.h"

static const char usage[] =
	"usage: lamina filter load NAME|FILE [--as NAME] [--paths LIST] [--replace] [--verbose]\n"
	"       lamina filter list\n"
	"       lamina filter show NAME\n"
	"       lamina filter remove NAME [--detach]\n"
	"\n"
	"load      takes one of the filters that are built in (overlay, hide, trace), or an "
	"object\n"
	"          file with one; FILE has a '/' in it. It stays until it is removed.\n"
	"  --as NAME     the name that it is registered by; its own otherwise\n"
	"  --paths LIST  for hide: a file with the paths to hide, one a line\n"
	"  --replace     the filter of this name takes the new programs and data, in all views\n"
	"  --verbose     say what the verifier says\n"
	"list      the filters, and how many views have each\n"
	"show      one filter, and the views that have it\n"
	"remove    lets go of a filter. Views that have it keep it; a filter that views have is\n"
	"          only removed with --detach, which closes them: nothing works in them any more\n";

static int complain(const struct lamina_error *error)
{
	fprintf(stderr, "lamina filter: %s\n", error->text);
	return EXIT_FAILURE;
}

static int misused(void)
{
	fputs(usage, stderr);
	return EXIT_FAILURE;
}

static int filter_load(int argc, char **argv)
{
	struct lamina_filter_spec spec = {0};
	struct lamina_error error = {0};

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--as") && i + 1 < argc)
			spec.as = argv[++i];
		else if (!strcmp(argv[i], "--paths") && i + 1 < argc)
			spec.paths = argv[++i];
		else if (!strcmp(argv[i], "--replace"))
			spec.replace = true;
		else if (!strcmp(argv[i], "--verbose"))
			spec.verbose = true;
		else if (argv[i][0] == '-' || spec.what)
			return misused();
		else
			spec.what = argv[i];
	}
	if (!spec.what)
		return misused();
	return lamina_filter_load(&spec, &error) < 0 ? complain(&error) : EXIT_SUCCESS;
}

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

struct listing {
	const struct lamina_list *list;
	struct lamina_error *error;
};

static errint_t list_one(const char *id, void *data)
{
	struct listing *listing = data;
	struct lamina_filter_info info;
	errint_t err = lamina_filter_info(id, &info, listing->error);

	if (err < 0)
		return err;
	printf("%-16s %-9s %zu views\n", id, info.map ? "attached" : "detached",
	       count_views(listing->list, id));
	return 0;
}

static int filter_list(int argc, char **argv)
{
	struct lamina_error error = {0};
	struct lamina_list list;
	struct listing listing = {&list, &error};
	errint_t err;

	(void)argv;
	if (argc != 1)
		return misused();
	err = lamina_list_read(&list, &error);
	if (err < 0)
		return complain(&error);
	err = lamina_filter_each(list_one, &listing, &error);
	lamina_list_done(&list);
	return err < 0 ? complain(&error) : EXIT_SUCCESS;
}

static int filter_show(int argc, char **argv)
{
	struct lamina_error error = {0};
	struct lamina_filter_info info;
	struct lamina_list list;

	if (argc != 2)
		return misused();
	if (lamina_filter_info(argv[1], &info, &error) < 0 || lamina_list_read(&list, &error) < 0)
		return complain(&error);
	printf("name:  %s\nstate: %s\nlink:  %u\n", info.id, info.map ? "attached" : "detached",
	       info.link);
	if (info.map)
		printf("map:   %u\n", info.map);
	for (size_t i = 0; i < list.n; i++) {
		if (has_filter(&list.mounts[i], info.id))
			printf("view:  %s\n",
			       list.mounts[i].target ? list.mounts[i].target : "(elsewhere)");
	}
	lamina_list_done(&list);
	return EXIT_SUCCESS;
}

static int filter_remove(int argc, char **argv)
{
	bool detach = argc == 3 && !strcmp(argv[2], "--detach");
	struct lamina_error error = {0};
	struct lamina_list list;
	size_t n;

	if (argc != 2 && !detach)
		return misused();
	if (lamina_list_read(&list, &error) < 0)
		return complain(&error);
	n = count_views(&list, argv[1]);
	lamina_list_done(&list);
	if (n && !detach) {
		fprintf(stderr,
			"lamina filter: %zu views have the filter '%s'; --detach would close "
			"them\n",
			n, argv[1]);
		return EXIT_FAILURE;
	}
	return lamina_filter_remove(argv[1], detach, &error) < 0 ? complain(&error) : EXIT_SUCCESS;
}

int command_filter(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "--help")) {
		fputs(usage, stdout);
		return EXIT_SUCCESS;
	}
	if (argc < 2)
		return misused();
	if (!strcmp(argv[1], "load"))
		return filter_load(argc - 1, argv + 1);
	if (!strcmp(argv[1], "list"))
		return filter_list(argc - 1, argv + 1);
	if (!strcmp(argv[1], "show"))
		return filter_show(argc - 1, argv + 1);
	if (!strcmp(argv[1], "remove"))
		return filter_remove(argc - 1, argv + 1);
	return misused();
}
