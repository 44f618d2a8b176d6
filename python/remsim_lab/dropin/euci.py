# SPDX-License-Identifier: GPL-2.0-or-later
"""`import euci` for machines without pyuci: typed values on top of `uci`, as in pyuci 0.10.3.

Kept on purpose: get() without `list=True` gives the first item of a list only; set() makes 'None'
of None and numbers of bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from uci import Uci, UciExceptionNotFound

TRUE, FALSE = "1", "0"
_FALSE_WORDS = ("0", "no", "off", "false", "disabled")
_TRUE_WORDS = ("1", "yes", "on", "true", "enabled")
VALUES = dict.fromkeys(_FALSE_WORDS, False) | dict.fromkeys(_TRUE_WORDS, True)


class NoDefaltType:
    """Type of NoDefault (spelt like this in pyuci)."""

    def __str__(self) -> str:
        return "NoDefault"


NoDefault = NoDefaltType()


def _is_many(value: object) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, str)


def _stored(value: object, kind: type) -> str:
    if kind is bool:
        return TRUE if value else FALSE
    return str(value)


class EUci(Uci):  # type: ignore[misc]
    """Uci with conversions."""

    def get(
        self,
        *args: str,
        dtype: Callable[[str], Any] = str,
        convert: Callable[[Any], Any] | None = None,
        list: bool = False,
        default: Any = NoDefault,
    ) -> Any:
        """As Uci.get(); options are converted, `list` asks for all items as a tuple."""
        try:
            found = super().get(*args)
        except UciExceptionNotFound:
            if default is NoDefault:
                raise
            return default
        if len(args) < 2:
            return found
        items = found if _is_many(found) else (found,)
        converted = tuple([self._converted(str(each), dtype, convert, default) for each in items])
        return converted if list else converted[0]

    @staticmethod
    def _converted(
        value: str, dtype: Callable[[str], Any], convert: Callable[[Any], Any] | None, default: Any
    ) -> Any:
        try:
            result = VALUES[value.lower()] if dtype is bool else dtype(value)
        except Exception as error:
            if default is NoDefault:
                raise UciExceptionNotFound from error
            return default
        return result if convert is None else convert(result)

    def set(self, *args: Any) -> None:
        """As Uci.set(), with any value made a string; the first of several decides the type."""
        *names, value = args
        if _is_many(value):
            kind = type(value[0]) if value else str
            super().set(*names, tuple([_stored(each, kind) for each in value]))
        else:
            super().set(*names, _stored(value, type(value)))

    def add(self, config: str, section_type: str, section_name: str | None = None) -> str:
        """A new section, anonymous without a name; its name."""
        if section_name:
            self.set(config, section_name, section_type)
            return section_name
        added: str = super().add(config, section_type)
        return added
