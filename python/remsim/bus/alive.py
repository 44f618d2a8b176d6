# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether ubusd answers, asked beside python-ubus, whose own waits have no limit.

A stopped ubusd (debugger, out of memory, a full disk below it) still has its connections accepted
by the kernel. libubus then waits for a greeting, or for the receipt of an event, for ever and with
the interpreter lock held. Source: libubus, `ubus_connect()` and `ubus_send_event()`; measured.
"""

from __future__ import annotations

import socket

LIMIT_S = 1.0  # a loaded router's ubusd greets in milliseconds


def is_silent(path: str) -> bool:
    """Somebody listens at `path` and sends no greeting within LIMIT_S.

    False also where nobody listens: that the binding tells by itself, at once.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(LIMIT_S)
        try:
            sock.connect(path)
            sock.recv(1)
        except (TimeoutError, BlockingIOError):  # the latter: its queue of connections is full
            return True
        except OSError:
            return False
    return False
