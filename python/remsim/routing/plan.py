# SPDX-License-Identifier: GPL-2.0-or-later
"""From settings, links and the chosen control path to the plan of rules, routes and protection.

Pure; decides nothing but where packets go. Design section 6:
  priority     the control mark selects table 10: one default, unreachable behind it
  priority+1   the mark of the primary link selects table 11: that link's default, unreachable
  priority+2   the mark of the IoT link selects table 12, likewise
  priority+3   the servers' addresses select table 10, for a client that cannot set marks
  priority+4   allowed hosts select table 12, while the IoT link is usable
  priority+5   what has a link's own address as its source: main, but not its default,
  priority+6   then that link's table. Answers leave where they were asked, and the kernel's
               reverse path filter, which knows no mark, lets the answers to our packets in
The marks come before the addresses, so that a beat over one link reaches a server that table 10
leads over the other. Only what the router itself sends is selected by address.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from ipaddress import IPv4Network, IPv6Network, ip_interface, ip_network

from remsim.errors import ConfigError, NotPossibleError
from remsim.model import LinkObservation, Role
from remsim.routing.protect import protection
from remsim.routing.table import (
    DEFAULT,
    MAIN_TABLE,
    Family,
    MainDefault,
    NftChain,
    Plan,
    Route,
    Rule,
)

MWAN3_MASK = 0x3F00  # mwan3's default mmx_mask; a mark within it would steer other people's traffic
LINK_METRIC = 1  # of the one default in each table; IPv6 turns 0 into 1024
UNREACHABLE_METRIC = 65535  # behind every default that the tables can hold

NetworkAddress = IPv4Network | IPv6Network


class RoutingMode(Enum):
    """The value is the word of `routing.mode`."""

    POLICY = "policy"
    STATIC = "static"
    MWAN3 = "mwan3"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class LinkRouting:
    """`interface` as configured (logical name or device); `default_route`, `metric` in main."""

    interface: str
    default_route: bool
    metric: int


@dataclass(frozen=True, slots=True)
class RoutingSettings:
    """`allow` holds addresses, prefixes and names; `resolved` the addresses of those names.

    `servers` are the addresses that take the control path without our mark: the external client's,
    and in static mode all of them. No `iot` = one modem only, nothing to be protected.
    """

    mode: RoutingMode = RoutingMode.POLICY
    share_iot: bool = False
    allow: tuple[str, ...] = ()
    resolved: tuple[tuple[str, tuple[str, ...]], ...] = ()
    servers: tuple[str, ...] = ()
    table: int = 10
    priority: int = 100
    mark: int = 0x52000000
    mark_mask: int = 0xFF000000
    primary: LinkRouting = LinkRouting("wwan0", True, 100)
    iot: LinkRouting | None = LinkRouting("wwan1", True, 200)

    def link(self, role: Role) -> LinkRouting | None:
        return self.primary if role is Role.PRIMARY else self.iot

    def table_of(self, role: Role | None) -> int:
        """None is the control path's."""
        return self.table + _number(role)

    @property
    def marks(self) -> Marks:
        return Marks(self)


@dataclass(frozen=True, slots=True)
class Marks:
    """Values for SO_MARK. Raises ConfigError when marks and mask do not go together."""

    settings: RoutingSettings

    @property
    def control(self) -> int:
        return self._mark(None)

    def of(self, role: Role) -> int:
        """The mark that keeps a socket on this link, whatever the control path is."""
        return self._mark(role)

    def _mark(self, role: Role | None) -> int:
        mark, mask = self.settings.mark, self.settings.mark_mask
        step = mask & -mask  # the mask's lowest bit
        value = mark + step * _number(role)
        if mask & MWAN3_MASK:
            raise ConfigError("routing.mark_mask", hex(mask), "a mask apart from mwan3's 0x3f00")
        if not mark or value & ~mask or mark & ~mask:
            raise ConfigError(
                "routing.mark", hex(mark), "a mark with two more behind it in the mask"
            )
        return value


def make_plan(
    settings: RoutingSettings, links: Sequence[LinkObservation], control: Role | None
) -> Plan:
    """The plan for this control path. Raises NotPossibleError for a mode that is not built in."""
    if settings.mode is RoutingMode.MWAN3:
        raise NotPossibleError("routing.mode mwan3 is not available in this version, use policy")
    if settings.mode is RoutingMode.NONE:
        return Plan()
    _check_devices(links)
    is_policy = settings.mode is RoutingMode.POLICY
    routes = (
        _tables(settings, links, control) if is_policy else _host_routes(settings, links, control)
    )
    return Plan(
        rules=tuple(sorted(_rules(settings, links))) if is_policy else (),
        routes=tuple(sorted(routes)),
        defaults=tuple(sorted(_defaults(settings, links, settings.share_iot))),
        protection=_protection(settings, links),
    )


def release_plan(settings: RoutingSettings, links: Sequence[LinkObservation]) -> Plan:
    """Nothing of ours; the default routes as configured, the IoT link's included."""
    if settings.mode is RoutingMode.NONE:
        return Plan()
    handed_back = [each for each in _defaults(settings, links, True) if each.is_wanted]
    return Plan(defaults=tuple(sorted(handed_back)))


def _check_devices(links: Sequence[LinkObservation]) -> None:
    """Both on one device: protecting the IoT link would cut the users off."""
    devices = [link.device for link in links if link.device is not None]
    for device in devices:
        if devices.count(device) > 1:
            raise ConfigError("modem2.interface", device, "an interface apart from modem 1's")


def _number(role: Role | None) -> int:
    return 0 if role is None else 1 + list(Role).index(role)


def _find(links: Iterable[LinkObservation], role: Role | None) -> LinkObservation | None:
    return next((link for link in links if link.role is role and link.is_usable), None)


def _families(link: LinkObservation) -> tuple[Family, ...]:
    versions = {ip_interface(address).version for address in link.addresses}
    return tuple(family for family in Family if family.value in versions)


def _gateway(link: LinkObservation, family: Family) -> str:
    """Empty on a raw-IP link: everything there is on the link itself."""
    return next((each for each in link.gateways if (":" in each) == (family is Family.IPV6)), "")


# --- policy mode -----------------------------------------------------------------------------


def _tables(
    settings: RoutingSettings, links: Sequence[LinkObservation], control: Role | None
) -> Iterator[Route]:
    for table, role in ((None, control), *((role, role) for role in Role)):
        number = settings.table_of(table)
        for family in Family:
            yield Route(family, number, DEFAULT, UNREACHABLE_METRIC)
        link = _find(links, role)
        if link is not None:
            for family in _families(link):
                yield _over(link, family, number, DEFAULT, LINK_METRIC)


def _over(link: LinkObservation, family: Family, table: int, to: str, metric: int) -> Route:
    return Route(family, table, to, metric, link.device or "", _gateway(link, family))


def _rules(settings: RoutingSettings, links: Sequence[LinkObservation]) -> Iterator[Rule]:
    marks = settings.marks
    for role in (None, *Role):
        mark = marks.control if role is None else marks.of(role)
        for family in Family:
            yield Rule(family, settings.priority + _number(role), settings.table_of(role), mark,
                       settings.mark_mask)  # fmt: skip
    for network in _networks("server address", settings.servers):
        yield Rule(_family(network), settings.priority + 3, settings.table, to=str(network),
                   is_local=True)  # fmt: skip
    if _find(links, Role.IOT) is not None and not settings.share_iot:
        for network in _allowed(settings):
            yield Rule(_family(network), settings.priority + 4, settings.table_of(Role.IOT),
                       to=str(network), is_local=True)  # fmt: skip
    yield from _source_rules(settings, links)


def _source_rules(settings: RoutingSettings, links: Sequence[LinkObservation]) -> Iterator[Rule]:
    for role in Role:
        link = _find(links, role)
        for address in link.addresses if link is not None else ():
            host = ip_network(ip_interface(address).ip)
            main = Rule(_family(host), settings.priority + 5, MAIN_TABLE, is_local=True,
                        source=str(host), skips_default=True)  # fmt: skip
            yield main
            yield replace(main, priority=settings.priority + 6, table=settings.table_of(role),
                          skips_default=False)  # fmt: skip


# --- static mode -----------------------------------------------------------------------------


def _host_routes(
    settings: RoutingSettings, links: Sequence[LinkObservation], control: Role | None
) -> Iterator[Route]:
    """Servers over the control link, and behind it over the other one for sockets bound to it."""
    for role in Role:
        link = _find(links, role)
        if link is None:
            continue
        metric = LINK_METRIC if role is control else LINK_METRIC + _number(role)  # one each
        for network in _networks("server address", (*settings.servers, *link.dns_servers)):
            if _family(network) in _families(link):
                yield _over(link, _family(network), MAIN_TABLE, _text(network), metric)


# --- both ------------------------------------------------------------------------------------


def _defaults(
    settings: RoutingSettings, links: Sequence[LinkObservation], shares_iot: bool
) -> Iterator[MainDefault]:
    for link in links:
        wanted = settings.link(link.role)
        if link.device is None or wanted is None:
            continue
        is_wanted = wanted.default_route and (link.role is Role.PRIMARY or shares_iot)
        for family in Family:
            if not is_wanted:
                yield MainDefault(family, link.device, False)
            elif link.is_usable and family in _families(link):
                yield MainDefault(family, link.device, True, wanted.metric, _gateway(link, family))


def _protection(
    settings: RoutingSettings, links: Sequence[LinkObservation]
) -> tuple[NftChain, ...]:
    if settings.share_iot or settings.iot is None:
        return ()
    link = next((each for each in links if each.role is Role.IOT), None)
    names = {settings.iot.interface, (link.device if link else None) or settings.iot.interface}
    return protection(
        devices=sorted(names),
        marks=sorted((settings.marks.control, settings.marks.of(Role.IOT))),
        mask=settings.mark_mask,
        name_servers=_networks("name server", link.dns_servers if link else ()),
        hosts=_collapse((*_allowed(settings), *_networks("server address", settings.servers))),
    )


def _allowed(settings: RoutingSettings) -> tuple[NetworkAddress, ...]:
    """Addresses and prefixes of `allow`; a name counts as soon as it is resolved."""
    known = dict(settings.resolved)
    found: list[NetworkAddress] = []
    for each in settings.allow:
        literal = is_literal(each)
        found += _networks("routing.allow", (each,) if literal else known.get(each, ()))
    return _collapse(found)


def is_literal(host: str) -> bool:
    """An address or prefix, not a name."""
    return ":" in host or host.replace(".", "").replace("/", "").isdigit()


def _networks(path: str, values: Iterable[str]) -> tuple[NetworkAddress, ...]:
    found = []
    for value in values:
        try:
            found.append(ip_network(value.partition("%")[0], strict=False))
        except ValueError as error:
            raise ConfigError(path, value, "an address or prefix") from error
    return _collapse(found)


def _collapse(networks: Iterable[NetworkAddress]) -> tuple[NetworkAddress, ...]:
    """No duplicates, nothing within another (nft refuses overlaps), in a fixed order."""
    fourth = {each for each in networks if isinstance(each, IPv4Network)}
    sixth = {each for each in networks if isinstance(each, IPv6Network)}
    kept4 = [each for each in fourth if not any(each != o and each.subnet_of(o) for o in fourth)]
    kept6 = [each for each in sixth if not any(each != o and each.subnet_of(o) for o in sixth)]
    return (*sorted(kept4), *sorted(kept6))


def _family(network: NetworkAddress) -> Family:
    return Family(network.version)


def _text(network: NetworkAddress) -> str:
    """As `ip` writes it: a host without its prefix length."""
    full = network.prefixlen == network.max_prefixlen
    return str(network.network_address) if full else str(network)
