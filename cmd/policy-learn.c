// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lamina policy learn: watch what the processes of a container use, and write the policy that allows
 * just that.
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "bpf/policy-uses.h"
#include "guard/client.h"
#include "guard/data.h"
#include "learned/learned.h"
#include "policy.h"

struct options {
	const char *name, *output;
	char **command; /* NULL: until interrupted, or the container's end */
	unsigned long seconds;
};

struct learning {
	const struct options *options;
	struct lamina_container container;
	int records;			 /* what the mount says, or */
	struct lamina_policy_uses *uses; /* a view */
	struct lamina_text text;	 /* of it, not taken yet */
	struct lamina_learned learned;
	pid_t child;
	int status; /* of the command */
};

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
	stopped = signal;
}

static void stop_waiting(int signal)
{
	(void)signal;
}

static errint_t begin(struct learning *l, struct lamina_error *error)
{
	_cleanup_fd_ int root = policy_open_mount(l->options->name, &l->container, error);
	bool waits = l->options->command != NULL;
	errint_t err;

	if (root < 0)
		return root;
	/* The root is closed again: who wants to unmount must not find it in use. */
	if (lamina_data_is_view(root))
		err = lamina_policy_uses_begin(root, l->container.mount, waits, &l->uses, error);
	else
		err = l->records = lamina_client_learn(root, waits, error);
	return err < 0 ? lamina_error_wrap(error, err, "%s", l->options->name) : 0;
}

static errint_t start_command(struct learning *l, struct lamina_error *error)
{
	char **command = l->options->command;
	sigset_t none;

	if (!command)
		return 0;
	l->child = fork();
	if (l->child < 0)
		return lamina_error_set(error, -errno, "cannot run '%s'", command[0]);
	if (l->child > 0)
		return 0;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execvp(command[0], command);
	fprintf(stderr, "lamina: cannot run '%s': %s\n", command[0], strerror(errno));
	_exit(127);
}

/* What the mount program says. Returns 1, 0 at the end, or -errno. */
static errint_t read_records(struct learning *l)
{
	char bytes[65536];
	ssize_t n = read(l->records, bytes, sizeof(bytes));

	if (n < 0)
		return errno == EINTR ? 1 : -errno;
	lamina_text_add(&l->text, bytes, (size_t)n);
	return n > 0;
}

/* Take what there is. Returns as above. */
static errint_t take(struct learning *l, struct lamina_error *error)
{
	errint_t more = l->uses ? lamina_policy_uses_take(l->uses, &l->text) : read_records(l);
	errint_t taken;

	if (more < 0)
		return lamina_error_set(error, more, "cannot read what is used");
	taken = l->text.broken ? -ENOMEM
			       : lamina_learned_take(&l->learned, l->text.bytes, l->text.n);
	if (taken < 0)
		return lamina_error_set(error, taken, "cannot keep what is used");
	l->text.n -= (size_t)taken;
	memmove(l->text.bytes, l->text.bytes + taken, l->text.n);
	return more;
}

/* Whether there is something to take; a signal ends the waiting. */
static bool wait_for_more(struct learning *l, const struct timespec *timeout)
{
	struct pollfd fd = {.fd = l->records, .events = POLLIN};
	sigset_t none;

	sigemptyset(&none);
	return l->uses ? lamina_policy_uses_wait(l->uses, timeout, &none)
		       : ppoll(&fd, 1, timeout, &none) > 0;
}

/* Whether the command has ended. */
static bool command_ended(struct learning *l)
{
	if (l->child <= 0 || waitpid(l->child, &l->status, WNOHANG) != l->child)
		return false;
	l->child = 0;
	return true;
}

/* The mount may be gone already: then the end comes by itself. */
static void ask_for_the_rest(struct learning *l)
{
	struct lamina_error ignored = {""};
	_cleanup_fd_ int root = -1;

	if (l->uses) {
		lamina_policy_uses_end(l->uses);
		return;
	}
	root = lamina_client_open(l->container.mount, &ignored);
	if (root >= 0)
		(void)lamina_client_end_learning(root, &ignored);
}

/* A signal comes from the end of the command, too. */
static errint_t watch(struct learning *l, struct lamina_error *error)
{
	time_t end = time(NULL) + (time_t)l->options->seconds;
	errint_t more = 1;

	while (more > 0 && !stopped && !command_ended(l)) {
		const struct timespec left = {.tv_sec = end - time(NULL)};

		if (l->options->seconds && left.tv_sec <= 0)
			break;
		if (wait_for_more(l, l->options->seconds ? &left : NULL))
			more = take(l, error);
	}
	if (more > 0)
		ask_for_the_rest(l);
	while (more > 0)
		more = take(l, error);
	return more;
}

static errint_t write_policy(struct learning *l, struct lamina_error *error)
{
	_cleanup_text_ struct lamina_text policy = {0}, warnings = {0}, comment = {0};
	const char *output = l->options->output;
	errint_t err;

	if (l->learned.incomplete)
		return lamina_error_say(error, -E2BIG, "%s: more was used than can be noted",
					l->options->name);
	lamina_text_print(&comment, "what %s used", l->options->name);
	err = comment.broken
		      ? -ENOMEM
		      : lamina_learned_write(&l->learned, comment.bytes, &policy, &warnings, error);
	if (err < 0)
		return err;
	if (warnings.n > 0)
		fprintf(stderr, "lamina: %s", warnings.bytes);
	err = policy_write_file(output ? output : "-", policy.bytes, policy.n);
	return err < 0 ? lamina_error_set(error, err, "cannot write '%s'", output ? output : "-")
		       : 0;
}

static void catch_signals(void)
{
	const struct sigaction action = {.sa_handler = stop};
	const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	const struct sigaction child = {.sa_handler = stop_waiting};
	sigset_t set;

	/* Blocked but while we wait, so that none comes between the look at it and the wait. */
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		sigaddset(&set, signals[i]);
		sigaction(signals[i], &action, NULL);
	}
	sigaddset(&set, SIGCHLD);
	sigaction(SIGCHLD, &child, NULL);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

static errint_t learn(const struct options *options, int *ret_status, struct lamina_error *error)
{
	struct learning l = {.options = options, .records = -1};
	errint_t err = begin(&l, error);

	lamina_learned_init(&l.learned);
	if (err == 0)
		err = start_command(&l, error);
	if (err == 0)
		err = watch(&l, error);
	if (err == 0)
		err = write_policy(&l, error);
	if (l.child > 0 && waitpid(l.child, &l.status, 0) < 0)
		l.status = 0;
	*ret_status = WIFEXITED(l.status) ? WEXITSTATUS(l.status) : EXIT_FAILURE;
	lamina_cleanup_fd(&l.records);
	lamina_policy_uses_done(l.uses);
	lamina_text_done(&l.text);
	lamina_learned_done(&l.learned);
	lamina_container_done(&l.container);
	return err;
}

static int learn_command(const struct command *command, int argc, char **argv)
{
	struct lamina_error error = {""};
	struct options options = {0};
	int option, status;

	while ((option = command_next_before_words(command, argc, argv)) >= 0) {
		if (option == 'o')
			options.output = optarg;
		else
			options.seconds = command_seconds(command, optarg);
	}
	if (optind == argc)
		return command_misused(command);
	options.name = argv[optind++];
	if (optind < argc) {
		if (strcmp(argv[optind], "--") != 0 || optind + 1 == argc)
			return command_misused(command);
		options.command = argv + optind + 1;
	}
	catch_signals();
	if (learn(&options, &status, &error) < 0)
		return policy_failure(&error);
	return status;
}

static const struct command_option words[] = {
	{"output", 'o', "OUT", "the file to write (default: standard output)"},
	{"seconds", 's', "N", "end after N seconds (default: when interrupted, or with the mount)"},
	{0},
};

const struct command policy_learn = {
	.name = "policy learn",
	.arguments = "[OPTION...] CONTAINER|MOUNTPOINT [-- COMMAND [ARGUMENT...]]",
	.help = "Watch what is used, and write the policy that allows that.",
	.options = words,
	.text = POLICY_MOUNTS "It ends with COMMAND, whose status is passed on.\n",
	.example = "lamina policy learn -o web.json web -- podman exec web /tests",
	.run = learn_command,
};
