// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Options of mounts in the making. No state.
 */
#include "view/config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

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

errint_t view_config_fail(int fs, errint_t err, struct lamina_error *error, const char *doing,
			  const char *what)
{
	char text[256];

	read_log(fs, text, sizeof(text));
	return lamina_error_set(error, err, "cannot %s '%s'%s%s%s", doing, what,
				text[0] ? " (" : "", text, text[0] ? ")" : "");
}

errint_t view_config_set(int fs, const char *key, const char *value, struct lamina_error *error)
{
	unsigned int how = value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG;

	if (fsconfig(fs, how, key, value, 0) < 0)
		return view_config_fail(fs, -errno, error, "set the mount option", key);
	return 0;
}

errint_t view_config_number(int fs, const char *key, unsigned int value, struct lamina_error *error)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", value);
	return view_config_set(fs, key, text, error);
}

/* A label means something only where SELinux is at work. */
static bool selinux_enabled(void)
{
	return access("/sys/fs/selinux/enforce", F_OK) == 0;
}

errint_t view_config_common(int fs, const struct lamina_view_spec *spec, struct lamina_error *error)
{
	errint_t err = view_config_set(fs, "source", spec->source, error);

	if (err == 0 && !spec->only_owner)
		err = view_config_set(fs, "allow_other", NULL, error);
	if (err == 0 && spec->context && selinux_enabled())
		err = view_config_set(fs, "context", spec->context, error);
	return err;
}

errint_t view_config_create(int fs, const struct lamina_view_spec *spec, struct lamina_error *error)
{
	if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return view_config_fail(fs, -errno, error, "make the view for", spec->target);
	return 0;
}

errint_t view_config_mount(int fs, const struct lamina_view_spec *spec, struct lamina_error *error)
{
	int mount = fsmount(fs, FSMOUNT_CLOEXEC, (unsigned int)spec->attrs);

	if (mount < 0)
		return view_config_fail(fs, -errno, error, "make the view for", spec->target);
	return mount;
}
