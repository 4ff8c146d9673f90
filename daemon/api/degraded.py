"""Everything that does not work as it should or is held back, with its reason, since when, and what helps (REC-4).

Pure: from what the supervisor, the View, the accounts and the daemon's own condition say. The gravest come first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from actors.children import PartState
from actors.messages import CLOSE_ALL
from actors.repair_messages import PartNow, PartsNow, StoreNow
from actors.rules.choices import World
from actors.view import Snapshot
from daemon.api.account_states import AccountNow, why_paused
from daemon.api.condition import SERVING, STOPPING, Condition, Trouble
from daemon.api.translate import optional_timestamp
from daemon.api.translate_limit import limit_lift, limit_reason, standing_of
from protos.terrace.v1 import engine_pb2
from protos.terrace.v1 import types_pb2 as pb

MAX_SYMBOLS = 5
"""Symbols named in one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Degraded:
    code: str
    """Stable, see `Degradation.code` in the contract."""
    message: str
    remedy: str
    subject: str = ""
    since_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known at this moment about one world."""

    world: World
    snapshot: Snapshot
    condition: Condition
    parts: PartsNow | None
    """None: the supervisor has not answered."""
    accounts: Sequence[AccountNow] = ()
    switch_times: Mapping[str, int] = field(default_factory=dict)
    """When each switch of the world was set."""
    is_read_only: bool = False
    unreadable: str = ""
    """Why the store cannot be read; empty: it can."""
    elsewhere: frozenset[str] = frozenset()
    """Accounts of the other worlds: what keeps them from being traded is said there."""


def degraded(facts: Facts) -> list[Degraded]:
    return [
        *_phase(facts.condition),
        *_store(facts),
        *_parts(facts.parts),
        *(_trouble(trouble) for trouble in facts.condition.broken if not _is_elsewhere(trouble, facts)),
        *(one for now in facts.accounts for one in _account(now, facts)),
        *_prices(facts),
        *_limits(facts),
        *_pauses(facts),
        *_read_only(facts),
    ]


def message(one: Degraded) -> engine_pb2.Degradation:
    return engine_pb2.Degradation(
        code=one.code,
        subject=one.subject,
        message=one.message,
        since_time=optional_timestamp(one.since_ms),
        remedy=one.remedy,
    )


def is_grave(one: Degraded) -> bool:
    """Something is broken, as against held back on purpose, or an account's own affair."""
    return one.code in _GRAVE


_GRAVE = frozenset(
    {
        *("STORE_FAILED", "STORE_UNREADABLE", "STORE_ON_RESERVE", "STORE_SLOW", "STORE_COPY", "DISK_LOW"),
        *("PART_DOWN", "PART_RESTARTING", "OVERLOADED", "ACCOUNT_NOT_TRADED", "CLOCK_JUMPED", "LEASE_LOST"),
        *("VAULT_LOCKED", "KEY_NOT_STORED", "OTHER"),
    }
)


def _phase(condition: Condition) -> Iterator[Degraded]:
    if condition.phase == STOPPING:
        yield Degraded(code="STOPPING", message="the daemon is stopping", remedy="start it again")
    elif condition.phase != SERVING:
        yield Degraded(
            code="STARTING",
            message="the daemon is starting: state is loaded and compared with the exchanges, entries wait",
            remedy="wait; what it waits for stands below",
            since_ms=condition.start_time_ms,
        )


# --- the store ------------------------------------------------------------------------------------


def _store(facts: Facts) -> Iterator[Degraded]:
    now = facts.parts.store if facts.parts is not None else StoreNow()
    since_ms = now.since_ms or None
    if not facts.snapshot.store_ok:
        error = facts.snapshot.store_error
        full = "make room on the disk" if "full" in error else "look at the disk and at the log"
        yield Degraded(
            code="STORE_FAILED",
            subject="store",
            message=f"the store takes no writes: {error}; nothing new is acknowledged, nothing acknowledged is lost",
            remedy=f"{full}; it is tried again by itself, all the time",
            since_ms=since_ms,
        )
    elif facts.unreadable:
        yield Degraded(
            code="STORE_UNREADABLE",
            subject="store",
            message=f"{facts.unreadable}; trading goes on while it takes writes, lists and reports cannot be shown",
            remedy="look at the database and at the log; counts of alerts and dead letters are those known last",
        )
    elif now.on_reserve:
        yield Degraded(
            code="STORE_ON_RESERVE",
            subject="store",
            message="the disk is full: entries are refused, exits are committed out of the reserve",
            remedy="make room on the disk; the reserve is made again by itself",
            since_ms=since_ms,
        )
    elif now.is_slow:
        yield Degraded(
            code="STORE_SLOW",
            subject="store",
            message="each commit takes long: entries are refused, exits go on",
            remedy="look at what else uses the disk; entries are taken again by themselves once commits are quick",
            since_ms=since_ms,
        )


# --- parts ----------------------------------------------------------------------------------------


def _parts(parts: PartsNow | None) -> Iterator[Degraded]:
    if parts is None:
        words = "the supervisor does not answer: what fails is not started again"
        yield Degraded(code="PART_DOWN", subject="supervisor", message=words, remedy="restart the daemon")
        return
    for part in parts.parts:
        names, why = ", ".join(part.names), part.error or "the cause is in the log"
        if part.state == PartState.GIVEN_UP.value:
            yield Degraded(
                code="PART_DOWN",
                subject=part.key,
                message=f"{names} failed too often and is down: {why}; {_meaning(part)}",
                remedy=f"`terrace engine restart {part.key}`; `terrace engine dead-letters` shows what it failed of",
                since_ms=part.since_ms or None,
            )
        else:
            yield Degraded(
                code="PART_RESTARTING",
                subject=part.key,
                message=f"{names} failed and is being started again: {why}",
                remedy=f"wait, or `terrace engine restart {part.key}`",
                since_ms=part.since_ms or None,
            )


def _meaning(part: PartNow) -> str:
    """What a part that is down means for trading."""
    name = part.names[0]
    kind, _, rest = name.partition("/")
    if kind == "journal":
        return "nothing can be committed, so nothing is traded"
    if kind == "gateway":
        return f"account {rest} is not traded and its orders are not watched"
    if kind == "group":
        return "this group is not managed: what it holds has no targets or stops but those at the exchange"
    if kind in ("queue", "pool"):
        return f"no signal of {rest} is taken; groups that are open are managed"
    return {"feed": "nobody can watch events", "risk": "no loss is offset"}.get(kind, "the rest goes on")


# --- the daemon's own ------------------------------------------------------------------------------


def _is_elsewhere(trouble: Trouble, facts: Facts) -> bool:
    kind, _, rest = trouble.name.partition("/")
    return kind == "account" and rest in facts.elsewhere


def _trouble(trouble: Trouble) -> Degraded:
    kind, _, rest = trouble.name.partition("/")
    code, remedy = _TROUBLES.get(kind, ("OTHER", "look at the log"))
    return Degraded(code=code, subject=rest, message=trouble.words, remedy=remedy, since_ms=trouble.since_ms)


_TROUBLES: Mapping[str, tuple[str, str]] = {
    "account": ("ACCOUNT_NOT_TRADED", "mend what it says, then restart the daemon"),
    "disk_low": ("DISK_LOW", "make room on the disk, or lower alerts.disk_free_mb"),
    "overload": ("OVERLOADED", "senders repeat what was turned away; it ends by itself once there is less to do"),
    "mailbox": ("OVERLOADED", "it ends by itself once there is less to do; if it stays, look at the log"),
    "vault": ("VAULT_LOCKED", "see to its key, then restart the daemon: `terrace secret list` says what it holds"),
    "store_copy": ("STORE_COPY", "on purpose: start the original again, or let this one take over (docs/backup.md)"),
    "lease": ("LEASE_LOST", "it is renewed again by itself; if it stays, look at the database and the way to it"),
    "stored_key": ("KEY_NOT_STORED", "store the right key: `terrace secret set`"),
    "certificate": ("CERTIFICATE", "renew the files of api.tls; they are read again by themselves"),
    "certificate_ends": ("CERTIFICATE", "renew the files of api.tls; they are read again by themselves"),
    "clock": ("CLOCK_JUMPED", "have the clock kept by NTP, and see to it that nobody sets it by hand"),
}


# --- accounts -------------------------------------------------------------------------------------


def _account(now: AccountNow, facts: Facts) -> Iterator[Degraded]:
    name, condition = now.settings.name, now.condition
    if f"account/{name}" in {trouble.name for trouble in facts.condition.broken}:
        return
    if condition is not None and condition.circuit != "closed":
        yield Degraded(
            code="ACCOUNT_CIRCUIT_OPEN",
            subject=name,
            message=f"{now.reason}; exits wait at the front, entries queue",
            remedy=f"it is tried again by itself; `terrace account check {name}` says what is wrong",
            since_ms=_raised(facts, f"circuit:{name}"),
        )
    elif condition is not None and condition.is_key_refused:
        yield Degraded(
            code="ACCOUNT_KEY_REFUSED",
            subject=name,
            message=f"{now.reason}; nothing is sent, exits neither",
            remedy=f"`terrace account check {name}` says why; a key stored by `terrace secret set` is taken at once, "
            "one in a file or variable after a restart of the daemon",
            since_ms=_raised(facts, f"key_refused:{name}"),
        )
    elif now.state == pb.ACCOUNT_STATE_DISCONNECTED:
        yield Degraded(
            code="ACCOUNT_UNREACHABLE",
            subject=name,
            message=now.reason,
            remedy=f"`terrace account check {name}` says what is wrong",
            since_ms=_raised(facts, f"unreachable:{name}"),
        )
    elif now.state == pb.ACCOUNT_STATE_RECONCILING:
        yield Degraded(
            code="ACCOUNT_RECONCILING",
            subject=name,
            message=now.reason or "it is compared with the exchange; entries wait until that is done",
            remedy="wait",
        )
    elif now.state == pb.ACCOUNT_STATE_DEGRADED and "differs" in now.reason:
        yield Degraded(
            code="ACCOUNT_DIFFERS", subject=name, message=now.reason, remedy=f"`terrace account drift {name}`"
        )
    away = [stream for stream, is_up, _ in condition.streams if not is_up] if condition is not None else []
    if away and now.state != pb.ACCOUNT_STATE_RECONCILING:
        yield Degraded(
            code="STREAM_DOWN",
            subject=name,
            message=f"no stream of {', '.join(away)}: it is asked for every few seconds instead",
            remedy="it connects again by itself",
            since_ms=_raised(facts, f"stream:{name}"),
        )


def _raised(facts: Facts, alert_key: str) -> int | None:
    alert = facts.snapshot.alerts.get(alert_key)
    return alert.first_time_ms if alert is not None else None


def _prices(facts: Facts) -> Iterator[Degraded]:
    """Symbols whose price is too old, by account: entries on them wait, what would act at a price cannot."""
    for now in facts.accounts:
        name = now.settings.name
        keys = [key for key in facts.snapshot.alerts if key.startswith(f"quote_age:{name}:")]
        if keys:
            symbols = sorted(key.split(":", 2)[2] for key in keys)
            shown = ", ".join(symbols[:MAX_SYMBOLS])
            more = f" and {len(symbols) - MAX_SYMBOLS} more" if len(symbols) > MAX_SYMBOLS else ""
            yield Degraded(
                code="PRICE_STALE",
                subject=name,
                message=f"prices are too old: {shown}{more}; entries on them wait, and nothing is done at a price",
                remedy="it ends with the next price; `terrace account check` says whether the exchange answers",
                since_ms=min(facts.snapshot.alerts[key].first_time_ms for key in keys),
            )


# --- held back ------------------------------------------------------------------------------------


def _limits(facts: Facts) -> Iterator[Degraded]:
    standing = standing_of(facts.snapshot, facts.world)
    if standing.causes:
        yield Degraded(
            code="LIMIT_BREACHED",
            subject=facts.world.value,
            message=limit_reason(standing),
            remedy=limit_lift(standing),
            since_ms=min(cause.set_time_ms for cause in standing.causes),
        )


def _pauses(facts: Facts) -> Iterator[Degraded]:
    switches = {name: value for (world, name), value in facts.snapshot.switches.items() if world is facts.world}
    for name, value in sorted(switches.items()):
        what, _, account = name.partition(":")
        if what != "paused" or not value:
            continue
        words = "paused by close-all" if value == CLOSE_ALL else why_paused(value, account)
        option = f" --account {account}" if account else ""
        yield Degraded(
            code="ACCOUNT_PAUSED" if account else "ENGINE_PAUSED",
            subject=account or facts.world.value,
            message=f"{words}: entries wait, exits, targets and stops work on",
            remedy=f"`terrace engine resume{option}`",
            since_ms=facts.switch_times.get(name),
        )


def _read_only(facts: Facts) -> Iterable[Degraded]:
    if facts.is_read_only:
        yield Degraded(
            code="READ_ONLY",
            message="the configuration says read-only: no command is taken, of alerts only exits and reduces",
            remedy="set engine.mode to normal in the configuration file",
            since_ms=facts.condition.read_only_since_ms,
        )
