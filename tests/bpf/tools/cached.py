# SPDX-License-Identifier: GPL-2.0-or-later
"""cached.py PATH...: what a walk finds that can't leave rcu-walk: "there", or the error's name.

EAGAIN says that the walk would have had to ask somebody.
"""

import ctypes
import errno
import os
import struct
import sys

OPENAT2, AT_FDCWD, RESOLVE_CACHED = 437, -100, 0x20
libc = ctypes.CDLL(None, use_errno=True)

for path in sys.argv[1:]:
    how = struct.pack("=QQQ", os.O_PATH, 0, RESOLVE_CACHED)
    fd = libc.syscall(OPENAT2, AT_FDCWD, path.encode(), how, len(how))
    print("there" if fd >= 0 else errno.errorcode[ctypes.get_errno()])
