"""The page `Signals` in a browser: what became of each alert, why, and running it again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.gui.browser.stage import Stage, violations

BUY: dict[str, Any] = {
    "source": "tradingview",
    "tv": {"exchange": "BINANCE", "symbol": "BTCUSDT", "timeframe": "15", "action": "buy"},
}
MARKUP = "<img src=x onerror=\"document.title='hit'\">"


@pytest.fixture(scope="module")
def sent(stage: Stage) -> dict[str, str]:
    """An alert that opened, its copy, one that is refused, and one that names markup. Their ids by what they are."""
    found = {}
    odd = {**BUY, "strategy_name": MARKUP, "tv": {**BUY["tv"], "symbol": MARKUP}}
    faulty = {"source": "tradingview", "tv": {"symbol": "BTCUSDT", "action": "dance"}}
    for name, body in (("opened", BUY), ("again", BUY), ("faulty", faulty), ("odd", odd)):
        stage.stack.post(body)
        found[name] = str(stage.stack.json("signal", "list", "--limit", "1")["signals"][0]["signal_id"])
    return found


@pytest.fixture
def page(stage: Stage, sent: dict[str, str]) -> Iterator[Any]:
    opened = stage.page("/signals")
    yield opened
    opened.close()


@pytest.mark.rule("SIG-10")
def test_every_alert_is_listed_with_its_outcome_and_why(page: Any, sent: dict[str, str]) -> None:
    row = page.locator(f"tr[data-row='{sent['opened']}']")
    row.wait_for()
    assert row.locator("td[data-key=outcome]").inner_text() == "opened"
    assert page.locator(f"tr[data-row='{sent['faulty']}'] td[data-key=outcome]").inner_text() == "rejected"
    assert page.title() != "hit"


@pytest.mark.rule("SIG-10")
def test_a_row_opens_the_story_with_the_orders_it_led_to(page: Any, stage: Stage, sent: dict[str, str]) -> None:
    page.click(f"tr[data-row='{sent['opened']}'] td[data-key=outcome]")
    page.locator(".story .summary:not(:empty)").wait_for()
    page.locator(".timeline li", has_text="order").first.wait_for()
    assert page.url.endswith("#" + sent["opened"])
    assert "BTCUSDT" in page.locator(".story pre").inner_text()
    assert stage.stack.secret() not in page.content()
    stage.picture(page, "signals-story-dark")
    page.keyboard.press("Escape")
    page.locator(".story").wait_for(state="detached")


def test_a_refused_alert_names_the_field_that_is_wrong(page: Any, sent: dict[str, str]) -> None:
    page.goto(f"/signals#{sent['faulty']}")
    page.locator(".story dt", has_text="tv.action").wait_for()


def test_filters_narrow_the_list_and_stay_in_the_address(page: Any, sent: dict[str, str]) -> None:
    page.select_option("select[aria-label=Outcome]", "rejected")
    page.locator(f"tr[data-row='{sent['opened']}']").wait_for(state="detached")
    page.locator(f"tr[data-row='{sent['faulty']}']").wait_for()
    assert "outcome=rejected" in page.url
    page.reload()
    page.locator(f"tr[data-row='{sent['faulty']}']").wait_for()
    assert page.locator(f"tr[data-row='{sent['opened']}']").count() == 0


@pytest.mark.rule("SIG-11")
def test_a_dry_run_says_what_would_be_done_and_does_nothing(page: Any, stage: Stage, sent: dict[str, str]) -> None:
    before = len(stage.stack.groups())
    page.goto(f"/signals#{sent['opened']}")
    page.click("button:has-text('Dry run')")
    page.locator("dialog", has_text="Now it would be").wait_for()
    page.click("dialog button:has-text('Close')")
    assert len(stage.stack.groups()) == before


@pytest.mark.rule("SIG-11")
def test_an_alert_is_sent_as_new_after_a_question(page: Any, stage: Stage, sent: dict[str, str]) -> None:
    page.goto(f"/signals#{sent['opened']}")
    page.click("button:has-text('Send as new')")
    page.locator("dialog", has_text="Send this alert once more?").wait_for()
    page.click("dialog button:has-text('Send as new')")
    page.locator("#terrace-said", has_text="Sent as a new alert").wait_for()
    page.wait_for_function(f"() => location.hash !== '#{sent['opened']}'")
    page.locator(".story a", has_text=sent["opened"]).wait_for()


def test_a_viewer_reads_stories_and_cannot_send(stage: Stage, sent: dict[str, str]) -> None:
    page = stage.page("/signals", role="viewer")
    page.goto(f"/signals#{sent['opened']}")
    page.locator(".story .summary:not(:empty)").wait_for()
    assert page.locator("button:has-text('Send as new')").is_disabled()
    assert page.locator("button:has-text('Dry run')").is_disabled()
    page.close()


def test_a_body_can_be_tried_without_sending_it(page: Any, stage: Stage) -> None:
    count = len(stage.stack.json("signal", "list")["signals"])
    page.goto("/signals#try")
    page.click("button:has-text('Read it')")
    page.locator(".notice", has_text="would be taken").wait_for()
    page.fill("#trial-body", '{"tv": {"action": "dance"}}')
    page.click("button:has-text('Read it')")
    page.locator(".notice", has_text="would be refused").wait_for()
    assert len(stage.stack.json("signal", "list")["signals"]) == count
    stage.picture(page, "signals-trial-dark")


@pytest.mark.parametrize(("theme", "size"), [("dark", "desktop"), ("light", "desktop"), ("light", "phone")])
def test_the_page_is_accessible_and_fits(stage: Stage, sent: dict[str, str], theme: str, size: str) -> None:
    page = stage.page("/signals", theme=theme, size=size)
    page.locator(f"tr[data-row='{sent['opened']}']").wait_for()
    stage.picture(page, f"signals-{theme}{'-phone' if size == 'phone' else ''}")
    page.goto(f"/signals#{sent['opened']}")
    page.locator(".story .summary:not(:empty)").wait_for()
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    stage.picture(page, f"signals-story-{theme}{'-phone' if size == 'phone' else ''}")
    page.close()
