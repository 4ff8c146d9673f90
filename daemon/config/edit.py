"""Edits single keys in the text of a config and leaves every other line as it is (CFG-7).

The new text is read again and compared: unless it says what the old one said, with that one change, it is not answered.
So whatever a file looks like (anchors, odd layouts), an edit is exact or refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import yaml

from daemon.config import splice
from daemon.config.document import Document, Tree, compose, parse
from daemon.config.fault import ConfigFaults, Fault, Path, dotted

MAX_PATH_CHARS = 500
MAX_VALUE_CHARS = 100_000
MAX_EDITS = 1_000

_PART = re.compile(r'"(?P<quoted>[^"]+)"|(?P<plain>[^."\[\]]+)|\[(?P<index>[0-9]{1,6})\]')
APPEND = "[]"
"""At the end of a path: an item is added to that list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One change of one key. `value` is YAML on one line."""

    path: str
    value: str = ""
    unset: bool = False


class _Refused(Exception):
    """Why the edit cannot be made; stays in this module."""


def apply_edits(text: str, edits: tuple[Edit, ...], source: str = "config.yaml") -> str | ConfigFaults:
    """The text with every edit made, one after the other; the faults of the first that cannot be."""
    if len(edits) > MAX_EDITS:
        return _fault("", f"{len(edits)} edits at once; at most {MAX_EDITS}", source)
    for edit in edits:
        edited = apply_edit(text, edit, source)
        if isinstance(edited, ConfigFaults):
            return edited
        text = edited
    return text


def apply_edit(text: str, edit: Edit, source: str = "config.yaml") -> str | ConfigFaults:
    document = parse(text, source)
    if document.faults:
        return ConfigFaults(faults=tuple(document.faults))
    try:
        is_append = edit.path.endswith(APPEND)
        path = resolve(document.tree, parse_path(edit.path.removesuffix(APPEND)))
        if edit.unset:
            return _unset(document, text, path)
        return _append(document, text, path, edit.value) if is_append else _set(document, text, path, edit.value)
    except _Refused as refused:
        return _fault(edit.path[:MAX_PATH_CHARS], str(refused), source)


def set_key(text: str, path: str, value: str) -> str | ConfigFaults:
    """The text with the key set to a value, which is YAML on one line. The key is added if it is not there."""
    return apply_edit(text, Edit(path=path, value=value))


def unset_key(text: str, path: str) -> str | ConfigFaults:
    """The text without the key, or without that entry of a list."""
    return apply_edit(text, Edit(path=path, unset=True))


def parse_path(text: str) -> Path:
    """`a.b[0]."c.d"` as steps. A part with dots or brackets in it stands in double quotes."""
    path: list[str | int] = []
    place = 0
    while place < len(text) <= MAX_PATH_CHARS:
        found = _PART.match(text, place)
        if found is None:
            break
        index = found["index"]
        path.append(int(index) if index is not None else found["quoted"] or found["plain"])
        place = found.end()
        if place == len(text):
            return tuple(path)
        if text[place] == ".":
            place += 1
        elif text[place] != "[":
            break
    raise _Refused("is not the path of a key: write names with dots between, such as pool.max_open_groups")


def resolve(tree: Tree, path: Path) -> Path:
    """The path with names that hold dots put together where the tree has such a key: `map.tv.symbol`."""
    steps: list[str | int] = []
    at = 0
    while at < len(path):
        step, taken = path[at], 1
        if isinstance(tree, dict) and step not in tree:
            step, taken = next(_joined(tree, path[at:]), (step, 1))
        if isinstance(tree, dict):
            tree = tree.get(str(step))
        else:
            tree = tree[step] if isinstance(tree, list) and isinstance(step, int) and step < len(tree) else None
        steps.append(step)
        at += taken
    return tuple(steps)


def _joined(tree: dict[str, Tree], path: Path) -> Iterator[tuple[str, int]]:
    for count in range(2, len(path) + 1):
        name = ".".join(str(part) for part in path[:count])
        if name in tree:
            yield name, count


# --- the three edits ------------------------------------------------------------------------------


def _set(document: Document, text: str, path: Path, value: str) -> str:
    node, given = _value(value)
    found = splice.find(compose(text), path)
    if found.missing:
        if any(isinstance(step, int) for step in found.missing):
            raise _Refused(f"{dotted(path)} is not there: add to the list with {dotted(path[:-1])}{APPEND}")
        expected = _with(document.tree, path, given)
        return _first_exact(expected, (splice.added(text, found, each) for each in _renderings(node, value)))
    quote = _quote(found.node)
    if quote and _is_number(node):  # Decimals stay in quotes, as the file has them.
        quoted = f"{quote}{node.value}{quote}"
        return _first_exact(_with(document.tree, path, node.value), [splice.replaced(text, found, quoted)])
    expected = _with(document.tree, path, given)
    return _first_exact(expected, (splice.replaced(text, found, each) for each in _renderings(node, value)))


def _unset(document: Document, text: str, path: Path) -> str:
    found = splice.find(compose(text), path)
    if found.missing:
        raise _Refused("does not stand in the file, so its default counts already")
    expected = deepcopy(document.tree)
    where = _at(expected, path[:-1])
    del where[path[-1]]
    return _first_exact(expected, [splice.removed(text, found)])


def _append(document: Document, text: str, path: Path, value: str) -> str:
    node, given = _value(value)
    found = splice.find(compose(text), path)
    if found.missing:
        raise _Refused("does not stand in the file, so a default list counts: set the whole list instead")
    if not isinstance(found.node, yaml.SequenceNode):
        raise _Refused("is not a list")
    expected = deepcopy(document.tree)
    _at(expected, path).append(given)
    return _first_exact(expected, (splice.appended(text, found, each) for each in _renderings(node, value)))


def _first_exact(expected: Tree, texts: Iterator[str] | list[str]) -> str:
    """The first text that says exactly what is expected."""
    for text in texts:
        document = parse(text, "")
        if not document.faults and _same(document.tree, expected):
            return text
    raise _Refused("cannot be changed alone the way the file is written (an anchor, perhaps): edit the file itself")


# --- values ---------------------------------------------------------------------------------------


def _value(text: str) -> tuple[yaml.Node, Tree]:
    """The node and the value of what is to be written."""
    if not text.strip():
        raise _Refused('needs a value: null, or "" for an empty text')
    if "\n" in text or "\r" in text or len(text) > MAX_VALUE_CHARS:
        raise _Refused(f"needs a value on one line, of at most {MAX_VALUE_CHARS} characters")
    document = parse(f"value: {text.strip()}", "")
    if document.faults or list(document.tree) != ["value"]:
        raise _Refused("the value is not YAML on one line: put text with special characters in quotes")
    return compose(f"value: {text.strip()}").value[0][1], document.tree["value"]


def _renderings(node: yaml.Node, value: str) -> Iterator[str]:
    """How the value may be written: as given, or as text in quotes where it would mean something else."""
    given = f"value: {value.strip()}"[node.start_mark.index : node.end_mark.index]
    yield given
    if isinstance(node, yaml.ScalarNode):
        yield json.dumps(node.value, ensure_ascii=False)


def _quote(node: yaml.Node) -> str:
    """The quotes a text stands in, if it does."""
    return str(node.style) if isinstance(node, yaml.ScalarNode) and node.style in ("'", '"') else ""


def _is_number(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.style is None and node.tag.endswith((":int", ":float"))


def _with(tree: Tree, path: Path, value: Tree) -> Tree:
    """A copy of the tree with this value there; maps on the way are made."""
    changed = deepcopy(tree)
    where = changed
    for step in path[:-1]:
        if isinstance(where, dict) and where.get(str(step)) is None:
            where[str(step)] = {}
        where = _at(where, (step,))
    last = path[-1]
    if isinstance(where, list) and not isinstance(last, int):
        raise _Refused(f"{dotted(path[:-1])} is a list: name an entry by its number, [0] for the first")
    if not isinstance(where, dict | list):
        raise _Refused(f"{dotted(path[:-1])} holds a value, not keys")
    holder: Any = where
    holder[last] = value
    return changed


def _at(tree: Tree, path: Path) -> Tree:
    for depth, step in enumerate(path):
        if not isinstance(tree, dict | list):
            raise _Refused(f"{dotted(path[:depth])} holds a value, not keys")
        if isinstance(tree, list) and not (isinstance(step, int) and step < len(tree)):
            raise _Refused(f"{dotted(path[:depth])} is a list: name an entry by its number, [0] for the first")
        holder: Any = tree
        tree = holder[step]
    return tree


def _same(one: Tree, other: Tree) -> bool:
    """Equal in value, kind and, of maps, order of keys as far as they have both."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return type(one) is type(other) and bool(one == other)


def _fault(path: str, message: str, source: str) -> ConfigFaults:
    return ConfigFaults(faults=(Fault(path=path, line=0, message=message, source=source),))
