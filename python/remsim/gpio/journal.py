# SPDX-License-Identifier: GPL-2.0-or-later
"""Which pulses are under way, on RAM-backed disk: a pulse that a crash interrupted is ended at the
next start.

One small file per pulse in the run directory, written before the line is driven and removed after
it was let go. A reboot clears it together with the level it is about. Never written to flash.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass

from remsim.errors import ArgumentError, StorageError
from remsim.gpio.api import LineSpec, parse_line
from remsim.paths import Paths

DIRECTORY = "gpio-pulse"


@dataclass(frozen=True, slots=True)
class PulseMark:
    """`name` is the line's name in the configuration, `idle` the raw level it must return to."""

    name: str
    spec: LineSpec
    idle: int


class PulseJournal:
    def __init__(self, paths: Paths) -> None:
        self._directory = os.path.join(paths.run_dir, DIRECTORY)

    def begin(self, mark: PulseMark) -> None:
        """StorageError when the mark cannot be written: then there must be no pulse."""
        text = json.dumps({"spec": mark.spec.text, "idle": mark.idle})
        path = self._file(mark.name)
        try:
            os.makedirs(self._directory, mode=0o700, exist_ok=True)
            with open(path + ".new", "w", encoding="utf-8") as file:
                file.write(text)
            os.replace(path + ".new", path)
        except OSError as error:
            raise StorageError(path, error.strerror or str(error)) from error

    def end(self, name: str) -> None:
        try:
            os.unlink(self._file(name))
        except FileNotFoundError:
            return
        except OSError as error:
            raise StorageError(self._file(name), error.strerror or str(error)) from error

    def interrupted(self) -> tuple[PulseMark, ...]:
        """Marks left by a daemon that died; unreadable ones (cut short by a full disk) are left
        out.
        """
        try:
            names = sorted(os.listdir(self._directory))
        except OSError:
            return ()
        marks = (self._load(name) for name in names if not name.endswith(".new"))
        return tuple(mark for mark in marks if mark is not None)

    def _load(self, name: str) -> PulseMark | None:
        try:
            with open(self._file(name), encoding="utf-8") as file:
                fields = json.load(file)
            return PulseMark(name, parse_line(fields["spec"]), 1 if fields["idle"] else 0)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, ArgumentError):
            return None

    def _file(self, name: str) -> str:
        return os.path.join(self._directory, name)
