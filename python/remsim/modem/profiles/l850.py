# SPDX-License-Identifier: GPL-2.0-or-later
"""Fibocom L850-GL (Intel XMM7360, LTE Cat 9 450/50) and L860-GL (XMM7560, Cat 16); Dell DW5820e.

Sources: ModemManager 77-mm-fibocom-port-types.rules (interfaces) and mm-modem-helpers-xmm.c
(+XCESQ); Fibocom L8 Family AT Commands User Manual V3.2.3; obsy/modemdata addon 2cb70007 (+XMCI,
+XLEC).

* MBIM composition: interface 2 AT, 4 debug (silent), 6 second AT port.
* SINR of +XCESQ in half decibels, -100..100. +RSRP and +RSRQ differ by firmware and are not used.
* No command is known that makes it read the SIM again without a restart, so a restart it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from remsim.errors import AtNonsense
from remsim.model import Signal
from remsim.modem import commands as c
from remsim.modem.at import Expect
from remsim.modem.commands import Command, Radio
from remsim.modem.fields import first_row, number_at, rows, scaled, within
from remsim.modem.profile import Composition, Profile, SimReread


def parse_xcesq(lines: Sequence[str]) -> Radio:
    """`+XCESQ: n,rxlev,ber,rscp,ecno,rsrq,rsrp,rssnr[,...]`."""
    row = first_row(lines, "+XCESQ", at_least=8)
    rssi = scaled(within(number_at(row, 1), 0, 63), 1, -111)
    if rssi is None:
        rssi = scaled(within(number_at(row, 3), 0, 96), 1, -121)
    return Radio(
        Signal(
            rssi_dbm=rssi,
            rsrp_dbm=c.lte_rsrp_dbm(number_at(row, 6)),
            rsrq_db=c.lte_rsrq_db(number_at(row, 5)),
            sinr_db=scaled(within(number_at(row, 7), -100, 100), 0.5, 0),
        )
    )


def parse_xmci(lines: Sequence[str]) -> Radio:
    """`+XMCI: 4,...` is the serving LTE cell:
    pathloss, RSRP, RSRQ behind the three channel numbers."""
    for row in rows(lines, "+XMCI"):
        if number_at(row, 0) == 4 and len(row) >= 12:
            rsrp, rsrq = c.lte_rsrp_dbm(number_at(row, 9)), c.lte_rsrq_db(number_at(row, 10))
            return Radio(Signal(rsrp_dbm=rsrp, rsrq_db=rsrq), "LTE")
    raise AtNonsense("+XMCI", " / ".join(lines))


_BAND = re.compile(r"BAND_LTE_(\d+)")


def parse_xlec(lines: Sequence[str]) -> str:
    """`+XLEC: 0,2,5,3,BAND_LTE_3`: cells, bandwidth of each, then the primary band."""
    for row in rows(lines, "+XLEC"):
        for value in row:
            if (match := _BAND.fullmatch(value)) and match[1] != "0":
                return f"B{match[1]}"
    raise AtNonsense("+XLEC", " / ".join(lines))


def parse_mtsm(lines: Sequence[str]) -> float:
    """`+MTSM: 52`: whole degrees."""
    value = number_at(first_row(lines, "+MTSM"), 0)
    if value is None:
        raise AtNonsense("+MTSM", " / ".join(lines))
    return float(value)


XCESQ = Command(
    "signal",
    "AT+XCESQ?",
    Expect(("+XCESQ",)),
    parse_xcesq,
    "signal quality with SNR",
    "ModemManager mm-modem-helpers-xmm.c",
)
XMCI = Command(
    "signal",
    "AT+XMCI=1",
    Expect(("+XMCI",)),
    parse_xmci,
    "serving and neighbour cells",
    "Fibocom L8 section 9.1",
)
XLEC = Command(
    "band",
    "AT+XLEC?",
    Expect(("+XLEC",)),
    parse_xlec,
    "bands and bandwidths in use",
    "Fibocom L8 section 9.1.16",
)
MTSM = Command(
    "temperature",
    "AT+MTSM=1",
    Expect(("+MTSM",)),
    parse_mtsm,
    "temperature of the module",
    "Fibocom L8 section 4.2.4",
)

PROFILE = Profile(
    name="l850",
    title="Fibocom L850-GL / L860-GL",
    source="Fibocom L8 Family AT Commands User Manual V3.2.3",
    compositions=(
        Composition("2cb7:0007", at_interfaces=(2, 6)),
        Composition("413c:81d9", at_interfaces=(2, 6)),
        Composition("8087:095a", at_interfaces=(0, 2)),
    ),
    models=("L850", "L860", "DW5820"),
    reset=c.action("AT+CFUN=15", "restart", "Fibocom L8 section 4"),
    sim_reread=SimReread.RESET,
    signal=(XCESQ, XMCI, c.CESQ),
    band=XLEC,
    temperature=(MTSM,),
    registration=(c.CEREG, c.CGREG, c.CREG),
    urcs=frozenset(["+XCESQI", "+XSIM", "+XREG", "+XMETRIC", "+PBREADY", "+SIM", "+STIN"]),
    extra=(
        Command(
            "usb_mode",
            "AT+GTUSBMODE?",
            Expect(("+GTUSBMODE",)),
            c.parse_lines,
            "USB mode: 7 MBIM, 0 NCM, 9 NCM with ACM",
            "Fibocom L8; CME 4 on some builds",
        ),
        Command(
            "bands",
            "AT+XACT?",
            Expect(("+XACT",)),
            c.parse_lines,
            "allowed technologies and bands",
            "ModemManager",
        ),
    ),
)
