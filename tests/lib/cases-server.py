#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""cases-server.py SOCKET: runs cases of tests/cases, each in a process forked off, for who asks by
tests/tools/runcase. Starting Python takes longer than most cases do. It leaves when its parent does,
or when the socket is removed."""

# pylint: disable=unused-import
import ctypes
import errno
import fcntl
import mmap
import multiprocessing
import os
import random
import selectors
import signal
import socket
import stat
import struct
import subprocess
import sys
import threading
import time

CASES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cases")
sys.path.insert(0, CASES)
sys.dont_write_bytecode = True

import lib  # noqa: E402  pylint: disable=wrong-import-position

PROGRAMS = {}


def program(name):
    """The code of a file of cases, compiled once."""
    if name not in PROGRAMS:
        path = os.path.join(CASES, os.path.basename(name) + ".py")
        with open(path, encoding="utf-8") as file:
            PROGRAMS[name] = compile(file.read(), path, "exec")
    return PROGRAMS[name]


def receive(connection):
    """A request: standard streams and working directory as fds, then words that end with a NUL: the
    umask, the number of arguments, these, and the environment."""
    data, fds, _, _ = socket.recv_fds(connection, 1 << 16, 4)
    while not data.endswith(b"\0\0"):
        more = connection.recv(1 << 16)
        if not more:
            raise EOFError
        data += more
    words = [os.fsdecode(word) for word in data[:-2].split(b"\0")]
    count = int(words[1])
    return fds, int(words[0], 8), words[2 : 2 + count], words[2 + count :]


def become(fds, mask, environment):
    for number in range(3):
        os.dup2(fds[number], number)
    os.fchdir(fds[3])
    for fd in fds:
        os.close(fd)
    os.umask(mask)
    os.environ.clear()
    for word in environment:
        name, _, value = word.partition("=")
        os.environ[name] = value
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    sys.stdout, sys.stderr = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", closefd=False)
    random.seed()


def run(name, arguments):
    """In the child: as python3 would run it. Returns the exit status."""
    sys.argv = [name, *arguments]
    module = type(sys)("__main__")
    module.__file__ = os.path.join(CASES, name + ".py")
    sys.modules["__main__"] = module
    try:
        exec(program(name), module.__dict__)  # pylint: disable=exec-used
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        return 1 if isinstance(end.code, str) else int(end.code or 0)
    except BaseException:  # pylint: disable=broad-except
        sys.excepthook(*sys.exc_info())
        return 1
    return 0


def serve(listener, children):
    connection, _ = listener.accept()
    try:
        fds, mask, words, environment = receive(connection)
        program(words[0])
    except (EOFError, OSError, SyntaxError) as error:
        connection.sendall(b"127\0")
        print(error, file=sys.stderr)
        return
    child = os.fork()
    if child == 0:
        listener.close()
        connection.close()
        become(fds, mask, environment)
        status = run(words[0], words[1:])
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    for fd in fds:
        os.close(fd)
    children[child] = connection


def reap(children):
    while children:
        child, status = os.waitpid(-1, os.WNOHANG)
        if child == 0:
            return
        connection = children.pop(child, None)
        if connection:
            code = os.waitstatus_to_exitcode(status)
            try:
                connection.sendall(b"%d\0" % (code if code >= 0 else 128 - code))
            except OSError:
                pass
            connection.close()


def main():
    path, parent = sys.argv[1], os.getppid()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(16)
    wake, woken = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(woken)
    children = {}
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ)
    selector.register(wake, selectors.EVENT_READ)
    while os.path.exists(path) and os.getppid() == parent:
        for key, _ in selector.select(timeout=5):
            if key.fd == wake:
                os.read(wake, 4096)
            else:
                serve(listener, children)
        reap(children)


if __name__ == "__main__":
    assert (ctypes, errno, fcntl, mmap, multiprocessing, stat, struct, subprocess, threading, time, lib)
    main()
