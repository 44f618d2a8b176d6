# SPDX-License-Identifier: GPL-2.0-or-later
"""Plans of changes: what older layouts become, and that doing it twice changes nothing."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from remsim.config.change import (
    AddSection,
    DeleteOption,
    RawConfig,
    RenameSection,
    SetOption,
    applied,
)
from remsim.config.change import settings as settings_of
from remsim.config.load import load
from remsim.config.migrate import plan
from remsim.config.option import Raw
from remsim.config.schema import OPTIONS, SECTION_NAMES
from remsim.config.values import MASK


def raw(sections: dict[str, dict[str, Raw]], **types: str) -> RawConfig:
    return RawConfig(sections, {name: types.get(name, name) for name in sections})


def test_a_current_file_needs_nothing() -> None:
    assert plan(raw({"modem1": {"device": "/dev/ttyUSB2"}})).changes == ()


def test_one_modem_moves_to_modem_1() -> None:
    migration = plan(raw({"modems": {"device": "/dev/ttyUSB6", "reset_gpio": "9"}}))
    assert migration.changes == (
        AddSection("modem1", "modem1"),
        SetOption("modem1", "device", "/dev/ttyUSB6"),
        DeleteOption("modems", "device"),
        SetOption("modem1", "reset_gpio", "9"),
        DeleteOption("modems", "reset_gpio"),
    )


def test_one_modem_options_beside_two_modems_only_go_away() -> None:
    two = raw({"modems": {"dual_modem": "on", "device": "/dev/a"}, "modem1": {"device": "/dev/b"}})
    assert plan(two).changes == (DeleteOption("modems", "device"),)


def test_sections_without_a_name_get_their_types() -> None:
    found = plan(raw({"cfg011111": {"enabled": "1"}}, cfg011111="service"))
    assert found.changes == (RenameSection("cfg011111", "service"),)


def test_the_first_of_two_equal_sections_gets_the_name() -> None:
    two = raw({"cfg011111": {}, "cfg022222": {}}, cfg011111="server", cfg022222="server")
    found = plan(two)
    assert found.changes == (RenameSection("cfg011111", "server"),)
    assert [notice.path for notice in found.notices] == ["cfg022222"]


def test_a_section_of_an_unknown_type_stays_as_it_is() -> None:
    assert plan(raw({"cfg011111": {"delay": "1"}}, cfg011111="modem_quirks")).changes == ()


def test_modems_under_other_names_are_renamed_with_their_options() -> None:
    older = raw({"primary": {"sim_gpio": "6"}, "secondary": {"sim_gpio": "7"}}, primary="modem")
    after = applied(older, plan(older).changes)
    assert after.sections == {
        "modem1": {"sim_switch_gpio": "6"},
        "modem2": {"sim_switch_gpio": "7"},
    }


def test_a_text_as_client_id_becomes_the_client_name() -> None:
    older = raw({"client": {"client_id": "router-001", "client_slot": "1"}})
    after = applied(older, plan(older).changes)
    assert after.sections == {
        "client": {"client_slot": "1"},
        "ionmesh": {"client_name": "router-001"},
    }


def test_a_change_says_what_it_does_without_secrets() -> None:
    assert SetOption("modem1", "pin", "4711").text == f"set modem1.pin to {MASK}"
    assert SetOption("x", "unknown", "4711").text == f"set x.unknown to {MASK}"
    assert SetOption("ionmesh", "hosts", ("a", "b")).text == "set ionmesh.hosts to 'a b'"
    assert RenameSection("a", "b").text == "rename section a to b"
    assert DeleteOption("a", "b").text == "delete a.b"
    assert AddSection("a", "b").text == "add section a"


def test_settings_add_missing_sections_and_skip_what_is_there() -> None:
    changes = settings_of(
        raw({"server": {"host": "a"}}),
        {"server.host": "a", "server.port": "1", "modem1.pin": "1", "modem1.apn": ""},
    )
    assert changes == (
        SetOption("server", "port", "1"),
        AddSection("modem1", "modem1"),
        SetOption("modem1", "pin", "1"),
    )


OLDER_NAMES = ["cfg011111", "cfg022222", "primary", "secondary", "modems", "modem1", "client"]
SOME_OPTIONS = ["device", "sim_gpio", "sim_switch_gpio", "reset_gpio", "dual_modem", "client_id"]
SOME_VALUES = ["0", "1", "20", "/dev/ttyUSB1", "router-1"]


@settings(max_examples=300)
@given(
    sections=st.dictionaries(
        st.sampled_from(OLDER_NAMES),
        st.dictionaries(st.sampled_from(SOME_OPTIONS), st.sampled_from(SOME_VALUES)),
    ),
    anonymous=st.sampled_from([*SECTION_NAMES, "other"]),
)
def test_a_second_migration_finds_nothing(
    sections: dict[str, dict[str, Raw]], anonymous: str
) -> None:
    older = raw(sections, cfg011111=anonymous, cfg022222="client")
    after = applied(older, plan(older).changes)
    assert plan(after).changes == ()


@settings(max_examples=300)
@given(
    modems=st.dictionaries(
        st.sampled_from(["device", "reset_gpio", "dual_modem"]), st.sampled_from(["0", "1", "20"])
    ),
    modem1=st.dictionaries(st.sampled_from(["device", "reset_gpio"]), st.sampled_from(["/a", "9"])),
    client_id=st.sampled_from(["", "7", "van-1"]),
)
def test_migration_changes_no_meaning(
    modems: dict[str, Raw], modem1: dict[str, Raw], client_id: str
) -> None:
    older = raw({"modems": modems, "modem1": modem1, "client": {"client_id": client_id}})
    before = load(older.sections)
    after = load(applied(older, plan(older).changes).sections)
    if before.config is not None and after.config is not None:
        assert before.config.differences(after.config) == ()
        assert after.notices == ()
    else:
        assert before.config is after.config is None or after.config is not None


def test_every_target_of_a_migration_is_declared() -> None:
    for path in ("modem1.sim_switch_gpio", "modem2.sim_switch_gpio", "ionmesh.client_name"):
        assert path in OPTIONS
