# SPDX-License-Identifier: GPL-2.0-or-later
"""The files made from the schema: fresh, usable by their readers, saying what the schema says."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from remsim.config import generate, store, uci
from remsim.config.schema import OPTIONS
from remsim.config.types import Choice, ListOf
from remsim.paths import Paths

SCHEMA_JS = generate.PROJECT / "htdocs/luci-static/resources/remsim/schema.js"
DEFAULTS = generate.PROJECT / "files/etc/config/remsim"
REFERENCE = generate.PROJECT / "docs/configuration.md"

# LuCI wraps a module in a function of its dependencies; this is what it does, in small.
LOADER = """
const source = require('fs').readFileSync(0, 'utf-8');
const baseclass = {
    extend: (properties) => class { constructor() { Object.assign(this, properties); } }
};
const made = new Function('baseclass', '_', source)(baseclass, (text) => text);
process.stdout.write(JSON.stringify(new made().sections));
"""


def test_the_generated_files_are_fresh() -> None:
    assert generate.stale(generate.PROJECT) == ()
    assert generate.main(["--check"]) == 0


def test_stale_and_missing_files_are_named_and_not_touched(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert generate.main([str(tmp_path)]) == 0
    assert capsys.readouterr().out.split() == list(generate.FILES)
    assert generate.main([str(tmp_path)]) == 0
    assert capsys.readouterr().out == ""
    stale = tmp_path / "docs/configuration.md"
    stale.write_text("old")
    (tmp_path / "files/etc/config/remsim").unlink()
    assert generate.main(["--check", str(tmp_path)]) == 1
    named = capsys.readouterr().err
    assert "docs/configuration.md" in named and "files/etc/config/remsim" in named
    assert "schema.js" not in named
    assert stale.read_text() == "old"


def test_generating_twice_gives_the_same_bytes() -> None:
    assert [made() for made in generate.FILES.values()] == [
        made() for made in generate.FILES.values()
    ]


# --- /etc/config/remsim ----------------------------------------------------------------------


def test_the_shipped_file_is_sound_and_means_the_defaults(tmp_path: Path) -> None:
    paths = Paths(str(tmp_path))
    Path(paths.config_dir).mkdir(parents=True)
    Path(paths.config_dir, "remsim").write_bytes(DEFAULTS.read_bytes())
    result = store.load_file(paths)
    assert result.problems == result.notices == ()
    assert result.config is not None
    assert result.config.differences(store.defaults()) == ()
    raw = uci.read(paths)
    assert {section: raw.types[section] for section in raw.sections} == {
        section: section for section in raw.sections
    }


def test_every_line_behind_a_comment_mark_is_a_default_as_well(tmp_path: Path) -> None:
    """Taking all comment marks away changes nothing either."""
    text = re.sub(r"^\t#(option|list) ", r"\t\1 ", DEFAULTS.read_text(), flags=re.MULTILINE)
    paths = Paths(str(tmp_path))
    Path(paths.config_dir).mkdir(parents=True)
    Path(paths.config_dir, "remsim").write_text(text)
    result = store.load_file(paths)
    assert result.problems == result.notices == ()
    assert result.config is not None
    assert result.config.differences(store.defaults()) == ()
    named = set(re.findall(r"^\t(?:option|list) ([a-z0-9_]+)", text, flags=re.MULTILINE))
    assert named == {option.name for option in OPTIONS.values() if not option.legacy}


def test_the_shipped_file_holds_no_secret_and_ships_switched_off() -> None:
    text = DEFAULTS.read_text()
    assert "\toption enabled '0'" in text
    for option in OPTIONS.values():
        if option.secret:
            assert f"\t#option {option.name} ''" in text


# --- schema.js -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sections() -> list[dict[str, Any]]:
    """What a LuCI view gets from `'require remsim.schema'`."""
    ran = subprocess.run(
        ["node", "-e", LOADER],
        input=SCHEMA_JS.read_text(),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    loaded: list[dict[str, Any]] = json.loads(ran.stdout)
    return loaded


def test_the_form_describes_every_option_that_is_offered(sections: list[dict[str, Any]]) -> None:
    shown = [option["path"] for section in sections for option in section["options"]]
    assert shown == [path for path, option in OPTIONS.items() if not option.legacy]


def test_the_form_has_types_titles_defaults_and_limits_of_the_schema(
    sections: list[dict[str, Any]],
) -> None:
    for section in sections:
        for shown in section["options"]:
            option = OPTIONS[shown["path"]]
            default = list(option.default) if isinstance(option.default, tuple) else option.default
            assert shown["type"] == option.type.widget.value
            assert shown["title"] == option.title
            assert shown.get("help", "") == option.help
            assert shown.get("default", "") == default
            assert shown.get("datatype", "") == option.type.datatype
            assert shown.get("secret", False) == option.secret
            assert shown.get("expert", False) == option.expert
            if isinstance(option.type, Choice):
                assert shown["choices"] == [list(pair) for pair in option.type.choices]


def test_the_forms_conditions_name_options_of_the_same_page(sections: list[dict[str, Any]]) -> None:
    page_of = {
        option["path"]: section["page"] for section in sections for option in section["options"]
    }
    for section in sections:
        for option in section["options"]:
            for conditions in option.get("depends", []):
                assert all(page_of[path] == section["page"] for path in conditions)


def test_the_forms_patterns_fit_the_defaults(sections: list[dict[str, Any]]) -> None:
    for section in sections:
        for option in section["options"]:
            if "pattern" in option and option.get("default"):
                default = option["default"]
                for each in default if isinstance(default, list) else [default]:
                    assert re.fullmatch(option["pattern"], each)
                assert option["expected"]


def test_browser_and_router_agree_on_what_fits(sections: list[dict[str, Any]]) -> None:
    """The same pattern judges in both: no text is refused by one only for its syntax."""
    patterns = {option["path"]: option["pattern"] for section in sections
                for option in section["options"] if "pattern" in option}  # fmt: skip
    for path, pattern in patterns.items():
        kind = OPTIONS[path].type
        inner = kind.item if isinstance(kind, ListOf) else kind
        assert pattern == f"^{inner.pattern}$"
    tries = ["auto", "/dev/x", "20", "gpiochip0:20", "gpiochip0", "wwan0", "a b", "310410", "x-y",
             "0x52000000", "-", "1-1.2", "none", "490154203237518"]  # fmt: skip
    program = (
        "const [patterns, tries] = JSON.parse(require('fs').readFileSync(0, 'utf-8'));"
        "const judge = (pattern) => tries.map((text) => new RegExp(pattern).test(text));"
        "process.stdout.write(JSON.stringify(patterns.map(judge)));"
    )
    ran = subprocess.run(
        ["node", "-e", program],
        input=json.dumps([list(patterns.values()), tries]),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    for pattern, found in zip(patterns.values(), json.loads(ran.stdout), strict=True):
        assert found == [re.fullmatch(pattern, each) is not None for each in tries]


def test_every_text_of_the_form_is_a_literal_that_the_translation_scan_finds() -> None:
    source = SCHEMA_JS.read_text()
    calls = re.findall(r"_\(", source)
    literals = re.findall(r"_\('(?:[^'\\]|\\.)+'\)", source)
    assert len(calls) == len(literals)
    assert not re.search(r"\b(title|help|unit|expected): '", source)


def test_the_module_opens_with_what_luci_looks_for() -> None:
    assert SCHEMA_JS.read_text().startswith("'use strict';\n'require baseclass';\n")
    assert "\nreturn baseclass.extend({\n" in SCHEMA_JS.read_text()


# --- docs/configuration.md ------------------------------------------------------------------


def test_the_reference_has_every_option_default_and_variable() -> None:
    text = REFERENCE.read_text()
    for option in OPTIONS.values():
        assert f"| `{option.name}` |" in text
        if option.environment:
            assert f"`{option.environment}`" in text
        if isinstance(option.default, str) and option.default:
            assert f"`{option.default}`" in text


def test_every_row_of_the_reference_has_all_its_columns() -> None:
    rows = [line for line in REFERENCE.read_text().splitlines() if line.startswith("| `")]
    assert len(rows) == len(OPTIONS)
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 6 for row in rows)
