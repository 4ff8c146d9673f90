"""`terrace forward`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from control.exits import ExitCode
from control.options import CONTEXT, Output
from control.printer import Column, Format, table
from control.session import Session, Stop, session

if TYPE_CHECKING:
    from control.forwarder.spool import Refused

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)

NO_ALERTS_KEPT = "the spool is empty: every alert was handed to the daemon"

Config = Annotated[str, typer.Option("--config", metavar="FILE", help="The config file; else the one before the noun.")]


@app.command("forward", context_settings=CONTEXT)
def forward(
    ctx: typer.Context,
    config: Config = "",
    show_spool: Annotated[
        bool, typer.Option("--show-spool", help="Show what waits and what the daemon refused, then end.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, max=100_000, metavar="N", help="Most rows of --show-spool.")] = 1000,
    output: Output = Format.TABLE,
) -> None:
    """Run the webhook forwarder: HTTP in, gRPC out, a durable spool between. SIGTERM ends it in order.

    It is the only part meant to face the internet, behind a proxy that does TLS.

    \b
    Examples:
      terrace forward
      terrace forward --config /etc/terrace/config.yaml
      terrace forward --show-spool -o json
    """
    from dataclasses import replace

    run = session(ctx)
    if config:
        run.flags = replace(run.flags, config=config)
    if show_spool:
        _show(run, limit, output)
        return
    from control.forwarder.process import run as run_forwarder

    raise typer.Exit(run_forwarder(run.flags))


def _show(run: Session, limit: int, output: Format) -> None:
    from control.forwarder.spool import SpoolBroken, read_spool

    path = run.config.file("forwarder.spool", "spool.db")
    try:
        waiting, refused = read_spool(path, most=limit)
    except SpoolBroken as error:
        raise Stop(str(error), ExitCode.FAILED) from None
    rows = [{"state": "WAITING", **_plain(alert)} for alert in waiting] + [
        {"state": "REFUSED", **_plain(one.alert), **_why(one)} for one in refused
    ]
    values = {"spooled": [row for row in rows if row["state"] == "WAITING"]}
    values["refused"] = [row for row in rows if row["state"] == "REFUSED"]
    run.emit(values, output, lambda: table(rows, COLUMNS, wide=output is Format.WIDE, none=NO_ALERTS_KEPT))


def _plain(alert: Any) -> dict[str, Any]:
    return {
        "spool_id": alert.spool_id,
        "source": alert.source,
        "receive_time": _time(alert.receive_time_ns),
        "request_id": alert.request_id,
        "sender_address": alert.sender_address,
        "body": alert.body.decode("utf-8", "replace"),
    }


def _why(refused: Refused) -> dict[str, Any]:
    return {
        "reason": refused.reason,
        "message": refused.message,
        "refuse_time": _time(refused.refuse_time_ns),
    }


def _time(ns: int) -> str:
    return datetime.fromtimestamp(ns / 1e9, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


COLUMNS: list[Column[Any]] = [
    Column(title="STATE", value=lambda row: row["state"].lower()),
    Column(title="RECEIVED", value=lambda row: row["receive_time"][:19].replace("T", " ")),
    Column(title="SPOOLED AS", value=lambda row: row["spool_id"]),
    Column(title="SOURCE", value=lambda row: row["source"]),
    Column(title="WHY", value=lambda row: row.get("message", ""), free=True),
    Column(title="BODY", value=lambda row: row["body"], wide=True),
]
