# SPDX-License-Identifier: GPL-2.0-or-later
"""cached.py PATH...: what a walk finds that can't leave rcu-walk: "there", or the error's name.

EAGAIN says that the walk would have had to ask somebody.
"""

import errno
import os
import struct
import sys

from calls import OPENAT2, call

AT_FDCWD, RESOLVE_CACHED = -100, 0x20

for path in sys.argv[1:]:
    how = struct.pack("=QQQ", os.O_PATH, 0, RESOLVE_CACHED)
    try:
        call(OPENAT2, AT_FDCWD, path.encode(), how, len(how))
        print("there")
    except OSError as e:
        print(errno.errorcode[e.errno])
