# SPDX-License-Identifier: GPL-2.0-or-later
"""Cases of the files on podman: what the layers of images hold, and an image of many."""

import hashlib
import io
import json
import os
import stat
import tarfile

from lib import case, equal, holds, main

OPAQUE, WHITEOUT = ".wh..wh..opq", ".wh."
XATTR = "SCHILY.xattr."


class Entry:
    """One entry of a layer, by all that a layer says of it."""

    def __init__(self, tar, member, start):
        self.kind = member.type
        self.target = member.linkname
        self.what = {
            "type": member.type,
            "mode": stat.S_IMODE(member.mode),  # some writers add the type
            "owner": (member.uid, member.gid),
            "size": member.size,
            "device": (member.devmajor, member.devminor),
            "xattrs": {
                name[len(XATTR) :]: value
                for name, value in member.pax_headers.items()
                if name.startswith(XATTR)
            },
        }
        # What was written while the image was built has the time of that, on each driver its own.
        # That of symbolic links does not count: overlayfs cannot rename directories, and busybox's
        # mv, which copies them instead, cannot keep it.
        self.mtime = float(member.mtime) if member.mtime < start and not member.issym() else "new"
        if member.isreg():
            self.what["content"] = hashlib.sha256(tar.extractfile(member).read()).hexdigest()

    def exact(self):
        return {**self.what, "link": self.target, "mtime": self.mtime}

    def shown(self):
        """What a container sees; a directory's time is not in every layer that changes it."""
        seen = dict(self.what)
        if self.kind == tarfile.SYMTYPE:
            seen["link"] = self.target
        if self.kind != tarfile.DIRTYPE:
            seen["mtime"] = self.mtime
        return seen


def read_layers(archive, start):
    """The layers of an image, bottom first, each a dictionary in the order of its entries."""
    with tarfile.open(archive) as image:
        for name in json.load(image.extractfile("manifest.json"))[0]["Layers"]:
            with tarfile.open(fileobj=image.extractfile(name)) as layer:
                entries = {}
                for member in layer:
                    path = os.path.normpath(member.name)
                    holds(path not in entries, f"{path} is once in its layer")
                    entries[path] = Entry(layer, member, float(start))
                yield entries


def differences(ours, theirs):
    """Only what differs: the whole would not be readable."""
    return {
        path: (ours.get(path), theirs.get(path))
        for path in sorted(set(ours) | set(theirs))
        if ours.get(path) != theirs.get(path)
    }


@case
def same_layers(ours, theirs, start, count):
    """Entry by entry, and in the same order."""
    ours, theirs = list(read_layers(ours, start)), list(read_layers(theirs, start))
    equal((len(ours), len(theirs)), (int(count), int(count)), "layers")
    for number, (one, other) in enumerate(zip(ours, theirs)):
        wrong = differences(
            {path: entry.exact() for path, entry in one.items()},
            {path: entry.exact() for path, entry in other.items()},
        )
        equal(wrong, {}, f"layer {number}: path to (ours, overlayfs')")
        equal(list(one), list(other), f"order in layer {number}")


def drop_below(tree, path):
    for name in [name for name in tree if name.startswith(f"{path}/")]:
        del tree[name]


def add_layer(tree, layer):
    """The tree after one more layer."""
    for path in layer:
        parent, name = os.path.split(path)
        if name == OPAQUE:
            drop_below(tree, parent)
        elif name.startswith(WHITEOUT):
            victim = os.path.join(parent, name[len(WHITEOUT) :])
            tree.pop(victim, None)
            drop_below(tree, victim)
    for path, entry in layer.items():
        if os.path.basename(path).startswith(WHITEOUT):
            continue
        if entry.kind != tarfile.DIRTYPE:
            drop_below(tree, path)
        linked = entry.kind == tarfile.LNKTYPE
        tree[path] = tree[os.path.normpath(entry.target)] if linked else entry.shown()


@case
def same_trees(ours, theirs, start):
    """Layers that say it in other words, but after each of which the tree is the same."""
    ours, theirs = list(read_layers(ours, start)), list(read_layers(theirs, start))
    equal(len(ours), len(theirs), "layers")
    one, other = {}, {}
    for number, (our_layer, their_layer) in enumerate(zip(ours, theirs)):
        add_layer(one, our_layer)
        add_layer(other, their_layer)
        equal(differences(one, other), {}, f"tree after layer {number}: path to (ours, overlayfs')")


# ---- the layers are the ones that the test is about ----


def find(layers, path):
    """The entry in the topmost layer that has it."""
    for layer in reversed(layers):
        if path in layer:
            return layer[path]
    return None


@case
def built(archive):
    layers = list(read_layers(archive, 0))
    for number, path in [
        (2, "base/dir/.wh.f1"),
        (2, "base/.wh.gone"),
        (2, "base/.wh.linked.2"),
        (3, "base/dir/.wh.sub"),
        (4, "base/.wh.tree"),
        (4, "base/moved/a/b/c"),
        (7, "base/again/a/new"),
        (7, "base/.wh.moved"),
    ]:
        holds(path in layers[number], f"{path} is in layer {number}: {sorted(layers[number])}")
    equal(find(layers, "base/swap-file").kind, tarfile.DIRTYPE, "what was a file")
    equal(find(layers, "base/swap-dir").kind, tarfile.REGTYPE, "what was a directory")
    equal(find(layers, "new/link.2").kind, tarfile.LNKTYPE, "a hard link")
    equal(find(layers, "new/link.2").target, "new/a/b/link.3", "its target")
    equal(find(layers, "new/symlink").target, "elsewhere", "a symbolic link")
    equal(find(layers, "new/fifo").kind, tarfile.FIFOTYPE, "a fifo")
    equal(find(layers, "new/setuid").what["mode"], 0o6755, "mode of a set-id program")
    equal(find(layers, "new/sticky").what["mode"], 0o1777, "mode of a directory")
    equal(find(layers, "new/owned").what["owner"], (123456, 7), "owner")
    equal(find(layers, "new/attr").what["xattrs"].get("user.demo"), "value", "attribute")
    holds("security.capability" in find(layers, "new/capable").what["xattrs"], "a capability")
    holds("security.capability" in find(layers, "base/capable").what["xattrs"], "one kept")


def put(tar, name, data=b"", kind=tarfile.REGTYPE):
    member = tarfile.TarInfo(name)
    member.type, member.size, member.mode = kind, len(data), 0o755
    tar.addfile(member, io.BytesIO(data))


def layer_number(number):
    """Each adds a name, replaces what the one before has written, takes away a name of the one before
    that, and makes what was a file a directory, and a directory a file."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        put(tar, "many", kind=tarfile.DIRTYPE)
        put(tar, f"many/{number}", b"%d\n" % number)
        put(tar, "many/top", b"top %d\n" % number)
        put(tar, f"many/{WHITEOUT}{number - 2}")
        put(tar, "many/swap", kind=(tarfile.REGTYPE, tarfile.DIRTYPE)[number % 2])
    return data.getvalue()


@case
def image_of(base, archive, count):
    """An image of so many layers, the lowest of which is `base`."""
    with open(base, "rb") as file:
        layers = [file.read()]
    layers += [layer_number(number) for number in range(1, int(count))]
    config = {
        "architecture": os.uname().machine.replace("x86_64", "amd64").replace("aarch64", "arm64"),
        "os": "linux",
        "config": {"Env": ["PATH=/bin"]},
        "rootfs": {
            "type": "layers",
            "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest() for layer in layers],
        },
    }
    names = [f"{number}.tar" for number in range(len(layers))]
    manifest = [{"Config": "config.json", "RepoTags": ["localhost/many:latest"], "Layers": names}]
    with tarfile.open(archive, "w") as image:
        for name, layer in zip(names, layers):
            put(image, name, layer)
        put(image, "config.json", json.dumps(config).encode())
        put(image, "manifest.json", json.dumps(manifest).encode())


if __name__ == "__main__":
    main()
