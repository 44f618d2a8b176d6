# SPDX-License-Identifier: GPL-2.0-or-later
"""rpcd's object `uci`: reading and changing; the changes of each session wait by themselves.

Two rights are needed for each call: the method on the ubus, checked by uhttpd, and the config in
the session's scope `uci`, checked here. A call without a session comes from the router itself and
may do everything. Source: rpcd uci.c; recorded calls in tests/vectors/openwrt/jsonrpc/uci.json.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from remsim_lab.ubus import blob, wire
from remsim_lab.ubus.blob import ARRAY, BOOL, INT32, STRING, TABLE, Field
from remsim_lab.uci.engine import Context
from remsim_lab.uci.model import ErrorCode, Option, Package, Pointer, Section, UciError
from remsim_lab.web import uci_values as values
from remsim_lab.web.applying import Applying, delta_directory
from remsim_lab.web.provider import Arguments, Method, StatusError
from remsim_lab.web.sessions import SID, Sessions

_STATUS = {ErrorCode.INVAL: wire.INVALID_ARGUMENT, ErrorCode.NOTFOUND: wire.NOT_FOUND}


def status_of(error: UciError) -> int:
    return _STATUS.get(error.code, wire.UNKNOWN_ERROR)


class UciObject:
    """`root` is the router's. `on_commit` is told the config that a commit wrote."""

    def __init__(
        self, root: Path, sessions: Sessions, applying: Applying, on_commit: Callable[[str], None]
    ) -> None:
        self._root = root
        self._sessions = sessions
        self._applying = applying
        self._on_commit = on_commit

    def methods(self) -> Sequence[Method]:
        get = {"config": STRING, "section": STRING, "option": STRING, "type": STRING}
        get |= {"match": TABLE, SID: STRING}
        add = {"config": STRING, "type": STRING, "name": STRING, "values": TABLE, SID: STRING}
        change = {"config": STRING, "section": STRING, "type": STRING, "match": TABLE}
        set_ = {**change, "values": TABLE, SID: STRING}
        delete = {**change, "option": STRING, "options": ARRAY, SID: STRING}
        rename = {"config": STRING, "section": STRING, "option": STRING, "name": STRING}
        config = {"config": STRING, SID: STRING}
        return (
            Method("configs", {}, self._configs),
            Method("get", get, self._get),
            Method("state", get, self._get),  # the lab has no /var/state
            Method("add", add, self._add),
            Method("set", set_, self._set),
            Method("delete", delete, self._delete),
            Method("rename", {**rename, SID: STRING}, self._rename),
            Method("order", {"config": STRING, "sections": ARRAY, SID: STRING}, self._order),
            Method("changes", config, self._changes),
            Method("revert", config, self._revert),
            Method("commit", config, self._commit),
            Method("apply", {"rollback": BOOL, "timeout": INT32, SID: STRING}, self._apply),
            Method("confirm", {SID: STRING}, self._confirm),
            Method("rollback", {SID: STRING}, self._rollback),
            Method("reload_config", {}, lambda _: ()),  # nothing here waits for it
        )

    # --- common ---

    def _context(self, given: Arguments) -> Context:
        sid = given.text(SID)
        context = Context()
        context.config_directory = bytes(self._root / "etc/config")
        context.override_directory = None
        context.delta_path = []
        saved = self._root / "tmp/.uci" if sid is None else delta_directory(self._root, sid)
        context.set_save_directory(bytes(saved))
        return context

    def _may(self, given: Arguments, config: bytes, permission: str) -> bool:
        sid = given.text(SID)
        name = config.decode(errors="replace")
        return sid is None or self._sessions.allows(sid.decode(), "uci", name, permission)

    def _config(self, given: Arguments, permission: str, *required: str) -> bytes:
        """The config a call names, when everything required was given and it may be touched."""
        config = given.text("config")
        if config is None or any(given.field(name) is None for name in required):
            raise StatusError(wire.INVALID_ARGUMENT)
        if not self._may(given, config, permission):
            raise StatusError(wire.PERMISSION_DENIED)
        return config

    def _loaded(self, given: Arguments, config: bytes) -> tuple[Context, Package]:
        context = self._context(given)
        try:
            return context, context.load(config)
        except UciError as error:
            raise StatusError(status_of(error)) from None

    # --- reading ---

    def _configs(self, given: Arguments) -> Sequence[bytes]:
        try:
            names = self._context(given).list_configs()
        except UciError as error:
            raise StatusError(status_of(error)) from None
        items = b"".join(blob.field_string(b"", name) for name in names)
        return [blob.field(ARRAY, b"configs", items)]

    def _get(self, given: Arguments) -> Sequence[bytes]:
        config = self._config(given, "read")
        context, package = self._loaded(given, config)
        section, option = given.text("section"), given.text("option")
        if section is None:
            sections = values.packed_package(package, given.text("type"), given.items("match"))
            return [blob.field(TABLE, b"values", b"".join(sections))]
        pointer = _pointer(config, section, option)
        try:
            context.find(pointer)
        except UciError as error:
            raise StatusError(status_of(error)) from None
        if not pointer.complete or pointer.found_section is None:
            return ()
        if pointer.found_option is not None:
            return [values.packed_option(pointer.found_option, b"value")]
        return [values.packed_section(pointer.found_section, b"values", None)]

    def _changes(self, given: Arguments) -> Sequence[bytes]:
        config = given.text("config")
        if config is None:
            return [blob.field(TABLE, b"changes", b"".join(self._all_changes(given)))]
        _, package = self._loaded(given, self._config(given, "read"))
        return [blob.field(ARRAY, b"changes", _packed_changes(package))]

    def _all_changes(self, given: Arguments) -> list[bytes]:
        parts = []
        for config in self._context(given).list_configs():
            if not self._may(given, config, "read"):
                continue
            try:
                package = self._context(given).load(config)
            except UciError:
                continue
            if package.saved_delta:
                parts.append(blob.field(ARRAY, config, _packed_changes(package)))
        return parts

    # --- changing ---

    def _add(self, given: Arguments) -> Sequence[bytes]:
        config = self._config(given, "write", "type")
        kind, name = given.text("type") or b"", given.text("name")
        if not values.is_type(kind) or (name is not None and not values.is_name(name)):
            raise StatusError(wire.INVALID_ARGUMENT)
        context, package = self._loaded(given, config)
        try:
            section = _added(context, package, kind, name)
        except UciError as error:
            raise StatusError(status_of(error)) from None
        trouble = 0
        for item in given.items("values") or ():
            trouble = trouble or _append(context, package, section, item)
        if trouble:
            raise StatusError(trouble)
        context.save(package)
        return [blob.field_string(b"section", section.name)]

    def _set(self, given: Arguments) -> Sequence[bytes]:
        config = self._config(given, "write", "values")
        wanted = given.items("values") or ()
        context, package, sections = self._chosen(given, config)
        trouble = 0
        for section in sections:
            for item in wanted:
                trouble = _put(context, package, section, item) or trouble
        if trouble or not sections or not wanted:
            raise StatusError(trouble or wire.NOT_FOUND)
        context.save(package)
        return ()

    def _delete(self, given: Arguments) -> Sequence[bytes]:
        config = self._config(given, "write")
        names = _names_to_delete(given)
        context, package, sections = self._chosen(given, config)
        trouble = 0 if sections or given.text("section") is None else wire.NOT_FOUND
        for section in sections:
            trouble = _take(context, package, section, names)
        if trouble or not sections:
            raise StatusError(trouble or wire.NOT_FOUND)
        context.save(package)
        return ()

    def _chosen(self, given: Arguments, config: bytes) -> tuple[Context, Package, list[Section]]:
        """What `section`, or `type` and `match`, name."""
        name, kind, wanted = given.text("section"), given.text("type"), given.items("match")
        if name is None and kind is None and wanted is None:
            raise StatusError(wire.INVALID_ARGUMENT)
        if name is not None and not values.is_section(name):
            raise StatusError(wire.INVALID_ARGUMENT)
        context, package = self._loaded(given, config)
        if name is None:
            chosen = [each for each in package.sections if values.matches(each, kind, wanted)]
            return context, package, chosen
        pointer = _pointer(config, name, None)
        context.find(pointer)
        found = pointer.found_section
        return context, package, [] if found is None else [found]

    def _rename(self, given: Arguments) -> Sequence[bytes]:
        config = self._config(given, "write", "section", "name")
        name = given.text("name") or b""
        if not values.is_name(name):
            raise StatusError(wire.INVALID_ARGUMENT)
        context, package = self._loaded(given, config)
        pointer = Pointer(config, given.text("section"), given.text("option"), name)
        try:
            context.find(pointer)
            context.rename(pointer)
            context.save(package)
        except UciError as error:
            raise StatusError(status_of(error)) from None
        return ()

    def _order(self, given: Arguments) -> Sequence[bytes]:
        config = self._config(given, "write", "sections")
        context, package = self._loaded(given, config)
        trouble, place = 0, 0
        for item in given.items("sections") or ():
            pointer = Pointer(config, item.text() if item.kind == STRING else None)
            context.find(pointer)
            if pointer.found_section is None:
                trouble = trouble or _no_section(item)
                continue
            context.reorder(pointer, place)
            place += 1
        if trouble:
            raise StatusError(trouble)
        context.save(package)
        return ()

    # --- to the file ---

    def _revert(self, given: Arguments) -> Sequence[bytes]:
        self._applying.refuse_while_pending()
        config = self._config(given, "write")
        context, package = self._loaded(given, config)
        pointer = Pointer(config)
        pointer.found_package = package
        context.revert(pointer)
        return ()

    def _commit(self, given: Arguments) -> Sequence[bytes]:
        self._applying.refuse_while_pending()
        config = self._config(given, "write")
        context, package = self._loaded(given, config)
        context.commit(package)
        self._on_commit(config.decode())
        return ()

    def _apply(self, given: Arguments) -> Sequence[bytes]:
        timeout_s = given.number("timeout")
        self._applying.apply(_sid(given), given.flag("rollback"), timeout_s)
        return ()

    def _confirm(self, given: Arguments) -> Sequence[bytes]:
        self._applying.confirm(_sid(given))
        return ()

    def _rollback(self, given: Arguments) -> Sequence[bytes]:
        self._applying.roll_back(_sid(given))
        return ()


def _sid(given: Arguments) -> str:
    sid = given.text(SID)
    if sid is None:
        raise StatusError(wire.INVALID_ARGUMENT)
    return sid.decode(errors="replace")


def _no_section(item: Field) -> int:
    return wire.NOT_FOUND if item.kind == STRING else wire.INVALID_ARGUMENT


def _pointer(config: bytes, section: bytes, option: bytes | None) -> Pointer:
    pointer = Pointer(config, section, option)
    pointer.extended = section.startswith(b"@")
    return pointer


def _packed_changes(package: Package) -> bytes:
    return b"".join(values.packed_change(change) for change in package.saved_delta)


def _names_to_delete(given: Arguments) -> list[bytes] | None:
    """None for the whole section."""
    several = given.items("options")
    if several is not None:
        return [item.text() for item in several if item.kind == STRING]
    one = given.text("option")
    return None if one is None else [one]


def _added(context: Context, package: Package, kind: bytes, name: bytes | None) -> Section:
    if name is None:
        return context.add_section(package, kind)
    pointer = Pointer(package.name, name, None, kind)
    context.find(pointer)
    context.set(pointer)
    found = pointer.found_section
    if found is None:
        raise UciError(ErrorCode.INVAL)
    return found


def _at(package: Package, section: Section, name: bytes, value: bytes | None) -> Pointer:
    """A pointer that is looked up already."""
    pointer = Pointer(package.name, section.name, name, value)
    pointer.found_package, pointer.found_section = package, section
    pointer.found_option = section.option(name)
    pointer.done = True
    pointer.complete = pointer.found_option is not None
    return pointer


def _append(context: Context, package: Package, section: Section, item: Field) -> int:
    """A value of a new section; a status."""
    if not values.is_name(item.name):
        return wire.INVALID_ARGUMENT
    if item.kind != ARRAY:
        value = values.text_of(item)
        if value is None:
            return wire.INVALID_ARGUMENT
        context.set(_at(package, section, item.name, value))
        return wire.OK
    texts = values.texts_of(item)
    for value in texts:
        context.add_list(_at(package, section, item.name, value))
    whole = len(list(blob.fields(item.buffer, item.start, item.end))) == len(texts)
    return wire.OK if whole else wire.INVALID_ARGUMENT


def _put(context: Context, package: Package, section: Section, item: Field) -> int:
    """A value of a section that is there; a status."""
    if not values.is_name(item.name):
        return wire.INVALID_ARGUMENT
    held = section.option(item.name)
    if item.kind == ARRAY:
        return _put_list(context, package, section, item)
    value = values.text_of(item)
    if value is None:
        return wire.INVALID_ARGUMENT
    if held is not None and isinstance(held.value, list):
        context.delete(_at(package, section, item.name, None))
    elif _is_same(held, value):
        return wire.OK
    context.set(_at(package, section, item.name, value))
    return wire.OK


def _put_list(context: Context, package: Package, section: Section, item: Field) -> int:
    if section.option(item.name) is not None:
        context.delete(_at(package, section, item.name, None))
    texts = values.texts_of(item)
    for value in texts:
        context.add_list(_at(package, section, item.name, value))
    return wire.OK if texts else wire.INVALID_ARGUMENT


def _is_same(held: Option | None, value: bytes) -> bool:
    return held is not None and held.value == value


def _take(context: Context, package: Package, section: Section, names: list[bytes] | None) -> int:
    """The whole section, or options of it; a status."""
    if names is None:
        pointer = Pointer(package.name, section.name)
        pointer.found_package, pointer.found_section = package, section
        pointer.done = pointer.complete = True
        context.delete(pointer)
        return wire.OK
    taken = 0
    for name in names:
        if section.option(name) is not None:
            context.delete(_at(package, section, name, None))
            taken += 1
    return wire.OK if taken else wire.NOT_FOUND
