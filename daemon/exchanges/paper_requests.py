"""What a paper account can be asked, and how it answers when it cannot know."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from actors.messages import (
    Answered,
    BalancesFetched,
    InstrumentsFetched,
    LookedUp,
    OpenOrdersFetched,
    ReplyTo,
)
from actors.rules.model import Instrument, Order, Reason, Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Carries the life of the gateway that asked and when the question left it."""

    incarnation: int
    asked_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Submit(Request):
    orders: tuple[Order, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel(Request):
    orders: tuple[Order, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Amend(Request):
    """Each to its `wanted` price and quantity."""

    orders: tuple[Order, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LookUp(Request):
    client_order_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchOpenOrders(Request):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchBalances(Request):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchInstruments(Request):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeInstruments(Request):
    """What a real exchange answered to the question for its instruments. None of them: `words` say why."""

    instruments: tuple[Instrument, ...]
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscribePrices(Request):
    symbols: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetPrice(Request):
    symbol: str
    price: Decimal
    reply_to: ReplyTo


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An answer or a streamed message. Without `reply_to` it goes to the gateway."""

    message: object
    incarnation: int
    reply_to: ReplyTo | None = None


def no_answer(request: Request, fate: str, words: str) -> Iterator[Outgoing]:
    """What to say of a request whose effect is unknown (`Fate.UNKNOWN`) or which had none (`Fate.TEMPORARY`)."""
    life = request.incarnation
    messages: list[object] = []
    if isinstance(request, Submit | Cancel | Amend):
        name = "submit" if isinstance(request, Submit) else "cancel" if isinstance(request, Cancel) else "amend"
        messages.extend(
            Answered(
                incarnation=life,
                request=name,
                client_order_id=order.client_order_id,
                fate=fate,
                words=words,
                asked_ms=request.asked_ms,
            )
            for order in request.orders
        )
    elif isinstance(request, LookUp):
        messages.append(
            LookedUp(
                incarnation=life,
                client_order_id=request.client_order_id,
                fate=fate,
                report=None,
                asked_ms=request.asked_ms,
            )
        )
    elif isinstance(request, FetchOpenOrders):
        messages.append(OpenOrdersFetched(incarnation=life, fate=fate, asked_ms=request.asked_ms, words=words))
    elif isinstance(request, FetchBalances):
        messages.append(BalancesFetched(incarnation=life, fate=fate, words=words))
    elif isinstance(request, FetchInstruments | TakeInstruments):
        messages.append(InstrumentsFetched(incarnation=life, fate=fate, words=words))
    elif isinstance(request, SetPrice):
        yield Outgoing(Refused(reason=Reason.STORE_FAILED, detail=words), life, request.reply_to)
    for message in messages:
        yield Outgoing(message, life)
