# SPDX-License-Identifier: GPL-2.0-or-later
"""making.py LAYER: begins to make a mount of a view, which keeps the module, and gives it up."""

import os
import subprocess
import sys

from calls import FSCONFIG, FSOPEN, call

fs = call(FSOPEN, b"fuse_bpf", 0)
call(FSCONFIG, fs, 5, b"root_dir", None, os.open(sys.argv[1], os.O_RDONLY))
if subprocess.run(["rmmod", "fuse_bpf"], stderr=subprocess.DEVNULL, check=False).returncode == 0:
    print("the module went")
