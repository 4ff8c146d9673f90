"""`terrace backup`: create, list, verify, restore."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from control.exits import ExitCode
from control.handover import hand_over
from control.options import Limit, Output, RequestId, noun
from control.printer import Column, Format, pairs, table, when
from control.repeat import watchable
from control.session import Stop, new_request_id, session

if TYPE_CHECKING:
    from protos.terrace.v1 import maintenance_pb2 as pb

app = noun("Make, list, verify and restore backups.")

NO_BACKUPS = "no backups yet (terrace backup create makes one; backup.every_hours makes them by itself)"

SLOW_TIMEOUT_S = 3600.0
MAX_PASSPHRASE_BYTES = 4096
_PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


@app.command("create")
def create(
    ctx: typer.Context,
    encrypt: Annotated[
        bool, typer.Option("--encrypt", help="Encrypt it, with a passphrase or the vault's key.")
    ] = False,
    passphrase_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The passphrase, in a file only you can read.")
    ] = None,
    request_id: RequestId = "",
    output: Output = Format.TABLE,
) -> None:
    """Copy store, paper books, config, tokens and vault of the running daemon into one file.

    It lands in the folder `backup.directory` names, on the daemon's machine. Nothing waits for it. Encrypted without a
    passphrase, it opens only where the vault is at hand; `--encrypt` asks for one on a terminal, an empty answer is the
    vault's key.

    \b
    Examples:
      terrace backup create
      terrace backup create --encrypt
      terrace backup create --passphrase-file ~/backup-passphrase
    """
    from protos.terrace.v1 import maintenance_pb2 as pb

    run = session(ctx)
    passphrase = _passphrase(passphrase_file, encrypt=encrypt)
    answer = run.call(
        pb.BackupRequest(
            request_id=new_request_id(request_id), encrypt=encrypt or bool(passphrase), passphrase=passphrase
        ),
        pb.BackupResponse,
        timeout_s=run.flags.timeout_s or SLOW_TIMEOUT_S,
    )
    facts = [
        ("backup", answer.name),
        ("bytes", answer.size_bytes),
        ("sha256", answer.sha256),
        ("time", when(answer, "create_time")),
        ("encrypted", "yes" if answer.encrypted else "no"),
    ]
    run.emit(answer, output, lambda: pairs(facts))


def _passphrase(file: Path | None, *, encrypt: bool) -> str:
    """From the file, or a terminal, twice; empty: none."""
    import getpass
    import sys

    if file is not None:
        try:
            with file.open("rb") as opened:
                text = opened.read(MAX_PASSPHRASE_BYTES).decode().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise Stop(f"{file} cannot be read: {error}", ExitCode.USAGE) from None
        if not text:
            raise Stop(f"{file} is empty", ExitCode.USAGE)
        return text
    if not encrypt or not sys.stdin.isatty():
        return ""
    first = getpass.getpass("Passphrase (empty: the key of the vault): ")
    if first and getpass.getpass("Again: ") != first:
        raise Stop("the two differ, nothing was done", ExitCode.USAGE)
    return first


@app.command("list")
@watchable
def list_(ctx: typer.Context, limit: Limit = 50, output: Output = Format.TABLE) -> None:
    """List the backups in the configured folder, newest first.

    \b
    Examples:
      terrace backup list
      terrace backup list -o json
    """
    from protos.terrace.v1 import maintenance_pb2 as pb

    run = session(ctx)
    answer = run.pages(pb.ListBackupsRequest(), pb.ListBackupsResponse, limit=limit)
    columns: list[Column[pb.BackupFile]] = [
        Column(title="TIME", value=lambda each: when(each, "create_time")),
        Column(title="BYTES", value=lambda each: each.size_bytes, right=True),
        Column(title="ENCRYPTED", value=lambda each: "yes" if each.encrypted else "no"),
        Column(title="SCHEMA", value=lambda each: each.schema_version),
        Column(title="VERSION", value=lambda each: each.version),
        Column(title="NAME", value=lambda each: each.name),
    ]
    wide = output is Format.WIDE
    run.emit(answer, output, lambda: table(answer.backups, columns, wide=wide, none=NO_BACKUPS))


def _pass_on(ctx: typer.Context, verb: str) -> None:
    config = session(ctx).local_config()
    named = ["--config", config] if config and "--config" not in ctx.args else []
    hand_over(["backup", verb, *named, *ctx.args])


RESTORE = """Put a backup into a fresh folder, to start a daemon on. Asks no daemon.

\b
Examples:
  terrace backup restore backups/terrace.backup --into /srv/terrace-new --dry-run
  terrace backup restore backups/terrace.backup --into /srv/terrace-new
  terrace backup restore backups/terrace.backup --into look --as-copy
"""
VERIFY = """Check that a backup is whole and can be restored. Asks no daemon.

\b
Examples:
  terrace backup verify backups/terrace.backup
  terrace backup verify backups/terrace.backup --passphrase-file passphrase
"""


@app.command("restore", context_settings=_PASS_ON, help=RESTORE)
def restore(ctx: typer.Context) -> None:
    _pass_on(ctx, "restore")


@app.command("verify", context_settings=_PASS_ON, help=VERIFY)
def verify(ctx: typer.Context) -> None:
    _pass_on(ctx, "verify")
