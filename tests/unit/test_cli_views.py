# SPDX-License-Identifier: GPL-2.0-or-later
"""What `remsim status` and its relatives say to a person."""

from __future__ import annotations

from typing import Any

import pytest

from remsim.cli.show import event_line, outline
from remsim.cli.status_view import failure_text, status_lines
from remsim.cli.text import duration, side_by_side, signal_word, size, wrapped

FAILURE = {
    "attempt": 3,
    "code": "CME 10",
    "reason": "AT+CSQ: SIM not inserted",
    "type": "at",
    "last_failure_time": None,
    "age_s": 12.0,
    "next_retry_time": None,
    "next_retry_in_s": 8.0,
}


def _modem(**changes: Any) -> dict[str, Any]:
    modem: dict[str, Any] = {
        "role": "primary",
        "state": "connected",
        "age_s": 1.0,
        "device": "/dev/ttyUSB2",
        "fields": {"operator": {"value": "TestNet", "age_s": 1.0}},
        "sim": {"source": "local", "level": 0, "wanted": 0},
        "link": {"device": "wwan0", "up": True, "addresses": ["10.64.1.2/30"], "rx_bytes": 0},
        "path": {"up": True, "reason": "probe answered"},
        "recovery": {"active": False},
    }
    return modem | changes


def _status(**changes: Any) -> dict[str, Any]:
    status: dict[str, Any] = {
        "version": "0.1.0",
        "uptime_s": 5.0,
        "config": {"state": "accepted", "problems": [], "warnings": []},
        "enabled": True,
        "modem1": _modem(),
        "alerts": [],
    }
    return status | changes


def _page(columns: int = 100, **changes: Any) -> str:
    return "\n".join(status_lines(_status(**changes), columns))


def test_empty_status_is_shown_without_failing() -> None:
    assert "unknown" in "\n".join(status_lines({}, 80))


@pytest.mark.parametrize("columns", [60, 80, 120, 200])
def test_no_line_is_wider_than_the_terminal(columns: int) -> None:
    page = status_lines(
        _status(
            modem1=_modem(fields={"signal": {"error": FAILURE, "value": None}}),
            modem2=_modem(device="/dev/" + "x" * 200),
            alerts=[{"severity": "error", "reason": "r " * 100, "since_s": 1, "advice": "a " * 90}],
        ),
        columns,
    )
    assert max(len(line) for line in page) <= columns


def test_unknown_differs_from_zero() -> None:
    page = _page(modem1=_modem(link={"device": "wwan0", "up": True, "rx_bytes": 0}))
    assert "received 0 B, sent unknown" in page


def test_field_that_fails_shows_why_and_its_last_value_and_leaves_the_others() -> None:
    fields = {
        "signal": {"error": FAILURE, "value": {"rsrp_dbm": -88.0}, "age_s": 40.0},
        "operator": {"value": "TestNet", "age_s": 1.0},
    }
    page = _page(140, modem1=_modem(fields=fields))
    assert "! AT+CSQ: SIM not inserted, attempt 3, 12 s ago, next try in 8 s" in page
    assert "last: good, RSRP -88 dBm, 40 s ago" in page
    assert "TestNet" in page


def test_old_value_shows_its_age_and_a_fresh_one_does_not() -> None:
    old = _page(modem1=_modem(fields={"operator": {"value": "TestNet", "age_s": 300.0}}))
    assert "TestNet (5 min ago)" in old
    assert "TestNet (" not in _page()


def test_alert_says_what_to_do() -> None:
    page = _page(
        alerts=[
            {"severity": "error", "reason": "no answer", "since_s": 180.0, "advice": "look there"}
        ]
    )
    assert page.startswith("TROUBLE")
    assert "error: no answer (for 3 min)" in page
    assert "-> look there" in page


def test_sim_line_off_its_wanted_level_is_marked() -> None:
    page = _page(modem1=_modem(sim={"source": "local", "level": 1, "wanted": 0}))
    assert "! line reads 1, wanted 0" in page


def test_remote_sim_that_is_there_but_not_used_says_why() -> None:
    client = {"state": "serving", "front_end": "simtrace2", "remote_possible": True}
    assert "by hand" in _page(client={**client, "why_not": "switched by hand"})
    assert "no remote SIM: gone" in _page(
        client={**client, "remote_possible": False, "why_not": "gone"}
    )


def test_configuration_problem_names_path_value_and_expectation() -> None:
    problem = {"path": "heartbeat.interval", "value": "5", "expected": "a number 10..300"}
    page = _page(config={"state": "last_accepted", "problems": [problem], "warnings": []})
    assert "heartbeat.interval: '5' is not a number 10..300" in page


def test_sound_configuration_takes_no_line() -> None:
    assert "Configuration" not in _page()


def test_single_modem_has_one_column() -> None:
    assert "modem2" not in _page()


def test_grace_shows_what_is_left() -> None:
    page = _page(assignment={"state": "grace", "grace_left_s": 130.0})
    assert "grace, lost in 2 min" in page


def test_what_rules_everything_else_is_said_first() -> None:
    assert _page(enabled=False).startswith("OFF")
    assert _page(released=True).startswith("RELEASED")
    assert _page(assignment={"wanted": True, "state": "unregistered"}).startswith("STARTING")


def test_running_configuration_is_told_from_a_file_that_was_refused_later() -> None:
    problem = {"path": "heartbeat.interval", "value": "5", "expected": "a number 10..300"}
    page = _page(config={"state": "accepted", "problems": [problem], "warnings": []})
    assert "the last accepted one" in page


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "unknown"),
        (0.0, "0 s"),
        (119.9, "119 s"),
        (120.0, "2 min"),
        (3600.0, "1 h 0 min"),
        (200_000.0, "2 d 7 h"),
    ],
)
def test_duration_has_two_units_at_most(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(None, "unknown"), (0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (8_640_000, "8.6 MB")],
)
def test_size_is_decimal_as_plans_are_sold(count: int | None, text: str) -> None:
    assert size(count) == text


@pytest.mark.parametrize(
    ("rsrp", "rssi", "word"),
    [
        (-80.0, None, "excellent"),
        (-90.0, -48.0, "good"),
        (None, -48.0, "excellent"),
        (-120.0, None, "weak"),
        (None, None, ""),
    ],
)
def test_signal_word_prefers_rsrp(rsrp: float | None, rssi: float | None, word: str) -> None:
    assert signal_word(rsrp, rssi) == word


def test_number_and_unit_stay_on_one_line() -> None:
    assert wrapped("aaaa bb 18 s", 11) == ["aaaa bb", "18 s"]


def test_cells_of_unequal_height_stay_in_their_columns() -> None:
    assert side_by_side("L", [["one two three"], ["x"]], 4, 28) == [
        "L   one two     x",
        "    three",
    ]


def test_failure_without_any_detail_still_says_something() -> None:
    assert failure_text({}) == "! unknown"


def test_event_before_the_clock_is_set_shows_time_since_start() -> None:
    line = event_line({"seq": 1, "time": None, "uptime_s": 3.25, "kind": "path", "text": "up"})
    assert line.startswith("+3.2 s")
    assert line.endswith("path            up")


def test_outline_tells_unknown_yes_and_none_apart() -> None:
    lines = list(outline({"a": None, "b": True, "c": [], "d": {"e": 0}, "f": [{"g": 1}]}))
    assert lines == ["a: unknown", "b: yes", "c: none", "d:", "  e: 0", "f:", "  - g 1"]
