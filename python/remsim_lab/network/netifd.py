# SPDX-License-Identifier: GPL-2.0-or-later
"""A stand-in for netifd: bus objects `network`, `network.interface` and one per modem interface.

    ip netns exec <router> python3 -m remsim_lab.network.netifd --socket ubus.sock

Its own process, as the bus library is one connection per process, inside the router's namespace.
An interface comes up some time after `up`, when its device is there and has a carrier; it goes down
with the carrier or the device, as netifd's do, and comes back by itself. `network reload` flushes
the rules as netifd does. Never knows of remsim. Source: netifd's ubus.c and interface.c.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from remsim.model import Role
from remsim_lab.network.links import LinkSetup, bring_down, bring_up, setup_of
from remsim_lab.network.namespace import NetworkError, sh

TICK_MS = 100  # how soon a carrier, a device or a lost broker is noticed
UP_DELAY_S = 0.5  # from `up` to an address; real modems need one to ten seconds
ALIVE_EVENT = "lab.netifd.alive"  # sending it is how a lost broker shows
RULES_AFTER_FLUSH = ("32766 lookup main", "32767 lookup default")

Answer = dict[str, Any]


class Interface:
    """One logical interface. `network` is /sys/class/net of this namespace."""

    def __init__(
        self,
        setup: LinkSetup,
        delay_s: float,
        tell: Callable[[str, str], None],
        network: Path = Path("/sys/class/net"),
    ) -> None:
        self.setup = setup
        self.is_up = False
        self._is_wanted = True
        self._delay_s = delay_s
        self._tell = tell
        self._device = network / setup.device
        self._ready_at: float | None = None
        self._up_since = 0.0
        self._error: str | None = None

    def up(self) -> None:
        """Begin; `tick()` does the rest."""
        self._is_wanted = True

    def down(self) -> None:
        self._is_wanted = False
        self._lose(bring_down)

    def tick(self, now: float) -> None:
        """Follow the device: configure it when it is ready, let go of it when it is not."""
        if not self._is_wanted:
            return
        if not self._has_carrier():
            self._ready_at = None
            if self.is_up:
                self._lose(_flush)
        elif not self.is_up:
            self._ready_at = now + self._delay_s if self._ready_at is None else self._ready_at
            if now >= self._ready_at:
                self._gain(now)

    def status(self) -> Answer:
        """As netifd_dump_status(); the parts that a modem's interface has."""
        setup = self.setup
        answer: Answer = {
            "up": self.is_up,
            "pending": self._is_wanted and not self.is_up,
            "available": self._device.exists(),
            "autostart": self._is_wanted,
            "dynamic": False,
        }
        if self.is_up:
            answer |= {"uptime": int(time.monotonic() - self._up_since), "l3_device": setup.device}
        answer |= {"proto": "static", "device": setup.device}
        if self.is_up:
            answer |= self._settings()
        answer["data"] = {}
        if self._error is not None:
            answer["errors"] = [{"subsystem": "interface", "code": self._error, "data": []}]
        return answer

    def _settings(self) -> Answer:
        setup = self.setup
        return {
            "metric": setup.metric,
            "dns_metric": 0,
            "delegation": True,
            "ipv4-address": [_address(each) for each in setup.addresses if ":" not in each],
            "ipv6-address": [_address(each) for each in setup.addresses if ":" in each],
            "ipv6-prefix": [],
            "ipv6-prefix-assignment": [],
            "route": _routes(setup),
            "dns-server": list(setup.dns_servers),
            "dns-search": [],
            "inactive": {
                "ipv4-address": [],
                "ipv6-address": [],
                "route": [],
                "dns-server": [],
                "dns-search": [],
            },
        }

    def _has_carrier(self) -> bool:
        """A device that is administratively down has none to read; it is set up first."""
        if not self._device.exists():
            self._error = "NO_DEVICE"
            return False
        self._error = None
        try:
            return (self._device / "carrier").read_text().strip() == "1"
        except OSError:
            return self._set_up()

    def _set_up(self) -> bool:
        try:
            sh("ip", "link", "set", self.setup.device, "up")
        except NetworkError as error:
            print(error, file=sys.stderr)
        return False  # what it has shows at the next tick

    def _gain(self, now: float) -> None:
        try:
            bring_up(self.setup)
        except NetworkError as error:
            print(error, file=sys.stderr)
            self._ready_at = None
            return
        self.is_up = True
        self._up_since = now
        self._tell("ifup", self.setup.interface)

    def _lose(self, release: Callable[[LinkSetup], None]) -> None:
        was_up, self.is_up = self.is_up, False
        if self._device.exists():
            try:
                release(self.setup)
            except NetworkError as error:
                print(error, file=sys.stderr)
        if was_up:
            self._tell("ifdown", self.setup.interface)


class Netifd:
    """All interfaces on the bus, kept there over a restart of the broker."""

    def __init__(
        self, bus: Any, socket: str, setups: tuple[LinkSetup, ...], delay_s: float
    ) -> None:
        self._bus = bus
        self._socket = socket
        self._events: list[tuple[str, str]] = []
        self._interfaces = {
            each.interface: Interface(each, delay_s, lambda *event: self._events.append(event))
            for each in setups
        }
        self._is_ending = False

    def run(self) -> None:
        """Until SIGTERM, SIGINT or the end of the lab that started it."""
        parent = os.getppid()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)
        while not self._is_ending and os.getppid() == parent:
            if self._is_connected():
                self._bus.loop(TICK_MS)
            else:
                signal.sigtimedwait([], TICK_MS / 1000)
            for each in self._interfaces.values():
                each.tick(time.monotonic())
        if self._bus.get_connected():
            self._bus.disconnect(False)

    def _end(self, *_: object) -> None:
        self._is_ending = True

    def _is_connected(self) -> bool:
        """Sends what is to be told; a send that fails means that the broker is gone."""
        if not self._bus.get_connected():
            return self._connect()
        while self._events:
            action, interface = self._events.pop(0)
            self._bus.send("network.interface", {"action": action, "interface": interface})
        if not self._bus.send(ALIVE_EVENT, {}):
            self._bus.disconnect(False)
            return False
        return True

    def _connect(self) -> bool:
        try:
            self._bus.connect(self._socket)
        except OSError:
            return False  # not there yet, or restarting
        string = self._bus.BLOBMSG_TYPE_STRING
        for name, each in self._interfaces.items():
            self._bus.add(
                f"network.interface.{name}",
                {
                    "up": _method(lambda _, __, each=each: each.up()),
                    "down": _method(lambda _, __, each=each: each.down()),
                    "status": _method(lambda h, m, each=each: h.reply(each.status())),
                },
            )
        self._bus.add(
            "network.interface",
            {"dump": _method(self._dump), "status": _method(self._status, interface=string)},
        )
        self._bus.add("network", {"reload": _method(_reload)})
        return True

    def _dump(self, handler: Any, _: Answer) -> None:
        handler.reply(
            {
                "interface": [
                    {"interface": name, **each.status()} for name, each in self._interfaces.items()
                ]
            }
        )

    def _status(self, handler: Any, message: Answer) -> None:
        found = self._interfaces.get(message["interface"])
        if found is not None:
            handler.reply(found.status())


def _method(function: Callable[..., object], **signature: int) -> Answer:
    return {"method": function, "signature": signature}


def _reload(_: Any, __: Answer) -> None:
    """Every rule away, the kernel's own back: what makes a watcher necessary."""
    for family in ("-4", "-6"):
        sh("ip", family, "rule", "flush")
        for each in RULES_AFTER_FLUSH:
            sh("ip", family, "rule", "add", "priority", *each.split())


def _flush(setup: LinkSetup) -> None:
    """Addresses away, device still up: its carrier is to be seen."""
    sh("ip", "addr", "flush", "dev", setup.device)


def _address(text: str) -> Answer:
    address, _, mask = text.partition("/")
    return {"address": address, "mask": int(mask)}


def _routes(setup: LinkSetup) -> list[Answer]:
    found = []
    for target in ("0.0.0.0", "::"):
        is_sixth = target == "::"
        gateways = [each for each in setup.gateways if (":" in each) == is_sixth]
        source = next(each for each in setup.addresses if (":" in each) == is_sixth)
        found.append(
            {
                "target": target,
                "mask": 0,
                "nexthop": gateways[0] if gateways else target,
                "source": f"{source.partition('/')[0]}/{128 if is_sixth else 32}",
            }
        )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--socket", required=True, help="ubus socket")
    parser.add_argument("--gateways", action="store_true", help="Ethernet-like links")
    parser.add_argument("--up-delay", type=float, default=UP_DELAY_S, help="seconds to an address")
    options = parser.parse_args()
    import ubus

    setups = tuple(setup_of(role, has_gateway=options.gateways) for role in Role)
    Netifd(ubus, options.socket, setups, options.up_delay).run()


if __name__ == "__main__":
    main()
