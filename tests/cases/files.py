# SPDX-License-Identifier: GPL-2.0-or-later
"""Cases of 080-files.bats: files without a name, data, times and flags."""

import ctypes
import errno
import fcntl
import mmap
import multiprocessing
import os
import stat
import struct
import time

from lib import case, equal, fallocate, fails, holds, libc, link_fd, main, names_of, outcome
from lib import read_file, statx, syncfs, utimensat, write_file
from lib import FALLOC_FL_COLLAPSE_RANGE, FALLOC_FL_INSERT_RANGE, FALLOC_FL_KEEP_SIZE
from lib import FALLOC_FL_PUNCH_HOLE, FALLOC_FL_ZERO_RANGE, FS_APPEND_FL, FS_IMMUTABLE_FL
from lib import FS_IOC_GETFLAGS, FS_IOC_SETFLAGS, FS_NODUMP_FL, STATX_BTIME, UTIME_NOW, UTIME_OMIT

# ---- files without a name ----


@case
def tmpfile(directory):
    os.umask(0o027)
    fd = os.open(directory, os.O_TMPFILE | os.O_RDWR, 0o666)
    equal(os.fstat(fd).st_nlink, 0, "link count at first")
    equal(oct(os.fstat(fd).st_mode), oct(stat.S_IFREG | 0o640), "mode")
    os.write(fd, b"content")
    equal(os.pread(fd, 100, 0), b"content", "content without a name")
    os.setxattr(fd, "user.x", b"y")
    ino = os.fstat(fd).st_ino
    write_file(f"{directory}/taken")
    fails(errno.EEXIST, link_fd, fd, f"{directory}/taken")
    link_fd(fd, f"{directory}/linked")
    equal(os.fstat(fd).st_nlink, 1, "link count with a name")
    equal(os.stat(f"{directory}/linked").st_ino, ino, "inode number")
    equal(read_file(f"{directory}/linked"), b"content", "content by the name")
    equal(os.getxattr(f"{directory}/linked", "user.x"), b"y", "attribute by the name")
    os.link(f"{directory}/linked", f"{directory}/second")
    os.write(fd, b" and more")
    equal(read_file(f"{directory}/second"), b"content and more", "content by the second name")
    equal(os.fstat(fd).st_nlink, 2, "link count with two names")
    os.unlink(f"{directory}/linked")
    os.unlink(f"{directory}/second")
    equal(os.fstat(fd).st_nlink, 0, "link count without a name again")
    equal(os.pread(fd, 100, 0), b"content and more", "content without a name again")


@case
def tmpfile_left(directory):
    """Files that never get a name, or may not."""
    before = names_of(directory)
    fds = [os.open(directory, os.O_TMPFILE | os.O_WRONLY) for _ in range(50)]
    exclusive = os.open(directory, os.O_TMPFILE | os.O_RDWR | os.O_EXCL)
    fails(errno.ENOENT, link_fd, exclusive, f"{directory}/linked")
    numbers = set(os.fstat(fd).st_ino for fd in fds + [exclusive])
    equal(len(numbers), 51, "inode numbers")
    equal(names_of(directory), before, "names")


# ---- data, compared with a plain file system ----


def both(mount, plain, function):
    """The results of a function, given one directory and the other, must not differ."""
    results = [function(mount), function(plain)]
    equal(results[0], results[1], function.__doc__ or function.__name__)


def look(fd):
    size = os.fstat(fd).st_size
    return size, os.pread(fd, size + 1, 0)


def allocate_in(directory):
    """What fallocate does in each mode."""
    results = []
    for name in ("lower", "upper"):
        fd = os.open(f"{directory}/{name}", os.O_RDWR)
        for mode, offset, length in (
            (0, 5000, 100),
            (0, 0, 30000),
            (FALLOC_FL_KEEP_SIZE, 0, 50000),
            (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 100, 9000),
            (FALLOC_FL_PUNCH_HOLE, 100, 9000),
            (FALLOC_FL_ZERO_RANGE, 50, 60),
            (FALLOC_FL_ZERO_RANGE, 29000, 5000),
            (FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, 30000, 10000),
            (0, -1, 10),
            (0, 0, 0),
        ):
            results.append(outcome(fallocate, fd, mode, offset, length))
            results.append(look(fd))
        reader = os.open(f"{directory}/{name}", os.O_RDONLY)
        results.append(outcome(fallocate, reader, 0, 0, 10))
    return results


def shift_in(directory):
    """What collapsing and inserting ranges does."""
    results = []
    fd = os.open(f"{directory}/upper", os.O_RDWR)
    for mode in (FALLOC_FL_COLLAPSE_RANGE, FALLOC_FL_INSERT_RANGE):
        for offset, length in ((4096, 4096), (0, 8192), (100, 4096), (1 << 30, 4096)):
            results += [outcome(fallocate, fd, mode, offset, length), look(fd)]
    return results


@case
def allocate(mount, plain, engine):
    both(mount, plain, allocate_in)
    if engine == "bpf":
        both(mount, plain, shift_in)
        return
    fd = os.open(f"{mount}/upper", os.O_RDWR)
    before = look(fd)
    # The kernel's FUSE does not pass these on.
    for mode in (FALLOC_FL_COLLAPSE_RANGE, FALLOC_FL_INSERT_RANGE):
        fails(errno.EOPNOTSUPP, fallocate, fd, mode, 0, 4096)
    equal(look(fd), before, "content after what is not supported")


def seek_in(directory):
    """Where data and holes are."""
    results = []
    for name in ("lower", "upper"):
        fd = os.open(f"{directory}/{name}", os.O_RDWR)
        for whence in (os.SEEK_DATA, os.SEEK_HOLE):
            for at in (0, 1, 4095, 4096, 1 << 20, (1 << 20) + 1, 2 << 20, 3 << 20, 4 << 20, 5 << 20):
                try:
                    results.append(os.lseek(fd, at, whence))
                except OSError as error:
                    results.append(error.errno)
    return results


@case
def make_holes(path):
    with open(path, "wb") as file:
        file.write(b"x" * 4096)
        file.seek(1 << 20)
        file.write(b"y" * 8192)
        file.truncate(4 << 20)


@case
def seek(mount, plain):
    both(mount, plain, seek_in)
    for directory in (mount, plain):
        fd = os.open(f"{directory}/lower", os.O_RDWR)
        os.pwrite(fd, b"z" * 4096, 2 << 20)
        fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096)
    both(mount, plain, seek_in)


def copy_ranges_in(directory):
    """What copy_file_range copies."""
    results = []
    for source, target in (("lower", "other"), ("upper", "other"), ("lower", "upper")):
        one = os.open(f"{directory}/{source}", os.O_RDONLY)
        two = os.open(f"{directory}/{target}", os.O_RDWR)
        for at, to, size in ((0, 0, 100), (50, 7000, 3000), (9990, 3, 100), (20000, 0, 10)):
            results.append(os.copy_file_range(one, two, size, at, to))
            results.append(look(two))
        results.append(outcome(os.copy_file_range, two, one, 10, 0, 0))
    fd = os.open(f"{directory}/upper", os.O_RDWR)
    results.append(os.copy_file_range(fd, fd, 1000, 0, 20000))
    results.append(look(fd))
    results.append(outcome(os.copy_file_range, fd, fd, 1000, 0, 500))
    return results


@case
def copy_ranges(mount, plain):
    both(mount, plain, copy_ranges_in)


def edges_in(directory):
    """What reads and writes at odd places do."""
    results = []
    for name in ("lower", "upper"):
        fd = os.open(f"{directory}/{name}", os.O_RDWR)
        size = os.fstat(fd).st_size
        results += [os.pread(fd, 100, at) for at in (size - 1, size, size + 1, size * 1000)]
        results.append(os.pwrite(fd, b"far", size + 5000))
        results.append(look(fd))
        results.append(os.pwrite(fd, b"", size + 50000))
        results.append(os.pwritev(fd, [b"one", b"", b"two"], 17))
        rooms = [bytearray(3), bytearray(8)]
        results.append((os.preadv(fd, rooms, 16), bytes(rooms[0]), bytes(rooms[1])))
        results.append(outcome(os.pwrite, fd, b"x", 1 << 62))
        results.append(outcome(os.pread, fd, 10, -1))
        results.append(outcome(os.ftruncate, fd, -1))
        results.append(look(fd))
        reader = os.open(f"{directory}/{name}", os.O_RDONLY)
        results.append(outcome(os.write, reader, b"x"))
        results.append(outcome(os.ftruncate, reader, 3))
        writer = os.open(f"{directory}/{name}", os.O_WRONLY)
        results.append(outcome(os.read, writer, 1))
    return results


@case
def edges(mount, plain):
    both(mount, plain, edges_in)


def opens_in(directory):
    """What open refuses."""
    os.chdir(directory)
    results = [
        outcome(os.open, "lower", os.O_CREAT | os.O_EXCL | os.O_RDWR),
        outcome(os.open, "missing", os.O_RDWR),
        outcome(os.open, "dir", os.O_RDWR),
        outcome(os.open, "dir", os.O_CREAT | os.O_RDWR),
        outcome(os.open, "lower", os.O_DIRECTORY),
        outcome(os.open, "lower/x", os.O_RDONLY),
        outcome(os.open, "link", os.O_RDONLY | os.O_NOFOLLOW),
        outcome(os.open, "link", os.O_CREAT | os.O_EXCL | os.O_RDWR),
        outcome(os.open, "dangling", os.O_RDONLY),
        outcome(os.open, "loop", os.O_RDONLY),
        outcome(os.open, "new/", os.O_CREAT | os.O_RDWR),
        outcome(os.open, ".", os.O_TMPFILE | os.O_RDONLY),
        outcome(os.open, "lower", os.O_RDONLY | os.O_NOATIME),
    ]
    fd = os.open("dangling", os.O_CREAT | os.O_RDWR)
    os.write(fd, b"by the link")
    results.append(read_file("target"))
    fd = os.open("lower", os.O_PATH)
    results += [outcome(os.read, fd, 1), os.fstat(fd).st_size, outcome(os.fchmod, fd, 0)]
    # POSIX leaves it open, Linux truncates.
    os.close(os.open("upper", os.O_RDONLY | os.O_TRUNC))
    results.append(os.stat("upper").st_size)
    return results


@case
def opens(mount, plain):
    here = os.getcwd()
    both(f"{here}/{mount}", f"{here}/{plain}", opens_in)


@case
def beyond_4g(path):
    fd = os.open(path, os.O_RDWR | os.O_CREAT)
    for at in (0, (4 << 30) - 2, 5 << 30, (7 << 30) + 12345):
        equal(os.pwrite(fd, b"data", at), 4, f"bytes written at {at}")
        equal(os.pread(fd, 4, at), b"data", f"what is read at {at}")
    equal(os.fstat(fd).st_size, (7 << 30) + 12349, "size")
    equal(os.pread(fd, 8, (4 << 30) - 4), b"\0\0data\0\0", "what is read around 4 GiB")
    equal(os.pread(fd, 10, 6 << 30), bytes(10), "what is read from a hole")
    holds(os.fstat(fd).st_blocks * 512 < 1 << 20, "holes take no room")
    os.ftruncate(fd, 5 << 30)
    equal(os.pread(fd, 10, (5 << 30) - 5), bytes(5), "what is read at the new end")
    os.ftruncate(fd, (1 << 40) + 1)
    equal(os.fstat(fd).st_size, (1 << 40) + 1, "size above a TiB")


@case
def big_chunks(path):
    """One call for many requests, not aligned to anything."""
    data = os.urandom(1 << 20) * 20 + b"end"
    fd = os.open(path, os.O_RDWR | os.O_CREAT)
    done = 0
    while done < len(data):
        done += os.pwrite(fd, data[done:], 777 + done)
    os.fsync(fd)
    equal(os.pread(fd, len(data), 777), data, "what is read in one call")
    with open(path, "rb", buffering=12345) as file:
        equal(file.read(), bytes(777) + data, "what is read in many")


def append_lines(path, word, count):
    fd = os.open(path, os.O_WRONLY | os.O_APPEND)
    for number in range(count):
        os.write(fd, b"%s %d\n" % (word, number))


@case
def append(path):
    """Nothing that several processes append is lost or torn."""
    words = [b"one", b"two", b"three", b"four"]
    workers = [
        multiprocessing.Process(target=append_lines, args=(path, word, 200)) for word in words
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        equal(worker.exitcode, 0, "status of a writer")
    lines = read_file(path).splitlines()
    equal(lines[0], b"lower", "first line")
    equal(len(lines), 801, "number of lines")
    for word in words:
        own = [line for line in lines if line.startswith(word + b" ")]
        equal(own, [b"%s %d" % (word, number) for number in range(200)], f"lines of {word}")


@case
def direct(path):
    fd = os.open(path, os.O_RDWR | os.O_DIRECT)
    room = mmap.mmap(-1, 65536)
    equal(os.preadv(fd, [memoryview(room)[:8192]], 4096), 8192, "bytes read")
    equal(room[:8192], b"l" * 8192, "content that was read")
    room[:8192] = b"d" * 8192
    equal(os.pwritev(fd, [memoryview(room)[:8192]], 8192), 8192, "bytes written")
    expected = b"l" * 8192 + b"d" * 8192 + b"l" * (65536 - 16384)
    equal(read_file(path), expected, "content by a cached read")
    cached = os.open(path, os.O_RDWR)
    os.pwrite(cached, b"c" * 4096, 0)
    os.fsync(cached)
    equal(os.preadv(fd, [room], 0), 65536, "bytes read at last")
    equal(room[:], b"c" * 4096 + expected[4096:], "content by a direct read")


# ---- mappings ----


@case
def map_shared(path):
    """A shared mapping, reads and writes see one file."""
    fd = os.open(path, os.O_RDWR)
    size = os.fstat(fd).st_size
    view = mmap.mmap(fd, size)
    other = mmap.mmap(os.open(path, os.O_RDWR), size)
    view[:6] = b"mapped"
    equal(os.pread(fd, 6, 0), b"mapped", "what read sees of the mapping")
    equal(other[:6], b"mapped", "what another mapping sees")
    os.pwrite(fd, b"written", 10)
    equal(view[10:17], b"written", "what the mapping sees of a write")
    other[5000:5005] = b"other"
    equal(os.pread(os.open(path, os.O_RDONLY), 5, 5000), b"other", "what another handle reads")
    view.flush()
    del view, other
    content = read_file(path)
    equal(content[:17], b"mappedllllwritten", "content at last")
    equal(len(content), size, "size")


@case
def map_private(path):
    before = read_file(path)
    fd = os.open(path, os.O_RDONLY)
    view = mmap.mmap(fd, 0, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE)
    view[:7] = b"private"
    equal(view[:7], b"private", "what the mapping shows")
    equal(read_file(path), before, "content")


def change_map(path):
    fd = os.open(path, os.O_RDWR)
    view = mmap.mmap(fd, 0)
    view[100:105] = b"child"


@case
def map_processes(path):
    fd = os.open(path, os.O_RDWR)
    view = mmap.mmap(fd, 0)
    equal(view[100:105], b"lllll", "what is mapped at first")
    child = multiprocessing.Process(target=change_map, args=(path,))
    child.start()
    child.join()
    equal(view[100:105], b"child", "what another process has put there")
    equal(os.pread(fd, 5, 100), b"child", "what is read then")


@case
def map_times(path):
    """A mapping that was written renews the time of modification, at the latest by msync."""
    os.utime(path, (1, 1))
    fd = os.open(path, os.O_RDWR)
    view = mmap.mmap(fd, 0)
    view[0:1] = b"x"
    view.flush()
    holds(os.stat(path).st_mtime > 1, "the time of modification is new")


# ---- times, attributes, flags ----


def times_in(directory):
    """What utimensat sets and keeps."""
    results = []
    for name in ("lower", "upper", "dir", "link"):
        path = f"{directory}/{name}"
        for atime, mtime in (
            ((1, 2), (3, 4)),
            ((0, UTIME_OMIT), (1000, 999999999)),
            ((2**31, 5), (0, UTIME_OMIT)),
            ((0, UTIME_OMIT), (0, UTIME_OMIT)),
            ((-1000000, 7), (-1, 1)),
            ((0, 0), (0, 0)),
        ):
            utimensat(path, atime, mtime, 0x100)
            status = os.lstat(path)
            results.append((name, status.st_atime_ns, status.st_mtime_ns))
        results.append(outcome(utimensat, path, (0, 1000000000), (0, 0), 0x100))
    return results


@case
def times(mount, plain):
    both(mount, plain, times_in)
    for name in ("lower", "upper", "dir", "link"):
        path = f"{mount}/{name}"
        utimensat(path, (0, UTIME_NOW), (0, UTIME_OMIT), 0x100)
        status = os.lstat(path)
        holds(status.st_atime > 1e9, "access time is now")
        equal(status.st_mtime_ns, 0, "time of modification")
        ctime = status.st_ctime_ns
        utimensat(path, (0, UTIME_OMIT), (0, UTIME_NOW), 0x100)
        status = os.lstat(path)
        holds(status.st_mtime > 1e9, "time of modification is now")
        holds(status.st_ctime_ns >= ctime > 1e18, "time of change is now")


CLOCK_REALTIME_COARSE = 5


def wait_for_clock(ns):
    """Until the clock that files have their times from has gone on."""
    while time.clock_gettime_ns(CLOCK_REALTIME_COARSE) <= ns:
        time.sleep(0.001)


@case
def renewed(directory):
    """Each change renews the times that it should, and it is seen at once."""
    for name in ("lower", "upper"):
        path = f"{directory}/{name}"
        fd = os.open(path, os.O_RDWR)
        for change in (
            lambda: os.write(fd, b"x"),
            lambda: os.ftruncate(fd, 5),
            lambda: os.truncate(path, 3),
            lambda: os.close(os.open(path, os.O_WRONLY | os.O_TRUNC)),
            lambda: os.close(os.open(path, os.O_WRONLY | os.O_TRUNC)),
            lambda: os.ftruncate(fd, 0),
            lambda: fallocate(fd, 0, 0, 10),
        ):
            os.utime(fd, ns=(5, 5))
            change()
            holds(os.stat(path).st_mtime_ns > 5, "time of modification is new by the name")
            holds(os.fstat(fd).st_mtime_ns > 5, "time of modification is new by the handle")
            equal(os.stat(path).st_size, os.fstat(fd).st_size, "size by name and handle")
        before = os.stat(path)
        wait_for_clock(before.st_ctime_ns)
        os.chmod(path, 0o600)
        os.setxattr(path, "user.x", b"y")
        os.chown(path, 1, 1)
        equal(os.stat(path).st_mtime_ns, before.st_mtime_ns, "time of modification after chmod")
        holds(os.stat(path).st_ctime_ns > before.st_ctime_ns, "time of change after chmod")


@case
def birth(path, on_disk):
    seen = statx(path)
    holds(seen.mask & STATX_BTIME, "the time of birth is known")
    equal(tuple(seen.btime), tuple(statx(on_disk).btime), "time of birth")
    equal(seen.ino, os.stat(path).st_ino, "inode number")
    for field in ("mode", "size", "uid", "nlink"):
        equal(getattr(seen, field), getattr(os.stat(path), f"st_{field}"), field)


def get_flags(path):
    fd = os.open(path, os.O_RDONLY)
    return struct.unpack("i", fcntl.ioctl(fd, FS_IOC_GETFLAGS, b"\0" * 4))[0]


def set_flags(path, flags):
    fd = os.open(path, os.O_RDONLY)
    try:
        fcntl.ioctl(fd, FS_IOC_SETFLAGS, struct.pack("i", flags))
    finally:
        os.close(fd)


@case
def flags(directory, upper):
    for name in ("lower", "upper", "dir"):
        path = f"{directory}/{name}"
        plain = get_flags(path)
        equal(plain & (FS_APPEND_FL | FS_IMMUTABLE_FL | FS_NODUMP_FL), 0, "flags at first")
        set_flags(path, plain | FS_NODUMP_FL)
        equal(get_flags(path), plain | FS_NODUMP_FL, f"flags of {name}")
        equal(get_flags(f"{upper}/{name}") & FS_NODUMP_FL, FS_NODUMP_FL, "flags in the upper")
        set_flags(path, plain)
        equal(get_flags(path), plain, f"flags of {name} at last")


@case
def append_only(path):
    content = read_file(path)
    plain = get_flags(path)
    set_flags(path, plain | FS_APPEND_FL)
    try:
        fd = os.open(path, os.O_WRONLY | os.O_APPEND)
        os.write(fd, b"more\n")
        equal(read_file(path), content + b"more\n", "content after it was appended to")
        fails(errno.EPERM, overwrite, path)
        fails(errno.EPERM, os.truncate, path, 3)
        fails(errno.EPERM, os.unlink, path)
        fails(errno.EPERM, os.rename, path, f"{path}.moved")
        equal(read_file(path), content + b"more\n", "content afterwards")
    finally:
        set_flags(path, plain)
    overwrite(path)
    os.unlink(path)


def overwrite(path):
    fd = os.open(path, os.O_WRONLY)
    try:
        os.pwrite(fd, b"X", 0)
    finally:
        os.close(fd)


@case
def immutable(path):
    content = read_file(path)
    plain = get_flags(path)
    set_flags(path, plain | FS_IMMUTABLE_FL)
    try:
        fails(errno.EPERM, overwrite, path)
        fails(errno.EPERM, os.chmod, path, 0o600)
        fails(errno.EPERM, os.truncate, path, 3)
        fails(errno.EPERM, os.unlink, path)
        fails(errno.EPERM, os.link, path, f"{path}.linked")
        fails(errno.EPERM, os.setxattr, path, "user.x", b"y")
        equal(read_file(path), content, "content afterwards")
    finally:
        set_flags(path, plain)
    overwrite(path)


@case
def other_ioctls(directory):
    """What a layer's own file system would understand is not passed on."""
    ext4_getversion, ext4_move_extents, fitrim = 0x80086603, 0xC028660F, 0xC0185879
    fs_getversion, ficlone = 0x80087601, 0x40049409
    for name in ("lower", "upper", "dir"):
        fd = os.open(f"{directory}/{name}", os.O_RDONLY)
        for request in (ext4_getversion, ext4_move_extents, fitrim, fs_getversion, 0x12345678):
            fails(errno.ENOTTY, fcntl.ioctl, fd, request, b"\0" * 64)
    one, two = (os.open(f"{directory}/{name}", os.O_RDWR) for name in ("lower", "upper"))
    fails(errno.EOPNOTSUPP, fcntl.ioctl, one, ficlone, two)


# ---- to the disk ----


@case
def sync(directory):
    for name in ("lower", "upper"):
        for mode in (os.O_RDONLY, os.O_RDWR):
            fd = os.open(f"{directory}/{name}", mode)
            if mode == os.O_RDWR:
                os.write(fd, b"synced")
            os.fsync(fd)
            os.fdatasync(fd)
            syncfs(fd)
    for name in (".", "dir", "new"):
        if name == "new":
            os.mkdir(f"{directory}/new")
        fd = os.open(f"{directory}/{name}", os.O_RDONLY | os.O_DIRECTORY)
        os.fsync(fd)
        os.fdatasync(fd)
        syncfs(fd)
    os.sync()
    fd = os.open(f"{directory}/lower", os.O_RDWR | os.O_SYNC)
    os.pwrite(fd, b"SYNCED", 0)
    equal(read_file(f"{directory}/lower")[:6], b"SYNCED", "content")
    view = mmap.mmap(fd, 0)
    view[:3] = b"map"
    view.flush()
    equal(libc.sync_file_range(fd, ctypes.c_int64(0), ctypes.c_int64(0), 7), 0, "sync_file_range")


if __name__ == "__main__":
    main()
