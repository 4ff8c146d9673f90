"""`terrace context`: list, use, add, remove, show."""

from __future__ import annotations

import os
from typing import Annotated, Any

import typer

from control import complete
from control.contexts import (
    KEYS,
    checked_name,
    contexts_file,
    in_use,
    read_contexts,
    use,
    write_contexts,
)
from control.exits import ExitCode
from control.options import DryRun, Output, Yes, noun
from control.printer import Column, Format, pairs, say, table
from control.session import Session, Stop, session

app = noun("Name several daemons, and choose the one your commands go to.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="The context's name.", autocompletion=complete.contexts)]


@app.command("list")
def list_contexts(ctx: typer.Context, output: Output = Format.TABLE) -> None:
    """Show your contexts. The one in use has a star.

    \b
    Examples:
      terrace context list
      terrace context list -o json
    """
    known, used = read_contexts(os.environ), in_use(os.environ)
    rows = [_plain(name, keys, used) for name, keys in sorted(known.items())]
    none = "no contexts: commands go to the daemon of this machine's config (`terrace context add NAME` names another)"
    session(ctx).emit({"contexts": rows}, output, lambda: table(rows, COLUMNS, wide=output is Format.WIDE, none=none))
    if used and used not in known:
        say(f"in use is {used}, which is not there: terrace context use NAME, or --none")


@app.command("show")
def show(ctx: typer.Context, output: Output = Format.TABLE) -> None:
    """Show which daemon your commands go to, and why.

    \b
    Examples:
      terrace context show
      terrace --context prod context show -o json
    """
    from control.target import find_target

    run = session(ctx)
    target = find_target(run.meant)
    name = run.context.name
    values: dict[str, Any] = {
        "context": name,
        "said_by": _said_by(run),
        "address": target.address,
        "token_file": str(target.token.path),
        "timeout_s": target.timeout_s,
    }
    run.emit(values, output, lambda: pairs((key.replace("_", " "), value) for key, value in values.items()))


def _said_by(run: Session) -> str:
    flags = run.flags
    if flags.context or flags.address or flags.config:
        return "the command line"
    named = [name for name in ("TERRACE_CONTEXT", "TERRACE_CONFIG") if os.environ.get(name)]
    if named:
        return named[0]
    return "terrace context use" if run.context.name else "the config of this folder, or the defaults"


@app.command("use")
def use_context(
    ctx: typer.Context,
    name: Name = "",
    none: Annotated[bool, typer.Option("--none", help="No context: this machine's daemon again.")] = False,
    output: Output = Format.TABLE,
) -> None:
    """Choose the daemon that your commands go to from now on. --config, --address and --context still win.

    \b
    Examples:
      terrace context use prod
      terrace context use --none
    """
    if bool(name) == none:
        raise Stop("say which: a NAME, or --none", ExitCode.USAGE)
    known = read_contexts(os.environ)
    if name:
        _known(known, name)
    use(name, os.environ)
    words = f"commands go to {name} now" if name else "commands go to this machine's daemon now"
    session(ctx).emit({"context": name}, output, lambda: words)
    hidden = [variable for variable in ("TERRACE_CONTEXT", "TERRACE_CONFIG") if os.environ.get(variable)]
    if name and hidden:
        say(f"but {hidden[0]} is set, and wins")


@app.command("add")
def add(
    ctx: typer.Context,
    name: Name,
    address: Annotated[str, typer.Option(metavar="A", help="The daemon's host:port or unix:path.")] = "",
    token_file: Annotated[str, typer.Option(metavar="F", help="The file that holds your token there.")] = "",
    config: Annotated[str, typer.Option(metavar="F", help="Its config file, where that is on this machine.")] = "",
    data_dir: Annotated[str, typer.Option(metavar="D", help="Its data directory, if not as the config says.")] = "",
    timeout: Annotated[str, typer.Option(metavar="S", help="Seconds to wait for an answer.")] = "",
    tls_ca: Annotated[str, typer.Option(metavar="F", help="PEM of the CA that signed its certificate.")] = "",
    tls_cert: Annotated[str, typer.Option(metavar="F", help="PEM of your own certificate, if it wants one.")] = "",
    tls_key: Annotated[str, typer.Option(metavar="F", help="Its key, where that is another file.")] = "",
    replace: Annotated[bool, typer.Option("--replace", help="Put it in place of one of the same name.")] = False,
    dry_run: DryRun = False,
    output: Output = Format.TABLE,
) -> None:
    """Name a daemon: by its address and a token file, or by its config where that is on this machine.

    \b
    Examples:
      terrace context add prod --address 10.0.0.5:7461 --token-file ~/.config/terrace/prod.token --tls-ca ca.pem
      terrace context add paper --config /etc/terrace/paper.yaml
    """
    given = (address, token_file, config, data_dir, timeout, tls_ca, tls_cert, tls_key)
    keys = {key: _absolute(key, value) for key, value in zip(KEYS, given, strict=True) if value}
    if not (address or config or data_dir):
        raise Stop("say where it is: --address, or --config where its files are on this machine", ExitCode.USAGE)
    if address and not (token_file or config or data_dir or tls_cert):
        raise Stop("say what proves who you are there: --token-file, or --tls-cert", ExitCode.USAGE)
    known = read_contexts(os.environ)
    if checked_name(name) in known and not replace:
        raise Stop(f"there is a context {name}: --replace puts this one in its place", ExitCode.REFUSED)
    for key in ("token_file", "config", "tls_ca", "tls_cert", "tls_key"):
        if key in keys and not os.path.isfile(keys[key]):
            say(f"warning: {key} {keys[key]} is not there yet")
    if not dry_run:
        write_contexts({**known, name: keys}, os.environ)
    words = f"{'would be ' if dry_run else ''}written to {contexts_file(os.environ)}; terrace context use {name}"
    session(ctx).emit({"context": {"name": name, **keys}}, output, lambda: words)


@app.command("remove")
def remove(
    ctx: typer.Context, name: Name, yes: Yes = False, dry_run: DryRun = False, output: Output = Format.TABLE
) -> None:
    """Forget a context. The daemon and your token file stay as they are.

    \b
    Examples:
      terrace context remove prod
      terrace context remove prod --yes
    """
    known = read_contexts(os.environ)
    keys = _known(known, name)
    is_used = in_use(os.environ) == name
    if not dry_run:
        tail = ", the one in use" if is_used else ""
        session(ctx).confirm(f"Forget the context {name}{tail}?", yes=yes)
        write_contexts({other: one for other, one in known.items() if other != name}, os.environ)
        if is_used:
            use("", os.environ)
    words = f"{'would forget' if dry_run else 'forgot'} {name}"
    session(ctx).emit({"context": {"name": name, **keys}}, output, lambda: words)


def _known(known: Any, name: str) -> Any:
    if name not in known:
        have = ", ".join(sorted(known)) or "none"
        raise Stop(f"no context {name} in {contexts_file(os.environ)} (there: {have})", ExitCode.NOT_FOUND)
    return known[name]


def _absolute(key: str, value: str) -> str:
    """Files as they are found from anywhere."""
    if key in ("address", "timeout_s"):
        if key == "timeout_s":
            _check_seconds(value)
        return f"unix:{os.path.abspath(value[5:])}" if value.startswith("unix:") else value
    return os.path.abspath(os.path.expanduser(value))


def _check_seconds(text: str) -> None:
    try:
        is_well = 0 < float(text) < 86_400
    except ValueError:
        is_well = False
    if not is_well:
        raise Stop(f"--timeout: {text} is not a number of seconds", ExitCode.USAGE)


def _plain(name: str, keys: Any, used: str) -> dict[str, Any]:
    return {"name": name, "in_use": name == used, **{key: keys.get(key, "") for key in KEYS}}


COLUMNS: list[Column[Any]] = [
    Column(title="", value=lambda row: "*" if row["in_use"] else ""),
    Column(title="CONTEXT", value=lambda row: row["name"]),
    Column(title="ADDRESS", value=lambda row: row["address"] or "as its config says"),
    Column(title="CONFIG", value=lambda row: row["config"] or row["data_dir"]),
    Column(title="TOKEN FILE", value=lambda row: row["token_file"], wide=True),
    Column(title="CA", value=lambda row: row["tls_ca"], wide=True),
]
