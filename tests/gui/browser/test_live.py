"""What keeps the screen current: one stream for all tabs, breaks, polls, and nothing stale that looks fresh."""

from __future__ import annotations

import re
import time
from typing import Any

from playwright.sync_api import expect

from tests.gui.browser.cutter import Cutter
from tests.gui.browser.stage import Stage
from tests.system.stack import alert

ALONE = "delete window.SharedWorker"
"""A browser without shared workers: each tab has a stream of its own, which a test can block."""
WATCH_STALE = """() => setInterval(() => {
  const mark = document.querySelector("#terrace-state .stale-mark");
  const isSaid = mark && !mark.hidden && mark.textContent.startsWith("stale since");
  if (!window.staleAt && isSaid) window.staleAt = Date.now();
  if (!window.tableStaleAt && document.querySelector("table.live.stale")) window.tableStaleAt = Date.now();
}, 20)"""
TOPIC = """async (name) => {
  const live = await import("/static/terrace/live.js");
  window.told = [];
  live.follow(name, (topic, frame) => {
    window.told.push({at: topic.at, stale: topic.stale, full: !!frame?.full, rows: topic.rows.size});
  });
}"""


def streams(stage: Stage, page: Any) -> int:
    """Streams the panel serves now."""
    return int(page.evaluate("async () => (await (await fetch('/healthz')).json()).tabs"))


def logged_in(stage: Stage, context: Any, path: str = "/", *, port: int = 0) -> Any:
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{port or stage.port}/login?then={path}")
    page.fill("#token", stage.token())
    page.click("button[type=submit]")
    page.wait_for_url("**" + path)
    page.wait_for_selector("#terrace-state b:not(:empty)")
    return page


def groups(stage: Stage) -> int:
    """How many groups are live; at least one."""
    if not stage.stack.groups():
        stage.stack.send(alert(timeframe="5", price="100"))
    return len(stage.stack.groups())


def follow(page: Any, name: str = "state") -> None:
    page.evaluate(TOPIC, name)
    page.wait_for_function("() => window.told.length > 0")


def test_eight_tabs_of_a_browser_share_one_stream_and_all_stay_current(stage: Stage) -> None:
    first = stage.page("/")
    tabs = [first]
    for _ in range(7):
        tab = first.context.new_page()
        tab.goto("/")
        tab.wait_for_selector("#terrace-state b:not(:empty)")
        tabs.append(tab)
    count = groups(stage)
    for tab in tabs:
        follow(tab, "groups")
    assert streams(stage, first) == 1
    stage.stack.send(alert(timeframe="60", price="100"))
    for tab in tabs:
        tab.wait_for_function("(rows) => window.told.at(-1).rows === rows", arg=count + 1, polling=100)
    for tab in tabs[:-1]:
        tab.close()
    stage.stack.send(alert(timeframe="240", price="100"))
    tabs[-1].wait_for_function("(rows) => window.told.at(-1).rows === rows", arg=count + 2, polling=100)
    assert streams(stage, tabs[-1]) == 1
    first.context.close()


def test_a_browser_without_shared_workers_has_a_stream_of_its_own(stage: Stage) -> None:
    context = stage.context()
    context.add_init_script(ALONE)
    page = logged_in(stage, context)
    before = streams(stage, page) - 1
    follow(page)
    assert streams(stage, page) == before + 1
    context.close()


def test_where_the_stream_is_blocked_the_page_polls_and_says_so(stage: Stage) -> None:
    context = stage.context()
    context.add_init_script(ALONE)
    context.route(re.compile(r"/live\?"), lambda route: route.abort())
    page = logged_in(stage, context)
    follow(page, "groups")
    before = page.evaluate("() => window.told.at(-1).rows")
    stage.stack.send(alert(timeframe="15", price="100"))
    page.wait_for_function("(rows) => window.told.at(-1).rows === rows", arg=before + 1, polling=100)
    link = page.evaluate("async () => (await import('/static/terrace/live.js')).link")
    assert (link["up"], link["polling"]) == (True, True)
    assert page.locator(".stale-mark:visible").count() == 0
    context.unroute_all(behavior="ignoreErrors")
    page.wait_for_function("async () => !(await import('/static/terrace/live.js')).link.polling", timeout=15_000)
    context.close()


def moved(stage: Stage, page: Any, times: int) -> list[str]:
    """The marks the table shows, one after the other, while the price moves so often."""
    page.evaluate("""() => {
      const cell = () => document.querySelector("td[data-key=mark]");
      window.marks = [cell().textContent];
      window.looking = setInterval(() => {
        if (cell().textContent !== window.marks.at(-1)) window.marks.push(cell().textContent);
      }, 20);
    }""")
    for number in range(times):
        stage.stack.price("BTC/USDT", f"100.{number + 1}")
        time.sleep(0.4)  # Figures that follow faster are read together.
    shown = page.evaluate("() => { clearInterval(window.looking); return window.marks; }")
    return list(shown)


def test_a_browser_that_draws_rarely_says_so_and_draws_what_was_read_meanwhile_together(stage: Stage) -> None:
    groups(stage)
    stage.stack.price("BTC/USDT", "100")
    page = stage.page("/positions")
    page.locator("td[data-key=mark]").first.wait_for()
    other = page.context.new_page()
    other.goto("/settings#+browser")
    other.select_option("#browser-pace", "5000")
    expect(page.locator("#terrace-state")).to_contain_text("drawn every 5 s")
    began = time.monotonic()
    shown = moved(stage, page, 6)
    drawn_at_most = 2 + int((time.monotonic() - began) // 5)
    assert len(shown) <= drawn_at_most, shown
    expect(page.locator("td[data-key=mark]").first).to_have_text("100.60", timeout=8_000)
    page.reload()
    expect(page.locator("#terrace-state")).to_contain_text("drawn every 5 s")
    expect(page.locator("td[data-key=mark]").first).to_have_text("100.60", timeout=1_500)
    stage.stack.price("BTC/USDT", "100.80")
    page.evaluate("async () => { await (await import('/static/terrace/live.js')).act('no-such-button'); }")
    expect(page.locator("td[data-key=mark]").first).to_have_text("100.80", timeout=2_500)
    other.select_option("#browser-pace", "")
    expect(page.locator("#terrace-state a", has_text="drawn every")).to_be_hidden()
    assert len(moved(stage, page, 6)) > 3
    page.context.close()


def test_after_a_break_only_what_changed_is_told(stage: Stage) -> None:
    count = groups(stage)
    cutter = Cutter(stage.port)
    context = stage.context()
    page = logged_in(stage, context, "/positions", port=cutter.port)
    follow(page, "groups")
    page.wait_for_function("(rows) => window.told.at(-1).rows === rows", arg=count, polling=100)
    cutter.cut()
    expect(page.locator("#terrace-state .stale-mark")).to_contain_text("stale since", timeout=15_000)
    expect(page.locator("section.table .stale-mark").first).to_contain_text("stale since", timeout=15_000)
    signal = stage.stack.send(alert("ETHUSDT", price="100"))
    page.evaluate("() => { window.told.length = 0; }")
    cutter.mend()
    expect(page.locator(f"tr[data-row='{signal['group_id']}']")).to_be_visible(timeout=15_000)
    assert page.evaluate("() => window.told.some((one) => one.full)") is False
    expect(page.locator("#terrace-state .stale-mark")).to_be_hidden(timeout=15_000)
    context.close()
    cutter.close()


def test_all_tabs_of_a_login_that_ended_go_to_the_login_page(stage: Stage) -> None:
    first = stage.page("/")
    second = first.context.new_page()
    second.goto("/positions")
    second.wait_for_selector("#terrace-state b:not(:empty)")
    first.evaluate("async () => (await import('/static/terrace/live.js')).post('/logout', {})")
    second.wait_for_url(re.compile("/login"))
    first.context.close()


def test_a_daemon_that_is_killed_is_said_within_two_seconds_and_recovers_by_itself(stage: Stage) -> None:
    count = groups(stage)
    page = stage.page("/positions")
    expect(page.locator("table.live tbody tr[data-row]")).to_have_count(count, timeout=15_000)
    page.evaluate(WATCH_STALE)
    at_ms = time.time() * 1000
    stage.stack.kill("daemon")
    page.wait_for_function("() => window.staleAt && window.tableStaleAt", polling=50)
    for name in ("staleAt", "tableStaleAt"):
        assert page.evaluate(f"() => window.{name}") - at_ms < 2000
    mark = page.locator("#terrace-state .stale-mark")
    expect(mark).to_contain_text(re.compile(r"stale since \d\d?:\d\d:\d\d.*daemon"))
    assert page.locator("table.live.stale").count() == 1
    before = page.evaluate("() => document.querySelector('table.live tbody').textContent")
    assert before
    answer = page.evaluate("async () => (await import('/static/terrace/live.js')).act('close_group', {group_id: 'x'})")
    assert "error" in answer
    stage.picture(page, "live-stale")
    stage.stack.start("daemon")
    expect(mark).to_be_hidden(timeout=30_000)
    expect(page.locator("table.live.stale")).to_have_count(0, timeout=10_000)
    page.context.close()


def test_a_panel_that_is_killed_is_said_and_after_its_return_the_login_is_asked_for(stage: Stage) -> None:
    count = groups(stage)
    page = stage.page("/positions")
    expect(page.locator("table.live tbody tr[data-row]")).to_have_count(count, timeout=15_000)
    page.evaluate(WATCH_STALE)
    at_ms = time.time() * 1000
    stage.stack.kill("panel")
    page.wait_for_function("() => window.staleAt && window.tableStaleAt", polling=50)
    assert page.evaluate("() => window.staleAt") - at_ms < 2000
    expect(page.locator("#terrace-state .stale-mark")).to_contain_text("the panel does not answer")
    stage.start_panel()
    page.wait_for_url(re.compile("/login"), timeout=30_000)
    page.context.close()
