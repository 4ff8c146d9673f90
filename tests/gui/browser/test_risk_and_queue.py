"""The pages Risk and Queue in a browser: a loser with a winner in a pool of two, and signals that wait for it.

The tests are one story, in order: who waits is looked at and steered first, then the offset is run, which frees slots.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.gui.browser.stage import Stage, violations
from tests.system import offset_stage as scene
from tests.system.offset_stage import ADA, BTC, ETH, SOL, sized
from tests.system.stack import alert, until

D = Decimal
WAIT_MS = 90_000
"""Generous for a busy machine: a wait ends as soon as it is true."""
CONFIG: dict[str, Any] = {
    "accounts": scene.STAGE["accounts"],
    "strategy": {"overrides": [sized(BTC, "1000"), sized(ETH, "1000"), sized(SOL, "900"), sized(ADA, "500")]},
    "pool": {"max_open_groups": 2},
    "limits": {"max_total_exposure": "2600", "max_consecutive_losses": 1},
    "risk": {
        "require_full_pyramids": False,
        "post_full_wait_s": 3600,
        "evaluate_interval_s": 1,
        "evaluate_on_fill": False,
    },
}


@pytest.fixture(scope="module")
def stage(browser: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with Stage(Path(tmp_path_factory.mktemp("risk")), browser, CONFIG) as opened:
        yield opened


@pytest.fixture(scope="module")
def groups(stage: Stage) -> dict[str, str]:
    """BTC, which loses a tenth, and ETH, which gains a third: the pool is full."""
    stack = stage.stack
    stage.token("viewer")
    found = {symbol: scene.buy(stack, symbol, "100") for symbol in (BTC, ETH)}
    scene.prices(stack, {BTC: "99.5", ETH: "99.5"})
    until(lambda: all(scene.group(stack, group_id)["state"] == "ACTIVE" for group_id in found.values()))
    scene.prices(stack, {BTC: "90", ETH: "133"})
    return found


_OPENED: list[Any] = []


@pytest.fixture(autouse=True)
def closed_tabs() -> Iterator[None]:
    """A tab that nobody looks at any more asks for nothing."""
    yield
    while _OPENED:
        _OPENED.pop().context.close()


def open_page(stage: Stage, path: str, **how: str) -> Any:
    page = stage.page(path, **how)
    page.set_default_timeout(WAIT_MS)
    _OPENED.append(page)
    return page


def row(page: Any, pair: str) -> Any:
    """The line of a pair and timeframe in the page's first table."""
    found = page.locator("tbody tr.opens, tbody tr[data-row]").filter(has_text=pair).first
    found.wait_for()
    return found


def cell(line: Any, key: str) -> str:
    text: str = line.locator(f"td[data-key={key}]").inner_text()
    return plain(text)


def plain(text: str) -> str:
    """Spaces and signs as on a keyboard."""
    return text.replace("\N{NARROW NO-BREAK SPACE}", " ").replace("\N{MINUS SIGN}", "-").strip()


def said(page: Any) -> str:
    """The newest line in the corner."""
    line = page.locator("#terrace-said p, #terrace-said [data-tone]").last
    line.wait_for()
    return plain(line.inner_text())


def answer(page: Any, button: str) -> None:
    page.locator("dialog[open]").get_by_role("button", name=button, exact=True).click()
    page.locator("dialog[open]").wait_for(state="detached")


def queued(stage: Stage) -> list[dict[str, Any]]:
    from protos.terrace.v1 import queue_pb2 as pb

    found: list[dict[str, Any]] = scene.ask(stage.stack, pb.ListQueuedSignalsRequest(), pb.ListQueuedSignalsResponse)[
        "queued_signals"
    ]
    return found


def names(page: Any) -> list[str]:
    """Pairs of the queue in the order of the screen."""
    texts = page.locator("tbody tr.opens td[data-key=pair] b").all_inner_texts()
    return [plain(text) for text in texts]


# --- the queue ------------------------------------------------------------------------------------


@pytest.mark.rule("QUE-2", "QUE-7")
def test_the_queue_is_empty_with_words_and_fills_live_by_rank_with_its_reasons(
    stage: Stage, groups: dict[str, str]
) -> None:
    page = open_page(stage, "/queue")
    page.get_by_text("Nothing waits. While the pool has room, signals open at once").wait_for()
    for symbol, timeframe, price in ((SOL, "60", "101"), (ADA, "60", "104"), (ADA, "240", "99"), (SOL, "240", "100.5")):
        assert scene.buy(stage.stack, symbol, price, timeframe) == "", "the pool is full"
    scene.buy(stage.stack, ADA, "105", "60")
    row(page, "SOL/USDT 4h")
    page.wait_for_function("() => document.querySelector('tbody tr.opens td[data-key=replaced]')?.textContent === '1'")
    waiting = queued(stage)
    assert names(page) == [f"{one['symbol']} {one['timeframe']}" for one in waiting]
    assert page.locator("td[data-key=rank] b").all_inner_texts() == ["1", "2", "3", "4"]
    first, second = row(page, "ADA/USDT 1h"), row(page, "SOL/USDT 1h")
    assert cell(first, "why") == "next in line"
    assert cell(second, "why") == f"deepest loss: {waiting[1]['loss_percent']} % after {waiting[0]['loss_percent']} %"
    assert cell(first, "waits") == "a free slot"
    assert cell(first, "capital") == "500.00 USDT"
    assert cell(first, "profit") == f"+{D(waiting[0]['expected_profit']):.2f} USDT"
    before = cell(first, "since")
    page.wait_for_function(
        "before => document.querySelector('tbody tr.opens td[data-key=since]').textContent !== before",
        arg=first.locator("td[data-key=since]").inner_text(),
    )
    assert re.fullmatch(r"\d+ s|\d+ m \d\d s", before)


@pytest.mark.rule("QUE-2", "QUE-7")
def test_a_price_that_moves_changes_the_ranks_and_says_what_they_were(stage: Stage, groups: dict[str, str]) -> None:
    page = open_page(stage, "/queue")
    row(page, "SOL/USDT 4h")
    scene.price(stage.stack, SOL, "90")
    page.wait_for_function(
        "() => document.querySelector('tbody tr.opens td[data-key=pair] b')?.textContent.startsWith('SOL/USDT 1h')"
    )
    assert cell(row(page, "SOL/USDT 1h"), "rank") == "▲ was 2, 1"
    row(page, "SOL/USDT 1h").click()
    dialog = page.locator("dialog[open]")
    told = plain(dialog.inner_text())
    for words in ("continues a live group", "deepest loss", "most replacements", "first in", "a free slot"):
        assert words in told
    assert violations(page) == []
    dialog.get_by_role("button", name="Close").click()
    scene.price(stage.stack, SOL, "100")


@pytest.mark.rule("QUE-6", "POOL-2", "SEC-1")
def test_promoting_needs_a_slot_and_a_viewer_presses_nothing(stage: Stage, groups: dict[str, str]) -> None:
    page = open_page(stage, "/queue")
    promote = row(page, "SOL/USDT 4h").get_by_role("button", name="Promote SOL/USDT 4h")
    assert promote.is_disabled()
    assert promote.get_attribute("title") == "no slot is free: 2 of 2 are taken"
    viewer = open_page(stage, "/queue", role="viewer")
    for name in ("Promote", "Force add", "Remove"):
        button = row(viewer, "SOL/USDT 4h").get_by_role("button", name=f"{name} SOL/USDT 4h")
        assert button.is_disabled()
        assert button.get_attribute("title") == "needs the role operator"
    waiting = queued(stage)[0]["signal_id"]
    assert forged(viewer, "queue-remove", {"signal": waiting}) == 403
    assert forged(viewer, "risk-run", {"group": groups[BTC]}) == 403
    assert waiting in [one["signal_id"] for one in queued(stage)]


def forged(page: Any, verb: str, values: dict[str, str]) -> int:
    """A press made by hand, with everything a page has. The HTTP status."""
    script = """async ([verb, values]) => {
      const me = await (await fetch("/me")).json();
      const headers = {"content-type": "application/json", "x-terrace": me.guard};
      return (await fetch(`/act/${verb}`, {method: "POST", headers, body: JSON.stringify({values})})).status;
    }"""
    status: int = page.evaluate(script, [verb, values])
    return status


@pytest.mark.rule("QUE-6", "POOL-3")
def test_a_forced_add_says_which_limits_it_breaks_and_needs_each_told(stage: Stage, groups: dict[str, str]) -> None:
    page = open_page(stage, "/queue")
    button = row(page, "SOL/USDT 4h").get_by_role("button", name="Force add SOL/USDT 4h")
    button.click()
    dialog = page.locator("dialog[open]")
    told = plain(dialog.inner_text())
    assert "Breaks the pool's limit: 3 open groups, at most 2." in told
    assert "Breaks it: 2 900.00 USDT planned with this one, at most 2 600.00 USDT. It is refused without this." in told
    assert "No loss limit is breached, and its key does not rest." in told
    assert violations(page) == []
    stage.picture(page, "queue-force")
    answer(page, "Force add")
    assert "2000 is planned already and this adds 900, at most 2600" in said(page)
    assert len(stage.stack.groups()) == 2
    button.click()
    dialog.get_by_label("Over the exposure limit too").check()
    answer(page, "Force add")
    page.wait_for_function("() => !document.querySelector('tbody').textContent.includes('SOL/USDT 4h')")
    opened = [group for group in stage.stack.groups() if group["symbol"] == SOL]
    assert [(group["timeframe"], group["forced"]) for group in opened] == [("4h", True)]


@pytest.mark.rule("QUE-6")
def test_a_signal_is_removed_after_a_question(stage: Stage, groups: dict[str, str]) -> None:
    page = open_page(stage, "/queue")
    row(page, "SOL/USDT 1h").get_by_role("button", name="Remove SOL/USDT 1h").click()
    assert "Takes out SOL/USDT 1h at 101 on paper." in plain(page.locator("dialog[open]").inner_text())
    answer(page, "No")
    assert "SOL/USDT 1h" in names(page)
    row(page, "SOL/USDT 1h").get_by_role("button", name="Remove SOL/USDT 1h").click()
    answer(page, "Remove")
    page.wait_for_function("() => !document.querySelector('tbody').textContent.includes('SOL/USDT 1h')")
    assert [one["symbol"] for one in queued(stage)] == [ADA, ADA]
    stage.picture(page, "queue")


# --- the risk engine ------------------------------------------------------------------------------


@pytest.mark.rule("RISK-1", "RISK-2", "RISK-5", "RISK-11")
def test_candidates_say_what_stands_in_their_way_and_timers_count(stage: Stage, groups: dict[str, str]) -> None:
    page = open_page(stage, "/risk")
    loser = row(page, "BTC/USDT 1h")
    known = next(one for one in scene.risk(stage.stack)["groups"] if one["group_id"] == groups[BTC])
    assert cell(loser, "percent") == f"{D(known['unrealized_pnl_percent']):.2f} %"
    assert cell(loser, "amount") == f"{D(known['unrealized_pnl']):.2f} USDT"
    assert cell(loser, "obstacles") == "timer running"
    assert cell(loser, "stands") == "not eligible"
    text = loser.locator("td[data-key=timer]").inner_text()
    assert re.fullmatch(r"\d+ m \d\d s", plain(text))
    page.wait_for_function(
        "before => document.querySelector('tr.opens td[data-key=timer], td[data-key=timer]').textContent !== before",
        arg=text,
    )
    assert "loss not deep enough" in cell(row(page, "ETH/USDT 1h"), "obstacles")
    offers = page.get_by_role("region", name="Available offsets")
    assert "ETH/USDT 1h long" in offers.inner_text()
    assert "1 of 3" in offers.inner_text()
    assert stage.hosts == {stage.address}


@pytest.mark.rule("RISK-6", "RISK-11")
def test_the_plan_of_a_group_is_the_engines_own_sum(stage: Stage, groups: dict[str, str]) -> None:
    page = open_page(stage, "/risk")
    row(page, "BTC/USDT 1h").get_by_role("button", name="Plan for BTC/USDT 1h").click()
    plan = scene.preview(stage.stack, groups[BTC])
    card = page.locator("section.card").filter(has_text="Projected plan")
    card.get_by_text("sufficient", exact=True).wait_for()
    told = plain(card.inner_text())
    assert f"{D(plan['required']):.2f} USDT" in told
    assert f"+{D(plan['expected_profit']):.2f} USDT" in told
    assert D(plan["required"]) == D(plan["loss"]) + D(plan["loser_fee"]) + D(plan["buffer"])
    assert plan["winners"][0]["quantity"] in told
    assert "In the way: timer running. It still has time to recover. A run by hand skips this." in told
    assert violations(page) == []
    stage.picture(page, "risk")
    stage.picture(open_page(stage, "/risk", theme="light"), "risk-light")


@pytest.mark.rule("RISK-12")
def test_a_group_is_skipped_once_blocked_with_a_reason_and_unblocked(stage: Stage, groups: dict[str, str]) -> None:
    page = open_page(stage, "/risk")
    forced = row(page, "SOL/USDT 4h")
    forced.get_by_role("button", name="Skip once").click()
    forced.get_by_text("skipped once").wait_for()
    line = row(page, "ETH/USDT 1h")
    line.get_by_role("button", name="Block ETH/USDT 1h").click()
    page.locator("dialog[open]").get_by_label("Why, for the record").fill("kept for long")
    answer(page, "Block")
    line.get_by_text("blocked", exact=True).wait_for()
    known = {one["group_id"]: one for one in scene.risk(stage.stack)["groups"]}[groups[ETH]]
    assert known["blocked"] is True
    assert stage.stack.rows(
        "SELECT 1 FROM events WHERE message LIKE '%kept for long%' OR attributes LIKE '%kept for long%'"
    )
    line.get_by_role("button", name="Unblock ETH/USDT 1h").click()
    until(lambda: not {one["group_id"]: one for one in scene.risk(stage.stack)["groups"]}[groups[ETH]]["blocked"])


@pytest.mark.rule("RISK-10", "RISK-12", "PNL-1")
def test_a_run_names_all_it_closes_and_its_result_stands_beside_its_plan(stage: Stage, groups: dict[str, str]) -> None:
    page = open_page(stage, "/risk")
    row(page, "BTC/USDT 1h").get_by_role("button", name="Plan for BTC/USDT 1h").click()
    page.locator("section.card").filter(has_text="Projected plan").get_by_text("sufficient", exact=True).wait_for()
    planned = scene.preview(stage.stack, groups[BTC])
    page.get_by_role("button", name="Run now…").click()
    dialog = page.locator("dialog[open]")
    dialog.wait_for()
    told = plain(dialog.inner_text())
    assert "World: paper." in told
    assert f"Sell {planned['winners'][0]['quantity']} of ETH/USDT on paper" in told
    assert "Then close all of the loser, BTC/USDT 1h long on paper" in told
    stage.picture(page, "risk-run")
    answer(page, "No")
    assert scene.group(stage.stack, groups[BTC])["state"] == "ACTIVE", "nothing was done"
    page.get_by_role("button", name="Run now…").click()
    answer(page, "Run it")
    line = page.locator("tr.opens").filter(has_text="by hand")
    line.get_by_text("done").wait_for()
    action = scene.ended(stage.stack)
    assert cell(line, "realized") == f"+{D(action['realized_profit']):.2f} USDT"
    assert cell(line, "loss") == f"-{D(action['realized_loss']):.2f} USDT"
    together = D(action["realized_profit"]) - D(action["realized_loss"])
    assert cell(line, "net") == f"{together:+.2f} USDT"
    line.click()
    dialog.get_by_text("close the loser").wait_for()
    assert "loss threshold percent" in dialog.inner_text()
    assert violations(page) == []
    stage.picture(page, "risk-action")


@pytest.mark.rule("POOL-4", "QUE-6")
def test_a_breached_limit_says_what_lifts_it_and_is_lifted_by_hand(stage: Stage, groups: dict[str, str]) -> None:
    page = open_page(stage, "/risk")
    card = page.locator("section.card").filter(has=page.get_by_role("heading", name="Limits"))
    card.get_by_text("no new groups", exact=True).wait_for()
    line = card.locator("tr").filter(has_text="Losses in a row")
    assert plain(line.inner_text()).split("\t")[:4] == ["Losses in a row", "1", "1", "breached"]
    assert "a group that closes with profit" in line.inner_text()
    stage.picture(page, "risk-limits")
    card.get_by_role("button", name="Lift limits…").click()
    page.locator("dialog[open]").get_by_label("Why, for the record").fill("seen")
    answer(page, "Lift")
    card.get_by_text("none breached").wait_for()
    card.locator("button:disabled", has_text="Lift limits").wait_for()


@pytest.mark.parametrize("path", ["/risk", "/queue"])
def test_the_page_fits_a_phone_and_has_no_violations_in_light(stage: Stage, groups: dict[str, str], path: str) -> None:
    scene.send(stage.stack, alert("ADAUSDT", "15", price="99"))
    page = open_page(stage, path, size="phone", theme="light")
    page.locator("tbody tr:visible, .empty:visible").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert violations(page) == []
    stage.picture(page, path.strip("/") + "-phone")
