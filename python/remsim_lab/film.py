# SPDX-License-Identifier: GPL-2.0-or-later
"""What happens in the lab, seen from outside: captures, GPIO edges, the bank's book.

Times are lab seconds since `begin()`. Rows are told as they happen; judgements come at the end.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from remsim.model import Role
from remsim_lab.desk import Say
from remsim_lab.evidence import Request, requests_sent
from remsim_lab.lab import Lab
from remsim_lab.network import addresses
from remsim_lab.network.capture import Capture, Captured
from remsim_lab.network.traffic import LanTraffic
from remsim_lab.rspro.server import BANKD_PORT, RSPRO_PORT

LOOK_S = 0.2  # of real time, between two looks
USER_PAUSE_S = 1.0  # of real time without an answer: the user traffic has stopped


@dataclass(frozen=True, slots=True)
class Seen:
    """One row of the time line."""

    at_s: float
    source: str  # "wwan0", "wwan1", "gpio", "bank", "users"
    text: str


class Film:
    """`directory` gets the captures."""

    def __init__(self, lab: Lab, directory: Path, say: Say) -> None:
        self._lab = lab
        self._say = say
        self._directory = directory
        self._stack = ExitStack()
        self._captures: dict[Role, Capture] = {}
        self._traffic: LanTraffic | None = None
        self._began_wall = 0.0
        self._began_monotonic = 0.0
        self._rows: list[Seen] = []
        self._told: set[Seen] = set()
        self._users_flow: bool | None = None

    def __enter__(self) -> Film:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def roll(self) -> None:
        """Start the captures and the users."""
        for role in Role:
            path = self._directory / f"{addresses.LINKS[role].device}.pcap"
            self._captures[role] = self._stack.enter_context(self._lab.capture(role, path))
        self._traffic = self._stack.enter_context(self._lab.network.lan_traffic())

    def begin(self) -> None:
        """Now is zero."""
        self._began_wall = time.time()
        self._began_monotonic = time.monotonic()

    @property
    def now_s(self) -> float:
        return (time.monotonic() - self._began_monotonic) * self._lab.speed

    def tell(self, text: str) -> None:
        self._say(f"{self.now_s:8.1f}  {text}")

    def watch(self, until_s: float, is_over: Callable[[], bool] = lambda: False) -> bool:
        """Tell what happens until then, or until `is_over()`; whether it was over."""
        pause = threading.Event()
        while self.now_s < until_s:
            self._look()
            if is_over():
                return True
            pause.wait(LOOK_S)
        self._look()
        return is_over()

    # --- what was seen ------------------------------------------------------------------------

    def captured(self, role: Role) -> tuple[Captured, ...]:
        return self._captures[role].packets()

    def captured_since(self, role: Role, after_s: float) -> Iterator[tuple[float, Captured]]:
        """With their time in lab seconds."""
        for each in self.captured(role):
            at_s = self._lab_s(each.at_s)
            if at_s >= after_s:
                yield at_s, each

    def requests(self, role: Role) -> tuple[tuple[float, Request], ...]:
        """With their time in lab seconds; negative before the beginning."""
        sent = requests_sent(self.captured(role))
        return tuple((self._lab_s(each.at_s), each) for each in sent)

    def beats(self, *roles: Role) -> list[float]:
        """Heartbeats that left by these links, in order of time."""
        return sorted(
            at_s
            for role in roles
            for at_s, request in self.requests(role)
            if request.action == "heartbeat"
        )

    def edges(self, line: str) -> list[tuple[float, int]]:
        """Raw levels of a GPIO line since the beginning."""
        return [
            ((edge.at - self._began_monotonic) * self._lab.speed, edge.level)
            for edge in self._lab.board.edges
            if edge.name == line and edge.at >= self._began_monotonic
        ]

    def bank(self, what: str) -> list[float]:
        """When the bank booked "registered", "expired" or "released" since the beginning."""
        began = self._began_monotonic * self._lab.speed  # the bank's clock is the lab's
        return [
            each.at - began
            for each in self._lab.mesh.bank.happenings
            if each.what == what and each.at >= began
        ]

    def users_answered(self, role: Role, after_s: float) -> float | None:
        """When a user's packet was first answered over this link after that moment."""
        for each in self.captured(role):
            at_s = self._lab_s(each.at_s)
            is_users = each.packet.source == addresses.WEBSITE and not each.outbound
            if is_users and at_s > after_s:
                return at_s
        return None

    # --- telling ------------------------------------------------------------------------------

    def _lab_s(self, wall_s: float) -> float:
        return (wall_s - self._began_wall) * self._lab.speed

    def _look(self) -> None:
        self._lab.mesh.bank.clients()  # the bank books an expiry when it is asked
        fresh = [row for row in self._all_rows() if row not in self._told and row.at_s >= 0]
        for row in sorted(fresh, key=lambda row: row.at_s):
            self._told.add(row)
            self._say(f"{row.at_s:8.1f}  {row.source:<6} {row.text}")
        self._look_at_users()

    def _all_rows(self) -> Iterable[Seen]:
        for role, link in addresses.LINKS.items():
            for at_s, request in self.requests(role):
                text = f"{request.method} {request.action} to {request.destination}"
                yield Seen(at_s, link.device, text)
        if self._lab.has_remote_sim:
            yield from self._sim_rows()
        for edge in self._lab.board.edges:
            at_s = (edge.at - self._began_monotonic) * self._lab.speed
            yield Seen(at_s, "gpio", f"{edge.name} goes {'high' if edge.level else 'low'}")
        for each in self._lab.mesh.bank.happenings:
            at_s = each.at - self._began_monotonic * self._lab.speed
            yield Seen(at_s, "bank", f"{each.what}: {each.client_id}")

    def _sim_rows(self) -> Iterable[Seen]:
        """Each new RSPRO connection, and what the modem's SIM contacts see."""
        known: set[str] = set()
        for role, link in addresses.LINKS.items():
            for at_s, each in self.captured_since(role, 0.0):
                packet = each.packet
                is_rspro = packet.dport in (RSPRO_PORT, BANKD_PORT) and packet.payload
                if each.outbound and is_rspro and packet.flow not in known:
                    known.add(packet.flow)
                    yield Seen(at_s, link.device, f"RSPRO to {packet.destination}:{packet.dport}")
        for step in self._lab.router_side.slot.steps:
            at_s = (step.at - self._began_monotonic) * self._lab.speed
            yield Seen(at_s, "sim", step.text)

    def _look_at_users(self) -> None:
        if self._traffic is None:
            return
        last = self._traffic.count.last_answer_at
        flows = last is not None and time.monotonic() - last < USER_PAUSE_S
        if flows != self._users_flow:
            self._users_flow = flows
            self.tell("users  traffic of the LAN is answered" if flows else "users  no answers")
