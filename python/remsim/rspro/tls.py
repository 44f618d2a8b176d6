# SPDX-License-Identifier: GPL-2.0-or-later
"""TLS around RSPRO, on either link. The only importer of ssl in the client, and only when wanted.

RSPRO itself is plain text without authentication; the counterpart at server or bank is a TLS
terminator such as stunnel (docs/rspro.md).
"""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from remsim.clock import Clock
from remsim.errors import ConfigError

if TYPE_CHECKING:
    import ssl


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """File names are absolute, or empty. Without `server_name` the host that is called must fit."""

    ca_cert: str = ""
    client_cert: str = ""
    client_key: str = ""
    passphrase: str = field(default="", repr=False)
    server_name: str = ""
    verifies: bool = True


NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME, openssl/x509_vfy.h; not in ssl.VerifyFlags


class TlsWrapper:
    """Made once; ConfigError names the file that cannot be used.

    While the clock is before `built_at_s` (the package's build) it is not set: dates are then
    judged against the build by ourselves, or no router could connect before it has the time.
    """

    def __init__(self, settings: TlsSettings, clock: Clock, built_at_s: float) -> None:
        self._settings = settings
        self._clock = clock
        self._built_at_s = built_at_s
        self._context = self._make(0)
        self._undated: ssl.SSLContext | None = None

    def wrap(self, sock: socket.socket, host: str) -> ssl.SSLSocket:
        """The handshake is still to be done, step by step (`do_handshake`)."""
        context = self._context
        if self._is_clock_unset:
            self._undated = self._undated or self._make(NO_CHECK_TIME)
            context = self._undated
        name = self._settings.server_name or host
        return context.wrap_socket(sock, server_hostname=name, do_handshake_on_connect=False)

    def judge(self, sock: ssl.SSLSocket) -> str:
        """After the handshake: why the peer is not to be trusted, or nothing."""
        import ssl

        certificate = sock.getpeercert() or {}
        ends = certificate.get("notAfter")
        if not self._is_clock_unset or not isinstance(ends, str) or not self._settings.verifies:
            return ""
        is_over = ssl.cert_time_to_seconds(ends) < self._built_at_s
        return "the certificate ended before this package was built" if is_over else ""

    @property
    def _is_clock_unset(self) -> bool:
        return self._clock.wall() < self._built_at_s

    def _make(self, flags: int) -> ssl.SSLContext:
        import ssl

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.verify_flags |= flags
        if self._settings.verifies:
            self._load_trust(context)
        else:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        self._load_identity(context)
        return context

    def _load_trust(self, context: ssl.SSLContext) -> None:
        name = self._settings.ca_cert
        try:
            if name:
                context.load_verify_locations(name)
            else:
                context.load_default_certs()
        except OSError as error:
            raise ConfigError("security.ca_cert", name, "a readable PEM file") from error

    def _load_identity(self, context: ssl.SSLContext) -> None:
        settings = self._settings
        if not settings.client_cert:
            return
        key = settings.client_key or None
        try:
            context.load_cert_chain(settings.client_cert, key, settings.passphrase)
        except OSError as error:
            expected = "a readable PEM file with its key"
            raise ConfigError("security.client_cert", settings.client_cert, expected) from error
