// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Words that are meant by unknown ones.
 */
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"
#include "tap.h"

static const char *nearest(const char *word)
{
	static const char *const known[] = {
		"check",  "compile", "explain", "show", "apply",
		"remove", "learn",   "fuse",	"bpf",	"passthrough",
	};
	struct lamina_nearest n;

	lamina_nearest_begin(&n, word);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		lamina_nearest_try(&n, known[i]);
	return n.best;
}

static void test_words(void)
{
	same_text(nearest("explian"), "explain", "neighbours exchanged");
	same_text(nearest("aply"), "apply", "a letter left out");
	same_text(nearest("showw"), "show", "a letter too many");
	same_text(nearest("learm"), "learn", "another letter");
	same_text(nearest("comp"), "compile", "a beginning");
	same_text(nearest("pasthrouhg"), "passthrough", "two slips in a long word");
	same_text(nearest("fsue"), "fuse", "a short word");
	same_text(nearest("show"), "show", "the word itself");
	same_text(nearest("mount"), NULL, "none is near");
	same_text(nearest("x"), NULL, "one letter is nothing");
	same_text(nearest(""), NULL, "no letter is nothing");
	same_text(nearest("--"), NULL, "nor are dashes");
}

static void test_lengths(void)
{
	struct lamina_nearest n;
	char word[200], hint[24];

	memset(word, 'a', sizeof(word));
	for (size_t length = 0; length < sizeof(word); length++) {
		word[length] = '\0';
		lamina_nearest_begin(&n, word);
		lamina_nearest_try(&n, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
		lamina_nearest_try(&n, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
		word[length] = 'a';
	}
	ok(n.best == NULL, "what is longer than any word has no nearest");
	lamina_nearest_begin(&n, "chekc");
	lamina_nearest_try(&n, "check");
	same_text(lamina_nearest_hint(&n, "--", hint, sizeof(hint)), "; did you mean '--check",
		  "a hint is cut to its room");
	lamina_nearest_begin(&n, "zzz");
	same_text(lamina_nearest_hint(&n, "--", hint, sizeof(hint)), "",
		  "no hint where none is near");
}

int main(void)
{
	test_words();
	test_lengths();
	return tap_done();
}
