# SPDX-License-Identifier: GPL-2.0-or-later
"""What goes on working when resources are short."""
import os
import sys

sys.path.insert(0, os.path.dirname(__file__))
from lib import case, equal, main  # noqa: E402


@case
def many_open(mnt, count):
    """All files open at once, each read and written."""
    files = [open(f"{mnt}/{i}", "r+b", buffering=0) for i in range(int(count))]
    for i, f in enumerate(files):
        equal(f.read(), b"%d\n" % i, f"content of {i}")
    for i, f in enumerate(files):
        f.write(b"more %d\n" % i)
    for i, f in enumerate(files):
        f.seek(0)
        equal(f.read(), b"%d\nmore %d\n" % (i, i), f"new content of {i}")


if __name__ == "__main__":
    main()
