# SPDX-License-Identifier: GPL-2.0-or-later
"""device.py make NAME DEVICE | fail NAME | remove NAME: a disk that can fail, by the device mapper.

What make makes is all of DEVICE, until fail: then reading and writing gives EIO; make again mends it.
Prints the path of the new device.
"""

import fcntl
import os
import struct
import sys

HEADER = "=3I7IQ128s129s7x"
CREATE, REMOVE, SUSPEND, LOAD = 3, 4, 6, 9
FLUSH_NOTHING = 1 << 10 | 1 << 11  # DM_SKIP_LOCKFS, DM_NOFLUSH
SUSPENDED = 1 << 1


def control(nr, name, flags=0, target=b""):
    """One ioctl; returns the minor number."""
    size = struct.calcsize(HEADER)
    data = struct.pack(HEADER, 4, 0, 0, size + len(target), size, bool(target), 0, flags, 0, 0, 0, name.encode(), b"")
    data = bytearray(data + target)
    with open("/dev/mapper/control", "rb") as file:
        fcntl.ioctl(file, 3 << 30 | size << 16 | 0xFD << 8 | nr, data)
    return os.minor(struct.unpack_from(HEADER, data)[10])


def load(name, kind, sectors, params):
    text = params.encode() + b"\0"
    text += bytes(-len(text) % 8)
    spec = struct.pack("=QQiI16s", 0, sectors, 0, 40 + len(text), kind.encode())
    control(LOAD, name, target=spec + text)
    control(SUSPEND, name, SUSPENDED | FLUSH_NOTHING)
    return control(SUSPEND, name)


def sectors_of(path):
    with open(path, "rb") as file:
        return file.seek(0, os.SEEK_END) // 512


def main(verb, name, path=None):
    if verb == "remove":
        control(REMOVE, name)
    elif verb == "fail":
        load(name, "error", 1 << 30, "")
    else:
        try:
            control(CREATE, name)
        except OSError:
            pass  # it is there, and is mended
        print(f"/dev/dm-{load(name, 'linear', sectors_of(path), f'{path} 0')}")


main(*sys.argv[1:])
