"""Who is at the other end of a connection: a browser, or a proxy with TLS on this machine that speaks for one."""

from __future__ import annotations

from ipaddress import ip_address

from starlette.requests import Request


def is_loopback(host: str) -> bool:
    """True for an address, or a name, that only this machine reaches."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_https(request: Request) -> bool:
    """Whether the browser came over TLS. Only a proxy on this machine is believed (SEC-2)."""
    if request.url.scheme == "https":
        return True
    return _is_proxied(request) and request.headers.get("x-forwarded-proto", "").strip().lower() == "https"


def browser_of(request: Request) -> str:
    """The address that tries to log in: the peer, or whom a proxy on this machine names last."""
    peer = request.client.host if request.client else ""
    named = request.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
    if not _is_proxied(request) or not named:
        return peer
    try:
        return str(ip_address(named))
    except ValueError:
        return peer


def _is_proxied(request: Request) -> bool:
    return request.client is not None and is_loopback(request.client.host)
