"""Prints the entries of a lock file that a list names, hashes and all: `pick.py requirements.lock runtime.txt`.

The lock has everything the project can use, tools of its developers included; an image needs a third of it. Exit codes:
0 done, 1 a name of the list is not in the lock.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path


def entries(lock: str) -> dict[str, list[str]]:
    """Entries with their hashes, by normal name: one, or one for each Python. An entry begins in the first column."""
    found: dict[str, list[str]] = {}
    for entry in re.split(r"\n(?=[A-Za-z0-9])", lock):
        match = re.match(r"([A-Za-z0-9][A-Za-z0-9._-]*)==", entry)
        if match:
            found.setdefault(normal(match[1]), []).append(entry.rstrip())
    return found


def normal(name: str) -> str:
    """A name as the lock writes it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def names(text: str) -> list[str]:
    """The names of a list, one a line; `#` begins a comment."""
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return [normal(line) for line in lines if line]


def picked(lock: str, wanted: Iterable[str]) -> str:
    """The entries of these names. Raises KeyError with the name that is not there."""
    found = entries(lock)
    return "\n".join(entry for name in wanted for entry in found[name])


def main(arguments: list[str]) -> int:
    lock, wanted = (Path(name).read_text(encoding="utf-8") for name in arguments)
    try:
        print(picked(lock, names(wanted)))
    except KeyError as missing:
        print(f"{arguments[0]} has no entry for {missing}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
