"""What all venues share: addresses, the client's set-up, pages, the choice of class."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from actors.rules.choices import Market, PositionMode
from actors.rules.model import OrderSide, OrderType, Role, Side, TimeInForce
from actors.rules.settings import AccountSettings
from daemon.exchanges.venues import venue_class
from daemon.exchanges.venues.addresses import moved
from daemon.exchanges.venues.orders import common_params, newest, position_side, wire_price
from daemon.exchanges.venues.pages import MAX_PAGES, TooManyPages, all_pages
from daemon.exchanges.venues.settling import SetupFault, settle
from daemon.exchanges.venues.venue import Credentials, Venue
from tests.daemon.exchanges.venues.wire_kit import CLIENT_ID, exit_order, make_wire, market_order, order

SWAP = "BTC/USDT:USDT"
SPOT_MARKETS = ("binance", "bybit")
BOTH_KINDS = [("binance", Market.SPOT), ("binance", Market.SWAP), ("bybit", Market.SWAP)]


def test_every_address_of_a_nest_moves_to_the_given_host_and_keeps_its_path() -> None:
    nest = {
        "public": "https://api.{hostname}/api/v3",
        "ws": {"spot": "wss://stream.x.com:9443/ws", "more": ["wss://y/ws?broker=1", 7]},
    }
    assert moved(nest, "http://127.0.0.1:1", "ws://127.0.0.1:2") == {
        "public": "http://127.0.0.1:1/api/v3",
        "ws": {"spot": "ws://127.0.0.1:2/ws", "more": ["ws://127.0.0.1:2/ws?broker=1", 7]},
    }


def test_an_address_kind_that_is_not_given_stays() -> None:
    assert moved({"a": "https://x/y", "b": "wss://x/y"}, "http://h/prefix/", "") == {
        "a": "http://h/prefix/y",
        "b": "wss://x/y",
    }


@pytest.mark.parametrize(
    ("exchange", "market"), [("binance", Market.SPOT), ("binance", Market.SWAP), ("bybit", Market.SWAP)]
)
def test_no_address_of_the_venue_is_left_when_both_kinds_are_given(exchange: str, market: Market) -> None:
    wire = make_wire(exchange, market, {}, urls={"rest": "http://127.0.0.1:1", "ws": "ws://127.0.0.1:1"})

    def strings(nest: Any) -> list[str]:
        if isinstance(nest, dict):
            return [text for value in nest.values() for text in strings(value)]
        return [nest] if isinstance(nest, str) else []

    found = strings(wire.venue.client.urls["api"])
    assert len(found) > 5
    assert all(text.split("/")[2] == "127.0.0.1:1" for text in found)


@pytest.mark.parametrize("exchange", ["binance", "binanceusdm", "bybit"])
def test_the_client_gives_numbers_as_text_and_never_retries_or_waits_by_itself(exchange: str) -> None:
    market = Market.SWAP if exchange == "binanceusdm" else Market.SPOT
    client = make_wire(exchange, market, {}).venue.client
    assert client.number is str
    assert client.options["maxRetriesOnFailure"] == 0
    assert client.enableRateLimit is False
    assert client.timeout == 15_000
    assert client.streaming["keepAlive"] == 15_000
    assert client.has["fetchCurrencies"] is False
    assert (client.apiKey, client.secret) == ("key", "secret")


def test_another_address_does_not_make_error_codes_unknown() -> None:
    client = make_wire("binanceusdm", Market.SWAP, {}).venue.client
    assert client.exceptions["exact"]["-2019"].__name__ == "InsufficientFunds"
    assert client.exceptions["exact"]["-5022"].__name__ == "OrderNotFillable"
    spot = make_wire("binance", Market.SPOT, {}).venue.client
    assert spot.exceptions["exact"]["-2011"].__name__ == "OrderNotFound"


@pytest.mark.parametrize(
    ("exchange", "market"), [("binance", Market.SPOT), ("binance", Market.SWAP), ("bybit", Market.SPOT)]
)
def test_a_testnet_account_does_not_speak_to_the_real_venue(exchange: str, market: Market) -> None:
    real = make_wire(exchange, market, {}).venue.client.urls["api"]
    test = make_wire(exchange, market, {}, testnet=True).venue.client.urls["api"]
    for key in ("private", "fapiPrivate"):
        if key in real and key in test:
            assert test[key] != real[key]


def test_secrets_are_in_no_text_of_credentials() -> None:
    assert "topsecret" not in repr(Credentials(api_key="topsecret", secret="topsecret", passphrase="topsecret"))


def test_the_clock_of_the_venue_stamps_requests_once_it_is_known() -> None:
    venue = make_wire("binance", Market.SPOT, {}).venue
    venue.correct_clock(250)
    assert venue.client.nonce() == venue.client.milliseconds() + 250


@pytest.mark.parametrize(
    ("exchange", "market", "name"),
    [
        ("binance", Market.SPOT, "BinanceSpot"),
        ("binance", Market.SWAP, "BinanceUsdm"),
        ("binanceusdm", Market.SWAP, "BinanceUsdm"),
        ("bybit", Market.SPOT, "Bybit"),
        ("bybit", Market.SWAP, "Bybit"),
    ],
)
def test_an_exchange_and_market_of_the_config_have_their_class(exchange: str, market: Market, name: str) -> None:
    found = venue_class(exchange, market)
    assert isinstance(found, type)
    assert found.__name__ == name
    assert issubclass(found, Venue)


def test_an_exchange_that_is_not_built_is_named_with_those_that_are() -> None:
    words = venue_class("kraken", Market.SPOT)
    assert isinstance(words, str)
    assert "kraken" in words
    assert "bybit" in words


def test_spot_is_not_offered_where_only_swaps_are_traded() -> None:
    assert isinstance(venue_class("binanceusdm", Market.SPOT), str)


# --- orders ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("side", "role", "expected"),
    [
        (OrderSide.BUY, Role.ENTRY, Side.LONG),
        (OrderSide.SELL, Role.ENTRY, Side.SHORT),
        (OrderSide.SELL, Role.TAKE_PROFIT, Side.LONG),
        (OrderSide.BUY, Role.STOP, Side.SHORT),
        (OrderSide.BUY, Role.CLOSE, Side.SHORT),
    ],
)
def test_an_order_belongs_to_the_position_it_builds_or_takes_down(side: OrderSide, role: Role, expected: Side) -> None:
    assert position_side(order(SWAP, side=side, role=role)) is expected


def test_reduce_only_is_never_said_on_spot() -> None:
    assert common_params(exit_order("BTC/USDT"), Market.SPOT) == {"clientOrderId": CLIENT_ID}
    assert common_params(exit_order(SWAP), Market.SWAP) == {"clientOrderId": CLIENT_ID, "reduceOnly": True}


def test_a_market_order_has_no_price_and_no_time_in_force() -> None:
    given = market_order(SWAP, time_in_force=TimeInForce.IOC, price=Decimal(7))
    assert wire_price(given) is None
    assert common_params(given, Market.SWAP) == {"clientOrderId": CLIENT_ID}


def test_prices_and_quantities_never_have_an_exponent() -> None:
    assert wire_price(order(SWAP, price=Decimal("1E-7"))) == "0.0000001"


def test_of_rows_with_one_id_the_newest_counts() -> None:
    rows: list[dict[str, Any]] = [
        {"id": "1", "timestamp": 5},
        {"id": "2", "timestamp": 9},
        {"id": "3", "timestamp": None},
    ]
    assert newest(rows) == rows[1]
    assert newest([]) is None


@pytest.mark.parametrize("exchange", SPOT_MARKETS)
def test_a_stop_on_spot_is_refused_before_anything_is_sent(exchange: str) -> None:
    from ccxt.base.errors import NotSupported

    wire = make_wire(exchange, Market.SPOT, {})
    stop = order("BTC/USDT", type=OrderType.STOP, role=Role.STOP, price=None, trigger_price=Decimal(90))
    with pytest.raises(NotSupported):
        asyncio.run(wire.venue.create(stop, None))  # type: ignore[arg-type]
    assert wire.urls == []


# --- pages and settings ---------------------------------------------------------------------------


def test_pages_are_read_to_the_end_and_a_row_that_comes_twice_counts_once() -> None:
    pages = {0: ([{"id": "a"}, {"id": "b"}], 1), 1: ([{"id": "b"}, {"id": "c"}], None)}

    async def fetch(mark: int) -> Any:
        return pages[mark]

    assert [row["id"] for row in asyncio.run(all_pages(fetch, 0))] == ["a", "b", "c"]


def test_rows_of_two_symbols_may_share_an_id() -> None:
    async def fetch(mark: int) -> Any:
        return [{"id": "1", "symbol": "A"}, {"id": "1", "symbol": "B"}], None

    assert len(asyncio.run(all_pages(fetch, 0))) == 2


def test_a_list_without_end_is_an_error_and_not_a_shorter_list() -> None:
    async def fetch(mark: int) -> Any:
        return [], mark + 1

    with pytest.raises(TooManyPages, match=str(MAX_PAGES)):
        asyncio.run(all_pages(fetch, 0))


class Setting:
    """One setting of a venue, that may or may not let itself be changed."""

    def __init__(self, value: str, refusal: Exception | None = None) -> None:
        self.value, self.refusal, self.writes = value, refusal, 0

    async def read(self) -> str:
        return self.value

    async def write(self) -> None:
        self.writes += 1
        if self.refusal is not None:
            raise self.refusal
        self.value = "new"


def settled(setting: Setting, wanted: str = "new") -> None:
    asyncio.run(settle("leverage", wanted, setting.read, setting.write, "Do this."))


def test_a_setting_that_is_right_is_not_touched() -> None:
    setting = Setting("new")
    settled(setting)
    assert setting.writes == 0


def test_a_setting_is_written_and_read_back() -> None:
    setting = Setting("old")
    settled(setting)
    assert (setting.value, setting.writes) == ("new", 1)


def test_a_setting_that_stays_another_is_a_fault_with_remedy_and_the_venues_words() -> None:
    from ccxt.base.errors import ExchangeError, NetworkError

    with pytest.raises(
        SetupFault, match=r"leverage is old, wanted is new. Do this. The exchange said: positions exist"
    ):
        settled(Setting("old", ExchangeError("positions exist")))
    with pytest.raises(NetworkError):
        settled(Setting("old", NetworkError("down")))


def test_hedge_mode_is_a_matter_of_swaps() -> None:
    account = AccountSettings(name="a", exchange="bybit", market=Market.SPOT, position_mode=PositionMode.HEDGE)
    found = venue_class("bybit", Market.SPOT)
    assert isinstance(found, type)
    assert not found(account, Credentials(), None).is_hedged


@pytest.mark.rule("PRC-1")
@pytest.mark.parametrize("market", [Market.SPOT, Market.SWAP])
@pytest.mark.parametrize("exchange", ["binance", "bybit", "okx", "kucoin", "mexc", "gate"])
def test_an_empty_list_of_markets_leaves_what_the_library_knows(exchange: str, market: Market) -> None:
    kind = venue_class(exchange, market)
    assert not isinstance(kind, str)
    venue = kind.__new__(kind)
    venue.account = AccountSettings(name="a", exchange=exchange, market=market)
    known = {"markets": {"BTC/USDT": {"symbol": "BTC/USDT", "spot": True, "info": {}}}, "markets_by_id": {}, "uid": "1"}

    async def nothing(*_params: object) -> list[object]:
        return []

    async def no_difference() -> int:
        return 0

    venue.client = SimpleNamespace(
        **known,
        fetch_markets=nothing,
        fetch_spot_markets=nothing,
        fetch_swap_markets=nothing,
        load_time_difference=no_difference,
        set_markets=lambda _markets: pytest.fail("it forgets what it knows"),
    )
    venue._has_listed = True
    assert asyncio.run(venue.instruments()) == []
