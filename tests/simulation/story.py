"""A run told in a trader's words, a line for each thing that happened: alerts, answers, orders, fills, faults."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from actors.messages import Answer
from actors.ports import Applied
from actors.rules.model import Order, Refused, Trade
from actors.rules.naming import parse_client_order_id
from actors.rules.records import AddEvent, SaveOrder
from daemon.exchanges.paper_order import PaperOrder
from tests.simulation import ops
from tests.simulation.checks_world import Batch
from tests.simulation.world import SentAlert, World

MAX_LINES = 20_000


class Story:
    """Listens from the world's first step on."""

    def __init__(self, world: World) -> None:
        self.lines: list[str] = []
        self._world = world
        self._told_faults = 0
        self._told_orders: dict[str, tuple[object, ...]] = {}
        world.on_op.append(self._op)
        world.on_answer.append(self._answer)
        world.on_applied.append(self._applied)
        world.on_accepted.append(self._accepted)
        world.on_trade.append(self._trade)
        world.on_words.append(lambda words: self._say(f">> {words}"))
        world.on_start.append(self._start)
        world.on_kill.append(self._kill)
        self._say(_configuration(world))

    def ends(self) -> None:
        """Nothing is left untold."""
        self._tell_faults()

    def _say(self, words: str) -> None:
        self._tell_faults()
        self._write(words)

    def _write(self, words: str) -> None:
        if words and len(self.lines) < MAX_LINES:
            world = self._world
            time = datetime.fromtimestamp(world.now_ms() / 1000, UTC).strftime("%d %H:%M:%S.%f")[:-3]
            self.lines.append(f"{world.steps:5} {time}  {words}")

    def _tell_faults(self) -> None:
        """What went wrong by injection since the last line."""
        injected = self._world.faults.injected
        for words in injected[self._told_faults :]:
            self._write(f"!! {words}")
        self._told_faults = len(injected)

    def _op(self, op: ops.Op) -> None:
        self._say(_WORDS[type(op)](op))

    def _answer(self, sent: SentAlert, answer: object) -> None:
        if isinstance(answer, Answer):
            what = f"{answer.outcome.value}" + (f", group {answer.group_id}" if answer.group_id else "")
            self._say(f"   alert {sent.number} is answered: {what} {_reason(answer.reason, answer.detail)}")
        elif isinstance(answer, Refused):
            self._say(f"   alert {sent.number} is not taken: {_reason(answer.reason, answer.detail)}")

    def _applied(self, batch: Batch, results: Sequence[Applied], is_durable: bool) -> None:
        if not is_durable:
            self._say(f"!! the store does not take a batch of {len(batch)}")
            return
        for (author, rows), applied in zip(batch, results, strict=True):
            if applied.broken is not None:
                self._say(f"   the store refuses a commit of {author}: {applied.broken}")
                continue
            for row in rows:
                if isinstance(row, AddEvent):
                    self._say(f"   {row.message}" + (f" (group {row.group_id})" if row.group_id else ""))
                elif isinstance(row, SaveOrder):
                    self._order(row.order)

    def _order(self, order: Order) -> None:
        shape = (order.state, order.price, order.quantity, order.cancel_requested, order.wanted_price, order.reason)
        if self._told_orders.get(order.client_order_id) == shape:
            return
        self._told_orders[order.client_order_id] = shape
        extra = ", cancel asked" if order.cancel_requested and not order.is_final else ""
        if order.is_amending:
            extra += f", to be {_or(order.wanted_quantity, order.quantity)} at {_or(order.wanted_price, order.price)}"
        if order.reason is not None:
            extra += f", {_reason(order.reason, order.words)}"
        self._say(f"   order {_name(order.client_order_id)}: {_what(order)} {order.state.value}{extra}")

    def _accepted(self, account: str, order: PaperOrder) -> None:
        self._say(f"   venue {account} takes {_name(order.client_order_id)}: {_what(order)}")

    def _trade(self, account: str, order: PaperOrder, trade: Trade) -> None:
        what = f"{order.side.value} {_plain(trade.quantity)} {order.symbol} at {_plain(trade.price)}"
        self._say(f"   venue {account} fills {_name(order.client_order_id)}: {what}, trade {trade.trade_id}")

    def _start(self) -> None:
        self._say(f"== the engine starts (life {self._world.starts})")

    def _kill(self, down_ms: int) -> None:
        self._say(f"== kill -9, away for {down_ms} ms")


def _configuration(world: World) -> str:
    settings = world.settings
    strategy = settings.strategy.default
    parts = [
        f"seed {world.seed}:",
        f"pool {settings.pool.max_open_groups}, queue {settings.queue.max_size},",
        f"targets {strategy.tp_mode.value} {strategy.tp_execution.value} {strategy.tp_percent} %,",
        f"{len(strategy.levels)} legs of {strategy.sizing.capital_per_pyramid} x {strategy.max_pyramids} pyramids,",
        f"stop {strategy.stop_loss_percent} % trailing {strategy.stop_trail_percent} %,",
        f"risk {'on' if settings.risk.enabled else 'off'},",
        *(
            f"{account.name} ({account.position_mode.value}, {', '.join(account.symbols)})"
            for account in settings.accounts.values()
        ),
    ]
    return " ".join(parts)


def _what(order: Order | PaperOrder) -> str:
    price = "" if order.price is None else f" at {_plain(order.price)}"
    trigger = "" if order.trigger_price is None else f" from {_plain(order.trigger_price)}"
    reduce_only = " reduce-only" if order.reduce_only else ""
    return f"{order.type.value}{reduce_only} {order.side.value} {_plain(order.quantity)} {order.symbol}{price}{trigger}"


def _name(client_order_id: str) -> str:
    """`group/take_profit 0.1 #2`: of pyramid 0, leg 1, the second attempt."""
    parsed = parse_client_order_id(client_order_id)
    if parsed is None:
        return client_order_id
    where = "" if parsed.pyramid is None else f" {parsed.pyramid}"
    where += "" if parsed.leg is None else f".{parsed.leg}"
    return f"{parsed.group_id}/{parsed.role.value}{where} #{parsed.attempt}"


def _reason(reason: object, detail: str) -> str:
    return f"({reason}{': ' if detail else ''}{detail})"


def _or(value: Decimal | None, otherwise: Decimal | None) -> str:
    return "" if (found := otherwise if value is None else value) is None else _plain(found)


def _plain(value: Decimal) -> str:
    return f"{value:f}"


def _alert(op: ops.Alert) -> str:
    side = "" if op.side is None else f" {op.side.value}"
    price = "" if op.price is None else f" at {_plain(op.price)}"
    age = f", stamped {op.age_ms} ms ago" if op.age_ms else ""
    percent = "" if op.percent is None else f" by {op.percent} %"
    percent += "" if op.stop_loss is None else f", stop {_plain(op.stop_loss)}"
    percent += "" if op.take_profit is None else f", target {_plain(op.take_profit)}"
    return (
        f">> alert {op.number}: {op.intent.value}{side} {op.symbol} {op.timeframe} on {op.account}{price}{percent}{age}"
    )


def _break_venue(op: ops.BreakVenue) -> str:
    lasts = f"for {op.ms} ms" if op.ms else f"{op.count} times"
    return f"!! venue {op.account}: {op.fault.value} {lasts}"


def _break_store(op: ops.BreakStore) -> str:
    return f"!! store: {op.fault.value} " + (f"for {op.ms} ms" if op.ms else f"{op.count} times")


def _change(op: ops.ChangeConfig) -> str:
    changed = {name: getattr(op, name) for name in op.__dataclass_fields__ if getattr(op, name) is not None}
    return ">> config: " + (", ".join(f"{name} {value}" for name, value in changed.items()) or "the same again")


_WORDS: Mapping[type, Callable[[Any], str]] = {
    ops.Alert: _alert,
    ops.Copy: lambda op: f">> alert {op.number} comes again",
    ops.Move: lambda op: f">> {op.symbol} on {op.account} is at {_plain(op.price)}",
    ops.Walk: lambda op: f">> {op.symbol} on {op.account} goes over {', '.join(_plain(price) for price in op.prices)}",
    ops.Pass: lambda op: f">> {op.ms} ms pass",
    ops.BreakVenue: _break_venue,
    ops.FillPart: lambda op: f">> somebody takes {op.share} of open order {op.pick} on {op.account}",
    ops.ForeignOrder: lambda op: (
        f">> by hand on {op.account}: order {op.side.value} {_plain(op.quantity)} {op.symbol} at {_plain(op.price)}"
    ),
    ops.ManualTrade: lambda op: (
        f">> by hand on {op.account}: {op.side.value} {_plain(op.quantity)} {op.symbol} at once"
    ),
    ops.ChangeByHand: lambda op: (
        f">> by hand on {op.account}: target {op.pick} is moved by {op.percent} %, {op.share} of it left"
    ),
    ops.CancelByHand: lambda op: f">> by hand on {op.account}: open order {op.pick} is cancelled",
    ops.BreakStore: _break_store,
    ops.CrashActor: lambda op: (
        f"!! {op.kind or 'any actor'} is to end {op.moment.value} message {op.messages} from here"
    ),
    ops.KillProcess: lambda op: f"!! the process is to be killed {op.moment.value} message {op.messages} from here",
    ops.JumpClock: lambda op: f"!! the clock is set by {op.ms} ms",
    ops.ChangeConfig: _change,
    ops.Pause: lambda op: ">> a person " + ("pauses entries" if op.is_paused else "lets entries go on"),
    ops.CloseGroup: lambda op: f">> a person closes live group {op.pick}",
    ops.RunOffset: lambda _op: ">> a person asks for an offset now",
    ops.ForceAdd: lambda op: f">> a person promotes waiting signal {op.pick}" + (", by force" if op.force else ""),
    ops.Slow: lambda op: f"!! every {op.kind} is slow for {op.steps} steps",
    ops.Hold: lambda op: f"!! every {op.kind} stands still for {op.ms} ms",
    ops.Flood: lambda op: f"!! {op.count} copies flood a {op.kind}",
}
