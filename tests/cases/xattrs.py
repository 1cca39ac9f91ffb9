# SPDX-License-Identifier: GPL-2.0-or-later
"""Cases of 100-xattrs.bats."""

import ctypes
import errno
import os

from lib import case, check, equal, fails, libc, main, outcome, write_file
from permissions import both

NAMES = ["lower-file", "lower-dir", "lower-link", "lower-fifo"] + [
    "upper-file",
    "upper-dir",
    "upper-link",
    "upper-fifo",
]


def get(path, name, size=65536):
    """The value, or the name of the error."""
    room = ctypes.create_string_buffer(max(size, 1))
    try:
        used = check(
            libc.lgetxattr(os.fsencode(path), os.fsencode(name), room, ctypes.c_size_t(size))
        )
    except OSError as error:
        return errno.errorcode[error.errno]
    return room.raw[:used] if size else used


def list_names(path, size=65536):
    room = ctypes.create_string_buffer(max(size, 1))
    try:
        used = check(libc.llistxattr(os.fsencode(path), room, ctypes.c_size_t(size)))
    except OSError as error:
        return errno.errorcode[error.errno]
    return sorted(room.raw[:used].split(b"\0")) if size else used


def put(path, name, value, flags=0):
    return outcome(os.setxattr, path, name, value, flags, follow_symlinks=False)


def remove(path, name):
    return outcome(os.removexattr, path, name, follow_symlinks=False)


def call_all():
    """set, get, list and remove"""
    results = []
    for path in NAMES:
        for name in ("user.given", "user.x", "trusted.given", "trusted.x", "security.x"):
            results += [
                (path, name, result)
                for result in (
                    get(path, name),
                    get(path, name, 0),
                    get(path, name, 1),
                    put(path, name, b"replaced", os.XATTR_REPLACE),
                    put(path, name, b"created", os.XATTR_CREATE),
                    get(path, name),
                    put(path, name, b"set \0 bytes \xff"),
                    get(path, name),
                    get(path, name, 5),
                    list_names(path),
                    list_names(path, 0),
                    list_names(path, 3),
                    put(path, name, b""),
                    get(path, name),
                    get(path, name, 0),
                    put(path, name, b"again", os.XATTR_CREATE),
                    put(path, name, b"again", os.XATTR_REPLACE),
                    remove(path, name),
                    remove(path, name),
                    get(path, name),
                    list_names(path),
                    put(path, name, b"stays"),
                )
            ]
        for name in ("", "user", "user.", "nothing.x", "system.x", "x" * 300, "user." + "x" * 250):
            results += [(path, name, get(path, name)), (path, name, put(path, name, b"x"))]
            results.append((path, name, remove(path, name)))
        results.append((path, put(path, "user.x", b"x", os.XATTR_CREATE | os.XATTR_REPLACE)))
        results.append((path, put(path, "user.x", b"x", 8)))
        results.append((path, list_names(path)))
    results.append(get("missing", "user.x"))
    results.append(put("missing", "user.x", b""))
    return results


@case
def calls(mount, plain):
    both(mount, plain, call_all, uid=0)


@case
def calls_of_user(mount, plain):
    both(mount, plain, call_all)


def try_sizes():
    """values of many sizes"""
    results = []
    for path in ("lower-file", "upper-file", "lower-dir"):
        for size in (0, 1, 100, 1000, 2000, 3000, 3500, 4000, 4096, 10000, 65536, 65537):
            results.append((path, size, put(path, "user.size", b"v" * size)))
            results.append((path, size, get(path, "user.size")))
        results.append(remove(path, "user.size"))
    return results


@case
def sizes(mount, plain):
    both(mount, plain, try_sizes, uid=0)


COUNT = 300


@case
def fill(path):
    os.setxattr(path, "trusted.big", bytes(range(256)) * 256)
    for number in range(COUNT):
        os.setxattr(path, f"trusted.name.{number:0100d}", b"%d" % number)


@case
def filled(path):
    equal(get(path, "trusted.big"), bytes(range(256)) * 256, "value of 64 KiB")
    equal(get(path, "trusted.big", 0), 65536, "its size")
    equal(get(path, "trusted.big", 65535), "ERANGE", "with less room")
    names = [name for name in list_names(path) if name.startswith(b"trusted.name.")]
    equal(len(names), COUNT, "names")
    equal(names[-1], b"trusted.name.%0100d" % (COUNT - 1), "last name")
    equal(list_names(path, 1000), "ERANGE", "names with less room")
    for number in range(COUNT):
        equal(get(path, f"trusted.name.{number:0100d}"), b"%d" % number, "value")


@case
def too_big(path):
    equal(put(path, "trusted.big", b"x" * 65537), "E2BIG", "a value of 64 KiB and a byte")
    equal(put(path, "trusted." + "x" * 248, b"x"), "ERANGE", "a name of 256 bytes")


@case
def links(directory):
    os.chdir(directory)
    equal(get("link", "trusted.of"), b"link", "the link's attribute")
    equal(put("link", "trusted.of", b"link changed"), "success", "setting it")
    equal(get("link", "trusted.of"), b"link changed", "the link's attribute")
    equal(os.getxattr("link", "trusted.of"), b"target", "the target's attribute")
    equal(put("link", "trusted.new", b"new"), "success", "setting another")
    equal(put("link", "user.x", b"y"), "EPERM", "a user attribute of a link")
    equal(list_names("target"), [b"", b"trusted.of"], "names of the target")
    os.setxattr("link", "trusted.of", b"target changed")
    links_changed(".")


@case
def links_changed(directory):
    os.chdir(directory)
    equal(get("link", "trusted.of"), b"link changed", "the link's attribute")
    equal(get("target", "trusted.of"), b"target changed", "the target's attribute")
    equal(list_names("link"), [b"", b"trusted.new", b"trusted.of"], "names of the link")


# ---- names that are kept from containers ----


@case
def private(directory, *names):
    os.chdir(directory)
    for path in ("file", "own"):
        equal(list_names(path), [b"", b"user.shown"], f"names of {path}")
        for name in names:
            equal(get(path, name), "ENODATA", f"getting {name}")
            equal(put(path, name, b"x"), "EPERM", f"setting {name}")
            equal(put(path, name, b"x", os.XATTR_CREATE), "EPERM", f"creating {name}")
            equal(remove(path, name) in ("EPERM", "ENODATA"), True, f"removing {name} fails")
        for name in ("trusted.overlay.x", "user.overlay.x", "trusted.overlay.opaque"):
            equal(get(path, name), "ENODATA", f"getting {name}")
            equal(remove(path, name), "ENODATA", f"removing {name}")
        equal(list_names(path), [b"", b"user.shown"], f"names of {path} afterwards")


SIMILAR = [
    "user.overlay",
    "user.overlayx",
    "user.laminate",
    "user.lamina",
    "trusted.lamina",
    "user.fuseoverlayfs",
    "user.containers.x",
    "user.containers.override",
    "trusted.overlayfs.x",
    "security.overlay.x",
]


@case
def similar(path):
    for name in SIMILAR:
        os.setxattr(path, name, name.encode())
    equal(list_names(path), sorted([b""] + [name.encode() for name in SIMILAR]), "names")
    for name in SIMILAR:
        equal(get(path, name), name.encode(), f"value of {name}")


@case
def escaped(path):
    equal(get(path, "trusted.overlay.x"), "ENODATA", "overlayfs' own attribute")
    equal(get(path, "trusted.overlay.y"), b"inner", "an attribute of one level")
    equal(get(path, "user.overlay.overlay.z"), b"innermost", "an attribute of two levels")
    equal(
        list_names(path),
        [b"", b"trusted.overlay.y", b"user.overlay.overlay.z"],
        "names at first",
    )
    os.setxattr(path, "trusted.overlay.opaque", b"y")
    os.setxattr(path, "user.overlay.redirect", b"/elsewhere")
    equal(get(path, "trusted.overlay.opaque"), b"y", "what was set")
    os.removexattr(path, "trusted.overlay.y")
    equal(remove(path, "trusted.overlay.y"), "ENODATA", "removing it twice")
    fails(errno.EEXIST, os.setxattr, path, "trusted.overlay.opaque", b"y", os.XATTR_CREATE)
    long = "trusted.overlay." + "x" * 239
    equal(put(path, long, b"y"), "ENOTSUP", "a name too long to store, as on overlayfs")
    equal(get(path, long), "ENOTSUP", "getting it")
    equal(
        list_names(path),
        [b"", b"trusted.overlay.opaque", b"user.overlay.overlay.z", b"user.overlay.redirect"],
        "names",
    )


@case
def escaped_shown(path):
    """overlayfs knows the one namespace that it was mounted for."""
    names = [name for name in list_names(path) if name.startswith(b"trusted.overlay")]
    equal(names, [b"trusted.overlay.opaque"], "names")
    equal(get(path, "trusted.overlay.opaque"), b"y", "value")


@case
def escaped_on_disk(path):
    equal(get(path, "trusted.overlay.overlay.opaque"), b"y", "value on disk")
    equal(get(path, "user.overlay.overlay.redirect"), b"/elsewhere", "value on disk")
    equal(get(path, "trusted.overlay.x"), "ENODATA", "overlayfs' own attribute of the lower file")
    equal(get(path, "trusted.overlay.opaque"), "ENODATA", "overlayfs' own attribute")


@case
def make_overlay_layers(directory):
    """Two layers as overlayfs would unpack them in a container: an opaque directory, whiteouts in
    the form that can be made anywhere, a redirect."""
    for path in ("top/opaque", "top/whiteouts", "top/redirected", "low/opaque", "low/whiteouts"):
        os.makedirs(f"{directory}/{path}")
    os.makedirs(f"{directory}/low/elsewhere")
    for path in ("opaque/hidden", "whiteouts/hidden", "whiteouts/shown", "elsewhere/moved"):
        write_file(f"{directory}/low/{path}", b"low")
    os.setxattr(f"{directory}/top/opaque", "trusted.overlay.opaque", b"y")
    os.setxattr(f"{directory}/top/whiteouts", "trusted.overlay.opaque", b"x")
    write_file(f"{directory}/top/whiteouts/hidden")
    os.setxattr(f"{directory}/top/whiteouts/hidden", "trusted.overlay.whiteout", b"y")
    os.setxattr(f"{directory}/top/redirected", "trusted.overlay.redirect", b"/elsewhere")


# ---- options ----


@case
def none(path):
    equal(get(path, "user.x"), "ENOTSUP", "getting an attribute")
    equal(put(path, "user.x", b"z"), "ENOTSUP", "setting an attribute")
    equal(remove(path, "user.x"), "ENOTSUP", "removing an attribute")
    equal(list_names(path) in ("ENOTSUP", [b""]), True, "no names are listed")


@case
def read_only(path):
    equal(put(path, "user.x", b"z"), "EROFS", "setting an attribute")
    equal(remove(path, "user.x"), "EROFS", "removing an attribute")
    equal(get(path, "user.x"), b"y", "the attribute afterwards")


if __name__ == "__main__":
    main()
