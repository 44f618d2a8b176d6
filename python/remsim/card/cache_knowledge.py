# SPDX-License-Identifier: GPL-2.0-or-later
"""What the cache knows of the card before it: learns, forgets, identifies, distrusts. Pure.

Nothing is served before the ICCID was read on this connection, nor while the card announces a
proactive command; nothing kept is taken up unless the state of the card's PINs is the same.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from remsim.card.apdu import Ins, channel_of, has_more, is_done, status_word
from remsim.card.cache_check import ICCID_OCTETS, CardIdentity
from remsim.card.cache_files import ICCID_PATH, directory_of, is_stable, path_of
from remsim.card.cache_memory import Key, Memory, Remembered
from remsim.card.cache_touch import (
    Touch,
    bare,
    differs,
    is_about_file,
    is_lasting,
    is_plain,
    is_plain_read,
    short_id,
    touch_of_answer,
)
from remsim.card.cache_view import CardView, Step, select_key


class Shelf(Protocol):
    """Where memories are kept between sessions. Never raises."""

    def has(self, atr: bytes) -> bool: ...

    def load(self, iccid: bytes, atr: bytes) -> str | None: ...

    def keep(self, iccid: bytes, atr: bytes, text: str) -> None: ...

    def drop(self, iccid: bytes, atr: bytes) -> None: ...


class Verdict(NamedTuple):
    """Memory was wrong. `is_modem_misled`: the modem was told something that matters."""

    reason: str
    is_modem_misled: bool


class Knowledge:
    def __init__(self, shelf: Shelf, view: CardView) -> None:
        self.memory: Memory | None = None
        self.is_identified = False  # the ICCID was read on this connection
        self.verdict: Verdict | None = None
        self.dropped = 0  # times that everything was forgotten
        self._shelf = shelf
        self._view = view
        self._last_select: Key | None = None  # whose data GET RESPONSE fetches
        self._is_suspended = False  # a command whose harm shows in its answer is under way
        self._is_shaken = False  # everything was forgotten, and what shook it may act at the reset

    # --- life -------------------------------------------------------------------------------------

    def begin(self, atr: bytes) -> bool:
        """Another card. True if something may be kept of it."""
        self.end()
        self.memory = Memory(atr)
        return self._shelf.has(atr)

    def end(self) -> None:
        self.lose()
        self.memory = None

    def lose(self) -> None:
        """The connection is gone; the next one may lead to another card."""
        self.reset()
        self.is_identified = False
        if self.memory is not None and not self.memory.iccid:
            self.memory = Memory(self.memory.atr)  # whose it was will never be known
        elif self.memory is not None:
            self.memory.doubt()

    def reset(self) -> None:
        """Of the card, before the view. What is under way will not be answered."""
        if self._is_suspended or self._is_shaken:
            self._forget_everything()
            self._begin_anew()  # an eUICC may come back with another profile
        elif self._view.is_announcing and self.memory is not None:
            self.memory.doubt()  # what was announced will never be fetched
        self._last_select = None
        self._is_suspended = self._is_shaken = False

    def _begin_anew(self) -> None:
        self.is_identified = False
        if self.memory is not None:
            self.memory = Memory(self.memory.atr, volatile=self.memory.volatile)

    # --- telling ----------------------------------------------------------------------------------

    def remembered(self, command: bytes) -> bytes | None:
        """The answer, if it may be given from memory."""
        if self.memory is None or not self.is_identified or self._view.is_announcing:
            return None
        if command[1] == Ins.GET_RESPONSE:
            return self._remembered_fetch(command)
        key = self.key_of(command)
        found = None if key is None else self.memory.find(key)
        if found is None:
            return None
        self._last_select = None
        return self.memory.tell(found)

    def _remembered_fetch(self, command: bytes) -> bytes | None:
        """Data of a SELECT that was answered from memory."""
        pending, key = self._view.pending, self._pending_key
        if pending is None or key is None or self.memory is None:
            return None
        found = self.memory.find(key)
        is_this = pending.number == channel_of(command[0]) and bool(found)
        return found.fetched if found and is_this and found.fetch == bare(command) else None

    @property
    def _pending_key(self) -> Key | None:
        """Of a SELECT that was answered from memory, and whose data were not yet fetched."""
        pending = self._view.pending
        return None if pending is None else select_key(pending.before, pending.command)

    def key_of(self, command: bytes) -> Key | None:
        """Where its answer belongs, if that may be remembered."""
        number = channel_of(command[0])
        channel = self._view.channel(number)
        if channel is None or not is_plain(command[0]):
            return None
        if command[1] == Ins.SELECT:
            return None if _is_proprietary(command) else select_key(channel.place, command)
        if not is_plain_read(command) or not self._view.is_security_known:
            return None
        path = path_of(channel.place)
        if path is None or not is_stable(path):
            return None
        return Key(path, self._view.pins(number), bare(command))

    # --- learning ---------------------------------------------------------------------------------

    def learn(self, key: Key | None, command: bytes, answer: bytes) -> None:
        """The card answered the modem. To be called before the view moves."""
        select, self._last_select = self._last_select or self._pending_key, None
        self._learn_identity(command, answer)
        if self.memory is None or (self.memory.iccid and not self.is_identified):
            return
        if command[1] == Ins.GET_RESPONSE:
            if select is not None and answer[-2:] == b"\x90\x00":
                self.memory.learn_fetch(select, bare(command), answer)
            return
        if key is None or not is_lasting(command, answer):
            return
        known = self.memory.find(key)
        if known is not None and known.answer != answer:
            self.found_wrong(key, known)
        elif self.memory.learn(key, answer) is not None and has_more(answer):
            self._last_select = key

    def _learn_identity(self, command: bytes, answer: bytes) -> None:
        channel = self._view.channel(channel_of(command[0]))
        is_read = command[1] == Ins.READ_BINARY and is_plain_read(command)
        if channel is None or not is_read or command[2:4] != b"\x00\x00":
            return
        is_iccid = len(answer) == ICCID_OCTETS + 2 and status_word(answer) == 0x9000
        if is_iccid and path_of(channel.place) == ICCID_PATH:
            self._recognise(answer[:ICCID_OCTETS])

    def _recognise(self, iccid: bytes) -> None:
        if self.memory is None:
            return
        if self.memory.iccid not in (b"", iccid):
            self.memory = Memory(self.memory.atr)
        self.memory.iccid = iccid
        self.is_identified = True

    def identified(self, identity: CardIdentity) -> None:
        """By ourselves. What is kept of this card is taken up, if nothing was learnt so far."""
        self._recognise(identity.iccid)
        if self.memory is None:
            return
        kept = None if self.memory.size else self._kept(identity.iccid)
        if kept is not None and kept.fingerprint == identity.fingerprint:
            self.memory = kept
        elif kept is not None:
            self.memory.volatile = kept.volatile
        self.memory.fingerprint = identity.fingerprint

    def _kept(self, iccid: bytes) -> Memory | None:
        atr = b"" if self.memory is None else self.memory.atr
        text = self._shelf.load(iccid, atr)
        kept = None if text is None else Memory.parse(text)
        if kept is not None and (kept.iccid, kept.atr) == (iccid, atr):
            return kept
        if text is not None:
            self._shelf.drop(iccid, atr)
        return None

    def keep(self) -> None:
        """For the next session; but not what the card's next reset may change."""
        memory = self.memory
        if memory is None or not memory.is_changed:
            return
        memory.is_changed = False
        if self._is_shaken:
            return
        if memory.iccid and memory.fingerprint and memory.size:
            self._shelf.keep(memory.iccid, memory.atr, memory.text())

    # --- forgetting -------------------------------------------------------------------------------

    def before(self, touch: Touch, command: bytes) -> None:
        """Forget what a command may change, as long as the card has not seen it."""
        is_verify = touch is Touch.PIN and command[1] == Ins.VERIFY
        is_judged_later = touch is Touch.STRANGE or is_verify or command[1] == Ins.FETCH
        if touch is Touch.FILE:
            self._forget_written(command)
        elif touch is not Touch.NOTHING and not is_judged_later:
            self._forget_everything()
        self._is_suspended = is_judged_later

    def after(self, touch: Touch, command: bytes, answer: bytes) -> None:
        """Forget what it has changed. To be called after the view moved."""
        self._is_suspended = False
        if touch is Touch.STRANGE and answer[-2] not in (0x6D, 0x6E):  # not unknown to the card
            self._forget_everything()
            self._view.lose(channel_of(command[0]))
        elif touch is Touch.PIN:
            self._after_pin(command, is_done(answer) and answer[-2] in (0x90, 0x91))
        if touch_of_answer(command, answer) is not Touch.NOTHING:
            self._forget_everything()

    def _after_pin(self, command: bytes, is_right: bool) -> None:
        self._view.verified(command, is_right)
        if not is_right:
            self._forget_everything()
        elif self.memory is not None:
            self.memory.forget_try_counters()

    def _forget_written(self, command: bytes) -> None:
        channel = self._view.channel(channel_of(command[0]))
        if self.memory is None:
            return
        short = short_id(command)
        find = directory_of if short else path_of
        path = None if channel is None else find(channel.place)
        if not path:
            is_less = self.memory.forget_reads()
        elif short:
            is_less = self.memory.forget_short(path, short)
        else:
            is_less = self.memory.forget_file(path[-1])
        if is_less:
            self._drop()

    def _forget_everything(self) -> None:
        self._last_select = None
        self._is_shaken = True
        if self.memory is None:
            return
        self.memory.fingerprint = b""
        if self.memory.forget_everything():
            self.dropped += 1
        self._drop()

    def _drop(self) -> None:
        if self.memory is not None and self.memory.iccid:
            self._shelf.drop(self.memory.iccid, self.memory.atr)

    # --- trust ------------------------------------------------------------------------------------

    def holds(self, step: Step, answer: bytes) -> bool:
        """A step of ours went as memory told the modem. False: the card is not where it should
        be.
        """
        known = self.memory.find(step.key) if self.memory is not None and step.key else None
        if known is not None and step.key is not None and differs(known.answer, answer):
            self.found_wrong(step.key, known)
        elif known is not None and not known.fetch:
            known.prove()
        if not step.is_needed or is_done(answer):
            return True
        self.distrust("a file that memory knows cannot be selected", True)
        return False

    def found_wrong(self, key: Key, known: Remembered) -> None:
        """The card says something else."""
        if self.memory is not None:
            self.memory.disown(key)
        self.distrust(
            "the card's answer differs from the one remembered",
            known.is_used and is_about_file(key),
        )

    def distrust(self, reason: str, is_modem_misled: bool) -> None:
        is_worse = is_modem_misled or (self.verdict is not None and self.verdict.is_modem_misled)
        self.verdict = Verdict(reason, is_worse)
        self._forget_everything()
        memory = self.memory
        if memory is not None and memory.iccid and memory.volatile:
            self._shelf.keep(memory.iccid, memory.atr, memory.text())


def _is_proprietary(command: bytes) -> bool:
    """SELECT has the interindustry class, or the SIM's; with another one it is something else."""
    return bool(command[0] & 0x80) and command[0] != 0xA0
