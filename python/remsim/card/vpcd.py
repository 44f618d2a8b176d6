# SPDX-License-Identifier: GPL-2.0-or-later
"""Front-end vpcd: the remote card in a virtual PC/SC reader, for any PC/SC program of the machine.

The reader's driver listens on one TCP port per slot; a connection is an inserted card. It sends
length-prefixed messages, one octet long for power and reset, longer for APDUs; only the ATR request
and APDUs have an answer. It writes length and body apart with Nagle's algorithm on, so every
delayed acknowledgement would cost 40 ms: TCP_QUICKACK is asked for before each receive. Source:
vpcd 3.3, observed.
"""

from __future__ import annotations

import logging
import socket
from dataclasses import dataclass

from remsim.card.apdu import HEADER, MAX_COMMAND, TECHNICAL_PROBLEM, WRONG_LENGTH
from remsim.card.api import CardUser, Presence
from remsim.eventloop import EventLoop
from remsim.net.bind import errno_word
from remsim.rspro.messages import SlotPhysStatus

LOG = logging.getLogger(__name__)

POWER_OFF, POWER_ON, RESET, GET_ATR = 0x00, 0x01, 0x02, 0x04
RETRY_S = 2.0  # pcscd may start later than we do
MAX_MESSAGE = 65535 + 2
READ_OCTETS = 4096
OFF = SlotPhysStatus(True, False, False, True)
ON = SlotPhysStatus(False, True, True, True)
RESETTING = SlotPhysStatus(True, True, True, True)


@dataclass(frozen=True, slots=True)
class VpcdSettings:
    """`port` is that of the reader's slot: 35963 for the first one."""

    host: str = "127.0.0.1"
    port: int = 35963


def tpdu_of(apdu: bytes) -> bytes | None:
    """The TPDU for a short APDU of cases 1 to 4 (ISO 7816-3 section 12.2); None for others."""
    if len(apdu) == HEADER - 1:
        return apdu + b"\x00"
    if len(apdu) < HEADER:
        return None
    data_octets = apdu[4]
    if len(apdu) in (HEADER, HEADER + data_octets):
        return apdu
    if len(apdu) == HEADER + data_octets + 1 and data_octets:
        return apdu[:-1]  # the reader asks for the response by GET RESPONSE if it wants one
    return None


class VpcdFrontEnd:
    name = "vpcd"

    def __init__(self, settings: VpcdSettings, loop: EventLoop) -> None:
        self._settings = settings
        self._loop = loop
        self._user: CardUser | None = None
        self._sock: socket.socket | None = None
        self._is_connected = False
        self._atr: bytes | None = None  # of the card that is shown; None: no card
        self._unread = b""
        self._waits = False  # the reader waits for an answer
        self._why_not = ""

    @property
    def presence(self) -> Presence:
        """A reader shows whether it is there only when a card is put into it."""
        return Presence(not self._why_not, self._why_not)

    def open(self, user: CardUser) -> None:
        self._user = user

    def close(self) -> None:
        self._atr = None
        self._loop.cancel(self)
        self._disconnect()

    def present(self, atr: bytes) -> None:
        self._atr = atr
        self._connect()

    def remove(self) -> None:
        self.close()

    def set_atr(self, atr: bytes) -> None:
        if self._atr is not None:
            self._atr = atr

    def answer(self, response: bytes) -> None:
        if self._waits:
            self._waits = False
            self._send(response)

    def reset_modem(self) -> bool:
        """A new card in a reader is a removal and an insertion, which has just happened."""
        return True

    # --- connection -------------------------------------------------------------------------------

    def _connect(self) -> None:
        self._disconnect()
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sock = sock
        try:
            sock.connect((self._settings.host, self._settings.port))
        except BlockingIOError:
            self._loop.watch(sock.fileno(), None, self._settled)
        except OSError as error:
            self._failed(errno_word(error) or str(error))
        else:
            self._loop.watch(sock.fileno(), None, self._settled)

    def _settled(self) -> None:
        if self._sock is None:
            return
        number = self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if number:
            self._failed(errno_word(OSError(number, "")))
            return
        self._is_connected = True
        self._why_not = ""
        self._loop.watch(self._sock.fileno(), self._readable)
        LOG.info("card in the virtual reader at %s:%d", self._settings.host, self._settings.port)

    def _failed(self, reason: str) -> None:
        why_not = f"no virtual reader at {self._settings.host}:{self._settings.port} ({reason})"
        LOG.log(logging.DEBUG if self._why_not else logging.WARNING, why_not)
        self._why_not = why_not
        self._disconnect()
        if self._atr is not None:
            self._loop.at(self._loop.clock.monotonic() + RETRY_S, self, self._connect)

    def _disconnect(self) -> None:
        sock, self._sock = self._sock, None
        self._is_connected = self._waits = False
        self._unread = b""
        if sock is not None:
            self._loop.unwatch(sock.fileno())
            sock.close()

    # --- messages ---------------------------------------------------------------------------------

    def _readable(self) -> None:
        if self._sock is None:
            return
        try:
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            octets = self._sock.recv(READ_OCTETS)
        except BlockingIOError:
            return
        except OSError as error:
            self._failed(errno_word(error))
            return
        if not octets:
            self._failed("closed by the reader")
            return
        self._unread += octets
        self._cut()

    def _cut(self) -> None:
        while len(self._unread) >= 2 and self._sock is not None:
            end = 2 + int.from_bytes(self._unread[:2], "big")
            if len(self._unread) < end:
                return
            message, self._unread = self._unread[2:end], self._unread[end:]
            self._take(message)

    def _take(self, message: bytes) -> None:
        if self._user is None or not message:
            return
        if len(message) > 1:
            self._take_apdu(message, self._user)
        elif message[0] == GET_ATR:
            self._send(self._atr or b"")
        else:
            self._waits = False
            for status in _LINES.get(message[0], ()):
                self._user.line_changed(status)

    def _take_apdu(self, apdu: bytes, user: CardUser) -> None:
        tpdu = tpdu_of(apdu)
        if tpdu is None or len(tpdu) > MAX_COMMAND:
            self._send(WRONG_LENGTH)
            return
        self._waits = True
        if not user.command(tpdu):
            self.answer(TECHNICAL_PROBLEM)

    def _send(self, content: bytes) -> None:
        """Answers are short and the reader waits for each: they always fit into the buffer."""
        if self._sock is None or not self._is_connected:
            return
        try:
            self._sock.send(len(content).to_bytes(2, "big") + content)
        except OSError as error:
            self._failed(errno_word(error))


_LINES = {POWER_OFF: (OFF,), POWER_ON: (ON,), RESET: (RESETTING, ON)}
