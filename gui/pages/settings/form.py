"""The configuration as the form draws it: what each key means, what the file says, what is in force. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gui.pages.settings.tree import read
from protos.terrace.v1 import config_pb2 as pb

GENERAL = "general"
_UNITS = frozenset({"s", "ms", "percent", "mb", "hours", "days"})
_WHOLE_WORDS = {
    "tp": "take-profit",
    "dca": "DCA",
    "url": "URL",
    "urls": "URLs",
    "tls": "TLS",
    "api": "API",
    "ca": "CA",
    "hmac": "HMAC",
    "ttl": "time to live",
    "pnl": "profit",
    "max": "maximum",
    "min": "minimum",
}
_TITLES = {
    "api": "API",
    "observe": "Monitoring",
    "engine": "Engine",
    "forwarder": "Webhook forwarder",
    "storage": "Store",
    "limits": "Limits",
    "execution": "Orders",
    "general": "General",
    "alerts": "Notice rules",
    "backup": "Backup schedule",
    "notifications": "Notification channels",
    "routes": "Routes",
    "sources": "Alert sources",
    "risk": "Risk engine",
}


def label(path: str) -> str:
    """A key in words: `pool.max_open_groups` is `Maximum open groups`. The unit is said elsewhere."""
    words = path.rpartition(".")[2].removesuffix("[]").split("_")
    if len(words) > 1 and words[-1] in _UNITS and words[0] != "quiet":
        words = words[:-1]
    said = " ".join(_WHOLE_WORDS.get(word, word) for word in words)
    return said[:1].upper() + said[1:]


def title(section: str) -> str:
    """A section's name in the side list."""
    return _TITLES.get(section) or section[:1].upper() + section[1:].replace("_", " ")


def key_of(key: pb.ConfigKey) -> dict[str, Any]:
    """One key, as far as it says something."""
    facts: dict[str, Any] = {
        "path": key.path,
        "label": label(key.path),
        "help": key.help,
        "kind": key.kind,
        "unit": key.unit,
        "min": key.minimum,
        "max": key.maximum,
        "allowed": list(key.allowed),
        "default": key.default_value,
        "nullable": key.nullable,
        "restart": key.restart_required,
        "rule": key.rule,
        "example": key.example,
    }
    return {name: fact for name, fact in facts.items() if fact}


def _section(path: str, kind: str) -> str:
    """The part of the side list a key belongs to; single keys at the top of the file are together."""
    is_alone = "." not in path and kind not in ("SECTION", "MAP", "LIST")
    return GENERAL if is_alone else path.partition(".")[0].removesuffix("[]")


def form(keys: Sequence[pb.ConfigKey], config: pb.Config) -> dict[str, Any]:
    """Everything the form is drawn from."""
    described = [{**key_of(key), "default_tree": read(key.default_value)} for key in keys]
    sections = dict.fromkeys(_section(key.path, key.kind) for key in keys)
    return {
        "version": str(config.version),
        "etag": config.etag,
        "sections": [{"key": name, "title": title(name)} for name in sections],
        "keys": described,
        "in_force": read(config.expanded_yaml) or {},
        "file": read(config.yaml) or {},
        "yaml": config.yaml,
        "ineffective": list(config.ineffective_paths),
    }
