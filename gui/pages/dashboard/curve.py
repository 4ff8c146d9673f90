"""The equity sparkline: points of the curve as two SVG paths, worked out here, exactly; the browser only draws."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal

from google.protobuf.timestamp_pb2 import Timestamp

from gui.live.topics import Cell, Reading, Snapshot, Topic
from gui.show.numbers import MINUS, NONE, THIN, number, signed
from gui.show.profit import exact, telling_places
from gui.show.times import ms_of
from protos.terrace.v1 import report_pb2

EVERY_MS = 10_000
DAYS = 30
MAX_POINTS = 240
WIDTH, HEIGHT, MARGIN = 1000, 100, 4
"""The drawing's own units; it is stretched to whatever room there is."""
_FINE = Context(prec=30)

Dots = Sequence[tuple[int, Decimal]]
"""Time in ms and value, oldest first."""


async def read_curve(reading: Reading) -> Snapshot:
    """`curve:30` for the last 30 days, `curve:all` for all of it. Raises ClientError."""
    scope = report_pb2.ReportScope(world=reading.world)
    if reading.argument != "all":
        scope.start_time.CopyFrom(Timestamp(seconds=reading.now_ms // 1000 - DAYS * 86_400))
    request = report_pb2.GetEquityCurveRequest(scope=scope, max_points=MAX_POINTS)
    return {"": drawn(await reading.client.call(request, report_pb2.GetEquityCurveResponse))}


def drawn(curve: report_pb2.GetEquityCurveResponse) -> dict[str, Cell]:
    """Paths, bounds and the same in words. Without two points there is nothing to draw."""
    totals = _dots([(point, point.total) for point in curve.points])
    realized = _dots([(point, point.realized) for point in curve.points])
    if len(totals) < 2:
        return {"points": "0", "basis": curve.basis, "currency": curve.currency}
    values = [value for _, value in (*totals, *realized)]
    low, high = min(values), max(values)
    begin, end = min(totals[0][0], realized[0][0]), max(totals[-1][0], realized[-1][0])
    first, last = totals[0][1], totals[-1][1]
    change = last - first
    tone = "gain" if change > 0 else "loss" if change < 0 else ""
    return {
        "points": str(len(totals)),
        "total": path(totals, begin, end, low, high),
        "realized": path(realized, begin, end, low, high),
        "low": _shown(low),
        "high": _shown(high),
        "change": (_signed(change), tone),
        "change_percent": (_percent(change, first), tone),
        "begin": ("", "", str(begin)),
        "end": ("", "", str(end)),
        "drawdown": _drawdown(curve.points[-1].drawdown_percent),
        "last": _shown(last),
        "currency": curve.currency,
        "basis": curve.basis,
        "note": curve.valuation_note,
    }


def path(dots: Dots, begin: int, end: int, low: Decimal, high: Decimal) -> str:
    """`M0,96 L10.5,4 ...`: time from left to right, `low` at the bottom, `high` at the top; a flat line halfway."""
    span, height = max(end - begin, 1), high - low
    steps = []
    for time, value in dots:
        x = _FINE.divide(Decimal((time - begin) * WIDTH), Decimal(span))
        part = Decimal("0.5") if height == 0 else _FINE.divide(value - low, height)
        y = Decimal(HEIGHT - MARGIN) - part * (HEIGHT - 2 * MARGIN)
        steps.append(f"{_one(x)},{_one(y)}")
    return "M" + " L".join(steps)


def _dots(points: Sequence[tuple[report_pb2.EquityPoint, str]]) -> list[tuple[int, Decimal]]:
    found = ((ms_of(point.time), exact(text)) for point, text in points)
    return [(time, value) for time, value in found if value is not None]


def _one(value: Decimal) -> str:
    return format(value.quantize(Decimal("0.1"), ROUND_HALF_EVEN), "f")


def _shown(value: Decimal) -> str:
    return number(format(value, "f"), 2)


def _signed(value: Decimal) -> str:
    return f"+{_shown(value)}" if value > 0 else _shown(value)


def _percent(change: Decimal, first: Decimal) -> str:
    if first <= 0:
        return NONE
    value = _FINE.divide(change * 100, first)
    return signed(format(value, "f"), telling_places(value), f"{THIN}%")[0]


def _drawdown(text: str) -> str:
    found = exact(text)
    if found is None:
        return NONE
    return f"{MINUS if found else ''}{number(format(abs(found), 'f'), telling_places(found))}{THIN}%"


CURVE = Topic(name="curve", read=read_curve, every_ms=EVERY_MS, follows_events=False)
