# SPDX-License-Identifier: GPL-2.0-or-later
"""What daemon and commands do with the file: load, keep, set, migrate, import."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from remsim.config import store, uci
from remsim.config.schema import OPTIONS
from remsim.errors import ArgumentError, ConfigError, StorageError
from remsim.paths import Paths

VECTORS = Path(__file__).resolve().parent.parent / "vectors" / "config"


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    (tmp_path / "etc/config").mkdir(parents=True)
    return Paths(str(tmp_path))


def put(paths: Paths, text: str) -> None:
    Path(paths.at("/etc/config/remsim")).write_text(text, encoding="utf-8")


def put_vector(paths: Paths, name: str) -> None:
    put(paths, (VECTORS / name).read_text(encoding="utf-8"))


def test_a_file_of_the_c_clients_layout_loads_unchanged(paths: Paths) -> None:
    put_vector(paths, "c_client_layout.uci")
    result = store.load_file(paths)
    assert result.problems == result.notices == ()
    config = result.config
    assert config is not None
    assert config.text("modem1.device") == "/dev/ttyUSB3"
    assert config.text("modem2.reset_gpio") == "5"
    assert config.text("ionmesh.mapping_mode") == "KI_PROXY_SWSIM"
    assert config.integer("ionmesh.tenant_id") == 12
    assert config.integer("client.client_slot") == 3
    assert config.flag("modems.dual_modem")
    assert config.text("advanced.event_script") == "/etc/remsim/event-script.sh"


def test_a_file_with_one_modem_loads_unchanged(paths: Paths) -> None:
    put_vector(paths, "one_modem_layout.uci")
    result = store.load_file(paths)
    assert result.config is not None
    assert result.config.text("modem1.device") == "/dev/ttyUSB6"
    assert result.config.text("modem1.sim_switch_gpio") == "33"
    assert result.config.text("ionmesh.client_name") == "router-001"


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (None, "/etc/config/remsim"),
        ("config service 'service\n", "/etc/config/remsim:1"),
        ("config heartbeat 'heartbeat'\n\toption interval '1'\n", "heartbeat.interval"),
    ],
)
def test_whatever_is_wrong_with_the_file_is_a_problem(
    paths: Paths, text: str | None, path: str
) -> None:
    if text is not None:
        put(paths, text)
    result = store.load_file(paths)
    assert result.config is None
    assert [problem.path for problem in result.problems] == [path]


def test_the_last_accepted_configuration_comes_back_and_only_root_can_read_it(
    paths: Paths,
) -> None:
    put(paths, "config modem1 'modem1'\n\toption pin '4711'\n")
    config = store.load_file(paths).config
    assert config is not None
    assert store.last_accepted(paths) is None
    assert store.keep_accepted(paths, config)
    assert store.last_accepted(paths) == config
    kept = Path(paths.keep_dir, "accepted.json")
    assert kept.stat().st_mode & 0o777 == 0o600


def test_keeping_the_same_configuration_again_spares_the_flash(paths: Paths) -> None:
    config = store.defaults()
    assert store.keep_accepted(paths, config)
    before = Path(paths.keep_dir, "accepted.json").stat()
    assert not store.keep_accepted(paths, config)
    after = Path(paths.keep_dir, "accepted.json").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_a_kept_configuration_that_others_could_read_is_closed_again(paths: Paths) -> None:
    store.keep_accepted(paths, store.defaults())
    kept = Path(paths.keep_dir, "accepted.json")
    kept.chmod(0o644)
    assert store.keep_accepted(paths, store.defaults())
    assert kept.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("damage", [b"", b"{", b"\xff\xfe", b'{"format":1}', b"[" * 300_000])
def test_a_damaged_kept_configuration_is_none(paths: Paths, damage: bytes) -> None:
    store.keep_accepted(paths, store.defaults())
    Path(paths.keep_dir, "accepted.json").write_bytes(damage)
    assert store.last_accepted(paths) is None


def test_keeping_where_nothing_can_be_written_is_an_error(paths: Paths) -> None:
    Path(paths.keep_dir).write_text("a file where the directory should be")
    with pytest.raises(StorageError):
        store.keep_accepted(paths, store.defaults())


def test_a_failed_write_leaves_no_draft_behind(paths: Paths) -> None:
    os.makedirs(os.path.join(paths.keep_dir, "accepted.json"))
    with pytest.raises(StorageError):
        store.keep_accepted(paths, store.defaults())
    assert os.listdir(paths.keep_dir) == ["accepted.json"]


def test_values_are_written_only_if_the_result_is_sound(paths: Paths) -> None:
    put(paths, "config heartbeat 'heartbeat'\n\toption interval '20'\n")
    refused = store.set_values(paths, {"heartbeat.timeout": 2})
    assert [problem.path for problem in refused.problems] == ["heartbeat.timeout"]
    assert uci.read(paths).get("heartbeat", "timeout") is None
    written = store.set_values(paths, {"heartbeat.timeout": 8, "modems.dual_modem": True})
    assert written.config is not None
    assert uci.read(paths).get("heartbeat", "timeout") == "8"
    assert uci.read(paths).get("modems", "dual_modem") == "1"


def test_an_empty_value_unsets(paths: Paths) -> None:
    put(paths, "config server 'server'\n\toption host 'a.example'\n")
    assert store.set_values(paths, {"server.host": ""}).config is not None
    assert uci.read(paths).get("server", "host") is None


def test_setting_an_undeclared_option_is_refused(paths: Paths) -> None:
    with pytest.raises(ArgumentError, match=r"heartbeat\.interval"):
        store.set_values(paths, {"heartbeat.intervall": 5})


def test_validation_judges_the_configuration_in_force(paths: Paths) -> None:
    result = store.validate(store.defaults(), {"heartbeat.interval": 5})
    assert [problem.path for problem in result.problems] == ["heartbeat.interval"]


def test_migration_changes_the_file_once(paths: Paths) -> None:
    put_vector(paths, "one_modem_layout.uci")
    before = store.load_file(paths).config
    assert store.migrate_file(paths).changes
    after = store.load_file(paths)
    assert before is not None and after.config is not None
    assert after.notices == ()
    assert before.differences(after.config) == ()
    assert uci.read(paths).get("modems", "device") is None
    assert store.migrate_file(paths).changes == ()


def test_migration_names_sections_in_a_real_file(paths: Paths) -> None:
    put_vector(paths, "anonymous_layout.uci")
    migration = store.migrate_file(paths)
    raw = uci.read(paths)
    assert raw.get("heartbeat", "interval") == "90"
    assert raw.get("modem1", "reset_gpio") == "9"
    assert raw.get("service", "enabled") == "1"
    assert [notice.reason for notice in migration.notices] == [
        "left alone: there is a section heartbeat already"
    ]
    assert store.migrate_file(paths).changes == ()


def test_an_imported_script_gives_the_configuration_it_describes(paths: Paths) -> None:
    script = (VECTORS / "dual_modem.sh").read_text(encoding="utf-8")
    found = store.import_script(paths, script)
    assert found.problems == ()
    config = store.load_file(paths).config
    assert config is not None
    expected = {
        "modems.dual_modem": "1",
        "modem1.sim_switch_gpio": "6",
        "modem1.reset_gpio": "4",
        "modem1.device": "/dev/ttyUSB3",
        "modem2.sim_switch_gpio": "7",
        "modem2.reset_gpio": "5",
        "modem2.device": "/dev/ttyUSB7",
        "ionmesh.enabled": "1",
        "ionmesh.host": "mesh.example.net",
        "ionmesh.port": "5001",
        "ionmesh.tenant_id": "12",
        "ionmesh.mapping_mode": "KI_PROXY_SWSIM",
        "ionmesh.mcc_mnc": "310410",
        "logging.debug": "1",
        "logging.log_categories": "DMAIN:DPCU",
    }
    given = {path: config.shown(path) for path in OPTIONS if config.is_set(path)}
    assert given == expected
    assert store.import_script(paths, script).changes == ()


def test_an_import_that_would_contradict_the_file_writes_nothing(paths: Paths) -> None:
    put(paths, "config modem1 'modem1'\n\toption reset_gpio '7'\n")
    text = Path(paths.at("/etc/config/remsim")).read_text()
    found = store.import_script(paths, "export OPENWRT_DUAL_MODEM=1 MODEM2_RESET_GPIO=7\n")
    assert [problem.path for problem in found.problems] == ["modem2.reset_gpio"]
    assert found.changes == ()
    assert Path(paths.at("/etc/config/remsim")).read_text() == text


def test_nothing_is_imported_into_a_broken_file(paths: Paths) -> None:
    put(paths, "config x 'y\n")
    with pytest.raises(ConfigError):
        store.import_script(paths, "export IONMESH_HOST=a.example\n")
