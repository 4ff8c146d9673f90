"""Frozen dataclasses to JSON-able data and back, exactly.

Decimals travel as plain (non-exponent) strings with every digit kept, enums as their values, tuples as lists,
mappings as objects with string keys. Supported types: frozen dataclasses, enums, Decimal, str, int, bool, None,
`tuple[X, ...]`, `tuple[X, Y]`, `frozenset[X]` of sortable plain values, `Mapping[K, V]` with str, int or enum keys,
`X | None`, `Any` for values that are plain already, and `Annotated[Mapping[str, Any], PartialOf(cls)]`.

Data that does not fit the type is a `ValueError` naming the place: what is read here was written here, so a misfit is
a bug or a damaged store, never user input.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from decimal import Decimal, InvalidOperation
from enum import Enum
from functools import cache
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")

Plain = Any
"""None, bool, int, str, list of Plain, dict of str to Plain."""

Reader = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class PartialOf:
    """Marks a mapping whose keys are some of a dataclass's fields; a field that is a dataclass may be partial too."""

    cls: type


def to_plain(value: object) -> Plain:
    """Plain data of a value. Floats and unknown types are refused with a TypeError."""
    writer = _WRITERS.get(type(value))
    if writer is not None:
        return writer(value)
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value) and not isinstance(value, type):
        return {name: to_plain(getattr(value, name)) for name in _names(type(value))}
    if isinstance(value, Mapping):
        return {_plain_key(key): to_plain(item) for key, item in value.items()}
    raise TypeError(f"{type(value).__name__} has no plain form")


def from_plain(cls: type[T], data: Plain) -> T:
    """The value of type `cls` that `to_plain` wrote as `data`. Missing fields take their defaults, unknown are ignored.

    That leniency is for stored snapshots that are older or newer than the code: a field added later has a default.
    """
    hint: Any = cls
    value: T = _reader(hint)(data)
    return value


def _identity(value: Any) -> Any:
    return value


def _write_decimal(value: Any) -> str:
    if not value.is_finite():
        raise TypeError("a non-finite Decimal has no plain form")
    return format(value, "f")


def _write_sequence(value: Any) -> list[Any]:
    return [to_plain(item) for item in value]


_WRITERS: Mapping[type, Callable[[Any], Plain]] = {
    type(None): _identity,
    bool: _identity,
    int: _identity,
    str: _identity,
    Decimal: _write_decimal,
    tuple: _write_sequence,
    list: _write_sequence,
    frozenset: lambda value: sorted(to_plain(item) for item in value),
}


def _plain_key(key: object) -> str:
    if isinstance(key, Enum):
        key = key.value
    if isinstance(key, bool) or not isinstance(key, str | int):
        raise TypeError(f"{type(key).__name__} cannot be a plain key")
    return str(key)


@cache
def _names(cls: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(cls))


@cache
def _reader(hint: Any) -> Reader:
    """Builds the reader of a type once. Readers look up their parts when first used, so recursive types work."""
    if hint is Any or hint is object:
        return _identity
    supertype = getattr(hint, "__supertype__", None)
    if supertype is not None:  # A NewType reads as what it wraps.
        return _reader(supertype)
    origin = get_origin(hint)
    if origin is None and isinstance(hint, type):
        return _class_reader(hint)
    return _generic_reader(hint, origin)


def _generic_reader(hint: Any, origin: Any) -> Reader:
    args = get_args(hint)
    if origin is Annotated:
        partial = next((mark for mark in args[1:] if isinstance(mark, PartialOf)), None)
        return _partial_reader(partial.cls) if partial is not None else _reader(args[0])
    if origin in (Union, types.UnionType):
        return _optional_reader(args)
    if origin is tuple:
        return _tuple_reader(args)
    if origin is frozenset:
        return _frozenset_reader(args[0])
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return _mapping_reader(*args)
    raise TypeError(f"{hint!r} has no plain form")


def _class_reader(cls: type) -> Reader:
    if is_dataclass(cls):
        return _dataclass_reader(cls)
    if issubclass(cls, Enum):
        return _enum_reader(cls)
    if cls is Decimal:
        return _read_decimal
    if cls in (str, int, bool, type(None)):
        return _exact_reader(cls)
    raise TypeError(f"{cls.__name__} has no plain form")


def _exact_reader(cls: type) -> Reader:
    def read(data: Any) -> Any:
        if type(data) is not cls:
            raise ValueError(f"expected {cls.__name__}, found {type(data).__name__}")
        return data

    return read


def _read_decimal(data: Any) -> Decimal:
    if type(data) is not str:
        raise ValueError(f"expected a decimal string, found {type(data).__name__}")
    try:
        value = Decimal(data)
    except InvalidOperation:
        raise ValueError(f"{data!r} is not a decimal") from None
    if not value.is_finite():
        raise ValueError(f"{data!r} is not finite")
    return value


def _enum_reader(cls: type[Enum]) -> Reader:
    members = {member.value: member for member in cls}

    def read(data: Any) -> Any:
        try:
            return members[data]
        except (KeyError, TypeError):
            raise ValueError(f"{data!r} is not a {cls.__name__}") from None

    return read


def _optional_reader(options: tuple[Any, ...]) -> Reader:
    rest = [option for option in options if option is not type(None)]
    if len(rest) != 1 or len(rest) == len(options):
        raise TypeError(f"only `X | None` unions have a plain form, not {options!r}")
    inner = rest[0]

    def read(data: Any) -> Any:
        return None if data is None else _reader(inner)(data)

    return read


def _tuple_reader(args: tuple[Any, ...]) -> Reader:
    if len(args) == 2 and args[1] is Ellipsis:
        item = args[0]

        def read_many(data: Any) -> Any:
            read_item = _reader(item)
            return tuple(_at(index, read_item, value) for index, value in enumerate(_listed(data)))

        return read_many

    def read_exact(data: Any) -> Any:
        values = _listed(data)
        if len(values) != len(args):
            raise ValueError(f"expected {len(args)} items, found {len(values)}")
        return tuple(
            _at(index, _reader(arg), value) for index, (arg, value) in enumerate(zip(args, values, strict=True))
        )

    return read_exact


def _frozenset_reader(item: Any) -> Reader:
    def read(data: Any) -> Any:
        read_item = _reader(item)
        return frozenset(read_item(value) for value in _listed(data))

    return read


def _mapping_reader(key: Any, value: Any) -> Reader:
    read_key = _key_reader(key)

    def read(data: Any) -> Any:
        read_value = _reader(value)
        return {read_key(name): _at(name, read_value, item) for name, item in _keyed(data).items()}

    return read


def _key_reader(key: Any) -> Reader:
    key = getattr(key, "__supertype__", key)
    if key is str:
        return _exact_reader(str)
    if key is int:
        return int
    if isinstance(key, type) and issubclass(key, Enum):
        return _enum_reader(key)
    raise TypeError(f"{key!r} cannot be a plain key")


def _dataclass_reader(cls: type) -> Reader:
    def read(data: Any) -> Any:
        readers = _field_readers(cls)
        given = _keyed(data)
        try:
            return cls(**{name: _at(name, readers[name], item) for name, item in given.items() if name in readers})
        except TypeError as error:  # A field without a default is missing.
            raise ValueError(f"{cls.__name__}: {error}") from None

    return read


def _partial_reader(cls: type) -> Reader:
    def read(data: Any) -> Any:
        readers = _field_readers(cls)
        hints = get_type_hints(cls)
        found = {}
        for name, item in _keyed(data).items():
            if name not in readers:
                raise ValueError(f"{cls.__name__} has no field {name!r}")
            nested: Any = hints[name]
            is_partial = isinstance(nested, type) and is_dataclass(nested)
            reader = _partial_reader(nested) if is_partial else readers[name]
            found[name] = _at(name, reader, item)
        return found

    return read


@cache
def _field_readers(cls: type) -> Mapping[str, Reader]:
    hints = get_type_hints(cls, include_extras=True)
    return {field.name: _reader(hints[field.name]) for field in fields(cls) if field.init}


def _listed(data: Any) -> list[Any]:
    if not isinstance(data, list):
        raise ValueError(f"expected a list, found {type(data).__name__}")
    return data


def _keyed(data: Any) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise ValueError(f"expected an object, found {type(data).__name__}")
    return data


def _at(place: object, read: Reader, data: Any) -> Any:
    try:
        return read(data)
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from None
