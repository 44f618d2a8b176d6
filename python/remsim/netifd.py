# SPDX-License-Identifier: GPL-2.0-or-later
"""netifd, asked and told through the `ubus` command in a subprocess with a deadline.

Never through the daemon's own bus connection: a call there holds the interpreter lock. The exit
status of the command is the ubus status. Source: netifd's ubus.c (netifd_dump_status), ubus cli.c.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from remsim.clock import Deadline
from remsim.command import Output, Run, checked, run
from remsim.errors import BusError, DeviceTimeout
from remsim.paths import Paths

COMMAND_LIMIT_S = 5.0  # netifd answers at once; it hangs while a protocol handler hangs (user asks)
STATUS_NOT_FOUND = 4  # UBUS_STATUS_NOT_FOUND
NO_GATEWAYS = ("", "0.0.0.0", "::")  # a route without a next hop

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class InterfaceStatus:
    """One logical interface. `l3_device` is known while it is up, `device` mostly always."""

    interface: str
    is_up: bool
    is_pending: bool
    l3_device: str | None
    device: str | None
    proto: str | None
    metric: int | None
    addresses: tuple[str, ...]
    gateways: tuple[str, ...]
    dns_servers: tuple[str, ...]
    error: str | None

    def is_named(self, name: str) -> bool:
        """By its logical name or one of its devices, as users write either."""
        return name in (self.interface, self.l3_device, self.device)


class Netifd:
    """`paths` gives the ubus socket, as every other program's."""

    def __init__(self, paths: Paths, runner: Run = run) -> None:
        self._paths = paths
        self._run = runner

    def dump(self, timeout_s: float = COMMAND_LIMIT_S) -> tuple[InterfaceStatus, ...]:
        """All interfaces. Raises BusError when ubus or netifd does not answer."""
        output = self._call("network.interface", "dump", timeout_s)
        if output.status != 0:
            raise BusError(f"netifd: {output.complaint}")
        return parse_dump(output.out)

    def find(self, name: str, timeout_s: float = COMMAND_LIMIT_S) -> InterfaceStatus | None:
        """The interface of this logical name, else the one that has this device."""
        return resolve(self.dump(timeout_s), name)

    def up(self, interface: str, timeout_s: float = COMMAND_LIMIT_S) -> bool:
        """Begin to bring it up; False when netifd has no such interface. Raises BusError."""
        return self._tell(interface, "up", timeout_s)

    def down(self, interface: str, timeout_s: float = COMMAND_LIMIT_S) -> bool:
        return self._tell(interface, "down", timeout_s)

    def _tell(self, interface: str, method: str, timeout_s: float) -> bool:
        output = self._call(f"network.interface.{interface}", method, timeout_s)
        if output.status == STATUS_NOT_FOUND:
            return False
        if output.status != 0:
            raise BusError(f"netifd: {interface} {method}: {output.complaint}")
        return True

    def _call(self, name: str, method: str, timeout_s: float) -> Output:
        limit = str(max(1, int(timeout_s)))
        argv = ("ubus", "-s", self._paths.ubus_socket, "-t", limit, "call", name, method)
        try:
            return self._run(argv, "", timeout_s + 1)
        except DeviceTimeout as error:
            raise BusError(f"netifd: {error.reason}") from error


class InterfaceControl:
    """One modem's interface, down and up: what the recovery ladder and the SIM switch use.

    A name that netifd does not know is a device that somebody else configures; its link is set.
    """

    def __init__(self, interface: str, netifd: Netifd, runner: Run = run) -> None:
        self._interface = interface
        self._netifd = netifd
        self._run = runner

    def down(self, deadline: Deadline) -> None:
        """Raises BusError or DeviceError when it could not be told."""
        limit_s = min(deadline.left_s, COMMAND_LIMIT_S)
        if not self._netifd.down(self._name(limit_s), limit_s):
            self._link("down", limit_s)

    def up(self, deadline: Deadline) -> None:
        """Begun, not awaited: whether it came up shows in the link's observations."""
        limit_s = min(deadline.left_s, COMMAND_LIMIT_S)
        if not self._netifd.up(self._name(limit_s), limit_s):
            self._link("up", limit_s)

    def _name(self, limit_s: float) -> str:
        found = self._netifd.find(self._interface, limit_s)
        return found.interface if found is not None else self._interface

    def _link(self, state: str, limit_s: float) -> None:
        checked(self._run, ("ip", "link", "set", "dev", self._interface, state), "", limit_s)


def resolve(interfaces: tuple[InterfaceStatus, ...], name: str) -> InterfaceStatus | None:
    """A logical name wins over a device of the same name; of several, the one that is up."""
    for each in interfaces:
        if each.interface == name:
            return each
    named = [each for each in interfaces if each.is_named(name)]
    return next((each for each in named if each.is_up), named[0] if named else None)


def parse_dump(text: str) -> tuple[InterfaceStatus, ...]:
    """Raises BusError for what is not netifd's answer."""
    try:
        return tuple(
            parse_status(each["interface"], each) for each in json.loads(text)["interface"]
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BusError(f"netifd: an answer that cannot be understood ({error!r})") from error


def parse_status(interface: str, status: Json) -> InterfaceStatus:
    return InterfaceStatus(
        interface=interface,
        is_up=bool(status.get("up", False)),
        is_pending=bool(status.get("pending", False)),
        l3_device=_text(status, "l3_device"),
        device=_text(status, "device"),
        proto=_text(status, "proto"),
        metric=int(status["metric"]) if "metric" in status else None,
        addresses=tuple(_addresses(status)),
        gateways=tuple(_gateways(status)),
        dns_servers=tuple(str(each) for each in status.get("dns-server", ())),
        error=_error(status),
    )


def _text(status: Json, key: str) -> str | None:
    return str(status[key]) if status.get(key) else None


def _addresses(status: Json) -> Iterator[str]:
    for family in ("ipv4-address", "ipv6-address"):
        for each in status.get(family, ()):
            yield f"{each['address']}/{each['mask']}"


def _gateways(status: Json) -> Iterator[str]:
    """Next hops of default routes, each once; they stay here when remsim takes the route away."""
    seen = set(NO_GATEWAYS)
    for each in status.get("route", ()):
        hop = str(each.get("nexthop", ""))
        if each.get("mask") == 0 and hop not in seen:
            seen.add(hop)
            yield hop


def _error(status: Json) -> str | None:
    """The first of `errors`: "CALL_FAILED", "NO_DEVICE", ..."""
    for each in status.get("errors", ()):
        return str(each.get("code", "")) or None
    return None
