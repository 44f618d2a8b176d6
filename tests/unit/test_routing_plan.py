# SPDX-License-Identifier: GPL-2.0-or-later
"""The routing plan: what it holds, and that going to it twice is going once."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remsim.errors import ConfigError, NotPossibleError
from remsim.model import LinkObservation, Role
from remsim.routing.diff import Changes, Verb, as_changes, diff
from remsim.routing.plan import (
    LinkRouting,
    RoutingMode,
    RoutingSettings,
    make_plan,
    release_plan,
)
from remsim.routing.protect import as_seen
from remsim.routing.table import (
    DEFAULT,
    MAIN_TABLE,
    PROTOCOL_STATIC,
    Family,
    KernelState,
    Plan,
    Route,
    Rule,
)

SETTINGS = RoutingSettings()
PRIMARY = LinkObservation(
    Role.PRIMARY,
    0.0,
    "wwan0",
    "wwan0",
    True,
    ("10.64.1.2/30", "2001:db8:64::2/64"),
    (),
    ("10.64.0.53",),
)
IOT = LinkObservation(Role.IOT, 0.0, "wwan1", "wwan1", True, ("10.65.1.2/30",), (), ("10.65.0.53",))
LINKS = (PRIMARY, IOT)
UP = frozenset({"wwan0", "wwan1"})
EXAMPLES = 2000 if os.environ.get("REMSIM_SOAK") else 60


def after(state: KernelState, changes: Changes) -> KernelState:
    """What the kernel holds when it has done what it was told."""
    rules, routes, defaults = list(state.rules), list(state.routes), list(state.defaults)
    for change in changes.ip:
        if isinstance(change.what, Rule):
            (rules.append if change.verb is Verb.ADD else rules.remove)(change.what)
        elif change.verb is Verb.JOIN:
            defaults.append(change.what)
        elif change.verb is Verb.PUT:
            replaced = next((each for each in routes if each.key == change.what.key), None)
            if replaced is not None:
                routes.remove(replaced)
            routes.append(change.what)
        else:
            (routes if change.what in routes else defaults).remove(change.what)
    protection = state.protection
    if changes.protection is not None:
        protection = as_seen(changes.protection) or None
    return KernelState(tuple(rules), tuple(routes), tuple(defaults), protection, state.up_devices)


def routes_in(plan: Plan, table: int, family: Family = Family.IPV4) -> list[Route]:
    found = [each for each in plan.routes if each.table == table and each.family is family]
    return sorted(found, key=lambda route: route.metric)


def test_control_table_holds_one_default_and_an_unreachable_route_behind_it() -> None:
    first, behind = routes_in(make_plan(SETTINGS, LINKS, Role.IOT), 10)
    assert (first.to, first.device) == (DEFAULT, "wwan1")
    assert (behind.to, behind.device) == (DEFAULT, "")
    assert first.metric < behind.metric


def test_without_a_control_path_only_the_unreachable_route_is_left() -> None:
    assert [each.device for each in routes_in(make_plan(SETTINGS, LINKS, None), 10)] == [""]


def test_a_link_that_is_down_has_no_default_but_is_unreachable() -> None:
    plan = make_plan(SETTINGS, (PRIMARY, replace(IOT, is_up=False)), Role.IOT)
    assert [each.device for each in routes_in(plan, 10)] == [""]
    assert [each.device for each in routes_in(plan, 12)] == [""]
    assert [each.device for each in routes_in(plan, 11)] == ["wwan0", ""]


def test_each_link_has_its_own_table_selected_by_its_own_mark() -> None:
    plan = make_plan(SETTINGS, LINKS, Role.IOT)
    by_mark = {rule.mark: rule for rule in plan.rules if rule.family is Family.IPV4}
    marks = SETTINGS.marks
    assert by_mark[marks.control].table == 10
    assert by_mark[marks.of(Role.PRIMARY)].table == 11
    assert by_mark[marks.of(Role.IOT)].table == 12
    assert by_mark[marks.control].priority == 100


def test_a_raw_ip_link_gets_a_default_without_gateway_and_others_with() -> None:
    iot = replace(IOT, gateways=("10.65.1.1",))
    plan = make_plan(SETTINGS, (PRIMARY, iot), Role.IOT)
    assert routes_in(plan, 11)[0].gateway == ""
    assert routes_in(plan, 12)[0].gateway == "10.65.1.1"
    assert "via 10.65.1.1 dev wwan1" in as_changes(plan).batch(Family.IPV4)


def test_ipv6_goes_only_over_links_that_have_an_ipv6_address() -> None:
    plan = make_plan(SETTINGS, LINKS, Role.IOT)
    assert [each.device for each in routes_in(plan, 11, Family.IPV6)] == ["wwan0", ""]
    assert [each.device for each in routes_in(plan, 12, Family.IPV6)] == [""]


def test_no_default_through_the_iot_link_is_left_in_main() -> None:
    plan = make_plan(SETTINGS, LINKS, Role.IOT)
    state = KernelState(
        defaults=(
            Route(Family.IPV4, MAIN_TABLE, DEFAULT, 200, "wwan1", protocol=PROTOCOL_STATIC),
            Route(Family.IPV4, MAIN_TABLE, DEFAULT, 100, "wwan0", protocol=PROTOCOL_STATIC),
            Route(Family.IPV4, MAIN_TABLE, DEFAULT, 50, "eth1", protocol=PROTOCOL_STATIC),
        ),
        up_devices=UP,
    )
    left = after(state, diff(state, plan)).defaults
    assert [each.device for each in left if each.family is Family.IPV4] == ["wwan0", "eth1"]


def test_a_shared_iot_link_is_not_protected_and_has_its_default() -> None:
    plan = make_plan(replace(SETTINGS, share_iot=True), LINKS, Role.IOT)
    assert plan.protection == ()
    assert any(each.device == "wwan1" and each.is_wanted for each in plan.defaults)


def test_a_default_route_switched_off_is_taken_from_main() -> None:
    settings = replace(SETTINGS, primary=LinkRouting("wwan0", False, 100))
    plan = make_plan(settings, LINKS, Role.IOT)
    assert not any(each.is_wanted for each in plan.defaults)


def test_an_own_metric_replaces_the_one_that_netifd_gave() -> None:
    settings = replace(SETTINGS, primary=LinkRouting("wwan0", True, 20))
    there = Route(Family.IPV4, MAIN_TABLE, DEFAULT, 100, "wwan0", protocol=PROTOCOL_STATIC)
    state = KernelState(defaults=(there,), up_devices=UP)
    lines = diff(state, make_plan(settings, LINKS, Role.IOT)).lines
    assert "ip -4 route append default dev wwan0 table 254 metric 20 proto 4" in lines
    assert "ip -4 route del default dev wwan0 table 254 metric 100 proto 4" in lines


def test_release_leaves_nothing_of_ours_and_hands_back_both_defaults() -> None:
    state = after(KernelState(up_devices=UP), as_changes(make_plan(SETTINGS, LINKS, Role.IOT)))
    released = after(state, diff(state, release_plan(SETTINGS, LINKS)))
    assert (released.rules, released.routes, released.protection) == ((), (), None)
    fourth = {(r.device, r.metric) for r in released.defaults if r.family is Family.IPV4}
    assert fourth == {("wwan0", 100), ("wwan1", 200)}


def test_the_switch_of_the_control_path_exchanges_one_route_and_touches_nothing_else() -> None:
    state = after(KernelState(up_devices=UP), as_changes(make_plan(SETTINGS, LINKS, Role.IOT)))
    changes = diff(state, make_plan(SETTINGS, LINKS, Role.PRIMARY))
    assert changes.protection is None
    assert [each.text for each in changes.ip] == [
        "route replace default dev wwan0 table 10 metric 1 proto 82",
        "route replace default dev wwan0 table 10 metric 1 proto 82",
    ]


def test_a_host_inside_an_allowed_network_is_named_once() -> None:
    settings = replace(SETTINGS, allow=("10.1.2.3", "10.0.0.0/8", "10.0.0.0/8"))
    assert as_changes(make_plan(settings, LINKS, Role.IOT)).nft.count("{ 10.0.0.0/8 }") == 1


def test_an_allowed_name_counts_as_soon_as_it_is_resolved() -> None:
    named = replace(SETTINGS, allow=("support.example.com",))
    assert "192.0.2.30" not in as_changes(make_plan(named, LINKS, Role.IOT)).nft
    known = replace(named, resolved=(("support.example.com", ("192.0.2.30",)),))
    changes = as_changes(make_plan(known, LINKS, Role.IOT))
    assert "192.0.2.30" in changes.nft
    assert "to 192.0.2.30/32 iif lo lookup 12" in changes.batch(Family.IPV4)


def test_addresses_of_servers_come_after_the_marks_of_links() -> None:
    plan = make_plan(replace(SETTINGS, servers=("192.0.2.20",)), LINKS, Role.IOT)
    (by_address,) = [rule for rule in plan.rules if rule.to]
    assert by_address.table == 10
    assert by_address.priority > max(rule.priority for rule in plan.rules if rule.mark)


def test_mode_none_plans_nothing() -> None:
    settings = replace(SETTINGS, mode=RoutingMode.NONE)
    assert make_plan(settings, LINKS, Role.IOT) == Plan()
    assert release_plan(settings, LINKS) == Plan()


def test_mode_static_leads_servers_over_the_control_link_and_behind_it_over_the_other() -> None:
    settings = replace(SETTINGS, mode=RoutingMode.STATIC, servers=("192.0.2.20",))
    plan = make_plan(settings, LINKS, Role.IOT)
    assert plan.rules == ()
    hosts = sorted((r.metric, r.device) for r in plan.routes if r.to == "192.0.2.20")
    assert hosts == [(1, "wwan1"), (2, "wwan0")]
    assert plan.protection


def test_mode_mwan3_says_that_it_is_not_there_yet() -> None:
    with pytest.raises(NotPossibleError, match=r"routing\.mode"):
        make_plan(replace(SETTINGS, mode=RoutingMode.MWAN3), LINKS, Role.IOT)


def test_marks_stay_clear_of_mwan3() -> None:
    marks = SETTINGS.marks
    values = {marks.control, marks.of(Role.PRIMARY), marks.of(Role.IOT)}
    assert len(values) == 3
    assert all(not value & 0x3F00 for value in values)
    with pytest.raises(ConfigError, match="mwan3"):
        _ = replace(SETTINGS, mark=0x100, mark_mask=0xF00).marks.control


@pytest.mark.parametrize("mark, mask", [(0, 0xFF0000), (0xFF0000, 0xFF0000), (0x12, 0xFF0000)])
def test_a_mark_that_does_not_fit_its_mask_is_refused(mark: int, mask: int) -> None:
    with pytest.raises(ConfigError, match=r"routing\.mark"):
        make_plan(replace(SETTINGS, mark=mark, mark_mask=mask), LINKS, Role.IOT)


def test_a_wrong_allowed_address_is_named() -> None:
    with pytest.raises(ConfigError, match=r"routing\.allow.*300\.1\.1\.1"):
        make_plan(replace(SETTINGS, allow=("300.1.1.1",)), LINKS, Role.IOT)


def test_a_logical_name_that_cannot_be_a_device_stays_out_of_nft() -> None:
    settings = replace(SETTINGS, iot=LinkRouting('x" accept; "', True, 200))
    assert 'oifname { "wwan1" }' in as_changes(make_plan(settings, LINKS, Role.IOT)).nft


def test_the_protection_names_the_device_even_while_the_link_is_down() -> None:
    settings = replace(SETTINGS, iot=LinkRouting("modem2", True, 200))
    plan = make_plan(settings, (replace(IOT, is_up=False, addresses=()),), None)
    assert 'oifname { "modem2", "wwan1" } drop' in as_changes(plan).nft


def test_a_route_over_a_device_that_is_gone_is_no_change() -> None:
    plan = make_plan(SETTINGS, LINKS, Role.IOT)
    state = after(KernelState(up_devices=UP), as_changes(plan))
    without = replace(
        state,
        routes=tuple(each for each in state.routes if each.device != "wwan1"),
        up_devices=frozenset({"wwan0"}),
    )
    assert diff(without, plan).count == 0


def test_two_links_on_one_device_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"modem2\.interface"):
        make_plan(SETTINGS, (PRIMARY, replace(IOT, device="wwan0")), Role.IOT)


def test_with_one_modem_nothing_is_protected() -> None:
    plan = make_plan(replace(SETTINGS, iot=None), (PRIMARY,), Role.PRIMARY)
    assert plan.protection == ()
    assert [each.device for each in routes_in(plan, 10)] == ["wwan0", ""]


# --- idempotence -----------------------------------------------------------------------------


def pair_up(pair: tuple[LinkObservation, LinkObservation]) -> tuple[LinkObservation, ...]:
    """Two links, two roles, two devices."""
    one, other = pair
    device = None if other.device is None else f"{other.device}b"
    return (one, replace(other, role=one.role.other, device=device))


links = st.builds(
    LinkObservation,
    st.sampled_from(Role),
    st.just(0.0),
    st.just("wwan"),
    st.sampled_from((None, "wwan0", "usb0")),
    st.booleans(),
    st.sets(st.sampled_from(("10.64.1.2/30", "2001:db8::2/64", "100.64.0.9/32"))).map(tuple),
    st.sets(st.sampled_from(("10.64.1.1", "fe80::1"))).map(tuple),
    st.sets(st.sampled_from(("10.64.0.53", "2001:4860:4860::8888"))).map(tuple),
)
hosts = st.lists(st.sampled_from(("192.0.2.1", "192.0.2.0/24", "2001:db8::5", "10.0.0.0/8")))
all_settings = st.builds(
    RoutingSettings,
    mode=st.sampled_from((RoutingMode.POLICY, RoutingMode.STATIC, RoutingMode.NONE)),
    share_iot=st.booleans(),
    allow=hosts.map(tuple),
    servers=hosts.map(tuple),
    table=st.sampled_from((10, 40)),
    priority=st.sampled_from((100, 102)),
    primary=st.builds(LinkRouting, st.just("wwan0"), st.booleans(), st.sampled_from((20, 100))),
    iot=st.builds(LinkRouting, st.just("wwan1"), st.booleans(), st.sampled_from((20, 200))),
)
plans = st.builds(
    make_plan,
    all_settings,
    st.tuples(links, links).map(pair_up),
    st.sampled_from((None, *Role)),
)
stray_routes = st.builds(
    Route,
    st.sampled_from(Family),
    st.sampled_from((10, 11, 12, MAIN_TABLE)),
    st.sampled_from((DEFAULT, "192.0.2.1")),
    st.sampled_from((0, 1, 65535)),
    st.sampled_from(("", "wwan0", "eth9")),
)
stray_rules = st.builds(
    Rule,
    st.sampled_from(Family),
    st.integers(99, 104),
    st.integers(9, 13),
    st.sampled_from((0, 0x52000000)),
    st.just(0xFF000000),
)
stray_defaults = st.builds(
    Route,
    st.sampled_from(Family),
    st.just(MAIN_TABLE),
    st.just(DEFAULT),
    st.sampled_from((20, 100, 200, 1024)),
    st.sampled_from(("wwan0", "wwan0b", "usb0", "eth9")),
    protocol=st.just(PROTOCOL_STATIC),
)
states = st.builds(
    KernelState,
    st.lists(stray_rules, max_size=4).map(tuple),
    st.lists(stray_routes, max_size=5, unique=True).map(tuple),
    st.lists(stray_defaults, max_size=4, unique=True).map(tuple),
    st.none(),
    st.sets(st.sampled_from(("wwan0", "wwan0b", "usb0", "usb0b", "eth9"))).map(frozenset),
)


@settings(max_examples=EXAMPLES, deadline=None)
@given(states, plans)
def test_after_the_changes_nothing_is_left_to_change(state: KernelState, plan: Plan) -> None:
    assert diff(after(state, diff(state, plan)), plan).count == 0


@settings(max_examples=EXAMPLES, deadline=None)
@given(states, plans, plans)
def test_the_way_to_a_plan_does_not_matter(state: KernelState, one: Plan, other: Plan) -> None:
    direct = after(state, diff(state, other))
    via = after(state, diff(state, one))
    around = after(via, diff(via, other))
    assert sorted(around.rules) == sorted(direct.rules)
    assert sorted(around.routes) == sorted(direct.routes)
    assert around.protection == direct.protection


@settings(max_examples=EXAMPLES, deadline=None)
@given(states, plans)
def test_defaults_of_other_devices_are_never_touched(state: KernelState, plan: Plan) -> None:
    ours = {each.device for each in plan.defaults}
    others = [each for each in state.defaults if each.device not in ours]
    left = [each for each in after(state, diff(state, plan)).defaults if each.device not in ours]
    assert left == others
