"""What a change of `engine`, `execution`, `precision` and of where the store is would do."""

from __future__ import annotations

from collections.abc import Iterator

from actors.rules.choices import EngineMode, OnMissing
from actors.rules.model import Reason
from daemon.config.preview_pool import fresh
from daemon.config.seen import Change, Look, counted, group_name, names, signal_name


def _mode(change: Change, _key: str) -> Iterator[str]:
    if change.after.engine.mode is EngineMode.READ_ONLY:
        yield (
            "commands, changes over the API and alerts that open or add are refused from then on, from everybody, "
            "close-all too; exits of alerts are taken; only the file leads back"
        )


def _group_key(change: Change, _key: str) -> Iterator[str]:
    live, waiting = len(change.seen.groups), len(change.seen.queued)
    if live or waiting:
        yield (
            f"{counted(live, 'live group')} and {counted(waiting, 'waiting signal')} have keys of the old kind: after "
            "the next start an alert for them may open a second group instead; close them first"
        )


def _another_store(change: Change, _key: str) -> Iterator[str]:
    """`data_dir`, `storage.url`: what the store holds does not come along."""
    live, waiting = change.seen.groups, len(change.seen.queued)
    if live or waiting:
        who = f": {names(map(group_name, live))}" if live else ""
        yield (
            f"the store of the next start is another one: {counted(len(live), 'live group')} and "
            f"{counted(waiting, 'waiting signal')} would be unknown to it, move the data first{who}"
        )


def _at_once(change: Change, _key: str) -> Iterator[str]:
    """`execution`: not a part of what a group keeps."""
    if change.seen.groups:
        yield f"holds at once for {counted(len(change.seen.groups), 'live group')} too"


def _quote_age(change: Change, _key: str) -> Iterator[str]:
    """`execution.max_quote_age_s`: prices that become too old, or young enough."""
    before, after = fresh(change, change.before), fresh(change, change.after)
    in_use = {(group.account, group.symbol) for group in change.seen.groups}
    stale = sorted(at for at in in_use if at in before and at not in after)
    if stale:
        who = names(f"{account} {symbol}" for account, symbol in stale)
        yield f"prices of {who} are older than that now: no target, stop or risk action is decided on them"


def _missing(change: Change, _key: str) -> Iterator[str]:
    """`precision.on_missing`."""
    waiting = [queued for _, queued in change.seen.queued if queued.wait_reason is Reason.PRECISION_MISSING]
    if waiting and change.after.precision.on_missing is OnMissing.FALLBACK:
        who = names(map(signal_name, waiting))
        yield f"{counted(len(waiting), 'waiting signal')} would open by the fallback rules: {who}"


LOOKS: tuple[tuple[str, Look], ...] = (
    ("engine.mode", _mode),
    ("engine.group_key", _group_key),
    ("data_dir", _another_store),
    ("storage.url", _another_store),
    ("execution", _at_once),
    ("execution.max_quote_age_s", _quote_age),
    ("precision.on_missing", _missing),
)
