# SPDX-License-Identifier: GPL-2.0-or-later
"""What the daemon tells the remote-SIM client: parameters (client.json), path and assignment.

`client.json` is the client's only procd file: any change of it restarts the client. `path.json`
(which link carries the control traffic) and `assignment.json` (direct mode: where the card is)
change while it runs and are read again. All three are written whole, by rename, readable for root
only. Pure: text in, frozen settings out, ConfigError with the path inside the file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from remsim.card.vpcd import VpcdSettings
from remsim.errors import ConfigError
from remsim.net.bind import LinkBinding
from remsim.rspro.link import Endpoint
from remsim.rspro.messages import MAX_ATR, MAX_ID, BankSlot, ClientSlot
from remsim.rspro.session import Bank
from remsim.rspro.tls import TlsSettings

CLIENT_FILE = "/var/run/remsim/client.json"
PATH_FILE = "/var/run/remsim/path.json"
ASSIGNMENT_FILE = "/var/run/remsim/assignment.json"
REST_PORT = 9997  # fixed at build time of osmo-remsim-server
MAX_PORT = 65535
LONGEST_S = 86_400.0


class Backend(Enum):
    NATIVE = "native"
    ST2 = "st2"
    OPENWRT = "openwrt"


class FrontEndKind(Enum):
    NONE = "none"
    VPCD = "vpcd"
    SIMTRACE2 = "simtrace2"
    SHELL = "shell"


@dataclass(frozen=True, slots=True)
class Simtrace2Settings:
    """Which board, as lsusb and sysfs name it; None or empty: any. `path` is like 1-1.2."""

    vendor: int | None = None
    product: int | None = None
    path: str = ""
    serial: str = ""
    address: int | None = None
    configuration: int | None = None
    interface: int | None = None
    alternate_setting: int = 0
    presence_level: int | None = None


@dataclass(frozen=True, slots=True)
class External:
    """The C client, rendered: what to become."""

    argv: tuple[str, ...]
    environment: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """`server` None: direct mode; the bank then comes from here or from assignment.json."""

    backend: Backend = Backend.NATIVE
    front_end: FrontEndKind = FrontEndKind.NONE
    client_slot: ClientSlot = field(default_factory=lambda: ClientSlot(0, 0))
    name: str = "remsim"
    server: Endpoint | None = None
    rest_port: int = REST_PORT  # of the server; 0: never ask it to make our mapping anew
    bank: Bank | None = None
    atr: bytes | None = None
    ignores_bank_atr: bool = False
    bank_hold_s: float = 300.0
    server_keepalive_s: float = 60.0
    bank_keepalive_s: float = 60.0
    has_cache: bool = False
    tls: TlsSettings | None = None
    vpcd: VpcdSettings = field(default_factory=VpcdSettings)
    simtrace2: Simtrace2Settings = field(default_factory=Simtrace2Settings)
    external: External | None = None
    is_verbose: bool = False


def parse_client(text: str) -> ClientSettings:
    """client.json."""
    given = _Reader(_object(text, "client.json"), "client.json")
    settings = ClientSettings(
        backend=given.choice("backend", Backend, Backend.NATIVE),
        front_end=given.choice("front_end", FrontEndKind, FrontEndKind.NONE),
        client_slot=ClientSlot(
            given.integer("client_id", 0, MAX_ID, 0), given.integer("client_slot", 0, MAX_ID, 0)
        ),
        name=given.text("name", "remsim")[:32],
        server=_endpoint(given.part("server")),
        rest_port=given.integer("rest_port", 0, MAX_PORT, REST_PORT),
        bank=_bank(given.part("bank")),
        atr=given.octets("atr", MAX_ATR),
        ignores_bank_atr=given.flag("atr_ignore_rspro"),
        bank_hold_s=given.seconds("bank_hold_s", 300.0),
        server_keepalive_s=given.seconds("server_keepalive_s", 60.0),
        bank_keepalive_s=given.seconds("bank_keepalive_s", 60.0),
        has_cache=given.flag("cache"),
        tls=_tls(given.part("tls")),
        vpcd=_vpcd(given.part("vpcd")),
        simtrace2=_simtrace2(given.part("simtrace2")),
        external=_external(given.part("external")),
        is_verbose=given.flag("debug"),
    )
    _check_whole(settings)
    return settings


def client_json(settings: ClientSettings) -> str:
    """What `parse_client` reads, with stable order: equal settings give equal files."""
    values: dict[str, Any] = {
        "backend": settings.backend.value,
        "front_end": settings.front_end.value,
        "client_id": settings.client_slot.client_id,
        "client_slot": settings.client_slot.slot_nr,
        "name": settings.name,
        "server": settings.server and _endpoint_json(settings.server),
        "rest_port": settings.rest_port,
        "bank": settings.bank and bank_values(settings.bank),
        "atr": settings.atr.hex() if settings.atr else "",
        "atr_ignore_rspro": settings.ignores_bank_atr,
        "bank_hold_s": settings.bank_hold_s,
        "server_keepalive_s": settings.server_keepalive_s,
        "bank_keepalive_s": settings.bank_keepalive_s,
        "cache": settings.has_cache,
        "tls": settings.tls and _tls_json(settings.tls),
        "vpcd": {"host": settings.vpcd.host, "port": settings.vpcd.port},
        "simtrace2": _simtrace2_json(settings.simtrace2),
        "external": settings.external and _external_json(settings.external),
        "debug": settings.is_verbose,
    }
    return json.dumps(values, indent=1) + "\n"


def parse_path(text: str) -> LinkBinding | None:
    """path.json: `{"device", "mark", "dns_servers", "addresses"}`, or `{"device": null}` while no
    link can carry the control traffic (None).
    """
    given = _Reader(_object(text, "path.json"), "path.json")
    device = given.text("device", "")
    if not device:
        return None
    mark = given.integer("mark", 0, 2**32 - 1, 0)
    return LinkBinding(device, mark, given.texts("dns_servers"), given.texts("addresses"))


def path_json(binding: LinkBinding | None) -> str:
    if binding is None:
        return '{"device": null}\n'
    values = {
        "device": binding.device,
        "mark": binding.mark,
        "dns_servers": list(binding.dns_servers),
        "addresses": list(binding.addresses),
    }
    return json.dumps(values) + "\n"


def parse_assignment(text: str) -> Bank | None:
    """assignment.json: `{"host", "port", "bank_id", "bank_slot"}`, or `{}` for none."""
    return _bank(_Reader(_object(text, "assignment.json"), "assignment.json"))


def assignment_json(bank: Bank | None) -> str:
    return json.dumps(bank_values(bank) if bank else {}) + "\n"


def bank_values(bank: Bank) -> dict[str, Any]:
    slot = {"bank_id": bank.slot.bank_id, "bank_slot": bank.slot.slot_nr}
    return {**_endpoint_json(bank.endpoint), **slot}


# --- reading -------------------------------------------------------------------------------------


class _Reader:
    """Values of one JSON object, each checked; `where` leads the path in errors."""

    def __init__(self, values: Mapping[str, Any], where: str) -> None:
        self._values = values
        self._where = where

    def __bool__(self) -> bool:
        return bool(self._values)

    def part(self, name: str) -> _Reader:
        value = self._values.get(name)
        if value is not None and not isinstance(value, dict):
            raise self.wrong(name, "an object")
        return _Reader(value or {}, f"{self._where}.{name}")

    def wrong(self, name: str, expected: str) -> ConfigError:
        value = self._values.get(name)
        shown = "" if name == "passphrase" else json.dumps(value)[:60]
        return ConfigError(f"{self._where}.{name}", shown, expected)

    def text(self, name: str, default: str) -> str:
        value = self._values.get(name, default)
        if value is None:
            return default
        if not isinstance(value, str) or "\0" in value:
            raise self.wrong(name, "text")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        value = self._values.get(name, [])
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise self.wrong(name, "a list of texts")
        return tuple(value)

    def integer(self, name: str, low: int, high: int, default: int) -> int:
        value = self._values.get(name, default)
        if type(value) is not int or not low <= value <= high:
            raise self.wrong(name, f"a number from {low} to {high}")
        return int(value)

    def optional_integer(self, name: str, high: int) -> int | None:
        return None if self._values.get(name) is None else self.integer(name, 0, high, 0)

    def seconds(self, name: str, default: float) -> float:
        value = self._values.get(name, default)
        if type(value) not in (int, float) or not 0 <= value <= LONGEST_S:
            raise self.wrong(name, f"seconds from 0 to {LONGEST_S:.0f}")
        return float(value)

    def flag(self, name: str) -> bool:
        value = self._values.get(name, False)
        if not isinstance(value, bool):
            raise self.wrong(name, "true or false")
        return value

    def octets(self, name: str, longest: int) -> bytes | None:
        text = self.text(name, "")
        try:
            octets = bytes.fromhex(text)
        except ValueError:
            raise self.wrong(name, "hexadecimal octets") from None
        if text and not 2 <= len(octets) <= longest:
            raise self.wrong(name, f"2 to {longest} hexadecimal octets")
        return octets or None

    def choice(self, name: str, kind: type[Any], default: Any) -> Any:
        words = [each.value for each in kind]
        value = self._values.get(name, default.value)
        if value not in words:
            raise self.wrong(name, "one of " + ", ".join(words))
        return kind(value)


def _object(text: str, where: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise ConfigError(where, "", f"not JSON: {error}") from error
    if not isinstance(value, dict):
        raise ConfigError(where, "", "not a JSON object")
    return value


def _endpoint(given: _Reader) -> Endpoint | None:
    if not given:
        return None
    host = given.text("host", "")
    if not host:
        raise given.wrong("host", "a host name or address")
    return Endpoint(host, given.integer("port", 1, MAX_PORT, 0))


def _bank(given: _Reader) -> Bank | None:
    endpoint = _endpoint(given)
    if endpoint is None:
        return None
    bank_id = given.integer("bank_id", 0, MAX_ID, 1)
    return Bank(endpoint, BankSlot(bank_id, given.integer("bank_slot", 0, MAX_ID, 0)))


def _tls(given: _Reader) -> TlsSettings | None:
    if not given:
        return None
    return TlsSettings(
        ca_cert=given.text("ca_cert", ""),
        client_cert=given.text("client_cert", ""),
        client_key=given.text("client_key", ""),
        passphrase=given.text("passphrase", ""),
        server_name=given.text("server_name", ""),
        verifies=not given.flag("unverified"),
    )


def _vpcd(given: _Reader) -> VpcdSettings:
    default = VpcdSettings()
    host = given.text("host", default.host) or default.host
    return VpcdSettings(host, given.integer("port", 1, MAX_PORT, default.port))


def _simtrace2(given: _Reader) -> Simtrace2Settings:
    return Simtrace2Settings(
        vendor=given.optional_integer("vendor", 0xFFFF),
        product=given.optional_integer("product", 0xFFFF),
        path=given.text("path", ""),
        serial=given.text("serial", ""),
        address=given.optional_integer("address", 127),
        configuration=given.optional_integer("configuration", 255),
        interface=given.optional_integer("interface", 255),
        alternate_setting=given.integer("alternate_setting", 0, 255, 0),
        presence_level=given.optional_integer("presence_level", 1),
    )


def _external(given: _Reader) -> External | None:
    if not given:
        return None
    argv = given.texts("argv")
    if not argv or not argv[0].startswith("/"):
        raise given.wrong("argv", "a list that begins with a program's full path")
    environment = given.part("environment")
    return External(argv, tuple((name, environment.text(name, "")) for name in environment._values))


def _check_whole(settings: ClientSettings) -> None:
    if settings.backend is not Backend.NATIVE and settings.external is None:
        raise ConfigError("client.json.external", "", f"missing for {settings.backend.value}")
    if settings.ignores_bank_atr and settings.atr is None:
        raise ConfigError("client.json.atr", "", "missing, although the bank's is to be ignored")


# --- writing -------------------------------------------------------------------------------------


def _endpoint_json(endpoint: Endpoint) -> dict[str, Any]:
    return {"host": endpoint.host, "port": endpoint.port}


def _tls_json(tls: TlsSettings) -> dict[str, Any]:
    return {
        "ca_cert": tls.ca_cert,
        "client_cert": tls.client_cert,
        "client_key": tls.client_key,
        "passphrase": tls.passphrase,
        "server_name": tls.server_name,
        "unverified": not tls.verifies,
    }


def _simtrace2_json(board: Simtrace2Settings) -> dict[str, Any]:
    return {name: getattr(board, name) for name in board.__dataclass_fields__}


def _external_json(external: External) -> dict[str, Any]:
    return {"argv": list(external.argv), "environment": dict(external.environment)}
