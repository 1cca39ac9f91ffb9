# SPDX-License-Identifier: GPL-2.0-or-later
"""Cases of 090-permissions.bats: what an ordinary user gets from programs and from the daemon."""

import errno
import os

from lib import case, equal, fails, holds, main, outcome, read_file, write_file
from permissions import do, look, ME, OTHER, SHARED


# ---- programs that give privileges ----


@case
def privileges(path, expected):
    """Run a copy of grep as an ordinary user: whose privileges has it?"""

    def effective():
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.dup2(writer, 1)
            os.execv(path, [path, "-E", "^(Uid|Gid|CapEff):", "/proc/self/status"])
        os.close(writer)
        with open(reader, "rb") as output:
            words = output.read().decode().split()
        os.waitpid(child, 0)
        return [words[2], words[7], words[11]]

    path = os.path.abspath(path)
    uid, gid, capabilities = do(effective, "/")
    equal(f"{uid}:{gid}:{int(capabilities, 16):x}", expected, "effective ids and capabilities")


# ---- what the daemon does for a user ----


@case
def whose(directory, upper):
    """A user's changes in lower directories: what is made belongs to whom it should."""

    def change():
        os.unlink("dir/file")
        write_file("dir/new", b"new")
        with open("dir/unreadable", "ab") as file:
            file.write(b" and more")
        os.rename("dir/other", "dir/moved")
        os.rename("dir/sub", "dir/moved-sub")
        return [outcome(read_file, "dir/unreadable")]

    equal(do(change, directory), ["EACCES"], "reading what may only be written")
    equal(look(f"{upper}/dir/file")[1:3], (0, 0), "owner of the whiteout")
    equal(look(f"{directory}/dir/new")[1:3], (ME, ME), "owner of the new file")
    equal(look(f"{directory}/dir/unreadable")[:3], (oct(0o100200), ME, ME), "the file written")
    equal(read_file(f"{directory}/dir/unreadable"), b"unreadable and more", "its content")
    equal(look(f"{directory}/dir/moved")[1:3], (OTHER, OTHER), "owner of the file moved")
    equal(look(f"{directory}/dir/moved-sub")[1:3], (OTHER, OTHER), "owner of the directory moved")
    equal(look(f"{directory}/dir")[:3], (oct(0o40777), 0, 0), "the directory itself")


@case
def make_whose(directory):
    os.mkdir(f"{directory}/dir")
    os.chmod(f"{directory}/dir", 0o777)
    for name, uid, mode in (("file", 0, 0o600), ("other", OTHER, 0o600), ("unreadable", ME, 0o200)):
        write_file(f"{directory}/dir/{name}", name.encode())
        os.chown(f"{directory}/dir/{name}", uid, uid)
        os.chmod(f"{directory}/dir/{name}", mode)
    os.mkdir(f"{directory}/dir/sub")
    write_file(f"{directory}/dir/sub/inner")
    os.chown(f"{directory}/dir/sub", OTHER, OTHER)
    os.chmod(f"{directory}/dir/sub", 0o777)


@case
def read_only(directory):
    """access(2) on a read-only mount."""

    def use():
        return [
            os.access("dir/unreadable", os.W_OK),
            outcome(os.open, "dir/unreadable", os.O_WRONLY),
            outcome(write_file, "dir/new"),
            outcome(os.chmod, "dir/unreadable", 0o600),
            os.access("dir", os.R_OK | os.X_OK),
        ]

    equal(do(use, directory), [False, "EROFS", "EROFS", "EROFS", True], "results")


@case
def old_handles(path):
    """What a handle may do was decided when it was opened."""

    def use():
        writer, reader = os.open(path, os.O_RDWR), os.open(path, os.O_RDONLY)
        os.chmod(path, 0)
        results = [outcome(os.open, path, os.O_RDONLY), outcome(os.pwrite, writer, b"x", 0)]
        results.append(os.pread(writer, 1, 0))
        results.append(len(os.pread(reader, 10, 0)))
        os.ftruncate(writer, 3)
        results.append(os.fstat(reader).st_size)
        return results

    path = os.path.abspath(path)
    equal(do(use, "/"), ["EACCES", "success", b"x", 7, 3], "results")


@case
def many_groups(path):
    """A group counts that is the thousandth."""
    groups = list(range(50000, 51000))
    os.chown(path, OTHER, groups[-1])
    os.chmod(path, 0o060)
    equal(do(lambda: [outcome(os.open, path, os.O_RDWR)], ".", groups=groups), ["success"], "open")
    groups.pop()
    equal(do(lambda: [outcome(os.open, path, os.O_RDWR)], ".", groups=groups), ["EACCES"], "open")


@case
def foreign_bits(directory):
    """Who is not in a file's group cannot make it set-gid, nor keep it so by a chgrp."""

    def use():
        os.chmod("foreign", 0o2755)
        os.chmod("own", 0o2755)
        return [look("foreign")[0], look("own")[0]]

    for name, gid in (("foreign", OTHER), ("own", SHARED)):
        write_file(f"{directory}/{name}")
        os.chown(f"{directory}/{name}", ME, gid)
    equal(do(use, directory), [oct(0o100755), oct(0o102755)], "modes")
    fails(errno.ENOENT, os.stat, f"{directory}/none")
    holds(os.path.exists(f"{directory}/own"), "the file is there")


if __name__ == "__main__":
    main()
