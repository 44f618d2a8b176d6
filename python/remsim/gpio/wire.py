# SPDX-License-Identifier: GPL-2.0-or-later
"""What the daemon and the line keeper say to each other: one JSON object per packet of a Unix
socket.

Version 1 must be understood for ever: a keeper outlives upgrades of the daemon that talks to it.

    {"do": "hold", "spec": "gpiochip0:20"}    take the line as it is, unless it is held already
    {"do": "read", "line": "gpiochip0:20"}
    {"do": "write", "line": "gpiochip0:20", "level": 1, "back_ms": 1300}
                                              with back_ms: the opposite level after that time
                                              by itself, unless another write comes first
      -> {"line": "gpiochip0:20", "level": 1, "output": true}
    {"do": "drop", "line": "gpiochip0:20"}    give the line back to the kernel
    {"do": "quit"}                            give all of them back and end
    any of them -> {"error": "text", "errno": 16, "consumer": "who holds it"}
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

SOCKET_NAME = "gpio.sock"  # in the run directory, which is root's alone

# Longest packet either side reads; the longest real one is below 300 bytes (a 63-character name and
# a path).
PACKET_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Request:
    do: str
    spec: str | None = None
    line: str | None = None
    level: int | None = None
    back_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    line: str | None = None
    level: int | None = None
    output: bool | None = None
    error: str | None = None
    errno: int | None = None
    consumer: str | None = None


def encode(packet: Request | Reply) -> bytes:
    known = {name: value for name, value in asdict(packet).items() if value is not None}
    return json.dumps(known, separators=(",", ":")).encode()


def decode_request(packet: bytes) -> Request:
    """ValueError when it is not a request; fields this version does not know are passed over."""
    fields = _table(packet)
    do = _text(fields, "do")
    if do is None:
        raise ValueError("no verb")
    return Request(
        do,
        _text(fields, "spec"),
        _text(fields, "line"),
        _number(fields, "level"),
        _number(fields, "back_ms"),
    )


def decode_reply(packet: bytes) -> Reply:
    """ValueError when it is not a reply."""
    fields = _table(packet)
    output = fields.get("output")
    return Reply(
        _text(fields, "line"),
        _number(fields, "level"),
        output if isinstance(output, bool) else None,
        _text(fields, "error"),
        _number(fields, "errno"),
        _text(fields, "consumer"),
    )


def _table(packet: bytes) -> dict[str, object]:
    value = json.loads(packet)
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value


def _text(fields: dict[str, object], name: str) -> str | None:
    value = fields.get(name)
    return value if isinstance(value, str) else None


def _number(fields: dict[str, object], name: str) -> int | None:
    value = fields.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
