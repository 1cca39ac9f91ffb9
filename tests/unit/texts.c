// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Texts of others, as they are shown to people and written as JSON.
 */
#include <errno.h>

#include "base/error.h"
#include "base/text.h"
#include "tap.h"

static const char *escaped(const char *text, size_t size)
{
	static char result[256];

	memset(result, 'x', sizeof(result));
	lamina_text_escape(result, size, text);
	return result;
}

static void test_escape(void)
{
	static const char *const cases[][2] = {
		{"", ""},
		{"plain \\ text", "plain \\ text"},
		{"caf\xc3\xa9 \xe2\x82\xac", "caf\xc3\xa9 \xe2\x82\xac"},
		{"\033[2J\033]0;title\007", "\\033[2J\\033]0;title\\007"},
		{"two\nlines\r\t", "two\\012lines\\015\\011"},
		{"del\x7f", "del\\177"},
		{"csi \xc2\x9b", "csi \\302\\233"},
		{"no-break\xc2\xa0", "no-break\xc2\xa0"},
		{"raw \x9b \xff \xc2", "raw \\233 \\377 \\302"},
		{"cut \xe2\x82", "cut \\342\\202"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ok(!strcmp(escaped(cases[i][0], 256), cases[i][1]), "%s", cases[i][1]);
	same_text(escaped("abc\n", 4), "abc", "an escape that does not fit is left out");
	same_text(escaped("a\xc3\xa9", 3), "a", "so is a character");
	same_text(escaped("a\xc3\xa9", 4), "a\xc3\xa9", "one that fits is not");
	same_text(escaped("abc", 1), "", "nothing fits");
	same_text(escaped("a\xe2\x80\xae"
			  "b\xe2\x81\xa9\xd8\x9c",
			  100),
		  "a\\342\\200\\256b\\342\\201\\251\\330\\234",
		  "what turns the direction of writing is escaped");
	same_text(escaped("\xe2\x80\x93\xf0\x9f\x90\xa7", 100), "\xe2\x80\x93\xf0\x9f\x90\xa7",
		  "other characters are not");
}

static void test_error(void)
{
	struct lamina_error error = {""};
	char lines[3000];

	lamina_error_set(&error, -ENOENT, "cannot open '%s'", "a\033[31mb\n");
	same_text(error.text, "cannot open 'a\\033[31mb\\012': No such file or directory",
		  "an error escapes what it names");
	lamina_error_wrap(&error, -ENOENT, "container %s", "\x9b");
	same_text(error.text,
		  "container \\233: cannot open 'a\\033[31mb\\012': No such file or directory",
		  "once, when it is wrapped as well");
	memset(lines, '\n', sizeof(lines) - 1);
	lines[sizeof(lines) - 1] = '\0';
	lamina_error_say(&error, -EINVAL, "%s", lines);
	ok(!strchr(error.text, '\n') && strlen(error.text) > 1000, "and stays within its bounds");
}

static void test_json(void)
{
	struct lamina_text text = {0};

	lamina_text_json(&text, "a\"\\\n\x7f\xc2\x9b\xc3\xa9\x80");
	ok(text.bytes && !strcmp(text.bytes, "\"a\\\"\\\\\\u000a\\u007f\\u009b\xc3\xa9\\u0080\""),
	   "JSON has nothing that a terminal takes for a command");
	lamina_text_done(&text);
	lamina_text_json(&text, "\xe2\x80\xae\xe2\x80\x93");
	ok(text.bytes && !strcmp(text.bytes, "\"\\u202e\xe2\x80\x93\""),
	   "and nothing that turns the direction of writing");
	lamina_text_done(&text);
}

int main(void)
{
	test_escape();
	test_error();
	test_json();
	return tap_done();
}
