# SPDX-License-Identifier: GPL-2.0-or-later
"""What every file of cases uses: a dispatcher, assertions, and the system calls that neither the
shell nor Python has. A case is a small function; its arguments are words of a command line."""

import ctypes
import errno
import os
import socket
import stat
import struct
import subprocess
import sys
import time

CASES = {}


class Failure(Exception):
    """A property that does not hold; the message says which, and what was found."""


def case(function):
    CASES[function.__name__] = function
    return function


def main():
    name, *arguments = sys.argv[1:]
    if name not in CASES:
        sys.exit(f"no such case: {name}")
    try:
        CASES[name](*arguments)
    except Failure as failure:
        sys.exit(f"{name}: {failure}")


# ---- assertions ----


def equal(actual, expected, what):
    if actual != expected:
        raise Failure(f"{what}\nexpected: {expected!r}\nactual:   {actual!r}")


def holds(condition, what):
    if not condition:
        raise Failure(f"does not hold: {what}")


def error_name(number):
    return errno.errorcode.get(number, str(number)) if number else "success"


def outcome(function, *arguments, **options):
    """The name of the error with which a call ends, or "success"."""
    try:
        function(*arguments, **options)
    except OSError as error:
        return error_name(error.errno)
    return "success"


def fails(number, function, *arguments, **options):
    name = getattr(function, "__name__", "call")
    words = ", ".join(repr(word) for word in arguments)
    equal(outcome(function, *arguments, **options), error_name(number), f"{name}({words})")


def patience(seconds):
    """So many on a machine that has nothing else to do: see scripts/patience.bash."""
    factor = os.environ.get("LAMINA_TEST_PATIENCE")
    if not factor:
        factor = min(20, 1 + int(os.getloadavg()[0]) // os.cpu_count())
    return seconds * int(factor)


def eventually(condition, what, seconds=30):
    """For what another process does in its own time."""
    since = time.monotonic()
    while not condition():
        if time.monotonic() - since > patience(seconds):
            show_stuck()
            raise Failure(f"did not come true in {time.monotonic() - since:.0f} s: {what}")
        time.sleep(0.02)


def show_stuck():
    """What the daemons of the test do."""
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
    tasks = os.path.join(os.environ.get("LAMINA_TOOLS", f"{root}/build/tests"), "tasks")
    words = [tasks, "list", f"TEST_DIR={os.environ.get('TEST_DIR')}", "lamina-keeper", "lamina-mount"]
    pids = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=False).stdout.split()
    subprocess.run([f"{root}/scripts/stuck", *pids], stdout=sys.stderr, check=False)


# ---- files ----


def write_file(path, data=b"", mode=0o644):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
        file.write(data)


def read_file(path):
    with open(path, "rb") as file:
        return file.read()


def make_special(kind, path):
    """A fifo, socket, char or block device."""
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path)
    elif kind == "char":
        os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 3))
    elif kind == "block":
        os.mknod(path, stat.S_IFBLK | 0o600, os.makedev(7, 200))
    else:
        raise ValueError(kind)


def on_fd(fd):
    """The object of an fd as a path."""
    return f"/proc/self/fd/{fd}"


def run(*words):
    """Run a program, which is a path, and return its status; raises what execve() says."""
    path = os.path.join(os.curdir, words[0])
    return subprocess.call(words, executable=path, close_fds=False)


# ---- system calls ----

libc = ctypes.CDLL(None, use_errno=True)
AT_FDCWD = -100
AT_SYMLINK_NOFOLLOW = 0x100
AT_SYMLINK_FOLLOW = 0x400
RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_WHITEOUT = 1, 2, 4
FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE, FALLOC_FL_COLLAPSE_RANGE = 0x1, 0x2, 0x8
FALLOC_FL_ZERO_RANGE, FALLOC_FL_INSERT_RANGE = 0x10, 0x20
UTIME_NOW, UTIME_OMIT = (1 << 30) - 1, (1 << 30) - 2
FS_IOC_GETFLAGS, FS_IOC_SETFLAGS = 0x80086601, 0x40086602
FS_IMMUTABLE_FL, FS_APPEND_FL, FS_NODUMP_FL = 0x10, 0x20, 0x40


def check(result):
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def renameat2(old, new, flags=0):
    check(libc.renameat2(AT_FDCWD, os.fsencode(old), AT_FDCWD, os.fsencode(new), flags))


def fallocate(fd, mode, offset, length):
    check(libc.fallocate(fd, mode, ctypes.c_int64(offset), ctypes.c_int64(length)))


def syncfs(fd):
    check(libc.syncfs(fd))


def link_fd(fd, path):
    """Give the file of an fd a name."""
    check(
        libc.linkat(AT_FDCWD, os.fsencode(on_fd(fd)), AT_FDCWD, os.fsencode(path), AT_SYMLINK_FOLLOW)
    )


class Timespec(ctypes.Structure):
    _fields_ = [("seconds", ctypes.c_int64), ("nanoseconds", ctypes.c_long)]


def utimensat(path, atime, mtime, flags=0):
    """Times are (seconds, nanoseconds)."""
    times = (Timespec * 2)(Timespec(*atime), Timespec(*mtime))
    check(libc.utimensat(AT_FDCWD, os.fsencode(path), times, flags))


STATX_BTIME = 0x800
AT_EMPTY_PATH, AT_STATX_FORCE_SYNC, AT_STATX_DONT_SYNC = 0x1000, 0x2000, 0x4000


class Statx(ctypes.Structure):
    _fields_ = (
        [(name, ctypes.c_uint32) for name in ("mask", "blksize")]
        + [("attributes", ctypes.c_uint64)]
        + [(name, ctypes.c_uint32) for name in ("nlink", "uid", "gid")]
        + [(name, ctypes.c_uint16) for name in ("mode", "spare")]
        + [(name, ctypes.c_uint64) for name in ("ino", "size", "blocks", "attributes_mask")]
        + [(name, ctypes.c_int64 * 2) for name in ("atime", "btime", "ctime", "mtime")]
        + [("rest", ctypes.c_uint8 * 128)]
    )


def statx(path, mask=0xFFF):
    result = Statx()
    check(libc.statx(AT_FDCWD, os.fsencode(path), AT_SYMLINK_NOFOLLOW, mask, ctypes.byref(result)))
    return result


PR_SET_KEEPCAPS = 8
CAP_FSETID = 1 << 4
ALL_CAPABILITIES = (1 << 64) - 1


def set_capabilities(mask):
    """Of those that are permitted, the ones in effect from now on, for this thread."""
    header = struct.pack("=IiI", 0x20080522, 0, 0)
    data = ctypes.create_string_buffer(24)
    check(libc.capget(header, data))
    words = list(struct.unpack("=6I", data.raw))
    for half in (0, 1):
        words[3 * half] = words[3 * half + 1] & mask >> 32 * half & 0xFFFFFFFF
    check(libc.capset(header, struct.pack("=6I", *words)))


# ---- directories, as the kernel lists them ----


class Entry:
    def __init__(self, ino, offset, kind, name):
        self.ino, self.offset, self.kind, self.name = ino, offset, kind, name


def getdents(fd, size=32768):
    """The next entries of a directory; none at its end."""
    room = ctypes.create_string_buffer(size)
    used = check(libc.getdents64(fd, room, size))
    entries, at = [], 0
    while at < used:
        ino, offset, length, kind = struct.unpack_from("=QqHB", room, at)
        name = room.raw[at + 19 : at + length].split(b"\0", 1)[0]
        entries.append(Entry(ino, offset, kind, name))
        at += length
    return entries


def list_directory(path, size=32768):
    """All entries of a directory, "." and ".." among them."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        entries = []
        while more := getdents(fd, size):
            entries += more
        return entries
    finally:
        os.close(fd)


def names_of(path):
    return sorted(entry.name for entry in list_directory(path) if entry.name not in (b".", b".."))
