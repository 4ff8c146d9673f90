"""`terrace backup`: create, restore, verify."""

from __future__ import annotations

import typer

from control.handover import hand_over
from control.options import Output, RequestId, noun
from control.printer import Format, pairs, when
from control.session import new_request_id, session

app = noun("Make, restore and verify backups.")

SLOW_TIMEOUT_S = 300.0
_PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


@app.command("create")
def create(ctx: typer.Context, request_id: RequestId = "", output: Output = Format.TABLE) -> None:
    """Copy the store of the running daemon into the configured folder.

    \b
    Examples:
      terrace backup create
    """
    from protos.terrace.v1 import maintenance_pb2 as pb

    run = session(ctx)
    answer = run.call(
        pb.BackupRequest(request_id=new_request_id(request_id)),
        pb.BackupResponse,
        timeout_s=run.flags.timeout_s or SLOW_TIMEOUT_S,
    )
    run.emit(
        answer,
        output,
        lambda: pairs(
            [
                ("backup", answer.name),
                ("bytes", answer.size_bytes),
                ("sha256", answer.sha256),
                ("time", when(answer, "create_time")),
            ]
        ),
    )


def _pass_on(ctx: typer.Context, verb: str) -> None:
    config = session(ctx).flags.config
    named = ["--config", config] if config and "--config" not in ctx.args else []
    hand_over(["backup", verb, *named, *ctx.args])


@app.command("restore", context_settings=_PASS_ON, help="Put a backup in the store's place; the daemon must be down.")
def restore(ctx: typer.Context) -> None:
    _pass_on(ctx, "restore")


@app.command("verify", context_settings=_PASS_ON, help="Check that a backup is whole and can be restored.")
def verify(ctx: typer.Context) -> None:
    _pass_on(ctx, "verify")
