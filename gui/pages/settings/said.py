"""Answers of the configuration's services as the page shows them. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from protos.terrace.v1 import common_pb2
from protos.terrace.v1 import config_pb2 as pb

MAX_SHOWN = 500


def source_word(source: pb.ConfigSource) -> str:
    """Where a version came from."""
    known: dict[pb.ConfigSource, str] = {
        pb.CONFIG_SOURCE_FILE: "the file",
        pb.CONFIG_SOURCE_CLI: "the command line",
        pb.CONFIG_SOURCE_PANEL: "the panel",
        pb.CONFIG_SOURCE_API: "the API",
    }
    return str(known.get(source, "not known"))


def changes(found: Iterable[pb.ConfigChange]) -> list[dict[str, Any]]:
    return [
        {
            "path": each.path,
            "old": each.old_value,
            "new": each.new_value,
            "restart": each.restart_required,
            "effects": list(each.effects),
        }
        for each in list(found)[:MAX_SHOWN]
    ]


def problems(found: Iterable[common_pb2.FieldProblem]) -> list[dict[str, str]]:
    return [{"path": each.path, "message": each.message} for each in list(found)[:MAX_SHOWN]]


def counted(count: int, one: str, many: str = "") -> str:
    return f"{count} {one if count == 1 else many or one + 's'}"
