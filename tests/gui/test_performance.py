"""Reports as rows: bars of returns, best and worst trades."""

from __future__ import annotations

from gui.pages.performance.rows import best_rows, returns_rows, worst_rows
from gui.show.numbers import MINUS, THIN
from protos.terrace.v1 import report_pb2 as pb


def trades(*amounts: str) -> list[pb.TradeResult]:
    return [pb.TradeResult(group_id=f"g{at}", realized_pnl=amount) for at, amount in enumerate(amounts)]


def test_few_trades_are_not_among_the_best_where_they_lost_nor_among_the_worst_where_they_gained() -> None:
    found = trades("12.5", "0", "-3", "")
    assert [row["group"] for row in best_rows(found).values()] == ["g0"]
    assert [row["group"] for row in worst_rows(found).values()] == ["g2"]


def test_the_outer_bars_of_the_returns_are_open_and_coloured_by_their_side() -> None:
    bars = [("", "-50"), ("-50", "-20"), ("-0.5", "0"), ("0", "0.5"), ("50", "")]
    found = pb.Statistics(histogram=[pb.ReturnBucket(from_percent=low, to_percent=high) for low, high in bars])
    rows = list(returns_rows(found).values())
    assert [row["name"] for row in rows] == [
        f"below {MINUS}50{THIN}%",
        f"{MINUS}50 to {MINUS}20{THIN}%",
        f"{MINUS}0.5 to 0{THIN}%",
        f"0 to 0.5{THIN}%",
        f"50{THIN}% and more",
    ]
    assert [row["sign"] for row in rows] == ["loss", "loss", "loss", "gain", "gain"]
