"""Drafts that a death half way left behind: files written beside their place and never put there."""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Iterable
from pathlib import Path

OLD_S = 3600.0
"""A younger one may still be written by another program of ours."""
MAX_LOOKED_AT = 10_000
_DRAFT = re.compile(r"\.[A-Za-z0-9_.-]{1,200}\.(?:[0-9a-f]{16}|vacuum)")


def clear_leftovers(folders: Iterable[Path], now_s: float) -> list[Path]:
    """Deletes old drafts of ours in these folders; which ones. Only plain files of this user that nobody else reads."""
    cleared = []
    for folder in folders:
        with contextlib.suppress(OSError):
            for _, path in zip(range(MAX_LOOKED_AT), folder.iterdir(), strict=False):
                if _DRAFT.fullmatch(path.name) and _is_ours(path.lstat(), now_s):
                    path.unlink(missing_ok=True)
                    cleared.append(path)
    return cleared


def _is_ours(status: os.stat_result, now_s: float) -> bool:
    is_private = stat.S_ISREG(status.st_mode) and not status.st_mode & 0o077
    return is_private and status.st_uid == os.geteuid() and status.st_mtime < now_s - OLD_S
