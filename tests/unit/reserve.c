// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The descriptors that are left to the control path.
 */
#include <errno.h>
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/fd.h"
#include "tap.h"

#define LIMIT	64
#define RESERVE 16

static int root;

static errint_t open_one(void)
{
	return lamina_fd_open_beneath(root, "", O_PATH);
}

/* Open until that fails. Returns how, and how many are in use by then. */
static errint_t open_all(unsigned int *ret_used)
{
	errint_t fd, last = root;

	while ((fd = open_one()) >= 0)
		last = fd;
	*ret_used = (unsigned int)last + 1;
	return fd;
}

static void *open_in_thread(void *arg)
{
	*(errint_t *)arg = open_one();
	return NULL;
}

static errint_t opened_by_another(void)
{
	errint_t opened = 0;
	pthread_t thread;

	if (pthread_create(&thread, NULL, open_in_thread, &opened) == 0)
		pthread_join(thread, NULL);
	return opened;
}

int main(void)
{
	const struct rlimit limit = {LIMIT, LIMIT};
	unsigned int used;
	errint_t fd;

	setrlimit(RLIMIT_NOFILE, &limit);
	root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	lamina_fd_reserve(RESERVE);
	same_number(open_all(&used), -EMFILE, "opening ends");
	same_number(used, LIMIT - RESERVE, "with the reserve left");
	same_number(lamina_fd_open_name(root, "tmp", O_PATH), -EMFILE, "a name is not opened");
	same_number(lamina_fd_reopen(root, O_RDONLY), -EMFILE, "nor is a file again");
	same_number(dup(root), LIMIT - RESERVE, "what was refused is closed");
	close(LIMIT - RESERVE);

	lamina_fd_use_reserve(true);
	fd = open_one();
	same_number(fd, LIMIT - RESERVE, "the control path opens on");
	same_number(opened_by_another(), -EMFILE, "the permission is the thread's own");
	close(fd);
	same_number(open_all(&used), -EMFILE, "the reserve ends, too");
	same_number(used, LIMIT, "at the limit");
	close(LIMIT - 1);
	lamina_fd_use_reserve(false);
	same_number(open_one(), -EMFILE, "and is left when the permission is given back");
	return tap_done();
}
