"""The packages, made once for all tests here."""

from __future__ import annotations

import fcntl
from pathlib import Path

import pytest

from tests.install.__main__ import PERSON
from tests.install.packages import CONSTRAINTS, Packages, made_in, make
from tests.install.ways import WAYS, Ground, python_of


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Packages:
    """By the first of the workers that needs them, for all."""
    if worker_id == "master":
        return make(tmp_path_factory.mktemp("packages") / "made")
    shared = tmp_path_factory.getbasetemp().parent / "packages"
    with shared.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return made_in(shared) if (shared / "dist" / CONSTRAINTS).exists() else make(shared)


@pytest.fixture
def ground(packages: Packages, tmp_path: Path) -> Ground:
    """A person's home with nothing in it."""
    home = tmp_path / PERSON
    home.mkdir()
    return Ground(home=home, packages=packages, python=python_of(WAYS[0]), cache=tmp_path / "cache")
