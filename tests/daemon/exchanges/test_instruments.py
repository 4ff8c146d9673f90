"""Markets as instruments: the real lists of three venues through unmodified ccxt, and the rules of all seven."""

from __future__ import annotations

import asyncio
import gzip
import json
import random
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from actors.rules import precision
from actors.rules.choices import Market
from actors.rules.model import Instrument, Side
from actors.rules.settings import AccountSettings
from daemon.exchanges.instruments import Reading, instruments_of, read_markets

D = Decimal
SHARED = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "exchange"
needs_lists = pytest.mark.skipif(not SHARED.exists(), reason="the shared data is not here")
LISTS = {
    "binance": ("binance", Market.SPOT, "binance-spot-exchangeInfo.json.gz", "symbols"),
    "binanceusdm": ("binanceusdm", Market.SWAP, "binance-usdm-exchangeInfo.json.gz", "symbols"),
    "okx": ("okx", Market.SPOT, "okx-spot-instruments.json.gz", "data"),
}


def account(exchange: str = "binance", market: Market = Market.SPOT) -> AccountSettings:
    return AccountSettings(name="real", exchange=exchange, market=market)


@cache
def parsed(exchange: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """A real list as the venue told it, and as ccxt reads it."""
    import ccxt.async_support as ccxt

    ccxt_id, _, name, key = LISTS[exchange]
    raw = json.loads(gzip.decompress((SHARED / name).read_bytes()))[key]
    client = getattr(ccxt, ccxt_id)()
    client.number = str
    client.options.update(crossMarginPairsData=[], isolatedMarginPairsData=[])  # Else set by `fetch_markets`.
    markets = client.parse_markets(raw)
    asyncio.run(client.close())
    return raw, markets


@cache
def real(exchange: str) -> Reading:
    return read_markets(exchange, account(exchange, LISTS[exchange][1]), parsed(exchange)[1])


def every() -> Iterator[Instrument]:
    for exchange in LISTS:
        yield from real(exchange).instruments


def by_symbol(exchange: str) -> dict[str, Instrument]:
    return {each.symbol: each for each in real(exchange).instruments}


@needs_lists
@pytest.mark.rule("PRC-1")
def test_every_market_of_the_real_lists_becomes_an_instrument() -> None:
    counts = {exchange: (len(parsed(exchange)[0]), len(real(exchange).instruments)) for exchange in LISTS}
    assert counts == {"binance": (1695, 1695), "binanceusdm": (122, 120), "okx": (513, 513)}
    assert [real(exchange).unusable for exchange in LISTS] == [(), (), ()]
    assert sum(each.active for each in real("binance").instruments) == 1222


@needs_lists
@pytest.mark.rule("PRC-1")
def test_exact_rules_of_some_real_markets() -> None:
    spot = by_symbol("binance")
    bitcoin = spot["BTC/USDT"]
    assert (bitcoin.venue_symbol, bitcoin.base, bitcoin.quote) == ("BTCUSDT", "BTC", "USDT")
    assert (bitcoin.tick_size, bitcoin.step_size, bitcoin.min_quantity) == (D("0.01"), D("0.00001"), D("0.00001"))
    assert (bitcoin.min_notional, bitcoin.max_quantity) == (D(10), D(9000))
    assert (bitcoin.market_min_quantity, bitcoin.market_step_size) == (None, None)
    assert bitcoin.market_max_quantity == D("100.05381873")
    assert precision.max_quantity(bitcoin, market=True) == D("100.05381")
    assert (bitcoin.band_down, bitcoin.band_up, bitcoin.max_open_orders) == (D("0.2"), D(5), 200)
    shiba = spot["SHIB/USDT"]
    assert (shiba.tick_size, shiba.step_size, shiba.max_quantity) == (D("0.00000001"), D(1), D(46116860414))
    assert (spot["ETH/BTC"].quote, spot["ETH/BTC"].min_notional) == ("BTC", D("0.0001"))
    future = by_symbol("binanceusdm")["BTC/USDT:USDT"]
    assert (future.venue_symbol, future.quote, future.market) == ("BTCUSDT", "USDT", Market.SWAP)
    assert (future.tick_size, future.step_size, future.min_notional) == (D("0.01"), D("0.001"), D(5))
    assert (future.market_max_quantity, future.market_step_size, future.contract_size) == (D(1000), D("0.001"), D(1))
    assert (future.band_down, future.band_up) == (None, None)
    assert (future.buy_band_down, future.buy_band_up) == (None, D("1.15"))
    assert (future.sell_band_down, future.sell_band_up) == (D("0.85"), None)
    assert (future.min_price, future.max_price, future.exit_min_notional) == (D("556.72"), D("1000000"), D(0))
    assert (bitcoin.min_price, bitcoin.max_price, bitcoin.market_min_notional) == (D("0.01"), D(1000000), D("10.5"))
    okx = by_symbol("okx")["BTC/USDT"]
    assert (okx.venue_symbol, okx.tick_size, okx.step_size) == ("BTC-USDT", D("0.1"), D("0.00000001"))
    assert (okx.min_quantity, okx.min_notional, okx.max_quantity) == (D("0.00001"), D(0), D(9999999999))
    assert okx.market_max_quantity is None
    assert okx.market_max_notional == D(1000000)


@needs_lists
def test_dated_futures_are_left_out() -> None:
    symbols = by_symbol("binanceusdm")
    assert "BTC/USDT:USDT" in symbols
    assert not [symbol for symbol in symbols if "-" in symbol]


@needs_lists
@pytest.mark.rule("PRC-1")
def test_the_rules_of_every_real_market_agree_with_each_other() -> None:
    for each in every():
        assert each.tick_size > 0, each
        assert each.step_size > 0, each
        assert each.min_quantity >= each.step_size, each
        assert each.min_quantity % each.step_size == 0, each
        assert each.min_notional >= 0, each
        assert each.contract_size == 1, each
        for market in (False, True):
            most = precision.max_quantity(each, market=market)
            assert most is None or most >= precision.min_quantity(each, market=market), each
        assert each.band_down is None or 0 < each.band_down < 1, each
        assert each.band_up is None or each.band_up > 1, each
        assert each.base, each
        assert each.quote, each
        assert each.account == "real", each


@needs_lists
@pytest.mark.rule("PRC-7")
@pytest.mark.parametrize("exchange", ["binance", "binanceusdm"])
def test_what_precision_lets_through_keeps_every_filter_of_the_venues_own_list(exchange: str) -> None:
    dice = random.Random(20_251_122)
    raws = {raw["symbol"]: raw for raw in parsed(exchange)[0]}
    sent = 0
    for each in real(exchange).instruments:
        filters = {found["filterType"]: found for found in raws[each.venue_symbol]["filters"]}
        for market in (False, True):
            mark = D(dice.randint(1, 10**6)) * each.tick_size
            price = precision.entry_price(Side.LONG, mark * D(dice.randint(10, 190)) / 100, each)
            wanted = D(dice.randint(1, 10**7)) * each.step_size / 7
            quantity = precision.max_sendable(wanted, mark if market else price, each, market=market)
            if quantity == 0 or (not market and not precision.in_band(price, mark, each)):
                continue
            sent += 1
            assert broken(filters, mark if market else price, quantity, mark, market=market) == [], each
    assert sent > 100


def broken(filters: dict[str, Any], price: Decimal, quantity: Decimal, mark: Decimal, *, market: bool) -> list[str]:
    """Filters an order breaks, by the venue's documentation. The least and highest price are not among them."""
    found = []
    lots = [filters["LOT_SIZE"], *([filters["MARKET_LOT_SIZE"]] if market and "MARKET_LOT_SIZE" in filters else [])]
    for lot in lots:
        if not D(lot["minQty"]) <= quantity <= D(lot["maxQty"]):
            found.append("quantity")
        if D(lot["stepSize"]) and (quantity - D(lot["minQty"])) % D(lot["stepSize"]):
            found.append("step")
    notional = filters["MIN_NOTIONAL"]
    if price * quantity < D(notional.get("minNotional") or notional["notional"]):
        found.append("notional")
    if not market:
        if price % D(filters["PRICE_FILTER"]["tickSize"]):
            found.append("tick")
        band = filters["PERCENT_PRICE"]
        if not mark * D(band["multiplierDown"]) <= price <= mark * D(band["multiplierUp"]):
            found.append("band")
    return found


# --- rules that the real lists do not show --------------------------------------------------------


def unified(**changes: Any) -> dict[str, Any]:
    given = {
        **{"id": "BTCUSDT", "symbol": "BTC/USDT", "base": "BTC", "quote": "USDT", "settle": None, "spot": True},
        **{"swap": False, "future": False, "option": False, "active": True, "linear": None, "inverse": None},
        **{"contractSize": None, "expiry": None, "precision": {"price": "0.01", "amount": "0.001"}, "info": {}},
        "limits": {"amount": {"min": "0.001", "max": "100"}, "cost": {"min": "5", "max": None}},
    }
    return {**given, **changes}


def unified_swap(**changes: Any) -> dict[str, Any]:
    given = {
        **{"symbol": "BTC/USDT:USDT", "settle": "USDT", "spot": False, "swap": True, "linear": True, "inverse": False},
        "contractSize": "0.01",
    }
    return unified(**{**given, **changes})


def one(exchange: str, market: dict[str, Any]) -> Instrument:
    kind = Market.SPOT if market["spot"] else Market.SWAP
    (found,) = instruments_of(exchange, account(exchange, kind), [market])
    return found


def binance(*filters: dict[str, Any]) -> Instrument:
    return one("binance", unified(info={"filters": list(filters), "isSpotTradingAllowed": True}))


def test_bands_that_differ_by_side_are_kept_apart() -> None:
    found = binance(
        {
            **{"filterType": "PERCENT_PRICE_BY_SIDE", "bidMultiplierUp": "1.2", "bidMultiplierDown": "0.2"},
            **{"askMultiplierUp": "5", "askMultiplierDown": "0.8"},
        }
    )
    assert (found.band_down, found.band_up) == (None, None)
    assert (found.buy_band_down, found.buy_band_up) == (D("0.2"), D("1.2"))
    assert (found.sell_band_down, found.sell_band_up) == (D("0.8"), D(5))


def test_market_orders_have_least_and_greatest_values_of_their_own() -> None:
    """They are valued at an average of some minutes: that leaves room. Without one the value is just the rule's."""
    rule = {"filterType": "NOTIONAL", "minNotional": "10", "maxNotional": "2100", "avgPriceMins": 5}
    found = binance({**rule, "applyMinToMarket": True, "applyMaxToMarket": True})
    assert (found.min_notional, found.market_min_notional) == (D(10), D("10.5"))
    assert (found.max_notional, found.market_max_notional) == (D(2100), D(2000))
    found = binance({**rule, "applyMinToMarket": False, "applyMaxToMarket": False})
    assert (found.market_min_notional, found.market_max_notional) == (D(0), None)
    found = binance({**rule, "applyMinToMarket": True, "avgPriceMins": 0})
    assert found.market_min_notional == D(10)


def test_a_band_of_the_moment_is_not_taken_for_the_venues_own_bounds() -> None:
    limits = {"amount": {"min": "1"}, "cost": {}, "price": {"min": "90", "max": "110"}}
    found = one("gate", unified_swap(limits=limits))
    assert (found.min_price, found.max_price) == (None, None)
    found = one("bybit", unified_swap(limits=limits, contractSize="1"))
    assert (found.min_price, found.max_price) == (D(90), D(110))


def test_bybit_bounds_buys_from_above_and_sells_from_below() -> None:
    risk = {"riskParameters": {"priceLimitRatioX": "0.05", "priceLimitRatioY": "0.1"}}
    found = one("bybit", unified(info=risk))
    assert (found.buy_band_down, found.buy_band_up) == (None, D("1.05"))
    assert (found.sell_band_down, found.sell_band_up) == (D("0.95"), None)


def test_zeros_of_the_market_lot_filter_are_no_rule() -> None:
    found = binance({"filterType": "MARKET_LOT_SIZE", "minQty": "0.0", "maxQty": "0", "stepSize": "0.00000000"})
    assert (found.market_min_quantity, found.market_max_quantity, found.market_step_size) == (None, None, None)


def test_of_two_notional_filters_the_greater_counts() -> None:
    found = binance({"filterType": "MIN_NOTIONAL", "minNotional": "7"}, {"filterType": "NOTIONAL", "minNotional": "11"})
    assert found.min_notional == D(11)


def test_a_spot_market_that_may_not_be_traded_is_inactive() -> None:
    assert not one("binance", unified(info={"isSpotTradingAllowed": False})).active
    assert not one("binance", unified(active=False)).active
    assert one("binance", unified(active=None)).active


def test_a_least_quantity_off_the_step_is_rounded_up_to_it() -> None:
    limits = {"amount": {"min": "0.0015", "max": None}, "cost": {"min": None, "max": None}}
    found = one("binance", unified(limits=limits))
    assert (found.min_quantity, found.max_quantity, found.min_notional) == (D("0.002"), None, D(0))
    nothing = {"amount": {"min": None, "max": None}, "cost": {"min": None, "max": None}}
    assert one("binance", unified(limits=nothing)).min_quantity == D("0.001")


def test_bybits_limits_for_market_orders_have_two_names() -> None:
    spot = {"lotSizeFilter": {"minOrderAmt": "6", "maxLimitOrderQty": "80", "maxMarketOrderQty": "40"}}
    found = one("bybit", unified(info=spot))
    assert (found.min_notional, found.max_quantity, found.market_max_quantity) == (D(6), D(80), D(40))
    swap = {"lotSizeFilter": {"minNotionalValue": "7", "maxOrderQty": "100", "maxMktOrderQty": "50"}}
    found = one("bybit", unified_swap(info=swap, contractSize="1"))
    assert (found.min_notional, found.max_quantity, found.market_max_quantity) == (D(7), D(100), D(50))


def test_okx_has_a_market_maximum_in_contracts_but_on_spot_it_is_money() -> None:
    found = one("okx", unified(info={"maxMktSz": "1000000", "quoteCcy": "USDT", "maxLmtAmt": "20000000"}))
    assert (found.market_max_quantity, found.market_max_notional) == (None, D(1000000))
    assert found.max_notional == D(20000000)
    assert one("okx", unified(info={"maxMktSz": "1000000", "quoteCcy": "BTC"})).market_max_notional is None
    assert one("okx", unified_swap(info={"maxMktSz": "12000"})).market_max_quantity == D(12000)


def test_the_remaining_venues_rules_in_their_own_fields() -> None:
    assert one("kucoin", unified(info={"minFunds": "9"})).min_notional == D(9)
    assert one("mexc", unified(info={"quoteAmountPrecisionMarket": "8"})).min_notional == D(8)
    assert one("gate", unified(info={"max_base_amount": "50"})).max_quantity == D(50)
    assert not one("gate", unified(info={"trade_status": "untradable"})).active
    contract = {"order_price_deviate": "0.2", "market_order_size_max": "0", "orders_limit": 50, "in_delisting": True}
    found = one("gate", unified_swap(info=contract))
    assert (found.band_down, found.band_up, found.max_open_orders) == (D("0.8"), D("1.2"), 50)
    assert (found.market_max_quantity, found.active) == (None, False)


def test_a_swaps_quote_is_what_it_settles_in() -> None:
    found = one("bybit", unified_swap(symbol="BTC/USD:USDC", quote="USD", settle="USDC", contractSize="1"))
    assert (found.quote, found.contract_size, found.market) == ("USDC", D(1), Market.SWAP)


@pytest.mark.parametrize(
    "market",
    [
        unified_swap(),
        unified_swap(spot=True, option=True),
        unified(spot=True, expiry=1_700_000_000_000),
        unified(symbol=None),
        unified(symbol=""),
    ],
)
def test_markets_of_another_kind_are_left_out_of_a_spot_account(market: dict[str, Any]) -> None:
    assert read_markets("binance", account(), [market]) == Reading(instruments=())


@pytest.mark.parametrize(
    "market",
    [
        unified(),
        unified_swap(linear=False, inverse=True),
        unified_swap(inverse=True),
        unified_swap(expiry=1_700_000_000_000),
        unified_swap(swap=False, future=True),
        unified_swap(linear=None),
    ],
)
def test_markets_of_another_kind_are_left_out_of_a_swap_account(market: dict[str, Any]) -> None:
    assert read_markets("okx", account("okx", Market.SWAP), [market]) == Reading(instruments=())


@pytest.mark.rule("PRC-4")
@pytest.mark.parametrize(
    "rules",
    [
        {"price": None, "amount": "0.001"},
        {"price": "0.01", "amount": None},
        {"price": "0", "amount": "0.001"},
        {"price": "0.01", "amount": "-1"},
        {"price": "nonsense", "amount": "0.001"},
        {"price": "NaN", "amount": "0.001"},
        {},
        None,
    ],
)
def test_an_unusable_market_is_left_out_and_counted(rules: Any, caplog: pytest.LogCaptureFixture) -> None:
    markets = [unified(), unified(symbol="ETH/USDT", base="ETH", precision=rules)]
    reading = read_markets("binance", account(), markets)
    assert ([each.symbol for each in reading.instruments], reading.unusable) == (["BTC/USDT"], ("ETH/USDT",))
    assert len(instruments_of("binance", account(), markets)) == 1
    assert "1 markets without usable rules left out: ETH/USDT" in caplog.text


def test_a_swap_without_a_contract_size_is_unusable() -> None:
    reading = read_markets("okx", account("okx", Market.SWAP), [unified_swap(contractSize=None)])
    assert (reading.instruments, reading.unusable) == ((), ("BTC/USDT:USDT",))


def test_of_two_markets_with_one_symbol_the_active_one_counts() -> None:
    old, new = unified(id="OLD", active=False), unified(id="NEW")
    for markets in ([old, new], [new, old]):
        (found,) = instruments_of("binance", account(), markets)
        assert found.venue_symbol == "NEW"
