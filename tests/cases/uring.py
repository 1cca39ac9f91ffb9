# SPDX-License-Identifier: GPL-2.0-or-later
"""io_uring, as far as the cases need it: one system call at a time, made by a worker of the kernel."""

import ctypes
import mmap
import os
import struct

from lib import check, libc, AT_FDCWD

SETUP, ENTER = 425, 426
OPENAT, STATX, UNLINKAT = 18, 21, 36
ASYNC = 1 << 4
GETEVENTS = 1
SQES, CQ_RING = 0x10000000, 0x8000000


class Ring:
    def __init__(self):
        params = bytearray(120)
        room = (ctypes.c_char * len(params)).from_buffer(params)
        self.fd = check(libc.syscall(SETUP, 1, room))
        words = struct.unpack_from("=30I", params)
        self.sq_tail, self.sq_array = words[11], words[16]
        self.cq_head, self.cqes = words[20], words[25]
        self.sq = mmap.mmap(self.fd, 4096)
        self.cq = mmap.mmap(self.fd, 4096, offset=CQ_RING)
        self.sqes = mmap.mmap(self.fd, 4096, offset=SQES)
        self.count = 0

    def call(self, op, path, offset=0, length=0, flags=0):
        """Returns what the call returns, or raises OSError."""
        name = ctypes.create_string_buffer(os.fsencode(path))
        entry = struct.pack(
            "=BBHiQQIIQ", op, ASYNC, 0, AT_FDCWD, offset, ctypes.addressof(name), length, flags, 0
        )
        self.sqes[0:64] = entry.ljust(64, b"\0")
        struct.pack_into("=I", self.sq, self.sq_array, 0)
        struct.pack_into("=I", self.sq, self.sq_tail, self.count + 1)
        check(libc.syscall(ENTER, self.fd, 1, 1, GETEVENTS, None, 0))
        # One entry was asked for; of its answers the kernel keeps two.
        _, result, _ = struct.unpack_from("=QiI", self.cq, self.cqes + 16 * (self.count % 2))
        self.count += 1
        struct.pack_into("=I", self.cq, self.cq_head, self.count)
        if result < 0:
            raise OSError(-result, os.strerror(-result), path)
        return result

    def open(self, path, flags):
        return self.call(OPENAT, path, flags=flags)

    def stat(self, path):
        room = ctypes.create_string_buffer(256)
        self.call(STATX, path, offset=ctypes.addressof(room), length=0xFFF)

    def unlink(self, path):
        self.call(UNLINKAT, path)
