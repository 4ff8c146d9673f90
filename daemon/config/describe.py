"""What every key means, read off the schema: kind, unit, bounds, words, default, and the words of `help` (CFG-1).

Paths are dotted; `*` stands for a name of the user's own, `[]` for an entry of a list: `accounts.*.fees.paid_in`,
`strategy.default.levels[].gap_percent`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Annotated, Any, get_args, get_origin

from pydantic_core import PydanticUndefined

from daemon.config import help_accounts, help_engine, help_process, help_strategy
from daemon.config.fault import nearest
from daemon.config.flow import as_yaml
from daemon.config.help import Help, Tables
from daemon.config.kinds import Facts, Kind
from daemon.config.ladders import GenerateModel
from daemon.config.load import LoadedConfig
from daemon.config.reload import needs_restart
from daemon.config.schema_accounts import ExchangeAccountModel, PaperAccountModel, SourceModel
from daemon.config.schema_notify import NotificationModel
from daemon.config.section import FILE, Section
from daemon.config.validate import DEFAULTS, SECTIONS, TOP_LEVEL

HELP: Tables = {**help_engine.TABLES, **help_accounts.TABLES, **help_strategy.TABLES, **help_process.TABLES}
TOP = help_process.TOP

PAPER_ONLY = "Paper accounts only. "
EXCHANGE_ONLY = "Accounts of a real exchange only. "
SAME_AS_DEFAULT = "strategy.overrides[].set"
"""Holds the keys of `strategy.default`; they are not listed twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyDescription:
    """A key as the contract's `ConfigKey` shows it. Values are YAML on one line."""

    path: str
    help: str
    kind: str
    unit: str = ""
    minimum: str = ""
    maximum: str = ""
    allowed: tuple[str, ...] = ()
    default: str = ""
    """Empty: the key has none and must be there, or it is a section."""
    value: str = ""
    """In force; empty for sections, for a path with `*` or `[]`, and where no configuration is at hand."""
    nullable: bool = False
    restart_required: bool = False
    rule: str = ""
    example: str = ""


def describe(path: str, running: LoadedConfig | None) -> list[KeyDescription]:
    """The key and those below it, in the order of the reference; all for an empty path, none for an unknown one.

    A path may name what stands in the file, `accounts.paper.fill` or `strategy.default.levels[0].tp_percent`; then the
    answer names it too, with the value in force.
    """
    wanted = parts_of(path)
    if path and not wanted:
        return []
    found = []
    for key in all_keys():
        named = _named(wanted, parts_of(key.path))
        if named is not None:
            found.append(replace(key, path=joined(named), value=_value(running, named, key)))
    return found or _around(wanted, running)


def _around(wanted: tuple[str, ...], running: LoadedConfig | None) -> list[KeyDescription]:
    """The map in which the user's own name stands: `accounts.paper.balances` for `accounts.paper.balances.USDT`."""
    for key in all_keys():
        parts = parts_of(key.path)
        named = _named(wanted[: len(parts)], parts) if key.kind == "MAP" and len(wanted) > len(parts) else None
        if named is not None and not any(each.path.startswith(f"{key.path}.") for each in all_keys()):
            return [replace(key, path=joined(named), value=_value(running, named, key))]
    return []


def nearest_key(path: str) -> str:
    """The key somebody who wrote this path probably meant, first of all in the section it names; empty if nothing is
    near.
    """
    parts = parts_of(path)
    every = [key.path for key in all_keys()]
    same = [key for key in every if len(parts) > 1 and parts_of(key)[0] == parts[0]]
    return _nearest(path, parts, same) or _nearest(path, parts, every)


def _nearest(path: str, parts: tuple[str, ...], keys: Sequence[str]) -> str:
    last = [key for key in keys if parts and parts_of(key)[-1].casefold() == parts[-1].casefold()]
    if last:
        return nearest(path, last) or last[0]
    whole = nearest(path, keys)
    below = nearest(parts[-1], [parts_of(key)[-1] for key in keys]) if parts else None
    if below is not None and (whole is None or parts_of(whole)[-1] != below):
        return next(key for key in keys if parts_of(key)[-1] == below)
    return whole or ""


def no_such_key(path: str) -> str:
    """Words for a path that names no key, with the one that was probably meant."""
    meant = nearest_key(path)
    return f"there is no key {path}" + (f", did you mean {meant}?" if meant else "")


@cache
def all_keys() -> tuple[KeyDescription, ...]:
    """Every key of the schema, in the order of the reference."""
    order = ("config_version", "data_dir", "engine", "accounts", "routes", "sources")
    names = (*order, *(name for name in TOP_LEVEL if name not in order))
    return tuple(key for name in names for key in _top(name))


def parts_of(path: str) -> tuple[str, ...]:
    """`levels[0].tp_percent` as `levels`, `[0]`, `tp_percent`."""
    return tuple(part for part in re.split(r"\.|(?=\[)", path) if part)


def joined(parts: Sequence[str]) -> str:
    return "".join(part if part.startswith("[") else f".{part}" for part in parts).removeprefix(".")


# --- the walk over the schema ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shape:
    """A type of the schema, taken apart."""

    facts: Facts
    is_nullable: bool = False
    item: Any = None
    """Type of an entry of a list or map."""
    section: type[Section] | None = None


def _top(name: str) -> Iterator[KeyDescription]:
    hint: Any = {
        "config_version": int,
        "data_dir": Annotated[str, FILE],
        "accounts": dict[str, PaperAccountModel],
        "routes": dict[str, str],
        "sources": dict[str, SourceModel],
        "notifications": tuple[NotificationModel, ...],
    }.get(name) or SECTIONS[name]
    default = {"data_dir": "./data", "notifications": "[]"}.get(name, "")
    if name in DEFAULTS:
        default = as_yaml(DEFAULTS[name])
    known = TOP.get(name, Help(""))
    if name == "config_version":
        yield _key((name,), _Shape(facts=Facts("WHOLE", minimum="1", maximum="1")), known, "")
    elif name == "accounts":
        yield _key((name,), _shape(hint), known, default)
        yield from _accounts()
    else:
        yield from _described((name,), hint, known, default)


def _described(path: tuple[str, ...], hint: Any, known: Help, default: str) -> Iterator[KeyDescription]:
    """This key and those below it."""
    shape = _shape(hint)
    yield _key(path, shape, known, default)
    entry = _shape(shape.item) if shape.item is not None else None
    if shape.section is not None and joined(path) != SAME_AS_DEFAULT:
        yield from _fields(path, shape.section)
    elif entry is not None:
        below = (*path, "*" if shape.facts.kind == "MAP" else "[]")
        if entry.section is not None:
            yield from _fields(below, entry.section)
    if path[-1] == "levels":
        yield from _fields((*path, "generate"), GenerateModel)


def _fields(path: tuple[str, ...], model: type[Section]) -> Iterator[KeyDescription]:
    for name, info in model.model_fields.items():
        known = HELP.get(model, {}).get(name, Help(""))
        known = known if known.text else known._replace(text=info.description or "")
        hint = Annotated[info.annotation, *info.metadata] if info.metadata else info.annotation
        default = info.get_default(call_default_factory=True)
        is_plain = default is not PydanticUndefined and _shape(hint).section is None
        yield from _described((*path, name), hint, known, as_yaml(default) if is_plain else "")


def _accounts() -> Iterator[KeyDescription]:
    """The keys of both kinds of accounts, each once."""
    paper = {key.path: key for key in _fields(("accounts", "*"), PaperAccountModel)}
    real = {key.path: key for key in _fields(("accounts", "*"), ExchangeAccountModel)}
    exchange = "accounts.*.exchange"
    words = (*paper[exchange].allowed, *real[exchange].allowed)
    yield replace(paper[exchange], allowed=words)
    yield from (key for path, key in paper.items() if path in real and path != exchange)
    for path, key in real.items():
        if path not in paper:
            yield replace(key, help=EXCHANGE_ONLY + key.help)
    for path, key in paper.items():
        if path not in real:
            yield replace(key, help=PAPER_ONLY + key.help)


def _key(path: tuple[str, ...], shape: _Shape, known: Help, default: str) -> KeyDescription:
    facts, dotted = shape.facts, joined(path)
    return KeyDescription(
        path=dotted,
        help=known.text,
        kind=facts.kind,
        unit=facts.unit,
        minimum=facts.minimum,
        maximum=facts.maximum,
        allowed=facts.allowed,
        default=default,
        nullable=shape.is_nullable,
        restart_required=needs_restart(dotted),
        rule=known.rule,
        example=known.example,
    )


def _shape(hint: Any) -> _Shape:
    if get_origin(hint) is Annotated:
        inner, *notes = get_args(hint)
        kind = next((note for note in notes if isinstance(note, Kind)), None)
        return _Shape(facts=kind.facts) if kind is not None else _shape(inner)
    if type(None) in get_args(hint):
        inner = next(each for each in get_args(hint) if each is not type(None))
        found = _shape(inner)
        return replace(found, is_nullable=True)
    if isinstance(hint, type) and issubclass(hint, Section):
        return _Shape(facts=Facts("SECTION"), section=hint)
    if get_origin(hint) is dict:
        item = get_args(hint)[1]
        return _Shape(facts=_entry_facts("MAP", item), item=item)
    if get_origin(hint) is tuple:
        item = get_args(hint)[0]
        return _Shape(facts=_entry_facts("LIST", item), item=item)
    return _Shape(facts=Facts())


def _entry_facts(kind: str, item: Any) -> Facts:
    """A list or map, with unit, bounds and words of what is in it."""
    entry = _shape(item).facts
    return replace(entry, kind=kind)


# --- the value in force ---------------------------------------------------------------------------


def _named(wanted: tuple[str, ...], key: tuple[str, ...]) -> tuple[str, ...] | None:
    """The key's path with the names of the wanted one in it; None if the key is neither it nor below it."""
    if len(wanted) > len(key):
        return None
    for given, known in zip(wanted, key, strict=False):
        fits = given.startswith("[") if known == "[]" else known in ("*", given)
        if not fits:
            return None
    return (*wanted, *key[len(wanted) :])


def _value(running: LoadedConfig | None, path: tuple[str, ...], key: KeyDescription) -> str:
    if running is None or key.kind == "SECTION" or "*" in path or "[]" in path:
        return ""
    value: Any = running.effective
    for part in path:
        if isinstance(value, Mapping) and part in value:
            value = value[part]
        elif isinstance(value, list) and re.fullmatch(r"\[[0-9]{1,6}\]", part) and int(part[1:-1]) < len(value):
            value = value[int(part[1:-1])]
        else:
            return ""
    return as_yaml(value)
