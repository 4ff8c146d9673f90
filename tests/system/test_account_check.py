"""`terrace account check` names the one thing that is wrong and what to do about it; no secret can be read anywhere."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.system.stack import Plain, alert, until
from tests.system.venues import Place, VenueStack, account_config, leaks
from tests.wire.run import Admin, Running

BINANCE = Place(venue="binance", market="spot")
BINANCE_USDM = Place(venue="binanceusdm", market="swap")
BYBIT = Place(venue="bybit", market="spot")
PLACES = [BINANCE, BINANCE_USDM, BYBIT]
TOKEN_CHARS = 12
"""A piece of a secret as long as this is a leak, too."""


@dataclass(slots=True, kw_only=True)
class Checking:
    """A daemon with one good account and several bad ones, all at the same venue."""

    stack: VenueStack
    admin: Admin
    secrets: list[str]
    said: list[str] = field(default_factory=list)
    """Everything the CLI has printed."""

    def check(self, account: str) -> dict[str, tuple[bool, str]]:
        """What was checked: is it well, and the words. The exit code must agree."""
        code, text = self.stack.run("account", "check", account, "-o", "json")
        self.said.append(text)
        answer = json.loads(text)
        is_well = bool(answer.get("passed"))
        assert code == (0 if is_well else 1)
        found = {row["name"]: (bool(row.get("passed")), row["message"]) for row in answer["checks"]}
        assert is_well == all(passed for passed, _ in found.values())
        return found

    def failing(self, account: str = "good") -> dict[str, str]:
        return {name: words for name, (is_well, words) in self.check(account).items() if not is_well}

    def only_failure(self, account: str = "good") -> tuple[str, str]:
        """Name and words of the one check that fails."""
        failing = self.failing(account)
        assert len(failing) == 1, failing
        [(name, words)] = failing.items()
        assert "\n" not in words
        return name, words


@pytest.fixture(scope="module")
def checking(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checking]:
    place: Place = request.param
    folder = tmp_path_factory.mktemp(f"check-{place}")
    with Running(place.venue, process=True) as venue:
        key, secret = venue.endpoints.api_key, venue.endpoints.api_secret
        bad_key, bad_secret = key[::-1], secret[::-1]
        stack = VenueStack(folder, place, venue.endpoints)
        accounts = {"good": (key, secret), "bad_key": (bad_key, secret)}
        if not place.is_swap:  # There every question weighs so much that a third account would have to wait.
            accounts["bad_secret"] = (key, bad_secret)
        stack.config["accounts"] = {name: written(stack, name, *pair) for name, pair in accounts.items()}
        if place is BINANCE:
            stack.config["accounts"] |= unreachable(stack, key, secret)
        stack.config |= {"routes": {"*": "good"}, "execution": {"sweep_interval_s": 60}}
        stack.config_file.write_text(yaml.safe_dump(stack.config, sort_keys=False), encoding="utf-8")
        try:
            stack.start("daemon")
            until(lambda: is_quiet(stack), failure="the streams did not come up")
            found = Checking(stack=stack, admin=venue.admin, secrets=[key, secret, bad_key, bad_secret])
            yield found
            stack.stop()
            pieces = [each[:TOKEN_CHARS] for each in found.secrets]
            assert not leaks(folder, pieces, *found.said), "a secret can be read there"
        finally:
            stack.stop()


@pytest.fixture(autouse=True)
def as_it_was(request: pytest.FixtureRequest) -> Iterator[None]:
    """What a test does to the venue ends with it."""
    yield
    if "checking" in request.fixturenames:
        admin = request.getfixturevalue("checking").admin
        admin.clock(0)
        admin.post("permissions", trade=True, withdraw=False)
        admin.reset_faults()


def is_quiet(stack: VenueStack) -> bool:
    """Its streams are up: nothing is asked any more but by the check."""
    account = stack.json("account", "show", "good")["account"]
    streams = account.get("connection", {}).get("streams", [])
    return len(streams) >= 3 and all(stream.get("up") for stream in streams)


def written(stack: VenueStack, name: str, key: str, secret: str) -> Plain:
    """An account whose secrets are in the daemon's environment under names of their own."""
    stack.environ |= {f"KEY_OF_{name}": key, f"SECRET_OF_{name}": secret}
    secrets = {"api_key": f"env:KEY_OF_{name}", "api_secret": f"env:SECRET_OF_{name}"}
    return account_config(stack.place, stack.endpoints) | secrets


def unreachable(stack: VenueStack, key: str, secret: str) -> dict[str, Plain]:
    nobody, nowhere = "127.0.0.1:1", "no-such-host.invalid"
    return {
        "closed_port": written(stack, "closed_port", key, secret)
        | {"urls": {"rest": f"http://{nobody}", "ws": f"ws://{nobody}"}},
        "unknown_host": written(stack, "unknown_host", key, secret)
        | {"urls": {"rest": f"https://{nowhere}", "ws": f"wss://{nowhere}"}},
        "no_variable": written(stack, "no_variable", key, secret) | {"api_key": "env:NOT_SET_ANYWHERE"},
        "no_file": written(stack, "no_file", key, secret) | {"api_secret": "file:secrets/nothing"},
    }


everywhere = pytest.mark.parametrize("checking", PLACES, indirect=True, ids=str, scope="module")
at_binance = pytest.mark.parametrize("checking", [BINANCE], indirect=True, ids=str, scope="module")


@everywhere
def test_a_good_account_passes(checking: Checking) -> None:
    found = checking.check("good")
    assert {"connection", "key", "permissions", "market", "clock", "balances", "streams"} <= found.keys()
    assert all(is_well for is_well, _ in found.values()), found


@everywhere
def test_a_wrong_key_is_told_from_a_wrong_secret(checking: Checking) -> None:
    name, words = checking.only_failure("bad_key")
    assert name == "key"
    assert "api_key" in words
    assert "api_secret" not in words
    if checking.stack.place.is_swap:
        return
    name, words = checking.only_failure("bad_secret")
    assert name == "key"
    assert "api_secret does not belong to api_key" in words


@everywhere
def test_a_clock_that_is_far_off_is_named_and_a_little_is_corrected(checking: Checking) -> None:
    checking.admin.clock(400)
    assert checking.failing() == {}
    checking.admin.clock(30_000)
    name, words = checking.only_failure()
    assert name == "clock"
    found = re.fullmatch(
        r"this machine's clock is (\d+) ms behind the exchange's: set it by a time server \(NTP\)", words
    )
    assert found is not None, words
    assert 29_000 < int(found[1]) < 31_000, "half of a slow answer's time is doubt"


@everywhere
def test_a_key_that_may_not_trade_is_told_what_it_lacks(checking: Checking) -> None:
    checking.admin.post("permissions", trade=False)
    name, words = checking.only_failure()
    kind = "futures" if checking.stack.place.is_swap else "spot"
    assert name == "permissions"
    assert f"the key may not trade {kind}: allow that for it at {checking.stack.place.venue}" in words


@pytest.mark.parametrize("checking", [BINANCE_USDM], indirect=True, ids=str, scope="module")
def test_a_spot_key_on_a_futures_account_is_told_apart_from_an_unknown_key(checking: Checking) -> None:
    """The venue has one word for both; it is asked what the key may do."""
    checking.admin.post("permissions", trade=False)
    checking.admin.fault("reply:-2015", path="/fapi/v3/", count=0)
    name, words = checking.only_failure()
    assert name == "key"
    assert "the key may not trade futures: allow that" in words


@everywhere
def test_an_address_that_is_not_on_the_keys_list_is_named(checking: Checking) -> None:
    code = "10010" if checking.stack.place.venue == "bybit" else "-2015"
    checking.admin.fault(f"reply:{code}", path="account", count=0)
    name, words = checking.only_failure()
    assert name == "key"
    assert "this machine's address is" in words
    assert "list" in words


@pytest.mark.rule("SEC-5")
@at_binance
def test_a_key_that_may_withdraw_stops_entries_unless_that_is_allowed(checking: Checking) -> None:
    stack = checking.stack
    checking.admin.post("permissions", withdraw=True)
    name, words = checking.only_failure()
    assert name == "withdrawal"
    assert words.startswith("THE KEY MAY WITHDRAW FUNDS")
    shown = stack.json("account", "show", "good")["account"]
    assert shown["state"] != "READY"
    assert "withdraw" in shown["state_reason"]
    assert standing(stack, "withdraw")
    sent = stack.send(alert("ETHUSDT", price="3000"))
    assert sent["outcome"] == "QUEUED", sent

    stack.config["accounts"]["good"]["allow_withdraw"] = True
    stack.config_file.write_text(yaml.safe_dump(stack.config, sort_keys=False), encoding="utf-8")
    until(lambda: stack.json("account", "show", "good")["account"]["state"] == "READY")
    until(stack.groups, failure="the waiting signal was not promoted")
    assert checking.check("good")["withdrawal"] == (True, "THE KEY MAY WITHDRAW FUNDS; Terrace never needs that")
    assert standing(stack, "withdraw"), "it is warned of as long as it stands"
    checking.admin.post("permissions", withdraw=False)
    assert checking.failing() == {}
    until(lambda: not standing(stack, "withdraw"))


def standing(stack: VenueStack, what: str) -> list[Any]:
    return stack.rows("SELECT message FROM alerts WHERE resolve_time_ms IS NULL AND alert_key LIKE ?", f"%{what}%")


@at_binance
@pytest.mark.parametrize(
    ("account", "check", "pieces"),
    [
        ("closed_port", "connection", ["127.0.0.1:1 refuses the connection", "accounts.closed_port.urls"]),
        ("unknown_host", "connection", ["no-such-host.invalid is not known", "accounts.unknown_host.urls", "DNS"]),
        ("no_variable", "account", ["accounts.no_variable.api_key", "env:NOT_SET_ANYWHERE", "set NOT_SET_ANYWHERE"]),
        ("no_file", "account", ["accounts.no_file.api_secret", "secrets/nothing", "create it with mode 0600"]),
    ],
)
def test_what_cannot_be_reached_or_opened_is_named(
    checking: Checking, account: str, check: str, pieces: list[str]
) -> None:
    name, words = checking.only_failure(account)
    assert name == check
    assert all(piece in words for piece in pieces), words


def test_an_account_of_a_market_the_exchange_does_not_have_is_refused_with_the_way_out(tmp_path: Path) -> None:
    place = Place(venue="binanceusdm", market="spot")
    with Running("binance") as venue:
        stack = VenueStack(tmp_path, place, venue.endpoints)
        code, said = stack.run("config", "validate", str(stack.config_file))
    assert code != 0
    assert "binanceusdm trades swaps only (allowed: market: swap, exchange: binance)" in said
