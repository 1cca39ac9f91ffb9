# SPDX-License-Identifier: GPL-2.0-or-later
"""gates.py MOUNTPOINT HEADER [writing]: each operation with each answer that a filter can give.

MOUNTPOINT has a view with the filter gates, whose variables say which operation gets which answer.
In it are a directory "dir", a link "link", a file "file" with an attribute and an ACL, and files
"f0" and on, for operations that are asked about once. HEADER is linux/fuse_filter.h. With
"writing" the view is writable, and what changes something is done. TAP.
"""

import ctypes
import errno
import fcntl
import mmap
import os
import re
import struct
import sys

import changes
from calls import BPF, GETDENTS64, call

MNT, HEADER = sys.argv[1:3]
WRITING = sys.argv[3:] == ["writing"]
FILE = f"{MNT}/file"
HIDE = 1
ERRORS = [errno.ENOENT, errno.EACCES, errno.EPERM, errno.EIO, errno.EROFS]
DATA_GET = 0x4020E5B7
REFUSED = [2, 3, 4, 7, 1 << 30, -errno.EAGAIN, -errno.ECHILD, -512, -529, -4095, -4096, -(1 << 31)]

fresh = iter(range(1000))


def variables():
    """The filter's variables, as memory."""
    path = ctypes.create_string_buffer(b"/sys/fs/bpf/lamina/gates/variables")
    attr = struct.pack("=Q136x", ctypes.addressof(path))
    return mmap.mmap(call(BPF, 7, attr, len(attr)), 4096)  # BPF_OBJ_GET


def operations():
    """The numbers of the operations, from the header."""
    text = open(HEADER, encoding="utf-8").read()
    body = re.search(r"enum fuse_filter_op \{(.*?)\};", text, re.S).group(1)
    return {name: i for i, name in enumerate(re.findall(r"^\tFUSE_FILTER_(\w+)", body, re.M))}


def refused():
    minor = os.minor(os.stat(MNT).st_dev)
    kind = os.environ["LAMINA_FUSE_TYPE"]
    view = open(f"/sys/fs/{kind}/connections/{minor}/view", encoding="utf-8").read()
    return int(re.search(r"^refused:\s*(\d+)", view, re.M).group(1))


def with_file(act, path=FILE):
    fd = os.open(path, os.O_RDONLY)
    try:
        return act(fd)
    finally:
        os.close(fd)


def list_dir(fd):
    """Not by the C library: it takes ENOENT for the end of a directory."""
    buffer = ctypes.create_string_buffer(4096)
    call(GETDENTS64, fd, buffer, len(buffer))


def fiemap(fd):
    fcntl.ioctl(fd, 0xC020660B, bytearray(struct.pack("=QQIIII", 0, 1 << 40, 0, 0, 0, 0)))


def data_get(fd):
    fcntl.ioctl(fd, DATA_GET, bytearray(32))


def splice(fd):
    ends = os.pipe()
    try:
        os.splice(fd, ends[1], 4, offset_src=0)
    finally:
        os.close(ends[0])
        os.close(ends[1])


def map_it(fd):
    mmap.mmap(fd, 4, mmap.MAP_SHARED, mmap.PROT_READ).close()


# Which are done on what is open: opening is not what is asked about.
ACTS = {
    "OPEN": [lambda: os.close(os.open(FILE, os.O_RDONLY))],
    "OPENDIR": [lambda: os.close(os.open(f"{MNT}/dir", os.O_RDONLY))],
    "ATTR": [lambda: os.stat(f"{MNT}/f{next(fresh)}")],
    "GETATTR": [lambda: os.stat(FILE)],
    "READLINK": [lambda: os.readlink(f"{MNT}/link")],
    "STATFS": [lambda: os.statvfs(MNT)],
    "GETXATTR": [lambda: os.getxattr(FILE, "user.x")],
    "LISTXATTR": [lambda: os.listxattr(FILE)],
    "GETACL": [lambda: os.getxattr(FILE, "system.posix_acl_access")],
    "FILEATTR": [lambda: with_file(lambda fd: fcntl.ioctl(fd, 0x80086601, b"12345678"))],
    "FIEMAP": [lambda: with_file(fiemap)],
    "READDIR": [lambda: with_file(list_dir, f"{MNT}/dir")],
    "READ": [
        lambda: with_file(lambda fd: os.read(fd, 4)),
        lambda: with_file(lambda fd: os.preadv(fd, [bytearray(4)], 0)),
        lambda: with_file(splice),
    ],
    "MMAP": [lambda: with_file(map_it)],
    "LSEEK": [lambda: with_file(lambda fd: os.lseek(fd, 0, os.SEEK_END))],
    "FADVISE": [lambda: with_file(lambda fd: os.posix_fadvise(fd, 0, 0, 3))],
    "FSYNC": [lambda: with_file(os.fsync)],
    "DATA": [lambda: with_file(data_get, MNT)],
}
# Asked about, but what happened happened.
TOLD = {"RELEASE": lambda: with_file(lambda fd: None), "RELEASEDIR": lambda: os.listdir(f"{MNT}/dir")}
# Not operations of this kind: names are, see the filter answers.
NAMES = ["LOOKUP", "ENTRY", "ACCESS", "OPS"]


def error_of(act):
    try:
        act()
        return 0
    except OSError as e:
        return e.errno


def check_op(op, act, ask):
    """What is wrong with the answers to one operation; empty if nothing is."""
    wrong = []

    def expect(answer, want):
        ask(op, answer)
        before = refused_or_none(op)
        got = error_of(act)
        ask(None, 0)
        if got != want:
            wrong.append(f"{answer}: {errno.errorcode.get(got, got)}")
        return before

    expect(0, 0)
    tree = changes.tree(MNT) if WRITING else None
    for error in ERRORS:
        expect(-error, error)
    for answer in REFUSED:
        before = expect(answer, errno.EIO)
        if before is not None and refused() <= before:
            wrong.append(f"{answer}: not counted")
    if WRITING and changes.tree(MNT) != tree:
        wrong.append("what was refused happened")
    if op == "GETXATTR":
        expect(HIDE, errno.ENODATA)
    elif op == "LISTXATTR":
        expect(HIDE, 0)
    else:
        expect(HIDE, errno.EIO)
    return wrong


def refused_or_none(op):
    """The counter; where reading it would ask about the operation itself it isn't looked at."""
    return None if op in ("GETATTR", "ATTR") else refused()


def main():
    memory = variables()
    numbers = operations()
    tests = failures = 0

    def ask(op, answer):
        memory[0:8] = struct.pack("=Ii", numbers[op] if op else 0, answer)

    def result(ok, name, detail):
        nonlocal tests, failures
        tests += 1
        failures += not ok
        print(f"{'' if ok else 'not '}ok {tests} - {name}{'' if ok else ': ' + detail}")

    writing = changes.acts(MNT)
    for op, acts in (writing if WRITING else ACTS).items():
        wrong = [w for act in acts for w in check_op(op, act, ask)]
        result(not wrong, f"each answer to {op}", "; ".join(wrong))
    for op, act in TOLD.items():
        ask(op, -errno.EPERM)
        result(error_of(act) == 0, f"{op} can't be refused", "it was")
        ask(None, 0)
    ask("LISTXATTR", HIDE)
    result(os.listxattr(FILE) == [], "attributes can be left out of a list", "they weren't")
    ask(None, 0)
    missing = set(numbers) - set(ACTS) - set(writing) - set(TOLD) - set(NAMES)
    result(not missing, "no operation is forgotten here", str(missing))
    print(f"1..{tests}")
    sys.exit(failures != 0)


main()
