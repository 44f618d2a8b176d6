# SPDX-License-Identifier: GPL-2.0-or-later
"""Huawei ME909s, ME906, E3272/E3372 in stick mode.
HiLink sticks have no AT port and are not modems here.

Sources: ModemManager mm-modem-helpers-huawei.c and its tests (^HCSQ, ^SYSINFOEX, ^NDISSTATQRY);
Huawei ME909s AT Command Interface Specification; obsy/modemdata (ids).

* ^HCSQ and ^SYSINFOEX come with and without quotes; 255 is unknown. ^RSSI, ^HCSQ, ^MODE and more
  come unasked.
* AT^SETPORT without the 4G PCUI (12) locks everybody out; remsim never writes it.
* Interface numbers depend on SETPORT, so none is tabled: the configured device, else whichever port
  answers.
"""

from __future__ import annotations

from collections.abc import Sequence

from remsim.errors import AtNonsense
from remsim.model import Signal
from remsim.modem import commands as c
from remsim.modem.at import Expect
from remsim.modem.commands import Command, PinTries, Radio
from remsim.modem.fields import first_row, number_at, rows, scaled, value_at, within
from remsim.modem.profile import Composition, Profile, SimReread

_TEMPERATURE_UNKNOWN = 65535


def parse_hcsq(lines: Sequence[str]) -> Radio:
    """`^HCSQ: "LTE",rssi,rsrp,sinr,rsrq`, `"WCDMA",rssi,rscp,ecio`, `"GSM",rssi`, `"NOSERVICE"`."""
    row = first_row(lines, "^HCSQ")
    mode = value_at(row, 0).upper()
    rssi = scaled(within(number_at(row, 1), 0, 96), 1, -121)
    if mode == "LTE":
        rsrp = scaled(within(number_at(row, 2), 0, 97), 1, -141)
        sinr = scaled(within(number_at(row, 3), 0, 251), 0.2, -20.2)
        rsrq = scaled(within(number_at(row, 4), 0, 34), 0.5, -20)
        return Radio(Signal(rssi, rsrp, rsrq, None if sinr is None else round(sinr, 1)), "LTE")
    if mode == "NOSERVICE":
        return Radio(Signal())
    if mode in ("WCDMA", "GSM", "TD-SCDMA"):
        return Radio(Signal(rssi_dbm=rssi), {"WCDMA": "UMTS"}.get(mode, mode))
    raise AtNonsense("^HCSQ", " / ".join(lines))


def parse_sysinfoex(lines: Sequence[str]) -> Radio:
    """`^SYSINFOEX:2,3,0,1,,3,"WCDMA",41,"HSPA+"`: the last name is the technology in use."""
    row = first_row(lines, "^SYSINFOEX", at_least=9)
    return Radio(Signal(), value_at(row, 8) or value_at(row, 6) or None)


def parse_chiptemp(lines: Sequence[str]) -> float:
    """Tenths of a degree, several sensors in an order of the firmware's own: the hottest."""
    values = [number_at(row, i) for row in rows(lines, "^CHIPTEMP") for i in range(len(row))]
    known = [v for v in values if v is not None and v != _TEMPERATURE_UNKNOWN]
    if not known:
        raise AtNonsense("^CHIPTEMP", " / ".join(lines))
    return max(known) / 10


def parse_cpin_tries(lines: Sequence[str]) -> PinTries:
    """`^CPIN: SIM PIN,3,10,3,10,3`: state, attempts left for it, then PUK, PIN, PUK2, PIN2."""
    row = first_row(lines, "^CPIN", at_least=4)
    left = number_at(row, 3)
    if left is None:
        raise AtNonsense("^CPIN", " / ".join(lines))
    return PinTries(left, default=3, puk_left=number_at(row, 2))


def parse_ndisstatqry(lines: Sequence[str]) -> bool:
    """`^NDISSTATQRY: 1,,,IPV4` or `1,,,"IPV4",0,33,,"IPV6"`: is any family connected?"""
    row = first_row(lines, "^NDISSTATQRY")
    if number_at(row, 0) is None:
        raise AtNonsense("^NDISSTATQRY", " / ".join(lines))
    return 1 in (number_at(row, 0), number_at(row, 4))


_MM = "ModemManager mm-modem-helpers-huawei.c"
HCSQ = Command("signal", "AT^HCSQ?", Expect(("^HCSQ",)), parse_hcsq, "signal quality", _MM)
SYSINFOEX = Command(
    "technology", "AT^SYSINFOEX", Expect(("^SYSINFOEX",)), parse_sysinfoex, "system in use", _MM
)
CHIPTEMP = Command(
    "temperature", "AT^CHIPTEMP?", Expect(("^CHIPTEMP",)), parse_chiptemp, "hottest", "ME909s AT"
)
CPIN_TRIES = Command(
    "tries_left", "AT^CPIN?", Expect(("^CPIN",)), parse_cpin_tries, "PIN attempts left", "ME909s AT"
)
HUAWEI_ICCID = Command(
    "iccid", "AT^ICCID?", Expect(("^ICCID",), bare=True), c.parse_iccid, "ICCID", "ME909s AT"
)
NDISSTATQRY = Command(
    "context", "AT^NDISSTATQRY?", Expect(("^NDISSTATQRY",)), parse_ndisstatqry, "NCM link", _MM
)

PROFILE = Profile(
    name="huawei",
    title="Huawei ME909s, ME906, E3372 (stick mode)",
    source="Huawei ME909s AT Command Interface Specification",
    compositions=(
        Composition("12d1:15c1"),
        Composition("12d1:1506"),
        Composition("12d1:155e"),
        Composition("12d1:156c"),
    ),
    models=("ME909", "ME906", "E3272", "E3372"),
    reset=c.action("AT^RESET", "restart", "ME909s AT"),
    sim_reread=SimReread.RESET,
    signal=(HCSQ, c.CESQ, c.CSQ),
    iccid=(HUAWEI_ICCID, c.CCID),
    tries_left=(CPIN_TRIES, c.CPINR),
    temperature=(CHIPTEMP,),
    urcs=frozenset(
        [
            "^RSSI",
            "^HCSQ",
            "^MODE",
            "^SRVST",
            "^SIMST",
            "^BOOT",
            "^DSFLOWRPT",
            "^NDISSTAT",
            "^STIN",
            "^LOCCHD",
            "^NWTIME",
            "^CSNR",
            "^RFSWITCH",
            "^EARST",
            "^HFREQINFO",
        ]
    ),
    extra=(SYSINFOEX, NDISSTATQRY),
)
