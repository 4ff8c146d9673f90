"""A new key is tried beside the one that trades; a bad one never takes its place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.rules.choices import Market
from actors.rules.settings import AccountSettings
from daemon.clock import SystemClock
from daemon.exchanges.opening import Opening
from daemon.exchanges.venues.venue import Credentials
from tests.wire.run import Running


@pytest.fixture(scope="module")
def venue() -> Iterator[Running]:
    with Running("binance") as running:
        yield running


@pytest.fixture
def opening(tmp_path: Path) -> Iterator[Opening]:
    opened = Opening(data_dir=tmp_path, clock=SystemClock(), environ={})
    yield opened
    opened.loop.stop()


def account(venue: Running, *, allow_withdraw: bool = False) -> AccountSettings:
    urls = {"rest": venue.endpoints.rest, "ws": venue.endpoints.ws}
    return AccountSettings(name="a", exchange="binance", market=Market.SPOT, urls=urls, allow_withdraw=allow_withdraw)


def good(venue: Running) -> Credentials:
    return Credentials(api_key=venue.endpoints.api_key, secret=venue.endpoints.api_secret)


def test_a_key_the_exchange_takes_passes_and_any_other_is_named(venue: Running, opening: Opening) -> None:
    endpoints = venue.endpoints
    assert opening.try_credentials(account(venue), good(venue)) == ""
    wrong_secret = Credentials(api_key=endpoints.api_key, secret=endpoints.api_secret[::-1])
    assert "api_secret does not belong to api_key" in opening.try_credentials(account(venue), wrong_secret)
    wrong_key = Credentials(api_key=endpoints.api_key[::-1], secret=endpoints.api_secret)
    words = opening.try_credentials(account(venue), wrong_key)
    assert "api_key" in words
    assert not any(each in words for each in (endpoints.api_key, endpoints.api_secret, endpoints.api_key[::-1]))


@pytest.mark.rule("SEC-5")
def test_a_new_key_that_may_withdraw_is_not_taken_unless_told_otherwise(venue: Running, opening: Opening) -> None:
    venue.admin.post("permissions", trade=True, withdraw=True)
    try:
        assert "MAY WITHDRAW" in opening.try_credentials(account(venue), good(venue))
        assert opening.try_credentials(account(venue, allow_withdraw=True), good(venue)) == ""
    finally:
        venue.admin.post("permissions", trade=True, withdraw=False)


def test_a_new_key_that_may_only_read_does_not_take_the_place_of_one_that_can_sell(
    venue: Running, opening: Opening
) -> None:
    venue.admin.post("permissions", trade=False, withdraw=False)
    try:
        assert "may not trade" in opening.try_credentials(account(venue), good(venue))
    finally:
        venue.admin.post("permissions", trade=True, withdraw=False)


def test_an_exchange_that_cannot_be_reached_leaves_the_old_key(opening: Opening) -> None:
    nowhere = AccountSettings(
        name="a", exchange="binance", market=Market.SPOT, urls={"rest": "http://127.0.0.1:1", "ws": "ws://127.0.0.1:1"}
    )
    assert "refuses the connection" in opening.try_credentials(nowhere, Credentials(api_key="k", secret="s"))
