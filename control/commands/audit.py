"""`terrace audit`: verify."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from control.exits import ExitCode
from control.options import Output, noun
from control.printer import Format, pairs
from control.session import Session, session

if TYPE_CHECKING:
    from protos.terrace.v1 import record_pb2 as pb

app = noun("Verify the audit trail.")

SLOW_TIMEOUT_S = 300.0
PART = 100_000
"""Events of one question, so that a person sees how far it is."""


@app.callback()
def _audit() -> None:
    """Verify the audit trail."""


@app.command("verify")
def verify(
    ctx: typer.Context,
    start: Annotated[int, typer.Option("--from", min=0, metavar="N", help="First event; 0: the oldest.")] = 0,
    end: Annotated[int, typer.Option("--to", min=0, metavar="N", help="Last event; 0: the newest.")] = 0,
    output: Output = Format.TABLE,
) -> None:
    """Check that no event of the audit trail was changed, removed, put in or moved. Exits 1 if one was.

    Names the first that does not fit. Without a running daemon: `terraced audit verify`.

    \b
    Examples:
      terrace audit verify
      terrace audit verify --from 120000 -o json
    """
    run = session(ctx)
    answer = _in_parts(run, start, end) if sys.stderr.isatty() else _ask(run, start, end)
    run.emit(
        answer,
        output,
        lambda: pairs(
            [
                ("whole", "yes" if answer.valid else "NO"),
                ("checked", answer.checked_count),
                ("broken at", answer.broken_sequence or ""),
                ("note" if answer.valid else "found", answer.message),
                ("last hash", answer.last_hash),
            ]
        ),
    )
    if not answer.valid:
        raise typer.Exit(ExitCode.FAILED)


def _ask(run: Session, start: int, end: int) -> pb.VerifyAuditTrailResponse:
    from protos.terrace.v1 import record_pb2

    return run.call(
        record_pb2.VerifyAuditTrailRequest(start_sequence=start, end_sequence=end),
        record_pb2.VerifyAuditTrailResponse,
        timeout_s=run.flags.timeout_s or SLOW_TIMEOUT_S,
    )


def _in_parts(run: Session, start: int, end: int) -> pb.VerifyAuditTrailResponse:
    """The same in several questions, with a word about how far it is after each. Each begins where the one before
    ended; the last has no end, so that a cut tail is found."""
    newest = end or _newest(run)
    checked, place, note = 0, start, ""
    while newest - place > PART:
        part = _ask(run, place, place + PART)
        checked += part.checked_count
        note = note or part.message
        part.checked_count = checked
        if not part.valid:
            return part
        place += PART + 1
        sys.stderr.write(f"\rchecked up to event {place - 1} of {newest}")
        sys.stderr.flush()
    last = _ask(run, place, end)
    sys.stderr.write("\r\033[K")
    last.checked_count += checked
    last.message = last.message or note
    return last


def _newest(run: Session) -> int:
    """Sequence of the newest event."""
    from protos.terrace.v1 import record_pb2

    found = run.call(record_pb2.ListEventsRequest(page_size=1), record_pb2.ListEventsResponse)
    return found.events[0].sequence if found.events else 0
