# SPDX-License-Identifier: GPL-2.0-or-later
"""The figures of `make bench-vm` that are about policies: what a bound process does in a view without
the filter for policies, with it and no policy in force, with one of 10 rules, and with one of 10,000."""

import json
import os
import shutil
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from policies import INSIDE, rules

# How many rules are in force; None where nothing asks for any.
DRIVERS = {"view+overlay": None, "no policy": 0, "10 rules": 10, "10,000 rules": 10000}
LAYERS = 5
DIRS = 100  # those that half of the rules are about
NAMES = 50  # in each


class Policies:
    """Layers with the directories that the rules name, and what mounts them on MNT."""

    def __init__(self, run, build, scene, mnt):
        self.run, self.build, self.mnt = run, build, mnt
        self.place = f"{scene}/policies"
        shutil.rmtree(self.place, ignore_errors=True)
        os.makedirs(mnt, exist_ok=True)
        self.lowers = ":".join(self.make_layer(layer) for layer in reversed(range(LAYERS)))
        for count in filter(None, DRIVERS.values()):
            with open(f"{self.place}/{count}.json", "w", encoding="utf-8") as file:
                json.dump(rules(count), file)

    def make_layer(self, layer):
        path = f"{self.place}/{layer}"
        for i in range(DIRS):
            os.makedirs(f"{path}/small/{i}")
            for name in range(layer, NAMES, LAYERS):
                with open(f"{path}/small/{i}/n{name}", "wb") as file:
                    file.write(b"x" * 100)
        return path

    def mount(self, driver):
        options, count = f"lowerdir={self.lowers}", DRIVERS[driver]
        if count is None:
            self.run(f"{self.build}/bin/lamina", "mount", "--engine", "bpf", "-o",
                     f"{options},filter=overlay", self.mnt)
            return
        policy = f",policy={self.place}/{count}.json" if count else ",policies"
        self.run(f"{self.build}/bin/lamina-mount", "-o", f"engine=bpf,{options}{policy}", self.mnt)

    def benches(self):
        """Name, and what the probe does."""
        some = f"{self.mnt}/small/7"
        yield "warm stat", ["stat", some, "n", str(NAMES)]
        yield "open and close", ["open", f"{some}/n7"]
        yield "find, cold", ["find", f"{self.mnt}/small"]
        yield "look a name up, cold", ["lookup", some, "n", str(NAMES)]
        yield "a name that is not there", ["miss", some, "absent", str(NAMES)]

    def measure(self, driver, words, rounds):
        self.mount(driver)
        figures = [float(self.run(*INSIDE, f"{self.build}/bench-vm-probe", *words))
                   for _ in range(rounds)]
        self.run("umount", self.mnt)
        return figures
