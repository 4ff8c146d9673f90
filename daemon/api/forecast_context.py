"""The world around a group as the group itself would see it, for a decision that is only looked at."""

from __future__ import annotations

from actors.rules.choices import Market
from actors.rules.events import Context
from actors.rules.model import Group, Instrument, Key, Role, Side
from actors.rules.settings import AccountSettings
from daemon.api.engine import Engine

PREVIEW_GROUP = "preview00000"
"""Stands for a group that is not opened, so that its orders can be named."""
PREVIEW_TOKEN = "preview"
_PREFIX = "prev00"


def context_of(engine: Engine, key: Key, side: Side, own: Instrument, group_id: str = "") -> Context:
    """`own`: the rules the group was opened with, for where the catalogue has none.

    What the exchange can do besides (amend, rest a stop) is not known here, so a stop is shown as watched.
    """
    settings = engine.settings()
    newest = engine.catalogue.instrument(key.account, key.symbol)
    others = [each for each in engine.view.current.live() if _shares(each, key, side) and each.group_id != group_id]
    is_swap = own.market is Market.SWAP
    return Context(
        now_ms=engine.clock.now_ms(),
        quote=engine.marks.quote(key.account, key.symbol),
        instrument=newest if newest is not None and newest.tick_size > 0 and newest.step_size > 0 else own,
        execution=settings.execution,
        prefix=_PREFIX,
        fees=(settings.accounts.get(key.account) or AccountSettings(name=key.account)).fees,
        is_held_by_stop=is_swap and any(order.role is Role.STOP for each in others for order in each.open_orders()),
        shares_position=bool(others),
        risk=settings.risk,
    )


def _shares(group: Group, key: Key, side: Side) -> bool:
    return (group.account, group.symbol, group.side) == (key.account, key.symbol, side)
