# SPDX-License-Identifier: GPL-2.0-or-later
"""Cases of 203-policy-escape.bats: ways around a policy by what is open, and by what opens for a process.
See forbidden.py."""

import ctypes
import errno
import os
import socket
import struct
import time

from forbidden import in_a_child, nothing_is_to_be_had, unshare, CLONE_NEWNS
from lib import case, check, equal, error_name, fails, holds, libc, link_fd, main, names_of, on_fd
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


@case
def handles(top, secret_ino, *names):
    """Handles of what is visible are changed until they are those of what is hidden."""
    mount_fd = os.open(top, os.O_RDONLY | os.O_DIRECTORY)
    try:
        handle = handle_of(f"{top}/open")
    except OSError:
        return  # no handles, no way
    fails(errno.ENOENT, handle_of, f"{top}/secret")
    original = bytes(handle.bytes)
    for at in range(0, handle.size, 4):
        for value in range(2000):
            changed = original[:at] + struct.pack("I", value) + original[at + 4 :]
            ctypes.memmove(handle.bytes, changed, len(changed))
            for flags in (os.O_RDONLY | os.O_NONBLOCK, os.O_PATH):
                try:
                    fd = open_by_handle(mount_fd, handle, flags)
                except OSError:
                    continue
                look_at_stolen(fd, flags, int(secret_ino))
                os.close(fd)


def handle_of(path):
    handle, number = Handle(size=128), ctypes.c_int()
    check(
        libc.name_to_handle_at(
            AT_FDCWD, os.fsencode(path), ctypes.byref(handle), ctypes.byref(number), 0
        )
    )
    return handle


def look_at_stolen(fd, flags, secret_ino):
    try:
        info = os.fstat(fd)
    except OSError as error:
        equal(error_name(error.errno), "ENOENT", "fstat of a hidden object")
        holds(flags == os.O_PATH, "what is hidden is not opened")
        fails(errno.ENOENT, os.open, on_fd(fd), os.O_RDONLY)
        holds(outcome(os.stat, "key", dir_fd=fd) in ("ENOENT", "ENOTDIR"), "nothing lies below")
        return
    holds(info.st_ino != secret_ino, "the attributes of what is hidden are not shown")


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
def handles_before(top, tell, wait):
    """Handles of what is hidden, from when it was not."""
    mount_fd = os.open(top, os.O_RDONLY | os.O_DIRECTORY)
    try:
        secret, hidden = handle_of(f"{top}/secret"), handle_of(f"{top}/hidden")
        noread = handle_of(f"{top}/noread")
    except OSError:
        secret = hidden = noread = None  # no handles, no way
    with open(tell, "w") as file:
        file.write("ready")
    with open(wait) as file:
        file.read()
    if not secret:
        return
    fails(errno.ENOENT, open_by_handle, mount_fd, secret, os.O_RDONLY)
    fails(errno.EACCES, open_by_handle, mount_fd, noread, os.O_RDONLY)
    fd = open_by_handle(mount_fd, secret, os.O_PATH)
    fails(errno.ENOENT, os.fstat, fd)
    fails(errno.ENOENT, os.open, on_fd(fd), os.O_RDONLY)
    fails(errno.ENOENT, link_fd, fd, f"{top}/new")
    fd = open_by_handle(mount_fd, hidden, os.O_PATH)
    fails(errno.ENOENT, os.stat, "key", dir_fd=fd)
    fails(errno.ENOENT, names_of, on_fd(fd))


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
