# SPDX-License-Identifier: GPL-2.0-or-later
"""Cases of 203-policy-escape.bats: ways around a policy by what is open, and by what opens for a process.
See forbidden.py."""

import ctypes
import errno
import os
import socket
import struct
import time

from forbidden import in_a_child, nothing_is_to_be_had, unshare, CLONE_NEWNS, CLONE_NEWUSER
from lib import case, check, equal, fails, holds, libc, link_fd, main, names_of, on_fd
from lib import outcome, read_file, run, AT_FDCWD
from uring import Ring

OPEN_TREE, OPEN_TREE_CLONE, AT_RECURSIVE = 428, 1, 0x8000


@case
def proc(top):
    """Through /proc: the root, directory and open files of other processes and of oneself."""

    def stay():
        os.chroot(top)
        os.chdir("/")
        time.sleep(1000)

    child = os.fork()
    if child == 0:
        stay()
    try:
        while os.readlink(f"/proc/{child}/cwd") != top:
            time.sleep(0.01)
        nothing_is_to_be_had(f"/proc/{child}/root")
        nothing_is_to_be_had(f"/proc/{child}/cwd")
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
    directory = os.open(top, os.O_PATH | os.O_DIRECTORY)
    nothing_is_to_be_had(on_fd(directory))
    for name, flags in (("noread", os.O_RDONLY), ("nowrite", os.O_WRONLY)):
        fd = os.open(f"{top}/{name}", os.O_PATH)
        fails(errno.EACCES, os.open, on_fd(fd), flags)
    fd = os.open(f"{top}/nowrite", os.O_RDONLY)
    fails(errno.EACCES, os.open, on_fd(fd), os.O_RDWR)
    fails(errno.EACCES, os.truncate, on_fd(fd), 0)
    fd = os.open(f"{top}/noexec", os.O_RDONLY)
    equal(outcome(run, on_fd(fd)), "EACCES", "running an open file by /proc/self/fd")
    equal(outcome(os.execve, fd, ["x"], {}), "EACCES", "fexecve")


class Handle(ctypes.Structure):
    _fields_ = [("size", ctypes.c_uint), ("kind", ctypes.c_int), ("bytes", ctypes.c_ubyte * 128)]


def open_by_handle(mount_fd, handle, flags):
    return check(libc.open_by_handle_at(mount_fd, ctypes.byref(handle), flags))


AT_HANDLE_FID = 0x200

# The kernel's FUSE has handles of a node's number and generation, alone and with those of its directory.
FUSE_HANDLES = ((0x81, "=III"), (0x82, "=IIIIII"))


def made_up(kind, form, number):
    words = (0, number, 0, 0, 1, 0)[: len(form) - 1]
    content = struct.pack(form, *words)
    return Handle(len(content), kind, (ctypes.c_ubyte * 128)(*content))


def nothing_by_made_up_handles(top):
    mount_fd = os.open(top, os.O_RDONLY | os.O_DIRECTORY)
    for kind, form in FUSE_HANDLES:
        for number in range(1, 2000):
            for flags in (os.O_RDONLY | os.O_NONBLOCK, os.O_PATH | os.O_NOFOLLOW):
                handle = made_up(kind, form, number)
                holds(outcome(open_by_handle, mount_fd, handle, flags) != "success", f"node {number}")


@case
def no_handles(top):
    """A handle would lead to what is hidden, past its names: none is given out, and none is taken."""

    def none():
        for name in ("", "open", "jail", "nowrite"):
            fails(errno.EOPNOTSUPP, handle_of, f"{top}/{name}")
        # One that only tells objects apart may be had: the kernel's FUSE gives such to fanotify.
        try:
            handle = handle_of(f"{top}/open", AT_HANDLE_FID)
        except OSError:
            handle = None
        mount_fd = os.open(top, os.O_RDONLY | os.O_DIRECTORY)
        for flags in (os.O_RDONLY, os.O_PATH):
            if handle:
                holds(outcome(open_by_handle, mount_fd, handle, flags) != "success", "an id is opened")
        nothing_by_made_up_handles(top)

    def in_a_user_namespace():
        unshare(CLONE_NEWUSER | CLONE_NEWNS)
        nothing_by_made_up_handles(top)

    in_a_child(none)
    in_a_child(in_a_user_namespace)


def handle_of(path, flags=0):
    handle, number = Handle(size=128), ctypes.c_int()
    check(
        libc.name_to_handle_at(
            AT_FDCWD, os.fsencode(path), ctypes.byref(handle), ctypes.byref(number), flags
        )
    )
    return handle


@case
def unnamed(top):
    """Files without a name: O_TMPFILE, and what was unlinked while it was open."""
    program = read_file("/bin/busybox")
    fd = os.open(f"{top}/jail", os.O_TMPFILE | os.O_RDWR, 0o755)
    os.write(fd, program)
    read_only = os.open(on_fd(fd), os.O_RDONLY)
    os.close(fd)
    equal(outcome(run, on_fd(read_only), "true"), "EACCES", "running an unnamed file of the jail")
    fails(errno.EXDEV, link_fd, read_only, f"{top}/prog")
    link_fd(read_only, f"{top}/jail/linked")
    equal(outcome(run, f"{top}/jail/linked", "true"), "EACCES", "running it by its name")
    fd = os.open(f"{top}/jail/prog", os.O_RDONLY)
    os.unlink(f"{top}/jail/prog")
    equal(outcome(run, on_fd(fd), "true"), "EACCES", "running what was unlinked")
    fd = os.open(f"{top}/nowrite", os.O_RDONLY)
    os.unlink(f"{top}/nowrite")
    fails(errno.EACCES, os.open, on_fd(fd), os.O_WRONLY)


@case
def passed_fds(top):
    """An fd that comes from another bound process is worth no more there."""
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        fd = os.open(f"{top}/noread", os.O_PATH)
        socket.send_fds(theirs, [b"x"], [fd])
        os._exit(0)
    _, fds, _, _ = socket.recv_fds(ours, 1, 1)
    os.waitpid(child, 0)
    fails(errno.EACCES, os.open, on_fd(fds[0]), os.O_RDONLY)


@case
def uring(top):
    """A worker thread of the kernel is its process'."""
    try:
        ring = Ring()
    except OSError:
        return  # no rings, no way
    os.close(ring.open(f"{top}/open", os.O_RDONLY))
    ring.stat(f"{top}/open")
    for name in ("secret", "hidden", "hidden/key"):
        fails(errno.ENOENT, ring.open, f"{top}/{name}", os.O_RDONLY)
        fails(errno.ENOENT, ring.stat, f"{top}/{name}")
        fails(errno.ENOENT, ring.unlink, f"{top}/{name}")
    fails(errno.EACCES, ring.open, f"{top}/noread", os.O_RDONLY)
    fails(errno.EACCES, ring.open, f"{top}/nowrite", os.O_WRONLY)


@case
def detached(top):
    """A copy of the mount that is in no namespace at all."""
    fd = check(
        libc.syscall(OPEN_TREE, AT_FDCWD, os.fsencode(top), OPEN_TREE_CLONE | AT_RECURSIVE)
    )
    nothing_is_to_be_had(on_fd(fd))


@case
def given_by_the_host(top):
    """What somebody who is not bound has open, and gives away: good for what it is, and no more."""
    secret = os.open(f"{top}/secret", os.O_RDONLY)
    paths = {name: os.open(f"{top}/{name}", os.O_PATH) for name in ("secret", "hidden", "noread")}
    listing = os.open(f"{top}/hidden", os.O_RDONLY | os.O_DIRECTORY)

    def bound():
        unshare(CLONE_NEWNS)
        equal(os.read(secret, 100), b"secret\n", "an open file")
        fails(errno.ENOENT, os.open, on_fd(secret), os.O_RDONLY)
        fails(errno.ENOENT, os.open, on_fd(paths["secret"]), os.O_RDONLY)
        fails(errno.ENOENT, os.fstat, paths["secret"])
        fails(errno.EACCES, os.open, on_fd(paths["noread"]), os.O_RDONLY)
        for fd in (paths["hidden"], listing):
            fails(errno.ENOENT, os.open, "key", os.O_RDONLY, dir_fd=fd)
            fails(errno.ENOENT, names_of, on_fd(fd))
        fails(errno.ENOENT, os.listdir, listing)

    in_a_child(bound)


if __name__ == "__main__":
    main()
