"""`terraced db`: looks after the store while no daemon uses it."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from daemon.commands.common import (
    CANCELLED,
    DONE,
    FAILED,
    FAULTY,
    add_config,
    add_output,
    agreed,
    failed,
    print_json,
    read_config,
)
from daemon.commands.store import store_url_of

if TYPE_CHECKING:
    from daemon.store.tools import Rollback

NAME = "db"
ACTIONS = {
    "check": "look it through; changes nothing, a daemon may be running",
    "migrate": "bring its schema up to this version",
    "downgrade": "take the newest migration back (also called rollback)",
    "vacuum": "give the space of deleted rows back to the disk",
}


def add_parser(commands: Any) -> None:
    listed = "\n".join(f"  {name:<10} {words}" for name, words in ACTIONS.items())
    db = commands.add_parser(
        NAME,
        help="look after the store while no daemon uses it",
        description=f"Looks after the store.\n\n{listed}",
        epilog="Examples:\n  terraced db check\n  terraced db downgrade --dry-run\n  terraced db vacuum\n\n"
        "Exit codes: 0 done, 1 the store is not well or it could not be done, 2 usage or a faulty config, 8 not "
        "confirmed: nothing was done.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_config(db)
    db.add_argument("action", choices=(*ACTIONS, "rollback"), metavar="{" + ",".join(ACTIONS) + "}")
    add_output(db)
    db.add_argument("--yes", action="store_true", help="downgrade: do not ask, and take the first migration back too")
    db.add_argument("--to", metavar="MIGRATION", default="", help="downgrade: take all back that are newer than this")
    db.add_argument("--books", metavar="N", type=int, help="downgrade: also files of paper accounts, to their schema N")
    db.add_argument("--dry-run", action="store_true", help="downgrade, vacuum: say what would be done, change nothing")


def run(chosen: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    action = "downgrade" if chosen.action == "rollback" else chosen.action
    if chosen.yes and action != "downgrade":
        parser.error("--yes belongs to db downgrade")
    if (chosen.to or chosen.books is not None) and action != "downgrade":
        parser.error("--to and --books belong to db downgrade")
    if chosen.dry_run and action not in ("downgrade", "vacuum"):
        parser.error("--dry-run belongs to db downgrade and db vacuum")
    config = read_config(chosen.config)
    if config is None:
        return FAULTY
    from daemon.store import tools

    data_dir = config.daemon.data_dir
    is_json = chosen.output == "json"
    url = store_url_of(config)
    if not isinstance(url, str):
        return failed(url)
    if action == "check":
        return _checked(tools.check(url, data_dir), is_json=is_json)
    if action == "vacuum":
        from daemon.commands.vacuum import run_vacuum

        return run_vacuum(url, data_dir, dry_run=chosen.dry_run, is_json=is_json)
    if action == "downgrade":
        look = tools.look_at_rollback(url, data_dir)
        stop = _before_rollback(look, yes=chosen.yes, dry_run=chosen.dry_run, is_json=is_json)
        return _rolled_back(url, data_dir, chosen, is_json=is_json) if stop is None else stop
    return _changed(action, tools.migrate_store(url, data_dir), is_json=is_json)


def _rolled_back(url: str, data_dir: Path, chosen: argparse.Namespace, *, is_json: bool) -> int:
    from daemon.store import tools

    done = tools.rollback_store(url, data_dir, empty=chosen.yes and not chosen.to, to=chosen.to)
    words = None
    if isinstance(done, tools.Changed) and chosen.books is not None:
        words = _books_down(data_dir, chosen.books)
    return _changed("downgrade", words or done, is_json=is_json)


def _books_down(data_dir: Path, version: int) -> str | None:
    """Words where it cannot be done. Who uses them has the directory's lock, which is taken for it."""
    from daemon.exchanges.paper_books import BooksFault, bring_down
    from daemon.store.lock import Held, take_lock

    lock = take_lock(data_dir)
    if isinstance(lock, Held):
        return f"a daemon (pid {lock.pid}) is using {data_dir}: stop it first"
    try:
        for path in sorted((data_dir / "paper").glob("*.db")):
            bring_down(path, version)
    except BooksFault as fault:
        return str(fault)
    finally:
        lock.release()
    return None


def _changed(action: str, done: object, *, is_json: bool) -> int:
    from daemon.store.tools import Changed

    if not isinstance(done, Changed):
        return failed(done)
    if is_json:
        print_json({"migrations": list(done.migrations), "kept": done.kept})
        return DONE
    if not done.migrations:
        print("nothing to do")
    for name in done.migrations:
        print(f"{'ran' if action == 'migrate' else 'took back'} {name}")
    if done.kept is not None:
        print(f"the store as it was before is kept in {done.kept}")
    return DONE


def _before_rollback(found: object, *, yes: bool, dry_run: bool, is_json: bool) -> int | None:
    """Says what would be lost, and asks. The exit code if it ends here; None: go on."""
    from daemon.store.tools import Rollback

    if not isinstance(found, Rollback):
        return failed(found)
    if is_json and (dry_run or not found.migration):
        print_json({"migration": found.migration, "loss": found.loss})
        return DONE
    if dry_run or not found.migration:
        print(f"would take back {found.migration}: {found.loss}" if found.migration else "nothing to do")
        return DONE
    if yes:
        return None
    return None if confirmed(found) else CANCELLED


def confirmed(found: Rollback) -> bool:
    """Never of the first migration: that takes the whole word, --yes."""
    copy = "; a copy of the store as it is now is kept beside it" if found.is_copied else "; no copy is made"
    print(f"{found.loss}{copy}", file=sys.stderr)
    if found.is_first:
        print("terraced: not done: say --yes if the store is meant to be emptied", file=sys.stderr)
        return False
    if sys.stdin.isatty() and agreed(f"Take back {found.migration} in {found.path}? [y/N] "):
        return True
    print("terraced: not done: it was not confirmed (--yes does not ask)", file=sys.stderr)
    return False


def _checked(found: object, *, is_json: bool) -> int:
    from daemon.store.tools import Checked

    if not isinstance(found, Checked):
        return failed(found)
    if is_json:
        print_json({**asdict(found), "is_well": found.is_well})
        return DONE if found.is_well else FAILED
    engine = f"{found.engine} {found.engine_version}"
    print(f"{found.path}: {found.size_bytes} bytes, schema {found.schema or 'none'}, {engine}")
    for problem in found.problems:
        print(f"problem: {problem}")
    for name in found.pending:
        print(f"pending migration: {name}")
    for name in found.unknown:
        print(f"migration of a newer Terrace: {name}")
    if found.in_use:
        print(f"warning: {found.in_use}", file=sys.stderr)
    if found.warning:
        print(f"warning: {found.warning}", file=sys.stderr)
    if not found.finished:
        print("the check did not come to its end in time")
    print("the store is well" if found.is_well else "the store is not well")
    if found.problems and found.engine == "SQLite":
        from daemon.store.trouble import RESTORE

        print(RESTORE)
    return DONE if found.is_well else FAILED
