"""What the watchdog looks at, with actors that answer as a test says and a manager that writes down."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from actors.messages import Participant, Ping, Pong
from daemon.service_notify import ServiceNotify
from daemon.service_watch import ServiceWatch, Watched, keep_standby

WATCHDOG_S = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Told(ServiceNotify):
    """Keeps what is told."""

    messages: list[str] = field(default_factory=list)

    def tell(self, *assignments: str) -> None:
        self.messages.append(" ".join(assignments))

    def fed(self) -> int:
        return sum("WATCHDOG=1" in message for message in self.messages)


@dataclass
class Town:
    """Actors by name, those that hang, and what else is looked at."""

    names: list[str] = field(default_factory=lambda: ["supervisor", "journal", "pool/paper"])
    hang: set[str] = field(default_factory=set)
    is_store_well: bool = True
    unreconciled: list[str] = field(default_factory=list)
    dumps: int = 0

    async def ask_async(self, to: str, make: Callable[[Any], object], timeout_s: float) -> object:
        assert isinstance(make(None), Ping)
        if to in self.hang or to not in self.names:
            await asyncio.sleep(timeout_s)
            raise TimeoutError
        return Pong(who=Participant(name=to, incarnation=1))

    def dump(self) -> None:
        self.dumps += 1

    async def waiting(self) -> list[str]:
        return self.unreconciled

    def watch(self, told: Told) -> ServiceWatch:
        watched = Watched(
            system=self,  # type: ignore[arg-type]
            names=lambda: self.names,
            is_store_well=lambda: self.is_store_well,
            unreconciled=self.waiting,
            words=lambda: "serving",
            dump=self.dump,
        )
        return ServiceWatch(told, watched)


def told() -> Told:
    return Told(address="@somebody", watchdog_s=WATCHDOG_S)


async def running(work: Any, for_s: float = 3 * WATCHDOG_S) -> None:
    task = asyncio.ensure_future(work)
    await asyncio.sleep(for_s)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.mark.rule("REC-2")
@pytest.mark.parametrize("name", ["supervisor", "journal", "pool/paper"])
def test_one_actor_that_hangs_ends_the_feeding_and_the_stacks_are_written_once(name: str) -> None:
    notify, town = told(), Town(hang={name})
    asyncio.run(running(town.watch(notify).run()))
    assert notify.fed() == 0
    assert not any("READY=1" in message for message in notify.messages)
    assert f"STATUS=hangs: no answer within 0 s from {name}" in notify.messages
    assert town.dumps == 1


def test_it_is_fed_while_all_answer_and_ready_once_nobody_is_waited_for() -> None:
    notify, town = told(), Town(unreconciled=["binance"])
    watch = town.watch(notify)
    asyncio.run(running(watch.run()))
    assert notify.fed() > 0
    assert all("starting: waits for binance to be reconciled" in message for message in notify.messages)
    town.unreconciled = []
    asyncio.run(running(watch.run()))
    assert sum("READY=1" in message for message in notify.messages) == 1


def test_an_actor_that_came_to_its_end_need_not_answer() -> None:
    notify, town = told(), Town()
    town.names.append("group/1")
    town.hang.add("group/1")

    async def end() -> None:
        task = asyncio.ensure_future(town.watch(notify).run())
        await asyncio.sleep(WATCHDOG_S / 4)
        town.names.remove("group/1")
        await asyncio.sleep(WATCHDOG_S)
        task.cancel()

    asyncio.run(end())
    assert notify.fed() > 0
    assert town.dumps == 0


@pytest.mark.rule("REC-5")
def test_while_the_store_fails_a_restart_is_asked_for_only_if_the_supervisor_hangs() -> None:
    notify, town = told(), Town(hang={"journal", "pool/paper"}, is_store_well=False)
    asyncio.run(running(town.watch(notify).run()))
    assert notify.fed() > 0
    notify, town = told(), Town(hang={"supervisor"}, is_store_well=False)
    asyncio.run(running(town.watch(notify).run()))
    assert notify.fed() == 0


def test_a_standby_is_started_once_it_waits_and_not_while_it_looks_who_leads() -> None:
    notify = told()
    asyncio.run(running(keep_standby(notify, lambda: False)))
    assert notify.messages == []
    asyncio.run(running(keep_standby(notify, lambda: True)))
    assert sum("READY=1" in message for message in notify.messages) == 1
    assert "STATUS=standby: another daemon leads" in notify.messages[0]
    assert notify.fed() > 2


def test_a_reload_makes_nobody_ready() -> None:
    notify, town = told(), Town(unreconciled=["binance"])
    watch = town.watch(notify)
    watch.reloading()
    watch.reloaded()
    assert notify.messages == []
