// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/limited.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"

void *lamina_limited_alloc(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

void lamina_limited_free(void *memory, size_t size)
{
	if (memory)
		munmap(memory, size);
}

/* The least of @keep that is greater than @after; -1: there is none. */
static int next_kept(const int *keep, size_t n, int after)
{
	int next = -1;

	for (size_t i = 0; i < n; i++)
		if (keep[i] > after && (next < 0 || keep[i] < next))
			next = keep[i];
	return next;
}

static void close_others(const int *keep, size_t n)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), at = STDERR_FILENO, next;

	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (null < 0 || dup2(null, fd) < 0)
			close(fd);
	while ((next = next_kept(keep, n, at)) >= 0) {
		if (next > at + 1)
			close_range((unsigned int)at + 1, (unsigned int)next - 1, 0);
		at = next;
	}
	close_range((unsigned int)at + 1, UINT_MAX, 0);
}

#define KEEP_MAX 8

static void __attribute__((__noreturn__)) be_child(int result, errint_t (*work)(void *user),
						   void *user, const int *keep, size_t n)
{
	int all[KEEP_MAX + 1] = {result};
	errint_t value;

	for (size_t i = 0; i < n; i++)
		all[i + 1] = keep[i];
	close_others(all, n + 1);
	setsid();
	value = work(user);
	if (write(result, &value, sizeof(value)) < 0)
		_exit(1); /* the parent has left */
	_exit(0);
}

errint_t lamina_limited_start(struct lamina_limited *ret, errint_t (*work)(void *user), void *user,
			      const int *keep, size_t n)
{
	_cleanup_fd_ int ours = -1, theirs = -1;
	int ends[2];
	pid_t pid;

	if (n > KEEP_MAX)
		return -EINVAL;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	ours = ends[0];
	theirs = ends[1];
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		be_child(theirs, work, user, keep, n);
	*ret = (struct lamina_limited){pid, TAKE_FD(ours), false};
	return 0;
}

long lamina_limited_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

errint_t lamina_limited_wait(struct lamina_limited *child, long ms)
{
	struct pollfd ready = {.fd = child->result, .events = POLLIN};
	long end = lamina_limited_now() + ms, left = ms;
	errint_t value;

	while (poll(&ready, 1, left > 0 ? (int)left : 0) <= 0) {
		left = end - lamina_limited_now();
		if (left <= 0)
			return -ETIME;
	}
	child->ended = true;
	return read(child->result, &value, sizeof(value)) == sizeof(value) ? value : -EIO;
}

void lamina_limited_leave(struct lamina_limited *child)
{
	/* One that is still at work is the reaper's when this process has ended. */
	if (child->pid > 0)
		waitpid(child->pid, NULL, child->ended ? 0 : WNOHANG);
	child->pid = 0;
	lamina_cleanup_fd(&child->result);
}
