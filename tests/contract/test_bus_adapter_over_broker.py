# SPDX-License-Identifier: GPL-2.0-or-later
"""The adapter's two halves over a broker: a server process, a client here, a restarted broker."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from remsim.bus.ubus import BusClient
from remsim.errors import BusAbsent, BusError, ObjectAbsent
from remsim_lab.ubus.background import BackgroundBroker

LIMIT_S = 15.0
POLL_S = 0.02
SERVER = """
import subprocess, sys
from remsim.bus.ubus import BusServer, take_signals
from remsim.clock import SystemClock
from remsim.errors import ArgumentError, BusError

stopping = []
take_signals(lambda: stopping.append(True))

def handle(object_name, method, arguments):
    if method == "status":
        return {"child": subprocess.run(["false"]).returncode, "object": object_name}
    if method == "job":
        return {"text": "x" * 400_000}
    if method == "reset":
        raise ArgumentError("modem", "modem1 or modem2 is wanted")
    return arguments

server = BusServer(sys.argv[1], handle, SystemClock())
try:
    server.open()
except BusError:
    pass
while not stopping:
    server.serve(50)
server.close()
print("closed", flush=True)
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


@pytest.fixture
def server(bus: BackgroundBroker) -> Iterator[subprocess.Popen[str]]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, bus.path],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        _until(lambda: _status(bus.path) is not None)
        yield process
    finally:
        process.kill()
        process.communicate()


def test_child_exit_codes_survive_the_event_loop(
    bus: BackgroundBroker, server: subprocess.Popen[str]
) -> None:
    assert _status(bus.path) == {"child": 1, "object": "remsim"}


def test_error_reply_and_oversized_reply_reach_the_caller(
    bus: BackgroundBroker, server: subprocess.Popen[str]
) -> None:
    with BusClient(bus.path) as client:
        refused = client.call("remsim", "reset", {"modem": "x"})
        too_large = client.call("remsim", "job", {"id": "1"})
        assert client.call("remsim", "status", {})["child"] == 1
    assert refused["error"]["argument"] == "modem"
    assert too_large["error"]["code"] == "internal"


def test_wrong_shape_is_refused_before_the_handler(
    bus: BackgroundBroker, server: subprocess.Popen[str]
) -> None:
    with BusClient(bus.path) as client, pytest.raises(BusError, match="Invalid argument"):
        client.call("remsim", "job", {})


def test_luci_object_gets_its_session_and_the_handler_does_not(
    bus: BackgroundBroker, server: subprocess.Popen[str]
) -> None:
    with BusClient(bus.path) as client:
        reply = client.call("luci.remsim", "validate", {"values": {}, "ubus_rpc_session": "0"})
    assert reply == {"values": {}}


def test_objects_are_back_after_the_broker_was_restarted(
    bus: BackgroundBroker, server: subprocess.Popen[str]
) -> None:
    bus.stop()
    assert _status(bus.path) is None
    bus.start()
    _until(lambda: _status(bus.path) is not None)


def test_sigterm_ends_the_server_in_order(
    bus: BackgroundBroker, server: subprocess.Popen[str]
) -> None:
    server.send_signal(signal.SIGTERM)
    assert server.communicate(timeout=LIMIT_S)[0] == "closed\n"
    assert server.returncode == 0
    with BusClient(bus.path) as client, pytest.raises(ObjectAbsent):
        client.call("remsim", "status", {})


def test_no_broker_is_told_from_no_object(tmp_path: Path) -> None:
    with pytest.raises(BusAbsent):
        BusClient(str(tmp_path / "none.sock")).connect()
