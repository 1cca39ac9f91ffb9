# SPDX-License-Identifier: GPL-2.0-or-later
"""The server of upcalls is killed at every system call that changes something, and at the answer.
What then shows is what showed before or what was asked for; and a successor that is sent the same
upcall again ends up with the same on disk as one that was never disturbed. The same where each of
these calls fails."""

import collections
import os
import re
import shutil
import stat
import subprocess
import sys

from lib import Failure, equal, eventually, holds, read_file
from upcallscene import COPY_UP, DIR, JOIN, MAKE, RENAME, WHITEOUT, Server

CHANGES = (
    "mkdirat linkat renameat renameat2 unlinkat symlinkat mknodat setxattr removexattr utimensat "
    "fchownat chmod fchmod fchown copy_file_range ftruncate pwrite64 fsync openat writev"
).split()

WORKS = {}


def work(kind, path, lowers="lower", **options):
    """A work: what is prepared by the function, and then asked for with kills."""

    def add(prepare):
        WORKS[prepare.__name__] = (prepare, kind, path, lowers, options)
        return prepare

    return add


def ask(*upcalls):
    """Done without a kill, as preparation."""
    with Server() as server:
        for kind, path, options in upcalls:
            equal(server.ask(kind, path, **options), "DONE", path)


def whited_out(path):
    os.makedirs(os.path.dirname(f"upper/{path}"), exist_ok=True)
    os.mknod(f"upper/{path}", stat.S_IFCHR, 0)


REG, DIRECTORY = {"mode": stat.S_IFREG}, {"mode": stat.S_IFDIR, "flags": DIR}


@work(COPY_UP, "dir/sub/file", **REG)
def copy_file():
    pass


@work(COPY_UP, "dir/sub/file", mode=stat.S_IFREG, size=3)
def copy_part():
    pass


@work(COPY_UP, "dir/sub", mode=stat.S_IFDIR)
def copy_directory():
    pass


@work(COPY_UP, "dir/sub/link", mode=stat.S_IFLNK)
def copy_symlink():
    pass


@work(COPY_UP, "dir/linked-b", **REG)
def copy_linked():
    pass


@work(COPY_UP, "linked-c", **REG)
def copy_second():
    ask((COPY_UP, "dir/linked-b", REG))


@work(JOIN, "linked-c", **REG)
def join():
    ask((COPY_UP, "dir/linked-b", REG), (COPY_UP, "linked-a", REG))


@work(WHITEOUT, "top", **REG)
def whiteout_lower():
    pass


@work(WHITEOUT, "linked-a", **REG)
def whiteout_linked():
    pass


@work(WHITEOUT, "top", **REG)
def whiteout_copy():
    ask((COPY_UP, "top", REG))


@work(WHITEOUT, "linked-c", **REG)
def whiteout_last():
    ask((COPY_UP, "dir/linked-b", REG), (WHITEOUT, "linked-a", REG), (WHITEOUT, "dir/linked-b", REG))


@work(WHITEOUT, "dir/linked-b", **REG)
def whiteout_last_copy():
    ask((WHITEOUT, "linked-a", REG), (WHITEOUT, "linked-c", REG), (COPY_UP, "dir/linked-b", REG))


@work(WHITEOUT, "lower-dir", **DIRECTORY)
def whiteout_directory():
    whited_out("lower-dir/in")


@work(MAKE, "top", mode=stat.S_IFREG | 0o640, uid=5, gid=6, umask=0o22)
def make_file():
    whited_out("top")


@work(MAKE, "lower-dir", mode=stat.S_IFDIR | 0o755, uid=5, gid=6)
def make_directory():
    whited_out("lower-dir")


@work(MAKE, "top", mode=stat.S_IFLNK | 0o777, text=b"target")
def make_symlink():
    whited_out("top")


@work(MAKE, "sgid/name", mode=stat.S_IFREG | 0o640, uid=5, gid=6)
def make_inheriting():
    whited_out("sgid/name")
    os.chmod("upper/sgid", 0o2777)


@work(RENAME, "tree", lowers="top:lower", **DIRECTORY)
def rename():
    whited_out("tree/merged/gone")


# ---- pictures ----


def look(path):
    st = os.lstat(path)
    seen = [stat.filemode(st.st_mode), st.st_uid, st.st_gid, st.st_rdev]
    if not stat.S_ISDIR(st.st_mode):
        seen += [st.st_nlink, st.st_size]
    if stat.S_ISREG(st.st_mode):
        seen.append(read_file(path))
    if stat.S_ISLNK(st.st_mode):
        seen.append(os.readlink(path))
    for name in sorted(os.listxattr(path, follow_symlinks=False)):
        value = os.getxattr(path, name, follow_symlinks=False)
        if name == "trusted.lamina.origin":
            words = value.decode().split()
            holds(int(words[1]) == st.st_ino, f"{path} says itself where it came from")
            value = " ".join(words[:1] + words[2:])
        seen.append((name, value))
    return seen


def is_new(path):
    """An object of the upper alone: it has a number of its own."""
    if not os.path.lexists(f"upper/{path}"):
        return False
    return "trusted.lamina.origin" not in os.listxattr(f"upper/{path}", follow_symlinks=False)


def tree_of(top, numbers):
    """What lies in a directory."""
    seen = {}
    for where, directories, files in os.walk(top):
        for name in directories + files:
            path = os.path.join(where, name)
            relative = os.path.relpath(path, top)
            seen[relative] = look(path)
            if numbers and not is_new(relative):
                seen[relative].append(os.lstat(path).st_ino)
    return seen


def on_disk():
    return {"upper": tree_of("upper", False), "index": tree_of("work/lamina-index", False),
            "work": os.listdir("work/work")}


def shown(lowers):
    """What a mount shows, with inode numbers and link counts."""
    program = os.environ["LAMINA_BIN"] + "/lamina-mount"
    options = f"lowerdir={lowers},upperdir=upper,workdir=work,engine=fuse"
    subprocess.run([program, "-o", options, "mnt"], check=True)
    seen = tree_of("mnt", True)
    subprocess.run(["umount", "mnt"], check=True)
    return seen


# ---- kills ----


def anew(prepare):
    for name in ("upper", "work"):
        shutil.rmtree(name, ignore_errors=True)
        os.mkdir(name)
    prepare()


def undisturbed(name):
    prepare, kind, path, lowers, options = WORKS[name]
    anew(prepare)
    before = shown(lowers)
    anew(prepare)
    with Server(lowers=lowers) as server:
        equal(server.ask(kind, path, **options), "DONE", name)
    found = on_disk()
    return before, found, shown(lowers)


class Traced:
    """A server that strace watches from now on. It counts the calls of each thread by itself, and a
    whole upcall is served by one."""

    def __init__(self, lowers, *words):
        self.server = Server(lowers=lowers)
        equal(self.server.ask(0, "it-is-there"), "ENOSYS", "an upcall of no kind")
        pid = str(self.server.process.pid)
        self.strace = subprocess.Popen(["strace", "-qq", "-f", "-p", pid, *words])
        eventually(lambda: all_traced(pid), "it is traced")

    def __enter__(self):
        return self.server

    def __exit__(self, *_):
        self.server.close()
        self.strace.wait()


def all_traced(pid):
    for task in os.listdir(f"/proc/{pid}/task"):
        if b"TracerPid:\t0\n" in read_file(f"/proc/{pid}/task/{task}/status"):
            return False
    return True


def moments(name):
    """(system call, how many of its kind since the start) for all that the upcall makes."""
    prepare, kind, path, lowers, options = WORKS[name]
    anew(prepare)
    with Traced(lowers, "-o", "calls", "-e", "trace=" + ",".join(CHANGES)) as server:
        equal(server.ask(kind, path, **options), "DONE", name)
    count, found = collections.Counter(), []
    with open("calls", encoding="utf-8", errors="replace") as file:
        for line in file:
            call = re.match(r"\d+ +([a-z0-9_]+)\(", line)
            if call and call[1] in CHANGES:
                count[call[1]] += 1
                found.append((call[1], count[call[1]]))
    return found


def kill_at(name, call, n):
    prepare, kind, path, lowers, options = WORKS[name]
    anew(prepare)
    with Traced(lowers, "-o", "/dev/null", "-e", f"trace={call}",
                "-e", f"inject={call}:signal=SIGKILL:when={n}") as server:
        equal(server.ask(kind, path, **options), "dead", f"{name}, killed at {call} {n}")


def kill_everywhere(name):
    _, kind, path, lowers, options = WORKS[name]
    before, disk, after = undisturbed(name)
    kills = moments(name)
    holds(len(kills) >= 2, f"{kills} are some moments")
    for call, n in kills:
        where = f"{name}, killed at {call} {n}"
        kill_at(name, call, n)
        with Server(lowers=lowers) as server:
            equal(server.ask(kind, path, again=True, **options), "DONE", where)
        compare(where + ", repeated", on_disk(), disk)
        kill_at(name, call, n)
        found = shown(lowers)
        if found != before:
            compare(where + ", not repeated", found, after)
    print(f"{name}: killed at {len(kills)} moments")


# ---- errors ----


def fail_at(name, call, n, error, again):
    """One system call fails; then, perhaps, the same upcall comes once more."""
    prepare, kind, path, lowers, options = WORKS[name]
    where = f"{name}, {error} at {call} {n}"
    anew(prepare)
    with Traced(lowers, "-o", "/dev/null", "-e", f"trace={call}",
                "-e", f"inject={call}:error={error}:when={n}") as server:
        answer = server.ask(kind, path, **options)
    # What fails need not matter: there are other ways, or it was tidying up.
    holds(answer in (error, "DONE"), f"{where}: the answer is {answer}")
    if again:
        with Server(lowers=lowers) as server:
            equal(server.ask(kind, path, again=True, **options), "DONE", where)


def fail_everywhere(name, error="EIO"):
    _, _, _, lowers, _ = WORKS[name]
    before, disk, after = undisturbed(name)
    calls = [moment for moment in moments(name) if moment[0] != "writev"]
    for call, n in calls:
        where = f"{name}, {error} at {call} {n}"
        fail_at(name, call, n, error, True)
        compare(where + ", repeated", on_disk(), disk)
        fail_at(name, call, n, error, False)
        found = shown(lowers)
        if found != before:
            compare(where + ", not repeated", found, after)
    print(f"{name}: {error} at {len(calls)} moments")


def compare(where, found, expected):
    if found == expected:
        return
    lines = [where]
    for key in sorted(set(found) | set(expected)):
        if found.get(key) != expected.get(key):
            lines.append(f"{key}\n  expected {expected.get(key)}\n  found    {found.get(key)}")
    raise Failure("\n".join(lines))


if __name__ == "__main__":
    try:
        for word in sys.argv[2:]:
            {"kill": kill_everywhere, "fail": fail_everywhere}[sys.argv[1]](word)
    except Failure as failure:
        sys.exit(str(failure))
