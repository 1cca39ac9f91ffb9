// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * files VIEW OTHER_VIEW BACKING SCRATCH
 *
 * What can be done with files of a view, in TAP. VIEW and OTHER_VIEW are two views of the layer
 * BACKING, which has the files "data" (with a hole), "empty" and the directory "dir"; SCRATCH is a
 * writable directory.
 */
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <poll.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/xattr.h>

#include "tap.h"

#define SIZE (3 * 1024 * 1024)
#define PAGE 4096

#ifndef RESOLVE_CACHED
#define RESOLVE_CACHED 0x20
#endif

static int view, other, backing, scratch;
static char expected[SIZE], got[SIZE];

static int open_at(int dir, const char *name, int flags)
{
	int fd = openat(dir, name, flags, 0644);

	must(fd, name);
	return fd;
}

static bool same(ssize_t n, const char *with, size_t size)
{
	return n == (ssize_t)size && !memcmp(got, with, size);
}

static ssize_t read_all(int fd)
{
	ssize_t n, sum = 0;

	while ((n = read(fd, got + sum, SIZE - (size_t)sum)) > 0)
		sum += n;
	return n < 0 ? n : sum;
}

static void test_read(void)
{
	struct iovec two[2] = {{got, 100}, {got + 100, 200}};
	int fd = open_at(view, "data", O_RDONLY);

	result(same(read_all(fd), expected, SIZE), "read gives the content", "");
	result(same(pread(fd, got, 5000, 70001), expected + 70001, 5000), "pread gives a part", "");
	result(same(preadv(fd, two, 2, 9), expected + 9, 300), "preadv gives parts", "");
	result(pread(fd, got, 10, SIZE) == 0, "at the end is nothing to read", "");
	expect("what is open for reading isn't written", pwrite(fd, "x", 1, 0), EBADF);
	close(fd);
}

static void test_pipes(void)
{
	int fd = open_at(view, "data", O_RDONLY), out, ends[2];
	loff_t from = 123;
	off_t at = 0;

	must(pipe(ends), "pipe");
	result(splice(fd, &from, ends[1], NULL, 8192, 0) > 0 && read(ends[0], got, 4000) == 4000 &&
		       !memcmp(got, expected + 123, 4000),
	       "splice gives the content", "");
	out = open_at(scratch, "sent", O_CREAT | O_TRUNC | O_RDWR);
	while (at < SIZE && sendfile(out, fd, &at, (size_t)(SIZE - at)) > 0)
		;
	lseek(out, 0, SEEK_SET);
	result(same(read_all(out), expected, SIZE), "sendfile gives the content", "");
	expect("copy_file_range to another file system is left to the caller",
	       copy_file_range(fd, NULL, out, NULL, SIZE, 0), EXDEV);
	expect("a file of a view isn't cloned to another file system", ioctl(out, FICLONE, fd),
	       EXDEV);
	close(ends[0]);
	close(ends[1]);
	close(out);
	close(fd);
}

/* Of the page that an address is mapped to. */
static uint64_t frame(const char *address)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	uint64_t entry = 0;

	if (pread(fd, &entry, 8, (off_t)((uintptr_t)address / PAGE * 8)) != 8)
		fail("pagemap");
	close(fd);
	return entry & ((1ULL << 55) - 1);
}

static char *map(int dir, int prot, int flags)
{
	int fd = open_at(dir, "data", O_RDONLY);
	char *address = mmap(NULL, SIZE, prot, flags, fd, 0);

	close(fd);
	if (address == MAP_FAILED)
		fail("mmap");
	return address;
}

static bool maps_have(const char *address, const char *text)
{
	FILE *f = fopen("/proc/self/maps", "r");
	char line[4096], start[32];
	bool found = false;

	snprintf(start, sizeof(start), "%lx-", (unsigned long)address);
	while (fgets(line, sizeof(line), f))
		found |= !strncmp(line, start, strlen(start)) && strstr(line, text);
	fclose(f);
	return found;
}

static void test_mmap(const char *view_path)
{
	char *shared = map(view, PROT_READ, MAP_SHARED);
	char *private = map(view, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	char *elsewhere = map(other, PROT_READ, MAP_SHARED);
	char *below = map(backing, PROT_READ, MAP_SHARED);
	int fd = open_at(view, "data", O_RDONLY);
	uint64_t frames[3];

	result(!memcmp(shared, expected, SIZE), "a shared map shows the content", "");
	result(!memcmp(private, expected, SIZE), "a private map shows the content", "");
	private[7]++;
	result(!memcmp(shared, expected, SIZE), "writing a private map changes nothing else", "");
	result(!memcmp(elsewhere, expected, SIZE) && !memcmp(below, expected, SIZE),
	       "another view and the layer show the same", "");
	frames[0] = frame(shared);
	frames[1] = frame(elsewhere);
	frames[2] = frame(below);
	result(frames[0] && frames[0] == frames[1] && frames[0] == frames[2],
	       "two views and the layer share one page in memory", "");
	expect("a map can't be made writable", mprotect(shared, PAGE, PROT_READ | PROT_WRITE),
	       EACCES);
	expect("a map can be made executable", mprotect(shared, PAGE, PROT_READ | PROT_EXEC), 0);
	result(mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED && errno == EACCES,
	       "no map for writing is made", "");
	result(maps_have(shared, view_path), "a map has the path of the view", "");
	munmap(shared, SIZE);
	munmap(private, SIZE);
	munmap(elsewhere, SIZE);
	munmap(below, SIZE);
	close(fd);
}

/* What one view has read is in memory for the other. */
static void test_cache(void)
{
	int fd = open_at(backing, "data", O_RDONLY), reader = open_at(view, "data", O_RDONLY);
	unsigned char resident[SIZE / PAGE];
	char *address;

	must(posix_fadvise(reader, 0, 0, POSIX_FADV_RANDOM), "fadvise");
	must(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), "fadvise");
	address = map(other, PROT_READ, MAP_SHARED);
	must(mincore(address, SIZE, resident), "mincore");
	result(!(resident[600] & 1), "what nobody read is not in memory", "");
	must(pread(reader, got, 1, 600 * PAGE), "pread");
	must(mincore(address, SIZE, resident), "mincore");
	result(resident[600] & 1, "what one view read is in memory for another", "");
	must(posix_fadvise(reader, 0, 0, POSIX_FADV_DONTNEED), "fadvise");
	must(mincore(address, SIZE, resident), "mincore");
	result(!(resident[600] & 1), "advice reaches the layer's pages", "");
	must(readahead(reader, 600 * PAGE, PAGE), "readahead");
	close(reader);
	close(fd);
	munmap(address, SIZE);
}

static void test_lseek(void)
{
	int fd = open_at(view, "data", O_RDONLY), real = open_at(backing, "data", O_RDONLY);
	static const struct {
		off_t offset;
		int whence;
	} seeks[] = {
		{0, SEEK_DATA}, {0, SEEK_HOLE},	   {1 << 20, SEEK_DATA},  {1 << 20, SEEK_HOLE},
		{0, SEEK_END},	{-5, SEEK_END},	   {7, SEEK_CUR},	  {-1, SEEK_SET},
		{99, SEEK_SET}, {SIZE, SEEK_DATA}, {1LL << 62, SEEK_SET}, {0, 77},
	};
	bool ok = true;

	for (size_t i = 0; i < sizeof(seeks) / sizeof(*seeks); i++) {
		off_t a = lseek(fd, seeks[i].offset, seeks[i].whence);
		int error = errno;
		off_t b = lseek(real, seeks[i].offset, seeks[i].whence);

		ok &= a == b && (a >= 0 || error == errno);
	}
	result(ok, "lseek finds what it finds in the layer, holes included", "");
	close(fd);
	close(real);
}

static void test_direct(void)
{
	int fd = openat(view, "data", O_RDONLY | O_DIRECT), error = errno;
	int real = openat(backing, "data", O_RDONLY | O_DIRECT);
	char *aligned = aligned_alloc(PAGE, PAGE);

	result((fd < 0) == (real < 0) && (fd >= 0 || error == errno),
	       "O_DIRECT is possible where it is in the layer", "");
	if (fd >= 0)
		result(pread(fd, aligned, PAGE, PAGE) == PAGE &&
			       !memcmp(aligned, expected + PAGE, PAGE),
		       "O_DIRECT gives the content", "");
	/* Some read such by the page cache instead. */
	error = real >= 0 && pread(real, aligned + 1, 100, 1) < 0 ? errno : 0;
	if (fd >= 0)
		expect("O_DIRECT asks for alignment as in the layer",
		       pread(fd, aligned + 1, 100, 1), error);
	close(fd);
	close(real);
	fd = open_at(view, "data", O_RDONLY);
	must(fcntl(fd, F_SETFL, O_DIRECT), "F_SETFL");
	expect("O_DIRECT can be set later", pread(fd, aligned + 1, 100, 1), error);
	must(fcntl(fd, F_SETFL, 0), "F_SETFL");
	expect("and be taken back", pread(fd, aligned + 1, 100, 1), 0);
	close(fd);
	free(aligned);
}

static void test_aio(void)
{
	int fd = open_at(view, "data", O_RDONLY | O_DIRECT);
	char *aligned = aligned_alloc(PAGE, PAGE);
	struct iocb cb = {
		.aio_fildes = (uint32_t)fd,
		.aio_lio_opcode = IOCB_CMD_PREAD,
		.aio_buf = (uintptr_t)aligned,
		.aio_nbytes = PAGE,
		.aio_offset = 2 * PAGE,
	};
	struct iocb *cbs[1] = {&cb};
	struct io_event event;
	aio_context_t context = 0;

	must(syscall(SYS_io_setup, 1, &context), "io_setup");
	must(syscall(SYS_io_submit, context, 1, cbs), "io_submit");
	must(syscall(SYS_io_getevents, context, 1, 1, &event, NULL), "io_getevents");
	result(event.res == PAGE && !memcmp(aligned, expected + 2 * PAGE, PAGE),
	       "asynchronous reads give the content", "");
	syscall(SYS_io_destroy, context);
	close(fd);
	free(aligned);
}

static void test_refused(void)
{
	int fd = open_at(view, "data", O_RDONLY);
	struct fstrim_range range = {.len = ~0ULL};
	struct {
		struct file_handle handle;
		unsigned char room[128];
	} h = {.handle.handle_bytes = 128};
	int flags = 0, id;
	char text[16];

	expect("no opening for writing", openat(view, "data", O_WRONLY), EROFS);
	expect("no opening for both", openat(view, "data", O_RDWR), EROFS);
	expect("no truncating open", openat(view, "data", O_RDONLY | O_TRUNC), EROFS);
	expect("no creating", openat(view, "new", O_CREAT | O_RDONLY, 0600), EROFS);
	expect("opening what exists to create it", openat(view, "data", O_CREAT | O_RDONLY, 0600),
	       0);
	expect("no creating what exists", openat(view, "data", O_CREAT | O_EXCL, 0600), EEXIST);
	expect("no O_TMPFILE", openat(view, ".", O_TMPFILE | O_RDWR, 0600), EROFS);
	expect("no mkdir", mkdirat(view, "new", 0700), EROFS);
	expect("no mknod", mknodat(view, "new", S_IFIFO | 0600, 0), EROFS);
	expect("no symlink", symlinkat("x", view, "new"), EROFS);
	expect("no link", linkat(view, "data", view, "new", 0), EROFS);
	expect("no unlink", unlinkat(view, "data", 0), EROFS);
	expect("no rmdir", unlinkat(view, "dir", AT_REMOVEDIR), EROFS);
	expect("no rename", renameat(view, "data", view, "new"), EROFS);
	expect("no rename over a name", renameat(view, "data", view, "empty"), EROFS);
	expect("no chmod", fchmodat(view, "data", 0600, 0), EROFS);
	expect("no chown", fchownat(view, "data", 1, 1, 0), EROFS);
	expect("no utimes", utimensat(view, "data", NULL, 0), EROFS);
	expect("no setting of extended attributes", fsetxattr(fd, "user.x", "y", 1, 0), EROFS);
	expect("no removing of extended attributes", fremovexattr(fd, "user.x"), EROFS);
	expect("no fallocate", fallocate(fd, 0, 0, 1), EBADF);
	expect("no setting of file flags", ioctl(fd, FS_IOC_SETFLAGS, &flags), EROFS);
	expect("no ioctl of the layer's file system", ioctl(fd, FITRIM, &range), ENOTTY);
	expect("no other either", ioctl(fd, FS_IOC_GETVERSION, &flags), ENOTTY);
	expect("no handle", name_to_handle_at(view, "data", &h.handle, &id, 0), EOPNOTSUPP);
	expect("no reading of a directory", read(open_at(view, "dir", O_RDONLY), text, 16), EISDIR);
	expect("no epoll of a file",
	       epoll_ctl(epoll_create1(0), EPOLL_CTL_ADD, fd, &(struct epoll_event){0}), EPERM);
	close(fd);
}

static void test_sync(void)
{
	int fd = open_at(view, "data", O_RDONLY), dir = open_at(view, "dir", O_RDONLY);

	expect("fsync of a file", fsync(fd), 0);
	expect("fdatasync of a file", fdatasync(fd), 0);
	expect("fsync of a directory", fsync(dir), 0);
	expect("syncfs", syncfs(fd), 0);
	close(fd);
	close(dir);
}

static void test_flags(void)
{
	int fd = open_at(view, "data", O_RDONLY), real = open_at(backing, "data", O_RDONLY);
	struct fsxattr x[2];
	int flags[2] = {-1, -2}, left;
	struct {
		struct fiemap map;
		struct fiemap_extent extents[8];
	} maps[2] = {{.map.fm_length = SIZE, .map.fm_extent_count = 8},
		     {.map.fm_length = SIZE, .map.fm_extent_count = 8}};

	must(ioctl(fd, FS_IOC_GETFLAGS, &flags[0]), "GETFLAGS");
	must(ioctl(real, FS_IOC_GETFLAGS, &flags[1]), "GETFLAGS");
	result(flags[0] == flags[1], "file flags are those of the layer", "");
	must(ioctl(fd, FS_IOC_FSGETXATTR, &x[0]), "FSGETXATTR");
	must(ioctl(real, FS_IOC_FSGETXATTR, &x[1]), "FSGETXATTR");
	result(!memcmp(&x[0], &x[1], sizeof(x[0])), "extended file flags are those of the layer",
	       "");
	must(ioctl(real, FS_IOC_FIEMAP, &maps[1]), "FIEMAP");
	must(ioctl(fd, FS_IOC_FIEMAP, &maps[0]), "FIEMAP");
	result(!memcmp(&maps[0], &maps[1], sizeof(maps[0])), "extents are those of the layer", "");
	must(ioctl(fd, FIONREAD, &left), "FIONREAD");
	result(left == SIZE, "FIONREAD knows what is left", "");
	close(fd);
	close(real);
}

static void test_locks(void)
{
	int a = open_at(view, "data", O_RDONLY), b = open_at(view, "data", O_RDONLY);
	int far = open_at(other, "data", O_RDONLY);
	struct flock lock = {.l_type = F_RDLCK, .l_len = 10};

	expect("flock", flock(a, LOCK_EX | LOCK_NB), 0);
	expect("flock holds within the view", flock(b, LOCK_EX | LOCK_NB), EWOULDBLOCK);
	expect("flock doesn't hold in another view", flock(far, LOCK_EX | LOCK_NB), 0);
	expect("posix locks", fcntl(a, F_SETLK, &lock), 0);
	expect("locks of an open file", fcntl(b, F_OFD_SETLK, &lock), 0);
	close(far);
	close(b);
	expect("leases", fcntl(a, F_SETLEASE, F_RDLCK), 0);
	close(a);
}

static void test_notify(const char *view_path, const char *backing_path)
{
	int above = inotify_init1(IN_NONBLOCK), below = inotify_init1(IN_NONBLOCK), fd;
	char path[4096], events[4096];

	snprintf(path, sizeof(path), "%s/data", view_path);
	must(inotify_add_watch(above, path, IN_OPEN | IN_ACCESS), path);
	snprintf(path, sizeof(path), "%s/data", backing_path);
	must(inotify_add_watch(below, path, IN_OPEN | IN_ACCESS), path);
	fd = open_at(view, "data", O_RDONLY);
	must(pread(fd, got, 10, 0), "pread");
	result(read(above, events, sizeof(events)) > 0, "who watches the view sees a read", "");
	expect("who watches the layer doesn't", read(below, events, sizeof(events)), EAGAIN);
	close(fd);
	close(above);
	close(below);
}

static void test_paths(void)
{
	int fd = open_at(view, "data", O_PATH), again;
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = open(path, O_RDONLY);
	expect("an O_PATH fd can be opened", again, 0);
	result(same(read_all(again), expected, SIZE), "and read", "");
	close(again);
	expect("and not for writing", open(path, O_WRONLY), EROFS);
	close(fd);
}

static long open_cached(const char *path)
{
	struct open_how how = {.flags = O_PATH, .resolve = RESOLVE_CACHED};

	return syscall(SYS_openat2, view, path, &how, sizeof(how));
}

/* With RESOLVE_CACHED a walk that can't stay in rcu-walk fails. */
static void test_rcu_walk(void)
{
	struct stat st;

	expect("a cold path is not found in rcu-walk", open_cached("dir/sub/deep/file"), EAGAIN);
	must(fstatat(view, "dir/sub/deep/file", &st, 0), "stat");
	expect("a warm path is found in rcu-walk", open_cached("dir/sub/deep/file"), 0);
	expect("a cold missing name is not found in rcu-walk", open_cached("dir/sub/none"), EAGAIN);
	fstatat(view, "dir/sub/none", &st, 0);
	expect("a warm missing name is known in rcu-walk", open_cached("dir/sub/none"), ENOENT);
}

int main(int argc, char **argv)
{
	int fd;

	if (argc != 5)
		return 2;
	view = open_at(AT_FDCWD, argv[1], O_PATH);
	other = open_at(AT_FDCWD, argv[2], O_PATH);
	backing = open_at(AT_FDCWD, argv[3], O_PATH);
	scratch = open_at(AT_FDCWD, argv[4], O_PATH);
	fd = open_at(backing, "data", O_RDONLY);
	must(pread(fd, expected, SIZE, 0) == SIZE ? 0 : -1, "data");
	close(fd);

	test_rcu_walk();
	test_read();
	test_pipes();
	test_mmap(argv[1]);
	test_cache();
	test_lseek();
	test_direct();
	test_aio();
	test_refused();
	test_sync();
	test_flags();
	test_locks();
	test_notify(argv[1], argv[3]);
	test_paths();
	return tap_end();
}
