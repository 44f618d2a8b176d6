# SPDX-License-Identifier: GPL-2.0-or-later
"""What an option is made of. The options themselves are the table in schema.py. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum

from remsim.config.types import ListOf, Value, ValueType

Raw = str | tuple[str, ...]  # an option as libuci has it


class Effect(Enum):
    """What a change needs. Ordered: a later one includes the earlier ones."""

    NOTHING = "nothing"
    RELOAD = "reload"
    CLIENT = "client"  # the remote-SIM client is started again

    @property
    def title(self) -> str:
        return "client restart" if self is Effect.CLIENT else self.value


class Page(Enum):
    """Which LuCI page shows a section."""

    GENERAL = "general"
    MODEMS = "modems"
    NETWORK = "network"
    ADVANCED = "advanced"


@dataclass(frozen=True, slots=True)
class Condition:
    """The option `path` has the value that is written `text`."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Option:
    """`expert`: most users never need it. `legacy`: read from older files, never offered.

    `shown_when`: a form shows the option when one of these holds (empty: always). Each is
    "path=text" or several of them with blanks between, which must all hold.
    """

    name: str
    type: ValueType
    default: Raw
    title: str
    help: str = ""
    secret: bool = False
    environment: str = ""  # what the C client calls it
    effect: Effect = Effect.RELOAD
    shown_when: tuple[str, ...] = ()
    expert: bool = False
    legacy: bool = False
    section: str = ""  # given by `section()`

    @property
    def path(self) -> str:
        return f"{self.section}.{self.name}"

    @property
    def default_value(self) -> Value:
        return parse_raw(self.type, self.default) if self.default else self.type.unset

    @property
    def alternatives(self) -> tuple[tuple[Condition, ...], ...]:
        """`shown_when`, taken apart."""
        pairs = ((pair.partition("=") for pair in words.split()) for words in self.shown_when)
        return tuple(tuple(Condition(path, text) for path, _, text in each) for each in pairs)


@dataclass(frozen=True, slots=True)
class Section:
    name: str
    title: str
    help: str
    page: Page
    options: tuple[Option, ...]


def section(
    name: str, title: str, help: str, page: Page, options: Iterable[Option], **common: object
) -> Section:
    """A section; `common` are fields that all its options get."""
    placed = tuple(replace(option, section=name, **common) for option in options)  # type: ignore[arg-type]
    return Section(name, title, help, page, placed)


def parse_raw(value_type: ValueType, raw: Raw) -> Value:
    """The value of an option that is not empty. Raises ConfigError without path and value."""
    if isinstance(value_type, ListOf):
        return value_type.parse_entries(raw) if isinstance(raw, tuple) else value_type.parse(raw)
    if isinstance(raw, str):
        return value_type.parse(raw)
    if len(raw) == 1:
        return value_type.parse(raw[0])
    raise value_type.refuse()


def format_raw(value_type: ValueType, value: Value) -> Raw:
    """The inverse of `parse_raw`."""
    return value if isinstance(value, tuple) else value_type.format(value)


def strongest(effects: Iterable[Effect]) -> Effect:
    """The effect that includes all of them."""
    return max(effects, key=list(Effect).index, default=Effect.NOTHING)
