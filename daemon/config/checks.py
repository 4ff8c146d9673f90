"""Rules between keys, which no single section can judge. They run on the sections that hold by themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar
from urllib.parse import urlsplit

from actors.rules.choices import OnBreach
from actors.rules.money import HUNDRED, plain
from actors.rules.settings import Market, PaperPrices, PositionMode, SizingSource
from daemon.config.document import Document
from daemon.config.fault import Fault, Path, did_you_mean
from daemon.config.kinds import is_loopback, is_same_port
from daemon.config.schema import LimitsModel, PoolModel
from daemon.config.schema_accounts import (
    ExchangeAccountModel,
    PaperAccountModel,
    default_symbols,
)
from daemon.config.schema_notify import notify_faults
from daemon.config.schema_process import ApiModel, ForwarderModel, ObserveModel, PanelModel
from daemon.config.schema_strategy import StrategyBookModel, StrategyModel
from daemon.config.secret_checks import secret_faults
from daemon.config.section import Section
from daemon.config.validate import AccountModel, Checked

NEEDS_PASSPHRASE = ("okx", "kucoin")
NO_TESTNET = ("kucoin", "mexc")
ONE_WALLET = ("bybit", "okx")
"""Spot and swaps draw on the same money there."""
LOSS_LIMITS = ("max_realized_loss_per_day", "max_drawdown_percent", "max_consecutive_losses")
"""What `limits.on_breach` answers to."""
URL_SCHEMES = {"rest": ("http", "https"), "ws": ("ws", "wss")}
"""What an account's `urls` may begin with."""
_SWAP_ONLY = ("leverage", "margin_mode", "position_mode")

S = TypeVar("S", bound=Section)


def cross_faults(document: Document, checked: Checked) -> Iterator[Fault]:
    """Every fault between keys."""
    yield from _routes(document, checked)
    yield from _strategy(document, checked)
    for name, account in checked.accounts.items():
        yield from _account(document, ("accounts", name), account)
    yield from _shared_keys(document, checked)
    yield from _listeners(document, checked)
    yield from _limits(document, checked)
    yield from secret_faults(document, checked)
    for index, message in notify_faults(checked.notifications):
        yield document.fault(("notifications", index, "name"), message)


def cross_warnings(checked: Checked) -> Iterator[str]:
    """What is allowed and probably not meant."""
    for name, source in checked.sources.items():
        if source.secret is None and source.hmac_secret is None:
            yield f"sources.{name} has neither secret nor hmac_secret: it accepts nothing"
    for name, account in checked.accounts.items():
        if isinstance(account, ExchangeAccountModel):
            yield from _account_warnings(name, account)
        if isinstance(account, ExchangeAccountModel) or account.prices is PaperPrices.LIVE:
            yield from _url_warnings(f"accounts.{name}", account)
    yield from _one_wallet(checked)
    forwarder = _section(checked, "forwarder", ForwarderModel)
    if forwarder is not None and not is_loopback(forwarder.address):
        yield f"forwarder.address {forwarder.address} is reachable from outside without TLS: put a proxy in front of it"
    book = _section(checked, "strategy", StrategyBookModel)
    if book is not None:
        yield from _unreachable_pyramids(book.default)
    yield from _idle_limits(checked)


def _section(checked: Checked, name: str, model: type[S]) -> S | None:
    section = checked.sections.get(name)
    return section if isinstance(section, model) else None


def _no_account(document: Document, path: Path, name: str, names: frozenset[str]) -> Fault:
    return document.fault(path, f"there is no account {name}{did_you_mean(name, names)}", tuple(sorted(names)))


def _routes(document: Document, checked: Checked) -> Iterator[Fault]:
    folded: dict[str, str] = {}
    for name, account in checked.routes.items():
        if account not in checked.account_names:
            yield _no_account(document, ("routes", name), account, checked.account_names)
        first = folded.setdefault(name.casefold(), name)
        if first != name:
            yield document.fault(("routes", name), f"is the same route as {first}: case does not matter")


def _strategy(document: Document, checked: Checked) -> Iterator[Fault]:
    book = _section(checked, "strategy", StrategyBookModel)
    if book is None:
        return
    if book.default.sizing.source is SizingSource.EQUITY_PERCENT and book.default.sizing.equity_percent is None:
        yield document.fault(("strategy", "default", "sizing"), "source: equity_percent needs equity_percent")
    seen: dict[tuple[str | None, str | None, str | None], int] = {}
    for index, override in enumerate(book.overrides):
        path: Path = ("strategy", "overrides", index)
        match = override.match
        what = (match.account, match.symbol, match.timeframe)
        if what == (None, None, None):
            yield document.fault((*path, "match"), "matches everything: change strategy.default instead")
        elif what in seen:
            yield document.fault((*path, "match"), f"is the same match as that of overrides[{seen[what]}]")
        seen.setdefault(what, index)
        if match.account is not None and match.account not in checked.account_names:
            yield _no_account(document, (*path, "match", "account"), match.account, checked.account_names)
        if not override.set.model_fields_set:
            yield document.fault((*path, "set"), "sets nothing")
        yield from _override_sizing(document, (*path, "set", "sizing"), book.default, override.set)


def _override_sizing(document: Document, path: Path, default: StrategyModel, set_: StrategyModel) -> Iterator[Fault]:
    """`equity_percent` may come from the override or from the default."""
    if "sizing" not in set_.model_fields_set:
        return
    sizing, given = set_.sizing, set_.sizing.model_fields_set
    source = sizing.source if "source" in given else default.sizing.source
    percent = sizing.equity_percent if "equity_percent" in given else default.sizing.equity_percent
    if source is SizingSource.EQUITY_PERCENT and percent is None:
        yield document.fault(path, "source: equity_percent needs equity_percent")


def _unreachable_pyramids(strategy: StrategyModel) -> Iterator[str]:
    for name, by_pyramid in (
        ("pyramid_levels", strategy.pyramid_levels),
        ("tp_by_pyramid", strategy.tp_by_pyramid),
        ("sizing.capital_by_pyramid", strategy.sizing.capital_by_pyramid),
    ):
        for index in by_pyramid:
            if index >= strategy.max_pyramids:
                last = strategy.max_pyramids - 1
                yield f"strategy.default.{name}.{index} is never used: the last pyramid of max_pyramids is {last}"


def _account(document: Document, path: Path, account: AccountModel) -> Iterator[Fault]:
    if account.market is Market.SPOT:
        for name in _SWAP_ONLY:
            if getattr(account, name) != type(account).model_fields[name].default:
                yield document.fault((*path, name), "is only for accounts with market: swap")
    if isinstance(account, PaperAccountModel):
        yield from _paper(document, path, account)
    else:
        yield from _exchange(document, path, account)


def _paper(document: Document, path: Path, account: PaperAccountModel) -> Iterator[Fault]:
    if account.prices is PaperPrices.REPLAY and account.candles is None:
        yield document.fault((*path, "prices"), "prices: replay needs candles, a file or folder of them")
    if account.prices is PaperPrices.LIVE and account.price_source == "binanceusdm" and account.market is Market.SPOT:
        yield document.fault((*path, "price_source"), "binanceusdm has swaps only", ("market: swap", "binance"))
    yield from _urls(document, path, account)
    if account.position_mode is PositionMode.HEDGE and account.market is Market.SPOT:
        return  # Said already; the rest would follow from it.
    symbols = default_symbols(account.market) if account.symbols is None else account.symbols
    is_swap = account.market is Market.SWAP
    for index, symbol in enumerate(account.symbols or ()):
        if (":" in symbol) != is_swap:
            form = "BTC/USDT:USDT" if is_swap else "BTC/USDT"
            message = f"{symbol} is no symbol of a {account.market.value} account"
            yield document.fault((*path, "symbols", index), message, (form,))
    for key, by_symbol in (("start_prices", account.start_prices), ("instruments", account.instruments)):
        for symbol in by_symbol:
            if symbol not in symbols:
                message = f"{symbol} is not one of the account's symbols{did_you_mean(symbol, symbols)}"
                yield document.fault((*path, key, symbol), message)


def _exchange(document: Document, path: Path, account: ExchangeAccountModel) -> Iterator[Fault]:
    if (account.api_key is None) != (account.api_secret is None):
        missing = "api_key" if account.api_key is None else "api_secret"
        yield document.fault(path, f"{missing} is missing: key and secret belong together")
    if account.api_key is not None and account.passphrase is None and account.exchange in NEEDS_PASSPHRASE:
        yield document.fault(path, f"{account.exchange} also needs a passphrase")
    if account.exchange == "binanceusdm" and account.market is not Market.SWAP:
        allowed = ("market: swap", "exchange: binance")
        yield document.fault((*path, "exchange"), "binanceusdm trades swaps only", allowed)
    if account.testnet and account.exchange in NO_TESTNET:
        allowed = ("testnet: false", "exchange: paper")
        yield document.fault((*path, "testnet"), f"{account.exchange} has no testnet", allowed)
    yield from _urls(document, path, account)


def _urls(document: Document, path: Path, account: AccountModel) -> Iterator[Fault]:
    for name, url in account.urls.items():
        schemes = URL_SCHEMES[name]
        if url.partition("://")[0] not in schemes or not _host(url):
            forms = tuple(f"{scheme}://HOST:PORT" for scheme in schemes)
            yield document.fault((*path, "urls", name), f"{url} is no address for {name}", forms)


def _host(url: str) -> str:
    """Without the brackets of IPv6; empty if there is none, or if the port is no number."""
    try:
        parts = urlsplit(url)
        return parts.hostname or "" if parts.port is None or parts.port else ""
    except ValueError:
        return ""


def _shared_keys(document: Document, checked: Checked) -> Iterator[Fault]:
    """Two accounts of one wallet would each take the other's coins for their own."""
    seen: dict[tuple[str, Market, bool, str], str] = {}
    for name, account in checked.accounts.items():
        if isinstance(account, ExchangeAccountModel) and account.api_key is not None:
            exchange = "binance" if account.exchange == "binanceusdm" else account.exchange
            first = seen.setdefault((exchange, account.market, account.testnet, account.api_key), name)
            if first != name:
                message = f"is the key of accounts.{first} too: an account of the exchange belongs to one account here"
                yield document.fault(("accounts", name, "api_key"), message)


def _one_wallet(checked: Checked) -> Iterator[str]:
    seen: dict[tuple[str, bool, str], str] = {}
    for name, account in checked.accounts.items():
        if isinstance(account, ExchangeAccountModel) and account.exchange in ONE_WALLET and account.api_key is not None:
            first = seen.setdefault((account.exchange, account.testnet, account.api_key), name)
            if first != name:
                yield f"accounts.{name} shares the wallet of accounts.{first}: sums over accounts count it twice"


def _account_warnings(name: str, account: ExchangeAccountModel) -> Iterator[str]:
    where = f"accounts.{name}"
    if account.api_key is None and account.api_secret is None:
        yield f"{where} is not traded: it names neither api_key nor api_secret"
    if account.passphrase is not None and account.exchange not in NEEDS_PASSPHRASE:
        yield f"{where}.passphrase is not used: {account.exchange} has none"
    if account.allow_withdraw and not account.testnet:
        yield f"{where}.allow_withdraw: a key that may withdraw funds is a risk Terrace never needs"


def _url_warnings(where: str, account: AccountModel) -> Iterator[str]:
    if len(account.urls) == 1:
        given, other = ("rest", "ws") if "rest" in account.urls else ("ws", "rest")
        yield f"{where}.urls names {given} only: {other} goes to the exchange itself"
    for key, url in account.urls.items():
        host = _host(url)
        if url.startswith(("http://", "ws://")) and not is_loopback(f"[{host}]:80" if ":" in host else f"{host}:80"):
            yield f"{where}.urls.{key} {url} is not encrypted"


def _limits(document: Document, checked: Checked) -> Iterator[Fault]:
    """POOL-4: whoever says what a breach does and names no loss believes in a protection that is not there."""
    limits = _section(checked, "limits", LimitsModel)
    if limits is None or limits.on_breach is OnBreach.NO_NEW_GROUPS or _has_loss_limit(limits):
        return
    message = f"{limits.on_breach} never happens: no loss limit is set"
    yield document.fault(("limits", "on_breach"), message, LOSS_LIMITS)


def _idle_limits(checked: Checked) -> Iterator[str]:
    limits, pool = _section(checked, "limits", LimitsModel), _section(checked, "pool", PoolModel)
    book = _section(checked, "strategy", StrategyBookModel)
    if limits is None:
        return
    if pool is not None and (limits.max_groups_per_symbol or 0) > pool.max_open_groups:
        yield "limits.max_groups_per_symbol has no effect: pool.max_open_groups is lower"
    if limits.max_drawdown_percent == HUNDRED:
        yield "limits.max_drawdown_percent 100 is reached only when nothing is left"
    most = limits.max_total_exposure
    sizing = book.default.sizing if book is not None and not book.overrides else None
    if most is not None and sizing is not None and sizing.source is SizingSource.CONFIG:
        capital = sizing.capital_by_pyramid.get(0, sizing.capital_per_pyramid)
        if capital > most:
            least = f"below the {plain(capital)} of a first pyramid"
            yield f"limits.max_total_exposure {plain(most)} is {least}: nothing can open"


def _has_loss_limit(limits: LimitsModel) -> bool:
    return any(getattr(limits, key) is not None for key in LOSS_LIMITS)


def _listeners(document: Document, checked: Checked) -> Iterator[Fault]:
    """SEC-2: beyond loopback only with TLS, which the API alone has, or when told twice."""
    taken: list[tuple[str, str]] = []
    for name in ("api", "forwarder", "panel", "observe"):
        section = checked.sections.get(name)
        if not isinstance(section, ApiModel | ForwarderModel | PanelModel | ObserveModel):
            continue
        path, address = (name, "address"), section.address
        first = next((other for other, its in taken if is_same_port(address, its)), None)
        taken.append((name, address))
        if first is not None:
            yield document.fault(path, f"{address} is taken by {first}.address already")
        has_tls = isinstance(section, ApiModel) and section.tls.certificate is not None
        if not (is_loopback(address) or section.public or has_tls):
            message = f"{address} can be reached from outside this machine, without TLS"
            local = "a loopback address" + (" with a proxy for TLS before it" if name == "forwarder" else "")
            yield document.fault(path, message, (local, f"{name}.public: true, if that is meant"))
    api = _section(checked, "api", ApiModel)
    if api is not None and (api.tls.certificate is None) != (api.tls.key is None):
        yield document.fault(("api", "tls"), "certificate and key belong together")
    elif api is not None and api.tls.client_ca is not None and api.tls.certificate is None:
        words = "asks nobody for a certificate while the API has none itself"
        yield document.fault(("api", "tls", "client_ca"), words, ("with certificate and key",))
