"""`terrace service`: Terrace as services of this machine, run by systemd or launchd."""

from __future__ import annotations

import os
import shutil
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from control.exits import ExitCode
from control.options import DryRun, Output, Yes, noun
from control.printer import Column, Format, say, table
from control.repeat import watchable
from control.session import Session, Stop, session

if TYPE_CHECKING:
    from control.service.doing import Doing, Done
    from control.service.facts import Facts, Part
    from control.service.managers import Manager, Place

app = noun("Run Terrace as services of this machine (systemd, launchd).")


class ScopeName(StrEnum):
    USER = "user"
    SYSTEM = "system"


class ManagerName(StrEnum):
    SYSTEMD = "systemd"
    LAUNCHD = "launchd"


Scope = Annotated[
    ScopeName | None,
    typer.Option("--scope", help="Your own services, or the machine's; else the machine's for root, yours for others."),
]
Parts = Annotated[str, typer.Option(metavar="NAMES", help="Of daemon,forwarder,panel; else all that are installed.")]
By = Annotated[ManagerName | None, typer.Option("--manager", help="Else the one of this machine.")]
Root = Annotated[
    Path | None, typer.Option("--root", metavar="DIR", help="The root of an image: files go below it, nothing is run.")
]


class _Work:
    """What the options of one command come to."""

    def __init__(
        self,
        run: Session,
        scope: ScopeName | None,
        by: ManagerName | None,
        *,
        root: Path | None = None,
        account: str = "",
        is_dry: bool = False,
    ) -> None:
        from control.service.doing import Doing
        from control.service.facts import Scope as ScopeKind
        from control.service.managers import DEFAULT_ACCOUNT, Place

        chosen = scope or (ScopeName.SYSTEM if os.geteuid() == 0 else ScopeName.USER)
        if chosen is ScopeName.USER and (root or account):
            raise Stop("--root and --account are for --scope system", ExitCode.USAGE)
        self.run = run
        self.place: Place = Place(
            scope=ScopeKind(chosen.value), root=root, account=account or DEFAULT_ACCOUNT, environ=os.environ
        )
        self.manager: Manager = _manager(by, self.place)
        self.doing: Doing = Doing(self.manager, self.place, is_dry=is_dry)
        self.is_dry = is_dry

    @property
    def facts(self) -> Facts:
        from control.service.facts import read_facts

        return read_facts(self.run.local_config())

    def parts(self, given: str) -> list[Part]:
        """Those named; else those installed."""
        from control.service.facts import Part

        if given:
            return _named(given)
        found = [part for part in Part if self.manager.file(part).exists()]
        if not found:
            scope = self.place.scope.value
            words = f"nothing is installed in the scope {scope}: terrace service install --scope {scope}"
            raise Stop(words, ExitCode.NOT_FOUND)
        return found


def _manager(by: ManagerName | None, place: Place) -> Manager:
    from control.service.launchd import Launchd
    from control.service.systemd import Systemd

    chosen = by or {"linux": ManagerName.SYSTEMD, "darwin": ManagerName.LAUNCHD}.get(sys.platform)
    if chosen is None:
        raise Stop(f"services are for systemd and launchd, not for {sys.platform}: `terrace up` runs all parts")
    return Systemd(place) if chosen is ManagerName.SYSTEMD else Launchd(place)


def _named(given: str) -> list[Part]:
    from control.service.facts import Part

    names = [name.strip() for name in given.split(",") if name.strip()]
    wrong = [name for name in names if name not in set(Part)]
    if wrong or not names:
        raise Stop(f"--parts: {', '.join(wrong) or 'nothing'} is none of {', '.join(Part)}", ExitCode.USAGE)
    return [part for part in Part if part.value in names]


def _refusing(work: Any) -> Any:
    """The refusals of the service modules end the command."""
    from control.service.facts import ServiceRefused

    try:
        return work()
    except ServiceRefused as refused:
        raise Stop(str(refused), ExitCode.FAILED) from None


@app.command("install")
def install(
    ctx: typer.Context,
    scope: Scope = None,
    parts: Annotated[
        str, typer.Option(metavar="NAMES", help="Of daemon,forwarder,panel; else all, the panel if it is there.")
    ] = "",
    account: Annotated[
        str, typer.Option(metavar="USER", help="Who runs them, with --scope system; else `terrace`, made if needed.")
    ] = "",
    now: Annotated[bool, typer.Option("--now", help="Start them, too.")] = False,
    manager: By = None,
    root: Root = None,
    dry_run: DryRun = False,
    output: Output = Format.TABLE,
) -> None:
    """Write the files of the services and have them started with the machine (user scope: with your login).

    They run the config given with `--config`, and this installation. Repeating it changes nothing. A file that was not
    written by it, or was changed since, is refused. `--dry-run` shows files and commands.

    \b
    Examples:
      terrace --config ~/terrace/config.yaml service install --scope user --now
      sudo terrace --config /etc/terrace/config.yaml service install --scope system
      terrace service install --dry-run
    """
    from control.commands.panel import MISSING, is_installed
    from control.service.facts import Part

    work = _Work(session(ctx), scope, manager, root=root, account=account, is_dry=dry_run)
    chosen = _named(parts) if parts else [part for part in Part if part is not Part.PANEL or is_installed()]
    if Part.PANEL in chosen and not is_installed():
        raise Stop(MISSING)
    _tell(work, _refusing(lambda: work.doing.install(chosen, work.facts, now=now)), output)


@app.command("uninstall")
def uninstall(
    ctx: typer.Context,
    scope: Scope = None,
    parts: Parts = "",
    manager: By = None,
    root: Root = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    output: Output = Format.TABLE,
) -> None:
    """Stop the services and take their files away. Data and config are kept.

    \b
    Examples:
      terrace service uninstall --dry-run
      terrace service uninstall --parts panel --yes
    """
    from control.service.facts import ServiceRefused

    work = _Work(session(ctx), scope, manager, root=root, is_dry=dry_run)
    chosen = work.parts(parts)
    facts: Facts | None = None
    try:
        facts = work.facts
    except ServiceRefused as refused:
        say(f"warning: {refused}")  # Where the data is cannot be said then; nothing of it is touched.
    names = ", ".join(part.value for part in chosen)
    work.run.confirm(f"Stop and remove the services {names}?", yes=yes or dry_run)
    _tell(work, _refusing(lambda: work.doing.uninstall(chosen, facts)), output)


def _do(
    ctx: typer.Context, verb: str, scope: ScopeName | None, parts: str, by: ManagerName | None, dry: bool
) -> tuple[_Work, Done]:
    work = _Work(session(ctx), scope, by, is_dry=dry)
    chosen = work.parts(parts)
    asks = getattr(work.manager, verb)(chosen)
    return work, _refusing(lambda: work.doing.ask(chosen, asks))


@app.command("start")
def start(
    ctx: typer.Context,
    scope: Scope = None,
    parts: Parts = "",
    manager: By = None,
    dry_run: DryRun = False,
    output: Output = Format.TABLE,
) -> None:
    """Start the services. With systemd it waits until the daemon's accounts are reconciled.

    \b
    Examples:
      terrace service start
      terrace service start --parts daemon
    """
    _tell(*_do(ctx, "start", scope, parts, manager, dry_run), output)


@app.command("stop")
def stop(
    ctx: typer.Context,
    scope: Scope = None,
    parts: Parts = "",
    manager: By = None,
    dry_run: DryRun = False,
    output: Output = Format.TABLE,
) -> None:
    """Stop the services in order: forwarder, panel, daemon. What is under way is finished first.

    \b
    Examples:
      terrace service stop
      terrace service stop --parts daemon --dry-run
    """
    _tell(*_do(ctx, "stop", scope, parts, manager, dry_run), output)


@app.command("restart")
def restart(
    ctx: typer.Context,
    scope: Scope = None,
    parts: Parts = "",
    manager: By = None,
    dry_run: DryRun = False,
    output: Output = Format.TABLE,
) -> None:
    """Stop and start the services, after an update of the program say.

    \b
    Examples:
      terrace service restart
      terrace service restart --parts panel
    """
    _tell(*_do(ctx, "restart", scope, parts, manager, dry_run), output)


@app.command("status")
@watchable
def status(
    ctx: typer.Context, scope: Scope = None, parts: Parts = "", manager: By = None, output: Output = Format.TABLE
) -> None:
    """Show what the service manager says of each part. Exit code 5 if one of them does not run.

    \b
    Examples:
      terrace service status
      terrace service status --scope system -o json
    """
    work = _Work(session(ctx), scope, manager)
    states = _refusing(lambda: work.doing.states(work.parts(parts)))
    rows = [
        {
            "part": state.part.value,
            "name": state.name,
            "installed": state.installed,
            "state": state.state,
            "running": state.is_running,
            "enabled": state.enabled,
            "pid": state.pid,
            "restarts": state.restarts,
            "words": state.words,
        }
        for state in states
    ]
    work.run.emit({"services": rows}, output, lambda: table(rows, COLUMNS, wide=output is Format.WIDE, none=""))
    if not all(state.is_running for state in states):
        raise typer.Exit(ExitCode.UNAVAILABLE)


@app.command("logs")
def logs(
    ctx: typer.Context,
    scope: Scope = None,
    parts: Parts = "",
    lines: Annotated[int, typer.Option("-n", "--lines", min=1, max=100_000, metavar="N", help="Newest lines.")] = 100,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="And those to come.")] = False,
    manager: By = None,
) -> None:
    """Show what the services wrote: the journal of systemd, or the log files of launchd.

    \b
    Examples:
      terrace service logs
      terrace service logs --parts daemon -f
    """
    work = _Work(session(ctx), scope, manager)
    command = work.manager.logs(work.parts(parts), lines=lines, follow=follow)
    if shutil.which(command[0]) is None:
        raise Stop(f"{command[0]} is not there: the daemon's own log is where logging.file says")
    sys.stdout.flush()
    os.execvp(command[0], list(command))


def _tell(work: _Work, done: Done, output: Format) -> None:
    from control.service.files import shown

    values = {
        "dry_run": work.is_dry,
        "written": [{"path": str(file.path), "text": file.text} for file in done.written],
        "unchanged": [str(path) for path in done.unchanged],
        "removed": [str(path) for path in done.removed],
        "ran": [list(command) for command in done.ran],
        "hints": done.hints,
    }

    def text() -> str:
        would = "would " if work.is_dry else ""
        lines = []
        for file in done.written:
            lines.append(f"{would + 'write' if work.is_dry else 'written'}  {file.path}")
            lines += [f"    {line}" for line in file.text.splitlines()] if work.is_dry else []
        lines += [f"unchanged  {path}" for path in done.unchanged]
        lines += [f"{would + 'remove' if work.is_dry else 'removed'}  {path}" for path in done.removed]
        lines += [f"{would + 'run' if work.is_dry else 'ran'}  {shown(command)}" for command in done.ran]
        lines += [f"note  {hint}" for hint in done.hints]
        return "\n".join(lines)

    work.run.emit(values, output, text)


COLUMNS: list[Column[Any]] = [
    Column(title="PART", value=lambda row: row["part"]),
    Column(title="STATE", value=lambda row: row["state"]),
    Column(title="PID", value=lambda row: row["pid"] or "", right=True),
    Column(title="RESTARTS", value=lambda row: row["restarts"], right=True),
    Column(title="STARTS BY ITSELF", value=lambda row: row["enabled"]),
    Column(title="WHAT IT SAYS", value=lambda row: row["words"], free=True),
    Column(title="NAME", value=lambda row: row["name"], wide=True),
]
