"""What is written when a difference is found, decided about or gone: its row, its alert, its event (LOG-5)."""

from __future__ import annotations

from actors.rules.choices import World
from actors.rules.records import AddEvent, DriftState, RaiseAlert, ResolveAlert, Row, SaveDrift


def alert_key(drift: SaveDrift) -> str:
    return f"drift:{drift.account}:{drift.subject}"


def rows_of(drift: SaveDrift, world: World, now_ms: int) -> list[Row]:
    is_open = drift.state is DriftState.OPEN
    words = f"{drift.account}: {drift.message}"
    event = AddEvent(
        time_ms=now_ms,
        severity="error" if is_open else "info",
        category="exchange",
        type=f"gateway.drift_{drift.state.value}",
        message=words,
        world=world,
        account=drift.account,
        symbol=drift.symbol,
        group_id=drift.group_id,
        client_order_id=drift.client_order_id,
        attributes={"drift_id": drift.drift_id, "kind": drift.kind.value, "who": drift.who},
    )
    if not is_open:
        return [drift, ResolveAlert(alert_key=alert_key(drift), time_ms=now_ms), event]
    alert = RaiseAlert(
        alert_key=alert_key(drift),
        time_ms=now_ms,
        severity="error",
        category="exchange",
        message=f"{words} (`terrace account resolve {drift.drift_id}`)",
        account=drift.account,
        symbol=drift.symbol,
        group_id=drift.group_id,
    )
    return [drift, alert, event]
