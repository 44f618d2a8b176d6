# SPDX-License-Identifier: GPL-2.0-or-later
"""The AT dialogue of one port, without any I/O: bytes in, events out; requests in, bytes out.

Theory of operation. A modem runs one command at a time and answers in order, but it also speaks
unasked, repeats what it hears (echo), and may answer a command long after its asker gave up. Three
rules keep replies apart from all that:

* The echo stays on, and a reply begins only behind the echo of its own command. Whatever comes
  before the echo is older. Where a port has no echo, silence of `QUIET_S` stands for it.
* A line belongs to a reply only if the request expects its prefix (`Expect`); otherwise it is
  unsolicited.
* After a request ran out of time the dialogue is out of step: nothing may be asked until a marker
  command (`MARKER`) was answered. All that the modem still owed has then gone by.

States: OUT_OF_STEP -> (get_in_step) MARKING [-> SETTLING, without echo] -> IDLE -> (begin) ECHO ->
REPLY -> IDLE; from MARKING, ECHO and REPLY the deadline leads back to OUT_OF_STEP.

This module must never block, never raise anything but remsim errors, and never hold more than its
bounds.

Source: ITU-T V.250 chapters 5 and 6; 3GPP TS 27.007 chapters 4 and 9.2.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from remsim.errors import ArgumentError, BusyError

# Verbose results, echo on, results on: brings any port into the dialogue's language.
# `ATQ0` alone is the usual probe.
MARKER = "ATQ0V1E1"

# Longest line known: +CSIM with 261 bytes as hexadecimal
# and +CGCONTRDP with 24 fields, both below 700 characters.
MAX_LINE_BYTES = 2048

# Longest answers known: +CLAC (about 400 lines, 6 kB) and +COPS=? near a border (below 2 kB).
MAX_ANSWER_LINES = 512
MAX_ANSWER_CHARS = 32768

# V.250 leaves the command line's length to the modem; 27.007 APDU commands reach 540 characters.
MAX_COMMAND_CHARS = 560

# Without echo: so long must the port be silent behind the marker's answer, seconds. A modem that
# answers at all sends the lines of one answer within some 10 ms.
QUIET_S = 0.5

# How often the marker is sent before a port counts as one without echo:
# the first may itself switch the echo on.
MARKER_TRIES = 2

_LINE_END = re.compile(rb"[\r\n]")
_NOISE = bytes(set(range(256)) - set(range(0x20, 0x7F)))
_PREFIX = re.compile(r"([+^!*$%#&@]?[A-Za-z0-9_ ]*[A-Za-z0-9_])\s*:")
_NUMBERED = re.compile(r"\+(CME|CMS)\s+ERROR\s*:\s*(.*)", re.IGNORECASE)
_ESCAPE = b"\x1b"  # ends a text prompt without sending (27.005 section 3.5.1)
_PROMPT = b"> "
_SYMBOLS = frozenset("+^!*$%#&@")


class Final(Enum):
    """How an answer ended (V.250 section 5.7, 27.007 section 9.2)."""

    OK = "OK"
    ERROR = "ERROR"
    CME = "CME"
    CMS = "CMS"


class DropReason(Enum):
    """Why bytes were thrown away; counted, never shown (an echo may carry a PIN)."""

    ECHO = "echo"
    NOISE = "noise"
    STALE = "stale"
    OVERLONG = "overlong"


@dataclass(frozen=True, slots=True)
class Expect:
    """Which lines belong to a reply.

    `prefixes`: "+CSQ" for lines "+CSQ: ..."; `bare`: lines without a prefix as well (+CGSN, the
    rows of +GTCCINFO); `anything`: every line that is no known unsolicited one (ATI, tables).
    `accepts` tells a reply from an unsolicited line of the same prefix (+CEREG).
    """

    prefixes: tuple[str, ...] = ()
    bare: bool = False
    anything: bool = False
    accepts: Callable[[str], bool] | None = None


NOTHING = Expect()
ANYTHING = Expect(anything=True)


@dataclass(frozen=True, slots=True)
class Request:
    """`command` without line end; `shown` replaces it wherever people may look (a PIN must not)."""

    command: str
    expect: Expect = NOTHING
    shown: str = ""

    @property
    def title(self) -> str:
        return self.shown or self.command


@dataclass(frozen=True, slots=True)
class Answered:
    """The reply to the request under way. `number` is the CME or CMS number, where known."""

    request: Request
    final: Final
    lines: tuple[str, ...] = ()
    number: int | None = None
    text: str = ""
    is_truncated: bool = False


@dataclass(frozen=True, slots=True)
class Unsolicited:
    line: str


@dataclass(frozen=True, slots=True)
class Prompted:
    """The modem asked for text; the dialogue has already declined."""


@dataclass(frozen=True, slots=True)
class TimedOut:
    """No final result before the deadline; `request` None = the marker was not answered."""

    request: Request | None


@dataclass(frozen=True, slots=True)
class InStep:
    """The modem answers and owes nothing."""

    has_echo: bool


@dataclass(frozen=True, slots=True)
class Dropped:
    reason: DropReason


AtEvent = Answered | Unsolicited | Prompted | TimedOut | InStep | Dropped


class Phase(Enum):
    OUT_OF_STEP = "out of step"
    MARKING = "marking"
    SETTLING = "settling"
    IDLE = "idle"
    ECHO = "waiting for the echo"
    REPLY = "reading the reply"


# 27.007 section 9.2.1, as words: modems left at AT+CMEE=2 say these.
CME_WORDS = {
    "phone failure": 0,
    "operation not allowed": 3,
    "operation not supported": 4,
    "ph-sim pin required": 5,
    "sim not inserted": 10,
    "sim pin required": 11,
    "sim puk required": 12,
    "sim failure": 13,
    "sim busy": 14,
    "sim wrong": 15,
    "incorrect password": 16,
    "sim pin2 required": 17,
    "sim puk2 required": 18,
    "memory full": 20,
    "not found": 22,
    "no network service": 30,
    "network timeout": 31,
    "unknown": 100,
}

# Results of modems that have words of their own for "ERROR".
_FINALS = {
    "OK": Final.OK,
    "ERROR": Final.ERROR,
    "ABORTED": Final.ERROR,
    "COMMAND NOT SUPPORT": Final.ERROR,
    "TOO MANY PARAMETERS": Final.ERROR,
    "CONNECT": Final.ERROR,
}

# Unsolicited in any modem (27.005, 27.007 and habit); a profile adds its vendor's.
COMMON_URCS = frozenset(
    [
        "+CMTI",
        "+CMT",
        "+CBM",
        "+CDS",
        "+CDSI",
        "+CUSD",
        "+CGEV",
        "+CTZV",
        "+CTZE",
        "+CTZDST",
        "+CRING",
        "+CLIP",
        "+CCWA",
        "+CSCON",
        "+CIEV",
        "+CSSI",
        "+CSSU",
        "+COLP",
        "+CREG",
        "+CGREG",
        "+CEREG",
        "+C5GREG",
    ]
)
# Unsolicited lines without prefix;
# "NO CARRIER" is one unless a call was dialled, which remsim never does.
_BARE_URCS = frozenset(
    [
        "RING",
        "RDY",
        "NO CARRIER",
        "BUSY",
        "NO ANSWER",
        "NO DIALTONE",
        "CALL READY",
        "SMS READY",
        "SMS DONE",
        "PB DONE",
        "POWERED DOWN",
        "NORMAL POWER DOWN",
    ]
)


def prefix_of(line: str) -> str:
    """ "+CSQ" of "+CSQ: 11, 99" and of "+GTDUALSIM : 0"; empty for a line without prefix."""
    match = _PREFIX.match(line)
    return match[1].upper() if match else ""


def _parse_final(line: str) -> tuple[Final, int | None, str] | None:
    upper = line.upper()
    if upper in _FINALS:
        final = _FINALS[upper]
        return final, None, "" if upper in ("OK", "ERROR") else line
    if upper.startswith("CONNECT "):
        return Final.ERROR, None, line
    match = _NUMBERED.fullmatch(line)
    if match is None:
        return None
    kind, text = Final[match[1].upper()], match[2].strip()
    if text.isdecimal():
        return kind, int(text[:9]), ""
    return kind, CME_WORDS.get(text.lower()) if kind is Final.CME else None, text


def is_echo_of(line: str, command: str) -> bool:
    """Stray bytes may stand before an echo; a command as short as "AT" must stand alone."""
    line, command = line.upper(), command.upper()
    return line == command or (len(command) > 3 and line.endswith(command))


def check_command(command: str) -> None:
    """ArgumentError unless `command` is one line of printable ASCII that begins with AT."""
    if not command.isascii() or not command.isprintable():
        raise ArgumentError("command", "an AT command is one line of printable ASCII")
    if command[:2].upper() != "AT" or command != command.strip():
        raise ArgumentError("command", "an AT command begins with AT")
    if len(command) > MAX_COMMAND_CHARS:
        raise ArgumentError("command", f"an AT command has at most {MAX_COMMAND_CHARS} characters")


_NO_REQUEST = Request("AT")


class AtDialogue:
    """One port's conversation. Feed `receive()` and `tick()`, send what `take_output()` gives.

    `urcs` are the prefixes that are unsolicited unless a request expects them.
    """

    def __init__(self, urcs: frozenset[str] = frozenset()) -> None:
        self._urcs = COMMON_URCS | urcs
        self._buffer = bytearray()
        self._is_skipping = False
        self._output = bytearray()
        self._phase = Phase.OUT_OF_STEP
        self._has_echo = False
        self._request = _NO_REQUEST
        self._lines: list[str] = []
        self._chars = 0
        self._is_truncated = False
        self._deadline = 0.0
        self._markers_left = 0
        self._marker_seen = False
        self._quiet_until = 0.0

    # --- questions ----------------------------------------------------------------------------

    @property
    def phase(self) -> Phase:
        return self._phase

    @property
    def is_in_step(self) -> bool:
        return self._phase not in (Phase.OUT_OF_STEP, Phase.MARKING, Phase.SETTLING)

    @property
    def has_echo(self) -> bool:
        return self._has_echo

    @property
    def held_bytes(self) -> int:
        """What the bounds are about: bytes held for lines that are not complete."""
        return len(self._buffer)

    @property
    def next_tick_at(self) -> float | None:
        """When `tick()` has something to do, or None."""
        if self._phase is Phase.SETTLING:
            return min(self._quiet_until, self._deadline)
        if self._phase in (Phase.MARKING, Phase.ECHO, Phase.REPLY):
            return self._deadline
        return None

    # --- requests -----------------------------------------------------------------------------

    def get_in_step(self, now: float, timeout_s: float) -> None:
        """Send the marker. Ends with `InStep` or `TimedOut(None)`."""
        if self._phase in (Phase.ECHO, Phase.REPLY):
            raise BusyError("another AT command is under way")
        self._deadline = now + timeout_s
        self._markers_left = MARKER_TRIES
        self._phase = Phase.MARKING
        self._send_marker()

    def begin(self, request: Request, now: float, timeout_s: float) -> None:
        """Ask. Ends with `Answered` or `TimedOut(request)`."""
        if self._phase is not Phase.IDLE:
            raise BusyError(f"the port is {self._phase.value}")
        check_command(request.command)
        self._request = request
        self._lines, self._chars, self._is_truncated = [], 0, False
        self._deadline = now + timeout_s
        self._phase = Phase.ECHO if self._has_echo else Phase.REPLY
        self._output += request.command.encode("ascii") + b"\r"

    def fall_out_of_step(self) -> None:
        """The next request needs a new marker (something
        foreign was asked, the port was reopened)."""
        self._phase = Phase.OUT_OF_STEP

    def take_output(self) -> bytes:
        output = bytes(self._output)
        self._output.clear()
        return output

    # --- time and bytes -----------------------------------------------------------------------

    def tick(self, now: float) -> list[AtEvent]:
        """What time alone brings about."""
        tick_at = self.next_tick_at
        if tick_at is None or now < tick_at:
            return []
        if self._phase is Phase.SETTLING and self._quiet_until <= self._deadline:
            return [self._enter_step(has_echo=False)]
        asked = self._phase in (Phase.ECHO, Phase.REPLY)
        self._phase = Phase.OUT_OF_STEP
        return [TimedOut(self._request if asked else None)]

    def receive(self, data: bytes, now: float) -> list[AtEvent]:
        """Any bytes, in any pieces."""
        events = self.tick(now)
        if data and self._phase is Phase.SETTLING:
            self._quiet_until = now + QUIET_S
        for start in range(0, len(data), MAX_LINE_BYTES):
            self._buffer += data[start : start + MAX_LINE_BYTES]
            self._split(events, now)
        return events

    def _split(self, events: list[AtEvent], now: float) -> None:
        while True:
            if self._phase is Phase.REPLY and self._buffer.startswith(_PROMPT):
                del self._buffer[: len(_PROMPT)]
                self._output += _ESCAPE
                events.append(Prompted())
            match = _LINE_END.search(self._buffer)
            if match is None:
                break
            raw = bytes(self._buffer[: match.start()])
            del self._buffer[: match.end()]
            self._take_raw(raw, events, now)
        if self._is_skipping or len(self._buffer) > MAX_LINE_BYTES:
            self._skip(events)

    def _take_raw(self, raw: bytes, events: list[AtEvent], now: float) -> None:
        if self._is_skipping:
            self._is_skipping = False
        elif len(raw) > MAX_LINE_BYTES:
            events.append(Dropped(DropReason.OVERLONG))
        elif line := raw.translate(None, _NOISE).decode("ascii").strip():
            event = self._take_line(line, now)
            if event is not None:
                events.append(event)
        elif raw:
            events.append(Dropped(DropReason.NOISE))

    def _skip(self, events: list[AtEvent]) -> None:
        self._buffer.clear()
        if not self._is_skipping:
            self._is_skipping = True
            events.append(Dropped(DropReason.OVERLONG))

    # --- lines --------------------------------------------------------------------------------

    def _take_line(self, line: str, now: float) -> AtEvent | None:
        if self._phase is Phase.MARKING:
            return self._take_while_marking(line, now)
        if self._phase is Phase.ECHO:
            return self._take_before_echo(line)
        if self._phase is Phase.REPLY:
            return self._take_reply_line(line)
        return self._take_unasked(line)

    def _take_while_marking(self, line: str, now: float) -> AtEvent:
        if line.upper().endswith(MARKER):
            self._marker_seen = True
            return Dropped(DropReason.ECHO)
        if _parse_final(line) is None:
            return self._take_unasked(line)
        if self._marker_seen:
            return self._enter_step(has_echo=True)
        if self._markers_left:
            self._send_marker()
        else:
            self._phase = Phase.SETTLING
            self._quiet_until = now + QUIET_S
        return Dropped(DropReason.STALE)

    def _take_before_echo(self, line: str) -> AtEvent:
        if is_echo_of(line, self._request.command):
            self._phase = Phase.REPLY
            return Dropped(DropReason.ECHO)
        return self._take_unasked(line)

    def _take_reply_line(self, line: str) -> AtEvent | None:
        if is_echo_of(line, self._request.command) and not self._lines:
            return Dropped(DropReason.ECHO)
        if line.upper() not in _BARE_URCS and (final := _parse_final(line)) is not None:
            return self._finish(self._request, *final)
        if not self._belongs(line, self._request.expect):
            return Unsolicited(line)
        self._keep(line)
        return None

    def _take_unasked(self, line: str) -> AtEvent:
        prefix = prefix_of(line)
        if prefix in self._urcs or line.upper() in _BARE_URCS:
            return Unsolicited(line)
        # In step nothing is owed, so an unknown prefix is an unsolicited line we have no name for.
        if self.is_in_step and prefix[:1] in _SYMBOLS:
            return Unsolicited(line)
        return Dropped(DropReason.STALE)

    def _belongs(self, line: str, expect: Expect) -> bool:
        prefix = prefix_of(line)
        if prefix and prefix in expect.prefixes:
            return expect.accepts is None or expect.accepts(line)
        if prefix in self._urcs or line.upper() in _BARE_URCS:
            return False
        return expect.anything or (expect.bare and line[0] not in _SYMBOLS)

    def _keep(self, line: str) -> None:
        full = len(self._lines) >= MAX_ANSWER_LINES or self._chars + len(line) > MAX_ANSWER_CHARS
        if full:
            self._is_truncated = True
            return
        self._lines.append(line)
        self._chars += len(line)

    # --- transitions --------------------------------------------------------------------------

    def _send_marker(self) -> None:
        self._markers_left -= 1
        self._marker_seen = False
        self._output += MARKER.encode("ascii") + b"\r"

    def _enter_step(self, *, has_echo: bool) -> InStep:
        self._phase = Phase.IDLE
        self._has_echo = has_echo
        self._output.clear()  # a second marker that is not needed after all
        return InStep(has_echo)

    def _finish(self, request: Request, final: Final, number: int | None, text: str) -> Answered:
        # CONNECT means data mode: what follows is no dialogue any more.
        is_data_mode = text.upper().startswith("CONNECT")
        self._phase = Phase.OUT_OF_STEP if is_data_mode else Phase.IDLE
        lines, self._lines = tuple(self._lines), []
        return Answered(request, final, lines, number, text, self._is_truncated)
