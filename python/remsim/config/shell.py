# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads assignments and commands from a shell script without ever running it. Pure.

Knows quoting, comments, line continuation and references to variables that the same script has set
before. Whatever a shell would have to run (command substitution, arithmetic, other variables) makes
a word `dynamic`: its text is then worthless, and the reader's user refuses it.
Source: POSIX.1-2017, Shell Command Language, sections 2.2 to 2.6.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from remsim.errors import ArgumentError

SCRIPT_LONGEST = 65_536  # characters; the scripts meant here have a few dozen lines
NAME = re.compile("[A-Za-z_][A-Za-z0-9_]*")
ENDS_WORD = " \t\n;&|()<>"
DOUBLE_QUOTE_ESCAPES = '$`"\\'


@dataclass(frozen=True, slots=True)
class Word:
    """`dynamic` is what a shell would have to evaluate, such as "$(hostname)"; empty if nothing."""

    text: str
    line: int
    dynamic: str = ""


@dataclass(frozen=True, slots=True)
class Assignment:
    """`NAME=value`, found in `value.line`."""

    name: str
    value: Word


class Script:
    """One pass over a script. `statements()` yields words and keeps the variables set so far."""

    def __init__(self, text: str) -> None:
        if len(text) > SCRIPT_LONGEST:
            raise ArgumentError("script", f"longer than {SCRIPT_LONGEST} characters")
        self._text = text.replace("\r\n", "\n")
        self._at = 0
        self._line = 1
        self._variables: dict[str, str] = {}

    def statements(self) -> Iterator[tuple[Word, ...]]:
        """Words up to a line's end or an operator. Raises ArgumentError with the line's number."""
        words: list[Word] = []
        while self._at < len(self._text):
            here = self._text[self._at]
            if self._text.startswith("<<", self._at):
                raise self._refused("here-documents are not read")
            if here == "#":
                self._skip_comment()
            elif self._text.startswith(("\\\n", ">&", "<&"), self._at):
                self._take()
                self._take()
            elif here in " \t<>":
                self._take()
            elif here in ENDS_WORD:
                self._take()
                if words:
                    yield tuple(words)
                    words = []
            else:
                words.append(self._word())
        if words:
            yield tuple(words)

    def remember(self, assignment: Assignment) -> None:
        """Later `$NAME` stands for this value, unless it is dynamic."""
        if assignment.value.dynamic:
            self._variables.pop(assignment.name, None)
        else:
            self._variables[assignment.name] = assignment.value.text

    def _refused(self, reason: str, line: int | None = None) -> ArgumentError:
        return ArgumentError("script", f"line {line or self._line}: {reason}")

    def _take(self) -> str:
        here = self._text[self._at]
        self._at += 1
        self._line += here == "\n"
        return here

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _skip_comment(self) -> None:
        end = self._text.find("\n", self._at)
        self._at = len(self._text) if end < 0 else end

    def _word(self) -> Word:
        line, dynamic, text = self._line, "", ""
        while self._peek() and self._peek() not in ENDS_WORD:
            here = self._peek()
            if here == "'":
                text += self._single_quoted()
            elif here == '"':
                piece, evaluated = self._double_quoted()
                text, dynamic = text + piece, dynamic or evaluated
            elif here in "$`":
                piece, evaluated = self._expansion()
                text, dynamic = text + piece, dynamic or evaluated
            elif here == "\\":
                text += self._escaped()
            else:
                text += self._take()
        return Word(text, line, dynamic)

    def _escaped(self) -> str:
        self._take()
        escaped = self._take() if self._peek() else ""
        return "" if escaped == "\n" else escaped

    def _single_quoted(self) -> str:
        start, line = self._at + 1, self._line
        end = self._text.find("'", start)
        if end < 0:
            raise self._refused("the quote ' is not closed", line)
        self._advance_to(end + 1)
        return self._text[start:end]

    def _double_quoted(self) -> tuple[str, str]:
        line, text, dynamic = self._line, "", ""
        self._take()
        while self._peek() != '"':
            here = self._peek()
            if not here:
                raise self._refused('the quote " is not closed', line)
            if here in "$`":
                piece, evaluated = self._expansion()
                text, dynamic = text + piece, dynamic or evaluated
            elif here == "\\" and self._text[self._at + 1 : self._at + 2] in (
                *DOUBLE_QUOTE_ESCAPES,
                "\n",
            ):
                text += self._escaped()
            else:
                text += self._take()
        self._take()
        return text, dynamic

    def _expansion(self) -> tuple[str, str]:
        """(value, "") of a variable that the script has set; otherwise ("", what was found)."""
        start = self._at
        if self._take() == "`":
            self._skip_past("`")
        elif self._peek() == "(":
            self._skip_nested("(", ")")
        elif self._peek() == "{":
            self._skip_nested("{", "}")
        else:
            name = NAME.match(self._text, self._at)
            if name is None and self._peek() in (*ENDS_WORD, '"', "'", ""):
                return "$", ""
            self._at = name.end() if name else self._at + 1
        found = self._text[start : self._at]
        reference = re.fullmatch(rf"\$\{{?({NAME.pattern})\}}?", found)
        if reference and reference[1] in self._variables:
            return self._variables[reference[1]], ""
        return "", found

    def _skip_past(self, mark: str) -> None:
        line, end = self._line, self._text.find(mark, self._at)
        if end < 0:
            raise self._refused(f"{mark} is not closed", line)
        self._advance_to(end + 1)

    def _skip_nested(self, opens: str, closes: str) -> None:
        line, depth = self._line, 0
        while self._peek():
            here = self._take()
            depth += (here == opens) - (here == closes)
            if depth == 0:
                return
        raise self._refused(f"${opens} is not closed", line)

    def _advance_to(self, position: int) -> None:
        self._line += self._text.count("\n", self._at, position)
        self._at = position


def assignment_of(word: Word) -> Assignment | None:
    """The assignment that a word is, or None."""
    name = NAME.match(word.text)
    if name is None or word.text[name.end() : name.end() + 1] != "=":
        return None
    return Assignment(name[0], Word(word.text[name.end() + 1 :], word.line, word.dynamic))
