# SPDX-License-Identifier: GPL-2.0-or-later
"""The figures of `make bench-vm` that are about writing: each round begins with an empty upper."""

import os
import shutil
import subprocess

DRIVERS = ["overlay", "fuse-overlayfs", "view+overlay"]
SMALL = 100  # files of 4 KiB
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
TREE = ["driver", "kernel"]  # of the checkout: some 350 files


class Uppers:
    """Two lower layers, and what mounts them with an upper on MNT."""

    def __init__(self, run, build, scene, mnt):
        self.run, self.build, self.mnt = run, build, mnt
        self.place = f"{scene}/writing"
        shutil.rmtree(self.place, ignore_errors=True)
        os.makedirs(mnt, exist_ok=True)
        base, top = f"{self.place}/base", f"{self.place}/top"
        os.makedirs(f"{base}/small")
        os.makedirs(f"{top}/small")
        for i in range(SMALL):
            with open(f"{base}/small/n{i}", "wb") as file:
                file.write(os.urandom(4096))
        with open(f"{base}/big", "wb") as file:
            for _ in range(100):
                file.write(os.urandom(1 << 20))
        self.lower = f"{top}:{base}"
        self.archive = f"{self.place}/tree.tar"
        run("tar", "-cf", self.archive, "-C", ROOT, *TREE)

    def debian(self):
        """The lower layers of an image, with a package in them."""
        debian, package = f"{self.place}/debian", f"{self.place}/package"
        os.makedirs(f"{debian}/debs")
        self.run("tar", "-C", debian, "-xf", f"{self.build}/bpf-tests/image/1.tar")
        os.makedirs(f"{package}/DEBIAN")
        with open(f"{package}/DEBIAN/control", "w", encoding="utf-8") as control:
            control.write("Package: example\nVersion: 1\nArchitecture: all\n"
                          "Maintainer: x <x@localhost>\nDescription: sources\n")
        self.run("tar", "-C", package, "-xf", self.archive)
        self.run("dpkg-deb", "--root-owner-group", "-b", package, f"{debian}/debs/example.deb")
        return debian

    def mount(self, driver):
        for name in "upper", "work":
            shutil.rmtree(f"{self.place}/{name}", ignore_errors=True)
            os.makedirs(f"{self.place}/{name}")
        options = f"lowerdir={self.lower},upperdir={self.place}/upper,workdir={self.place}/work"
        if driver == "overlay":
            self.run("mount", "-t", "overlay", "overlay", "-o", options, self.mnt)
        elif driver == "fuse-overlayfs":
            self.run("fuse-overlayfs", "-o", options, self.mnt)
        else:
            self.run(f"{self.build}/bin/lamina-mount", "-o", f"engine=bpf,{options}", self.mnt)

    def unmount(self):
        self.run("umount", self.mnt)
        # What served it may still be at its end.
        while any(subprocess.run(["pgrep", "-x", name], stdout=subprocess.DEVNULL,
                                 check=False).returncode == 0
                  for name in ("lamina-mount", "fuse-overlayfs")):
            pass

    def benches(self):
        """Name, what is changed, and for some what is done before the clock starts."""
        mnt = self.mnt
        unpack = ["tar", "-xf", self.archive, "-C", f"{mnt}/made"]
        yield "create", ["create", f"{mnt}/made", "2000"], None
        yield "unlink", ["unlink", f"{mnt}/made", "2000"], None
        yield "rename", ["rename", f"{mnt}/made", "2000"], None
        yield "mkdir", ["mkdir", f"{mnt}/made", "1000"], None
        yield "4k write", ["write", f"{mnt}/made/file"], None
        yield "4k write and fsync", ["fsync", f"{mnt}/made/file"], None
        yield "sequential write, 128k", ["stream", f"{mnt}/made/file"], None
        yield "copy-up, 4 KiB", ["copy-up", f"{mnt}/small", str(SMALL)], None
        yield "copy-up, 100 MiB", ["append", f"{mnt}/big"], None
        yield "untar", ["run", *unpack], None
        made = [f"{mnt}/made/{name}" for name in TREE]
        yield "delete a tree", ["run", "rm", "-r", *made], unpack
        self.lower = self.debian()
        yield "dpkg -i", ["run", "chroot", mnt, "dpkg", "-i", "/debs/example.deb"], None

    def measure(self, driver, words, before):
        self.mount(driver)
        os.mkdir(f"{self.mnt}/made")
        if before:
            self.run(*before)
        self.run("sync")
        said = self.run(f"{self.build}/bench-vm-changes", *words)
        self.unmount()
        return float(said.split()[-1])  # behind what was run had to say
