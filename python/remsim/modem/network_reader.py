# SPDX-License-Identifier: GPL-2.0-or-later
"""The network as the modem sees it: registration,
operator, technology, data context, signal, temperature."""

from __future__ import annotations

from dataclasses import replace

from remsim.clock import Clock, Deadline
from remsim.errors import AtError, DeviceTimeout, RemsimError
from remsim.model import Reading, Registration, Signal
from remsim.modem import commands as c
from remsim.modem.asker import Asker
from remsim.modem.commands import Command, Radio
from remsim.modem.profile import Profile
from remsim.modem.readings import Field
from remsim.modem.settings import ModemSettings
from remsim.modem.state import most_telling

# Asked again so soon after a failure, seconds.
RETRY_SOON_S = 10.0
RETRY_MINUTE_S = 60.0
# A context comes and goes with the link, which is watched for itself; each question wakes the CPU.
CONTEXT_INTERVAL_S = 30.0

# A registration that could not be read so often in a row is not believed any more.
STALE_AFTER = 3

_DENIED = 3
_EN_DC, _LTE = 13, 7


class NetworkReader:
    """`reject_cause` is the network's reason for a denied registration, or None."""

    def __init__(self, settings: ModemSettings, asker: Asker, clock: Clock) -> None:
        self.settings = settings
        self.registration: Field[Registration] = Field("registration", RETRY_SOON_S)
        self.operator: Field[str] = Field("operator", RETRY_MINUTE_S)
        self.context: Field[bool] = Field("context")
        self.radio: Field[Radio] = Field("signal", RETRY_MINUTE_S)
        self.temperature: Field[float] = Field("temperature_c")
        self.reject_cause: str | None = None
        self._asker = asker
        self._clock = clock
        self._act: int | None = None
        self._signal_at = 0.0

    @property
    def believed(self) -> Registration | None:
        """The registration, unless it could not be read for a while."""
        failure = self.registration.reading.failure
        if failure is not None and failure.attempt >= STALE_AFTER:
            return None
        return self.registration.value

    @property
    def is_registered(self) -> bool:
        registration = self.believed
        return registration is not None and registration.is_registered

    def start_over(self) -> None:
        """A restart or another SIM."""
        self.registration.forget()
        self.operator.forget()
        self.context.forget()
        self.radio.forget()
        self.reject_cause, self._act = None, None
        self._signal_at = 0.0

    def read(self, profile: Profile, deadline: Deadline) -> None:
        was_registered, before = self.is_registered, self.registration.value
        self._read_registration(profile.registration, deadline)
        if self.is_registered != was_registered:
            self._signal_at = 0.0
            self.radio.ask_soon()
        if self.is_registered:
            if self.registration.value != before:
                self.operator.ask_soon()
            self.reject_cause = None
            self._read_operator(deadline)
            self._asker.fill(self.context, (c.CGACT,), deadline, CONTEXT_INTERVAL_S)
        else:
            self._no_network(deadline)
        self._read_signal(profile, deadline)

    def _no_network(self, deadline: Deadline) -> None:
        now, registration = self._clock.monotonic(), self.believed
        self.context.took(False, now)
        self.operator.took(None, now)
        self._act = None
        if registration is None or registration.stat != _DENIED:
            self.reject_cause = None
        elif self.reject_cause is None:
            self.reject_cause = self._asker.attempt(c.CEER, deadline) or "no cause given"

    def _read_registration(
        self, commands: tuple[Command[Registration], ...], deadline: Deadline
    ) -> None:
        """Every domain until one is registered; the most telling word otherwise."""
        now = self._clock.monotonic()
        found: list[Registration] = []
        trouble: RemsimError | None = None
        for command in self._asker.supported(commands):
            try:
                found.append(self._asker.ask(command, deadline))
            except DeviceTimeout as error:
                self._asker.went_unanswered(error, deadline)
                trouble = error
            except AtError as error:
                self._asker.note_refusal(command, error)
                trouble = error
            if found and found[-1].is_registered:
                break
        if found:
            self.registration.took(most_telling(found), now)
        elif trouble is not None:
            self.registration.missed(trouble, now)

    def _read_operator(self, deadline: Deadline) -> None:
        now = self._clock.monotonic()
        if not self.operator.is_due(now):
            return
        try:
            operator = self._asker.ask(c.COPS, deadline)
        except DeviceTimeout as error:
            self._asker.went_unanswered(error, deadline)
            self.operator.missed(error, now)
        except AtError as error:
            self.operator.missed(error, now)
        else:
            self._act = operator.act
            self.operator.took(operator.name, now, self.settings.signal_interval_s)

    def _read_signal(self, profile: Profile, deadline: Deadline) -> None:
        """At the signal interval; sooner while there is no network."""
        now = self._clock.monotonic()
        if now < self._signal_at:
            return
        if self.radio.is_due(now):
            self._asker.fill(self.radio, profile.signal, deadline)
            self._complete_signal(profile, deadline)
        if profile.temperature:
            self._asker.fill(self.temperature, profile.temperature, deadline)
        interval_s = self.settings.signal_interval_s
        self._signal_at = now + (
            interval_s if self.is_registered else min(RETRY_SOON_S, interval_s)
        )

    def _complete_signal(self, profile: Profile, deadline: Deadline) -> None:
        """RSSI and band by commands of their own where the signal command does not give them."""
        radio = self.radio.value
        if radio is None or not self.radio.is_fresh:
            return
        signal = radio.signal
        if signal.rssi_dbm is None and profile.rssi is not None:
            extra = self._asker.attempt(profile.rssi, deadline)
            if extra is not None:
                signal = replace(signal, rssi_dbm=extra.signal.rssi_dbm)
        if signal.band is None and profile.band is not None and self.is_registered:
            signal = replace(signal, band=self._asker.attempt(profile.band, deadline))
        self.radio.took(replace(radio, signal=signal), self._clock.monotonic())

    # --- readings -----------------------------------------------------------------------------

    @property
    def signal(self) -> Reading[Signal]:
        reading = self.radio.reading
        signal = reading.value.signal if reading.value is not None else None
        return Reading(signal, reading.failure, reading.read_at)

    def technology(self, profile: Profile) -> Reading[str]:
        """The cells in use say it best; then the operator's or the registration's <AcT>."""
        reading, radio = self.registration.reading, self.radio.reading
        if reading.value is None or not reading.value.is_registered:
            return Reading(None, reading.failure, reading.read_at)
        if radio.value is not None and radio.value.technology is not None:
            return Reading(radio.value.technology, None, radio.read_at)
        act = self._act if self._act is not None else reading.value.act
        if act == _EN_DC and not profile.act_tells_en_dc:
            act = _LTE
        return Reading(c.technology_of(act), None, reading.read_at)
