"""The heartbeat: sent while all is well, over a checked connection, and never anybody's trouble."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest

from actors.rules.settings import AlertSettings, Settings
from daemon.observe.heartbeat import Heartbeat, get
from daemon.secrets import Secret
from tests.daemon.observe.hook_server import SECRET, HookServer, until


@pytest.fixture
def hook() -> Iterator[HookServer]:
    with HookServer() as server:
        yield server


class Scene:
    def __init__(self, url: str) -> None:
        self.unwell = ""
        self.known: list[str] = []
        self.settings = Settings(alerts=AlertSettings(heartbeat_url="env:BEAT", heartbeat_every_s=1))
        self.heartbeat = Heartbeat(
            settings=lambda: self.settings,
            resolve=lambda _reference: Secret(url),
            know_secrets=self.known.extend,
            why_unwell=self.why_unwell,
            limit_s=0.5,
        )

    async def why_unwell(self) -> str:
        return self.unwell

    def beat(self) -> str:
        return asyncio.run(self.heartbeat.beat("env:BEAT"))


@pytest.mark.rule("LOG-5")
def test_it_is_sent_while_all_is_well_and_not_otherwise(hook: HookServer) -> None:
    scene = Scene(f"http://127.0.0.1:{hook.port}/ping/{SECRET}?a=1")
    assert scene.beat() == ""
    assert hook.asked == [f"/ping/{SECRET}?a=1"]
    scene.unwell = "account binance is not ready"
    assert scene.beat() == "none is sent: account binance is not ready"
    assert len(hook.asked) == 1
    assert SECRET in scene.known


@pytest.mark.rule("LOG-4", "LOG-5")
def test_what_goes_wrong_is_said_in_time_and_without_the_url(hook: HookServer) -> None:
    hook.status = 503
    assert Scene(f"http://127.0.0.1:{hook.port}/{SECRET}").beat() == "answered with status 503"
    for url in (f"http://127.0.0.1:9/{SECRET}", f"https://127.0.0.1:{hook.port}/{SECRET}", f"ftp://{SECRET}/x"):
        error = Scene(url).beat()
        assert error
        assert SECRET not in error
    hook.delay_s = 5.0
    start_s = time.monotonic()
    assert "no answer within" in Scene(f"http://127.0.0.1:{hook.port}/x").beat()
    assert time.monotonic() - start_s < 2


@pytest.mark.parametrize("url", ["file:///etc/passwd", "http://", "http://a b/", "gopher://x/"])
def test_only_http_urls_are_asked(url: str) -> None:
    with pytest.raises((ValueError, OSError)):
        asyncio.run(get(url))


def test_it_goes_on_after_failures_until_it_is_cancelled(hook: HookServer) -> None:
    scene = Scene(f"http://127.0.0.1:{hook.port}/x")
    hook.status = 500

    async def run() -> None:
        task = asyncio.create_task(scene.heartbeat.run())
        await asyncio.to_thread(until, lambda: len(hook.asked) >= 2, 10.0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(run())
