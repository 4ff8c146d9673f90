"""A report in short, for a person at a terminal. Everything in it stands in the report, too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from actors.rules.money import plain

MAX_GROUPS = 20
"""Groups that are shown one by one."""
EYE_PLACES = 8
_LEFT, _RIGHT = "<", ">"


def summary(report: dict[str, Any]) -> str:
    """Lines without an end of line behind the last."""
    lines = [
        f"{_when(report['start_time'])} to {_when(report['end_time'])} UTC, {report['candles']:,} candles",
        "",
        *facts(
            [
                ("signals", _outcomes(report["signals"])),
                *(fact for totals, figures in _worlds(report) for fact in _world(totals, figures)),
            ]
        ),
    ]
    if report["groups"]:
        lines += ["", *_groups(report["groups"])]
    lines += [f"note: {note}" for note in report["notes"]]
    return "\n".join(lines)


def facts(rows: Sequence[tuple[str, str]]) -> list[str]:
    """Name and value side by side; empty values are left out."""
    shown = [(name, value) for name, value in rows if value]
    width = max((len(name) for name, _ in shown), default=0)
    return [f"{name.ljust(width)}  {value}" for name, value in shown]


def table(titles: Sequence[str], rows: Iterable[Sequence[str]], right: Iterable[int] = ()) -> list[str]:
    """Columns side by side; those named by number are aligned to the right."""
    cells = [list(titles), *(list(row) for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(titles))]
    sides = [_RIGHT if column in set(right) else _LEFT for column in range(len(titles))]
    lines = []
    for row in cells:
        padded = (f"{cell:{side}{width}}" for cell, side, width in zip(row, sides, widths, strict=True))
        lines.append("  ".join(padded).rstrip())
    return lines


def shown(text: str) -> str:
    """A decimal with at most `EYE_PLACES` places; the report has all."""
    if not text:
        return "-"
    value = Decimal(text)
    rounded = value.quantize(Decimal(1).scaleb(-EYE_PLACES)) if -value.as_tuple().exponent > EYE_PLACES else value  # type: ignore[operator]
    return plain(rounded)


def amount(text: str, currency: str) -> str:
    return f"{shown(text)} {currency}" if text else "not known"


def _worlds(report: dict[str, Any]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    return list(zip(report["totals"], report["statistics"], strict=True))


def _world(totals: dict[str, Any], figures: dict[str, Any]) -> list[tuple[str, str]]:
    currency = totals["currency"]
    open_groups = f", {totals['open_groups']} open at the end" if totals["open_groups"] else ""
    ratios = [("sharpe", figures["sharpe"]), ("sortino", figures["sortino"])]
    equity = f"{shown(totals['start_equity'])} -> {shown(totals['end_equity'])} {currency}"
    return [
        ("world", totals["world"].lower()),
        ("groups", f"{totals['groups']}{open_groups}, {totals['trades']} closed with a fill"),
        ("realized", amount(totals["realized"], currency)),
        ("unrealized", amount(totals["unrealized"], currency)),
        ("fees", amount(totals["fees"], currency)),
        ("equity", equity),
        ("max drawdown", f"{totals['max_drawdown_percent']} %" if totals["max_drawdown_percent"] else ""),
        ("win rate", f"{figures['win_rate']} %" if figures["win_rate"] else ""),
        ("profit factor", figures["profit_factor"]),
        *((name, value) for name, value in ratios if value),
    ]


def _outcomes(signals: Sequence[dict[str, Any]]) -> str:
    counts = Counter(signal["outcome"] or "NO OUTCOME" for signal in signals)
    words = ", ".join(f"{count} {name}" for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])))
    return f"{len(signals)}: {words}" if signals else "0"


def _groups(groups: Sequence[dict[str, Any]]) -> list[str]:
    titles = ("OPENED", "SYMBOL", "TF", "SIDE", "PYR", "LEGS", "REALIZED", "FEES", "STATE", "WHY")
    rows = [
        (
            _when(group["create_time"]),
            group["symbol"],
            group["timeframe"],
            group["side"].lower(),
            str(group["pyramid_count"]),
            f"{group['legs_filled']}/{group['legs_total']}",
            shown(group["realized_pnl"]),
            shown(group["fees"]),
            group["state"].lower(),
            group["close_reason"],
        )
        for group in groups[:MAX_GROUPS]
    ]
    more = [f"... and {len(groups) - MAX_GROUPS} more groups"] if len(groups) > MAX_GROUPS else []
    return [*table(titles, rows, right=(4, 5, 6, 7)), *more]


def _when(text: str) -> str:
    return text[:16].replace("T", " ")
