"""Two worlds: each tab shows one, says which, and presses buttons of that one alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.gui.browser.stage import Stage
from tests.system.stack import alert, until

LIVE = {"exchange": "binance", "market": "spot"}
"""An account for real money without a key: it is shown, and nothing of it is asked for anywhere."""


@pytest.fixture(scope="module")
def stage(browser: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = Path(tmp_path_factory.mktemp("worlds"))
    with Stage(folder, browser, {"accounts": {"real": LIVE}, "routes": {"BYBIT": "real"}}) as opened:
        opened.stack.send(alert())
        until(lambda: opened.stack.json("group", "list", "--world", "paper")["groups"], 30, "no group opened")
        yield opened


def expect(target: Any) -> Any:
    from playwright.sync_api import expect as expecting

    return expecting(target)


def world_of(page: Any) -> Any:
    return page.get_by_label("World", exact=True)


def is_paused(stage: Stage, world: str) -> bool:
    told = stage.stack.json("engine", "status", "--world", world)["status"]["degraded"]
    return "ENGINE_PAUSED" in [one["code"] for one in told]


@pytest.mark.rule("REC-4")
def test_a_new_tab_shows_the_world_closest_to_real_money_and_why_it_does_not_run(stage: Stage) -> None:
    page = stage.page("/")
    expect(world_of(page)).to_have_value("WORLD_LIVE")
    expect(page.locator(".notice.engine")).to_contain_text("accounts.real.api_key is missing")
    page.goto("/positions")
    expect(page.locator("#terrace-page")).to_contain_text("No group is live")
    page.context.close()


def test_each_tab_has_its_own_world_and_keeps_it_from_page_to_page(stage: Stage) -> None:
    page = stage.page("/positions")
    world_of(page).select_option("WORLD_PAPER")
    expect(page.locator("tbody tr[data-row]")).to_have_count(1)
    page.goto("/risk")
    expect(world_of(page)).to_have_value("WORLD_PAPER")
    expect(page.locator("tbody tr[data-row]").first).to_contain_text("BTC/USDT")
    other = page.context.new_page()
    other.goto("/positions")
    expect(world_of(other)).to_have_value("WORLD_LIVE")
    expect(other.locator("#terrace-page")).to_contain_text("No group is live")
    page.context.close()


def test_a_button_is_pressed_in_the_tab_s_world_alone(stage: Stage) -> None:
    page = stage.page("/")
    world_of(page).select_option("WORLD_PAPER")
    expect(page.locator(".notice.engine")).to_contain_text("Engine running")
    page.get_by_role("button", name="Pause entries").click()
    page.get_by_role("button", name="Pause", exact=True).click()
    expect(page.locator(".notice.engine")).to_contain_text("Engine paused")
    assert (is_paused(stage, "paper"), is_paused(stage, "live")) == (True, False)
    page.get_by_role("button", name="Resume entries").click()
    page.get_by_role("button", name="Resume", exact=True).click()
    expect(page.locator(".notice.engine")).to_contain_text("Engine running")
    assert not is_paused(stage, "paper")
    page.context.close()


def test_files_of_a_tab_that_chose_no_world_are_of_the_world_it_shows(stage: Stage) -> None:
    page = stage.page("/logs")
    with page.expect_download() as fetched:
        page.get_by_role("link", name="json").click()
    assert "BTC/USDT" not in Path(fetched.value.path()).read_text(encoding="utf-8")
    page.goto("/performance")
    with page.expect_download() as trades:
        page.get_by_role("link", name="Trades as CSV").click()
    assert Path(trades.value.path()).read_text(encoding="utf-8").startswith("group_id")
    page.context.close()
