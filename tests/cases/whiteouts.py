# SPDX-License-Identifier: GPL-2.0-or-later
"""Cases of 040-whiteouts.bats."""

import errno
import os
import socket
import stat

from lib import case, equal, fails, holds, link_fd, main, names_of, read_file, renameat2, write_file
from lib import RENAME_EXCHANGE, RENAME_NOREPLACE


@case
def make_all(directory):
    os.chdir(directory)
    write_file("over-file", b"new")
    os.mkdir("over-dir", 0o750)
    os.symlink("target", "over-link")
    os.mkfifo("over-fifo")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("over-socket")
    os.link("source", "over-hardlink")
    fd = os.open(".", os.O_TMPFILE | os.O_RDWR, 0o640)
    os.write(fd, b"tmpfile")
    link_fd(fd, "over-tmpfile")


@case
def check_all(directory):
    os.chdir(directory)
    equal(read_file("over-file"), b"new", "content of the file")
    equal(os.readlink("over-link"), "target", "target of the link")
    equal(read_file("over-hardlink"), b"linked\n", "content of the hard link")
    equal(os.stat("over-hardlink").st_ino, os.stat("source").st_ino, "inode of the hard link")
    equal(os.stat("over-hardlink").st_nlink, 2, "names of the hard link")
    equal(read_file("over-tmpfile"), b"tmpfile", "content of the file that had no name")
    equal(oct(os.stat("over-dir").st_mode), oct(stat.S_IFDIR | 0o750), "mode of the directory")
    holds(stat.S_ISFIFO(os.stat("over-fifo").st_mode), "the fifo is one")
    holds(stat.S_ISSOCK(os.stat("over-socket").st_mode), "the socket is one")
    equal(names_of("over-dir"), [b"sub"], "names in the directory")


@case
def refused(directory):
    os.chdir(directory)
    write_file("own")
    os.mkdir("own-dir")
    before = names_of(".")
    for name in (".wh.x", ".wh.", ".wh.file", ".wh..wh..opq", ".wh..wh.x", "dir/.wh.x"):
        fails(errno.EINVAL, os.open, name, os.O_WRONLY | os.O_CREAT)
        fails(errno.EINVAL, os.mkdir, name)
        fails(errno.EINVAL, os.symlink, "target", name)
        fails(errno.EINVAL, os.mkfifo, name)
        fails(errno.EINVAL, os.link, "own", name)
        fails(errno.EINVAL, os.link, "file", name)
        fails(errno.EINVAL, os.rename, "own", name)
        fails(errno.EINVAL, os.rename, "own-dir", name)
        fails(errno.EINVAL, renameat2, "own", name, RENAME_NOREPLACE)
        fails(errno.EINVAL, os.rename, "file", name)
        fd = os.open(".", os.O_TMPFILE | os.O_RDWR)
        fails(errno.EINVAL, link_fd, fd, name)
        os.close(fd)
        fails(errno.ENOENT, renameat2, "own", name, RENAME_EXCHANGE)
        fails(errno.ENOENT, os.stat, name)
        fails(errno.ENOENT, os.unlink, name)
        fails(errno.ENOENT, os.rmdir, name)
        fails(errno.ENOENT, os.open, name, os.O_RDONLY)
    equal(names_of("."), before, "names afterwards")
    os.unlink("own")
    os.rmdir("own-dir")


@case
def longest(directory, size):
    os.chdir(directory)
    names = ["a" * int(size), "b" * int(size)]
    write_file(names[0], b"content")
    os.rename(names[0], names[1])
    os.link(names[1], names[0])
    os.unlink(names[1])
    os.mkdir(names[1])
    os.rmdir(names[1])
    os.symlink("target", names[1])
    os.unlink(names[1])
    equal(read_file(names[0]), b"content", "content by the long name")
    for more in (1, 2, 4, 500):
        name = "c" * (int(size) + more)
        fails(errno.ENAMETOOLONG, os.open, name, os.O_WRONLY | os.O_CREAT)
        fails(errno.ENAMETOOLONG, os.mkdir, name)
        fails(errno.ENAMETOOLONG, os.symlink, "target", name)
        fails(errno.ENAMETOOLONG, os.mkfifo, name)
        fails(errno.ENAMETOOLONG, os.link, names[0], name)
        fails(errno.ENAMETOOLONG, os.rename, names[0], name)
    os.unlink(names[0])


if __name__ == "__main__":
    main()
