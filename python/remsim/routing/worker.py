# SPDX-License-Identifier: GPL-2.0-or-later
"""The routing thread: carries out ApplyRoutes and ReleaseRoutes, and puts back what others flush.

netifd flushes rules at start and on reload, a firewall restart may flush nft tables. The kernel's
notifications wake the thread; a look every minute is for what they do not tell. It decides nothing:
the control path is part of the order. At stop everything stays as it is (detach).
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from remsim.clock import Clock
from remsim.errors import BusyError, RemsimError
from remsim.events import ApplyRoutes, Event, ReleaseRoutes, RoutesDone, RoutesLost
from remsim.model import Failure
from remsim.netlink import IPV4_ROUTE, IPV4_RULE, IPV6_ROUTE, IPV6_RULE, Waker
from remsim.routing.apply import Kernel
from remsim.routing.diff import Changes
from remsim.routing.names import Resolved
from remsim.routing.plan import RoutingMode, RoutingSettings, make_plan, release_plan
from remsim.routing.table import Plan

LOG = logging.getLogger(__name__)

QUEUE_MAX = 32  # orders waiting; more means that the core goes wild
LOOK_PERIOD_S = 60.0  # without any notification
SETTLE_S = 0.2  # a flush is many notifications; look once, when they pause
LOOK_GAP_S = 0.5  # busy routers change routes all the time
RETRY_S = 5.0  # after what could not be put back

NOTICES = (IPV4_ROUTE, IPV4_RULE, IPV6_ROUTE, IPV6_RULE)

Order = ApplyRoutes | ReleaseRoutes


@dataclass(frozen=True, slots=True)
class _Resolved:
    """New addresses of the names in routing.allow."""

    pairs: Resolved


Item = Order | RoutingSettings | _Resolved


class RoutingWorker:
    """`submit()` never blocks. Each order is answered by one RoutesDone."""

    def __init__(
        self,
        settings: RoutingSettings,
        post: Callable[[Event], None],
        clock: Clock,
        kernel: Kernel | None = None,
    ) -> None:
        self._settings = settings
        self._post = post
        self._clock = clock
        self._kernel = kernel or Kernel()
        self._queue: queue.Queue[Item] = queue.Queue(QUEUE_MAX)
        self._waker = Waker("routing-notices", clock, NOTICES, has_nft=True)
        self._thread: threading.Thread | None = None
        self._is_stopping = threading.Event()
        self._last: ApplyRoutes | None = None
        self._plan: Plan | None = None
        self._failures = 0
        self._look_at = 0.0

    def start(self) -> None:
        """OSError where the kernel refuses notifications (no CAP_NET_ADMIN)."""
        self._waker.open()
        self._thread = threading.Thread(target=self._run, name="routing", daemon=True)
        self._thread.start()

    def submit(self, order: Order) -> None:
        self._put(order)

    def configure(self, settings: RoutingSettings) -> None:
        """New settings, in turn with the orders. They count from the next ApplyRoutes on, which the
        core submits after it; only routing.mode=none releases at once."""
        self._put(settings)

    def resolved(self, pairs: Resolved) -> None:
        """Addresses of the names in routing.allow; they count at once."""
        self._put(_Resolved(pairs))

    def stop(self, deadline_s: float) -> None:
        """Detach: rules, routes and protection stay."""
        if self._thread is None:
            return
        self._is_stopping.set()
        self._waker.wake()
        self._thread.join(deadline_s)
        if not self._thread.is_alive():
            self._waker.close()

    def _put(self, item: Item) -> None:
        try:
            self._queue.put_nowait(item)
        except queue.Full as error:
            raise BusyError("routing is busy") from error
        self._waker.wake()

    # --- on the thread -----------------------------------------------------------------------

    def _run(self) -> None:
        self._look_at = self._clock.monotonic() + LOOK_PERIOD_S
        looked_at = self._clock.monotonic() - LOOK_GAP_S
        while not self._is_stopping.is_set():
            now = self._clock.monotonic()
            if self._waker.wait(self._look_at - now):
                settled = max(self._clock.monotonic() + SETTLE_S, looked_at + LOOK_GAP_S)
                self._look_at = min(self._look_at, settled)
            self._take_orders()
            if self._clock.monotonic() >= self._look_at:
                self._look_at = self._clock.monotonic() + LOOK_PERIOD_S
                self._look()
                looked_at = self._clock.monotonic()

    def _take_orders(self) -> None:
        while not self._is_stopping.is_set():
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                return
            if isinstance(item, RoutingSettings):
                self._reconfigure(item)
            elif isinstance(item, _Resolved):
                self._take_names(item)
            else:
                self._post(self._answer(item))

    def _reconfigure(self, settings: RoutingSettings) -> None:
        former = self._settings
        self._settings = replace(settings, resolved=settings.resolved or former.resolved)
        if settings.mode is RoutingMode.NONE and self._last is not None:
            self._plan = None
            try:
                self._kernel.apply(release_plan(former, self._last.links))
            except RemsimError as error:
                LOG.warning("routes were not released: %s", error.reason)

    def _take_names(self, item: _Resolved) -> None:
        self._settings = replace(self._settings, resolved=item.pairs)
        if self._last is None or self._plan is None:
            return
        try:
            self._plan = make_plan(self._settings, self._last.links, self._last.control)
            self._kernel.apply(self._plan)
        except RemsimError as error:
            self._trouble(error.reason)

    def _answer(self, order: Order) -> RoutesDone:
        try:
            changes = self._apply(order) if isinstance(order, ApplyRoutes) else self._release()
        except RemsimError as error:
            return RoutesDone(order.id, failure=self._failure(error.code, error.reason))
        except Exception as error:
            LOG.exception("order %d", order.id)
            return RoutesDone(order.id, failure=self._failure("error", repr(error)))
        self._failures = 0
        return RoutesDone(order.id, changes.count)

    def _apply(self, order: ApplyRoutes) -> Changes:
        self._last = order
        self._plan = None  # a plan that cannot be made leaves nothing to be guarded
        plan = make_plan(self._settings, order.links, order.control)
        self._plan = plan
        return self._kernel.apply(plan)

    def _release(self) -> Changes:
        links = self._last.links if self._last is not None else ()
        self._plan = self._last = None
        return self._kernel.apply(release_plan(self._settings, links))

    def _look(self) -> None:
        if self._plan is None:
            return
        try:
            changes = self._kernel.apply(self._plan)
        except RemsimError as error:
            self._trouble(error.reason)
            return
        self._failures = 0
        if changes.missing:
            LOG.warning("put back: %s", "; ".join(changes.lines))
            self._post(RoutesLost(f"{changes.missing} rules or routes were gone, now put back"))
        elif changes.count:  # netifd's default route over the IoT link, at each of its ifups
            LOG.info("taken away again: %s", "; ".join(changes.lines))

    def _trouble(self, reason: str) -> None:
        """Said once per trouble; tried again soon."""
        self._failures += 1
        self._look_at = self._clock.monotonic() + RETRY_S * min(self._failures, 12)
        if self._failures == 1:
            LOG.warning("cannot be put back: %s", reason)
            self._post(RoutesLost(f"rules or routes are gone and cannot be put back: {reason}"))

    def _failure(self, kind: str, reason: str) -> Failure:
        self._failures += 1
        now = self._clock.monotonic()
        retry_at = None
        if self._plan is not None:
            retry_at = self._look_at = now + RETRY_S
        return Failure(self._failures, "", reason, kind, now, retry_at)
