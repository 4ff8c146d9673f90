"""`terrace queue`: list, promote, force-add, remove."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from control import complete
from control.commands.signal import signal_text
from control.exits import ExitCode
from control.options import Account, DryRun, Limit, Output, RequestId, Symbol, World, Yes, noun
from control.printer import Column, Format, table, when, word
from control.repeat import watchable
from control.session import Session, Stop, new_request_id, session, world_value

app = noun("Show and change the queue of waiting signals.")

NO_QUEUED = "nothing waits: every signal that came was opened or turned away (terrace signal list says which)"

SignalId = Annotated[
    str, typer.Argument(metavar="SIGNAL", help="The queued signal's id.", autocompletion=complete.queued)
]


@app.command("list")
@watchable
def list_queued(
    ctx: typer.Context,
    account: Account = "",
    symbol: Symbol = "",
    world: World = None,
    limit: Limit = 0,
    output: Output = Format.TABLE,
) -> None:
    """Show waiting signals by rank, with why they wait.

    \b
    Examples:
      terrace queue list
      terrace queue list -o wide
      terrace queue list -o json
    """
    from protos.terrace.v1 import queue_pb2 as pb

    run = session(ctx)
    chosen = world_value(world)
    request = pb.ListQueuedSignalsRequest(account=account, symbol=symbol, world=chosen)
    answer = run.pages(request, pb.ListQueuedSignalsResponse, limit=limit)
    run.emit(answer, output, lambda: table(answer.queued_signals, COLUMNS, wide=output is Format.WIDE, none=NO_QUEUED))


@app.command("promote")
def promote(
    ctx: typer.Context,
    signal: SignalId,
    dry_run: DryRun = False,
    request_id: RequestId = "",
    output: Output = Format.TABLE,
) -> None:
    """Open a queued signal now, before its turn. Needs a free slot.

    \b
    Examples:
      terrace queue promote 01J9ZK3V8T
    """
    from protos.terrace.v1 import queue_pb2 as pb

    run = session(ctx)
    request = pb.PromoteQueuedSignalRequest(
        signal_id=signal, request_id=new_request_id(request_id), validate_only=dry_run
    )
    answer = run.call(request, pb.PromoteQueuedSignalResponse)
    run.emit(answer, output, lambda: signal_text(answer.signal))


@app.command("force-add")
def force_add(
    ctx: typer.Context,
    signal: SignalId,
    ignore_exposure: Annotated[
        bool, typer.Option("--ignore-exposure", help="Ignore the exposure limit too, not only the pool's.")
    ] = False,
    ignore_limits: Annotated[
        bool, typer.Option("--ignore-limits", help="Though a loss limit is breached or the key rests after a loss.")
    ] = False,
    yes: Yes = False,
    dry_run: DryRun = False,
    request_id: RequestId = "",
    output: Output = Format.TABLE,
) -> None:
    """Open a queued signal now, over the pool's limit.

    \b
    Examples:
      terrace queue force-add 01J9ZK3V8T
      terrace queue force-add 01J9ZK3V8T --ignore-exposure --yes
    """
    from protos.terrace.v1 import queue_pb2 as pb

    run = session(ctx)
    request = pb.ForceAddQueuedSignalRequest(
        signal_id=signal,
        ignore_exposure=ignore_exposure,
        ignore_limits=ignore_limits,
        request_id=new_request_id(request_id),
        validate_only=dry_run,
    )
    _ask(run, signal, "Open over the pool's limit", yes=yes or dry_run)
    answer = run.call(request, pb.ForceAddQueuedSignalResponse)
    run.emit(answer, output, lambda: signal_text(answer.signal))


@app.command("remove")
def remove(
    ctx: typer.Context,
    signal: SignalId,
    yes: Yes = False,
    dry_run: DryRun = False,
    request_id: RequestId = "",
    output: Output = Format.TABLE,
) -> None:
    """Take a signal out of the queue for good.

    \b
    Examples:
      terrace queue remove 01J9ZK3V8T
    """
    from protos.terrace.v1 import queue_pb2 as pb

    run = session(ctx)
    request = pb.RemoveQueuedSignalRequest(
        signal_id=signal, request_id=new_request_id(request_id), validate_only=dry_run
    )
    _ask(run, signal, "Remove", yes=yes or dry_run)
    answer = run.call(request, pb.RemoveQueuedSignalResponse)
    run.emit(answer, output, lambda: signal_text(answer.signal))


def _ask(run: Session, signal_id: str, what: str, *, yes: bool) -> None:
    """Asks, naming the entry, its account and its world."""
    from protos.terrace.v1 import queue_pb2 as pb

    if yes:
        return
    waiting = run.pages(pb.ListQueuedSignalsRequest(), pb.ListQueuedSignalsResponse, limit=0).queued_signals
    found = next((entry for entry in waiting if entry.signal_id == signal_id), None)
    if found is None:
        raise Stop(f"no signal {signal_id} in the queue", ExitCode.NOT_FOUND)
    line = f"{found.symbol} {found.timeframe} {word(found, 'side')} at {found.entry_price or 'the mark'}"
    world = word(found, "world").upper() or "?"
    run.confirm(f"{what}: signal {signal_id} ({line}) on {found.account} ({world})?", yes=False)


COLUMNS: list[Column[Any]] = [
    Column(title="RANK", value=lambda row: row.rank, right=True),
    Column(title="SIGNAL", value=lambda row: row.signal_id),
    Column(title="WORLD", value=lambda row: word(row, "world"), wide=True),
    Column(title="ACCOUNT", value=lambda row: row.account),
    Column(title="SYMBOL", value=lambda row: row.symbol),
    Column(title="TF", value=lambda row: row.timeframe),
    Column(title="SIDE", value=lambda row: word(row, "side")),
    Column(title="PRICE", value=lambda row: row.entry_price, right=True),
    Column(title="MARK", value=lambda row: row.mark_price, right=True, wide=True),
    Column(title="LOSS %", value=lambda row: row.loss_percent, right=True),
    Column(title="REPLACED", value=lambda row: row.replacement_count, right=True),
    Column(title="EXPECTED", value=lambda row: row.expected_profit, right=True),
    Column(title="SINCE", value=lambda row: when(row, "first_queue_time") or when(row, "queue_time")),
    Column(
        title="WAITS FOR",
        value=lambda row: row.wait_detail.partition("; lifted by ")[0] or row.wait_reason,
        free=True,
    ),
    Column(
        title="WHY THIS RANK",
        value=lambda row: ", ".join(f"{reason.rule} {reason.value}".strip() for reason in row.rank_reasons),
        wide=True,
    ),
]
