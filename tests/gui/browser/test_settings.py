"""Settings in a browser: forms, versions, secrets, backups, accounts; what a viewer may not."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from control.client import Client, TargetFlags, find_target
from protos.terrace.v1 import config_pb2 as pb
from tests.gui.browser.stage import Stage, violations

POOL = '[data-path="pool.max_open_groups"]'
COMMENT = "# as many as I can watch"
SECRET = "k7Xq9LmZ2vTsA4B1wYdE"


@pytest.fixture(scope="module")
def stage(browser: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """As everywhere, with a file that somebody has kept by hand."""
    made = Stage(Path(tmp_path_factory.mktemp("panel")), browser, {"notifications": [{"url": "env:NOWHERE"}]})
    file = made.stack.config_file
    file.write_text(file.read_text(encoding="utf-8") + f"pool:\n  max_open_groups: 12   {COMMENT}\n", encoding="utf-8")
    with made as opened:
        opened.token("viewer")  # The daemon knows it by the time it is used.
        yield opened


@pytest.fixture(scope="module")
def tab(stage: Stage) -> Any:
    """One tab of an administrator for most tests: loading the library anew each time is what takes long."""
    return stage.page("/settings")


@pytest.fixture
def page(tab: Any) -> Any:
    """That tab, without changes of the test before."""
    tab.reload()
    tab.wait_for_selector(".settings-side a")
    return tab


@pytest.fixture(scope="module")
def viewer(stage: Stage) -> Any:
    return stage.page("/settings", role="viewer")


def show(page: Any, section: str) -> None:
    page.evaluate("section => { location.hash = section; }", section)
    page.wait_for_selector(f'.settings-side a[href="#{section}"][aria-current]')


def file_of(stage: Stage) -> str:
    return stage.stack.config_file.read_text(encoding="utf-8")


def in_force(stage: Stage) -> pb.Config:
    """The configuration as the engine has it."""
    with Client(find_target(TargetFlags(config=str(stage.stack.config_file)))) as client:
        return client.call(pb.GetConfigRequest(expand=True), pb.GetConfigResponse).config


def apply(page: Any) -> None:
    page.wait_for_selector(".pending [data-tone=good]")
    page.click(".pending button.main")
    page.wait_for_selector("dialog table.changes")
    page.click("dialog button.main")
    page.wait_for_selector("#terrace-said [data-tone=good]")
    page.wait_for_selector(".pending", state="hidden")


@pytest.mark.rule("CFG-4", "CFG-7")
def test_the_pool_is_changed_through_its_form_and_the_files_comments_stay(stage: Stage, page: Any) -> None:
    stage.errors.clear()
    show(page, "pool")
    assert page.input_value(f"{POOL} input") == "12"
    page.fill(f"{POOL} input", "15")
    apply(page)
    assert f"max_open_groups: 15   {COMMENT}" in file_of(stage)
    config = in_force(stage)
    assert "max_open_groups: 15" in config.expanded_yaml
    assert config.source == pb.CONFIG_SOURCE_PANEL
    assert page.input_value(f"{POOL} input") == "15"
    assert stage.errors == []


@pytest.mark.rule("CFG-1")
def test_a_bad_value_is_told_at_its_field_and_cannot_be_applied(stage: Stage, page: Any) -> None:
    before = file_of(stage)
    show(page, "pool")
    page.fill(f"{POOL} input", "0")
    page.wait_for_selector(f"{POOL} .fault:visible")
    assert "out of bounds" in page.text_content(f"{POOL} .fault")
    assert page.get_attribute(f"{POOL} input", "aria-invalid") == "true"
    assert page.is_disabled(".pending button.main")
    page.click(f"{POOL} .facts button:has-text('Undo')")
    page.wait_for_selector(".pending", state="hidden")
    assert file_of(stage) == before


@pytest.mark.rule("CFG-7")
def test_who_changed_it_in_between_is_told_and_ones_own_change_goes_on_top(stage: Stage, page: Any) -> None:
    show(page, "queue")
    page.fill('[data-path="queue.max_size"] input', "77")
    page.wait_for_selector(".pending [data-tone=good]")
    stage.stack.terrace("config", "set", "risk.max_winners_to_combine", "2", "--yes")
    page.wait_for_selector(".settings-notice p")
    told = page.text_content(".settings-notice p")
    assert "risk.max_winners_to_combine" in told
    assert "the command line" in told
    assert "admin" in told
    page.click(".pending button.main")
    page.wait_for_selector("dialog:has-text('newer than what you changed')")
    assert "max_size: 77" not in file_of(stage)
    page.click("dialog button.main")
    page.wait_for_selector("dialog", state="detached")
    apply(page)
    config = in_force(stage).expanded_yaml
    assert "max_size: 77" in config
    assert "max_winners_to_combine: 2" in config


@pytest.mark.rule("CFG-3")
def test_a_version_is_compared_and_restored(stage: Stage, page: Any) -> None:
    show(page, "pool")
    page.fill(f"{POOL} input", "21")
    apply(page)
    now = in_force(stage).version
    show(page, "+versions")
    page.click(f'tr[data-row="{now}"]')
    page.wait_for_selector("pre.diff .plus:has-text('max_open_groups: 21')")
    page.click(f"button:has-text('Restore version {now - 1}')")
    page.wait_for_selector("dialog table.changes")
    page.click("dialog button.danger")
    page.wait_for_selector(f"#terrace-said p:has-text('Version {now + 1} is in force')")
    assert "max_open_groups: 21" not in file_of(stage)
    assert COMMENT in file_of(stage)
    stage.picture(page, "settings-versions-dark")


@pytest.mark.rule("CFG-1", "SEC-3")
def test_a_secret_goes_in_and_never_comes_out(stage: Stage, page: Any) -> None:
    show(page, "+secrets")
    answers: list[str] = []

    def keep(response: Any) -> None:
        with contextlib.suppress(Exception):  # A stream has no body.
            if "/live" not in response.url:
                answers.append(response.text())

    page.on("response", keep)
    page.fill("#secret-name", "binance/api_key")
    page.fill("#secret-value", SECRET)
    page.click(".secret-form button.main")
    page.wait_for_selector('tr[data-row="binance/api_key"]')
    assert page.input_value("#secret-value") == ""
    assert "****wYdE" in page.text_content('tr[data-row="binance/api_key"]')
    page.reload()
    page.wait_for_selector('tr[data-row="binance/api_key"]')
    assert answers
    assert not any(SECRET in text for text in [*answers, page.content()])
    assert SECRET not in stage.stack.log("panel")
    stage.picture(page, "settings-secrets-dark")
    page.click("button[aria-label='Delete binance/api_key']")
    assert "No key of the configuration refers to it" in page.text_content("dialog")
    page.click("dialog button.danger")
    page.wait_for_selector('tr[data-row="binance/api_key"]', state="detached")


@pytest.mark.rule("SEC-1")
def test_a_viewer_looks_and_changes_nothing_even_by_a_request_made_by_hand(stage: Stage, viewer: Any) -> None:
    before = file_of(stage)
    page = viewer
    page.wait_for_selector(".settings-side a")
    show(page, "pool")
    assert page.input_value(f"{POOL} input") != ""
    assert page.query_selector(".settings-pane :is(input, select, textarea):enabled") is None
    assert "role admin" in page.text_content(".settings-why")
    for section in ("+secrets", "+backups"):
        show(page, section)
        assert "role admin" in page.text_content(".settings-why")
    by_hand = """async ([verb, values]) => {
        const me = await (await fetch('/me')).json();
        const sent = await fetch(`/act/${verb}`, {method: 'POST', body: JSON.stringify({values}),
            headers: {'content-type': 'application/json', 'x-terrace': me.guard}});
        return [sent.status, (await sent.json()).error?.reason || ''];
    }"""
    change = {"changes": [{"path": "pool.max_open_groups", "kind": "WHOLE", "value": "99"}], "etag": "x"}
    for verb, values in (
        ("config_apply", change),
        ("config_restore", {"defaults": True, "etag": "x"}),
        ("secret_set", {"name": "a", "value": "b"}),
        ("backup_make", {}),
    ):
        status, reason = page.evaluate(by_hand, [verb, values])
        assert (verb, status) == (verb, 403), reason
    assert file_of(stage) == before


def test_a_ladder_is_a_table_whose_weights_are_summed_exactly(stage: Stage, page: Any) -> None:
    show(page, "strategy")
    ladder = page.locator('[data-path="strategy.default.levels"]')
    ladder.locator("input[data-name=weight_percent]").first.fill("20.1")
    assert "100.1 %" in ladder.locator("tfoot").text_content()
    page.wait_for_selector('[data-path="strategy.default.levels"] .fault:visible')
    ladder.locator("input[data-name=weight_percent]").nth(1).fill("19.9")
    assert "100 %" in ladder.locator("tfoot").text_content()
    page.wait_for_selector(".pending [data-tone=good]")
    stage.picture(page, "settings-strategy-dark")


def test_a_search_finds_keys_by_their_help_and_what_is_imported_is_judged_first(stage: Stage, page: Any) -> None:
    show(page, "pool")
    page.fill(".settings-left input", "drawdown")
    page.wait_for_selector('[data-path="limits.max_drawdown_percent"]')
    assert page.query_selector(POOL) is None
    show(page, "+file")
    page.fill("#settings-import", "config_version: 1\npool: {max_open_group: 3}\n")
    page.click("button:has-text('Check it')")
    page.wait_for_selector(".faults:has-text('max_open_group')")
    with page.expect_download() as download:
        page.click("a:has-text('Export the file')")
    assert Path(download.value.path()).read_text(encoding="utf-8") == file_of(stage)


def test_a_channel_is_added_with_the_other_changes_and_removed_again(stage: Stage, page: Any) -> None:
    show(page, "notifications")
    page.click("button:has-text('Add a channel')")
    page.fill("dialog input[name=name]", "desk")
    page.fill("dialog input[name=url]", "env:ELSEWHERE")
    page.click("dialog button.main")
    apply(page)
    assert "desk" in file_of(stage)
    page.wait_for_selector("summary:has-text('desk')")
    page.click("details:has(summary:has-text('desk')) >> text=Remove")
    apply(page)
    assert "desk" not in file_of(stage)


def test_accounts_are_tried_backups_made_and_messages_tested(stage: Stage, page: Any) -> None:
    show(page, "+accounts")
    page.click("button[aria-label='Test paper']")
    page.wait_for_selector(".checks td:has-text('passed')")
    page.click("button[aria-label='Instruments of paper']")
    page.wait_for_selector('.catalogue tr[data-row="BTC/USDT"]:has-text("0.01 USDT")')
    page.click("button:has-text('Fetch from the exchange now')")
    page.wait_for_selector("#terrace-said p:has-text('2 instruments')")
    stage.picture(page, "settings-accounts-dark")
    show(page, "+backups")
    page.click("button:has-text('Back up now')")
    row = page.wait_for_selector("table.live tbody tr")
    row.query_selector("button").click()
    assert "terrace backup restore ./data/backups/" in page.text_content(".command pre")
    show(page, "+messages")
    page.click("button:has-text('Send a test')")
    page.wait_for_selector(".checks [data-tone=bad]")


def test_this_browser_remembers_its_theme_its_size_of_text_and_how_often_it_draws(stage: Stage, page: Any) -> None:
    show(page, "+browser")
    page.select_option("#browser-theme", "light")
    page.select_option("#browser-size", "18")
    page.select_option("#browser-pace", "1000")
    page.reload()
    page.wait_for_selector("#browser-theme")
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    assert page.evaluate("getComputedStyle(document.documentElement).fontSize") == "18px"
    assert page.input_value("#browser-pace") == "1000"
    page.select_option("#browser-pace", "")
    page.select_option("#browser-size", "")
    page.select_option("#browser-theme", "dark")


@pytest.mark.parametrize(
    ("theme", "sections"),
    [("dark", ("strategy", "accounts", "+versions")), ("light", ("notifications", "+file", "+secrets"))],
)
def test_nobody_is_kept_out_by_the_form(stage: Stage, page: Any, theme: str, sections: tuple[str, ...]) -> None:
    page.evaluate("theme => localStorage.setItem('terrace.theme', theme)", theme)
    page.reload()
    page.wait_for_selector(".settings-side a")
    for section in sections:
        show(page, section)
        assert (section, violations(page)) == (section, [])
    show(page, "risk")
    stage.picture(page, f"settings-{theme}")


def test_a_phone_shows_it_without_scrolling_sideways(stage: Stage) -> None:
    page = stage.page("/settings", size="phone")
    for section in ("pool", "strategy", "accounts", "+versions", "+file"):
        page.select_option(".settings-jump", section)
        page.wait_for_selector(f'.settings-jump:has(option[value="{section}"]:checked)')
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert (section, wide) == (section, 0)
        narrow = page.evaluate("""() => [...document.querySelectorAll('.setting .name, .settings-pane > *')]
            .filter(one => one.offsetWidth && one.getBoundingClientRect().right > innerWidth + 1).length""")
        assert (section, narrow) == (section, 0)
    assert page.locator(".settings-pane").bounding_box()["width"] > 350
    page.select_option(".settings-jump", "risk")
    page.wait_for_selector('[data-path="risk.enabled"]')
    stage.picture(page, "settings-phone")
