"""What gRPC says of a connection that failed over certificates, in words for a person (SEC-2).

All of it comes as UNAVAILABLE, as if nobody were there; only the text tells it from a daemon that does not run.
"""

from __future__ import annotations

from typing import NamedTuple


class TlsFault(NamedTuple):
    message: str
    remedy: str


_FAULTS = (
    (
        "certificate has expired",
        TlsFault("the daemon's certificate has ended", "Renew the files of api.tls on the daemon's machine."),
    ),
    (
        "hostname verification check failed",
        TlsFault(
            "the daemon's certificate is made out to another name than this address",
            "Call it by a name of its certificate (--address), or have one made for this.",
        ),
    ),
    (
        "certificate_verify_failed",
        TlsFault(
            "the daemon's certificate is not signed by the authority that is trusted here",
            "Name the one that signed it: --tls-ca FILE, or tls_ca of the context. Is the address right?",
        ),
    ),
    (
        "wrong_version_number",
        TlsFault("what answers there does not speak TLS", "Leave out --tls-ca, or set api.tls of the daemon."),
    ),
    (
        "socket closed",
        TlsFault(
            "what answers there hangs up at once",
            "It may want TLS (--tls-ca FILE) or a certificate of yours (--tls-cert, --tls-key). "
            "`terrace doctor` tells more.",
        ),
    ),
)
"""By a part of gRPC's words, lower case; the first that fits."""


def tls_fault(text: str) -> TlsFault | None:
    """None: it was not over certificates, as far as the words say. `text`: of a connection that was never made."""
    lower = text.lower()
    return next((fault for part, fault in _FAULTS if part in lower), None)
