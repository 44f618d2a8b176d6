# SPDX-License-Identifier: GPL-2.0-or-later
"""TLS to an orchestrator: trust, client certificate, resumption, and what is done before the time
is known.

The clock rule. OpenSSL judges certificates by the router's clock, which at boot says 1970 or the
date of the last written file. Three lower bounds on the true time are known: the build of this
package, the router's clock, and what a time server says over the bound link. Certificates are
judged at the latest of them: - the router's clock is past the build: OpenSSL judges as usual; if it
then finds a certificate that is not valid *yet*, the clock may be behind, so a time server is
asked, and believed only if it says later; - otherwise a time server is asked first. If it answers,
both dates are judged by its time; if not, a certificate that had expired before the build is
refused, and one that begins later than the build is accepted, because the true time is later than
the build. A time server can so never bring an expired certificate back. In those cases OpenSSL
checks everything but the dates, and the dates of the server's own certificate are checked here
(Python before 3.13 does not show the rest of the chain).
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any

from remsim.clock import Clock, Deadline
from remsim.errors import ConfigError, PeerNonsense, PeerRejected, PeerUnreachable, RemsimError
from remsim.net.bind import LimitedSocket, arm, count
from remsim.orchestrator.api import Target, TlsSettings

NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME, openssl/x509_vfy.h; not in ssl.VerifyFlags
NOT_YET_VALID = 9  # X509_V_ERR_CERT_NOT_YET_VALID
VERIFY_WORDS = {  # X509_V_ERR_*, openssl/x509_vfy.h
    9: "CERT_NOT_YET_VALID",
    10: "CERT_HAS_EXPIRED",
    18: "SELF_SIGNED_CERT",
    19: "SELF_SIGNED_CERT_IN_CHAIN",
    20: "UNKNOWN_ISSUER",
    21: "UNKNOWN_ISSUER",
    23: "CERT_REVOKED",
    62: "HOSTNAME_MISMATCH",
    64: "IP_ADDRESS_MISMATCH",
}
TIME_SHARE = 1 / 3  # of what is left of a deadline may go into asking the time
TIME_RETRY_S = 60.0  # after time servers did not answer
SESSIONS_MAX = 8  # hosts whose session is remembered

AskTime = Callable[[Deadline], float]


class LimitedTlsSocket(ssl.SSLSocket):
    """As `LimitedSocket`, inside TLS: one deadline for all calls, quota on the plain bytes."""

    deadline: Deadline | None = None
    quota_bytes: int | None = None
    taken_bytes: int = 0

    def limit(self, deadline: Deadline, quota_bytes: int) -> None:
        self.deadline = deadline
        self.quota_bytes = quota_bytes
        self.taken_bytes = 0

    def recv_into(self, buffer: Any, nbytes: int | None = None, flags: int = 0) -> int:
        arm(self)
        return count(self, super().recv_into(buffer, nbytes, flags))

    def send(self, data: Any, flags: int = 0) -> int:
        arm(self)
        return super().send(data, flags)

    def do_handshake(self, block: bool = False) -> None:
        arm(self)
        super().do_handshake(block)


class NotYetValid(PeerRejected):
    """The certificate begins after what the router's clock says. Asking the time may help."""


class TlsClient:
    """Makes TLS connections on connected sockets. One thread. Files are read at the first
    connection.
    """

    def __init__(self, settings: TlsSettings, clock: Clock, ask_time: AskTime) -> None:
        self._settings = settings
        self._clock = clock
        self._ask_time = ask_time
        self._by_openssl: ssl.SSLContext | None = None
        self._by_us: ssl.SSLContext | None = None
        self._sessions: dict[tuple[Target, bool], ssl.SSLSession] = {}
        self._wall_minus_monotonic: float | None = None  # from a time server
        self._ask_again_at = 0.0
        self._distrusts_clock = False

    def wrap(self, sock: LimitedSocket, target: Target, deadline: Deadline) -> LimitedTlsSocket:
        """PeerRejected names what is wrong with a certificate. The socket is closed on failure."""
        try:
            return self._wrap(sock, target, deadline)
        except (OSError, RemsimError) as error:
            sock.close()
            if isinstance(error, RemsimError):
                raise
            raise explain(error, target) from error

    def learn_time(self, deadline: Deadline) -> bool:
        """After NotYetValid: whether a time server says that it is later than the router's
        clock.
        """
        self._distrusts_clock = True
        told = self._told_time(deadline)
        return told is not None and told > self._clock.wall()

    def remember(self, tls: LimitedTlsSocket, target: Target) -> None:
        """Keep the session for the next connection; with TLS 1.3 it exists only after the first
        answer.
        """
        session = tls.session
        if session is None or not session.has_ticket:
            return
        self._sessions[(target, tls.context is self._by_us)] = session
        while len(self._sessions) > SESSIONS_MAX:
            del self._sessions[next(iter(self._sessions))]

    def _wrap(self, sock: LimitedSocket, target: Target, deadline: Deadline) -> LimitedTlsSocket:
        judged_at = self._judged_at(deadline) if self._settings.verify else None
        context = self._context(judged_at is not None)
        tls = context.wrap_socket(
            sock,
            server_hostname=self._settings.server_name or target.host,
            session=self._sessions.get((target, context is self._by_us)),
            do_handshake_on_connect=False,
        )
        if not isinstance(tls, LimitedTlsSocket):
            raise TypeError("ssl made another kind of socket")
        try:
            tls.deadline = deadline
            tls.do_handshake()
            if judged_at is not None:
                _check_dates(tls, target, *judged_at)
        except (OSError, RemsimError):
            tls.close()
            raise
        return tls

    def _judged_at(self, deadline: Deadline) -> tuple[float, bool] | None:
        """None: let OpenSSL use the router's clock. Otherwise a time, and whether it is more than a
        bound.
        """
        wall = self._clock.wall()
        is_set = wall >= self._settings.build_time_s
        if is_set and not self._distrusts_clock:
            return None
        told = self._told_time(deadline)
        if is_set:
            return (told, True) if told is not None and told > wall else None
        return (told, True) if told is not None else (self._settings.build_time_s, False)

    def _told_time(self, deadline: Deadline) -> float | None:
        """The wall clock according to a time server; None if none answers. Asked once, then
        reckoned on.
        """
        now = self._clock.monotonic()
        if self._wall_minus_monotonic is None and now >= self._ask_again_at:
            share = Deadline.after(self._clock, deadline.left_s * TIME_SHARE)
            try:
                told = self._ask_time(share)
                self._wall_minus_monotonic = told - self._clock.monotonic()
            except (PeerUnreachable, PeerNonsense):
                self._ask_again_at = now + TIME_RETRY_S
        if self._wall_minus_monotonic is None:
            return None
        return self._wall_minus_monotonic + self._clock.monotonic()

    def _context(self, dates_by_us: bool) -> ssl.SSLContext:
        if dates_by_us:
            self._by_us = self._by_us or make_context(self._settings, NO_CHECK_TIME)
            return self._by_us
        self._by_openssl = self._by_openssl or make_context(self._settings, 0)
        return self._by_openssl


def make_context(settings: TlsSettings, verify_flags: int) -> ssl.SSLContext:
    """ConfigError names the file that cannot be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.sslsocket_class = LimitedTlsSocket
    if not settings.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif settings.ca_file:
        _load(
            "security.ca_cert",
            settings.ca_file,
            lambda: context.load_verify_locations(settings.ca_file),
        )
    else:
        context.load_default_certs()
    context.verify_flags |= verify_flags
    if settings.cert_file:
        # Without a password function OpenSSL would ask for it on the terminal and wait for ever.
        passphrase = settings.key_passphrase
        _load(
            "security.client_cert",
            settings.cert_file,
            lambda: context.load_cert_chain(
                settings.cert_file, settings.key_file or None, lambda: passphrase
            ),
        )
    return context


def explain(error: OSError, target: Target) -> PeerRejected | PeerNonsense | PeerUnreachable:
    """A failed handshake or a failure inside TLS in words. The word is OpenSSL's own, or close to
    it.
    """
    if isinstance(error, ssl.SSLCertVerificationError):
        word = VERIFY_WORDS.get(error.verify_code, f"X509 {error.verify_code}")
        reason = f"certificate refused: {error.verify_message}"
        kind = NotYetValid if error.verify_code == NOT_YET_VALID else PeerRejected
        return kind(str(target), reason, word=word)
    if isinstance(error, TimeoutError):
        return PeerUnreachable(str(target), "TLS handshake not finished in time", word="ETIMEDOUT")
    if isinstance(error, ssl.SSLError) and error.reason:
        if "ALERT" in error.reason:
            return PeerRejected(
                str(target), f"the server refuses TLS: {_plain(error)}", word=error.reason
            )
        return PeerNonsense(str(target), f"TLS failed: {_plain(error)}", word=error.reason)
    return PeerUnreachable(str(target), "connection closed during TLS", word="ECONNRESET")


def _plain(error: ssl.SSLError) -> str:
    return error.reason.lower().replace("_", " ")


def _check_dates(tls: ssl.SSLSocket, target: Target, judged_at: float, is_exact: bool) -> None:
    certificate = tls.getpeercert() or {}
    if ssl.cert_time_to_seconds(str(certificate["notAfter"])) < judged_at:
        raise PeerRejected(
            str(target), "certificate refused: it has expired", word="CERT_HAS_EXPIRED"
        )
    if is_exact and ssl.cert_time_to_seconds(str(certificate["notBefore"])) > judged_at:
        raise PeerRejected(
            str(target), "certificate refused: it is not valid yet", word="CERT_NOT_YET_VALID"
        )


def _load(option: str, path: str, load: Callable[[], None]) -> None:
    try:
        load()
    except FileNotFoundError as error:
        raise ConfigError(option, path, "a file that exists") from error
    except (OSError, ValueError) as error:
        raise ConfigError(
            option, path, "a usable PEM file (wrong key, passphrase or format)"
        ) from error
