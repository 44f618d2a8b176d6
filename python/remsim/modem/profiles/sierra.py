# SPDX-License-Identifier: GPL-2.0-or-later
"""Sierra Wireless MC7455/EM7455, EM7565.

Sources: osmocom wiki "Sierra Wireless Modems"; obsy/modemdata addon 11999071; Linux qcserial
(interfaces).

* AT!GSTATUS? is a table for people: values are found by their label, never by column; firmware
  moves the columns.
* Writes need AT!ENTERCND first, once per boot; remsim writes nothing. A wrong AT!USBCOMP mask
  soft-bricks the modem (0x10D is DIAG+NMEA+MODEM+QMI, 0x100D adds MBIM).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from remsim.errors import AtNonsense
from remsim.model import Signal
from remsim.modem import commands as c
from remsim.modem.at import ANYTHING, Expect
from remsim.modem.commands import Command, Radio
from remsim.modem.profile import Composition, Profile, SimReread

_NUMBER = r"\s*:\s*(-?\d{1,4}(?:\.\d{1,2})?)"
_LABELS = {
    "rssi": re.compile(r"PCC RxM RSSI" + _NUMBER),
    "rsrp": re.compile(r"(?:RSRP \(dBm\)|PCC RxM RSRP)" + _NUMBER),
    "rsrq": re.compile(r"RSRQ \(dB\)" + _NUMBER),
    "sinr": re.compile(r"SINR \(dB\)" + _NUMBER),
}
_TEMPERATURE = re.compile(r"Temperature" + _NUMBER)
_BAND = re.compile(r"LTE band\s*:\s*(B\d{1,3})")


def _labelled(pattern: re.Pattern[str], text: str) -> float | None:
    match = pattern.search(text)
    return float(match[1]) if match else None


def parse_gstatus(lines: Sequence[str]) -> Radio:
    """The table's labels, wherever they stand."""
    text = "\n".join(lines)
    if "GSTATUS" not in text and "System mode" not in text:
        raise AtNonsense("!GSTATUS", text)
    values = {name: _labelled(pattern, text) for name, pattern in _LABELS.items()}
    band = _BAND.search(text)
    return Radio(
        Signal(
            values["rssi"],
            values["rsrp"],
            values["rsrq"],
            values["sinr"],
            band[1] if band else None,
        ),
        "LTE" if "System mode: LTE" in text else None,
    )


def parse_gstatus_temperature(lines: Sequence[str]) -> float:
    value = _labelled(_TEMPERATURE, "\n".join(lines))
    if value is None:
        raise AtNonsense("!GSTATUS", " / ".join(lines))
    return value


GSTATUS = Command(
    "signal", "AT!GSTATUS?", ANYTHING, parse_gstatus, "operation status", "modemdata 11999071"
)
GSTATUS_TEMPERATURE = Command(
    "temperature",
    "AT!GSTATUS?",
    ANYTHING,
    parse_gstatus_temperature,
    "temperature",
    "modemdata 11999071",
)
SIERRA_ICCID = Command(
    "iccid",
    "AT!ICCID?",
    Expect(("!ICCID", "+ICCID"), bare=True),
    c.parse_iccid,
    "ICCID",
    "Sierra AT Command Reference",
)
ICCID_READ = Command(
    "iccid",
    "AT+ICCID?",
    Expect(("+ICCID", "ICCID"), bare=True),
    c.parse_iccid,
    "ICCID",
    "Sierra AT Command Reference",
)

PROFILE = Profile(
    name="sierra",
    title="Sierra Wireless MC7455/EM7455, EM7565",
    source="osmocom wiki, Sierra Wireless Modems",
    compositions=(
        Composition("1199:9071", at_interfaces=(3,)),
        Composition("1199:9079", at_interfaces=(3,)),
        Composition("1199:9091", at_interfaces=(3,)),
    ),
    models=("MC74", "EM74", "MC7455", "EM75"),
    reset=c.action("AT!RESET", "restart", "osmocom wiki, Sierra Wireless Modems"),
    sim_reread=SimReread.RESET,
    signal=(GSTATUS, c.CESQ, c.CSQ),
    iccid=(ICCID_READ, SIERRA_ICCID, c.CCID),
    temperature=(GSTATUS_TEMPERATURE,),
    extra=(
        Command("slot", "AT!UIMS?", Expect(("!UIMS",)), c.parse_lines, "SIM slot", "QModem"),
        Command(
            "composition", "AT!USBCOMP?", ANYTHING, c.parse_lines, "USB composition", "osmocom wiki"
        ),
        Command(
            "carrier",
            "AT!IMPREF?",
            ANYTHING,
            c.parse_lines,
            "carrier image preference",
            "128T guide",
        ),
    ),
)
