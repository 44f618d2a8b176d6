# SPDX-License-Identifier: GPL-2.0-or-later
"""Value types: what they take, what they refuse, and that nothing else ever comes out of them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remsim.config import types
from remsim.config.option import format_raw, parse_raw
from remsim.config.schema import OPTIONS
from remsim.config.types import (
    Address,
    Bits,
    Choice,
    Device,
    FilePath,
    Flag,
    GpioLine,
    Hex,
    Host,
    HostOrNetwork,
    Integer,
    ListOf,
    Text,
    ValueType,
)
from remsim.errors import ConfigError

MODES = Choice((("ONE", "One"), ("TWO", "Two")))

TAKEN: list[tuple[ValueType, str, object]] = [
    (Flag(), "1", True),
    (Flag(), "yes", True),
    (Flag(), "Enabled", True),
    (Flag(), "off", False),
    (Flag(), " 0 ", False),
    (Integer(10, 300), "10", 10),
    (Integer(10, 300), " 300 ", 300),
    (Integer(-5, 5), "-5", -5),
    (Integer(10, 300), "0060", 60),
    (Bits(), "0x52000000", 0x52000000),
    (Bits(), "0XFFFFFFFF", 0xFFFFFFFF),
    (Bits(), "16", 16),
    (MODES, "one", "ONE"),
    (Host(), "ionmesh.example.com", "ionmesh.example.com"),
    (Host(), "bank_1.local", "bank_1.local"),
    (Host(), "192.0.2.1", "192.0.2.1"),
    (Host(), "2001:db8::1", "2001:db8::1"),
    (Address(), "8.8.8.8", "8.8.8.8"),
    (HostOrNetwork(), "192.0.2.77/24", "192.0.2.0/24"),
    (HostOrNetwork(), "2001:db8::/32", "2001:db8::/32"),
    (HostOrNetwork(), "help.example.com", "help.example.com"),
    (Hex(2, 33), "3b 9f:96", "3B9F96"),
    (FilePath(), "/etc/ssl/ca.crt", "/etc/ssl/ca.crt"),
    (Device(), "/dev/serial/by-path/x:1.2-port0", "/dev/serial/by-path/x:1.2-port0"),
    (Device(), "auto", ""),
    (GpioLine(), "20", "20"),
    (GpioLine(), "gpiochip0:20", "gpiochip0:20"),
    (GpioLine(), "/dev/gpiochip1:3", "gpiochip1:3"),
    (GpioLine(), "/sys/class/gpio/modem1_sim", "/sys/class/gpio/modem1_sim"),
    (GpioLine(), "SIM1-SEL", "SIM1-SEL"),
    (GpioLine(), "none", ""),
    (types.MCC_MNC, "310410", "310410"),
    (types.MCC_MNC, "26201", "26201"),
    (types.PIN, "1234", "1234"),
    (types.PASSWORD, " spaces count ", " spaces count "),
    (types.BUS_PATH, "1-1.2.3", "1-1.2.3"),
    (types.BUS_PATH, "0000:01:00.0", "0000:01:00.0"),
    (types.LOG_CATEGORIES, "DMAIN:DEBUG:DPCU:DEBUG", "DMAIN:DEBUG:DPCU:DEBUG"),
    (types.LOG_CATEGORIES, "DMAIN,1:DST2,3", "DMAIN,1:DST2,3"),
    (ListOf(Host()), "a.example  b.example a.example", ("a.example", "b.example")),
    (ListOf(Integer(1, 100)), "75 095", ("75", "95")),
]

REFUSED: list[tuple[ValueType, str]] = [
    (Flag(), "2"),
    (Flag(), "ja"),
    (Integer(10, 300), "9"),
    (Integer(10, 300), "301"),
    (Integer(10, 300), "60.0"),
    (Integer(10, 300), "1_00"),
    (Integer(10, 300), "\u0661\u0662"),
    (Integer(10, 300), "9" * 5000),
    (Bits(), "0x1ffffffff"),
    (Bits(), "-1"),
    (MODES, "THREE"),
    (Host(), "999.1.1.1"),
    (Host(), "a b"),
    (Host(), "-a.example"),
    (Host(), "a..b"),
    (Host(), "http://a"),
    (Host(), "[2001:db8::1]"),
    (Host(), "fe80::1%wwan0"),
    (Host(), "a" * 64),
    (Host(), ".".join(["a" * 60] * 5)),
    (Address(), "host.example"),
    (HostOrNetwork(), "192.0.2.0/33"),
    (HostOrNetwork(), "a.example/24"),
    (Hex(2, 33), "3b"),
    (Hex(2, 33), "3b0"),
    (Hex(2, 33), "3b" * 34),
    (Hex(2, 33), "zz00"),
    (FilePath(), "relative/path"),
    (FilePath(), "/etc/../shadow"),
    (FilePath(), "/a\nb"),
    (FilePath(), "/"),
    (Device(), "ttyUSB2"),
    (GpioLine(), "gpiochip0"),
    (GpioLine(), "gpiochip0:"),
    (GpioLine(), "/sys/class/gpio/.."),
    (GpioLine(), "/sys/class/gpio/a/b"),
    (GpioLine(), "/dev/ttyUSB2"),
    (GpioLine(), "20000"),
    (GpioLine(), "a" * 32),
    (GpioLine(), "\x01"),
    (types.MCC_MNC, "1234"),
    (types.MCC_MNC, "310 410"),
    (types.PIN, "123"),
    (types.PIN, "123456789"),
    (types.ICCID, "123"),
    (types.PASSWORD, "line\nbreak"),
    (types.PASSWORD, "\u2028"),
    (types.PASSWORD, "x" * 256),
    (types.INTERFACE, "name-that-is-too-long"),
    (types.BUS_PATH, "ttyUSB2"),
    (types.LOG_CATEGORIES, "DMAIN:"),
    (ListOf(Host()), "a.example -"),
    (ListOf(Integer(1, 9999)), " ".join(map(str, range(1, 34)))),
]


@pytest.mark.parametrize(("value_type", "text", "value"), TAKEN)
def test_text_that_fits_is_taken(value_type: ValueType, text: str, value: object) -> None:
    assert value_type.parse(text) == value


@pytest.mark.parametrize(("value_type", "text"), REFUSED)
def test_text_that_does_not_fit_is_refused_without_being_quoted(
    value_type: ValueType, text: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        value_type.parse(text)
    item = value_type.item if isinstance(value_type, ListOf) else value_type
    assert refused.value.expected in (value_type.expected, item.expected)
    assert refused.value.value == ""


ALL_TYPES = sorted({repr(option.type): option.type for option in OPTIONS.values()}.items())


@pytest.mark.parametrize(
    "value_type", [each for _, each in ALL_TYPES], ids=[n for n, _ in ALL_TYPES]
)
@settings(max_examples=40)
@given(text=st.text(max_size=60))
def test_any_text_is_taken_or_refused_with_a_reason(value_type: ValueType, text: str) -> None:
    try:
        value = parse_raw(value_type, text)
    except ConfigError as refused:
        assert refused.expected
    else:
        assert parse_raw(value_type, format_raw(value_type, value) or text) == value


@given(number=st.integers(10, 300))
def test_integers_come_back_from_their_own_text(number: int) -> None:
    kind = Integer(10, 300)
    assert kind.parse(kind.format(number)) == number


@given(line=st.from_regex(re.compile(GpioLine().pattern), fullmatch=True))
def test_gpio_lines_come_back_from_their_own_text(line: str) -> None:
    kind = GpioLine()
    try:
        value = kind.parse(line)
    except ConfigError:
        return
    assert kind.parse(kind.format(value)) == value


@pytest.mark.parametrize(
    "value_type", [each for _, each in ALL_TYPES], ids=[n for n, _ in ALL_TYPES]
)
@settings(max_examples=40)
@given(text=st.text(alphabet="a1/\n\r\x00\x85\u2028\x1b", min_size=1, max_size=12))
def test_no_value_ever_holds_a_line_break(value_type: ValueType, text: str) -> None:
    try:
        value = parse_raw(value_type, text)
    except ConfigError:
        return
    for part in value if isinstance(value, tuple) else (value,):
        assert len(str(part).splitlines()) <= 1


def test_a_list_of_one_entry_stands_for_a_single_value() -> None:
    assert parse_raw(Integer(1, 9), ("5",)) == 5
    with pytest.raises(ConfigError):
        parse_raw(Integer(1, 9), ("5", "6"))


def test_text_without_a_shape_has_a_length_datatype() -> None:
    assert Text().datatype == "rangelength(1,255)"
