// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * faultyfs MOUNTPOINT: a FUSE file system to be a broken layer. Its files `good` (readable), `bad`
 * (EIO behind the first 4096 bytes) and `gone` (EIO even for its attributes) lie in one directory.
 * It leaves when it is unmounted.
 */
#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/limits.h"
#include "mount/mount.h"
#include "wire/session.h"

#define GOOD 2
#define BAD  3
#define GONE 4

static const char content[] = "good\n";

static void fill_attr(uint64_t id, struct fuse_attr *attr)
{
	*attr = (struct fuse_attr){
		.ino = id,
		.mode = id == FUSE_ROOT_ID ? S_IFDIR | 0755 : S_IFREG | 0644,
		.nlink = 1,
		.size = id == GOOD ? strlen(content) : 100000,
		.blocks = 200,
	};
}

static errint_t do_lookup(struct wire_request *r)
{
	struct fuse_entry_out *out = wire_out(r, sizeof(*out));

	if (!strcmp(r->name, "good"))
		out->nodeid = GOOD;
	else if (!strcmp(r->name, "bad"))
		out->nodeid = BAD;
	else
		return strcmp(r->name, "gone") ? -ENOENT : -EIO;
	fill_attr(out->nodeid, &out->attr);
	return 0;
}

static errint_t do_getattr(struct wire_request *r)
{
	struct fuse_attr_out *out = wire_out(r, sizeof(*out));

	fill_attr(r->in->nodeid, &out->attr);
	return 0;
}

static errint_t do_open(struct wire_request *r)
{
	wire_out(r, sizeof(struct wire_open_out));
	return 0;
}

static errint_t do_read(struct wire_request *r)
{
	const struct fuse_read_in *in = r->arg;

	if (r->in->nodeid == GOOD) {
		if (in->offset < strlen(content))
			wire_payload(r, content + in->offset, strlen(content) - in->offset);
		return 0;
	}
	if (in->offset + in->size > 4096)
		return -EIO;
	memset(r->room, 'x', in->size);
	wire_payload(r, r->room, in->size);
	return 0;
}

static void add_name(struct wire_request *r, size_t *used, const char *name, uint64_t id)
{
	struct fuse_dirent *d = (void *)(r->room + *used);
	size_t length = strlen(name);

	memset(d, 0, FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET + length));
	d->ino = id;
	d->off = id;
	d->namelen = (uint32_t)length;
	d->type = DT_REG;
	memcpy(d->name, name, length);
	*used += FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET + length);
}

static errint_t do_readdir(struct wire_request *r)
{
	const struct fuse_read_in *in = r->arg;
	size_t used = 0;

	if (in->offset < GOOD)
		add_name(r, &used, "good", GOOD);
	if (in->offset < BAD)
		add_name(r, &used, "bad", BAD);
	if (in->offset < GONE)
		add_name(r, &used, "gone", GONE);
	wire_payload(r, r->room, used);
	return 0;
}

static errint_t do_statfs(struct wire_request *r)
{
	struct fuse_statfs_out *out = wire_out(r, sizeof(*out));

	out->st.namelen = 255;
	return 0;
}

static errint_t do_nothing(struct wire_request *r)
{
	(void)r;
	return 0;
}

static void agree(void *user, struct wire_terms *terms)
{
	(void)user;
	terms->flags = FUSE_MAX_PAGES;
}

static void ignore_thread(void *user)
{
	(void)user;
}

static void ignore_forget(void *user, uint64_t id, uint64_t n)
{
	(void)user;
	(void)id;
	(void)n;
}

static const struct wire_ops ops = {
	.init = agree,
	.thread_start = ignore_thread,
	.forget = ignore_forget,
	.handlers =
		{
			[FUSE_LOOKUP] = do_lookup,
			[FUSE_GETATTR] = do_getattr,
			[FUSE_OPEN] = do_open,
			[FUSE_OPENDIR] = do_open,
			[FUSE_READ] = do_read,
			[FUSE_READDIR] = do_readdir,
			[FUSE_STATFS] = do_statfs,
			[FUSE_RELEASE] = do_nothing,
			[FUSE_RELEASEDIR] = do_nothing,
			[FUSE_FLUSH] = do_nothing,
		},
};

int main(int argc, char **argv)
{
	struct lamina_mount_spec spec = {
		.at = AT_FDCWD, .source = "faulty", .root_mode = S_IFDIR, .allow_other = true};
	struct lamina_error error = {""};
	struct pollfd ended = {.events = POLLIN};
	struct lamina_mount m;
	struct wire_session *s;

	if (argc != 2)
		errx(2, "usage: faultyfs MOUNTPOINT");
	spec.target = argv[1];
	if (lamina_mount_prepare(&m, &spec, &error) < 0)
		errx(1, "%s", error.text);
	s = wire_session_new(m.device, &ops, NULL, false);
	if (!s || wire_session_start(s) < 0 || wire_session_wait_ready(s) < 0)
		errx(1, "no session");
	if (lamina_mount_attach(&m) < 0)
		errx(1, "cannot mount on %s", spec.target);
	lamina_mount_attached(&m);
	ended.fd = wire_session_ended_fd(s);
	while (poll(&ended, 1, -1) != 1)
		;
	wire_session_free(s);
	lamina_mount_done(&m);
	return 0;
}
