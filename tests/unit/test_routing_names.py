# SPDX-License-Identifier: GPL-2.0-or-later
"""Names in routing.allow: asked again, last good addresses kept."""

from __future__ import annotations

from remsim.errors import PeerUnreachable
from remsim.routing.names import AllowedNames, Resolved
from remsim_lab.clock import HandClock


class Names:
    def __init__(self) -> None:
        self.known = {"a.example.com": ("192.0.2.2", "192.0.2.1")}
        self.found: list[Resolved] = []
        self.keeper = AllowedNames(
            ("a.example.com", "b.example.com"), self.resolve, self.found.append, HandClock()
        )

    def resolve(self, name: str) -> tuple[str, ...]:
        if name not in self.known:
            raise PeerUnreachable(name, "no answer")
        return self.known[name]


def test_addresses_are_told_once_and_again_when_they_change() -> None:
    names = Names()
    names.keeper.ask_all()
    names.known["a.example.com"] = ("192.0.2.1", "192.0.2.2")  # another order is no change
    names.keeper.ask_all()
    names.known["b.example.com"] = ("192.0.2.9",)
    names.keeper.ask_all()
    assert names.found == [
        (("a.example.com", ("192.0.2.1", "192.0.2.2")),),
        (("a.example.com", ("192.0.2.1", "192.0.2.2")), ("b.example.com", ("192.0.2.9",))),
    ]


def test_a_silent_name_server_keeps_the_last_good_addresses() -> None:
    names = Names()
    names.keeper.ask_all()
    names.known.clear()
    names.keeper.ask_all()
    assert len(names.found) == 1
