# SPDX-License-Identifier: GPL-2.0-or-later
"""The parts of an answer line: values behind the prefix,
quotes and blanks taken off. Must not judge any value.

Modems differ in blanks before the colon (`+GTDUALSIM : 0, "SUB1"`), after it (`+COPS:0,255,"",0`)
and after commas (`+CSQ: 11, 99`), and in quotes; none of that carries meaning. Source: 3GPP TS
27.007 section 4; facts of real devices.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from remsim.errors import AtNonsense
from remsim.modem.at import prefix_of

_VALUE = re.compile(r'\s*(?:"([^"]*)"?[^,]*|([^,]*))(?:,|$)')
_DIGITS = re.compile(r"-?\d{1,9}")

Row = tuple[str, ...]


def payload_of(line: str) -> str:
    """What stands behind the prefix; the whole line where there is none."""
    return line.split(":", 1)[1].strip() if prefix_of(line) else line.strip()


def split_values(text: str) -> Row:
    """`1,"a,b", c` -> ("1", "a,b", "c")."""
    if not text.strip():
        return ()
    values, at = [], 0
    while at <= len(text):
        match = _VALUE.match(text, at)
        if match is None:
            break
        values.append((match[1] if match[1] is not None else match[2]).strip())
        if not match[0].endswith(","):
            break
        at = match.end()
    return tuple(values)


def rows(lines: Sequence[str], *prefixes: str) -> list[Row]:
    """The values of each line with one of these prefixes."""
    return [split_values(payload_of(line)) for line in lines if prefix_of(line) in prefixes]


def first_row(lines: Sequence[str], prefix: str, at_least: int = 1) -> Row:
    """The first line with `prefix` and enough values;
    a cut line before it does no harm. AtNonsense without one."""
    for row in rows(lines, prefix):
        if len(row) >= at_least:
            return row
    raise AtNonsense(prefix, " / ".join(lines))


def number(text: str) -> int | None:
    """A decimal number, or None for everything else."""
    return int(text) if _DIGITS.fullmatch(text) else None


def value_at(row: Row, index: int) -> str:
    """Empty where the modem left the value out."""
    return row[index] if index < len(row) else ""


def number_at(row: Row, index: int) -> int | None:
    return number(value_at(row, index))


def within(value: int | None, low: int, high: int) -> int | None:
    """`value` if it is in the range that carries meaning; 99, 255 and the like are outside."""
    return value if value is not None and low <= value <= high else None


def scaled(value: int | None, factor: float, offset: float) -> float | None:
    return None if value is None else value * factor + offset
