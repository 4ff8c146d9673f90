"""Daemon, forwarder and panel as processes, and a browser that looks at them. Nothing but loopback is asked for."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from control.client import Client, ClientError, TargetFlags, TokenFile, find_target
from protos.terrace.v1 import engine_pb2
from tests.ports import free_ports
from tests.system.stack import Stack, until

CHROMIUM = os.environ.get("TERRACE_TEST_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)
SIZES = {"desktop": (1440, 900), "phone": (390, 844)}
IMAGES = Path(__file__).parents[3] / "docs" / "images"
TAKES_PICTURES = "TERRACE_TEST_PICTURES" in os.environ
"""`make pictures` sets it: screenshots go to docs/images, else they are looked at by nobody and not written."""


@contextlib.contextmanager
def open_browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        try:
            yield opened
        finally:
            opened.close()


class Stage:
    """One Terrace. `stack` is daemon and forwarder; `page(...)` a tab of a browser that is logged in."""

    def __init__(self, folder: Path, browser: Any, config: Mapping[str, Any] | None = None) -> None:
        self.port = free_ports(1)[0]
        self.address = f"127.0.0.1:{self.port}"
        self.stack = Stack(folder, {"panel": {"address": self.address}, **(config or {})})
        self._browser = browser
        self._contexts: list[Any] = []
        self.hosts: set[str] = set()
        """Every host any page asked for something."""
        self.errors: list[str] = []
        """What pages wrote to the console as errors."""

    def __enter__(self) -> Stage:
        self.stack.start("daemon", "forwarder")
        self.start_panel()
        return self

    def __exit__(self, *_: object) -> None:
        for context in self._contexts:
            context.close()
        self.stack.stop()

    def start_panel(self) -> None:
        command = [sys.executable, "-m", "gui", "--config", str(self.stack.config_file)]
        self.stack.spawn("panel", command)

        def is_up() -> bool:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return True
            return False

        until(is_up, 150, lambda: "the panel is not up: " + self.stack.log("panel")[-2000:])

    def token(self, role: str = "admin") -> str:
        """A token of this role; made on first use."""
        secrets = self.stack.data_dir / "secrets"
        if role == "admin":
            return (secrets / "admin.token").read_text(encoding="utf-8").strip()
        file = secrets / f"{role}.token"
        if not file.exists():
            self.new_token(role, role)
        return file.read_text(encoding="utf-8").strip()

    def new_token(self, name: str, role: str) -> str:
        """A further token, as soon as the daemon knows it: it reads its file again when that has changed."""
        file = self.stack.data_dir / "secrets" / f"{name}.token"
        self.stack.terrace("token", "create", name, "--role", role, "--out", str(file))
        target = replace(find_target(TargetFlags(config=str(self.stack.config_file))), token=TokenFile(file))

        def is_known() -> bool:
            with contextlib.suppress(ClientError), Client(target) as client:
                client.call(engine_pb2.GetIdentityRequest(), engine_pb2.GetIdentityResponse)
                return True
            return False

        until(is_known, 30, f"the daemon does not know the token {name}")
        return file.read_text(encoding="utf-8").strip()

    def context(self, *, size: str = "desktop", theme: str = "dark") -> Any:
        width, height = SIZES[size]
        opened = self._browser.new_context(
            viewport={"width": width, "height": height}, base_url=f"http://{self.address}", is_mobile=size == "phone"
        )
        opened.add_init_script(
            f"localStorage.getItem('terrace.theme') || localStorage.setItem('terrace.theme', '{theme}')"
        )
        self._contexts.append(opened)
        return opened

    def page(self, path: str = "/", *, role: str = "admin", size: str = "desktop", theme: str = "dark") -> Any:
        """A tab of its own browser context, logged in, at this page."""
        page = self.context(size=size, theme=theme).new_page()
        page.on("request", lambda request: self.hosts.add(request.url.split("/")[2] if "://" in request.url else ""))
        page.on("console", lambda told: self.errors.extend([told.text] if told.type == "error" else []))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.goto("/login?then=" + path)
        page.fill("#token", self.token(role))
        page.click("button[type=submit]")
        page.wait_for_url("**" + path)
        page.wait_for_selector("#terrace-state b:not(:empty)")
        return page

    def picture(self, page: Any, name: str) -> None:
        """A screenshot in docs/images, where pictures are taken."""
        if TAKES_PICTURES:
            IMAGES.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=str(IMAGES / f"{name}.png"))


def violations(page: Any) -> list[str]:
    """What axe finds that is serious or critical, one line each."""
    from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]

    found = Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {one['help']} at {one['nodes'][0]['target']}"
        for one in found
        if one["impact"] in ("serious", "critical")
    ]
