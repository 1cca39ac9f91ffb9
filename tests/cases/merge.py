# SPDX-License-Identifier: GPL-2.0-or-later
"""Cases of 030-merge.bats."""

import ctypes
import os
import stat

import lib
from lib import case, equal, getdents, holds, list_directory, main, make_special, names_of
from lib import read_file, write_file


@case
def objects(*words):
    """Something of a KIND at a PATH, for each pair of words."""
    for kind, path in zip(words[::2], words[1::2]):
        make(kind, path)


def make(kind, path):
    if kind == "file":
        write_file(path, path.encode())
    elif kind == "dir":
        os.mkdir(path)
        write_file(f"{path}/in-{path.replace('/', '-')}")
    elif kind == "link":
        os.symlink("target", path)
    elif kind != "none":
        make_special(kind, path)


# ---- names ----

ODD_NAMES = [
    b" ",
    b"a b",
    b"line\nfeed",
    b"tab\t",
    b"\xff\xfe",
    b"\xc3(",
    b"-rf",
    b"...",
    b".w",
    b".wh",
    b"wh.",
    b"x" * 255,
    "é".encode() * 127,
]


@case
def odd_names(directory, every=1):
    for name in ODD_NAMES[:: int(every)]:
        write_file(os.path.join(os.fsencode(directory), name), directory.encode() + name)


@case
def has_odd_names(directory, lower, top):
    equal(names_of(directory), sorted(ODD_NAMES), "names")
    for number, name in enumerate(ODD_NAMES):
        layer = lower if number % 2 else top
        path = os.path.join(os.fsencode(directory), name)
        equal(read_file(path), layer.encode() + name, f"content of {name!r}")
        os.rename(path, path[:-1] + b"~")
        os.unlink(path[:-1] + b"~")
    equal(names_of(directory), [], "names after all were removed")


@case
def dot_dot(directory, parent):
    """What a listing says of "..", and of "."."""
    numbers = {entry.name: entry.ino for entry in list_directory(directory)}
    equal(numbers[b".."], os.stat(parent).st_ino, 'number of ".."')
    equal(numbers[b"."], os.stat(directory).st_ino, 'number of "."')


@case
def exchange(one, other):
    lib.renameat2(one, other, lib.RENAME_EXCHANGE)


# ---- depth ----


def level(number):
    return f"directory-number-{number}"


def descend(directory, levels):
    os.chdir(directory)
    for number in range(int(levels)):
        os.chdir(level(number))


@case
def make_deep(directory, levels):
    os.chdir(directory)
    for number in range(int(levels)):
        os.mkdir(level(number))
        os.chdir(level(number))
        if number == int(levels) // 2:
            write_file("middle", b"middle")
    write_file("file", b"lower")
    write_file("other", b"other")


@case
def use_deep(directory, levels):
    descend(directory, levels)
    equal(names_of("."), [b"file", b"other"], "names at the bottom")
    equal(read_file("file"), b"lower", "content at the bottom")
    write_file("new", b"new")
    with open("file", "ab") as file:
        file.write(b" and upper")
    os.rename("other", "moved")
    os.mkdir("dir")
    os.rename("moved", "dir/moved")
    os.symlink("new", "link")
    equal(read_file("link"), b"new", "content by a link")


@case
def check_deep(directory, levels):
    descend(directory, levels)
    equal(read_file("file"), b"lower and upper", "file")
    equal(read_file("new"), b"new", "new")
    equal(read_file("dir/moved"), b"other", "dir/moved")


@case
def remove_deep(directory, levels):
    def empty_here():
        for entry in os.scandir("."):
            if not entry.is_dir(follow_symlinks=False):
                os.unlink(entry.name)

    descend(directory, levels)
    if os.path.isdir("dir"):
        os.chdir("dir")
        empty_here()
        os.chdir("..")
        os.rmdir("dir")
    for number in reversed(range(int(levels))):
        empty_here()
        os.chdir("..")
        os.rmdir(level(number))


# ---- listings ----


def numbered(first, end):
    return sorted(b"name.%d" % number for number in range(int(first), int(end)))


@case
def fill(directory, first, end):
    for name in numbered(first, end):
        write_file(os.path.join(os.fsencode(directory), name))


def listed(directory, size=32768):
    return sorted(
        entry.name for entry in list_directory(directory, size) if entry.name not in (b".", b"..")
    )


@case
def lists(directory, first, end, size):
    names = listed(directory, int(size))
    equal(len(names), len(set(names)), "names that are listed once")
    equal(names, numbered(first, end), "names")


@case
def lists_some(directory, end, missing_every):
    gone = set(b"name.%d" % number for number in range(0, int(end), int(missing_every)))
    equal(listed(directory), [name for name in numbered(0, end) if name not in gone], "names")


class Dirent(ctypes.Structure):
    _fields_ = [
        ("ino", ctypes.c_uint64),
        ("offset", ctypes.c_int64),
        ("length", ctypes.c_uint16),
        ("kind", ctypes.c_uint8),
        ("name", ctypes.c_char * 256),
    ]


class Stream:
    """A directory by the C library: opendir, readdir, telldir, seekdir, rewinddir."""

    def __init__(self, path):
        for name in ("opendir", "readdir"):
            getattr(lib.libc, name).restype = ctypes.c_void_p
        lib.libc.telldir.restype = ctypes.c_long
        self.stream = ctypes.c_void_p(lib.libc.opendir(os.fsencode(path)))
        holds(self.stream, f"{path} can be opened")

    def next(self):
        found = lib.libc.readdir(self.stream)
        return Dirent.from_address(found).name if found else None

    def tell(self):
        return lib.libc.telldir(self.stream)

    def seek(self, position):
        lib.libc.seekdir(self.stream, ctypes.c_long(position))

    def rewind(self):
        lib.libc.rewinddir(self.stream)

    def close(self):
        lib.libc.closedir(self.stream)


def rest_of(stream):
    names = []
    while (name := stream.next()) is not None:
        names.append(name)
    return names


@case
def seek(directory):
    stream = Stream(directory)
    positions, names = [stream.tell()], []
    while (name := stream.next()) is not None:
        names.append(name)
        positions.append(stream.tell())
    equal(sorted(names), sorted(names_of(directory) + [b".", b".."]), "names")
    for at in [0, 1, 2, 3, len(names) // 3, len(names) // 2, len(names) - 1, len(names)]:
        stream.seek(positions[at])
        equal(rest_of(stream), names[at:], f"names from position {at} on")
    for at in range(len(names) - 1, 0, -97):
        stream.seek(positions[at])
        equal(stream.next(), names[at], f"the name at position {at}")
    stream.rewind()
    equal(rest_of(stream), names, "names after rewinddir")
    stream.close()


@case
def changing(directory, count):
    """A third is removed and new ones are made between the calls that read."""
    count = int(count)
    stay = set(name for name in numbered(0, count) if int(name.split(b".")[1]) % 3)
    go = [name for name in numbered(0, count) if name not in stay]
    path = os.fsencode(directory)
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    seen, made = [], 0
    while entries := getdents(fd, 2048):
        seen += [entry.name for entry in entries]
        for name in go[:40]:
            os.unlink(os.path.join(path, name))
        del go[:40]
        for _ in range(10):
            write_file(os.path.join(path, b"made.%d" % made))
            made += 1
    os.close(fd)
    equal(sorted(name for name in seen if name in stay), sorted(stay), "names that stayed")
    equal(len(seen), len(set(seen)), "names that are listed once")
    now = names_of(directory)
    expected = stay | set(go) | set(b"made.%d" % number for number in range(made))
    equal(now, sorted(expected), "names afterwards")


@case
def news(directory):
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)

    def names():
        os.lseek(fd, 0, os.SEEK_SET)
        found = []
        while entries := getdents(fd):
            found += [entry.name for entry in entries if entry.name not in (b".", b"..")]
        return sorted(found)

    equal(names(), [b"old"], "names at first")
    write_file(f"{directory}/new")
    equal(names(), [b"new", b"old"], "names after one was made")
    os.rename(f"{directory}/old", f"{directory}/renamed")
    equal(names(), [b"new", b"renamed"], "names after a rename")
    os.unlink(f"{directory}/new")
    os.unlink(f"{directory}/renamed")
    equal(names(), [], "names after all were removed")
    os.mkdir(f"{directory}/sub")
    equal(names(), [b"sub"], "names after a directory was made")


@case
def types(directory):
    names = []
    for entry in list_directory(directory):
        status = os.lstat(os.path.join(os.fsencode(directory), entry.name))
        equal(entry.kind, stat.S_IFMT(status.st_mode) >> 12, f"type of {entry.name!r}")
        names.append(entry.name)
    equal(len(names), 20, "names listed")


@case
def numbers(directory):
    """In the whole tree; names that lead to one inode excepted, each number is there once."""
    known = {}
    for path, _, _ in os.walk(os.fsencode(directory)):
        for entry in list_directory(path):
            if entry.name == b"..":
                continue
            full = os.path.join(path, entry.name)
            status = os.lstat(full)
            equal(entry.ino, status.st_ino, f"number of {full!r}")
            if not stat.S_ISDIR(status.st_mode) and status.st_nlink == 1:
                holds(entry.ino not in known, f"{full!r} and {known.get(entry.ino)!r} differ")
            known[entry.ino] = full


if __name__ == "__main__":
    main()
