"""Rules of instruments that were not kept: bounds of prices, bands by side, values by kind of order."""

from __future__ import annotations

from typing import Any

COLUMNS = (
    *("min_price", "max_price", "buy_band_down", "buy_band_up", "sell_band_down", "sell_band_up"),
    *("max_notional", "market_min_notional", "market_max_notional", "exit_min_notional"),
)


def migrate(migrator: Any, _database: Any, **_: Any) -> None:
    for name in COLUMNS:
        migrator.sql(f"ALTER TABLE instruments ADD COLUMN {name} TEXT")


def rollback(migrator: Any, _database: Any, **_: Any) -> None:
    for name in reversed(COLUMNS):
        migrator.sql(f"ALTER TABLE instruments DROP COLUMN {name}")
