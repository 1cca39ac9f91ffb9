/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The standard output of a program. */
#pragma once

#include <stdbool.h>

/*
 * See to it that the process, when it exits, writes out its standard output. Where that fails, or has failed, one
 * sentence is printed, after @program (kept), and the exit status is EXIT_FAILURE. That the reader is gone needs no
 * words. To be called once, at the start.
 */
void lamina_output_check_at_exit(const char *program);

/* Whether the standard output still takes something: no write has failed, and the reader of a pipe is there. */
bool lamina_output_is_wanted(void);
