// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * policymount MOUNTPOINT [--count POLICIES] [--seed FIRST] [--accesses N]
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../unit/text.h"
#include "base/limits.h"
#include "guard/change.h"
#include "guard/client.h"
#include "guard/data.h"
#include "policymount.h"

/* The mount, the bound process, and who decides for it. */
struct scene {
	int root, orders;
	bool is_view;
};

struct totals {
	unsigned long accesses, refused;
};

static bool is_right(const struct lamina_policy *policy, const struct order *o,
		     const struct result *result, int expected)
{
	char names[NAME_LISTS];
	char dir[PATH_SIZE];

	if (result->error != expected) {
		printf("# %s %s%s%s: expected %s, got %s\n", order_name(o->op), o->path,
		       o->other[0] ? " to " : "", o->other,
		       expected ? strerrorname_np(expected) : "success",
		       result->error ? strerrorname_np(result->error) : "success");
		return false;
	}
	if (o->op != OP_LIST || expected)
		return true;
	tree_dir_of(o->path, dir);
	expect_names(policy, dir, names);
	if (!strcmp(names, result->names))
		return true;
	printf("# list %s: expected %s, got %s\n", o->path, names, result->names);
	return false;
}

/* For who is not bound all is there, whatever the other one did. */
static bool is_complete(const struct order *o)
{
	char dir[PATH_SIZE], names[NAME_LISTS], expected[NAME_LISTS];

	tree_dir_of(o->path, dir);
	expect_names(NULL, dir, expected);
	if (order_list(*dir ? dir : ".", names) == 0 && !strcmp(names, expected))
		return true;
	printf("# after %s %s who is not bound sees in %s: expected %s, got %s\n",
	       order_name(o->op), o->path, dir, expected, names);
	return false;
}

static bool try_access(const struct lamina_policy *policy, const struct scene *scene,
		       struct totals *totals)
{
	static struct result result;
	const struct order order = choose_order();
	int expected = expect_order(policy, &order, scene->is_view);

	/* Names of what is looked at first are often known to the kernel from who may see them. */
	if (choose_coin())
		(void)is_complete(&order);
	if (send(scene->orders, &order, sizeof(order), 0) < 0 ||
	    recv(scene->orders, &result, sizeof(result), 0) != sizeof(result)) {
		printf("# the bound process has ended\n");
		return false;
	}
	totals->accesses++;
	totals->refused += expected != 0;
	if (!is_right(policy, &order, &result, expected))
		return false;
	if (result.error == 0)
		order_undo(&order);
	return is_complete(&order);
}

/* Put the files in force as one policy, and keep what the reader made of them for the matcher. */
static errint_t put_in_force(int root, struct text *files, unsigned int n,
			     struct lamina_policy *policy, struct lamina_error *error)
{
	struct lamina_sources sources = {.n = 0};
	errint_t err = 0;

	lamina_policy_init(policy);
	for (unsigned int i = 0; err == 0 && i < n; i++) {
		char name[16];

		snprintf(name, sizeof(name), "file-%u", i);
		err = lamina_sources_add(&sources, name, files[i].bytes, files[i].n, false, error);
		if (err == 0)
			err = lamina_policy_read_text(policy, name, files[i].bytes, files[i].n,
						      error);
	}
	if (err == 0)
		err = lamina_change_apply(root, "", &sources, LAMINA_APPLY_SECONDS * 1000, error);
	lamina_sources_done(&sources);
	return err;
}

static bool try_seed(uint64_t seed, const struct scene *scene, unsigned long accesses,
		     struct totals *totals)
{
	static struct text files[2];
	struct lamina_error error = {""};
	struct lamina_policy policy;
	unsigned int n;
	bool good = true;
	errint_t err;

	choose_begin(seed);
	n = choose_policy(files, sizeof(files) / sizeof(files[0]));
	err = put_in_force(scene->root, files, n, &policy, &error);
	for (unsigned long i = 0; err == 0 && good && i < accesses; i++)
		good = try_access(&policy, scene, totals);
	lamina_policy_done(&policy);
	if (err == -E2BIG)
		return true;
	if (err < 0)
		printf("# %s\n", error.text);
	if (err == 0 && good)
		return true;
	printf("# seed %llu\n", (unsigned long long)seed);
	for (unsigned int i = 0; i < n; i++)
		printf("# file-%u:\n%s", i, files[i].bytes);
	return false;
}

int main(int argc, char **argv)
{
	unsigned long count = 100, seed = 1, accesses = 100;
	struct lamina_error error = {""};
	struct totals totals = {0};
	struct scene scene;
	int ends[2], root, status;
	bool good = true;
	pid_t child;

	for (int i = 2; i + 1 < argc; i += 2) {
		if (!strcmp(argv[i], "--count"))
			count = strtoul(argv[i + 1], NULL, 10);
		else if (!strcmp(argv[i], "--seed"))
			seed = strtoul(argv[i + 1], NULL, 10);
		else if (!strcmp(argv[i], "--accesses"))
			accesses = strtoul(argv[i + 1], NULL, 10);
	}
	root = argc > 1 ? lamina_client_open(argv[1], &error) : -1;
	if (root < 0 || chdir(argv[1]) < 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) {
		printf("# cannot begin: %s\n", error.text);
		return 1;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	tree_make();
	child = fork();
	if (child == 0) {
		close(ends[0]);
		order_serve(ends[1], argv[1]);
	}
	close(ends[1]);
	scene = (struct scene){root, ends[0], lamina_data_is_view(root)};
	for (unsigned long i = 0; good && i < count; i++)
		good = try_seed(seed + i, &scene, accesses, &totals);
	close(ends[0]);
	waitpid(child, &status, 0);
	printf("# seeds from %lu: %lu accesses, %lu refused\n", seed, totals.accesses,
	       totals.refused);
	return good && totals.accesses > 0 ? 0 : 1;
}
