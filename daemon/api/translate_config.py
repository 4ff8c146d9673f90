"""Versions, changes and faults of the configuration as messages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from daemon.api.errors import FieldFault
from daemon.api.translate import timestamp
from daemon.config.environment import overridden
from daemon.config.fault import Fault
from daemon.config.file import etag_of
from daemon.config.load import LoadedConfig
from daemon.config.versions import KeyChange, as_yaml, masked
from daemon.config.watcher import Origin
from daemon.store.found import StoredConfig
from protos.terrace.v1 import common_pb2
from protos.terrace.v1 import config_pb2 as pb

MAX_CHANGES = 2_000
"""Keys named in one answer. What differs beyond that is in the diff of the texts."""
MAX_PROBLEMS = 1_000

SOURCE_OF: Mapping[int, str] = {pb.CONFIG_SOURCE_CLI: "cli", pb.CONFIG_SOURCE_PANEL: "panel"}
"""What a caller may say of itself; anything else is `api`. Only the file is `file`."""
_SOURCE: Mapping[str, pb.ConfigSource] = {
    "file": pb.CONFIG_SOURCE_FILE,
    "cli": pb.CONFIG_SOURCE_CLI,
    "panel": pb.CONFIG_SOURCE_PANEL,
    "api": pb.CONFIG_SOURCE_API,
}
MAX_NOTES = 20
_INEFFECTIVE = " has no effect yet"


def config(
    text: str, version: int, time_ms: int, origin: Origin, loaded: LoadedConfig | None, *, expand: bool = False
) -> pb.Config:
    """`loaded`: the text as it was read, where that was asked for."""
    return pb.Config(
        version=version,
        etag=etag_of(text),
        yaml=masked(text),
        expanded_yaml=as_yaml(loaded.effective) if expand and loaded is not None else "",
        create_time=timestamp(time_ms),
        author=origin.author,
        source=_SOURCE.get(origin.source, pb.CONFIG_SOURCE_UNSPECIFIED),
        ineffective_paths=ineffective(loaded) if loaded is not None else (),
    )


def version(stored: StoredConfig, in_force: int) -> pb.ConfigVersion:
    return pb.ConfigVersion(
        version=stored.version,
        create_time=timestamp(stored.time_ms),
        author=stored.author,
        source=_SOURCE.get(stored.source, pb.CONFIG_SOURCE_UNSPECIFIED),
        changed_paths=stored.changed,
        current=stored.version == in_force,
    )


def changes(
    found: Sequence[KeyChange], effects: Mapping[str, Sequence[str]] | None = None
) -> Iterable[pb.ConfigChange]:
    """At most `MAX_CHANGES`; a last one says how many more there are."""
    for each in found[:MAX_CHANGES]:
        yield pb.ConfigChange(
            path=each.path,
            old_value=each.old,
            new_value=each.new,
            restart_required=each.restart,
            effects=(effects or {}).get(each.path, ()),
        )
    if len(found) > MAX_CHANGES:
        yield pb.ConfigChange(path=f"and {len(found) - MAX_CHANGES} more")


def notes(before: LoadedConfig, after: LoadedConfig, environ: Mapping[str, str]) -> list[str]:
    """What the author of a change should know and may not expect."""
    found = list(overridden(before.text, after.text, environ).items())
    told = [
        f"{key}: the environment variable {name} overrides it; what the file says has no effect as long as the daemon "
        "is started with it"
        for key, name in found[:MAX_NOTES]
    ]
    return told + ([f"and {len(found) - MAX_NOTES} more overridden keys"] if len(found) > MAX_NOTES else [])


def ineffective(loaded: LoadedConfig) -> list[str]:
    """Keys that are accepted and do nothing yet, from what is warned of."""
    return [warning.partition(_INEFFECTIVE)[0] for warning in loaded.warnings if _INEFFECTIVE in warning]


def problems(faults: Iterable[Fault]) -> Iterable[common_pb2.FieldProblem]:
    for fault in tuple(faults)[:MAX_PROBLEMS]:
        yield common_pb2.FieldProblem(path=fault.path, reason=_reason(fault), message=_words(fault))


def field_faults(faults: Iterable[Fault]) -> tuple[FieldFault, ...]:
    return tuple(FieldFault(fault.path, _words(fault)) for fault in faults)


def _words(fault: Fault) -> str:
    place = f"line {fault.line}: " if fault.line else ""
    source = "" if fault.line or fault.source.endswith(".yaml") else f"{fault.source}: "
    allowed = f" (allowed: {', '.join(fault.allowed)})" if fault.allowed else ""
    return f"{place}{source}{fault.message}{allowed}"


def _reason(fault: Fault) -> str:
    """A stable word for programs."""
    if not fault.path:
        return "NOT_READABLE"
    if fault.message.startswith("unknown key"):
        return "UNKNOWN_KEY"
    return "MISSING" if "missing" in fault.message else "NOT_ALLOWED"
