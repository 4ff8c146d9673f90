"""Somebody who speaks HTTP to a panel, with or without a browser's manners. Keeps all that was served to it."""

from __future__ import annotations

from types import TracebackType
from typing import Any

import httpx


class Visitor:
    """One browser's cookie jar. `served` is every answer's headers and body, as text."""

    def __init__(self, address: str, served: list[str] | None = None) -> None:
        self.origin = f"http://{address}"
        self.served = [] if served is None else served
        self.http = httpx.Client(base_url=self.origin, timeout=20)

    def __enter__(self) -> Visitor:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        self.http.close()

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        answer = self.http.request(method, path, **more)
        self.served.append(f"{path}\n{answer.headers}\n{answer.text}")
        return answer

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.ask("GET", path, **more)

    def login(self, token: str, **headers: str) -> httpx.Response:
        """The login form, sent as a browser sends it."""
        given = {"origin": self.origin, "sec-fetch-site": "same-origin", **headers}
        return self.ask("POST", "/login", data={"token": token, "then": "/"}, headers=given)

    @property
    def cookie(self) -> str:
        return self.http.cookies.get("terrace_login") or ""

    def me(self) -> dict[str, Any]:
        found: dict[str, Any] = self.get("/me").json()
        return found

    def press(self, verb: str, values: dict[str, Any] | None = None, **headers: str) -> httpx.Response:
        """A button of a page of ours; `headers` lie over the right ones."""
        given = {"origin": self.origin, "sec-fetch-site": "same-origin", "x-terrace": self.me().get("guard", "")}
        return self.ask("POST", f"/act/{verb}", json={"values": values or {}}, headers=given | headers)
