"""The page `Logs` in a browser: what happened, searched, followed, taken away."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.gui.browser.stage import Stage, violations

BUY: dict[str, Any] = {
    "source": "tradingview",
    "tv": {"exchange": "BINANCE", "symbol": "BTCUSDT", "timeframe": "15", "action": "buy"},
}


@pytest.fixture(scope="module")
def busy(stage: Stage) -> Stage:
    stage.stack.send(BUY)
    stage.stack.post({"source": "tradingview", "tv": {"symbol": "<b>x</b>", "action": "dance"}})
    return stage


@pytest.fixture
def page(busy: Stage) -> Iterator[Any]:
    opened = busy.page("/logs")
    opened.locator(".log li").first.wait_for()
    yield opened
    opened.close()


@pytest.mark.rule("LOG-2")
def test_events_are_listed_oldest_first_and_new_ones_come_by_themselves(page: Any, busy: Stage) -> None:
    before = page.locator(".log li").count()
    busy.stack.send({**BUY, "tv": {**BUY["tv"], "symbol": "ETHUSDT"}})
    page.wait_for_function(f"() => document.querySelectorAll('.log li').length > {before}")
    page.locator(".log li", has_text="ETH/USDT").first.wait_for()


@pytest.mark.rule("LOG-2")
def test_a_category_and_words_narrow_the_list(page: Any) -> None:
    page.click(".chips button:has-text('order')")
    page.wait_for_function(
        "[...document.querySelectorAll('.log .category')].every((one) => one.textContent === 'order')"
    )
    page.fill("input[aria-label='Words in the message']", "nothing says this")
    page.locator(".empty", has_text="Nothing matches").wait_for()
    assert "category=order" in page.url


def test_a_line_opens_to_its_facts(page: Any) -> None:
    page.locator(".log li", has_text="opened at").first.locator("summary").click()
    page.locator(".log dl dt", has_text="Group").first.wait_for()


def test_scrolling_up_stops_following_until_it_is_asked_for_again(page: Any) -> None:
    page.evaluate("document.querySelector('.log-box').style.height = '4rem'")
    page.evaluate("document.querySelector('.log-box').scrollTop = 1e6")
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    page.evaluate("document.querySelector('.log-box').scrollTop = 0")
    page.wait_for_function("() => !document.querySelector('.logs input[type=checkbox]').checked")
    page.check(".logs input[type=checkbox]")
    box = "document.querySelector('.log-box')"
    page.wait_for_function(f"() => {box}.scrollHeight < {box}.scrollTop + {box}.clientHeight + 30")


def test_the_daemons_log_is_shown_too(page: Any) -> None:
    page.click('button:has-text("Daemon\'s log")')
    page.locator(".log li").first.wait_for()
    assert "log=daemon" in page.url


@pytest.mark.rule("LOG-2")
def test_what_is_filtered_is_taken_away_as_the_command_line_writes_it(page: Any, busy: Stage) -> None:
    page.click(".chips button:has-text('order')")
    page.wait_for_function(
        "[...document.querySelectorAll('.log .category')].every((one) => one.textContent === 'order')"
    )
    known = busy.stack.json("log", "search", "--category", "order", "--limit", "1000")["events"]
    files = {}
    for form in ("txt", "csv", "json"):
        with page.expect_download() as download:
            page.click(f".files a[data-form={form}]")
        files[form] = open(download.value.path(), encoding="utf-8").read()  # noqa: SIM115
    assert [json.loads(line) for line in files["json"].splitlines()] == known
    assert [int(row["sequence"]) for row in csv.DictReader(io.StringIO(files["csv"]))] == [e["sequence"] for e in known]
    assert all(event["message"] in line for event, line in zip(known, files["txt"].splitlines(), strict=True))


def test_a_file_needs_a_login(busy: Stage) -> None:
    answer = busy.context().request.get("/x/logs/events?form=csv")
    assert answer.status == 401


@pytest.mark.parametrize(("theme", "size"), [("dark", "desktop"), ("light", "desktop"), ("dark", "phone")])
def test_the_page_is_accessible_and_fits(busy: Stage, theme: str, size: str) -> None:
    page = busy.page("/logs", theme=theme, size=size)
    page.locator(".log li").first.wait_for()
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    busy.picture(page, f"logs-{theme}{'-phone' if size == 'phone' else ''}")
    page.close()
