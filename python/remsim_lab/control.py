# SPDX-License-Identifier: GPL-2.0-or-later
"""`remsim-lab`: break and mend the running lab, look at its other side, play scenarios.

Without a running lab only `scenario` works: it brings up a lab of its own for the time it takes.
Exit codes: 0 done, 1 refused or a scenario that did not go as expected, 2 usage, 3 no lab.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from remsim_lab.desk import ask
from remsim_lab.faults import TARGETS
from remsim_lab.launchers import PYTHON_DIR, Place

LAB_DIR = PYTHON_DIR.parent / ".lab"
NO_LAB = 3


def main(argv: Sequence[str] | None = None) -> int:
    arguments = vars(_parser().parse_args(argv))
    place = Place(arguments.pop("directory"))
    if arguments["command"] == "scenario" and _wants_own_lab(place, arguments):
        from remsim_lab.scenario import play_alone

        return play_alone(arguments["name"], arguments["speed"] or 1.0, _say)
    try:
        return ask(place.control_socket, arguments, _say)
    except KeyboardInterrupt:
        return 130
    except (FileNotFoundError, ConnectionRefusedError):
        sys.stderr.write("remsim-lab: no lab is running here; start it with: make run\n")
        return NO_LAB
    except OSError as error:
        sys.stderr.write(f"remsim-lab: {error}\n")
        return NO_LAB


def _wants_own_lab(place: Place, arguments: dict[str, Any]) -> bool:
    """The clock of a running lab cannot be changed; another speed needs another lab."""
    if not place.control_socket.exists():
        return True
    if arguments["speed"] is None:
        return False
    running: list[str] = []
    try:
        ask(place.control_socket, {"command": "speed"}, running.append)
    except OSError:
        return True
    return bool(float(running[0]) != arguments["speed"])


def _say(line: str) -> None:
    print(line, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="remsim-lab", description="Break and mend the lab.")
    parser.add_argument("--directory", type=Path, default=LAB_DIR, help=argparse.SUPPRESS)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    commands.add_parser("status", help="modems, links, servers and lines as the lab has them")
    _add_faults(commands)
    scenario = commands.add_parser("scenario", help="play a scenario and judge it by captures")
    scenario.add_argument("name", choices=("S1", "S2", "S3", "remote-sim"))
    scenario.add_argument(
        "--speed", type=float, help="lab seconds per second (default: that of the running lab)"
    )
    capture = commands.add_parser("capture", help="what crosses a link, by flows")
    capture.add_argument("modem", choices=("modem1", "modem2"))
    capture.add_argument("--seconds", type=float, default=10.0, help="of real time, default 10")
    capture.add_argument("--write", metavar="FILE", help="keep the pcap file")
    commands.add_parser("gpio", help="the lines, their levels and their last edges")
    return parser


def _add_faults(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    lines = [f"  {target:<8} {', '.join(kinds)}" for target, kinds in TARGETS.items()]
    fail = commands.add_parser(
        "fail",
        help="break something",
        epilog="targets and ways, the first is the default:\n" + "\n".join(lines),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    fail.add_argument("target", choices=tuple(TARGETS))
    fail.add_argument("kind", nargs="?")
    restore = commands.add_parser("restore", help="mend it, or everything")
    restore.add_argument("target", choices=tuple(TARGETS), nargs="?")
    delay = commands.add_parser("delay", help="make a link slow")
    delay.add_argument("modem", choices=("modem1", "modem2"))
    delay.add_argument("delay_ms", type=float, metavar="MS", help="per packet and direction")


if __name__ == "__main__":
    sys.exit(main())
