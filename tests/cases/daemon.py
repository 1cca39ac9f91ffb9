# SPDX-License-Identifier: GPL-2.0-or-later
"""Cases of 020-daemon.bats."""

import ctypes
import os
import subprocess

from lib import case, check, equal, eventually, holds, libc, main, names_of, patience, read_file


@case
def streams_end(program, options, mountpoint):
    """Who waits for the end of the program's output, as containers/storage does, gets it."""
    result = subprocess.run(
        [program, "-o", options, mountpoint],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        timeout=patience(60),
        check=False,
    )
    equal((result.returncode, result.stdout, result.stderr), (0, b"", b""), "status and output")


@case
def rename(old, new):
    os.rename(old, new)


# ---- the end ----

PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT = 17, 0x4206, 0x4207
WALL = 0x40000000


def ptrace(request, thread):
    libc.ptrace.restype = ctypes.c_long
    check(libc.ptrace(request, thread, None, None))


@case
def unmounted_without_main_thread(pid, mountpoint, below):
    """What the mount has held is free although the daemon's main thread does not run."""
    pid = int(pid)
    ptrace(PTRACE_SEIZE, pid)
    ptrace(PTRACE_INTERRUPT, pid)
    os.waitpid(pid, WALL)
    subprocess.run(["umount", mountpoint], check=True)
    eventually(
        lambda: subprocess.run(["umount", below], stderr=subprocess.DEVNULL, check=False).returncode == 0,
        f"{below} can be unmounted",
    )
    ptrace(PTRACE_DETACH, pid)


# ---- a daemon that is killed ----


@case
def churn(directory):
    """Change the 50 files of a directory in all ways, until there is nobody to serve it."""
    number = 0
    while True:
        number += 1
        for i in range(1, 51):
            path = f"{directory}/{i}"
            with open(path, "a", encoding="ascii") as file:
                file.write("x")
            os.rename(path, f"{path}.moved")
            os.rename(f"{path}.moved", path)
        os.mkdir(f"{directory}/new.{number}")


@case
def churned(directory):
    """Each file is there, by one of its two names, with all that the lower layer had."""
    names = [name.decode() for name in names_of(directory) if not name.startswith(b"new.")]
    equal(sorted(int(name.split(".")[0]) for name in names), list(range(1, 51)), "files left")
    for name in names:
        number = name.split(".")[0]
        content = read_file(f"{directory}/{name}").decode()
        holds(content.rstrip("x") == f"lower {number}\n", f"{name} is whole: {content!r}")


if __name__ == "__main__":
    main()
