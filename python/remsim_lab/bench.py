# SPDX-License-Identifier: GPL-2.0-or-later
"""`make bench`: the budgets of design section 13, measured in the lab; a table, and bench.json.

    python -m remsim_lab.bench [--quick] [--only NAME]

bench.json is a list of {name, value, unit, budget, ok, against}; `against` names what the figure
was compared with in the same run, if anything. Medians over several runs; the machine's load shows
in every figure.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from remsim.model import Role
from remsim_lab import procfs
from remsim_lab.lab import Lab
from remsim_lab.launchers import PYTHON_DIR, Place, environment_of, python
from remsim_lab.service import Service, tethered

REPOSITORY = PYTHON_DIR.parent
OUTPUT = REPOSITORY / "bench.json"
SETTLE_S = 8.0  # after the start, before anything idle is measured
IDLE_S = 30.0
STARTS, ANSWERS, CALLS = 5, 9, 3000
POLLS = 10_000
QUICK_IDLE_S, QUICK_STARTS, QUICK_ANSWERS, QUICK_CALLS = 5.0, 2, 3, 300
QUICK_POLLS = 300
LUCI_APP_BUDGET_KIB = 60.0
FLASH_BUDGET_BYTES = 300 * 1024


@dataclass(frozen=True, slots=True)
class Figure:
    """`budget` in the same unit, None where the design sets none."""

    name: str
    value: float
    unit: str
    budget: float | None = None
    against: str | None = None

    @property
    def ok(self) -> bool:
        return self.budget is None or self.value <= self.budget

    def as_json(self) -> dict[str, object]:
        fields = asdict(self)
        return {**fields, "value": round(self.value, 4), "ok": self.ok}


@dataclass(frozen=True, slots=True)
class Effort:
    """How often and how long."""

    idle_s: float
    starts: int
    answers: int
    calls: int
    polls: int
    is_quick: bool = False


Measure = Callable[[Lab, Effort], Iterator[Figure]]


def main(argv: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(argv)
    effort = Effort(IDLE_S, STARTS, ANSWERS, CALLS, POLLS)
    if options.quick:
        effort = Effort(QUICK_IDLE_S, QUICK_STARTS, QUICK_ANSWERS, QUICK_CALLS, QUICK_POLLS, True)
    figures: list[Figure] = []
    for figure in _measured(options.only, effort):
        figures.append(figure)
        print(_row(figure), flush=True)
    OUTPUT.write_text(json.dumps([each.as_json() for each in figures], indent=1) + "\n")
    missed = [figure.name for figure in figures if not figure.ok]
    print(f"\n{len(figures)} figures in {OUTPUT.name}; over budget: {', '.join(missed) or 'none'}")
    return 0


def _measured(only: str | None, effort: Effort) -> Iterator[Figure]:
    chosen = {name: each for name, each in MEASURES.items() if only in (None, name)}
    print(f"{'':<46} {'measured':>12}  {'budget':>12}")
    with (
        tempfile.TemporaryDirectory(prefix="remsim-bench-") as directory,
        Lab(Place(Path(directory) / "lab"), 1.0, _nobody) as lab,
    ):
        for measure in chosen.values():
            yield from measure(lab, effort)
    if only in (None, "packages"):
        yield from _packages()


def _row(figure: Figure) -> str:
    value = f"{figure.value:.3g}" if figure.value < 100 else f"{figure.value:.0f}"
    budget = "-" if figure.budget is None else f"{figure.budget:g}"
    mark = "" if figure.ok else "   OVER"
    against = f"   ({figure.against})" if figure.against else ""
    return f"{figure.name:<46} {value:>8} {figure.unit:<4} {budget:>11}{mark}{against}"


# --- measures -----------------------------------------------------------------------------------


def _idle(lab: Lab, effort: Effort) -> Iterator[Figure]:
    """Both modems connected, assignment active, nothing happening."""
    lab.wait_until_active()
    _pause(SETTLE_S)
    pid = _pid(lab.remsimd)
    before = procfs.usage(pid)
    _pause(effort.idle_s)
    idle = procfs.between(before, procfs.usage(pid))
    yield Figure("daemon: idle CPU", idle.cpu_percent, "%", 0.5, "one core")
    yield Figure("daemon: idle wake-ups", idle.wakeups_per_s, "/s", 8, "all threads together")
    yield Figure("daemon: resident memory", procfs.resident_bytes(pid) / 1e6, "MB", 40)
    for name, other in lab.companions():
        yield Figure(f"{name}: resident memory", procfs.resident_bytes(other) / 1e6, "MB")


def _latency(lab: Lab, effort: Effort) -> Iterator[Figure]:
    """Both modems hung, the server unreachable: the answer comes from memory."""
    lab.wait_until_active()
    for role in Role:
        lab.fail(role.value, "hang", _nobody)
    lab.fail("ionmesh", "down", _nobody)
    try:
        _pause(SETTLE_S)
        calls = _times_ms(lab, "remsim", effort.calls)
        bare = _bare_times_ms(lab, effort.calls)
    finally:
        lab.restore(None, _nobody)
    yield Figure("status, modems hung, no server: median", statistics.median(calls), "ms")
    yield Figure("status, modems hung, no server: p99", _p99(calls), "ms", 20)
    ratio = statistics.median(calls) / statistics.median(bare)
    against = f"a Python object that replies with a fixed text: {statistics.median(bare):.2f} ms"
    yield Figure("status against a bare answer", ratio, "x", None, against)


def _answers(lab: Lab, effort: Effort) -> Iterator[Figure]:
    for words in (("status",), ("status", "--json"), ("config", "show"), ("--help",)):
        command = [str(lab.place.bin / "remsim"), *words]
        times = [_seconds(command) for _ in range(effort.answers)]
        yield Figure(f"remsim {' '.join(words)}", statistics.median(times), "s", 0.3)


def _starts(lab: Lab, effort: Effort) -> Iterator[Figure]:
    """From exec to the first answer on the bus."""
    socket = str(lab.place.ubus_socket)
    times = []
    with lab.without_daemon() as program:
        for _ in range(effort.starts):
            asker = subprocess.Popen(
                _peer("until", socket, "remsim", "status"),
                env=environment_of(lab.place),
                stdout=subprocess.PIPE,
                text=True,
            )
            _pause(0.5)  # the asker itself has to be up
            began = time.monotonic()
            daemon = subprocess.Popen(
                tethered(program.argv), env=dict(program.environment), stderr=subprocess.DEVNULL
            )
            answered = float(asker.communicate()[0])
            times.append(answered - began)
            daemon.terminate()
            daemon.wait()
    yield Figure("daemon: start to first status", statistics.median(times), "s", 1.0)


def _beats(lab: Lab, effort: Effort) -> Iterator[Figure]:
    """At IP level, up and down, on a veth of its own: no lab needed, and none disturbs it."""
    from remsim_lab.measure_beat import measure

    cost = measure()
    yield Figure("heartbeat on the wire, average", cost.kept_bytes, "B", 650, "one connection kept")
    yield Figure("heartbeat on the wire, without statistics", cost.lean_bytes, "B")
    yield Figure("heartbeat on the wire, with statistics", cost.full_bytes, "B")
    against = f"a new connection each by {cost.by}: {cost.new_connection_bytes:.0f} B"
    yield Figure("heartbeat against a new connection", 100 * cost.share, "%", 55, against)


def _client(lab: Lab, effort: Effort) -> Iterator[Figure]:
    """The remote-SIM client against a bank of its own; no lab needed."""
    from remsim_lab.bench_rspro import figures

    for row in figures(effort.is_quick):
        yield Figure(*row.row)


def _pages(lab: Lab, effort: Effort) -> Iterator[Figure]:
    """In a browser, which only this measure needs."""
    from remsim_lab.bench_web import measure

    for row in measure(lab, effort.idle_s, effort.polls):
        yield Figure(*row)


def _packages() -> Iterator[Figure]:
    done = subprocess.run(["make", "-s", "ipk"], cwd=REPOSITORY, capture_output=True, check=False)
    if done.returncode != 0:
        sys.stderr.write(done.stderr.decode())
        return
    total, languages = 0, [0]
    for path in sorted((REPOSITORY / "dist").glob("*.ipk")):
        name = path.name.partition("_")[0]
        if name.startswith("luci-i18n-"):
            languages.append(path.stat().st_size)
        else:
            total += path.stat().st_size
        budget = LUCI_APP_BUDGET_KIB if name == "luci-app-remsim" else None
        yield Figure(f"package {name}", path.stat().st_size / 1024, "KiB", budget)
    chosen = (total + max(languages)) / 1024
    yield Figure("own packages, the largest language", chosen, "KiB", FLASH_BUDGET_BYTES / 1024)
    every = (total + sum(languages)) / 1024
    yield Figure("own packages, every language", every, "KiB")


MEASURES: dict[str, Measure] = {
    "idle": _idle,
    "latency": _latency,
    "answers": _answers,
    "starts": _starts,
    "beats": _beats,
    "client": _client,
    "pages": _pages,
}


# --- how ----------------------------------------------------------------------------------------


def _peer(*words: str) -> list[str]:
    return list(python("-m", "remsim_lab.bench_peers", *words))


def _times_ms(lab: Lab, object_name: str, calls: int) -> list[float]:
    argv = _peer("call", str(lab.place.ubus_socket), object_name, "status", str(calls))
    done = subprocess.run(
        argv, env=environment_of(lab.place), capture_output=True, text=True, check=True
    )
    return [float(line) for line in done.stdout.split()]


def _bare_times_ms(lab: Lab, calls: int) -> list[float]:
    reply = lab.place.directory / "bench-reply.json"
    reply.write_text(json.dumps(lab.status()), encoding="utf-8")
    answerer = subprocess.Popen(
        tethered(_peer("answer", str(lab.place.ubus_socket), str(reply))),
        env=environment_of(lab.place),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        if answerer.stdout is not None:
            answerer.stdout.readline()
        return _times_ms(lab, "bench", calls)
    finally:
        answerer.terminate()
        answerer.communicate()


def _seconds(command: list[str]) -> float:
    before = time.monotonic()
    subprocess.run(command, capture_output=True, check=True)
    return time.monotonic() - before


def _p99(times: list[float]) -> float:
    return statistics.quantiles(times, n=100)[98]


def _pause(seconds: float) -> None:
    threading.Event().wait(seconds)


def _pid(service: Service) -> int:
    pid = service.pid
    if pid is None:
        raise SystemExit("the daemon is not running")
    return pid


def _nobody(_line: str) -> None:
    """The table is what is shown."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--quick", action="store_true", help="fewer runs, for a first look")
    parser.add_argument("--only", choices=(*MEASURES, "packages"))
    return parser


if __name__ == "__main__":
    sys.exit(main())
