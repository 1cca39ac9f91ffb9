// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * writes DIRECTORY
 *
 * What can be done with files that are written to, in TAP: in DIRECTORY, which is in a writable view
 * or, to see that the properties are those of overlayfs, in an overlayfs. It has the files "lower0" to
 * "lower9" of 256 KiB, and "kept" of 8 KiB, all zeros in a lower layer.
 */
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdint.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "ring.h"
#include "tap.h"

#define SIZE (256 * 1024)
#define PAGE 4096

static char buffer[SIZE] __attribute__((aligned(PAGE)));
static char text[PAGE] __attribute__((aligned(PAGE)));
static int next_lower;

static int open_file(const char *name, int flags)
{
	int fd = open(name, flags, 0644);

	must(fd, name);
	return fd;
}

static off_t size_of(int fd)
{
	struct stat st;

	must(fstat(fd, &st), "fstat");
	return st.st_size;
}

static bool holds(int fd, off_t at, const char *what, size_t n)
{
	return pread(fd, buffer, n, at) == (ssize_t)n && !memcmp(buffer, what, n);
}

/* Each property on a new file and on one that has to be copied up. */
static void on_both(const char *what, void (*test)(const char *what, int fd), int flags)
{
	char name[16], property[96];
	int fd;

	snprintf(property, sizeof(property), "%s, in a new file", what);
	fd = open_file("new", O_CREAT | O_EXCL | O_RDWR | flags);
	must(ftruncate(fd, SIZE), "ftruncate");
	test(property, fd);
	close(fd);
	must(unlink("new"), "new");
	snprintf(property, sizeof(property), "%s, in a lower file", what);
	snprintf(name, sizeof(name), "lower%d", next_lower++ % 10);
	fd = open_file(name, O_RDWR | flags);
	test(property, fd);
	close(fd);
}

static void test_append(const char *what, int fd)
{
	char path[32];
	int other;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	other = open_file(path, O_WRONLY | O_APPEND);
	must(write(other, "one", 3), "write");
	must(pwrite(fd, "two", 3, SIZE + 3), "pwrite");
	must(write(other, "three", 5), "write");
	result(holds(fd, SIZE, "onetwothree", 11) && size_of(fd) == SIZE + 11, what, "");
	close(other);
}

static void test_vectors(const char *what, int fd)
{
	struct iovec two[2] = {{(void *)"abc", 3}, {(void *)"defg", 4}};

	must(pwritev2(fd, two, 2, 10, RWF_DSYNC), "pwritev2");
	lseek(fd, 17, SEEK_SET);
	must(writev(fd, two, 2), "writev");
	result(holds(fd, 10, "abcdefgabcdefg", 14) && lseek(fd, 0, SEEK_CUR) == 24, what, "");
}

static void test_direct(const char *what, int fd)
{
	must(pwrite(fd, text, PAGE, PAGE), "O_DIRECT");
	result(holds(fd, PAGE, text, PAGE), what, "");
}

static void test_aio(const char *what, int fd)
{
	aio_context_t context = 0;
	struct iocb block = {
		.aio_lio_opcode = IOCB_CMD_PWRITE,
		.aio_fildes = (uint32_t)fd,
		.aio_buf = (uintptr_t)text,
		.aio_nbytes = PAGE,
		.aio_offset = SIZE,
	};
	struct iocb *blocks[] = {&block};
	struct io_event event;

	must(syscall(SYS_io_setup, 1, &context), "io_setup");
	must(syscall(SYS_io_submit, context, 1, blocks), "io_submit");
	must(syscall(SYS_io_getevents, context, 1, 1, &event, NULL), "io_getevents");
	result(event.res == PAGE && holds(fd, SIZE, text, PAGE) && size_of(fd) == SIZE + PAGE, what,
	       "");
	syscall(SYS_io_destroy, context);
}

static void test_ring(const char *what, int fd)
{
	struct ring ring;
	bool ok;

	must(ring_open(&ring), "io_uring_setup");
	ok = ring_do(&ring, IORING_OP_WRITE, fd, text, PAGE, 2 * PAGE) == PAGE &&
	     ring_do(&ring, IORING_OP_FSYNC, fd, NULL, 0, 0) == 0 &&
	     ring_do(&ring, IORING_OP_READ, fd, buffer, PAGE, 2 * PAGE) == PAGE;
	result(ok && !memcmp(buffer, text, PAGE), what, "");
	ring_close(&ring);
}

static void test_truncate(const char *what, int fd)
{
	must(ftruncate(fd, 100), "ftruncate");
	must(pwrite(fd, text, 200, 0), "pwrite");
	must(ftruncate(fd, 50), "ftruncate");
	must(ftruncate(fd, 100), "ftruncate");
	result(size_of(fd) == 100 && holds(fd, 0, text, 50) && holds(fd, 50, (char[50]){0}, 50),
	       what, "");
}

static void test_fallocate(const char *what, int fd)
{
	must(pwrite(fd, text, PAGE, 0), "pwrite");
	must(pwrite(fd, text, PAGE, PAGE), "pwrite");
	must(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, PAGE, PAGE), "punch");
	must(fallocate(fd, FALLOC_FL_KEEP_SIZE, SIZE, PAGE), "fallocate");
	must(fallocate(fd, 0, SIZE, 10), "fallocate");
	result(size_of(fd) == SIZE + 10 && holds(fd, 0, text, PAGE) &&
		       holds(fd, PAGE, (char[PAGE]){0}, PAGE) && lseek(fd, 0, SEEK_HOLE) == PAGE,
	       what, "");
}

static void test_copy(const char *what, int fd)
{
	int from = open_file("kept", O_RDONLY);
	loff_t at = 0, to = 100;

	must(pwrite(fd, text, PAGE, 0), "pwrite");
	must(copy_file_range(from, &at, fd, &to, 200, 0), "copy_file_range");
	result(holds(fd, 0, text, 100) && holds(fd, 100, (char[200]){0}, 200) &&
		       holds(fd, 300, text + 300, PAGE - 300),
	       what, "");
	close(from);
}

static void test_pipe(const char *what, int fd)
{
	int ends[2];
	loff_t at = 5;

	must(pipe(ends), "pipe");
	must(write(ends[1], text, 1000), "write");
	must(splice(ends[0], NULL, fd, &at, 1000, 0), "splice");
	result(at == 1005 && holds(fd, 5, text, 1000), what, "");
	close(ends[0]);
	close(ends[1]);
}

static void test_map(const char *what, int fd)
{
	struct stat before, after;
	char *map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (map == MAP_FAILED)
		fail("mmap");
	must(fstat(fd, &before), "fstat");
	usleep(20000);
	memcpy(map + 3 * PAGE, text, PAGE);
	must(msync(map, SIZE, MS_SYNC), "msync");
	must(fstat(fd, &after), "fstat");
	result(holds(fd, 3 * PAGE, text, PAGE) &&
		       memcmp(&before.st_mtim, &after.st_mtim, sizeof(before.st_mtim)),
	       what, "");
	must(pwrite(fd, "x", 1, 4 * PAGE), "pwrite");
	result(map[4 * PAGE] == 'x', what, "what is written isn't seen in the map");
	munmap(map, SIZE);
}

static void test_sync(const char *what, int fd)
{
	must(pwrite(fd, text, 10, 0), "pwrite");
	result(!fsync(fd) && !fdatasync(fd) && !syncfs(fd) && !sync_file_range(fd, 0, 10, 7), what,
	       "");
}

static void test_unlinked(const char *what, int fd)
{
	struct stat st;
	char path[32];
	int other;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	must(pwrite(fd, "still", 5, 0), "pwrite");
	other = open_file(path, O_RDWR);
	must(fchmod(fd, 0600), "fchmod");
	must(fstat(other, &st), "fstat");
	result(holds(other, 0, "still", 5) && (st.st_mode & 0777) == 0600, what, "");
	close(other);
}

/* As somebody without rights: what writing strips. */
static mode_t mode_after(const char *name, mode_t mode, void (*act)(int fd))
{
	struct stat st;
	pid_t pid;
	int fd;

	must(chmod(name, mode), name);
	fd = open_file(name, O_RDWR);
	pid = fork();
	if (!pid) {
		if (setresgid(1000, 1000, 1000) || setresuid(1000, 1000, 1000))
			_exit(1);
		act(fd);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	must(fstat(fd, &st), "fstat");
	close(fd);
	return st.st_mode & 07777;
}

static void act_write(int fd)
{
	must(pwrite(fd, "x", 1, 0), "pwrite");
}

static void act_truncate(int fd)
{
	must(ftruncate(fd, 5), "ftruncate");
}

static void act_allocate(int fd)
{
	must(fallocate(fd, 0, 0, PAGE), "fallocate");
}

static void test_privileges(void)
{
	int fd = open_file("suid", O_CREAT | O_EXCL | O_RDWR);

	must(write(fd, text, 100), "write");
	close(fd);
	result(mode_after("suid", 06777, act_write) == 0777, "writing strips setuid and setgid",
	       "");
	result(mode_after("suid", 02767, act_write) == 02767,
	       "writing leaves setgid without group execution", "");
	result(mode_after("suid", 06777, act_truncate) == 0777, "truncating strips them", "");
	result(mode_after("suid", 06777, act_allocate) == 0777, "allocating strips them", "");
	must(chmod("suid", 06777), "chmod");
	fd = open_file("suid", O_WRONLY);
	must(write(fd, "x", 1), "write");
	close(fd);
	result(!access("suid", F_OK), "root may keep them", "");
	must(unlink("suid"), "suid");
}

static void test_tmpfile(void)
{
	int fd = open(".", O_TMPFILE | O_RDWR, 0640);
	struct stat st;
	char path[32];

	must(fd, "O_TMPFILE");
	must(write(fd, text, PAGE), "write");
	must(fstat(fd, &st), "fstat");
	result(!st.st_nlink && st.st_size == PAGE && (st.st_mode & 0777) == 0640,
	       "a file without a name is written to", "");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	expect("and gets one", linkat(AT_FDCWD, path, AT_FDCWD, "named", AT_SYMLINK_FOLLOW), 0);
	must(stat("named", &st), "named");
	result(st.st_nlink == 1 && st.st_size == PAGE, "which is like any other", "");
	close(fd);
	must(unlink("named"), "named");
	fd = open(".", O_TMPFILE | O_EXCL | O_RDWR, 0600);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	expect("one that is to have none gets none",
	       linkat(AT_FDCWD, path, AT_FDCWD, "named", AT_SYMLINK_FOLLOW), ENOENT);
	close(fd);
	must(unlink("removed"), "removed");
	fd = open(".", O_TMPFILE | O_RDWR, 0600);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	expect("one gets the name of a lower file that was removed",
	       linkat(AT_FDCWD, path, AT_FDCWD, "removed", AT_SYMLINK_FOLLOW), 0);
	close(fd);
	must(stat("removed", &st), "removed");
	result(!st.st_size, "and is seen there", "");
}

/* What was open before a file was copied up. */
static void test_handles(void)
{
	int reader = open_file("kept", O_RDONLY), writer, other;
	char *map = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, reader, 0);
	struct stat before, after;
	char first = map[0];

	must(fstat(reader, &before), "fstat");
	must(flock(reader, LOCK_SH), "flock");
	writer = open_file("kept", O_RDWR);
	must(pwrite(writer, "new", 3, 0), "pwrite");
	must(fstat(reader, &after), "fstat");
	result(before.st_ino == after.st_ino, "a file keeps its number when it is copied up", "");
	result(holds(reader, 0, "new", 3), "a handle from before reads what is written", "");
	result(map[0] == first, "a map from before stays what it was", "");
	other = open_file("kept", O_RDONLY);
	expect("a lock from before holds", flock(other, LOCK_EX | LOCK_NB), EWOULDBLOCK);
	expect("a handle from before changes attributes", fchmod(reader, 0604), 0);
	must(fstat(other, &after), "fstat");
	result((after.st_mode & 0777) == 0604, "of the file that there is", "");
	munmap(map, PAGE);
	close(reader);
	close(writer);
	close(other);
}

static void test_limit(void)
{
	struct rlimit old, small = {PAGE, PAGE};
	int fd = open_file("limited", O_CREAT | O_RDWR);

	signal(SIGXFSZ, SIG_IGN);
	must(getrlimit(RLIMIT_FSIZE, &old), "getrlimit");
	small.rlim_max = old.rlim_max;
	must(setrlimit(RLIMIT_FSIZE, &small), "setrlimit");
	expect("no file gets larger than its writer may make it", pwrite(fd, "x", 1, PAGE), EFBIG);
	expect("nor by truncate", ftruncate(fd, PAGE + 1), EFBIG);
	must(setrlimit(RLIMIT_FSIZE, &old), "setrlimit");
	close(fd);
	must(unlink("limited"), "limited");
}

static void test_open(void)
{
	struct stat st;
	int fd = open_file("truncated", O_RDWR | O_TRUNC);

	must(fstat(fd, &st), "fstat");
	result(!st.st_size, "opening with O_TRUNC empties a lower file", "");
	close(fd);
	fd = open("truncated", O_CREAT | O_EXCL | O_RDWR, 0600);
	expect("O_EXCL finds it there", fd, EEXIST);
	fd = open_file("appended", O_WRONLY | O_APPEND | O_CREAT);
	must(write(fd, "x", 1), "write");
	result(size_of(fd) == SIZE + 1, "a lower file is appended to", "");
	close(fd);
	fd = open_file("synced", O_CREAT | O_RDWR | O_SYNC);
	expect("O_SYNC is taken", write(fd, "x", 1) == 1 ? 0 : -1, 0);
	close(fd);
}

static void test_clone(void)
{
	int from = open_file("lower0", O_RDONLY), to = open_file("clone", O_CREAT | O_RDWR);
	int ret = ioctl(to, FICLONE, from), error = errno;

	if (ret)
		result(error == EOPNOTSUPP, "no file can be cloned here", strerrorname_np(error));
	else
		result(size_of(to) == size_of(from), "a lower file is cloned", "");
	close(from);
	close(to);
	must(unlink("clone"), "clone");
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	must(chdir(argv[1]), argv[1]);
	for (int i = 0; i < PAGE; i++)
		text[i] = (char)(i * 7 + 1);
	on_both("appending goes to the end", test_append, 0);
	on_both("vectors are written", test_vectors, 0);
	on_both("O_DIRECT is direct", test_direct, O_DIRECT);
	on_both("AIO writes", test_aio, 0);
	on_both("direct AIO writes", test_aio, O_DIRECT);
	on_both("io_uring writes", test_ring, 0);
	on_both("direct io_uring writes", test_ring, O_DIRECT);
	on_both("truncating and growing", test_truncate, 0);
	on_both("allocating and punching", test_fallocate, 0);
	on_both("copying a range", test_copy, 0);
	on_both("splicing", test_pipe, 0);
	on_both("a shared map is written to", test_map, 0);
	on_both("syncing", test_sync, 0);
	on_both("another handle", test_unlinked, 0);
	test_privileges();
	test_tmpfile();
	test_handles();
	test_limit();
	test_open();
	test_clone();
	return tap_end();
}
