"""`terrace log`: tail, search, export."""

from __future__ import annotations

import time
from collections.abc import Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from control.exits import ExitCode
from control.options import Account, Limit, Output, Timeframe, World, noun
from control.printer import Column, Format, as_json, as_yaml, clean, plain, say, table, when, word, write
from control.session import Session, Stop, session, world_value
from control.times import point_in_time

if TYPE_CHECKING:
    from protos.terrace.v1 import common_pb2, engine_pb2, record_pb2

app = noun("Follow, search and export what happened.")

NO_EVENTS = "no event matches: widen --since, or leave filters out"

RECONNECT_S = 1.0
SILENCE_S = 1.0
MAX_BACKLOG = 1_000


class SeverityName(StrEnum):
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


class CategoryName(StrEnum):
    ENGINE = "engine"
    SIGNAL = "signal"
    PRECISION = "precision"
    ORDER = "order"
    RISK = "risk"
    EXCHANGE = "exchange"
    CONFIG = "config"
    SECURITY = "security"
    SYSTEM = "system"


class ExportName(StrEnum):
    TXT = "txt"
    CSV = "csv"
    JSON = "json"


Severity = Annotated[SeverityName | None, typer.Option(help="At least this serious.")]
Category = Annotated[list[CategoryName] | None, typer.Option(help="Only this category; may be repeated.")]
Group = Annotated[str, typer.Option(metavar="GROUP", help="Only this group.")]
Signal = Annotated[str, typer.Option(metavar="SIGNAL", help="Only this signal.")]
Pair = Annotated[str, typer.Option("--symbol", "--pair", metavar="SYMBOL", help="Only this unified symbol.")]
Text = Annotated[str, typer.Option(metavar="TEXT", help="Only lines that hold these words.")]
Since = Annotated[str, typer.Option(metavar="TIME", help="From this time on: ISO 8601, or an age such as 12h.")]
Until = Annotated[str, typer.Option(metavar="TIME", help="Before this time.")]


@app.command("tail")
def tail(
    ctx: typer.Context,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, max=10_000, help="Events before now to show.")] = 20,
    follow: Annotated[bool, typer.Option("--follow/--no-follow", "-f", help="Stay for what comes.")] = True,
    every: Annotated[bool, typer.Option("--all", help="Every line of the log, not only stored events.")] = False,
    text: Text = "",
    category: Category = None,
    severity: Severity = None,
    account: Account = "",
    symbol: Pair = "",
    group: Group = "",
    world: World = None,
    output: Output = Format.TABLE,
) -> None:
    """Show events as they happen. JSON comes one object a line.

    Survives a restart of the daemon and misses nothing that is stored. Ctrl-C ends it. With --all the lines of the
    daemon's log are shown, also those that are not stored; --text and --symbol need it.

    \b
    Examples:
      terrace log tail
      terrace log tail -n 100 --no-follow
      terrace log tail --category order --severity warning -o json
      terrace log tail --all --text "rate limit"
    """
    from protos.terrace.v1 import engine_pb2, record_pb2

    run = session(ctx)
    if every:
        asked = record_pb2.TailLogsRequest(
            backlog=min(lines, MAX_BACKLOG),
            categories=[f"CATEGORY_{name.name}" for name in category or ()],
            min_severity=_severity(severity),
            text=text,
            account=account,
            symbol=symbol,
            group_id=group,
        )
        _follow_log(run, asked, output, follow=follow)
        return
    if text or symbol:
        raise Stop("--text and --symbol need --all (stored events: terrace log search)", ExitCode.USAGE)
    request = engine_pb2.WatchEventsRequest(
        categories=[f"CATEGORY_{name.name}" for name in category or ()],
        min_severity=_severity(severity),
        world=world_value(world),
        account=account,
        group_id=group,
    )
    try:
        for event in _events(run, request, lines, follow=follow):
            _print_line(event, output)
    except KeyboardInterrupt:
        raise typer.Exit from None


@app.command("search")
def search(
    ctx: typer.Context,
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[WORDS]", help="Words that all stand in the message, in any order.")
    ] = None,
    category: Category = None,
    severity: Severity = None,
    account: Account = "",
    symbol: Pair = "",
    timeframe: Timeframe = "",
    signal: Signal = "",
    group: Group = "",
    since: Since = "",
    until: Until = "",
    world: World = None,
    limit: Limit = 100,
    output: Output = Format.TABLE,
) -> None:
    """Find stored events.

    \b
    Examples:
      terrace log search rejected --since 24h
      terrace log search insufficient balance --pair BTC/USDT --severity warning
      terrace log search --group 01J9ZK3V8T -o json
    """
    from protos.terrace.v1 import record_pb2 as pb

    run = session(ctx)
    text = " ".join(words or ())
    request = _search(category, severity, account, symbol, timeframe, signal, group, since, until, world, text)
    answer = run.pages(request, pb.ListEventsResponse, limit=limit)
    run.emit(answer, output, lambda: table(answer.events, COLUMNS, wide=output is Format.WIDE, none=NO_EVENTS))


@app.command("export")
def export(
    ctx: typer.Context,
    file: Annotated[str, typer.Argument(metavar="[FILE]", help="Where to; standard output if none is named.")] = "",
    form: Annotated[ExportName | None, typer.Option("--format", help="Form; else that of the file's ending.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that exists.")] = False,
    category: Category = None,
    severity: Severity = None,
    account: Account = "",
    symbol: Pair = "",
    timeframe: Timeframe = "",
    signal: Signal = "",
    group: Group = "",
    text: Text = "",
    since: Since = "",
    until: Until = "",
    world: World = None,
    output: Output = Format.TABLE,
) -> None:
    """Write stored events, newest first, as text, CSV or one JSON object a line (also with -o json).

    \b
    Examples:
      terrace log export --since 2025-06-01 > june.txt
      terrace log export orders.csv --category order
      terrace log export audit.json --since 30d --group 01J9ZK3V8T
    """
    from control.commands.log_export import export_events

    run = session(ctx)
    request = _search(category, severity, account, symbol, timeframe, signal, group, since, until, world, text)
    ending = file.rpartition(".")[2].lower()
    if form is None:
        is_json = output is Format.JSON or ending in ("json", "jsonl")
        form = ExportName.JSON if is_json else ExportName.CSV if ending == "csv" else ExportName.TXT
    export_events(run, request, form.value, file, force=force)


def _follow_log(run: Session, request: record_pb2.TailLogsRequest, output: Format, *, follow: bool) -> None:
    from control.log_stream import tail_log

    try:
        tail_log(run, request, output, follow=follow)
    except KeyboardInterrupt:
        raise typer.Exit from None


def _severity(name: SeverityName | None) -> str:
    return f"SEVERITY_{name.name}" if name else "SEVERITY_UNSPECIFIED"


def _search(
    category: list[CategoryName] | None,
    severity: SeverityName | None,
    account: str,
    symbol: str,
    timeframe: str,
    signal: str,
    group: str,
    since: str,
    until: str,
    world: str | None,
    text: str,
) -> record_pb2.ListEventsRequest:
    from protos.terrace.v1 import record_pb2 as pb

    return pb.ListEventsRequest(
        categories=[f"CATEGORY_{name.name}" for name in category or ()],
        min_severity=_severity(severity),
        account=account,
        symbol=symbol,
        timeframe=timeframe,
        signal_id=signal,
        group_id=group,
        start_time=point_in_time(since, "--since"),
        end_time=point_in_time(until, "--until"),
        world=world_value(world),
        text=text,
    )


def _events(
    run: Session, request: engine_pb2.WatchEventsRequest, lines: int, *, follow: bool
) -> Iterator[common_pb2.Event]:
    """Events from `lines` before now on. Resumes behind the last one when the daemon goes and comes back."""
    from control.errors import Unavailable

    newest = _last_sequence(run, request)
    request.after_sequence = max(0, newest - lines)
    if not follow:
        yield from _until(run, request, newest)
        return
    is_lost = False
    while True:
        try:
            for event in _stream(run, request):
                if is_lost:
                    say("-- connected again")
                is_lost = False
                if event is not None:
                    yield event
        except Unavailable:
            pass
        if not is_lost:
            say("-- reconnecting")
        is_lost = True
        time.sleep(RECONNECT_S)


def _stream(
    run: Session, request: engine_pb2.WatchEventsRequest, timeout_s: float | None = None
) -> Iterator[common_pb2.Event | None]:
    """Events as they come, None for an answer without any; the request moves on with them, ready to resume."""
    from protos.terrace.v1 import engine_pb2 as pb

    for answer in run.client.stream(request, pb.WatchEventsResponse, timeout_s=timeout_s):
        if answer.gap:
            say(f"-- some events were left out; going on after {answer.resume_after_sequence}")
        if not answer.events:
            yield None
        for event in answer.events:
            request.after_sequence = event.sequence
            yield event


def _until(run: Session, request: engine_pb2.WatchEventsRequest, newest: int) -> Iterator[common_pb2.Event]:
    """What is stored up to `newest`. Where filters leave out the last ones, a short silence is the end."""
    from control.errors import Unavailable

    if request.after_sequence >= newest:
        return
    try:
        for event in _stream(run, request, timeout_s=SILENCE_S):
            if event is not None:
                yield event
            if request.after_sequence >= newest:
                return
    except Unavailable as error:
        if error.code != "DEADLINE_EXCEEDED":
            raise


def _last_sequence(run: Session, request: engine_pb2.WatchEventsRequest) -> int:
    """The first answer of a stream comes at once and says where the events stand."""
    from protos.terrace.v1 import engine_pb2 as pb

    for answer in run.client.stream(request, pb.WatchEventsResponse, timeout_s=run.client.target.timeout_s):
        return answer.last_sequence
    return 0


def _print_line(event: common_pb2.Event, output: Format) -> None:
    import sys

    if output is Format.JSON:
        write(as_json(plain(event), indent=None) + "\n")
    elif output is Format.YAML:
        write("---\n" + as_yaml(plain(event)))
    else:
        write(line_of(event, wide=output is Format.WIDE) + "\n")
    sys.stdout.flush()


def line_of(event: common_pb2.Event, *, wide: bool) -> str:
    """An event as one line of text, without control characters."""
    about = " ".join(filter(None, [event.account, event.symbol, event.timeframe]))
    ids = [event.signal_id, event.group_id, event.client_order_id] if wide else [event.group_id]
    line = [when(event, "time"), f"{word(event, 'severity'):8}", f"{word(event, 'category'):9}", event.type]
    return clean("  ".join(filter(None, [*line, event.message, about, *ids])))


COLUMNS: list[Column[Any]] = [
    Column(title="SEQUENCE", value=lambda row: row.sequence, right=True, wide=True),
    Column(title="TIME", value=lambda row: when(row, "time")),
    Column(title="SEVERITY", value=lambda row: word(row, "severity")),
    Column(title="CATEGORY", value=lambda row: word(row, "category")),
    Column(title="EVENT", value=lambda row: row.type),
    Column(title="MESSAGE", value=lambda row: row.message, free=True),
    Column(title="ACCOUNT", value=lambda row: row.account, wide=True),
    Column(title="SYMBOL", value=lambda row: row.symbol),
    Column(title="TF", value=lambda row: row.timeframe, wide=True),
    Column(title="SIGNAL", value=lambda row: row.signal_id, wide=True),
    Column(title="GROUP", value=lambda row: row.group_id),
    Column(title="ORDER", value=lambda row: row.client_order_id, wide=True),
]
