// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The compiler: how files are put together, what is hidden, how large it gets, what is too large.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/limits.h"
#include "policy/compile.h"
#include "tap.h"

static struct lamina_error error;
static struct lamina_compiled compiled;

/* Compile @n files. What was compiled before is dropped. */
static errint_t compile(const char *const *files, size_t n)
{
	struct lamina_policy policy;
	errint_t err = 0;

	lamina_compiled_done(&compiled);
	lamina_policy_init(&policy);
	error.text[0] = '\0';
	for (size_t i = 0; err == 0 && i < n; i++)
		err = lamina_policy_read_text(&policy, "p", files[i], strlen(files[i]), &error);
	if (err == 0)
		err = lamina_policy_compile(&policy, &compiled, &error);
	lamina_policy_done(&policy);
	if (err < 0)
		printf("# %s\n", error.text);
	return err;
}

static errint_t compile_one(const char *text)
{
	return compile(&text, 1);
}

static void says(const char *path, unsigned int access, unsigned int action, unsigned int number)
{
	unsigned int verdict = lamina_compiled_decide(&compiled, path, access);

	ok(lamina_verdict_action(verdict) == action && lamina_verdict_errno(verdict) == number,
	   "%s of %s: %s, not %s", lamina_access_name(access), path, lamina_action_name(action),
	   lamina_action_name(lamina_verdict_action(verdict)));
}

#define READ  LAMINA_ACCESS_READ_FILE
#define WRITE LAMINA_ACCESS_WRITE_FILE
#define SEE   LAMINA_ACCESS_SEE

static void test_order(void)
{
	ok(compile_one(
		   "{\"rules\": ["
		   "{\"paths\": [\"/a/x\"], \"action\": \"ALLOW\", \"access\": [\"read_file\"]},"
		   "{\"paths\": [\"/a/*\"], \"action\": \"ERRNO\"}],"
		   "\"readonlyPaths\": [\"/a/x\"], \"maskedPaths\": [\"/a/m\"]}") == 0,
	   "a policy");
	says("/a/x", READ, LAMINA_ACTION_ALLOW, 0);
	says("/a/x", WRITE, LAMINA_ACTION_ERRNO, EROFS);
	says("/a/x", LAMINA_ACCESS_EXECUTE, LAMINA_ACTION_ERRNO, EACCES);
	says("/a/x", SEE, LAMINA_ACTION_ALLOW, 0);
	says("/a/m", READ, LAMINA_ACTION_HIDE, ENOENT);
	says("/a/m/below", SEE, LAMINA_ACTION_HIDE, ENOENT);
	says("/a", READ, LAMINA_ACTION_ALLOW, 0);
	says("/", SEE, LAMINA_ACTION_ALLOW, 0);
}

static void test_hidden(void)
{
	ok(compile_one("{\"rules\": ["
		       "{\"paths\": [\"/s/open\"], \"action\": \"ALLOW\"},"
		       "{\"paths\": [\"/s/*\"], \"action\": \"ERRNO\", \"errno\": \"ENOENT\"},"
		       "{\"paths\": [\"/s/x/y\"], \"action\": \"ALLOW\"},"
		       "{\"paths\": [\"/t\"], \"action\": \"ERRNO\", \"errno\": \"ENOENT\","
		       " \"access\": [\"read_file\"]}]}") == 0,
	   "a policy that hides");
	says("/s/open", SEE, LAMINA_ACTION_ALLOW, 0);
	says("/s/open/file", SEE, LAMINA_ACTION_ALLOW, 0);
	says("/s/x", SEE, LAMINA_ACTION_HIDE, ENOENT);
	says("/s/x/y", SEE, LAMINA_ACTION_HIDE, ENOENT);
	says("/s/x/y", READ, LAMINA_ACTION_HIDE, ENOENT);
	says("/t", SEE, LAMINA_ACTION_ALLOW, 0);
	says("/t", READ, LAMINA_ACTION_ERRNO, ENOENT);
}

static void test_composition(void)
{
	static const char *const files[] = {
		"{\"defaultAction\": \"ERRNO\", \"rules\": ["
		"{\"paths\": [\"/a\", \"/b\", \"/c\"], \"action\": \"ALLOW\"}]}",
		"{\"rules\": [{\"paths\": [\"/b\"], \"action\": \"LOG\"},"
		"{\"paths\": [\"/c\"], \"action\": \"ERRNO\", \"errno\": \"EIO\"}]}",
		"{\"mode\": \"dry-run\", \"maskedPaths\": [\"/a\"], \"defaultAction\": \"ERRNO\"}",
	};

	ok(compile(files, 2) == 0, "two files");
	says("/a", READ, LAMINA_ACTION_ALLOW, 0);
	says("/b", READ, LAMINA_ACTION_LOG, 0);
	says("/c", READ, LAMINA_ACTION_ERRNO, EIO);
	says("/d", READ, LAMINA_ACTION_ERRNO, EACCES);
	says("/d", SEE, LAMINA_ACTION_ALLOW, 0);
	ok(compile(files, 3) == 0, "and a third as a dry run");
	says("/a", SEE, LAMINA_ACTION_DRY, ENOENT);
	says("/a/b", SEE, LAMINA_ACTION_DRY, ENOENT);
	says("/b", READ, LAMINA_ACTION_DRY, EACCES);
	says("/c", READ, LAMINA_ACTION_ERRNO, EIO);
	ok(!lamina_verdict_refuses(lamina_compiled_decide(&compiled, "/a", SEE)),
	   "a dry run hides nothing");
}

static unsigned int states(void)
{
	return compiled.words[LAMINA_POLICY_AT_N_STATES];
}

static void test_minimal(void)
{
	ok(compile_one("{}") == 0, "the empty policy");
	same_number(states(), 1, "has one state");
	compile_one(
		"{\"rules\": [{\"action\": \"LOG\", \"paths\": [\"/a/x\", \"/b/x\", \"/c/x\"]}]}");
	same_number(states(), 4, "three ways to the same: root, way, end, rest");
	compile_one("{\"maskedPaths\": [\"/a\", \"/a/b/c\", \"/a/*/d\"]}");
	same_number(states(), 3, "what lies below a hidden name does not count: root, end, rest");
	compile_one("{\"rules\": [{\"action\": \"LOG\", \"paths\": [\"/**\", \"/a/**/b\", "
		    "\"/*/?*\"]}]}");
	same_number(states(), 2, "what others match already does not count: root, rest");
	compile_one("{\"rules\": [{\"action\": \"LOG\", \"paths\": [\"/*a*\", \"/*b*\", \"/*c*\", "
		    "\"/*d*\", \"/*e*\", \"/*f*\", \"/*g*\", \"/*h*\", \"/*i*\", \"/*j*\", "
		    "\"/*k*\", \"/*l*\", \"/*m*\", \"/*n*\", \"/*o*\", \"/*p*\", \"/*q*\"]}]}");
	same_number(states(), 3, "seventeen words of one rule: root, end, rest");
	ok(compiled.n < 1024, "and a small automaton for them");
}

/* 10,000 rules whose paths are @format with the rule's number twice. */
static char *many_rules(const char *before, const char *between)
{
	char *text = malloc(2u << 20), *at = text;

	at += sprintf(at, "{\"rules\": [\n");
	for (int i = 0; i < 10000; i++)
		at += sprintf(at,
			      "%s{\"paths\": [\"%s%d%s%d\"], \"action\": \"ERRNO\", "
			      "\"access\": [\"read_file\"]}",
			      i ? ",\n" : "", before, i, between, i);
	sprintf(at, "]}");
	return text;
}

static void test_many(void)
{
	static const char *const shapes[][2] = {
		{"/srv/", "/file"},   {"/**/dir", "/file"}, {"/srv/", "/**/file"},
		{"/etc/*.", ".conf"}, {"/etc/", "*."},	    {"/**/*.", "x"},
	};

	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		char *text = many_rules(shapes[i][0], shapes[i][1]), path[128];
		errint_t err = compile_one(text);

		printf("# %u states before, %u after, %u bytes\n", compiled.states_before,
		       err == 0 ? states() : 0, compiled.n * 4);
		ok(err == 0, "10,000 rules %sN%sN", shapes[i][0], shapes[i][1]);
		/* The work is for each state. */
		ok(compiled.states_before < 10 * 10000, "with a few states for each rule");
		snprintf(path, sizeof(path), "%s7777%s7777", shapes[i][0], shapes[i][1]);
		for (char *star = path; (star = strchr(star, '*'));)
			*star = 'x';
		says(path, READ, LAMINA_ACTION_ERRNO, EACCES);
		same_number(lamina_verdict_rule(lamina_compiled_decide(&compiled, path, READ)),
			    7777, "by its rule");
		free(text);
	}
}

static void test_too_large(void)
{
	char *text = many_rules("/etc/*a", "*b"), small[8192], *at = small;

	ok(compile_one(text) == -E2BIG, "patterns that multiply");
	ok(strstr(error.text, "makes more states than a policy may have") &&
		   !strncmp(error.text, "p:", 2) && strstr(error.text, "the path '/etc/*a"),
	   "the error names a path and its place");
	free(text);

	/* Whether 'a' stood 20 components ago takes a state for each history. */
	at = stpcpy(at, "{\"rules\": [\n{\"paths\": [\"/usr/lib\"], \"action\": \"LOG\"},\n"
			"{\"paths\": [\"/**/a");
	for (int i = 0; i < 20; i++)
		at = stpcpy(at, "/*");
	stpcpy(at, "\"], \"action\": \"LOG\"},\n{\"paths\": [\"/tmp\"], \"action\": \"LOG\"}]}");
	ok(compile_one(small) == -E2BIG, "a path that multiplies by itself");
	ok(!strncmp(error.text, "p:3:12: the path '/**/a/*", 25), "the error names its place");

	at = stpcpy(small, "{\"maskedPaths\": [\"/*a");
	for (int i = 0; i < 20; i++)
		at = stpcpy(at, "?");
	strcpy(at, "\"]}");
	ok(compile_one(small) == -E2BIG, "a name that multiplies by itself");
	ok(!strncmp(error.text, "p:1:18: the path '/*a??", 23), "the error names its place");
}

/* The same policy always makes the same table. */
static void test_repeatable(void)
{
	static const char text[] = "{\"rules\": [{\"paths\": [\"/**/a*\", \"/b/?c\", \"/b/x\"], "
				   "\"action\": \"ERRNO\"}], \"maskedPaths\": [\"/q\", \"/r/*\"]}";
	struct lamina_compiled first;

	ok(compile_one(text) == 0, "compiled once");
	first = compiled;
	compiled = (struct lamina_compiled){0};
	ok(compile_one(text) == 0, "and again");
	ok(first.n == compiled.n && !memcmp(first.words, compiled.words, (size_t)first.n * 4),
	   "the same bytes");
	lamina_compiled_done(&first);
	ok(compile(NULL, 0) == -EINVAL, "no file is no policy");
}

int main(void)
{
	test_order();
	test_hidden();
	test_composition();
	test_minimal();
	test_many();
	test_too_large();
	test_repeatable();
	lamina_compiled_done(&compiled);
	return tap_done();
}
