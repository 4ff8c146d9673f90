"""One channel's process: what a service that is well, slow, dead, rude or endless costs, and what is said of it."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterator

import pytest

from daemon.observe.sender import Sender
from daemon.observe.url_mask import keys_of, parts_of, without_url
from tests.daemon.observe.hook_server import SECRET, HookServer


@pytest.fixture
def hook() -> Iterator[HookServer]:
    with HookServer() as server:
        yield server


def with_sender(use: Callable[[Sender], Awaitable[None]], limit_s: float = 20.0) -> None:
    async def run() -> None:
        sender = Sender(limit_s=limit_s)
        try:
            await use(sender)
        finally:
            await sender.close()

    asyncio.run(run())


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_messages_arrive_one_after_the_other_over_one_process(hook: HookServer) -> None:
    async def use(sender: Sender) -> None:
        assert await asyncio.gather(*(sender.send(hook.url, f"t{n}", "text", "error") for n in range(3))) == [
            "",
            "",
            "",
        ]
        assert hook.titles == ["t0", "t1", "t2"]
        assert hook.messages[0]["message"] == "text"
        pid = sender.pid
        assert pid is not None
        assert await sender.send(hook.url, "t3", "text", "info") == ""
        assert sender.pid == pid
        await sender.close()
        assert not is_alive(pid)

    with_sender(use)


def test_a_refusal_and_a_dead_service_are_said_without_the_url(hook: HookServer) -> None:
    async def use(sender: Sender) -> None:
        hook.status = 500
        refused = await sender.send(hook.url, "t", "text", "error")
        dead = await sender.send(f"json://user:{SECRET}@127.0.0.1:9/{SECRET}", "t", "text", "error")
        nonsense = await sender.send(f"nonsense://{SECRET}/x", "t", "text", "error")
        for error in (refused, dead, nonsense):
            assert error
            assert SECRET not in error
        assert "500" in refused
        hook.status = 200
        assert await sender.send(hook.url, "t", "text", "error") == "", "and it goes on"

    with_sender(use)


def test_a_service_that_hangs_is_left_and_its_process_ended(hook: HookServer) -> None:
    async def use(sender: Sender) -> None:
        assert await sender.send(hook.url, "first", "text", "error") == ""
        pid = sender.pid
        assert pid is not None
        hook.delay_s = 30.0
        start_s = time.monotonic()
        slow = hook.url.replace("rto=5", "rto=60")
        assert "did not answer within 1 s" in await sender.send(slow, "t", "text", "error")
        assert time.monotonic() - start_s < 5
        assert not is_alive(pid)
        hook.delay_s = 0.0
        assert await sender.send(hook.url, "t", "text", "error") == ""

    with_sender(use, limit_s=1.0)


def test_an_answer_without_end_costs_the_daemon_nothing(hook: HookServer) -> None:
    async def use(sender: Sender) -> None:
        hook.size = 200 * 1024**2
        before = resident_kb()
        await sender.send(hook.url, "t", "text", "error")
        assert resident_kb() - before < 50_000
        hook.size = 2
        assert await sender.send(hook.url, "after", "text", "error") == ""

    with_sender(use, limit_s=2.0)


def resident_kb() -> int:
    with open("/proc/self/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))


def test_its_process_gets_no_keys_of_the_environment() -> None:
    sender = Sender(environ={"PATH": "/bin", "BINANCE_SECRET": "x" * 20, "TELEGRAM_URL": "y"})
    assert sender._environ == {"PATH": "/bin"}


def test_every_part_of_a_url_is_masked_as_written_and_decoded() -> None:
    url = "tgram://123456:AAbb-Cc%20dd/98765432?key=Opensesame1"
    for part in ("AAbb-Cc%20dd", "98765432", "Opensesame1", "123456"):
        assert part not in without_url(f"failed: {part} at {url}", url)
    assert url in parts_of(url)
    assert "Opensesame1" in keys_of(url)
    assert "slack" not in keys_of("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/")
