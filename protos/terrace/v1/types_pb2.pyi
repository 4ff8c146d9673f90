from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from typing import ClassVar as _ClassVar

DESCRIPTOR: _descriptor.FileDescriptor

class Outcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OUTCOME_UNSPECIFIED: _ClassVar[Outcome]
    OUTCOME_OPENED: _ClassVar[Outcome]
    OUTCOME_PYRAMIDED: _ClassVar[Outcome]
    OUTCOME_QUEUED: _ClassVar[Outcome]
    OUTCOME_REPLACED: _ClassVar[Outcome]
    OUTCOME_EXITED: _ClassVar[Outcome]
    OUTCOME_REDUCED: _ClassVar[Outcome]
    OUTCOME_REVERSED: _ClassVar[Outcome]
    OUTCOME_DEQUEUED: _ClassVar[Outcome]
    OUTCOME_DUPLICATE: _ClassVar[Outcome]
    OUTCOME_IGNORED: _ClassVar[Outcome]
    OUTCOME_REJECTED: _ClassVar[Outcome]
    OUTCOME_SUPERSEDED: _ClassVar[Outcome]
    OUTCOME_EXPIRED: _ClassVar[Outcome]
    OUTCOME_EVICTED: _ClassVar[Outcome]
    OUTCOME_REMOVED: _ClassVar[Outcome]

class Intent(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    INTENT_UNSPECIFIED: _ClassVar[Intent]
    INTENT_ENTRY: _ClassVar[Intent]
    INTENT_EXIT: _ClassVar[Intent]
    INTENT_REDUCE: _ClassVar[Intent]
    INTENT_REVERSE: _ClassVar[Intent]
    INTENT_IGNORE: _ClassVar[Intent]

class Side(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SIDE_UNSPECIFIED: _ClassVar[Side]
    SIDE_LONG: _ClassVar[Side]
    SIDE_SHORT: _ClassVar[Side]

class OrderSide(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ORDER_SIDE_UNSPECIFIED: _ClassVar[OrderSide]
    ORDER_SIDE_BUY: _ClassVar[OrderSide]
    ORDER_SIDE_SELL: _ClassVar[OrderSide]

class World(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    WORLD_UNSPECIFIED: _ClassVar[World]
    WORLD_PAPER: _ClassVar[World]
    WORLD_TESTNET: _ClassVar[World]
    WORLD_LIVE: _ClassVar[World]

class Market(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MARKET_UNSPECIFIED: _ClassVar[Market]
    MARKET_SPOT: _ClassVar[Market]
    MARKET_SWAP: _ClassVar[Market]

class GroupState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    GROUP_STATE_UNSPECIFIED: _ClassVar[GroupState]
    GROUP_STATE_LIVE: _ClassVar[GroupState]
    GROUP_STATE_PARTIALLY_FILLED: _ClassVar[GroupState]
    GROUP_STATE_ACTIVE: _ClassVar[GroupState]
    GROUP_STATE_CLOSING: _ClassVar[GroupState]
    GROUP_STATE_CLOSED: _ClassVar[GroupState]

class LegState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LEG_STATE_UNSPECIFIED: _ClassVar[LegState]
    LEG_STATE_PENDING: _ClassVar[LegState]
    LEG_STATE_OPEN: _ClassVar[LegState]
    LEG_STATE_PARTIALLY_FILLED: _ClassVar[LegState]
    LEG_STATE_FILLED: _ClassVar[LegState]
    LEG_STATE_TP_HIT: _ClassVar[LegState]
    LEG_STATE_CANCELLED: _ClassVar[LegState]
    LEG_STATE_REJECTED: _ClassVar[LegState]
    LEG_STATE_CLOSED: _ClassVar[LegState]

class OrderState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ORDER_STATE_UNSPECIFIED: _ClassVar[OrderState]
    ORDER_STATE_PENDING: _ClassVar[OrderState]
    ORDER_STATE_OPEN: _ClassVar[OrderState]
    ORDER_STATE_PARTIALLY_FILLED: _ClassVar[OrderState]
    ORDER_STATE_FILLED: _ClassVar[OrderState]
    ORDER_STATE_CANCELLED: _ClassVar[OrderState]
    ORDER_STATE_REJECTED: _ClassVar[OrderState]
    ORDER_STATE_EXPIRED: _ClassVar[OrderState]

class OrderRole(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ORDER_ROLE_UNSPECIFIED: _ClassVar[OrderRole]
    ORDER_ROLE_ENTRY: _ClassVar[OrderRole]
    ORDER_ROLE_TAKE_PROFIT: _ClassVar[OrderRole]
    ORDER_ROLE_STOP: _ClassVar[OrderRole]
    ORDER_ROLE_CLOSE: _ClassVar[OrderRole]

class OrderType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ORDER_TYPE_UNSPECIFIED: _ClassVar[OrderType]
    ORDER_TYPE_LIMIT: _ClassVar[OrderType]
    ORDER_TYPE_MARKET: _ClassVar[OrderType]
    ORDER_TYPE_STOP_MARKET: _ClassVar[OrderType]
    ORDER_TYPE_STOP_LIMIT: _ClassVar[OrderType]

class TimeInForce(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TIME_IN_FORCE_UNSPECIFIED: _ClassVar[TimeInForce]
    TIME_IN_FORCE_GOOD_TILL_CANCEL: _ClassVar[TimeInForce]
    TIME_IN_FORCE_IMMEDIATE_OR_CANCEL: _ClassVar[TimeInForce]
    TIME_IN_FORCE_POST_ONLY: _ClassVar[TimeInForce]

class TakeProfitMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TAKE_PROFIT_MODE_UNSPECIFIED: _ClassVar[TakeProfitMode]
    TAKE_PROFIT_MODE_PER_LEG: _ClassVar[TakeProfitMode]
    TAKE_PROFIT_MODE_AGGREGATE: _ClassVar[TakeProfitMode]
    TAKE_PROFIT_MODE_HYBRID: _ClassVar[TakeProfitMode]
    TAKE_PROFIT_MODE_PYRAMID_AGGREGATE: _ClassVar[TakeProfitMode]

class EngineState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ENGINE_STATE_UNSPECIFIED: _ClassVar[EngineState]
    ENGINE_STATE_RUNNING: _ClassVar[EngineState]
    ENGINE_STATE_PAUSED: _ClassVar[EngineState]
    ENGINE_STATE_RECOVERING: _ClassVar[EngineState]
    ENGINE_STATE_DEGRADED: _ClassVar[EngineState]

class LimitState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LIMIT_STATE_UNSPECIFIED: _ClassVar[LimitState]
    LIMIT_STATE_NONE: _ClassVar[LimitState]
    LIMIT_STATE_NO_NEW_GROUPS: _ClassVar[LimitState]
    LIMIT_STATE_NO_NEW_ENTRIES: _ClassVar[LimitState]
    LIMIT_STATE_REDUCE_ONLY: _ClassVar[LimitState]
    LIMIT_STATE_CLOSE_ALL: _ClassVar[LimitState]

class RiskState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RISK_STATE_UNSPECIFIED: _ClassVar[RiskState]
    RISK_STATE_DISABLED: _ClassVar[RiskState]
    RISK_STATE_IDLE: _ClassVar[RiskState]
    RISK_STATE_OFFSETTING: _ClassVar[RiskState]
    RISK_STATE_HELD: _ClassVar[RiskState]

class PartState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PART_STATE_UNSPECIFIED: _ClassVar[PartState]
    PART_STATE_RUNNING: _ClassVar[PartState]
    PART_STATE_ENDING: _ClassVar[PartState]
    PART_STATE_WAITING: _ClassVar[PartState]
    PART_STATE_DOWN: _ClassVar[PartState]

class AccountState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ACCOUNT_STATE_UNSPECIFIED: _ClassVar[AccountState]
    ACCOUNT_STATE_RECONCILING: _ClassVar[AccountState]
    ACCOUNT_STATE_READY: _ClassVar[AccountState]
    ACCOUNT_STATE_PAUSED: _ClassVar[AccountState]
    ACCOUNT_STATE_DISCONNECTED: _ClassVar[AccountState]
    ACCOUNT_STATE_CIRCUIT_OPEN: _ClassVar[AccountState]
    ACCOUNT_STATE_DEGRADED: _ClassVar[AccountState]

class AlertState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ALERT_STATE_UNSPECIFIED: _ClassVar[AlertState]
    ALERT_STATE_ACTIVE: _ClassVar[AlertState]
    ALERT_STATE_ACKNOWLEDGED: _ClassVar[AlertState]
    ALERT_STATE_RESOLVED: _ClassVar[AlertState]

class NotificationState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    NOTIFICATION_STATE_UNSPECIFIED: _ClassVar[NotificationState]
    NOTIFICATION_STATE_PENDING: _ClassVar[NotificationState]
    NOTIFICATION_STATE_SENT: _ClassVar[NotificationState]
    NOTIFICATION_STATE_FAILED: _ClassVar[NotificationState]
    NOTIFICATION_STATE_SUPPRESSED: _ClassVar[NotificationState]

class Severity(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SEVERITY_UNSPECIFIED: _ClassVar[Severity]
    SEVERITY_DEBUG: _ClassVar[Severity]
    SEVERITY_INFO: _ClassVar[Severity]
    SEVERITY_WARNING: _ClassVar[Severity]
    SEVERITY_ERROR: _ClassVar[Severity]
    SEVERITY_CRITICAL: _ClassVar[Severity]

class Category(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CATEGORY_UNSPECIFIED: _ClassVar[Category]
    CATEGORY_ENGINE: _ClassVar[Category]
    CATEGORY_SIGNAL: _ClassVar[Category]
    CATEGORY_PRECISION: _ClassVar[Category]
    CATEGORY_ORDER: _ClassVar[Category]
    CATEGORY_RISK: _ClassVar[Category]
    CATEGORY_EXCHANGE: _ClassVar[Category]
    CATEGORY_CONFIG: _ClassVar[Category]
    CATEGORY_SECURITY: _ClassVar[Category]
    CATEGORY_SYSTEM: _ClassVar[Category]
OUTCOME_UNSPECIFIED: Outcome
OUTCOME_OPENED: Outcome
OUTCOME_PYRAMIDED: Outcome
OUTCOME_QUEUED: Outcome
OUTCOME_REPLACED: Outcome
OUTCOME_EXITED: Outcome
OUTCOME_REDUCED: Outcome
OUTCOME_REVERSED: Outcome
OUTCOME_DEQUEUED: Outcome
OUTCOME_DUPLICATE: Outcome
OUTCOME_IGNORED: Outcome
OUTCOME_REJECTED: Outcome
OUTCOME_SUPERSEDED: Outcome
OUTCOME_EXPIRED: Outcome
OUTCOME_EVICTED: Outcome
OUTCOME_REMOVED: Outcome
INTENT_UNSPECIFIED: Intent
INTENT_ENTRY: Intent
INTENT_EXIT: Intent
INTENT_REDUCE: Intent
INTENT_REVERSE: Intent
INTENT_IGNORE: Intent
SIDE_UNSPECIFIED: Side
SIDE_LONG: Side
SIDE_SHORT: Side
ORDER_SIDE_UNSPECIFIED: OrderSide
ORDER_SIDE_BUY: OrderSide
ORDER_SIDE_SELL: OrderSide
WORLD_UNSPECIFIED: World
WORLD_PAPER: World
WORLD_TESTNET: World
WORLD_LIVE: World
MARKET_UNSPECIFIED: Market
MARKET_SPOT: Market
MARKET_SWAP: Market
GROUP_STATE_UNSPECIFIED: GroupState
GROUP_STATE_LIVE: GroupState
GROUP_STATE_PARTIALLY_FILLED: GroupState
GROUP_STATE_ACTIVE: GroupState
GROUP_STATE_CLOSING: GroupState
GROUP_STATE_CLOSED: GroupState
LEG_STATE_UNSPECIFIED: LegState
LEG_STATE_PENDING: LegState
LEG_STATE_OPEN: LegState
LEG_STATE_PARTIALLY_FILLED: LegState
LEG_STATE_FILLED: LegState
LEG_STATE_TP_HIT: LegState
LEG_STATE_CANCELLED: LegState
LEG_STATE_REJECTED: LegState
LEG_STATE_CLOSED: LegState
ORDER_STATE_UNSPECIFIED: OrderState
ORDER_STATE_PENDING: OrderState
ORDER_STATE_OPEN: OrderState
ORDER_STATE_PARTIALLY_FILLED: OrderState
ORDER_STATE_FILLED: OrderState
ORDER_STATE_CANCELLED: OrderState
ORDER_STATE_REJECTED: OrderState
ORDER_STATE_EXPIRED: OrderState
ORDER_ROLE_UNSPECIFIED: OrderRole
ORDER_ROLE_ENTRY: OrderRole
ORDER_ROLE_TAKE_PROFIT: OrderRole
ORDER_ROLE_STOP: OrderRole
ORDER_ROLE_CLOSE: OrderRole
ORDER_TYPE_UNSPECIFIED: OrderType
ORDER_TYPE_LIMIT: OrderType
ORDER_TYPE_MARKET: OrderType
ORDER_TYPE_STOP_MARKET: OrderType
ORDER_TYPE_STOP_LIMIT: OrderType
TIME_IN_FORCE_UNSPECIFIED: TimeInForce
TIME_IN_FORCE_GOOD_TILL_CANCEL: TimeInForce
TIME_IN_FORCE_IMMEDIATE_OR_CANCEL: TimeInForce
TIME_IN_FORCE_POST_ONLY: TimeInForce
TAKE_PROFIT_MODE_UNSPECIFIED: TakeProfitMode
TAKE_PROFIT_MODE_PER_LEG: TakeProfitMode
TAKE_PROFIT_MODE_AGGREGATE: TakeProfitMode
TAKE_PROFIT_MODE_HYBRID: TakeProfitMode
TAKE_PROFIT_MODE_PYRAMID_AGGREGATE: TakeProfitMode
ENGINE_STATE_UNSPECIFIED: EngineState
ENGINE_STATE_RUNNING: EngineState
ENGINE_STATE_PAUSED: EngineState
ENGINE_STATE_RECOVERING: EngineState
ENGINE_STATE_DEGRADED: EngineState
LIMIT_STATE_UNSPECIFIED: LimitState
LIMIT_STATE_NONE: LimitState
LIMIT_STATE_NO_NEW_GROUPS: LimitState
LIMIT_STATE_NO_NEW_ENTRIES: LimitState
LIMIT_STATE_REDUCE_ONLY: LimitState
LIMIT_STATE_CLOSE_ALL: LimitState
RISK_STATE_UNSPECIFIED: RiskState
RISK_STATE_DISABLED: RiskState
RISK_STATE_IDLE: RiskState
RISK_STATE_OFFSETTING: RiskState
RISK_STATE_HELD: RiskState
PART_STATE_UNSPECIFIED: PartState
PART_STATE_RUNNING: PartState
PART_STATE_ENDING: PartState
PART_STATE_WAITING: PartState
PART_STATE_DOWN: PartState
ACCOUNT_STATE_UNSPECIFIED: AccountState
ACCOUNT_STATE_RECONCILING: AccountState
ACCOUNT_STATE_READY: AccountState
ACCOUNT_STATE_PAUSED: AccountState
ACCOUNT_STATE_DISCONNECTED: AccountState
ACCOUNT_STATE_CIRCUIT_OPEN: AccountState
ACCOUNT_STATE_DEGRADED: AccountState
ALERT_STATE_UNSPECIFIED: AlertState
ALERT_STATE_ACTIVE: AlertState
ALERT_STATE_ACKNOWLEDGED: AlertState
ALERT_STATE_RESOLVED: AlertState
NOTIFICATION_STATE_UNSPECIFIED: NotificationState
NOTIFICATION_STATE_PENDING: NotificationState
NOTIFICATION_STATE_SENT: NotificationState
NOTIFICATION_STATE_FAILED: NotificationState
NOTIFICATION_STATE_SUPPRESSED: NotificationState
SEVERITY_UNSPECIFIED: Severity
SEVERITY_DEBUG: Severity
SEVERITY_INFO: Severity
SEVERITY_WARNING: Severity
SEVERITY_ERROR: Severity
SEVERITY_CRITICAL: Severity
CATEGORY_UNSPECIFIED: Category
CATEGORY_ENGINE: Category
CATEGORY_SIGNAL: Category
CATEGORY_PRECISION: Category
CATEGORY_ORDER: Category
CATEGORY_RISK: Category
CATEGORY_EXCHANGE: Category
CATEGORY_CONFIG: Category
CATEGORY_SECURITY: Category
CATEGORY_SYSTEM: Category
