"""`terrace secret`: set, list, delete, rotate."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from control.exits import ExitCode
from control.options import DryRun, Limit, Output, RequestId, Yes, noun
from control.printer import Column, Format, pairs, say, table, when
from control.repeat import watchable
from control.session import Stop, new_request_id, session

app = noun("Set and rotate stored secrets. Values are never shown.")

NO_SECRETS = "the vault is empty (terrace secret set NAME puts one in)"

MAX_SECRET_CHARACTERS = 8192

Name = Annotated[str, typer.Argument(metavar="NAME", help="The secret's name.")]


@app.command("set")
def set_secret(ctx: typer.Context, name: Name, request_id: RequestId = "", output: Output = Format.TABLE) -> None:
    """Store a secret. Its value is asked for, or read from standard input; it never stands on the command line.

    \b
    Examples:
      terrace secret set binance/api_key
      pass show binance/api_key | terrace secret set binance/api_key
    """
    from protos.terrace.v1 import secret_pb2 as pb

    run = session(ctx)
    value = _ask(name)
    request = pb.SetSecretRequest(name=name, value=value, request_id=new_request_id(request_id))
    answer = run.call(request, pb.SetSecretResponse)
    run.emit(answer, output, lambda: "\n".join([table([answer.secret], COLUMNS), *answer.notes]))


@app.command("list")
@watchable
def list_secrets(ctx: typer.Context, limit: Limit = 0, output: Output = Format.TABLE) -> None:
    """Show names and masks of stored secrets.

    \b
    Examples:
      terrace secret list
    """
    from protos.terrace.v1 import secret_pb2 as pb

    run = session(ctx)
    answer = run.pages(pb.ListSecretsRequest(), pb.ListSecretsResponse, limit=limit)
    run.emit(answer, output, lambda: table(answer.secrets, COLUMNS, none=NO_SECRETS))


@app.command("delete")
def delete(
    ctx: typer.Context,
    name: Name,
    yes: Yes = False,
    dry_run: DryRun = False,
    request_id: RequestId = "",
    output: Output = Format.TABLE,
) -> None:
    """Delete a stored secret.

    \b
    Examples:
      terrace secret delete binance/api_key
    """
    from protos.terrace.v1 import secret_pb2 as pb

    run = session(ctx)
    request = pb.DeleteSecretRequest(name=name, request_id=new_request_id(request_id), validate_only=True)
    preview = run.call(request, pb.DeleteSecretResponse)
    if dry_run:
        run.emit(preview, output, lambda: table([preview.secret], COLUMNS))
        return
    used = ", ".join(preview.secret.config_paths) or "nothing"
    run.confirm(f"Delete secret {name} (used by {used})?", yes=yes)
    request.validate_only = False
    answer = run.call(request, pb.DeleteSecretResponse)
    run.emit(answer, output, lambda: table([answer.secret], COLUMNS))


@app.command("rotate")
def rotate(
    ctx: typer.Context,
    yes: Yes = False,
    dry_run: DryRun = False,
    request_id: RequestId = "",
    output: Output = Format.TABLE,
) -> None:
    """Encrypt all stored secrets under a new master key.

    \b
    Examples:
      terrace secret rotate
      terrace secret rotate --dry-run
    """
    from protos.terrace.v1 import secret_pb2 as pb

    run = session(ctx)
    if dry_run:
        held = run.pages(pb.ListSecretsRequest(), pb.ListSecretsResponse, limit=0)
        say(f"would encrypt {len(held.secrets)} secrets under a new master key")
        run.emit(held, output, lambda: table(held.secrets, COLUMNS, none=NO_SECRETS))
        return
    run.confirm("Encrypt every stored secret under a new master key?", yes=yes)
    answer = run.call(pb.RotateKeysRequest(request_id=new_request_id(request_id)), pb.RotateKeysResponse)
    run.emit(answer, output, lambda: pairs([("secrets", answer.secret_count), ("time", when(answer, "rotate_time"))]))


def _ask(name: str) -> str:
    if sys.stdin.isatty():
        import getpass

        value = getpass.getpass(f"Value of {name}: ")
    else:
        value = sys.stdin.read(MAX_SECRET_CHARACTERS + 2).rstrip("\r\n")
    if not value or len(value) > MAX_SECRET_CHARACTERS:
        raise Stop(f"a secret has 1 to {MAX_SECRET_CHARACTERS} characters", ExitCode.USAGE)
    return value


COLUMNS: list[Column[Any]] = [
    Column(title="SECRET", value=lambda row: row.name),
    Column(title="MASK", value=lambda row: row.mask),
    Column(title="SET", value=lambda row: when(row, "create_time")),
    Column(title="CHANGED", value=lambda row: when(row, "update_time")),
    Column(title="USED BY", value=lambda row: ", ".join(row.config_paths)),
]
