/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The commands of `lamina`, each in cmd/NAME.c or, with others of its kind, in a file of its own. They
 * print what went wrong to stderr.
 */
#pragma once

#include "command.h"

extern const struct command command_features;
extern const struct command command_filter;
extern const struct command command_mount;
extern const struct command command_ps;
extern const struct command command_trace;
extern const struct command command_policy;
