"""Options read without pydantic.

Typer checks each value with pydantic, whose import alone takes as long as a whole command may. Our options are text,
numbers, choices and lists of those: they are read here. A kind that is not known here is left to typer.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import Enum
from typing import Any, get_args, get_origin

import typer
import typer.core

Reader = Callable[[Any], Any]

_PLACE = "build_runtime_param"
"""Typer's own name, not of its public face: where it is missing, typer reads as it likes, only slower."""


def read_quickly() -> None:
    """From now on typer's parameters are read here, as far as their kinds are known here."""
    theirs = getattr(typer.core, _PLACE, None)
    if theirs is not None and not isinstance(theirs, _Builder):
        setattr(typer.core, _PLACE, _Builder(theirs))


class _Builder:
    """Stands where typer makes what turns a parameter's text into its value."""

    def __init__(self, theirs: Callable[[Any], Any]) -> None:
        self._theirs = theirs

    def __call__(self, descriptor: Any) -> Any:
        reader = _reader(descriptor.annotation, descriptor.parameter_info)
        return self._theirs(descriptor) if reader is None else _Quick(reader)


class _Quick:
    """Turns one parameter's text into its value."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        if value is None:
            return () if param.multiple or param.nargs == -1 else None
        try:
            return self._reader(value)
        except ValueError as error:
            raise typer.BadParameter(str(error), ctx=ctx, param=param) from None


def _reader(annotation: Any, info: Any) -> Reader | None:
    if get_origin(annotation) is list:
        one = _reader(get_args(annotation)[0], info)
        return None if one is None else lambda values: [one(value) for value in values]
    if not isinstance(annotation, type):
        return None
    if issubclass(annotation, bool):
        return bool
    if issubclass(annotation, Enum):
        return lambda value: _choice(annotation, value)
    if issubclass(annotation, int | float):
        return lambda value: _number(annotation, value, info.min, info.max)
    return str if annotation is str else None


def _choice(kind: type[Enum], value: Any) -> Enum:
    try:
        return value if isinstance(value, kind) else kind(value)
    except ValueError:
        raise ValueError(f"{value!r} is not one of {', '.join(str(one.value) for one in kind)}") from None


def _number(kind: type[int] | type[float], value: Any, least: Any, most: Any) -> int | float:
    try:
        found = kind(value)
    except (ValueError, OverflowError):
        raise ValueError(f"{value!r} is not a {'whole ' if kind is int else ''}number") from None
    if math.isnan(found) or (least is not None and found < least) or (most is not None and found > most):
        bounds = [f"at least {least}" if least is not None else "", f"at most {most}" if most is not None else ""]
        raise ValueError(f"{value} is not {' and '.join(filter(None, bounds))}")
    return found
