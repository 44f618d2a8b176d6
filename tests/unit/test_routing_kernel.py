# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel's side without a kernel: what `ip` and `nft` print, complain of, or hang over."""

from __future__ import annotations

import queue
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from remsim.clock import SystemClock
from remsim.command import Output, run
from remsim.errors import BusyError, DeviceError, DeviceTimeout
from remsim.events import ApplyRoutes, Event, RoutesDone, RoutesLost
from remsim.model import LinkObservation, Role
from remsim.routing import read
from remsim.routing.apply import Kernel
from remsim.routing.diff import Changes, as_changes
from remsim.routing.plan import RoutingMode, RoutingSettings, make_plan
from remsim.routing.table import Family, Plan, Route, Rule, SeenChain
from remsim.routing.worker import QUEUE_MAX, RoutingWorker

LIMIT_S = 10.0
LINKS = (
    LinkObservation(Role.PRIMARY, 0.0, "wwan0", "wwan0", True, ("10.64.1.2/30",)),
    LinkObservation(Role.IOT, 0.0, "wwan1", "wwan1", True, ("10.65.1.2/30",)),
)

# Printed by iproute2 6.1 with -N -details -j and by nft 1.0.6 with -j.
VECTORS = Path(__file__).parents[1] / "vectors" / "routing"
RULES = (VECTORS / "rules-ipv4.json").read_text()
ROUTES = (VECTORS / "routes-ipv4.json").read_text()
ROUTES6 = (VECTORS / "routes-ipv6.json").read_text()
CHAINS = (VECTORS / "nft-table.json").read_text()


class FakeKernel:
    """Answers listings from texts; remembers what was to be changed and never changes."""

    def __init__(self) -> None:
        self.texts = {"rule": "[]", "route": "", "link": '[{"ifname":"wwan0"},{"ifname":"wwan1"}]'}
        self.nft = Output(1, "", "Error: No such file or directory\n")
        self.batch = Output(0, "", "")
        self.inputs: list[str] = []

    def __call__(self, argv: Sequence[str], stdin: str, timeout_s: float) -> Output:
        if stdin:
            self.inputs.append(stdin)
            return self.batch
        if argv[0] == "nft":
            return self.nft
        kind = next(word for word in argv if word in self.texts)
        return Output(0, self.texts[kind], "")


def test_only_rules_with_our_protocol_are_ours() -> None:
    assert read.rules(RULES, Family.IPV4) == (
        Rule(Family.IPV4, 100, 10, 0x52000000, 0xFF000000),
        Rule(Family.IPV4, 103, 10, to="1.2.3.0/24", is_local=True),
        Rule(Family.IPV4, 103, 10, to="1.2.3.4/32", is_local=True),
        Rule(
            *(Family.IPV4, 105, 254),
            is_local=True,
            source="10.65.1.2/32",
            skips_default=True,
        ),
    )


def test_routes_are_ours_by_protocol_and_defaults_anybodys() -> None:
    ours, defaults = read.routes(ROUTES, Family.IPV4)
    assert ours == (
        Route(Family.IPV4, 10, "default", 0, "v0"),
        Route(Family.IPV4, 10, "default", 9999),
    )
    assert defaults == (Route(Family.IPV4, 254, "default", 100, "v0", "10.0.0.2", protocol=4),)


def test_a_source_specific_default_keeps_its_source_and_unreachable_has_no_device() -> None:
    ours, defaults = read.routes(ROUTES6, Family.IPV6)
    assert defaults[0].source == "2001:db8::/64"
    assert ours == (Route(Family.IPV6, 10, "default", 65535),)


def test_a_strange_rule_in_our_table_shows() -> None:
    assert read.chains(CHAINS) == (
        SeenChain("forward", -10, "accept", ()),
        SeenChain("output", -10, "accept", ("a #1", "")),
    )


def test_no_output_at_all_is_an_empty_list() -> None:
    assert read.rules("", Family.IPV4) == ()
    assert read.routes("[ ]", Family.IPV6) == ((), ())


@pytest.mark.parametrize("text", ["{", "[1, 2]", '[{"priority":"x","protocol":"82"}]', "null"])
def test_rubbish_from_ip_is_a_device_error(text: str) -> None:
    kernel = FakeKernel()
    kernel.texts["rule"] = text
    if text == "[1, 2]":
        assert Kernel(kernel).state().rules == ()
        return
    with pytest.raises(DeviceError, match="cannot be understood"):
        Kernel(kernel).state()


def test_a_plan_that_did_not_take_is_told_with_the_programs_words() -> None:
    kernel = FakeKernel()
    kernel.batch = Output(1, "", "RTNETLINK answers: Operation not permitted\nCommand failed -:1\n")
    with pytest.raises(DeviceError, match="Operation not permitted"):
        Kernel(kernel).apply(make_plan(RoutingSettings(), LINKS, Role.IOT))


def test_a_kernel_that_is_changed_meanwhile_is_gone_over_again() -> None:
    kernel = FakeKernel()
    settings = RoutingSettings(mode=RoutingMode.STATIC, share_iot=True)
    overtaking = iter(('[{"dst":"default","dev":"wwan0","metric":7,"protocol":"4"}]',))

    def changing(argv: Sequence[str], stdin: str, timeout_s: float) -> Output:
        output = kernel(argv, stdin, timeout_s)
        if "-6" in argv:
            return Output(0, "", "")
        if stdin:
            kernel.texts["route"] = next(overtaking, "")
        return output

    primary = replace(settings.primary, default_route=False)
    settings = replace(settings, primary=primary, iot=None)
    kernel.texts["route"] = '[{"dst":"default","dev":"wwan0","metric":100,"protocol":"4"}]'
    changes = Kernel(changing).apply(make_plan(settings, LINKS[:1], None))
    assert {each.what.metric for each in changes.ip if isinstance(each.what, Route)} == {100, 7}
    assert len(kernel.inputs) >= 2


def test_protection_comes_before_the_first_route() -> None:
    kernel = FakeKernel()
    with pytest.raises(DeviceError):
        Kernel(kernel).apply(make_plan(RoutingSettings(), LINKS, Role.IOT))
    assert kernel.inputs[0].startswith("table inet remsim")
    assert kernel.inputs[1].startswith("route replace")


def test_an_nft_that_refuses_to_list_is_not_taken_for_a_missing_table() -> None:
    kernel = FakeKernel()
    kernel.nft = Output(1, "", "Operation not permitted (you must be root)")
    with pytest.raises(DeviceError, match="must be root"):
        Kernel(kernel).state()


def test_a_program_that_hangs_is_ended_at_its_deadline() -> None:
    with pytest.raises(DeviceTimeout, match=r"sh: no answer within 0\.2 s"):
        run(("sh", "-c", "sleep 100 & sleep 100"), "", 0.2)


def test_a_program_that_is_not_there_is_a_device_error() -> None:
    with pytest.raises(DeviceError, match="cannot be started"):
        run(("no-such-program",))


class Told:
    """A Kernel whose answers are set by the test."""

    def __init__(self) -> None:
        self.error: DeviceError | None = None
        self.plans: list[Plan] = []

    def apply(self, plan: Plan) -> Changes:
        self.plans.append(plan)
        if self.error is not None:
            raise self.error
        return as_changes(plan)


def order(number: int) -> ApplyRoutes:
    return ApplyRoutes(number, Role.IOT, LINKS)


def answers(worker: RoutingWorker, events: queue.Queue[Event], number: int) -> RoutesDone:
    worker.submit(order(number))
    while True:
        event = events.get(timeout=LIMIT_S)
        if isinstance(event, RoutesDone):
            return event


def test_each_order_is_answered_once_whatever_happens() -> None:
    events: queue.Queue[Event] = queue.Queue()
    told = Told()
    worker = RoutingWorker(RoutingSettings(), events.put, SystemClock(), told)  # type: ignore[arg-type]
    worker.start()
    try:
        assert answers(worker, events, 1).failure is None
        told.error = DeviceError("routing", "no")
        failed = answers(worker, events, 2)
        assert (failed.id, failed.failure and failed.failure.attempt) == (2, 1)
        told.error = None
        worker.configure(replace(RoutingSettings(), mode=RoutingMode.MWAN3))
        impossible = answers(worker, events, 3)
        assert impossible.failure is not None
        assert impossible.failure.type == "not_possible"
        worker.configure(RoutingSettings())
        assert answers(worker, events, 4).failure is None
    finally:
        worker.stop(LIMIT_S)


def test_a_full_queue_refuses_and_never_blocks() -> None:
    worker = RoutingWorker(RoutingSettings(), lambda _: None, SystemClock(), Told())  # type: ignore[arg-type]
    for number in range(QUEUE_MAX):
        worker.submit(order(number))
    with pytest.raises(BusyError):
        worker.submit(order(99))


def test_trouble_while_watching_is_told_once() -> None:
    events: queue.Queue[Event] = queue.Queue()
    told = Told()
    worker = RoutingWorker(RoutingSettings(), events.put, SystemClock(), told)  # type: ignore[arg-type]
    worker._plan = Plan()
    told.error = DeviceError("routing", "no")
    for _ in range(3):
        worker._look()
    lost = events.get_nowait()
    assert isinstance(lost, RoutesLost)
    assert "cannot be put back" in lost.reason
    assert events.empty()
