"""What each key means, in a sentence or two: the words behind `config explain` and the reference page (CFG-1).

Kind, unit, bounds, words and default are not said here, the schema has them. A field of a `Section` has its `Help` in
the table of its class, or a pydantic `description` of its own; keys that no class holds stand in `TOP`. A test holds
tables and schema together: no key without words, no words without a key.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from daemon.config.section import Section


class Help(NamedTuple):
    text: str
    """What it is and what it changes for a trade; empty: the field's own `description` says it."""
    rule: str = ""
    """Rule of docs/rules.md behind it."""
    example: str = ""
    """A value, as YAML, where the default shows none."""


Fields = Mapping[str, Help]
Tables = Mapping[type[Section], Fields]
