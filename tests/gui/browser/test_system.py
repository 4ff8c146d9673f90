"""The page System in a browser: accounts, forwarder, tools of an administrator, the emergency close."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.gui.browser.stage import Stage, violations
from tests.gui.browser.test_dashboard import GUARDED, card, expect
from tests.system.stack import alert, until


@pytest.fixture(scope="module")
def page(stage: Stage) -> Any:
    stage.token("viewer")
    for symbol in ("BTCUSDT", "ETHUSDT"):
        status, _ = stage.stack.post(alert(symbol, "15", price="100"))
        assert status == 200
    return stage.page("/system")


def test_an_account_shows_how_it_reaches_its_exchange_and_is_checked(stage: Stage, page: Any) -> None:
    account = page.locator("[data-account=paper]")
    expect(account).to_contain_text("ready")
    for words in ("Equity", "Open orders", "Circuit", "Clock offset", "Differences", "Streams", "Request budget"):
        expect(account).to_contain_text(words)
    account.get_by_role("button", name="Check now").click()
    expect(account.locator("li", has_text="passed").first).to_be_visible()
    expect(page.locator("#terrace-said")).to_contain_text(re.compile(r"all \d+ checks? passed"))


def test_an_administrator_sees_store_audit_trail_mailboxes_and_memory(stage: Stage, page: Any) -> None:
    store = card(page, "Store and audit trail")
    expect(store).to_contain_text("well")
    store.get_by_role("button", name="Check all of it").click()
    expect(store).to_contain_text("well, all of it")
    store.get_by_role("button", name="Verify the audit trail").click()
    expect(store).to_contain_text("The audit trail is whole")
    inside = card(page, "Inside")
    inside.get_by_role("button", name="Actors and mailboxes").click()
    expect(inside).to_contain_text("Actors by kind")
    expect(inside).to_contain_text("All parts run.")
    inside.get_by_role("button", name="Memory profile").click()
    expect(inside.locator("tbody tr").first).to_be_attached(timeout=30_000)


@pytest.mark.rule("LOG-4")
def test_the_diagnostics_are_saved_as_a_file_without_secrets(stage: Stage, page: Any) -> None:
    with page.expect_download() as saving:
        page.get_by_role("button", name="Download diagnostics").click()
    assert re.fullmatch(r"terrace-diagnostics-\d{8}T\d{6}Z\.json", saving.value.suggested_filename)
    text = saving.value.path().read_text(encoding="utf-8")
    assert "actors" in json.loads(text)
    assert stage.stack.secret() not in text
    assert stage.token() not in text


def test_a_part_is_named_before_it_is_started_again(stage: Stage, page: Any) -> None:
    page.get_by_label("Part or actor").fill("risk/paper")
    page.get_by_role("button", name="Start again").click()
    expect(page.locator("dialog, #terrace-said p").last).to_contain_text(re.compile("would be started again|no part"))
    page.keyboard.press("Escape")


@pytest.mark.rule("SEC-1")
def test_a_viewer_sees_the_machine_and_can_do_nothing_to_it(stage: Stage) -> None:
    page = stage.page("/system", role="viewer", theme="light", size="phone")
    expect(page.locator("[data-account=paper]")).to_contain_text("ready")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert violations(page) == []
    for name in ("Check now", "Check all of it", "Actors and mailboxes", "Download diagnostics", "Close everything …"):
        expect(page.get_by_role("button", name=name)).to_be_disabled()
    for path in ("/act/close_all", "/act/restart_part", "/act/look_inside", "/x/system/diagnostics"):
        status, answer = page.evaluate(GUARDED, [path, {"values": {"part": "pool/paper"}}])
        assert status == 403, path
        assert answer["error"]["message"], path
    assert len(stage.stack.groups()) == 2
    stage.picture(page, "system-phone")
    stage.errors.clear()


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_it_is_whole_in_both_themes(stage: Stage, theme: str) -> None:
    page = stage.page("/system", theme=theme)
    expect(page.locator("[data-account=paper] .badge").first).to_have_text("ready")
    expect(card(page, "Store and audit trail")).to_contain_text("well")
    expect(card(page, "Forwarder and spool")).to_contain_text("reachable")
    assert violations(page) == []
    stage.picture(page, f"system-{theme}")


@pytest.mark.rule("EXIT-1")
def test_the_emergency_close_says_how_much_and_wants_it_typed(stage: Stage, page: Any) -> None:
    page.get_by_role("button", name="Close everything …").click()
    dialog = page.locator("dialog")
    expect(dialog).to_contain_text("2 groups would be closed at market")
    expect(dialog).to_contain_text(re.compile(r"paper: 2 groups, notional [\d.,\s]+ USDT"))
    stage.picture(page, "system-close-all")
    sure = dialog.get_by_role("button", name="Close them")
    expect(sure).to_be_disabled()
    dialog.get_by_role("textbox").fill("close all")
    expect(sure).to_be_disabled()
    assert len(stage.stack.groups()) == 2
    dialog.get_by_role("textbox").fill("CLOSE ALL")
    sure.click()
    expect(page.locator("#terrace-said")).to_contain_text("2 groups told to close")
    until(lambda: stage.stack.groups() == [])


@pytest.mark.rule("SIG-12")
def test_forwarder_and_daemon_that_are_down_are_said_to_be(stage: Stage, page: Any) -> None:
    stage.stack.kill("daemon")
    forwarder = card(page, "Forwarder and spool")
    expect(forwarder).to_contain_text("not reachable", timeout=20_000)
    status, _ = stage.stack.post(alert("BTCUSDT", "15", price="100"))
    assert status == 202
    expect(forwarder.locator("dd[data-tone=warn]").first).to_have_text("1", timeout=20_000)
    expect(card(page, "Daemon")).to_contain_text("does not answer", timeout=20_000)
    stage.stack.kill("forwarder")
    expect(forwarder).to_contain_text("does not answer", timeout=20_000)
    expect(forwarder).to_contain_text("terrace forward")
