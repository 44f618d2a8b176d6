# SPDX-License-Identifier: GPL-2.0-or-later
"""What has to change for the kernel to hold a plan, and the text that changes it. Pure.

Nothing is changed where it fits, so adopting what a former process left is no change at all. The
order leaves no gap: protection first, then routes (exchanged in place), then rules, then removals.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum

from remsim.routing.protect import as_seen, script
from remsim.routing.table import (
    DEFAULT,
    MAIN_TABLE,
    PROTOCOL,
    PROTOCOL_STATIC,
    Family,
    KernelState,
    MainDefault,
    NftChain,
    Plan,
    Route,
    Rule,
)


class Verb(Enum):
    """The value is the word of `ip`. PUT exchanges a route of the same key, JOIN stands beside."""

    ADD = "add"
    PUT = "replace"
    JOIN = "append"
    REMOVE = "del"


@dataclass(frozen=True, slots=True)
class Change:
    """One line for `ip -batch`."""

    verb: Verb
    what: Rule | Route

    @property
    def text(self) -> str:
        if isinstance(self.what, Rule):
            return f"rule {self.verb.value} {_rule_words(self.what)}"
        # the gateway may lie outside the link's own prefix
        onlink = " onlink" if self.what.gateway and self.verb is not Verb.REMOVE else ""
        return f"route {self.verb.value} {_route_words(self.what)}{onlink}"


@dataclass(frozen=True, slots=True)
class Changes:
    """`protection` None = leave as it is, () = take away, else what to put."""

    ip: tuple[Change, ...] = ()
    protection: tuple[NftChain, ...] | None = None

    @property
    def count(self) -> int:
        """Kernel objects added, changed or removed; the nft table counts as one."""
        return len(self.ip) + (self.protection is not None)

    def joined(self, later: Changes) -> Changes:
        """These and what had to be done after them."""
        protection = self.protection if later.protection is None else later.protection
        return Changes(self.ip + later.ip, protection)

    @property
    def missing(self) -> int:
        """How much of it is not there (or not as it should be), removals left out."""
        wanted = sum(each.verb is not Verb.REMOVE for each in self.ip)
        return wanted + bool(self.protection)

    def batch(self, family: Family) -> str:
        """For `ip -<family> -batch -`; empty when there is nothing to do."""
        return "".join(f"{each.text}\n" for each in self.ip if each.what.family is family)

    @property
    def nft(self) -> str:
        """For `nft -f -`; empty when there is nothing to do."""
        return "" if self.protection is None else script(self.protection)

    @property
    def lines(self) -> tuple[str, ...]:
        """For a person: what would be run."""
        ip = tuple(f"ip -{each.what.family.value} {each.text}" for each in self.ip)
        return (*self.nft.splitlines(), *ip)


def diff(state: KernelState, plan: Plan) -> Changes:
    """The changes from `state` to `plan`; none when everything fits that can be had now.

    A link that just went down takes its routes with it; they are wanted again when it is up.
    """
    plan = _feasible(plan, state.up_devices)
    have_rules, want_rules = set(state.rules), set(plan.rules)
    routes = tuple(_routes(state, plan))
    defaults = tuple(_defaults(state, plan))
    spare = tuple(_spare_rules(state))
    changes = (
        *(each for each in (*routes, *defaults) if each.verb is not Verb.REMOVE),
        *(Change(Verb.ADD, each) for each in sorted(want_rules - have_rules)),
        *(Change(Verb.REMOVE, each) for each in sorted(have_rules - want_rules)),
        *spare,
        *(each for each in (*routes, *defaults) if each.verb is Verb.REMOVE),
    )
    return Changes(changes, _protection(state, plan))


def as_changes(plan: Plan) -> Changes:
    """The whole plan, as from an empty kernel: what `remsim routing print` shows."""
    devices = {each.device for each in plan.routes} | {each.device for each in plan.defaults}
    return diff(KernelState(up_devices=frozenset(devices)), plan)


def _feasible(plan: Plan, up_devices: frozenset[str]) -> Plan:
    return replace(
        plan,
        routes=tuple(r for r in plan.routes if not r.device or r.device in up_devices),
        defaults=tuple(d for d in plan.defaults if not d.is_wanted or d.device in up_devices),
    )


def _spare_rules(state: KernelState) -> Iterator[Change]:
    """Twins: the kernel of some routers accepts the same rule twice."""
    seen: set[Rule] = set()
    for each in state.rules:
        if each in seen:
            yield Change(Verb.REMOVE, each)
        seen.add(each)


def _routes(state: KernelState, plan: Plan) -> Iterator[Change]:
    have: dict[object, list[Route]] = defaultdict(list)
    for route in state.routes:
        have[route.key].append(route)
    for route in plan.routes:
        there = have.pop(route.key, [])
        if route not in there:
            yield Change(Verb.PUT, route)
            there = there[1:]  # the first one is exchanged in place
        yield from (Change(Verb.REMOVE, each) for each in there if each != route)
    for left in have.values():
        yield from (Change(Verb.REMOVE, each) for each in left)


def _defaults(state: KernelState, plan: Plan) -> Iterator[Change]:
    """Somebody's default routes in main. One that leads over the link with that metric fits."""
    for wanted in plan.defaults:
        there = [
            each
            for each in state.defaults
            if each.family is wanted.family and each.device == wanted.device
        ]
        fitting = [each for each in there if wanted.is_wanted and each.metric == wanted.metric]
        if wanted.is_wanted and not fitting:
            yield Change(Verb.JOIN, _default_route(wanted))
        yield from (Change(Verb.REMOVE, each) for each in there if each not in fitting)


def _default_route(wanted: MainDefault) -> Route:
    return Route(
        wanted.family,
        MAIN_TABLE,
        DEFAULT,
        wanted.metric,
        wanted.device,
        wanted.gateway,
        protocol=PROTOCOL_STATIC,
    )


def _protection(state: KernelState, plan: Plan) -> tuple[NftChain, ...] | None:
    wanted = as_seen(plan.protection) if plan.protection else None
    return None if wanted == state.protection else plan.protection


def _rule_words(rule: Rule) -> str:
    words = [f"priority {rule.priority}"]
    if rule.mask:
        words.append(f"fwmark {rule.mark:#x}/{rule.mask:#x}")
    if rule.source:
        words.append(f"from {rule.source}")
    if rule.to:
        words.append(f"to {rule.to}")
    if rule.is_local:
        words.append("iif lo")
    words.append(f"lookup {rule.table}")
    if rule.skips_default:
        words.append("suppress_prefixlength 0")
    return " ".join([*words, f"protocol {PROTOCOL}"])


def _route_words(route: Route) -> str:
    words = [route.to if route.device else f"unreachable {route.to}"]
    if route.source:
        words.append(f"from {route.source}")
    if route.gateway:
        words.append(f"via {route.gateway}")
    if route.device:
        words.append(f"dev {route.device}")
    return " ".join([*words, f"table {route.table} metric {route.metric} proto {route.protocol}"])
