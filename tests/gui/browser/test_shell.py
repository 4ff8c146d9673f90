"""What every page has: bar, looks, keyboard, phone, accessibility; and that a fault in one leaves the others alone."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

import gradio
import pytest
import uvicorn
from playwright.sync_api import expect

from control.client import TargetFlags, find_target
from gui.app import build
from gui.live.topics import Reading, Snapshot, Topic
from gui.options import Options
from gui.page import Page
from gui.pages.registry import KEYS, PAGES
from gui.pages.state import STATE
from gui.panel import Panel
from gui.verbs import Press, Verb
from tests.gui.browser.stage import Stage, violations

PATHS = [page.path for page in PAGES]
MARKUP = "<img src=x onerror=window.hit=1>\"'><script>window.hit=1</script>"


@pytest.fixture(scope="module")
def tabs(stage: Stage) -> dict[tuple[str, str], Any]:
    """One logged-in tab per theme and size, led from page to page."""
    return {
        (theme, size): stage.page("/", theme=theme, size=size)
        for theme, size in (("dark", "desktop"), ("light", "desktop"), ("light", "phone"))
    }


def led(tabs: Mapping[tuple[str, str], Any], theme: str, size: str, path: str) -> Any:
    page = tabs[theme, size]
    page.goto(path)
    page.wait_for_selector("#terrace-state b:not(:empty)")
    page.wait_for_selector("#terrace-page > :not(h1, noscript)", state="attached")
    return page


def test_every_page_of_the_bar_can_be_loaded() -> None:
    assert [page.key for page in PAGES if page.topics or page.routes or page.verbs or not page.in_bar] == list(KEYS)


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("path", PATHS)
def test_axe_finds_nothing_serious(tabs: Mapping[tuple[str, str], Any], path: str, theme: str) -> None:
    assert violations(led(tabs, theme, "desktop", path)) == []


@pytest.mark.parametrize("path", PATHS)
def test_on_a_phone_a_page_does_not_move_sideways(tabs: Mapping[tuple[str, str], Any], path: str) -> None:
    page = led(tabs, "light", "phone", path)
    assert page.evaluate("document.scrollingElement.scrollWidth - innerWidth") <= 0


def test_the_keyboard_leads_past_the_bar_and_through_it(tabs: Mapping[tuple[str, str], Any]) -> None:
    page = led(tabs, "dark", "desktop", "/risk")
    walked = []
    for _ in range(12):
        page.keyboard.press("Tab")
        walked.append(page.evaluate("document.activeElement.textContent"))
    assert walked[:10] == ["Skip to the page", *(one.title for one in PAGES if one.in_bar)]
    page.goto("/risk")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#terrace-page")).to_be_focused()


def test_light_and_dark_are_chosen_in_the_bar_and_remembered(tabs: Mapping[tuple[str, str], Any]) -> None:
    page = led(tabs, "dark", "desktop", "/")
    page.click("#terrace-theme")
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    page.click("#terrace-theme")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_on_a_phone_the_pages_are_behind_a_menu(tabs: Mapping[tuple[str, str], Any]) -> None:
    page = led(tabs, "light", "phone", "/")
    expect(page.locator("#terrace-pages")).to_be_hidden()
    page.click("#terrace-menu")
    expect(page.locator("#terrace-menu")).to_have_attribute("aria-expanded", "true")
    page.click("#terrace-pages a[href='/queue']")
    page.wait_for_url("**/queue")


def test_the_bar_follows_the_engine(stage: Stage, tabs: Mapping[tuple[str, str], Any]) -> None:
    page = led(tabs, "dark", "desktop", "/logs")
    expect(page.locator("#terrace-state b")).to_have_text("running")
    stage.stack.terrace("engine", "pause")
    expect(page.locator("#terrace-state b")).to_have_text("paused")
    expect(page.locator("#terrace-state .why")).to_have_text("paused by a user")
    stage.stack.terrace("engine", "resume")
    expect(page.locator("#terrace-state b")).to_have_text("running")


@pytest.mark.rule("SEC-2")
def test_markup_in_an_alert_is_text_on_every_page(stage: Stage, tabs: Mapping[tuple[str, str], Any]) -> None:
    tv = {"exchange": "BINANCE", "symbol": "BTCUSDT", "timeframe": "15", "action": "buy"}
    bodies: list[dict[str, Any]] = [
        {"source": "tradingview", "tv": tv, "strategy_name": MARKUP, "comment": MARKUP},
        {"source": "tradingview", "tv": {**tv, "symbol": MARKUP}, "strategy_name": MARKUP},
        {"secret": MARKUP, "tv": {"symbol": MARKUP, "action": MARKUP}, MARKUP: MARKUP},
    ]
    for body in bodies:
        stage.stack.post(body)
    stage.stack.post(f'{{"secret": "{stage.stack.secret()}", "x": "<script>window.hit=1</script>"'.encode())
    for path in PATHS:
        page = led(tabs, "dark", "desktop", path)
        page.wait_for_timeout(200)
        assert page.evaluate("window.hit") is None, path
        assert page.locator("#terrace-page img[src=x], #terrace-alerts img[src=x]").count() == 0
    page = led(tabs, "dark", "desktop", "/signals")
    expect(page.locator("#terrace-page")).to_contain_text("onerror")


def test_the_dashboard_is_there_within_two_seconds_with_nothing_cached(stage: Stage) -> None:
    page = stage.page("/")
    fresh = page.context.browser.new_context(storage_state=page.context.storage_state())
    try:
        cold = fresh.new_page()
        cold.goto(f"http://{stage.address}/")
        cold.wait_for_selector("#terrace-state b:not(:empty)")
        filled_ms = cold.evaluate("performance.now()")
        painted_ms = cold.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
        size = cold.evaluate("performance.getEntriesByType('resource').reduce((sum, one) => sum + one.transferSize, 0)")
    finally:
        fresh.close()
    print(f"first paint {painted_ms:.0f} ms, state filled {filled_ms:.0f} ms, {size / 1024:.0f} KiB")
    assert painted_ms < 2000
    assert filled_ms < 4000, "this machine may be busy; alone it takes a fraction of this"


async def _broken(_reading: Reading) -> Snapshot:
    raise ZeroDivisionError("a fault of the panel's own")


async def _fine(_reading: Reading) -> Snapshot:
    return {"": {"word": "fine"}}


async def _slip(_press: Press) -> Mapping[str, Any]:
    raise KeyError("a fault of the panel's own")


def _no_forms_today(_panel: Panel) -> None:
    raise RuntimeError("a fault of the panel's own")


def _form(_panel: Panel) -> None:
    given = gradio.Textbox(label="Words")
    told = gradio.Textbox(label="Told")
    pressed = gradio.Button("Say it")
    pressed.click(lambda words: words.upper(), given, told, api_visibility="private")


TRIAL = (
    Page(
        key="dashboard",
        title="Trial",
        path="/",
        topics=(STATE, Topic(name="fine", read=_fine), Topic(name="broken", read=_broken)),
    ),
    Page(key="queue", title="Broken forms", path="/queue", forms=_no_forms_today),
    Page(key="risk", title="Forms", path="/risk", forms=_form),
    Page(key="logs", title="Verb", path="/logs", verbs={"slip": Verb(method="EngineService/GetStatus", do=_slip)}),
)


@pytest.fixture(scope="module")
def trial(stage: Stage) -> Iterator[str]:
    """A second panel with broken pages and one with components of the library, on a port of its own."""
    options = Options(host="127.0.0.1", port=0)
    app = build(find_target(TargetFlags(config=str(stage.stack.config_file))), options, TRIAL)
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join(10)


@pytest.fixture
def inside(stage: Stage, trial: str) -> Iterator[Any]:
    page = stage.context().new_page()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with contextlib.suppress(Exception):
            page.goto(trial + "/login")
            break
    page.fill("#token", stage.token())
    page.click("button[type=submit]")
    page.wait_for_url(re.compile(r"/$"))
    yield page
    page.close()


def test_a_page_whose_components_cannot_be_built_says_so_and_leaves_the_others_alone(inside: Any, trial: str) -> None:
    inside.goto(trial + "/queue")
    expect(inside.get_by_text("This part of the page could not be built")).to_be_visible(timeout=15_000)
    inside.goto(trial + "/")
    expect(inside.locator("#terrace-state b")).to_have_text("running")


def test_a_topic_that_fails_is_stale_with_words_and_the_others_go_on(inside: Any, trial: str) -> None:
    for _ in range(2):
        frames = inside.request.get(trial + "/live/poll?topics=fine,broken").json()
        time.sleep(0.6)
    found = {frame["topic"]: frame for frame in frames}
    assert found["broken"]["stale"]["why"]
    assert "stale" not in found["fine"]


def test_a_button_that_fails_says_that_it_is_not_known_what_was_done(inside: Any, trial: str) -> None:
    guard = inside.request.get(trial + "/me").json()["guard"]
    given = {"origin": trial, "x-terrace": guard}
    answer = inside.request.post(trial + "/act/slip", data={"values": {}}, headers=given)
    assert answer.status == 500
    assert answer.json()["error"]["reason"] == "PANEL_FAULT"
    assert "KeyError" not in answer.text()


def test_a_page_with_components_of_the_library_works_under_our_policy(inside: Any, trial: str) -> None:
    told: list[str] = []
    inside.on("console", lambda line: told.append(line.text) if line.type == "error" else None)
    inside.goto(trial + "/risk")
    inside.get_by_label("Words").fill("up")
    inside.get_by_role("button", name="Say it").click()
    expect(inside.get_by_label("Told")).to_have_value("UP", timeout=15_000)
    assert told == []
    expect(inside.locator("footer, .nav-holder").locator("visible=true")).to_have_count(0)
