# SPDX-License-Identifier: GPL-2.0-or-later
"""One `poll()`, one observation: what a modem is asked, how often, and how it is.

One field that cannot be read never hides another. Must never reset, switch or configure anything
but the settings of its own AT dialogue.
"""

from __future__ import annotations

import logging

from remsim.clock import Clock, Deadline
from remsim.errors import BusyError, DeviceError, DeviceGone, DeviceTimeout, RemsimError
from remsim.model import Failure, ModemObservation, ModemState
from remsim.modem import commands as c
from remsim.modem.asker import Asker
from remsim.modem.attach import Attachment
from remsim.modem.boot import BootWatch, blend
from remsim.modem.commands import Command
from remsim.modem.memory import ModemMemory
from remsim.modem.network_reader import NetworkReader
from remsim.modem.profile import Profile
from remsim.modem.readings import Field, failure_of
from remsim.modem.session import AtSession
from remsim.modem.settings import ModemSettings
from remsim.modem.sim_reader import SimReader
from remsim.modem.state import Seen, decide

# One poll takes at most about so long, seconds: some commands unanswered, the marker in between.
POLL_BUDGET_S = 60.0

# Pauses between polls, seconds: while the modem restarts, and while it has no network.
PAUSE_RESTARTING_S = 2.0
PAUSE_SEARCHING_S = 5.0

_RESTARTING = (ModemState.UNKNOWN, ModemState.ABSENT, ModemState.BOOTING)


class Poller:
    """`boot` is the restart under way; the steps of recovery report theirs by
    `restart_ordered()`."""

    def __init__(
        self, settings: ModemSettings, attachment: Attachment, clock: Clock, memory: ModemMemory
    ) -> None:
        self.boot = BootWatch()
        self.state = ModemState.UNKNOWN
        self.asker = Asker(attachment, clock, self._answered)
        self.sim = SimReader(settings, self.asker, clock, memory)
        self.network = NetworkReader(settings, self.asker, clock)
        self.manufacturer: Field[str] = Field("manufacturer")
        self.model: Field[str] = Field("model")
        self.firmware: Field[str] = Field("firmware")
        self.imei: Field[str] = Field("imei", retry_max_s=10.0)
        self._settings = settings
        self._attachment = attachment
        self._clock = clock
        self._memory = memory
        self._log = logging.getLogger(f"remsim.{settings.role.value}")
        self._session: AtSession | None = None
        self._answered_at: float | None = None  # over this session
        self._is_present = False
        self._is_ours = True
        self._is_set_up = False
        self._trouble: Failure | None = None

    # --- what others ask ----------------------------------------------------------------------

    def use(self, settings: ModemSettings) -> None:
        """A new configuration for the same modem."""
        self._settings = self.sim.settings = self.network.settings = settings

    @property
    def profile(self) -> Profile:
        return self._attachment.profile

    @property
    def boot_time_s(self) -> float:
        learnt = self._memory.learnt.boot_times_s.get(self.profile.name)
        return self._settings.boot_time_s or learnt or self.profile.boot_time_s

    @property
    def pause_s(self) -> float:
        """Until the next poll."""
        if self.boot.is_restarting or self.state in _RESTARTING:
            return PAUSE_RESTARTING_S
        interval_s = self._settings.registration_interval_s
        return interval_s if self.state.is_registered else min(PAUSE_SEARCHING_S, interval_s)

    @property
    def answers(self) -> bool:
        """Did the last poll get its answers?"""
        return self._answered_at is not None and self._trouble is None

    def restart_ordered(self, drop_s: float) -> None:
        """A reset was asked for just now; the modem may go on answering for `drop_s`."""
        self.boot = self.boot.ordered(self._clock.monotonic(), self.boot_time_s, drop_s)

    def taken_off_bus(self) -> None:
        self.boot = self.boot.taken_off(self._clock.monotonic(), self.boot_time_s)

    def forget_sim(self) -> None:
        """The SIM switch moved or the radio was cycled: what was read of the SIM is stale."""
        self.sim.start_over(self.profile.sim_busy_s)
        self.network.start_over()

    # --- polling ------------------------------------------------------------------------------

    def poll(self) -> ModemObservation:
        """Ask whatever is due. BusyError only when called off;
        any other trouble is in the observation."""
        self.boot = self.boot.at(self._clock.monotonic())
        try:
            self._read()
        except BusyError:
            raise
        except DeviceGone as error:
            self._lost(error)
        except DeviceTimeout as error:
            self._silent(error)
        except RemsimError as error:
            self._is_ours, self._is_present = False, isinstance(error, DeviceError)
            self._troubled(error)
        else:
            self._trouble = None
        return self._observe()

    def _read(self) -> None:
        session = self._attachment.open()
        if session is not self._session:
            self._session, self._answered_at = session, None
        self._is_present = self._is_ours = True
        deadline = Deadline.after(self._clock, POLL_BUDGET_S)
        if not session.is_in_step:
            self.asker.get_in_step(deadline)
        self._set_up(deadline)
        self._read_identity(deadline)
        self.sim.read(self.profile, deadline)
        self.network.read(self.profile, deadline)

    def _set_up(self, deadline: Deadline) -> None:
        """The dialogue's own settings, once per boot and opening;
        what is refused is done without."""
        if not self._is_set_up:
            for command in self.profile.setup:
                self.asker.attempt(command, deadline)
            self._is_set_up = True

    def _read_identity(self, deadline: Deadline) -> None:
        """Once per boot. The IMEI first: nothing else is asked of a modem that is not ours."""
        self._fill_once(self.imei, c.CGSN, deadline)
        self._attachment.confirm(self.imei.value if self.imei.is_fresh else None)
        self._fill_once(self.model, c.CGMM, deadline)
        if self.model.is_fresh:
            self._attachment.learn_model(self.model.value)
        self._fill_once(self.manufacturer, c.CGMI, deadline)
        self._fill_once(self.firmware, c.CGMR, deadline)

    def _fill_once(self, field: Field[str], command: Command[str], deadline: Deadline) -> None:
        if not field.is_fresh:
            self.asker.fill(field, (command,), deadline)

    # --- what came of it ----------------------------------------------------------------------

    def _answered(self) -> None:
        now = self._clock.monotonic()
        is_first, epoch = self._answered_at is None, self.boot.epoch
        self._answered_at = now
        self.boot, took_s = self.boot.answered(now)
        if took_s is not None:
            known = self._memory.learnt.boot_times_s.get(self.profile.name)
            self._memory.learn_boot_time(self.profile.name, blend(known, took_s))
            self._log.info("back %.0f s after the restart", took_s)
        if is_first or self.boot.epoch != epoch:
            self._start_over()

    def _start_over(self) -> None:
        """A freshly started modem, or one just found: nothing read before holds."""
        for field in (self.imei, self.model, self.manufacturer, self.firmware):
            field.forget()
        self.network.temperature.forget()
        self.asker.start_over()
        self.forget_sim()
        self._is_set_up = False

    def _lost(self, error: DeviceGone) -> None:
        was_open = self._attachment.session is not None
        self._attachment.close()
        if was_open or self.boot.is_restarting:
            self.boot = self.boot.vanished(self._clock.monotonic(), self.boot_time_s)
        self._is_present, self._is_ours = False, True
        self._answered_at = None
        self._troubled(error)

    def _silent(self, error: DeviceTimeout) -> None:
        self.boot = self.boot.silent(self._silent_s)
        self._troubled(error)

    @property
    def _silent_s(self) -> float:
        since = max(self._answered_at or 0.0, self._attachment.opened_at)
        return self._clock.monotonic() - since

    def _troubled(self, error: RemsimError) -> None:
        now, before = self._clock.monotonic(), self._trouble
        attempt = before.attempt + 1 if before is not None else 1
        if before is None or before.reason != error.reason:
            self._log.warning("%s", error.reason)
        self._trouble = failure_of(error, now, attempt, now + self.pause_s)

    # --- the observation ----------------------------------------------------------------------

    def _observe(self) -> ModemObservation:
        now = self._clock.monotonic()
        facts = self._seen(now)
        before, self.state = self.state, decide(facts, self.state)
        roams_in_vain = facts.roams_in_vain and self.state is ModemState.SEARCHING
        if before is not self.state:
            self._log.info("%s -> %s", before.value, self.state.value)
        sim, network, binding = self.sim, self.network, self._attachment.binding
        return ModemObservation(
            role=self._settings.role,
            state=self.state,
            at=now,
            device=binding.device if binding else self._settings.device,
            bus_path=self._attachment.place,
            usb_id=binding.hardware_id if binding else None,
            profile=self.profile.name,
            boot_time_s=self.boot_time_s,
            manufacturer=self.manufacturer.reading,
            model=self.model.reading,
            firmware=self.firmware.reading,
            imei=self.imei.reading,
            sim=sim.word.reading,
            iccid=sim.iccid.reading,
            imsi=sim.imsi.reading,
            registration=network.registration.reading,
            operator=network.operator.reading,
            technology=network.technology(self.profile),
            signal=network.signal,
            temperature_c=network.temperature.reading,
            roams_in_vain=roams_in_vain,
            failure=self._failure(now, roams_in_vain),
        )

    def _seen(self, now: float) -> Seen:
        silent_until = self._attachment.opened_at + self.profile.silent_s
        return Seen(
            is_present=self._is_present,
            is_ours=self._is_ours,
            answers=self.answers,
            silent_s=self._silent_s,
            is_restarting=self.boot.is_restarting and self.boot.is_ordered,
            may_be_silent=self._answered_at is None and now < silent_until,
            sim=self.sim.state,
            registration=self.network.believed,
            roaming_allowed=self._settings.roaming_allowed,
            has_context=bool(self.network.context.value),
        )

    def _failure(self, now: float, roams_in_vain: bool) -> Failure | None:
        if self._trouble is not None:
            return self._trouble
        if roams_in_vain:
            reason = f"registered while roaming, and {self._settings.role.value}.roaming is 0"
            return Failure(1, "roaming", reason, "not_possible", now)
        if self.sim.hold is not None and self.state is ModemState.PIN_NEEDED:
            return Failure(1, "pin", self.sim.hold, "not_possible", now)
        if self.network.reject_cause is not None:
            reason = f"the network denies the registration: {self.network.reject_cause}"
            return Failure(1, "registration 3", reason, "device", now)
        return None
