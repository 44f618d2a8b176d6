# SPDX-License-Identifier: GPL-2.0-or-later
"""Answers as real modems give them, row by row, and what they mean."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remsim.errors import ArgumentError, AtNonsense
from remsim.model import Registration, Signal
from remsim.modem import commands as c
from remsim.modem.at import (
    Answered,
    AtDialogue,
    Final,
    Request,
)
from remsim.modem.commands import Command, Context, Operator, PinTries, Radio
from remsim.modem.profile import ProfileTable
from remsim.modem.profiles import fm350, huawei, l850, quectel, sierra
from remsim.modem.profiles.fibocom import PROFILE as FIBOCOM

NOTHING_KNOWN = Radio(Signal())

GENERIC_VECTORS: list[tuple[Command[object], list[str], object]] = [
    (c.CGMM, ['+CGMM: "FM350-GL"'], "FM350-GL"),
    (c.CGMM, ["FM350-GL"], "FM350-GL"),
    (c.CGMM, ["L850-GL"], "L850-GL"),
    (c.CGMI, ['+CGMI: "Fibocom Wireless Inc."'], "Fibocom Wireless Inc."),
    (c.CGMR, ["Revision: EC25EFAR06A01M4G"], "EC25EFAR06A01M4G"),
    (c.CGMR, ["81600.0000.00.29.22.06"], "81600.0000.00.29.22.06"),
    (c.CGMR, ['+GMR: "81600.0000.00.29.22.06"'], "81600.0000.00.29.22.06"),
    (c.CGSN, ["863123040012343"], "863123040012343"),
    (c.CGSN, ['+CGSN: "863123040012343"'], "863123040012343"),
    (c.CPIN, ["+CPIN: READY"], "READY"),
    (c.CPIN, ["+CPIN:READY"], "READY"),
    (c.CPIN, ["+CPIN: SIM PIN"], "SIM PIN"),
    (c.CPIN, ["+CPIN: SIM PUK"], "SIM PUK"),
    (c.CPIN, ["+CPIN: PH-NET PIN"], "PH-NET PIN"),
    (c.CPINR, ["+CPINR: SIM PIN,3,3"], PinTries(3, 3)),
    (
        c.CPINR,
        ["+CPINR: SIM PIN,2,3", "+CPINR: SIM PUK,10,10", "+CPINR: SIM PIN2,3,3"],
        PinTries(2, 3, 10),
    ),
    (c.CPINR, ['+CPINR: "SIM PIN", 1, 3'], PinTries(1, 3)),
    (c.CCID, ["+CCID: 8949020000012345678"], "8949020000012345678"),
    (c.CCID, ["+CCID: 89490200000123456789"], "89490200000123456789"),
    (c.CCID, ["8949020000012345678F"], "8949020000012345678"),
    (c.ICCID, ["+ICCID: 8949020000012345678f"], "8949020000012345678"),
    (c.ICCID, ['+ICCID: "8949020000012345678"'], "8949020000012345678"),
    (c.ICCID, ["+ICCID: 989420000010325476F8"], "8949020000012345678"),
    (c.CIMI, ["262011234567890"], "262011234567890"),
    (c.CIMI, ['+CIMI: "262011234567890"'], "262011234567890"),
    (c.CSQ, ["+CSQ: 11,99"], Radio(Signal(rssi_dbm=-91))),
    (c.CSQ, ["+CSQ: 11, 99"], Radio(Signal(rssi_dbm=-91))),
    (c.CSQ, ["+CSQ: 0,0"], Radio(Signal(rssi_dbm=-113))),
    (c.CSQ, ["+CSQ: 31,99"], Radio(Signal(rssi_dbm=-51))),
    (c.CSQ, ["+CSQ: 99, 99"], NOTHING_KNOWN),
    (c.CSQ, ["+CSQ: 199,99"], NOTHING_KNOWN),
    (c.CSQ, ["+CSQ: 141,99"], Radio(Signal(rssi_dbm=-75))),
    (c.CESQ, ["+CESQ: 99,99,255,255,20,80"], Radio(Signal(rsrp_dbm=-61, rsrq_db=-10))),
    (
        c.CESQ,
        ["+CESQ: 17,99,255,255,4,55,75,52,57"],
        Radio(Signal(rssi_dbm=-94, rsrp_dbm=-86, rsrq_db=-18)),
    ),
    (
        c.CESQ,
        ["+CESQ: 99,99,255,255,255,255,75,52,57"],
        Radio(Signal(rsrp_dbm=-105, rsrq_db=-6, sinr_db=5)),
    ),
    (c.CESQ, ["+CESQ: 99,99,255,255,255,255,255,255,255"], NOTHING_KNOWN),
    (c.CESQ, ["+CESQ: 99,99,46,31,255,255"], Radio(Signal(rssi_dbm=-75))),
    (c.CREG, ["+CREG: 0,1"], Registration(1)),
    (c.CEREG, ["+CEREG: 0,3"], Registration(3)),
    (c.CEREG, ['+CEREG: 2,1,"05D5","0019BF801",7'], Registration(1, 7, "05D5", "0019BF801")),
    (c.CEREG, ["+CEREG: 2,5,5d5,19bf801,7"], Registration(5, 7, "5D5", "19BF801")),
    (c.CEREG, ['+CEREG: 2,2,"FFFF","00FFFFFFF",7'], Registration(2, 7)),
    (c.CREG, ['+CREG: 2,6,"25AF","0019BF801",13'], Registration(6, 13, "25AF", "0019BF801")),
    (c.CEREG, ["+CEREG: 0,10"], Registration(10)),
    (c.C5GREG, ["+C5GREG: 0"], Registration(4)),
    (
        c.C5GREG,
        ['+C5GREG: 2,1,"590A1C","005AB62060",11,1,"01"'],
        Registration(1, 11, "590A1C", "005AB62060"),
    ),
    (c.CGREG, ['+CGREG: 2,1,"05D5","0019BF80",7,"01"'], Registration(1, 7, "05D5", "0019BF80")),
    (c.COPS, ['+COPS: 0,0,"o2 - de",7'], Operator("o2 - de", 7)),
    (c.COPS, ['+COPS:0,2,"26202",13'], Operator("26202", 13)),
    (c.COPS, ['+COPS: 0,255,"",0'], Operator(None)),
    (c.COPS, ['+COPS:0,255,"",0'], Operator(None)),
    (c.COPS, ["+COPS: 0"], Operator(None)),
    (c.COPS, ["+COPS: 2"], Operator(None)),
    (c.COPS, ['+COPS: 0,0,"006F0032002D00640065",7'], Operator("o2-de", 7)),
    (c.COPS, ['+COPS: 1,0,"A, B",2'], Operator("A, B", 2)),
    (c.CGACT, ["+CGACT: 1,1"], True),
    (c.CGACT, ["+CGACT: 0,0", "+CGACT: 1,1"], True),
    (c.CGACT, ["+CGACT: 1,0"], False),
    (c.CGACT, [], False),
    (c.CGPADDR, ['+CGPADDR: 1,"10.64.1.2",""'], (Context(1, ("10.64.1.2",)),)),
    (
        c.CGPADDR,
        ['+CGPADDR: 1,"10.64.1.2","32.1.13.184.0.0.0.0.0.0.0.0.0.0.0.1"'],
        (Context(1, ("10.64.1.2", "2001:db8::1")),),
    ),
    (c.CGPADDR, ["+CGPADDR: 1,0.0.0.0"], (Context(1, ()),)),
    (c.CGPADDR, ["+CGPADDR: 1"], (Context(1, ()),)),
    (c.CFUN, ["+CFUN: 1"], 1),
    (c.CFUN, ["+CFUN: 4,0"], 4),
    (c.CEER, ["+CEER: 0,NONE"], None),
    (c.CEER, ["+CEER: Option unsubscribed"], "Option unsubscribed"),
]

XMCI_LINE = (
    '+XMCI: 4,310,410,"0x1111","0x01234567","0x003D","0x000002BC","0x0000490C",'
    '"0xFFFFFFFF",36,21,26,"0x0000001C","0x00000000"'
)
QENG_LTE = (
    '+QENG: "servingcell","NOCONN","LTE","FDD",262,01,25A5507,212,500,1,5,5,67BD,-93,-7,-65,15,28'
)
QENG_SA = (
    '+QENG: "servingcell","CONNECT","NR5G-SA","TDD",460,11,760BF0114,702,76010F,633984,78,100,-89,'
    "-8,15,18,34,1"
)
GSTATUS = [
    "!GSTATUS:",
    "Current Time:  5182\t\tTemperature: 41",
    "Reset Counter: 1\t\tMode:        ONLINE",
    "System mode: LTE        \tPS state:    Attached",
    "LTE band: B3     \t\tLTE bw:      20 MHz",
    "LTE Rx chan: 1300\t\tLTE Tx chan: 19300",
    "PCC RxM RSSI: -45       RSRP (dBm): -81",
    "Tx Power: --            TAC: 05D5 (1493)",
    "RSRQ (dB): -8.4         Cell ID: 0019BF80 (1687424)",
    "SINR (dB): 14.2",
]

VENDOR_VECTORS: list[tuple[Command[object], list[str], object]] = [
    # FM350-GL
    (fm350.EPINC, ["+EPINC: 3, 3, 10, 10"], PinTries(3, 3, 10)),
    (fm350.EPINC, ["+EPINC: 2, 3, 10, 10"], PinTries(2, 3, 10)),
    (
        fm350.GTCCINFO,
        ["+GTCCINFO:", "1,4,262,1,05D5,0019BF801,1300,358,103,100,13,60,60,22"],
        Radio(Signal(None, -81, -9, 6.5, "B3"), "LTE"),
    ),
    (
        fm350.GTCCINFO,
        ["+GTCCINFO:", "1,9,460,11,590A1C,5AB620605,176190,524,505,75,6,57,57,73"],
        Radio(Signal(None, -100, -7, -20.5, "n5"), "NR SA"),
    ),
    (
        fm350.GTCCINFO,
        [
            "+GTCCINFO:",
            "LTE service cell:",
            "1,4,262,1,05D5,0019BF801,1300,358,103,100,13,60,60,22",
            "1,9,,,FFFFFFF,00FFFFFFF,641760,940,5078,450,19,76,76,84",
            "LTE neighbor cell:",
            "2,4,,,FFFF,00FFFFFFF,1300,359,100,50,52,18",
        ],
        Radio(Signal(None, -81, -9, 6.5, "B3+n78"), "EN-DC"),
    ),
    (  # idle: band and bandwidth are empty
        fm350.GTCCINFO,
        ["+GTCCINFO:", "1,4,262,1,05D5,0019BF801,1300,358,,,255,255,60,82"],
        Radio(Signal(None, -81, None, None, None), "LTE"),
    ),
    (fm350.GTCCINFO, ["+GTCCINFO:"], NOTHING_KNOWN),
    (fm350.GTSENRDTEMP, ["+GTSENRDTEMP: 1,45300"], 45.3),
    (fm350.GTSENRDTEMP, ["+GTSENRDTEMP: 1,35839", "+GTSENRDTEMP: 17,0"], 35.839),
    # L850-GL
    (l850.XCESQ, ["+XCESQ: 0,99,99,255,255,24,51,18"], Radio(Signal(None, -90, -8, 9))),
    (l850.XCESQ, ["+XCESQ: 0,99,99,255,255,17,45,-2"], Radio(Signal(None, -96, -11.5, -1))),
    (
        l850.XCESQ,
        ["+XCESQ: 0,99,99,255,255,19,58,11,255,255,255,255"],
        Radio(Signal(None, -83, -10.5, 5.5)),
    ),
    (l850.XCESQ, ["+XCESQ: 0,99,99,255,255,255,255,255"], NOTHING_KNOWN),
    (l850.XMCI, [XMCI_LINE], Radio(Signal(rsrp_dbm=-105, rsrq_db=-9.5), "LTE")),
    (l850.XLEC, ["+XLEC: 0,2,5,3,BAND_LTE_3"], "B3"),
    (l850.XLEC, ["+XLEC: 0,2,3,5,BAND_LTE_18,0,0,0,0"], "B18"),
    (l850.MTSM, ["+MTSM: 52"], 52.0),
    # Quectel
    (quectel.QENG, [QENG_LTE], Radio(Signal(-65, -93, -7, -17, "B1"), "LTE")),
    (quectel.QENG, [QENG_SA], Radio(Signal(None, -89, -8, 15, "n78"), "NR SA")),
    (
        quectel.QENG,
        [
            '+QENG: "servingcell","NOCONN"',
            '+QENG: "LTE","FDD",262,01,25A5507,212,500,1,5,5,67BD,-93,-7,-65,15,28',
            '+QENG: "NR5G-NSA",262,01,940,-95,12,-11,641760,78,10,1',
        ],
        Radio(Signal(-65, -93, -7, -17, "B1"), "EN-DC"),
    ),
    (quectel.QENG, ['+QENG: "servingcell","SEARCH"'], NOTHING_KNOWN),
    (quectel.QCSQ, ['+QCSQ: "LTE",-65,-93,150,-7'], Radio(Signal(-65, -93, -7, 10), "LTE")),
    (quectel.QCSQ, ['+QCSQ: "NOSERVICE"'], NOTHING_KNOWN),
    (quectel.QNWINFO, ['+QNWINFO: "NR5G-SA","46011","NR N78",633984'], "n78"),
    (quectel.QNWINFO, ['+QNWINFO: "FDD LTE","26201","LTE BAND 3",1300'], "B3"),
    (quectel.QTEMP, ["+QTEMP: 34,31,31"], 34.0),
    (quectel.QTEMP, ['+QTEMP: "soc-thermal","50"', '+QTEMP: "pa-thermal","47"'], 50.0),
    (quectel.QCCID, ["+QCCID: 8949020000012345678F"], "8949020000012345678"),
    (quectel.QPINC, ['+QPINC: "SC",3,10'], PinTries(3, 3, 10)),
    # Sierra
    (sierra.GSTATUS, GSTATUS, Radio(Signal(-45, -81, -8.4, 14.2, "B3"), "LTE")),
    (
        sierra.GSTATUS,
        ["!GSTATUS:", "System mode: LTE", "PCC RxM RSSI: -89\tPCC RxM RSRP: -117"],
        Radio(Signal(-89, -117), "LTE"),
    ),
    (sierra.GSTATUS_TEMPERATURE, GSTATUS, 41.0),
    (sierra.ICCID_READ, ["+ICCID: 8949020000012345678"], "8949020000012345678"),
    (sierra.SIERRA_ICCID, ["!ICCID: 8949020000012345678F"], "8949020000012345678"),
    # Huawei
    (huawei.HCSQ, ['^HCSQ: "LTE",30,19,66,0'], Radio(Signal(-91, -122, -20, -7), "LTE")),
    (huawei.HCSQ, ["^HCSQ: LTE,33,40,135,11"], Radio(Signal(-88, -101, -14.5, 6.8), "LTE")),
    (huawei.HCSQ, ['^HCSQ: "WCDMA",30,30,58'], Radio(Signal(rssi_dbm=-91), "UMTS")),
    (huawei.HCSQ, ['^HCSQ: "GSM",36'], Radio(Signal(rssi_dbm=-85), "GSM")),
    (huawei.HCSQ, ['^HCSQ: "NOSERVICE"'], NOTHING_KNOWN),
    (huawei.HCSQ, ['^HCSQ: "LTE",255,255,255,255'], Radio(Signal(), "LTE")),
    (huawei.SYSINFOEX, ['^SYSINFOEX:2,3,0,1,,3,"WCDMA",41,"HSPA+"'], Radio(Signal(), "HSPA+")),
    (huawei.SYSINFOEX, ["^SYSINFOEX: 2,3,0,1,,6,LTE,101,LTE"], Radio(Signal(), "LTE")),
    (huawei.CHIPTEMP, ["^CHIPTEMP: 385,65535,401"], 40.1),
    (huawei.NDISSTATQRY, ["^NDISSTATQRY: 1,,,IPV4"], True),
    (huawei.NDISSTATQRY, ['^NDISSTATQRY: 0,33,,"IPV4",1,,,"IPV6"'], True),
    (huawei.NDISSTATQRY, ["^NDISSTATQRY: 0,33,,IPV4"], False),
    (huawei.CPIN_TRIES, ["^CPIN: SIM PIN,3,10,3,10,3"], PinTries(3, 3, 10)),
    (huawei.CPIN_TRIES, ["^CPIN: READY,,10,2,10,3"], PinTries(2, 3, 10)),
    (huawei.HUAWEI_ICCID, ["^ICCID: 8949020000012345678F"], "8949020000012345678"),
]

VECTORS = GENERIC_VECTORS + VENDOR_VECTORS


def approximately(value: object) -> object:
    if isinstance(value, Radio):
        signal = value.signal
        numbers = (signal.rssi_dbm, signal.rsrp_dbm, signal.rsrq_db, signal.sinr_db)
        return (pytest.approx(numbers), signal.band, value.technology)
    return pytest.approx(value) if isinstance(value, float) else value


def flat(value: object) -> object:
    if isinstance(value, Radio):
        signal = value.signal
        numbers = (signal.rssi_dbm, signal.rsrp_dbm, signal.rsrq_db, signal.sinr_db)
        return (numbers, signal.band, value.technology)
    return value


@pytest.mark.parametrize(("command", "lines", "meaning"), VECTORS)
def test_answer_of_a_real_modem_is_understood(
    command: Command[object], lines: list[str], meaning: object
) -> None:
    assert flat(command.parse(lines)) == approximately(meaning)


def through_the_dialogue(request: Request, data: bytes, size: int) -> list[Answered]:
    dialogue = AtDialogue()
    dialogue.get_in_step(0.0, 5.0)
    dialogue.receive(b"ATQ0V1E1\r\r\nOK\r\n", 0.0)
    dialogue.begin(request, 0.0, 5.0)
    events = []
    for start in range(0, len(data), size):
        events += dialogue.receive(data[start : start + size], 0.0)
    return [event for event in events if isinstance(event, Answered)]


@pytest.mark.parametrize(("command", "lines", "meaning"), VECTORS)
def test_answer_survives_single_bytes_with_garbage_around(
    command: Command[object], lines: list[str], meaning: object
) -> None:
    body = "".join(f"\r\n{line}\r\n" for line in lines)
    data = (
        b"\x00\xff\r\n+CREG: 2\r\n"
        + command.text.encode()
        + b"\r\r\n+CTZV: +8,1\r\n"
        + body.encode()
        + b"\xfe\r\n\x00\r\nOK\r\n\xff\xff"
    )
    [answer] = through_the_dialogue(command.request, data, 1)
    assert answer.final is Final.OK
    assert flat(command.parse(answer.lines)) == approximately(meaning)


@pytest.mark.parametrize(("command", "lines", "meaning"), VECTORS)
def test_answer_cut_short_gives_a_value_or_says_it_is_nonsense(
    command: Command[object], lines: list[str], meaning: object
) -> None:
    text = "\n".join(lines)
    for cut in range(len(text)):
        short = [line for line in text[:cut].split("\n") if line]
        try:
            command.parse(short)
        except AtNonsense:
            continue


@pytest.mark.parametrize(("command", "lines", "meaning"), VECTORS)
def test_half_line_before_the_answer_does_no_harm(
    command: Command[object], lines: list[str], meaning: object
) -> None:
    if command.name in {"manufacturer", "model", "firmware", "reject_cause"} or not lines:
        return  # free text: any line is as good as another
    half = lines[0][: lines[0].find(":") + 1] if ":" in lines[0] else ""
    if half:
        assert flat(command.parse([half, *lines])) == approximately(meaning)


def every_row() -> dict[str, Command[object]]:
    rows = [*c.GENERIC_ROWS]
    for profile in ProfileTable.load().profiles:
        rows += profile.rows
    return {f"{row.text} {row.name}": row for row in rows}


TEXTS = st.text(
    alphabet=st.sampled_from('0123456789,":+-^! ABCDEFabcdef()OK\tLTEGSMBPI'), max_size=80
)


@given(st.sampled_from(sorted(every_row())), st.lists(TEXTS, max_size=5), st.booleans())
def test_no_answer_raises_anything_but_nonsense(
    name: str, texts: list[str], prefixed: bool
) -> None:
    command = every_row()[name]
    prefix = command.expect.prefixes[0] if command.expect.prefixes and prefixed else ""
    lines = [f"{prefix}: {text}" if prefix else text for text in texts]
    with contextlib.suppress(AtNonsense):
        command.parse(lines)


@pytest.mark.parametrize("name", sorted(every_row()))
def test_every_row_says_what_it_is_and_who_says_so(name: str) -> None:
    row = every_row()[name]
    assert row.text.startswith("AT")
    assert row.description and row.source and row.name
    assert 0 < row.timeout_s <= 180
    Request(row.text, row.expect)


def test_rows_of_the_tables_write_nothing_but_what_they_name() -> None:
    allowed = {"AT+CMEE=1", "AT+CEREG=2", "AT+CGREG=2", "AT+C5GREG=2", "AT+CGPADDR=1"}
    allowed |= {"AT+CFUN=4", "AT+CFUN=1", "AT+CFUN=1,1", "AT+CFUN=15"}  # radio and restart
    allowed |= {
        "AT+GTSENRDTEMP=1",
        "AT+XMCI=1",
        "AT+MTSM=1",
        "AT+MTSM=1,6",
    }  # questions with an argument
    allowed |= {'AT+QENG="servingcell"', 'AT+QPINC="SC"', 'AT+QCFG="usbnet"'}
    writes = {row.text for row in every_row().values() if "=" in row.text}
    assert writes <= allowed


# --- PIN and typed commands ----------------------------------------------------------------------


def test_pin_is_in_the_command_and_nowhere_else() -> None:
    command = c.enter_pin("1234")
    assert command.request.command == 'AT+CPIN="1234"'
    assert "1234" not in command.request.title
    assert "1234" not in command.description


@pytest.mark.parametrize("pin", ["", "123", "123456789", "12a4", '1"23', "१२३४"])
def test_only_four_to_eight_digits_are_a_pin(pin: str) -> None:
    with pytest.raises(ArgumentError):
        c.enter_pin(pin)


@pytest.mark.parametrize(
    "command",
    [
        "ATD*99#",
        "ATO",
        "ATE0",
        "ATV0",
        "ATQ1",
        "AT&F",
        "ATZ",
        "AT+CGDATA=1",
        "AT+QPOWD=1",
        "AT+CSQ;+QPOWD=1",
        "AT+GTUSBMODE=7",
        "AT!USBCOMP=1,1,0000100D",
        'AT^SETPORT="FF;1,2,3,4,5,7"',
        'AT+QCFG="usbnet",0',
        "AT@nvm:cal_usbmode.num=7",
        "AT+EGMR=1,7,123",
        "AT+CSQ\rAT+CSQ",
    ],
)
def test_command_that_ends_the_dialogue_or_cannot_be_undone_is_refused(command: str) -> None:
    with pytest.raises(ArgumentError):
        c.check_typed(command)


@pytest.mark.parametrize(
    "command",
    [
        "AT",
        "ATI",
        "AT+CSQ",
        "AT+COPS=?",
        "AT+GTUSBMODE=?",
        "AT+GTUSBMODE?",
        'AT+QCFG="usbnet"',
        "AT+CFUN=1",
        "AT!GSTATUS?",
        "AT^HCSQ?",
        "AT+CSQ;+COPS?",
        "AT!USBCOMP?",
    ],
)
def test_other_commands_may_be_typed(command: str) -> None:
    c.check_typed(command)


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ('AT+CPIN="1234"', "AT+CPIN=****"),
        ("AT+CSQ", "AT+CSQ"),
        ('AT+CLCK="SC",0,"1234"', "AT+CLCK=****"),
        ('AT+CGAUTH=1,2,"user","secret"', "AT+CGAUTH=****"),
    ],
)
def test_secrets_of_typed_commands_are_masked(command: str, shown: str) -> None:
    assert c.masked(command) == shown


# --- profiles ------------------------------------------------------------------------------------

TABLE = ProfileTable.load()


def test_every_file_of_the_package_is_a_profile() -> None:
    assert {p.name for p in TABLE.profiles} == {
        "generic",
        "fm350",
        "l850",
        "fibocom",
        "quectel",
        "sierra",
        "huawei",
    }


@pytest.mark.parametrize(
    ("hardware_id", "model", "name"),
    [
        ("0e8d:7126", "FM350-GL", "fm350"),
        ("0e8d:7127", None, "fm350"),
        ("14c3:4d75", None, "fm350"),
        ("2cb7:0007", "L850-GL", "l850"),
        ("8087:095a", "L860-GL", "l850"),
        ("2cb7:0a05", None, "fibocom"),  # not an FM350, whatever documents say
        ("2cb7:01a0", "NL668-AM", "fibocom"),  # not an L850
        ("2c7c:0125", "EC25", "quectel"),
        ("05c6:9215", None, "generic"),  # shared by many makers
        ("05c6:9215", "EC20F", "quectel"),
        ("1199:9071", "MC7455", "sierra"),
        ("12d1:15c1", "ME909s-120", "huawei"),
        ("1234:5678", None, "generic"),
        (None, None, "generic"),
        ("1234:5678", "FM350-GL", "fm350"),
    ],
)
def test_profile_is_found_by_model_and_id(
    hardware_id: str | None, model: str | None, name: str
) -> None:
    assert TABLE.by_model(hardware_id, model).name == name


@pytest.mark.parametrize(
    ("hardware_id", "interfaces"),
    [
        ("0e8d:7126", (4,)),
        ("0e8d:7127", (6,)),
        ("2cb7:0007", (2, 6)),
        ("2c7c:0125", (2, 3)),
        ("1199:9071", (3,)),
        ("2cb7:01a0", (2, 3)),
        ("2cb7:0104", (1, 2)),
        ("1234:5678", ()),
    ],
)
def test_at_port_is_known_by_interface_number(
    hardware_id: str, interfaces: tuple[int, ...]
) -> None:
    assert TABLE.at_interfaces(hardware_id) == interfaces


def test_no_id_belongs_to_two_profiles() -> None:
    ids = [comp.id for profile in TABLE.profiles for comp in profile.compositions]
    assert len(ids) == len(set(ids))


def test_unknown_profile_name_lists_the_known_ones() -> None:
    with pytest.raises(Exception, match="auto, fibocom, fm350, generic, huawei, l850"):
        TABLE.named("fm351")


def test_slow_modem_has_its_own_times() -> None:
    profile = TABLE.named("fm350")
    assert (profile.boot_time_s, profile.drop_s, profile.silent_s) == (77, 60, 160)
    assert FIBOCOM.boot_time_s == 40
