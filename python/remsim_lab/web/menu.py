# SPDX-License-Identifier: GPL-2.0-or-later
"""LuCI's menu: the tree built from menu.d, what a login sees of it, which page an address is.

Read anew for each page: a lab is for changing things. Source: LuCI's dispatcher.uc, and what was
observed of it (a group that is missing hides a node, one that is readable only makes it read-only).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from remsim_lab.uci.engine import Context
from remsim_lab.uci.model import Section, UciError

MENU_DIRECTORY = "usr/share/luci/menu.d"
LAST = 9999  # order of a node without one
_TYPES: Mapping[str, type] = {
    "action": dict,
    "auth": dict,
    "cors": bool,
    "depends": dict,
    "order": int,
    "title": str,
    "wildcard": bool,
    "firstchild_ineligible": bool,
}

# Groups of the ACL files, with what a login may do in them.
Groups = Mapping[str, Sequence[str]]
Node = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Page:
    """`rest` are the segments behind a wildcard, `groups` what one needs on the whole way."""

    node: Node
    path: tuple[str, ...]
    rest: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    auth: Node = field(default_factory=dict)

    @property
    def action(self) -> Node:
        action = self.node.get("action")
        return action if isinstance(action, dict) else {"type": "none"}


class Menu:
    """`root` is the router's."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.tree: Node = {"action": {"type": "firstchild"}}
        for path in sorted((root / MENU_DIRECTORY).glob("*.json")):
            self._read(path)

    def _read(self, path: Path) -> None:
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return
        for address, spec in content.items():
            if isinstance(spec, dict):
                self._insert(address, spec)

    def _insert(self, address: str, spec: Node) -> None:
        node = self.tree
        for name in address.strip("/").split("/"):
            if name.startswith("*"):
                node["wildcard"] = True
                break
            children = node.setdefault("children", {})
            node = children.setdefault(name, {"satisfied": True})
        for name, kind in _TYPES.items():
            if isinstance(spec.get(name), kind):
                node[name] = spec[name]
        node["satisfied"] = self._is_satisfied(spec.get("depends"))

    # --- depends ---

    def _is_satisfied(self, depends: object) -> bool:
        if not isinstance(depends, dict):
            return True
        files, configs = _alternatives(depends.get("fs")), _alternatives(depends.get("uci"))
        return any(map(self._has_files, files)) and any(map(self._has_configs, configs))

    def _has_files(self, spec: Mapping[str, str]) -> bool:
        return all(self._is_kind(path, kind) for path, kind in spec.items())

    def _is_kind(self, path: str, kind: str) -> bool:
        place = self._root / path.lstrip("/")
        if kind == "directory":
            return place.is_dir() and any(place.iterdir())
        if kind == "absent":
            return not place.exists()
        return place.is_file() and (kind != "executable" or bool(place.stat().st_mode & 0o100))

    def _has_configs(self, spec: Mapping[str, object]) -> bool:
        return all(self._has_config(name, wanted) for name, wanted in spec.items())

    def _has_config(self, name: str, wanted: object) -> bool:
        sections = sections_of(self._root, name)
        if not isinstance(wanted, dict):
            return bool(sections)
        return all(
            any(_is_section(each, which) and _has_options(each, options) for each in sections)
            for which, options in wanted.items()
        )

    # --- for a login ---

    def for_login(self, groups: Groups) -> Node:
        """The tree with what is hidden from it marked."""
        return _marked(self.tree, groups)

    def resolve(self, path: Sequence[str], groups: Groups | None) -> Page:
        """The page of an address; an action "none" where there is none."""
        page = Page(self.tree, ())
        for place, name in enumerate(path):
            child = page.node.get("children", {}).get(name)
            if child is None or not child["satisfied"]:
                return replace(page, node={"action": {"type": "none"}})
            page = _entered(page, name, child)
            if child.get("wildcard"):
                return replace(page, rest=tuple(path[place + 1 :]))
        if page.action["type"] == "firstchild":
            return _first_child(page, groups) or replace(page, node={"action": {"type": "none"}})
        return page


def _entered(page: Page, name: str, node: Node) -> Page:
    groups = (*page.groups, *groups_of(node))
    return replace(
        page, node=node, path=(*page.path, name), groups=groups, auth=node.get("auth", page.auth)
    )


def _first_child(page: Page, groups: Groups | None) -> Page | None:
    """The lowest in order that has a title and may be seen; before a login any of them."""
    found = [each for each in _candidates(page, groups) if each is not None]
    return min(found, key=lambda each: each.node.get("order", LAST), default=None)


def _candidates(page: Page, groups: Groups | None) -> Iterator[Page | None]:
    for name, node in page.node.get("children", {}).items():
        is_seen = groups is None or permission(groups_of(node), groups) is not None
        if not (node["satisfied"] and is_seen and "title" in node and "action" in node):
            continue
        if node.get("firstchild_ineligible"):
            continue
        child = _entered(page, name, node)
        is_inner = node["action"].get("type") == "firstchild"
        inner = _first_child(child, groups) if is_inner else child
        # the order that counts is the child's own
        yield inner and replace(inner, node={**inner.node, "order": node.get("order", LAST)})


def permission(wanted: Sequence[str], groups: Groups) -> bool | None:
    """True: may write. False: may only read. None: one of the groups is missing."""
    may_write = not wanted
    for group in wanted:
        given = groups.get(group, ())
        if not ("read" in given or "write" in given):
            return None
        may_write = may_write or "write" in given
    return may_write


def groups_of(node: Node) -> tuple[str, ...]:
    depends = node.get("depends")
    return tuple(depends.get("acl", ())) if isinstance(depends, dict) else ()


def _marked(node: Node, groups: Groups) -> Node:
    marked = {name: value for name, value in node.items() if name != "children"}
    if "children" in node:
        children = node["children"].items()
        marked["children"] = {name: _marked(child, groups) for name, child in children}
    may = permission(groups_of(node), groups) if groups_of(node) else True
    if may is None:
        marked["satisfied"] = False
    elif not may:
        marked["readonly"] = True
    return marked


def _alternatives(spec: object) -> list[Mapping[str, Any]]:
    if isinstance(spec, list):
        return [each for each in spec if isinstance(each, dict)]
    return [spec] if isinstance(spec, dict) else [{}]


def sections_of(root: Path, config: str) -> list[Section]:
    """Committed sections of a config; none when it cannot be read."""
    context = Context()
    context.config_directory = bytes(root / "etc/config")
    context.override_directory = None
    context.delta_path = []
    try:
        return context.load(config.encode()).sections
    except UciError:
        return []


def _is_section(section: Section, which: str) -> bool:
    if which.startswith("@"):
        return section.type == which[1:].encode()
    return section.name == which.encode()


def _has_options(section: Section, wanted: object) -> bool:
    if wanted is True:
        return bool(section.options)
    if isinstance(wanted, str):
        return section.type == wanted.encode()
    pairs = wanted.items() if isinstance(wanted, dict) else ()
    return all(_has_option(section, name, value) for name, value in pairs)


def _has_option(section: Section, name: str, wanted: object) -> bool:
    option = section.option(name.encode())
    if option is None or wanted is True:
        return option is not None
    held = option.value if isinstance(option.value, list) else [option.value]
    return str(wanted).encode() in held
