# SPDX-License-Identifier: GPL-2.0-or-later
"""The `ubus` command: output, messages and exit codes, on every bus this machine has.

The real one takes part when REMSIM_REAL_UBUS names it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import stacks
from stacks import LAB, REAL, Stack, Ubus
from test_contract_ubus_module import SERVER

USAGE = (
    "Usage: ubus [<options>] <command> [arguments...]\n"
    "Options:\n"
    " -s <socket>:\t\tSet the unix domain socket to connect to\n"
    " -t <timeout>:\t\tSet the timeout (in seconds) for a command to complete\n"
    " -S:\t\t\tUse simplified output (for scripts)\n"
    " -v:\t\t\tMore verbose output\n"
    " -m <type>:\t\t(for monitor): include a specific message type\n"
    "\t\t\t(can be used more than once)\n"
    " -M <r|t>\t\t(for monitor): only capture received or transmitted traffic\n"
    "\n"
    "Commands:\n"
    " - list [<path>]\t\t\tList objects\n"
    " - call <path> <method> [<message>]\tCall an object method\n"
    " - subscribe <path> [<path>...]\tSubscribe to object(s) notifications\n"
    " - listen [<path>...]\t\t\tListen for events\n"
    " - send <type> [<message>]\t\tSend an event\n"
    " - wait_for <object> [<object>...]\tWait for multiple objects to appear on ubus\n"
    " - monitor\t\t\t\tMonitor ubus traffic\n"
    "\n"
)
NOT_FOUND = "Command failed: Not found\n"
NO_JSON = "Parsing message data failed"
NO_SUBSCRIPTION = "Error while registering for event 'nope': Not found\n"

# (words, stdout, stderr, exit code); lists of objects show their ids as @ID
CASES: list[tuple[list[str], str, str, int]] = [
    (["list"], "lab.obj\n", "", 0),
    (["list", "lab.*"], "lab.obj\n", "", 0),
    (["-S", "-v", "list"], "lab.obj\n", "", 0),
    (["list", "nope"], "", NOT_FOUND, 4),
    (["-S", "list", "nope"], "", "", 4),
    (["list", ""], "", "Command failed: Invalid argument\n", 2),
    (["list", "a", "b"], "", USAGE, 254),
    (["call"], "", USAGE, 254),
    (["call", "lab.obj"], "", USAGE, 254),
    (["call", "lab.obj", "echo", "{}", "more"], "", USAGE, 254),
    (["call", "nope", "m"], "", NOT_FOUND, 4),
    (["-S", "call", "nope", "m"], "", "", 4),
    (
        ["call", "lab.obj", "echo"],
        "",
        "Command failed: ubus call lab.obj echo (Invalid argument)\n" + USAGE,
        254,
    ),
    (
        ["call", "lab.obj", "nope"],
        "",
        "Command failed: ubus call lab.obj nope (Method not found)\n",
        253,
    ),
    (["-S", "call", "lab.obj", "nope"], "", "", 3),
    (
        ["call", "lab.obj", "echo", "x"],
        "",
        f"Command failed: ubus call lab.obj echo x ({NO_JSON})\n",
        244,
    ),
    (["-S", "call", "lab.obj", "echo", "[1]"], "", "", 12),
    (["call", "lab.obj", "silent"], "", "", 0),
    (["call", "lab.obj", "twice"], '{\n\t"n": 1\n}\n{\n\t"n": 2\n}\n', "", 0),
    (
        ["call", "lab.obj", "echo", '{"a":{"b":[],"c":{},"d":[1,"x",null,true,-2.5]}}'],
        '{\n\t"a": {\n\t\t"b": [\n\t\t\t\n\t\t],\n\t\t"c": {\n\t\t\t\n\t\t},\n\t\t"d": [\n\t\t\t1,'
        '\n\t\t\t"x",\n\t\t\tnull,\n\t\t\ttrue,\n\t\t\t-2.500000\n\t\t]\n\t}\n}\n',
        "",
        0,
    ),
    (["call", "lab.obj", "none", "{}"], "{\n\t\n}\n", "", 0),
    (["-S", "call", "lab.obj", "none"], "{}\n", "", 0),
    (
        ["-S", "call", "lab.obj", "echo", '{"a":"\\u0001\\n\\"ü"}'],
        '{"a":"\\u0001\\n\\"ü"}\n',
        "",
        0,
    ),
    (["-S", "call", "lab.obj", "echo", "{'a':[1,],} rest"], '{"a":[1]}\n', "", 0),
    (
        ["-t", "1", "call", "lab.obj", "slow", '{"ms":1400}'],
        "",
        'Command failed: ubus call lab.obj slow {"ms":1400} (Request timed out)\n',
        249,
    ),
    (["send"], "", USAGE, 254),
    (["send", "a"], "", "", 0),
    (["send", "a", '{"b":1}'], "", "", 0),
    (["send", "a", "x"], "", f"Command failed: {NO_JSON}\n", 12),
    (["send", "ubus.x"], "", "Command failed: Permission denied\n", 6),
    (["-t", "1", "listen", "a"], "", "", 0),
    (["subscribe"], "", "You need to specify an object to subscribe to\n", 255),
    (["subscribe", "nope"], "", NO_SUBSCRIPTION, 255),
    (["-S", "subscribe", "nope"], "", "", 255),
    (["wait_for"], "", USAGE, 254),
    (["wait_for", "lab.obj"], "", "", 0),
    (["-t", "1", "wait_for", "lab.obj", "nope"], "", "Command failed: Request timed out\n", 7),
    (["bogus"], "", USAGE, 254),
    ([], "", USAGE, 1),
    (["-z"], "", "ubus: invalid option -- 'z'\n" + USAGE, 1),
    (["-t"], "", "ubus: option requires an argument -- 't'\n" + USAGE, 1),
    (["-m", "bogus", "monitor"], "", USAGE, 1),
    (["-M", "x", "monitor"], "", USAGE, 1),
]


def command_line(which: str) -> tuple[list[str], str | None]:
    """(arguments, executable)"""
    if which == REAL:
        return ["ubus"], os.environ["REMSIM_REAL_UBUS"]
    start = (
        f"import sys; sys.path.insert(0, {str(stacks.PYTHON_DIRECTORY)!r});"
        "from remsim_lab.ubus.command import main; sys.exit(main(['ubus', *sys.argv[1:]]))"
    )
    return [sys.executable, "-S", "-c", start], None


def run_command(which: str, words: list[str]) -> tuple[str, str, int]:
    arguments, executable = command_line(which)
    done = subprocess.run(
        [*arguments, *words],
        executable=executable,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=stacks.PROCESS_LIMIT_S,
        check=False,
    )
    return done.stdout, done.stderr, done.returncode


COMMANDS: list[object] = [LAB]
if "REMSIM_REAL_UBUS" in os.environ:
    COMMANDS.append(pytest.param(REAL, marks=pytest.mark.real))
BUSES: list[object] = [LAB]
if stacks.real_ubusd():
    BUSES.append(pytest.param(REAL, marks=pytest.mark.real))


@pytest.fixture(scope="module", params=BUSES)
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ubus]:
    """A bus with the server of the module tests."""
    bus = Ubus(Stack(LAB, request.param), tmp_path_factory.mktemp("bus"))
    bus.start()
    with bus.serving(SERVER):
        yield bus
    bus.kill()


@pytest.mark.parametrize("which", COMMANDS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: " ".join(case[0])[:30] or "nothing")
def test_command_says_and_returns(
    served: Ubus, which: str, case: tuple[list[str], str, str, int]
) -> None:
    words, *expected = case
    said = run_command(which, [*(["-s", served.socket] if words[:1] != ["-z"] else []), *words])
    assert list(said) == expected


@pytest.mark.parametrize("which", COMMANDS)
def test_verbose_list_shows_types(served: Ubus, which: str) -> None:
    said = run_command(which, ["-s", served.socket, "-v", "list", "lab.obj"])
    lines = re.sub("@[0-9a-f]{8}", "@ID", said[0]).splitlines()
    assert lines[:3] == [
        "'lab.obj' @ID",
        '\t"echo":{"a":"(unknown)"}',
        '\t"none":{}',
    ]
    assert '\t"strict":{"name":"String","n":"Integer"}' in lines
    assert '\t"bool":{"n":"Boolean"}' in lines


@pytest.mark.parametrize("which", COMMANDS)
def test_no_ubusd(which: str, tmp_path: Path) -> None:
    path = str(tmp_path / "none")
    assert run_command(which, ["-s", path, "list"]) == ("", "Failed to connect to ubus\n", 255)
    assert run_command(which, ["-S", "-s", path, "list"]) == ("", "", 255)


@pytest.mark.parametrize("which", COMMANDS)
def test_listener_prints_events_until_it_is_stopped(served: Ubus, which: str) -> None:
    arguments, executable = command_line(which)
    with subprocess.Popen(
        [*arguments, "-s", served.socket, "listen", "lab.*", "other"],
        executable=executable,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        sender = "while ubus.send('lab.first', {}): time.sleep(0.02)"
        with subprocess.Popen(
            stacks.program(f"import ubus\nubus.connect(SOCKET)\n{sender}", LAB, served.socket)
        ) as first:
            assert process.stdout.readline() == '{ "lab.first": {} }\n'
            first.kill()
        served.client("ubus.send('none', {}); ubus.send('other', {'a': [1, 'x']})")
        line = process.stdout.readline()
        while line == '{ "lab.first": {} }\n':
            line = process.stdout.readline()
        process.terminate()
        assert (line, process.wait(stacks.PROCESS_LIMIT_S)) == ('{ "other": {"a":[1,"x"]} }\n', 0)
