# SPDX-License-Identifier: GPL-2.0-or-later
"""`make run`: the whole system in the foreground until Ctrl-C or SIGTERM, leaving nothing behind.

python -m remsim_lab.run [--speed N] [--directory DIR] [--port PORT]
"""

from __future__ import annotations

import argparse
import fcntl
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from remsim_lab.control import LAB_DIR
from remsim_lab.counter import Counter
from remsim_lab.desk import Desk
from remsim_lab.lab import Lab
from remsim_lab.launchers import Place
from remsim_lab.web.wanted import PORT, WebWanted, is_free

RUNNING_ALREADY = 3
LOST = 4  # could not be brought up


def main(argv: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(argv)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda _number, _frame: ended.set())
    with _alone(options.directory) as is_alone:
        if not is_alone:
            sys.stderr.write(f"a lab is running in {options.directory} already\n")
            return RUNNING_ALREADY
        return _run(options, ended)


def _run(options: argparse.Namespace, ended: threading.Event) -> int:
    place, web = Place(options.directory), _web(options.port)
    with Lab(place, options.speed, _say, web, has_remote_sim=True) as lab:
        desk = Desk(lab.place.control_socket, Counter(lab).answer)
        desk.open()
        try:
            for line in _where_to_look(lab):
                _say(line)
            _say("ready")
            ended.wait()
        finally:
            _say("ending")
            desk.close()
    return 0


def _web(port: int) -> WebWanted:
    """LUCI_SRC names a LuCI source tree, whose own client code then runs the pages."""
    source = os.environ.get("LUCI_SRC")
    if not is_free(port):
        _say(f"port {port} is taken; the pages get another one")
        port = 0
    return WebWanted(port, Path(source) if source else None)


def _where_to_look(lab: Lab) -> Iterator[str]:
    directory = _short(lab.place.bin)
    yield ""
    yield f"Pages: {lab.url}"
    for user, what in ((lab.users.admin, "everything"), (lab.users.viewer, "seeing only")):
        yield f"  user {user.username}, password {user.password}   ({what})"
    yield ""
    yield f"In a second terminal:   PATH={directory}:$PATH"
    yield "  remsim status --watch               what the router thinks"
    yield "  ubus call remsim status             the same for programs"
    yield "  ubus listen 'remsim.*'              every change, as it happens"
    yield "  logread -f                          the daemon's log"
    yield "  remsim-lab status                   what is really going on"
    yield "  remsim-lab fail modem1 signal       ... and: remsim-lab restore"
    yield "  remsim-lab scenario S1 --speed 10   the proof, by captures"
    yield "  remsim-lab scenario remote-sim --speed 10"
    yield "                                      modem1 attaches through a SIM of the bank"
    yield "  remsim sim modem1 local             by hand; and: remsim sim modem1 remote"
    yield "  ubus call remsim.client status      the SIM's connection to the bank"
    yield "  uci show remsim                     the configuration (commit, then: remsim reload)"
    yield ""


def _short(path: Path) -> str:
    """Relative to where the user stands, when it is below."""
    here = Path.cwd()
    return f"$PWD/{path.relative_to(here)}" if path.is_relative_to(here) else str(path)


@contextmanager
def _alone(directory: Path) -> Iterator[bool]:
    """One lab per directory. The lock stands beside it: the directory comes and goes."""
    path = directory.with_name(directory.name + ".lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        yield False
        return
    try:
        yield True
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def _say(line: str) -> None:
    print(line, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make run", description="The whole system in the lab.")
    parser.add_argument("--speed", type=_speed, default=1.0, help="lab seconds per second")
    parser.add_argument("--directory", type=Path, default=LAB_DIR, help="default .lab")
    parser.add_argument("--port", type=int, default=PORT, help=f"of the pages, default {PORT}")
    return parser


def _speed(text: str) -> float:
    speed = float(text)
    if not 0.1 <= speed <= 60:
        raise argparse.ArgumentTypeError("0.1 to 60")
    return speed


if __name__ == "__main__":
    sys.exit(main())
