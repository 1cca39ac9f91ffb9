// SPDX-License-Identifier: GPL-2.0-or-later
#include "bpf/rules.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* Names in all paths: each takes half a kilobyte in the kernel. */
#define RULES_MAX 1000000

static uint64_t hash_key(const struct hide_key *key)
{
	uint64_t hash = 14695981039346656037ULL ^ key->node;

	for (const char *c = key->name; *c; c++)
		hash = (hash ^ (unsigned char)*c) * 1099511628211ULL;
	return hash ^ hash >> 32;
}

/* The slot of a key, or the empty one where it belongs. */
static uint32_t *find_slot(struct lamina_rules *rules, const struct hide_key *key)
{
	size_t i = hash_key(key) & (rules->n_slots - 1);

	while (rules->slots[i] &&
	       memcmp(&rules->list[rules->slots[i] - 1].key, key, sizeof(*key)) != 0)
		i = (i + 1) & (rules->n_slots - 1);
	return &rules->slots[i];
}

static errint_t grow(struct lamina_rules *rules)
{
	size_t room = rules->room ? rules->room * 2 : 64;
	struct lamina_rule *list = reallocarray(rules->list, room, sizeof(*list));
	uint32_t *slots;

	if (!list)
		return -ENOMEM;
	rules->list = list;
	slots = calloc(room * 2, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	free(rules->slots);
	rules->slots = slots;
	rules->n_slots = room * 2;
	rules->room = room;
	for (size_t i = 0; i < rules->n; i++)
		*find_slot(rules, &list[i].key) = (uint32_t)i + 1;
	return 0;
}

/* The rule for a name in a node; made if there is none. */
static errint_t get_rule(struct lamina_rules *rules, uint64_t node, const char *name, size_t len,
			 struct lamina_rule **ret)
{
	struct hide_key key = {.node = node};
	struct lamina_rule *rule;
	uint32_t *slot;
	errint_t err;

	if (rules->n == rules->room) {
		err = grow(rules);
		if (err < 0)
			return err;
	}
	memcpy(key.name, name, len);
	slot = find_slot(rules, &key);
	if (*slot) {
		*ret = &rules->list[*slot - 1];
		return 0;
	}
	if (rules->n == RULES_MAX)
		return -E2BIG;
	rule = &rules->list[rules->n++];
	*slot = (uint32_t)rules->n;
	*rule = (struct lamina_rule){.key = key};
	*ret = rule;
	return 0;
}

static errint_t add_path(struct lamina_rules *rules, const char *path)
{
	struct lamina_rule *rule = NULL;
	uint64_t node = HIDE_ROOT;
	errint_t err;

	while (*path) {
		size_t len = strcspn(path, "/");

		if (len) {
			if (len >= HIDE_NAME_LEN)
				return -ENAMETOOLONG;
			if (path[0] == '.' && (len == 1 || (len == 2 && path[1] == '.')))
				return -EINVAL;
			/* Only a name that something follows needs a node. */
			if (rule && !rule->rule.node)
				rule->rule.node = rules->next_node++;
			if (rule)
				node = rule->rule.node;
			err = get_rule(rules, node, path, len, &rule);
			if (err < 0)
				return err;
			path += len;
		}
		path += *path == '/';
	}
	if (!rule)
		return -EINVAL;
	rule->rule.hidden = 1;
	return 0;
}

static const char *cause(errint_t err)
{
	switch (err) {
	case -EINVAL:
		return "is no path below the root of the view; it must have a name, and no '.' "
		       "or '..'";
	case -ENAMETOOLONG:
		return "has a name of more than 255 bytes";
	case -E2BIG:
		return "is one name too many; a list can have a million";
	default:
		return "could not be taken";
	}
}

errint_t lamina_rules_read(struct lamina_rules *ret, FILE *file, const char *name,
			   struct lamina_error *error)
{
	struct lamina_rules rules = {.next_node = HIDE_ROOT + 1};
	_cleanup_free_ char *line = NULL;
	size_t size = 0, number = 0;
	ssize_t len;
	errint_t err;

	while ((len = getline(&line, &size, file)) >= 0) {
		number++;
		if (len && line[len - 1] == '\n')
			line[--len] = '\0';
		if (!len || line[0] == '#')
			continue;
		err = strlen(line) == (size_t)len ? add_path(&rules, line) : -EINVAL;
		if (err < 0) {
			lamina_rules_done(&rules);
			return lamina_error_say(error, err, "%s:%zu: '%s' %s", name, number, line,
						cause(err));
		}
	}
	if (ferror(file)) {
		lamina_rules_done(&rules);
		return lamina_error_set(error, -EIO, "%s: cannot be read", name);
	}
	*ret = rules;
	return 0;
}

void lamina_rules_done(struct lamina_rules *rules)
{
	free(rules->list);
	free(rules->slots);
}
