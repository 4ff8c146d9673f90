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

class GroupView(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    GROUP_VIEW_UNSPECIFIED: _ClassVar[GroupView]
    GROUP_VIEW_BASIC: _ClassVar[GroupView]
    GROUP_VIEW_FULL: _ClassVar[GroupView]

class GroupResult(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    GROUP_RESULT_UNSPECIFIED: _ClassVar[GroupResult]
    GROUP_RESULT_GAIN: _ClassVar[GroupResult]
    GROUP_RESULT_LOSS: _ClassVar[GroupResult]
GROUP_VIEW_UNSPECIFIED: GroupView
GROUP_VIEW_BASIC: GroupView
GROUP_VIEW_FULL: GroupView
GROUP_RESULT_UNSPECIFIED: GroupResult
GROUP_RESULT_GAIN: GroupResult
GROUP_RESULT_LOSS: GroupResult

class Group(_message.Message):
    __slots__ = ("group_id", "account", "symbol", "timeframe", "side", "state", "close_reason", "tp_mode", "pyramid_count", "max_pyramids", "legs_filled", "legs_total", "quantity", "average_entry", "invested", "mark_price", "unrealized_pnl", "unrealized_pnl_percent", "realized_pnl", "fees", "dust", "create_time", "close_time", "risk_timer_expire_time", "pyramids", "orders", "world", "market", "strategy", "source", "opening_signal_id", "ignored_pyramid_count", "blocked", "skipped", "forced", "flags", "stop_price", "tp_price", "planned_capital", "reserved_capital", "dust_value", "pending_reverse_signal_id", "config_version", "unfilled_expire_time", "update_time", "state_reason", "funding", "liquidation_price", "liquidation_distance_percent", "stop_reason", "cuts")
    GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    TIMEFRAME_FIELD_NUMBER: _ClassVar[int]
    SIDE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    CLOSE_REASON_FIELD_NUMBER: _ClassVar[int]
    TP_MODE_FIELD_NUMBER: _ClassVar[int]
    PYRAMID_COUNT_FIELD_NUMBER: _ClassVar[int]
    MAX_PYRAMIDS_FIELD_NUMBER: _ClassVar[int]
    LEGS_FILLED_FIELD_NUMBER: _ClassVar[int]
    LEGS_TOTAL_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    AVERAGE_ENTRY_FIELD_NUMBER: _ClassVar[int]
    INVESTED_FIELD_NUMBER: _ClassVar[int]
    MARK_PRICE_FIELD_NUMBER: _ClassVar[int]
    UNREALIZED_PNL_FIELD_NUMBER: _ClassVar[int]
    UNREALIZED_PNL_PERCENT_FIELD_NUMBER: _ClassVar[int]
    REALIZED_PNL_FIELD_NUMBER: _ClassVar[int]
    FEES_FIELD_NUMBER: _ClassVar[int]
    DUST_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    CLOSE_TIME_FIELD_NUMBER: _ClassVar[int]
    RISK_TIMER_EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    PYRAMIDS_FIELD_NUMBER: _ClassVar[int]
    ORDERS_FIELD_NUMBER: _ClassVar[int]
    WORLD_FIELD_NUMBER: _ClassVar[int]
    MARKET_FIELD_NUMBER: _ClassVar[int]
    STRATEGY_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    OPENING_SIGNAL_ID_FIELD_NUMBER: _ClassVar[int]
    IGNORED_PYRAMID_COUNT_FIELD_NUMBER: _ClassVar[int]
    BLOCKED_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_FIELD_NUMBER: _ClassVar[int]
    FORCED_FIELD_NUMBER: _ClassVar[int]
    FLAGS_FIELD_NUMBER: _ClassVar[int]
    STOP_PRICE_FIELD_NUMBER: _ClassVar[int]
    TP_PRICE_FIELD_NUMBER: _ClassVar[int]
    PLANNED_CAPITAL_FIELD_NUMBER: _ClassVar[int]
    RESERVED_CAPITAL_FIELD_NUMBER: _ClassVar[int]
    DUST_VALUE_FIELD_NUMBER: _ClassVar[int]
    PENDING_REVERSE_SIGNAL_ID_FIELD_NUMBER: _ClassVar[int]
    CONFIG_VERSION_FIELD_NUMBER: _ClassVar[int]
    UNFILLED_EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_FIELD_NUMBER: _ClassVar[int]
    STATE_REASON_FIELD_NUMBER: _ClassVar[int]
    FUNDING_FIELD_NUMBER: _ClassVar[int]
    LIQUIDATION_PRICE_FIELD_NUMBER: _ClassVar[int]
    LIQUIDATION_DISTANCE_PERCENT_FIELD_NUMBER: _ClassVar[int]
    STOP_REASON_FIELD_NUMBER: _ClassVar[int]
    CUTS_FIELD_NUMBER: _ClassVar[int]
    group_id: str
    account: str
    symbol: str
    timeframe: str
    side: _types_pb2.Side
    state: _types_pb2.GroupState
    close_reason: str
    tp_mode: _types_pb2.TakeProfitMode
    pyramid_count: int
    max_pyramids: int
    legs_filled: int
    legs_total: int
    quantity: str
    average_entry: str
    invested: str
    mark_price: str
    unrealized_pnl: str
    unrealized_pnl_percent: str
    realized_pnl: str
    fees: str
    dust: str
    create_time: _timestamp_pb2.Timestamp
    close_time: _timestamp_pb2.Timestamp
    risk_timer_expire_time: _timestamp_pb2.Timestamp
    pyramids: _containers.RepeatedCompositeFieldContainer[Pyramid]
    orders: _containers.RepeatedCompositeFieldContainer[Order]
    world: _types_pb2.World
    market: _types_pb2.Market
    strategy: str
    source: str
    opening_signal_id: str
    ignored_pyramid_count: int
    blocked: bool
    skipped: bool
    forced: bool
    flags: _containers.RepeatedScalarFieldContainer[str]
    stop_price: str
    tp_price: str
    planned_capital: str
    reserved_capital: str
    dust_value: str
    pending_reverse_signal_id: str
    config_version: int
    unfilled_expire_time: _timestamp_pb2.Timestamp
    update_time: _timestamp_pb2.Timestamp
    state_reason: str
    funding: str
    liquidation_price: str
    liquidation_distance_percent: str
    stop_reason: str
    cuts: _containers.RepeatedCompositeFieldContainer[Cut]
    def __init__(self, group_id: _Optional[str] = ..., account: _Optional[str] = ..., symbol: _Optional[str] = ..., timeframe: _Optional[str] = ..., side: _Optional[_Union[_types_pb2.Side, str]] = ..., state: _Optional[_Union[_types_pb2.GroupState, str]] = ..., close_reason: _Optional[str] = ..., tp_mode: _Optional[_Union[_types_pb2.TakeProfitMode, str]] = ..., pyramid_count: _Optional[int] = ..., max_pyramids: _Optional[int] = ..., legs_filled: _Optional[int] = ..., legs_total: _Optional[int] = ..., quantity: _Optional[str] = ..., average_entry: _Optional[str] = ..., invested: _Optional[str] = ..., mark_price: _Optional[str] = ..., unrealized_pnl: _Optional[str] = ..., unrealized_pnl_percent: _Optional[str] = ..., realized_pnl: _Optional[str] = ..., fees: _Optional[str] = ..., dust: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., close_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., risk_timer_expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., pyramids: _Optional[_Iterable[_Union[Pyramid, _Mapping]]] = ..., orders: _Optional[_Iterable[_Union[Order, _Mapping]]] = ..., world: _Optional[_Union[_types_pb2.World, str]] = ..., market: _Optional[_Union[_types_pb2.Market, str]] = ..., strategy: _Optional[str] = ..., source: _Optional[str] = ..., opening_signal_id: _Optional[str] = ..., ignored_pyramid_count: _Optional[int] = ..., blocked: _Optional[bool] = ..., skipped: _Optional[bool] = ..., forced: _Optional[bool] = ..., flags: _Optional[_Iterable[str]] = ..., stop_price: _Optional[str] = ..., tp_price: _Optional[str] = ..., planned_capital: _Optional[str] = ..., reserved_capital: _Optional[str] = ..., dust_value: _Optional[str] = ..., pending_reverse_signal_id: _Optional[str] = ..., config_version: _Optional[int] = ..., unfilled_expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., update_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., state_reason: _Optional[str] = ..., funding: _Optional[str] = ..., liquidation_price: _Optional[str] = ..., liquidation_distance_percent: _Optional[str] = ..., stop_reason: _Optional[str] = ..., cuts: _Optional[_Iterable[_Union[Cut, _Mapping]]] = ...) -> None: ...

class Cut(_message.Message):
    __slots__ = ("cut_id", "reason", "quantity", "whole", "sold_quantity", "realized_pnl", "state", "stop_reason", "create_time", "end_time", "parts")
    CUT_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    WHOLE_FIELD_NUMBER: _ClassVar[int]
    SOLD_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    REALIZED_PNL_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    STOP_REASON_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    cut_id: str
    reason: str
    quantity: str
    whole: bool
    sold_quantity: str
    realized_pnl: str
    state: str
    stop_reason: str
    create_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    parts: _containers.RepeatedCompositeFieldContainer[CutPart]
    def __init__(self, cut_id: _Optional[str] = ..., reason: _Optional[str] = ..., quantity: _Optional[str] = ..., whole: _Optional[bool] = ..., sold_quantity: _Optional[str] = ..., realized_pnl: _Optional[str] = ..., state: _Optional[str] = ..., stop_reason: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., parts: _Optional[_Iterable[_Union[CutPart, _Mapping]]] = ...) -> None: ...

class CutPart(_message.Message):
    __slots__ = ("pyramid", "leg", "quantity")
    PYRAMID_FIELD_NUMBER: _ClassVar[int]
    LEG_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    pyramid: int
    leg: int
    quantity: str
    def __init__(self, pyramid: _Optional[int] = ..., leg: _Optional[int] = ..., quantity: _Optional[str] = ...) -> None: ...

class Pyramid(_message.Message):
    __slots__ = ("index", "entry_price", "legs", "orders", "signal_id", "capital", "quantity", "average_entry", "tp_price", "create_time")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    ENTRY_PRICE_FIELD_NUMBER: _ClassVar[int]
    LEGS_FIELD_NUMBER: _ClassVar[int]
    ORDERS_FIELD_NUMBER: _ClassVar[int]
    SIGNAL_ID_FIELD_NUMBER: _ClassVar[int]
    CAPITAL_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    AVERAGE_ENTRY_FIELD_NUMBER: _ClassVar[int]
    TP_PRICE_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    index: int
    entry_price: str
    legs: _containers.RepeatedCompositeFieldContainer[Leg]
    orders: _containers.RepeatedCompositeFieldContainer[Order]
    signal_id: str
    capital: str
    quantity: str
    average_entry: str
    tp_price: str
    create_time: _timestamp_pb2.Timestamp
    def __init__(self, index: _Optional[int] = ..., entry_price: _Optional[str] = ..., legs: _Optional[_Iterable[_Union[Leg, _Mapping]]] = ..., orders: _Optional[_Iterable[_Union[Order, _Mapping]]] = ..., signal_id: _Optional[str] = ..., capital: _Optional[str] = ..., quantity: _Optional[str] = ..., average_entry: _Optional[str] = ..., tp_price: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Leg(_message.Message):
    __slots__ = ("index", "gap_percent", "weight_percent", "tp_percent", "price", "quantity", "filled_quantity", "average_fill_price", "tp_price", "state", "orders", "state_reason", "wait_reason", "closed_quantity", "realized_pnl")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    GAP_PERCENT_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_PERCENT_FIELD_NUMBER: _ClassVar[int]
    TP_PERCENT_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    FILLED_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    AVERAGE_FILL_PRICE_FIELD_NUMBER: _ClassVar[int]
    TP_PRICE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    ORDERS_FIELD_NUMBER: _ClassVar[int]
    STATE_REASON_FIELD_NUMBER: _ClassVar[int]
    WAIT_REASON_FIELD_NUMBER: _ClassVar[int]
    CLOSED_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    REALIZED_PNL_FIELD_NUMBER: _ClassVar[int]
    index: int
    gap_percent: str
    weight_percent: str
    tp_percent: str
    price: str
    quantity: str
    filled_quantity: str
    average_fill_price: str
    tp_price: str
    state: _types_pb2.LegState
    orders: _containers.RepeatedCompositeFieldContainer[Order]
    state_reason: str
    wait_reason: str
    closed_quantity: str
    realized_pnl: str
    def __init__(self, index: _Optional[int] = ..., gap_percent: _Optional[str] = ..., weight_percent: _Optional[str] = ..., tp_percent: _Optional[str] = ..., price: _Optional[str] = ..., quantity: _Optional[str] = ..., filled_quantity: _Optional[str] = ..., average_fill_price: _Optional[str] = ..., tp_price: _Optional[str] = ..., state: _Optional[_Union[_types_pb2.LegState, str]] = ..., orders: _Optional[_Iterable[_Union[Order, _Mapping]]] = ..., state_reason: _Optional[str] = ..., wait_reason: _Optional[str] = ..., closed_quantity: _Optional[str] = ..., realized_pnl: _Optional[str] = ...) -> None: ...

class Order(_message.Message):
    __slots__ = ("client_order_id", "exchange_order_id", "role", "side", "type", "price", "quantity", "filled_quantity", "average_price", "fee", "state", "state_reason", "time_in_force", "reduce_only", "stop_price", "attempt", "create_time", "update_time", "fills")
    CLIENT_ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    EXCHANGE_ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    SIDE_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    FILLED_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    AVERAGE_PRICE_FIELD_NUMBER: _ClassVar[int]
    FEE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    STATE_REASON_FIELD_NUMBER: _ClassVar[int]
    TIME_IN_FORCE_FIELD_NUMBER: _ClassVar[int]
    REDUCE_ONLY_FIELD_NUMBER: _ClassVar[int]
    STOP_PRICE_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_FIELD_NUMBER: _ClassVar[int]
    FILLS_FIELD_NUMBER: _ClassVar[int]
    client_order_id: str
    exchange_order_id: str
    role: _types_pb2.OrderRole
    side: _types_pb2.OrderSide
    type: _types_pb2.OrderType
    price: str
    quantity: str
    filled_quantity: str
    average_price: str
    fee: str
    state: _types_pb2.OrderState
    state_reason: str
    time_in_force: _types_pb2.TimeInForce
    reduce_only: bool
    stop_price: str
    attempt: int
    create_time: _timestamp_pb2.Timestamp
    update_time: _timestamp_pb2.Timestamp
    fills: _containers.RepeatedCompositeFieldContainer[Fill]
    def __init__(self, client_order_id: _Optional[str] = ..., exchange_order_id: _Optional[str] = ..., role: _Optional[_Union[_types_pb2.OrderRole, str]] = ..., side: _Optional[_Union[_types_pb2.OrderSide, str]] = ..., type: _Optional[_Union[_types_pb2.OrderType, str]] = ..., price: _Optional[str] = ..., quantity: _Optional[str] = ..., filled_quantity: _Optional[str] = ..., average_price: _Optional[str] = ..., fee: _Optional[str] = ..., state: _Optional[_Union[_types_pb2.OrderState, str]] = ..., state_reason: _Optional[str] = ..., time_in_force: _Optional[_Union[_types_pb2.TimeInForce, str]] = ..., reduce_only: _Optional[bool] = ..., stop_price: _Optional[str] = ..., attempt: _Optional[int] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., update_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., fills: _Optional[_Iterable[_Union[Fill, _Mapping]]] = ...) -> None: ...

class Fill(_message.Message):
    __slots__ = ("trade_id", "price", "quantity", "fee", "fee_asset", "maker", "time")
    TRADE_ID_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    FEE_FIELD_NUMBER: _ClassVar[int]
    FEE_ASSET_FIELD_NUMBER: _ClassVar[int]
    MAKER_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    trade_id: str
    price: str
    quantity: str
    fee: str
    fee_asset: str
    maker: bool
    time: _timestamp_pb2.Timestamp
    def __init__(self, trade_id: _Optional[str] = ..., price: _Optional[str] = ..., quantity: _Optional[str] = ..., fee: _Optional[str] = ..., fee_asset: _Optional[str] = ..., maker: _Optional[bool] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class GetGroupRequest(_message.Message):
    __slots__ = ("group_id",)
    GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    group_id: str
    def __init__(self, group_id: _Optional[str] = ...) -> None: ...

class GetGroupResponse(_message.Message):
    __slots__ = ("group",)
    GROUP_FIELD_NUMBER: _ClassVar[int]
    group: Group
    def __init__(self, group: _Optional[_Union[Group, _Mapping]] = ...) -> None: ...

class ListGroupsRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "world", "account", "symbol", "timeframe", "states", "include_closed", "view", "side", "close_start_time", "close_end_time", "result", "last_closed_first")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    WORLD_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    TIMEFRAME_FIELD_NUMBER: _ClassVar[int]
    STATES_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_CLOSED_FIELD_NUMBER: _ClassVar[int]
    VIEW_FIELD_NUMBER: _ClassVar[int]
    SIDE_FIELD_NUMBER: _ClassVar[int]
    CLOSE_START_TIME_FIELD_NUMBER: _ClassVar[int]
    CLOSE_END_TIME_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    LAST_CLOSED_FIRST_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    world: _types_pb2.World
    account: str
    symbol: str
    timeframe: str
    states: _containers.RepeatedScalarFieldContainer[_types_pb2.GroupState]
    include_closed: bool
    view: GroupView
    side: _types_pb2.Side
    close_start_time: _timestamp_pb2.Timestamp
    close_end_time: _timestamp_pb2.Timestamp
    result: GroupResult
    last_closed_first: bool
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., world: _Optional[_Union[_types_pb2.World, str]] = ..., account: _Optional[str] = ..., symbol: _Optional[str] = ..., timeframe: _Optional[str] = ..., states: _Optional[_Iterable[_Union[_types_pb2.GroupState, str]]] = ..., include_closed: _Optional[bool] = ..., view: _Optional[_Union[GroupView, str]] = ..., side: _Optional[_Union[_types_pb2.Side, str]] = ..., close_start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., close_end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., result: _Optional[_Union[GroupResult, str]] = ..., last_closed_first: _Optional[bool] = ...) -> None: ...

class ListGroupsResponse(_message.Message):
    __slots__ = ("groups", "next_page_token")
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    groups: _containers.RepeatedCompositeFieldContainer[Group]
    next_page_token: str
    def __init__(self, groups: _Optional[_Iterable[_Union[Group, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class CloseGroupRequest(_message.Message):
    __slots__ = ("group_id", "request_id", "validate_only")
    GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    group_id: str
    request_id: str
    validate_only: bool
    def __init__(self, group_id: _Optional[str] = ..., request_id: _Optional[str] = ..., validate_only: _Optional[bool] = ...) -> None: ...

class CloseGroupResponse(_message.Message):
    __slots__ = ("group",)
    GROUP_FIELD_NUMBER: _ClassVar[int]
    group: Group
    def __init__(self, group: _Optional[_Union[Group, _Mapping]] = ...) -> None: ...

class ReduceGroupRequest(_message.Message):
    __slots__ = ("group_id", "quantity", "percent", "request_id", "validate_only")
    GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    PERCENT_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    group_id: str
    quantity: str
    percent: str
    request_id: str
    validate_only: bool
    def __init__(self, group_id: _Optional[str] = ..., quantity: _Optional[str] = ..., percent: _Optional[str] = ..., request_id: _Optional[str] = ..., validate_only: _Optional[bool] = ...) -> None: ...

class ReduceGroupResponse(_message.Message):
    __slots__ = ("group",)
    GROUP_FIELD_NUMBER: _ClassVar[int]
    group: Group
    def __init__(self, group: _Optional[_Union[Group, _Mapping]] = ...) -> None: ...

class CancelEntriesRequest(_message.Message):
    __slots__ = ("group_id", "request_id", "validate_only")
    GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    group_id: str
    request_id: str
    validate_only: bool
    def __init__(self, group_id: _Optional[str] = ..., request_id: _Optional[str] = ..., validate_only: _Optional[bool] = ...) -> None: ...

class CancelEntriesResponse(_message.Message):
    __slots__ = ("group",)
    GROUP_FIELD_NUMBER: _ClassVar[int]
    group: Group
    def __init__(self, group: _Optional[_Union[Group, _Mapping]] = ...) -> None: ...

class CloseAllGroupsRequest(_message.Message):
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

class CloseAllGroupsResponse(_message.Message):
    __slots__ = ("groups", "failures")
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    FAILURES_FIELD_NUMBER: _ClassVar[int]
    groups: _containers.RepeatedCompositeFieldContainer[Group]
    failures: _containers.RepeatedCompositeFieldContainer[CloseFailure]
    def __init__(self, groups: _Optional[_Iterable[_Union[Group, _Mapping]]] = ..., failures: _Optional[_Iterable[_Union[CloseFailure, _Mapping]]] = ...) -> None: ...

class CloseFailure(_message.Message):
    __slots__ = ("group_id", "reason", "message")
    GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    group_id: str
    reason: str
    message: str
    def __init__(self, group_id: _Optional[str] = ..., reason: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...
