// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Records of mounts, lines of mount tables and origins: files and attributes that a user may have written.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/text.h"
#include "mount/record.h"
#include "mount/table.h"
#include "tap.h"
#include "union/index.h"

static void test_unescape(void)
{
	static const char *const cases[][2] = {
		{"", ""},	    {"plain", "plain"}, {"a\\040b", "a b"}, {"\\134\\012", "\\\n"},
		{"\\", "\\"},	    {"\\1", "\\1"},	{"\\12", "\\12"},   {"end\\01", "end\\01"},
		{"\\128", "\\128"}, {"\\ 12", "\\ 12"}, {"\\+12", "\\+12"}, {"\\0401", " 1"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *copy = strdup(cases[i][0]); /* exactly its bytes, for sanitizers */

		lamina_text_unescape(copy);
		same_text(copy, cases[i][1], cases[i][0]);
		free(copy);
	}
}

static char *text_of(const char *format, ...) __attribute__((__format__(__printf__, 1, 2)));

static char *text_of(const char *format, ...)
{
	va_list args;
	char *text;
	int n;

	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	return n < 0 ? NULL : text;
}

static void test_parse(void)
{
	struct lamina_record record;
	char *text = text_of("engine fuse\ntarget /a\\012b\\1\ntarget /second\nserver 7\n"
			     "no-value\nunknown key\nkeeper x\nwhy \\04");

	ok(lamina_record_parse(text, &record) == 0, "a record");
	same_text(record.engine, "fuse", "its engine");
	same_text(record.target, "/a\nb\\1", "an escape that is cut off stays as it is");
	same_text(record.why, "\\04", "also at the end of the record");
	same_text(record.options, NULL, "what is not there");
	same_number(record.server, 7, "a process");
	same_number(record.keeper, 0, "what is no number is none");
	lamina_record_done(&record);
	free(text);
}

/* In the directory that records are in; the device number is one that no file system has. */
#define DEV makedev(4095, 1048575)

static void test_round_trip(void)
{
	char target[] = "/odd\nname\\1", options[] = "lowerdir=/a\\\\:/b,upperdir=/u\\";
	const struct lamina_record written = {.target = target, .options = options, .server = 1};
	struct lamina_record record;

	ok(lamina_record_write(DEV, &written) == 0, "a record is written");
	ok(lamina_record_read(DEV, &record) == 0, "and read");
	same_text(record.target, target, "the same target");
	same_text(record.options, options, "the same options");
	lamina_record_done(&record);
	lamina_record_remove(DEV);
	ok(lamina_record_read(DEV, &record) == -ENOENT, "a record that was removed is not there");
}

/* What lies at a record's name is no record that this user has written. */
static void test_odd_files(void)
{
	struct lamina_record record;
	char name[32];
	int dir = lamina_record_lock(), fd;

	snprintf(name, sizeof(name), "%u:%u", major(DEV), minor(DEV));
	ok(dir >= 0 && mkfifoat(dir, name, 0600) == 0, "a fifo in the place of a record");
	same_number(lamina_record_read(DEV, &record), -EPERM, "is neither waited for nor read");
	lamina_record_remove(DEV);

	fd = openat(dir, name, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	ok(fd >= 0 && ftruncate(fd, LAMINA_RECORD_MAX + 1) == 0, "a file of more than 8 MiB");
	same_number(lamina_record_read(DEV, &record), -EFBIG, "is not read");
	ok(ftruncate(fd, 0) == 0 && lamina_record_read(DEV, &record) == 0, "an empty one is");
	lamina_record_done(&record);
	if (geteuid() == 0) {
		ok(fchown(fd, 1000, 1000) == 0, "a file of another user");
		same_number(lamina_record_read(DEV, &record), -EPERM, "is not read");
	}
	close(fd);
	lamina_record_remove(DEV);
	close(dir);
}

struct found {
	unsigned int n;
	dev_t dev;
	uid_t owner;
	char target[64], source[64];
};

static bool take(void *user, const struct lamina_table_entry *entry)
{
	struct found *found = user;

	found->n++;
	found->dev = entry->dev;
	found->owner = entry->owner;
	snprintf(found->target, sizeof(found->target), "%s", entry->target);
	snprintf(found->source, sizeof(found->source), "%s", entry->source);
	return false;
}

static void test_table(void)
{
	static const char *const odd[] = {
		"",
		"\n",
		" - ",
		"1 2 0:3 / /a rw",
		"1 2 x:3 / /a rw - fuse s",
		"1 2 0:3 / /a rw - ",
	};
	struct found found = {0};

	ok(!lamina_table_line("136 35 0:34 / /a\\040b\\1 rw master:1 - fuse.lamina x\\134 rw\n",
			      take, &found),
	   "a line of a table");
	ok(found.n == 1 && found.dev == makedev(0, 34), "its device");
	same_text(found.target, "/a b\\1", "its target");
	same_text(found.source, "x\\", "its source");
	same_number(found.owner, LAMINA_TABLE_NO_OWNER, "an owner is not said");
	ok(!lamina_table_line("1 2 0:3 / /a rw - fuse.x y rw,user_id=1000,group_id=7\n", take,
			      &found),
	   "a line of FUSE");
	same_number(found.owner, 1000, "has an owner");
	found.n = 1;
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		ok(lamina_table_line(odd[i], take, &found), "no line: %zu", i);
	same_number(found.n, 1, "of which nothing was taken");
}

static void test_origin(void)
{
	static const char *const odd[] = {
		"",	     "1",     "1 8", "x 7", "1 7 2 a/b", "1 7 2 ..", "1 7 2 ../../x",
		"1 7 2 a.n", "1 7 2",
	};
	struct lamina_origin origin;

	ok(lamina_origin_parse("5 7", 7, &origin) == 1 && origin.ino == 5 && !origin.key[0],
	   "an origin of a file with one name");
	ok(lamina_origin_parse("5 7 2 1-81-00ff", 7, &origin) == 1 && origin.nlink == 2,
	   "one of a file with several");
	same_text(origin.key, "1-81-00ff", "its key");
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		ok(lamina_origin_parse(odd[i], 7, &origin) == 0, "no origin: '%s'", odd[i]);
}

int main(void)
{
	test_unescape();
	test_parse();
	test_round_trip();
	test_odd_files();
	test_table();
	test_origin();
	return tap_done();
}
