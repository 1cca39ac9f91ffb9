// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lamina policy apply, lamina policy remove: the policy that is in force in a mount.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/text.h"
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

static errint_t apply(const char *name, char **files, size_t n, bool dry,
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
		err = lamina_client_apply(root, container.label, &sources, error);
		if (err < 0)
			lamina_error_wrap(error, err, "%s", name);
	}
	lamina_sources_done(&sources);
	lamina_container_done(&container);
	return err;
}

static int apply_command(const struct command *command, int argc, char **argv)
{
	struct lamina_error error = {""};
	bool dry = false;

	while (command_next(command, argc, argv) == 'n')
		dry = true;
	if (argc - optind < 2)
		return command_misused(command);
	if (apply(argv[optind], argv + optind + 1, (size_t)(argc - optind - 1), dry, &error) < 0)
		return policy_failure(&error);
	return EXIT_SUCCESS;
}

static const struct command_option apply_options[] = {
	{"dry-run", 'n', NULL, "log only, whatever the files say"},
	{0},
};

const struct command policy_apply = {
	.name = "policy apply",
	.arguments = "[--dry-run] CONTAINER|MOUNTPOINT FILE...",
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
	struct lamina_error error = {""};
	struct lamina_container container;
	_cleanup_fd_ int root = -1;
	bool all = false;
	const char *name;
	errint_t err;

	while (command_next(command, argc, argv) == 'a')
		all = true;
	if (optind + 1 != argc)
		return command_misused(command);
	name = argv[optind];
	root = policy_open_mount(name, &container, &error);
	if (root < 0)
		return policy_failure(&error);
	err = lamina_client_remove(root, all ? NULL : container.label, &error);
	lamina_container_done(&container);
	if (err < 0) {
		lamina_error_wrap(&error, err, "%s", name);
		return policy_failure(&error);
	}
	tell_what_stays(root);
	return EXIT_SUCCESS;
}

static const struct command_option remove_options[] = {
	{"all", 'a', NULL, "those that were applied for any container (default: for this one)"},
	{0},
};

const struct command policy_remove = {
	.name = "policy remove",
	.arguments = "[--all] CONTAINER|MOUNTPOINT",
	.help = "Take away the policy that was applied; what the mount was given stays.",
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
