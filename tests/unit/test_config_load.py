# SPDX-License-Identifier: GPL-2.0-or-later
"""Raw sections to a configuration: everything wrong is listed, nothing unknown stops it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remsim.config.load import defaults, from_json, load, load_with, raw_of_json
from remsim.config.option import Effect, Raw
from remsim.config.schema import OPTIONS, SECTION_NAMES
from remsim.config.types import ListOf
from remsim.config.values import MASK, Config, Notice
from remsim.errors import ArgumentError

Sections = dict[str, dict[str, Raw]]

TWO_MODEMS: Mapping[str, Raw] = {"dual_modem": "1"}


def good(sections: Mapping[str, Mapping[str, Raw]]) -> Config:
    result = load(sections)
    assert result.problems == ()
    assert result.config is not None
    return result.config


def problems(sections: Mapping[str, Mapping[str, Raw]]) -> dict[str, str]:
    result = load(sections)
    assert (result.config is None) == bool(result.problems)
    return {problem.path: problem.expected for problem in result.problems}


def notices(sections: Mapping[str, Mapping[str, Raw]]) -> dict[str, Notice]:
    return {notice.path: notice for notice in load(sections).notices}


def test_an_empty_file_has_every_default_and_no_findings() -> None:
    result = load({})
    assert result.config == defaults()
    assert result.problems == result.notices == ()


def test_values_are_typed_and_their_origin_is_known() -> None:
    config = good(
        {
            "heartbeat": {"interval": "75"},
            "modems": {"dual_modem": "yes"},
            "ionmesh": {"mapping_mode": "ki_proxy_swsim", "hosts": ("b.example", "c.example")},
            "modem2": {"power_gpio": "gpiochip0:25", "reset_gpio": "none"},
        }
    )
    assert config.integer("heartbeat.interval") == 75
    assert config.number("heartbeat.interval") == 75.0
    assert config.flag("modems.dual_modem") is True
    assert config.text("ionmesh.mapping_mode") == "KI_PROXY_SWSIM"
    assert config.items("ionmesh.hosts") == ("b.example", "c.example")
    assert config.text("modem2.reset_gpio") == ""
    assert config.is_set("heartbeat.interval")
    assert not config.is_set("heartbeat.timeout")
    assert config.optional_integer("ionmesh.preferred_bank_id") is None


def test_a_reader_that_asks_for_the_wrong_type_or_name_is_a_bug() -> None:
    config = defaults()
    with pytest.raises(TypeError):
        config.text("heartbeat.interval")
    with pytest.raises(TypeError):
        config.integer("modems.dual_modem")
    with pytest.raises(TypeError):
        config.integer("ionmesh.preferred_bank_id")
    with pytest.raises(KeyError):
        config.text("heartbeat.intervall")
    with pytest.raises(KeyError):
        config.is_set("heartbeat.intervall")


def test_all_problems_are_listed_with_path_value_and_what_was_expected() -> None:
    result = load(
        {
            "heartbeat": {"interval": "9", "timeout": "soon"},
            "server": {"port": "0"},
            "ionmesh": {"mapping_mode": "MAGIC"},
        }
    )
    assert result.config is None
    assert [(each.path, each.value, each.expected) for each in result.problems] == [
        ("heartbeat.interval", "9", "a whole number from 10 to 300 (seconds)"),
        ("heartbeat.timeout", "soon", "a whole number from 5 to 60 (seconds)"),
        ("server.port", "0", "a whole number from 1 to 65535"),
        (
            "ionmesh.mapping_mode",
            "MAGIC",
            "one of ONE_TO_ONE_SWSIM, ONE_TO_ONE_VSIM, KI_PROXY_SWSIM",
        ),
    ]
    assert result.problems[0].text == (
        "heartbeat.interval: '9' is not a whole number from 10 to 300 (seconds)"
    )


def test_a_refused_secret_is_not_repeated() -> None:
    result = load({"modem1": {"pin": "letmein"}, "modem2": {"pin": ("12", "34")}})
    assert [each.value for each in result.problems] == [MASK, MASK]
    assert "letmein" not in repr(result)


def test_a_refused_value_is_shown_in_one_short_printable_line() -> None:
    result = load({"server": {"host": "a\nb\x1b[2J" + "c" * 200}})
    shown = result.problems[0].value
    assert shown.isprintable() and len(shown) <= 80


def test_an_empty_option_is_an_unset_one() -> None:
    assert good({"client": {"client_id": "", "client_slot": ""}}) == defaults()


@pytest.mark.parametrize(
    ("section", "option", "nearest"),
    [
        ("heartbeat", "intervall", "heartbeat.interval"),
        ("heartbeat", "time_out", "heartbeat.timeout"),
        ("ionmesh", "tenant", "ionmesh.tenant_id"),
        ("ionmesh", "grace", "heartbeat.grace"),
        ("modem1", "sim_gpio", "modem1.sim_switch_gpio"),
        ("service", "qqqq", ""),
    ],
)
def test_an_unknown_option_is_warned_about_with_the_nearest_name(
    section: str, option: str, nearest: str
) -> None:
    result = load({section: {option: "x"}})
    assert result.config == defaults()
    assert [(each.path, each.nearest) for each in result.notices] == [
        (f"{section}.{option}", nearest)
    ]


def test_the_value_of_an_unknown_option_is_not_repeated() -> None:
    assert "hunter22" not in repr(load({"ionmesh": {"api_kye": "hunter22"}}))


def test_an_unknown_section_is_warned_about_with_the_nearest_name() -> None:
    found = notices({"hartbeat": {"interval": "5"}, "zzz": {}, "cfg0203f7": {"interval": "5"}})
    assert found["hartbeat"].nearest == "heartbeat"
    assert found["zzz"].nearest == ""
    assert "remsim config migrate" in found["cfg0203f7"].reason


def test_one_modem_of_an_older_file_becomes_modem_1() -> None:
    older: Sections = {"modems": {"device": "/dev/ttyUSB9", "sim_switch_gpio": "33"}}
    config = good(older)
    assert config.text("modem1.device") == "/dev/ttyUSB9"
    assert config.text("modem1.sim_switch_gpio") == "33"
    assert config.text("modem1.reset_gpio") == "21"
    assert config.text("modems.device") == ""
    assert not config.is_set("modems.device") and config.is_set("modem1.device")


def test_with_two_modems_the_one_modem_options_mean_nothing() -> None:
    older: Sections = {"modems": {"device": "/dev/ttyUSB9", **TWO_MODEMS}}
    assert good(older).text("modem1.device") == "/dev/ttyUSB2"


def test_a_contradiction_between_older_and_newer_name_is_warned_about() -> None:
    both: Sections = {"modems": {"device": "/dev/a"}, "modem1": {"device": "/dev/b"}}
    assert good(both).text("modem1.device") == "/dev/a"
    assert "modems.device" in notices(both)["modem1.device"].reason


def test_the_iot_interface_and_modem_2_name_the_same_link() -> None:
    assert good({"routing": {"iot_interface": "lte"}}).text("modem2.interface") == "lte"
    assert good({"modem2": {"interface": "iot"}}).text("routing.iot_interface") == "iot"
    both: Sections = {"routing": {"iot_interface": "wwan7"}, "modem2": {"interface": "iot"}}
    assert good(both).text("modem2.interface") == "iot"
    assert "same link" in notices(both)["routing.iot_interface"].reason


def test_a_text_as_client_id_names_the_router() -> None:
    older: Sections = {"client": {"client_id": "router-001"}}
    config = good(older)
    assert config.integer("client.client_id") == 0
    assert config.text("ionmesh.client_name") == "router-001"
    assert "not a number" in notices(older)["client.client_id"].reason
    named: Sections = {**older, "ionmesh": {"client_name": "van-7"}}
    assert good(named).text("ionmesh.client_name") == "van-7"
    assert problems({"client": {"client_id": "4096"}}).keys() == {"client.client_id"}
    assert problems({"client": {"client_id": "no good"}}).keys() == {"client.client_id"}


def test_differences_and_the_effect_of_a_change() -> None:
    before = good({"ionmesh": {"api_key": "first-key"}})
    after = good({"ionmesh": {"api_key": "other-key"}, "heartbeat": {"interval": "70"}})
    assert before.differences(after) == ("ionmesh.api_key", "heartbeat.interval")
    assert [(each.before, each.after) for each in before.compare(after)] == [
        (MASK, MASK),
        ("60", "70"),
    ]
    assert before.effect_of(after) is Effect.RELOAD
    assert before.effect_of(good({"client": {"client_slot": "2"}})) is Effect.CLIENT
    assert before.effect_of(before) is Effect.NOTHING


def test_a_default_that_is_written_out_is_no_difference() -> None:
    assert defaults().differences(good({"heartbeat": {"interval": "60"}})) == ()


def test_secrets_are_masked_wherever_a_configuration_is_shown() -> None:
    secrets = {
        "modem1.pin": "123454321",
        "modem2.password": "pass-of-the-apn",
        "ionmesh.api_key": "key-of-the-mesh",
        "security.client_key_passphrase": "phrase-of-the-key",
    }
    secrets["modem1.pin"] = "98765432"
    sections: Sections = {}
    for path, value in secrets.items():
        section, _, option = path.partition(".")
        sections.setdefault(section, {})[option] = value
    config = good(sections)
    shown = repr(config) + repr(config.masked()) + repr(defaults().compare(config))
    shown += repr([config.shown(path) for path in OPTIONS])
    shown += config.redact("log: " + ", ".join(secrets.values()))
    for value in secrets.values():
        assert value not in shown
    assert config.masked()["modem1"]["pin"] == MASK
    assert config.masked()["modem2"]["pin"] == ""
    assert set(config.secrets()) == set(secrets.values())


def test_masked_has_lists_and_leaves_older_names_out() -> None:
    masked = defaults().masked()
    assert masked["failover"]["probe_targets"] == ["1.1.1.1", "8.8.8.8"]
    assert masked["modems"] == {"dual_modem": False}
    assert masked["ionmesh"]["preferred_bank_id"] is None


def test_shown_is_what_a_user_would_write() -> None:
    config = good({"modem1": {"device": "auto", "reset_gpio": "none"}, "modem2": {"pin": "1234"}})
    assert config.shown("modem1.device") == "auto"
    assert config.shown("modem1.reset_gpio") == "none"
    assert config.shown("modem2.power_gpio") == ""
    assert config.shown("modems.dual_modem") == "0"
    assert config.shown("routing.mark") == "0x52000000"
    assert config.shown("failover.probe_targets") == "1.1.1.1 8.8.8.8"


def test_what_depends_on_another_option_counts_only_with_it() -> None:
    assert not defaults().applies("modem2.device")
    assert good({"modems": TWO_MODEMS}).applies("modem2.device")
    assert good({"client": {"backend": "st2"}}).applies("client.usb_path")
    assert not defaults().applies("client.usb_path")
    assert not good({"client": {"backend": "st2"}}).applies("client.cache")
    assert defaults().applies("client.cache")
    assert defaults().applies("heartbeat.interval")


def test_a_configuration_survives_being_kept_as_json() -> None:
    config = good(
        {
            "modem1": {"device": "auto", "reset_gpio": "none", "pin": "1234"},
            "routing": {"iot_interface": "lte", "mark": "0x51000000"},
            "ionmesh": {"hosts": ("a.example", "b.example"), "allow_commands": "reset sim"},
            "modems": {"device": "/dev/ttyUSB3"},
        }
    )
    again = from_json(config.to_json()).config
    assert again is not None
    assert again == config


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"format":1}', '{"format":2,"sections":{}}', "{" * 10000, "null",
     '{"format":1,"sections":[1]}', '{"format":1,"sections":{"a":3}}'],
)  # fmt: skip
def test_kept_json_that_is_damaged_is_a_problem(text: str) -> None:
    result = from_json(text)
    assert result.config is None and len(result.problems) == 1


def test_kept_json_is_judged_like_a_file() -> None:
    text = '{"format":1,"sections":{"heartbeat":{"interval":"9"}}}'
    assert [each.path for each in from_json(text).problems] == ["heartbeat.interval"]


def test_values_to_be_checked_are_laid_over_what_is_there() -> None:
    raw: Sections = {"heartbeat": {"interval": "20", "timeout": "15"}}
    result = load_with(raw, {"heartbeat.interval": 12})
    assert [each.path for each in result.notices] == ["heartbeat.timeout"]
    changed = load_with(raw, {"heartbeat.timeout": "", "modems.dual_modem": True}).config
    assert changed is not None
    assert changed.integer("heartbeat.timeout") == 10
    assert changed.flag("modems.dual_modem")
    listed = load_with({}, {"ionmesh.hosts": ["a.example", "b.example"]}).config
    assert listed is not None and listed.items("ionmesh.hosts") == ("a.example", "b.example")


def test_an_undeclared_name_to_be_checked_is_the_callers_fault() -> None:
    with pytest.raises(ArgumentError, match=r"is heartbeat\.interval meant"):
        load_with({}, {"heartbeat.intervall": 5})
    with pytest.raises(ArgumentError, match="is not an option"):
        load_with({}, {"x": 5})


@pytest.mark.parametrize("value", [1.5, {"a": 1}, [["a"]], [1.5]])
def test_json_that_is_no_uci_text_is_the_callers_fault(value: object) -> None:
    with pytest.raises(ArgumentError):
        raw_of_json("heartbeat.interval", value)


SOME_NAME = st.sampled_from([*SECTION_NAMES, "cfg012345", "x"]) | st.text(max_size=12)
SOME_RAW = st.text(max_size=20) | st.lists(st.text(max_size=8), max_size=4).map(tuple)
SOME_OPTION = st.sampled_from([option.name for option in OPTIONS.values()]) | st.text(max_size=12)


@settings(max_examples=300)
@given(
    sections=st.dictionaries(
        SOME_NAME, st.dictionaries(SOME_OPTION, SOME_RAW, max_size=8), max_size=6
    )
)
def test_nothing_that_can_be_written_raises(sections: dict[str, dict[str, Raw]]) -> None:
    result = load(sections)
    assert (result.config is None) == bool(result.problems)
    for finding in (*result.problems, *result.notices):
        assert finding.text
    if result.config is not None:
        again = from_json(result.config.to_json())
        assert again.config == result.config


@given(text=st.text(max_size=60))
def test_nothing_that_can_be_kept_raises(text: str) -> None:
    assert from_json(text).config is None


GOOD_VALUES = {
    "heartbeat.interval": st.integers(20, 80).map(str),
    "heartbeat.timeout": st.integers(5, 19).map(str),
    "modem1.device": st.sampled_from(["auto", "/dev/ttyUSB1", "/dev/serial/by-id/x"]),
    "modem2.reset_gpio": st.sampled_from(["none", "99", "gpiochip1:7", "LINE_A"]),
    "ionmesh.hosts": st.lists(st.sampled_from(["a.example", "2001:db8::2"]), min_size=1).map(tuple),
    "ionmesh.api_key": st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1),
    "routing.mark": st.sampled_from(["0x52000000", "0x1000000"]),
    "modems.dual_modem": st.sampled_from(["0", "1", "on", "off"]),
    "client.usb_address": st.integers(1, 127).map(str),
}


@settings(max_examples=200)
@given(chosen=st.fixed_dictionaries({}, optional=GOOD_VALUES))
def test_what_was_loaded_loads_again_from_its_own_text(chosen: dict[str, Raw]) -> None:
    sections: Sections = {}
    for path, raw in chosen.items():
        section, _, option = path.partition(".")
        sections.setdefault(section, {})[option] = raw
    config = good(sections)
    assert good(config.to_sections()) == config
    assert config.given == chosen.keys()


def test_every_list_takes_words_in_one_option_as_well() -> None:
    for path, option in OPTIONS.items():
        if isinstance(option.type, ListOf) and isinstance(option.default, tuple):
            words = " ".join(option.default)
            assert good({option.section: {option.name: words}}).items(path) == option.default
