# SPDX-License-Identifier: GPL-2.0-or-later
"""Cases of 203-policy-escape.bats: ways around a policy by namespaces, names and mounts. All are tried by
root in a mount namespace of its own, who may do whatever it can there. See forbidden.py."""

import errno
import mmap
import os
import subprocess
import threading

from forbidden import in_a_child, mount, nothing_is_to_be_had, setns, unshare
from forbidden import CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWUSER, MS_BIND
from lib import case, check, equal, fails, holds, libc, link_fd, main, names_of
from lib import outcome, read_file, renameat2, run, RENAME_EXCHANGE, RENAME_WHITEOUT


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
    with open(f"{top}/secret", "rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
    with open(tell, "w") as file:
        file.write("ready")
    with open(wait) as file:
        file.read()
    equal(mapped[:], b"secret\n", "what was mapped before")
    with open("/proc/self/maps") as maps:
        place = next(line.split()[0] for line in maps if line.endswith("/secret\n"))
    start, end = (f"{int(word, 16):x}" for word in place.split("-"))
    fails(errno.ENOENT, os.open, f"/proc/self/map_files/{start}-{end}", os.O_RDONLY)
    fails(errno.ENOENT, read_file, f"{scratch}/file")
    fails(errno.ENOENT, os.stat, f"{scratch}/file")
    fails(errno.ENOENT, read_file, f"{scratch}/dir/key")
    fails(errno.ENOENT, read_file, "key")
    fails(errno.ENOENT, os.lstat, "key")
    fails(errno.ENOENT, os.listdir, ".")
    fails(errno.ENOENT, os.open, "new", os.O_WRONLY | os.O_CREAT)


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
