# SPDX-License-Identifier: GPL-2.0-or-later
"""The workers of the daemon, made from Settings; orders find their worker here. Decides nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar

from remsim.clock import Clock, Deadline
from remsim.errors import NotPossibleError
from remsim.events import (
    ApplyRoutes,
    AskAt,
    Event,
    Hotplugged,
    Order,
    Probe,
    Register,
    ReleaseRoutes,
    RunStep,
    SendBeat,
    SwitchSim,
    Unregister,
)
from remsim.gpio.control import NamedLines
from remsim.gpio.holder import LineHolder
from remsim.gpio.worker import LineWorker
from remsim.link import LinkWatcher
from remsim.model import LinkObservation, Role
from remsim.modem.attach import Claims
from remsim.modem.worker import ModemWorker
from remsim.net.bind import LinkBinding
from remsim.net.probe import Prober
from remsim.net.resolve import LinkResolver
from remsim.netifd import InterfaceControl, Netifd
from remsim.orchestrator.worker import OrchestratorWorker
from remsim.paths import Paths
from remsim.routing.names import AllowedNames
from remsim.routing.plan import is_literal
from remsim.routing.worker import RoutingWorker
from remsim.settings import Settings

W = TypeVar("W")

LOG = logging.getLogger(__name__)

RESOLVE_S = 10.0  # for one name of routing.allow
STOP_S = 2.0  # a worker that is being replaced gets this long
HELD_LOCAL = 0  # logical level of modem 2's SIM switch: local, for ever


class Worker(Protocol):
    def start(self) -> None: ...

    def stop(self, deadline_s: float) -> object: ...


class Workers:
    """All worker threads. `post` takes their events."""

    def __init__(
        self, settings: Settings, paths: Paths, clock: Clock, post: Callable[[Event], None]
    ) -> None:
        self._settings = settings
        self._paths = paths
        self._clock = clock
        self._post = post
        self._netifd = Netifd(paths)
        self._links: dict[Role, LinkObservation] = {}
        self._running = False
        self._build()

    def _build(self) -> None:
        settings, clock, post = self._settings, self._clock, self._post
        self.lines = LineHolder(self._paths, clock, settings.lines)
        self._line_worker = LineWorker(
            self.lines, {f"{Role.IOT.value}.sim_switch": HELD_LOCAL}, post, clock
        )
        self._link_watcher = LinkWatcher(settings.interfaces, post, clock, self._netifd)
        self._routing = RoutingWorker(settings.routing, post, clock)
        self._named_lines = NamedLines(self.lines)
        claims = Claims()
        self._iot_names = LinkResolver(clock)
        self._allowed = AllowedNames(
            tuple(host for host in settings.routing.allow if not is_literal(host)),
            lambda name: self._iot_names.resolve(name, Deadline.after(clock, RESOLVE_S)),
            self._routing.resolved,
            clock,
        )
        self._modems = {
            modem.role: ModemWorker(
                modem,
                paths=self._paths,
                clock=clock,
                post=post,
                lines=self._named_lines,
                interface=InterfaceControl(settings.interface(modem.role), self._netifd),
                claims=claims,
            )
            for modem in settings.modems
        }
        self._probers: dict[Role, Prober] = {}
        self._orchestrators: dict[Role, OrchestratorWorker] = {}
        for role, _ in settings.interfaces:
            mark = settings.routing.marks.of(role)
            self._probers[role] = Prober(role, mark, clock, post)
            if settings.orchestrator is not None:
                self._orchestrators[role] = OrchestratorWorker(
                    role, settings.orchestrator, mark, clock, post
                )

    @property
    def _all(self) -> tuple[Worker, ...]:
        return (
            self._line_worker,
            self._routing,
            *self._modems.values(),
            *self._probers.values(),
            *self._orchestrators.values(),
            self._allowed,
            self._link_watcher,
        )

    def start(self) -> None:
        self._running = True
        for worker in self._all:
            worker.start()

    def stop(self, deadline_s: float) -> None:
        """Detach: lines, routes and modems stay as they are."""
        self._running = False
        self._named_lines.hurry()
        deadline = self._clock.monotonic() + deadline_s
        for worker in reversed(self._all):
            worker.stop(max(0.1, deadline - self._clock.monotonic()))

    def reconfigure(self, settings: Settings) -> None:
        """A change of numbers or routing leaves the workers and their ports alone."""
        before, self._settings = self._settings, settings
        if _needs_rebuild(before, settings):
            was_running = self._running
            if was_running:
                self.stop(STOP_S)
            self._build()
            if was_running:
                self.start()
            for link in self._links.values():
                self.set_link(link)
            return
        if settings.routing != before.routing:
            self._routing.configure(settings.routing)

    # --- orders ----------------------------------------------------------------------------

    def submit(self, order: Order) -> None:
        """Never blocks. BusyError when the worker's queue is full."""
        if isinstance(order, RunStep | SwitchSim | AskAt):
            self._of(self._modems, order.role).submit(order)
        elif isinstance(order, SendBeat | Register | Unregister):
            self._of(self._orchestrators, order.role).submit(order)
        elif isinstance(order, Probe):
            self._of(self._probers, order.role).submit(order)
        elif isinstance(order, ApplyRoutes | ReleaseRoutes):
            self._routing.submit(order)

    @staticmethod
    def _of(workers: Mapping[Role, W], role: Role) -> W:
        try:
            return workers[role]
        except KeyError:
            raise NotPossibleError(f"{role.value} is not in use") from None

    def set_link(self, link: LinkObservation) -> None:
        """The sockets of this link are bound to what was seen last."""
        self._links[link.role] = link
        if link.role in self._probers:
            self._probers[link.role].set_link(link)
        if link.role in self._orchestrators:
            self._orchestrators[link.role].set_link(link)
        if link.role is Role.IOT:
            mark = self._settings.routing.marks.of(link.role)
            self._iot_names.rebind(LinkBinding.of(link, mark))
            self._allowed.poke()

    def mark_of(self, link: LinkObservation) -> int:
        """SO_MARK that keeps a socket on this link."""
        return self._settings.routing.marks.of(link.role)

    def look_at_lines(self) -> None:
        """A SIM switch ended: it may have failed after its line had moved."""
        self._line_worker.look_soon()

    def hotplug(self, event: Hotplugged) -> None:
        """Somebody plugged something: look now instead of at the next poll."""
        self._link_watcher.poke()
        if event.subsystem in ("tty", "wwan", "usb"):
            for modem in self._modems.values():
                modem.nudge()


def _needs_rebuild(before: Settings, after: Settings) -> bool:
    return (
        before.modems != after.modems
        or before.routing.allow != after.routing.allow
        or before.lines != after.lines
        or before.interfaces != after.interfaces
        or before.orchestrator != after.orchestrator
        or (before.routing.mark, before.routing.mark_mask)
        != (after.routing.mark, after.routing.mark_mask)
    )
