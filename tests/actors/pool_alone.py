"""A Pool with nobody around it: what it tells is looked at, what others would tell is made up."""

from __future__ import annotations

import random
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from actors import messages as m
from actors.board import CatalogueBoard, MarksBoard
from actors.pool import Pool
from actors.replies import ReplyBox
from actors.rules.model import (
    Balance,
    Instrument,
    Intent,
    Key,
    Outcome,
    Queued,
    Reason,
    Refused,
    Side,
    Signal,
)
from actors.rules.settings import AccountSettings, Settings, StrategySettings
from tests.actors.fake_life import FakeLife
from tests.actors.town import ACCOUNT, BTC, SeededIds, account_settings, town_settings
from tests.rules.builders import NOW_MS, key, queued, quote, signal, spot, strategy

D = Decimal
GATEWAY, QUEUE, JOURNAL = f"gateway/{ACCOUNT}", "queue/paper", "journal"


class PoolAlone:
    """`pool/paper`, loaded. Its account is ready, BTC/USDT is at 100, and 100,000 USDT are free."""

    def __init__(
        self,
        *,
        settings: Settings | None = None,
        state: m.PoolState | None = None,
        ready: bool = True,
        instruments: tuple[Instrument, ...] = (spot(),),
    ) -> None:
        self.settings = settings or town_settings()
        self.life = FakeLife("pool/paper")
        self.marks, self.catalogue = MarksBoard(), CatalogueBoard()
        self.instruments = {instrument.symbol: instrument for instrument in instruments}
        self.catalogue.put(ACCOUNT, instruments)
        self.price("100")
        self.pool = Pool(
            self.life,
            marks=self.marks,
            catalogue=self.catalogue,
            ids=SeededIds(random.Random(1)),
            settings=lambda: self.settings,
        )
        self.pool.start()
        self.life.one(m.Load)
        if state is not None or ready:
            self.load(state or empty())
        if ready:
            self.account()

    # --- what others tell -------------------------------------------------------------------------

    def load(self, state: m.PoolState) -> None:
        self.take(m.Loaded(incarnation=1, state=state))
        self.life.take(m.DescribeAccount)

    def take(self, message: object) -> None:
        self.pool.receive(message)

    def price(self, price: str, symbol: str = "") -> None:
        symbols = [symbol] if symbol else list(self.instruments)
        self.marks.put(ACCOUNT, {name: quote(price, time_ms=self.life.time_ms) for name in symbols})

    def account(self, free: str = "100000", *, ready: bool = True, name: str = ACCOUNT) -> None:
        balance = Balance(asset="USDT", free=D(free), locked=D(0))
        self.take(m.AccountChanged(account=name, ready=ready, detail="", balances={"USDT": balance}))

    def submit(self, sent: Signal) -> ReplyBox:
        box = ReplyBox()
        self.take(m.SubmitSignal(signal=sent, reply_to=box))
        return box

    def done(self, draft: m.Draft, outcome: Outcome = Outcome.OPENED, told: m.GroupChanged | None = None) -> m.Answer:
        """A draft's commit is released."""
        group_id = told.group_id if told else ""
        answer = m.Answer(signal_id=draft.signal_id, outcome=outcome, reason=Reason.OK, group_id=group_id)
        if draft.reply_to is not None:
            draft.reply_to.reply(answer)
        self.take(m.DraftDone(draft_id=draft.draft_id, answer=answer, told=told))
        return answer

    def opened(self, opening: m.OpenGroup, **changes: Any) -> m.GroupChanged:
        """The group of this draft has committed."""
        told = group_told(opening, **changes)
        self.done(opening.draft, told=told)
        return told

    def committed(self) -> m.Answer:
        """The Pool's own commit is released: its answer."""
        commit = self.life.one(m.Commit)
        return self.release(commit)

    def release(self, commit: m.Commit) -> m.Answer:
        answer: m.Answer | None = None
        for send in commit.then:
            if not isinstance(send.to, str):
                send.to.reply(send.message)
            elif send.to == self.life.name:
                assert isinstance(send.message, m.DraftDone)
                answer = send.message.answer
                self.take(send.message)
            else:
                self.life.tell(send.to, send.message)
        assert answer is not None
        return answer

    def waits(self, entry: Queued) -> None:
        """This entry is in the queue."""
        self.take(m.WaitingChanged(key=entry.key, side=entry.side, wait_reason=entry.wait_reason))

    def gone(self, entry: Queued) -> None:
        self.take(m.WaitingChanged(key=entry.key, side=None))

    def offered(self, entry: Queued | None) -> m.Offer:
        """The Queue answers the Pool's offer with this."""
        offer = self.life.one(m.Offer)
        self.take(m.Offered(offer_id=offer.offer_id, incarnation=offer.incarnation, queued=entry))
        return offer

    def taken_out(self, entry: Queued | None) -> m.Draft:
        """The Queue answers the Pool's request with this."""
        asked = self.life.one(m.TakeOut)
        self.take(m.TakenOut(draft_id=asked.draft.draft_id, incarnation=1, queued=entry))
        return asked.draft

    def live(self, opening_signal: Signal, **changes: Any) -> m.GroupChanged:
        """A group of this signal is live from here on."""
        self.submit(opening_signal)
        return self.opened(self.life.one(m.OpenGroup), **changes)

    @property
    def slots(self) -> Mapping[str, str]:
        return self.pool._books.slots

    def is_at_rest(self) -> bool:
        pool = self.pool
        return not (pool._lanes or pool._drafts or pool._in_flight or pool._retries or pool._books.reservations)


def group_told(opening: m.OpenGroup, **changes: Any) -> m.GroupChanged:
    plain: dict[str, Any] = {
        "group_id": opening.group_id,
        "key": opening.draft.key,
        "side": opening.side,
        "slot_token": opening.slot_token,
        "closing": False,
        "closed": False,
        "pyramid_count": 1,
        "reserved": opening.plan.notional,
        "planned": opening.plan.capital,
        "opened_stamp_ms": opening.signal.stamp_ms,
        "settings": opening.settings,
        "instrument": opening.instrument,
    }
    return m.GroupChanged(**{**plain, **changes})


def empty(**changes: Any) -> m.PoolState:
    plain: dict[str, Any] = {
        "groups": (),
        "settings_of": {},
        "instrument_of": {},
        "waiting": {},
        "recent": (),
        "switches": {},
    }
    return m.PoolState(**{**plain, **changes})


def stored_group(group_key: Key, group_id: str = "g00000000001", side: Side = Side.LONG) -> m.PoolState:
    """The store has this one live group."""
    told = m.GroupChanged(
        group_id=group_id,
        key=group_key,
        side=side,
        slot_token=f"slot-{group_id}",
        closing=False,
        closed=False,
        pyramid_count=1,
        reserved=D(0),
        planned=D(1000),
        opened_stamp_ms=NOW_MS,
    )
    return empty(groups=(told,), settings_of={group_id: strategy()}, instrument_of={group_id: spot()})


_count = 0


def entry(timeframe: str = "1h", price: str | None = "100", symbol: str = BTC, **changes: Any) -> Signal:
    """A new entry signal on a key of its own timeframe, or another signal by `intent`."""
    global _count  # noqa: PLW0603
    _count += 1
    plain: dict[str, Any] = {
        "signal_id": f"signal-{_count}",
        "idempotency_key": f"key-{_count}",
        "key": key(symbol, timeframe),
        "entry_price": None if price is None else D(price),
    }
    return signal(**{**plain, **changes})


def leave(timeframe: str = "1h", **changes: Any) -> Signal:
    """An exit signal."""
    return entry(timeframe, None, intent=Intent.EXIT, **changes)


def waiting(timeframe: str = "1h", reason: Reason = Reason.POOL_FULL, **changes: Any) -> Queued:
    """A queued entry on the key of this timeframe."""
    return queued(1, timeframe=timeframe, wait_reason=reason, **changes)


def refusal(box: ReplyBox) -> Reason:
    assert isinstance(box.answer, Refused), box.answer
    return box.answer.reason


def answer(box: ReplyBox) -> m.Answer:
    assert isinstance(box.answer, m.Answer), box.answer
    return box.answer


__all__ = [
    "AccountSettings",
    "PoolAlone",
    "StrategySettings",
    "account_settings",
    "answer",
    "empty",
    "entry",
    "group_told",
    "leave",
    "refusal",
    "stored_group",
    "town_settings",
    "waiting",
]
