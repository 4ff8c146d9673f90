"""`terrace risk`: show, preview, run, skip, block, unblock, history."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from control import complete
from control.obstacles import in_words, remaining
from control.options import DryRun, Limit, Output, RequestId, World, Yes, noun
from control.printer import Column, Format, amount, pairs, say, shown, table, when, word
from control.repeat import watchable
from control.session import Session, new_request_id, session, world_value
from control.times import point_in_time

if TYPE_CHECKING:
    from protos.terrace.v1 import risk_pb2 as pb

app = noun("Show and steer the risk engine.")

NO_ACTIONS = "the risk engine did nothing so far (terrace risk show tells what it waits for)"

GroupId = Annotated[str, typer.Argument(metavar="GROUP", help="The group's id.", autocompletion=complete.groups)]
Loser = Annotated[str, typer.Option("--group", metavar="GROUP", help="This loser instead of the engine's choice.")]


@app.command("show")
@watchable
def show(ctx: typer.Context, world: World = None, output: Output = Format.TABLE) -> None:
    """Show the risk engine's state, and per group what stands in the way of an offset.

    \b
    Examples:
      terrace risk show
      terrace risk show --world live -o json
    """
    from protos.terrace.v1 import risk_pb2 as pb

    run = session(ctx)
    answer = run.call(pb.GetRiskStateRequest(world=world_value(world)), pb.GetRiskStateResponse)
    run.emit(answer, output, lambda: _state(answer.risk, wide=output is Format.WIDE))


@app.command("preview")
@watchable
def preview(ctx: typer.Context, group: Loser = "", world: World = None, output: Output = Format.TABLE) -> None:
    """Show what an offset would do now, without doing it: who is closed, what that needs, who pays how much.

    With --group for any group, also one that cannot be taken now; what stands in the way is said beside it.

    \b
    Examples:
      terrace risk preview
      terrace risk preview --group 01J9ZK3V8T -o json
    """
    from protos.terrace.v1 import risk_pb2 as pb

    run = session(ctx)
    request = pb.PreviewOffsetRequest(group_id=group, world=world_value(world))
    answer = run.call(request, pb.PreviewOffsetResponse)
    run.emit(answer, output, lambda: _plan(answer.plan, _name(run, answer.plan.loser_group_id)))


@app.command("run")
def run_offset(
    ctx: typer.Context,
    group: Loser = "",
    world: World = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    request_id: RequestId = "",
    output: Output = Format.TABLE,
) -> None:
    """Run an offset now: skips the timer, not the arithmetic.

    \b
    Examples:
      terrace risk run --dry-run
      terrace risk run --group 01J9ZK3V8T --yes
    """
    from protos.terrace.v1 import risk_pb2 as pb

    run = session(ctx)
    request = pb.RunOffsetRequest(
        group_id=group, world=world_value(world), request_id=new_request_id(request_id), validate_only=dry_run
    )
    if not (yes or dry_run):
        _ask(run, group, world)
    answer = run.call(request, pb.RunOffsetResponse)
    if dry_run:
        say("would be done; nothing was")
    run.emit(answer, output, lambda: _action(answer.risk_action))


@app.command("skip")
def skip(ctx: typer.Context, group: GroupId, request_id: RequestId = "", output: Output = Format.TABLE) -> None:
    """Leave a group out of the next evaluation.

    \b
    Examples:
      terrace risk skip 01J9ZK3V8T
    """
    from protos.terrace.v1 import risk_pb2 as pb

    run = session(ctx)
    request = pb.SkipGroupRequest(group_id=group, request_id=new_request_id(request_id))
    answer = run.call(request, pb.SkipGroupResponse)
    run.emit(answer, output, lambda: table([answer.group_risk], GROUP_COLUMNS))


@app.command("block")
def block(
    ctx: typer.Context,
    group: GroupId,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why, for the record.")] = "",
    request_id: RequestId = "",
    output: Output = Format.TABLE,
) -> None:
    """Keep a group out of offsets until it is unblocked.

    \b
    Examples:
      terrace risk block 01J9ZK3V8T --reason "long-term holding"
    """
    from protos.terrace.v1 import risk_pb2 as pb

    run = session(ctx)
    request = pb.BlockGroupRequest(group_id=group, reason=reason, request_id=new_request_id(request_id))
    answer = run.call(request, pb.BlockGroupResponse)
    run.emit(answer, output, lambda: table([answer.group_risk], GROUP_COLUMNS))


@app.command("unblock")
def unblock(ctx: typer.Context, group: GroupId, request_id: RequestId = "", output: Output = Format.TABLE) -> None:
    """Let a blocked group take part in offsets again.

    \b
    Examples:
      terrace risk unblock 01J9ZK3V8T
    """
    from protos.terrace.v1 import risk_pb2 as pb

    run = session(ctx)
    request = pb.UnblockGroupRequest(group_id=group, request_id=new_request_id(request_id))
    answer = run.call(request, pb.UnblockGroupResponse)
    run.emit(answer, output, lambda: table([answer.group_risk], GROUP_COLUMNS))


@app.command("history")
@watchable
def history(
    ctx: typer.Context,
    group: Annotated[str, typer.Option(metavar="GROUP", help="Only actions that touched this group.")] = "",
    since: Annotated[str, typer.Option(metavar="TIME", help="From this time on: ISO 8601, or an age as 12h.")] = "",
    world: World = None,
    limit: Limit = 50,
    output: Output = Format.TABLE,
) -> None:
    """Show what the risk engine did, newest first. With -o wide each action with its plan, steps and inputs.

    \b
    Examples:
      terrace risk history --since 7d
      terrace risk history --group 01J9ZK3V8T -o wide
    """
    from protos.terrace.v1 import risk_pb2 as pb

    run = session(ctx)
    request = pb.ListRiskActionsRequest(
        group_id=group, world=world_value(world), start_time=point_in_time(since, "--since")
    )
    answer = run.pages(request, pb.ListRiskActionsResponse, limit=limit)
    run.emit(answer, output, lambda: _history(answer.risk_actions, wide=output is Format.WIDE))


def _ask(run: Session, group: str, world: str | None) -> None:
    """Asks, naming everything that would be closed, accounts and world. What would be refused is refused here."""
    from protos.terrace.v1 import risk_pb2 as pb

    request = pb.RunOffsetRequest(group_id=group, world=world_value(world), validate_only=True)
    action = run.call(request, pb.RunOffsetResponse).risk_action
    plan = action.plan
    shares = [f"{winner.quantity} of {winner.symbol} on {winner.account}" for winner in plan.winners]
    loser = action.inputs.get("loser", "") or plan.loser_group_id
    closed = f"{', '.join(shares) or 'nothing'} with a profit of {amount(plan.expected_profit, plan.quote)}"
    of_loser = "" if plan.loser_percent == "100" else f"{shown(plan.loser_percent)} % of "
    world_name = word(plan, "world").upper() or "?"
    run.confirm(f"Close {closed}, and then {of_loser}the loser {loser} ({world_name})?", yes=False)


def _name(run: Session, group_id: str) -> str:
    """A live group for a person: `3lin… BTC/USDT 15m long on spot`."""
    from protos.terrace.v1 import group_pb2

    if not group_id:
        return ""
    group = run.call(group_pb2.GetGroupRequest(group_id=group_id), group_pb2.GetGroupResponse).group
    return f"{group_id}  {group.symbol} {group.timeframe} {word(group, 'side')} on {group.account}"


def _state(risk: pb.RiskStatus, *, wide: bool = False) -> str:
    facts = [
        ("state", ": ".join(filter(None, [word(risk, "state").upper(), risk.state_reason]))),
        ("world", word(risk, "world")),
        ("evaluated", when(risk, "evaluate_time")),
        ("next", when(risk, "next_evaluate_time")),
    ]
    running = [_action(action) for action in risk.running_actions]
    groups = table(risk.groups, GROUP_COLUMNS, wide=wide) if risk.groups else "no live groups"
    return "\n\n".join([pairs(facts), *running, groups])


def _plan(plan: pb.OffsetPlan, loser: str = "") -> str:
    """`loser`: its id and what it is."""
    facts = [
        ("loser", loser or plan.loser_group_id or "none"),
        ("needs", _needs(plan)),
        ("expects", amount(plan.expected_profit, plan.quote) if _needs(plan) else ""),
        ("closes", _closes(plan)),
        ("in the way", in_words(plan.obstacles)),
        ("why", _reason(plan)),
    ]
    return "\n\n".join(filter(None, [pairs(facts), table(plan.winners, WINNER_COLUMNS) if plan.winners else ""]))


def _needs(plan: pb.OffsetPlan) -> str:
    """What the winners have to bring, and what that is made of."""
    if plan.required in ("", "0"):
        return ""
    parts = [f"loss {shown(plan.loss)}", f"fee of its close {shown(plan.loser_fee)}"]
    if plan.buffer not in ("", "0"):
        parts.append(f"slippage buffer {shown(plan.buffer)}")
    return f"{amount(plan.required, plan.quote)}  ({', '.join(parts)})"


def _reason(plan: pb.OffsetPlan) -> str:
    """Why nothing, or only a part, would be done. What stands in the way has a line of its own."""
    if plan.obstacles:
        return "" if plan.sufficient else plan.reason_detail.partition("; ")[2]
    if not plan.reason:
        return ""
    return ": ".join(filter(None, [in_words([plan.reason]), plan.reason_detail]))


def _closes(plan: pb.OffsetPlan) -> str:
    """How much of the loser would be closed, in words."""
    if not plan.loser_group_id or plan.loser_percent in ("", "0"):
        return "nothing"
    return "all of the loser" if plan.loser_percent == "100" else f"{plan.loser_percent} % of the loser"


def _why(action: pb.RiskAction) -> str:
    words = in_words([action.state_reason] if action.state_reason else [])
    return ": ".join(filter(None, [words, action.inputs.get("reason_detail", "")]))


def _action(action: pb.RiskAction, *, inputs: bool = False) -> str:
    is_begun = word(action, "state") not in ("planned", "skipped")
    facts = [
        ("action", action.risk_action_id),
        ("time", when(action, "create_time")),
        ("state", word(action, "state").upper()),
        ("by hand", "yes" if action.manual else ""),
        ("why", _why(action)),
        ("profit", amount(action.realized_profit, action.plan.quote) if is_begun else ""),
        ("loss", amount(action.realized_loss, action.plan.quote) if is_begun else ""),
    ]
    plan = _plan(action.plan, "  ".join(filter(None, [action.plan.loser_group_id, action.inputs.get("loser", "")])))
    steps = table(action.steps, STEP_COLUMNS) if action.steps else ""
    made_from = pairs(sorted(action.inputs.items())) if inputs else ""
    return "\n\n".join(filter(None, [pairs(facts), plan, steps, made_from]))


def _history(actions: Sequence[pb.RiskAction], *, wide: bool) -> str:
    if not wide:
        return table(actions, ACTION_COLUMNS, none=NO_ACTIONS)
    if not actions:
        return table([], ACTION_COLUMNS, none=NO_ACTIONS)
    return "\n\n\n".join(_action(action, inputs=True) for action in actions)


def _timer(row: pb.GroupRisk) -> str:
    """How long its timer runs still."""
    if not row.HasField("timer_expire_time"):
        return "not started" if row.timer_start_time.seconds == 0 else ""
    until = row.timer_expire_time.ToDatetime(tzinfo=UTC)
    return remaining((until - datetime.now(UTC)).total_seconds())


GROUP_COLUMNS: list[Column[Any]] = [
    Column(title="GROUP", value=lambda row: row.group_id),
    Column(title="ACCOUNT", value=lambda row: row.account),
    Column(title="SYMBOL", value=lambda row: row.symbol),
    Column(title="TF", value=lambda row: row.timeframe),
    Column(title="PNL", value=lambda row: row.unrealized_pnl, right=True),
    Column(title="PNL %", value=lambda row: row.unrealized_pnl_percent, right=True),
    Column(title="ELIGIBLE", value=lambda row: "yes" if row.eligible else "no"),
    Column(title="TIMER", value=_timer),
    Column(title="TIMER UNTIL", value=lambda row: when(row, "timer_expire_time"), wide=True),
    Column(title="IN THE WAY", value=lambda row: in_words(row.obstacles)),
]
WINNER_COLUMNS: list[Column[Any]] = [
    Column(title="WINNER", value=lambda row: row.group_id),
    Column(title="ACCOUNT", value=lambda row: row.account),
    Column(title="SYMBOL", value=lambda row: row.symbol),
    Column(title="QUANTITY", value=lambda row: row.quantity, right=True),
    Column(title="PROFIT", value=lambda row: row.expected_profit, right=True),
    Column(title="WHOLE", value=lambda row: "yes" if row.full_close else "no"),
]
STEP_COLUMNS: list[Column[Any]] = [
    Column(title="STEP", value=lambda row: row.index, right=True),
    Column(title="WHAT", value=lambda row: word(row, "kind").replace("_", " "), free=True),
    Column(title="GROUP", value=lambda row: row.group_id),
    Column(title="QUANTITY", value=lambda row: row.quantity, right=True),
    Column(title="DONE", value=lambda row: "yes" if row.done else "no"),
    Column(title="RESULT", value=lambda row: row.result),
]
ACTION_COLUMNS: list[Column[Any]] = [
    Column(title="TIME", value=lambda row: when(row, "create_time")),
    Column(title="ACTION", value=lambda row: row.risk_action_id),
    Column(title="STATE", value=lambda row: word(row, "state")),
    Column(title="LOSER", value=lambda row: row.plan.loser_group_id),
    Column(title="WHICH IS", value=lambda row: row.inputs.get("loser", "")),
    Column(title="REQUIRED", value=lambda row: row.plan.required, right=True),
    Column(title="PROFIT", value=lambda row: row.realized_profit, right=True),
    Column(title="LOSS", value=lambda row: row.realized_loss, right=True),
    Column(title="BY HAND", value=lambda row: "yes" if row.manual else "no"),
    Column(title="WHY", value=_why, free=True),
]
