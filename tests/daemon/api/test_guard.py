"""What happens around a call, with an engine that answers what the test says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, cast

import pytest

from actors.messages import ReplyTo
from actors.rules.model import Reason, Refused
from actors.rules.settings import Settings
from daemon.api.auth import CALLER, Caller
from daemon.api.condition import Condition
from daemon.api.engine import Engine, InFlight, timeout_s
from daemon.api.errors import Failed
from daemon.api.guard import MAX_REMEMBERED, Repeats, describe
from daemon.tokens import TokenRole
from protos.terrace.v1 import engine_pb2, queue_pb2, secret_pb2, signal_pb2, types_pb2
from tests.daemon.api.loops import in_loop


class Silent:
    """A system whose actors never answer, or answer with `answer`."""

    def __init__(self, answer: object = None) -> None:
        self.answer = answer
        self.told: list[tuple[object, object]] = []

    def tell(self, to: str | ReplyTo, message: object) -> None:
        self.told.append((to, message))

    async def ask_async(self, to: str, make: Callable[[ReplyTo], object], timeout_s: float) -> object:
        self.told.append((to, make))
        if self.answer is None:
            await asyncio.sleep(timeout_s)
            raise TimeoutError
        return self.answer

    def next_incarnation(self) -> int:
        return 1

    def depths(self) -> Mapping[str, int]:
        return {}


def engine_with(system: Silent) -> Engine:
    nothing = cast(Any, None)
    return Engine(
        system=system,
        settings=Settings,
        view=nothing,
        reader=nothing,
        marks=nothing,
        catalogue=nothing,
        clock=nothing,
        ids=nothing,
        condition=Condition(0),
        in_flight=InFlight(),
        unbuilt={},
        broken={},
        version="0",
    )


@in_loop
async def test_silence_of_the_engine_is_an_unknown_outcome_and_no_longer_in_flight() -> None:
    engine = engine_with(Silent())
    with pytest.raises(Failed) as failed:
        await engine.ask("pool/paper", lambda reply_to: None, None, 0.01)
    assert failed.value.reason is Reason.OUTCOME_UNKNOWN
    assert engine.in_flight.count == 0


@in_loop
async def test_a_refusal_of_an_actor_is_raised_with_its_reason_and_words() -> None:
    engine = engine_with(Silent(Refused(reason=Reason.STORE_FAILED, detail="no writes")))
    with pytest.raises(Failed) as failed:
        await engine.ask("pool/paper", lambda reply_to: None)
    assert (failed.value.reason, failed.value.message) == (Reason.STORE_FAILED, "no writes")


@in_loop
async def test_a_stopping_daemon_asks_nothing_any_more() -> None:
    system = Silent("yes")
    engine = engine_with(system)
    engine.condition.stop()
    with pytest.raises(Failed) as failed:
        await engine.ask("pool/paper", lambda reply_to: None)
    assert failed.value.reason is Reason.STOPPING
    assert not system.told


class Deadline:
    def __init__(self, left_s: float | None) -> None:
        self._left_s = left_s

    def time_remaining(self) -> float | None:
        return self._left_s


@pytest.mark.parametrize(("left_s", "waits_s"), [(None, 10.0), (60.0, 10.0), (2.0, 1.95), (0.01, 0.05)])
def test_the_daemon_waits_a_moment_less_than_its_caller(left_s: float | None, waits_s: float) -> None:
    assert timeout_s(cast(Any, Deadline(left_s)), 10.0) == pytest.approx(waits_s)


# --- repeated requests ------------------------------------------------------------------------------


def as_caller(name: str) -> None:
    CALLER.set(Caller(name, TokenRole.ADMIN))


REQUEST = queue_pb2.RemoveQueuedSignalRequest(signal_id="s", request_id="r1")


@in_loop
async def test_a_repetition_joins_the_call_that_is_under_way_and_gets_its_answer_later_too() -> None:
    as_caller("a")
    repeats, calls = Repeats(), 0

    async def call() -> str:
        nonlocal calls
        calls += 1
        await asyncio.sleep(0.01)
        return f"answer {calls}"

    both = await asyncio.gather(repeats.once("m", REQUEST, call), repeats.once("m", REQUEST, call))
    assert list(both) == ["answer 1", "answer 1"]
    assert await repeats.once("m", REQUEST, call) == "answer 1"
    as_caller("b")
    assert await repeats.once("m", REQUEST, call) == "answer 2", "another caller's id is another request"


@in_loop
async def test_what_failed_is_tried_again() -> None:
    as_caller("a")
    repeats, calls = Repeats(), 0

    async def call() -> str:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise Failed(Reason.OUTCOME_UNKNOWN, "?")
        return "done"

    with pytest.raises(Failed):
        await repeats.once("m", REQUEST, call)
    assert await repeats.once("m", REQUEST, call) == "done"


@in_loop
async def test_the_memory_of_requests_has_a_limit() -> None:
    as_caller("a")
    repeats = Repeats()

    async def call() -> str:
        return "done"

    for number in range(MAX_REMEMBERED + 10):
        await repeats.once("m", queue_pb2.RemoveQueuedSignalRequest(request_id=str(number)), call)
    assert len(repeats._answers) == MAX_REMEMBERED


# --- the record ---------------------------------------------------------------------------------------


@pytest.mark.rule("LOG-4")
def test_a_request_is_described_without_what_is_secret() -> None:
    assert describe(signal_pb2.SubmitSignalRequest(source="s", body=b"secret stuff")) == {"source": "s"}
    secret = secret_pb2.SetSecretRequest()
    filled = [field.name for field in secret.DESCRIPTOR.fields if field.type in (9, 12)]
    for name in filled:
        value: Any = b"hush-hush" if secret.DESCRIPTOR.fields_by_name[name].type == 12 else "hush-hush"
        setattr(secret, name, value)
    shown = describe(secret)
    assert not {name for name in shown if "value" in name or name == "secret" or "passphrase" in name}


def test_long_fields_are_cut_and_enums_shown_by_name() -> None:
    world = types_pb2.WORLD_PAPER
    asked = engine_pb2.PauseEngineRequest(reason="x" * 500, accounts=["a", "b"], world=world, cancel_entries=True)
    shown = describe(asked)
    assert shown["world"] == "WORLD_PAPER"
    assert shown["accounts"] == "a, b"
    assert len(shown["reason"]) < 100
    assert shown["cancel_entries"] == "True"
