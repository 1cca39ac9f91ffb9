# SPDX-License-Identifier: GPL-2.0-or-later
"""What changes something in a writable view, for gates.py: by the operation that filters are asked about."""

import fcntl
import itertools
import os
import struct

from calls import RENAMEAT2, call

NOBODY = 0xFFFFFFFF
ACL = struct.pack("=IHHIHHIHHI", 2, 1, 6, NOBODY, 4, 4, NOBODY, 32, 4, NOBODY)
EXCHANGE = 2


def tree(mnt):
    """What is in a tree, as far as these operations change it; but for what each begins with."""
    seen = []
    for where, dirs, files in os.walk(mnt):
        for name in sorted(dirs + files):
            if name.startswith("own"):
                continue
            path = os.path.join(where, name)
            st = os.lstat(path)
            entry = [path, st.st_mode, st.st_uid, st.st_nlink, st.st_size]
            if os.path.isfile(path) and not os.path.islink(path):
                entry += [st.st_mtime_ns, sorted(os.listxattr(path))]
                with open(path, "rb") as file:
                    entry.append(file.read())
            seen.append(entry)
    return seen


def acts(mnt):
    """Operation: ways to do it. Each can be done again and again, whether it was allowed or not."""
    counter = itertools.count()
    lower = itertools.count()

    def new():
        return f"{mnt}/new{next(counter)}"

    def own(make=lambda path: os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))):
        path = f"{mnt}/own{next(counter)}"
        make(path)
        return path

    def opened(act, flags=os.O_RDWR):
        fd = os.open(f"{mnt}/file", flags)
        try:
            act(fd)
        finally:
            os.close(fd)

    def splice(fd):
        ends = os.pipe()
        try:
            os.write(ends[1], b"x")
            os.splice(ends[0], fd, 1, offset_dst=0)
        finally:
            os.close(ends[0])
            os.close(ends[1])

    def copy(fd):
        source = os.open(f"{mnt}/f0", os.O_RDONLY)
        try:
            os.copy_file_range(source, fd, 1, 0, 0)
        finally:
            os.close(source)

    def without_attribute():
        path = own()
        os.setxattr(path, "user.y", b"y")
        os.removexattr(path, "user.y")

    def exchange():
        call(RENAMEAT2, -100, own().encode(), -100, own(os.mkdir).encode(), EXCHANGE)

    def flags(fd):
        fcntl.ioctl(fd, 0x40086602, struct.pack("=I", 0x40))  # FS_IOC_SETFLAGS, FS_NODUMP_FL

    return {
        "WRITE": [
            lambda: opened(lambda fd: os.write(fd, b"TEXT")),
            lambda: opened(lambda fd: os.pwritev(fd, [b"T"], 0)),
            lambda: opened(lambda fd: os.posix_fallocate(fd, 0, 1)),
            lambda: opened(splice),
            lambda: opened(copy),
        ],
        "TRUNCATE": [
            lambda: os.truncate(f"{mnt}/file", 5),
            lambda: opened(lambda fd: os.ftruncate(fd, 5)),
            lambda: os.close(os.open(f"{mnt}/f{next(lower)}", os.O_WRONLY | os.O_TRUNC)),
        ],
        "CHMOD": [lambda: os.chmod(f"{mnt}/file", 0o640), lambda: opened(lambda fd: os.fchmod(fd, 0o640))],
        "CHOWN": [lambda: os.chown(f"{mnt}/file", 5, 6)],
        "UTIMES": [lambda: os.utime(f"{mnt}/file", ns=(5, 6))],
        "SETXATTR": [lambda: os.setxattr(f"{mnt}/file", "user.z", b"z")],
        "REMOVEXATTR": [without_attribute],
        "SETACL": [lambda: os.setxattr(f"{mnt}/file", "system.posix_acl_access", ACL)],
        "SETFILEATTR": [lambda: opened(flags)],
        "LINKED": [lambda: os.link(own(), new())],
        "CREATE": [lambda: os.close(os.open(new(), os.O_CREAT | os.O_WRONLY))],
        "MKDIR": [lambda: os.mkdir(new())],
        "MKNOD": [lambda: os.mkfifo(new())],
        "SYMLINK": [lambda: os.symlink("target", new())],
        "TMPFILE": [lambda: os.close(os.open(mnt, os.O_TMPFILE | os.O_WRONLY))],
        "LINK": [lambda: os.link(own(), new())],
        "UNLINK": [lambda: os.unlink(own()), lambda: os.rename(own(), own())],
        "RMDIR": [lambda: os.rmdir(own(os.mkdir)), lambda: os.rename(own(os.mkdir), own(os.mkdir))],
        "RENAME": [lambda: os.rename(own(), new()), exchange],
        "RENAME_TO": [lambda: os.rename(own(), new()), exchange],
    }
