"""Settings in force that the pages `Risk` and `Queue` show figures beside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from control.client import AioClient
from protos.terrace.v1 import config_pb2

KEPT_MS = 3_000
"""How long settings are kept before the daemon is asked again: they change seldom, and describing them takes long."""
SECTIONS = ("risk", "limits", "queue", "pool")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Values in force as texts by dotted path, e.g. `risk.loss_threshold_percent` -> `-5`; empty for null."""

    values: Mapping[str, str]

    def text(self, path: str) -> str:
        return self.values.get(path, "")

    def whole(self, path: str, otherwise: int = 0) -> int:
        found = self.values.get(path, "")
        return int(found) if found.removeprefix("-").isdecimal() else otherwise

    def flag(self, path: str) -> bool:
        return self.values.get(path) == "true"


_kept: WeakKeyDictionary[AioClient, tuple[int, Settings]] = WeakKeyDictionary()


async def settings_of(client: AioClient, now_ms: int) -> Settings:
    """The settings in force, at most `KEPT_MS` old. Raises ClientError."""
    kept = _kept.get(client)
    if kept is not None and 0 <= now_ms - kept[0] < KEPT_MS:
        return kept[1]
    found = await read_settings(client)
    _kept[client] = (now_ms, found)
    return found


async def read_settings(client: AioClient) -> Settings:
    """The settings in force now. Raises ClientError."""
    values = {}
    for section in SECTIONS:
        request = config_pb2.DescribeConfigRequest(path=section)
        answer = await client.call(request, config_pb2.DescribeConfigResponse)
        values.update({key.path: plain(key.value) for key in answer.keys if key.kind != "SECTION"})
    return Settings(values=values)


def plain(value: str) -> str:
    """A YAML value on one line as a text: without quotes, null as nothing."""
    if value == "null":
        return ""
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "'\"":
        return value[1:-1]
    return value
