// SPDX-License-Identifier: GPL-2.0-or-later
#include "guard/guard.h"

#include <errno.h>

void lamina_guard_init(struct lamina_guard *guard)
{
	*guard = (struct lamina_guard){.callers = {.proc = -1}, .callers_err = -ENOENT};
	lamina_audit_init(&guard->audit);
}

void lamina_guard_begin(struct lamina_guard *guard)
{
	guard->callers_err = lamina_callers_init(&guard->callers);
}

void lamina_guard_done(struct lamina_guard *guard)
{
	lamina_audit_done(&guard->audit);
	lamina_active_unref(guard->active);
	lamina_active_unref(guard->base);
	lamina_callers_done(&guard->callers);
}
