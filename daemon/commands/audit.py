"""`terraced audit`: checks the audit trail without a daemon, or gives it a new key (LOG-3)."""

from __future__ import annotations

import argparse
import sqlite3
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from daemon.commands.common import DONE, FAILED, FAULTY, INTERRUPTED, add_config, failed, read_config

if TYPE_CHECKING:
    from actors.ports import StoreFault
    from daemon.store.audit_verify import Check, Verified
    from daemon.store.link import Source

NAME = "audit"
ACTIONS = {
    "verify": "check that no event was changed, removed, put in or moved; a daemon may be running",
    "rotate-key": "make a new key, used from the daemon's next start on; the old ones stay",
}
SHOW_EVERY_S = 1.0


def add_parser(commands: Any) -> None:
    listed = "\n".join(f"  {name:<10} {words}" for name, words in ACTIONS.items())
    audit = commands.add_parser(
        NAME,
        help="check the audit trail, or give it a new key",
        description=f"Looks after the audit trail.\n\n{listed}",
        epilog="Examples:\n  terraced audit verify\n  terraced audit verify --from 120000\n"
        "  terraced audit rotate-key\n\n"
        "Exit codes: 0 whole, or done; 1 broken, or it could not be done; 2 usage or a faulty config.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_config(audit)
    audit.add_argument("action", choices=tuple(ACTIONS), metavar="{" + ",".join(ACTIONS) + "}")
    audit.add_argument("--from", dest="start", type=int, default=0, metavar="N", help="verify: first event to check")
    audit.add_argument("--to", dest="end", type=int, default=0, metavar="N", help="verify: last event to check")
    audit.add_argument(
        "--anchor",
        action="append",
        default=[],
        metavar="N:HASH",
        help="verify: a hash kept elsewhere, from the log's audit_anchor lines say; may be repeated",
    )


def run(chosen: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    given = _anchors(chosen.anchor, parser)
    if chosen.start < 0 or chosen.end < 0 or (chosen.end and chosen.start > chosen.end):
        parser.error("--from and --to must name events in order")
    if chosen.action != "verify" and (given or chosen.start or chosen.end):
        parser.error("--from, --to and --anchor belong to audit verify")
    config = read_config(chosen.config)
    if config is None:
        return FAULTY
    from daemon.commands.store import source_of
    from daemon.store.audit_anchors import anchor_file, read_anchors
    from daemon.store.audit_verify import Check
    from daemon.store.refused import StoreRefused

    data_dir = config.daemon.data_dir
    if chosen.action == "rotate-key":
        return _rotate(data_dir)
    anchors = {**read_anchors(anchor_file(data_dir)), **given}
    check = Check(start=chosen.start, end=chosen.end, anchors=anchors)
    try:
        source = source_of(config)
        return failed(source) if isinstance(source, StoreRefused) else _verify(source, data_dir, check)
    except KeyboardInterrupt:
        return INTERRUPTED


def _anchors(texts: list[str], parser: argparse.ArgumentParser) -> Mapping[int, str]:
    found = {}
    for text in texts:
        sequence, colon, digest = text.partition(":")
        if not colon or not sequence.isdigit() or len(digest) != 64:
            parser.error(f"--anchor {text}: must be the number of an event, a colon and its hash of 64 digits")
        found[int(sequence)] = digest
    return found


def _rotate(data_dir: Path) -> int:
    from daemon.store.audit_keys import NoKeys, key_file, rotate_keys

    made = rotate_keys(data_dir)
    if isinstance(made, NoKeys):
        return failed(str(made))
    print(f"made the key {made} in {key_file(data_dir)}; it is used from the daemon's next start on")
    print("keep the file: the keys before it are needed to check what was written under them")
    return DONE


def _verify(source: Source, data_dir: Path, check: Check) -> int:
    from actors.ports import StoreFault
    from daemon.store.audit_keys import NoKeys, load_keys
    from daemon.store.read import Reader

    keys = load_keys(data_dir)
    if isinstance(keys, NoKeys):
        return failed(str(keys))
    reader = Reader(source)
    begun_s = time.monotonic()
    try:
        found = reader.verify_audit(keys, check, _progress())
    except StoreFault as fault:
        return failed(_refusal(source, fault))
    finally:
        reader.close()
    return _said(found, time.monotonic() - begun_s)


def _refusal(source: Source, fault: StoreFault) -> str:
    """Why it could not be read. Only where a table or column is missing is the schema the reason."""
    from daemon.store.sqlite_link import SqliteSource
    from daemon.store.trouble import MIGRATE, refusal_of, sqlite_codes

    state = getattr(fault.__cause__, "sqlstate", None) or ""
    if "no such" in str(fault) or state.startswith("42") or sqlite3.SQLITE_SCHEMA in sqlite_codes(fault):
        return f"{fault}. {MIGRATE}"
    if isinstance(source, SqliteSource):
        return str(refusal_of(source.path, fault))
    return f"{fault}. Look at the server, then try again"


def _progress() -> Any:
    """Tells a terminal how far it is, now and then."""
    next_s = time.monotonic() + SHOW_EVERY_S

    def show(done: int, last: int) -> None:
        nonlocal next_s
        if sys.stderr.isatty() and time.monotonic() >= next_s:
            next_s = time.monotonic() + SHOW_EVERY_S
            print(f"\rchecked up to event {done} of {last}", end="", file=sys.stderr, flush=True)

    return show


def _said(found: Verified, took_s: float) -> int:
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)
    checked = f"{found.checked} events checked"
    if found.checked:
        checked += f", {found.first} to {found.last}, in {took_s:.1f} s"
    print(checked)
    if found.valid:
        print(f"the audit trail is whole; hash of event {found.last}: {found.last_hash}")
        if found.words:
            print(f"note: {found.words}")
        return DONE
    when = ""
    if found.broken_time_ms is not None:
        when = f" ({datetime.fromtimestamp(found.broken_time_ms / 1000, UTC).isoformat(timespec='milliseconds')})"
    print(f"the audit trail is BROKEN at event {found.broken_at}{when}: {found.words}")
    return FAILED
