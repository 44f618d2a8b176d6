# SPDX-License-Identifier: GPL-2.0-or-later
"""Translations: the template is fresh, every catalogue is complete and fits its texts."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from remsim_lab.pot import REPOSITORY, TEMPLATE, merged, template

LANGUAGES = ("de", "es", "fr", "ja", "ru", "zh_Hans")
PLACEHOLDER = re.compile(r"%(?:\.\d+)?[a-zA-Z%]")
ELLIPSIS = "…"


@dataclass(frozen=True)
class Entry:
    """`texts` has one form of a translation for each plural."""

    id: str
    plural: str
    texts: tuple[str, ...]


def entries(path: Path) -> list[Entry]:
    joined = path.read_text(encoding="utf-8").replace('"\n"', "")
    found = []
    for block in joined.split("\n\n")[1:]:
        pairs = re.findall(r'^(msg\w+)(?:\[\d\])? "(.*)"$', block, re.MULTILINE)
        parts = dict(pairs)
        texts = tuple(text for keyword, text in pairs if keyword == "msgstr")
        found.append(Entry(parts["msgid"], parts.get("msgid_plural", ""), texts))
    return found


def catalogue(language: str) -> list[Entry]:
    return entries(REPOSITORY / "po" / language / "remsim.po")


def test_the_template_is_fresh() -> None:
    assert (REPOSITORY / TEMPLATE).read_text(encoding="utf-8") == template(), "make generate"


def test_there_is_a_catalogue_for_each_language() -> None:
    directories = {path.name for path in (REPOSITORY / "po").iterdir()}
    assert directories == {"templates", *LANGUAGES}


def test_texts_outside_ascii_are_in_the_template() -> None:
    assert any(ELLIPSIS in entry.id for entry in entries(REPOSITORY / TEMPLATE))


def test_titles_of_the_menu_and_of_the_roles_are_in_the_template() -> None:
    wanted = {"Overview", "Remote SIM: see state and events"}
    assert wanted <= {entry.id for entry in entries(REPOSITORY / TEMPLATE)}


OLD = """msgid ""
msgstr "Language: xx"

msgid "gone"
msgstr "weg"

msgid "one"
msgid_plural "many"
msgstr[0] "eins"
msgstr[1] "viele"
"""
FRESH = """msgid ""
msgstr "Content-Type"

#: a.js
msgid "new"
msgstr ""

#: b.js
msgid "one"
msgid_plural "many"
msgstr[0] ""
msgstr[1] ""
"""
MERGED = """msgid ""
msgstr "Language: xx"

#: a.js
msgid "new"
msgstr ""

#: b.js
msgid "one"
msgid_plural "many"
msgstr[0] "eins"
msgstr[1] "viele"
"""


def test_a_catalogue_follows_the_template_and_keeps_its_translations() -> None:
    assert merged(OLD, FRESH) == MERGED
    assert merged(MERGED, FRESH) == MERGED


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_catalogue_has_exactly_the_texts_of_the_template(language: str) -> None:
    wanted = [(entry.id, entry.plural) for entry in entries(REPOSITORY / TEMPLATE)]
    assert [(entry.id, entry.plural) for entry in catalogue(language)] == wanted


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_translated(language: str) -> None:
    assert [entry.id for entry in catalogue(language) if not all(entry.texts)] == []
    assert "fuzzy" not in (REPOSITORY / "po" / language / "remsim.po").read_text(encoding="utf-8")


@pytest.mark.parametrize("language", LANGUAGES)
def test_placeholders_keep_their_kind_and_order(language: str) -> None:
    for entry in catalogue(language):
        for text in entry.texts:
            assert PLACEHOLDER.findall(text) == PLACEHOLDER.findall(entry.id), entry.id


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_button_that_asks_first_says_so_in_every_language(language: str) -> None:
    for entry in catalogue(language):
        for text in entry.texts:
            assert text.endswith(ELLIPSIS) == entry.id.endswith(ELLIPSIS), entry.id


@pytest.mark.parametrize("language", LANGUAGES)
def test_gettext_finds_nothing_wrong(language: str) -> None:
    path = REPOSITORY / "po" / language / "remsim.po"
    argv = ["msgfmt", "--check", "--output-file=/dev/null", str(path)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
