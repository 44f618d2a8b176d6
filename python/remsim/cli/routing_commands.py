# SPDX-License-Identifier: GPL-2.0-or-later
"""`remsim routing print | check | apply`: the plan as the daemon makes it, made again here.

The links are looked at afresh; the control path is the daemon's, or the preferred one while it is
not running.
"""

from __future__ import annotations

import argparse
import socket
from dataclasses import dataclass

from remsim.cli.exits import Exit, Stopped
from remsim.cli.session import Session
from remsim.config import uci
from remsim.config.load import load
from remsim.errors import RemsimError
from remsim.link import LinkWatcher
from remsim.model import LinkObservation, Role
from remsim.netifd import Netifd
from remsim.routing import tool
from remsim.routing.plan import RoutingSettings, is_literal
from remsim.settings import build


@dataclass(frozen=True, slots=True)
class _Picture:
    """What a plan is made of."""

    settings: RoutingSettings
    links: tuple[LinkObservation, ...]
    control: Role | None


def print_plan(session: Session, arguments: argparse.Namespace) -> Exit:
    seen = _picture(session)
    session.out.write(tool.print_plan(seen.settings, seen.links, seen.control))
    return Exit.OK


def check(session: Session, arguments: argparse.Namespace) -> Exit:
    _need_root(session)
    seen = _picture(session)
    lines = tool.check(seen.settings, seen.links, seen.control)
    if session.as_json:
        session.say_json({"missing_or_too_much": list(lines)})
    elif lines:
        session.say(*lines)
        session.note("the kernel differs; the daemon mends it, or:  remsim routing apply")
    else:
        session.say("rules and routes are as they should be")
    return Exit.FAILED if lines else Exit.OK


def apply(session: Session, arguments: argparse.Namespace) -> Exit:
    _need_root(session)
    seen = _picture(session)
    changes = tool.apply(seen.settings, seen.links, seen.control)
    session.say_json({"changes": changes}) if session.as_json else session.say(
        f"{changes} changes" if changes else "nothing to change"
    )
    return Exit.OK


def _need_root(session: Session) -> None:
    if not session.is_root:
        raise Stopped(Exit.NO_RIGHTS, "routing tables are for root only", "Run it as root.")


def _picture(session: Session) -> _Picture:
    result = load(uci.read(session.paths).sections)
    if result.config is None:
        raise Stopped(
            Exit.CONFIG, result.problems[0].text, "See all problems:  remsim config check"
        )
    settings = build(result.config, session.paths, socket.gethostname(), 0.0)
    if not all(is_literal(each) for each in settings.routing.allow):
        session.note("names in routing.allow are resolved by the daemon and left out here")
    watcher = LinkWatcher(
        settings.interfaces, lambda _event: None, session.clock, Netifd(session.paths)
    )
    control = _control(session, settings.policy.prefer)
    return _Picture(settings.routing, watcher.observe(), control)


def _control(session: Session, preferred: Role) -> Role | None:
    try:
        modem = (session.ask("status").get("control_path") or {}).get("modem")
    except (Stopped, RemsimError):
        session.note(f"remsimd does not answer: {preferred.value} is taken as the control path")
        return preferred
    return Role(modem) if modem else None
