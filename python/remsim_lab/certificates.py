# SPDX-License-Identifier: GPL-2.0-or-later
"""Certificates for the lab and for tests, with any dates, names and issuers. Never for anything
that matters.

P-256 keys and ECDSA in plain Python: slow, not safe against timing, and enough to make a TLS server
that is right or wrong in one chosen way, without the openssl command. Source: RFC 5280 (X.509), RFC
5480 and SEC 1 (keys), FIPS 186-4 section 6 (ECDSA), X.690 (DER).
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import os
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

# The curve, FIPS 186-4 D.1.2.3.
P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
SIZE = 32

SEQUENCE, SET, INTEGER, BIT_STRING, OCTET_STRING, OID, UTF8, BOOLEAN = (
    0x30,
    0x31,
    0x02,
    0x03,
    0x04,
    0x06,
    0x0C,
    0x01,
)
GENERALIZED_TIME = 0x18
EC_PUBLIC_KEY = "1.2.840.10045.2.1"
PRIME256V1 = "1.2.840.10045.3.1.7"
ECDSA_SHA256 = "1.2.840.10045.4.3.2"
COMMON_NAME = "2.5.4.3"
SUBJECT_KEY_ID, SUBJECT_ALT_NAME, BASIC_CONSTRAINTS = "2.5.29.14", "2.5.29.17", "2.5.29.19"
AUTHORITY_KEY_ID, KEY_USAGE = "2.5.29.35", "2.5.29.15"
KEY_USAGE_CA, KEY_USAGE_END = b"\x01\x06", b"\x07\x80"  # certSign+cRLSign; digitalSignature
DNS_NAME, IP_ADDRESS = 0x82, 0x87

Point = tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate and its key, PEM."""

    name: str
    certificate: str
    key: str
    secret: int
    public: bytes

    def write(self, folder: Path, stem: str) -> tuple[str, str]:
        """Paths of certificate and key."""
        paths = (folder / f"{stem}.crt", folder / f"{stem}.key")
        paths[0].write_text(self.certificate)
        paths[1].write_text(self.key)
        return str(paths[0]), str(paths[1])


def issue(
    name: str,
    hosts: tuple[str, ...] = (),
    issuer: Issued | None = None,
    begins: datetime | None = None,
    ends: datetime | None = None,
) -> Issued:
    """`hosts` are DNS names or addresses. Without an issuer it signs itself and may sign others."""
    secret = secrets.randbelow(N - 1) + 1
    public = _public(secret)
    signer = issuer or Issued(name, "", "", secret, public)
    now = datetime.now(UTC)
    body = _body(
        name,
        hosts,
        public,
        signer,
        begins or now - timedelta(days=1),
        ends or now + timedelta(days=365),
        issuer is None,
    )
    signature = _sign(signer.secret, body)
    whole = _der(SEQUENCE, body, _algorithm(), _der(BIT_STRING, b"\0" + signature))
    return Issued(name, _pem("CERTIFICATE", whole), _key_pem(secret, public), secret, public)


# --- X.509 -------------------------------------------------------------------------------------


def _body(
    name: str,
    hosts: tuple[str, ...],
    public: bytes,
    signer: Issued,
    begins: datetime,
    ends: datetime,
    is_authority: bool,
) -> bytes:
    serial = int.from_bytes(os.urandom(8)) >> 1
    return _der(
        SEQUENCE,
        _der(0xA0, _integer(2)),
        _integer(serial),
        _algorithm(),
        _name(signer.name),
        _der(SEQUENCE, _time(begins), _time(ends)),
        _name(name),
        _public_info(public),
        _der(0xA3, _der(SEQUENCE, *_extensions(hosts, public, signer, is_authority))),
    )


def _extensions(
    hosts: tuple[str, ...], public: bytes, signer: Issued, is_authority: bool
) -> list[bytes]:
    constraints = _der(SEQUENCE, _der(BOOLEAN, b"\xff")) if is_authority else _der(SEQUENCE)
    usage = KEY_USAGE_CA if is_authority else KEY_USAGE_END
    found = [
        _extension(BASIC_CONSTRAINTS, constraints, is_critical=True),
        _extension(KEY_USAGE, _der(BIT_STRING, usage), is_critical=True),
        _extension(SUBJECT_KEY_ID, _der(OCTET_STRING, _key_id(public))),
        _extension(AUTHORITY_KEY_ID, _der(SEQUENCE, _der(0x80, _key_id(signer.public)))),
    ]
    if hosts:
        found.append(_extension(SUBJECT_ALT_NAME, _der(SEQUENCE, *map(_host, hosts))))
    return found


def _extension(oid: str, value: bytes, is_critical: bool = False) -> bytes:
    critical = (_der(BOOLEAN, b"\xff"),) if is_critical else ()
    return _der(SEQUENCE, _oid(oid), *critical, _der(OCTET_STRING, value))


def _host(host: str) -> bytes:
    try:
        return _der(IP_ADDRESS, ipaddress.ip_address(host).packed)
    except ValueError:
        return _der(DNS_NAME, host.encode())


def _name(text: str) -> bytes:
    return _der(SEQUENCE, _der(SET, _der(SEQUENCE, _oid(COMMON_NAME), _der(UTF8, text.encode()))))


def _time(moment: datetime) -> bytes:
    """RFC 5280 wants UTCTime before 2050; every reader takes the longer form as well."""
    year = moment.astimezone(UTC)
    if year.year < 2050:
        return _der(0x17, year.strftime("%y%m%d%H%M%SZ").encode())
    return _der(GENERALIZED_TIME, year.strftime("%Y%m%d%H%M%SZ").encode())


def _algorithm() -> bytes:
    return _der(SEQUENCE, _oid(ECDSA_SHA256))


def _public_info(public: bytes) -> bytes:
    kind = _der(SEQUENCE, _oid(EC_PUBLIC_KEY), _oid(PRIME256V1))
    return _der(SEQUENCE, kind, _der(BIT_STRING, b"\0" + public))


def _key_id(public: bytes) -> bytes:
    return hashlib.sha1(public, usedforsecurity=False).digest()


def _key_pem(secret: int, public: bytes) -> str:
    """SEC 1 appendix C.4."""
    return _pem(
        "EC PRIVATE KEY",
        _der(
            SEQUENCE,
            _integer(1),
            _der(OCTET_STRING, secret.to_bytes(SIZE)),
            _der(0xA0, _oid(PRIME256V1)),
            _der(0xA1, _der(BIT_STRING, b"\0" + public)),
        ),
    )


def _pem(label: str, der: bytes) -> str:
    text = base64.b64encode(der).decode()
    lines = "\n".join(text[at : at + 64] for at in range(0, len(text), 64))
    return f"-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n"


# --- DER ---------------------------------------------------------------------------------------


def _der(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    if len(content) < 0x80:
        return bytes((tag, len(content))) + content
    length = len(content).to_bytes((len(content).bit_length() + 7) // 8)
    return bytes((tag, 0x80 | len(length))) + length + content


def _integer(value: int) -> bytes:
    return _der(INTEGER, value.to_bytes(value.bit_length() // 8 + 1))


def _oid(text: str) -> bytes:
    first, second, *rest = (int(part) for part in text.split("."))
    content = bytearray((first * 40 + second,))
    for part in rest:
        octets = [part & 0x7F]
        while part := part >> 7:
            octets.append(0x80 | part & 0x7F)
        content += bytes(reversed(octets))
    return _der(OID, bytes(content))


# --- ECDSA -------------------------------------------------------------------------------------


def _sign(secret: int, message: bytes) -> bytes:
    digest = int.from_bytes(hashlib.sha256(message).digest())
    while True:
        nonce = secrets.randbelow(N - 1) + 1
        point = _multiply(nonce, G)
        r = point[0] % N if point else 0
        s = pow(nonce, -1, N) * (digest + r * secret) % N
        if r and s:
            return _der(SEQUENCE, _integer(r), _integer(s))


def _public(secret: int) -> bytes:
    point = _multiply(secret, G)
    if point is None:
        raise ValueError("the secret is a multiple of the group's order")
    return b"\x04" + point[0].to_bytes(SIZE) + point[1].to_bytes(SIZE)


def _multiply(factor: int, point: Point) -> Point:
    result: Point = None
    while factor:
        if factor & 1:
            result = _add(result, point)
        point = _add(point, point)
        factor >>= 1
    return result


def _add(one: Point, other: Point) -> Point:
    if one is None or other is None:
        return one or other
    if one[0] == other[0] and (one[1] + other[1]) % P == 0:
        return None
    if one == other:
        slope = (3 * one[0] * one[0] - 3) * pow(2 * one[1], -1, P) % P
    else:
        slope = (other[1] - one[1]) * pow(other[0] - one[0], -1, P) % P
    x = (slope * slope - one[0] - other[0]) % P
    return x, (slope * (one[0] - x) - one[1]) % P
