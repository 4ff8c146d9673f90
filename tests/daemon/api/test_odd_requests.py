"""What the fuzz of every method found, each once more by itself."""

from __future__ import annotations

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from daemon.api.errors import Failed
from daemon.api.translate import milliseconds, timestamp
from protos.terrace.v1 import engine_pb2, record_pb2, report_pb2, risk_pb2, signal_pb2
from tests.daemon.api.calls import Client, refusal


@pytest.mark.parametrize(
    ("seconds", "nanos"), [(2**63 - 1, 0), (-(2**63), 0), (253_402_300_800, 0), (0, -1), (0, 1_000_000_000)]
)
def test_a_time_beyond_the_contract_is_a_faulty_field_wherever_it_stands(
    admin: Client, seconds: int, nanos: int
) -> None:
    time = Timestamp(seconds=seconds, nanos=nanos)
    calls = (
        lambda: admin.records.ListEvents(record_pb2.ListEventsRequest(start_time=time)),
        lambda: admin.risk.ListRiskActions(risk_pb2.ListRiskActionsRequest(end_time=time)),
        lambda: admin.signals.ListSignals(signal_pb2.ListSignalsRequest(start_time=time)),
        lambda: admin.signals.SubmitSignal(signal_pb2.SubmitSignalRequest(source="tradingview", receive_time=time)),
    )
    for call in calls:
        refused = refusal(call)
        assert (refused.code, refused.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_ARGUMENT")
    asked = report_pb2.GetStatisticsRequest()
    asked.scope.end_time.CopyFrom(time)
    assert refusal(lambda: admin.reports.GetStatistics(asked)).reason == "INVALID_ARGUMENT"


@pytest.mark.parametrize("seconds", [-62_135_596_800, -1, 0, 253_402_300_799])
def test_a_time_of_the_contract_is_taken_to_the_millisecond(seconds: int) -> None:
    assert milliseconds(timestamp(seconds * 1000 + 7)) == seconds * 1000 + 7
    with pytest.raises(Failed):
        milliseconds(Timestamp(seconds=-62_135_596_801))


@pytest.mark.rule("LOG-3", "REC-2")
def test_a_command_with_a_nul_in_it_is_refused_before_the_part_that_would_have_to_store_it_hears_it(
    admin: Client,
) -> None:
    """PostgreSQL holds none: the commit would be refused, and the part that made it would begin anew."""
    calls = (
        lambda: admin.engine.PauseEngine(engine_pb2.PauseEngineRequest(reason="a\0b")),
        lambda: admin.risk.BlockGroup(risk_pb2.BlockGroupRequest(group_id="x", reason="\0")),
        lambda: admin.records.AcknowledgeAlert(record_pb2.AcknowledgeAlertRequest(alert_id="x", comment="\0")),
        lambda: admin.engine.PauseEngine(engine_pb2.PauseEngineRequest(request_id="\0")),
    )
    for call in calls:
        refused = refusal(call)
        assert (refused.reason, "NUL" in refused.message) == ("INVALID_ARGUMENT", True)
