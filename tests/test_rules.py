"""Traceability: every rule of docs/rules.md has a test that names it, or stands in the list of those not built yet."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")


def _stated() -> set[str]:
    return set(re.findall(r"^- \*\*([A-Z]+-\d+)\*\*", PAGE, re.M))


def _not_built() -> set[str]:
    return set(re.findall(r"[A-Z]+-\d+", PAGE.partition("## Not built yet")[2]))


def _named() -> set[str]:
    """Rule ids in `pytest.mark.rule(...)` of every test file."""
    named: set[str] = set()
    for path in (ROOT / "tests").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.rule":
                named |= {str(argument.value) for argument in node.args if isinstance(argument, ast.Constant)}
    return named


def test_every_rule_has_a_test_or_is_said_not_to_be_built() -> None:
    assert sorted(_stated() - _named() - _not_built()) == []


def test_tests_name_only_rules_that_are_stated() -> None:
    assert sorted(_named() - _stated()) == []


def test_the_list_of_rules_not_built_holds_only_stated_rules() -> None:
    assert _not_built() <= _stated()
