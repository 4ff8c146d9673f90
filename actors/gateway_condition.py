"""How an account reaches its exchange, gathered from the parts of its gateway for whoever looks (`account show`)."""

from __future__ import annotations

from actors.budget import Budget
from actors.gateway_account import AccountWatch
from actors.gateway_circuit import CircuitBreaker
from actors.gateway_health import AccountHealth
from actors.gateway_orders import OrderDesk
from actors.gateway_streams import StreamWatch
from actors.messages import AccountCondition


def condition_of(
    *,
    now_ms: int,
    budget: Budget,
    watch: AccountWatch,
    health: AccountHealth,
    streams: StreamWatch,
    circuit: CircuitBreaker,
    orders: OrderDesk,
) -> AccountCondition:
    blocked_ms = budget.blocked_until_ms()
    return AccountCondition(
        streams=streams.rows,
        circuit=circuit.state.value,
        retry_ms=circuit.retry_ms,
        windows=tuple((name, used, limit) for name, (used, limit) in budget.used(now_ms).items()),
        blocked_until_ms=blocked_ms if blocked_ms > now_ms else 0,
        clock_offset_ms=health.clock_offset_ms,
        open_orders=len(orders),
        waiting=orders.waiting,
        unknown_orders=len(orders.overdue),
        is_owned_known=watch.balances.is_answered,
        is_failing=watch.is_failing or not circuit.lets_through,
        may_withdraw=health.may_withdraw,
        is_key_refused=bool(watch.refused),
        streams_since_ms=streams.since_ms,
    )
