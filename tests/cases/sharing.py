# SPDX-License-Identifier: GPL-2.0-or-later
"""Cases of 080-files.bats: what processes do with files together."""

import array
import contextlib
import errno
import fcntl
import mmap
import multiprocessing
import os
import select
import signal
import socket
import sqlite3
import stat
import struct
import subprocess

from lib import case, check, equal, eventually, fails, holds, libc, main, outcome, read_file
from lib import write_file

# ---- locks ----

F_OFD_SETLK = 37


def flock(fd, kind):
    return fcntl.flock(fd, kind | fcntl.LOCK_NB)


def posix(fd, kind):
    return fcntl.lockf(fd, kind if kind == fcntl.LOCK_UN else kind | fcntl.LOCK_NB, 10, 5)


def ofd(fd, kind):
    names = {
        fcntl.LOCK_SH: fcntl.F_RDLCK,
        fcntl.LOCK_EX: fcntl.F_WRLCK,
        fcntl.LOCK_UN: fcntl.F_UNLCK,
    }
    return fcntl.fcntl(fd, F_OFD_SETLK, struct.pack("hhqqi4x", names[kind], 0, 5, 10, 0))


def in_child(function, *arguments):
    """The outcome of a function in another process."""
    results = multiprocessing.Queue()
    child = multiprocessing.Process(
        target=lambda: results.put(outcome(function, *arguments))
    )
    child.start()
    result = results.get()
    child.join()
    return result


def try_lock(lock, path, kind, mode):
    fd = os.open(path, mode)
    lock(fd, kind)


def check_locks(lock, path):
    fd = os.open(path, os.O_RDWR)
    one, other = (path, fcntl.LOCK_EX, os.O_RDWR), (path, fcntl.LOCK_SH, os.O_RDONLY)
    lock(fd, fcntl.LOCK_EX)
    equal(in_child(try_lock, lock, *one), "EAGAIN", "an exclusive lock against another")
    equal(in_child(try_lock, lock, *other), "EAGAIN", "a shared lock against an exclusive one")
    lock(fd, fcntl.LOCK_SH)
    equal(in_child(try_lock, lock, *one), "EAGAIN", "an exclusive lock against a shared one")
    equal(in_child(try_lock, lock, *other), "success", "a shared lock beside another")
    lock(fd, fcntl.LOCK_UN)
    equal(in_child(try_lock, lock, *one), "success", "a lock after the other was given back")
    lock(fd, fcntl.LOCK_EX)
    os.close(fd)
    equal(in_child(try_lock, lock, *one), "success", "a lock after the other's handle was closed")


@case
def locks(path):
    for lock in (flock, posix, ofd):
        check_locks(lock, path)


@case
def lock_ranges(path):
    fd = os.open(path, os.O_RDWR)
    fcntl.lockf(fd, fcntl.LOCK_EX, 10, 100)

    def take(start, length):
        mine = os.open(path, os.O_RDWR)
        fcntl.lockf(mine, fcntl.LOCK_EX | fcntl.LOCK_NB, length, start)

    equal(in_child(take, 0, 100), "success", "the range before")
    equal(in_child(take, 110, 0), "success", "the range behind")
    equal(in_child(take, 109, 1), "EAGAIN", "the last byte")
    equal(in_child(take, 0, 0), "EAGAIN", "all of the file")


@case
def lock_waits(path):
    """A lock is waited for, and got when its holder is killed."""
    ready = multiprocessing.Event()
    holder = multiprocessing.Process(target=hold_lock, args=(path, ready), daemon=True)
    holder.start()
    ready.wait()
    fd = os.open(path, os.O_RDWR)
    fails(errno.EAGAIN, flock, fd, fcntl.LOCK_EX)
    os.kill(holder.pid, signal.SIGKILL)
    fcntl.flock(fd, fcntl.LOCK_EX)
    holder.join()


def hold_lock(path, ready):
    fd = os.open(path, os.O_RDWR)
    fcntl.flock(fd, fcntl.LOCK_EX)
    ready.set()
    signal.pause()


@case
def lock_over_copy_up(path, kind):
    """A lock that was taken by a handle on the lower file excludes one on the copy, and the other way
    round; it ends with its own handle, and not with the copy-up."""
    lock = {"flock": flock, "posix": posix, "ofd": ofd}[kind]
    reader = os.open(path, os.O_RDONLY)
    lock(reader, fcntl.LOCK_SH)
    equal(in_child(try_lock, lock, path, fcntl.LOCK_SH, os.O_RDONLY), "success", "a second reader")
    # Opening for writing copies up, on engine fuse the first write does.
    equal(in_child(write_and_lock, lock, path, fcntl.LOCK_EX), "EAGAIN", "a writer beside a reader")
    lock(reader, fcntl.LOCK_UN)
    equal(in_child(write_and_lock, lock, path, fcntl.LOCK_EX), "success", "a writer alone")
    writer = os.open(path, os.O_RDWR)
    lock(writer, fcntl.LOCK_EX)
    if kind != "posix":  # whose locks of one process are one
        fails(errno.EAGAIN, lock, reader, fcntl.LOCK_SH)
    equal(in_child(try_lock, lock, path, fcntl.LOCK_SH, os.O_RDONLY), "EAGAIN", "beside a writer")
    os.close(writer)
    equal(in_child(try_lock, lock, path, fcntl.LOCK_EX, os.O_RDWR), "success", "after all of them")


def write_and_lock(lock, path, kind):
    fd = os.open(path, os.O_RDWR)
    os.pwrite(fd, b"x", 0)
    lock(fd, kind)


# ---- one file for its readers and writers ----


@case
def follow(path):
    """`tail -f` and `tail -F` of a log of the image print what is appended later."""
    tails = [
        subprocess.Popen(["tail", "-n", "1", how, path], stdout=subprocess.PIPE)
        for how in ("-f", "-F")
    ]
    for tail in tails:
        equal(tail.stdout.readline(), b"first\n", "the last line at the start")
    for line in (b"second\n", b"third\n"):
        with open(path, "ab") as file:
            file.write(line)
        for tail in tails:
            equal(tail.stdout.readline(), line, f"what {tail.args[3]} prints next")
    for tail in tails:
        tail.kill()
        tail.wait()


@case
def database(path, journal):
    """A read-only connection to a database of the image, while others change and compact it."""
    rows = "with recursive n(i) as (select 1 union all select i+1 from n where i<2000) "
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as reader:
        reader.execute("select sum(number) from items").fetchone()
        with contextlib.closing(sqlite3.connect(path)) as writer:
            equal(writer.execute(f"pragma journal_mode={journal}").fetchone()[0], journal, "journal")
            writer.execute(f"insert into items {rows} select i, hex(randomblob(100)) from n")
            writer.execute("delete from items where number % 3 = 0")
            writer.commit()
            writer.execute("vacuum")
            expected = writer.execute("select count(*), sum(number) from items").fetchone()
            found = reader.execute("select count(*), sum(number) from items").fetchone()
            equal(found, expected, "rows that the old connection sees")
            equal(reader.execute("pragma integrity_check").fetchone()[0], "ok", "integrity")


@case
def make_database(path, journal):
    with contextlib.closing(sqlite3.connect(path)) as writer:
        writer.execute(f"pragma journal_mode={journal}")
        writer.execute("create table items(number, text)")
        writer.executemany(
            "insert into items values(?, ?)", ((i, "x" * 200) for i in range(5000))
        )
        writer.commit()


# ---- programs ----


@case
def busy(path):
    """A program that runs cannot be written, nor a file that is being written run."""
    for _ in range(2):  # the lower file, then the upper one
        program = subprocess.Popen([path, "1000"])
        eventually(
            lambda pid=program.pid: os.readlink(f"/proc/{pid}/exe") == os.path.realpath(path),
            "the program runs",
        )
        fails(errno.ETXTBSY, os.open, path, os.O_WRONLY)
        fails(errno.ETXTBSY, os.open, path, os.O_RDWR | os.O_TRUNC)
        fails(errno.ETXTBSY, os.truncate, path, 100)
        os.utime(path)
        program.kill()
        program.wait()
        fd = os.open(path, os.O_WRONLY)
        fails(errno.ETXTBSY, subprocess.run, [path, "0"], check=False)
        os.close(fd)
        subprocess.run([path, "0"], check=True)


# ---- data without copies ----


@case
def send(path, upper):
    """sendfile to a socket and to a file."""
    content = read_file(path)
    with open(path, "rb") as file:
        one, two = socket.socketpair()
        sent = os.sendfile(one.fileno(), file.fileno(), 10, 5000)
        equal(two.recv(10000, socket.MSG_WAITALL if sent < 0 else 0), content[10:5010], "received")
        fd = os.open(upper, os.O_RDWR | os.O_CREAT)
        at = 0
        while (sent := os.sendfile(fd, file.fileno(), at, 1 << 20)) > 0:
            at += sent
    equal(read_file(upper), content, "what was sent to a file")


@case
def splice(path, upper):
    content = read_file(path)
    source, target = os.open(path, os.O_RDONLY), os.open(upper, os.O_RDWR | os.O_CREAT)
    reader, writer = os.pipe()
    while (moved := os.splice(source, writer, 40000)) > 0:
        while moved > 0:
            moved -= os.splice(reader, target, moved)
    equal(read_file(upper), content, "what was spliced to a file")


# ---- sockets, fifos, devices ----


@case
def sockets(path):
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen()

    def client():
        with socket.socket(socket.AF_UNIX) as mine:
            mine.connect(path)
            mine.sendall(b"hello")

    child = multiprocessing.Process(target=client)
    child.start()
    connection, _ = server.accept()
    equal(connection.recv(100), b"hello", "what was received")
    child.join()
    server.close()
    equal(in_child(client), "ECONNREFUSED", "a connection to nobody")
    os.rename(path, f"{path}.moved")
    os.unlink(f"{path}.moved")


@case
def fifos(path):
    def write():
        with open(path, "wb") as fifo:
            fifo.write(b"hello")

    for _ in range(2):  # the lower one, then the upper one
        child = multiprocessing.Process(target=write)
        child.start()
        with open(path, "rb") as fifo:
            equal(fifo.read(), b"hello", "what was read")
        child.join()
        fails(errno.ENXIO, os.open, path, os.O_WRONLY | os.O_NONBLOCK)
        os.chmod(path, 0o600)


@case
def devices(directory):
    os.mknod(f"{directory}/made", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    for name in ("null", "made"):
        with open(f"{directory}/{name}", "r+b", buffering=0) as device:
            equal(device.write(b"gone"), 4, "bytes written")
            equal(device.read(10), b"", "bytes read")
        equal(os.stat(f"{directory}/{name}").st_rdev, os.makedev(1, 3), "device")
    with open(f"{directory}/zero", "rb") as device:
        equal(device.read(5), bytes(5), "bytes of zero")
    os.mknod(f"{directory}/block", stat.S_IFBLK | 0o600, os.makedev(259, 70000))
    equal(os.stat(f"{directory}/block").st_rdev, os.makedev(259, 70000), "device of a big number")


@case
def no_devices(directory):
    fails(errno.EACCES, os.open, f"{directory}/null", os.O_RDWR)


# ---- being told ----


@case
def inotify(directory):
    """Who watches is told, also when the file is copied up by the change."""
    fd = check(libc.inotify_init1(os.O_NONBLOCK))
    modified, attributes, moved_from, moved_to = 0x2, 0x4, 0x40, 0x80
    created, deleted, deleted_self = 0x100, 0x200, 0x400
    everything = 0xFFF & ~(0x1 | 0x8 | 0x10 | 0x20)  # but for opening, reading, closing
    watches = {
        check(libc.inotify_add_watch(fd, path.encode(), everything)): path
        for path in (directory, f"{directory}/lower", f"{directory}/upper")
    }

    def told():
        events = set()
        while select.select([fd], [], [], 0)[0]:
            data, at = os.read(fd, 4096), 0
            while at < len(data):
                watch, mask, _, length = struct.unpack_from("iIII", data, at)
                name = data[at + 16 : at + 16 + length].rstrip(b"\0").decode()
                events.add((os.path.basename(watches[watch]), mask, name))
                at += 16 + length
        return events

    top = os.path.basename(directory)
    for name in ("lower", "upper"):
        write_file(f"{directory}/{name}", b"new")
        equal(told(), {(top, modified, name), (name, modified, "")}, f"a write to {name}")
        os.chmod(f"{directory}/{name}", 0o600)
        equal(told(), {(top, attributes, name), (name, attributes, "")}, f"a chmod of {name}")
    write_file(f"{directory}/new")
    holds((top, created, "new") in told(), "a file is made")
    os.rename(f"{directory}/new", f"{directory}/renamed")
    equal(told(), {(top, moved_from, "new"), (top, moved_to, "renamed")}, "a rename")
    os.unlink(f"{directory}/lower")
    events = told()
    holds((top, deleted, "lower") in events, "a file is removed")
    holds(("lower", deleted_self, "") in events, "the file itself is removed")


@case
def write_mapped(path, begin, done):
    """Fill a file by a mapping when `begin` is there, and make `done`; closing it may wait."""
    fd = os.open(path, os.O_RDWR)
    with mmap.mmap(fd, 0) as mapping:
        eventually(lambda: os.path.exists(begin), "told to begin")
        mapping[:] = b"M" * len(mapping)
        write_file(done, b"")
    os.close(fd)


@case
def pass_fd(path):
    """A handle goes to another process, and works there."""
    one, two = socket.socketpair()

    def receive():
        _, control, _, _ = two.recvmsg(1, socket.CMSG_SPACE(4))
        fds = array.array("i")
        fds.frombytes(control[0][2])
        os.pwrite(fds[0], b"child", 0)

    child = multiprocessing.Process(target=receive)
    child.start()
    fd = os.open(path, os.O_RDWR)
    one.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("i", fd))])
    child.join()
    equal(child.exitcode, 0, "status of the other")
    equal(os.pread(fd, 5, 0), b"child", "content")


if __name__ == "__main__":
    main()
