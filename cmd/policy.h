/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the sub-commands of `lamina policy` share. Each returns the exit status.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "guard/container.h"
#include "policy/source.h"

#define POLICY_USAGE   2
#define POLICY_REFUSED 3

int policy_check(int argc, char **argv);
int policy_compile(int argc, char **argv);
int policy_explain(int argc, char **argv);
int policy_show(int argc, char **argv);
int policy_apply(int argc, char **argv);
int policy_remove(int argc, char **argv);
int policy_learn(int argc, char **argv);

/* Print how sub-command @name is used, or @error; return the exit status for it. */
int policy_usage(const char *name);
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

/* The root directory of the mount or container @name. Returns an fd; @container is to be ended then. */
errint_t policy_open_mount(const char *name, struct lamina_container *container,
			   struct lamina_error *error);

/* Write @size bytes to @path (-: standard output), a regular file in one step. */
errint_t policy_write_file(const char *path, const void *bytes, size_t size);

/* "EROFS", "hidden", ...: what @verdict means for who meets it. */
void policy_verdict_text(unsigned int verdict, char *ret, size_t size);

/* "maskedPaths", "rules", ...: where a rule of @kind stands in its file. */
const char *policy_kind_name(enum lamina_rule_kind kind);

/* Print text of others: what a terminal could take for a command is escaped. */
void policy_print(const char *text);
