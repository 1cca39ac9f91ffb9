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

int policy_apply(int argc, char **argv)
{
	static const struct option options[] = {
		{"dry-run", no_argument, NULL, 'n'},
		{0},
	};
	struct lamina_error error = {""};
	bool dry = false;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (option != 'n')
			return policy_usage("apply");
		dry = true;
	}
	if (argc - optind < 2)
		return policy_usage("apply");
	if (apply(argv[optind], argv + optind + 1, (size_t)(argc - optind - 1), dry, &error) < 0)
		return policy_failure(&error);
	return EXIT_SUCCESS;
}

/* Who removes a part is told of the others. */
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

int policy_remove(int argc, char **argv)
{
	static const struct option options[] = {
		{"all", no_argument, NULL, 'a'},
		{0},
	};
	struct lamina_error error = {""};
	struct lamina_container container;
	_cleanup_fd_ int root = -1;
	bool all = false;
	errint_t err;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (option != 'a')
			return policy_usage("remove");
		all = true;
	}
	if (argc - optind != 1)
		return policy_usage("remove");
	root = policy_open_mount(argv[optind], &container, &error);
	if (root < 0)
		return policy_failure(&error);
	err = lamina_client_remove(root, all ? NULL : container.label, &error);
	lamina_container_done(&container);
	if (err < 0) {
		lamina_error_wrap(&error, err, "%s", argv[optind]);
		return policy_failure(&error);
	}
	tell_what_stays(root);
	return EXIT_SUCCESS;
}

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
