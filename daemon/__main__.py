"""`terraced`: the daemon in the foreground, and what needs its code but no daemon.

Exit codes: 0 stopped in peace or done, 1 could not start or failed, 2 usage or a faulty config.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.commands import audit, backup, canary, config, db, init, source, token, vault
from daemon.commands.common import DONE, FAULTY, INTERRUPTED, add_config, config_path, read_config
from daemon.replay.arguments import INTERRUPTED_WORDS, add_replay_arguments

if TYPE_CHECKING:
    from daemon.config.load import LoadedConfig

CALLED_AS = "TERRACE_CALLED_AS"
"""Variable with the name of the program that handed its work over."""
COMMANDS = {module.NAME: module for module in (audit, config, db, backup, canary, init, source, token, vault)}
"""Subcommands but `replay`. Their modules are light: what they need is loaded when they run."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the program; answers the exit code."""
    program = os.environ.pop(CALLED_AS, "terraced")
    if "replay" not in (sys.argv[1:] if arguments is None else arguments):
        return _main(program, arguments)
    before = signal.signal(signal.SIGINT, lambda *_: _leave(program))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # Who handed it over let one wait.
    try:
        return _main(program, arguments)
    finally:
        if arguments is not None:
            signal.signal(signal.SIGINT, before)


def _leave(program: str) -> None:
    """Ctrl-C while code is being loaded: nothing has begun that had to be ended."""
    os.write(2, f"{program} replay: {INTERRUPTED_WORDS}\n".encode())
    os._exit(INTERRUPTED)


def _main(program: str, arguments: Sequence[str] | None) -> int:
    parser = _parser(program)
    chosen = parser.parse_args(arguments)
    if chosen.command == "replay":
        return _replay(program, chosen)
    if chosen.command is not None:
        code: int = COMMANDS[chosen.command].run(chosen, parser)
        return code
    note = "" if chosen.check else brought_up(config_path(chosen.config))
    config = read_config(chosen.config)
    if config is None:
        return FAULTY
    if note:
        config = replace(config, warnings=(note, *config.warnings))
    if chosen.check:
        return _check(config)
    from daemon.app import run

    return run(config, os.environ)


def _parser(program: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program,
        description="The Terrace daemon. Runs in the foreground until SIGTERM; SIGHUP reads the config again, "
        "SIGUSR1 writes threads and mailboxes to the log.",
        epilog="Exit codes: 0 stopped in peace, 1 could not start or failed, 2 usage or a faulty config.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    parser.add_argument("--check", action="store_true", help="check the config and exit")
    add_config(parser, default=None)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for module in COMMANDS.values():
        module.add_parser(commands)
    replay = commands.add_parser(
        "replay",
        help="run the engine on recorded prices and signals",
        description="Runs the engine of the config on recorded candles and alerts, on a virtual clock and the paper "
        "exchange, and reports what became of them. No daemon, no network; the same input gives the same report.",
        epilog="Exit codes: 0 done, 1 the report cannot be written, 2 usage or faulty input, 130 interrupted.",
        allow_abbrev=False,
    )
    add_config(replay)
    add_replay_arguments(replay)
    return parser


class _Version(argparse.Action):
    """Reads the metadata only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        print(f"terraced {version('terrace')}")
        parser.exit()


def brought_up(path: Path) -> str:
    """Before a start: an older file is written in the newest shape. What was done, for the log (CFG-5)."""
    from daemon.config.migrate import STEPS

    if not STEPS:
        return ""
    from daemon.commands.config_migrate import written
    from daemon.config.fault import ConfigFaults

    done = written(path)
    return "" if done is None or isinstance(done, ConfigFaults) else str(done)  # Faults are told by who reads it next.


def _replay(program: str, chosen: argparse.Namespace) -> int:
    from daemon.replay.command import run

    chosen.program = program
    return run(chosen, config_path(chosen.config), os.environ)


def _check(config: LoadedConfig) -> int:
    """The file is well already; this is about what a start would meet."""
    from daemon.readiness import look

    found = look(config, os.environ)
    for warning in (*config.warnings, *found.warnings):
        print(f"warning: {warning}", file=sys.stderr)
    for fault in found.faults:
        print(fault, file=sys.stderr)
    if found.faults:
        return FAULTY
    print(f"{config.daemon.config_path}: valid")
    return DONE


if __name__ == "__main__":
    sys.exit(main())
