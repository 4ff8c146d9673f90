"""What stands before every request: who asks, whether the page that asks is ours, and what the answer may do.

Pure ASGI, so that streams pass unbuffered. The rules: without a login there is the login page and nothing else; what
changes something must come from our own page (Origin and Fetch metadata) and bring the login's guard; a page may load
nothing from elsewhere and be framed by nobody (SEC-2).
"""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import orjson

from gui.doors import Hashes, Paths
from gui.hosts import Hosts
from gui.sessions import Session, Sessions

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

COOKIE = "terrace_login"
GUARD_HEADER = "x-terrace"
MAX_BODY_BYTES = 1024 * 1024
MAX_LOGIN_BYTES = 8192
"""Of a request that needs no login."""
BODY_S = 10.0
"""A body must have come within this time."""
CHECK_S = 3.0
CHECKS_OVER = 2
"""A stream is looked at every CHECK_S; one that says itself that its login is over has the time between two looks."""
_SAFE = ("GET", "HEAD")


def policy(nonce: str) -> str:
    """The content security policy of a page whose scripts carry `nonce`."""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self' 'nonce-{nonce}'",
            "style-src 'self' 'unsafe-inline'",  # The library sets styles on elements; they can load nothing.
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "connect-src 'self'",
            "manifest-src 'self'",
            "worker-src 'self'",
            "frame-ancestors 'none'",
            "form-action 'self'",
            "base-uri 'self'",
        )
    )


HEADERS: Mapping[bytes, bytes] = {
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"same-origin",  # With `no-referrer` a form would say it comes from nowhere.
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"permissions-policy": b"camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}


BARE_POLICY = b"default-src 'none'; frame-ancestors 'none'; form-action 'self'; base-uri 'none'"
"""Of an answer that is no page."""


JOIN = "/gradio_api/queue/join"
"""Where the library is told what happened in a page; its session is named in the body."""


class Guard:
    """Wraps the whole application. `dress` changes a page's HTML on its way out: it gets the session and the nonce."""

    def __init__(
        self,
        app: Asgi,
        sessions: Sessions,
        paths: Paths,
        hosts: Hosts,
        dress: Callable[[str, Session | None, str, str], str],
    ) -> None:
        self._app = app
        self._sessions = sessions
        self._paths = paths
        self._hosts = hosts
        self._hashes = Hashes()
        self._dress = dress

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return  # No websockets here.
        # The library would take its own address from it; the browser's is in Host.
        scope["headers"] = [(name, value) for name, value in scope["headers"] if name != b"x-forwarded-host"]
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        session = self._sessions.find(cookie(headers), is_use=False)
        scope.setdefault("state", {})["session"] = session
        refusal = self._refusal(scope, headers, session)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        if session is not None and self._is_use(scope["method"], scope["path"]):  # What was refused is no use.
            self._sessions.find(session.session_id)
        taking = self._while_in(receive, session) if scope["method"] in _SAFE else _timely(receive)
        if session is not None and scope["path"] == JOIN:
            taking, body = await _read(taking)
            if not self._hashes.belongs(_session_hash(body), session.session_id):
                await _answer(404, "NOT_FOUND", "there is nothing here")(scope, receive, send)
                return
        await self._app(scope, taking, self._dressed(scope, send, session))

    def _while_in(self, receive: Receive, session: Session | None) -> Receive:
        """A stream ends a little after its login: to whoever writes it the browser has gone."""
        if session is None:
            return receive

        async def take() -> dict[str, Any]:
            checks_over = 0
            while checks_over < CHECKS_OVER:
                try:
                    return await asyncio.wait_for(receive(), CHECK_S)
                except TimeoutError:
                    is_over = self._sessions.find(session.session_id, is_use=False) is None
                    checks_over = checks_over + 1 if is_over else 0
            return {"type": "http.disconnect"}

        return take

    def _is_use(self, method: str, path: str) -> bool:
        """Whether somebody did something: opened a page, pressed a button. What a page asks by itself is none."""
        if method in _SAFE:
            return self._paths.is_page(path)
        return path.startswith(("/act/", "/seen", "/x/", JOIN))

    def _refusal(self, scope: Scope, headers: Mapping[str, str], session: Session | None) -> Asgi | None:
        path, method, query = scope["path"], scope["method"], scope["query_string"].decode("latin-1")
        if not self._hosts.knows(headers.get("host", "")):
            return _answer(421, "UNKNOWN_HOST", "the panel is not known under this name", _NAME_IT)
        if session is None and not self._paths.is_open(path):
            is_page = method in _SAFE and "text/html" in headers.get("accept", "")
            is_ended = cookie(headers) is not None
            return (
                _to_login(path, query, is_ended)
                if is_page
                else _answer(401, "LOGIN_NEEDED", "log in again: the login has ended")
            )
        is_other = session is not None and not self._hashes.allows(path, parse_qs(query), session.session_id)
        if is_other or not self._paths.is_there(path):
            return _answer(404, "NOT_FOUND", "there is nothing here")
        if method in _SAFE and not self._paths.is_posted(path):
            return self._foreign_look(path, headers, session)
        if method != "POST":
            return _answer(405, "BAD_METHOD", "GET and POST are all there is")
        return _forged(path, headers, session) or _unbounded(headers, session)

    def _foreign_look(self, path: str, headers: Mapping[str, str], session: Session | None) -> Asgi | None:
        """Another site may lead to a page; it may not fetch, embed or download anything under this browser's login."""
        if session is None or headers.get("sec-fetch-site", "none") in ("none", "same-origin"):
            return None
        is_visit = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
        if is_visit and (self._paths.is_page(path) or path == "/login"):
            return None
        return _answer(403, "FOREIGN_PAGE", "this request does not come from a page of this panel")

    def _dressed(self, scope: Scope, send: Send, session: Session | None) -> Send:
        """Adds the headers; a page is held until it is whole, dressed, and sent on."""
        nonce = secrets.token_urlsafe(18)
        started: list[dict[str, Any]] = []
        body = bytearray()

        async def pass_on(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                kind = dict(message["headers"]).get(b"content-type", b"")
                message = {**message, "headers": _headers(message["headers"], nonce, scope["path"])}
                if kind.startswith(b"text/html"):
                    started.append(message)
                    return
            elif started:
                body.extend(message.get("body", b""))
                if not message.get("more_body"):
                    page = self._dress(body.decode("utf-8", "replace"), session, nonce, scope["path"]).encode()
                    kept = [(k, v) for k, v in started[0]["headers"] if k.lower() != b"content-length"]
                    length = (b"content-length", str(len(page)).encode())
                    await send({**started[0], "headers": [*kept, length]})
                    await send({"type": "http.response.body", "body": page})
                return
            await send(message)

        return pass_on


def cookie(headers: Mapping[str, str]) -> str | None:
    """The login's number; None where the browser brings none."""
    for part in headers.get("cookie", "").split(";"):
        name, _, value = part.strip().partition("=")
        if name == COOKIE:
            return value
    return None


def _is_from_our_page(headers: Mapping[str, str]) -> bool:
    site = headers.get("sec-fetch-site")
    if site is not None and site != "same-origin":
        return False
    origin = headers.get("origin")
    if origin is None:
        return site == "same-origin"
    return urlsplit(origin).netloc == headers.get("host", "")


def _headers(given: list[tuple[bytes, bytes]], nonce: str, path: str) -> list[tuple[bytes, bytes]]:
    kept = [
        (k, v) for k, v in given if not k.lower().startswith((b"server", b"access-control-", b"link", b"x-powered"))
    ]
    kept += list(HEADERS.items())
    kept.append((b"content-security-policy", policy(nonce).encode()))
    if not any(k.lower() == b"cache-control" for k, _ in kept) and not path.startswith("/assets/"):
        kept.append((b"cache-control", b"no-store"))
    return kept


def _forged(path: str, headers: Mapping[str, str], session: Session | None) -> Asgi | None:
    """A change that another site asks for, or somebody who does not know the login's guard."""
    if not _is_from_our_page(headers):
        return _answer(403, "FOREIGN_PAGE", "this request does not come from a page of this panel")
    is_ours = not path.startswith(("/gradio_api/", "/login"))
    if is_ours and session is not None and not session.allows(headers.get(GUARD_HEADER, "")):
        return _answer(403, "FOREIGN_PAGE", "this request does not come from a page of this panel: reload it")
    return None


def _unbounded(headers: Mapping[str, str], session: Session | None) -> Asgi | None:
    """A body that does not say how long it is, or is too long."""
    length = headers.get("content-length", "")
    if not (length.isascii() and length.isdigit()) or "transfer-encoding" in headers:  # Chunks count, not the length.
        return _answer(411, "LENGTH_NEEDED", "say how long the body is: content-length")
    most = MAX_BODY_BYTES if session is not None else MAX_LOGIN_BYTES
    if len(length) > 12 or int(length) > most:
        return _answer(413, "TOO_LARGE", f"the body is larger than {most} bytes")
    return None


def _timely(receive: Receive) -> Receive:
    """A body that does not come in time is given up."""
    end_s = time.monotonic() + BODY_S
    is_whole = False

    async def take() -> dict[str, Any]:
        nonlocal is_whole
        if is_whole:
            return await receive()
        try:
            message = await asyncio.wait_for(receive(), max(end_s - time.monotonic(), 0.0))
        except TimeoutError:
            return {"type": "http.disconnect"}
        is_whole = not message.get("more_body", False)
        return message

    return take


async def _read(receive: Receive) -> tuple[Receive, bytes]:
    """The whole body, whose length was bounded before, and a way to take it once more."""
    body = bytearray()
    message: dict[str, Any] = {"more_body": True}
    while message.get("more_body", False):
        message = await receive()
        body.extend(message.get("body", b""))
    taken = [{**message, "body": bytes(body)} if message["type"] == "http.request" else message]

    async def again() -> dict[str, Any]:
        return taken.pop() if taken else await receive()

    return again, bytes(body)


def _session_hash(body: bytes) -> str:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ""
    return str(found.get("session_hash") or "") if isinstance(found, dict) else ""


def _to_login(path: str, query: str, is_ended: bool) -> Asgi:
    told = {"then": safe_path(f"{path}?{query}" if query else path)} | ({"why": "ended"} if is_ended else {})
    where = f"/login?{urlencode(told)}".encode()

    async def answer(_scope: Scope, _receive: Receive, send: Send) -> None:
        headers = [(b"location", where), (b"content-length", b"0"), *BARE_HEADERS.items()]
        await send({"type": "http.response.start", "status": 303, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    return answer


def safe_path(path: str) -> str:
    """A page of ours, with its query and mark; never an address elsewhere."""
    return path if len(path) <= 500 and _PATH.fullmatch(path) else "/"


_PATH = re.compile(r"/[a-z]*(\?[\w=&.,:%+*~-]*)?(#[\w.:-]*)?", re.ASCII)
BARE_HEADERS: Mapping[bytes, bytes] = {
    **HEADERS,
    b"content-security-policy": BARE_POLICY,
    b"cache-control": b"no-store",
}
"""Of an answer that is no page."""


_NAME_IT = (
    "If it is meant, as the name of a proxy before the panel, write it into panel.hosts and start the panel again."
)


def _answer(status: int, reason: str, message: str, remedy: str = "") -> Asgi:
    body = orjson.dumps({"error": {"reason": reason, "message": message, "remedy": remedy}})

    async def answer(_scope: Scope, _receive: Receive, send: Send) -> None:
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            *BARE_HEADERS.items(),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return answer
