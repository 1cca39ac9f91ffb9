/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Capabilities of this process, in its user namespace. */
#pragma once

#include <stdbool.h>

/* Whether @capability (CAP_*) is in effect. */
bool lamina_capability_has(unsigned int capability);

/* Take it out of effect; it stays permitted. */
void lamina_capability_drop(unsigned int capability);
