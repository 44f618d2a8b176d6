# SPDX-License-Identifier: GPL-2.0-or-later
"""The adapter's two halves over a bus: a server process, a client here, a restarted ubusd.

On every stack there is: the server with the drop-in or with python-ubus, the lab's broker or ubusd.
The server waits without a time limit, so whatever does not wake it is not in time.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from stacks import DROPIN_DIRECTORY, LAB, PYTHON_DIRECTORY, Stack, Ubus, parameters

from remsim.bus.ubus import BusClient
from remsim.errors import BusAbsent, BusError, ObjectAbsent
from remsim_lab.ubus.client import Connection, OwnObject
from remsim_lab.ubus.wire import Frame

LIMIT_S = 15.0
POLL_S = 0.02
SERVER = """
import subprocess, sys, threading
from remsim.bus.ubus import BusServer, take_signals
from remsim.clock import SystemClock
from remsim.errors import ArgumentError, BusError
from remsim.eventloop import EventLoop

FOR_EVER = float("inf")  # only what comes ends a wait
loop = EventLoop(SystemClock())
posted = []
stopping = []
take_signals(lambda: stopping.append(True), loop.wake_fd)

def work():
    posted.append({"from": "a worker"})
    loop.wake()

def handle(object_name, method, arguments):
    if method == "status":
        return {"child": subprocess.run(["false"]).returncode, "object": object_name}
    if method == "job":
        return {"text": "x" * 400_000}
    if method == "reset":
        raise ArgumentError("modem", "modem1 or modem2 is wanted")
    if method == "heartbeat":
        threading.Thread(target=work).start()
    if method == "register":
        server.send("remsim.state", {"number": 1})
        server.send("remsim.state", {"number": 2})
    return arguments

server = BusServer(sys.argv[1], handle, loop)
try:
    server.open()
except BusError:
    pass
while not stopping:
    server.serve(FOR_EVER)
    while posted:
        server.send("remsim.state", posted.pop())
server.close()
print("closed", flush=True)
"""

CALLER = """
import sys
from remsim.bus.ubus import BusClient

with BusClient(sys.argv[1]) as client:
    for _ in range(150):
        client.call("remsim", "register", {}, 2000)
print("all answered")
"""


def _until(wanted: Callable[[], bool]) -> None:
    end = time.monotonic() + LIMIT_S
    while not wanted():
        assert time.monotonic() < end, "not in time"
        signal.sigtimedwait([], POLL_S)


def _status(path: str) -> dict[str, object] | None:
    try:
        with BusClient(path) as client:
            return client.call("remsim", "status", {}, 2000)
    except BusError:
        return None


@pytest.fixture(params=parameters())
def bus(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ubus]:
    stack: Stack = request.param
    running = Ubus(stack, tmp_path)
    running.start()
    try:
        yield running
    finally:
        running.kill()


@pytest.fixture
def server(bus: Ubus) -> Iterator[subprocess.Popen[str]]:
    hidden = None if bus.stack.module == LAB else str(DROPIN_DIRECTORY)
    places = [place for place in sys.path if place != hidden]
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, bus.socket],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(places)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        _until(lambda: _status(bus.socket) is not None)
        yield process
    finally:
        process.kill()
        process.communicate()


def test_child_exit_codes_survive_the_event_loop(bus: Ubus, server: subprocess.Popen[str]) -> None:
    assert _status(bus.socket) == {"child": 1, "object": "remsim"}


def test_error_reply_and_oversized_reply_reach_the_caller(
    bus: Ubus, server: subprocess.Popen[str]
) -> None:
    with BusClient(bus.socket) as client:
        refused = client.call("remsim", "reset", {"modem": "x"})
        too_large = client.call("remsim", "job", {"id": "1"})
        assert client.call("remsim", "status", {})["child"] == 1
    assert refused["error"]["argument"] == "modem"
    assert too_large["error"]["code"] == "internal"


def test_wrong_shape_is_refused_before_the_handler(
    bus: Ubus, server: subprocess.Popen[str]
) -> None:
    with BusClient(bus.socket) as client, pytest.raises(BusError, match="Invalid argument"):
        client.call("remsim", "job", {})


def test_luci_object_gets_its_session_and_the_handler_does_not(
    bus: Ubus, server: subprocess.Popen[str]
) -> None:
    with BusClient(bus.socket) as client:
        reply = client.call("luci.remsim", "validate", {"values": {}, "ubus_rpc_session": "0"})
    assert reply == {"values": {}}


def test_what_a_worker_posts_wakes_the_sleeping_server(
    bus: Ubus, server: subprocess.Popen[str]
) -> None:
    heard: list[bytes] = []

    def hear(_frame: Frame, _name: bytes, data: bytes) -> int:
        heard.append(data)
        return 0

    listener = Connection()
    listener.open(bus.socket)
    try:
        listener.register(OwnObject(hear), b"remsim.state")
        with BusClient(bus.socket) as client:
            client.call("remsim", "heartbeat", {})
        listener.read(time.monotonic() + LIMIT_S)
    finally:
        listener.close()
    assert b"a worker" in heard[0]


def test_calls_that_come_while_the_server_sends_an_event_are_answered(
    bus: Ubus, server: subprocess.Popen[str]
) -> None:
    """libubus keeps them back; nothing more comes afterwards that would make it look at them."""
    places = os.pathsep.join(map(str, (DROPIN_DIRECTORY, PYTHON_DIRECTORY)))
    callers = [
        subprocess.Popen(
            [sys.executable, "-c", CALLER, bus.socket],
            env=os.environ | {"PYTHONPATH": places},
            stdout=subprocess.PIPE,
        )
        for _ in range(3)
    ]
    assert [caller.communicate()[0] for caller in callers] == [b"all answered\n"] * 3


def test_objects_are_back_after_the_broker_was_restarted(
    bus: Ubus, server: subprocess.Popen[str]
) -> None:
    bus.kill()
    assert _status(bus.socket) is None
    bus.start()
    _until(lambda: _status(bus.socket) is not None)


def test_sigterm_ends_the_server_in_order(bus: Ubus, server: subprocess.Popen[str]) -> None:
    server.send_signal(signal.SIGTERM)
    assert server.communicate(timeout=LIMIT_S)[0] == "closed\n"
    assert server.returncode == 0
    with BusClient(bus.socket) as client, pytest.raises(ObjectAbsent):
        client.call("remsim", "status", {})


def test_no_broker_is_told_from_no_object(tmp_path: Path) -> None:
    with pytest.raises(BusAbsent):
        BusClient(str(tmp_path / "none.sock")).connect()
