# SPDX-License-Identifier: GPL-2.0-or-later
"""Cases of 090-permissions.bats: an ordinary user does the same on the mount and in a plain ext4
directory with the same objects, and all results must be the same."""

import itertools
import mmap
import os
import pickle
import socket
import stat
import struct
import traceback

from lib import case, equal, fallocate, holds, link_fd, main, outcome, renameat2, run, write_file
from lib import ALL_CAPABILITIES, CAP_FSETID, PR_SET_KEEPCAPS, check, libc, set_capabilities
from lib import FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE, FALLOC_FL_ZERO_RANGE, RENAME_EXCHANGE

ME, OTHER = 1000, 3000  # users, each with a group of that number
SHARED = 2000  # a group in which I am as well
NO_ID = 0xFFFFFFFF
USER_OBJ, USER, GROUP_OBJ, GROUP, MASK, OTHERS = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
ACCESS, DEFAULT = "system.posix_acl_access", "system.posix_acl_default"
CAPABILITY = struct.pack("<5I", 0x02000001, 1 << 13, 0, 0, 0)  # net_raw, effective


def acl(*entries):
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


def become(uid, gid, groups, umask, fsetid):
    os.umask(umask)
    if fsetid is not None:
        check(libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0))
    if uid != 0:
        os.setgroups(groups)
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    if fsetid is not None:
        set_capabilities(CAP_FSETID if fsetid else ALL_CAPABILITIES & ~CAP_FSETID)


def do(function, directory, uid=ME, gid=None, groups=(ME, SHARED), umask=0o022, fsetid=None):
    """The result of a function that another user calls, in a process of its own."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.chdir(directory)
            become(uid, uid if gid is None else gid, groups, umask, fsetid)
            with open(writer, "wb") as results:
                pickle.dump(function(), results)
            os._exit(0)
        except BaseException:  # pylint: disable=broad-except
            traceback.print_exc()
        os._exit(1)
    os.close(writer)
    with open(reader, "rb") as results:
        data = results.read()
    _, status = os.waitpid(child, 0)
    equal(os.waitstatus_to_exitcode(status), 0, "status of the other user's process")
    return pickle.loads(data)


def both(mount, plain, function, **who):
    """All results of a function, in one directory and in the other."""
    actual, expected = do(function, mount, **who), do(function, plain, **who)
    for number, (one, other) in enumerate(zip(actual, expected)):
        equal(one, other, f"{function.__doc__ or function.__name__}, number {number}")
    equal(len(actual), len(expected), "number of results")


def look(path):
    status = os.lstat(path)
    names = os.listxattr(path, follow_symlinks=False)
    return (
        oct(status.st_mode),
        status.st_uid,
        status.st_gid,
        {name: os.getxattr(path, name, follow_symlinks=False).hex() for name in sorted(names)},
    )


def look_all():
    return [
        (os.path.join(path, name), look(os.path.join(path, name)))
        for path, directories, files in sorted(os.walk("."))
        for name in sorted(directories + files)
    ]


# ---- what may be opened, read, written, run ----

MODES = (0o000, 0o700, 0o070, 0o007, 0o600, 0o060, 0o006, 0o400, 0o200, 0o100, 0o640, 0o604, 0o755)
OWNERS = ((ME, ME), (ME, OTHER), (OTHER, ME), (OTHER, SHARED), (OTHER, OTHER), (0, 0), (0, SHARED))


def matrix():
    for (uid, gid), mode in itertools.product(OWNERS, MODES):
        yield f"{uid}-{gid}-{mode:03o}", uid, gid, mode


@case
def make_matrix(directory):
    for name, uid, gid, mode in matrix():
        file, folder = f"{directory}/file-{name}", f"{directory}/dir-{name}"
        write_file(file, b"#!/bin/sh\nexit 0\n")
        os.mkdir(folder)
        write_file(f"{folder}/inside", b"inside")
        os.mkdir(f"{folder}/sub")
        os.chown(f"{folder}/inside", ME, ME)
        for path in (file, folder):
            os.chown(path, uid, gid)
            os.chmod(path, mode)


def use_files():
    """files: access and open"""
    results = []
    for name, _, _, _ in matrix():
        path = f"file-{name}"
        results.append(
            (path,)
            + tuple(os.access(path, mode) for mode in (os.R_OK, os.W_OK, os.X_OK, os.F_OK))
            + tuple(
                outcome(lambda flags: os.close(os.open(path, flags)), flags)
                for flags in (os.O_RDONLY, os.O_WRONLY, os.O_RDWR, os.O_WRONLY | os.O_APPEND)
            )
        )
    return results


def run_files():
    """files: exec"""
    results = []
    for name, _, _, mode in matrix():
        if mode in (0o700, 0o070, 0o007, 0o100, 0o755, 0o600):
            results.append((name, outcome(run, f"./file-{name}")))
    return results


def change_files():
    """files: chmod, chown, utime, setxattr, truncate"""
    results = []
    for name, _, _, mode in matrix():
        if mode not in (0o600, 0o060, 0o006, 0o400, 0o755):
            continue
        path = f"file-{name}"
        results.append(
            (
                path,
                outcome(os.setxattr, path, "user.x", b"y"),
                outcome(os.getxattr, path, "user.x"),
                outcome(os.setxattr, path, "trusted.x", b"y"),
                outcome(os.utime, path),
                outcome(os.utime, path, (5, 5)),
                outcome(os.truncate, path, 5),
                outcome(os.chown, path, OTHER, -1),
                outcome(os.chown, path, -1, OTHER),
                outcome(os.chown, path, -1, SHARED),
                outcome(os.chown, path, -1, ME),
                outcome(os.chmod, path, 0o642),
                outcome(os.link, path, f"{path}.linked"),
            )
        )
    return results


def use_directories():
    """directories: list, look up, make, remove, rename"""
    results = []
    for name, _, _, _ in matrix():
        path = f"dir-{name}"
        results.append(
            (
                path,
                outcome(os.listdir, path),
                outcome(os.stat, f"{path}/inside"),
                outcome(os.stat, f"{path}/missing"),
                outcome(os.close, os.open("/dev/null", os.O_RDONLY)),
                outcome(write_file, f"{path}/new"),
                outcome(os.mkdir, f"{path}/newdir"),
                outcome(os.symlink, "x", f"{path}/newlink"),
                outcome(os.rename, f"{path}/inside", f"{path}/moved"),
                outcome(os.unlink, f"{path}/moved"),
                outcome(os.rmdir, f"{path}/sub"),
                outcome(os.chdir, path),
            )
        )
        os.chdir(HOME[0])
    return results


HOME = [None]


def with_home(function):
    def wrapped():
        HOME[0] = os.getcwd()
        return function()

    wrapped.__doc__ = function.__doc__
    return wrapped


@case
def access_matrix(mount, plain):
    for function in (use_files, run_files, with_home(use_directories), change_files):
        both(mount, plain, function)
    both(mount, plain, look_all, uid=0)


@case
def access_matrix_root(mount, plain):
    for function in (use_files, with_home(use_directories), change_files, look_all):
        both(mount, plain, function, uid=0)


# ---- sticky directories ----


@case
def make_sticky(directory):
    for owner in (0, ME, OTHER):
        path = f"{directory}/sticky-{owner}"
        os.mkdir(path)
        os.chown(path, owner, owner)
        os.chmod(path, 0o1777)
        for file in (ME, OTHER, 0):
            for name in ("remove", "move", "replace", "exchange"):
                write_file(f"{path}/{name}-{file}", b"content")
                os.chown(f"{path}/{name}-{file}", file, file)


def use_sticky():
    """sticky directories: remove, rename, replace"""
    results = []
    for owner in (0, ME, OTHER):
        path = f"sticky-{owner}"
        for file in (ME, OTHER, 0):
            write_file(f"{path}/mine")
            results.append(
                (
                    owner,
                    file,
                    outcome(os.unlink, f"{path}/remove-{file}"),
                    outcome(os.rename, f"{path}/move-{file}", f"{path}/moved-{file}"),
                    outcome(
                        renameat2, f"{path}/mine", f"{path}/exchange-{file}", RENAME_EXCHANGE
                    ),
                    outcome(os.rename, f"{path}/mine", f"{path}/replace-{file}"),
                    sorted(os.listdir(path)),
                )
            )
    return results


@case
def sticky(mount, plain):
    both(mount, plain, use_sticky)
    both(mount, plain, look_all, uid=0)


# ---- what new objects get ----

DEFAULT_ACL = acl(
    (USER_OBJ, 7, NO_ID),
    (USER, 6, OTHER),
    (GROUP_OBJ, 5, NO_ID),
    (GROUP, 3, SHARED),
    (MASK, 7, NO_ID),
    (OTHERS, 1, NO_ID),
)
SMALL_ACL = acl((USER_OBJ, 6, NO_ID), (GROUP_OBJ, 4, NO_ID), (OTHERS, 0, NO_ID))
PARENTS = {
    "plain": (0o777, ME, None),
    "group": (0o2777, SHARED, None),
    "foreign": (0o2777, OTHER, None),
    "acl": (0o777, ME, DEFAULT_ACL),
    "small": (0o777, ME, SMALL_ACL),
    "group-acl": (0o2777, SHARED, DEFAULT_ACL),
    "foreign-acl": (0o2777, OTHER, DEFAULT_ACL),
}


@case
def make_parents(directory):
    """With objects that will be deleted, so that new ones are made over whiteouts."""
    for name, (mode, gid, default) in PARENTS.items():
        path = f"{directory}/{name}"
        os.mkdir(path)
        os.chown(path, OTHER, gid)
        os.chmod(path, mode)
        for number in range(10):
            write_file(f"{path}/over-{number}", b"deleted")
        if default:
            os.setxattr(path, DEFAULT, default)


def make_one(number, path):
    if number == 0:
        write_file(path, mode=0o666)
    elif number == 1:
        write_file(path, mode=0o777)
    elif number == 2:
        os.mkdir(path, 0o777)
    elif number == 3:
        os.symlink("target", path)
    elif number == 4:
        os.mkfifo(path, 0o666)
    elif number == 5:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path)
    elif number == 6:
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o6777))
    elif number == 7:
        link_fd(os.open(os.path.dirname(path), os.O_TMPFILE | os.O_RDWR, 0o666), path)
    elif number == 8:
        os.mkdir(path, 0o3700)
        os.mkdir(f"{path}/sub")
        write_file(f"{path}/sub/file", mode=0o666)
    elif number == 9:
        os.mknod(path, stat.S_IFREG | 0o606)


def make_new():
    """new objects: owner, group, mode, ACL"""
    results = []
    for parent in PARENTS:
        for number in range(10):
            results.append((parent, number, outcome(make_one, number, f"{parent}/new-{number}")))
            os.unlink(f"{parent}/over-{number}")
            results.append((parent, number, outcome(make_one, number, f"{parent}/over-{number}")))
    return results + look_all()


@case
def new_objects(mount, plain, umask, uid):
    both(mount, plain, make_new, umask=int(umask, 8), uid=int(uid))


# ---- what a change takes away ----

CHANGES = {
    "write": lambda path: write_at(path, b"x"),
    "append": lambda path: open(path, "ab").write(b"x"),  # pylint: disable=consider-using-with
    "truncate": lambda path: os.truncate(path, 3),
    "same-size": lambda path: os.truncate(path, 7),
    "o-trunc": lambda path: os.close(os.open(path, os.O_WRONLY | os.O_TRUNC)),
    "allocate": lambda path: on_fd(path, lambda fd: fallocate(fd, 0, 0, 100)),
    "punch": lambda path: on_fd(
        path, lambda fd: fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 3)
    ),
    "zero": lambda path: on_fd(path, lambda fd: fallocate(fd, FALLOC_FL_ZERO_RANGE, 0, 3)),
    "copy": lambda path: on_fd(path, copy_into),
    "map": lambda path: on_fd(path, map_into),
    "chgrp": lambda path: os.chown(path, -1, SHARED),
    "chown": lambda path: os.chown(path, ME, -1),
    "chown-none": lambda path: os.chown(path, -1, -1),
    "chmod": lambda path: os.chmod(path, 0o6777),
    "chmod-less": lambda path: os.chmod(path, 0o777),
    "xattr": lambda path: os.setxattr(path, "user.x", b"y"),
    "acl": lambda path: os.setxattr(path, ACCESS, DEFAULT_ACL),
    "set-acl": lambda path: os.setxattr(path, ACCESS, SMALL_ACL),
    "utime": os.utime,
    "link": lambda path: os.link(path, f"{path}.linked"),
    "rename": lambda path: os.rename(path, f"{path}.moved"),
    "open": lambda path: on_fd(path, lambda fd: None),
    "write-nothing": lambda path: on_fd(path, lambda fd: os.write(fd, b"")),
}
SPECIAL_MODES = {
    "suid": 0o4755,
    "sgid": 0o2755,
    "both": 0o6777,
    "locking": 0o2745,  # set-gid without execution: cleared by strangers to the group
    "both-locking": 0o6746,
    "suid-only": 0o4644,
    "sticky": 0o1755,
}


def on_fd(path, function):
    fd = os.open(path, os.O_RDWR)
    try:
        return function(fd)
    finally:
        os.close(fd)


def write_at(path, data):
    on_fd(path, lambda fd: os.pwrite(fd, data, 0))


def copy_into(fd):
    source = os.open("source", os.O_RDONLY)
    os.copy_file_range(source, fd, 5, 0, 0)
    os.close(source)


def map_into(fd):
    view = mmap.mmap(fd, 7)
    view[:3] = b"map"
    view.flush()


def special_files():
    for gid in (ME, SHARED, OTHER):
        for change, name in itertools.product(CHANGES, SPECIAL_MODES):
            yield f"{change}-{name}-{gid}", change, name, gid


@case
def make_special(directory):
    write_file(f"{directory}/source", b"source")
    for path, _, name, gid in special_files():
        path = f"{directory}/{path}"
        write_file(path, b"content")
        os.chown(path, ME, gid)
        if name != "sticky":
            os.setxattr(path, "security.capability", CAPABILITY)
        os.chmod(path, SPECIAL_MODES[name])


def change_special(skipped=()):
    """set-id bits and capabilities after a change"""
    results = []
    for path, change, _, _ in special_files():
        if change in skipped:
            continue
        results.append((path, outcome(CHANGES[change], path)))
        results += [
            (now, look(now), os.stat(now).st_size)
            for now in (path, f"{path}.linked", f"{path}.moved")
            if os.path.exists(now)
        ]
    return results


@case
def special(mount, plain, uid):
    both(mount, plain, change_special if int(uid) else change_more, uid=int(uid))


def change_more():
    """set-id bits and capabilities after a change by others than the owner"""
    # FUSE does not tell a chown that changes nothing from the removal of capabilities.
    return change_special(("chown-none",))


@case
def special_in_group(mount, plain):
    """Of a file's group by one of a thousand groups, and a stranger to all of them."""
    both(mount, plain, change_more, uid=OTHER, groups=(*range(5000, 6000), SHARED))


@case
def special_by_capability(mount, plain, uid, has):
    """CAP_FSETID decides, and not the user."""
    both(mount, plain, change_more, uid=int(uid), groups=(), fsetid=has == "with")


# ---- ACLs ----


@case
def make_acls(directory):
    for number, entries in enumerate(
        (
            ((USER_OBJ, 6, NO_ID), (USER, 6, ME), (GROUP_OBJ, 0, NO_ID), (MASK, 6, NO_ID)),
            ((USER_OBJ, 6, NO_ID), (USER, 6, ME), (GROUP_OBJ, 0, NO_ID), (MASK, 4, NO_ID)),
            ((USER_OBJ, 6, NO_ID), (USER, 0, ME), (GROUP_OBJ, 6, NO_ID), (MASK, 6, NO_ID)),
            ((USER_OBJ, 6, NO_ID), (GROUP_OBJ, 0, NO_ID), (GROUP, 6, SHARED), (MASK, 6, NO_ID)),
            ((USER_OBJ, 6, NO_ID), (GROUP_OBJ, 6, NO_ID), (GROUP, 0, ME), (MASK, 6, NO_ID)),
            ((USER_OBJ, 6, NO_ID), (GROUP_OBJ, 4, NO_ID), (GROUP, 2, ME), (MASK, 7, NO_ID)),
        )
    ):
        for others in (0, 6):
            path = f"{directory}/acl-{number}-{others}"
            write_file(path, b"content")
            os.chown(path, OTHER, SHARED)
            os.setxattr(path, ACCESS, acl(*entries, (OTHERS, others, NO_ID)))
    write_file(f"{directory}/mine", b"content")
    os.chown(f"{directory}/mine", ME, ME)
    os.mkdir(f"{directory}/dir")
    os.chown(f"{directory}/dir", ME, ME)


def use_acls():
    """ACLs: access and open"""
    return [
        (name,)
        + tuple(os.access(name, mode) for mode in (os.R_OK, os.W_OK))
        + tuple(
            outcome(lambda flags: os.close(os.open(name, flags)), flags)
            for flags in (os.O_RDONLY, os.O_WRONLY, os.O_RDWR)
        )
        for name in sorted(os.listdir("."))
        if name.startswith("acl")
    ]


def set_acls():
    """ACLs: set, changed by chmod, removed, refused"""
    results = []
    for name in ("mine", "dir"):
        for value in (DEFAULT_ACL, SMALL_ACL, b"nonsense", b"", acl(), acl((USER_OBJ, 7, NO_ID))):
            for kind in (ACCESS, DEFAULT):
                results.append(outcome(os.setxattr, name, kind, value))
                results.append(look(name))
        results.append(outcome(os.setxattr, name, ACCESS, DEFAULT_ACL))
        results.append(outcome(os.chmod, name, 0o741))
        results.append(look(name))
        results.append(outcome(os.removexattr, name, ACCESS))
        results.append(outcome(os.removexattr, name, DEFAULT))
        results.append(outcome(os.removexattr, name, DEFAULT))
        results.append(look(name))
    results.append(outcome(os.setxattr, "acl-0-0", ACCESS, SMALL_ACL))
    results.append(outcome(os.removexattr, "acl-0-0", ACCESS))
    return results


@case
def acls(mount, plain):
    both(mount, plain, use_acls)
    both(mount, plain, set_acls)
    both(mount, plain, look_all, uid=0)


@case
def no_acls(directory):
    """With noacl only the mode counts, and ACLs can be neither seen nor set."""

    def use():
        results = use_acls()
        return results + [
            outcome(os.setxattr, "mine", ACCESS, DEFAULT_ACL),
            outcome(os.getxattr, "acl-0-0", ACCESS),
        ]

    results = do(use, directory)
    equal(results[-2:], ["ENOTSUP", "ENOTSUP"], "setting and getting an ACL")
    # The group is SHARED, whose bits are the mask's.
    allowed = {name: write for name, _, write, *_ in results[:-2]}
    equal(allowed["acl-0-0"], True, "writing where the ACL allows and the mode's group does")
    equal(allowed["acl-1-0"], False, "writing where the ACL allows and the mode's group does not")
    equal(allowed["acl-2-0"], True, "writing where only the ACL denies")


@case
def watch_modes(until, *paths):
    """All modes that are seen of the paths until there is another one."""
    seen, looks = {path: set() for path in paths}, 0
    while not os.path.exists(until):
        for path in paths:
            seen[path].add(stat.S_IMODE(os.stat(path).st_mode))
        looks += 1
    holds(looks > 100, "it was looked at often")
    for path in paths:
        print(path, *(f"{mode:o}" for mode in sorted(seen[path])))


if __name__ == "__main__":
    main()
