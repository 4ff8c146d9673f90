"""What contradicts what: the copy before and after the migrations, the copy and the exchange. Pure.

The exchange goes on while a copy stands still. What happened after the copy was made is no difference, it is `later`;
`Moment.is_later` draws the line, with room for what the daemon had not heard of yet when it was copied.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from actors.rules import profit
from actors.rules.model import Group, OrderReport, OrderSide, OrderState
from actors.rules.money import ZERO, plain
from actors.rules.naming import is_ours
from actors.rules.records import DriftKind, SaveDrift
from daemon.canary.executions import Execution, PaperMoney
from daemon.canary.facts import Facts, Known, Money, OpenOrder
from daemon.canary.gate import Seen

NOTHING = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """`copy`: what the copy holds, or held before; `now`: what was found. Numbers are plain text."""

    what: str
    where: str
    copy: str
    now: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownOrder:
    """An open order of this installation at the exchange that the copy does not have."""

    account: str
    client_order_id: str
    symbol: str
    side: str
    price: str
    quantity: str
    time_ms: int
    is_later: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When the copy was made, as seen by one account's exchange."""

    copy_ms: int
    margin_ms: int
    """How long something may have happened before the daemon heard of it."""

    def is_later(self, time_ms: int) -> bool:
        return time_ms >= self.copy_ms - self.margin_ms


# --- the migrations -------------------------------------------------------------------------------


def of_migration(before: Facts, after: Facts) -> Iterator[Difference]:
    """What must not have changed, and has."""
    yield from _of_money("group", before.groups, after.groups)
    yield from _of_money("closed groups of account", before.closed, after.closed)
    for name in before.open_orders.keys() | after.open_orders.keys():
        then, now = before.open_orders.get(name), after.open_orders.get(name)
        if _order_words(then) != _order_words(now):
            yield Difference(
                what="migration: open order", where=f"order {name}", copy=_order_words(then), now=_order_words(now)
            )


def _of_money(kind: str, before: Mapping[str, Money], after: Mapping[str, Money]) -> Iterator[Difference]:
    for name in sorted(before.keys() | after.keys()):
        then, now = before.get(name), after.get(name)
        if then is None or now is None:
            words = (NOTHING, "there") if then is None else ("there", NOTHING)
            yield Difference(what="migration: group", where=f"{kind} {name}", copy=words[0], now=words[1])
            continue
        for what, one, other in (
            ("count", Decimal(then.count), Decimal(now.count)),
            ("quantity", then.quantity, now.quantity),
            ("cost of what is held", then.cost, now.cost),
            ("realized", then.realized, now.realized),
            ("fees", then.fees, now.fees),
            ("number of fills", Decimal(then.fills), Decimal(now.fills)),
            ("filled quantity", then.filled, now.filled),
            ("value of fills", then.turnover, now.turnover),
        ):
            if one != other:
                yield Difference(what=f"migration: {what}", where=f"{kind} {name}", copy=plain(one), now=plain(other))


def _order_words(order: OpenOrder | None) -> str:
    if order is None:
        return NOTHING
    price = "market" if order.price is None else plain(order.price)
    return f"{order.state}, {plain(order.quantity)} at {price}, {plain(order.filled)} filled"


def of_paper(account: str, before: PaperMoney | None, after: PaperMoney | None) -> Iterator[Difference]:
    """Of an account's books, before and after this program opened them."""
    if before is None or after is None:
        return
    for what, then, now in (
        ("balance", before.balances, after.balances),
        ("position", before.positions, after.positions),
        ("open order", before.orders, after.orders),
    ):
        for name in sorted(then.keys() | now.keys()):
            if then.get(name) != now.get(name):
                yield Difference(
                    what=f"migration: paper {what}",
                    where=f"account {account}: {name}",
                    copy=" ".join(then.get(name, (NOTHING,))),
                    now=" ".join(now.get(name, (NOTHING,))),
                )


def of_loading(facts: Facts, groups: Iterable[Group]) -> Iterator[Difference]:
    """What this program makes of the groups, and what their rows hold."""
    loaded = {group.group_id: group for group in groups}
    for group_id, money in facts.groups.items():
        group = loaded.get(group_id)
        if group is None:
            yield Difference(what="loading: group", where=f"group {group_id}", copy="live", now=NOTHING)
            continue
        for what, one, other in (
            ("quantity", money.quantity, profit.held(group)),
            ("cost of what is held", money.cost, profit.invested(group)),
            ("realized", money.realized, group.realized),
        ):
            if one != other:
                yield Difference(what=f"loading: {what}", where=f"group {group_id}", copy=plain(one), now=plain(other))
    known = {name for group in loaded.values() for name in group.orders}
    for name in sorted(facts.open_orders.keys() - known):
        yield Difference(what="loading: open order", where=f"order {name}", copy="open", now=NOTHING)


def of_books(facts: Facts) -> Iterator[Difference]:
    """Where the copy contradicts itself."""
    for where, (said, added) in sorted(facts.unfounded.items()):
        yield Difference(what="fills do not add up", where=where, copy=plain(said), now=plain(added))


# --- the exchange ---------------------------------------------------------------------------------


def of_orders(
    account: str, orders: Iterable[OpenOrder], seen: Seen, moment: Moment
) -> Iterator[tuple[bool, Difference]]:
    """Orders the copy holds for open, and what the exchange says of them. True: it is later."""
    for order in orders:
        if order.account != account:
            continue
        name, where = order.client_order_id, f"account {account}: order {order.client_order_id}"
        report = seen.reports.get(name)
        if report is None:
            if name in seen.absent and order.state != OrderState.PENDING:
                yield (
                    False,
                    Difference(what="order", where=where, copy=order.state, now="the exchange does not know it"),
                )
            continue
        is_later = moment.is_later(report.time_ms)
        for what, one, other in (
            ("order quantity", order.quantity, report.quantity),
            ("order price", order.price, report.price),
        ):
            if one is not None and other is not None and one != other and not order.is_amending:
                yield is_later, Difference(what=what, where=where, copy=plain(one), now=plain(other))
        if report.state is not None and order.state not in (report.state.value, OrderState.PENDING):
            yield True, Difference(what="order state", where=where, copy=order.state, now=report.state.value)


def of_executions(
    account: str,
    known: Known,
    told: Iterable[Execution],
    moment: Moment,
    installation: str,
) -> Iterator[tuple[bool, Difference]]:
    """Fills the exchange tells and the copy does not have. True: they are later."""
    for execution in told:
        name = _name_of(execution, known)
        if not name or (name, execution.trade_id) in known.fills:
            continue
        if name not in known.ids and not is_ours(name, installation):
            continue
        yield (
            moment.is_later(execution.time_ms),
            Difference(
                what="fill",
                where=f"account {account}: order {name}, trade {execution.trade_id}",
                copy=NOTHING,
                now=_execution_words(execution),
            ),
        )


def of_fills(
    account: str, known: Known, told: Collection[Execution], asked: Collection[str], since_ms: int
) -> Iterator[Difference]:
    """Fills of the copy that the exchange does not tell, of the instruments it was asked about."""
    there = {(_name_of(execution, known), execution.trade_id) for execution in told}
    for key, execution in known.fills.items():
        if execution.symbol in asked and execution.time_ms >= since_ms and key not in there:
            yield Difference(
                what="fill",
                where=f"account {account}: order {key[0]}, trade {key[1]}",
                copy=_execution_words(execution),
                now="the exchange does not know it",
            )


def _name_of(execution: Execution, known: Known) -> str:
    return execution.client_order_id or known.by_exchange_id.get(execution.exchange_order_id, "")


def _execution_words(execution: Execution) -> str:
    words = f"{execution.side.value} {plain(execution.quantity)} {execution.symbol} at {plain(execution.price)}"
    return f"{words}, time {execution.time_ms} ms"


def of_drifts(
    account: str,
    drifts: Iterable[SaveDrift],
    standing: Mapping[str, SaveDrift],
    known: Known,
    told: Collection[Execution],
    moment: Moment,
) -> Iterator[tuple[bool, Difference]]:
    """Differences the engine itself has found and the copy did not know of. True: what came later explains it."""
    before = {(drift.account, drift.kind, drift.subject) for drift in standing.values()}
    for drift in drifts:
        if drift.account != account or drift.kind is DriftKind.UNKNOWN_ORDER:
            continue  # Unknown orders are told by themselves.
        if (drift.account, drift.kind, drift.subject) in before:
            continue
        is_later = drift.kind is DriftKind.UNCOVERED and _sold_later(drift, known, told, moment) >= drift.shortfall
        yield (
            is_later,
            Difference(
                what=drift.kind.value,
                where=f"account {account}: {drift.subject}",
                copy=drift.expected,
                now=drift.actual,
            ),
        )


def _sold_later(drift: SaveDrift, known: Known, told: Iterable[Execution], moment: Moment) -> Decimal:
    """By orders the copy does not have, since it was made, on the side that takes the holding down."""
    exit_side = OrderSide.BUY if drift.subject.endswith(":short") else OrderSide.SELL
    return sum(
        (
            execution.quantity
            for execution in told
            if execution.symbol == drift.symbol
            and execution.side is exit_side
            and moment.is_later(execution.time_ms)
            and _name_of(execution, known) not in known.ids
        ),
        ZERO,
    )


def unknown_orders(
    account: str,
    listed: Iterable[OrderReport],
    is_known: Collection[str],
    moment: Moment,
    installation: str,
) -> Iterator[UnknownOrder]:
    for report in listed:
        name = report.client_order_id
        if not is_ours(name, installation) or name in is_known:
            continue
        yield UnknownOrder(
            account=account,
            client_order_id=name,
            symbol=report.symbol,
            side="" if report.side is None else report.side.value,
            price="" if report.price is None else plain(report.price),
            quantity="" if report.quantity is None else plain(report.quantity),
            time_ms=report.time_ms,
            is_later=moment.is_later(report.time_ms),
        )
