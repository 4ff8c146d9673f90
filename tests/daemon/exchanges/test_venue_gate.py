"""Gate as unmodified ccxt speaks to it: exact requests, and what becomes of answers in its documented shapes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from actors.rules.model import OrderSide, OrderState, Role
from actors.rules.rates import Ask
from daemon.exchanges import convert
from daemon.exchanges.instruments import instruments_of
from daemon.exchanges.venues.gate import Gate
from daemon.exchanges.venues.settling import SetupFault
from daemon.exchanges.venues.venue import Credentials
from tests.wire.canned.kit import (
    BUY,
    CID,
    IOC,
    MARKET,
    NOW,
    POST_ONLY,
    SELL,
    STOP,
    D,
    account,
    connected,
    exit_order,
    hedge,
    instrument,
    order,
    swap,
)
from tests.wire.canned.server import Canned, Status, run

SPOT, SWAP = "BTC/USDT", "BTC/USDT:USDT"
TEXT = f"t-{CID}"
ORDERS, SWAP_ORDERS = "/api/v4/spot/orders", "/api/v4/futures/usdt/orders"
OPEN, TRADES = "GET /api/v4/spot/open_orders", "GET /api/v4/spot/my_trades"
SWAP_TRADES = "GET /api/v4/futures/usdt/my_trades_timerange"
DETAIL = "GET /api/v4/account/detail"
ACCOUNTS = "GET /api/v4/futures/usdt/accounts"
SPOT_MARKET = {
    **{"id": "BTC_USDT", "base": "BTC", "quote": "USDT", "fee": "0.2", "min_base_amount": "0.00001"},
    **{"min_quote_amount": "3", "max_quote_amount": "5000000", "amount_precision": 5, "precision": 1},
    **{"trade_status": "tradable", "sell_start": 0, "buy_start": 0},
}
SWAP_MARKET = {
    **{"name": "BTC_USDT", "type": "direct", "quanto_multiplier": "0.0001", "order_price_round": "0.1"},
    **{"order_size_min": 1, "order_size_max": 1000000, "market_order_size_max": 500000, "orders_limit": 100},
    **{"order_price_deviate": "0.2", "mark_price": "50000", "leverage_min": "1", "leverage_max": "100"},
    **{"in_delisting": False, "status": "trading", "enable_decimal": False},
}
ABSENT = Status(404, {"label": "ORDER_NOT_FOUND", "message": "Order not found"})


def raw_order(**changes: Any) -> dict[str, Any]:
    given = {
        **{"id": "1852454420", "text": TEXT, "amend_text": "-", "create_time": str(NOW // 1000), "status": "open"},
        **{"create_time_ms": NOW, "update_time_ms": NOW, "currency_pair": "BTC_USDT", "type": "limit"},
        **{"account": "spot", "side": "buy", "amount": "0.002", "price": "50000.5", "time_in_force": "gtc"},
        **{"iceberg": "0", "left": "0.002", "filled_amount": "0", "fill_price": "0", "filled_total": "0"},
        **{"fee": "0", "fee_currency": "BTC", "point_fee": "0", "gt_fee": "0", "finish_as": "open"},
    }
    return {**given, **changes}


def raw_fill(**changes: Any) -> dict[str, Any]:
    given = {
        **{"id": "1232893232", "create_time": str(NOW // 1000), "create_time_ms": f"{NOW + 5}.123", "role": "maker"},
        **{"order_id": "1852454420", "currency_pair": "BTC_USDT", "side": "buy", "amount": "0.002"},
        **{"price": "50000.5", "fee": "0.000004", "fee_currency": "BTC", "point_fee": "0", "gt_fee": "0"},
        **{"text": TEXT},
    }
    return {**given, **changes}


def swap_order(**changes: Any) -> dict[str, Any]:
    given = {
        **{"id": 15675394, "user": 100000, "contract": "BTC_USDT", "create_time": NOW / 1000, "size": 20, "iceberg": 0},
        **{"left": 20, "price": "50000.5", "fill_price": "0", "tkfr": "0.0005", "mkfr": "0.0002", "tif": "gtc"},
        **{"is_reduce_only": False, "is_close": False, "is_liq": False, "text": TEXT, "status": "open"},
    }
    return {**given, **changes}


@asynccontextmanager
async def gate(replies: dict[str, Any] | None = None, settings: Any = None) -> AsyncIterator[tuple[Gate, Canned]]:
    known = {
        "GET /api/v4/spot/currency_pairs": [[SPOT_MARKET]],
        "GET /api/v4/margin/currency_pairs": [[]],
        "GET /api/v4/futures/usdt/contracts": [[SWAP_MARKET]],
        DETAIL: {"user_id": 4711, "ip_whitelist": [], "key": {"mode": 1}},
        "GET /api/v4/spot/time": {"server_time": NOW + 1_000},
    }
    async with (
        Canned({**known, **(replies or {})}) as canned,
        connected(Gate, canned, settings or account("gate")) as venue,
    ):
        yield venue, canned


def placed(settings: Any, sent: Any, answer: Any = None) -> dict[str, Any]:
    bodies: list[Any] = []
    call = f"POST {SWAP_ORDERS if settings.market.value == 'swap' else ORDERS}"

    async def story() -> None:
        async with gate({call: answer or raw_order()}, settings) as (venue, canned):
            got = await venue.create(sent, instrument(sent.symbol))
            assert got["id"] is not None
            assert venue.client_order_id(got) == CID
            asked = canned.one(call)
            assert len(canned.asked) == 1
            assert asked.headers["KEY"] == "key"
            assert {"SIGN", "Timestamp"} <= set(asked.headers)
            bodies.append(asked.body)

    run(story())
    return dict(bodies[0])


COMMON = {"currency_pair": "BTC_USDT", "account": "spot", "side": "buy", "amount": "0.002", "text": TEXT}
CONTRACT = {"contract": "BTC_USDT", "text": TEXT}


def test_a_spot_limit_order_goes_out_as_it_is_under_its_prefixed_id() -> None:
    assert placed(account("gate"), order()) == {**COMMON, "type": "limit", "price": "50000.5"}


def test_post_only_and_immediate_or_cancel_are_times_in_force() -> None:
    assert placed(account("gate"), order(time_in_force=POST_ONLY))["time_in_force"] == "poc"
    assert placed(account("gate"), order(time_in_force=IOC))["time_in_force"] == "ioc"


def test_a_spot_market_sale_is_sized_in_base() -> None:
    body = placed(account("gate"), order(side=SELL, type=MARKET, price=None))
    assert body == {**COMMON, "side": "sell", "type": "market", "time_in_force": "ioc"}


def test_a_spot_market_buy_never_buys_more_than_its_quantity() -> None:
    body = placed(account("gate"), order(type=MARKET, price=None, expected_price=D("50000.03")))
    assert body == {**COMMON, "type": "limit", "price": "50500.1", "time_in_force": "ioc"}


def test_a_spot_market_buy_without_an_expected_price_asks_for_one() -> None:
    ticker = {"currency_pair": "BTC_USDT", "last": "50000", "lowest_ask": "50001", "highest_bid": "50000"}

    async def story() -> None:
        replies = {"GET /api/v4/spot/tickers": [[ticker]], f"POST {ORDERS}": raw_order()}
        async with gate(replies) as (venue, canned):
            await venue.create(order(type=MARKET, price=None), instrument())
            assert canned.one(f"POST {ORDERS}").body["price"] == "50501.1"

    run(story())


def test_a_swap_orders_size_is_signed() -> None:
    buy = placed(swap("gate"), order(SWAP, quantity=D(20)), swap_order())
    assert buy == {**CONTRACT, "size": 20, "price": "50000.5"}
    sale = placed(swap("gate"), exit_order(SWAP, quantity=D(20)), swap_order(size=-20, left=-20))
    assert sale == {**CONTRACT, "size": -20, "price": "50000.5", "reduce_only": True}


def test_types_of_swap_orders() -> None:
    market = placed(swap("gate"), order(SWAP, quantity=D(20), type=MARKET, price=None), swap_order())
    assert market == {**CONTRACT, "size": 20, "price": "0", "tif": "ioc"}
    assert placed(swap("gate"), order(SWAP, quantity=D(20), time_in_force=POST_ONLY), swap_order())["tif"] == "poc"


@pytest.mark.parametrize(
    ("side", "role", "reduces"),
    [(BUY, Role.ENTRY, False), (SELL, Role.CLOSE, True), (SELL, Role.ENTRY, False), (BUY, Role.CLOSE, True)],
)
def test_hedge_mode_tells_the_sides_apart_by_reduce_only(side: OrderSide, role: Role, reduces: bool) -> None:
    body = placed(hedge("gate"), order(SWAP, side=side, role=role, quantity=D(20)), swap_order())
    assert (body["size"], body.get("reduce_only", False)) == (20 if side is BUY else -20, reduces)
    assert "hedged" not in body


def test_a_stop_order_is_refused_before_anything_is_sent() -> None:
    from ccxt.base.errors import NotSupported

    async def story() -> None:
        async with gate(settings=swap("gate")) as (venue, canned):
            with pytest.raises(NotSupported):
                await venue.create(order(SWAP, type=STOP, price=None, trigger_price=D(1)), instrument(SWAP))
            assert canned.asked == []

    run(story())


@pytest.mark.parametrize("why", ["poc", "stp", "small", "depth_not_enough", "cancelled", "ioc"])
def test_a_finished_order_that_did_not_fill_is_cancelled_whatever_the_reason(why: str) -> None:
    async def story() -> None:
        answer = raw_order(status="cancelled", finish_as=why)
        async with gate({f"POST {ORDERS}": answer}) as (venue, _):
            view = convert.order_view(await venue.create(order(time_in_force=POST_ONLY), instrument()), CID)
            assert (view.state, view.filled) == (OrderState.CANCELLED, D(0))

    run(story())


def test_cancel_puts_the_prefixed_client_order_id_where_an_id_stands() -> None:
    spot, futures = f"DELETE {ORDERS}/{TEXT}", f"DELETE {SWAP_ORDERS}/{TEXT}"

    async def story() -> None:
        async with gate({spot: raw_order(status="cancelled", finish_as="cancelled")}) as (venue, canned):
            answer = await venue.cancel(order())
            assert convert.order_view(answer, CID).state is OrderState.CANCELLED
            assert canned.one(spot).query == {"account": "spot", "currency_pair": "BTC_USDT"}
        done = swap_order(status="finished", finish_as="cancelled")
        async with gate({futures: done}, swap("gate")) as (venue, _):
            assert venue.client_order_id(await venue.cancel(order(SWAP))) == CID

    run(story())


@pytest.mark.rule("ORD-9")
def test_an_order_is_amended_in_place() -> None:
    spot, futures = f"PATCH {ORDERS}/1852454420", f"PUT {SWAP_ORDERS}/15675394"

    async def story() -> None:
        async with gate({spot: raw_order()}) as (venue, canned):
            sent = order(exchange_order_id="1852454420")
            assert (await venue.amend(sent, D("49999.9"), D("0.003")))["id"] == "1852454420"
            body = canned.one(spot).body
            assert (body["amount"], body["price"], body["currency_pair"]) == ("0.003", "49999.9", "BTC_USDT")
        async with gate({futures: swap_order()}, swap("gate")) as (venue, canned):
            await venue.amend(order(SWAP, side=SELL, exchange_order_id="15675394"), D("49999.9"), D(30))
            body = canned.one(futures).body
            assert (body["size"], body["price"]) == (-30, "49999.9")

    run(story())


def test_an_open_order_is_found_by_its_prefixed_id() -> None:
    call = f"GET {ORDERS}/{TEXT}"

    async def story() -> None:
        async with gate({call: raw_order()}) as (venue, canned):
            found = await venue.find(order())
            assert found.order is not None
            view = convert.order_view(found.order, venue.client_order_id(found.order))
            assert (view.client_order_id, view.state, view.filled) == (CID, OrderState.OPEN, D(0))
            assert canned.one(call).query == {"account": "spot", "currency_pair": "BTC_USDT"}

    run(story())


def test_a_filled_order_comes_with_its_fills() -> None:
    done = raw_order(
        status="closed",
        finish_as="filled",
        left="0",
        filled_amount="0.002",
        filled_total="100",
        avg_deal_price="50000.5",
    )

    async def story() -> None:
        other = raw_fill(id="other", order_id="other", text="apiv4")
        async with gate({f"GET {ORDERS}/{TEXT}": done, TRADES: [[raw_fill(), other]]}) as (venue, canned):
            found = await venue.find(order())
            assert found.order is not None
            assert convert.order_view(found.order, CID).state is OrderState.FILLED
            (trade,) = found.trades
            view = convert.trade_view(trade, venue.client_order_id(trade), instrument(), lambda *_: None)
            assert view is not None
            assert (view.client_order_id, view.trade.quantity, view.trade.price) == (CID, D("0.002"), D("50000.5"))
            assert (view.trade.fee, view.trade.fee_asset, view.trade.maker) == (D("0.000004"), "BTC", True)
            assert view.trade.time_ms == NOW + 5
            query = canned.one(TRADES).query
            assert (query["currency_pair"], query["from"]) == ("BTC_USDT", str((NOW - 60_000) // 1000))

    run(story())


def test_an_order_is_absent_only_when_the_finished_ones_do_not_have_it_either() -> None:
    async def story() -> None:
        other = raw_order(id="7", text="t-other", status="closed", finish_as="filled", left="0")
        replies = {f"GET {ORDERS}/{TEXT}": ABSENT, f"GET {ORDERS}": [[other]], TRADES: [[]]}
        async with gate(replies) as (venue, canned):
            assert (await venue.find(order())).order is None
            query = canned.one(f"GET {ORDERS}").query
            assert (query["status"], query["currency_pair"], query["page"]) == ("finished", "BTC_USDT", "1")
        mine = raw_order(status="cancelled", finish_as="cancelled")
        async with gate({f"GET {ORDERS}/{TEXT}": ABSENT, f"GET {ORDERS}": [[other, mine]]}) as (venue, _):
            found = (await venue.find(order())).order
            assert found is not None
            assert found["status"] == "canceled"

    run(story())


def test_the_finished_ones_are_read_until_they_are_older_than_the_order() -> None:
    full = [raw_order(id=str(number), text="apiv4", create_time_ms=NOW + number, left="0") for number in range(100)]
    old = [raw_order(id=f"o{number}", text="apiv4", create_time_ms=NOW - 100_000) for number in range(100)]

    async def story() -> None:
        replies = {f"GET {ORDERS}/{TEXT}": ABSENT, f"GET {ORDERS}": [full, old], TRADES: [[]]}
        async with gate(replies) as (venue, canned):
            assert (await venue.find(order())).order is None
            assert [asked.query["page"] for asked in canned.calls(f"GET {ORDERS}")] == ["1", "2"]

    run(story())


def test_a_swap_order_is_found_with_its_fills_and_looked_for_among_the_finished() -> None:
    call = f"GET {SWAP_ORDERS}/{TEXT}"
    filled = swap_order(size=-20, left=0, status="finished", finish_as="filled", fill_price="50000.5")
    fill = {
        **{"trade_id": "121234231", "create_time": NOW / 1000, "contract": "BTC_USDT", "order_id": "15675394"},
        **{"size": -20, "price": "50000.5", "text": TEXT, "fee": "0.05", "point_fee": "0", "role": "taker"},
    }

    async def story() -> None:
        async with gate({call: filled, SWAP_TRADES: [[fill]]}, swap("gate")) as (venue, _):
            found = await venue.find(order(SWAP, side=SELL, quantity=D(20)))
            assert found.order is not None
            view = convert.order_view(found.order, venue.client_order_id(found.order))
            assert (view.client_order_id, view.state, view.filled) == (CID, OrderState.FILLED, D(20))
            (trade,) = found.trades
            told = convert.trade_view(trade, venue.client_order_id(trade), instrument(SWAP), lambda *_: None)
            assert told is not None
            assert (told.client_order_id, told.side, told.trade.quantity) == (CID, SELL, D(20))
            assert (told.trade.fee, told.trade.fee_asset, told.trade.maker) == (D("0.05"), "USDT", False)
        async with gate({call: ABSENT, f"GET {SWAP_ORDERS}": [[]], SWAP_TRADES: [[]]}, swap("gate")) as (venue, canned):
            assert (await venue.find(order(SWAP))).order is None
            query = canned.one(f"GET {SWAP_ORDERS}").query
            assert (query["status"], query["contract"], query["offset"]) == ("finished", "BTC_USDT", "0")

    run(story())


def test_open_orders_are_read_to_the_last_page_without_a_symbol() -> None:
    full = [{"currency_pair": "BTC_USDT", "total": 101, "orders": [raw_order(id=str(n)) for n in range(100)]}]
    rest = [{"currency_pair": "BTC_USDT", "total": 101, "orders": [raw_order(id="500")]}]

    async def story() -> None:
        async with gate({OPEN: [full, rest]}) as (venue, canned):
            assert len(await venue.open_orders([])) == 101
            assert [asked.query["page"] for asked in canned.calls(OPEN)] == ["1", "2"]
        swaps = [[swap_order(id=number) for number in range(100)], [swap_order(id=500)]]
        async with gate({f"GET {SWAP_ORDERS}": swaps}, swap("gate")) as (venue, canned):
            assert len(await venue.open_orders([])) == 101
            assert [asked.query["offset"] for asked in canned.calls(f"GET {SWAP_ORDERS}")] == ["0", "100"]

    run(story())


@pytest.mark.parametrize(("text", "ours"), [(TEXT, CID), ("apiv4", ""), ("web", ""), ("ao-123", ""), (None, "")])
def test_only_prefixed_texts_are_client_order_ids(text: str | None, ours: str) -> None:
    assert Gate(account("gate"), Credentials(), None).client_order_id({"clientOrderId": text}) == ours


def test_balances_of_spot_and_of_swaps() -> None:
    async def story() -> None:
        held = {"currency": "USDT", "available": "7", "locked": "3"}
        async with gate({"GET /api/v4/spot/accounts": [[held]]}) as (venue, _):
            found = convert.balances(await venue.balances())["USDT"]
            assert (found.free, found.locked) == (D(7), D(3))
        swaps = {"user": 1, "currency": "USDT", "total": "100.5", "available": "80.25", "in_dual_mode": False}
        async with gate({ACCOUNTS: swaps}, swap("gate")) as (venue, _):
            found = convert.balances(await venue.balances())["USDT"]
            assert (found.free, found.locked) == (D("80.25"), D("20.25"))

    run(story())


@pytest.mark.parametrize(("size", "side"), [(20, "long"), (-20, "short")])
def test_positions_count_contracts_and_empty_ones_are_left_out(size: int, side: str) -> None:
    position = {
        **{"contract": "BTC_USDT", "size": size, "leverage": "3", "value": "100", "entry_price": "49000.5"},
        **{"liq_price": "40000", "mark_price": "50000", "unrealised_pnl": "1", "mode": "single", "margin": "30"},
    }

    async def story() -> None:
        rows = [position, {**position, "size": 0}]
        async with gate({"GET /api/v4/futures/usdt/positions": [rows]}, swap("gate")) as (venue, _):
            (held,) = convert.positions(await venue.positions())
            assert (held.symbol, held.side.value, held.quantity) == (SWAP, side, D(20))
            assert (held.average_entry, held.liquidation_price) == (D("49000.5"), D(40000))

    run(story())


def test_instruments_carry_bands_and_order_counts_on_swaps() -> None:
    async def story() -> None:
        async with gate() as (venue, _):
            (found,) = instruments_of("gate", venue.account, await venue.instruments())
            assert (found.symbol, found.venue_symbol, found.min_notional) == (SPOT, "BTC_USDT", D(3))
            assert (found.tick_size, found.step_size, found.min_quantity) == (D("0.1"), D("0.00001"), D("0.00001"))
            assert (found.band_down, found.band_up, found.max_open_orders) == (None, None, None)
        async with gate(settings=swap("gate")) as (venue, _):
            (found,) = instruments_of("gate", venue.account, await venue.instruments())
            assert (found.symbol, found.contract_size, found.step_size) == (SWAP, D("0.0001"), D(1))
            assert (found.band_down, found.band_up, found.max_open_orders) == (D("0.8"), D("1.2"), 100)
            assert (found.max_quantity, found.market_max_quantity) == (D(1000000), D(500000))

    run(story())


def test_position_mode_and_leverage_are_set_and_read_back() -> None:
    mode = "POST /api/v4/futures/usdt/dual_mode"
    dual = "/api/v4/futures/usdt/dual_comp/positions/BTC_USDT"
    single = "/api/v4/futures/usdt/positions/BTC_USDT"

    def cross(limit: str) -> dict[str, str]:
        return {"leverage": "0", "cross_leverage_limit": limit}

    async def story() -> None:
        replies = {
            ACCOUNTS: [{"in_dual_mode": False}, {"in_dual_mode": True}],
            mode: {"in_dual_mode": True},
            f"GET {dual}": [[cross("10"), cross("10")], [cross("3"), cross("3")]],
            f"POST {dual}/leverage": [[cross("3"), cross("3")]],
        }
        async with gate(replies, hedge("gate")) as (venue, canned):
            await venue.prepare_account()
            await venue.prepare(SWAP)
            assert canned.one(mode).body is None or canned.one(mode).query == {"dual_mode": "true"}
            assert canned.one(f"POST {dual}/leverage").query == cross("3")
        isolated = {"leverage": "3", "cross_leverage_limit": "0"}
        replies = {f"GET {single}": [cross("3"), isolated], f"POST {single}/leverage": isolated}
        async with gate(replies, swap("gate")) as (venue, canned):
            await venue.prepare(SWAP)
            assert canned.one(f"POST {single}/leverage").query == {"leverage": "3"}
        async with gate({f"GET {single}": cross("3"), f"POST {single}/leverage": cross("3")}, swap("gate")) as (
            venue,
            _,
        ):
            with pytest.raises(SetupFault, match="leverage"):
                await venue.prepare(SWAP)

    run(story())


def test_the_testnet_has_addresses_of_its_own_and_keys_tell_nothing() -> None:
    venue = Gate(account("gate", testnet=True), Credentials(), None)
    assert "testnet" in venue.client.urls["api"]["private"]["spot"]

    async def story() -> None:
        async with gate() as (here, canned):
            assert await here.permissions() == {"read": None, "trade": None, "withdraw": None}
            assert canned.asked == []

    run(story())


def test_every_kind_of_request_has_a_cost_in_windows_that_exist() -> None:
    for settings in (account("gate"), swap("gate")):
        rules = Gate(settings, Credentials(), None).rules()
        assert set(rules.costs) == set(Ask)
        assert {name for cost in rules.costs.values() for name in cost} <= {window.name for window in rules.windows}


def test_a_unified_account_orders_and_holds_there() -> None:
    async def story() -> None:
        replies = {
            DETAIL: {"user_id": 4711, "key": {"mode": 2}},
            f"POST {ORDERS}": raw_order(account="unified"),
            "GET /api/v4/unified/accounts": {"balances": {"USDT": {"available": "7", "freeze": "3"}}},
        }
        async with gate(replies) as (venue, canned):
            await venue.create(order(), instrument())
            assert canned.one(f"POST {ORDERS}").body["account"] == "unified"
            held = convert.balances(await venue.balances())["USDT"]
            assert (held.free, held.locked) == (D(7), D(3))

    run(story())


def test_a_key_that_may_not_read_the_account_is_taken_for_a_classic_one_but_a_lost_connection_is_not() -> None:
    from ccxt.base.errors import NetworkError

    async def story() -> None:
        forbidden = Status(403, {"label": "FORBIDDEN", "message": "no permission"})
        async with gate({DETAIL: forbidden, f"POST {ORDERS}": raw_order()}) as (venue, canned):
            await venue.create(order(), instrument())
            assert canned.one(f"POST {ORDERS}").body["account"] == "spot"
        down = Status(503, {"label": "SERVER_ERROR", "message": "down"})
        with pytest.raises(NetworkError):
            async with gate({DETAIL: down}):
                pass

    run(story())


def test_requests_are_stamped_with_the_venues_time() -> None:
    async def story() -> None:
        async with gate({"GET /api/v4/spot/accounts": [[]]}) as (venue, canned):
            venue.correct_clock(7_000)
            await venue.balances()
            asked = canned.asked[-1]
            assert asked.headers["Timestamp"] == str((NOW + 8_000) // 1000)

    run(story())


@pytest.mark.rule("PNL-1")
def test_funding_payments_are_named_by_contract_and_time() -> None:
    call = "GET /api/v4/futures/usdt/account_book"
    payment = {"time": NOW // 1000 + 7, "change": "-0.5", "balance": "9", "text": "BTC_USDT:3", "type": "fund"}

    async def story() -> None:
        async with gate({call: [[payment]]}, swap("gate")) as (venue, canned):
            (row,) = await venue.funding(NOW)
            assert (row["id"], row["symbol"]) == (f"BTC_USDT:{NOW // 1000 + 7}", SWAP)
            assert D(row["amount"]) == D("-0.5")
            query = canned.one(call).query
            assert (query["type"], query["from"]) == ("fund", str(NOW // 1000))

    run(story())


# --- streams --------------------------------------------------------------------------------------


def streamed(canned: Canned, path: str, frames: list[dict[str, Any]]) -> None:
    async def answer(said: dict[str, Any], socket: web.WebSocketResponse) -> None:
        if said.get("event") == "subscribe":
            done = {"id": said["id"], "channel": said["channel"], "event": "subscribe", "error": None}
            await socket.send_json({**done, "result": {"status": "success"}})
            for frame in frames:
                await socket.send_json(frame)

    canned.sockets[path] = answer


def frame(channel: str, result: Any) -> dict[str, Any]:
    return {"time": NOW // 1000, "channel": channel, "event": "update", "result": result}


@pytest.mark.parametrize(
    ("changes", "state", "filled"),
    [
        ({"event": "put"}, OrderState.OPEN, "0"),
        ({"event": "update", "left": "0.001", "filled_total": "50"}, OrderState.PARTIALLY_FILLED, "0.001"),
        ({"event": "finish", "left": "0", "finish_as": "filled", "filled_total": "100"}, OrderState.FILLED, "0.002"),
        ({"event": "finish", "finish_as": "poc"}, OrderState.CANCELLED, "0"),
    ],
)
def test_streamed_orders_are_read(changes: dict[str, Any], state: OrderState, filled: str) -> None:
    async def story() -> None:
        async with gate() as (venue, canned):
            data = {**raw_order(user=1, avg_deal_price="50000.5"), **changes}
            data.pop("status")
            streamed(canned, "/ws/v4/", [frame("spot.orders", [data])])
            (row,) = await venue.watch_orders()
            view = convert.order_view(row, venue.client_order_id(row))
            assert (view.client_order_id, view.state, view.filled) == (CID, state, D(filled))
            (said,) = canned.spoken
            assert (said["channel"], said["payload"], said["auth"]["KEY"]) == ("spot.orders", ["!all"], "key")

    run(story())


def test_streamed_executions_carry_fee_and_client_id() -> None:
    async def story() -> None:
        async with gate() as (venue, canned):
            data = raw_fill(id=5736713, user_id=1, create_time=NOW // 1000)
            streamed(canned, "/ws/v4/", [frame("spot.usertrades", [data])])
            (row,) = await venue.watch_trades()
            view = convert.trade_view(row, venue.client_order_id(row), instrument(), lambda *_: None)
            assert view is not None
            assert (view.client_order_id, view.exchange_order_id) == (CID, "1852454420")
            assert (view.trade.trade_id, view.trade.quantity, view.trade.fee) == ("5736713", D("0.002"), D("0.000004"))

    run(story())


def test_streams_of_swaps_are_subscribed_to_by_the_users_number() -> None:
    async def story() -> None:
        async with gate(settings=swap("gate")) as (venue, canned):
            data = swap_order(size=-20, left=0, status="finished", finish_as="filled", create_time_ms=NOW)
            streamed(canned, "/v4/ws/usdt", [frame("futures.orders", [data])])
            (row,) = await venue.watch_orders()
            view = convert.order_view(row, venue.client_order_id(row))
            assert (view.symbol, view.state, view.filled, row["side"]) == (SWAP, OrderState.FILLED, D(20), "sell")
            assert canned.spoken[0]["payload"] == ["4711", "!all"]

    run(story())


def test_a_change_of_balances_is_noticed() -> None:
    held = {"currency": "USDT", "total": "9", "available": "7", "freeze": "2", "timestamp_ms": str(NOW), "user": "1"}

    async def story() -> None:
        async with gate() as (venue, canned):
            streamed(canned, "/ws/v4/", [frame("spot.balances", [held])])
            found = convert.balances(await venue.watch_balances())["USDT"]
            assert (found.free, found.locked) == (D(7), D(2))

    run(story())


def test_best_prices_come_from_the_stream_and_by_request() -> None:
    book = {"t": NOW, "u": 1, "s": "BTC_USDT", "b": "50000", "B": "1", "a": "50001", "A": "2"}
    ticker = {"currency_pair": "BTC_USDT", "last": "50000.5", "lowest_ask": "50001", "highest_bid": "50000"}

    async def story() -> None:
        async with gate({"GET /api/v4/spot/tickers": [[ticker]]}) as (venue, canned):
            streamed(canned, "/ws/v4/", [frame("spot.book_ticker", book)])
            for quotes in (await venue.watch_prices([SPOT]), await venue.fetch_prices([SPOT])):
                quote = convert.quotes(quotes, NOW)[SPOT]
                assert (quote.bid, quote.ask) == (D(50000), D(50001))

    run(story())
