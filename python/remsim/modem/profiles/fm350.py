# SPDX-License-Identifier: GPL-2.0-or-later
"""Fibocom FM350-GL (MediaTek T700, 5G). USB: RNDIS with an AT port; PCIe: kernel's mtk_t7xx.

Sources: Fibocom FM350 AT Commands User Manual V2.10 (sections in the rows); Linux commit
2604e08ff251 (USB ids and interfaces); obsy/modemdata addon 0e8d7126 and francesco-stimola's
device-verified notes (answers, timing).

* AT+CFUN=15 answers OK at once, the USB device leaves 49 s later and is back 28 s after that: 77 s
  in all. The port can stay silent for 54 to 160 s after it appeared.
* +CPINR is unknown here (CME 100); +EPINC tells the attempts.
* <AcT> is 13 (EN-DC) on plain LTE as well; whether NR is in use shows in the cells of +GTCCINFO
  alone.
* Band and bandwidth of +GTCCINFO are filled only while connected. The LTE SINR scale (v/2) is what
  projects use, no manual says it.
* +GTCAINFO goes unanswered on some units: nothing here depends on it.
* The SIM is read again by a radio cycle if hot-plug detection (+MSMPD) is on.
* USB modes (AT+GTUSBMODE) are 40 and 41 only, both RNDIS; remsim never writes them.
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

_LTE, _NR = 4, 9  # <rat> of +GTCCINFO


def parse_epinc(lines: Sequence[str]) -> PinTries:
    """`+EPINC: 3, 3, 10, 10` = PIN1, PIN2, PUK1, PUK2 attempts left."""
    row = first_row(lines, "+EPINC")
    left = number_at(row, 0)
    if left is None:
        raise AtNonsense("+EPINC", " / ".join(lines))
    return PinTries(left, default=3, puk_left=number_at(row, 2))


def band_of(rat: int | None, code: str) -> str | None:
    """LTE is 100 + N ("103" = B3), NR is "50" before
    N ("5078" = n78), WCDMA below 100 is N itself."""
    if number(code) is None:
        return None
    if rat == _NR:
        return f"n{code[2:]}" if code.startswith("50") and len(code) > 2 else None
    band = int(code) - 100
    return f"B{band}" if band > 0 else None


def _signal(row: Row) -> Signal:
    rat, sinr = number_at(row, 1), number_at(row, 10)
    rsrp, rsrq, band = number_at(row, 12), number_at(row, 13), band_of(rat, value_at(row, 8))
    if rat == _NR:
        return Signal(None, c.nr_rsrp_dbm(rsrp), c.nr_rsrq_db(rsrq), c.nr_sinr_db(sinr), band)
    return Signal(
        None,
        c.lte_rsrp_dbm(rsrp),
        c.lte_rsrq_db(rsrq),
        scaled(within(sinr, -50, 100), 0.5, 0),
        band,
    )


def parse_gtccinfo(lines: Sequence[str]) -> Radio:
    """Serving cells (first value 1) among header, titles and neighbours (first value 2).

    Under EN-DC the LTE anchor's values stand for the signal and both bands are named.
    """
    if not lines:
        raise AtNonsense("+GTCCINFO", "")
    cells = [row for row in rows(lines, "") if value_at(row, 0) == "1" and len(row) >= 14]
    serving = {number_at(row, 1): _signal(row) for row in reversed(cells)}
    lte, nr = serving.get(_LTE), serving.get(_NR)
    if lte is not None and nr is not None:
        bands = [band for band in (lte.band, nr.band) if band]
        both = Signal(None, lte.rsrp_dbm, lte.rsrq_db, lte.sinr_db, "+".join(bands) or None)
        return Radio(both, "EN-DC")
    if lte is not None:
        return Radio(lte, "LTE")
    return Radio(nr, "NR SA") if nr is not None else Radio(Signal())


def parse_gtsenrdtemp(lines: Sequence[str]) -> float:
    """`+GTSENRDTEMP: 1,45300`: thousandths of a degree;
    the hottest. 0 is a sensor that does not exist."""
    values = [number_at(row, 1) for row in rows(lines, "+GTSENRDTEMP")]
    known = [value for value in values if value]
    if not known:
        raise AtNonsense("+GTSENRDTEMP", " / ".join(lines))
    return max(known) / 1000


GTCCINFO = Command(
    "signal",
    "AT+GTCCINFO?",
    Expect(("+GTCCINFO",), bare=True),
    parse_gtccinfo,
    "serving and neighbour cells",
    "Fibocom section 11.1.15",
)
EPINC = Command(
    "tries_left",
    "AT+EPINC?",
    Expect(("+EPINC",)),
    parse_epinc,
    "PIN attempts left",
    "device-verified",
)
GTSENRDTEMP = Command(
    "temperature",
    "AT+GTSENRDTEMP=1",
    Expect(("+GTSENRDTEMP",)),
    parse_gtsenrdtemp,
    "highest temperature of the chip",
    "Fibocom section 18.3",
)


def _read(
    name: str, text: str, prefix: str, description: str, source: str
) -> Command[tuple[str, ...]]:
    return Command(name, text, Expect((prefix,), bare=True), c.parse_lines, description, source)


PROFILE = Profile(
    name="fm350",
    title="Fibocom FM350-GL",
    source="Fibocom FM350 AT Commands User Manual V2.10",
    compositions=(
        Composition("0e8d:7126", at_interfaces=(4,)),  # GTUSBMODE 40
        Composition("0e8d:7127", at_interfaces=(6,)),  # GTUSBMODE 41, the default
        Composition("14c3:4d75", at_port="at"),  # PCIe
    ),
    models=("FM350",),
    boot_time_s=77.0,
    drop_s=60.0,
    silent_s=160.0,
    reset=c.action("AT+CFUN=15", "restart", "Fibocom section 4.2"),
    sim_reread=SimReread.RADIO_CYCLE,
    setup=(c.CMEE, *c.LOCATION, c.LOCATION_5G),
    slot_select="AT+GTDUALSIM={slot}",
    signal=(GTCCINFO, c.CESQ),
    registration=(c.CEREG, c.C5GREG, c.CGREG),
    iccid=(c.ICCID, c.CCID),
    tries_left=(EPINC, c.CPINR),
    temperature=(GTSENRDTEMP,),
    act_tells_en_dc=False,
    urcs=frozenset(
        ["+ESIMS", "+CIREPI", "+EONSNWNAME", "+EDSBP", "+EIND", "+EMCFRPT", "+CNEMIU", "+CSCON"]
    ),
    extra=(
        _read("package", "AT+GTPKGVER?", "+GTPKGVER", "firmware package", "Fibocom section 3.21"),
        _read("usb_mode", "AT+GTUSBMODE?", "+GTUSBMODE", "USB mode", "Fibocom section 13.1.1"),
        _read("slot", "AT+GTDUALSIM?", "+GTDUALSIM", "SIM slot in use", "Fibocom section 4.3"),
        _read("hot_plug", "AT+MSMPD?", "+MSMPD", "SIM hot-plug detection", "Fibocom section 4.7"),
        _read("fcc", "AT+GTFCCEFFSTATUS?", "+GTFCCEFFSTATUS", "FCC lock", "Fibocom section 17.3"),
        _read("carriers", "AT+GTCAINFO?", "+GTCAINFO", "aggregated carriers", "section 11.1.16"),
    ),
)
