"""`terrace`: the command line. Only the noun that was asked for is imported."""

from __future__ import annotations

import errno
import os
import sys
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from control import complete
from control.ending import explain
from control.exits import ExitCode
from control.options import CONTEXT
from control.printer import say
from control.quick import read_quickly
from control.repeat import fill_watch
from control.session import Session, Stop
from control.target import TargetFlags

NOUNS = {
    "init": ("init", "Write the first config: by questions, or with --paper."),
    "up": ("up", "Start daemon, webhook forwarder and panel together."),
    "update": ("update", "Install a new version, try it on a copy, switch, go back if it fails."),
    "rollback": ("update", "Go back to the version before."),
    "service": ("service", "Run it as services of this machine (systemd, launchd)."),
    "status": ("status", "The engine on one screen."),
    "watch": ("watch", "A live screen of pool, groups and queue."),
    "doctor": ("doctor", "Check that everything is as it should be, with remedies."),
    "signal": ("signal", "Send, show and check signals."),
    "group": ("group", "Show and close position groups."),
    "queue": ("queue", "Show and change the queue of waiting signals."),
    "engine": ("engine", "Show, pause and resume the engine."),
    "account": ("account", "Show and check exchange accounts."),
    "paper": ("paper", "Move prices of the paper exchange."),
    "risk": ("risk", "Show and steer the risk engine."),
    "report": ("report", "Profit, statistics, exports."),
    "alert": ("alert", "Show and acknowledge alerts."),
    "log": ("log", "Follow, search and export what happened."),
    "config": ("config", "Show, check and change the configuration."),
    "source": ("handover", "List the sources of alerts, rotate their secrets."),
    "token": ("handover", "Make, list, revoke and rotate the API's tokens."),
    "secret": ("secret", "Set and rotate stored secrets."),
    "backup": ("backup", "Make, restore and verify backups."),
    "audit": ("audit", "Verify the audit trail."),
    "diag": ("diag", "Diagnostics of the running daemon."),
    "forward": ("forward", "Run the webhook forwarder."),
    "panel": ("panel", "Run the panel."),
    "replay": ("handover", "Run the engine on recorded prices and signals."),
    "db": ("handover", "Look after the store: migrate, check."),
    "context": ("context", "Name several daemons, choose the one in use."),
    "completion": ("completion", "Print a shell completion script."),
}
"""Noun -> its module in `control.commands`, its line in the help."""


_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class _Nouns(TyperGroup):
    """Loads a noun when it is used, and turns what a command ends in into its exit code."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        return list(NOUNS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        if cmd_name not in NOUNS:
            return None
        if cmd_name not in self.commands:
            module = import_module(f"control.commands.{NOUNS[cmd_name][0]}")
            made = module.APPS[cmd_name] if hasattr(module, "APPS") else module.app
            command = typer.main.get_command(made)
            command.name = cmd_name
            self.commands[cmd_name] = command
        return self.commands[cmd_name]

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] not in NOUNS and not args[0].startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(args[0], NOUNS, n=1)
            ctx.fail(f"No such command '{args[0]}'." + (f" Did you mean '{near[0]}'?" if near else ""))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in NOUNS.items()])

    def invoke(self, ctx: Any) -> Any:
        try:
            return _run(lambda: super(_Nouns, self).invoke(ctx))
        finally:
            if isinstance(ctx.obj, Session):
                ctx.obj.close()


def _run(command: Any) -> Any:
    try:
        try:
            return command()
        finally:
            sys.stdout.flush()  # What cannot be written is found out here, not when nobody can tell it any more.
    except KeyboardInterrupt:
        say("interrupted")
        raise typer.Exit(ExitCode.CANCELLED) from None
    except BrokenPipeError:
        _write_nowhere()  # The reader has gone: nothing is left to say.
        raise typer.Exit(ExitCode.DONE) from None
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        _write_nowhere()
        say(f"terrace: the answer cannot be written: {error.strerror}")
        raise typer.Exit(ExitCode.FAILED) from None
    except Stop as stop:
        say(f"terrace: {stop.message}")
        raise typer.Exit(stop.code) from None
    except Exception as error:
        code = explain(error)
        if code is None:
            raise
        raise typer.Exit(code) from None


def _write_nowhere() -> None:
    """What still waits to be written would fail once more at the very end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fill_gaps() -> None:
    """Standard streams that were closed (`>&-`) lead nowhere, instead of being None."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115


def _version(value: bool) -> None:
    if value:
        from control.version import own_version

        print(f"terrace {own_version()}")
        raise typer.Exit


app = typer.Typer(
    cls=_Nouns,
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings=CONTEXT,
)


@app.callback(
    epilog="\b\nExit codes: 0 done, 1 failed, 2 usage or faulty input, 3 not found, 4 not permitted,\n"
    "5 unavailable, 6 refused by the engine, 7 outcome unknown, 8 cancelled."
)
def _root(
    ctx: typer.Context,
    config: Annotated[str, typer.Option(metavar="FILE", help="The config file; else TERRACE_CONFIG.")] = "",
    context: Annotated[
        str,
        typer.Option(metavar="NAME", help="A daemon named by `terrace context add`.", autocompletion=complete.contexts),
    ] = "",
    address: Annotated[str, typer.Option(metavar="A", help="The daemon's host:port or unix:path.")] = "",
    token_file: Annotated[str, typer.Option(metavar="F", help="The file that holds your token.")] = "",
    tls_ca: Annotated[str, typer.Option(metavar="F", help="PEM of the CA that signed the daemon's certificate.")] = "",
    tls_cert: Annotated[str, typer.Option(metavar="F", help="PEM of your own certificate, if it wants one.")] = "",
    tls_key: Annotated[str, typer.Option(metavar="F", help="Its key, where that is another file.")] = "",
    timeout: Annotated[float | None, typer.Option(metavar="S", min=0.01, help="Seconds to wait for an answer.")] = None,
    version: Annotated[  # noqa: ARG001
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Terrace turns TradingView alerts into managed positions.

    Address and token are found from the config file and its data directory; the options here override them.

    \b
    Examples:
      terrace up
      terrace status
      terrace --config /etc/terrace/config.yaml group list -o json
      terrace --address 10.0.0.5:7461 --token-file ~/token signal list
    """
    flags = TargetFlags(
        config=config,
        context=context,
        address=address,
        token_file=token_file,
        timeout_s=timeout,
        tls_ca=tls_ca,
        tls_cert=tls_cert,
        tls_key=tls_key,
    )
    ctx.obj = Session(flags=flags)


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line, by default this process's; ends in SystemExit with one of ExitCode."""
    _fill_gaps()
    read_quickly()
    given = fill_watch(sys.argv[1:] if arguments is None else arguments)
    if "_TERRACE_COMPLETE" in os.environ:  # A shell asks what could stand here; `terrace completion` told it how.
        from typer.completion import completion_init  # type: ignore[attr-defined]

        completion_init()
    app(given, prog_name="terrace")
    return 0  # Never reached: typer exits by itself.
