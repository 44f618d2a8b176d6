# SPDX-License-Identifier: GPL-2.0-or-later
"""What single values cannot show: options that contradict each other. Pure.

A Problem means that the router would do something wrong; a Notice, that the user probably wants
something else. What the data plan allows is judged where its traffic is reckoned, not here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from remsim.config.schema import OPTIONS
from remsim.config.types import Value
from remsim.config.values import Config, Notice, Problem

Finding = Problem | Notice

MODEMS = ("modem1", "modem2")
LINES = ("sim_switch_gpio", "reset_gpio", "power_gpio")
SAFE_GRACE_S = 300  # the grace period that banks are set up with; the deployment list asks for it
GRACE_MARGIN_S = 60  # design: an interval stretches to (grace - 60 s) / 3 at most
GRACE_BEATS = 3
MWAN3_MASK = 0x3F00  # mwan3's default mmx_mask
LINK_MARKS = 2  # marks behind routing.mark, one for each link


class _Watched(dict[str, Value]):
    """Values that remember which of them were asked for."""

    def __init__(self, values: Mapping[str, Value]) -> None:
        super().__init__(values)
        self.asked: set[str] = set()

    def __getitem__(self, path: str) -> Value:
        self.asked.add(path)
        return super().__getitem__(path)


def run(config: Config, refused: frozenset[str] = frozenset()) -> Iterator[Finding]:
    """Everything found. A check that asked for a `refused` path saw a default: it is not heard."""
    for check in CHECKS:
        values = _Watched(config.values)
        found = tuple(check(Config(values, config.given)))
        if not values.asked & refused:
            yield from found


def modems_in_use(config: Config) -> tuple[str, ...]:
    return MODEMS if config.flag("modems.dual_modem") else MODEMS[:1]


def _service(config: Config) -> Iterator[Finding]:
    connected = (
        config.flag("ionmesh.enabled") or config.text("server.host") or config.text("bankd.host")
    )
    if config.flag("service.enabled") and not connected:
        yield Notice(
            "service.enabled",
            "no SIM bank is known: set ionmesh.enabled and ionmesh.host, or server.host",
        )


def _two_modems(config: Config) -> Iterator[Finding]:
    if not config.flag("modems.dual_modem"):
        return
    for name in ("device", "interface", "bus_path", "imei"):
        first, second = config.text(f"modem1.{name}"), config.text(f"modem2.{name}")
        if first and first == second:
            yield Problem(f"modem2.{name}", second, f"different from modem1.{name}")
    both = all(config.flag(f"{modem}.default_route") for modem in MODEMS)
    metric = config.integer("modem2.metric")
    if both and metric == config.integer("modem1.metric"):
        yield Problem("modem2.metric", str(metric), "different from modem1.metric")


def _lines(config: Config) -> Iterator[Finding]:
    users: dict[str, str] = {}
    for modem in modems_in_use(config):
        for name in LINES:
            path = f"{modem}.{name}"
            line = config.text(path)
            if line and line in users:
                yield Problem(path, line, f"a line of its own: {users[line]} uses this one")
            users.setdefault(line, path)


def _slots(config: Config) -> Iterator[Finding]:
    for modem in modems_in_use(config):
        local = config.integer(f"{modem}.sim_slot_local")
        if local and local == config.integer(f"{modem}.sim_slot_remote"):
            path = f"{modem}.sim_slot_remote"
            yield Problem(path, str(local), f"different from {modem}.sim_slot_local")


def _iot_default_route(config: Config) -> Iterator[Finding]:
    """A default route that nobody asked for by name: says whose it is and how to switch it off."""
    if not config.flag("modems.dual_modem") or not config.flag("routing.share_iot"):
        return
    if config.flag("modem2.default_route") and not config.is_set("modem2.default_route"):
        interface, metric = config.text("modem2.interface"), config.integer("modem2.metric")
        yield Notice(
            "modem2.default_route",
            f"modem 2, interface {interface}, gets a default route with metric {metric} because "
            "routing.share_iot is 1; to have none set modem2.default_route to 0, to have no "
            "warning set it to 1",
        )


def _iot_interface(config: Config) -> Iterator[Finding]:
    if config.is_set("modem2.interface") and config.is_set("routing.iot_interface"):
        interface, iot = config.text("modem2.interface"), config.text("routing.iot_interface")
        if interface != iot:
            yield Notice(
                "routing.iot_interface",
                f"{iot} and modem2.interface {interface} must be the same link",
            )


def _ionmesh(config: Config) -> Iterator[Finding]:
    if not config.flag("ionmesh.enabled"):
        return
    if not config.text("ionmesh.host"):
        yield Problem("ionmesh.host", "", "a host is needed while ionmesh.enabled is 1")
    if config.text("ionmesh.api_key") and not config.flag("security.use_tls"):
        yield Notice("ionmesh.api_key", "sent in plain text while security.use_tls is 0")


def _client(config: Config) -> Iterator[Finding]:
    backend, front_end = config.text("client.backend"), config.text("client.front_end")
    if backend == "openwrt":
        yield from _openwrt_lines(config)
    if backend != "native" and front_end != "none":
        yield Notice("client.front_end", f"has no effect while client.backend is {backend}")
    elif front_end == "shell" and config.flag("service.enabled"):
        yield Notice(
            "client.front_end",
            "a service has no input, so the client ends at once: shell is for running it by hand",
        )


def _openwrt_lines(config: Config) -> Iterator[Finding]:
    """osmo-remsim-client-openwrt drives the lines itself, and knows plain numbers only.

    With one modem it takes no number at all: it always drives its own defaults, which are ours.
    """
    for modem in modems_in_use(config):
        for name in ("sim_switch_gpio", "reset_gpio"):
            path = f"{modem}.{name}"
            line, only = config.text(path), OPTIONS[path].default
            if not line.isdigit():
                expected = "a plain GPIO number, which client.backend openwrt needs"
                yield Problem(path, line or "none", expected)
            elif line != only and not config.flag("modems.dual_modem"):
                expected = f"{only}, the line that client.backend openwrt drives with one modem"
                yield Problem(path, line, expected)


def _heartbeat(config: Config) -> Iterator[Finding]:
    interval, timeout = config.integer("heartbeat.interval"), config.integer("heartbeat.timeout")
    shortest = config.integer("heartbeat.min_interval")
    longest = config.integer("heartbeat.max_interval")
    if timeout >= interval:
        yield Notice(
            "heartbeat.timeout",
            f"{timeout} s is not less than heartbeat.interval ({interval}): a heartbeat without an "
            "answer delays the next one",
        )
    if shortest > longest:
        expected = f"at least heartbeat.min_interval ({shortest})"
        yield Problem("heartbeat.max_interval", str(longest), expected)
    elif not shortest <= interval <= longest:
        expected = f"between heartbeat.min_interval ({shortest}) and max_interval ({longest})"
        yield Problem("heartbeat.interval", str(interval), expected)


def _grace(config: Config) -> Iterator[Finding]:
    """Only a grace period that the user states can be wrong; the default is an assumption."""
    interval, grace = config.integer("heartbeat.interval"), config.integer("heartbeat.grace")
    enough = interval + config.integer("heartbeat.timeout")
    if grace <= enough and config.is_set("heartbeat.grace"):
        expected = f"more than heartbeat.interval and timeout together ({enough})"
        yield Problem("heartbeat.grace", str(grace), expected)
    elif interval > (grace - GRACE_MARGIN_S) / GRACE_BEATS:
        yield Notice(
            "heartbeat.interval",
            f"{interval} s is long for a grace period of {grace} s: one or two lost heartbeats end "
            "the assignment",
        )
    if grace < SAFE_GRACE_S:
        yield Notice(
            "heartbeat.grace", f"{grace} s is short: at least {SAFE_GRACE_S} s is recommended"
        )


def _routing(config: Config) -> Iterator[Finding]:
    """Each link has a mark of its own behind the one of the control traffic."""
    mark, mask = config.integer("routing.mark"), config.integer("routing.mark_mask")
    last = mark + LINK_MARKS * (mask & -mask)
    if mask & MWAN3_MASK:
        yield Problem("routing.mark_mask", hex(mask), f"apart from mwan3's mask {MWAN3_MASK:#x}")
    elif mark == 0 or (mark | last) & ~mask:
        expected = f"within routing.mark_mask {mask:#x}, not 0 and with two more marks behind it"
        yield Problem("routing.mark", hex(mark), expected)


def _tls(config: Config) -> Iterator[Finding]:
    if not config.flag("security.use_tls"):
        return
    certificate, key = config.text("security.client_cert"), config.text("security.client_key")
    if certificate and not key:
        yield Problem("security.client_key", "", "a key is needed with security.client_cert")
    if key and not certificate:
        yield Problem(
            "security.client_cert", "", "a certificate is needed with security.client_key"
        )
    if not config.flag("security.verify"):
        yield Notice("security.verify", "the server's certificate is not checked")


CHECKS: Iterable[Callable[[Config], Iterator[Finding]]] = (
    _service,
    _two_modems,
    _lines,
    _slots,
    _iot_default_route,
    _iot_interface,
    _ionmesh,
    _client,
    _heartbeat,
    _grace,
    _routing,
    _tls,
)
