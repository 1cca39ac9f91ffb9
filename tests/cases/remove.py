# SPDX-License-Identifier: GPL-2.0-or-later
"""Cases of 060-remove.bats."""

import errno
import fcntl
import mmap
import os
import resource
import stat

from lib import case, equal, fails, holds, link_fd, main, names_of, on_fd, outcome
from lib import read_file, write_file


@case
def errors(directory):
    os.chdir(directory)
    fails(errno.ENOENT, os.unlink, "missing")
    fails(errno.ENOENT, os.rmdir, "missing")
    fails(errno.ENOENT, os.unlink, "dir/missing")
    fails(errno.ENOENT, os.unlink, "missing/file")
    fails(errno.EISDIR, os.unlink, "dir")
    fails(errno.ENOTDIR, os.rmdir, "file")
    fails(errno.ENOTDIR, os.rmdir, "link")
    fails(errno.ENOTDIR, os.unlink, "file/inside")
    fails(errno.ENOTDIR, os.unlink, "file/")
    fails(errno.ENOTEMPTY, os.rmdir, "dir")
    fails(errno.EINVAL, os.rmdir, "empty/.")
    fails(errno.ENOTEMPTY, os.rmdir, "empty/..")
    fails(errno.EBUSY, os.rmdir, "../mnt")


@case
def read_only(directory):
    os.chdir(directory)
    before = names_of(".")
    fails(errno.EROFS, os.unlink, "file")
    fails(errno.EROFS, os.rmdir, "both")
    fails(errno.EROFS, os.rmdir, "top")
    fails(errno.EROFS, os.rename, "file", "other")
    equal(names_of("."), before, "names afterwards")


MAKERS = {
    "file": lambda path: write_file(path, b"again"),
    "dir": os.mkdir,
    "link": lambda path: os.symlink("again", path),
    "fifo": os.mkfifo,
}


def remove(path):
    if os.path.isdir(path) and not os.path.islink(path):
        for name in os.listdir(path):
            os.unlink(f"{path}/{name}")
        os.rmdir(path)
    else:
        os.unlink(path)


@case
def again(directory):
    """Each name is made again as each type, and removed again."""
    os.chdir(directory)
    for name in MAKERS:
        for maker in MAKERS.values():
            remove(name)
            fails(errno.ENOENT, os.lstat, name)
            maker(name)
            os.lstat(name)
        if os.path.isdir(name) and not os.path.islink(name):
            equal(names_of(name), [], f"names in {name}")
    for name in MAKERS:
        remove(name)


# ---- objects without a name ----


def use(fd, content):
    """All that a file without a name is good for."""
    equal(os.fstat(fd).st_nlink, 0, "link count")
    equal(os.fstat(fd).st_size, len(content), "size")
    equal(os.pread(fd, 100, 0), content, "content")
    equal(os.pwrite(fd, b"UNNAMED", 0), 7, "bytes written")
    expected = b"UNNAMED" + content[7:]
    equal(os.pread(fd, 100, 0), expected, "content that was written")
    os.ftruncate(fd, 4)
    equal(os.fstat(fd).st_size, 4, "size after ftruncate")
    os.ftruncate(fd, 8)
    equal(os.pread(fd, 100, 0), b"UNNA\0\0\0\0", "content after ftruncate")
    os.fchmod(fd, 0o640)
    equal(os.fstat(fd).st_mode & 0o7777, 0o640, "mode after fchmod")
    os.fchown(fd, 12, 34)
    equal((os.fstat(fd).st_uid, os.fstat(fd).st_gid), (12, 34), "owner after fchown")
    os.utime(fd, ns=(123456789, 987654321))
    equal(os.fstat(fd).st_mtime_ns, 987654321, "time after futimens")
    os.setxattr(fd, "user.unnamed", b"value")
    equal(os.getxattr(fd, "user.unnamed"), b"value", "attribute")
    equal(os.listxattr(fd), ["user.unnamed"], "attributes")
    os.fsync(fd)
    equal(read_file(on_fd(fd)), b"UNNA\0\0\0\0", "content by another handle")
    equal(os.fstat(fd).st_nlink, 0, "link count at last")


@case
def unlinked(directory, kind):
    path = f"{directory}/file"
    if kind == "upper":
        write_file(path, b"lower file\n")
    ino = os.stat(path).st_ino
    fd = os.open(path, os.O_RDWR)
    reader = os.open(path, os.O_RDONLY)
    os.unlink(path)
    fails(errno.ENOENT, os.stat, path)
    equal(os.fstat(fd).st_ino, ino, "inode number")
    # The name is somebody else's now.
    write_file(path, b"another")
    use(fd, b"lower file\n")
    equal(os.fstat(reader).st_nlink, 0, "link count by the handle that reads")
    equal(os.fstat(reader).st_size, 8, "size by the handle that reads")
    equal(read_file(path), b"another", "content of the new file")
    holds(os.stat(path).st_ino != ino, "the new file has another inode number")
    os.unlink(path)
    equal(os.fstat(fd).st_ino, ino, "inode number at last")


@case
def replaced(directory):
    path = f"{directory}/file"
    fd = os.open(path, os.O_RDWR)
    write_file(f"{directory}/new", b"new")
    os.rename(f"{directory}/new", path)
    use(fd, b"lower file\n")
    equal(read_file(path), b"new", "content of the new file")


@case
def mapped(path):
    fd = os.open(path, os.O_RDWR)
    view = mmap.mmap(fd, 11)
    os.unlink(path)
    os.close(fd)
    view[:5] = b"UPPER"
    view.flush()
    equal(view[:], b"UPPER file\n", "what is mapped")


@case
def many(directory, count):
    """More than are cached for reading; half of them are written only after the name has gone."""
    names = [f"{directory}/{number}" for number in range(1, int(count) + 1)]
    fds = [os.open(name, os.O_RDWR) for name in names]
    for name in names:
        os.unlink(name)
    equal(names_of(directory), [], "names")
    for number, fd in enumerate(fds, 1):
        if number % 2:
            os.pwrite(fd, b"x", 10)
            equal(os.pread(fd, 20, 0), b"%d\n" % number + bytes(9 - len(str(number))) + b"x", "data")
        else:
            equal(os.pread(fd, 20, 0), b"%d\n" % number, "content")
        equal(os.fstat(fd).st_nlink, 0, "link count")


@case
def no_relink(path):
    """Only a file that was made without a name may get one later."""
    fd = os.open(path, os.O_RDWR)
    os.unlink(path)
    fails(errno.ENOENT, link_fd, fd, path)
    os.pwrite(fd, b"x", 0)
    fails(errno.ENOENT, link_fd, fd, path)
    fails(errno.ENOENT, os.stat, path)


@case
def removed_directory(path):
    ino = os.stat(path).st_ino
    path = os.path.abspath(path)
    os.chdir(path)
    for name in os.listdir("."):
        os.unlink(name)
    fd = os.open(".", os.O_RDONLY | os.O_DIRECTORY)
    os.rmdir(path)
    for _ in range(2):
        equal(os.stat(".").st_ino, ino, "inode number")
        equal(os.fstat(fd).st_nlink, 0, "link count")
        # The VFS itself says so of any file system.
        fails(errno.ENOENT, names_of, ".")
        fails(errno.ENOENT, os.mkdir, "sub")
        fails(errno.ENOENT, os.open, "file", os.O_WRONLY | os.O_CREAT)
        fails(errno.ENOENT, os.open, ".", os.O_TMPFILE | os.O_RDWR)
        fails(errno.ENOENT, os.symlink, "target", "link")
        fails(errno.ENOENT, os.stat, "file")
        # And the same when its name is that of another directory.
        if not os.path.exists(path):
            os.mkdir(path)
            write_file(f"{path}/file")
    equal(names_of(path), [b"file"], "names in the new directory")
    holds(os.stat(path).st_ino != ino, "the new directory has another inode number")


@case
def by_handle(directory):
    one = os.open(directory, os.O_RDONLY)
    two = os.open(directory, os.O_RDONLY)
    os.stat("a", dir_fd=two)
    os.unlink("a", dir_fd=one)
    fails(errno.ENOENT, os.stat, "a", dir_fd=two)
    fails(errno.ENOENT, os.unlink, "a", dir_fd=two)


# ---- more objects without a name than the daemon may have descriptors ----


def open_all(top, n):
    """Open @n objects of each kind, which then lose their names. Returns (fd, content or None)."""
    os.chdir(top)
    kept = []
    for i in range(n):
        for name in (f"lower/{i}", f"upper.{i}", f"linked/{i}.a", f"replaced.{i}"):
            if not os.path.exists(name):
                write_file(name, name.encode())
            kept.append((os.open(name, os.O_RDWR if i % 2 else os.O_RDONLY), read_file(name)))
        kept.append((os.open(".", os.O_TMPFILE | os.O_RDWR), b""))
        kept.append((os.open(".", os.O_TMPFILE | os.O_RDWR | os.O_EXCL), b""))
        os.mkdir(f"dir.{i}")
        for name in (f"dir.{i}", f"lower-dirs/{i}"):
            kept.append((os.open(name, os.O_RDONLY | os.O_DIRECTORY), None))
    for i in range(n):
        for name in (f"lower/{i}", f"upper.{i}", f"linked/{i}.a", f"linked/{i}.b"):
            os.unlink(name)
        write_file("new", b"new")
        os.rename("new", f"replaced.{i}")
        os.unlink(f"replaced.{i}")
        os.rmdir(f"dir.{i}")
        os.rmdir(f"lower-dirs/{i}")
    return kept


@case
def many_orphans(top, count):
    # The descriptors of this process are not what is measured.
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    kept = open_all(top, int(count))
    write_file("there", b"yes")
    equal(read_file("there"), b"yes", "a file with a name")
    for fd, content in kept:
        attributes = os.fstat(fd)
        equal(attributes.st_nlink, 0, "names of an object that has lost its last")
        if content is None:
            equal(stat.S_ISDIR(attributes.st_mode), True, "a directory is one")
            fails(errno.ENOENT, os.open, "new", os.O_CREAT | os.O_RDWR, dir_fd=fd)
            continue
        equal(os.pread(fd, 100, 0), content, "content of a file without a name")
        writes = fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDWR
        if os.environ["LAMINA_ENGINE"] == "bpf" and content[:1] == b"l" and not writes:
            # In a view a copy needs a place.
            fails(errno.ENOENT, os.fchmod, fd, 0o640)
            continue
        os.fchmod(fd, 0o640)
        equal(os.fstat(fd).st_mode & 0o777, 0o640, "mode of a file without a name")
        if writes:
            os.pwrite(fd, b"written", 3)
            equal(os.pread(fd, 100, 3), b"written" + content[10:], "what was written to it")
            os.setxattr(fd, "user.a", b"b")
            equal(os.getxattr(fd, "user.a"), b"b", "an attribute of a file without a name")
    # The first O_TMPFILE that is not exclusive may still get a name.
    tmpfile = next(fd for fd, content in reversed(kept) if content == b"" and can_link(fd))
    equal(os.fstat(tmpfile).st_nlink, 1, "names of a file that was given one")
    equal(os.stat("linked.now").st_nlink, 1, "the same, by its name")
    os.unlink("linked.now")
    equal(os.fstat(tmpfile).st_nlink, 0, "names of a file that has lost it again")


def can_link(fd):
    return outcome(link_fd, fd, "linked.now") == "success"


if __name__ == "__main__":
    main()
