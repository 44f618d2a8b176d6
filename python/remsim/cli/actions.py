# SPDX-License-Identifier: GPL-2.0-or-later
"""The commands that do something through the daemon: each starts a job and waits for its end.

Progress goes to standard error, the result to standard output.
"""

from __future__ import annotations

import argparse
import threading
from collections.abc import Mapping
from typing import Any

from remsim.cli.exits import Exit, Stopped
from remsim.cli.session import Session
from remsim.cli.show import outline

POLL_S = 0.2
_ENDED = frozenset({"done", "failed"})


def run(session: Session, arguments: argparse.Namespace) -> Exit:
    """The method and its arguments were put into `arguments` by the parser."""
    wanted = {name: getattr(arguments, name) for name in arguments.method_arguments}
    return start(session, arguments.method, wanted, arguments.wait_s, arguments.no_wait)


def reset(session: Session, arguments: argparse.Namespace) -> Exit:
    wanted = {"modem": arguments.modem}
    if arguments.step:
        wanted["step"] = arguments.step
    method = "reset_by" if arguments.step else "reset"
    return start(session, method, wanted, arguments.wait_s, arguments.no_wait)


def start(
    session: Session, method: str, wanted: Mapping[str, Any], wait_s: float, no_wait: bool
) -> Exit:
    reply = session.ask(method, **wanted)
    job = reply.get("job")
    if not isinstance(job, (str, int)):
        raise Stopped(Exit.FAILED, f"{method}: the daemon named no job")
    if no_wait:
        session.say_json(reply) if session.as_json else session.say(str(job))
        return Exit.OK
    return follow(session, str(job), wait_s)


def job(session: Session, arguments: argparse.Namespace) -> Exit:
    if arguments.wait:
        return follow(session, arguments.id, arguments.wait_s)
    return _report(session, session.ask("job", id=arguments.id))


def follow(session: Session, job_id: str, wait_s: float) -> Exit:
    """Show each phase once as it comes; give up after `wait_s` (the job itself goes on)."""
    pause = threading.Event()
    give_up_at = session.clock.monotonic() + wait_s
    shown = 0
    while True:
        reply = session.ask("job", id=job_id)
        shown = _show_progress(session, reply, shown)
        if reply.get("state") in _ENDED:
            return _report(session, reply)
        if session.clock.monotonic() >= give_up_at:
            raise Stopped(
                Exit.TIMED_OUT,
                f"job {job_id} still {reply.get('state')} after {wait_s:g} s",
                f"It goes on. See it:  remsim job {job_id} --wait",
            )
        session.clock.wait(pause, POLL_S)


def _show_progress(session: Session, reply: Mapping[str, Any], shown: int) -> int:
    phases = list(reply.get("progress") or ())
    for phase in phases[shown:]:
        session.note(f"  {phase.get('elapsed_s', 0.0):7.1f} s  {phase.get('phase')}")
    return len(phases)


def _report(session: Session, reply: Mapping[str, Any]) -> Exit:
    failed = reply.get("state") == "failed"
    if session.as_json:
        session.say_json(reply)
    elif failed:
        error = reply.get("error") or {}
        session.note(f"remsim: {reply.get('kind')} failed: {error.get('message') or 'no reason'}")
    elif reply.get("state") != "done":
        session.say(*outline(reply))
    else:
        _say_result(session, reply)
    return _exit_of(reply) if failed else Exit.OK


def _exit_of(reply: Mapping[str, Any]) -> Exit:
    code = (reply.get("error") or {}).get("code")
    return Exit.CONFIG if code == "config" else Exit.JOB_FAILED


def _say_result(session: Session, reply: Mapping[str, Any]) -> None:
    result = reply.get("result")
    if isinstance(result, Mapping) and isinstance(result.get("lines"), list):
        session.say(*(str(line) for line in result["lines"]))
    elif isinstance(result, Mapping) and result:
        session.say(*outline(result))
    else:
        session.say("done")
