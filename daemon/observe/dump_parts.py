"""The parts of the diagnostic dump: who is asked, and what is told of it. Maps stay flat: the masker goes six deep."""

from __future__ import annotations

import asyncio
import os
import platform
import resource
import shutil
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from actors.messages import AccountChanged, AccountCondition
from actors.rules.records import DriftState
from actors.runtime import kind_of
from actors.view import Alert, Snapshot
from daemon.api.account_states import describe_all
from daemon.api.engine import Engine
from daemon.api.status import parts_now
from daemon.config.daemon_settings import DaemonSettings
from daemon.config.load import LoadedConfig
from daemon.config.reload import flatten
from daemon.observe import dump
from daemon.observe.account_watch import AccountWatch
from daemon.observe.diagnostics import Part
from daemon.observe.metrics import Metrics
from daemon.observe.tail import Line
from daemon.store.refused import StoreRefused
from daemon.store.tools import Checked
from protos.terrace.v1 import types_pb2

LOG_LINES = 500
MAX_EVENTS = 200
MAX_ACTORS = 1_000
MAX_ALERTS = 200
STORE_LIMIT_S = 2.0
LIBRARIES = (
    "aiohttp",
    "apprise",
    "ccxt",
    "cryptography",
    "grpcio",
    "keyring",
    "opentelemetry-api",
    "opentelemetry-sdk",
    "orjson",
    "peewee",
    "polars",
    "prometheus_client",
    "protobuf",
    "psycopg",
    "pydantic",
    "pykka",
    "ruamel.yaml",
    "structlog",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where the parts come from."""

    engine: Engine
    config: Callable[[], LoadedConfig]
    depths: Callable[[], Mapping[str, int]]
    dropped: Callable[[], int]
    """Tells of actors whose life was over."""
    lines: Callable[[int], list[Line]]
    """The newest lines of the log, oldest first."""
    log_lines_lost: Callable[[], int]
    metrics: Metrics
    accounts: AccountWatch
    check_store: Callable[..., Checked | StoreRefused]


def parts_of(sources: Sources) -> dict[str, Part]:
    """All parts by name, in the order of the dump."""
    engine = sources.engine
    return {
        "versions": _of(lambda: _versions(engine.version)),
        "process": _of(_process),
        "condition": _of(lambda: _condition(engine)),
        "engine": partial(_parts_of_engine, engine),
        "actors": _of(lambda: _actors(sources.depths(), sources.dropped())),
        "threads": _of(lambda: {name: stack.splitlines() for name, stack in dump.threads().items()}),
        "accounts": partial(_accounts, engine),
        "accounts_seen": _of(lambda: {name: _seen(told) for name, told in sources.accounts.seen.items()}),
        "groups": _of(lambda: _groups(engine.view.current)),
        "alerts": _of(lambda: _alerts(engine.view.current)),
        "drifts": _of(lambda: _drifts(engine.view.current)),
        "store": partial(_store, sources.check_store),
        "disk": _of(lambda: _disk(sources.config().daemon)),
        "limits": _of(_limits),
        "config": _of(lambda: _config(sources.config())),
        "metrics": partial(asyncio.to_thread, lambda: sources.metrics.text().decode().splitlines()),
        "log": _of(lambda: sources.lines(LOG_LINES)),
        "log_lines_lost": _of(sources.log_lines_lost),
    }


def _of(look: Callable[[], Any]) -> Part:
    async def part() -> Any:
        return look()

    return part


# --- program and process --------------------------------------------------------------------------


def _versions(terrace: str) -> dict[str, str]:
    found = {"terrace": terrace, "python": sys.version.split()[0], "sqlite": sqlite3.sqlite_version}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return {**found, "system": f"{platform.system()} {platform.release()} {platform.machine()}"}


def _process() -> dict[str, Any]:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "pid": os.getpid(),
        "threads": threading.active_count(),
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 3),
        "peak_resident_kib": usage.ru_maxrss,
        "open_files": _count(Path("/proc/self/fd")),
        "switch_interval_s": sys.getswitchinterval(),
        "cpus": os.cpu_count(),
        "load": list(os.getloadavg()),
    }


def _count(folder: Path) -> int | None:
    try:
        return len(list(folder.iterdir()))
    except OSError:
        return None


def _limits() -> dict[str, list[int]]:
    names = ("RLIMIT_NOFILE", "RLIMIT_AS", "RLIMIT_NPROC", "RLIMIT_CORE", "RLIMIT_FSIZE", "RLIMIT_STACK")
    return {
        name.removeprefix("RLIMIT_").lower(): list(resource.getrlimit(getattr(resource, name)))
        for name in names
        if hasattr(resource, name)
    }


def _disk(daemon: DaemonSettings) -> dict[str, dict[str, int]]:
    found = {}
    folders = {"data_dir": daemon.data_dir, "log": daemon.logging.file.parent, "backup": daemon.backup.directory}
    for name, folder in folders.items():
        try:
            usage = shutil.disk_usage(folder)
        except OSError:
            continue
        found[name] = {"free_bytes": usage.free, "total_bytes": usage.total}
    try:
        files = [path for path in daemon.data_dir.iterdir() if path.is_file()]
        found["files"] = {path.name: path.stat().st_size for path in files[:100]}
    except OSError:
        pass
    return found


# --- engine ---------------------------------------------------------------------------------------


def _condition(engine: Engine) -> dict[str, Any]:
    condition, snapshot = engine.condition, engine.view.current
    return {
        "phase": condition.phase,
        "start_time_ms": condition.start_time_ms,
        "in_flight": engine.in_flight.count,
        "store_ok": snapshot.store_ok,
        "store_error": snapshot.store_error,
        "last_sequence": snapshot.last_sequence,
        "broken": [f"{trouble.name}: {trouble.words} (since {trouble.since_ms})" for trouble in condition.broken],
        "accounts_not_traded": {**engine.unbuilt, **engine.broken},
        "switches": {f"{world.value}/{name}": value for (world, name), value in snapshot.switches.items()},
    }


async def _parts_of_engine(engine: Engine) -> dict[str, Any]:
    """What the supervisor says: who does not run, and what went wrong last."""
    now = await parts_now(engine)
    if now is None:
        return {"failed": "the supervisor does not answer"}
    return {
        "store": _plain(now.store, ("ok", "on_reserve", "is_slow", "error", "since_ms")),
        "not_running": [
            _plain(part, ("key", "names", "state", "error", "since_ms", "restart_ms")) for part in now.parts
        ],
    }


def _actors(depths: Mapping[str, int], dropped: int) -> dict[str, Any]:
    kinds: dict[str, int] = {}
    for name in depths:
        kinds[kind_of(name)] = kinds.get(kind_of(name), 0) + 1
    fullest = sorted(depths.items(), key=lambda item: -item[1])[:MAX_ACTORS]
    return {"alive": kinds, "mailboxes": dict(fullest), "tells_dropped": dropped}


async def _accounts(engine: Engine) -> dict[str, Any]:
    found = await describe_all(engine, list(engine.settings().accounts.values()))
    return {
        now.settings.name: {
            "state": types_pb2.AccountState.Name(now.state),
            "reason": now.reason,
            "exchange": now.settings.exchange,
            "world": now.settings.world.value,
            "compared_ms": now.compared_ms,
            "assets": len(now.balances),
            "positions": len(now.positions),
            **_of_condition(now.condition),
        }
        for now in found
    }


def _seen(told: AccountChanged) -> dict[str, Any]:
    """What an account said when it was asked last, in case it does not answer any more."""
    return {"ready": told.ready, "detail": told.detail, **_of_condition(told.condition)}


def _of_condition(condition: AccountCondition | None) -> dict[str, Any]:
    if condition is None:
        return {}
    return {
        "streams": {name: f"{'up' if is_up else 'down'} {words}".strip() for name, is_up, words in condition.streams},
        "budget": {name: f"{used} of {limit}" for name, used, limit in condition.windows},
        **_plain(
            condition,
            (
                "circuit",
                "retry_ms",
                "blocked_until_ms",
                "clock_offset_ms",
                "open_orders",
                "waiting",
                "unknown_orders",
                "is_failing",
            ),
        ),
    }


def _groups(snapshot: Snapshot) -> dict[str, Any]:
    states: dict[str, int] = {}
    for group in snapshot.live():
        name = f"{group.world.value} {group.state.value}"
        states[name] = states.get(name, 0) + 1
    return {"live": states, "queued": len(snapshot.queued), "recent_signals": len(snapshot.signals)}


def _alerts(snapshot: Snapshot) -> list[dict[str, Any]]:
    names = ("alert_key", "severity", "message", "first_time_ms", "last_time_ms", "count", "acknowledged_by", "account")
    newest: Iterable[Alert] = sorted(snapshot.alerts.values(), key=lambda alert: alert.last_time_ms)[-MAX_ALERTS:]
    return [_plain(alert, names) for alert in newest]


def _drifts(snapshot: Snapshot) -> list[dict[str, Any]]:
    names = ("drift_id", "account", "symbol", "kind", "subject", "group_id", "state")
    still = [drift for drift in snapshot.drifts.values() if drift.state is DriftState.OPEN]
    return [_plain(drift, names) for drift in still[-MAX_EVENTS:]]


async def _store(check: Callable[..., Checked | StoreRefused]) -> dict[str, Any]:
    found = await asyncio.to_thread(check, full=False, limit_s=STORE_LIMIT_S)
    if isinstance(found, StoreRefused):
        return {"problems": [found.problem]}
    names = ("engine", "engine_version", "schema", "pending", "unknown", "size_bytes", "finished", "problems")
    return _plain(found, names)


def _config(config: LoadedConfig) -> dict[str, Any]:
    """By dotted key. References to secrets are shown, what they refer to is not known here."""
    return {"file": config.daemon.config_path.name, "keys": flatten(config.effective), "warnings": config.warnings}


def _plain(value: Any, names: Iterable[str]) -> dict[str, Any]:
    return {name: getattr(value, name) for name in names}
