"""`terrace watch`: a live screen, fed by events and a steady refresh; it outlives a restart of the daemon."""

from __future__ import annotations

import contextlib
import select
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from control.errors import ClientError, Invalid, NotFound, NotPermitted, Unavailable
from control.options import CONTEXT, Output, World
from control.overview import Overview, fetch
from control.printer import Format, as_json, as_yaml, shown, word, write
from control.session import Session, session, world_value

if TYPE_CHECKING:
    from rich.console import RenderableType

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)

LEAST_S = 0.25
"""At most four fetches a second, however many events come."""
RECONNECT_S = 1.0
KEY_POLL_S = 0.1
QUEUE_ROWS = 8


@app.command("watch", context_settings=CONTEXT)
def watch(
    ctx: typer.Context,
    world: World = None,
    refresh: Annotated[float, typer.Option(min=0.25, metavar="S", help="Seconds between refreshes.")] = 2.0,
    once: Annotated[bool, typer.Option("--once", help="Draw the screen once and end.")] = False,
    output: Output = Format.TABLE,
) -> None:
    """A live screen: pool, groups with their legs and progress to target, queue, alerts. q or Ctrl-C ends it.

    With -o json or yaml, or into a pipe, one snapshot after the other.

    \b
    Examples:
      terrace watch
      terrace watch --world live --refresh 1
      terrace watch -o json | jq .status.live_groups
    """
    run = session(ctx)
    source = _Source(run, world_value(world), refresh)
    with contextlib.suppress(KeyboardInterrupt):
        if once or output in (Format.JSON, Format.YAML) or not sys.stdout.isatty():
            _print_snapshots(source, output, once=once)
        else:
            _draw(source)


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """What is known now: the last overview, and what stands between us and a newer one."""

    overview: Overview | None
    trouble: str
    number: int


class _Source:
    """Fetches overviews on a thread of its own: after events, and every `refresh_s` at the latest."""

    def __init__(self, run: Session, world: str, refresh_s: float) -> None:
        self._run = run
        self._world = world
        self._refresh_s = refresh_s
        self._changed = threading.Event()
        self._stopped = threading.Event()
        self._fresh = threading.Condition()
        self._snapshot = _Snapshot(None, "connecting", 0)
        self.fatal: ClientError | None = None
        """What waiting cannot mend."""

    def __enter__(self) -> _Source:
        _ = self._run.client  # Faulty options are told at once, on the thread that can tell them.
        for work in (self._refresh, self._listen):
            threading.Thread(target=work, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._changed.set()

    def newer(self, than: int, timeout_s: float) -> _Snapshot | None:
        """A snapshot with a higher number; None if none comes in time. Raises what waiting cannot mend."""
        with self._fresh:
            self._fresh.wait_for(lambda: self._snapshot.number > than or self.fatal is not None, timeout_s)
            if self.fatal is not None:
                raise self.fatal
            return self._snapshot if self._snapshot.number > than else None

    def _refresh(self) -> None:
        while not self._stopped.is_set():
            self._changed.clear()
            try:
                self._show(fetch(self._run, self._world, full=True), "")
            except (Invalid, NotFound, NotPermitted) as error:
                with self._fresh:
                    self.fatal = error
                    self._fresh.notify_all()
                return
            except ClientError as error:
                self._show(self._snapshot.overview, f"reconnecting ({error.message})")
                self._stopped.wait(RECONNECT_S)
                continue
            self._stopped.wait(LEAST_S)
            self._changed.wait(self._refresh_s)

    def _listen(self) -> None:
        """Every event is a reason to look again. Without events the steady refresh goes on."""
        from protos.terrace.v1 import engine_pb2 as pb

        while not self._stopped.is_set():
            with contextlib.suppress(ClientError, ValueError):  # ValueError: the channel was closed at the end.
                for _ in self._run.client.stream(pb.WatchEventsRequest(world=self._world), pb.WatchEventsResponse):
                    self._changed.set()
            self._stopped.wait(RECONNECT_S)

    def _show(self, overview: Overview | None, trouble: str) -> None:
        with self._fresh:
            self._snapshot = _Snapshot(overview, trouble, self._snapshot.number + 1)
            self._fresh.notify_all()


def _print_snapshots(source: _Source, output: Format, *, once: bool) -> None:
    number = 0
    last = ""
    with source:
        while True:
            snapshot = source.newer(number, 3600.0)
            if snapshot is None:
                continue
            number = snapshot.number
            if snapshot.trouble and once:
                raise Unavailable(snapshot.trouble)
            text = f"{snapshot.trouble}\n"
            if not snapshot.trouble and snapshot.overview is not None:
                text = _as_text(snapshot.overview, output)
            if text != last:
                write(text)
                sys.stdout.flush()
            last = text
            if once:
                return


def _as_text(overview: Overview, output: Format) -> str:
    from control.commands.status import overview_text

    if output is Format.JSON:
        return as_json(overview.plain(), indent=None) + "\n"
    if output is Format.YAML:
        return "---\n" + as_yaml(overview.plain())
    return f"{overview_text(overview, wide=output is Format.WIDE)}\n\n"


def _draw(source: _Source) -> None:
    from rich.console import Console
    from rich.live import Live

    console = Console(markup=False, highlight=False, emoji=False)  # Names from outside are text, not markup.
    number = 0
    with source, _keys() as pressed, Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            snapshot = source.newer(number, KEY_POLL_S)
            if snapshot is not None:
                number = snapshot.number
                live.update(_screen(snapshot, console.height), refresh=True)
            if pressed():
                return


@contextlib.contextmanager
def _keys() -> Iterator[Callable[[], bool]]:
    """Tells whether q was pressed. The terminal is as before at the end, whatever happens."""
    if not sys.stdin.isatty():
        yield lambda: False
        return
    import termios
    import tty

    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)

    def pressed() -> bool:
        ready, _, _ = select.select([descriptor], [], [], 0)
        return bool(ready) and sys.stdin.read(1).lower() in ("q", "\x1b", "")

    try:
        tty.setcbreak(descriptor)
        yield pressed
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def _screen(snapshot: _Snapshot, height: int) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    clock = time.strftime("%H:%M:%SZ", time.gmtime())
    if snapshot.overview is None:
        return Text(f"terrace watch  {clock}  {snapshot.trouble}", style="yellow")
    parts: list[RenderableType] = [_head(snapshot, clock)]
    alerts = snapshot.overview.alerts[:5]
    parts += [Text(f"! {word(alert, 'severity')} {alert.type}: {alert.message}", style="red") for alert in alerts]
    queue_rows = min(len(snapshot.overview.queued), QUEUE_ROWS)
    room = height - 9 - len(alerts) - queue_rows
    parts.append(_groups(snapshot.overview, max(room, 3)))
    if queue_rows:
        parts.append(_queue(snapshot.overview, queue_rows))
    parts.append(Text("q quits", style="dim"))
    return Group(*parts)


def _head(snapshot: _Snapshot, clock: str) -> RenderableType:
    from rich.text import Text

    from control.screen import pool_bar

    overview = snapshot.overview
    assert overview is not None
    status = overview.status
    state = word(status, "state").upper()
    line = Text(f"terrace {status.version}  {word(status, 'world').upper()}  ")
    line.append(state, style="green" if state == "RUNNING" else "yellow")
    line.append(f" {status.state_reason}" if status.state_reason else "")
    limit = word(status, "limit_state")
    if limit not in ("", "none"):
        line.append(f"  {limit.replace('_', ' ')}: {status.limit_reason}", style="red")
    line.append(f"  {clock}")
    if snapshot.trouble:
        line.append(f"  {snapshot.trouble}", style="bold yellow")
    line.append(f"\npool {pool_bar(status)}   {status.queued_signals} queued   ")
    money = f"unrealized {shown(status.unrealized_pnl) or '?'}  realized {shown(status.realized_pnl) or '?'}"
    line.append(f"{money} {status.reporting_currency}")
    return line


def _groups(overview: Overview, room: int) -> RenderableType:
    from rich.table import Table

    from control.screen import GROUP_TITLES, group_lines

    lines, left_out = group_lines(overview.groups, room)
    caption = f"... and {left_out} more groups" if left_out else None
    table = Table(box=None, pad_edge=False, expand=True, caption=caption, caption_justify="left")
    for title in GROUP_TITLES:
        right = title in ("QUANTITY", "ENTRY", "MARK", "PNL", "TARGET")
        table.add_column(title, justify="right" if right else "left", no_wrap=True)
    for line in lines:
        style = "dim" if line.is_leg else {True: "green", False: "red", None: ""}[line.gains]
        table.add_row(*line.cells, style=style)
    if not lines:
        table.add_row("no live groups", style="dim")
    return table


def _queue(overview: Overview, rows: int) -> RenderableType:
    from rich.table import Table

    from control.screen import QUEUE_TITLES, queue_rows

    table = Table(box=None, pad_edge=False, expand=True)
    for title in QUEUE_TITLES:
        table.add_column(title, no_wrap=True)
    for row in queue_rows(overview.queued, rows):
        table.add_row(*row)
    return table
