"""`terrace diag`: dump, memory."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from control.exits import ExitCode
from control.options import Output, noun
from control.printer import Column, Format, pairs, table
from control.session import Stop, session

if TYPE_CHECKING:
    from protos.terrace.v1 import maintenance_pb2 as pb

app = noun("Diagnostics of the running daemon.")

DUMP_TIMEOUT_S = 30.0
ROOM_S = 15.0
MAX_WATCH_S = 60
MAX_PLACES = 200


@app.callback()
def _diag() -> None:
    """Diagnostics of the running daemon."""


@app.command("dump")
def dump(
    ctx: typer.Context,
    file: Annotated[
        Path | None,
        typer.Option("--file", "-f", metavar="FILE", help="Where to, - for standard output; else a new file here."),
    ] = None,
    output: Output = Format.TABLE,
) -> None:
    """Write what is known of the running daemon into one file that can be sent to somebody who helps.

    Versions, config, threads, actors and mailboxes, last errors, alerts, accounts' states, store, disk, metrics and the
    newest log lines, as JSON, without secrets. It also comes while the engine is degraded.

    \b
    Examples:
      terrace diag dump
      terrace diag dump --file - | jq .engine
    """
    from protos.terrace.v1 import maintenance_pb2 as pb

    run = session(ctx)
    answer = run.call(
        pb.DumpDiagnosticsRequest(), pb.DumpDiagnosticsResponse, timeout_s=run.flags.timeout_s or DUMP_TIMEOUT_S
    )
    if str(file) == "-":
        typer.echo(answer.json)
        return
    path = file or Path(f"terrace-diagnostics-{_stamp(answer)}.json")
    try:
        with open(path, "x" if file is None else "w", encoding="utf-8", opener=_only_mine) as opened:
            opened.write(answer.json)
    except OSError as error:
        raise Stop(f"{path} cannot be written: {error.strerror}", ExitCode.FAILED) from error
    answer.ClearField("json")
    size = path.stat().st_size
    run.emit(answer, output, lambda: pairs([("file", str(path)), ("bytes", size)]))


@app.command("memory")
def memory(
    ctx: typer.Context,
    seconds: Annotated[
        int, typer.Option(min=0, max=MAX_WATCH_S, help="Watch allocations for so long; 0: only what is held now.")
    ] = 0,
    most: Annotated[int, typer.Option(min=1, max=MAX_PLACES, help="Places to show.")] = 25,
    output: Output = Format.TABLE,
) -> None:
    """Show what holds memory in the running daemon.

    Without --seconds: kinds of objects. With it: lines of code that were given memory meanwhile and still hold it; the
    daemon is slower for that time.

    \b
    Examples:
      terrace diag memory
      terrace diag memory --seconds 30 --most 10
    """
    from protos.terrace.v1 import maintenance_pb2 as pb

    run = session(ctx)
    request = pb.ProfileMemoryRequest(max_allocations=most)
    request.duration.FromSeconds(seconds)
    answer = run.call(request, pb.ProfileMemoryResponse, timeout_s=run.flags.timeout_s or seconds + ROOM_S)
    columns: tuple[Column[pb.Allocation], ...] = (
        Column(title="PLACE", value=lambda each: each.place),
        Column(title="BYTES", value=lambda each: each.size_bytes, right=True),
        Column(title="OBJECTS", value=lambda each: each.count, right=True),
    )
    run.emit(answer, output, lambda: f"resident {answer.resident_bytes} bytes\n{table(answer.allocations, columns)}")


def _stamp(answer: pb.DumpDiagnosticsResponse) -> str:
    return answer.create_time.ToDatetime(UTC).strftime("%Y%m%dT%H%M%SZ")


def _only_mine(path: str, flags: int) -> int:
    import os

    return os.open(path, flags, 0o600)
