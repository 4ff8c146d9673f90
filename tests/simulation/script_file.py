"""A script as JSON: `{"seed": 7, "steps": 5000, "ops": [{"at": 12, "op": "Alert", "number": 1, ...}, ...]}`.

Numbers of money, prices and quantities are text. Fields that have their default are left out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, fields
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from tests.simulation import ops
from tests.simulation.ops import At, Op, Script

KINDS: Mapping[str, type] = {kind.__name__: kind for kind in get_args(Op)}


def dumped(script: Script) -> str:
    lines = ",\n".join(f"  {json.dumps(_plain(at))}" for at in script.ops)
    return f'{{"seed": {script.seed}, "steps": {script.steps}, "ops": [\n{lines}\n]}}\n'


def loaded(text: str) -> Script:
    """Raises ValueError, KeyError or TypeError for what is no script."""
    found = json.loads(text)
    return Script(seed=int(found["seed"]), steps=int(found["steps"]), ops=tuple(_at(one) for one in found["ops"]))


def save(script: Script, path: Path) -> None:
    path.write_text(dumped(script), encoding="utf-8")


def load(path: Path) -> Script:
    return loaded(path.read_text(encoding="utf-8"))


def _plain(at: At) -> dict[str, object]:
    plain: dict[str, object] = {"at": at.step, "op": type(at.op).__name__}
    for field in fields(at.op):
        value = getattr(at.op, field.name)
        if field.default is MISSING or value != field.default:
            plain[field.name] = _value(value)
    return plain


def _value(value: object) -> object:
    if isinstance(value, tuple):
        return [_value(one) for one in value]
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value.value if isinstance(value, StrEnum) else value


def _at(plain: Mapping[str, Any]) -> At:
    kind = KINDS[plain["op"]]
    hints = get_type_hints(kind, vars(ops))
    given = {name: _typed(hints[name], value) for name, value in plain.items() if name not in ("at", "op")}
    return At(step=int(plain["at"]), op=kind(**given))


def _typed(hint: Any, value: Any) -> object:
    if isinstance(hint, UnionType):
        return None if value is None else _typed(next(one for one in get_args(hint) if one is not NoneType), value)
    if get_origin(hint) is tuple:
        return tuple(_typed(get_args(hint)[0], one) for one in value)
    if hint is Decimal or (isinstance(hint, type) and issubclass(hint, StrEnum)):
        return hint(value)
    if not isinstance(value, hint):
        raise TypeError(f"{value!r} is not of type {hint.__name__}")
    return value
