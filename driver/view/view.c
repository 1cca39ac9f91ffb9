// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which way a view is made.
 */
#include "view/view.h"

#include <errno.h>
#include <string.h>

#include "guard/data.h"
#include "view/filter.h"
#include "view/make.h"

/* Filters that mounts are given without being asked for. */
static bool is_ours(const struct lamina_view_filter *filter)
{
	return !strcmp(filter->name, LAMINA_VIEW_FILTER) ||
	       !strcmp(filter->name, LAMINA_POLICY_FILTER);
}

static errint_t add_or_load(view_add_filter add, int fd, const struct lamina_view_filter *filter,
			    struct lamina_error *error)
{
	struct lamina_error none = {""};
	errint_t loaded, err = add(fd, filter, error);

	if (err != -ENOENT)
		return err;
	if (!is_ours(filter))
		return lamina_error_say(error, err,
					"no filter '%s' is loaded; see 'lamina filter load'",
					filter->name);
	loaded = view_filter_load(filter->name, error);
	/* Another mount may have been faster: what counts is that it is there. */
	err = add(fd, filter, loaded < 0 ? &none : error);
	if (err == 0)
		error->text[0] = '\0';
	return err < 0 && loaded < 0 ? loaded : err;
}

errint_t view_need_filter(view_add_filter add, int fd, const struct lamina_view_filter *filter,
			  struct lamina_error *error)
{
	errint_t err = add_or_load(add, fd, filter, error);

	if (err == 0 || !filter->optional)
		return err;
	error->text[0] = '\0';
	return 0;
}

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
