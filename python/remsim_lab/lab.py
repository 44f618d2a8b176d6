# SPDX-License-Identifier: GPL-2.0-or-later
"""The whole system as one object: router, modems, carriers, servers, bus, daemon.

    with Lab(Place(directory), speed=1, say=print) as lab:
        lab.fail("modem1", "signal", print)

Everything is below `directory` and in namespaces of its own, and is gone when it is closed. Without
the rights for namespaces the lab runs on the loopback device and says what it cannot show.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from remsim.model import Role
from remsim_lab.attached import AttachedModem
from remsim_lab.breaking import Breakage
from remsim_lab.desk import LabError, Say
from remsim_lab.fast import FastClock
from remsim_lab.gpio import Board
from remsim_lab.ionmesh import IonMesh
from remsim_lab.ionmesh_bank import Bank, make_slots
from remsim_lab.labconfig import (
    CHIP_SIZE,
    SHIPPED_CONFIG,
    SYSFS_BASE,
    chip_lines,
    loopback_config,
    make_root,
    network_config,
    remote_sim_config,
)
from remsim_lab.launchers import Place, environment_of, python, write_launchers
from remsim_lab.modems import SimCard
from remsim_lab.network import addresses
from remsim_lab.network.capture import Capture
from remsim_lab.network.carrier import Carrier
from remsim_lab.network.topology import Topology
from remsim_lab.remote_sim import PID_FILE, BankSide, RouterSide
from remsim_lab.service import RESPAWN_S, Program, Service
from remsim_lab.web.install import install, make_users
from remsim_lab.web.wanted import WebWanted, program, url_file

T = TypeVar("T")

IONMESH_PORT = 5000
GRACE_S = 300.0
BEAT_INTERVAL_S = 60.0
BANKS, SLOTS = 2, 8
CLIENT_RESPAWN_S = 0.5  # procd starts what it reloads again at once
UBUSD_RESPAWN_S = 0.5  # procd starts ubusd again at once
NETIFD_UP_S = 2.0  # of lab time: from `up` to an address
UP_LIMIT_S = 20.0  # of real time: the broker and the daemon answer long before
ACTIVE_LIMIT_S = 180.0  # of real time: a modem's boot and a registration
LOOK_S = 0.05


class Lab:
    """`say` gets what a person may want to know while it comes up. With `web` there are pages at
    `url` for `users`; with `has_remote_sim` the primary gets its SIM from a bank, by `bank_side`
    and `router_side`."""

    bank_side: BankSide
    router_side: RouterSide
    client: Service

    def __init__(
        self,
        place: Place,
        speed: float = 1.0,
        say: Say = print,
        web: WebWanted | None = None,
        *,
        has_remote_sim: bool = False,
    ) -> None:
        self.place = place
        self.has_remote_sim = has_remote_sim
        self._web = web
        self.speed = speed
        self.clock = FastClock(speed)
        self.net: Topology | None = None
        self.why_no_net: str | None = None
        self._say = say
        self._breakage = Breakage(self)
        self._services: list[Service] = []
        self._modems: dict[Role, AttachedModem] = {}
        self._stack = ExitStack()
        self._lock = threading.RLock()

    # --- life --------------------------------------------------------------------------------

    def open(self) -> Lab:
        try:
            self._open()
        except BaseException:
            self._stack.close()
            raise
        return self

    def close(self) -> None:
        self._stack.close()

    def __enter__(self) -> Lab:
        return self.open()

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open(self) -> None:
        self._make_place()
        self._make_network()
        self._make_modems()
        self._make_board()
        self._make_bus()
        self._make_ionmesh()
        if self.has_remote_sim:
            self._make_bank_side()
        write_launchers(self.place)
        self._write_config()
        self._make_daemon()
        if self.has_remote_sim:
            self._make_client()
        if self._web is not None:
            self.serve_pages(self._web)

    def _begin(self, begin: Callable[[], object], end: Callable[[], object]) -> None:
        """What was begun is ended in the opposite order, also when a later part fails."""
        self._stack.callback(end)
        begin()

    def _make_place(self) -> None:
        directory = self.place.directory
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        self._stack.callback(shutil.rmtree, directory, ignore_errors=True)
        for made in (self.place.log, self.place.captures):
            made.mkdir()
        make_root(self.place.root)

    def _make_network(self) -> None:
        self.why_no_net = Topology.why_not()
        if self.why_no_net is not None:
            self._say(f"no namespaces here ({self.why_no_net}): all runs on the loopback device.")
            self._say("Cannot be shown: two links, routing, protection of the IoT link, captures.")
            return
        net = Topology("lab", self.speed, directory=self.place.captures, has_netifd=True)
        self._begin(net.open, net.close)
        self.net = net
        self.place = replace(self.place, inside=tuple(net.router.command(())))
        self._say("router, carriers and servers are up, each in a namespace of its own")

    def _make_board(self) -> None:
        self.board = Board(str(self.place.root), self._on_edge)
        self.board.add_chip(0, chip_lines())
        self.board.number_chip(SYSFS_BASE, CHIP_SIZE, "lab-gpio", "gpiochip0")
        self._begin(self.board.start, self.board.stop)

    def _on_edge(self, line: str, level: int) -> None:
        """GPIO lines end at the modems."""
        modem, _, part = line.partition("_")
        if part in ("sim", "reset", "power"):
            self._modems[Role(modem)].edge(part, level)

    def _make_modems(self) -> None:
        if self.has_remote_sim:
            self.router_side = RouterSide(self.place, self.speed, self._card_was_read)
        for role in Role:
            carrier = self.net.carrier(role) if self.net is not None else None
            link = carrier if isinstance(carrier, Carrier) else None
            is_remote = self.has_remote_sim and role is Role.PRIMARY
            slot = self.router_side.slot if is_remote else None
            modem = AttachedModem(role, str(self.place.root), self.speed, link, self._hotplug, slot)
            self._modems[role] = modem
            self._begin(modem.start, modem.stop)
        if self.has_remote_sim:
            self._begin(self.router_side.plug, self.router_side.unplug)

    def _card_was_read(self, card: SimCard | None) -> None:
        self._modems[Role.PRIMARY].device.card_was_read(card)

    def _hotplug(self, is_present: bool) -> None:
        """What the router's hotplug script does; nobody waits for it."""
        command = self.place.bin / "ubus"
        if not command.exists():
            return
        event = {"subsystem": "tty", "action": "add" if is_present else "remove"}
        message = json.dumps({**event, "name": "ttyUSB0", "path": ""})
        argv = [str(command), "-t", "5", "call", "remsim", "hotplug", message]
        threading.Thread(
            target=lambda: subprocess.run(argv, capture_output=True, check=False), daemon=True
        ).start()

    def modem(self, role: Role) -> AttachedModem:
        return self._modems[role]

    def _make_bus(self) -> None:
        broker = python("-m", "remsim_lab.ubus.broker", "-s", str(self.place.ubus_socket))
        self.ubusd = self._serve("ubusd", broker, UBUSD_RESPAWN_S)
        wait_for(self.place.ubus_socket.exists, "the ubus broker")
        if self.net is not None:
            delay = f"{NETIFD_UP_S / self.speed:g}"
            netifd = python("-m", "remsim_lab.network.netifd", "--up-delay", delay)
            argv = (*self.place.inside, *netifd, "--socket", str(self.place.ubus_socket))
            self._serve("netifd", argv)

    def _make_ionmesh(self) -> None:
        banks = 1 if self.has_remote_sim else BANKS  # one bank stand-in
        bank = Bank(self.clock, make_slots(banks, SLOTS), {1: None}, GRACE_S)
        bind = addresses.ORCHESTRATOR if self.net is not None else "127.0.0.1"
        port = IONMESH_PORT if self.net is not None else 0
        self.mesh = IonMesh(bank, self.clock, bind, port)
        self.mesh.behaviour = replace(
            self.mesh.behaviour,
            heartbeat_interval_s=BEAT_INTERVAL_S,
            bankd_endpoint=f"tcp://{addresses.BANKD}:9999",
        )
        self._begin(lambda: self.among_servers(self.mesh.start), self.mesh.stop)

    def _make_bank_side(self) -> None:
        side = self.bank_side = BankSide(self.mesh.bank, self.clock, self.net is not None)
        self._begin(lambda: self.among_servers(side.start), side.stop)

    def _make_client(self) -> None:
        self.router_side.install()
        program = self.router_side.program(self.place.log / "remsim-client.log")
        self.client = self._supervise(program, CLIENT_RESPAWN_S)
        wait_for((self.place.root / PID_FILE).exists, "remsim-client")

    def among_servers(self, action: Callable[[], T]) -> T:
        """Sockets of servers are opened where the servers are."""
        return action() if self.net is None else self.net.servers.call(action)

    def _write_config(self) -> None:
        text = network_config() if self.net is not None else loopback_config(self.mesh.port)
        if self.has_remote_sim:
            host = "remsim.example.com" if self.net is not None else self.bank_side.server.host
            text = remote_sim_config(host, self.bank_side.server.rspro_port) + text
        path = self.place.root / "etc/config/remsim"
        path.write_bytes(SHIPPED_CONFIG.read_bytes())
        path.chmod(0o600)
        uci = self.place.bin / "uci"
        subprocess.run([uci, "batch"], input=text, text=True, check=True, capture_output=True)

    def _make_daemon(self) -> None:
        root = str(self.place.root)
        if self.speed == 1:
            argv = python("-m", "remsim.daemon", "--root", root)
        else:
            argv = python("-m", "remsim_lab.fast", f"{self.speed:g}", "--root", root)
        self._stack.callback(self._end_strays)
        self.remsimd = self._serve("remsimd", (*self.place.inside, *argv))
        wait_for(lambda: self.status() is not None, "remsimd")

    def serve_pages(self, wanted: WebWanted) -> None:
        """Once; `url` and `users` are there afterwards."""
        self.users = make_users()
        install(self.place.root, self.users, wanted.luci_source)
        address = url_file(self.place)
        self._serve("web", program(self.place, wanted))
        wait_for(address.exists, "the web server")
        self.url = address.read_text(encoding="utf-8")

    def _serve(self, name: str, argv: tuple[str, ...], respawn_s: float = RESPAWN_S) -> Service:
        log = self.place.log / f"{name}.log"
        return self._supervise(Program(name, argv, environment_of(self.place), log), respawn_s)

    def _supervise(self, program: Program, respawn_s: float) -> Service:
        service = Service(program, respawn_s / self.speed)
        self._begin(service.start, service.stop)
        self._services.append(service)
        return service

    def _end_strays(self) -> None:
        """What the daemon left alive on purpose (the line keeper) ends with the lab."""
        own = str(self.place.root).encode()
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                words = (process / "cmdline").read_bytes().split(b"\0")
                if own in words and int(process.name) != os.getpid():
                    os.kill(int(process.name), signal.SIGTERM)

    # --- looking -----------------------------------------------------------------------------

    @property
    def network(self) -> Topology:
        if self.net is None:
            raise LabError(f"not without namespaces: {self.why_no_net}")
        return self.net

    def status(self) -> dict[str, Any] | None:
        """What `remsim status --json` says; None while there is no answer."""
        done = subprocess.run(
            [self.place.bin / "remsim", "status", "--json"], capture_output=True, check=False
        )
        if done.returncode != 0:
            return None
        reply = json.loads(done.stdout)
        return reply if isinstance(reply, dict) else None

    @property
    def services(self) -> tuple[Service, ...]:
        return tuple(self._services)

    @property
    def broken(self) -> dict[str, str]:
        return self._breakage.broken

    def capture(self, role: Role, path: Path | None = None) -> Capture:
        return self.network.capture(role, path)

    # --- breaking and mending ----------------------------------------------------------------

    def fail(self, target: str, kind: str | None, say: Say) -> None:
        with self._lock:
            self._breakage.fail(target, kind, say)

    def restore(self, target: str | None, say: Say) -> None:
        with self._lock:
            self._breakage.restore(target, say)

    def delay(self, role: Role, delay_ms: float, say: Say) -> None:
        with self._lock:
            self._breakage.delay(role, delay_ms, say)

    # --- for measurements --------------------------------------------------------------------

    def wait_until_active(self) -> None:
        """Until the assignment is active; both modems have booted by then."""

        def is_active() -> bool:
            status = self.status() or {}
            return bool((status.get("assignment") or {}).get("state") == "active")

        wait_for(is_active, "the assignment", ACTIVE_LIMIT_S)

    def companions(self) -> Iterator[tuple[str, int]]:
        """Other processes of the product that run all the time."""
        own = str(self.place.root).encode()
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                words = (process / "cmdline").read_bytes().split(b"\0")
                if own in words and b"remsim.gpio.keeper" in words:
                    yield "line keeper", int(process.name)

    @contextmanager
    def without_daemon(self) -> Iterator[Program]:
        """The daemon stays away meanwhile; it is detached, not released."""
        pid = self.remsimd.pid
        self.remsimd.pause(signal.SIGTERM)
        wait_for(lambda: pid is None or not Path(f"/proc/{pid}").exists(), "the end of remsimd")
        try:
            yield self.remsimd.program
        finally:
            self.remsimd.resume()
            wait_for(lambda: self.status() is not None, "remsimd")


def wait_for(is_there: Callable[[], bool], what: str, limit_s: float = UP_LIMIT_S) -> None:
    """Real seconds. Raises LabError."""
    pause = threading.Event()
    give_up_at = time.monotonic() + limit_s
    while not is_there():
        if time.monotonic() > give_up_at:
            raise LabError(f"{what} did not come up within {limit_s:g} s")
        pause.wait(LOOK_S)
