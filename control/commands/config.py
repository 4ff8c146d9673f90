"""`terrace config`: show, explain, check and change the configuration."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from control.commands import config_change, config_keys, config_moves
from control.exits import ExitCode
from control.options import DryRun, Limit, Output, RequestId, Yes, noun
from control.printer import Column, Format, say, table, when, word
from control.repeat import watchable
from control.session import Stop, session

if TYPE_CHECKING:
    pass

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
    path = file or run.local_config() or os.environ.get("TERRACE_CONFIG") or "config.yaml"
    if output in (Format.TABLE, Format.WIDE):
        hand_over(["--config", path, "--check"])
    from protos.terrace.v1 import config_pb2 as pb

    answer = run.call(pb.ValidateConfigRequest(yaml=_read(path)), pb.ValidateConfigResponse)
    run.emit(answer, output, str)
    if not answer.valid:
        raise typer.Exit(ExitCode.USAGE)


@app.command("explain")
def explain(
    ctx: typer.Context,
    path: Annotated[str, typer.Argument(metavar="[PATH]", help="A key or section; none: the sections.")] = "",
    output: Output = Format.TABLE,
) -> None:
    """Tell what a key means, its unit, bounds and default, and what the config file gives it. Asks no daemon.

    \b
    Examples:
      terrace config explain
      terrace config explain risk.timer_start
      terrace config explain accounts.paper -o json
    """
    from control.handover import hand_over

    config = session(ctx).local_config()
    named = ["--config", config] if config else []
    hand_over(["config", "explain", *named, "-o", output.value, *(["--", path] if path else [])])


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
    from protos.terrace.v1 import config_pb2 as pb

    request = pb.ApplyConfigRequest(yaml=_read(file), etag=etag, request_id=request_id)
    config_change.apply(session(ctx), request, yes=yes, dry_run=dry_run, output=output)


@app.command("history")
@watchable
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

    The defaults are those of how Terrace trades; accounts, routes, sources, addresses and stores stay.

    \b
    Examples:
      terrace config restore 12
      terrace config restore --defaults --dry-run
    """
    from protos.terrace.v1 import config_pb2 as pb

    if bool(version) == defaults:
        raise Stop("say what to restore: either a version or --defaults", ExitCode.USAGE)
    run = session(ctx)
    request = pb.RestoreConfigRequest(etag=etag, request_id=request_id)
    if defaults:
        request.defaults = True
    else:
        request.version = version
    question = f"Restore {'the defaults' if defaults else f'version {version}'}"
    config_change.restore(run, request, yes=yes, dry_run=dry_run, output=output, question=question)


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
    request = pb.ApplyConfigRequest(yaml=text, etag=config.etag)
    try:
        config_change.apply(run, request, yes=yes, dry_run=dry_run, output=output)
    except BaseException:
        say(f"what you wrote is kept in {_keep(text)}")
        raise


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


def _keep(text: str) -> str:
    """A file of the user's own with the text in it: an hour of editing must not be lost to a refusal."""
    descriptor, name = tempfile.mkstemp(suffix=".yaml", prefix="terrace-kept-")
    with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
        opened.write(text)
    return name


app.command("get")(config_keys.get)
app.command("set", context_settings={"ignore_unknown_options": True})(config_keys.set_key)  # A value may be -5.
app.command("unset")(config_keys.unset)
app.command("export")(config_moves.export)
app.command("import")(config_moves.import_)
app.command("migrate")(config_moves.migrate)

COLUMNS: list[Column[Any]] = [
    Column(title="VERSION", value=lambda row: row.version, right=True),
    Column(title="TIME", value=lambda row: when(row, "create_time")),
    Column(title="AUTHOR", value=lambda row: row.author),
    Column(title="SOURCE", value=lambda row: word(row, "source")),
    Column(title="IN FORCE", value=lambda row: "yes" if row.current else ""),
    Column(title="CHANGED", value=lambda row: ", ".join(row.changed_paths)),
]
