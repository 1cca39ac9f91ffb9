# SPDX-License-Identifier: GPL-2.0-or-later
"""Cases of the control ioctl, by who may send it: what is not as guard/control.h says is refused."""

import ctypes
import errno
import fcntl
import os
import socket
import struct

from lib import case, equal, holds, main, outcome, read_file

CONTROL = 0xC4206C50  # _IOWR('l', 0x50, struct lamina_control)
LAYOUT = "=IIiiI3I1024s"
APPLY, SETTLE, SHOW, TRACE, LEARN, LEARN_END, UNKNOWN = range(7)


def control(root, op, given=-1, out=-1, flags=0, version=2, policies=0, reserved=(0, 0)):
    """Send it; returns the number of the set of policies. The sentence of an error is part of the OSError."""
    request = bytearray(struct.pack(LAYOUT, version, op, given, out, flags, policies, *reserved, b""))
    try:
        fcntl.ioctl(root, CONTROL, request)
    except OSError as error:
        error.sentence = struct.unpack(LAYOUT, request)[-1].rstrip(b"\0").decode()
        raise
    return struct.unpack(LAYOUT, request)[5]


def refused(number, *arguments, **options):
    equal(outcome(control, *arguments, **options), errno.errorcode[number], f"{arguments} {options}")


def memfd(data=b""):
    fd = os.memfd_create("test")
    os.write(fd, data)
    return fd


def policy_of(root):
    """What is in force, as bytes."""
    out = memfd()
    control(root, SHOW, out=out)
    return os.pread(out, 1 << 26, 0)


def set_of(root):
    """The number of the set of policies in force."""
    return control(root, SHOW, out=memfd())


def apply(root, bundle):
    """Put it in force in the place of what is."""
    control(root, APPLY, memfd(bundle), policies=set_of(root))


@case
def odd_requests(top):
    root = os.open(top, os.O_RDONLY | os.O_DIRECTORY)
    before = policy_of(root)
    holds(before, "a policy is in force")
    good = {"given": memfd(before), "policies": set_of(root)}
    for change in ({"version": 0}, {"version": 1}, {"flags": 1}, {"reserved": (0, 1)}):
        refused(errno.EINVAL, root, APPLY, **(good | change))
    refused(errno.EINVAL, root, UNKNOWN, **good)
    refused(errno.EINVAL, root, 0xFFFFFFFF, **good)
    refused(errno.EINVAL, root, APPLY, **(good | {"out": memfd()}))
    refused(errno.EINVAL, root, TRACE, out=os.pipe()[1], flags=4)
    refused(errno.EINVAL, root, LEARN, out=os.pipe()[1], flags=2)
    refused(errno.EINVAL, root, SHOW, out=memfd(), policies=1)
    for number in (good["policies"] - 1, good["policies"] + 1, 0xFFFFFFFF):
        refused(errno.EAGAIN, root, APPLY, **(good | {"policies": number}))
        refused(errno.EAGAIN, root, APPLY, **(good | {"policies": number, "given": -1}))
    for directory in (f"{top}/etc", f"{top}/etc/passwd"):
        refused(errno.ENOTTY, os.open(directory, os.O_RDONLY), SHOW, out=memfd())
    equal(policy_of(root), before, "what is in force")


@case
def odd_fds(top, scratch):
    """The mount program opens them as itself: nothing that has a name is opened."""
    root = os.open(top, os.O_RDONLY | os.O_DIRECTORY)
    before = policy_of(root)
    good = {"given": memfd(before), "policies": set_of(root)}
    with open(f"{scratch}/file", "wb") as file:
        file.write(before)
    os.mkfifo(f"{scratch}/fifo")
    odd = [f"{scratch}/file", f"{scratch}/fifo", scratch, "/dev/null", f"{top}/etc/passwd"]
    fds = [os.open(path, os.O_PATH) for path in odd]
    for fd in [*fds, os.open(f"{scratch}/file", os.O_RDWR), root]:
        refused(errno.EINVAL, root, APPLY, **(good | {"given": fd}))
        refused(errno.EINVAL, root, SETTLE, out=fd)
        refused(errno.EINVAL, root, SHOW, out=fd)
        refused(errno.EINVAL, root, TRACE, out=fd)
        refused(errno.EINVAL, root, LEARN, out=fd)
    for fd in (-2, 1 << 20, 0x7FFFFFFF):
        refused(errno.EBADF, root, APPLY, **(good | {"given": fd}))
    for fd in (-1, -2, 1 << 20, 0x7FFFFFFF):
        refused(errno.EBADF, root, SHOW, out=fd)
        refused(errno.EBADF, root, TRACE, out=fd)
    refused(errno.EINVAL, root, TRACE, out=memfd())
    equal(read_file(f"{scratch}/file"), before, "a file of somebody")
    equal(policy_of(root), before, "what is in force")


@case
def odd_bundles(top):
    """What is cut off anywhere, changed in any word, or too large, is refused, or is a policy."""
    root = os.open(top, os.O_RDONLY | os.O_DIRECTORY)
    before = policy_of(root)
    number = set_of(root)
    for size in range(0, len(before), 4):
        refused(errno.EINVAL, root, APPLY, given=memfd(before[:size]), policies=number)
    more = memfd(before + b"\0\0\0\0")
    refused(errno.EINVAL, root, APPLY, given=more, policies=number)
    large = memfd()
    os.truncate(large, (64 << 20) + 1)
    refused(errno.EFBIG, root, APPLY, given=large, policies=number)
    for at in range(0, len(before), 4):
        for word in (0, 1, 0x7FFFFFFF, 0xFFFFFFFF):
            changed = before[:at] + struct.pack("I", word) + before[at + 4 :]
            # EPERM: it makes a source the mount's own.
            result = outcome(apply, root, changed)
            holds(result in ("success", "EINVAL", "EPERM"), f"word {at // 4} is {word}: {result}")
    apply(root, before)
    equal(policy_of(root), before, "what is in force")


@case
def base_stays(top):
    """The policy that the mount was given is part of whatever is put in force, as it is."""
    root = os.open(top, os.O_RDONLY | os.O_DIRECTORY)
    before = policy_of(root)
    words = struct.unpack(f"{len(before) // 4}I", before)
    refused(errno.EPERM, root, APPLY, given=-1, policies=set_of(root))
    # The sources stand behind the header and the table.
    for at in range(4 + words[2] // 4, len(words)):
        for word in (0, 1, words[at] ^ 1, words[at] ^ 2, words[at] ^ 0x01000000):
            changed = struct.pack(f"{len(words)}I", *words[:at], word, *words[at + 1 :])
            if word != words[at]:
                holds(outcome(apply, root, changed) in ("EINVAL", "EPERM"), f"word {at} is {word}")
    equal(policy_of(root), before, "what is in force")


# _IOW(0xe5, 0xb6 and 0xb7, struct fuse_bpf_data)
DATA_SET, DATA_GET = 0x4020E5B6, 0x4020E5B7


def view_data(root, new=None):
    """The data of a view, or other ones for it."""
    buffer = ctypes.create_string_buffer(new, len(new)) if new else ctypes.create_string_buffer(1 << 20)
    request = bytearray(struct.pack("=QIIQQ", ctypes.addressof(buffer), len(buffer), 0, 0, 0))
    size = fcntl.ioctl(root, DATA_SET if new else DATA_GET, request)
    return buffer.raw[:size]


def look_around(top):
    for name in ("etc/shadow", "srv/a/file", "srv/a/new.x", "tmp/ab", "app", "."):
        outcome(os.stat, f"{top}/{name}")
        outcome(os.listdir, f"{top}/{name}")
        outcome(read_file, f"{top}/{name}")


def bound_process(top):
    """Looks around for each byte that it gets, and sends it back."""
    ours, theirs = socket.socketpair()
    if os.fork() == 0:
        os.unshare(os.CLONE_NEWNS)
        ours.close()
        while byte := theirs.recv(1):
            look_around(top)
            theirs.send(byte)
        os._exit(0)
    theirs.close()
    return ours


@case
def odd_data(top):
    """A view takes no requests. Its data, changed in any word, decide in one way or another."""
    root = os.open(top, os.O_RDONLY | os.O_DIRECTORY)
    refused(errno.ENOTTY, root, SHOW, out=memfd())
    before = view_data(root)
    bound = bound_process(top)
    for at in range(0, len(before), 4):
        for word in (0, 1, 0x7FFFFFFF, 0xFFFFFFFF):
            view_data(root, before[:at] + struct.pack("I", word) + before[at + 4 :])
            bound.send(b"x")
            equal(bound.recv(1), b"x", f"word {at // 4} is {word}")
    view_data(root, before)
    equal(view_data(root), before, "what is in force")


if __name__ == "__main__":
    main()
