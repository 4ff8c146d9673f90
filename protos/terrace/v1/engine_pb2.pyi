import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from protos.terrace.v1 import common_pb2 as _common_pb2
from protos.terrace.v1 import types_pb2 as _types_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TokenRole(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TOKEN_ROLE_UNSPECIFIED: _ClassVar[TokenRole]
    TOKEN_ROLE_INGEST: _ClassVar[TokenRole]
    TOKEN_ROLE_VIEWER: _ClassVar[TokenRole]
    TOKEN_ROLE_OPERATOR: _ClassVar[TokenRole]
    TOKEN_ROLE_ADMIN: _ClassVar[TokenRole]
TOKEN_ROLE_UNSPECIFIED: TokenRole
TOKEN_ROLE_INGEST: TokenRole
TOKEN_ROLE_VIEWER: TokenRole
TOKEN_ROLE_OPERATOR: TokenRole
TOKEN_ROLE_ADMIN: TokenRole

class Status(_message.Message):
    __slots__ = ("state", "limit_state", "live_groups", "max_open_groups", "queued_signals", "unrealized_pnl", "realized_pnl", "last_signal_time", "risk_state", "accounts", "alerts", "version", "config_version", "world", "state_reason", "limit_reason", "limit_lift", "start_time", "forced_groups", "reporting_currency", "exposure", "reserved_capital", "free_capital", "equity", "read_only", "dead_letters", "last_sequence", "worlds", "degradations", "degraded", "leadership", "limits")
    STATE_FIELD_NUMBER: _ClassVar[int]
    LIMIT_STATE_FIELD_NUMBER: _ClassVar[int]
    LIVE_GROUPS_FIELD_NUMBER: _ClassVar[int]
    MAX_OPEN_GROUPS_FIELD_NUMBER: _ClassVar[int]
    QUEUED_SIGNALS_FIELD_NUMBER: _ClassVar[int]
    UNREALIZED_PNL_FIELD_NUMBER: _ClassVar[int]
    REALIZED_PNL_FIELD_NUMBER: _ClassVar[int]
    LAST_SIGNAL_TIME_FIELD_NUMBER: _ClassVar[int]
    RISK_STATE_FIELD_NUMBER: _ClassVar[int]
    ACCOUNTS_FIELD_NUMBER: _ClassVar[int]
    ALERTS_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    CONFIG_VERSION_FIELD_NUMBER: _ClassVar[int]
    WORLD_FIELD_NUMBER: _ClassVar[int]
    STATE_REASON_FIELD_NUMBER: _ClassVar[int]
    LIMIT_REASON_FIELD_NUMBER: _ClassVar[int]
    LIMIT_LIFT_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    FORCED_GROUPS_FIELD_NUMBER: _ClassVar[int]
    REPORTING_CURRENCY_FIELD_NUMBER: _ClassVar[int]
    EXPOSURE_FIELD_NUMBER: _ClassVar[int]
    RESERVED_CAPITAL_FIELD_NUMBER: _ClassVar[int]
    FREE_CAPITAL_FIELD_NUMBER: _ClassVar[int]
    EQUITY_FIELD_NUMBER: _ClassVar[int]
    READ_ONLY_FIELD_NUMBER: _ClassVar[int]
    DEAD_LETTERS_FIELD_NUMBER: _ClassVar[int]
    LAST_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    WORLDS_FIELD_NUMBER: _ClassVar[int]
    DEGRADATIONS_FIELD_NUMBER: _ClassVar[int]
    DEGRADED_FIELD_NUMBER: _ClassVar[int]
    LEADERSHIP_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    state: _types_pb2.EngineState
    limit_state: _types_pb2.LimitState
    live_groups: int
    max_open_groups: int
    queued_signals: int
    unrealized_pnl: str
    realized_pnl: str
    last_signal_time: _timestamp_pb2.Timestamp
    risk_state: _types_pb2.RiskState
    accounts: _containers.RepeatedCompositeFieldContainer[AccountStatus]
    alerts: int
    version: str
    config_version: int
    world: _types_pb2.World
    state_reason: str
    limit_reason: str
    limit_lift: str
    start_time: _timestamp_pb2.Timestamp
    forced_groups: int
    reporting_currency: str
    exposure: str
    reserved_capital: str
    free_capital: str
    equity: str
    read_only: bool
    dead_letters: int
    last_sequence: int
    worlds: _containers.RepeatedScalarFieldContainer[_types_pb2.World]
    degradations: _containers.RepeatedScalarFieldContainer[str]
    degraded: _containers.RepeatedCompositeFieldContainer[Degradation]
    leadership: Leadership
    limits: _containers.RepeatedCompositeFieldContainer[Limit]
    def __init__(self, state: _Optional[_Union[_types_pb2.EngineState, str]] = ..., limit_state: _Optional[_Union[_types_pb2.LimitState, str]] = ..., live_groups: _Optional[int] = ..., max_open_groups: _Optional[int] = ..., queued_signals: _Optional[int] = ..., unrealized_pnl: _Optional[str] = ..., realized_pnl: _Optional[str] = ..., last_signal_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., risk_state: _Optional[_Union[_types_pb2.RiskState, str]] = ..., accounts: _Optional[_Iterable[_Union[AccountStatus, _Mapping]]] = ..., alerts: _Optional[int] = ..., version: _Optional[str] = ..., config_version: _Optional[int] = ..., world: _Optional[_Union[_types_pb2.World, str]] = ..., state_reason: _Optional[str] = ..., limit_reason: _Optional[str] = ..., limit_lift: _Optional[str] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., forced_groups: _Optional[int] = ..., reporting_currency: _Optional[str] = ..., exposure: _Optional[str] = ..., reserved_capital: _Optional[str] = ..., free_capital: _Optional[str] = ..., equity: _Optional[str] = ..., read_only: _Optional[bool] = ..., dead_letters: _Optional[int] = ..., last_sequence: _Optional[int] = ..., worlds: _Optional[_Iterable[_Union[_types_pb2.World, str]]] = ..., degradations: _Optional[_Iterable[str]] = ..., degraded: _Optional[_Iterable[_Union[Degradation, _Mapping]]] = ..., leadership: _Optional[_Union[Leadership, _Mapping]] = ..., limits: _Optional[_Iterable[_Union[Limit, _Mapping]]] = ...) -> None: ...

class Limit(_message.Message):
    __slots__ = ("code", "value", "bound", "unit", "breached")
    CODE_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    BOUND_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    BREACHED_FIELD_NUMBER: _ClassVar[int]
    code: str
    value: str
    bound: str
    unit: str
    breached: bool
    def __init__(self, code: _Optional[str] = ..., value: _Optional[str] = ..., bound: _Optional[str] = ..., unit: _Optional[str] = ..., breached: _Optional[bool] = ...) -> None: ...

class Leadership(_message.Message):
    __slots__ = ("leads", "epoch", "leader", "since_time")
    LEADS_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    LEADER_FIELD_NUMBER: _ClassVar[int]
    SINCE_TIME_FIELD_NUMBER: _ClassVar[int]
    leads: bool
    epoch: int
    leader: str
    since_time: _timestamp_pb2.Timestamp
    def __init__(self, leads: _Optional[bool] = ..., epoch: _Optional[int] = ..., leader: _Optional[str] = ..., since_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Degradation(_message.Message):
    __slots__ = ("code", "subject", "message", "since_time", "remedy")
    CODE_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    SINCE_TIME_FIELD_NUMBER: _ClassVar[int]
    REMEDY_FIELD_NUMBER: _ClassVar[int]
    code: str
    subject: str
    message: str
    since_time: _timestamp_pb2.Timestamp
    remedy: str
    def __init__(self, code: _Optional[str] = ..., subject: _Optional[str] = ..., message: _Optional[str] = ..., since_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., remedy: _Optional[str] = ...) -> None: ...

class Part(_message.Message):
    __slots__ = ("part", "actors", "state", "reason", "since_time", "restart_time")
    PART_FIELD_NUMBER: _ClassVar[int]
    ACTORS_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    SINCE_TIME_FIELD_NUMBER: _ClassVar[int]
    RESTART_TIME_FIELD_NUMBER: _ClassVar[int]
    part: str
    actors: _containers.RepeatedScalarFieldContainer[str]
    state: _types_pb2.PartState
    reason: str
    since_time: _timestamp_pb2.Timestamp
    restart_time: _timestamp_pb2.Timestamp
    def __init__(self, part: _Optional[str] = ..., actors: _Optional[_Iterable[str]] = ..., state: _Optional[_Union[_types_pb2.PartState, str]] = ..., reason: _Optional[str] = ..., since_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., restart_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class AccountStatus(_message.Message):
    __slots__ = ("account", "exchange", "market", "state", "state_reason", "live_groups", "max_open_groups")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    EXCHANGE_FIELD_NUMBER: _ClassVar[int]
    MARKET_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    STATE_REASON_FIELD_NUMBER: _ClassVar[int]
    LIVE_GROUPS_FIELD_NUMBER: _ClassVar[int]
    MAX_OPEN_GROUPS_FIELD_NUMBER: _ClassVar[int]
    account: str
    exchange: str
    market: _types_pb2.Market
    state: _types_pb2.AccountState
    state_reason: str
    live_groups: int
    max_open_groups: int
    def __init__(self, account: _Optional[str] = ..., exchange: _Optional[str] = ..., market: _Optional[_Union[_types_pb2.Market, str]] = ..., state: _Optional[_Union[_types_pb2.AccountState, str]] = ..., state_reason: _Optional[str] = ..., live_groups: _Optional[int] = ..., max_open_groups: _Optional[int] = ...) -> None: ...

class DeadLetter(_message.Message):
    __slots__ = ("dead_letter_id", "actor", "message_type", "content", "error", "attempts", "create_time", "retry_time", "resolved", "remedy", "retryable", "resolve_time", "result")
    DEAD_LETTER_ID_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_TYPE_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    RETRY_TIME_FIELD_NUMBER: _ClassVar[int]
    RESOLVED_FIELD_NUMBER: _ClassVar[int]
    REMEDY_FIELD_NUMBER: _ClassVar[int]
    RETRYABLE_FIELD_NUMBER: _ClassVar[int]
    RESOLVE_TIME_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    dead_letter_id: str
    actor: str
    message_type: str
    content: str
    error: str
    attempts: int
    create_time: _timestamp_pb2.Timestamp
    retry_time: _timestamp_pb2.Timestamp
    resolved: bool
    remedy: str
    retryable: bool
    resolve_time: _timestamp_pb2.Timestamp
    result: str
    def __init__(self, dead_letter_id: _Optional[str] = ..., actor: _Optional[str] = ..., message_type: _Optional[str] = ..., content: _Optional[str] = ..., error: _Optional[str] = ..., attempts: _Optional[int] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., retry_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., resolved: _Optional[bool] = ..., remedy: _Optional[str] = ..., retryable: _Optional[bool] = ..., resolve_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., result: _Optional[str] = ...) -> None: ...

class Identity(_message.Message):
    __slots__ = ("name", "role", "methods")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    METHODS_FIELD_NUMBER: _ClassVar[int]
    name: str
    role: TokenRole
    methods: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, name: _Optional[str] = ..., role: _Optional[_Union[TokenRole, str]] = ..., methods: _Optional[_Iterable[str]] = ...) -> None: ...

class GetIdentityRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetIdentityResponse(_message.Message):
    __slots__ = ("identity",)
    IDENTITY_FIELD_NUMBER: _ClassVar[int]
    identity: Identity
    def __init__(self, identity: _Optional[_Union[Identity, _Mapping]] = ...) -> None: ...

class GetStatusRequest(_message.Message):
    __slots__ = ("world",)
    WORLD_FIELD_NUMBER: _ClassVar[int]
    world: _types_pb2.World
    def __init__(self, world: _Optional[_Union[_types_pb2.World, str]] = ...) -> None: ...

class GetStatusResponse(_message.Message):
    __slots__ = ("status",)
    STATUS_FIELD_NUMBER: _ClassVar[int]
    status: Status
    def __init__(self, status: _Optional[_Union[Status, _Mapping]] = ...) -> None: ...

class PauseEngineRequest(_message.Message):
    __slots__ = ("cancel_entries", "accounts", "world", "reason", "request_id", "validate_only")
    CANCEL_ENTRIES_FIELD_NUMBER: _ClassVar[int]
    ACCOUNTS_FIELD_NUMBER: _ClassVar[int]
    WORLD_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    cancel_entries: bool
    accounts: _containers.RepeatedScalarFieldContainer[str]
    world: _types_pb2.World
    reason: str
    request_id: str
    validate_only: bool
    def __init__(self, cancel_entries: _Optional[bool] = ..., accounts: _Optional[_Iterable[str]] = ..., world: _Optional[_Union[_types_pb2.World, str]] = ..., reason: _Optional[str] = ..., request_id: _Optional[str] = ..., validate_only: _Optional[bool] = ...) -> None: ...

class PauseEngineResponse(_message.Message):
    __slots__ = ("status",)
    STATUS_FIELD_NUMBER: _ClassVar[int]
    status: Status
    def __init__(self, status: _Optional[_Union[Status, _Mapping]] = ...) -> None: ...

class ResumeEngineRequest(_message.Message):
    __slots__ = ("accounts", "world", "request_id", "validate_only")
    ACCOUNTS_FIELD_NUMBER: _ClassVar[int]
    WORLD_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    accounts: _containers.RepeatedScalarFieldContainer[str]
    world: _types_pb2.World
    request_id: str
    validate_only: bool
    def __init__(self, accounts: _Optional[_Iterable[str]] = ..., world: _Optional[_Union[_types_pb2.World, str]] = ..., request_id: _Optional[str] = ..., validate_only: _Optional[bool] = ...) -> None: ...

class ResumeEngineResponse(_message.Message):
    __slots__ = ("status",)
    STATUS_FIELD_NUMBER: _ClassVar[int]
    status: Status
    def __init__(self, status: _Optional[_Union[Status, _Mapping]] = ...) -> None: ...

class LiftLimitRequest(_message.Message):
    __slots__ = ("world", "reason", "request_id", "validate_only")
    WORLD_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    world: _types_pb2.World
    reason: str
    request_id: str
    validate_only: bool
    def __init__(self, world: _Optional[_Union[_types_pb2.World, str]] = ..., reason: _Optional[str] = ..., request_id: _Optional[str] = ..., validate_only: _Optional[bool] = ...) -> None: ...

class LiftLimitResponse(_message.Message):
    __slots__ = ("status",)
    STATUS_FIELD_NUMBER: _ClassVar[int]
    status: Status
    def __init__(self, status: _Optional[_Union[Status, _Mapping]] = ...) -> None: ...

class ListDeadLettersRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "include_resolved")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_RESOLVED_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    include_resolved: bool
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., include_resolved: _Optional[bool] = ...) -> None: ...

class ListDeadLettersResponse(_message.Message):
    __slots__ = ("dead_letters", "next_page_token")
    DEAD_LETTERS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    dead_letters: _containers.RepeatedCompositeFieldContainer[DeadLetter]
    next_page_token: str
    def __init__(self, dead_letters: _Optional[_Iterable[_Union[DeadLetter, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class GetDeadLetterRequest(_message.Message):
    __slots__ = ("dead_letter_id",)
    DEAD_LETTER_ID_FIELD_NUMBER: _ClassVar[int]
    dead_letter_id: str
    def __init__(self, dead_letter_id: _Optional[str] = ...) -> None: ...

class GetDeadLetterResponse(_message.Message):
    __slots__ = ("dead_letter",)
    DEAD_LETTER_FIELD_NUMBER: _ClassVar[int]
    dead_letter: DeadLetter
    def __init__(self, dead_letter: _Optional[_Union[DeadLetter, _Mapping]] = ...) -> None: ...

class RetryDeadLetterRequest(_message.Message):
    __slots__ = ("dead_letter_id", "request_id")
    DEAD_LETTER_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    dead_letter_id: str
    request_id: str
    def __init__(self, dead_letter_id: _Optional[str] = ..., request_id: _Optional[str] = ...) -> None: ...

class RetryDeadLetterResponse(_message.Message):
    __slots__ = ("dead_letter",)
    DEAD_LETTER_FIELD_NUMBER: _ClassVar[int]
    dead_letter: DeadLetter
    def __init__(self, dead_letter: _Optional[_Union[DeadLetter, _Mapping]] = ...) -> None: ...

class RestartPartRequest(_message.Message):
    __slots__ = ("part", "reason", "request_id", "validate_only")
    PART_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    part: str
    reason: str
    request_id: str
    validate_only: bool
    def __init__(self, part: _Optional[str] = ..., reason: _Optional[str] = ..., request_id: _Optional[str] = ..., validate_only: _Optional[bool] = ...) -> None: ...

class RestartPartResponse(_message.Message):
    __slots__ = ("part",)
    PART_FIELD_NUMBER: _ClassVar[int]
    part: Part
    def __init__(self, part: _Optional[_Union[Part, _Mapping]] = ...) -> None: ...

class WatchEventsRequest(_message.Message):
    __slots__ = ("after_sequence", "categories", "min_severity", "world", "group_id", "account")
    AFTER_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    CATEGORIES_FIELD_NUMBER: _ClassVar[int]
    MIN_SEVERITY_FIELD_NUMBER: _ClassVar[int]
    WORLD_FIELD_NUMBER: _ClassVar[int]
    GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    after_sequence: int
    categories: _containers.RepeatedScalarFieldContainer[_types_pb2.Category]
    min_severity: _types_pb2.Severity
    world: _types_pb2.World
    group_id: str
    account: str
    def __init__(self, after_sequence: _Optional[int] = ..., categories: _Optional[_Iterable[_Union[_types_pb2.Category, str]]] = ..., min_severity: _Optional[_Union[_types_pb2.Severity, str]] = ..., world: _Optional[_Union[_types_pb2.World, str]] = ..., group_id: _Optional[str] = ..., account: _Optional[str] = ...) -> None: ...

class WatchEventsResponse(_message.Message):
    __slots__ = ("events", "gap", "resume_after_sequence", "earliest_sequence", "last_sequence")
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    GAP_FIELD_NUMBER: _ClassVar[int]
    RESUME_AFTER_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    EARLIEST_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    LAST_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[_common_pb2.Event]
    gap: bool
    resume_after_sequence: int
    earliest_sequence: int
    last_sequence: int
    def __init__(self, events: _Optional[_Iterable[_Union[_common_pb2.Event, _Mapping]]] = ..., gap: _Optional[bool] = ..., resume_after_sequence: _Optional[int] = ..., earliest_sequence: _Optional[int] = ..., last_sequence: _Optional[int] = ...) -> None: ...
