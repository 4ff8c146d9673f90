"""The secret a source's alerts must carry, as it stands on this machine: for a person who writes it into an alert."""

from __future__ import annotations

import os
from collections.abc import Mapping

from control.config_file import ConfigFile
from control.forwarder.references import SecretFault, read_secret

__all__ = ["SecretFault", "read_source_secret"]

DEFAULT_SOURCES = ("tradingview",)
"""What holds where the configuration names no source."""


def read_source_secret(config: ConfigFile, source: str, environ: Mapping[str, str] | None = None) -> str:
    """The secret of this source of the configuration. Raises SecretFault, which says where it should be."""
    if source not in (config.section("sources") or DEFAULT_SOURCES):
        raise SecretFault(f"the configuration has no source {source}")
    key = f"sources.{source}.secret"
    reference = config.text(key, f"file:secrets/{source}")
    try:
        return read_secret(reference, config.data_dir, os.environ if environ is None else environ)
    except SecretFault as fault:
        raise SecretFault(f"{key}: {fault}") from None
