/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The result type of every internal function that can fail: zero or a positive result, or -errno.
 * docs/errors.md states the contract; functions that return errint_t never print.
 */
#pragma once

typedef int errint_t;
