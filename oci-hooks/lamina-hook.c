// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lamina-hook: the OCI hook that puts a container's policy in force before the container starts, and
 * takes it away when it has ended. A container whose policy can't be put in force doesn't start.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/calls.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "base/limits.h"
#include "base/nearest.h"
#include "base/output.h"
#include "complain.h"
#include "elsewhere.h"
#include "guard/change.h"
#include "guard/client.h"
#include "mount/record.h"
#include "policy/file.h"
#include "state.h"
#include "version.h"

#define PROGRAM "lamina-hook"

struct options {
	char *policies[LAMINA_POLICY_MAX_FILES]; /* for all containers */
	size_t n;
	const char *only; /* the directory in which annotations may name files */
	bool fail_open;
};

static void print_help(FILE *to)
{
	fprintf(to,
		"usage: " PROGRAM " [OPTION...] <STATE\n\n"
		"An OCI hook for createRuntime and poststop: puts the policy of a container in "
		"force.\n"
		"The container's state comes on standard input; the policy is named by the "
		"annotation\n"
		"org.lamina.policy, a file or the policy itself, and org.lamina.policy.mode "
		"may be\n"
		"enforce or dry-run.\n\n"
		"  --policy FILE  a policy for every container for which the hook is called\n"
		"  --only DIR     annotations may only name files below DIR (default: any file)\n"
		"  --fail-open    let containers start whose policy can't be put in force\n"
		"  --help, --version\n\n"
		"example:\n"
		"  " PROGRAM " --only /etc/lamina <state.json\n");
}

/* ---- the policy ---- */

static errint_t open_below(const char *dir, const char *path, struct lamina_error *error)
{
	_cleanup_fd_ int top = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	size_t n = strlen(dir);
	errint_t fd;

	if (top < 0)
		return lamina_error_set(error, -errno, "cannot open '%s'", dir);
	while (n > 0 && dir[n - 1] == '/')
		n--;
	if (!strncmp(path, dir, n) && path[n] == '/')
		path += n;
	path += strspn(path, "/");
	fd = lamina_fd_open_beneath(top, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	return fd < 0 ? lamina_error_set(error, fd, "cannot open the policy '%s' below '%s'", path,
					 dir)
		      : fd;
}

static errint_t open_policy(const struct options *options, const char *path,
			    struct lamina_error *error)
{
	int fd;

	if (options->only)
		return open_below(options->only, path, error);
	if (*path != '/')
		return lamina_error_say(error, -EINVAL,
					"the annotation org.lamina.policy is neither a policy nor "
					"an absolute path: '%.200s'",
					path);
	fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return fd < 0 ? lamina_error_set(error, -errno, "cannot read the policy '%s'", path) : fd;
}

/* A file that somebody's annotation names: nothing but a regular one is read. */
static errint_t add_named(const struct options *options, const char *path, bool dry,
			  struct lamina_sources *sources, struct lamina_error *error)
{
	_cleanup_fd_ int fd = open_policy(options, path, error);
	_cleanup_free_ char *text = NULL;
	char by_fd[LAMINA_FD_PATH_SIZE];
	struct stat st;
	size_t size;
	errint_t err;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return lamina_error_say(error, -EINVAL, "the policy '%s' is no regular file", path);
	lamina_fd_path(by_fd, fd);
	err = lamina_policy_read_bytes(by_fd, LAMINA_POLICY_MAX_FILE, &text, &size);
	if (err < 0)
		return lamina_error_set(error, err, "cannot read the policy '%s'", path);
	return lamina_sources_add(sources, path, text, size, dry, error);
}

static errint_t is_dry(const struct hook_state *state, struct lamina_error *error)
{
	if (!state->mode || !strcmp(state->mode, "enforce"))
		return 0;
	if (!strcmp(state->mode, "dry-run"))
		return 1;
	return lamina_error_say(
		error, -EINVAL,
		"the annotation org.lamina.policy.mode is '%.200s': expected enforce "
		"or dry-run",
		state->mode);
}

/* A slip of the pen must not be a container without a policy. */
static errint_t check_annotations(const struct hook_state *state, struct lamina_error *error)
{
	if (state->odd)
		return lamina_error_say(error, -EINVAL,
					"in the container's state '%.200s' is no text: annotations "
					"are strings without a NUL",
					state->odd);
	if (state->unknown)
		return lamina_error_say(error, -EINVAL,
					"unknown annotation '%.200s': there are org.lamina.policy "
					"and org.lamina.policy.mode",
					state->unknown);
	if (state->mode && !state->policy)
		return lamina_error_say(error, -EINVAL,
					"the annotation org.lamina.policy.mode needs "
					"org.lamina.policy beside it");
	return is_dry(state, error);
}

static errint_t add_annotated(const struct options *options, const struct hook_state *state,
			      struct lamina_sources *sources, struct lamina_error *error)
{
	errint_t dry = check_annotations(state, error);
	const char *policy = state->policy;

	if (dry < 0 || !policy)
		return dry < 0 ? dry : 0;
	policy += strspn(policy, " \t\r\n");
	if (*policy == '{')
		return lamina_sources_add(sources, "annotation", policy, strlen(policy), dry,
					  error);
	return add_named(options, policy, dry, sources, error);
}

static errint_t read_sources(const struct options *options, const struct hook_state *state,
			     struct lamina_sources *sources, struct lamina_error *error)
{
	errint_t err = 0;

	for (size_t i = 0; err == 0 && i < options->n; i++)
		err = lamina_sources_read(sources, options->policies[i], false, error);
	return err < 0 ? err : add_annotated(options, state, sources, error);
}

/* ---- */

static errint_t open_root(const struct hook_state *state, struct lamina_error *error)
{
	_cleanup_free_ char *path = NULL;
	errint_t err = hook_state_find_root(state, &path, error);

	return err < 0 ? err : lamina_client_open(path, error);
}

/* What a mount is asked for: from here, or else from where it was made. */
struct request {
	int root;
	int proc;  /* /proc, open: in another namespace something else may be there */
	pid_t pid; /* the container's first process, or 0 */
	const char *label;
	const struct lamina_sources
		*sources; /* to be put in force; NULL: what has the label goes */
	struct lamina_error *error;
};

static errint_t binds_none(struct lamina_error *error)
{
	return lamina_error_say(error, -EINVAL,
				"the container is to run in the mount namespace in which its root "
				"file system was mounted, so the policy would bind none of its "
				"processes; give it a mount namespace of its own");
}

/* Whether the container's process, which waits for us, is in the mount namespace that we are in. */
static errint_t is_here(const struct request *request)
{
	char path[sizeof("/ns/mnt") + 16];
	struct stat ours, theirs;

	if (request->pid <= 0)
		return 0;
	snprintf(path, sizeof(path), "%d/ns/mnt", (int)request->pid);
	if (fstatat(request->proc, "self/ns/mnt", &ours, 0) < 0 ||
	    fstatat(request->proc, path, &theirs, 0) < 0)
		return lamina_error_set(request->error, -errno,
					"cannot look at the mount namespace of process %d",
					(int)request->pid);
	return ours.st_ino == theirs.st_ino && ours.st_dev == theirs.st_dev;
}

/* Put the policy in force, if the mount answers here, and not to the container's processes as well. */
static errint_t put(const struct request *request)
{
	struct lamina_bundle bundle = {0};
	errint_t here = is_here(request), err;

	if (here < 0)
		return here;
	if (here == 0)
		return lamina_change_apply(request->root, request->label, request->sources,
					   LAMINA_HOOK_SECONDS * 1000, request->error);
	err = lamina_client_show(request->root, &bundle, request->error);
	lamina_bundle_done(&bundle);
	return err < 0 ? err : binds_none(request->error);
}

static errint_t ask(void *user)
{
	const struct request *request = user;

	if (request->sources)
		return put(request);
	return lamina_change_remove(request->root, request->label, LAMINA_HOOK_SECONDS * 1000,
				    request->error);
}

static errint_t ask_anywhere(struct request *request)
{
	struct stat st;
	errint_t err = ask(request);

	if (err != -ENOTTY)
		return err;
	if (fstat(request->root, &st) < 0)
		return lamina_error_set(request->error, -errno, "cannot look at the mount");
	return hook_try_elsewhere(st.st_dev, ask, request);
}

static errint_t open_proc(struct lamina_error *error)
{
	int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);

	return proc < 0 ? lamina_error_set(error, -errno, "cannot open /proc") : proc;
}

/* Whether the policy will bind the container: as far as its configuration says it. */
static errint_t check_configuration(const struct hook_state *state, struct lamina_error *error)
{
	if (state->mount_namespace == HOOK_NO)
		return binds_none(error);
	if (state->mount_namespace == HOOK_UNKNOWN && state->pid <= 0)
		return lamina_error_say(error, -EINVAL,
					"neither the container's state nor its configuration says "
					"in which mount namespace it is to run");
	return 0;
}

static errint_t put_in_force(const struct options *options, const struct hook_state *state,
			     struct lamina_error *error)
{
	_cleanup_(lamina_sources_done) struct lamina_sources sources = {.n = 0};
	_cleanup_fd_ int root = -1, proc = -1;
	errint_t err = read_sources(options, state, &sources, error);

	if (err < 0 || sources.n == 0)
		return err;
	err = check_configuration(state, error);
	if (err == 0)
		err = proc = open_proc(error);
	if (err >= 0)
		err = root = open_root(state, error);
	if (err < 0)
		return err;
	err = ask_anywhere(&(struct request){root, proc, state->pid, state->id, &sources, error});
	return err < 0 ? err : 0;
}

/* A mount that is gone, or has another policy meanwhile, is as it should be. */
static void take_away(const struct hook_state *state)
{
	struct lamina_error ignored = {""};
	_cleanup_fd_ int root = open_root(state, &ignored);

	if (root >= 0)
		(void)ask_anywhere(&(struct request){root, -1, 0, state->id, NULL, &ignored});
}

static void bad_word(const struct option *known, const char *word)
{
	struct lamina_nearest nearest;
	char hint[80];

	lamina_nearest_begin(&nearest, word + strspn(word, "-"));
	for (; known->name; known++)
		lamina_nearest_try(&nearest, known->name);
	fprintf(stderr, PROGRAM ": option '%s' is unknown, or its value is missing%s\n", word,
		lamina_nearest_hint(&nearest, "--", hint, sizeof(hint)));
}

static errint_t parse(int argc, char **argv, struct options *ret)
{
	static const struct option words[] = {
		{"policy", required_argument, NULL, 'p'}, {"only", required_argument, NULL, 'o'},
		{"fail-open", no_argument, NULL, 'f'},	  {"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},	  {0},
	};
	int word;

	opterr = 0;
	while ((word = getopt_long(argc, argv, ":hV", words, NULL)) >= 0)
		switch (word) {
		case 'p':
			if (ret->n == LAMINA_POLICY_MAX_FILES)
				return -E2BIG;
			ret->policies[ret->n++] = optarg;
			break;
		case 'o':
			ret->only = optarg;
			break;
		case 'f':
			ret->fail_open = true;
			break;
		case 'h':
			print_help(stdout);
			exit(EXIT_SUCCESS);
		case 'V':
			printf(PROGRAM ": version " LAMINA_VERSION "\n");
			exit(EXIT_SUCCESS);
		default:
			bad_word(words, argv[optind - 1]);
			return -EINVAL;
		}
	return 0;
}

int main(int argc, char **argv)
{
	struct lamina_error error = {""};
	struct options options = {0};
	struct hook_state state;
	errint_t err;

	lamina_fd_open_standard();
	lamina_output_check_at_exit(PROGRAM);
	lamina_calls_probe();
	lamina_record_hold();
	err = parse(argc, argv, &options);
	if (err < 0) {
		print_help(stderr);
		return EXIT_FAILURE; /* also fail-open: nobody knows what was meant */
	}
	err = hook_state_read(STDIN_FILENO, &state, &error);
	if (err == 0) {
		if (state.stopped)
			take_away(&state);
		else
			err = put_in_force(&options, &state, &error);
		if (err < 0)
			lamina_error_wrap(&error, err, "no policy for the container %.12s",
					  state.id);
		hook_state_done(&state);
	}
	if (err < 0)
		hook_complain(error.text);
	return err < 0 && !options.fail_open ? EXIT_FAILURE : EXIT_SUCCESS;
}
