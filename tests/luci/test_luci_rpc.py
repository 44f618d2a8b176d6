# SPDX-License-Identifier: GPL-2.0-or-later
"""The pages' calls are the method table's, with its arguments in its order, and refuse silence."""

from __future__ import annotations

import re
from pathlib import Path

from remsim.bus.api import LUCI_OBJECT, methods_of

RESOURCES = Path(__file__).resolve().parents[2] / "htdocs/luci-static/resources"
DECLARATION = re.compile(r"^\t(\w+): rpc\.declare\(\{(.*)\}\),$", re.MULTILINE)


def declarations() -> dict[str, str]:
    """Name: the declaration's inside, of the daemon's methods."""
    source = (RESOURCES / "remsim/rpc.js").read_text(encoding="utf-8")
    found = dict(DECLARATION.findall(source))
    return {name: text for name, text in found.items() if f"object: '{LUCI_OBJECT}'" in text}


def test_every_method_is_declared_and_no_other() -> None:
    assert list(declarations()) == [method.name for method in methods_of(LUCI_OBJECT)]


def test_arguments_are_those_of_the_table_in_its_order() -> None:
    for method in methods_of(LUCI_OBJECT):
        text = declarations()[method.name]
        params = re.search(r"params: \[ (.*?) \]", text)
        names = re.findall(r"'(\w+)'", params[1]) if params else []
        assert names == [argument.name for argument in method.arguments], method.name
        assert f"method: '{method.name}'" in text


def test_a_failed_call_never_looks_like_an_answer() -> None:
    for name, text in declarations().items():
        assert "expect: { '': {} }, filter: refuse, reject: true" in text, name


def test_calls_are_declared_in_one_file() -> None:
    users = [
        str(path.relative_to(RESOURCES))
        for path in sorted(RESOURCES.rglob("*.js"))
        if "rpc.declare" in path.read_text(encoding="utf-8")
    ]
    assert users == ["remsim/rpc.js"]
