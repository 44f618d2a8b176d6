# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes the state diagrams of docs/rspro.md from the transition tables of the client.

    python -m remsim_lab.rspro.diagram [--check]

A block stands between `<!-- generated: NAME -->` and `<!-- end -->`; the prose around it is kept.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from enum import Enum
from pathlib import Path

from remsim.rspro import link, states

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "rspro.md"
_BLOCK = re.compile(r"(<!-- generated: ([a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
_FROM_ANYWHERE = (link.LinkEvent.OPEN, link.LinkEvent.SHUT)

Rows = Iterable[tuple[Enum, Enum, Enum, tuple[str, ...]]]


def session_rows() -> Rows:
    for (state, event), (target, todo) in states.TABLE.items():
        yield state, event, target, todo


def link_rows() -> Rows:
    """`open` and `shut` work in every state alike and would hide the rest."""
    for (state, event), (target, todo) in link.TABLE.items():
        if event not in _FROM_ANYWHERE:
            yield state, event, target, todo


def diagram(rows: Rows, first: Enum) -> str:
    """Mermaid, as GitHub draws it."""
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {first.value}"]
    for state, event, target, _ in rows:
        lines.append(f"    {state.value} --> {target.value}: {event.value}")
    return "\n".join([*lines, "```"])


def table(rows: Rows) -> str:
    lines = ["| state | event | next | does, in this order |", "|---|---|---|---|"]
    for state, event, target, todo in rows:
        does = ", ".join(name.replace("_", " ") for name in todo) or "-"
        lines.append(f"| {state.value} | {event.value} | {target.value} | {does} |")
    return "\n".join(lines)


BLOCKS = {
    "session-diagram": lambda: diagram(session_rows(), states.State.NO_BANK),
    "session-table": lambda: table(session_rows()),
    "link-diagram": lambda: diagram(link_rows(), link.LinkState.WAITING),
    "link-table": lambda: table(link_rows()),
}


def written(text: str) -> str:
    """The document with its blocks as they should be."""
    return _BLOCK.sub(lambda found: f"{found[1]}{BLOCKS[found[2]]()}\n{found[3]}", text)


def main(arguments: list[str]) -> int:
    """With --check, 1 if the document is out of date."""
    present = DOCUMENT.read_text(encoding="utf-8")
    wanted = written(present)
    if arguments == ["--check"]:
        return 0 if present == wanted else 1
    DOCUMENT.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
