// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How the paths of a policy are written. Knows nothing of what they are matched with.
 */
#include "policy/glob.h"

#include <errno.h>
#include <string.h>

#include "base/limits.h"
#include "policy/step.h"

static void set_add(struct lamina_glob_atom *atom, unsigned int byte)
{
	atom->set[byte / 64] |= UINT64_C(1) << byte % 64;
}

static enum lamina_glob_kind kind_of(const char *text, size_t length)
{
	if (length == 1 && text[0] == '*')
		return LAMINA_GLOB_ANY;
	if (length == 2 && text[0] == '*' && text[1] == '*')
		return LAMINA_GLOB_DEEP;
	for (size_t i = 0; i < length; i++) {
		if (text[i] == '\\')
			i++;
		else if (strchr("*?[", text[i]))
			return LAMINA_GLOB_PATTERN;
	}
	return LAMINA_GLOB_LITERAL;
}

bool lamina_glob_next(const char **at, struct lamina_glob_part *ret)
{
	const char *start = *at;

	if (*start == '/')
		start++;
	if (!*start)
		return false;
	ret->text = start;
	ret->length = strcspn(start, "/");
	ret->kind = kind_of(start, ret->length);
	*at = start + ret->length;
	return true;
}

errint_t lamina_glob_literal(const struct lamina_glob_part *part, char *ret, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < part->length; i++) {
		if (part->text[i] == '\\' && i + 1 < part->length)
			i++;
		if (n + 1 >= size)
			return -ENAMETOOLONG;
		ret[n++] = part->text[i];
	}
	ret[n] = '\0';
	return 0;
}

/* One byte of a set, maybe behind a backslash. -1: there is none that may stand here. */
static int set_byte(const char **at, const char *end)
{
	if (*at < end && **at == '\\')
		++*at;
	if (*at >= end || (unsigned char)**at >= 0x80)
		return -1;
	return *(*at)++;
}

/* What stands between the brackets; @at is behind the opening one. */
static const char *read_set(const char **at, const char *end, struct lamina_glob_atom *ret)
{
	bool negated = *at < end && (**at == '!' || **at == '^'), first = true;

	if (negated)
		++*at;
	for (; *at < end && (first || **at != ']'); first = false) {
		int from, to;

		if (end - *at > 1 && **at == '[' && (*at)[1] == ':')
			return "has a class like [:alpha:], which is not supported";
		from = set_byte(at, end);
		to = from;
		if (end - *at > 1 && **at == '-' && (*at)[1] != ']') {
			++*at;
			to = set_byte(at, end);
		}
		if (from < 0 || to < 0)
			return *at < end ? "has [...] with characters that are not ASCII"
					 : "has '[' without ']' in the same component";
		if (from > to)
			return "has a range in [...] that ends before it begins";
		for (int byte = from; byte <= to; byte++)
			set_add(ret, (unsigned int)byte);
	}
	if (*at >= end)
		return "has '[' without ']' in the same component";
	++*at;
	for (size_t i = 0; negated && i < 4; i++)
		ret->set[i] = ~ret->set[i];
	return NULL;
}

errint_t lamina_glob_atom_next(const char **at, const char *end, struct lamina_glob_atom *ret,
			       const char **problem)
{
	struct lamina_glob_atom atom = {0};

	*problem = NULL;
	if (*at >= end)
		return 0;
	switch (*(*at)++) {
	case '*':
		atom.star = true;
		break;
	case '?':
		memset(atom.set, 0xff, sizeof(atom.set));
		break;
	case '[':
		*problem = read_set(at, end, &atom);
		break;
	case '\\':
		if (*at >= end)
			*problem = "has a '\\' with nothing behind it in the component";
		else
			set_add(&atom, (unsigned char)*(*at)++);
		break;
	default:
		set_add(&atom, (unsigned char)(*at)[-1]);
		break;
	}
	if (*problem)
		return -EINVAL;
	*ret = atom;
	return 1;
}

static const char *check_part(const struct lamina_glob_part *part)
{
	const char *at = part->text, *end = at + part->length, *problem;
	char name[LAMINA_POLICY_NAME_MAX + 1];
	struct lamina_glob_atom atom, before = {0};
	size_t shortest = 0;
	errint_t more;

	if (part->length == 0)
		return "has an empty component ('//', or '/' at its end)";
	if (part->kind == LAMINA_GLOB_DEEP)
		return NULL;
	while ((more = lamina_glob_atom_next(&at, end, &atom, &problem)) > 0) {
		if (atom.star && before.star)
			return "has '**' beside other characters: it must be a component of its "
			       "own";
		shortest += !atom.star;
		before = atom;
	}
	if (more < 0)
		return problem;
	if (shortest > LAMINA_POLICY_NAME_MAX)
		return "has a component that is longer than any name (255 bytes)";
	if (part->kind != LAMINA_GLOB_LITERAL)
		return NULL;
	if (lamina_glob_literal(part, name, sizeof(name)) < 0)
		return "has a component that is longer than any name (255 bytes)";
	if (!strcmp(name, ".") || !strcmp(name, ".."))
		return "has a component '.' or '..'";
	return NULL;
}

/* What a container has mounted over the view, always. */
static bool lies_elsewhere(const struct lamina_glob_part *first)
{
	static const char *const names[] = {"proc", "sys", "dev"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (first->length == strlen(names[i]) &&
		    !memcmp(first->text, names[i], first->length))
			return true;
	return false;
}

const char *lamina_glob_check(const char *path)
{
	struct lamina_glob_part part;
	const char *at = path;
	unsigned int n = 0;

	if (*path != '/')
		return "does not begin with '/'";
	if (path[1] && path[strlen(path) - 1] == '/')
		return "has an empty component ('//', or '/' at its end)";
	while (lamina_glob_next(&at, &part)) {
		const char *problem = check_part(&part);

		if (problem)
			return problem;
		if (n == 0 && lies_elsewhere(&part))
			return "lies in /proc, /sys or /dev, which are not in the view";
		if (++n > LAMINA_POLICY_MAX_COMPONENTS)
			return "has more than 64 components";
	}
	return NULL;
}
