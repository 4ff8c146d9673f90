"""`terrace alert`: list, ack."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from control.options import Account, Limit, Output, RequestId, World, noun
from control.printer import Column, Format, table, when, word
from control.session import new_request_id, session, world_value

app = noun("Show and acknowledge alerts.")


@app.command("list")
def list_alerts(
    ctx: typer.Context,
    every: Annotated[bool, typer.Option("--all", "-a", help="Acknowledged and resolved ones too.")] = False,
    account: Account = "",
    world: World = None,
    limit: Limit = 100,
    output: Output = Format.TABLE,
) -> None:
    """Show active alerts.

    \b
    Examples:
      terrace alert list
      terrace alert list --all -o json
    """
    from protos.terrace.v1 import record_pb2 as pb

    run = session(ctx)
    request = pb.ListAlertsRequest(
        account=account, world=world_value(world), states=[] if every else ["ALERT_STATE_ACTIVE"]
    )
    answer = run.pages(request, pb.ListAlertsResponse, limit=limit)
    run.emit(answer, output, lambda: table(answer.alerts, COLUMNS, wide=output is Format.WIDE))


@app.command("ack")
def ack(
    ctx: typer.Context,
    alert: Annotated[str, typer.Argument(metavar="ALERT", help="The alert's id.")],
    comment: Annotated[str, typer.Option("--comment", "-m", metavar="TEXT", help="What you did about it.")] = "",
    request_id: RequestId = "",
    output: Output = Format.TABLE,
) -> None:
    """Acknowledge an alert.

    \b
    Examples:
      terrace alert ack 12
      terrace alert ack 12 -m "restarted the exchange's proxy"
    """
    from protos.terrace.v1 import record_pb2 as pb

    run = session(ctx)
    request = pb.AcknowledgeAlertRequest(alert_id=alert, comment=comment, request_id=new_request_id(request_id))
    answer = run.call(request, pb.AcknowledgeAlertResponse)
    run.emit(answer, output, lambda: table([answer.alert], COLUMNS, wide=output is Format.WIDE))


COLUMNS: list[Column[Any]] = [
    Column(title="ALERT", value=lambda row: row.alert_id),
    Column(title="SINCE", value=lambda row: when(row, "create_time")),
    Column(title="SEVERITY", value=lambda row: word(row, "severity")),
    Column(title="STATE", value=lambda row: word(row, "state")),
    Column(title="TYPE", value=lambda row: row.type),
    Column(title="COUNT", value=lambda row: row.count, right=True),
    Column(title="MESSAGE", value=lambda row: row.message),
    Column(title="ACCOUNT", value=lambda row: row.account, wide=True),
    Column(title="SYMBOL", value=lambda row: row.symbol, wide=True),
    Column(title="GROUP", value=lambda row: row.group_id, wide=True),
    Column(title="BY", value=lambda row: row.acknowledged_by, wide=True),
    Column(title="COMMENT", value=lambda row: row.comment, wide=True),
]
