# SPDX-License-Identifier: GPL-2.0-or-later
"""What each ubus method does: arguments checked, then answered from the state or made a job.

Nothing here waits for a modem, a server, a name or the flash. One function for each row of the
method table; `tests/meta` holds the two together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Protocol

from remsim import snapshot
from remsim.bus.api import LUCI_OBJECT
from remsim.client_events import ClientEvent
from remsim.errors import ArgumentError
from remsim.events import Hotplugged
from remsim.history.series import BY_NAME, NAMES_MAX, Question, Window
from remsim.jobs import Kind, Wanted
from remsim.model import Role, SimSource, Step
from remsim.snapshot import Context, Json
from remsim.state import State

EVENTS_SHOWN = 100
EVENTS_LIMIT = 500
VALUES_MAX = 200  # options in one validate call
VARIABLES_MAX = 64
TEXT_MAX = 1024
UPTIME_MAX_S = 10**10

Arguments = Mapping[str, Any]


class Daemon(Protocol):
    """What the methods need of the daemon."""

    def state(self) -> State: ...

    def now(self) -> float: ...

    def context(self) -> Context: ...

    def start_job(self, wanted: Wanted) -> str: ...

    def reload(self) -> str: ...

    def config_json(self) -> Json: ...

    def validate(self, values: Mapping[str, object]) -> Json: ...

    def history(self, question: Question) -> Json: ...

    def client_event(self, event: ClientEvent) -> None: ...

    def hotplug(self, event: Hotplugged) -> None: ...


class Methods:
    """`handle(object, method, arguments)` for the bus adapter. Raises RemsimError for bad calls."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._origin = "ubus"
        self._table: dict[str, Callable[[Arguments], Json]] = {
            "status": self._status,
            "info": self._info,
            "events": self._events,
            "events_since": self._events_since,
            "job": self._job,
            "jobs": self._jobs,
            "history": self._history,
            "audit": self._audit,
            "config": self._config,
            "validate": self._validate,
            "reload": self._reload,
            "heartbeat": lambda _: self._start(Wanted(Kind.HEARTBEAT)),
            "register": lambda _: self._start(Wanted(Kind.REGISTER)),
            "unregister": lambda _: self._start(Wanted(Kind.UNREGISTER)),
            "release": lambda _: self._start(Wanted(Kind.RELEASE)),
            "sim": self._sim,
            "reset": lambda a: self._start(Wanted(Kind.RESET, _role(a))),
            "reset_by": self._reset_by,
            "at": lambda a: self._start(Wanted(Kind.AT, _role(a), command=_text(a, "command"))),
            "client_event": self._client_event,
            "hotplug": self._hotplug,
        }

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._table)

    def handle(self, object_name: str, method: str, arguments: Arguments) -> Json:
        self._origin = "LuCI" if object_name == LUCI_OBJECT else "ubus"
        return self._table[method](arguments)

    def _start(self, wanted: Wanted) -> Json:
        return {"job": self._daemon.start_job(replace(wanted, origin=self._origin))}

    # --- answers from the state ------------------------------------------------------------

    def _status(self, _: Arguments) -> Json:
        daemon = self._daemon
        return snapshot.status(daemon.state(), daemon.context(), daemon.now())

    def _info(self, _: Arguments) -> Json:
        daemon = self._daemon
        return snapshot.info(daemon.state(), daemon.context(), daemon.now())

    def _events(self, _: Arguments) -> Json:
        log = self._daemon.state().log
        return self._shown(log[-EVENTS_SHOWN:])

    def _events_since(self, arguments: Arguments) -> Json:
        since = _whole(arguments, "since", 0, 2**53)
        limit = _whole(arguments, "limit", 1, EVENTS_LIMIT)
        fresh = [entry for entry in self._daemon.state().log if entry.seq > since]
        return self._shown(fresh[:limit])

    def _shown(self, entries: Any) -> Json:
        newest = self._daemon.state().next_seq - 1
        return snapshot.events(entries, newest, self._daemon.context())

    def _job(self, arguments: Arguments) -> Json:
        job_id = _text(arguments, "id")
        for job in self._daemon.state().jobs:
            if job.id == job_id:
                return snapshot.job_json(job, self._daemon.now())
        raise ArgumentError("id", f"no job {job_id!r} (the newest 50 are kept)")

    def _jobs(self, _: Arguments) -> Json:
        now = self._daemon.now()
        jobs = self._daemon.state().jobs
        return {"jobs": [snapshot.job_json(job, now, with_result=False) for job in jobs]}

    def _history(self, arguments: Arguments) -> Json:
        names = tuple(dict.fromkeys(_text(arguments, "series").split()))
        unknown = [name for name in names if name not in BY_NAME]
        if not names or unknown:
            known = ", ".join(BY_NAME)
            said = f"{unknown[0]!r} is no series" if unknown else "no series named"
            raise ArgumentError("series", f"{said}; there are {known}")
        if len(names) > NAMES_MAX:
            raise ArgumentError("series", f"more than {NAMES_MAX} series at once")
        word = _text(arguments, "window")
        try:
            window = Window(word)
        except ValueError:
            words = ", ".join(window.value for window in Window)
            raise ArgumentError("window", f"{word!r} is none of {words}") from None
        return self._daemon.history(Question(names, window))

    def _audit(self, arguments: Arguments) -> Json:
        before = _whole(arguments, "before", 0, 2**53)
        limit = _whole(arguments, "limit", 1, EVENTS_LIMIT)
        return self._daemon.history(Question(before=before, limit=limit))

    def _config(self, _: Arguments) -> Json:
        return self._daemon.config_json()

    def _validate(self, arguments: Arguments) -> Json:
        values = arguments["values"]
        if not isinstance(values, dict):
            raise ArgumentError("values", 'an object {"section.option": value} is needed')
        if len(values) > VALUES_MAX:
            raise ArgumentError("values", f"more than {VALUES_MAX} options at once")
        return self._daemon.validate(values)

    # --- jobs ------------------------------------------------------------------------------

    def _reload(self, _: Arguments) -> Json:
        return {"job": self._daemon.reload()}

    def _sim(self, arguments: Arguments) -> Json:
        source = _text(arguments, "source")
        if source not in (SimSource.LOCAL.value, SimSource.REMOTE.value):
            raise ArgumentError("source", f"{source!r} is neither local nor remote")
        return self._start(Wanted(Kind.SIM, _role(arguments), SimSource(source)))

    def _reset_by(self, arguments: Arguments) -> Json:
        word = _text(arguments, "step")
        try:
            step = Step(word)
        except ValueError:
            known = ", ".join(step.value for step in Step)
            raise ArgumentError("step", f"{word!r} is none of {known}") from None
        return self._start(Wanted(Kind.RESET, _role(arguments), step=step))

    # --- from the router itself ------------------------------------------------------------

    def _client_event(self, arguments: Arguments) -> Json:
        variables = arguments["variables"]
        if not isinstance(variables, dict) or len(variables) > VARIABLES_MAX:
            raise ArgumentError("variables", f"an object of at most {VARIABLES_MAX} texts")
        texts = tuple(
            (str(name)[:TEXT_MAX], str(value)[:TEXT_MAX]) for name, value in variables.items()
        )
        started = arguments["started"]
        is_number = isinstance(started, int | float) and not isinstance(started, bool)
        if not is_number or not 0 <= started < UPTIME_MAX_S:
            raise ArgumentError("started", "a number of seconds since boot is needed")
        pid = _whole(arguments, "pid", 0, 2**31)
        cause = _text(arguments, "cause")
        self._daemon.client_event(ClientEvent(cause, texts, float(started), pid))
        return {}

    def _hotplug(self, arguments: Arguments) -> Json:
        subsystem = _text(arguments, "subsystem")
        if subsystem not in ("tty", "net", "iface", "wwan", "usb"):
            raise ArgumentError("subsystem", f"{subsystem!r} is none of tty, net, iface, wwan, usb")
        action, name = _text(arguments, "action"), _text(arguments, "name")
        self._daemon.hotplug(Hotplugged(subsystem, action, name, _text(arguments, "path")))
        return {}


def _text(arguments: Arguments, name: str) -> str:
    value = arguments[name]
    if not isinstance(value, str):
        raise ArgumentError(name, "a text is needed")
    if len(value) > TEXT_MAX:
        raise ArgumentError(name, f"longer than {TEXT_MAX} characters")
    return value


def _whole(arguments: Arguments, name: str, least: int, most: int) -> int:
    value = arguments[name]
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ArgumentError(name, f"a whole number from {least} to {most} is needed")
    return value


def _role(arguments: Arguments) -> Role:
    word = _text(arguments, "modem")
    try:
        return Role(word)
    except ValueError:
        raise ArgumentError("modem", f"{word!r} is neither modem1 nor modem2") from None
