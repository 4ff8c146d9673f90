"""A small made-up past in a folder: a config, candles of two symbols, alerts."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from daemon.__main__ import main
from daemon.replay.job import Job, run_job
from daemon.replay.report import Report
from tests.daemon.daemon_process import laid_over

START_MS = 1_748_736_000_000
MINUTE_MS = 60_000
RULES = {"tick_size": "0.01", "step_size": "0.001", "min_quantity": "0.001", "min_notional": "5"}


def config(changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
    symbols = ["BTC/USDT", "ETH/USDT"]
    base = {
        "config_version": 1,
        "data_dir": "./data",
        "accounts": {
            "paper": {
                "exchange": "paper",
                "symbols": symbols,
                "instruments": {symbol: dict(RULES) for symbol in symbols},
                "balances": {"USDT": "10000"},
                "fees": {"maker_percent": "0", "taker_percent": "0"},
                "spread_percent": "0",
            }
        },
        "routes": {"*": "paper"},
        "sources": {"tradingview": {"secret": "file:secrets/tradingview"}},
        "strategy": {"default": {"sizing": {"capital_per_pyramid": "1000"}}},
    }
    return laid_over(base, changes or {})


def body(action: str = "buy", price: str = "100", symbol: str = "BTCUSDT", **more: Any) -> dict[str, Any]:
    tv = {"exchange": "BINANCE", "symbol": symbol, "timeframe": "15", "action": action, "close_price": price}
    return {"tv": {**tv, **more}}


LEAVES = {"market_position": "flat", "prev_market_position": "long"}


class Past:
    """`prices` are the closes of one minute each; a candle opens where the last one closed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "config.yaml"
        self.candles = folder / "candles"
        self.signals = folder / "signals.jsonl"
        self.candles.mkdir()
        self.write_config()

    def write_config(self, changes: Mapping[str, Any] | None = None, name: str = "config.yaml") -> Path:
        path = self.folder / name
        path.write_text(yaml.safe_dump(config(changes)), encoding="utf-8")
        return path

    def write_candles(self, prices: Sequence[str], symbol: str = "BTCUSDT", start_ms: int = START_MS) -> None:
        lines = ["timestamp_ms,open,high,low,close,volume"]
        before = prices[0]
        for number, close in enumerate(prices):
            high, low = max(before, close, key=float), min(before, close, key=float)
            lines.append(f"{start_ms + number * MINUTE_MS},{before},{high},{low},{close},1000")
            before = close
        (self.candles / f"{symbol}-1m.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def write_signals(self, rows: Iterable[tuple[float, Any]]) -> None:
        """Minute after the start, and body."""
        lines = [json.dumps({"time": START_MS + int(minute * MINUTE_MS), "body": body}) for minute, body in rows]
        self.signals.write_text("".join(line + "\n" for line in lines), encoding="utf-8")

    def job(self, config: Path | None = None, seed: int = 1, skip_bad: bool = False) -> Job:
        return Job(
            config=config or self.config, candles=self.candles, signals=self.signals, seed=seed, skip_bad=skip_bad
        )

    def report(self, **more: Any) -> Report:
        return run_job(self.job(**more), {})

    def arguments(self, *more: str) -> list[str]:
        files = ("--candles", str(self.candles), "--signals", str(self.signals))
        config = () if "--compare" in more else ("--config", str(self.config))
        return ["replay", *config, *files, *more]

    def main(self, *more: str) -> int:
        """The command in this process; its exit code."""
        return main(self.arguments(*more))

    def terraced(self, *more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "daemon", *self.arguments(*more)]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def day(past: Past) -> Past:
    """Falls through three legs, rises to their targets, and is left: 100 to 98.90 to 101.20."""
    past.write_candles(["100", "100", "99.90", "99.40", "98.90", "98.90", "99.50", "100.20", "101.20", "101.20", "101"])
    past.write_candles(["10", "10", "10", "10", "10", "10", "10", "10", "10", "10", "10"], "ETHUSDT")
    past.write_signals(
        [(1.5, body()), (3.5, body(symbol="ETHUSDT", price="10")), (9.5, body("sell", "101.20", **LEAVES))]
    )
    return past
