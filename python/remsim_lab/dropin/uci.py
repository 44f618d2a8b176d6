# SPDX-License-Identifier: GPL-2.0-or-later
"""`import uci` for machines without pyuci: the API, checks and habits of pyuci 0.10.3.

Kept on purpose, because programs meet it on a router: an object caches what it read for ever;
commit() says nothing when it wrote nothing; leaving a `with` commits even after an exception; most
error texts are empty. Where pyuci crashes or spoils the caller's strings, this module raises a
RuntimeError that says so.

Source: pyuci 0.10.3, measured; the contract tests hold both.
"""

from __future__ import annotations

from typing import Any

from remsim_lab.uci.engine import Context
from remsim_lab.uci.model import ErrorCode, Option, Package, Pointer, Section, UciError


class UciException(Exception):
    """Any refusal."""


class UciExceptionNotFound(UciException):
    """Config, section or option missing, or arguments of a wrong kind."""


class UciExceptionInvalidInput(UciException):
    """A file that does not parse, or a name that cannot be one."""


for _each in (UciException, UciExceptionNotFound, UciExceptionInvalidInput):
    _each.__module__ = "uci"

_LOOKUP_ERRORS = {
    ErrorCode.INVAL: UciExceptionInvalidInput,
    ErrorCode.PARSE: UciExceptionInvalidInput,
    ErrorCode.NOTFOUND: UciExceptionNotFound,
}


def _text(data: bytes) -> str:
    return data.decode()


def _argument(value: object, position: int) -> bytes:
    """A C string from a Python argument, as PyArg_ParseTuple makes one."""
    if not isinstance(value, str):
        name = "None" if value is None else type(value).__name__
        raise TypeError(f"argument {position} must be str, not {name}")
    if "\0" in value:
        raise ValueError("embedded null character")
    return value.encode()


def _arguments(values: tuple[object, ...]) -> list[bytes]:
    return [_argument(value, number) for number, value in enumerate(values, 1)]


def _item(value: object) -> bytes:
    """A C string from a value, as PyUnicode_AsUTF8 makes one: cut at NUL."""
    if not isinstance(value, str):
        raise TypeError("bad argument type for built-in operation")
    return value.encode().split(b"\0", 1)[0]


def _option(option: Option) -> str | tuple[str, ...]:
    if isinstance(option.value, bytes):
        return _text(option.value)
    try:
        return tuple([_text(item) for item in option.value])
    except UnicodeDecodeError as error:
        raise SystemError(
            "<method 'get' of 'uci.Uci' objects> returned a result with an exception set"
        ) from error


def _section(section: Section) -> dict[str, str | tuple[str, ...]]:
    return {_text(option.name): _option(option) for option in section.options}


def _package(package: Package) -> dict[str, dict[str, str | tuple[str, ...]]]:
    return {_text(section.name): _section(section) for section in package.sections}


def _directories(
    arguments: tuple[str, ...], named: dict[str, str]
) -> tuple[bytes | None, bytes | None]:
    """(savedir, confdir) from the constructor's arguments, refused in pyuci's own way."""
    given = dict(zip(("savedir", "confdir"), arguments, strict=False)) | named
    try:
        if len(arguments) + len(named) > len(given) or given.keys() - {"savedir", "confdir"}:
            raise TypeError("function takes at most 2 arguments, savedir and confdir")
        words = {name: _argument(value, 1) for name, value in given.items()}
    except (TypeError, ValueError) as error:
        raise SystemError("<class 'uci.Uci'> returned a result with an exception set") from error
    return words.get("savedir"), words.get("confdir")


def _names(values: tuple[object, ...]) -> list[bytes]:
    """One to three names; none for arguments of a wrong kind or number."""
    try:
        return _arguments(values) if len(values) <= 3 else []
    except (TypeError, ValueError):
        return []


class Uci:
    """Top level entry point to uci. `savedir` holds uncommitted changes, `confdir` the files."""

    __slots__ = ("_context", "_tainted")

    def __init__(self, *arguments: str, **named: str) -> None:
        self._context: Context | None = Context()
        self._tainted = False
        savedir, confdir = _directories(arguments, named)
        if savedir is not None:
            self._context.set_save_directory(savedir)
        if confdir is not None:
            self._context.config_directory = confdir

    def __enter__(self) -> Uci:
        if self._context is None:
            raise UciException("Entering with non-initialized object is invalid")
        return self

    def __exit__(self, *_: object) -> None:
        context = self._context
        self._context = None
        if context is not None and self._tainted:
            for package in list(context.root):
                self._quietly(context.commit, package)

    @staticmethod
    def _quietly(action: Any, *arguments: Any) -> None:
        """pyuci ignores what libuci answers here."""
        try:
            action(*arguments)
        except UciError:
            return

    def _error(self, error: UciError) -> UciException:
        context = self._context or Context()
        return UciException(context.error_text(error.code))

    def _open(self) -> Context:
        if self._context is None:
            raise UciError(ErrorCode.INVAL)
        return self._context

    # --- reading ---

    def _find(self, values: tuple[object, ...]) -> Pointer:
        """What the arguments of get and its like name."""
        words = _names(values)
        if not words:
            raise UciExceptionNotFound
        try:
            context = self._open()
            if len(words) > 1:
                pointer = Pointer(*words)
                context.find(pointer)
            else:
                pointer = context.lookup(words[0])
        except UciError as error:
            raise _LOOKUP_ERRORS.get(error.code, UciException) from None
        if len(words) == 1 and (b"." in words[0] or b"=" in words[0]):
            raise RuntimeError(
                "a dotted name in one argument: pyuci cuts the caller's string into pieces in "
                "place, so that the same constant is another name the next time. Give config, "
                "section and option as arguments of their own."
            )
        return pointer

    def _get(self, values: tuple[object, ...], whole_section: bool) -> Any:
        pointer = self._find(values)
        if not pointer.complete or pointer.found_package is None:
            raise UciExceptionNotFound
        if pointer.found_option is not None:
            return _option(pointer.found_option)
        if pointer.found_section is not None:
            if whole_section:
                return _section(pointer.found_section)
            return _text(pointer.found_section.type)
        return _package(pointer.found_package)

    def get(self, *arguments: str) -> Any:
        """config -> dict of dicts; config, section -> type; config, section, option -> value."""
        return self._get(arguments, False)

    def get_all(self, *arguments: str) -> Any:
        """As get(), with the options of a section in place of its type."""
        return self._get(arguments, True)

    def list_configs(self) -> list[str]:
        """Names of the config files."""
        try:
            return [_text(name) for name in self._open().list_configs()]
        except UciError as error:
            raise self._error(error) from None

    # --- changing ---

    def _pointer(self, words: list[bytes]) -> Pointer:
        pointer = Pointer(*words)
        try:
            self._open().find(pointer)
        except UciError:
            pointer.done = True  # set() goes on, and fails with another error
        return pointer

    def set(self, *arguments: Any) -> None:
        """config, section, type - or config, section, option, value (str, list or tuple of str)."""
        if len(arguments) not in (3, 4):
            raise UciException("Invalid number of arguments passed to Uci.set()")
        pointer = self._pointer(_arguments(arguments[:-1]))
        value = arguments[-1]
        if isinstance(value, (list, tuple)):
            self._set_list(pointer, value)
        elif isinstance(value, str):
            pointer.value = _item(value)
            self._do(lambda context: context.set(pointer))
        else:
            raise UciException("Unsupported value passed to uci.set()")
        self._tainted = True

    def _do(self, action: Any) -> None:
        try:
            action(self._open())
        except UciError as error:
            raise self._error(error) from None

    def _set_list(self, pointer: Pointer, values: list[Any] | tuple[Any, ...]) -> None:
        self._quietly(lambda: self._open().delete(pointer))
        for value in values:
            pointer.value = _item(value)
            self._do(lambda context: context.add_list(pointer))

    def delete(self, *arguments: str) -> None:
        """A section or option; says nothing about one that is not there."""
        if not _names(arguments):
            raise RuntimeError("pyuci crashes here: delete() takes one to three strings.")
        pointer = self._find(arguments)
        self._quietly(lambda: self._open().delete(pointer))
        self._tainted = True

    def add(self, config: str, section_type: str) -> str:
        """A new anonymous section, saved at once; its name."""
        name, kind = _arguments((config, section_type))
        try:
            context = self._open()
            package = context.load(name)
            section = context.add_section(package, kind)
            context.save(package)
        except UciError as error:
            raise self._error(error) from None
        context.unload(package)
        self._tainted = True
        return _text(section.name)

    def rename(self, *arguments: str) -> None:
        """config, section, new name - or config, section, option, new name."""
        if len(arguments) not in (3, 4):
            raise UciException("Invalid number of arguments passed to Uci.rename()")
        words = _arguments(arguments)
        pointer = Pointer(*words[:-1])
        pointer.value = words[-1]
        self._do(lambda context: context.find(pointer))
        if pointer.found_section is None and pointer.option is not None:
            raise UciException("Internal uci error")
        self._do(lambda context: context.rename(pointer))
        self._tainted = True

    def reorder(self, config: str, section: str, position: int) -> None:
        """Never works."""
        words = _arguments((config, section))
        if not isinstance(position, int):
            name = type(position).__name__
            raise TypeError(f"{name!r} object cannot be interpreted as an integer")
        self._do(lambda context: context.find(Pointer(*words)))
        raise UciException("Internal uci error")

    # --- saving ---

    def _each(self, arguments: tuple[str, ...], name: str, action: Any) -> None:
        """Act on the named package; for arguments of a wrong kind on the first that is loaded."""
        if _names(arguments):
            pointer = self._find(arguments)
            self._tainted = False
            self._quietly(action, pointer)
            return
        for package in self._open().root[:1]:
            pointer = Pointer(package.name)
            pointer.found_package = package
            self._quietly(action, pointer)
        self._tainted = False
        raise SystemError(
            f"<method {name!r} of 'uci.Uci' objects> returned a result with an exception set"
        )

    def save(self, *arguments: str) -> None:
        """Write the changes to the save directory, for other programs to see."""
        self._each(arguments, "save", lambda pointer: self._open().save(_found(pointer)))

    def commit(self, *arguments: str) -> None:
        """Write the changes to the config file; says nothing when that failed."""
        self._each(arguments, "commit", lambda pointer: self._open().commit(_found(pointer)))

    def revert(self, *arguments: str) -> None:
        """Drop uncommitted changes, those in the save directory too."""
        self._each(arguments, "revert", lambda pointer: self._open().revert(pointer))

    # --- what pyuci only names ---

    def load(self, *_: object) -> None:
        """Not implemented in pyuci."""
        raise NotImplementedError

    def unload(self, *_: object) -> None:
        """Not implemented in pyuci."""
        raise NotImplementedError

    def changes(self, *_: object) -> None:
        """Not implemented in pyuci."""
        raise NotImplementedError

    # --- directories ---

    def _directories(self) -> Context:
        if self._context is None:
            raise RuntimeError("pyuci crashes here: the object was closed by `with`.")
        return self._context

    def confdir(self) -> str:
        """Directory of the config files."""
        return _text(self._directories().config_directory)

    def savedir(self) -> str:
        """Directory of uncommitted changes."""
        return _text(self._directories().save_directory)

    def set_confdir(self, directory: str) -> None:
        """Never works."""
        raise SystemError(
            "<method 'set_confdir' of 'uci.Uci' objects> returned NULL without setting an exception"
        )

    def set_savedir(self, directory: str) -> None:
        """Never works."""
        raise SystemError(
            "<method 'set_savedir' of 'uci.Uci' objects> returned NULL without setting an exception"
        )


def _found(pointer: Pointer) -> Package:
    if pointer.found_package is None:
        raise UciError(ErrorCode.NOTFOUND)
    return pointer.found_package
