"""Accounts on real exchanges are replayed on paper, by the rules their markets have there."""

from __future__ import annotations

from decimal import Decimal

import pytest

from actors.rules.choices import Market
from actors.rules.model import Instrument
from actors.rules.records import SaveInstruments
from daemon.config.load import LoadedConfig, load_config
from daemon.replay.catalogues import stored_catalogues
from daemon.replay.model import ReplayFault
from tests.daemon.replay.past import Past, body
from tests.daemon.store.samples import opened

REAL = {
    "accounts": {"real": {"exchange": "binance", "market": "swap", "leverage": 2}},
    "routes": {"*": "real"},
}
INSTRUMENT = Instrument(
    account="real",
    symbol="BTC/USDT:USDT",
    venue_symbol="BTCUSDT",
    base="BTC",
    quote="USDT",
    market=Market.SWAP,
    tick_size=Decimal("0.5"),
    step_size=Decimal(1),
    min_quantity=Decimal(1),
    min_notional=Decimal(1),
    contract_size=Decimal("0.1"),
)


def loaded(past: Past) -> LoadedConfig:
    found = load_config(past.config, {})
    assert isinstance(found, LoadedConfig), found
    return found


def store_instruments(past: Past) -> None:
    store = opened(past.folder / "data")
    row = SaveInstruments(account="real", instruments=(INSTRUMENT,), time_ms=1)
    assert store.apply([("gateway", (row,))])[0].broken is None
    store.close()


@pytest.mark.rule("PRC-1")
def test_ticks_steps_and_contracts_are_those_the_daemon_stored(past: Past) -> None:
    past.write_config(REAL)
    store_instruments(past)
    past.write_signals([(1.5, body(price="100.3"))])
    group = past.report()["groups"][0]
    assert (group["account"], group["symbol"], group["market"]) == ("real", "BTC/USDT:USDT", "SWAP")
    legs = group["pyramids"][0]["legs"]
    assert legs[0]["price"] == "100"  # 100.3, down to half a unit.
    assert all(Decimal(leg["price"]) % Decimal("0.5") == 0 for leg in legs)
    # 200 of quote by 100 a unit is 2 of base: twenty contracts, less what a step cuts off.
    assert legs[0]["quantity"] in ("1.9", "2")
    assert any("account real is on binance" in note for note in past.report()["notes"])


def test_nothing_stored_is_a_fault_only_where_alerts_lead_there(past: Past) -> None:
    past.write_config({"accounts": REAL["accounts"]})
    assert stored_catalogues(loaded(past)).instruments == {}
    past.write_config(REAL)
    with pytest.raises(ReplayFault, match="its instruments are not known here"):
        stored_catalogues(loaded(past))


def test_what_is_stored_is_found_and_said(past: Past) -> None:
    past.write_config(REAL)
    store_instruments(past)
    found = stored_catalogues(loaded(past))
    assert found.instruments == {"real": (INSTRUMENT,)}
    assert found.notes == (
        "account real is on binance: replayed on paper with 1 stored instruments, fees 0.1 % maker and 0.1 % taker, "
        "and 100000 USDT",
    )


def test_a_paper_account_needs_no_store_and_one_with_live_prices_says_what_it_does(past: Past) -> None:
    assert stored_catalogues(loaded(past)).notes == ()
    past.write_config({"accounts": {"paper": {"prices": "live"}}})
    assert stored_catalogues(loaded(past)).notes == (
        "account paper follows live prices of binance: replayed on candles, with instruments of the paper exchange's "
        "own",
    )
