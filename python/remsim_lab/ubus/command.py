# SPDX-License-Identifier: GPL-2.0-or-later
"""The `ubus` command: arguments, output, messages and exit codes of the real one.

Source: ubus cli.c. Options are taken before the command only, as musl's getopt does on a router.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable
from types import FrameType

from remsim_lab import posix_options
from remsim_lab.ubus import blob, message, wire
from remsim_lab.ubus.client import Connection, OwnObject
from remsim_lab.ubus.wire import Frame

OPTIONS = "m:M:vs:t:S"
CALL_TIMEOUT_S = 30
SHOW_USAGE = -2
MONITOR_TIMEOUT_MS = 1000

_USAGE = """\
Usage: {name} [<options>] <command> [arguments...]
Options:
 -s <socket>:		Set the unix domain socket to connect to
 -t <timeout>:		Set the timeout (in seconds) for a command to complete
 -S:			Use simplified output (for scripts)
 -v:			More verbose output
 -m <type>:		(for monitor): include a specific message type
			(can be used more than once)
 -M <r|t>		(for monitor): only capture received or transmitted traffic

Commands:
 - list [<path>]			List objects
 - call <path> <method> [<message>]	Call an object method
 - subscribe <path> [<path>...]	Subscribe to object(s) notifications
 - listen [<path>...]			Listen for events
 - send <type> [<message>]		Send an event
 - wait_for <object> [<object>...]	Wait for multiple objects to appear on ubus
 - monitor				Monitor ubus traffic

"""

_TYPE_NAMES = {
    blob.INT8: b'"Boolean"',
    blob.INT32: b'"Integer"',
    blob.STRING: b'"String"',
    blob.ARRAY: b'"Array"',
    blob.TABLE: b'"Table"',
}

# How `monitor` shows an attribute: its name and blobmsg type (cli.c ubus_cli_get_monitor_data).
_SHOWN_ATTRIBUTES = (
    (wire.A_STATUS, b"status", blob.INT32),
    (wire.A_OBJPATH, b"objpath", blob.STRING),
    (wire.A_OBJID, b"objid", blob.INT32),
    (wire.A_METHOD, b"method", blob.STRING),
    (wire.A_OBJTYPE, b"objtype", blob.INT32),
    (wire.A_SIGNATURE, b"signature", blob.TABLE),
    (wire.A_DATA, b"data", blob.TABLE),
    (wire.A_ACTIVE, b"active", blob.INT8),
    (wire.A_NO_REPLY, b"no_reply", blob.INT8),
    (wire.A_USER, b"user", blob.STRING),
    (wire.A_GROUP, b"group", blob.STRING),
)


class _Stopped(Exception):
    """SIGTERM or SIGINT while waiting."""


class Settings:
    """What the options chose. `limit_s` is None without -t."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.socket_path = wire.DEFAULT_SOCKET
        self.limit_s: int | None = None
        self.simple = False
        self.verbose = False
        self.monitored: set[int] = set()
        self.direction: int | None = None


def _print(text: bytes) -> None:
    sys.stdout.buffer.write(text + b"\n")


class Command:
    """One run over an open connection. The methods give the real one's return values."""

    def __init__(self, connection: Connection, settings: Settings) -> None:
        self._bus = connection
        self._settings = settings

    def show_objects(self, words: list[str]) -> int:
        """Print the paths of objects, with -v their methods too."""
        if len(words) > 1:
            return SHOW_USAGE
        return self._bus.lookup(words[0].encode() if words else None, self._show_object)

    def _show_object(self, given: list[bytes | None]) -> None:
        path, ident = given[wire.A_OBJPATH], given[wire.A_OBJID]
        if path is None or ident is None or given[wire.A_OBJTYPE] is None:
            return
        if self._settings.simple or not self._settings.verbose:
            _print(wire.text(path))
            return
        _print(b"'%s' @%08x" % (wire.text(path), wire.number(ident)))
        signature = given[wire.A_SIGNATURE] or b""
        for word, at, length in blob.walk(signature, 0, len(signature)):
            item = blob.checked_field(signature, word, at, length)
            _print(b"\t" + (message.format_field(item, _type_name) if item is not None else b""))

    def call(self, words: list[str]) -> int:
        """Call a method and print each reply."""
        if not 2 <= len(words) <= 3:
            return SHOW_USAGE
        data = _packed(words[2]) if len(words) == 3 else b""
        if data is None:
            return self._failed("call", words, wire.PARSE_ERROR)
        status, ident = self._bus.lookup_id(words[0].encode())
        if status:
            return status
        limit_s = CALL_TIMEOUT_S if self._settings.limit_s is None else self._settings.limit_s
        method = words[1].encode()
        status = self._bus.invoke(ident, method, data, self._show_reply, limit_s * 1000)
        return self._failed("call", words, status) if status else wire.OK

    def _show_reply(self, data: bytes) -> None:
        _print(message.format_json(data, indent=not self._settings.simple))

    def _failed(self, command: str, words: list[str], status: int) -> int:
        if self._settings.simple or sys.stderr.isatty():
            return status
        said = "".join([word + " " for word in words])
        text = f"Command failed: ubus {command} {said}({wire.status_text(status)})\n"
        sys.stderr.buffer.write(text.encode(errors="surrogateescape"))
        return -status

    def send(self, words: list[str]) -> int:
        """Send an event."""
        if not 1 <= len(words) <= 2:
            return SHOW_USAGE
        data = _packed(words[1]) if len(words) == 2 else b""
        if data is None:
            return wire.PARSE_ERROR
        return self._bus.send_event(words[0].encode(), data)

    # --- waiting ---

    def _serve(self, limit_s: int | None, finished: Callable[[], bool] = lambda: False) -> None:
        """Handle messages until a signal comes, the time is over or `finished` says so."""
        deadline = time.monotonic() + limit_s if limit_s else None
        try:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, _stop)
            while not finished() and (deadline is None or time.monotonic() < deadline):
                self._bus.read(deadline)
        except _Stopped:
            return

    def _show_event(self, _frame: Frame, name: bytes, data: bytes) -> int:
        _print(b'{ "%s": %s }' % (name, message.format_json(data)))
        sys.stdout.flush()
        return wire.OK

    def listen(self, words: list[str]) -> int:
        """Print events as they come."""
        own = OwnObject(self._show_event)
        for pattern in words or ["*"]:
            status = self._bus.register(own, pattern.encode())
            if status:
                return self._not_registered(pattern, status)
        self._serve(self._settings.limit_s)
        return wire.OK

    def _not_registered(self, name: str, status: int) -> int:
        if not self._settings.simple:
            text = wire.status_text(status)
            sys.stderr.write(f"Error while registering for event '{name}': {text}\n")
        return -1

    def subscribe(self, words: list[str]) -> int:
        """Print notifications of objects as they come."""
        if not words:
            if not self._settings.simple:
                sys.stderr.write("You need to specify an object to subscribe to\n")
            return -1
        own = OwnObject(self._show_event)
        status = self._bus.add_object(own)
        for path in words:
            if not status:
                status, target = self._bus.lookup_id(path.encode())
            if not status:
                status = self._bus.subscribe(own, target)
        if status:
            return self._not_registered(words[0], status)
        self._serve(self._settings.limit_s)
        return wire.OK

    def wait_for(self, words: list[str]) -> int:
        """Return when all the objects are there."""
        if not words:
            return SHOW_USAGE
        missing = {word.encode() for word in words}

        def on_event(_frame: Frame, name: bytes, data: bytes) -> int:
            if name == b"ubus.object.add":
                missing.difference_update(_paths_in(data))
            return wire.OK

        def on_object(given: list[bytes | None]) -> None:
            missing.discard(wire.text(given[wire.A_OBJPATH] or b""))

        own = OwnObject(on_event)
        status = self._bus.register(own, b"ubus.object.add") or self._bus.lookup(None, on_object)
        if status:
            return status
        limit_s = CALL_TIMEOUT_S if self._settings.limit_s is None else self._settings.limit_s
        self._serve(limit_s, lambda: not missing)
        return wire.TIMEOUT if missing else wire.OK

    # --- monitor ---

    def monitor(self, _words: list[str]) -> int:
        """Print the traffic of all peers."""
        self._bus.on_monitor = self._show_message
        ident = wire.SYSTEM_OBJECT_MONITOR
        status = self._bus.invoke(ident, b"add", b"", None, MONITOR_TIMEOUT_MS)
        if status:
            return status
        self._serve(None)
        self._bus.invoke(ident, b"remove", b"", None, MONITOR_TIMEOUT_MS)
        return wire.OK

    def _show_message(self, frame: Frame) -> None:
        seen = wire.raw_attributes(frame.body, wire.M_DATA + 1)
        client, peer, sent = seen[wire.M_CLIENT], seen[wire.M_PEER], seen[wire.M_SEND]
        kind_data, data = seen[wire.M_TYPE], seen[wire.M_DATA]
        if client is None or peer is None or sent is None or kind_data is None or data is None:
            _print(b"Invalid monitor msg")
            return
        kind, outward = wire.number(kind_data), bool(sent[:1] != b"\0")
        if self._settings.monitored and kind < 32 and kind not in self._settings.monitored:
            return
        if self._settings.direction not in (None, int(outward)):
            return
        name = wire.TYPE_NAMES[kind] if kind < len(wire.TYPE_NAMES) else str(kind)
        arrow = b"->" if outward else b"<-"
        shown = (arrow, wire.number(client), wire.number(peer), name.encode(), _shown(data))
        _print(b"%s %08x #%08x %14s: %s" % shown)
        sys.stdout.flush()


def _shown(data: bytes) -> bytes:
    given = wire.attributes(blob.root(data))
    fields = []
    for ident, name, kind in _SHOWN_ATTRIBUTES:
        value = given[ident]
        if value is not None:
            fields.append(blob.field(kind, name, value))
    return message.format_json(b"".join(fields))


def _type_name(item: blob.Field) -> bytes | None:
    if item.kind != blob.INT32:
        return None
    return _TYPE_NAMES.get(item.u32(), b'"(unknown)"')


def _paths_in(data: bytes) -> set[bytes]:
    return {
        item.text()
        for item in blob.fields(data, 0, len(data))
        if item.name == b"path" and item.kind == blob.STRING
    }


def _packed(text: str) -> bytes | None:
    """A command line's JSON as blobmsg, None when it is no JSON object."""
    from remsim_lab.ubus import jsonc

    try:
        parsed = jsonc.loads(text.encode(errors="surrogateescape"))
        return message.pack(parsed) if isinstance(parsed, dict) else None
    except (jsonc.JsonError, blob.BlobError):
        return None


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise _Stopped


_COMMANDS: dict[str, Callable[[Command, list[str]], int]] = {
    "list": Command.show_objects,
    "call": Command.call,
    "listen": Command.listen,
    "subscribe": Command.subscribe,
    "send": Command.send,
    "wait_for": Command.wait_for,
    "monitor": Command.monitor,
}


def write_usage(name: str) -> int:
    """The usage text, on stderr as the real one has it. Gives its exit code."""
    sys.stderr.write(_USAGE.format(name=name))
    return 1


def _atoi(text: str) -> int:
    digits = text.strip()
    sign = -1 if digits.startswith("-") else 1
    digits = digits.lstrip("+-")
    end = next((i for i, c in enumerate(digits) if c not in "0123456789"), len(digits))
    return sign * int(digits[:end] or "0")


def _apply(settings: Settings, letter: str, value: str) -> bool:
    """False for a value that shows the usage text."""
    if letter == "s":
        settings.socket_path = value
    elif letter == "t":
        settings.limit_s = _atoi(value)
    elif letter == "S":
        settings.simple = True
    elif letter == "v":
        settings.verbose = True
    elif letter == "m":
        if value not in wire.TYPE_NAMES:
            return False
        settings.monitored.add(wire.TYPE_NAMES.index(value))
    elif letter == "M":
        if value[:1] not in ("r", "t"):
            return False
        settings.direction = "rt".index(value[0])
    return True


def main(argv: list[str]) -> int:
    """`argv[0]` is the name in messages. Returns the exit code."""
    settings = Settings(argv[0])
    try:
        options, words = posix_options.parse(argv[1:], OPTIONS)
    except posix_options.OptionError as error:
        sys.stderr.write(f"{argv[0]}: {error.args[0]}\n")
        return write_usage(argv[0])
    if not all(_apply(settings, *option) for option in options) or not words:
        return write_usage(argv[0])
    connection = Connection()
    try:
        connection.open(settings.socket_path)
    except OSError:
        if not settings.simple:
            sys.stderr.write("Failed to connect to ubus\n")
        return 255
    status = _run(connection, settings, words)
    sys.stdout.flush()
    connection.close()
    return status & 0xFF


def _run(connection: Connection, settings: Settings, words: list[str]) -> int:
    action = _COMMANDS.get(words[0])
    status = SHOW_USAGE if action is None else action(Command(connection, settings), words[1:])
    sys.stdout.flush()
    if status > 0 and not settings.simple:
        sys.stderr.write(f"Command failed: {wire.status_text(status)}\n")
    elif status == SHOW_USAGE:
        write_usage(settings.name)
    return status


if __name__ == "__main__":
    sys.exit(main(["ubus", *sys.argv[1:]]))
