# SPDX-License-Identifier: GPL-2.0-or-later
"""Random faults and orders on both modems: whatever happens, no lie, no lost answer, no harm.

`make test` runs a slice; `make soak` a tenth as many stories as REMSIM_SOAK says.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modem_world import LOCAL_ICCID, REMOTE_ICCID, Bench, World
from remsim.events import AskAt, OrderProgress, RunStep, SimSwitched, SwitchSim
from remsim.model import ModemState, Role, SimSource, Step
from remsim.modem.worker import ModemOrder
from remsim_lab.modems.cards import LOCAL_IOT
from remsim_lab.modems.faults import CURES, FAULTS

pytestmark = pytest.mark.soak

SEQUENCES = int(os.environ.get("REMSIM_SOAK", "400")) // 10

# The longest that one order may take, seconds: a SIM switch of an FM350 that does not come back.
ORDER_LIMIT_S = 120 + 1.5 * 120 + 60
TURN_LIMIT_S = 60.0

ROLES = st.sampled_from(["modem1", "modem2"])
FAIL = st.tuples(
    st.just("fail"),
    ROLES,
    st.sampled_from(sorted(FAULTS)),
    st.sampled_from([None, "never", *CURES]),
)
RESTORE = st.tuples(st.just("restore"), ROLES)
RUN = st.tuples(st.just("run"), st.sampled_from([1, 7, 45, 200]))
STEP = st.tuples(st.just("step"), ROLES, st.sampled_from(list(Step)))
SWITCH = st.tuples(
    st.just("switch"),
    ROLES,
    st.sampled_from([SimSource.LOCAL, SimSource.REMOTE]),
    st.booleans(),
)
ASK = st.tuples(st.just("ask"), ROLES, st.sampled_from(["AT+CSQ", "AT+GTCAINFO?", "AT+NONE", "x"]))
RENUMBER = st.tuples(st.just("renumber"), ROLES, st.integers(0, 30))
AGAIN = st.tuples(st.just("again"), ROLES)
STORIES = st.lists(
    st.one_of(FAIL, RESTORE, RUN, STEP, SWITCH, ASK, RENUMBER, AGAIN), min_size=1, max_size=12
)


class Story:
    def __init__(self, root: Path) -> None:
        self.world = World(root)
        self.world.fm350()
        self.world.l850()
        self.benches = {"modem1": self.world.primary(), "modem2": self.world.iot()}
        self.next_id = 0
        self.do_run(30)  # each has been seen at its place once

    def play(self, deed: tuple[object, ...]) -> None:
        kind, *rest = deed
        getattr(self, f"do_{kind}")(*rest)
        self.hold()

    def do_fail(self, role: str, kind: str, cure: str | None) -> None:
        self.world.wired[role].core.fail(kind, self.world.clock.monotonic(), cure)

    def do_restore(self, role: str) -> None:
        self.world.wired[role].core.restore(self.world.clock.monotonic())

    def do_run(self, seconds: float) -> None:
        until = self.world.clock.monotonic() + seconds
        while self.world.clock.monotonic() < until:
            for bench in self.benches.values():
                before = self.world.clock.monotonic()
                bench.worker.turn()
                assert self.world.clock.monotonic() - before <= TURN_LIMIT_S
            self.world.clock.move(min(bench.worker.pause_s for bench in self.benches.values()))

    def do_step(self, role: str, step: Step) -> None:
        self.order(role, RunStep(self.next_id, Role(role), step))

    def do_switch(self, role: str, source: SimSource, is_expected: bool) -> None:
        expected = {SimSource.LOCAL: LOCAL_ICCID, SimSource.REMOTE: REMOTE_ICCID}[source]
        order = SwitchSim(self.next_id, Role(role), source, expected if is_expected else None)
        done = self.order(role, order)
        assert isinstance(done, SimSwitched)
        if done.failure is None:
            core = self.world.wired[role].core
            assert done.iccid == core.read_iccid or "no_sim" in core.faults

    def do_ask(self, role: str, command: str) -> None:
        self.order(role, AskAt(self.next_id, Role(role), command, 3.0))

    def do_renumber(self, role: str, first: int) -> None:
        plugged = self.world.wired[role]
        prefix = plugged.ttys[0].rstrip("0123456789")
        plugged.ttys = [f"{prefix}{first + n}" for n in range(len(plugged.ttys))]

    def do_again(self, role: str) -> None:
        """The daemon is killed and started again."""
        options = {"modem1": self.world.primary, "modem2": self.world.iot}
        self.world.wired[role].ports.clear()
        self.benches[role] = options[role]()

    def order(self, role: str, order: ModemOrder) -> object:
        bench = self.benches[role]
        self.next_id += 1
        before, since = len(bench.events), self.world.clock.monotonic()
        bench.worker.submit(order)
        bench.worker.turn()
        assert self.world.clock.monotonic() - since <= ORDER_LIMIT_S
        answers = [
            event
            for event in bench.events[before:]
            if getattr(event, "id", None) == order.id and not isinstance(event, OrderProgress)
        ]
        assert len(answers) == 1
        return answers[0]

    def hold(self) -> None:
        """What is true at any time."""
        assert ("modem2.sim_switch", 1) not in self.world.lines.writes
        for role, bench in self.benches.items():
            core = self.world.wired[role].core
            assert not [command for command in core.commands if "CPIN=" in command]
            assert bench.interface.log.count("down") == bench.interface.log.count("up")
            for event in bench.events:
                self.hold_observation(role, getattr(event, "observation", None))

    def hold_observation(self, role: str, seen: object) -> None:
        if seen is None:
            return
        core = self.world.wired[role].core
        iccids = {"modem1": {LOCAL_ICCID, REMOTE_ICCID}, "modem2": {LOCAL_IOT[0]}}[role]
        assert seen.imei.value in (None, core.imei)  # type: ignore[attr-defined]
        assert seen.iccid.value in {None, *iccids}  # type: ignore[attr-defined]
        if seen.state is ModemState.CONNECTED:  # type: ignore[attr-defined]
            assert seen.registration.value is not None  # type: ignore[attr-defined]

    def end_well(self) -> None:
        """Once everything is mended and each modem got its power cycle, all is well."""
        for role in self.benches:
            self.do_restore(role)
            self.world.lines.pulse(f"{role}.power", 5000)
            self.world.wired[role].core.selected = "local"
        self.do_run(600)
        for bench in self.benches.values():
            assert self.settled(bench) is ModemState.CONNECTED

    def settled(self, bench: Bench) -> ModemState:
        return bench.turn().state


@settings(max_examples=SEQUENCES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(STORIES)
def test_random_troubles_end_well_and_never_lie(deeds: list[tuple[object, ...]]) -> None:
    with tempfile.TemporaryDirectory() as root:
        story = Story(Path(root))
        for deed in deeds:
            story.play(deed)
        story.end_well()
