# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab's board: GPIO lines as files below the lab root, and somebody who watches them.

Two kinds, as on a router: lines that the device tree exports (/sys/class/gpio/<name>/) and chips
with a character device (/dev/gpiochipN, used through the `gpiod` stand-in). Every change of a level
is recorded with its time and handed to the callback, within about a millisecond; the simulated
modems hang on it.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from remsim_lab.gpiochip import ChipDeclaration, ChipFiles, LineDeclaration, OnRelease
from remsim_lab.inotify import IN_CREATE, IN_MODIFY, Inotify

CLASS_DIRECTORY = "sys/class/gpio"

# How often lines of dead processes are looked for: the kernel does it at once.
SWEEP_S = 0.1

# A keeper answers at once; one that does not is stuck and is left to whoever ends the lab's
# processes.
KEEPER_LIMIT_S = 2.0


@dataclass(frozen=True, slots=True)
class Edge:
    """`at` is monotonic seconds, `level` the raw level after the edge."""

    at: float
    name: str
    level: int


class Board:
    """Lines by name. `on_edge(name, level)` is called on the board's thread."""

    def __init__(self, root: str, on_edge: Callable[[str, int], None] | None = None) -> None:
        self._root = root
        self._on_edge = on_edge
        self._exports: dict[str, int] = {}  # name: last raw level
        self._chips: dict[str, ChipFiles] = {}
        self._edges_seen: dict[str, int] = {}
        self._edges: list[Edge] = []
        self._writes = 0
        self._lock = threading.Lock()
        self._inotify = Inotify()
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()

    def add_export(
        self, name: str, level: int = 0, direction: str = "out", active_low: int = 0
    ) -> str:
        """A line that the board's device tree exports. Returns its directory. `level` is raw."""
        directory = os.path.join(self._root, CLASS_DIRECTORY, name)
        os.makedirs(directory, exist_ok=True)
        for attribute, text in (
            ("value", str(level ^ active_low)),
            ("direction", direction),
            ("active_low", str(active_low)),
        ):
            _write(os.path.join(directory, attribute), text + "\n")
        self._exports[name] = level
        if self._thread is not None:
            self._watch_export(name)
        return directory

    def add_chip(
        self,
        index: int,
        lines: tuple[LineDeclaration, ...],
        label: str = "lab-gpio",
        on_release: OnRelease = OnRelease.KEEP,
    ) -> ChipFiles:
        """A chip with a character device."""
        chip = ChipFiles(os.path.join(self._root, "dev", f"gpiochip{index}"))
        chip.create(ChipDeclaration(label, lines, on_release))
        self._chips[chip.name] = chip
        self._edges_seen[chip.name] = 0
        if self._thread is not None:
            self._inotify.watch(os.path.join(chip.path, "edges"))
        return chip

    def number_chip(self, base: int, lines: int, label: str, chip_name: str | None = None) -> None:
        """What sysfs tells of a chip's global numbers; exporting by number works from then on."""
        directory = os.path.join(self._root, CLASS_DIRECTORY, f"gpiochip{base}")
        os.makedirs(directory, exist_ok=True)
        for attribute, text in (("base", str(base)), ("ngpio", str(lines)), ("label", label)):
            _write(os.path.join(directory, attribute), text + "\n")
        if chip_name:
            os.makedirs(os.path.join(directory, "device", chip_name), exist_ok=True)
        export = os.path.join(self._root, CLASS_DIRECTORY, "export")
        if not os.path.exists(export):
            _write(export, "")
        if self._thread is not None:
            self._inotify.watch(export)

    def start(self) -> None:
        """Watch from now on: every later edge is seen, however soon it comes."""
        self._inotify.open()
        os.makedirs(os.path.join(self._root, CLASS_DIRECTORY), exist_ok=True)
        for name in self._exports:
            self._watch_export(name)
        for chip in self._chips.values():
            self._inotify.watch(os.path.join(chip.path, "edges"))
            self._edges_seen[chip.name] = len(chip.edges())
        export = os.path.join(self._root, CLASS_DIRECTORY, "export")
        if os.path.exists(export):
            self._inotify.watch(export, IN_MODIFY | IN_CREATE)
        self._thread = threading.Thread(target=self._run, name="lab-gpio", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """No more watching. A line keeper that a daemon started below this root ends as well."""
        _end_keeper(self._root)
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
            self._inotify.close()

    @property
    def edges(self) -> tuple[Edge, ...]:
        """Every edge since `start`, oldest first."""
        with self._lock:
            return tuple(self._edges)

    @property
    def writes(self) -> int:
        """How often an exported line's files were written, equal levels included."""
        with self._lock:
            return self._writes

    def level(self, name: str) -> int:
        """Raw level of an exported line, or of a chip's line by name or "gpiochip0:20"."""
        if name in self._exports:
            level = self._export_level(name)
            return self._exports[name] if level is None else level
        chip, offset = self._chip_line(name)
        return chip.pin(offset).raw

    def drive(self, name: str, level: int) -> None:
        """Somebody else changes the level: a person, another program, a glitch."""
        if name in self._exports:
            directory = os.path.join(self._root, CLASS_DIRECTORY, name)
            inverted = _read(os.path.join(directory, "active_low")) == "1"
            _write(os.path.join(directory, "value"), f"{level ^ inverted}\n")
            return
        chip, offset = self._chip_line(name)
        chip.set_pin(offset, type(chip.pin(offset))(chip.pin(offset).is_output, level))

    def _run(self) -> None:
        while not self._stopping.is_set():
            for path in self._inotify.wait(SWEEP_S):
                self._written(path)
            self._sweep()

    def _written(self, path: str) -> None:
        directory, attribute = os.path.split(path)
        if attribute == "edges":
            self._read_chip_edges(self._chips[os.path.basename(directory)])
        elif attribute == "export":
            self._export_number(_read(path))
        else:
            with self._lock:
                self._writes += 1
            if attribute == "direction":
                _settle_direction(directory)
            self._read_export(os.path.basename(directory))

    def _read_export(self, name: str) -> None:
        level = self._export_level(name)
        if level is None or level == self._exports[name]:
            return
        self._exports[name] = level
        self._record(Edge(time.monotonic(), name, level))

    def _export_level(self, name: str) -> int | None:
        """None in the moment between a shell's truncation and its write, and of a removed line."""
        directory = os.path.join(self._root, CLASS_DIRECTORY, name)
        try:
            value = _read(os.path.join(directory, "value"))
        except FileNotFoundError:
            return None
        inverted = _read(os.path.join(directory, "active_low")) == "1"
        return int(value) ^ inverted if value in ("0", "1") else None

    def _read_chip_edges(self, chip: ChipFiles) -> None:
        edges = chip.edges()
        names = chip.declaration().lines
        fresh = edges[self._edges_seen[chip.name] :]
        self._edges_seen[chip.name] = len(edges)
        for at, offset, level in fresh:
            self._record(Edge(at, names[offset].name or f"{chip.name}:{offset}", level))

    def _record(self, edge: Edge) -> None:
        with self._lock:
            self._edges.append(edge)
        if self._on_edge is not None:
            self._on_edge(edge.name, edge.level)

    def _export_number(self, text: str) -> None:
        if text.isdecimal() and f"gpio{text}" not in self._exports:
            self.add_export(f"gpio{text}", direction="in")

    def _sweep(self) -> None:
        """The kernel's part when a process dies: its lines are released."""
        for chip in self._chips.values():
            declaration = chip.declaration()
            if declaration.on_release is OnRelease.KEEP:
                continue
            for offset in range(len(declaration.lines)):
                if chip.was_abandoned(offset):
                    chip.fall_back(offset)
                    chip.mark_released(offset)

    def _chip_line(self, name: str) -> tuple[ChipFiles, int]:
        for chip in self._chips.values():
            for offset, line in enumerate(chip.declaration().lines):
                if name in (line.name, f"{chip.name}:{offset}"):
                    return chip, offset
        raise KeyError(name)

    def _watch_export(self, name: str) -> None:
        for attribute in ("value", "direction"):
            self._inotify.watch(os.path.join(self._root, CLASS_DIRECTORY, name, attribute))


def _end_keeper(root: str) -> None:
    """A router's keeper lives until the power goes; the lab's must not outlive its board."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as link:
        link.settimeout(KEEPER_LIMIT_S)
        try:
            link.connect(os.path.join(root, "var/run/remsim/gpio.sock"))
            link.send(b'{"do":"quit"}')
            link.recv(4096)
        except OSError:
            return  # there is none


def _settle_direction(directory: str) -> None:
    """The kernel turns "high" and "low" into an output at that raw level."""
    path = os.path.join(directory, "direction")
    word = _read(path) if os.path.exists(path) else ""
    if word not in ("high", "low"):
        return
    value = os.path.join(directory, "value")
    if os.stat(value).st_mtime_ns <= os.stat(path).st_mtime_ns:
        inverted = _read(os.path.join(directory, "active_low")) == "1"
        _write(value, f"{int(word == 'high') ^ inverted}\n")
    _write(path, "out\n")


def _read(path: str) -> str:
    with open(path, encoding="ascii") as file:
        return file.read().strip()


def _write(path: str, text: str) -> None:
    """In place and in one write: a reader sees the old text or the new one."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, text.encode("ascii"))
        os.ftruncate(descriptor, len(text))
    finally:
        os.close(descriptor)
