# SPDX-License-Identifier: GPL-2.0-or-later
"""Handles on a lower file while others write to it: no byte may reach the layer."""
import mmap
import os
import sys

sys.path.insert(0, os.path.dirname(__file__))
from lib import case, equal, main  # noqa: E402


@case
def trap(path, engine):
    """A read-only handle and a mapping are held; the file is opened for writing and written."""
    old = open(path, "rb").read()
    reader = os.open(path, os.O_RDONLY)
    mapping = mmap.mmap(reader, 0, mmap.MAP_SHARED, mmap.PROT_READ)
    equal(mapping[:], old, "mapping before")

    writer = os.open(path, os.O_RDWR)
    os.pwrite(writer, b"WRITTEN", 100)
    os.fsync(writer)
    new = old[:100] + b"WRITTEN" + old[107:]
    equal(os.pread(writer, len(new), 0), new, "read by the writing handle")
    equal(open(path, "rb").read(), new, "read by a new handle")

    second = mmap.mmap(writer, 0, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
    second[200:206] = b"MAPPED"
    second.flush()
    new = new[:200] + b"MAPPED" + new[206:]
    equal(os.pread(writer, len(new), 0), new, "read after the mapping was written")
    equal(open(path, "rb").read(), new, "read by a new handle after the mapping was written")

    equal(os.pread(reader, len(old), 0), new, "read by the old handle")
    # In a view, as on overlayfs, a mapping stays one of the layer's file.
    equal(mapping[:], old if engine == "bpf" else new, "the old mapping")
    again = mmap.mmap(reader, 0, mmap.MAP_SHARED, mmap.PROT_READ)
    equal(again[:], new, "a new mapping by the old handle")
    equal(os.fstat(reader).st_ino, os.fstat(writer).st_ino, "inode numbers")
    os.close(writer)
    equal(os.pread(reader, len(old), 0), new, "read by the old handle at the end")


@case
def trap_many(path, count):
    """Again and again, while handles pile up: every handle sees the newest content."""
    readers = []
    content = open(path, "rb").read()
    for i in range(int(count)):
        readers.append(os.open(path, os.O_RDONLY))
        with open(path, "r+b") as writer:
            writer.write(b"%08d" % i)
        content = b"%08d" % i + content[8:]
        equal(open(path, "rb").read(), content, f"round {i}")
    for i, fd in enumerate(readers):
        equal(os.pread(fd, len(content), 0), content, f"read by the handle of round {i}")


@case
def chmod_while_open(path):
    """Changing attributes copies up as well; handles of both kinds work on."""
    reader = os.open(path, os.O_RDONLY)
    old = os.pread(reader, 1 << 20, 0)
    os.chmod(path, 0o640)
    equal(os.fstat(reader).st_mode & 0o777, 0o640, "mode seen by the open handle")
    equal(os.stat(path).st_mode & 0o777, 0o640, "mode seen by name")
    os.fchmod(reader, 0o604)
    equal(os.stat(path).st_mode & 0o777, 0o604, "mode set by the open handle")
    again = os.open(path, os.O_RDONLY)
    equal(os.pread(again, 1 << 20, 0), old, "content by a new handle")
    equal(os.pread(reader, 1 << 20, 0), old, "content by the old handle")
    writer = os.open(path, os.O_WRONLY)
    os.pwrite(writer, b"x", 0)
    equal(os.pread(os.open(path, os.O_RDONLY), 1, 0), b"x", "content after writing")


@case
def times_of_mapped_write(path):
    """A write through a mapping shows in the times without closing anything."""
    fd = os.open(path, os.O_RDWR)
    os.utime(path, ns=(10**18, 10**18))
    equal(os.stat(path).st_mtime_ns, 10**18, "mtime that was set")
    mapping = mmap.mmap(fd, 0)
    mapping[0:1] = b"y"
    mapping.flush()
    os.fsync(fd)
    if os.stat(path).st_mtime_ns == 10**18:
        sys.exit("mtime did not change")


@case
def executed_while_written(path):
    """A running program's lower file can be replaced, not written."""
    pid = os.posix_spawn(path, ["busybox", "sleep", "60"], os.environ)
    while os.readlink(f"/proc/{pid}/exe") != os.path.realpath(path):
        pass
    try:
        os.close(os.open(path, os.O_WRONLY))
        opened = True
    except OSError as e:
        equal(e.errno, 26, "errno (ETXTBSY)")
        opened = False
    os.rename(path, path + ".old")
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    equal(opened, False, "open for writing succeeded")


if __name__ == "__main__":
    main()
