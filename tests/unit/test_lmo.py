# SPDX-License-Identifier: GPL-2.0-or-later
"""Translations for LuCI: held by bytes that LuCI's own po2lmo made."""

from pathlib import Path

import pytest

from remsim_lab.lmo import compile_po, hash_of, main

PO = r"""
msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\n"
"Plural-Forms: nplurals=2; plural=n != 1;\n"

#: a comment
msgid "Remote SIM"
msgstr "Entfernte SIM"

msgid "Same"
msgstr "Same"

msgid "Untranslated"
msgstr ""

msgctxt "modem"
msgid "Say \"reset\" and \\ twice"
msgstr ""
"Sag \"zurücksetzen\" "
"und \\ zweimal\n"

msgid "One beat"
msgid_plural "%d beats"
msgstr[0] "Ein Herzschlag"
msgstr[1] "%d Herzschläge"
"""

# Output of po2lmo (openwrt/luci, modules/luci-base/src) for the text above.
LMO = bytes.fromhex(
    "6e706c7572616c733d323b20706c7572616c3d6e20213d20313b0000456e746665726e74652053494d000000"
    "53616720227a7572c3bc636b7365747a656e2220756e64205c207a7765696d616c5c6e0045696e204865727a"
    "7363686c616700002564204865727a7363686cc3a46765000000000000000000000000000000001a0ac87d90"
    "00000002000000600000000f23591777000000010000001c0000000d557addd2000000010000002c00000023"
    "c6f3636900000002000000500000000e00000070"
)


def test_the_bytes_are_those_of_lucis_own_tool() -> None:
    assert compile_po(PO) == LMO


def test_a_catalogue_without_translations_is_empty() -> None:
    assert compile_po('msgid "a"\nmsgstr ""\n') == b""


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", 0),
        ("Status", 0x663359C9),
        ("abc", 0xD2BE198A),
        ("ü", 0x787E0CC7),
        ("abcde", 0x51ED072E),
    ],
)
def test_the_hash_is_superfasthash(text: str, value: int) -> None:
    assert hash_of(text) == value


def test_files_are_read_and_written(tmp_path: Path) -> None:
    (tmp_path / "remsim.po").write_text(PO, encoding="utf-8")
    assert main([str(tmp_path / "remsim.po"), str(tmp_path / "remsim.lmo")]) == 0
    assert (tmp_path / "remsim.lmo").read_bytes() == LMO
