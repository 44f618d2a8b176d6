# SPDX-License-Identifier: GPL-2.0-or-later
"""Milenage over AES-128, for the virtual SIM. Slow and not for secrets.

Held to the 3GPP test sets by tests/unit/test_lab_sim.py. Sources: 3GPP TS 35.206 section 4.1 (the
functions), FIPS 197 (AES), TS 33.102 annex C and 6.3.3 (sequence numbers, AUTS).
"""

from __future__ import annotations

from dataclasses import dataclass


def _boxes() -> bytes:
    """AES S-box, FIPS 197 section 5.1.1."""
    box = bytearray(256)
    p = q = 1
    while True:
        p = p ^ (p << 1 & 0xFF) ^ (0x1B if p & 0x80 else 0)
        q ^= q << 1
        q ^= q << 2
        q ^= q << 4
        q &= 0xFF
        q ^= 0x09 if q & 0x80 else 0
        rotated = q ^ _rotl8(q, 1) ^ _rotl8(q, 2) ^ _rotl8(q, 3) ^ _rotl8(q, 4)
        box[p] = rotated ^ 0x63
        if p == 1:
            break
    box[0] = 0x63
    return bytes(box)


def _rotl8(value: int, by: int) -> int:
    return (value << by | value >> 8 - by) & 0xFF


_SBOX = _boxes()


def _xtime(value: int) -> int:
    return (value << 1 ^ (0x1B if value & 0x80 else 0)) & 0xFF


def _round_keys(key: bytes) -> list[bytes]:
    words = [key[at : at + 4] for at in range(0, 16, 4)]
    constant = 1
    for number in range(4, 44):
        word = words[-1]
        if number % 4 == 0:
            word = bytes(_SBOX[octet] for octet in word[1:] + word[:1])
            word = bytes((word[0] ^ constant,)) + word[1:]
            constant = _xtime(constant)
        words.append(xor(words[-4], word))
    return [b"".join(words[at : at + 4]) for at in range(0, 44, 4)]


def _mix(column: bytes) -> bytes:
    a, b, c, d = column
    every = a ^ b ^ c ^ d
    return bytes(
        value ^ every ^ _xtime(value ^ after) for value, after in ((a, b), (b, c), (c, d), (d, a))
    )


def aes128(key: bytes, block: bytes) -> bytes:
    """One block, encrypted."""
    keys = _round_keys(key)
    state = xor(block, keys[0])
    for number in range(1, 11):
        state = bytes(_SBOX[state[(at + 4 * (at % 4)) % 16]] for at in range(16))
        if number < 10:
            state = b"".join(_mix(state[at : at + 4]) for at in range(0, 16, 4))
        state = xor(state, keys[number])
    return state


def xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def opc_of(key: bytes, operator: bytes) -> bytes:
    return xor(aes128(key, operator), operator)


@dataclass(frozen=True, slots=True)
class Vector:
    """What f1 to f5* give for one challenge."""

    mac_a: bytes
    mac_s: bytes
    res: bytes
    ck: bytes
    ik: bytes
    ak: bytes
    ak_resync: bytes


_CONSTANTS = tuple(bytes(15) + bytes((value,)) for value in (0, 1, 2, 4, 8))  # c1..c5
_ROTATIONS = (64, 0, 32, 64, 96)  # r1..r5


def _rotl128(block: bytes, by: int) -> bytes:
    return block[by // 8 :] + block[: by // 8]


def milenage(key: bytes, opc: bytes, rand: bytes, sequence: bytes, amf: bytes) -> Vector:
    """TS 35.206 section 4.1."""
    temp = aes128(key, xor(rand, opc))
    first = xor(_rotl128(xor((sequence + amf) * 2, opc), _ROTATIONS[0]), _CONSTANTS[0])
    out1 = xor(aes128(key, xor(temp, first)), opc)
    out2, out3, out4, out5 = (
        xor(aes128(key, xor(_rotl128(xor(temp, opc), _ROTATIONS[n]), _CONSTANTS[n])), opc)
        for n in range(1, 5)
    )
    return Vector(out1[:8], out1[8:], out2[8:], out3, out4, out2[:6], out5[:6])


@dataclass(slots=True)
class Subscriber:
    """The secret part of a SIM, and the highest sequence number it has accepted."""

    key: bytes
    opc: bytes
    sequence: int = 0

    def authenticate(self, rand: bytes, autn: bytes) -> tuple[str, Vector, bytes]:
        """ "ok", "mac" or "sync" with the vector and, for "sync", AUTS. TS 33.102 6.3.3."""
        hidden, amf, mac = autn[:6], autn[6:8], autn[8:]
        ak = milenage(self.key, self.opc, rand, bytes(6), amf).ak
        sequence = xor(hidden, ak)
        vector = milenage(self.key, self.opc, rand, sequence, amf)
        if vector.mac_a != mac:
            return "mac", vector, b""
        if int.from_bytes(sequence, "big") <= self.sequence:
            return "sync", vector, self._auts(rand)
        self.sequence = int.from_bytes(sequence, "big")
        return "ok", vector, b""

    def challenge(self, rand: bytes, sequence: int, amf: bytes = b"\x80\x00") -> bytes:
        """AUTN as the home network makes it, for tests."""
        number = sequence.to_bytes(6, "big")
        vector = milenage(self.key, self.opc, rand, number, amf)
        return xor(number, vector.ak) + amf + vector.mac_a

    def _auts(self, rand: bytes) -> bytes:
        number = self.sequence.to_bytes(6, "big")
        vector = milenage(self.key, self.opc, rand, number, b"\x00\x00")
        return xor(number, vector.ak_resync) + vector.mac_s


def gsm_triplet(vector: Vector) -> tuple[bytes, bytes]:
    """SRES and Kc by the conversion functions c2 and c3, TS 33.102 6.8.1.2."""
    sres = xor(vector.res[:4], vector.res[4:])
    halves = (vector.ck[:8], vector.ck[8:], vector.ik[:8], vector.ik[8:])
    kc = bytes(8)
    for half in halves:
        kc = xor(kc, half)
    return sres, kc
