# SPDX-License-Identifier: GPL-2.0-or-later
"""seek.py DIRECTORY: what an open directory does when it is told to seek, without what may differ
between file systems: the order of names and the numbers of positions."""

import ctypes
import errno
import os
import struct
import sys

from calls import GETDENTS64, call

fd = os.open(sys.argv[1], os.O_RDONLY | os.O_DIRECTORY)


def read(size=65536):
    """Entries from here on, as (name, position behind it); all of them, or what fits in a buffer."""
    entries, buffer = [], ctypes.create_string_buffer(size)
    while n := call(GETDENTS64, fd, buffer, size):
        at = 0
        while at < n:
            _, off, length = struct.unpack_from("=QqH", buffer, at)
            entries.append((ctypes.string_at(ctypes.addressof(buffer) + at + 19), off))
            at += length
        if size < 65536:
            break
    return entries


def seek(what, offset, whence):
    try:
        position = os.lseek(fd, offset, whence)
        return f"{what}: {'at the start' if position == 0 else 'somewhere'}"
    except OSError as e:
        return f"{what}: {errno.errorcode[e.errno]}"


everything = read()
names = [name for name, _ in everything]
print(len(names), "entries, each once:", len(set(names)) == len(names))
print("at the end:", read())
print(seek("back", 0, os.SEEK_SET))
print("again:", "the same" if read() == everything else "others")
for i, (name, position) in enumerate(everything):
    os.lseek(fd, position, os.SEEK_SET)
    if [n for n, _ in read()] != names[i + 1:]:
        print("after", name, "others follow")
# A reader with a small buffer is always somewhere in the middle.
os.lseek(fd, 0, os.SEEK_SET)
parts = []
while part := read(64):
    parts += part
    if os.lseek(fd, 0, os.SEEK_CUR) != part[-1][1]:
        print("not at the position of the last entry")
print("in parts:", "the same" if parts == everything else "others")
os.lseek(fd, 0, os.SEEK_SET)
read(64)
here = os.lseek(fd, 0, os.SEEK_CUR)
other = os.open(sys.argv[1], os.O_RDONLY)
print("another opening is", "at the start" if os.lseek(other, 0, os.SEEK_CUR) == 0 else "elsewhere")
print("a copy of the descriptor is", "there" if os.lseek(os.dup(fd), 0, os.SEEK_CUR) == here else "elsewhere")
print(seek("before the start", -1, os.SEEK_SET))
print(seek("to before the start", -here - 1, os.SEEK_CUR))
print(seek("far behind the end", 1 << 40, os.SEEK_SET), len(read()))
print(seek("back", 0, os.SEEK_SET), len(read()))
print(seek("to a hole", 0, os.SEEK_HOLE))
print(seek("by a number that is none", 0, 99))
try:
    print(os.pread(fd, 1, 0))
except OSError as e:
    print("read:", errno.errorcode[e.errno])
