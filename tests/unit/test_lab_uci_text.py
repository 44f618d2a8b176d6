# SPDX-License-Identifier: GPL-2.0-or-later
"""UCI text in Python: there and back, against rubbish, and the corners of libuci's parser."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remsim_lab.uci import delta
from remsim_lab.uci.engine import Context
from remsim_lab.uci.file import export_text
from remsim_lab.uci.model import (
    Command,
    Delta,
    ErrorCode,
    Option,
    Package,
    UciError,
    parse_pointer,
)
from remsim_lab.uci.parser import Parser, Source

NAMES = st.from_regex(rb"[A-Za-z0-9_]{1,8}", fullmatch=True)
TYPES = st.from_regex(rb"[!-~]{1,8}", fullmatch=True).filter(
    lambda text: not set(text) & set(b"'\"\\#;")
)
VALUES = st.binary(min_size=1, max_size=20).filter(lambda text: b"\0" not in text)
OPTIONS = st.dictionaries(NAMES, st.one_of(VALUES, st.lists(VALUES, min_size=1)), max_size=4)
SECTIONS = st.dictionaries(NAMES, st.tuples(TYPES, st.booleans(), OPTIONS), max_size=4)


def imported(data: bytes) -> Package:
    package = Context().import_text(Source(data), b"test", None, single=True)
    assert package is not None
    return package


def contents(package: Package) -> list[object]:
    return [
        (
            None if section.anonymous else section.name,
            section.type,
            [(option.name, option.value) for option in section.options],
        )
        for section in package.sections
    ]


@given(SECTIONS)
def test_exported_config_reads_the_same(
    sections: dict[bytes, tuple[bytes, bool, dict[bytes, bytes | list[bytes]]]],
) -> None:
    package = Package(b"test")
    for name, (kind, anonymous, options) in sections.items():
        section = package.add_section(kind, None if anonymous else name)
        section.options += [Option(option, value) for option, value in options.items()]
    text = export_text(package, header=False, name_all=False)
    again = imported(text)
    assert contents(again) == contents(package)
    assert export_text(again, header=False, name_all=False) == text


@given(st.binary(max_size=120))
def test_rubbish_raises_nothing_but_a_parse_error(data: bytes) -> None:
    for strict in (True, False):
        context = Context()
        context.strict = strict
        try:
            context.import_text(Source(data), b"test", None, single=True)
        except UciError as error:
            assert error.code is ErrorCode.PARSE
            assert "at line" in context.error_text(error.code)


@given(st.text("cofl pi'\"\\#;\n\t\rab", max_size=80))
def test_nearly_right_text_raises_nothing_but_a_parse_error(text: str) -> None:
    try:
        imported(text.encode())
    except UciError as error:
        assert error.code is ErrorCode.PARSE


@given(st.sampled_from(Command), NAMES, st.one_of(st.none(), NAMES), VALUES)
def test_delta_line_reads_the_same(
    command: Command, section: bytes, option: bytes | None, value: bytes
) -> None:
    change = Delta(command, section, option, None if command is Command.REMOVE else value)
    parser = Parser(Source(delta.line_of(b"test", change)))
    assert parser.next_line()
    try:
        got, pointer = delta.parse_line(parser)
    except UciError:
        return  # control characters, and what makes no sense for the command
    assert (got, pointer.package, pointer.section) == (command, b"test", section)
    assert (pointer.option, pointer.value) == (option, change.value)


@given(st.binary(max_size=80))
def test_rubbish_in_a_delta_file_raises_nothing_but_its_own_error(data: bytes) -> None:
    parser = Parser(Source(data))
    while not parser.at_end:
        if parser.next_line():
            try:
                delta.parse_line(parser)
            except UciError:
                continue


@given(st.binary(max_size=40))
def test_pointer_text_is_taken_or_refused(text: bytes) -> None:
    try:
        pointer = parse_pointer(text)
    except UciError as error:
        assert error.code is ErrorCode.PARSE
    else:
        assert pointer.package is not None


@pytest.mark.parametrize(
    ("kind", "number", "name"),
    [(b"slot", 2, b"cfg02f947"), (b"wifi-iface", 3, b"cfg033579"), (b"slot", 300, b"cfg12cf947")],
)
def test_anonymous_names_are_those_of_libuci(kind: bytes, number: int, name: bytes) -> None:
    package = Package(b"test")
    package.section_count = number - 1
    assert package.add_section(kind, None).name == name


def test_nul_byte_swallows_the_rest_of_its_line() -> None:
    package = imported(b"config main 'a'\n\toption x 'one\0two'\n' \n\toption y '2'\n")
    assert contents(package) == [(b"a", b"main", [(b"x", b"one"), (b"y", b"2")])]


def test_long_lines_and_values_over_lines() -> None:
    value = b"line\n" * 500
    package = imported(b"config main 'a'\n\toption x '" + value + b"'\n\toption y 1\n")
    assert package.sections[0].options[0].value == value


def test_new_files_have_the_mode_of_the_config(tmp_path: Path) -> None:
    config, save = tmp_path / "config", tmp_path / "save"
    config.mkdir(mode=0o750)
    file = config / "test"
    file.write_text("config main 'a'\n")
    file.chmod(0o640)
    context = Context()
    context.config_directory = bytes(config)
    context.set_save_directory(bytes(save))
    pointer = context.lookup(b"test.a.x=1")
    context.set(pointer)
    assert pointer.found_package is not None
    context.save(pointer.found_package)
    assert (save / "test").stat().st_mode & 0o777 == 0o640
    context.commit(pointer.found_package)
    assert file.stat().st_mode & 0o777 == 0o640
    assert sorted(each.name for each in config.iterdir()) == ["test"]


def test_directory_that_cannot_be_written_is_an_io_error_and_leaves_no_file(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.mkdir()
    (config / "test").write_text("config main 'a'\n")
    context = Context()
    context.config_directory = bytes(config)
    context.set_save_directory(bytes(tmp_path / "two" / "levels"))
    pointer = context.lookup(b"test.a.x=1")
    context.set(pointer)
    assert pointer.found_package is not None
    with pytest.raises(UciError) as raised:
        context.save(pointer.found_package)
    assert raised.value.code is ErrorCode.IO
    assert not (tmp_path / "two").exists()
