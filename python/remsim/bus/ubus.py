# SPDX-License-Identifier: GPL-2.0-or-later
"""The one module that imports python-ubus: a server for the daemon, a client for the command line.

Must never be used from two threads: the binding is one global context and a second thread steals
replies or crashes (checked here). `take_signals()` comes before `open()`: otherwise libubox
swallows SIGTERM and reaps every child of the process, whose exit codes are then lost. `objects()`
is never called (it leaks 6 KB a call) and the server never calls another object (`call()` holds the
interpreter lock). The server waits in the thread's event loop for the connection's socket and calls
`loop(0)` when something came, so that an idle daemon sleeps and a worker can wake it.
Source: measured behaviour of python-ubus 0.1.3, and its `loop()`.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Protocol

from remsim.bus import alive
from remsim.bus.api import LUCI_OBJECT, OBJECT, SESSION_ARGUMENT, methods_of, signature_of
from remsim.bus.descriptor import descriptors, is_hung_up, socket_among
from remsim.bus.payload import MAX_REPLY_BYTES, UnsoundPayload, wire_bytes
from remsim.errors import (
    ArgumentError,
    BusAbsent,
    BusDenied,
    BusError,
    BusTimeout,
    ObjectAbsent,
    RemsimError,
)
from remsim.eventloop import EventLoop

LOG = logging.getLogger(__name__)

CALL_TIMEOUT_MS = 5000  # a status answer takes milliseconds; 0 would wait for ever
SLICE_MS = 200  # of a connection that cannot be watched: what others post waits that long
PROBE_INTERVAL_S = 10.0  # and its lost ubusd shows only when something is sent
TRUST_S = 1.0  # an answer this young proves that ubusd is alive
FIRST_RETRY_S = 0.2  # procd respawns ubusd at once
LAST_RETRY_S = 5.0
PROBE_EVENT = "remsim-alive"  # not seen by those who listen to remsim.*

Payload = Mapping[str, Any]
Handler = Callable[[str, str, dict[str, Any]], Payload]
"""`handle(object, method, arguments)`, without the session. RemsimError becomes an error reply."""


class Reply(Protocol):
    def reply(self, data: dict[str, Any]) -> bool: ...


class Binding(Protocol):
    """The part of python-ubus's module that is used."""

    def connect(self, socket_path: str) -> bool: ...
    def disconnect(self, deregister: bool = True) -> None: ...
    def add(self, name: str, methods: dict[str, Any]) -> None: ...
    def send(self, event: str, data: dict[str, Any]) -> bool: ...
    def call(
        self, name: str, method: str, arguments: dict[str, Any], timeout: int
    ) -> list[Any]: ...
    def loop(self, timeout: int) -> None: ...


def load_binding() -> Binding:
    """python-ubus, imported late so that `remsim --help` needs no bus."""
    try:
        import ubus
    except ImportError as error:
        raise BusAbsent("the Python module ubus is not installed (package python3-ubus)") from error
    binding: Binding = ubus
    return binding


def take_signals(on_stop: Callable[[], None], wake_fd: int = -1) -> None:
    """SIGTERM and SIGINT call `on_stop` (between two turns); children stay ours. Main thread only.

    libubox installs its own handlers at the first connect, but only where Python has none. A byte
    is written to `wake_fd`, if there is one, so that a signal ends the present wait.
    """
    if wake_fd >= 0:
        signal.set_wakeup_fd(wake_fd, warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: on_stop())
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)


def error_reply(error: RemsimError) -> dict[str, Any]:
    """`{error: {code, message, argument}}`; `argument` is None when no argument is to blame."""
    argument = error.argument if isinstance(error, ArgumentError) else None
    return {"error": {"code": error.code, "message": error.reason, "argument": argument}}


class _OneThread:
    """Refuses use from a second thread. Bound at the first use, not at construction."""

    def __init__(self) -> None:
        self._owner: int | None = None

    def check(self) -> None:
        here = threading.get_ident()
        if self._owner is None:
            self._owner = here
        if self._owner != here:
            raise RuntimeError("ubus is used from a second thread")


class BusServer:
    """Both objects of the method table on the bus, kept there over restarts of ubusd.

    `open()` connects or raises; `serve()` repairs by itself, also after a failed `open()`.
    `on_connected` runs after every successful connect, for instance to send the present state.
    `loop` is the thread's own; `loop.wake()` ends a `serve()`.
    """

    def __init__(
        self,
        socket_path: str,
        handle: Handler,
        loop: EventLoop,
        binding: Binding | None = None,
        on_connected: Callable[[], None] | None = None,
        is_silent: Callable[[str], bool] = alive.is_silent,
    ) -> None:
        self._socket_path = socket_path
        self._handle = handle
        self._loop = loop
        self._clock = loop.clock
        self._binding = binding
        self._on_connected = on_connected
        self._is_silent = is_silent
        self._thread = _OneThread()
        self._connected = False
        self._attached = False  # the binding thinks it is connected
        self._fd: int | None = None  # of the connection, while it is watched
        self._may_hold = False  # libubus keeps back calls that come while it awaits an answer
        self._lost_in_handler = False
        self._heard_at = 0.0  # when ubusd was last known to answer
        self._retry_s = FIRST_RETRY_S
        self._retry_at = 0.0
        self._probe_at = 0.0

    @property
    def is_connected(self) -> bool:
        """Both objects are on the bus, as far as the last message told."""
        return self._connected

    def open(self) -> None:
        """Connect, add both objects. Raises BusAbsent (no ubusd) or BusError (name taken)."""
        self._thread.check()
        binding = self._binding = self._binding or load_binding()
        self._detach()
        if self._is_silent(self._socket_path):
            raise BusAbsent(f"ubusd at {self._socket_path} does not answer")
        before = descriptors()
        try:
            binding.connect(self._socket_path)
        except (OSError, RuntimeError) as error:
            raise BusAbsent(f"no ubusd at {self._socket_path}") from error
        self._attached = True
        try:
            self._add_objects(binding)
        except RuntimeError as error:
            self._detach()
            raise BusError("ubus refuses the object: is another remsimd running?") from error
        self._connected = self._may_hold = True
        self._watch(socket_among(descriptors() - before, self._socket_path))
        self._retry_s = FIRST_RETRY_S
        self._heard_at = self._clock.monotonic()
        self._probe_at = self._heard_at + PROBE_INTERVAL_S
        if self._on_connected is not None:
            self._on_connected()

    def serve(self, until: float) -> None:
        """Handle what comes, no longer than to the moment `until`; returns after anything came.

        Mends a lost connection when its back-off is over.
        """
        self._thread.check()
        if not self._connected:
            if self._clock.monotonic() >= self._retry_at:
                self._reopen()
            else:
                self._loop.run_once(min(until, self._retry_at))
        elif self._fd is None:
            left_ms = int((until - self._clock.monotonic()) * 1000) + 1
            self._turn(max(1, min(SLICE_MS, left_ms)))
            self._probe()
        elif self._may_hold:
            self._may_hold = False
            self._turn(0)
        else:
            self._loop.run_once(until)

    def send(self, event: str, data: Payload) -> bool:
        """Send an event. False when ubusd is away or the payload is unsound: then it is dropped."""
        self._thread.check()
        if not self._connected or self._binding is None:
            return False
        try:
            if wire_bytes(data) > MAX_REPLY_BYTES:
                raise UnsoundPayload(f"more than {MAX_REPLY_BYTES} bytes")
        except UnsoundPayload as error:
            LOG.error("event %s is not sent: %s", event, error)
            return False
        if self._has_fallen_silent():
            self._lost("it does not answer")
            return False
        try:
            sent = self._binding.send(event, dict(data))
        except RuntimeError:
            sent = False
        self._may_hold = True
        if not sent:
            self._lost("an event could not be sent")
        self._heard_at = self._clock.monotonic()
        self._probe_at = self._heard_at + PROBE_INTERVAL_S
        return sent

    def close(self) -> None:
        """Take the objects off the bus."""
        self._connected = False
        self._detach()

    # --- connection ---------------------------------------------------------------------------

    def _watch(self, fd: int | None) -> None:
        self._fd = fd
        if fd is None:
            LOG.debug("the socket of ubus is not found among the descriptors; looking in slices")
        else:
            self._loop.watch(fd, self._readable)

    def _unwatch(self) -> None:
        if self._fd is not None:
            self._loop.unwatch(self._fd)
            self._fd = None

    def _readable(self) -> None:
        self._turn(0)
        if self._fd is not None and is_hung_up(self._fd):
            self._lost("it closed the connection")

    def _turn(self, timeout_ms: int) -> None:
        binding = self._binding
        if binding is None:
            return
        try:
            binding.loop(timeout_ms)
        except RuntimeError as error:
            self._lost(str(error))
        if self._lost_in_handler:
            self._lost_in_handler = False
            self._lost("a reply could not be sent")

    def _has_fallen_silent(self) -> bool:
        """Asked once for a burst of events, before libubus would wait for ever."""
        now = self._clock.monotonic()
        return now - self._heard_at > TRUST_S and self._is_silent(self._socket_path)

    def _probe(self) -> None:
        if self._connected and self._clock.monotonic() >= self._probe_at:
            self.send(PROBE_EVENT, {})

    def _lost(self, reason: str) -> None:
        if self._connected:
            LOG.warning("ubusd is gone (%s); trying to reconnect", reason)
        self._unwatch()
        self._connected = False
        self._retry_s = FIRST_RETRY_S
        self._retry_at = self._clock.monotonic()

    def _reopen(self) -> None:
        try:
            self.open()
        except BusError as error:
            LOG.debug("reconnect: %s", error.reason)
            self._retry_at = self._clock.monotonic() + self._retry_s
            self._retry_s = min(LAST_RETRY_S, self._retry_s * 2)
        else:
            LOG.warning("ubusd is back; objects added again")

    def _detach(self) -> None:
        """`disconnect()` works on a dead connection too; it raises only when there is none.

        Objects go with their connection, so they are not taken off one by one: a silent ubusd would
        not confirm that.
        """
        self._unwatch()
        if self._attached and self._binding is not None:
            self._attached = False
            try:
                self._binding.disconnect(False)
            except RuntimeError as error:
                LOG.debug("disconnect: %s", error)

    # --- methods ------------------------------------------------------------------------------

    def _add_objects(self, binding: Binding) -> None:
        for object_name in (OBJECT, LUCI_OBJECT):
            binding.add(
                object_name,
                {
                    method.name: {
                        "method": self._callback(object_name, method.name),
                        "signature": signature_of(object_name, method),
                    }
                    for method in methods_of(object_name)
                },
            )

    def _callback(self, object_name: str, method: str) -> Callable[[Reply, dict[str, Any]], None]:
        def answer(reply: Reply, arguments: dict[str, Any]) -> None:
            if not reply.reply(self._bounded(method, self._answer(object_name, method, arguments))):
                self._lost_in_handler = True  # disconnecting inside a handler crashes the binding

        return answer

    def _answer(self, object_name: str, method: str, arguments: dict[str, Any]) -> Payload:
        own = {name: value for name, value in arguments.items() if name != SESSION_ARGUMENT}
        try:
            return self._handle(object_name, method, own)
        except RemsimError as error:
            return error_reply(error)
        except Exception:
            LOG.exception("ubus method %s failed", method)
            return _internal_error(f"{method} failed inside remsimd; see logread")

    def _bounded(self, method: str, payload: Payload) -> dict[str, Any]:
        """The payload, or an error in its place: an oversized reply costs the connection."""
        try:
            size = wire_bytes(payload)
        except UnsoundPayload as error:
            LOG.error("reply of %s: %s", method, error)
            return _internal_error(f"the reply of {method} cannot be sent: {error}")
        if size > MAX_REPLY_BYTES:
            LOG.error("reply of %s has %d bytes, more than %d", method, size, MAX_REPLY_BYTES)
            return _internal_error(f"the reply of {method} is too large ({size} bytes)")
        return dict(payload)


def _internal_error(message: str) -> dict[str, Any]:
    return {"error": {"code": "internal", "message": message, "argument": None}}


class BusClient:
    """One connection of a short-lived program. Every call has a time limit."""

    def __init__(self, socket_path: str, binding: Binding | None = None) -> None:
        self._socket_path = socket_path
        self._binding = binding
        self._attached = False

    def connect(self) -> None:
        """Raises BusAbsent when nobody listens, BusDenied when the socket is not for this user."""
        binding = self._binding = self._binding or load_binding()
        if os.path.exists(self._socket_path) and not os.access(self._socket_path, os.W_OK):
            raise BusDenied(f"{self._socket_path}: not writable for this user")
        if alive.is_silent(self._socket_path):
            raise BusAbsent(f"ubusd at {self._socket_path} does not answer")
        try:
            binding.connect(self._socket_path)
        except (OSError, RuntimeError) as error:
            raise BusAbsent(f"no ubusd at {self._socket_path}") from error
        self._attached = True

    def close(self) -> None:
        if self._attached and self._binding is not None:
            self._attached = False
            self._binding.disconnect()

    def __enter__(self) -> BusClient:
        self.connect()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def call(
        self,
        object_name: str,
        method: str,
        arguments: Payload,
        timeout_ms: int = CALL_TIMEOUT_MS,
    ) -> dict[str, Any]:
        """The first DATA message, {} if there was none. An `{error: ...}` reply is returned too."""
        try:
            replies = self._connected().call(object_name, method, dict(arguments), timeout_ms)
        except RuntimeError as error:
            raise _bus_error(object_name, method, str(error)) from error
        first = replies[0] if replies else {}
        if not isinstance(first, dict):
            raise BusError(f"{object_name} {method}: the answer is no table")
        return first

    def _connected(self) -> Binding:
        if not self._attached or self._binding is None:
            raise BusAbsent("not connected to ubus")
        return self._binding


def _bus_error(object_name: str, method: str, text: str) -> BusError:
    """python-ubus has one exception class; only its text tells what happened."""
    if "was not found" in text:
        return ObjectAbsent(f"{object_name} is not on the bus")
    if "timed out" in text:
        return BusTimeout(f"{object_name} {method}: no answer in time")
    if "Permission denied" in text:
        return BusDenied(f"{object_name} {method}: permission denied")
    return BusError(f"{object_name} {method}: {text.strip()}")
