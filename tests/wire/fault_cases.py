"""Every fault of a venue at every step of an order's life: which cases there are, and how one is lived and judged.

A case is a group of its own in an engine that many cases share, so that their time-outs overlap. The fault meets one
request of it, known by its client order id. Around it the market does what it does: orders that the engine knows to
rest are filled, halves first; the cases about exits get an exit signal instead of a hit target. Then the venue's
ledger is compared with the store.
"""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

from actors.account_messages import AmendOrders
from actors.rules.model import GroupState, Order, OrderState, Reason, Role
from tests.wire.bybit.ids import execution_id
from tests.wire.engine import DESKS, RECV_WINDOW_MS, TIMEOUT_MS, WINDOW_MS, Desk, Engine

D = Decimal
Json = dict[str, Any]
TICK_S = 0.1
ROUND_S = 90.0
"""Longest a round of cases may take until all of it is quiet."""
AMENDED_FOR_S = 1.5
"""How long the market leaves a target alone that was amended, once the fault has struck."""

PLACES = ("place_entry", "place_target", "place_close")
STEPS = (*PLACES, "cancel", "look_up", "amend")
STREAM = "stream"

ORDINARY = (
    "refused",
    "temporary",
    "unknown_code",
    "accept_then_reply",
    "accept_then_drop",
    "accept_then_timeout",
    "accept_then_5xx",
    "accept_then_truncated",
    "accept_then_html",
    "drop_before_accept",
    "timeout_before_accept",
    "5xx_before_accept",
    "delay",
    "delay_past_timeout",
    "delay_past_window",
    "late_answer",
    "late_answer_past_timeout",
    "late_visibility",
    "fill_before_ack",
)
"""They concern one request."""
WIDE = ("rate_limit", "html_403", "ban")
"""They concern everybody who shares the account: a round of their own."""
DEAF = (
    "accept_then_drop",
    "accept_then_timeout",
    "accept_then_truncated",
    "late_answer_past_timeout",
    "late_visibility",
    "fill_before_ack",
)
"""Once more while the account's stream says nothing at all: only look-ups and sweeps can tell."""
SOCKETS = (
    "ws_drop",
    "ws_duplicate",
    "ws_reorder",
    "ws_delay",
    "ws_close_1001",
    "ws_close_1006",
    "ws_no_pong",
    "listen_key_expired",
    "stream_terminated",
)
OWN_SOCKETS = {"listen_key_expired": "binanceusdm", "stream_terminated": "binance"}
"""Only that venue has such a thing."""
HIDDEN_MS = 1_200
"""How long an order that was accepted is not found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    desk: str
    step: str
    fault: str
    is_deaf: bool = False

    @property
    def id(self) -> str:
        return f"{self.desk}-{self.step}-{self.fault}" + ("-deaf" if self.is_deaf else "")

    @property
    def round(self) -> str:
        """Cases with the same one can be lived side by side."""
        if self.step == STREAM:
            return self.fault
        is_deaf = self.is_deaf or self.step == "look_up"
        if self.fault in WIDE:
            return f"{self.fault} deaf" if is_deaf else self.fault
        return "deaf" if is_deaf else "ordinary"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """`problems` empty: it went as it must. `did`: what the engine did about it, in few words."""

    case: str
    did: str
    problems: tuple[str, ...]
    took_s: float


def cases_of(desk_name: str) -> list[Case]:
    """The whole matrix of a venue."""
    desk = DESKS[desk_name]
    steps = [step for step in STEPS if step != "amend" or desk.amend is not None]
    found = [
        Case(desk=desk_name, step=step, fault=fault)
        for step in steps
        for fault in (*ORDINARY, *WIDE)
        if is_possible(step, fault)
    ]
    found += [
        Case(desk=desk_name, step=step, fault=fault, is_deaf=True)
        for step in (*PLACES, "cancel")
        for fault in DEAF
        if is_possible(step, fault)
    ]
    return found + [Case(desk=desk_name, step=STREAM, fault=fault) for fault in SOCKETS if _has_socket(desk, fault)]


def is_possible(step: str, fault: str) -> bool:
    """A look-up executes nothing, so not every fault makes sense; only resting orders can fill before the answer."""
    if fault == "fill_before_ack":
        return step in ("place_entry", "place_target")
    if fault == "late_visibility":
        return step in PLACES
    if step == "look_up":
        return fault not in ("accept_then_reply", "delay_past_window")
    return True


def _has_socket(desk: Desk, fault: str) -> bool:
    return OWN_SOCKETS.get(fault, desk.name) == desk.name


def share(desk_name: str) -> list[Case]:
    """What every day's run takes of it: every fault and every step at some venue, each venue with a good many."""
    mine, venues = list(DESKS).index(desk_name), len(DESKS)
    chosen = []
    for number, case in enumerate(cases_of(desk_name)):
        if case.step == STREAM:
            is_mine = SOCKETS.index(case.fault) % venues == mine or case.fault in OWN_SOCKETS
        elif case.fault in WIDE:
            is_mine = case.step != "look_up" and WIDE.index(case.fault) == mine
        else:
            is_mine = number % venues == mine
        if is_mine:
            chosen.append(case)
    return chosen


# --- faults as the simulator takes them -------------------------------------------------------------


def kind_of(case: Case, desk: Desk) -> tuple[str, Json]:
    """The simulator's word for it, and what goes with it."""
    named: Mapping[str, tuple[str, Json]] = {
        "refused": (f"reply:{desk.refusal}", {}),
        "temporary": (f"reply:{desk.temporary}", {}),
        "unknown_code": (f"reply:{desk.strange}", {}),
        "accept_then_reply": (f"accept_then_reply:{desk.nobody_knows}", {}),
        "delay": ("delay:400", {}),
        "delay_past_timeout": (f"delay:{(TIMEOUT_MS + RECV_WINDOW_MS) // 2}", {}),
        "delay_past_window": (f"delay:{RECV_WINDOW_MS + 400}", {}),
        "late_answer": ("late_answer:400", {}),
        "late_answer_past_timeout": (f"late_answer:{TIMEOUT_MS + 500}", {}),
        "late_visibility": ("accept_then_drop", {"hide_ms": HIDDEN_MS}),
        "rate_limit": ("rate_limit:1", {}),
        "ban": ("ban:2", {}),
        "ws_drop": ("ws_drop:80", {}),
        "ws_delay": ("ws_delay:700", {}),
        "ws_close_1001": ("ws_close:1001", {}),
        "ws_close_1006": ("ws_close:1006", {}),
    }
    return named.get(case.fault, (case.fault, {}))


# --- one case ---------------------------------------------------------------------------------------


@dataclass(slots=True)
class Life:
    """A group and what the market does to it. `tick` is called until `is_over`."""

    engine: Engine
    case: Case
    number: int
    group_id: str
    exits: bool
    parts: int
    """Fills that an order takes."""
    target: str = ""
    """Client order id the fault is for."""
    has_exited: bool = False
    amended_s: float = 0.0
    is_over: bool = False
    began_s: float = 0.0
    took_s: float = 0.0
    filled: dict[str, int] = field(default_factory=dict)
    """How many fills an order has had."""

    def begin(self) -> None:
        self.began_s = time.monotonic()
        engine, desk, step = self.engine, self.engine.desk, self.case.step
        entry = engine.name(self.group_id, Role.ENTRY, 1)
        target = engine.name(self.group_id, Role.TAKE_PROFIT, 1)
        close = engine.name(self.group_id, Role.CLOSE, 1)
        if step == "look_up":
            self._arm("accept_then_drop", desk.place, entry)
        kind, more = kind_of(self.case, desk)
        where = {
            "place_entry": (desk.place, entry),
            "place_target": (desk.place, target),
            "place_close": (desk.place, close),
            "cancel": (desk.cancel, target),
            "look_up": (desk.look_up, entry),
            "amend": (desk.amend, target),
        }.get(step)
        if where is not None and where[0] is not None:
            self.target = where[1]
            self._arm(kind, where[0], where[1], **more)
        engine.open(self.group_id, self.number)

    def _arm(self, kind: str, where: tuple[str, str], client_order_id: str, **more: Any) -> None:
        method, path = where
        self.engine.venue.admin.fault(kind, method=method, path=path, client_order_id=client_order_id, **more)

    def tick(self, resting: Sequence[Json]) -> None:
        """`resting`: open orders of this group at the venue."""
        group = self.engine.group(self.group_id)
        if group is None:
            return
        if group.state is GroupState.CLOSED:
            if not resting and not any(not order.is_final for order in group.orders.values()):
                self.is_over, self.took_s = True, time.monotonic() - self.began_s
            return
        for row in resting:
            order = group.orders.get(row["client_order_id"])
            if order is not None and order.state in (OrderState.OPEN, OrderState.PARTIALLY_FILLED):
                self._trade(order, row)

    def _trade(self, order: Order, row: Json) -> None:
        if order.role is Role.TAKE_PROFIT and self.exits:
            if not self.has_exited:
                self.has_exited = True
                self.engine.exit(self.group_id)
            return
        if order.role is Role.TAKE_PROFIT and self.case.step == "amend" and not self._is_amended(order):
            return
        group = self.engine.group(self.group_id)
        assert group is not None
        left, step = D(row["quantity"]) - D(row["filled"]), group.instrument.step_size
        done = self.filled.get(order.client_order_id, 0)
        part = (left / max(1, self.parts - done)) // step * step or left
        self.filled[order.client_order_id] = done + 1
        try:
            self.engine.fill(order.client_order_id, part)
        except Exception:  # It was cancelled meanwhile.
            return

    def _is_amended(self, order: Order) -> bool:
        """Asks for a price one tick off, then leaves time for whatever comes of it."""
        now_s = time.monotonic()
        if not self.amended_s:
            self.amended_s = now_s
            group = self.engine.group(self.group_id)
            assert group is not None
            assert order.price is not None
            wanted = order.price + group.instrument.tick_size
            self.engine.tell(AmendOrders(orders=(replace(order, wanted_price=wanted, wanted_quantity=order.quantity),)))
        return now_s - self.amended_s > AMENDED_FOR_S + (WINDOW_MS + TIMEOUT_MS) / 1000


# --- a round of cases -------------------------------------------------------------------------------


def live(engine: Engine, cases: Sequence[Case], first: int) -> list[Life]:
    """Lives these cases side by side until all are over, or the time is up. They are of one `round`."""
    kind = cases[0].round
    desk, admin = engine.desk, engine.venue.admin
    if kind.endswith("deaf"):
        admin.fault("ws_drop:100", path=desk.user_stream, count=0)
    lives = []
    for number, case in enumerate(cases):
        is_exit = case.step in ("place_close", "cancel") or (case.step == STREAM and number % 2 == 1)
        parts = 8 if case.step == STREAM else 2 if case.step in ("place_entry", "place_close", "look_up") else 1
        group_id = f"g{first + number:011d}"
        lives.append(Life(engine, case, first + number, group_id, exits=is_exit, parts=parts))
    if cases[0].step == STREAM:
        word, _ = kind_of(cases[0], desk)
        trouble = _trouble(engine, word, desk.user_stream)
    else:
        trouble = None
    for one in sorted(lives, key=lambda one: one.case.step == "place_entry"):
        one.begin()  # Entries that meet a fault come last: a ban would hold up those behind them.
    end = time.monotonic() + ROUND_S
    while time.monotonic() < end and not all(one.is_over for one in lives):
        if trouble is not None:
            trouble()
        resting: dict[str, list[Json]] = defaultdict(list)
        for row in engine.ledger()["orders"]:
            if row["state"] in ("open", "partially_filled"):
                resting[group_of(row["client_order_id"])].append(row)
        for one in lives:
            if not one.is_over:
                one.tick(resting[one.group_id])
        time.sleep(TICK_S)
    admin.reset_faults()
    return lives


def _trouble(engine: Engine, word: str, path: str) -> Callable[[], None]:
    """Starts a fault of the stream, or makes it strike again and again."""
    admin, chance = engine.venue.admin, random.Random(word)
    lasts = word.partition(":")[0] in ("ws_drop", "ws_duplicate", "ws_reorder", "ws_delay", "ws_no_pong")
    if lasts:
        admin.fault(word, path=path, count=0)

    def strike() -> None:
        if not lasts and chance.random() < 0.3:
            admin.fault(word, path=path)

    return strike


def group_of(client_order_id: str) -> str:
    return client_order_id[6:18]


# --- the judgement ----------------------------------------------------------------------------------


def judge(engine: Engine, lives: Sequence[Life]) -> list[Result]:
    """Compares the venue's truth with the store, case by case."""
    ledger = engine.ledger()
    requests = engine.venue.admin.requests()
    stored: dict[str, dict[str, tuple[Any, ...]]] = defaultdict(dict)
    for row in engine.rows("SELECT client_order_id, state, filled_quantity, reason, role, pyramid, leg FROM orders"):
        stored[group_of(row[0])][row[0]] = row
    fills: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
    for trade in engine.rows("SELECT client_order_id, trade_id, quantity FROM fills"):
        fills[group_of(trade[0])].append(trade)
    by_group: dict[str, Json] = defaultdict(lambda: {"orders": [], "trades": [], "requests": []})
    for name, rows in (("orders", ledger["orders"]), ("trades", ledger["trades"]), ("requests", requests)):
        for entry in rows:
            if entry["client_order_id"]:
                by_group[group_of(entry["client_order_id"])][name].append(entry)
    results = []
    for one in lives:
        truth = by_group[one.group_id]
        problems = [*_problems(one, truth, stored[one.group_id], fills[one.group_id])]
        did = describe(one, truth, stored[one.group_id])
        results.append(Result(case=one.case.id, did=did, problems=tuple(problems), took_s=round(one.took_s, 1)))
    return results


def _problems(
    one: Life, truth: Json, stored: Mapping[str, tuple[Any, ...]], fills: Sequence[tuple[str, str, str]]
) -> Iterable[str]:
    if not one.is_over:
        group = one.engine.group(one.group_id)
        state = group.state.value if group is not None else "gone"
        flags = group.flags if group is not None else ()
        yield f"it did not come to rest: the group is {state} {flags}, orders {[row[:4] for row in stored.values()]}"
    if one.target and not any(entry["fault"] and entry["client_order_id"] == one.target for entry in truth["requests"]):
        yield "the fault never struck"
    yield from fills_that_differ(one.engine.desk, truth["trades"], fills)
    yield from _doubles(one, truth)
    yield from _oversold(truth)
    yield from _ends(one, truth, stored)


def fills_that_differ(desk: Desk, trades: Iterable[Json], fills: Iterable[tuple[str, str, str]]) -> Iterable[str]:
    """Executions of the ledger against (client order id, trade id, quantity) of the store, each exactly once."""
    there = sorted((row["client_order_id"], shown_id(desk, row["trade_id"]), D(row["quantity"])) for row in trades)
    here = sorted((order, trade, D(quantity)) for order, trade, quantity in fills)
    if there != here:
        yield f"fills differ: at the venue {there}, in the store {here}"


def shown_id(desk: Desk, trade_id: str) -> str:
    """As the venue writes it on the wire."""
    return execution_id(desk.category, int(trade_id)) if desk.category else trade_id


def _doubles(one: Life, truth: Json) -> Iterable[str]:
    """No place has two orders at the venue at once; no entry is bought twice; no id is sent twice but after a word
    that it had no effect.
    """
    by_place: dict[str, list[Json]] = defaultdict(list)
    for row in truth["orders"]:
        by_place[row["client_order_id"][18:22]].append(row)
    for place, rows in by_place.items():
        rows.sort(key=lambda row: int(row["order_id"]))
        for before, after in pairwise(rows):
            if before["state"] in ("open", "partially_filled") or before["update_ms"] > after["create_ms"]:
                yield f"two orders for {place} at once: {before['client_order_id']} and {after['client_order_id']}"
            if before["client_order_id"] == after["client_order_id"]:
                yield f"{after['client_order_id']} is there twice"
        if place.endswith("e") and len(rows) > 1:
            yield f"{len(rows)} entries were accepted for one leg"
    sent: dict[str, list[Json]] = defaultdict(list)
    for entry in truth["requests"]:
        if (entry["method"], entry["path"]) == one.engine.desk.place:
            sent[entry["client_order_id"]].append(entry)
    for name, entries in sent.items():
        for entry in entries[:-1]:
            if not _had_no_effect(entry):
                yield f"{name} was sent again after an answer of {entry['fault'] or entry['status']}"


def _had_no_effect(entry: Json) -> bool:
    """By the venue's own word."""
    return (
        entry["fault"] in ("reply", "rate_limit", "html_403", "ban")
        or entry["status"] in (403, 418, 429)
        or (str(entry.get("code")) in ("-1021", "10002", "-1003"))
    )


def _oversold(truth: Json) -> Iterable[str]:
    held = D(0)
    for row in sorted(truth["trades"], key=lambda row: (row["time_ms"], int(row["trade_id"]))):
        quantity = D(row["quantity"])
        is_base_fee = row["fee_asset"] and row["symbol"].startswith(row["fee_asset"])
        held += quantity - (D(row["fee"]) if is_base_fee else 0) if row["side"] == "buy" else -quantity
        if held < 0:
            yield f"more was sold than held: {held} after trade {row['trade_id']}"


def _ends(one: Life, truth: Json, stored: Mapping[str, tuple[Any, ...]]) -> Iterable[str]:
    """The group has ended as its story must: with everything sold, or without a fill where the entry was refused."""
    for row in truth["orders"]:
        if row["state"] in ("open", "partially_filled"):
            yield f"{row['client_order_id']} was left at the venue"
        elif row["client_order_id"] not in stored:
            yield f"{row['client_order_id']} is not in the store"
        elif D(stored[row["client_order_id"]][2]) != D(row["filled"]):
            yield f"{row['client_order_id']} has filled {row['filled']}, says the venue; the store says otherwise"
    if not one.is_over:
        return
    group = one.engine.group(one.group_id)
    assert group is not None
    if group.dust:
        least = group.instrument.min_notional / one.engine.prices[group.instrument.venue_symbol]
        if group.dust > max(group.instrument.step_size, least):
            yield f"{group.dust} was left unsold"
    if one.case.step == "place_entry" and one.case.fault == "refused":
        if truth["trades"] or group.close_reason is not Reason.ENTRIES_REFUSED:
            yield f"a refused entry ended as {group.close_reason}"
    elif not truth["trades"]:
        yield f"nothing was ever bought: {group.close_reason}, {[row[:4] for row in stored.values()]}"
    elif group.close_reason is not (Reason.EXIT_SIGNAL if one.has_exited else Reason.FLAT):
        yield f"it closed for {group.close_reason}"


def describe(one: Life, truth: Json, stored: Mapping[str, tuple[Any, ...]]) -> str:
    """What the engine did about the fault, for the table."""
    desk, step = one.engine.desk, one.case.step
    if step == STREAM:
        return ""
    mine = [entry for entry in truth["requests"] if entry["client_order_id"] == one.target]
    looks = sum((entry["method"], entry["path"]) == desk.look_up for entry in mine)
    looked = _times("looked up", looks)
    if step == "look_up":
        anew = any(name[21:22] == "e" and name != one.target for name in stored)
        return f"{looked}, sent anew" if anew else looked
    route = {"cancel": desk.cancel, "amend": desk.amend}.get(step, desk.place)
    sent = sum((entry["method"], entry["path"]) == route for entry in mine)
    again = _times("sent again", sent - 1)
    row = stored.get(one.target)
    state, reason = (row[1], row[3]) if row is not None else ("", None)
    if step in PLACES and state == "rejected":
        later = [name for name in stored if name[18:22] == one.target[18:22] and name > one.target]
        end = "sent anew under the next id" if later else "given up"
        return ", ".join(filter(None, (again, looked, f"{str(reason).lower()}: {end}")))
    return ", ".join(filter(None, (again, looked))) or "went on"


def _times(words: str, count: int) -> str:
    return "" if count < 1 else words if count == 1 else f"{words} {count} times"


# --- a venue's share --------------------------------------------------------------------------------


def run(
    desk_name: str, cases: Sequence[Case], folder: Path, told: Callable[[str], None] = lambda _words: None
) -> list[Result]:
    """Lives all of these on one engine, round by round; `told` hears of each."""
    rounds: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        rounds[case.round].append(case)
    results: list[Result] = []
    with Engine(folder, desk_name) as engine:
        first = 0
        for kind, some in rounds.items():
            many = some * 4 if some[0].step == STREAM else some
            began_s = time.monotonic()
            lives = live(engine, many, first)
            first += len(many)
            found = judge(engine, lives)
            if some[0].step == STREAM:
                problems = tuple(problem for each in found for problem in each.problems)
                took_s = round(time.monotonic() - began_s, 1)
                found = [Result(case=some[0].id, did="no fill missed", problems=problems, took_s=took_s)]
            results += found
            bad = sum(bool(each.problems) for each in found)
            told(f"{desk_name} {kind}: {len(some)} cases, {time.monotonic() - began_s:.1f} s, {bad} bad")
            unlisted = engine.venue.admin.status()["unlisted"]
            assert not unlisted, f"{kind}: the simulator does not know {unlisted}"
    return results
