/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sub-commands of `lamina`, each in cmd/NAME.c. They get their own name as argv[0],
 * print what went wrong to stderr, and return the exit status.
 */
#pragma once

int command_features(int argc, char **argv);
int command_filter(int argc, char **argv);
int command_mount(int argc, char **argv);
int command_ps(int argc, char **argv);
int command_trace(int argc, char **argv);
int command_policy(int argc, char **argv);
