"""A town with a loser and winners: what the risk engine's stories are told in.

Groups of one leg that fills at 100 with 1000 USDT, targets far away, no fees: figures stay round.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from actors.replies import ReplyBox
from actors.risk import Risk
from actors.rules.model import Group
from actors.rules.plain import from_plain
from actors.rules.risk_model import RiskAction
from actors.rules.settings import (
    FeeSettings,
    LegSettings,
    RiskSettings,
    Settings,
    SizingSettings,
    StrategyBook,
    StrategySettings,
)
from tests.actors.town import ACCOUNT, BTC, ETH, RISK, SOL, Town, account_settings, town_settings

D = Decimal
BTC_USDC, ETH_USDC = "BTC/USDC", "ETH/USDC"
SYMBOLS = (BTC, ETH, SOL, BTC_USDC, ETH_USDC)
NO_FEES = FeeSettings(maker_percent=D(0), taker_percent=D(0))
RISKY = RiskSettings(
    required_pyramids=1,
    post_full_wait_s=0,
    loss_threshold_percent=D(-5),
    min_close_notional=D(5),
    evaluate_interval_s=10,
)


def risk_settings(risk: RiskSettings = RISKY, *, fees: FeeSettings = NO_FEES, **changes: Any) -> Settings:
    leg = LegSettings(gap_percent=D(0), weight_percent=D(100), tp_percent=D(50))
    strategy = StrategySettings(levels=(leg,), sizing=SizingSettings(capital_per_pyramid=D(1000)))
    balances = {"USDT": D(100_000), "USDC": D(100_000)}
    account = account_settings(symbols=SYMBOLS, fees=fees, balances=balances)
    plain: dict[str, Any] = {"accounts": {ACCOUNT: account}, "strategy": StrategyBook(default=strategy), "risk": risk}
    return town_settings(**{**plain, **changes})


def off(risk: RiskSettings = RISKY) -> RiskSettings:
    return replace(risk, enabled=False)


class RiskTown(Town):
    """Actions as they are stored, and groups by symbol."""

    def actions(self) -> list[RiskAction]:
        """Oldest first."""
        import json

        found = self.rows("SELECT action FROM risk_actions ORDER BY create_time_ms, id")
        return [from_plain(RiskAction, json.loads(text)) for (text,) in found]

    def of(self, symbol: str) -> Group:
        """The newest group of a symbol, closed or not."""
        return next(group for name, group in reversed(self.groups().items()) if name.startswith(symbol))

    def held(self, symbol: str) -> Decimal:
        return sum((leg.lot.quantity for leg in self.of(symbol).legs()), self.of(symbol).loose.quantity)

    def open_all(self, *symbols: str) -> None:
        for symbol in symbols:
            self.submit(self.signal(symbol, "100"))
            self.pass_time(1)

    def price(self, symbol: str, price: str | Decimal, *, settle: bool = True) -> None:
        """With latency the answer takes its time."""
        latency_ms = self.settings.accounts[ACCOUNT].latency_ms
        if not latency_ms:
            super().price(symbol, price, settle=settle)
            return
        self.exchange.set_price(symbol, D(price), ReplyBox())
        if settle:
            self.pass_time(latency_ms + 1)

    def reprice(self) -> None:
        """Every price is fresh again, as it was."""
        for symbol in SYMBOLS:
            quote = self.parts.marks.quote(ACCOUNT, symbol)
            if quote is not None:
                self.price(symbol, quote.mid, settle=False)

    def risk(self) -> Risk:
        actor = self.actor(RISK, Risk)
        assert actor is not None
        return actor


@contextmanager
def risk_town(
    folder: Path,
    settings: Settings | None = None,
    *,
    seed: int = 1,
    rush: float = 0.0,
    prepare: Callable[[RiskTown], None] | None = None,
) -> Iterator[RiskTown]:
    """A, the loser at -120 (BTC), and winners at +80 (ETH) and +50 (SOL), their prices not moved yet."""
    with RiskTown(folder, settings=settings or risk_settings(), seed=seed, rush=rush) as town:
        if prepare is not None:
            prepare(town)
        town.settle()
        town.open_all(BTC, ETH, SOL)
        yield town


def fall_and_rise(town: RiskTown, *, settle: bool = True) -> None:
    """ETH +80, SOL +50, then BTC -120: an offset follows."""
    town.price(ETH, "108")
    town.price(SOL, "105")
    town.price(BTC, "88", settle=settle)
