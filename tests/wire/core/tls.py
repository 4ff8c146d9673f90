"""The certificate of the TLS port: made for tests, for 127.0.0.1, localhost, *.binance.com and *.bybit.com. It is not
secret and protects nothing.

A client that keeps the venue's real addresses is led here by `resolver(endpoints.tls_port)`:

    session = client_session(endpoints.tls_port)      # on the client's own loop
"""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

CERTIFICATE = Path(__file__).with_name("certificate.pem")
KEY = Path(__file__).with_name("certificate_key.pem")


def server_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE, KEY)
    return context


def client_context() -> ssl.SSLContext:
    """Trusts the simulator and nobody else."""
    return ssl.create_default_context(cafile=str(CERTIFICATE))


class Resolver(AbstractResolver):
    """Every name is the simulator's TLS port."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host="127.0.0.1",
                port=self._port,
                family=socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
        ]

    async def close(self) -> None:
        """Nothing is open."""


def client_session(tls_port: int) -> aiohttp.ClientSession:
    """A session that reaches the simulator under any name, certificate checked. To be made on a running loop."""
    connector = aiohttp.TCPConnector(ssl=client_context(), resolver=Resolver(tls_port))
    return aiohttp.ClientSession(connector=connector)
