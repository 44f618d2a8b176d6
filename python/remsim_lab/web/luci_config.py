# SPDX-License-Identifier: GPL-2.0-or-later
"""What LuCI reads from /etc/config/luci, with its own defaults and least values."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from remsim_lab.uci.model import Section
from remsim_lab.web.menu import sections_of
from remsim_lab.web.translations import chosen

ROLLBACK_LEAST_S = 90


@dataclass(frozen=True, slots=True)
class LuciConfig:
    """Seconds, as LuCI's page gets them."""

    language: str = "en"
    session_s: int = 3600
    poll_s: int = 5
    rollback_s: int = ROLLBACK_LEAST_S
    holdoff_s: float = 4
    confirm_timeout_s: float = 5
    display_s: float = 1.5

    @classmethod
    def of(cls, root: Path, accepted_languages: str) -> LuciConfig:
        sections = {each.name: each for each in sections_of(root, "luci")}
        main, apply = sections.get(b"main"), sections.get(b"apply")
        return cls(
            chosen(root, _text(main, b"lang") or "auto", accepted_languages),
            int(_number(sections.get(b"sauth"), b"sessiontime", 3600)),
            int(_number(main, b"pollinterval", 5)),
            max(int(_number(apply, b"rollback", 90)), ROLLBACK_LEAST_S),
            max(_number(apply, b"holdoff", 4), 1),
            max(_number(apply, b"timeout", 5), 1),
            max(_number(apply, b"display", 1.5), 1),
        )


def _text(section: Section | None, name: bytes) -> str:
    option = None if section is None else section.option(name)
    held = b"" if option is None or isinstance(option.value, list) else option.value
    return held.decode(errors="replace")


def _number(section: Section | None, name: bytes, default: float) -> float:
    text = _text(section, name)
    try:
        return float(text) if text else default
    except ValueError:
        return default
