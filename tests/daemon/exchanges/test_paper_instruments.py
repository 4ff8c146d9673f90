"""The paper catalogue: rules for the symbols that are shipped, sane ones for any other."""

from __future__ import annotations

from decimal import Decimal

import pytest

from actors.rules.choices import Market
from actors.rules.model import Instrument
from actors.rules.precision import notional
from actors.rules.settings import AccountSettings, InstrumentOverride
from daemon.exchanges.paper_instruments import paper_instruments, start_price, unified_symbol
from tests.daemon.exchanges.paper_kit import D

SHIPPED = AccountSettings(name="paper")


def only(account: AccountSettings) -> Instrument:
    (instrument,) = paper_instruments(account)
    return instrument


@pytest.mark.rule("PRC-1")
@pytest.mark.parametrize("instrument", paper_instruments(SHIPPED), ids=lambda instrument: instrument.symbol)
def test_a_shipped_symbol_has_rules_its_price_fits(instrument: Instrument) -> None:
    price = start_price(SHIPPED, instrument)
    assert price % instrument.tick_size == 0
    assert instrument.tick_size / price <= D("0.0005")
    assert notional(instrument.step_size, price, instrument) <= 1
    assert instrument.min_notional == 5


def test_an_unknown_coin_gets_rules_from_its_start_price() -> None:
    for price in ("123456.7", "42", "0.5", "0.000123"):
        account = AccountSettings(name="paper", symbols=("FOO/USDT",), start_prices={"FOO/USDT": D(price)})
        instrument = only(account)
        assert start_price(account, instrument) == D(price)
        assert instrument.tick_size / D(price) <= D("0.0001")
        assert D("0.00001") <= notional(instrument.step_size, D(price), instrument) <= 1
        assert instrument.step_size == Decimal(format(instrument.step_size, "f"))


def test_an_unknown_coin_without_a_price_gets_rules_all_the_same() -> None:
    instrument = only(AccountSettings(name="paper", symbols=("FOO/BTC",)))
    assert (instrument.base, instrument.quote, instrument.venue_symbol) == ("FOO", "BTC", "FOOBTC")
    assert instrument.min_notional == D("0.0001")


def test_overrides_replace_single_rules() -> None:
    override = InstrumentOverride(step_size=D("0.5"))
    instrument = only(AccountSettings(name="paper", symbols=("BTC/USDT",), instruments={"BTC/USDT": override}))
    assert (instrument.step_size, instrument.min_quantity, instrument.tick_size) == (D("0.5"), D("0.5"), D("0.01"))


@pytest.mark.parametrize(
    ("symbol", "market", "unified"),
    [
        ("BTC/USDT", Market.SPOT, "BTC/USDT"),
        ("BTC/USDT", Market.SWAP, "BTC/USDT:USDT"),
        ("BTC/USDT:USDT", Market.SWAP, "BTC/USDT:USDT"),
    ],
)
def test_a_symbol_takes_the_form_of_its_market(symbol: str, market: Market, unified: str) -> None:
    assert unified_symbol(symbol, market) == unified


def test_a_symbol_with_orders_stays_when_the_config_drops_it() -> None:
    found = paper_instruments(AccountSettings(name="paper", symbols=("BTC/USDT",)), besides=("ETH/USDT", "BTC/USDT"))
    assert [instrument.symbol for instrument in found] == ["BTC/USDT", "ETH/USDT"]
