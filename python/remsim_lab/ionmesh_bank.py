# SPDX-License-Identifier: GPL-2.0-or-later
"""The orchestrator's side of an assignment: tenants, SIM slots, who has which, and when grace is
over. No network.

Modelled on terminills/osmo-remsim doc/IONMESH-INTEGRATION.md and IONMESH-ENHANCEMENTS.md, stricter
where those are silent: a client that has not been heard of for the grace time loses its slot, and
tenants do not see each other.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from remsim.clock import Clock

MODES = ("ONE_TO_ONE_SWSIM", "ONE_TO_ONE_VSIM", "KI_PROXY_SWSIM")
SHARED_MODE = "KI_PROXY_SWSIM"  # several clients per slot


@dataclass(frozen=True, slots=True)
class Slot:
    """Numbers begin at 1: the C fork takes 0 for missing."""

    bank_id: int
    slot_id: int
    iccid: str
    imsi: str
    modes: tuple[str, ...] = MODES

    @property
    def mcc_mnc(self) -> str:
        return self.imsi[:6]


@dataclass(slots=True)
class Client:
    client_id: str
    tenant_id: int
    mode: str
    slot: Slot
    registered_at: float
    heard_at: float
    profile_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    beats: int = 0
    status: str = "active"
    stats: dict[str, Any] = field(default_factory=dict)
    modem: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Happening:
    """What the bank did by itself or on request, for the log: registered, released, expired."""

    at: float
    what: str
    client_id: str


class NoSlot(Exception):
    def __init__(self, available_modes: tuple[str, ...]) -> None:
        super().__init__("no free slot")
        self.available_modes = available_modes


def make_slots(banks: int, slots_per_bank: int) -> tuple[Slot, ...]:
    """Every second slot is of another network, so that mcc_mnc makes a difference."""
    made = []
    for bank in range(1, banks + 1):
        for slot in range(1, slots_per_bank + 1):
            network = "310410" if slot % 2 else "262010"
            number = f"{bank:04d}{slot:05d}"
            made.append(Slot(bank, slot, f"8901{number:0>15}", f"{network}{number}"))
    return tuple(made)


def _nothing() -> None:
    """Nobody cares who has which slot."""


class Bank:
    """Thread-safe. `keys`: tenant id → API key, None for a tenant that needs none. `on_change` is
    called before the answer, whenever a slot was given or taken.
    """

    def __init__(
        self,
        clock: Clock,
        slots: tuple[Slot, ...],
        keys: dict[int, str | None],
        grace_s: float = 300.0,
    ) -> None:
        self.grace_s = grace_s
        self.happenings: list[Happening] = []
        self.on_change: Callable[[], None] = _nothing
        self._clock = clock
        self._slots = slots
        self._keys = keys
        self._clients: dict[str, Client] = {}
        self._lock = threading.RLock()

    def tenant_of(self, key: str | None) -> int | None:
        """The tenant that a key belongs to; None if it is nobody's."""
        return next((tenant for tenant, own in self._keys.items() if own and own == key), None)

    def needs_key(self, tenant_id: int) -> bool:
        return bool(self._keys.get(tenant_id))

    def knows(self, tenant_id: int) -> bool:
        return tenant_id in self._keys

    def register(
        self, client_id: str, tenant_id: int, mode: str, mcc_mnc: str, preferred: int | None
    ) -> tuple[Client, bool]:
        """The client and whether it was there before. NoSlot if nothing fits."""
        with self._lock:
            known = self.find(client_id, tenant_id)
            if known is not None:
                known.heard_at = self._clock.monotonic()
                return known, True
            slot = self._free(mode, mcc_mnc, preferred)
            if slot is None:
                free = tuple(each for each in MODES if self._free(each, mcc_mnc, preferred))
                raise NoSlot(free)
            now = self._clock.monotonic()
            client = Client(client_id, tenant_id, mode, slot, now, now)
            self._clients[client_id] = client
            self._note("registered", client_id, now)
            return client, False

    def beat(
        self, client: Client, status: str, stats: dict[str, Any], modem: dict[str, Any]
    ) -> None:
        with self._lock:
            client.heard_at = self._clock.monotonic()
            client.beats += 1
            client.status = status
            client.stats = stats or client.stats
            client.modem = modem or client.modem

    def find(self, client_id: str, tenant_id: int | None) -> Client | None:
        """Of that tenant (None: of any that needs no key), if its grace is not over."""
        with self._lock:
            self._expire()
            client = self._clients.get(client_id)
            if client is None:
                return None
            if tenant_id is None:
                return None if self.needs_key(client.tenant_id) else client
            return client if client.tenant_id == tenant_id else None

    def release(self, client_id: str, what: str = "released") -> bool:
        with self._lock:
            self._expire()
            if self._clients.pop(client_id, None) is None:
                return False
            self._note(what, client_id, self._clock.monotonic())
            return True

    def forget(self) -> None:
        """As a restart without a database does."""
        with self._lock:
            for client_id in tuple(self._clients):
                self.release(client_id, "forgotten")

    def clients(self) -> tuple[Client, ...]:
        with self._lock:
            self._expire()
            return self.holders()

    def holders(self) -> tuple[Client, ...]:
        """As the book has it; nobody is struck off by looking."""
        with self._lock:
            return tuple(self._clients.values())

    @property
    def slots(self) -> tuple[Slot, ...]:
        return self._slots

    def _free(self, mode: str, mcc_mnc: str, preferred: int | None) -> Slot | None:
        """The preferred bank first, then any: a preference is no condition."""
        taken = {client.slot for client in self._clients.values() if client.mode != SHARED_MODE}
        shared = {client.slot for client in self._clients.values() if client.mode == SHARED_MODE}
        refused = taken if mode == SHARED_MODE else taken | shared
        fitting = [
            slot
            for slot in self._slots
            if mode in slot.modes
            and slot not in refused
            and (not mcc_mnc or slot.mcc_mnc.startswith(mcc_mnc[:6]))
        ]
        return next(
            (slot for slot in fitting if slot.bank_id == preferred), next(iter(fitting), None)
        )

    def _expire(self) -> None:
        now = self._clock.monotonic()
        for client in tuple(self._clients.values()):
            over_at = client.heard_at + self.grace_s
            if over_at <= now:
                del self._clients[client.client_id]
                self._note("expired", client.client_id, over_at)

    def _note(self, what: str, client_id: str, at: float) -> None:
        self.happenings.append(Happening(at, what, client_id))
        self.on_change()
