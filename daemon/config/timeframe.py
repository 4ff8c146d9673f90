"""Timeframes in the config, in TradingView's spelling or the normalised one (SIG-3)."""

from __future__ import annotations

from dataclasses import dataclass

from actors.rules.timeframes import normal_timeframe
from daemon.config.kinds import Kind, found, refuse


@dataclass(frozen=True)
class Timeframe(Kind):
    """Becomes the normalised form: `240` is `4h`."""

    def check(self, value: object) -> str:
        text = str(value) if type(value) is int else value
        normal = normal_timeframe(text) if isinstance(text, str) else None
        if normal is None:
            raise refuse(f"not a timeframe, {found(value)}", "15m", "4h", "1d", "1w", "1M", "30s", "240")
        return normal
