// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Requests from the device: what is complete is decoded, everything else refused.
 */
#include <errno.h>
#include <stdlib.h>

#include "tap.h"
#include "wire/request.h"

static char buffer[4096];

/* A request of @opcode with @body behind the header; returns its size. */
static size_t build(uint32_t opcode, const void *body, size_t size)
{
	struct fuse_in_header header = {.len = (uint32_t)(sizeof(header) + size), .opcode = opcode};

	memcpy(buffer, &header, sizeof(header));
	memcpy(buffer + sizeof(header), body, size);
	return sizeof(header) + size;
}

static errint_t decode(struct wire_request *r, uint32_t opcode, const void *body, size_t size)
{
	memset(r, 0, sizeof(*r));
	return wire_decode(r, buffer, build(opcode, body, size));
}

static void test_names(void)
{
	static const struct {
		const char *name;
		size_t size;
		errint_t expected;
	} cases[] = {
		{"file", 5, 0},	   {"file", 4, -EINVAL},  {"", 1, -EINVAL},   {"a/b", 4, -EINVAL},
		{"/", 2, -EINVAL}, {".", 2, -EINVAL},	  {"..", 3, -EINVAL}, {"...", 4, 0},
		{".wh.x", 6, 0},   {"file\0more", 10, 0}, {NULL, 0, -EINVAL},
	};
	char longest[257];
	struct wire_request r;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ok(decode(&r, FUSE_LOOKUP, cases[i].name ? cases[i].name : "", cases[i].size) ==
			   cases[i].expected,
		   "LOOKUP of '%s' in %zu bytes", cases[i].name ? cases[i].name : "",
		   cases[i].size);
	memset(longest, 'x', sizeof(longest));
	longest[255] = '\0';
	ok(decode(&r, FUSE_LOOKUP, longest, 256) == 0, "a name of 255 bytes");
	longest[255] = 'x';
	longest[256] = '\0';
	ok(decode(&r, FUSE_LOOKUP, longest, 257) == -ENAMETOOLONG, "a name of 256 bytes");
}

static void test_two_names(void)
{
	struct {
		struct fuse_rename2_in in;
		char names[16];
	} body = {.names = "old\0new"};
	struct wire_request r;

	ok(decode(&r, FUSE_RENAME2, &body, sizeof(body.in) + 8) == 0, "RENAME2");
	same_text(r.name, "old", "its old name");
	same_text(r.name2, "new", "its new name");
	ok(decode(&r, FUSE_RENAME2, &body, sizeof(body.in) + 7) == -EINVAL,
	   "RENAME2 with an unfinished second name");
	ok(decode(&r, FUSE_RENAME2, &body, sizeof(body.in) + 4) == -EINVAL,
	   "RENAME2 with one name");
	ok(decode(&r, FUSE_RENAME2, &body, sizeof(body.in) - 1) == -EINVAL,
	   "RENAME2 without all of its struct");
}

static void test_symlink(void)
{
	struct wire_request r;

	ok(decode(&r, FUSE_SYMLINK, "link\0../some/where", 19) == 0, "SYMLINK");
	same_text(r.name, "link", "its name");
	same_text(r.text, "../some/where", "its target");
	ok(decode(&r, FUSE_SYMLINK, "link\0", 5) == -EINVAL, "SYMLINK without a target");
}

static void test_data(void)
{
	struct {
		struct fuse_write_in in;
		char data[8];
	} body = {.in.size = 8, .data = "12345678"};
	struct {
		struct fuse_setxattr_in in;
		char text[16];
	} xattr = {.in.size = 5, .text = "user.x\0value"};
	struct wire_request r;

	ok(decode(&r, FUSE_WRITE, &body, sizeof(body)) == 0, "WRITE");
	same_number((long long)r.data_size, 8, "its data");
	ok(decode(&r, FUSE_WRITE, &body, sizeof(body.in)) == 0 && r.data_size == 0,
	   "WRITE without data");
	ok(decode(&r, FUSE_SETXATTR, &xattr, sizeof(xattr.in) + 12) == 0, "SETXATTR");
	same_text(r.text, "user.x", "its attribute");
	same_number((long long)r.data_size, 5, "the size of its value");
}

static void test_headers(void)
{
	struct wire_request r = {0};
	size_t size = build(FUSE_STATFS, "", 0);
	struct fuse_in_header *header = (void *)buffer;

	ok(wire_decode(&r, buffer, size) == 0, "STATFS");
	ok(wire_decode(&r, buffer, size - 1) == -EBADMSG, "less than a header");
	ok(wire_decode(&r, buffer, 0) == -EBADMSG, "nothing");
	header->len++;
	ok(wire_decode(&r, buffer, size) == -EBADMSG, "a length that is not the message's");
	header->len--;
	header->opcode = 9999;
	ok(wire_decode(&r, buffer, size) == -ENOSYS, "an opcode beyond all");
	header->opcode = 7;
	ok(wire_decode(&r, buffer, size) == -ENOSYS, "an opcode that is none");
}

int main(void)
{
	test_headers();
	test_names();
	test_two_names();
	test_symlink();
	test_data();
	return tap_done();
}
