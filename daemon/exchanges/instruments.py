"""ccxt's unified markets as instruments: the precision rules an account's orders must keep (PRC-1, PRC-7).

ccxt's unified fields come first; what it leaves in `info` is read per venue. Where a venue's rule is finer than the
Instrument's, the stricter bound is taken: no order of ours is refused for it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from actors.rules.choices import Market
from actors.rules.model import Instrument
from actors.rules.money import ZERO, ceil_to
from actors.rules.settings import AccountSettings
from daemon.exchanges.convert import number, text

Raw = dict[str, Any]

MAX_NAMED = 20
"""Unusable markets named in one warning."""
AVERAGE_ROOM = Decimal("1.05")
"""Binance values a market order at the average price of the last minutes, which may be this much below the mark."""
DOLLARS = frozenset({"USDT", "USDC", "USD", "FDUSD", "DAI", "TUSD"})
"""Quotes for which an amount of dollars is an amount of quote."""
MOVING_PRICES = frozenset({"gate"})
"""Here ccxt's least and greatest price are a band around the mark of the moment, not the venue's own bounds."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a list of markets came to. `unusable`: symbols of the account's type that lack a rule an order needs."""

    instruments: tuple[Instrument, ...]
    unusable: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Extra:
    """Rules ccxt leaves in `info`. None: the venue says nothing there, ccxt's unified field counts."""

    min_notional: Decimal | None = None
    max_quantity: Decimal | None = None
    market_min_quantity: Decimal | None = None
    market_max_quantity: Decimal | None = None
    market_step_size: Decimal | None = None
    band_down: Decimal | None = None
    band_up: Decimal | None = None
    buy_band_down: Decimal | None = None
    buy_band_up: Decimal | None = None
    sell_band_down: Decimal | None = None
    sell_band_up: Decimal | None = None
    max_notional: Decimal | None = None
    market_min_notional: Decimal | None = None
    market_max_notional: Decimal | None = None
    exit_min_notional: Decimal | None = None
    max_open_orders: int | None = None
    active: bool = True


def instruments_of(exchange: str, account: AccountSettings, markets: Iterable[Raw]) -> tuple[Instrument, ...]:
    """The account's instruments; markets of another type, inverse, dated and option ones are left out.

    Unusable ones (no tick or step) are left out with one warning for all of them.
    """
    reading = read_markets(exchange, account, markets)
    if reading.unusable:
        named = ", ".join(reading.unusable[:MAX_NAMED])
        _log.warning("%s: %d markets without usable rules left out: %s", account.name, len(reading.unusable), named)
    return reading.instruments


def read_markets(exchange: str, account: AccountSettings, markets: Iterable[Raw]) -> Reading:
    """As `instruments_of`, telling what is unusable. Of markets with one symbol the first active one counts."""
    found: dict[str, Instrument] = {}
    unusable: dict[str, None] = {}
    for market in markets:
        if not _is_of(account.market, market):
            continue
        instrument = _instrument(exchange, account, market)
        if instrument is None:
            unusable[text(market.get("symbol"))] = None
        elif instrument.symbol not in found or (instrument.active and not found[instrument.symbol].active):
            found[instrument.symbol] = instrument
    return Reading(instruments=tuple(found.values()), unusable=tuple(unusable))


def _is_of(kind: Market, market: Raw) -> bool:
    if not market.get("symbol") or market.get("option") or market.get("future") or market.get("expiry"):
        return False
    if kind is Market.SPOT:
        return bool(market.get("spot"))
    return bool(market.get("swap")) and bool(market.get("linear")) and not market.get("inverse")


def _instrument(exchange: str, account: AccountSettings, market: Raw) -> Instrument | None:
    precision, limits = _part(market, "precision"), _part(market, "limits")
    tick, step = _positive(precision.get("price")), _positive(precision.get("amount"))
    is_swap = account.market is Market.SWAP
    contract_size = _positive(market.get("contractSize")) if is_swap else Decimal(1)
    base, quote = text(market.get("base")), text(market.get("settle" if is_swap else "quote"))
    if tick is None or step is None or contract_size is None or not base or not quote:
        return None
    amount = _part(limits, "amount")
    extra = _EXTRAS.get(exchange, _nothing)(_part(market, "info"), is_swap)
    least = _positive(amount.get("min"))
    cost = _positive(_part(limits, "cost").get("min"))
    prices = {} if exchange in MOVING_PRICES else _part(limits, "price")
    return Instrument(
        account=account.name,
        symbol=text(market["symbol"]),
        venue_symbol=text(market.get("id")),
        base=base,
        quote=quote,
        market=account.market,
        tick_size=tick,
        step_size=step,
        min_quantity=step if least is None else max(step, ceil_to(least, step)),
        min_notional=max(cost or ZERO, extra.min_notional or ZERO),
        max_quantity=_least(_positive(amount.get("max")), extra.max_quantity),
        market_min_quantity=extra.market_min_quantity,
        market_max_quantity=extra.market_max_quantity,
        market_step_size=extra.market_step_size,
        contract_size=contract_size,
        band_down=extra.band_down,
        band_up=extra.band_up,
        max_open_orders=extra.max_open_orders,
        active=market.get("active") is not False and extra.active,
        min_price=_positive(prices.get("min")),
        max_price=_positive(prices.get("max")),
        buy_band_down=extra.buy_band_down,
        buy_band_up=extra.buy_band_up,
        sell_band_down=extra.sell_band_down,
        sell_band_up=extra.sell_band_up,
        max_notional=extra.max_notional,
        market_min_notional=extra.market_min_notional,
        market_max_notional=extra.market_max_notional,
        exit_min_notional=extra.exit_min_notional,
    )


# --- what each venue says besides -----------------------------------------------------------------


def _nothing(info: Raw, is_swap: bool) -> _Extra:
    del info, is_swap
    return _Extra()


def _binance(info: Raw, is_swap: bool) -> _Extra:
    """Filters. A zero in MARKET_LOT_SIZE means that there is no such rule."""
    filters = {text(each.get("filterType")): each for each in info.get("filters") or [] if isinstance(each, Mapping)}
    lot, band = filters.get("MARKET_LOT_SIZE", {}), filters.get("PERCENT_PRICE", {})
    by_side, orders = filters.get("PERCENT_PRICE_BY_SIDE", {}), filters.get("MAX_NUM_ORDERS", {})
    notionals = [
        _positive(_first(filters.get(name, {}), "minNotional", "notional")) for name in ("MIN_NOTIONAL", "NOTIONAL")
    ]
    down, up = _positive(band.get("multiplierDown")), _positive(band.get("multiplierUp"))
    return _Extra(
        min_notional=_greatest(*notionals),
        market_min_quantity=_positive(lot.get("minQty")),
        market_max_quantity=_positive(lot.get("maxQty")),
        market_step_size=_positive(lot.get("stepSize")),
        band_down=None if is_swap else down,
        band_up=None if is_swap else up,
        buy_band_down=_positive(by_side.get("bidMultiplierDown")),
        buy_band_up=up if is_swap else _positive(by_side.get("bidMultiplierUp")),  # Swaps: only from where it hurts.
        sell_band_down=down if is_swap else _positive(by_side.get("askMultiplierDown")),
        sell_band_up=_positive(by_side.get("askMultiplierUp")),
        max_notional=_positive(filters.get("NOTIONAL", {}).get("maxNotional")),
        market_min_notional=None if is_swap else _binance_market_least(filters),
        market_max_notional=_binance_market_most(filters),
        exit_min_notional=ZERO if is_swap else None,
        max_open_orders=_count(_first(orders, "maxNumOrders", "limit")),
        active=is_swap or info.get("isSpotTradingAllowed") is not False,
    )


def _binance_market_least(filters: Mapping[str, Mapping[str, Any]]) -> Decimal:
    """What a market order must be worth at the mark, with room for the price it is valued at."""
    least = ZERO
    for name, applies in (("MIN_NOTIONAL", "applyToMarket"), ("NOTIONAL", "applyMinToMarket")):
        rule = filters.get(name, {})
        found = _positive(rule.get("minNotional"))
        if found is not None and rule.get(applies) is not False:
            least = max(least, found * AVERAGE_ROOM if _count(rule.get("avgPriceMins")) else found)
    return least


def _binance_market_most(filters: Mapping[str, Mapping[str, Any]]) -> Decimal | None:
    rule = filters.get("NOTIONAL", {})
    most = _positive(rule.get("maxNotional")) if rule.get("applyMaxToMarket") is True else None
    return None if most is None else most / AVERAGE_ROOM


def _bybit(info: Raw, is_swap: bool) -> _Extra:
    """Its price limits bound buys from above and sells from below only. Of two ratios the first is the tighter one."""
    lot, risk = _part(info, "lotSizeFilter"), _part(info, "riskParameters")
    ratio = _positive(risk.get("priceLimitRatioX"))
    return _Extra(
        min_notional=_positive(lot.get("minNotionalValue" if is_swap else "minOrderAmt")),
        max_quantity=_positive(lot.get("maxLimitOrderQty")),
        market_max_quantity=_positive(_first(lot, "maxMarketOrderQty", "maxMktOrderQty")),
        buy_band_up=None if ratio is None else 1 + ratio,
        sell_band_down=None if ratio is None or ratio >= 1 else 1 - ratio,
        max_notional=None if is_swap else _positive(lot.get("maxOrderAmt")),
        market_max_notional=None if is_swap else _positive(lot.get("maxOrderAmt")),
        exit_min_notional=ZERO if is_swap else None,
    )


def _okx(info: Raw, is_swap: bool) -> _Extra:
    """`maxMktSz` is in contracts on swaps, but an amount of dollars on spot, as `maxLmtAmt` and `maxMktAmt` are."""
    if is_swap:
        return _Extra(market_max_quantity=_positive(info.get("maxMktSz")))
    if text(info.get("quoteCcy")) not in DOLLARS:
        return _Extra()
    return _Extra(
        max_notional=_positive(info.get("maxLmtAmt")),
        market_max_notional=_least(_positive(info.get("maxMktSz")), _positive(info.get("maxMktAmt"))),
    )


def _kucoin(info: Raw, is_swap: bool) -> _Extra:
    """ccxt knows `quoteMinSize`, a rule for market orders by cost; what an order must be worth is `minFunds`."""
    if is_swap:
        return _Extra(market_max_quantity=_positive(info.get("marketMaxOrderQty")))
    return _Extra(min_notional=_positive(info.get("minFunds")))


def _mexc(info: Raw, is_swap: bool) -> _Extra:
    """Market orders have a minimum amount of their own."""
    if is_swap:
        return _Extra()
    return _Extra(min_notional=_positive(info.get("quoteAmountPrecisionMarket")))


def _gate(info: Raw, is_swap: bool) -> _Extra:
    """Swaps: `order_price_deviate` bounds a price on both sides of the mark. Spot: margin makes ccxt's `active` lie."""
    if not is_swap:
        return _Extra(
            max_quantity=_positive(info.get("max_base_amount")),
            active=info.get("trade_status") in (None, "tradable"),
        )
    deviate = _positive(info.get("order_price_deviate"))
    return _Extra(
        market_max_quantity=_positive(info.get("market_order_size_max")),
        band_down=None if deviate is None or deviate >= 1 else 1 - deviate,
        band_up=None if deviate is None else 1 + deviate,
        max_open_orders=_count(info.get("orders_limit")),
        active=info.get("in_delisting") is not True,
    )


_EXTRAS: Mapping[str, Callable[[Raw, bool], _Extra]] = {
    "binance": _binance,
    "binanceusdm": _binance,
    "bybit": _bybit,
    "okx": _okx,
    "kucoin": _kucoin,
    "mexc": _mexc,
    "gate": _gate,
}


# --- reading --------------------------------------------------------------------------------------


def _part(raw: Mapping[str, Any], name: str) -> Raw:
    found = raw.get(name)
    return found if isinstance(found, dict) else {}


def _first(raw: Mapping[str, Any], *names: str) -> Any:
    return next((raw[name] for name in names if raw.get(name) not in (None, "")), None)


def _positive(value: Any) -> Decimal | None:
    """None for zero too: venues write zero where there is no rule."""
    found = number(value)
    return found if found is not None and found > 0 else None


def _count(value: Any) -> int | None:
    found = _positive(value)
    return None if found is None else int(found)


def _least(*values: Decimal | None) -> Decimal | None:
    return min((value for value in values if value is not None), default=None)


def _greatest(*values: Decimal | None) -> Decimal | None:
    return max((value for value in values if value is not None), default=None)
