# SPDX-License-Identifier: GPL-2.0-or-later
"""Upcalls without a kernel: the server reads them from a socket. Each case works in the current
directory, with lower, upper and work (see upcallscene.py)."""

import os
import stat
import struct
import threading

from lib import case, equal, holds, main, names_of, read_file, write_file
from upcallscene import (
    COPY_UP,
    DIR,
    JOIN,
    MAKE,
    RENAME,
    WHITEOUT,
    Server,
    index_of,
    is_opaque,
    is_whiteout,
    origin_of,
    request,
)


def both(server, kind, path, expected="DONE", **options):
    """An upcall, and the same again as its repetition."""
    equal(server.ask(kind, path, **options), expected, f"upcall {kind} of {path}")
    equal(server.ask(kind, path, again=True, **options), expected, f"again, {kind} of {path}")


def attributes(path):
    st = os.lstat(path)
    xattrs = {
        name: os.getxattr(path, name, follow_symlinks=False)
        for name in os.listxattr(path, follow_symlinks=False)
        if "lamina" not in name and "overlay" not in name
    }
    return (stat.filemode(st.st_mode), st.st_uid, st.st_gid, st.st_mtime_ns, st.st_rdev, xattrs)


# ---- COPY_UP ----


@case
def copy_up():
    """A copy is complete, its directories come along, and nobody's times change."""
    with Server() as server:
        for path in ("dir/sub/file", "dir/sub/link", "dir/fifo", "dir/device", "dir/empty", "top"):
            both(server, COPY_UP, path, mode=os.lstat(f"lower/{path}").st_mode)
            equal(attributes(f"upper/{path}"), attributes(f"lower/{path}"), path)
            equal(origin_of(f"upper/{path}")[0], os.lstat(f"lower/{path}").st_ino, "its number")
        equal(read_file("upper/dir/sub/file"), read_file("lower/dir/sub/file"), "its data")
        for path in ("dir", "dir/sub"):
            equal(attributes(f"upper/{path}"), attributes(f"lower/{path}"), path)
        equal(os.getxattr("upper/dir", "trusted.lamina.impure"), b"y", "the mark")
        equal(names_of("work/work"), [], "the work directory")


@case
def copy_up_less():
    """Only the data that are needed, and then the time of modification is now."""
    write_file("lower/big", b"x" * 100000)
    os.utime("lower/big", (1, 1))
    with Server() as server:
        both(server, COPY_UP, "big", mode=stat.S_IFREG, size=1000)
    equal(os.stat("upper/big").st_size, 1000, "size")
    holds(os.stat("upper/big").st_mtime > 1, "a new time of modification")


@case
def copy_up_of_layer():
    """The object is the one that shows: from the layer that the kernel names, or any below."""
    with Server(lowers="top:lower") as server:
        both(server, COPY_UP, "merged/of-lower", mode=stat.S_IFREG, layer=2)
        both(server, COPY_UP, "merged/of-both", mode=stat.S_IFREG, layer=1)
    equal(read_file("upper/merged/of-lower"), b"lower", "of the lower layer")
    equal(read_file("upper/merged/of-both"), b"top", "of the upper one")
    equal(stat.S_IMODE(os.stat("upper/merged").st_mode), 0o711, "the directory's mode")


@case
def copy_up_refused():
    os.mkdir("upper/dir")
    os.mknod("upper/dir/sub", stat.S_IFCHR, 0)
    os.mknod("upper/top", stat.S_IFCHR, 0)
    with Server() as server:
        both(server, COPY_UP, "missing", "RETRY", mode=stat.S_IFREG)
        both(server, COPY_UP, "dir/missing/file", "RETRY", mode=stat.S_IFREG)
        both(server, COPY_UP, "dir/fifo", "RETRY", mode=stat.S_IFREG)
        both(server, COPY_UP, "dir/sub/file", "RETRY", mode=stat.S_IFREG)
        both(server, COPY_UP, "top", "RETRY", mode=stat.S_IFREG)
    equal(names_of("upper/dir"), [b"sub"], "the upper")


@case
def copy_up_links():
    """All names of a file are one: the second is a link of the first one's copy."""
    with Server() as server:
        both(server, COPY_UP, "linked-a", mode=stat.S_IFREG)
        equal(index_of("lower/linked-a"), (2, 1), "links and count")
        both(server, COPY_UP, "dir/linked-b", mode=stat.S_IFREG)
        equal(index_of("lower/linked-a"), (3, 2), "links and count")
        both(server, JOIN, "linked-c", mode=stat.S_IFREG)
        equal(index_of("lower/linked-a"), (4, 3), "links and count")
    numbers = {os.stat(f"upper/{p}").st_ino for p in ("linked-a", "dir/linked-b", "linked-c")}
    equal(len(numbers), 1, "inodes")


@case
def join_refused():
    with Server() as server:
        both(server, JOIN, "linked-a", "RETRY", mode=stat.S_IFREG)
        both(server, JOIN, "top", "RETRY", mode=stat.S_IFREG)
        both(server, JOIN, "missing", "RETRY", mode=stat.S_IFREG)
    equal(names_of("upper"), [], "the upper")


# ---- WHITEOUT ----


@case
def whiteout():
    os.mkdir("upper/dir")
    with Server() as server:
        both(server, WHITEOUT, "top", mode=stat.S_IFREG)
        both(server, COPY_UP, "dir/sub/file", mode=stat.S_IFREG)
        both(server, WHITEOUT, "dir/sub/file", mode=stat.S_IFREG)
        both(server, WHITEOUT, "dir/sub", "RETRY", mode=stat.S_IFREG)
        write_file("upper/dir/sub/new")
        both(server, WHITEOUT, "dir/sub", "RETRY", mode=stat.S_IFDIR, flags=DIR)
        os.unlink("upper/dir/sub/new")
        os.mknod("upper/dir/sub/link", stat.S_IFCHR, 0)
        both(server, WHITEOUT, "dir/sub", mode=stat.S_IFDIR, flags=DIR)
        both(server, WHITEOUT, "lower-dir", mode=stat.S_IFDIR, flags=DIR)
        both(server, WHITEOUT, "missing/name", "RETRY", mode=stat.S_IFREG)
    for path in ("top", "dir/sub", "lower-dir"):
        holds(is_whiteout(f"upper/{path}"), f"{path} is a whiteout")
    equal(names_of("work/work"), [], "the work directory")


@case
def whiteout_links():
    """Names that go are counted, once, and the last one takes the copy along."""
    with Server() as server:
        both(server, WHITEOUT, "linked-a", mode=stat.S_IFREG)
        equal(index_of("lower/dir/linked-b"), (None, 1), "links and count")
        both(server, COPY_UP, "dir/linked-b", mode=stat.S_IFREG)
        equal(index_of("lower/dir/linked-b"), (2, 2), "links and count")
        both(server, WHITEOUT, "dir/linked-b", mode=stat.S_IFREG)
        equal(index_of("lower/dir/linked-b"), (1, 2), "links and count")
        both(server, WHITEOUT, "linked-c", mode=stat.S_IFREG)
    equal(names_of("work/lamina-index"), [], "the index")


# ---- MAKE ----


@case
def make():
    kinds = {
        "file": (stat.S_IFREG | 0o6755, {}),
        "dir": (stat.S_IFDIR | 0o1777, {}),
        "fifo": (stat.S_IFIFO | 0o600, {}),
        "char": (stat.S_IFCHR | 0o600, {"rdev": (5 << 8) | 1}),
        "block": (stat.S_IFBLK | 0o600, {"rdev": (0x123 << 20) | (7 << 8) | 0x45}),
        "link": (stat.S_IFLNK | 0o777, {"text": b"../some/where"}),
    }
    os.mkdir("upper/dir")
    with Server() as server:
        for name, (mode, options) in kinds.items():
            path = f"dir/{name}"
            equal(server.ask(MAKE, path, mode=mode, uid=5, gid=6, **options), "RETRY", "no whiteout")
            os.mknod(f"upper/{path}", stat.S_IFCHR, 0)
            options = dict(mode=mode, uid=5, gid=6, umask=0o22, **options)
            equal(server.ask(MAKE, path, **options), "DONE", path)
            equal(server.ask(MAKE, path, again=True, **options), "DONE", "its repetition")
            equal(server.ask(MAKE, path, **options), "RETRY", "it is there")
            equal(
                server.ask(MAKE, path, again=True, **dict(options, mode=stat.S_IFSOCK)),
                "RETRY",
                "something else is there",
            )
            st = os.lstat(f"upper/{path}")
            expected = mode if stat.S_ISLNK(mode) else mode & ~0o22
            equal(stat.filemode(st.st_mode), stat.filemode(expected), path)
            equal((st.st_uid, st.st_gid), (5, 6), "its owner")
    equal(os.lstat("upper/dir/block").st_rdev, os.makedev(7, 0x12345), "a device number")
    equal(os.readlink("upper/dir/link"), "../some/where", "a link's target")
    holds(is_opaque("upper/dir/dir"), "the directory is opaque")
    equal(names_of("work/work"), [], "the work directory")


@case
def make_inherits():
    """A set-gid directory and its default ACL count as at any creation."""
    os.mkdir("upper/dir")
    os.chown("upper/dir", 0, 77)
    os.chmod("upper/dir", 0o2777)
    acl = struct.pack("<I", 2) + b"".join(
        struct.pack("<HHI", tag, perm, id)
        for tag, perm, id in ((1, 7, ~0 & 0xFFFFFFFF), (2, 5, 99), (4, 5, ~0 & 0xFFFFFFFF),
                              (0x10, 7, ~0 & 0xFFFFFFFF), (0x20, 0, ~0 & 0xFFFFFFFF))
    )
    os.setxattr("upper/dir", "system.posix_acl_default", acl)
    for name in ("file", "sub"):
        os.mknod(f"upper/dir/{name}", stat.S_IFCHR, 0)
    with Server() as server:
        options = dict(uid=5, gid=6, umask=0o22)
        equal(server.ask(MAKE, "dir/file", mode=stat.S_IFREG | 0o666, **options), "DONE", "file")
        equal(server.ask(MAKE, "dir/sub", mode=stat.S_IFDIR | 0o777, **options), "DONE", "dir")
    equal(os.stat("upper/dir/file").st_gid, 77, "the file's group")
    holds("system.posix_acl_access" in os.listxattr("upper/dir/file"), "the file has an ACL")
    equal(os.stat("upper/dir/sub").st_mode & 0o2000, 0o2000, "the directory's set-gid")
    equal(os.getxattr("upper/dir/sub", "system.posix_acl_default"), acl, "its default ACL")


@case
def make_owners():
    """Owners are mapped to what lies on disk; who has no place there is refused, but for root."""
    for name in "abcd":
        os.mknod(f"upper/{name}", stat.S_IFCHR, 0)
    with Server(idmap="0:100000:1000") as server:
        mode = stat.S_IFREG | 0o600
        equal(server.ask(MAKE, "a", mode=mode, uid=100005, gid=100006), "DONE", "mapped")
        equal(server.ask(MAKE, "b", mode=mode, uid=5, gid=100006), "EOVERFLOW", "not mapped")
        equal(server.ask(MAKE, "b", mode=mode, uid=0xFFFFFFFF, gid=0), "EOVERFLOW", "no owner")
        equal(server.ask(MAKE, "c", mode=stat.S_IFCHR, uid=100005, gid=100006), "EPERM", "0:0")
        equal(server.ask(MAKE, "d", mode=mode, uid=0, gid=100006), "DONE", "of root")
    st = os.stat("upper/a")
    equal((st.st_uid, st.st_gid), (5, 6), "on disk")
    st = os.stat("upper/d")
    equal((st.st_uid, st.st_gid), (65534, 6), "of root, on disk")
    for name in "bc":
        holds(is_whiteout(f"upper/{name}"), f"{name} is still a whiteout")


# ---- RENAME ----


@case
def rename():
    """A merged directory holds all that it shows, and nothing shows through it any more."""
    os.makedirs("upper/tree/merged")
    write_file("upper/tree/merged/of-upper", b"upper")
    os.mknod("upper/tree/merged/gone", stat.S_IFCHR, 0)
    with Server(lowers="top:lower") as server:
        both(server, RENAME, "tree", mode=stat.S_IFDIR, flags=DIR, text=b"elsewhere")
    expected = sorted((b"merged", b"deep", b"linked-d", b"linked-e", b"of-top"))
    equal(names_of("upper/tree"), expected, "names")
    equal(names_of("upper/tree/merged"), [b"of-lower", b"of-upper"], "names of the merged one")
    for path in ("tree", "tree/merged", "tree/deep"):
        holds(is_opaque(f"upper/{path}"), f"{path} is opaque")
    equal(read_file("upper/tree/deep/er/file"), b"deep", "data")
    equal(index_of("lower/tree/linked-d"), (3, 2), "links and count")
    equal(names_of("work/work"), [], "the work directory")


@case
def rename_refused():
    with Server() as server:
        both(server, RENAME, "missing", "RETRY", mode=stat.S_IFDIR, flags=DIR)
        both(server, RENAME, "top", "RETRY", mode=stat.S_IFDIR, flags=DIR)


# ---- at once ----


@case
def at_once():
    """Many upcalls that want the same directories, and every other kind beside them."""
    for i in range(200):
        write_file(f"lower/dir/sub/{i}", b"%d" % i)
        write_file(f"lower/dir/gone{i}")
    os.makedirs("upper/dir")
    for i in range(200):
        os.mknod(f"upper/dir/made{i}", stat.S_IFCHR, 0)
    answers = {}
    with Server() as server:
        sent = {}
        for i in range(200):
            sent[server.send(COPY_UP, f"dir/sub/{i}", mode=stat.S_IFREG)] = i
            sent[server.send(WHITEOUT, f"dir/gone{i}", mode=stat.S_IFREG)] = i
            sent[server.send(MAKE, f"dir/made{i}", mode=stat.S_IFREG | 0o600, uid=0, gid=0)] = i
            for _ in range(3):
                unique, answer = server.receive()
                answers[unique] = answer
    equal(set(sent), set(answers), "upcalls answered")
    equal(set(answers.values()), {"DONE"}, "answers")
    for i in range(200):
        equal(read_file(f"upper/dir/sub/{i}"), b"%d" % i, "data")
        holds(is_whiteout(f"upper/dir/gone{i}"), "a whiteout")
        holds(stat.S_ISREG(os.stat(f"upper/dir/made{i}").st_mode), "a file")


@case
def same_directories():
    """Two hundred that are all waiting when the first one is read."""
    deep = "/".join("d%d" % i for i in range(20))
    os.makedirs(f"lower/{deep}")
    for i in range(200):
        write_file(f"lower/{deep}/{i}", b"%d" % i)
    with Server() as server:
        reader = {}

        def read_all():
            for _ in range(200):
                unique, answer = server.receive()
                reader[unique] = answer

        thread = threading.Thread(target=read_all)
        thread.start()
        for i in range(200):
            server.send(COPY_UP, f"{deep}/{i}", mode=stat.S_IFREG)
        thread.join()
    equal(set(reader.values()), {"DONE"}, "answers")
    equal(len(names_of(f"upper/{deep}")), 200, "copies")


# ---- what nobody should send ----


@case
def hostile():
    """What cannot be meant is EINVAL, what is not known ENOSYS, and the next one is served."""
    bad_paths = (b"/", b"/top", b"top/", b"dir//sub", b".", b"..", b"dir/../top", b"dir/./sub",
                 b"../lower/top", b"x" * 256, b"dir/" + b"y" * 300)
    with Server() as server:
        for path in bad_paths:
            equal(server.ask(COPY_UP, path, mode=stat.S_IFREG), "EINVAL", path)
        equal(server.ask(COPY_UP, b"", mode=stat.S_IFDIR), "EINVAL", "the root")
        for kind in (0, 6, 77, 0xFFFFFFFF):
            equal(server.ask(kind, "top", mode=stat.S_IFREG), "ENOSYS", f"kind {kind}")
        for lengths in ((0, 0), (3, 0), (5, 0), (4, 1), (4, 0xFFFFFFFF), (0xFFFFFFFF, 4),
                        (40000, 0), (0x80000000, 0x80000000)):
            equal(
                server.ask(COPY_UP, "top", mode=stat.S_IFREG, lengths=lengths), "EINVAL",
                f"lengths {lengths}",
            )
        equal(server.ask(MAKE, "top", mode=stat.S_IFLNK, uid=0, gid=0), "EINVAL", "no target")
        whole = request(COPY_UP, "top", 1, mode=stat.S_IFREG)
        for size in list(range(1, len(whole))):
            server.send_raw(struct.pack("<I", size) + whole[4:size] if size >= 4 else whole[:size])
            if size >= 40:
                equal(server.receive()[1], "EINVAL", f"{size} bytes")
        equal(names_of("upper"), [], "the upper")
        equal(server.ask(COPY_UP, "top", mode=stat.S_IFREG), "DONE", "the next one")


@case
def out_of_the_layers():
    """No name of a layer leads out of it."""
    os.symlink("/", "lower/root")
    os.symlink("..", "lower/up")
    os.symlink("dir", "lower/to-dir")
    with Server() as server:
        for path in ("root/etc/passwd", "up/upper", "to-dir/empty"):
            both(server, COPY_UP, path, "RETRY", mode=stat.S_IFREG)
        both(server, WHITEOUT, "root/tmp", "RETRY", mode=stat.S_IFDIR, flags=DIR)
    equal(names_of("upper"), [], "the upper")


@case
def long_path():
    """Longer than PATH_MAX, shorter than the limit of upcalls."""
    name, depth = "n" * 200, 100
    start = os.open(".", os.O_RDONLY)
    os.chdir("lower")
    for _ in range(depth):
        os.mkdir(name)
        os.chdir(name)
    write_file("file", b"deep")
    os.fchdir(start)
    with Server() as server:
        path = "/".join([name] * depth + ["file"])
        both(server, COPY_UP, path, mode=stat.S_IFREG)
        both(server, WHITEOUT, path, mode=stat.S_IFREG)
    os.chdir("upper")
    for _ in range(depth):
        os.chdir(name)
    holds(is_whiteout("file"), "the whiteout at its end")
    os.fchdir(start)


@case
def full_disk(room):
    """Without room a copy-up fails, the upper is as before, and the next one works."""
    write_file("lower/big", os.urandom(30 << 20))
    upper, work = f"{room}/upper", f"{room}/work"
    with Server(upper=upper, work=work) as server:
        for _ in range(2):
            equal(server.ask(COPY_UP, "big", mode=stat.S_IFREG), "ENOSPC", "too large")
            equal(names_of(upper), [], "the upper")
            equal(names_of(f"{work}/work"), [], "the work directory")
        equal(server.ask(COPY_UP, "top", mode=stat.S_IFREG), "DONE", "one that fits")


@case
def broken_layer():
    """A layer that cannot be read is EIO, and nothing of it is copied."""
    with Server(lowers="broken") as server:
        equal(server.ask(COPY_UP, "bad", mode=stat.S_IFREG), "EIO", "bad data")
        equal(server.ask(COPY_UP, "gone", mode=stat.S_IFREG), "EIO", "bad attributes")
        equal(names_of("upper"), [], "the upper")
        equal(names_of("work/work"), [], "the work directory")
        equal(server.ask(COPY_UP, "bad", mode=stat.S_IFREG, size=4096), "DONE", "its good part")
        equal(server.ask(COPY_UP, "good", mode=stat.S_IFREG), "DONE", "what can be read")


if __name__ == "__main__":
    main()
