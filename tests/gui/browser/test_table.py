"""The live table, with rows a test makes: sort, search, columns, keyboard, and what must not move."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.gui.browser.stage import Stage
from tests.gui.browser.test_live import ALONE, logged_in

MOUNT = """async () => {
  const {table} = await import("/static/terrace/table.js");
  const alone = new CSSStyleSheet();
  alone.replaceSync("#terrace-page > :not(#probe) { display: none !important; }");
  document.adoptedStyleSheets = [alone];
  document.getElementById("probe")?.remove();
  const root = document.createElement("div");
  root.id = "probe";
  document.getElementById("terrace-page").append(root);
  window.opened = [];
  window.list = table(root, {topic: "rows", key: "test", caption: "Rows", filters: [{key: "side", title: "Side"}],
    columns: [{key: "pair", title: "Pair", head: true}, {key: "side", title: "Side"},
      {key: "pnl", title: "Profit", num: true}, {key: "rare", title: "Rare", hidden: true}],
    onRow: (id) => window.opened.push(id), empty: "Nothing is here yet."});
}"""


class Rows:
    """Answers the page's polls with rows of the test, as the panel would."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.version = 0
        self.rows: dict[str, dict[str, Any]] = {}
        self.probe = page.locator("#probe")
        page.route("**/live/poll?*", self._answer)
        page.route("**/live?*", lambda route: route.abort())

    def _answer(self, route: Any) -> None:
        frame = {"topic": "rows", "v": self.version, "at": 1, "full": True, "set": self.rows, "order": list(self.rows)}
        route.fulfill(content_type="application/json", body=json.dumps([frame]))

    def set(self, rows: dict[str, dict[str, Any]]) -> None:
        """These rows from now on; waits until the page has them."""
        self.version += 1
        self.rows = rows
        self.page.wait_for_function("(v) => window.list.topic.version === v", arg=self.version, polling=100)
        self.page.wait_for_timeout(50)  # It draws with the next picture.

    def shown(self) -> list[str]:
        found: list[str] = self.page.evaluate(
            "() => [...document.querySelectorAll('#probe tr[data-row]')].map((tr) => tr.dataset.row)"
        )
        return found


def rows_of(*profits: str) -> dict[str, dict[str, Any]]:
    return {
        f"r{number}": {
            "pair": f"P{number}/USDT",
            "side": ("long", "short")[number % 2],
            "pnl": [f"+{pnl}", "gain", pnl],
        }
        for number, pnl in enumerate(profits)
    }


@pytest.fixture(scope="module")
def tab(stage: Stage) -> Iterator[Any]:
    context = stage.context()
    context.add_init_script(ALONE)
    page = logged_in(stage, context, "/queue")
    yield page
    context.close()


@pytest.fixture
def table(tab: Any) -> Iterator[Rows]:
    tab.evaluate("() => localStorage.removeItem('terrace.table.test')")
    tab.mouse.move(0, 0)
    rows = Rows(tab)
    tab.reload()
    tab.wait_for_selector("#terrace-page")
    tab.evaluate(MOUNT)
    yield rows
    tab.unroute_all(behavior="ignoreErrors")


def test_an_empty_table_says_what_it_waits_for(table: Rows) -> None:
    table.set({})
    expect(table.probe.locator(".empty")).to_have_text("Nothing is here yet.")


def test_a_column_sorts_by_value_exactly_and_remembers_it(table: Rows) -> None:
    table.set(rows_of("9", "10", "-2", "9.000000000000000000001"))
    table.probe.get_by_role("button", name="Profit").click()
    assert table.shown() == ["r1", "r3", "r0", "r2"]
    expect(table.probe.locator("th[aria-sort]")).to_have_attribute("aria-sort", "descending")
    table.probe.get_by_role("button", name="Profit").click()
    assert table.shown() == ["r2", "r0", "r3", "r1"]
    table.page.reload()
    table.page.evaluate(MOUNT)
    table.set(rows_of("9", "10", "-2"))
    assert table.shown() == ["r2", "r0", "r1"]


def test_search_and_filters_narrow_and_say_how_many_are_left(table: Rows) -> None:
    table.set(rows_of("1", "2", "3", "4"))
    table.probe.get_by_label("Side", exact=True).select_option("short")
    assert table.shown() == ["r1", "r3"]
    table.probe.get_by_label("Search Rows").fill("p3 usdt")
    assert table.shown() == ["r3"]
    expect(table.probe.locator(".count")).to_have_text("1 of 4")
    table.probe.get_by_label("Search Rows").fill("nowhere")
    expect(table.probe.locator(".empty")).to_have_text("Nothing matches.")


def test_columns_are_chosen_moved_and_remembered(table: Rows) -> None:
    table.set(rows_of("1"))
    heads = table.probe.locator("thead th")
    expect(heads).to_have_text(["Pair", "Side", "Profit"])
    table.probe.get_by_text("Columns", exact=True).click()
    table.probe.get_by_label("Rare", exact=True).check()
    table.probe.get_by_label("Side", exact=True).locator("visible=true").last.uncheck()
    table.probe.get_by_role("button", name="Profit: further left").press("Enter")
    expect(heads).to_have_text(["Pair", "Profit", "Rare"])
    table.page.evaluate(MOUNT)
    table.set(rows_of("2"))
    expect(heads).to_have_text(["Pair", "Profit", "Rare"])


def test_rows_are_walked_and_opened_by_keyboard_and_keep_the_focus_when_they_move(table: Rows) -> None:
    table.set(rows_of("1", "2", "3"))
    table.probe.locator("tr[data-row=r0]").focus()
    table.page.keyboard.press("ArrowDown")
    table.page.keyboard.press("Enter")
    table.page.keyboard.press("End")
    table.page.keyboard.press("Enter")
    table.page.keyboard.press("Home")
    table.page.keyboard.press(" ")
    assert table.page.evaluate("() => window.opened") == ["r1", "r2", "r0"]
    found = rows_of("1", "2", "3")
    table.set({name: found[name] for name in ("r2", "r1", "r0")})
    assert table.shown() == ["r2", "r1", "r0"]
    assert table.page.evaluate("() => document.activeElement.dataset.row") == "r0"


def test_a_selection_survives_updates(table: Rows) -> None:
    table.set(rows_of("1", "2", "3"))
    table.page.evaluate("""() => {
      const text = (id) => document.querySelector(`#probe tr[data-row=${id}] td[data-key=pnl]`).firstChild;
      const [a, b] = ["r0", "r2"].map(text);
      getSelection().setBaseAndExtent(a, 0, b, 2);
    }""")
    table.set(rows_of("4", "5", "6"))
    assert table.page.evaluate("() => getSelection().toString().split(/\\s+/).filter((w) => w.startsWith('+'))") == [
        "+4",
        "+5",
        "+6",
    ]


def test_no_row_moves_under_the_pointer(table: Rows) -> None:
    table.set(rows_of("3", "2", "1"))
    table.probe.get_by_role("button", name="Profit").click()
    assert table.shown() == ["r0", "r1", "r2"]
    table.probe.locator("tr[data-row=r1]").hover()
    found = rows_of("1", "2", "3", "9")
    del found["r0"]
    table.set(found)
    assert table.shown() == ["r0", "r1", "r2", "r3"]
    expect(table.probe.locator("tr[data-row=r0]")).to_have_class("opens gone")
    table.page.mouse.move(0, 0)
    table.page.wait_for_timeout(100)
    assert table.shown() == ["r3", "r2", "r1"]


def test_of_a_thousand_rows_the_visible_ones_are_in_the_page_and_all_are_reached(table: Rows) -> None:
    table.set(rows_of(*(str(number) for number in range(1000))))
    assert 30 < len(table.shown()) < 120
    expect(table.probe.locator("table.live")).to_have_attribute("aria-rowcount", "1001")
    table.probe.locator("tr[data-row=r0]").focus()
    table.page.keyboard.press("End")
    assert table.page.evaluate("() => document.activeElement.dataset.row") == "r999"
    scrolled = table.page.evaluate("() => document.querySelector('#probe .scroll').scrollTop")
    assert scrolled > 20_000
    table.set(rows_of(*(str(number + 1) for number in range(1000))))
    assert table.page.evaluate("() => document.querySelector('#probe .scroll').scrollTop") == scrolled
    expect(table.probe.locator("tr[data-row=r999] [data-key=pnl]")).to_have_text("+1000")
    took_ms = table.page.evaluate("""() => {
      const began = performance.now();
      for (let n = 0; n < 20; n++) window.list.refresh();
      return (performance.now() - began) / 20;
    }""")
    assert took_ms < 200
