"""What was changed in a form, as edits of single keys (CFG-7): comments and the order of the file survive. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gui.pages.settings.tree import Tree, written
from protos.terrace.v1 import config_pb2 as pb

MAX_CHANGES = 500
_SIMPLE = re.compile(r'[^."\[\]]+')


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """One key as the form has it now."""

    path: str
    kind: str
    """How scalars in it are written: WHOLE, DECIMAL, RAW or any other."""
    value: Tree = None
    before: Tree = None
    """What the file says; None where it says nothing."""
    unset: bool = False
    """True: taken out of the file, so that its default counts."""


def step(name: str) -> str:
    """A name as a step of a path: `"a.b"` in quotes where it has dots or brackets."""
    return name if _SIMPLE.fullmatch(name) else f'"{name}"'


def edits_of(changed: Changed) -> list[pb.ConfigEdit]:
    """The fewest edits that make it so. A map or list that stands in the file is edited entry by entry."""
    return list(_edits(changed))


def ordered(edits: list[pb.ConfigEdit]) -> list[pb.ConfigEdit]:
    """What is taken out goes last, and from the end of a list: each entry then still has its number."""
    gone = sorted((edit for edit in edits if edit.unset), key=lambda edit: _numbers(edit.path), reverse=True)
    return [*(edit for edit in edits if not edit.unset), *gone]


def _numbers(path: str) -> list[int]:
    return [int(number) for number in re.findall(r"\[([0-9]+)\]", path)]


def _edits(changed: Changed) -> Iterator[pb.ConfigEdit]:
    path, value, before = changed.path, changed.value, changed.before
    if changed.unset:
        yield pb.ConfigEdit(path=path, unset=True)
    elif isinstance(value, Mapping) and isinstance(before, Mapping) and value and before:
        yield from _map_edits(path, changed.kind, value, before)
    elif isinstance(value, list) and isinstance(before, list) and value and before and _is_of_maps(value, before):
        yield from _list_edits(path, changed.kind, value, before)
    else:
        yield pb.ConfigEdit(path=path, value=written(value, changed.kind))


def _is_of_maps(value: list[Tree], before: list[Tree]) -> bool:
    return all(isinstance(item, Mapping) for item in (*value, *before))


def _map_edits(path: str, kind: str, value: Mapping[str, Tree], before: Mapping[str, Tree]) -> Iterator[pb.ConfigEdit]:
    for name, item in value.items():
        if name not in before or before[name] != item:
            yield pb.ConfigEdit(path=f"{path}.{step(name)}", value=written(item, kind))
    for name in before:
        if name not in value:
            yield pb.ConfigEdit(path=f"{path}.{step(name)}", unset=True)


def _list_edits(path: str, kind: str, value: list[Tree], before: list[Tree]) -> Iterator[pb.ConfigEdit]:
    for at, (new, old) in enumerate(zip(value, before, strict=False)):
        yield from _map_edits(f"{path}[{at}]", kind, new, old)
    for item in value[len(before) :]:
        yield pb.ConfigEdit(path=f"{path}[]", value=written(item, kind))
    for at in range(len(before) - 1, len(value) - 1, -1):  # From the end: what stands before keeps its number.
        yield pb.ConfigEdit(path=f"{path}[{at}]", unset=True)
