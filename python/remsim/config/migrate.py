# SPDX-License-Identifier: GPL-2.0-or-later
"""What an existing file needs to look like a current one, as a plan of changes. Pure, idempotent.

Loading understands the older layouts too; migration only makes the file say what it already means,
so that the form in LuCI shows it. Nothing that a user wrote is thrown away unless another option
says the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from remsim.config.change import (
    AddSection,
    Change,
    DeleteOption,
    RawConfig,
    RenameSection,
    SetOption,
    applied,
)
from remsim.config.load import ANONYMOUS, ONE_MODEM_OPTIONS, client_name_of
from remsim.config.option import Raw
from remsim.config.schema import SECTION_NAMES
from remsim.config.types import FALSE_WORDS
from remsim.config.values import Notice

OLDER_SECTIONS = {"primary": "modem1", "secondary": "modem2"}
OLDER_OPTIONS = {"sim_gpio": "sim_switch_gpio"}  # of modem1 and modem2


@dataclass(frozen=True, slots=True)
class Migration:
    """`changes` is empty when the file is current."""

    changes: tuple[Change, ...]
    notices: tuple[Notice, ...] = ()


def plan(raw: RawConfig) -> Migration:
    """Steps are planned one after the other, each on what the ones before it leave behind."""
    changes: list[Change] = []
    notices: list[Notice] = []
    for step in STEPS:
        for finding in step(raw):
            if isinstance(finding, Notice):
                notices.append(finding)
            else:
                changes.append(finding)
                raw = applied(raw, (finding,))
    return Migration(tuple(changes), tuple(notices))


def _name_sections(raw: RawConfig) -> Iterator[Change | Notice]:
    taken = set(raw.sections)
    for section in raw.sections:
        wanted = OLDER_SECTIONS.get(section, "")
        if ANONYMOUS.fullmatch(section) and raw.types.get(section) in SECTION_NAMES:
            wanted = raw.types[section]
        if not wanted:
            continue
        if wanted in taken:
            yield Notice(section, f"left alone: there is a section {wanted} already")
            continue
        taken.add(wanted)
        yield RenameSection(section, wanted)


def _rename_options(raw: RawConfig) -> Iterator[Change | Notice]:
    for section in OLDER_SECTIONS.values():
        for older, newer in OLDER_OPTIONS.items():
            value = raw.get(section, older)
            if value is None:
                continue
            if raw.get(section, newer) is None:
                yield SetOption(section, newer, value)
            yield DeleteOption(section, older)


def _leave_one_modem_layout(raw: RawConfig) -> Iterator[Change | Notice]:
    """`modems.device` and its like stand for modem 1, and only while there is one modem."""
    for name in ONE_MODEM_OPTIONS:
        value = raw.get("modems", name)
        if value is None:
            continue
        if _is_off(raw.get("modems", "dual_modem")):
            if "modem1" not in raw.sections:
                yield AddSection("modem1", "modem1")
                raw = applied(raw, (AddSection("modem1", "modem1"),))
            if raw.get("modem1", name) != value:
                yield SetOption("modem1", name, value)
        yield DeleteOption("modems", name)


def _leave_text_client_id(raw: RawConfig) -> Iterator[Change | Notice]:
    """A text in client.client_id names the router to IonMesh; the number is the default then."""
    name = client_name_of(raw.get("client", "client_id"))
    if not name:
        return
    if raw.get("ionmesh", "client_name") is None:
        if "ionmesh" not in raw.sections:
            yield AddSection("ionmesh", "ionmesh")
        yield SetOption("ionmesh", "client_name", name)
    yield DeleteOption("client", "client_id")


def _is_off(raw: Raw | None) -> bool:
    text = raw if isinstance(raw, str) else "".join(raw or ())
    return text.strip().lower() in ("", *FALSE_WORDS)


STEPS = (_name_sections, _rename_options, _leave_one_modem_layout, _leave_text_client_id)
