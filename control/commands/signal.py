"""`terrace signal`: send, list, show, replay, check."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from control.exits import ExitCode
from control.options import Account, DryRun, Limit, Output, RequestId, Symbol, Timeframe, World, noun
from control.printer import Column, Format, pairs, say, table, when, word
from control.repeat import watchable
from control.session import MAX_STDIN_BYTES, Session, Stop, new_request_id, session, world_value

if TYPE_CHECKING:
    from protos.terrace.v1 import common_pb2
    from protos.terrace.v1 import signal_pb2 as pb

app = noun("Send, show and check signals.")

NO_SIGNALS = (
    "no signal matches: none came since the store began, or the filters leave it out (terrace signal send sends one)"
)

FAULTY_BODY = frozenset({"INVALID_BODY", "FAULTY_BODY", "INVALID_SIGNAL", "MALFORMED"})
"""Reasons of a rejection that mean the body itself, not what it asks for."""

File = Annotated[str, typer.Argument(metavar="FILE|-", help="A file with the alert's JSON body; - for standard input.")]
SignalId = Annotated[str, typer.Argument(metavar="SIGNAL", help="The signal's id.")]
Source = Annotated[str, typer.Option(metavar="SOURCE", help="The source as the configuration names it.")]


class OutcomeName(StrEnum):
    """Outcomes as `signal list --outcome` takes them."""

    OPENED = "opened"
    PYRAMIDED = "pyramided"
    QUEUED = "queued"
    REPLACED = "replaced"
    EXITED = "exited"
    REDUCED = "reduced"
    REVERSED = "reversed"
    DEQUEUED = "dequeued"
    DUPLICATE = "duplicate"
    IGNORED = "ignored"
    REJECTED = "rejected"
    SUPERSEDED = "superseded"
    EXPIRED = "expired"
    EVICTED = "evicted"
    REMOVED = "removed"


@app.command("send")
def send(
    ctx: typer.Context,
    file: File,
    source: Source = "",
    request_id: RequestId = "",
    dry_run: DryRun = False,
    output: Output = Format.TABLE,
) -> None:
    """Send one alert to the engine and show what became of it.

    Your token authenticates; a secret in the body is dropped. Without --request-id copies are recognised by content.
    Exits 0 for every outcome but REJECTED and EXPIRED (6) and a faulty body (2).

    \b
    Examples:
      terrace signal send alert.json
      echo '{"tv": {...}}' | terrace signal send - -o json
      terrace signal send alert.json --source tradingview --dry-run
    """
    from protos.terrace.v1 import signal_pb2 as pb

    run = session(ctx)
    body = _read(file)
    request = pb.SubmitSignalRequest(
        source=source or _source_of(run, body), body=body, request_id=request_id, validate_only=dry_run
    )
    answer = run.call(request, pb.SubmitSignalResponse)
    run.emit(answer, output, lambda: signal_text(answer.signal))
    _exit_as_sent(answer.signal, output)


def _exit_as_sent(signal: pb.Signal, output: Format) -> None:
    """Every outcome is 0 but those that mean it was not taken."""
    from protos.terrace.v1 import types_pb2

    if signal.outcome not in (types_pb2.OUTCOME_REJECTED, types_pb2.OUTCOME_EXPIRED):
        return
    if output not in (Format.TABLE, Format.WIDE):
        why = f"{signal.reason} {signal.reason_detail}".strip()
        say(f"terrace: {word(signal, 'outcome')}: {why}")
    raise typer.Exit(ExitCode.USAGE if signal.reason in FAULTY_BODY else ExitCode.REFUSED)


@app.command("list")
@watchable
def list_signals(
    ctx: typer.Context,
    source: Source = "",
    account: Account = "",
    symbol: Symbol = "",
    timeframe: Timeframe = "",
    group: Annotated[str, typer.Option(metavar="GROUP", help="Only signals of this group.")] = "",
    outcome: Annotated[list[OutcomeName] | None, typer.Option(help="Only these outcomes; may be repeated.")] = None,
    world: World = None,
    limit: Limit = 50,
    output: Output = Format.TABLE,
) -> None:
    """Show stored signals, newest first.

    \b
    Examples:
      terrace signal list
      terrace signal list --outcome rejected --limit 20
      terrace signal list --symbol BTC/USDT -o json
    """
    from protos.terrace.v1 import signal_pb2 as pb

    run = session(ctx)
    request = pb.ListSignalsRequest(
        source=source,
        account=account,
        symbol=symbol,
        timeframe=timeframe,
        group_id=group,
        world=world_value(world),
        outcomes=[f"OUTCOME_{name.name}" for name in outcome or ()],
    )
    answer = run.pages(request, pb.ListSignalsResponse, limit=limit)
    run.emit(answer, output, lambda: table(answer.signals, COLUMNS, wide=output is Format.WIDE, none=NO_SIGNALS))


@app.command("show")
@watchable
def show(
    ctx: typer.Context,
    signal: SignalId,
    story: Annotated[
        bool | None,
        typer.Option("--story/--facts", help="Its story, or its stored facts and body. Else: the story on a terminal."),
    ] = None,
    output: Output = Format.TABLE,
) -> None:
    """Show one signal: why something was traded or nothing was, and everything on its way in the order of time.

    With --facts its stored fields, its body and the events about it.

    \b
    Examples:
      terrace signal show 01J9ZK3V8T
      terrace signal show 01J9ZK3V8T --story -o json
      terrace signal show 01J9ZK3V8T --facts
    """
    from protos.terrace.v1 import signal_pb2 as pb

    run = session(ctx)
    if story or (story is None and output in (Format.TABLE, Format.WIDE) and sys.stdout.isatty()):
        told = run.call(pb.GetSignalStoryRequest(signal_id=signal), pb.GetSignalStoryResponse)
        run.emit(told, output, lambda: _story(told, wide=output is Format.WIDE))
        return
    answer = run.call(pb.GetSignalRequest(signal_id=signal), pb.GetSignalResponse)
    run.emit(answer, output, lambda: _shown(answer))


@app.command("replay")
def replay(
    ctx: typer.Context,
    signal: SignalId,
    submit: Annotated[
        bool, typer.Option("--submit", help="Submit it as a new signal; without it nothing is done.")
    ] = False,
    request_id: RequestId = "",
    output: Output = Format.TABLE,
) -> None:
    """Show what the engine would do with a stored signal now, or with --submit send it as a new signal.

    The dry run names the ladder, the orders that would be sent and cancelled, and everything that stands in the way;
    nothing is reserved or stored. With --submit the exit code is that of `signal send`.

    \b
    Examples:
      terrace signal replay 01J9ZK3V8T
      terrace signal replay 01J9ZK3V8T --submit
    """
    from protos.terrace.v1 import signal_pb2 as pb

    run = session(ctx)
    request = pb.ReplaySignalRequest(
        signal_id=signal, submit=submit, request_id=new_request_id(request_id) if submit else request_id
    )
    answer = run.call(request, pb.ReplaySignalResponse)
    run.emit(
        answer,
        output,
        lambda: "\n\n".join(filter(None, [signal_text(answer.signal), _decisions(answer.decisions)])),
    )
    if submit:
        _exit_as_sent(answer.signal, output)


@app.command("check")
def check(ctx: typer.Context, file: File, source: Source = "", output: Output = Format.TABLE) -> None:
    """Show how a body is read, field by field, without sending it. Exits 2 if it would not be accepted.

    \b
    Examples:
      terrace signal check alert.json --source tradingview
      pbpaste | terrace signal check -
    """
    from protos.terrace.v1 import signal_pb2 as pb

    run = session(ctx)
    body = _read(file)
    request = pb.CheckSignalRequest(source=source or _source_of(run, body), body=body)
    answer = run.call(request, pb.CheckSignalResponse)
    run.emit(answer, output, lambda: table(answer.fields, READING_COLUMNS, wide=output is Format.WIDE))
    if not answer.valid:
        for problem in answer.signal.problems:
            say(f"  {problem.path or 'body'}: {problem.message or problem.reason}")
        raise Stop("this body would be rejected", ExitCode.USAGE)
    say("this body would be accepted")


def _read(file: str) -> bytes:
    """The body. What is too large is cut where the engine will certainly refuse it."""
    if file == "-":
        return sys.stdin.buffer.read(MAX_STDIN_BYTES)
    try:
        with Path(file).open("rb") as opened:
            return opened.read(MAX_STDIN_BYTES)
    except OSError as error:
        raise Stop(f"{file}: {error.strerror or error}", ExitCode.USAGE) from None


def _source_of(run: Session, body: bytes) -> str:
    """The only configured source, else the one the body names."""
    configured = list(run.config.section("sources"))
    if len(configured) == 1:
        return str(configured[0])
    try:
        named: Any = json.loads(body)
        found = named.get("source") if isinstance(named, dict) else None
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, str) and found and (not configured or found in configured):
        return found
    if not configured:
        return "tradingview"
    raise Stop(f"which source? --source {'|'.join(sorted(map(str, configured)))}", ExitCode.USAGE)


def signal_text(signal: pb.Signal) -> str:
    """One signal as facts."""
    facts = [
        ("signal", signal.signal_id or "(dry run)"),
        ("outcome", word(signal, "outcome").upper()),
        ("first outcome", word(signal, "first_outcome").upper()),
        ("reason", " ".join(filter(None, [signal.reason, signal.reason_detail]))),
        ("group", signal.group_id),
        ("pyramid", signal.pyramid_index if signal.HasField("pyramid_index") else ""),
        ("duplicate of", signal.duplicate_of_signal_id),
        ("replay of", signal.replay_of_signal_id),
        ("key", " ".join(filter(None, [signal.account, signal.symbol, signal.timeframe, signal.strategy]))),
        ("wants", " ".join(filter(None, [word(signal, "intent"), word(signal, "side")]))),
        ("entry price", signal.entry_price),
        ("source", signal.source),
        ("world", word(signal, "world")),
        ("sent", when(signal, "signal_time")),
        ("received", when(signal, "receive_time")),
        ("decided", when(signal, "outcome_time")),
    ]
    problems = [f"  {problem.path or 'body'}: {problem.message or problem.reason}" for problem in signal.problems]
    return "\n".join([pairs(facts), *problems])


def _decisions(decisions: Sequence[common_pb2.Event]) -> str:
    """What would be done, in order. The time is the same for all: now."""
    return table(decisions, DECISION_COLUMNS) if decisions else ""


def _story(told: pb.GetSignalStoryResponse, *, wide: bool) -> str:
    """The sentence first: it is what most look for."""
    parts = [told.summary, table(told.entries, STORY_COLUMNS, wide=wide)]
    if told.truncated:
        parts.append("there is more than is shown: terrace log search --signal, --group")
    return "\n\n".join(parts)


def _shown(answer: pb.GetSignalResponse) -> str:
    parts = [signal_text(answer.signal)]
    if answer.signal.body:
        parts.append(f"body  {answer.signal.body}")
    if answer.timeline:
        parts.append(table(answer.timeline, EVENT_COLUMNS))
    return "\n\n".join(parts)


def _intent(row: pb.Signal) -> str:
    """What it asks for; nothing where its body could not be read, which asks for nothing."""
    return "" if row.reason in FAULTY_BODY else word(row, "intent")


COLUMNS: list[Column[Any]] = [
    Column(title="RECEIVED", value=lambda row: when(row, "receive_time")),
    Column(title="SIGNAL", value=lambda row: row.signal_id),
    Column(title="SOURCE", value=lambda row: row.source, wide=True),
    Column(title="ACCOUNT", value=lambda row: row.account),
    Column(title="SYMBOL", value=lambda row: row.symbol),
    Column(title="TF", value=lambda row: row.timeframe),
    Column(title="INTENT", value=_intent),
    Column(title="SIDE", value=lambda row: word(row, "side")),
    Column(title="PRICE", value=lambda row: row.entry_price, right=True),
    Column(title="OUTCOME", value=lambda row: word(row, "outcome")),
    Column(title="REASON", value=lambda row: row.reason),
    Column(title="DETAIL", value=lambda row: row.reason_detail, wide=True, free=True),
    Column(title="GROUP", value=lambda row: row.group_id),
]
READING_COLUMNS: list[Column[Any]] = [
    Column(title="FIELD", value=lambda row: row.path),
    Column(title="VALUE", value=lambda row: row.value),
    Column(title="FROM", value=lambda row: row.expression),
    Column(title="PROBLEM", value=lambda row: row.problem, free=True),
]
DECISION_COLUMNS: list[Column[Any]] = [
    Column(title="DECISION", value=lambda row: row.type),
    Column(title="WHAT", value=lambda row: row.message, free=True),
]
STORY_COLUMNS: list[Column[Any]] = [
    Column(title="TIME", value=lambda row: when(row, "time")),
    Column(title="WHAT", value=lambda row: row.kind, free=True),
    Column(title="HAPPENED", value=lambda row: row.message, free=True),
    Column(title="REASON", value=lambda row: row.reason, wide=True),
    Column(title="GROUP", value=lambda row: row.group_id, wide=True),
    Column(title="ORDER", value=lambda row: row.client_order_id, wide=True),
]
EVENT_COLUMNS: list[Column[Any]] = [
    Column(title="TIME", value=lambda row: when(row, "time")),
    Column(title="EVENT", value=lambda row: row.type),
    Column(title="GROUP", value=lambda row: row.group_id),
    Column(title="MESSAGE", value=lambda row: row.message, free=True),
]
