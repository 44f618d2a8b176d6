# SPDX-License-Identifier: GPL-2.0-or-later
"""What breaks inside the router: modems, bus, rules, disk, clock, configuration. Heartbeats go on.

Judged by the captures of both links, the bank's book, the GPIO edges and the kernel's tables.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from remsim_lab.film import Film
from remsim_lab.lab import Lab, wait_for
from scenario.lab_hands import (
    BEAT_SLACK_S,
    INTERVAL_S,
    IOT,
    PRIMARY,
    START_S,
    another_daemon,
    calm_down,
    command,
    edges,
    expect,
    kernel,
    longest_gap_s,
    nothing_moved,
    quiet,
    reload,
    requests,
    ubus,
    watch,
)

pytestmark = pytest.mark.netns

SOON_S = 40.0  # two real seconds: a process starts, a watcher looks
WATCHDOG_S = 800.0  # it looks every ten real seconds
OBJECTS = {"remsim", "luci.remsim"}


def alerts(lab: Lab) -> list[str]:
    return [str(alert["id"]) for alert in ubus(lab, "status")["alerts"]]


def objects(lab: Lab) -> set[str]:
    return set(command(lab, "ubus", "list").stdout.split())


def test_with_both_modems_hung_status_answers_and_both_are_cured_in_turn(
    lab: Lab, film: Film
) -> None:
    for name in ("modem1", "modem2"):
        lab.fail(name, "hang", quiet)

    def is_over() -> bool:
        assert ubus(lab, "status")["modem1"]["role"] == "primary"
        return len(edges(film)) == 2 and film.beats(IOT)[-1:] > [200.0]

    expect(film, 500.0, is_over, "both reset lines pulsed, and a beat over the IoT link")
    first, second = (film.edges(f"{name}_reset")[0][0] for name in ("modem2", "modem1"))
    assert second - first >= lab.modem(IOT).boot_s, "never both in reset"


def test_the_bus_killed_and_started_again_gets_its_objects_back(lab: Lab, film: Film) -> None:
    lab.fail("ubus", "restart", quiet)
    expect(film, SOON_S, lambda: objects(lab) >= OBJECTS, "the objects")
    watch(film, INTERVAL_S + BEAT_SLACK_S)
    assert nothing_moved(film)


def test_without_a_bus_heartbeats_go_on(lab: Lab, film: Film) -> None:
    lab.fail("ubus", "down", quiet)
    watch(film, 2 * INTERVAL_S + BEAT_SLACK_S)
    assert len(film.beats(IOT)) >= 2
    assert nothing_moved(film)
    lab.restore("ubus", quiet)
    expect(film, SOON_S, lambda: objects(lab) >= OBJECTS, "the objects")


def test_a_bus_that_hangs_holds_up_no_heartbeat_and_no_start(lab: Lab, film: Film) -> None:
    lab.ubusd.kill(signal.SIGSTOP)  # connections are still taken, by the kernel
    lab.fail("modem1", "signal", quiet)  # events to send
    watch(film, 2 * INTERVAL_S + BEAT_SLACK_S)
    assert len(film.beats(IOT)) >= 2
    lab.remsimd.kill(signal.SIGKILL)
    film.begin()
    watch(film, START_S + INTERVAL_S + BEAT_SLACK_S)
    assert film.beats(IOT)
    assert not requests(film, "register"), "the next start adopted the assignment"
    lab.ubusd.kill(signal.SIGCONT)
    expect(film, SOON_S, lambda: objects(lab) >= OBJECTS, "the objects")


@pytest.mark.parametrize(
    "flush",
    ["ubus call network reload", "ip rule flush", "ip route flush table 12", "nft flush ruleset"],
)
def test_what_others_flush_is_put_back(lab: Lab, film: Film, flush: str) -> None:
    before = kernel(lab)
    lab.remsimd.kill(signal.SIGSTOP)
    if flush.startswith("ubus"):
        command(lab, *flush.split())
    else:
        lab.network.router.run(flush.split())
    if flush == "ip rule flush":  # the kernel's own is not ours to put back
        lab.network.router.run(["ip", "rule", "add", "priority", "32766", "lookup", "main"])
    if flush == "nft flush ruleset":
        lab.network.reload_firewall()
    assert kernel(lab) != before
    lab.remsimd.kill(signal.SIGCONT)
    expect(film, SOON_S, lambda: kernel(lab) == before, "the same rules and routes")
    assert nothing_moved(film)


def test_a_modem_that_comes_back_under_other_names_keeps_its_role(lab: Lab, film: Film) -> None:
    """Its tty vanishes while it answers a command."""
    device = lab.modem(PRIMARY).device
    lab.fail("modem1", "slow", quiet)
    job = ubus(lab, "at", modem="modem1", command="AT+CSQ")["job"]
    device.renumber([f"ttyUSB{n}" for n in range(20, 27)])
    device.fail("vanish", "never")

    def has_ended() -> bool:
        return bool(ubus(lab, "job", id=job)["state"] == "failed")

    expect(film, 300.0, has_ended, "the end of the command")
    assert ubus(lab, "job", id=job)["error"]["code"] == "device_gone"
    lab.restore("modem1", quiet)

    def is_found() -> bool:
        seen = ubus(lab, "status")["modem1"]
        return bool(seen["device"] == "/dev/ttyUSB23" and seen["path"]["up"])

    expect(film, 200.0, is_found, "the modem under its new name")
    assert "FM350-GL" in command(lab, "remsim", "at", "modem1", "ATI").stdout
    assert nothing_moved(film)


def test_a_broken_file_leaves_the_running_configuration_in_force(lab: Lab, film: Film) -> None:
    path = lab.place.root / "etc/config/remsim"
    good = path.read_bytes()
    wrong = good.replace(b"option interval '20'", b"option interval 'often'")
    try:
        for broken in (b"config service 'service'\n\toption enabled '1\n", wrong):
            path.write_bytes(broken)
            assert command(lab, "remsim", "reload").returncode != 0
            status = ubus(lab, "status")
            assert status["config"]["problems"]
            assert "config" in alerts(lab)
        watch(film, INTERVAL_S + BEAT_SLACK_S)
        assert nothing_moved(film)
    finally:
        path.write_bytes(good)
    reload(lab)
    assert ubus(lab, "status")["config"] == {"state": "accepted", "problems": [], "warnings": []}
    assert "config" not in alerts(lab)


def test_a_file_broken_before_a_start_leaves_the_last_accepted_one_in_force(
    lab: Lab, film: Film
) -> None:
    path = lab.place.root / "etc/config/remsim"
    kept = lab.place.root / "etc/remsim/accepted.json"
    good = path.read_bytes()
    with lab.without_daemon():
        kept.unlink()
    wait_for(kept.exists, "what was accepted at the start, kept")
    with lab.without_daemon():
        path.write_bytes(good[: len(good) // 2] + b"'")
    try:
        assert ubus(lab, "status")["config"]["state"] == "last_accepted"
        watch(film, INTERVAL_S + BEAT_SLACK_S)
        assert nothing_moved(film, INTERVAL_S + 2 * START_S)
    finally:
        path.write_bytes(good)
    reload(lab)
    assert ubus(lab, "status")["config"]["state"] == "accepted"


def test_a_wall_clock_that_jumps_by_years_changes_nothing(lab: Lab, film: Film) -> None:
    root = str(lab.place.root)
    with another_daemon(lab, "-m", "scenario.jumping_daemon", f"{lab.speed:g}", "--root", root):
        for number in (signal.SIGUSR1, signal.SIGUSR2):
            watch(film, INTERVAL_S / 2)
            lab.remsimd.kill(number)
            watch(film, INTERVAL_S)
            assert ubus(lab, "status")["assignment"]["state"] == "active"
        assert "jumps by -30 years" in (lab.place.log / "remsimd.log").read_text()
        assert nothing_moved(film, INTERVAL_S + START_S)


def test_a_main_loop_that_stands_still_is_ended_and_the_next_start_adopts(
    lab: Lab, film: Film
) -> None:
    log = lab.place.log / "remsimd.log"
    root = str(lab.place.root)
    with another_daemon(lab, "-m", "scenario.standing_daemon", f"{lab.speed:g}", "--root", root):
        expect(film, START_S, lambda: lab.status() is not None, "the daemon")
        stuck = lab.remsimd.pid
        film.begin()
        lab.remsimd.kill(signal.SIGUSR1)
        expect(film, WATCHDOG_S, lambda: "the main loop is stuck" in log.read_text(), "its end")
        expect(film, START_S, lambda: lab.remsimd.pid not in (None, stuck), "the next start")
        expect(film, START_S, lambda: film.beats(IOT), "the next heartbeat")
        assert "in stand_still" in log.read_text(), "where it stood"
        assert not requests(film, "register")
        assert not edges(film)


@contextmanager
def small_disks(lab: Lab) -> Iterator[tuple[Path, ...]]:
    """Where the product writes, each a tmpfs of its own. The line keeper starts anew with them."""
    disks = tuple(lab.place.root / name for name in ("var/run/remsim", "tmp/remsim", "etc/remsim"))
    with ExitStack() as stack:
        stack.enter_context(lab.without_daemon())
        for _, pid in lab.companions():
            os.kill(pid, signal.SIGTERM)
            wait_for(lambda pid=pid: not Path(f"/proc/{pid}").exists(), "the keeper's end")
        for disk in disks:
            disk.mkdir(exist_ok=True)
            kept = {path.name: path.read_bytes() for path in disk.glob("*.json")}
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], check=True)
            for name, content in kept.items():
                (disk / name).write_bytes(content)
    try:
        yield disks
    finally:
        with lab.without_daemon():
            for _, pid in lab.companions():
                os.kill(pid, signal.SIGTERM)
            for disk in disks:
                subprocess.run(["umount", "-l", disk], check=True)


def fill(disk: Path) -> None:
    with (disk / "rubbish").open("wb", buffering=0) as file:
        while True:
            try:
                file.write(bytes(4096))
            except OSError:
                return


def test_full_disks_cost_no_heartbeat_and_no_cure_and_are_said(lab: Lab, film: Film) -> None:
    with small_disks(lab) as disks:
        calm_down(lab)
        for disk in disks:
            fill(disk)
        film.begin()
        expect(film, 400.0, lambda: "storage" in alerts(lab), "an alert that says it")
        assert longest_gap_s(film) <= INTERVAL_S + BEAT_SLACK_S
        assert not edges(film)
        command(lab, "remsim", "reset", "modem1")
        assert [level for _, level in film.edges("modem1_reset")] == [0, 1]
        assert longest_gap_s(film) <= INTERVAL_S + BEAT_SLACK_S
        for disk in disks:
            (disk / "rubbish").unlink()
        expect(film, 400.0, lambda: "storage" not in alerts(lab), "the end of the alert")
        assert not requests(film, "register")


def _alerts(lab: Lab) -> list[str]:
    return [str(alert["id"]) for alert in ubus(lab, "status")["alerts"]]


def test_noise_and_late_answers_on_the_ports_reset_nobody(lab: Lab, film: Film) -> None:
    """Longer than the patience before the IoT modem's reset."""
    lab.fail("modem1", "slow", quiet)
    lab.fail("modem2", "garbage", quiet)
    watch(film, 100.0)
    assert nothing_moved(film)
    for role in (PRIMARY, IOT):
        assert ubus(lab, "status")[role.value]["path"]["up"]
