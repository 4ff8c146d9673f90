"""What a version of the config is: its mark against lost writes, what differs from another, and how that is shown.

Texts hold references to secrets, never secrets. Should somebody have written one into a comment or an address all the
same, it is masked wherever a text is shown (LOG-4).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from daemon.config.kinds import SECRET_KINDS
from daemon.config.reload import changed_keys, flatten, needs_restart

MAX_CHANGED_PATHS = 200
"""Keys named with a stored version. What differs beyond that is in its diff."""
MAX_COMPARED_LINES = 4_000
"""Of what differs between two texts. More is shown as taken out and put in, line pairs are not looked for."""
MAX_VALUE_CHARS = 2_000
MASK = "****"

_REFERENCE = "|".join(re.escape(kind) for kind in SECRET_KINDS)
_SECRET = re.compile(
    r"(?P<key>\b(?:[a-z_]*secret|api[_-]?key|passphrase|password|token)[\"']?(?:\s*:\s+|[ \t]*[:=][ \t]*))"
    rf"(?P<value>\"(?!{_REFERENCE})[^\"\n]+\"|'(?!{_REFERENCE})[^'\n]+'|(?!{_REFERENCE}|null\b|~|[\[{{\"'#])[^\s,}}#]+)",
    re.IGNORECASE,
)
_IN_ADDRESS = re.compile(r"(?P<scheme>[a-z]+://)[^\s/@\"']*:[^\s/@\"']+@", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyChange:
    """One key that differs. Values are YAML on one line; empty where the key is not there."""

    path: str
    old: str
    new: str
    restart: bool


def masked(text: str) -> str:
    """The text with what looks like a secret in clear masked. References stay."""
    text = _SECRET.sub(lambda found: f"{found['key']}{MASK}", text)
    return _IN_ADDRESS.sub(lambda found: f"{found['scheme']}{MASK}@", text) if "@" in text else text


def key_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[KeyChange, ...]:
    """Keys that differ between two effective configs, by name."""
    before, after = flatten(old), flatten(new)
    return tuple(
        KeyChange(path=key, old=_shown(before, key), new=_shown(after, key), restart=needs_restart(key))
        for key in changed_keys(old, new)
    )


def named(paths: Sequence[str]) -> tuple[str, ...]:
    """The paths to store with a version: all, or the first and how many more there are."""
    if len(paths) <= MAX_CHANGED_PATHS:
        return tuple(paths)
    return (*paths[:MAX_CHANGED_PATHS], f"and {len(paths) - MAX_CHANGED_PATHS} more")


def one_line(value: Any) -> str:
    """Plain data as YAML on one line."""
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, sort_keys=False, width=10**9)
    line = text.strip().removesuffix("...").strip()
    return line if len(line) <= MAX_VALUE_CHARS else f"{line[: MAX_VALUE_CHARS - 3]}..."


def as_yaml(effective: Mapping[str, Any]) -> str:
    """An effective config as a text."""
    text: str = yaml.safe_dump(dict(effective), allow_unicode=True, sort_keys=False, width=120)
    return masked(text)


def text_diff(old: str, new: str, old_name: str, new_name: str) -> str:
    """The difference of two texts in unified form, masked; empty if there is none."""
    before, after = masked(old).splitlines(), masked(new).splitlines()
    start, end = _common(before, after)
    size = len(before) + len(after) - 2 * (start + end)
    if size > MAX_COMPARED_LINES:
        lines = [f"--- {old_name}", f"+++ {new_name}", f"@@ from line {start + 1} on @@"]
        lines += [f"-{line}" for line in before[start : len(before) - end]]
        lines += [f"+{line}" for line in after[start : len(after) - end]]
        return "\n".join(lines) + "\n"
    found = difflib.unified_diff(before, after, old_name, new_name, lineterm="")
    return "".join(f"{line}\n" for line in found)


def _common(before: Sequence[str], after: Sequence[str]) -> tuple[int, int]:
    """How many lines are the same at the beginning and at the end."""
    most = min(len(before), len(after))
    start = next((i for i in range(most) if before[i] != after[i]), most)
    end = next((i for i in range(most - start) if before[-1 - i] != after[-1 - i]), most - start)
    return start, end


def _shown(flat: Mapping[str, Any], key: str) -> str:
    if key not in flat:
        return ""
    name = key.rpartition(".")[2]
    return masked(f"{name}: {one_line(flat[key])}").removeprefix(f"{name}: ")
