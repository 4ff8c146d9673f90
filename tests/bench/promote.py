"""Rank and promote with ten thousand signals in the queue: Pool and Queue themselves, message by message.

The clock runs from the news that a group has closed until its slot's next owner is told to open: Pool frees the slot
and makes an offer, the Queue ranks by the marks of this moment, Pool plans and checks the ladder. Every mark has
moved since the last promotion, which is the dearest case. Floor is one pass over as many ready-made ranks.
"""

from __future__ import annotations

import gc
import time
from collections import deque
from dataclasses import replace
from decimal import Decimal
from statistics import median, quantiles

from actors import messages as m
from actors.board import CatalogueBoard, MarksBoard
from actors.pool import Pool
from actors.queue import Queue
from actors.rules.model import Balance, Instrument, Key, Outcome, Queued, Quote, Reason, Side
from actors.rules.settings import AccountSettings, PoolSettings, QueueSettings, Settings
from tests.bench.rows import Row, short
from tests.rules import builders

NAME = "queue_10000_promote"
QUEUED = 10_000
GOAL_MS = 5.0
SYMBOLS = tuple(f"{base}/USDT" for base in ("BTC", "ETH", "SOL", "BNB", "XRP", "ADA", "DOGE", "LINK", "AVAX", "LTC"))
SLOTS = 10
NOW_MS = builders.NOW_MS
D = Decimal


class Desk:
    """A `Life` whose mail goes to a list that the bench delivers itself."""

    fresh = False
    incarnation = 1

    def __init__(self, name: str, mail: deque[tuple[object, object]]) -> None:
        self.name = name
        self._mail = mail

    def tell(self, to: str | m.ReplyTo, message: object) -> None:
        self._mail.append((to, message))

    def now_ms(self) -> int:
        return NOW_MS

    def flow_ms(self) -> int:
        return NOW_MS

    def wake_at(self, time_ms: int, name: str) -> None: ...

    def cancel_wake(self, name: str) -> None: ...

    def spawn(self, name: str, *, fresh: bool = False) -> int:
        return 1

    def stop(self) -> None: ...


class Names:
    """`ports.Ids`, counted."""

    def __init__(self) -> None:
        self._number = 0

    def _next(self) -> int:
        self._number += 1
        return self._number

    def signal_id(self) -> str:
        return f"s{self._next()}"

    def group_id(self) -> str:
        return f"{self._next():012d}"

    def token(self) -> str:
        return f"t{self._next()}"

    def fraction(self) -> float:
        return 0.5


class Hall:
    """Pool and Queue of the paper world with a full pool and a long queue."""

    def __init__(self, queued: int) -> None:
        self._settings = Settings(
            pool=PoolSettings(max_open_groups=SLOTS),
            queue=QueueSettings(max_size=queued),
            accounts={"paper": AccountSettings(name="paper")},
        )
        self.mail: deque[tuple[object, object]] = deque()
        self.marks = MarksBoard()
        catalogue = CatalogueBoard()
        instruments = [_instrument(symbol) for symbol in SYMBOLS]
        catalogue.put("paper", instruments)
        self.pool = Pool(
            Desk("pool/paper", self.mail), marks=self.marks, catalogue=catalogue, ids=Names(), settings=self._current
        )
        self.queue = Queue(Desk("queue/paper", self.mail), marks=self.marks, settings=self._current)
        self.move_marks(0)
        self._load(queued)

    def _current(self) -> Settings:
        return self._settings

    def _load(self, count: int) -> None:
        entries = tuple(_queued(number) for number in range(count))
        waiting = {queued.key: (queued.side, queued.wait_reason) for queued in entries}
        strategy = self._settings.strategy.default
        groups = tuple(_live(number) for number in range(SLOTS))
        state = m.PoolState(
            groups=groups,
            settings_of={group.group_id: strategy for group in groups},
            instrument_of={group.group_id: _instrument(group.key.symbol) for group in groups},
            waiting=waiting,
            recent=(),
            switches={},
        )
        self.queue.receive(m.Loaded(incarnation=1, state=m.QueueState(entries=entries)))
        self.pool.receive(m.Loaded(incarnation=1, state=state))
        balance = Balance(asset="USDT", free=D(10**9), locked=D(0))
        ready = m.AccountChanged(account="paper", ready=True, detail="", balances={"USDT": balance})
        self.pool.receive(ready)
        self.deliver()
        self.live = deque(groups)

    def move_marks(self, turn: int) -> None:
        """Every symbol has another price."""
        for place, symbol in enumerate(SYMBOLS):
            price = D(95) + (D(turn * 7 + place * 3) % 50) / 10
            self.marks.put("paper", {symbol: Quote(bid=price, ask=price + D("0.01"), time_ms=NOW_MS)})

    def deliver(self) -> m.OpenGroup | None:
        """Hands Pool and Queue their mail until a group is told to open, or there is none left."""
        while self.mail:
            to, message = self.mail.popleft()
            if to == "pool/paper":
                self.pool.receive(message)
            elif to == "queue/paper":
                self.queue.receive(message)
            elif isinstance(message, m.OpenGroup):
                return message
        return None

    def promote(self) -> float:
        """One slot becomes free and is filled again: milliseconds from the news to the new group's order to open."""
        gone = replace(self.live.popleft(), closed=True)
        started = time.perf_counter_ns()
        self.pool.receive(gone)
        opening = self.deliver()
        taken = (time.perf_counter_ns() - started) / 1e6
        assert opening is not None, "the queue gave nobody"
        self._commit(opening)
        return taken

    def _commit(self, opening: m.OpenGroup) -> None:
        """What the Journal's release would tell of the new group."""
        key, signal_id = opening.signal.key, opening.signal.signal_id
        told = _group(opening.group_id, key, opening.slot_token)
        told = replace(told, settings=opening.settings, instrument=opening.instrument)
        answer = m.Answer(signal_id=signal_id, outcome=Outcome.OPENED, reason=Reason.OK, group_id=opening.group_id)
        self.queue.receive(m.QueueChanged(key=key, signal_id=signal_id, gone=True))
        self.pool.receive(told)
        self.pool.receive(m.WaitingChanged(key=key, side=None))
        self.pool.receive(m.DraftDone(draft_id=opening.draft.draft_id, answer=answer))
        self.deliver()
        self.live.append(told)


def row(rounds: int) -> Row:
    hall = Hall(QUEUED)
    gc.collect()
    gc.freeze()  # As the daemon does once it is ready.
    taken = []
    try:
        for turn in range(rounds + 5):
            hall.move_marks(turn + 1)
            taken.append(hall.promote())
    finally:
        gc.unfreeze()
    taken = taken[5:]
    ranks = list(range(QUEUED, 0, -1))
    floors = []
    for _ in range(rounds):
        started = time.perf_counter_ns()
        min(ranks)
        floors.append((time.perf_counter_ns() - started) / 1e6)
    details = {"queued": QUEUED, "promotions": rounds, "p90": short(quantiles(taken, n=10)[-1])}
    details["most"] = short(max(taken))
    return Row(name=NAME, value=median(taken), unit="ms", floor=median(floors), goal=GOAL_MS, details=details)


def _instrument(symbol: str) -> Instrument:
    base = symbol.partition("/")[0]
    return builders.spot(symbol=symbol, base=base, venue_symbol=f"{base}USDT")


def _queued(number: int) -> Queued:
    """Entries spread over the symbols, with prices on both sides of the marks and a few replacements."""
    waits = builders.queued(
        number,
        entry=f"{90 + number % 211 / 10:.1f}",
        symbol=SYMBOLS[number % len(SYMBOLS)],
        timeframe=f"{number}m",
    )
    return replace(waits, replacement_count=number % 3)


def _live(number: int) -> m.GroupChanged:
    return _group(f"live{number:08d}", builders.key(SYMBOLS[number % len(SYMBOLS)], f"{number}h"), f"slot{number}")


def _group(group_id: str, key: Key, slot_token: str) -> m.GroupChanged:
    return m.GroupChanged(
        group_id=group_id,
        key=key,
        side=Side.LONG,
        slot_token=slot_token,
        closing=False,
        closed=False,
        pyramid_count=1,
        reserved=D(200),
        planned=D(200),
        opened_stamp_ms=NOW_MS,
    )
