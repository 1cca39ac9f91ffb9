// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which way a view is made.
 */
#include "view/view.h"

#include <errno.h>

#include "view/make.h"

errint_t lamina_view_make(const struct lamina_view_spec *spec, struct lamina_view *ret,
			  struct lamina_error *error)
{
	struct lamina_view_kernel kernel;
	errint_t err = lamina_view_kernel_probe(&kernel, error);

	if (err < 0)
		return err;
	if (!spec->writable)
		return view_make_readonly(&kernel, spec, ret, error);
	/* The less deep, the more can be stacked on this view. */
	err = view_make_writable(&kernel, spec, 1, ret, error);
	if (err == -ELOOP) {
		error->text[0] = '\0';
		err = view_make_writable(&kernel, spec, 2, ret, error);
	}
	return err;
}
