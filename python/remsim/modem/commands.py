# SPDX-License-Identifier: GPL-2.0-or-later
"""The 27.007 commands that remsim asks of any modem,
as data rows, and the parsers of their answers. Pure.

A parser takes the lines of one answer and gives a value or raises AtNonsense; a value that the
modem itself calls unknown (99, 255, empty) is None, never 0. Source: 3GPP TS 27.007 (section named
in each row); quirks as seen on real devices.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from remsim.errors import ArgumentError, AtNonsense
from remsim.model import Registration, Signal
from remsim.modem.at import Expect, Request, check_command, prefix_of
from remsim.modem.fields import (
    first_row,
    number_at,
    payload_of,
    rows,
    scaled,
    value_at,
    within,
)

T_co = TypeVar("T_co", covariant=True)

# Most commands are answered in well under a second;
# vendors' manuals promise 3 s, so less would time out in vain.
DEFAULT_TIMEOUT_S = 3.0

Parser = Callable[[Sequence[str]], T_co]


@dataclass(frozen=True, slots=True)
class Command(Generic[T_co]):
    """One row: what to send, which lines answer it,
    how long that may take, what it means, who says so."""

    name: str
    text: str
    expect: Expect
    parse: Parser[T_co]
    description: str
    source: str
    timeout_s: float = DEFAULT_TIMEOUT_S
    shown: str = ""

    @property
    def request(self) -> Request:
        return Request(self.text, self.expect, self.shown)


@dataclass(frozen=True, slots=True)
class PinTries:
    """Attempts left; `default` is what a card allows after a success."""

    left: int
    default: int | None = None
    puk_left: int | None = None


@dataclass(frozen=True, slots=True)
class Operator:
    """`name` long, short or numeric, as the modem has it; `act` the 27.007 <AcT>."""

    name: str | None
    act: int | None = None


@dataclass(frozen=True, slots=True)
class Radio:
    """What a signal command tells. `technology` only where it tells the one really in use."""

    signal: Signal
    technology: str | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """A PDP context with its addresses."""

    cid: int
    addresses: tuple[str, ...]


# --- parsers -----------------------------------------------------------------------------------


def parse_nothing(lines: Sequence[str]) -> None:
    """For commands whose result is all."""


def parse_text(lines: Sequence[str]) -> str:
    """Manufacturer, model, firmware: with or without prefix, with or without quotes, first line."""
    for line in lines:
        text = payload_of(line) if prefix_of(line)[:1] in ("+", "^", "!") else line
        text = text.removeprefix("Revision:").strip().strip('"').strip()
        if text:
            return text
    raise AtNonsense("text", " / ".join(lines))


_IMEI = re.compile(r"(?<!\d)\d{14,16}(?!\d)")


def parse_imei(lines: Sequence[str]) -> str:
    """15 digits; 14 without check digit and 16 (IMEISV) occur.
    Source: 27.007 section 5.4, 23.003 section 6.2."""
    return _first_digits(_IMEI, lines, "+CGSN")


_IMSI = re.compile(r"(?<!\d)\d{6,15}(?!\d)")


def parse_imsi(lines: Sequence[str]) -> str:
    return _first_digits(_IMSI, lines, "+CIMI")


def _first_digits(pattern: re.Pattern[str], lines: Sequence[str], name: str) -> str:
    for line in lines:
        match = pattern.fullmatch(payload_of(line).split(",")[0].strip().strip('"'))
        if match:
            return match[0]
    raise AtNonsense(name, " / ".join(lines))


_ICCID = re.compile(r"(\d{18,20})F{0,2}", re.IGNORECASE)


def parse_iccid(lines: Sequence[str]) -> str:
    """18 to 20 digits, filler off, nibbles swapped back where a modem gives the file's raw bytes.

    An ICCID begins with 89 (telecommunications; ITU-T E.118), which tells raw bytes (98...) from
    digits.
    """
    for line in lines:
        text = payload_of(line).split(",")[-1].strip().strip('"')
        if text[:2] == "98" and len(text) % 2 == 0:
            text = "".join(text[i + 1] + text[i] for i in range(0, len(text), 2))
        if match := _ICCID.fullmatch(text):
            return match[1]
    raise AtNonsense("ICCID", " / ".join(lines))


def parse_cpin(lines: Sequence[str]) -> str:
    """ "READY", "SIM PIN", "SIM PUK", "PH-NET PIN"..."""
    word = value_at(first_row(lines, "+CPIN"), 0).upper()
    if not word:
        raise AtNonsense("+CPIN", " / ".join(lines))
    return word


def parse_cpinr(lines: Sequence[str]) -> PinTries:
    """`+CPINR: SIM PIN,3,3`, one line per code."""
    table = {value_at(row, 0).upper(): row for row in rows(lines, "+CPINR")}
    pin = table.get("SIM PIN", ())
    left = number_at(pin, 1)
    if left is None:
        raise AtNonsense("+CPINR", " / ".join(lines))
    return PinTries(left, number_at(pin, 2), number_at(table.get("SIM PUK", ()), 1))


def parse_csq(lines: Sequence[str]) -> Radio:
    """0..31: 2n - 113 dBm; 100..191 on TD-SCDMA: n - 216 dBm; 99 and 199 unknown."""
    value = number_at(first_row(lines, "+CSQ"), 0)
    if value is None:
        raise AtNonsense("+CSQ", " / ".join(lines))
    rssi = scaled(within(value, 0, 31), 2, -113)
    if rssi is None:
        rssi = scaled(within(value, 100, 191), 1, -216)
    return Radio(Signal(rssi_dbm=rssi))


def lte_rsrp_dbm(value: int | None) -> float | None:
    """36.133 section 9.1.4: index 0..97."""
    return scaled(within(value, 0, 97), 1, -141)


def lte_rsrq_db(value: int | None) -> float | None:
    """36.133 section 9.1.7: index 0..34."""
    return scaled(within(value, 0, 34), 0.5, -20)


def nr_rsrp_dbm(value: int | None) -> float | None:
    """38.133 section 10.1.6: index 0..126."""
    return scaled(within(value, 0, 126), 1, -157)


def nr_rsrq_db(value: int | None) -> float | None:
    """38.133 section 10.1.11: index 0..126."""
    return scaled(within(value, 0, 126), 0.5, -43.5)


def nr_sinr_db(value: int | None) -> float | None:
    """38.133 section 10.1.16: index 0..127."""
    return scaled(within(value, 0, 127), 0.5, -23.5)


def parse_cesq(lines: Sequence[str]) -> Radio:
    """`rxlev,ber,rscp,ecno,rsrq,rsrp[,ss_rsrq,ss_rsrp,ss_sinr]`;
    LTE values win over NR, never a mixture."""
    row = first_row(lines, "+CESQ", at_least=6)
    rssi = scaled(within(number_at(row, 0), 0, 63), 1, -111)
    if rssi is None:
        rssi = scaled(within(number_at(row, 2), 0, 96), 1, -121)
    rsrp, rsrq = lte_rsrp_dbm(number_at(row, 5)), lte_rsrq_db(number_at(row, 4))
    sinr = None
    if rsrp is None and rsrq is None:
        rsrq, rsrp = nr_rsrq_db(number_at(row, 6)), nr_rsrp_dbm(number_at(row, 7))
        sinr = nr_sinr_db(number_at(row, 8))
    return Radio(Signal(rssi_dbm=rssi, rsrp_dbm=rsrp, rsrq_db=rsrq, sinr_db=sinr))


_REGISTRATION_PREFIXES = ("+CREG", "+CGREG", "+CEREG", "+C5GREG")
_STAT = re.compile(r"\s*(?:10|\d)\s*")
_NOT_KNOWN = re.compile(r"F+|0+F+|0+")  # what modems put in while they know no cell


def is_registration_reply(line: str) -> bool:
    """The read answer is `<n>,<stat>[,...]`; the unsolicited code is `<stat>[,"<tac>",...]`.

    A lone value is `<n>` or `<stat>`: FM350 answers `+C5GREG: 0` while n is 0. It says nothing, but
    it answers.
    """
    values = payload_of(line).split(",")
    if len(values) == 1:
        return prefix_of(line) == "+C5GREG"
    return _STAT.fullmatch(values[0]) is not None and _STAT.fullmatch(values[1]) is not None


def parse_registration(lines: Sequence[str]) -> Registration:
    """`+CEREG: n,stat[,tac,ci,AcT]`;
    the cell may be quoted or not, and is upper-case hexadecimal here."""
    found = rows(lines, *_REGISTRATION_PREFIXES)
    if found and len(found[0]) == 1 and number_at(found[0], 0) is not None:
        return Registration(stat=4)
    for row in found:
        stat = within(number_at(row, 1), 0, 10)
        if stat is not None and number_at(row, 0) is not None:
            return Registration(
                stat, within(number_at(row, 4), 0, 13), _cell(row, 2), _cell(row, 3)
            )
    if any(len(row) == 1 and number_at(row, 0) is not None for row in found):
        return Registration(stat=4)
    raise AtNonsense("registration", " / ".join(lines))


def _cell(row: Sequence[str], index: int) -> str | None:
    text = value_at(tuple(row), index).upper().removeprefix("0X")
    if not text or _NOT_KNOWN.fullmatch(text) or not re.fullmatch(r"[0-9A-F]{1,10}", text):
        return None
    return text


# 27.007 section 7.3, <AcT>.
TECHNOLOGIES = {
    0: "GSM",
    1: "GSM",
    2: "UMTS",
    3: "EDGE",
    4: "HSDPA",
    5: "HSUPA",
    6: "HSPA",
    7: "LTE",
    8: "EC-GSM-IoT",
    9: "NB-IoT",
    10: "LTE-5GC",
    11: "NR SA",
    12: "NG-RAN",
    13: "EN-DC",
}


def technology_of(act: int | None) -> str | None:
    return None if act is None else TECHNOLOGIES.get(act)


def parse_cops(lines: Sequence[str]) -> Operator:
    """`+COPS: mode[,format,"name"[,AcT]]`;
    without a name neither format nor AcT means anything (FM350: 255, 0)."""
    row = first_row(lines, "+COPS")
    if number_at(row, 0) is None:
        raise AtNonsense("+COPS", " / ".join(lines))
    name = _from_ucs2(value_at(row, 2))
    if not name:
        return Operator(None)
    return Operator(name, within(number_at(row, 3), 0, 13))


def _from_ucs2(text: str) -> str:
    """A modem whose +CSCS is UCS2 gives names as hexadecimal (FM350 does after each reset)."""
    if len(text) < 8 or len(text) % 4 or not re.fullmatch(r"(?:00[0-9A-Fa-f]{2})+", text):
        return text
    name = bytes.fromhex(text).decode("utf-16-be", "replace")
    return name if name.isprintable() else text


def parse_cgact(lines: Sequence[str]) -> bool:
    """Is any context of ours active? `+CGACT:
    cid,state`, one line each; none listed = none active."""
    states = [number_at(row, 1) for row in rows(lines, "+CGACT")]
    if states and all(state is None for state in states):
        raise AtNonsense("+CGACT", " / ".join(lines))
    return 1 in states


def parse_cgpaddr(lines: Sequence[str]) -> tuple[Context, ...]:
    """`+CGPADDR: cid[,"address"[,"address"]]`; IPv6 may come as 16 dotted numbers."""
    contexts = []
    for row in rows(lines, "+CGPADDR"):
        cid = number_at(row, 0)
        if cid is not None:
            addresses = (_address(value) for value in row[1:])
            contexts.append(Context(cid, tuple(a for a in addresses if a is not None)))
    if not contexts and lines:
        raise AtNonsense("+CGPADDR", " / ".join(lines))
    return tuple(contexts)


def _address(text: str) -> str | None:
    parts = text.split(".")
    try:
        if len(parts) == 16:
            address: object = ipaddress.IPv6Address(bytes(int(part) for part in parts))
        else:
            address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return None if str(address) in ("0.0.0.0", "::") else str(address)


def parse_cfun(lines: Sequence[str]) -> int:
    """0 minimum, 1 full, 4 radio off."""
    value = number_at(first_row(lines, "+CFUN"), 0)
    if value is None:
        raise AtNonsense("+CFUN", " / ".join(lines))
    return value


def parse_ceer(lines: Sequence[str]) -> str | None:
    """The last failure in the modem's own words;
    None when it has none to tell (`+CEER: 0,NONE`)."""
    text = " ".join(payload_of(line) for line in lines).strip().strip('"')
    words = [part.strip().upper() for part in text.split(",")]
    return None if not text or all(w in ("0", "NONE", "NO CAUSE", "") for w in words) else text


def parse_lines(lines: Sequence[str]) -> tuple[str, ...]:
    return tuple(lines)


# --- rows --------------------------------------------------------------------------------------


def _bare(*prefixes: str) -> Expect:
    return Expect(prefixes, bare=True)


CMEE = Command(
    "cmee", "AT+CMEE=1", Expect(), parse_nothing, "errors as numbers", "27.007 section 9.1"
)
CGMI = Command(
    "manufacturer", "AT+CGMI", _bare("+CGMI"), parse_text, "manufacturer", "27.007 section 5.1"
)
CGMM = Command("model", "AT+CGMM", _bare("+CGMM"), parse_text, "model", "27.007 section 5.2")
CGMR = Command(
    "firmware",
    "AT+CGMR",
    Expect(("+CGMR", "+GMR", "REVISION"), bare=True),
    parse_text,
    "firmware revision",
    "27.007 section 5.3",
)
CGSN = Command("imei", "AT+CGSN", _bare("+CGSN"), parse_imei, "IMEI", "27.007 section 5.4")
CPIN = Command(
    "sim",
    "AT+CPIN?",
    Expect(("+CPIN",)),
    parse_cpin,
    "what the SIM is waiting for",
    "27.007 section 8.3",
    timeout_s=5.0,
)
CPINR = Command(
    "tries_left",
    "AT+CPINR",
    Expect(("+CPINR",)),
    parse_cpinr,
    "PIN attempts left",
    "27.007 section 8.65",
)
CCID = Command("iccid", "AT+CCID", _bare("+CCID", "+ICCID"), parse_iccid, "ICCID", "common vendor")
CCID_READ = Command(
    "iccid", "AT+CCID?", _bare("+CCID", "+ICCID"), parse_iccid, "ICCID", "common vendor"
)
ICCID = Command(
    "iccid", "AT+ICCID", _bare("+ICCID", "+CCID"), parse_iccid, "ICCID", "Fibocom, SIMCom"
)
CIMI = Command(
    "imsi", "AT+CIMI", _bare("+CIMI"), parse_imsi, "IMSI", "27.007 section 5.6", timeout_s=5.0
)
CSQ = Command(
    "signal", "AT+CSQ", Expect(("+CSQ",)), parse_csq, "RSSI and bit errors", "27.007 section 8.5"
)
CESQ = Command(
    "signal",
    "AT+CESQ",
    Expect(("+CESQ",)),
    parse_cesq,
    "extended signal quality, LTE and NR",
    "27.007 section 8.69",
)


def _registration(prefix: str, what: str, source: str) -> Command[Registration]:
    return Command(
        "registration",
        f"AT{prefix}?",
        Expect((prefix,), accepts=is_registration_reply),
        parse_registration,
        what,
        source,
    )


CREG = _registration("+CREG", "registration, circuit-switched", "27.007 section 7.2")
CGREG = _registration("+CGREG", "registration, GPRS", "27.007 section 10.1.20")
CEREG = _registration("+CEREG", "registration, LTE", "27.007 section 10.1.22")
C5GREG = _registration("+C5GREG", "registration, 5G core", "27.007 section 10.1.47")
COPS = Command(
    "operator",
    "AT+COPS?",
    Expect(("+COPS",)),
    parse_cops,
    "operator and access technology",
    "27.007 section 7.3",
    timeout_s=10.0,
)
CGACT = Command(
    "context",
    "AT+CGACT?",
    Expect(("+CGACT",)),
    parse_cgact,
    "is a data context active",
    "27.007 section 10.1.10",
)
CGPADDR = Command(
    "addresses",
    "AT+CGPADDR=1",
    Expect(("+CGPADDR",)),
    parse_cgpaddr,
    "addresses of context 1",
    "27.007 section 10.1.14",
)
CFUN = Command(
    "functionality",
    "AT+CFUN?",
    Expect(("+CFUN",)),
    parse_cfun,
    "is the radio on",
    "27.007 section 8.2",
)
CEER = Command(
    "reject_cause",
    "AT+CEER",
    _bare("+CEER"),
    parse_ceer,
    "why the last attach or call failed",
    "27.007 section 6.10",
)

GENERIC_ROWS: tuple[Command[object], ...] = (
    CMEE,
    CGMI,
    CGMM,
    CGMR,
    CGSN,
    CPIN,
    CPINR,
    CCID,
    CCID_READ,
    ICCID,
    CIMI,
    CSQ,
    CESQ,
    CREG,
    CGREG,
    CEREG,
    C5GREG,
    COPS,
    CGACT,
    CGPADDR,
    CFUN,
    CEER,
)


def action(text: str, description: str, source: str, timeout_s: float = 15.0) -> Command[None]:
    """A command that does something and answers OK. CFUN may take 15 s (vendors' manuals)."""
    return Command(description, text, Expect(), parse_nothing, description, source, timeout_s)


RADIO_OFF = action("AT+CFUN=4", "radio off", "27.007 section 8.2")
RADIO_ON = action("AT+CFUN=1", "radio on", "27.007 section 8.2")
RESTART = action("AT+CFUN=1,1", "restart", "27.007 section 8.2")
LOCATION = tuple(
    action(f"AT{prefix}=2", "registration with cell", "27.007 section 10.1.22", 3.0)
    for prefix in ("+CEREG", "+CGREG")
)
LOCATION_5G = action("AT+C5GREG=2", "registration with cell", "27.007 section 10.1.47", 3.0)


def enter_pin(pin: str) -> Command[None]:
    """`AT+CPIN="pin"`; the PIN is shown nowhere.
    ArgumentError unless it has 4 to 8 digits (102 221 section 9.5.1)."""
    if not (pin.isascii() and pin.isdecimal() and 4 <= len(pin) <= 8):
        raise ArgumentError("pin", "a SIM PIN has 4 to 8 digits")
    shown = 'AT+CPIN="****"'
    return Command(
        "pin",
        f'AT+CPIN="{pin}"',
        Expect(("+CPIN",)),
        parse_nothing,
        "SIM PIN",
        "27.007 section 8.3",
        timeout_s=15.0,
        shown=shown,
    )


# --- commands typed by people -------------------------------------------------------------------

# Begin with these (behind AT) and why they are refused. Everything here either ends the dialogue or
# cannot be undone from afar.
_REFUSED = {
    "D": "dials",
    "O": "goes to data mode",
    "A": "takes a call",
    "E": "changes the echo, which the dialogue needs",
    "V": "changes the result format, which the dialogue needs",
    "Q": "changes the results, which the dialogue needs",
    "Z": "resets the dialogue's settings",
    "&F": "resets the dialogue's settings",
    "+CGDATA": "goes to data mode",
    "+CMUX": "changes the port's protocol",
    "+IPR": "changes the port's speed",
    "+QPOWD": "switches the modem off for good",
    "+CPWROFF": "switches the modem off for good",
    "+CPOF": "switches the modem off for good",
    "+EGMR=1": "writes the IMEI",
    "+EGMREXT=1": "writes the IMEI",
    "+GTUSBMODE=": "changes the USB composition",
    '+QCFG="USBNET",': "changes the USB composition",
    "!USBCOMP=": "changes the USB composition",
    "!UDUSBCOMP=": "changes the USB composition",
    "^SETPORT=": "changes the USB composition",
    "^SETMODE=": "changes the USB composition",
    "@NVM": "writes the modem's calibration memory",
    "@STORE_NVM": "writes the modem's calibration memory",
}


def check_typed(command: str) -> None:
    """ArgumentError if a command from a person would
    end the dialogue or cannot be undone from afar."""
    check_command(command)
    for part in command[2:].upper().replace(" ", "").split(";"):
        body = part.removeprefix("AT")
        for beginning, why in _REFUSED.items():
            if body.startswith(beginning) and not body.endswith("=?"):
                raise ArgumentError("command", f"AT{beginning} is refused: it {why}")


_SECRET = re.compile(
    r"(\+CPIN|\+CLCK|\+CPWD|\+CGAUTH|\+QICSGP|\^CPIN|\+EIAAPN)\s*=.*", re.IGNORECASE
)


def masked(command: str) -> str:
    """A command as it may be shown: what follows a PIN or password command is hidden."""
    return _SECRET.sub(r"\1=****", command)


def is_unsupported(kind: str, number_: int | None) -> bool:
    """Does this error say that the modem does not know the
    command? 3 and 4 not allowed/supported, 100 unknown."""
    return kind == "ERROR" or (kind == "CME" and number_ in (3, 4, 50, 100))
