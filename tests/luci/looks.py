# SPDX-License-Identifier: GPL-2.0-or-later
"""How a page is looked at: sizes and schemes, what sticks out, what axe-core finds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

AXE = Path(__file__).parents[2] / "build/node/node_modules/axe-core/axe.min.js"
SERIOUS = ("serious", "critical")
# What is ours of a page; the rest is LuCI's.
OWN = {"include": [["#view"]], "exclude": [[".cbi-page-actions"]]}


@dataclass(frozen=True, slots=True)
class Look:
    name: str
    width: int
    scheme: str

    @property
    def options(self) -> dict[str, Any]:
        size = {"width": self.width, "height": 900}
        return {"viewport": size, "color_scheme": self.scheme}


LOOKS = [
    Look("desk-light", 1440, "light"),
    Look("desk-dark", 1440, "dark"),
    Look("phone-light", 320, "light"),
    Look("phone-dark", 320, "dark"),
]


def overflowing(page: Page) -> list[str]:
    """What makes a page wider than its window."""
    found: list[str] = page.evaluate(
        """() => document.documentElement.scrollWidth <= window.innerWidth ? []
            : Array.from(document.querySelectorAll('#view *')).filter(node =>
                node.getBoundingClientRect().right > window.innerWidth + 1
            ).map(node => node.outerHTML.slice(0, 120)).concat('wider than the window')"""
    )
    return found


def violations(page: Page) -> list[str]:
    """What axe-core finds serious or worse."""
    if not page.evaluate("'axe' in window"):
        page.add_script_tag(content=AXE.read_text())
    options = {"resultTypes": ["violations"]}
    found = page.evaluate("([ part, options ]) => axe.run(part, options)", [OWN, options])
    return [
        f"{each['id']}: {node['html'][:160]} {node['failureSummary'][:200]}"
        for each in found["violations"]
        if each["impact"] in SERIOUS
        for node in each["nodes"]
    ]
