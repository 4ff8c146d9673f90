"""Opens the exchange of every account in the config. One that cannot be opened holds up nobody else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from actors.budget import LimitedBudget, SharedBudgets
from actors.ports import Clock, Exchange
from actors.rules.choices import PaperPrices
from actors.rules.model import Instrument
from actors.rules.settings import AccountSettings
from daemon.exchanges.loop import ExchangeLoop
from daemon.exchanges.refusal_text import clean
from daemon.secrets import Resolver, Secret

if TYPE_CHECKING:
    from daemon.exchanges.live_feed import LiveFeed
    from daemon.exchanges.venue_request import VenueRequest
    from daemon.exchanges.venues.venue import Credentials, Venue

OPEN_TIMEOUT_S = 60.0
"""ccxt's code is loaded within it; generous for a busy machine."""
TRIAL_TIMEOUT_S = 45.0
"""Two requests and ccxt's list of markets."""
Connect = Callable[[], Any]
"""Makes the aiohttp session of a venue, for a resolver or certificates of one's own."""


@dataclass(frozen=True, slots=True)
class Opened:
    """Exchanges by account. `unbuilt`: accounts this version cannot trade; `broken`: those that could not be opened."""

    exchanges: Mapping[str, Exchange]
    unbuilt: Mapping[str, str]
    broken: Mapping[str, str]


class _Cannot(Exception):
    """This account cannot be opened. Words for a person."""


@dataclass(slots=True, kw_only=True)
class Opening:
    """What is needed to open accounts. `cached`: the catalogue an account had in its last run."""

    data_dir: Path
    clock: Clock
    environ: Mapping[str, str]
    cached: Callable[[str], Sequence[Instrument]] = lambda _account: ()
    know_secrets: Callable[[Iterable[str]], None] = lambda _secrets: None
    """Keeps them out of the log (LOG-4)."""
    connect: Connect | None = None
    record: Callable[[VenueRequest], None] = lambda _request: None
    """Told of each request of an account with keys once it is over (LOG-3)."""
    secrets: Resolver | None = None
    """Reads references; None: what the environment and files hold."""
    may_send: Callable[[], str] = lambda: ""
    """Asked before anything that changes something leaves; words if it must not (another daemon may lead)."""
    forbidden: str = ""
    """Why no account with real money may be opened; empty: they may."""
    loop: ExchangeLoop = field(default_factory=ExchangeLoop)
    _shared: SharedBudgets = field(default_factory=SharedBudgets)

    def open_all(self, accounts: Mapping[str, AccountSettings]) -> Opened:
        """Code of an exchange is loaded only if an account asks for it."""
        exchanges: dict[str, Exchange] = {}
        unbuilt: dict[str, str] = {}
        broken: dict[str, str] = {}
        for account in accounts.values():
            words = self._unsupported(account)
            if words is not None:
                unbuilt[account.name] = words
                continue
            try:
                exchanges[account.name] = self._paper(account) if account.is_paper else self._real(account)
            except _Cannot as fault:
                broken[account.name] = str(fault)
        return Opened(exchanges, unbuilt, broken)

    @staticmethod
    def _unsupported(account: AccountSettings) -> str | None:
        if account.is_paper:
            from daemon.exchanges.paper import unsupported

            return unsupported(account)
        from daemon.exchanges.venues import venue_class

        found = venue_class(account.exchange, account.market)
        return found if isinstance(found, str) else None

    def _paper(self, account: AccountSettings) -> Exchange:
        from daemon.exchanges.paper import PaperExchange, PaperFault, open_venue

        live = self._live(account) if account.prices is PaperPrices.LIVE else None
        try:
            return PaperExchange(open_venue(account, self.data_dir, self.clock.now_ms(), live=live), self.clock)
        except PaperFault as fault:
            if live is not None:
                live.stop()
            raise _Cannot(str(fault).removeprefix(f"account {account.name}: ")) from fault

    def _live(self, account: AccountSettings) -> LiveFeed:
        """What a paper account sees of the exchange whose prices it uses."""
        from daemon.exchanges.live_feed import LiveFeed, public_account
        from daemon.exchanges.venues.venue import Credentials

        public = public_account(account)
        venue = self._made(_kind(public), public, Credentials())
        return LiveFeed(
            venue,
            account,
            clock=self.clock,
            loop=self.loop,
            budget=LimitedBudget(venue.rules(), self._shared.of(_address(public))),
            known=self.cached(account.name),
        )

    def _real(self, account: AccountSettings) -> Exchange:
        from daemon.exchanges.ccxt_exchange import CcxtExchange

        if self.forbidden:
            raise _Cannot(self.forbidden)
        venue = self._made(_kind(account), account, self._credentials(account))
        exchange = CcxtExchange(
            venue,
            clock=self.clock,
            loop=self.loop,
            budget=LimitedBudget(venue.rules(), self._shared.of(_address(account))),
            instruments=self.cached(account.name),
        )
        exchange.record_requests(self.record)
        exchange.guard_sending(self.may_send)
        return exchange

    def credentials(self, account: AccountSettings) -> Credentials | str:
        """What the account's references hold now, or what is missing."""
        if account.is_paper or self._unsupported(account) is not None:
            return "it has no use for keys"
        try:
            return self._credentials(account)
        except _Cannot as fault:
            return str(fault)

    def try_credentials(self, account: AccountSettings, credentials: Credentials) -> str:
        """Asks the exchange with them, beside what runs; words if they will not do. Blocks; not on the loop."""
        from daemon.exchanges.connection import Connection
        from daemon.exchanges.key_trial import try_key

        found: list[str] = []

        async def trial(connection: Connection) -> None:
            found.append(await try_key(connection))

        try:
            venue = self._made(_kind(account), account, credentials)
            budget = LimitedBudget(venue.rules(), self._shared.of(_address(account)))
            self.loop.run(trial(Connection(venue, self.clock, budget)), TRIAL_TIMEOUT_S)
        except _Cannot as fault:
            return str(fault)
        except TimeoutError:
            return f"{account.exchange} has not answered in time"
        except Exception as fault:  # Of foreign code: who stored the key hears why it is not used.
            return f"it cannot be tried: {type(fault).__name__} {clean(str(fault))}".rstrip()
        return found[0]

    def _credentials(self, account: AccountSettings) -> Credentials:
        from daemon.exchanges.venues.venue import Credentials

        found = Credentials(
            api_key=self._secret(account, "api_key", account.api_key),
            secret=self._secret(account, "api_secret", account.api_secret),
            passphrase=self._secret(account, "passphrase", account.passphrase)
            if _kind(account).needs_passphrase
            else "",
        )
        self.know_secrets(text for text in (found.api_key, found.secret, found.passphrase) if text)
        return found

    def _made(self, kind: type[Venue], account: AccountSettings, credentials: Credentials) -> Venue:
        from daemon.exchanges.venues.venue import SetupFault

        try:
            return self.loop.call(lambda: kind(account, credentials, self.connect), OPEN_TIMEOUT_S)
        except SetupFault as fault:
            raise _Cannot(str(fault)) from fault
        except Exception as fault:  # Of foreign code: it must not keep the other accounts from being opened.
            raise _Cannot(f"it cannot be opened: {type(fault).__name__} {clean(str(fault))}".rstrip()) from fault

    def _secret(self, account: AccountSettings, key: str, reference: str | None) -> str:
        if reference is None:
            example = f"file:secrets/{account.name}.{key}"
            raise _Cannot(f"accounts.{account.name}.{key} is missing: name a reference, such as {example}")
        found = (self.secrets or Resolver(data_dir=self.data_dir, environ=self.environ))(reference)
        if not isinstance(found, Secret):
            raise _Cannot(f"accounts.{account.name}.{key}: {found}")
        return found.reveal()


def _kind(account: AccountSettings) -> type[Venue]:
    """The class behind it; that there is one was looked at before."""
    from daemon.exchanges.venues import venue_class

    kind = venue_class(account.exchange, account.market)
    assert not isinstance(kind, str), kind
    return kind


def _address(account: AccountSettings) -> str:
    """Accounts behind one address of one venue share its windows; those of spot and swap have names of their own."""
    family = account.exchange.removesuffix("usdm")
    return f"{family}:{account.testnet}:{urlsplit(account.urls.get('rest', '')).netloc}"
