# SPDX-License-Identifier: GPL-2.0-or-later
"""Options that contradict each other: which of it is refused, and which only warned about."""

from __future__ import annotations

import pytest

from remsim.config.load import load
from remsim.config.values import LoadResult


def loaded(*settings: str) -> LoadResult:
    """`loaded("heartbeat.interval=20", ...)`."""
    sections: dict[str, dict[str, str | tuple[str, ...]]] = {}
    for setting in settings:
        path, _, value = setting.partition("=")
        section, _, option = path.partition(".")
        sections.setdefault(section, {})[option] = value
    return load(sections)


DUAL = "modems.dual_modem=1"
TLS = "security.use_tls=1"
MESH = ("ionmesh.enabled=1", "ionmesh.host=mesh.example")
OPENWRT = "client.backend=openwrt"

REFUSED = [
    ("ionmesh.host", ["ionmesh.enabled=1"]),
    ("ionmesh.host", ["ionmesh.enabled=1", "ionmesh.hosts=second.example"]),
    ("modem2.device", [DUAL, "modem1.device=/dev/ttyUSB5"]),
    ("modem2.interface", [DUAL, "modem1.interface=wwan1"]),
    ("modem2.bus_path", [DUAL, "modem1.bus_path=1-1", "modem2.bus_path=1-1"]),
    ("modem2.imei", [DUAL, "modem1.imei=490154203237518", "modem2.imei=490154203237518"]),
    ("modem2.metric", [DUAL, "modem1.metric=7", "modem2.metric=7"]),
    ("modem2.reset_gpio", [DUAL, "modem2.reset_gpio=21"]),
    ("modem2.sim_switch_gpio", [DUAL, "modem2.sim_switch_gpio=20"]),
    ("modem1.reset_gpio", ["modem1.reset_gpio=20"]),
    ("modem1.power_gpio", ["modem1.power_gpio=gpiochip0:4", "modem1.reset_gpio=gpiochip0:4"]),
    ("modem1.sim_slot_remote", ["modem1.sim_slot_local=1", "modem1.sim_slot_remote=1"]),
    ("heartbeat.interval", ["heartbeat.max_interval=50"]),
    ("heartbeat.interval", ["heartbeat.min_interval=70"]),
    ("heartbeat.max_interval", ["heartbeat.min_interval=100", "heartbeat.max_interval=90"]),
    ("heartbeat.grace", ["heartbeat.grace=70"]),
    ("security.client_key", [TLS, "security.client_cert=/etc/a.crt"]),
    ("security.client_cert", [TLS, "security.client_key=/etc/a.key"]),
    ("routing.mark", ["routing.mark=0"]),
    ("routing.mark", ["routing.mark=0x1520000"]),
    ("routing.mark", ["routing.mark=0xff0000"]),
    ("routing.mark", ["routing.mark_mask=0"]),
    ("routing.mark_mask", ["routing.mark_mask=0xff3f00"]),
    ("modem1.sim_switch_gpio", [OPENWRT, "modem1.sim_switch_gpio=gpiochip0:20"]),
    ("modem1.reset_gpio", [OPENWRT, "modem1.reset_gpio=none"]),
    ("modem1.reset_gpio", [OPENWRT, "modem1.reset_gpio=31"]),
    ("modem2.reset_gpio", [OPENWRT, DUAL, "modem2.reset_gpio=SIM_RST"]),
]

WARNED = [
    ("service.enabled", ["service.enabled=1"]),
    ("modem2.default_route", [DUAL, "routing.share_iot=1"]),
    ("routing.iot_interface", ["modem2.interface=a", "routing.iot_interface=b"]),
    ("ionmesh.api_key", [*MESH, "ionmesh.api_key=secret"]),
    ("client.front_end", ["client.backend=st2", "client.front_end=vpcd"]),
    ("client.front_end", [*MESH, "service.enabled=1", "client.front_end=shell"]),
    ("heartbeat.interval", ["heartbeat.interval=300"]),
    ("heartbeat.timeout", ["heartbeat.interval=20", "heartbeat.timeout=20"]),
    ("heartbeat.grace", ["heartbeat.grace=120", "heartbeat.interval=20"]),
    ("security.verify", [TLS, "security.verify=0"]),
]

FINE = [
    ["modem1.device=/dev/ttyUSB5"],
    [DUAL, "modem1.device=auto", "modem2.device=auto"],
    [DUAL, "modem1.reset_gpio=none", "modem2.reset_gpio=none"],
    [DUAL, "modem1.metric=7", "modem2.metric=7", "modem2.default_route=0"],
    [DUAL, "routing.share_iot=1", "modem2.default_route=1"],
    ["modem2.reset_gpio=21"],
    [*MESH, "ionmesh.hosts=a.example"],
    [*MESH, "service.enabled=1"],
    [*MESH, "client.front_end=shell"],
    ["bankd.host=192.0.2.4", "service.enabled=1"],
    [*MESH, "ionmesh.api_key=secret", TLS],
    ["security.client_cert=/etc/a.crt"],
    [TLS, "security.client_cert=/etc/a.crt", "security.client_key=/etc/a.key"],
    [OPENWRT],
    [OPENWRT, DUAL, "modem2.reset_gpio=31"],
    ["routing.mark=0x10000", "routing.mark_mask=0x70000"],
]


@pytest.mark.parametrize(("path", "settings"), REFUSED)
def test_a_contradiction_is_refused_at_the_option_to_change(path: str, settings: list[str]) -> None:
    result = loaded(*settings)
    assert result.config is None
    assert [problem.path for problem in result.problems] == [path]


@pytest.mark.parametrize(("path", "settings"), WARNED)
def test_what_is_unwise_is_warned_about(path: str, settings: list[str]) -> None:
    result = loaded(*settings)
    assert result.problems == ()
    assert [notice.path for notice in result.notices] == [path]


@pytest.mark.parametrize("settings", FINE, ids=" ".join)
def test_what_only_looks_like_a_contradiction_passes(settings: list[str]) -> None:
    result = loaded(*settings)
    assert result.problems == result.notices == ()


def test_a_contradiction_with_a_refused_value_is_not_made_up() -> None:
    result = loaded("heartbeat.interval=oops", "heartbeat.timeout=60")
    assert [problem.path for problem in result.problems] == ["heartbeat.interval"]


def test_contradictions_are_listed_beside_refused_values() -> None:
    result = loaded("heartbeat.interval=oops", "ionmesh.enabled=1")
    assert {each.path for each in result.problems} == {"heartbeat.interval", "ionmesh.host"}


def test_the_warning_about_a_default_route_names_the_interface_and_the_way_out() -> None:
    result = loaded(DUAL, "routing.share_iot=1", "modem2.interface=lte", "modem2.metric=500")
    text = result.notices[0].text
    for word in ("modem 2", "lte", "500", "modem2.default_route to 0"):
        assert word in text
