"""Accounts, balances, positions and instruments as messages."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_FLOOR, Decimal

from actors.messages import AccountCondition
from actors.rules.choices import MarginMode, Market, PositionMode
from actors.rules.model import Group, Instrument, Position, Quote
from actors.rules.money import CONTEXT, ZERO
from actors.rules.records import DriftKind, DriftResolution, DriftState, SaveDrift
from actors.rules.reserve import reserved
from daemon.api.account_states import AccountNow
from daemon.api.engine import Engine
from daemon.api.translate import MARKET, SIDE, WORLD, decimal, optional_timestamp, timestamp
from daemon.api.valuing import equity, position_profit, spot_positions, spot_profit
from protos.terrace.v1 import account_pb2, engine_pb2

KIND: Mapping[DriftKind, account_pb2.DriftKind] = {
    DriftKind.UNKNOWN_ORDER: account_pb2.DRIFT_KIND_UNKNOWN_ORDER,
    DriftKind.UNCOVERED: account_pb2.DRIFT_KIND_UNCOVERED,
    DriftKind.UNPROTECTED: account_pb2.DRIFT_KIND_UNPROTECTED,
}
RESOLUTION_OF: Mapping[int, DriftResolution] = {
    account_pb2.DRIFT_RESOLUTION_ADOPT: DriftResolution.ADOPT,
    account_pb2.DRIFT_RESOLUTION_IGNORE: DriftResolution.IGNORE,
    account_pb2.DRIFT_RESOLUTION_FLATTEN: DriftResolution.FLATTEN,
}
MARGIN_MODE: Mapping[MarginMode, account_pb2.MarginMode] = {
    MarginMode.ISOLATED: account_pb2.MARGIN_MODE_ISOLATED,
    MarginMode.CROSS: account_pb2.MARGIN_MODE_CROSS,
}
POSITION_MODE: Mapping[PositionMode, account_pb2.PositionMode] = {
    PositionMode.ONE_WAY: account_pb2.POSITION_MODE_ONE_WAY,
    PositionMode.HEDGE: account_pb2.POSITION_MODE_HEDGE,
}
_CENT = Decimal("0.01")
_RESOLUTION = {resolution: account_pb2.DriftResolution.Name(number) for number, resolution in RESOLUTION_OF.items()}


def account(engine: Engine, now: AccountNow, groups: list[Group], *, whole: bool) -> account_pb2.Account:
    """`groups`: the account's that are not closed. `whole`: with balances, positions and reservations."""
    settings = now.settings
    message = account_pb2.Account(
        account=settings.name,
        exchange=settings.exchange,
        market=MARKET[settings.market],
        state=now.state,
        state_reason=now.reason,
        world=WORLD[settings.world],
        equity=decimal(equity(engine, settings, now.balances, now.positions)) if now.known else "",
        equity_currency=engine.settings().engine.reporting_currency,
        live_groups=len(groups),
        max_open_groups=settings.max_open_groups or 0,
        paper_prices=settings.prices.value if settings.is_paper else "",
        drift_count=sum(each.account == settings.name for each in engine.view.current.drifts.values()),
        reconcile_time=optional_timestamp(now.compared_ms or None),
    )
    if settings.market is Market.SWAP:
        message.leverage = settings.leverage
        message.margin_mode = MARGIN_MODE[settings.margin_mode]
        message.position_mode = POSITION_MODE[settings.position_mode]
    if whole:
        _put_holdings(engine, message, now, groups)
        if now.condition is not None:
            message.connection.CopyFrom(_connection(now.condition))
    return message


def _connection(value: AccountCondition) -> account_pb2.Connection:
    since = dict(value.streams_since_ms)
    return account_pb2.Connection(
        streams=[
            account_pb2.Stream(name=name, up=is_up, message=words, since_time=optional_timestamp(since.get(name)))
            for name, is_up, words in value.streams
        ],
        circuit=f"CIRCUIT_STATE_{value.circuit.upper()}",
        retry_time=optional_timestamp(value.retry_ms or None),
        rate_windows=[account_pb2.RateWindow(name=name, used=used, limit=limit) for name, used, limit in value.windows],
        ban_expire_time=optional_timestamp(value.blocked_until_ms or None),
        clock_offset_ms=value.clock_offset_ms,
        open_orders=value.open_orders,
        waiting_requests=value.waiting,
        unknown_orders=value.unknown_orders,
        may_withdraw=value.may_withdraw,
    )


def liquidation_distance_percent(position: Position, quote: Quote | None) -> Decimal | None:
    """How far the mark may still move against the position, in percent of it, cut to two places: never more than it is.
    At or below zero the exchange may take it away any moment.
    """
    if position.liquidation_price is None or quote is None:
        return None
    room = (quote.mid - position.liquidation_price) * position.side.sign
    return CONTEXT.divide(room * 100, quote.mid).quantize(_CENT, rounding=ROUND_FLOOR)


def _put_holdings(engine: Engine, message: account_pb2.Account, now: AccountNow, groups: list[Group]) -> None:
    for asset, balance in sorted(now.balances.items()):
        if balance.total or balance.locked:
            message.balances.add(
                asset=asset, free=decimal(balance.free), locked=decimal(balance.locked), total=decimal(balance.total)
            )
    spot = now.settings.market is Market.SPOT
    for position in spot_positions(groups) if spot else now.positions:
        quote = engine.fresh_quote(now.settings.name, position.symbol)
        instrument = engine.catalogue.instrument(now.settings.name, position.symbol)
        size = instrument.contract_size if instrument else Decimal(1)
        gain = spot_profit(engine, groups, position) if spot else position_profit(engine, now.settings.name, position)
        message.positions.add(
            symbol=position.symbol,
            side=SIDE[position.side],
            quantity=decimal(position.quantity * size),
            average_entry=decimal(position.average_entry),
            mark_price=decimal(quote.mid) if quote else "",
            unrealized_pnl=decimal(gain),
            liquidation_price=decimal(position.liquidation_price),
            liquidation_distance_percent=decimal(liquidation_distance_percent(position, quote)),
        )
    bound: dict[str, Decimal] = {}
    for group in groups:
        bound[group.instrument.quote] = bound.get(group.instrument.quote, ZERO) + reserved(group)
    for asset, amount in sorted(bound.items()):
        if amount:
            message.reservations.add(asset=asset, amount=decimal(amount))


def drift(value: SaveDrift) -> account_pb2.Drift:
    """A difference. One that is accepted is decided, and so resolved for whoever looks at it."""
    is_open = value.state is DriftState.OPEN
    return account_pb2.Drift(
        drift_id=value.drift_id,
        account=value.account,
        symbol=value.symbol,
        kind=KIND[value.kind],
        group_id=value.group_id,
        client_order_id=value.client_order_id,
        expected=value.expected,
        actual=value.actual,
        message=value.message,
        create_time=timestamp(value.create_time_ms),
        resolution=_RESOLUTION[value.resolution] if value.resolution else account_pb2.DRIFT_RESOLUTION_UNSPECIFIED,
        resolve_time=None if is_open else optional_timestamp(value.resolve_time_ms),
    )


def status_line(now: AccountNow, live_groups: int) -> engine_pb2.AccountStatus:
    """An account in the engine's status."""
    return engine_pb2.AccountStatus(
        account=now.settings.name,
        exchange=now.settings.exchange,
        market=MARKET[now.settings.market],
        state=now.state,
        state_reason=now.reason,
        live_groups=live_groups,
        max_open_groups=now.settings.max_open_groups or 0,
    )


def _known(*values: Decimal | None) -> list[Decimal]:
    return [value for value in values if value is not None]


def instrument(value: Instrument) -> account_pb2.Instrument:
    """Quantities of a swap are in contracts, as its rules are."""
    return account_pb2.Instrument(
        symbol=value.symbol,
        tick_size=decimal(value.tick_size),
        step_size=decimal(value.step_size),
        min_quantity=decimal(value.min_quantity),
        min_notional=decimal(value.min_notional),
        contract_size=decimal(value.contract_size),
        active=value.active,
        base=value.base,
        quote=value.quote,
        max_quantity=decimal(value.max_quantity),
        market_min_quantity=decimal(value.market_min_quantity),
        market_max_quantity=decimal(value.market_max_quantity),
        market_step_size=decimal(value.market_step_size),
        price_band_low=decimal(max(_known(value.band_down, value.buy_band_down, value.sell_band_down), default=None)),
        price_band_high=decimal(min(_known(value.band_up, value.buy_band_up, value.sell_band_up), default=None)),
        max_open_orders=value.max_open_orders or 0,
        exchange_symbol=value.venue_symbol,
    )
