# SPDX-License-Identifier: GPL-2.0-or-later
"""A mobile carrier behind one modem link: it moves packets and can be made to fail.

Like a real one it accepts only its subscriber's own source addresses and does not carry the other
carrier's network. Never touches the product's counters or rules.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from ipaddress import ip_address, ip_interface, ip_network
from pathlib import Path

from remsim.model import Role
from remsim_lab.network.addresses import LINKS, LinkAddresses
from remsim_lab.network.capture import Capture
from remsim_lab.network.engine import Engine
from remsim_lab.network.namespace import Namespace, NetworkError, sh
from remsim_lab.network.packets import parse
from remsim_lab.network.tun import open_tun, set_carrier


@dataclass(frozen=True, slots=True)
class Condition:
    """One direction. `rate_bps` 0 = unlimited, in bits per second; `loss` 0..1."""

    is_silent: bool = False
    delay_ms: float = 0.0
    loss: float = 0.0
    rate_bps: float = 0.0


@dataclass(slots=True)
class Counts:
    """What the carrier itself saw, per direction up/down, and what it threw away and why."""

    passed: int = 0
    silenced: int = 0
    lost: int = 0
    foreign: int = 0  # a source that is not the subscriber's, or the other carrier's network


@dataclass(slots=True)
class _Direction:
    condition: Condition = field(default_factory=Condition)
    counts: Counts = field(default_factory=Counts)
    free_at: float = 0.0  # when the last packet has left, at `rate_bps`


class Carrier:
    """Between the router's TUN device and the servers'. Directions: "up" leaves the router, "down".

    `speed` shortens delays as it shortens every other time in the lab.
    """

    def __init__(
        self,
        role: Role,
        router: Namespace,
        servers: Namespace,
        engine: Engine,
        speed: float = 1.0,
        seed: int = 0,
    ) -> None:
        self.role = role
        self.addresses: LinkAddresses = LINKS[role]
        self.has_carrier = True
        self.is_plugged = False
        self._router = router
        self._servers = servers
        self._engine = engine
        self._speed = speed
        self._random = random.Random(seed)
        self._router_fd = -1
        self._servers_fd = -1
        self._up = _Direction()
        self._down = _Direction()
        self._captures: list[Capture] = []
        other = LINKS[role.other]
        self._own = [
            ip_interface(self.addresses.address).ip,
            ip_interface(self.addresses.address6).ip,
        ]
        self._barred = [ip_network(other.network), ip_network(other.network6)]

    def open(self) -> None:
        """Make the servers' end (configured) and plug in the router's (not configured)."""
        device = self.addresses.carrier_device
        self._servers_fd = open_tun(self._servers, device)
        self._engine.watch(self._servers_fd, self._from_servers)
        name = self._servers.name
        sh("ip", "-n", name, "link", "set", device, "up")
        sh("ip", "-n", name, "route", "add", self.addresses.network, "dev", device)
        sh("ip", "-n", name, "-6", "route", "add", self.addresses.network6, "dev", device)
        self.plug()

    def close(self) -> None:
        for capture in tuple(self._captures):
            capture.close()
        self.unplug()
        if self._servers_fd >= 0:
            self._engine.close(self._servers_fd)
            self._servers_fd = -1

    # --- what can be done to it --------------------------------------------------------------

    def cut(self) -> None:
        """No signal: the router's device loses its carrier."""
        self._set_carrier(False)

    def set_signal(self, is_on: bool) -> None:
        """The device's carrier follows, also when it is plugged in later."""
        self._set_carrier(is_on)

    def silence(self, direction: str = "both") -> None:
        """The link looks well and carries nothing ("up", "down" or "both")."""
        self._change(direction, lambda condition: replace(condition, is_silent=True))

    def delay(self, delay_ms: float, direction: str = "both") -> None:
        """Each packet takes `delay_ms` (of lab time) in that direction."""
        self._change(direction, lambda condition: replace(condition, delay_ms=delay_ms))

    def lose(self, share: float, direction: str = "both") -> None:
        """Throw away `share` (0..1) of the packets, from a seeded random source."""
        self._change(direction, lambda condition: replace(condition, loss=share))

    def limit(self, rate_bps: float, direction: str = "both") -> None:
        """At most `rate_bps` bits per second; 0 = unlimited."""
        self._change(direction, lambda condition: replace(condition, rate_bps=rate_bps))

    def well(self) -> None:
        """No silence, delay, loss or limit any more; plug and carrier stay as they are."""
        self._change("both", lambda _: Condition())

    def restore(self) -> None:
        """Everything well again: plugged, carrier on, no silence, delay, loss or limit."""
        self.well()
        if not self.is_plugged:
            self.plug()
        self._set_carrier(True)

    def unplug(self) -> None:
        """The modem vanishes from the bus: its network device is gone."""
        if self.is_plugged:
            self.is_plugged = False
            self._engine.close(self._router_fd)
            self._router_fd = -1

    def plug(self) -> None:
        """The device is there again, down and without addresses, as after a re-enumeration."""
        if self.is_plugged:
            return
        self._router_fd = open_tun(self._router, self.addresses.device)
        self._engine.watch(self._router_fd, self._from_router)
        self.is_plugged = True
        if not self.has_carrier:
            self._set_carrier(False)

    def capture(self, path: Path) -> Capture:
        """Everything that crosses the router's end of the link from now on."""
        inside = tuple(str(address) for address in self._own)
        capture = Capture(path, inside).open()
        capture.on_close = self._forget
        with self._engine.locked():
            self._captures.append(capture)
        return capture

    def counts(self, direction: str) -> Counts:
        with self._engine.locked():
            return replace((self._up if direction == "up" else self._down).counts)

    def _forget(self, capture: Capture) -> None:
        with self._engine.locked():
            self._captures.remove(capture)

    # --- inside ------------------------------------------------------------------------------

    def _set_carrier(self, is_on: bool) -> None:
        self.has_carrier = is_on
        if self.is_plugged:
            try:
                set_carrier(self._router_fd, is_on)
            except OSError as error:
                raise NetworkError(f"{self.addresses.device}: carrier: {error}") from error

    def _change(self, direction: str, change: Callable[[Condition], Condition]) -> None:
        chosen = {"up": [self._up], "down": [self._down], "both": [self._up, self._down]}[direction]
        with self._engine.locked():
            for each in chosen:
                each.condition = change(each.condition)

    def _from_router(self, raw: bytes) -> None:
        for capture in self._captures:
            capture.record(raw, outbound=True)
        if self._is_foreign(raw):
            self._up.counts.foreign += 1
            return
        self._pass(self._up, raw, lambda: self._write(self._servers_fd, raw))

    def _from_servers(self, raw: bytes) -> None:
        self._pass(self._down, raw, lambda: self._deliver(raw))

    def _deliver(self, raw: bytes) -> None:
        if self.is_plugged and self.has_carrier and self._write(self._router_fd, raw):
            for capture in self._captures:
                capture.record(raw, outbound=False)

    def _is_foreign(self, raw: bytes) -> bool:
        packet = parse(raw)
        if packet is None or ip_address(packet.source) not in self._own:
            return True
        destination = ip_address(packet.destination)
        return any(destination in network for network in self._barred)

    def _pass(self, direction: _Direction, raw: bytes, action: Callable[[], object]) -> None:
        condition = direction.condition
        if condition.is_silent:
            direction.counts.silenced += 1
            return
        if condition.loss and self._random.random() < condition.loss:
            direction.counts.lost += 1
            return
        direction.counts.passed += 1
        moment = self._leaves_at(direction, len(raw))
        if moment is None:
            action()
        else:
            self._engine.at(moment, action)

    def _leaves_at(self, direction: _Direction, size_bytes: int) -> float | None:
        """When the packet is through: None = at once."""
        condition = direction.condition
        if not condition.delay_ms and not condition.rate_bps:
            return None
        moment = time.monotonic()
        if condition.rate_bps:
            moment = max(moment, direction.free_at)
            moment += size_bytes * 8 / condition.rate_bps / self._speed
            direction.free_at = moment
        return moment + condition.delay_ms / 1000 / self._speed

    @staticmethod
    def _write(descriptor: int, raw: bytes) -> bool:
        try:
            return descriptor >= 0 and os.write(descriptor, raw) > 0
        except OSError:
            return False  # the device is down, or its queue is full: a packet lost, as on a radio
