// SPDX-License-Identifier: GPL-2.0-or-later
#include "bpf/view.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#include "base/cleanup.h"
#include "bpf/kernel.h"

/* The last thing that the kernel says about a mount in the making, if it says anything. */
static void read_log(int fs, char *text, size_t size)
{
	ssize_t n;

	text[0] = '\0';
	while ((n = read(fs, text, size - 1)) > 0) {
		text[n] = '\0';
		text[strcspn(text, "\n")] = '\0';
	}
	/* "e " before an error's text. */
	if (text[0] && text[1] == ' ')
		memmove(text, text + 2, strlen(text + 2) + 1);
}

static errint_t fail(int fs, errint_t err, struct lamina_error *error, const char *doing,
		     const char *what)
{
	char text[256];

	read_log(fs, text, sizeof(text));
	return lamina_error_set(error, err, "cannot %s '%s'%s%s%s", doing, what,
				text[0] ? " (" : "", text, text[0] ? ")" : "");
}

static errint_t add_layer(int fs, const char *path, struct lamina_error *error)
{
	_cleanup_fd_ int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	char number[16];

	if (fd < 0)
		return lamina_error_set(error, -errno, "cannot open the layer '%s'", path);
	/* An O_PATH fd can only be given by its number. */
	snprintf(number, sizeof(number), "%d", fd);
	if (fsconfig(fs, FSCONFIG_SET_STRING, "root_dir", number, 0) < 0)
		return fail(fs, -errno, error, "use as a layer", path);
	return 0;
}

static errint_t add_filter(int fs, const struct lamina_view_filter *filter,
			   struct lamina_error *error)
{
	char cookie[24];

	snprintf(cookie, sizeof(cookie), "%llu", (unsigned long long)filter->cookie);
	if (fsconfig(fs, FSCONFIG_SET_STRING, "cookie", cookie, 0) < 0)
		return fail(fs, -errno, error, "give a cookie to the filter", filter->name);
	if (fsconfig(fs, FSCONFIG_SET_STRING, "filter", filter->name, 0) == 0)
		return 0;
	if (errno == ENOENT)
		return lamina_error_say(error, -ENOENT,
					"no filter '%s' is loaded; see 'lamina filter load'",
					filter->name);
	return fail(fs, -errno, error, "use the filter", filter->name);
}

static errint_t set_option(int fs, const char *key, const char *value, struct lamina_error *error)
{
	unsigned int how = value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG;

	if (fsconfig(fs, how, key, value, 0) < 0)
		return fail(fs, -errno, error, "set the option", key);
	return 0;
}

static errint_t configure(int fs, const struct lamina_view_spec *spec, struct lamina_error *error)
{
	errint_t err = set_option(fs, "source", spec->source, error);

	if (err == 0)
		err = set_option(fs, "no_daemon", NULL, error);
	if (err == 0 && !spec->only_owner)
		err = set_option(fs, "allow_other", NULL, error);
	if (err == 0 && spec->marks)
		err = set_option(fs, "marks", spec->marks, error);
	for (size_t i = 0; err == 0 && i < spec->n_layers; i++)
		err = add_layer(fs, spec->layers[i], error);
	for (size_t i = 0; err == 0 && i < spec->n_filters; i++)
		err = add_filter(fs, &spec->filters[i], error);
	if (err == 0 && fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		err = fail(fs, -errno, error, "make the view for", spec->target);
	return err;
}

errint_t lamina_view_mount(const struct lamina_view_spec *spec, struct lamina_error *error)
{
	_cleanup_fd_ int fs = -1, mount = -1;
	struct lamina_bpf_kernel kernel;
	errint_t err = lamina_bpf_kernel_probe(&kernel, error);

	if (err < 0)
		return err;
	fs = fsopen(kernel.type, FSOPEN_CLOEXEC);
	if (fs < 0)
		return lamina_error_set(error, -errno, "cannot make a mount of type %s",
					kernel.type);
	err = configure(fs, spec, error);
	if (err < 0)
		return err;
	mount = fsmount(fs, FSMOUNT_CLOEXEC, 0);
	if (mount < 0)
		return fail(fs, -errno, error, "make the view for", spec->target);
	if (move_mount(mount, "", AT_FDCWD, spec->target, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return lamina_error_set(error, -errno, "cannot mount on '%s'", spec->target);
	return 0;
}
