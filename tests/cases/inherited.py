# SPDX-License-Identifier: GPL-2.0-or-later
"""Cases of 025-inherited.bats: callers with properties that the shell cannot give."""

import ctypes
import os
import shutil
import signal
import subprocess

from lib import case, equal, eventually, holds, main

KEPT = (signal.SIGKILL, signal.SIGSTOP, signal.SIGHUP, signal.SIGINT)

RT_SIGACTION = {"x86_64": 13, "aarch64": 134}[os.uname().machine]


def ignore_reserved():
    """The signals that the C library keeps to itself; it refuses to change them."""
    libc = ctypes.CDLL(None, use_errno=True)
    ignore = (ctypes.c_ulong * 4)(int(signal.SIG_IGN))
    for number in range(signal.SIGSYS + 1, signal.SIGRTMIN):
        equal(libc.syscall(RT_SIGACTION, number, ignore, None, 8), 0, "rt_sigaction")


@case
def with_signals(program, options, mountpoint):
    """The mount program starts with every signal blocked, and ignored where that is no custom."""

    def ignore_all():
        for number in set(signal.Signals) - set(KEPT):
            signal.signal(number, signal.SIG_IGN)
        ignore_reserved()
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())

    result = subprocess.run(
        [program, "-o", options, mountpoint], preexec_fn=ignore_all, check=False
    )
    equal(result.returncode, 0, "status")


@case
def with_alarm(program, options, mountpoint):
    """SIGALRM and SIGPROF would come some milliseconds after the start."""

    def set_timers():
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        signal.setitimer(signal.ITIMER_PROF, 0.01)

    with subprocess.Popen(
        [program, "-f", "-o", options, mountpoint], preexec_fn=set_timers
    ) as daemon:
        eventually(lambda: os.path.ismount(mountpoint), "the mount is there")
        for i in range(200):  # CPU time for the daemon
            os.mkdir(f"{mountpoint}/{i}")
        try:
            daemon.wait(0.6)
        except subprocess.TimeoutExpired:
            pass
        equal(daemon.poll(), None, "status of the daemon, which runs")
        subprocess.run(["umount", mountpoint], check=True)
        equal(daemon.wait(), 0, "status of the daemon")


TEST = """PATH=/bin
[ -z "$1" ] || mount -t proc proc /proc
umount -l /old
echo x >>/dir/file || echo failed: write
chmod 600 /other || echo failed: chmod
mkdir /new || echo failed: mkdir
touch /dir/new || echo failed: create
rm /dir/new || echo failed: remove
ls /dir | paste -sd' '
paste -sd' ' /dir/file
echo done
"""


@case
def busybox_root(layer):
    """A root file system with busybox, and what is done in it as /test."""
    for name in ("bin", "proc", "old", "dir"):
        os.mkdir(f"{layer}/{name}")
    busybox = shutil.which("busybox")
    holds(busybox, "busybox is there")
    shutil.copy(busybox, f"{layer}/bin/busybox")
    for name in "sh mount umount chmod mkdir touch rm ls paste".split():
        os.symlink("busybox", f"{layer}/bin/{name}")
    with open(f"{layer}/dir/file", "w", encoding="ascii") as file:
        file.write("1\n")
    os.link(f"{layer}/dir/file", f"{layer}/dir/link")
    with open(f"{layer}/other", "w", encoding="ascii") as file:
        file.write("2\n")
    with open(f"{layer}/test", "w", encoding="ascii") as file:
        file.write(TEST)


if __name__ == "__main__":
    main()
