"""Which commits are worth a message, over which channel, and how much of a burst is said (LOG-5). Pure.

Invariants:

1. An alert is told when it is raised, when it gets worse, and when it is over; not when it is raised again.
2. One that comes and goes is told once in `FLAP_MS`; what comes between is collected into one message.
3. Of one type a channel gets `OWN_MESSAGES` in `BURST_MS`, the rest of them collected into one message.
4. What a channel does not want costs a comparison and writes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from string import Template

from actors.rules.notice_words import words_of
from actors.rules.settings import NotificationSettings, QuietHours

SEVERITIES = ("debug", "info", "warning", "error", "critical")
CRITICAL = "critical"
FLAP_MS = 600_000
BURST_MS = 60_000
OWN_MESSAGES = 3
MAX_TITLE_CHARS = 120
MAX_TEXT_CHARS = 1_500
"""What every service takes, with room for a line about what was left out."""
MAX_DIGEST_LINES = 15
RETRY_MS, MAX_RETRY_MS = 5_000, 900_000
GIVE_UP_MS = 86_400_000
"""A message that could not be sent for so long is given up: it is no news any more."""
ATTEMPTS = 60

FAILED = "NOTIFICATION_FAILED"
TOLD_WITHOUT_ALERT = frozenset(
    {
        *("GROUP_CLOSED", "RISK_DONE", "RISK_PARTIAL", "LIMIT_LIFTED", "ENGINE_PAUSED", "ENGINE_RESUMED"),
        *("DAEMON_STARTED", "DAEMON_STOPPED", "DAEMON_UPDATED", "CONFIG_APPLIED", "DAILY_SUMMARY"),
    }
)
"""Types of events that are worth a message without an alert. Others only where a channel names them."""

ASKED_FOR = frozenset({"DAILY_SUMMARY"})
"""Told whatever the least severity is: it would not be made if nobody wanted it."""

_KIND = re.compile(r"[^:/]*")


def severity_rank(severity: str) -> int:
    """The higher, the more serious; words that are none count as the least."""
    return SEVERITIES.index(severity) if severity in SEVERITIES else 0


def type_of_event(type: str) -> str:
    """`group.closed` is GROUP_CLOSED."""
    return type.replace(".", "_").replace("-", "_").upper()


def type_of_alert(alert_key: str) -> str:
    """What stands before the first `/` or `:` of its key: `unreachable:binance` is UNREACHABLE."""
    found = _KIND.match(alert_key)
    return type_of_event(found[0] if found else alert_key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something that may be worth a message."""

    type: str
    """UPPER_SNAKE_CASE."""
    severity: str
    category: str
    message: str
    time_ms: int
    world: str = ""
    """`live`, `testnet` or `paper`, if it belongs to one."""
    account: str = ""
    symbol: str = ""
    group_id: str = ""
    signal_id: str = ""
    alert_key: str = ""
    """Empty: of an event."""
    is_over: bool = False
    """The alert's cause is gone."""


def over(notice: Notice, time_ms: int) -> Notice:
    """That the cause of an alert, told by `notice`, is gone."""
    return replace(notice, time_ms=time_ms, is_over=True)


def wants(channel: NotificationSettings, notice: Notice) -> bool:
    """Whether the channel is told. That it fails itself is told to the others."""
    if notice.type == FAILED and notice.alert_key.endswith(f"/{channel.name}"):
        return False
    if notice.is_over and not channel.resolved:
        return False
    if channel.categories and notice.category not in channel.categories:
        return False
    if channel.types:
        return notice.type in channel.types
    if not notice.alert_key and notice.type not in TOLD_WITHOUT_ALERT:
        return False
    return notice.type in ASKED_FOR or severity_rank(notice.severity) >= severity_rank(channel.severity)


# --- one alert over time --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What was told of an alert so far."""

    rank: int
    """Of the most serious that was told since it was raised."""
    told_ms: int
    stands: bool = True
    is_ours: bool = True
    """False: it stands from an earlier process; its end says nothing of the cause."""
    is_flapping: bool = False
    """It came back soon after it was over."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`past`: to keep. `is_told`: a message is due, at once or (`is_collected`) together with others like it."""

    past: Past | None
    is_told: bool
    is_collected: bool = False


def judge(past: Past | None, notice: Notice) -> Verdict:
    """Invariants 1 and 2."""
    if notice.is_over:
        if past is None or not past.stands:
            return Verdict(past, False)
        return Verdict(replace(past, stands=False), past.is_ours, past.is_flapping)
    rank, now_ms = severity_rank(notice.severity), notice.time_ms
    if past is not None and rank <= past.rank:
        if past.stands:
            return Verdict(past, False)
        if 0 <= now_ms - past.told_ms < FLAP_MS:
            return Verdict(replace(past, stands=True, is_ours=True, is_flapping=True), True, True)
    return Verdict(Past(rank=rank, told_ms=now_ms), True)


# --- a burst of one type over one channel ---------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Burst:
    """What a channel got of one type of late."""

    start_ms: int
    own: int = 0
    """Messages of their own."""
    bucket: str = ""
    """Id of the message that collects the others."""
    due_ms: int = 0
    """When that one leaves."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a notice goes: into the message with this id, to be sent at `due_ms`."""

    notification_id: str
    due_ms: int


def place(
    burst: Burst | None, now_ms: int, fresh_id: str, *, own: int = OWN_MESSAGES, wait_ms: int = BURST_MS
) -> tuple[Burst, Place]:
    """Invariant 3; with `own=0` and `wait_ms=FLAP_MS` the second half of invariant 2, for a burst of its own.

    `fresh_id`: of the message, if it gets one of its own or begins to collect.
    """
    if burst is None or not 0 <= now_ms - burst.start_ms < wait_ms:
        is_filling = burst is not None and burst.start_ms <= now_ms < burst.due_ms
        kept = burst if burst is not None and is_filling else Burst(start_ms=0)
        burst = replace(kept, start_ms=now_ms, own=0)
    if burst.own < own:
        return replace(burst, own=burst.own + 1), Place(fresh_id, now_ms)
    if not burst.bucket or not burst.due_ms - wait_ms <= now_ms < burst.due_ms:
        burst = replace(burst, bucket=fresh_id, due_ms=now_ms + wait_ms)
    return burst, Place(burst.bucket, burst.due_ms)


# --- words ----------------------------------------------------------------------------------------


def title_of(notice: Notice) -> str:
    """`[LIVE] binance BTC/USDT: exchange does not answer`."""
    world = f"[{notice.world.upper()}] " if notice.world else ""
    where = " ".join(word for word in (notice.account, notice.symbol) if word) or "Terrace"
    words = words_of(notice.type).title
    over = "over: " if notice.is_over else ""
    return _cut(_one_line(f"{world}{where}: {over}{words}"), MAX_TITLE_CHARS)


def text_of(channel: NotificationSettings, notice: Notice, time: str) -> str:
    """What the message says; `time` in words. Names in what happened are never filled in."""
    words = words_of(notice.type)
    template = channel.templates.get(notice.type) or channel.template
    if template is None:
        parts = [notice.message]
        if not notice.is_over:
            parts += [words.meaning, f"What to do: {words.remedy}" if words.remedy else ""]
        parts.append(f"{notice.severity}, {time}")
        return _cut("\n".join(part for part in parts if part), MAX_TEXT_CHARS)
    filled = Template(template).safe_substitute(
        title=title_of(notice),
        message=notice.message,
        meaning=words.meaning,
        remedy=words.remedy,
        severity=notice.severity,
        category=notice.category,
        type=notice.type,
        world=notice.world,
        account=notice.account,
        symbol=notice.symbol,
        group_id=notice.group_id,
        signal_id=notice.signal_id,
        alert_id=notice.alert_key,
        time=time,
    )
    return _cut(filled, MAX_TEXT_CHARS)


def with_suppressed(text: str, count: int) -> str:
    """The text with a word about those like it that were left out."""
    return text if count <= 0 else f"{text}\n({count} more like it)"


def digest(lines: Sequence[tuple[str, str, int]], why: str) -> tuple[str, str]:
    """Title and text of one message in the place of many: each `(title, text, left out)`, oldest first."""
    total = sum(1 + left_out for _, _, left_out in lines)
    shown = lines[:MAX_DIGEST_LINES]
    parts = [
        f"- {title}: {_cut(_first_line(text), 160)}{f' (x{1 + more})' if more else ''}" for title, text, more in shown
    ]
    rest = total - sum(1 + more for _, _, more in shown)
    if rest:
        parts.append(f"and {rest} more: `terrace alert notifications`")
    return f"Terrace: {total} messages, {why}", _cut("\n".join(parts), 2 * MAX_TEXT_CHARS)


# --- when -----------------------------------------------------------------------------------------


def is_quiet(quiet: QuietHours | None, minute: int, severity: str) -> bool:
    """Whether a message of this severity waits at this minute of the local day."""
    if quiet is None or quiet.start_minute == quiet.end_minute:
        return False
    if severity_rank(severity) >= severity_rank(quiet.least):
        return False
    start, end = quiet.start_minute, quiet.end_minute
    return start <= minute < end if start < end else minute >= start or minute < end


def retry_ms(failures: int) -> int:
    """The pause of a channel after so many failures in a row, at least one."""
    return min(MAX_RETRY_MS, RETRY_MS << min(failures - 1, 10))


def may_send(severity: str, sent_of_late: int, rate_per_hour: int) -> bool:
    """Whether the rate allows one more; critical ones have as much again for themselves."""
    return sent_of_late < rate_per_hour * (2 if severity == CRITICAL else 1)


def is_given_up(create_ms: int, now_ms: int, attempts: int) -> bool:
    return attempts >= ATTEMPTS or (attempts > 0 and now_ms - create_ms >= GIVE_UP_MS)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _first_line(text: str) -> str:
    return text.partition("\n")[0]


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 3]}..."
