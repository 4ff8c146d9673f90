"""The version of the config's shape (CFG-5). So far there is one, so there is nothing to migrate yet."""

from __future__ import annotations

from daemon.config.document import Document
from daemon.config.fault import Fault
from daemon.config.kinds import found

CONFIG_VERSION = 1
"""The version this code reads and writes."""


def check_version(document: Document) -> Fault | None:
    """What is wrong with `config_version`. A newer one means the rest cannot be judged."""
    path = ("config_version",)
    if "config_version" not in document.tree:
        remedy = f"is missing: write config_version: {CONFIG_VERSION} as the first key"
        return Fault(path="config_version", line=1, message=remedy, source=document.source)
    version = document.tree["config_version"]
    if type(version) is not int or version < 1:
        return document.fault(path, f"must be a whole number, {found(version)}", (str(CONFIG_VERSION),))
    if is_newer(document):
        message = f"was written for a newer Terrace (version {version}): update Terrace, or restore the older file"
        return document.fault(path, message, (str(CONFIG_VERSION),))
    return None


def is_newer(document: Document) -> bool:
    version = document.tree.get("config_version")
    return type(version) is int and version > CONFIG_VERSION
