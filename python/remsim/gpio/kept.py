# SPDX-License-Identifier: GPL-2.0-or-later
"""The daemon's side of the line keeper: finds it, starts it when there is none, and asks it for
lines.

Never opens a GPIO character device itself. A keeper that died is replaced and the lines are taken
again as they are; what they should carry is for the caller to say again (`LineHolder.check`).
"""

from __future__ import annotations

import errno
import importlib.util
import os
import selectors
import socket
import subprocess
import sys
import threading

import remsim
from remsim.clock import Clock
from remsim.errors import DeviceError, DeviceTimeout
from remsim.gpio.api import LineSpec
from remsim.gpio.wire import PACKET_BYTES, SOCKET_NAME, Reply, Request, decode_reply, encode
from remsim.paths import Paths

# Python and libgpiod load within 1 s on a 500 MHz router; beyond this the keeper is stuck.
START_LIMIT_S = 10.0

# After a keeper that would not start, the next try comes this much later: each costs a second of
# CPU.
START_RETRY_S = 60.0

# A line is read or written within microseconds; behind an I2C expander within milliseconds.
ANSWER_LIMIT_S = 2.0


class LineTaken(DeviceError):
    """Somebody else holds the line; `consumer` is the kernel's name for who, often the sysfs
    export's name.
    """

    def __init__(self, line: str, reason: str, consumer: str | None) -> None:
        super().__init__(line, reason)
        self.consumer = consumer


class NoChardev(DeviceError):
    """This system has no usable character device: no chip, or no libgpiod 2 for Python."""


class KeeperLink:
    """One connection, used by any thread."""

    def __init__(self, paths: Paths, clock: Clock) -> None:
        self._paths = paths
        self._clock = clock
        self._lock = threading.Lock()
        self._start_failure: tuple[float, DeviceError] | None = None  # (not again before, why)
        self._socket: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def hold(self, spec: LineSpec) -> KeptPin:
        """The line, held from now on. LineTaken, NoChardev, or DeviceError when there is no such
        line.
        """
        return KeptPin(self, spec, self.ask(spec.text, Request("hold", spec=spec.text)))

    def ask(self, line: str, request: Request) -> Reply:
        """The keeper's answer; its refusals as exceptions naming `line`."""
        with self._lock:
            reply = self._exchange(line, request)
        if reply.error is None:
            return reply
        if reply.errno == errno.EBUSY:
            raise LineTaken(line, reply.error, reply.consumer)
        if reply.errno == errno.ENODEV:
            raise _NotHeld(line, reply.error)
        raise DeviceError(line, reply.error)

    def dismiss(self) -> None:
        """All lines back to the kernel, the keeper ends. Only for release and removal, never for a
        restart.
        """
        with self._lock:
            try:
                self._connect()
                self._send(Request("quit"))
            except OSError:
                return  # there is none
            finally:
                self.close()
            if self._process is not None:
                self._process.wait(ANSWER_LIMIT_S)
                self._process = None

    def close(self) -> None:
        """The connection only; the keeper keeps the lines."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _exchange(self, line: str, request: Request) -> Reply:
        try:
            self._connect_or_start(line)
            try:
                return self._send(request)
            except (BrokenPipeError, ConnectionResetError, EOFError):
                self.close()
                self._connect_or_start(line)
                return self._send(request)
        except TimeoutError as error:
            self.close()
            raise DeviceTimeout(line, "the line keeper does not answer") from error
        except (OSError, EOFError, ValueError) as error:
            self.close()
            raise DeviceError(line, f"line keeper: {error}") from error

    def _send(self, request: Request) -> Reply:
        if self._socket is None:
            raise EOFError("not connected")
        self._socket.send(encode(request))
        packet = self._socket.recv(PACKET_BYTES)
        if not packet:
            raise EOFError("the line keeper ended")
        return decode_reply(packet)

    def _connect_or_start(self, line: str) -> None:
        try:
            self._connect()
        except (FileNotFoundError, ConnectionRefusedError):
            self._start(line)
            self._connect()

    def _connect(self) -> None:
        if self._socket is not None:
            return
        link = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        link.settimeout(ANSWER_LIMIT_S)
        try:
            link.connect(os.path.join(self._paths.run_dir, SOCKET_NAME))
        except OSError:
            link.close()
            raise
        self._socket = link

    def _start(self, line: str) -> None:
        """Start a keeper and wait until it answers. A failure is repeated without another try."""
        if self._start_failure and self._clock.monotonic() < self._start_failure[0]:
            raise self._start_failure[1]
        try:
            self._launch(line)
        except DeviceError as error:
            self._start_failure = (self._clock.monotonic() + START_RETRY_S, error)
            raise
        self._start_failure = None

    def _launch(self, line: str) -> None:
        if not has_chardev(self._paths):
            raise NoChardev(line, "no GPIO character device with libgpiod 2 on this system")
        os.makedirs(self._paths.run_dir, mode=0o700, exist_ok=True)
        ready, ready_fd = os.pipe()
        try:
            self._process = _spawn(self._paths, ready_fd)
        finally:
            os.close(ready_fd)
        try:
            _await_ready(line, ready)
        finally:
            os.close(ready)


class KeptPin:
    """A `Pin` held by the keeper."""

    ends_pulses = True

    def __init__(self, link: KeeperLink, spec: LineSpec, seen: Reply) -> None:
        self._link = link
        self._spec = spec
        self._seen = seen

    @property
    def where(self) -> str:
        return self._seen.line or self._spec.text

    @property
    def is_output(self) -> bool:
        return bool(self._seen.output)

    def read(self) -> int:
        self._ask(Request("read", line=self.where))
        if self._seen.level is None:
            raise DeviceError(self.where, "the line keeper gave no level")
        return self._seen.level

    def write(self, raw: int, back_after_ms: int | None = None) -> None:
        self._ask(Request("write", line=self.where, level=raw, back_ms=back_after_ms))

    def _ask(self, request: Request) -> None:
        try:
            self._seen = self._link.ask(self.where, request)
        except _NotHeld:  # the keeper is a new one
            self._link.ask(self.where, Request("hold", spec=self._spec.text))
            self._seen = self._link.ask(self.where, request)


class _NotHeld(DeviceError):
    """The keeper does not know the line: it was restarted."""


def has_chardev(paths: Paths) -> bool:
    """Whether it is worth starting a keeper: looks for a chip and for the module, loads neither."""
    try:
        chips = [name for name in os.listdir(paths.at("/dev")) if name.startswith("gpiochip")]
    except OSError:
        return False
    return bool(chips) and importlib.util.find_spec("gpiod") is not None


def _spawn(paths: Paths, ready_fd: int) -> subprocess.Popen[bytes]:
    """In a session of its own and without our terminal or log pipe, so that nothing ends it with
    the daemon.
    """
    library = os.path.dirname(os.path.dirname(os.path.abspath(remsim.__file__)))
    search = [library, *filter(None, [os.environ.get("PYTHONPATH")])]
    return subprocess.Popen(
        [sys.executable, "-m", "remsim.gpio.keeper", paths.root, str(ready_fd)],
        pass_fds=(ready_fd,),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd="/",
        env={**os.environ, "PYTHONPATH": os.pathsep.join(search)},
    )


def _await_ready(line: str, ready: int) -> None:
    with selectors.DefaultSelector() as selector:
        selector.register(ready, selectors.EVENT_READ)
        if not selector.select(START_LIMIT_S):
            raise DeviceTimeout(line, "the line keeper did not start in time")
    answer = os.read(ready, 1)
    if answer == b"1":
        raise NoChardev(line, "libgpiod 1 is installed, 2 is needed")
    if answer != b"k":
        raise DeviceError(line, "the line keeper ended at once")
