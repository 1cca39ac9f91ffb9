/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The mount is told what to do; see guard/control.h.
 */
#pragma once

#include "engine/object.h"

/* The ioctl LAMINA_IOC_CONTROL on @o. -ENOTTY: there is none for this caller, or on this object. */
errint_t control_request(struct wire_request *r, struct object *o);

/* Whether @r is what lamina(1) needs of the root to put a policy in force, by a process that may do so. */
bool control_is_on_the_way(const struct wire_request *r);
