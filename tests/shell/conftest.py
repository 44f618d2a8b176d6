# SPDX-License-Identifier: GPL-2.0-or-later
"""`router`: a router's shell around the scripts, once per shell."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from router_shell import SHELLS, Router


@pytest.fixture(params=SHELLS, ids=lambda shell: shell[-1])
def router(request: pytest.FixtureRequest, tmp_path: Path) -> Router:
    router = Router(tmp_path, request.param)
    for name in ("ubus", "logger", "remsim"):
        router.program(name)
    return router
