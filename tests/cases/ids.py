# SPDX-License-Identifier: GPL-2.0-or-later
"""Cases of 110-ids.bats."""

import errno
import os
import socket
import stat

from lib import case, equal, fails, link_fd, main, outcome, write_file
from permissions import do


def make(number):
    if number == 0:
        write_file("file")
    elif number == 1:
        os.mkdir("dir")
    elif number == 2:
        os.symlink("target", "link")
    elif number == 3:
        os.mkfifo("fifo")
    elif number == 4:
        link_fd(os.open(".", os.O_TMPFILE | os.O_RDWR), "tmpfile")


def as_ids(directory, uid, gid, function):
    return do(function, directory, uid=int(uid), gid=int(gid), groups=())


@case
def make_as(directory, uid, gid, count=5):
    results = as_ids(directory, uid, gid, lambda: [outcome(make, n) for n in range(int(count))])
    equal(results, ["success"] * int(count), "results of making objects")


@case
def cannot_make_as(directory, uid, gid):
    before = sorted(os.listdir(directory))

    def use():
        names = [f"other-{number}" for number in range(3)]
        return [
            outcome(write_file, names[0]),
            outcome(os.mkdir, names[1]),
            outcome(os.symlink, "target", names[2]),
            outcome(os.open, ".", os.O_TMPFILE | os.O_RDWR),
        ]

    equal(as_ids(directory, uid, gid, use), ["EOVERFLOW"] * 4, "results of making objects")
    equal(sorted(os.listdir(directory)), before, "names afterwards")


@case
def opens(path, uid, gid, expected):
    path = os.path.abspath(path)
    result = as_ids("/", uid, gid, lambda: outcome(os.open, path, os.O_RDWR))
    equal(result, expected, f"opening {path} as {uid}")


# ---- owners and modes in attributes ----


@case
def keeps(directory):
    os.mkdir(f"{directory}/made")
    os.chdir(f"{directory}/made")
    os.umask(0o022)
    write_file("file", b"content")
    os.chown("file", 11, 22)
    os.chmod("file", 0o4711)
    os.mkdir("dir")
    os.chown("dir", 33, 44)
    os.chmod("dir", 0o1753)
    os.mkfifo("fifo", 0o600)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
    os.mknod("char", stat.S_IFCHR | 0o600, os.makedev(1, 3))
    os.chmod("char", 0o666)
    os.chown("char", 5, 6)
    os.mknod("block", stat.S_IFBLK | 0o600, os.makedev(259, 70000))
    os.symlink("target", "link")
    write_file("forbidden", b"forbidden", 0o000)
    os.link("file", "linked")


@case
def kept(directory):
    os.chdir(f"{directory}/made")

    def look(name):
        status = os.lstat(name)
        return oct(status.st_mode), status.st_uid, status.st_gid, status.st_rdev

    for name, mode, uid, gid, device in (
        ("file", stat.S_IFREG | 0o4711, 11, 22, 0),
        ("linked", stat.S_IFREG | 0o4711, 11, 22, 0),
        ("dir", stat.S_IFDIR | 0o1753, 33, 44, 0),
        ("fifo", stat.S_IFIFO | 0o600, 0, 0, 0),
        ("socket", stat.S_IFSOCK | 0o755, 0, 0, 0),
        ("char", stat.S_IFCHR | 0o666, 5, 6, os.makedev(1, 3)),
        ("block", stat.S_IFBLK | 0o600, 0, 0, os.makedev(259, 70000)),
        ("link", stat.S_IFLNK | 0o777, 0, 0, 0),
        ("forbidden", stat.S_IFREG, 0, 0, 0),
    ):
        equal(look(name), (oct(mode), uid, gid, device), name)
        kind = next(entry for entry in os.scandir(".") if entry.name == name)
        equal(kind.is_symlink(), stat.S_ISLNK(mode), f"{name} is listed as a link")
        equal(kind.is_dir(follow_symlinks=False), stat.S_ISDIR(mode), f"{name} as a directory")
        equal(kind.is_file(follow_symlinks=False), stat.S_ISREG(mode), f"{name} as a file")
    with open("file", "rb") as file:
        equal(file.read(), b"content", "content")
    with open("forbidden", "rb") as file:
        equal(file.read(), b"forbidden", "content of what only root may read")
    with open("char", "r+b", buffering=0) as device:
        equal(device.write(b"gone"), 4, "bytes that the device took")
    equal(os.readlink("link"), "target", "target")
    path = os.path.abspath("forbidden")
    equal(do(lambda: outcome(os.open, path, os.O_RDONLY), "/"), "EACCES", "opening as a user")
    equal(os.stat("file").st_ino, os.stat("linked").st_ino, "inode number of the second name")


@case
def clears(directory):
    os.chdir(directory)

    def mode_after(function, uid=0):
        write_file("file", b"content")
        os.chown("file", 1000, 1000)
        os.chmod("file", 0o6755)
        do(function, ".", uid=uid, groups=(1000,))
        mode = os.stat("file").st_mode & 0o7777
        os.unlink("file")
        return oct(mode)

    equal(mode_after(lambda: write_file("file")), oct(0o6755), "mode after root has written")
    equal(mode_after(lambda: write_file("file"), 1000), oct(0o755), "mode after the owner has")
    equal(mode_after(lambda: os.chown("file", 5, 6)), oct(0o755), "mode after a chown")
    equal(mode_after(lambda: os.truncate("file", 3), 1000), oct(0o755), "mode after truncate")
    equal(mode_after(lambda: os.chmod("file", 0o4700), 1000), oct(0o4700), "mode after chmod")


@case
def security(directory):
    os.chdir(directory)
    os.setxattr("own", "security.own", b"own")
    equal(os.listxattr("file"), ["security.lower"], "attributes of the lower file")
    os.setxattr("file", "security.new", b"new")
    write_file("made")
    os.setxattr("made", "security.made", b"made")
    os.setxattr("made", "user.made", b"made")
    security_kept(".")


@case
def security_kept(directory):
    os.chdir(directory)
    equal(sorted(os.listxattr("file")), ["security.lower", "security.new"], "of the lower file")
    equal(os.getxattr("file", "security.lower"), b"lower", "value that was copied up")
    equal(os.getxattr("file", "security.new"), b"new", "value that was set")
    equal(sorted(os.listxattr("made")), ["security.made", "user.made"], "of the new file")
    equal(os.getxattr("own", "security.own"), b"own", "of the upper file")
    fails(errno.ENODATA, os.getxattr, "made", "user.containers.override_security.made")
    os.setxattr("made", "security.gone", b"gone")
    os.removexattr("made", "security.gone")
    equal(sorted(os.listxattr("made")), ["security.made", "user.made"], "after one was removed")


if __name__ == "__main__":
    main()
