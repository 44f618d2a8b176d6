# SPDX-License-Identifier: GPL-2.0-or-later
"""`remsim status` for people: what is, since when, what is wrong, what to do. Pure.

Every field stands for itself: one that could not be read shows why and its last value, the others
stay. "unknown" means never read; it differs from zero and from empty.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from remsim.cli.text import (
    UNKNOWN,
    duration,
    labelled,
    paint,
    side_by_side,
    signal_word,
    size,
    wrapped,
)

Table = Mapping[str, Any]

_LABEL_WIDTH = 14
# A value read this much before the modem was last seen shows its age; signal is read each minute.
_STALE_AFTER_S = 90.0
_MODEMS = (("modem1", "modem1, primary"), ("modem2", "modem2, IoT"))


def status_lines(status: Table, columns: int, colours: bool = False) -> list[str]:
    """The whole page, each line at most `columns` wide."""
    width = max(60, columns)
    lines = [_headline(status, colours)]
    lines += _alerts(status, width, colours)
    lines.append("")
    for block in (_config, _control_path, _assignment, _heartbeat, _routing, _client):
        lines += block(status, width)
    modems = [(title, status[name]) for name, title in _MODEMS if status.get(name)]
    if modems:
        lines.append("")
        lines += _modem_table(modems, width)
    return lines


def _headline(status: Table, colours: bool) -> str:
    state, kind = _overall(status)
    version = status.get("version", UNKNOWN)
    up = duration(status.get("uptime_s"))
    return f"{paint(state, kind, colours)}   remsim {version}, running for {up}"


def _overall(status: Table) -> tuple[str, str]:
    if status.get("enabled") is False:
        return "OFF", "warning"
    if status.get("released"):
        return "RELEASED", "warning"
    severities = {alert.get("severity") for alert in status.get("alerts") or ()}
    if "error" in severities:
        return "TROUBLE", "error"
    if severities:
        return "WARNING", "warning"
    assignment = status.get("assignment") or {}
    if assignment.get("wanted") and assignment.get("state") != "active":
        return "STARTING", "warning"
    return "OK", "good"


def _alerts(status: Table, width: int, colours: bool) -> list[str]:
    lines: list[str] = []
    for alert in status.get("alerts") or ():
        kind = str(alert.get("severity", "warning"))
        since = duration(alert.get("since_s"))
        text = f"{kind}: {alert.get('reason', alert.get('id', UNKNOWN))} (for {since})"
        lines += ["  " + paint(line, kind, colours) for line in wrapped(text, width - 2)]
        if alert.get("advice"):
            advice = wrapped(str(alert["advice"]), width - 7)
            lines += [f"    {'->' if n == 0 else '  '} {line}" for n, line in enumerate(advice)]
    return lines


# --- one line each -----------------------------------------------------------------------------


def _line(label: str, width: int, *parts: str) -> list[str]:
    return labelled(label, parts, _LABEL_WIDTH, width)


_CONFIG_STATES = {
    "accepted": "the file as it is",
    "last_accepted": "the last accepted one: the file has errors",
    "defaults": "defaults only: the file has errors and none was accepted before",
}


def _config(status: Table, width: int) -> list[str]:
    config = status.get("config") or {}
    problems = config.get("problems") or ()
    warnings = config.get("warnings") or ()
    if config.get("state") == "accepted" and not problems and not warnings:
        return []
    state = config.get("state", "")
    if state == "accepted" and problems:
        state = "last_accepted"  # it was sound when it was taken over
    lines = _line("Configuration", width, _CONFIG_STATES.get(state, UNKNOWN))
    for problem in problems:
        value = f"{problem['value']!r} is not " if problem.get("value") else ""
        text = f"{problem.get('path')}: {value}{problem.get('expected')}"
        lines += _line("", width, "error: " + text)
    for warning in warnings:
        lines += _line("", width, f"warning: {warning.get('text') or warning.get('path')}")
    return lines


def _control_path(status: Table, width: int) -> list[str]:
    path = status.get("control_path") or {}
    name = path.get("path", UNKNOWN)
    modem = path.get("modem")
    head = f"{name} ({modem})" if modem else str(name)
    held = path.get("held_back_s")
    return _line(
        "Control path",
        width,
        f"{head} for {duration(path.get('since_s'))}",
        path.get("reason") or "",
        f"the IoT path is held back for {duration(held)} more" if held is not None else "",
    )


def _assignment(status: Table, width: int) -> list[str]:
    assignment = status.get("assignment") or {}
    state = str(assignment.get("state", UNKNOWN))
    left = assignment.get("grace_left_s")
    parts = [state if left is None else f"{state}, lost in {duration(left)}"]
    for label, key in (
        ("client", "client_id"),
        ("bank", "bank_id"),
        ("slot", "slot_id"),
        ("ICCID", "iccid"),
        ("IMSI", "imsi"),
        ("bankd", "bankd_endpoint"),
        ("mode", "mapping_mode"),
    ):
        if assignment.get(key) is not None:
            parts.append(f"{label} {assignment[key]}")
    return _line("Assignment", width, *parts) + _failure("", assignment.get("failure"), width)


def _heartbeat(status: Table, width: int) -> list[str]:
    beat = status.get("heartbeat") or {}
    age = beat.get("last_answer_age_s")
    answered = "never answered" if age is None else f"answered {duration(age)} ago"
    rtt = beat.get("rtt_ms")
    next_in = beat.get("next_in_s")
    counts = [f"{beat[key]} {key}" for key in ("sent", "answered", "failed") if key in beat]
    return _line(
        "Heartbeat",
        width,
        answered + (f" by {beat['path']}" if beat.get("path") not in (None, "none") else ""),
        f"host {beat['host']}" if beat.get("host") else "",
        f"{rtt:.0f} ms" if rtt is not None else "",
        f"next in {duration(next_in)}" if next_in is not None else "none planned",
        f"every {duration(beat['interval_s'])}" if beat.get("interval_s") else "",
        *counts,
    ) + _failure("", beat.get("failure"), width)


def _routing(status: Table, width: int) -> list[str]:
    routing = status.get("routing") or {}
    if not routing:
        return []
    table = routing.get("table")
    return _line(
        "Routing",
        width,
        f"{routing.get('mode', UNKNOWN)}, {routing.get('state', UNKNOWN)}",
        f"table {table}" if table is not None and routing.get("state") == "applied" else "",
    ) + _failure("", routing.get("failure"), width)


def _client(status: Table, width: int) -> list[str]:
    client = status.get("client") or {}
    if not client:
        return []
    possible = client.get("remote_possible")
    return _line(
        "SIM client",
        width,
        str(client.get("state", UNKNOWN)),
        f"card front-end {client['front_end']}"
        if client.get("front_end", "none") != "none"
        else "",
        f"no remote SIM: {client.get('why_not')}"
        if possible is False
        else str(client.get("why_not") or ""),
    )


def _failure(label: str, failure: Table | None, width: int) -> list[str]:
    return _line(label, width, failure_text(failure)) if failure else []


def failure_text(failure: Table) -> str:
    """Reason first, then how often, how long ago and when the next try is."""
    parts = [f"! {failure.get('reason') or failure.get('code') or UNKNOWN}"]
    attempt = failure.get("attempt")
    if attempt is not None and attempt > 1:
        parts.append(f"attempt {attempt}")
    if failure.get("age_s") is not None:
        parts.append(f"{duration(failure['age_s'])} ago")
    if failure.get("next_retry_in_s") is not None:
        parts.append(f"next try in {duration(failure['next_retry_in_s'])}")
    return ", ".join(parts)


# --- the modems, side by side ------------------------------------------------------------------

Cell = Callable[[Table], list[str]]


def _modem_table(modems: list[tuple[str, Table]], width: int) -> list[str]:
    lines = side_by_side("", [[title] for title, _ in modems], _LABEL_WIDTH, width)
    for label, cell in _ROWS:
        cells = [cell(modem) for _, modem in modems]
        if any(cells):
            filled = [texts or ["-"] for texts in cells]
            lines += side_by_side(label, filled, _LABEL_WIDTH, width)
    return lines


def _state_cell(modem: Table) -> list[str]:
    age = modem.get("age_s")
    seen = "never seen" if age is None else f"seen {duration(age)} ago"
    failure = modem.get("failure")
    return [f"{modem.get('state', UNKNOWN)}, {seen}", *([failure_text(failure)] if failure else [])]


def _up_word(is_up: object) -> str:
    if is_up is None:
        return UNKNOWN
    return "up" if is_up else "down"


def _path_cell(modem: Table) -> list[str]:
    path = modem.get("path") or {}
    word = path.get("state") or _up_word(path.get("up"))
    return [f"{word}: {path['reason']}" if path.get("reason") else word]


def _link_cell(modem: Table) -> list[str]:
    link = modem.get("link") or {}
    device = link.get("device") or link.get("interface") or UNKNOWN
    state = _up_word(link.get("up"))
    addresses = " ".join(link.get("addresses") or ()) or "no address"
    traffic = f"received {size(link.get('rx_bytes'))}, sent {size(link.get('tx_bytes'))}"
    texts = [f"{device} {state}, {addresses}", traffic]
    if link.get("failure"):
        texts.append(failure_text(link["failure"]))
    return texts


def _sim_cell(modem: Table) -> list[str]:
    switch = modem.get("sim") or {}
    texts = [f"switch at {switch.get('source', UNKNOWN)}"]
    if switch.get("wanted") is not None and switch.get("level") != switch.get("wanted"):
        level = UNKNOWN if switch.get("level") is None else switch["level"]
        texts.append(f"! line reads {level}, wanted {switch['wanted']}")
    if switch.get("failure"):
        texts.append(failure_text(switch["failure"]))
    return texts


def _device_cell(modem: Table) -> list[str]:
    parts = [modem.get("device"), modem.get("bus_path"), modem.get("profile")]
    return [", ".join(str(part) for part in parts if part) or UNKNOWN]


def _recovery_cell(modem: Table) -> list[str]:
    return list(_recovery_texts(modem.get("recovery") or {}))


def _recovery_texts(recovery: Table) -> Iterator[str]:
    if recovery.get("active"):
        if recovery.get("step"):
            yield f"{recovery['step']} under way"
        if recovery.get("next_step"):
            yield f"next: {recovery['next_step']} in {duration(recovery.get('next_in_s'))}"
        tried = ", ".join(recovery.get("tried") or ())
        yield f"tried: {tried}" if tried else "nothing tried yet"
    if recovery.get("helped"):
        yield f"last helped by {recovery['helped']}"
    if recovery.get("failure"):
        yield failure_text(recovery["failure"])


def _field(name: str, shown: Callable[[Any], str] = str, dynamic: bool = False) -> Cell:
    def cell(modem: Table) -> list[str]:
        return _reading(modem, (modem.get("fields") or {}).get(name), shown, dynamic)

    return cell


def _reading(
    modem: Table, reading: Table | None, shown: Callable[[Any], str], dynamic: bool
) -> list[str]:
    if not reading:
        return [UNKNOWN]
    value, age = reading.get("value"), reading.get("age_s")
    text = UNKNOWN if value is None else shown(value) or UNKNOWN
    error = reading.get("error")
    if error:
        last = [] if value is None else [f"last: {text}, {duration(age)} ago"]
        return [failure_text(error), *last]
    stale = dynamic and age is not None and age > (modem.get("age_s") or 0.0) + _STALE_AFTER_S
    return [f"{text} ({duration(age)} ago)" if stale else text]


_REGISTRATION = {
    0: "not searching",
    1: "home network",
    2: "searching",
    3: "denied",
    4: UNKNOWN,
    5: "roaming",
    6: "home, SMS only",
    7: "roaming, SMS only",
    8: "emergency only",
    9: "home, no fallback",
    10: "roaming, no fallback",
}


def _registration(value: Table) -> str:
    word = _REGISTRATION.get(value.get("stat", 4), UNKNOWN)
    cell = f", cell {value['cell_id']}" if value.get("cell_id") else ""
    area = f", area {value['tac']}" if value.get("tac") else ""
    return f"{word}{area}{cell}"


def _signal(value: Table) -> str:
    word = signal_word(value.get("rsrp_dbm"), value.get("rssi_dbm"))
    levels = [
        f"{label} {value[key]:g} {unit}"
        for label, key, unit in (
            ("RSRP", "rsrp_dbm", "dBm"),
            ("RSSI", "rssi_dbm", "dBm"),
            ("RSRQ", "rsrq_db", "dB"),
            ("SINR", "sinr_db", "dB"),
        )
        if value.get(key) is not None
    ]
    band = [f"band {value['band']}"] if value.get("band") else []
    return ", ".join([*([word] if word else []), *levels, *band])


_ROWS: tuple[tuple[str, Cell], ...] = (
    ("State", _state_cell),
    ("Path", _path_cell),
    ("Link", _link_cell),
    ("Recovery", _recovery_cell),
    ("SIM", _sim_cell),
    ("SIM state", _field("sim", dynamic=True)),
    ("ICCID", _field("iccid")),
    ("IMSI", _field("imsi")),
    ("Registration", _field("registration", _registration, dynamic=True)),
    ("Operator", _field("operator", dynamic=True)),
    ("Technology", _field("technology", dynamic=True)),
    ("Signal", _field("signal", _signal, dynamic=True)),
    ("Temperature", _field("temperature_c", lambda value: f"{value:g} C", dynamic=True)),
    ("Model", _field("model")),
    ("Firmware", _field("firmware")),
    ("IMEI", _field("imei")),
    ("Device", _device_cell),
)
