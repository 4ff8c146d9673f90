"""The page of positions: from an alert to its closed group, every button, both sides, and hostile names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from protos.terrace.v1 import account_pb2, group_pb2
from tests.gui.browser.stage import Stage, violations
from tests.system.offset_stage import group, send
from tests.system.stack import Plain, alert, until

D = Decimal
BTC, ETH, PERP = "BTC/USDT", "ETH/USDT", "BTC/USDT:USDT"
ROUND = {"tick_size": "0.01", "step_size": "0.001", "min_quantity": "0.001", "min_notional": "5"}
CONFIG: Plain = {
    "accounts": {
        "perp": {
            "exchange": "paper",
            "market": "swap",
            "prices": "manual",
            "symbols": [PERP],
            "start_prices": {PERP: "100"},
            "instruments": {PERP: ROUND},
            "balances": {"USDT": "100000"},
            "fill": "touch",
            "spread_percent": "0",
        }
    },
    "routes": {"BYBIT": "perp", "*": "paper"},
    "strategy": {"default": {"sizing": {"capital_per_pyramid": "1000"}, "stop_loss_percent": "8"}},
}
EVENTUALLY_MS = 20_000
"""A wait ends as soon as it is true; generous for a busy machine."""
HOSTILE = "<img src=x onerror=\"document.title='taken'\"><b>bold</b>"


@pytest.fixture(scope="module")
def stage(browser: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A spot and a swap account on paper, with the worked ladder."""
    with Stage(Path(tmp_path_factory.mktemp("positions")), browser, CONFIG) as opened:
        yield opened


def expect(locator: Any) -> Any:
    from playwright.sync_api import expect as found

    found.set_options(timeout=EVENTUALLY_MS)
    return found(locator)


def price(stage: Stage, symbol: str, value: str, account: str = "paper") -> None:
    request = account_pb2.SetPaperPriceRequest(account=account, symbol=symbol, price=value)
    stage.stack.client.call(request, account_pb2.SetPaperPriceResponse)


def opened(stage: Stage, *, timeframe: str, symbol: str = "BTCUSDT", at: str = "100", **more: Any) -> str:
    """A group whose first leg has filled."""
    price(stage, {"BTCUSDT": BTC, "ETHUSDT": ETH}[symbol], at)
    found = send(stage.stack, alert(symbol, timeframe, price=at, **more))
    assert found["outcome"] == "OPENED", found
    group_id: str = found["group_id"]
    until(lambda: group(stage.stack, group_id)["legs_filled"] == 1)
    return group_id


def short(stage: Stage) -> str:
    """The one short group, with three legs filled and a gain; opened where it is not there yet."""
    live = stage.stack.client.call(group_pb2.ListGroupsRequest(symbol=PERP), group_pb2.ListGroupsResponse).groups
    if live:
        return live[0].group_id
    price(stage, PERP, "100", "perp")
    found = send(stage.stack, alert("BTCUSDT.P", "60", action="sell", price="100", tv={"exchange": "BYBIT"}))
    price(stage, PERP, "101", "perp")
    group_id: str = found["group_id"]
    until(lambda: group(stage.stack, group_id)["legs_filled"] == 3)
    price(stage, PERP, "99.5", "perp")
    return group_id


def ladder_of(stage: Stage, group_id: str, **how: str) -> Any:
    """A tab with this group's ladder."""
    page = stage.page("/positions", **how)
    page.evaluate("(id) => { location.hash = id; }", group_id)
    expect(page.locator(".ladder h2")).to_contain_text("USDT")
    return page


def figure(page: Any, key: str) -> Any:
    return page.locator(f".ladder .figure [data-key={key}]")


def leg(page: Any, place: str, key: str) -> Any:
    return page.locator(f'.ladder tr[data-leg="l:{place}"] [data-key={key}]')


def press(page: Any, verb: str, yes: str) -> None:
    """Presses a button of the ladder, waits for what the engine says it would do, and says yes."""
    page.locator(f"[data-verb={verb}]").click()
    expect(page.locator("dialog li").first).to_be_visible()
    page.locator("dialog").get_by_role("button", name=yes).click()


def test_a_ladder_is_followed_from_its_alert_through_fills_to_its_targets_and_its_end(stage: Stage) -> None:
    stage.errors.clear()
    page = stage.page("/positions")
    expect(page.locator(".live-groups .empty")).to_contain_text("No group is live")
    group_id = opened(stage, timeframe="60", strategy_info={"alert_name": HOSTILE})
    row = page.locator(f'tr[data-row="{group_id}"]')
    expect(row.locator("[data-key=legs]")).to_have_text("1\u202f/\u202f5")
    row.click()
    expect(page).to_have_url(re.compile(f"#{group_id}$"))
    assert [leg(page, f"0:{at}", "price").inner_text() for at in range(5)] == [
        "100.00",
        "99.50",
        "99.00",
        "98.50",
        "98.00",
    ]
    expect(leg(page, "0:0", "target")).to_have_text("101.00")
    price(stage, BTC, "99.5")
    expect(leg(page, "0:1", "state")).to_have_text("filled")
    expect(leg(page, "0:1", "fill")).to_have_text("99.50")
    price(stage, BTC, "99.75")
    expect(leg(page, "0:1", "progress")).to_have_text("50.0\u202f%")
    expect(leg(page, "0:0", "progress")).to_have_text("\u221225.0\u202f%")
    expect(figure(page, "percent")).to_have_text(re.compile(r"^.?0\.0\d\u202f%$"))
    expect(page.locator(".price-ladder text.mark")).to_contain_text("99.75")
    assert "P0 L1 99.50 filled" in page.locator(".price-ladder").get_attribute("aria-label")
    page.locator(".orders summary").click()
    expect(page.locator(".orders tr.fill")).to_have_count(2)
    assert page.locator(".orders td", has_text="pyramid 0 leg 1").count() >= 2
    price(stage, BTC, "101")
    expect(page.locator(".ladder .notice")).to_contain_text("every target hit")
    expect(page.locator(".ladder .notice")).to_contain_text("Result +2.")
    expect(leg(page, "0:0", "progress")).to_have_text("hit")
    expect(row).to_have_count(0)
    expect(page.locator(".actions")).to_be_hidden()
    assert page.locator("dd", has_text="<img src=x").count() == 1, "a name is a text"
    assert page.title().startswith("Positions")
    assert page.locator(".ladder img, .ladder dd b").count() == 0
    assert stage.errors == []


def test_each_button_does_what_it_says_and_says_it_before(stage: Stage) -> None:
    group_id = opened(stage, timeframe="240", symbol="ETHUSDT")
    page = stage.page("/positions", role="operator")
    page.locator(f'tr[data-row="{group_id}"]').click()
    page.locator("[data-verb=group-reduce]").click()
    expect(page.locator("dialog li").first).to_have_text("Sells 0.999 ETH of 1.998 ETH, mark 100.00.")
    page.fill("#reduce-quantity", "0.5")
    expect(page.locator("dialog li").first).to_contain_text("Sells 0.5 ETH of 1.998 ETH")
    page.fill("#reduce-quantity", "99999")
    expect(page.locator("dialog .plan")).to_contain_text("Sells all")
    page.locator("dialog .chips button", has_text="25").click()
    expect(page.locator("dialog li").first).to_contain_text("Sells 0.499 ETH")
    page.locator("dialog").get_by_role("button", name="Reduce it").click()
    expect(page.locator(".cuts tbody tr")).to_have_count(1)
    expect(figure(page, "quantity")).to_have_text("1.499")
    press(page, "group-cancel", "Cancel the entries")
    expect(leg(page, "0:4", "state")).to_have_text("cancelled")
    expect(page.locator("[data-verb=group-cancel]")).to_be_disabled()
    page.locator("[data-verb=group-block]").click()
    page.fill("#block-reason", "kept for a test")
    page.locator("dialog").get_by_role("button", name="Block it").click()
    expect(page.locator("[data-verb=group-unblock]")).to_be_visible()
    assert group(stage.stack, group_id)["blocked"] is True
    expect(page.locator("[data-verb=group-skip]")).to_be_disabled()
    page.locator("[data-verb=group-unblock]").click()
    expect(page.locator("[data-verb=group-block]")).to_be_visible()
    page.locator("[data-verb=group-skip]").click()
    until(lambda: group(stage.stack, group_id)["skipped"] is True)
    press(page, "group-close", "Close it")
    expect(page.locator(".ladder header .badge").first).to_have_text("closed")
    expect(page.locator(".ladder .notice")).to_contain_text("by hand")
    assert group(stage.stack, group_id)["close_reason"] == "MANUAL"


def test_a_short_is_mirrored(stage: Stage) -> None:
    page = ladder_of(stage, short(stage))
    expect(page.locator(".ladder h2")).to_contain_text("short")
    prices = [leg(page, f"0:{at}", "price").inner_text() for at in range(5)]
    assert prices == ["100.00", "100.50", "101.00", "101.50", "102.00"]
    expect(leg(page, "0:0", "target")).to_have_text("99.00")
    expect(leg(page, "0:0", "progress")).to_have_text("50.0\u202f%")
    expect(figure(page, "pnl")).to_have_text("+3.97")  # Legs 0 and 2: leg 1 has hit its target.
    expect(page.locator(".price-ladder rect.zone.gain")).to_have_count(1)
    mark, average = (page.locator(f".price-ladder line.{kind}").bounding_box()["y"] for kind in ("mark", "average"))
    assert mark > average, "for a short the price below the entry is the gain"
    page.locator("[data-verb=group-close]").click()
    expect(page.locator("dialog")).to_contain_text("Buys back all")
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)
    expect(page.locator(".ladder h2")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".ladder")).to_have_count(0)


def test_a_viewer_reads_everything_and_presses_nothing(stage: Stage) -> None:
    group_id = opened(stage, timeframe="15", symbol="ETHUSDT")
    page = ladder_of(stage, group_id, role="viewer")
    expect(figure(page, "entry")).to_have_text("100.00")
    for verb in ("group-close", "group-reduce", "group-cancel", "group-block", "group-skip"):
        expect(page.locator(f"[data-verb={verb}]")).to_be_disabled()
        assert "viewer" in page.locator(f"[data-verb={verb}]").get_attribute("title")
    status = page.evaluate(
        """async (group) => {
          const me = await (await fetch("/me")).json();
          const headers = {"content-type": "application/json", "x-terrace": me.guard};
          const body = JSON.stringify({values: {group}});
          return (await fetch("/act/group-close", {method: "POST", headers, body})).status;
        }""",
        group_id,
    )
    assert status == 403
    assert group(stage.stack, group_id)["state"] == "PARTIALLY_FILLED"


def test_sums_follow_the_filters_and_closed_groups_are_found_again(stage: Stage) -> None:
    one, other = opened(stage, timeframe="30"), opened(stage, timeframe="30", symbol="ETHUSDT")
    page = stage.page("/positions")
    expect(page.locator(f'tr[data-row="{one}"]')).to_be_visible()
    page.locator(".live-groups").get_by_label("Pair").select_option(BTC)
    expect(page.locator(f'tr[data-row="{other}"]')).to_have_count(0)
    shown = page.locator("tbody tr[data-row]").count()
    expect(page.locator(".totals")).to_contain_text(re.compile(f"^{shown} of "))
    stage.stack.client.call(group_pb2.CloseGroupRequest(group_id=one), group_pb2.CloseGroupResponse)
    expect(page.locator(f'tr[data-row="{one}"]')).to_have_count(0)
    page.get_by_role("button", name="Closed", exact=True).click()
    row = page.locator(f'.closed tr[data-row="{one}"]')
    expect(row).to_contain_text("by hand")
    page.locator(".closed").get_by_label("Result").select_option("GROUP_RESULT_GAIN")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(row).to_have_count(0)
    page.locator(".closed").get_by_label("Result").select_option("GROUP_RESULT_LOSS")
    page.locator(".closed").get_by_label("Side").select_option("SIDE_LONG")
    page.get_by_role("button", name="Show", exact=True).click()
    row.click()
    expect(page).to_have_url(re.compile(f"#closed/{one}$"))
    expect(page.locator(".ladder .notice")).to_contain_text("Closed ")
    expect(page.locator(".ladder .ended")).to_be_visible()
    expect(page.locator(".ladder .figure [data-key=mark]")).to_be_hidden()
    page.go_back()
    expect(page.locator(".ladder")).to_have_count(0)
    expect(row).to_be_visible()


@pytest.mark.parametrize(("theme", "size"), [("dark", "desktop"), ("light", "desktop"), ("dark", "phone")])
def test_it_is_readable_in_either_theme_and_on_a_phone(stage: Stage, theme: str, size: str) -> None:
    group_id = short(stage)
    stage.errors.clear()
    page = ladder_of(stage, group_id, theme=theme, size=size)
    expect(page.locator(".price-ladder text.mark")).to_be_visible()
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page does not scroll sideways"
    boxes = [box.bounding_box() for box in page.locator(".price-ladder text").all()]
    spans = [(box["x"], box["x"] + box["width"], box["y"], box["y"] + box["height"]) for box in boxes]
    for at, (left, right, top, bottom) in enumerate(spans):
        for other_left, other_right, other_top, other_bottom in spans[at + 1 :]:
            overlap = min(bottom, other_bottom) - max(top, other_top)
            assert right <= other_left or other_right <= left or overlap < 4, "labels lie over each other"
    stage.picture(page, f"positions-{theme}-{size}")
    assert stage.errors == []


SUMS = """async (given) => {
  const {percent, shown, total} = await import("/static/terrace/pages/positions/exact.js");
  return given.map((texts) => {
    const sum = total(texts), share = percent(sum, total(["40"]));
    return [shown(sum, 2, true), shown(sum, 8), shown(share, 2, true)];
  });
}"""
PLACED = """async (prices) => {
  const {placed} = await import("/static/terrace/pages/positions/picture.js");
  const legs = prices.map((at) => ({at, kind: "open", name: "leg", text: `${at}`}));
  const labels = placed(legs, (at) => ({y: at, off: ""}));
  return labels.map((label) => [label.at_y, label.all.length]);
}"""


def test_sums_in_the_browser_are_exact_and_labels_of_the_picture_never_meet(stage: Stage) -> None:
    page = stage.page("/positions")
    given = [["0.1", "0.2", ""], ["-1234567.005", "0.01"], ["0.125"], ["0.375"], ["9007199254740993", "0.00000001"]]
    for texts, (two, eight, share) in zip(given, page.evaluate(SUMS, given), strict=True):
        exact = sum((D(text) for text in texts if text), D(0))
        assert read(two) == exact.quantize(D("0.01")), "rounded half to even, as everywhere"
        assert read(eight) == exact
        assert read(share) == (exact / 40 * 100).quantize(D("0.01")), "as the line of the group itself"
    for prices in ([100, 101, 102], [400] * 10, list(range(0, 420, 4)), [0, 0, 420, 420]):
        labels = page.evaluate(PLACED, prices)
        heights = [height for height, _ in labels]
        assert sum(count for _, count in labels) == len(prices), "none is left out"
        assert all(0 <= height <= 420 for height in heights)
        assert all(below - above >= 13.9 for above, below in pairwise(heights))


def read(shown: str) -> Decimal:
    return D(shown.replace("\u202f", "").replace("\u2212", "-").replace("+", ""))
