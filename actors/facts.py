"""What of a message is kept beside its readable text, so that it can be handed out once more after a restart (REC-2).

Three kinds of facts, as strict JSON:

- `signal`: the alert itself. It is handed to Pool again, under its idempotency key.
- `orders`: client order ids. What became of them is at the exchange; it is looked up again.
- `message`: a command of a person, or a payment that a venue tells once. It goes to its actor as it was.

Everything else an actor is told follows from the store: its next life loads that, and nothing needs to be kept.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, get_type_hints

from actors import account_messages as am
from actors import messages as m
from actors import risk_messages as rm
from actors.rules.model import Order, OrderReport, Queued, Signal
from actors.rules.plain import from_plain, to_plain

FACT_LIMIT = 300_000
"""Most characters of a fact; an alert has at most 64 KiB."""

MAX_ORDERS = 200
"""Most orders looked up again for one message."""

_WHOLE = {
    cls.__name__: cls
    for cls in (
        *(m.CloseGroup, m.CancelEntries, m.PauseEngine, m.ResumeEngine, m.PromoteQueued, m.RemoveQueued),
        *(m.RefreshInstruments, m.SetPaperPrice, am.ResolveDrift, am.FundingPaid, am.ForeignTraded),
        *(rm.MarkRisk, rm.RunOffset, rm.ReduceGroup, rm.LiftLimit),
    )
}
"""Messages nothing else stands for. None of them does harm if it is told twice, or too late it is refused."""


@dataclass(frozen=True, slots=True)
class SignalFact:
    signal: Signal


@dataclass(frozen=True, slots=True)
class OrdersFact:
    client_order_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MessageFact:
    """`type` is among those that can be made again; `data` its fields but `reply_to` and `incarnation`."""

    type: str
    data: Mapping[str, Any]

    @property
    def is_answered(self) -> bool:
        return "reply_to" in _hints(self.type)

    def build(self, reply_to: m.ReplyTo | None) -> object:
        """The message again; its incarnation is 0. ValueError if the data are none of its type."""
        hints = _hints(self.type)
        values: dict[str, Any] = {}
        for name, hint in hints.items():
            if name == "reply_to":
                values[name] = reply_to
            elif name == "incarnation":
                values[name] = 0
            elif name in self.data:
                values[name] = from_plain(hint, self.data[name])
        try:
            return _WHOLE[self.type](**values)
        except TypeError as error:
            raise ValueError(f"{self.type}: {error}") from error


Fact = SignalFact | OrdersFact | MessageFact


def fact_text(message: object) -> str:
    """JSON of the fact in a message; empty where there is none, or it cannot be kept. Never raises."""
    try:
        data = _fact(message)
        text = json.dumps(data, ensure_ascii=False, separators=(",", ":")) if data else ""
        if not text or len(text) > FACT_LIMIT:
            return ""
        read_fact(text)
    except Exception:
        return ""
    return text


def read_fact(text: str) -> Fact | None:
    """What was kept; None: nothing. ValueError if it is damaged."""
    if not text:
        return None
    data = json.loads(text)
    if not isinstance(data, dict):
        raise ValueError("a fact is an object")
    if "signal" in data:
        return SignalFact(from_plain(Signal, data["signal"]))
    if "orders" in data:
        return OrdersFact(tuple(from_plain(tuple[str, ...], data["orders"])))
    if data.get("type") not in _WHOLE or not isinstance(data.get("message"), dict):
        raise ValueError(f"{data.get('type')} is no message that can be made again")
    fact = MessageFact(data["type"], data["message"])
    fact.build(None)
    return fact


def signal_of(message: object) -> Signal | None:
    """The signal a message is about."""
    for name in ("signal", "by"):
        found = getattr(message, name, None)
        if isinstance(found, Signal):
            return found
    queued = getattr(message, "queued", None)
    return queued.signal if isinstance(queued, Queued) else None


def _fact(message: object) -> dict[str, Any]:
    if isinstance(message, tuple):
        # Of a batch only what venues and people told could be missing; the actors' own follows from the store.
        return _fact(message[0]) if len(message) == 1 else {}
    if type(message).__name__ in _WHOLE and isinstance(message, _WHOLE[type(message).__name__]):
        skipped = ("reply_to", "incarnation")
        kept = {
            field.name: to_plain(getattr(message, field.name)) for field in fields(message) if field.name not in skipped
        }
        return {"type": type(message).__name__, "message": kept}
    signal = signal_of(message)
    if signal is not None:
        return {"signal": to_plain(signal)}
    ids = list(dict.fromkeys(_order_ids(message)))
    return {"orders": ids[:MAX_ORDERS]} if ids else {}


def _order_ids(message: object) -> Iterator[str]:
    """Orders whose fate a message tells or asks for."""
    one = getattr(message, "client_order_id", None)
    if isinstance(one, str) and one:
        yield one
    for name in ("reports", "answers", "orders"):
        yield from _ids_of(getattr(message, name, ()))
    yield from _ids_of((getattr(message, "report", None),))


def _ids_of(items: object) -> Iterator[str]:
    if isinstance(items, Iterable):
        for item in items:
            if isinstance(item, Order | OrderReport | m.Answered):
                yield item.client_order_id


@cache
def _hints(name: str) -> Mapping[str, Any]:
    return get_type_hints(_WHOLE[name])
