"""`terrace engine`: status, pause, resume, lift-limit, dead-letters, retry, restart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from control.commands import letters
from control.options import DryRun, Output, RequestId, World, Yes, noun
from control.printer import Column, Format, amount, in_words, pairs, say, table, when, word
from control.repeat import watchable
from control.session import Session, new_request_id, session, world_value

if TYPE_CHECKING:
    from protos.terrace.v1 import engine_pb2 as pb

app = noun("Show, pause and resume the engine.")
app.add_typer(letters.app, name="dead-letters")

Accounts = Annotated[list[str] | None, typer.Option("--account", help="Only this account; may be repeated.")]
Reason = Annotated[str, typer.Option(metavar="TEXT", help="Why, for the record.")]


@app.command("status")
@watchable
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


@app.command("retry")
def retry(
    ctx: typer.Context,
    letter: letters.Letter,
    yes: Yes = False,
    dry_run: DryRun = False,
    request_id: RequestId = "",
    output: Output = Format.TABLE,
) -> None:
    """Hand a dead letter to its part of the engine once more: `dead-letters retry` in short.

    \b
    Examples:
      terrace engine retry LETTER
    """
    letters.retry_letter(session(ctx), letter, yes=yes, dry_run=dry_run, request_id=request_id, output=output)


@app.command("restart")
def restart(
    ctx: typer.Context,
    part: Annotated[str, typer.Argument(metavar="PART", help="Name of the part, as `engine status` shows it.")],
    reason: Reason = "",
    dry_run: DryRun = False,
    request_id: RequestId = "",
    output: Output = Format.TABLE,
) -> None:
    """Start a part of the engine that failed too often, or waits for its next start. What runs is left alone.

    \b
    Examples:
      terrace engine restart gateway/binance
      terrace engine restart world/paper --reason "the disk is back"
    """
    from protos.terrace.v1 import engine_pb2 as pb

    run = session(ctx)
    request = pb.RestartPartRequest(
        part=part, reason=reason, request_id=new_request_id(request_id), validate_only=dry_run
    )
    answer = run.call(request, pb.RestartPartResponse)
    run.emit(answer, output, lambda: table([answer.part], PART_COLUMNS, wide=output is Format.WIDE))


def _where(run: Session, world: Any, accounts: list[str]) -> str:
    """Accounts and world a command is about: `binance, okx (LIVE)`."""
    from protos.terrace.v1 import engine_pb2 as pb

    found = run.call(pb.GetStatusRequest(world=world), pb.GetStatusResponse).status
    names = accounts or [account.account for account in found.accounts]
    return f"{', '.join(names) or 'no account'} ({word(found, 'world').upper() or '?'})"


def _leader(status: pb.Status) -> str:
    """Empty with one daemon."""
    if not status.HasField("leadership"):
        return ""
    lead = status.leadership
    who = f"{lead.leader}, epoch {lead.epoch}, since {when(lead, 'since_time')}"
    return f"this daemon ({who})" if lead.leads else f"{who}; this daemon waits to take over"


LIMITS = {
    "MAX_TOTAL_EXPOSURE": "exposure limit",
    "MAX_REALIZED_LOSS_PER_DAY": "loss of the day",
    "MAX_DRAWDOWN_PERCENT": "drawdown",
    "MAX_CONSECUTIVE_LOSSES": "losses in a row",
}
"""Those that have no line of their own, as `status_text` calls them."""


def _used(limit: pb.Limit) -> str:
    """`12.5 of at most 100 USDT`."""
    value = amount(limit.value, "") or "not known"
    return f"{value} of at most {amount(limit.bound, limit.unit)}{', breached' if limit.breached else ''}"


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
        *((LIMITS[limit.code], _used(limit)) for limit in status.limits if limit.code in LIMITS and limit.bound),
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
        ("leader", _leader(status)),
        # What a daemon says that does not tell yet of what kind it is.
        *(("broken", line) for line in status.degradations if not status.degraded and line != status.state_reason),
    ]
    held_back = table(status.degraded, DEGRADED_COLUMNS, wide=wide) if status.degraded else ""
    return "\n\n".join(filter(None, [pairs(facts), held_back, table(status.accounts, ACCOUNT_COLUMNS, wide=wide)]))


ACCOUNT_COLUMNS: list[Column[Any]] = [
    Column(title="ACCOUNT", value=lambda row: row.account),
    Column(title="EXCHANGE", value=lambda row: row.exchange),
    Column(title="MARKET", value=lambda row: word(row, "market")),
    Column(title="STATE", value=lambda row: word(row, "state")),
    Column(title="GROUPS", value=lambda row: row.live_groups, right=True),
    Column(title="OWN LIMIT", value=lambda row: row.max_open_groups or "", right=True, wide=True),
    Column(title="WHY", value=lambda row: row.state_reason, free=True),
]
PART_COLUMNS: list[Column[Any]] = [
    Column(title="PART", value=lambda row: row.part),
    Column(title="STATE", value=lambda row: word(row, "state")),
    Column(title="ACTORS", value=lambda row: ", ".join(row.actors)),
    Column(title="SINCE", value=lambda row: when(row, "since_time")),
    Column(title="STARTS AGAIN", value=lambda row: when(row, "restart_time")),
    Column(title="WHY", value=lambda row: row.reason, free=True),
]
DEGRADED_COLUMNS: list[Column[Any]] = [
    Column(title="DEGRADED", value=lambda row: row.code),
    Column(title="WHAT", value=lambda row: row.subject, free=True),
    Column(title="SINCE", value=lambda row: when(row, "since_time")),
    Column(title="WHY", value=lambda row: row.message, free=True),
    Column(title="WHAT HELPS", value=lambda row: row.remedy),
]
