"""The API behind certificates: its own, its callers', and what is not let in."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from daemon.api.certificates import ENDED, ENDS, ClientCertificates, Renewal, read_server_certificate
from daemon.app import StartRefused
from daemon.config.daemon_settings import TlsSettings
from daemon.tokens import Token, TokenRole, load_tokens, write_tokens
from protos.terrace.v1 import engine_pb2, group_pb2
from tests.daemon.api.calls import Client, refusal
from tests.daemon.api.certificates import HERE, Made, authority, make
from tests.daemon.api.conftest import Serve, Served

LIST = group_pb2.ListGroupsRequest()


def tls(folder: Path, server: Made, client_ca: Made | None = None) -> dict[str, Any]:
    """The part of a config that serves with this certificate; callers need one of `client_ca`."""
    certificate, key = server.write(folder, "server")
    files: dict[str, Any] = {"certificate": str(certificate), "key": str(key)}
    if client_ca is not None:
        files["client_ca"] = str(client_ca.write(folder, "client_ca")[0])
    return {"api": {"tls": files}}


def knowing(*entries: Token) -> Any:
    """Adds entries to the token file before the daemon starts."""

    def add(served: Served) -> None:
        path = served.data_dir / "secrets" / "tokens.yaml"
        table = load_tokens(path)
        write_tokens(path, (*table.tokens, *entries))  # type: ignore[union-attr]

    return add


@contextmanager
def calling(served: Served, trusted: Made, shown: Made | None = None, token: str = "") -> Iterator[Client]:
    """A client over TLS that trusts one authority and may show a certificate of its own."""
    credentials = grpc.ssl_channel_credentials(
        trusted.pem, None if shown is None else shown.key, None if shown is None else shown.pem
    )
    options = (("grpc.use_local_subchannel_pool", 1),)  # Else a later client would find an earlier one's connection.
    client = Client(grpc.secure_channel(f"127.0.0.1:{served.daemon.port}", credentials, options), token)
    try:
        yield client
    finally:
        client.close()


def is_connected(client: Client) -> bool:
    """Whether a call gets as far as the gate."""
    try:
        client.groups.ListGroups(LIST, timeout=3)
    except grpc.RpcError as error:
        return error.code() is not grpc.StatusCode.UNAVAILABLE
    return True


@pytest.mark.rule("SEC-2")
def test_with_a_certificate_the_api_speaks_tls_and_nothing_else_on_its_port(serve: Serve, tmp_path: Path) -> None:
    ca = authority()
    served = serve(tls(tmp_path, make("terrace", by=ca, names=(HERE,))))
    with calling(served, ca, token="token-of-admin") as client:
        assert not client.groups.ListGroups(LIST).groups
    plain = served.client("admin")
    with pytest.raises(grpc.RpcError) as refused:
        plain.groups.ListGroups(LIST, timeout=3)
    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE


@pytest.mark.rule("SEC-2")
def test_a_client_does_not_talk_to_a_daemon_whose_certificate_another_authority_signed(
    serve: Serve, tmp_path: Path
) -> None:
    ca, other = authority(), authority("another")
    served = serve(tls(tmp_path, make("terrace", by=ca, names=(HERE,))))
    with calling(served, other, token="token-of-admin") as client:
        assert not is_connected(client)


@pytest.mark.rule("SEC-1", "SEC-2")
@pytest.mark.parametrize("fault", ["none", "of another authority", "expired", "signed by itself"])
def test_with_a_client_ca_nobody_is_connected_without_a_good_certificate_whatever_the_token(
    serve: Serve, tmp_path: Path, fault: str
) -> None:
    ca = authority()
    served = serve(tls(tmp_path, make("terrace", by=ca, names=(HERE,)), ca))
    shown = {
        "none": None,
        "of another authority": make("grafana", by=authority("another")),
        "expired": make("grafana", by=ca, days=-1),
        "signed by itself": make("grafana"),
    }[fault]
    with calling(served, ca, shown, "token-of-admin") as client:
        assert not is_connected(client)
    with calling(served, ca, make("anybody", by=ca), "token-of-admin") as client:
        assert is_connected(client)


@pytest.mark.rule("SEC-1")
def test_a_certificate_says_who_calls_by_name_or_by_fingerprint_and_its_entry_says_what_it_may(
    serve: Serve, tmp_path: Path
) -> None:
    ca = authority()
    named = make("ignored", by=ca, names=(x509.DNSName("grafana.example"), x509.DNSName("second.example")))
    by_common_name, exact = make("desk", by=ca), make("pinned", by=ca)
    add = knowing(
        Token(name="grafana", role=TokenRole.VIEWER, certificate="name:grafana.example"),
        Token(name="desk", role=TokenRole.OPERATOR, certificate="name:desk"),
        Token(name="boss", role=TokenRole.ADMIN, certificate=f"sha256:{exact.fingerprint}"),
        Token(name="old", role=TokenRole.ADMIN, certificate="name:ignored"),
    )
    served = serve(tls(tmp_path, make("terrace", by=ca, names=(HERE,)), ca), before=add)
    pause = engine_pb2.PauseEngineRequest()
    with calling(served, ca, named) as viewer:
        assert not viewer.groups.ListGroups(LIST).groups
        refused = refusal(lambda: viewer.engine.PauseEngine(pause))
        assert (refused.reason, "viewer" in refused.message) == ("PERMISSION_DENIED", True)
    with calling(served, ca, by_common_name) as operator:
        operator.engine.PauseEngine(pause)
    with calling(served, ca, exact) as admin:
        admin.engine.GetStatus(engine_pb2.GetStatusRequest())
    for shown in (make("nobody", by=ca), make("pinned", by=ca)):  # The name alone is not the fingerprint.
        with calling(served, ca, shown) as stranger:
            assert refusal(lambda: stranger.groups.ListGroups(LIST)).reason == "UNAUTHENTICATED"


@pytest.mark.rule("SEC-1")
def test_a_token_that_is_shown_counts_and_a_wrong_one_is_not_saved_by_the_certificate(
    serve: Serve, tmp_path: Path
) -> None:
    ca = authority()
    desk = make("desk", by=ca)
    add = knowing(Token(name="desk", role=TokenRole.ADMIN, certificate="name:desk"))
    served = serve(tls(tmp_path, make("terrace", by=ca, names=(HERE,)), ca), before=add)
    with calling(served, ca, desk, "token-of-viewer") as client:
        assert refusal(lambda: client.engine.PauseEngine(engine_pb2.PauseEngineRequest())).reason == "PERMISSION_DENIED"
    with calling(served, ca, desk, "revoked") as client:
        assert refusal(lambda: client.groups.ListGroups(LIST)).reason == "UNAUTHENTICATED"


@pytest.mark.rule("SEC-1")
def test_a_certificate_whose_entry_is_gone_or_has_expired_is_refused_on_a_connection_that_stands(
    serve: Serve, tmp_path: Path
) -> None:
    ca = authority()
    desk, late = make("desk", by=ca), make("late", by=ca)
    past = datetime.now(UTC) - timedelta(seconds=1)
    add = knowing(
        Token(name="desk", role=TokenRole.VIEWER, certificate="name:desk"),
        Token(name="late", role=TokenRole.VIEWER, certificate="name:late", expires=past),
    )
    served = serve(tls(tmp_path, make("terrace", by=ca, names=(HERE,)), ca), before=add)
    with calling(served, ca, late) as client:
        assert refusal(lambda: client.groups.ListGroups(LIST)).reason == "UNAUTHENTICATED"
    with calling(served, ca, desk) as client:
        client.groups.ListGroups(LIST)
        path = served.data_dir / "secrets" / "tokens.yaml"
        table = load_tokens(path)
        write_tokens(path, [token for token in table.tokens if token.name != "desk"])  # type: ignore[union-attr]
        limit_s = time.monotonic() + 10
        while _is_answered(client) and time.monotonic() < limit_s:
            time.sleep(0.1)
        assert refusal(lambda: client.groups.ListGroups(LIST)).reason == "UNAUTHENTICATED"


def _is_answered(client: Client) -> bool:
    try:
        client.groups.ListGroups(LIST)
    except grpc.RpcError:
        return False
    return True


@pytest.mark.rule("SEC-2")
def test_a_renewed_certificate_is_shown_without_a_restart_and_half_a_renewal_changes_nothing(
    serve: Serve, tmp_path: Path
) -> None:
    ca = authority()
    first, second = (make(f"terrace {number}", by=ca, names=(HERE,)) for number in (1, 2))
    served = serve(tls(tmp_path, first))
    with calling(served, ca, token="token-of-admin") as before:
        before.groups.ListGroups(LIST)
        assert _shown_by(served, ca) == "terrace 1"
        (tmp_path / "server.pem").write_bytes(second.pem)
        time.sleep(1.1)
        assert _shown_by(served, ca) == "terrace 1"
        second.write(tmp_path, "server")
        time.sleep(1.1)
        assert _shown_by(served, ca) == "terrace 2"
        before.groups.ListGroups(LIST)
    served.stop()
    log = (served.data_dir / "logs" / "terrace.jsonl").read_text(encoding="utf-8")
    assert log.count("certificate_refused") == 1
    assert log.count("certificate_read") == 1


@pytest.mark.rule("SEC-2", "LOG-5")
def test_a_certificate_says_in_time_that_it_ends_and_that_its_renewal_is_refused(tmp_path: Path) -> None:
    ca = authority()
    made = make("terrace", by=ca, names=(HERE,), days=30)
    certificate, key = made.write(tmp_path, "server")
    renewal = Renewal(TlsSettings(certificate=certificate, key=key, client_ca=None))
    now = datetime.now(UTC)
    assert renewal.troubles(now) == {}
    (soon,) = renewal.troubles(now + timedelta(days=17)).items()
    assert (soon[0], f"ends at {made.certificate.not_valid_after_utc:%Y-%m-%d}" in soon[1]) == (ENDS, True)
    assert list(renewal.troubles(now + timedelta(days=31))) == [ENDED]
    certificate.write_bytes(make("another", by=ca, names=(HERE,)).pem)
    time.sleep(1.1)
    (refused,) = renewal.troubles(now).items()
    assert (refused[0], "server.key is not the key of" in refused[1]) == (ENDED, True)
    assert renewal.renewed() is None, "the old one is shown on"
    make("terrace", by=ca, names=(HERE,), days=60).write(tmp_path, "server")
    time.sleep(1.1)
    assert renewal.troubles(now + timedelta(days=31)) == {}
    assert renewal.renewed() is not None, "it was read by the look at it, and is still to be shown"
    assert renewal.renewed() is None


def _shown_by(served: Served, ca: Made) -> str:
    context = ssl.create_default_context(cadata=ca.pem.decode())
    address = ("127.0.0.1", served.daemon.port)
    with socket.create_connection(address, 5) as raw, context.wrap_socket(raw, server_hostname="127.0.0.1") as secure:
        subject: Any = secure.getpeercert()
    return str(dict(pair[0] for pair in subject["subject"])["commonName"])


@pytest.mark.rule("SEC-2")
@pytest.mark.parametrize("fault", ["key of another", "no key", "no certificate", "encrypted", "everybody", "missing"])
def test_a_certificate_of_no_use_stops_the_start_with_words(tmp_path: Path, fault: str) -> None:
    made = make("terrace", names=(HERE,))
    certificate, key = made.write(tmp_path, "server")
    if fault == "key of another":
        key.write_bytes(make("other").key)
    elif fault == "no key":
        key.write_text("nothing")
    elif fault == "no certificate":
        certificate.write_text("nothing")
    elif fault == "encrypted":
        locked = serialization.BestAvailableEncryption(b"words")
        key.write_bytes(
            made.private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked)
        )
    elif fault == "everybody":
        key.chmod(0o644)
    else:
        key.unlink()
    with pytest.raises((ValueError, OSError)) as refused:
        read_server_certificate(TlsSettings(certificate=certificate, key=key, client_ca=None))
    assert str(tmp_path) in str(refused.value)


@pytest.mark.rule("SEC-2")
def test_the_daemon_does_not_start_with_a_key_everybody_may_read(serve: Serve, tmp_path: Path) -> None:
    config = tls(tmp_path, make("terrace", names=(HERE,)))
    (tmp_path / "server.key").chmod(0o604)
    made: list[Served] = []
    with pytest.raises(AssertionError, match="chmod 600"):
        serve(config, before=made.append)
    failure = made[0]._failure
    assert isinstance(failure, StartRefused)
    made[0]._failure = None


def test_a_connection_without_a_certificate_or_with_one_that_is_none_is_nobody() -> None:
    read = ClientCertificates()
    assert read.of({}) is None
    assert read.of({"transport_security_type": [b"ssl"], "x509_pem_cert": [b"nonsense"]}) is None
    pem = make("desk").pem
    assert read.of({"transport_security_type": [b"insecure"], "x509_pem_cert": [pem]}) is None
    found = read.of({"transport_security_type": [b"ssl"], "x509_pem_cert": [pem]})
    assert found is not None
    assert found.names == ("desk",)
