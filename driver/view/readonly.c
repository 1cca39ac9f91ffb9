// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Views without a server: layers, filters and marks are mount options.
 */
#include "view/make.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>

#include "base/cleanup.h"
#include "view/config.h"
#include "view/filter.h"
#include "view/layers.h"

static errint_t add_layer(void *user, const struct lamina_view_spec *spec, size_t i, int fd,
			  struct lamina_error *error)
{
	int fs = *(int *)user;
	char number[16];

	/* An O_PATH fd can only be given by its number. */
	snprintf(number, sizeof(number), "%d", fd);
	if (fsconfig(fs, FSCONFIG_SET_STRING, "root_dir", number, 0) < 0)
		return view_config_fail(fs, -errno, error, "use as a layer", spec->paths[i]);
	return 0;
}

static errint_t add_filter(int fs, const struct lamina_view_filter *filter,
			   struct lamina_error *error)
{
	char cookie[24];

	snprintf(cookie, sizeof(cookie), "%llu", (unsigned long long)filter->cookie);
	if (fsconfig(fs, FSCONFIG_SET_STRING, "cookie", cookie, 0) < 0)
		return view_config_fail(fs, -errno, error, "give a cookie to the filter",
					filter->name);
	if (fsconfig(fs, FSCONFIG_SET_STRING, "filter", filter->name, 0) < 0)
		return view_config_fail(fs, -errno, error, "use the filter", filter->name);
	return 0;
}

static errint_t add_filters(int fs, const struct lamina_view_spec *spec, struct lamina_error *error)
{
	errint_t err = 0;

	for (size_t i = 0; err == 0 && i < spec->n_filters; i++)
		err = view_need_filter(add_filter, fs, &spec->filters[i], error);
	return err;
}

errint_t view_make_readonly(const struct lamina_view_kernel *kernel,
			    const struct lamina_view_spec *spec, struct lamina_view *ret,
			    struct lamina_error *error)
{
	_cleanup_fd_ int fs = fsopen(kernel->type, FSOPEN_CLOEXEC);
	_cleanup_free_ uint32_t *ids = calloc(spec->n_layers, sizeof(*ids));
	errint_t err;

	if (fs < 0 || !ids)
		return lamina_error_set(error, fs < 0 ? -errno : -ENOMEM,
					"cannot make a mount of type %s", kernel->type);
	err = view_config_common(fs, spec, error);
	if (err == 0)
		err = view_config_set(fs, "no_daemon", NULL, error);
	if (err == 0 && spec->marks)
		err = view_config_set(fs, "marks", spec->marks, error);
	if (err == 0)
		err = view_layers_add(spec, add_layer, &fs, ids, error);
	if (err == 0)
		err = add_filters(fs, spec, error);
	if (err == 0)
		err = view_config_create(fs, spec, error);
	if (err == 0)
		err = view_config_mount(fs, spec, error);
	if (err < 0)
		return err;
	*ret = (struct lamina_view){.mount_fd = err, .device = -1};
	return 0;
}
