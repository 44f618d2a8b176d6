# SPDX-License-Identifier: GPL-2.0-or-later
"""The hotplug scripts and the C client's event script: one call, safe JSON, always 0."""

import json
import os
from pathlib import Path

import pytest
from router_shell import Router

DEVPATH = "/devices/platform/soc/usb1/1-1/1-1.2/ttyUSB2/tty/ttyUSB2"
CASES = {
    "tty": (
        {"ACTION": "add", "DEVICENAME": "ttyUSB2", "DEVPATH": DEVPATH},
        {"subsystem": "tty", "action": "add", "name": "ttyUSB2", "path": DEVPATH},
    ),
    "net": (
        {"ACTION": "remove", "INTERFACE": "wwan0", "DEVPATH": "/devices/pci0000:00/wwan0"},
        {
            "subsystem": "net",
            "action": "remove",
            "name": "wwan0",
            "path": "/devices/pci0000:00/wwan0",
        },
    ),
    "iface": (
        {"ACTION": "ifup", "INTERFACE": "wwan1", "DEVICE": "wwan1"},
        {"subsystem": "iface", "action": "ifup", "name": "wwan1", "path": ""},
    ),
    "wwan": (
        {"ACTION": "add", "DEVICENAME": "wwan0at0", "DEVPATH": "/devices/pci/wwan0/wwan0at0"},
        {
            "subsystem": "wwan",
            "action": "add",
            "name": "wwan0at0",
            "path": "/devices/pci/wwan0/wwan0at0",
        },
    ),
}


def payload(call: str) -> dict:
    return json.loads(call[call.index("<{") + 1 : call.rindex(">")])


@pytest.mark.parametrize("kind", CASES)
def test_an_event_is_one_call_with_a_time_limit(router: Router, kind: str) -> None:
    environment, expected = CASES[kind]
    router.environment.update(environment)
    assert router.run(f"etc/hotplug.d/{kind}/30-remsim") == 0
    (call,) = router.calls
    assert call.startswith("ubus <-t> <2> <call> <remsim> <hotplug> <{")
    assert payload(call) == expected


@pytest.mark.parametrize("kind", CASES)
def test_without_a_daemon_nothing_is_called(router: Router, kind: str) -> None:
    router.environment.update(CASES[kind][0])
    (router.root / "var/run/remsim").rmdir()
    assert router.run(f"etc/hotplug.d/{kind}/30-remsim") == 0
    assert router.calls == []


@pytest.mark.parametrize("kind", CASES)
def test_an_event_with_nothing_in_it_is_passed_over(router: Router, kind: str) -> None:
    assert router.run(f"etc/hotplug.d/{kind}/30-remsim") == 0
    assert router.calls == []


@pytest.mark.parametrize("kind", CASES)
@pytest.mark.parametrize("evil", ['a","action":"x', "a\\", "a\nb", "$(reboot)", "a b", "`id`", "ä"])
def test_a_name_that_could_break_out_of_the_json_is_passed_over(
    router: Router, kind: str, evil: str
) -> None:
    environment = dict(CASES[kind][0])
    environment["INTERFACE" if "INTERFACE" in environment else "DEVICENAME"] = "ttyUSB2" + evil
    router.environment.update(environment)
    assert router.run(f"etc/hotplug.d/{kind}/30-remsim") == 0
    assert router.calls == []


@pytest.mark.parametrize("kind", CASES)
def test_a_daemon_that_does_not_answer_is_no_failure(router: Router, kind: str) -> None:
    router.program("ubus", "echo Command failed >&2; exit 7")
    router.environment.update(CASES[kind][0])
    assert router.run(f"etc/hotplug.d/{kind}/30-remsim") == 0


@pytest.mark.parametrize(
    ("kind", "environment"),
    [
        ("tty", {"ACTION": "add", "DEVICENAME": "ttyS0", "DEVPATH": "/devices/x"}),
        ("net", {"ACTION": "add", "INTERFACE": "br-lan", "DEVPATH": "/devices/virtual/net/br-lan"}),
        ("iface", {"ACTION": "ifup", "INTERFACE": "loopback", "DEVICE": "lo"}),
    ],
)
def test_what_cannot_be_a_modem_wakes_nobody(
    router: Router, kind: str, environment: dict[str, str]
) -> None:
    router.environment.update(environment)
    router.run(f"etc/hotplug.d/{kind}/30-remsim")
    assert router.calls == []


def test_the_c_clients_cause_and_variables_reach_the_daemon_in_one_call(router: Router) -> None:
    router.environment.update(
        REMSIM_CAUSE="request-card-insert",
        REMSIM_CLIENT_VERSION="1.1.3-dirty",
        REMSIM_SERVER_ADDR="10.0.0.1:9998",
        REMSIM_SERVER_STATE="CONNECTED",
        REMSIM_BANKD_ADDR="2001:db8::1:9999",
        REMSIM_CLIENT_SLOT="23:0",
        REMSIM_SIM_VCC="1",
        OTHER="no",
    )
    assert router.run("usr/lib/remsim/event-script", "request-card-insert") == 0
    (call,) = router.calls
    assert call.startswith("ubus <-t> <5> <call> <remsim> <client_event> <{")
    sent = payload(call)
    assert sent["cause"] == "request-card-insert"
    assert sent["variables"] == {
        "REMSIM_CAUSE": "request-card-insert",
        "REMSIM_CLIENT_VERSION": "1.1.3-dirty",
        "REMSIM_SERVER_ADDR": "10.0.0.1:9998",
        "REMSIM_SERVER_STATE": "CONNECTED",
        "REMSIM_BANKD_ADDR": "2001:db8::1:9999",
        "REMSIM_CLIENT_SLOT": "23:0",
        "REMSIM_SIM_VCC": "1",
    }
    assert sent["started"] > 0
    assert sent["pid"] > 1


def test_a_variable_with_strange_characters_is_left_out_and_the_event_still_goes(
    router: Router,
) -> None:
    router.environment.update(REMSIM_BANKD_STATE='X","cause":"y', REMSIM_SIM_RST="0")
    router.run("usr/lib/remsim/event-script", "event-modem-status")
    sent = payload(router.calls[0])
    assert (sent["cause"], sent["variables"]) == ("event-modem-status", {"REMSIM_SIM_RST": "0"})


@pytest.mark.parametrize("cause", ["", 'x"y', "A B", "$(id)"])
def test_a_strange_cause_is_passed_over(router: Router, cause: str) -> None:
    assert router.run("usr/lib/remsim/event-script", cause) == 0
    assert router.calls == []


def test_the_cause_is_taken_from_the_environment_when_there_is_no_argument(router: Router) -> None:
    router.environment["REMSIM_CAUSE"] = "request-modem-reset"
    router.run("usr/lib/remsim/event-script")
    assert payload(router.calls[0])["cause"] == "request-modem-reset"


def test_the_migration_runs_once(router: Router) -> None:
    assert router.run("etc/uci-defaults/40-remsim") == 0
    assert router.calls == ["remsim <config> <migrate>"]


def test_a_migration_that_fails_is_tried_again_at_the_next_boot(router: Router) -> None:
    router.program("remsim", "exit 3")
    assert router.run("etc/uci-defaults/40-remsim") != 0
    assert router.calls[-1].startswith("logger")


# --- the user's own event script ----------------------------------------------------------------


def own_script(router: Router, mode: int = 0o755) -> Path:
    script = router.root / "own-script"
    script.write_text(f'#!/bin/sh\necho "own <$1> <$REMSIM_CAUSE>" >>"{router.root}/calls"\n')
    script.chmod(mode)
    router.program("uci", f"echo {script}")
    return script


def own_calls(router: Router) -> list[str]:
    return [call for call in router.calls if call.startswith("own ")]


def test_the_users_script_runs_after_the_daemon_was_told(router: Router) -> None:
    own_script(router)
    router.environment["REMSIM_CAUSE"] = "request-card-insert"
    assert router.run("usr/lib/remsim/event-script", "request-card-insert") == 0
    assert own_calls(router) == ["own <request-card-insert> <request-card-insert>"]
    names = [call.split()[0] for call in router.calls]
    assert names == ["ubus", "uci", "own"]


@pytest.mark.parametrize("mode", [0o775, 0o757, 0o777, 0o644])
def test_a_script_that_others_may_write_or_nobody_may_run_is_not_run(
    router: Router, mode: int
) -> None:
    own_script(router, mode)
    assert router.run("usr/lib/remsim/event-script", "event-bankd-connect") == 0
    assert own_calls(router) == []
    assert any(call.startswith("logger ") for call in router.calls)


def test_a_script_of_somebody_else_is_not_run(router: Router) -> None:
    os.chown(own_script(router), 65534, 65534)
    assert router.run("usr/lib/remsim/event-script", "event-bankd-connect") == 0
    assert own_calls(router) == []


def test_without_an_own_script_nothing_more_happens(router: Router) -> None:
    router.program("uci", "exit 1")
    assert router.run("usr/lib/remsim/event-script", "event-bankd-connect") == 0
    assert [call.split()[0] for call in router.calls] == ["ubus", "uci"]
