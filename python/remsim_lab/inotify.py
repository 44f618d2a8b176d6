# SPDX-License-Identifier: GPL-2.0-or-later
"""inotify(7) through ctypes: learn of a write within a millisecond, without polling. Linux only."""

from __future__ import annotations

import ctypes
import os
import select
import struct
from collections.abc import Iterator

# Bits of <sys/inotify.h>.
IN_MODIFY = 0x002
IN_CREATE = 0x100

_EVENT = struct.Struct("iIII")  # wd, mask, cookie, length of the name that follows
_READ_BYTES = 64 * 1024


class Inotify:
    """Watches files; `wait` yields the paths that were written to."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor = -1
        self._paths: dict[int, str] = {}

    def open(self) -> None:
        self._descriptor = self._checked(
            self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC), "inotify_init1"
        )

    def close(self) -> None:
        os.close(self._descriptor)
        self._descriptor = -1

    def watch(self, path: str, mask: int = IN_MODIFY) -> None:
        """Watching the same file again is harmless."""
        number = self._libc.inotify_add_watch(self._descriptor, os.fsencode(path), mask)
        self._paths[self._checked(number, path)] = path

    def wait(self, timeout_s: float) -> Iterator[str]:
        """Paths written to, in order; consecutive equal events are merged by the kernel."""
        if not select.select([self._descriptor], [], [], timeout_s)[0]:
            return
        data = os.read(self._descriptor, _READ_BYTES)
        place = 0
        while place < len(data):
            number, _, _, length = _EVENT.unpack_from(data, place)
            place += _EVENT.size + length
            if number in self._paths:
                yield self._paths[number]

    @staticmethod
    def _checked(result: int, what: str) -> int:
        if result < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), what)
        return result
