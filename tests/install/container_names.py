"""Which entries of the lock an image needs. `python -m tests.install.container_names` writes the list of them anew.

Everything that the program and the extras of `EXTRAS` lead to on Linux, whatever Python and processor: the lock's own
markers choose among it when the image is built. Read from what is installed here.
"""

from __future__ import annotations

import configparser
import importlib.metadata
import itertools
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent.parent
FILE = ROOT / "packaging" / "container" / "runtime.txt"
EXTRAS = ("panel", "postgres", "traces")
_MACHINES = [
    {"python_version": python, "python_full_version": f"{python}.0", "platform_machine": machine}
    for python, machine in itertools.product(("3.11", "3.12", "3.13", "3.14"), ("x86_64", "aarch64"))
]


def runtime_names() -> list[str]:
    """Sorted. A package that is for other machines than this one leads no further."""
    found: dict[str, set[str]] = {}
    waiting = list(_roots())
    while waiting:
        requirement = waiting.pop()
        name, extras = str(canonicalize_name(requirement.name)), {"", *requirement.extras}
        if extras <= found.get(name, set()):
            continue
        found.setdefault(name, set()).update(extras)
        waiting.extend(_next(name, found[name]))
    return sorted(found)


def text() -> str:
    return "\n".join(runtime_names()) + "\n"


def _roots() -> Iterator[Requirement]:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    lists = [setup["options"]["install_requires"], *(setup["options.extras_require"][extra] for extra in EXTRAS)]
    for line in "\n".join(lists).splitlines():
        if line.strip():
            yield Requirement(line)


def _next(name: str, extras: set[str]) -> Iterator[Requirement]:
    try:
        lines = importlib.metadata.distribution(name).requires or []
    except importlib.metadata.PackageNotFoundError:
        return
    for line in lines:
        requirement = Requirement(line)
        places = ({**machine, "sys_platform": "linux", "extra": extra} for machine in _MACHINES for extra in extras)
        if requirement.marker is None or any(requirement.marker.evaluate(place) for place in places):
            yield requirement


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
