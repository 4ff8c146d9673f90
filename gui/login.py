"""Login with a token, and logout."""

from __future__ import annotations

import time
from collections.abc import Mapping
from math import ceil
from urllib.parse import parse_qs

from jinja2 import Environment, PackageLoader, select_autoescape
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from control.client import ClientError, NotPermitted
from gui.attempts import Attempts
from gui.callers import Caller, identify
from gui.guard import COOKIE, safe_path
from gui.http import login_cookie, redirect
from gui.panel import Panel
from gui.peers import browser_of, is_https

_TEMPLATES = Environment(loader=PackageLoader("gui"), autoescape=select_autoescape())


class Login:
    """Handlers of `/login` and `/logout`."""

    def __init__(self, panel: Panel) -> None:
        self._panel = panel
        self._attempts = Attempts()

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/login", self.show),
            Route("/login", self.take, methods=["POST"]),
            Route("/logout", self.leave, methods=["POST"]),
        ]

    async def show(self, request: Request) -> Response:
        words = _WHY.get(request.query_params.get("why", ""), "")
        return self._page(safe_path(request.query_params.get("then", "/")), words, tone="info")

    async def take(self, request: Request) -> Response:
        form = parse_qs((await request.body()).decode("utf-8", "replace"))
        token, then = form.get("token", [""])[0].strip(), safe_path(form.get("then", ["/"])[0])
        address, now_s = browser_of(request), time.monotonic()
        wait_s = self._attempts.wait_s(address, now_s)
        if wait_s:
            words = f"Too many wrong tokens came from here. Wait {ceil(wait_s)} s, then try again."
            return self._page(then, words, 429, {"retry-after": str(ceil(wait_s))})
        if not token:
            return self._page(then, "Paste a token.", 400)
        try:
            caller = await identify(self._panel.target, token)
        except NotPermitted as error:
            self._attempts.failed(address, now_s)
            return self._page(then, _refused(error), 403)
        except ClientError as error:
            if error.reason != "LOGIN_THROTTLED":
                return self._page(then, _sentence(error), 503)
            self._attempts.failed(address, now_s)
            return self._page(then, _sentence(error), 429)
        self._attempts.succeeded(address)
        self._panel.sessions.end(request.cookies.get(COOKIE, ""))
        return await self._opened(request, caller, then)

    async def _opened(self, request: Request, caller: Caller, then: str) -> Response:
        session = self._panel.sessions.open(caller)
        if session.caller is not caller:
            await caller.client.close()
        answer = redirect(then)
        answer.headers["set-cookie"] = login_cookie(
            session.session_id, is_https=is_https(request), max_age_s=self._panel.options.session_max_s
        )
        return answer

    async def leave(self, request: Request) -> Response:
        self._panel.sessions.end(request.cookies.get(COOKIE, ""))
        answer = Response(b"{}", media_type="application/json")
        answer.headers["set-cookie"] = login_cookie("", is_https=False, max_age_s=0)
        return answer

    def _page(
        self, then: str, words: str = "", status: int = 200, headers: Mapping[str, str] | None = None, tone: str = "bad"
    ) -> Response:
        html = _TEMPLATES.get_template("login.html").render(
            then=then, words=words, tone=tone, theme=self._panel.options.theme
        )
        return HTMLResponse(html, status, headers)


_WHY = {
    "ended": "The login has ended: nobody used it for a while, it was old, its token was revoked, or the panel was "
    "started again. Log in to go on where you were.",
    "left": "You have logged out.",
}


def _refused(error: NotPermitted) -> str:
    if error.code == "PERMISSION_DENIED":
        return "This token may not look at the panel. Log in with one of the role viewer, operator or admin."
    return "This daemon does not know the token, or it has expired or was revoked. Paste the whole text of another."


def _sentence(error: ClientError) -> str:
    """The daemon's words and its remedy, as sentences."""
    parts = [part.strip().rstrip(".") for part in (error.message, error.remedy) if part.strip()]
    return " ".join(f"{part[0].upper()}{part[1:]}." for part in parts)
