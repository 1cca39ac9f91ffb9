#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What happens in the VM while its plug is pulled.

power.py fill LOWER ROUNDS          the layer: what the workers of each round change
power.py work MNT ROUND SEED        change it, until the plug is pulled; each change that was synced
                                    is told on standard output
power.py check MNT TOLD             what was told is there, and nothing else is half done

Each object is changed once, so it either is what it was, or what it was to become; where the change
is not one step, as far as it had come. TOLD has what all rounds so far told, a line "ROUND/WORKER/NAME
CHANGE" each."""

import multiprocessing
import os
import random
import shutil
import stat
import sys

WORKERS, FILES, DIRS = 3, 60, 20
TREE = ("a", "b", "sub/c")
MORE = b"appended\n"
PROBLEMS = []


def content(path, word="lower"):
    line = f"{word} {path}\n".encode()
    return line * (sum(path.encode()) * 37 % 900)


def home(number, worker):
    return f"{number}/{worker}"


def path_in_layer(path):
    """A directory that moved took its files along: these have the content that belongs to the old name."""
    return path.replace(".moved/", "/")


def write(path, data, flags=os.O_CREAT | os.O_EXCL):
    fd = os.open(path, os.O_WRONLY | flags, 0o644)
    try:
        os.write(fd, data)
        os.fsync(fd)
    finally:
        os.close(fd)


def sync(path):
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def fill(lower, rounds):
    for number in range(rounds):
        for worker in range(WORKERS):
            base = home(number, worker)
            names = [f"f{i}" for i in range(FILES)]
            names += [f"d{i}/{name}" for i in range(DIRS) for name in TREE]
            for name in names:
                path = f"{base}/{name}"
                os.makedirs(os.path.dirname(f"{lower}/{path}"), exist_ok=True)
                with open(f"{lower}/{path}", "wb") as file:
                    file.write(content(path))


# ---- changes, of a file or of a directory; what each may leave is below ----


def append(path, _):
    write(path, MORE, os.O_APPEND)


def chmod(path, _):
    os.chmod(path, 0o600)
    sync(path)


def remove(path, _):
    os.unlink(path)
    sync(os.path.dirname(path))


def replace(path, name):
    write(path + ".new", content(name, "replaced"))
    os.rename(path + ".new", path)
    sync(os.path.dirname(path))


def create(path, name):
    write(path, content(name, "new"))
    sync(os.path.dirname(path))


def clear(path, _):
    shutil.rmtree(path)
    sync(os.path.dirname(path))


def remake(path, name):
    shutil.rmtree(path)
    os.mkdir(path)
    create(path + "/new", name + "/new")
    sync(os.path.dirname(path))


def move(path, _):
    os.rename(path, path + ".moved")
    sync(os.path.dirname(path))


OF_FILES = (append, chmod, remove, replace)
OF_DIRS = (clear, remake, move)
CHANGES = {change.__name__: change for change in (*OF_FILES, *OF_DIRS, create)}


def change_for(name):
    """Of each object just one thing is done, and the check knows which."""
    index = int(name[1:])
    if name[0] == "f":
        return OF_FILES[index % len(OF_FILES)]
    if name[0] == "d":
        return OF_DIRS[index % len(OF_DIRS)]
    return create


def worker_main(mnt, number, worker, seed):
    rng = random.Random(f"{seed} {worker}")
    names = [f"f{i}" for i in range(FILES)] + [f"d{i}" for i in range(DIRS)]
    rng.shuffle(names)
    made = 0
    while True:
        if names and rng.random() < 0.7:
            name = names.pop()
        else:
            name = f"n{made}"
            made += 1
        path = f"{home(number, worker)}/{name}"
        change = change_for(name)
        change(f"{mnt}/{path}", path)
        os.write(1, f"{path} {change.__name__}\n".encode())


def work(mnt, number, seed):
    workers = [
        multiprocessing.Process(target=worker_main, args=(mnt, number, i, seed))
        for i in range(WORKERS)
    ]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    sys.exit("the workers have ended by themselves")


# ---- the check ----


def problem(path, what):
    PROBLEMS.append(path)
    print(f"{path}: {what}")


def read(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except (FileNotFoundError, NotADirectoryError):
        return None


def check_file(mnt, path, told):
    """A file that was in the layer."""
    data, old = read(f"{mnt}/{path}"), content(path)
    change = change_for(os.path.basename(path))
    if change is append:
        fine = data == old + MORE or (not told and data == old)
    elif change is chmod:
        mode = stat.S_IMODE(os.stat(f"{mnt}/{path}").st_mode)
        fine = data == old and (mode == 0o600 or (not told and mode == 0o644))
    elif change is remove:
        fine = data is None or (not told and data == old)
    else:
        fine = data == content(path, "replaced") or (not told and data == old)
    if not fine:
        problem(path, f"{change.__name__}, {'synced' if told else 'not synced'}: {len(data or b'')} bytes")


def tree_of(path):
    """The names of files in a directory; None if there is none."""
    if not os.path.isdir(path):
        return None
    return {
        os.path.relpath(os.path.join(at, name), path)
        for at, _, names in os.walk(path)
        for name in names
    }


def check_whole(mnt, path, names):
    for name in names:
        if read(f"{mnt}/{path}/{name}") != content(path_in_layer(f"{path}/{name}")):
            problem(f"{path}/{name}", "is not what the layer has")


def check_dir(mnt, path, told):
    """A directory that was in the layer."""
    change = change_for(os.path.basename(path))
    here, moved = tree_of(f"{mnt}/{path}"), tree_of(f"{mnt}/{path}.moved")
    if change is move:
        if (here is None) == (moved is None) or (told and moved is None):
            problem(path, "has not moved as a whole")
        elif (moved if here is None else here) != set(TREE):
            problem(path, "some of it is missing after it moved")
        else:
            check_whole(mnt, path if moved is None else path + ".moved", TREE)
    elif change is clear:
        if told and here is not None:
            problem(path, "is still there")
        check_whole(mnt, path, here or ())
    else:
        if told and here != {"new"}:
            problem(path, f"was made again, and has {here}")
        if told and read(f"{mnt}/{path}/new") != content(path + "/new", "new"):
            problem(path, "what was made in it is not what was synced")
        check_whole(mnt, path, (here or set()) - {"new"})


def check(mnt, told):
    for number in sorted(os.listdir(mnt), key=int):
        for worker in range(WORKERS):
            base = home(int(number), worker)
            for i in range(FILES):
                check_file(mnt, f"{base}/f{i}", f"{base}/f{i}" in told)
            for i in range(DIRS):
                check_dir(mnt, f"{base}/d{i}", f"{base}/d{i}" in told)
            for name in os.listdir(f"{mnt}/{base}"):
                data = read(f"{mnt}/{base}/{name}") if name[0] == "n" else None
                if data and not content(f"{base}/{name}", "new").startswith(data.rstrip(b"\0")):
                    problem(f"{base}/{name}", "holds what nobody has written")
    for path, change in told.items():
        if change == "create" and read(f"{mnt}/{path}") != content(path, "new"):
            problem(path, "was synced, and is not what was written")


def told_by(file):
    """The last line of a round may have been cut off."""
    with open(file, encoding="ascii") as lines:
        words = [line.split() for line in lines if line.endswith("\n")]
    return {line[0]: line[1] for line in words if len(line) == 2 and line[1] in CHANGES}


def main():
    verb, at, *words = sys.argv[1:]
    if verb == "fill":
        fill(at, int(words[0]))
    elif verb == "work":
        work(at, int(words[0]), words[1])
    else:
        told = told_by(words[0])
        check(at, told)
        print(f"{len(told)} changes were synced, {len(PROBLEMS)} problems")
        sys.exit(1 if PROBLEMS else 0)


if __name__ == "__main__":
    main()
