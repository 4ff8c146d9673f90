"""Certificates of the API: the server's own, read again when renewed, and those its callers show (SEC-1, SEC-2)."""

from __future__ import annotations

import hashlib
import os
import stat
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import structlog
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from daemon.config.daemon_settings import TlsSettings

_LOG = structlog.stdlib.get_logger("terrace.security")

LOOK_EVERY_S = 1.0
"""A connection looks for renewed files at most this often."""
WARN_BEFORE = timedelta(days=14)
ENDED, ENDS = "certificate", "certificate_ends"
"""Names of troubles."""
MAX_FILE_BYTES = 1024 * 1024
MAX_READ_CERTIFICATES = 512
"""Callers' certificates kept as read."""
MAX_NAMES = 100

_Stamp = tuple[tuple[int, int, int] | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerCertificate:
    """What a handshake needs, read and found to fit together."""

    key: bytes
    chain: bytes
    client_ca: bytes | None
    not_after: datetime

    def configuration(self) -> grpc.ServerCertificateConfiguration:
        return grpc.ssl_server_certificate_configuration([(self.key, self.chain)], root_certificates=self.client_ca)


def read_server_certificate(tls: TlsSettings) -> ServerCertificate:
    """The files of `api.tls`. OSError if one cannot be read, ValueError with words if they are of no use."""
    assert tls.certificate is not None
    key_file = tls.key or tls.certificate
    chain, key = _read(tls.certificate), _read(key_file)
    certificates = _certificates(chain, tls.certificate)
    if stat.S_IMODE(os.stat(key_file).st_mode) & stat.S_IRWXO:
        raise ValueError(f"{key_file} can be read by everybody: chmod 600 {key_file}")
    try:
        private = serialization.load_pem_private_key(key, password=None)
    except TypeError:
        raise ValueError(f"{key_file} is encrypted: store it without a passphrase, mode 0600") from None
    except Exception:  # What the library raises for a broken key has many types.
        raise ValueError(f"{key_file} holds no private key in PEM form") from None
    if _public(private.public_key()) != _public(certificates[0].public_key()):
        raise ValueError(f"{key_file} is not the key of {tls.certificate}")
    client_ca = None if tls.client_ca is None else _read(tls.client_ca)
    if client_ca is not None and tls.client_ca is not None:
        _certificates(client_ca, tls.client_ca)
    return ServerCertificate(key=key, chain=chain, client_ca=client_ca, not_after=certificates[0].not_valid_after_utc)


class Renewal:
    """Hands gRPC the certificate of `api.tls` and, once its files change, the new one. Connections that stand stay.

    Files that turned faulty change nothing and are logged. gRPC asks from threads of its own.
    """

    def __init__(self, tls: TlsSettings) -> None:
        self._tls = tls
        self._lock = threading.Lock()
        self._stamp = self._stamps()
        self._next_look_s = 0.0
        self._problem = ""
        """Why the files as they are now are not used; empty: they are."""
        self.current = self._handed = read_server_certificate(tls)
        _warn_of_end(self.current)

    def credentials(self) -> grpc.ServerCredentials:
        """With `client_ca` callers must show a certificate of it to be connected at all."""
        renewed: Any = self.renewed  # None, "as before", is allowed.
        return grpc.dynamic_ssl_server_credentials(
            self.current.configuration(), renewed, require_client_authentication=self._tls.client_ca is not None
        )

    def renewed(self) -> grpc.ServerCertificateConfiguration | None:
        """Called at each handshake: a new configuration, or None: the last one stands."""
        with self._lock:
            self._look()
            if self.current is self._handed:
                return None
            self._handed = self.current
            return self.current.configuration()

    def troubles(self, now: datetime) -> dict[str, str]:
        """What a person must see to, by name, in words: `certificate` has ended or its renewal is refused,
        `certificate_ends` within `WARN_BEFORE`."""
        with self._lock:
            self._look()
            end, problem = self.current.not_after, self._problem
        when = f"{end:%Y-%m-%d %H:%M} UTC"
        if now >= end:
            words = f"the API's certificate ended at {when}: callers over TLS do not connect"
            return {ENDED: f"{words}; the new files are not used: {problem}" if problem else words}
        if problem:
            return {ENDED: f"the renewed certificate of the API is not used: {problem}. The one in use ends at {when}"}
        if now + WARN_BEFORE > end:
            return {ENDS: f"the API's certificate ends at {when}"}
        return {}

    def _look(self) -> None:
        """Reads the files again if they are others than before."""
        now_s = time.monotonic()
        if now_s < self._next_look_s:
            return
        self._next_look_s = now_s + LOOK_EVERY_S
        stamp = self._stamps()
        if stamp == self._stamp:
            return
        self._stamp = stamp  # Of half a renewal, too: the other half changes it once more.
        try:
            found = read_server_certificate(self._tls)
        except (OSError, ValueError) as error:
            self._problem = str(error)
            _LOG.error("certificate_refused", problem=self._problem, still=self.current.not_after.isoformat())
            return
        self._problem, self.current = "", found
        _LOG.info("certificate_read", expires=found.not_after.isoformat())
        _warn_of_end(found)

    def _stamps(self) -> _Stamp:
        return tuple(_stamp(path) for path in (self._tls.certificate, self._tls.key, self._tls.client_ca))


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCertificate:
    """What a caller's certificate says; gRPC has checked that `client_ca` signed it."""

    fingerprint: str
    """SHA-256 of it, hexadecimal."""
    names: tuple[str, ...]
    """DNS names, URIs and mail addresses it is made out to; its common name where there are none."""
    not_after: datetime


class ClientCertificates:
    """Reads callers' certificates, each once."""

    def __init__(self) -> None:
        self._read: OrderedDict[bytes, ClientCertificate | None] = OrderedDict()

    def of(self, auth_context: Mapping[str, Iterable[bytes]]) -> ClientCertificate | None:
        """The certificate the connection was made with; None where there is none of use."""
        shown = list(auth_context.get("x509_pem_cert", ()))
        if not shown or b"ssl" not in auth_context.get("transport_security_type", ()):
            return None
        pem = shown[0]
        if pem not in self._read:
            self._read[pem] = _client_certificate(pem)
            while len(self._read) > MAX_READ_CERTIFICATES:
                self._read.popitem(last=False)
        return self._read[pem]


def _client_certificate(pem: bytes) -> ClientCertificate | None:
    try:
        certificate = x509.load_pem_x509_certificate(pem)
        names = _names(certificate)
    except ValueError:
        return None
    inner = certificate.public_bytes(serialization.Encoding.DER)
    return ClientCertificate(
        fingerprint=hashlib.sha256(inner).hexdigest(), names=names, not_after=certificate.not_valid_after_utc
    )


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        found = None
    if found is not None:
        kinds = (x509.DNSName, x509.UniformResourceIdentifier, x509.RFC822Name)
        names = tuple(name for kind in kinds for name in found.get_values_for_type(kind))[:MAX_NAMES]
        if names:
            return names
    common = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return tuple(str(each.value) for each in common[:1])


def _certificates(data: bytes, path: Path) -> list[x509.Certificate]:
    try:
        found = x509.load_pem_x509_certificates(data)
    except ValueError:
        found = []
    if not found:
        raise ValueError(f"{path} holds no certificate in PEM form")
    return found


def _public(key: object) -> bytes:
    made: bytes = key.public_bytes(  # type: ignore[attr-defined]
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return made


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        data = file.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise ValueError(f"{path} is larger than {MAX_FILE_BYTES} bytes")
    return data


def _stamp(path: Path | None) -> tuple[int, int, int] | None:
    try:
        status = os.stat(path) if path is not None else None
    except OSError:
        return None
    return None if status is None else (status.st_mtime_ns, status.st_size, status.st_ino)


def _warn_of_end(certificate: ServerCertificate) -> None:
    if datetime.now(UTC) + WARN_BEFORE > certificate.not_after:
        _LOG.warning("certificate_ends", expires=certificate.not_after.isoformat(), remedy="renew api.tls.certificate")
