/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the sub-commands of `lamina policy` share. Each returns the exit status.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "command.h"
#include "guard/container.h"
#include "json.h"
#include "policy/source.h"

#define POLICY_REFUSED	  3
#define POLICY_INCOMPLETE 4 /* in force, but not yet for all */

extern const struct command policy_check;
extern const struct command policy_compile;
extern const struct command policy_explain;
extern const struct command policy_show;
extern const struct command policy_apply;
extern const struct command policy_remove;
extern const struct command policy_learn;

/* What FILE, CONTAINER and MOUNTPOINT are, for usages. */
#define POLICY_FILES                                                                          \
	"FILE is a policy in JSON, a compiled one, or - for standard input; several are put " \
	"together.\n"
#define POLICY_MOUNTS "CONTAINER is its name or id, MOUNTPOINT the path of its root file system.\n"

/* Print @error; returns the exit status. */
int policy_failure(const struct lamina_error *error);

/* What was read of the command line: sources, and the compiled policy that they make. */
struct policy_input {
	struct lamina_sources sources;
	struct lamina_policy policy; /* of JSON files; no files: a compiled one was read */
	struct lamina_compiled compiled;
};

/*
 * Read @files, all of them JSON, or one that is compiled. @dry: log only, whatever the files say.
 * To be ended by policy_input_done().
 */
errint_t policy_input_read(struct policy_input *input, char **files, size_t n, bool dry,
			   struct lamina_error *error);
/* As above, for sources that are there already. */
errint_t policy_input_compile(struct policy_input *input, struct lamina_error *error);
void policy_input_done(struct policy_input *input);

/* As above, for the policy in force in the mount or container @name. Returns 1, or 0: there is none. */
errint_t policy_input_live(struct policy_input *input, const char *name,
			   struct lamina_error *error);

/*
 * Either of both: @names are those of files, or the one of a mount or container. What names a file, or
 * looks like one, is a file. Returns as policy_input_live().
 */
errint_t policy_input_any(struct policy_input *input, char **names, size_t n, bool dry,
			  struct lamina_error *error);

/* The root directory of the mount or container @name. Returns an fd; @container is to be ended then. */
errint_t policy_open_mount(const char *name, struct lamina_container *container,
			   struct lamina_error *error);

/* Write @size bytes to @path (-: standard output), a regular file in one step. */
errint_t policy_write_file(const char *path, const void *bytes, size_t size);

/* Print in a line how large the compiled policy is. */
void policy_print_size(const struct policy_input *input);

/* The name of the errno that @verdict gives, or NULL. */
const char *policy_verdict_errno(unsigned int verdict);

/* "maskedPaths", "rules", ...: where a rule stands in its file; "default": in none. */
const char *policy_from(const struct lamina_compiled_rule *rule);

/*
 * What is known of rule @number, for programs and for people: its file, line, and where in it, and with
 * sources also its paths, accesses and comment.
 */
struct json_object *policy_rule_json(const struct policy_input *input, unsigned int number);
struct table;
void policy_rule_cells(const struct policy_input *input, unsigned int number, struct table *table);
#define POLICY_RULE_COLUMNS   "file", "line", "from"
#define POLICY_SOURCE_COLUMNS "paths", "comment"
void policy_source_cells(const struct policy_input *input, unsigned int number,
			 struct table *table);
