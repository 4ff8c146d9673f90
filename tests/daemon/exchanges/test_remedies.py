"""What a person is told to do about a request that failed."""

from __future__ import annotations

import aiohttp
import ccxt
import pytest

from actors.account_messages import AccountProbed
from actors.messages import BalancesFetched, InstrumentsFetched, OpenOrdersFetched
from actors.rules.rates import Ask
from actors.rules.settings import AccountSettings
from daemon.exchanges.errors import Unreachable, Verdict, judge
from daemon.exchanges.remedies import _BY_CODE, _NO_WAY, is_any, remedy
from daemon.exchanges.venue_codes import TABLES
from tests.daemon.exchanges.fake_venue import Desk

ACCOUNT = AccountSettings(name="mine", exchange="binance")
AT_A_PROXY = AccountSettings(name="mine", exchange="binance", urls={"rest": "http://proxy.local:8080"})
CODES = [(exchange, code) for exchange, table in _BY_CODE.items() for code in table]


@pytest.mark.parametrize(("exchange", "code"), CODES)
def test_every_refusal_of_a_key_with_words_of_its_own_is_one_to_the_fate_table(exchange: str, code: str) -> None:
    meaning = TABLES[exchange][code]
    verdict = Verdict(fate="refused", words="No.", code=code, is_auth=True)
    words = remedy(verdict, ACCOUNT, exchange)
    assert getattr(meaning, "name", "") in ("AUTHENTICATION_FAILED", "PERMISSION_DENIED")
    assert words.startswith("No: ")
    assert "{" not in words
    assert "\n" not in words


def test_a_refusal_without_words_of_its_own_names_everything_there_is_to_check() -> None:
    words = remedy(Verdict(fate="refused", words="No.", code="77", is_auth=True), ACCOUNT, "bybit")
    assert all(each in words for each in ("api_key", "api_secret", "passphrase", "live key of bybit", "address"))


def test_only_binance_has_one_word_for_everything() -> None:
    assert is_any(Verdict(fate="refused", code="-2015"), "binance")
    assert not is_any(Verdict(fate="refused", code="10003"), "bybit")


@pytest.mark.parametrize("why", Unreachable)
def test_a_host_that_cannot_be_reached_is_named_with_the_key_that_says_where_it_is(why: Unreachable) -> None:
    verdict = Verdict(fate="temporary", words="nothing was sent", unreachable=why)
    assert "proxy.local:8080" in remedy(verdict, AT_A_PROXY, "binance")
    assert "accounts.mine.urls" in remedy(verdict, AT_A_PROXY, "binance")
    assert "urls" not in remedy(verdict, ACCOUNT, "binance")
    assert why in _NO_WAY


def test_an_exchanges_name_is_not_told_as_that_of_a_host() -> None:
    words = remedy(Verdict(fate="temporary", unreachable=Unreachable.UNKNOWN_HOST), ACCOUNT, "binance")
    assert words.startswith("the host name of binance is not known")


def caused_by(cause: BaseException) -> ccxt.ExchangeNotAvailable:
    error = ccxt.ExchangeNotAvailable("binance GET https://api.binance.com/api/v3/time")
    error.__cause__ = cause
    return error


def connector(error: OSError, kind: type[aiohttp.ClientConnectorError] = aiohttp.ClientConnectorError) -> BaseException:
    key = aiohttp.client_reqrep.ConnectionKey("proxy.local", 8080, False, True, None, None, None)
    return kind(key, error)


@pytest.mark.parametrize(
    ("cause", "why"),
    [
        (connector(ConnectionRefusedError(111, "Connect call failed")), Unreachable.REFUSED),
        (connector(OSError(-2, "Name not known"), aiohttp.ClientConnectorDNSError), Unreachable.UNKNOWN_HOST),
        (connector(OSError(101, "Network is unreachable")), Unreachable.OTHER),
        (aiohttp.ConnectionTimeoutError(), Unreachable.NO_ANSWER),
    ],
    ids=lambda value: value.name if isinstance(value, Unreachable) else type(value).__name__,
)
def test_why_no_connection_was_made_is_told_and_the_address_is_not(cause: BaseException, why: Unreachable) -> None:
    verdict = judge("binance", caused_by(cause), ask=Ask.TIME)
    assert (verdict.fate, verdict.unreachable) == ("temporary", why)
    assert "proxy.local" not in verdict.words


def test_a_drop_after_the_request_left_is_no_lack_of_a_connection() -> None:
    verdict = judge("binance", caused_by(aiohttp.ServerDisconnectedError()), ask=Ask.SUBMIT)
    assert (verdict.fate, verdict.unreachable) == ("unknown", None)


# --- a key that the venue takes, but not for this ---------------------------------------------------


@pytest.fixture
def refused() -> ccxt.AuthenticationError:
    return ccxt.AuthenticationError('binance {"code":-2015,"msg":"Invalid API-key, IP, or permissions for action."}')


@pytest.mark.parametrize("may_trade", [False, True])
def test_of_the_one_word_the_missing_permission_is_told_apart_where_the_venue_tells_permissions(
    refused: ccxt.AuthenticationError, may_trade: bool
) -> None:
    desk = Desk()
    try:
        desk.venue.on["balances"] = refused
        desk.venue.on["permissions"] = {"trade": may_trade, "withdraw": False}
        desk.exchange.probe()
        checks = {name: (is_well, words) for name, is_well, words in desk.wait_for(AccountProbed).checks}
    finally:
        desk.stop()
    if may_trade:
        assert checks["key"][0] is False
        assert "does not say which" in checks["key"][1]
    else:
        assert checks["key"] == (False, "the key may not trade spot: allow that for it at binance")


def test_an_account_without_instruments_is_asked_whether_its_market_is_right() -> None:
    desk = Desk()
    desk.venue.on["instruments"] = []
    try:
        desk.exchange.fetch_instruments()
        desk.wait_for(InstrumentsFetched)
        desk.exchange.probe()
        checks = {name: (is_well, words) for name, is_well, words in desk.wait_for(AccountProbed).checks}
    finally:
        desk.stop()
    assert checks["market"] == (False, "binance lists no spot instruments: is accounts.a.market: spot right?")


@pytest.mark.parametrize(
    ("question", "kind"),
    [("balances", BalancesFetched), ("instruments", InstrumentsFetched), ("open_orders", OpenOrdersFetched)],
)
def test_a_question_that_the_key_is_refused_for_is_told_from_one_that_had_no_answer(
    refused: ccxt.AuthenticationError, question: str, kind: type
) -> None:
    desk = Desk()
    try:
        for error, fate in ((refused, "refused"), (ccxt.RequestTimeout("binance GET"), "temporary")):
            desk.venue.on[question] = error
            desk.got.clear()
            getattr(desk.exchange, f"fetch_{question}")()
            assert desk.wait_for(kind).fate == fate
    finally:
        desk.stop()
