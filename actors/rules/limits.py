"""Whether there is room for an entry: pool, symbol, exposure, balance, pauses (POOL-2, POOL-3).

Pool is the authority for what is used; this decides over the figures it gives. Amounts of `exposure` and `planned` are
in the reporting currency, `free` and `margin` in the instrument's quote.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from actors.rules.model import Reason, Refused
from actors.rules.money import plain
from actors.rules.settings import LimitSettings, PoolSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """What an entry asks for."""

    new_group: bool
    """False: a pyramid, which takes no slot (POOL-1)."""
    planned: Decimal
    """Capital of its whole ladder."""
    margin: Decimal
    """What the ladder takes from the balance at worst, fees included; on a swap divided by the leverage."""
    ignore_pool_limit: bool = False
    """A forced add (QUE-6)."""
    ignore_exposure_limit: bool = False
    """Told so besides being forced."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What is in use at this moment, drafts under way included, the asking entry itself not."""

    engine_paused: bool = False
    account_ready: bool = True
    account_detail: str = ""
    """Why it is not ready."""
    account_paused: bool = False
    instrument_held: bool = False
    """The exchange and the store differ about the instrument (ORD-7)."""
    held_back: Refused | None = None
    """By a loss limit that is breached, or by the key's cool-down (POOL-4, `limit_states`)."""
    slots: int
    """Taken in this world."""
    account_slots: int
    account_max_open_groups: int | None = None
    groups_on_symbol: int
    opposite_on_instrument: bool = False
    """A live group of the other side on the same instrument of a one-way swap account (GRP-6)."""
    exposure: Decimal
    """Planned capital of all live groups, unfilled legs included."""
    free: Decimal
    """Balance less what is reserved for unfilled legs of other groups."""


def admit(ask: Admission, usage: Usage, pool: PoolSettings, limits: LimitSettings) -> Refused | None:
    """None if there is room, else the first thing in the way.

    Asked in this order: engine paused, account not ready, account paused, instrument held, a loss limit breached or
    the key cooling down, pool full, the account's own pool full, groups per symbol, opposite side on the instrument,
    total exposure, balance. A pyramid is asked about slots only if `pyramids_bypass` is off (PYR-1), and never about
    its own symbol and instrument, where its group is already.
    """
    return next(obstacles(ask, usage, pool, limits), None)


def obstacles(ask: Admission, usage: Usage, pool: PoolSettings, limits: LimitSettings) -> Iterator[Refused]:
    """Everything in the way, in the order of `admit`."""
    yield from _paused(usage)
    if usage.held_back is not None:
        yield usage.held_back
    if (ask.new_group or not pool.pyramids_bypass) and not ask.ignore_pool_limit:
        yield from _pool_full(usage, pool)
    if ask.new_group:
        yield from _instrument_taken(usage, limits)
    if not ask.ignore_exposure_limit:
        yield from _over_exposed(ask, usage, limits)
    if ask.margin > usage.free:
        detail = f"the ladder takes {plain(ask.margin)} at worst, {plain(usage.free)} is free"
        yield Refused(reason=Reason.INSUFFICIENT_BALANCE, detail=detail)


def _paused(usage: Usage) -> Iterator[Refused]:
    if usage.engine_paused:
        yield Refused(reason=Reason.ENGINE_PAUSED, detail="the engine is paused")
    if not usage.account_ready:
        yield Refused(reason=Reason.ACCOUNT_NOT_READY, detail=usage.account_detail or "the account is not ready")
    if usage.account_paused:
        yield Refused(reason=Reason.ACCOUNT_PAUSED, detail="the account is paused")
    if usage.instrument_held:
        detail = "the exchange and the store differ about the instrument (`terrace account drift`)"
        yield Refused(reason=Reason.INSTRUMENT_HELD, detail=detail)


def is_full(usage: Usage, pool: PoolSettings) -> bool:
    """Whether one more group would pass the pool's limit or the account's own (POOL-2)."""
    return any(True for _ in _pool_full(usage, pool))


def _pool_full(usage: Usage, pool: PoolSettings) -> Iterator[Refused]:
    if usage.slots >= pool.max_open_groups:
        detail = f"{_live(usage.slots)}, at most {pool.max_open_groups}"
        yield Refused(reason=Reason.POOL_FULL, detail=detail)
    own = usage.account_max_open_groups
    if own is not None and usage.account_slots >= own:
        detail = f"{_live(usage.account_slots)} on the account, at most {own}"
        yield Refused(reason=Reason.ACCOUNT_POOL_FULL, detail=detail)


def _instrument_taken(usage: Usage, limits: LimitSettings) -> Iterator[Refused]:
    most = limits.max_groups_per_symbol
    if most is not None and usage.groups_on_symbol >= most:
        detail = f"{_live(usage.groups_on_symbol)} on the symbol, at most {most}"
        yield Refused(reason=Reason.MAX_GROUPS_PER_SYMBOL, detail=detail)
    if usage.opposite_on_instrument:
        detail = "a group of the opposite side is live on the instrument"
        yield Refused(reason=Reason.OPPOSITE_ON_INSTRUMENT, detail=detail)


def _over_exposed(ask: Admission, usage: Usage, limits: LimitSettings) -> Iterator[Refused]:
    most = limits.max_total_exposure
    if most is not None and usage.exposure + ask.planned > most:
        detail = f"{plain(usage.exposure)} is planned already and this adds {plain(ask.planned)}, at most {plain(most)}"
        yield Refused(reason=Reason.MAX_TOTAL_EXPOSURE, detail=detail)


def _live(count: int) -> str:
    return "1 group is live" if count == 1 else f"{count} groups are live"
