"""What the venues' own code must not do to an order on its way, nor to a secret on its way out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import ccxt
import pytest

from actors.budget import LimitedBudget
from actors.messages import Answered, Fate, OpenOrdersFetched
from actors.rules.choices import Market
from actors.rules.model import Order, OrderState, Reason, Role
from actors.rules.rates import Ask, RateRules, Window, Work
from actors.rules.settings import AccountSettings
from daemon.exchanges import ccxt_account, convert
from daemon.exchanges.opening import Opening
from daemon.exchanges.venues.binanceusdm import stop_state
from daemon.exchanges.venues.settling import SetupFault, settle
from daemon.observe.masking import Masker
from tests.daemon.exchanges.fake_venue import Clock, Desk, an_order, raw_order
from tests.daemon.exchanges.venues.test_binance import HOUSEKEEPING, ORDER
from tests.daemon.exchanges.venues.test_binanceusdm import HOUSEKEEPING as USDM_HOUSEKEEPING
from tests.daemon.exchanges.venues.wire_kit import CLIENT_ID, Wire, instrument, make_wire, market_order
from tests.daemon.exchanges.venues.wire_kit import order as wire_order

D = Decimal
SYMBOL = "BTC/USDT"


def spot() -> Wire:
    return make_wire("binance", Market.SPOT, {**HOUSEKEEPING, "/api/v3/order": [ORDER]})


@pytest.mark.rule("PRC-1", "EXIT-5")
def test_what_needs_the_markets_does_not_wait_for_a_catalogue_that_is_being_fetched_anew() -> None:
    async def story() -> None:
        wire = spot()
        venue = wire.venue
        await venue.instruments()
        fetch_markets, is_slow = venue.client.fetch_markets, asyncio.Event()

        async def slowly(*_: Any) -> Any:
            await is_slow.wait()
            raise ccxt.RequestTimeout("binance GET exchangeInfo")

        venue.client.fetch_markets = slowly
        refreshing = asyncio.ensure_future(venue.instruments())
        await asyncio.sleep(0)
        await asyncio.wait_for(venue.client.load_markets(), 1)  # Look-ups, executions and amends begin with it.
        created = await asyncio.wait_for(venue.create(wire_order(SYMBOL), instrument(SYMBOL, Market.SPOT)), 1)
        assert created["id"]
        is_slow.set()
        with pytest.raises(ccxt.RequestTimeout):
            await refreshing
        venue.client.fetch_markets = fetch_markets
        await venue.close()

    asyncio.run(story())


@pytest.mark.rule("PRC-7")
def test_an_entry_that_ccxt_would_round_does_not_leave_as_another_one() -> None:
    async def story() -> None:
        venue = spot().venue
        await venue.instruments()
        market = venue.client.markets[SYMBOL]
        market["precision"] = {"amount": "0.1", "price": "0.5"}
        assert venue.misfit(wire_order(SYMBOL, quantity=D("0.5"), price=D("100.5"))) is None
        assert venue.misfit(wire_order(SYMBOL, quantity=D("0.55"))) is Reason.BAD_QUANTITY
        assert venue.misfit(wire_order(SYMBOL, price=D("100.25"))) is Reason.BAD_PRICE
        assert venue.misfit(market_order(SYMBOL, quantity=D("0.3"))) is None
        assert venue.misfit(wire_order("NEW/USDT")) is None
        await venue.close()

    asyncio.run(story())


@pytest.mark.rule("PRC-7", "EXIT-5")
@pytest.mark.parametrize(("role", "fate"), [(Role.ENTRY, Fate.REFUSED), (Role.CLOSE, Fate.ACCEPTED)])
def test_changed_steps_refuse_entries_and_never_hold_up_a_close(role: Role, fate: str) -> None:
    desk = Desk()
    try:
        order = an_order(role=role)
        desk.venue.on |= {"misfit": Reason.BAD_QUANTITY, "create": raw_order(order)}
        desk.exchange.submit([order])
        assert desk.wait_for(Answered).fate == fate
    finally:
        desk.stop()


@pytest.mark.rule("LOG-4")
def test_what_an_exchange_repeats_of_a_key_or_a_signature_stays_out_of_the_words() -> None:
    async def read() -> str:
        return "5"

    async def write() -> None:
        raise ccxt.AuthenticationError(
            "binance POST https://fapi.binance.com/fapi/v1/leverage?signature=abcdef0123 401 Unauthorized "
            "origin_string[1700000000000KEYKEYKEYKEYKEYKEY5000]"
        )

    with pytest.raises(SetupFault) as caught:
        asyncio.run(settle("leverage", "1", read, write, "Change it."))
    assert "abcdef0123" not in str(caught.value)
    assert "KEYKEY" not in str(caught.value)


def test_a_slow_measurement_of_the_clock_corrects_only_what_is_surely_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ccxt_account, "MAX_ROUND_TRIP_MS", 50)
    desk = Desk()
    try:

        def corrected() -> list[int]:
            return [offset for name, offset in desk.venue.asked if name == "correct_clock"]

        desk.wait_until(lambda: len(corrected()) == 1)

        def slowly(off_ms: int) -> Any:
            async def answer() -> int:
                await asyncio.sleep(0.1)
                told_ms = int(time.time() * 1000) + off_ms
                await asyncio.sleep(0.1)
                return told_ms

            return answer

        desk.venue.on["server_time_ms"] = slowly(0)
        desk.loop.run(_measured(desk), 5)
        assert len(corrected()) == 1
        desk.venue.on["server_time_ms"] = slowly(60_000)
        desk.loop.run(_measured(desk), 5)
        assert len(corrected()) == 2
    finally:
        desk.stop()


async def _measured(desk: Desk) -> None:
    await desk.exchange._account.measure(Work.POLL)


def test_a_list_of_open_orders_by_symbol_draws_for_each_request() -> None:
    window = Window(name="lists", limit=100, period_ms=60_000)
    budget = LimitedBudget(RateRules(windows=(window,), costs={Ask.OPEN_ORDERS: {"lists": 1}}))
    desk = Desk(budget=budget)
    try:
        orders = [an_order(number, symbol=f"{name}/USDT") for number, name in enumerate(("A", "B", "C"), 1)]
        desk.venue.lists_by_symbol = True

        async def expect(some: Sequence[Order]) -> None:
            for order in some:
                desk.exchange._orders._tracker.expect(order, 1)

        desk.loop.run(expect(orders), 5)
        desk.exchange.fetch_open_orders()
        desk.wait_for(OpenOrdersFetched)
        assert [what for name, what in desk.venue.asked if name == "open_orders"] == [
            ("A/USDT",),
            ("B/USDT",),
            ("C/USDT",),
        ]
        assert budget.used(desk.exchange._clock.now_ms())["lists"][0] == 2  # The gateway drew for the first.
    finally:
        desk.stop()


@pytest.mark.rule("LOG-4")
@pytest.mark.parametrize("name", ["signature", "listenKey", "token", "apiKey"])
def test_the_log_masks_what_the_address_of_a_failed_request_holds(name: str) -> None:
    text = f"binance GET https://api.binance.com/api/v3/order?symbol=BTCUSDT&{name}=0123abcdef&x=1 timed out"
    masked = Masker().text(text)
    assert "0123abcdef" not in masked
    assert "symbol=BTCUSDT" in masked
    assert masked.endswith("&x=1 timed out")


def test_an_account_whose_exchange_cannot_even_be_made_holds_up_nobody_else(tmp_path: Path) -> None:
    def connect() -> Any:
        raise RuntimeError("no such resolver")

    opening = Opening(data_dir=tmp_path, clock=Clock(), environ={"K": "keykeykey"}, connect=connect)
    accounts = {
        "a": AccountSettings(name="a", exchange="binance", api_key="env:K", api_secret="env:K"),
        "p": AccountSettings(name="p", exchange="okx", api_key="env:K", api_secret="env:K", passphrase="env:K"),
    }
    try:
        opened = opening.open_all(accounts)
    finally:
        opening.loop.stop()
    assert set(opened.broken) == {"a", "p"}
    assert "no such resolver" in opened.broken["a"]


@pytest.mark.rule("REC-4", "EXIT-5")
def test_a_refused_timestamp_makes_measuring_the_clock_urgent_even_if_it_waits_already() -> None:
    window = Window(name="weight", limit=100, period_ms=600_000)
    budget = LimitedBudget(RateRules(windows=(window,), costs={Ask.TIME: {"weight": 1}, Ask.PRICES: {"weight": 1}}))
    budget.take(Ask.PRICES, Work.CLOSE, Clock().now_ms(), 80)  # Polling must leave more than that free.
    desk = Desk(budget=budget)
    try:
        desk.venue.on["create"] = ccxt.InvalidNonce('binance {"code":-1021,"msg":"Timestamp for this request"}')
        desk.exchange.submit([an_order(role=Role.CLOSE)])
        desk.wait_for(Answered)
        desk.wait_until(lambda: any(name == "correct_clock" for name, _ in desk.venue.asked))
    finally:
        desk.stop()


@pytest.mark.rule("ORD-13")
def test_a_stop_that_is_cancelled_is_final_by_its_stream_alone() -> None:
    async def story() -> None:
        client = make_wire("binanceusdm", Market.SWAP, USDM_HOUSEKEEPING).venue.client
        await client.load_markets()
        update = {"caid": CLIENT_ID, "aid": 1, "o": "STOP_MARKET", "s": "BTCUSDT", "S": "SELL", "q": "0.5", "p": "0"}
        raw = client.parse_ws_order({**update, "X": "CANCELED", "ai": "", "aq": "0", "tp": "90"})
        assert convert.order_view(stop_state(raw), CLIENT_ID).state is OrderState.CANCELLED
        await client.close()

    asyncio.run(story())
