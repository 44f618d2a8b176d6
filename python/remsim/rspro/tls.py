# SPDX-License-Identifier: GPL-2.0-or-later
"""TLS around RSPRO, on either link. The only importer of ssl in the client, and only when wanted.

RSPRO itself is plain text without authentication; the counterpart at server or bank is a TLS
terminator such as stunnel (docs/rspro.md).
"""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

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


class TlsWrapper:
    """Made once; ConfigError names the file that cannot be used."""

    def __init__(self, settings: TlsSettings) -> None:
        import ssl

        self._settings = settings
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._context.minimum_version = ssl.TLSVersion.TLSv1_2
        if not settings.verifies:
            self._context.check_hostname = False
            self._context.verify_mode = ssl.CERT_NONE
        self._load_trust()
        self._load_identity()

    def wrap(self, sock: socket.socket, host: str) -> ssl.SSLSocket:
        """The handshake is still to be done, step by step (`do_handshake`)."""
        name = self._settings.server_name or host
        return self._context.wrap_socket(sock, server_hostname=name, do_handshake_on_connect=False)

    def _load_trust(self) -> None:
        if not self._settings.verifies:
            return
        name = self._settings.ca_cert
        try:
            if name:
                self._context.load_verify_locations(name)
            else:
                self._context.load_default_certs()
        except OSError as error:
            raise ConfigError("security.ca_cert", name, "a readable PEM file") from error

    def _load_identity(self) -> None:
        settings = self._settings
        if not settings.client_cert:
            return
        try:
            self._context.load_cert_chain(
                settings.client_cert,
                settings.client_key or None,
                settings.passphrase or "",
            )
        except OSError as error:
            raise ConfigError(
                "security.client_cert", settings.client_cert, "a readable PEM file with its key"
            ) from error
