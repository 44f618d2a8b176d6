# SPDX-License-Identifier: GPL-2.0-or-later
"""A router whose web has nothing but pages for stating facts about LuCI's client API."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, Route

from remsim.clock import SystemClock
from remsim_lab.lmo import compile_po
from remsim_lab.ubus.background import BackgroundBroker
from remsim_lab.web.install import I18N, Users, install, make_users
from remsim_lab.web.server import Web

FACTS = Path(__file__).parent / "facts"
CONFIG = """
config facts 'main'
	option name 'a'
	list list 'x'
	list list 'y'

config item
	option n '1'

config item
	option n '2'
"""
# The least hold-off and display that LuCI takes: the real ones only make tests longer.
LUCI_APPLY = """
config internal 'apply'
	option rollback '90'
	option holdoff '1'
	option timeout '5'
	option display '1'
"""
METHODS = ["get", "set", "add", "delete", "changes", "revert", "apply", "confirm", "order"]
ACL = {
    "facts": {
        "read": {"ubus": {"uci": METHODS}, "uci": ["facts", "luci"]},
        "write": {"ubus": {"uci": METHODS}, "uci": ["facts"]},
    }
}
PO = """
msgid ""
msgstr "Plural-Forms: nplurals=2; plural=(n != 1);\\n"

msgid "Translated text"
msgstr "Übersetzter Text"

msgctxt "door"
msgid "Open"
msgstr "offen"

msgid "%d gate"
msgid_plural "%d gates"
msgstr[0] "%d Tor"
msgstr[1] "%d Tore"
"""
MODULE = """'use strict';
'require baseclass';
"require dom";
// 'require none.of.this';
var x = 1;
'require ui as first-no';
'require uci as second';
var s = 'a string';
'require fs as third';

window.factRuns = (window.factRuns || 0) + 1;

return baseclass.extend({
	runs: function() { return window.factRuns },
	seen: function() { return [ typeof(dom), typeof(second), typeof(third) ] },
	defaultName: function() { return typeof(dom) }
});
""".replace("'require ui as first-no';\n", "")
# view -> what it is made of; the menu has a page of each name.
VIEWS = {
    "first": "return view.extend({ render: function() { return E('p', {}, [ 'first' ]) } });",
    "second": "return view.extend({ render: function() { return 'bare <b>HTML</b>' },"
    " handleSave: null, handleSaveApply: null, handleReset: null });",
    "array": "return view.extend({ render: function() { return [ 'a<b>', E('i') ] },"
    " handleReset: null });",
    "nothing": "return view.extend({ render: function() { return null } });",
    "waits": "return view.extend({ load: function() { return new Promise(function() {}) } });",
    "throws": "return view.extend({ render: function() { throw new TypeError('a <b> fault') } });",
    "rejects": "return view.extend({ load: function() { return Promise.reject('only text') } });",
    "syntax": "return view.extend({ render: ",
    "noview": "'require baseclass'; return L.Class.extend({});",
    "nodependency": "",
    "form": """return view.extend({ render: function() {
        const map = new form.Map('facts');
        const section = map.section(form.NamedSection, 'main', 'facts');
        section.option(form.Value, 'name', 'Name');
        return map.render();
    } });""",
}
HEADERS = {
    "nodependency": "'use strict';\n'require view';\n'require facts.not_there';\n",
    "noview": "'use strict';\n",
    "form": "'use strict';\n'require view';\n'require form';\n",
}
HEADER = "'use strict';\n'require view';\n"


class MovedClock(SystemClock):
    """The real clock and what a test adds to it."""

    moved_s = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.moved_s

    def wall(self) -> float:
        return super().wall() + self.moved_s


@dataclass
class FactsWorld:
    url: str
    users: Users
    clock: MovedClock
    root: Path

    def config(self) -> str:
        return (self.root / "etc/config/facts").read_text()

    def reset(self) -> None:
        (self.root / "etc/config/facts").write_text(CONFIG)


def sources() -> list[str]:
    """What the facts are held against: the stand-in, and LuCI's own files if LUCI_SRC has them."""
    return ["standin", *(["luci"] if os.environ.get("LUCI_SRC") else [])]


@contextmanager
def facts_world(directory: Path, source: str) -> Iterator[FactsWorld]:
    root, users, clock = directory / "root", make_users(), MovedClock()
    (root / "etc/config").mkdir(parents=True)
    luci = Path(os.environ["LUCI_SRC"]) if source == "luci" else None
    install(root, users, luci)
    _fill(root)
    with (
        BackgroundBroker(str(directory / "ubus.sock")) as broker,
        Web(root, broker.path, 0, clock, print) as web,
    ):
        yield FactsWorld(web.url, users, clock, root)


def _fill(root: Path) -> None:
    (root / "etc/config/facts").write_text(CONFIG)
    luci = root / "etc/config/luci"
    luci.write_text(luci.read_text().partition("config internal 'apply'")[0] + LUCI_APPLY)
    (root / "usr/share/rpcd/acl.d/facts.json").write_text(json.dumps(ACL))
    (root / "usr/share/luci/menu.d/facts.json").write_text(json.dumps(_menu()))
    for old in (root / I18N).glob("*.lmo"):
        old.unlink()
    (root / I18N / "facts.de.lmo").write_bytes(compile_po(PO))
    resources = root / "www/luci-static/resources"
    (resources / "facts").mkdir()
    (resources / "facts/module.js").write_text(MODULE)
    views = resources / "view/facts"
    views.mkdir(parents=True)
    for name, body in VIEWS.items():
        (views / f"{name}.js").write_text(HEADERS.get(name, HEADER) + body)


def _menu() -> dict[str, Any]:
    menu: dict[str, Any] = {
        "admin/facts": {"title": "Facts", "order": 5, "action": {"type": "firstchild"}},
        "admin/facts/nofile": {"action": {"type": "view", "path": "facts/nofile"}},
        "admin/facts/denied": {
            "title": "Denied",
            "action": {"type": "view", "path": "facts/first"},
            "depends": {"acl": ["nobody-has-this"]},
        },
        "admin/facts/unsatisfied": {
            "title": "Unsatisfied",
            "action": {"type": "view", "path": "facts/first"},
            "depends": {"uci": {"facts": {"main": {"name": "not this"}}}},
        },
    }
    for name in VIEWS:
        menu[f"admin/facts/{name}"] = {"action": {"type": "view", "path": f"facts/{name}"}}
    menu["admin/facts/first"] |= {"title": "First", "order": 20}
    menu["admin/facts/second"] |= {"title": "Second", "order": 10}
    return menu


# --- the object `fact` ---


def answer_facts(page: Page) -> None:
    """Calls of the object `fact` never reach the server: their names say what to answer."""
    page.route("**/ubus/**", _answer)


def _answer(route: Route) -> None:
    body = json.loads(route.request.post_data or "null")
    calls = body if isinstance(body, list) else [body]
    methods = [_method(call) for call in calls]
    if None in methods:
        route.continue_()
    elif "http" in methods:
        route.fulfill(status=502, body="bad gateway")
    elif "abort" in methods:
        route.abort()
    else:
        replies = [_reply(call, str(method)) for call, method in zip(calls, methods, strict=True)]
        reply = replies if isinstance(body, list) else replies[0]
        route.fulfill(json=reply)


def _method(call: Any) -> str | None:
    params = call.get("params", []) if isinstance(call, dict) else []
    return params[2] if len(params) > 2 and params[1] == "fact" else None


def _reply(call: Any, method: str) -> dict[str, Any]:
    message = {"jsonrpc": "2.0", "id": call["id"]}
    if method == "denied":
        return {**message, "error": {"code": -32002, "message": "Access denied"}}
    if method == "gone":
        return {**message, "error": {"code": -32000, "message": "Object not found"}}
    if method.startswith("status_"):
        return {**message, "result": [int(method.removeprefix("status_"))]}
    if method == "shuffled":
        return {**message, "id": call["id"] + 1, "result": [0, {"n": 1}]}
    return {**message, "result": [0] if method == "empty" else [0, {"x": 1, "y": "z"}]}
