# SPDX-License-Identifier: GPL-2.0-or-later
"""Raw UCI sections to an effective configuration, or to the list of everything that is wrong. Pure.

Nothing here raises on what a user may have written. A single problem leaves `config` empty: the
caller keeps what is in force. Unknown names never stop a configuration; their values are not
repeated, since a misspelt name may carry a secret.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from remsim.config import checks
from remsim.config.option import Option, Raw, parse_raw
from remsim.config.schema import OPTIONS, SECTION_NAMES
from remsim.config.types import CLIENT_NAME, Value
from remsim.config.values import (
    JSON_FORMAT,
    Config,
    LoadResult,
    Notice,
    Problem,
    RawSections,
    shown_raw,
)
from remsim.errors import ArgumentError, ConfigError

ANONYMOUS = re.compile("cfg[0-9a-f]{6}")  # libuci's names for sections without one
SIMILAR = 0.6  # difflib's ratio from which a name is offered
ONE_MODEM_OPTIONS = ("device", "sim_switch_gpio", "reset_gpio")


@dataclass(slots=True)
class _Draft:
    """A configuration in the making."""

    values: dict[str, Value]
    given: set[str] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)

    def frozen(self) -> Config:
        return Config(MappingProxyType(dict(self.values)), frozenset(self.given))


def defaults() -> Config:
    """The configuration of an empty file."""
    return _empty_draft().frozen()


def load(sections: RawSections) -> LoadResult:
    """`sections` is `{section: {option: text or tuple}}` as pyuci's get_all() gives it."""
    draft = _empty_draft()
    for name, options in _with_client_name(sections, draft).items():
        if name in SECTION_NAMES:
            _read_section(name, options, draft)
        else:
            draft.notices.append(_unknown_section(name))
    refused = frozenset(problem.path for problem in draft.problems)
    _follow_older_names(draft)
    for finding in checks.run(draft.frozen(), refused):
        if isinstance(finding, Problem):
            draft.problems.append(finding)
        else:
            draft.notices.append(finding)
    config = None if draft.problems else draft.frozen()
    return LoadResult(config, tuple(draft.problems), tuple(draft.notices))


def load_with(sections: RawSections, values: Mapping[str, object]) -> LoadResult:
    """As `load`, with `{"section.option": JSON value}` laid over `sections`; an empty one unsets.

    Raises ArgumentError for a name that is not declared and for a value that is no UCI text.
    """
    merged = {name: dict(options) for name, options in sections.items()}
    for path, value in values.items():
        if path not in OPTIONS:
            raise ArgumentError("values", unknown_path_reason(path))
        option = OPTIONS[path]
        merged.setdefault(option.section, {})[option.name] = raw_of_json(path, value)
    return load(merged)


def raw_of_json(path: str, value: object) -> Raw:
    """UCI text of a JSON value. Raises ArgumentError naming `path`."""
    if isinstance(value, list | tuple):
        entries = [raw_of_json(path, entry) for entry in value]
        if all(isinstance(entry, str) for entry in entries):
            return tuple(str(entry) for entry in entries)
    if isinstance(value, bool):
        return "1" if value else "0"
    if value is None:
        return ""
    if isinstance(value, str | int):
        return str(value)
    raise ArgumentError(path, f"{path}: a text, a number, true, false or a list of them is needed")


def from_json(text: str) -> LoadResult:
    """The inverse of `Config.to_json`, checked like any other configuration."""
    try:
        kept = json.loads(text)
        if kept["format"] != JSON_FORMAT:
            return _nonsense("format", "a format that this version writes")
        sections = {
            str(name): {
                str(option): tuple(map(str, raw)) if isinstance(raw, list) else str(raw)
                for option, raw in options.items()
            }
            for name, options in kept["sections"].items()
        }
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return _nonsense("text", "a configuration in JSON as remsim keeps it")
    return load(sections)


def nearest_path(section: str, name: str) -> str:
    """The declared path that "section.name" may mean; empty if none is similar.

    The same name in another section comes before a similar name in the same one.
    """
    exact = [path for path, option in OPTIONS.items() if option.name == name and not option.legacy]
    if len(exact) == 1:
        return exact[0]
    here = [option.name for option in OPTIONS.values() if option.section == section]
    similar = nearest_name(name, here)
    return f"{section}.{similar}" if similar else nearest_name(f"{section}.{name}", OPTIONS)


def nearest_name(name: str, known: Iterable[str]) -> str:
    """The known name that `name` may mean; empty if none is similar."""
    import difflib  # 1 MB, and seldom needed

    return next(iter(difflib.get_close_matches(name, list(known), 1, SIMILAR)), "")


def unknown_path_reason(path: str) -> str:
    """A sentence for a path that is not declared."""
    nearest = nearest_path(*path.partition(".")[::2])
    return f"{path} is not an option" + (f"; is {nearest} meant?" if nearest else "")


def _empty_draft() -> _Draft:
    return _Draft({path: option.default_value for path, option in OPTIONS.items()})


def _nonsense(path: str, expected: str) -> LoadResult:
    return LoadResult(None, (Problem(path, "", f"{expected} is needed"),))


def _unknown_section(name: str) -> Notice:
    if ANONYMOUS.fullmatch(name):
        return Notice(name, "a section without a name is ignored; `remsim config migrate` names it")
    return Notice(name, "unknown section, ignored", nearest_name(name, SECTION_NAMES))


def _read_section(name: str, options: Mapping[str, Raw], draft: _Draft) -> None:
    for option_name, raw in options.items():
        option = OPTIONS.get(f"{name}.{option_name}")
        if option is not None:
            _read_option(option, raw, draft)
        else:
            path = f"{name}.{option_name}"
            draft.notices.append(
                Notice(path, "unknown option, ignored", nearest_path(name, option_name))
            )


def _read_option(option: Option, raw: Raw, draft: _Draft) -> None:
    if not _has_text(raw):
        return
    try:
        draft.values[option.path] = parse_raw(option.type, raw)
        draft.given.add(option.path)
    except ConfigError as refused:
        draft.problems.append(Problem(option.path, shown_raw(raw, option.secret), refused.expected))


def _has_text(raw: Raw) -> bool:
    """libuci drops empty options when it reads a file; a caller's mapping may still hold some."""
    return any(entry.strip() for entry in raw) if isinstance(raw, tuple) else raw != ""


def client_name_of(raw: Raw | None) -> str:
    """The name in client.client_id, or nothing if it holds a number (or nonsense).

    The C client read any text there with atoi(), and its guides show "router-001".
    """
    if not isinstance(raw, str) or re.fullmatch(r"\s*[+-]?[0-9]*\s*", raw):
        return ""
    try:
        return CLIENT_NAME.parse(raw)
    except ConfigError:
        return ""


def _with_client_name(sections: RawSections, draft: _Draft) -> RawSections:
    """A text in client.client_id stands for ionmesh.client_name; the number is the default then."""
    name = client_name_of(sections.get("client", {}).get("client_id"))
    if not name:
        return sections
    client = {option: raw for option, raw in sections["client"].items() if option != "client_id"}
    ionmesh = {"client_name": name, **sections.get("ionmesh", {})}
    use = "used as ionmesh.client_name" if ionmesh["client_name"] == name else "ignored"
    draft.notices.append(Notice("client.client_id", f"{name!r} is not a number; {use}"))
    return {**sections, "client": client, "ionmesh": ionmesh}


def _follow_older_names(draft: _Draft) -> None:
    """Readers ask for modem1 and modem2 only; older names are turned into them here."""
    for name in ONE_MODEM_OPTIONS:
        _follow_one_modem(name, draft)
    interface, iot = "modem2.interface", "routing.iot_interface"
    if iot in draft.given and interface not in draft.given:
        draft.values[interface] = draft.values[iot]
    elif iot not in draft.given:
        draft.values[iot] = draft.values[interface]


def _follow_one_modem(name: str, draft: _Draft) -> None:
    older, newer = f"modems.{name}", f"modem1.{name}"
    if older not in draft.given:
        return
    if not draft.values["modems.dual_modem"]:
        if newer in draft.given and draft.values[newer] != draft.values[older]:
            draft.notices.append(
                Notice(newer, f"{older} is used instead while modems.dual_modem is 0")
            )
        draft.values[newer] = draft.values[older]
        draft.given.add(newer)
    draft.values[older] = OPTIONS[older].type.unset
    draft.given.discard(older)


def texts(findings: Iterable[Problem | Notice]) -> tuple[str, ...]:
    """One line for each."""
    return tuple(finding.text for finding in findings)
