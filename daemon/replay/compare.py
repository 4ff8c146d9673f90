"""Two replays of the same past, side by side: what another configuration would have made of it.

Groups are matched by the alert that opened them, which is the same line of the same file in both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from actors.rules.money import CONTEXT, ZERO, plain
from daemon.replay.report import FORMAT, Report
from daemon.replay.summary import shown, table

MAX_ROWS = 30
"""Groups shown at a terminal, those that differ most first; the file has all."""
SUMMED = ("realized", "unrealized", "fees", "end_equity", "max_drawdown_percent")
COUNTED = ("groups", "open_groups", "trades")
RATIOS = ("win_rate", "profit_factor", "sharpe", "sortino")


def comparison(one: Report, other: Report) -> Report:
    """`one` and `other` are reports of the same alerts and candles."""
    rows = _groups(one, other)
    return {
        "format": FORMAT,
        "version": one["version"],
        "a": {"input": one["input"], "notes": one["notes"]},
        "b": {"input": other["input"], "notes": other["notes"]},
        "start_time": one["start_time"],
        "end_time": one["end_time"],
        "notes": _notes(one, other),
        "totals": _totals(one, other),
        "groups": rows,
        "groups_that_differ": sum(row["differs"] for row in rows),
        "signals": _signals(one, other),
    }


def _notes(one: Report, other: Report) -> list[str]:
    if one["input"]["candles"] == other["input"]["candles"]:
        return []
    return ["the two configs do not take the same candles: their accounts have other symbols"]


def _totals(one: Report, other: Report) -> list[Report]:
    """By world. Differences are of `b` over `a`; empty where one of both is not known."""
    worlds = list(dict.fromkeys([each["world"] for each in (*one["totals"], *other["totals"])]))
    ours, theirs = _by_world(one), _by_world(other)
    return [
        {
            "world": world,
            "currency": (ours.get(world) or theirs[world])["currency"],
            "a": ours.get(world),
            "b": theirs.get(world),
            "difference": _difference(ours.get(world), theirs.get(world)),
        }
        for world in worlds
    ]


def _by_world(report: Report) -> dict[str, Report]:
    found = {}
    for totals, figures in zip(report["totals"], report["statistics"], strict=True):
        ratios = {name: figures[name] for name in RATIOS}
        found[totals["world"]] = {**{name: totals[name] for name in ("currency", *COUNTED, *SUMMED)}, **ratios}
    return found


def _difference(one: Mapping[str, Any] | None, other: Mapping[str, Any] | None) -> Report | None:
    if one is None or other is None:
        return None
    counts: Report = {name: other[name] - one[name] for name in COUNTED}
    if one["currency"] != other["currency"]:
        return counts
    return counts | {name: _minus(other[name], one[name]) for name in (*SUMMED, *RATIOS)}


def _minus(one: str, other: str) -> str:
    return plain(CONTEXT.subtract(Decimal(one), Decimal(other))) if one and other else ""


# --- groups ---------------------------------------------------------------------------------------


def _groups(one: Report, other: Report) -> list[Report]:
    """In the order of the alerts that opened them."""
    ours, theirs = _by_signal(one), _by_signal(other)
    times = {signal["number"]: signal["time"] for signal in one["signals"]}
    return [
        _pair(number, times.get(number), ours.get(number), theirs.get(number)) for number in sorted({*ours, *theirs})
    ]


def _by_signal(report: Report) -> dict[int, Report]:
    """By the number of the alert that opened it. A copy of an alert bears the first one's id and opens nothing."""
    numbers: dict[str, int] = {}
    for signal in report["signals"]:
        numbers.setdefault(signal["signal_id"], signal["number"])
    return {numbers[group["opening_signal_id"]]: group for group in report["groups"]}


def _pair(number: int, time: str | None, one: Report | None, other: Report | None) -> Report:
    group = one or other
    assert group is not None
    ours, theirs = _short(one), _short(other)
    return {
        "number": number,
        "time": time,
        "symbol": group["symbol"],
        "timeframe": group["timeframe"],
        "a": ours,
        "b": theirs,
        "difference": {name: _minus(_of(theirs, name), _of(ours, name)) for name in ("realized_pnl", "fees")},
        "differs": _outcome(ours) != _outcome(theirs),
    }


_SHORT = (
    *("account", "side", "state", "close_reason", "tp_mode", "pyramid_count", "legs_filled", "legs_total"),
    *("average_entry", "realized_pnl", "unrealized_pnl", "fees", "create_time", "close_time"),
)


def _outcome(group: Report | None) -> Report | None:
    """What came of it, without what was only configured otherwise."""
    return None if group is None else {name: value for name, value in group.items() if name != "tp_mode"}


def _short(group: Report | None) -> Report | None:
    return None if group is None else {name: group[name] for name in _SHORT}


def _of(group: Report | None, name: str) -> str:
    """A group that was not opened earned and cost nothing."""
    return "0" if group is None else str(group[name])


def _signals(one: Report, other: Report) -> list[Report]:
    """Alerts of which something else became."""
    rows = []
    for ours, theirs in zip(one["signals"], other["signals"], strict=True):
        if (ours["outcome"], ours["reason"]) != (theirs["outcome"], theirs["reason"]):
            rows.append(
                {
                    "number": ours["number"],
                    "time": ours["time"],
                    "a": {name: ours[name] for name in ("outcome", "reason", "reason_detail")},
                    "b": {name: theirs[name] for name in ("outcome", "reason", "reason_detail")},
                }
            )
    return rows


# --- for a person ---------------------------------------------------------------------------------


def shown_comparison(found: Report) -> str:
    """As tables: totals, then the groups that differ."""
    one, other = found["a"]["input"]["config"]["file"], found["b"]["input"]["config"]["file"]
    one, other = (one, other) if one != other else (f"{one} (a)", f"{other} (b)")
    lines: list[str] = []
    for totals in found["totals"]:
        lines += [*_shown_totals(totals, one, other), ""]
    different = [row for row in found["groups"] if row["differs"]]
    lines += _shown_groups(different, one, other) if different else ["no group differs"]
    lines += ["", f"{len(different)} of {len(found['groups'])} groups and {len(found['signals'])} signals differ"]
    notes = [*found["notes"], *found["a"]["notes"], *found["b"]["notes"]]
    return "\n".join([*lines, *(f"note: {note}" for note in dict.fromkeys(notes))])


def _shown_totals(totals: Report, one: str, other: str) -> list[str]:
    names = (*COUNTED, *SUMMED, *RATIOS)
    ours, theirs, difference = totals["a"] or {}, totals["b"] or {}, totals["difference"] or {}
    rows = [
        (
            f"{name.removesuffix('_percent').replace('_', ' ')}{_unit(name, totals['currency'])}",
            shown(str(ours.get(name, ""))),
            shown(str(theirs.get(name, ""))),
            _signed(str(difference.get(name, ""))),
        )
        for name in names
        if ours.get(name, "") != "" or theirs.get(name, "") != ""
    ]
    return table((totals["world"], one, other, "DIFFERENCE"), rows, right=(1, 2, 3))


def _unit(name: str, currency: str) -> str:
    if name in ("realized", "unrealized", "fees", "end_equity"):
        return f" {currency}"
    return " %" if name in ("win_rate", "max_drawdown_percent") else ""


def _signed(text: str) -> str:
    words = shown(text)
    return f"+{words}" if text and Decimal(text) > 0 else words


def _shown_groups(rows: Sequence[Report], one: str, other: str) -> list[str]:
    def weight(row: Report) -> tuple[Decimal, int]:
        return -abs(Decimal(row["difference"]["realized_pnl"] or ZERO)), row["number"]

    kept = sorted(sorted(rows, key=weight)[:MAX_ROWS], key=lambda row: int(row["number"]))
    titles = ("SIGNAL", "TIME", "SYMBOL", "TF", one, other, "DIFFERENCE")
    cells = [
        (
            str(row["number"]),
            (row["time"] or "")[:16].replace("T", " "),
            row["symbol"],
            row["timeframe"],
            _words(row["a"]),
            _words(row["b"]),
            _signed(row["difference"]["realized_pnl"]),
        )
        for row in kept
    ]
    more = [f"... and {len(rows) - len(kept)} more groups that differ"] if len(rows) > len(kept) else []
    return [*table(titles, cells, right=(0, 4, 5, 6)), *more]


def _words(group: Report | None) -> str:
    if group is None:
        return "not opened"
    return f"{shown(group['realized_pnl'])} {group['close_reason'] or group['state']}"
