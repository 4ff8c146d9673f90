"""`terrace doctor`."""

from __future__ import annotations

from typing import Any

import typer

from control.exits import ExitCode
from control.options import CONTEXT, Output
from control.printer import Column, Format, say, table
from control.repeat import watchable
from control.session import session

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command("doctor", context_settings=CONTEXT)
@watchable
def doctor(ctx: typer.Context, output: Output = Format.TABLE) -> None:
    """Check configuration, token, daemon, forwarder, clock, disk and spool; each trouble with its remedy.

    Exits 1 if something is wrong. Warnings alone exit 0.

    \b
    Examples:
      terrace doctor
      terrace doctor -o json
    """
    from control.health import FAILED, examine

    run = session(ctx)
    checks = examine(run.flags)
    run.emit({"checks": [check.plain() for check in checks]}, output, lambda: table(checks, COLUMNS))
    if output in (Format.TABLE, Format.WIDE):
        for check in checks:
            if check.remedy:
                say(f"  {check.name}: {check.remedy}")
    if any(check.result == FAILED for check in checks):
        raise typer.Exit(ExitCode.FAILED)


COLUMNS: list[Column[Any]] = [
    Column(title="CHECK", value=lambda row: row.name),
    Column(title="RESULT", value=lambda row: row.result.lower() if row.result != "FAILED" else row.result),
    Column(title="FOUND", value=lambda row: row.found, free=True),
]
