# SPDX-License-Identifier: GPL-2.0-or-later
"""The socket that python-ubus opened: found, so that a thread can wait for it without slices.

The binding neither tells its descriptor nor can be woken inside `loop()`. Whoever waits for the
socket itself and then calls `loop(0)` is told of a call, and of the end of ubusd, at once. Where
the socket cannot be found (no /proc, another path) the caller has to fall back on short loops.
"""

from __future__ import annotations

import os
import socket


def descriptors() -> set[int]:
    """What is open; the listing's own descriptor is closed by then and left out."""
    return {
        fd for fd in map(int, os.listdir("/proc/self/fd")) if os.path.exists(f"/proc/self/fd/{fd}")
    }


def socket_among(candidates: set[int], path: str) -> int | None:
    """The descriptor that is connected to `path`, under whatever name ubusd gave the file."""
    wanted = os.path.realpath(path)
    for fd in sorted(candidates):
        try:
            with socket.socket(fileno=os.dup(fd)) as sock:
                if sock.family is socket.AF_UNIX and _peer(sock) == wanted:
                    return fd
        except OSError:
            continue  # no socket, not connected, or closed since
    return None


def is_hung_up(fd: int) -> bool:
    """The other end closed: nothing to read, and never will be."""
    try:
        with socket.socket(fileno=os.dup(fd)) as sock:
            return sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def _peer(sock: socket.socket) -> str | None:
    """None for an abstract or nameless one."""
    name = sock.getpeername()
    return os.path.realpath(name) if isinstance(name, str) and name else None
