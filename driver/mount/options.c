// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The words of the command line; what -o can have is in optable.c.
 */
#include "mount/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/nearest.h"
#include "mount/optable.h"
#include "mount/optlist.h"

/* Long enough for a server to be started again, or to be upgraded. */
#define UPCALL_WAIT_DEFAULT 60

static errint_t parse_list(struct option_parser *p, const char *text)
{
	_cleanup_free_ char *list = strdup(text);
	char *at = list, *name, *value;
	errint_t more;

	if (!list)
		return -ENOMEM;
	while ((more = lamina_optlist_next(&at, &name, &value)) > 0) {
		errint_t err;

		p->name = name;
		err = mount_option_apply(p, value);
		if (err < 0)
			return err;
	}
	if (more < 0)
		lamina_error_set(p->error, 0, "options '%s': a quote without an end", text);
	return more;
}

static void set_defaults(struct lamina_mount_options *o)
{
	bool root = geteuid() == 0;

	*o = (struct lamina_mount_options){
		.fs = {.timeout = TIMEOUT_DEFAULT, .acl = true, .xattrs = true},
		.attrs = MOUNT_ATTR_NODEV | MOUNT_ATTR_NOATIME | (root ? 0 : MOUNT_ATTR_NOSUID),
		.allow_other = root,
		.upcall_wait = UPCALL_WAIT_DEFAULT,
		.dot_whiteouts = getenv("FUSE_OVERLAYFS_DISABLE_OVL_WHITEOUT") != NULL,
	};
}

/* What getopt_long() did not like. */
static errint_t bad_word(struct option_parser *p, const struct option *known, int found,
			 const char *word)
{
	struct lamina_nearest nearest;
	char hint[80], letter[3] = {'-', (char)optopt, '\0'};

	if (found == ':')
		return lamina_error_say(p->error, -EINVAL, "option %s needs a value", word);
	if (optopt && strncmp(word, "--", 2) != 0)
		return lamina_error_say(p->error, -EINVAL, "unknown option '%s': see --help",
					letter);
	if (optopt)
		return lamina_error_say(p->error, -EINVAL, "option '%.80s' takes no value", word);
	lamina_nearest_begin(&nearest, word + strspn(word, "-"));
	for (; known->name; known++)
		lamina_nearest_try(&nearest, known->name);
	return lamina_error_say(
		p->error, -EINVAL, "unknown option '%.80s'%s See --help", word,
		nearest.best ? lamina_nearest_hint(&nearest, "--", hint, sizeof(hint)) : ":");
}

/* mount(8) finds a program by the type, as mount.TYPE, and has letters of its own for it. */
static bool is_mount_helper(const char *program)
{
	return strncmp(basename(program), "mount.", 6) == 0;
}

static errint_t parse_words(struct option_parser *p, int argc, char **argv)
{
	static const struct option words[] = {
		{"debug", no_argument, NULL, 'd'},
		{"help", no_argument, NULL, 'h'},
		{"takeover", no_argument, NULL, 'T'},
		{"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0},
	};
	struct lamina_mount_options *o = p->o;
	bool helper = is_mount_helper(argv[0]);
	const char *letters = helper ? ":o:fsnvt:" : ":o:fdshV";
	int word;

	optind = 1;
	opterr = 0;
	while ((word = getopt_long(argc, argv, letters, words, NULL)) != -1) {
		errint_t err = 0;

		switch (word) {
		case 'o':
			err = parse_list(p, optarg);
			break;
		case 'd':
			o->debug = o->foreground = true;
			break;
		case 'f':
			if (helper)
				o->pretend = true;
			else
				o->foreground = true;
			break;
		case 'T':
			o->take_over = true;
			break;
		case 's': /* libfuse's "one thread"; mount(8)'s "unknown options do no harm" */
		case 'n':
		case 'v':
		case 't':
			break;
		case 'h':
			o->help = true;
			break;
		case 'V':
			o->version = true;
			break;
		default:
			err = bad_word(p, words, word, argv[optind - 1]);
			break;
		}
		if (err < 0)
			return err;
	}
	return 0;
}

/* MOUNTPOINT, or SOURCE MOUNTPOINT as mount(8) and mount.fuse3 put it. */
static errint_t parse_positionals(struct option_parser *p, int n, char **words)
{
	if (p->o->help || p->o->version)
		return 0;
	if (n < 1 || n > 2)
		return lamina_error_say(p->error, -EINVAL,
					n < 1 ? "no mountpoint given: see --help"
					      : "too many arguments: see --help");
	p->o->mountpoint = strdup(words[n - 1]);
	return p->o->mountpoint ? 0 : -ENOMEM;
}

errint_t lamina_mount_options_parse(struct lamina_mount_options *ret, int argc, char **argv,
				    struct lamina_error *error)
{
	struct lamina_mount_options o;
	struct option_parser p = {.o = &o, .error = error};
	errint_t err;

	set_defaults(&o);
	err = parse_words(&p, argc, argv);
	if (err == 0)
		err = parse_positionals(&p, argc - optind, argv + optind);
	if (err < 0) {
		if (!error->text[0])
			lamina_error_set(error, err, "cannot read the options");
		lamina_mount_options_done(&o);
		return err;
	}
	o.fs.sync = !o.volatile_;
	*ret = o;
	return 0;
}

void lamina_mount_options_done(struct lamina_mount_options *o)
{
	mount_option_clear_lowers(o);
	for (size_t i = 0; i < o->n_policy_files; i++)
		free(o->policy_files[i]);
	free(o->mountpoint);
	free(o->upper);
	free(o->work);
	free(o->fsname);
	free(o->context);
	lamina_idmap_done(&o->fs.uids);
	lamina_idmap_done(&o->fs.gids);
}

void lamina_mount_options_help(const char *program)
{
	printf("usage: %s [-f] [-d] -o OPTION[,OPTION...] [SOURCE] MOUNTPOINT\n"
	       "Mount the union of an image's layers, as a container's root file system.\n\n"
	       "  -o LIST        mount options, see below; may be given more than once\n"
	       "  -f             stay in the foreground\n"
	       "  -d, --debug    print every request; implies -f\n"
	       "  --takeover     serve the view that is mounted on MOUNTPOINT\n"
	       "  -h, --help     print this\n"
	       "  -V, --version  print the version\n\n"
	       "mount options:\n",
	       program);
	mount_options_print();
	printf("\nexample:\n  %s -o lowerdir=/l2:/l1,upperdir=/u,workdir=/w /mnt\n", program);
}
