"""`terrace diag`: dump."""

from __future__ import annotations

import typer

from control.options import Output, noun
from control.printer import Format
from control.session import session

app = noun("Diagnostics of the running daemon.")


@app.callback()
def _diag() -> None:
    """Diagnostics of the running daemon."""


@app.command("dump")
def dump(ctx: typer.Context, output: Output = Format.TABLE) -> None:
    """Print threads, actors, mailboxes and settings of the running daemon, without secrets.

    \b
    Examples:
      terrace diag dump > diagnostics.json
    """
    from protos.terrace.v1 import maintenance_pb2 as pb

    run = session(ctx)
    answer = run.call(pb.DumpDiagnosticsRequest(), pb.DumpDiagnosticsResponse)
    run.emit(answer, output, lambda: answer.json)
