"""What the panel shows, made from the daemon's answers. Pure: messages in, HTML out, every value escaped."""

from __future__ import annotations

from html import escape

from protos.terrace.v1.engine_pb2 import Status
from protos.terrace.v1.types_pb2 import EngineState


def overview(status: Status) -> str:
    """One screen: state of the engine, live groups of the pool, queued signals."""
    state = EngineState.Name(status.state).removeprefix("ENGINE_STATE_")
    rows = (
        ("Engine", state if not status.state_reason else f"{state}: {status.state_reason}"),
        ("Live groups", f"{status.live_groups} of {status.max_open_groups}"),
        ("Queued signals", str(status.queued_signals)),
        ("Unrealized", status.unrealized_pnl),
        ("Realized", status.realized_pnl),
    )
    cells = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in rows)
    return f"<table class='terrace'>{cells}</table>"


def unreachable(reason: str) -> str:
    """The same screen while the daemon does not answer."""
    return f"<p class='terrace'><b>The daemon does not answer.</b> {escape(reason)}</p>"
