# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes po/templates/remsim.pot, every text of the LuCI pages that is to be translated, and brings
the catalogues po/*/remsim.po into its order: a new text is empty there, one that went is gone.

    python -m remsim_lab.pot [--check]

Needs xgettext. What counts as a text is what LuCI's own scan takes (build/i18n-scan.pl of
openwrt/luci): `_()` and `N_()` with literals in JavaScript, titles and descriptions in menu.d and
acl.d. Deterministic: a text is named with its files but not with lines, so that it stays the same
while code moves.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
TEMPLATE = "po/templates/remsim.pot"
HEADER = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8"\n'
_SCRIPTS = "htdocs/**/*.js"
_TABLES = ("files/usr/share/luci/menu.d/*.json", "files/usr/share/rpcd/acl.d/*.json")
_KEYWORDS = ("_:1", "_:1,2c", "N_:2,3", "N_:2,3,4c")
_SHOWN = ("title", "description")
_TEXT = re.compile(r'^(msgid|msgstr(?:\[\d\])?) "(.*)"$', re.MULTILINE)


def template(repository: Path = REPOSITORY) -> str:
    """The text of the file."""
    with tempfile.TemporaryDirectory() as directory:
        copies = Path(directory)
        sources = [*_copied_scripts(repository, copies), *_copied_tables(repository, copies)]
        return HEADER + "\n" + _scanned(copies, sources)


def _copied_scripts(repository: Path, copies: Path) -> Iterator[str]:
    for path in sorted(repository.glob(_SCRIPTS)):
        yield _copied(copies, path.relative_to(repository), path.read_text(encoding="utf-8"))


def _copied_tables(repository: Path, copies: Path) -> Iterator[str]:
    """Tables become scripts, which is what LuCI's scan makes of them too."""
    for pattern in _TABLES:
        for path in sorted(repository.glob(pattern)):
            table = json.loads(path.read_text(encoding="utf-8"))
            script = "".join(
                f"_({json.dumps(entry[name])});\n"
                for entry in table.values()
                for name in _SHOWN
                if name in entry
            )
            yield _copied(copies, path.relative_to(repository), script)


def _copied(copies: Path, place: Path, text: str) -> str:
    target = copies / place
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    return str(place)


def _scanned(directory: Path, sources: Sequence[str]) -> str:
    """What xgettext finds, without its header (which has a date) and its guesses of formats.

    The header is cut off here: with --omit-header xgettext drops what is not ASCII."""
    options = ["--from-code=UTF-8", "--no-wrap", "--add-location=file"]
    keywords = [f"--keyword={keyword}" for keyword in _KEYWORDS]
    argv = ["xgettext", "--language=JavaScript", *options, "--keyword", *keywords, "-o", "-"]
    done = subprocess.run([*argv, *sources], cwd=directory, capture_output=True, check=True)
    _header, _, entries = done.stdout.decode().partition("\n\n")
    lines = (line for line in entries.splitlines() if not line.startswith("#,"))
    return "\n".join(lines).strip("\n") + "\n"


def merged(catalogue: str, fresh: str) -> str:
    """`catalogue` with the texts of the template `fresh`, each with the translation that it had."""
    header, *entries = _blocks(catalogue)
    known = {}
    for entry in entries:
        (_, text), *forms = _TEXT.findall(entry)
        known[text] = [f'{keyword} "{form}"' for keyword, form in forms]
    return (
        "\n\n".join([header, *(_translated(entry, known) for entry in _blocks(fresh)[1:])]) + "\n"
    )


def _blocks(text: str) -> list[str]:
    return text.strip("\n").split("\n\n")


def _translated(entry: str, known: Mapping[str, Sequence[str]]) -> str:
    (_, text), *empty = _TEXT.findall(entry)
    kept = [line for line in entry.splitlines() if not line.startswith("msgstr")]
    return "\n".join([*kept, *known.get(text, [f'{keyword} ""' for keyword, _ in empty])])


def _wanted(repository: Path) -> Iterator[tuple[Path, str]]:
    """Every file with what it should hold."""
    fresh = template(repository)
    yield repository / TEMPLATE, fresh
    for path in sorted(repository.glob("po/*/remsim.po")):
        yield path, merged(path.read_text(encoding="utf-8"), fresh)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="remsim_lab.pot")
    parser.add_argument("--check", action="store_true", help="write nothing; 1 if it is stale")
    options = parser.parse_args(argv)
    stale = [
        (path, text)
        for path, text in _wanted(REPOSITORY)
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    for path, text in stale:
        if options.check:
            sys.stderr.write(f"{path.relative_to(REPOSITORY)} is stale; run: make generate\n")
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return 1 if options.check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
