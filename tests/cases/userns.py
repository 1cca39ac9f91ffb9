# SPDX-License-Identifier: GPL-2.0-or-later
"""Run a command as root of a user and mount namespace that has a range of ids, as rootless podman
makes it: `userns.py FIRST COUNT COMMAND...` maps ids 0...COUNT-1 to FIRST... ."""
import ctypes
import os
import sys

CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000


def main():
    first, count, command = sys.argv[1], sys.argv[2], sys.argv[3:]
    ready, go = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setresgid(int(first), int(first), int(first))
        os.setresuid(int(first), int(first), int(first))
        if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0:
            sys.exit(f"unshare: {os.strerror(ctypes.get_errno())}")
        os.write(ready[1], b"x")
        os.read(go[0], 1)
        os.setresgid(0, 0, 0)
        os.setresuid(0, 0, 0)
        os.execvp(command[0], command)
    os.close(ready[1])
    os.read(ready[0], 1)
    for kind in "uid", "gid":
        with open(f"/proc/{child}/{kind}_map", "w") as f:
            f.write(f"0 {first} {count}")
    os.write(go[1], b"x")
    _, status = os.waitpid(child, 0)
    sys.exit(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
