"""`terrace audit`: verify."""

from __future__ import annotations

from typing import Annotated

import typer

from control.exits import ExitCode
from control.options import Output, noun
from control.printer import Format, pairs
from control.session import session

app = noun("Verify the audit trail.")

SLOW_TIMEOUT_S = 300.0


@app.callback()
def _audit() -> None:
    """Verify the audit trail."""


@app.command("verify")
def verify(
    ctx: typer.Context,
    start: Annotated[int, typer.Option("--from", min=0, metavar="N", help="First entry; 0: the oldest.")] = 0,
    end: Annotated[int, typer.Option("--to", min=0, metavar="N", help="Last entry; 0: the newest.")] = 0,
    output: Output = Format.TABLE,
) -> None:
    """Check that no entry of the audit trail was changed or removed. Exits 1 if one was.

    \b
    Examples:
      terrace audit verify
    """
    from protos.terrace.v1 import record_pb2 as pb

    run = session(ctx)
    answer = run.call(
        pb.VerifyAuditTrailRequest(start_sequence=start, end_sequence=end),
        pb.VerifyAuditTrailResponse,
        timeout_s=run.flags.timeout_s or SLOW_TIMEOUT_S,
    )
    run.emit(
        answer,
        output,
        lambda: pairs(
            [
                ("whole", "yes" if answer.valid else "NO"),
                ("checked", answer.checked_count),
                ("broken at", answer.broken_sequence or ""),
                ("found", answer.message),
                ("last hash", answer.last_hash),
            ]
        ),
    )
    if not answer.valid:
        raise typer.Exit(ExitCode.FAILED)
