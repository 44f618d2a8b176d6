# SPDX-License-Identifier: GPL-2.0-or-later
"""What the IonMesh stand-in can say, right and wrong. Compact JSON: the C fork's client needs it
so.
"""

from __future__ import annotations

import json
from enum import Enum
from typing import NamedTuple

HUGE_BYTES = 10 * 1024 * 1024


class Fault(Enum):
    """How it misbehaves, to every request until restored (or so many times)."""

    DOWN = "down"  # nothing listens, connections are reset
    SILENT = "silent"  # takes requests, never answers
    ERROR_500 = "http_500"
    NO_SLOTS = "no_slots"  # 503 with available_modes
    WRONG_TYPE = "wrong_type"  # JSON, but a list
    WRONG_FIELDS = "wrong_fields"  # an object whose members have the wrong types
    NOT_JSON = "not_json"  # 200 with HTML, as a captive portal
    REDIRECT = "redirect"  # 302, as a captive portal
    HUGE = "huge"  # 10 MB
    DRIP = "drip"  # a right answer, one byte a second
    CLOSE_AFTER = "close_after"  # closes after each answer, without having said so
    CUT = "cut"  # closes in the middle of the answer
    NOT_FOUND = "not_found"  # 404 to everything
    REFUSE = "refuse"  # 401 to everything


class Answer(NamedTuple):
    status: int
    body: bytes
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


def answer_json(code: int, /, **members: object) -> Answer:
    return Answer(code, json.dumps(members, separators=(",", ":")).encode() + b"\n")


def refuse(code: int, message: str, **members: object) -> Answer:
    return answer_json(code, status="error", message=message, **members)


BROKEN = {
    Fault.ERROR_500: refuse(500, "Internal Server Error"),
    Fault.NO_SLOTS: refuse(
        503, "No available slots for requested mapping mode", available_modes=["KI_PROXY_SWSIM"]
    ),
    Fault.WRONG_TYPE: Answer(200, b'["status","ok"]\n'),
    Fault.WRONG_FIELDS: answer_json(
        200,
        status="ok",
        bank_id="1",
        slot_id=None,
        iccid=8901,
        bankd_endpoint=["127.0.0.1"],
        next_heartbeat_interval="soon",
        commands={"id": 1},
    ),
    Fault.NOT_JSON: Answer(200, b"<html><body>Please log in</body></html>", "text/html"),
    Fault.REDIRECT: Answer(302, b"", "text/html", (("Location", "http://portal.example/login"),)),
    Fault.HUGE: Answer(200, b'{"status":"ok","x":"' + b"x" * HUGE_BYTES + b'"}'),
    Fault.NOT_FOUND: refuse(404, "Not found"),
    Fault.REFUSE: refuse(401, "Unauthorized"),
}
