# SPDX-License-Identifier: GPL-2.0-or-later
"""Import of the older shell script: read as a shell would, never run."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remsim.config.change import RawConfig, SetOption
from remsim.config.environment import Import, import_environment
from remsim.config.shell import SCRIPT_LONGEST, Script, Word
from remsim.errors import ArgumentError


def values(found: Import) -> dict[str, object]:
    assert found.problems == ()
    return {
        f"{change.section}.{change.option}": change.value
        for change in found.changes
        if isinstance(change, SetOption)
    }


@pytest.mark.parametrize(
    ("script", "host"),
    [
        ("export IONMESH_HOST=a.example", "a.example"),
        ("IONMESH_HOST=a.example", "a.example"),
        ("export IONMESH_HOST='a.example'", "a.example"),
        ('export IONMESH_HOST="a.example" # the first', "a.example"),
        ("export IONMESH_HOST=a.'exam'\"ple\"", "a.example"),
        ("export \\\n  IONMESH_HOST=a.exam\\\nple", "a.example"),
        ("export IONMESH_HOST=old.example\r\nexport IONMESH_HOST=a.example\r\n", "a.example"),
        ("HOST=a.example; export IONMESH_HOST=$HOST", "a.example"),
        ('D=example\nexport IONMESH_HOST="a.${D}"', "a.example"),
        ("export FIRST=1 IONMESH_HOST=a.example", "a.example"),
        ("#export IONMESH_HOST=no.example\nIONMESH_HOST=a.example;", "a.example"),
        ("IONMESH_HOST=a.example some-program --run", "a.example"),
        ("if [ -e /x ]; then\n  export IONMESH_HOST=a.example\nfi", "a.example"),
    ],
)
def test_an_assignment_is_read_as_a_shell_reads_it(script: str, host: str) -> None:
    found = values(import_environment(script))
    assert found["ionmesh.host"] == host
    assert found["ionmesh.enabled"] == "1"


@pytest.mark.parametrize(
    ("script", "path"),
    [
        ("\nexport IONMESH_HOST=$(uci get x.y.z)", "line 2 IONMESH_HOST"),
        ("export IONMESH_HOST=`hostname`", "line 1 IONMESH_HOST"),
        ('\n\nexport IONMESH_HOST="a.$(echo b)"', "line 3 IONMESH_HOST"),
        ("export IONMESH_HOST=$UNKNOWN", "line 1 IONMESH_HOST"),
        ("export IONMESH_HOST=${UNKNOWN:-a.example}", "line 1 IONMESH_HOST"),
        ("export IONMESH_PORT=$((5000 + 1))", "line 1 IONMESH_PORT"),
        ("export MODEM1_SIM_GPIO=$1", "line 1 MODEM1_SIM_GPIO"),
        ("A=$(date)\nexport IONMESH_HOST=$A", "line 2 IONMESH_HOST"),
        ("osmo-remsim-client-st2 -i $(cat /tmp/host)", "line 1 -i"),
    ],
)
def test_what_a_shell_would_have_to_run_is_refused_with_its_line(script: str, path: str) -> None:
    found = import_environment(script)
    assert [problem.path for problem in found.problems] == [path]
    assert found.changes == ()


@pytest.mark.parametrize(
    ("script", "text"),
    [
        ("\nexport IONMESH_PORT=99999", "line 2 IONMESH_PORT: '99999' is not a whole number"),
        ("export OPENWRT_DUAL_MODEM=maybe", "line 1 OPENWRT_DUAL_MODEM: 'maybe' is not 0 or 1"),
        ("export IONMESH_MAPPING_MODE=X", "line 1 IONMESH_MAPPING_MODE: 'X' is not one of"),
        ("\nexport IONMESH_HOST='open", "script: line 2: the quote ' is not closed"),
        ('X=1\nexport IONMESH_HOST="open\n\n', 'script: line 2: the quote " is not closed'),
        ("export IONMESH_HOST=$(open", "script: line 1: $( is not closed"),
        ("export IONMESH_HOST=`open", "script: line 1: ` is not closed"),
        ("cat <<EOF\nIONMESH_HOST=a\nEOF\n", "script: line 1: here-documents are not read"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_line(script: str, text: str) -> None:
    found = import_environment(script)
    assert found.changes == ()
    assert found.problems[0].text.startswith(text)


def test_an_unknown_variable_is_warned_about_with_the_nearest_name() -> None:
    found = import_environment("export IONMESH_TENANT=3\nexport PATH=/bin:$PATH\n")
    assert [(notice.path, notice.nearest) for notice in found.notices] == [
        ("line 1 IONMESH_TENANT", "IONMESH_TENANT_ID"),
        ("line 2 PATH", ""),
    ]
    assert found.problems == found.changes == ()


def test_the_last_assignment_counts() -> None:
    found = import_environment("IONMESH_PORT=1\nIONMESH_PORT=2\n")
    assert values(found)["ionmesh.port"] == "2"


def test_a_signal_interval_of_0_switches_the_watching_off() -> None:
    found = values(import_environment("export OPENWRT_SIGNAL_INTERVAL=0"))
    assert found == {"monitoring.signal_monitoring": "0"}


def test_variables_of_a_single_modem_stand_for_modem_1() -> None:
    found = values(import_environment("SIM_SWITCH_GPIO=6 MODEM_RESET_GPIO=4 MODEM_DEVICE=/dev/a"))
    assert found == {
        "modem1.sim_switch_gpio": "6",
        "modem1.reset_gpio": "4",
        "modem1.device": "/dev/a",
    }


def test_the_clients_options_are_taken_over() -> None:
    script = (
        "exec /usr/bin/osmo-remsim-client-st2 -i bank.example -p9997 --client-id=7 -n 2 \\\n"
        "  -a 3B9F96 -r -d DMAIN:DST2 -H 1-1.2 -V 1d50 -e /etc/remsim/x.sh -L > /tmp/log 2>&1 &\n"
    )
    found = import_environment(script)
    assert values(found) == {
        "client.backend": "st2",
        "server.host": "bank.example",
        "server.port": "9997",
        "client.client_id": "7",
        "client.client_slot": "2",
        "server.atr": "3B9F96",
        "server.atr_ignore_rspro": "1",
        "logging.debug": "1",
        "logging.log_categories": "DMAIN:DST2",
        "client.usb_path": "1-1.2",
        "client.usb_vendor": "1d50",
    }
    assert [notice.path for notice in found.notices] == ["line 2 -e"]


def test_other_commands_are_named_and_not_carried_out() -> None:
    found = import_environment("modprobe option\necho done | logger\n")
    assert [notice.path for notice in found.notices] == ["line 1", "line 2", "line 2"]
    assert "modprobe" in found.notices[0].reason


def test_assignments_under_a_condition_are_mentioned() -> None:
    found = import_environment("if true; then IONMESH_PORT=7; fi\n")
    assert values(found) == {"ionmesh.port": "7"}
    assert any("conditions" in notice.reason for notice in found.notices)


def test_what_the_file_says_already_is_no_change() -> None:
    raw = RawConfig({"ionmesh": {"host": "a.example", "enabled": "1"}}, {"ionmesh": "ionmesh"})
    assert import_environment("IONMESH_HOST=a.example", raw).changes == ()


def test_a_refused_value_never_starts_a_new_line() -> None:
    found = import_environment("export IONMESH_HOST='a\nIONMESH_PORT=1'")
    assert found.changes == ()
    assert "\n" not in found.problems[0].text


def test_a_script_of_unusual_size_is_refused() -> None:
    found = import_environment("#" * (SCRIPT_LONGEST + 1))
    assert "longer than" in found.problems[0].text


def test_words_know_their_lines() -> None:
    statements = list(Script("a 'b\nc'\n\n d # e\n").statements())
    assert statements == [(Word("a", 1), Word("b\nc", 1)), (Word("d", 4),)]


@settings(max_examples=500)
@given(text=st.text("aIX=$(){}`'\"\\;&|<># \n1", max_size=60) | st.text(max_size=60))
def test_no_script_makes_the_reader_fail(text: str) -> None:
    try:
        words = [word for words in Script(text).statements() for word in words]
    except ArgumentError as refused:
        assert refused.reason.startswith("line ")
    else:
        assert all(1 <= word.line <= text.count("\n") + 1 for word in words)
    found = import_environment(text)
    assert not (found.problems and found.changes)
