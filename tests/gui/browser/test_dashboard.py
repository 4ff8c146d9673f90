"""The dashboard in a browser: first steps, figures, steering, the alert strip. The tests follow one day, in order."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from protos.terrace.v1 import config_pb2, record_pb2
from tests.gui.browser.stage import Stage, violations
from tests.system.stack import alert, until

GUARDED = """async ([path, body]) => {
  const me = await (await fetch('/me')).json();
  const answer = await fetch(path, {method: 'POST', body: JSON.stringify(body),
    headers: {'content-type': 'application/json', 'x-terrace': me.guard}});
  return [answer.status, await answer.json()];
}"""


def expect(target: Any) -> Any:
    from playwright.sync_api import expect as expecting

    return expecting(target)


@pytest.fixture(scope="module")
def page(stage: Stage) -> Any:
    """An administrator's tab, open all day."""
    for role in ("operator", "viewer"):  # Their tokens are made while the configuration is whole.
        stage.token(role)
    opened = stage.page("/")
    opened.context.grant_permissions(["clipboard-read", "clipboard-write"])
    return opened


def test_a_fresh_install_shows_the_webhook_and_the_message_and_no_secret(stage: Stage, page: Any) -> None:
    steps = page.locator("#first-steps")
    expect(steps).to_contain_text(f"http://127.0.0.1:{stage.stack.ports[1]}/hook/tradingview")
    shown = json.loads(steps.locator("pre").inner_text())
    assert shown["secret"] == "YOUR-SECRET"
    assert shown["tv"]["action"] == "{{strategy.order.action}}"
    steps.get_by_role("button", name="Exit", exact=True).click()
    assert json.loads(steps.locator("pre").inner_text())["execution_intent"] == {"type": "exit"}
    expect(page.locator("#terrace-page")).to_contain_text("No alert has come yet")
    assert violations(page) == []
    stage.picture(page, "dashboard-first-steps")
    assert stage.stack.secret() not in page.content()


@pytest.mark.rule("LOG-4")
def test_an_administrator_copies_the_message_with_the_secret_and_it_never_gets_onto_the_page(
    stage: Stage, page: Any
) -> None:
    page.get_by_role("button", name="Copy with the secret").click()
    expect(page.locator("#terrace-said")).to_contain_text("copied with its secret")
    copied = json.loads(page.evaluate("navigator.clipboard.readText()"))
    assert copied["secret"] == stage.stack.secret()
    assert stage.stack.secret() not in page.content()
    assert stage.stack.secret() not in stage.stack.log("panel")
    assert "the secret of source tradingview was handed to admin" in stage.stack.log("panel")
    page.evaluate("navigator.clipboard.writeText('')")


def test_a_test_alert_says_what_it_would_do_and_is_sent_to_the_paper_account(stage: Stage, page: Any) -> None:
    page.get_by_role("button", name="Send a test entry").click()
    dialog = page.locator("dialog")
    expect(dialog).to_contain_text("It would be opened: long BTC/USDT 15m on the paper account paper")
    assert stage.stack.groups() == []
    dialog.get_by_role("button", name="Send it").click()
    expect(page.locator("#terrace-said")).to_contain_text("The test alert was opened")
    row = page.locator("table.short tbody tr").first
    expect(row).to_contain_text("BTC/USDT")
    expect(row).to_contain_text("opened")
    expect(card(page, "Pool")).to_contain_text("1 / 10")
    assert [group["symbol"] for group in stage.stack.groups()] == ["BTC/USDT"]


@pytest.mark.rule("PNL-1")
def test_profit_follows_the_price_with_sign_and_percent(stage: Stage, page: Any) -> None:
    stage.stack.price("BTC/USDT", "99.9")
    total = card(page, "Total profit")
    expect(total.locator("[data-tone=loss]").first).to_have_text(re.compile("^\N{MINUS SIGN}"))
    expect(total).to_contain_text("put in (equity less all profit)")
    expect(card(page, "Exposure")).to_contain_text("Reserved for legs")
    expect(card(page, "Last alert")).to_contain_text("ago")


@pytest.mark.rule("LOG-5", "CFG-2")
def test_an_alert_is_pinned_on_every_page_and_acknowledged_with_a_comment(stage: Stage, page: Any) -> None:
    good = stage.stack.config_file.read_text(encoding="utf-8")
    stage.stack.config_file.write_text(good + "\nnonsense: 1\n", encoding="utf-8")
    strip = page.locator("#terrace-alerts")
    expect(strip.locator("li")).to_have_count(1, timeout=15_000)
    other = stage.page("/queue", role="operator", theme="light", size="phone")
    expect(other.locator("#terrace-alerts li")).to_contain_text("since")
    assert other.evaluate("document.documentElement.scrollWidth") <= 390
    stage.picture(page, "dashboard-alert")
    strip.get_by_role("button", name="Acknowledge").click()
    page.locator("dialog").get_by_label("A word about it").fill("seen to it")
    page.locator("dialog").get_by_role("button", name="Acknowledge").click()
    expect(strip).to_be_hidden()
    expect(other.locator("#terrace-alerts")).to_be_hidden()
    asked = record_pb2.ListAlertsRequest(states=["ALERT_STATE_ACKNOWLEDGED"])
    alerts = stage.stack.client.call(asked, record_pb2.ListAlertsResponse).alerts
    assert [(one.comment, one.acknowledged_by) for one in alerts] == [("seen to it", "admin")]
    stage.stack.config_file.write_text(good, encoding="utf-8")


def test_pausing_says_what_it_does_asks_why_and_resuming_ends_it(stage: Stage, page: Any) -> None:
    page.get_by_role("button", name="Pause entries").click()
    dialog = page.locator("dialog")
    expect(dialog).to_contain_text("Exits, targets and stops of 1 live group work on.")
    dialog.get_by_label("Cancel open entry orders too").check()
    expect(dialog).to_contain_text("Open entry orders are cancelled.")
    dialog.get_by_label("Cancel open entry orders too").uncheck()
    dialog.get_by_label("Why, for the record").fill("lunch")
    dialog.get_by_role("button", name="Pause", exact=True).click()
    engine = page.locator(".notice.engine")
    expect(engine).to_contain_text("Engine paused")
    stage.picture(page, "dashboard-paused")
    page.get_by_role("button", name="Resume entries").click()
    page.locator("dialog").get_by_role("button", name="Resume").click()
    expect(engine).to_contain_text("Engine running")


def test_an_account_that_is_paused_by_itself_is_resumed_from_its_line(stage: Stage, page: Any) -> None:
    stage.stack.terrace("engine", "pause", "--account", "paper", "--yes")
    line = page.locator(".troubles li", has_text="account paused")
    expect(line).to_contain_text("“Resume its entries” (Dashboard)")
    line.get_by_role("button", name="Resume the entries of paper").click()
    expect(page.locator("dialog")).to_contain_text("New entries are taken again for paper")
    page.locator("dialog").get_by_role("button", name="Resume").click()
    expect(line).to_have_count(0)


@pytest.mark.rule("POOL-4")
def test_a_limit_says_what_set_it_and_what_lifts_it_and_is_lifted_by_hand(stage: Stage, page: Any) -> None:
    stage.stack.write_config({"limits": {"max_realized_loss_per_day": "0.01"}})
    stage.stack.price("BTC/USDT", "99.8")
    stage.stack.post(alert("BTCUSDT", "15", "sell", execution_intent={"type": "exit"}))
    until(lambda: stage.stack.groups() == [])
    engine = page.locator(".notice.engine")
    expect(engine).to_contain_text("Engine limited", timeout=20_000)
    expect(engine).to_contain_text("Lifted by the next day, or a person")
    expect(card(page, "Pool")).to_contain_text(re.compile(r"Realised loss of the day\s*\S+ of 0\.01"))
    stage.picture(page, "dashboard-limited")
    page.get_by_role("button", name="Lift the limit").click()
    dialog = page.locator("dialog")
    expect(dialog).to_contain_text("The limit's state ends")
    dialog.get_by_role("button", name="Lift it").click()
    expect(engine).to_contain_text("Engine running", timeout=20_000)


@pytest.mark.rule("SEC-1")
def test_a_viewer_sees_it_all_and_can_press_nothing_even_by_hand(stage: Stage) -> None:
    page = stage.page("/", role="viewer", theme="light")
    expect(card(page, "Pool")).to_contain_text("live groups")
    pause = page.get_by_role("button", name="Pause entries")
    expect(pause).to_be_disabled()
    assert "viewer" in pause.get_attribute("title")
    page.get_by_role("button", name="Connect TradingView").click()
    expect(page.get_by_role("button", name="Send a test entry")).to_be_disabled()
    expect(page.get_by_role("button", name="Copy with the secret")).to_be_hidden()
    for path, body in (
        ("/act/pause", {"values": {}}),
        ("/act/try_alert", {"values": {"kind": "entry"}}),
        ("/act/acknowledge", {"values": {"alert_id": "x"}}),
        ("/x/dashboard/secret", {"source": "tradingview", "kind": "entry"}),
    ):
        status, answer = page.evaluate(GUARDED, [path, body])
        assert status == 403, path
        assert answer["error"]["message"], path
    stage.errors.clear()


@pytest.fixture(scope="module")
def lively(stage: Stage) -> None:
    """Two groups, one losing and one winning, and an alert that was refused."""
    stage.stack.write_config({"limits": {"max_realized_loss_per_day": None}})
    until(lambda: "max_realized_loss_per_day: 0.01" not in effective(stage))
    stage.stack.price("BTC/USDT", "100")
    for symbol in ("BTCUSDT", "ETHUSDT", "NOPEUSDT"):
        stage.stack.post(alert(symbol, "240", price="100"))
    stage.stack.price("BTC/USDT", "98.7")
    stage.stack.price("ETH/USDT", "100.7")
    until(lambda: len(stage.stack.groups()) == 2)


@pytest.mark.usefixtures("lively")
@pytest.mark.parametrize(("theme", "size"), [("dark", "desktop"), ("light", "desktop"), ("dark", "phone")])
def test_it_is_whole_in_both_themes_and_on_a_phone(stage: Stage, theme: str, size: str) -> None:
    page = stage.page("/", theme=theme, size=size)
    expect(page.locator(".curve svg")).to_be_visible()
    refused = page.locator("table.short tbody tr").first
    expect(refused).to_contain_text("rejected")
    expect(refused).to_contain_text("is not in the account's catalogue")
    expect(card(page, "Pool")).to_contain_text("2 / 10")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert violations(page) == []
    words = page.locator(".curve svg").get_attribute("aria-label")
    assert words.startswith("Total equity of the last 30 days: now ")
    stage.picture(page, f"dashboard-{theme}" + ("-phone" if size == "phone" else ""))


def test_nothing_was_an_error_and_nobody_else_was_asked(stage: Stage) -> None:
    assert stage.errors == []
    assert stage.hosts == {stage.address}


def effective(stage: Stage) -> str:
    """The configuration in force."""
    found = stage.stack.client.call(config_pb2.GetConfigRequest(), config_pb2.GetConfigResponse)
    return found.config.yaml.replace("'", "")


def card(page: Any, title: str) -> Any:
    return page.locator("section.card", has=page.get_by_role("heading", name=title, exact=True))
