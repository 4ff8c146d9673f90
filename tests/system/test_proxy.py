"""The proxies of docs/proxy before a real forwarder, daemon and panel: what docs/proxy.md says of them."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from http.cookies import SimpleCookie
from pathlib import Path

import pytest
from cryptography.x509 import ObjectIdentifier
from cryptography.x509.oid import NameOID

from tests.daemon.api.certificates import authority
from tests.ports import free_ports
from tests.system.proxy import HOOKS, KNOWN_SENDER, PANEL, PROGRAMS, Answer, Caddy, Papers, Proxy, make_papers, proxied
from tests.system.stack import Stack, alert, until

KINDS = [
    pytest.param(kind, marks=pytest.mark.skipif(not found, reason=f"{kind} is not installed"))
    for kind, found in PROGRAMS.items()
]
only_nginx = pytest.mark.parametrize("proxy", KINDS[:1], indirect=True)
TRADINGVIEW_WAITS_S = 3.0
MAX_BODY_BYTES = 64 * 1024


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Daemon, forwarder and panel."""
    port = free_ports(1)[0]
    sources = {
        "tradingview": {"secret": "file:secrets/tradingview"},
        "desk": {"secret": "file:secrets/desk"},
        "near": {"secret": "file:secrets/near", "allow_addresses": [KNOWN_SENDER]},
    }
    found = Stack(
        tmp_path_factory.mktemp("proxied"),
        {
            "sources": sources,
            "forwarder": {"trusted_proxies": ["127.0.0.1"]},
            "panel": {"address": f"127.0.0.1:{port}", "hosts": [PANEL]},
            "pool": {"max_open_groups": 50},
        },
    )
    try:
        found.start("daemon", "forwarder")
        found.spawn("panel", [sys.executable, "-m", "control", "--config", str(found.config_file), "panel"])
        yield found
    finally:
        found.stop()


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    return make_papers(tmp_path_factory.mktemp("papers"))


@pytest.fixture(scope="module", params=KINDS)
def proxy(stack: Stack, papers: Papers, request: pytest.FixtureRequest) -> Iterator[Proxy]:
    with proxy_of(request.param, "open", stack, papers) as found:
        yield found


@pytest.fixture(scope="module", params=KINDS)
def strict(stack: Stack, papers: Papers, request: pytest.FixtureRequest) -> Iterator[Proxy]:
    """The one that wants TradingView's certificate."""
    with proxy_of(request.param, "strict", stack, papers, wants_certificate=True) as found:
        yield found


@contextlib.contextmanager
def proxy_of(kind: str, name: str, stack: Stack, papers: Papers, *, wants_certificate: bool = False) -> Iterator[Proxy]:
    folder = stack.folder / f"{kind}-{name}-{time.monotonic_ns()}"
    ports = {"forwarder": stack.ports[1], "panel": panel_port(stack)}
    with proxied(kind, folder, papers, **ports, wants_certificate=wants_certificate) as found:
        yield found


def panel_port(stack: Stack) -> int:
    return int(stack.config["panel"]["address"].rpartition(":")[2])


def body_of(proxy: Proxy, stack: Stack, timeframe: str, source: str = "tradingview") -> bytes:
    body = alert(proxy.symbol, timeframe, source=source)
    return json.dumps({**body, "secret": stack.secret(source)}).encode()


def post(
    proxy: Proxy,
    stack: Stack,
    timeframe: str,
    source: str = "tradingview",
    *,
    path: str = "",
    sender: str = "127.0.0.1",
    certificate: Path | None = None,
    headers: dict[str, str] | None = None,
) -> Answer:
    body = body_of(proxy, stack, timeframe, source)
    return proxy.ask(HOOKS, "POST", path or f"/hook/{source}", body, headers, sender=sender, certificate=certificate)


def is_refused(answer: Answer, status: int, reason: str) -> bool:
    """Whether it has this status and, where it has a body, this reason; Caddy's have none."""
    return answer.status == status and (not answer.body or answer.json["reason"] == reason)


# --- alerts


@pytest.mark.rule("SIG-12")
def test_an_alert_over_tls_is_opened(proxy: Proxy, stack: Stack) -> None:
    answer = post(proxy, stack, "1")
    assert (answer.status, answer.json["outcome"]) == (200, "OPENED")
    assert stack.group(answer.json["group_id"])["state"] != "CLOSED"


def test_an_alert_over_http_2_is_opened(proxy: Proxy, stack: Stack, papers: Papers) -> None:
    curl = shutil.which("curl")
    if curl is None or b"HTTP2" not in subprocess.run([curl, "-V"], capture_output=True, check=True).stdout:
        pytest.skip("no curl that speaks HTTP/2")
    url = f"https://{HOOKS}:{proxy.port}/hook/tradingview"
    words = ["-sS", "--http2", "--cacert", str(papers.server[0]), "--resolve", f"{HOOKS}:{proxy.port}:127.0.0.1"]
    command = [curl, *words, "-w", "%{http_version} %{http_code}", "--data-binary", "@-", url]
    done = subprocess.run(command, input=body_of(proxy, stack, "3"), capture_output=True, timeout=30, check=True)
    body, _, told = done.stdout.decode().partition("\n")
    assert (told, json.loads(body)["outcome"]) == ("2 200", "OPENED")


def test_a_body_as_large_as_may_be_passes_and_a_larger_one_does_not(proxy: Proxy, stack: Stack) -> None:
    body = body_of(proxy, stack, "5")
    assert proxy.ask(HOOKS, "POST", "/hook/tradingview", body.ljust(MAX_BODY_BYTES)).json["outcome"] == "OPENED"
    answer = proxy.ask(HOOKS, "POST", "/hook/tradingview", body.ljust(MAX_BODY_BYTES + 1))
    assert is_refused(answer, 413, "TOO_LARGE")


@pytest.mark.parametrize("path", ["/", "/healthz", "/hook", "/hook/", "/hook/tradingview/more", "/hook/../healthz"])
def test_nothing_but_webhooks_can_be_reached(proxy: Proxy, path: str) -> None:
    for method in ("GET", "POST"):
        answer = proxy.ask(HOOKS, method, path, b"{}" if method == "POST" else None)
        assert is_refused(answer, 404, "NOT_FOUND")


def test_no_answer_tells_a_version(proxy: Proxy) -> None:
    answers = [
        proxy.ask(HOOKS, "GET", "/"),
        proxy.ask(HOOKS, "POST", "/hook/nobody", b"{}"),
        proxy.ask(HOOKS, "POST", "/hook/tradingview", b" " * (MAX_BODY_BYTES + 1)),
        proxy.ask(PANEL, "GET", "/healthz"),
    ]
    assert [answer.status for answer in answers] == [404, 401, 413, 404]
    for answer in answers:
        assert answer.headers["Server"] in ("nginx", "terrace", None)
        assert b"nginx/" not in answer.body


@only_nginx
def test_in_clear_nothing_is_taken(proxy: Proxy, stack: Stack) -> None:
    connection = HTTPConnection("127.0.0.1", proxy.plain_port, timeout=30)
    with contextlib.closing(connection):
        connection.request("POST", "/hook/tradingview", body_of(proxy, stack, "7"), {"Host": HOOKS})
        answer = connection.getresponse()
        assert (answer.status, answer.headers["Location"]) == (404, None)


@only_nginx
def test_another_name_gets_no_handshake_and_no_page(proxy: Proxy) -> None:
    with pytest.raises(OSError, match=r"(?i)unrecognized.name"):
        proxy.connection("else.example").connect()
    assert proxy.ask(HOOKS, "GET", "/", headers={"Host": "else.example"}).status == 404


# --- who sends


@pytest.mark.rule("SIG-5")
def test_the_address_that_counts_is_the_one_the_proxy_saw(proxy: Proxy, stack: Stack) -> None:
    """What the sender writes about himself counts for nothing."""
    refused = post(proxy, stack, "10", "near", headers={"X-Forwarded-For": KNOWN_SENDER})
    assert (refused.status, refused.json["reason"]) == (401, "UNAUTHENTICATED")
    taken = post(proxy, stack, "10", "near", sender=KNOWN_SENDER)
    assert (taken.status, taken.json["outcome"]) == (200, "OPENED")


@only_nginx
def test_a_stranger_cannot_hold_more_than_a_hundred_and_a_known_sender_is_not_kept_out(
    proxy: Proxy, stack: Stack
) -> None:
    """Who is refused is told 503, which TradingView answers by sending again."""
    head = b"POST /hook/desk HTTP/1.1\r\nHost: hooks.example\r\nContent-Length: 9\r\n\r\n"
    with contextlib.ExitStack() as held:
        for sender in ["127.0.0.1", KNOWN_SENDER] * 100:
            connection = held.enter_context(contextlib.closing(proxy.connection(HOOKS, sender=sender)))
            connection.connect()
            connection.sock.sendall(head)
        refused = until(lambda: _shed(proxy), 4, "the hundred and first was served")
        assert (refused.json["reason"], refused.headers["Retry-After"]) == ("UNAVAILABLE", "5")
        assert post(proxy, stack, "12", sender=KNOWN_SENDER).json["outcome"] == "OPENED"


@only_nginx
def test_a_stranger_who_asks_too_often_is_shed_and_a_known_sender_is_not(proxy: Proxy) -> None:
    """A thousand at once are taken from anybody."""
    assert {status for status, _ in _asked(proxy, KNOWN_SENDER, 1500)} == {405}
    answers = _asked(proxy, "127.0.0.3", 1500)
    assert {status for status, _ in answers[:1000]} == {405}
    assert (503, "5") in answers[1000:]


def _asked(proxy: Proxy, sender: str, times: int) -> list[tuple[int, str | None]]:
    """Status and `Retry-After` of so many requests one after the other, until one is shed."""
    found: list[tuple[int, str | None]] = []
    with contextlib.closing(proxy.connection(HOOKS, sender=sender)) as connection:
        while len(found) < times and (503, "5") not in found[-1:]:
            connection.request("GET", "/hook/desk", headers={"Host": HOOKS})
            answer = connection.getresponse()
            answer.read()
            found.append((answer.status, answer.headers["Retry-After"]))
    return found


def _shed(proxy: Proxy) -> Answer | None:
    answer = proxy.ask(HOOKS, "POST", "/hook/desk", b"{}")
    return answer if answer.status == 503 else None


def test_without_a_certificate_only_tradingviews_alerts_are_refused(strict: Proxy, stack: Stack) -> None:
    assert is_refused(post(strict, stack, "15"), 403, "UNAUTHENTICATED")
    assert post(strict, stack, "15", "desk").json["outcome"] == "OPENED"


@pytest.mark.parametrize(
    ("name", "timeframe"), [("TradingView Webhooks", "20"), ("webhook-server@tradingview.com", "21")]
)
def test_with_tradingviews_certificate_its_alert_is_taken(
    strict: Proxy, stack: Stack, papers: Papers, name: str, timeframe: str
) -> None:
    certificate = papers.caller("right", papers.authority, {NameOID.COMMON_NAME: name})
    answer = post(strict, stack, timeframe, certificate=certificate)
    assert (answer.status, answer.json["outcome"]) == (200, "OPENED")


@pytest.mark.parametrize(
    "changes",
    [
        {NameOID.COMMON_NAME: "Somebody"},
        {NameOID.ORGANIZATION_NAME: "Somebody, Inc."},
        {NameOID.COMMON_NAME: "x,CN=TradingView Webhooks"},
    ],
)
def test_another_certificate_of_the_same_authority_is_refused(
    strict: Proxy, stack: Stack, papers: Papers, changes: dict[ObjectIdentifier, str]
) -> None:
    certificate = papers.caller("wrong", papers.authority, changes)
    assert is_refused(post(strict, stack, "30", certificate=certificate), 403, "UNAUTHENTICATED")


@pytest.mark.parametrize("is_self_signed", [True, False])
def test_a_certificate_of_another_authority_is_refused_whatever_its_name(
    strict: Proxy, stack: Stack, papers: Papers, is_self_signed: bool
) -> None:
    certificate = papers.caller("wrong", None if is_self_signed else authority())
    try:
        answer = post(strict, stack, "30", certificate=certificate)
    except OSError:  # Caddy ends the handshake.
        assert isinstance(strict, Caddy)
    else:
        assert is_refused(answer, 403, "UNAUTHENTICATED")


@pytest.mark.skipif(not PROGRAMS["nginx"], reason="nginx is not installed")
def test_the_certificate_can_be_looked_at_before_it_is_required(stack: Stack, papers: Papers) -> None:
    """Every alert is taken; the log says who issued what its sender showed."""
    with proxy_of("looking", "look", stack, papers) as looking:
        certificate = papers.caller("looked-at", authority("somebody"))
        assert post(looking, stack, "23", certificate=certificate).json["outcome"] == "OPENED"
        assert post(looking, stack, "24").json["outcome"] == "OPENED"
        log = looking.folder / "certificates.log"
        shown, bare = until(lambda: (log.read_text(encoding="utf-8").splitlines() + [""] * 2)[:2])
    subject = r"CN=TradingView Webhooks,O=TradingView\x5C, Inc.,L=Westerville,ST=Ohio,C=US"
    assert "127.0.0.1 FAILED:" in shown
    assert f'"{subject}" "CN=somebody"' in shown
    assert bare.endswith('127.0.0.1 NONE "-" "-"')


@pytest.mark.parametrize(
    "path",
    [
        "//hook/tradingview",
        "/hook//tradingview",
        "/hook/%74radingview",
        "/hook/desk/../tradingview",
        "/hook/tradingview/",
        "/hook/%2574radingview",
        "/hook/tradingview%2F",
        "/hook/tradingview/../desk",
    ],
)
def test_no_other_spelling_of_the_path_gets_round_the_certificate(strict: Proxy, stack: Stack, path: str) -> None:
    assert post(strict, stack, "31", path=path).status in (401, 403, 404)


def test_the_name_of_the_panel_is_no_way_round_the_certificate(strict: Proxy, stack: Stack) -> None:
    answer = strict.ask(PANEL, "POST", "/hook/tradingview", body_of(strict, stack, "32"), {"Host": HOOKS})
    assert answer.status == 421


# --- in time


@pytest.mark.rule("SIG-12", "SIG-9")
def test_a_daemon_that_hangs_costs_no_alert_and_no_504(proxy: Proxy, stack: Stack) -> None:
    assert post(proxy, stack, "44").status == 200  # So that the forwarder is connected and has to wait.
    process = stack.processes["daemon"]
    process.send_signal(signal.SIGSTOP)
    try:
        answer, took_s = timed(lambda: post(proxy, stack, "45"))
    finally:
        process.send_signal(signal.SIGCONT)
    assert (answer.status, answer.json["outcome"]) == (202, "SPOOLED")
    assert took_s < TRADINGVIEW_WAITS_S
    until(lambda: is_open(proxy, stack, "45m"))


@only_nginx
@pytest.mark.rule("SIG-12", "SIG-9")
def test_while_the_daemon_is_away_alerts_are_taken(proxy: Proxy, stack: Stack) -> None:
    stack.kill("daemon", signal.SIGTERM)
    try:
        answer, took_s = timed(lambda: post(proxy, stack, "60"))
    finally:
        stack.start("daemon")
    assert (answer.status, answer.json["outcome"]) == (202, "SPOOLED")
    assert took_s < TRADINGVIEW_WAITS_S
    until(lambda: is_open(proxy, stack, "1h"))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("how", ["hangs", "is not there"])
def test_where_the_forwarder_does_not_answer_the_sender_is_asked_to_send_again(
    stack: Stack, papers: Papers, tmp_path: Path, kind: str, how: str
) -> None:
    """After a 504 or no answer at all TradingView would not."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        if how == "hangs":
            silent.listen()
        port = silent.getsockname()[1]
        with proxied(kind, tmp_path / kind, papers, forwarder=port, panel=port) as proxy:
            answer, took_s = timed(lambda: post(proxy, stack, "120"))
    assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
    assert answer.json["reason"] == "UNAVAILABLE"
    assert took_s < TRADINGVIEW_WAITS_S


def timed(ask: Callable[[], Answer]) -> tuple[Answer, float]:
    begun_s = time.monotonic()
    return ask(), time.monotonic() - begun_s


def is_open(proxy: Proxy, stack: Stack, timeframe: str) -> bool:
    """Whether an alert of this proxy has its group."""
    found = [group for group in stack.groups() if group["timeframe"] == timeframe]
    return any(group["symbol"].replace("/", "") == proxy.symbol for group in found)


# --- the panel


def login(proxy: Proxy, stack: Stack, headers: dict[str, str]) -> Answer:
    token = (stack.data_dir / "secrets" / "admin.token").read_text(encoding="utf-8").strip()
    form = urllib.parse.urlencode({"token": token, "then": "/"}).encode()
    given = {"Content-Type": "application/x-www-form-urlencoded", **headers}
    return proxy.ask(PANEL, "POST", "/login", form, given)


@pytest.fixture
def panel(proxy: Proxy) -> Proxy:
    until(lambda: proxy.ask(PANEL, "GET", "/login").status == 200)
    return proxy


@pytest.mark.rule("SEC-2")
def test_the_login_works_through_the_proxy_and_its_cookie_is_secure(panel: Proxy, stack: Stack) -> None:
    answer = login(panel, stack, {"Origin": f"https://{PANEL}:{panel.port}"})
    assert answer.status == 303, answer.body
    cookie = SimpleCookie(answer.headers["Set-Cookie"])["terrace_login"]
    assert cookie["secure"]
    assert cookie["httponly"]
    assert "max-age" in answer.headers["Strict-Transport-Security"]
    page = panel.ask(PANEL, "GET", "/", headers={"Cookie": f"terrace_login={cookie.value}", "Accept": "text/html"})
    assert page.status == 200
    assert b"Terrace" in page.body


@pytest.mark.rule("SEC-2")
def test_a_page_elsewhere_cannot_log_in_through_the_proxy(panel: Proxy, stack: Stack) -> None:
    assert login(panel, stack, {"Origin": "https://else.example"}).status == 403


def test_the_stream_passes_as_it_comes(panel: Proxy, stack: Stack) -> None:
    """Something every second, each when it was said; a proxy that holds it back would send all of it later at once."""
    answer = login(panel, stack, {"Origin": f"https://{PANEL}:{panel.port}"})
    cookie = SimpleCookie(answer.headers["Set-Cookie"])["terrace_login"].value
    connection = panel.connection(PANEL)
    headers = {"Host": f"{PANEL}:{panel.port}", "Cookie": f"terrace_login={cookie}"}
    with contextlib.closing(connection):
        begun_s = time.monotonic()
        connection.request("GET", "/live", headers=headers)
        stream = connection.getresponse()
        assert (stream.status, stream.headers.get_content_type()) == (200, "text/event-stream")
        assert stream.readline() == b"event: hello\n"
        heard_s: list[float] = []
        while len(heard_s) < 2:
            if stream.readline() == b"event: alive\n":
                heard_s.append(time.monotonic())
    assert heard_s[1] - heard_s[0] > 0.5
    assert heard_s[0] - begun_s < 10
