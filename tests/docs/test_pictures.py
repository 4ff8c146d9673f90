"""docs/ladders.md and docs/pool-and-queue.md: pictures, numbers and keys are those of the rules."""

from __future__ import annotations

import itertools
import re
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree

import pytest

from actors.rules import ranking, takeprofit
from actors.rules.choices import TpMode
from actors.rules.model import Order, Quote, Side
from actors.rules.money import plain
from actors.rules.settings import FeeSettings, QueueSettings
from daemon.config.describe import all_keys
from tests.docs import board, pictures
from tests.rules.builders import NOW_MS, D, queued

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = ("ladders.md", "pool-and-queue.md")


@pytest.mark.rule("DCA-2", "DCA-3", "TP-1", "TP-2", "TP-3", "TP-4", "TP-5", "TP-9")
@pytest.mark.parametrize("name", pictures.PICTURES)
def test_a_picture_shows_what_the_rules_do(name: str) -> None:
    drawn = (pictures.FOLDER / name).read_text(encoding="utf-8")
    assert drawn == pictures.PICTURES[name](), "write it anew: python -m tests.docs.pictures"


@pytest.mark.parametrize("name", pictures.PICTURES)
def test_a_picture_is_well_formed_small_and_without_scripts_or_links(name: str) -> None:
    text = (pictures.FOLDER / name).read_text(encoding="utf-8")
    tags = {element.tag.rpartition("}")[2] for element in ElementTree.fromstring(text).iter()}
    assert tags <= {"svg", "title", "style", "rect", "path", "circle", "text"}
    assert "href" not in text
    assert len(text) < 20_000


def test_words_in_a_picture_do_not_touch() -> None:
    moved = board.spread([10.0, 12.0, 100.0, 11.0])
    ordered = sorted(moved)
    assert all(after - before >= board.LINE_HEIGHT for before, after in itertools.pairwise(ordered))
    assert moved[2] == 100.0, "what has room stays where it is"
    assert sorted(range(4), key=lambda index: moved[index]) == [0, 3, 1, 2], "the order stays"


@pytest.mark.rule("TP-3", "TP-5")
def test_the_numbers_in_the_text_of_the_ladders_page_are_those_of_the_rules() -> None:
    text = (DOCS / "ladders.md").read_text(encoding="utf-8")
    whole = takeprofit.targets(*_held(TpMode.AGGREGATE))
    assert [(plain(each.price), plain(each.quantity)) for each in whole] == [("99.74", "12")]
    assert "1.01 = 99.7375, rounded up to 99.74" in text
    assert Decimal("98.75") * Decimal("1.01") == Decimal("99.7375")
    assert [plain(each.quantity) for each in _entries(Side.LONG)] == ["2"] * 5
    assert [plain(each.quantity) for each in _entries(Side.SHORT)] == ["2", "1.9", "1.9", "1.9", "1.9"]


def _held(mode: TpMode) -> tuple[takeprofit.Holding, FeeSettings]:
    story = pictures.two_pyramids(mode)
    return story.group, story.fees


def _entries(side: Side) -> list[Order]:
    story = pictures.worked(side)
    return [story.order(story.entry(leg)) for leg in range(5)]


@pytest.mark.rule("QUE-2")
def test_the_ranked_queue_of_the_page_is_ranked_by_the_rules() -> None:
    text = (DOCS / "pool-and-queue.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d) \| (\S+) (long|short) \| (\S+) \| (\S+) \| (\S+) \| (\d) \|", text, re.MULTILINE)
    assert len(rows) == 6
    waiting = [
        queued(number, entry=entry, side=Side(side), symbol=symbol, timeframe="15m", replacement_count=int(replaced))
        for number, (_, symbol, side, entry, _, _, replaced) in enumerate(reversed(rows), 1)
    ]
    quotes = {
        ("paper", symbol): Quote(bid=D(price), ask=D(price), time_ms=NOW_MS)
        for _, symbol, _, _, price, _, _ in rows
        if price != "none"
    }
    continuing = {each.signal.key for each in waiting if each.signal.key.symbol == "DOGE/USDT"}
    ranked = ranking.rank(waiting, quotes, continuing, QueueSettings().rank)
    found = [(str(each.rank), each.queued.signal.key.symbol, _loss(each.loss_percent)) for each in ranked]
    assert found == [(place, symbol, loss) for place, symbol, _, _, _, loss, _ in rows]


def _loss(percent: Decimal | None) -> str:
    return "unknown" if percent is None else plain(percent)


@pytest.mark.parametrize("page", PAGES)
def test_every_key_a_page_names_exists(page: str) -> None:
    text = re.sub(r"```.*?```", "", (DOCS / page).read_text(encoding="utf-8"), flags=re.DOTALL)
    parts = {part for each in all_keys() for part in each.path.split(".")}
    choices = {choice for each in all_keys() for choice in each.allowed} | set(QueueSettings().rank)
    named = set(re.findall(r"`([a-z]+(?:[._][a-z0-9]+)+)(?::[^`]*)?`", text))
    assert len(named) > 8
    assert {part for name in named for part in name.split(".")} - parts - choices == set()
