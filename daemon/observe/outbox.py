"""The outbox: what a commit says that is worth a message goes into the same commit, as rows for the channels (LOG-5).

Used by the Journal's thread alone. What is remembered here, of alerts that stand and of bursts, follows the commits: a
commit that is refused, or a batch the store did not take, is forgotten again, so that its message is due the next time.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import structlog

from actors.ports import Applied
from actors.rules import notifying
from actors.rules.choices import World
from actors.rules.notifying import Burst, Notice, Past
from actors.rules.records import AddEvent, AddNotification, RaiseAlert, ResolveAlert, Row
from actors.rules.settings import NotificationSettings, Settings
from daemon.store.text import every_store_takes

_LOG = structlog.stdlib.get_logger("terrace.system")

MAX_PASTS = 10_000
"""Alerts remembered; those unheard of longest are forgotten, and told anew if they come again."""
MAX_BURSTS = 2_000
"""Types of messages remembered, by channel."""

WORLDS = {world.value: world for world in World}
Batch = Sequence[tuple[str, Sequence[Row]]]
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
_ABSENT: Any = object()


class Outbox:
    def __init__(self, settings: Callable[[], Settings], *, prefix: str, wake: Callable[[], None]) -> None:
        """`prefix`: tells ids apart from those of other starts. `wake`: called from the Journal's thread once messages
        are durable."""
        self._settings = settings
        self._prefix = prefix
        self._wake = wake
        self._numbers = 0
        self._pasts: OrderedDict[str, Past] = OrderedDict()
        self._raised: OrderedDict[str, Notice] = OrderedDict()
        """The newest notice of each alert that stands: what is over is told in its words."""
        self._bursts: OrderedDict[tuple[str, str, bool], Burst] = OrderedDict()
        self._undo: list[list[tuple[OrderedDict[Any, Any], Any, Any]]] = []
        self._has_written: list[bool] = []

    def stands(self, notices: Iterable[Notice]) -> None:
        """Alerts that stand from an earlier process, before the first commit."""
        for notice in notices:
            rank = notifying.severity_rank(notice.severity)
            self._pasts[notice.alert_key] = Past(rank=rank, told_ms=notice.time_ms, is_ours=False)

    # --- around the commit ------------------------------------------------------------------------

    def extend(self, batch: Batch) -> Batch:
        """The batch with the messages in it. Never fails: a fault here must not hold up trading."""
        self._undo, self._has_written = [], []
        channels = self._settings().notifications
        if not channels:
            return batch
        return [(name, self._with_messages(rows, channels)) for name, rows in batch]

    def applied(self, results: Sequence[Applied]) -> None:
        """The batch is durable but for the commits that were refused."""
        if not self._undo:
            return
        has_new = False
        for undo, has_written, result in zip(self._undo, self._has_written, results, strict=True):
            if result.broken is not None:
                _take_back(undo)
            else:
                has_new = has_new or has_written
        self._undo = []
        if has_new:
            self._wake()

    def failed(self) -> None:
        """The batch was not taken."""
        for undo in reversed(self._undo):
            _take_back(undo)
        self._undo = []

    # --- one commit -------------------------------------------------------------------------------

    def _with_messages(self, rows: Sequence[Row], channels: Sequence[NotificationSettings]) -> Sequence[Row]:
        self._undo.append([])
        added: list[Row] = []
        try:
            for row in rows:
                if isinstance(row, RaiseAlert | ResolveAlert | AddEvent):
                    added += self._messages(row, channels)
        except Exception:
            _LOG.exception("outbox_failed")
            _take_back(self._undo[-1])
            added = []
        self._has_written.append(bool(added))
        return (*rows, *added) if added else rows

    def _messages(
        self, row: RaiseAlert | ResolveAlert | AddEvent, channels: Sequence[NotificationSettings]
    ) -> Iterator[AddNotification]:
        notice = self._notice(row, channels)
        if notice is None:
            return
        is_collected = False
        if notice.alert_key:
            verdict = notifying.judge(self._pasts.get(notice.alert_key), notice)
            if verdict.past is not None:
                self._put(self._pasts, notice.alert_key, verdict.past, MAX_PASTS)
            if not verdict.is_told:
                return
            is_collected = verdict.is_collected
        for channel in channels:
            if notifying.wants(channel, notice):
                yield self._message(channel, notice, is_collected)

    def _message(self, channel: NotificationSettings, notice: Notice, is_collected: bool) -> AddNotification:
        burst_key = (channel.name, notice.type, is_collected)
        self._numbers += 1
        fresh_id, old = f"{self._prefix}-{self._numbers}", self._bursts.get(burst_key)
        if is_collected:
            burst, place = notifying.place(old, notice.time_ms, fresh_id, own=0, wait_ms=notifying.FLAP_MS)
        else:
            burst, place = notifying.place(old, notice.time_ms, fresh_id)
        self._put(self._bursts, burst_key, burst, MAX_BURSTS)
        zone = ZoneInfo(self._settings().engine.reporting_timezone)
        time = datetime.fromtimestamp(notice.time_ms / 1000, UTC).astimezone(zone).strftime("%Y-%m-%d %H:%M:%S %Z")
        return AddNotification(
            notification_id=place.notification_id,
            channel=channel.name,
            type=notice.type,
            severity=notice.severity,
            title=notifying.title_of(notice),
            message=every_store_takes(notifying.text_of(channel, notice, time)),  # A template may hold any letter.
            create_time_ms=notice.time_ms,
            due_time_ms=place.due_ms,
            alert_key=notice.alert_key,
        )

    def _notice(
        self, row: RaiseAlert | ResolveAlert | AddEvent, channels: Sequence[NotificationSettings]
    ) -> Notice | None:
        if isinstance(row, AddEvent):
            type_ = notifying.type_of_event(row.type)
            if type_ not in notifying.TOLD_WITHOUT_ALERT and not any(type_ in channel.types for channel in channels):
                return None
            return self._notice_of(row, type_, row.signal_id)
        if isinstance(row, RaiseAlert):
            notice = self._notice_of(row, notifying.type_of_alert(row.alert_key), "", row.alert_key)
            self._put(self._raised, row.alert_key, notice, MAX_PASTS)
            return notice
        known = self._raised.get(row.alert_key)
        if known is None:
            past = self._pasts.get(row.alert_key)
            if past is None:
                return None
            known = Notice(
                type=notifying.type_of_alert(row.alert_key),
                severity=notifying.SEVERITIES[past.rank],
                category="",
                message="",
                time_ms=row.time_ms,
                alert_key=row.alert_key,
            )
        return notifying.over(known, row.time_ms)

    def _notice_of(self, row: RaiseAlert | AddEvent, type_: str, signal_id: str, alert_key: str = "") -> Notice:
        account = self._settings().accounts.get(row.account)
        named = WORLDS.get(alert_key.partition("/")[2].partition("/")[0])  # As in `limit/live/drawdown`.
        world = getattr(row, "world", None) or (account.world if account is not None else named)
        return Notice(
            type=type_,
            severity=row.severity,
            category=row.category,
            message=row.message,
            time_ms=row.time_ms,
            world="" if world is None else world.value,
            account=row.account,
            symbol=row.symbol,
            group_id=row.group_id,
            signal_id=signal_id,
            alert_key=alert_key,
        )

    # --- what can be taken back -------------------------------------------------------------------

    def _put(self, table: OrderedDict[K, V], key: K, value: V, most: int) -> None:
        self._undo[-1].append((table, key, table.get(key, _ABSENT)))
        table[key] = value
        table.move_to_end(key)
        if len(table) > most:
            table.popitem(last=False)


def _take_back(undo: list[tuple[OrderedDict[Any, Any], Any, Any]]) -> None:
    for table, key, old in reversed(undo):
        if old is _ABSENT:
            table.pop(key, None)
        else:
            table[key] = old
