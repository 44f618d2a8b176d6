# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab's SIMtrace2 board, plugged in: its endpoints as connections to a socket, for the drop-in
`usb`. A transfer is a packet; the first packet of a connection names the endpoint. What nobody
reads waits in the board, as in the firmware's buffers.
"""

from __future__ import annotations

import contextlib
import fcntl
import queue
import socket
import termios
import threading
from collections.abc import Callable
from pathlib import Path

from remsim_lab.rspro.cardem import Cardem

OUT, DATA_IN, STATUS_IN = 0x01, 0x82, 0x83
LARGEST_TRANSFER = 4096


class _Pipe(queue.Queue[bytes]):
    """An IN endpoint: handed to whoever is connected, else kept."""

    def __init__(self) -> None:
        super().__init__()
        self._handing = threading.Lock()
        self._sock: socket.socket | None = None

    def put(self, item: bytes, block: bool = True, timeout: float | None = None) -> None:
        with self._handing:
            super().put(item)
            self._hand_over()

    def connect(self, sock: socket.socket) -> None:
        with self._handing:
            self._sock = sock
            self._hand_over()

    @property
    def is_drained(self) -> bool:
        """Whoever is connected has taken everything."""
        with self._handing:
            if self._sock is None or self._sock.fileno() < 0:
                return True
            waiting = fcntl.ioctl(self._sock, termios.TIOCOUTQ, bytes(4))
            return not any(waiting)

    def _hand_over(self) -> None:
        while self._sock is not None and not self.empty():
            try:
                self._sock.send(self.queue[0])
            except OSError:
                self._sock = None
                return
            self.get_nowait()


class PluggedBoard:
    """`cardem` is its first slot. Connections come from one program at a time."""

    def __init__(self, path: Path) -> None:
        self.cardem = Cardem()
        self._pipes = {DATA_IN: _Pipe(), STATUS_IN: _Pipe()}
        self.cardem.bulk_in = self._pipes[DATA_IN]
        self.cardem.interrupt_in = self._pipes[STATUS_IN]
        self._path = path
        self._listener: socket.socket | None = None
        self._connections: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    def plug(self) -> None:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        listener.bind(str(self._path))
        listener.listen()
        self._listener = listener
        self._start(self._accept, listener)

    def unplug(self) -> None:
        """Whoever has it open is told that it is gone."""
        self._path.unlink(missing_ok=True)
        listener, self._listener = self._listener, None
        for sock in [listener, *self._connections]:
            if sock is not None:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
                sock.close()
        for thread in self._threads:
            thread.join()
        self._threads.clear()
        self._connections.clear()

    @property
    def is_drained(self) -> bool:
        """Nothing that was told to the host waits to be read."""
        return all(pipe.is_drained for pipe in self._pipes.values())

    def _start(self, call: Callable[[socket.socket], None], sock: socket.socket) -> None:
        thread = threading.Thread(target=call, args=(sock,), name="lab-usb", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            self._connections.append(sock)
            endpoint = sock.recv(1)
            if endpoint == bytes((OUT,)):
                self._start(self._take, sock)
            elif endpoint and endpoint[0] in self._pipes:
                self._pipes[endpoint[0]].connect(sock)

    def _take(self, sock: socket.socket) -> None:
        """Transfers from the host, until it goes."""
        while True:
            try:
                transfer = sock.recv(LARGEST_TRANSFER)
            except OSError:
                return
            if not transfer:
                return
            self.cardem.out(transfer)
