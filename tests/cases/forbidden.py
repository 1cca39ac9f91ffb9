# SPDX-License-Identifier: GPL-2.0-or-later
"""What the cases of 203-policy-escape.bats share. `top` is the mount; in it, "secret" and the directory
"hidden" with "key" are hidden, "noread" may not be read, "noexec" not run, "nowrite" not written;
nothing in "jail" may be run. "open" may be used in every way."""

import ctypes
import errno
import os

from lib import check, equal, fails, holds, libc, names_of, outcome, read_file, run

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID = 0x20000, 0x10000000, 0x20000000
MS_BIND, MS_REC, MS_MOVE = 0x1000, 0x4000, 0x2000


def unshare(flags):
    check(libc.unshare(flags))


def setns(fd, flags):
    check(libc.setns(fd, flags))


def mount(source, target, kind, flags=0, data=None):
    words = [word and os.fsencode(word) for word in (source, target, kind, data)]
    check(libc.mount(*words[:3], ctypes.c_ulong(flags), words[3]))


def nothing_is_to_be_had(top):
    """What a policy forbids, by paths from `top`."""
    fails(errno.ENOENT, os.lstat, f"{top}/secret")
    fails(errno.ENOENT, read_file, f"{top}/secret")
    fails(errno.ENOENT, os.lstat, f"{top}/hidden")
    fails(errno.ENOENT, read_file, f"{top}/hidden/key")
    fails(errno.EACCES, read_file, f"{top}/noread")
    equal(outcome(run, f"{top}/noexec"), "EACCES", "noexec")
    fails(errno.EACCES, os.open, f"{top}/nowrite", os.O_WRONLY)
    holds(b"secret" not in names_of(top), "secret is not listed")


def in_a_child(function):
    """What changes a process for good is done by another one."""
    child = os.fork()
    if child == 0:
        try:
            function()
            os._exit(0)
        except BaseException as error:
            print(repr(error), flush=True)
            os._exit(1)
    equal(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 0, function.__name__)
