"""`terrace engine`: status, pause, resume, lift-limit, dead-letters, retry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from control.options import DryRun, Limit, Output, RequestId, World, Yes, noun
from control.printer import Column, Format, amount, in_words, pairs, say, table, when, word
from control.session import Session, new_request_id, session, world_value

if TYPE_CHECKING:
    from protos.terrace.v1 import engine_pb2 as pb

app = noun("Show, pause and resume the engine.")

Accounts = Annotated[list[str] | None, typer.Option("--account", help="Only this account; may be repeated.")]
Reason = Annotated[str, typer.Option(metavar="TEXT", help="Why, for the record.")]


@app.command("status")
def status(ctx: typer.Context, world: World = None, output: Output = Format.TABLE) -> None:
    """Show the engine's state.

    \b
    Examples:
      terrace engine status
      terrace engine status --world live -o json
    """
    from protos.terrace.v1 import engine_pb2 as pb

    run = session(ctx)
    request = pb.GetStatusRequest(world=world_value(world))
    answer = run.call(request, pb.GetStatusResponse)
    run.emit(answer, output, lambda: status_text(answer.status, wide=output is Format.WIDE))


@app.command("pause")
def pause(
    ctx: typer.Context,
    cancel_entries: Annotated[bool, typer.Option("--cancel-entries", help="Cancel open entries too.")] = False,
    account: Accounts = None,
    world: World = None,
    reason: Reason = "",
    yes: Yes = False,
    dry_run: DryRun = False,
    request_id: RequestId = "",
    output: Output = Format.TABLE,
) -> None:
    """Hold new entries back. Exits, targets and stops work on.

    \b
    Examples:
      terrace engine pause
      terrace engine pause --cancel-entries --reason "news"
      terrace engine pause --account binance
    """
    from protos.terrace.v1 import engine_pb2 as pb

    run = session(ctx)
    chosen = world_value(world)
    request = pb.PauseEngineRequest(
        cancel_entries=cancel_entries,
        accounts=account or (),
        world=chosen,
        reason=reason,
        request_id=new_request_id(request_id),
        validate_only=dry_run,
    )
    if cancel_entries and not (yes or dry_run):
        where = _where(run, chosen, account or [])
        run.confirm(f"Pause and cancel all open entries on {where}?", yes=False)
    answer = run.call(request, pb.PauseEngineResponse)
    run.emit(answer, output, lambda: status_text(answer.status))


@app.command("resume")
def resume(
    ctx: typer.Context,
    account: Accounts = None,
    world: World = None,
    dry_run: DryRun = False,
    request_id: RequestId = "",
    output: Output = Format.TABLE,
) -> None:
    """Let new entries in again.

    \b
    Examples:
      terrace engine resume
    """
    from protos.terrace.v1 import engine_pb2 as pb

    run = session(ctx)
    request = pb.ResumeEngineRequest(
        accounts=account or (),
        world=world_value(world),
        request_id=new_request_id(request_id),
        validate_only=dry_run,
    )
    answer = run.call(request, pb.ResumeEngineResponse)
    run.emit(answer, output, lambda: status_text(answer.status))


@app.command("lift-limit")
def lift_limit(
    ctx: typer.Context,
    world: World = None,
    reason: Reason = "",
    yes: Yes = False,
    dry_run: DryRun = False,
    request_id: RequestId = "",
    output: Output = Format.TABLE,
) -> None:
    """Lift the state a breached limit has set. What the limit counts begins anew: the day's loss and the losses in a
    row from here, the drawdown from a new peak.

    \b
    Examples:
      terrace engine lift-limit --reason "deposit arrived"
    """
    from protos.terrace.v1 import engine_pb2 as pb

    run = session(ctx)
    chosen = world_value(world)
    request = pb.LiftLimitRequest(
        world=chosen, reason=reason, request_id=new_request_id(request_id), validate_only=dry_run
    )
    standing = run.call(pb.GetStatusRequest(world=chosen), pb.GetStatusResponse).status.limit_reason
    if standing and not (yes or dry_run):
        run.confirm(f"Lift {standing}, on {_where(run, chosen, [])}?", yes=False)
    answer = run.call(request, pb.LiftLimitResponse)
    say(f"{'would lift' if dry_run else 'lifted'} {standing}" if standing else "no limit stands: nothing to lift")
    run.emit(answer, output, lambda: status_text(answer.status))


@app.command("dead-letters")
def dead_letters(
    ctx: typer.Context,
    resolved: Annotated[bool, typer.Option("--all", "-a", help="Resolved ones too.")] = False,
    limit: Limit = 50,
    output: Output = Format.TABLE,
) -> None:
    """Show messages that stopped a part of the engine, newest first.

    \b
    Examples:
      terrace engine dead-letters
    """
    from protos.terrace.v1 import engine_pb2 as pb

    run = session(ctx)
    answer = run.pages(pb.ListDeadLettersRequest(include_resolved=resolved), pb.ListDeadLettersResponse, limit=limit)
    run.emit(answer, output, lambda: table(answer.dead_letters, LETTER_COLUMNS, wide=output is Format.WIDE))


@app.command("retry")
def retry(
    ctx: typer.Context,
    letter: Annotated[str, typer.Argument(metavar="LETTER", help="The dead letter's id.")],
    request_id: RequestId = "",
    output: Output = Format.TABLE,
) -> None:
    """Hand a dead letter to its part of the engine once more.

    \b
    Examples:
      terrace engine retry 17
    """
    from protos.terrace.v1 import engine_pb2 as pb

    run = session(ctx)
    request = pb.RetryDeadLetterRequest(dead_letter_id=letter, request_id=new_request_id(request_id))
    answer = run.call(request, pb.RetryDeadLetterResponse)
    run.emit(answer, output, lambda: table([answer.dead_letter], LETTER_COLUMNS, wide=True))


def _where(run: Session, world: Any, accounts: list[str]) -> str:
    """Accounts and world a command is about: `binance, okx (LIVE)`."""
    from protos.terrace.v1 import engine_pb2 as pb

    found = run.call(pb.GetStatusRequest(world=world), pb.GetStatusResponse).status
    names = accounts or [account.account for account in found.accounts]
    return f"{', '.join(names) or 'no account'} ({word(found, 'world').upper() or '?'})"


def status_text(status: pb.Status, *, wide: bool = False) -> str:
    """The engine as facts, and its accounts."""
    currency = status.reporting_currency
    limit = in_words(word(status, "limit_state").replace("none", ""))
    forced = f", {status.forced_groups} forced" if status.forced_groups else ""
    facts = [
        ("state", " ".join(filter(None, [word(status, "state").upper(), status.state_reason]))),
        ("world", word(status, "world")),
        ("limit", limit),
        ("breached", status.limit_reason),
        ("lifted by", status.limit_lift),
        ("groups", f"{status.live_groups} of {status.max_open_groups}{forced}"),
        ("queued", status.queued_signals),
        ("unrealized", amount(status.unrealized_pnl, currency)),
        ("realized", amount(status.realized_pnl, currency)),
        ("equity", amount(status.equity, currency)),
        ("exposure", amount(status.exposure, currency)),
        ("free capital", amount(status.free_capital, currency)),
        ("last signal", when(status, "last_signal_time") or "none yet"),
        ("risk engine", word(status, "risk_state").replace("disabled", "off")),
        ("alerts", status.alerts),
        ("dead letters", status.dead_letters or ""),
        ("read only", "yes" if status.read_only else ""),
        ("version", status.version),
        ("config version", status.config_version),
        ("since", when(status, "start_time")),
        *(("broken", line) for line in status.degradations if line != status.state_reason),
    ]
    return "\n\n".join(filter(None, [pairs(facts), table(status.accounts, ACCOUNT_COLUMNS, wide=wide)]))


ACCOUNT_COLUMNS: list[Column[Any]] = [
    Column(title="ACCOUNT", value=lambda row: row.account),
    Column(title="EXCHANGE", value=lambda row: row.exchange),
    Column(title="MARKET", value=lambda row: word(row, "market")),
    Column(title="STATE", value=lambda row: word(row, "state")),
    Column(title="GROUPS", value=lambda row: row.live_groups, right=True),
    Column(title="OWN LIMIT", value=lambda row: row.max_open_groups or "", right=True, wide=True),
    Column(title="WHY", value=lambda row: row.state_reason),
]
LETTER_COLUMNS: list[Column[Any]] = [
    Column(title="LETTER", value=lambda row: row.dead_letter_id),
    Column(title="TIME", value=lambda row: when(row, "create_time")),
    Column(title="ACTOR", value=lambda row: row.actor),
    Column(title="MESSAGE", value=lambda row: row.message_type),
    Column(title="TRIES", value=lambda row: row.attempts, right=True),
    Column(title="RESOLVED", value=lambda row: "yes" if row.resolved else "no"),
    Column(title="ERROR", value=lambda row: row.error),
    Column(title="CONTENT", value=lambda row: row.content, wide=True),
]
