"""The version of the config's shape, and how an older file becomes a newer one, step by step (CFG-5).

A step changes the document in place, from one version to the next, and nothing else: comments and order stay, since the
document remembers them. An older file is understood as it is; it is only written over when the daemon starts or a
person says so, and then the original is kept beside it.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from daemon.config.document import Document, parse
from daemon.config.fault import ConfigFaults, Fault
from daemon.config.file import keep_beside, replace_file, standing_in
from daemon.config.kinds import found

Step: TypeAlias = Callable[[Any], None]
"""Takes the document as ruamel's map of keys and leaves it in the shape of the next version."""

STEPS: Mapping[int, Step] = {}
"""By the version a step begins at. So far there is one version, so there is nothing to do."""
CONFIG_VERSION = 1
"""The version this code reads and writes: one more than the newest step begins at."""
MAX_LINE = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Migrated:
    text: str
    from_version: int
    to_version: int
    kept: Path | None = None
    """Where the original is, if the file was written."""

    def __str__(self) -> str:
        kept = f"; the original is kept as {self.kept}" if self.kept is not None else ""
        return f"the configuration was brought from version {self.from_version} to {self.to_version}{kept}"


def migrated(text: str, steps: Mapping[int, Step] | None = None) -> Migrated | ConfigFaults | None:
    """The text in the newest shape; None where there is nothing to do, or the text is not readable at all.

    Faults: a step could not be made of what stands there.
    """
    steps = STEPS if steps is None else steps
    first = _version_of(text) if steps else None
    if first is None or first not in steps:
        return None
    from ruamel.yaml.error import YAMLError  # Only where there is something to do: it takes a while to load.

    layout = _layout()
    try:
        document = layout.load(text)
        version = first
        while version in steps:
            steps[version](document)
            version += 1
            document["config_version"] = version
        written = io.StringIO()
        layout.dump(document, written)
    except (YAMLError, LookupError, TypeError, ValueError, AttributeError) as error:
        message = (
            f"cannot be brought from version {first} to {max(steps) + 1}: {type(error).__name__} in step {version}"
        )
        return ConfigFaults(faults=(Fault(path="config_version", line=1, message=message),))
    return Migrated(text=written.getvalue(), from_version=first, to_version=version)


def migrate_file(path: Path, steps: Mapping[int, Step] | None = None) -> Migrated | ConfigFaults | None:
    """As `migrated`, of the file, which is written. OSError if it cannot be; then it is as before."""
    standing = standing_in(path)
    done = migrated(standing.text, steps) if standing.text is not None else None
    if not isinstance(done, Migrated):
        return done
    kept = keep_beside(path, f"v{done.from_version}")
    try:
        replace_file(path, done.text, standing)
    except BaseException:
        kept.unlink(missing_ok=True)
        raise
    return Migrated(text=done.text, from_version=done.from_version, to_version=done.to_version, kept=kept)


def _version_of(text: str) -> int | None:
    document = parse(text, "")
    version = document.tree.get("config_version")
    return version if not document.faults and type(version) is int else None


def _layout() -> Any:
    """Reads and writes with comments, order and quotes as they are."""
    from ruamel.yaml import YAML

    layout = YAML(typ="rt")
    layout.preserve_quotes = True
    layout.width = MAX_LINE
    layout.indent(mapping=2, sequence=4, offset=2)
    return layout


# --- what is wrong with a version -----------------------------------------------------------------


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
