# SPDX-License-Identifier: GPL-2.0-or-later
"""Stand-in for libgpiod 2's Python module `gpiod`, over the lab's chip files.

Names, arguments and exceptions are those of gpiod 2.x (PyPI `gpiod`), as far as levels and
directions go; edge events need a kernel and are refused with ENOSYS. A `/dev/gpiochipN` of the lab
is a directory (`remsim_lab.gpiochip`).
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType

from remsim_lab.gpiochip import ChipFiles, PinState

from . import line
from .line import Bias, Clock, Direction, Drive, Edge, Value

__version__ = "2.2.0"
api_version = "2.2.0"

Key = int | str


class ChipClosedError(Exception):
    def __init__(self) -> None:
        super().__init__("I/O operation on closed chip")


class RequestReleasedError(Exception):
    def __init__(self) -> None:
        super().__init__("GPIO lines have been released")


@dataclass
class LineSettings:
    direction: Direction = Direction.AS_IS
    edge_detection: Edge = Edge.NONE
    bias: Bias = Bias.AS_IS
    drive: Drive = Drive.PUSH_PULL
    active_low: bool = False
    debounce_period: timedelta = timedelta()
    event_clock: Clock = Clock.MONOTONIC
    output_value: Value = Value.INACTIVE


@dataclass(frozen=True)
class ChipInfo:
    name: str
    label: str
    num_lines: int


@dataclass(frozen=True)
class LineInfo:
    offset: int
    name: str
    used: bool
    consumer: str
    direction: Direction
    active_low: bool = False
    bias: Bias = Bias.UNKNOWN
    drive: Drive = Drive.PUSH_PULL
    edge_detection: Edge = Edge.NONE
    event_clock: Clock = Clock.MONOTONIC
    debounced: bool = False
    debounce_period: timedelta = timedelta()


Config = dict[Iterable[Key] | Key, LineSettings | None]


class LineRequest:
    """Made by `Chip.request_lines`."""

    def __init__(
        self, files: ChipFiles, lines: dict[Key, int], settings: dict[int, LineSettings]
    ) -> None:
        self._files = files
        self._lines = list(lines)
        self._names = {name: offset for name, offset in lines.items() if isinstance(name, str)}
        self._settings = settings
        self._descriptors: dict[int, int] = {}

    def __bool__(self) -> bool:
        return bool(self._descriptors)

    def __enter__(self) -> LineRequest:
        self._check_released()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()

    def release(self) -> None:
        for offset, descriptor in self._descriptors.items():
            self._files.fall_back(offset)
            self._files.mark_released(offset)
            os.close(descriptor)
        self._descriptors = {}

    def get_value(self, line: Key) -> Value:
        return self.get_values([line])[0]

    def get_values(self, lines: Iterable[Key] | None = None) -> list[Value]:
        self._check_released()
        return [self._get(self._offset(line)) for line in lines or self._lines]

    def set_value(self, line: Key, value: Value) -> None:
        self.set_values({line: value})

    def set_values(self, values: dict[Key, Value]) -> None:
        self._check_released()
        for key, value in values.items():
            offset = self._offset(key)
            if not self._files.pin(offset).is_output:
                raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
            self._put(offset, value)

    def reconfigure_lines(self, config: Config) -> None:
        self._check_released()
        wanted = {self._offset(line): settings for line, settings in _each(config)}
        for offset in self._descriptors:
            self._apply(offset, wanted.get(offset) or LineSettings())

    def wait_edge_events(self, timeout: timedelta | float | None = None) -> bool:
        raise OSError(errno.ENOSYS, "the lab has no edge events")

    def read_edge_events(self, max_events: int | None = None) -> list[object]:
        raise OSError(errno.ENOSYS, "the lab has no edge events")

    def fileno(self) -> int:
        return self.fd

    @property
    def chip_name(self) -> str:
        self._check_released()
        return self._files.name

    @property
    def num_lines(self) -> int:
        self._check_released()
        return len(self._descriptors)

    @property
    def offsets(self) -> list[int]:
        self._check_released()
        return list(self._descriptors)

    @property
    def lines(self) -> list[Key]:
        self._check_released()
        return self._lines

    @property
    def fd(self) -> int:
        self._check_released()
        return next(iter(self._descriptors.values()))

    def _acquire(self, consumer: str) -> None:
        declared = self._files.declaration().lines
        try:
            for offset in self._settings:
                if declared[offset].kernel_consumer:
                    raise BlockingIOError
                self._descriptors[offset] = self._files.acquire(offset, consumer)
        except BlockingIOError:
            for descriptor in self._descriptors.values():
                os.close(descriptor)
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY)) from None
        for offset, settings in self._settings.items():
            self._apply(offset, settings)

    def _apply(self, offset: int, settings: LineSettings) -> None:
        self._settings[offset] = settings
        if settings.edge_detection is not Edge.NONE:
            raise OSError(errno.ENOSYS, "the lab has no edge events")
        if settings.direction is Direction.OUTPUT:
            self._put(offset, settings.output_value)
        elif settings.direction is Direction.INPUT:
            self._files.set_pin(offset, PinState(False, self._files.pin(offset).raw))

    def _get(self, offset: int) -> Value:
        return Value(self._files.pin(offset).raw ^ self._settings[offset].active_low)

    def _put(self, offset: int, value: Value) -> None:
        raw = value.value ^ self._settings[offset].active_low
        self._files.set_pin(offset, PinState(True, raw))

    def _offset(self, line: Key) -> int:
        if isinstance(line, int):
            return line
        if line not in self._names:
            raise ValueError(f"unknown line name: {line}")
        return self._names[line]

    def _check_released(self) -> None:
        if not self._descriptors:
            raise RequestReleasedError()


class Chip:
    def __init__(self, path: str) -> None:
        if not os.path.exists(path):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        if not is_gpiochip_device(path):
            raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))
        self._files: ChipFiles | None = ChipFiles(path)

    def __bool__(self) -> bool:
        return self._files is not None

    def __enter__(self) -> Chip:
        self._open_files()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._files = None

    def get_info(self) -> ChipInfo:
        files = self._open_files()
        declaration = files.declaration()
        return ChipInfo(files.name, declaration.label, len(declaration.lines))

    def line_offset_from_id(self, id: Key) -> int:
        lines = self._open_files().declaration().lines
        if isinstance(id, str):
            for offset, declared in enumerate(lines):
                if declared.name == id:
                    return offset
            if not id.isdecimal():
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        if int(id) >= len(lines):
            raise ValueError("line offset of out range")
        return int(id)

    def get_line_info(self, line: Key) -> LineInfo:
        files = self._open_files()
        offset = self.line_offset_from_id(line)
        consumer = files.consumer(offset)
        return LineInfo(
            offset,
            files.declaration().lines[offset].name,
            consumer is not None,
            consumer or "",
            Direction.OUTPUT if files.pin(offset).is_output else Direction.INPUT,
        )

    def request_lines(
        self,
        config: Config,
        consumer: str | None = None,
        event_buffer_size: int | None = None,
        output_values: dict[Key, Value] | None = None,
    ) -> LineRequest:
        lines: dict[Key, int] = {}
        settings: dict[int, LineSettings] = {}
        for key, wanted in _each(config):
            offset = self.line_offset_from_id(key)
            if offset in settings:
                raise ValueError(f"line must be configured exactly once - offset {offset} repeats")
            lines[key] = offset
            settings[offset] = wanted or LineSettings()
        for key, value in (output_values or {}).items():
            settings[self.line_offset_from_id(key)].output_value = value
        request = LineRequest(self._open_files(), lines, settings)
        request._acquire(consumer or "?")
        return request

    def fileno(self) -> int:
        raise OSError(errno.ENOSYS, "the lab's chip is no device")

    @property
    def path(self) -> str:
        return self._open_files().path

    def _open_files(self) -> ChipFiles:
        if self._files is None:
            raise ChipClosedError()
        return self._files


def request_lines(
    path: str,
    config: Config,
    consumer: str | None = None,
    event_buffer_size: int | None = None,
    output_values: dict[Key, Value] | None = None,
) -> LineRequest:
    with Chip(path) as chip:
        return chip.request_lines(config, consumer, event_buffer_size, output_values)


def is_gpiochip_device(path: str) -> bool:
    return os.path.isfile(os.path.join(path, "chip.json"))


def _each(config: Config) -> Iterator[tuple[Key, LineSettings | None]]:
    for key, settings in config.items():
        if isinstance(key, int | str):
            yield key, settings
        else:
            for part in key:
                yield part, settings


__all__ = [
    "Chip",
    "ChipClosedError",
    "ChipInfo",
    "LineInfo",
    "LineRequest",
    "LineSettings",
    "RequestReleasedError",
    "api_version",
    "is_gpiochip_device",
    "line",
    "request_lines",
]
