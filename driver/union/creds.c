// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * File-system ids and umask of the calling thread. All state is the thread's own: it remembers
 * what is in force, so a container that works as one user costs no system call.
 */
#include "union/creds.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sched.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/capability.h"
#include "union/xattr.h"

static _Thread_local struct {
	bool known;
	uid_t uid;
	gid_t gid;
	mode_t umask;
} in_force;

/* The daemon's own ids, which do not change, and what it is refused; set before there are threads. */
static uid_t own_uid;
static gid_t own_gid;
static bool keeps_ids;	  /* with the ids its capabilities would change */
static bool shares_umask; /* no thread can have one of its own: it is 0 */

void lamina_creds_prepare(void)
{
	int bits = prctl(PR_GET_SECUREBITS);

	own_uid = geteuid();
	own_gid = getegid();
	keeps_ids = bits < 0 ||
		    prctl(PR_SET_SECUREBITS, (unsigned long)bits | SECBIT_NO_SETUID_FIXUP) < 0;
	lamina_capability_drop(CAP_SYS_RESOURCE);
	shares_umask = unshare(CLONE_FS) < 0;
	umask(0);
}

errint_t lamina_creds_start_thread(void)
{
	if (!shares_umask && unshare(CLONE_FS) < 0)
		return -errno;
	umask(0);
	in_force.known = true;
	in_force.uid = (uid_t)setfsuid((uid_t)-1);
	in_force.gid = (gid_t)setfsgid((gid_t)-1);
	in_force.umask = 0;
	return 0;
}

errint_t lamina_creds_become(uid_t uid, gid_t gid, mode_t mask)
{
	if (!shares_umask && (!in_force.known || in_force.umask != mask)) {
		umask(mask & 0777);
		in_force.umask = mask;
	}
	if (keeps_ids)
		return uid == own_uid && gid == own_gid ? 0 : -EPERM;
	if (!in_force.known || in_force.gid != gid) {
		setfsgid(gid);
		in_force.gid = (gid_t)setfsgid((gid_t)-1);
	}
	if (!in_force.known || in_force.uid != uid) {
		setfsuid(uid);
		in_force.uid = (uid_t)setfsuid((uid_t)-1);
	}
	in_force.known = true;
	return in_force.uid == uid && in_force.gid == gid ? 0 : -EPERM;
}

void lamina_creds_become_self(void)
{
	(void)lamina_creds_become(own_uid, own_gid, 0);
}

mode_t lamina_creds_masked(int dirfd, mode_t mode, mode_t mask)
{
	/* A default ACL takes the place of a umask. */
	if (!shares_umask || lamina_xattr_get_fd(dirfd, "system.posix_acl_default", NULL, 0) > 0)
		return mode;
	return mode & ~(mask & 0777);
}
