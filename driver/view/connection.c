// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Connections of servers: a superblock on an open device, INIT answered by hand.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse_bpf.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "view/config.h"
#include "view/make.h"
#include "view/view.h"
#include "wire/init.h"

static errint_t configure(int fs, int device, const struct lamina_view_spec *spec,
			  struct lamina_error *error)
{
	errint_t err = view_config_common(fs, spec, error);

	if (err == 0)
		err = view_config_set(fs, "subtype", "lamina", error);
	if (err == 0)
		err = view_config_number(fs, "fd", (unsigned int)device, error);
	if (err == 0)
		err = view_config_set(fs, "rootmode", "40000", error);
	if (err == 0)
		err = view_config_number(fs, "user_id", geteuid(), error);
	if (err == 0)
		err = view_config_number(fs, "group_id", getegid(), error);
	if (err == 0)
		err = view_config_set(fs, "default_permissions", NULL, error);
	return err == 0 ? view_config_create(fs, spec, error) : err;
}

void view_connection_close(struct view_connection *c)
{
	lamina_cleanup_fd(&c->fs);
	lamina_cleanup_fd(&c->device);
}

errint_t view_connection_open(const struct lamina_view_kernel *kernel,
			      const struct lamina_view_spec *spec, struct view_connection *ret,
			      struct lamina_error *error)
{
	_cleanup_(view_connection_close) struct view_connection c = {-1, -1};
	errint_t err;

	c.fs = fsopen(kernel->type, FSOPEN_CLOEXEC);
	if (c.fs < 0)
		return lamina_error_set(error, -errno, "cannot make a mount of type %s",
					kernel->type);
	c.device = open(kernel->device, O_RDWR | O_CLOEXEC);
	if (c.device < 0)
		return lamina_error_set(error, -errno, "cannot open %s", kernel->device);
	err = configure(c.fs, c.device, spec, error);
	if (err < 0)
		return err;
	*ret = (struct view_connection){TAKE_FD(c.fs), TAKE_FD(c.device)};
	return 0;
}

errint_t view_connection_introduce(const struct view_connection *c, unsigned int depth,
				   struct lamina_error *error)
{
	struct wire_terms terms;
	errint_t err = wire_init_answer(
		c->device, FUSE_PASSTHROUGH | FUSE_POSIX_ACL | FUSE_DONT_MASK, depth, &terms);

	return err < 0 ? lamina_error_set(error, err, "the kernel's FUSE did not introduce itself")
		       : 0;
}

errint_t lamina_view_has_upper(int fd)
{
	const struct lamina_view_spec spec = {.source = "lamina-probe", .target = "a probe"};
	struct fuse_bpf_layer_add arg = {.fd = fd, .flags = FUSE_LAYER_UPPER};
	_cleanup_(view_connection_close) struct view_connection c = {-1, -1};
	struct lamina_view_kernel kernel;
	struct lamina_error none = {""};

	/* The kernel is asked to take it as an upper. What else is in the way is another matter. */
	if (lamina_view_kernel_probe(&kernel, &none) < 0 ||
	    !(kernel.features & FUSE_BPF_FEATURE_WRITABLE) ||
	    view_connection_open(&kernel, &spec, &c, &none) < 0 ||
	    view_connection_introduce(&c, 1, &none) < 0)
		return 0;
	return ioctl(c.device, FUSE_BPF_IOC_LAYER_ADD, &arg) < 0 && errno == EBUSY;
}
