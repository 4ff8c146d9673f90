"""YAML text as a tree of plain values that remembers where each one stands.

Numbers keep the digits they were written with (a fraction becomes a Decimal from its text, never a binary float), keys
are text, and only `true`, `false` and `null` in their usual spellings are special words: `on`, `yes`, `1:30` and dates
stay the text they are. Duplicate keys, tags and merge keys are faults.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, ClassVar

import yaml

from daemon.config.fault import Fault, Path, dotted
from daemon.config.hints import syntax

MAX_TEXT_BYTES = 1024 * 1024
MAX_NODES = 200_000
MAX_DEPTH = 32
MAX_NUMBER_DIGITS = 64

Tree = Any
"""None, bool, int, Decimal, str, list of Tree, dict of str to Tree."""


class _Loader(yaml.SafeLoader):
    """Composes nodes only. Its words and numbers are those of YAML 1.2's core schema."""

    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}  # type: ignore[misc]


_NULL = "tag:yaml.org,2002:null"
_BOOL = "tag:yaml.org,2002:bool"
_INT = "tag:yaml.org,2002:int"
_FLOAT = "tag:yaml.org,2002:float"
_STR = "tag:yaml.org,2002:str"
_TAGS = frozenset({_NULL, _BOOL, _INT, _FLOAT, _STR, "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"})
_DROPPED = object()
"""Stands for a node that has its fault already."""

_WORDS = (
    (_NULL, r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    (_BOOL, r"^(?:true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    (_INT, r"^[-+]?[0-9]+$", list("-+0123456789")),
    (_FLOAT, r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$", list("-+.0123456789")),
)
for _tag, _pattern, _first in _WORDS:
    _Loader.add_implicit_resolver(_tag, re.compile(_pattern), _first)


@dataclass(frozen=True, slots=True)
class Place:
    source: str
    line: int


@dataclass(slots=True)
class Document:
    """The tree of one text, and the place of each of its keys. The environment is laid over both."""

    source: str
    tree: dict[str, Tree] = field(default_factory=dict)
    places: dict[Path, Place] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def place_of(self, path: Path) -> Place:
        """Where `path` stands, else where the nearest thing around it does."""
        while path:
            if path in self.places:
                return self.places[path]
            path = path[:-1]
        return Place(self.source, 1)

    def fault(self, path: Path, message: str, allowed: tuple[str, ...] = ()) -> Fault:
        place = self.place_of(path)
        return Fault(path=dotted(path), line=place.line, message=message, allowed=allowed, source=place.source)


def parse(text: str, source: str) -> Document:
    """The document of a text. What cannot be read at all leaves an empty tree and says so in `faults`."""
    document = Document(source=source)
    if len(text.encode()) > MAX_TEXT_BYTES:
        document.faults.append(_whole(source, f"larger than {MAX_TEXT_BYTES} bytes"))
        return document
    try:
        root = _Loader(text).get_single_node()
    except yaml.YAMLError as error:
        document.faults.append(_syntax_fault(error, text, source))
        return document
    except RecursionError:
        document.faults.append(_whole(source, "nested too deeply"))
        return document
    if not isinstance(root, yaml.MappingNode):
        what = "empty" if root is None else "not a map of keys"
        document.faults.append(_whole(source, f"the file is {what}", ("config_version: 1 and the keys you change",)))
        return document
    tree = _Reader(document).value(root, ())
    document.tree = tree if isinstance(tree, dict) else {}
    return document


def compose(text: str) -> yaml.MappingNode:
    """The nodes of a text in which `parse` finds no fault, each with the place of its first and last character."""
    root = _Loader(text).get_single_node()
    assert isinstance(root, yaml.MappingNode)
    return root


def scalar(text: str) -> Tree:
    """The value a plain scalar of this text has in the file; what looks like nothing special is text."""
    return _scalar_value(_plain_tag(text), text)


def _whole(source: str, message: str, allowed: tuple[str, ...] = ()) -> Fault:
    return Fault(path="", line=1, message=message, allowed=allowed, source=source)


def _plain_tag(text: str) -> str:
    for tag, pattern, _ in _WORDS:
        if re.match(pattern, text):
            return tag
    return _STR


def _scalar_value(tag: str, text: str) -> Tree:
    if tag == _NULL:
        return None
    if tag == _BOOL:
        return text.lower() == "true"
    if tag in (_INT, _FLOAT) and len(text) > MAX_NUMBER_DIGITS:
        return text  # Far outside every bound: its own rule will refuse it as text.
    if tag == _INT:
        return int(text)
    return Decimal(text) if tag == _FLOAT else text


def _syntax_fault(error: yaml.YAMLError, text: str, source: str) -> Fault:
    """The parser's complaint without the snippet it likes to show: that could be a secret."""
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark is not None else 1
        column = f", column {mark.column + 1}" if mark is not None else ""
        begun = error.context_mark.line + 1 if error.context_mark is not None else 0
        problem = re.sub(r"(alias|anchor) '[^']*'", r"\1", str(error.problem or error.context))
        words = syntax(problem, begun)
        return Fault(path="", line=line, message=f"not valid YAML{column}: {words}", source=source)
    line = text.count("\n", 0, getattr(error, "position", 0)) + 1
    return Fault(path="", line=line, message="not valid YAML: a character that may not stand in it", source=source)


class _Reader:
    """Turns nodes into values, once over the whole document."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._nodes = 0

    def value(self, node: yaml.Node, path: Path) -> Tree:
        self._nodes += 1
        if self._nodes > MAX_NODES or len(path) > MAX_DEPTH:  # Aliases can make a small text a huge tree.
            if not any("too large" in fault.message for fault in self._document.faults):
                self._fault(node, path, "too large or nested too deeply once its aliases are written out")
            return _DROPPED
        if node.tag not in _TAGS:
            self._fault(node, path, "tags (!name) are not supported")
            return _DROPPED
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return self._sequence(node, path)
        return _scalar_value(node.tag, node.value)

    def _sequence(self, node: yaml.SequenceNode, path: Path) -> list[Tree]:
        items: list[Tree] = []
        for item in node.value:
            here = (*path, len(items))
            self._document.places[here] = self._place(item)
            value = self.value(item, here)
            if value is not _DROPPED:
                items.append(value)
        return items

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Tree]:
        found: dict[str, Tree] = {}
        for key_node, item in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._fault(key_node, path, "a key must be plain text")
                continue
            key: str = key_node.value
            here = (*path, key)
            if key == "<<" and key_node.style is None:
                self._fault(key_node, here, "merge keys are not supported: write the keys out")
            elif key in found:
                first = self._document.places[here].line
                self._fault(key_node, here, f"the key stands here twice, first in line {first}")
            else:
                is_flat = isinstance(item, yaml.ScalarNode)
                self._document.places[here] = self._place(item if is_flat and item.value else key_node)
                found[key] = self.value(item, here)
        return {key: value for key, value in found.items() if value is not _DROPPED}

    def _place(self, node: yaml.Node) -> Place:
        return Place(self._document.source, node.start_mark.line + 1)

    def _fault(self, node: yaml.Node, path: Path, message: str) -> None:
        place = self._place(node)
        self._document.faults.append(
            Fault(path=dotted(path), line=place.line, message=message, source=place.source),
        )
