"""What a daemon says on a store that was restored, or is a copy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from actors.rules.settings import Settings
from daemon.api.condition import Condition
from daemon.api.engine_service import STORE_RESTORED
from daemon.notes import Notes
from daemon.store.store import Boot

ALERT = STORE_RESTORED
COPY = "store_copy"


def tell_restored(boot: Boot, notes: Notes, condition: Condition) -> None:
    """At the first start on a restored store, in the event log and as an alert that ends with the resume, or the next
    start; of a copy as long as it runs."""
    if boot.copy_of:
        words = (
            f"this store is a copy of installation {boot.copy_of}, to look at: no account with real money is traded, "
            "no message and no heartbeat is sent"
        )
        condition.trouble(COPY, words)
    if boot.restored_from:
        words = (
            f"the store was restored from {boot.restored_from}: what happened since then is reconciled and "
            "new entries are paused until `terrace engine resume`; the daemon it came from must never run again"
        )
        notes.raise_alert(ALERT, "warning", "system", words)
    elif ended := notes.resolved_of_dead((ALERT,)):
        notes.commit(*ended)


def refuse_copy(copy_of: str) -> str:
    """Why an account with real money is not opened on a copy."""
    return f"this store is a copy of installation {copy_of}: it would use that one's money and orders"


def silent(settings: Callable[[], Settings], copy_of: str) -> Callable[[], Settings]:
    """What a copy tells by: nothing. Its messages would pass for the original's, and its heartbeat would say that the
    original lives.
    """
    if not copy_of:
        return settings

    def quiet() -> Settings:
        given = settings()
        return replace(given, notifications=(), alerts=replace(given.alerts, heartbeat_url=None))

    return quiet
