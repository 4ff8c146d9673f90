"""What the panel refuses, over real HTTP against a running daemon (SEC-1, SEC-2)."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from gui.live.stream import MAX_TABS_OF_CALLER
from gui.pages.registry import PAGES
from gui.sessions import MAX_SESSIONS
from tests.gui.browser.stage import Stage
from tests.gui.visitor import Visitor
from tests.system.stack import until

PATHS = [page.path for page in PAGES]
LIBRARY = (
    "/config",
    "/info",
    "/gradio_api/info",
    "/gradio_api/openapi.json",
    "/gradio_api/upload",
    "/gradio_api/file=/etc/passwd",
    "/gradio_api/proxy=http://localhost/",
    "/gradio_api/run/predict",
    "/gradio_api/api/predict",
    "/gradio_api/call/predict",
    "/gradio_api/queue/status",
    "/gradio_api/component_server",
    "/gradio_api/reset",
    "/gradio_api/cancel",
    "/monitoring",
    "/monitoring/summary",
    "/file=/etc/passwd",
    "/token",
    "/app_id",
    "/user",
    "/runs",
    "/dev/reload",
    "/docs",
    "/openapi.json",
)
NEEDED = ("/gradio_api/queue/join", "/gradio_api/queue/data?session_hash=abc", "/gradio_api/heartbeat/abc")
"""Of the library, by the page that has components of it."""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with Stage(Path(tmp_path_factory.mktemp("security")), None) as opened:
        yield opened


@pytest.fixture(scope="module")
def served() -> list[str]:
    """All that was served in this module."""
    return []


@pytest.fixture
def stranger(stage: Stage, served: list[str]) -> Iterator[Visitor]:
    with Visitor(stage.address, served) as visitor:
        yield visitor


@pytest.fixture
def admin(stage: Stage, served: list[str]) -> Iterator[Visitor]:
    with Visitor(stage.address, served) as visitor:
        assert visitor.login(stage.token()).status_code == 303
        yield visitor


@pytest.fixture
def viewer(stage: Stage, served: list[str]) -> Iterator[Visitor]:
    with Visitor(stage.address, served) as visitor:
        assert visitor.login(stage.token("viewer")).status_code == 303
        yield visitor


@pytest.mark.rule("SEC-1")
@pytest.mark.parametrize(
    "path", [*PATHS, "/me", "/live", "/live/poll", "/x/logs/events", "/x/dashboard/first", *LIBRARY, *NEEDED]
)
def test_without_a_login_there_is_the_login_page_and_nothing_else(stranger: Visitor, path: str) -> None:
    asked = stranger.get(path)
    assert asked.status_code == 401
    assert asked.json()["error"]["reason"] == "LOGIN_NEEDED"
    as_page = stranger.get(path, headers={"accept": "text/html"})
    assert as_page.status_code == 303
    assert as_page.headers["location"].startswith("/login?then=%2F")
    pressed = stranger.ask("POST", path, headers={"origin": stranger.origin}, content=b"{}")
    assert pressed.status_code == 401


@pytest.mark.parametrize("path", LIBRARY)
def test_doors_of_the_library_that_no_page_uses_are_closed_to_an_admin_too(admin: Visitor, path: str) -> None:
    assert admin.get(path).status_code == 404
    assert admin.ask("POST", path, headers={"origin": admin.origin}, json={"data": []}).status_code == 404


FORGED = {
    "no origin": {"origin": "", "sec-fetch-site": ""},
    "foreign origin": {"origin": "https://evil.example", "sec-fetch-site": ""},
    "foreign origin that says same-origin": {"origin": "https://evil.example"},
    "cross-site": {"sec-fetch-site": "cross-site"},
    "same-site, another port": {"sec-fetch-site": "same-site"},
    "typed": {"sec-fetch-site": "none"},
    "null origin": {"origin": "null", "sec-fetch-site": ""},
    "no guard": {"x-terrace": ""},
    "wrong guard": {"x-terrace": "A" * 43},
    "guard not ascii": {"x-terrace": "\xe9"},
}


@pytest.mark.rule("SEC-2")
@pytest.mark.parametrize("how", FORGED)
def test_a_press_that_does_not_come_from_our_page_is_refused(admin: Visitor, how: str) -> None:
    headers = {"origin": admin.origin, "sec-fetch-site": "same-origin", "x-terrace": admin.me()["guard"]} | FORGED[how]
    sent = [(name.encode(), value.encode("latin-1")) for name, value in headers.items() if value]
    answer = admin.ask("POST", "/act/pause", json={"values": {}}, headers=httpx.Headers(sent))
    assert answer.status_code == 403
    assert answer.json()["error"]["reason"] == "FOREIGN_PAGE"


def test_a_press_with_the_guard_of_another_login_is_refused(admin: Visitor, viewer: Visitor) -> None:
    assert admin.press("pause", **{"x-terrace": viewer.me()["guard"]}).status_code == 403


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"])
def test_only_a_post_changes_something(stage: Stage, admin: Visitor, method: str) -> None:
    headers = {"origin": admin.origin, "x-terrace": admin.me()["guard"]}
    for path in ("/act/pause", "/logout", "/live/want", "/seen"):
        assert admin.ask(method, path, headers=headers).status_code == 405, path
    assert stage.stack.json("status")["status"]["state"] == "RUNNING"
    assert admin.me()["role"] == "ADMIN"


@pytest.mark.rule("SEC-1")
@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_a_button_of_a_higher_role_is_refused_whatever_is_sent_with_it(stage: Stage, role: str) -> None:
    verbs = {name: verb for page in PAGES for name, verb in page.verbs.items()}
    with Visitor(stage.address) as visitor:
        assert visitor.login(stage.token(role)).status_code == 303
        me = visitor.me()
        given = {"origin": visitor.origin, "sec-fetch-site": "same-origin", "x-terrace": me["guard"]}
        forbidden = sorted(set(verbs) - set(me["may"]))
        assert len(forbidden) >= 10
        for verb in forbidden:
            for body in ({}, {"values": {"words": "CLOSE ALL"}, "preview": True}, {"values": {"name": "x", "id": "x"}}):
                answer = visitor.ask("POST", f"/act/{verb}", json=body, headers=given)
                assert answer.status_code == 403, (verb, body, answer.text)
                assert answer.json()["error"]["reason"] == "PERMISSION_DENIED"


ROUTES = [(method, route.path) for page in PAGES for route in page.routes for method in sorted(route.methods)]  # type: ignore[attr-defined]


@pytest.mark.rule("SEC-1")
@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_a_route_of_a_page_is_for_those_who_are_logged_in_and_come_from_it(
    stranger: Visitor, admin: Visitor, method: str, path: str
) -> None:
    assert stranger.ask(method, path, headers={"origin": stranger.origin}).status_code == 401
    for lie in ({"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors"}):
        assert admin.ask(method, path, headers={"origin": admin.origin, **lie}).status_code == 403


def test_what_no_viewer_is_handed_is_not_handed_to_one_by_a_route_either(viewer: Visitor) -> None:
    given = {"origin": viewer.origin, "sec-fetch-site": "same-origin", "x-terrace": viewer.me()["guard"]}
    for path in ("/x/dashboard/secret", "/x/system/diagnostics"):
        assert (
            viewer.ask("POST", path, json={"kind": "entry", "source": "tradingview"}, headers=given).status_code == 403
        )


@pytest.mark.rule("SEC-2")
@pytest.mark.parametrize("path", ["/", "/login", "/me", "/healthz", "/static/terrace/shell.js"])
def test_under_a_foreign_name_there_is_nothing(stage: Stage, admin: Visitor, path: str) -> None:
    answer = admin.get(path, headers={"host": f"evil.example:{stage.port}"})
    assert answer.status_code == 421
    assert "panel.hosts" in answer.json()["error"]["remedy"]
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


def test_where_the_panel_is_comes_from_host_and_nothing_else(admin: Visitor) -> None:
    lies = ("x-forwarded-host", "x-forwarded-prefix", "x-forwarded-server", "x-original-url", "x-rewrite-url")
    for path in PATHS:
        answer = admin.get(path, headers=dict.fromkeys(lies, "evil.example") | {"forwarded": "host=evil.example"})
        assert answer.status_code == 200
        assert "evil" not in answer.text, path
    given = {"origin": admin.origin, "x-terrace": admin.me()["guard"], "x-http-method-override": "POST"}
    assert admin.get("/act/pause", headers=given).status_code == 405


def test_another_site_may_lead_to_a_page_and_fetch_or_embed_none(admin: Visitor) -> None:
    visit = {"sec-fetch-site": "same-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    assert admin.get("/positions", headers=visit).status_code == 200
    assert admin.get("/positions", headers={**visit, "sec-fetch-dest": "iframe"}).status_code == 403
    assert admin.get("/x/settings/file", headers=visit).status_code == 403
    assert admin.get("/me", headers={"sec-fetch-site": "same-site", "sec-fetch-mode": "cors"}).status_code == 403


def test_a_session_of_the_library_takes_no_events_from_another_login(admin: Visitor, viewer: Visitor) -> None:
    given = {"origin": admin.origin, "sec-fetch-site": "same-origin"}
    event = {"fn_index": 0, "data": [], "session_hash": "theirs"}
    assert admin.ask("POST", "/gradio_api/queue/join", json=event, headers=given).status_code == 200
    assert viewer.ask("POST", "/gradio_api/queue/join", json=event, headers=given).status_code == 404
    assert viewer.get("/gradio_api/queue/data?session_hash=theirs").status_code == 404
    assert viewer.get("/gradio_api/heartbeat/theirs").status_code == 404
    assert admin.get("/gradio_api/queue/data?session_hash=nobodys").status_code == 404


@pytest.mark.parametrize("number", [1, 2], ids=["check", "put in force"])
@pytest.mark.parametrize("text", [{"a": 1}, 5, None, ["x"], True])
def test_what_is_no_text_is_none_to_the_editor_and_no_fault(admin: Visitor, number: int, text: object) -> None:
    given = {"origin": admin.origin, "sec-fetch-site": "same-origin"}
    name = f"odd{number}{type(text).__name__}"
    event = {"fn_index": 1 + number, "data": [text, "", ""][: 1 if number == 1 else 3], "session_hash": name}
    assert admin.ask("POST", "/gradio_api/queue/join", json=event, headers=given).status_code == 200
    with admin.http.stream("GET", f"/gradio_api/queue/data?session_hash={name}") as answer:
        told = next(line for line in answer.iter_lines() if "process_completed" in line)
    assert '"success":true' in told.replace(" ", "")
    assert "Traceback" not in told


@pytest.mark.rule("SEC-1")
def test_what_a_viewer_may_not_do_the_daemon_refuses_also_when_asked_by_hand(admin: Visitor, viewer: Visitor) -> None:
    forbidden = set(admin.me()["may"]) - set(viewer.me()["may"])
    assert len(forbidden) >= 10
    names = ("id", "group", "group_id", "signal", "signal_id", "account", "alert", "part", "name", "reason", "etag")
    values = dict.fromkeys(names, "x") | {"percent": "50", "words": "CLOSE ALL"}
    answers = {verb: viewer.press(verb, values) for verb in sorted(forbidden)}
    assert all(answer.status_code in (403, 422) for answer in answers.values()), answers
    reached = [verb for verb, answer in answers.items() if answer.status_code == 403]
    assert len(reached) >= 5
    for verb in reached:
        error = answers[verb].json()["error"]
        assert error["reason"] == "PERMISSION_DENIED", verb
        assert error["remedy"] == "Log in with a token of a higher role."


@pytest.mark.parametrize(
    "path", [*PATHS, "/login", "/me", "/nothing", "/static/terrace/base.css", "/static/terrace/no", "/healthz"]
)
def test_every_answer_may_be_framed_by_nobody_and_says_what_it_may_load(admin: Visitor, path: str) -> None:
    for answer in (admin.get(path), admin.ask("POST", path)):
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert "unsafe-eval" not in answer.headers["content-security-policy"]
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in answer.headers
        assert "server" not in answer.headers
    redirected = httpx.get(f"{admin.origin}/", headers={"accept": "text/html"})
    assert redirected.status_code == 303
    assert "frame-ancestors 'none'" in redirected.headers["content-security-policy"]


def test_scripts_of_a_page_carry_a_nonce_that_is_never_the_same(admin: Visitor) -> None:
    def nonce(answer: httpx.Response) -> str:
        found = answer.headers["content-security-policy"].partition("'nonce-")[2].partition("'")[0]
        assert answer.text.count("<script") == answer.text.count(f'<script nonce="{found}"') > 0
        return found

    assert len({nonce(admin.get(path)) for path in PATHS}) == len(PATHS)


@pytest.mark.parametrize(
    "path",
    [
        "/static/terrace/../guard.py",
        "/static/terrace/%2e%2e/guard.py",
        "/static/terrace/..%2fguard.py",
        "/static/terrace/pages/..%2f..%2f..%2fguard.py",
        "/static/terrace//etc/passwd",
        "/static/terrace/%2fetc%2fpasswd",
        "/static/terrace/",
        "/static/terrace/pages",
        "/static/terrace/%00",
    ],
)
def test_no_path_leads_out_of_the_static_files(stage: Stage, path: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", stage.port, timeout=10)
    with contextlib.closing(connection):
        connection.putrequest("GET", path, skip_host=False)
        connection.endheaders()
        answer = connection.getresponse()
        body = answer.read()
    assert answer.status in (401, 404)
    assert b"Guard" not in body
    assert b"root:" not in body


@pytest.mark.parametrize(
    "then",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "/%2f/evil",
        "javascript:alert(1)",
        "/a\r\nx: y",
        "/a/b",
    ],
)
def test_a_login_leads_to_a_page_of_ours_and_nowhere_else(stage: Stage, stranger: Visitor, then: str) -> None:
    given = {"origin": stranger.origin}
    answer = stranger.ask("POST", "/login", data={"token": stage.token("viewer"), "then": then}, headers=given)
    assert answer.headers["location"] == "/"
    assert 'name="then" value="/"' in stranger.get("/login", params={"then": then}).text


def test_a_login_leads_back_to_where_one_was(stage: Stage, stranger: Visitor) -> None:
    first = stranger.get("/signals?outcome=accepted&pair=BTC", headers={"accept": "text/html"})
    page = stranger.get(first.headers["location"]).text
    assert 'value="/signals?outcome=accepted&amp;pair=BTC"' in page
    form = {"token": stage.token("viewer"), "then": "/signals?outcome=accepted&pair=BTC#01K"}
    answer = stranger.ask("POST", "/login", data=form, headers={"origin": stranger.origin})
    assert answer.headers["location"] == "/signals?outcome=accepted&pair=BTC#01K"


@pytest.mark.rule("SEC-2")
def test_the_cookie_is_for_this_site_alone_and_out_of_reach_of_scripts(stage: Stage, stranger: Visitor) -> None:
    plain = stranger.login(stage.token("viewer")).headers["set-cookie"]
    assert "HttpOnly; SameSite=Strict" in plain
    assert "Secure" not in plain
    behind_tls = stranger.login(stage.token("viewer"), **{"x-forwarded-proto": "https"}).headers["set-cookie"]
    assert behind_tls.endswith("; Secure")


def test_a_login_never_takes_over_a_number_it_was_given(stage: Stage, stranger: Visitor) -> None:
    stranger.http.cookies.set("terrace_login", "chosen-by-somebody-else")
    before = stranger.get("/login").cookies.get("terrace_login")
    assert before is None
    set_cookie = stranger.login(stage.token("viewer")).headers["set-cookie"]
    assert "chosen-by-somebody-else" not in set_cookie
    with Visitor(stage.address) as other:
        other.http.cookies.set("terrace_login", "chosen-by-somebody-else")
        assert other.get("/me").status_code == 401


def test_a_new_login_of_a_browser_ends_its_old_one(stage: Stage, stranger: Visitor) -> None:
    stranger.login(stage.token("viewer"))
    old = stranger.cookie
    stranger.login(stage.token("viewer"))
    assert stranger.cookie != old
    assert httpx.get(f"{stranger.origin}/me", cookies={"terrace_login": old}).status_code == 401
    assert stranger.me()["role"] == "VIEWER"


def test_a_body_that_is_too_long_or_does_not_say_how_long_is_not_read(admin: Visitor, stranger: Visitor) -> None:
    given = {"origin": admin.origin, "x-terrace": admin.me()["guard"]}
    assert admin.ask("POST", "/act/pause", content=b"x" * 1_048_577, headers=given).status_code == 413
    assert admin.ask("POST", "/act/pause", content=iter([b"{}"]), headers=given).status_code == 411
    both = given | {"content-length": "2", "transfer-encoding": "chunked"}  # The chunks would count.
    assert stranger.ask("POST", "/login", content=b"2\r\n{}\r\n0\r\n\r\n", headers=both).status_code == 411
    assert stranger.login("x" * 9000).status_code == 413


def test_garbage_in_place_of_json_is_words_and_no_traceback(admin: Visitor) -> None:
    given = {"origin": admin.origin, "x-terrace": admin.me()["guard"]}
    for body in (b"", b"[]", b"\xff\xfe", b"{", b"null", b'{"values": [1]}', b'{"topics": 1}'):
        for path in ("/act/group-close", "/live/want", "/act/no-such-button"):
            answer = admin.ask("POST", path, content=body, headers=given)
            assert answer.status_code in (404, 422), (path, body, answer.text)
            assert "Traceback" not in answer.text


def test_a_body_nested_deeper_than_a_stack_is_refused_in_words(admin: Visitor) -> None:
    given = {"origin": admin.origin, "x-terrace": admin.me()["guard"]}
    deep = b'{"values":{"changes":[{"path":"a","value":' + b"[" * 900 + b"]" * 900 + b"}]}}"
    for body in (deep, b"[" * 100_000, b" " * 600_000 + b"{}"):
        answer = admin.ask("POST", "/act/config_check", content=body, headers=given)
        assert (answer.status_code, answer.json()["error"]["reason"]) == (422, "INVALID_BODY")


@pytest.mark.parametrize(
    "path",
    [
        "/live/poll?topics=state&have=state:%C2%B2",
        "/x/logs/events?form=csv&" + "&".join(f"x{number}=1" for number in range(60)),
        "/x/performance/trades?" + "&".join(f"x{number}=1" for number in range(60)),
    ],
)
def test_an_odd_query_is_answered(admin: Visitor, path: str) -> None:
    assert admin.get(path).status_code == 200


def test_a_body_that_dribbles_is_given_up_without_a_word_in_the_log(stage: Stage) -> None:
    with socket.create_connection(("127.0.0.1", stage.port), timeout=20) as slow:
        host = f"Host: {stage.address}\r\nOrigin: http://{stage.address}\r\n"
        slow.sendall(f"POST /login HTTP/1.1\r\n{host}Content-Length: 50\r\n\r\ntoken".encode())
        assert slow.recv(12) == b"HTTP/1.1 408"
    assert "Traceback" not in stage.stack.log("panel")


def test_a_connection_that_dribbles_its_headers_is_closed(stage: Stage) -> None:
    with socket.create_connection(("127.0.0.1", stage.port), timeout=20) as slow:
        slow.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
        began_s = time.monotonic()
        assert slow.recv(1) == b""
        assert 3 < time.monotonic() - began_s < 15


def test_a_stream_ends_with_its_login(stage: Stage, admin: Visitor) -> None:
    guard = admin.me()["guard"]
    with httpx.stream(
        "GET", f"{admin.origin}/live?topics=state", cookies={"terrace_login": admin.cookie}, timeout=20
    ) as answer:
        lines = answer.iter_lines()
        assert next(line for line in lines if line.startswith("event:")) == "event: hello"
        given = {"origin": admin.origin, "sec-fetch-site": "same-origin", "x-terrace": guard}
        assert admin.ask("POST", "/logout", headers=given, content=b"{}").status_code == 200
        began_s = time.monotonic()
        assert any(line == "event: ended" for line in lines)
        assert time.monotonic() - began_s < 8
    assert admin.get("/me").status_code == 401


def test_a_stream_of_the_library_ends_with_its_login_too(stage: Stage) -> None:
    with Visitor(stage.address) as leaver:
        leaver.login(stage.token("viewer"))
        guard = leaver.me()["guard"]
        with httpx.stream(
            "GET", f"{leaver.origin}/gradio_api/heartbeat/leaver", cookies={"terrace_login": leaver.cookie}, timeout=30
        ) as answer:
            assert answer.status_code == 200
            given = {"origin": leaver.origin, "sec-fetch-site": "same-origin", "x-terrace": guard}
            assert leaver.ask("POST", "/logout", headers=given, content=b"{}").status_code == 200
            began_s = time.monotonic()
            with contextlib.suppress(httpx.HTTPError):
                answer.read()
            assert time.monotonic() - began_s < 12


def test_one_token_cannot_take_all_streams(stage: Stage, viewer: Visitor, admin: Visitor) -> None:
    ask = f"GET /live?topics=state HTTP/1.1\r\nHost: {stage.address}\r\nCookie: terrace_login={viewer.cookie}\r\n\r\n"
    with contextlib.ExitStack() as stack:
        streams = []
        for _ in range(MAX_TABS_OF_CALLER + 2):
            streams.append(stack.enter_context(socket.create_connection(("127.0.0.1", stage.port), timeout=20)))
            streams[-1].sendall(ask.encode())
        statuses = [stream.recv(12)[-3:] for stream in streams]
        assert statuses.count(b"503") == 2
        with httpx.stream("GET", f"{admin.origin}/live", cookies={"terrace_login": admin.cookie}, timeout=20) as own:
            assert own.status_code == 200


def test_a_stream_of_another_login_cannot_be_steered(admin: Visitor, viewer: Visitor) -> None:
    given = {"origin": viewer.origin, "sec-fetch-site": "same-origin", "x-terrace": viewer.me()["guard"]}
    own = given | {"x-terrace": admin.me()["guard"]}
    with httpx.stream(
        "GET", f"{admin.origin}/live?topics=state", cookies={"terrace_login": admin.cookie}, timeout=20
    ) as answer:
        lines = answer.iter_lines()  # Kept: with its lines the stream would end.
        number = next(line for line in lines if line.startswith("data:")).removeprefix("data: ")
        refused = viewer.ask("POST", "/live/want", json={"stream": number, "topics": []}, headers=given)
        many = [f"signals:symbol={number}" for number in range(5000)]
        taken = [
            admin.ask("POST", "/live/want", json={"stream": number, "topics": topics}, headers=own)
            for topics in (
                [],
                1,
                {"a": 1},
                ["logs:a,b\n\x00", "x" * 300_000],
                many,
            )
        ]
        assert next(line for line in lines if line.startswith("data: ["))
    assert refused.status_code == 404
    assert [one.status_code for one in taken] == [200] * 5


def test_a_token_that_is_revoked_ends_its_login_within_seconds(stage: Stage, served: list[str]) -> None:
    token = stage.new_token("brief", "viewer")
    with Visitor(stage.address, served) as brief:
        assert brief.login(token).status_code == 303
        with httpx.stream(
            "GET", f"{brief.origin}/live?topics=state", cookies={"terrace_login": brief.cookie}, timeout=20
        ) as answer:
            lines = answer.iter_lines()
            assert next(line for line in lines if line.startswith("data: ["))
            stage.stack.terrace("token", "revoke", "brief", "--yes")
            began_s = time.monotonic()
            assert any(line == "event: ended" for line in lines)
            assert time.monotonic() - began_s < 8
        assert brief.get("/me").status_code == 401


def test_wrong_tokens_are_counted_per_address_and_then_it_has_to_wait(stage: Stage, served: list[str]) -> None:
    with Visitor(stage.address, served) as guesser:
        there = {"x-forwarded-for": "203.0.113.9"}
        statuses = [guesser.login(f"guess-{number}", **there).status_code for number in range(9)]
        assert set(statuses[:8]) <= {403, 429}
        assert statuses[8] == 429
        held = guesser.login(stage.token("viewer"), **there)
        assert held.status_code == 429
        assert 1 <= int(held.headers["retry-after"]) <= 60
        assert "Too many wrong tokens" in held.text


def test_more_logins_than_there_is_room_for_end_the_one_idle_longest(stage: Stage) -> None:
    def up() -> int:
        found: int = httpx.get(f"http://{stage.address}/healthz").json()["logins"]
        return found

    cookies = []
    for _ in range(MAX_SESSIONS + 2):
        with Visitor(stage.address) as visitor:
            assert visitor.login(stage.token("operator")).status_code == 303
            cookies.append(visitor.cookie)
    assert up() == MAX_SESSIONS
    assert httpx.get(f"http://{stage.address}/me", cookies={"terrace_login": cookies[0]}).status_code == 401
    assert httpx.get(f"http://{stage.address}/me", cookies={"terrace_login": cookies[-1]}).json()["role"] == "OPERATOR"


@pytest.mark.rule("SEC-4")
def test_no_token_is_in_anything_that_was_served_or_logged(stage: Stage, served: list[str], admin: Visitor) -> None:
    for path in PATHS:
        admin.get(path)
    admin.get("/live/poll?topics=state")
    tokens = [stage.token(role) for role in ("admin", "viewer", "operator")]
    assert len(served) > 20
    told = "\n".join([*served, stage.stack.log("panel")])
    assert not [token[:6] for token in tokens if token in told]
    assert "Traceback" not in stage.stack.log("panel")
    assert Path(f"/proc/{stage.stack.processes['panel'].pid}/cmdline").read_bytes().count(b"token") == 0


def test_while_the_daemon_is_away_the_login_page_says_so_and_the_panel_ends_when_told(
    stage: Stage, served: list[str]
) -> None:
    token = stage.token("viewer")
    with Visitor(stage.address, served) as visitor:
        visitor.login(token)
        stage.stack.kill("daemon", signal.SIGTERM)
        refused = visitor.login(token)
        assert refused.status_code == 503
        assert "daemon" in refused.text
        process = stage.stack.processes["panel"]
        with httpx.stream(
            "GET", f"{visitor.origin}/live?topics=state", cookies={"terrace_login": visitor.cookie}, timeout=20
        ) as answer:
            assert next(answer.iter_lines())
            began_s = time.monotonic()
            os.kill(process.pid, signal.SIGTERM)
            until(lambda: process.poll() is not None, 10)
            assert time.monotonic() - began_s < 3
    del stage.stack.processes["panel"]
