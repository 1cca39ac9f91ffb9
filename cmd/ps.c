// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lamina ps: what is mounted, by which engine, of which layers, and what happened there so far.
 */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/list.h"
#include "commands.h"
#include "json.h"
#include "table.h"

/* Kinds of upcalls: "SENT waiting=N". */
static bool is_upcall(const struct lamina_list_item *item, unsigned long long *ret_sent,
		      unsigned int *ret_waiting)
{
	return sscanf(item->value, "%llu waiting=%u", ret_sent, ret_waiting) == 2;
}

static bool is_list(const char *key)
{
	return !strcmp(key, "layer") || !strcmp(key, "filter") || !strcmp(key, "unused");
}

static size_t count_of(const struct lamina_list_mount *mount, const char *key)
{
	size_t n = 0;

	for (size_t i = 0; i < mount->n_items; i++)
		n += !strcmp(mount->items[i].key, key);
	return n;
}

static bool is_counter(const struct lamina_list_item *item)
{
	return item->value[0] >= '0' && item->value[0] <= '9' && !strchr(item->value, ' ');
}

static void print_upcalls(const struct lamina_list_mount *mount)
{
	const char *server = lamina_list_value(mount, "server");
	unsigned long long sent;
	unsigned int waiting;

	if (!server)
		return;
	printf("  upcalls   ");
	for (size_t i = 0; i < mount->n_items; i++) {
		const struct lamina_list_item *item = &mount->items[i];

		if (!is_upcall(item, &sent, &waiting))
			continue;
		printf(" %s=%llu", item->key, sent);
		if (waiting)
			printf(" (%u waiting)", waiting);
	}
	printf("%s\n", strcmp(server, "none") ? "" : ", no server");
}

static void print_mount(const struct lamina_list_mount *mount)
{
	const char *state = lamina_list_value(mount, "state");

	printf("%-12s %s\n", mount->engine, mount->target ? mount->target : "(elsewhere)");
	if (mount->server)
		printf("  server     process %d\n", (int)mount->server);
	if (mount->keeper)
		printf("  keeper     process %d\n", (int)mount->keeper);
	if (mount->why)
		printf("  not bpf    %s\n", mount->why);
	if (!state)
		return;
	printf("  state      %s, %zu layers, %zu filters\n  counters  ", state,
	       count_of(mount, "layer"), count_of(mount, "filter"));
	for (size_t i = 0; i < mount->n_items; i++) {
		const struct lamina_list_item *item = &mount->items[i];

		if (is_counter(item))
			printf(" %s=%s", item->key, item->value);
	}
	putchar('\n');
	print_upcalls(mount);
	for (size_t i = 0; i < mount->n_items; i++) {
		if (is_list(mount->items[i].key))
			printf("  %-10s %s\n", mount->items[i].key, mount->items[i].value);
	}
}

static void add_upcall(struct json_object *all, const char *kind, unsigned long long sent,
		       unsigned int waiting)
{
	struct json_object *upcalls, *upcall = json_object_new_object();

	if (!json_object_object_get_ex(all, "upcalls", &upcalls)) {
		upcalls = json_object_new_object();
		json_object_object_add(all, "upcalls", upcalls);
	}
	json_object_object_add(upcall, "sent", json_object_new_int64((int64_t)sent));
	json_object_object_add(upcall, "waiting", json_object_new_int((int)waiting));
	json_object_object_add(upcalls, kind, upcall);
}

/* Numbers are numbers, lists are lists of strings, the rest are strings. */
static struct json_object *mount_json(const struct lamina_list_mount *mount)
{
	struct json_object *all = json_object_new_object(), *counters = NULL, *list;
	unsigned long long sent;
	unsigned int waiting;

	json_object_object_add(all, "engine", json_object_new_string(mount->engine));
	json_object_object_add(all, "target",
			       mount->target ? json_object_new_string(mount->target) : NULL);
	json_object_object_add(all, "source",
			       mount->source ? json_object_new_string(mount->source) : NULL);
	if (mount->server)
		json_object_object_add(all, "server", json_object_new_int((int)mount->server));
	if (mount->keeper)
		json_object_object_add(all, "keeper", json_object_new_int((int)mount->keeper));
	if (mount->why)
		json_object_object_add(all, "whyNotBpf", json_object_new_string(mount->why));
	if (mount->n_items) {
		counters = json_object_new_object();
		json_object_object_add(all, "counters", counters);
		json_object_object_add(all, "layers", json_object_new_array());
		json_object_object_add(all, "filters", json_object_new_array());
	}
	for (size_t i = 0; i < mount->n_items; i++) {
		const struct lamina_list_item *item = &mount->items[i];
		struct json_object *value;

		if (is_upcall(item, &sent, &waiting)) {
			add_upcall(all, item->key, sent, waiting);
			continue;
		}
		value = json_object_new_string(item->value);
		if (!strcmp(item->key, "layer") || !strcmp(item->key, "filter")) {
			json_object_object_get_ex(all, item->key[0] == 'l' ? "layers" : "filters",
						  &list);
			json_object_array_add(list, value);
		} else if (!strcmp(item->key, "server")) {
			json_object_object_add(all, "upcallServer", value);
		} else if (!is_counter(item)) {
			json_object_object_add(all, item->key, value);
		} else {
			json_object_put(value);
			json_object_object_add(
				counters, item->key,
				json_object_new_int64(strtoll(item->value, NULL, 10)));
		}
	}
	return all;
}

static int print_json(const struct lamina_list *list)
{
	struct json_object *all = json_object_new_array();

	for (size_t i = 0; i < list->n; i++)
		json_object_array_add(all, mount_json(&list->mounts[i]));
	return json_print(all);
}

static void add_process(struct table *table, pid_t pid)
{
	if (pid)
		table_add_number(table, (unsigned long long)pid);
	else
		table_add(table, NULL);
}

static int print_table(const struct lamina_list *list)
{
	static const char *const columns[] = {"engine", "target",    "server", "keeper",
					      "state",	"whyNotBpf", NULL};
	struct table table = {.columns = columns};

	for (size_t i = 0; i < list->n; i++) {
		const struct lamina_list_mount *mount = &list->mounts[i];

		table_add(&table, mount->engine);
		table_add(&table, mount->target ? mount->target : "(elsewhere)");
		add_process(&table, mount->server);
		add_process(&table, mount->keeper);
		table_add(&table, lamina_list_value(mount, "state"));
		table_add(&table, mount->why);
	}
	return table_end(&table);
}

static int ps(const struct command *command, int argc, char **argv)
{
	struct lamina_error error = {0};
	struct lamina_list list;
	int option, status = EXIT_SUCCESS;
	bool json = false, is_long = false;

	while ((option = command_next(command, argc, argv)) >= 0) {
		json |= option == 'j';
		is_long |= option == 'l';
	}
	if (optind < argc)
		return command_misused(command);
	if (lamina_list_read(&list, &error) < 0) {
		fprintf(stderr, "lamina ps: %s\n", error.text);
		return EXIT_FAILURE;
	}
	if (json)
		status = print_json(&list);
	else if (!is_long)
		status = print_table(&list);
	else
		for (size_t i = 0; i < list.n; i++)
			print_mount(&list.mounts[i]);
	lamina_list_done(&list);
	return status;
}

static const struct command_option options[] = {
	{"json", 'j', NULL, "print JSON, with all that is known"},
	{"long", 'l', NULL, "print a paragraph a mount, with layers, filters and counters"},
	{0},
};

const struct command command_ps = {
	.name = "ps",
	.arguments = "[--long|--json]",
	.help = "What is mounted, by which engine, and what happened there.",
	.options = options,
	.example = "lamina ps --long",
	.run = ps,
};
