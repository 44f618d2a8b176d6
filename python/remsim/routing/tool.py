# SPDX-License-Identifier: GPL-2.0-or-later
"""What `remsim routing print | check | apply` does, for the command line."""

from __future__ import annotations

from collections.abc import Sequence

from remsim.model import LinkObservation, Role
from remsim.routing.apply import Kernel
from remsim.routing.diff import as_changes, diff
from remsim.routing.plan import RoutingSettings, make_plan
from remsim.routing.table import Family

Links = Sequence[LinkObservation]


def print_plan(settings: RoutingSettings, links: Links, control: Role | None) -> str:
    """The whole plan as the text that `nft -f` and `ip -batch` would be given."""
    plan = as_changes(make_plan(settings, links, control))
    parts = [f"# nft -f -\n{plan.nft}"] if plan.nft else []
    for family in Family:
        if plan.batch(family):
            parts.append(f"# ip -{family.value} -batch -\n{plan.batch(family)}")
    return "\n".join(parts) or "# nothing: routing.mode is none\n"


def check(
    settings: RoutingSettings, links: Links, control: Role | None, kernel: Kernel | None = None
) -> tuple[str, ...]:
    """What the kernel lacks or has too much of, as lines that would mend it; () when it fits."""
    plan = make_plan(settings, links, control)
    return diff((kernel or Kernel()).state(), plan).lines


def apply(
    settings: RoutingSettings, links: Links, control: Role | None, kernel: Kernel | None = None
) -> int:
    """Bring the kernel to the plan; the number of changes. Raises RemsimError."""
    return (kernel or Kernel()).apply(make_plan(settings, links, control)).count
