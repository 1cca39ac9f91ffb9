// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lists DIRECTORY NAME seen|unseen OTHERS COUNT PROCESSES: lists a directory COUNT times in all, or a little more, by
 * so many processes at once, and looks whether NAME is in each listing, or in none, beside OTHERS other names.
 *
 * Half of the processes keep a handle and begin anew with it, half open one each time; every other one gets only
 * the time that the others leave, so that it is often interrupted between two steps: each lists as often as it can. A handle that is refused with
 * ESTALE is opened anew. The last line is "N listings, N wrong, N stale"; the status is 1 if any was wrong.
 */
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROCESSES_MAX 64

struct task {
	const char *dir, *name;
	bool seen;
	unsigned long others;
};

/* Of one process. */
struct result {
	unsigned long listings, wrong, stale;
};

/* What all share. */
struct shared {
	atomic_ulong listings;
	struct result results[PROCESSES_MAX];
};

/* Returns whether the handle is still good. */
static bool list_once(const struct task *t, DIR *dir, struct result *result)
{
	unsigned long others = 0;
	struct dirent *entry;
	bool found = false;

	errno = 0;
	while ((entry = readdir(dir))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if (!strcmp(entry->d_name, t->name))
			found = true;
		else
			others++;
	}
	if (errno == ESTALE) {
		result->stale++;
		return false;
	}
	result->listings++;
	if (errno || found != t->seen || others != t->others)
		result->wrong++;
	return true;
}

static void list_many(const struct task *t, struct shared *shared, unsigned long count, bool keep,
		      struct result *result)
{
	DIR *dir = NULL;

	while (atomic_load(&shared->listings) < count) {
		if (!dir)
			dir = opendir(t->dir);
		if (!dir && errno == ESTALE) {
			result->stale++;
			continue;
		}
		if (!dir) {
			perror(t->dir);
			_exit(2);
		}
		if (list_once(t, dir, result)) {
			atomic_fetch_add(&shared->listings, 1);
			if (keep) {
				rewinddir(dir);
				continue;
			}
		}
		closedir(dir);
		dir = NULL;
	}
	_exit(0);
}

static int run(const struct task *t, unsigned long count, unsigned long processes)
{
	struct shared *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct result sum = {0};
	int status, failed = 0;

	if (shared == MAP_FAILED)
		return 2;
	for (unsigned long i = 0; i < processes; i++) {
		const struct sched_param none = {0};

		if (fork() != 0)
			continue;
		if (i % 2)
			sched_setscheduler(0, SCHED_IDLE, &none);
		list_many(t, shared, count, i / 2 % 2 == 0, &shared->results[i]);
	}
	while (wait(&status) > 0)
		failed |= status;
	for (unsigned long i = 0; i < processes; i++) {
		sum.listings += shared->results[i].listings;
		sum.wrong += shared->results[i].wrong;
		sum.stale += shared->results[i].stale;
	}
	printf("%lu listings, %lu wrong, %lu stale\n", sum.listings, sum.wrong, sum.stale);
	return failed || sum.wrong ? 1 : 0;
}

int main(int argc, char **argv)
{
	unsigned long processes = argc == 7 ? strtoul(argv[6], NULL, 10) : 0;

	if (processes == 0 || processes > PROCESSES_MAX) {
		fprintf(stderr, "usage: lists DIRECTORY NAME seen|unseen OTHERS COUNT PROCESSES\n");
		return 2;
	}

	const struct task t = {
		.dir = argv[1],
		.name = argv[2],
		.seen = !strcmp(argv[3], "seen"),
		.others = strtoul(argv[4], NULL, 10),
	};

	return run(&t, strtoul(argv[5], NULL, 10), processes);
}
