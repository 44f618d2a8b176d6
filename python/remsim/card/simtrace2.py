# SPDX-License-Identifier: GPL-2.0-or-later
"""Front-end simtrace2: a USB board that is the card in the modem's SIM slot.

The phone's T=0 dialogue is put together here (header, procedure byte, data) and taken apart again
for the answer; the board itself keeps the phone waiting with NULL bytes. The USB side is behind
`Board`, so that all of this runs without hardware. Source: facts of simtrace2 0.9.1, read; not
verified on hardware.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

from remsim.card import simtrace2_codec as codec
from remsim.card.apdu import HEADER, TECHNICAL_PROBLEM, WRONG_LENGTH
from remsim.card.api import CardUser, Presence
from remsim.card.iso_case import sends_data
from remsim.card.simtrace2_codec import BoardMessage, CardType, DataFlag, MessageClass
from remsim.errors import DeviceError, NotPossibleError
from remsim.eventloop import EventLoop
from remsim.rspro.messages import SlotPhysStatus

LOG = logging.getLogger(__name__)

RESET_PULSE_MS = 300  # as the C client does
FIND_AGAIN_S = 3.0  # a board that was unplugged, or is not plugged in yet
ISO_MAX_ATR = 33  # the firmware may silently drop a longer one
UNKNOWN_INSTRUCTION = b"\x6d\x00"
_OFF = SlotPhysStatus(True, False, False, True)


class Board(Protocol):
    """The USB shell. Callbacks come on the loop's thread."""

    can_reset_modem: bool

    def open(self, on_transfer: Callable[[bytes], None], on_gone: Callable[[str], None]) -> None:
        """DeviceError with the reason if there is no such board, or it cannot be used."""

    def write(self, octets: bytes) -> None:
        """DeviceError if the board is gone."""

    def close(self) -> None: ...


class Simtrace2FrontEnd:
    name = "simtrace2"

    def __init__(self, board: Board, presence_level: int | None, loop: EventLoop) -> None:
        self._board = board
        self._presence_level = presence_level
        self._loop = loop
        self._user: CardUser | None = None
        self._why_not = "not looked for yet"
        self._atr: bytes | None = None  # of the card that is shown; None: no card
        self._line = _OFF
        self._header = b""  # of the TPDU that is under way
        self._data = b""
        self._waits = False  # the phone waits for an answer
        self._given_up = 0  # commands that will be answered though the phone went on without

    @property
    def presence(self) -> Presence:
        return Presence(not self._why_not, self._why_not)

    def open(self, user: CardUser) -> None:
        self._user = user
        self._find()

    def close(self) -> None:
        """The card goes: nobody would answer for it."""
        self._loop.cancel(self)
        self.remove()
        self._board.close()
        self._why_not = "closed"

    def present(self, atr: bytes) -> None:
        self._atr = atr
        if not self._why_not:
            self._insert(atr)

    def remove(self) -> None:
        self._atr = None
        self._forget_tpdu()
        self._given_up = 0
        self._write(codec.insert_card(False))
        self._write(codec.select_sim(codec.LOCAL))

    def set_atr(self, atr: bytes) -> None:
        if self._atr is not None:
            self._atr = atr
            self._send_atr(atr)

    def answer(self, response: bytes) -> None:
        if self._given_up:
            self._given_up -= 1
            return
        if not self._waits:
            return
        instruction, expected = self._header[1:2], self._header[4] or 256
        self._forget_tpdu()
        if len(response) not in (2, expected + 2):
            # the phone takes exactly P3 octets; fewer, and the status word would be data to it
            LOG.warning("an answer of %d octets where %d fit", len(response) - 2, expected)
            response = TECHNICAL_PROBLEM
        if len(response) > 2:
            data = instruction + response[:-2]
            self._write(codec.transmit(data, DataFlag.THEN_TRANSMIT))
        self._send_word(response[-2:])

    def _send_word(self, word: bytes) -> None:
        self._write(codec.transmit(word, DataFlag.THEN_TRANSMIT | DataFlag.FINAL))

    def reset_modem(self) -> bool:
        """Boards that carry the modem can; the others leave it to the daemon."""
        self._write(codec.pulse_modem_reset(RESET_PULSE_MS))
        return self._board.can_reset_modem and not self._why_not

    # --- the board --------------------------------------------------------------------------------

    def _find(self) -> None:
        try:
            self._board.open(self._transfer, self._gone)
            self._board.write(codec.configure(self._presence_level))
        except (DeviceError, NotPossibleError) as error:
            self._gone(error.reason)
            return
        self._why_not = ""
        LOG.info("SIMtrace2 board found")
        if self._atr is not None:
            self._insert(self._atr)
            self._write(codec.pulse_modem_reset(RESET_PULSE_MS))

    def _gone(self, reason: str) -> None:
        LOG.log(logging.DEBUG if reason == self._why_not else logging.WARNING, "%s", reason)
        self._why_not = reason
        self._board.close()
        self._change_line(_OFF)
        self._loop.at(self._loop.clock.monotonic() + FIND_AGAIN_S, self, self._find)

    def _insert(self, atr: bytes) -> None:
        self._write(codec.select_sim(codec.REMOTE))
        self._send_atr(atr)
        self._write(codec.insert_card(True))

    def _send_atr(self, atr: bytes) -> None:
        if len(atr) > ISO_MAX_ATR:
            LOG.warning("an ATR of %d octets: the board may not take it", len(atr))
        try:
            octets = codec.set_atr(atr)
        except DeviceError as error:
            LOG.warning("%s", error.reason)
        else:
            self._write(octets)

    def _write(self, octets: bytes) -> None:
        if self._why_not:
            return
        try:
            self._board.write(octets)
        except DeviceError as error:
            self._gone(error.reason)

    def _transfer(self, octets: bytes) -> None:
        try:
            for message in codec.messages_in(octets):
                self._take(message)
        except DeviceError as error:
            LOG.warning("%s", error.reason)

    def _take(self, message: BoardMessage) -> None:
        match (message.kind, message.type):
            case (MessageClass.CARD, CardType.RECEIVED):
                self._take_data(codec.received(message.payload))
            case (MessageClass.CARD, CardType.STATUS):
                self._change_line(codec.line_status(message.payload))
            case (MessageClass.GENERIC, codec.GENERIC_ERROR):
                LOG.warning("board: %s", codec.error_text(message.payload))
            case _:
                LOG.debug("board: class %d type %d", message.kind, message.type)

    # --- the phone --------------------------------------------------------------------------------

    def _change_line(self, line: SlotPhysStatus) -> None:
        """The clock is no news: phones stop it between commands, and the bank does not care."""
        is_same = (line.reset_active, line.vcc_present) == (
            self._line.reset_active,
            self._line.vcc_present,
        )
        self._line = line
        if is_same:
            return
        if line.reset_active or not line.vcc_present:
            self._forget_tpdu()
            self._given_up = 0
        if self._user is not None:
            self._user.line_changed(line)

    def _take_data(self, part: codec.Received) -> None:
        if part.flags & DataFlag.HEADER:
            self._take_header(part.data)
        elif self._header and not self._waits:
            self._data += part.data
            if part.flags & DataFlag.FINAL or len(self._data) >= self._header[4]:
                self._hand_over(self._header + self._data)

    def _take_header(self, header: bytes) -> None:
        self._given_up += self._waits
        self._forget_tpdu()
        if len(header) != HEADER:
            LOG.warning("a TPDU header of %d octets", len(header))
            return
        self._header = header
        match sends_data(header):
            case None:
                LOG.warning("unknown instruction %s", header[:2].hex())
                self._refuse(UNKNOWN_INSTRUCTION)
            case True:
                self._write(codec.transmit(header[1:2], DataFlag.THEN_RECEIVE))
            case False:
                self._hand_over(header)

    def _hand_over(self, command: bytes) -> None:
        if len(command) not in (HEADER, HEADER + command[4]):
            LOG.warning("a TPDU of %d octets", len(command))
            self._refuse(WRONG_LENGTH)
            return
        self._waits = True
        if self._user is None or not self._user.command(command):
            self._refuse(TECHNICAL_PROBLEM)

    def _refuse(self, word: bytes) -> None:
        """Nobody else answers this one; left alone, the board would keep the phone waiting."""
        self._forget_tpdu()
        self._send_word(word)

    def _forget_tpdu(self) -> None:
        self._header = self._data = b""
        self._waits = False
