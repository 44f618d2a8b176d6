# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab's codec, bus, commands and drop-in against recorded bytes of the real ones.

| recorded                  | held by it here                                                     |
|---------------------------|---------------------------------------------------------------------|
| every frame               | the codec: taken apart and put together again, the same bytes       |
| ubusd's side of each run  | `bus.Bus`: fed the clients' frames, gives the same bytes            |
| the `ubus` command's side | the lab's command: fed ubusd's frames, the same bytes, output, code |
| the python-ubus server's  | the drop-in: fed ubusd's frames, the same bytes and output          |

Ids are random in each run, so those that ubusd gave are exchanged for those of the bus. What cannot
be held: the compiled clients and servers of the recordings are not here, only their frames are; and
the order of frames of different connections is that of the relays, so each is compared by itself.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import stacks

from remsim_lab.ubus import blob, wire
from remsim_lab.ubus.bus import Bus
from remsim_lab.ubus.peers import Credentials, Peer

VECTORS = Path(__file__).resolve().parent.parent / "vectors" / "openwrt" / "wire"
SCENARIOS = sorted(path.stem for path in VECTORS.glob("*.json"))
ROOT = Credentials(0, 0, "root", "root")
TO_UBUSD, TO_CLIENT = "client->ubusd", "ubusd->client"


def load(name: str) -> dict[str, Any]:
    scenario: dict[str, Any] = json.loads((VECTORS / f"{name}.json").read_text())
    return scenario


def frame_bytes(message: dict[str, Any]) -> bytes:
    """The whole message; the elided middle of a long one repeats the byte around it."""
    if "hex" in message:
        return bytes.fromhex(message["hex"])
    head, tail = bytes.fromhex(message["hex_head"]), bytes.fromhex(message["hex_tail"])
    return head + head[-1:] * (message["len"] - len(head) - len(tail)) + tail


# --- codec ---


def rebuilt_fields(data: bytes) -> bytes:
    """blobmsg fields taken apart and put together again."""
    parts = []
    for item in blob.fields(data, 0, len(data)):
        if item.kind in (blob.TABLE, blob.ARRAY):
            content = rebuilt_fields(item.data)
        elif item.kind == blob.STRING:
            content = item.text() + b"\0"
        elif item.kind in (blob.INT16, blob.INT8):
            content = item.data
        else:
            kind, content = blob.pack_scalar(blob.scalar(item))
            content = item.data if kind != item.kind else content
        parts.append(blob.field(item.kind, item.name, content))
    return b"".join(parts)


def rebuilt_frame(data: bytes) -> bytes:
    buffer = wire.FrameBuffer(len(data))
    buffer.feed(data)
    frame = buffer.next()
    assert frame is not None
    children = []
    for word, at, length in blob.walk(frame.body, blob.HEAD_BYTES, len(frame.body)):
        ident = word >> 24 & 0x7F
        content = frame.body[at + blob.HEAD_BYTES : at + length]
        if ident in (wire.A_SIGNATURE, wire.A_DATA):
            content = rebuilt_fields(content)
        children.append(blob.attribute(ident, content))
    return wire.encode(frame.kind, frame.sequence, frame.peer, b"".join(children))


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_recorded_frame_is_rebuilt_byte_for_byte(name: str) -> None:
    for message in load(name)["messages"]:
        if "eof" not in message:
            data = frame_bytes(message)
            assert rebuilt_frame(data) == data


# --- bus ---


@dataclass
class Recorded:
    """One connection of a recording, next to the bus's side of it."""

    peer: Peer
    frames: wire.FrameBuffer = field(default_factory=wire.FrameBuffer)
    wanted: list[bytes] = field(default_factory=list)
    got: list[bytes] = field(default_factory=list)
    learnt: int = 0


class Replay:
    """Feeds the clients' frames of a recording to a bus."""

    def __init__(self) -> None:
        self._bus = Bus(self._sent)
        self._by_peer: dict[int, list[bytes]] = {}
        self.connections: dict[str, Recorded] = {}
        self._ids: dict[bytes, bytes] = {}

    def _sent(self, peer: Peer, data: bytes) -> None:
        self._by_peer.setdefault(peer.ident, []).append(data)

    def message(self, message: dict[str, Any]) -> None:
        connection = self.connections.get(message["conn"])
        if connection is None:
            peer = self._bus.connect(ROOT)
            connection = self.connections[message["conn"]] = Recorded(peer)
            connection.got = self._by_peer[peer.ident]
        if "eof" in message:
            if message["dir"] == TO_UBUSD:
                self._bus.disconnect(connection.peer)
        elif message["dir"] == TO_CLIENT:
            connection.wanted.append(frame_bytes(message))
        else:
            self._receive(connection, self.translated(frame_bytes(message)))

    def _receive(self, connection: Recorded, data: bytes) -> None:
        connection.frames.feed(data)
        try:
            while (frame := connection.frames.next()) is not None:
                self._bus.receive(connection.peer, frame)
        except wire.FrameError:
            self._bus.disconnect(connection.peer)

    def translated(self, data: bytes) -> bytes:
        """Recorded ids exchanged for ours, wherever one stands on a 4-byte border."""
        self._learn()
        if len(data) > 70000:
            return self.translated(data[:256]) + data[256:]
        words = [data[at : at + 4] for at in range(0, len(data), 4)]
        return b"".join([self._ids.get(word, word) for word in words])

    def _learn(self) -> None:
        """Ids come from HELLO and from the answers to ADD_OBJECT, and from nowhere else."""
        for each in self.connections.values():
            while each.learnt < min(len(each.wanted), len(each.got)):
                wanted, got = each.wanted[each.learnt], each.got[each.learnt]
                each.learnt += 1
                if wanted[1] == wire.HELLO:
                    self._ids[wanted[4:8]] = got[4:8]
                elif (
                    wanted[1] == wire.DATA
                    and wanted[12] == wire.A_OBJID
                    and len(wanted) in (20, 28)
                ):
                    for at in range(16, len(wanted), 8):
                        self._ids[wanted[at : at + 4]] = got[at : at + 4]


def without_event_number(data: bytes) -> bytes:
    """Events are numbered since ubusd started, which was long before some recordings."""
    is_event = data[1] == wire.INVOKE and data[4:8] == bytes(4)
    return data[:2] + bytes(2) + data[4:] if is_event else data


@pytest.mark.parametrize("name", SCENARIOS)
def test_bus_answers_recorded_clients_with_recorded_bytes(name: str) -> None:
    replay = Replay()
    for message in load(name)["messages"]:
        replay.message(message)
    for connection in replay.connections.values():
        wanted = [without_event_number(replay.translated(data)) for data in connection.wanted]
        assert [without_event_number(data) for data in connection.got] == wanted


# --- clients ---


class Playback:
    """Plays ubusd's side of one recorded connection; `problem`: what the client did otherwise."""

    def __init__(self, path: str, messages: list[dict[str, Any]]) -> None:
        self._messages = messages
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        self._listener.listen(1)
        self._listener.settimeout(stacks.PROCESS_LIMIT_S)
        self.problem: str | None = "nobody connected"
        self.at_end = threading.Event()  # everything was exchanged, the client should leave
        self._thread = threading.Thread(target=self._play, daemon=True)
        self._thread.start()

    def _play(self) -> None:
        sock, _ = self._listener.accept()
        with sock:
            sock.settimeout(stacks.PROCESS_LIMIT_S)
            self.problem = None
            for message in self._messages:
                if not self._one(sock, message):
                    break
        self.at_end.set()

    def _one(self, sock: socket.socket, message: dict[str, Any]) -> bool:
        if "eof" in message:
            self.at_end.set()
            self.problem = None if sock.recv(1) == b"" else "it stays"
            return False
        data = frame_bytes(message)
        if message["dir"] == TO_CLIENT:
            sock.sendall(data)
            return True
        got = sock.recv(len(data), socket.MSG_WAITALL)
        if got != data:
            self.problem = f"{message['type']}: {got.hex()} instead of {data.hex()}"
        return got == data

    def finish(self) -> str | None:
        self._thread.join(stacks.PROCESS_LIMIT_S)
        self._listener.close()
        return self.problem


def messages_of(scenario: dict[str, Any], connection: str) -> list[dict[str, Any]]:
    return [message for message in scenario["messages"] if message["conn"] == connection]


COMMANDS = {
    "cli_call": ["client", "call", "lab.obj", "echo", None],
    "cli_call_noarg": ["client", "call", "lab.obj", "types"],
    "cli_call_status_only": ["client", "call", "lab.obj", "status", '{"code":6}'],
    "cli_call_unknown_method": ["client", "call", "lab.obj", "nope"],
    "cli_list": ["client", "list"],
    "cli_list_verbose": ["client", "-v", "list", "lab.obj"],
    "cli_subscribe": ["subscriber", "subscribe", "lab.obj"],
    "cli_wait_for_present": ["client", "-t", "5", "wait_for", "lab.obj"],
    "cli_wait_for_timeout": ["client", "-t", "1", "wait_for", "lab.obj"],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_ubus_command_speaks_like_the_recorded_one(name: str, tmp_path: Path) -> None:
    scenario = load(name)
    connection, *words = COMMANDS[name]
    step = next(step for step in scenario["steps"] if step["who"] == "ubus CLI")
    said = [word if word is not None else step["action"].split(" ", 4)[4] for word in words]
    path = str(tmp_path / "ubus.sock")
    playback = Playback(path, messages_of(scenario, str(connection)))
    with subprocess.Popen(
        [sys.executable, "-m", "remsim_lab.ubus.command", "-s", path, *said],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={"PYTHONPATH": str(stacks.PYTHON_DIRECTORY)},
        text=True,
    ) as process:
        assert playback.at_end.wait(stacks.PROCESS_LIMIT_S)
        first = ""
        if "SIGTERM" in step["action"]:
            assert process.stdout is not None
            first = process.stdout.readline()
            process.terminate()
        rest, _ = process.communicate(timeout=stacks.PROCESS_LIMIT_S)
    assert playback.finish() is None
    assert (first + rest, process.returncode) == (step["output"], step["exit"])


def test_drop_in_speaks_like_the_recorded_python_ubus_server(tmp_path: Path) -> None:
    scenario = load("python_ubus_server")
    step = scenario["steps"][0]
    path = str(tmp_path / "ubus.sock")
    playback = Playback(path, messages_of(scenario, "pyserver"))
    environment = {"PYTHONPATH": ":".join(stacks.module_path(stacks.LAB))}
    done = subprocess.run(
        [sys.executable, "-c", step["action"], path],
        capture_output=True,
        env=environment,
        text=True,
        timeout=stacks.PROCESS_LIMIT_S,
        check=False,
    )
    assert playback.finish() is None
    assert done.returncode == step["exit"]
    for line in ("ready", "event py.hello {'k': 'v'}"):
        assert line in done.stdout.splitlines()
    assert done.stderr.splitlines()[-1] == "ValueError: x"
