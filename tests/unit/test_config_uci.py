# SPDX-License-Identifier: GPL-2.0-or-later
"""Reading and writing through pyuci's API, whichever implementation `import uci` finds."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from remsim.config import uci as configuration
from remsim.config.change import (
    AddSection,
    DeleteOption,
    RenameSection,
    SetOption,
    applied,
    settings,
)
from remsim.errors import ArgumentError, ConfigError, NotPossibleError, StorageError
from remsim.paths import Paths

SOUND = """
config service 'service'
\toption enabled '1'

config modem 'modem1'
\toption device '/dev/ttyUSB3'
\tlist extra 'a b'
\tlist extra 'c'

config heartbeat
\toption interval '90'
"""


class Router:
    """A router's root with a configuration file in it."""

    def __init__(self, root: Path) -> None:
        self.paths = Paths(str(root))
        self.file = root / "etc/config/remsim"
        self.file.parent.mkdir(parents=True)

    def write(self, data: str | bytes, mode: int = 0o600) -> None:
        self.file.write_bytes(data if isinstance(data, bytes) else data.encode())
        self.file.chmod(mode)

    def uci(self, save_dir: str) -> Any:
        import uci

        os.makedirs(save_dir, exist_ok=True)
        return uci.Uci(savedir=save_dir, confdir=str(self.file.parent))


@pytest.fixture
def router(tmp_path: Path) -> Iterator[Router]:
    yield Router(tmp_path)


def test_sections_options_lists_and_types_are_read(router: Router) -> None:
    router.write(SOUND)
    raw = configuration.read(router.paths)
    anonymous = next(name for name in raw.sections if name.startswith("cfg"))
    assert raw.get("service", "enabled") == "1"
    assert raw.get("modem1", "extra") == ("a b", "c")
    assert raw.types["modem1"] == "modem"
    assert raw.types[anonymous] == "heartbeat"
    assert raw.get("modem1", "nothing") is None


def test_reading_leaves_nothing_behind(router: Router, tmp_path: Path) -> None:
    router.write(SOUND)
    configuration.read(router.paths)
    assert sorted(str(each.relative_to(tmp_path)) for each in tmp_path.rglob("*")) == [
        "etc",
        "etc/config",
        "etc/config/remsim",
    ]


def test_every_read_sees_the_file_as_it_is_now(router: Router) -> None:
    for value in ("1", "0", "1"):
        router.write(f"config service 'service'\n\toption enabled '{value}'\n")
        assert configuration.read(router.paths).get("service", "enabled") == value


def test_a_missing_file_is_named(router: Router) -> None:
    with pytest.raises(StorageError, match="/etc/config/remsim: No such file"):
        configuration.read(router.paths)


def test_a_broken_file_is_named_with_its_line(router: Router) -> None:
    router.write("config service 'service'\n\toption enabled '1'\n\toption my-way '2'\n")
    with pytest.raises(ConfigError) as broken:
        configuration.read(router.paths)
    assert broken.value.path == "/etc/config/remsim:3"
    assert "my-way" in broken.value.expected


def test_invalid_utf_8_is_named_with_its_line(router: Router) -> None:
    router.write(b"config service 'service'\n\toption enabled '1'\n\toption x 'a\xff'\n")
    with pytest.raises(ConfigError) as broken:
        configuration.read(router.paths)
    assert broken.value.path == "/etc/config/remsim:3"
    assert "UTF-8" in broken.value.expected


def test_changes_are_written_and_read_back(router: Router) -> None:
    router.write(SOUND)
    before = configuration.read(router.paths)
    anonymous = next(name for name in before.sections if name.startswith("cfg"))
    changes = (
        AddSection("ionmesh", "ionmesh"),
        SetOption("ionmesh", "hosts", ("a.example", "b.example")),
        SetOption("ionmesh", "api_key", 'it\'s "quoted"'),
        SetOption("service", "enabled", "0"),
        DeleteOption("modem1", "extra"),
        RenameSection(anonymous, "heartbeat"),
        SetOption("heartbeat", "timeout", "20"),
    )
    configuration.write(router.paths, changes)
    after = configuration.read(router.paths)
    assert after.sections == applied(before, changes).sections
    assert after.types["heartbeat"] == "heartbeat"


def test_a_missing_file_is_made_for_root_only(router: Router) -> None:
    configuration.write(router.paths, settings_of(router, {"modem1.pin": "1234"}))
    assert configuration.read(router.paths).get("modem1", "pin") == "1234"
    assert router.file.stat().st_mode & 0o777 == 0o600


def settings_of(router: Router, values: dict[str, str]) -> Any:
    return settings(configuration.RawConfig({}, {}), values)


def test_the_files_mode_survives_a_write(router: Router) -> None:
    router.write(SOUND, 0o640)
    configuration.write(router.paths, (SetOption("service", "enabled", "0"),))
    assert router.file.stat().st_mode & 0o777 == 0o640


def test_nothing_to_change_touches_nothing(router: Router) -> None:
    router.write(SOUND)
    before = router.file.stat()
    configuration.write(router.paths, ())
    assert router.file.stat().st_mtime_ns == before.st_mtime_ns
    assert router.file.stat().st_ino == before.st_ino


@pytest.mark.parametrize(
    "change",
    [
        SetOption("service", "log-level", "1"),
        SetOption("my-section", "x", "1"),
        AddSection("", "x"),
        AddSection("a", "b c"),
        RenameSection("service", "new-name"),
        DeleteOption("service", "a.b"),
    ],
)
def test_a_name_that_libuci_would_drop_is_refused_before_anything_is_written(
    router: Router, change: Any
) -> None:
    router.write(SOUND)
    with pytest.raises(ArgumentError):
        configuration.write(router.paths, (SetOption("service", "enabled", "0"), change))
    assert router.file.read_text() == SOUND


def test_a_broken_file_is_not_written_to(router: Router) -> None:
    broken = "config service 'service'\n\toption enabled 'oops\n"
    router.write(broken)
    with pytest.raises(ConfigError, match="remsim:2"):
        configuration.write(router.paths, (SetOption("service", "enabled", "0"),))
    assert router.file.read_text() == broken


def test_a_change_that_does_not_arrive_is_an_error(router: Router) -> None:
    router.write(SOUND)
    with pytest.raises(StorageError):
        configuration.write(router.paths, (SetOption("absent", "x", "1"),))
    with pytest.raises(StorageError, match="not stored"):
        configuration.write(router.paths, (SetOption("service", "enabled", "1\x002"),))


def test_a_change_that_does_not_arrive_is_named_without_its_secret(router: Router) -> None:
    router.write("config modem1 'modem1'\n")
    with pytest.raises(StorageError) as failed:
        configuration.write(router.paths, (SetOption("modem1", "pin", "4711\0"),))
    assert "4711" not in failed.value.reason


def test_what_a_person_has_not_committed_is_neither_read_nor_committed(router: Router) -> None:
    router.write(SOUND)
    person = router.uci(router.paths.uci_save_dir)
    person.set("remsim", "service", "enabled", "0")
    person.save("remsim")
    assert configuration.read(router.paths).get("service", "enabled") == "1"
    assert configuration.read(router.paths, pending=True).get("service", "enabled") == "0"
    configuration.write(router.paths, (SetOption("modem1", "device", "/dev/ttyUSB9"),))
    assert configuration.read(router.paths).get("service", "enabled") == "1"
    again = router.uci(router.paths.uci_save_dir)
    again.commit("remsim")
    merged = configuration.read(router.paths)
    assert merged.get("service", "enabled") == "0"
    assert merged.get("modem1", "device") == "/dev/ttyUSB9"


def test_writers_at_the_same_time_lose_nothing(router: Router) -> None:
    router.write("config service 'service'\n")

    def write(number: int) -> None:
        configuration.write(router.paths, (SetOption("service", f"o{number}", str(number)),))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(24)))
    stored = configuration.read(router.paths).sections["service"]
    assert stored == {f"o{number}": str(number) for number in range(24)}


def test_without_pyuci_the_missing_package_is_named(
    router: Router, monkeypatch: pytest.MonkeyPatch
) -> None:
    router.write(SOUND)
    monkeypatch.setitem(sys.modules, "uci", None)
    with pytest.raises(NotPossibleError, match="python3-uci"):
        configuration.read(router.paths)
