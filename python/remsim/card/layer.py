# SPDX-License-Identifier: GPL-2.0-or-later
"""What may stand between the relay and the bank: it takes the relay's commands one at a time, gives
each exactly one answer, and may talk to the card itself meanwhile. No behaviour.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol


class CardLayer(Protocol):
    """Its methods follow the relay's own life: `begin()` and `end()` frame a card, `close()` is the
    loss of the bank (the card comes back reset), `card_reset()` is the modem's doing.
    """

    def bind(
        self,
        to_bank: Callable[[bytes], None],
        to_relay: Callable[[bytes, float], None],
        distrusted: Callable[[str, bool], None],
    ) -> None:
        """`distrusted(reason, is_modem_misled)`: answers given by the layer turned out wrong; if
        the modem relied on them, it has to read the card anew.
        """

    @property
    def deadline(self) -> float | None:
        """When `tick()` is wanted."""

    def begin(self, atr: bytes) -> None: ...

    def end(self) -> None: ...

    def close(self) -> None: ...

    def card_reset(self) -> None: ...

    def command(self, command: bytes, now: float) -> None:
        """From the relay, which waits for the answer."""

    def answer(self, response: bytes, now: float) -> None:
        """From the bank."""

    def tick(self, now: float) -> None: ...

    def status(self) -> dict[str, Any]:
        """JSON for `remsim.client status`."""
