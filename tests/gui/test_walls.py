"""The pure parts of what stands before the panel: paths, attempts, options, logins, pages that cannot be loaded."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from control.client import ConfigFault, read_config
from gui.attempts import MAX_ADDRESSES, MAX_WRONG, WINDOW_S, Attempts
from gui.callers import Caller
from gui.doors import MAX_HASHES, Hashes, Paths
from gui.frame import dresser
from gui.guard import Guard, Receive, Scope, Send, safe_path
from gui.hosts import Hosts
from gui.http import MAX_DEPTH, is_deep
from gui.options import Options, read_options
from gui.page import Page
from gui.pages.asked import Asked
from gui.pages.registry import load
from gui.panel import Panel
from gui.sessions import MAX_SESSIONS, Sessions


def _component(_panel: Panel) -> None:
    """Stands for a page with components of the library."""


PLAIN = Page(key="dashboard", title="Dashboard", path="/")
FORMS = Page(key="settings", title="Settings", path="/settings", forms=_component)
DOCUMENT = (
    '<!doctype html><html lang="en"><head><meta property="og:url" content="https://gradio.app/" /><title>x</title>'
    '<script type="module" src="./assets/index.js"></script></head><body><gradio-app></gradio-app></body></html>'
)


def caller(name: str = "anna") -> Caller:
    return Caller(key=name, client=cast(Any, None), name=name, role="VIEWER")


@given(st.text(max_size=60))
@settings(max_examples=200, deadline=None)
def test_a_safe_path_is_a_page_of_ours_whatever_is_given(text: str) -> None:
    for path in (text, f"/{text}", f"//{text}", f"/\\{text}"):
        found = safe_path(path)
        assert found.startswith("/")
        assert not found.startswith(("//", "/\\"))
        assert found.isascii()
        assert found.isprintable()
        assert ":" not in found.split("?")[0].split("#")[0]


@pytest.mark.parametrize(
    "path", ["/", "/signals", "/signals?pair=BTC%2FUSDT&from=2026-01-01", "/positions#01K9", "/logs?x#y"]
)
def test_a_page_with_its_query_and_mark_is_safe(path: str) -> None:
    assert safe_path(path) == path


def test_doors_of_the_library_open_only_where_a_page_has_components_of_it() -> None:
    needed = ("/gradio_api/queue/join", "/gradio_api/queue/data", "/gradio_api/heartbeat/abc1", "/assets/index.js")
    assert not any(Paths([PLAIN]).is_there(path) for path in needed)
    with_forms = Paths([PLAIN, FORMS])
    assert all(with_forms.is_there(path) for path in needed)
    for path in (
        "/gradio_api/upload",
        "/gradio_api/file=/etc/passwd",
        "/config",
        "/gradio_api/info",
        "/monitoring",
        "/logout/",
    ):
        assert not with_forms.is_there(path)
    assert not with_forms.is_there("/static/terrace/\x00")


def test_a_session_of_the_library_belongs_to_the_login_that_began_it() -> None:
    hashes = Hashes()
    query = {"session_hash": ["abc"]}
    assert hashes.allows("/gradio_api/heartbeat/abc", {}, "first")
    assert hashes.allows("/gradio_api/queue/data", query, "first")
    assert not hashes.allows("/gradio_api/queue/data", query, "second")
    assert hashes.allows("/positions", query, "second")
    for number in range(MAX_HASHES):
        assert hashes.allows(f"/gradio_api/heartbeat/n{number}", {}, "first")
    assert not hashes.allows("/gradio_api/queue/data", query, "first"), "nobody began it: the oldest is forgotten"
    assert hashes.belongs("abc", "second")


def test_an_address_that_guessed_too_often_waits_until_its_first_guess_is_old() -> None:
    attempts = Attempts()
    for number in range(MAX_WRONG):
        assert attempts.wait_s("a", float(number)) == 0
        attempts.failed("a", float(number))
    assert attempts.wait_s("a", 10.0) == WINDOW_S - 10.0
    assert attempts.wait_s("b", 10.0) == 0
    assert attempts.wait_s("a", WINDOW_S) == 0
    attempts.succeeded("a")
    assert len(attempts) == 0


def test_addresses_are_remembered_up_to_a_number() -> None:
    attempts = Attempts()
    for number in range(MAX_ADDRESSES + 10):
        attempts.failed(str(number), 0.0)
    assert len(attempts) == MAX_ADDRESSES


def options_of(folder: Path, panel: str) -> Options:
    file = folder / "config.yaml"
    file.write_text(f"config_version: 1\npanel: {panel}\n", encoding="utf-8")
    return read_options(read_config(str(file), {}))


@pytest.mark.rule("SEC-2")
@pytest.mark.parametrize("address", ["0.0.0.0:8462", "192.0.2.1:8462", "'[::]:8462'", "panel.example:8462"])
def test_an_address_that_others_reach_has_to_be_meant(tmp_path: Path, address: str) -> None:
    with pytest.raises(ConfigFault, match=r"panel\.public: true"):
        options_of(tmp_path, f"{{address: {address}}}")
    assert options_of(tmp_path, f"{{address: {address}, public: true}}").port == 8462


@pytest.mark.parametrize("address", ["127.0.0.1:1", "localhost:1", "'[::1]:1'"])
def test_an_address_of_this_machine_needs_no_word(tmp_path: Path, address: str) -> None:
    assert options_of(tmp_path, f"{{address: {address}}}").port == 1


def test_how_long_a_login_lasts_is_configured_within_bounds(tmp_path: Path) -> None:
    found = options_of(tmp_path, "{session_idle_minutes: 5, session_max_hours: 2}")
    assert (found.session_idle_s, found.session_max_s) == (300, 7200)
    for wrong in ("{session_idle_minutes: 0}", "{session_max_hours: 721}"):
        with pytest.raises(ConfigFault, match="is not between"):
            options_of(tmp_path, wrong)


def test_a_login_ends_when_idle_or_old_and_a_look_of_the_page_itself_keeps_none() -> None:
    now_s = [0.0]
    ids = iter(map(str, range(100)))
    sessions = Sessions(Options(session_idle_s=60, session_max_s=200), now_s=lambda: now_s[0], new_id=lambda: next(ids))
    ended: list[str] = []
    sessions.on_end = lambda one: ended.append(one.name)
    quiet, used = sessions.open(caller("quiet")), sessions.open(caller("used"))
    for at in (50.0, 100.0, 150.0, 200.0):
        now_s[0] = at
        sessions.find(quiet.session_id, is_use=False)
        assert sessions.find(used.session_id) is used
    assert ended == ["quiet"]
    now_s[0] = 201.0
    assert sessions.find(used.session_id) is None
    assert ended == ["quiet", "used"]


def test_a_page_that_cannot_be_loaded_stays_in_the_bar_and_leaves_the_others() -> None:
    found = load(["no_such_page", "system"])
    assert [page.title for page in found] == ["No_such_page", "System"]
    assert found[0].path == "/no_such_page"
    assert found[1].topics


def test_a_page_without_components_goes_out_without_the_librarys_client() -> None:
    sessions = Sessions(Options(), now_s=lambda: 0.0, new_id=lambda: "id")
    session = sessions.open(caller("<b>anna</b>"))
    dress = dresser(Options(), [PLAIN, FORMS])
    plain = dress(DOCUMENT, session, "n", "/")
    assert "gradio" not in plain
    assert "assets/" not in plain
    assert "<b>anna</b>" not in plain
    framed = dress(DOCUMENT, session, "n", "/settings")
    assert framed.index("terrace-page") < framed.index("<gradio-app")
    assert "og:url" not in framed
    assert '<script nonce="n" type="module" src="./assets/index.js">' in framed
    assert dress("<html><script></script></html>", None, "n", "/login") == '<html><script nonce="n"></script></html>'


@pytest.mark.rule("SEC-2")
@pytest.mark.parametrize(
    ("host", "is_known"),
    [
        ("127.0.0.1:8462", True),
        ("[::1]:8462", True),
        ("192.0.2.7", True),
        ("localhost", True),
        ("LOCALHOST.:80", True),
        ("Terrace.example", True),
        ("terrace.example:443", True),
        ("evil.example", False),
        ("evil.example:8462", False),
        ("terrace.example.evil.example", False),
        ("127.0.0.1.evil.example:8462", False),
        ("localhost@evil.example", False),
        ("localhost:80:80", False),
        ("localhost, evil.example", False),
        ("\u0661\u0662\u0667.0.0.1", False),
        ("", False),
    ],
)
def test_the_panel_answers_to_addresses_and_to_names_it_was_told(host: str, is_known: bool) -> None:
    assert Hosts(["0.0.0.0", "terrace.example"]).knows(host) is is_known


def test_names_of_a_proxy_come_from_the_configuration(tmp_path: Path) -> None:
    assert options_of(tmp_path, "{hosts: [terrace.example]}").hosts == ("terrace.example",)


def test_one_token_cannot_log_others_out_by_many_logins() -> None:
    now_s, ids = [0.0], iter(map(str, range(1000)))
    sessions = Sessions(Options(), now_s=lambda: now_s[0], new_id=lambda: next(ids))
    admin = sessions.open(caller("admin"))
    for _ in range(MAX_SESSIONS + 10):
        now_s[0] += 1
        newest = sessions.open(caller("viewer"))
    assert len(sessions) == MAX_SESSIONS
    assert sessions.find(admin.session_id) is admin
    assert sessions.find(newest.session_id) is newest


def test_values_nested_deeper_than_any_page_sends_are_seen_without_descending_into_them() -> None:
    tree: Any = "leaf"
    for _ in range(MAX_DEPTH - 2):
        tree = [tree]
    assert not is_deep({"values": tree})
    for _ in range(5000):
        tree = {"a": [tree]}
    assert is_deep({"values": tree})


def test_a_query_with_more_fields_than_are_read_is_read_as_far_as_that() -> None:
    asked = Asked("symbol=BTC%2FUSDT&" + "&".join(f"x{number}=1" for number in range(300)) + "&text=late")
    assert asked.text("symbol") == "BTC/USDT"
    assert asked.text("text") == ""


@pytest.mark.rule("SEC-2")
@pytest.mark.parametrize(
    ("origin", "status", "used_s"), [("http://evil.example", 403, 0.0), ("http://localhost", 200, 9.0)]
)
def test_what_is_refused_keeps_no_login_alive(origin: str, status: int, used_s: float) -> None:
    now_s = [0.0]
    sessions = Sessions(Options(), now_s=lambda: now_s[0], new_id=lambda: "id")
    session = sessions.open(caller())
    told: list[dict[str, Any]] = []

    async def take() -> dict[str, Any]:
        return {"type": "http.request", "body": b"{}"}

    async def send(message: dict[str, Any]) -> None:
        told.append(message)

    async def app(_scope: Scope, _receive: Receive, answer: Send) -> None:
        await answer({"type": "http.response.start", "status": 200, "headers": []})

    headers = {
        "host": "localhost",
        "origin": origin,
        "cookie": "terrace_login=id",
        "content-length": "2",
        "x-terrace": "id",
    }
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/seen",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    now_s[0] = 9.0
    guard = Guard(app, sessions, Paths([PLAIN]), Hosts([]), dresser(Options(), [PLAIN]))
    asyncio.run(guard(scope, take, send))
    assert told[0]["status"] == status
    assert session.used_s == used_s
