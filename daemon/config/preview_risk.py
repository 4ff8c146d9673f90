"""What a change of `risk` and `limits` would do at once: who may be closed at a loss, which limit is breached."""

from __future__ import annotations

from collections.abc import Iterator

from actors.rules import limit_states, offset, offset_members
from actors.rules.choices import World
from actors.rules.limit_states import LimitFacts, LimitLevel
from actors.rules.model import Group, Reason
from actors.rules.money import plain
from actors.rules.settings import AccountSettings, Settings
from daemon.config.seen import Change, Look, counted, group_name, names

_LEVEL_WORDS = {
    LimitLevel.NO_NEW_GROUPS: "no new group would open",
    LimitLevel.NO_NEW_ENTRIES: "no new group and no further entry would be let in",
    LimitLevel.REDUCE_ONLY: "unfilled entries would be cancelled at once, and nothing let in",
    LimitLevel.CLOSE_ALL: "EVERY live group would be closed at once",
}
_KEY_OF = {
    Reason.MAX_REALIZED_LOSS_PER_DAY: "limits.max_realized_loss_per_day",
    Reason.MAX_DRAWDOWN_PERCENT: "limits.max_drawdown_percent",
    Reason.MAX_CONSECUTIVE_LOSSES: "limits.max_consecutive_losses",
}


# --- the risk engine ------------------------------------------------------------------------------


def _losers(change: Change, _key: str) -> Iterator[str]:
    """Every key of `risk`: who becomes eligible by the change, and who is not any more (RISK-1)."""
    for world in change.worlds():
        before, after = _eligible(change, change.before, world), _eligible(change, change.after, world)
        new = [group for group in after if group not in before]
        gone = [group for group in before if group not in after]
        if new:
            who = names(_loss(change, group) for group in new)
            yield f"in {world.value} {counted(len(new), 'losing group')} may be closed at once: {who}"
            yield from _first_offset(change, world)
        yield from _soon(change, world)
        if gone:
            who = names(group_name(group) for group in gone)
            yield f"in {world.value} {counted(len(gone), 'losing group')} would not be closed any more: {who}"


def _soon(change: Change, world: World) -> Iterator[str]:
    """Who becomes eligible by the change but for its timer."""
    was = _eligible(change, change.before, world, manual=True)
    now = _eligible(change, change.after, world)
    soon = [
        group for group in _eligible(change, change.after, world, manual=True) if group not in was and group not in now
    ]
    if soon:
        wait_s = change.after.risk.post_full_wait_s
        who = names(_loss(change, group) for group in soon)
        yield (
            f"in {world.value} {counted(len(soon), 'losing group')} may be closed once the wait of {wait_s} s is over, "
            f"counted from the start of the group's timer: {who}"
        )


def _eligible(change: Change, settings: Settings, world: World, *, manual: bool = False) -> list[Group]:
    return [
        group
        for group in change.seen.live(world)
        if not offset.obstacles(
            _member(change, settings, group),
            settings=settings.risk,
            execution=settings.execution,
            now_ms=change.seen.now_ms,
            manual=manual,
        )
    ]


def _member(change: Change, settings: Settings, group: Group) -> offset.Member:
    account = settings.accounts.get(group.account) or AccountSettings(name=group.account)
    at = (group.account, group.symbol)
    return offset.Member(
        group=group, quote=change.seen.quotes.get(at), fees=account.fees, is_uncovered=at in change.seen.uncovered
    )


def _loss(change: Change, group: Group) -> str:
    worth = offset_members.worth(
        _member(change, change.after, group), execution=change.after.execution, now_ms=change.seen.now_ms
    )
    share = "" if worth.percent is None else f" at {plain(round(worth.percent, 2))} %"
    return f"{group_name(group)}{share}"


def _first_offset(change: Change, world: World) -> Iterator[str]:
    """What the next evaluation would do, one plan per quote currency."""
    plans = offset.evaluate(
        [_member(change, change.after, group) for group in change.seen.live(world)],
        settings=change.after.risk,
        execution=change.after.execution,
        now_ms=change.seen.now_ms,
        busy=frozenset(),
    )
    for plan in plans:
        if offset.is_executable(plan):
            winners = names(f"{winner.group_id}" for winner in plan.winners)
            yield f"in {world.value} the first would be {plan.loser_group_id}, paid for by {winners}: {plan.detail}"
        else:
            yield f"in {world.value} {plan.loser_group_id} would come first, but is not closed yet: {plan.detail}"


# --- limits ---------------------------------------------------------------------------------------


def _breaches(change: Change, key: str) -> Iterator[str]:
    """Every loss limit, judged by the engine's own rule on the figures of now (POOL-4)."""
    for world in change.worlds():
        facts = change.seen.limits.get(world)
        if facts is None:
            continue
        judged = limit_states.judge(change.seen.standing_in(world), facts, change.after.limits)
        for cause in judged.begun:
            if key in (_KEY_OF[cause.reason], "limits.on_breach") or _KEY_OF[cause.reason] not in change.changed:
                yield f"in {world.value} {limit_states.words(cause)} is breached at once: {_LEVEL_WORDS[cause.level]}"
        for cause in judged.changed:
            stood = change.seen.standing_in(world).find(cause.reason)
            if stood is not None and stood.level is not cause.level:
                yield f"in {world.value} {limit_states.words(cause)} stands already: {_LEVEL_WORDS[cause.level]}"
        for lifted in judged.lifted:
            yield f"in {world.value} {limit_states.words(lifted.cause)} would hold nothing back any more: {lifted.why}"
        yield from _unknown(change, key, world, facts)


def _unknown(change: Change, key: str, world: World, facts: LimitFacts) -> Iterator[str]:
    """A limit that cannot be judged now."""
    limits = change.after.limits
    if key == "limits.max_drawdown_percent" and limits.max_drawdown_percent is not None:
        if change.before.limits.max_drawdown_percent is None:
            yield f"in {world.value} the peak is counted from now: earlier losses do not count"
        elif facts.drawdown_percent is None:
            yield f"in {world.value} the drawdown of now is not known: a price is missing or too old"
    if key == "limits.max_realized_loss_per_day" and facts.day_profit is None and limits.max_realized_loss_per_day:
        yield f"in {world.value} the day's loss is not known now: a price is missing or too old"


def _per_symbol(change: Change, _key: str) -> Iterator[str]:
    """`limits.max_groups_per_symbol`."""
    most = change.after.limits.max_groups_per_symbol
    if most is None:
        return
    live: dict[tuple[str, str], int] = {}
    for group in change.seen.groups:
        live[group.account, group.symbol] = live.get((group.account, group.symbol), 0) + 1
    full = [f"{account} {symbol} ({number})" for (account, symbol), number in live.items() if number >= most]
    if full:
        yield f"{counted(len(full), 'symbol')} at the bound or over it, nothing more opens there: {names(full)}"


def _exposure(change: Change, _key: str) -> Iterator[str]:
    """`limits.max_total_exposure`."""
    most = change.after.limits.max_total_exposure
    if most is None:
        return
    for world in change.worlds():
        planned = change.seen.exposure.get(world)
        if not change.seen.live(world):
            continue
        if planned is None:
            yield f"in {world.value} the exposure of now is not known: a price is missing or too old"
        elif planned >= most:
            yield (
                f"in {world.value} {plain(planned)} is planned already: nothing new and no further entry until it is "
                f"below {plain(most)}; nobody is closed"
            )
        else:
            yield f"in {world.value} {plain(planned)} is planned already, {plain(most - planned)} would be left"


def _cooldown(change: Change, _key: str) -> Iterator[str]:
    """`limits.cooldown_after_loss_s`."""
    if change.after.limits.cooldown_after_loss_s is None and change.seen.queued:
        yield "signals that wait only for a cool-down would be offered a place"


LOOKS: tuple[tuple[str, Look], ...] = (
    ("risk", _losers),
    ("limits.on_breach", _breaches),
    ("limits.max_realized_loss_per_day", _breaches),
    ("limits.max_drawdown_percent", _breaches),
    ("limits.max_consecutive_losses", _breaches),
    ("engine.reporting_currency", _breaches),
    ("engine.reporting_timezone", _breaches),
    ("limits.max_groups_per_symbol", _per_symbol),
    ("limits.max_total_exposure", _exposure),
    ("limits.cooldown_after_loss_s", _cooldown),
)
