"""Wild little pasts by seed: a config of many kinds, prices that run and gap, alerts of every sort."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from actors.rules.choices import (
    EntryOrder,
    FeePaidIn,
    FillRule,
    Insufficient,
    Market,
    OnBreach,
    OnFlat,
    PromoteAt,
    TimerStart,
    TpExecution,
    TpMode,
)
from actors.rules.settings import (
    AccountSettings,
    FeeSettings,
    InstrumentOverride,
    LimitSettings,
    PoolSettings,
    QueueSettings,
    RiskSettings,
    Settings,
    SizingSettings,
    SourceSettings,
    StrategyBook,
    StrategySettings,
)
from daemon.replay.model import ReplayInput, ReplayResult, TimedAlert

D = Decimal
START_MS = 1_750_000_020_000
"""Minutes do not begin with the engine's own beats, which begin with the first alert or candle."""
MINUTE_MS = 60_000
SYMBOLS = ("BTC/USDT", "ETH/USDT", "SOL/USDT")
RULES = InstrumentOverride(tick_size=D("0.01"), step_size=D("0.001"), min_quantity=D("0.001"), min_notional=D(5))
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Wild:
    """`minutes` of candles of three markets, about one alert every two minutes."""

    seed: int
    minutes: int = 100

    def input(self, folder: Path) -> ReplayInput:
        chance = random.Random(self.seed)
        settings = _settings(chance)
        folder.mkdir(parents=True, exist_ok=True)
        closes = {symbol: _write(folder, symbol, self.minutes, chance) for symbol in SYMBOLS}
        alerts = sorted(_alerts(closes, self.minutes, chance), key=lambda alert: alert.time_ms)
        return ReplayInput(settings=settings, candles=folder, signals=alerts, seed=self.seed)


def _maybe(chance: random.Random, *values: T) -> T | None:
    """Off as often as not."""
    return chance.choice(values) if chance.random() < 0.5 else None


def _settings(chance: random.Random) -> Settings:
    market = chance.choice((Market.SPOT, Market.SPOT, Market.SWAP))
    pick = chance.choice
    account = AccountSettings(
        name="paper",
        market=market,
        symbols=SYMBOLS,
        instruments=dict.fromkeys(SYMBOLS, RULES),
        balances={"USDT": D(pick((3_000, 100_000)))},
        fees=FeeSettings(
            maker_percent=D(pick(("0", "0.1"))), taker_percent=D("0.1"), paid_in=pick((FeePaidIn.BASE, FeePaidIn.QUOTE))
        ),
        fill=pick(tuple(FillRule)),
        spread_percent=D(pick(("0", "0.02", "0.5"))),
        slippage_percent=D(pick(("0", "0.05"))),
        latency_ms=pick((0, 0, 70)),
        leverage=pick((1, 3, 20)) if market is Market.SWAP else 1,
    )
    strategy = StrategySettings(
        entry_order=pick(tuple(EntryOrder)),
        max_pyramids=pick((1, 2, 3)),
        tp_mode=pick(tuple(TpMode)),
        tp_execution=pick((TpExecution.RESTING, TpExecution.RESTING, TpExecution.WATCHED)),
        tp_trail_percent=_maybe(chance, D("0.3")),
        stop_loss_percent=_maybe(chance, D(2), D(5)),
        stop_trail_percent=_maybe(chance, D(3)),
        break_even_after_first_tp=pick((False, True)),
        sizing=SizingSettings(capital_per_pyramid=D(pick((200, 1_000)))),
        on_flat=pick(tuple(OnFlat)),
        cancel_beyond_percent=_maybe(chance, D(1)),
        entry_ttl_s=_maybe(chance, 600),
        unfilled_group_ttl_s=_maybe(chance, 900),
    )
    risk = RiskSettings(
        require_full_pyramids=pick((False, True)),
        timer_start=pick(tuple(TimerStart)),
        post_full_wait_s=pick((0, 65, 600)),
        loss_threshold_percent=D(pick(("-0.5", "-2"))),
        insufficient=pick(tuple(Insufficient)),
        min_close_notional=D(5),
        evaluate_on_fill=pick((False, True)),
    )
    limits = LimitSettings(
        max_realized_loss_per_day=_maybe(chance, D(20)),
        max_drawdown_percent=_maybe(chance, D("0.5")),
        max_consecutive_losses=_maybe(chance, 2),
        cooldown_after_loss_s=_maybe(chance, 333),
        max_groups_per_symbol=_maybe(chance, 1),
        on_breach=pick(tuple(OnBreach)),
    )
    queue = QueueSettings(
        max_age_s=_maybe(chance, 500),
        opposite_max_age_s=pick((100, 86_400)),
        max_deviation_percent=_maybe(chance, D(1)),
        promote_at=pick(tuple(PromoteAt)),
        max_size=pick((2, 100)),
    )
    return Settings(
        accounts={"paper": account},
        routes={"*": "paper"},
        sources={"tv": SourceSettings(name="tv")},
        strategy=StrategyBook(default=strategy),
        pool=PoolSettings(max_open_groups=pick((2, 4, 10)), pyramids_bypass=pick((False, True))),
        queue=queue,
        risk=risk,
        limits=limits,
    )


def _write(folder: Path, symbol: str, minutes: int, chance: random.Random) -> list[D]:
    """Closes, minute by minute; some minutes are missing in the file, one market begins later."""
    price, lines, closes = D(100), [], []
    first = chance.choice((0, 0, 5))
    for minute in range(minutes):
        opened = price * (1 + D(chance.randrange(-300, 300)).scaleb(-4)) if chance.random() < 0.03 else price
        price = max(D(20), opened * (1 + D(chance.gauss(0, 0.006)).quantize(D("1e-6")))).quantize(D("0.01"))
        opened = opened.quantize(D("0.01"))
        wick = D(abs(chance.gauss(0, 0.003))).quantize(D("1e-6"))
        high, low = max(opened, price) * (1 + wick), min(opened, price) * (1 - wick)
        closes.append(price)
        if minute >= first and (minute == first or chance.random() < 0.97):
            volume = chance.choice(("1000", "1000", "3", ""))
            cells = (START_MS + minute * MINUTE_MS, opened, high.quantize(D("0.01")), low.quantize(D("0.01")), price)
            lines.append(",".join(map(str, (*cells, volume))))
    (folder / f"{symbol.replace('/', '')}-1m.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return closes


def _alerts(closes: dict[str, list[D]], minutes: int, chance: random.Random) -> Iterator[TimedAlert]:
    for _ in range(minutes // 2):
        symbol, minute = chance.choice(SYMBOLS), chance.randrange(0, minutes)
        at_ms = chance.choice((0, 0, 1_000, chance.randrange(MINUTE_MS)))
        time_ms = START_MS + minute * MINUTE_MS + at_ms
        price = closes[symbol][max(0, minute - 1)]
        body = _body(symbol, price, time_ms, chance)
        for _ in range(chance.choice((1, 1, 1, 2))):
            yield TimedAlert(time_ms, "tv", body)
    yield TimedAlert(START_MS + 30_000, "tv", b"no alert at all")
    yield TimedAlert(START_MS + 30_000, "nobody", b"{}")


def _body(symbol: str, price: D, time_ms: int, chance: random.Random) -> bytes:
    tv: dict[str, Any] = {
        "exchange": "BINANCE",
        "symbol": symbol.replace("/", ""),
        "timeframe": chance.choice(("5", "60")),
        "action": chance.choice(("buy", "buy", "sell")),
        "close_price": str(price),
    }
    if chance.random() < 0.2:
        tv |= {"market_position": "flat", "prev_market_position": chance.choice(("long", "short"))}
    body: dict[str, Any] = {"timestamp": time_ms - chance.choice((0, 900)), "tv": tv}
    kind = chance.random()
    if kind < 0.1:
        body["execution_intent"] = {"type": "reverse"}
    elif kind < 0.2:
        body["execution_intent"] = {"type": "reduce"}
        tv |= {"order_size": "1", "market_position_size": "1"}
    return json.dumps(body).encode()


def whole(result: ReplayResult) -> dict[str, Any]:
    """Everything that must not depend on how a replay was run, as text. Tokens are drawn at every look that offers."""
    store = result.store
    return {
        "outcomes": [repr(outcome) for outcome in result.outcomes],
        "signals": {signal_id: repr(kept.answer) for signal_id, kept in store.signals.items()},
        "groups": {group_id: repr(replace(group, slot_token="")) for group_id, group in store.groups.items()},
        "events": [repr(stored.event) for stored in store.events],
        "alerts": {key: repr(alert) for key, alert in store.alerts.items()},
        "risk": {action_id: repr(action) for action_id, action in store.risk_actions.items()},
        "waiting": [repr(queued) for queued in store.queue.values()],
        "equity": [repr(point) for point in result.equity],
        "ledgers": {name: repr(ledger) for name, ledger in result.ledgers.items()},
        "marks": {str(at): repr(quote) for at, quote in result.marks.items()},
    }
