"""Who may call what: the one table method -> role (SEC-1). What is not in it is denied to everybody."""

from __future__ import annotations

from collections.abc import Mapping

from daemon.tokens import TokenRole

_INGEST, _VIEWER, _OPERATOR, _ADMIN = TokenRole.INGEST, TokenRole.VIEWER, TokenRole.OPERATOR, TokenRole.ADMIN


def _methods(service: str, roles: Mapping[str, TokenRole]) -> dict[str, TokenRole]:
    return {f"/terrace.v1.{service}/{method}": role for method, role in roles.items()}


ROLE_OF: Mapping[str, TokenRole] = {
    **_methods(
        "SignalService",
        {
            "SubmitSignal": _INGEST,
            "GetSignal": _VIEWER,
            "ListSignals": _VIEWER,
            "CheckSignal": _VIEWER,
            "ReplaySignal": _OPERATOR,
            "GetSignalStory": _VIEWER,
        },
    ),
    **_methods(
        "GroupService",
        {
            "GetGroup": _VIEWER,
            "ListGroups": _VIEWER,
            "CloseGroup": _OPERATOR,
            "ReduceGroup": _OPERATOR,
            "CancelEntries": _OPERATOR,
            "CloseAllGroups": _OPERATOR,
        },
    ),
    **_methods(
        "QueueService",
        {
            "ListQueuedSignals": _VIEWER,
            "PromoteQueuedSignal": _OPERATOR,
            "ForceAddQueuedSignal": _OPERATOR,
            "RemoveQueuedSignal": _OPERATOR,
        },
    ),
    **_methods(
        "RiskService",
        {
            "GetRiskState": _VIEWER,
            "PreviewOffset": _VIEWER,
            "RunOffset": _OPERATOR,
            "SkipGroup": _OPERATOR,
            "BlockGroup": _OPERATOR,
            "UnblockGroup": _OPERATOR,
            "ListRiskActions": _VIEWER,
        },
    ),
    **_methods(
        "EngineService",
        {
            "GetIdentity": _VIEWER,
            "GetStatus": _VIEWER,
            "PauseEngine": _OPERATOR,
            "ResumeEngine": _OPERATOR,
            "LiftLimit": _OPERATOR,
            "ListDeadLetters": _VIEWER,
            "GetDeadLetter": _VIEWER,
            "RetryDeadLetter": _ADMIN,
            "RestartPart": _ADMIN,
            "WatchEvents": _VIEWER,
        },
    ),
    **_methods(
        "AccountService",
        {
            "ListAccounts": _VIEWER,
            "GetAccount": _VIEWER,
            "ListInstruments": _VIEWER,
            "RefreshInstruments": _OPERATOR,
            "CheckAccount": _OPERATOR,
            "ListDrift": _VIEWER,
            "ResolveDrift": _OPERATOR,
            "SetPaperPrice": _OPERATOR,
        },
    ),
    **_methods(
        "SecretService",
        {"SetSecret": _ADMIN, "ListSecrets": _ADMIN, "DeleteSecret": _ADMIN, "RotateKeys": _ADMIN},
    ),
    **_methods(
        "ConfigService",
        {
            "GetConfig": _VIEWER,
            "ValidateConfig": _VIEWER,
            "ApplyConfig": _ADMIN,
            "ListConfigVersions": _VIEWER,
            "DiffConfig": _VIEWER,
            "RestoreConfig": _ADMIN,
            "DescribeConfig": _VIEWER,
        },
    ),
    **_methods(
        "RecordService",
        {
            "ListEvents": _VIEWER,
            "TailLogs": _VIEWER,
            "ListAlerts": _VIEWER,
            "AcknowledgeAlert": _OPERATOR,
            "VerifyAuditTrail": _VIEWER,
            "ListNotifications": _VIEWER,
            "TestNotifications": _ADMIN,
        },
    ),
    **_methods(
        "ReportService",
        {
            "GetProfit": _VIEWER,
            "GetEquityCurve": _VIEWER,
            "GetStatistics": _VIEWER,
            "GetDailySummary": _VIEWER,
            "ExportTrades": _VIEWER,
        },
    ),
    **_methods(
        "MaintenanceService",
        {
            "Backup": _ADMIN,
            "ListBackups": _ADMIN,
            "CheckStore": _ADMIN,
            "DumpDiagnostics": _ADMIN,
            "ProfileMemory": _ADMIN,
        },
    ),
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": _VIEWER,
}

_READ_ONLY_SAFE = {"RefreshInstruments", "CheckAccount", "AcknowledgeAlert"}
_LOOKS_ONLY = {"ListSecrets", "ListBackups", "CheckAccount", "CheckStore", "DumpDiagnostics", "ProfileMemory"}

CHANGES = frozenset(
    method
    for method, role in ROLE_OF.items()
    if role in (_OPERATOR, _ADMIN) and method.rpartition("/")[2] not in _LOOKS_ONLY
)
"""Methods that change something: each call is recorded with who made it (LOG-3)."""

COMMANDS = frozenset(
    method
    for method in CHANGES
    if method.rpartition("/")[2] not in _READ_ONLY_SAFE and "MaintenanceService" not in method
)
"""Trading commands and changes of the config: refused in read-only mode, whatever the role (CFG-6)."""

OPEN = frozenset({"/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch", "/grpc.health.v1.Health/List"})
"""Methods anybody may call: whether the daemon serves, and nothing else."""

_INCLUDES: Mapping[TokenRole, frozenset[TokenRole]] = {
    TokenRole.INGEST: frozenset({_INGEST}),
    TokenRole.VIEWER: frozenset({_VIEWER}),
    TokenRole.OPERATOR: frozenset({_INGEST, _VIEWER, _OPERATOR}),
    TokenRole.ADMIN: frozenset({_INGEST, _VIEWER, _OPERATOR, _ADMIN}),
}
"""What a role may do. Sending an alert is trading, so a viewer may not; a forwarder may do nothing else."""


def may(role: TokenRole, method: str) -> bool:
    """Whether a caller with this role may call this method (`/package.Service/Method`)."""
    needed = ROLE_OF.get(method)
    return needed is not None and needed in _INCLUDES[role]


def permitted(role: TokenRole) -> tuple[str, ...]:
    """Methods a caller with this role may call, as `Service/Method`, without the package; in the table's order."""
    return tuple(
        method.removeprefix("/terrace.v1.")
        for method, needed in ROLE_OF.items()
        if method.startswith("/terrace.v1.") and needed in _INCLUDES[role]
    )
