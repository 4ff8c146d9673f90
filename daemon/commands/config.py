"""`terraced config`: what can be done with the configuration while no daemon runs: explain its keys."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING, Any

from daemon.commands.common import DONE, add_config, config_path

if TYPE_CHECKING:
    from daemon.config.load import LoadedConfig

NAME = "config"
NOT_FOUND = 3


def add_parser(commands: Any) -> None:
    config = commands.add_parser(NAME, help="explain the keys of the configuration", allow_abbrev=False)
    actions = config.add_subparsers(dest="action", metavar="ACTION", required=True)
    explain = actions.add_parser(
        "explain",
        help="what a key means, what it may hold and what it holds now",
        description="Tells what a key of the configuration means, its unit, bounds, words and default, and what the "
        "file gives it. Asks no daemon. Without a key it lists the sections.",
        epilog="Examples: explain risk.timer_start; explain queue; explain accounts.paper.fill. "
        "Exit codes: 0 done, 2 usage, 3 no such key.",
        allow_abbrev=False,
    )
    add_config(explain)
    explain.add_argument("path", nargs="?", default="", metavar="PATH", help="a key or section, such as risk")
    migrate = actions.add_parser(
        "migrate",
        help="bring a file of an older version up to this one",
        description="Writes the file in the shape of this version and keeps the original beside it.",
        epilog="Exit codes: 0 done or nothing to do, 1 it cannot be written, 2 usage or a faulty file.",
        allow_abbrev=False,
    )
    add_config(migrate)
    migrate.add_argument("--dry-run", action="store_true", help="print what the file would be, change nothing")
    explain.add_argument("-o", dest="output", choices=("table", "wide", "json", "yaml"), default="table")


def run(chosen: argparse.Namespace, _parser: argparse.ArgumentParser) -> int:
    if chosen.action == "migrate":
        from daemon.commands.config_migrate import migrate

        return migrate(config_path(chosen.config), dry_run=chosen.dry_run)
    from daemon.config import describe, explain

    if chosen.path and not describe.describe(chosen.path, None):
        print(f"terraced: {describe.no_such_key(chosen.path)}", file=sys.stderr)
        return NOT_FOUND
    found = describe.describe(chosen.path, _in_force(chosen.config))
    if chosen.output in ("json", "yaml"):
        _print(explain.as_data(found, chosen.output))
    else:
        _print("\n\n".join(map(explain.in_words, found)) if chosen.path else explain.sections(found))
    return DONE


def _print(text: str) -> None:
    """Quiet where the reader has left, as `| head` does."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _in_force(given: str | None) -> LoadedConfig | None:
    """The config, for its values. Keys can be explained without one, and most of all when it is broken."""
    from daemon.config.load import ConfigFaults, load_config

    path = config_path(given)
    config = load_config(path, os.environ)
    if isinstance(config, ConfigFaults):
        if path.exists() or given:
            print(f"{path} has faults, its values are not shown (`terraced --check` names them)", file=sys.stderr)
        return None
    return config
