# SPDX-License-Identifier: GPL-2.0-or-later
"""How lines are named in the configuration."""

import pytest

from remsim.errors import ArgumentError
from remsim.gpio.api import LineSettings, SpecKind, parse_line, power_line
from remsim.gpio.sysfs import ChipNumbers, translate


@pytest.mark.parametrize(
    ("text", "kind", "chip", "offset", "name"),
    [
        ("20", SpecKind.NUMBER, None, 20, None),
        (" 532 ", SpecKind.NUMBER, None, 532, None),
        ("gpiochip0:20", SpecKind.OFFSET, "gpiochip0", 20, None),
        ("/dev/gpiochip2:7", SpecKind.OFFSET, "gpiochip2", 7, None),
        ("1e000600.gpio-bank0:3", SpecKind.OFFSET, "1e000600.gpio-bank0", 3, None),
        ("modem1_sim", SpecKind.NAME, None, None, "modem1_sim"),
        ("SIM SEL", SpecKind.NAME, None, None, "SIM SEL"),
        ("pcie/m2:sim", SpecKind.NAME, None, None, "pcie/m2:sim"),
        ("/sys/class/gpio/modem1_sim", SpecKind.SYSFS, None, None, "modem1_sim"),
        ("/sys/class/gpio/modem1_sim/value", SpecKind.SYSFS, None, None, "modem1_sim"),
    ],
)
def test_every_way_of_naming_a_line_is_understood(
    text: str, kind: SpecKind, chip: str | None, offset: int | None, name: str | None
) -> None:
    spec = parse_line(text)
    assert (spec.kind, spec.chip, spec.offset, spec.name) == (kind, chip, offset, name)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "200000",
        "gpiochip0:",
        ":20",
        "/sys/class/gpio/../../etc/passwd",
        "/sys/class/gpio/",
        "/sys/class/gpio/..",
        "/etc/passwd",
        "x" * 32,
        "a\nb",
    ],
)
def test_what_names_no_line_is_refused(text: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        parse_line(text)
    assert caught.value.argument == "gpio"


def test_a_plain_number_is_warned_about_and_nothing_else_is() -> None:
    assert "gpiochip0:20" in (parse_line("20").warning or "")
    for text in ("gpiochip0:20", "modem1_sim", "/sys/class/gpio/modem1_sim"):
        assert parse_line(text).warning is None


def test_a_power_line_is_off_at_level_1() -> None:
    assert power_line("p", parse_line("x"), active_low=False, off_ms=5000) == LineSettings(
        "p", parse_line("x"), active_low=True, pulse_ms=5000
    )


OLD_KERNEL = (ChipNumbers(0, 32, "bank0"), ChipNumbers(32, 32, "bank1"))
NEW_KERNEL = (ChipNumbers(512, 32, "bank0"), ChipNumbers(544, 32, "bank1"))


@pytest.mark.parametrize(
    ("number", "chips", "label", "offset"),
    [
        (20, OLD_KERNEL, "bank0", 20),
        (40, OLD_KERNEL, "bank1", 8),
        (20, NEW_KERNEL, "bank0", 20),
        (40, NEW_KERNEL, "bank1", 8),
        (532, NEW_KERNEL, "bank0", 20),
        (532, OLD_KERNEL, "bank0", 20),
    ],
)
def test_plain_numbers_mean_the_same_line_before_and_after_the_base_moved(
    number: int, chips: tuple[ChipNumbers, ...], label: str, offset: int
) -> None:
    found = translate(number, chips)
    assert found is not None
    assert (found[0].label, found[1]) == (label, offset)


def test_a_number_outside_every_chip_is_no_line() -> None:
    assert translate(500, NEW_KERNEL) is None
    assert translate(20, ()) is None
