# SPDX-License-Identifier: GPL-2.0-or-later
"""What the Python cases share: each case is a function; its name and arguments come from argv."""
import sys


def main(cases):
    name, args = sys.argv[1], sys.argv[2:]
    cases[name](*args)


def equal(actual, expected, what):
    if actual != expected:
        sys.exit(f"{what}: expected {expected!r}, got {actual!r}")
