// SPDX-License-Identifier: GPL-2.0-or-later
#include "state.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "mount/table.h"

/* What is ours among annotations, and what there is of it. */
#define OURS		"org.lamina"
#define ANNOTATION	"org.lamina.policy"
#define MODE_ANNOTATION "org.lamina.policy.mode"

/* A state is some kilobytes; an inline policy may come on top. */
#define STATE_MAX (16u << 20)

static void put_object(struct json_object **object)
{
	json_object_put(*object);
}

/* A member that is a string, which lives as long as @object; or NULL. */
static const char *member(const struct json_object *object, const char *name)
{
	struct json_object *value;

	if (!json_object_is_type(object, json_type_object) ||
	    !json_object_object_get_ex(object, name, &value) ||
	    !json_object_is_type(value, json_type_string))
		return NULL;
	return json_object_get_string(value);
}

static errint_t read_all(int fd, char **ret, size_t *ret_size)
{
	size_t size = 0, room = 65536;
	char *bytes = malloc(room);

	for (;;) {
		ssize_t n = bytes ? read(fd, bytes + size, room - size) : -1;
		char *larger;

		if (n < 0 && bytes && errno == EINTR)
			continue;
		if (n < 0 || size > STATE_MAX) {
			errint_t err = !bytes ? -ENOMEM : n < 0 ? -errno : -EFBIG;

			free(bytes);
			return err;
		}
		size += (size_t)n;
		if (n == 0)
			break;
		if (size < room)
			continue;
		room *= 2;
		larger = realloc(bytes, room);
		if (!larger)
			free(bytes);
		bytes = larger;
	}
	*ret = bytes;
	*ret_size = size;
	return 0;
}

static struct json_object *parse(const char *text, size_t size)
{
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *object = NULL;

	if (tokener)
		object = json_tokener_parse_ex(tokener, text, (int)size);
	if (tokener)
		json_tokener_free(tokener);
	return object;
}

static bool is_known(const char *name)
{
	return !strstr(name, OURS) || !strcmp(name, ANNOTATION) || !strcmp(name, MODE_ANNOTATION);
}

static void fill_annotations(struct hook_state *state, struct json_object *annotations)
{
	struct json_object_iterator at, end;

	if (!json_object_is_type(annotations, json_type_object))
		return;
	state->policy = member(annotations, ANNOTATION);
	state->mode = member(annotations, MODE_ANNOTATION);
	at = json_object_iter_begin(annotations);
	end = json_object_iter_end(annotations);
	for (; !json_object_iter_equal(&at, &end) && !state->unknown; json_object_iter_next(&at))
		if (!is_known(json_object_iter_peek_name(&at)))
			state->unknown = json_object_iter_peek_name(&at);
}

static void fill(struct hook_state *state, struct json_object *object)
{
	const char *status = member(object, "status");
	struct json_object *annotations = NULL, *pid = NULL;

	state->parsed = object;
	state->id = member(object, "id");
	state->root = member(object, "root");
	state->bundle = member(object, "bundle");
	state->stopped = status && !strcmp(status, "stopped");
	if (json_object_object_get_ex(object, "pid", &pid))
		state->pid = json_object_get_int(pid);
	if (json_object_object_get_ex(object, "annotations", &annotations))
		fill_annotations(state, annotations);
}

errint_t hook_state_read(int fd, struct hook_state *ret, struct lamina_error *error)
{
	_cleanup_free_ char *text = NULL;
	struct hook_state state = {0};
	size_t size = 0;
	errint_t err = read_all(fd, &text, &size);

	if (err < 0)
		return lamina_error_set(error, err, "cannot read the container's state");
	fill(&state, parse(text, size));
	if (!json_object_is_type(state.parsed, json_type_object))
		err = lamina_error_say(error, -EINVAL,
				       "what came on standard input is no state of a container");
	else if (!state.id)
		err = lamina_error_say(error, -EINVAL, "the container's state has no id");
	if (err < 0)
		hook_state_done(&state);
	else
		*ret = state;
	return err;
}

void hook_state_done(struct hook_state *state)
{
	json_object_put(state->parsed);
}

/* ---- the root file system; each function returns 1, 0 (not there) or -errno ---- */

static errint_t root_of_bundle(const char *bundle, char **ret)
{
	_cleanup_(put_object) struct json_object *config = NULL;
	_cleanup_free_ char *name = NULL;
	struct json_object *root = NULL;
	const char *path = NULL;

	if (asprintf(&name, "%s/config.json", bundle) < 0)
		return -ENOMEM;
	config = json_object_from_file(name);
	if (json_object_is_type(config, json_type_object) &&
	    json_object_object_get_ex(config, "root", &root))
		path = member(root, "path");
	if (!path)
		return 0;
	/* Absolute, or from the bundle on. */
	if (asprintf(ret, "%s%s%s", *path == '/' ? "" : bundle, *path == '/' ? "" : "/", path) < 0)
		return -ENOMEM;
	return 1;
}

/* Looking for the only mount of ours in a table, or for the mountpoint of a certain one. */
struct search {
	dev_t device; /* 0: any */
	bool several;
	char *target; /* to be freed */
};

static bool look_for_only(void *user, const struct lamina_table_entry *entry)
{
	struct search *search = user;

	if (!lamina_table_is_ours(entry))
		return true;
	search->several = search->device && search->device != entry->dev;
	search->device = entry->dev;
	return !search->several;
}

static bool look_for_target(void *user, const struct lamina_table_entry *entry)
{
	struct search *search = user;

	if (!lamina_table_is_ours(entry) || entry->dev != search->device)
		return true;
	search->target = strdup(entry->target);
	return false;
}

static errint_t root_of_process(pid_t pid, char **ret)
{
	struct search search = {0};
	char table[64];

	snprintf(table, sizeof(table), "/proc/%d/mountinfo", pid);
	if (lamina_table_each(table, look_for_only, &search) < 0 || !search.device ||
	    search.several)
		return 0;
	if (lamina_table_each(LAMINA_TABLE_SELF, look_for_target, &search) < 0 || !search.target)
		return 0;
	*ret = search.target;
	return 1;
}

errint_t hook_state_find_root(const struct hook_state *state, char **ret,
			      struct lamina_error *error)
{
	errint_t err = 0;

	if (state->root) {
		*ret = strdup(state->root);
		err = *ret ? 1 : -ENOMEM;
	}
	if (err == 0 && state->bundle)
		err = root_of_bundle(state->bundle, ret);
	if (err == 0 && state->pid > 0)
		err = root_of_process(state->pid, ret);
	if (err < 0)
		return lamina_error_set(error, err, "cannot find the container's root");
	return err > 0 ? 0
		       : lamina_error_say(error, -ENOENT,
					  "neither the state, nor the bundle, nor the mounts say "
					  "where the container's root file system is");
}
