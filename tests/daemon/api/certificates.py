"""Certificates made for a test: authorities, servers, callers."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

HERE = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    certificate: x509.Certificate
    private: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key(self) -> bytes:
        form = serialization.PrivateFormat.PKCS8
        return self.private.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())

    @property
    def fingerprint(self) -> str:
        return self.certificate.fingerprint(hashes.SHA256()).hex()

    def write(self, folder: Path, name: str) -> tuple[Path, Path]:
        """`NAME.pem` and `NAME.key`, each replaced at once as a renewal does."""
        folder.mkdir(parents=True, exist_ok=True)
        for path, data in ((folder / f"{name}.pem", self.pem), (folder / f"{name}.key", self.key)):
            draft = path.with_suffix(".draft")
            draft.touch(mode=0o600)
            draft.write_bytes(data)
            os.replace(draft, path)
        return folder / f"{name}.pem", folder / f"{name}.key"


def make(
    name: str,
    *,
    by: Made | None = None,
    names: tuple[x509.GeneralName, ...] = (),
    days: float = 30,
    is_authority: bool = False,
) -> Made:
    """A certificate for `name`, signed by `by` or by itself, that is good until `days` from now."""
    private = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if by is None else by.certificate.subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=60))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return Made(certificate=builder.sign(private if by is None else by.private, hashes.SHA256()), private=private)


def authority(name: str = "authority of the test") -> Made:
    return make(name, is_authority=True)
