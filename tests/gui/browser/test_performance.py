"""The page `Performance` in a browser: its figures are the reports', its charts are drawn and taken away."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.gui.browser.stage import Stage, violations
from tests.system.stack import until


def alert(symbol: str, action: str, timeframe: str = "15") -> dict[str, Any]:
    return {
        "source": "tradingview",
        "tv": {"exchange": "BINANCE", "symbol": symbol, "timeframe": timeframe, "action": action},
    }


@pytest.fixture(scope="module")
def traded(stage: Stage) -> Stage:
    """Two wins and a loss, and a group that is still open."""
    stack = stage.stack
    for symbol, timeframe, price in (("BTCUSDT", "15", "103"), ("ETHUSDT", "60", "104"), ("BTCUSDT", "60", "96")):
        pair = symbol.replace("USDT", "/USDT")
        stack.price(pair, "100")
        opened = stack.send(alert(symbol, "buy", timeframe))["group_id"]
        until(lambda opened=opened: Decimal(stack.group(opened)["quantity"] or "0") > 0)
        stack.price(pair, price)
        stack.terrace("group", "close", opened, "--yes")
        until(lambda opened=opened: stack.group(opened)["state"] == "CLOSED")
    stack.price("BTC/USDT", "100")
    stack.send(alert("BTCUSDT", "buy", "240"))
    return stage


@pytest.fixture
def page(traded: Stage) -> Iterator[Any]:
    opened = traded.page("/performance")
    opened.locator(".performance:not([aria-busy])").wait_for()
    yield opened
    opened.close()


def figure(page: Any, label: str) -> str:
    box = page.locator(".figure", has=page.locator("dt", has_text=label)).first
    return str(box.locator("dd").inner_text())


def plain(text: str) -> Decimal:
    return Decimal(text.partition("\u202f")[0].replace("\N{MINUS SIGN}", "-").replace("+", "").replace(" ", ""))


@pytest.mark.rule("PNL-3")
def test_the_figures_are_those_of_the_reports(page: Any, traded: Stage) -> None:
    found = traded.stack.json("report", "stats")["statistics"]
    assert figure(page, "Trades") == str(found["trades"])
    assert plain(figure(page, "Realised by closed groups")) == round(Decimal(found["realized"]), 2)
    assert plain(figure(page, "Win rate")) == round(Decimal(found["win_rate"]), 1)
    assert plain(figure(page, "Profit factor")) == round(Decimal(found["profit_factor"]), 2)


def test_charts_are_drawn_and_follow_the_theme(page: Any, traded: Stage) -> None:
    for key in ("profit-by-period", "returns", "pairs-by-timeframe"):
        page.locator(f"[data-chart='{key}'] .main-svg").first.wait_for()
    ink = "() => getComputedStyle(document.querySelector('[data-chart=returns] .xtick text')).fill"
    before = page.evaluate(ink)
    page.click("#terrace-theme")
    page.wait_for_function(f"() => ({ink})() !== '{before}'")
    assert not [error for error in traded.errors if "eval" in error.lower()]


def test_what_a_ratio_means_is_told_on_focus(page: Any) -> None:
    page.locator("button.define", has_text="Profit factor").focus()
    tip = page.locator("#tip-profit_factor")
    tip.wait_for()
    assert "divided by the sum of all losses" in tip.inner_text()


def test_a_filter_holds_for_everything_and_stays_in_the_address(page: Any) -> None:
    page.fill("input[aria-label=Pair]", "ETH/USDT")
    trades = "[...document.querySelectorAll('.figure')].find((one) => one.innerText.startsWith('Trades'))"
    page.wait_for_function(f"() => {trades}.querySelector('dd').innerText === '1'")
    assert "symbol=ETH" in page.url
    page.reload()
    page.locator(".performance:not([aria-busy])").wait_for()
    assert figure(page, "Trades") == "1"


@pytest.mark.rule("PNL-4")
def test_trades_and_pictures_are_taken_away(page: Any, traded: Stage, tmp_path: Path) -> None:
    with page.expect_download() as told:
        page.click("text=Trades as CSV")
    with Path(told.value.path()).open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3
    with page.expect_download() as told:
        page.click("[data-chart='profit-by-period'] button:has-text('PNG')")
    assert Path(told.value.path()).read_bytes().startswith(b"\x89PNG")
    with page.expect_download() as told:
        page.click("[data-chart='profit-by-period'] button:has-text('CSV')")
    assert Path(told.value.path()).read_text(encoding="utf-8").startswith("Period,Realised")


def test_a_part_is_chosen_and_a_trade_leads_to_its_group(page: Any) -> None:
    page.click("[aria-label='Profit by'] button:has-text('Timeframe')")
    page.locator("th[data-key=name]", has_text="1h").wait_for()
    link = page.locator(".pairs a").first
    assert link.get_attribute("href").startswith("/positions#closed/")


@pytest.mark.parametrize(("theme", "size"), [("dark", "desktop"), ("light", "desktop"), ("dark", "phone")])
def test_the_page_is_accessible_and_fits(traded: Stage, theme: str, size: str) -> None:
    page = traded.page("/performance", theme=theme, size=size)
    page.locator("[data-chart='returns'] .main-svg").first.wait_for()
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    traded.picture(page, f"performance-{theme}{'-phone' if size == 'phone' else ''}")
    page.close()
