# SPDX-License-Identifier: GPL-2.0-or-later
"""Orchestrator worker: carries out SendBeat, Register and Unregister over one link. One thread per
link.

Each link has its own worker with its own kept connection, so that a change of path never waits for
the other link. Nothing is decided or repeated here; every order is answered by exactly one event.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from remsim.clock import Clock, Deadline
from remsim.errors import PeerUnreachable, RemsimError
from remsim.events import (
    BeatDone,
    BeatOutcome,
    Event,
    Register,
    RegisterDone,
    SendBeat,
    Unregister,
    UnregisterDone,
)
from remsim.model import Failure, LinkObservation, Role
from remsim.net.bind import LinkBinding
from remsim.net.orders import OrderThread
from remsim.orchestrator.api import Orchestrator, OrchestratorSettings, code_of, outcome_of
from remsim.orchestrator.ionmesh import open_ionmesh

LOG = logging.getLogger(__name__)

Job = SendBeat | Register | Unregister
OpenOrchestrator = Callable[[OrchestratorSettings, Clock], Orchestrator]


class OrchestratorWorker:
    """`mark` is the link's SO_MARK, 0 for none. The client is opened by the first order, on the
    thread.
    """

    def __init__(
        self,
        role: Role,
        settings: OrchestratorSettings,
        mark: int,
        clock: Clock,
        post: Callable[[Event], None],
        open_client: OpenOrchestrator = open_ionmesh,
    ) -> None:
        self._role = role
        self._settings = settings
        self._mark = mark
        self._clock = clock
        self._post = post
        self._open_client = open_client
        self._client: Orchestrator | None = None
        self._link: LinkObservation | None = None
        self._was_down = False
        self._failures: dict[type[Job], int] = {}
        self._thread = OrderThread[Job](f"orchestrator-{role.value}", self._carry_out, self._end)

    def start(self) -> None:
        self._thread.start()

    def submit(self, order: Job) -> None:
        """Never blocks. BusyError when too many orders wait."""
        self._thread.submit(order)

    def stop(self, deadline_s: float) -> None:
        """An exchange in hand is cut off; the server is not told anything."""
        self._thread.begin_stop()
        if self._client is not None:
            self._client.abort()
        self._thread.stop(deadline_s)

    def set_link(self, seen: LinkObservation) -> None:
        """From any thread; counts for the next order."""
        if not seen.is_usable:
            self._was_down = True
        self._link = seen

    def _carry_out(self, order: Job) -> None:
        try:
            done = self._answer(order)
            self._failures[type(order)] = 0
        except RemsimError as error:
            done = self._failed(order, error)
        except Exception as error:
            LOG.exception("order %s", type(order).__name__)
            done = self._failed(order, RemsimError(f"unforeseen {type(error).__name__}"))
        self._post(done)

    def _answer(self, order: Job) -> Event:
        deadline = Deadline.after(self._clock, order.timeout_s)
        client = self._bound_client()
        if isinstance(order, SendBeat):
            return self._beat(client, order, deadline)
        if isinstance(order, Register):
            registered = client.register(deadline)
            answered = BeatOutcome.ANSWERED
            return RegisterDone(
                order.id, order.role, answered, registered.host, registered.assignment
            )
        client.unregister(deadline)
        return UnregisterDone(order.id, order.role)

    def _beat(self, client: Orchestrator, order: SendBeat, deadline: Deadline) -> BeatDone:
        """A part of the answer that could not be used shows as a failure; the beat is answered all
        the same.
        """
        reply = client.beat(order.report, deadline)
        failure = None
        if reply.ignored:
            reason = f"{reply.host}: part of the answer ignored: {'; '.join(reply.ignored)}"
            failure = Failure(1, "", reason, "peer_nonsense", self._clock.monotonic())
        return BeatDone(
            order.id,
            order.role,
            BeatOutcome.ANSWERED,
            reply.host,
            round(reply.rtt_ms, 1),
            reply.next_interval_s,
            reply.commands,
            failure,
        )

    def _failed(self, order: Job, error: RemsimError) -> Event:
        attempt = self._failures[type(order)] = self._failures.get(type(order), 0) + 1
        now = self._clock.monotonic()
        failure = Failure(attempt, code_of(error), error.reason, error.code, now)
        host = getattr(error, "peer", "")
        outcome = outcome_of(error, isinstance(order, SendBeat))
        if isinstance(order, SendBeat):
            return BeatDone(order.id, order.role, outcome, host, failure=failure)
        if isinstance(order, Register):
            return RegisterDone(order.id, order.role, outcome, host, failure=failure)
        return UnregisterDone(order.id, order.role, failure)

    def _bound_client(self) -> Orchestrator:
        seen = self._link
        if seen is None or not seen.is_usable:
            host = next(iter(self._settings.hosts), "IonMesh")
            raise PeerUnreachable(host, f"the {self._role.title} link is down", word="ENETDOWN")
        if self._client is None:
            self._client = self._open_client(self._settings, self._clock)
        if self._was_down:  # a device of the same name may be another one: sockets do not move
            self._was_down = False
            self._client.rebind(LinkBinding())
        self._client.rebind(LinkBinding.of(seen, self._mark))
        return self._client

    def _end(self) -> None:
        if self._client is not None:
            self._client.close()
