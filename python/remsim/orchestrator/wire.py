# SPDX-License-Identifier: GPL-2.0-or-later
"""IonMesh's JSON: bodies to send, and answers that are believed only after every part was checked.
Pure.

The API has no schema of its own; names and meanings are those of the C fork's integration guide
(terminills/osmo-remsim doc/IONMESH-INTEGRATION.md, IONMESH-ENHANCEMENTS.md) and of its client. An
answer decides which SIM a router uses, so a registration is taken whole or not at all. A
heartbeat's answer is the proof that the assignment lives on: parts of it that make no sense are
named and left out, the proof stands.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from remsim.errors import ConfigError, PeerNonsense, PeerRejected
from remsim.events import BeatReport
from remsim.model import Assignment, RemoteCommand
from remsim.orchestrator.api import BeatReply, Discovery, OrchestratorSettings, Target

BANK_MAX = SLOT_MAX = 1023  # RSPRO BankId, SlotNr: INTEGER (0..1023)
BANKD_PORT = 9999  # where an endpoint names none; osmo-remsim's bankd
INTERVAL_MAX_S = 86_400.0  # a longer interval is a mistake, not a wish
COMMANDS_MAX = 16  # per answer
ARGUMENTS_MAX = 8  # per command
TEXT_MAX = 256  # characters of any text that a server gives us to keep
MESSAGE_MAX = 160  # characters of a server's message that are shown to people

ICCID = re.compile(
    r"[0-9]{18,20}F?"
)  # ITU-T E.118, 19 or 20 digits; some banks drop the check digit
IMSI = re.compile(r"[0-9]{6,15}")  # ITU-T E.212
WORD = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,31}")
HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9._-]{0,252}[A-Za-z0-9_.])?")
ENDPOINT = re.compile(
    r"(?:[a-z][a-z0-9+.-]*://)?(\[[0-9A-Fa-f:.%a-z]+\]|[^:/\[\]]+)(?::([0-9]{1,5}))?/?"
)


# --- what is sent ------------------------------------------------------------------------------


def register_body(settings: OrchestratorSettings) -> bytes:
    body: dict[str, Any] = {
        "client_id": settings.client_id,
        "mapping_mode": settings.mapping_mode,
        "tenant_id": settings.tenant_id,
    }
    if settings.mcc_mnc:
        body["mcc_mnc"] = settings.mcc_mnc
    if settings.preferred_bank_id is not None:
        body["preferred_bank_id"] = settings.preferred_bank_id
    if settings.hardware:
        body["hardware_info"] = dict(settings.hardware)
    return _compact(body)


def beat_body(settings: OrchestratorSettings, report: BeatReport, with_statistics: bool) -> bytes:
    body: dict[str, Any] = {"client_id": settings.client_id, "status": report.status}
    if with_statistics:
        body["stats"] = _known(
            uptime_seconds=report.uptime_s,
            tpdus_sent=report.tpdus,
            errors=report.errors,
            signal_rssi=_rounded(report.signal_dbm),
            signal_rsrp=_rounded(report.rsrp_dbm),
            data_rx_bytes=report.rx_bytes,
            data_tx_bytes=report.tx_bytes,
        )
        modem = _known(model=report.modem_model, firmware=report.modem_firmware)
        if modem:
            body["modem_info"] = modem
    return _compact(body)


def targets(settings: OrchestratorSettings) -> tuple[Target, ...]:
    """The configured hosts in order. ConfigError for one that is no host."""
    found = []
    for host in settings.hosts:
        parts = _host_and_port(host, settings.port) if "/" not in host else None
        if parts is None:
            raise ConfigError("ionmesh.host", host, "a host name or address")
        found.append(Target(parts[0].strip("[]"), parts[1]))
    if not found:
        raise ConfigError("ionmesh.host", "", "a host name or address is needed")
    return tuple(dict.fromkeys(found))


# --- what comes back ---------------------------------------------------------------------------


def parse_register(data: bytes, peer: str, settings: OrchestratorSettings) -> Assignment:
    """The assignment, every part of it checked. PeerNonsense or PeerRejected otherwise."""
    reply = _accepted(data, peer, settings)
    try:
        return Assignment(
            client_id=settings.client_id,
            bank_id=_integer(reply, "bank_id", 0, BANK_MAX),
            slot_id=_integer(reply, "slot_id", 0, SLOT_MAX),
            iccid=_matching(reply, "iccid", ICCID),
            imsi=_matching(reply, "imsi", IMSI),
            bankd_endpoint=_endpoint(reply),
            mapping_mode=_matching(reply, "mapping_mode", WORD),
            profile_id=_text(reply, "profile_id"),
            heartbeat_interval_s=_interval(reply, "heartbeat_interval", settings),
        )
    except _Unusable as error:
        raise PeerNonsense(peer, f"answer to register-client: {error}") from error


def parse_beat(data: bytes, peer: str, rtt_ms: float, settings: OrchestratorSettings) -> BeatReply:
    """PeerNonsense if it is no JSON object, PeerRejected if it says error; lesser faults are
    `ignored`.
    """
    reply = _accepted(data, peer, settings)
    ignored: list[str] = []
    interval_s: float | None = None
    try:
        interval_s = _interval(reply, "next_heartbeat_interval", settings)
    except _Unusable as error:
        ignored.append(str(error))
    commands = _commands(reply, ignored)
    return BeatReply(peer, rtt_ms, interval_s, commands, tuple(ignored))


def parse_discovery(data: bytes, peer: str) -> Discovery:
    reply = _object(data, peer)
    modes = reply.get("supported_mapping_modes", [])
    if not isinstance(modes, list):
        modes = []
    return Discovery(
        peer,
        shown(reply.get("service")) or "unnamed",
        shown(reply.get("version")) or "unknown",
        tuple(mode for mode in modes[:COMMANDS_MAX] if _is_word(mode)),
    )


def refusal(data: bytes, settings: OrchestratorSettings) -> str:
    """What an error's body tells a person: its message, and the modes that would have had a slot.

    A server that repeats our API key in it does not get it into our logs.
    """
    try:
        reply = _object(_without(data, settings.api_key), "")
    except PeerNonsense:
        return ""
    parts = [shown(reply.get("message")) or shown(reply.get("error"))]
    modes = reply.get("available_modes")
    if isinstance(modes, list):
        usable = [mode for mode in modes[:COMMANDS_MAX] if _is_word(mode)]
        parts.append(
            f"slots are free for {', '.join(usable)}" if usable else "no mode has a free slot"
        )
    return "; ".join(part for part in parts if part)


def shown(value: object) -> str:
    """A server's text made fit for a log line; empty if it is no text."""
    if not isinstance(value, str):
        return ""
    return "".join(char if char.isprintable() else " " for char in value[:MESSAGE_MAX]).strip()


# --- checks ------------------------------------------------------------------------------------


class _Unusable(ValueError):
    """One member of an answer cannot be used. The text names it and what was expected."""


def _accepted(data: bytes, peer: str, settings: OrchestratorSettings) -> Mapping[str, Any]:
    reply = _object(data, peer)
    status = reply.get("status", "ok")
    if not isinstance(status, str):
        raise PeerNonsense(peer, "status in the answer is no text")
    if status.lower() in ("error", "failed", "fail"):
        raise PeerRejected(peer, refusal(data, settings) or "answers status error", 200)
    return reply


def _object(data: bytes, peer: str) -> Mapping[str, Any]:
    try:
        reply = json.loads(data, parse_constant=_no_constant)
    except RecursionError as error:
        raise PeerNonsense(peer, "answer is nested too deeply") from error
    except ValueError as error:
        raise PeerNonsense(peer, "answer is not JSON") from error
    if not isinstance(reply, dict):
        raise PeerNonsense(peer, f"answer is a JSON {type(reply).__name__}, not an object")
    return reply


def _no_constant(word: str) -> float:
    raise ValueError(f"{word} is not JSON")


def _integer(reply: Mapping[str, Any], name: str, low: int, high: int) -> int:
    value = reply.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise _Unusable(f"{name} is not a number from {low} to {high}")
    return value


def _text(reply: Mapping[str, Any], name: str) -> str | None:
    value = reply.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str) or len(value) > TEXT_MAX or not value.isprintable():
        raise _Unusable(f"{name} is not a text of up to {TEXT_MAX} characters")
    return value


def _matching(reply: Mapping[str, Any], name: str, pattern: re.Pattern[str]) -> str | None:
    value = _text(reply, name)
    if value is not None and not pattern.fullmatch(value):
        raise _Unusable(f"{name} does not look like one")
    return value


def _endpoint(reply: Mapping[str, Any]) -> str | None:
    """As "host:port": the scheme in it means nothing, RSPRO is spoken there."""
    value = _text(reply, "bankd_endpoint")
    if value is None:
        return None
    parts = _host_and_port(value, BANKD_PORT)
    if parts is None:
        raise _Unusable("bankd_endpoint is not host:port")
    return f"{parts[0]}:{parts[1]}"


def _host_and_port(text: str, default_port: int) -> tuple[str, int] | None:
    """An IPv6 address keeps its brackets. None if it is no endpoint."""
    match = ENDPOINT.fullmatch(text)
    if match is None or not (match[1].startswith("[") or HOST.fullmatch(match[1])):
        return None
    port = int(match[2] or default_port)
    return (match[1], port) if 1 <= port <= 65_535 else None


def _interval(reply: Mapping[str, Any], name: str, settings: OrchestratorSettings) -> float | None:
    """A wish, kept within our own limits."""
    value = reply.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _Unusable(f"{name} is not a number")
    if not 0 < value <= INTERVAL_MAX_S or not math.isfinite(value):
        raise _Unusable(f"{name} is not between 0 and {INTERVAL_MAX_S:.0f} s")
    return min(max(float(value), settings.min_interval_s), settings.max_interval_s)


def _commands(reply: Mapping[str, Any], ignored: list[str]) -> tuple[RemoteCommand, ...]:
    entries = reply.get("commands")
    if entries is None:
        return ()
    if not isinstance(entries, list):
        ignored.append("commands is not a list")
        return ()
    if len(entries) > COMMANDS_MAX:
        ignored.append(f"commands has more than {COMMANDS_MAX} entries")
    found: dict[str, RemoteCommand] = {}
    for entry in entries[:COMMANDS_MAX]:
        try:
            command = _command(entry)
        except _Unusable as error:
            ignored.append(str(error))
        else:
            found.setdefault(command.id, command)
    return tuple(found.values())


def _command(entry: object) -> RemoteCommand:
    """`{"id": text or number, "name": word, "arguments": {word: text or number}}`; "command" for
    "name" too.
    """
    if not isinstance(entry, dict):
        raise _Unusable("a command is not an object")
    key = _scalar(entry.get("id"))
    name: object = entry.get("name", entry.get("command"))
    arguments = entry.get("arguments", {})
    if not key or not isinstance(name, str) or not _is_word(name):
        raise _Unusable("a command has no id or no name")
    if not isinstance(arguments, dict) or len(arguments) > ARGUMENTS_MAX:
        raise _Unusable(f"arguments of command {name} are not an object of up to {ARGUMENTS_MAX}")
    pairs = tuple((word, _scalar(value)) for word, value in arguments.items())
    if not all(_is_word(word) and value is not None for word, value in pairs):
        raise _Unusable(f"an argument of command {name} is not a text or number")
    return RemoteCommand(key, name, tuple((word, value or "") for word, value in pairs))


def _scalar(value: object) -> str | None:
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, int) and abs(value) < 2**63:
        return str(value)
    if isinstance(value, float) and math.isfinite(value):
        return repr(value)
    if isinstance(value, str) and len(value) <= TEXT_MAX and value.isprintable():
        return value
    return None


def _is_word(value: object) -> bool:
    return isinstance(value, str) and WORD.fullmatch(value) is not None


def _without(data: bytes, secret: str) -> bytes:
    return data.replace(secret.encode(), b"***") if secret else data


def _known(**members: str | int | None) -> dict[str, str | int]:
    return {name: value for name, value in members.items() if value is not None}


def _rounded(value: float | None) -> int | None:
    return None if value is None else round(value)


def _compact(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
