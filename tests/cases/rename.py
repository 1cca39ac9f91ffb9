# SPDX-License-Identifier: GPL-2.0-or-later
"""Cases of 070-rename.bats."""

import errno
import os

from lib import case, equal, fails, holds, main, names_of, outcome, read_file, renameat2
from lib import write_file, RENAME_EXCHANGE, RENAME_NOREPLACE, RENAME_WHITEOUT

# ---- everything over everything ----

MAKERS = {
    "file": lambda path: write_file(path, path.rsplit("/", 1)[1].encode()),
    "link": lambda path: os.symlink(path.rsplit("/", 1)[1], path),
    "fifo": os.mkfifo,
    "empty": os.mkdir,
    "full": lambda path: (os.mkdir(path), write_file(f"{path}/in-{path.rsplit('/', 1)[1]}")),
}


def all_pairs():
    for one in MAKERS:
        for other in (*MAKERS, "none"):
            yield one, other


@case
def make_pairs(directory, *ends):
    """For each pair of types a directory with "from" and "to", or one of the two."""
    for one, other in all_pairs():
        pair = f"{directory}/{one}-{other}"
        os.makedirs(pair, exist_ok=True)
        if "from" in (ends or ("from",)):
            MAKERS[one](f"{pair}/from")
        if "to" in (ends or ("to",)) and other != "none":
            MAKERS[other](f"{pair}/to")


@case
def pairs(mount, plain):
    for one, other in all_pairs():
        results = [
            outcome(os.rename, f"{directory}/{one}-{other}/from", f"{directory}/{one}-{other}/to")
            for directory in (mount, plain)
        ]
        equal(results[0], results[1], f"result of {one} over {other}")


@case
def onto_itself(directory):
    for name in ("file.lower", "file.upper", "tree", "tree/both", "tree/link", "empty"):
        path = f"{directory}/{name}"
        ino = os.lstat(path).st_ino
        os.rename(path, path)
        equal(os.lstat(path).st_ino, ino, f"inode number of {name}")


@case
def onto(old, new):
    os.rename(old, new)
    os.lstat(old)


# ---- refusals ----


@case
def errors(directory):
    os.chdir(directory)
    fails(errno.ENOENT, os.rename, "missing", "new")
    fails(errno.ENOENT, os.rename, "file", "missing/new")
    fails(errno.ENOENT, os.rename, "dir/missing", "new")
    fails(errno.EISDIR, os.rename, "file", "dir")
    fails(errno.EISDIR, os.rename, "file", "empty")
    fails(errno.ENOTDIR, os.rename, "dir", "file")
    fails(errno.ENOTDIR, os.rename, "file", "new/")
    fails(errno.ENOTDIR, os.rename, "file/x", "new")
    fails(errno.ENOTEMPTY, os.rename, "empty", "full")
    fails(errno.ENOTEMPTY, os.rename, "dir", "full")
    fails(errno.EINVAL, os.rename, "dir", "dir/inside")
    fails(errno.EINVAL, os.rename, "dir", "dir/sub/inside")
    fails(errno.ENOTEMPTY, os.rename, "dir/sub", "dir")
    fails(errno.EBUSY, os.rename, "dir/.", "new")
    fails(errno.EBUSY, os.rename, "dir", "full/..")
    fails(errno.EINVAL, renameat2, "dir", "dir/sub", RENAME_EXCHANGE)
    fails(errno.EINVAL, renameat2, "dir/sub", "dir", RENAME_EXCHANGE)
    fails(errno.EXDEV, os.rename, "file", "/tmp/elsewhere")


@case
def errors_of_trees(directory):
    os.chdir(directory)
    fails(errno.ENOTEMPTY, os.rename, "own", "tree")
    fails(errno.ENOTEMPTY, os.rename, "tree", "own")
    fails(errno.ENOTEMPTY, os.rename, "other", "tree/both")
    fails(errno.ENOTDIR, os.rename, "tree", "file.both")
    fails(errno.EISDIR, os.rename, "file.both", "tree")
    fails(errno.EINVAL, os.rename, "tree", "tree/both/deep/inside")
    fails(errno.EEXIST, renameat2, "tree", "other", RENAME_NOREPLACE)


@case
def read_only(directory):
    os.chdir(directory)
    fails(errno.EROFS, os.rename, "file", "new")
    fails(errno.EROFS, os.rename, "dir", "new")
    fails(errno.EROFS, renameat2, "file", "dir", RENAME_EXCHANGE)


# ---- flags ----


@case
def no_replace(directory):
    os.chdir(directory)
    for target in ("file.lower", "file.upper", "file.both", "tree", "own", "empty", "tree/link"):
        fails(errno.EEXIST, renameat2, "file.top", target, RENAME_NOREPLACE)
        fails(errno.EEXIST, renameat2, "other", target, RENAME_NOREPLACE)
    fails(errno.EEXIST, renameat2, "file.top", "file.top", RENAME_NOREPLACE)
    os.unlink("file.lower")
    renameat2("file.top", "file.lower", RENAME_NOREPLACE)
    equal(read_file("file.lower"), b"top\n", "content at the deleted name")
    os.rmdir("empty")
    renameat2("other", "empty", RENAME_NOREPLACE)
    equal(names_of("empty"), [b"file", b"sub"], "names at the deleted name")
    renameat2("file.both", "new", RENAME_NOREPLACE)
    equal(read_file("new"), b"top\n", "content at the new name")


def describe(path):
    if os.path.isdir(path) and not os.path.islink(path):
        return [
            (name, describe(os.path.join(os.fsencode(path), name))) for name in names_of(path)
        ]
    if os.path.islink(path):
        return os.readlink(path)
    return read_file(path) if os.path.isfile(path) else "special"


def exchange_and_check(one, other):
    before = describe(one), describe(other)
    numbers = os.lstat(one).st_ino, os.lstat(other).st_ino
    renameat2(one, other, RENAME_EXCHANGE)
    equal((describe(other), describe(one)), before, f"{one} and {other} exchanged")
    equal((os.lstat(other).st_ino, os.lstat(one).st_ino), numbers, "inode numbers")


@case
def exchange(directory):
    os.chdir(directory)
    exchange_and_check("file.lower", "file.upper")
    exchange_and_check("file.lower", "file.both")
    exchange_and_check("tree", "other")
    exchange_and_check("tree", "own")
    exchange_and_check("other/both", "own/sub")
    exchange_and_check("file.top", "empty")
    exchange_and_check("own", "other/link")
    exchange_and_check("other/link/file", "file.upper")
    exchange_and_check("file.lower", "file.lower")
    os.unlink("file.both")
    fails(errno.ENOENT, renameat2, "file.lower", "file.both", RENAME_EXCHANGE)
    fails(errno.ENOENT, renameat2, "file.both", "file.lower", RENAME_EXCHANGE)


@case
def exchange_two(one, other):
    exchange_and_check(one, other)


@case
def flags(directory):
    os.chdir(directory)
    for name in ("file.lower", "file.upper", "tree"):
        for flag in (
            RENAME_WHITEOUT,
            RENAME_WHITEOUT | RENAME_NOREPLACE,
            RENAME_EXCHANGE | RENAME_NOREPLACE,
            RENAME_EXCHANGE | RENAME_WHITEOUT,
            8,
        ):
            fails(errno.EINVAL, renameat2, name, "new", flag)


# ---- who is inside ----


@case
def inside(directory):
    os.chdir(directory)
    root = os.getcwd()
    reader = os.open("tree/both/low", os.O_RDONLY)
    writer = os.open("tree/low/file", os.O_RDWR)
    deep = os.open("tree/both/deep", os.O_RDONLY | os.O_DIRECTORY)
    equal(os.read(reader, 2), b"lo", "first bytes")
    os.chdir("tree/both/deep")
    os.rename(f"{root}/tree", f"{root}/moved")
    equal(os.getcwd(), f"{root}/moved/both/deep", "working directory")
    equal(os.read(reader, 2), b"w\n", "next bytes")
    write_file("made", b"made")
    equal(names_of("."), [b"deeper", b"low", b"made", b"mid"], "names in the working directory")
    equal(names_of(".."), [b"deep", b"low", b"mid", b"top", b"upper"], "names above")
    os.rename("../../both", f"{root}/own/both")
    equal(os.getcwd(), f"{root}/own/both/deep", "working directory")
    equal(read_file("made"), b"made", "content of what was made")
    os.pwrite(writer, b"LOW", 0)
    equal(read_file(f"{root}/moved/low/file"), b"LOW\n", "content that was written")
    os.mkdir("sub", dir_fd=deep)
    equal(os.stat("sub").st_ino, os.stat("sub", dir_fd=deep).st_ino, "inode number by the handle")
    equal(os.stat("..").st_ino, os.stat(f"{root}/own/both").st_ino, "inode number of ..")
    os.unlink("low", dir_fd=deep)
    fails(errno.ENOENT, os.stat, f"{root}/own/both/deep/low")
    equal(os.fstat(reader).st_nlink, 1, "link count of a file that only moved")


@case
def write_after(directory):
    os.chdir(directory)
    fd = os.open("tree/both/low", os.O_WRONLY | os.O_APPEND)
    os.rename("tree", "moved")
    os.write(fd, b"written\n")
    equal(os.fstat(fd).st_ino, os.stat("moved/both/low").st_ino, "inode number")


@case
def links(*names):
    numbers = set(os.stat(name).st_ino for name in names)
    holds(len(numbers) == 1, f"{names} are one file")
    for name in names:
        equal(os.stat(name).st_nlink, len(names), f"link count of {name}")
        equal(read_file(name), b"linked\n", f"content of {name}")


if __name__ == "__main__":
    main()
