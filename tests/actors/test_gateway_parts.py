"""The small parts a gateway is made of: sorted prices, things due, the boards."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.board import CatalogueBoard, MarksBoard
from actors.due import Due
from actors.gateway_hand import merged
from actors.price_heap import SPARE_ENTRIES, PriceHeap
from actors.rules.model import OrderState, Quote
from tests.actors.gateway_world import START_MS, FakeLife, instrument, report, trade


@given(st.lists(st.tuples(st.integers(1, 50), st.booleans()), max_size=200), st.booleans())
def test_a_price_heap_gives_what_a_sorted_list_would(steps: list[tuple[int, bool]], highest_first: bool) -> None:
    heap: PriceHeap[int] = PriceHeap(highest_first=highest_first)
    kept: dict[int, Decimal] = {}
    for number, (price, discards) in enumerate(steps):
        heap.add(Decimal(price), number, number)
        kept[number] = Decimal(price)
        if discards:
            gone = sorted(kept)[price % len(kept)]
            heap.discard(gone)
            del kept[gone]
        wanted = sorted(kept, key=lambda each: (-kept[each] if highest_first else kept[each], each))
        assert heap.first() == (wanted[0] if wanted else None)
        assert len(heap) == len(kept)
    while kept:
        best = heap.pop()
        assert best == min(kept, key=lambda each: (-kept[each] if highest_first else kept[each], each))
        del kept[best]
    with pytest.raises(IndexError):
        heap.pop()


def test_a_price_heap_does_not_keep_what_was_removed() -> None:
    heap: PriceHeap[int] = PriceHeap(highest_first=True)
    for number in range(10_000):
        heap.add(Decimal(number), number, number)
        if number >= 10:
            heap.discard(number - 10)
    assert len(heap._heap) <= 2 * len(heap) + SPARE_ENTRIES + 1


def test_things_are_called_when_they_are_due_in_order_behind_one_wake_up() -> None:
    life, called = FakeLife(), list[str]()
    due = Due(life)
    due.after(200, lambda: called.append("second"))
    due.after(100, lambda: called.append("first"))
    due.after(300, lambda: called.append("third"))
    assert life.wakes == {"due": START_MS + 100}
    life.time_ms += 200
    due.run()
    assert called == ["first", "second"]
    assert (life.wakes, len(due)) == ({"due": START_MS + 300}, 1)


def test_what_is_called_may_ask_to_be_called_again() -> None:
    life, called = FakeLife(), list[int]()
    due = Due(life)

    def again() -> None:
        called.append(life.time_ms)
        due.after(50, again)

    due.after(50, again)
    for _ in range(3):
        life.time_ms = life.wakes["due"]
        due.run()
    assert called == [START_MS + 50, START_MS + 100, START_MS + 150]


def test_boards_keep_accounts_apart_and_a_catalogue_is_replaced_whole() -> None:
    marks, catalogue = MarksBoard(), CatalogueBoard()
    quote = Quote(bid=Decimal(1), ask=Decimal(2), time_ms=0)
    marks.put("a", {"BTC/USDT": quote})
    assert (marks.quote("a", "BTC/USDT"), marks.quote("b", "BTC/USDT")) == (quote, None)
    catalogue.put("a", [instrument("BTC/USDT"), instrument("ETH/USDT")])
    catalogue.put("a", [instrument("ETH/USDT")])
    assert list(catalogue.instruments("a")) == ["ETH/USDT"]
    assert catalogue.instrument("a", "BTC/USDT") is None
    assert dict(catalogue.instruments("b")) == {}


@pytest.mark.rule("ORD-5")
@pytest.mark.parametrize(
    ("last", "new", "state", "trades"),
    [
        (report("a"), report("a"), None, ""),
        (report("a"), report("a", OrderState.CANCELLED), OrderState.CANCELLED, ""),
        (report("a", OrderState.CANCELLED), report("a"), None, ""),
        (report("a", OrderState.CANCELLED), report("a", OrderState.FILLED, (trade(1),)), OrderState.FILLED, "1"),
        (report("a", OrderState.CANCELLED), report("a", OrderState.OPEN, (trade(1),)), OrderState.CANCELLED, "1"),
        (report("a", OrderState.FILLED, (trade(1),)), report("a", OrderState.CANCELLED), None, ""),
        (
            report("a", OrderState.PARTIALLY_FILLED, (trade(1),)),
            report("a", OrderState.PARTIALLY_FILLED, (trade(2),)),
            OrderState.PARTIALLY_FILLED,
            "12",
        ),
        (report("a", OrderState.PARTIALLY_FILLED, (trade(1),)), report("a"), None, ""),
        (report("a"), report("a", None, (trade(1),)), OrderState.OPEN, "1"),
    ],
)
def test_reports_add_up_and_nothing_final_is_taken_back(last, new, state, trades) -> None:  # type: ignore[no-untyped-def]
    known = merged(last, new)
    if state is None:
        assert known is None
    else:
        assert known is not None
        assert (known.state, "".join(each.trade_id for each in known.trades)) == (state, trades)
