# SPDX-License-Identifier: GPL-2.0-or-later
"""Every RSPRO message as a frozen type, and one table that both encodes and decodes them. Pure.

Reading is tolerant exactly where the reference decoder is: ranges and lengths are not checked,
unknown elements are skipped where the syntax may grow, an unknown message decodes as
`UnknownMessage`, an unknown enumerated value stays a number, octets behind the message are ignored.
Writing is strict: `encode` refuses what the syntax does not allow, and `violations` tells what a
message that was read breaks. Source: RSPRO of osmo-remsim 1.1, held to its bytes by
tests/vectors/rspro.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, IntEnum
from types import MappingProxyType
from typing import Any

from remsim.errors import ArgumentError, RsproNonsense
from remsim.rspro import ber
from remsim.rspro.ber import Element

VERSION = 2  # what every program sends; never checked on receipt
MAX_VERSION = 32
MAX_OPERATION_TAG = 2**31 - 1
CLIENT_TAG = 0  # requests carry 0; answers cannot be matched by it
MAX_ID = 1023  # client, bank and slot numbers
MAX_NAME = 32
MAX_ATR = 55  # RSPRO's limit; ISO 7816-3 allows 33
MAX_PORT = 65535
MAX_ERROR_TEXT = 255


# --- what the messages hold ----------------------------------------------------------------------


class Component(IntEnum):
    CLIENT = 0
    SERVER = 1
    BANK = 2


class Result(IntEnum):
    OK = 0
    ILLEGAL_CLIENT_ID = 1
    ILLEGAL_BANK_ID = 2
    ILLEGAL_SLOT_ID = 3
    UNSUPPORTED_PROTOCOL_VERSION = 4
    UNKNOWN_SLOTMAP = 5
    IDENTITY_IN_USE = 6
    CARD_NOT_PRESENT = 100
    CARD_UNRESPONSIVE = 101
    CARD_TRANSMISSION_ERROR = 102


class Severity(IntEnum):
    MINOR = 1
    MAJOR = 2
    FATAL = 3


class ErrorCode(IntEnum):
    UNKNOWN_CLIENT_CONNECTED = 1
    UNEXPECTED_DISCONNECT = 2
    UNEXPECTED_PROTOCOL_VERSION = 3


@dataclass(frozen=True, slots=True)
class Identity:
    """Who is at the other end. A `type` that RSPRO does not know stays a number."""

    type: int
    name: str
    software: str
    sw_version: str
    hw_manufacturer: str | None = None
    hw_model: str | None = None
    hw_serial_nr: str | None = None
    hw_version: str | None = None
    fw_version: str | None = None


@dataclass(frozen=True, slots=True)
class ClientSlot:
    client_id: int
    slot_nr: int

    def __str__(self) -> str:
        return f"{self.client_id}:{self.slot_nr}"


@dataclass(frozen=True, slots=True)
class BankSlot:
    bank_id: int
    slot_nr: int

    def __str__(self) -> str:
        return f"{self.bank_id}:{self.slot_nr}"


@dataclass(frozen=True, slots=True)
class IpPort:
    """`ip` has 4 or 16 octets. Port 0 means: no bank."""

    ip: bytes
    port: int


@dataclass(frozen=True, slots=True)
class TpduFlags:
    """Sent false by every program and looked at by none."""

    tpdu_header_present: bool = False
    final_part: bool = False
    proc_byte_continue_tx: bool = False
    proc_byte_continue_rx: bool = False


@dataclass(frozen=True, slots=True)
class SlotPhysStatus:
    reset_active: bool
    vcc_present: bool | None = None
    clk_active: bool | None = None
    card_present: bool | None = None


# --- the messages --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ConnectBankReq:
    identity: Identity
    bank_id: int
    number_of_slots: int


@dataclass(frozen=True, slots=True)
class ConnectBankRes:
    identity: Identity
    result: int


@dataclass(frozen=True, slots=True)
class ConnectClientReq:
    """The slot may be absent by the syntax; the server dies of that, so we always send it."""

    identity: Identity
    client_slot: ClientSlot | None = None


@dataclass(frozen=True, slots=True)
class ConnectClientRes:
    identity: Identity
    result: int


@dataclass(frozen=True, slots=True)
class CreateMappingReq:
    client: ClientSlot
    bank: BankSlot


@dataclass(frozen=True, slots=True)
class CreateMappingRes:
    result: int


@dataclass(frozen=True, slots=True)
class RemoveMappingReq:
    client: ClientSlot
    bank: BankSlot


@dataclass(frozen=True, slots=True)
class RemoveMappingRes:
    result: int


@dataclass(frozen=True, slots=True)
class ConfigClientIdReq:
    client_slot: ClientSlot


@dataclass(frozen=True, slots=True)
class ConfigClientIdRes:
    result: int


@dataclass(frozen=True, slots=True)
class SetAtrReq:
    slot: ClientSlot
    atr: bytes


@dataclass(frozen=True, slots=True)
class SetAtrRes:
    result: int


@dataclass(frozen=True, slots=True)
class TpduModemToCard:
    from_client_slot: ClientSlot
    to_bank_slot: BankSlot
    flags: TpduFlags
    data: bytes


@dataclass(frozen=True, slots=True)
class TpduCardToModem:
    from_bank_slot: BankSlot
    to_client_slot: ClientSlot
    flags: TpduFlags
    data: bytes


@dataclass(frozen=True, slots=True)
class ClientSlotStatusInd:
    from_client_slot: ClientSlot
    to_bank_slot: BankSlot
    slot_phys_status: SlotPhysStatus


@dataclass(frozen=True, slots=True)
class BankSlotStatusInd:
    from_bank_slot: BankSlot
    to_client_slot: ClientSlot
    slot_phys_status: SlotPhysStatus


@dataclass(frozen=True, slots=True)
class ErrorInd:
    sender: int
    severity: int
    code: int
    bank_slot: BankSlot | None = None
    client_slot: ClientSlot | None = None
    error_string: str | None = None


@dataclass(frozen=True, slots=True)
class ConfigClientBankReq:
    bank_slot: BankSlot
    bankd: IpPort


@dataclass(frozen=True, slots=True)
class ConfigClientBankRes:
    result: int


@dataclass(frozen=True, slots=True)
class ResetStateReq:
    pass


@dataclass(frozen=True, slots=True)
class ResetStateRes:
    result: int


@dataclass(frozen=True, slots=True)
class UnknownMessage:
    """A later RSPRO's message: `key` is its tag as `ber.Element.key`."""

    key: int


Message = (
    ConnectBankReq
    | ConnectBankRes
    | ConnectClientReq
    | ConnectClientRes
    | CreateMappingReq
    | CreateMappingRes
    | RemoveMappingReq
    | RemoveMappingRes
    | ConfigClientIdReq
    | ConfigClientIdRes
    | SetAtrReq
    | SetAtrRes
    | TpduModemToCard
    | TpduCardToModem
    | ClientSlotStatusInd
    | BankSlotStatusInd
    | ErrorInd
    | ConfigClientBankReq
    | ConfigClientBankRes
    | ResetStateReq
    | ResetStateRes
    | UnknownMessage
)


@dataclass(frozen=True, slots=True)
class Pdu:
    """The outer message. `tag` matches nothing: answers are found by type and order alone."""

    message: Message
    version: int = VERSION
    tag: int = CLIENT_TAG


# --- the syntax, as a table ----------------------------------------------------------------------


class _Kind(Enum):
    INTEGER = "a number"
    ENUMERATED = "one of its values"
    BOOLEAN = "a truth value"
    TEXT = "IA5 text"
    OCTETS = "octets"
    ADDRESS = "an IPv4 or IPv6 address"
    GROUP = "a group"


@dataclass(frozen=True, slots=True)
class _Field:
    """`low`/`high` bound a number, or the length of text and octets."""

    name: str
    identifier: int
    kind: _Kind
    low: int = 0
    high: int = 0
    is_optional: bool = False
    group: type[Any] | None = None
    values: type[IntEnum] | None = None

    @property
    def key(self) -> int:
        return ber.key_of(self.identifier)


def _id(name: str, identifier: int = ber.INTEGER, high: int = MAX_ID) -> _Field:
    return _Field(name, identifier, _Kind.INTEGER, 0, high)


def _name(name: str, identifier: int, is_optional: bool = False, high: int = MAX_NAME) -> _Field:
    return _Field(name, identifier, _Kind.TEXT, 1, high, is_optional)


def _flag(name: str, identifier: int = ber.BOOLEAN, is_optional: bool = False) -> _Field:
    return _Field(name, identifier, _Kind.BOOLEAN, is_optional=is_optional)


def _value(name: str, values: type[IntEnum]) -> _Field:
    return _Field(name, ber.ENUMERATED, _Kind.ENUMERATED, values=values)


def _group(
    name: str, group: type[Any], identifier: int = ber.SEQUENCE, is_optional: bool = False
) -> _Field:
    return _Field(name, identifier, _Kind.GROUP, is_optional=is_optional, group=group)


_RESULT = (_value("result", Result),)
_MAPPING = (_group("client", ClientSlot), _group("bank", BankSlot))
_TO_BANK = (_group("from_client_slot", ClientSlot), _group("to_bank_slot", BankSlot))
_TO_CLIENT = (_group("from_bank_slot", BankSlot), _group("to_client_slot", ClientSlot))
_TPDU = (
    _group("flags", TpduFlags),
    _Field("data", ber.OCTET_STRING, _Kind.OCTETS, 0, 2**15),  # the syntax sets no bound
)
_STATUS = (_group("slot_phys_status", SlotPhysStatus),)

_IPV4 = 0x80
_IPV6 = 0x81
_IP_LENGTHS = {_IPV4: 4, _IPV6: 16}
_VERSION_KEY, _TAG_KEY, _MESSAGE_KEY = 0x80, 0x81, ber.key_of(0xA2)

_SYNTAX: Mapping[type[Any], tuple[_Field, ...]] = MappingProxyType(
    {
        Identity: (
            _value("type", Component),
            _name("name", ber.IA5_STRING),
            _name("software", 0x80),
            _name("sw_version", 0x81),
            _name("hw_manufacturer", 0x82, True),
            _name("hw_model", 0x83, True),
            _name("hw_serial_nr", 0x84, True),
            _name("hw_version", 0x85, True),
            _name("fw_version", 0x86, True),
        ),
        ClientSlot: (_id("client_id"), _id("slot_nr")),
        BankSlot: (_id("bank_id"), _id("slot_nr")),
        IpPort: (_Field("ip", 0, _Kind.ADDRESS), _id("port", high=MAX_PORT)),
        TpduFlags: (
            _flag("tpdu_header_present"),
            _flag("final_part"),
            _flag("proc_byte_continue_tx"),
            _flag("proc_byte_continue_rx"),
        ),
        SlotPhysStatus: (
            _flag("reset_active", 0x80),
            _flag("vcc_present", 0x81, True),
            _flag("clk_active", 0x82, True),
            _flag("card_present", 0x83, True),
        ),
        ConnectBankReq: (_group("identity", Identity), _id("bank_id"), _id("number_of_slots")),
        ConnectBankRes: (_group("identity", Identity), *_RESULT),
        ConnectClientReq: (
            _group("identity", Identity),
            _group("client_slot", ClientSlot, is_optional=True),
        ),
        ConnectClientRes: (_group("identity", Identity), *_RESULT),
        CreateMappingReq: _MAPPING,
        CreateMappingRes: _RESULT,
        RemoveMappingReq: _MAPPING,
        RemoveMappingRes: _RESULT,
        ConfigClientIdReq: (_group("client_slot", ClientSlot),),
        ConfigClientIdRes: _RESULT,
        SetAtrReq: (
            _group("slot", ClientSlot),
            _Field("atr", ber.OCTET_STRING, _Kind.OCTETS, 1, MAX_ATR),
        ),
        SetAtrRes: _RESULT,
        TpduModemToCard: (*_TO_BANK, *_TPDU),
        TpduCardToModem: (*_TO_CLIENT, *_TPDU),
        ClientSlotStatusInd: (*_TO_BANK, *_STATUS),
        BankSlotStatusInd: (*_TO_CLIENT, *_STATUS),
        ErrorInd: (
            _value("sender", Component),
            _value("severity", Severity),
            _value("code", ErrorCode),
            _group("bank_slot", BankSlot, 0xA0, True),
            _group("client_slot", ClientSlot, 0xA1, True),
            _name("error_string", 0x82, True, MAX_ERROR_TEXT),
        ),
        ConfigClientBankReq: (_group("bank_slot", BankSlot), _group("bankd", IpPort)),
        ConfigClientBankRes: _RESULT,
        ResetStateReq: (),
        ResetStateRes: _RESULT,
    }
)

_CHOICE: Mapping[type[Any], int] = MappingProxyType(
    {
        ConnectBankReq: 0xA0,
        ConnectBankRes: 0xA1,
        ConnectClientReq: 0xA2,
        ConnectClientRes: 0xA3,
        CreateMappingReq: 0xA4,
        CreateMappingRes: 0xA5,
        RemoveMappingReq: 0xA6,
        RemoveMappingRes: 0xA7,
        ConfigClientIdReq: 0xA8,
        ConfigClientIdRes: 0xA9,
        SetAtrReq: 0xAA,
        SetAtrRes: 0xAB,
        TpduModemToCard: 0xAC,
        TpduCardToModem: 0xAD,
        ClientSlotStatusInd: 0xAE,
        BankSlotStatusInd: 0xAF,
        ErrorInd: 0xB0,
        ConfigClientBankReq: 0xB1,
        ConfigClientBankRes: 0xB2,
        ResetStateReq: 0xB3,
        ResetStateRes: 0xB4,
    }
)
_MESSAGE_OF = {ber.key_of(identifier): kind for kind, identifier in _CHOICE.items()}


# --- writing -------------------------------------------------------------------------------------


def encode(pdu: Pdu) -> bytes:
    """DER octets. ArgumentError for a value that the syntax does not allow."""
    for broken in violations(pdu):
        raise ArgumentError(broken.partition(":")[0], broken)
    kind = type(pdu.message)
    if kind not in _CHOICE:
        raise ArgumentError("message", "an unknown message cannot be encoded")
    message = ber.element(_CHOICE[kind], _encode_fields(pdu.message))
    return ber.element(
        ber.SEQUENCE,
        ber.element(_VERSION_KEY, ber.integer_octets(pdu.version))
        + ber.element(_TAG_KEY, ber.integer_octets(pdu.tag))
        + ber.element(_MESSAGE_KEY | ber.CONSTRUCTED, message),
    )


def violations(pdu: Pdu) -> Iterator[str]:
    """What breaks the ranges and lengths of the syntax, as "field: 1024 is not 0..1023"."""
    if not 0 <= pdu.version <= MAX_VERSION:
        yield f"version: {pdu.version} is not 0..{MAX_VERSION}"
    if not 0 <= pdu.tag <= MAX_OPERATION_TAG:
        yield f"tag: {pdu.tag} is not 0..{MAX_OPERATION_TAG}"
    yield from _violations(pdu.message)


def _violations(holder: Any) -> Iterator[str]:
    for field in _SYNTAX.get(type(holder), ()):
        value = getattr(holder, field.name)
        if value is None:
            if not field.is_optional:
                yield f"{field.name}: missing"
        elif field.kind is _Kind.GROUP:
            yield from _violations(value)
        else:
            yield from _broken_bounds(field, value)


def _broken_bounds(field: _Field, value: Any) -> Iterator[str]:
    if field.kind is _Kind.INTEGER and not field.low <= value <= field.high:
        yield f"{field.name}: {value} is not {field.low}..{field.high}"
    elif field.kind is _Kind.ENUMERATED and not _is_member(field.values, value):
        yield f"{field.name}: {value} is none of its values"
    elif field.kind is _Kind.ADDRESS and len(value) not in _IP_LENGTHS.values():
        yield f"{field.name}: {len(value)} octets are no address"
    elif field.kind in (_Kind.TEXT, _Kind.OCTETS) and not field.low <= len(value) <= field.high:
        yield f"{field.name}: {len(value)} octets are not {field.low}..{field.high}"
    elif field.kind is _Kind.TEXT and not value.isascii():
        yield f"{field.name}: not ASCII"


def _is_member(values: type[IntEnum] | None, value: int) -> bool:
    return values is not None and value in values._value2member_map_


def _encode_fields(holder: Any) -> bytes:
    return b"".join(
        _encode_field(field, getattr(holder, field.name))
        for field in _SYNTAX[type(holder)]
        if getattr(holder, field.name) is not None
    )


def _encode_field(field: _Field, value: Any) -> bytes:
    match field.kind:
        case _Kind.INTEGER | _Kind.ENUMERATED:
            content = ber.integer_octets(value)
        case _Kind.BOOLEAN:
            content = ber.boolean_octets(value)
        case _Kind.TEXT:
            content = value.encode("ascii")
        case _Kind.OCTETS:
            content = value
        case _Kind.ADDRESS:
            return ber.element(_IPV4 if len(value) == 4 else _IPV6, value)
        case _Kind.GROUP:
            content = _encode_fields(value)
    return ber.element(field.identifier, content)


# --- reading -------------------------------------------------------------------------------------


def decode(data: bytes) -> Pdu:
    """The message at the front of `data`; RsproNonsense if there is none. Never anything else."""
    outer = ber.read_element(data, 0, len(data))
    if outer.key != ber.key_of(ber.SEQUENCE):
        raise RsproNonsense("not a sequence")
    parts = ber.read_elements(data, outer, 1)
    if [part.key for part in parts] != [_VERSION_KEY, _TAG_KEY, _MESSAGE_KEY]:
        raise RsproNonsense("not a version, a tag and a message")
    return Pdu(
        _decode_message(data, parts[2]),
        ber.read_integer(data, parts[0]),
        ber.read_integer(data, parts[1]),
    )


def _decode_message(data: bytes, holder: Element) -> Message:
    parts = ber.read_elements(data, holder, 2)
    if len(parts) != 1:
        raise RsproNonsense("not exactly one message")
    kind = _MESSAGE_OF.get(parts[0].key)
    if kind is None:
        return UnknownMessage(parts[0].key)
    message: Message = _decode_group(data, parts[0], kind, 3)
    return message


def _decode_group(data: bytes, part: Element, kind: type[Any], depth: int) -> Any:
    """Fields in their order; what is unknown is skipped where nothing mandatory is left."""
    fields = _SYNTAX[kind]
    values: dict[str, Any] = {}
    position = 0
    for inner in ber.read_elements(data, part, depth):
        found = _find_field(fields, position, inner.key)
        if found is None:
            if not all(field.is_optional for field in fields[position:]):
                raise RsproNonsense(f"{kind.__name__}: an element where another one is due")
            continue
        values[fields[found].name] = _decode_field(data, inner, fields[found], depth + 1)
        position = found + 1
    missing = [field.name for field in fields[position:] if not field.is_optional]
    if missing:
        raise RsproNonsense(f"{kind.__name__}: {missing[0]} is missing")
    return kind(**values)


def _find_field(fields: tuple[_Field, ...], position: int, key: int) -> int | None:
    """The next field of that tag, over optional ones but not over a mandatory one."""
    for index in range(position, len(fields)):
        field = fields[index]
        if field.key == key or (field.kind is _Kind.ADDRESS and key in _IP_LENGTHS):
            return index
        if not field.is_optional:
            return None
    return None


def _decode_field(data: bytes, part: Element, field: _Field, depth: int) -> Any:
    match field.kind:
        case _Kind.INTEGER:
            return ber.read_integer(data, part)
        case _Kind.ENUMERATED:
            return _named(field.values, ber.read_integer(data, part))
        case _Kind.BOOLEAN:
            return ber.read_boolean(data, part)
        case _Kind.TEXT:
            return ber.read_octets(data, part, depth).decode("latin-1")
        case _Kind.OCTETS | _Kind.ADDRESS:
            return ber.read_octets(data, part, depth)
        case _Kind.GROUP if field.group is not None:
            return _decode_group(data, part, field.group, depth)
    raise RsproNonsense(f"{field.name} cannot be read")


def _named(values: type[IntEnum] | None, number: int) -> int:
    if values is None:
        return number
    return values._value2member_map_.get(number, number)  # type: ignore[return-value]
