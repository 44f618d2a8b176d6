# SPDX-License-Identifier: GPL-2.0-or-later
"""A serial port through pyserial. The only importer of `serial`, and only when a port is opened.

Must never block longer than asked: reads and writes have their time, and output that a hung modem
does not take is thrown away before closing (the kernel would wait for it up to 30 s). Opening is
exclusive; a port that another program holds is not touched, and the program is named.
"""

from __future__ import annotations

import contextlib
import os
import select
import stat
import termios
from dataclasses import dataclass
from typing import TYPE_CHECKING

from remsim.errors import DeviceError, DeviceGone, DeviceTimeout

if TYPE_CHECKING:
    import serial

# Carries no meaning on a USB port, but must be set to something that every tty knows.
BAUD = 115200

# One read takes at most this much, bytes: the kernel's tty buffer is 4096.
READ_BYTES = 4096

# The kernel's, not a router file below an offline root: it tells of the processes that run now.
PROC = "/proc"


@dataclass(frozen=True, slots=True)
class Owner:
    """A process that has a port open."""

    pid: int
    name: str

    def __str__(self) -> str:
        return f"{self.name} (pid {self.pid})"


def owners_of(path: str, proc: str = PROC) -> tuple[Owner, ...]:
    """Who else has the device open, by device number;
    processes we may not look into are left out."""
    try:
        wanted = os.stat(path)
    except OSError:
        return ()
    if not stat.S_ISCHR(wanted.st_mode):
        return ()
    pids = sorted(int(name) for name in os.listdir(proc) if name.isdecimal())
    return tuple(
        Owner(pid, _name_of(proc, pid))
        for pid in pids
        if pid != os.getpid() and _has_open(f"{proc}/{pid}/fd", wanted.st_rdev)
    )


def _has_open(fd_dir: str, device: int) -> bool:
    try:
        fds = os.listdir(fd_dir)
    except OSError:
        return False
    return any(_device_of(f"{fd_dir}/{fd}") == device for fd in fds)


def _device_of(path: str) -> int | None:
    try:
        # A link to anything but /dev need not be followed: most descriptors are sockets and files.
        if not os.readlink(path).startswith("/dev/"):
            return None
        found = os.stat(path)
    except OSError:
        return None
    return found.st_rdev if stat.S_ISCHR(found.st_mode) else None


def _name_of(proc: str, pid: int) -> str:
    try:
        with open(f"{proc}/{pid}/comm", encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return "a process"


class SerialPort:
    """An open port. `device` is its name for people ("/dev/ttyUSB2"), `path` where it is."""

    def __init__(self, device: str, path: str) -> None:
        self.device = device
        self._path = path
        self._serial: serial.Serial | None = None

    def open(self) -> None:
        """DeviceGone if it is not there, DeviceError with the owner's name if it is taken."""
        if not os.path.exists(self._path):
            raise DeviceGone(self.device, "no such device")
        if owners := owners_of(self._path):
            raise DeviceError(self.device, f"in use by {', '.join(map(str, owners))}")
        import serial

        try:
            self._serial = serial.Serial(
                self._path, BAUD, timeout=0, write_timeout=0, exclusive=True
            )
            _keep_lines_on_close(self._serial.fileno())
        except (OSError, ValueError, termios.error) as error:
            self.close()
            raise self._opening_failed(error) from error

    def _opening_failed(self, error: Exception) -> DeviceError:
        if not os.path.exists(self._path):
            return DeviceGone(self.device, "vanished while it was opened")
        if owners := owners_of(self._path):
            return DeviceError(self.device, f"in use by {', '.join(map(str, owners))}")
        return DeviceError(self.device, f"cannot be opened: {error}")

    def read(self, timeout_s: float) -> bytes:
        """What came within `timeout_s`; empty when nothing did.
        DeviceGone when the port vanished."""
        port = self._opened()
        try:
            poll = select.poll()
            poll.register(port.fileno(), select.POLLIN)
            if not poll.poll(timeout_s * 1000):
                self._check_present()
                return b""
            data: bytes = port.read(READ_BYTES)
            return data
        except (OSError, TypeError) as error:
            raise DeviceGone(self.device, f"vanished: {error}") from error

    def write(self, data: bytes, timeout_s: float) -> None:
        """All of `data`, or DeviceTimeout; DeviceGone when the port vanished."""
        import serial

        port = self._opened()
        try:
            if port.write_timeout != timeout_s:
                port.write_timeout = timeout_s
            port.write(data)
        except serial.SerialTimeoutException as error:
            raise DeviceTimeout(self.device, f"takes no bytes within {timeout_s:g} s") from error
        except (OSError, TypeError) as error:
            raise DeviceGone(self.device, f"vanished: {error}") from error

    def close(self) -> None:
        """Never waits for output that nobody takes."""
        port, self._serial = self._serial, None
        if port is None:
            return
        # A vanished device fails at both, and is closed all the same.
        with contextlib.suppress(OSError, TypeError, termios.error):
            port.reset_output_buffer()
        with contextlib.suppress(OSError, termios.error):
            port.close()

    def _check_present(self) -> None:
        """A node that now leads elsewhere (re-enumeration) is not our port any more."""
        port = self._opened()
        try:
            ours, named = os.fstat(port.fileno()), os.stat(self._path)
        except OSError as error:
            raise DeviceGone(self.device, "vanished") from error
        if ours.st_rdev != named.st_rdev:
            raise DeviceGone(self.device, "now leads to another device")

    def _opened(self) -> serial.Serial:
        if self._serial is None:
            raise DeviceGone(self.device, "not open")
        return self._serial


def _keep_lines_on_close(fd: int) -> None:
    """A restart of the daemon must not look like a hang-up: DTR stays when the port is closed."""
    attributes = termios.tcgetattr(fd)
    attributes[2] &= ~termios.HUPCL
    termios.tcsetattr(fd, termios.TCSANOW, attributes)


def open_serial(device: str, path: str) -> SerialPort:
    port = SerialPort(device, path)
    port.open()
    return port
