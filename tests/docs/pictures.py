"""The pictures of docs/ladders.md, drawn from what the rules really do: `python -m tests.docs.pictures` writes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from actors.rules import profit, stops, takeprofit
from actors.rules.choices import TpMode
from actors.rules.model import Role, Side
from actors.rules.money import plain
from tests.docs.board import AVERAGE, ENTRY, INK, STOP, TARGET, Board, Line, Mark, Note, chart, draw
from tests.rules.builders import D, spot
from tests.rules.venue import ONE, Story, ladder

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "images" / "diagrams"
COARSE = spot(step_size=D("0.1"), min_quantity=D("0.1"))
"""Steps of 0.1, so that sums can be done in the head."""
FALL = ("100", "101", "102.5", "104", "103.2", "105", "106", "105.1", "104.2")
"""How the price goes in the picture of a trailing stop."""


def worked(side: Side = Side.LONG, **strategy: Any) -> Story:
    """The shipped ladder at 100 with 1,000, nothing filled yet."""
    plan = ladder(side=side, instrument=COARSE)
    return Story(plan, side=side, instrument=COARSE, **strategy)


def two_pyramids(mode: TpMode) -> Story:
    """Three legs filled, then a second pyramid of one leg at 98."""
    story = worked(tp_mode=mode, tp_by_pyramid={1: D("0.8")})
    for leg in range(3):
        story.fill(story.entry(leg))
    story.price("98.6")
    story.pyramid(ladder(*ONE, entry="98", capital="588", instrument=COARSE))
    story.fill(story.entry(0, pyramid=1))
    story.wait("1")
    for name in [order.client_order_id for order in story.orders(Role.TAKE_PROFIT) if order.cancel_requested]:
        story.end(name)
    return story


def ladders() -> str:
    return draw(
        [_ladder(Side.LONG), _ladder(Side.SHORT)],
        alt="A long ladder buys below the entry and a short one sells above it; every leg has a target of its own",
    )


def _ladder(side: Side) -> Board:
    story = worked(side)
    entries = [story.leg(index) for index in range(5)]
    orders = {order.leg: order for order in story.orders(Role.ENTRY)}
    marks = []
    for leg in entries:
        order = orders[leg.index]
        assert order.price is not None
        words = f"leg {leg.index}: {plain(order.quantity)} at {plain(order.price)}"
        marks.append(Mark(price=order.price, words=words, colour=ENTRY, is_left=True))
        story.fill(story.entry(leg.index))
    for target in takeprofit.targets(story.group, story.fees):
        words = f"leg {target.leg}: {plain(target.price)}"
        marks.append(Mark(price=target.price, words=words, colour=TARGET, is_left=False))
    low, high = (D("97.7"), D("101.3")) if side is Side.LONG else (D("98.7"), D("102.3"))
    title = "long: entries (left), targets (right)" if side is Side.LONG else "short: entries, targets"
    return Board(title=title, marks=marks, low=low, high=high)


MODES = {
    TpMode.PER_LEG: "per_leg: each leg its own",
    TpMode.AGGREGATE: "aggregate: all at the average",
    TpMode.HYBRID: "hybrid: both, first one wins",
    TpMode.PYRAMID_AGGREGATE: "pyramid_aggregate: each pyramid",
}


def modes() -> str:
    boards = [_mode(mode, title) for mode, title in MODES.items()]
    return draw(boards, alt="Where the targets of the same position stand in each of the four modes")


def _mode(mode: TpMode, title: str) -> Board:
    story = two_pyramids(mode)
    marks = []
    for leg in story.group.legs():
        price = profit.average_entry([leg.lot], story.instrument.contract_size)
        if price is not None:
            words = f"p{leg.pyramid} leg {leg.index}: {plain(leg.lot.quantity)} at {plain(price)}"
            marks.append(Mark(price=price, words=words, colour=ENTRY, is_left=True))
    watched = takeprofit.watched(story.group, story.fees)
    for target in [*takeprofit.targets(story.group, story.fees), *watched]:
        of = "all" if target.pyramid is None else f"p{target.pyramid}"
        of += "" if target.leg is None else f" leg {target.leg}"
        words = f"{of}: {plain(target.quantity)} at {plain(target.price)}"
        marks.append(Mark(price=target.price, words=words, colour=TARGET, is_left=False, is_dashed=target in watched))
    average = stops.average_entry(story.group)
    assert average is not None
    shown = average.quantize(D("0.001"))
    marks.append(Mark(price=shown, words=f"average {plain(shown)}", colour=AVERAGE, is_left=True, is_dashed=True))
    return Board(title=title, marks=marks, low=D("97.6"), high=D("101.3"))


def followed(**strategy: Any) -> list[tuple[Decimal, Decimal]]:
    """The price at each moment and the stop in force then, of 10 bought at 100; it ends where the stop is reached."""
    far: dict[str, Any] = {"tp_mode": TpMode.AGGREGATE, "tp_percent": D(50)}
    story = Story(ladder(*ONE, instrument=COARSE), instrument=COARSE, **far, **strategy)
    story.fill(story.entry(0))
    seen = []
    for words in FALL:
        story.price(words)
        story.wait("1")
        stop = story.group.stop_price
        if stop is None:
            break
        seen.append((D(words), stop))
    return seen


def trail() -> str:
    seen = followed(stop_trail_percent=D(2))
    prices, levels = [price for price, _ in seen], [level for _, level in seen]
    end = len(seen)
    prices.append(levels[-1])
    levels.append(levels[-1])
    top = max(range(end), key=lambda moment: prices[moment])
    return chart(
        [Line(prices=prices, colour=INK), Line(prices=levels, colour=STOP, is_stepped=True)],
        [
            Note(moment=0, price=levels[0], words=plain(levels[0]), colour=STOP),
            Note(moment=4, price=levels[4], words=f"stop at {plain(levels[4])}", colour=STOP, is_below=True),
            Note(moment=3, price=prices[3], words=f"price {plain(prices[3])}", colour=INK),
            Note(moment=top, price=prices[top], words=f"best price {plain(prices[top])}", colour=INK),
            Note(moment=end, price=levels[-1], words=f"sold at {plain(levels[-1])}", colour=STOP, is_below=True),
        ],
        title="stop_trail_percent: 2, bought at 100",
        alt="A trailing stop follows the best price and never goes back",
    )


PICTURES: Mapping[str, Callable[[], str]] = {"ladder.svg": ladders, "targets.svg": modes, "trailing-stop.svg": trail}


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, make in PICTURES.items():
        (FOLDER / name).write_text(make(), encoding="utf-8")
        print(f"wrote docs/images/diagrams/{name}")


if __name__ == "__main__":
    main()
