# SPDX-License-Identifier: GPL-2.0-or-later
"""Files that repeat what the source says: roles, menu, licence lines, generated text."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from source_tree import PROJECT, PYTHON

from remsim.bus.api import LUCI_OBJECT, METHODS, Access, methods_of

ACL = PROJECT / "files/usr/share/rpcd/acl.d"
MENU = PROJECT / "files/usr/share/luci/menu.d/luci-app-remsim.json"


def roles() -> dict[str, dict]:
    merged: dict[str, dict] = {}
    for path in ACL.glob("*.json"):
        merged.update(json.loads(path.read_text()))
    return merged


def granted(role: str, scope: str, *modes: str) -> set[str]:
    return {
        method
        for mode in modes
        for method in roles()[role].get(mode, {}).get("ubus", {}).get(scope, [])
    }


def named(access: Access) -> set[str]:
    return {method.name for method in METHODS if method.access is access}


def test_there_is_a_role_for_seeing_and_one_for_acting_and_no_other() -> None:
    assert set(roles()) == {"luci-app-remsim-status", "luci-app-remsim-control"}


def test_the_status_role_sees_and_does_nothing_else() -> None:
    role = roles()["luci-app-remsim-status"]
    assert set(role) == {"description", "read"}
    assert set(role["read"]) == {"ubus"}
    assert set(role["read"]["ubus"]) == {LUCI_OBJECT}
    assert granted("luci-app-remsim-status", LUCI_OBJECT, "read") == named(Access.STATUS)


def test_the_control_role_has_the_control_methods_by_name() -> None:
    everything = granted("luci-app-remsim-control", LUCI_OBJECT, "read", "write")
    assert everything == named(Access.CONTROL)
    only_looking = granted("luci-app-remsim-control", LUCI_OBJECT, "read")
    assert only_looking == {"config", "validate"}


def test_the_control_role_reaches_one_configuration() -> None:
    role = roles()["luci-app-remsim-control"]
    assert role["read"]["uci"] == role["write"]["uci"] == ["remsim"]
    for mode in ("read", "write"):
        assert set(role[mode]) == {"ubus", "uci"}
        assert set(role[mode]["ubus"]) == {LUCI_OBJECT, "uci"}


def test_no_role_reaches_what_is_the_routers_alone() -> None:
    for role in roles():
        for method in named(Access.ROUTER):
            assert method not in granted(role, LUCI_OBJECT, "read", "write")
    assert named(Access.ROUTER).isdisjoint(method.name for method in methods_of(LUCI_OBJECT))


def test_no_grant_is_a_pattern() -> None:
    for path in ACL.glob("*.json"):
        assert "*" not in path.read_text()


def test_a_menu_entry_needs_a_role_and_shows_only_a_page_that_is_there() -> None:
    for path, entry in json.loads(MENU.read_text()).items():
        assert path.startswith("admin/services/remsim")
        assert set(entry["depends"]["acl"]) <= set(roles())
        if entry["action"]["type"] == "view":
            page = f"/www/luci-static/resources/view/{entry['action']['path']}.js"
            assert entry["depends"]["fs"] == {page: "file"}


def licensed_files() -> list[Path]:
    kinds = (".py", ".sh", ".js", ".lua")
    places = ("python", "tests", "htdocs", "luasrc")
    found = [PROJECT / "Makefile"]
    for place in places:
        found += [path for path in sorted((PROJECT / place).rglob("*")) if path.suffix in kinds]
    return [path for path in found if PROJECT / "tests/vectors" not in path.parents]


@pytest.mark.parametrize("path", licensed_files(), ids=lambda path: str(path.relative_to(PROJECT)))
def test_a_source_file_opens_with_its_licence(path: Path) -> None:
    head = path.read_text(encoding="utf-8").splitlines()[:4]
    assert any("SPDX-License-Identifier: GPL-2.0-or-later" in line for line in head)


def test_router_scripts_name_their_licence() -> None:
    for path in (PROJECT / "files").rglob("*"):
        if path.is_file() and path.read_bytes()[:2] == b"#!":
            assert b"SPDX-License-Identifier: GPL-2.0-or-later" in path.read_bytes()[:120], path


def test_a_module_says_what_it_is() -> None:
    for package in ("remsim", "remsim_lab"):
        for path in (PYTHON / package).rglob("*.py"):
            lines = path.read_text(encoding="utf-8").splitlines()
            if len(lines) > 1:
                assert lines[1].startswith('"""'), path


@pytest.mark.parametrize("generator", ["remsim.config.generate", "remsim_lab.reference"])
def test_generated_files_are_fresh(generator: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", generator, "--check"],
        cwd=PROJECT,
        env={"PYTHONPATH": str(PYTHON)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
