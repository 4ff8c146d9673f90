"""Instruments of accounts on real exchanges, as a replay needs them: from the catalogue the daemon stored last.

No exchange is asked: a replay needs no network.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from actors.ports import StoreFault
from actors.rules.choices import PaperPrices
from actors.rules.model import Instrument
from actors.rules.money import plain
from actors.rules.settings import AccountSettings, Settings
from daemon.config.load import LoadedConfig
from daemon.replay.model import ReplayFault
from daemon.store.read import Reader
from daemon.store.refused import StoreRefused
from daemon.store_url import stored_source

REAL_BALANCE = Decimal(100_000)
"""Of the reporting currency: what an account on a real exchange starts with here, since nobody asks it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogues:
    instruments: Mapping[str, tuple[Instrument, ...]] = field(default_factory=dict)
    """By account whose rules are not the paper exchange's own."""
    notes: tuple[str, ...] = ()
    """What of the accounts a replay does otherwise than the daemon, in words."""


def stored_catalogues(config: LoadedConfig) -> Catalogues:
    """Of every account that is on a real exchange, or follows the prices of one.

    ReplayFault where alerts are routed to an account on a real exchange of which nothing is stored.
    """
    settings = with_balances(config.settings)
    wanted = [account for account in settings.accounts.values() if _follows_an_exchange(account)]
    found = _stored(config, [account.name for account in wanted]) if wanted else {}
    for account in wanted:
        if not account.is_paper and not found.get(account.name) and account.name in settings.routes.values():
            raise ReplayFault(_missing(account))
    return Catalogues(
        instruments={name: instruments for name, instruments in found.items() if instruments},
        notes=tuple(_note(account, found.get(account.name, ())) for account in wanted),
    )


def with_balances(settings: Settings) -> Settings:
    """Accounts on real exchanges have something to trade with; those on paper what the config gives them."""
    money = {settings.engine.reporting_currency: REAL_BALANCE}
    accounts = {
        name: account if account.is_paper or account.balances else replace(account, balances=money)
        for name, account in settings.accounts.items()
    }
    return replace(settings, accounts=accounts)


def _follows_an_exchange(account: AccountSettings) -> bool:
    return not account.is_paper or account.prices is PaperPrices.LIVE


def _stored(config: LoadedConfig, accounts: list[str]) -> dict[str, tuple[Instrument, ...]]:
    source = stored_source(config.daemon)
    if isinstance(source, StoreRefused):
        return {}
    reader = Reader(source)
    try:
        return {account: reader.instruments(account) for account in accounts}
    except StoreFault as fault:
        raise ReplayFault(f"the stored instruments cannot be read: {fault}") from fault
    finally:
        reader.close()


def _missing(account: AccountSettings) -> str:
    return (
        f"account {account.name} is on {account.exchange}, and its instruments are not known here: let the daemon run "
        "once with this config, which stores them, or route the alerts to an account with `exchange: paper` in a copy "
        "of the config"
    )


def _note(account: AccountSettings, known: tuple[Instrument, ...]) -> str:
    if account.is_paper:
        rules = f"{len(known)} stored instruments" if known else "instruments of the paper exchange's own"
        return (
            f"account {account.name} follows live prices of {account.price_source}: replayed on candles, with {rules}"
        )
    fees = account.fees
    balances = ", ".join(f"{plain(amount)} {asset}" for asset, amount in sorted(account.balances.items()))
    return (
        f"account {account.name} is on {account.exchange}: replayed on paper with {len(known)} stored instruments, "
        f"fees {plain(fees.maker_percent)} % maker and {plain(fees.taker_percent)} % taker, and {balances}"
    )
