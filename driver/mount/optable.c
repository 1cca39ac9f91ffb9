// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Options, in one table: what each is called, what it does, and what the usage says about it.
 */
#include "mount/optable.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "base/nearest.h"
#include "mount/optlist.h"

typedef errint_t (*setter)(struct option_parser *p, char *value);

static errint_t replace(char **field, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		return -ENOMEM;
	free(*field);
	*field = copy;
	return 0;
}

/* Of a long value the beginning tells which one it is, and leaves room for what was expected. */
static errint_t bad_value(struct option_parser *p, const char *value, const char *expected)
{
	return lamina_error_say(p->error, -EINVAL, "option %s=%.80s%s: expected %s", p->name, value,
				strlen(value) > 80 ? "..." : "", expected);
}

/* ---- directories ---- */

static errint_t add_lower(struct option_parser *p, const char *path)
{
	struct lamina_mount_options *o = p->o;
	char **lowers;

	if (!*path)
		return lamina_error_say(
			p->error, -EINVAL,
			"option lowerdir: an empty path; data-only layers (\"::\") are "
			"not supported");
	lowers = realloc(o->lowers, (o->n_lowers + 1) * sizeof(*lowers));
	if (!lowers)
		return -ENOMEM;
	o->lowers = lowers;
	o->lowers[o->n_lowers] = strdup(path);
	return o->lowers[o->n_lowers++] ? 0 : -ENOMEM;
}

void mount_option_clear_lowers(struct lamina_mount_options *o)
{
	for (size_t i = 0; i < o->n_lowers; i++)
		free(o->lowers[i]);
	free(o->lowers);
	o->lowers = NULL;
	o->n_lowers = 0;
}

static errint_t set_lowers(struct option_parser *p, char *value)
{
	char *path;
	errint_t err = 0;

	mount_option_clear_lowers(p->o);
	while (err == 0 && (path = lamina_optlist_cut(&value, ':'))) {
		lamina_optlist_unescape(path);
		err = add_lower(p, path);
	}
	return err;
}

static errint_t set_upper(struct option_parser *p, char *value)
{
	return replace(&p->o->upper, value);
}

static errint_t set_work(struct option_parser *p, char *value)
{
	return replace(&p->o->work, value);
}

/* ---- ids ---- */

static errint_t set_idmap(struct option_parser *p, struct lamina_idmap *map, char *value)
{
	errint_t err = lamina_idmap_parse(value, map);

	if (err == -EINVAL)
		return bad_value(p, value, "DISK:SHOWN:COUNT, once or more, joined by colons");
	if (err == -E2BIG)
		return bad_value(p, value, "fewer ranges");
	return err;
}

static errint_t set_uids(struct option_parser *p, char *value)
{
	return set_idmap(p, &p->o->fs.uids, value);
}

static errint_t set_gids(struct option_parser *p, char *value)
{
	return set_idmap(p, &p->o->fs.gids, value);
}

static errint_t parse_number(struct option_parser *p, const char *value, unsigned long max,
			     unsigned long *ret)
{
	char *end, wanted[48];

	errno = 0;
	*ret = strtoul(value, &end, 10);
	if (errno || *end || *value < '0' || *value > '9' || *ret > max) {
		snprintf(wanted, sizeof(wanted), "a number from 0 to %lu", max);
		return bad_value(p, value, wanted);
	}
	return 0;
}

static errint_t squash(struct option_parser *p, struct lamina_idmap *map, const char *value)
{
	unsigned long id = 0;
	errint_t err = parse_number(p, value, UINT32_MAX - 1, &id);

	map->squash = err == 0;
	map->squash_to = (uint32_t)id;
	return err;
}

static errint_t set_squash_root(struct option_parser *p, char *value)
{
	(void)value;
	p->o->fs.uids.squash = p->o->fs.gids.squash = true;
	return 0;
}

static errint_t set_squash_uid(struct option_parser *p, char *value)
{
	return squash(p, &p->o->fs.uids, value);
}

static errint_t set_squash_gid(struct option_parser *p, char *value)
{
	return squash(p, &p->o->fs.gids, value);
}

static errint_t set_xattr_permissions(struct option_parser *p, char *value)
{
	unsigned long mode;
	errint_t err = parse_number(p, value, 2, &mode);

	p->o->xattr_permissions = (unsigned int)mode;
	return err;
}

/* ---- behaviour ---- */

static errint_t set_engine(struct option_parser *p, char *value)
{
	static const char *const names[] = {
		[LAMINA_CHOICE_AUTO] = "auto",
		[LAMINA_CHOICE_FUSE] = "fuse",
		[LAMINA_CHOICE_PASSTHROUGH] = "passthrough",
		[LAMINA_CHOICE_BPF] = "bpf",
	};
	struct lamina_nearest nearest;
	char hint[80], expected[128];

	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(value, names[i])) {
			p->o->choice = (enum lamina_engine_choice)i;
			return 0;
		}
	lamina_nearest_begin(&nearest, value);
	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		lamina_nearest_try(&nearest, names[i]);
	snprintf(expected, sizeof(expected), "auto, bpf, passthrough or fuse%s",
		 lamina_nearest_hint(&nearest, "", hint, sizeof(hint)));
	return bad_value(p, value, expected);
}

static errint_t set_timeout(struct option_parser *p, char *value)
{
	char *end;
	double seconds = strtod(value, &end);

	if (end == value || *end || !isfinite(seconds) || seconds < 0)
		return bad_value(p, value, "a number of seconds");
	p->o->fs.timeout = seconds < TIMEOUT_DEFAULT ? seconds : TIMEOUT_DEFAULT;
	return 0;
}

static errint_t set_upcall_wait(struct option_parser *p, char *value)
{
	unsigned long seconds = 0;
	errint_t err = 0;

	if (!strcmp(value, "forever"))
		seconds = UINT32_MAX;
	else
		err = parse_number(p, value, UINT32_MAX - 1, &seconds);
	p->o->upcall_wait = (uint32_t)seconds;
	return err;
}

static errint_t set_boolean(struct option_parser *p, const char *value, bool *ret)
{
	if (!strcmp(value, "1") || !strcmp(value, "on"))
		*ret = true;
	else if (!strcmp(value, "0") || !strcmp(value, "off"))
		*ret = false;
	else
		return bad_value(p, value, "0 or 1");
	return 0;
}

static errint_t set_sync(struct option_parser *p, char *value)
{
	bool sync = true;
	errint_t err = set_boolean(p, value, &sync);

	p->o->volatile_ = !sync;
	return err;
}

static errint_t set_volatile(struct option_parser *p, char *value)
{
	(void)value;
	p->o->volatile_ = true;
	return 0;
}

static errint_t set_writeback(struct option_parser *p, char *value)
{
	return set_boolean(p, value, &p->o->fs.writeback);
}

static errint_t set_no_xattrs(struct option_parser *p, char *value)
{
	bool none = true;
	errint_t err = value ? set_boolean(p, value, &none) : 0;

	p->o->fs.xattrs = !none;
	return err;
}

static errint_t set_no_acl(struct option_parser *p, char *value)
{
	(void)value;
	p->o->fs.acl = false;
	return 0;
}

static errint_t set_static_nlink(struct option_parser *p, char *value)
{
	p->o->fs.static_nlink = true;
	return value ? set_boolean(p, value, &p->o->fs.static_nlink) : 0;
}

static errint_t set_redirect(struct option_parser *p, char *value)
{
	/* Directories are renamed without redirects; those of layers are followed anyway. */
	return strcmp(value, "off") ? bad_value(p, value, "off: redirects are never written") : 0;
}

/* ---- policies ---- */

static errint_t set_policies(struct option_parser *p, char *value)
{
	(void)value;
	p->o->policies = true;
	return 0;
}

static errint_t add_policy(struct option_parser *p, char *value)
{
	struct lamina_mount_options *o = p->o;

	if (o->n_policy_files == LAMINA_POLICY_MAX_FILES)
		return bad_value(p, value, "fewer policies");
	o->policy_files[o->n_policy_files] = strdup(value);
	return o->policy_files[o->n_policy_files++] ? 0 : -ENOMEM;
}

/* ---- the mount ---- */

static errint_t set_fsname(struct option_parser *p, char *value)
{
	return replace(&p->o->fsname, value);
}

static errint_t set_context(struct option_parser *p, char *value)
{
	return replace(&p->o->context, value);
}

static errint_t set_read_only(struct option_parser *p, char *value)
{
	(void)value;
	p->o->read_only = strcmp(p->name, "ro") == 0;
	p->o->names_read_only = true;
	return 0;
}

static errint_t set_allow_other(struct option_parser *p, char *value)
{
	(void)value;
	p->o->allow_other = true;
	return 0;
}

static errint_t set_attr(struct option_parser *p, char *value)
{
	static const struct {
		const char *name;
		uint64_t clear, set;
	} attrs[] = {
		{"suid", MOUNT_ATTR_NOSUID, 0},
		{"nosuid", 0, MOUNT_ATTR_NOSUID},
		{"dev", MOUNT_ATTR_NODEV, 0},
		{"nodev", 0, MOUNT_ATTR_NODEV},
		{"exec", MOUNT_ATTR_NOEXEC, 0},
		{"noexec", 0, MOUNT_ATTR_NOEXEC},
		/* As mount(8) puts it, this is what the kernel does by itself. */
		{"atime", MOUNT_ATTR__ATIME, MOUNT_ATTR_RELATIME},
		{"noatime", MOUNT_ATTR__ATIME, MOUNT_ATTR_NOATIME},
		{"relatime", MOUNT_ATTR__ATIME, MOUNT_ATTR_RELATIME},
		{"strictatime", MOUNT_ATTR__ATIME, MOUNT_ATTR_STRICTATIME},
		{"nostrictatime", MOUNT_ATTR__ATIME, MOUNT_ATTR_RELATIME},
		{"diratime", MOUNT_ATTR_NODIRATIME, 0},
		{"nodiratime", 0, MOUNT_ATTR_NODIRATIME},
		{"symfollow", MOUNT_ATTR_NOSYMFOLLOW, 0},
		{"nosymfollow", 0, MOUNT_ATTR_NOSYMFOLLOW},
	};

	(void)value;
	for (size_t i = 0; i < sizeof(attrs) / sizeof(attrs[0]); i++)
		if (!strcmp(p->name, attrs[i].name)) {
			p->o->attrs = (p->o->attrs & ~attrs[i].clear) | attrs[i].set;
			p->o->named_attrs |= attrs[i].clear | attrs[i].set;
		}
	return 0;
}

static errint_t set_remount(struct option_parser *p, char *value)
{
	(void)value;
	p->o->remount = true;
	return 0;
}

static errint_t refuse_lazytime(struct option_parser *p, char *value)
{
	(void)value;
	return lamina_error_say(
		p->error, -EINVAL,
		"option %s: times are written by the upper's file system; mount that "
		"with lazytime",
		p->name);
}

static errint_t ignore(struct option_parser *p, char *value)
{
	(void)p;
	(void)value;
	return 0;
}

/* ---- the table ---- */

enum takes { NOTHING, MAYBE, VALUE };

struct option_spec {
	const char *name;
	enum takes takes;
	setter set;
	const char *usage; /* NULL: accepted for compatibility, not worth a line */
	const char *help;
};

static const struct option_spec specs[] = {
	{"lowerdir", VALUE, set_lowers, "lowerdir=DIR[:DIR...]",
	 "layers, top first; \\: is a colon"},
	{"upperdir", VALUE, set_upper, "upperdir=DIR",
	 "writable layer; without it the mount is read-only"},
	{"workdir", VALUE, set_work, "workdir=DIR", "work directory, on the upper's file system"},
	{"engine", VALUE, set_engine, "engine=auto|bpf|passthrough|fuse",
	 "who serves the mount (default: auto)"},
	{"uidmapping", VALUE, set_uids, "uidmapping=DISK:SHOWN:COUNT[:...]",
	 "how user ids are shown"},
	{"gidmapping", VALUE, set_gids, "gidmapping=DISK:SHOWN:COUNT[:...]",
	 "how group ids are shown"},
	{"squash_to_root", NOTHING, set_squash_root, "squash_to_root", "all files belong to root"},
	{"squash_to_uid", VALUE, set_squash_uid, "squash_to_uid=UID", "all files belong to UID"},
	{"squash_to_gid", VALUE, set_squash_gid, "squash_to_gid=GID",
	 "all files belong to group GID"},
	{"xattr_permissions", VALUE, set_xattr_permissions, "xattr_permissions=0|1|2",
	 "keep owner and mode in an attribute: 1 security., 2 user. (default: 0)"},
	{"volatile", NOTHING, set_volatile, "volatile", "never wait for the disk"},
	{"fsync", VALUE, set_sync, "fsync=0|1", "0 is the same as volatile (default: 1)"},
	{"sync", MAYBE, ignore, NULL, NULL},
	{"timeout", VALUE, set_timeout, "timeout=SECONDS",
	 "how long the kernel keeps names and attributes"},
	{"upcall_wait", VALUE, set_upcall_wait, "upcall_wait=SECONDS|forever",
	 "how long a change waits while the daemon is gone (engine bpf)"},
	{"writeback", VALUE, set_writeback, "writeback=0|1",
	 "let the kernel collect writes (engine fuse)"},
	{"noxattrs", MAYBE, set_no_xattrs, "noxattrs=1", "no extended attributes"},
	{"noacl", NOTHING, set_no_acl, "noacl", "no POSIX ACLs"},
	{"static_nlink", MAYBE, set_static_nlink, "static_nlink", "all directories have one link"},
	{"redirect_dir", VALUE, set_redirect, "redirect_dir=off", "the only value there is"},
	{"policy", VALUE, add_policy, "policy=FILE",
	 "a policy for all outside this mount namespace; may be repeated"},
	{"policies", NOTHING, set_policies, "policies", "a policy may be put in force at any time"},
	{"fsname", VALUE, set_fsname, "fsname=NAME", "source shown in the mount table"},
	{"context", VALUE, set_context, "context=LABEL", "SELinux label of all files"},
	{"ro", NOTHING, set_read_only, "ro, rw", "read-only or not"},
	{"rw", NOTHING, set_read_only, NULL, NULL},
	{"remount", NOTHING, set_remount, "remount",
	 "change ro, rw and the flags of the mount that is there"},
	{"allow_other", NOTHING, set_allow_other, "allow_other", "other users may use the mount"},
	{"allow_root", NOTHING, set_allow_other, NULL, NULL},
	{"suid", NOTHING, set_attr,
	 "[no]suid, [no]dev, [no]exec, [no|rel|strict]atime, [no]diratime, [no]symfollow",
	 "as for mount(8)"},
	{"nosuid", NOTHING, set_attr, NULL, NULL},
	{"dev", NOTHING, set_attr, NULL, NULL},
	{"nodev", NOTHING, set_attr, NULL, NULL},
	{"exec", NOTHING, set_attr, NULL, NULL},
	{"noexec", NOTHING, set_attr, NULL, NULL},
	{"atime", NOTHING, set_attr, NULL, NULL},
	{"noatime", NOTHING, set_attr, NULL, NULL},
	{"relatime", NOTHING, set_attr, NULL, NULL},
	{"strictatime", NOTHING, set_attr, NULL, NULL},
	{"nostrictatime", NOTHING, set_attr, NULL, NULL},
	{"lazytime", NOTHING, refuse_lazytime, NULL, NULL},
	{"nolazytime", NOTHING, ignore, NULL, NULL},
	{"diratime", NOTHING, set_attr, NULL, NULL},
	{"nodiratime", NOTHING, set_attr, NULL, NULL},
	{"symfollow", NOTHING, set_attr, NULL, NULL},
	{"nosymfollow", NOTHING, set_attr, NULL, NULL},
	/* fuse-overlayfs' and libfuse's, without a meaning here. */
	{"threaded", MAYBE, ignore, NULL, NULL},
	{"fast_ino", MAYBE, ignore, NULL, NULL},
	{"fast_ino_check", MAYBE, ignore, NULL, NULL},
	{"xino", MAYBE, ignore, NULL, NULL},
	{"ino32_t", MAYBE, ignore, NULL, NULL},
	{"default_permissions", NOTHING, ignore, NULL, NULL},
	{"private", NOTHING, ignore, NULL, NULL},
	{"subtype", VALUE, ignore, NULL, NULL},
	{"kernel_cache", NOTHING, ignore, NULL, NULL},
	{"max_write", VALUE, ignore, NULL, NULL},
	{"splice_read", NOTHING, ignore, NULL, NULL},
	{"splice_write", NOTHING, ignore, NULL, NULL},
	{"splice_move", NOTHING, ignore, NULL, NULL},
	{"no_splice_read", NOTHING, ignore, NULL, NULL},
	{"no_splice_write", NOTHING, ignore, NULL, NULL},
	{"no_splice_move", NOTHING, ignore, NULL, NULL},
	{"userxattr", NOTHING, ignore, NULL, NULL},
	/* What the kernel shows of a mount, and mount(8) repeats. */
	{"user_id", VALUE, ignore, NULL, NULL},
	{"group_id", VALUE, ignore, NULL, NULL},
	{"max_read", VALUE, ignore, NULL, NULL},
};

#define N_SPECS (sizeof(specs) / sizeof(specs[0]))

static const struct option_spec *find_spec(const char *name)
{
	for (size_t i = 0; i < N_SPECS; i++)
		if (!strcmp(specs[i].name, name))
			return &specs[i];
	return NULL;
}

static void warn_of_unknown(const char *name, const char *value)
{
	struct lamina_nearest nearest;
	char hint[80];

	lamina_nearest_begin(&nearest, name);
	for (size_t i = 0; i < N_SPECS; i++)
		if (specs[i].usage)
			lamina_nearest_try(&nearest, specs[i].name);
	fprintf(stderr, "lamina-mount: unknown option ignored: %s%s%s%s\n", name, value ? "=" : "",
		value ? value : "", lamina_nearest_hint(&nearest, "", hint, sizeof(hint)));
}

errint_t mount_option_apply(struct option_parser *p, char *value)
{
	const struct option_spec *spec = find_spec(p->name);

	if (!spec) {
		warn_of_unknown(p->name, value);
		return 0;
	}
	if (spec->takes == VALUE && !value)
		return lamina_error_say(p->error, -EINVAL, "option %s needs a value", p->name);
	if (spec->takes == NOTHING && value)
		return lamina_error_say(p->error, -EINVAL, "option %s takes no value, but got '%s'",
					p->name, value);
	/* A list of directories is unescaped after it was cut. */
	if (value && spec->set != set_lowers)
		lamina_optlist_unescape(value);
	return spec->set(p, value);
}

void mount_options_print(void)
{
	for (size_t i = 0; i < N_SPECS; i++)
		if (specs[i].usage)
			printf("  %-34s %s\n", specs[i].usage, specs[i].help);
}
