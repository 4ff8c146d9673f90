"""Requests to exchanges in the event log: each that changes something with its answer, the rest counted (LOG-3)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import ccxt
import pytest

from actors.messages import Answered, LookedUp
from actors.rules.rates import Ask
from actors.rules.records import AddEvent, Row
from daemon.exchange_records import EVERY_S, MAX_AT_ONCE, MAX_WAITING, READS_EVERY_MS, ExchangeRecords
from daemon.exchanges.venue_request import VenueRequest
from daemon.observe.masking import Masker
from tests.daemon.exchanges.fake_venue import Desk, an_order, raw_order

pytestmark = pytest.mark.rule("LOG-3")

T0 = 1_700_000_000_000


class Book:
    """What was committed, at a time of its own."""

    def __init__(self) -> None:
        self.commits: list[list[AddEvent]] = []
        self.now_ms = T0
        masker = Masker()
        masker.know(["sesame-open-now"])
        self.records = ExchangeRecords(self._commit, lambda: self.now_ms, masker.text)

    def _commit(self, rows: Sequence[Row]) -> None:
        self.commits.append([row for row in rows if isinstance(row, AddEvent)])

    @property
    def events(self) -> list[AddEvent]:
        return [event for commit in self.commits for event in commit]


def request(ask: Ask = Ask.SUBMIT, **changed: object) -> VenueRequest:
    facts: dict[str, object] = {"account": "main", "ask": ask, "time_ms": T0, "latency_ms": 41, "status": 200}
    return VenueRequest(**{**facts, **changed})  # type: ignore[arg-type]


def test_requests_are_written_down_together_with_order_answer_and_time() -> None:
    book, order = Book(), an_order()
    book.records.put(request(order=order))
    book.records.put(request(Ask.CANCEL, order=order, fate="refused", code="-2011", words="Unknown order", status=400))
    assert book.events == []
    book.records.flush()
    assert len(book.commits) == 1
    sent, refused = book.events
    assert (sent.category, sent.type, sent.account) == ("exchange", "exchange.request", "main")
    assert (sent.client_order_id, sent.group_id) == (order.client_order_id, order.group_id)
    assert sent.attributes == {"request": "submit", "result": "answered", "status": "200", "latency_ms": "41"}
    assert "after 41 ms" in sent.message
    assert (refused.severity, refused.attributes["code"]) == ("warning", "-2011")
    assert "Unknown order" in refused.message


def test_no_secret_gets_into_the_record() -> None:
    book = Book()
    words = "bad key sesame-open-now at https://host/path?signature=abcdef0123"
    book.records.put(request(fate="refused", words=words))
    book.records.flush()
    said = str(book.events)
    assert "sesame" not in said
    assert "abcdef0123" not in said


def test_what_changes_nothing_is_counted_and_told_now_and_then() -> None:
    book = Book()
    for latency_ms in (10, 30):
        book.records.put(request(Ask.LOOK_UP, latency_ms=latency_ms))
    book.records.put(request(Ask.LOOK_UP, fate="temporary", latency_ms=50))
    book.records.flush()
    assert book.events == []
    book.now_ms += READS_EVERY_MS
    book.records.flush()
    (told,) = book.events
    assert told.type == "exchange.reads"
    facts = {"request": "look_up", "count": "3", "failed": "1", "average_ms": "30", "slowest_ms": "50"}
    assert told.attributes == facts
    book.now_ms += READS_EVERY_MS
    book.records.flush()
    assert len(book.events) == 1, "nothing was asked since"


def test_a_flood_is_bounded_and_its_loss_is_told() -> None:
    book = Book()
    for _ in range(MAX_WAITING + 7):
        book.records.put(request())
    book.records.flush()
    assert max(len(commit) for commit in book.commits) <= MAX_AT_ONCE + 1
    assert len(book.events) == MAX_WAITING + 1
    assert [event.attributes["requests"] for event in book.events if "left_out" in event.type] == ["7"]


def test_a_running_daemon_hands_them_over_by_itself_and_the_rest_at_the_stop() -> None:
    book = Book()

    async def run() -> None:
        task = asyncio.create_task(book.records.run())
        book.records.put(request())
        await asyncio.sleep(EVERY_S * 1.5)
        assert len(book.events) == 1
        task.cancel()

    asyncio.run(run())
    book.records.put(request(Ask.BALANCES))
    book.records.flush(reads_too=True)
    assert [event.type for event in book.events] == ["exchange.request", "exchange.reads"]


def test_words_no_store_can_hold_do_not_take_the_others_with_them() -> None:
    book = Book()
    book.records.put(request(fate="refused", words="\ud800"))
    book.records.flush()
    book.events[0].message.encode()


def test_every_request_of_an_account_is_told_once_with_what_came_of_it() -> None:
    desk = Desk()
    seen: list[VenueRequest] = []
    try:
        desk.exchange.record_requests(seen.append)
        order = an_order()
        desk.venue.on["create"] = raw_order(order, "open", "0")
        desk.exchange.submit([order])
        desk.wait_for(Answered)
        desk.venue.on["cancel"] = ccxt.ExchangeError('binance {"code":-2011,"msg":"Unknown order sent."}')
        desk.exchange.cancel([order])
        desk.exchange.look_up(order)
        desk.wait_for(LookedUp)
        asked = [(one.ask, one.fate, one.order is None) for one in seen if one.ask is Ask.SUBMIT]
        assert asked == [(Ask.SUBMIT, "answered", False)]
        cancelled = next(one for one in seen if one.ask is Ask.CANCEL)
        assert cancelled.code == "-2011"
        assert cancelled.fate != "answered"
        assert "Unknown order" in cancelled.words
    finally:
        desk.stop()
