// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * aioreadback FILE COUNT: writes FILE again and again by asynchronous direct I/O, as databases do, while
 * two other threads read it through the page cache. Each time that a write has ended it is read back
 * through the page cache. Prints how many of the reads gave anything but what had been written.
 */
#include <err.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SIZE = 640 << 10, READERS = 2 };

static const char *path;
static atomic_bool done;

static void *read_all_the_time(void *unused)
{
	char *buffer = malloc(SIZE);

	(void)unused;
	if (!buffer)
		err(1, "malloc");
	while (!atomic_load(&done)) {
		int fd = open(path, O_RDONLY);

		if (fd < 0 || pread(fd, buffer, SIZE, 0) < 0)
			err(1, "%s", path);
		close(fd);
	}
	free(buffer);
	return NULL;
}

static void write_async(aio_context_t context, int fd, const char *data)
{
	struct iocb block = {
		.aio_lio_opcode = IOCB_CMD_PWRITE,
		.aio_fildes = (unsigned int)fd,
		.aio_buf = (uintptr_t)data,
		.aio_nbytes = SIZE,
	};
	struct iocb *blocks = &block;
	struct io_event event;

	if (syscall(SYS_io_submit, context, 1, &blocks) != 1 ||
	    syscall(SYS_io_getevents, context, 1, 1, &event, NULL) != 1)
		err(1, "aio");
	if (event.res != SIZE)
		errx(1, "an asynchronous write ended with %lld", (long long)event.res);
}

int main(int argc, char **argv)
{
	char *written = aligned_alloc(4096, SIZE), *back = malloc(SIZE);
	long count = argc == 3 ? atol(argv[2]) : 0, stale = 0;
	pthread_t readers[READERS];
	aio_context_t context = 0;
	int direct, cached;

	if (count < 1 || !written || !back)
		errx(2, "usage: aioreadback FILE COUNT");
	path = argv[1];
	memset(written, 0, SIZE);
	direct = open(path, O_RDWR | O_CREAT | O_DIRECT, 0644);
	cached = open(path, O_RDONLY);
	if (direct < 0 || cached < 0 || pwrite(direct, written, SIZE, 0) != SIZE)
		err(1, "%s", path);
	if (syscall(SYS_io_setup, 1, &context) < 0)
		err(1, "io_setup");
	for (int i = 0; i < READERS; i++)
		if (pthread_create(&readers[i], NULL, read_all_the_time, NULL) != 0)
			errx(1, "no thread");
	for (long i = 0; i < count; i++) {
		memset(written, (int)(i % 250 + 1), SIZE);
		write_async(context, direct, written);
		if (pread(cached, back, SIZE, 0) != SIZE || memcmp(back, written, SIZE) != 0)
			stale++;
	}
	atomic_store(&done, true);
	for (int i = 0; i < READERS; i++)
		pthread_join(readers[i], NULL);
	printf("%ld\n", stale);
	free(written);
	free(back);
	return 0;
}
