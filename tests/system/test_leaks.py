"""LOG-4 on a whole installation: secrets of every kind are planted, everything is used and broken, then all that was
written and said is searched. None can be read anywhere but in the one file it was put into.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import hmac
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml

from daemon.api.roles import ROLE_OF
from protos.terrace.v1 import config_pb2, secret_pb2
from tests.system.leak_hunt import Hunt, as_json
from tests.system.stack import EVENTUALLY_S, Plain, _environment, alert, merged, until
from tests.system.venues import Place, VenueStack, account_config
from tests.wire.run import Running

UNTIL = "2100-01-01T00:00:00Z"
"""Until then the secrets of before a rotation are taken, too."""
PLACE = Place(venue="binance", market="spot")


@dataclass(slots=True)
class Town:
    stack: VenueStack
    hunt: Hunt
    good: tuple[str, str]
    """Key and secret the venue takes."""

    # --- the CLI ----------------------------------------------------------------------------------

    def cli(self, *words: str, text: str = "", code: int | None = None) -> bytes:
        """Runs it; what it says on both streams is heard."""
        command = [sys.executable, "-m", "control", "--config", str(self.stack.config_file), *words]
        done = subprocess.run(
            command, input=text.encode(), capture_output=True, timeout=EVENTUALLY_S, env=_environment(), check=False
        )
        self.hunt.hear(f"terrace {' '.join(words)}", done.stdout + done.stderr)
        assert code is None or done.returncode == code, (words, done)
        return done.stdout

    # --- the webhook ------------------------------------------------------------------------------

    def hook(self, body: bytes, path: str = "/hook/tradingview", **headers: str) -> int:
        connection = HTTPConnection("127.0.0.1", self.stack.ports[1], timeout=30)
        try:
            connection.request("POST", path, body, {"Content-Type": "application/json", **headers})
            answer = connection.getresponse()
            self.hunt.hear(f"POST {path[:30]}", str(answer.getheaders()).encode() + answer.read())
            return answer.status
        finally:
            connection.close()

    def page(self, path: str) -> bytes:
        connection = HTTPConnection("127.0.0.1", self.stack.ports[2], timeout=30)
        try:
            connection.request("GET", path)
            data = connection.getresponse().read()
            self.hunt.hear(f"GET {path}", data)
            return data
        finally:
            connection.close()

    # --- the API ----------------------------------------------------------------------------------

    def call(self, method: str, request: bytes, token: str, seconds: float = 5.0) -> None:
        """Any method with any bytes; what comes back is heard, errors with all their details."""
        with grpc.insecure_channel(f"127.0.0.1:{self.stack.ports[0]}") as channel:
            ask = channel.unary_stream(method, request_serializer=bytes, response_deserializer=bytes)
            try:
                for count, data in enumerate(ask(request, timeout=seconds, metadata=_bearer(token))):
                    self.hunt.hear(method, data)
                    if count >= 20:
                        break
            except grpc.RpcError as error:
                known: Any = error
                trailing = known.trailing_metadata() or ()
                self.hunt.hear(method, repr([known.code(), known.details(), *trailing]))
                for _, value in trailing:
                    self.hunt.hear(method, value if isinstance(value, bytes) else str(value))


def _bearer(token: str) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {token}"),)


def secret_file(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(f"{text}\n", encoding="utf-8")


def planted_config(stack: VenueStack, hunt: Hunt) -> Plain:
    """Every key that can refer to a secret does."""
    account = account_config(stack.place, stack.endpoints)
    stack.environ |= {
        "PLANTED_HMAC": hunt.plant("hmac secret"),
        "PLANTED_OLD_HMAC": hunt.plant("previous hmac secret"),
        "PLANTED_KEY": hunt.plant("refused api key"),
        "PLANTED_SECRET": hunt.plant("refused api secret"),
        "PLANTED_CHANNEL": f"json://user:{hunt.plant('channel password')}@127.0.0.1:1/{hunt.plant('channel token')}",
        "PLANTED_HEARTBEAT": f"http://127.0.0.1:1/ping/{hunt.plant('heartbeat token')}",
    }
    secret_file(stack.data_dir, "secrets/tradingview", hunt.plant("source secret"))
    secret_file(stack.data_dir, "secrets/before", hunt.plant("previous source secret"))
    secret_file(stack.folder, "passphrase", hunt.plant("backup passphrase"))
    return merged(
        stack.config,
        {
            "accounts": {
                "stored": {**account, "api_key": "vault:venue/key", "api_secret": "vault:venue/secret"},
                "refused": {**account, "api_key": "env:PLANTED_KEY", "api_secret": "env:PLANTED_SECRET"},
                "missing": {**account, "api_key": "env:NOT_SET_ANYWHERE", "api_secret": "file:secrets/nothing"},
            },
            "routes": {"*": "stored"},
            "sources": {
                "tradingview": {
                    "secret": "file:secrets/tradingview",
                    "previous_secret": "file:secrets/before",
                    "previous_until": UNTIL,
                },
                "signed": {
                    "hmac_secret": "env:PLANTED_HMAC",
                    "previous_hmac_secret": "env:PLANTED_OLD_HMAC",
                    "previous_until": UNTIL,
                },
            },
            "notifications": [{"url": "env:PLANTED_CHANNEL", "severity": "info"}],
            "alerts": {"heartbeat_url": "env:PLANTED_HEARTBEAT", "heartbeat_every_s": 5},
            "logging": {"level": "debug"},
        },
    )


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    hunt = Hunt()
    with Running(PLACE.venue, process=True) as venue:
        key, secret = venue.endpoints.api_key, venue.endpoints.api_secret
        stack = VenueStack(tmp_path, PLACE, venue.endpoints)
        stack.environ = {}
        stack.config = planted_config(stack, hunt)
        del stack.config["accounts"]["venue"]
        stack.config_file.write_text(yaml.safe_dump(stack.config, sort_keys=False), encoding="utf-8")
        hunt.know("api key", key)
        hunt.know("api secret", secret)
        try:
            yield Town(stack, hunt, (key, secret))
        finally:
            stack.stop()


@pytest.mark.rule("LOG-4", "SEC-3")
def test_no_planted_secret_can_be_read_anywhere(town: Town) -> None:
    stack, hunt = town.stack, town.hunt
    stack.start("daemon", "forwarder")
    admin = (stack.data_dir / "secrets" / "admin.token").read_text().strip()
    hunt.know("admin token", admin)
    hunt.know("forwarder token", (stack.data_dir / "secrets" / "forwarder.token").read_text().strip())

    store_keys(town)
    webhooks(town)
    every_method(town, admin)
    command_line(town)
    wrong_tokens(town)
    for page in ("/metrics", "/healthz", "/readyz", "/nothing"):
        town.page(page)
    stack.processes["daemon"].send_signal(signal.SIGUSR1)
    until(lambda: "dump_of_thread" in stack.log("daemon"))
    broken_configs(town)
    while_the_daemon_is_away(town)
    refused_start(town)
    stack.stop()

    homes = {
        "source secret": "data/secrets/tradingview",
        "previous source secret": "data/secrets/before",
        "backup passphrase": "passphrase",
        "admin token": "data/secrets/admin.token",
        "forwarder token": "data/secrets/forwarder.token",
    }
    said = {who.split()[0] for who, _ in hunt.said}
    assert {"terrace", "POST", "GET"} < said
    assert len(hunt.said) > len(ROLE_OF)
    assert hunt.found(stack.folder, homes) == []


def store_keys(town: Town) -> None:
    """The account lacks its keys, then has wrong ones, then right ones."""
    stack, hunt = town.stack, town.hunt
    wrong = hunt.plant("wrong stored key"), hunt.plant("wrong stored secret")
    for name, value in zip(("venue/key", "venue/secret"), wrong, strict=True):
        town.cli("secret", "set", name, text=value, code=0)
    town.cli("secret", "set", "never/used", text=hunt.plant("vault entry"), code=0)
    stack.kill("daemon", signal.SIGTERM)
    stack.start("daemon")
    assert b"api_key" in town.cli("account", "check", "stored", code=1), "the venue does not know this key"
    half = town.cli("secret", "set", "venue/key", text=town.good[0], code=0).decode()
    assert "keeps the key it has, the exchange does not take the new one" in half
    said = town.cli("secret", "set", "venue/secret", text=town.good[1], code=0).decode()
    assert "account stored uses it from now on" in said
    until(
        lambda: stack.json("account", "show", "stored")["account"]["state"] == "READY",
        failure=lambda: str(stack.json("account", "show", "stored")),
    )
    town.cli("secret", "rotate", "--yes", code=0)
    town.cli("secret", "list", code=0)
    town.cli("secret", "delete", "never/used", "--yes", code=0)


def webhooks(town: Town) -> None:
    secret, other = town.hunt.planted["source secret"], town.hunt.plant("guessed secret")
    body = alert("ETHUSDT", price="3000")
    good = as_json({"secret": secret, **body})
    assert town.hook(good) == 200
    assert town.hook(good) == 200
    assert town.hook(as_json({"secret": other, **body})) == 401
    before = town.hunt.planted["previous source secret"]
    rotated = alert("ETHUSDT", timeframe="60", price="3000")
    assert town.hook(as_json({"secret": before, **rotated})) == 200
    town.hook(as_json({"secret": before, "comment": before, "tv": {**rotated["tv"], "symbol": before}}))
    town.hook(as_json({"secret": before, "tv": {}}), path=f"/hook/tradingview?secret={before}")
    town.hook(as_json({"secret": secret, "tv": {}}))
    town.hook(as_json({"secret": [secret], **body}))
    town.hook(as_json({"secret": secret, **body, "comment": secret, "tv": {**body["tv"], "symbol": secret}}))
    town.hook(good[:-20])
    town.hook(good + b"trailing")
    town.hook(b'{"secret": "' + secret.encode() + b'", "x": "' + b"y" * 70_000 + b'"}')
    town.hook(good, path=f"/hook/tradingview?secret={secret}")
    town.hook(good, path=f"/hook/{secret}")
    raw = as_json({**body, "source": "signed"})
    stamp = str(int(time.time()))
    key = town.hunt.planted["hmac secret"]
    sign = hmac.new(key.encode(), f"{stamp}.".encode() + raw, hashlib.sha256).hexdigest()
    town.hook(raw, path="/hook/signed", **{"X-Terrace-Signature": f"t={stamp},v1={sign}"})
    town.hook(raw, path="/hook/signed", **{"X-Terrace-Signature": f"t={stamp},v1={key}"})
    old = town.hunt.planted["previous hmac secret"]
    town.hook(raw, path="/hook/signed", **{"X-Terrace-Signature": f"t={stamp},v1={old}"})
    sign = hmac.new(old.encode(), f"{stamp}.".encode() + raw, hashlib.sha256).hexdigest()
    town.hook(raw, path="/hook/signed", **{"X-Terrace-Signature": f"t={stamp},v1={sign}"})
    town.hook(raw, path="/hook/signed")


def every_method(town: Town, admin: str) -> None:
    """Each method with an empty request, with one whose texts are a secret, and with bytes that are no message."""
    secret = town.hunt.planted["source secret"].encode()
    for method in sorted(ROLE_OF):
        if "terrace" not in method:
            continue
        seconds = 0.3 if ("Watch" in method or "Tail" in method) else 10.0
        town.call(method, b"", admin, seconds)
        town.call(method, b"\xff" + secret, admin, seconds)
    value = town.hunt.plant("value with a bad name")
    for request in (
        secret_pb2.SetSecretRequest(name="../x", value=value),
        secret_pb2.SetSecretRequest(name="x", value=value + "\0"),
        secret_pb2.SetSecretRequest(name="x", value=value * 300),
    ):
        town.call("/terrace.v1.SecretService/SetSecret", request.SerializeToString(), admin)


def command_line(town: Town) -> None:
    for words in (
        "status",
        "doctor",
        "account check refused",
        "account check missing",
        "config show",
        "config history",
        "log search --limit 200",
        "alert list",
        "alert test",
        "signal list -o json",
        "backup create",
        f"backup create --passphrase-file {town.stack.folder / 'passphrase'}",
        "backup list",
        f"diag dump --file {town.stack.folder / 'diagnostics.json'}",
        "audit verify",
        "source list",
        "source rotate tradingview --dry-run",
    ):
        town.cli(*words.split())


def wrong_tokens(town: Town) -> None:
    for number in range(3):
        guessed = town.hunt.plant(f"guessed token {number}")
        town.call("/terrace.v1.EngineService/GetStatus", b"", guessed)
        town.call("/terrace.v1.SecretService/SetSecret", b"", guessed)
    stolen = town.hunt.planted["forwarder token"]
    town.call("/terrace.v1.SecretService/ListSecrets", b"", stolen)


def broken_configs(town: Town) -> None:
    """A secret in the place of a reference is a fault that does not repeat it."""
    stack, value = town.stack, town.hunt.plant("secret in the config")
    whole = stack.config_file.read_text()
    admin = town.hunt.planted["admin token"]
    for change in (
        {"accounts": {"stored": {"api_key": value}}},
        {"notifications": [{"url": f"tgram://{value}/1"}]},
        {"storage": {"url": f"postgresql://terrace:{value}@127.0.0.1:1/terrace"}},
        {"sources": {"tradingview": {"secret": f"vault:{value}"}}},
        {"vault": {"key": value}},
        {"alerts": {"heartbeat_url": f"https://{value}"}},
        {"backup": {"passphrase": value}},
    ):
        text = yaml.safe_dump(merged(stack.config, change))
        request = config_pb2.ValidateConfigRequest(yaml=text)
        town.call("/terrace.v1.ConfigService/ValidateConfig", request.SerializeToString(), admin)
        stack.config_file.write_text(text)
        stack.processes["daemon"].send_signal(signal.SIGHUP)
        time.sleep(0.2)
    stack.config_file.write_text(whole)


def while_the_daemon_is_away(town: Town) -> None:
    stack, secret = town.stack, town.hunt.planted["source secret"]
    stack.kill("daemon", signal.SIGTERM)
    assert town.hook(as_json({"secret": secret, **alert("ETHUSDT", timeframe="15", price="3000")})) == 202
    town.cli("status")
    town.cli("secret", "list")


def refused_start(town: Town) -> None:
    """A store that cannot be reached: the driver's words hold the URL."""
    stack, password = town.stack, town.hunt.plant("database password")
    url = f"postgresql://terrace:{password}@127.0.0.1:1/terrace?connect_timeout=2"
    config = merged(stack.config, {"storage": {"url": "env:PLANTED_URL"}})
    file = stack.folder / "database.yaml"
    file.write_text(yaml.safe_dump(config))
    environ = {**_environment(), **stack.environ, "PLANTED_URL": url}
    process = subprocess.Popen(
        [sys.executable, "-m", "daemon", "--config", str(file)],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        said, _ = process.communicate(timeout=15)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=EVENTUALLY_S)
    town.hunt.hear("terraced without its database", said)


def test_the_hunt_finds_what_is_there(tmp_path: Path) -> None:
    """Else the test above could not fail."""
    hunt = Hunt()
    value = hunt.plant("a")
    (tmp_path / "home").write_text(value)
    assert hunt.found(tmp_path, {"a": "home"}) == []
    (tmp_path / "piece").write_text(f"x{value[8:24]}y")
    (tmp_path / "packed").write_bytes(gzip.compress(value.encode()))
    (tmp_path / "coded").write_bytes(base64.b64encode(b"user:" + value.encode()))
    hunt.hear("somebody", f"said {value}")
    found = [where.rpartition("/")[2] for where in hunt.found(tmp_path, {"a": "home"})]
    assert found == ["coded", "packed (unpacked)", "piece", "a in somebody"]
