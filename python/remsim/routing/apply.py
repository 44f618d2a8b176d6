# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel's side of a plan: read it, change it, see that it took. Needs CAP_NET_ADMIN to change.

Runs `ip` (ip-full) and `nft` with deadlines; pyroute2 was measured and is too heavy for a router.
Never touches a rule, route or table that neither carries our protocol number nor is a default
route of one of the two links.
"""

from __future__ import annotations

from dataclasses import replace

from remsim.command import Output, Run, checked, run
from remsim.errors import DeviceError
from remsim.routing import read
from remsim.routing.diff import Changes, diff
from remsim.routing.table import NFT_TABLE, Family, KernelState, Plan, SeenChain

COMMAND_LIMIT_S = 5.0  # each takes milliseconds; a router under load takes longer
ROUNDS = 3  # an interface that comes up meanwhile brings its default route; then once more
NO_TABLE = "No such file or directory"  # nft's words for ENOENT


class Kernel:
    """Rules, routes and the nft table of the namespace this process lives in."""

    def __init__(self, runner: Run = run, limit_s: float = COMMAND_LIMIT_S) -> None:
        self._run = runner
        self._limit_s = limit_s

    def state(self) -> KernelState:
        """What is there now. Raises DeviceError when it cannot be read."""
        try:
            return self._state()
        except (ValueError, KeyError, TypeError) as error:
            raise DeviceError("ip", f"prints what cannot be understood ({error!r})") from error

    def _state(self) -> KernelState:
        up = read.up_devices(
            checked(self._run, ("ip", "-j", "link", "show", "up"), "", self._limit_s)
        )
        state = KernelState(protection=self._protection(), up_devices=up)
        for family in Family:
            rules = read.rules(self._ip(family, "rule", "show"), family)
            ours, defaults = read.routes(self._ip(family, "route", "show", "table", "all"), family)
            state = replace(
                state,
                rules=state.rules + rules,
                routes=state.routes + ours,
                defaults=state.defaults + defaults,
            )
        return state

    def apply(self, plan: Plan) -> Changes:
        """Bring the kernel to the plan; the changes made, none where it fits already.

        Raises DeviceError when it does not fit afterwards, with the program's complaint.
        """
        made = left = diff(self.state(), plan)
        complaints: list[str] = []
        for _ in range(ROUNDS):
            if not left.count:
                break
            complaints = self._carry_out(left)
            before, left = left, diff(self.state(), plan)
            if complaints and left == before:
                break  # refused, not overtaken
            made = made.joined(left)
        if left.count:
            told = "; ".join(complaints) or "somebody else changes it"
            raise DeviceError("routing", f"{left.count} changes did not take: {told}")
        return made

    def _carry_out(self, changes: Changes) -> list[str]:
        """A line that fails does not keep the others: it may be one that is not needed any more."""
        complaints = []
        if changes.protection:
            complaints += self._try(("nft", "-f", "-"), changes.nft)
        for family in Family:
            batch = changes.batch(family)
            if batch:
                argv = ("ip", f"-{family.value}", "-force", "-batch", "-")
                complaints += self._try(argv, batch)
        if changes.nft and not changes.protection:
            complaints += self._try(("nft", "-f", "-"), changes.nft)
        return complaints

    def _try(self, argv: tuple[str, ...], stdin: str) -> list[str]:
        output = self._run(argv, stdin, self._limit_s)
        return [f"{argv[0]}: {output.complaint}"] if output.status else []

    def _ip(self, family: Family, *words: str) -> str:
        argv = ("ip", f"-{family.value}", "-N", "-details", "-j", *words)
        output = self._run(argv, "", self._limit_s)
        if output.status and not _is_missing_family(output):
            raise DeviceError("ip", output.complaint)
        return output.out

    def _protection(self) -> tuple[SeenChain, ...] | None:
        argv = ("nft", "-j", "list", "table", "inet", NFT_TABLE)
        output = self._run(argv, "", self._limit_s)
        if output.status and NO_TABLE in output.err:
            return None
        return read.chains(checked(lambda *_: output, argv, "", self._limit_s))


def _is_missing_family(output: Output) -> bool:
    """A kernel without IPv6 answers so; then there is nothing to keep there either."""
    return "not supported" in output.err
