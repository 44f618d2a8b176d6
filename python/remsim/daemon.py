# SPDX-License-Identifier: GPL-2.0-or-later
"""remsimd: the main loop, the life cycle, and nothing else.

The main thread owns ubus and the core: it sleeps until ubus, a worker's post or a moment wakes it;
then the queue, then one `core.step` for each event. Workers post; they are told by orders. SIGTERM
detaches: state is saved, lines and routes stay, the assignment lives on. Only a `release` job gives
anything back.
"""

from __future__ import annotations

from remsim import lean  # isort: skip  (before everything that it keeps small)

import contextlib
import faulthandler
import logging
import os
import queue
import socket
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from remsim import __version__, client_events, core, saved, snapshot
from remsim.assembly import Workers
from remsim.bus.api import ALERT_EVENT, STATE_EVENT
from remsim.bus.objects import Methods
from remsim.bus.ubus import BusServer, take_signals
from remsim.client_events import ClientEvent, Settling
from remsim.client_files import ClientFiles
from remsim.clock import Clock, SystemClock
from remsim.config import store
from remsim.config.files import write_atomically
from remsim.config.values import Config, LoadResult, Notice, Problem
from remsim.errors import BusError, ConfigError, RemsimError
from remsim.eventloop import EventLoop
from remsim.events import Event, Hotplugged, LinkSeen, Order, SimSwitched, StorageSeen
from remsim.failover.state import FailoverState
from remsim.history import series
from remsim.history.keeper import HistoryKeeper
from remsim.history.series import Question
from remsim.history.store import AuditRow
from remsim.installed import this_build
from remsim.jobs import Kind, Wanted
from remsim.paths import Paths
from remsim.settings import Settings, build
from remsim.snapshot import Context, Json
from remsim.state import ClientChanged, CoreEvent, PolicyChanged, ReloadDone, Result, State, Tick
from remsim.storage import ConfigRead, StorageWorker, read_text

LOG = logging.getLogger("remsim")

TURN_S = 10.0  # of an idle main loop; a post, a call or a deadline wakes it before
QUEUE_MAX = 512  # events waiting; workers post a few a second
STOP_DEADLINE_S = 3.0  # procd sends SIGKILL after 5 s
STUCK_AFTER_S = (
    60.0  # main loop without a turn: the watchdog ends the process, procd starts it anew
)
WATCHDOG_PERIOD_S = 10.0
STUCK_EXIT = 70  # sysexits EX_SOFTWARE
SAMPLE_PERIOD_S = 60.0  # of the history
SAVE_PERIOD_S = 300.0  # the saved state is never older, even when nothing happens


class Daemon:
    """Composition root. `run()` returns the exit code."""

    def __init__(self, paths: Paths, clock: Clock | None = None) -> None:
        self._paths = paths
        self._clock = clock or SystemClock()
        self._loop = EventLoop(self._clock)
        self._events: queue.Queue[Event | ConfigRead] = queue.Queue(QUEUE_MAX)
        self._stopping = threading.Event()
        self._turned_at = self._clock.monotonic()
        self._deadline: float | None = None
        self._settling = Settling()
        self._save_at = 0.0
        self._unwritten: dict[str, str] = {}
        self._config_state = "defaults"
        self._problems: tuple[Problem, ...] = ()
        self._notices: tuple[Notice, ...] = ()
        self._config, self._settings = self._first_configuration()
        self._state = self._adopted()
        self._workers = Workers(self._settings, paths, self._clock, self._post)
        self._sample_at = self._clock.monotonic()
        self._boot_id = boot_id()
        history = HistoryKeeper(paths, self._clock, self._boot_id, LOG.warning)
        self._storage = StorageWorker(paths, self._post, history)
        self._client_files = ClientFiles(paths)
        self._bus = BusServer(
            paths.ubus_socket, Methods(self).handle, self._loop, on_connected=self._announce
        )

    # --- start and stop --------------------------------------------------------------------

    def run(self) -> int:
        take_signals(self._stopping.set, self._loop.wake_fd)
        self._open_bus()
        threading.Thread(target=self._watch_loop, name="watchdog", daemon=True).start()
        self._workers.start()
        self._storage.start()
        self._storage.tell_client(self._settings.client)
        self._keep_accepted()
        LOG.info("remsimd %s started, configuration %s", this_build().version, self._config_state)
        while not self._stopping.is_set():
            self._turn()
        self._detach()
        return 0

    def stop(self) -> None:
        """Ask the main loop to detach and end."""
        self._stopping.set()
        self._loop.wake()

    def _open_bus(self) -> None:
        try:
            self._bus.open()
        except BusError as error:
            LOG.warning("%s; trying again", error.reason)

    def _detach(self) -> None:
        """Everything stays as it is; the next start adopts it."""
        LOG.info("detaching")
        self._save()
        self._bus.close()
        self._workers.stop(STOP_DEADLINE_S)
        self._storage.stop(STOP_DEADLINE_S)
        self._save()

    def _watch_loop(self) -> None:
        """A stuck main loop is ended hard: procd starts the daemon anew and it adopts."""
        while not self._stopping.wait(WATCHDOG_PERIOD_S):
            if self._clock.monotonic() - self._turned_at > STUCK_AFTER_S:
                LOG.critical("the main loop is stuck; where it stands is on stderr")
                faulthandler.dump_traceback()
                os._exit(STUCK_EXIT)

    # --- configuration ---------------------------------------------------------------------

    def _first_configuration(self) -> tuple[Config, Settings]:
        """The file; if it cannot be used the last accepted one; if there is none the defaults."""
        result = self._checked(store.load_file(self._paths))
        self._problems, self._notices = result.problems, result.notices
        if result.config is not None:
            return self._accepted(result.config, "accepted")
        for problem in result.problems:
            LOG.error("/etc/config/remsim: %s", problem.text)
        kept = store.last_accepted(self._paths)
        if kept is not None:
            with contextlib.suppress(ConfigError):
                return self._accepted(kept, "last_accepted")
        return self._accepted(store.defaults(), "defaults")

    def _accepted(self, config: Config, state: str) -> tuple[Config, Settings]:
        settings = build(config, self._paths, socket.gethostname(), this_build().made_at_s)
        self._config_state = state
        return config, settings

    def _config_read(self, read: ConfigRead) -> None:
        """A reload: accepted as a whole, or nothing changes."""
        result = self._checked(read.result)
        self._problems, self._notices = result.problems, result.notices
        if result.config is None:
            texts = tuple(problem.text for problem in result.problems)
            LOG.error("reload refused: %s", "; ".join(texts))
            self._config_state = "last_accepted"
            self._step(PolicyChanged(None, texts))
            self._reload_done(read.job_id, texts, ())
            return
        changed = self._config.differences(result.config)
        self._config, settings = self._accepted(result.config, "accepted")
        self._use(settings)
        self._step(PolicyChanged(settings.policy))
        self._keep_accepted()
        LOG.info("reloaded: %s", ", ".join(changed) or "nothing changed")
        self._reload_done(read.job_id, (), changed)

    def _checked(self, result: LoadResult) -> LoadResult:
        """What only the parts can judge (marks, GPIO lines) counts as a problem as well."""
        if result.config is None:
            return result
        try:
            build(result.config, self._paths, socket.gethostname(), this_build().made_at_s)
        except ConfigError as error:
            problem = Problem(error.path, error.value, error.expected)
            return LoadResult(None, (problem,), result.notices)
        return result

    def _use(self, settings: Settings) -> None:
        before, self._settings = self._settings, settings
        _set_log_level(settings.debug)
        if settings != before:
            self._workers.reconfigure(settings)
        if settings.client != before.client:
            self._storage.tell_client(settings.client)

    def _reload_done(
        self, job_id: str, problems: tuple[str, ...], changed: tuple[str, ...]
    ) -> None:
        self._step(ReloadDone(job_id, problems, changed))

    # --- state -----------------------------------------------------------------------------

    def _adopted(self) -> State:
        now = self._clock.monotonic()
        policy = self._settings.policy
        fresh = State(FailoverState(policy=policy, control_since=now, seed=_seed()), started_at=now)
        try:
            text = read_text(f"{self._paths.run_dir}/{saved.NAME}")
            state = fresh if text is None else saved.from_text(text, policy, boot_id(), now)
        except RemsimError as error:
            LOG.error("starting anew: %s", error.reason)
            state = fresh
        texts = tuple(problem.text for problem in self._problems)
        return replace(state, problems=texts)

    def _save(self) -> None:
        text = saved.to_text(self._state, boot_id())
        try:
            write_atomically(f"{self._paths.run_dir}/{saved.NAME}", text, 0o600)
            self._say_written("the state", None)
        except RemsimError as error:
            self._say_written("the state", error.reason)
        self._save_at = self._clock.monotonic() + SAVE_PERIOD_S

    def _say_written(self, what: str, trouble: str | None) -> None:
        """Trouble is said once, and its end. Through the queue: writing is often part of a step."""
        if trouble == self._unwritten.get(what):
            return
        with contextlib.suppress(queue.Full):
            self._events.put_nowait(StorageSeen(what, trouble))
            self._loop.wake()
            self._unwritten.pop(what, None)
            if trouble is not None:
                self._unwritten[what] = trouble
                LOG.error("%s cannot be written: %s", what, trouble)

    def _keep_accepted(self) -> None:
        """For the next boot, should the file be broken by then."""
        if self._config_state == "accepted":
            with _logged("accepted configuration"):
                self._storage.keep_accepted(self._config)

    # --- the loop --------------------------------------------------------------------------

    def _turn(self) -> None:
        self._turned_at = now = self._clock.monotonic()
        self._bus.serve(self._next_moment(now))
        self._drain()
        now = self._clock.monotonic()
        self._settle_client(now)
        if self._deadline is not None and now >= self._deadline:
            self._step(Tick())
        if now >= self._save_at:
            self._save()
            self._keep_accepted()
        if now >= self._sample_at:
            self._sample(now)

    def _next_moment(self, now: float) -> float:
        """When there is something to do, whatever happens."""
        moments = (self._deadline, self._settling.due_at, self._save_at, self._sample_at)
        return min(now + TURN_S, *(moment for moment in moments if moment is not None))

    def _sample(self, now: float) -> None:
        self._sample_at = now + SAMPLE_PERIOD_S
        with _logged("sample"):
            self._storage.sample(now, series.sample(self._state))

    def _post(self, event: Event | ConfigRead) -> None:
        """From any thread. A full queue means a stuck main loop: the watchdog's business."""
        try:
            self._events.put(event, timeout=STUCK_AFTER_S)
            self._loop.wake()
        except queue.Full:
            LOG.error("event lost: %s", type(event).__name__)

    def _drain(self) -> None:
        for _ in range(QUEUE_MAX):
            try:
                event = self._events.get_nowait()
            except queue.Empty:
                return
            if isinstance(event, ConfigRead):
                self._config_read(event)
            else:
                if isinstance(event, LinkSeen):
                    self._workers.set_link(event.observation)
                if isinstance(event, SimSwitched):
                    self._workers.look_at_lines()
                self._step(event)

    def _step(self, event: CoreEvent) -> None:
        self._take(core.step(self._state, event, self._clock.monotonic()))

    def _take(self, result: Result) -> None:
        before, self._state = self._state, result.state
        self._deadline = result.deadline
        for order in result.orders:
            self._give(order)
        self._tell(result)
        if self._settings.client is not None:
            self._lead_client(result.state)
        if saved.is_worth_saving(before, result.state):
            self._save()

    def _lead_client(self, state: State) -> None:
        try:
            self._client_files.follow(state, self._workers.mark_of)
            self._say_written("the client's path", None)
        except RemsimError as error:
            self._say_written("the client's path", error.reason)

    def _give(self, order: Order) -> None:
        try:
            self._workers.submit(order)
        except RemsimError as error:
            LOG.error("%s: %s", type(order).__name__, error.reason)

    def _tell(self, result: Result) -> None:
        context = self.context()
        for entry in result.news:
            LOG.info("%s: %s", entry.kind, entry.text)
            self._bus.send(STATE_EVENT, snapshot.event_json(entry, context))
        if result.news:
            with _logged("audit"):
                self._storage.write_down(self._audit_rows(result, context))
        now = self._clock.monotonic()
        for alert in result.raised:
            told = snapshot.alert_json(alert, context, now)
            self._bus.send(ALERT_EVENT, {**told, "raised": True})
        for alert in result.cleared:
            told = snapshot.alert_json(alert, context, now)
            self._bus.send(ALERT_EVENT, {**told, "raised": False})

    def _audit_rows(self, result: Result, context: Context) -> tuple[AuditRow, ...]:
        return tuple(
            AuditRow(
                entry.seq,
                context.wall(entry.at),
                self._boot_id,
                entry.at,
                entry.kind,
                entry.role.value if entry.role is not None else None,
                entry.text,
            )
            for entry in result.news
        )

    def _announce(self) -> None:
        """After each connect to ubusd: listeners may have missed what happened."""
        control = self._state.failover.control
        told = {"kind": "connected", "control_path": control.title if control else "none"}
        self._bus.send(STATE_EVENT, told)

    def _settle_client(self, now: float) -> None:
        if self._settling.due_at is None or now < self._settling.due_at:
            return
        self._settling, report = client_events.settle(self._settling, self._state.client, now)
        self._step(ClientChanged(report))

    # --- what the bus methods need ---------------------------------------------------------

    def state(self) -> State:
        return self._state

    def now(self) -> float:
        return self._clock.monotonic()

    def context(self) -> Context:
        settings = self._settings
        return Context(
            wall_minus_monotonic=self._clock.wall() - self._clock.monotonic(),
            config_state=self._config_state,
            enabled=settings.enabled,
            client_id=settings.client_id,
            front_end=settings.front_end,
            routing_mode=settings.routing.mode.value,
            table=settings.routing.table,
            problems=tuple(problem.as_json() for problem in self._problems),
            warnings=tuple(notice.as_json() for notice in self._notices),
            interfaces=settings.interfaces,
        )

    def start_job(self, wanted: Wanted) -> str:
        result, job_id = core.want(self._state, wanted, self._clock.monotonic())
        self._take(result)
        return job_id

    def reload(self) -> str:
        job_id = self.start_job(Wanted(Kind.RELOAD))
        self._storage.read_config(job_id)
        return job_id

    def config_json(self) -> Json:
        return {
            "state": self._config_state,
            "values": self._config.masked(),
            "problems": [problem.as_json() for problem in self._problems],
            "warnings": [notice.as_json() for notice in self._notices],
        }

    def validate(self, values: Mapping[str, object]) -> Json:
        result = self._checked(store.validate(self._config, values))
        return {
            "ok": result.config is not None,
            "problems": [problem.as_json() for problem in result.problems],
            "warnings": [notice.as_json() for notice in result.notices],
        }

    def history(self, question: Question) -> Json:
        answer = self._storage.history(question)
        return dict(answer) if answer is not None else {"pending": True}

    def client_event(self, event: ClientEvent) -> None:
        self._settling = client_events.collect(self._settling, event, self._clock.monotonic())

    def hotplug(self, event: Hotplugged) -> None:
        self._workers.hotplug(event)


@contextlib.contextmanager
def _logged(what: str) -> Iterator[None]:
    """Storage that does not keep up costs history, never the daemon."""
    try:
        yield
    except RemsimError as error:
        LOG.warning("%s lost: %s", what, error.reason)


def boot_id() -> str:
    """Of the running kernel; empty where /proc has none (then nothing saved is believed)."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


def _seed() -> int:
    """Jitter must differ between routers that boot in the same second."""
    return int.from_bytes(os.urandom(4), "big")


def _set_log_level(debug: bool) -> None:
    logging.getLogger("remsim").setLevel(logging.DEBUG if debug else logging.INFO)


def _set_up_log(to_syslog: bool) -> None:
    """stderr (procd forwards it to logd) and, where it exists, nothing else twice."""
    handler: logging.Handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    if to_syslog and os.path.exists("/dev/log"):
        from logging.handlers import SysLogHandler  # 1 MB, of no use under procd

        handler = SysLogHandler("/dev/log", facility="daemon")
        handler.setFormatter(logging.Formatter("remsimd[%(process)d]: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit codes: 0 detached, 64 usage, 70 stuck."""
    given = sys.argv[1:] if arguments is None else arguments
    root, to_syslog = _options(given) if given else ("/", False)
    _set_up_log(to_syslog)
    faulthandler.enable()
    daemon = Daemon(Paths(root))
    lean.end()
    return daemon.run()


def _options(arguments: Sequence[str]) -> tuple[str, bool]:
    """Root and whether to use syslog. procd gives no arguments, and saves the parser's memory."""
    import argparse

    parser = argparse.ArgumentParser(prog="remsimd", description="remsim control daemon")
    parser.add_argument("--root", default="/", help="where the router's file system begins")
    parser.add_argument("--syslog", action="store_true", help="log to /dev/log, not to stderr")
    parser.add_argument("--version", action="version", version=__version__)
    options: Any = parser.parse_args(arguments)
    return options.root, options.syslog


if __name__ == "__main__":
    sys.exit(main())
