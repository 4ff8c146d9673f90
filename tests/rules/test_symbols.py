"""Which instrument a ticker means."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.rules.choices import Market
from actors.rules.model import Instrument, Reason, Refused
from actors.rules.symbols import SymbolIndex, find_symbol
from tests.rules.builders import DATA, needs_data, spot, swap


def pair(base: str, quote: str, venue_symbol: str | None = None, *, active: bool = True) -> Instrument:
    return spot(
        symbol=f"{base}/{quote}", base=base, quote=quote, venue_symbol=venue_symbol or base + quote, active=active
    )


def perpetual(base: str, quote: str, venue_symbol: str | None = None) -> Instrument:
    return swap(symbol=f"{base}/{quote}:{quote}", base=base, quote=quote, venue_symbol=venue_symbol or base + quote)


SPOT = SymbolIndex.build([pair("BTC", "USDT"), pair("ETH", "BTC"), pair("OLD", "USDT", active=False)])
SWAP = SymbolIndex.build([perpetual("BTC", "USDT"), perpetual("1000PEPE", "USDT")])
DASHED = SymbolIndex.build([pair("BTC", "USDT", "BTC-USDT"), pair("ETH", "USDC", "ETH-USDC")])


def found(ticker: str, index: SymbolIndex, **patterns: Sequence[str]) -> str | Reason:
    answer = find_symbol(ticker, index, **patterns)
    return answer.reason if isinstance(answer, Refused) else answer.symbol


@pytest.mark.rule("SIG-4")
@pytest.mark.parametrize(
    "ticker", ["BTCUSDT", "BINANCE:BTCUSDT", "btcusdt", " BTCUSDT ", "BTC/USDT", "BINANCE:BTC/USDT"]
)
def test_a_ticker_is_found_with_and_without_the_exchanges_name(ticker: str) -> None:
    assert found(ticker, SPOT) == "BTC/USDT"


@pytest.mark.rule("SIG-4")
@pytest.mark.parametrize(
    "ticker",
    ["BTCUSDT.P", "BINANCE:BTCUSDT.P", "btcusdt.p", "BTCUSDT", "BTC/USDT:USDT", "BYBIT:BTC/USDT:USDT", "BTC/USDT.P"],
)
def test_dot_p_means_the_perpetual_swap(ticker: str) -> None:
    assert found(ticker, SWAP) == "BTC/USDT:USDT"


@pytest.mark.rule("SIG-4")
def test_dot_p_is_not_the_spot_pair_of_the_same_name() -> None:
    assert found("BTCUSDT.P", SPOT) is Reason.UNKNOWN_SYMBOL


@pytest.mark.rule("SIG-4")
def test_a_name_that_really_ends_in_dot_p_is_itself() -> None:
    index = SymbolIndex.build([pair("ABC", "USDT", "ABCUSDT.P"), perpetual("ABC", "USDT", "ABC-PERP")])
    assert found("X:ABCUSDT.P", index) == "ABC/USDT"


@pytest.mark.rule("SIG-4")
def test_the_settlement_coin_of_a_unified_symbol_is_not_taken_for_a_ticker() -> None:
    index = SymbolIndex.build([pair("USDT", "EUR", "USDT")])
    assert found("BTC/USDT:USDT", index) is Reason.UNKNOWN_SYMBOL
    assert found("KRAKEN:USDT", index) == "USDT/EUR"


@pytest.mark.rule("SIG-4")
def test_a_venue_that_writes_dashes_is_found_by_the_joined_name_too() -> None:
    assert found("OKX:BTCUSDT", DASHED) == "BTC/USDT"
    assert found("BTC-USDT", DASHED) == "BTC/USDT"


@pytest.mark.rule("SIG-4")
@pytest.mark.parametrize(
    "ticker", ["", ":", "BTC", "USDT", "BTCUSD", "ETHUSDT", "XBTCUSDT", "BTCUSDT.X", "BINANCE:", "OLDUSDT"]
)
def test_an_unknown_or_inactive_symbol_is_rejected(ticker: str) -> None:
    assert found(ticker, SPOT) is Reason.UNKNOWN_SYMBOL


@pytest.mark.rule("SIG-4")
def test_the_refusal_says_whether_it_is_unknown_or_inactive() -> None:
    inactive, unknown = find_symbol("OLDUSDT", SPOT), find_symbol("XYZUSDT", SPOT)
    assert isinstance(inactive, Refused)
    assert isinstance(unknown, Refused)
    assert inactive.detail == '"OLDUSDT" is not active'
    assert unknown.detail == '"XYZUSDT" is not in the account\'s catalogue'


@pytest.mark.rule("SIG-4")
def test_a_name_two_instruments_could_have_is_not_guessed() -> None:
    index = SymbolIndex.build([pair("ABC", "DUSD", "ABC-DUSD"), pair("ABCD", "USD", "ABCD-USD")])
    answer = find_symbol("ABCDUSD", index)
    assert isinstance(answer, Refused)
    assert answer.detail == '"ABCDUSD" may be ABC/DUSD or ABCD/USD'
    assert found("ABCD-USD", index) == "ABCD/USD"


@pytest.mark.rule("SIG-4")
def test_of_two_instruments_with_one_name_the_active_one_is_meant() -> None:
    index = SymbolIndex.build([pair("ABC", "DUSD", "ABC-DUSD", active=False), pair("ABCD", "USD", "ABCD-USD")])
    assert found("ABCDUSD", index) == "ABCD/USD"


@pytest.mark.rule("SIG-4")
@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        ({}, "BTC/USDT"),
        ({"allow": ["BTC/*"]}, "BTC/USDT"),
        ({"allow": ["*usdt"]}, "BTC/USDT"),
        ({"allow": ["BTCUSDT"]}, "BTC/USDT"),
        ({"allow": ["ETH/*"]}, Reason.SYMBOL_DENIED),
        ({"allow": []}, Reason.SYMBOL_DENIED),
        ({"deny": ["*/USDT"]}, Reason.SYMBOL_DENIED),
        ({"allow": ["BTC/USDT"], "deny": ["B?C*"]}, Reason.SYMBOL_DENIED),
        ({"deny": ["ETH*"]}, "BTC/USDT"),
    ],
)
def test_accounts_allow_and_deny_by_pattern_and_deny_wins(
    patterns: dict[str, Sequence[str]], expected: str | Reason
) -> None:
    assert found("BTCUSDT", SPOT, **patterns) == expected


coins = st.text(alphabet="ABUSDT1", min_size=1, max_size=5)


@pytest.mark.rule("SIG-4")
@given(st.lists(st.tuples(coins, coins), max_size=8, unique=True), coins)
def test_what_is_found_is_in_the_catalogue_and_is_called_so(pairs: list[tuple[str, str]], ticker: str) -> None:
    """No suffix is guessed: a name that no instrument of the catalogue has is unknown, however familiar it ends."""
    catalogue = [pair(base, quote, f"{base}-{quote}") for base, quote in pairs]
    answer = find_symbol(ticker, SymbolIndex.build(catalogue))
    called_so = [instrument for instrument in catalogue if instrument.base + instrument.quote == ticker]
    assert answer == called_so[0] if len(called_so) == 1 else isinstance(answer, Refused)


@given(st.text(max_size=20))
def test_no_ticker_breaks_the_search(ticker: str) -> None:
    assert isinstance(find_symbol(ticker, SWAP), Instrument | Refused)


@needs_data
@pytest.mark.rule("SIG-4")
def test_every_symbol_of_a_real_spot_exchange_is_found_by_its_own_name() -> None:
    with gzip.open(DATA / "exchange" / "binance-spot-exchangeInfo.json.gz", "rt") as file:
        listed = json.load(file)["symbols"]
    catalogue = [
        replace(pair(one["baseAsset"], one["quoteAsset"], one["symbol"]), active=one["status"] == "TRADING")
        for one in listed
    ]
    index = SymbolIndex.build(catalogue)
    assert len(catalogue) > 1000
    for instrument in catalogue:
        for ticker in (f"BINANCE:{instrument.venue_symbol}", instrument.symbol):
            expected = instrument.symbol if instrument.active else Reason.UNKNOWN_SYMBOL
            assert found(ticker, index) == expected
        assert instrument.market is Market.SPOT
        assert found(f"{instrument.venue_symbol}.P", index) is Reason.UNKNOWN_SYMBOL
