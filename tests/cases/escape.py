# SPDX-License-Identifier: GPL-2.0-or-later
"""Cases of 203-policy-escape.bats: ways around a policy. All are tried by root in a mount namespace
of its own, who may do whatever it can there. `top` is the mount; in it, "secret" and the directory
"hidden" with "key" are hidden, "noread" may not be read, "noexec" not run, "nowrite" not written;
nothing in "jail" may be run. "open" may be used in every way."""

import ctypes
import errno
import mmap
import os
import socket
import struct
import subprocess
import threading
import time

from lib import case, check, equal, error_name, fails, holds, libc, link_fd, main, names_of, on_fd
from lib import outcome, read_file, renameat2, run, AT_FDCWD, RENAME_EXCHANGE, RENAME_WHITEOUT

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID = 0x20000, 0x10000000, 0x20000000
MS_BIND, MS_REC, MS_MOVE = 0x1000, 0x4000, 0x2000
MNT_DETACH = 2


def unshare(flags):
    check(libc.unshare(flags))


def setns(fd, flags):
    check(libc.setns(fd, flags))


def mount(source, target, kind, flags=0, data=None):
    words = [word and os.fsencode(word) for word in (source, target, kind, data)]
    check(libc.mount(*words[:3], ctypes.c_ulong(flags), words[3]))


def nothing_is_to_be_had(top):
    """What a policy forbids, by paths from `top`."""
    fails(errno.ENOENT, os.lstat, f"{top}/secret")
    fails(errno.ENOENT, read_file, f"{top}/secret")
    fails(errno.ENOENT, os.lstat, f"{top}/hidden")
    fails(errno.ENOENT, read_file, f"{top}/hidden/key")
    fails(errno.EACCES, read_file, f"{top}/noread")
    equal(outcome(run, f"{top}/noexec"), "EACCES", "noexec")
    fails(errno.EACCES, os.open, f"{top}/nowrite", os.O_WRONLY)
    holds(b"secret" not in names_of(top), "secret is not listed")


def in_a_child(function):
    """What changes a process for good is done by another one."""
    child = os.fork()
    if child == 0:
        try:
            function()
            os._exit(0)
        except BaseException as error:
            print(repr(error), flush=True)
            os._exit(1)
    equal(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 0, function.__name__)


@case
def plain(top):
    nothing_is_to_be_had(top)


@case
def chroot(top):
    def jailed():
        os.chroot(top)
        os.chdir("/")
        nothing_is_to_be_had("/")
        nothing_is_to_be_had("/../..")

    def with_a_way_out():
        # The old trick: a directory outside of the root that is still open.
        outside = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
        os.chroot(top)
        os.fchdir(outside)
        nothing_is_to_be_had("." + top)

    in_a_child(jailed)
    in_a_child(with_a_way_out)


@case
def namespaces(top):
    def new_mounts():
        unshare(CLONE_NEWNS)
        nothing_is_to_be_had(top)

    def new_user():
        unshare(CLONE_NEWUSER | CLONE_NEWNS)
        fails(errno.ENOENT, os.lstat, f"{top}/secret")

    def back_to_an_own_one():
        before = os.open("/proc/self/ns/mnt", os.O_RDONLY)
        unshare(CLONE_NEWNS)
        setns(before, CLONE_NEWNS)
        nothing_is_to_be_had(top)

    def new_pids():
        # Here the process has no number where the mount was made.
        unshare(CLONE_NEWPID)
        in_a_child(lambda: nothing_is_to_be_had(top))

    for way in (new_mounts, new_user, back_to_an_own_one, new_pids):
        in_a_child(way)


@case
def host_namespace(top, pid):
    """Who is no privileged user of the host does not get into the namespace of the mount."""

    def unprivileged():
        os.setgroups([])
        os.setresgid(1000, 1000, 1000)
        os.setresuid(1000, 1000, 1000)
        fails(errno.EACCES, os.open, f"/proc/{pid}/ns/mnt", os.O_RDONLY)
        fails(errno.EACCES, os.open, f"/proc/{pid}/root/", os.O_RDONLY)

    in_a_child(unprivileged)


@case
def threads(top):
    """A thread may have namespaces of its own; it is bound by them."""
    results = []

    def work():
        unshare(0x200 | CLONE_NEWNS)  # CLONE_FS
        results.append(outcome(os.lstat, f"{top}/secret"))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    equal(results, ["ENOENT"], "in a thread")


@case
def hard_link(top):
    for name in ("noread", "noexec", "nowrite"):
        fails(errno.EXDEV, os.link, f"{top}/{name}", f"{top}/new")
        fd = os.open(f"{top}/{name}", os.O_PATH)
        fails(errno.EXDEV, link_fd, fd, f"{top}/new")
        os.close(fd)
    fails(errno.ENOENT, os.link, f"{top}/secret", f"{top}/new")
    os.symlink("secret", f"{top}/symlink")
    fails(errno.ENOENT, read_file, f"{top}/symlink")


@case
def rename(top):
    """Away, back, in exchange, with all that lies above, and with a whiteout in its place."""
    for name in ("noread", "noexec", "nowrite"):
        fails(errno.EXDEV, os.rename, f"{top}/{name}", f"{top}/new")
        fails(errno.EXDEV, renameat2, f"{top}/{name}", f"{top}/open", RENAME_EXCHANGE)
        fails(errno.EXDEV, renameat2, f"{top}/open", f"{top}/{name}", RENAME_EXCHANGE)
        holds(outcome(renameat2, f"{top}/{name}", f"{top}/new", RENAME_WHITEOUT) != "success", name)
    for name in ("secret", "hidden"):
        fails(errno.ENOENT, os.rename, f"{top}/{name}", f"{top}/new")
        fails(errno.ENOENT, renameat2, f"{top}/{name}", f"{top}/open", RENAME_EXCHANGE)
    fails(errno.EXDEV, os.rename, f"{top}/jail", f"{top}/free")
    os.mkdir(f"{top}/free")
    fails(errno.EXDEV, os.rename, f"{top}/jail/prog", f"{top}/free/prog")
    # What is moved to where less is allowed does not come back with more.
    os.rename(f"{top}/open", f"{top}/jail/open")
    fails(errno.EXDEV, os.rename, f"{top}/jail/open", f"{top}/open")
    equal(outcome(run, f"{top}/jail/open"), "EACCES", "moved into the jail")
    nothing_is_to_be_had(top)


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
    handle = Handle(size=128)
    number = ctypes.c_int()
    result = libc.name_to_handle_at(
        AT_FDCWD, os.fsencode(f"{top}/open"), ctypes.byref(handle), ctypes.byref(number), 0
    )
    if result < 0:
        return  # no handles, no way
    fails(errno.ENOENT, check_handle, f"{top}/secret")
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


def check_handle(path):
    handle, number = Handle(size=128), ctypes.c_int()
    check(
        libc.name_to_handle_at(
            AT_FDCWD, os.fsencode(path), ctypes.byref(handle), ctypes.byref(number), 0
        )
    )


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
def binds(top, scratch):
    """Mounts of parts of it at other places, and of other file systems over it."""
    os.makedirs(f"{scratch}/bind", exist_ok=True)
    mount(top, f"{scratch}/bind", None, MS_BIND)
    nothing_is_to_be_had(f"{scratch}/bind")
    fails(errno.ENOENT, mount, f"{top}/hidden", f"{scratch}/bind", None, MS_BIND)
    fails(errno.ENOENT, mount, f"{top}/secret", f"{scratch}/file", None, MS_BIND)
    fails(errno.ENOENT, mount, "none", f"{top}/hidden", "tmpfs")
    for name in ("upper", "work", "overlay"):
        os.makedirs(f"{scratch}/{name}", exist_ok=True)
    mount("overlay", f"{scratch}/overlay", "overlay", 0, f"lowerdir={top}:{scratch}/work")
    nothing_of_overlay(f"{scratch}/overlay")


def nothing_of_overlay(top):
    """overlayfs opens files of its lower layers itself, in the caller's namespace."""
    fails(errno.ENOENT, os.lstat, f"{top}/secret")
    fails(errno.ENOENT, read_file, f"{top}/hidden/key")
    holds(outcome(read_file, f"{top}/noread") != "success", "noread by overlayfs")
    holds(b"secret" not in names_of(top), "secret is not listed by overlayfs")


@case
def bound_before(top, scratch, tell, wait):
    """Mounts that were made, and directories that were opened, before the policy came."""
    os.makedirs(f"{scratch}/dir", exist_ok=True)
    open(f"{scratch}/file", "w").close()
    mount(f"{top}/hidden", f"{scratch}/dir", None, MS_BIND)
    mount(f"{top}/secret", f"{scratch}/file", None, MS_BIND)
    os.chdir(f"{top}/hidden")
    names_of(".")
    read_file("key")
    with open(tell, "w") as file:
        file.write("ready")
    with open(wait) as file:
        file.read()
    fails(errno.ENOENT, read_file, f"{scratch}/file")
    fails(errno.ENOENT, os.stat, f"{scratch}/file")
    fails(errno.ENOENT, read_file, f"{scratch}/dir/key")
    fails(errno.ENOENT, read_file, "key")
    fails(errno.ENOENT, os.lstat, "key")
    fails(errno.ENOENT, os.listdir, ".")
    fails(errno.ENOENT, os.open, "new", os.O_WRONLY | os.O_CREAT)


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


def loader():
    """The dynamic loader, which runs what it can read."""
    for line in subprocess.run(["ldd", "/bin/true"], capture_output=True, text=True).stdout.split():
        if line.startswith("/") and "ld-" in line:
            return line
    raise OSError(errno.ENOENT, "no dynamic loader")


@case
def interpreters(top):
    """`execute` is about running a file; what a program reads and then runs is about reading."""
    equal(run(loader(), f"{top}/jail/dynamic"), 0, "a program that may be read, by the loader")
    equal(run("/bin/sh", f"{top}/jail/script"), 0, "a script that may be read, by its shell")
    equal(outcome(run, f"{top}/jail/dynamic"), "EACCES", "by itself")
    equal(outcome(run, f"{top}/jail/script"), "EACCES", "by itself")
    holds(run(loader(), f"{top}/jail/unread") != 0, "one that may not be read, by the loader")
    fd = os.open(f"{top}/jail/dynamic", os.O_RDONLY)
    mmap.mmap(fd, 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC, flags=mmap.MAP_PRIVATE).close()
    fails(errno.EACCES, os.open, f"{top}/jail/unread", os.O_RDONLY)


@case
def watches(top):
    """inotify and locks need what they are about."""
    fd = check(libc.inotify_init())
    equal(outcome(add_watch, fd, f"{top}/secret"), "ENOENT", "inotify on a hidden file")
    equal(outcome(add_watch, fd, f"{top}/hidden"), "ENOENT", "inotify on a hidden directory")
    add_watch(fd, f"{top}/open")


def add_watch(fd, path):
    check(libc.inotify_add_watch(fd, os.fsencode(path), 0xFFF))


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
def attributes(top):
    """A policy is not changed by what a process can write into the mount."""
    for name in ("user.lamina", "trusted.lamina.policy", "user.overlay.opaque"):
        outcome(os.setxattr, f"{top}/open", name, b"x")
    for name in (".wh.secret", ".wh..wh..opq"):
        outcome(os.mknod, f"{top}/{name}")
    outcome(os.mknod, f"{top}/secret", 0o020000, 0)
    nothing_is_to_be_had(top)


if __name__ == "__main__":
    main()
