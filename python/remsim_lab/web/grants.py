# SPDX-License-Identifier: GPL-2.0-or-later
"""What a session may do: functions on objects in scopes, and the ACL files that grant them.

Objects and functions may be patterns. Kept from rpcd: objects are listed in the order of what
stands before their first wildcard. Source: rpcd session.c; recorded logins in
tests/vectors/openwrt/jsonrpc.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import groupby
from pathlib import Path

from remsim_lab.ubus import message

UNAUTHENTICATED = "unauthenticated"
GROUP_SCOPE = "access-group"
PERMISSIONS = ("read", "write")

# allowed(permission, group)
IsAllowed = Callable[[str, str], bool]


@dataclass(frozen=True, slots=True)
class Grant:
    scope: str
    object: str
    function: str


class Grants:
    """A session's. Never shared between sessions."""

    def __init__(self) -> None:
        self._scopes: dict[str, list[Grant]] = {}

    def add(self, grant: Grant) -> None:
        held = self._scopes.setdefault(grant.scope, [])
        if grant in held:
            return
        held.append(grant)
        held.sort(key=lambda each: _fixed_part(each.object))  # stable: equal ones as they came

    def remove(self, grant: Grant) -> None:
        held = self._scopes.get(grant.scope, [])
        if grant in held:
            held.remove(grant)
        if not held:
            self._scopes.pop(grant.scope, None)

    def remove_scope(self, scope: str) -> None:
        self._scopes.pop(scope, None)

    def allows(self, scope: str, object_name: str, function: str) -> bool:
        return any(
            fnmatchcase(object_name, each.object) and fnmatchcase(function, each.function)
            for each in self._scopes.get(scope, ())
        )

    def packed(self) -> bytes:
        """{scope: {object: [function]}}"""
        table: dict[str, object] = {}
        for scope in sorted(self._scopes):
            listed = groupby(self._scopes[scope], key=lambda each: each.object)
            table[scope] = {name: [each.function for each in some] for name, some in listed}
        return message.pack(table)


def _fixed_part(pattern: str) -> str:
    """Up to the first wildcard."""
    ends = [pattern.find(sign) for sign in "*?[" if sign in pattern]
    return pattern[: min(ends)] if ends else pattern


def grants_in(directory: Path, is_allowed: IsAllowed) -> Iterator[Grant]:
    """What the ACL files give a login; a file that cannot be read gives nothing."""
    for path in sorted(directory.glob("*.json")):
        for group, permissions in _tables(_content(path)):
            for permission, scopes in _tables(permissions):
                if permission in PERMISSIONS and is_allowed(permission, group):
                    yield from _of_group(group, permission, scopes)


def _of_group(group: str, permission: str, scopes: Mapping[str, object]) -> Iterator[Grant]:
    for scope, objects in scopes.items():
        if isinstance(objects, dict):
            for name, functions in objects.items():
                for function in _texts(functions):
                    yield Grant(scope, name, function)
        for name in _texts(objects):
            yield Grant(scope, name, permission)
        yield Grant(GROUP_SCOPE, group, permission)


def _content(path: Path) -> object:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _tables(value: object) -> Iterator[tuple[str, Mapping[str, object]]]:
    if isinstance(value, dict):
        yield from ((name, each) for name, each in value.items() if isinstance(each, dict))


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, list):
        yield from (each for each in value if isinstance(each, str))
