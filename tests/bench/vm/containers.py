# SPDX-License-Identifier: GPL-2.0-or-later
"""The figure of `make bench-vm` that is about containers: `podman run --rm IMAGE true`."""

import os
import shutil

HERE = os.path.dirname(os.path.abspath(__file__))
# As the demo names drivers, and as the other figures do.
DRIVERS = {"overlay": "overlay", "fuse-overlayfs": "fuse-overlayfs", "lamina:bpf": "view+overlay"}


def measure(run, build, rounds):
    """Nanoseconds, as {driver: [one for each round]}."""
    folder = "/scratch/c"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(f"{build}/bench-vm-image", f"{folder}/image")
    results = {}
    for line in run(f"{HERE}/../containers", folder, str(rounds), *DRIVERS).splitlines():
        driver, seconds = line.split()
        results.setdefault(DRIVERS[driver], []).append(float(seconds) * 1e9)
    return results
