"""The containers built and started for real, by podman. `make container-test`; needs root, podman and podman-compose.

The story goes on from test to test: one installation from its first start, through what happens to one, to an update.
"""

from __future__ import annotations

import json
import os
import signal
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests.install import container_engine as engines
from tests.install.container_engine import Engine, until
from tests.ports import free_ports

PASSWORD_LIKE = "k7Xq9LmZ2vTsA4B1wYdE"
FILLED_S = 60.0

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

LOOK = """
import json, os
rows = dict(row.split(":\t", 1) for row in open("/proc/1/status").read().splitlines() if ":\t" in row)
def writes(path):
    try:
        os.close(os.open(path + "/x", os.O_CREAT | os.O_WRONLY))
        os.unlink(path + "/x")
        return True
    except OSError:
        return False
places = ["/", "/etc", "/etc/terrace", "/opt/terrace/share", "/var/lib/terrace", "/var/lib/terrace/door", "/tmp"]
asked = ("Uid", "CapEff", "CapBnd", "NoNewPrivs")
print(json.dumps([*(rows[name] for name in asked), [place for place in places if writes(place)]]))
"""
REACH = """
import json, socket
def reached(place):
    host, port = place.split(":")
    try:
        socket.create_connection((host, int(port)), 3).close()
        return True
    except OSError:
        return False
print(json.dumps([place for place in PLACES if reached(place)]))
"""
EDIT = """
import pathlib
path = pathlib.Path("/etc/terrace/config.yaml")
path.write_text(path.read_text().replace(OLD, NEW, 1))
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    if not os.environ.get("TERRACE_TEST_CONTAINER"):
        pytest.skip("takes minutes: make container-test")
    if why := engines.missing():
        print(f"skipped: {why}")
        pytest.skip(why)
    https, panel = free_ports(2)
    variables = {"TERRACE_HTTPS": f"127.0.0.1:{https}", "TERRACE_PANEL_PORT": str(panel), "TERRACE_FRONT": "10.83.77"}
    made = Engine(folder=tmp_path_factory.mktemp("engine"), variables=variables)
    with made.timed("images in the place of others"):
        engines.stand_ins(made)
    if os.environ["TERRACE_TEST_CONTAINER"] != "built":
        with made.timed("image"):
            engines.build(made)
    try:
        with made.timed("first start"):
            made.up()
        yield made
    finally:
        made.compose("down", "--volumes", code=None)


class Answer:
    def __init__(self, status: int, body: bytes) -> None:
        self.status = status
        self.json: Any = json.loads(body) if body.startswith(b"{") else None


def post(stack: Engine, symbol: str, action: str = "buy", secret: str | None = None, **more: str) -> Answer:
    """An alert to the proxy, over TLS, with its certificate checked."""
    certificate = stack.folder / "hooks.pem"
    certificate.write_text(stack.inside("proxy", "cat", "/etc/ssl/terrace/hooks.pem"), encoding="utf-8")
    secret = stack.inside("daemon", "cat", "/var/lib/terrace/door/tradingview").strip() if secret is None else secret
    body = {
        "secret": secret,
        "tv": {"exchange": "BINANCE", "symbol": symbol, "timeframe": "60", "action": action} | more,
        "strategy_info": {"trade_id": f"{symbol}-{action}-{time.time_ns()}"},
    }
    port = stack.variables["TERRACE_HTTPS"].rpartition(":")[2]
    request = urllib.request.Request(f"https://localhost:{port}/hook/tradingview", json.dumps(body).encode())
    context = ssl.create_default_context(cafile=str(certificate))
    try:
        with urllib.request.urlopen(request, timeout=30, context=context) as found:
            return Answer(found.status, found.read())
    except urllib.error.HTTPError as error:
        return Answer(error.code, error.read())


def groups(stack: Engine) -> dict[str, dict[str, Any]]:
    """By symbol, closed ones too: prices move by themselves."""
    found = json.loads(stack.inside("daemon", "terrace", "group", "list", "--all", "-o", "json"))["groups"]
    return {group["symbol"]: group for group in found}


def is_filled(stack: Engine, symbol: str) -> bool:
    return symbol in groups(stack) and groups(stack)[symbol]["legs_filled"] > 0


def test_an_alert_through_the_proxy_becomes_a_paper_group(stack: Engine) -> None:
    with stack.timed("alert to filled group"):
        answer = post(stack, "BTCUSDT", close_price="65000")  # Above the made-up price, so that it fills at once.
        assert (answer.status, answer.json["outcome"]) == (200, "OPENED")
        until(lambda: is_filled(stack, "BTC/USDT"), FILLED_S, "it does not fill", lambda: stack.log("daemon"))


def test_a_wrong_secret_or_path_gets_nowhere(stack: Engine) -> None:
    assert post(stack, "BTCUSDT", secret="wrong").status == 401
    assert len(groups(stack)) == 1


def test_the_store_is_in_the_database(stack: Engine) -> None:
    said = stack.inside("daemon", "terraced", "db", "check")
    assert "terrace at database:5432" in said
    assert "the store is well" in said


@pytest.mark.parametrize("service", ["daemon", "forwarder", "panel"])
def test_the_program_is_nobody_and_may_write_nowhere(stack: Engine, service: str) -> None:
    uid, effective, bound, privileges, places = json.loads(stack.python(service, LOOK))
    assert uid.split() == ["10001"] * 4
    assert (int(effective, 16), int(bound, 16), privileges.strip()) == (0, 0, "1")
    assert (
        places
        == {
            "daemon": ["/etc/terrace", "/var/lib/terrace", "/var/lib/terrace/door", "/tmp"],
            "forwarder": ["/var/lib/terrace", "/tmp"],
            "panel": ["/tmp"],
        }[service]
    )


@pytest.mark.parametrize("service", engines.STARTED)
def test_the_engine_was_told_what_the_file_says(stack: Engine, service: str) -> None:
    host = stack.state(service)["HostConfig"]
    assert host["ReadonlyRootfs"] is True
    assert host["Memory"] > 0
    assert host["PidsLimit"] > 0
    assert "no-new-privileges" in " ".join(host["SecurityOpt"])
    assert host["Privileged"] is False


REACHES = {
    "daemon": ["database:5432", "daemon:7461"],
    "forwarder": ["daemon:7461", "daemon:9461", "forwarder:8461"],
    "panel": ["daemon:7461", "daemon:9461", "panel:8462"],
}
EVERYBODY = [
    "database:5432",
    "daemon:7461",
    "daemon:9461",
    "forwarder:8461",
    "panel:8462",
    "proxy:8443",
    "prometheus:9090",
]


@pytest.mark.parametrize("service", REACHES)
def test_who_reaches_whom(stack: Engine, service: str) -> None:
    found = set(json.loads(stack.python(service, REACH.replace("PLACES", repr(EVERYBODY)))))
    allowed = set(REACHES[service])
    if service == "daemon":
        allowed |= {"daemon:9461", "forwarder:8461", "panel:8462", "prometheus:9090"}
    if service == "forwarder":
        allowed |= {"proxy:8443"}
    assert set(REACHES[service]) <= found <= allowed


def test_what_is_published_is_on_loopback(stack: Engine) -> None:
    published = {}
    for service in engines.STARTED:
        ports = stack.state(service)["NetworkSettings"]["Ports"] or {}
        for places in ports.values():
            for place in places or ():
                published[service] = f"{place['HostIp']}:{place['HostPort']}"
    assert published == {
        "proxy": stack.variables["TERRACE_HTTPS"],
        "panel": f"127.0.0.1:{stack.variables['TERRACE_PANEL_PORT']}",
    }


def test_the_panel_shows_its_login_page(stack: Engine) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{stack.variables['TERRACE_PANEL_PORT']}/login", timeout=30) as found:
        assert found.status == 200
        assert b"token" in found.read()


def test_prometheus_has_the_daemons_numbers_and_the_rules(stack: Engine) -> None:
    def is_up() -> bool:
        query = ("promtool", "query", "instant", "http://127.0.0.1:9090")
        return "=> 1 @" in stack.inside("prometheus", *query, 'up{job="terrace"}') and "=> 1 @" in stack.inside(
            "prometheus", *query, 'terrace_live_groups{world="paper"}'
        )

    until(is_up, 60, "no numbers", lambda: stack.log("prometheus"))
    rules = stack.inside("prometheus", "wget", "-q", "-O", "-", "http://127.0.0.1:9090/api/v1/rules")
    assert "TerraceDown" in rules


def test_a_key_goes_into_the_vault(stack: Engine) -> None:
    name = stack.name("daemon")
    stack.podman("exec", "--interactive", name, "terrace", "secret", "set", "binance/api_key", text=PASSWORD_LIKE)
    assert "****wYdE" in stack.inside("daemon", "terrace", "secret", "list")


def test_a_backup_lies_in_its_volume(stack: Engine) -> None:
    stack.inside("daemon", "terrace", "backup", "create")
    (name,) = stack.inside("daemon", "ls", "/backups").split()[:1]
    assert "the backup is well" in stack.inside(
        "daemon", "terraced", "backup", "verify", f"/backups/{name}", "--scratch", "/tmp"
    )


def test_alerts_wait_while_the_daemon_is_stopped_and_it_stops_in_peace(stack: Engine) -> None:
    with stack.timed("stop of the daemon"):
        stack.podman("stop", stack.name("daemon"))
    assert stack.state("daemon")["State"]["ExitCode"] == 0
    answer = post(stack, "ETHUSDT", secret=_secret_in(stack))
    assert (answer.status, answer.json["outcome"]) == (202, "SPOOLED")
    with stack.timed("start of the daemon"):
        stack.podman("start", stack.name("daemon"))
        stack.until_healthy("daemon")
    until(lambda: "ETH/USDT" in groups(stack), FILLED_S, "it was not delivered", lambda: stack.log("forwarder"))


def _secret_in(stack: Engine) -> str:
    return stack.inside("forwarder", "cat", "/var/lib/terrace/door/tradingview").strip()


def test_after_a_crash_the_engine_starts_it_again_and_the_groups_are_there(stack: Engine) -> None:
    before, pid = groups(stack), stack.state("daemon")["State"]["Pid"]
    os.kill(pid, signal.SIGKILL)
    until(lambda: stack.state("daemon")["State"]["Pid"] not in (0, pid), 60, "nobody starts it again")
    stack.until_healthy("daemon")
    assert set(groups(stack)) == set(before)


def test_a_token_of_the_forwarder_is_rotated(stack: Engine) -> None:
    token = "/var/lib/terrace/door/forwarder.token"
    stack.inside("daemon", "terrace", "token", "rotate", "forwarder", "--overlap", "0", "--out", token)
    time.sleep(3)  # The daemon looks every two seconds.
    assert post(stack, "SOLUSDT").json["outcome"] == "OPENED"


def test_a_faulty_config_is_not_started_with(stack: Engine) -> None:
    before = set(groups(stack))
    good, bad = "max_open_groups: 10 ", "max_open_groups: ten"
    stack.python("daemon", EDIT.replace("OLD", repr(good)).replace("NEW", repr(bad)))
    stack.podman("start", "--attach", stack.name("prepare"), code=2)
    assert "pool.max_open_groups" in stack.log("prepare")
    assert set(groups(stack)) == before, "who runs goes on with what it had"
    stack.python("daemon", EDIT.replace("OLD", repr(bad)).replace("NEW", repr(good)))
    stack.podman("start", "--attach", stack.name("prepare"))


def test_containers_made_anew_know_everything(stack: Engine) -> None:
    before = groups(stack)
    with stack.timed("down"):
        stack.compose("down")
    with stack.timed("up again"):
        stack.up()
    assert set(groups(stack)) == set(before)
    assert "****wYdE" in stack.inside("daemon", "terrace", "secret", "list"), "the vault opens"
    post(stack, "BTCUSDT", "sell")
    closed = lambda: groups(stack)["BTC/USDT"]["state"] == "CLOSED"  # noqa: E731
    until(closed, FILLED_S, "it does not close", lambda: stack.log("daemon"))


def test_nothing_secret_is_in_the_logs_or_in_what_the_engine_knows(stack: Engine) -> None:
    secret = [_secret_in(stack), stack.inside("daemon", "cat", "/keys/vault/key").strip(), PASSWORD_LIKE]
    secret.append(stack.inside("database", "cat", "/keys/store/password").strip())
    for service in engines.STARTED:
        text = stack.log(service) + json.dumps(stack.state(service))
        assert not [each for each in secret if each in text], service
    history = stack.podman("history", "--no-trunc", "--format", "{{.CreatedBy}}", engines.IMAGE)
    assert not [each for each in secret if each in history]


def test_what_it_took_is_told(stack: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    size = int(stack.podman("image", "inspect", "--format", "{{.Size}}", engines.IMAGE))
    base = int(stack.podman("image", "inspect", "--format", "{{.Size}}", engines.BASE))
    with capsys.disabled():
        print(f"\nimage: {size // 10**6} MB, of which {base // 10**6} MB are the base")
        for what, took in stack.took.items():
            print(f"{what}: {took:.1f} s")
    assert (size - base) < 1000 * 10**6
