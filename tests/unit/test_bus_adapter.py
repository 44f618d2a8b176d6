# SPDX-License-Identifier: GPL-2.0-or-later
"""The ubus adapter against a binding that plays python-ubus's measured failures."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from remsim.bus import alive
from remsim.bus.alive import is_silent
from remsim.bus.api import LUCI_OBJECT, METHODS, OBJECT, SESSION_ARGUMENT, Access
from remsim.bus.ubus import (
    LAST_RETRY_S,
    PROBE_INTERVAL_S,
    TRUST_S,
    BusClient,
    BusServer,
    Payload,
)
from remsim.errors import (
    ArgumentError,
    BusAbsent,
    BusDenied,
    BusError,
    BusTimeout,
    ObjectAbsent,
)
from remsim.eventloop import EventLoop
from remsim_lab.clock import HandClock
from remsim_lab.ubus.background import BackgroundBroker


class PlayedReply:
    def __init__(self, accepts: bool = True) -> None:
        self.sent: list[dict[str, Any]] = []
        self._accepts = accepts

    def reply(self, data: dict[str, Any]) -> bool:
        self.sent.append(data)
        return self._accepts


class PlayedBinding:
    """python-ubus as its failures were measured: `ubusd_is_up` False is a dead broker."""

    def __init__(self) -> None:
        self.ubusd_is_up = True
        self.name_is_taken = False
        self.attached = False
        self.objects: dict[str, dict[str, Any]] = {}
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.connects = 0
        self.loops: list[int] = []
        self.in_loop: Callable[[], None] | None = None
        self.call_error: str | None = None
        self.replies: list[Any] = []
        self.calls: list[tuple[str, str, dict[str, Any], int]] = []

    def connect(self, socket_path: str) -> bool:
        self.connects += 1
        if self.attached:
            raise RuntimeError("You are already connected to ubus.")
        if not self.ubusd_is_up:
            raise OSError(f"Failed to connect to the ubus socket '{socket_path}'\n")
        self.attached = True
        return True

    def disconnect(self, deregister: bool = True) -> None:
        if not self.attached:
            raise RuntimeError("You are not connected to ubus.")
        self.attached = False
        self.objects = {}

    def add(self, name: str, methods: dict[str, Any]) -> None:
        if self.name_is_taken:
            raise RuntimeError("ubus error occured: Invalid argument")
        self.objects[name] = methods

    def send(self, event: str, data: dict[str, Any]) -> bool:
        if not self.ubusd_is_up:
            return False
        self.events.append((event, data))
        return True

    def call(self, name: str, method: str, arguments: dict[str, Any], timeout: int) -> list[Any]:
        self.calls.append((name, method, arguments, timeout))
        if self.call_error is not None:
            raise RuntimeError(self.call_error)
        return self.replies

    def loop(self, timeout: int) -> None:
        self.loops.append(timeout)
        if self.in_loop is not None:
            self.in_loop()

    def invoke(self, object_name: str, method: str, **arguments: Any) -> dict[str, Any]:
        reply = PlayedReply()
        self.objects[object_name][method]["method"](reply, arguments)
        (sent,) = reply.sent
        return sent


class Seen:
    """A handler that records and answers with what it was told to."""

    def __init__(self, answer: Payload | Exception) -> None:
        self.answer = answer
        self.calls: list[tuple[str, str, dict[str, Any]]] = []

    def __call__(self, object_name: str, method: str, arguments: dict[str, Any]) -> Payload:
        self.calls.append((object_name, method, arguments))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def _server(
    binding: PlayedBinding,
    answer: Payload | Exception | None = None,
    is_silent: Callable[[str], bool] = lambda _path: False,
) -> tuple[BusServer, Seen, HandClock]:
    clock = HandClock()
    seen = Seen({"fine": True} if answer is None else answer)
    return (
        BusServer("/run/ubus.sock", seen, EventLoop(clock), binding, is_silent=is_silent),
        seen,
        clock,
    )


def test_both_objects_carry_the_method_table() -> None:
    binding = PlayedBinding()
    _server(binding)[0].open()
    assert set(binding.objects[OBJECT]) == {method.name for method in METHODS}
    assert set(binding.objects[LUCI_OBJECT]) == {
        method.name for method in METHODS if method.access is not Access.ROUTER
    }
    assert SESSION_ARGUMENT in binding.objects[LUCI_OBJECT]["status"]["signature"]
    assert binding.objects[OBJECT]["status"]["signature"] == {}


def test_session_is_kept_from_the_handler() -> None:
    binding = PlayedBinding()
    server, seen, _ = _server(binding)
    server.open()
    assert binding.invoke(LUCI_OBJECT, "job", id="7", ubus_rpc_session="0" * 32) == {"fine": True}
    assert seen.calls == [(LUCI_OBJECT, "job", {"id": "7"})]


def test_known_error_becomes_an_error_reply() -> None:
    binding = PlayedBinding()
    server, _, _ = _server(binding, ArgumentError("modem", "modem1 or modem2 is wanted"))
    server.open()
    assert binding.invoke(OBJECT, "reset", modem="x") == {
        "error": {
            "code": "argument",
            "message": "modem1 or modem2 is wanted",
            "argument": "modem",
        }
    }


def test_unforeseen_exception_becomes_an_error_reply_and_a_log_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    binding = PlayedBinding()
    server, _, _ = _server(binding, KeyError("oops"))
    server.open()
    assert binding.invoke(OBJECT, "status")["error"]["code"] == "internal"
    assert "oops" in caplog.text


@pytest.mark.parametrize(
    "payload", [{"text": "x" * 300_000}, {"many": [0] * 30_000}, {"rate": float("nan")}]
)
def test_reply_that_would_cost_the_connection_is_replaced(payload: Payload) -> None:
    binding = PlayedBinding()
    server, _, _ = _server(binding, payload)
    server.open()
    assert binding.invoke(OBJECT, "status")["error"]["code"] == "internal"


def test_no_ubusd_at_open_is_reported_and_mended_by_serving() -> None:
    binding = PlayedBinding()
    binding.ubusd_is_up = False
    server, _, clock = _server(binding)
    with pytest.raises(BusAbsent):
        server.open()
    binding.ubusd_is_up = True
    server.serve(clock.monotonic() + 0.2)
    assert server.is_connected
    assert OBJECT in binding.objects


def test_taken_name_leaves_nothing_attached() -> None:
    binding = PlayedBinding()
    binding.name_is_taken = True
    server, _, _ = _server(binding)
    with pytest.raises(BusError, match="another remsimd"):
        server.open()
    assert not binding.attached


def test_restarted_ubusd_gets_the_objects_again() -> None:
    binding = PlayedBinding()
    server, _, clock = _server(binding)
    server.open()
    binding.ubusd_is_up = False
    assert not server.send("remsim.state", {})
    assert not server.is_connected
    server.serve(clock.monotonic() + 0.2)
    assert not server.is_connected
    binding.ubusd_is_up = True
    binding.objects = {}
    for _ in range(5):
        server.serve(clock.monotonic() + 0.2)
    assert server.is_connected
    assert OBJECT in binding.objects


def test_lost_ubusd_is_noticed_without_any_event_to_send() -> None:
    binding = PlayedBinding()
    server, _, clock = _server(binding)
    server.open()
    binding.ubusd_is_up = False
    clock.move(PROBE_INTERVAL_S)
    server.serve(clock.monotonic() + 0.2)
    assert not server.is_connected


def test_silent_ubusd_is_neither_written_to_nor_called() -> None:
    binding = PlayedBinding()
    silent: list[bool] = []
    server, _, clock = _server(binding, is_silent=lambda _path: bool(silent))
    server.open()
    silent.append(True)
    assert server.send("remsim.state", {"burst": 1}), "it answered less than a second ago"
    clock.move(2 * TRUST_S)
    assert not server.send("remsim.state", {"burst": 2})
    assert not server.is_connected
    server.serve(clock.monotonic() + 0.2)
    assert binding.connects == 1
    silent.clear()
    for _ in range(5):
        server.serve(clock.monotonic() + 0.2)
    assert server.is_connected
    assert binding.events == [("remsim.state", {"burst": 1})]


def test_only_a_listener_without_a_greeting_is_silent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alive, "LIMIT_S", 0.01)
    path = str(tmp_path / "ubus.sock")
    assert not is_silent(path), "nobody there: the binding says so at once"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        assert not is_silent(path)
        listener.listen()
        assert is_silent(path)
        with pytest.raises(BusAbsent, match="does not answer"):
            BusClient(path, PlayedBinding()).connect()
    monkeypatch.undo()
    with BackgroundBroker(str(tmp_path / "well.sock")) as broker:
        assert not is_silent(broker.path)


def test_reconnects_back_off_to_a_bound() -> None:
    binding = PlayedBinding()
    server, _, clock = _server(binding)
    binding.ubusd_is_up = False
    with pytest.raises(BusAbsent):
        server.open()
    start = clock.monotonic()
    while clock.monotonic() < start + 60:
        server.serve(clock.monotonic() + 0.2)
    assert 10 < binding.connects < 10 + 60 / LAST_RETRY_S


def test_reply_refused_by_ubusd_is_a_lost_connection_after_the_loop() -> None:
    binding = PlayedBinding()
    server, _, clock = _server(binding)
    server.open()
    answer = binding.objects[OBJECT]["status"]["method"]
    binding.in_loop = lambda: answer(PlayedReply(accepts=False), {})
    server.serve(clock.monotonic() + 0.2)
    assert binding.attached, "disconnecting inside a handler crashes the binding"
    assert not server.is_connected


def test_unsound_event_is_dropped_and_the_connection_kept() -> None:
    binding = PlayedBinding()
    server, _, _ = _server(binding)
    server.open()
    assert not server.send("remsim.state", {"rate": float("inf")})
    assert server.is_connected


def test_second_thread_is_refused() -> None:
    binding = PlayedBinding()
    server, _, _ = _server(binding)
    server.open()
    caught: list[Exception] = []

    def intrude() -> None:
        try:
            server.send("remsim.state", {})
        except RuntimeError as error:
            caught.append(error)

    thread = threading.Thread(target=intrude)
    thread.start()
    thread.join()
    assert "second thread" in str(caught[0])


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Object 'remsim' was not found.", ObjectAbsent),
        ("ubus error occured: Request timed out", BusTimeout),
        ("ubus error occured: Permission denied", BusDenied),
        ("ubus error occured: Invalid argument", BusError),
    ],
)
def test_call_failures_are_told_apart(text: str, kind: type[BusError]) -> None:
    binding = PlayedBinding()
    binding.call_error = text
    client = BusClient("/nonexistent/ubus.sock", binding)
    client.connect()
    with pytest.raises(kind):
        client.call(OBJECT, "status", {})


def test_every_call_has_a_time_limit() -> None:
    binding = PlayedBinding()
    client = BusClient("/nonexistent/ubus.sock", binding)
    with client:
        assert client.call(OBJECT, "status", {}) == {}
    assert binding.calls[0][3] > 0
    assert not binding.attached


def test_client_without_ubusd_says_which_socket() -> None:
    binding = PlayedBinding()
    binding.ubusd_is_up = False
    with pytest.raises(BusAbsent, match=r"/nonexistent/ubus\.sock"):
        BusClient("/nonexistent/ubus.sock", binding).connect()
