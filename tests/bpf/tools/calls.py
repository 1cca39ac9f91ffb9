# SPDX-License-Identifier: GPL-2.0-or-later
"""System calls that Python has no function for, by number."""

import ctypes
import os

QUOTACTL, GETDENTS64, RENAMEAT2, BPF = 179, 217, 316, 321
FSOPEN, FSCONFIG, FSMOUNT, OPENAT2 = 430, 431, 432, 437

libc = ctypes.CDLL(None, use_errno=True)


def call(*args):
    ret = libc.syscall(*args)
    if ret < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return ret
