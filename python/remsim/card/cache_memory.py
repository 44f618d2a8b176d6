# SPDX-License-Identifier: GPL-2.0-or-later
"""What the cache remembers of one card, and its text form. Pure.

Answers by the directory or file they belong to, the PINs that were verified at the time, and the
command; never a PIN or key. Bounded: what does not fit is not learnt. `parse()` believes nothing:
text that is not wholly what `text()` writes is no memory at all.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from remsim.card.apdu import GSM_CLASS, MAX_RESPONSE, Ins
from remsim.card.cache_files import Path
from remsim.card.place import MASTER_FILE

VERSION = 1
MAX_OCTETS = 48 * 1024  # of keys and answers; a card's stable files take a third of it
MAX_TEXT = 4 * MAX_OCTETS  # hexadecimal, with names; longer text is not parsed
MAX_VOLATILE = 32  # answers that are never the same; more of them, and the card is not for a cache
_SHORT_ID_TAG = 0x88  # short file identifier in a file's control parameters, TS 102 221 11.1.1.4.8


class Key(NamedTuple):
    """`command` as on channel 0. `path` is the directory for a SELECT, the file for a read."""

    path: Path
    pins: bytes
    command: bytes

    @property
    def octets(self) -> int:
        return sum(map(len, self.path)) + len(self.pins) + len(self.command)


@dataclass(slots=True)
class Remembered:
    """`fetch` is the GET RESPONSE that followed a SELECT, `fetched` what it brought."""

    answer: bytes
    fetch: bytes = b""
    fetched: bytes = b""
    is_proven: bool = False  # the card itself said so since it was presented
    is_doubtful: bool = False  # but was out of our sight since it did
    is_used: bool = False  # the modem was told so since the card was presented or out of sight

    @property
    def is_due(self) -> bool:
        """To be compared with the card. Who is in doubt but not told again costs nothing."""
        return not self.is_proven or (self.is_doubtful and self.is_used)

    def prove(self) -> None:
        self.is_proven, self.is_doubtful = True, False

    @property
    def octets(self) -> int:
        return len(self.answer) + len(self.fetch) + len(self.fetched)


@dataclass(slots=True)
class Memory:
    """`iccid` is empty until the card has told it, `fingerprint` until it was taken."""

    atr: bytes
    iccid: bytes = b""
    fingerprint: bytes = b""
    volatile: set[Key] = field(default_factory=set)
    is_changed: bool = False  # since it was last kept
    is_in_doubt: bool = False  # doubtful answers were told
    _answers: dict[Key, Remembered] = field(default_factory=dict)
    _octets: int = 0

    @property
    def size(self) -> int:
        """Answers in it."""
        return len(self._answers)

    def items(self) -> Iterator[tuple[Key, Remembered]]:
        """May be changed meanwhile."""
        return iter(tuple(self._answers.items()))

    @property
    def verified(self) -> int:
        """Answers that the card itself gave since it was presented."""
        return sum(entry.is_proven for entry in self._answers.values())

    def find(self, key: Key) -> Remembered | None:
        return self._answers.get(key)

    def tell(self, entry: Remembered) -> bytes:
        entry.is_used = True
        self.is_in_doubt = self.is_in_doubt or entry.is_doubtful
        return entry.answer

    def doubt(self) -> None:
        """The card was out of sight. What is told from now on is to be compared once more."""
        for entry in self._answers.values():
            if entry.is_proven and not entry.is_doubtful:
                entry.is_doubtful, entry.is_used = True, False

    def learn(self, key: Key, answer: bytes) -> Remembered | None:
        """From the card itself. None if it cannot be remembered."""
        known = self._answers.get(key)
        if known is not None and known.answer == answer:
            known.prove()
            return known
        if known is not None:
            self._forget(key)
        entry = Remembered(answer, is_proven=True)
        octets = key.octets + entry.octets
        is_hopeless = key in self.volatile or len(self.volatile) >= MAX_VOLATILE
        if is_hopeless or self._octets + octets > MAX_OCTETS:
            return None
        self._answers[key] = entry
        self._octets += octets
        self.is_changed = True
        return entry

    def learn_fetch(self, key: Key, fetch: bytes, fetched: bytes) -> None:
        """The data that belong to a SELECT."""
        entry = self._answers.get(key)
        octets = len(fetch) + len(fetched)
        if entry is None or (entry.fetch, entry.fetched) == (fetch, fetched):
            return
        if self._octets + octets > MAX_OCTETS:
            return
        self._octets += octets - len(entry.fetch) - len(entry.fetched)
        entry.fetch, entry.fetched = fetch, fetched
        self.is_changed = True

    # --- forgetting -------------------------------------------------------------------------------

    def forget_everything(self) -> bool:
        """True if there was anything."""
        return self._forget_where(lambda key: True)

    def forget_file(self, identifier: bytes) -> bool:
        """Contents of every file of this identifier, wherever: files are shared between
        directories.
        """
        return self._forget_where(lambda key: not _is_select(key) and key.path[-1] == identifier)

    def forget_short(self, directory: Path, short_id: int) -> bool:
        """Contents of files that may have this short identifier in this directory."""
        return self._forget_where(
            lambda key: (
                not _is_select(key)
                and key.path[:-1] == directory
                and self._may_be(key.path, short_id)
            )
        )

    def forget_reads(self) -> bool:
        return self._forget_where(lambda key: not _is_select(key))

    def forget_try_counters(self) -> None:
        """A SIM's SELECT of a directory tells how many tries its PINs have left."""
        self._forget_where(
            lambda key: _is_select(key) and key.command[0] == GSM_CLASS and not _is_of_file(key)
        )

    def disown(self, key: Key) -> None:
        """The card does not always answer the same: never remember this again."""
        self._forget(key)
        if len(self.volatile) < MAX_VOLATILE:
            self.volatile.add(key)
        self.is_changed = True

    def _forget_where(self, matches: Callable[[Key], bool]) -> bool:
        keys = [key for key in self._answers if matches(key)]
        for key in keys:
            self._forget(key)
        self.is_changed = self.is_changed or bool(keys)
        return bool(keys)

    def _forget(self, key: Key) -> None:
        entry = self._answers.pop(key, None)
        if entry is not None:
            self._octets -= key.octets + entry.octets

    def _may_be(self, path: Path, short_id: int) -> bool:
        """Unless its control parameters say otherwise, any file may."""
        for key, entry in self._answers.items():
            if key.path == path[:-1] and _is_select(key) and key.command[-2:] == path[-1]:
                known = short_id_of(entry.fetched[:-2], path[-1])
                if known is not None:
                    return known == short_id
        return True

    # --- text -------------------------------------------------------------------------------------

    def text(self) -> str:
        """JSON. Answers that the card has not confirmed since it was presented are left out: each
        is believed for one session at most.
        """
        values = {
            "version": VERSION,
            "atr": self.atr.hex(),
            "iccid": self.iccid.hex(),
            "fingerprint": self.fingerprint.hex(),
            "volatile": [_key_text(key) for key in sorted(self.volatile)],
            "answers": [
                [*_key_text(key), entry.answer.hex(), entry.fetch.hex(), entry.fetched.hex()]
                for key, entry in self._answers.items()
                if entry.is_proven
            ],
        }
        return json.dumps(values, separators=(",", ":")) + "\n"

    @classmethod
    def parse(cls, text: str) -> Memory | None:
        """None for anything but what `text()` writes."""
        if len(text) > MAX_TEXT:
            return None
        try:
            return cls._parsed(json.loads(text))
        except (KeyError, RecursionError, TypeError, ValueError):
            return None

    @classmethod
    def _parsed(cls, values: Any) -> Memory | None:
        if values["version"] != VERSION:
            return None
        atr, iccid, fingerprint = (
            bytes.fromhex(values[name]) for name in ("atr", "iccid", "fingerprint")
        )
        memory = cls(atr, iccid, fingerprint)
        for key in values["volatile"][:MAX_VOLATILE]:
            memory.volatile.add(_parsed_key(*key))
        for path, pins, command, answer, fetch, fetched in values["answers"]:
            entry = Remembered(bytes.fromhex(answer), bytes.fromhex(fetch), bytes.fromhex(fetched))
            if not all(_is_answer(each) for each in (entry.answer, entry.fetched or b"\x90\x00")):
                return None
            key = _parsed_key(path, pins, command)
            memory._answers[key] = entry
            memory._octets += key.octets + entry.octets
        return memory if memory._octets <= MAX_OCTETS else None


def short_id_of(parameters: bytes, identifier: bytes) -> int | None:
    """Short identifier by a file's control parameters: 0 for none; None if they do not tell.
    Without the element it is the identifier's own last bits, TS 102 221 8.3.
    """
    if parameters[:1] != b"\x62" or len(parameters) < 2 or parameters[1] != len(parameters) - 2:
        return None
    at = 2
    while at + 2 <= len(parameters):
        tag, length = parameters[at], parameters[at + 1]
        if length & 0x80 or tag & 0x1F == 0x1F:
            return None  # long forms have no place here
        if tag == _SHORT_ID_TAG:
            return parameters[at + 2] >> 3 if length == 1 and at + 2 < len(parameters) else 0
        at += 2 + length
    return identifier[-1] & 0x1F


def _is_select(key: Key) -> bool:
    return key.command[1] == Ins.SELECT


def _is_of_file(key: Key) -> bool:
    return key.command[-2] in (0x2F, 0x6F, 0x4F) and key.command[-2:] != MASTER_FILE


def _key_text(key: Key) -> list[str]:
    return ["/".join(each.hex() for each in key.path), key.pins.hex(), key.command.hex()]


def _parsed_key(path: object, pins: object, command: object) -> Key:
    if not (isinstance(path, str) and isinstance(pins, str) and isinstance(command, str)):
        raise TypeError("no texts")
    parts = tuple(bytes.fromhex(each) for each in path.split("/")) if path else ()
    octets = bytes.fromhex(command)
    if len(octets) < 5 or not all(parts):
        raise ValueError("no command")
    return Key(parts, bytes.fromhex(pins), octets)


def _is_answer(octets: bytes) -> bool:
    return 2 <= len(octets) <= MAX_RESPONSE
