"""Small configs for the tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from daemon.config.fault import ConfigFaults, Fault
from daemon.config.load import LoadedConfig, load_text

SHIPPED = Path(__file__).parents[3] / "config.yaml"
FILE = Path("/srv/terrace/config.yaml")


def load(text: str, environ: Mapping[str, str] | None = None) -> LoadedConfig:
    """The config of a text that must hold. The version key is put before it."""
    loaded = load_text(f"config_version: 1\n{text}", FILE, environ or {})
    assert isinstance(loaded, LoadedConfig), str(loaded)
    return loaded


def faults(text: str, environ: Mapping[str, str] | None = None) -> tuple[Fault, ...]:
    """The faults of a text that must not hold. Its first line is line 2 of the file."""
    loaded = load_text(f"config_version: 1\n{text}", FILE, environ or {})
    assert isinstance(loaded, ConfigFaults), "the config was accepted"
    return loaded.faults


def only_fault(text: str, environ: Mapping[str, str] | None = None) -> Fault:
    found = faults(text, environ)
    assert len(found) == 1, "\n".join(map(str, found))
    return found[0]
