# SPDX-License-Identifier: GPL-2.0-or-later
"""Golden texts: a set-up in prose and options, and every line that remsim would run for it.

A file of tests/golden/routing is prose, `-- input --` (JSON) and `-- output --`.
REMSIM_GOLDEN=write writes the outputs anew; read the difference before committing it.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from remsim.model import LinkObservation, Role
from remsim.routing.plan import LinkRouting, RoutingMode, RoutingSettings
from remsim.routing.tool import print_plan

FILES = sorted((Path(__file__).parents[1] / "golden" / "routing").glob("*.txt"))
INPUT, OUTPUT = "-- input --\n", "-- output --\n"


def settings_of(values: dict[str, object]) -> RoutingSettings:
    shaped: dict[str, object] = {}
    for name, value in values.items():
        if name == "mode":
            shaped[name] = RoutingMode(value)
        elif name in ("primary", "iot"):
            shaped[name] = None if value is None else LinkRouting(**value)  # type: ignore[arg-type]
        else:
            shaped[name] = tuple(value) if isinstance(value, list) else value
    return RoutingSettings(**shaped)  # type: ignore[arg-type]


def link_of(values: dict[str, object]) -> LinkObservation:
    shaped = {n: tuple(v) if isinstance(v, list) else v for n, v in values.items()}
    role = Role(shaped.pop("role"))
    return LinkObservation(role, 0.0, str(shaped["device"]), **shaped)  # type: ignore[arg-type]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_plan_is_the_golden_text(path: Path) -> None:
    prose, _, rest = path.read_text().partition(INPUT)
    given, _, wanted = rest.partition(OUTPUT)
    values = json.loads(given)
    control = None if values["control"] is None else Role(values["control"])
    links = tuple(map(link_of, values["links"]))
    text = print_plan(settings_of(values["settings"]), links, control)
    if os.environ.get("REMSIM_GOLDEN") == "write":
        path.write_text(prose + INPUT + given + OUTPUT + text)
        return
    assert text == wanted


def test_there_are_golden_files() -> None:
    assert len(FILES) >= 5
