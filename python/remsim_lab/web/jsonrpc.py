# SPDX-License-Identifier: GPL-2.0-or-later
"""JSON-RPC as uhttpd's ubus plugin speaks it: from request bodies to answer texts.

Never raises for what a client sends. A ubus status is no JSON-RPC error but `"result":[status]`, or
`[0,{...}]` with data; `/ubus/call/<object>` is the other way round. An object is looked up before
rights are checked. Replies keep the order and the doubled names they have on the ubus. Source:
uhttpd ubus.c; recorded exchanges in tests/vectors/openwrt/jsonrpc.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from remsim_lab.ubus import blob, message, wire
from remsim_lab.ubus.blob import ARRAY, INT8, INT32, STRING, TABLE, BlobError, Field
from remsim_lab.ubus.jsonc import JsonError, loads
from remsim_lab.ubus.message import JsonValue
from remsim_lab.web.bus import Bus, Found

PARSE = (-32700, "Parse error")
METHOD = (-32601, "Method not found")
PARAMETERS = (-32602, "Invalid parameters")
OBJECT = (-32000, "Object not found")
ACCESS = (-32002, "Access denied")
TIMEOUT = (-32003, "ubus request timed out")

NULL_SESSION = "0" * 32
SESSION_NAME = "ubus_rpc_session"
SCRIPT_TIMEOUT_S = 60.0  # uhttpd -t
_TYPE_NAMES = {INT8: "boolean", INT32: "number", STRING: "string", ARRAY: "array", TABLE: "object"}

Error = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Call:
    """`object` None where the plain endpoint found no usable parameters."""

    session: str
    object: str
    method: str
    arguments: JsonValue


class JsonRpc:
    """One for the server; used by many threads."""

    def __init__(self, bus: Bus, timeout_s: float = SCRIPT_TIMEOUT_S) -> None:
        self._bus = bus
        self._timeout_s = timeout_s

    # --- POST /ubus ---

    def parts(self, body: bytes) -> Iterator[str]:
        """Pieces of the answer; those of a batch as soon as they are there."""
        request = parsed(body)
        if isinstance(request, list):
            yield "["
            for place, each in enumerate(request):
                yield ("," if place else "") + self._answer(each)
            yield "]"
        elif isinstance(request, dict):
            yield self._answer(request)
        else:
            yield error_text(None, PARSE)

    def _answer(self, request: JsonValue) -> str:
        if not isinstance(request, dict):
            return error_text(None, PARSE)
        method = _method(request)
        if method == "call":
            return self._answer_call(request)
        if method == "list":
            return self._answer_list(request)
        return error_text(request, PARSE if method is None else METHOD)

    def _answer_call(self, request: dict[str, JsonValue]) -> str:
        call = _call_in(request.get("params"))
        if call is None:
            return error_text(request, PARSE)
        outcome = self._invoke(call)
        if isinstance(outcome, Refusal):
            return error_text(request, outcome.error)
        data = f",{_json(outcome.data)}" if outcome.data else ""
        return _text(request, f'"result":[{outcome.status}{data}]')

    def _answer_list(self, request: dict[str, JsonValue]) -> str:
        patterns = request.get("params")
        if not isinstance(patterns, list):
            _, found = self._bus.look_up(None)
            paths = ",".join(_quoted(each.path) for each in found)
            return _text(request, f'"result":[{paths}]')
        fields = b""
        for pattern in patterns:
            text = pattern if isinstance(pattern, str) else ""
            _, found = self._bus.look_up(text.encode())
            fields += b"".join(_listed(each) for each in found)
        return _text(request, f'"result":{_json(fields)}')

    # --- POST /ubus/call/<object> ---

    def direct(self, object_name: str, session: str, body: bytes) -> str:
        request = parsed(body)
        method = _method(request) if isinstance(request, dict) else None
        if not isinstance(request, dict) or method is None:
            return error_text(request, PARSE)
        outcome = self._invoke(Call(session, object_name, method, request.get("params")))
        if isinstance(outcome, Refusal):
            return error_text(request, outcome.error)
        if outcome.status:
            return error_text(request, (outcome.status, wire.status_text(outcome.status)))
        return _text(request, f'"result":{_json(outcome.data) if outcome.data else "null"}')

    # --- GET /ubus/list[/<path>] ---

    def listed(self, pattern: str | None) -> tuple[bool, str]:
        """(found, JSON)"""
        status, found = self._bus.look_up(None if pattern is None else pattern.encode())
        if status:
            return False, plain_error(status, wire.status_text(status))
        if pattern is None:
            return True, _json(b"".join(_listed(each) for each in found))
        return True, _json(b"".join(_methods(each) for each in found))

    # --- calls ---

    def allows(self, session: str, object_name: str, function: str) -> bool:
        question = {SESSION_NAME: session, "object": object_name, "function": function}
        _, data = self._bus.call("session", "access", dict(question))
        return any(
            item.name == b"access" and item.kind == INT8 and bool(blob.scalar(item))
            for item in blob.fields(data, 0, len(data))
        )

    def _invoke(self, call: Call) -> Outcome | Refusal:
        try:
            ident = self._bus.find(call.object.encode())
            if ident is None:
                return Refusal(OBJECT)
            if not self.allows(call.session, call.object, call.method):
                return Refusal(ACCESS)
            data = _packed(call)
            if data is None:
                return Refusal(PARAMETERS)
            status, reply = self._bus.invoke(ident, call.method.encode(), data, self._timeout_s)
        except (OSError, BlobError):
            return Refusal(OBJECT)
        if status == wire.TIMEOUT:
            return Refusal(TIMEOUT)
        return Outcome(status, reply)


@dataclass(frozen=True, slots=True)
class Outcome:
    status: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Refusal:
    error: Error


def parsed(body: bytes) -> JsonValue:
    """None for what is no JSON."""
    try:
        return loads(body)
    except JsonError:
        return None


def _method(request: dict[str, JsonValue]) -> str | None:
    """None when the envelope is broken."""
    method = request.get("method")
    return method if request.get("jsonrpc") == "2.0" and isinstance(method, str) else None


def _call_in(params: JsonValue) -> Call | None:
    """[session, object, method, arguments], each of its type."""
    if not isinstance(params, list) or len(params) < 4:
        return None
    session, object_name, method, arguments = params[:4]
    if not (
        isinstance(session, str)
        and isinstance(object_name, str)
        and isinstance(method, str)
        and isinstance(arguments, dict)
    ):
        return None
    return Call(session, object_name, method, arguments)


def _packed(call: Call) -> bytes | None:
    """Arguments with the session behind them; None when the client tried to give one itself."""
    given = call.arguments if isinstance(call.arguments, dict) else {}
    if SESSION_NAME in given:
        return None
    return message.pack({**given, SESSION_NAME: call.session})


# --- texts ---


def _text(request: JsonValue, rest: str) -> str:
    ident = request.get("id") if isinstance(request, dict) else None
    value = _json(message.pack({"id": ident}))[1:-1]
    return f'{{"jsonrpc":"2.0",{value},{rest}}}'


def error_text(request: JsonValue, error: Error) -> str:
    code, words = error
    return _text(request, f'"error":{plain_error(code, words)}')


def plain_error(code: int, words: str) -> str:
    return f'{{"code":{code},"message":"{words}"}}'


def _json(fields: bytes) -> str:
    return message.format_json(fields).decode(errors="replace")


def _quoted(text: bytes) -> str:
    return message.quoted(text).decode(errors="replace")


def _listed(found: Found) -> bytes:
    return blob.field(TABLE, found.path, _methods(found))


def _methods(found: Found) -> bytes:
    """{method: {argument: type name}}"""
    signature = found.signature
    return b"".join(
        blob.field(TABLE, method.name, _argument_types(method))
        for method in blob.fields(signature, 0, len(signature))
    )


def _argument_types(method: Field) -> bytes:
    items = blob.fields(method.buffer, method.start, method.end)
    return b"".join(
        blob.field_string(item.name, _TYPE_NAMES.get(item.u32(), "unknown").encode())
        for item in items
        if item.kind == INT32
    )
