"""Between the engine's values and the contract's messages: words, decimals, times. Larger things: `translate_*.py`.

Decimals are plain strings, what is unknown is an empty string, an unknown enum value is its UNSPECIFIED.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar

from google.protobuf.timestamp_pb2 import Timestamp

from actors.rules.choices import Market, TpMode, World
from actors.rules.model import (
    GroupState,
    Intent,
    LegState,
    OrderSide,
    OrderState,
    OrderType,
    Outcome,
    Reason,
    Role,
    Side,
    TimeInForce,
)
from actors.rules.money import parse_decimal, plain
from daemon.api.errors import faulty_field
from protos.terrace.v1 import types_pb2 as pb

E = TypeVar("E", bound=StrEnum)

_FIRST_S, _LAST_S = -62_135_596_800, 253_402_300_799
"""The range of `google.protobuf.Timestamp`."""


def decimal(value: Decimal | None) -> str:
    """Plain notation; empty for None."""
    return "" if value is None else plain(value)


def timestamp(time_ms: int) -> Timestamp:
    return Timestamp(seconds=time_ms // 1000, nanos=time_ms % 1000 * 1_000_000)


def optional_timestamp(time_ms: int | None) -> Timestamp | None:
    """For a message's keyword argument: None leaves the field unset."""
    return None if time_ms is None else timestamp(time_ms)


def milliseconds(time: Timestamp) -> int:
    """Failed if it is no time the contract allows: one beyond them would not fit into a column either."""
    if not (_FIRST_S <= time.seconds <= _LAST_S and 0 <= time.nanos < 1_000_000_000):
        raise faulty_field("time", "a time of the request is not between the years 1 and 9999")
    return time.seconds * 1000 + time.nanos // 1_000_000


def reason(value: Reason | str | None) -> str:
    """The stable code; empty where there is nothing to explain."""
    return "" if value is None or value == Reason.OK else str(value)


def _by_name(enum: type[E], wrapper: Any, prefix: str) -> dict[E, Any]:
    """A word `to_close` is the value `PREFIX_TO_CLOSE`. KeyError at import if the contract lacks one."""
    return {member: wrapper.Value(f"{prefix}_{member.value.upper()}") for member in enum}


def _words(words: Iterable[str], wrapper: Any, prefix: str) -> dict[str, Any]:
    return {word: wrapper.Value(f"{prefix}_{word.upper()}") for word in words}


OUTCOME: Mapping[Outcome, pb.Outcome] = _by_name(Outcome, pb.Outcome, "OUTCOME")
INTENT: Mapping[Intent, pb.Intent] = _by_name(Intent, pb.Intent, "INTENT")
SIDE: Mapping[Side, pb.Side] = _by_name(Side, pb.Side, "SIDE")
ORDER_SIDE: Mapping[OrderSide, pb.OrderSide] = _by_name(OrderSide, pb.OrderSide, "ORDER_SIDE")
WORLD: Mapping[World, pb.World] = _by_name(World, pb.World, "WORLD")
MARKET: Mapping[Market, pb.Market] = _by_name(Market, pb.Market, "MARKET")
GROUP_STATE: Mapping[GroupState, pb.GroupState] = _by_name(GroupState, pb.GroupState, "GROUP_STATE")
LEG_STATE: Mapping[LegState, pb.LegState] = _by_name(LegState, pb.LegState, "LEG_STATE")
ORDER_STATE: Mapping[OrderState, pb.OrderState] = _by_name(OrderState, pb.OrderState, "ORDER_STATE")
ROLE: Mapping[Role, pb.OrderRole] = _by_name(Role, pb.OrderRole, "ORDER_ROLE")
TP_MODE: Mapping[TpMode, pb.TakeProfitMode] = _by_name(TpMode, pb.TakeProfitMode, "TAKE_PROFIT_MODE")
ORDER_TYPE: Mapping[OrderType, pb.OrderType] = {
    OrderType.LIMIT: pb.ORDER_TYPE_LIMIT,
    OrderType.MARKET: pb.ORDER_TYPE_MARKET,
    OrderType.STOP: pb.ORDER_TYPE_STOP_MARKET,
}
TIME_IN_FORCE: Mapping[TimeInForce, pb.TimeInForce] = {
    TimeInForce.GTC: pb.TIME_IN_FORCE_GOOD_TILL_CANCEL,
    TimeInForce.IOC: pb.TIME_IN_FORCE_IMMEDIATE_OR_CANCEL,
    TimeInForce.POST_ONLY: pb.TIME_IN_FORCE_POST_ONLY,
}

WORLD_OF: Mapping[int, World] = {number: world for world, number in WORLD.items()}
GROUP_STATE_OF: Mapping[int, GroupState] = {number: state for state, number in GROUP_STATE.items()}
OUTCOME_OF: Mapping[int, Outcome] = {number: outcome for outcome, number in OUTCOME.items()}

SEVERITIES = ("debug", "info", "warning", "error", "critical")
SEVERITY: Mapping[str, pb.Severity] = _words(SEVERITIES, pb.Severity, "SEVERITY")
CATEGORIES = ("engine", "signal", "precision", "order", "risk", "exchange", "config", "security", "system")
CATEGORY: Mapping[str, pb.Category] = _words(CATEGORIES, pb.Category, "CATEGORY")
SEVERITY_OF: Mapping[int, str] = {number: word for word, number in SEVERITY.items()}
CATEGORY_OF: Mapping[int, str] = {number: word for word, number in CATEGORY.items()}


def severity(word: str) -> pb.Severity:
    return SEVERITY.get(word, pb.SEVERITY_UNSPECIFIED)


def category(word: str) -> pb.Category:
    return CATEGORY.get(word, pb.CATEGORY_UNSPECIFIED)


def code(word: str) -> str:
    """A name inside the engine as a stable code: `signal.opened` is `SIGNAL_OPENED`."""
    return word.replace(".", "_").replace("-", "_").upper()


def known(values: Iterable[int], words: Mapping[int, E], field: str) -> frozenset[E]:
    """Enum values of a filter as words. INVALID_ARGUMENT for one that is unset or unknown."""
    found = set()
    for value in values:
        word = words.get(value)
        if word is None:
            raise faulty_field(field, f"{value} is not a value to filter by")
        found.add(word)
    return frozenset(found)


def number(text: str, field: str) -> Decimal:
    """A decimal of a request. INVALID_ARGUMENT if it is none."""
    value = parse_decimal(text)
    if value is None:
        raise faulty_field(field, "must be a number in plain notation" if text else "is missing")
    return value
