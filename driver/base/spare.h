/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory that is kept for the control path, so that a policy can be put in force after a container has
 * used up what the daemon may have. It is given back to the system while it is needed, and taken again
 * afterwards: what others take meanwhile is theirs. May be called by any thread.
 */
#pragma once

#include <stdbool.h>

/* Take it, once, before any request. Without memory there is none to spare. */
void lamina_spare_init(void);

/* true: release the memory for the caller's allocations. false: take it again; once for each true. */
void lamina_spare_use(bool use);
