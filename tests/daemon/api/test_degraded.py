"""Each degraded state in words: its code, what it is about, since when, and what helps (REC-4)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from actors.messages import BY_USER, CLOSE_ALL
from actors.repair_messages import PartNow, PartsNow, StoreNow
from actors.rules.choices import World
from actors.rules.settings import AccountSettings
from actors.view import Alert, Snapshot
from daemon.api.account_states import AccountNow
from daemon.api.condition import Condition
from daemon.api.degraded import Degraded, Facts, degraded, is_grave
from protos.terrace.v1 import types_pb2 as pb
from tests.daemon.api.test_account_states import WELL

PAPER = World.PAPER


def facts(**more: Any) -> Facts:
    condition = Condition(10, lambda: 500)
    condition.serve()
    defaults: dict[str, Any] = {
        "world": PAPER,
        "snapshot": Snapshot(),
        "condition": condition,
        "parts": PartsNow(parts=(), store=StoreNow()),
    }
    return Facts(**{**defaults, **more})


def account(state: Any = pb.ACCOUNT_STATE_READY, reason: str = "", **condition: Any) -> AccountNow:
    settings = AccountSettings(name="main", exchange="bybit")
    return AccountNow(settings=settings, state=state, reason=reason, condition=replace(WELL, **condition))


def standing(*keys: str) -> Snapshot:
    alerts = {
        key: Alert(alert_key=key, severity="error", category="exchange", message="", first_time_ms=77, last_time_ms=99)
        for key in keys
    }
    return Snapshot(alerts=alerts)


def one(found: Facts) -> Degraded:
    (only,) = degraded(found)
    return only


def part(state: str, key: str = "gateway/main") -> PartsNow:
    now = PartNow(key=key, names=(key,), state=state, error="ValueError: x", since_ms=5)
    return PartsNow(parts=(now,), store=StoreNow())


def test_an_engine_that_is_well_has_nothing_to_say() -> None:
    assert degraded(facts(accounts=[account()])) == []


@pytest.mark.rule("REC-2", "REC-4")
def test_a_part_that_is_down_says_what_that_means_and_how_it_is_started() -> None:
    found = one(facts(parts=part("given_up")))
    assert (found.code, found.subject, found.since_ms) == ("PART_DOWN", "gateway/main", 5)
    assert "ValueError: x" in found.message
    assert "account main is not traded" in found.message
    assert found.remedy.startswith("`terrace engine restart gateway/main`")
    assert is_grave(found)
    again = one(facts(parts=part("waiting", "group/g1")))
    assert (again.code, again.subject) == ("PART_RESTARTING", "group/g1")
    assert one(facts(parts=None)).subject == "supervisor"


@pytest.mark.rule("REC-4", "REC-5")
def test_the_store_says_whether_it_fails_is_full_or_slow() -> None:
    full = Snapshot(store_ok=False, store_error="the disk is full")
    failed = one(facts(snapshot=full, parts=PartsNow(parts=(), store=StoreNow(ok=False, since_ms=3))))
    assert (failed.code, failed.since_ms) == ("STORE_FAILED", 3)
    assert "make room" in failed.remedy
    for store, code in (
        (StoreNow(on_reserve=True, since_ms=3), "STORE_ON_RESERVE"),
        (StoreNow(is_slow=True, since_ms=3), "STORE_SLOW"),
    ):
        found = one(facts(parts=PartsNow(parts=(), store=store)))
        assert (found.code, found.since_ms, is_grave(found)) == (code, 3, True)
        assert "entries are refused" in found.message


@pytest.mark.rule("REC-3", "REC-4")
def test_an_account_says_whether_its_circuit_is_open_it_is_unreachable_or_only_polled() -> None:
    down = account(pb.ACCOUNT_STATE_DISCONNECTED, "the exchange keeps failing", circuit="open", retry_ms=9)
    circuit = one(facts(accounts=[down], snapshot=standing("circuit:main")))
    assert (circuit.code, circuit.subject, circuit.since_ms) == ("ACCOUNT_CIRCUIT_OPEN", "main", 77)
    lost = account(pb.ACCOUNT_STATE_DISCONNECTED, "no answer")
    assert one(facts(accounts=[lost])).code == "ACCOUNT_UNREACHABLE"
    refused = account(pb.ACCOUNT_STATE_DISCONNECTED, "the exchange refuses the API key", is_key_refused=True)
    key = one(facts(accounts=[refused], snapshot=standing("key_refused:main")))
    assert (key.code, key.since_ms) == ("ACCOUNT_KEY_REFUSED", 77)
    polled = account(streams=(("orders", False, ""), ("prices", True, "")))
    stream = one(facts(accounts=[polled], snapshot=standing("stream:main")))
    assert (stream.code, stream.since_ms, is_grave(stream)) == ("STREAM_DOWN", 77, False)
    assert "no stream of orders" in stream.message
    assert one(facts(accounts=[account(pb.ACCOUNT_STATE_RECONCILING)])).code == "ACCOUNT_RECONCILING"


@pytest.mark.rule("REC-4")
def test_old_prices_are_named_by_account() -> None:
    keys = [f"quote_age:main:{symbol}/USDT" for symbol in "ABCDEFG"]
    found = one(facts(accounts=[account()], snapshot=standing(*keys, "quote_age:other:X/USDT")))
    assert (found.code, found.subject, found.since_ms) == ("PRICE_STALE", "main", 77)
    assert "A/USDT, B/USDT, C/USDT, D/USDT, E/USDT and 2 more" in found.message


@pytest.mark.rule("REC-4")
def test_what_a_person_holds_back_says_how_it_is_lifted() -> None:
    switches = {
        (PAPER, "paused"): BY_USER,
        (PAPER, "paused:main"): CLOSE_ALL,
        (World.LIVE, "paused"): BY_USER,
    }
    snapshot = Snapshot(switches=switches)
    paused, by_account = degraded(facts(snapshot=snapshot, switch_times={"paused": 4, "paused:main": 6}))
    assert (paused.code, paused.since_ms, paused.remedy) == ("ENGINE_PAUSED", 4, "`terrace engine resume`")
    assert (by_account.code, by_account.subject, by_account.since_ms) == ("ACCOUNT_PAUSED", "main", 6)
    assert by_account.remedy == "`terrace engine resume --account main`"
    held = facts(is_read_only=True)
    held.condition.see_mode(is_read_only=True)
    assert (one(held).code, one(held).since_ms) == ("READ_ONLY", 500)
    held.condition.see_mode(is_read_only=False)
    assert one(held).since_ms is None
    assert not is_grave(paused)


@pytest.mark.rule("REC-4")
@pytest.mark.parametrize(
    ("name", "code", "subject"),
    [
        ("account/x", "ACCOUNT_NOT_TRADED", "x"),
        ("disk_low", "DISK_LOW", ""),
        ("overload", "OVERLOADED", ""),
        ("mailbox/group", "OVERLOADED", "group"),
        ("clock/", "CLOCK_JUMPED", ""),
        ("vault", "VAULT_LOCKED", ""),
        ("store_copy", "STORE_COPY", ""),
        ("lease", "LEASE_LOST", ""),
        ("stored_key/x", "KEY_NOT_STORED", "x"),
        ("certificate", "CERTIFICATE", ""),
        ("certificate_ends", "CERTIFICATE", ""),
        ("anything", "OTHER", ""),
    ],
)
def test_the_daemons_own_troubles_have_codes_and_times(name: str, code: str, subject: str) -> None:
    found = facts()
    found.condition.trouble(name, "words")
    found.condition.trouble(name, "newer words")
    told = one(found)
    assert (told.code, told.subject, told.message, told.since_ms) == (code, subject, "newer words", 500)
    assert told.remedy


def test_a_daemon_that_starts_or_stops_says_so_first() -> None:
    starting = Condition(10)
    assert [each.code for each in degraded(facts(condition=starting))] == ["STARTING"]
    starting.stop()
    assert [each.code for each in degraded(facts(condition=starting, parts=None))] == ["STOPPING", "PART_DOWN"]
