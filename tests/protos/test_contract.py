"""The contract: names, comments, generated code, and what scripts rely on."""

from __future__ import annotations

import shutil
from importlib import import_module
from pathlib import Path

import pytest

from protos import build, check

SERVICES = {
    "SignalService": "SubmitSignal GetSignal ListSignals CheckSignal ReplaySignal GetSignalStory",
    "GroupService": "GetGroup ListGroups CloseGroup ReduceGroup CancelEntries CloseAllGroups",
    "QueueService": "ListQueuedSignals PromoteQueuedSignal ForceAddQueuedSignal RemoveQueuedSignal",
    "RiskService": "GetRiskState PreviewOffset RunOffset SkipGroup BlockGroup UnblockGroup ListRiskActions",
    "EngineService": "GetIdentity GetStatus PauseEngine ResumeEngine LiftLimit ListDeadLetters GetDeadLetter "
    "RetryDeadLetter RestartPart WatchEvents",
    "AccountService": "ListAccounts GetAccount ListInstruments RefreshInstruments CheckAccount ListDrift ResolveDrift "
    "SetPaperPrice",
    "SecretService": "SetSecret ListSecrets DeleteSecret RotateKeys",
    "ConfigService": "DescribeConfig GetConfig ValidateConfig ApplyConfig ListConfigVersions DiffConfig RestoreConfig",
    "RecordService": "ListEvents TailLogs ListAlerts AcknowledgeAlert VerifyAuditTrail ListNotifications "
    "TestNotifications",
    "ReportService": "GetProfit GetEquityCurve GetStatistics GetDailySummary ExportTrades",
    "MaintenanceService": "Backup ListBackups CheckStore DumpDiagnostics ProfileMemory",
}

# Message -> fields that scripts read by name.
SHAPES = {
    "signal.SubmitSignalRequest": "source body request_id receive_time validate_only",
    "signal.SubmitSignalResponse": "signal",
    "signal.Signal": "signal_id outcome first_outcome reason group_id",
    "group.ListGroupsResponse": "groups",
    "group.GetGroupResponse": "group",
    "group.Group": "group_id account symbol timeframe side state close_reason tp_mode pyramid_count max_pyramids "
    "legs_filled legs_total quantity average_entry invested mark_price unrealized_pnl unrealized_pnl_percent "
    "realized_pnl fees dust create_time close_time risk_timer_expire_time pyramids orders",
    "group.Pyramid": "index entry_price legs orders",
    "group.Leg": "index gap_percent weight_percent tp_percent price quantity filled_quantity average_fill_price "
    "tp_price state orders",
    "group.Order": "client_order_id exchange_order_id role side type price quantity filled_quantity average_price fee "
    "state",
    "queue.ListQueuedSignalsResponse": "queued_signals",
    "queue.QueuedSignal": "signal_id account symbol timeframe side entry_price rank replacement_count loss_percent "
    "expected_profit wait_reason queue_time",
    "engine.GetStatusResponse": "status",
    "engine.Status": "state limit_state live_groups max_open_groups queued_signals unrealized_pnl realized_pnl "
    "last_signal_time risk_state accounts alerts version config_version limits",
    "engine.Limit": "code value bound unit breached",
    "account.GetAccountResponse": "account",
    "account.Account": "account exchange market state equity balances positions",
    "account.Balance": "asset free locked total",
    "account.Position": "symbol side quantity average_entry",
    "account.ListInstrumentsResponse": "instruments",
    "account.Instrument": "symbol tick_size step_size min_quantity min_notional contract_size active",
    "report.GetProfitResponse": "profit",
    "report.Profit": "realized_day realized_week realized_month realized_total unrealized fees",
    "report.GetStatisticsResponse": "statistics",
    "report.Statistics": "trades win_rate average_win average_loss profit_factor sharpe sortino max_drawdown_percent "
    "current_drawdown_percent",
    "risk.PreviewOffsetResponse": "plan",
    "risk.OffsetPlan": "loser_group_id required winners sufficient reason",
    "risk.OffsetWinner": "group_id quantity expected_profit",
}

# Enumeration -> its values as the CLI prints them, in order.
VALUES = {
    "Outcome": "OPENED PYRAMIDED QUEUED REPLACED EXITED REDUCED REVERSED DEQUEUED DUPLICATE IGNORED REJECTED "
    "SUPERSEDED EXPIRED EVICTED REMOVED",
    "Side": "LONG SHORT",
    "GroupState": "LIVE PARTIALLY_FILLED ACTIVE CLOSING CLOSED",
    "LegState": "PENDING OPEN PARTIALLY_FILLED FILLED TP_HIT CANCELLED REJECTED CLOSED",
    "OrderRole": "ENTRY TAKE_PROFIT STOP CLOSE",
    "OrderSide": "BUY SELL",
    "OrderState": "PENDING OPEN PARTIALLY_FILLED FILLED CANCELLED REJECTED EXPIRED",
    "EngineState": "RUNNING PAUSED RECOVERING DEGRADED",
    "LimitState": "NONE NO_NEW_GROUPS NO_NEW_ENTRIES REDUCE_ONLY CLOSE_ALL",
    "TakeProfitMode": "PER_LEG AGGREGATE HYBRID PYRAMID_AGGREGATE",
}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the contract that a test may spoil."""
    shutil.copytree(build.ROOT / build.PACKAGE, tmp_path / build.PACKAGE)
    return tmp_path


def test_names_and_comments_of_the_contract_follow_the_rules() -> None:
    assert check.faults() == []


def test_generated_code_is_what_the_contract_gives() -> None:
    assert check.stale() == []


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_has_the_methods_that_stay(service: str) -> None:
    module = import_module(f"protos.terrace.v1.{service.removesuffix('Service').lower()}_pb2")
    methods = module.DESCRIPTOR.services_by_name[service].methods_by_name
    assert list(methods) == SERVICES[service].split()


def test_only_watching_and_tailing_are_streams() -> None:
    streams = {
        name
        for service in SERVICES
        for name, method in import_module(f"protos.terrace.v1.{service.removesuffix('Service').lower()}_pb2")
        .DESCRIPTOR.services_by_name[service]
        .methods_by_name.items()
        if method.server_streaming or method.client_streaming
    }
    assert streams == {"WatchEvents", "TailLogs"}


@pytest.mark.parametrize("message", SHAPES)
def test_a_message_has_the_fields_scripts_read(message: str) -> None:
    file, name = message.split(".")
    descriptor = import_module(f"protos.terrace.v1.{file}_pb2").DESCRIPTOR.message_types_by_name[name]
    wanted = SHAPES[message].split()
    assert [field.name for field in descriptor.fields if field.name in wanted] == wanted


@pytest.mark.parametrize("enum", VALUES)
def test_an_enumeration_prints_the_words_that_stay(enum: str) -> None:
    descriptor = import_module("protos.terrace.v1.types_pb2").DESCRIPTOR.enum_types_by_name[enum]
    names = [value.name for value in descriptor.values]
    prefix = names[0].removesuffix("UNSPECIFIED")
    assert [name.removeprefix(prefix) for name in names[1:]] == VALUES[enum].split()


@pytest.mark.parametrize(
    ("file", "good", "bad", "fault"),
    [
        ("queue", "string signal_id = 1;", "string signalId = 1;", "lower_snake_case"),
        ("queue", "string entry_price = 6;", "double entry_price = 6;", "decimals are strings"),
        ("queue", "queue_time = 12;", "queued_at = 12;", "times are Timestamps"),
        ("queue", "  // The signal.\n", "", "has no comment"),
        ("queue", "next_page_token = 2;", "more = 2;", "its response has next_page_token"),
        ("queue", "(RemoveQueuedSignalRequest) returns", "(PromoteQueuedSignalRequest) returns", "its request is"),
        ("queue", "service QueueService", "service Queues", "end in Service"),
        ("types", "OUTCOME_OPENED", "OPENED_OUTCOME", "begin with OUTCOME_"),
        ("types", "OUTCOME_UNSPECIFIED", "OUTCOME_UNKNOWN", "is OUTCOME_UNSPECIFIED"),
    ],
)
def test_a_breach_of_the_rules_is_found(copy: Path, file: str, good: str, bad: str, fault: str) -> None:
    path = copy / build.PACKAGE / f"{file}.proto"
    text = path.read_text()
    assert good in text
    path.write_text(text.replace(good, bad, 1))
    assert any(fault in line for line in check.faults(copy))


def test_code_older_than_the_contract_is_found_and_mended(copy: Path) -> None:
    path = copy / build.PACKAGE / "secret.proto"
    path.write_text(path.read_text().replace("string mask = 2;", "string hint = 2;"))
    (copy / build.PACKAGE / "gone_pb2.py").write_text("")
    assert check.stale(copy) == ["gone_pb2.py", "secret_pb2.py", "secret_pb2.pyi"]
    build.write(build.generate(copy), copy)
    assert check.stale(copy) == []
