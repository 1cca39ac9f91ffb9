// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How paths are written, and what they match: one rule, one path.
 */
#include <stdlib.h>

#include "policy/compile.h"
#include "policy/glob.h"
#include "tap.h"

static void test_written(void)
{
	static const char *const cases[][2] = {
		{"/", NULL},
		{"/a/b", NULL},
		{"/**", NULL},
		{"/a/**/b", NULL},
		{"/[a-z]?*", NULL},
		{"/\\*", NULL},
		{"/...", NULL},
		{"/a.b/.c", NULL},
		{"/devices", NULL},
		{"", "does not begin with '/'"},
		{"a", "does not begin with '/'"},
		{"*", "does not begin with '/'"},
		{"//", "has an empty component ('//', or '/' at its end)"},
		{"/a/", "has an empty component ('//', or '/' at its end)"},
		{"/a//b", "has an empty component ('//', or '/' at its end)"},
		{"/a/./b", "has a component '.' or '..'"},
		{"/..", "has a component '.' or '..'"},
		{"/a\\", "has a '\\' with nothing behind it in the component"},
		{"/a\\/b", "has a '\\' with nothing behind it in the component"},
		{"/a**", "has '**' beside other characters: it must be a component of its own"},
		{"/***", "has '**' beside other characters: it must be a component of its own"},
		{"/[a", "has '[' without ']' in the same component"},
		{"/[", "has '[' without ']' in the same component"},
		{"/[]", "has '[' without ']' in the same component"},
		{"/[!]", "has '[' without ']' in the same component"},
		{"/[a/b]", "has '[' without ']' in the same component"},
		{"/[a-", "has '[' without ']' in the same component"},
		{"/[a\\]", "has '[' without ']' in the same component"},
		{"/[z-a]", "has a range in [...] that ends before it begins"},
		{"/[[:alpha:]]", "has a class like [:alpha:], which is not supported"},
		{"/[\xc3\xa9]", "has [...] with characters that are not ASCII"},
		{"/dev", "lies in /proc, /sys or /dev, which are not in the view"},
		{"/sys/**", "lies in /proc, /sys or /dev, which are not in the view"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		same_text(lamina_glob_check(cases[i][0]), cases[i][1], cases[i][0]);
}

static void test_lengths(void)
{
	char path[1024];

	memset(path, 'a', sizeof(path));
	path[0] = '/';
	path[256] = '\0';
	same_text(lamina_glob_check(path), NULL, "a name of 255 bytes");
	path[256] = '*';
	path[257] = '\0';
	same_text(lamina_glob_check(path), NULL, "and any more");
	path[256] = 'a';
	same_text(lamina_glob_check(path),
		  "has a component that is longer than any name (255 bytes)", "256 bytes");
	for (int i = 1; i < 511; i += 2)
		memcpy(path + i, "\\a", 2);
	path[511] = '\0';
	same_text(lamina_glob_check(path), NULL, "255 bytes, each with a backslash");
}

/* Whether a rule about @pattern alone decides about @path. */
static int matches(const char *pattern, const char *path)
{
	char text[1024], *at;
	struct lamina_error error = {""};
	struct lamina_compiled compiled;
	struct lamina_policy policy;
	int result = -1;

	at = stpcpy(text, "{\"rules\": [{\"action\": \"LOG\", \"paths\": [\"");
	for (; *pattern; pattern++) {
		if (*pattern == '\\')
			*at++ = '\\';
		*at++ = *pattern;
	}
	strcpy(at, "\"]}]}");
	lamina_policy_init(&policy);
	if (lamina_policy_read_text(&policy, "p", text, strlen(text), &error) == 0 &&
	    lamina_policy_compile(&policy, &compiled, &error) == 0) {
		result = lamina_verdict_action(lamina_compiled_decide(
				 &compiled, path, LAMINA_ACCESS_READ_FILE)) == LAMINA_ACTION_LOG;
		lamina_compiled_done(&compiled);
	}
	if (result < 0)
		printf("# %s\n", error.text);
	lamina_policy_done(&policy);
	return result;
}

static void test_matches(void)
{
	static const struct {
		const char *pattern, *path;
		int expected;
	} cases[] = {
		{"/", "/", 1},
		{"/", "/a", 0},
		{"/*", "/", 0},
		{"/**", "/", 0},
		{"/**", "/a", 1},
		{"/**", "/a/b/c", 1},
		{"/a", "/a", 1},
		{"/a", "/a/b", 0},
		{"/a", "/ab", 0},
		{"/a", "/A", 0},
		{"/a/*", "/a", 0},
		{"/a/*", "/a/b", 1},
		{"/a/*", "/a/.b", 1},
		{"/a/*", "/a/b/c", 0},
		{"/a/**", "/a", 0},
		{"/a/**", "/a/b", 1},
		{"/a/**", "/a/b/c", 1},
		{"/a/**/z", "/a/z", 1},
		{"/a/**/z", "/a/b/c/z", 1},
		{"/a/**/z", "/a/z/z", 1},
		{"/a/**/z", "/a/z/b", 0},
		{"/a/**/z", "/az", 0},
		{"/**/.env", "/.env", 1},
		{"/**/.env", "/x/.env", 1},
		{"/**/.env", "/x/y.env", 0},
		{"/**/a/**/b", "/x/a/y/b", 1},
		{"/**/a/**/b", "/b/a", 0},
		{"/**/**/b", "/b", 1},
		{"/**/*/b", "/b", 0},
		{"/**/*/b", "/x/b", 1},
		{"/*.c", "/x.c", 1},
		{"/*.c", "/.c", 1},
		{"/*.c", "/x.c.c", 1},
		{"/*.c", "/x.cc", 0},
		{"/a*b*c", "/abc", 1},
		{"/a*b*c", "/axxbxxc", 1},
		{"/a*b*c", "/acb", 0},
		{"/?", "/a", 1},
		{"/?", "/ab", 0},
		{"/?", "/\xc3\xa9", 0}, /* two bytes */
		{"/??", "/\xc3\xa9", 1},
		{"/[abc]", "/b", 1},
		{"/[abc]", "/d", 0},
		{"/[a-c]x", "/bx", 1},
		{"/[!a-c]", "/b", 0},
		{"/[^a-c]", "/d", 1},
		{"/[]a]", "/]", 1},
		{"/[!]a]", "/]", 0},
		{"/[a-]", "/-", 1},
		{"/[\\]]", "/]", 1},
		{"/[a\\-c]", "/b", 0},
		{"/[a\\-c]", "/-", 1},
		{"/[!a]", "/\xff", 1},
		{"/\\*", "/*", 1},
		{"/\\*", "/x", 0},
		{"/\\[a]", "/[a]", 1},
		{"/a\\b", "/ab", 1},
		{"/x\\**", "/x*y", 1},
		{"/x\\**", "/xy", 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ok(matches(cases[i].pattern, cases[i].path) == cases[i].expected, "%s %s %s",
		   cases[i].pattern, cases[i].expected ? "matches" : "does not match",
		   cases[i].path);
}

int main(void)
{
	test_written();
	test_lengths();
	test_matches();
	return tap_done();
}
