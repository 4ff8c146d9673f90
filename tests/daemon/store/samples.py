"""Ordinary values for the store's tests: a signal, a group with one ladder, and the commit that opens it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from actors.rules.choices import Market, World
from actors.rules.model import (
    Group,
    GroupState,
    Instrument,
    Intent,
    Key,
    Leg,
    Order,
    OrderSide,
    OrderState,
    OrderType,
    Outcome,
    Pyramid,
    Queued,
    Reason,
    Role,
    Side,
    Signal,
    Trade,
)
from actors.rules.records import AddEvent, ClaimIdempotency, Row, SaveQueued, SaveSignal, changes
from actors.rules.settings import StrategySettings
from daemon.store.open import open_store
from daemon.store.store import SqliteStore, SqlStore
from tests import stores

T0 = 1_700_000_000_000
SETTINGS = StrategySettings()
INSTRUMENT = Instrument(
    account="paper",
    symbol="BTC/USDT",
    venue_symbol="BTCUSDT",
    base="BTC",
    quote="USDT",
    market=Market.SPOT,
    tick_size=Decimal("0.01"),
    step_size=Decimal("0.001"),
    min_quantity=Decimal("0.001"),
    min_notional=Decimal(5),
    min_price=Decimal("0.01"),
    max_price=Decimal(1_000_000),
    buy_band_down=Decimal("0.2"),
    buy_band_up=Decimal("1.2"),
    sell_band_down=Decimal("0.8"),
    sell_band_up=Decimal(5),
    max_notional=Decimal(9_000_000),
    market_min_notional=Decimal("5.25"),
    market_max_notional=Decimal(4_000_000),
    exit_min_notional=Decimal(0),
)


def opened(data_dir: Path, durability: str = "normal") -> SqliteStore:
    """A store on a file that must open."""
    store = open_store("sqlite:///terrace.db", durability, data_dir, reserve_bytes=64 * 1024)
    assert isinstance(store, SqliteStore), store
    return store


def chosen(data_dir: Path) -> SqlStore:
    """A store that must open, in the database that the tests run on."""
    store = open_store(stores.url_of(data_dir), "normal", data_dir, reserve_bytes=64 * 1024)
    assert isinstance(store, SqlStore), store
    return store


def key(number: int = 0, account: str = "paper") -> Key:
    return Key(account=account, symbol="BTC/USDT", timeframe=f"{number + 1}m")


def signal(number: int = 0, **changed: object) -> Signal:
    plain = Signal(
        signal_id=f"signal-{number}",
        source="tradingview",
        key=key(number),
        intent=Intent.ENTRY,
        side=Side.LONG,
        entry_price=Decimal(100),
        close_price=Decimal("100.5"),
        sent_time_ms=T0 + number,
        receive_time_ms=T0 + number,
        idempotency_key=f"idempotency-{number}",
        body='{"tv": {"symbol": "BTCUSDT", "action": "buy"}}',
    )
    return replace(plain, **changed)  # type: ignore[arg-type]


def save(signal: Signal, outcome: Outcome = Outcome.OPENED, draft_id: str = "draft", group_id: str = "") -> SaveSignal:
    return SaveSignal(
        signal=signal,
        outcome=outcome,
        reason=Reason.OK,
        detail="",
        group_id=group_id,
        draft_id=draft_id,
        time_ms=T0 + 1,
    )


def claim(signal: Signal, now_ms: int = T0, window_ms: int = 1000) -> ClaimIdempotency:
    return ClaimIdempotency(
        idempotency_key=signal.idempotency_key,
        signal_id=signal.signal_id,
        now_ms=now_ms,
        expire_time_ms=now_ms + window_ms,
    )


def event(message: str = "opened", **changed: object) -> AddEvent:
    plain = AddEvent(time_ms=T0, severity="info", category="signal", type="signal.opened", message=message)
    return replace(plain, **changed)  # type: ignore[arg-type]


def order(group_id: str, place: int, *, role: Role = Role.ENTRY, attempt: int = 1, **changed: object) -> Order:
    plain = Order(
        client_order_id=f"abcd00{group_id:0>12}00{place}{role.value[0]}{attempt:03}",
        group_id=group_id,
        account="paper",
        symbol="BTC/USDT",
        pyramid=0,
        leg=place,
        role=role,
        attempt=attempt,
        side=OrderSide.BUY,
        type=OrderType.LIMIT,
        price=Decimal(100) - place,
        quantity=Decimal("0.4"),
        create_time_ms=T0,
        update_time_ms=T0,
    )
    return replace(plain, **changed)  # type: ignore[arg-type]


def leg(place: int, **changed: object) -> Leg:
    plain = Leg(
        pyramid=0,
        index=place,
        gap_percent=Decimal(place),
        weight_percent=Decimal(20),
        tp_percent=Decimal("1.5"),
        price=Decimal(100) - place,
        quantity=Decimal("0.4"),
    )
    return replace(plain, **changed)  # type: ignore[arg-type]


def group(number: int = 0, *, legs: int = 5, **changed: object) -> Group:
    """A fresh group: one pyramid, every entry pending."""
    group_id = f"g{number:011}"
    orders = [order(group_id, place) for place in range(legs)]
    plain = Group(
        group_id=group_id,
        world=World.PAPER,
        key=key(number),
        side=Side.LONG,
        state=GroupState.LIVE,
        instrument=INSTRUMENT,
        settings=SETTINGS,
        slot_token=f"slot-{number}",
        forced=False,
        signal_id=f"signal-{number}",
        opened_stamp_ms=T0,
        create_time_ms=T0 + number,
        update_time_ms=T0,
        pyramids=(
            Pyramid(
                index=0,
                signal_id=f"signal-{number}",
                entry_price=Decimal(100),
                capital=Decimal(200),
                legs=tuple(leg(place) for place in range(legs)),
                create_time_ms=T0,
            ),
        ),
        orders={order.client_order_id: order for order in orders},
    )
    return replace(plain, **changed)  # type: ignore[arg-type]


def opening(number: int = 0) -> tuple[Row, ...]:
    """The commit of an ordinary open: 15 rows."""
    new, cause = group(number), signal(number)
    return (
        save(cause, group_id=new.group_id, draft_id=f"draft-{number}"),
        claim(cause),
        *changes(None, new),
        event(signal_id=cause.signal_id, group_id=new.group_id, world=World.PAPER, attributes={"who": "tradingview"}),
    )


def trade(number: int = 0, **changed: object) -> Trade:
    plain = Trade(
        trade_id=f"trade-{number}",
        quantity=Decimal("0.1"),
        price=Decimal("99.99"),
        fee=Decimal("0.0001"),
        fee_asset="BTC",
        fee_value=Decimal("0.009999"),
        time_ms=T0 + number,
    )
    return replace(plain, **changed)  # type: ignore[arg-type]


def with_order(group: Group, order: Order) -> Group:
    return replace(group, orders={**group.orders, order.client_order_id: order})


def filled(order: Order, *trades: Trade) -> Order:
    """The order with these trades, filled by them or not."""
    quantity = sum((trade.quantity for trade in trades), Decimal(0))
    return replace(
        order,
        state=OrderState.FILLED if quantity >= order.quantity else OrderState.PARTIALLY_FILLED,
        trades=trades,
        filled_quantity=quantity,
        filled_notional=sum((trade.quantity * trade.price for trade in trades), Decimal(0)),
    )


def waiting(number: int = 0, **changed: object) -> Queued:
    plain = Queued(
        signal=signal(number),
        side=Side.LONG,
        entry_price=Decimal(100),
        wait_reason=Reason.POOL_FULL,
        detail="10 of 10 slots are taken",
        first_queue_time_ms=T0 + number,
        queue_time_ms=T0 + number,
        expected_profit=Decimal("3.21"),
    )
    return replace(plain, **changed)  # type: ignore[arg-type]


def enqueue(queued: Queued) -> tuple[Row, ...]:
    """The commit that makes a signal wait."""
    return (save(queued.signal, Outcome.QUEUED), SaveQueued(world=World.PAPER, queued=queued))
