# SPDX-License-Identifier: GPL-2.0-or-later
"""The table itself: complete, consistent, and fit for the forms and files made from it."""

from __future__ import annotations

import re

import pytest

from remsim.config.option import Effect, Option, Page, strongest
from remsim.config.schema import OPTIONS, SECTIONS, option_of_environment
from remsim.config.types import Choice

# Every name in use in the field, with the value an absent option has always stood for.
FIELD_NAMES = {
    "service.enabled": "0",
    "client.client_id": "0",
    "client.client_slot": "0",
    "server.host": "",
    "server.port": "9998",
    "server.atr": "",
    "server.atr_ignore_rspro": "0",
    "modems.dual_modem": "0",
    "modems.device": "",
    "modems.sim_switch_gpio": "",
    "modems.reset_gpio": "",
    "modem1.device": "/dev/ttyUSB2",
    "modem1.sim_switch_gpio": "20",
    "modem1.reset_gpio": "21",
    "modem2.device": "/dev/ttyUSB5",
    "modem2.sim_switch_gpio": "22",
    "modem2.reset_gpio": "23",
    "ionmesh.enabled": "0",
    "ionmesh.host": "",
    "ionmesh.port": "5000",
    "ionmesh.tenant_id": "1",
    "ionmesh.mapping_mode": "ONE_TO_ONE_SWSIM",
    "ionmesh.mcc_mnc": "",
    "monitoring.signal_monitoring": "1",
    "monitoring.signal_interval": "60",
    "monitoring.stats_interval": "3600",
    "monitoring.track_data_usage": "1",
    "logging.debug": "0",
    "logging.log_categories": "DMAIN:DPCU",
    "logging.syslog": "1",
    "routing.force_iot_routing": "1",
    "routing.iot_interface": "wwan1",
    "advanced.event_script": "",
    "advanced.keep_running": "1",
    "heartbeat.interval": "60",
    "heartbeat.timeout": "10",
    "security.use_tls": "0",
    "security.ca_cert": "/etc/ssl/certs/ca-certificates.crt",
    "security.client_cert": "",
    "security.client_key": "",
}

FIELD_RANGES = {
    "monitoring.signal_interval": (10, 600),
    "heartbeat.interval": (10, 300),
    "heartbeat.timeout": (5, 60),
    "client.client_id": (0, 1023),
    "client.client_slot": (0, 1023),
    "server.port": (1, 65535),
    "ionmesh.port": (1, 65535),
}

ENVIRONMENT_NAMES = {
    "OPENWRT_DUAL_MODEM",
    *(f"MODEM{n}_{what}" for n in (1, 2) for what in ("SIM_GPIO", "RESET_GPIO", "DEVICE")),
    *(f"IONMESH_{what}" for what in ("HOST", "PORT", "TENANT_ID", "MAPPING_MODE", "MCC_MNC")),
    "OPENWRT_SIGNAL_INTERVAL",
    "OPENWRT_STATS_INTERVAL",
}

# LuCI's validation.js: an unknown name there silently accepts everything.
LUCI_DATATYPES = {
    "and", "or", "integer", "uinteger", "range", "rangelength", "host", "ipaddr", "cidr",
    "hexstring", "file",
}  # fmt: skip

ALL = list(OPTIONS.values())


@pytest.mark.parametrize(("path", "default"), FIELD_NAMES.items())
def test_a_name_in_use_in_the_field_is_declared_with_its_default(path: str, default: str) -> None:
    assert OPTIONS[path].default == default


@pytest.mark.parametrize(("path", "limits"), FIELD_RANGES.items())
def test_a_range_in_use_in_the_field_is_kept(path: str, limits: tuple[int, int]) -> None:
    kind = OPTIONS[path].type
    assert (kind.lowest, kind.highest) == limits  # type: ignore[attr-defined]


def test_the_environment_names_of_the_c_client_are_all_there() -> None:
    assert {option.environment for option in ALL if option.environment} == ENVIRONMENT_NAMES
    found = option_of_environment("MODEM2_RESET_GPIO")
    assert found is not None and found.path == "modem2.reset_gpio"
    assert option_of_environment("MODEM3_DEVICE") is None


@pytest.mark.parametrize("option", ALL, ids=lambda option: option.path)
def test_a_default_is_a_value_of_its_own_type(option: Option) -> None:
    assert option.default_value is not None or option.default == ""


@pytest.mark.parametrize("option", ALL, ids=lambda option: option.path)
def test_a_name_is_one_that_libuci_keeps(option: Option) -> None:
    assert re.fullmatch("[a-z0-9_]+", option.name)
    assert re.fullmatch("[a-z0-9_]+", option.section)


@pytest.mark.parametrize("option", ALL, ids=lambda option: option.path)
def test_titles_and_help_hold_no_markup(option: Option) -> None:
    texts = [option.title, option.help, option.type.expected, option.type.unit]
    texts += [title for _, title in option.type.choices] if isinstance(option.type, Choice) else []
    assert option.title
    assert not re.search(r"[<>&\n\"]", "".join(texts))
    assert not option.help or option.help.endswith(".")


@pytest.mark.parametrize("option", ALL, ids=lambda option: option.path)
def test_a_condition_names_an_option_of_the_same_page_and_a_value_it_can_have(
    option: Option,
) -> None:
    """LuCI takes a condition on an option outside the form for false, and deletes the value."""
    pages = {section.name: section.page for section in SECTIONS}
    for conditions in option.alternatives:
        for condition in conditions:
            other = OPTIONS[condition.path]
            assert pages[other.section] is pages[option.section]
            assert other.type.format(other.type.parse(condition.text)) == condition.text
            assert other is not option


@pytest.mark.parametrize("option", ALL, ids=lambda option: option.path)
def test_a_datatype_is_one_that_luci_knows(option: Option) -> None:
    assert set(re.findall("[a-z0-9]*[a-z][a-z0-9]*", option.type.datatype)) <= LUCI_DATATYPES


def test_sections_and_options_are_named_once() -> None:
    assert len({section.name for section in SECTIONS}) == len(SECTIONS)
    assert len(OPTIONS) == sum(len(section.options) for section in SECTIONS)
    assert {section.page for section in SECTIONS} == set(Page)


def test_everything_that_opens_something_is_secret() -> None:
    secret = {path for path, option in OPTIONS.items() if option.secret}
    assert secret == {
        "modem1.pin",
        "modem1.password",
        "modem2.pin",
        "modem2.password",
        "ionmesh.api_key",
        "security.client_key_passphrase",
    }


def test_the_strongest_effect_includes_the_others() -> None:
    assert strongest(()) is Effect.NOTHING
    assert strongest((Effect.RELOAD, Effect.CLIENT, Effect.NOTHING)) is Effect.CLIENT
