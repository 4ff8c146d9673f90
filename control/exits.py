"""Exit codes of the command line. Scripts rely on them: add, never change."""

from __future__ import annotations

from enum import IntEnum, unique


@unique
class ExitCode(IntEnum):
    """What a command's exit code says."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    NOT_PERMITTED = 4
    UNAVAILABLE = 5
    REFUSED = 6
    UNKNOWN = 7
    CANCELLED = 8
