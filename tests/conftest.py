# SPDX-License-Identifier: GPL-2.0-or-later
"""`import ubus` and `import uci` are the lab's drop-ins here; `bus` is a broker of the lab's.

Where the machine permits no network namespaces, the tests that need them are deselected, and the
summary says so and why.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

DROPIN_DIRECTORY = Path(__file__).resolve().parent.parent / "python" / "remsim_lab" / "dropin"
sys.path.insert(0, str(DROPIN_DIRECTORY))

from remsim_lab.network.topology import Topology  # noqa: E402
from remsim_lab.ubus.background import BackgroundBroker  # noqa: E402

WHY_NOT = pytest.StashKey[str]()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    need = [item for item in items if item.get_closest_marker("netns")]
    why_not = Topology.why_not() if need else None
    if why_not is not None:
        config.stash[WHY_NOT] = f"{len(need)} tests need network namespaces: {why_not}"
        config.hook.pytest_deselected(items=need)
        items[:] = [item for item in items if item not in need]
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_group(item)))


def _group(item: pytest.Item) -> str:
    """What runs one after the other, in one process: a file, and all that shares the one router of
    the pages.
    """
    return "pages" if "site" in getattr(item, "fixturenames", ()) else item.location[0]


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    said = config.stash.get(WHY_NOT, None)
    if said is not None:
        terminalreporter.write_line(f"not run: {said}", yellow=True)


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[BackgroundBroker]:
    """A running broker; `bus.path` is its socket, `bus.stop()` and `bus.start()` restart it.

    The drop-in's connection of this process, if a test opened one, is closed at the end.
    """
    with BackgroundBroker(str(tmp_path / "ubus.sock")) as broker:
        yield broker
        module = sys.modules.get("ubus")
        if module is not None and module.get_connected():
            module.disconnect(False)
