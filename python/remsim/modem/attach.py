# SPDX-License-Identifier: GPL-2.0-or-later
"""The port of one role: found by place, opened, lost, found again under another name.

Must never keep using a modem that turned out to be another one, and never close or open anything
else's port.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from remsim.clock import Clock
from remsim.errors import DeviceGone, NotPossibleError
from remsim.model import Role
from remsim.modem import binding as binding_rules
from remsim.modem.binding import Binding, Wanted
from remsim.modem.discover import find_modems
from remsim.modem.memory import ModemMemory, learnt_of
from remsim.modem.profile import AUTO, Profile, ProfileTable
from remsim.modem.session import AtSession, Port
from remsim.modem.settings import ModemSettings
from remsim.paths import Paths

# A place whose modem showed a wrong IMEI is not asked again for so long, seconds.
REJECTED_S = 60.0

PortOpener = Callable[[str, str], Port]


class Claims:
    """Which place is in use by which role;
    shared by the workers, so that none takes the other's modem."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._places: dict[Role, str] = {}

    def claim(self, role: Role, place: str | None) -> None:
        with self._lock:
            if place is None:
                self._places.pop(role, None)
            else:
                self._places[role] = place

    def others(self, role: Role) -> frozenset[str]:
        with self._lock:
            return frozenset(place for owner, place in self._places.items() if owner is not role)


class Attachment:
    """`session` while a port is open; `binding` what it was opened as."""

    def __init__(
        self,
        settings: ModemSettings,
        paths: Paths,
        clock: Clock,
        table: ProfileTable,
        memory: ModemMemory,
        claims: Claims,
        open_port: PortOpener,
        is_cancelled: Callable[[], bool],
        on_unsolicited: Callable[[str], None],
    ) -> None:
        self.settings = settings
        self.binding: Binding | None = None
        self.session: AtSession | None = None
        self.profile: Profile = table.generic
        self.is_confirmed = False
        self.opened_at = 0.0
        self._paths = paths
        self._clock = clock
        self._table = table
        self._memory = memory
        self._claims = claims
        self._open_port = open_port
        self._is_cancelled = is_cancelled
        self._on_unsolicited = on_unsolicited
        self._rejected: dict[str, float] = {}
        self._refusal: NotPossibleError | None = None

    @property
    def place(self) -> str | None:
        """Where the modem is, or was last."""
        if self.binding is not None and self.binding.place is not None:
            return self.binding.place
        return self.settings.bus_path or self._memory.learnt.place

    def open(self) -> AtSession:
        """The session, opened if need be.
        DeviceGone, DeviceError (owner named) or NotPossibleError (wrong modem)."""
        if self.session is not None:
            return self.session
        wanted = self._wanted()
        binding = self._choose(wanted)
        self.profile = self._profile_by_id(binding.hardware_id)
        port = self._open_port(binding.device, self._paths.at(binding.device))
        self.binding, self.is_confirmed = binding, False
        self.opened_at = self._clock.monotonic()
        self._claims.claim(self.settings.role, binding.place)
        self.session = AtSession(
            port,
            self._clock,
            self.profile.urcs,
            is_cancelled=self._is_cancelled,
            on_unsolicited=self._on_unsolicited,
        )
        return self.session

    def _choose(self, wanted: Wanted) -> Binding:
        now = self._clock.monotonic()
        self._rejected = {place: at for place, at in self._rejected.items() if at > now}
        found = find_modems(self._paths)
        try:
            return binding_rules.choose(wanted, found, self._table, frozenset(self._rejected))
        except DeviceGone:
            # Modems are there, but each has shown that it is another one: that is the thing to say.
            if self._rejected and self._refusal is not None:
                raise self._refusal from None
            raise

    def _wanted(self) -> Wanted:
        settings, learnt = self.settings, self._memory.learnt
        other = learnt_of(self._paths, settings.role.other) if settings.has_other else None
        claimed = self._claims.others(settings.role) if settings.has_other else frozenset()
        if settings.other_bus_path:
            claimed |= {settings.other_bus_path}
        return Wanted(
            role=settings.role.value,
            device=settings.device,
            place=settings.bus_path,
            imei=settings.imei,
            learnt_place=learnt.place,
            learnt_imei=learnt.imei,
            claimed_places=claimed,
            foreign_place=other.place if other else None,
            foreign_imei=other.imei if other else None,
        )

    def confirm(self, imei: str | None) -> None:
        """The modem said who it is. NotPossibleError, and the port closed, if it is another one."""
        binding = self.binding
        if binding is None or self.is_confirmed:
            return
        if imei is None:
            if binding.must_be is not None:
                raise NotPossibleError(f"the modem at {binding.place} does not tell its IMEI")
            return
        try:
            binding_rules.check_imei(self._wanted(), binding, imei)
        except NotPossibleError as error:
            self._reject(binding, error)
            raise
        self.is_confirmed = True
        self._refusal = None
        self._memory.learn_identity(binding.place, imei)

    def _reject(self, binding: Binding, error: NotPossibleError) -> None:
        self._refusal = error
        if binding.place is not None:
            self._rejected[binding.place] = self._clock.monotonic() + REJECTED_S
        self.close()
        self._claims.claim(self.settings.role, None)

    def learn_model(self, model: str | None) -> None:
        """The modem's own word on what it is decides the profile, unless one is configured."""
        hardware_id = self.binding.hardware_id if self.binding else None
        if self.settings.profile == AUTO:
            self.profile = self._table.by_model(hardware_id, model)

    def _profile_by_id(self, hardware_id: str | None) -> Profile:
        if self.settings.profile != AUTO:
            return self._table.named(self.settings.profile)
        return self._table.by_id(hardware_id)

    def close(self) -> None:
        """The place stays claimed: a modem that restarts comes back there."""
        session, self.session = self.session, None
        self.is_confirmed = False
        if session is not None:
            session.port.close()
