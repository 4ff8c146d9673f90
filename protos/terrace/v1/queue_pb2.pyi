import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from protos.terrace.v1 import signal_pb2 as _signal_pb2
from protos.terrace.v1 import types_pb2 as _types_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class QueuedSignal(_message.Message):
    __slots__ = ("signal_id", "account", "symbol", "timeframe", "side", "entry_price", "rank", "replacement_count", "loss_percent", "expected_profit", "wait_reason", "queue_time", "world", "strategy", "source", "intent", "first_queue_time", "rank_reasons", "mark_price", "expire_time", "group_id", "wait_detail", "planned_capital", "reverse")
    SIGNAL_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    TIMEFRAME_FIELD_NUMBER: _ClassVar[int]
    SIDE_FIELD_NUMBER: _ClassVar[int]
    ENTRY_PRICE_FIELD_NUMBER: _ClassVar[int]
    RANK_FIELD_NUMBER: _ClassVar[int]
    REPLACEMENT_COUNT_FIELD_NUMBER: _ClassVar[int]
    LOSS_PERCENT_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_PROFIT_FIELD_NUMBER: _ClassVar[int]
    WAIT_REASON_FIELD_NUMBER: _ClassVar[int]
    QUEUE_TIME_FIELD_NUMBER: _ClassVar[int]
    WORLD_FIELD_NUMBER: _ClassVar[int]
    STRATEGY_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    INTENT_FIELD_NUMBER: _ClassVar[int]
    FIRST_QUEUE_TIME_FIELD_NUMBER: _ClassVar[int]
    RANK_REASONS_FIELD_NUMBER: _ClassVar[int]
    MARK_PRICE_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    WAIT_DETAIL_FIELD_NUMBER: _ClassVar[int]
    PLANNED_CAPITAL_FIELD_NUMBER: _ClassVar[int]
    REVERSE_FIELD_NUMBER: _ClassVar[int]
    signal_id: str
    account: str
    symbol: str
    timeframe: str
    side: _types_pb2.Side
    entry_price: str
    rank: int
    replacement_count: int
    loss_percent: str
    expected_profit: str
    wait_reason: str
    queue_time: _timestamp_pb2.Timestamp
    world: _types_pb2.World
    strategy: str
    source: str
    intent: _types_pb2.Intent
    first_queue_time: _timestamp_pb2.Timestamp
    rank_reasons: _containers.RepeatedCompositeFieldContainer[RankReason]
    mark_price: str
    expire_time: _timestamp_pb2.Timestamp
    group_id: str
    wait_detail: str
    planned_capital: str
    reverse: bool
    def __init__(self, signal_id: _Optional[str] = ..., account: _Optional[str] = ..., symbol: _Optional[str] = ..., timeframe: _Optional[str] = ..., side: _Optional[_Union[_types_pb2.Side, str]] = ..., entry_price: _Optional[str] = ..., rank: _Optional[int] = ..., replacement_count: _Optional[int] = ..., loss_percent: _Optional[str] = ..., expected_profit: _Optional[str] = ..., wait_reason: _Optional[str] = ..., queue_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., world: _Optional[_Union[_types_pb2.World, str]] = ..., strategy: _Optional[str] = ..., source: _Optional[str] = ..., intent: _Optional[_Union[_types_pb2.Intent, str]] = ..., first_queue_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., rank_reasons: _Optional[_Iterable[_Union[RankReason, _Mapping]]] = ..., mark_price: _Optional[str] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., group_id: _Optional[str] = ..., wait_detail: _Optional[str] = ..., planned_capital: _Optional[str] = ..., reverse: _Optional[bool] = ...) -> None: ...

class RankReason(_message.Message):
    __slots__ = ("rule", "value")
    RULE_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    rule: str
    value: str
    def __init__(self, rule: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...

class ListQueuedSignalsRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "world", "account", "symbol")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    WORLD_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    world: _types_pb2.World
    account: str
    symbol: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., world: _Optional[_Union[_types_pb2.World, str]] = ..., account: _Optional[str] = ..., symbol: _Optional[str] = ...) -> None: ...

class ListQueuedSignalsResponse(_message.Message):
    __slots__ = ("queued_signals", "next_page_token")
    QUEUED_SIGNALS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    queued_signals: _containers.RepeatedCompositeFieldContainer[QueuedSignal]
    next_page_token: str
    def __init__(self, queued_signals: _Optional[_Iterable[_Union[QueuedSignal, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class PromoteQueuedSignalRequest(_message.Message):
    __slots__ = ("signal_id", "request_id", "validate_only")
    SIGNAL_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    signal_id: str
    request_id: str
    validate_only: bool
    def __init__(self, signal_id: _Optional[str] = ..., request_id: _Optional[str] = ..., validate_only: _Optional[bool] = ...) -> None: ...

class PromoteQueuedSignalResponse(_message.Message):
    __slots__ = ("signal",)
    SIGNAL_FIELD_NUMBER: _ClassVar[int]
    signal: _signal_pb2.Signal
    def __init__(self, signal: _Optional[_Union[_signal_pb2.Signal, _Mapping]] = ...) -> None: ...

class ForceAddQueuedSignalRequest(_message.Message):
    __slots__ = ("signal_id", "ignore_exposure", "request_id", "validate_only", "ignore_limits")
    SIGNAL_ID_FIELD_NUMBER: _ClassVar[int]
    IGNORE_EXPOSURE_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    IGNORE_LIMITS_FIELD_NUMBER: _ClassVar[int]
    signal_id: str
    ignore_exposure: bool
    request_id: str
    validate_only: bool
    ignore_limits: bool
    def __init__(self, signal_id: _Optional[str] = ..., ignore_exposure: _Optional[bool] = ..., request_id: _Optional[str] = ..., validate_only: _Optional[bool] = ..., ignore_limits: _Optional[bool] = ...) -> None: ...

class ForceAddQueuedSignalResponse(_message.Message):
    __slots__ = ("signal",)
    SIGNAL_FIELD_NUMBER: _ClassVar[int]
    signal: _signal_pb2.Signal
    def __init__(self, signal: _Optional[_Union[_signal_pb2.Signal, _Mapping]] = ...) -> None: ...

class RemoveQueuedSignalRequest(_message.Message):
    __slots__ = ("signal_id", "request_id", "validate_only")
    SIGNAL_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    signal_id: str
    request_id: str
    validate_only: bool
    def __init__(self, signal_id: _Optional[str] = ..., request_id: _Optional[str] = ..., validate_only: _Optional[bool] = ...) -> None: ...

class RemoveQueuedSignalResponse(_message.Message):
    __slots__ = ("signal",)
    SIGNAL_FIELD_NUMBER: _ClassVar[int]
    signal: _signal_pb2.Signal
    def __init__(self, signal: _Optional[_Union[_signal_pb2.Signal, _Mapping]] = ...) -> None: ...
