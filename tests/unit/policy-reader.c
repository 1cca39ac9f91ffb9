// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reading policies: what is understood, and where errors are said to be.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/limits.h"
#include "policy/policy.h"
#include "tap.h"

static struct lamina_error error;
static struct lamina_policy policy;

/* Read @text as the file "p"; the error's text, or "" without one. */
static const char *reading(const char *text)
{
	error.text[0] = '\0';
	lamina_policy_done(&policy);
	(void)lamina_policy_read_text(&policy, "p", text, strlen(text), &error);
	return error.text;
}

static void test_errors(void)
{
	static const char *const cases[][2] = {
		{"", "p:1:1: expected an object, not the end of the file"},
		{"[]", "p:1:1: expected an object, not an array"},
		{"{}\n {}", "p:2:2: expected the end of the file, not an object"},
		{"{\"maskedPath\": []}",
		 "p:1:2: unknown key 'maskedPath'; here can stand: version, maskedPaths, "
		 "readonlyPaths, defaultAction, rules, mode, comment, $schema"},
		{"{\n\t\"rules\": [\n\t\t{\"path\": []}]}",
		 "p:3:4: unknown key 'path'; here can stand: paths, access, action, errno, "
		 "comment"},
		{"{\"rules\": [],\n\"rules\": []}", "p:2:1: key 'rules' stands here a second time"},
		{"{\"rules\": {}}", "p:1:11: 'rules' must be an array, not an object"},
		{"{\"rules\": [\"/a\"]}", "p:1:12: expected an object, not a string"},
		{"{\"maskedPaths\": [1]}", "p:1:18: expected a string, not a number"},
		{"{\"maskedPaths\": [\"/a\",]}", "p:1:23: expected a string, not ']'"},
		{"{\"maskedPaths\": [\"/a\" \"/b\"]}", "p:1:23: expected ',' or ']', not a string"},
		{"{\"maskedPaths\" [\"/a\"]}", "p:1:16: expected ':', not an array"},
		{"{\"mode\": \"enforce\",}", "p:1:20: expected a key, not '}'"},
		{"{\"mode\": \"enforce\"", "p:1:19: expected ',' or '}', not the end of the file"},
		{"{\"mode\": \"x\"}", "p:1:10: 'mode' must be enforce or dry-run, not 'x'"},
		{"{\"mode\": true}", "p:1:10: 'mode' must be a string, not true"},
		{"{\"version\": \"2\"}",
		 "p:1:13: unknown version '2' of the language; known is '1'"},
		{"{\"version\": \"\"}", "p:1:13: unknown version '' of the language; known is '1'"},
		{"{\"version\": \"1.0\"}",
		 "p:1:13: unknown version '1.0' of the language; known is '1'"},
		{"{\"version\": 1}", "p:1:13: 'version' must be a string, not a number"},
		{"{\"version\": \"1\", \"version\": \"1\"}",
		 "p:1:18: key 'version' stands here a second time"},
		{"{\"defaultAction\": \"DENY\"}",
		 "p:1:19: 'defaultAction' must be ALLOW, ERRNO or LOG, not 'DENY'"},
		{"{\"maskedPaths\": [\"etc\"]}", "p:1:18: the path 'etc' does not begin with '/'"},
		{"{\"maskedPaths\": [\"/\"]}", "p:1:18: the root directory cannot be masked"},
		{"{\"maskedPaths\": [\"/proc/kcore\"]}",
		 "p:1:18: the path '/proc/kcore' lies in /proc, /sys or /dev, which are not in the "
		 "view"},
		{"{\"rules\": [{\"action\": \"ALLOW\"}]}", "p:1:12: this rule has no 'paths'"},
		{"{\"rules\": [{\"paths\": [\"/a\"]}]}", "p:1:12: this rule has no 'action'"},
		{"{\"rules\": [{\"paths\": [\"/a\"], \"action\": \"LOG\", \"errno\": \"EIO\"}]}",
		 "p:1:56: 'errno' has a meaning only with action ERRNO"},
		{"{\"rules\": [{\"paths\": [\"/a\"], \"action\": \"ERRNO\", \"errno\": \"EFOO\"}]}",
		 "p:1:58: no such errno for a refusal: 'EFOO'"},
		{"{\"rules\": [{\"paths\": [\"/\"], \"action\": \"ERRNO\", \"errno\": "
		 "\"ENOENT\"}]}",
		 "p:1:23: the root directory cannot be hidden"},
		{"{\"rules\": [{\"paths\": [\"/a\"], \"access\": [\"read\"]}]}",
		 "p:1:41: unknown access 'read'"},
		{"{\"rules\": [{\"paths\": [\"/a\"], \"access\": [\"see\"]}]}",
		 "p:1:41: unknown access 'see'"},
		{"{\"rules\": [{\"paths\": [\"/a\"], \"access\": [\"chmod\", \"chmod\"]}]}",
		 "p:1:50: access 'chmod' stands here a second time"},
		{"{\"rules\": [{\"paths\": [\"/a\"], \"access\": [], \"action\": \"LOG\"}]}",
		 "p:1:40: 'access' is empty; without it a rule is about all"},
		/* A column is a character, whatever its bytes; a tab is one, too. */
		{"{\"comment\": \"\xc3\xa9\xe2\x82\xac\",\t\"x\": 1}",
		 "p:1:19: unknown key 'x'; here can stand: version, maskedPaths, "
		 "readonlyPaths, defaultAction, rules, mode, comment, $schema"},
		{"{\"comment\": \"a\nb\"}",
		 "p:1:15: a control character in a string must be escaped"},
		{"{\"comment\": \"\xff\"}", "p:1:14: a string must be valid UTF-8"},
		{"{\"comment\": \"\xc0\x80\"}", "p:1:14: a string must be valid UTF-8"},
		{"{\"comment\": \"\xed\xa0\x80\"}", "p:1:14: a string must be valid UTF-8"},
		{"{\"comment\": \"\\ud800\"}", "p:1:20: half of a surrogate pair"},
		{"{\"comment\": \"\\u0000\"}",
		 "p:1:20: a string cannot hold the character \\u0000"},
		{"{\"comment\": \"\\x\"}", "p:1:15: unknown escape in a string"},
		{"{\"comment\": \"\\u12g4\"}", "p:1:18: \\u needs four hexadecimal digits"},
		{"{\"comment\": \"abc", "p:1:17: the file ends within a string"},
		{"{\"comment\": \"\xc3", "p:1:14: a string must be valid UTF-8"},
		{"{\"comment\": 01}", "p:1:13: 'comment' must be a string, not a number"},
		{"{\"comment\": -}", "p:1:14: this is not a number"},
		{"{\"comment\": 1.}", "p:1:15: this is not a number"},
		{"{\"comment\": nul}",
		 "p:1:13: this is not JSON: a key, a value or a bracket should stand here"},
		{"{comment: 1}",
		 "p:1:2: this is not JSON: a key, a value or a bracket should stand here"},
		{"// a\n{}",
		 "p:1:1: this is not JSON: a key, a value or a bracket should stand here"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		same_text(reading(cases[i][0]), cases[i][1], "an error with its place");
		if (policy.n_files || policy.n_rules || policy.n_patterns)
			ok(false, "nothing is left of a file with an error");
	}
}

static void test_understood(void)
{
	static const char text[] =
		"{\"rules\": [{\"action\": \"ERRNO\", \"errno\": \"EPERM\",\n"
		"  \"paths\": [\"/a\", \"/b/**\"], \"access\": [\"read_file\", \"xattr\"],\n"
		"  \"comment\": \"\\u00e9\\ud83d\\ude00\\n\"},\n"
		"  {\"action\": \"ERRNO\", \"errno\": \"ENOENT\", \"paths\": [\"/c\"]},\n"
		"  {\"action\": \"LOG\", \"paths\": [\"/d\"]}],\n"
		"\"readonlyPaths\": [\"/usr\"], \"maskedPaths\": [\"/m\"],\n"
		"\"defaultAction\": \"ERRNO\", \"mode\": \"dry-run\", \"$schema\": \"x\", "
		"\"version\": \"1\"}";

	same_text(reading(text), "", "a policy with everything in it");
	same_number((long long)policy.n_rules, 6, "its rules, the default among them");
	if (policy.n_rules != 6)
		return;
	ok(policy.rules[0].kind == LAMINA_RULE_MASKED && policy.rules[0].line == 6 &&
		   policy.rules[0].column == 44,
	   "masked paths come first, with their place");
	ok(policy.rules[1].kind == LAMINA_RULE_READONLY, "then read-only ones");
	ok(policy.rules[2].line == 1 && policy.rules[2].column == 12 && policy.rules[2].n == 2,
	   "then rules in their order");
	ok(policy.rules[2].comment &&
		   !strcmp(policy.rules[2].comment, "\xc3\xa9\xf0\x9f\x98\x80\n"),
	   "escapes in a comment");
	same_number(policy.rules[2].bits, 1 << LAMINA_ACCESS_READ_FILE | 1 << LAMINA_ACCESS_XATTR,
		    "accesses");
	same_number(lamina_verdict_action(policy.rules[3].verdict), LAMINA_ACTION_HIDE,
		    "ENOENT for all accesses hides");
	ok(policy.rules[5].kind == LAMINA_RULE_DEFAULT && policy.rules[5].line == 7,
	   "the default is last");
	ok(policy.files[0].dry, "and all of it is a dry run");
	same_text(reading("{}"), "", "an empty policy");
	same_number((long long)policy.n_rules, 1, "has a default");
	same_text(reading("{\"rules\":[],\"maskedPaths\":[],\"readonlyPaths\":[]}"), "",
		  "empty lists");
}

/* @n times @piece, separated by commas, between @head and @tail. */
static char *repeat(const char *head, const char *piece, size_t n, const char *tail)
{
	size_t room = strlen(head) + n * (strlen(piece) + 1) + strlen(tail) + 1;
	char *text = malloc(room), *at = text;

	at = stpcpy(at, head);
	for (size_t i = 0; i < n; i++) {
		at = stpcpy(at, i ? "," : "");
		at = stpcpy(at, piece);
	}
	stpcpy(at, tail);
	return text;
}

static void test_limit(const char *head, const char *piece, size_t n, const char *tail,
		       const char *expected, const char *what)
{
	char *text = repeat(head, piece, n, tail);

	same_text(reading(text), "", what);
	free(text);
	text = repeat(head, piece, n + 1, tail);
	ok(strstr(reading(text), expected) != NULL, "%s: one more is an error", what);
	free(text);
}

static void test_limits(void)
{
	struct lamina_error ignored = {""};
	char *huge, deep[400] = "", *at = deep;
	errint_t err = 0;

	test_limit("{\"maskedPaths\":[", "\"/a\"", LAMINA_POLICY_MAX_RULES - 1, "]}",
		   ": more than 20000 rules", "20000 rules with the default");
	test_limit("{\"rules\":[{\"action\":\"LOG\",\"paths\":[", "\"/a\"",
		   LAMINA_POLICY_MAX_PATTERNS, "]}]}", ": more than 65536 paths", "65536 paths");

	at = stpcpy(at, "{\"maskedPaths\": [\"");
	for (int i = 0; i < 64; i++)
		at = stpcpy(at, "/a");
	strcpy(at, "\"]}");
	same_text(reading(deep), "", "a path of 64 components");
	strcpy(at, "/a\"]}");
	ok(strstr(reading(deep), "has more than 64 components"), "of 65");

	huge = malloc(LAMINA_POLICY_MAX_FILE + 2);
	memset(huge, ' ', LAMINA_POLICY_MAX_FILE + 1);
	memcpy(huge, "{}", 2);
	ok(lamina_policy_read_text(&policy, "p", huge, LAMINA_POLICY_MAX_FILE, &ignored) == 0,
	   "a file of 8 MiB");
	ok(lamina_policy_read_text(&policy, "p", huge, LAMINA_POLICY_MAX_FILE + 1, &error) ==
		   -EFBIG,
	   "of one byte more");
	memset(huge, 'x', 5000);
	memcpy(huge, "{\"comment\": \"", 13);
	strcpy(huge + 13 + 4096, "\"}");
	memset(huge + 13, 'x', 4096);
	same_text(reading(huge), "", "a string of 4096 bytes");
	strcpy(huge + 13 + 4096, "x\"}");
	same_text(reading(huge), "p:1:4110: this string is longer than 4096 bytes", "of 4097");
	free(huge);

	lamina_policy_done(&policy);
	for (int i = 0; i < LAMINA_POLICY_MAX_FILES && err == 0; i++)
		err = lamina_policy_read_text(&policy, "p", "{}", 2, &error);
	ok(err == 0, "16 files");
	ok(lamina_policy_read_text(&policy, "p", "{}", 2, &error) == -E2BIG, "17 files");
}

int main(void)
{
	lamina_policy_init(&policy);
	test_errors();
	test_understood();
	test_limits();
	lamina_policy_done(&policy);
	return tap_done();
}
