# SPDX-License-Identifier: GPL-2.0-or-later
"""`remsim config …` over real UCI files below a root of its own."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from remsim.cli import entry
from remsim.cli.exits import Exit, Stopped
from remsim.cli.session import Session
from remsim.paths import Paths
from remsim_lab.clock import HandClock

SOUND = """\
config service 'service'
	option enabled '1'

config ionmesh 'ionmesh'
	option enabled '1'
	option host 'ionmesh.example.com'
	option api_key 'very-secret-key'

config modem1 'modem1'
	option pin '1234'
"""


class Silent:
    """A bus on which no daemon is."""

    def __init__(self, reply: dict[str, Any] | None = None) -> None:
        self._reply = reply or {}

    def connect(self) -> None: ...

    def close(self) -> None: ...

    def call(
        self, object_name: str, method: str, arguments: Mapping[str, Any], timeout_ms: int = 0
    ) -> dict[str, Any]:
        return self._reply


class Router:
    """A root with a configuration file, and the command run in it."""

    def __init__(self, root: Path) -> None:
        self.file = root / "etc/config/remsim"
        self.file.parent.mkdir(parents=True)
        (root / "var/run/remsim").mkdir(parents=True)
        (root / "tmp/.uci").mkdir(parents=True)
        self.out = io.StringIO()
        self.err = io.StringIO()
        self.reply: dict[str, Any] = {}
        self.session = Session(
            paths=Paths(str(root)),
            out=self.out,
            err=self.err,
            clock=HandClock(),
            bus=lambda: Silent(self.reply),
            is_root=True,
        )

    def do(self, *words: str) -> Exit:
        arguments = entry.command_line().parse_args(words)
        self.session.as_json = arguments.json
        return entry._command(arguments.run)(self.session, arguments)


@pytest.fixture
def router(tmp_path: Path) -> Router:
    router = Router(tmp_path / "root")
    router.file.write_text(SOUND)
    return router


def test_show_marks_defaults_and_masks_secrets(router: Router) -> None:
    assert router.do("config", "show") is Exit.OK
    lines = {line.split()[0]: line.split(None, 1)[1] for line in router.out.getvalue().splitlines()}
    assert lines["ionmesh.host"] == "ionmesh.example.com"
    assert lines["heartbeat.interval"] == "60  (default)"
    assert "very-secret-key" not in router.out.getvalue()
    assert "1234" not in router.out.getvalue()


def test_show_of_one_option_is_its_value_alone(router: Router) -> None:
    router.do("config", "show", "ionmesh.host")
    assert router.out.getvalue() == "ionmesh.example.com\n"


def test_show_of_a_section_as_json_is_that_section(router: Router) -> None:
    router.do("config", "show", "ionmesh", "--json")
    shown = json.loads(router.out.getvalue())
    assert shown["host"] == "ionmesh.example.com"
    assert shown["api_key"] not in ("", "very-secret-key")


def test_unknown_path_is_a_usage_error_with_the_nearest_name(router: Router) -> None:
    with pytest.raises(Stopped, match=r"heartbeat\.interval") as stopped:
        router.do("config", "show", "heartbeat.intervall")
    assert stopped.value.exit_code is Exit.USAGE


def test_check_tells_every_problem_and_exits_with_config(router: Router) -> None:
    router.file.write_text(
        SOUND + "config heartbeat 'heartbeat'\n\toption interval '5'\n\toption timeout 'x'\n"
    )
    assert router.do("config", "check") is Exit.CONFIG
    assert "heartbeat.interval: '5' is not" in router.err.getvalue()
    assert "heartbeat.timeout: 'x' is not" in router.err.getvalue()


def test_check_of_a_sound_file_says_so(router: Router) -> None:
    assert router.do("config", "check") is Exit.OK
    assert "is sound" in router.out.getvalue()


def test_check_of_another_file_leaves_the_routers_alone(router: Router, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("config heartbeat 'heartbeat'\n\toption interval '5'\n")
    assert router.do("config", "check", str(other)) is Exit.CONFIG
    assert router.file.read_text() == SOUND


def test_broken_file_is_named_by_its_line(router: Router) -> None:
    router.file.write_text("config service 'service'\n\toption enabled '1\n")
    assert router.do("config", "check") is Exit.CONFIG
    assert "/etc/config/remsim:2" in router.err.getvalue()


def test_show_of_a_broken_file_stops_and_says_where_to_look(router: Router) -> None:
    router.file.write_text("config service 'service'\n\toption enabled 'perhaps'\n")
    with pytest.raises(Stopped) as stopped:
        router.do("config", "show")
    assert stopped.value.exit_code is Exit.CONFIG
    assert "config check" in stopped.value.advice


def test_import_writes_what_the_script_says(router: Router, tmp_path: Path) -> None:
    script = tmp_path / "dual-modem-config.sh"
    script.write_text("export IONMESH_HOST=other.example.com\nexport MODEM1_SIM_GPIO=24\n")
    assert router.do("config", "import", str(script)) is Exit.OK
    assert "other.example.com" in router.file.read_text()
    assert "very-secret-key" in router.file.read_text()
    assert "remsim reload" in router.err.getvalue()


def test_dry_run_writes_nothing(router: Router, tmp_path: Path) -> None:
    script = tmp_path / "dual-modem-config.sh"
    script.write_text("export IONMESH_HOST=other.example.com\n")
    assert router.do("config", "import", str(script), "--dry-run") is Exit.OK
    assert "other.example.com" in router.out.getvalue()
    assert router.file.read_text() == SOUND


def test_import_of_a_bad_value_writes_nothing(router: Router, tmp_path: Path) -> None:
    script = tmp_path / "dual-modem-config.sh"
    script.write_text("export IONMESH_HOST=other.example.com\nexport IONMESH_PORT=many\n")
    assert router.do("config", "import", str(script)) is Exit.CONFIG
    assert "line 2 IONMESH_PORT" in router.err.getvalue()
    assert router.file.read_text() == SOUND


def test_import_that_would_make_a_sound_file_wrong_is_refused(
    router: Router, tmp_path: Path
) -> None:
    script = tmp_path / "dual-modem-config.sh"
    script.write_text(
        "export OPENWRT_DUAL_MODEM=1\n"
        "export MODEM1_DEVICE=/dev/ttyUSB7\nexport MODEM2_DEVICE=/dev/ttyUSB7\n"
    )
    with pytest.raises(Stopped, match="nothing was written"):
        router.do("config", "import", str(script))
    assert router.file.read_text() == SOUND


def test_migrate_of_a_current_file_changes_nothing(router: Router) -> None:
    assert router.do("config", "migrate") is Exit.OK
    assert router.file.read_text() == SOUND


def test_migrate_without_a_file_is_no_error(router: Router) -> None:
    router.file.unlink()
    assert router.do("config", "migrate") is Exit.OK


def test_migrate_brings_older_names_up_to_date_and_is_idempotent(router: Router) -> None:
    router.file.write_text("config modem 'primary'\n\toption sim_gpio '24'\n")
    assert router.do("config", "migrate") is Exit.OK
    written = router.file.read_text()
    assert "modem1" in written
    assert "sim_switch_gpio" in written
    assert router.do("config", "migrate") is Exit.OK
    assert router.file.read_text() == written


def test_diff_names_what_differs_from_the_defaults(router: Router) -> None:
    router.do("config", "diff")
    assert "ionmesh.host: - -> ionmesh.example.com" in router.out.getvalue()
    assert "heartbeat.interval" not in router.out.getvalue()
    assert "very-secret-key" not in router.out.getvalue()


def test_diff_against_the_running_daemon_uses_masked_values(router: Router) -> None:
    router.do("config", "show", "--json")
    running = json.loads(router.out.getvalue())
    running["heartbeat"]["interval"] = 90
    router.reply = {"values": running}
    router.out.truncate(0)
    router.out.seek(0)
    router.do("config", "diff", "--running")
    assert router.out.getvalue() == "heartbeat.interval: 90 -> 60\n"


def test_unreadable_file_is_a_matter_of_rights_for_an_ordinary_user(router: Router) -> None:
    router.file.unlink()
    router.session.is_root = False
    with pytest.raises(Stopped) as stopped:
        router.do("config", "show")
    assert stopped.value.exit_code is Exit.NO_RIGHTS
