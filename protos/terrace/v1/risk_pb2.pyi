import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from protos.terrace.v1 import types_pb2 as _types_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RiskActionState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RISK_ACTION_STATE_UNSPECIFIED: _ClassVar[RiskActionState]
    RISK_ACTION_STATE_PLANNED: _ClassVar[RiskActionState]
    RISK_ACTION_STATE_RUNNING: _ClassVar[RiskActionState]
    RISK_ACTION_STATE_DONE: _ClassVar[RiskActionState]
    RISK_ACTION_STATE_PARTIAL: _ClassVar[RiskActionState]
    RISK_ACTION_STATE_SKIPPED: _ClassVar[RiskActionState]
    RISK_ACTION_STATE_STOPPED: _ClassVar[RiskActionState]

class RiskStepKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RISK_STEP_KIND_UNSPECIFIED: _ClassVar[RiskStepKind]
    RISK_STEP_KIND_CANCEL_TARGETS: _ClassVar[RiskStepKind]
    RISK_STEP_KIND_CLOSE_WINNER: _ClassVar[RiskStepKind]
    RISK_STEP_KIND_RESTORE_TARGETS: _ClassVar[RiskStepKind]
    RISK_STEP_KIND_CLOSE_LOSER: _ClassVar[RiskStepKind]
RISK_ACTION_STATE_UNSPECIFIED: RiskActionState
RISK_ACTION_STATE_PLANNED: RiskActionState
RISK_ACTION_STATE_RUNNING: RiskActionState
RISK_ACTION_STATE_DONE: RiskActionState
RISK_ACTION_STATE_PARTIAL: RiskActionState
RISK_ACTION_STATE_SKIPPED: RiskActionState
RISK_ACTION_STATE_STOPPED: RiskActionState
RISK_STEP_KIND_UNSPECIFIED: RiskStepKind
RISK_STEP_KIND_CANCEL_TARGETS: RiskStepKind
RISK_STEP_KIND_CLOSE_WINNER: RiskStepKind
RISK_STEP_KIND_RESTORE_TARGETS: RiskStepKind
RISK_STEP_KIND_CLOSE_LOSER: RiskStepKind

class GroupRisk(_message.Message):
    __slots__ = ("group_id", "account", "symbol", "timeframe", "eligible", "obstacles", "unrealized_pnl_percent", "unrealized_pnl", "timer_start_time", "timer_expire_time", "blocked", "skipped")
    GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    TIMEFRAME_FIELD_NUMBER: _ClassVar[int]
    ELIGIBLE_FIELD_NUMBER: _ClassVar[int]
    OBSTACLES_FIELD_NUMBER: _ClassVar[int]
    UNREALIZED_PNL_PERCENT_FIELD_NUMBER: _ClassVar[int]
    UNREALIZED_PNL_FIELD_NUMBER: _ClassVar[int]
    TIMER_START_TIME_FIELD_NUMBER: _ClassVar[int]
    TIMER_EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    BLOCKED_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_FIELD_NUMBER: _ClassVar[int]
    group_id: str
    account: str
    symbol: str
    timeframe: str
    eligible: bool
    obstacles: _containers.RepeatedScalarFieldContainer[str]
    unrealized_pnl_percent: str
    unrealized_pnl: str
    timer_start_time: _timestamp_pb2.Timestamp
    timer_expire_time: _timestamp_pb2.Timestamp
    blocked: bool
    skipped: bool
    def __init__(self, group_id: _Optional[str] = ..., account: _Optional[str] = ..., symbol: _Optional[str] = ..., timeframe: _Optional[str] = ..., eligible: _Optional[bool] = ..., obstacles: _Optional[_Iterable[str]] = ..., unrealized_pnl_percent: _Optional[str] = ..., unrealized_pnl: _Optional[str] = ..., timer_start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., timer_expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., blocked: _Optional[bool] = ..., skipped: _Optional[bool] = ...) -> None: ...

class RiskStatus(_message.Message):
    __slots__ = ("state", "state_reason", "world", "evaluate_time", "next_evaluate_time", "running_actions", "groups")
    STATE_FIELD_NUMBER: _ClassVar[int]
    STATE_REASON_FIELD_NUMBER: _ClassVar[int]
    WORLD_FIELD_NUMBER: _ClassVar[int]
    EVALUATE_TIME_FIELD_NUMBER: _ClassVar[int]
    NEXT_EVALUATE_TIME_FIELD_NUMBER: _ClassVar[int]
    RUNNING_ACTIONS_FIELD_NUMBER: _ClassVar[int]
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    state: _types_pb2.RiskState
    state_reason: str
    world: _types_pb2.World
    evaluate_time: _timestamp_pb2.Timestamp
    next_evaluate_time: _timestamp_pb2.Timestamp
    running_actions: _containers.RepeatedCompositeFieldContainer[RiskAction]
    groups: _containers.RepeatedCompositeFieldContainer[GroupRisk]
    def __init__(self, state: _Optional[_Union[_types_pb2.RiskState, str]] = ..., state_reason: _Optional[str] = ..., world: _Optional[_Union[_types_pb2.World, str]] = ..., evaluate_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., next_evaluate_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., running_actions: _Optional[_Iterable[_Union[RiskAction, _Mapping]]] = ..., groups: _Optional[_Iterable[_Union[GroupRisk, _Mapping]]] = ...) -> None: ...

class OffsetPlan(_message.Message):
    __slots__ = ("loser_group_id", "required", "winners", "sufficient", "reason", "reason_detail", "world", "quote", "expected_profit", "loser_percent", "loser_quantity", "obstacles", "loss", "loser_fee", "buffer")
    LOSER_GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    REQUIRED_FIELD_NUMBER: _ClassVar[int]
    WINNERS_FIELD_NUMBER: _ClassVar[int]
    SUFFICIENT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REASON_DETAIL_FIELD_NUMBER: _ClassVar[int]
    WORLD_FIELD_NUMBER: _ClassVar[int]
    QUOTE_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_PROFIT_FIELD_NUMBER: _ClassVar[int]
    LOSER_PERCENT_FIELD_NUMBER: _ClassVar[int]
    LOSER_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    OBSTACLES_FIELD_NUMBER: _ClassVar[int]
    LOSS_FIELD_NUMBER: _ClassVar[int]
    LOSER_FEE_FIELD_NUMBER: _ClassVar[int]
    BUFFER_FIELD_NUMBER: _ClassVar[int]
    loser_group_id: str
    required: str
    winners: _containers.RepeatedCompositeFieldContainer[OffsetWinner]
    sufficient: bool
    reason: str
    reason_detail: str
    world: _types_pb2.World
    quote: str
    expected_profit: str
    loser_percent: str
    loser_quantity: str
    obstacles: _containers.RepeatedScalarFieldContainer[str]
    loss: str
    loser_fee: str
    buffer: str
    def __init__(self, loser_group_id: _Optional[str] = ..., required: _Optional[str] = ..., winners: _Optional[_Iterable[_Union[OffsetWinner, _Mapping]]] = ..., sufficient: _Optional[bool] = ..., reason: _Optional[str] = ..., reason_detail: _Optional[str] = ..., world: _Optional[_Union[_types_pb2.World, str]] = ..., quote: _Optional[str] = ..., expected_profit: _Optional[str] = ..., loser_percent: _Optional[str] = ..., loser_quantity: _Optional[str] = ..., obstacles: _Optional[_Iterable[str]] = ..., loss: _Optional[str] = ..., loser_fee: _Optional[str] = ..., buffer: _Optional[str] = ...) -> None: ...

class OffsetWinner(_message.Message):
    __slots__ = ("group_id", "quantity", "expected_profit", "full_close", "account", "symbol")
    GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_PROFIT_FIELD_NUMBER: _ClassVar[int]
    FULL_CLOSE_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    group_id: str
    quantity: str
    expected_profit: str
    full_close: bool
    account: str
    symbol: str
    def __init__(self, group_id: _Optional[str] = ..., quantity: _Optional[str] = ..., expected_profit: _Optional[str] = ..., full_close: _Optional[bool] = ..., account: _Optional[str] = ..., symbol: _Optional[str] = ...) -> None: ...

class RiskAction(_message.Message):
    __slots__ = ("risk_action_id", "world", "state", "state_reason", "plan", "steps", "realized_profit", "realized_loss", "manual", "create_time", "end_time", "inputs")
    class InputsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    RISK_ACTION_ID_FIELD_NUMBER: _ClassVar[int]
    WORLD_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    STATE_REASON_FIELD_NUMBER: _ClassVar[int]
    PLAN_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    REALIZED_PROFIT_FIELD_NUMBER: _ClassVar[int]
    REALIZED_LOSS_FIELD_NUMBER: _ClassVar[int]
    MANUAL_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    risk_action_id: str
    world: _types_pb2.World
    state: RiskActionState
    state_reason: str
    plan: OffsetPlan
    steps: _containers.RepeatedCompositeFieldContainer[RiskStep]
    realized_profit: str
    realized_loss: str
    manual: bool
    create_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    inputs: _containers.ScalarMap[str, str]
    def __init__(self, risk_action_id: _Optional[str] = ..., world: _Optional[_Union[_types_pb2.World, str]] = ..., state: _Optional[_Union[RiskActionState, str]] = ..., state_reason: _Optional[str] = ..., plan: _Optional[_Union[OffsetPlan, _Mapping]] = ..., steps: _Optional[_Iterable[_Union[RiskStep, _Mapping]]] = ..., realized_profit: _Optional[str] = ..., realized_loss: _Optional[str] = ..., manual: _Optional[bool] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., inputs: _Optional[_Mapping[str, str]] = ...) -> None: ...

class RiskStep(_message.Message):
    __slots__ = ("index", "kind", "group_id", "quantity", "done", "result")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    index: int
    kind: RiskStepKind
    group_id: str
    quantity: str
    done: bool
    result: str
    def __init__(self, index: _Optional[int] = ..., kind: _Optional[_Union[RiskStepKind, str]] = ..., group_id: _Optional[str] = ..., quantity: _Optional[str] = ..., done: _Optional[bool] = ..., result: _Optional[str] = ...) -> None: ...

class GetRiskStateRequest(_message.Message):
    __slots__ = ("world",)
    WORLD_FIELD_NUMBER: _ClassVar[int]
    world: _types_pb2.World
    def __init__(self, world: _Optional[_Union[_types_pb2.World, str]] = ...) -> None: ...

class GetRiskStateResponse(_message.Message):
    __slots__ = ("risk",)
    RISK_FIELD_NUMBER: _ClassVar[int]
    risk: RiskStatus
    def __init__(self, risk: _Optional[_Union[RiskStatus, _Mapping]] = ...) -> None: ...

class PreviewOffsetRequest(_message.Message):
    __slots__ = ("world", "group_id")
    WORLD_FIELD_NUMBER: _ClassVar[int]
    GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    world: _types_pb2.World
    group_id: str
    def __init__(self, world: _Optional[_Union[_types_pb2.World, str]] = ..., group_id: _Optional[str] = ...) -> None: ...

class PreviewOffsetResponse(_message.Message):
    __slots__ = ("plan",)
    PLAN_FIELD_NUMBER: _ClassVar[int]
    plan: OffsetPlan
    def __init__(self, plan: _Optional[_Union[OffsetPlan, _Mapping]] = ...) -> None: ...

class RunOffsetRequest(_message.Message):
    __slots__ = ("world", "group_id", "request_id", "validate_only")
    WORLD_FIELD_NUMBER: _ClassVar[int]
    GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    world: _types_pb2.World
    group_id: str
    request_id: str
    validate_only: bool
    def __init__(self, world: _Optional[_Union[_types_pb2.World, str]] = ..., group_id: _Optional[str] = ..., request_id: _Optional[str] = ..., validate_only: _Optional[bool] = ...) -> None: ...

class RunOffsetResponse(_message.Message):
    __slots__ = ("risk_action",)
    RISK_ACTION_FIELD_NUMBER: _ClassVar[int]
    risk_action: RiskAction
    def __init__(self, risk_action: _Optional[_Union[RiskAction, _Mapping]] = ...) -> None: ...

class SkipGroupRequest(_message.Message):
    __slots__ = ("group_id", "request_id")
    GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    group_id: str
    request_id: str
    def __init__(self, group_id: _Optional[str] = ..., request_id: _Optional[str] = ...) -> None: ...

class SkipGroupResponse(_message.Message):
    __slots__ = ("group_risk",)
    GROUP_RISK_FIELD_NUMBER: _ClassVar[int]
    group_risk: GroupRisk
    def __init__(self, group_risk: _Optional[_Union[GroupRisk, _Mapping]] = ...) -> None: ...

class BlockGroupRequest(_message.Message):
    __slots__ = ("group_id", "reason", "request_id")
    GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    group_id: str
    reason: str
    request_id: str
    def __init__(self, group_id: _Optional[str] = ..., reason: _Optional[str] = ..., request_id: _Optional[str] = ...) -> None: ...

class BlockGroupResponse(_message.Message):
    __slots__ = ("group_risk",)
    GROUP_RISK_FIELD_NUMBER: _ClassVar[int]
    group_risk: GroupRisk
    def __init__(self, group_risk: _Optional[_Union[GroupRisk, _Mapping]] = ...) -> None: ...

class UnblockGroupRequest(_message.Message):
    __slots__ = ("group_id", "request_id")
    GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    group_id: str
    request_id: str
    def __init__(self, group_id: _Optional[str] = ..., request_id: _Optional[str] = ...) -> None: ...

class UnblockGroupResponse(_message.Message):
    __slots__ = ("group_risk",)
    GROUP_RISK_FIELD_NUMBER: _ClassVar[int]
    group_risk: GroupRisk
    def __init__(self, group_risk: _Optional[_Union[GroupRisk, _Mapping]] = ...) -> None: ...

class ListRiskActionsRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "world", "group_id", "states", "start_time", "end_time")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    WORLD_FIELD_NUMBER: _ClassVar[int]
    GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    STATES_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    world: _types_pb2.World
    group_id: str
    states: _containers.RepeatedScalarFieldContainer[RiskActionState]
    start_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., world: _Optional[_Union[_types_pb2.World, str]] = ..., group_id: _Optional[str] = ..., states: _Optional[_Iterable[_Union[RiskActionState, str]]] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListRiskActionsResponse(_message.Message):
    __slots__ = ("risk_actions", "next_page_token")
    RISK_ACTIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    risk_actions: _containers.RepeatedCompositeFieldContainer[RiskAction]
    next_page_token: str
    def __init__(self, risk_actions: _Optional[_Iterable[_Union[RiskAction, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...
