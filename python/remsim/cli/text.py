# SPDX-License-Identifier: GPL-2.0-or-later
"""Words and columns for people: ages, sizes, signal words, wrapped cells. Pure.

"unknown" is a value that nobody knows; it is never shown as zero.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Sequence

UNKNOWN = "unknown"
_RESET = "\x1b[0m"
_COLOURS = {"error": "\x1b[31m", "warning": "\x1b[33m", "good": "\x1b[32m", "strong": "\x1b[1m"}

# dBm from which the word holds: the usual planning classes of LTE (RSRP) and of 2G/3G (RSSI).
_RSRP_WORDS = ((-80.0, "excellent"), (-90.0, "good"), (-100.0, "fair"))
_NUMBER_AND_UNIT = re.compile(r"(\d) (?=(?:s|min|h|d|ms|dBm?|[kMG]?B|C)\b)")
_RSSI_WORDS = ((-65.0, "excellent"), (-75.0, "good"), (-85.0, "fair"))


def duration(seconds: float | None) -> str:
    """`3 s`, `12 min`, `2 h 3 min`, `5 d 4 h`; two units at most."""
    if seconds is None:
        return UNKNOWN
    whole = int(seconds)
    if whole < 120:
        return f"{whole} s"
    minutes, hours, days = whole // 60, whole // 3600, whole // 86400
    if minutes < 60:
        return f"{minutes} min"
    if hours < 48:
        return f"{hours} h {minutes % 60} min"
    return f"{days} d {hours % 24} h"


def size(count: int | None) -> str:
    """Bytes with a decimal unit, as data plans are sold."""
    if count is None:
        return UNKNOWN
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return UNKNOWN


def signal_word(rsrp_dbm: float | None, rssi_dbm: float | None) -> str:
    """excellent, good, fair or weak; empty when neither is known."""
    if rsrp_dbm is not None:
        return _word(rsrp_dbm, _RSRP_WORDS)
    if rssi_dbm is not None:
        return _word(rssi_dbm, _RSSI_WORDS)
    return ""


def _word(level_dbm: float, words: tuple[tuple[float, str], ...]) -> str:
    return next((word for limit, word in words if level_dbm >= limit), "weak")


def paint(text: str, kind: str, colours: bool) -> str:
    colour = _COLOURS.get(kind)
    return f"{colour}{text}{_RESET}" if colours and colour else text


def wrapped(text: str, width: int) -> list[str]:
    """At least one line; long words are broken, not cut off; number and unit stay together."""
    glued = _NUMBER_AND_UNIT.sub("\\1\xa0", text)
    return [line.replace("\xa0", " ") for line in textwrap.wrap(glued, max(8, width))] or [""]


def labelled(label: str, parts: Iterable[str], label_width: int, width: int) -> list[str]:
    """`Label   text, text` with the continuation lines below the text."""
    text = ", ".join(part for part in parts if part)
    lines = wrapped(text, width - label_width)
    return [f"{label if n == 0 else '':<{label_width}}{line}" for n, line in enumerate(lines)]


def side_by_side(
    label: str, cells: Sequence[Sequence[str]], label_width: int, width: int
) -> list[str]:
    """One table row; each cell is a list of texts, each of which is wrapped by itself."""
    cell_width = (width - label_width) // max(1, len(cells))
    columns = [[line for text in cell for line in wrapped(text, cell_width - 2)] for cell in cells]
    rows = []
    for n in range(max(len(column) for column in columns)):
        shown = [column[n] if n < len(column) else "" for column in columns]
        padded = "".join(f"{text:<{cell_width}}" for text in shown)
        rows.append(f"{label if n == 0 else '':<{label_width}}{padded}".rstrip())
    return rows
