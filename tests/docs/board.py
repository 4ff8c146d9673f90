"""A small drawing: prices as heights, what stands at them as words on either side. Makes SVG text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from html import escape

LINE_HEIGHT = 17
STYLE = '<style>text{font:13px system-ui,-apple-system,"Segoe UI",sans-serif}.t{font-weight:600;font-size:14px}</style>'
TOP, FOOT = 46, 14
INK, SOFT, CARD = "#1f2a30", "#5d6b73", "#fbfcfc"
ENTRY, TARGET, STOP, AVERAGE = "#1c62a8", "#0b7a4b", "#b3261e", "#7a5a00"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A price and what is written beside it."""

    price: Decimal
    words: str
    colour: str
    is_left: bool
    is_dashed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    title: str
    marks: Sequence[Mark]
    low: Decimal
    high: Decimal


def spread(heights: Sequence[float], gap: float = LINE_HEIGHT) -> list[float]:
    """The heights moved apart until each has `gap` to the next, in their order and as near as may be."""
    order = sorted(range(len(heights)), key=lambda index: heights[index])
    clusters: list[list[int]] = []
    for index in order:
        clusters.append([index])
        while len(clusters) > 1 and _top(clusters[-1], heights, gap) < _end(clusters[-2], heights, gap):
            last = clusters.pop()
            clusters[-1].extend(last)
    moved = list(heights)
    for cluster in clusters:
        top = _top(cluster, heights, gap)
        for place, index in enumerate(cluster):
            moved[index] = top + place * gap
    return moved


def _top(cluster: Sequence[int], heights: Sequence[float], gap: float) -> float:
    middle = sum(heights[index] for index in cluster) / len(cluster)
    return middle - (len(cluster) - 1) * gap / 2


def _end(cluster: Sequence[int], heights: Sequence[float], gap: float) -> float:
    return _top(cluster, heights, gap) + len(cluster) * gap


def draw(boards: Sequence[Board], *, alt: str, width: int = 380, height: int = 300, columns: int = 2) -> str:
    """One picture of boards side by side. `alt` is its title, for those who cannot see it."""
    rows = -(-len(boards) // columns)
    columns = min(columns, len(boards))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {columns * width} {rows * height}" role="img">',
        f"<title>{escape(alt)}</title>",
        STYLE,
        f'<rect width="{columns * width}" height="{rows * height}" rx="8" fill="{CARD}"/>',
    ]
    for number, board in enumerate(boards):
        left, top = number % columns * width, number // columns * height
        parts += _board(board, left, top, width, height)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _board(board: Board, left: int, top: int, width: int, height: int) -> Iterable[str]:
    middle = left + width // 2
    room = height - TOP - FOOT
    yield f'<text class="t" x="{middle}" y="{top + 24}" text-anchor="middle" fill="{INK}">{escape(board.title)}</text>'
    yield f'<path d="M{middle} {top + TOP}V{top + height - FOOT}" stroke="{SOFT}" stroke-width="1"/>'
    for is_left in (True, False):
        marks = [mark for mark in board.marks if mark.is_left is is_left]
        heights = [top + TOP + room * float((board.high - m.price) / (board.high - board.low)) for m in marks]
        for mark, at, words_at in zip(marks, heights, spread(heights), strict=True):
            yield from _mark(mark, middle, at, words_at)


def _mark(mark: Mark, middle: int, at: float, words_at: float) -> Iterable[str]:
    way = -1 if mark.is_left else 1
    dash = ' stroke-dasharray="4 3"' if mark.is_dashed else ""
    points = f"M{middle} {at:.1f}h{way * 22}L{middle + way * 40} {words_at:.1f}h{way * 6}"
    yield f'<path d="{points}" fill="none" stroke="{mark.colour}" stroke-width="1.5"{dash}/>'
    yield f'<circle cx="{middle}" cy="{at:.1f}" r="3" fill="{mark.colour}"/>'
    anchor = "end" if mark.is_left else "start"
    place = f'x="{middle + way * 50}" y="{words_at + 4.5:.1f}" text-anchor="{anchor}"'
    yield f'<text {place} fill="{mark.colour}">{escape(mark.words)}</text>'


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Prices over time, joined; `is_stepped`: each holds until the next."""

    prices: Sequence[Decimal]
    colour: str
    is_stepped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Words at a moment and a price; `is_below`: under it."""

    moment: int
    price: Decimal
    words: str
    colour: str
    is_below: bool = False


def chart(lines: Sequence[Line], notes: Sequence[Note], *, title: str, alt: str) -> str:
    """Lines over the same moments."""
    width, height = 760, 320
    prices = [price for line in lines for price in line.prices]
    low, high = min(prices), max(prices)
    moments = max(len(line.prices) for line in lines) - 1

    def place(moment: int, price: Decimal) -> tuple[float, float]:
        share = float((high - price) / (high - low))
        return 30 + (width - 110) * moment / moments, TOP + 14 + (height - TOP - 50) * share

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
        f"<title>{escape(alt)}</title>",
        STYLE,
        f'<rect width="{width}" height="{height}" rx="8" fill="{CARD}"/>',
        f'<text class="t" x="20" y="24" fill="{INK}">{escape(title)}</text>',
    ]
    for line in lines:
        points = [place(moment, price) for moment, price in enumerate(line.prices)]
        path = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
        for across, down in points[1:]:
            path += f"H{across:.1f}V{down:.1f}" if line.is_stepped else f"L{across:.1f} {down:.1f}"
        parts.append(f'<path d="{path}" fill="none" stroke="{line.colour}" stroke-width="2"/>')
    for note in notes:
        across, down = place(note.moment, note.price)
        parts.append(f'<circle cx="{across:.1f}" cy="{down:.1f}" r="3.5" fill="{note.colour}"/>')
        words_at = f'x="{across:.1f}" y="{down + (19 if note.is_below else -9):.1f}" text-anchor="middle"'
        parts.append(f'<text {words_at} fill="{note.colour}">{escape(note.words)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"
