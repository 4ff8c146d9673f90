"""What the panel shows, made from the daemon's answers. Pure: messages in, HTML out, every value escaped."""

from __future__ import annotations

from html import escape

from protos.terrace.v1.engine_pb2 import Status
from protos.terrace.v1.types_pb2 import ACCOUNT_STATE_READY, AccountState, EngineState, World


def overview(status: Status) -> str:
    """One world: state of the engine, live groups of the pool, queued signals, accounts that are not ready."""
    state = EngineState.Name(status.state).removeprefix("ENGINE_STATE_")
    world = World.Name(status.world).removeprefix("WORLD_").lower()
    rows = [
        ("World", world.replace("unspecified", "")),
        ("Engine", state if not status.state_reason else f"{state}: {status.state_reason}"),
        ("Live groups", f"{status.live_groups} of {status.max_open_groups}"),
        ("Queued signals", str(status.queued_signals)),
        ("Unrealized", status.unrealized_pnl),
        ("Realized", status.realized_pnl),
    ]
    for account in status.accounts:
        if account.state != ACCOUNT_STATE_READY:
            name = AccountState.Name(account.state).removeprefix("ACCOUNT_STATE_").lower()
            rows.append((f"Account {account.account}", f"{name}: {account.state_reason}".removesuffix(": ")))
    cells = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in rows)
    return f"<table class='terrace'>{cells}</table>"


def unreachable(reason: str) -> str:
    """The same screen while the daemon does not answer."""
    return f"<p class='terrace'><b>The daemon does not answer.</b> {escape(reason)}</p>"
