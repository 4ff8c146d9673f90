import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from protos.terrace.v1 import common_pb2 as _common_pb2
from protos.terrace.v1 import types_pb2 as _types_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Signal(_message.Message):
    __slots__ = ("signal_id", "outcome", "first_outcome", "reason", "group_id", "reason_detail", "source", "world", "account", "symbol", "timeframe", "strategy", "intent", "side", "entry_price", "pyramid_index", "signal_time", "receive_time", "outcome_time", "duplicate_of_signal_id", "replay_of_signal_id", "idempotency_key", "body", "problems", "outcomes")
    SIGNAL_ID_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    FIRST_OUTCOME_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_DETAIL_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    WORLD_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    TIMEFRAME_FIELD_NUMBER: _ClassVar[int]
    STRATEGY_FIELD_NUMBER: _ClassVar[int]
    INTENT_FIELD_NUMBER: _ClassVar[int]
    SIDE_FIELD_NUMBER: _ClassVar[int]
    ENTRY_PRICE_FIELD_NUMBER: _ClassVar[int]
    PYRAMID_INDEX_FIELD_NUMBER: _ClassVar[int]
    SIGNAL_TIME_FIELD_NUMBER: _ClassVar[int]
    RECEIVE_TIME_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_TIME_FIELD_NUMBER: _ClassVar[int]
    DUPLICATE_OF_SIGNAL_ID_FIELD_NUMBER: _ClassVar[int]
    REPLAY_OF_SIGNAL_ID_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    PROBLEMS_FIELD_NUMBER: _ClassVar[int]
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    signal_id: str
    outcome: _types_pb2.Outcome
    first_outcome: _types_pb2.Outcome
    reason: str
    group_id: str
    reason_detail: str
    source: str
    world: _types_pb2.World
    account: str
    symbol: str
    timeframe: str
    strategy: str
    intent: _types_pb2.Intent
    side: _types_pb2.Side
    entry_price: str
    pyramid_index: int
    signal_time: _timestamp_pb2.Timestamp
    receive_time: _timestamp_pb2.Timestamp
    outcome_time: _timestamp_pb2.Timestamp
    duplicate_of_signal_id: str
    replay_of_signal_id: str
    idempotency_key: str
    body: str
    problems: _containers.RepeatedCompositeFieldContainer[_common_pb2.FieldProblem]
    outcomes: _containers.RepeatedCompositeFieldContainer[SignalOutcome]
    def __init__(self, signal_id: _Optional[str] = ..., outcome: _Optional[_Union[_types_pb2.Outcome, str]] = ..., first_outcome: _Optional[_Union[_types_pb2.Outcome, str]] = ..., reason: _Optional[str] = ..., group_id: _Optional[str] = ..., reason_detail: _Optional[str] = ..., source: _Optional[str] = ..., world: _Optional[_Union[_types_pb2.World, str]] = ..., account: _Optional[str] = ..., symbol: _Optional[str] = ..., timeframe: _Optional[str] = ..., strategy: _Optional[str] = ..., intent: _Optional[_Union[_types_pb2.Intent, str]] = ..., side: _Optional[_Union[_types_pb2.Side, str]] = ..., entry_price: _Optional[str] = ..., pyramid_index: _Optional[int] = ..., signal_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., receive_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., outcome_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., duplicate_of_signal_id: _Optional[str] = ..., replay_of_signal_id: _Optional[str] = ..., idempotency_key: _Optional[str] = ..., body: _Optional[str] = ..., problems: _Optional[_Iterable[_Union[_common_pb2.FieldProblem, _Mapping]]] = ..., outcomes: _Optional[_Iterable[_Union[SignalOutcome, _Mapping]]] = ...) -> None: ...

class SignalOutcome(_message.Message):
    __slots__ = ("outcome", "reason", "time")
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    outcome: _types_pb2.Outcome
    reason: str
    time: _timestamp_pb2.Timestamp
    def __init__(self, outcome: _Optional[_Union[_types_pb2.Outcome, str]] = ..., reason: _Optional[str] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class FieldReading(_message.Message):
    __slots__ = ("path", "expression", "value", "problem")
    PATH_FIELD_NUMBER: _ClassVar[int]
    EXPRESSION_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    path: str
    expression: str
    value: str
    problem: str
    def __init__(self, path: _Optional[str] = ..., expression: _Optional[str] = ..., value: _Optional[str] = ..., problem: _Optional[str] = ...) -> None: ...

class SubmitSignalRequest(_message.Message):
    __slots__ = ("source", "body", "request_id", "receive_time", "validate_only", "sender_address")
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RECEIVE_TIME_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    SENDER_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    source: str
    body: bytes
    request_id: str
    receive_time: _timestamp_pb2.Timestamp
    validate_only: bool
    sender_address: str
    def __init__(self, source: _Optional[str] = ..., body: _Optional[bytes] = ..., request_id: _Optional[str] = ..., receive_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., validate_only: _Optional[bool] = ..., sender_address: _Optional[str] = ...) -> None: ...

class SubmitSignalResponse(_message.Message):
    __slots__ = ("signal",)
    SIGNAL_FIELD_NUMBER: _ClassVar[int]
    signal: Signal
    def __init__(self, signal: _Optional[_Union[Signal, _Mapping]] = ...) -> None: ...

class GetSignalRequest(_message.Message):
    __slots__ = ("signal_id",)
    SIGNAL_ID_FIELD_NUMBER: _ClassVar[int]
    signal_id: str
    def __init__(self, signal_id: _Optional[str] = ...) -> None: ...

class GetSignalResponse(_message.Message):
    __slots__ = ("signal", "timeline")
    SIGNAL_FIELD_NUMBER: _ClassVar[int]
    TIMELINE_FIELD_NUMBER: _ClassVar[int]
    signal: Signal
    timeline: _containers.RepeatedCompositeFieldContainer[_common_pb2.Event]
    def __init__(self, signal: _Optional[_Union[Signal, _Mapping]] = ..., timeline: _Optional[_Iterable[_Union[_common_pb2.Event, _Mapping]]] = ...) -> None: ...

class ListSignalsRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "world", "source", "account", "symbol", "timeframe", "group_id", "outcomes", "start_time", "end_time")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    WORLD_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    TIMEFRAME_FIELD_NUMBER: _ClassVar[int]
    GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    world: _types_pb2.World
    source: str
    account: str
    symbol: str
    timeframe: str
    group_id: str
    outcomes: _containers.RepeatedScalarFieldContainer[_types_pb2.Outcome]
    start_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., world: _Optional[_Union[_types_pb2.World, str]] = ..., source: _Optional[str] = ..., account: _Optional[str] = ..., symbol: _Optional[str] = ..., timeframe: _Optional[str] = ..., group_id: _Optional[str] = ..., outcomes: _Optional[_Iterable[_Union[_types_pb2.Outcome, str]]] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListSignalsResponse(_message.Message):
    __slots__ = ("signals", "next_page_token")
    SIGNALS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    signals: _containers.RepeatedCompositeFieldContainer[Signal]
    next_page_token: str
    def __init__(self, signals: _Optional[_Iterable[_Union[Signal, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class CheckSignalRequest(_message.Message):
    __slots__ = ("source", "body")
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    source: str
    body: bytes
    def __init__(self, source: _Optional[str] = ..., body: _Optional[bytes] = ...) -> None: ...

class CheckSignalResponse(_message.Message):
    __slots__ = ("valid", "fields", "signal")
    VALID_FIELD_NUMBER: _ClassVar[int]
    FIELDS_FIELD_NUMBER: _ClassVar[int]
    SIGNAL_FIELD_NUMBER: _ClassVar[int]
    valid: bool
    fields: _containers.RepeatedCompositeFieldContainer[FieldReading]
    signal: Signal
    def __init__(self, valid: _Optional[bool] = ..., fields: _Optional[_Iterable[_Union[FieldReading, _Mapping]]] = ..., signal: _Optional[_Union[Signal, _Mapping]] = ...) -> None: ...

class ReplaySignalRequest(_message.Message):
    __slots__ = ("signal_id", "submit", "request_id")
    SIGNAL_ID_FIELD_NUMBER: _ClassVar[int]
    SUBMIT_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    signal_id: str
    submit: bool
    request_id: str
    def __init__(self, signal_id: _Optional[str] = ..., submit: _Optional[bool] = ..., request_id: _Optional[str] = ...) -> None: ...

class ReplaySignalResponse(_message.Message):
    __slots__ = ("signal", "decisions")
    SIGNAL_FIELD_NUMBER: _ClassVar[int]
    DECISIONS_FIELD_NUMBER: _ClassVar[int]
    signal: Signal
    decisions: _containers.RepeatedCompositeFieldContainer[_common_pb2.Event]
    def __init__(self, signal: _Optional[_Union[Signal, _Mapping]] = ..., decisions: _Optional[_Iterable[_Union[_common_pb2.Event, _Mapping]]] = ...) -> None: ...

class GetSignalStoryRequest(_message.Message):
    __slots__ = ("signal_id",)
    SIGNAL_ID_FIELD_NUMBER: _ClassVar[int]
    signal_id: str
    def __init__(self, signal_id: _Optional[str] = ...) -> None: ...

class GetSignalStoryResponse(_message.Message):
    __slots__ = ("signal", "entries", "summary", "truncated")
    SIGNAL_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    signal: Signal
    entries: _containers.RepeatedCompositeFieldContainer[StoryEntry]
    summary: str
    truncated: bool
    def __init__(self, signal: _Optional[_Union[Signal, _Mapping]] = ..., entries: _Optional[_Iterable[_Union[StoryEntry, _Mapping]]] = ..., summary: _Optional[str] = ..., truncated: _Optional[bool] = ...) -> None: ...

class StoryEntry(_message.Message):
    __slots__ = ("time", "kind", "message", "group_id", "client_order_id", "reason", "attributes")
    class AttributesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    TIME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    CLIENT_ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    time: _timestamp_pb2.Timestamp
    kind: str
    message: str
    group_id: str
    client_order_id: str
    reason: str
    attributes: _containers.ScalarMap[str, str]
    def __init__(self, time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., kind: _Optional[str] = ..., message: _Optional[str] = ..., group_id: _Optional[str] = ..., client_order_id: _Optional[str] = ..., reason: _Optional[str] = ..., attributes: _Optional[_Mapping[str, str]] = ...) -> None: ...
