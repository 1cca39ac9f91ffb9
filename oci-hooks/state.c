// SPDX-License-Identifier: GPL-2.0-or-later
#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

/* The text of @value, which lives as long as it; NULL: it is no string, or holds a NUL. */
static const char *text_of(struct json_object *value)
{
	const char *text;

	if (!json_object_is_type(value, json_type_string))
		return NULL;
	text = json_object_get_string(value);
	return strlen(text) == (size_t)json_object_get_string_len(value) ? text : NULL;
}

/* A member that is a string, which lives as long as @object; or NULL. */
static const char *member(const struct json_object *object, const char *name)
{
	struct json_object *value;

	if (!json_object_is_type(object, json_type_object) ||
	    !json_object_object_get_ex(object, name, &value))
		return NULL;
	return text_of(value);
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

/* The object that @text is, and nothing else; or NULL. */
static struct json_object *parse(const char *text, size_t size)
{
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *object = NULL;
	size_t end = 0;

	if (tokener) {
		object = json_tokener_parse_ex(tokener, text, (int)size);
		end = json_tokener_get_parse_end(tokener);
		json_tokener_free(tokener);
	}
	while (end < size && strchr(" \t\r\n", text[end]))
		end++;
	if (end == size && json_object_is_type(object, json_type_object))
		return object;
	json_object_put(object);
	return NULL;
}

static bool is_ours(const char *name)
{
	return strcasestr(name, OURS);
}

static bool is_known(const char *name)
{
	return !strcmp(name, ANNOTATION) || !strcmp(name, MODE_ANNOTATION);
}

static void fill_annotations(struct hook_state *state, struct json_object *annotations)
{
	struct json_object_iterator at, end;

	if (!json_object_is_type(annotations, json_type_object)) {
		/* null is how some runtimes write that there are none. */
		state->odd = annotations ? "annotations" : NULL;
		return;
	}
	state->policy = member(annotations, ANNOTATION);
	state->mode = member(annotations, MODE_ANNOTATION);
	at = json_object_iter_begin(annotations);
	end = json_object_iter_end(annotations);
	for (; !json_object_iter_equal(&at, &end); json_object_iter_next(&at)) {
		const char *name = json_object_iter_peek_name(&at);

		if (is_ours(name) && !is_known(name))
			state->unknown = name;
		else if (is_known(name) && !text_of(json_object_iter_peek_value(&at)))
			state->odd = name;
	}
}

/* 0: of a container without processes. -1: of none at all. */
static pid_t pid_of(const struct json_object *pid)
{
	int64_t number = json_object_is_type(pid, json_type_int) ? json_object_get_int64(pid) : -1;

	return number >= 0 && number <= INT32_MAX ? (pid_t)number : -1;
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
		state->pid = pid_of(pid);
	if (json_object_object_get_ex(object, "annotations", &annotations))
		fill_annotations(state, annotations);
}

errint_t hook_state_parse(const char *text, size_t size, struct hook_state *ret,
			  struct lamina_error *error)
{
	struct hook_state state = {0};
	struct json_object *object = parse(text, size);

	if (!object)
		return lamina_error_say(error, -EINVAL,
					"what came on standard input is no state of a container");
	fill(&state, object);
	if (!state.id || !*state.id) {
		hook_state_done(&state);
		return lamina_error_say(error, -EINVAL, "the container's state has no id");
	}
	if (state.pid < 0) {
		hook_state_done(&state);
		return lamina_error_say(
			error, -EINVAL,
			"the pid in the container's state is no number of a process");
	}
	*ret = state;
	return 0;
}

/* ---- the configuration ---- */

/* Whether @namespaces, a list of objects, has one of mounts. Whose one is that it joins, its process tells. */
static enum hook_answer mount_namespace(const struct json_object *namespaces)
{
	if (!json_object_is_type(namespaces, json_type_array))
		return HOOK_NO;
	for (size_t i = 0; i < json_object_array_length(namespaces); i++) {
		const struct json_object *one = json_object_array_get_idx(namespaces, i);
		const char *type = member(one, "type");

		if (type && !strcmp(type, "mount"))
			return json_object_object_get_ex(one, "path", NULL) ? HOOK_UNKNOWN
									    : HOOK_YES;
	}
	return HOOK_NO;
}

errint_t hook_state_parse_config(struct hook_state *state, const char *text, size_t size)
{
	_cleanup_(put_object) struct json_object *config = parse(text, size);
	struct json_object *root = NULL, *linux_ = NULL, *namespaces = NULL;
	const char *path;

	if (!config)
		return -EINVAL;
	if (json_object_object_get_ex(config, "linux", &linux_) &&
	    json_object_is_type(linux_, json_type_object))
		json_object_object_get_ex(linux_, "namespaces", &namespaces);
	state->mount_namespace = mount_namespace(namespaces);
	path = json_object_object_get_ex(config, "root", &root) ? member(root, "path") : NULL;
	if (!path || !*path || state->config_root)
		return 0;
	/* Absolute, or from the bundle on. */
	if (asprintf(&state->config_root, "%s%s%s", *path == '/' ? "" : state->bundle,
		     *path == '/' ? "" : "/", path) < 0) {
		state->config_root = NULL;
		return -ENOMEM;
	}
	return 0;
}

/* Nothing but a regular file is read, and nothing is waited for. */
static errint_t open_config(const char *bundle)
{
	_cleanup_free_ char *name = NULL;
	_cleanup_fd_ int fd = -1;
	struct stat st;

	if (asprintf(&name, "%s/config.json", bundle) < 0) {
		name = NULL;
		return -ENOMEM;
	}
	fd = open(name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) ? TAKE_FD(fd) : -ENOTSUP;
}

static errint_t read_config(struct hook_state *state, struct lamina_error *error)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_fd_ int fd = -1;
	size_t size = 0;
	errint_t err;

	if (!state->bundle)
		return 0;
	err = fd = open_config(state->bundle);
	/* A container that has ended may be without it; the mounts of the process say as much. */
	if (fd == -ENOENT || fd == -ENOTDIR)
		return 0;
	if (err >= 0)
		err = read_all(fd, &text, &size);
	if (err >= 0)
		err = hook_state_parse_config(state, text, size);
	if (err == -ENOTSUP || err == -EINVAL)
		return lamina_error_say(
			error, err, "the container's configuration '%s/config.json' is %s",
			state->bundle, err == -EINVAL ? "no JSON object" : "no regular file");
	return err < 0 ? lamina_error_set(error, err,
					  "cannot read the container's configuration "
					  "'%s/config.json'",
					  state->bundle)
		       : 0;
}

errint_t hook_state_read(int fd, struct hook_state *ret, struct lamina_error *error)
{
	_cleanup_free_ char *text = NULL;
	struct hook_state state;
	size_t size = 0;
	errint_t err = read_all(fd, &text, &size);

	if (err < 0)
		return lamina_error_set(error, err, "cannot read the container's state");
	err = hook_state_parse(text, size, &state, error);
	if (err < 0)
		return err;
	err = read_config(&state, error);
	if (err < 0 && !state.stopped) {
		hook_state_done(&state);
		return err;
	}
	*ret = state;
	return 0;
}

void hook_state_done(struct hook_state *state)
{
	json_object_put(state->parsed);
	free(state->config_root);
}

/* ---- the root file system; each function returns 1, 0 (not there) or -errno ---- */

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
	const char *told = state->root ? state->root : state->config_root;
	errint_t err = 0;

	if (told) {
		*ret = strdup(told);
		err = *ret ? 1 : -ENOMEM;
	}
	if (err == 0 && state->pid > 0)
		err = root_of_process(state->pid, ret);
	if (err < 0)
		return lamina_error_set(error, err, "cannot find the container's root");
	return err > 0 ? 0
		       : lamina_error_say(error, -ENOENT,
					  "neither the state, nor the bundle, nor the mounts say "
					  "where the container's root file system is");
}
