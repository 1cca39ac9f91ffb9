// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lamina policy apply, lamina policy remove: the policy that is in force in a mount.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/limits.h"
#include "base/text.h"
#include "guard/change.h"
#include "guard/client.h"
#include "policy.h"

errint_t policy_open_mount(const char *name, struct lamina_container *container,
			   struct lamina_error *error)
{
	errint_t err = lamina_container_find(name, container, error);

	if (err < 0)
		return err;
	err = lamina_client_open(container->mount, error);
	if (err < 0)
		lamina_container_done(container);
	return err;
}

static errint_t read_all(char **files, size_t n, bool dry, struct lamina_sources *ret,
			 struct lamina_error *error)
{
	errint_t err = 0;

	*ret = (struct lamina_sources){0};
	for (size_t i = 0; err == 0 && i < n; i++)
		err = lamina_sources_read(ret, files[i], dry, error);
	return err;
}

static errint_t apply(const char *name, char **files, size_t n, bool dry, unsigned int ms,
		      struct lamina_error *error)
{
	struct lamina_container container;
	struct lamina_sources sources;
	_cleanup_fd_ int root = policy_open_mount(name, &container, error);
	errint_t err;

	if (root < 0)
		return root;
	err = read_all(files, n, dry, &sources, error);
	if (err == 0) {
		err = lamina_change_apply(root, container.label, &sources, ms, error);
		if (err < 0)
			lamina_error_wrap(error, err, "%s", name);
	}
	lamina_sources_done(&sources);
	lamina_container_done(&container);
	return err;
}

/* In force is not the same as not in force. */
static int failure(errint_t err, const struct lamina_error *error)
{
	policy_failure(error);
	return err == -ETIMEDOUT ? POLICY_INCOMPLETE : EXIT_FAILURE;
}

/* The limit that an option gives, in milliseconds. */
static unsigned int read_limit(const struct command *command, const char *text)
{
	unsigned long seconds = command_seconds(command, text);

	return 1000 * (unsigned int)(seconds < LAMINA_APPLY_SECONDS_MAX ? seconds
									: LAMINA_APPLY_SECONDS_MAX);
}

#define TIMEOUT_OPTION                                                           \
	{"timeout", 't', "SECONDS",                                              \
	 "how long to wait for a process that keeps the kernel from forgetting " \
	 "(default: 10)"}

static int apply_command(const struct command *command, int argc, char **argv)
{
	unsigned int ms = LAMINA_APPLY_SECONDS * 1000;
	struct lamina_error error = {""};
	bool dry = false;
	int option;
	errint_t err;

	while ((option = command_next(command, argc, argv)) >= 0)
		if (option == 't')
			ms = read_limit(command, optarg);
		else
			dry = true;
	if (argc - optind < 2)
		return command_misused(command);
	err = apply(argv[optind], argv + optind + 1, (size_t)(argc - optind - 1), dry, ms, &error);
	return err < 0 ? failure(err, &error) : EXIT_SUCCESS;
}

static const struct command_option apply_options[] = {
	{"dry-run", 'n', NULL, "log only, whatever the files say"},
	TIMEOUT_OPTION,
	{0},
};

const struct command policy_apply = {
	.name = "policy apply",
	.arguments = "[--dry-run] [--timeout SECONDS] CONTAINER|MOUNTPOINT FILE...",
	.help = "Put a policy in force, in the place of the one that was applied before.",
	.options = apply_options,
	.text = POLICY_FILES POLICY_MOUNTS,
	.example = "lamina policy apply web policy.json",
	.run = apply_command,
};

/* After a part was removed: name the others. */
static void tell_what_stays(int root)
{
	struct lamina_error ignored = {""};
	struct lamina_bundle bundle;

	if (lamina_client_show(root, &bundle, &ignored) <= 0)
		return;
	fprintf(stderr, "lamina: still in force:");
	for (size_t i = 0; i < bundle.sources.n; i++) {
		const struct lamina_source *source = &bundle.sources.list[i];

		fprintf(stderr, "%s ", i ? "," : "");
		lamina_text_put(stderr, source->name);
		if (source->base) {
			fprintf(stderr, " (the mount's own)");
		} else if (*source->label) {
			fprintf(stderr, " (of ");
			lamina_text_put(stderr, source->label);
			fprintf(stderr, ")");
		}
	}
	fputc('\n', stderr);
	lamina_bundle_done(&bundle);
}

static int remove_command(const struct command *command, int argc, char **argv)
{
	unsigned int ms = LAMINA_APPLY_SECONDS * 1000;
	struct lamina_error error = {""};
	struct lamina_container container;
	_cleanup_fd_ int root = -1;
	bool all = false;
	const char *name;
	int option;
	errint_t err;

	while ((option = command_next(command, argc, argv)) >= 0)
		if (option == 't')
			ms = read_limit(command, optarg);
		else
			all = true;
	if (optind + 1 != argc)
		return command_misused(command);
	name = argv[optind];
	root = policy_open_mount(name, &container, &error);
	if (root < 0)
		return policy_failure(&error);
	err = lamina_change_remove(root, all ? NULL : container.label, ms, &error);
	lamina_container_done(&container);
	if (err < 0) {
		lamina_error_wrap(&error, err, "%s", name);
		return failure(err, &error);
	}
	tell_what_stays(root);
	return EXIT_SUCCESS;
}

static const struct command_option remove_options[] = {
	{"all", 'a', NULL, "those that were applied for any container (default: for this one)"},
	TIMEOUT_OPTION,
	{0},
};

const struct command policy_remove = {
	.name = "policy remove",
	.arguments = "[--all] [--timeout SECONDS] CONTAINER|MOUNTPOINT",
	.help = "Remove the policy that was applied; the policy of the mount stays.",
	.options = remove_options,
	.text = POLICY_MOUNTS,
	.example = "lamina policy remove web",
	.run = remove_command,
};

errint_t policy_input_live(struct policy_input *input, const char *name, struct lamina_error *error)
{
	struct lamina_container container;
	_cleanup_fd_ int root = policy_open_mount(name, &container, error);
	struct lamina_bundle bundle;
	errint_t err;

	*input = (struct policy_input){.policy = {.n_files = 0}};
	if (root < 0)
		return root;
	lamina_container_done(&container);
	err = lamina_client_show(root, &bundle, error);
	if (err < 0)
		return lamina_error_wrap(error, err, "%s", name);
	if (err == 0)
		return 0;
	input->sources = bundle.sources;
	bundle.sources = (struct lamina_sources){0};
	lamina_bundle_done(&bundle);
	err = policy_input_compile(input, error);
	return err < 0 ? err : 1;
}
