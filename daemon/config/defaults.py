"""The shipped defaults in the place of what a file says (CFG-3).

Reset is how Terrace trades and what it keeps. Kept is what it trades with and where it is reached: accounts, routes,
sources, stores, addresses, notifications. A reset must not cut anybody off, nor lose sight of groups that are live.
"""

from __future__ import annotations

import os
from pathlib import Path

from daemon.config.document import parse
from daemon.config.edit import set_key, unset_key
from daemon.config.fault import ConfigFaults
from daemon.config.load import default_config, load_text
from daemon.config.reload import changed_keys, flatten
from daemon.config.versions import one_line

RESET = ("engine", "strategy", "pool", "queue", "risk", "limits", "precision", "execution", "logging", "alerts")
"""Sections that get their defaults. The others stay as they are."""


def with_defaults(text: str, path: Path) -> str | ConfigFaults:
    """The text with every key of the sections in `RESET` at its default; comments, order and all else stay."""
    loaded = load_text(text, path, {})
    if isinstance(loaded, ConfigFaults):
        return loaded
    default = flatten(default_config())
    changed = [key for key in changed_keys(loaded.effective, default_config()) if key.partition(".")[0] in RESET]
    edited = text
    for key in (key for key in changed if key not in default):  # Names of the user's own go first, then empty maps fit.
        edited = _edited(edited, key, None)
    for key in (key for key in changed if key in default):
        edited = _edited(edited, key, one_line(default[key]))
    return edited if _is_reset(edited, path) else _without_sections(text)


def _edited(text: str, key: str, value: str | None) -> str:
    """What cannot be edited alone stays; the whole is looked at in the end."""
    edited = unset_key(text, key) if value is None else set_key(text, key, value)
    return text if isinstance(edited, ConfigFaults) else edited


def _is_reset(text: str, path: Path) -> bool:
    loaded = load_text(text, path, {})
    if isinstance(loaded, ConfigFaults):
        return False
    return not any(key.partition(".")[0] in RESET for key in changed_keys(loaded.effective, default_config()))


def _without_sections(text: str) -> str | ConfigFaults:
    for section in RESET:
        if section in parse(text, os.devnull).tree:
            edited = unset_key(text, section)
            if isinstance(edited, ConfigFaults):
                return edited
            text = edited
    return text
