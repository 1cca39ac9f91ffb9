/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The mount table, /proc/PID/mountinfo.
 */
#pragma once

/* Take the table's escapes out of a field, in place: "\040" is a space. */
void lamina_mountinfo_unescape(char *text);
