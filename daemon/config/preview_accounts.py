"""What a change of `accounts`, `routes` and `sources` would do: what is lost, what waits for a restart, whose alerts go
elsewhere, which secrets cannot be read."""

from __future__ import annotations

from collections.abc import Iterator

from actors.rules.model import Group, Refused
from actors.rules.settings import AccountSettings, Settings
from actors.rules.symbols import SymbolIndex, find_symbol
from daemon.config.reload import HOT_ACCOUNT_KEYS, flatten
from daemon.config.seen import Change, Look, counted, group_name, names, signal_name

_ANOTHER_VENUE = ("exchange", "market", "testnet")
"""Keys with which an account is not the same account any more."""


def _account(change: Change, key: str) -> Iterator[str]:
    """An account that goes, comes, or becomes another."""
    parts = key.split(".")
    name = parts[1]
    old, new = change.before.accounts.get(name), change.after.accounts.get(name)
    live = [group for group in change.seen.groups if group.account == name]
    if old is not None and new is None:
        yield f"account {name} is gone at the next start and trades on until then"
        if live:
            who = names(map(group_name, live))
            many = counted(len(live), "group")
            yield f"{many} live on {name} would be managed by nobody after it, close first: {who}"
        waiting = [queued for _, queued in change.seen.queued if queued.key.account == name]
        if waiting:
            who = names(map(signal_name, waiting))
            yield f"{counted(len(waiting), 'signal')} waiting for {name} would never open: {who}"
    elif old is None and new is not None:
        yield f"account {name} is opened at the next start; routes to it stay as they are until then"
    elif old is not None and new is not None and parts[2] not in HOT_ACCOUNT_KEYS:
        yield from _restarted(old, new, parts[2], live)


def _restarted(old: AccountSettings, new: AccountSettings, key: str, live: list[Group]) -> Iterator[str]:
    if not live:
        return
    who, many = names(map(group_name, live)), counted(len(live), "group")
    if key in _ANOTHER_VENUE:
        yield f"{many} live on {old.name} would look for their orders at another venue, close first: {who}"
    elif new.is_paper and key in ("balances", "seed", "prices"):
        return
    else:
        yield f"{many} live on {old.name} would go on with it after the next start: {who}"


def _allowed(change: Change, key: str) -> Iterator[str]:
    """`accounts.*.allow`, `accounts.*.deny`: what is live or waits on a symbol that may not be entered any more."""
    name = key.split(".")[1]
    new = change.after.accounts.get(name)
    if new is None:
        return
    live = [group for group in change.seen.groups if group.account == name and _is_denied(change, new, group.symbol)]
    if live:
        who = names(map(group_name, live))
        go = f"{counted(len(live), 'live group')} {'goes' if len(live) == 1 else 'go'}"
        yield f"{go} on, exits too, but further entries are rejected: {who}"
    waiting = [
        queued
        for _, queued in change.seen.queued
        if queued.key.account == name and _is_denied(change, new, queued.key.symbol)
    ]
    if waiting:
        who = names(map(signal_name, waiting))
        still = f"{counted(len(waiting), 'waiting signal')} still {'opens' if len(waiting) == 1 else 'open'}"
        yield f"{still} in turn, remove what is not wanted: {who}"


def _is_denied(change: Change, account: AccountSettings, symbol: str) -> bool:
    instrument = change.seen.instruments.get((account.name, symbol))
    if instrument is None:
        return False
    found = find_symbol(symbol, SymbolIndex.build([instrument]), allow=account.allow, deny=account.deny)
    return isinstance(found, Refused)


# --- who sends what where -------------------------------------------------------------------------


def _route(change: Change, key: str) -> Iterator[str]:
    """An exchange's alerts go to another account: those of its live groups, too."""
    route = key.removeprefix("routes.")
    old, new = _leads_to(change.before, route), _leads_to(change.after, route)
    who = "alerts that no other route fits" if route == "*" else f"alerts of {route}"
    if old == new:
        return
    if new is None:
        yield f"{who} would be rejected: no route leads to an account"
    elif not change.runs(new):
        yield f"{who} go to {new} after the next start, and as now until then"
    else:
        yield f"{who} go to {new} at once"
    live = [group for group in change.seen.groups if group.account == old]
    if live:
        many = names(map(group_name, live))
        yield (
            f"{counted(len(live), 'group')} live on {old}: exits and entries sent by that way do not reach them any "
            f"more: {many}"
        )


def _leads_to(settings: Settings, route: str) -> str | None:
    """The account such an alert goes to; without a route of its own, where the rest goes."""
    folded = {name.casefold(): account for name, account in settings.routes.items()}
    return folded.get(route.casefold(), folded.get("*"))


def _source(change: Change, key: str) -> Iterator[str]:
    name = key.split(".")[1]
    old, new = change.before.sources.get(name), change.after.sources.get(name)
    if new is None:
        yield f"alerts of {name} would be refused, exits too; {counted(len(change.seen.groups), 'group')} live now"
        return
    if old is not None and new.secret is None and new.hmac_secret is None:
        yield f"{name} has neither secret nor hmac_secret: its alerts would be refused, exits too"
    is_rotated = old is not None and old.secret is not None and new.previous_secret == old.secret
    if old is not None and key.endswith(".secret") and new.secret is not None and not is_rotated:
        yield f"alerts of {name} must come with the secret that this names from then on, or they are refused"
    if old is not None and key.endswith(".hmac_secret") and new.hmac_secret is not None:
        yield f"signed alerts of {name} are checked with the key that this names from then on"
    if key.endswith((".previous_secret", ".previous_hmac_secret", ".previous_until")):
        ends = f"until {new.previous_until}" if new.previous_until and key.endswith("_until") else ""
        if ends:
            yield f"alerts of {name} may come with the previous secret or key {ends}, not after"
        elif getattr(new, key.rpartition(".")[2]) is None:
            yield f"alerts of {name} that still come with the previous secret or key would be refused, exits too"
    if key.endswith(".allow_addresses") and new.allow_addresses:
        yield f"alerts of {name} from other addresses than these would be refused, exits too"


def _secret(change: Change, key: str) -> Iterator[str]:
    """Any key that holds a reference which gives no secret."""
    reference = flatten(change.new.effective).get(key)
    if isinstance(reference, list):  # A list of channels, say.
        found = [text for text in _texts(reference) if text in change.seen.unresolved]
    else:
        found = [reference] if isinstance(reference, str) and reference in change.seen.unresolved else []
    for text in found:
        yield f"{text} cannot be read: {change.seen.unresolved[text]}; {_without_it(key)}"


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _without_it(key: str) -> str:
    section, _, rest = key.partition(".")
    name = rest.partition(".")[0]
    return {
        "sources": f"alerts of {name} that need it would be refused",
        "accounts": f"{name} would not be traded after the next start",
        "storage": "the daemon would not start again",
    }.get(section, "nothing can be sent there")


LOOKS: tuple[tuple[str, Look], ...] = (
    ("accounts.*", _account),
    ("accounts.*.allow", _allowed),
    ("accounts.*.deny", _allowed),
    ("routes.*", _route),
    ("sources.*", _source),
    ("sources", _secret),
    ("accounts", _secret),
    ("notifications", _secret),
    ("alerts", _secret),
    ("storage", _secret),
)
