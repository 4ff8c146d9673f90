"""The notifier: takes messages out of the outbox and sends them, each channel by itself (LOG-5).

A message is in the store before it is sent and marked after it was: one that a crash caught in between is sent again.
Nothing of the engine waits for a channel. What cannot be stored, that the store takes no writes, is sent past the
outbox.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import structlog

from actors.ports import Clock, StoreFault
from actors.rules import notice_plan, notifying
from actors.rules.notice_plan import Sending, Waiting
from actors.rules.notifying import Notice
from actors.rules.records import MarkNotification, NotificationState
from actors.rules.settings import NotificationSettings, Settings
from daemon.notes import Notes
from daemon.observe.sender import Sender
from daemon.observe.url_mask import keys_of, without_url
from daemon.secrets import Secret, Unresolved
from daemon.store.notification_rows import StoredNotification
from daemon.store.read import Reader
from daemon.store.text import every_store_takes

_LOG = structlog.stdlib.get_logger("terrace.system")

ROUND_S = 30.0
"""How often a channel looks for what is due without being woken."""
LOOK_S = 5.0
"""How often it is seen which channels are configured."""
MAX_LOOKED = 1_000
"""Messages of a channel that are read at once."""
MAX_PENDING = 1_000
"""Messages that may wait for a channel; the oldest beyond are dropped, with a word."""
MAX_DONE = 5_000
MARK_AGAIN_MS = 5_000
"""When a mark that is not in the store by then is written again."""
MAX_URGENT = 20
FAILURES_TOLD = 3
"""So many failures in a row of a channel are an alert, for the other channels and the lists."""
FAILING = "notification_failed"
STOP_LIMIT_S = 3.0
"""What is due when the daemon stops has so long to leave; the rest is sent after the next start."""
TEST_TEXT = "This is a test message of Terrace. If you read it, this channel works."


class Notifier:
    def __init__(
        self,
        *,
        settings: Callable[[], Settings],
        reader: Reader,
        notes: Notes,
        clock: Clock,
        resolve: Callable[[str], Secret | Unresolved],
        know_secrets: Callable[[Iterable[str]], None],
        mask: Callable[[str], str] = lambda text: text,
        make_sender: Callable[[], Sender] = Sender,
    ) -> None:
        """`resolve`: the secret of a reference. `mask`: takes known secrets out of what leaves the house (LOG-4).

        Made and used in one loop, but for `wake` and `urgent`.
        """
        self._settings = settings
        self._reader = reader
        self._notes = notes
        self._clock = clock
        self._resolve = resolve
        self._know_secrets = know_secrets
        self.mask = mask
        self._make_sender = make_sender
        self._channels: dict[str, _Channel] = {}
        self._woken = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._urgent: deque[Notice] = deque(maxlen=MAX_URGENT)
        self._asking = asyncio.Lock()
        """One secret at a time: all that wait for a keyring together must not take every thread there is."""

    # --- from outside -----------------------------------------------------------------------------

    def wake(self) -> None:
        """There is something new in the outbox. Any thread."""
        self._loop.call_soon_threadsafe(self._wake_all)

    def urgent(self, notice: Notice) -> None:
        """Sent at once, past the outbox: for what the store cannot take. Any thread."""
        self._urgent.append(notice)
        self.wake()

    async def test(self, channel: str, text: str) -> list[tuple[str, str]]:
        """Sends a message over this channel, or all; answers name and error, which is empty where it was sent."""
        chosen = [each for each in self._settings().notifications if channel in ("", each.name)]

        async def one(each: NotificationSettings) -> tuple[str, str]:
            return each.name, await self._of(each).send_test(each, text or TEST_TEXT)

        return list(await asyncio.gather(*(one(each) for each in chosen)))

    async def run(self) -> None:
        """Until it is cancelled."""
        # Whoever raised these has died.
        self._notes.commit(*self._notes.resolved_of_dead((FAILING,)))
        try:
            while True:
                try:
                    await self._look()
                except StoreFault as fault:
                    _LOG.warning("notifier_waits_for_the_store", error=str(fault))
                except Exception:
                    _LOG.exception("notifier_failed")
                await _wait(self._woken, LOOK_S)
        finally:
            await self._close(list(self._channels))

    async def flush(self) -> None:
        """The daemon stops: what is due may leave, for a moment."""
        tasks = [asyncio.ensure_future(channel.round()) for channel in self._channels.values()]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=STOP_LIMIT_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    # --- rounds -----------------------------------------------------------------------------------

    async def _look(self) -> None:
        """Channels that are new begin, those that are gone end, and what waits for them is suppressed."""
        wanted = {each.name: each for each in self._settings().notifications}
        await self._close([name for name in self._channels if name not in wanted])
        for each in wanted.values():
            self._of(each).change(each)
        while self._urgent:
            notice = self._urgent.popleft()
            for each in wanted.values():
                if notifying.wants(each, notice):
                    self._of(each).push(notice)
        waiting = await asyncio.to_thread(self._reader.pending_by_channel)
        for name, (count, _) in waiting.items():
            if name not in wanted:
                await self._suppress(name, count, "its channel is not in the configuration any more")
            elif count > MAX_PENDING:
                await self._suppress(name, count - MAX_PENDING, f"more than {MAX_PENDING} waited")

    async def _suppress(self, name: str, count: int, why: str) -> None:
        rows = await asyncio.to_thread(self._reader.least_notifications, name, min(count, MAX_LOOKED))
        _LOG.warning("notifications_dropped", channel=name, count=len(rows), reason=why)
        self._notes.commit(*(marked(row, NotificationState.SUPPRESSED, error=why) for row in rows))

    def _of(self, each: NotificationSettings) -> _Channel:
        channel = self._channels.get(each.name)
        if channel is None:
            channel = self._channels[each.name] = _Channel(self, each, self._make_sender())
        return channel

    def _wake_all(self) -> None:
        self._woken.set()
        for channel in self._channels.values():
            channel.woken.set()

    async def _close(self, names: list[str]) -> None:
        for channel in [self._channels.pop(name) for name in names]:
            await channel.close()

    # --- for its channels -------------------------------------------------------------------------

    @property
    def now_ms(self) -> int:
        return self._clock.now_ms()

    async def url_of(self, each: NotificationSettings) -> Secret | Unresolved:
        """Off the loop: a keyring may wait for a person."""
        async with self._asking:
            found = await asyncio.to_thread(self._resolve, each.url)
        if isinstance(found, Secret):
            self._know_secrets(list(keys_of(found.reveal())))
        return found

    def minute_of(self, each: NotificationSettings) -> int:
        zone = each.quiet_hours.timezone if each.quiet_hours is not None else ""
        local = datetime.fromtimestamp(self.now_ms / 1000, UTC).astimezone(
            ZoneInfo(zone or self._settings().engine.reporting_timezone)
        )
        return local.hour * 60 + local.minute

    @property
    def reader(self) -> Reader:
        return self._reader

    @property
    def notes(self) -> Notes:
        return self._notes


class _Channel:
    """One channel: its own task, process, rate and pauses, so that none waits for another."""

    def __init__(self, notifier: Notifier, settings: NotificationSettings, sender: Sender) -> None:
        self._notifier = notifier
        self._settings = settings
        self._sender = sender
        self.woken = asyncio.Event()
        self._failures = 0
        self._blocked_until_ms = 0
        self._sent_ms: deque[int] | None = None
        self._done: OrderedDict[str, tuple[MarkNotification, int]] = OrderedDict()
        """Marks that may not be in the store yet, with the time they were written."""
        self._urgent: deque[Notice] = deque(maxlen=MAX_URGENT)
        self._turn = asyncio.Lock()
        self._task = asyncio.create_task(self._run())

    def change(self, settings: NotificationSettings) -> None:
        if settings != self._settings:
            self._settings, self._failures, self._blocked_until_ms = settings, 0, 0
            self.woken.set()

    def push(self, notice: Notice) -> None:
        self._urgent.append(notice)
        self.woken.set()

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._sender.close()

    async def send_test(self, settings: NotificationSettings, text: str) -> str:
        return await self._send(settings, "Terrace: test message", text, "info")

    async def _run(self) -> None:
        while True:
            try:
                await self.round()
            except StoreFault as fault:
                _LOG.warning("outbox_not_read", channel=self._settings.name, error=str(fault))
            except Exception:
                _LOG.exception("channel_failed", channel=self._settings.name)
            await _wait(self.woken, self._pause_s())

    def _pause_s(self) -> float:
        blocked_s = (self._blocked_until_ms - self._notifier.now_ms) / 1000
        return max(0.5, min(ROUND_S, blocked_s)) if self._failures else ROUND_S / 6

    async def round(self) -> None:
        """Sends what may leave now, one message after the other."""
        async with self._turn:
            while self._notifier.now_ms >= self._blocked_until_ms or not self._failures:
                if not await self._next():
                    return

    async def _next(self) -> bool:
        """Whether something was sent."""
        if self._urgent:
            return await self._send_urgent(self._urgent[0])
        now_ms, settings = self._notifier.now_ms, self._settings
        stored = await asyncio.to_thread(self._notifier.reader.pending_notifications, settings.name, now_ms, MAX_LOOKED)
        rows = self._still_to_send(stored, now_ms)
        if not rows:
            return False
        await self._load_rate(now_ms)
        assert self._sent_ms is not None
        minute = self._notifier.minute_of(settings)
        sending = notice_plan.next_message(settings, [as_waiting(row) for row in rows], minute, now_ms, self._sent_ms)
        if sending is None:
            return False
        by_id = {row.notification_id: row for row in rows}
        together = [by_id[item.notification_id] for item in sending.together]
        error = await self._send(settings, sending.title, sending.text, sending.severity)
        self._mark(sending, together, error)
        return not error

    def _still_to_send(self, stored: tuple[StoredNotification, ...], now_ms: int) -> list[StoredNotification]:
        rows = []
        for row in stored:
            mark = self._done.get(row.notification_id)
            if mark is None or (
                mark[0].state is NotificationState.PENDING and mark[0].attempt_count <= row.attempt_count
            ):
                rows.append(row)
            elif now_ms - mark[1] >= MARK_AGAIN_MS or now_ms < mark[1]:
                self._write([mark[0]])
        return rows

    async def _load_rate(self, now_ms: int) -> None:
        if self._sent_ms is None:
            since_ms, most = now_ms - notice_plan.HOUR_MS, 2 * self._settings.rate_per_hour
            sent = await asyncio.to_thread(self._notifier.reader.sent_times, self._settings.name, since_ms, most)
            self._sent_ms = deque(sent, maxlen=10_000)

    def _mark(self, sending: Sending, rows: list[StoredNotification], error: str) -> None:
        now_ms, first = self._notifier.now_ms, rows[0]
        if error:
            self._failed(error, now_ms)
            self._write([_failure(row, now_ms, error) for row in rows])
            return
        self._well()
        assert self._sent_ms is not None
        self._sent_ms.append(now_ms)
        sent = marked(
            first, NotificationState.SENT, title=sending.title, message=sending.text, tries=1, send_time_ms=now_ms
        )
        why = f"in one message with others: {first.notification_id}"
        others = [marked(row, NotificationState.SUPPRESSED, error=why) for row in rows[1:]]
        self._write([sent, *others])

    def _write(self, marks: list[MarkNotification]) -> None:
        now_ms = self._notifier.now_ms
        for mark in marks:
            self._done[mark.notification_id] = (mark, now_ms)
        while len(self._done) > MAX_DONE:
            self._done.popitem(last=False)
        self._notifier.notes.commit(*marks)

    async def _send_urgent(self, notice: Notice) -> bool:
        time = datetime.fromtimestamp(notice.time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        text = notifying.text_of(self._settings, notice, time)
        error = await self._send(self._settings, notifying.title_of(notice), text, notice.severity)
        if error:
            self._failed(error, self._notifier.now_ms)
            return False
        self._well()
        if self._urgent and self._urgent[0] is notice:
            self._urgent.popleft()
        return True

    async def _send(self, settings: NotificationSettings, title: str, text: str, severity: str) -> str:
        url = await self._notifier.url_of(settings)
        if isinstance(url, Unresolved):
            return str(url)
        mask = self._notifier.mask
        error = await self._sender.send(url.reveal(), mask(title), mask(text), severity)
        return every_store_takes(without_url(error, url.reveal()))

    def _failed(self, error: str, now_ms: int) -> None:
        self._failures += 1
        self._blocked_until_ms = now_ms + notifying.retry_ms(self._failures)
        if self._failures == FAILURES_TOLD:
            words = f"messages over {self._settings.name} do not get through: {error}"
            self._notifier.notes.raise_alert(f"{FAILING}/{self._settings.name}", "warning", "system", words)

    def _well(self) -> None:
        if self._failures >= FAILURES_TOLD:
            self._notifier.notes.commit(self._notifier.notes.resolved(f"{FAILING}/{self._settings.name}"))
        self._failures, self._blocked_until_ms = 0, 0


def as_waiting(row: StoredNotification) -> Waiting:
    return Waiting(
        notification_id=row.notification_id,
        severity=row.severity,
        title=row.title,
        text=row.message,
        due_ms=row.due_time_ms,
        attempts=row.attempt_count,
        left_out=row.suppressed_count,
    )


def marked(
    row: StoredNotification,
    state: NotificationState,
    *,
    title: str = "",
    message: str = "",
    error: str = "",
    tries: int = 0,
    send_time_ms: int | None = None,
) -> MarkNotification:
    """What became of it. Words that are not given stay."""
    return MarkNotification(
        notification_id=row.notification_id,
        state=state,
        title=title or row.title,
        message=message or row.message,
        attempt_count=row.attempt_count + tries,
        error=error,
        send_time_ms=send_time_ms,
        suppressed_count=row.suppressed_count,
    )


def _failure(row: StoredNotification, now_ms: int, error: str) -> MarkNotification:
    is_over = notifying.is_given_up(row.create_time_ms, now_ms, row.attempt_count + 1)
    return marked(row, NotificationState.FAILED if is_over else NotificationState.PENDING, error=error, tries=1)


async def _wait(event: asyncio.Event, limit_s: float) -> None:
    try:
        async with asyncio.timeout(limit_s):
            await event.wait()
    except TimeoutError:
        pass
    event.clear()
