# SPDX-License-Identifier: GPL-2.0-or-later
"""Cases of 120-inodes.bats."""

import errno
import json
import os
import random
import stat

from lib import STATX_BTIME, case, equal, fails, getdents, holds, link_fd, list_directory, main
from lib import make_special, names_of, read_file, statx, write_file

KINDS = ["file", "dir", "link", "fifo", "socket", "char", "block"]


def make(kind, path):
    if kind == "file":
        write_file(path, path.encode())
    elif kind == "dir":
        os.mkdir(path)
        write_file(f"{path}/inner", b"inner")
    elif kind == "link":
        os.symlink("nowhere", path)
    else:
        make_special(kind, path)


@case
def kinds(directory, prefix):
    """One object of each type, and one with two names of each that can have them."""
    os.makedirs(directory, exist_ok=True)
    for kind in KINDS:
        make(kind, f"{directory}/{prefix}.{kind}")
        if kind != "dir":
            make(kind, f"{directory}/{prefix}.{kind}.linked")
            os.link(
                f"{directory}/{prefix}.{kind}.linked",
                f"{directory}/{prefix}.{kind}.also",
                follow_symlinks=False,
            )


# ---- the whole tree ----


def walk(top):
    """(path, status) of everything in a tree, in bytes; the top is the path b""."""
    yield b"", os.lstat(top)
    for path, dirs, files in os.walk(os.fsencode(top)):
        for name in dirs + files:
            full = os.path.join(path, name)
            yield os.path.relpath(full, os.fsencode(top)), os.lstat(full)


def check_listings(top):
    """What directories list is what stat shows, for each name, "." and ".."."""
    for path, _, _ in os.walk(os.fsencode(top)):
        for entry in list_directory(path):
            if entry.name == b".." and path == os.fsencode(top):
                continue
            full = os.path.join(path, entry.name)
            status = os.lstat(full)
            equal(entry.ino, status.st_ino, f"number listed of {full!r}")
            equal(entry.kind, stat.S_IFMT(status.st_mode) >> 12, f"type listed of {full!r}")


def check_identities(top):
    """One device; as many names lead to a number as the link count says, and they are one object."""
    device = os.stat(top).st_dev
    by_number = {}
    for path, status in walk(top):
        equal(status.st_dev, device, f"device of {path!r}")
        holds(status.st_ino != 0, f"{path!r} has a number")
        by_number.setdefault(status.st_ino, []).append((path, status))
    for number, names in by_number.items():
        paths = [path for path, _ in names]
        first = names[0][1]
        if stat.S_ISDIR(first.st_mode):
            equal(len(names), 1, f"directories with number {number}: {paths}")
            continue
        for path, status in names:
            equal(status.st_nlink, len(names), f"link count of {path!r}, one of {paths}")
            for field in ("st_mode", "st_uid", "st_size", "st_mtime_ns", "st_rdev"):
                equal(getattr(status, field), getattr(first, field), f"{field} of {path!r}")
        if stat.S_ISREG(first.st_mode):
            contents = {read_file(os.path.join(os.fsencode(top), path)) for path in paths}
            equal(len(contents), 1, f"contents of {paths}")


@case
def tree(top):
    check_listings(top)
    check_identities(top)


# ---- over time ----


def numbers(top):
    return {os.fsdecode(path): status.st_ino for path, status in walk(top)}


@case
def remember(top, file):
    with open(file, "w", encoding="utf-8") as out:
        json.dump(numbers(top), out)


def moved(path, renames):
    for old, new in renames:
        if path == old or path.startswith(f"{old}/"):
            return new + path[len(old) :]
    return path


@case
def remembered(top, file, *renames):
    """All that was remembered is there with its number; renames are words OLD NEW."""
    with open(file, encoding="utf-8") as before:
        expected = json.load(before)
    pairs = list(zip(renames[::2], renames[1::2]))
    expected = {moved(path, pairs): number for path, number in expected.items()}
    equal(numbers(top), expected, "numbers")


@case
def chown_all(top):
    """Change everything in a tree, so that it is copied up; fds opened before see no other number."""
    held = [
        (path, os.open(os.path.join(os.fsencode(top), path), os.O_PATH | os.O_NOFOLLOW), status)
        for path, status in walk(top)
    ]
    for path, _, _ in held:
        os.chown(os.path.join(os.fsencode(top), path), 12, 34, follow_symlinks=False)
    for path, fd, before in held:
        now = os.fstat(fd)
        equal(now.st_ino, before.st_ino, f"number by an fd of {path!r}")
        equal((now.st_uid, now.st_gid), (12, 34), f"owner by an fd of {path!r}")
        os.close(fd)


@case
def in_upper(lower, upper):
    equal(
        {path for path, _ in walk(lower)} - {path for path, _ in walk(upper)}, set(), "not copied up"
    )


# ---- layers with equal numbers ----


@case
def same_numbers(first, second):
    """The test is none unless the layers really have the same numbers under other names."""
    one = {status.st_ino for path, status in walk(first) if path}
    two = {status.st_ino for path, status in walk(second) if path}
    equal(one, two, "numbers in the two layers")
    names = {path for path, _ in walk(first)} & {path for path, _ in walk(second)}
    equal(names, {b""}, "names in both layers")


# ---- links ----


def link_name(directory, number):
    return f"{directory}/link.{number:04}"


def check_links(names, expected):
    for name in names:
        status = os.lstat(name)
        equal((status.st_ino, status.st_nlink), expected, f"number and link count of {name}")


@case
def many_links(directory, origin, count):
    """Names are made, listed, and removed again; every one is the same file at each moment."""
    count = int(count)
    before = os.stat(origin)
    names = [link_name(directory, number) for number in range(count)]
    for number, name in enumerate(names):
        os.link(origin, name)
        if number % 100 == 0:
            check_links([name, origin], (before.st_ino, number + 2))
    check_links(names, (before.st_ino, count + 1))
    entries = [e for e in list_directory(directory) if e.name.startswith(b"link.")]
    equal(sorted(os.fsdecode(e.name) for e in entries), [os.path.basename(n) for n in names], "names")
    equal({entry.ino for entry in entries}, {before.st_ino}, "numbers listed")
    with open(names[-1], "ab") as file:
        file.write(b" more")
    equal({read_file(name) for name in names[::50] + [origin]}, {b"content more"}, "contents")


@case
def fewer_links(directory, origin, count):
    count = int(count)
    names = [link_name(directory, number) for number in range(count)]
    number = os.stat(origin).st_ino
    check_links(names + [origin], (number, count + 1))
    random.Random(1).shuffle(names)
    with open(origin, "rb") as held:
        for left, name in zip(range(count, 0, -1), names):
            os.unlink(name)
            if left % 100 == 0:
                equal(os.fstat(held.fileno()).st_nlink, left, "link count by an fd")
        equal(os.fstat(held.fileno()).st_nlink, 1, "link count of what is left")
        os.unlink(origin)
        equal(os.fstat(held.fileno()).st_nlink, 0, "link count without a name")
        equal(held.read(), b"content more", "content without a name")
    equal(names_of(directory), [], "names at last")


@case
def gone(*paths):
    """Objects without a name: no links, the number they had, and still usable."""
    for path in paths:
        before = os.lstat(path)
        kind = stat.S_IFMT(before.st_mode)
        fd = os.open(path, os.O_RDONLY)
        (os.rmdir if kind == stat.S_IFDIR else os.unlink)(path)
        now = os.fstat(fd)
        equal((now.st_nlink, now.st_ino), (0, before.st_ino), f"links and number of {path}")
        if kind == stat.S_IFREG:
            equal(os.read(fd, 100), path.split("/")[-1].encode(), f"content of {path}")
            fails(errno.ENOENT, link_fd, fd, f"{path}.back")
        else:
            fails(errno.ENOENT, getdents, fd)
        # A new object of that name is another.
        write_file(path)
        holds(os.lstat(path).st_ino != now.st_ino, f"the new {path} has a number of its own")
        equal(os.fstat(fd).st_nlink, 0, f"links of the old {path}")
        os.close(fd)


# ---- numbers that the upper gives out again ----


@case
def reuse(directory, rounds):
    """Files come and go; the file system below gives their numbers to the next ones. What an fd
    leads to stays the same object, and no two objects that are there share a number."""
    held, live = {}, {}
    chance = random.Random(7)

    def check_held(number):
        fd, content = held[number]
        equal(os.fstat(fd).st_ino, number, "number by an fd")
        equal(os.pread(fd, 100, 0), content, f"content by an fd of {number}")

    for at in range(int(rounds)):
        path = f"{directory}/file.{at}"
        content = b"content %d" % at
        write_file(path, content)
        fd = os.open(path, os.O_RDONLY)
        number = os.fstat(fd).st_ino
        equal(os.lstat(path).st_ino, number, f"number of {path}")
        holds(number not in held, f"{path} has a number that no held file has")
        holds(number not in live, f"{path} has a number that no other file has")
        if at % 10 == 0:
            held[number] = fd, content
        else:
            os.close(fd)
        if at % 3 == 0:
            live[number] = path, content
        else:
            os.unlink(path)
        if len(held) > 100:
            number = chance.choice(sorted(held))
            check_held(number)
            os.close(held.pop(number)[0])
        if len(live) > 50:
            number = chance.choice(sorted(live))
            path, content = live.pop(number)
            equal(os.lstat(path).st_ino, number, f"number of {path}")
            equal(read_file(path), content, f"content of {path}")
            os.unlink(path)
    for number in held:
        check_held(number)
        os.close(held[number][0])


@case
def all_differ(top):
    """Needs no names: many processes' files, each named and filled with its own words."""
    seen = {}
    for path, status in walk(top):
        holds(status.st_ino not in seen, f"{path!r} and {seen.get(status.st_ino)!r} differ")
        seen[status.st_ino] = path


# ---- statx ----


@case
def birth(path, on_disk):
    """The time of birth is the one on disk, and nothing that is done to a file changes it."""
    born = tuple(statx(on_disk).btime)
    holds(born[0] > 0, "the layer's file has a time of birth")

    def same(name, what):
        seen = statx(name)
        holds(seen.mask & STATX_BTIME, f"the mask has the time of birth {what}")
        equal(tuple(seen.btime), born, f"time of birth {what}")

    same(path, "at first")
    os.chmod(path, 0o600)
    with open(path, "ab") as file:
        file.write(b"more")
    os.utime(path, ns=(0, 0))
    same(path, "after changes")
    os.rename(path, f"{path}.moved")
    os.link(f"{path}.moved", path)
    same(path, "of a second name")


@case
def masks(*paths):
    """Whatever is asked for, the basic values are told, truly."""
    for path in paths:
        status = os.lstat(path)
        for mask in (0, 0x1, 0x100, 0x7FF, 0xFFF, STATX_BTIME):
            seen = statx(path, mask)
            equal(seen.mask & mask, mask, f"what is told of {path} when asked for {mask:#x}")
            equal(seen.ino, status.st_ino, f"number of {path} when asked for {mask:#x}")
            equal(seen.mode, status.st_mode, f"mode of {path} when asked for {mask:#x}")
            equal(seen.nlink, status.st_nlink, f"links of {path} when asked for {mask:#x}")


# ---- statfs ----


@case
def space(mounted, layer):
    """The numbers of the layer that is written to."""
    ours, below = os.statvfs(mounted), os.statvfs(layer)
    for field in ("f_bsize", "f_frsize", "f_blocks", "f_files", "f_namemax"):
        equal(getattr(ours, field), getattr(below, field), field)
    equal(ours.f_namemax, 255, "longest name")
    for field in ("f_bfree", "f_bavail", "f_ffree"):
        difference = abs(getattr(ours, field) - getattr(below, field))
        holds(difference < 64, f"{field} is the layer's, but for {difference}")
    before = os.statvfs(mounted).f_ffree
    for number in range(200):
        os.mkdir(f"{mounted}/space.{number}")
    equal(before - os.statvfs(mounted).f_ffree, 200, "inodes used by 200 directories")
    with open(f"{mounted}/space", "wb") as file:
        free = os.statvfs(mounted).f_bfree
        os.posix_fallocate(file.fileno(), 0, 8 << 20)
        used = (free - os.statvfs(mounted).f_bfree) * ours.f_frsize
        holds(8 << 20 <= used < 9 << 20, f"8 MiB use about 8 MiB, not {used}")
    fails(errno.ENAMETOOLONG, write_file, f"{mounted}/{'n' * 256}")
    write_file(f"{mounted}/{'n' * 255}")


# ---- positions in a directory that changes ----


@case
def positions(directory, count):
    """Leave the place in a listing and come back to it, while names come and go."""
    count = int(count)
    stay = {b"name.%d" % number for number in range(count) if number % 5}
    go = [b"name.%d" % number for number in range(0, count, 5)]
    path = os.fsencode(directory)
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    seen, chunks, made = [], [], 0
    here = 0
    while True:
        holds(os.lseek(fd, here, os.SEEK_SET) == here, f"position {here} can be gone to")
        entries = getdents(fd, 8192)
        if not entries:
            break
        chunks.append((here, [entry.name for entry in entries]))
        seen += chunks[-1][1]
        here = entries[-1].offset
        for name in go[:60]:
            os.unlink(os.path.join(path, name))
        del go[:60]
        for _ in range(20):
            write_file(os.path.join(path, b"made.%d" % made))
            made += 1
        if len(chunks) % 5 == 0:
            # Back to somewhere behind: the names after it come again, in the same order.
            at, names = random.Random(made).choice(chunks)
            os.lseek(fd, at, os.SEEK_SET)
            still = [name for name in names if name in stay]
            again = []
            while len(again) < len(still) and (entries := getdents(fd, 8192)):
                again += [entry.name for entry in entries if entry.name in stay]
            equal(again[: len(still)], still, "names once more")
    os.close(fd)
    holds(len(chunks) > 20, "the listing took many calls")
    equal(sorted(name for name in seen if name in stay), sorted(stay), "names that stayed")
    equal(len(seen), len(set(seen)), "names that are listed once")
    expected = stay | set(go) | {b"made.%d" % number for number in range(made)}
    equal(names_of(directory), sorted(expected), "names afterwards")


@case
def moved_meanwhile(directory, other):
    """A directory is renamed, and with that copied up, while it is listed."""
    expected = set(names_of(directory))
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    seen, calls = [], 0
    while entries := getdents(fd, 1024):
        seen += [entry.name for entry in entries]
        calls += 1
        if calls == 3:
            os.rename(directory, other)
    os.close(fd)
    holds(calls > 10, "the listing took many calls")
    equal(len(seen), len(set(seen)), "names that are listed once")
    equal(sorted(set(seen) - {b".", b".."}), sorted(expected), "names")


if __name__ == "__main__":
    main()
