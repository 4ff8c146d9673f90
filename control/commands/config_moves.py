"""`terrace config export|import|migrate`: the configuration with its history as one file, and onto another machine."""

from __future__ import annotations

import json
import os
from typing import Annotated, Any

import typer

from control.commands import config_change
from control.exits import ExitCode
from control.options import DryRun, Output, RequestId, Yes
from control.printer import Format, plain, say
from control.session import Session, Stop, session

FORMAT = 1
LISTENERS = ("api", "forwarder", "panel", "observe")
PLACES = ("data_dir", "storage.url", *(f"{name}.{key}" for name in LISTENERS for key in ("address", "public")))
"""Keys that say where an installation is, and who may reach it there. They are not carried to another."""
MAX_IMPORT_BYTES = 64 * 1024 * 1024
DEFAULT_VERSIONS = 50


def export(
    ctx: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="A new file; - for standard output.")],
    versions: Annotated[
        int, typer.Option("--versions", min=0, metavar="N", help="Newest versions to put in; 0: all.")
    ] = DEFAULT_VERSIONS,
) -> None:
    """Write the configuration and its history to one file. It holds references to secrets, never secrets.

    \b
    Examples:
      terrace config export terrace-config.json
      terrace config export - --versions 1
    """
    from protos.terrace.v1 import config_pb2 as pb

    run = session(ctx)
    config = run.call(pb.GetConfigRequest(), pb.GetConfigResponse).config
    listed = run.pages(pb.ListConfigVersionsRequest(), pb.ListConfigVersionsResponse, limit=versions).config_versions
    rows = []
    for one in listed:
        text = run.call(pb.GetConfigRequest(version=one.version), pb.GetConfigResponse).config.yaml
        rows.append({**plain(one), "yaml": text})
    whole = {"terrace_config_export": FORMAT, "config": plain(config), "versions": rows}
    text = json.dumps(whole, indent=1, ensure_ascii=False) + "\n"
    if file == "-":
        typer.echo(text, nl=False)
        return
    _write_new(file, text)
    say(f"{file}: version {config.version} and {len(rows)} of its history")


def import_(
    ctx: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="What `terrace config export` wrote.")],
    version: Annotated[
        int, typer.Option("--config-version", min=0, metavar="N", help="One of its history; 0: the exported one.")
    ] = 0,
    yes: Yes = False,
    dry_run: DryRun = False,
    request_id: RequestId = "",
    output: Output = Format.TABLE,
) -> None:
    """Put an exported configuration in force. Shows what changes, then asks.

    Where this installation is stays: data_dir, storage.url and the addresses it listens on.

    \b
    Examples:
      terrace config import terrace-config.json --dry-run
      terrace config import terrace-config.json --config-version 12
    """
    from protos.terrace.v1 import config_pb2 as pb

    text = _exported(file, version)
    run = session(ctx)
    request = pb.ApplyConfigRequest(yaml=text, edits=_own_place(run, text), request_id=request_id)
    config_change.apply(run, request, yes=yes, dry_run=dry_run, output=output, question="Import this")


def migrate(ctx: typer.Context, dry_run: DryRun = False) -> None:
    """Bring a config file written for an older Terrace up to this one. The original is kept beside it. Asks no daemon.

    \b
    Examples:
      terrace config migrate --dry-run
    """
    from control.handover import hand_over

    config = session(ctx).local_config()
    named = ["--config", config] if config else []
    hand_over(["config", "migrate", *named, *(["--dry-run"] if dry_run else [])])


def _own_place(run: Session, text: str) -> list[Any]:
    """The edits that keep where this installation is."""
    import yaml

    from protos.terrace.v1 import config_pb2 as pb

    own = yaml.safe_load(run.call(pb.GetConfigRequest(), pb.GetConfigResponse).config.yaml)
    try:
        tree = yaml.safe_load(text)
    except yaml.YAMLError:
        return []  # The daemon says what is wrong with it, line by line.
    edits = []
    for path in PLACES:
        here, there = _at(own, path), _at(tree, path)
        if here is None and there is not None:
            edits.append(pb.ConfigEdit(path=path, unset=True))
        elif here is not None and here != there:
            edits.append(pb.ConfigEdit(path=path, value=json.dumps(here)))
    return edits


def _at(tree: Any, path: str) -> Any:
    for name in path.split("."):
        tree = tree.get(name) if isinstance(tree, dict) else None
    return tree


def _exported(file: str, version: int) -> str:
    try:
        with open(file, "rb") as opened:
            raw = opened.read(MAX_IMPORT_BYTES + 1)
        whole = json.loads(raw) if len(raw) <= MAX_IMPORT_BYTES else None
    except OSError as error:
        raise Stop(f"{file}: {error.strerror or error}", ExitCode.USAGE) from None
    except (ValueError, RecursionError):
        whole = None
    if not isinstance(whole, dict) or whole.get("terrace_config_export") != FORMAT:
        raise Stop(f"{file}: not a file that `terrace config export` wrote", ExitCode.USAGE)
    found = [whole.get("config"), *whole.get("versions", ())]
    for one in found:
        if isinstance(one, dict) and version in (0, one.get("version")):
            return str(one.get("yaml", ""))
    raise Stop(f"{file}: holds no version {version}", ExitCode.NOT_FOUND)


def _write_new(file: str, text: str) -> None:
    """A file only its owner can read, since a configuration says a lot. One that is there is left alone."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
            opened.write(text)
    except FileExistsError:
        raise Stop(f"{file}: exists already; name a new file", ExitCode.USAGE) from None
    except OSError as error:
        raise Stop(f"{file}: {error.strerror or error}") from None
