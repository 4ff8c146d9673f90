"""An alert as a row of the list, and as the facts above its story. Pure."""

from __future__ import annotations

import json

from gui.live.topics import Cell, Row
from gui.pages.dashboard.recent import outcome_cell
from gui.show.numbers import NONE
from gui.show.prices import whole
from gui.show.times import time_cell
from gui.show.words import word
from protos.terrace.v1 import signal_pb2 as pb
from protos.terrace.v1.types_pb2 import Intent, Side, World

UNREAD = frozenset(("INVALID_BODY", "BODY_TOO_LARGE", "UNKNOWN_SOURCE"))
"""Reasons of alerts whose body could not be read: what they wanted is not known."""


def wants(signal: pb.Signal) -> str:
    """`entry long`; nothing where its body could not be read."""
    if signal.reason in UNREAD:
        return ""
    return " ".join(filter(None, (word(Intent.Name(signal.intent), "INTENT_"), word(Side.Name(signal.side), "SIDE_"))))


def row_of(signal: pb.Signal) -> Row:
    return {
        "received": time_cell(signal.receive_time),
        "outcome": outcome_cell(signal.outcome),
        "reason": (signal.reason_detail or spoken(signal.reason) or NONE, "", signal.reason),
        "pair": signal.symbol or NONE,
        "timeframe": signal.timeframe or NONE,
        "wants": wants(signal) or NONE,
        "price": whole(signal.entry_price),
        "strategy": signal.strategy or NONE,
        "source": signal.source or NONE,
        "account": signal.account or NONE,
        "group": signal.group_id,
        "signal": signal.signal_id,
    }


def spoken(reason: str) -> str:
    """`POOL_FULL` as `pool full`; nothing where all is well."""
    return "" if reason == "OK" else reason.replace("_", " ").lower()


def facts_of(signal: pb.Signal, summary: str, *, is_whole: bool) -> Row:
    first = outcome_cell(signal.first_outcome) if signal.first_outcome else ("", "")
    facts: dict[str, Cell] = {
        **row_of(signal),
        "summary": summary,
        "truncated": "" if is_whole else "There is more than is told here: the page Logs has all of it.",
        "first_outcome": first,
        "pyramid": str(signal.pyramid_index) if signal.HasField("pyramid_index") else "",
        "duplicate_of": signal.duplicate_of_signal_id,
        "replay_of": signal.replay_of_signal_id,
        "world": word(World.Name(signal.world), "WORLD_"),
        "sent": time_cell(signal.signal_time),
        "decided": time_cell(signal.outcome_time),
        "key": signal.idempotency_key,
        "body": pretty(signal.body),
    }
    return facts


def pretty(body: str) -> str:
    """JSON on several lines; anything else as it came."""
    try:
        return json.dumps(
            json.loads(body, parse_float=_Text, parse_int=_Text), indent=2, ensure_ascii=False, default=str
        )
    except (ValueError, RecursionError):
        return body


class _Text(int):
    """A number as it was written: pretty printing must not round it."""

    _text: str

    def __new__(cls, text: str) -> _Text:
        made = super().__new__(cls, 0)
        made._text = text
        return made

    def __repr__(self) -> str:
        return self._text
