"""Topics `queue` and `queue-pool`: the signals that wait, next first, and the slots they wait for (QUE-7)."""

from __future__ import annotations

from gui.live.topics import Cell, Reading, Row, Snapshot
from gui.pages.queue.reasons import ranks, rule_word, shown, waits_for
from gui.pages.risk.limits import ask_status
from gui.pages.risk.settings import Settings, settings_of
from gui.show.amounts import gain, money
from gui.show.moments import moment_ms, span
from gui.show.numbers import NONE, THIN, number, signed
from protos.terrace.v1 import engine_pb2
from protos.terrace.v1 import queue_pb2 as pb
from protos.terrace.v1.types_pb2 import EngineState, Intent, Side

MAX_SHOWN = 500
"""Entries on the page, the next ones first; the command line shows all (`terrace queue list`)."""


async def ask_queue(reading: Reading) -> list[pb.QueuedSignal]:
    """The first `MAX_SHOWN` by rank. Raises ClientError."""
    request = pb.ListQueuedSignalsRequest(world=reading.world, page_size=MAX_SHOWN)
    answer = await reading.client.call(request, pb.ListQueuedSignalsResponse)
    return list(answer.queued_signals)


async def read_queue(reading: Reading) -> Snapshot:
    """A row for each entry by its signal. Raises ClientError."""
    return queue_rows(await ask_queue(reading))


def queue_rows(entries: list[pb.QueuedSignal]) -> Snapshot:
    why = ranks(entries)
    return {entry.signal_id: _row(entry, why[entry.signal_id]) for entry in entries}


def _row(entry: pb.QueuedSignal, why: str) -> Row:
    quote = entry.symbol.partition("/")[2].partition(":")[0]
    return {
        "rank": (str(entry.rank), "", str(entry.rank)),
        "pair": entry.symbol,
        "timeframe": entry.timeframe,
        "side": Side.Name(entry.side).removeprefix("SIDE_").lower(),
        "kind": _kind(entry),
        "account": entry.account,
        "strategy": entry.strategy or NONE,
        "entry": (number(entry.entry_price) if entry.entry_price else "the mark", "", entry.entry_price),
        "mark": (number(entry.mark_price), "" if entry.mark_price else "dim", entry.mark_price),
        "loss": signed(entry.loss_percent, 2, f"{THIN}%"),
        "profit": gain(entry.expected_profit, quote),
        "capital": (money(entry.planned_capital, quote), "", entry.planned_capital),
        "replaced": (str(entry.replacement_count), "" if entry.replacement_count else "dim"),
        "waits": waits_for(entry.wait_reason),
        "code": entry.wait_reason,
        "detail": entry.wait_detail,
        "since": ("", "", moment_ms(entry, "first_queue_time")),
        "newest": moment_ms(entry, "queue_time"),
        "expires": _expiry(entry),
        "why": why,
        "rules": "\n".join(f"{rule_word(reason.rule)}\t{shown(reason)}" for reason in entry.rank_reasons),
        "group": entry.group_id,
    }


def _kind(entry: pb.QueuedSignal) -> str:
    if entry.reverse or entry.intent == Intent.INTENT_REVERSE:
        return "new side of a reverse"
    return "pyramid of a live group" if entry.group_id and entry.wait_reason not in _OTHER_SIDE else "new group"


_OTHER_SIDE = ("OPPOSITE_SIDE", "REVERSING", "GROUP_CLOSING")


def _expiry(entry: pb.QueuedSignal) -> Cell:
    expire_ms = moment_ms(entry, "expire_time")
    return ("", "", expire_ms) if expire_ms else ("never", "dim", "")


# --- the pool above it ----------------------------------------------------------------------------


async def read_pool(reading: Reading) -> Snapshot:
    """One row. Raises ClientError."""
    status = await ask_status(reading)
    return {"": pool_row(status, await settings_of(reading.client, reading.now_ms))}


def pool_row(status: engine_pb2.Status, settings: Settings) -> Row:
    most = settings.text("queue.max_size")
    age_s = settings.whole("queue.max_age_s")
    away = settings.text("queue.max_deviation_percent")
    return {
        "slots": f"{status.live_groups} / {status.max_open_groups}",
        "slot": slot_words(status),
        "forced": str(status.forced_groups or ""),
        "queued": f"{status.queued_signals} / {most or NONE}",
        "overflow": settings.text("queue.overflow").replace("_", " "),
        "order": rules_in_order(settings.text("queue.rank")),
        "replace": "the newest replaces it" if settings.flag("queue.allow_replacement") else "the older one stays",
        "max_age": span(age_s) if age_s else "never by age",
        "deviation": f"{number(away)}{THIN}% from the entry" if away else "never by price",
        "opens_at": "its queued price" if settings.text("queue.promote_at") == "signal" else "the mark",
        "held": held_words(status),
    }


def slot_words(status: engine_pb2.Status) -> str:
    """Why nothing can be promoted; empty where a slot is free."""
    if status.live_groups < status.max_open_groups:
        return ""
    return f"no slot is free: {status.live_groups} of {status.max_open_groups} are taken"


def held_words(status: engine_pb2.Status) -> str:
    """What holds back every entry besides the pool, in the engine's words."""
    paused = status.state == EngineState.ENGINE_STATE_PAUSED
    parts = [status.limit_reason, (status.state_reason or "the engine is paused") if paused else ""]
    return "; ".join(part for part in parts if part)


def rules_in_order(text: str) -> str:
    """`[continuation, deepest_loss]` -> `continues a live group, then deepest loss`."""
    return ", then ".join(rule_word(rule.strip()) for rule in text.strip("[]").split(",") if rule.strip())
