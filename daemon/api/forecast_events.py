"""A forecast as lines of an event log that was never written: what would be done, in order."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from actors.pool_admission import Admitted
from actors.rules import precision, states
from actors.rules.events import CancelOrders, Decision, Note, SubmitOrders
from actors.rules.model import Group, Leg, Order, Outcome
from actors.rules.money import plain
from actors.rules.records import AddEvent
from actors.rules.settings import FeeSettings
from daemon.api.forecast import Forecast, in_the_way
from daemon.api.forecast_context import PREVIEW_GROUP

MAX_EVENTS = 200
"""Most lines of one forecast."""
_BAD = (Outcome.REJECTED, Outcome.EXPIRED)


def decisions(found: Forecast, fees: FeeSettings, now_ms: int) -> list[AddEvent]:
    """`fees`: what the account charges, for targets net of fees."""
    lines = _Lines(found, now_ms)
    return [*lines.outcome(), *lines.obstacles(), *lines.ladder(fees), *lines.decided(), *lines.queue()][:MAX_EVENTS]


class _Lines:
    def __init__(self, found: Forecast, now_ms: int) -> None:
        self._found = found
        self._now_ms = now_ms

    def outcome(self) -> Iterator[AddEvent]:
        answer = self._found.answer
        words = f"the signal would be {answer.outcome.value}"
        if answer.detail:
            words += f": {answer.detail}"
        severity = "warning" if answer.outcome in _BAD else "info"
        yield self._line(f"signal.{answer.outcome.value}", words, "signal", severity, reason=answer.reason.value)

    def obstacles(self) -> Iterator[AddEvent]:
        for refused in in_the_way(self._found):
            words = refused.detail or refused.reason.value
            yield self._line("entry.obstacle", f"in the way: {words}", "engine", "warning", reason=refused.reason.value)

    def ladder(self, fees: FeeSettings) -> Iterator[AddEvent]:
        """The legs it would have, each with its price, size and target, and what it waits for if it does."""
        entry, decision = self._found.entry, self._found.decision
        if entry is None or decision is None or not isinstance(entry.judged, Admitted):
            return
        plan, group = entry.judged.plan, decision.group
        pyramid = group.pyramids[-1]
        profit = "" if entry.expected_profit is None else plain(entry.expected_profit)
        yield self._line(
            "ladder.planned",
            f"pyramid {pyramid.index}: {len(pyramid.legs)} legs from {plain(plan.entry_price)}, "
            f"{plain(plan.capital)} {group.instrument.quote}, at worst {plain(plan.notional)} with fees",
            "order",
            pyramid=str(pyramid.index),
            side=group.side.value,
            entry_price=plain(plan.entry_price),
            capital=plain(plan.capital),
            notional=plain(plan.notional),
            expected_profit=profit,
        )
        for note in plan.notes:
            yield self._line("ladder.note", note, "precision")
        for leg in pyramid.legs:
            yield self._leg(group, leg, fees)

    def _leg(self, group: Group, leg: Leg, fees: FeeSettings) -> AddEvent:
        instrument = group.instrument
        price = "the market" if leg.market else plain(leg.price)
        target = states.leg_tp_price(group, leg, fees)
        quantity = leg.quantity * instrument.contract_size
        words = f"leg {leg.index}: {plain(quantity)} at {price}, target {plain(target)}"
        if leg.wait_reason is not None:
            words += f", waits: {leg.wait_reason.value}"
        return self._line(
            "leg.planned",
            words,
            "order",
            pyramid=str(leg.pyramid),
            leg=str(leg.index),
            gap_percent=plain(leg.gap_percent),
            weight_percent=plain(leg.weight_percent),
            tp_percent=plain(leg.tp_percent),
            price=plain(leg.price),
            quantity=plain(quantity),
            value=plain(precision.notional(leg.quantity, leg.price, instrument)),
            tp_price=plain(target),
            type="market" if leg.market else "limit",
            wait_reason="" if leg.wait_reason is None else leg.wait_reason.value,
        )

    def decided(self) -> Iterator[AddEvent]:
        """What the group would note, cancel and send."""
        decision = self._found.decision
        if decision is None:
            return
        for effect in decision.effects:
            if isinstance(effect, Note):
                yield self._line(effect.type, effect.message, effect.category, effect.severity, **effect.attributes)
            elif isinstance(effect, CancelOrders):
                for order in _orders(decision, effect.client_order_ids):
                    yield self._order("order.cancel", f"cancel {_words(order, decision.group)}", order, decision.group)
            elif isinstance(effect, SubmitOrders):
                for order in _orders(decision, effect.client_order_ids):
                    yield self._order("order.submit", f"send {_words(order, decision.group)}", order, decision.group)

        for order in self._found.then:
            words = f"once the cancels are certain, send {_words(order, decision.group)}"
            yield self._order("order.submit_later", words, order, decision.group)

    def queue(self) -> Iterator[AddEvent]:
        found, outcome = self._found, self._found.answer.outcome
        is_going = found.route.dequeue or outcome is Outcome.DEQUEUED
        if found.waiting is not None and (is_going or outcome is Outcome.REPLACED):
            what = "would give its place in the queue to it" if outcome is Outcome.REPLACED else "would leave the queue"
            gone = found.waiting.signal.signal_id
            yield self._line("queue.leaves", f"signal {gone} {what}", "signal", waiting_signal_id=gone)
        if found.evicts:
            words = "the queue is full: the lowest in rank would have to leave it"
            yield self._line("queue.evicts", words, "signal", "warning")
        if outcome is Outcome.REVERSED:
            words = "the new side would wait for the group to close and open in its slot"
            yield self._line("queue.reverse", words, "signal")

    def _order(self, kind: str, words: str, order: Order, group: Group) -> AddEvent:
        return self._line(
            kind,
            words,
            "order",
            role=order.role.value,
            side=order.side.value,
            type=order.type.value,
            price=_text(order.price),
            stop_price=_text(order.trigger_price),
            quantity=plain(order.quantity * group.instrument.contract_size),
            reduce_only="true" if order.reduce_only else "false",
            pyramid="" if order.pyramid is None else str(order.pyramid),
            leg="" if order.leg is None else str(order.leg),
        )

    def _line(self, kind: str, words: str, category: str, severity: str = "info", **attributes: str) -> AddEvent:
        found = self._found
        key, group_id = found.signal.key, found.answer.group_id
        return AddEvent(
            time_ms=self._now_ms,
            severity=severity,
            category=category,
            type=kind,
            message=words,
            account=key.account,
            symbol=key.symbol,
            timeframe=key.timeframe,
            group_id="" if group_id == PREVIEW_GROUP else group_id,
            attributes=attributes,
        )


def _orders(decision: Decision, ids: tuple[str, ...]) -> list[Order]:
    return [decision.group.orders[client_order_id] for client_order_id in ids]


def _words(order: Order, group: Group) -> str:
    quantity = plain(order.remaining * group.instrument.contract_size)
    price = "at the market" if order.price is None else f"at {plain(order.price)}"
    return f"{order.role.value.replace('_', ' ')}: {order.side.value} {quantity} {price}"


def _text(value: Decimal | None) -> str:
    return "" if value is None else plain(value)
