"""Goes every way of installing and prints what each took: `make install-test`, or some of them with WAYS=pip,pipx.

A way ends in a working paper group, or the run ends with 1. What cannot be tried on this machine is named. Where all
ways are asked for, the table of docs/install.md is written anew.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shlex
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.install import debian, table
from tests.install.packages import ROOT, Packages, faults, make
from tests.install.ways import WAYS, Failed, Ground, NotHere, Way, index_fault, python_of, run, size_mb, versions
from tests.ports import free_ports

PERSON = "Jörg Müller"
"""A home with a space in its path and letters beyond ASCII."""
STORY = Path(__file__).parent / "story.py"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """A way gone to its end."""

    python: str
    install_s: float
    story: dict[str, Any]
    size_mb: int

    def row(self, title: str) -> table.Row:
        first_s = sum(self.story[name] for name in ("version_s", "init_s", "up_s", "filled_s"))
        return table.Row(
            title=title,
            python=self.python,
            install_s=self.install_s,
            first_fill_s=first_s,
            stop_s=self.story["stop_s"],
            size_mb=self.size_mb,
        )


def go(way: Way, work: Path, packages: Packages) -> Gone:
    """One way on this machine, in a home of its own."""
    python = python_of(way)
    if way.needs_index and (fault := index_fault()):
        raise NotHere(fault)
    home = work / way.name / PERSON
    home.mkdir(parents=True)
    ground = Ground(home=home, packages=packages, python=python, cache=work / "cache")
    try:
        since = time.monotonic()
        programs = way.install(ground)
        install_s = time.monotonic() - since
        panel = "yes" if way.has_panel else "no"
        told = tell(ground, programs, "--panel", panel)
        size = size_mb(home) - size_mb(home / "my terrace")
        if way.uninstall is not None:
            removed_and_back(way, ground)
        return Gone(python=versions(python), install_s=install_s, story=told, size_mb=size)
    finally:
        shutil.rmtree(work / way.name, ignore_errors=True)


def tell(ground: Ground, programs: Path, *words: str) -> dict[str, Any]:
    command = [sys.executable, str(STORY), "--bin", str(programs), "--home", str(ground.home)]
    command += ["--ports", *map(str, free_ports(4))]
    out = run([*command, "--version", ground.packages.version, *words], cwd=ground.home, environ=ground.environ())
    found: dict[str, Any] = json.loads(out)
    return found


def removed_and_back(way: Way, ground: Ground) -> None:
    """Uninstalled, the data is as it was; installed anew, twice over, it goes on with it."""
    assert way.uninstall is not None
    before = contents(ground.home / "my terrace")
    way.uninstall(ground)
    if (ground.home / "terrace" / "bin" / "terrace").exists():
        raise Failed("uninstalling leaves the program behind")
    if contents(ground.home / "my terrace") != before:
        raise Failed("uninstalling changed the data")
    way.install(ground)
    tell(ground, way.install(ground), "--again")


def contents(folder: Path) -> dict[str, str]:
    """File -> hash."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


# --- in a fresh Debian ----------------------------------------------------------------------------


def debian_ways(work: Path, packages: Packages) -> dict[str, tuple[str, Callable[[], Gone]]]:
    """Name -> title and how it is gone. The root is made by the first of them and used by all."""
    made: list[debian.Debian] = []

    def root() -> debian.Debian:
        if fault := debian.missing() or index_fault():
            raise NotHere(fault)
        if not made:
            made.append(debian.make(work / "debian", packages))
            made[0].sh("apt-get update -qq && apt-get install -qq --yes --no-install-recommends python3-venv git make")
        return made[0]

    return {
        "debian-pip": ("fresh Debian 12: pip, as a user", lambda: in_debian(root(), packages, **_OWN)),
        "debian-system": ("fresh Debian 12: pip, by root for all", lambda: in_debian(root(), packages, **_FOR_ALL)),
        "debian-clone": ("fresh Debian 12: a clone, `make setup`", lambda: in_debian(root(), packages, **_CLONE)),
    }


_OWN = {
    "install": "python3 -m venv terrace && terrace/bin/pip install -q -c {constraints} '{wheel}[panel]'",
    "programs": "terrace/bin",
}
_FOR_ALL = {
    "user": "root",
    "install": "python3 -m venv /opt/terrace && /opt/terrace/bin/pip install -q -c {constraints} '{wheel}[panel]'",
    "programs": "/opt/terrace/bin",
}
"""The person cannot write there."""
_CLONE = {
    "install": "cp -r {parcel}/clone clone && cd clone && make setup",
    "programs": "clone/.venv/bin",
}


def in_debian(root: debian.Debian, packages: Packages, *, install: str, programs: str, user: str = debian.USER) -> Gone:
    """Installed by `user`, used by a person who is not root."""
    parcel = {"parcel": debian.PARCEL, "wheel": f"{debian.PARCEL}/{packages.wheel.name}"}
    parcel["constraints"] = f"{debian.PARCEL}/{packages.constraints.name}"
    since = time.monotonic()
    root.sh(install.format(**parcel), user=user)
    install_s = time.monotonic() - since
    at = programs if programs.startswith("/") else f"{debian.HOME}/{programs}"
    words = ["--bin", at, "--home", debian.HOME, "--version", packages.version, "--panel", "yes"]
    words += ["--ports", *map(str, free_ports(4))]
    command = shlex.join(["python3", f"{debian.PARCEL}/story.py", *words])
    out = root.sh(command, user=debian.USER)
    python = root.sh("python3 -c 'import platform; print(platform.python_version())'").strip()
    size = size_mb(Path(f"{root.root}{at}").parent)
    shutil.rmtree(f"{root.root}{debian.HOME}/my terrace")
    return Gone(python=python, install_s=install_s, story=json.loads(out), size_mb=size)


# --- the run --------------------------------------------------------------------------------------


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--ways", default="", help="names, with commas; else all")
    parser.add_argument("--write", action="store_true", help="write what was measured into docs/install.md")
    chosen = parser.parse_args(arguments)
    with workplace() as work:
        packages = make(work / "packages")
        if wrong := faults(packages):
            print("\n".join(wrong), file=sys.stderr)
            return 1
        every = everything(work, packages)
        names = [name for name in chosen.ways.split(",") if name] or list(every)
        if unknown := set(names) - every.keys():
            parser.error(f"no way is called {', '.join(sorted(unknown))}; there are {', '.join(every)}")
        rows, failed = gone_all({name: every[name] for name in names})
    print("\n" + table.text(rows))
    if (chosen.write or not chosen.ways) and not failed:
        table.put(ROOT / "docs" / "install.md", rows)
    return 1 if failed else 0


def everything(work: Path, packages: Packages) -> dict[str, tuple[str, Callable[[], Gone]]]:
    def here(way: Way) -> Callable[[], Gone]:
        return lambda: go(way, work, packages)

    return {way.name: (way.title, here(way)) for way in WAYS} | debian_ways(work, packages)


def gone_all(ways: dict[str, tuple[str, Callable[[], Gone]]]) -> tuple[list[table.Row], bool]:
    """Rows of those gone or skipped; whether one failed."""
    rows, failed = [], False
    for name, (title, walk) in ways.items():
        print(f"{name}: {title} ...", flush=True)
        try:
            row = walk().row(title)
        except NotHere as why:
            print(f"{name}: skipped: {why}", flush=True)
            rows.append(table.Row(title=title, skipped=str(why)))
            continue
        except Failed as failure:
            print(f"{name}: FAILED: {failure}", flush=True)
            failed = True
            continue
        print(f"{name}: {row.cells()}", flush=True)
        rows.append(row)
    return rows, failed


@contextmanager
def workplace() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="terrace-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
