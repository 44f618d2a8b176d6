# SPDX-License-Identifier: GPL-2.0-or-later
"""What a heartbeat costs on the wire: bytes at IP level up and down, counted on a veth by a packet
socket.

python -m remsim_lab.measure_beat [--beats 5]

Three processes: the orchestrator in one namespace, the client in another, and this one, which makes
and removes both. The kept-alive client is the product's own; beside it, in the same run, curl sends
the same heartbeat over a new connection each (or, where curl is missing, the same bytes written by
hand). Between beats there is a pause longer than any delayed acknowledgement, as there is in life.
Needs root.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from remsim.clock import Deadline, SystemClock
from remsim.events import BeatReport
from remsim.net.bind import LinkBinding
from remsim.orchestrator.api import OrchestratorSettings
from remsim.orchestrator.ionmesh import open_ionmesh

SERVER, CLIENT, PORT = "192.0.2.1", "192.0.2.2", 5000
PREFIX = 30
PAUSE_S = 0.35  # Linux delays acknowledgements by at most 0.2 s
WARM_UP = 2  # beats before counting: the first has a new connection and a full report
TRY_S = 5.0
ETH_P_ALL = 3  # linux/if_ether.h
ETH_HEADER = 14
API_KEY = "0123456789abcdef0123456789abcdef"
REPORT = BeatReport(
    status="active",
    uptime_s=864_000,
    tpdus=123_456,
    errors=3,
    signal_dbm=-75,
    rsrp_dbm=-95,
    rx_bytes=10_485_760,
    tx_bytes=5_242_880,
    modem_model="FM350-GL",
    modem_firmware="81600.0000.00.29.19.16",
)
SETTINGS = OrchestratorSettings(hosts=(SERVER,), client_id="router1-slot0", port=PORT)
NEVER = 10**6  # report_every for beats without statistics


@dataclass(frozen=True, slots=True)
class BeatCost:
    """Bytes at IP level, up and down together, per beat. `by` says what made the new connections.

    Plain HTTP without an API key, as a key is not sent in the clear; `kept_with_key_bytes` says
    what one costs.
    """

    kept_bytes: float  # the product's client on average, statistics as often as it sends them
    lean_bytes: float  # a beat without statistics
    full_bytes: float  # a beat with all of them
    kept_with_key_bytes: float
    packets: float  # of a lean beat
    new_connection_bytes: float  # a lean beat by curl
    by: str

    @property
    def share(self) -> float:
        """Of a new connection per beat."""
        return self.kept_bytes / self.new_connection_bytes


def measure(beats: int = 5) -> BeatCost:
    """Takes about two seconds per beat. OSError or CalledProcessError without the rights for
    namespaces.
    """
    with _two_namespaces() as (server, client), tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])}
        control = os.path.join(folder, "control")
        orchestrator = subprocess.Popen(
            [
                *_inside(server),
                "remsim_lab.ionmesh",
                *("--bind", SERVER, "--port", str(PORT)),
                *("--control", control, "--tenant", "1", "--tenant", f"2:{API_KEY}"),
            ],
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        with orchestrator:
            try:
                if orchestrator.stdout is None or "ready" not in orchestrator.stdout.readline():
                    raise OSError("the orchestrator did not start")
                answer = subprocess.run(
                    [
                        *_inside(client),
                        "remsim_lab.measure_beat",
                        "--inside",
                        "--beats",
                        str(beats),
                    ],
                    stdout=subprocess.PIPE,
                    text=True,
                    check=True,
                    env=environment,
                )
            finally:
                orchestrator.terminate()
    return BeatCost(**json.loads(answer.stdout))


# --- in the client's namespace -----------------------------------------------------------------


class WireCounter:
    """Counts IP bytes of TCP to and from the orchestrator on one device."""

    def __init__(self, device: str) -> None:
        self.bytes = self.packets = 0
        self._sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self._sock.bind((device, ETH_P_ALL))
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            frame = self._sock.recv(65_535)
            packet = frame[ETH_HEADER:]
            if len(packet) < 40 or packet[0] >> 4 != 4 or packet[9] != socket.IPPROTO_TCP:
                continue
            length: int = struct.unpack_from("!H", packet, 2)[0]
            self.packets += 1
            self.bytes += length

    def per_beat(self, beat: Callable[[], None], beats: int) -> tuple[float, float]:
        """Bytes and packets of each beat, on average."""
        _pause()
        bytes_before, packets_before = self.bytes, self.packets
        for _ in range(beats):
            beat()
            _pause()
        return (self.bytes - bytes_before) / beats, (self.packets - packets_before) / beats


def measure_inside(device: str, beats: int) -> BeatCost:
    counter = WireCounter(device)
    lean_settings = replace(SETTINGS, report_every=NEVER)
    keyed = replace(lean_settings, client_id="router2-slot0", tenant_id=2, api_key=API_KEY)
    lean, packets = counter.per_beat(_kept_client(device, lean_settings), beats)
    full, _ = counter.per_beat(_kept_client(device, replace(SETTINGS, report_every=1)), beats)
    with_key, _ = counter.per_beat(_kept_client(device, keyed), beats)
    once, by = _new_connections()
    new, _ = counter.per_beat(once, beats)
    statistics = (full - lean) / SETTINGS.report_every
    return BeatCost(lean + statistics, lean, full, with_key + statistics, packets, new, by)


def _kept_client(device: str, settings: OrchestratorSettings) -> Callable[[], None]:
    clock = SystemClock()
    client = open_ionmesh(settings, clock)
    client.rebind(LinkBinding(device, 0, (), (f"{CLIENT}/{PREFIX}",)))
    client.register(Deadline.after(clock, TRY_S))

    def beat() -> None:
        client.beat(REPORT, Deadline.after(clock, TRY_S))

    for _ in range(WARM_UP):
        beat()
        _pause()
    return beat


def _new_connections() -> tuple[Callable[[], None], str]:
    body = json.dumps({"client_id": SETTINGS.client_id, "status": "active"})
    path = "/api/backend/v1/remsim/heartbeat"
    curl = shutil.which("curl")
    if curl is None:
        return lambda: _by_hand(path, body), "written by hand"
    command = [curl, "-s", "-f", "-X", "POST", f"http://{SERVER}:{PORT}{path}"]
    command += ["-H", "Content-Type: application/json", "-d", body]
    return lambda: _run_quietly(command), "curl"


def _by_hand(path: str, body: str) -> None:
    head = [
        f"POST {path} HTTP/1.1",
        f"Host: {SERVER}:{PORT}",
        "User-Agent: curl/7.88.1",
        "Accept: */*",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    ]
    with socket.create_connection((SERVER, PORT), TRY_S) as sock:
        sock.sendall("\r\n".join([*head, "", body]).encode())
        sock.recv(4096)


def _run_quietly(command: list[str]) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def _pause() -> None:
    SystemClock().wait(threading.Event(), PAUSE_S)


# --- around them -------------------------------------------------------------------------------


@contextmanager
def _two_namespaces() -> Iterator[tuple[str, str]]:
    """Joined by a veth, named after its end in each: server "beat0", client "beat1"."""
    names = (f"remsim-beat-s{os.getpid()}", f"remsim-beat-c{os.getpid()}")
    with ExitStack() as stack:
        for name in names:
            _ip("netns", "add", name)
            stack.callback(_ip, "netns", "del", name)
        _ip(
            *("-n", names[0], "link", "add", "beat0", "type", "veth"),
            *("peer", "name", "beat1", "netns", names[1]),
        )
        for name, device, address in zip(names, ("beat0", "beat1"), (SERVER, CLIENT), strict=True):
            _ip("-n", name, "address", "add", f"{address}/{PREFIX}", "dev", device)
            _ip("-n", name, "link", "set", device, "up")
        yield names


def _inside(namespace: str) -> list[str]:
    return ["ip", "netns", "exec", namespace, sys.executable, "-m"]


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def main() -> int:
    parser = argparse.ArgumentParser(description="bytes per heartbeat on the wire")
    parser.add_argument("--beats", type=int, default=5)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    cost = measure_inside("beat1", options.beats) if options.inside else measure(options.beats)
    print(json.dumps(asdict(cost)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
