"""`terrace status`."""

from __future__ import annotations

from typing import Any

import typer

from control.options import CONTEXT, Output, World
from control.overview import Overview, fetch, fetch_all
from control.printer import Column, Format, clean, table, word
from control.repeat import watchable
from control.session import session, world_value

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)

QUEUE_ROWS = 10


@app.command("status", context_settings=CONTEXT)
@watchable
def status(ctx: typer.Context, world: World = None, output: Output = Format.TABLE) -> None:
    """Show the engine on one screen: state, alerts, groups, queue.

    \b
    Examples:
      terrace status
      terrace status -o json
    """
    run = session(ctx)
    found = [fetch(run, world_value(world), full=False)] if world else fetch_all(run)
    values: dict[str, Any] = found[0].plain() if len(found) == 1 else {"worlds": [each.plain() for each in found]}
    wide = output is Format.WIDE
    run.emit(values, output, lambda: "\n\n".join(overview_text(each, wide=wide) for each in found))


def overview_text(overview: Overview, *, wide: bool) -> str:
    """One world as text. Alerts stand first: they must not scroll away."""
    from control.commands.engine import status_text
    from control.commands.group import COLUMNS as GROUP_COLUMNS
    from control.commands.queue import COLUMNS as QUEUE_COLUMNS

    parts = []
    if overview.alerts:
        parts.append("\n".join(["ALERTS", table(overview.alerts, ALERT_COLUMNS)]))
    parts.append(status_text(overview.status, wide=wide))
    if overview.groups:
        parts.append("\n".join(["GROUPS", table(overview.groups, GROUP_COLUMNS, wide=wide)]))
    if overview.queued:
        more = overview.status.queued_signals - QUEUE_ROWS
        tail = [f"... and {more} more: terrace queue list"] if more > 0 else []
        parts.append("\n".join(["QUEUE", table(overview.queued[:QUEUE_ROWS], QUEUE_COLUMNS, wide=wide), *tail]))
    return "\n\n".join(parts)


ALERT_COLUMNS: list[Column[Any]] = [
    Column(title="ALERT", value=lambda row: row.alert_id),
    Column(title="SEVERITY", value=lambda row: word(row, "severity")),
    Column(title="TYPE", value=lambda row: row.type),
    Column(title="MESSAGE", value=lambda row: clean(row.message), free=True),
]
