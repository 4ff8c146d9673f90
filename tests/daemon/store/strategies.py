"""Any value of the model, from its type hints: a field added later is covered without a word here."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from decimal import Decimal
from enum import Enum
from typing import Any, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from actors.rules.model import Group, Leg, Order, Pyramid, Queued, Signal, Trade
from actors.rules.settings import LegSettings, SizingSettings, StrategySettings

decimals = st.builds(
    lambda negative, digits, exponent: Decimal((int(negative), tuple(map(int, str(digits))), exponent)),
    st.booleans(),
    st.integers(0, 10**18),
    st.integers(-32, 9),
)
texts = st.text(max_size=12)
times = st.integers(0, 2**53)
group_ids = st.text("abcxyz0189", min_size=12, max_size=12)
settings = st.sampled_from(
    (
        StrategySettings(),
        StrategySettings(
            levels=(LegSettings(gap_percent=Decimal(0), weight_percent=Decimal(100), tp_percent=Decimal("0.70")),),
            pyramid_levels={2: ()},
            sizing=SizingSettings(capital_by_pyramid={0: Decimal("1E+3")}),
            tp_by_pyramid={0: Decimal("1.10")},
            entry_ttl_s=60,
        ),
    )
)


def value_of(hint: Any) -> st.SearchStrategy[Any]:
    """Any value of a type hint, as far as the model uses them."""
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        rest = [value_of(arg) for arg in args if arg is not type(None)]
        return st.one_of(st.none(), *rest)
    if origin is tuple:
        return st.lists(value_of(args[0]), max_size=3).map(tuple)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return st.dictionaries(value_of(args[0]), value_of(args[1]), max_size=3)
    known = {Decimal: decimals, str: texts, int: times, bool: st.booleans(), StrategySettings: settings}
    if hint in known:
        return known[hint]
    if isinstance(hint, type) and issubclass(hint, Enum):
        return st.sampled_from(list(hint))
    assert is_dataclass(hint), hint
    return any_of(hint)


def any_of(cls: Any, **given: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Any value of a dataclass; `given` fields are drawn from there."""
    hints = get_type_hints(cls)
    drawn = {field.name: value_of(hints[field.name]) for field in fields(cls) if field.name not in given}
    return st.builds(cls, **drawn, **given)


trades = st.lists(any_of(Trade), max_size=3, unique_by=lambda trade: trade.trade_id).map(tuple)
orders = any_of(Order, trades=trades)
signals = any_of(Signal)
queued = any_of(Queued, signal=signals)


@st.composite
def ladders(draw: st.DrawFn) -> tuple[Pyramid, ...]:
    """Pyramids of a group, by index, each with its legs by index."""
    found = []
    for index in sorted(draw(st.sets(st.integers(0, 9), max_size=3))):
        places = sorted(draw(st.sets(st.integers(0, 9), max_size=3)))
        legs = tuple(replace(draw(any_of(Leg)), pyramid=index, index=place) for place in places)
        found.append(replace(draw(any_of(Pyramid, legs=st.just(()))), index=index, legs=legs))
    return tuple(found)


@st.composite
def groups(draw: st.DrawFn) -> Group:
    group: Group = draw(any_of(Group, group_id=group_ids, pyramids=ladders(), orders=st.just({})))
    drawn = draw(st.lists(orders, max_size=4, unique_by=lambda order: order.client_order_id))
    return replace(group, orders={order.client_order_id: replace(order, group_id=group.group_id) for order in drawn})


@st.composite
def later(draw: st.DrawFn, group: Group) -> Group:
    """The group after anything may have happened to it: what it is stays, parts change and are added."""
    drawn = draw(groups())
    pyramids = {pyramid.index: pyramid for pyramid in group.pyramids}
    for pyramid in drawn.pyramids:
        legs = {leg.index: leg for leg in pyramids[pyramid.index].legs} if pyramid.index in pyramids else {}
        legs |= {leg.index: leg for leg in pyramid.legs}
        pyramids[pyramid.index] = replace(pyramid, legs=tuple(legs[index] for index in sorted(legs)))
    changed = dict(group.orders)
    for order, more in zip(group.orders.values(), drawn.orders.values(), strict=False):
        seen = {trade.trade_id for trade in order.trades}
        added = tuple(trade for trade in more.trades if trade.trade_id not in seen)
        changed[order.client_order_id] = replace(
            more,
            client_order_id=order.client_order_id,
            group_id=group.group_id,
            create_time_ms=order.create_time_ms,
            trades=(*order.trades, *added),
        )
    for order in drawn.orders.values():
        if order.client_order_id not in changed:
            changed[order.client_order_id] = replace(order, group_id=group.group_id)
    return replace(
        drawn,
        group_id=group.group_id,
        world=group.world,
        key=group.key,
        create_time_ms=group.create_time_ms,
        pyramids=tuple(pyramids[index] for index in sorted(pyramids)),
        orders=changed,
    )
