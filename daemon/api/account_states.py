"""How the accounts are doing: what their gateways say, and what a person has paused."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from actors.messages import CLOSE_ALL, AccountChanged, AccountCondition, DescribeAccount
from actors.rules.model import Balance, Position
from actors.rules.settings import AccountSettings
from daemon.api.engine import Engine
from daemon.api.errors import Failed
from protos.terrace.v1 import types_pb2 as pb

GATEWAY_TIMEOUT_S = 1.0
"""How long a gateway may take to describe its account before it is shown as not reachable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountNow:
    """An account as it is at this moment."""

    settings: AccountSettings
    state: pb.AccountState
    reason: str
    balances: Mapping[str, Balance] = field(default_factory=dict)
    positions: tuple[Position, ...] = ()
    known: bool = False
    """What it owns was told."""
    compared_ms: int = 0
    """When the account was last compared with the store; 0: not yet."""
    condition: AccountCondition | None = None
    """None: its gateway has not answered, or there is none."""


async def describe(engine: Engine, account: AccountSettings) -> AccountNow:
    """Asks the account's gateway. One that does not answer is not reachable."""
    words = engine.unbuilt.get(account.name) or engine.broken.get(account.name)
    if words is not None:
        return AccountNow(settings=account, state=pb.ACCOUNT_STATE_DISCONNECTED, reason=words)
    try:
        answer = await engine.ask(
            f"gateway/{account.name}", lambda reply_to: DescribeAccount(reply_to=reply_to), None, GATEWAY_TIMEOUT_S
        )
    except Failed as failed:
        return AccountNow(settings=account, state=pb.ACCOUNT_STATE_DISCONNECTED, reason=failed.message)
    assert isinstance(answer, AccountChanged), answer
    state, reason = _state(engine, account, answer)
    return AccountNow(
        settings=account,
        state=state,
        reason=reason,
        balances=answer.balances,
        positions=answer.positions,
        known=answer.condition is None or answer.condition.is_owned_known,
        compared_ms=answer.compared_ms,
        condition=answer.condition,
    )


async def describe_all(engine: Engine, accounts: Sequence[AccountSettings]) -> list[AccountNow]:
    return list(await asyncio.gather(*(describe(engine, account) for account in accounts)))


def _state(engine: Engine, account: AccountSettings, told: AccountChanged) -> tuple[pb.AccountState, str]:
    if not told.ready:
        is_failing = told.condition is not None and told.condition.is_failing
        is_lost = is_failing or told.compared_ms
        return (pb.ACCOUNT_STATE_DISCONNECTED if is_lost else pb.ACCOUNT_STATE_RECONCILING), told.detail
    paused = engine.view.current.switches.get((account.world, f"paused:{account.name}"))
    if paused:
        return pb.ACCOUNT_STATE_PAUSED, why_paused(paused, account.name)
    detail = told.detail
    if told.held_symbols:
        names = ", ".join(sorted(told.held_symbols))
        detail = f"it differs from the store, entries wait on {names} (`terrace account drift {account.name}`)"
    detail = detail or _unheard(told.condition)
    return (pb.ACCOUNT_STATE_DEGRADED, detail) if detail else (pb.ACCOUNT_STATE_READY, "")


def _unheard(condition: AccountCondition | None) -> str:
    """What the account's own streams do not tell at the moment. It trades on: sweeps tell the same, later."""
    streams = condition.streams if condition is not None else ()
    away = [name for name, is_up, _ in streams if not is_up and name != "prices"]
    return f"no stream of {', '.join(away)}: orders are asked for every few seconds instead" if away else ""


def why_paused(cause: str, account: str = "") -> str:
    """In words, from the value of the switch. One that close-all left says how it is lifted: nobody asked for it."""
    if cause != CLOSE_ALL:
        return "paused by a user"
    return f"paused by close-all; `terrace engine resume{f' --account {account}' if account else ''}` lifts it"
