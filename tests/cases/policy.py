# SPDX-License-Identifier: GPL-2.0-or-later
"""Cases of the files on policies. All but race_outside and move_all are run by a process that is bound by the
policy of the mount in which they work."""

import ctypes
import errno
import fcntl
import mmap
import os
import resource
import stat
import struct
import threading
import time

from lib import case, check, equal, eventually, fails, getdents, holds, link_fd, main, make_special, names_of
from lib import libc, on_fd, Statx, AT_EMPTY_PATH, AT_STATX_DONT_SYNC, AT_STATX_FORCE_SYNC
from lib import outcome, read_file, renameat2, run, statx, utimensat, FS_IOC_GETFLAGS
from lib import FS_IOC_SETFLAGS, FS_NODUMP_FL, RENAME_EXCHANGE, RENAME_NOREPLACE, UTIME_NOW


def opened(path, flags, mode=0o644):
    os.close(os.open(path, flags, mode))


def flags_of(path, change=None):
    """The file flags, or a change of them."""
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        value = bytearray(4)
        fcntl.ioctl(fd, FS_IOC_GETFLAGS, value)
        if change is not None:
            fcntl.ioctl(fd, FS_IOC_SETFLAGS, struct.pack("I", change))
        return struct.unpack("I", value)[0]
    finally:
        os.close(fd)


# Everything that can be asked of an object that exists, by a name of its directory.
def everything(name):
    return {
        "stat": lambda: os.stat(name),
        "lstat": lambda: os.lstat(name),
        "statx": lambda: statx(name),
        "access": lambda: os.stat(name) if os.access(name, os.F_OK) else os.lstat(name),
        "open": lambda: opened(name, os.O_RDONLY | os.O_NONBLOCK),
        "open O_PATH": lambda: opened(name, os.O_PATH | os.O_NOFOLLOW),
        "open to write": lambda: opened(name, os.O_WRONLY),
        "open O_TRUNC": lambda: opened(name, os.O_WRONLY | os.O_TRUNC),
        "open O_CREAT": lambda: opened(name, os.O_WRONLY | os.O_CREAT),
        "open O_CREAT O_EXCL": lambda: opened(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL),
        "truncate": lambda: os.truncate(name, 0),
        "execve": lambda: run(name),
        "chmod": lambda: os.chmod(name, 0o777),
        "chown": lambda: os.lchown(name, 1, 1),
        "utimensat": lambda: utimensat(name, (1, 1), (1, 1)),
        "getxattr": lambda: os.getxattr(name, "user.x"),
        "listxattr": lambda: os.listxattr(name),
        "setxattr": lambda: os.setxattr(name, "user.x", b"v"),
        "removexattr": lambda: os.removexattr(name, "user.x"),
        "readlink": lambda: os.readlink(name),
        "chdir": lambda: os.chdir(name),
        "unlink": lambda: os.unlink(name),
        "rmdir": lambda: os.rmdir(name),
        "rename away": lambda: os.rename(name, "new"),
        "link to": lambda: os.link(name, "new"),
        "statfs": lambda: os.statvfs(name),
        "mkdir": lambda: os.mkdir(name),
        "mknod": lambda: os.mknod(name, stat.S_IFREG | 0o644),
        "mkfifo": lambda: os.mkfifo(name),
        "symlink": lambda: os.symlink("target", name),
        "bind": lambda: make_special("socket", name),
        "rename onto": lambda: os.rename("other", name),
        "rename onto, RENAME_NOREPLACE": lambda: renameat2("other", name, RENAME_NOREPLACE),
        "exchange": lambda: renameat2("other", name, RENAME_EXCHANGE),
        "exchange, the other way": lambda: renameat2(name, "other", RENAME_EXCHANGE),
        "link onto": lambda: os.link("other", name),
    }


@case
def hidden(directory, *names):
    """In no operation there is such a name; a plain file "other" beside it stays as it is."""
    os.chdir(directory)
    before = read_file("other")
    for name in names:
        for what, function in everything(name).items():
            equal(outcome(function), "ENOENT", f"{what}: {name}")
            for below in ("x", "key"):
                fails(errno.ENOENT, os.lstat, f"{name}/{below}")
                fails(errno.ENOENT, opened, f"{name}/{below}", os.O_WRONLY | os.O_CREAT)
    for name in names:
        holds(os.fsencode(name) not in names_of("."), f"{name} is not listed")
        holds(name not in [entry.name for entry in os.scandir(".")], f"{name} is not listed")
    equal(read_file("other"), before, "what stands beside it")


@case
def free(directory, *names):
    """A name that is not there is hidden as well: nothing is made."""
    os.chdir(directory)
    making = ("mkdir", "mknod", "mkfifo", "symlink", "bind", "rename onto", "link onto")
    making += ("open O_CREAT", "open O_CREAT O_EXCL", "rename onto, RENAME_NOREPLACE")
    for name in names:
        for what in making:
            equal(outcome(everything(name)[what]), "ENOENT", f"{what}: {name}")


@case
def read_only(directory, name, makes):
    """What exists can be looked at, read and run, and not be changed; nothing is made."""
    os.chdir(directory)
    reading = {"stat", "lstat", "statx", "access", "open", "open O_PATH", "execve", "listxattr"}
    for what, function in everything(name).items():
        if what in reading:
            equal(outcome(function), "success", f"{what}: {name}")
    changing = {"open to write", "open O_TRUNC", "open O_CREAT", "truncate", "chmod", "chown"}
    changing |= {"utimensat", "setxattr", "removexattr", "unlink", "rename away"}
    changing |= {"link to", "rename onto", "exchange", "exchange, the other way"}
    for what, function in everything(name).items():
        if what in changing:
            equal(outcome(function), "EROFS", f"{what}: {name}")
    fails(errno.EROFS, flags_of, name, FS_NODUMP_FL)
    for what in ("mkdir", "mknod", "mkfifo", "symlink", "bind", "open O_CREAT", "link onto"):
        equal(outcome(everything(makes)[what]), "EROFS", f"{what}: {makes}")
    equal(outcome(os.open, ".", os.O_TMPFILE | os.O_RDWR, 0o644), "EROFS", "O_TMPFILE")


def make_kinds():
    return {
        "make_dir": lambda: os.mkdir("new"),
        "make_reg": lambda: os.mknod("new", stat.S_IFREG | 0o644),
        "make_sym": lambda: os.symlink("target", "new"),
        "make_sock": lambda: make_special("socket", "new"),
        "make_fifo": lambda: make_special("fifo", "new"),
        "make_char": lambda: make_special("char", "new"),
        "make_block": lambda: make_special("block", "new"),
    }


@case
def makes(directory, word):
    """Of all kinds of objects exactly this one can't be made."""
    os.chdir(directory)
    for what, function in make_kinds().items():
        equal(outcome(function), "EPERM" if what == word else "success", what)
        if what != word:
            (os.rmdir if what == "make_dir" else os.unlink)("new")


@case
def refuses(directory, *words):
    """Exactly what these words are about is refused, with EPERM; "file" and "dir" are there."""
    os.chdir(directory)
    calls = {
        "read_file": lambda: opened("file", os.O_RDONLY),
        "write_file": lambda: opened("file", os.O_WRONLY),
        "execute": lambda: run("./file"),
        "read_dir": lambda: os.listdir("dir"),
        "truncate": lambda: os.truncate("file", 100),
        "chmod": lambda: os.chmod("file", 0o755),
        "chown": lambda: os.chown("file", 0, 0),
        "xattr": lambda: os.setxattr("file", "user.x", b"v"),
        "remove_file": lambda: os.unlink("file"),
        "remove_dir": lambda: os.rmdir("dir"),
    }
    # What can't be read can't be run.
    refused = {*words, "execute"} if "read_file" in words else words
    for word, function in calls.items():
        equal(outcome(function), "EPERM" if word in refused else "success", word)


@case
def outcomes(*steps):
    """Each step is "ERRNO CALL PATH [PATH]": what comes of a call."""
    calls = {
        "stat": os.stat,
        "lstat": os.lstat,
        "list": os.listdir,
        "read": lambda path: opened(path, os.O_RDONLY),
        "write": lambda path: opened(path, os.O_WRONLY),
        "read-write": lambda path: opened(path, os.O_RDWR),
        "trunc": lambda path: opened(path, os.O_WRONLY | os.O_TRUNC),
        "create": lambda path: opened(path, os.O_RDWR | os.O_CREAT | os.O_EXCL),
        "run": run,
        "mkdir": os.mkdir,
        "mknod": lambda path: os.mknod(path, stat.S_IFREG | 0o644),
        "unlink": os.unlink,
        "rmdir": os.rmdir,
        "rename": os.rename,
        "exchange": lambda old, new: renameat2(old, new, RENAME_EXCHANGE),
        "link": os.link,
        "chmod": lambda path: os.chmod(path, 0o700),
        "touch": lambda path: utimensat(path, (0, UTIME_NOW), (0, UTIME_NOW)),
        "flags": lambda path: flags_of(path, FS_NODUMP_FL),
        "truncate": lambda path: os.truncate(path, 1),
        "tmpfile": lambda path: opened(path, os.O_TMPFILE | os.O_RDWR),
    }
    for step in steps:
        expected, call, *paths = step.split()
        equal(outcome(calls[call], *paths), expected, step)


@case
def listings(directory, hidden_name, *names):
    """However a directory is read, and however often, the hidden name is never in it."""
    expected = sorted(os.fsencode(name) for name in names)
    for _ in range(3):
        equal(names_of(directory), expected, "listing")
        fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        seen = set()
        for size in (64, 80, 120, 4096):
            os.lseek(fd, 0, os.SEEK_SET)
            while more := getdents(fd, size):
                seen |= {entry.name for entry in more} - {b".", b".."}
        os.close(fd)
        equal(sorted(seen), expected, "listing in pieces")
    holds(not os.path.lexists(f"{directory}/{hidden_name}"), "a hidden name does not exist")


@case
def old_fds(directory, tell, wait):
    """What was opened before a policy that hides and refuses: fds, before and after it comes."""
    os.chdir(directory)
    plain = os.open("file", os.O_RDWR)
    path = os.open("file", os.O_PATH)
    folder = os.open("dir", os.O_RDONLY | os.O_DIRECTORY)
    os.read(plain, 1)
    with open(tell, "w") as file:
        file.write("opened")
    with open(wait) as file:
        file.read()
    # Data of an open file are still its own.
    os.lseek(plain, 0, os.SEEK_SET)
    holds(os.read(plain, 100).startswith(b"content"), "an open file can be read")
    equal(os.write(plain, b"more"), 4, "an open file can be written")
    with mmap.mmap(plain, 4) as memory:
        holds(memory[:], "an open file can be mapped")
    # The object behind it is not.
    fails(errno.ENOENT, os.open, on_fd(plain), os.O_RDONLY)
    fails(errno.ENOENT, os.open, on_fd(path), os.O_RDONLY)
    fails(errno.ENOENT, os.fstat, plain)
    fails(errno.ENOENT, os.fstat, path)
    fails(errno.ENOENT, os.ftruncate, plain, 0)
    fails(errno.ENOENT, os.fchmod, plain, 0o777)
    fails(errno.ENOENT, os.fchown, plain, 1, 1)
    fails(errno.ENOENT, os.setxattr, plain, "user.x", b"v")
    fails(errno.ENOENT, link_fd, plain, "new")
    # Nor is what lies in a directory.
    fails(errno.ENOENT, os.stat, "inner", dir_fd=folder)
    fails(errno.ENOENT, os.open, "inner", os.O_RDONLY, dir_fd=folder)
    fails(errno.ENOENT, os.open, "made", os.O_WRONLY | os.O_CREAT, 0o644, dir_fd=folder)
    holds(outcome(os.listdir, folder) == "ENOENT", "a hidden directory can't be listed")


def tell_and_wait(word, tell, wait):
    """For a policy that comes meanwhile."""
    with open(tell, "w") as file:
        file.write(word)
    with open(wait) as file:
        file.read()


def open_many(count):
    """Files that are open: `count` that have a name, and as many that are to lose it."""
    # The descriptors of this process are not what is measured.
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    made = [f"{kind}.{i}" for kind in ("named", "nameless") for i in range(count)]
    fds = [os.open(name, os.O_CREAT | os.O_RDWR, 0o600) for name in made]
    for fd in fds:
        os.write(fd, b"content")
    return fds, made[count:]


@case
def hold_open(directory, count, tell, wait):
    """Many files open, with a name and without."""
    os.chdir(directory)
    fds, nameless = open_many(int(count))
    for name in nameless:
        os.unlink(name)
    tell_and_wait("opened", tell, wait)
    for fd in fds:
        equal(os.pread(fd, 100, 0), b"content", "content of an open file")


@case
def hold_open_full(directory, count, tell, wait):
    """The same where the upper is full: it takes no link. What cannot be removed is as it was."""
    os.chdir(directory)
    fds, nameless = open_many(int(count))
    filled = 0
    while outcome(os.mkdir, f"fill.{filled}") == "success":
        filled += 1
    removed = [outcome(os.unlink, name) for name in nameless]
    holds(set(removed) <= {"success", "ENFILE"}, f"removing open files: {set(removed)}")
    holds(removed.count("success") >= 64, f"only {removed.count('success')} open files could be removed")
    if os.environ["LAMINA_ENGINE"] != "bpf":
        holds("ENFILE" in removed, "the daemon keeps a descriptor for each of them")
    tell_and_wait("opened", tell, wait)
    for fd in fds:
        equal(os.pread(fd, 100, 0), b"content", "content of an open file")
        os.close(fd)
    for name, result in zip(nameless, removed):
        equal(os.path.exists(name), result != "success", "a name that could not be removed is there")
    # Descriptors come free when the kernel has forgotten the files.
    for name in filter(os.path.exists, nameless):
        eventually(
            lambda name=name: outcome(os.unlink, name) != "ENFILE",
            "a file can be removed after others were closed",
            60,
        )
        holds(not os.path.exists(name), "a file is removed after others were closed")


def names_by(fd):
    """A listing from the beginning, by a handle."""
    os.lseek(fd, 0, os.SEEK_SET)
    names = set()
    while more := getdents(fd):
        names |= {entry.name for entry in more} - {b".", b".."}
    return names


@case
def old_listing(directory, hidden_name, side, engine, tell, wait):
    """A handle from before the policy, at its beginning and in the middle. The kernel's FUSE keeps what is read by
    it for everyone, so there nothing is; a view's kernel asks the policy for each name."""
    hidden_name = os.fsencode(hidden_name)
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    middle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    before = names_by(fd)
    holds(hidden_name in before, "the name is listed")
    first = getdents(middle, 200)
    tell_and_wait("opened", tell, wait)
    for _ in range(3):
        if engine == "bpf":
            bound = {hidden_name} if side == "inside" else set()
            equal(names_by(fd), before - bound, "a listing by the handle")
        else:
            fails(errno.ESTALE, names_by, fd)
            fails(errno.ESTALE, getdents, middle)
    if engine == "bpf" and side == "inside":
        rest = set()
        while more := getdents(middle):
            rest |= {entry.name for entry in more}
        holds(hidden_name not in rest or hidden_name in {entry.name for entry in first}, "the rest")


# ---- userfaultfd(2) ----

SYS_USERFAULTFD = 323
UFFDIO_API, UFFDIO_REGISTER = 0xC018AA3F, 0xC020AA00


def missing_memory(size):
    """Memory of which no page is there: a system call that writes to it waits. Returns it and what tells of that."""
    fd = check(libc.syscall(SYS_USERFAULTFD, os.O_CLOEXEC))
    fcntl.ioctl(fd, UFFDIO_API, bytearray(struct.pack("QQQ", 0xAA, 0, 0)))
    memory = mmap.mmap(-1, size)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    fcntl.ioctl(fd, UFFDIO_REGISTER, bytearray(struct.pack("QQQQ", address, size, 1, 0)))
    return address, fd, memory


@case
def hold_directory(directory, tell, wait):
    """A process that lists a directory into memory that is not there holds its lock, and the page of its listing."""
    address, fault, _memory = missing_memory(65536)
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    names_by(fd)
    names_by(fd)
    os.lseek(fd, 0, os.SEEK_SET)
    lister = threading.Thread(
        target=libc.getdents64, args=(fd, ctypes.c_void_p(address), 32768), daemon=True
    )
    lister.start()
    os.read(fault, 32)  # it waits
    tell_and_wait("holding", tell, wait)
    os._exit(0)


def statx_fd(fd, flags):
    result = Statx()
    check(libc.statx(fd, b"", AT_EMPTY_PATH | flags, 0x7FF, ctypes.byref(result)))
    return result


@case
def old_paths(directory, engine, tell, wait):
    """What O_PATH handles from before the policy still show of a hidden file and a hidden link, after an exempt process
    has looked at them and changed the file: what docs/policy.md says."""
    file = os.open(f"{directory}/file", os.O_PATH)
    link = os.open(f"{directory}/link", os.O_PATH | os.O_NOFOLLOW)
    equal(os.readlink("", dir_fd=link), "before", "the target of the link")
    tell_and_wait("opened", tell, wait)
    for _ in range(3):
        for fd in (file, link):
            fails(errno.ENOENT, os.fstat, fd)
            fails(errno.ENOENT, statx_fd, fd, AT_STATX_FORCE_SYNC)
        fails(errno.ENOENT, os.open, on_fd(file), os.O_RDONLY)
        fails(errno.ENOENT, os.readlink, "", dir_fd=link)
        fails(errno.ENOENT, os.listxattr, on_fd(file))
        # The kernel's FUSE serves what it has, without asking.
        result = outcome(statx_fd, file, AT_STATX_DONT_SYNC)
        equal(result, "ENOENT" if engine == "bpf" else "success", "statx without asking")
        time.sleep(0.05)


@case
def later_name(directory, hidden_name, tell, wait):
    """A handle from before the name was there."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    before = names_by(fd)
    tell_and_wait("listed", tell, wait)
    for _ in range(3):
        equal(names_by(fd), before, "a listing by the handle")
        equal(set(names_of(directory)), before, "a listing by a new one")
    holds(os.fsencode(hidden_name) not in before, "the name is hidden")


@case
def undisturbed(directory, hidden_name, tell, wait):
    """A handle from before what refuses nothing."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    before = names_by(fd)
    tell_and_wait("opened", tell, wait)
    for _ in range(3):
        equal(names_by(fd), before, "a listing by the handle")
    holds(os.fsencode(hidden_name) in before, "the name is listed")
    os.unlink(wait)


@case
def race(directory, hidden_name, rounds):
    """A bound process never sees the name, and never misses the other one."""
    os.chdir(directory)
    for _ in range(int(rounds)):
        fails(errno.ENOENT, os.lstat, hidden_name)
        fails(errno.ENOENT, opened, hidden_name, os.O_RDONLY)
        holds(os.fsencode(hidden_name) not in names_of("."), "the hidden name is not listed")
        os.lstat("other")


@case
def race_outside(directory, hidden_name, rounds):
    """Who is not bound never misses it."""
    os.chdir(directory)
    for _ in range(int(rounds)):
        os.lstat(hidden_name)
        opened(hidden_name, os.O_RDONLY)
        holds(os.fsencode(hidden_name) in names_of("."), "the name is listed")


@case
def move_all(directory, old, new, count):
    """By who is not bound."""
    os.chdir(directory)
    for number in range(int(count)):
        os.rename(f"{old}.{number}", f"{new}.{number}")


@case
def attempts(path, count):
    """Refused opens."""
    for _ in range(int(count)):
        fails(errno.EACCES, opened, path, os.O_RDONLY)


@case
def opens(path, count):
    """Opens that are allowed."""
    for _ in range(int(count)):
        os.close(os.open(path, os.O_RDONLY))


if __name__ == "__main__":
    main()
