"""SEC-4, read from the source: SQL only with parameters, no shell, no deserialisation of code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from protos.terrace.v1 import group_pb2, record_pb2, signal_pb2
from tests.daemon.api.conftest import Serve, serve

__all__ = ["serve"]

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("actors", "control", "daemon", "gui")
RUNS_SQL = {"execute", "executemany", "executescript", "execute_sql"}
BEGINS = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH|REPLACE|CREATE|ALTER|DROP|PRAGMA|SHOW|VACUUM|COPY)\b")
CONSTANT = re.compile(r"_?[A-Z][A-Z0-9_]*")

PASSED_ON = {"sql", "statement", "statement.sql", "self.sql", "query"}
"""Names under which the links hand on statements that somebody else wrote; these are looked at where they stand."""

OWN_NAMES = {
    # File: expressions put into a statement that come from the schema or a constant table, never from outside.
    "control/update/loss.py": {"table", "column", "name", "marks", "', '.join(ALERT)"},  # The store's own schema.
    "control/update/watching.py": {"which"},
    "daemon/exchanges/paper_books.py": {"column", "table", "_DOWNGRADES[str(found)]"},
    "daemon/reports/queries.py": {
        *("words", "bounds", "end", "chosen", "source", "columns", "lists", "function", "column"),
        "by",  # One of NAMED, which is looked at below.
    },
    "daemon/store/checks.py": {"check"},
    "daemon/store/dialect.py": {"table[1]", "column", "parent", "key"},
    "daemon/standby/watch.py": {"to_postgres(sql).sql"},  # A constant of `audit_rows`.
    "daemon/store/postgres.py": {"chosen"},
    "daemon/store/postgres_backup.py": {"table", "columns", "marks"},
    "daemon/store/postgres_migrate.py": {"name", "done[-1]"},
    "daemon/store/postgres_open.py": {"name"},
    "daemon/store/postgres_tools.py": {"name", "table"},
    "daemon/store/statements.py": {"self.table", "self.select()", "marks"},
    "daemon/store/tools.py": {"name"},
    "daemon/store/vacuum.py": {"name"},
}
MIGRATIONS = "daemon/store/migrations/"
"""Run before anybody can say anything to the daemon, with names that stand in the same file."""
PARTS = re.compile(
    r"(?:[a-z_]+\.)?_?[A-Z][A-Z_]*\.select\([^()]*\)"
    r"|'[, ]*'\.join\(.*'\?'.*\)"
    r"|' AND '\.join\(.* = \?.*\)"
    r"|(?:max\(\d+, )?int\(.*\)"
)
"""Lists of columns, of marks, and of conditions with marks; whole numbers."""


@cache
def sources() -> tuple[tuple[str, ast.Module], ...]:
    """Every file of ours, parsed."""
    return tuple(
        (str(path.relative_to(ROOT)), ast.parse(path.read_text(encoding="utf-8")))
        for room in ROOMS
        for path in sorted((ROOT / room).rglob("*.py"))
        if "_pb2" not in path.name
    )


def called(node: ast.Call) -> str:
    return ast.unparse(node.func)


@pytest.mark.rule("SEC-4")
def test_nothing_from_outside_is_run_as_code_or_by_a_shell() -> None:
    forbidden = {"eval", "exec", "compile", "__import__", "os.system", "os.popen", "yaml.unsafe_load", "yaml.full_load"}
    no_shell = {"get_completion_script"}  # Its `shell` is the name of one, for which a script is printed.
    modules = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "jsonpickle"}
    found = []
    for file, tree in sources():
        for node in ast.walk(tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            found += [f"{file} imports {name}" for name in names if name.partition(".")[0] in modules]
            if isinstance(node, ast.Call):
                name = called(node)
                is_shell = name not in no_shell and any(word.arg == "shell" for word in node.keywords)
                if name in forbidden or is_shell or name.startswith("os.spawn"):
                    found.append(f"{file}:{node.lineno} {name}")
    assert found == []


@pytest.mark.rule("SEC-4")
def test_yaml_is_only_read_by_loaders_that_make_plain_data() -> None:
    found = []
    for file, tree in sources():
        loaders = [node.bases for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
        bases = {ast.unparse(base) for each in loaders for base in each if "Loader" in ast.unparse(base)}
        found += [f"{file}: {base}" for base in bases if "Safe" not in base and "BaseLoader" not in base]
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and called(node) == "yaml.load" and len(node.args) < 2:
                found.append(f"{file}:{node.lineno} yaml.load without a loader")
            if isinstance(node, ast.Attribute) and node.attr in {"UnsafeLoader", "FullLoader"}:
                found.append(f"{file}:{node.lineno} {node.attr}")
            if isinstance(node, ast.Call) and called(node).rpartition(".")[2] == "YAML":
                kinds = [ast.unparse(word.value) for word in node.keywords if word.arg == "typ"]
                found += [f"{file}:{node.lineno} YAML({kind})" for kind in kinds if "unsafe" in kind]
    assert found == []


@pytest.mark.rule("SEC-4")
def test_every_statement_that_is_run_is_a_constant() -> None:
    found = []
    for file, tree in sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and called(node).rpartition(".")[2] in RUNS_SQL and node.args:
                found += [f"{file}:{node.lineno} {what}" for what in strange(file, node.args[0])]
    assert found == []


@pytest.mark.rule("SEC-4")
def test_no_value_is_written_into_a_statement() -> None:
    """Wherever one is put together, not only where it is run."""
    found = []
    for file, tree in sources():
        for node in ast.walk(tree):
            is_text = isinstance(node, ast.JoinedStr) and not file.startswith(MIGRATIONS)
            if isinstance(node, ast.JoinedStr) and is_text and is_sql(node.values[0] if node.values else None):
                found += [f"{file}:{node.lineno} {what}" for what in strange(file, node)]
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod) and is_sql(node.left):
                found.append(f"{file}:{node.lineno} % on a statement")
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format":
                found += [f"{file}:{node.lineno} format on a statement"] if is_sql(node.func.value) else []
    assert found == []


def is_sql(node: ast.AST | None) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and BEGINS.match(node.value) is not None


def strange(file: str, node: ast.expr) -> Iterator[str]:
    """Parts of a statement that are neither constants nor named above."""
    text = ast.unparse(node)
    if isinstance(node, ast.JoinedStr):
        for value in node.values:
            if isinstance(value, ast.FormattedValue):
                yield from strange(file, value.value)
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        yield from strange(file, node.left)
        yield from strange(file, node.right)
    elif isinstance(node, ast.IfExp):
        yield from strange(file, node.body)
        yield from strange(file, node.orelse)
    elif isinstance(node, ast.Call) and called(node).endswith(".encode"):
        yield from strange(file, node.func.value) if isinstance(node.func, ast.Attribute) else ()
    elif not (
        isinstance(node, ast.Constant)
        or CONSTANT.fullmatch(text.rpartition(".")[2])
        or PARTS.fullmatch(text)
        or text in PASSED_ON
        or text in OWN_NAMES.get(file, set())
    ):
        yield text


HOSTILE = (
    "'; DROP TABLE events; --",
    '" OR 1=1 --',
    "%' UNION SELECT sha256 FROM events --",
    "\\",
    "%_%",
    "$(id)",
    "`id`",
)


@pytest.mark.rule("SEC-4")
def test_what_callers_write_is_never_part_of_a_statement(serve: Serve) -> None:
    """Every text field of every method that lists something, with words that would change a statement."""
    served = serve()
    client = served.client("admin")
    for text in HOSTILE:
        pairs: tuple[tuple[Any, object], ...] = (
            (client.records.ListEvents, record_pb2.ListEventsRequest(text=text, account=text, group_id=text)),
            (client.records.ListAlerts, record_pb2.ListAlertsRequest(account=text)),
            (client.signals.ListSignals, signal_pb2.ListSignalsRequest(source=text, symbol=text)),
            (client.groups.ListGroups, group_pb2.ListGroupsRequest(symbol=text, account=text)),
        )
        for ask, request in pairs:
            assert not list(getattr(ask(request), ask_field(request)))
    assert client.records.ListEvents(record_pb2.ListEventsRequest()).events, "the events are still there"


def ask_field(request: object) -> str:
    return type(request).__name__.removeprefix("List").removesuffix("Request").lower()
