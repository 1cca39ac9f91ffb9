/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a mount program inherits from its caller, decided in one place. The daemon serves processes
 * that the caller's limits and signals are not meant for, and may outlive the caller. docs/daemon.md
 * lists every inherited property and what becomes of it.
 */
#pragma once

/*
 * Undo what the caller's shell, batch system or supervisor has set for its own processes. To be
 * called first in main(), with one thread. Nothing of it can fail in a way that matters: what the
 * process may not change stays as it is.
 */
void lamina_inherited_reset(void);
