# SPDX-License-Identifier: GPL-2.0-or-later
"""What a role learnt about its modem, kept over restarts: place, IMEI, boot times (flash); what
became of the PIN (tmpfs).

One small JSON file per role and kind, written only when something changed, replaced atomically. A
file that cannot be read or written never stops a modem: learning starts anew. The PIN itself is
never written.
"""

from __future__ import annotations

import json
import logging
import os
from dataclasses import dataclass, field, replace

from remsim.model import Role
from remsim.modem.pin import Outcome, PinMemory
from remsim.paths import Paths

log = logging.getLogger("remsim.modem.memory")

# A boot time that changed by less is not worth a write to flash.
BOOT_TIME_CHANGE = 0.1


@dataclass(frozen=True, slots=True)
class Learnt:
    """`boot_times_s` by profile name."""

    place: str | None = None
    imei: str | None = None
    boot_times_s: dict[str, float] = field(default_factory=dict)


class ModemMemory:
    """Files `<keep_dir>/learnt-modem1.json` and `<run_dir>/pin-modem1.json`."""

    def __init__(self, paths: Paths, role: Role) -> None:
        self._learnt_path = f"{paths.keep_dir}/learnt-{role.value}.json"
        self._pin_path = f"{paths.run_dir}/pin-{role.value}.json"
        self.learnt = Learnt()

    def load(self) -> None:
        table = _read(self._learnt_path)
        place, imei, times = table.get("place"), table.get("imei"), table.get("boot_times_s")
        self.learnt = Learnt(
            place if isinstance(place, str) else None,
            imei if isinstance(imei, str) else None,
            {k: float(v) for k, v in times.items() if isinstance(v, (int, float))}
            if isinstance(times, dict)
            else {},
        )

    def learn_identity(self, place: str | None, imei: str | None) -> None:
        learnt = replace(
            self.learnt, place=place or self.learnt.place, imei=imei or self.learnt.imei
        )
        if learnt != self.learnt:
            self.learnt = learnt
            self._save_learnt()

    def learn_boot_time(self, profile: str, seconds: float) -> None:
        known = self.learnt.boot_times_s.get(profile)
        times = {**self.learnt.boot_times_s, profile: round(seconds, 1)}
        self.learnt = replace(self.learnt, boot_times_s=times)
        if known is None or abs(seconds - known) > BOOT_TIME_CHANGE * known:
            self._save_learnt()

    def _save_learnt(self) -> None:
        learnt = self.learnt
        table: dict[str, object] = {"place": learnt.place, "imei": learnt.imei}
        _write(self._learnt_path, {**table, "boot_times_s": learnt.boot_times_s})

    def load_pin(self, pin: str | None) -> PinMemory:
        """Outcomes of this very PIN; another PIN starts anew."""
        table = _read(self._pin_path)
        outcomes = table.get("outcomes")
        if pin is None or table.get("pin") != _fingerprint(pin) or not isinstance(outcomes, dict):
            return PinMemory()
        known = {outcome.value: outcome for outcome in Outcome}
        return PinMemory({k: known[v] for k, v in outcomes.items() if v in known})

    def save_pin(self, pin: str, memory: PinMemory) -> bool:
        """False if it could not be noted."""
        outcomes = {card: outcome.value for card, outcome in memory.outcomes.items()}
        return _write(self._pin_path, {"pin": _fingerprint(pin), "outcomes": outcomes})


def learnt_of(paths: Paths, role: Role) -> Learnt:
    """What another role learnt about its modem."""
    memory = ModemMemory(paths, role)
    memory.load()
    return memory.learnt


def _fingerprint(pin: str) -> str:
    """Tells a changed PIN, no more: the configuration holds
    the PIN itself, readable by root alone like this file."""
    import hashlib  # brings OpenSSL with it, 3 MB that a router without a PIN does not need

    return hashlib.sha256(b"remsim pin " + pin.encode()).hexdigest()


def _read(path: str) -> dict[str, object]:
    try:
        with open(path, encoding="utf-8") as file:
            table = json.loads(file.read(65536))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        log.warning("%s cannot be read: %s", path, error)
        return {}
    return table if isinstance(table, dict) else {}


def _write(path: str, table: dict[str, object]) -> bool:
    """Atomically; root alone may read it. False, and a line in the log, if it failed."""
    new = f"{path}.new"
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(table, file, sort_keys=True)
        os.replace(new, path)
    except OSError as error:
        log.warning("%s cannot be written: %s", path, error)
        return False
    return True
