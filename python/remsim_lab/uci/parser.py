# SPDX-License-Identifier: GPL-2.0-or-later
"""Words of UCI text: quoting, comments, continued lines, `;`. Used for files, deltas and batches.

One growing buffer is rewritten in place, as in libuci, so that the byte numbers of its error
messages and its treatment of NUL bytes come out the same.

Never does I/O: it is given all bytes at once. Source: libuci file.c.
"""

from __future__ import annotations

from remsim_lab.uci.model import ErrorCode, UciError

LINE_BYTES = 32  # file.c LINEBUF: first size of the buffer, doubled as needed

_BLANKS = b" \t\n\v\f\r"
_NEWLINE, _RETURN, _BACKSLASH = 10, 13, 92
_DOUBLE, _SINGLE, _HASH, _SEMICOLON = 34, 39, 35, 59


class Source:
    """A text read line by line. `at_end` is C's feof(): more was asked for than there was."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._read = 0
        self.at_end = False

    def fgets(self, size: int) -> bytes:
        """At most size - 1 bytes, up to the end of the line."""
        limit = self._read + size - 1
        end = self._data.find(b"\n", self._read, limit) + 1 or limit
        chunk = self._data[self._read : end]
        if len(chunk) < size - 1 and not chunk.endswith(b"\n"):
            self.at_end = True
        self._read += len(chunk)
        return chunk


class Parser:
    """Position in a text. `line` counts from 1; `reason` and `byte` describe the last error."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._buffer = bytearray(LINE_BYTES)
        self._size = LINE_BYTES
        self._filled = 0
        self.position = 0
        self.line = 0
        self.reason: str | None = None
        self.byte = 0

    @property
    def at_end(self) -> bool:
        """The last line has been read."""
        return self.source.at_end

    # --- lines ---

    def next_line(self) -> bool:
        """Start on the next line. False when it is empty text."""
        self.position = 0
        self._get_line(0)
        return self._buffer[0] != 0

    def _get_line(self, offset: int) -> None:
        if offset >= self._size - 1:
            self._grow()
        at = offset
        while True:
            self._buffer[at] = 0
            chunk = self.source.fgets(self._size - at)
            if not chunk:
                return
            self._buffer[at : at + len(chunk) + 1] = chunk + b"\0"
            visible = chunk.find(b"\0")
            if visible == 0:
                return
            at += len(chunk) if visible < 0 else visible
            self._filled = at
            if self._buffer[at - 1] == _NEWLINE:
                self.line += 1
                return
            self._grow()

    def _grow(self) -> None:
        self._buffer.extend(bytes(self._size))
        self._size *= 2

    # --- characters ---

    def _text(self, at: int) -> bytes:
        return bytes(self._buffer[at : self._buffer.index(0, at)])

    def rest(self) -> bytes:
        """What is left of the line."""
        return self._text(self.position)

    def fail(self, reason: str) -> UciError:
        """The parse error to raise here."""
        self.reason = reason
        self.byte = self.position
        return UciError(ErrorCode.PARSE)

    def skip_blanks(self) -> None:
        while self._buffer[self.position] in _BLANKS:
            self.position += 1

    def next_token(self) -> bytes | None:
        """strtok(" \\t"): the next command word, which is cut off in the buffer."""
        at = self.position
        while self._buffer[at] in b" \t":
            at += 1
        end = at
        while self._buffer[end] not in b" \t\0":
            end += 1
        if end == at:
            return None
        self._buffer[end] = 0
        return bytes(self._buffer[at:end])

    def skip_word(self) -> bool:
        """Go behind the word cut off by next_token. False at the end of the text."""
        step = len(self.rest()) + 1
        if self.position + step > self._filled:
            return False
        self.position += step
        return True

    # --- words ---

    def _copy(self, target: int) -> int:
        self._buffer[target] = self._buffer[self.position]
        self.position += 1
        return target + 1

    def _backslash(self) -> bool:
        """Skip it. False when it joined this line with the next one."""
        self.position += 1
        at = self.position
        byte = self._buffer[at]
        line_end = byte == _RETURN and bytes(self._buffer[at + 1 : at + 3]) == b"\n\0"
        if byte in (0, _NEWLINE) or line_end:
            self._get_line(at)
            return False
        return True

    def _more(self, quote: str) -> None:
        self._get_line(self.position)
        if not self._buffer[self.position]:
            raise self.fail(f"EOF with unterminated {quote}")

    def _double_quoted(self, target: int) -> int:
        self.position += 1
        while True:
            byte = self._buffer[self.position]
            if byte == _DOUBLE:
                self.position += 1
                return target
            if byte == 0:
                self._more('"')
            elif byte != _BACKSLASH or self._backslash():
                target = self._copy(target)

    def _single_quoted(self, target: int) -> int:
        self.position += 1
        while True:
            byte = self._buffer[self.position]
            if byte == _SINGLE:
                self.position += 1
                return target
            if byte == 0:
                self._more("'")
            else:
                target = self._copy(target)

    def _word(self) -> None:
        """Unquote one word in place, from the position on."""
        target = self.position
        step_over = True
        while True:
            byte = self._buffer[self.position]
            if byte == _SINGLE:
                target = self._single_quoted(target)
            elif byte == _DOUBLE:
                target = self._double_quoted(target)
            elif byte in (_HASH, 0):
                self._buffer[self.position] = 0
                break
            elif byte == _SEMICOLON:
                step_over = False
                break
            elif byte != _BACKSLASH or self._backslash():
                target = self._copy(target)
            if self._buffer[self.position] in b"\0 \t\n\v\f\r":
                break
        if self._buffer[self.position] and step_over:
            self.position += 1
        self._buffer[target] = 0

    def next_argument(self) -> bytes:
        """The next word; empty at the end of the line or command."""
        self.skip_blanks()
        start = self.position
        if self._buffer[start] == _SEMICOLON:
            self._buffer[start] = 0
            self.position += 1
        else:
            self._word()
        return self._text(start)

    def required_argument(self) -> bytes:
        word = self.next_argument()
        if not word:
            raise self.fail("insufficient arguments")
        return word
