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


@case
def remove_open(directory, count):
    """Files are opened, removed, and read when none of them has a name any more."""
    fds = [os.open(f"{directory}/{i}", os.O_RDONLY) for i in range(int(count))]
    for i in range(len(fds)):
        os.unlink(f"{directory}/{i}")
    for i, fd in enumerate(fds):
        equal(os.pread(fd, 100, 0), f"{i}\n".encode(), f"content of file {i}")
        equal(os.fstat(fd).st_nlink, 0, f"names of file {i}")


if __name__ == "__main__":
    main()
