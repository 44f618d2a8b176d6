# SPDX-License-Identifier: GPL-2.0-or-later
"""The SIM switch as a whole: interface down, flip,
read the SIM again, SIM ready, expected ICCID seen, interface up.

A flip of the line alone changes nothing that the modem has read, and a level proves nothing: the
ICCID does. Must never move the IoT modem's switch away from its local SIM, nor switch a modem to
remote that is not proven to be the right one, and never leave the interface down.
"""

from __future__ import annotations

from collections.abc import Callable

from remsim.clock import Clock, Deadline
from remsim.errors import AtError, BusyError, DeviceError, NotPossibleError, RemsimError
from remsim.events import SwitchSim
from remsim.model import ModemObservation, SimSource
from remsim.modem import commands as c
from remsim.modem.attach import Attachment
from remsim.modem.collaborators import SIM_SWITCH, LineControl
from remsim.modem.poller import Poller
from remsim.modem.profile import SimReread
from remsim.modem.settings import ModemSettings
from remsim.modem.state import Sim
from remsim.modem.steps import StepRunner

# Beside the modem's boot time: interface down and up,
# the radio cycle that did not help, the SIM's own start. Seconds.
BUDGET_BESIDE_BOOT_S = 120.0

# A radio cycle that works shows the other SIM within this time, seconds; after it a reset is tried.
CYCLE_ENOUGH_S = 45.0

# Pause between looks at the SIM, seconds.
LOOK_S = 2.0

_LEVELS = {SimSource.LOCAL: 0, SimSource.REMOTE: 1}


class SimSwitch:
    """`phase` is the one under way, or the one that failed.
    `pause(s)` waits, True when called off."""

    def __init__(
        self,
        settings: ModemSettings,
        attachment: Attachment,
        poller: Poller,
        steps: StepRunner,
        clock: Clock,
        lines: LineControl | None,
        pause: Callable[[float], bool],
        on_look: Callable[[ModemObservation], None],
    ) -> None:
        self.settings = settings
        self.phase = "check"
        self._attachment = attachment
        self._poller = poller
        self._steps = steps
        self._clock = clock
        self._lines = lines
        self._pause = pause
        self._on_look = on_look

    def run(self, order: SwitchSim, progress: Callable[[str], None]) -> str:
        """The ICCID that the modem now reads.
        RemsimError otherwise, and `phase` says where it ended."""
        self.phase = "check"
        self._check(order)
        if self._is_there_already(order):
            progress("already there")
            return self._poller.sim.iccid.value or ""

        def enter(phase: str) -> None:
            self.phase = phase
            progress(phase)

        if not self._steps.has_interface:
            return self._switch(order, enter)
        enter("interface down")
        try:
            self._steps.interface_down()
            iccid = self._switch(order, enter)
        except RemsimError:
            self._restore_interface(progress)
            raise
        enter("interface up")
        self._steps.interface_up()
        return iccid

    def _restore_interface(self, progress: Callable[[str], None]) -> None:
        """After a failure: `phase` goes on naming what failed first."""
        progress("interface up")
        try:
            self._steps.interface_up()
        except RemsimError as error:
            progress(f"interface stays down: {error.reason}")

    # --- before anything is touched -----------------------------------------------------------

    def _check(self, order: SwitchSim) -> None:
        settings = self.settings
        to_remote = order.source is SimSource.REMOTE
        if order.source not in _LEVELS:
            raise NotPossibleError("a SIM switch goes to local or remote")
        if to_remote and not settings.may_use_remote_sim:
            raise NotPossibleError(f"{settings.role.value}'s SIM switch is held at local")
        has_line = settings.has_sim_switch and self._lines is not None
        if not has_line and not settings.has_slots:
            name = settings.role.value
            raise NotPossibleError(f"{name} has no SIM switch: set {name}.sim_switch_gpio")
        if to_remote:
            self._check_modem()

    def _check_modem(self) -> None:
        """Proven now, not by what was seen some polls ago."""
        if not self._attachment.is_confirmed:
            self._look()
        if not self._attachment.is_confirmed:
            raise NotPossibleError(
                "the modem has not shown its IMEI, so it is not switched to remote"
            )

    def _is_there_already(self, order: SwitchSim) -> bool:
        """Right level, and the modem reads a SIM that fits: nothing to do, nothing disturbed."""
        if self._lines is None or not self.settings.has_sim_switch or self.settings.has_slots:
            return False
        if self._level() != _LEVELS[order.source]:
            return False
        sim = self._poller.sim
        sim.iccid.ask_soon()
        self._look()
        if not self._is_up or sim.state is not Sim.READY:
            return False
        if not sim.iccid.is_fresh or sim.iccid.value is None:
            return False
        return order.expected_iccid is None or same_iccid(order.expected_iccid, sim.iccid.value)

    @property
    def _is_up(self) -> bool:
        return self._poller.answers and not self._poller.boot.is_restarting

    # --- the sequence -------------------------------------------------------------------------

    def _switch(self, order: SwitchSim, enter: Callable[[str], None]) -> str:
        budget_s = BUDGET_BESIDE_BOOT_S + 1.5 * self._poller.boot_time_s
        deadline = Deadline.after(self._clock, budget_s)
        before = self._poller.sim.iccid.value
        with self._steps.uninterrupted():
            is_off = self._radio_off(enter)
            moved = self._flip_or_recover(order, is_off, enter)
            is_cycled = is_off and self._radio_on(enter)
        self._poller.forget_sim()
        if is_cycled:
            soon = Deadline(self._clock, min(deadline.at, self._clock.monotonic() + CYCLE_ENOUGH_S))
            iccid = self._await_sim(order, soon, before if moved else None, enter)
            if iccid is not None:
                return iccid
        enter("reset")
        how = self._steps.restart_somehow()
        if how != self.phase:
            enter(how)
        self._poller.forget_sim()
        iccid = self._await_sim(order, deadline, before if moved else None, enter)
        if iccid is None:
            raise DeviceError("SIM", self._what_is_wrong(order, before))
        return iccid

    def _flip_or_recover(
        self, order: SwitchSim, is_off: bool, enter: Callable[[str], None]
    ) -> bool:
        """A line that cannot be moved must not cost the radio as well."""
        enter("switch")
        try:
            return self._flip(order.source)
        except RemsimError:
            if is_off:
                self._radio_on(lambda phase: None)
            raise

    def _radio_off(self, enter: Callable[[str], None]) -> bool:
        """True if the radio is off now;
        a modem that does not obey is reset after the flip instead."""
        if self._poller.profile.sim_reread is not SimReread.RADIO_CYCLE:
            return False
        enter("radio off")
        try:
            self._steps.radio_off()
        except (AtError, DeviceError):
            return False
        return True

    def _radio_on(self, enter: Callable[[str], None]) -> bool:
        enter("radio on")
        try:
            self._steps.radio_on()
        except (AtError, DeviceError):
            return False
        return True

    def _flip(self, source: SimSource) -> bool:
        """Line and slot, whichever there are. True if something moved."""
        moved = False
        if self.settings.has_sim_switch and self._lines is not None:
            level = _LEVELS[source]
            moved = self._level() != level
            self._lines.set(self._steps.line_name(SIM_SWITCH), level)
            self._check_level(level)
        if self.settings.has_slots:
            self._select_slot(source)
            moved = True
        return moved

    def _level(self) -> int | None:
        return self._lines.read(self._steps.line_name(SIM_SWITCH)) if self._lines else None

    def _check_level(self, level: int) -> None:
        found = self._level()
        if found is not None and found != level:
            name = self._steps.line_name(SIM_SWITCH)
            raise DeviceError(name, f"was set to {level} and reads {found}")

    def _select_slot(self, source: SimSource) -> None:
        settings, template = self.settings, self._poller.profile.slot_select
        if template is None:
            raise NotPossibleError(
                f"{self._poller.profile.title} has no command to select a SIM slot"
            )
        local = source is SimSource.LOCAL
        slot = settings.sim_slot_local if local else settings.sim_slot_remote
        command = c.action(template.format(slot=slot), "select SIM slot", "profile")
        self._poller.asker.ask(command, Deadline.after(self._clock, command.timeout_s))

    def _await_sim(
        self,
        order: SwitchSim,
        deadline: Deadline,
        before: str | None,
        enter: Callable[[str], None],
    ) -> str | None:
        """The ICCID once it is the right one; None if that did not come in time."""
        enter("SIM ready")
        while not deadline.is_over:
            self._look()
            sim = self._poller.sim
            if self._is_up and sim.state is Sim.READY and sim.iccid.is_fresh and sim.iccid.value:
                if self.phase != "ICCID":
                    enter("ICCID")
                if _fits(order, sim.iccid.value, before):
                    return sim.iccid.value
                sim.iccid.forget()
            if self._pause(min(LOOK_S, deadline.left_s)):
                raise BusyError("called off")
        return None

    def _look(self) -> None:
        self._on_look(self._poller.poll())

    def _what_is_wrong(self, order: SwitchSim, before: str | None) -> str:
        sim = self._poller.sim
        if not self._poller.answers:
            return "the modem did not come back after the reset"
        if sim.state is not Sim.READY:
            return f"the {order.source.value} SIM is not ready: {sim.word.value or 'no word of it'}"
        if order.expected_iccid is not None:
            return f"SIM {order.expected_iccid} was expected and is not what the modem reads"
        return f"the modem still reads SIM {before}: the switch has no effect"


def same_iccid(left: str, right: str) -> bool:
    """19 or 20 digits of the same card:
    the check digit is left out by some, filler kept by others."""
    left, right = left.rstrip("Ff"), right.rstrip("Ff")
    short, long = sorted((left, right), key=len)
    return long == short or (
        len(long) - len(short) == 1 and len(short) >= 18 and long.startswith(short)
    )


def _fits(order: SwitchSim, iccid: str, before: str | None) -> bool:
    """The expected card; without one, any card but the one that was read before the line moved."""
    if order.expected_iccid is not None:
        return same_iccid(order.expected_iccid, iccid)
    return before is None or not same_iccid(before, iccid)
