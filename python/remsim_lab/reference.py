# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes the generated blocks of docs/ubus.md and docs/cli.md: methods, command line, exit codes.

    python -m remsim_lab.reference [--check]

A block stands between `<!-- generated: NAME -->` and `<!-- end -->`; the prose around it is kept.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from remsim.bus.api import LUCI_OBJECT, METHODS, Access, Method, Wire, signature_of
from remsim.cli.entry import command_line
from remsim.cli.exits import HELP, Exit

REPOSITORY = Path(__file__).resolve().parents[2]
_BLOCK = re.compile(r"(<!-- generated: ([a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
_EXAMPLES = {
    "series": "modem1.rsrp heartbeat.rtt",
    "window": "day",
    "before": 0,
    "modem": "modem1",
    "source": "local",
    "step": "reset_line",
    "command": "ATI",
    "since": 0,
    "limit": 100,
    "id": "3",
    "values": {"heartbeat.interval": "60"},
    "cause": "exit",
    "variables": {},
    "started": 12.5,
    "pid": 1234,
    "subsystem": "net",
    "action": "add",
    "name": "wwan0",
    "path": "",
}


def method_table() -> str:
    """One row per method with its exact signature."""
    rows = ["| method | arguments | role | what it does | answer |", "|---|---|---|---|---|"]
    for method in METHODS:
        arguments = "<br>".join(
            f"`{each.name}` ({_wire_word(each.wire)}): {each.help}" for each in method.arguments
        )
        answer = "`{job}`" if method.starts_job else "at once"
        rows.append(
            f"| `{method.name}` | {arguments or 'none'} | {method.access.value} "
            f"| {method.help} | {answer} |"
        )
    return "\n".join(rows)


def _wire_word(wire: Wire) -> str:
    return {Wire.ANY: "number", Wire.TABLE: "table", Wire.STRING: "text", Wire.BOOL: "bool"}[wire]


def method_calls() -> str:
    """One call per method, ready to be pasted."""
    lines = ["```sh"]
    lines += [_call(method) for method in METHODS if method.access is not Access.ROUTER]
    return "\n".join([*lines, "```"])


def _call(method: Method) -> str:
    values = {each.name: _EXAMPLES[each.name] for each in method.arguments}
    shown = f" '{json.dumps(values)}'" if values else ""
    return f"ubus call remsim {method.name}{shown}"


def luci_signatures() -> str:
    """What JSON-RPC sees: every method with the session that uhttpd adds."""
    lines = ["```"]
    for method in METHODS:
        if method.access is not Access.ROUTER:
            names = ", ".join(signature_of(LUCI_OBJECT, method))
            lines.append(f"{LUCI_OBJECT} {method.name}({names})")
    return "\n".join([*lines, "```"])


def exit_codes() -> str:
    rows = ["| code | meaning |", "|---|---|"]
    return "\n".join(rows + [f"| {code.value} | {HELP[code]} |" for code in Exit])


def commands() -> str:
    """Every command with its arguments; argparse's own help text differs between Pythons."""
    return "\n\n".join(
        _command(words, parser)
        for words, parser in sorted(_leaves("remsim", command_line()), key=lambda leaf: leaf[0])
    )


def _command(words: str, parser: argparse.ArgumentParser) -> str:
    shown = [each for each in parser._actions if each.dest not in _EVERYWHERE]
    shown.sort(key=lambda each: bool(each.option_strings))
    usage = " ".join([words, *(_usage(each) for each in shown)])
    lines = [f"**`{usage}`**", "", f"{parser.description}"]
    rows = [f"- `{_name(each)}`: {_meaning(each)}" for each in shown]
    return "\n".join(lines + (["", *rows] if rows else []))


def _name(action: argparse.Action) -> str:
    if action.option_strings:
        value = f" {action.metavar}" if action.metavar else ""
        return ", ".join(action.option_strings) + value
    return str(action.metavar or action.dest.upper())


def _usage(action: argparse.Action) -> str:
    name = _name(action).rpartition(", ")[2]
    return name if action.required else f"[{name}]"


def _meaning(action: argparse.Action) -> str:
    choices = [str(each) for each in action.choices or ()]
    one_of = f"{', '.join(choices[:-1])} or {choices[-1]}" if choices else ""
    return ": ".join(part for part in (action.help, one_of) if part) or "see above"


def _leaves(
    words: str, parser: argparse.ArgumentParser
) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    branches = [
        action for action in parser._actions if isinstance(action, argparse._SubParsersAction)
    ]
    if not branches:
        yield words, parser
    for branch in branches:
        for name, child in branch.choices.items():
            yield from _leaves(f"{words} {name}", child)


BLOCKS: dict[str, Callable[[], str]] = {
    "methods": method_table,
    "calls": method_calls,
    "luci": luci_signatures,
    "exit-codes": exit_codes,
    "commands": commands,
}
_EVERYWHERE = ("help", "json", "root")  # said once, in the prose
FILES = ("docs/ubus.md", "docs/cli.md")


def fresh(text: str) -> str:
    """`text` with every generated block written anew."""
    return _BLOCK.sub(lambda found: f"{found[1]}\n{BLOCKS[found[2]]()}\n\n{found[3]}", text)


def main(arguments: list[str]) -> int:
    stale = []
    for name in FILES:
        path = REPOSITORY / name
        before = path.read_text(encoding="utf-8")
        after = fresh(before)
        if before != after:
            stale.append(name)
            if "--check" not in arguments:
                path.write_text(after, encoding="utf-8")
    if stale and "--check" in arguments:
        sys.stderr.write(f"not fresh: {', '.join(stale)} (make generate)\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
