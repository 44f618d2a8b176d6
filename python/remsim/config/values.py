# SPDX-License-Identifier: GPL-2.0-or-later
"""What loading yields: the effective configuration, problems and notices. Pure, all of it frozen.

No text made here ever holds a secret: `repr`, `masked`, problems, notices and differences show MASK
instead. `to_json` and `to_sections` are the exception, for a file that only root can read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from remsim.config.option import Effect, Raw, format_raw, strongest
from remsim.config.schema import OPTIONS, SECTIONS
from remsim.config.types import Value

T = TypeVar("T", bool, int, str, tuple[str, ...])

MASK = "********"
SHOWN_LONGEST = 80  # characters of a refused value that are repeated to the user
REDACT_SHORTEST = 4  # characters; a shorter text would blot out half of a report
JSON_FORMAT = 1

RawSections = Mapping[str, Mapping[str, Raw]]  # as pyuci's get_all() gives it


@dataclass(frozen=True, slots=True)
class Problem:
    """A value that cannot be used. `path` is "section.option", or "file:line" of a broken file."""

    path: str
    value: str
    expected: str

    @property
    def text(self) -> str:
        if not self.value:
            return f"{self.path}: {self.expected}"
        return f"{self.path}: {self.value!r} is not {self.expected}"

    def as_json(self) -> dict[str, str]:
        return {"path": self.path, "value": self.value, "expected": self.expected}


@dataclass(frozen=True, slots=True)
class Notice:
    """A warning: the configuration is usable. `nearest` is the known name that may be meant."""

    path: str
    reason: str
    nearest: str = ""

    @property
    def text(self) -> str:
        hint = f"; is {self.nearest} meant?" if self.nearest else ""
        return f"{self.path}: {self.reason}{hint}"

    def as_json(self) -> dict[str, str]:
        return {"path": self.path, "text": self.text, "nearest": self.nearest}


@dataclass(frozen=True, slots=True)
class Difference:
    """One option that two configurations disagree on; texts, secrets masked."""

    path: str
    before: str
    after: str
    effect: Effect


@dataclass(frozen=True, slots=True, repr=False)
class Config:
    """Every option's effective value. A path that is not declared raises KeyError: a bug."""

    values: Mapping[str, Value]
    given: frozenset[str]  # paths that the file sets; the others have their default

    def text(self, path: str) -> str:
        """Text, choice, host, device or line; empty when not set (device: discover, line: none)."""
        return _typed(path, self.values[path], str)

    def flag(self, path: str) -> bool:
        return _typed(path, self.values[path], bool)

    def integer(self, path: str) -> int:
        """A number that has a default; `optional_integer` for the others."""
        return _typed(path, self.values[path], int)

    def optional_integer(self, path: str) -> int | None:
        return None if self.values[path] is None else self.integer(path)

    def number(self, path: str) -> float:
        """Seconds, ms, MB or percent of an option, for arithmetic."""
        return float(self.integer(path))

    def items(self, path: str) -> tuple[str, ...]:
        return _typed(path, self.values[path], tuple)

    def is_set(self, path: str) -> bool:
        """Whether the file sets it (or an older name of it), and not to nothing."""
        OPTIONS[path]
        return path in self.given

    def applies(self, path: str) -> bool:
        """Whether the options it depends on make it count (what a form would show)."""
        alternatives = OPTIONS[path].alternatives
        return not alternatives or any(
            all(self.raw(condition.path) == condition.text for condition in each)
            for each in alternatives
        )

    def raw(self, path: str) -> Raw:
        """UCI text of the effective value; empty for a value without text."""
        value = self.values[path]
        option = OPTIONS[path]
        if value in ("", None, ()) and path not in self.given:
            return ""
        return format_raw(option.type, value)

    def shown(self, path: str) -> str:
        """The effective value for people: one line, secrets masked."""
        raw = self.raw(path)
        if raw and OPTIONS[path].secret:
            return MASK
        return " ".join(raw) if isinstance(raw, tuple) else raw

    def differences(self, other: Config) -> tuple[str, ...]:
        """Paths whose effective values differ, in the order of the schema."""
        return tuple(path for path in OPTIONS if self.values[path] != other.values[path])

    def compare(self, newer: Config) -> tuple[Difference, ...]:
        """The differences for people. A changed secret shows as MASK on both sides."""
        return tuple(
            Difference(path, self.shown(path), newer.shown(path), OPTIONS[path].effect)
            for path in self.differences(newer)
        )

    def effect_of(self, newer: Config) -> Effect:
        """What going from this configuration to `newer` needs."""
        return strongest(OPTIONS[path].effect for path in self.differences(newer))

    def masked(self) -> dict[str, dict[str, object]]:
        """`{section: {option: value}}` for a reply or report; lists are lists, secrets MASK."""
        return {
            part.name: {
                option.name: self._masked_value(option.path)
                for option in part.options
                if not option.legacy
            }
            for part in SECTIONS
        }

    def secrets(self) -> tuple[str, ...]:
        return tuple(
            self.text(path) for path, option in OPTIONS.items() if option.secret and self.text(path)
        )

    def redact(self, text: str) -> str:
        """`text` with every secret value replaced."""
        for secret in sorted(self.secrets(), key=len, reverse=True):
            if len(secret) >= REDACT_SHORTEST:
                text = text.replace(secret, MASK)
        return text

    def to_sections(self) -> dict[str, dict[str, Raw]]:
        """What the file sets, as raw sections. Holds secrets."""
        sections: dict[str, dict[str, Raw]] = {}
        for path, option in OPTIONS.items():
            if path in self.given:
                sections.setdefault(option.section, {})[option.name] = self.raw(path)
        return sections

    def to_json(self) -> str:
        """For `load.from_json`. Holds secrets: keep it in a file of mode 0600."""
        kept = {"format": JSON_FORMAT, "sections": self.to_sections()}
        return json.dumps(kept, indent=1, sort_keys=True) + "\n"

    def _masked_value(self, path: str) -> object:
        value = self.values[path]
        if OPTIONS[path].secret:
            return MASK if value else ""
        return list(value) if isinstance(value, tuple) else value

    def __repr__(self) -> str:
        return f"Config({len(self.given)} options given)"


@dataclass(frozen=True, slots=True)
class LoadResult:
    """`config` is None exactly when there are problems."""

    config: Config | None
    problems: tuple[Problem, ...] = ()
    notices: tuple[Notice, ...] = ()


def _typed(path: str, value: Value, wanted: type[T]) -> T:
    if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
        raise TypeError(f"{path} has a {type(value).__name__}, not a {wanted.__name__}")
    return value


def shown_raw(raw: Raw, secret: bool) -> str:
    """A refused value for people: one printable line of bounded length, or MASK."""
    text = " ".join(raw) if isinstance(raw, tuple) else raw
    if secret:
        return MASK if text else ""
    if not text.isprintable():
        text = text.encode("unicode_escape").decode("ascii")
    return text if len(text) <= SHOWN_LONGEST else text[: SHOWN_LONGEST - 1] + "…"
