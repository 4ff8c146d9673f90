"""`terraced`: the daemon in the foreground, and what needs its code but no daemon.

Exit codes: 0 stopped in peace or done, 1 could not start, failed, or not built yet, 2 usage or a faulty config.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.replay.arguments import INTERRUPTED_WORDS, add_replay_arguments

if TYPE_CHECKING:
    from daemon.config.load import LoadedConfig
    from daemon.store.tools import Rollback

DONE, FAILED, FAULTY, INTERRUPTED = 0, 1, 2, 130
DEFAULT_CONFIG = "config.yaml"
CALLED_AS = "TERRACE_CALLED_AS"
"""Variable with the name of the program that handed its work over."""
LATER = {"backup": "restore or verify a backup"}
"""Commands that are known and not built: they take any arguments and say so."""


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
    chosen, rest = parser.parse_known_args(arguments)
    if chosen.command in LATER:
        print(f"{program}: {chosen.command} is not built yet", file=sys.stderr)
        return FAILED
    if rest:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if chosen.command == "db" and chosen.action != "rollback" and (chosen.yes or chosen.dry_run):
        parser.error("--yes and --dry-run belong to db rollback")
    if chosen.command == "replay":
        return _replay(program, chosen)
    from daemon.config.load import ConfigFaults, load_config

    config = load_config(_config_path(chosen.config), os.environ)
    if isinstance(config, ConfigFaults):
        print(config, file=sys.stderr)
        return FAULTY
    if chosen.command == "db":
        return _db(chosen.action, config, yes=chosen.yes, dry_run=chosen.dry_run)
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
    _add_config(parser, default=None)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    db = commands.add_parser("db", help="look after the store while no daemon uses it", allow_abbrev=False)
    _add_config(db, default=argparse.SUPPRESS)
    db.add_argument(
        "action",
        choices=("check", "migrate", "rollback"),
        help="check: look it through; migrate: bring its schema up; rollback: take the newest migration back",
    )
    db.add_argument("--yes", action="store_true", help="rollback: do not ask, and take the first migration back too")
    db.add_argument("--dry-run", action="store_true", help="rollback: say what would be lost and change nothing")
    replay = commands.add_parser(
        "replay",
        help="run the engine on recorded prices and signals",
        description="Runs the engine of the config on recorded candles and alerts, on a virtual clock and the paper "
        "exchange, and reports what became of them. No daemon, no network; the same input gives the same report.",
        epilog="Exit codes: 0 done, 1 the report cannot be written, 2 usage or faulty input, 130 interrupted.",
        allow_abbrev=False,
    )
    _add_config(replay, default=argparse.SUPPRESS)
    add_replay_arguments(replay)
    for name, words in LATER.items():
        commands.add_parser(name, help=f"{words} (not built yet)", allow_abbrev=False)
    return parser


def _add_config(parser: argparse.ArgumentParser, default: str | None) -> None:
    parser.add_argument(
        "--config",
        metavar="FILE",
        default=default,
        help=f"the configuration (else TERRACE_CONFIG, else {DEFAULT_CONFIG} here)",
    )


class _Version(argparse.Action):
    """Reads the metadata only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        print(f"terraced {version('terrace')}")
        parser.exit()


def _replay(program: str, chosen: argparse.Namespace) -> int:
    from daemon.replay.command import run

    chosen.program = program
    return run(chosen, _config_path(chosen.config), os.environ)


def _config_path(given: str | None) -> Path:
    return Path(given or os.environ.get("TERRACE_CONFIG") or DEFAULT_CONFIG)


def _check(config: LoadedConfig) -> int:
    for warning in config.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    print(f"{config.daemon.config_path}: valid")
    return DONE


def _db(action: str, config: LoadedConfig, *, yes: bool, dry_run: bool) -> int:
    from daemon.store import tools
    from daemon.store.open import StoreRefused

    url = config.daemon.storage.url if config.daemon.storage.url.startswith("sqlite:") else "sqlite:///terrace.db"
    data_dir = config.daemon.data_dir
    if action == "check":
        return _db_check(tools.check(url, data_dir))
    if action == "rollback":
        stop = _before_rollback(tools.look_at_rollback(url, data_dir), yes=yes, dry_run=dry_run)
        if stop is not None:
            return stop
        done = tools.rollback_store(url, data_dir, empty=yes)
    else:
        done = tools.migrate_store(url, data_dir)
    if isinstance(done, StoreRefused):
        print(f"terraced: {done}", file=sys.stderr)
        return FAILED
    if not done.migrations:
        print("nothing to do")
    for name in done.migrations:
        print(f"{'ran' if action == 'migrate' else 'took back'} {name}")
    if done.kept is not None:
        print(f"the store as it was before is kept in {done.kept}")
    return DONE


def _before_rollback(found: object, *, yes: bool, dry_run: bool) -> int | None:
    """Says what would be lost, and asks. The exit code if it ends here; None: go on."""
    from daemon.store.tools import Rollback

    if not isinstance(found, Rollback):
        print(f"terraced: {found}", file=sys.stderr)
        return FAILED
    if dry_run or not found.migration:
        print(f"would take back {found.migration}: {found.loss}" if found.migration else "nothing to do")
        return DONE
    if yes:
        return None
    return None if _confirmed(found) else FAILED


def _confirmed(found: Rollback) -> bool:
    """Never of the first migration: that takes the whole word, --yes."""
    print(f"{found.loss}; a copy of the store as it is now is kept beside it", file=sys.stderr)
    if found.is_first:
        print("terraced: not done: say --yes if the store is meant to be emptied", file=sys.stderr)
        return False
    if sys.stdin.isatty() and _agreed(f"Take back {found.migration} in {found.path}? [y/N] "):
        return True
    print("terraced: not done: it was not confirmed (--yes does not ask)", file=sys.stderr)
    return False


def _agreed(question: str) -> bool:
    try:
        return input(question).strip().lower() in ("y", "yes")
    except (EOFError, KeyboardInterrupt):
        return False


def _db_check(found: object) -> int:
    from daemon.store.tools import Checked

    if not isinstance(found, Checked):
        print(f"terraced: {found}", file=sys.stderr)
        return FAILED
    print(f"{found.path}: {found.size_bytes} bytes, schema {found.schema or 'none'}, SQLite {found.engine_version}")
    for problem in found.problems:
        print(f"problem: {problem}")
    for name in found.pending:
        print(f"pending migration: {name}")
    for name in found.unknown:
        print(f"migration of a newer Terrace: {name}")
    if found.warning:
        print(f"warning: {found.warning}", file=sys.stderr)
    if not found.finished:
        print("the check did not come to its end in time")
    print("the store is well" if found.is_well else "the store is not well")
    return DONE if found.is_well else FAILED


if __name__ == "__main__":
    sys.exit(main())
