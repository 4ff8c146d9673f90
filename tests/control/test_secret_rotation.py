"""Secrets and keys, the present and the previous; addresses; what is counted. Pure."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
import statistics
import time
from typing import Any

import pytest
from aiohttp import web

from control.forwarder.attempts import MAX_COUNTED, Attempts, group_of
from control.forwarder.body import Body, read_body
from control.forwarder.checks import authenticate, is_in
from control.forwarder.connections import MAX_PER_STRANGER, MAX_STRANGERS, Connections, Known
from control.forwarder.replays import MAX_KEPT, Replays, digest_of, duplicate_of
from control.forwarder.settings import SourceSettings

NOW_S = 1_750_000_000.0
ROTATING = SourceSettings(
    name="desk",
    secret="new",
    previous_secret="old",
    hmac_secret="new key",
    previous_hmac_secret="old key",
    previous_until_s=NOW_S,
)


def cause(
    source: SourceSettings | None, raw: bytes, *, now_s: float, signature: str = "", sender: str = "1.1.1.1"
) -> str:
    found = read_body(raw)
    body = found if isinstance(found, Body) else None
    fault = authenticate(source, raw=raw, body=body, signature=signature, sender=sender, now_s=now_s)
    return fault.cause if fault else ""


def signature(key: str, raw: bytes, at_s: float) -> str:
    stamp = str(int(at_s))
    return f"t={stamp},v1={hmac.new(key.encode(), f'{stamp}.'.encode() + raw, hashlib.sha256).hexdigest()}"


@pytest.mark.rule("SIG-5")
@pytest.mark.parametrize("raw", [b'{"secret": "%s"}', b'{"secret": "%s", broken'])
def test_the_previous_secret_is_taken_up_to_its_end_also_in_a_body_that_is_no_json(raw: bytes) -> None:
    assert cause(ROTATING, raw % b"new", now_s=NOW_S - 1) == ""
    assert cause(ROTATING, raw % b"old", now_s=NOW_S - 1) == ""
    assert cause(ROTATING, raw % b"old", now_s=NOW_S) == "wrong secret"
    assert cause(ROTATING, raw % b"new", now_s=NOW_S) == ""


@pytest.mark.rule("SIG-5")
def test_so_is_the_previous_key() -> None:
    for now_s, expected in ((NOW_S - 1, ""), (NOW_S, "wrong signature")):
        assert cause(ROTATING, b"{}", now_s=now_s, signature=signature("old key", b"{}", now_s)) == expected
        assert cause(ROTATING, b"{}", now_s=now_s, signature=signature("new key", b"{}", now_s)) == ""


@pytest.mark.rule("SIG-5")
def test_a_previous_secret_alone_ends_with_its_time_and_leaves_nothing() -> None:
    only = SourceSettings(name="desk", previous_secret="old", previous_until_s=NOW_S)
    assert cause(only, b'{"secret": "old"}', now_s=NOW_S - 1) == ""
    for guess in (b'{"secret": "old"}', b'{"secret": ""}', b"{}"):
        assert cause(only, guess, now_s=NOW_S) == "the source has no secret"


@pytest.mark.rule("SIG-5")
def test_an_unknown_source_and_a_wrong_address_are_refused_whatever_is_sent() -> None:
    assert cause(None, b'{"secret": ""}', now_s=NOW_S) == "unknown source"
    assert cause(None, b"{}", now_s=NOW_S, signature="t=1,v1=x") == "unknown source"
    listed = SourceSettings(name="x", secret="s", allow_addresses=(ipaddress.ip_network("2001:db8::/32"),))
    assert cause(listed, b'{"secret": "s"}', now_s=NOW_S) == "address not allowed"
    assert cause(listed, b'{"secret": "no"}', now_s=NOW_S) == "wrong secret"
    assert cause(listed, b'{"secret": "s"}', now_s=NOW_S, sender="2001:db8::5") == ""


@pytest.mark.rule("SIG-5")
def test_addresses_of_both_kinds_are_found_in_networks() -> None:
    networks = [ipaddress.ip_network("52.89.214.0/24"), ipaddress.ip_network("2001:db8::/64")]
    for inside in ("52.89.214.238", "::ffff:52.89.214.238", "2001:db8::1", "2001:0DB8:0::0001"):
        assert is_in(inside, networks), inside
    for outside in (
        "52.89.215.1",
        "::ffff:1.1.1.1",
        "2001:db8:0:1::1",
        "",
        "localhost",
        "52.89.214.238, 1.1.1.1",
        "::52.89.214.238",
    ):
        assert not is_in(outside, networks), outside


@pytest.mark.rule("SIG-5")
def test_an_ipv6_network_counts_as_one_address() -> None:
    assert group_of("2001:db8::1") == group_of("2001:db8::ffff:1") == "2001:db8::/64"
    assert group_of("2001:db8:0:1::1") != group_of("2001:db8::1")
    assert group_of("::ffff:9.9.9.9") == group_of("9.9.9.9") == "9.9.9.9"
    assert group_of("nonsense") == "?"


@pytest.mark.rule("SIG-5")
def test_attempts_are_counted_by_source_and_address_within_a_bound() -> None:
    attempts = Attempts()
    for number in range(MAX_COUNTED + 50):
        attempts.note("desk", str(ipaddress.ip_address(number)), NOW_S)
    attempts.note("desk", "9.9.9.9", NOW_S)
    attempts.note("desk", "9.9.9.9", NOW_S)
    assert attempts.total == MAX_COUNTED + 52
    assert attempts.shown(1) == [
        {"source": "desk", "address": "9.9.9.9", "attempts": 2, "last": "2025-06-15T15:06:40Z"}
    ]
    assert len(attempts.shown(10**6)) == MAX_COUNTED


@pytest.mark.rule("SIG-5", "SIG-7")
def test_a_kept_signature_ends_with_its_time_and_the_oldest_gives_way() -> None:
    async def run() -> None:
        replays = Replays()
        digest = digest_of("desk", "17", b"{}")
        replays.keep(digest, 300, {"outcome": "OPENED"}, 0)
        assert await replays.first(digest, 300) == {"outcome": "OPENED"}
        assert await replays.first(digest, 301) is None
        for number in range(MAX_KEPT + 5):
            replays.keep(number.to_bytes(8, "big"), 300, {}, 0)
        assert len(replays) == MAX_KEPT

    asyncio.run(run())
    assert digest_of("desk", "17", b"{}") != digest_of("desk", "18", b"{}")
    assert duplicate_of({"outcome": "DUPLICATE", "first_outcome": "OPENED"})["first_outcome"] == "OPENED"


@pytest.mark.rule("SIG-9")
def test_a_copy_is_tried_anew_where_the_first_was_not_acknowledged() -> None:
    async def run() -> list[str]:
        replays, order = Replays(), []

        async def send(name: str, *, is_kept: bool) -> None:
            if await replays.first(b"d", 0) is not None:
                order.append(f"{name} copy")
                return

            async def place() -> None:
                order.append(f"{name} placed")
                await asyncio.sleep(0.01)
                if is_kept:
                    replays.keep(b"d", 10, {"outcome": "OPENED"}, 0)

            await replays.alone(b"d", place)

        await asyncio.gather(send("1", is_kept=False), send("2", is_kept=True), send("3", is_kept=True))
        return order

    assert asyncio.run(run()) == ["1 placed", "2 placed", "3 copy"]


def test_known_addresses_are_kept_by_network() -> None:
    known = Known()
    known.note("2001:db8::1")
    assert "2001:db8::2" in known
    assert "2001:db9::2" not in known


@pytest.mark.rule("SIG-5")
def test_the_time_of_a_refusal_does_not_tell_which_part_was_wrong() -> None:
    """Roughly: medians within a factor that a network would drown, for a body long enough to show a difference."""
    raw = b'{"secret": "guess", "x": "' + b"y" * 60_000 + b'"}'
    body = read_body(raw)
    assert isinstance(body, Body)
    header = signature("nobody", raw, NOW_S)

    several = (
        None,
        ROTATING,
        SourceSettings(name="a", secret="s"),
        SourceSettings(name="b", hmac_secret="k"),
        SourceSettings(name="c"),
    )
    times: list[list[float]] = [[] for _ in several]
    for _ in range(60):  # In turn: what else the machine does meets all of them.
        for source, found in zip(several, times, strict=True):
            began = time.perf_counter()
            assert authenticate(source, raw=raw, body=body, signature=header, sender="1.1.1.1", now_s=NOW_S)
            found.append(time.perf_counter() - began)
    medians = [statistics.median(found) for found in times]
    assert max(medians) < 3 * min(medians), medians


class _Open:
    """As much of a transport as the bounds look at."""

    is_over = False

    def is_closing(self) -> bool:
        return self.is_over


@pytest.mark.rule("SIG-5")
def test_strangers_have_few_connections_each_and_leave_room_for_those_who_are_known() -> None:
    async def run() -> None:
        runner = web.AppRunner(web.Application())
        await runner.setup()
        known = {"52.89.214.238"}
        connections = Connections(runner, lambda address: address in known, lambda _peer, _error: None, {})

        def come(address: str) -> _Open | None:
            transport: Any = _Open()
            return transport if connections.admit(address, transport) is not None else None

        of_one = [come("9.9.9.9") for _ in range(MAX_PER_STRANGER)]
        assert None not in of_one
        assert come("9.9.9.9") is None
        assert come("::ffff:9.9.9.9") is None
        assert of_one[0] is not None
        of_one[0].is_over = True
        assert come("9.9.9.9") is not None
        others = [come(str(ipaddress.ip_address(2**24 + number))) for number in range(MAX_STRANGERS)]
        assert others.count(None) == MAX_PER_STRANGER
        assert come("8.8.8.8") is None
        assert come("52.89.214.238") is not None
        assert come("127.0.0.1") is not None
        await runner.cleanup()

    asyncio.run(run())
