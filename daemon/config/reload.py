"""What differs between two configs, and what of it a running daemon can take (CFG-2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from actors.rules.settings import AccountSettings, Settings

RESTART = (
    "config_version",
    "data_dir",
    "engine.group_key",
    "accounts",
    "storage",
    "vault",
    "api",
    "forwarder",
    "panel",
    "observe",
    "logging",
    "backup",
)
"""Keys, with all below them, whose change is only taken at the next start."""

HOT_ACCOUNT_KEYS = ("max_open_groups", "allow", "deny", "allow_withdraw")
"""Keys of an account that are taken at once all the same."""


def flatten(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Dotted keys to values. Lists are values as a whole; so is an empty map."""
    return dict(_flat(config, prefix))


def _flat(config: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in config.items():
        key = f"{prefix}.{name}" if prefix else str(name)
        if isinstance(value, Mapping) and value:
            yield from _flat(value, key)
        else:
            yield key, value


def changed_keys(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[str, ...]:
    """Dotted keys that were added, removed or hold another value. Both maps are effective configs."""
    before, after = flatten(old), flatten(new)
    nothing = object()
    keys = sorted(before.keys() | after.keys())
    return tuple(key for key in keys if before.get(key, nothing) != after.get(key, nothing))


def needs_restart(key: str) -> bool:
    """Whether a change of this dotted key waits for the next start."""
    parts = key.split(".")
    if parts[0] == "accounts" and len(parts) == 3 and parts[2] in HOT_ACCOUNT_KEYS:
        return False
    return any(key == above or key.startswith(f"{above}.") for above in RESTART)


def applicable(running: Settings, wanted: Settings) -> Settings:
    """`wanted`, but with what needs a restart as it is now: never half of a change.

    Accounts stay those that run (only their hot keys change), and a route to one that does not run stays as it was.
    """
    accounts = {name: _hot(account, wanted.accounts.get(name)) for name, account in running.accounts.items()}
    routes = {
        name: account if account in accounts else running.routes.get(name, "")
        for name, account in wanted.routes.items()
    }
    return replace(
        wanted,
        accounts=accounts,
        routes={name: account for name, account in routes.items() if account},
        engine=replace(wanted.engine, group_key=running.engine.group_key),
    )


def _hot(running: AccountSettings, wanted: AccountSettings | None) -> AccountSettings:
    if wanted is None:
        return running
    return replace(
        running,
        max_open_groups=wanted.max_open_groups,
        allow=wanted.allow,
        deny=wanted.deny,
        allow_withdraw=wanted.allow_withdraw,
    )
