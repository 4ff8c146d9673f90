"""Buttons that judge and change the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from control.client import Invalid
from gui.pages.settings import said
from gui.pages.settings.edits import MAX_CHANGES, Changed, edits_of, ordered
from gui.verbs import Press, Verb
from protos.terrace.v1 import config_pb2 as pb

MAX_YAML_CHARS = 400_000
"""Of a text that is imported. A press carries at most half a megabyte."""


def _edits(press: Press) -> list[pb.ConfigEdit]:
    """The form's changes as edits. Raises Invalid where they are something else."""
    given = press.values.get("changes", [])
    if not isinstance(given, list) or len(given) > MAX_CHANGES or not all(isinstance(one, Mapping) for one in given):
        raise Invalid(f"changes must be a list of at most {MAX_CHANGES}", reason="INVALID_FIELD")
    return ordered([edit for one in given for edit in edits_of(_changed(one))])


def _changed(one: Mapping[str, Any]) -> Changed:
    path, kind = one.get("path"), one.get("kind", "")
    if not isinstance(path, str) or not path or not isinstance(kind, str):
        raise Invalid("a change names no key", reason="INVALID_FIELD")
    return Changed(
        path=path, kind=kind, value=one.get("value"), before=one.get("before"), unset=one.get("unset") is True
    )


def _yaml(press: Press) -> str:
    found = press.values.get("yaml", "")
    if not isinstance(found, str) or len(found) > MAX_YAML_CHARS:
        raise Invalid(f"the text is longer than {MAX_YAML_CHARS} characters", reason="INVALID_FIELD")
    return found


async def check(press: Press) -> Mapping[str, Any]:
    """Faults of the edits or of a text, and what they would change. Does nothing."""
    request = pb.ValidateConfigRequest(yaml=_yaml(press), edits=_edits(press))
    answer = await press.client.call(request, pb.ValidateConfigResponse)
    count = len(answer.changes)
    words = f"{said.counted(count, 'key')} would change" if answer.valid else "this is not valid yet"
    return {
        "said": words,
        "valid": answer.valid,
        "problems": said.problems(answer.problems),
        "changes": said.changes(answer.changes),
        "notes": list(answer.notes),
        "ineffective": list(answer.ineffective_paths),
    }


async def apply(press: Press) -> Mapping[str, Any]:
    """Puts edits, or a whole text, in force; refused where the configuration is newer than `etag`."""
    request = pb.ApplyConfigRequest(
        yaml=_yaml(press),
        edits=_edits(press),
        etag=press.text("etag"),
        source=pb.CONFIG_SOURCE_PANEL,
        request_id=press.request_id,
        validate_only=press.is_preview,
    )
    answer = await press.client.call(request, pb.ApplyConfigResponse)
    return _done(press, answer, "applied")


async def restore(press: Press) -> Mapping[str, Any]:
    """Puts a stored version, or the shipped defaults, in force again."""
    request = pb.RestoreConfigRequest(
        etag=press.text("etag"),
        source=pb.CONFIG_SOURCE_PANEL,
        request_id=press.request_id,
        validate_only=press.is_preview,
    )
    if press.flag("defaults"):
        request.defaults = True
    else:
        version = press.text("version")
        if not version.isdigit() or len(version) > 18:
            raise Invalid("version must be the number of a version", reason="INVALID_FIELD")
        request.version = int(version)
    answer = await press.client.call(request, pb.RestoreConfigResponse)
    return _done(press, answer, "restored")


def _done(press: Press, answer: pb.ApplyConfigResponse | pb.RestoreConfigResponse, word: str) -> Mapping[str, Any]:
    count = said.counted(len(answer.changes), "key")
    if press.is_preview:
        words = f"{count} would change"
    elif answer.changes:
        restarts = sum(each.restart_required for each in answer.changes)
        words = f"Version {answer.config.version} is in force: {count} changed"
        words += f", {restarts} of them only after a restart" if restarts else ""
    else:
        words = f"Nothing differs: version {answer.config.version} stays in force"
    return {
        "said": words,
        "version": str(answer.config.version),
        "changes": said.changes(answer.changes),
        "notes": list(answer.notes),
        "word": word,
    }


CONFIG_VERBS: Mapping[str, Verb] = {
    "config_check": Verb(method="ConfigService/ValidateConfig", do=check),
    "config_apply": Verb(method="ConfigService/ApplyConfig", do=apply),
    "config_restore": Verb(method="ConfigService/RestoreConfig", do=restore),
}
