"""Who refers to the vault's secrets, and what a new value means for them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import structlog

from actors.ports import Exchange
from actors.rules.settings import AccountSettings, Settings
from daemon.api.condition import Condition
from daemon.config.reload import flatten
from daemon.exchanges.ccxt_exchange import CcxtExchange
from daemon.exchanges.opening import Opening

_LOG = structlog.stdlib.get_logger("terrace.security")

KEYS = ("api_key", "api_secret", "passphrase")
"""Of an account."""
READ_EACH_TIME = ("notifications", "alerts.heartbeat_url")
"""Keys whose references are read whenever they are used."""


class VaultUsers:
    """`effective`: the config the daemon was started with, as plain data."""

    def __init__(
        self,
        *,
        settings: Callable[[], Settings],
        effective: Mapping[str, Any],
        exchanges: Mapping[str, Exchange],
        opening: Opening,
        condition: Condition,
    ) -> None:
        self._settings = settings
        self._others = {
            key: value
            for key, value in flatten(effective).items()
            if isinstance(value, str) and value.startswith("vault:") and not key.startswith("accounts.")
        }
        self._exchanges = exchanges
        self._opening = opening
        self._condition = condition
        self._turn = threading.Lock()

    def paths(self, name: str) -> Sequence[str]:
        reference = f"vault:{name}"
        of_accounts = [
            f"accounts.{account.name}.{key}"
            for account in self._settings().accounts.values()
            for key in KEYS
            if getattr(account, key) == reference
        ]
        return [*of_accounts, *self._other_paths(reference)]

    def _other_paths(self, reference: str) -> Sequence[str]:
        channels = enumerate(self._settings().notifications)
        of_channels = [f"notifications[{index}].url" for index, channel in channels if channel.url == reference]
        return [*of_channels, *(key for key, value in self._others.items() if value == reference)]

    def take_up(self, name: str) -> Sequence[str]:
        with self._turn:  # Else a key that was tried for long would take the place of one stored meanwhile.
            return tuple(self._taken_up(f"vault:{name}"))

    def deleted(self, name: str) -> None:
        """Accounts that run on it go on, and it is shown that they will not start again."""
        reference = f"vault:{name}"
        for account in self._settings().accounts.values():
            if reference in (getattr(account, key) for key in KEYS) and account.name in self._exchanges:
                words = f"account {account.name} keeps the key it has, {name} of it was deleted"
                self._stale(account.name, f"{words}. Store it again: at the next start only what is stored counts")

    def _stale(self, account: str, words: str) -> None:
        self._condition.trouble(_stale_name(account), words)

    def _taken_up(self, reference: str) -> Iterator[str]:
        for account in self._settings().accounts.values():
            if reference in (getattr(account, key) for key in KEYS):
                yield self._account(account)
        for key in self._other_paths(reference):
            at_once = key.startswith(READ_EACH_TIME)
            yield f"{key} uses it {'from now on' if at_once else 'after a restart of the daemon'}"

    def _account(self, account: AccountSettings) -> str:
        """An account that runs goes on with the new key; one that was never opened waits for a restart."""
        exchange, subject = self._exchanges.get(account.name), f"account {account.name}"
        credentials = self._opening.credentials(account)
        if isinstance(credentials, str):
            return f"{subject} still lacks something: {credentials}"
        if not isinstance(exchange, CcxtExchange):
            words = f"{subject}: its key is stored; restart the daemon to open the account"
            self._condition.trouble(f"account/{account.name}", words)
            return words
        refusal = self._opening.try_credentials(account, credentials)
        if refusal:
            words = f"{subject} keeps the key it has, the exchange does not take the new one: {refusal}"
            self._stale(account.name, f"{words}. Store the right one: at the next start only what is stored counts")
            return words
        exchange.change_credentials(credentials)
        self._condition.mended(_stale_name(account.name))
        _LOG.info("credentials_changed", account=account.name)
        return f"{subject} uses it from now on"


def _stale_name(account: str) -> str:
    return f"stored_key/{account}"
