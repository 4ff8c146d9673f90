"""`terrace update` and `terrace rollback`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from control.exits import ExitCode
from control.options import CONTEXT, DryRun, Output, Yes
from control.printer import Format
from control.session import Session, Stop, session

if TYPE_CHECKING:
    from collections.abc import Callable

    from control.update.work import Ended

update_app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
rollback_app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
APPS = {"update": update_app, "rollback": rollback_app}

HomeFolder = Annotated[
    Path | None,
    typer.Option("--home", metavar="DIR", help="The folder with the versions; else this one's, or yours."),
]
Ready = Annotated[float, typer.Option(min=1, metavar="S", help="Seconds a version may take to be as well as before.")]
Watch = Annotated[float, typer.Option(min=0, metavar="S", help="Seconds it is watched from then on.")]


@update_app.command("update", context_settings=CONTEXT)
def update(
    ctx: typer.Context,
    what: Annotated[
        str, typer.Argument(metavar="[WHEEL|VERSION]", help="A file, or a version in --find-links; else its newest.")
    ] = "",
    home: HomeFolder = None,
    find_links: Annotated[str, typer.Option(metavar="DIR", help="A folder with wheels: its own, its needs.")] = "",
    index_off: Annotated[bool, typer.Option("--index-off", help="Ask no package index for what it needs.")] = False,
    adopt: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The environment that is used now, where the home holds none yet."),
    ] = None,
    ready_s: Ready = 180.0,
    watch_s: Watch = 30.0,
    go_on: Annotated[bool, typer.Option("--go-on", hidden=True)] = False,
    yes: Yes = False,
    dry_run: DryRun = False,
    output: Output = Format.TABLE,
) -> None:
    """Install a new version beside the old one, try it on a copy of the store, switch, watch, go back if it fails.

    The old version goes on trading until the switch, about which you are asked. An update that was interrupted is gone
    on with by the same command, or undone by `terrace rollback`. Exit code 1: it went back; 7: it could not.

    \b
    Examples:
      terrace update ./terrace-0.3.0-py3-none-any.whl --dry-run
      terrace update ./terrace-0.3.0-py3-none-any.whl
      terrace update --find-links ./wheels --index-off --yes
    """
    from control.update.work import Asked
    from control.update.work import update as run_update

    run = session(ctx)
    asked = Asked(
        config=run.local_config(),
        home=home,
        given=what,
        find_links=find_links,
        is_offline=index_off,
        adopt=adopt,
        ready_s=ready_s,
        watch_s=watch_s,
        dry_run=dry_run,
        go_on=go_on,
        passed_on=_passed_on(output, yes=yes),
    )
    _tell(run, _refusing(lambda: run_update(asked, _asker(run, yes=yes))), output)


@rollback_app.command("rollback", context_settings=CONTEXT)
def rollback(
    ctx: typer.Context,
    to: Annotated[str, typer.Option(metavar="VERSION", help="Else the one before this.")] = "",
    accept_loss: Annotated[
        bool, typer.Option("--accept-loss", help="Also where the older version has no place for something stored.")
    ] = False,
    home: HomeFolder = None,
    ready_s: Ready = 180.0,
    watch_s: Watch = 30.0,
    yes: Yes = False,
    dry_run: DryRun = False,
    output: Output = Format.TABLE,
) -> None:
    """Go back to the version before. The store is brought down to it and keeps what happened meanwhile.

    Refused where the older version has no place for what is stored; it says what. Also undoes an update that was
    interrupted.

    \b
    Examples:
      terrace rollback --dry-run
      terrace rollback --to 0.2.0 --yes
    """
    from control.update.work import Asked
    from control.update.work import rollback as run_rollback

    run = session(ctx)
    asked = Asked(
        config=run.local_config(),
        home=home,
        to=to,
        accept_loss=accept_loss,
        ready_s=ready_s,
        watch_s=watch_s,
        dry_run=dry_run,
        passed_on=_passed_on(output, yes=yes),
    )
    _tell(run, _refusing(lambda: run_rollback(asked, _asker(run, yes=yes))), output)


def _passed_on(output: Format, *, yes: bool) -> tuple[str, ...]:
    """To the new version's program, which goes on with it."""
    return ("-o", output.value, *(("--yes",) if yes else ()))


def _asker(run: Session, *, yes: bool) -> Callable[[str], None]:
    """Before the switch. A no ends it, with what was prepared taken away."""
    from control.update.refused import UpdateRefused

    def ask(question: str) -> None:
        try:
            run.confirm(question, yes=yes)
        except Stop as stop:
            raise UpdateRefused(stop.message, stop.code) from None

    return ask


def _refusing(work: Callable[[], Ended]) -> Ended:
    from control.config_file import ConfigFault
    from control.update.refused import StepFailed, UpdateRefused

    try:
        return work()
    except UpdateRefused as refused:
        raise Stop(str(refused), refused.code) from None
    except (StepFailed, ConfigFault, OSError) as failed:
        raise Stop(str(failed), ExitCode.FAILED) from None


def _tell(run: Session, ended: Ended, output: Format) -> None:
    values: dict[str, Any] = {
        "state": ended.state,
        "from_version": ended.old,
        "to_version": ended.new,
        "message": ended.words,
        "pause_ms": ended.pause_ms,
        "backup": ended.backup,
        "notes": list(ended.notes),
        "plan": list(ended.plan),
    }

    def text() -> str:
        lines = [*(ended.plan if ended.state == "planned" else ()), *([ended.words] if ended.words else [])]
        lines += [f"trading paused for {ended.pause_ms / 1000:.1f} s"] if ended.pause_ms else []
        lines += [f"backup  {ended.backup}"] if ended.backup else []
        return "\n".join([*lines, *(f"note  {note}" for note in ended.notes)])

    run.emit(values, output, text)
    if ended.code:
        raise typer.Exit(ended.code)
