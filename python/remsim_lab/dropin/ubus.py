# SPDX-License-Identifier: GPL-2.0-or-later
"""`import ubus` for machines without python-ubus: the API, checks and habits of python-ubus 0.1.3.

Kept on purpose, because programs meet it on a router: a method is called only with exactly the
declared arguments; get_connected() says True after ubusd died; Python signal handlers run only when
loop() returns or inside a callback; without a handler of one's own SIGTERM merely ends one loop();
loop() reaps every child of the process unless SIGCHLD has a handler; sys.exit() in a callback ends
the process at once. Where python-ubus crashes, dead-locks or loses replies for good, this module
raises a RuntimeError that says so. One difference cannot be copied: call() does not stop the other
threads of the process while it waits.

Source: python-ubus 0.1.3 and libubox uloop.c, measured; the contract tests hold both.
"""

from __future__ import annotations

import atexit
import json
import os
import sys
from _thread import RLock, get_ident
from collections.abc import Callable
from typing import Any

from remsim_lab.ubus import blob, message, wire
from remsim_lab.ubus.client import Connection, OwnObject
from remsim_lab.ubus.uloop import Uloop

BLOBMSG_TYPE_UNSPEC = blob.UNSPEC
BLOBMSG_TYPE_ARRAY = blob.ARRAY
BLOBMSG_TYPE_TABLE = blob.TABLE
BLOBMSG_TYPE_STRING = blob.STRING
BLOBMSG_TYPE_INT64 = blob.INT64
BLOBMSG_TYPE_INT32 = blob.INT32
BLOBMSG_TYPE_INT16 = blob.INT16
BLOBMSG_TYPE_INT8 = blob.INT8
BLOBMSG_TYPE_DOUBLE = blob.DOUBLE
BLOBMSG_TYPE_BOOL = blob.BOOL

_NOT_CONNECTED = "You are not connected to ubus."
_TO_UBUS = "Failed to create json for ubus."
_TUPLE_EXPECTED = "Expected (event, callback) tuple"
_BAD_METHODS = (
    "Incorrect method arguments!\nExpected:\n\t(<obj_name>, { <method_name>: "
    "{'signature': <method_signature>, 'method': <callable>}, ...})"
)
_BAD_REPLY = "<built-in function call> returned a result with an exception set"

_lock = RLock()
_connection: Connection | None = None
_socket_path: str | None = None
_added: list[OwnObject] = []
_listeners: list[OwnObject] = []
_loop_thread: int | None = None  # thread inside loop(), if any
_uloop = Uloop()


# --- arguments ---


def _c_text(value: object, position: int) -> str:
    if not isinstance(value, str):
        name = "None" if value is None else type(value).__name__
        raise TypeError(f"argument {position} must be str, not {name}")
    if "\0" in value:
        raise ValueError("embedded null character")
    value.encode()
    return value


def _c_int(value: Any) -> int:
    if not hasattr(type(value), "__index__"):
        raise TypeError(f"{type(value).__name__!r} object cannot be interpreted as an integer")
    number: int = value.__index__()
    if not -0x80000000 <= number <= 0x7FFFFFFF:
        bound = "greater than maximum" if number > 0 else "less than minimum"
        raise OverflowError(f"signed integer is {bound}")
    return number


def _connected() -> Connection:
    if _connection is None:
        raise RuntimeError(_NOT_CONNECTED)
    if _loop_thread is not None and _loop_thread != get_ident():
        raise RuntimeError(
            "ubus is used while another thread is inside ubus.loop(): python-ubus hangs, loses "
            "replies or crashes here. Everything that touches ubus must be on one thread."
        )
    return _connection


def _fields(data: object) -> bytes:
    """Packed arguments, by way of JSON like python-ubus."""
    parsed = json.loads(json.dumps(data))
    if not isinstance(parsed, dict):
        raise TypeError(_TO_UBUS)
    try:
        return message.pack(parsed)
    except blob.BlobError:
        raise TypeError(_TO_UBUS) from None


def _error(status: int) -> RuntimeError:
    return RuntimeError(f"ubus error occured: {wire.status_text(status)}")


class _InC:
    """Around C code: one thread at a time, and Python signal handlers wait."""

    def __enter__(self) -> None:
        _lock.acquire()
        _uloop.hold()

    def __exit__(self, *_: object) -> None:
        try:
            _uloop.release()
        finally:
            _lock.release()


_in_c = _InC()


# --- callbacks ---


def _call_back(callback: Callable[..., object], *arguments: object) -> bool:
    """Run a program's callback. False when it raised, which is printed."""
    try:
        _uloop.release()
        callback(*arguments)
    except SystemExit as leaving:
        _exit_at_once(leaving)
    except BaseException:  # noqa: BLE001 - PyErr_Print() takes KeyboardInterrupt too
        sys.excepthook(*sys.exc_info())
        return False
    finally:
        _uloop.hold()
    return True


def _exit_at_once(leaving: SystemExit) -> None:
    """PyErr_Print() on SystemExit: the process ends, whatever the program would have caught."""
    code = leaving.code
    if code is not None and not isinstance(code, int):
        sys.stderr.write(f"{code}\n")
        code = 1
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit((code or 0) & 0xFF)


class _ResponseHandler:
    """Given to a method; `reply()` works until the method returns."""

    __slots__ = ("_call",)

    def __init__(self) -> None:
        self._call: tuple[wire.Frame, int] | None = None

    def reply(self, data: object) -> bool:
        """Send one answer. False when it could not be sent."""
        if _connection is None:
            raise RuntimeError(_NOT_CONNECTED)
        fields = _fields(data)
        if self._call is None:
            raise RuntimeError("Handler is not linked to a call response.")
        frame, own = self._call
        return _connection.reply(frame, own, fields)


_ResponseHandler.__name__ = "__ResponseHandler"
_ResponseHandler.__qualname__ = "__ResponseHandler"
_ResponseHandler.__module__ = "ubus"
globals()["__ResponseHandler"] = _ResponseHandler


def _arguments_fit(policy: dict[bytes, int], data: bytes) -> bool:
    """Each argument declared and of its type, and as many as are declared."""
    count = 0
    for word, at, length in blob.walk(data, 0, len(data)):
        item = blob.checked_field(data, word, at, length)
        if item is None or item.name not in policy:
            return False
        wanted = policy[item.name]
        if wanted not in (blob.UNSPEC, item.kind):
            return False
        count += 1
    return count == len(policy)


def _loads(data: bytes) -> object:
    return json.loads(message.format_json(data).decode())


def _make_invoke(
    methods: dict[str, dict[str, Any]], policies: dict[bytes, dict[bytes, int]], own: OwnObject
) -> None:
    """Serve an object: `methods` is the program's own dict and is read at each call."""

    def invoke(frame: wire.Frame, name: bytes, data: bytes) -> int:
        policy = policies.get(name)
        if policy is None:
            return wire.METHOD_NOT_FOUND
        if not _arguments_fit(policy, data):
            return wire.INVALID_ARGUMENT
        method = methods.get(name.decode())
        if method is None:
            return wire.METHOD_NOT_FOUND
        try:
            arguments = _loads(data)
        except ValueError:
            return wire.UNKNOWN_ERROR
        handler = _ResponseHandler()
        handler._call = frame, own.ident
        try:
            done = _call_back(method["method"], handler, arguments)
        finally:
            handler._call = None
        return wire.OK if done else wire.UNKNOWN_ERROR

    own.invoke = invoke


# --- connection ---


def connect(socket_path: str | None = None) -> bool:
    """Establishes a connection to ubus."""
    global _connection, _socket_path
    if _connection is not None:
        raise RuntimeError("You are already connected to ubus.")
    path = wire.DEFAULT_SOCKET if socket_path is None else _c_text(socket_path, 1)
    _uloop.take_signals()
    connection = Connection()
    try:
        connection.open(path)
    except OSError:
        _uloop.give_signals_back()
        raise OSError(f"Failed to connect to the ubus socket '{path}'\n") from None
    _connection, _socket_path = connection, path
    return True


def disconnect(deregister: bool = True) -> None:
    """Disconnects from ubus; objects and listeners go with it."""
    global _connection, _socket_path
    connection = _connected()
    if not isinstance(deregister, bool):
        raise TypeError(f"argument 1 must be bool, not {type(deregister).__name__}")
    if connection.depth:
        raise RuntimeError(
            "ubus.disconnect() inside a callback: python-ubus crashes with a segmentation fault "
            "as soon as the callback returns."
        )
    if deregister:
        for own in (*_added, *_listeners):
            connection.remove_object(own)
    connection.close()
    _added.clear()
    _listeners.clear()
    _connection = _socket_path = None
    _uloop.give_signals_back()


def get_connected() -> bool:
    """connect() was called and disconnect() was not; says nothing about ubusd."""
    return _connection is not None


def get_socket_path() -> str | None:
    """Path of the present connection."""
    return _socket_path


# --- client side ---


def send(event: str, data: object) -> bool:
    """Send an event. False when ubusd refused it or is gone."""
    connection = _connected()
    name = _c_text(event, 1).encode()
    fields = _fields(data)
    with _in_c:
        return connection.send_event(name, fields) == wire.OK


def objects(path: str | None = None) -> dict[str, Any]:
    """{path: {method: {argument: type number}}} of what matches."""
    connection = _connected()
    pattern = b"*" if path is None else _c_text(path, 1).encode()
    found: dict[str, Any] = {}

    def on_data(given: list[bytes | None]) -> None:
        name, signature = given[wire.A_OBJPATH], given[wire.A_SIGNATURE]
        if name is not None and given[wire.A_OBJID] and given[wire.A_OBJTYPE]:
            _describe(found, name, signature or b"")

    with _in_c:
        status = connection.lookup(pattern, on_data)
    if status not in (wire.OK, wire.NOT_FOUND):
        raise _error(status)
    return found


def _describe(found: dict[str, Any], name: bytes, signature: bytes) -> None:
    methods = []
    for word, at, length in blob.walk(signature, 0, len(signature)):
        item = blob.checked_field(signature, word, at, length)
        methods.append(b"" if item is None else message.format_field(item))
    try:
        described = json.loads(b"{" + b" ,".join(methods) + b"}")
        found[wire.text(name).decode()] = described
    except ValueError:  # python-ubus leaves such an object out
        return


def call(object: str, method: str, arguments: object, timeout: int = 0) -> list[Any]:
    """All answers of a method. `timeout` in ms, 0 waits for ever."""
    connection = _connected()
    path, name = _c_text(object, 1), _c_text(method, 2).encode()
    timeout = _c_int(timeout)
    if timeout < 0:
        raise TypeError("timeout can't be lower than 0")
    with _in_c:
        status, ident = connection.lookup_id(path.encode())
        if status != wire.OK:
            raise RuntimeError(f"Object '{path}' was not found.")
        fields = _fields(arguments)
        if connection.depth and not timeout and ident in connection.objects:
            raise RuntimeError(
                "ubus.call() of an own object from a callback without a timeout: python-ubus "
                "dead-locks here for ever."
            )
        answers: list[bytes] = []
        status = connection.invoke(ident, name, fields, answers.append, timeout)
    if status != wire.OK:
        raise _error(status)
    try:
        return [_loads(answer) for answer in answers]
    except ValueError as error:
        raise SystemError(_BAD_REPLY) from error


# --- server side ---


def _check_methods(methods: dict[Any, Any]) -> None:
    for name, method in methods.items():
        if not isinstance(name, str) or not isinstance(method, dict) or len(method) != 2:
            raise TypeError(_BAD_METHODS)
        signature = method.get("signature")
        if not isinstance(signature, dict) or not callable(method.get("method")):
            raise TypeError(_BAD_METHODS)
        for argument, kind in signature.items():
            if not isinstance(argument, str) or not isinstance(kind, int):
                raise TypeError(_BAD_METHODS)
            if not 0 <= kind <= blob.LAST_TYPE:
                raise TypeError(_BAD_METHODS)


def add(object_name: str, methods: dict[str, dict[str, Any]]) -> None:
    """Put an object on the bus."""
    connection = _connected()
    if not isinstance(object_name, str):
        raise TypeError(_BAD_METHODS)
    own = OwnObject(_ignore)
    signature = b""
    if isinstance(methods, dict):
        _check_methods(methods)
        policies = {message.utf8(name): _policy(method) for name, method in methods.items()}
        signature = b"".join([_described(name, policy) for name, policy in policies.items()])
        _make_invoke(methods, policies, own)
    with _in_c:
        status = connection.add_object(own, message.utf8(object_name), signature)
    if status != wire.OK:
        raise _error(status)
    _added.append(own)
    if not isinstance(methods, dict):  # python-ubus notices only now
        raise SystemError("<built-in function add> returned a result with an exception set")


def _policy(method: dict[str, Any]) -> dict[bytes, int]:
    return {message.utf8(name): int(kind) for name, kind in method["signature"].items()}


def _described(name: bytes, policy: dict[bytes, int]) -> bytes:
    arguments = [blob.field_u32(argument, kind) for argument, kind in policy.items()]
    return blob.field(blob.TABLE, name, b"".join(arguments))


def _ignore(_frame: wire.Frame, _name: bytes, _data: bytes) -> int:
    return wire.OK


def listen(*events: tuple[str, Callable[[str, Any], object]]) -> None:
    """Call back for events: (pattern, callback) tuples. A refused one is passed over silently."""
    connection = _connected()
    if not events:
        raise TypeError("You need to set at least one event.")
    for event in events:
        if not isinstance(event, tuple) or len(event) != 2:
            raise TypeError(_TUPLE_EXPECTED)
        if not isinstance(event[0], str) or not callable(event[1]):
            raise TypeError(_TUPLE_EXPECTED)
    for pattern, callback in events:
        own = OwnObject(_listener(callback))
        with _in_c:
            status = connection.register(own, message.utf8(pattern))
        if status == wire.OK:
            _listeners.append(own)


def _listener(callback: Callable[[str, Any], object]) -> Callable[[wire.Frame, bytes, bytes], int]:
    def on_event(_frame: wire.Frame, name: bytes, data: bytes) -> int:
        try:
            event, value = name.decode(), _loads(data)
        except ValueError:  # python-ubus drops what is no JSON
            return wire.OK
        _call_back(callback, event, value)
        return wire.OK

    return on_event


def loop(timeout: int = -1) -> None:
    """Handle messages: for `timeout` ms, what is there now (0), or until a signal ends it (-1)."""
    global _loop_thread
    connection = _connected()
    timeout_ms = _c_int(timeout)
    _uloop.take_signals()
    outer = _loop_thread
    _loop_thread = get_ident()
    _uloop.hold()
    try:
        _uloop.run(connection, timeout_ms)
    finally:
        _loop_thread = outer
        _uloop.release()
