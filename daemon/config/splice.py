"""Where a key stands in a YAML text, and the text with another value, key or entry spliced in at that place."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

import yaml

from daemon.config.fault import Path

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]*")
_INDENT = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """How far a path leads."""

    node: yaml.Node
    """What stands there: the whole path's node, or the deepest one there is."""
    key: yaml.Node | None
    """Key of `node` in its map; None for entries of lists and for the root."""
    parent: yaml.Node | None
    """The map or list `node` stands in; None for the root."""
    missing: Path
    """Steps that lead on from `node` and are not there."""


def find(root: yaml.MappingNode, path: Path) -> Found:
    found = Found(node=root, key=None, parent=None, missing=path)
    while found.missing:
        further = _step(found.node, found.missing)
        if further is None:
            return found
        found = further
    return found


def _step(node: yaml.Node, path: Path) -> Found | None:
    step, rest = path[0], path[1:]
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(step):
                return Found(node=value, key=key, parent=node, missing=rest)
    elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return Found(node=node.value[step], key=None, parent=node, missing=rest)
    return None


# --- replace --------------------------------------------------------------------------------------


def replaced(text: str, found: Found, value: str) -> str:
    """The text with this value in the place of the node's. A comment behind it keeps its column where there is room."""
    node = found.node
    start, end = node.start_mark.index, end_of(node, text)
    if _is_block(node) and found.key is not None:
        return _replaced_block(text, found, value)
    if start == end:  # Nothing stands there: `key:`.
        value = f" {value}"
    return text[:start] + value + _padded(text[end:], len(value) - (end - start))


def _replaced_block(text: str, found: Found, value: str) -> str:
    """The value goes behind the colon; the lines of the old one, which begin below it, go."""
    node = found.node
    assert found.key is not None
    colon = text.index(":", found.key.end_mark.index) + 1
    first, last = _line_start(text, node.start_mark.index), _line_end(text, end_of(node, text))
    if first <= colon:  # It begins on the key's own line.
        return f"{text[:colon]} {value}{text[end_of(node, text) :]}"
    return f"{text[:colon]} {value}{text[colon : first - 1]}{text[last:]}"


def _padded(rest: str, longer: int) -> str:
    """What follows the value, its comment moved back by what the value grew."""
    comment = re.match(r"( {2,})#", rest)
    if comment is None:
        return rest
    spaces = len(comment[1])
    return " " * max(spaces - longer, 1) + rest[spaces:]


# --- add ------------------------------------------------------------------------------------------


def added(text: str, found: Found, value: str) -> str:
    """The text with the missing keys put in and the value behind the last of them."""
    node, keys = found.node, [_key(str(step)) for step in found.missing]
    if not isinstance(node, yaml.MappingNode):  # Nothing, or no map: the caller reads the result.
        return replaced(text, found, _flow(keys, value))
    if node.flow_style:
        entry = f"{keys[0]}: {_flow(keys[1:], value)}"
        return _into_flow(text, node, entry)
    return _into_block(text, found, keys, value)


def appended(text: str, found: Found, value: str) -> str:
    """The text with one more entry at the end of the list."""
    node = found.node
    if node.flow_style:  # type: ignore[attr-defined]
        return _into_flow(text, node, value)
    place = _line_end(text, end_of(node, text))
    return f"{text[:place]}{_newline(text)}{' ' * node.start_mark.column}- {value}{text[place:]}"


def _into_flow(text: str, node: yaml.Node, entry: str) -> str:
    if not node.value:
        place = node.start_mark.index + 1
        return text[:place] + entry + text[place:]
    place = end_of(_last(node), text)
    return f"{text[:place]}, {entry}{text[place:]}"


def _into_block(text: str, found: Found, keys: list[str], value: str) -> str:
    column, newline = found.node.start_mark.column, _newline(text)
    lines = [f"{' ' * (column + depth * _INDENT)}{key}:" for depth, key in enumerate(keys)]
    lines[-1] += f" {value}"
    if found.parent is None:  # A new section goes behind everything, comments at the end included.
        return f"{text.rstrip()}{newline}{newline}{newline.join(lines)}{newline}"
    place = _line_end(text, end_of(found.node, text))
    return text[:place] + newline + newline.join(lines) + text[place:]


def _flow(keys: list[str], value: str) -> str:
    for key in reversed(keys):
        value = f"{{{key}: {value}}}"
    return value


# --- remove ---------------------------------------------------------------------------------------


def removed(text: str, found: Found) -> str:
    """The text without the key or entry. What becomes empty stays as `{}` or `[]`."""
    parent = found.parent
    assert parent is not None
    entries = [(_start(entry), end_of(_value_of(entry), text)) for entry in parent.value]
    place = next(i for i, entry in enumerate(parent.value) if _value_of(entry) is found.node)
    start, end = entries[place]
    if parent.flow_style:  # type: ignore[attr-defined]
        if place + 1 < len(entries):
            return text[:start] + text[entries[place + 1][0] :]
        return text[: entries[place - 1][1] if place else start] + text[end:]
    if len(entries) == 1:
        return _emptied(text, parent)
    before = text[_line_start(text, start) : start]
    own_line = not before.strip() if found.key is not None else not before.strip(" -")
    if not own_line:  # The first key of a list's entry: the next key takes its place behind the dash.
        return text[:start] + text[entries[place + 1][0] :] if place + 1 < len(entries) else text
    return text[: _line_start(text, start)] + text[_after_line(text, end) :]


def _emptied(text: str, node: yaml.Node) -> str:
    """A block of one entry as an empty map or list behind the key above it, or behind its dash."""
    empty = "{}" if isinstance(node, yaml.MappingNode) else "[]"
    start, end = node.start_mark.index, end_of(node, text)
    first = _line_start(text, start)
    if text[first:start].strip():
        return text[:start] + empty + text[_line_end(text, end) :]
    colon = text.rindex(":", 0, _last_code(text, first))
    return f"{text[: colon + 1]} {empty}{text[colon + 1 : first - 1]}{text[_line_end(text, end) :]}"


def _last_code(text: str, place: int) -> int:
    """End of the last line before `place` that is more than a comment, its comment left out."""
    while place > 0:
        start = _line_start(text, place - 1)
        code = re.sub(r"(^|\s)#.*", "", text[start : place - 1])
        if code.strip():
            return start + len(code.rstrip())
        place = start
    return 0


# --- places ---------------------------------------------------------------------------------------


def end_of(node: yaml.Node, text: str) -> int:
    """Index behind the last character of the node itself, not of comments and blank lines after it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        return end_of(_last(node), text)
    start, end = int(node.start_mark.index), int(node.end_mark.index)
    return start + len(text[start:end].rstrip())


def _last(node: yaml.Node) -> yaml.Node:
    last: yaml.Node = _value_of(node.value[-1])
    return last


def _value_of(entry: yaml.Node | tuple[yaml.Node, yaml.Node]) -> yaml.Node:
    return entry[1] if isinstance(entry, tuple) else entry


def _start(entry: yaml.Node | tuple[yaml.Node, yaml.Node]) -> int:
    return int((entry[0] if isinstance(entry, tuple) else entry).start_mark.index)


def _is_block(node: yaml.Node) -> bool:
    return isinstance(node, yaml.CollectionNode) and not node.flow_style


def _line_start(text: str, place: int) -> int:
    return text.rfind("\n", 0, place) + 1


def _line_end(text: str, place: int) -> int:
    end = text.find("\n", place)
    end = len(text) if end < 0 else end
    return end - 1 if end > place and text[end - 1] == "\r" else end


def _after_line(text: str, place: int) -> int:
    end = text.find("\n", place)
    return len(text) if end < 0 else end + 1


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _key(name: str) -> str:
    return name if _PLAIN_KEY.fullmatch(name) else json.dumps(name, ensure_ascii=False)
