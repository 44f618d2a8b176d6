# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the APDU cache keeps what it knows of each card: one small file per card, for root only.

Written by rename, in memory whenever something changed, in flash once a day at most. What is no
longer true is removed from both at once. Nothing here raises: a shelf that cannot be read or
written is an empty one, and says so once.
"""

from __future__ import annotations

import contextlib
import logging
import os

from remsim.clock import Clock

LOG = logging.getLogger(__name__)

MAX_CARDS = 4  # a router sees one card, or a few that its bank swaps
MAX_OCTETS = 256 * 1024  # a start-up's answers take some 20 KB


FLASH_PAUSE_S = 86_400.0
_WRITTEN = "flash-written"  # in memory: when flash was written since this boot, monotonic seconds


class FileShelf:
    """`remsim.card.cache_knowledge.Shelf` in a directory that is made when it is first needed."""

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._has_complained = False

    def has(self, atr: bytes) -> bool:
        return any(name.startswith(f"{atr.hex()}-") for name in self._names())

    def load(self, iccid: bytes, atr: bytes) -> str | None:
        try:
            with open(self._path(iccid, atr), encoding="ascii") as file:
                text = file.read(MAX_OCTETS + 1)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            self._complain(error)
            return None
        return text if len(text) <= MAX_OCTETS else None

    def keep(self, iccid: bytes, atr: bytes, text: str) -> None:
        path = self._path(iccid, atr)
        if len(text) > MAX_OCTETS:
            return
        try:
            os.makedirs(self._directory, mode=0o700, exist_ok=True)
            descriptor = os.open(f"{path}.new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with open(descriptor, "w", encoding="ascii") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.rename(f"{path}.new", path)
        except (OSError, ValueError) as error:
            self._complain(error)
            self._unlink(f"{os.path.basename(path)}.new")  # on a full disk each octet counts
        self._thin_out()

    def drop(self, iccid: bytes, atr: bytes) -> None:
        self._unlink(os.path.basename(self._path(iccid, atr)))

    # --- inside -----------------------------------------------------------------------------------

    def _path(self, iccid: bytes, atr: bytes) -> str:
        return os.path.join(self._directory, f"{atr.hex()}-{iccid.hex()}.json")

    def _names(self) -> list[str]:
        try:
            return [name for name in os.listdir(self._directory) if name.endswith(".json")]
        except OSError:
            return []  # not made yet

    def _thin_out(self) -> None:
        """The cards not seen for longest go."""
        dated = []
        for name in self._names():
            with contextlib.suppress(OSError):
                dated.append((os.stat(os.path.join(self._directory, name)).st_mtime, name))
        for _, name in sorted(dated)[:-MAX_CARDS]:
            self._unlink(name)

    def _unlink(self, name: str) -> None:
        try:
            os.unlink(os.path.join(self._directory, name))
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            self._complain(error)

    def _complain(self, error: Exception) -> None:
        LOG.log(logging.DEBUG if self._has_complained else logging.WARNING, "cache: %s", error)
        self._has_complained = True


class ThriftyShelf:
    """The directory `near` is in memory and lasts till the next boot, `far` is in flash."""

    def __init__(self, near: str, far: str, clock: Clock) -> None:
        self._near = FileShelf(near)
        self._far = FileShelf(far)
        self._mark = os.path.join(near, _WRITTEN)
        self._clock = clock

    def has(self, atr: bytes) -> bool:
        return self._near.has(atr) or self._far.has(atr)

    def load(self, iccid: bytes, atr: bytes) -> str | None:
        near = self._near.load(iccid, atr)
        return self._far.load(iccid, atr) if near is None else near

    def keep(self, iccid: bytes, atr: bytes, text: str) -> None:
        """A write that comes too soon for flash waits for the next one."""
        self._near.keep(iccid, atr, text)
        is_new = self._far.load(iccid, atr) != text
        if is_new and self._clock.monotonic() >= self._written_at() + FLASH_PAUSE_S:
            self._far.keep(iccid, atr, text)
            with contextlib.suppress(OSError), open(self._mark, "w", encoding="ascii") as file:
                file.write(f"{self._clock.monotonic():.0f}\n")

    def drop(self, iccid: bytes, atr: bytes) -> None:
        self._near.drop(iccid, atr)
        self._far.drop(iccid, atr)

    def _written_at(self) -> float:
        """Since this boot; long ago if not yet."""
        try:
            with open(self._mark, encoding="ascii") as file:
                return float(file.read(32))
        except (OSError, ValueError):
            return -FLASH_PAUSE_S
