# SPDX-License-Identifier: GPL-2.0-or-later
"""The primary modem's second SIM contacts: a SIMtrace2 board plays the card there. The modem starts
on it as modems do (`startup`), the home network puts its challenge to it, and then it looks from
time to time whether the card still lives.

All that is known of the card comes through its T=0 contacts. Every method may be called from any
thread; the dialogue runs on one of its own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from remsim_lab.modems.cards import SimCard
from remsim_lab.rspro.cardem import Phone
from remsim_lab.rspro.milenage import Subscriber, milenage
from remsim_lab.rspro.startup import Modem
from remsim_lab.rspro.usb_board import PluggedBoard

STATUS_S = 30.0  # of lab time, TS 102 221 section 14.5.2: a modem asks for the card's STATUS
NULL_LIMIT_S = 3600.0  # NULL bytes may keep a modem waiting for ever
ATR_S = 0.03  # of real time: 24 octets at 9600 bit/s; the board's host has seen the reset by then
STATUS = "80f2000c00"
SELECT, READ_BINARY, AUTHENTICATE, GET_RESPONSE = 0xA4, 0xB0, 0x88, 0xC0
SELECT_ICCID, SELECT_IMSI = (bytes.fromhex(f"00a4000402{file}") for file in ("2fe2", "6f07"))
_TOLD = {SELECT_ICCID: "EF.ICCID", SELECT_IMSI: "EF.IMSI"}
RES_OCTETS = 8
STEP = 32  # of the sequence number, TS 33.102 annex C.2: a new one of the same index


@dataclass(frozen=True, slots=True)
class Step:
    """One row of a start-up. `at` in real monotonic seconds."""

    at: float
    text: str


@dataclass(slots=True)
class HomeNetwork:
    """Knows the subscriber's key, as the home network of the bank's cards does."""

    subscriber: Subscriber
    sequence: int = 0

    def challenge(self, rand: bytes) -> bytes:
        """Data of AUTHENTICATE: RAND and AUTN, each with its length."""
        self.sequence += STEP
        return b"\x10" + rand + b"\x10" + self.subscriber.challenge(rand, self.sequence)

    def accepts(self, rand: bytes, res: bytes) -> bool:
        number = self.sequence.to_bytes(6, "big")
        own = self.subscriber
        return milenage(own.key, own.opc, rand, number, b"\x80\x00").res == res


@dataclass(slots=True, eq=False)
class RemoteSlot:
    """`remsim_lab.modems.cards.CardSlot`. `on_read` gets the card, or None when there is none (any
    more); `now` tells real monotonic seconds.
    """

    board: PluggedBoard
    network: HomeNetwork
    speed: float
    random: Callable[[int], bytes]
    now: Callable[[], float]
    on_read: Callable[[SimCard | None], None]
    steps: list[Step] = field(default_factory=list)
    commands: int = 0
    _selected: bytes = b""
    _thread: threading.Thread | None = None
    _ends: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.board.cardem.on_insert = self._inserted

    def power_on(self) -> None:
        self.power_off()
        if not self.board.cardem.is_inserted:
            self._tell("no card on the modem's remote contacts")
            self.on_read(None)
            return
        self._ends = threading.Event()
        self._thread = threading.Thread(
            target=self._use, args=(self._ends,), name="lab-remote-slot", daemon=True
        )
        self._thread.start()

    def power_off(self) -> None:
        thread, self._thread = self._thread, None
        self._ends.set()
        Phone(self.board.cardem).power_off()
        if thread is not None:
            thread.join()

    @property
    def words(self) -> str:
        """How it is, for people."""
        state = "card" if self.board.cardem.is_inserted else "no card"
        last = f"; last: {self.steps[-1].text}" if self.steps else ""
        return f"{state}, {self.commands} commands by the modem{last}"

    def _inserted(self, is_inserted: bool) -> None:
        """The presence pin. A modem that uses the card sees it go; one that comes is seen at the
        next reset only, as most modems do it.
        """
        self._tell(f"board: card {'inserted' if is_inserted else 'removed'}")
        if not is_inserted and self._thread is not None:
            self.on_read(None)

    def _tell(self, text: str) -> None:
        self.steps.append(Step(self.now(), text))

    # --- the modem's SIM driver, on its thread ----------------------------------------------------

    def _use(self, ends: threading.Event) -> None:
        phone = Phone(self.board.cardem, NULL_LIMIT_S)
        try:
            self._tell(f"modem: power on, ATR {phone.power_on().hex()}")
            while not self.board.is_drained and not ends.wait(ATR_S):
                pass
            ends.wait(ATR_S)
            self.on_read(self._start(phone))
            while not ends.wait(STATUS_S / self.speed):
                self._ask(phone, bytes.fromhex(STATUS))
        except (ConnectionError, TimeoutError, ValueError) as error:
            if not ends.is_set():
                self._tell(f"modem: {error}")
                self.on_read(None)

    def _start(self, phone: Phone) -> SimCard:
        rand = self.random(16)
        modem = Modem(lambda command: self._watched(phone, command))
        began = self.now()
        modem.start(self.network.challenge(rand))
        iccid, imsi, res = _numbers(modem.trail)
        card = SimCard(iccid, imsi, is_genuine=self.network.accepts(rand, res))
        took_s = (self.now() - began) * self.speed
        verdict = "accepted" if card.is_genuine else "REFUSED"
        self._tell(f"network: answer to the challenge {verdict}, IMSI {imsi}")
        self._tell(f"modem: start-up over, {len(modem.trail)} commands in {took_s:.1f} s")
        return card

    def _ask(self, phone: Phone, command: bytes) -> bytes:
        response = phone.command(command)
        self.commands += 1
        return response

    def _watched(self, phone: Phone, command: bytes) -> bytes:
        """Tells what a person wants to see of a start-up."""
        response = self._ask(phone, command)
        if command[1] == SELECT:
            self._selected = command
        elif command[1] == READ_BINARY and self._selected in _TOLD:
            self._tell(f"modem: READ {_TOLD[self._selected]} {response.hex()}")
        elif command[1] == AUTHENTICATE:
            self._tell(f"modem: AUTHENTICATE {command[5:].hex()}, answer {response.hex()}")
        return response


def _numbers(trail: list[tuple[bytes, bytes]]) -> tuple[str, str, bytes]:
    """ICCID, IMSI and RES from what was asked and answered; empty where the card did not tell."""
    iccid = imsi = ""
    res = b""
    selected = authenticates = b""
    for command, response in trail:
        if command in (SELECT_ICCID, SELECT_IMSI):
            selected = command
        elif command[1] == READ_BINARY and response[-2:] == b"\x90\x00":
            if selected == SELECT_ICCID:
                iccid = _digits(response[:-2])
            elif selected == SELECT_IMSI and not imsi:
                imsi = _digits(response[1:-2])[1:]
            selected = b""
        elif command[1] == AUTHENTICATE:
            authenticates = command
        elif command[1] == GET_RESPONSE and authenticates:
            authenticates = b""
            res = response[2 : 2 + RES_OCTETS]
    return iccid, imsi, res


def _digits(octets: bytes) -> str:
    """Packed BCD with swapped nibbles."""
    return "".join(f"{octet & 15:x}{octet >> 4:x}" for octet in octets).rstrip("f")
