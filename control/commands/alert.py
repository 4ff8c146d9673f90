"""`terrace alert`: list, ack, test, notifications."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from control.exits import ExitCode
from control.options import Account, Limit, Output, RequestId, World, noun
from control.printer import Column, Format, say, table, when, word
from control.repeat import watchable
from control.session import Session, Stop, new_request_id, session, world_value

app = noun("Show and acknowledge alerts, and the messages sent about them.")

NO_MESSAGES = "no message was sent: no channel is configured, or nothing was worth one (terrace alert test tries them)"

NO_ALERTS = "no alert is open: nothing needs you now (resolved ones: terrace alert list --all)"

STATES = ("active", "acknowledged", "resolved")
MESSAGE_STATES = ("pending", "sent", "failed", "suppressed")
TEST_LIMIT_S = 90.0
"""A test waits for each channel's service."""
SHOWN_CHARS = 80
Comment = Annotated[str, typer.Option("--comment", "-m", metavar="TEXT", help="What you did about it.")]


@app.command("list")
@watchable
def list_alerts(
    ctx: typer.Context,
    every: Annotated[bool, typer.Option("--all", "-a", help="Acknowledged and resolved ones too.")] = False,
    state: Annotated[
        list[str] | None, typer.Option("--state", metavar="STATE", help="active, acknowledged or resolved; may repeat.")
    ] = None,
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
      terrace alert list --state acknowledged
    """
    from protos.terrace.v1 import record_pb2 as pb

    run = session(ctx)
    chosen = _words(state, STATES) or ((*STATES,) if every else ("active",))
    request = pb.ListAlertsRequest(
        account=account, world=world_value(world), states=[f"ALERT_STATE_{each.upper()}" for each in chosen]
    )
    answer = run.pages(request, pb.ListAlertsResponse, limit=limit)
    run.emit(answer, output, lambda: table(answer.alerts, COLUMNS, wide=output is Format.WIDE, none=NO_ALERTS))


@app.command("ack")
def ack(
    ctx: typer.Context,
    alert: Annotated[str, typer.Argument(metavar="[ALERT]", help="The alert's id.")] = "",
    every: Annotated[bool, typer.Option("--all", "-a", help="Every active alert.")] = False,
    comment: Comment = "",
    request_id: RequestId = "",
    output: Output = Format.TABLE,
) -> None:
    """Acknowledge an alert, or all that are active. One that gets worse becomes active again.

    \b
    Examples:
      terrace alert ack unreachable:binance
      terrace alert ack unreachable:binance -m "restarted the proxy"
      terrace alert ack --all -m "seen"
    """
    from protos.terrace.v1 import record_pb2 as pb

    if bool(alert) == every:
        raise Stop("name one alert, or --all", ExitCode.USAGE)
    run = session(ctx)
    if every:
        acknowledged = _ack_all(run, comment)
        answer = pb.ListAlertsResponse(alerts=acknowledged)
        run.emit(answer, output, lambda: table(answer.alerts, COLUMNS, wide=output is Format.WIDE))
        return
    request = pb.AcknowledgeAlertRequest(alert_id=alert, comment=comment, request_id=new_request_id(request_id))
    one = run.call(request, pb.AcknowledgeAlertResponse)
    run.emit(one, output, lambda: table([one.alert], COLUMNS, wide=output is Format.WIDE))


def _ack_all(run: Session, comment: str) -> list[Any]:
    """Those that were resolved meanwhile are left out."""
    from control.errors import ClientError
    from protos.terrace.v1 import record_pb2 as pb

    active = run.pages(pb.ListAlertsRequest(states=["ALERT_STATE_ACTIVE"]), pb.ListAlertsResponse, limit=0)
    done = []
    for each in active.alerts:
        request = pb.AcknowledgeAlertRequest(alert_id=each.alert_id, comment=comment, request_id=new_request_id())
        try:
            done.append(run.call(request, pb.AcknowledgeAlertResponse).alert)
        except ClientError as failed:
            if failed.exit_code is not ExitCode.NOT_FOUND:
                raise
    return done


@app.command("test")
def send_test(
    ctx: typer.Context,
    channel: Annotated[str, typer.Option("--channel", metavar="NAME", help="Only this channel.")] = "",
    message: Annotated[str, typer.Option("--message", "-m", metavar="TEXT", help="What to send.")] = "",
    request_id: RequestId = "",
    output: Output = Format.TABLE,
) -> None:
    """Send a test message over each notification channel and say which took it.

    \b
    Examples:
      terrace alert test
      terrace alert test --channel phone -m "does this arrive?"
    """
    from protos.terrace.v1 import record_pb2 as pb

    run = session(ctx)
    request = pb.TestNotificationsRequest(channel=channel, message=message, request_id=new_request_id(request_id))
    answer = run.call(request, pb.TestNotificationsResponse, timeout_s=TEST_LIMIT_S)
    run.emit(answer, output, lambda: table(answer.results, RESULTS, wide=output is Format.WIDE))
    if not answer.results:
        say("no channel is configured: see `notifications` in config.yaml and docs/alerts.md")
    if not all(result.sent for result in answer.results):
        raise typer.Exit(ExitCode.FAILED)


@app.command("notifications")
@watchable
def notifications(
    ctx: typer.Context,
    channel: Annotated[str, typer.Option("--channel", metavar="NAME", help="Only this channel.")] = "",
    state: Annotated[
        list[str] | None,
        typer.Option("--state", metavar="STATE", help="pending, sent, failed or suppressed; may repeat."),
    ] = None,
    limit: Limit = 50,
    output: Output = Format.TABLE,
) -> None:
    """Show messages that wait, were sent or failed, newest first.

    \b
    Examples:
      terrace alert notifications
      terrace alert notifications --state pending --state failed
      terrace alert notifications --channel phone -o json
    """
    from protos.terrace.v1 import record_pb2 as pb

    run = session(ctx)
    chosen = _words(state, MESSAGE_STATES)
    request = pb.ListNotificationsRequest(
        channel=channel, states=[f"NOTIFICATION_STATE_{each.upper()}" for each in chosen]
    )
    answer = run.pages(request, pb.ListNotificationsResponse, limit=limit)
    run.emit(
        answer, output, lambda: table(answer.notifications, MESSAGES, wide=output is Format.WIDE, none=NO_MESSAGES)
    )


def _words(given: list[str] | None, known: tuple[str, ...]) -> tuple[str, ...]:
    for each in given or ():
        if each.lower() not in known:
            raise Stop(f"{each} is not a state; there is {', '.join(known)}", ExitCode.USAGE)
    return tuple(each.lower() for each in given or ())


def _first_line(text: str) -> str:
    line = text.partition("\n")[0]
    return line if len(line) <= SHOWN_CHARS else f"{line[: SHOWN_CHARS - 3]}..."


COLUMNS: list[Column[Any]] = [
    Column(title="ALERT", value=lambda row: row.alert_id),
    Column(title="SINCE", value=lambda row: when(row, "create_time")),
    Column(title="SEVERITY", value=lambda row: word(row, "severity")),
    Column(title="STATE", value=lambda row: word(row, "state")),
    Column(title="TYPE", value=lambda row: row.type),
    Column(title="COUNT", value=lambda row: row.count, right=True),
    Column(title="MESSAGE", value=lambda row: row.message, free=True),
    Column(title="ACCOUNT", value=lambda row: row.account, wide=True),
    Column(title="SYMBOL", value=lambda row: row.symbol, wide=True),
    Column(title="GROUP", value=lambda row: row.group_id, wide=True),
    Column(title="BY", value=lambda row: row.acknowledged_by, wide=True),
    Column(title="COMMENT", value=lambda row: row.comment, wide=True, free=True),
]
RESULTS: list[Column[Any]] = [
    Column(title="CHANNEL", value=lambda row: row.channel),
    Column(title="SENT", value=lambda row: "yes" if row.sent else "no"),
    Column(title="ERROR", value=lambda row: row.error, free=True),
]
MESSAGES: list[Column[Any]] = [
    Column(title="TIME", value=lambda row: when(row, "create_time")),
    Column(title="CHANNEL", value=lambda row: row.channel),
    Column(title="STATE", value=lambda row: word(row, "state")),
    Column(title="TRIES", value=lambda row: row.attempt_count, right=True),
    Column(title="MORE", value=lambda row: row.suppressed_count, right=True),
    Column(title="TITLE", value=lambda row: row.title),
    Column(title="ERROR", value=lambda row: _first_line(row.error), free=True),
    Column(title="ID", value=lambda row: row.notification_id, wide=True),
    Column(title="SEVERITY", value=lambda row: word(row, "severity"), wide=True),
    Column(title="TYPE", value=lambda row: row.type, wide=True),
    Column(title="SENT", value=lambda row: when(row, "send_time"), wide=True),
    Column(title="ALERT", value=lambda row: row.alert_id, wide=True),
    Column(title="MESSAGE", value=lambda row: _first_line(row.message), wide=True, free=True),
]
