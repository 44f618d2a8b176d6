# SPDX-License-Identifier: GPL-2.0-or-later
"""One RSPRO connection of a lab station: frames, keep-alive, time limits of the C programs."""

from __future__ import annotations

import socket
from collections.abc import Callable

from remsim.rspro import framing
from remsim.rspro.messages import Component, Identity, Message, Pdu
from remsim_lab.rspro.station import Station

PING_INTERVAL_S = 30.0  # after each PONG
PONG_LIMIT_S = 10.0
EMPTY = b"\x00\x00\xee"  # a frame of length 0
CLIENT_RESULT_TAG = 2342  # what the C programs put into connectClientRes


def identity(kind: Component) -> Identity:
    return Identity(kind, "lab", f"remsim-lab-{kind.name.lower()}", "1.1.3")


class Peer:
    """`on_frame` gets each RSPRO frame, `on_close` a reason once. `pings` says whether we ask."""

    def __init__(
        self,
        station: Station,
        sock: socket.socket,
        on_frame: Callable[[Peer, bytes], None],
        on_close: Callable[[Peer, str], None],
        pings: bool = True,
    ) -> None:
        self.station = station
        self.sock = sock
        self.is_open = True
        self.is_mute = False  # takes everything, says nothing: not even PONG
        self._on_frame = on_frame
        self._on_close = on_close
        self._reader = framing.FrameReader()
        self._pings = pings
        self._is_pong_due = False
        station.loop.watch(sock.fileno(), self._readable)
        if pings:
            self._ping()

    def say(self, message: Message, tag: int = 0) -> None:
        self.send(framing.frame(Pdu(message, tag=tag)))

    def send(self, octets: bytes) -> None:
        if not self.is_open or self.is_mute:
            return
        try:
            self.sock.sendall(octets)
        except OSError as error:
            self.close(str(error))

    def close(self, reason: str = "closed") -> None:
        if not self.is_open:
            return
        self.is_open = False
        self.station.loop.cancel((self, "ping"))
        self.station.drop(self.sock)
        self._on_close(self, reason)

    def _readable(self) -> None:
        try:
            octets = self.sock.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            octets = b""
        if not octets:
            self.close("closed by the peer")
            return
        if octets[: len(EMPTY)] == EMPTY:
            self._on_frame(self, EMPTY)
        for whole in self._reader.feed(octets):
            if not self.is_open:
                return
            if framing.is_rspro(whole):
                self._on_frame(self, whole)
            else:
                self._keep_alive(framing.ccm_of(whole))
        if self._reader.nonsense is not None:
            self.close(self._reader.nonsense.reason)

    def _keep_alive(self, kind: int | None) -> None:
        if kind == framing.Ccm.PING:
            self.send(framing.PONG)
        elif kind == framing.Ccm.IDENTITY_ACK:
            self.send(framing.IDENTITY_ACK)
        elif kind == framing.Ccm.PONG and self._is_pong_due:
            self._is_pong_due = False
            self.station.after(PING_INTERVAL_S, (self, "ping"), self._ping)
        elif kind not in (framing.Ccm.PONG, framing.Ccm.IDENTITY_RESPONSE):
            self.close("connection management that is not served")

    def _ping(self) -> None:
        self.send(framing.PING)
        self._is_pong_due = True
        self.station.after(PONG_LIMIT_S, (self, "ping"), lambda: self.close("no PONG"))
