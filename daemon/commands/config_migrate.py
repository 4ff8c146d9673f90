"""`terraced config migrate`, and the same at the start of a daemon (CFG-5)."""

from __future__ import annotations

import sys
from pathlib import Path

from daemon.commands.common import DONE, FAILED, FAULTY, failed
from daemon.config.fault import ConfigFaults
from daemon.config.file import ChangedMeanwhile, standing_in
from daemon.config.migrate import Migrated, migrate_file, migrated

UNREADABLE = "cannot be read as text"


def migrate(path: Path, *, dry_run: bool) -> int:
    """The exit code. Says what was done on standard error; with `dry_run` the new text is on standard output."""
    text = standing_in(path).text
    if text is None:
        print(f"terraced: {path}: {UNREADABLE}", file=sys.stderr)
        return FAULTY
    done = migrated(text) if dry_run else written(path)
    if isinstance(done, ConfigFaults):
        print(done, file=sys.stderr)
        return FAULTY
    if isinstance(done, str):
        failed(done)
        return FAILED
    if done is None:
        print("nothing to do", file=sys.stderr)
    elif dry_run:
        print(done.text, end="")
    else:
        print(done, file=sys.stderr)
    return DONE


def written(path: Path) -> Migrated | ConfigFaults | str | None:
    """Migrates the file; words if it cannot be written."""
    try:
        return migrate_file(path)
    except ChangedMeanwhile:
        return f"{path} was saved by somebody else just now: try again"
    except OSError as error:
        return f"{path} cannot be written ({error.strerror or error}): the file is as it was"
