# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab's ubusd: unix socket and connections around `bus.Bus`, usable by real libubus clients.

Like ubusd it disconnects a peer whose frame is over the limit, and keeps at most 1 MiB for a peer
that does not read; what comes after that is lost. File descriptors passed along are dropped. One
thread serves all, and must never block on one peer.

Source: ubus ubusd.c, ubusd_main.c.

    python -m remsim_lab.ubus.broker -s SOCKET
"""

from __future__ import annotations

import grp
import os
import pwd
import selectors
import signal
import socket
import struct
import sys
from collections import deque

from remsim_lab.ubus import wire
from remsim_lab.ubus.bus import Bus
from remsim_lab.ubus.peers import Credentials, Peer

# ubusd.h UBUS_CLIENT_MAX_TXQ_LEN: bytes kept for a peer that does not read.
QUEUE_MAX = wire.MESSAGE_MAX
READ_BYTES = 65536
BACKLOG = 128

_UCRED = struct.Struct("3i")  # pid, uid, gid (socket(7), SO_PEERCRED)


class Connection:
    """A socket and what could not be written to it yet."""

    __slots__ = ("closing", "frames", "peer", "queue", "queued_bytes", "sock")

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.frames = wire.FrameBuffer()
        self.queue: deque[bytes] = deque()
        self.queued_bytes = 0
        self.peer: Peer | None = None
        self.closing = False  # what cannot be written at once is lost


def credentials_of(sock: socket.socket) -> Credentials | None:
    """Who opened the other end; None for a user or group without a name, whom ubusd turns away."""
    raw = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    _pid, uid, gid = _UCRED.unpack(raw)
    try:
        return Credentials(uid, gid, pwd.getpwuid(uid).pw_name, grp.getgrgid(gid).gr_name)
    except KeyError:
        return None


class Broker:
    """`open()`, then `run()` until `stop()` is called from anywhere, then `close()`."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._bus = Bus(self._send)
        self._selector = selectors.DefaultSelector()
        self._listener: socket.socket | None = None
        self._connections: dict[int, Connection] = {}  # by peer id
        self._greeting: Connection | None = None
        self._wake_read = self._wake_write = -1
        self._running = False

    def open(self) -> None:
        """Bind the socket, replacing a stale one. Raises OSError."""
        if os.path.lexists(self._path):
            os.unlink(self._path)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        listener.bind(self._path)
        os.chmod(self._path, 0o666)
        listener.listen(BACKLOG)
        self._listener = listener
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._selector.register(listener, selectors.EVENT_READ, None)
        self._selector.register(self._wake_read, selectors.EVENT_READ, None)
        self._running = True

    def run(self) -> None:
        """Serve until stop()."""
        while self._running:
            self.step(None)

    def step(self, timeout_s: float | None) -> None:
        """Wait at most `timeout_s` for something to do, and do it."""
        for key, events in self._selector.select(timeout_s):
            if isinstance(key.data, Connection):
                self._on_connection(key.data, events)
            elif key.fd == self._wake_read:
                os.read(self._wake_read, 4096)
            elif self._listener is not None:
                self._accept(self._listener)

    def stop(self) -> None:
        """End run(); safe from another thread and from a signal handler."""
        self._running = False
        if self._wake_write >= 0:
            os.write(self._wake_write, b"\0")

    def close(self) -> None:
        """Drop every connection and remove the socket."""
        for connection in self._connections.values():
            connection.sock.close()
        self._connections.clear()
        if self._listener is not None:
            self._listener.close()
            self._listener = None
            if os.path.lexists(self._path):
                os.unlink(self._path)
            os.close(self._wake_read)
            os.close(self._wake_write)
            self._wake_read = self._wake_write = -1
        self._selector.close()

    # --- connections ---

    def _accept(self, listener: socket.socket) -> None:
        try:
            sock, _ = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        sock.setblocking(False)
        who = credentials_of(sock)
        if who is None:
            sock.close()
            return
        connection = Connection(sock)
        self._selector.register(sock, selectors.EVENT_READ, connection)
        self._greeting = connection
        connection.peer = self._bus.connect(who)
        self._connections[connection.peer.ident] = connection
        self._greeting = None

    def _on_connection(self, connection: Connection, events: int) -> None:
        if connection.sock.fileno() < 0:
            return  # closed earlier in this round
        if events & selectors.EVENT_WRITE and not self._flush(connection):
            self._drop(connection)
        elif events & selectors.EVENT_READ:
            self._read(connection)

    def _read(self, connection: Connection) -> None:
        try:
            data = connection.sock.recv(READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            self._drop(connection)
            return
        connection.frames.feed(data)
        self._take_frames(connection)

    def _take_frames(self, connection: Connection) -> None:
        peer = connection.peer
        if peer is None:
            return
        try:
            while (frame := connection.frames.next()) is not None:
                self._bus.receive(peer, frame)
        except wire.FrameError:
            self._drop(connection)

    def _drop(self, connection: Connection) -> None:
        self._selector.unregister(connection.sock)
        connection.queue.clear()
        connection.closing = True
        if connection.peer is not None:
            self._bus.disconnect(connection.peer)
            self._connections.pop(connection.peer.ident, None)
        connection.sock.close()

    # --- output ---

    def _send(self, peer: Peer, data: bytes) -> None:
        """Write what the socket takes, queue the rest, lose whole messages that do not fit."""
        connection = self._connections.get(peer.ident) or self._greeting
        if connection is None:
            return
        if not connection.queue:
            rest = data[_send_some(connection.sock, data) :]
            if not rest or connection.closing:
                return
            self._watch(connection, peer, congested=True)
            data = rest
        elif connection.queued_bytes + len(data) > QUEUE_MAX:
            return
        connection.queue.append(data)
        connection.queued_bytes += len(data)

    def _watch(self, connection: Connection, peer: Peer, *, congested: bool) -> None:
        peer.congested = congested
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if congested else 0)
        self._selector.modify(connection.sock, events, connection)

    def _flush(self, connection: Connection) -> bool:
        """Write queued bytes. False when the connection is broken."""
        peer = connection.peer
        while connection.queue:
            data = connection.queue[0]
            try:
                sent = connection.sock.send(data)
            except (BlockingIOError, InterruptedError):
                return True
            except OSError:
                return False
            connection.queued_bytes -= sent
            if sent < len(data):
                connection.queue[0] = data[sent:]
                return True
            connection.queue.popleft()
        if peer is not None:
            self._watch(connection, peer, congested=False)
            self._bus.resume(peer)
        return True


def _send_some(sock: socket.socket, data: bytes) -> int:
    """Bytes taken by the socket; a broken one takes none, reading will notice."""
    try:
        return sock.send(data)
    except OSError:
        return 0


def main(arguments: list[str]) -> int:
    """`-s SOCKET`; ends on SIGTERM or SIGINT."""
    path = wire.DEFAULT_SOCKET
    if arguments[:1] == ["-s"] and len(arguments) == 2:
        path = arguments[1]
    elif arguments:
        sys.stderr.write("Usage: broker [-s <socket>]\n")
        return 1
    broker = Broker(path)
    broker.open()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: broker.stop())
    try:
        broker.run()
    finally:
        broker.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
