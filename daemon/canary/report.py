"""What a canary has found, and as the JSON object it prints. Numbers are plain text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sized
from dataclasses import asdict, dataclass
from typing import Any

from actors.rules import profit
from actors.rules.model import Group, Order, Role
from actors.rules.money import plain
from daemon.canary.compare import Difference, UnknownOrder
from daemon.canary.gate import Held
from daemon.canary.running import AccountSeen

MAX_LISTED = 1_000
"""Of each list that is printed; what is beyond is counted in `left_out`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WouldSend:
    account: str
    held: Held
    is_there: bool
    """The exchange has an order of this very name: the daemon has sent it since the copy was made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    version: str
    schema: str
    copy_ms: int
    """When the copy was made, as far as it says."""
    is_ready: bool
    why: str
    """Why it is not ready."""
    took_ms: int
    accounts: tuple[AccountSeen, ...]
    groups: tuple[Group, ...]
    would_send: tuple[WouldSend, ...]
    would_send_more: int
    blocked: int
    unknown_orders: tuple[UnknownOrder, ...]
    not_compared: tuple[str, ...]
    """What could not be asked of an exchange, in words."""
    differences: tuple[Difference, ...]
    later: tuple[Difference, ...]
    standing: tuple[Difference, ...]

    @property
    def is_well(self) -> bool:
        return self.is_ready and not self.differences


def as_json(report: Report) -> dict[str, Any]:
    """Lists are cut at `MAX_LISTED`."""
    lists: dict[str, Iterable[Mapping[str, Any] | str]] = {
        "accounts": [{"account": each.account, "state": each.state, "why": each.why} for each in report.accounts],
        "groups": [_group(group) for group in report.groups[:MAX_LISTED]],
        "would_send": [_would_send(each) for each in report.would_send[:MAX_LISTED]],
        "unknown_orders": [asdict(each) for each in report.unknown_orders[:MAX_LISTED]],
        "not_compared": report.not_compared[:MAX_LISTED],
        "differences": [asdict(each) for each in report.differences[:MAX_LISTED]],
        "later": [asdict(each) for each in report.later[:MAX_LISTED]],
        "standing": [asdict(each) for each in report.standing[:MAX_LISTED]],
    }
    whole: tuple[Sized, ...] = (
        *(report.groups, report.unknown_orders, report.not_compared),
        *(report.differences, report.later, report.standing),
    )
    left_out = sum(max(0, len(each) - MAX_LISTED) for each in whole)
    left_out += max(0, len(report.would_send) - MAX_LISTED) + report.would_send_more
    return {
        "version": report.version,
        "schema": report.schema,
        "ready": report.is_ready,
        "why": report.why,
        "took_ms": report.took_ms,
        "copy_time_ms": report.copy_ms,
        **lists,
        "blocked_requests": report.blocked,
        "left_out": left_out,
    }


def _group(group: Group) -> dict[str, Any]:
    key = group.key
    average = profit.average_entry(profit.lots(group), group.instrument.contract_size)
    words = (key.account, key.symbol, key.timeframe, key.strategy, key.source)
    return {
        "group_id": group.group_id,
        "key": " ".join(word for word in words if word),
        "side": group.side.value,
        "state": group.state.value,
        "quantity": plain(profit.held(group)),
        "average_entry": "" if average is None else plain(average),
        "realized": plain(group.realized),
        "orders": [
            {"client_order_id": order.client_order_id, "state": order.state.value} for order in group.orders.values()
        ],
    }


def _would_send(would: WouldSend) -> dict[str, Any]:
    order = would.held.order
    is_amend = would.held.what == "amend"
    price = order.wanted_price if is_amend and order.wanted_price is not None else order.price
    quantity = order.wanted_quantity if is_amend and order.wanted_quantity is not None else order.quantity
    return {
        "account": would.account,
        "symbol": order.symbol,
        "what": would.held.what,
        "side": order.side.value,
        "price": "" if price is None else plain(price),
        "quantity": plain(quantity),
        "why": _why(order),
        "client_order_id": order.client_order_id,
        "is_there": would.is_there,
    }


def _why(order: Order) -> str:
    role = {Role.ENTRY: "entry", Role.TAKE_PROFIT: "target", Role.STOP: "stop", Role.CLOSE: "close"}[order.role]
    place = "" if order.pyramid is None else f" of pyramid {order.pyramid}"
    place += "" if order.leg is None else f" leg {order.leg}"
    return f"{role}{place} of group {order.group_id}"
