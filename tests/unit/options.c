// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Option lists, id mappings, overrides: what is parsed from strings.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "mount/optlist.h"
#include "tap.h"
#include "union/idmap.h"
#include "union/override.h"

/* The options of @list as "name=value|name|...", or "error". */
static const char *split(const char *list)
{
	static char result[1024];
	char copy[1024], *at = copy, *name, *value;
	errint_t more;

	snprintf(copy, sizeof(copy), "%s", list);
	result[0] = '\0';
	while ((more = lamina_optlist_next(&at, &name, &value)) > 0) {
		size_t used = strlen(result);

		snprintf(result + used, sizeof(result) - used, "%s%s%s%s", used ? "|" : "", name,
			 value ? "=" : "", value ? value : "");
	}
	return more < 0 ? "error" : result;
}

static void test_optlist(void)
{
	static const char *const cases[][2] = {
		{"a,b=c", "a|b=c"},	    {"", ""},
		{",,a,,b,,", "a|b"},	    {"a=,b", "a=|b"},
		{"a=x=y", "a=x=y"},	    {"context=\"s0:c1,c2\",b", "context=s0:c1,c2|b"},
		{"a=\"\",b", "a=|b"},	    {"a=x\\,y,b", "a=x\\,y|b"},
		{"a=x\\\\,b", "a=x\\\\|b"}, {"a=\\\"x,b", "a=\\\"x|b"},
		{"a=\"x", "error"},	    {"a=x\\", "a=x\\"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		same_text(split(cases[i][0]), cases[i][1], cases[i][0]);
}

static void test_cut(void)
{
	char list[] = "/a:/b\\:c:/d\\\\:e", *at = list;
	char *first = lamina_optlist_cut(&at, ':'), *second = lamina_optlist_cut(&at, ':');
	char *third = lamina_optlist_cut(&at, ':'), *fourth = lamina_optlist_cut(&at, ':');

	lamina_optlist_unescape(second);
	lamina_optlist_unescape(third);
	same_text(first, "/a", "first layer");
	same_text(second, "/b:c", "a layer with a colon");
	same_text(third, "/d\\", "a layer with a backslash");
	same_text(fourth, "e", "last layer");
	same_text(lamina_optlist_cut(&at, ':'), NULL, "no more layers");
}

static void test_idmap(void)
{
	struct lamina_idmap map = {0};

	ok(lamina_idmap_parse(":0:100000:65536:70000:5:1", &map) == 0, "two ranges, leading colon");
	same_number(lamina_idmap_show(&map, 0), 100000, "root is shown as the first");
	same_number(lamina_idmap_show(&map, 65535), 165535, "the last of the range");
	same_number(lamina_idmap_show(&map, 65536), 65534, "beyond it: nobody");
	same_number(lamina_idmap_show(&map, 70000), 5, "the second range");
	same_number(lamina_idmap_store(&map, 100000), 0, "and back");
	same_number(lamina_idmap_store(&map, 5), 70000, "by the second range");
	same_number(lamina_idmap_store(&map, 0), UINT32_MAX, "an id without a mapping is none");
	lamina_idmap_done(&map);
	same_number(lamina_idmap_show(&map, 1234), 1234, "no ranges: as they are");

	static const char *const bad[] = {"",	   ":",	     "0",      "0:1",		"0:1:0",
					  "a:b:c", "0:1:2:", "-1:0:1", "0:0:4294967296"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		/* A trailing colon ends a list that is complete. */
		errint_t expected = !strcmp(bad[i], "0:1:2:") ? 0 : -EINVAL;

		ok(lamina_idmap_parse(bad[i], &map) == expected, "mapping '%s'", bad[i]);
	}
	lamina_idmap_done(&map);
}

static void test_override(void)
{
	struct statx st = {.stx_mode = S_IFREG | 0600};
	char value[LAMINA_OVERRIDE_SIZE];

	ok(lamina_override_parse("1:2:4755", &st) == 0, "three fields");
	same_number(st.stx_mode, S_IFREG | 04755, "mode");
	same_number(st.stx_uid, 1, "owner");
	same_number(st.stx_gid, 2, "group");
	ok(lamina_override_parse("0:0:660:block-8-16", &st) == 0, "a block device");
	same_number(st.stx_mode, S_IFBLK | 0660, "its mode");
	same_number(st.stx_rdev_major * 1000 + st.stx_rdev_minor, 8016, "its number");
	lamina_override_format(&st, value);
	same_text(value, "0:0:660:block-8-16", "written as it was read");
	ok(lamina_override_parse("0:0:644:pipe", &st) == 0 && S_ISFIFO(st.stx_mode), "a pipe");

	static const char *const bad[] = {"",	       "1",
					  "1:2",       "1:2:x",
					  "1:2:644:",  "1:2:644:cat",
					  "1:2:644x",  "1:2:644:char-1",
					  "1:2:8:dir", "1:2:644:char-1-2x"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(lamina_override_parse(bad[i], &st) == -EINVAL, "override '%s'", bad[i]);
}

int main(void)
{
	test_optlist();
	test_cut();
	test_idmap();
	test_override();
	return tap_done();
}
