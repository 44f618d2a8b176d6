# SPDX-License-Identifier: GPL-2.0-or-later
"""The worker's thread over simulated modems on real pseudo-terminals and a simulated sysfs."""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from remsim.clock import Deadline, SystemClock
from remsim.events import AskAt, AtDone, Event, ModemSeen, RunStep, SimSwitched, StepDone, SwitchSim
from remsim.model import ModemObservation, ModemState, Role, SimSource, Step
from remsim.modem.discover import find_modems
from remsim.modem.settings import ModemSettings
from remsim.modem.worker import ModemWorker
from remsim.paths import Paths
from remsim_lab.modems import SimulatedModem
from remsim_lab.modems.cards import LOCAL_PRIMARY, REMOTE_PRIMARY

SPEED = 60.0  # the modems' minutes are seconds here
LIMIT_S = 30.0

FM350_TTYS = [f"ttyUSB{n}" for n in range(7)]
L850_TTYS = ["ttyACM0", "ttyACM1", "ttyACM2"]


class Wires:
    """GPIO lines soldered to one modem; levels here are logical, pins are not."""

    def __init__(self, modem: SimulatedModem) -> None:
        self.modem = modem
        self.level = 0

    def read(self, name: str) -> int | None:
        return self.level if name.endswith("sim_switch") else 0

    def set(self, name: str, level: int) -> None:
        self.level = level
        self.modem.on_sim_switch(level)

    def pulse(self, name: str, ms: int) -> None:
        if name.endswith("reset"):
            self.modem.on_reset_line(0)
            self.modem.on_reset_line(1)
        else:
            self.modem.on_power_line(1)
            self.modem.on_power_line(0)


class Interface:
    def down(self, deadline: Deadline) -> None:
        """Nothing to do here."""

    def up(self, deadline: Deadline) -> None:
        """Nothing to do here."""


class Rig:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.modems: list[SimulatedModem] = []
        self.workers: list[ModemWorker] = []
        self.events: queue.Queue[Event] = queue.Queue()
        self.links: list[bool] = []

    def modem(self, model: str, ttys: list[str], place: str, **options: object) -> SimulatedModem:
        modem = SimulatedModem(
            model,
            str(self.root),
            ttys,
            place,
            speed=SPEED,
            has_remote=True,
            on_registration=self.links.append,
            **options,  # type: ignore[arg-type]
        )
        modem.start()
        self.modems.append(modem)
        return modem

    def worker(self, modem: SimulatedModem, device: str, role: Role = Role.PRIMARY) -> ModemWorker:
        worker = ModemWorker(
            ModemSettings(
                role,
                device,
                has_sim_switch=True,
                has_reset_line=True,
                has_power_line=True,
                registration_interval_s=0.2,
                signal_interval_s=1.0,
            ),
            paths=Paths(str(self.root)),
            clock=SystemClock(),
            post=self.events.put,
            lines=Wires(modem),
            interface=Interface(),
        )
        worker.start()
        self.workers.append(worker)
        return worker

    def wait_for(self, wanted: Callable[[Event], bool]) -> Event:
        until = time.monotonic() + LIMIT_S
        while True:
            event = self.events.get(timeout=max(0.0, until - time.monotonic()))
            if wanted(event):
                return event

    def wait_for_state(self, state: ModemState, role: Role = Role.PRIMARY) -> ModemObservation:
        def is_it(event: Event) -> bool:
            return (
                isinstance(event, ModemSeen)
                and event.observation.role is role
                and event.observation.state is state
            )

        event = self.wait_for(is_it)
        assert isinstance(event, ModemSeen)
        return event.observation

    def close(self) -> None:
        for worker in self.workers:
            assert worker.stop(5.0)
        for modem in self.modems:
            modem.stop()


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    threads = threading.active_count()
    descriptors = len(os.listdir("/proc/self/fd"))
    rig = Rig(tmp_path)
    yield rig
    rig.close()
    assert threading.active_count() == threads
    assert len(os.listdir("/proc/self/fd")) == descriptors
    left = list((tmp_path / "dev").iterdir()) if (tmp_path / "dev").exists() else []
    assert left == []
    assert find_modems(Paths(str(tmp_path))) == ()


def test_modem_is_found_asked_and_connected(rig: Rig) -> None:
    modem = rig.modem("fm350", FM350_TTYS, "1-1.2", net_name="wwan0")
    rig.worker(modem, "/dev/ttyUSB3")
    seen = rig.wait_for_state(ModemState.CONNECTED)
    assert (seen.device, seen.bus_path) == ("/dev/ttyUSB3", "1-1.2")
    assert seen.iccid.value == LOCAL_PRIMARY[0]
    [found] = find_modems(Paths(str(rig.root)))
    assert found.nets == ("wwan0",)
    assert found.ttys_of(6) == ("ttyUSB3",)
    assert found.product == "FM350-GL"
    assert rig.links == [False, True]


def test_two_modems_at_once_do_not_meet(rig: Rig) -> None:
    first = rig.modem("l850", L850_TTYS, "1-1")
    second = rig.modem("l850", L850_TTYS, "1-2", imei="490154203237518")
    rig.worker(first, "/dev/ttyACM0")
    rig.worker(second, "/dev/ttyACM3", Role.IOT)
    imeis = {
        rig.wait_for_state(ModemState.CONNECTED, role).imei.value
        for role in (Role.PRIMARY, Role.IOT)
    }
    assert imeis == {"015550009876543", "490154203237518"}


def test_reset_line_restarts_it_and_it_is_found_under_another_name(rig: Rig) -> None:
    modem = rig.modem("l850", L850_TTYS, "1-3")
    worker = rig.worker(modem, "/dev/ttyACM0")
    rig.wait_for_state(ModemState.CONNECTED)
    modem.fail("hang")
    modem.renumber(["ttyACM7", "ttyACM8", "ttyACM9"])
    worker.submit(RunStep(1, Role.PRIMARY, Step.RESET_LINE))
    done = rig.wait_for(lambda event: isinstance(event, StepDone))
    assert done == StepDone(1, Role.PRIMARY, Step.RESET_LINE)
    seen = rig.wait_for_state(ModemState.CONNECTED)
    assert (seen.device, seen.bus_path) == ("/dev/ttyACM7", "1-3")


def test_bus_step_goes_through_sysfs(rig: Rig) -> None:
    modem = rig.modem("l850", L850_TTYS, "1-3")
    worker = rig.worker(modem, "/dev/ttyACM0")
    rig.wait_for_state(ModemState.CONNECTED)
    worker.submit(RunStep(1, Role.PRIMARY, Step.BUS))
    done = rig.wait_for(lambda event: isinstance(event, StepDone))
    assert isinstance(done, StepDone) and done.failure is None
    rig.wait_for_state(ModemState.CONNECTED)
    assert modem.core.restarts == 0


def test_vanished_modem_is_absent_until_its_power_was_cycled(rig: Rig) -> None:
    modem = rig.modem("l850", L850_TTYS, "1-3")
    worker = rig.worker(modem, "/dev/ttyACM0")
    rig.wait_for_state(ModemState.CONNECTED)
    modem.fail("vanish")
    rig.wait_for_state(ModemState.ABSENT)
    worker.submit(RunStep(1, Role.PRIMARY, Step.POWER))
    rig.wait_for_state(ModemState.CONNECTED)


def test_sim_switch_works_over_a_real_terminal(rig: Rig) -> None:
    modem = rig.modem("fm350", FM350_TTYS, "1-1.2")
    worker = rig.worker(modem, "/dev/ttyUSB3")
    rig.wait_for_state(ModemState.CONNECTED)
    worker.submit(SwitchSim(1, Role.PRIMARY, SimSource.REMOTE, REMOTE_PRIMARY[0]))
    done = rig.wait_for(lambda event: isinstance(event, SimSwitched))
    assert done == SimSwitched(1, Role.PRIMARY, SimSource.REMOTE, REMOTE_PRIMARY[0])
    assert modem.core.restarts == 0


def test_stop_does_not_wait_for_a_hung_modem(rig: Rig) -> None:
    modem = rig.modem("l850", L850_TTYS, "1-3")
    worker = rig.worker(modem, "/dev/ttyACM0")
    rig.wait_for_state(ModemState.CONNECTED)
    modem.fail("hang")
    for number in range(3):
        worker.submit(AskAt(number, Role.PRIMARY, "AT+COPS=?", 180.0))
    before = time.monotonic()
    assert worker.stop(3.0)
    assert time.monotonic() - before < 2.0
    answers = set()
    while not rig.events.empty():
        event = rig.events.get()
        if isinstance(event, AtDone):
            assert event.failure is not None
            answers.add(event.id)
    assert answers == {0, 1, 2}


def test_garbage_on_a_real_terminal_gives_no_wrong_value(rig: Rig) -> None:
    modem = rig.modem("fm350", FM350_TTYS, "1-1.2")
    modem.fail("garbage")
    rig.worker(modem, "/dev/ttyUSB3")
    for _ in range(10):
        event = rig.wait_for(lambda event: isinstance(event, ModemSeen))
        assert isinstance(event, ModemSeen)
        assert event.observation.imei.value in (None, "863123040012343")


def test_simulated_modem_refuses_unknown_faults(rig: Rig) -> None:
    modem = rig.modem("fm350", FM350_TTYS, "1-1.2")
    with pytest.raises(ValueError, match="there are signal"):
        modem.fail("flu")
    with pytest.raises(ValueError, match="no cure"):
        modem.fail("hang", cure="prayer")


def test_flip_alone_changes_nothing_that_the_modem_has_read(rig: Rig) -> None:
    modem = rig.modem("fm350", FM350_TTYS, "1-1.2")
    modem.on_sim_switch(1)
    assert modem.core.read_iccid == LOCAL_PRIMARY[0]
