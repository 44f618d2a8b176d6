# SPDX-License-Identifier: GPL-2.0-or-later
"""`import ubus` and `import uci` are the lab's drop-ins here; `bus` is a broker of the lab's."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

DROPIN_DIRECTORY = Path(__file__).resolve().parent.parent / "python" / "remsim_lab" / "dropin"
sys.path.insert(0, str(DROPIN_DIRECTORY))

from remsim_lab.ubus.background import BackgroundBroker  # noqa: E402


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
