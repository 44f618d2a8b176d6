# SPDX-License-Identifier: GPL-2.0-or-later
"""One modem on one thread: it polls, carries out orders
one at a time, and posts what it saw. It decides nothing.

At its start it adopts what it finds: no reset, no radio cycle, no edge on any line. Every order is
answered by exactly one event, whatever happens; every operation has a deadline; `stop()` is noticed
within half a second.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import replace

from remsim.clock import Clock, Deadline
from remsim.errors import BusyError, NotPossibleError, RemsimError
from remsim.events import (
    AskAt,
    AtDone,
    Event,
    ModemSeen,
    OrderProgress,
    RunStep,
    SimSwitched,
    StepDone,
    SwitchSim,
)
from remsim.model import Failure, ModemObservation
from remsim.modem import commands
from remsim.modem.attach import Attachment, Claims, PortOpener
from remsim.modem.bus import SysfsBus
from remsim.modem.collaborators import BusControl, InterfaceControl, LineControl
from remsim.modem.memory import ModemMemory
from remsim.modem.poller import Poller
from remsim.modem.port import open_serial
from remsim.modem.profile import ProfileTable
from remsim.modem.readings import failure_of
from remsim.modem.settings import ModemSettings
from remsim.modem.steps import StepRunner
from remsim.modem.switch import SimSwitch
from remsim.paths import Paths

# Orders waiting for one modem. The core has one under way at a time; people and scripts add a few.
QUEUE_MAX = 32

# Longest a typed command may take, seconds: AT+COPS=? needs 180.
ASK_MAX_S = 180.0

ModemOrder = RunStep | SwitchSim | AskAt


class ModemWorker:
    """`post` is thread-safe. `lines` and `interface` may be None:
    then steps that need them say so."""

    def __init__(
        self,
        settings: ModemSettings,
        *,
        paths: Paths,
        clock: Clock,
        post: Callable[[Event], None],
        lines: LineControl | None = None,
        interface: InterfaceControl | None = None,
        claims: Claims | None = None,
        bus: BusControl | None = None,
        open_port: PortOpener = open_serial,
        table: ProfileTable | None = None,
    ) -> None:
        self._settings = settings
        self._paths = paths
        self._clock = clock
        self._post = post
        self._lines = lines
        self._interface = interface
        self._claims = claims or Claims()
        self._bus: BusControl = bus or SysfsBus(paths, clock)
        self._open_port = open_port
        self._table = table
        self._log = logging.getLogger(f"remsim.{settings.role.value}")
        self._orders: deque[ModemOrder] = deque()
        self._new_settings: ModemSettings | None = None
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._cancelled: int | None = None
        self._current: int | None = None
        self._is_nudged = False
        self._next_poll_at = 0.0
        self._thread: threading.Thread | None = None

    # --- for the main thread ------------------------------------------------------------------

    def start(self) -> None:
        self.adopt()
        name = f"remsim-{self._settings.role.value}"
        self._thread = threading.Thread(target=self._loop, name=name, daemon=True)
        self._thread.start()

    def submit(self, order: ModemOrder) -> None:
        """Never blocks. BusyError when too much is waiting already."""
        with self._lock:
            if len(self._orders) >= QUEUE_MAX:
                raise BusyError(f"{self._settings.role.value} has {QUEUE_MAX} orders waiting")
            self._orders.append(order)
        self._wake.set()

    def cancel(self, order_id: int) -> None:
        """Call an order off; it is answered with a failure. A flip that was made stays made."""
        with self._lock:
            self._cancelled = order_id
        self._wake.set()

    def nudge(self) -> None:
        """Something happened to the modem (hotplug): look now rather than at the next interval."""
        self._is_nudged = True
        self._wake.set()

    def update(self, settings: ModemSettings) -> None:
        """A new configuration, taken over before the next poll."""
        with self._lock:
            self._new_settings = settings
        self._is_nudged = True
        self._wake.set()

    def stop(self, deadline_s: float) -> bool:
        """Lines, interface and modem stay as they are. False if the thread did not end in time."""
        self._stopping.set()
        self._wake.set()
        if self._thread is None:
            return True
        self._thread.join(deadline_s)
        return not self._thread.is_alive()

    @property
    def is_alive(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    # --- the thread ---------------------------------------------------------------------------

    def adopt(self) -> None:
        """Put together what works on this modem.
        Touches nothing but a bus restart that a crash interrupted."""
        settings, clock = self._settings, self._clock
        table = self._table = self._table or ProfileTable.load()
        memory = ModemMemory(self._paths, settings.role)
        memory.load()
        self._attachment = Attachment(
            settings,
            self._paths,
            clock,
            table,
            memory,
            self._claims,
            self._open_port,
            self._is_stopping,
            self._unsolicited,
        )
        self._poller = Poller(settings, self._attachment, clock, memory)
        self._steps = StepRunner(
            settings,
            self._attachment,
            self._poller,
            clock,
            self._bus,
            self._lines,
            self._interface,
            self._stopping,
        )
        self._switch = SimSwitch(
            settings,
            self._attachment,
            self._poller,
            self._steps,
            clock,
            self._lines,
            self._pause,
            self._seen,
        )
        self._end_interrupted_restart()

    def _end_interrupted_restart(self) -> None:
        place = self._attachment.place
        try:
            if place is not None and self._bus.finish_interrupted(place):
                self._log.warning("%s was left switched off; it is on again", place)
        except RemsimError as error:
            self._log.warning("%s", error.reason)

    def _loop(self) -> None:
        while not self._stopping.is_set():
            self.turn()
            self._clock.wait(self._wake, self.pause_s)
            self._wake.clear()
        self._refuse_the_rest()
        self._attachment.close()

    @property
    def pause_s(self) -> float:
        """Until there is something to do, unless something comes up."""
        with self._lock:
            if self._orders or self._is_nudged:
                return 0.0
        return max(0.0, self._next_poll_at - self._clock.monotonic())

    def turn(self) -> None:
        """One order, and a poll if one is due."""
        self._take_settings()
        order = self._next_order()
        if order is not None:
            self._carry_out(order)
        if self._is_nudged or self._clock.monotonic() >= self._next_poll_at:
            self._is_nudged = False
            self._poll()

    def _take_settings(self) -> None:
        with self._lock:
            settings, self._new_settings = self._new_settings, None
        if settings is None or settings == self._settings:
            return
        is_same_modem = _binding_of(settings) == _binding_of(self._settings)
        self._settings = settings
        if is_same_modem:
            for part in (self._attachment, self._steps, self._switch):
                part.settings = settings
            self._poller.use(settings)
        else:
            self._attachment.close()
            self._claims.claim(settings.role, None)
            self.adopt()

    def _next_order(self) -> ModemOrder | None:
        with self._lock:
            return self._orders.popleft() if self._orders else None

    def _poll(self) -> None:
        try:
            self._seen(self._poller.poll())
        except BusyError as error:
            # Called off because the thread is ending; anything else is a port left in disorder.
            if not self._stopping.is_set():
                self._log.warning("%s", error.reason)
                self._attachment.close()
        except Exception:  # noqa: BLE001 the unforeseen must not end the thread
            self._log.exception("unforeseen while polling")
            self._attachment.close()
        self._next_poll_at = self._clock.monotonic() + self._poller.pause_s

    def _seen(self, observation: ModemObservation) -> None:
        self._post(ModemSeen(observation))

    # --- orders -------------------------------------------------------------------------------

    def _carry_out(self, order: ModemOrder) -> None:
        self._current = order.id
        try:
            event = self._done(order)
        except RemsimError as error:
            event = self._failed(order, error)
        except Exception as error:  # noqa: BLE001 every order is answered
            self._log.exception("unforeseen while carrying out %s", type(order).__name__)
            event = self._failed(order, RemsimError(f"unforeseen: {type(error).__name__}"))
        finally:
            self._current = None
            self._clear_cancelled(order.id)
        self._post(event)
        self._is_nudged = True  # show at once what came of it

    def _done(self, order: ModemOrder) -> Event:
        if self._is_called_off():
            raise BusyError("called off")
        if isinstance(order, RunStep):
            self._steps.run(order.step)
            return StepDone(order.id, order.role, order.step)
        if isinstance(order, SwitchSim):
            iccid = self._switch.run(order, lambda phase: self._progress(order.id, phase))
            return SimSwitched(order.id, order.role, order.source, iccid)
        return AtDone(order.id, order.role, self._ask_at(order))

    def _ask_at(self, order: AskAt) -> tuple[str, ...]:
        commands.check_typed(order.command)
        timeout_s = min(order.timeout_s, ASK_MAX_S)
        session = self._attachment.open()
        if not self._attachment.is_confirmed:
            self._seen(self._poller.poll())
        if self._attachment.session is not session:
            raise NotPossibleError("the modem is not there, or not the right one")
        deadline = Deadline.after(self._clock, timeout_s)
        return session.ask_typed(order.command, timeout_s, deadline)

    def _failed(self, order: ModemOrder, error: RemsimError) -> Event:
        now = self._clock.monotonic()
        failure = failure_of(error, now)
        if isinstance(order, SwitchSim):
            failure = replace(failure, reason=f"{self._switch.phase}: {failure.reason}")
        return _answer(order, failure)

    def _progress(self, order_id: int, phase: str) -> None:
        self._post(OrderProgress(order_id, phase))

    def _refuse_the_rest(self) -> None:
        while (order := self._next_order()) is not None:
            self._post(_answer(order, failure_of(BusyError("stopping"), self._clock.monotonic())))

    # --- called off ---------------------------------------------------------------------------

    def _is_stopping(self) -> bool:
        """For single exchanges: a cancelled order ends between them, a stop even within."""
        return self._stopping.is_set() and not self._steps.is_critical

    def _is_called_off(self) -> bool:
        if self._stopping.is_set():
            return True
        with self._lock:
            return self._current is not None and self._cancelled == self._current

    def _clear_cancelled(self, order_id: int) -> None:
        with self._lock:
            if self._cancelled == order_id:
                self._cancelled = None

    def _pause(self, seconds: float) -> bool:
        """Wait; True when called off. Other wake-ups are left for the loop."""
        self._clock.wait(self._stopping, seconds)
        return self._is_called_off()

    def _unsolicited(self, line: str) -> None:
        """Nothing is decided by what a modem says unasked:
        some firmware never says it. It is a hint to look."""
        self._log.debug("unsolicited: %s", line)


def _answer(order: ModemOrder, failure: Failure) -> Event:
    if isinstance(order, RunStep):
        return StepDone(order.id, order.role, order.step, failure)
    if isinstance(order, SwitchSim):
        return SimSwitched(order.id, order.role, order.source, None, failure)
    return AtDone(order.id, order.role, (), failure)


def _binding_of(settings: ModemSettings) -> tuple[object, ...]:
    """What decides which modem it is: a change means starting over."""
    return (
        settings.device,
        settings.bus_path,
        settings.imei,
        settings.profile,
        settings.other_bus_path,
        settings.has_other,
    )
