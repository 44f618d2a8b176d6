# SPDX-License-Identifier: GPL-2.0-or-later
"""When is a restarted modem back, and how long did it take? Pure.

A modem may go on answering for a while after the reset command (FM350: 49 s), so its first answer
proves nothing. A restart counts as begun when the port vanished or fell silent, and as over at the
first answer after that.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

# A restart may overrun the time it should take by half,
# and some seconds, before the modem counts as lost.
OVERRUN = 1.5
MARGIN_S = 30.0

# A silence that proves that the restart began, seconds: longer than one unanswered command.
SILENCE_S = 3.0

# Outside of these a measurement is an accident (a crash in mid-boot,
# a daemon that was asleep), not a boot time.
LEARN_MIN_S, LEARN_MAX_S = 3.0, 600.0


@dataclass(frozen=True, slots=True)
class BootWatch:
    """One restart under way, or none (`since` None).
    `epoch` counts restarts: what was read once per boot is stale."""

    epoch: int = 0
    since: float | None = None
    is_down: bool = False  # the restart has visibly begun
    drop_until: float = 0.0  # until then it may still begin
    give_up_at: float = 0.0
    is_ordered: bool = False  # asked for by us, so the modem is known to be coming back
    is_measured: bool = False  # the time until its first answer is its boot time

    @property
    def is_restarting(self) -> bool:
        return self.since is not None

    def ordered(self, now: float, boot_time_s: float, drop_s: float) -> BootWatch:
        """A reset was asked for just now; it may take `drop_s` to begin."""
        give_up_at = now + boot_time_s * OVERRUN + MARGIN_S
        return BootWatch(self.epoch, now, False, now + drop_s, give_up_at, True, True)

    def taken_off(self, now: float, boot_time_s: float) -> BootWatch:
        """The device was taken off its bus and put back:
        that need not restart it, so nothing is learnt."""
        give_up_at = now + boot_time_s * OVERRUN + MARGIN_S
        return BootWatch(self.epoch, now, True, now, give_up_at, True)

    def vanished(self, now: float, boot_time_s: float) -> BootWatch:
        """The port is gone."""
        if self.since is not None:
            return replace(self, is_down=True)
        give_up_at = now + boot_time_s * OVERRUN + MARGIN_S
        return BootWatch(self.epoch, now, True, now, give_up_at)

    def silent(self, silent_s: float) -> BootWatch:
        """The port is there and says nothing."""
        if self.since is None or silent_s < SILENCE_S:
            return self
        return replace(self, is_down=True)

    def answered(self, now: float) -> tuple[BootWatch, float | None]:
        """The modem answered: the watch afterwards,
        and the boot time if this was the end of a measured one."""
        if self.since is None or (not self.is_down and now < self.drop_until):
            return self, None
        took_s = now - self.since
        learnt = self.is_down and self.is_measured and LEARN_MIN_S <= took_s <= LEARN_MAX_S
        return BootWatch(self.epoch + 1), took_s if learnt else None

    def at(self, now: float) -> BootWatch:
        """Time goes on: a modem that is not back by now
        is not booting any more, it is lost or hung."""
        return BootWatch(self.epoch) if self.since is not None and now >= self.give_up_at else self


def blend(known_s: float | None, measured_s: float) -> float:
    """The boot time to go by: a longer one is believed at once,
    a shorter one by a quarter at a time."""
    if known_s is None or measured_s >= known_s:
        return measured_s
    return known_s * 0.75 + measured_s * 0.25
