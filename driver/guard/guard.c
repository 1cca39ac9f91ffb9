// SPDX-License-Identifier: GPL-2.0-or-later
#include "guard/guard.h"

void lamina_guard_init(struct lamina_guard *guard)
{
	*guard = (struct lamina_guard){.always = false};
	guard->callers_err = lamina_callers_init(&guard->callers);
	lamina_audit_init(&guard->audit);
}

void lamina_guard_done(struct lamina_guard *guard)
{
	lamina_audit_done(&guard->audit);
	lamina_active_unref(guard->active);
	lamina_callers_done(&guard->callers);
}
