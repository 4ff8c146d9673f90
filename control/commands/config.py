"""`terrace config`: show, validate, apply, history, diff, restore, edit."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from control.exits import ExitCode
from control.options import DryRun, Limit, Output, RequestId, Yes, noun
from control.printer import Column, Format, pairs, say, table, when, word
from control.session import Session, Stop, new_request_id, session

if TYPE_CHECKING:
    from collections.abc import Iterable

    from protos.terrace.v1 import config_pb2

app = noun("Show, check and change the configuration.")

MAX_FILE_BYTES = 1024 * 1024

Etag = Annotated[str, typer.Option(metavar="ETAG", help="Refuse if the configuration changed since this one.")]


@app.command("show")
def show(
    ctx: typer.Context,
    version: Annotated[int, typer.Option("--config-version", min=0, metavar="N", help="A stored version.")] = 0,
    expand: Annotated[bool, typer.Option("--expand", help="With defaults filled in and ladders written out.")] = False,
    output: Output = Format.TABLE,
) -> None:
    """Show the configuration in force, or a stored version.

    \b
    Examples:
      terrace config show
      terrace config show --expand
      terrace config show --config-version 12 -o json
    """
    from protos.terrace.v1 import config_pb2 as pb

    run = session(ctx)
    answer = run.call(pb.GetConfigRequest(version=version, expand=expand), pb.GetConfigResponse)
    run.emit(answer, output, lambda: (answer.config.expanded_yaml if expand else answer.config.yaml).rstrip("\n"))
    for path in answer.config.ineffective_paths:
        say(f"without effect yet: {path}")


@app.command("validate")
def validate(
    ctx: typer.Context,
    file: Annotated[str, typer.Argument(metavar="[FILE]", help="The file; else --config, TERRACE_CONFIG.")] = "",
    output: Output = Format.TABLE,
) -> None:
    """Check a config file without a daemon: every fault with line and what is allowed.

    With -o json or yaml the running daemon is asked, which also tells what the file would change.

    \b
    Examples:
      terrace config validate
      terrace config validate new.yaml
      terrace config validate new.yaml -o json
    """
    from control.handover import hand_over

    run = session(ctx)
    path = file or run.flags.config or os.environ.get("TERRACE_CONFIG") or "config.yaml"
    if output in (Format.TABLE, Format.WIDE):
        hand_over(["--config", path, "--check"])
    from protos.terrace.v1 import config_pb2 as pb

    answer = run.call(pb.ValidateConfigRequest(yaml=_read(path)), pb.ValidateConfigResponse)
    run.emit(answer, output, str)
    if not answer.valid:
        raise typer.Exit(ExitCode.USAGE)


@app.command("apply")
def apply(
    ctx: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="The new configuration; - for standard input.")],
    etag: Etag = "",
    yes: Yes = False,
    dry_run: DryRun = False,
    request_id: RequestId = "",
    output: Output = Format.TABLE,
) -> None:
    """Put a configuration in force and write it to the daemon's file. Shows what changes, then asks.

    \b
    Examples:
      terrace config apply new.yaml --dry-run
      terrace config apply new.yaml
    """
    run = session(ctx)
    _apply(run, _read(file), etag, request_id, yes=yes, dry_run=dry_run, output=output)


@app.command("history")
def history(ctx: typer.Context, limit: Limit = 50, output: Output = Format.TABLE) -> None:
    """Show stored versions, newest first.

    \b
    Examples:
      terrace config history
    """
    from protos.terrace.v1 import config_pb2 as pb

    run = session(ctx)
    answer = run.pages(pb.ListConfigVersionsRequest(), pb.ListConfigVersionsResponse, limit=limit)
    run.emit(answer, output, lambda: table(answer.config_versions, COLUMNS, wide=output is Format.WIDE))


@app.command("diff")
def diff(
    ctx: typer.Context,
    first: Annotated[int, typer.Argument(min=0, metavar="[FROM]", help="A version; 0: the one in force.")] = 0,
    second: Annotated[int, typer.Argument(min=0, metavar="[TO]", help="A version; 0: the one in force.")] = 0,
    file: Annotated[str, typer.Option(metavar="FILE|-", help="Compare with this file instead of a version.")] = "",
    output: Output = Format.TABLE,
) -> None:
    """Compare two versions, or a version with a file.

    \b
    Examples:
      terrace config diff 11 12
      terrace config diff --file new.yaml
    """
    from protos.terrace.v1 import config_pb2 as pb

    run = session(ctx)
    request = pb.DiffConfigRequest(from_version=first, to_version=second, yaml=_read(file) if file else "")
    answer = run.call(request, pb.DiffConfigResponse)
    run.emit(answer, output, lambda: answer.text.rstrip("\n"))


@app.command("restore")
def restore(
    ctx: typer.Context,
    version: Annotated[int, typer.Argument(min=0, metavar="[VERSION]", help="The version to put in force.")] = 0,
    defaults: Annotated[bool, typer.Option("--defaults", help="The shipped defaults.")] = False,
    etag: Etag = "",
    yes: Yes = False,
    dry_run: DryRun = False,
    request_id: RequestId = "",
    output: Output = Format.TABLE,
) -> None:
    """Put a stored version, or the shipped defaults, in force. Shows what changes, then asks.

    \b
    Examples:
      terrace config restore 12
      terrace config restore --defaults --dry-run
    """
    from protos.terrace.v1 import config_pb2 as pb

    if bool(version) == defaults:
        raise Stop("say what to restore: either a version or --defaults", ExitCode.USAGE)
    run = session(ctx)
    request = pb.RestoreConfigRequest(etag=etag, request_id=new_request_id(request_id), validate_only=True)
    if defaults:
        request.defaults = True
    else:
        request.version = version
    preview = run.call(request, pb.RestoreConfigResponse)
    if dry_run:
        run.emit(preview, output, lambda: _changes(preview.changes))
        return
    if not yes:
        say(_changes(preview.changes))
        run.confirm(f"Restore {'the defaults' if defaults else f'version {version}'} on {_where(run)}?", yes=False)
    request.validate_only = False
    answer = run.call(request, pb.RestoreConfigResponse)
    run.emit(answer, output, lambda: _applied(answer.config))


@app.command("edit")
def edit(
    ctx: typer.Context,
    yes: Yes = False,
    dry_run: DryRun = False,
    output: Output = Format.TABLE,
) -> None:
    """Open the configuration in $VISUAL or $EDITOR and apply what you saved.

    \b
    Examples:
      terrace config edit
      EDITOR=nano terrace config edit --dry-run
    """
    from protos.terrace.v1 import config_pb2 as pb

    run = session(ctx)
    config = run.call(pb.GetConfigRequest(), pb.GetConfigResponse).config
    text = _edited(config.yaml)
    if text == config.yaml:
        say("nothing changed")
        return
    _apply(run, text, config.etag, "", yes=yes, dry_run=dry_run, output=output)


def _apply(run: Session, text: str, etag: str, request_id: str, *, yes: bool, dry_run: bool, output: Format) -> None:
    from protos.terrace.v1 import config_pb2 as pb

    request = pb.ApplyConfigRequest(
        yaml=text,
        etag=etag,
        source="CONFIG_SOURCE_CLI",
        request_id=new_request_id(request_id),
        validate_only=True,
    )
    preview = run.call(request, pb.ApplyConfigResponse)
    if dry_run:
        run.emit(preview, output, lambda: _changes(preview.changes))
        return
    if not yes:
        say(_changes(preview.changes))
        run.confirm(f"Apply this on {_where(run)}?", yes=False)
    request.validate_only = False
    answer = run.call(request, pb.ApplyConfigResponse)
    run.emit(answer, output, lambda: _applied(answer.config))


def _where(run: Session) -> str:
    """Every account with its world: a configuration is about all of them."""
    from protos.terrace.v1 import account_pb2 as pb

    accounts = run.pages(pb.ListAccountsRequest(), pb.ListAccountsResponse, limit=0).accounts
    return ", ".join(f"{one.account} ({word(one, 'world').upper() or '?'})" for one in accounts) or "no account"


def _read(file: str) -> str:
    try:
        if file == "-":
            raw = sys.stdin.buffer.read(MAX_FILE_BYTES + 1)
        else:
            with Path(file).open("rb") as opened:
                raw = opened.read(MAX_FILE_BYTES + 1)
        if len(raw) > MAX_FILE_BYTES:
            raise Stop(f"{file}: larger than {MAX_FILE_BYTES} bytes", ExitCode.USAGE)
        return raw.decode()
    except OSError as error:
        raise Stop(f"{file}: {error.strerror or error}", ExitCode.USAGE) from None
    except UnicodeDecodeError:
        raise Stop(f"{file}: not UTF-8", ExitCode.USAGE) from None


def _edited(text: str) -> str:
    """What the user made of the text in an editor; the file is readable by them alone."""
    editor = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi")
    descriptor, name = tempfile.mkstemp(suffix=".yaml", prefix="terrace-")
    path = Path(name)
    try:
        with os.fdopen(descriptor, "w") as opened:
            opened.write(text)
        done = subprocess.run([*editor, name], check=False)
        if done.returncode != 0:
            raise Stop(f"{editor[0]} ended with code {done.returncode}: nothing was done", ExitCode.CANCELLED)
        return path.read_text()
    except OSError as error:
        raise Stop(f"{editor[0]}: {error.strerror or error}") from None
    finally:
        path.unlink(missing_ok=True)


def _changes(changes: Iterable[config_pb2.ConfigChange]) -> str:
    return table(changes, CHANGE_COLUMNS) if changes else "nothing changes"


def _applied(config: config_pb2.Config) -> str:
    return pairs([("version", config.version), ("etag", config.etag), ("time", when(config, "create_time"))])


COLUMNS: list[Column[Any]] = [
    Column(title="VERSION", value=lambda row: row.version, right=True),
    Column(title="TIME", value=lambda row: when(row, "create_time")),
    Column(title="AUTHOR", value=lambda row: row.author),
    Column(title="SOURCE", value=lambda row: word(row, "source")),
    Column(title="IN FORCE", value=lambda row: "yes" if row.current else ""),
    Column(title="CHANGED", value=lambda row: ", ".join(row.changed_paths)),
]
CHANGE_COLUMNS: list[Column[Any]] = [
    Column(title="KEY", value=lambda row: row.path),
    Column(title="FROM", value=lambda row: row.old_value),
    Column(title="TO", value=lambda row: row.new_value),
    Column(title="RESTART", value=lambda row: "needed" if row.restart_required else ""),
    Column(title="EFFECTS", value=lambda row: "; ".join(row.effects)),
]
