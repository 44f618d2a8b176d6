# SPDX-License-Identifier: GPL-2.0-or-later
"""The steps of the recovery ladder, carried out on one modem.
Decides nothing: the caller names the step.

A step ends when it was carried out; whether it helped shows in later observations. Must never leave
the radio off, the interface down or the device switched off because something in between failed.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from remsim.clock import Clock, Deadline
from remsim.errors import AtError, DeviceError, DeviceGone, DeviceTimeout, NotPossibleError
from remsim.model import Step
from remsim.modem.attach import Attachment
from remsim.modem.collaborators import (
    POWER,
    RESET,
    BusControl,
    InterfaceControl,
    LineControl,
)
from remsim.modem.poller import Poller
from remsim.modem.settings import ModemSettings

# netifd brings an interface down or up in this time, seconds;
# a modem that needs longer to connect goes on by itself.
INTERFACE_TIMEOUT_S = 30.0

# Radio off means off for so long, seconds: the network has to notice.
RADIO_PAUSE_S = 3.0

# A line pulls the modem down at once; so long may its last words still be in the port, seconds.
LINE_DROP_S = 5.0

# All AT exchanges of one step together, seconds: CFUN may take 15 s, and is tried twice.
AT_BUDGET_S = 45.0


class StepRunner:
    """`hurry` cuts pauses short when the daemon stops."""

    def __init__(
        self,
        settings: ModemSettings,
        attachment: Attachment,
        poller: Poller,
        clock: Clock,
        bus: BusControl,
        lines: LineControl | None,
        interface: InterfaceControl | None,
        hurry: threading.Event,
    ) -> None:
        self.settings = settings
        self.is_critical = False
        self._attachment = attachment
        self._poller = poller
        self._clock = clock
        self._bus = bus
        self._lines = lines
        self._interface = interface
        self._hurry = hurry

    def run(self, step: Step) -> None:
        """RemsimError if the step could not be carried out."""
        actions = {
            Step.INTERFACE: self.cycle_interface,
            Step.RADIO: self.cycle_radio,
            Step.AT_RESET: self.reset_by_at,
            Step.RESET_LINE: self.pulse_reset,
            Step.BUS: self.restart_on_bus,
            Step.POWER: self.cycle_power,
        }
        actions[step]()

    @contextmanager
    def uninterrupted(self) -> Iterator[None]:
        """Between radio off and on even a stop has to wait: it is a matter of seconds."""
        self.is_critical = True
        try:
            yield
        finally:
            self.is_critical = False

    # --- without a restart --------------------------------------------------------------------

    def cycle_interface(self) -> None:
        try:
            self.interface_down()
        finally:
            self.interface_up()

    def interface_down(self) -> None:
        self._required_interface().down(Deadline.after(self._clock, INTERFACE_TIMEOUT_S))

    def interface_up(self) -> None:
        self._required_interface().up(Deadline.after(self._clock, INTERFACE_TIMEOUT_S))

    @property
    def has_interface(self) -> bool:
        return self._interface is not None

    def cycle_radio(self) -> None:
        with self.uninterrupted():
            try:
                self.radio_off()
                self._clock.wait(self._hurry, RADIO_PAUSE_S)
            finally:
                self.radio_on()
        self._poller.forget_sim()

    def radio_off(self) -> None:
        self._poller.asker.ask(self._poller.profile.radio_off, self._at_deadline())

    def radio_on(self) -> None:
        """Tried twice: a modem whose radio stayed off is worse than before."""
        deadline = self._at_deadline()
        command = self._poller.profile.radio_on
        try:
            self._poller.asker.ask(command, deadline)
        except (AtError, DeviceTimeout):
            self._poller.asker.ask(command, deadline)

    # --- with a restart -----------------------------------------------------------------------

    def reset_by_at(self) -> None:
        """The OK may get lost in the restart it announces; a refusal is a failure."""
        command = self._poller.profile.reset
        deadline = self._at_deadline()
        session = self._attachment.open()
        if not session.is_in_step:
            session.get_in_step(deadline)
        try:
            session.ask(command, deadline)
        except (DeviceTimeout, DeviceGone):
            self._attachment.close()
        self._poller.restart_ordered(self._poller.profile.drop_s)

    def pulse_reset(self) -> None:
        settings = self.settings
        lines = self._required_line(settings.has_reset_line, RESET, "reset_gpio")
        lines.pulse(self.line_name(RESET), settings.reset_pulse_ms)
        self._poller.restart_ordered(LINE_DROP_S)

    def restart_on_bus(self) -> None:
        place = self._attachment.place
        if place is None:
            raise NotPossibleError("the modem's place on the bus is not known")
        self._attachment.close()
        self._bus.restart(place, self._hurry)
        self._poller.taken_off_bus()

    def cycle_power(self) -> None:
        settings = self.settings
        lines = self._required_line(settings.has_power_line, POWER, "power_gpio")
        self._attachment.close()
        lines.pulse(self.line_name(POWER), settings.power_off_ms)
        self._poller.restart_ordered(LINE_DROP_S)

    def restart_somehow(self) -> str:
        """By AT if the modem still obeys, else by its reset line; says which."""
        try:
            self.reset_by_at()
        except (AtError, DeviceError):
            if not self.settings.has_reset_line:
                raise
            self.pulse_reset()
            return "reset line"
        return "reset"

    # --- helpers ------------------------------------------------------------------------------

    def line_name(self, line: str) -> str:
        return f"{self.settings.role.value}.{line}"

    def _at_deadline(self) -> Deadline:
        return Deadline.after(self._clock, AT_BUDGET_S)

    def _required_interface(self) -> InterfaceControl:
        if self._interface is None:
            raise NotPossibleError(
                f"no network interface is configured for {self.settings.role.value}"
            )
        return self._interface

    def _required_line(self, is_configured: bool, line: str, option: str) -> LineControl:
        if self._lines is None or not is_configured:
            name = self.settings.role.value
            raise NotPossibleError(f"{name} has no {line} line: set {name}.{option}")
        return self._lines
