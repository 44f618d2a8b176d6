# SPDX-License-Identifier: GPL-2.0-or-later
"""The three files that are made from the schema: defaults, LuCI form description, reference. Pure.

Deterministic: the same schema gives the same bytes. LuCI's translation scan finds `_('literal')`
only, so every title stands in schema.js as a literal.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from remsim.config.option import Condition, Effect, Option, Raw, Section
from remsim.config.render import uci_quoted
from remsim.config.schema import CONFIG_PATH, SECTIONS
from remsim.config.types import Choice, Flag, Integer, ListOf, ValueType

COMMENT_COLUMNS = 100
MADE_BY = "python/remsim/config/schema.py by `make generate`"


def defaults_file() -> str:
    """/etc/config/remsim as it is shipped: essential options set, the others as comments."""
    lines = [
        f"# Generated from {MADE_BY}: change the schema, not this file.",
        "# Lines behind a comment mark show defaults. LuCI and uci drop comments when they save;",
        "# docs/configuration.md has them all.",
    ]
    for section in SECTIONS:
        lines += ["", *_wrapped(section.help or section.title, "# ")]
        lines.append(f"config {section.name} {uci_quoted(section.name)}")
        for option in section.options:
            if not option.legacy:
                lines += _default_lines(option)
    return "\n".join(lines) + "\n"


def _default_lines(option: Option) -> Iterator[str]:
    words = "; ".join(filter(None, (option.title, _range(option.type))))
    yield from _wrapped(words, "\t# ")
    shown = option.default
    is_set = bool(option.default) and not option.expert and not _is_alias(option)
    prefix = "\t" if is_set else "\t#"
    if isinstance(option.type, ListOf):
        entries = shown if isinstance(shown, tuple) else (shown,)
        for entry in entries:
            yield f"{prefix}list {option.name} {uci_quoted(entry)}"
    else:
        yield f"{prefix}option {option.name} {uci_quoted(shown)}"


def _is_alias(option: Option) -> bool:
    """modem2.interface and routing.iot_interface stand for each other as long as one is unset."""
    return option.path in ("modem2.interface", "routing.iot_interface")


def _range(value_type: ValueType) -> str:
    """The range in a few words, for people; empty where any text will do."""
    if isinstance(value_type, ListOf):
        inner = _range(value_type.item)
        return f"list, each {inner}" if inner else "list"
    if isinstance(value_type, Flag):
        return "0 or 1"
    if isinstance(value_type, Integer):
        unit = f" {value_type.unit}" if value_type.unit else ""
        return f"{value_type.lowest} to {value_type.highest}{unit}"
    if isinstance(value_type, Choice):
        return ", ".join(value_type.words)
    return value_type.expected


def _wrapped(text: str, prefix: str) -> Iterator[str]:
    """`text` in lines of COMMENT_COLUMNS."""
    line = ""
    for word in text.split():
        if line and len(prefix) + len(line) + 1 + len(word) > COMMENT_COLUMNS:
            yield prefix + line
            line = word
        else:
            line = f"{line} {word}" if line else word
    yield prefix + line


# --- htdocs/luci-static/resources/remsim/schema.js -------------------------------------------


def luci_schema() -> str:
    """A LuCI module: `'require remsim.schema as schema'` gives an object with `sections`."""
    lines = [
        "'use strict';",
        "'require baseclass';",
        "",
        "/* SPDX-License-Identifier: GPL-2.0-or-later",
        f" * Generated from {MADE_BY}: change the schema, not this file.",
        " *",
        " * An option: name, path, type (flag, choice, list, value), title; where it has them:",
        " * help, unit, default (UCI text; an array for a list), datatype (LuCI's), pattern",
        " * (regular expression for all of the text) with expected (what to say if it does not",
        " * fit), choices ([ value, title ]), depends (alternatives, each { path: value } that",
        " * must all hold; always within one page), secret, expert, effect (reload or client). */",
        "return baseclass.extend({",
        "\tsections: [",
    ]
    for section in SECTIONS:
        lines += _section_lines(section)
    lines[-1] = lines[-1].rstrip(",")
    return "\n".join([*lines, "\t]", "});"]) + "\n"


def _section_lines(section: Section) -> Iterator[str]:
    yield "\t\t{"
    yield f"\t\t\tname: {_js(section.name)},"
    yield f"\t\t\ttitle: _({_js(section.title)}),"
    if section.help:
        yield f"\t\t\thelp: _({_js(section.help)}),"
    yield f"\t\t\tpage: {_js(section.page.value)},"
    yield "\t\t\toptions: ["
    shown = [option for option in section.options if not option.legacy]
    for option in shown:
        yield "\t\t\t\t{"
        properties = list(_properties(option))
        for number, (name, value) in enumerate(properties, 1):
            yield f"\t\t\t\t\t{name}: {value}" + ("," if number < len(properties) else "")
        yield "\t\t\t\t}" + ("," if option is not shown[-1] else "")
    yield "\t\t\t]"
    yield "\t\t},"


def _properties(option: Option) -> Iterator[tuple[str, str]]:
    """(name, JavaScript expression) pairs; what an option does not have is left out."""
    yield "name", _js(option.name)
    yield "path", _js(option.path)
    yield "type", _js(option.type.widget.value)
    yield "title", f"_({_js(option.title)})"
    if option.help:
        yield "help", f"_({_js(option.help)})"
    unit = option.type.item.unit if isinstance(option.type, ListOf) else option.type.unit
    if unit:
        yield "unit", f"_({_js(unit)})"
    if option.default:
        yield "default", _js_raw(option.default)
    yield from _checks(option.type)
    if option.shown_when:
        alternatives = ", ".join(_js_conditions(each) for each in option.alternatives)
        yield "depends", f"[ {alternatives} ]"
    if option.secret:
        yield "secret", "true"
    if option.expert:
        yield "expert", "true"
    if option.effect is not Effect.NOTHING:
        yield "effect", _js(option.effect.value)


def _checks(value_type: ValueType) -> Iterator[tuple[str, str]]:
    if isinstance(value_type, Choice):
        pairs = ", ".join(f"[ {_js(word)}, _({_js(title)}) ]" for word, title in value_type.choices)
        yield "choices", f"[ {pairs} ]"
    if value_type.datatype:
        yield "datatype", _js(value_type.datatype)
    if value_type.pattern:
        expected = value_type.item.expected if isinstance(value_type, ListOf) else None
        yield "pattern", _js(f"^{value_type.pattern}$")
        yield "expected", f"_({_js(expected or value_type.expected)})"


def _js_conditions(conditions: tuple[Condition, ...]) -> str:
    pairs = ", ".join(f"{_js(each.path)}: {_js(each.text)}" for each in conditions)
    return "{ " + pairs + " }"


def _js_raw(raw: Raw) -> str:
    if isinstance(raw, tuple):
        return "[ " + ", ".join(map(_js, raw)) + " ]"
    return _js(raw)


def _js(text: str) -> str:
    """A JavaScript string literal in single quotes."""
    inside = json.dumps(text)[1:-1].replace('\\"', '"').replace("'", "\\'")
    return f"'{inside}'"


# --- docs/configuration.md ---------------------------------------------------------------------


def reference() -> str:
    """The table of every option."""
    lines = [
        "# Configuration",
        "",
        f"<!-- Generated from {MADE_BY}: change the schema, not this file. -->",
        "",
        f"Everything is in `{CONFIG_PATH}`: change it in LuCI (Services, Remote SIM) or with",
        "`uci`. `remsim config check` says what is wrong with it, `remsim config show` what is in",
        "force. A file with a problem leaves the running configuration in force. An unknown option",
        "is warned about and otherwise ignored. Sections are found by name; their type does not",
        "matter.",
        "",
        "The last column has what a change needs (reload: taken over while running; client",
        "restart: the remote-SIM client starts again), `secret` for values that are never shown,",
        "and the environment variable that `remsim config import` reads and osmo-remsim's client",
        "gets.",
    ]
    for section in SECTIONS:
        lines += ["", f"## {section.name}: {section.title}", ""]
        if section.help:
            lines += [section.help, ""]
        lines += ["| option | value | default | meaning | |", "|---|---|---|---|---|"]
        lines += [_reference_row(option) for option in section.options]
    return "\n".join(lines) + "\n"


def _reference_row(option: Option) -> str:
    words = [option.title + "." if not option.title.endswith((".", "?")) else option.title]
    words += [option.help] if option.help else []
    if option.shown_when:
        words.append(f"Only with {_conditions_text(option)}.")
    cells = (
        f"`{option.name}`",
        _range(option.type),
        _default_text(option),
        " ".join(words),
        _remarks(option),
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _default_text(option: Option) -> str:
    raw = " ".join(option.default) if isinstance(option.default, tuple) else option.default
    return f"`{raw}`" if raw else ""


def _conditions_text(option: Option) -> str:
    return " or ".join(
        " and ".join(f"`{each.path}` {each.text}" for each in alternative)
        for alternative in option.alternatives
    )


def _remarks(option: Option) -> str:
    remarks = [option.effect.title]
    remarks += ["secret"] if option.secret else []
    remarks += ["older files only"] if option.legacy else []
    remarks += [f"`{option.environment}`"] if option.environment else []
    return ", ".join(remarks)
