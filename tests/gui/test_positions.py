"""What the page of positions shows, from the daemon's messages: figures, words, forecasts. Nothing is asked for."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Any, cast

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from gui.live.topics import Reading, Row
from gui.pages.positions import closed, forecast, readers
from gui.pages.positions.facts import facts_of
from gui.pages.positions.ladder import ladder_rows
from gui.pages.positions.orders import order_rows
from gui.pages.positions.rows import row_of
from gui.show.codes import in_words
from gui.show.prices import exact, gain, money, percent, places_of, price, progress, quote_of, whole
from protos.terrace.v1 import group_pb2 as pb
from protos.terrace.v1 import types_pb2 as t

D = Decimal


PLAIN = str.maketrans({"\N{NARROW NO-BREAK SPACE}": " ", "\N{MINUS SIGN}": "-", "\N{EN DASH}": "-"})


def text(cell: Any) -> str:
    """Its text, with the signs and spaces of a keyboard."""
    return (cell if isinstance(cell, str) else str(cell[0])).translate(PLAIN)


def texts(row: Row) -> dict[str, str]:
    return {key: text(cell) for key, cell in row.items()}


def leg(index: int, limit: str, **more: Any) -> pb.Leg:
    values = {"gap_percent": "0", "weight_percent": "50", "tp_percent": "1", "quantity": "2", "filled_quantity": "0"}
    return pb.Leg(index=index, price=limit, **{"state": t.LEG_STATE_OPEN, **values, **more})


def order(name: str, role: t.OrderRole, **more: Any) -> pb.Order:
    values = {"price": "99", "quantity": "2", "filled_quantity": "0", "state": t.ORDER_STATE_OPEN}
    return pb.Order(client_order_id=name, role=role, **{**values, **more})


def group(**more: Any) -> pb.Group:
    """Long, one leg filled at 100, one open at 99, mark 100.50."""
    filled = leg(
        0,
        "100",
        filled_quantity="2",
        average_fill_price="100",
        tp_price="101",
        state=t.LEG_STATE_FILLED,
        orders=[order("tp", t.ORDER_ROLE_TAKE_PROFIT, price="101")],
    )
    rest = leg(1, "99", tp_price="99.99", orders=[order("entry", t.ORDER_ROLE_ENTRY)])
    values: dict[str, Any] = {
        "group_id": "g1",
        "account": "paper",
        "symbol": "BTC/USDT",
        "timeframe": "1h",
        "side": t.SIDE_LONG,
        "state": t.GROUP_STATE_PARTIALLY_FILLED,
        "tp_mode": t.TAKE_PROFIT_MODE_PER_LEG,
        "pyramid_count": 1,
        "max_pyramids": 5,
        "legs_filled": 1,
        "legs_total": 2,
        "quantity": "2",
        "average_entry": "100",
        "invested": "200",
        "mark_price": "100.5",
        "unrealized_pnl": "1",
        "unrealized_pnl_percent": "0.5",
        "realized_pnl": "-0.2",
        "planned_capital": "398",
        "create_time": Timestamp(seconds=1_700_000_000),
        "pyramids": [pb.Pyramid(index=0, entry_price="100", legs=[filled, rest])],
    }
    return pb.Group(**{**values, **more})


def bare() -> pb.Group:
    """Nothing filled, no price."""
    empty = {"quantity": "0", "average_entry": "", "invested": "0", "mark_price": "", "unrealized_pnl": "0"}
    return group(**empty, unrealized_pnl_percent="", realized_pnl="0", legs_filled=0, state=t.GROUP_STATE_LIVE)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=12, min_value=-(10**12), max_value=10**12))
def test_what_is_sorted_by_is_the_exact_value_and_what_was_ordered_is_shown_whole(value: Decimal) -> None:
    plain = f"{value:f}"
    for cell in (price(plain), whole(plain), money(plain), gain(plain), percent(plain)):
        assert cell[2] == plain
    assert D(text(whole(plain)).replace(" ", "")) == value


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        (price("99.246923076923"), "99.24692"),
        (price("100"), "100.00"),
        (price("61234.56789"), "61 234.57"),
        (price("0.00001234567891"), "0.00001234568"),
        (price("0"), "0.00"),
        (price(""), "-"),
        (whole("2.0100"), "2.01"),
        (whole("2", 3), "2.000"),
        (money("1234.5"), "1 234.50"),
        (money("0.00034567"), "0.00035"),
        (gain("-12.345"), "-12.34"),
        (gain("0.5"), "+0.50"),
        (percent("1.50"), "1.5 %"),
    ],
)
def test_figures_are_rounded_to_what_a_person_reads(cell: Any, shown: str) -> None:
    assert text(cell) == shown


def test_the_currency_of_an_amount_is_the_pair_s_quote() -> None:
    assert [quote_of(symbol) for symbol in ("BTC/USDT", "BTC/USDC:USDC", "")] == ["USDT", "USDC", ""]
    assert places_of(["1", "1.50", "0.001", ""]) == 3


@pytest.mark.rule("TP-1")
def test_progress_is_the_share_of_the_way_from_the_fill_to_the_target_for_either_side() -> None:
    assert progress(D(100), D("100.5"), D(101)) == D("50.0")
    assert progress(D(100), D("99.5"), D(99)) == D("50.0"), "a short goes down"
    assert progress(D(100), D(99), D(101)) == D("-100.0")
    assert progress(D(100), None, D(101)) is None
    assert progress(D(100), D(100), D(100)) is None


def test_a_line_of_the_table_says_what_is_known_and_a_dash_where_nothing_is() -> None:
    full, empty = texts(row_of(group())), texts(row_of(bare()))
    assert (full["entry"], full["mark"], full["pnl"], full["invested"]) == ("100.00", "100.50", "+1.00", "200.00")
    assert (full["state"], full["side"], full["mode"], full["quote"]) == ("partly filled", "long ▲", "per leg", "USDT")
    unknown = ("entry", "mark", "percent", "pnl", "invested", "quantity")
    assert {empty[key] for key in unknown} == {"-"}, "nothing is held: there is no zero profit"
    assert empty["state"] == "waiting for fills"


def test_whatever_is_out_of_the_ordinary_is_said_in_words() -> None:
    odd = group(flags=["LATE_FILL", "SOMETHING_NEW"], blocked=True, state_reason="account paper is not traded (no key)")
    said = texts(row_of(odd))["notes"]
    assert "filled late" in said
    assert "something new" in said
    assert "blocked from risk" in said
    assert said.endswith("account paper is not traded (no key)")
    assert texts(row_of(group()))["notes"] == ""


def test_a_leg_has_its_progress_and_its_reason() -> None:
    rows = ladder_rows(group())
    assert list(rows) == ["p:0", "l:0:0", "l:0:1"]
    first, second = texts(rows["l:0:0"]), texts(rows["l:0:1"])
    assert first["progress"] == "50.0 %"
    assert (second["progress"], second["filled"], second["fill"]) == ("-", "-", "-")
    assert (first["price"], second["price"], second["target"]) == ("100.00", "99.00", "99.99"), "one number of places"
    refused = group()
    refused.pyramids[0].legs[1].state = t.LEG_STATE_REJECTED
    refused.pyramids[0].legs[1].state_reason = "EXCHANGE_REFUSED: Filter failure"
    assert texts(ladder_rows(refused)["l:0:1"])["why"] == "refused by the exchange: Filter failure"
    assert in_words("WHATEVER_COMES") == "whatever comes"


def test_orders_stand_newest_first_with_their_fills_below_them() -> None:
    found = group()
    entry = found.pyramids[0].legs[1].orders[0]
    entry.create_time.FromMilliseconds(2000)
    entry.fills.add(trade_id="7", price="99", quantity="1", fee="0.001", fee_asset="BNB", maker=True)
    found.orders.append(order("stop", t.ORDER_ROLE_STOP, stop_price="95", price="", reduce_only=True))
    rows = order_rows(found)
    assert list(rows)[:2] == ["o:entry", "f:entry:7"]
    assert texts(rows["f:entry:7"])["fee"] == "0.001 BNB"
    assert texts(rows["o:stop"])["price"] == "95"
    assert "reduce only" in texts(rows["o:stop"])["type"]


@pytest.mark.rule("PNL-1")
def test_a_closed_group_s_result_is_in_percent_of_all_that_was_put_in() -> None:
    done = group(state=t.GROUP_STATE_CLOSED, realized_pnl="5", close_reason="FLAT", invested="0", average_entry="")
    done.close_time.FromSeconds(1_700_000_090)
    row = closed.closed_row(done)
    assert texts(row)["percent"] == "+2.50 %"
    assert (texts(row)["realized"], texts(row)["why"]) == ("+5.00", "every target hit")
    assert row["duration"][2] == "90000"
    nothing = bare()
    del nothing.pyramids[0].legs[0]
    assert texts(closed.closed_row(nothing))["percent"] == "-"
    assert texts(facts_of(done))["result"].startswith("+2.50")


def test_a_closed_group_shows_nothing_that_today_s_price_makes_of_it() -> None:
    done = group(state=t.GROUP_STATE_CLOSED, mark_price="250", unrealized_pnl="300", tp_price="101")
    done.close_time.FromSeconds(1_700_000_090)
    facts, rows = facts_of(done), ladder_rows(done)
    assert [facts[key] for key in ("mark", "percent", "pnl", "progress", "target")] == [""] * 5
    assert texts(rows["p:0"])["progress"] == "-"
    assert texts(facts_of(group(mark_price="250")))["mark"] == "250.00"


@pytest.mark.rule("EXIT-1")
def test_a_close_says_what_it_cancels_what_it_sells_and_what_that_brings() -> None:
    assert forecast.closing(group()) == [
        "Cancels 1 open entry and 1 target or stop.",
        "Sells all 2 BTC, mark 100.50.",
        "Expected: +1.00 USDT (+0.50\N{NARROW NO-BREAK SPACE}% of invested), at the mark, before the fees of the close "
        "and slippage.",
        "Realised so far: \N{MINUS SIGN}0.20 USDT.",
    ]
    assert "closes at zero" in forecast.closing(bare())[-1]
    priceless = group(mark_price="", unrealized_pnl="", unrealized_pnl_percent="")
    assert forecast.NO_MARK in forecast.closing(priceless)
    assert forecast.closing(group(state=t.GROUP_STATE_CLOSING)) == ["It is being closed already."]


@pytest.mark.rule("EXIT-6")
@pytest.mark.parametrize(("side", "verb", "result"), [(t.SIDE_LONG, "Sells", "+0.50"), (t.SIDE_SHORT, "Buys", "-0.50")])
def test_a_reduce_is_told_leg_by_leg_and_its_result_against_each_leg_s_own_average(
    side: t.Side, verb: str, result: str
) -> None:
    cut = pb.Cut(cut_id="c", quantity="1", parts=[pb.CutPart(pyramid=0, leg=0, quantity="1")])
    lines = forecast.cutting(group(side=side, cuts=[cut]))
    assert lines[0].startswith(verb)
    assert "1 of pyramid 0 leg 0" in lines[1]
    assert text(lines[2]).startswith(f"Expected: {result} USDT")
    assert "could not be sold" in forecast.cutting(group(cuts=[pb.Cut(quantity="2", whole=True)]))[0]


def test_cancelling_entries_says_what_they_are_worth_and_what_stays() -> None:
    assert forecast.cancelling(group()) == [
        "Cancels 1 open entry, worth 198.00 USDT.",
        "It keeps 2 BTC with its targets and stop.",
    ]
    assert "closes at zero" in forecast.cancelling(bare())[-1]
    assert "nothing to cancel" in forecast.cancelling(group(pyramids=[]))[0]


@pytest.mark.parametrize("sent", ["", "x", "-5", "1" * 15, "١٢", "1.5"])
def test_a_time_from_a_browser_that_is_none_filters_nothing(sent: str) -> None:
    assert closed.moment(sent) is None
    assert closed.chosen(t.Side, sent) == 0
    assert closed.moment("1700000000123") == Timestamp(seconds=1_700_000_000, nanos=123_000_000)


class _Client:
    """Answers pages of groups."""

    def __init__(self, pages: list[list[pb.Group]]) -> None:
        self.pages = pages
        self.tokens: list[str] = []

    async def call(self, request: pb.ListGroupsRequest, _answer: Any) -> pb.ListGroupsResponse:
        self.tokens.append(request.page_token)
        at = int(request.page_token or "0")
        more = str(at + 1) if at + 1 < len(self.pages) else ""
        return pb.ListGroupsResponse(groups=self.pages[at], next_page_token=more)


def read(client: _Client) -> Any:
    reading = Reading(client=cast("Any", client), world="WORLD_PAPER", argument="", now_ms=0, before={})
    try:
        cast("Any", readers.read_groups(reading)).send(None)  # Nothing in it waits, so it needs no loop.
    except StopIteration as ended:
        return ended.value
    raise AssertionError("it waits")


def test_all_pages_of_live_groups_are_read_in_the_engine_s_order() -> None:
    client = _Client([[group(group_id="b"), group(group_id="a")], [group(group_id="c")]])
    assert list(read(client)) == ["b", "a", "c"]
    assert client.tokens == ["", "1"]


def test_two_hundred_groups_are_made_into_rows_in_little_time() -> None:
    """Measured at 4 to 6 ms; the bound is for a machine that does something else besides."""

    def moved(tick: int) -> list[pb.Group]:
        return [
            group(
                group_id=f"g{at}",
                pyramids=[],
                mark_price=f"{100 + at}.{tick:02}",
                unrealized_pnl=f"{at}.{tick:02}1",
                unrealized_pnl_percent=f"0.{tick:02}{at}",
            )
            for at in range(200)
        ]

    client, taken = _Client([]), []
    for tick in range(8):
        client.pages = [moved(tick)]
        began = time.process_time()
        rows = read(client)
        taken.append(time.process_time() - began)
        assert len(rows) == 200
    print(f"200 groups: {min(taken) * 1000:.1f} ms")
    assert min(taken) < 0.05


def test_only_what_is_a_number_is_taken_as_one() -> None:
    assert [exact(text) for text in ("", "x", "NaN", "Infinity", "1.5")] == [None, None, None, None, D("1.5")]
