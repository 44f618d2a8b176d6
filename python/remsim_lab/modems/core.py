# SPDX-License-Identifier: GPL-2.0-or-later
"""A simulated modem without any device: bytes in, bytes out, and a clock that is passed in.

It answers from its model's table, echoes, speaks unasked, boots, asks for its PIN, loses its
network, hangs. What it has read of the SIM is what was on the contacts when it last looked: at its
start, or at the end of a radio cycle where the model does that.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from remsim_lab.modems.cards import TRIES, CardSlot, SimCard
from remsim_lab.modems.dialect import Dialect
from remsim_lab.modems.faults import Fault
from remsim_lab.modems.model import Model

LINE_LIMIT = 1024  # what a modem's command buffer holds, bytes
UNKNOWN_PIN = "unknown"  # the fault "pin": no PIN that anybody could type is right
POWER_UP_S = 0.5  # from a radio cycle's end to power on the SIM's contacts
BACKLOG_LIMIT = 4096  # unsolicited bytes kept while nobody has the port open


@dataclass(order=True)
class _Timer:
    at: float
    order: int
    action: Callable[[], None] = field(compare=False)


def _nothing(_: bool) -> None:
    """Nobody listens."""


class SimulatedCore:
    """`on_usb(present)` and `on_registration(registered)` tell what the outside would notice."""

    def __init__(
        self,
        model: Model,
        *,
        imei: str | None = None,
        local: SimCard | None = None,
        remote: SimCard | CardSlot | None = None,
        operator: str = "Lab One",
        speed: float = 1.0,
        seed: int = 1,
    ) -> None:
        self.model = model
        self.imei = imei or model.imei
        self.operator = operator
        self.contacts: dict[str, SimCard | CardSlot | None] = {"local": local, "remote": remote}
        self.selected = "local"
        self.faults: dict[str, Fault] = {}
        self.commands: list[str] = []
        self.restarts = 0
        self.is_on_usb = False
        self.is_running = False
        self.on_usb: Callable[[bool], None] = _nothing
        self.on_registration: Callable[[bool], None] = _nothing
        self.speed = speed
        self._random = random.Random(seed)
        self._now = 0.0
        self._timers: list[_Timer] = []
        self._count = 0
        self._life = 0  # timers of an earlier life do nothing
        self._is_held = False
        self._is_powered = True
        self._is_authorized = True
        self._output = bytearray()
        self._link_was_up = False
        self._reset_settings()

    def _reset_settings(self) -> None:
        self._input = bytearray()
        self._dialect = Dialect(self)
        self.cfun = 1
        self.card: SimCard | None = None
        self.is_card_ready = False
        self.is_verified = False
        self._is_registered = False
        self._chatter = 0

    # --- time ---------------------------------------------------------------------------------

    @property
    def next_at(self) -> float | None:
        return self._timers[0].at if self._timers else None

    def advance(self, now: float) -> None:
        """Do what is due."""
        while self._timers and self._timers[0].at <= now:
            timer = heapq.heappop(self._timers)
            self._now = max(self._now, timer.at)
            timer.action()
        self._now = max(self._now, now)

    def after(self, seconds: float, action: Callable[[], None], *, always: bool = False) -> None:
        """`seconds` of the real device; `always` = even if the modem restarts meanwhile."""
        life = self._life

        def in_this_life() -> None:
            if always or life == self._life:
                action()

        self._count += 1
        at = self._now + seconds / self.speed
        heapq.heappush(self._timers, _Timer(at, self._count, in_this_life))

    # --- life ---------------------------------------------------------------------------------

    def switch_on(self, now: float, *, is_up: bool = True) -> None:
        """`is_up`: it has long been running; otherwise it boots."""
        self.advance(now)
        if not is_up:
            self._boot()
            return
        self._enter_usb()
        self._run()
        self.card = self._on_contacts()
        self.is_card_ready = True
        self.settle_registration()

    def _boot(self) -> None:
        """Off USB now, back after the boot time."""
        self._die()
        self.after(self.model.boot_s, self._appear)

    def _die(self) -> None:
        """The firmware stops: nothing of it is left."""
        self._life += 1
        self.is_running = False
        self._power_off_slot()
        self._reset_settings()
        self._output.clear()
        self._leave_usb()
        self._tell_link()

    def _appear(self) -> None:
        if "no_boot" in self.faults or "vanish" in self.faults:
            return
        self._enter_usb()
        self.after(self.model.silent_s, self._run_fresh)

    def _run_fresh(self) -> None:
        self._run()
        for line in self.model.boot_urcs:
            self.say(line)
        self.read_sim()

    def _run(self) -> None:
        self.is_running = True
        self._input.clear()
        if self.model.chatter:
            self.after(self.model.chatter_s, self._chat)

    def _enter_usb(self) -> None:
        if not self.is_on_usb and self._is_authorized:
            self.is_on_usb = True
            self.on_usb(True)

    def _leave_usb(self) -> None:
        if self.is_on_usb:
            self.is_on_usb = False
            self.on_usb(False)

    def restart(self, by: str) -> None:
        self.restarts += 1
        self.cure(by)
        self._boot()

    def cure(self, step: str) -> None:
        """Faults that this step heals are gone."""
        cured = [kind for kind, fault in self.faults.items() if fault.is_cured_by(step)]
        for kind in cured:
            del self.faults[kind]
        if cured and self.is_running:
            self.settle_registration()

    # --- lines and bus ------------------------------------------------------------------------

    def hold_reset(self, asserted: bool, now: float) -> None:
        """The reset line: held down while asserted, booting when let go."""
        self.advance(now)
        if asserted and not self._is_held:
            self._die()
        elif not asserted and self._is_held and self._is_powered:
            self.restart("reset_line")
        self._is_held = asserted

    def power(self, is_on: bool, now: float) -> None:
        self.advance(now)
        if not is_on and self._is_powered:
            self._die()
        elif is_on and not self._is_powered and not self._is_held:
            self.restart("power")
        self._is_powered = is_on

    def authorize(self, value: bool, now: float) -> None:
        """USB's `authorized`: the modem goes on running, but cannot be seen."""
        self.advance(now)
        was, self._is_authorized = self._is_authorized, value
        if was and not value:
            self._leave_usb()
            self._output.clear()
        elif value and not was:
            self.cure("bus")
            self.after(1.0, self._enter_again, always=True)
        self._tell_link()

    def _enter_again(self) -> None:
        if self._is_powered and not self._is_held and "vanish" not in self.faults:
            self._enter_usb()
            self._tell_link()

    def select(self, source: str, now: float) -> None:
        """The SIM switch. Whatever the modem has read stays read."""
        self.advance(now)
        if source != self.selected:
            self._power_off_slot()
        self.selected = source

    def insert(self, source: str, card: SimCard | CardSlot | None, now: float) -> None:
        """Put a card on one side of the switch, or take it away."""
        self.advance(now)
        self.contacts[source] = card

    # --- faults -------------------------------------------------------------------------------

    def fail(self, kind: str, now: float, cure: str | None = None) -> None:
        self.advance(now)
        fault = Fault.of(kind, cure)
        self.faults[kind] = fault
        if kind == "vanish":
            self._die()
        elif kind == "hang":
            self._input.clear()
            self._output.clear()
        elif kind == "no_sim":
            self.card = None
        elif kind == "pin" and self.card is not None:
            self.card.pin = self.card.pin or UNKNOWN_PIN
            self.is_verified = False
        self.settle_registration()

    def restore(self, now: float) -> None:
        """Everything is well again; a modem that was away boots."""
        self.advance(now)
        was_away = "vanish" in self.faults or "no_boot" in self.faults
        had_no_sim = "no_sim" in self.faults or "sim_busy" in self.faults
        self.faults.clear()
        for card in self.contacts.values():
            if isinstance(card, SimCard) and card.pin == UNKNOWN_PIN:
                card.pin, card.tries = None, TRIES
        if was_away and not self.is_running and self._is_powered and not self._is_held:
            self._boot()
        elif had_no_sim and self.is_running:
            self.read_sim()
        self.settle_registration()

    # --- SIM and network ----------------------------------------------------------------------

    def _on_contacts(self) -> SimCard | None:
        card = self.contacts[self.selected]
        return card if isinstance(card, SimCard) and "no_sim" not in self.faults else None

    @property
    def _slot(self) -> CardSlot | None:
        """Where the selected card is played, if it is."""
        slot = self.contacts[self.selected]
        return None if slot is None or isinstance(slot, SimCard) else slot

    def _power_off_slot(self) -> None:
        if self._slot is not None:
            self._slot.power_off()

    def read_sim(self) -> None:
        """Look at the contacts; the card takes a while."""
        self.is_card_ready = self.is_verified = False
        self.card = None
        self.settle_registration()
        self.after(POWER_UP_S, self._look_at_contacts)

    def _look_at_contacts(self) -> None:
        """What the switch leads to by now."""
        self.card = self._on_contacts()
        if self._slot is not None and "no_sim" not in self.faults:
            self._slot.power_on()
        else:
            self.after(self.model.sim_s - POWER_UP_S, self.sim_is_ready)

    def card_was_read(self, card: SimCard | None, now: float) -> None:
        """The word of the selected slot: what there is, or that it is gone. Later ones count too:
        a card that goes is noticed by its silence.
        """
        self.advance(now)
        if self.is_running and self._slot is not None:
            self.card = card
            self.sim_is_ready()

    def sim_is_ready(self) -> None:
        self.is_card_ready = True
        self.settle_registration()

    @property
    def sim_error(self) -> str | None:
        """What SIM commands get instead of an answer."""
        if not self.is_card_ready or "sim_busy" in self.faults:
            return "+CME ERROR: 14"
        return "+CME ERROR: 10" if self.card is None else None

    @property
    def needs_pin(self) -> bool:
        return self.card is not None and self.card.pin is not None and not self.is_verified

    @property
    def read_iccid(self) -> str | None:
        """Of the card that the modem has read."""
        return self.card.iccid if self.card else None

    @property
    def is_registered(self) -> bool:
        return self._is_registered

    @property
    def _may_register(self) -> bool:
        trouble = {"signal", "denied", "hang"} & self.faults.keys()
        has_sim = self.sim_error is None and not self.needs_pin
        is_welcome = self.card is not None and self.card.is_genuine
        return self.is_running and self.cfun == 1 and has_sim and is_welcome and not trouble

    def settle_registration(self) -> None:
        if self._is_registered and not self._may_register:
            self._set_registered(False)
        elif not self._is_registered and self._may_register:
            self.after(self.model.register_s, self._try_to_register)
        self._tell_link()

    def _try_to_register(self) -> None:
        if not self._is_registered and self._may_register:
            self._set_registered(True)

    def _set_registered(self, is_registered: bool) -> None:
        self._is_registered = is_registered
        for line in self._dialect.registration_news():
            self.say(line)
        self._tell_link()

    def _tell_link(self) -> None:
        is_up = self._is_registered and self.is_on_usb and "hang" not in self.faults
        if is_up != self._link_was_up:
            self._link_was_up = is_up
            self.on_registration(is_up)

    @property
    def stat(self) -> int:
        if self._is_registered:
            return 5 if "roaming" in self.faults else 1
        if "denied" in self.faults or (self.card is not None and not self.card.is_genuine):
            return 3
        return 2 if self.cfun == 1 and self.card is not None else 0

    # --- the port -----------------------------------------------------------------------------

    def take_output(self) -> bytes:
        output = bytes(self._output)
        self._output.clear()
        return output

    def receive(self, data: bytes, now: float) -> None:
        """Bytes from the port."""
        self.advance(now)
        if not self.is_running or "hang" in self.faults:
            return
        for byte in data:
            if byte == 0x1B or byte == 0x0A:
                continue
            if byte == 0x0D:
                line = self._input.decode("ascii", "replace")
                self._input.clear()
                if self._dialect.echo:
                    self.send(line.encode() + b"\r")
                self._dialect.obey(line)
            elif len(self._input) < LINE_LIMIT:
                self._input.append(byte)

    def send(self, data: bytes) -> None:
        if "garbage" in self.faults:
            noise = bytes(self._random.randrange(1, 256) for _ in range(self._random.randrange(8)))
            data = noise + b"\r\n" + data if data.startswith(b"\r\n") else data
        if self.is_on_usb and len(self._output) + len(data) <= BACKLOG_LIMIT:
            self._output += data

    def say(self, line: str) -> None:
        """A line of its own: a result or something unasked."""
        if "hang" not in self.faults:
            self.send(f"\r\n{line}\r\n".encode())

    def _chat(self) -> None:
        self.say(self.model.chatter[self._chatter % len(self.model.chatter)])
        self._chatter += 1
        self.after(self.model.chatter_s, self._chat)
