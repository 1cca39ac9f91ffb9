# SPDX-License-Identifier: GPL-2.0-or-later
"""Cases of 020-daemon.bats."""

import os
import subprocess

from lib import case, equal, holds, main, names_of, patience, read_file


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
