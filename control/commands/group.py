"""`terrace group`: list, show, close, reduce, cancel-entries, close-all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from control import complete
from control.exits import ExitCode
from control.options import Account, DryRun, Limit, Output, RequestId, Symbol, Timeframe, World, Yes, noun
from control.printer import Column, Format, in_words, pairs, say, table, when, word
from control.repeat import watchable
from control.session import Session, Stop, new_request_id, session, world_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from protos.terrace.v1 import group_pb2 as pb

app = noun("Show and close position groups.")

NO_GROUPS = "no live group matches: none is open now (closed ones: terrace group list --all)"

FULL_PAGE_SIZE = 200
"""Groups with pyramids and orders are large; pages of them are smaller."""

GroupId = Annotated[str, typer.Argument(metavar="GROUP", help="The group's id.", autocompletion=complete.groups)]


@app.command("list")
@watchable
def list_groups(
    ctx: typer.Context,
    closed: Annotated[bool, typer.Option("--all", "-a", help="Closed groups too.")] = False,
    account: Account = "",
    symbol: Symbol = "",
    timeframe: Timeframe = "",
    world: World = None,
    limit: Limit = 0,
    output: Output = Format.TABLE,
) -> None:
    """Show live groups, newest first.

    Percentages of profit are of what is invested.

    \b
    Examples:
      terrace group list
      terrace group list --all --symbol BTC/USDT -o wide
      terrace group list -o json
    """
    from protos.terrace.v1 import group_pb2 as pb

    run = session(ctx)
    is_text = output in (Format.TABLE, Format.WIDE)
    request = pb.ListGroupsRequest(
        account=account,
        symbol=symbol,
        timeframe=timeframe,
        include_closed=closed,
        world=world_value(world),
        view=pb.GROUP_VIEW_BASIC if is_text else pb.GROUP_VIEW_FULL,
    )
    answer = run.pages(request, pb.ListGroupsResponse, limit=limit, page_size=1000 if is_text else FULL_PAGE_SIZE)
    run.emit(answer, output, lambda: table(answer.groups, COLUMNS, wide=output is Format.WIDE, none=NO_GROUPS))


@app.command("show")
@watchable
def show(ctx: typer.Context, group: GroupId, output: Output = Format.TABLE) -> None:
    """Show one group with its pyramids, legs and orders.

    \b
    Examples:
      terrace group show 01J9ZK3V8T
      terrace group show 01J9ZK3V8T -o wide
      terrace group show 01J9ZK3V8T -o json
    """
    from protos.terrace.v1 import group_pb2 as pb

    run = session(ctx)
    answer = run.call(pb.GetGroupRequest(group_id=group), pb.GetGroupResponse)
    run.emit(answer, output, lambda: _shown(answer.group, wide=output is Format.WIDE))


@app.command("close")
def close(
    ctx: typer.Context,
    group: GroupId,
    yes: Yes = False,
    dry_run: DryRun = False,
    request_id: RequestId = "",
    output: Output = Format.TABLE,
) -> None:
    """Close a group: cancel its orders and sell or buy back what it holds.

    \b
    Examples:
      terrace group close 01J9ZK3V8T
      terrace group close 01J9ZK3V8T --dry-run
      terrace group close 01J9ZK3V8T --yes -o json
    """
    from protos.terrace.v1 import group_pb2 as pb

    run = session(ctx)
    request = pb.CloseGroupRequest(group_id=group, request_id=new_request_id(request_id), validate_only=dry_run)
    _ask(run, group, "Close", yes=yes or dry_run)
    answer = run.call(request, pb.CloseGroupResponse)
    _done("would close" if dry_run else "closing", answer.group)
    if "is not traded" in answer.group.state_reason:
        say(f"not closed yet: {answer.group.state_reason}")
    run.emit(answer, output, lambda: _facts(answer.group))


@app.command("reduce")
def reduce(
    ctx: typer.Context,
    group: GroupId,
    percent: Annotated[str, typer.Option(metavar="P", help="Share of what is held, in percent.")] = "",
    quantity: Annotated[str, typer.Option(metavar="Q", help="Amount of base.")] = "",
    yes: Yes = False,
    dry_run: DryRun = False,
    request_id: RequestId = "",
    output: Output = Format.TABLE,
) -> None:
    """Close a part of a group, from the leg with the farthest target inward. It keeps its slot and its other targets.

    What is too small for the exchange is refused. If what stays could not be sold, or is nothing, the group closes.

    \b
    Examples:
      terrace group reduce 01J9ZK3V8T --percent 50
      terrace group reduce 01J9ZK3V8T --quantity 0.25 --dry-run
    """
    from protos.terrace.v1 import group_pb2 as pb

    if bool(percent) == bool(quantity):
        raise Stop("say how much: either --percent or --quantity", ExitCode.USAGE)
    run = session(ctx)

    def request(request_id: str, *, dry_run: bool) -> pb.ReduceGroupRequest:
        made = pb.ReduceGroupRequest(group_id=group, request_id=request_id, validate_only=dry_run)
        if percent:
            made.percent = percent
        else:
            made.quantity = quantity
        return made

    if not (yes or dry_run):
        shown = run.call(request(new_request_id(""), dry_run=True), pb.ReduceGroupResponse).group
        line = f"{shown.symbol} {shown.timeframe} {word(shown, 'side')}, {shown.quantity or '0'} held"
        run.confirm(f"{_cut_words(shown)} of group {group} ({line}) on {_where([shown])}?", yes=False)
    answer = run.call(request(new_request_id(request_id), dry_run=dry_run), pb.ReduceGroupResponse)
    _done("would reduce" if dry_run else "reducing", answer.group)
    say(_cut_words(answer.group))
    run.emit(answer, output, lambda: _facts(answer.group))


@app.command("cancel-entries")
def cancel_entries(
    ctx: typer.Context,
    group: GroupId,
    yes: Yes = False,
    dry_run: DryRun = False,
    request_id: RequestId = "",
    output: Output = Format.TABLE,
) -> None:
    """Cancel the unfilled entries of a group; what it holds stays, with its targets.

    \b
    Examples:
      terrace group cancel-entries 01J9ZK3V8T
    """
    from protos.terrace.v1 import group_pb2 as pb

    run = session(ctx)
    request = pb.CancelEntriesRequest(group_id=group, request_id=new_request_id(request_id), validate_only=dry_run)
    _ask(run, group, "Cancel the unfilled entries of", yes=yes or dry_run)
    answer = run.call(request, pb.CancelEntriesResponse)
    _done("would cancel the entries of" if dry_run else "cancelling the entries of", answer.group)
    run.emit(answer, output, lambda: _facts(answer.group))


@app.command("close-all")
def close_all(
    ctx: typer.Context,
    account: Annotated[list[str] | None, typer.Option(help="Only this account; may be repeated.")] = None,
    world: World = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    request_id: RequestId = "",
    output: Output = Format.TABLE,
) -> None:
    """Emergency close: cancel all entries, close all groups, and pause new entries.

    Exits 1 if something could not be closed; what, is shown.

    \b
    Examples:
      terrace group close-all --dry-run
      terrace group close-all --account binance --yes
    """
    from protos.terrace.v1 import group_pb2 as pb

    run = session(ctx)
    chosen = world_value(world)
    request = pb.CloseAllGroupsRequest(
        accounts=account or (), world=chosen, request_id=new_request_id(request_id), validate_only=dry_run
    )
    if not (yes or dry_run):
        live = run.pages(pb.ListGroupsRequest(world=chosen, view=pb.GROUP_VIEW_BASIC), pb.ListGroupsResponse, limit=0)
        hit = [group for group in live.groups if not account or group.account in account]
        run.confirm(_close_all_question(hit), yes=False)
    answer = run.call(request, pb.CloseAllGroupsResponse)
    run.emit(answer, output, lambda: table(answer.groups, COLUMNS, wide=output is Format.WIDE))
    for failure in answer.failures:
        say(f"could not close {failure.group_id}: {failure.reason} {failure.message}".rstrip())
    if answer.failures:
        raise typer.Exit(ExitCode.FAILED)


def _close_all_question(hit: Sequence[pb.Group]) -> str:
    if not hit:
        return "No group is live there. Pause new entries?"
    groups = "the only group" if len(hit) == 1 else f"all {len(hit)} groups"
    return f"Close {groups} on {_where(hit)} and pause new entries?"


def _ask(run: Session, group_id: str, what: str, *, yes: bool) -> None:
    """Asks, naming the group, its account and its world."""
    from protos.terrace.v1 import group_pb2 as pb

    if yes:
        return
    group = run.call(pb.GetGroupRequest(group_id=group_id), pb.GetGroupResponse).group
    line = f"{group.symbol} {group.timeframe} {word(group, 'side')}, {group.quantity or '0'} held"
    run.confirm(f"{what} group {group.group_id} ({line}) on {_where([group])}?", yes=False)


def _cut_words(group: pb.Group) -> str:
    """What its newest cut takes, for a person."""
    if not group.cuts:
        return "Close a part"
    cut = group.cuts[-1]
    if cut.whole:
        return f"Close all {cut.quantity}"
    parts = ", ".join(f"{part.quantity} of pyramid {part.pyramid} leg {part.leg}" for part in cut.parts)
    return f"Close {cut.quantity}" + (f" ({parts})" if parts else " (after the cut that runs)")


def _where(groups: Iterable[pb.Group]) -> str:
    """Accounts with their worlds: `binance (LIVE)`."""
    return ", ".join(sorted({f"{group.account} ({word(group, 'world').upper() or '?'})" for group in groups}))


def _done(what: str, group: pb.Group) -> None:
    say(f"{what} {group.group_id} on {_where([group])}")


def _percent(text: str) -> str:
    return f"{text} %" if text else ""


def _facts(group: pb.Group) -> str:
    return pairs(
        [
            ("group", group.group_id),
            ("key", " ".join(filter(None, [group.account, group.symbol, group.timeframe, group.strategy]))),
            ("world", word(group, "world")),
            ("side", word(group, "side")),
            (
                "state",
                " ".join(filter(None, dict.fromkeys([word(group, "state"), group.state_reason, group.close_reason]))),
            ),
            ("flags", ", ".join([*group.flags, *(n for n in ("blocked", "skipped", "forced") if getattr(group, n))])),
            ("pyramids", f"{group.pyramid_count} of {group.max_pyramids}"),
            ("legs filled", f"{group.legs_filled} of {group.legs_total}"),
            ("quantity", group.quantity),
            ("average entry", group.average_entry),
            ("invested", group.invested),
            ("mark", group.mark_price),
            ("unrealized", " ".join(filter(None, [group.unrealized_pnl, _of_invested(group)]))),
            ("realized", group.realized_pnl),
            ("fees", group.fees),
            ("funding", group.funding if word(group, "market") == "swap" else ""),
            ("liquidation", " ".join(filter(None, [group.liquidation_price, _away(group)]))),
            ("dust", _dust(group)),
            ("target", group.tp_price),
            ("stop", _stop(group)),
            ("take-profit", word(group, "tp_mode").replace("_", " ")),
            ("opened", when(group, "create_time")),
            ("closed", when(group, "close_time")),
            ("risk timer until", "" if group.HasField("close_time") else when(group, "risk_timer_expire_time")),
        ]
    )


def _dust(group: pb.Group) -> str:
    if group.dust in ("", "0"):
        return ""
    return " ".join(filter(None, [group.dust, group.dust_value and f"worth {group.dust_value}"]))


def _stop(group: pb.Group) -> str:
    """The stop in force, what kind it is, and whether it also rests at the exchange: `57600 (stop loss, rests)`."""
    if not group.stop_price or group.HasField("close_time"):
        return ""
    rests = any(word(order, "role") == "stop" and word(order, "state") == "open" for order in group.orders)
    is_known = bool(group.pyramids)  # Without its parts it has no orders to look at.
    how = ["rests at the exchange" if rests else "watched"] if is_known else []
    return f"{group.stop_price} ({', '.join(filter(None, [in_words(group.stop_reason), *how]))})"


def _of_invested(group: pb.Group) -> str:
    return f"({group.unrealized_pnl_percent} % of invested)" if group.unrealized_pnl_percent else ""


def _away(group: pb.Group) -> str:
    """Of the exchange's position, which other groups may be part of."""
    return f"({group.liquidation_distance_percent} % away)" if group.liquidation_distance_percent else ""


def _shown(group: pb.Group, *, wide: bool) -> str:
    parts = [_facts(group)]
    for pyramid in group.pyramids:
        head = pairs([(f"pyramid {pyramid.index}", f"entry {pyramid.entry_price}")])
        parts.append("\n".join([head, table(pyramid.legs, LEG_COLUMNS, wide=wide)]))
    if wide:
        orders = [*group.orders]
        for pyramid in group.pyramids:
            orders += pyramid.orders
            for leg in pyramid.legs:
                orders += leg.orders
        parts.append(table(orders, ORDER_COLUMNS))
        if group.cuts:
            parts.append(table(group.cuts, CUT_COLUMNS))
    return "\n\n".join(parts)


COLUMNS: list[Column[Any]] = [
    Column(title="GROUP", value=lambda row: row.group_id),
    Column(title="WORLD", value=lambda row: word(row, "world"), wide=True),
    Column(title="ACCOUNT", value=lambda row: row.account),
    Column(title="SYMBOL", value=lambda row: row.symbol),
    Column(title="TF", value=lambda row: row.timeframe),
    Column(title="SIDE", value=lambda row: word(row, "side")),
    Column(title="STATE", value=lambda row: word(row, "state")),
    Column(title="PYR", value=lambda row: f"{row.pyramid_count}/{row.max_pyramids}"),
    Column(title="LEGS", value=lambda row: f"{row.legs_filled}/{row.legs_total}"),
    Column(title="QUANTITY", value=lambda row: row.quantity, right=True),
    Column(title="ENTRY", value=lambda row: row.average_entry, right=True),
    Column(title="MARK", value=lambda row: row.mark_price, right=True),
    Column(title="INVESTED", value=lambda row: row.invested, right=True, wide=True),
    Column(title="PNL", value=lambda row: row.unrealized_pnl, right=True),
    Column(title="PNL %", value=lambda row: row.unrealized_pnl_percent, right=True),
    Column(title="REALIZED", value=lambda row: row.realized_pnl, right=True),
    Column(title="FEES", value=lambda row: row.fees, right=True, wide=True),
    Column(title="STOP", value=lambda row: row.stop_price, right=True, wide=True),
    Column(title="TP", value=lambda row: word(row, "tp_mode"), wide=True),
    Column(title="OPENED", value=lambda row: when(row, "create_time"), wide=True),
    Column(title="CLOSED", value=lambda row: when(row, "close_time"), wide=True),
    Column(title="REASON", value=lambda row: row.close_reason, wide=True),
]
LEG_COLUMNS: list[Column[Any]] = [
    Column(title="LEG", value=lambda row: row.index, right=True),
    Column(title="GAP", value=lambda row: _percent(row.gap_percent), right=True),
    Column(title="WEIGHT", value=lambda row: _percent(row.weight_percent), right=True),
    Column(title="PRICE", value=lambda row: row.price, right=True),
    Column(title="QUANTITY", value=lambda row: row.quantity, right=True),
    Column(title="FILLED", value=lambda row: row.filled_quantity, right=True),
    Column(title="AVERAGE", value=lambda row: row.average_fill_price, right=True),
    Column(title="TP", value=lambda row: _percent(row.tp_percent), right=True),
    Column(title="TARGET", value=lambda row: row.tp_price, right=True),
    Column(title="STATE", value=lambda row: word(row, "state")),
    Column(title="WHY", value=lambda row: row.state_reason or row.wait_reason, free=True),
    Column(title="REALIZED", value=lambda row: row.realized_pnl, right=True, wide=True),
]
ORDER_COLUMNS: list[Column[Any]] = [
    Column(title="ORDER", value=lambda row: row.client_order_id),
    Column(title="ROLE", value=lambda row: word(row, "role")),
    Column(title="SIDE", value=lambda row: word(row, "side")),
    Column(title="TYPE", value=lambda row: word(row, "type")),
    Column(title="PRICE", value=lambda row: row.price or row.stop_price, right=True),
    Column(title="QUANTITY", value=lambda row: row.quantity, right=True),
    Column(title="FILLED", value=lambda row: row.filled_quantity, right=True),
    Column(title="AVERAGE", value=lambda row: row.average_price, right=True),
    Column(title="FEE", value=lambda row: row.fee, right=True),
    Column(title="STATE", value=lambda row: word(row, "state")),
    Column(title="WHY", value=lambda row: row.state_reason, free=True),
]
CUT_COLUMNS: list[Column[Any]] = [
    Column(title="CUT", value=lambda row: row.cut_id),
    Column(title="TIME", value=lambda row: when(row, "create_time")),
    Column(title="FOR", value=lambda row: in_words(row.reason)),
    Column(title="QUANTITY", value=lambda row: row.quantity, right=True),
    Column(title="SOLD", value=lambda row: row.sold_quantity, right=True),
    Column(title="REALIZED", value=lambda row: row.realized_pnl, right=True),
    Column(title="STATE", value=lambda row: in_words(row.state)),
    Column(title="WHY", value=lambda row: in_words(row.stop_reason), free=True),
]
