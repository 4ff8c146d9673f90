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

class DriftKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DRIFT_KIND_UNSPECIFIED: _ClassVar[DriftKind]
    DRIFT_KIND_UNKNOWN_ORDER: _ClassVar[DriftKind]
    DRIFT_KIND_UNCOVERED: _ClassVar[DriftKind]
    DRIFT_KIND_UNPROTECTED: _ClassVar[DriftKind]

class DriftResolution(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DRIFT_RESOLUTION_UNSPECIFIED: _ClassVar[DriftResolution]
    DRIFT_RESOLUTION_ADOPT: _ClassVar[DriftResolution]
    DRIFT_RESOLUTION_IGNORE: _ClassVar[DriftResolution]
    DRIFT_RESOLUTION_FLATTEN: _ClassVar[DriftResolution]

class MarginMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MARGIN_MODE_UNSPECIFIED: _ClassVar[MarginMode]
    MARGIN_MODE_ISOLATED: _ClassVar[MarginMode]
    MARGIN_MODE_CROSS: _ClassVar[MarginMode]

class PositionMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    POSITION_MODE_UNSPECIFIED: _ClassVar[PositionMode]
    POSITION_MODE_ONE_WAY: _ClassVar[PositionMode]
    POSITION_MODE_HEDGE: _ClassVar[PositionMode]

class CircuitState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CIRCUIT_STATE_UNSPECIFIED: _ClassVar[CircuitState]
    CIRCUIT_STATE_CLOSED: _ClassVar[CircuitState]
    CIRCUIT_STATE_OPEN: _ClassVar[CircuitState]
    CIRCUIT_STATE_HALF_OPEN: _ClassVar[CircuitState]
DRIFT_KIND_UNSPECIFIED: DriftKind
DRIFT_KIND_UNKNOWN_ORDER: DriftKind
DRIFT_KIND_UNCOVERED: DriftKind
DRIFT_KIND_UNPROTECTED: DriftKind
DRIFT_RESOLUTION_UNSPECIFIED: DriftResolution
DRIFT_RESOLUTION_ADOPT: DriftResolution
DRIFT_RESOLUTION_IGNORE: DriftResolution
DRIFT_RESOLUTION_FLATTEN: DriftResolution
MARGIN_MODE_UNSPECIFIED: MarginMode
MARGIN_MODE_ISOLATED: MarginMode
MARGIN_MODE_CROSS: MarginMode
POSITION_MODE_UNSPECIFIED: PositionMode
POSITION_MODE_ONE_WAY: PositionMode
POSITION_MODE_HEDGE: PositionMode
CIRCUIT_STATE_UNSPECIFIED: CircuitState
CIRCUIT_STATE_CLOSED: CircuitState
CIRCUIT_STATE_OPEN: CircuitState
CIRCUIT_STATE_HALF_OPEN: CircuitState

class Account(_message.Message):
    __slots__ = ("account", "exchange", "market", "state", "equity", "balances", "positions", "world", "state_reason", "equity_currency", "live_groups", "max_open_groups", "reservations", "drift_count", "reconcile_time", "instruments_time", "paper_prices", "leverage", "margin_mode", "position_mode", "connection")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    EXCHANGE_FIELD_NUMBER: _ClassVar[int]
    MARKET_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    EQUITY_FIELD_NUMBER: _ClassVar[int]
    BALANCES_FIELD_NUMBER: _ClassVar[int]
    POSITIONS_FIELD_NUMBER: _ClassVar[int]
    WORLD_FIELD_NUMBER: _ClassVar[int]
    STATE_REASON_FIELD_NUMBER: _ClassVar[int]
    EQUITY_CURRENCY_FIELD_NUMBER: _ClassVar[int]
    LIVE_GROUPS_FIELD_NUMBER: _ClassVar[int]
    MAX_OPEN_GROUPS_FIELD_NUMBER: _ClassVar[int]
    RESERVATIONS_FIELD_NUMBER: _ClassVar[int]
    DRIFT_COUNT_FIELD_NUMBER: _ClassVar[int]
    RECONCILE_TIME_FIELD_NUMBER: _ClassVar[int]
    INSTRUMENTS_TIME_FIELD_NUMBER: _ClassVar[int]
    PAPER_PRICES_FIELD_NUMBER: _ClassVar[int]
    LEVERAGE_FIELD_NUMBER: _ClassVar[int]
    MARGIN_MODE_FIELD_NUMBER: _ClassVar[int]
    POSITION_MODE_FIELD_NUMBER: _ClassVar[int]
    CONNECTION_FIELD_NUMBER: _ClassVar[int]
    account: str
    exchange: str
    market: _types_pb2.Market
    state: _types_pb2.AccountState
    equity: str
    balances: _containers.RepeatedCompositeFieldContainer[Balance]
    positions: _containers.RepeatedCompositeFieldContainer[Position]
    world: _types_pb2.World
    state_reason: str
    equity_currency: str
    live_groups: int
    max_open_groups: int
    reservations: _containers.RepeatedCompositeFieldContainer[Reservation]
    drift_count: int
    reconcile_time: _timestamp_pb2.Timestamp
    instruments_time: _timestamp_pb2.Timestamp
    paper_prices: str
    leverage: int
    margin_mode: MarginMode
    position_mode: PositionMode
    connection: Connection
    def __init__(self, account: _Optional[str] = ..., exchange: _Optional[str] = ..., market: _Optional[_Union[_types_pb2.Market, str]] = ..., state: _Optional[_Union[_types_pb2.AccountState, str]] = ..., equity: _Optional[str] = ..., balances: _Optional[_Iterable[_Union[Balance, _Mapping]]] = ..., positions: _Optional[_Iterable[_Union[Position, _Mapping]]] = ..., world: _Optional[_Union[_types_pb2.World, str]] = ..., state_reason: _Optional[str] = ..., equity_currency: _Optional[str] = ..., live_groups: _Optional[int] = ..., max_open_groups: _Optional[int] = ..., reservations: _Optional[_Iterable[_Union[Reservation, _Mapping]]] = ..., drift_count: _Optional[int] = ..., reconcile_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., instruments_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., paper_prices: _Optional[str] = ..., leverage: _Optional[int] = ..., margin_mode: _Optional[_Union[MarginMode, str]] = ..., position_mode: _Optional[_Union[PositionMode, str]] = ..., connection: _Optional[_Union[Connection, _Mapping]] = ...) -> None: ...

class Connection(_message.Message):
    __slots__ = ("streams", "circuit", "retry_time", "rate_windows", "ban_expire_time", "clock_offset_ms", "open_orders", "waiting_requests", "unknown_orders", "may_withdraw")
    STREAMS_FIELD_NUMBER: _ClassVar[int]
    CIRCUIT_FIELD_NUMBER: _ClassVar[int]
    RETRY_TIME_FIELD_NUMBER: _ClassVar[int]
    RATE_WINDOWS_FIELD_NUMBER: _ClassVar[int]
    BAN_EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    CLOCK_OFFSET_MS_FIELD_NUMBER: _ClassVar[int]
    OPEN_ORDERS_FIELD_NUMBER: _ClassVar[int]
    WAITING_REQUESTS_FIELD_NUMBER: _ClassVar[int]
    UNKNOWN_ORDERS_FIELD_NUMBER: _ClassVar[int]
    MAY_WITHDRAW_FIELD_NUMBER: _ClassVar[int]
    streams: _containers.RepeatedCompositeFieldContainer[Stream]
    circuit: CircuitState
    retry_time: _timestamp_pb2.Timestamp
    rate_windows: _containers.RepeatedCompositeFieldContainer[RateWindow]
    ban_expire_time: _timestamp_pb2.Timestamp
    clock_offset_ms: int
    open_orders: int
    waiting_requests: int
    unknown_orders: int
    may_withdraw: bool
    def __init__(self, streams: _Optional[_Iterable[_Union[Stream, _Mapping]]] = ..., circuit: _Optional[_Union[CircuitState, str]] = ..., retry_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., rate_windows: _Optional[_Iterable[_Union[RateWindow, _Mapping]]] = ..., ban_expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., clock_offset_ms: _Optional[int] = ..., open_orders: _Optional[int] = ..., waiting_requests: _Optional[int] = ..., unknown_orders: _Optional[int] = ..., may_withdraw: _Optional[bool] = ...) -> None: ...

class Stream(_message.Message):
    __slots__ = ("name", "up", "message", "since_time")
    NAME_FIELD_NUMBER: _ClassVar[int]
    UP_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    SINCE_TIME_FIELD_NUMBER: _ClassVar[int]
    name: str
    up: bool
    message: str
    since_time: _timestamp_pb2.Timestamp
    def __init__(self, name: _Optional[str] = ..., up: _Optional[bool] = ..., message: _Optional[str] = ..., since_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class RateWindow(_message.Message):
    __slots__ = ("name", "used", "limit")
    NAME_FIELD_NUMBER: _ClassVar[int]
    USED_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    name: str
    used: int
    limit: int
    def __init__(self, name: _Optional[str] = ..., used: _Optional[int] = ..., limit: _Optional[int] = ...) -> None: ...

class Balance(_message.Message):
    __slots__ = ("asset", "free", "locked", "total")
    ASSET_FIELD_NUMBER: _ClassVar[int]
    FREE_FIELD_NUMBER: _ClassVar[int]
    LOCKED_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    asset: str
    free: str
    locked: str
    total: str
    def __init__(self, asset: _Optional[str] = ..., free: _Optional[str] = ..., locked: _Optional[str] = ..., total: _Optional[str] = ...) -> None: ...

class Reservation(_message.Message):
    __slots__ = ("asset", "amount")
    ASSET_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    asset: str
    amount: str
    def __init__(self, asset: _Optional[str] = ..., amount: _Optional[str] = ...) -> None: ...

class Position(_message.Message):
    __slots__ = ("symbol", "side", "quantity", "average_entry", "mark_price", "unrealized_pnl", "liquidation_price", "liquidation_distance_percent")
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    SIDE_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    AVERAGE_ENTRY_FIELD_NUMBER: _ClassVar[int]
    MARK_PRICE_FIELD_NUMBER: _ClassVar[int]
    UNREALIZED_PNL_FIELD_NUMBER: _ClassVar[int]
    LIQUIDATION_PRICE_FIELD_NUMBER: _ClassVar[int]
    LIQUIDATION_DISTANCE_PERCENT_FIELD_NUMBER: _ClassVar[int]
    symbol: str
    side: _types_pb2.Side
    quantity: str
    average_entry: str
    mark_price: str
    unrealized_pnl: str
    liquidation_price: str
    liquidation_distance_percent: str
    def __init__(self, symbol: _Optional[str] = ..., side: _Optional[_Union[_types_pb2.Side, str]] = ..., quantity: _Optional[str] = ..., average_entry: _Optional[str] = ..., mark_price: _Optional[str] = ..., unrealized_pnl: _Optional[str] = ..., liquidation_price: _Optional[str] = ..., liquidation_distance_percent: _Optional[str] = ...) -> None: ...

class Instrument(_message.Message):
    __slots__ = ("symbol", "tick_size", "step_size", "min_quantity", "min_notional", "contract_size", "active", "base", "quote", "max_quantity", "market_min_quantity", "market_max_quantity", "market_step_size", "price_band_low", "price_band_high", "max_open_orders", "exchange_symbol", "fetch_time")
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    TICK_SIZE_FIELD_NUMBER: _ClassVar[int]
    STEP_SIZE_FIELD_NUMBER: _ClassVar[int]
    MIN_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    MIN_NOTIONAL_FIELD_NUMBER: _ClassVar[int]
    CONTRACT_SIZE_FIELD_NUMBER: _ClassVar[int]
    ACTIVE_FIELD_NUMBER: _ClassVar[int]
    BASE_FIELD_NUMBER: _ClassVar[int]
    QUOTE_FIELD_NUMBER: _ClassVar[int]
    MAX_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    MARKET_MIN_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    MARKET_MAX_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    MARKET_STEP_SIZE_FIELD_NUMBER: _ClassVar[int]
    PRICE_BAND_LOW_FIELD_NUMBER: _ClassVar[int]
    PRICE_BAND_HIGH_FIELD_NUMBER: _ClassVar[int]
    MAX_OPEN_ORDERS_FIELD_NUMBER: _ClassVar[int]
    EXCHANGE_SYMBOL_FIELD_NUMBER: _ClassVar[int]
    FETCH_TIME_FIELD_NUMBER: _ClassVar[int]
    symbol: str
    tick_size: str
    step_size: str
    min_quantity: str
    min_notional: str
    contract_size: str
    active: bool
    base: str
    quote: str
    max_quantity: str
    market_min_quantity: str
    market_max_quantity: str
    market_step_size: str
    price_band_low: str
    price_band_high: str
    max_open_orders: int
    exchange_symbol: str
    fetch_time: _timestamp_pb2.Timestamp
    def __init__(self, symbol: _Optional[str] = ..., tick_size: _Optional[str] = ..., step_size: _Optional[str] = ..., min_quantity: _Optional[str] = ..., min_notional: _Optional[str] = ..., contract_size: _Optional[str] = ..., active: _Optional[bool] = ..., base: _Optional[str] = ..., quote: _Optional[str] = ..., max_quantity: _Optional[str] = ..., market_min_quantity: _Optional[str] = ..., market_max_quantity: _Optional[str] = ..., market_step_size: _Optional[str] = ..., price_band_low: _Optional[str] = ..., price_band_high: _Optional[str] = ..., max_open_orders: _Optional[int] = ..., exchange_symbol: _Optional[str] = ..., fetch_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class AccountCheck(_message.Message):
    __slots__ = ("name", "passed", "message")
    NAME_FIELD_NUMBER: _ClassVar[int]
    PASSED_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    name: str
    passed: bool
    message: str
    def __init__(self, name: _Optional[str] = ..., passed: _Optional[bool] = ..., message: _Optional[str] = ...) -> None: ...

class Drift(_message.Message):
    __slots__ = ("drift_id", "account", "symbol", "kind", "group_id", "client_order_id", "expected", "actual", "message", "create_time", "resolution", "resolve_time")
    DRIFT_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    CLIENT_ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_FIELD_NUMBER: _ClassVar[int]
    ACTUAL_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    RESOLUTION_FIELD_NUMBER: _ClassVar[int]
    RESOLVE_TIME_FIELD_NUMBER: _ClassVar[int]
    drift_id: str
    account: str
    symbol: str
    kind: DriftKind
    group_id: str
    client_order_id: str
    expected: str
    actual: str
    message: str
    create_time: _timestamp_pb2.Timestamp
    resolution: DriftResolution
    resolve_time: _timestamp_pb2.Timestamp
    def __init__(self, drift_id: _Optional[str] = ..., account: _Optional[str] = ..., symbol: _Optional[str] = ..., kind: _Optional[_Union[DriftKind, str]] = ..., group_id: _Optional[str] = ..., client_order_id: _Optional[str] = ..., expected: _Optional[str] = ..., actual: _Optional[str] = ..., message: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., resolution: _Optional[_Union[DriftResolution, str]] = ..., resolve_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListAccountsRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "world")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    WORLD_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    world: _types_pb2.World
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., world: _Optional[_Union[_types_pb2.World, str]] = ...) -> None: ...

class ListAccountsResponse(_message.Message):
    __slots__ = ("accounts", "next_page_token")
    ACCOUNTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    accounts: _containers.RepeatedCompositeFieldContainer[Account]
    next_page_token: str
    def __init__(self, accounts: _Optional[_Iterable[_Union[Account, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class GetAccountRequest(_message.Message):
    __slots__ = ("account",)
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    account: str
    def __init__(self, account: _Optional[str] = ...) -> None: ...

class GetAccountResponse(_message.Message):
    __slots__ = ("account",)
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    account: Account
    def __init__(self, account: _Optional[_Union[Account, _Mapping]] = ...) -> None: ...

class ListInstrumentsRequest(_message.Message):
    __slots__ = ("account", "page_size", "page_token", "symbols", "active_only")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    SYMBOLS_FIELD_NUMBER: _ClassVar[int]
    ACTIVE_ONLY_FIELD_NUMBER: _ClassVar[int]
    account: str
    page_size: int
    page_token: str
    symbols: _containers.RepeatedScalarFieldContainer[str]
    active_only: bool
    def __init__(self, account: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., symbols: _Optional[_Iterable[str]] = ..., active_only: _Optional[bool] = ...) -> None: ...

class ListInstrumentsResponse(_message.Message):
    __slots__ = ("instruments", "next_page_token")
    INSTRUMENTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    instruments: _containers.RepeatedCompositeFieldContainer[Instrument]
    next_page_token: str
    def __init__(self, instruments: _Optional[_Iterable[_Union[Instrument, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class RefreshInstrumentsRequest(_message.Message):
    __slots__ = ("account",)
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    account: str
    def __init__(self, account: _Optional[str] = ...) -> None: ...

class RefreshInstrumentsResponse(_message.Message):
    __slots__ = ("instrument_count", "changed_symbols", "fetch_time")
    INSTRUMENT_COUNT_FIELD_NUMBER: _ClassVar[int]
    CHANGED_SYMBOLS_FIELD_NUMBER: _ClassVar[int]
    FETCH_TIME_FIELD_NUMBER: _ClassVar[int]
    instrument_count: int
    changed_symbols: _containers.RepeatedScalarFieldContainer[str]
    fetch_time: _timestamp_pb2.Timestamp
    def __init__(self, instrument_count: _Optional[int] = ..., changed_symbols: _Optional[_Iterable[str]] = ..., fetch_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class CheckAccountRequest(_message.Message):
    __slots__ = ("account",)
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    account: str
    def __init__(self, account: _Optional[str] = ...) -> None: ...

class CheckAccountResponse(_message.Message):
    __slots__ = ("passed", "checks")
    PASSED_FIELD_NUMBER: _ClassVar[int]
    CHECKS_FIELD_NUMBER: _ClassVar[int]
    passed: bool
    checks: _containers.RepeatedCompositeFieldContainer[AccountCheck]
    def __init__(self, passed: _Optional[bool] = ..., checks: _Optional[_Iterable[_Union[AccountCheck, _Mapping]]] = ...) -> None: ...

class ListDriftRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "account", "include_resolved")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_RESOLVED_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    account: str
    include_resolved: bool
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., account: _Optional[str] = ..., include_resolved: _Optional[bool] = ...) -> None: ...

class ListDriftResponse(_message.Message):
    __slots__ = ("drifts", "next_page_token")
    DRIFTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    drifts: _containers.RepeatedCompositeFieldContainer[Drift]
    next_page_token: str
    def __init__(self, drifts: _Optional[_Iterable[_Union[Drift, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ResolveDriftRequest(_message.Message):
    __slots__ = ("drift_id", "resolution", "group_id", "request_id", "validate_only")
    DRIFT_ID_FIELD_NUMBER: _ClassVar[int]
    RESOLUTION_FIELD_NUMBER: _ClassVar[int]
    GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    drift_id: str
    resolution: DriftResolution
    group_id: str
    request_id: str
    validate_only: bool
    def __init__(self, drift_id: _Optional[str] = ..., resolution: _Optional[_Union[DriftResolution, str]] = ..., group_id: _Optional[str] = ..., request_id: _Optional[str] = ..., validate_only: _Optional[bool] = ...) -> None: ...

class ResolveDriftResponse(_message.Message):
    __slots__ = ("drift",)
    DRIFT_FIELD_NUMBER: _ClassVar[int]
    drift: Drift
    def __init__(self, drift: _Optional[_Union[Drift, _Mapping]] = ...) -> None: ...

class SetPaperPriceRequest(_message.Message):
    __slots__ = ("account", "symbol", "price", "request_id")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    account: str
    symbol: str
    price: str
    request_id: str
    def __init__(self, account: _Optional[str] = ..., symbol: _Optional[str] = ..., price: _Optional[str] = ..., request_id: _Optional[str] = ...) -> None: ...

class SetPaperPriceResponse(_message.Message):
    __slots__ = ("price",)
    PRICE_FIELD_NUMBER: _ClassVar[int]
    price: PaperPrice
    def __init__(self, price: _Optional[_Union[PaperPrice, _Mapping]] = ...) -> None: ...

class PaperPrice(_message.Message):
    __slots__ = ("account", "symbol", "price", "bid", "ask", "time")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    BID_FIELD_NUMBER: _ClassVar[int]
    ASK_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    account: str
    symbol: str
    price: str
    bid: str
    ask: str
    time: _timestamp_pb2.Timestamp
    def __init__(self, account: _Optional[str] = ..., symbol: _Optional[str] = ..., price: _Optional[str] = ..., bid: _Optional[str] = ..., ask: _Optional[str] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
