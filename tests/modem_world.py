# SPDX-License-Identifier: GPL-2.0-or-later
"""A world for modem workers in which time moves by hand:
simulated modems behind in-memory ports, lines, interfaces."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from remsim.clock import Deadline
from remsim.errors import DeviceGone, RemsimError
from remsim.events import Event, ModemSeen, OrderProgress
from remsim.model import ModemObservation, ModemState, Role
from remsim.modem.attach import Claims
from remsim.modem.settings import ModemSettings
from remsim.modem.worker import ModemOrder, ModemWorker
from remsim.paths import Paths
from remsim_lab.clock import HandClock
from remsim_lab.modems import MODELS, SimCard, SimulatedCore
from remsim_lab.modems.cards import LOCAL_IOT, LOCAL_PRIMARY, REMOTE_PRIMARY
from remsim_lab.modems.usb_tree import UsbTree

E = TypeVar("E")

LOCAL_ICCID = LOCAL_PRIMARY[0]
REMOTE_ICCID = REMOTE_PRIMARY[0]


class WorldClock(HandClock):
    """Whenever it moves, the modems live on, event by event."""

    def __init__(self, live: Callable[[float], None]) -> None:
        super().__init__()
        self._live = live

    def move(self, seconds: float) -> None:
        super().move(seconds)
        self._live(self.monotonic())


class Plugged:
    """A simulated modem in a USB port, with its nodes below the root."""

    def __init__(self, world: World, model: str, place: str, ttys: list[str], **options: object):
        self.core = SimulatedCore(MODELS[model], **options)  # type: ignore[arg-type]
        self.place = place
        self.ttys = ttys
        self.ports: list[FakePort] = []
        self.tree = UsbTree(str(world.root), place, MODELS[model], None)
        self.core.on_usb = self._usb_changed
        self.core.switch_on(world.clock.monotonic())

    def _usb_changed(self, is_present: bool) -> None:
        for port in self.ports:
            port.is_gone = True
        self.ports.clear()
        if not is_present:
            self.tree.leave()
            return
        serial = [i for i in self.core.model.interfaces if i.kind in ("at", "tty")]
        names = {i.number: (name, "/dev/null") for i, name in zip(serial, self.ttys, strict=False)}
        self.tree.enter(names)

    @property
    def at_tty(self) -> str:
        serial = [i for i in self.core.model.interfaces if i.kind in ("at", "tty")]
        return next(t for i, t in zip(serial, self.ttys, strict=False) if i.kind == "at")


class FakePort:
    """Reads move the clock on to the modem's next word, at most by the time asked for."""

    def __init__(self, device: str, plugged: Plugged, clock: WorldClock) -> None:
        self.device = device
        self.is_gone = False
        self.longest_read_s = 0.0
        self._plugged = plugged
        self._clock = clock

    def read(self, timeout_s: float) -> bytes:
        until = self._clock.monotonic() + timeout_s
        while True:
            self._clock.move(0.0)
            self._check()
            if data := self._plugged.core.take_output():
                return data
            now, at = self._clock.monotonic(), self._plugged.core.next_at
            if now >= until:
                return b""
            self._clock.move(min(until, until if at is None else max(at, now)) - now)

    def write(self, data: bytes, timeout_s: float) -> None:
        self._check()
        self._plugged.core.receive(data, self._clock.monotonic())

    def close(self) -> None:
        if self in self._plugged.ports:
            self._plugged.ports.remove(self)

    def _check(self) -> None:
        if self.is_gone:
            raise DeviceGone(self.device, "vanished")


class FakeLines:
    """GPIO lines wired to the modems, logical levels.
    `broken` lines raise; `stuck` ones do not move."""

    def __init__(self, world: World) -> None:
        self.levels: dict[str, int] = {}
        self.writes: list[tuple[str, int]] = []
        self.broken: set[str] = set()
        self.stuck: set[str] = set()
        self._world = world

    def read(self, name: str) -> int | None:
        return self.levels.get(name, 0)

    def set(self, name: str, level: int) -> None:
        self._touch(name, level)
        if name not in self.stuck:
            self.levels[name] = level
        core, now = self._core(name), self._world.clock.monotonic()
        if name.endswith("sim_switch") and name not in self.stuck:
            core.select("remote" if level else "local", now)

    def pulse(self, name: str, ms: int) -> None:
        self._touch(name, 1)
        core, clock = self._core(name), self._world.clock
        act = core.hold_reset if name.endswith("reset") else lambda on, now: core.power(not on, now)
        act(True, clock.monotonic())
        clock.move(ms / 1000)
        act(False, clock.monotonic())
        self.writes.append((name, 0))

    def _touch(self, name: str, level: int) -> None:
        if name in self.broken:
            raise RemsimError(f"{name}: broken")
        self.writes.append((name, level))

    def _core(self, name: str) -> SimulatedCore:
        return self._world.wired[name.split(".")[0]].core


class FakeInterface:
    def __init__(self) -> None:
        self.log: list[str] = []
        self.broken: set[str] = set()

    def down(self, deadline: Deadline) -> None:
        self._do("down")

    def up(self, deadline: Deadline) -> None:
        self._do("up")

    def _do(self, what: str) -> None:
        self.log.append(what)
        if what in self.broken:
            raise RemsimError(f"netifd cannot bring it {what}")


class FakeBus:
    def __init__(self, world: World) -> None:
        self.log: list[str] = []
        self.interrupted: set[str] = set()
        self._world = world

    def restart(self, place: str, hurry: threading.Event) -> None:
        self.log.append(place)
        for plugged in self._world.plugged:
            if plugged.place == place:
                plugged.core.authorize(False, self._world.clock.monotonic())
                self._world.clock.move(2.0)
                plugged.core.authorize(True, self._world.clock.monotonic())

    def finish_interrupted(self, place: str) -> bool:
        return place in self.interrupted


class Bench:
    """One worker in the world, turned by hand."""

    def __init__(
        self, world: World, settings: ModemSettings, *, has_interface: bool = True
    ) -> None:
        self.world = world
        self.events: list[Event] = []
        self.interface = FakeInterface()
        self.bus = FakeBus(world)
        self.worker = ModemWorker(
            settings,
            paths=world.paths,
            clock=world.clock,
            post=self.events.append,
            lines=world.lines,
            interface=self.interface if has_interface else None,
            claims=world.claims,
            bus=self.bus,
            open_port=world.open_port,
        )
        self.worker.adopt()

    def turn(self) -> ModemObservation:
        """What the thread does once, with its pause behind it."""
        self.worker.turn()
        self.world.clock.move(self.worker.pause_s)
        return self.seen

    def run(self, seconds: float) -> ModemObservation:
        until = self.world.clock.monotonic() + seconds
        while self.world.clock.monotonic() < until:
            self.turn()
        return self.seen

    def run_until(self, state: ModemState, limit_s: float = 600.0) -> float:
        """How long it took to be seen."""
        since = self.world.clock.monotonic()
        while self.turn().state is not state:
            assert self.world.clock.monotonic() - since < limit_s, f"stays {self.seen.state}"
        return self.seen.at - since

    def order(self, order: ModemOrder) -> Event:
        """The event that answers it; there must be exactly one."""
        self.worker.submit(order)
        before = len(self.events)
        self.worker.turn()
        answers = [
            event
            for event in self.events[before:]
            if getattr(event, "id", None) == order.id and not isinstance(event, OrderProgress)
        ]
        assert len(answers) == 1
        return answers[0]

    @property
    def seen(self) -> ModemObservation:
        return next(e.observation for e in reversed(self.events) if isinstance(e, ModemSeen))

    @property
    def phases(self) -> list[str]:
        return [event.phase for event in self.events if isinstance(event, OrderProgress)]


class World:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.paths = Paths(str(root))
        self.plugged: list[Plugged] = []
        self.wired: dict[str, Plugged] = {}
        self.claims = Claims()
        self.clock = WorldClock(self._live)
        self.lines = FakeLines(self)
        self.opened: list[str] = []

    def _live(self, now: float) -> None:
        for plugged in self.plugged:
            plugged.core.advance(now)

    def plug(
        self, model: str, place: str, ttys: list[str], role: str, **options: object
    ) -> Plugged:
        plugged = Plugged(self, model, place, ttys, **options)
        self.plugged.append(plugged)
        self.wired[role] = plugged
        return plugged

    def fm350(self, **options: object) -> Plugged:
        """The primary: AT on interface 6, which is the fourth serial one."""
        options.setdefault("local", SimCard(*LOCAL_PRIMARY))
        options.setdefault("remote", SimCard(*REMOTE_PRIMARY))
        ttys = [f"ttyUSB{n}" for n in range(7)]
        return self.plug("fm350", "1-1.2", ttys, "modem1", **options)

    def l850(self, role: str = "modem2", **options: object) -> Plugged:
        options.setdefault("local", SimCard(*LOCAL_IOT))
        return self.plug("l850", "1-1.3", [f"ttyACM{n}" for n in range(3)], role, **options)

    def open_port(self, device: str, path: str) -> FakePort:
        self.opened.append(device)
        name = device.removeprefix("/dev/")
        for plugged in self.plugged:
            if plugged.core.is_on_usb and name in plugged.ttys:
                port = FakePort(device, plugged, self.clock)
                if name != plugged.at_tty:
                    raise AssertionError(f"{name} is not the AT port")
                plugged.ports.append(port)
                return port
        raise DeviceGone(device, "no such device")

    def primary(self, **options: object) -> Bench:
        defaults: dict[str, object] = {
            "device": "/dev/ttyUSB3",
            "has_sim_switch": True,
            "has_reset_line": True,
            "has_power_line": True,
        }
        return Bench(self, ModemSettings(Role.PRIMARY, **{**defaults, **options}))  # type: ignore[arg-type]

    def iot(self, **options: object) -> Bench:
        defaults: dict[str, object] = {
            "device": "/dev/ttyACM0",
            "has_sim_switch": True,
            "has_reset_line": True,
        }
        return Bench(self, ModemSettings(Role.IOT, **{**defaults, **options}))  # type: ignore[arg-type]
