# SPDX-License-Identifier: GPL-2.0-or-later
"""The line keeper: a small process of its own that holds the character device's lines.

The kernel may let a line fall back once its request is closed, so whoever requests a line must live
longer than a restart, crash or upgrade of the daemon. The daemon starts the keeper when it first
needs such a line and finds it again later; the keeper loads all its code at start, decides nothing,
and never changes a level by itself but to end a reset pulse whose daemon has died.

    python3 -m remsim.gpio.keeper ROOT READY_FD     (started by remsim.gpio.kept)
"""

from __future__ import annotations

import errno
import os
import selectors
import socket
import sys
import time
from collections.abc import Iterator
from typing import cast

from remsim.errors import ArgumentError
from remsim.gpio import chardev
from remsim.gpio.api import parse_line
from remsim.gpio.wire import (
    PACKET_BYTES,
    SOCKET_NAME,
    Reply,
    Request,
    decode_request,
    encode,
)
from remsim.paths import Paths

PID_NAME = "gpio.pid"  # in the run directory

# Clients at once: the daemon, a second one during a restart, and a person's test program.
MAX_CLIENTS = 4


class Keeper:
    """The lines and what is asked of them. `now` is monotonic seconds."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._lines: dict[str, chardev.ChardevLine] = {}
        self._ways_back: dict[str, tuple[float, int]] = {}  # line: (moment, raw level)
        self.is_over = False

    def answer(self, packet: bytes, now: float) -> bytes:
        try:
            return encode(self._carry_out(decode_request(packet), now))
        except chardev.LineRefused as refused:
            return encode(
                Reply(error=refused.strerror, errno=refused.errno, consumer=refused.consumer)
            )
        except OSError as error:
            return encode(Reply(error=error.strerror or str(error), errno=error.errno))
        except (ValueError, ArgumentError) as error:
            return encode(Reply(error=f"not a request: {error}", errno=errno.EINVAL))

    def next_way_back(self) -> float | None:
        return min((moment for moment, _ in self._ways_back.values()), default=None)

    def end_pulses(self, now: float) -> None:
        """Lines whose daemon did not come back in time return to their idle level."""
        due = [name for name, (moment, _) in self._ways_back.items() if moment <= now]
        for name in due:
            _, level = self._ways_back.pop(name)
            self._lines[name].write(level)

    def release(self) -> None:
        for line in self._lines.values():
            line.release()
        self._lines.clear()
        self._ways_back.clear()

    def _carry_out(self, request: Request, now: float) -> Reply:
        if request.do == "hold" and request.spec is not None:
            return self._seen(self._hold(request.spec))
        if request.do == "quit":
            self.is_over = True
            return Reply()
        name = request.line or ""
        line = self._lines.get(name)
        if line is None:
            raise OSError(errno.ENODEV, f"{name} is not held")
        if request.do == "drop":
            self._ways_back.pop(name, None)
            self._lines.pop(name).release()
            return Reply(line=name)
        if request.do == "write" and request.level in (0, 1):
            self._write(name, request.level, request.back_ms, now)
        elif request.do != "read":
            raise ValueError(request.do)
        return self._seen(line)

    def _hold(self, spec: str) -> chardev.ChardevLine:
        place = chardev.find_place(self._paths, parse_line(spec))
        if place.text not in self._lines:
            self._lines[place.text] = chardev.request(self._paths, place)
        return self._lines[place.text]

    def _write(self, name: str, level: int, back_ms: int | None, now: float) -> None:
        self._ways_back.pop(name, None)
        if back_ms is not None:
            self._ways_back[name] = (now + back_ms / 1000, 1 - level)
        self._lines[name].write(level)

    @staticmethod
    def _seen(line: chardev.ChardevLine) -> Reply:
        return Reply(line.place.text, line.read(), line.is_output)


class Server:
    """Serves one keeper on a Unix socket until it is told to quit."""

    def __init__(self, keeper: Keeper, listener: socket.socket) -> None:
        self._keeper = keeper
        self._listener = listener
        self._selector = selectors.DefaultSelector()

    def run(self) -> None:
        self._selector.register(self._listener, selectors.EVENT_READ)
        while not self._keeper.is_over:
            for ready in self._wait():
                if ready is self._listener:
                    self._accept()
                else:
                    self._serve(ready)
            self._keeper.end_pulses(time.monotonic())

    def _wait(self) -> Iterator[socket.socket]:
        moment = self._keeper.next_way_back()
        timeout_s = None if moment is None else max(0.0, moment - time.monotonic())
        for key, _ in self._selector.select(timeout_s):
            yield cast(socket.socket, key.fileobj)

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        if len(self._selector.get_map()) > MAX_CLIENTS:
            client.close()
            return
        client.setblocking(False)
        self._selector.register(client, selectors.EVENT_READ)

    def _serve(self, client: socket.socket) -> None:
        try:
            packet = client.recv(PACKET_BYTES)
            if packet:
                client.send(self._keeper.answer(packet, time.monotonic()))
                return
        except OSError:  # the client died or does not read; the lines stay as they are
            packet = b""
        self._selector.unregister(client)
        client.close()


def listen(paths: Paths) -> socket.socket:
    """The socket, for root only. OSError (EADDRINUSE) while another keeper serves it."""
    path = os.path.join(paths.run_dir, SOCKET_NAME)
    _remove_stale(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    mask = os.umask(0o177)
    try:
        listener.bind(path)
    finally:
        os.umask(mask)
    listener.listen(MAX_CLIENTS)
    return listener


def _remove_stale(path: str) -> None:
    """Away with the socket file of a keeper that died; one that is served stays."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as probe:
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
        except FileNotFoundError:
            return


def _write_pid(paths: Paths) -> None:
    """For the removal of the package, which ends us by a signal (postrm has no Python to ask
    us)."""
    with open(os.path.join(paths.run_dir, PID_NAME), "w", encoding="ascii") as file:
        file.write(f"{os.getpid()}\n")


def main(arguments: list[str]) -> int:
    """`arguments`: root directory, descriptor on which one byte says that the socket answers."""
    paths = Paths(arguments[0])
    ready_fd = int(arguments[1])
    if not chardev.IS_VERSION_2:
        os.write(ready_fd, b"1")
        return 1
    listener = listen(paths)
    _write_pid(paths)
    os.write(ready_fd, b"k")
    os.close(ready_fd)
    keeper = Keeper(paths)
    Server(keeper, listener).run()
    for name in (SOCKET_NAME, PID_NAME):
        os.unlink(os.path.join(paths.run_dir, name))
    keeper.release()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
