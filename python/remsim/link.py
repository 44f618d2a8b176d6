# SPDX-License-Identifier: GPL-2.0-or-later
"""The link watcher: one thread that sees both modems' network interfaces and posts LinkSeen.

The kernel's notifications wake it; otherwise it looks every 10 s (byte counters) and asks netifd
every minute. Carrier, addresses and counters come from `ip -j -s`, which shows this namespace
whatever /sys does; gateway and DNS from netifd, or the gateway from the routes where netifd does
not know the interface. It decides nothing.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from remsim.clock import Clock
from remsim.command import Run, checked, run
from remsim.errors import DeviceError, RemsimError
from remsim.events import Event, LinkSeen
from remsim.model import Failure, LinkObservation, Role
from remsim.netifd import InterfaceStatus, Netifd, resolve
from remsim.netlink import IPV4_ADDRESS, IPV6_ADDRESS, LINK, Waker

LOG = logging.getLogger(__name__)

LOOK_PERIOD_S = 20.0  # counters are as old as that; changes are told by the kernel at once
POST_PERIOD_S = 30.0  # without a change
NETIFD_PERIOD_S = 60.0  # without a notification: new DNS servers on the same address
NETIFD_LAG_S = (0.3, 2.5)  # netifd says "up" a little after the kernel shows the address
LOOK_GAP_S = 0.5  # other devices' notifications (wireless) do not keep it busy
COMMAND_LIMIT_S = 5.0

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DeviceState:
    """One device in `ip -j -s addr`. Link-local and not yet usable addresses are left out."""

    name: str
    is_up: bool
    addresses: tuple[str, ...]
    rx_bytes: int | None
    tx_bytes: int | None


class LinkWatcher:
    """`interfaces`: role and configured name (netifd's logical name, or a device)."""

    def __init__(
        self,
        interfaces: Sequence[tuple[Role, str]],
        post: Callable[[Event], None],
        clock: Clock,
        netifd: Netifd,
        runner: Run = run,
    ) -> None:
        self._interfaces = tuple(interfaces)
        self._post = post
        self._clock = clock
        self._netifd = netifd
        self._run = runner
        self._waker = Waker("link-notices", clock, (LINK, IPV4_ADDRESS, IPV6_ADDRESS))
        self._thread: threading.Thread | None = None
        self._is_stopping = threading.Event()
        self._is_poked = threading.Event()
        self._known: tuple[InterfaceStatus, ...] = ()
        self._ask_at = 0.0
        self._ask_again_at: list[float] = []
        self._shape: frozenset[tuple[str, bool, tuple[str, ...]]] = frozenset()
        self._posted: dict[Role, LinkObservation] = {}
        self._devices: dict[Role, str] = {}
        self._failures: dict[Role, int] = {}
        self._netifd_trouble: str | None = None

    def start(self) -> None:
        self._waker.open()
        self._thread = threading.Thread(target=self._watch, name="link", daemon=True)
        self._thread.start()

    def poke(self) -> None:
        """From any thread (a hotplug event): look at once and ask netifd as well."""
        self._is_poked.set()
        self._waker.wake()

    def stop(self, deadline_s: float) -> None:
        if self._thread is None:
            return
        self._is_stopping.set()
        self._waker.wake()
        self._thread.join(deadline_s)
        if not self._thread.is_alive():
            self._waker.close()

    # --- on the thread -----------------------------------------------------------------------

    def _watch(self) -> None:
        while not self._is_stopping.is_set():
            self.look()
            looked_at = self._clock.monotonic()
            look_at = min(looked_at + LOOK_PERIOD_S, self._ask_at, *self._ask_again_at)
            while not self._is_stopping.is_set() and self._clock.monotonic() < look_at:
                if self._waker.wait(look_at - self._clock.monotonic()):
                    look_at = min(look_at, looked_at + LOOK_GAP_S)
                if self._is_poked.is_set():
                    self._is_poked.clear()
                    look_at = self._ask_at = self._clock.monotonic()

    def look(self) -> None:
        """Look once and post what is due."""
        for seen in self.observe():
            if self._is_due(seen):
                self._posted[seen.role] = seen
                self._post(LinkSeen(seen))

    def observe(self) -> tuple[LinkObservation, ...]:
        """Both links now."""
        try:
            devices = self._devices_now()
        except RemsimError as error:
            return tuple(self._failed(role, name, error) for role, name in self._interfaces)
        self._ask_netifd_when_due(devices.values())
        return tuple(self._one(role, name, devices) for role, name in self._interfaces)

    def _ask_netifd_when_due(self, devices: Iterable[DeviceState]) -> None:
        """At once and again a little later when something changed, else now and then."""
        now = self._clock.monotonic()
        shape = frozenset((each.name, each.is_up, each.addresses) for each in devices)
        if shape != self._shape:
            self._shape = shape
            self._ask_again_at = [now + lag_s for lag_s in NETIFD_LAG_S]
            self._ask_netifd()
        elif now >= min(self._ask_at, *self._ask_again_at, now + 1):
            self._ask_again_at = [at for at in self._ask_again_at if at > now]
            self._ask_netifd()

    def _ask_netifd(self) -> None:
        try:
            self._known = self._netifd.dump()
            self._netifd_trouble = None
        except RemsimError as error:
            if error.reason != self._netifd_trouble:
                LOG.warning("%s", error.reason)
            self._netifd_trouble = error.reason
        self._ask_at = self._clock.monotonic() + NETIFD_PERIOD_S

    def _one(self, role: Role, name: str, devices: Mapping[str, DeviceState]) -> LinkObservation:
        status = resolve(self._known, name)
        device = self._device(role, name, status, devices)
        if device is None:
            reason = "no such interface or device"
            return self._failed(role, name, DeviceError(name, self._netifd_trouble or reason))
        self._failures.pop(role, None)
        state = devices.get(device, DeviceState(device, False, (), None, None))
        return LinkObservation(
            role,
            self._clock.monotonic(),
            name,
            device,
            state.is_up,
            state.addresses,
            status.gateways if status is not None else self._gateways(device),
            status.dns_servers if status is not None else (),
            state.rx_bytes,
            state.tx_bytes,
        )

    def _device(
        self,
        role: Role,
        name: str,
        status: InterfaceStatus | None,
        devices: Mapping[str, DeviceState],
    ) -> str | None:
        """Kept while the interface is down: the protection of the IoT link needs its name."""
        if status is not None and (status.l3_device or status.device):
            self._devices[role] = status.l3_device or self._devices.get(role) or status.device or ""
        elif status is None and name in devices:
            self._devices[role] = name
        return self._devices.get(role)

    def _failed(self, role: Role, name: str, error: RemsimError) -> LinkObservation:
        self._failures[role] = self._failures.get(role, 0) + 1
        now = self._clock.monotonic()
        failure = Failure(
            self._failures[role], "", error.reason, error.code, now, now + LOOK_PERIOD_S
        )
        return LinkObservation(role, now, name, self._devices.get(role), failure=failure)

    def _is_due(self, seen: LinkObservation) -> bool:
        last = self._posted.get(seen.role)
        return (
            last is None or seen.at - last.at >= POST_PERIOD_S or _lasting(seen) != _lasting(last)
        )

    def _devices_now(self) -> dict[str, DeviceState]:
        text = checked(self._run, ("ip", "-j", "-s", "addr", "show"), "", COMMAND_LIMIT_S)
        return {each.name: each for each in parse_devices(text)}

    def _gateways(self, device: str) -> tuple[str, ...]:
        """From default routes over it in any table: ours keeps the gateway that main lost."""
        found: list[str] = []
        for family in ("-4", "-6"):
            argv = ("ip", family, "-j", "route", "show", "default", "table", "all")
            try:
                text = checked(self._run, argv, "", COMMAND_LIMIT_S)
            except RemsimError as error:
                LOG.debug("gateways of %s: %s", device, error.reason)
                continue
            found += parse_gateways(text, device)
        return tuple(dict.fromkeys(found))


def parse_devices(text: str) -> tuple[DeviceState, ...]:
    """Of `ip -j -s addr show`. Raises DeviceError for what it does not print."""
    try:
        return tuple(_device_state(each) for each in json.loads(text) if each)
    except (ValueError, KeyError, TypeError) as error:
        raise DeviceError("ip", f"prints what cannot be understood ({error!r})") from error


def parse_gateways(text: str, device: str) -> tuple[str, ...]:
    """Of `ip -j route show default table all`; nothing for rubbish."""
    try:
        routes = json.loads(text) if text.strip() else []
    except ValueError:
        return ()
    return tuple(
        each["gateway"] for each in routes if each.get("dev") == device if "gateway" in each
    )


def _device_state(link: Json) -> DeviceState:
    statistics = link.get("stats64") or link.get("stats") or {}
    flags = link.get("flags", ())
    return DeviceState(
        name=str(link["ifname"]),
        is_up="UP" in flags and "LOWER_UP" in flags,
        addresses=tuple(_text(each) for each in link.get("addr_info", ()) if _is_usable(each)),
        rx_bytes=statistics.get("rx", {}).get("bytes"),
        tx_bytes=statistics.get("tx", {}).get("bytes"),
    )


def _is_usable(address: Json) -> bool:
    barred = address.get("tentative") or address.get("dadfailed")
    return address.get("scope") != "link" and not barred and "local" in address


def _text(address: Json) -> str:
    return f"{address['local']}/{address['prefixlen']}"


def _lasting(seen: LinkObservation) -> LinkObservation:
    """Without what changes all the time."""
    failure = (
        replace(seen.failure, attempt=0, last_failure_at=0.0, next_retry_at=None)
        if (seen.failure)
        else None
    )
    return replace(seen, at=0.0, rx_bytes=None, tx_bytes=None, failure=failure)
