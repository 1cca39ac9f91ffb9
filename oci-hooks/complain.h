/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Saying why a container does not start, so that it reaches who started it.
 */
#pragma once

/*
 * Print @text to standard error. runc repeats that. crun gives hooks no standard error and only says
 * that one has failed: there it is written to crun's own standard error, and to crun's log, where podman
 * and others look for what went wrong.
 */
void hook_complain(const char *text);
