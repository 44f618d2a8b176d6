# SPDX-License-Identifier: GPL-2.0-or-later
"""Quectel EC20/EC25, EG06/EP06, RM500Q, RM520N.

Sources: Quectel EC2x&EG9x&EM05 AT Commands Manual; ModemManager quectel port-type rules;
FUjr/QModem testcases; obsy/modemdata addons 2c7c0306, 2c7c0800.

* SINR of +QENG is v/5 - 20 on EC2x and EG06, plain decibels on RM5xx; told apart by the NR words
  and the model.
* AT+QPOWD is power off, not a reset: after it the modem stays off. The reset is AT+CFUN=1,1.
* USB composition (AT+QCFG="usbnet") is never written here.
* 05c6:9215 is the old EC20, but also many other Qualcomm devices: the model must confirm it.
* SIM hot-plug detection (+QSIMDET) with the wrong polarity hides the SIM, and needs a restart to
  apply: the restart is what makes the SIM be read again.
"""

from __future__ import annotations

from collections.abc import Sequence

from remsim.errors import AtNonsense
from remsim.model import Signal
from remsim.modem import commands as c
from remsim.modem.at import Expect
from remsim.modem.commands import Command, PinTries, Radio
from remsim.modem.fields import Row, first_row, number, number_at, rows, scaled, value_at, within
from remsim.modem.profile import Composition, Profile, SimReread


def _dbm(row: Row, index: int) -> float | None:
    value = within(number_at(row, index), -160, 30)
    return None if value is None else float(value)


def parse_qeng(lines: Sequence[str]) -> Radio:
    """`+QENG: "servingcell",state,...` on one line, or one line per technology under EN-DC."""
    table = rows(lines, "+QENG")
    if not table:
        raise AtNonsense("+QENG", " / ".join(lines))
    cells = [row[2:] if value_at(row, 0).lower() == "servingcell" else row for row in table]
    found = {value_at(row, 0).upper(): row for row in cells if row}
    lte, nsa, sa = found.get("LTE"), found.get("NR5G-NSA"), found.get("NR5G-SA")
    if sa is not None:
        return Radio(_nr_sa(sa), "NR SA")
    if lte is not None:
        return Radio(_lte(lte), "EN-DC" if nsa is not None else "LTE")
    return Radio(Signal())


def _lte(row: Row) -> Signal:
    """ "LTE",dup,MCC,MNC,CI,PCI,EARFCN,band,UL,DL,TAC,RSRP,RSRQ,RSSI,SINR:
    SINR in fifths above -20."""
    band = number_at(row, 7)
    return Signal(
        rssi_dbm=_dbm(row, 13),
        rsrp_dbm=_dbm(row, 11),
        rsrq_db=_dbm(row, 12),
        sinr_db=scaled(within(number_at(row, 14), 0, 250), 0.2, -20),
        band=None if band is None else f"B{band}",
    )


def _nr_sa(row: Row) -> Signal:
    """ "NR5G-SA",dup,MCC,MNC,CI,PCI,TAC,ARFCN,band,bandwidth,RSRP,RSRQ,SINR: SINR in decibels."""
    band = number_at(row, 8)
    return Signal(
        rsrp_dbm=_dbm(row, 10),
        rsrq_db=_dbm(row, 11),
        sinr_db=_dbm(row, 12),
        band=None if band is None else f"n{band}",
    )


def parse_qcsq(lines: Sequence[str]) -> Radio:
    """`+QCSQ: "LTE",rssi,rsrp,sinr,rsrq`; "NOSERVICE" alone."""
    row = first_row(lines, "+QCSQ")
    mode = value_at(row, 0).upper()
    if mode == "LTE" and len(row) >= 5:
        sinr = scaled(within(number_at(row, 3), 0, 250), 0.2, -20)
        return Radio(Signal(_dbm(row, 1), _dbm(row, 2), _dbm(row, 4), sinr), "LTE")
    if mode in ("GSM", "WCDMA", "TDSCDMA"):
        return Radio(Signal(rssi_dbm=_dbm(row, 1)))
    return Radio(Signal())


def parse_qnwinfo(lines: Sequence[str]) -> str:
    """`+QNWINFO: "NR5G-SA","46011","NR N78",633984` -> n78; "LTE BAND 3" -> B3."""
    words = value_at(first_row(lines, "+QNWINFO", at_least=3), 2).upper().split()
    name = words[-1] if words else ""
    if name.startswith("N") and name[1:].isdecimal():
        return f"n{name[1:]}"
    if name.isdecimal():
        return f"B{name}"
    raise AtNonsense("+QNWINFO", " / ".join(lines))


def parse_qtemp(lines: Sequence[str]) -> float:
    """`+QTEMP: 34,31,31` or one line per sensor, `+QTEMP: "soc-thermal","50"`: the hottest."""
    table = rows(lines, "+QTEMP")
    values = [within(number(value), -40, 150) for row in table for value in row]
    known = [value for value in values if value is not None]
    if not known:
        raise AtNonsense("+QTEMP", " / ".join(lines))
    return float(max(known))


def parse_qpinc(lines: Sequence[str]) -> PinTries:
    """`+QPINC: "SC",3,10` = PIN and PUK attempts left."""
    for row in rows(lines, "+QPINC"):
        left = number_at(row, 1)
        if value_at(row, 0).upper() == "SC" and left is not None:
            return PinTries(left, default=3, puk_left=number_at(row, 2))
    raise AtNonsense("+QPINC", " / ".join(lines))


_MANUAL = "Quectel EC2x AT Commands Manual"
QENG = Command(
    "signal", 'AT+QENG="servingcell"', Expect(("+QENG",)), parse_qeng, "serving cell", _MANUAL
)
QCSQ = Command("signal", "AT+QCSQ", Expect(("+QCSQ",)), parse_qcsq, "signal quality", _MANUAL)
QNWINFO = Command("band", "AT+QNWINFO", Expect(("+QNWINFO",)), parse_qnwinfo, "band", _MANUAL)
QTEMP = Command("temperature", "AT+QTEMP", Expect(("+QTEMP",)), parse_qtemp, "hottest", _MANUAL)
QPINC = Command(
    "tries_left", 'AT+QPINC="SC"', Expect(("+QPINC",)), parse_qpinc, "PIN attempts left", _MANUAL
)
QCCID = Command(
    "iccid",
    "AT+QCCID",
    Expect(("+QCCID", "+CCID", "+ICCID"), bare=True),
    c.parse_iccid,
    "ICCID",
    _MANUAL,
)

PROFILE = Profile(
    name="quectel",
    title="Quectel EC20/EC25, EG06/EP06, RM500Q/RM520N",
    source=_MANUAL,
    compositions=(
        Composition("2c7c:0125", at_interfaces=(2, 3)),
        Composition("2c7c:0306", at_interfaces=(2, 3)),
        Composition("2c7c:0800", at_interfaces=(2, 3)),
        Composition("2c7c:0801", at_interfaces=(2, 3)),
        Composition("05c6:9215", at_interfaces=(2, 3), needs_model=True),
    ),
    models=("EC2", "EG0", "EG1", "EG2", "EP06", "EM05", "EM06", "RM5"),
    sim_reread=SimReread.RESET,
    slot_select="AT+QUIMSLOT={slot}",
    signal=(QENG, QCSQ, c.CESQ),
    band=QNWINFO,
    registration=(c.CEREG, c.C5GREG, c.CGREG),
    iccid=(QCCID, c.CCID, c.ICCID),
    tries_left=(QPINC, c.CPINR),
    temperature=(QTEMP,),
    urcs=frozenset(["+QIND", "+QUSIM", "+QSIMSTAT", "+QNETDEVSTATUS", "+QIURC"]),
    extra=(
        Command(
            "usb_net",
            'AT+QCFG="usbnet"',
            Expect(("+QCFG",)),
            c.parse_lines,
            "0 QMI, 1 ECM, 2 MBIM, 3 RNDIS, 5 NCM",
            _MANUAL,
        ),
        Command(
            "slot",
            "AT+QUIMSLOT?",
            Expect(("+QUIMSLOT",)),
            c.parse_lines,
            "SIM slot, 1 or 2",
            _MANUAL,
        ),
        Command(
            "sim_inserted",
            "AT+QSIMSTAT?",
            Expect(("+QSIMSTAT",)),
            c.parse_lines,
            "reporting on; 0 out, 1 in, 2 unknown",
            _MANUAL,
        ),
        Command(
            "counters",
            "AT+QGDCNT?",
            Expect(("+QGDCNT",)),
            c.parse_lines,
            "bytes sent, received",
            _MANUAL,
        ),
    ),
)
