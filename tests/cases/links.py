# SPDX-License-Identifier: GPL-2.0-or-later
"""Cases of 050-copy-up.bats: hard links of a lower file that is open while its names are at work."""

import concurrent.futures
import errno
import os
import stat
import subprocess
import threading

from copyup import ACCESS_ACL, OLD, link_names, write_at
from lib import case, equal, fails, holds, main, read_file, write_file

ACL = "system.posix_acl_access"


def access_acl(file):
    try:
        return os.getxattr(file, ACL)
    except OSError:
        return None


def same_everywhere(handle, names, what):
    """The file as it is shown by all its names, which is how the handle shows it."""
    by_handle = os.fstat(handle)
    for name in names:
        by_name = os.stat(name)
        for field in ("st_ino", "st_mode", "st_size", "st_mtime_ns", "st_nlink", "st_uid"):
            equal(getattr(by_name, field), getattr(by_handle, field), f"{field} of {name} {what}")
        equal(access_acl(name), access_acl(handle), f"ACL of {name} {what}")
    # The kernel has another request for who asks for the time of birth, too.
    lines = subprocess.check_output(["stat", "-c", "%s %W", *names], text=True).splitlines()
    sizes = [int(line.split()[0]) for line in lines]
    equal(sizes, [by_handle.st_size] * len(names), f"sizes beside times of birth {what}")
    return by_handle


# What is done to a file with names a, b and c while a handle is open that was opened as a.
CHANGES = {
    "append by another": lambda a, b, c, fd: write_at(c, 7, b"more\n"),
    "chmod by the opened": lambda a, b, c, fd: os.chmod(a, 0o640),
    "chmod by another": lambda a, b, c, fd: os.chmod(b, 0o604),
    "chmod of the handle": lambda a, b, c, fd: os.fchmod(fd, 0o666),
    "chown by the opened": lambda a, b, c, fd: os.chown(a, 1000, 1000),
    "utimes by the opened": lambda a, b, c, fd: os.utime(a, ns=(OLD, OLD + 1)),
    "utimes by another": lambda a, b, c, fd: os.utime(c, ns=(OLD, OLD + 2)),
    "truncate by the opened": lambda a, b, c, fd: os.truncate(a, 3),
    "truncate by another": lambda a, b, c, fd: os.truncate(c, 30),
    "ACL by the opened": lambda a, b, c, fd: os.setxattr(a, ACL, ACCESS_ACL),
    "no ACL by another": lambda a, b, c, fd: os.removexattr(c, ACL),
    "ACL by another": lambda a, b, c, fd: os.setxattr(c, ACL, ACCESS_ACL),
    "link by the opened": lambda a, b, c, fd: os.link(a, f"{a}.more"),
    "unlink of the new": lambda a, b, c, fd: os.unlink(f"{a}.more"),
    "link by another": lambda a, b, c, fd: os.link(c, f"{a}.more"),
    "replacing the new": lambda a, b, c, fd: (
        write_file(f"{a}.new"),
        os.rename(f"{a}.new", f"{a}.more"),
    ),
    "rename of the opened": lambda a, b, c, fd: (os.rename(a, f"{a}.x"), os.rename(f"{a}.x", a)),
}


@case
def change_opened(directory, first):
    """A handle opened for reading by one name, while things are done by other names, too."""
    a, b, c = names = link_names(directory, 3)
    fd = os.open(a, os.O_RDONLY)
    same_everywhere(fd, names, "at first")
    for what, change in [(first, CHANGES[first]), *CHANGES.items()]:
        change(a, b, c, fd)
        same_everywhere(fd, names, f"after {what}")
    os.unlink(a)
    equal(same_everywhere(fd, [b, c], "without the opened").st_nlink, 2, "names that are left")
    os.rename(b, a)
    os.unlink(c)
    equal(same_everywhere(fd, [a], "with one name").st_nlink, 1, "names that are left")
    os.unlink(a)
    equal(os.fstat(fd).st_nlink, 0, "names that are left")
    os.close(fd)


def open_unlinked(directory, count):
    names = link_names(directory, count)
    fd = os.open(names[0], os.O_RDONLY)
    for name in names:
        os.unlink(name)
    return fd


@case
def change_unlinked(directory, count):
    """What has lost all its names is changed by a handle opened for reading."""
    fd = open_unlinked(directory, count)
    os.fchmod(fd, 0o604)
    seconds = OLD // 10**9 * 10**9  # all that some uppers keep
    os.utime(fd, ns=(OLD, seconds))
    status = os.fstat(fd)
    equal(stat.S_IMODE(status.st_mode), 0o604, "mode")
    equal(status.st_mtime_ns, seconds, "mtime")
    equal(status.st_nlink, 0, "names")
    equal(os.pread(fd, 100, 0), b"linked\n", "content")
    os.close(fd)


@case
def keep_unlinked(directory, count):
    """What has lost all its names can be read, but there is no place for a copy to be changed."""
    fd = open_unlinked(directory, count)
    before = os.fstat(fd)
    fails(errno.ENOENT, os.fchmod, fd, 0o604)
    fails(errno.ENOENT, os.utime, fd, ns=(OLD, OLD + 1))
    status = os.fstat(fd)
    equal((status.st_mode, status.st_mtime_ns), (before.st_mode, before.st_mtime_ns), "attributes")
    equal(status.st_nlink, 0, "names")
    equal(os.pread(fd, 100, 0), b"linked\n", "content")
    os.close(fd)


def use(fd, name, content):
    """A file that is open, has two names more, and is changed by all of them."""
    os.pwrite(fd, b"0", 0)
    equal(read_file(name), b"0" + content[1:], f"content by {name}")
    write_at(name, 1, b"1")
    equal(os.pread(fd, 100, 0), b"01" + content[2:], "content by the handle")
    os.chmod(name, 0o604)
    equal(stat.S_IMODE(os.fstat(fd).st_mode), 0o604, "mode by the handle")
    os.fchmod(fd, 0o640)
    equal(stat.S_IMODE(os.stat(name).st_mode), 0o640, f"mode by {name}")


@case
def outlives_name(directory):
    """The name by which a file was first used goes, by all ways in which it can; another stays."""
    for number, (mode, leave) in enumerate(
        (mode, leave)
        for mode in (os.O_RDWR, None)
        for leave in (os.unlink, lambda name: os.rename(write_other(name), name))
    ):
        one, two = f"{directory}/{number}.one", f"{directory}/{number}.two"
        write_file(one, b"content")
        os.link(one, two)
        if mode is None:
            os.stat(one)
        else:
            fd = os.open(one, mode)
        leave(one)
        if mode is None:
            fd = os.open(two, os.O_RDWR)
        use(fd, two, b"content")
        os.link(two, f"{two}.more")
        use(fd, f"{two}.more", read_file(two))
        os.close(fd)


def write_other(name):
    write_file(f"{name}.other", b"other")
    return f"{name}.other"


@case
def unlinked_in_use(*names):
    """What has lost its only name is read, written and changed by handles."""
    for name in names:
        content = read_file(name)
        writer, reader = os.open(name, os.O_RDWR), os.open(name, os.O_RDONLY)
        os.unlink(name)
        os.pwrite(writer, b"X", 0)
        equal(os.pread(reader, 100, 0), b"X" + content[1:], f"content of {name}")
        os.fchmod(reader, 0o604)
        os.ftruncate(writer, 3)
        status = os.fstat(reader)
        equal(status.st_size, 3, f"size of {name}")
        equal(stat.S_IMODE(status.st_mode), 0o604, f"mode of {name}")
        equal(status.st_nlink, 0, f"names of {name}")


# ---- at the same time ----


@case
def make_pairs(directory, count):
    for number in range(int(count)):
        write_file(f"{directory}/{number}", b"linked\n")
        os.link(f"{directory}/{number}", f"{directory}/{number}.other")


def at_the_same_time(*actions):
    """Each of them by a thread of its own."""
    barrier = threading.Barrier(len(actions))

    def act(action):
        barrier.wait()
        action()

    with concurrent.futures.ThreadPoolExecutor(len(actions)) as pool:
        for result in [pool.submit(act, action) for action in actions]:
            result.result()


@case
def unlink_while_written(directory, count):
    """A name goes while the file, which is open by it, is copied up by the other one."""
    for number in range(int(count)):
        name, other = f"{directory}/{number}", f"{directory}/{number}.other"
        fd = os.open(name, os.O_RDONLY)
        at_the_same_time(lambda: write_at(other, 0, b"LINKED"), lambda: os.unlink(name))
        holds(str(number) not in os.listdir(directory), f"{name} is not listed")
        holds(not os.path.exists(name), f"{name} is gone")
        check_other(other)
        os.close(fd)


@case
def replace_while_written(directory, count):
    """As above, because another file is put in its place."""
    for number in range(int(count)):
        name, other = f"{directory}/{number}", f"{directory}/{number}.other"
        write_file(f"{name}.new", b"new")
        fd = os.open(name, os.O_RDONLY)
        at_the_same_time(
            lambda: write_at(other, 0, b"LINKED"), lambda: os.rename(f"{name}.new", name)
        )
        equal(read_file(name), b"new", f"content of {name}")
        check_other(other)
        os.close(fd)


def check_other(other):
    equal(read_file(other), b"LINKED\n", f"content of {other}")
    equal(os.stat(other).st_nlink, 1, f"names of {other}")


if __name__ == "__main__":
    main()
