# SPDX-License-Identifier: GPL-2.0-or-later
"""The recorded RSPRO vectors as objects of `remsim.rspro.messages`."""

from __future__ import annotations

import dataclasses
import json
import re
import types
import typing
from pathlib import Path
from typing import Any

from remsim.rspro import messages

FOLDER = Path(__file__).parent / "vectors" / "rspro"

NAMES: dict[str, int] = {
    "remsimClient": messages.Component.CLIENT,
    "remsimServer": messages.Component.SERVER,
    "remsimBankd": messages.Component.BANK,
    **{re.sub(r"_(.)", lambda m: m[1].upper(), r.name.lower()): r for r in messages.Result},
    **{re.sub(r"_(.)", lambda m: m[1].upper(), c.name.lower()): c for c in messages.ErrorCode},
    **{severity.name.lower(): severity for severity in messages.Severity},
}


def load(name: str) -> Any:
    return json.loads((FOLDER / name).read_text())


def scenarios() -> list[str]:
    return sorted(path.stem for path in (FOLDER / "scenarios").glob("*.json"))


def scenario(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = load(f"scenarios/{name}.json")
    return loaded


def snake(name: str) -> str:
    return re.sub(r"([A-Z])", lambda found: "_" + found[1].lower(), name)


def pdu_of(recorded: dict[str, Any]) -> messages.Pdu:
    """A recorded `{pdu, version, tag, body}` as our type."""
    kind = getattr(messages, recorded["pdu"][0].upper() + recorded["pdu"][1:])
    return messages.Pdu(_build(kind, recorded["body"]), recorded["version"], recorded["tag"])


def _build(kind: type[Any], body: dict[str, Any]) -> Any:
    if kind is messages.IpPort:
        (address,) = body["ip"].values()
        return messages.IpPort(bytes.fromhex(address), body["port"])
    hints = typing.get_type_hints(kind)
    return kind(**{snake(name): _value(hints[snake(name)], item) for name, item in body.items()})


def _value(hint: Any, item: Any) -> Any:
    if isinstance(hint, types.UnionType):
        hint = next(part for part in typing.get_args(hint) if part is not type(None))
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _build(hint, item)
    if hint is bytes:
        return bytes.fromhex(item)
    if hint is int and isinstance(item, str):
        return NAMES[item]
    return item
