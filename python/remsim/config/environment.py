# SPDX-License-Identifier: GPL-2.0-or-later
"""Import of the older set-up by environment variables (`/etc/remsim/dual-modem-config.sh`). Pure.

The script is read, never run. What a variable or an option of the client means is taken from the
schema; a value that only a shell could know is refused with its line, and then nothing is imported.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass, field

from remsim.config.change import Change, RawConfig, settings
from remsim.config.load import nearest_name
from remsim.config.option import Raw, parse_raw
from remsim.config.schema import OPTIONS, option_of_environment
from remsim.config.shell import Assignment, Script, Word, assignment_of
from remsim.config.values import Notice, Problem, shown_raw
from remsim.errors import ArgumentError, ConfigError

SINGLE_MODEM_VARIABLES = {  # of the C fork's event script, which knows one modem
    "SIM_SWITCH_GPIO": "modem1.sim_switch_gpio",
    "MODEM_RESET_GPIO": "modem1.reset_gpio",
    "MODEM_DEVICE": "modem1.device",
    "OPENWRT_MODEM_DEVICE": "modem1.device",
}
SIGNAL_INTERVAL = "OPENWRT_SIGNAL_INTERVAL"  # 0 switches the watching off
EXPORTING = ("export", "readonly", "local")
CONDITIONAL = ("if", "then", "elif", "else", "while", "until", "do", "case", "for", "!", "{")
CLOSING = ("fi", "done", "esac", "}")
CLIENT_PREFIX = "osmo-remsim-client"
CLIENT_OPTIONS = {  # option of osmo-remsim's clients: what it means (facts: its --help)
    "-i": "server.host",
    "--server-ip": "server.host",
    "-p": "server.port",
    "--server-port": "server.port",
    "-c": "client.client_id",
    "--client-id": "client.client_id",
    "-n": "client.client_slot",
    "--client-slot": "client.client_slot",
    "-a": "server.atr",
    "--atr": "server.atr",
    "-d": "logging.log_categories",
    "--debug": "logging.log_categories",
    "-V": "client.usb_vendor",
    "--usb-vendor": "client.usb_vendor",
    "-P": "client.usb_product",
    "--usb-product": "client.usb_product",
    "-C": "client.usb_config",
    "--usb-config": "client.usb_config",
    "-I": "client.usb_interface",
    "--usb-interface": "client.usb_interface",
    "-S": "client.usb_altsetting",
    "--usb-altsetting": "client.usb_altsetting",
    "-A": "client.usb_address",
    "--usb-address": "client.usb_address",
    "-H": "client.usb_path",
    "--usb-path": "client.usb_path",
    "-Z": "client.sim_presence",
}
CLIENT_FLAGS = {"-r": "server.atr_ignore_rspro", "--atr-ignore-rspro": "server.atr_ignore_rspro"}
CLIENT_SCRIPT_OPTIONS = ("-e", "--event-script")


@dataclass(frozen=True, slots=True)
class Import:
    """`changes` is empty when there are problems. Paths are "line N NAME"."""

    changes: tuple[Change, ...]
    problems: tuple[Problem, ...] = ()
    notices: tuple[Notice, ...] = ()


@dataclass(slots=True)
class _Harvest:
    values: dict[str, Raw] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    has_conditions: bool = False

    def take(self, path: str, name: str, word: Word) -> None:
        """The value of option `path`; the last one counts, as in a shell."""
        where = f"line {word.line} {name}"
        option = OPTIONS[path]
        if word.dynamic:
            what = "a plain value is needed; what a shell would have to run is not taken over"
            self.problems.append(Problem(where, "", what))
            return
        try:
            if word.text:
                parse_raw(option.type, word.text)
            self.values[path] = word.text
        except ConfigError as refused:
            shown = shown_raw(word.text, option.secret)
            self.problems.append(Problem(where, shown, refused.expected))


def import_environment(text: str, raw: RawConfig | None = None) -> Import:
    """What the script `text` says that `raw` does not say yet."""
    harvest = _Harvest()
    try:
        script = Script(text)
        for words in script.statements():
            _read_statement(script, words, harvest)
    except ArgumentError as refused:
        harvest.problems.append(Problem("script", "", refused.reason))
    _complete(harvest)
    if harvest.problems:
        return Import((), tuple(harvest.problems), tuple(harvest.notices))
    changes = settings(raw or RawConfig({}, {}), harvest.values)
    return Import(changes, (), tuple(harvest.notices))


def _read_statement(script: Script, words: Sequence[Word], harvest: _Harvest) -> None:
    while words and words[0].text in (*CONDITIONAL, *CLOSING):
        harvest.has_conditions |= words[0].text in CONDITIONAL
        words = words[1:]
    exported = bool(words) and words[0].text in EXPORTING
    rest = list(words[1:] if exported else words)
    while rest:
        assignment = assignment_of(rest[0])
        if assignment is None:
            break
        script.remember(assignment)
        _read_assignment(assignment, harvest)
        rest.pop(0)
    if rest and not exported:
        _read_command(rest, harvest)


def _read_assignment(assignment: Assignment, harvest: _Harvest) -> None:
    name, value = assignment.name, assignment.value
    option = option_of_environment(name)
    path = option.path if option else SINGLE_MODEM_VARIABLES.get(name, "")
    if name == SIGNAL_INTERVAL and value.text == "0" and not value.dynamic:
        harvest.values["monitoring.signal_monitoring"] = "0"
    elif path:
        harvest.take(path, name, value)
    else:
        known = (each.environment for each in OPTIONS.values() if each.environment)
        harvest.notices.append(
            Notice(
                f"line {value.line} {name}", "unknown variable, ignored", nearest_name(name, known)
            )
        )


def _read_command(words: Sequence[Word], harvest: _Harvest) -> None:
    command = posixpath.basename(words[0].text)
    if command in ("exec", "nohup") and len(words) > 1:
        _read_command(words[1:], harvest)
    elif command.startswith(CLIENT_PREFIX):
        if command == f"{CLIENT_PREFIX}-st2":
            harvest.values["client.backend"] = "st2"
        _read_client_options(list(words[1:]), harvest)
    elif command:
        where = f"line {words[0].line}"
        harvest.notices.append(Notice(where, f"the command {command[:40]!r} is not carried out"))


def _read_client_options(words: list[Word], harvest: _Harvest) -> None:
    while words:
        name, value = _option_and_value(words)
        if name in CLIENT_FLAGS:
            harvest.values[CLIENT_FLAGS[name]] = "1"
        elif name in CLIENT_OPTIONS and value is not None:
            harvest.take(CLIENT_OPTIONS[name], name, value)
            if CLIENT_OPTIONS[name] == "logging.log_categories":
                harvest.values["logging.debug"] = "1"
        elif name in CLIENT_SCRIPT_OPTIONS and value is not None:
            reason = "the event script is not taken over: remsim does its work"
            harvest.notices.append(Notice(f"line {value.line} {name}", reason))


def _option_and_value(words: list[Word]) -> tuple[str, Word | None]:
    """Takes one option with its value from `words`: `-i host`, `-ihost`, `--server-ip=host`."""
    word = words.pop(0)
    text = word.text
    name, equals, inline = text.partition("=")
    if text.startswith("--") and equals:
        return name, Word(inline, word.line, word.dynamic)
    takes_value = (*CLIENT_OPTIONS, *CLIENT_SCRIPT_OPTIONS)
    if text[:2] in takes_value and len(text) > 2 and not text.startswith("--"):
        return text[:2], Word(text[2:], word.line, word.dynamic)
    if text in takes_value and words:
        return text, words.pop(0)
    return text, None


def _complete(harvest: _Harvest) -> None:
    """What the variables imply."""
    if harvest.values.get("ionmesh.host"):
        harvest.values["ionmesh.enabled"] = "1"
    if harvest.has_conditions:
        reason = "assignments inside conditions and loops are taken as they stand"
        harvest.notices.append(Notice("script", reason))
