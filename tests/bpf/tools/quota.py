# SPDX-License-Identifier: GPL-2.0-or-later
"""quota.py DEVICE USER [BLOCKS INODES]: what a user uses of a file system, "BYTES INODES"; or its limits."""

import ctypes
import struct
import sys

from calls import QUOTACTL, call

GET, SET = 0x800007 << 8, 0x800008 << 8
LIMITS = 5

device, user, limits = sys.argv[1].encode(), int(sys.argv[2]), [int(n) for n in sys.argv[3:]]
block = ctypes.create_string_buffer(72)
if limits:
    struct.pack_into("=QQQQQQQQI", block, 0, limits[0], 0, 0, limits[1], 0, 0, 0, 0, LIMITS)
call(QUOTACTL, SET if limits else GET, device, user, block)
if not limits:
    values = struct.unpack_from("=8Q", block)
    print(values[2], values[5])
