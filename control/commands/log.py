"""`terrace log`: tail, search, export."""

from __future__ import annotations

import time
from collections.abc import Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from control.options import Account, Limit, Output, Symbol, Timeframe, World, noun
from control.printer import Column, Format, as_json, as_yaml, clean, plain, say, table, when, word, write
from control.session import PAGE_SIZE, Session, session, world_value
from control.times import point_in_time

if TYPE_CHECKING:
    from protos.terrace.v1 import common_pb2, engine_pb2, record_pb2

app = noun("Follow, search and export what happened.")

RECONNECT_S = 1.0
SILENCE_S = 1.0
CSV_FIELDS = (
    "sequence",
    "time",
    "category",
    "severity",
    "type",
    "message",
    "signal_id",
    "group_id",
    "client_order_id",
    "account",
    "symbol",
    "timeframe",
)


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
Text = Annotated[str, typer.Option(metavar="TEXT", help="Only lines that hold these words.")]
Since = Annotated[str, typer.Option(metavar="TIME", help="From this time on: ISO 8601, or an age such as 12h.")]
Until = Annotated[str, typer.Option(metavar="TIME", help="Before this time.")]


@app.command("tail")
def tail(
    ctx: typer.Context,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, max=10_000, help="Events before now to show.")] = 20,
    follow: Annotated[bool, typer.Option("--follow/--no-follow", help="Stay for what comes.")] = True,
    category: Category = None,
    severity: Severity = None,
    account: Account = "",
    group: Group = "",
    world: World = None,
    output: Output = Format.TABLE,
) -> None:
    """Show events as they happen. JSON comes one object a line.

    Survives a restart of the daemon and misses nothing that is stored. Ctrl-C ends it.

    \b
    Examples:
      terrace log tail
      terrace log tail -n 100 --no-follow
      terrace log tail --category order --severity warning -o json
    """
    from protos.terrace.v1 import engine_pb2

    run = session(ctx)
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
    text: Annotated[str, typer.Argument(metavar="[TEXT]", help="Words to find.")] = "",
    category: Category = None,
    severity: Severity = None,
    account: Account = "",
    symbol: Symbol = "",
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
      terrace log search --group 01J9ZK3V8T -o json
    """
    from protos.terrace.v1 import record_pb2 as pb

    run = session(ctx)
    request = _search(category, severity, account, symbol, timeframe, signal, group, since, until, world, text)
    answer = run.pages(request, pb.ListEventsResponse, limit=limit)
    run.emit(answer, output, lambda: table(answer.events, COLUMNS, wide=output is Format.WIDE))


@app.command("export")
def export(
    ctx: typer.Context,
    form: Annotated[ExportName, typer.Option("--format", help="Form of the export.")] = ExportName.TXT,
    category: Category = None,
    severity: Severity = None,
    account: Account = "",
    symbol: Symbol = "",
    timeframe: Timeframe = "",
    text: Text = "",
    since: Since = "",
    until: Until = "",
    world: World = None,
    output: Output = Format.TABLE,
) -> None:
    """Write stored events as text, CSV or one JSON object a line (also with -o json).

    \b
    Examples:
      terrace log export --since 2025-06-01 > june.txt
      terrace log export --format csv --category order > orders.csv
    """
    run = session(ctx)
    request = _search(category, severity, account, symbol, timeframe, "", "", since, until, world, text)
    form = ExportName.JSON if output is Format.JSON else form
    if form is ExportName.CSV:
        _write_csv(run, request)
        return
    for event in _stored(run, request):
        _print_line(event, Format.JSON if form is ExportName.JSON else Format.WIDE)


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


def _stored(run: Session, request: record_pb2.ListEventsRequest) -> Iterator[common_pb2.Event]:
    from protos.terrace.v1 import record_pb2 as pb

    request.page_size = PAGE_SIZE
    while True:
        page = run.call(request, pb.ListEventsResponse)
        yield from page.events
        if not page.next_page_token:
            return
        request.page_token = page.next_page_token


def _write_csv(run: Session, request: record_pb2.ListEventsRequest) -> None:
    import csv
    import sys

    out = csv.writer(sys.stdout)
    out.writerow(CSV_FIELDS)
    for event in _stored(run, request):
        values = plain(event)
        out.writerow([_harmless(str(values[name] or "")) for name in CSV_FIELDS])


def _harmless(cell: str) -> str:
    """A cell that a spreadsheet does not take for a formula."""
    return "'" + cell if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell


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
        about = " ".join(filter(None, [event.account, event.symbol, event.timeframe]))
        ids = [event.signal_id, event.group_id, event.client_order_id] if output is Format.WIDE else [event.group_id]
        line = [when(event, "time"), f"{word(event, 'severity'):8}", f"{word(event, 'category'):9}", event.type]
        write(clean("  ".join(filter(None, [*line, event.message, about, *ids]))) + "\n")
    sys.stdout.flush()


COLUMNS: list[Column[Any]] = [
    Column(title="SEQUENCE", value=lambda row: row.sequence, right=True, wide=True),
    Column(title="TIME", value=lambda row: when(row, "time")),
    Column(title="SEVERITY", value=lambda row: word(row, "severity")),
    Column(title="CATEGORY", value=lambda row: word(row, "category")),
    Column(title="EVENT", value=lambda row: row.type),
    Column(title="MESSAGE", value=lambda row: row.message),
    Column(title="ACCOUNT", value=lambda row: row.account, wide=True),
    Column(title="SYMBOL", value=lambda row: row.symbol),
    Column(title="TF", value=lambda row: row.timeframe, wide=True),
    Column(title="SIGNAL", value=lambda row: row.signal_id, wide=True),
    Column(title="GROUP", value=lambda row: row.group_id),
    Column(title="ORDER", value=lambda row: row.client_order_id, wide=True),
]
