# SPDX-License-Identifier: GPL-2.0-or-later
"""How a simulated modem understands command lines:
its own small parser, its model's table, a few commands with a state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from remsim_lab.modems.faults import LATE_S

if TYPE_CHECKING:
    from remsim_lab.modems.core import SimulatedCore

LATENCY_S = 0.01
LOG_LIMIT = 2000

_REGISTRATIONS = ("+CREG", "+CGREG", "+CEREG", "+C5GREG")

# Lines and final result; a final result of None = no answer at all.
Answer = tuple[list[str], str | None]


class Dialect:
    """One life of the modem: settings are lost with a restart."""

    def __init__(self, core: SimulatedCore) -> None:
        self.echo = True
        self._core = core
        self._quiet = False
        self._cmee = 0
        self._reporting = dict.fromkeys(_REGISTRATIONS, 0)
        self._answers = 0

    def registration_news(self) -> list[str]:
        """What is said unasked when the registration changed."""
        chosen = ((p, n) for p, n in self._reporting.items() if p in ("+CREG", "+CEREG"))
        return [f"{prefix}: {self._location(n)}" for prefix, n in chosen if n]

    def _location(self, n: int) -> str:
        core = self._core
        if n < 2 or not core.is_registered:
            return str(core.stat)
        return f'{core.stat},"05D5","0019BF801",{13 if core.model.name == "fm350" else 7}'

    def obey(self, line: str) -> None:
        core = self._core
        text = line.strip()
        start = text.upper().find("AT")
        if start < 0:
            return
        del core.commands[: max(0, len(core.commands) - LOG_LIMIT)]
        core.commands.append(text[start:])
        lines, final = self._run_line(text[start + 2 :])
        if final is None:
            return
        self._answers += 1
        said = [*lines, final]
        if "half_lines" in core.faults and self._answers % 3 == 0:
            whole = "".join(f"\r\n{line}\r\n" for line in said)
            core.send(whole[: max(1, len(whole) // 2)].encode())
            return
        late_s = LATE_S * core.speed if "slow" in core.faults else 0.0
        core.after(LATENCY_S + late_s, lambda: self._answer(said))

    def _answer(self, said: list[str]) -> None:
        if not self._quiet:
            for line in said:
                self._core.say(line)

    def _run_line(self, text: str) -> Answer:
        """`AT+CSQ;+COPS?`: several commands behind one AT, until one fails."""
        lines: list[str] = []
        final: str | None = "OK"
        for part in text.split(";"):
            more, final = self._run_command(part.strip())
            lines += more
            if final != "OK":
                break
        return lines, final

    def _run_command(self, command: str) -> Answer:
        core, upper = self._core, command.upper().replace(" ", "")
        settings = _basic_settings(upper)
        if settings is not None:
            for letter, value in settings:
                self._set_basic(letter, value)
            return [], "OK"
        if upper in core.model.reset_commands:
            core.after(core.model.leave_s, lambda: core.restart("at_reset"))
            return [], "OK"
        for prefix in _REGISTRATIONS:
            if upper.startswith(prefix):
                return self._registration(prefix, upper[len(prefix) :])
        if upper.startswith("+CMEE="):
            self._cmee = 1 if upper[6:7] in ("1", "2") else 0
            return [], "OK"
        if upper.startswith("+CFUN"):
            return self._cfun(upper[5:])
        if upper == "+CPINR":
            return self._cpinr()
        if upper.startswith("+CPIN"):
            return self._cpin(upper[5:], command)
        return self._from_table(upper)

    def _set_basic(self, letter: str, value: int) -> None:
        if letter == "E":
            self.echo = bool(value)
        elif letter == "Q":
            self._quiet = bool(value)

    # --- the table ----------------------------------------------------------------------------

    def _from_table(self, upper: str) -> Answer:
        core, model = self._core, self._core.model
        if upper in model.with_sim:
            if core.sim_error is not None:
                return [], self._error(core.sim_error)
            if core.needs_pin and upper == "+CIMI":
                return [], self._error("+CME ERROR: 11")
            return self._filled(model.with_sim[upper])
        network = model.registered if core.is_registered else model.unregistered
        for table in (network, model.always):
            if upper in table:
                return self._filled(table[upper])
        return [], self._error(model.unknown_command)

    def _filled(self, lines: tuple[str, ...] | None) -> Answer:
        if lines is None:
            return [], None
        core, card = self._core, self._core.card
        values = {
            "imei": core.imei,
            "manufacturer": core.model.manufacturer,
            "product": core.model.product,
            "operator": core.operator,
            "tac": "05D5",
            "cell": "0019BF801",
            "iccid": card.iccid if card else "",
            "imsi": card.imsi if card else "",
            "tries": str(card.tries if card else 0),
            "puk_tries": str(card.puk_tries if card else 0),
        }
        return [line.format_map(values) for line in lines], "OK"

    def _error(self, error: str) -> str:
        return error if self._cmee else "ERROR"

    # --- commands with a state ----------------------------------------------------------------

    def _cfun(self, rest: str) -> Answer:
        core = self._core
        if rest == "?":
            return [f"+CFUN: {core.cfun}"], "OK"
        if rest not in ("=0", "=1", "=4"):
            return [], self._error("+CME ERROR: 4")
        before, core.cfun = core.cfun, int(rest[1:])
        if before != 1 and core.cfun == 1:
            core.cure("radio")
            if core.model.rereads_sim_on_radio_cycle:
                core.read_sim()
        core.settle_registration()
        return [], "OK"

    def _cpin(self, rest: str, command: str) -> Answer:
        core, card = self._core, self._core.card
        if core.sim_error is not None or card is None:
            return [], self._error(core.sim_error or "+CME ERROR: 10")
        if rest == "?":
            if not core.needs_pin:
                return ["+CPIN: READY"], "OK"
            return ["+CPIN: SIM PUK" if card.is_blocked else "+CPIN: SIM PIN"], "OK"
        if not card.verify(command.partition("=")[2].strip().strip('"')):
            return [], self._error("+CME ERROR: 12" if card.is_blocked else "+CME ERROR: 16")
        core.is_verified = True
        core.is_card_ready = False
        core.after(core.model.sim_s / 2, core.sim_is_ready)
        return [], "OK"

    def _cpinr(self) -> Answer:
        core, card = self._core, self._core.card
        if not core.model.has_cpinr:
            return [], self._error(core.model.unknown_command)
        if core.sim_error is not None or card is None:
            return [], self._error(core.sim_error or "+CME ERROR: 10")
        return [f"+CPINR: SIM PIN,{card.tries},3", f"+CPINR: SIM PUK,{card.puk_tries},10"], "OK"

    def _registration(self, prefix: str, rest: str) -> Answer:
        if prefix == "+C5GREG" and self._core.model.name != "fm350":
            return [], self._error(self._core.model.unknown_command)
        n = self._reporting[prefix]
        if rest == "?":
            if prefix == "+C5GREG" and n == 0:
                return ["+C5GREG: 0"], "OK"
            return [f"{prefix}: {n},{self._location(n)}"], "OK"
        if rest[:1] == "=" and rest[1:2] in ("0", "1", "2"):
            self._reporting[prefix] = int(rest[1:2])
            return [], "OK"
        return [], self._error("+CME ERROR: 50")


def _basic_settings(upper: str) -> list[tuple[str, int]] | None:
    """`Q0V1E1` -> Q 0, V 1, E 1; a bare AT sets nothing,
    successfully; None if it is anything else."""
    settings = []
    at = 0
    while at < len(upper):
        letter, digit = upper[at], upper[at + 1 : at + 2]
        if letter not in "EQV":
            return None
        settings.append((letter, int(digit) if digit.isdigit() else 0))
        at += 2 if digit.isdigit() else 1
    return settings
