# SPDX-License-Identifier: GPL-2.0-or-later
"""What the filter access (filters/access.bpf.c) is told and asked in a view.

governed.py set MOUNTPOINT WORD...             give the view data; none: take them away
governed.py get MOUNTPOINT                     print them
governed.py errors MOUNTPOINT                  what the ioctls refuse, and with which error
governed.py try ACT PATH...                    do it as user 1000; print the error, or "ok"
governed.py all                                do what each line of stdin says: RESULT ACT PATH...,
                                               or: set MOUNTPOINT WORD...
governed.py seen                               what the filter was asked about last
"""

import ctypes
import errno
import fcntl
import mmap
import os
import struct
import sys

from calls import BPF, RENAMEAT2, call

SET, GET = 0x4020E5B6, 0x4020E5B7
SIZE_MAX = 96 << 20
AT_FDCWD = -100


def arg(address, size, flags=0, reserved=0):
    """Writable, since fcntl.ioctl() returns the result only then."""
    return bytearray(struct.pack("=QIIQQ", address, size, flags, reserved, 0))


def root(mountpoint):
    return os.open(mountpoint, os.O_RDONLY | os.O_DIRECTORY)


def set_data(mountpoint, words):
    data = ctypes.create_string_buffer(struct.pack(f"={len(words)}I", *words))
    fcntl.ioctl(root(mountpoint), SET, arg(ctypes.addressof(data), 4 * len(words)))


def get_data(mountpoint, room=1 << 20):
    data = ctypes.create_string_buffer(room)
    size = fcntl.ioctl(root(mountpoint), GET, arg(ctypes.addressof(data), room))
    n = min(size, room) // 4
    return size, struct.unpack(f"={n}I", data.raw[: 4 * n])


def error_of(act):
    try:
        act()
        return "ok"
    except OSError as e:
        return errno.errorcode[e.errno]


def errors(mountpoint):
    fd = root(mountpoint)
    data = ctypes.create_string_buffer(64)
    at = ctypes.addressof(data)
    wanted = [
        ("a flag", SET, arg(at, 8, flags=1), "EINVAL"),
        ("something reserved", SET, arg(at, 8, reserved=1), "EINVAL"),
        ("half a word", SET, arg(at, 6), "EINVAL"),
        ("too much", SET, arg(at, SIZE_MAX + 4), "E2BIG"),
        ("an address that is none", SET, arg(8, 8), "EFAULT"),
        ("too small an argument", 0x4008E5B6, arg(at, 8), "EINVAL"),
        ("the other direction", 0x8020E5B6, arg(at, 8), "ENOTTY"),
        ("a number before", 0x4020E5B5, arg(at, 8), "ENOTTY"),
        ("a number behind", 0x4020E5B8, arg(at, 8), "ENOTTY"),
        ("a flag when read", GET, arg(at, 8, flags=1), "EINVAL"),
    ]
    wrong = []
    for what, command, argument, want in wanted:
        got = error_of(lambda c=command, a=argument: fcntl.ioctl(fd, c, a))
        if got != want:
            wrong.append(f"{what}: {got}, not {want}")
    got = error_of(lambda: fcntl.ioctl(root(f"{mountpoint}/dir"), GET, arg(at, 8)))
    if got != "ENOTTY":
        wrong.append(f"another directory: {got}")
    set_data(mountpoint, (1, 2, 3))
    if get_data(mountpoint) != (12, (1, 2, 3)) or get_data(mountpoint, 8) != (12, (1, 2)):
        wrong.append("what was set isn't what is read")
    got = error_of(lambda: fcntl.ioctl(fd, GET, arg(8, 8)))
    if got != "EFAULT":
        wrong.append(f"read to an address that is none: {got}")
    set_data(mountpoint, ())
    if get_data(mountpoint) != (0, ()):
        wrong.append("what was taken away is still read")
    return wrong


def reads(path):
    with open(path, "rb") as f:
        f.read()


def fd_path(path):
    """By /proc, with an fd that was opened before."""
    os.close(os.open(f"/proc/self/fd/{HELD[path]}", os.O_RDONLY))


def tmpfile(path):
    os.close(os.open(path, os.O_TMPFILE | os.O_RDWR, 0o600))


def exchange(a, b):
    call(RENAMEAT2, AT_FDCWD, a.encode(), AT_FDCWD, b.encode(), 2)


HELD = {}
ACTS = {
    "stat": os.stat,
    "list": lambda p: print(*sorted(os.listdir(p))),
    "read": reads,
    "write": lambda p: os.close(os.open(p, os.O_WRONLY)),
    "trunc": lambda p: os.close(os.open(p, os.O_WRONLY | os.O_TRUNC)),
    "truncate": lambda p: os.truncate(p, 1),
    "create": lambda p: os.close(os.open(p, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)),
    "open": lambda p: os.close(os.open(p, os.O_RDWR | os.O_CREAT, 0o600)),
    "tmpfile": tmpfile,
    "mkdir": os.mkdir,
    "symlink": lambda p: os.symlink("x", p),
    "mkfifo": os.mkfifo,
    "rmdir": os.rmdir,
    "unlink": os.unlink,
    "chmod": lambda p: os.chmod(p, 0o700),
    "chown": lambda p: os.chown(p, -1, 1000),
    "utime": os.utime,
    "setxattr": lambda p: os.setxattr(p, "user.x", b"y"),
    "getxattr": lambda p: os.getxattr(p, "user.x"),
    "listxattr": os.listxattr,
    "readlink": os.readlink,
    "link": os.link,
    "rename": os.rename,
    "exchange": exchange,
    "fd": fd_path,
    "fstat": lambda p: os.fstat(HELD[p]),
}


def attempt(act, paths):
    """As user 1000, with what is at the first path opened by root before."""
    if act in ("fd", "fstat"):
        HELD[paths[0]] = os.open(paths[0], os.O_RDONLY)
    os.setgroups([])
    os.setresgid(1000, 1000, 1000)
    os.setresuid(1000, 1000, 1000)
    return error_of(lambda: ACTS[act](*paths))


def attempt_all(lines):
    """A process each, since root doesn't come back. What ended otherwise than it should have."""
    wrong = []
    for line in lines:
        wanted, act, *paths = line.split()
        if wanted == "set":
            set_data(act, [int(word, 0) for word in paths])
            continue
        ours, theirs = os.pipe()
        if os.fork() == 0:
            os.write(theirs, attempt(act, paths).encode())
            os._exit(0)
        os.close(theirs)
        got = os.read(ours, 64).decode()
        os.close(ours)
        os.wait()
        if got != wanted:
            wrong.append(f"{line.strip()}: {got}")
    return wrong


def seen():
    path = ctypes.create_string_buffer(b"/sys/fs/bpf/lamina/access/variables")
    attr = struct.pack("=Q136x", ctypes.addressof(path))
    memory = mmap.mmap(call(BPF, 7, attr, len(attr)), 4096)  # BPF_OBJ_GET
    from_, access, flags, n = struct.unpack("=QIII", memory[:20])
    text = memory[20:84].split(b"\0")[0].decode()
    print(f"{n} {text} access={access:#x} flags={flags:#x} from={from_}")


def main():
    command, rest = sys.argv[1], sys.argv[2:]
    if command == "set":
        set_data(rest[0], [int(w, 0) for w in rest[1:]])
    elif command == "get":
        print(get_data(rest[0])[0], *get_data(rest[0])[1])
    elif command == "errors":
        wrong = errors(rest[0])
        print("\n".join(wrong) or "ok")
    elif command == "try":
        print(attempt(rest[0], rest[1:]))
    elif command == "all":
        print("\n".join(attempt_all(sys.stdin)) or "ok")
    else:
        seen()


main()
