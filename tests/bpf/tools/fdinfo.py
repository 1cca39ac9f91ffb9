# SPDX-License-Identifier: GPL-2.0-or-later
"""fdinfo.py DIRECTORY FILTER: registers both as a server does, and prints the device's fdinfo."""

import fcntl
import os
import struct
import sys

from calls import FSCONFIG, FSMOUNT, FSOPEN, call

TYPE = os.environ.get("LAMINA_FUSE_TYPE", "fuse_bpf")
LAYER_ADD = 1 << 30 | 32 << 16 | 229 << 8 | 0xB1
FILTER_ADD = 1 << 30 | 48 << 16 | 229 << 8 | 0xB4

device = os.open("/dev/" + TYPE, os.O_RDWR)
fs = call(FSOPEN, TYPE.encode(), 0)
for key, value in {"fd": device, "rootmode": 40000, "user_id": 0, "group_id": 0}.items():
    call(FSCONFIG, fs, 1, key.encode(), str(value).encode(), 0)
call(FSCONFIG, fs, 6, None, None, 0)
mnt = call(FSMOUNT, fs, 0, 0)
unique = struct.unpack_from("=IIQ", os.read(device, 65536))[2]
init = struct.pack("=IIIIHHIIHHII24x", 7, 40, 0, 1 << 30, 0, 0, 4096, 0, 0, 0, 1 << 5, 1)
os.write(device, struct.pack("=IiQ", 16 + len(init), 0, unique) + init)

layer = os.open(sys.argv[1], os.O_PATH)
fcntl.ioctl(device, LAYER_ADD, struct.pack("=iIQ16x", layer, 0, 42))
fcntl.ioctl(device, FILTER_ADD, struct.pack("=iI16sQ16x", -1, 0, sys.argv[2].encode(), 7))
with open(f"/proc/self/fdinfo/{device}", encoding="ascii") as f:
    print(f.read(), end="")
