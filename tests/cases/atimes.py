# SPDX-License-Identifier: GPL-2.0-or-later
"""Cases of 087-atime.bats: by what the times of access change."""

import mmap
import os
import sys

from lib import case, equal, main, read_file, write_file

OLD = 10**18  # nanoseconds, long ago


def age(path):
    os.utime(path, ns=(OLD, OLD + 10**9), follow_symlinks=False)


@case
def populate(directory):
    """What there is before the mount: nothing of it is in the kernel's cache of that."""
    os.makedirs(f"{directory}/dir")
    for name in ("read", "direct", "write and read", "mapped", "sent", "again", "dir/inner"):
        write_file(f"{directory}/{name}", b"x" * 5000)
        age(f"{directory}/{name}")
    os.symlink("read", f"{directory}/link")
    for name in ("link", "dir"):
        age(f"{directory}/{name}")


def read_by(path, flags, count=1):
    fd = os.open(path, flags)
    for _ in range(count):
        os.pread(fd, 100, 0)
    os.close(fd)


def map_and_read(path):
    fd = os.open(path, os.O_RDONLY)
    mmap.mmap(fd, 0, mmap.MAP_PRIVATE, mmap.PROT_READ)[:]  # pylint: disable=expression-not-assigned
    os.close(fd)


def send(path):
    with open(path, "rb") as file, open("/dev/null", "wb") as null:
        reader, writer = os.pipe()
        os.splice(file.fileno(), writer, 1000)
        os.splice(reader, null.fileno(), 1000)
        os.close(reader)
        os.close(writer)


ACCESSES = {
    "read": lambda path: read_by(path, os.O_RDONLY),
    "write and read": lambda path: read_by(path, os.O_RDWR),
    "mapped": map_and_read,
    "sent": send,
    "link": os.readlink,
    "dir": os.listdir,
}


def changed(path):
    return os.lstat(path).st_atime_ns != OLD


@case
def accessed(directory, *names):
    """Prints what was accessed and has another time now; what is not named is not looked at."""
    for name in names or ACCESSES:
        path = f"{directory}/{name}"
        equal(changed(path), False, f"the time of {name} is changed at first")
        ACCESSES[name](path)
        if changed(path):
            print(name)


@case
def twice(directory):
    """With relatime the first access after a change counts."""
    path = f"{directory}/again"
    read_by(path, os.O_RDONLY)
    first = os.stat(path).st_atime_ns
    if first == OLD:
        sys.exit("the first access does not count")
    for _ in range(3):
        equal(len(read_file(path)), 5000, "size")
    equal(os.stat(path).st_atime_ns, first, "time of access after more of them")


@case
def made(directory):
    """What is made by the mount, and what is copied up, is read by the same handle and by others."""
    for name, path in (("new", f"{directory}/new"), ("lower", f"{directory}/copied")):
        fd = os.open(path, os.O_RDWR | os.O_CREAT)
        os.pwrite(fd, b"y" * 100, 0)
        os.utime(fd, ns=(OLD, OLD + 10**9))
        os.pread(fd, 200, 0)
        read_by(path, os.O_RDONLY, 3)
        map_and_read(path)
        equal(os.stat(path).st_atime_ns, OLD, f"time of access of {name}")
        os.close(fd)


if __name__ == "__main__":
    main()
