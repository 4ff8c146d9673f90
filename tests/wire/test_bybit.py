"""The simulated Bybit against unmodified ccxt: what Terrace's adapter will meet, met here by its library."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import ccxt
import pytest

from tests.wire.bybit import streams
from tests.wire.bybit.client import Client, client_of
from tests.wire.run import Running

SPOT, SWAP = "BTC/USDT", "BTC/USDT:USDT"
KNOWN = {"acknowledged": True}


@pytest.fixture
def venue() -> Iterator[Running]:
    with Running("bybit") as running:
        yield running
        assert running.admin.status()["unlisted"] == {}


@pytest.fixture
def client(venue: Running) -> Iterator[Client]:
    with client_of(venue.endpoints) as made:
        made.load_markets()
        yield made


def buy(client: Client, link: str, price: str | None = "59000", symbol: str = SPOT, quantity: str = "0.01") -> Any:
    kind = "market" if price is None else "limit"
    return client.create_order(symbol, kind, "buy", quantity, price, {"clientOrderId": link})


def look_up(client: Client, link: str, symbol: str = SPOT) -> Any:
    order = client.fetch_order("", symbol, {"orderLinkId": link, **KNOWN})
    assert order["clientOrderId"] == link
    return order


# --- placing and looking up -----------------------------------------------------------------------


@pytest.mark.parametrize("symbol", [SPOT, SWAP])
@pytest.mark.parametrize("tls", [False, True], ids=["http", "tls"])
def test_an_order_is_placed_amended_filled_in_part_and_cancelled(venue: Running, symbol: str, tls: bool) -> None:
    with client_of(venue.endpoints, tls=tls) as client:
        client.load_markets()
        placed = buy(client, "life1", symbol=symbol)
        assert (placed["clientOrderId"], placed["status"], placed["filled"]) == ("life1", None, None)
        found = look_up(client, "life1", symbol)
        assert (found["status"], found["price"], found["amount"], found["filled"]) == ("open", "59000", "0.01", "0")
        amended = client.edit_order(placed["id"], symbol, "limit", "buy", "0.02", "58000")
        assert (amended["id"], amended["status"]) == (placed["id"], None)
        venue.admin.fill("life1", "0.005")
        found = look_up(client, "life1", symbol)
        assert (found["price"], found["amount"], found["filled"], found["remaining"]) == (
            "58000",
            "0.02",
            "0.005",
            "0.015",
        )
        assert found["info"]["orderStatus"] == "PartiallyFilled"
        client.cancel_order("", symbol, {"orderLinkId": "life1"})
        found = look_up(client, "life1", symbol)
        if symbol == SPOT:
            assert (found["status"], found["info"]["orderStatus"]) == ("closed", "PartiallyFilledCanceled")
        else:
            assert (found["status"], found["info"]["orderStatus"]) == ("canceled", "Cancelled")
        assert found["filled"] == "0.005"
        assert client.fetch_open_orders(symbol) == []


def test_a_finished_order_is_in_realtime_by_id_until_the_venue_restarts_and_in_the_history_for_good(
    venue: Running, client: Client
) -> None:
    buy(client, "gone1", None)
    assert look_up(client, "gone1")["status"] == "closed"
    listed = client.fetch_open_orders(SPOT, None, None, {"openOnly": 1})
    assert [order["clientOrderId"] for order in listed] == ["gone1"]
    venue.admin.post("restart")
    with pytest.raises(ccxt.OrderNotFound):
        look_up(client, "gone1")
    assert client.fetch_open_orders(SPOT, None, None, {"openOnly": 1}) == []
    history = client.fetch_canceled_and_closed_orders(SPOT, None, None, {"orderLinkId": "gone1"})
    assert [order["status"] for order in history] == ["closed"]
    trades = client.fetch_my_trades(SPOT, None, None, {"orderLinkId": "gone1"})
    assert [trade["amount"] for trade in trades] == ["0.01"]


def test_an_open_order_is_not_in_the_history_and_outlives_a_restart(venue: Running, client: Client) -> None:
    buy(client, "stays1")
    assert client.fetch_canceled_and_closed_orders(SPOT, None, None, {"orderLinkId": "stays1"}) == []
    venue.admin.post("restart")
    assert look_up(client, "stays1")["status"] == "open"


def test_a_look_up_by_the_wrong_field_finds_the_wrong_order(client: Client) -> None:
    buy(client, "mine1")
    buy(client, "other1", "58000")
    wrong = client.fetch_order("", SPOT, {"clientOrderId": "mine1", **KNOWN})
    assert wrong["clientOrderId"] == "other1"


def test_the_order_id_goes_before_the_link_id_and_that_before_the_symbol(client: Client) -> None:
    first = buy(client, "prio1")
    buy(client, "prio2")
    by_id = client.fetch_order(first["id"], SPOT, {"orderLinkId": "prio2", **KNOWN})
    assert by_id["clientOrderId"] == "prio1"
    by_link = client.fetch_order("", "ETH/USDT", {"orderLinkId": "prio2", **KNOWN})
    assert by_link["clientOrderId"] == "prio2"


def test_open_orders_come_twenty_to_a_page_and_fifty_at_most(venue: Running, client: Client) -> None:
    venue.admin.limits(create_spot=1000)
    for number in range(55):
        buy(client, f"page{number}", quantity="0.001")
    newest_first = [f"page{number}" for number in reversed(range(55))]
    assert len(client.fetch_open_orders(SPOT)) == 20
    first = client.fetch_open_orders(SPOT, None, 50)
    assert {order["clientOrderId"] for order in first} == set(newest_first[:50])
    with pytest.raises(ccxt.BadRequest, match="10001"):
        client.fetch_open_orders(SPOT, None, 51)
    result = client.privateGetV5OrderRealtime({"category": "spot", "symbol": "BTCUSDT", "limit": 50})["result"]
    assert [row["orderLinkId"] for row in result["list"]] == newest_first[:50]
    rest = client.privateGetV5OrderRealtime(
        {"category": "spot", "symbol": "BTCUSDT", "limit": 50, "cursor": result["nextPageCursor"]}
    )["result"]
    assert [row["orderLinkId"] for row in rest["list"]] == newest_first[50:]
    assert rest["nextPageCursor"] == ""


def test_orders_of_both_categories_are_kept_apart(client: Client) -> None:
    buy(client, "same1")
    buy(client, "same1", symbol=SWAP)
    assert look_up(client, "same1", SPOT)["symbol"] == SPOT
    assert look_up(client, "same1", SWAP)["symbol"] == SWAP
    assert len(client.fetch_open_orders(None, None, None, {"category": "spot"})) == 1
    assert len(client.fetch_open_orders(None, None, None, {"category": "linear"})) == 1


def test_a_batch_is_answered_row_by_row_and_a_refused_row_has_no_id(client: Client) -> None:
    request = {"symbol": SPOT, "type": "limit", "side": "buy"}
    orders = [
        {**request, "amount": "0.01", "price": "59000", "params": {"clientOrderId": "batch1"}},
        {**request, "amount": "10", "price": "59000", "params": {"clientOrderId": "batch2"}},
    ]
    good, bad = sorted(client.create_orders(orders), key=lambda order: str(order["clientOrderId"]))
    assert (good["clientOrderId"], bad["clientOrderId"]) == ("batch1", "batch2")
    assert good["id"]
    assert (bad["id"], bad["status"], bad["info"]["code"]) == (None, "rejected", 170131)
    cancelled = client.cancel_orders([good["id"], "1"], SPOT)
    assert [order["id"] for order in cancelled] == [good["id"], "1"]
    assert look_up(client, "batch1")["status"] == "canceled"


def test_a_batch_of_amendments_keeps_the_orders(client: Client) -> None:
    placed = [buy(client, f"many{number}") for number in range(2)]
    changes = [
        {"id": order["id"], "symbol": SPOT, "type": "limit", "side": "buy", "amount": "0.02", "price": "58000"}
        for order in placed
    ]
    assert [order["id"] for order in client.edit_orders(changes)] == [order["id"] for order in placed]
    assert [order["price"] for order in client.fetch_open_orders(SPOT)] == ["58000", "58000"]


def test_cancel_all_takes_a_symbol_or_on_perpetuals_all_of_a_settle_coin(client: Client) -> None:
    for symbol in (SPOT, SWAP):
        buy(client, "all1", symbol=symbol)
        buy(client, "all2", symbol=symbol)
    assert len(client.cancel_all_orders(SPOT)) == 2
    assert look_up(client, "all1", SWAP)["status"] == "open"
    assert len(client.cancel_all_orders(None, {"category": "linear"})) == 2
    assert look_up(client, "all1", SWAP)["status"] == "canceled"


# --- fills, fees, money ---------------------------------------------------------------------------


def test_a_spot_buy_pays_its_fee_in_coins_and_a_sell_in_quote(client: Client) -> None:
    buy(client, "fee1", None)
    client.create_order(SPOT, "market", "sell", "0.005", None, {"clientOrderId": "fee2"})
    bought, sold = client.fetch_my_trades(SPOT)
    assert (bought["price"], bought["amount"], bought["fee"]["cost"], bought["fee"]["currency"]) == (
        "60000",
        "0.01",
        "0.00001",
        "BTC",
    )
    assert (sold["fee"]["cost"], sold["fee"]["currency"], sold["takerOrMaker"]) == ("0.3", "USDT", "taker")
    balance = client.fetch_balance()
    assert (balance["BTC"]["total"], balance["USDT"]["free"]) == ("0.00499", "99699.7")
    order = look_up(client, "fee1")
    assert (order["fee"]["cost"], order["fee"]["currency"]) == ("0.00001", "BTC")


def test_a_perpetual_pays_its_fee_in_usdt(venue: Running, client: Client) -> None:
    buy(client, "fee3", symbol=SWAP)
    venue.admin.fill("fee3", "0.01")
    [trade] = client.fetch_my_trades(SWAP)
    assert (trade["fee"]["cost"], trade["fee"]["currency"], trade["takerOrMaker"]) == ("0.118", "USDT", "maker")
    assert trade["symbol"] == SWAP


def test_a_market_order_by_value_buys_for_that_much_and_by_quantity_that_many(client: Client) -> None:
    client.create_market_buy_order_with_cost(SPOT, "600", {"clientOrderId": "cost1"})
    buy(client, "cost2", None, quantity="0.02")
    by_value, by_quantity = look_up(client, "cost1"), look_up(client, "cost2")
    assert (by_value["info"]["marketUnit"], by_value["info"]["qty"], by_value["filled"]) == ("quoteCoin", "600", "0.01")
    assert (by_quantity["info"]["marketUnit"], by_quantity["filled"]) == ("baseCoin", "0.02")


def test_an_open_order_locks_its_money_and_a_cancelled_one_gives_it_back(client: Client) -> None:
    buy(client, "lock1")
    balance = client.fetch_balance()
    assert (balance["USDT"]["free"], balance["USDT"]["used"], balance["USDT"]["total"]) == ("99410", "590", "100000")
    client.cancel_order("", SPOT, {"orderLinkId": "lock1"})
    assert client.fetch_balance()["USDT"]["free"] == "100000"


def test_spot_and_perpetuals_spend_from_one_wallet(client: Client) -> None:
    buy(client, "one1", quantity="1")
    with pytest.raises(ccxt.InsufficientFunds):
        buy(client, "one2", symbol=SWAP, quantity="1")
    client.cancel_order("", SPOT, {"orderLinkId": "one1"})
    buy(client, "one3", symbol=SWAP, quantity="1")
    with pytest.raises(ccxt.InsufficientFunds):
        buy(client, "one4", quantity="1")
    row = client.fetch_balance()["info"]["result"]["list"][0]["coin"][0]
    assert (row["coin"], row["locked"], Decimal(row["totalOrderIM"]) > 59000) == ("USDT", "0", True)


def test_a_post_only_order_that_would_take_is_accepted_and_then_cancelled(client: Client) -> None:
    params = {"clientOrderId": "post1", "postOnly": True}
    placed = client.create_order(SPOT, "limit", "buy", "0.01", "60000", params)
    order = look_up(client, "post1")
    assert (order["id"], order["status"], order["filled"]) == (placed["id"], "canceled", "0")
    assert order["info"]["rejectReason"] == "EC_PostOnlyWillTakeLiquidity"
    client.create_order(SPOT, "limit", "buy", "0.01", "59999", {**params, "clientOrderId": "post2"})
    assert look_up(client, "post2")["status"] == "open"


def test_an_ioc_order_without_a_match_is_cancelled(client: Client) -> None:
    client.create_order(SPOT, "limit", "buy", "0.01", "59000", {"clientOrderId": "ioc1", "timeInForce": "IOC"})
    order = look_up(client, "ioc1")
    assert (order["status"], order["info"]["rejectReason"]) == ("canceled", "EC_NoImmediateQtyToFill")


def test_the_clients_view_equals_the_ledger(venue: Running, client: Client) -> None:
    buy(client, "led1", None)
    buy(client, "led2", None, symbol=SWAP)
    venue.admin.price("linear:BTCUSDT", "61000")
    client.create_order(SWAP, "market", "sell", "0.004", None, {"clientOrderId": "led3", "reduceOnly": True})
    ledger, balance = venue.admin.ledger(), client.fetch_balance()
    for asset, held in ledger["balances"].items():
        assert Decimal(balance[asset]["free"]) == Decimal(held["free"])
        assert Decimal(balance[asset]["used"]) == Decimal(held["locked"])
    for symbol, category in ((SPOT, "spot"), (SWAP, "linear")):
        seen = [
            (each["order"], each["price"], each["amount"], each["fee"]["cost"])
            for each in client.fetch_my_trades(symbol)
        ]
        rows = [row for row in ledger["trades"] if row["category"] == category]
        assert seen == [(row["venue_order_id"], row["price"], row["quantity"], row["fee"]) for row in rows]


# --- perpetuals -----------------------------------------------------------------------------------


def test_a_position_is_seen_and_reduced_and_nothing_is_left_to_reduce(venue: Running, client: Client) -> None:
    buy(client, "pos1", None, SWAP, "0.03")
    [position] = client.fetch_positions([SWAP])
    assert (position["side"], position["contracts"], position["entryPrice"], position["hedged"]) == (
        "long",
        "0.03",
        "60000",
        False,
    )
    reduce = {"reduceOnly": True}
    client.create_order(SWAP, "market", "sell", "0.03", None, {"clientOrderId": "pos2", **reduce})
    assert client.fetch_positions(None, {"category": "linear"}) == []
    [flat] = client.fetch_positions([SWAP])
    assert (flat["side"], flat["contracts"]) == (None, "0")
    with pytest.raises(ccxt.InvalidOrder, match="110017"):
        client.create_order(SWAP, "market", "sell", "0.03", None, {"clientOrderId": "pos3", **reduce})


def test_a_reduce_only_order_is_cancelled_when_its_position_is_gone(client: Client) -> None:
    buy(client, "red1", None, SWAP)
    client.create_order(SWAP, "limit", "sell", "0.01", "65000", {"clientOrderId": "red2", "reduceOnly": True})
    client.create_order(SWAP, "market", "sell", "0.01", None, {"clientOrderId": "red3", "reduceOnly": True})
    order = look_up(client, "red2", SWAP)
    assert (order["status"], order["info"]["cancelType"]) == ("canceled", "CancelByReduceOnly")


def test_in_hedge_mode_a_side_without_a_position_cannot_be_closed(client: Client) -> None:
    client.set_position_mode(True, SWAP)
    with pytest.raises(ccxt.InvalidOrder, match="110017"):
        client.create_order(SWAP, "market", "sell", "0.01", None, {"hedged": True, "reduceOnly": True})


def test_in_hedge_mode_both_sides_live_beside_each_other(client: Client) -> None:
    client.set_position_mode(True, SWAP)
    with pytest.raises(ccxt.NoChange, match="110025"):
        client.set_position_mode(True, SWAP)
    with pytest.raises(ccxt.BadRequest, match="position idx not match position mode"):
        buy(client, "hedge0", None, SWAP)
    hedged = {"hedged": True}
    client.create_order(SWAP, "market", "buy", "0.03", None, {"clientOrderId": "hedge1", **hedged})
    client.create_order(SWAP, "market", "sell", "0.02", None, {"clientOrderId": "hedge2", **hedged})
    closing = {"clientOrderId": "hedge3", "reduceOnly": True, **hedged}
    client.create_order(SWAP, "market", "sell", "0.01", None, closing)
    long, short = client.fetch_positions([SWAP])
    assert (long["side"], long["contracts"], long["info"]["positionIdx"]) == ("long", "0.02", 1)
    assert (short["side"], short["contracts"], short["info"]["positionIdx"]) == ("short", "0.02", 2)
    with pytest.raises(ccxt.BadRequest, match="110024"):
        client.set_position_mode(False, SWAP)


def test_the_wallet_stays_one_after_the_position_mode_was_switched(client: Client) -> None:
    client.set_position_mode(True, SWAP)
    client.create_order(SWAP, "market", "buy", "0.01", None, {"clientOrderId": "mode1", "hedged": True})
    buy(client, "mode2", None)
    total = Decimal(client.fetch_balance()["USDT"]["total"])
    assert total == Decimal(100_000) - 600 - Decimal("0.33")


def test_position_mode_cannot_be_switched_while_orders_are_open(client: Client) -> None:
    buy(client, "open1", symbol=SWAP)
    with pytest.raises(ccxt.BadRequest, match="110028"):
        client.set_position_mode(True, SWAP)


def test_leverage_is_set_once_and_asking_again_is_refused(client: Client) -> None:
    client.set_leverage(10, SWAP)
    with pytest.raises(ccxt.BadRequest, match="110043"):
        client.set_leverage(10, SWAP)
    buy(client, "lev1", None, SWAP, "0.1")
    [position] = client.fetch_positions([SWAP])
    assert (position["leverage"], position["initialMargin"]) == ("10", "600")
    with pytest.raises(ccxt.BadRequest, match="10001"):
        client.set_leverage(101, SWAP)


def test_the_margin_mode_is_the_accounts(client: Client) -> None:
    with pytest.raises(ccxt.MarginModeAlreadySet):
        client.set_margin_mode("isolated", SWAP)
    client.set_margin_mode("cross", SWAP)
    assert client.privateGetV5AccountInfo()["result"]["marginMode"] == "REGULAR_MARGIN"


def test_funding_is_an_execution_of_its_own_and_a_settlement_in_the_log(venue: Running, client: Client) -> None:
    buy(client, "fund1", None, SWAP, "0.1")
    before = Decimal(client.fetch_balance()["USDT"]["total"])
    venue.admin.post("funding", symbol="BTCUSDT", amount="-0.6")
    assert Decimal(client.fetch_balance()["USDT"]["total"]) == before - Decimal("0.6")
    assert len(client.fetch_my_trades(SWAP)) == 1
    [paid] = client.fetch_funding_history(SWAP)
    assert (paid["amount"], paid["symbol"], paid["info"]["execType"]) == ("0.6", SWAP, "Funding")
    [row] = client.fetch_ledger("USDT", None, None, {"type": "SETTLEMENT"})
    assert (row["info"]["change"], row["info"]["funding"], row["direction"]) == ("-0.6", "-0.6", "out")


@pytest.mark.parametrize(
    ("kind", "exec_type", "create_type"),
    [("bust", "BustTrade", "CreateByTakeOver_PassThrough"), ("adl", "AdlTrade", "CreateByAdl_PassThrough")],
)
def test_a_position_taken_away_is_a_trade_that_nobody_ordered(
    venue: Running, client: Client, kind: str, exec_type: str, create_type: str
) -> None:
    trades = client.reading("watch_my_trades")
    buy(client, "liq1", None, SWAP, "0.1")
    venue.admin.post("liquidate", symbol="BTCUSDT", kind=kind)
    rows = client.privateGetV5ExecutionList({"category": "linear", "execType": exec_type})["result"]["list"]
    assert [(row["orderLinkId"], row["side"], row["execQty"]) for row in rows] == [("", "Sell", "0.1")]
    assert rows[0]["createType"] == create_type
    assert client.fetch_positions(None, {"category": "linear"}) == []
    trades.until(lambda got: [each for each in got if each["info"]["execType"] == exec_type])


@pytest.mark.parametrize(
    ("direction", "trigger", "price"), [("descending", "58000", "57999"), ("ascending", "62000", "62001")]
)
def test_a_stop_waits_without_binding_money_and_keeps_its_id_when_it_is_triggered(
    venue: Running, client: Client, direction: str, trigger: str, price: str
) -> None:
    buy(client, "base1", None, SWAP, "0.03")
    bound = client.fetch_balance()["USDT"]["used"]
    params = {"clientOrderId": "stop1", "triggerPrice": trigger, "triggerDirection": direction, "reduceOnly": True}
    placed = client.create_order(SWAP, "market", "sell", "0.03", None, params)
    waiting = look_up(client, "stop1", SWAP)
    assert (waiting["status"], waiting["info"]["orderStatus"], waiting["triggerPrice"]) == (
        "open",
        "Untriggered",
        trigger,
    )
    assert client.fetch_balance()["USDT"]["used"] == bound
    venue.admin.price("linear:BTCUSDT", price)
    done = look_up(client, "stop1", SWAP)
    assert (done["id"], done["status"], done["average"]) == (placed["id"], "closed", price)
    assert client.fetch_positions(None, {"category": "linear"}) == []


def test_a_spot_stop_is_cancelled_only_when_it_is_named_as_one(client: Client) -> None:
    client.create_order(SPOT, "limit", "buy", "0.01", "62000", {"clientOrderId": "sstop1", "triggerPrice": "61000"})
    assert look_up(client, "sstop1")["info"]["orderStatus"] == "Untriggered"
    with pytest.raises(ccxt.OrderNotFound, match="170213"):
        client.cancel_order("", SPOT, {"orderLinkId": "sstop1"})
    client.cancel_order("", SPOT, {"orderLinkId": "sstop1", "trigger": True})
    assert look_up(client, "sstop1")["info"]["orderStatus"] == "Deactivated"


def test_a_triggered_stop_without_the_money_for_it_is_cancelled(venue: Running, client: Client) -> None:
    client.create_order(SPOT, "limit", "buy", "1.6", "61000", {"clientOrderId": "poor1", "triggerPrice": "61000"})
    buy(client, "rich1", None, quantity="1")
    venue.admin.price("spot:BTCUSDT", "61000")
    order = look_up(client, "poor1")
    assert (order["status"], order["info"]["rejectReason"]) == ("canceled", "EC_Others")


def test_a_trigger_on_the_wrong_side_of_the_price_is_refused(client: Client) -> None:
    for direction, trigger, code in (("ascending", "59000", "110092"), ("descending", "61000", "110093")):
        params = {"clientOrderId": "wrong1", "triggerPrice": trigger, "triggerDirection": direction}
        with pytest.raises(ccxt.InvalidOrder, match=code):
            client.create_order(SWAP, "market", "buy", "0.01", None, params)


# --- streams --------------------------------------------------------------------------------------


@pytest.mark.parametrize("symbol", [SPOT, SWAP])
@pytest.mark.parametrize("tls", [False, True], ids=["http", "tls"])
def test_the_private_stream_tells_of_orders_trades_and_money(venue: Running, symbol: str, tls: bool) -> None:
    with client_of(venue.endpoints, tls=tls) as client:
        client.load_markets()
        orders, trades = client.reading("watch_orders"), client.reading("watch_my_trades")
        money = client.reading("watch_balance")
        buy(client, "ws1", symbol=symbol)
        assert orders.until(lambda got: got)[0]["info"]["orderStatus"] == "New"
        venue.admin.fill("ws1", "0.004")
        partly = orders.until(lambda got: got[-1]["filled"] == "0.004")[-1]
        venue.admin.fill("ws1", "0.006")
        wholly = orders.until(lambda got: got[-1]["filled"] == "0.01")[-1]
        assert (partly["clientOrderId"], wholly["status"], wholly["symbol"]) == ("ws1", "closed", symbol)
        [first, second] = trades.until(lambda got: len(got) == 2)
        assert (first["amount"], second["amount"], first["info"]["orderLinkId"]) == ("0.004", "0.006", "ws1")
        assert (first["symbol"], first["takerOrMaker"]) == (symbol, "maker")
        assert [each["id"] for each in client.fetch_my_trades(symbol)] == [first["id"], second["id"]]
        usdt = client.fetch_balance()["USDT"]["total"]
        money.until(lambda got: got and coin_of(got[-1], "USDT")["walletBalance"] == usdt)


def coin_of(balance: Any, coin: str) -> Any:
    """As the venue told it: ccxt's own sums of a streamed balance count profit and forget margin."""
    return next(row for row in balance["info"][0]["coin"] if row["coin"] == coin)


def test_the_position_stream_tells_of_opening_and_closing(client: Client) -> None:
    positions = client.reading("watch_positions")
    buy(client, "wsp1", None, SWAP, "0.03")
    [opened] = positions.until(lambda got: [each for each in got if each["contracts"] == "0.03"])[-1:]
    assert (opened["side"], opened["entryPrice"]) == ("long", "60000")
    client.create_order(SWAP, "market", "sell", "0.03", None, {"reduceOnly": True})
    positions.until(lambda got: got[-1]["contracts"] == "0")


@pytest.mark.parametrize("symbol", [SPOT, SWAP])
def test_prices_come_as_tickers_and_as_best_bid_and_ask(venue: Running, client: Client, symbol: str) -> None:
    tickers, best = client.reading("watch_ticker", symbol), client.reading("watch_bids_asks", [symbol])
    tickers.until(lambda got: got and got[-1]["last"] == "60000")
    venue.admin.price("BTCUSDT", "61234.5")
    assert tickers.until(lambda got: got[-1]["last"] == "61234.5")[-1]["symbol"] == symbol
    best.until(lambda got: got and got[-1][symbol]["bid"] == got[-1][symbol]["ask"] == "61234.5")


def test_the_level_one_book_of_a_perpetual_is_repeated_when_nothing_moves(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "REPEAT_S", 0.1)
    best = client.reading("watch_bids_asks", [SWAP])
    best.until(lambda got: len(got) >= 2)


def test_a_broken_stream_is_dialled_and_subscribed_again(venue: Running, client: Client) -> None:
    orders = client.reading("watch_orders")
    buy(client, "cut1")
    orders.until(lambda got: len(got) == 1)
    venue.admin.fault("ws_close:1006", path="private")
    assert isinstance(orders.failed(), ccxt.NetworkError)
    client.wait(lambda: client.topics() == ["order"])
    buy(client, "cut2")
    orders.until(lambda got: got[-1]["clientOrderId"] == "cut2")


def test_stream_faults_lose_and_double_frames(venue: Running, client: Client) -> None:
    trades = client.reading("watch_my_trades")
    venue.admin.fault("ws_drop:100", path="private")
    buy(client, "lost1", None)
    venue.admin.reset_faults()
    venue.admin.fault("ws_duplicate", path="private")
    buy(client, "double1", None)
    trades.until(lambda got: len(got) >= 2)
    assert {each["info"]["orderLinkId"] for each in trades.got} == {"double1"}


def test_a_wrong_secret_is_refused_by_the_stream(venue: Running) -> None:
    with client_of(venue.endpoints, secret="wrong") as client:
        client.load_markets()
        with pytest.raises(ccxt.AuthenticationError):
            client.watch_orders()


def test_an_unknown_topic_is_refused(client: Client) -> None:
    with pytest.raises(ccxt.ExchangeError, match="handler not found"):
        client.watch_trades(SPOT)


def test_both_streams_answer_pings(venue: Running, client: Client) -> None:
    client.exchange.streaming["keepAlive"] = 50
    orders, tickers = client.reading("watch_orders"), client.reading("watch_ticker", SPOT)
    client.pause(0.5)
    assert orders.errors == tickers.errors == []
    pongs = [each.lastPong for each in client.exchange.clients.values()]
    assert len(pongs) == 2
    assert all(pongs)


def test_a_zombie_stream_answers_nothing_and_ccxt_gives_it_up(venue: Running, client: Client) -> None:
    client.exchange.streaming["keepAlive"] = 50
    orders = client.reading("watch_orders")
    venue.admin.fault("ws_no_pong", path="private")
    assert isinstance(orders.failed(), ccxt.RequestTimeout)


# --- refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("symbol", "quantity", "price", "error", "code"),
    [
        (SPOT, "10", "59000", ccxt.InsufficientFunds, "170131"),
        (SWAP, "10", "59000", ccxt.InsufficientFunds, "110007"),
        (SPOT, "0.00005", "59000", ccxt.InvalidOrder, "170140"),
        (SWAP, "0.001", "4000", ccxt.InvalidOrder, "110094"),
        (SPOT, "0.01", "90000.1", ccxt.InvalidOrder, "170193"),
        (SWAP, "0.01", "90000.1", ccxt.InvalidOrder, "110003"),
    ],
)
def test_an_order_that_breaks_a_rule_is_refused_and_leaves_no_trace(
    venue: Running, client: Client, symbol: str, quantity: str, price: str, error: type[Exception], code: str
) -> None:
    with pytest.raises(error, match=code):
        buy(client, "bad1", price, symbol, quantity)
    assert venue.admin.ledger()["orders"] == []
    buy(client, "bad1", "59000", symbol)


@pytest.mark.parametrize(
    ("category", "fields", "error", "code"),
    [
        ("spot", {"qty": "0.0000001"}, ccxt.InvalidOrder, "170136"),
        ("spot", {"qty": "0.0100001"}, ccxt.InvalidOrder, "170137"),
        ("spot", {"price": "59000.01"}, ccxt.InvalidOrder, "170134"),
        ("spot", {"symbol": "NOPEUSDT"}, ccxt.InvalidOrder, "170121"),
        ("spot", {"side": "Up"}, ccxt.InvalidOrder, "170117"),
        ("spot", {"orderLinkId": "a b"}, ccxt.BadRequest, "10001"),
        ("spot", {"orderLinkId": "a" * 37}, ccxt.BadRequest, "10001"),
        ("spot", {"qty": 0.01}, ccxt.BadRequest, "10001"),
        ("linear", {"qty": "0.0001"}, ccxt.BadRequest, "Qty invalid"),
        ("linear", {"qty": "0.0105"}, ccxt.BadRequest, "Qty invalid"),
        ("linear", {"price": "59000.01"}, ccxt.InvalidOrder, "110003"),
        ("linear", {"symbol": "NOPEUSDT"}, ccxt.BadSymbol, "10001"),
        ("linear", {"positionIdx": 1}, ccxt.BadRequest, "position idx"),
        ("option", {}, ccxt.BadRequest, "Illegal category"),
    ],
)
def test_a_malformed_order_is_refused(
    client: Client, category: str, fields: dict[str, Any], error: type[Exception], code: str
) -> None:
    body = {
        "category": category,
        "symbol": "BTCUSDT",
        "side": "Buy",
        "orderType": "Limit",
        "qty": "0.01",
        "price": "59000",
    }
    with pytest.raises(error, match=code):
        client.privatePostV5OrderCreate(body | fields)


@pytest.mark.parametrize(("symbol", "code"), [(SPOT, "170141"), (SWAP, "110072")])
def test_a_link_id_is_taken_for_ever(client: Client, symbol: str, code: str) -> None:
    buy(client, "dup1", symbol=symbol)
    client.cancel_order("", symbol, {"orderLinkId": "dup1"})
    with pytest.raises(ccxt.InvalidOrder, match=code):
        buy(client, "dup1", symbol=symbol)


@pytest.mark.parametrize(
    ("symbol", "unknown", "filled", "cancelled"),
    [(SPOT, "170213", "170139", "170142"), (SWAP, "110001", "110008", "110010")],
)
def test_what_cannot_be_cancelled_or_amended_says_why(
    venue: Running, client: Client, symbol: str, unknown: str, filled: str, cancelled: str
) -> None:
    buy(client, "done1", None, symbol)
    buy(client, "done2", symbol=symbol)
    client.cancel_order("", symbol, {"orderLinkId": "done2"})
    for link, error, code in (
        ("nope", ccxt.OrderNotFound, unknown),
        ("done1", ccxt.InvalidOrder, filled),
        ("done2", ccxt.InvalidOrder, cancelled),
    ):
        with pytest.raises(error, match=code):
            client.cancel_order("", symbol, {"orderLinkId": link})
        with pytest.raises(error, match=code):
            client.edit_order("", symbol, "limit", "buy", "0.02", "58000", {"orderLinkId": link})
    venue.admin.post("restart")
    with pytest.raises(ccxt.OrderNotFound, match=unknown):
        client.cancel_order("", symbol, {"orderLinkId": "done1"})


def test_an_amendment_that_changes_nothing_or_breaks_a_rule_is_refused_and_the_order_stays(client: Client) -> None:
    placed = buy(client, "amend1")
    for quantity, price, error in (
        ("0.01", "59000", ccxt.BadRequest),
        ("10", "59000", ccxt.InsufficientFunds),
        ("0.00001", "59000", ccxt.InvalidOrder),
    ):
        with pytest.raises(error):
            client.edit_order(placed["id"], SPOT, "limit", "buy", quantity, price)
    order = look_up(client, "amend1")
    assert (order["status"], order["amount"], order["price"]) == ("open", "0.01", "59000")


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("10000", ccxt.ExchangeError),
        ("10002", ccxt.InvalidNonce),
        ("10003", ccxt.AuthenticationError),
        ("10004", ccxt.AuthenticationError),
        ("10005", ccxt.PermissionDenied),
        ("10006", ccxt.RateLimitExceeded),
        ("10010", ccxt.PermissionDenied),
        ("10016", ccxt.ExchangeError),
        ("110012", ccxt.InsufficientFunds),
        ("110079", ccxt.ExchangeError),
        ("170001", ccxt.ExchangeError),
        ("170007", ccxt.RequestTimeout),
        ("170194", ccxt.InvalidOrder),
        ("170218", ccxt.InvalidOrder),
        ("170222", ccxt.RateLimitExceeded),
        ("3400214", ccxt.ExchangeError),
        ("403", ccxt.RateLimitExceeded),
        ("429", ccxt.ExchangeError),
    ],
)
def test_a_code_on_demand_is_the_class_that_ccxt_makes_of_it(
    venue: Running, client: Client, code: str, error: type[Exception]
) -> None:
    venue.admin.fault(f"reply:{code}", path="order/create", client_order_id="code1")
    with pytest.raises(error) as caught:
        buy(client, "code1")
    assert type(caught.value) is error
    assert venue.admin.ledger()["orders"] == []
    buy(client, "code1")


# --- who may speak --------------------------------------------------------------------------------


def test_key_signature_and_time_are_checked(venue: Running) -> None:
    with client_of(venue.endpoints, key="nobody") as client, pytest.raises(ccxt.AuthenticationError, match="10003"):
        client.fetch_balance()
    with client_of(venue.endpoints, secret="wrong") as client, pytest.raises(ccxt.AuthenticationError, match="10004"):
        client.fetch_balance()
    with client_of(venue.endpoints) as client:
        client.load_markets()
        for offset_ms in (-3000, 9000):
            venue.admin.clock(offset_ms)
            with pytest.raises(ccxt.InvalidNonce, match="10002"):
                client.fetch_balance()
        client.load_time_difference()
        client.exchange.options["adjustForTimeDifference"] = True
        assert client.fetch_balance()["USDT"]["free"] == "100000"


def test_what_the_key_may_do_is_told_and_kept(venue: Running, client: Client) -> None:
    told = client.privateGetV5UserQueryApi()["result"]
    assert (told["readOnly"], told["uta"], told["ips"]) == (0, 1, ["127.0.0.1"])
    assert "Withdraw" not in told["permissions"]["Wallet"]
    venue.admin.post("permissions", trade=False, withdraw=True, ip_restricted=False)
    told = client.privateGetV5UserQueryApi()["result"]
    assert (told["readOnly"], told["ips"], "Withdraw" in told["permissions"]["Wallet"]) == (1, ["*"], True)
    with pytest.raises(ccxt.PermissionDenied, match="10005"):
        buy(client, "perm1")
    client.fetch_balance()


def test_without_preset_options_ccxt_asks_what_kind_of_account_it_is(venue: Running) -> None:
    with client_of(venue.endpoints, options={}) as client:
        client.load_markets()
        client.fetch_balance()
        assert client.exchange.options["enableUnifiedAccount"] is True
        assert client.exchange.options["unifiedMarginStatus"] == 5


# --- limits and faults ----------------------------------------------------------------------------


def test_too_many_orders_in_a_second_are_refused_with_the_time_to_go_on(venue: Running, client: Client) -> None:
    venue.admin.limits(create_linear=3)
    client.pause(1.0 - client.exchange.milliseconds() % 1000 / 1000)
    for number in range(3):
        buy(client, f"rate{number}", symbol=SWAP)
    headers = client.exchange.last_response_headers
    assert (headers["X-Bapi-Limit"], headers["X-Bapi-Limit-Status"]) == ("3", "0")
    with pytest.raises(ccxt.RateLimitExceeded, match="10006"):
        buy(client, "rate3", symbol=SWAP)
    until_ms = int(client.exchange.last_response_headers["X-Bapi-Limit-Reset-Timestamp"])
    buy(client, "rate4")
    client.pause(max(0, until_ms - client.exchange.milliseconds()) / 1000 + 0.01)
    buy(client, "rate3", symbol=SWAP)


def test_too_many_requests_of_an_address_get_it_banned(venue: Running, client: Client) -> None:
    venue.admin.limits(IP=5, ban_s=60)
    client.pause(0.01)
    for _ in range(5 - min(5, venue.admin.status()["used"]["IP"])):
        client.fetch_balance()
    with pytest.raises(ccxt.RateLimitExceeded, match="access too frequent"):
        client.fetch_balance()
    venue.admin.limits(IP=600)
    with pytest.raises(ccxt.RateLimitExceeded, match="access too frequent"):
        client.fetch_time()
    venue.admin.reset_faults()
    client.fetch_balance()


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("accept_then_drop", ccxt.ExchangeNotAvailable),
        ("accept_then_5xx", ccxt.ExchangeNotAvailable),
        ("accept_then_truncated", ccxt.ExchangeError),
    ],
)
def test_an_answer_that_is_lost_leaves_an_order_that_can_be_looked_up(
    venue: Running, client: Client, kind: str, error: type[Exception]
) -> None:
    venue.admin.fault(kind, path="order/create", client_order_id="unknown1")
    with pytest.raises(error) as caught:
        buy(client, "unknown1")
    assert type(caught.value) is error
    assert look_up(client, "unknown1")["status"] == "open"


def test_html_instead_of_an_answer_is_an_order_without_an_id(venue: Running, client: Client) -> None:
    venue.admin.fault("accept_then_html", path="order/create")
    assert buy(client, "html1")["id"] is None
    assert look_up(client, "html1")["status"] == "open"


def test_a_fault_is_for_the_order_that_is_meant_by_either_id(venue: Running, client: Client) -> None:
    placed = buy(client, "meant1")
    buy(client, "meant2")
    venue.admin.fault("reply:10016", path="order/cancel", client_order_id="meant1", count=2)
    client.cancel_order("", SPOT, {"orderLinkId": "meant2"})
    with pytest.raises(ccxt.ExchangeError, match="10016"):
        client.cancel_order(placed["id"], SPOT)
    with pytest.raises(ccxt.ExchangeError, match="10016"):
        client.cancel_order("", SPOT, {"orderLinkId": "meant1"})


def test_a_restart_may_break_the_streams(venue: Running, client: Client) -> None:
    orders = client.reading("watch_orders")
    venue.admin.post("restart", streams=True)
    assert isinstance(orders.failed(), ccxt.NetworkError)


def test_an_order_may_be_visible_late(venue: Running, client: Client) -> None:
    venue.admin.fault("late_visibility:400", path="order/create", client_order_id="late1")
    buy(client, "late1", None)
    with pytest.raises(ccxt.OrderNotFound):
        look_up(client, "late1")
    assert client.fetch_my_trades(SPOT) == []
    assert client.fetch_canceled_and_closed_orders(SPOT) == []
    client.pause(0.45)
    assert look_up(client, "late1")["status"] == "closed"
    assert len(client.fetch_my_trades(SPOT)) == 1


def test_a_fill_may_be_told_before_the_order_is_acknowledged(venue: Running, client: Client) -> None:
    trades = client.reading("watch_my_trades")
    venue.admin.fault("fill_before_ack", path="order/create", client_order_id="early1", ms=200)
    buy(client, "early1")
    assert [each["info"]["orderLinkId"] for each in trades.got] == ["early1"]
    assert look_up(client, "early1")["status"] == "closed"


def test_an_order_made_by_hand_is_in_the_lists_without_a_link_id(venue: Running, client: Client) -> None:
    venue.admin.foreign("spot:BTCUSDT", "buy", "0.01")
    venue.admin.foreign("linear:BTCUSDT", "buy", "0.02", "58000")
    [trade] = client.fetch_my_trades(SPOT)
    assert (trade["amount"], trade["info"]["orderLinkId"]) == ("0.01", "")
    [order] = client.fetch_open_orders(SWAP)
    assert (order["clientOrderId"], order["amount"]) == (None, "0.02")


def test_an_unlisted_path_fails_loudly_and_is_counted() -> None:
    with Running("bybit") as venue, client_of(venue.endpoints) as client:
        with pytest.raises(ccxt.ExchangeError, match="10017"):
            client.fetch_currencies()
        assert list(venue.admin.status()["unlisted"]) == ["GET /v5/asset/coin/query-info"]


def test_the_venue_runs_as_a_process_of_its_own_with_instruments_of_its_own(tmp_path: Any) -> None:
    row: dict[str, Any] = {"symbol": "PEPEUSDT", "baseCoin": "PEPE", "quoteCoin": "USDT", "status": "Trading"}
    lots = {"basePrecision": "0.1", "minOrderQty": "1", "maxOrderQty": "1000", "minOrderAmt": "5"}
    row |= {"lotSizeFilter": lots, "priceFilter": {"tickSize": "0.0000001"}}
    file = tmp_path / "instruments.json"
    file.write_text(json.dumps({"retCode": 0, "result": {"category": "spot", "list": [row]}}))
    with Running("bybit", process=True, instruments=file) as venue, client_of(venue.endpoints) as client:
        client.load_markets()
        assert client.exchange.symbols == ["PEPE/USDT"]
