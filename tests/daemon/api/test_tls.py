"""The API behind a certificate."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest

from protos.terrace.v1 import group_pb2
from tests.daemon.api.calls import Client
from tests.daemon.api.conftest import Serve

x509 = pytest.importorskip("cryptography.x509")


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1 and its key."""
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "terrace test")])
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = folder / "certificate.pem", folder / "key.pem"
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate_file, key_file


@pytest.mark.rule("SEC-2")
def test_with_a_certificate_the_api_speaks_tls_and_nothing_else_on_its_port(serve: Serve, tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    served = serve({"api": {"tls": {"certificate": str(certificate), "key": str(key)}}})
    address = f"127.0.0.1:{served.daemon.port}"
    credentials = grpc.ssl_channel_credentials(certificate.read_bytes())
    secure = Client(grpc.secure_channel(address, credentials), "token-of-admin")
    assert not secure.groups.ListGroups(group_pb2.ListGroupsRequest()).groups
    secure.close()
    plain = Client(grpc.insecure_channel(address), "token-of-admin")
    with pytest.raises(grpc.RpcError):
        plain.groups.ListGroups(group_pb2.ListGroupsRequest(), timeout=3)
    plain.close()
