"""Parts of the engine as messages."""

from __future__ import annotations

from collections.abc import Mapping

from actors.children import PartState
from actors.repair_messages import PartNow
from daemon.api.translate import optional_timestamp
from protos.terrace.v1 import engine_pb2
from protos.terrace.v1 import types_pb2 as pb

STATES: Mapping[str, pb.PartState] = {
    PartState.RUNNING.value: pb.PART_STATE_RUNNING,
    PartState.ENDING.value: pb.PART_STATE_ENDING,
    PartState.WAITING.value: pb.PART_STATE_WAITING,
    PartState.GIVEN_UP.value: pb.PART_STATE_DOWN,
}


def part(now: PartNow) -> engine_pb2.Part:
    return engine_pb2.Part(
        part=now.key,
        actors=now.names,
        state=STATES[now.state],
        reason=now.error,
        since_time=optional_timestamp(now.since_ms or None),
        restart_time=optional_timestamp(now.restart_ms or None),
    )
