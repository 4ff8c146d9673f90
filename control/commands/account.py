"""`terrace account`: list, show, check, instruments, refresh, drift, resolve."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from control import complete
from control.exits import ExitCode
from control.options import DryRun, Limit, Output, RequestId, World, Yes, noun
from control.printer import Column, Format, pairs, say, table, when, word
from control.repeat import watchable
from control.session import Session, Stop, new_request_id, session, world_value

if TYPE_CHECKING:
    from protos.terrace.v1 import account_pb2 as pb

app = noun("Show and check exchange accounts.")

NO_DRIFTS = "no difference is open: exchange and store agree (resolved ones: terrace account drift --all)"

NO_INSTRUMENTS = "no instrument matches: none was fetched yet (terrace account refresh ACCOUNT), or no such symbol"

NO_ACCOUNTS = "no account matches (accounts in the config: terrace config show)"

SLOW_TIMEOUT_S = 60.0
"""For verbs that ask the exchange."""

Name = Annotated[
    str,
    typer.Argument(
        metavar="ACCOUNT", help="The account's name in the configuration.", autocompletion=complete.accounts
    ),
]


class Resolution(StrEnum):
    ADOPT = "adopt"
    IGNORE = "ignore"
    FLATTEN = "flatten"


@app.command("list")
@watchable
def list_accounts(ctx: typer.Context, world: World = None, limit: Limit = 0, output: Output = Format.TABLE) -> None:
    """Show all accounts.

    \b
    Examples:
      terrace account list
      terrace account list -o json
    """
    from protos.terrace.v1 import account_pb2 as pb

    run = session(ctx)
    answer = run.pages(pb.ListAccountsRequest(world=world_value(world)), pb.ListAccountsResponse, limit=limit)
    run.emit(answer, output, lambda: table(answer.accounts, COLUMNS, wide=output is Format.WIDE, none=NO_ACCOUNTS))


@app.command("show")
@watchable
def show(ctx: typer.Context, account: Name, output: Output = Format.TABLE) -> None:
    """Show one account with its balances and positions.

    \b
    Examples:
      terrace account show paper
      terrace account show paper -o json
    """
    from protos.terrace.v1 import account_pb2 as pb

    run = session(ctx)
    answer = run.call(pb.GetAccountRequest(account=account), pb.GetAccountResponse)
    run.emit(answer, output, lambda: _shown(answer.account))


@app.command("check")
def check(ctx: typer.Context, account: Name, output: Output = Format.TABLE) -> None:
    """Try an account: reachability, clock, key, permissions, instruments. Exits 1 if a check fails.

    \b
    Examples:
      terrace account check binance
    """
    from protos.terrace.v1 import account_pb2 as pb

    run = session(ctx)
    answer = run.call(pb.CheckAccountRequest(account=account), pb.CheckAccountResponse, timeout_s=_patience(run))
    run.emit(answer, output, lambda: table(answer.checks, CHECK_COLUMNS))
    if not answer.passed:
        raise typer.Exit(ExitCode.FAILED)


@app.command("instruments")
@watchable
def instruments(
    ctx: typer.Context,
    account: Name,
    symbol: Annotated[list[str] | None, typer.Option(help="Only this unified symbol; may be repeated.")] = None,
    active: Annotated[bool, typer.Option("--active", help="Only what can be traded now.")] = False,
    limit: Limit = 0,
    output: Output = Format.TABLE,
) -> None:
    """Show an account's instruments with their precision rules.

    \b
    Examples:
      terrace account instruments paper
      terrace account instruments binance --symbol BTC/USDT -o json
    """
    from protos.terrace.v1 import account_pb2 as pb

    run = session(ctx)
    request = pb.ListInstrumentsRequest(account=account, symbols=symbol or (), active_only=active)
    answer = run.pages(request, pb.ListInstrumentsResponse, limit=limit)
    run.emit(
        answer,
        output,
        lambda: table(answer.instruments, INSTRUMENT_COLUMNS, wide=output is Format.WIDE, none=NO_INSTRUMENTS),
    )


@app.command("refresh")
def refresh(ctx: typer.Context, account: Name, output: Output = Format.TABLE) -> None:
    """Fetch an account's instruments from the exchange now.

    \b
    Examples:
      terrace account refresh binance
    """
    from protos.terrace.v1 import account_pb2 as pb

    run = session(ctx)
    answer = run.call(
        pb.RefreshInstrumentsRequest(account=account), pb.RefreshInstrumentsResponse, timeout_s=_patience(run)
    )
    run.emit(
        answer,
        output,
        lambda: pairs(
            [
                ("instruments", answer.instrument_count),
                ("changed", ", ".join(answer.changed_symbols) or "none"),
                ("fetched", when(answer, "fetch_time")),
            ]
        ),
    )


@app.command("drift")
@watchable
def drift(
    ctx: typer.Context,
    account: Annotated[str, typer.Argument(metavar="[ACCOUNT]", help="Only this account.")] = "",
    resolved: Annotated[bool, typer.Option("--all", "-a", help="Resolved ones too.")] = False,
    limit: Limit = 0,
    output: Output = Format.TABLE,
) -> None:
    """Show differences between the exchange and the store. Entries on their instruments wait; exits go on.

    \b
    Examples:
      terrace account drift
      terrace account drift binance -o wide
      terrace account drift --all -o json
    """
    from protos.terrace.v1 import account_pb2 as pb

    run = session(ctx)
    request = pb.ListDriftRequest(account=account, include_resolved=resolved)
    answer = run.pages(request, pb.ListDriftResponse, limit=limit)
    run.emit(answer, output, lambda: table(answer.drifts, DRIFT_COLUMNS, wide=output is Format.WIDE, none=NO_DRIFTS))


@app.command("resolve")
def resolve(
    ctx: typer.Context,
    drift_id: Annotated[str, typer.Argument(metavar="DRIFT", help="The difference's id.")],
    resolution: Annotated[Resolution, typer.Argument(help="What to do about it.")],
    group: Annotated[str, typer.Option(metavar="GROUP", help="The group that takes what is adopted.")] = "",
    yes: Yes = False,
    dry_run: DryRun = False,
    request_id: RequestId = "",
    output: Output = Format.TABLE,
) -> None:
    """Decide about a difference: take it into the books, leave it alone, or close it at the exchange.

    \b
    adopt    An unknown order becomes one of its group (or of --group). Missing
             coins or contracts are written off the groups at the current price.
    ignore   Accepted as it is; it comes back if it grows.
    flatten  An unknown order is cancelled. The groups of missing coins are
             written off and closed; a group without its target is closed.
    \b
    Exits 3 if there is no such difference, 6 if the engine refuses, with the reason.

    \b
    Examples:
      terrace account resolve 3f9a01bc ignore
      terrace account resolve 3f9a01bc adopt --group 01j9zk3v8tq0
      terrace account resolve 3f9a01bc flatten --dry-run
    """
    from protos.terrace.v1 import account_pb2 as pb

    run = session(ctx)
    request = pb.ResolveDriftRequest(
        drift_id=drift_id,
        resolution=f"DRIFT_RESOLUTION_{resolution.name}",
        group_id=group,
        request_id=new_request_id(request_id),
        validate_only=dry_run,
    )
    if resolution is not Resolution.IGNORE and not (yes or dry_run):
        run.confirm(f"{resolution.value.capitalize()} {_difference(run, drift_id)}?", yes=False)
    answer = run.call(request, pb.ResolveDriftResponse)
    if dry_run:
        say("nothing was done; the message says what would be")
    elif not answer.drift.HasField("resolve_time"):
        say("decided; it stands until the next comparison shows that it is gone")
    run.emit(answer, output, lambda: table([answer.drift], DRIFT_COLUMNS, wide=True))


def _difference(run: Session, drift_id: str) -> str:
    """A difference in words, with its account and world."""
    from protos.terrace.v1 import account_pb2 as pb

    found = next(
        (
            row
            for row in run.pages(pb.ListDriftRequest(), pb.ListDriftResponse, limit=0).drifts
            if row.drift_id == drift_id
        ),
        None,
    )
    if found is None:
        raise Stop(f"no open difference {drift_id}", ExitCode.NOT_FOUND)
    account = run.call(pb.GetAccountRequest(account=found.account), pb.GetAccountResponse).account
    return f"'{found.message}' on {found.account} ({word(account, 'world').upper() or '?'})"


def _patience(run: Session) -> float:
    return run.flags.timeout_s or SLOW_TIMEOUT_S


def _shown(account: pb.Account) -> str:
    equity = " ".join(filter(None, [account.equity, account.equity_currency]))
    limit = f" of {account.max_open_groups}" if account.max_open_groups else ""
    facts = pairs(
        [
            ("account", account.account),
            ("exchange", account.exchange),
            ("market", _market(account)),
            ("world", word(account, "world")),
            ("state", " ".join(filter(None, [word(account, "state"), account.state_reason]))),
            ("equity", equity if account.equity else ""),
            ("groups", f"{account.live_groups}{limit}"),
            ("reserved", ", ".join(f"{held.amount} {held.asset}" for held in account.reservations)),
            ("differences", f"{account.drift_count}: terrace account drift" if account.drift_count else ""),
            ("prices", account.paper_prices),
            ("compared", when(account, "reconcile_time")),
            ("instruments of", when(account, "instruments_time")),
            *(_connection(account.connection) if account.HasField("connection") and not account.paper_prices else ()),
        ]
    )
    parts = [facts]
    if account.balances:
        parts.append(table(account.balances, BALANCE_COLUMNS))
    if account.positions:
        parts.append(table(account.positions, SWAP_COLUMNS if account.leverage else POSITION_COLUMNS))
    return "\n\n".join(parts)


def _market(account: pb.Account) -> str:
    """`swap, 3x, isolated margin, one way`"""
    parts = [word(account, "market")]
    if account.leverage:
        margin, mode = word(account, "margin_mode"), word(account, "position_mode").replace("_", " ")
        parts += [f"{account.leverage}x", f"{margin} margin" if margin else "", mode]
    return ", ".join(filter(None, parts))


def _connection(connection: pb.Connection) -> list[tuple[str, object]]:
    """How it reaches its exchange. What is as it should be takes one line each."""
    retry, banned = when(connection, "retry_time"), when(connection, "ban_expire_time")
    circuit = word(connection, "circuit").replace("_", " ")
    orders = [f"{connection.open_orders} open"]
    orders += [f"{connection.waiting_requests} requests wait"] if connection.waiting_requests else []
    orders += [f"{connection.unknown_orders} OF UNKNOWN FATE"] if connection.unknown_orders else []
    return [
        ("orders", ", ".join(orders)),
        ("streams", _streams(connection)),
        ("circuit", f"{circuit}, tried again at {retry}" if retry else circuit),
        ("banned until", banned),
        ("request budget", ", ".join(f"{row.used}/{row.limit} {row.name}" for row in connection.rate_windows)),
        ("exchange clock", f"{connection.clock_offset_ms:+} ms" if connection.HasField("clock_offset_ms") else ""),
        ("withdrawal", "THE API KEY MAY WITHDRAW FUNDS" if connection.may_withdraw else ""),
    ]


def _streams(connection: pb.Connection) -> str:
    """Those that are up, then those that are away, with what is said of them."""
    away: dict[str, list[str]] = {}
    for stream in connection.streams:
        if not stream.up:
            away.setdefault(stream.message, []).append(stream.name)
    up = ", ".join(stream.name for stream in connection.streams if stream.up)
    down = (f"AWAY: {', '.join(names)}" + (f" ({words})" if words else "") for words, names in away.items())
    return "; ".join(filter(None, [up, *down]))


def _distance(row: Any) -> str:
    return f"{row.liquidation_distance_percent} %" if row.liquidation_distance_percent else ""


COLUMNS: list[Column[Any]] = [
    Column(title="ACCOUNT", value=lambda row: row.account),
    Column(title="WORLD", value=lambda row: word(row, "world")),
    Column(title="EXCHANGE", value=lambda row: row.exchange),
    Column(title="MARKET", value=lambda row: word(row, "market")),
    Column(title="STATE", value=lambda row: word(row, "state")),
    Column(title="EQUITY", value=lambda row: row.equity, right=True),
    Column(title="IN", value=lambda row: row.equity_currency if row.equity else ""),
    Column(title="GROUPS", value=lambda row: row.live_groups, right=True),
    Column(title="DRIFT", value=lambda row: row.drift_count, right=True),
    Column(title="WHY", value=lambda row: row.state_reason, free=True),
]
BALANCE_COLUMNS: list[Column[Any]] = [
    Column(title="ASSET", value=lambda row: row.asset),
    Column(title="FREE", value=lambda row: row.free, right=True),
    Column(title="LOCKED", value=lambda row: row.locked, right=True),
    Column(title="TOTAL", value=lambda row: row.total, right=True),
]
POSITION_COLUMNS: list[Column[Any]] = [
    Column(title="SYMBOL", value=lambda row: row.symbol),
    Column(title="SIDE", value=lambda row: word(row, "side")),
    Column(title="QUANTITY", value=lambda row: row.quantity, right=True),
    Column(title="ENTRY", value=lambda row: row.average_entry, right=True),
    Column(title="MARK", value=lambda row: row.mark_price, right=True),
    Column(title="PNL", value=lambda row: row.unrealized_pnl, right=True),
]
SWAP_COLUMNS: list[Column[Any]] = [
    *POSITION_COLUMNS,
    Column(title="LIQUIDATION", value=lambda row: row.liquidation_price, right=True),
    Column(title="AWAY", value=_distance, right=True),
]
CHECK_COLUMNS: list[Column[Any]] = [
    Column(title="CHECK", value=lambda row: row.name),
    Column(title="RESULT", value=lambda row: "ok" if row.passed else "FAILED"),
    Column(title="FOUND", value=lambda row: row.message, free=True),
]
INSTRUMENT_COLUMNS: list[Column[Any]] = [
    Column(title="SYMBOL", value=lambda row: row.symbol),
    Column(title="TICK", value=lambda row: row.tick_size, right=True),
    Column(title="STEP", value=lambda row: row.step_size, right=True),
    Column(title="MIN QTY", value=lambda row: row.min_quantity, right=True),
    Column(title="MIN NOTIONAL", value=lambda row: row.min_notional, right=True),
    Column(title="CONTRACT", value=lambda row: row.contract_size, right=True),
    Column(title="ACTIVE", value=lambda row: "yes" if row.active else "no"),
    Column(title="AT EXCHANGE", value=lambda row: row.exchange_symbol, wide=True),
    Column(title="MAX QTY", value=lambda row: row.max_quantity, right=True, wide=True),
    Column(title="MAX ORDERS", value=lambda row: row.max_open_orders or "", right=True, wide=True),
    Column(title="FETCHED", value=lambda row: when(row, "fetch_time"), wide=True),
]
DRIFT_COLUMNS: list[Column[Any]] = [
    Column(title="DRIFT", value=lambda row: row.drift_id),
    Column(title="FOUND", value=lambda row: when(row, "create_time")),
    Column(title="ACCOUNT", value=lambda row: row.account),
    Column(title="SYMBOL", value=lambda row: row.symbol),
    Column(title="KIND", value=lambda row: word(row, "kind").replace("_", " ")),
    Column(title="MESSAGE", value=lambda row: row.message, free=True),
    Column(title="EXPECTED", value=lambda row: row.expected, wide=True),
    Column(title="ACTUAL", value=lambda row: row.actual, wide=True),
    Column(title="GROUP", value=lambda row: row.group_id, wide=True),
    Column(title="DECIDED", value=lambda row: word(row, "resolution")),
]
