# SPDX-License-Identifier: GPL-2.0-or-later
"""Each method with each role, by the ACL files that the packages bring.

`seer` has the status role and LuCI's own groups, `keeper` the control role as well; nobody is
logged in. The objects on the bus answer everything, so that only the rights decide.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from luci.router_web import LabObject, RouterWeb, router_web
from remsim.bus.api import LUCI_OBJECT, METHODS, OBJECT, Access, methods_of, signature_of
from remsim_lab.ubus import message
from remsim_lab.web.accounts import Account, config_of, hash_of
from remsim_lab.web.install import REPOSITORY, ROUTER, VIEWER_GROUPS
from remsim_lab.web.provider import Method

NOBODY, SEER, KEEPER = "nobody", "seer", "keeper"
ACCESS_DENIED, PERMISSION_DENIED = -32002, 6
CONTROL_GROUPS = (*VIEWER_GROUPS, "luci-app-remsim-control")
ALLOWED = {Access.STATUS: {SEER, KEEPER}, Access.CONTROL: {KEEPER}, Access.ROUTER: set[str]()}
REMSIM = """
config ionmesh 'ionmesh'
	option api_key 'not for everybody'

config modem1 'modem1'
	option pin '1234'
"""
UCI_READS = ("get", "changes")
UCI_WRITES = ("set", "add", "delete", "rename", "order", "revert", "apply", "confirm")


def objects() -> Mapping[str, list[Method]]:
    return {
        name: [
            Method(row.name, signature_of(name, row), lambda _: [message.pack({"answered": True})])
            for row in methods_of(name)
        ]
        for name in (OBJECT, LUCI_OBJECT)
    }


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RouterWeb]:
    directory = tmp_path_factory.mktemp("roles")
    with router_web(directory, LabObject(), objects(), acl=acl_files()) as web:
        accounts = [
            Account(SEER, hash_of(SEER), VIEWER_GROUPS, ()),
            Account(KEEPER, hash_of(KEEPER), CONTROL_GROUPS, CONTROL_GROUPS),
        ]
        (web.root / "etc/config/rpcd").write_text(config_of(accounts))
        (web.root / "etc/config/remsim").write_text(REMSIM)
        yield web


def acl_files() -> list[Path]:
    ours = REPOSITORY / "files/usr/share/rpcd/acl.d"
    return sorted([*ours.glob("*.json"), *(ROUTER / "usr/share/rpcd/acl.d").glob("*.json")])


@pytest.fixture(scope="module")
def sids(web: RouterWeb) -> dict[str, str]:
    return {NOBODY: "0" * 32, SEER: web.login(SEER), KEEPER: web.login(KEEPER)}


def is_denied(reply: Any) -> bool:
    return bool(reply.get("error", {}).get("code") == ACCESS_DENIED)


@pytest.mark.parametrize("role", [NOBODY, SEER, KEEPER])
@pytest.mark.parametrize("row", METHODS, ids=lambda row: row.name)
def test_a_method_answers_those_roles_only_that_it_is_for(
    web: RouterWeb, sids: dict[str, str], row: Any, role: str
) -> None:
    reply = web.call(sids[role], LUCI_OBJECT, row.name)
    if role in ALLOWED[row.access]:
        assert reply["result"] == [0, {"answered": True}]
    else:
        assert is_denied(reply)


@pytest.mark.parametrize("role", [NOBODY, SEER, KEEPER])
@pytest.mark.parametrize("row", METHODS, ids=lambda row: row.name)
def test_the_routers_own_object_is_for_no_login(
    web: RouterWeb, sids: dict[str, str], row: Any, role: str
) -> None:
    assert is_denied(web.call(sids[role], OBJECT, row.name))


@pytest.mark.parametrize("role", [NOBODY, SEER])
@pytest.mark.parametrize("method", [*UCI_READS, *UCI_WRITES])
def test_without_the_control_role_the_configuration_is_closed(
    web: RouterWeb, sids: dict[str, str], method: str, role: str
) -> None:
    arguments = {"config": "remsim", "section": "modem1", "values": {"pin": "0000"}}
    reply = web.call(sids[role], "uci", method, **arguments)
    assert is_denied(reply) or reply["result"] == [PERMISSION_DENIED]
    assert "1234" not in json.dumps(reply)


def test_changes_of_all_configs_do_not_show_what_may_not_be_read(
    web: RouterWeb, sids: dict[str, str]
) -> None:
    values = {"config": "remsim", "section": "modem1", "values": {"pin": "9999"}}
    assert web.call(sids[KEEPER], "uci", "set", **values)["result"] == [0]
    assert web.call(sids[SEER], "uci", "changes")["result"] == [0, {"changes": {}}]
    mine = web.call(sids[KEEPER], "uci", "changes")["result"][1]["changes"]
    assert mine == {"remsim": [["set", "modem1", "pin", "9999"]]}
    assert web.call(sids[KEEPER], "uci", "revert", config="remsim")["result"] == [0]


def test_the_control_role_writes_this_config_and_no_other(
    web: RouterWeb, sids: dict[str, str]
) -> None:
    keeper = sids[KEEPER]
    assert web.call(keeper, "uci", "get", config="remsim")["result"][0] == 0
    for config in ("rpcd", "network", "system"):
        reply = web.call(keeper, "uci", "set", config=config, section="x", values={"a": "b"})
        assert reply["result"] == [PERMISSION_DENIED]


@pytest.mark.parametrize("role", [NOBODY, SEER, KEEPER])
def test_no_role_may_give_itself_more(web: RouterWeb, sids: dict[str, str], role: str) -> None:
    wanted = {"scope": "ubus", "objects": [["*", "*"]]}
    assert is_denied(web.call(sids[role], "session", "grant", **wanted))
    assert is_denied(web.call(sids[role], "session", "create"))
    assert is_denied(web.call(sids[role], "session", "list"))


def test_files_are_listed_and_nothing_more(web: RouterWeb, sids: dict[str, str]) -> None:
    for role in (SEER, KEEPER):
        for method in ("read", "write", "exec", "stat"):
            assert is_denied(web.call(sids[role], "file", method, path="/etc/config/remsim"))
    escape = web.call(sids[SEER], "file", "list", path="/www/../../..")
    assert escape["result"] == [PERMISSION_DENIED]
