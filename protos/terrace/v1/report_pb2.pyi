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

class Breakdown(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    BREAKDOWN_UNSPECIFIED: _ClassVar[Breakdown]
    BREAKDOWN_SYMBOL: _ClassVar[Breakdown]
    BREAKDOWN_TIMEFRAME: _ClassVar[Breakdown]
    BREAKDOWN_ACCOUNT: _ClassVar[Breakdown]
    BREAKDOWN_STRATEGY: _ClassVar[Breakdown]
    BREAKDOWN_SIDE: _ClassVar[Breakdown]
    BREAKDOWN_DAY: _ClassVar[Breakdown]
    BREAKDOWN_WEEK: _ClassVar[Breakdown]
    BREAKDOWN_MONTH: _ClassVar[Breakdown]

class ExportFormat(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EXPORT_FORMAT_UNSPECIFIED: _ClassVar[ExportFormat]
    EXPORT_FORMAT_CSV: _ClassVar[ExportFormat]
    EXPORT_FORMAT_JSON: _ClassVar[ExportFormat]
BREAKDOWN_UNSPECIFIED: Breakdown
BREAKDOWN_SYMBOL: Breakdown
BREAKDOWN_TIMEFRAME: Breakdown
BREAKDOWN_ACCOUNT: Breakdown
BREAKDOWN_STRATEGY: Breakdown
BREAKDOWN_SIDE: Breakdown
BREAKDOWN_DAY: Breakdown
BREAKDOWN_WEEK: Breakdown
BREAKDOWN_MONTH: Breakdown
EXPORT_FORMAT_UNSPECIFIED: ExportFormat
EXPORT_FORMAT_CSV: ExportFormat
EXPORT_FORMAT_JSON: ExportFormat

class ReportScope(_message.Message):
    __slots__ = ("world", "account", "symbol", "timeframe", "strategy", "side", "start_time", "end_time")
    WORLD_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    TIMEFRAME_FIELD_NUMBER: _ClassVar[int]
    STRATEGY_FIELD_NUMBER: _ClassVar[int]
    SIDE_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    world: _types_pb2.World
    account: str
    symbol: str
    timeframe: str
    strategy: str
    side: _types_pb2.Side
    start_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    def __init__(self, world: _Optional[_Union[_types_pb2.World, str]] = ..., account: _Optional[str] = ..., symbol: _Optional[str] = ..., timeframe: _Optional[str] = ..., strategy: _Optional[str] = ..., side: _Optional[_Union[_types_pb2.Side, str]] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Profit(_message.Message):
    __slots__ = ("realized_day", "realized_week", "realized_month", "realized_total", "unrealized", "fees", "currency", "world", "parts", "valuation_note", "period_basis")
    REALIZED_DAY_FIELD_NUMBER: _ClassVar[int]
    REALIZED_WEEK_FIELD_NUMBER: _ClassVar[int]
    REALIZED_MONTH_FIELD_NUMBER: _ClassVar[int]
    REALIZED_TOTAL_FIELD_NUMBER: _ClassVar[int]
    UNREALIZED_FIELD_NUMBER: _ClassVar[int]
    FEES_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    WORLD_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    VALUATION_NOTE_FIELD_NUMBER: _ClassVar[int]
    PERIOD_BASIS_FIELD_NUMBER: _ClassVar[int]
    realized_day: str
    realized_week: str
    realized_month: str
    realized_total: str
    unrealized: str
    fees: str
    currency: str
    world: _types_pb2.World
    parts: _containers.RepeatedCompositeFieldContainer[ProfitPart]
    valuation_note: str
    period_basis: str
    def __init__(self, realized_day: _Optional[str] = ..., realized_week: _Optional[str] = ..., realized_month: _Optional[str] = ..., realized_total: _Optional[str] = ..., unrealized: _Optional[str] = ..., fees: _Optional[str] = ..., currency: _Optional[str] = ..., world: _Optional[_Union[_types_pb2.World, str]] = ..., parts: _Optional[_Iterable[_Union[ProfitPart, _Mapping]]] = ..., valuation_note: _Optional[str] = ..., period_basis: _Optional[str] = ...) -> None: ...

class ProfitPart(_message.Message):
    __slots__ = ("name", "realized", "unrealized", "fees", "trades")
    NAME_FIELD_NUMBER: _ClassVar[int]
    REALIZED_FIELD_NUMBER: _ClassVar[int]
    UNREALIZED_FIELD_NUMBER: _ClassVar[int]
    FEES_FIELD_NUMBER: _ClassVar[int]
    TRADES_FIELD_NUMBER: _ClassVar[int]
    name: str
    realized: str
    unrealized: str
    fees: str
    trades: int
    def __init__(self, name: _Optional[str] = ..., realized: _Optional[str] = ..., unrealized: _Optional[str] = ..., fees: _Optional[str] = ..., trades: _Optional[int] = ...) -> None: ...

class EquityPoint(_message.Message):
    __slots__ = ("time", "realized", "total", "drawdown_percent")
    TIME_FIELD_NUMBER: _ClassVar[int]
    REALIZED_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    DRAWDOWN_PERCENT_FIELD_NUMBER: _ClassVar[int]
    time: _timestamp_pb2.Timestamp
    realized: str
    total: str
    drawdown_percent: str
    def __init__(self, time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., realized: _Optional[str] = ..., total: _Optional[str] = ..., drawdown_percent: _Optional[str] = ...) -> None: ...

class Statistics(_message.Message):
    __slots__ = ("trades", "win_rate", "average_win", "average_loss", "profit_factor", "sharpe", "sortino", "max_drawdown_percent", "current_drawdown_percent", "reward_risk", "ratio_basis", "best", "worst", "histogram", "heat_map", "exposures", "pool_used_percent", "locked_percent", "deployed_capital", "free_capital", "world", "currency", "percent_basis", "valuation_note", "realized")
    TRADES_FIELD_NUMBER: _ClassVar[int]
    WIN_RATE_FIELD_NUMBER: _ClassVar[int]
    AVERAGE_WIN_FIELD_NUMBER: _ClassVar[int]
    AVERAGE_LOSS_FIELD_NUMBER: _ClassVar[int]
    PROFIT_FACTOR_FIELD_NUMBER: _ClassVar[int]
    SHARPE_FIELD_NUMBER: _ClassVar[int]
    SORTINO_FIELD_NUMBER: _ClassVar[int]
    MAX_DRAWDOWN_PERCENT_FIELD_NUMBER: _ClassVar[int]
    CURRENT_DRAWDOWN_PERCENT_FIELD_NUMBER: _ClassVar[int]
    REWARD_RISK_FIELD_NUMBER: _ClassVar[int]
    RATIO_BASIS_FIELD_NUMBER: _ClassVar[int]
    BEST_FIELD_NUMBER: _ClassVar[int]
    WORST_FIELD_NUMBER: _ClassVar[int]
    HISTOGRAM_FIELD_NUMBER: _ClassVar[int]
    HEAT_MAP_FIELD_NUMBER: _ClassVar[int]
    EXPOSURES_FIELD_NUMBER: _ClassVar[int]
    POOL_USED_PERCENT_FIELD_NUMBER: _ClassVar[int]
    LOCKED_PERCENT_FIELD_NUMBER: _ClassVar[int]
    DEPLOYED_CAPITAL_FIELD_NUMBER: _ClassVar[int]
    FREE_CAPITAL_FIELD_NUMBER: _ClassVar[int]
    WORLD_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    PERCENT_BASIS_FIELD_NUMBER: _ClassVar[int]
    VALUATION_NOTE_FIELD_NUMBER: _ClassVar[int]
    REALIZED_FIELD_NUMBER: _ClassVar[int]
    trades: int
    win_rate: str
    average_win: str
    average_loss: str
    profit_factor: str
    sharpe: str
    sortino: str
    max_drawdown_percent: str
    current_drawdown_percent: str
    reward_risk: str
    ratio_basis: str
    best: _containers.RepeatedCompositeFieldContainer[TradeResult]
    worst: _containers.RepeatedCompositeFieldContainer[TradeResult]
    histogram: _containers.RepeatedCompositeFieldContainer[ReturnBucket]
    heat_map: _containers.RepeatedCompositeFieldContainer[HeatCell]
    exposures: _containers.RepeatedCompositeFieldContainer[SymbolExposure]
    pool_used_percent: str
    locked_percent: str
    deployed_capital: str
    free_capital: str
    world: _types_pb2.World
    currency: str
    percent_basis: str
    valuation_note: str
    realized: str
    def __init__(self, trades: _Optional[int] = ..., win_rate: _Optional[str] = ..., average_win: _Optional[str] = ..., average_loss: _Optional[str] = ..., profit_factor: _Optional[str] = ..., sharpe: _Optional[str] = ..., sortino: _Optional[str] = ..., max_drawdown_percent: _Optional[str] = ..., current_drawdown_percent: _Optional[str] = ..., reward_risk: _Optional[str] = ..., ratio_basis: _Optional[str] = ..., best: _Optional[_Iterable[_Union[TradeResult, _Mapping]]] = ..., worst: _Optional[_Iterable[_Union[TradeResult, _Mapping]]] = ..., histogram: _Optional[_Iterable[_Union[ReturnBucket, _Mapping]]] = ..., heat_map: _Optional[_Iterable[_Union[HeatCell, _Mapping]]] = ..., exposures: _Optional[_Iterable[_Union[SymbolExposure, _Mapping]]] = ..., pool_used_percent: _Optional[str] = ..., locked_percent: _Optional[str] = ..., deployed_capital: _Optional[str] = ..., free_capital: _Optional[str] = ..., world: _Optional[_Union[_types_pb2.World, str]] = ..., currency: _Optional[str] = ..., percent_basis: _Optional[str] = ..., valuation_note: _Optional[str] = ..., realized: _Optional[str] = ...) -> None: ...

class TradeResult(_message.Message):
    __slots__ = ("group_id", "symbol", "timeframe", "realized_pnl", "realized_pnl_percent", "close_time")
    GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    TIMEFRAME_FIELD_NUMBER: _ClassVar[int]
    REALIZED_PNL_FIELD_NUMBER: _ClassVar[int]
    REALIZED_PNL_PERCENT_FIELD_NUMBER: _ClassVar[int]
    CLOSE_TIME_FIELD_NUMBER: _ClassVar[int]
    group_id: str
    symbol: str
    timeframe: str
    realized_pnl: str
    realized_pnl_percent: str
    close_time: _timestamp_pb2.Timestamp
    def __init__(self, group_id: _Optional[str] = ..., symbol: _Optional[str] = ..., timeframe: _Optional[str] = ..., realized_pnl: _Optional[str] = ..., realized_pnl_percent: _Optional[str] = ..., close_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ReturnBucket(_message.Message):
    __slots__ = ("from_percent", "to_percent", "trades")
    FROM_PERCENT_FIELD_NUMBER: _ClassVar[int]
    TO_PERCENT_FIELD_NUMBER: _ClassVar[int]
    TRADES_FIELD_NUMBER: _ClassVar[int]
    from_percent: str
    to_percent: str
    trades: int
    def __init__(self, from_percent: _Optional[str] = ..., to_percent: _Optional[str] = ..., trades: _Optional[int] = ...) -> None: ...

class HeatCell(_message.Message):
    __slots__ = ("symbol", "timeframe", "realized_pnl", "trades")
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    TIMEFRAME_FIELD_NUMBER: _ClassVar[int]
    REALIZED_PNL_FIELD_NUMBER: _ClassVar[int]
    TRADES_FIELD_NUMBER: _ClassVar[int]
    symbol: str
    timeframe: str
    realized_pnl: str
    trades: int
    def __init__(self, symbol: _Optional[str] = ..., timeframe: _Optional[str] = ..., realized_pnl: _Optional[str] = ..., trades: _Optional[int] = ...) -> None: ...

class SymbolExposure(_message.Message):
    __slots__ = ("symbol", "exposure", "percent")
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    EXPOSURE_FIELD_NUMBER: _ClassVar[int]
    PERCENT_FIELD_NUMBER: _ClassVar[int]
    symbol: str
    exposure: str
    percent: str
    def __init__(self, symbol: _Optional[str] = ..., exposure: _Optional[str] = ..., percent: _Optional[str] = ...) -> None: ...

class DailySummary(_message.Message):
    __slots__ = ("date", "trades", "volume", "net_profit", "fees", "best_symbol", "worst_symbol", "world", "currency", "valuation_note", "period_basis")
    DATE_FIELD_NUMBER: _ClassVar[int]
    TRADES_FIELD_NUMBER: _ClassVar[int]
    VOLUME_FIELD_NUMBER: _ClassVar[int]
    NET_PROFIT_FIELD_NUMBER: _ClassVar[int]
    FEES_FIELD_NUMBER: _ClassVar[int]
    BEST_SYMBOL_FIELD_NUMBER: _ClassVar[int]
    WORST_SYMBOL_FIELD_NUMBER: _ClassVar[int]
    WORLD_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    VALUATION_NOTE_FIELD_NUMBER: _ClassVar[int]
    PERIOD_BASIS_FIELD_NUMBER: _ClassVar[int]
    date: str
    trades: int
    volume: str
    net_profit: str
    fees: str
    best_symbol: str
    worst_symbol: str
    world: _types_pb2.World
    currency: str
    valuation_note: str
    period_basis: str
    def __init__(self, date: _Optional[str] = ..., trades: _Optional[int] = ..., volume: _Optional[str] = ..., net_profit: _Optional[str] = ..., fees: _Optional[str] = ..., best_symbol: _Optional[str] = ..., worst_symbol: _Optional[str] = ..., world: _Optional[_Union[_types_pb2.World, str]] = ..., currency: _Optional[str] = ..., valuation_note: _Optional[str] = ..., period_basis: _Optional[str] = ...) -> None: ...

class GetProfitRequest(_message.Message):
    __slots__ = ("scope", "breakdown")
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    BREAKDOWN_FIELD_NUMBER: _ClassVar[int]
    scope: ReportScope
    breakdown: Breakdown
    def __init__(self, scope: _Optional[_Union[ReportScope, _Mapping]] = ..., breakdown: _Optional[_Union[Breakdown, str]] = ...) -> None: ...

class GetProfitResponse(_message.Message):
    __slots__ = ("profit",)
    PROFIT_FIELD_NUMBER: _ClassVar[int]
    profit: Profit
    def __init__(self, profit: _Optional[_Union[Profit, _Mapping]] = ...) -> None: ...

class GetEquityCurveRequest(_message.Message):
    __slots__ = ("scope", "max_points")
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    MAX_POINTS_FIELD_NUMBER: _ClassVar[int]
    scope: ReportScope
    max_points: int
    def __init__(self, scope: _Optional[_Union[ReportScope, _Mapping]] = ..., max_points: _Optional[int] = ...) -> None: ...

class GetEquityCurveResponse(_message.Message):
    __slots__ = ("points", "currency", "basis", "valuation_note")
    POINTS_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    BASIS_FIELD_NUMBER: _ClassVar[int]
    VALUATION_NOTE_FIELD_NUMBER: _ClassVar[int]
    points: _containers.RepeatedCompositeFieldContainer[EquityPoint]
    currency: str
    basis: str
    valuation_note: str
    def __init__(self, points: _Optional[_Iterable[_Union[EquityPoint, _Mapping]]] = ..., currency: _Optional[str] = ..., basis: _Optional[str] = ..., valuation_note: _Optional[str] = ...) -> None: ...

class GetStatisticsRequest(_message.Message):
    __slots__ = ("scope",)
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    scope: ReportScope
    def __init__(self, scope: _Optional[_Union[ReportScope, _Mapping]] = ...) -> None: ...

class GetStatisticsResponse(_message.Message):
    __slots__ = ("statistics",)
    STATISTICS_FIELD_NUMBER: _ClassVar[int]
    statistics: Statistics
    def __init__(self, statistics: _Optional[_Union[Statistics, _Mapping]] = ...) -> None: ...

class GetDailySummaryRequest(_message.Message):
    __slots__ = ("world", "date")
    WORLD_FIELD_NUMBER: _ClassVar[int]
    DATE_FIELD_NUMBER: _ClassVar[int]
    world: _types_pb2.World
    date: str
    def __init__(self, world: _Optional[_Union[_types_pb2.World, str]] = ..., date: _Optional[str] = ...) -> None: ...

class GetDailySummaryResponse(_message.Message):
    __slots__ = ("summary",)
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    summary: DailySummary
    def __init__(self, summary: _Optional[_Union[DailySummary, _Mapping]] = ...) -> None: ...

class ExportTradesRequest(_message.Message):
    __slots__ = ("scope", "format", "page_size", "page_token")
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    scope: ReportScope
    format: ExportFormat
    page_size: int
    page_token: str
    def __init__(self, scope: _Optional[_Union[ReportScope, _Mapping]] = ..., format: _Optional[_Union[ExportFormat, str]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ExportTradesResponse(_message.Message):
    __slots__ = ("content", "content_type", "next_page_token")
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    CONTENT_TYPE_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    content: bytes
    content_type: str
    next_page_token: str
    def __init__(self, content: _Optional[bytes] = ..., content_type: _Optional[str] = ..., next_page_token: _Optional[str] = ...) -> None: ...
