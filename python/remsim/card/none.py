# SPDX-License-Identifier: GPL-2.0-or-later
"""No front-end: the remote SIM is shown to nobody, and says so."""

from __future__ import annotations

from remsim.card.api import CardUser, Presence


class NoFrontEnd:
    name = "none"
    presence = Presence(False, "no card front-end is configured (client.front_end)")

    def open(self, user: CardUser) -> None:
        """Nothing to open."""

    def close(self) -> None:
        """Nothing to close."""

    def present(self, atr: bytes) -> None:
        """There is nobody to present it to."""

    def remove(self) -> None:
        """There is nothing to remove."""

    def set_atr(self, atr: bytes) -> None:
        """Nobody asks for it."""

    def answer(self, response: bytes) -> None:
        """Nobody waits for it."""

    def reset_modem(self) -> bool:
        return False
