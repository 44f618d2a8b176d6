# SPDX-License-Identifier: GPL-2.0-or-later
"""A configuration file as libuci has it, and changes to it as data. Pure.

Changes are planned here, shown to a person, and carried out by uci.py. A name that libuci would
drop silently (one with a dash) is refused before anything is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from remsim.config.option import Raw
from remsim.config.schema import OPTIONS
from remsim.config.values import MASK, RawSections
from remsim.errors import ArgumentError

NAME = re.compile("[A-Za-z0-9_]+")  # uci_validate_str() in libuci
TYPE = re.compile("[!-~]+")  # uci_validate_type() in libuci


@dataclass(frozen=True, slots=True)
class RawConfig:
    """`types` has each section's type; libuci names sections without a name cfgXXXXXX."""

    sections: RawSections
    types: Mapping[str, str]

    def get(self, section: str, option: str) -> Raw | None:
        return self.sections.get(section, {}).get(option)


@dataclass(frozen=True, slots=True)
class AddSection:
    section: str
    type: str

    @property
    def text(self) -> str:
        return f"add section {self.section}"


@dataclass(frozen=True, slots=True)
class RenameSection:
    section: str
    to: str

    @property
    def text(self) -> str:
        return f"rename section {self.section} to {self.to}"


@dataclass(frozen=True, slots=True)
class SetOption:
    """An empty value deletes, as libuci has it."""

    section: str
    option: str
    value: Raw

    @property
    def text(self) -> str:
        path = f"{self.section}.{self.option}"
        secret = path not in OPTIONS or OPTIONS[path].secret
        shown = " ".join(self.value) if isinstance(self.value, tuple) else self.value
        return f"set {path} to {MASK if secret and shown else repr(shown)}"


@dataclass(frozen=True, slots=True)
class DeleteOption:
    section: str
    option: str

    @property
    def text(self) -> str:
        return f"delete {self.section}.{self.option}"


Change = AddSection | RenameSection | SetOption | DeleteOption


def check_names(changes: Iterable[Change]) -> None:
    """Raises ArgumentError for a name that libuci would not keep."""
    for change in changes:
        for name in _names(change):
            if not NAME.fullmatch(name):
                reason = f"{name!r} is no UCI name: letters, digits and underscores only"
                raise ArgumentError("name", reason)
        if isinstance(change, AddSection) and not TYPE.fullmatch(change.type):
            raise ArgumentError("type", f"{change.type!r} is no UCI section type")


def settings(raw: RawConfig, values: Mapping[str, Raw]) -> tuple[Change, ...]:
    """The changes that give `{"section.option": value}`, with the sections they need."""
    changes: list[Change] = []
    present = set(raw.sections)
    for path, value in values.items():
        section, _, option = path.partition(".")
        if (raw.get(section, option) or "") == value:
            continue
        if section not in present:
            changes.append(AddSection(section, section))
            present.add(section)
        changes.append(SetOption(section, option, value))
    return tuple(changes)


def applied(raw: RawConfig, changes: Iterable[Change]) -> RawConfig:
    """What `raw` becomes. Changes to sections that do not exist are left out, as libuci does."""
    sections = {name: dict(options) for name, options in raw.sections.items()}
    types = dict(raw.types)
    for change in changes:
        if isinstance(change, AddSection):
            sections.setdefault(change.section, {})
            types[change.section] = change.type
        elif change.section not in sections:
            continue
        elif isinstance(change, RenameSection):
            sections[change.to] = sections.pop(change.section)
            types[change.to] = types.pop(change.section, change.to)
        elif isinstance(change, SetOption) and change.value:
            sections[change.section][change.option] = change.value
        else:
            sections[change.section].pop(change.option, None)
    return RawConfig(sections, types)


def _names(change: Change) -> tuple[str, ...]:
    if isinstance(change, RenameSection):
        return (change.section, change.to)
    if isinstance(change, AddSection):
        return (change.section,)
    return (change.section, change.option)
