"""Without the lead nothing that changes anything leaves for an exchange; questions may be asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from actors.messages import Answered, Fate
from actors.rules.model import Role
from tests.daemon.exchanges.fake_venue import Desk, an_order, raw_order

WORDS = "another daemon leads; nothing was sent"


@pytest.fixture
def desk() -> Iterator[Desk]:
    desk = Desk()
    desk.venue.can_amend = desk.exchange.can_amend = True

    async def send() -> Any:
        await desk.venue.client.fetch("order", "POST", {}, "")
        return raw_order(an_order())

    desk.venue.on |= dict.fromkeys(("create", "cancel", "amend"), send)
    yield desk
    desk.stop()


def posts(desk: Desk) -> list[str]:
    return [name for name, _ in desk.venue.asked if name.startswith("POST")]


@pytest.mark.rule("ORD-2", "ORD-3")
@pytest.mark.parametrize("request_", ["submit", "cancel", "amend"])
def test_without_the_lead_it_does_not_leave_and_may_be_tried_again(desk: Desk, request_: str) -> None:
    desk.exchange.guard_sending(lambda: WORDS)
    getattr(desk.exchange, request_)([an_order(role=Role.CLOSE, reduce_only=True)])
    answer = desk.wait_for(Answered)
    assert (answer.fate, answer.request) == (Fate.TEMPORARY, request_)
    assert WORDS in answer.words
    assert not posts(desk)


def test_with_the_lead_it_leaves(desk: Desk) -> None:
    desk.exchange.guard_sending(lambda: "")
    desk.exchange.submit([an_order()])
    assert desk.wait_for(Answered).fate == Fate.ACCEPTED
    assert posts(desk) == ["POST order"]
