/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Filters in the kernel: loading, finding and removing them. Each is kept by a folder of its name
 * in the BPF file system, with its link and the maps that others may use.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/sysmacros.h>
#include <sys/types.h>

#include "base/error.h"

#define LAMINA_FILTER_DIR "/sys/fs/bpf/lamina"

struct lamina_filter_spec {
	const char *what;  /* one of those built in, or the path of an object file */
	const char *as;	   /* the name to register it by; NULL: its own */
	const char *paths; /* hide: file with the list */
	bool replace;	   /* a filter of this name takes the new programs and data, in place */
	bool verbose;	   /* let libbpf and the verifier speak */
};

struct lamina_filter_info {
	char id[16];
	uint32_t link, map; /* ids in the kernel; no map: it was detached */
};

/* The names of the filters that are built in, ended by NULL. */
extern const char *const lamina_filter_names[];

errint_t lamina_filter_load(const struct lamina_filter_spec *spec, struct lamina_error *error);

/* Let go of a filter; with @detach, close the views that have it. */
errint_t lamina_filter_remove(const char *id, bool detach, struct lamina_error *error);

errint_t lamina_filter_info(const char *id, struct lamina_filter_info *ret,
			    struct lamina_error *error);

/* Call @each for every filter's name until it returns other than zero; that is returned. */
errint_t lamina_filter_each(errint_t (*each)(const char *id, void *data), void *data,
			    struct lamina_error *error);

/* A kept map of a filter. Returns an fd or -errno. */
errint_t lamina_filter_map(const char *id, const char *map, struct lamina_error *error);

/* The st_dev of a view as filters are told it: the kernel has a form of its own. */
static inline uint32_t lamina_filter_view(dev_t dev)
{
	return (minor(dev) & 0xff) | major(dev) << 8 | (minor(dev) & ~0xffU) << 12;
}
