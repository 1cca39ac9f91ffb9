/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Getting to where the mount was made. Builders run a container, and so its hooks, in a mount namespace
 * that they make for it, in which even hooks are bound by policies; but who started them is not.
 */
#pragma once

#include <sys/types.h>

#include "base/errint.h"

/*
 * Enter the mount namespace of the nearest ancestor of process *@at that has another one than this
 * process; *@at becomes that ancestor. Begin with getpid(). -ESRCH: there is none.
 */
errint_t hook_enter_ancestor(pid_t *at);
