"""YAML as the form needs it: numbers stay the text they are written as; no decimal ever becomes a float. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

Tree = Any
"""Maps with text keys, lists, texts, flags, None."""


class _Loader(yaml.SafeLoader):
    """Numbers and dates as text."""


def _as_written(_loader: yaml.SafeLoader, node: yaml.ScalarNode) -> str:
    return str(node.value)


for _tag in ("int", "float", "timestamp"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_tag}", _as_written)


def read(text: str) -> Tree:
    """A text as maps, lists, texts, flags and None; None where it is not YAML."""
    try:
        return _plain(yaml.load(text, _Loader))
    except (yaml.YAMLError, RecursionError, ValueError):
        return None


def _plain(value: Tree) -> Tree:
    if isinstance(value, dict):
        return {_name(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, bool | str) else str(value)


def _name(key: Any) -> str:
    if isinstance(key, bool):
        return str(key).lower()
    return "null" if key is None else str(key)


# --- the way back ---------------------------------------------------------------------------------

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*(?:[:][A-Za-z0-9_./-]+)*")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_WHOLE = re.compile(r"-?(0|[1-9][0-9]*)")
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\t": "\\t"}


def written(value: Tree, kind: str) -> str:
    """A value as YAML on one line. `kind` says how its scalars are written: WHOLE as digits, DECIMAL always in quotes,
    RAW as they come (they are YAML already), anything else as text.

    What is not of its kind is written as text, so that the engine says what is wrong with it.
    """
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{text(str(key))}: {written(item, kind)}" for key, item in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(written(item, kind) for item in value) + "]"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return _scalar(str(value), kind)


def _scalar(value: str, kind: str) -> str:
    if kind == "RAW":
        return value.replace("\r", " ").replace("\n", " ").strip()
    if kind == "WHOLE" and _WHOLE.fullmatch(value.strip()):
        return value.strip()
    if kind == "DECIMAL":
        return _quoted(value.strip())
    return text(value)


def text(value: str) -> str:
    """Text as YAML; in quotes wherever it could be read as something else."""
    is_plain = _PLAIN.fullmatch(value) is not None and value.lower() not in _WORDS
    return value if is_plain else _quoted(value)


def _quoted(value: str) -> str:
    inner = "".join(_ESCAPES.get(char, char if char.isprintable() else f"\\U{ord(char):08x}") for char in value)
    return f'"{inner}"'
