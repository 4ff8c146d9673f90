"""Senders with another shape: their JSON mapped to the wire fields by JMESPath expressions and constants (SIG-13).

A mapped field is what its expression gives, also where that is nothing; fields without an expression are taken from
the body as it is. Numbers stay exact: JMESPath's own functions know only float and int, so they are taught Decimal.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

import jmespath
from jmespath import functions
from jmespath.exceptions import JMESPathError

from daemon.api.body import SECRET
from daemon.api.errors import FieldFault

MAX_CACHED_EXPRESSIONS = 1_000


@dataclass(frozen=True, slots=True)
class Mapped:
    """A body after its source's map. `secrets`: what a mapped `secret` gave, to be kept out of the stored text."""

    tree: Any
    secrets: frozenset[str] = frozenset()
    faults: tuple[FieldFault, ...] = ()


def apply_map(tree: Any, field_map: Mapping[str, str]) -> Mapped:
    """Puts what each expression gives at its field's path. The body itself is not changed."""
    if not field_map:
        return Mapped(tree)
    result: dict[str, Any] = dict(tree) if isinstance(tree, dict) else {}
    secrets: set[str] = set()
    faults = []
    for path, expression in field_map.items():
        try:
            value = evaluate(expression, tree)
        except (JMESPathError, TypeError, ArithmeticError) as error:
            faults.append(FieldFault(path, f"its expression {expression!r} cannot be used: {_first_line(error)}"))
            continue
        if path == SECRET:
            secrets.update([value] if isinstance(value, str) and value else [])
            result.pop(SECRET, None)
        else:
            _put(result, path.split("."), value)
    return Mapped(result, frozenset(secrets), tuple(faults))


def evaluate(expression: str, tree: Any) -> Any:
    """What a JMESPath expression gives. JMESPathError, TypeError or ArithmeticError if it does not fit the body."""
    return _exact(_compiled(expression).search(tree, _OPTIONS))


@lru_cache(MAX_CACHED_EXPRESSIONS)
def _compiled(expression: str) -> Any:
    return jmespath.compile(expression)


def _put(tree: dict[str, Any], names: list[str], value: Any) -> None:
    """Sets a nested field; parts on the way are copied, so that the body keeps its own."""
    for name in names[:-1]:
        inner = tree.get(name)
        tree[name] = dict(inner) if isinstance(inner, dict) else {}
        tree = tree[name]
    if value is None:
        tree.pop(names[-1], None)
    else:
        tree[names[-1]] = value


def _exact(value: Any) -> Any:
    """Numbers that JMESPath made (literals, sums) as the decimals they are written as."""
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, list):
        return [_exact(item) for item in value]
    return {name: _exact(item) for name, item in value.items()} if isinstance(value, dict) else value


class _Functions(functions.Functions):
    """JMESPath's functions with Decimal as a number."""

    def _get_allowed_pytypes(self, types: Any) -> tuple[list[str], list[tuple[str, ...]]]:
        allowed, inner = super()._get_allowed_pytypes(types)  # type: ignore[misc]
        inner = [(*names, "Decimal") if "float" in names else names for names in inner]
        return ([*allowed, "Decimal"] if "float" in allowed else allowed), inner

    @functions.signature({"types": []})
    def _func_to_number(self, arg: Any) -> Any:
        if isinstance(arg, bool) or not isinstance(arg, str | int | float | Decimal):
            return None
        try:
            return Decimal(arg) if isinstance(arg, str) else arg
        except InvalidOperation:
            return None

    @functions.signature({"types": []})
    def _func_to_string(self, arg: Any) -> Any:
        if isinstance(arg, str):
            return arg
        return str(arg) if isinstance(arg, Decimal) else json.dumps(arg, separators=(",", ":"), default=str)


_OPTIONS = jmespath.Options(custom_functions=_Functions())


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0][:200]
