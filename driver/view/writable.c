// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Views with a server: over a connection as any FUSE server makes it, the kernel gets layers, filters
 * and the rest by ioctls. No request can come in before the mount is attached.
 */
#include "view/make.h"

#include <errno.h>
#include <linux/fuse_bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>

#include "base/cleanup.h"
#include "view/config.h"
#include "view/filter.h"
#include "view/layers.h"

static errint_t add_layer(void *user, const struct lamina_view_spec *spec, size_t i, int fd,
			  struct lamina_error *error)
{
	struct fuse_bpf_layer_add arg = {
		.fd = fd, .flags = i == 0 ? FUSE_LAYER_UPPER : 0, .tag = i};
	int id = ioctl(*(int *)user, FUSE_BPF_IOC_LAYER_ADD, &arg);

	if (id >= 0)
		return id;
	return lamina_error_set(error, -errno, "the kernel does not take '%s' as %s",
				spec->paths[i], i == 0 ? "an upper" : "a layer");
}

static errint_t add_filter(int device, const struct lamina_view_filter *filter,
			   struct lamina_error *error)
{
	struct fuse_bpf_filter_add arg = {.link_fd = -1, .cookie = filter->cookie};

	if (strlen(filter->name) >= sizeof(arg.id))
		return lamina_error_say(error, -EINVAL, "'%s' is no name of a filter",
					filter->name);
	strcpy(arg.id, filter->name);
	if (ioctl(device, FUSE_BPF_IOC_FILTER_ADD, &arg) < 0)
		return lamina_error_set(error, -errno, "cannot use the filter '%s'", filter->name);
	return 0;
}

static uint32_t marks_flag(const char *marks)
{
	if (!marks || !strcmp(marks, "none"))
		return 0;
	return !strcmp(marks, "user") ? FUSE_VIEW_MARKS_USER : FUSE_VIEW_MARKS_TRUSTED;
}

static errint_t set_view(int device, const struct lamina_view_spec *spec, const uint32_t *ids,
			 struct lamina_error *error)
{
	struct fuse_bpf_view_set arg = {
		.layers = (uintptr_t)ids,
		.nr = (uint32_t)spec->n_layers,
		.flags = FUSE_VIEW_WRITABLE | marks_flag(spec->marks),
		.index = spec->index_fd,
		.work = spec->work_fd,
		.wait = spec->wait,
	};

	snprintf(arg.own, sizeof(arg.own), "%s.lamina.", spec->xattr_ns);
	snprintf(arg.opaque, sizeof(arg.opaque), "%s.overlay.opaque", spec->xattr_ns);
	if (ioctl(device, FUSE_BPF_IOC_VIEW_SET, &arg) < 0)
		return lamina_error_set(error, -errno, "the kernel does not take the view for '%s'",
					spec->target);
	return 0;
}

static errint_t fill(int device, const struct lamina_view_spec *spec, struct lamina_error *error)
{
	_cleanup_free_ uint32_t *ids = calloc(spec->n_layers, sizeof(*ids));
	errint_t err;

	if (!ids)
		return lamina_error_set(error, -ENOMEM, "cannot make the view for '%s'",
					spec->target);
	err = view_layers_add(spec, add_layer, &device, ids, error);
	for (size_t i = 0; err == 0 && i < spec->n_filters; i++)
		err = view_need_filter(add_filter, device, &spec->filters[i], error);
	return err == 0 ? set_view(device, spec, ids, error) : err;
}

errint_t view_make_writable(const struct lamina_view_kernel *kernel,
			    const struct lamina_view_spec *spec, unsigned int depth,
			    struct lamina_view *ret, struct lamina_error *error)
{
	_cleanup_(view_connection_close) struct view_connection c = {-1, -1};
	_cleanup_fd_ int mount = -1;
	errint_t err = view_connection_open(kernel, spec, &c, error);

	if (err < 0)
		return err;
	mount = view_config_mount(c.fs, spec, error);
	if (mount < 0)
		return mount;
	err = view_connection_introduce(&c, depth, error);
	if (err == 0)
		err = fill(c.device, spec, error);
	if (err < 0)
		return err;
	*ret = (struct lamina_view){.mount_fd = TAKE_FD(mount), .device = TAKE_FD(c.device)};
	return 0;
}
