"""The promises, as questions to the files: what the store says, what the venue says, and what senders were told.

`always` holds at every instant, also of a process that was just killed; `at_rest` once everything has settled. Each
check yields violations in words; what it needs is in its arguments and nowhere else.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal

from actors.rules.model import OrderState, Outcome
from actors.rules.naming import parse_client_order_id
from tests.processes.books import Row, Store, Venue, VenueTrade
from tests.processes.load import Sent
from tests.simulation.promise import Promise, Violation

D = Decimal
FINAL_ORDER = frozenset(state.value for state in OrderState if state.is_final)
FINAL_OUTCOME = frozenset(outcome.value for outcome in Outcome if outcome.is_final)
NEVER_THERE = frozenset({"rejected", "cancelled"})
"""States of an order that the venue need not know."""
PASSING = frozenset({"POOL_FULL", "ACCOUNT_NOT_READY", "PRECISION_MISSING", "PRICE_MISSING", "PRICE_STALE"})
"""Reasons to wait that are over once there is a slot and the venue is there."""
MOST_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the installation was told to keep to."""

    max_open_groups: int
    is_swap: bool
    began_with: Decimal
    """The account's quote balance before the first trade."""
    ends_as_cancelled: bool = False
    """The venue calls an order cancelled that ended because nothing is left to reduce."""


def violation(promise: Promise, words: str) -> Violation:
    return Violation(promise, words)


# --- at every instant -----------------------------------------------------------------------------------


def always(store: Store, venue: Venue, terms: Terms) -> Iterator[Violation]:
    """What no kill may break, not even until the next start."""
    yield from orders_are_known(store, venue)
    yield from fills_are_the_venues(store, venue, whole=False)
    yield from nothing_is_oversold(store, venue.trades)
    yield from limits_were_kept(store, terms)
    yield from outcomes_are_single(store)


def orders_are_known(store: Store, venue: Venue) -> Iterator[Violation]:
    """ORD-2, ORD-3: each order at the venue was committed before, under its own group, and is there once."""
    ours = {row["client_order_id"]: row for row in store.orders}
    taken = Counter(order.client_order_id for order in venue.orders)
    for name, count in taken.items():
        if count > 1:
            yield violation(Promise.ORDER_ONCE, f"the venue took {name} {count} times")
    for order in venue.orders:
        row, said = ours.get(order.client_order_id), parse_client_order_id(order.client_order_id)
        if row is None:
            yield violation(Promise.ORDER_KNOWN, f"the venue has {order}, the store does not know it")
        elif said is None or said.group_id != row["group_id"]:
            yield violation(Promise.ORDER_KNOWN, f"{order.client_order_id} is kept under {row['group_id']}")


def fills_are_the_venues(store: Store, venue: Venue, *, whole: bool) -> Iterator[Violation]:
    """ORD-5. `whole`: all of the venue's are in the store; else those that are in it are the venue's, each once."""
    ours = Counter(
        VenueTrade(
            row["client_order_id"],
            D(row["price"]),
            D(row["quantity"]),
            D(row["fee"]),
            row["fee_asset"] if D(row["fee"]) else "",
        )
        for row in store.fills
    )
    theirs = Counter(venue.trades)
    for trade, count in list((ours - theirs).items())[:MOST_NAMED]:
        yield violation(Promise.FILLS_AGREE, f"the store counts {trade} {count} times more than it happened")
    for trade, count in list((theirs - ours).items())[:MOST_NAMED] if whole else ():
        yield violation(Promise.FILLS_AGREE, f"the store lacks {trade}, {count} times")


def nothing_is_oversold(store: Store, trades: Sequence[VenueTrade]) -> Iterator[Violation]:
    """TP-7, GRP-6: no group ever sold more than it had bought by then, at the venue, fees in coins taken off."""
    sides = {row["group_id"]: row["side"] for row in store.position_groups}
    bases = {row["group_id"]: row["symbol"].partition("/")[0] for row in store.position_groups}
    held: dict[str, Decimal] = defaultdict(Decimal)
    told: set[str] = set()
    for trade in trades:
        said = parse_client_order_id(trade.client_order_id)
        if said is None or said.group_id not in sides:
            continue
        group_id = said.group_id
        held[group_id] += trade.quantity if said.role.value == "entry" else -trade.quantity
        if trade.fee_asset == bases[group_id]:
            held[group_id] -= trade.fee
        if held[group_id] < 0 and group_id not in told:
            told.add(group_id)
            words = f"{group_id} ({sides[group_id]}) has sold {-held[group_id]} more than it had, with {trade}"
            yield violation(Promise.NEVER_OVERSOLD, words)


def limits_were_kept(store: Store, terms: Terms) -> Iterator[Violation]:
    """POOL-2, GRP-1, by the event log: at no commit were there too many live groups, or two on a key.

    One transaction's events stand together; a group that closes for its reverse leaves and its successor comes in the
    same one, so what counts is how it stands when the next group opens.
    """
    groups = {row["group_id"]: row for row in store.position_groups}
    live: dict[str, tuple[object, ...]] = {}
    for event in store.events:
        group_id = event["group_id"]
        if event["type"] == "group.opened":
            group = groups.get(group_id)
            if group is None:
                yield violation(Promise.ONE_OUTCOME, f"{group_id} was opened and is not in the store")
                continue
            if not group["forced"]:
                live[group_id] = tuple(
                    group[name] for name in ("world", "account", "symbol", "timeframe", "key_strategy", "key_source")
                )
        elif event["type"] == "group.state" and json.loads(event["attributes"])["to"] == "closed":
            live.pop(group_id, None)
        else:
            continue
        if len(live) > terms.max_open_groups:
            words = f"{len(live)} groups were live at event {event['sequence']}, {terms.max_open_groups} are allowed"
            yield violation(Promise.POOL_LIMIT, words)
            return
        keys = Counter(live.values())
        twice = [key for key, count in keys.items() if count > 1]
        if twice:
            yield violation(Promise.ONE_GROUP_PER_KEY, f"two groups on {twice[0]} at event {event['sequence']}")
            return


def outcomes_are_single(store: Store) -> Iterator[Violation]:
    """SIG-7, SIG-10: an alert is in the store once and ends once; what it says it opened is there."""
    rows = Counter(row["trade_id"] for row in store.signals if row["trade_id"])
    for trade_id, count in rows.items():
        if count > 1:
            yield violation(Promise.ONE_OUTCOME, f"alert {trade_id} is in the store {count} times")
    ends = Counter(
        event["signal_id"]
        for event in store.events
        if event["type"].startswith("signal.") and event["type"].removeprefix("signal.") in FINAL_OUTCOME
    )
    for row in store.signals:
        ended = ends[row["signal_id"]]
        if ended != (row["outcome"] in FINAL_OUTCOME):
            words = f"alert {row['trade_id']} is {row['outcome']}, the event log has {ended} ends of it"
            yield violation(Promise.ONE_OUTCOME, words)
    yield from _outcomes_did_something(store)


def _outcomes_did_something(store: Store) -> Iterator[Violation]:
    opened = Counter(group["signal_id"] for group in store.position_groups)
    added = Counter(row["signal_id"] for row in store.pyramids)
    for row in store.signals:
        name, outcome = row["signal_id"], row["outcome"]
        groups, pyramids = opened[name], added[name]
        wanted = {"opened": (1, 1), "pyramided": (0, 1), "reversed": (groups, groups)}.get(outcome, (0, 0))
        if (groups, pyramids) != wanted or groups > 1:
            words = f"alert {row['trade_id']} ended {outcome} with {groups} groups and {pyramids} pyramids"
            yield violation(Promise.ONE_OUTCOME, words)


# --- at rest --------------------------------------------------------------------------------------------


def at_rest(
    store: Store,
    venue: Venue,
    terms: Terms,
    sent: Iterable[Sent],
    refused: Iterable[tuple[bytes, str, str]] = (),
    spooled: Iterable[bytes] = (),
) -> Iterator[Violation]:
    """Everything that must hold once nothing is under way any more. `refused`: by the daemon, out of the spool;
    `spooled`: what is still in it, where it did not come to rest in time.
    """
    yield from always(store, venue, terms)
    waiting = set(map(_trade_id, spooled))
    yield from acknowledged_are_there(store, [item for item in sent if item.trade_id not in waiting], refused)
    yield from fills_are_the_venues(store, venue, whole=True)
    yield from orders_agree(store, venue, terms)
    yield from groups_hold_their_fills(store, terms)
    yield from the_account_covers_the_groups(store, venue, terms)
    yield from positions_are_protected(store)
    yield from money_is_exact(store, venue, terms)
    yield from nothing_crashed(store)


def acknowledged_are_there(
    store: Store, sent: Iterable[Sent], refused: Iterable[tuple[bytes, str, str]]
) -> Iterator[Violation]:
    """SIG-9, SIG-12: what was acknowledged has its one outcome, and the one its sender was told."""
    rows = {row["trade_id"]: row for row in store.signals}
    turned_down = {_trade_id(body): f"{reason}: {words}" for body, reason, words in refused}
    for item in sent:
        row = rows.get(item.trade_id)
        if item.is_acknowledged and row is None:
            why = turned_down.get(item.trade_id)
            words = f"{item.kind} {item.trade_id} was acknowledged ({item.heard[0]}) and is lost"
            yield violation(Promise.ONE_OUTCOME, f"{words}; the daemon refused it: {why}" if why else words)
        for heard in item.heard:
            if heard.outcome == "SPOOLED" or row is None:
                continue
            told = heard.first_outcome if heard.outcome == "DUPLICATE" else heard.outcome
            known = {row["first_outcome"].upper(), row["outcome"].upper()}
            if told not in known or heard.signal_id not in ("", row["signal_id"]):
                words = f"the sender of {item.trade_id} was told {heard}, the store has {row['signal_id']} {known}"
                yield violation(Promise.ONE_OUTCOME, words)


def _trade_id(body: bytes) -> str:
    found = json.loads(body).get("strategy_info", {}).get("trade_id", "")
    return str(found)


def orders_agree(store: Store, venue: Venue, terms: Terms) -> Iterator[Violation]:
    """ORD-7: each order is in the same state in both places, with as much filled."""
    theirs = {order.client_order_id: order for order in venue.orders}
    for row in store.orders:
        name, order = row["client_order_id"], theirs.get(row["client_order_id"])
        if order is None:
            if row["state"] not in NEVER_THERE or D(row["filled_quantity"]):
                yield violation(Promise.ORDER_KNOWN, f"{name} is {row['state']} here, the venue never had it")
            continue
        state = "cancelled" if terms.ends_as_cancelled and row["state"] == "expired" else row["state"]
        there = "cancelled" if terms.ends_as_cancelled and order.state == "expired" else order.state
        if (state, D(row["filled_quantity"])) != (there, order.filled):
            words = f"{name} is {state}, {row['filled_quantity']} filled here; {there}, {order.filled} there"
            yield violation(Promise.FILLS_AGREE, words)
        elif row["state"] not in FINAL_ORDER and (D(row["price"] or 0), D(row["quantity"])) != (
            order.price or D(0),
            order.quantity,
        ):
            words = f"{name} is {row['quantity']} at {row['price']} here, {order.quantity} at {order.price} there"
            yield violation(Promise.ORDER_KNOWN, words)


def held_of(store: Store) -> dict[str, Decimal]:
    """What each group holds by its own books, dust included (a closed one has nothing else)."""
    held = {row["group_id"]: D(row["loose_quantity"]) for row in store.position_groups}
    for leg in store.legs:
        held[leg["group_id"]] += D(leg["lot_quantity"])
    return held


def groups_hold_their_fills(store: Store, terms: Terms) -> Iterator[Violation]:
    """What a group's books say it holds is bought less sold, fees in coins taken off."""
    by_fills: dict[str, Decimal] = defaultdict(Decimal)
    roles = {row["client_order_id"]: (row["role"], row["symbol"].partition("/")[0]) for row in store.orders}
    for fill in store.fills:
        role, base = roles[fill["client_order_id"]]
        by_fills[fill["group_id"]] += D(fill["quantity"]) if role == "entry" else -D(fill["quantity"])
        if not terms.is_swap and fill["fee_asset"] == base:
            by_fills[fill["group_id"]] -= D(fill["fee"])
    for group_id, held in held_of(store).items():
        if held != by_fills[group_id]:
            words = f"{group_id} says it holds {held}, by its fills it is {by_fills[group_id]}"
            yield violation(Promise.HOLDS_ITS_FILLS, words)


def the_account_covers_the_groups(store: Store, venue: Venue, terms: Terms) -> Iterator[Violation]:
    """What the groups hold together is what the account has: nobody else trades on it."""
    ours: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    held = held_of(store)
    for row in store.position_groups:
        symbol = row["symbol"] if terms.is_swap else row["symbol"].partition("/")[0]
        ours[(symbol, row["side"])] += held[row["group_id"]]
    for key in sorted(ours.keys() | venue.holdings.keys()):
        here, there = ours.get(key, D(0)), venue.holdings.get(key, D(0))
        if here != there:
            yield violation(Promise.COVERED, f"{key}: the groups hold {here}, the account has {there}")


def positions_are_protected(store: Store) -> Iterator[Violation]:
    """TP-1: what is held has a target that rests, or is watched, or is being closed, or somebody was told why not."""
    alerts = {row["group_id"] for row in store.alerts if row["resolve_time_ms"] is None and row["group_id"]}
    held = held_of(store)
    for group in store.live_groups:
        group_id = group["group_id"]
        settings, instrument = json.loads(group["settings"]), json.loads(group["instrument"])
        if settings.get("tp_execution") == "watched" or group_id in alerts:
            continue
        step = D(instrument["step_size"])
        sellable = held[group_id].quantize(step, ROUND_FLOOR) if step else held[group_id]
        resting = sum(
            (
                D(row["quantity"]) - D(row["filled_quantity"])
                for row in store.orders
                if row["group_id"] == group_id and row["role"] == "take_profit" and row["state"] not in FINAL_ORDER
            ),
            D(0),
        )
        legs = [leg for leg in store.legs if leg["group_id"] == group_id and D(leg["lot_quantity"])]
        left = sellable - resting
        if left > step * len(legs) and left * _price_of(store, group_id) >= D(instrument["min_notional"] or 0):
            words = f"{group_id} {group['state']} holds {sellable}, targets rest for {resting} only"
            yield violation(Promise.PROTECTED, words)


def _price_of(store: Store, group_id: str) -> Decimal:
    prices = [D(row["price"]) for row in store.fills if row["group_id"] == group_id]
    return min(prices, default=D(0))


def money_is_exact(store: Store, venue: Venue, terms: Terms) -> Iterator[Violation]:
    """PNL-2, to the last digit. Spot: the quote balance changed by what was realised less the cost of what is held.

    Swap: several groups share one position there, whose average cost is another than theirs; so what is compared is
    the change of equity, where the price of what is held falls out on both sides.
    """
    realized = sum((D(row["realized"]) for row in store.position_groups), D(0))
    change = venue.quote - terms.began_with
    if terms.is_swap:
        here = realized - sum((_signed(group["side"], cost) for group, cost in _costs(store)), D(0))
        there = change - sum((_signed(side, cost) for (_, side), cost in venue.cost.items()), D(0))
    else:
        here, there = realized - sum((cost for _, cost in _costs(store)), D(0)), change
    if here != there:
        words = f"by the account {there} USDT were earned, held quantities at cost; by the store {here}"
        yield violation(Promise.MONEY, f"{words} ({realized} realised, the balance changed by {change})")


def _signed(side: str, cost: Decimal) -> Decimal:
    return cost if side == "long" else -cost


def _costs(store: Store) -> Iterator[tuple[Row, Decimal]]:
    """What was paid for what each group still holds."""
    groups = {row["group_id"]: row for row in store.position_groups}
    yield from ((group, D(group["loose_cost"])) for group in groups.values())
    yield from ((groups[leg["group_id"]], D(leg["lot_cost"])) for leg in store.legs)


def nothing_crashed(store: Store) -> Iterator[Violation]:
    for row in store.dead_letters[:MOST_NAMED]:
        words = f"{row['actor']} died of {row['message_type']}: {row['error']}"
        yield violation(Promise.NO_CRASH, words)


# --- what is still under way ----------------------------------------------------------------------------


def unsettled(store: Store, venue: Venue, terms: Terms, spooled: int) -> Iterator[str]:
    """What keeps an installation from being at rest, in words."""
    if spooled:
        yield f"{spooled} alerts wait in the spool"
    yield from _orders_under_way(store, venue, terms)
    for group in store.live_groups:
        if group["state"] == "closing":
            yield f"group {group['group_id']} is closing ({group['close_reason']}, flags {group['flags']})"
    for action in store.risk_actions:
        if action["state"] in ("planned", "running"):
            yield f"offset {action['action_id']} is under way"
    live = [group for group in store.live_groups if not group["forced"]]
    for queued in store.queued_signals if len(live) < terms.max_open_groups else ():
        if queued["wait_reason"] in PASSING:
            yield f"a slot is free ({len(live)} live) and {queued['signal_id']} waits: {queued['wait_reason']}"
    if fills := len(venue.trades) - len(store.fills):
        yield f"{fills} fills are under way"


def _orders_under_way(store: Store, venue: Venue, terms: Terms) -> Iterator[str]:
    states = {row["client_order_id"]: row for row in store.orders if row["state"] not in FINAL_ORDER}
    for name, row in states.items():
        if row["state"] == "pending" or row["cancel_requested"] or row["wanted_price"] or row["wanted_quantity"]:
            yield f"order {name} is {row['state']}, cancel asked: {bool(row['cancel_requested'])}"
    there = {order.client_order_id for order in venue.orders if order.is_open}
    for name in sorted(states.keys() ^ there):
        yield f"order {name} is open {'here' if name in states else 'at the venue'} only"
