/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is written down about a mount while it lasts: for `lamina ps`, and for who takes over a view
 * whose server is gone. One small file a mount, named by its device number; where it cannot be
 * written things go on without.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "base/errint.h"

struct lamina_record {
	char *engine;
	char *target;	/* absolute path of the mountpoint */
	char *options;	/* of the layers, as the command line takes them, with absolute paths */
	char *why;	/* why it is not engine bpf; NULL: it is, or nobody wanted it */
	pid_t server;	/* that answers requests or upcalls; 0: none */
	pid_t keeper;	/* that starts it again; 0: none */
	uint64_t mntns; /* id of the mount namespace that made the mount; 0: the kernel has none */
};

/*
 * Keep the directory of records open, for a process that will find it by its path no more. Where there
 * is none nothing is written down.
 */
void lamina_record_hold(void);

/* The directory that is held, owned by this module; -1: none is. */
int lamina_record_held(void);

/* Write the record of the mount with device number @dev, in one step. */
errint_t lamina_record_write(dev_t dev, const struct lamina_record *record);

/*
 * Read it. On success the caller frees with lamina_record_done(). -ENOENT: there is none; -EPERM: what is
 * there is not a file, or not in a directory, that only the user of this process writes; -EFBIG: it is larger than
 * LAMINA_RECORD_MAX.
 */
errint_t lamina_record_read(dev_t dev, struct lamina_record *ret);
void lamina_record_done(struct lamina_record *record);

/* The same from the text of a record, which is changed by that. */
errint_t lamina_record_parse(char *text, struct lamina_record *ret);

void lamina_record_remove(dev_t dev);

/*
 * Wait for others who do with mounts what takes more than one step, and keep them out until the fd is
 * closed. -errno: there is nowhere to keep records, and so nobody can be kept out.
 */
errint_t lamina_record_lock(void);
