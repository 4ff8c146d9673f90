"""A connection that fails over certificates says so, and not that the daemon does not run (SEC-2)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import ExitStack
from pathlib import Path

import grpc
import pytest
from cryptography import x509

from control.client import Client, ClientError
from control.target import TargetFlags, find_target
from protos.terrace.v1 import engine_pb2 as pb
from tests.daemon.api.certificates import HERE, Made, authority, make
from tests.ports import free_port

Serve = Callable[..., int]
CA = authority()


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Listens with this certificate, or without TLS; the port."""
    with ExitStack() as stack:

        def begin(made: Made | None, client_ca: Made | None = None) -> int:
            server = grpc.server(futures.ThreadPoolExecutor(1))
            address = "127.0.0.1:0"
            if made is None:
                port: int = server.add_insecure_port(address)
            else:
                root = client_ca.pem if client_ca is not None else None
                pairs = [(made.key, made.pem)]
                port = server.add_secure_port(address, grpc.ssl_server_credentials(pairs, root, client_ca is not None))
            server.start()
            stack.callback(server.stop, 0)
            return port

        yield begin


def said(folder: Path, port: int, trusted: Made | None) -> ClientError:
    flags = TargetFlags(address=f"127.0.0.1:{port}", token_file=str(folder / "token"), timeout_s=5)
    (folder / "token").write_text("t")
    if trusted is not None:
        trusted.write(folder, "ca")
        flags = TargetFlags(
            address=flags.address, token_file=flags.token_file, timeout_s=5, tls_ca=str(folder / "ca.pem")
        )
    with Client(find_target(flags, environ={})) as client, pytest.raises(ClientError) as caught:
        client.call(pb.GetStatusRequest(), pb.GetStatusResponse)
    return caught.value


@pytest.mark.rule("SEC-2")
@pytest.mark.parametrize(
    ("made", "client_ca", "trusted", "message", "remedy"),
    [
        (make("terrace", by=CA, names=(HERE,)), None, authority("other"), "not signed by the authority", "--tls-ca"),
        (make("terrace", by=CA, names=(x509.DNSName("else"),)), None, CA, "another name", "--address"),
        (make("terrace", by=CA, names=(HERE,), days=-1), None, CA, "has ended", "api.tls"),
        (make("terrace", by=CA, names=(HERE,)), CA, CA, "hangs up", "--tls-cert"),
        (make("terrace", by=CA, names=(HERE,)), None, None, "hangs up", "--tls-ca"),
        (None, None, CA, "does not speak TLS", "api.tls"),
    ],
    ids=["another authority", "another name", "ended", "wants a certificate", "wants TLS", "no TLS"],
)
def test_what_is_wrong_with_a_certificate_is_said(
    serve: Serve, tmp_path: Path, made: Made | None, client_ca: Made | None, trusted: Made | None,
    message: str, remedy: str,
) -> None:  # fmt: skip
    error = said(tmp_path, serve(made, client_ca), trusted)
    assert message in error.message
    assert remedy in error.remedy
    assert error.exit_code == 5


def test_where_nobody_listens_the_question_is_whether_it_runs(tmp_path: Path) -> None:
    error = said(tmp_path, free_port(), None)
    assert error.message.startswith("the daemon cannot be reached")
    assert error.remedy.startswith("Is it running?")
