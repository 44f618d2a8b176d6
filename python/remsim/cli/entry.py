# SPDX-License-Identifier: GPL-2.0-or-later
"""Command line of `remsim`: parse, run one command, turn trouble into a message and an exit code.

Commands are imported when they are called, so that `remsim status` loads nothing of the
configuration layer and `remsim --help` nothing at all. Reference: docs/cli.md.
"""

from __future__ import annotations

import argparse
import importlib
import os
import shutil
import signal
import sys
from collections.abc import Callable, Sequence
from typing import TextIO

from remsim import __version__
from remsim.cli.exits import HELP, Exit, Stopped
from remsim.cli.session import Asking, Session
from remsim.clock import SystemClock
from remsim.errors import RemsimError
from remsim.model import Role, Step
from remsim.paths import Paths

Command = Callable[[Session, argparse.Namespace], Exit]

_MODEMS = tuple(role.value for role in Role)
_STEPS = tuple(step.value for step in Step)
# Waiting for a job: a modem's slowest known boot (160 s) twice, an AT command's longest time limit,
# an orchestrator that is tried over both links.
_MODEM_JOB_S, _AT_JOB_S, _SERVER_JOB_S, _RELOAD_JOB_S = 330.0, 190.0, 90.0, 30.0


def main(argv: Sequence[str] | None = None, out: TextIO | None = None) -> int:
    """Run `remsim ARGV`; the exit code."""
    arguments = command_line().parse_args(argv)
    session = _session(arguments, out or sys.stdout)
    signal.signal(signal.SIGTERM, _terminated)  # before any connection, else libubox swallows it
    try:
        return int(_command(arguments.run)(session, arguments))
    except Stopped as stopped:
        return _stopped(session, stopped)
    except RemsimError as error:
        return _stopped(session, Stopped(Exit.FAILED, error.reason))
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except BrokenPipeError:  # `remsim events | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.OK
    finally:
        session.hang_up()


def _terminated(_number: int, _frame: object) -> None:
    raise SystemExit(128 + signal.SIGTERM)


def _command(dotted: str) -> Command:
    """`"show.status"` -> the function; imported now and not before."""
    module, name = dotted.split(".")
    command: Command = getattr(importlib.import_module(f"remsim.cli.{module}"), name)
    return command


def _stopped(session: Session, stopped: Stopped) -> int:
    session.out.flush()
    session.note(f"remsim: {stopped.message}")
    for line in stopped.advice.splitlines():
        session.note(f"  {line}")
    return int(stopped.exit_code)


def _session(arguments: argparse.Namespace, out: TextIO) -> Session:
    paths = Paths(arguments.root)

    def bus() -> Asking:
        from remsim.bus.ubus import BusClient

        return BusClient(paths.ubus_socket)

    return Session(
        paths=paths,
        out=out,
        err=sys.stderr,
        clock=SystemClock(),
        bus=bus,
        is_root=os.geteuid() == 0,
        as_json=arguments.json,
        columns=shutil.get_terminal_size().columns,
        colours=out.isatty() and "NO_COLOR" not in os.environ,
    )


# --- the command line --------------------------------------------------------------------------


def command_line() -> argparse.ArgumentParser:
    """The whole command line; docs/cli.md is generated from it."""
    codes = "\n".join(f"  {code.value:<4} {HELP[code]}" for code in Exit)
    parser = argparse.ArgumentParser(
        prog="remsim",
        description="Remote SIM: look at it, steer it, configure it.",
        epilog=f"exit codes:\n{codes}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"remsim {__version__}")
    _common(parser, top=True)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_looking(commands)
    _add_doing(commands)
    _add_config(commands)
    _add_routing(commands)
    return parser


def _common(parser: argparse.ArgumentParser, top: bool = False) -> None:
    """Taken before and after the command's name."""
    parser.add_argument(
        "--json",
        action="store_true",
        default=False if top else argparse.SUPPRESS,
        help="output for programs",
    )
    parser.add_argument(
        "--root",
        metavar="DIR",
        default="/" if top else argparse.SUPPRESS,
        help="the router's root directory (an image being built), default /",
    )


_Commands = argparse._SubParsersAction  # argparse gives its type no public name


def _add(
    commands: _Commands[argparse.ArgumentParser], name: str, run: str, text: str
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    _common(parser)
    parser.set_defaults(run=run)
    return parser


def _add_looking(commands: _Commands[argparse.ArgumentParser]) -> None:
    status = _add(commands, "status", "show.status", "paths, assignment, heartbeat, modems, alerts")
    status.add_argument("--watch", action="store_true", help="repaint every 2 s until Ctrl-C")
    _add(commands, "info", "show.info", "versions, identities, lines, capabilities")
    events = _add(commands, "events", "show.events", "what happened, oldest first")
    events.add_argument("--follow", action="store_true", help="go on until Ctrl-C")
    events.add_argument(
        "--since", type=_count, default=0, metavar="SEQ", help="after this sequence number"
    )
    events.add_argument(
        "-n", "--number", type=_positive, default=100, metavar="N", help="at most N (default 100)"
    )
    job = _add(commands, "job", "actions.job", "state, progress and result of a job")
    job.add_argument("id", metavar="ID", help="as the command that started it said")
    job.add_argument("--wait", action="store_true", help="until it has ended")
    _waiting(job, _MODEM_JOB_S, no_wait=False)
    _add(commands, "jobs", "show.jobs", "the newest jobs")


def _add_doing(commands: _Commands[argparse.ArgumentParser]) -> None:
    at = _job(commands, "at", "send one AT command to a modem", _AT_JOB_S, "modem", "command")
    _modem(at)
    at.add_argument("command", metavar="COMMAND", help="such as ATI or 'AT+CSQ'")
    sim = _job(commands, "sim", "switch a modem's SIM", _MODEM_JOB_S, "modem", "source")
    _modem(sim)
    sim.add_argument("source", choices=("local", "remote"), help="the SIM it takes")
    reset = _add(
        commands, "reset", "actions.reset", "reset a modem, by the best way or by one step"
    )
    _modem(reset)
    reset.add_argument("step", choices=_STEPS, nargs="?", help="only this recovery step")
    _waiting(reset, _MODEM_JOB_S)
    _job(commands, "heartbeat", "send a heartbeat now", _SERVER_JOB_S)
    _job(commands, "register", "register with the orchestrator again", _SERVER_JOB_S)
    _job(commands, "unregister", "give the assignment back and stay unregistered", _SERVER_JOB_S)
    _job(
        commands,
        "release",
        "unregister, SIM switch to local, routes handed back",
        _MODEM_JOB_S,
    )
    _job(commands, "reload", "read the configuration again", _RELOAD_JOB_S)


def _modem(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("modem", choices=_MODEMS, help="modem1 is the primary, modem2 the IoT one")


def _job(
    commands: _Commands[argparse.ArgumentParser],
    name: str,
    text: str,
    wait_s: float,
    *method_arguments: str,
) -> argparse.ArgumentParser:
    """A command that starts the ubus method of its own name."""
    parser = _add(commands, name, "actions.run", text)
    parser.set_defaults(method=name, method_arguments=method_arguments)
    _waiting(parser, wait_s)
    return parser


def _waiting(parser: argparse.ArgumentParser, wait_s: float, no_wait: bool = True) -> None:
    parser.add_argument(
        "--timeout",
        dest="wait_s",
        type=_seconds,
        default=wait_s,
        metavar="S",
        help=f"wait at most S seconds for the end (default {wait_s:g})",
    )
    if no_wait:
        parser.add_argument("--no-wait", action="store_true", help="print the job's id and return")


def _add_config(commands: _Commands[argparse.ArgumentParser]) -> None:
    text = "look at, check, import, migrate the configuration"
    config = commands.add_parser("config", help=text).add_subparsers(metavar="VERB", required=True)
    show = _add(config, "show", "config_commands.show", "effective values, secrets masked")
    show.add_argument(
        "path", nargs="?", metavar="SECTION[.OPTION]", help="only this part (default all)"
    )
    check = _add(config, "check", "config_commands.check", "problems and warnings of a file")
    check.add_argument("file", nargs="?", metavar="FILE", help="instead of /etc/config/remsim")
    take = _add(config, "import", "config_commands.take", "take over an environment script")
    take.add_argument("file", metavar="FILE", help="shell script with the variables")
    take.add_argument("--dry-run", action="store_true", help="show what would be written")
    migrate = _add(config, "migrate", "config_commands.migrate", "bring an older file up to date")
    migrate.add_argument("--dry-run", action="store_true", help="show what would be written")
    diff = _add(config, "diff", "config_commands.diff", "values that differ from the defaults")
    diff.add_argument(
        "--running", action="store_true", help="the file against what the daemon runs with"
    )


def _add_routing(commands: _Commands[argparse.ArgumentParser]) -> None:
    text = "the routing rules that remsim keeps"
    routing = commands.add_parser("routing", help=text).add_subparsers(
        metavar="VERB", required=True
    )
    _add(routing, "print", "routing_commands.print_plan", "the rules and routes as they should be")
    _add(routing, "check", "routing_commands.check", "compare them with the kernel")
    _add(routing, "apply", "routing_commands.apply", "put right what differs")


def _positive(text: str) -> int:
    number = _count(text)
    if number < 1:
        raise argparse.ArgumentTypeError("a number from 1 is wanted")
    return number


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 86400:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds up to a day")
    return seconds
