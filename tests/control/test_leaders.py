"""Which of several daemons an alert is handed to."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from control.client import ClientError, Invalid, NotPermitted, Target, TokenFile, Unavailable, Unknown
from control.forwarder import leaders
from control.forwarder.leaders import Leaders

STANDBY = Unavailable("it waits", reason="STANDBY", code="UNAVAILABLE")
AWAY = Unavailable("nobody there", code="UNAVAILABLE")


class Daemon:
    """Stands for a client: answers with its address, or raises."""

    all: dict[str, Daemon]

    def __init__(self, target: Target) -> None:
        self.target = target
        self.error: ClientError | None = None
        self.took_s = 0.0
        self.asked = 0
        Daemon.all[target.address] = self

    async def call(self, _request: Any, _answer: Any, *, timeout_s: float, **_more: Any) -> Any:
        self.asked += 1
        await asyncio.sleep(min(self.took_s, timeout_s))
        if self.error is not None:
            raise self.error
        return self.target.address

    async def is_serving(self, *, timeout_s: float) -> bool:
        if self.error is AWAY and timeout_s:
            raise AWAY
        return self.error is None

    async def close(self) -> None: ...


@pytest.fixture(autouse=True)
def _daemons(monkeypatch: pytest.MonkeyPatch) -> None:
    Daemon.all = {}
    monkeypatch.setattr(leaders, "AioClient", Daemon)


def made(addresses: str) -> Leaders:
    return Leaders(Target(address=addresses, token=TokenFile(Path("token"))))


def ask(them: Leaders, timeout_s: float = 1.0) -> str:
    found: Any = asyncio.run(them.call(None, None, timeout_s=timeout_s))  # type: ignore[arg-type]
    return str(found)


@pytest.mark.rule("SIG-12")
@pytest.mark.parametrize("error", [STANDBY, AWAY, Unavailable("", reason="STOPPING"), Unknown("no answer")])
def test_who_does_not_lead_is_left_for_the_next_one_and_not_asked_again(error: ClientError) -> None:
    them = made("one:1, two:2,0.0.0.0:3")
    assert list(Daemon.all) == ["one:1", "two:2", "127.0.0.1:3"]
    Daemon.all["one:1"].error = error
    assert [ask(them), ask(them)] == ["two:2", "two:2"]
    assert Daemon.all["one:1"].asked == 1
    Daemon.all["two:2"].error = AWAY
    Daemon.all["127.0.0.1:3"].error = STANDBY
    Daemon.all["one:1"].error = None
    assert ask(them) == "one:1"


@pytest.mark.rule("SIG-12")
@pytest.mark.parametrize("error", [Invalid("faulty"), NotPermitted("who?"), Unavailable("", reason="STORE_FAILED")])
def test_what_the_leader_says_is_the_answer(error: ClientError) -> None:
    them = made("one:1,two:2")
    Daemon.all["one:1"].error = error
    with pytest.raises(type(error)) as raised:
        ask(them)
    assert raised.value is error
    assert Daemon.all["two:2"].asked == 0


@pytest.mark.rule("SIG-12")
def test_where_nobody_leads_each_is_asked_once() -> None:
    them = made("one:1,two:2")
    Daemon.all["one:1"].error, Daemon.all["two:2"].error = AWAY, STANDBY
    with pytest.raises(Unavailable):
        ask(them)
    assert [daemon.asked for daemon in Daemon.all.values()] == [1, 1]
    with pytest.raises(Unavailable):
        asyncio.run(_nobody_serves())


async def _nobody_serves() -> None:
    them = made("one:1,two:2")
    for daemon in Daemon.all.values():
        daemon.error = AWAY
    await them.is_serving(timeout_s=0.1)


@pytest.mark.rule("SIG-12")
def test_one_that_hangs_uses_the_time_up_and_the_next_try_begins_with_another() -> None:
    them = made("one:1,two:2")
    Daemon.all["one:1"].error, Daemon.all["one:1"].took_s = Unknown("no answer"), 9.0
    with pytest.raises(Unknown):
        ask(them, timeout_s=0.05)
    assert ask(them) == "two:2"


def test_health_is_that_of_the_one_that_leads() -> None:
    them = made("one:1,two:2")
    Daemon.all["one:1"].error = STANDBY
    assert asyncio.run(them.is_serving(timeout_s=0.1))
    assert ask(them) == "two:2"
    Daemon.all["two:2"].error = STANDBY
    assert not asyncio.run(them.is_serving(timeout_s=0.1))
