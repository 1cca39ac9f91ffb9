# SPDX-License-Identifier: GPL-2.0-or-later
"""Cases of 085-flags.bats: file attributes (chattr) of lower and upper objects, and what they forbid."""

import array
import fcntl
import json
import os

from lib import FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE, FS_APPEND_FL, FS_IMMUTABLE_FL
from lib import FS_IOC_GETFLAGS, FS_IOC_SETFLAGS, RENAME_EXCHANGE, case, equal, fallocate, main, outcome
from lib import renameat2, write_file

FS_SYNC_FL, FS_NOATIME_FL = 0x8, 0x80
PROTECTS = FS_APPEND_FL | FS_IMMUTABLE_FL
SEEN = FS_APPEND_FL | FS_IMMUTABLE_FL | FS_SYNC_FL | FS_NOATIME_FL
SETS = {
    "i": FS_IMMUTABLE_FL,
    "a": FS_APPEND_FL,
    "ia": FS_IMMUTABLE_FL | FS_APPEND_FL,
    "SA": FS_SYNC_FL | FS_NOATIME_FL,
    "aA": FS_APPEND_FL | FS_NOATIME_FL,
}


def on_flags(path, request, value=0):
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        flags = array.array("L", [value])
        fcntl.ioctl(fd, request, flags)
        return flags[0] & 0xFFFFFFFF
    finally:
        os.close(fd)


def get_flags(path):
    return on_flags(path, FS_IOC_GETFLAGS)


def change_flags(path, add=0, remove=0):
    on_flags(path, FS_IOC_SETFLAGS, get_flags(path) & ~remove | add)


def opened(flags, act=lambda fd: None):
    def do(path):
        fd = os.open(path, flags)
        try:
            act(fd)
        finally:
            os.close(fd)

    return do


def inside(act):
    """Something that is done with a name in the directory."""
    return lambda path: act(f"{path}/inner")


ANYTHING = {
    "chmod": lambda path: os.chmod(path, 0o711),
    "chown": lambda path: os.chown(path, 1, 2),
    "touch": os.utime,
    "utime": lambda path: os.utime(path, ns=(10**18, 10**18 + 1)),
    "setxattr": lambda path: os.setxattr(path, "user.new", b"new"),
    "removexattr": lambda path: os.removexattr(path, "user.test"),
    "rename": lambda path: os.rename(path, f"{path}.renamed"),
    "replaced": lambda path: os.rename(f"{path}.other", path),
    "exchange": lambda path: renameat2(path, f"{path}.other", RENAME_EXCHANGE),
    "add S": lambda path: change_flags(path, FS_SYNC_FL),
    "remove i": lambda path: change_flags(path, 0, FS_IMMUTABLE_FL),
    "remove all": lambda path: change_flags(path, 0, SEEN),
    "nothing": os.lstat,
}
FILES = {
    "read": opened(os.O_RDONLY, lambda fd: os.read(fd, 10)),
    "write": opened(os.O_WRONLY, lambda fd: os.write(fd, b"X")),
    "write and read": opened(os.O_RDWR, lambda fd: os.write(fd, b"X")),
    "append": opened(os.O_WRONLY | os.O_APPEND, lambda fd: os.write(fd, b"more")),
    "append and truncate": opened(os.O_WRONLY | os.O_APPEND, lambda fd: os.ftruncate(fd, 3)),
    "empty": opened(os.O_WRONLY | os.O_TRUNC),
    "truncate": lambda path: os.truncate(path, 3),
    "grow": lambda path: os.truncate(path, 30),
    "append and allocate": opened(
        os.O_WRONLY | os.O_APPEND, lambda fd: fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 9999)
    ),
    "append and punch": opened(
        os.O_WRONLY | os.O_APPEND,
        lambda fd: fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096),
    ),
    "link": lambda path: os.link(path, f"{path}.linked"),
    "unlink": os.unlink,
}
DIRS = {
    "create": lambda path: write_file(f"{path}/new"),
    "mkdir": lambda path: os.mkdir(f"{path}/new"),
    "link into": lambda path: os.link(f"{path}.other/inner", f"{path}/linked"),
    "without a name": lambda path: os.close(os.open(path, os.O_TMPFILE | os.O_RDWR)),
    "unlink inner": inside(os.unlink),
    "rename inner": inside(lambda inner: os.rename(inner, f"{inner}.renamed")),
    "move inner out": lambda path: os.rename(f"{path}/inner", f"{path}.inner"),
    "move into": lambda path: os.rename(f"{path}.other/inner", f"{path}/moved"),
    "write inner": inside(lambda inner: write_file(inner, b"X")),
    "chmod inner": inside(lambda inner: os.chmod(inner, 0o600)),
    "rmdir": os.rmdir,
}


def objects():
    """Path, kind, flags, what to do, and how."""
    for word, flags in SETS.items():
        for name, act in (ANYTHING | FILES).items():
            yield f"{word}.{name}.file", "file", flags, act
        for name, act in (ANYTHING | DIRS).items():
            # What overlayfs does not do anyway (EXDEV) says nothing.
            if flags & PROTECTS or name not in ("rename", "replaced", "exchange"):
                yield f"{word}.{name}.dir", "dir", flags, act


def make(path, kind, content):
    if kind == "file":
        write_file(path, content)
    else:
        os.mkdir(path)
        write_file(f"{path}/inner", content)
    os.setxattr(path, "user.test", b"value")


@case
def populate(directory):
    for path, kind, flags, _ in objects():
        path = f"{directory}/{path}"
        make(path, kind, b"0123456789")
        make(f"{path}.other", kind, b"other")
        change_flags(path, flags)


def flags_in(directory):
    return {
        path: get_flags(path) & SEEN
        for where, dirs, files in os.walk(directory)
        for path in (os.path.join(where, name) for name in dirs + files)
    }


@case
def try_all(directory, result):
    """What becomes of each, and which flags there are then."""
    os.chdir(directory)
    outcomes = {path: outcome(act, path) for path, _, _, act in objects()}
    with open(result, "w", encoding="ascii") as file:
        json.dump({"outcomes": outcomes, "flags": flags_in(".")}, file)


def read_json(path):
    with open(path, encoding="ascii") as file:
        return json.load(file)


@case
def same(expected, actual):
    expected, actual = read_json(expected), read_json(actual)
    for what in ("outcomes", "flags"):
        equal(
            {path: value for path, value in actual[what].items() if expected[what].get(path) != value},
            {path: value for path, value in expected[what].items() if actual[what].get(path) != value},
            what,
        )


@case
def still(directory, result):
    """After a remount, or with another driver."""
    os.chdir(directory)
    expected = read_json(result)["flags"]
    actual = flags_in(".")
    equal({p: f for p, f in actual.items() if expected.get(p) != f}, {}, "flags")
    equal(sorted(actual), sorted(expected), "paths")


@case
def opens(directory):
    """Of a protected file, which opens are refused."""
    for word, flags, refused in (
        ("i", os.O_WRONLY, True),
        ("i", os.O_RDWR, True),
        ("i", os.O_WRONLY | os.O_APPEND, True),
        ("i", os.O_RDONLY, False),
        ("a", os.O_WRONLY, True),
        ("a", os.O_RDWR | os.O_APPEND, False),
        ("a", os.O_RDONLY, False),
    ):
        equal(
            outcome(opened(flags), f"{directory}/{word}.nothing.file"),
            "EPERM" if refused else "success",
            f"opening {word} with flags {flags:o}",
        )


@case
def make_tree(directory):
    os.makedirs(f"{directory}/tree/sub")
    for path, flags in tree(directory):
        if not os.path.exists(path):
            write_file(path, b"content")
        change_flags(path, flags)


def tree(directory, name="tree"):
    return [
        (f"{directory}/{name}/immutable", FS_IMMUTABLE_FL),
        (f"{directory}/{name}/append", FS_APPEND_FL | FS_NOATIME_FL),
        (f"{directory}/{name}/sub/sync", FS_SYNC_FL),
        (f"{directory}/{name}/sub", FS_IMMUTABLE_FL | FS_SYNC_FL),
        (f"{directory}/{name}", FS_NOATIME_FL),
    ]


@case
def check_tree(directory, name):
    for path, flags in tree(directory, name):
        equal(get_flags(path) & SEEN, flags, f"flags of {path}")
    equal(outcome(os.unlink, f"{directory}/{name}/immutable"), "EPERM", "unlinking")
    equal(outcome(write_file, f"{directory}/{name}/sub/new"), "EPERM", "creating")


@case
def clear_tree(directory, name):
    for path, _ in tree(directory, name):
        change_flags(path, 0, SEEN)


@case
def onto_itself(name, other):
    """Of a file that the kernel may now know by two inodes, as its copy came while it was in use."""
    change_flags(name, FS_APPEND_FL)
    os.chown(os.path.dirname(name), 1, 1)
    for new in (name, other, name):
        os.rename(name, new)
    equal(os.stat(name).st_ino, os.stat(other).st_ino, "inode number of the other name")
    change_flags(name, 0, FS_APPEND_FL)


if __name__ == "__main__":
    main()
