"""The walls between the rooms, as allow lists. import-linter (`make lint`) forbids by name; this admits by name."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# datetime stays out of this: its types are values, and reading its clock is forbidden below.
IMPURE = {
    *("asyncio", "concurrent", "contextvars", "io", "logging", "multiprocessing", "os", "pathlib"),
    *("queue", "random", "sched", "secrets", "select", "selectors", "signal", "socket", "sqlite3", "subprocess", "sys"),
    *("tempfile", "threading", "time", "uuid"),
}


def imports(path: Path) -> Iterator[str]:
    """Dotted names of the modules a file imports, also inside functions."""
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield node.module or ""


def files(room: str) -> list[Path]:
    """Python files of a room, generated ones left out."""
    return [path for path in sorted((ROOT / room).rglob("*.py")) if "_pb2" not in path.name]


def strangers(room: str, own: tuple[str, ...], allowed: frozenset[str]) -> list[str]:
    """Imports of a room that are neither its own nor of an allowed top-level package."""
    return [
        f"{path.relative_to(ROOT)}: {name}"
        for path in files(room)
        for name in imports(path)
        if not any(name == prefix or name.startswith(prefix + ".") for prefix in own)
        and name.partition(".")[0] not in allowed
    ]


def test_rules_import_nothing_but_the_pure_part_of_the_standard_library() -> None:
    allowed = frozenset(sys.stdlib_module_names - IMPURE)
    assert strangers("actors/rules", ("actors.rules",), allowed) == []


def test_actors_import_nothing_but_the_standard_library_and_pykka() -> None:
    assert strangers("actors", ("actors",), frozenset({*sys.stdlib_module_names, "pykka"})) == []


@pytest.mark.parametrize("room", ["control", "gui"])
def test_a_client_imports_nothing_of_the_engine(room: str) -> None:
    engine = {"actors", "daemon"}
    found = [name for path in files(room) for name in imports(path) if name.partition(".")[0] in engine]
    assert found == []


def test_the_panel_reaches_control_only_through_its_client() -> None:
    names = {name for path in files("gui") for name in imports(path) if name.partition(".")[0] == "control"}
    assert names <= {"control", "control.client"}


@pytest.mark.parametrize("clock", ["now", "utcnow", "today"])
def test_rules_never_read_a_clock(clock: str) -> None:
    calls = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in files("actors/rules")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr == clock
    ]
    assert calls == []
