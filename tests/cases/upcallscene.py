# SPDX-License-Identifier: GPL-2.0-or-later
"""The server of upcalls on a socket, upcalls as the kernel writes them, and what is found on disk."""

import ctypes
import errno
import os
import socket
import stat
import struct
import subprocess

from lib import AT_FDCWD, check, libc

COPY_UP, WHITEOUT, MAKE, RENAME, JOIN = range(1, 6)
DIR = 1
AGAIN = 1 << 63  # FUSE_UNIQUE_RESEND
OPCODE = 0x4C41
ANSWERS = {1: "DONE", 2: "RETRY"}


def request(kind, path, unique, flags=0, size=(1 << 63) - 1, layer=1, mode=0, rdev=0, uid=0, gid=0,
            umask=0, text=b"", again=False, lengths=None):
    """The bytes of an upcall. `lengths` may lie."""
    path = os.fsencode(path) + b"\0"
    text = text + b"\0" if text else b""
    path_len, text_len = lengths or (len(path), len(text))
    body = struct.pack("<IIQQ", kind, flags, size, 0)
    body += struct.pack("<9I", layer, mode, rdev, uid, gid, umask, os.getpid(), path_len, text_len)
    body += bytes(12) + path + text
    header = struct.pack("<IIQQIIII", 40 + len(body), OPCODE, unique | (AGAIN if again else 0), 0, 0,
                         0, os.getpid(), 0)
    return header + body


class Server:
    """A server over lower (or others), upper and work; `prefix` goes before its command line."""

    def __init__(self, lowers="lower", upper="upper", work="work", idmap=None, prefix=()):
        self.socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        words = [*prefix, f"{os.environ['LAMINA_TOOLS']}/upcalld", str(theirs.fileno()), lowers,
                 upper, work]
        self.process = subprocess.Popen(words + ([idmap] if idmap else []),
                                        pass_fds=(theirs.fileno(),))
        theirs.close()
        self.unique = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Let it end by itself; returns its exit status."""
        self.socket.close()
        return self.process.wait()

    def send_raw(self, data):
        self.socket.send(data)

    def send(self, kind, path, **options):
        self.unique += 2
        self.send_raw(request(kind, path, self.unique, **options))
        return self.unique

    def receive(self):
        """The next answer: which upcall, and what it says. (None, "dead") when the server is."""
        try:
            data = self.socket.recv(4096)
        except ConnectionResetError:
            data = b""
        if not data:
            return None, "dead"
        _, error, unique = struct.unpack_from("<IiQ", data)
        if error:
            return unique & ~AGAIN, errno.errorcode[-error]
        return unique & ~AGAIN, ANSWERS[struct.unpack_from("<I", data, 16)[0]]

    def ask(self, kind, path, **options):
        try:
            self.send(kind, path, **options)
        except (BrokenPipeError, ConnectionResetError):
            return "dead"
        return self.receive()[1]


# ---- what lies in the upper ----


def is_whiteout(path):
    st = os.lstat(path)
    return stat.S_ISCHR(st.st_mode) and st.st_rdev == 0


def is_opaque(path):
    return os.getxattr(path, "trusted.overlay.opaque") == b"y"


def origin_of(path):
    """[INO, OWNER] or [INO, OWNER, NLINK, KEY] of a copy."""
    words = os.getxattr(path, "trusted.lamina.origin", follow_symlinks=False).decode().split()
    return [int(word) for word in words[:3]] + words[3:]


def key_of(lower):
    """The name in the index of a lower file, by its handle."""
    handle = ctypes.create_string_buffer(8 + 128)  # its size, its type, and room
    size = ctypes.c_uint.from_buffer(handle)
    size.value = 128
    mount = ctypes.c_int()
    check(libc.name_to_handle_at(AT_FDCWD, os.fsencode(lower), handle, ctypes.byref(mount), 0))
    kind = ctypes.c_int.from_buffer(handle, 4).value
    return f"0-{kind:x}-{handle.raw[8 : 8 + size.value].hex()}"


def index_of(lower):
    """(links of the copy or None, names counted) of a lower file; nothing may be pending."""
    key = key_of(lower)
    index = "work/lamina-index"
    left = [n for n in os.listdir(index) if n.startswith(key) and n not in (key, f"{key}.n")]
    if left:
        return left
    links = os.lstat(f"{index}/{key}").st_nlink if os.path.lexists(f"{index}/{key}") else None
    count = int(os.readlink(f"{index}/{key}.n")) if os.path.lexists(f"{index}/{key}.n") else 0
    return links, count
