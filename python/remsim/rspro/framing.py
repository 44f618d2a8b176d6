# SPDX-License-Identifier: GPL-2.0-or-later
"""IPA frames: cut out of the octet stream, and built. Pure.

A frame is a length (2 octets), a protocol octet and that many octets of payload. Two protocols are
understood: connection management (PING, PONG, identity) and RSPRO in its Osmocom extension. The
reader keeps at most one unfinished frame of MAX_PAYLOAD octets; after nonsense it stays in error.
A frame must reach TCP in one write: the bank does not reassemble. Source: facts of osmo-remsim's
framing, held to recorded frames by tests/vectors/rspro.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from remsim.errors import RsproNonsense
from remsim.rspro.messages import (
    BankSlot,
    ClientSlot,
    Pdu,
    TpduCardToModem,
    TpduFlags,
    TpduModemToCard,
    decode,
    encode,
)

HEADER = 3  # length u16 big endian, protocol
CONNECTION = 0xFE  # IPA connection management (CCM)
EXTENSION = 0xEE  # Osmocom extensions
RSPRO_EXTENSION = 0x07
MAX_PAYLOAD = 4096  # the largest legal message is a tenth of it; the rest is for later extensions
RSPRO_HEADER = HEADER + 1
_RSPRO = bytes((EXTENSION, RSPRO_EXTENSION))


class Ccm(IntEnum):
    """Connection management messages. The identity ones are never sent in normal use."""

    PING = 0x00
    PONG = 0x01
    IDENTITY_REQUEST = 0x04
    IDENTITY_RESPONSE = 0x05
    IDENTITY_ACK = 0x06


def _ccm(kind: Ccm, content: bytes = b"") -> bytes:
    payload = bytes((kind,)) + content
    return len(payload).to_bytes(2, "big") + bytes((CONNECTION,)) + payload


PING = _ccm(Ccm.PING)
PONG = _ccm(Ccm.PONG)
IDENTITY_ACK = _ccm(Ccm.IDENTITY_ACK)

_UNIT_NAME = 0x01  # tag of the unit's name in an identity response


def identity_response(unit_name: str) -> bytes:
    """Answer to an identity request: one tag, its length counting the tag octet, text and NUL."""
    value = bytes((_UNIT_NAME,)) + unit_name.encode("ascii", "replace") + b"\x00"
    return _ccm(Ccm.IDENTITY_RESPONSE, len(value).to_bytes(2, "big") + value)


def frame(pdu: Pdu) -> bytes:
    """One RSPRO message, ready for one write. ArgumentError for values that RSPRO cannot carry."""
    payload = bytes((RSPRO_EXTENSION,)) + encode(pdu)
    return len(payload).to_bytes(2, "big") + bytes((EXTENSION,)) + payload


def is_rspro(whole: bytes) -> bool:
    return whole[2:4] == _RSPRO


def message_of(whole: bytes) -> Pdu:
    """The message in an RSPRO frame."""
    return decode(whole[RSPRO_HEADER:])


def ccm_of(whole: bytes) -> int | None:
    """The connection management message in a frame, `Ccm` or an unknown number; None if it is
    something else or has no octet.
    """
    return whole[HEADER] if len(whole) > HEADER and whole[2] == CONNECTION else None


class FrameReader:
    """`feed()` octets as they arrive, get whole frames (header included) as they complete.

    `nonsense` is set by what no frame begins with; nothing is read any more after that.
    """

    def __init__(self) -> None:
        self._pending = b""
        self.nonsense: RsproNonsense | None = None

    @property
    def pending_bytes(self) -> int:
        return len(self._pending)

    def feed(self, octets: bytes) -> list[bytes]:
        """The frames that are complete now, those before nonsense included."""
        if not self._pending and self.nonsense is None and _is_one_frame(octets):
            return [octets]
        if self.nonsense is not None:
            return []
        return self._cut(self._pending + octets)

    def _cut(self, octets: bytes) -> list[bytes]:
        frames: list[bytes] = []
        at = 0
        try:
            while len(octets) - at >= HEADER:
                end = at + HEADER + _payload_length(octets, at)
                if end > len(octets):
                    break
                if end > at + HEADER:  # a frame of length 0 is nothing
                    frames.append(_checked(octets[at:end]))
                at = end
        except RsproNonsense as nonsense:
            self.nonsense = nonsense
            at = len(octets)
        self._pending = octets[at:]
        return frames


def _is_one_frame(octets: bytes) -> bool:
    """The usual case: a segment holds exactly one RSPRO frame."""
    return (
        octets[2:4] == _RSPRO
        and len(octets) == (octets[0] << 8 | octets[1]) + HEADER <= MAX_PAYLOAD + HEADER
    )


def _payload_length(octets: bytes, at: int) -> int:
    length = octets[at] << 8 | octets[at + 1]
    if length > MAX_PAYLOAD:
        raise RsproNonsense(f"a frame of {length} octets")
    if octets[at + 2] not in (CONNECTION, EXTENSION):
        raise RsproNonsense(f"frame protocol {octets[at + 2]:02x}")
    return length


def _checked(whole: bytes) -> bytes:
    if whole[2] == EXTENSION and whole[3] != RSPRO_EXTENSION:
        raise RsproNonsense(f"frame extension {whole[3]:02x}")
    return whole


_NO_FLAGS = TpduFlags()


@dataclass(frozen=True, slots=True)
class _Templates:
    """What stands before the data in a TPDU frame, by number of data octets and by frame length."""

    to_card: dict[int, bytes]
    to_modem: dict[int, bytes]


class TpduCodec:
    """TPDU frames of one client slot on one bank slot, without encoding anything per command.

    Whatever stands before the data depends only on its length, so it is encoded once per length and
    kept. An answer that is not octet for octet what the reference program sends (other flags,
    padded lengths) takes the ordinary decoder.
    """

    def __init__(self, client_slot: ClientSlot, bank_slot: BankSlot) -> None:
        self.client_slot = client_slot
        self.bank_slot = bank_slot
        self._kept = _Templates({}, {})

    def command_frame(self, data: bytes) -> bytes:
        """tpduModemToCard."""
        head = self._kept.to_card.get(len(data))
        if head is None:
            head = self._head(TpduModemToCard(self.client_slot, self.bank_slot, _NO_FLAGS, data))
            self._kept.to_card[len(data)] = head
        return head + data

    def answer_of(self, whole: bytes) -> bytes | None:
        """Data of a tpduCardToModem for this slot in its usual form; None for everything else."""
        head = self._kept.to_modem.get(len(whole))
        if head is None:
            head = self._learn(whole)
        if head and whole.startswith(head):
            return whole[len(head) :]
        return None

    def _learn(self, whole: bytes) -> bytes:
        """The head for frames of this length; empty where no answer of ours has this length."""
        base = len(whole) - len(self._answer_head(0))
        for length in range(max(0, base - 8), base + 1):  # four lengths grow by up to 2 octets
            head = self._answer_head(length)
            if len(head) + length == len(whole):
                break
        else:
            head = b""
        self._kept.to_modem[len(whole)] = head  # at most one for each length of a frame
        return head

    def _answer_head(self, length: int) -> bytes:
        data = bytes(length)
        return self._head(TpduCardToModem(self.bank_slot, self.client_slot, _NO_FLAGS, data))

    @staticmethod
    def _head(message: TpduModemToCard | TpduCardToModem) -> bytes:
        whole = frame(Pdu(message))
        return whole[: len(whole) - len(message.data)]
