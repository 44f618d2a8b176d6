# SPDX-License-Identifier: GPL-2.0-or-later
"""The commands that only look: status, info, events, job, jobs."""

from __future__ import annotations

import argparse
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from remsim.cli.exits import Exit, Stopped
from remsim.cli.session import Session
from remsim.cli.status_view import status_lines
from remsim.cli.text import UNKNOWN, duration

WATCH_INTERVAL_S = 2.0
FOLLOW_INTERVAL_S = 1.0
_EVENTS_AT_ONCE = 500
# Terminal: alternate screen and hidden cursor; home; erase to end of line; erase below.
_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
_HOME, _ERASE_LINE, _ERASE_BELOW = "\x1b[H", "\x1b[K", "\x1b[J"


def status(session: Session, arguments: argparse.Namespace) -> Exit:
    if arguments.watch:
        return _watch(session)
    reply = session.ask("status")
    if session.as_json:
        session.say_json(reply)
    else:
        session.say(*status_lines(reply, session.columns, session.colours))
    return Exit.OK


def _watch(session: Session) -> Exit:
    """Repaint in place: each line is overwritten and only its rest erased, so nothing flickers."""
    pause = threading.Event()
    session.out.write(_ENTER)
    try:
        while True:
            lines = _page(session)
            body = "".join(f"{line}{_ERASE_LINE}\n" for line in lines)
            session.out.write(_HOME + body + _ERASE_BELOW)
            session.out.flush()
            session.clock.wait(pause, WATCH_INTERVAL_S)
    except KeyboardInterrupt:
        return Exit.OK
    finally:
        session.out.write(_LEAVE)
        session.out.flush()


def _page(session: Session) -> list[str]:
    """One page; a daemon that is away is shown as such, and asked again next time."""
    try:
        return status_lines(session.ask("status"), session.columns, session.colours)
    except Stopped as stopped:
        session.hang_up()
        return [stopped.message, *stopped.advice.splitlines(), "", "Still trying; Ctrl-C ends."]


def info(session: Session, arguments: argparse.Namespace) -> Exit:
    reply = session.ask("info")
    if session.as_json:
        session.say_json(reply)
    else:
        session.say(*outline(reply))
    return Exit.OK


def outline(value: Mapping[str, Any], indent: int = 0) -> Iterator[str]:
    """Any table as indented `name: value` lines."""
    pad = "  " * indent
    for name, item in value.items():
        if isinstance(item, Mapping) and item:
            yield f"{pad}{name}:"
            yield from outline(item, indent + 1)
        elif isinstance(item, list) and any(isinstance(part, Mapping) for part in item):
            yield f"{pad}{name}:"
            for part in item:
                yield f"{pad}  - {_flat(part)}"
        else:
            yield f"{pad}{name}: {_flat(item)}"


def _flat(item: object) -> str:
    if item is None:
        return UNKNOWN
    if isinstance(item, bool):
        return "yes" if item else "no"
    if isinstance(item, Mapping):
        shown = (f"{name} {_flat(part)}" for name, part in item.items() if part is not None)
        return ", ".join(shown) or "none"
    if isinstance(item, list):
        return ", ".join(_flat(part) for part in item) or "none"
    return str(item)


def events(session: Session, arguments: argparse.Namespace) -> Exit:
    reply = session.ask("events_since", since=arguments.since, limit=_EVENTS_AT_ONCE)
    shown = list(reply.get("events") or ())[-arguments.number :]
    _say_events(session, shown)
    if arguments.follow:
        _follow(session, int(reply.get("newest") or 0))
    return Exit.OK


def _say_events(session: Session, shown: list[Mapping[str, Any]]) -> None:
    if session.as_json:
        import json

        session.say(*(json.dumps(event, ensure_ascii=False) for event in shown))
    else:
        session.say(*(event_line(event) for event in shown))
    session.out.flush()


def event_line(event: Mapping[str, Any]) -> str:
    """`time  kind  text`; before the clock is set the time since the daemon's start."""
    up = event.get("uptime_s")
    when = event.get("time") or (f"+{up:.1f} s" if up is not None else UNKNOWN)
    return f"{when:<25}  {event.get('kind', ''):<14}  {event.get('text', '')}"


def _follow(session: Session, seen: int) -> None:
    """Asks every second; survives a restart of the daemon, which counts from 1 again."""
    pause = threading.Event()
    is_away = False
    while True:
        session.clock.wait(pause, FOLLOW_INTERVAL_S)
        try:
            reply = session.ask("events_since", since=seen, limit=_EVENTS_AT_ONCE)
        except Stopped as stopped:
            session.hang_up()
            if not is_away:
                session.note(f"remsim: {stopped.message}; waiting for it")
            is_away = True
            continue
        is_away = False
        newest = int(reply.get("newest") or 0)
        if newest < seen:
            seen = 0
            continue
        seen = newest
        _say_events(session, list(reply.get("events") or ()))


def jobs(session: Session, arguments: argparse.Namespace) -> Exit:
    reply = session.ask("jobs")
    if session.as_json:
        session.say_json(reply)
        return Exit.OK
    for job in reply.get("jobs") or ():
        age = duration(job.get("age_s"))
        name, kind, state = (str(job.get(key, "")) for key in ("id", "kind", "state"))
        session.say(f"{name:<8}  {kind:<12}  {state:<8}  {age} ago")
    return Exit.OK
