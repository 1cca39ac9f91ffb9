# SPDX-License-Identifier: GPL-2.0-or-later
"""Cases of 050-copy-up.bats."""

import hashlib
import json
import mmap
import multiprocessing
import os
import stat
import struct

from lib import RENAME_EXCHANGE, case, equal, fails, holds, main, make_special, names_of
from lib import read_file, renameat2, write_file

OLD = 1_000_000_000_123_456_789  # nanoseconds: of everything in the lower layer
ACL_USER_OBJ, ACL_USER, ACL_GROUP_OBJ, ACL_MASK, ACL_OTHER = 0x01, 0x02, 0x04, 0x10, 0x20
NO_ID = 0xFFFFFFFF
CAPABILITY = struct.pack("<5I", 0x02000001, 1 << 10, 0, 0, 0)  # net_bind_service, effective


def acl(*entries):
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


ACCESS_ACL = acl(
    (ACL_USER_OBJ, 7, NO_ID),
    (ACL_USER, 5, 4321),
    (ACL_GROUP_OBJ, 5, NO_ID),
    (ACL_MASK, 5, NO_ID),
    (ACL_OTHER, 1, NO_ID),
)


# ---- objects of every type ----

TYPES = ["file", "empty", "capable", "dir", "link", "fifo", "socket", "char", "block"]


def make(kind, path):
    if kind in ("file", "capable"):
        write_file(path, b"0123456789" * 1000)
    elif kind == "empty":
        write_file(path)
    elif kind == "dir":
        os.mkdir(path)
        write_file(f"{path}/inner", b"inner")
    elif kind == "link":
        os.symlink("a/target/that/does/not/exist", path)
    else:
        make_special(kind, path)


def dress(path, number):
    """Owner, mode, attributes and times that nothing has by chance."""
    mode = os.lstat(path).st_mode
    os.lchown(path, 1000 + number, 5000 + number)
    if not stat.S_ISLNK(mode):
        os.chmod(path, 0o2753 if stat.S_ISDIR(mode) else 0o6751)
    os.setxattr(path, "trusted.test", b"trusted \0 bytes", follow_symlinks=False)
    if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
        os.setxattr(path, "user.test", b"user %d" % number)
        os.setxattr(path, "user.empty", b"")
        os.setxattr(path, "system.posix_acl_access", ACCESS_ACL)
    if stat.S_ISDIR(mode):
        os.setxattr(path, "system.posix_acl_default", ACCESS_ACL)
    if os.path.basename(path) == "capable":
        os.setxattr(path, "security.capability", CAPABILITY)
    os.utime(path, ns=(OLD + number, OLD + 1000 + number), follow_symlinks=False)


@case
def populate(directory):
    sub = f"{directory}/dir/sub"
    os.makedirs(sub)
    for kind in TYPES:
        make(kind, f"{sub}/{kind}")
    dress(f"{sub}/dir/inner", 77)
    for number, kind in enumerate(TYPES):
        dress(f"{sub}/{kind}", number)
    dress(sub, 88)
    dress(f"{directory}/dir", 99)


def look(path):
    """All that can be seen of an object, but for what differs from one file system to another."""
    status = os.lstat(path)
    seen = {
        "mode": oct(status.st_mode),
        "owner": (status.st_uid, status.st_gid),
        "device": status.st_rdev,
        "atime": status.st_atime_ns,
        "mtime": status.st_mtime_ns,
        "xattrs": {
            name: os.getxattr(path, name, follow_symlinks=False).hex()
            for name in sorted(os.listxattr(path, follow_symlinks=False))
        },
    }
    if stat.S_ISREG(status.st_mode):
        seen["nlink"] = status.st_nlink
        seen["size"] = status.st_size
        seen["content"] = hashlib.sha256(read_file(path)).hexdigest()
    elif stat.S_ISLNK(status.st_mode):
        seen["target"] = os.readlink(path)
    elif stat.S_ISDIR(status.st_mode):
        seen["names"] = sorted(os.listdir(path))
    return seen


def compare(actual, expected, before, what):
    """A time that the operation has set to now need not be the same, but it must be another."""
    for time in ("atime", "mtime"):
        if expected[time] != before[time]:
            holds(actual[time] != before[time], f"{what}: {time} has changed")
            actual[time] = expected[time]
    equal(actual, expected, what)


OPERATIONS = {
    "chmod": lambda path: os.chmod(path, 0o5710),
    "chown": lambda path: os.lchown(path, 4000, 4001),
    "chgrp": lambda path: os.lchown(path, -1, 4001),
    "utimes": lambda path: os.utime(path, ns=(OLD * 2, OLD + 7), follow_symlinks=False),
    "setxattr": lambda path: os.setxattr(path, "trusted.new", b"new", follow_symlinks=False),
    "removexattr": lambda path: os.removexattr(path, "trusted.test", follow_symlinks=False),
    "setacl": lambda path: os.setxattr(path, "system.posix_acl_access", ACCESS_ACL[:-1] + b"\0"),
    "write": lambda path: open(path, "ab").write(b"more"),  # pylint: disable=consider-using-with
    "overwrite": lambda path: write_at(path, 3, b"XYZ"),
    "truncate": lambda path: os.truncate(path, 5000),
    "extend": lambda path: os.truncate(path, 50000),
    "empty": lambda path: os.close(os.open(path, os.O_WRONLY | os.O_TRUNC)),
    "link": lambda path: os.link(path, f"{path}.linked", follow_symlinks=False),
    "rename": lambda path: os.rename(path, f"{path}.renamed"),
}
ONLY_FILES = ("write", "overwrite", "truncate", "extend", "empty")
FILES = ("file", "empty", "capable")


def write_at(path, at, data):
    fd = os.open(path, os.O_RDWR)
    os.pwrite(fd, data, at)
    os.close(fd)


def applies(operation, kind):
    if operation in ONLY_FILES:
        return kind in FILES
    if operation == "setacl":
        return kind in FILES + ("dir",)
    return not (operation == "chmod" and kind == "link" or operation == "link" and kind == "dir")


def all_paths(directory):
    return sorted(
        os.path.relpath(os.path.join(path, name), directory)
        for path, names, files in os.walk(directory)
        for name in names + files
    )


@case
def operate(operation, mount, plain, result):
    """Do the same on the mount and on a plain file system, and look at all objects then."""
    before = {path: look(f"{mount}/{path}") for path in all_paths(mount)}
    for directory in (mount, plain):
        for kind in TYPES:
            if applies(operation, kind):
                OPERATIONS[operation](f"{directory}/dir/sub/{kind}")
    equal(all_paths(mount), all_paths(plain), "paths")
    expected = {path: look(f"{plain}/{path}") for path in all_paths(plain)}
    for path, seen in expected.items():
        origin = before[path.replace(".linked", "").replace(".renamed", "")]
        compare(look(f"{mount}/{path}"), seen, origin, path)
    with open(result, "w", encoding="ascii") as file:
        json.dump([expected, before], file)


@case
def operated(mount, result):
    """After a remount: still the same."""
    with open(result, encoding="ascii") as file:
        expected, before = json.load(file)
    equal(all_paths(mount), sorted(expected), "paths")
    for path, seen in expected.items():
        origin = before[path.replace(".linked", "").replace(".renamed", "")]
        actual = json.loads(json.dumps(look(f"{mount}/{path}")))
        compare(actual, seen, origin, path)


# ---- data ----


@case
def make_sparse(path):
    fd = os.open(path, os.O_RDWR | os.O_CREAT)
    for at in (0, 3 << 20, (3 << 20) + 8192, 5 << 30):
        os.pwrite(fd, b"data" * 1024, at)
    os.ftruncate(fd, 6 << 30)
    os.close(fd)


@case
def truncate(path, size):
    os.truncate(path, int(size))


def extents(path):
    """Where data begin and end."""
    fd = os.open(path, os.O_RDONLY)
    found, at, end = [], 0, os.fstat(fd).st_size
    while at < end:
        try:
            at = os.lseek(fd, at, os.SEEK_DATA)
        except OSError:
            break
        hole = os.lseek(fd, at, os.SEEK_HOLE)
        found.append((at, hole))
        at = hole
    os.close(fd)
    return found


@case
def same_extents(path, other):
    equal(extents(path), extents(other), "where there are data")
    equal(os.stat(path).st_size, os.stat(other).st_size, "size")
    for at, end in extents(path):
        with open(path, "rb") as one, open(other, "rb") as two:
            one.seek(at)
            two.seek(at)
            equal(one.read(end - at), two.read(end - at), f"data at {at}")


def poke(path, number):
    fd = os.open(path, os.O_WRONLY)
    os.pwrite(fd, b"%03d" % number, number * 5000)
    os.close(fd)


@case
def at_once(path):
    """Many processes cause the copy-up at the same time, each writes its own three bytes."""
    processes = [
        multiprocessing.Process(target=poke, args=(path, number)) for number in range(24)
    ]
    before = os.stat(path).st_ino
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        equal(process.exitcode, 0, "status of a writer")
    content = read_file(path)
    equal(len(content), 200000, "size")
    for number in range(24):
        equal(content[number * 5000 :][:5], b"%03dxx" % number, f"bytes of writer {number}")
    equal(content.count(b"x"), 200000 - 24 * 3, "bytes of the lower file")
    equal(os.stat(path).st_ino, before, "inode number")


# ---- open handles ----


@case
def handles(path):
    """A handle that was opened for reading, when another one writes the file."""
    reader = os.open(path, os.O_RDONLY)
    equal(os.read(reader, 5), b"lower", "content at first")
    writer = os.open(path, os.O_WRONLY)
    os.pwrite(writer, b"upper", 0)
    equal(read_file(path), b"upper file\n", "content by the name")
    equal(os.pread(reader, 100, 0), b"upper file\n", "content by the old handle")
    again = os.open(path, os.O_RDONLY)
    equal(os.pread(again, 100, 0), b"upper file\n", "content by a new handle")
    os.fchmod(reader, 0o640)
    os.ftruncate(writer, 7)
    for fd, name in ((reader, "old handle"), (writer, "writer"), (again, "new handle")):
        by_fd, by_name = os.fstat(fd), os.stat(path)
        for field in ("st_ino", "st_mode", "st_size", "st_mtime_ns", "st_nlink", "st_uid"):
            equal(getattr(by_fd, field), getattr(by_name, field), f"{field} by the {name}")
    os.unlink(path)
    equal(os.fstat(reader).st_nlink, 0, "names by the old handle")
    equal(os.pread(again, 100, 0), b"upper f", "content without a name")


@case
def two_writers(path):
    one, two = os.open(path, os.O_RDWR), os.open(path, os.O_RDWR)
    os.pwrite(one, b"one", 0)
    equal(os.pread(two, 5, 0), b"oneer", "what one writes the other reads")
    os.pwrite(two, b"two", 6)
    equal(os.pread(one, 100, 0), b"oneer twoe\n", "and the other way round")
    equal(os.fstat(one).st_ino, os.fstat(two).st_ino, "inode number")


@case
def mapped(path, engine):
    """A mapping of a file that is copied up later."""
    fd = os.open(path, os.O_RDONLY)
    view = mmap.mmap(fd, 11, mmap.MAP_SHARED, mmap.PROT_READ)
    equal(view[:], b"lower file\n", "what is mapped at first")
    with open(path, "r+b") as file:
        file.write(b"upper")
    # In a view, as on overlayfs, a mapping stays one of the layer's file.
    then = b"lower file\n" if engine == "bpf" else b"upper file\n"
    equal(view[:], then, "what is mapped then")
    fresh = os.open(path, os.O_RDONLY)
    equal(mmap.mmap(fresh, 11, mmap.MAP_SHARED, mmap.PROT_READ)[:], b"upper file\n", "a new map")


@case
def first_write(path, upper):
    fd = os.open(path, os.O_WRONLY | os.O_APPEND)
    os.write(fd, b"x")
    equal(read_file(upper), b"lower file\nx", "the upper file after the first write")
    os.close(fd)


# ---- hard links ----


def check_links(names, nlink=None):
    """All names are one file."""
    first = os.lstat(names[0])
    for name in names:
        status = os.lstat(name)
        equal(status.st_ino, first.st_ino, f"inode number of {name}")
        equal(status.st_nlink, nlink or len(names), f"link count of {name}")
        if stat.S_ISREG(status.st_mode):
            equal(read_file(name), read_file(names[0]), f"content of {name}")


@case
def make_links(directory, count):
    """One file by many names: 0 to count - 1, some of them in directories."""
    os.makedirs(f"{directory}/sub/sub")
    names = link_names(directory, count)
    write_file(names[0], b"linked\n")
    for name in names[1:]:
        os.link(names[0], name)


def link_names(directory, count):
    return [f"{directory}/{('', 'sub/', 'sub/sub/')[n % 3]}{n}" for n in range(int(count))]


@case
def links(directory, count, *gone):
    names = link_names(directory, count)
    check_links([name for name in names if name.rsplit("/", 1)[1] not in gone])


LINK_TRIGGERS = {
    "write": lambda name: write_at(name, 0, b"LINKED"),
    "chmod": lambda name: os.chmod(name, 0o600),
    "xattr": lambda name: os.setxattr(name, "user.x", b"y"),
    "link": lambda name: (os.link(name, f"{name}.more"), os.unlink(f"{name}.more")),
    "rename": lambda name: (os.rename(name, f"{name}.more"), os.rename(f"{name}.more", name)),
    "exchange": lambda name: (
        write_file(f"{name}.new"),
        renameat2(name, f"{name}.new", RENAME_EXCHANGE),
        renameat2(name, f"{name}.new", RENAME_EXCHANGE),
        os.unlink(f"{name}.new"),
    ),
}


def link_groups_of(directory):
    """One group of names for each way to cause the copy-up, and for each kind of name."""
    for trigger in LINK_TRIGGERS:
        for number in range(3):
            yield f"{directory}/{trigger}.{number}", trigger, number


@case
def make_link_groups(directory):
    for group, _, _ in link_groups_of(directory):
        make_links(group, 5)


@case
def trigger_links(directory, *without):
    """Each group is copied up in its way, but for those that the upper cannot do."""
    for group, trigger, number in link_groups_of(directory):
        if trigger in without:
            trigger = "chmod"
        names = link_names(group, 5)
        ino = os.stat(names[0]).st_ino
        check_links(names)
        LINK_TRIGGERS[trigger](names[number])
        check_links(names)
        equal(os.stat(names[0]).st_ino, ino, f"inode number in {group}")
        write_at(names[-1], 0, b"changed")
        check_links(names)


@case
def link_groups(directory):
    for group, _, _ in link_groups_of(directory):
        check_links(link_names(group, 5))
        equal(read_file(f"{group}/0"), b"changed", f"content in {group}")


@case
def unlink_links(directory, count, *numbers):
    """Names go one by one; who has the file open sees the count fall."""
    names = link_names(directory, count)
    doomed = [names[int(number)] for number in numbers] or names[:]
    fd = os.open(doomed[0], os.O_RDONLY)
    left = os.fstat(fd).st_nlink
    for name in doomed:
        os.unlink(name)
        left -= 1
        equal(os.fstat(fd).st_nlink, left, f"link count after {name} was removed")
    os.close(fd)


@case
def replace_links(directory, count):
    """Names go because others are put in their place."""
    names = link_names(directory, count)
    keeper = os.open(names[0], os.O_RDWR)
    for number, name in enumerate(names[1:]):
        write_file(f"{directory}/other", b"other")
        os.rename(f"{directory}/other", name)
        equal(os.fstat(keeper).st_nlink, len(names) - 1 - number, f"links after {name} went")
        equal(read_file(name), b"other", f"content of {name}")
    os.pwrite(keeper, b"LINKED", 0)
    equal(read_file(names[0]), b"LINKED\n", "content of what is left")
    os.unlink(names[0])
    equal(os.fstat(keeper).st_nlink, 0, "links at last")


@case
def rename_onto_own_link(directory):
    """POSIX: a rename between two names of one file does nothing."""
    names = link_names(directory, 2)
    os.rename(names[0], names[1])
    check_links(names)


@case
def link_special(directory):
    """Two names each of a link and of a fifo."""
    for kind in ("link", "fifo"):
        make(kind, f"{directory}/{kind}")
        os.link(f"{directory}/{kind}", f"{directory}/{kind}2", follow_symlinks=False)


@case
def linked_special(directory):
    for kind in ("link", "fifo"):
        names = [f"{directory}/{kind}", f"{directory}/{kind}2"]
        check_links(names)
        os.lchown(names[1], 7, 8)
        check_links(names)
        equal(os.lstat(names[0]).st_uid, 7, f"owner of the {kind} by its other name")
        os.unlink(names[1])
        equal(os.lstat(names[0]).st_nlink, 1, f"link count of the {kind}")


# ---- no room ----


@case
def no_room(path, errno):
    content = read_file(path)
    status = os.stat(path)
    fails(int(errno), os.chmod, path, 0o600)
    fails(int(errno), os.link, path, f"{path}.linked")
    fails(int(errno), os.rename, path, f"{path}.renamed")
    fails(int(errno), write_at, path, 0, b"x")
    equal(read_file(path), content, "content afterwards")
    equal(os.stat(path).st_mode, status.st_mode, "mode afterwards")
    equal(os.stat(path).st_ino, status.st_ino, "inode number afterwards")
    equal(names_of(os.path.dirname(path)), [os.path.basename(path).encode()], "names afterwards")


if __name__ == "__main__":
    main()
