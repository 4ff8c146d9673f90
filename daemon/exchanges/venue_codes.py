"""What each venue's error codes mean for a request: one table per exchange, for a person to check.

A code that is in no table says nothing about the fate of an order: it is then unknown, and the order is looked up
(ORD-3). So only codes stand here that the venue gives instead of executing a request. Codes that leave it open are
listed in `LEFT_OUT`, so that nobody adds them by mistake.

Where one code has several meanings the venue's message decides: the first text that occurs in it, in lower case;
the last text is empty and takes the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from actors.rules.model import Reason


class Special(StrEnum):
    """Codes that are more, or less, than a refusal."""

    RATE_LIMIT = "rate_limit"
    """Too many requests: not executed, may be sent again later."""
    BAN = "ban"
    """The same, and the address is shut out for a while."""
    CLOCK = "clock"
    """Our timestamp was too far off: not executed, may be sent again with a better one."""
    BUSY = "busy"
    """Not executed, may be sent again."""
    GONE = "gone"
    """No such order, or it is final already. No answer to a new order."""
    IN_PROGRESS = "in_progress"
    """The order is being worked on: cancel or amend it later. No answer to a new order."""
    UNCHANGED = "unchanged"
    """It is already as was asked."""


Meaning = Reason | Special
"""A `Reason`: refused, for good, without effect."""
Texts = tuple[tuple[str, Meaning], ...]
Table = Mapping[str, Meaning | Texts]

_AUTH, _PERMISSION = Reason.AUTHENTICATION_FAILED, Reason.PERMISSION_DENIED
_OTHER, _INACTIVE = Reason.EXCHANGE_REFUSED, Reason.INSTRUMENT_INACTIVE
_FUNDS, _BAND = Reason.INSUFFICIENT_FUNDS, Reason.OUTSIDE_PRICE_BAND
_BAD_PRICE, _BAD_QUANTITY = Reason.BAD_PRICE, Reason.BAD_QUANTITY
_TOO_SMALL, _TOO_LARGE, _TOO_CHEAP = Reason.BELOW_MIN_QUANTITY, Reason.ABOVE_MAX_QUANTITY, Reason.BELOW_MIN_NOTIONAL
_TOO_MANY, _WOULD_TAKE, _NOTHING = Reason.TOO_MANY_OPEN_ORDERS, Reason.WOULD_TAKE, Reason.NOTHING_TO_REDUCE
_DUPLICATE, _MODE = Reason.DUPLICATE_CLIENT_ORDER_ID, Reason.POSITION_MODE_MISMATCH

# --- Binance --------------------------------------------------------------------------------------

_BINANCE_1013: Texts = (
    ("percent_price", _BAND),
    ("price_filter", _BAD_PRICE),
    ("lot_size", _BAD_QUANTITY),  # MARKET_LOT_SIZE too. Minimum, maximum or step: the venue does not say which.
    ("notional", _TOO_CHEAP),  # NOTIONAL and MIN_NOTIONAL.
    ("max_num", _TOO_MANY),  # MAX_NUM_ORDERS, MAX_NUM_ALGO_ORDERS, EXCHANGE_MAX_NUM_ORDERS, ...
    ("market is closed", _INACTIVE),
    ("price * qty is zero", _TOO_CHEAP),
    ("invalid price", _BAD_PRICE),
    ("invalid quantity", _BAD_QUANTITY),
    ("", _OTHER),
)

_BINANCE_COMMON: Table = {
    "-1002": _AUTH,
    "-1003": Special.RATE_LIMIT,
    "-1008": Special.BUSY,  # Overloaded; the request was not taken.
    "-1013": _BINANCE_1013,
    "-1014": _OTHER,  # Unsupported combination.
    "-1015": Special.RATE_LIMIT,
    "-1020": _OTHER,
    "-1021": Special.CLOCK,
    "-1022": _AUTH,
    "-1099": _AUTH,
    # Parameters: a fault of ours, found before anything is executed.
    "-1100": _OTHER,
    "-1101": _OTHER,
    "-1102": _OTHER,
    "-1103": _OTHER,
    "-1104": _OTHER,
    "-1105": _OTHER,
    "-1106": _OTHER,
    "-1111": (("price", _BAD_PRICE), ("", _BAD_QUANTITY)),  # Too many decimals of something.
    "-1114": _OTHER,
    "-1115": _OTHER,
    "-1116": _OTHER,
    "-1117": _OTHER,
    "-1118": _OTHER,
    "-1119": _OTHER,
    "-1121": _INACTIVE,  # Invalid symbol.
    "-1128": _OTHER,
    "-1130": _OTHER,
    "-2008": _AUTH,
    "-2011": Special.GONE,
    "-2013": Special.GONE,
    "-2014": _AUTH,
    "-2015": _AUTH,
}

BINANCE: Table = {
    **_BINANCE_COMMON,
    "-2010": (
        ("insufficient balance", _FUNDS),
        ("immediately match and take", _WOULD_TAKE),
        ("duplicate order", _DUPLICATE),
        ("market is closed", _INACTIVE),
        ("trigger immediately", _WOULD_TAKE),
        ("this symbol is not permitted", _INACTIVE),
        ("this symbol is restricted", _INACTIVE),
        ("not supported for this symbol", _OTHER),
        ("price * qty is zero", _TOO_CHEAP),
        ("this action is disabled", _PERMISSION),
        ("may not place or cancel", _PERMISSION),
        ("trading is not enabled", _PERMISSION),
        ("filter failure: percent_price", _BAND),
        ("filter failure: max_num", _TOO_MANY),
        ("", _OTHER),
    ),
    "-2026": Special.GONE,  # Ended without a fill long ago, and archived.
}

BINANCEUSDM: Table = {
    **_BINANCE_COMMON,
    "-1109": _PERMISSION,
    "-1122": _INACTIVE,
    "-2010": (("insufficient", _FUNDS), ("duplicate", _DUPLICATE), ("", _OTHER)),
    "-2017": _PERMISSION,
    "-2018": _FUNDS,
    "-2019": _FUNDS,
    "-2020": _OTHER,  # Unable to fill.
    "-2021": _WOULD_TAKE,  # A stop that would trigger at once.
    "-2022": _NOTHING,
    "-2023": _OTHER,  # Being liquidated.
    "-2024": _NOTHING,
    "-2025": _TOO_MANY,
    "-2026": _OTHER,
    "-2027": _OTHER,  # Maximum position at this leverage.
    "-2028": _FUNDS,
    "-4001": _BAD_PRICE,
    "-4002": _BAD_PRICE,
    "-4003": _BAD_QUANTITY,
    "-4004": _TOO_SMALL,
    "-4005": _TOO_LARGE,
    "-4006": _BAD_PRICE,
    "-4007": _BAD_PRICE,
    "-4008": _BAD_PRICE,
    "-4013": _BAD_PRICE,
    "-4014": _BAD_PRICE,
    "-4015": _OTHER,  # The client order id's form.
    "-4016": _BAND,
    "-4023": _BAD_QUANTITY,
    "-4024": _BAND,
    "-4045": _TOO_MANY,  # Stop orders.
    "-4046": Special.UNCHANGED,
    "-4059": Special.UNCHANGED,
    "-4060": _MODE,
    "-4061": _MODE,
    "-4062": _NOTHING,
    "-4087": _PERMISSION,  # May only reduce.
    "-4088": _PERMISSION,
    "-4108": _INACTIVE,
    "-4116": _DUPLICATE,
    "-4118": _NOTHING,
    "-4120": _OTHER,  # Conditional orders have another endpoint.
    "-4131": _BAND,
    "-4140": _INACTIVE,
    "-4141": _INACTIVE,
    "-4142": _WOULD_TAKE,
    "-4164": _TOO_CHEAP,
    "-4183": _BAND,
    "-4184": _BAND,
    "-4192": _PERMISSION,
    "-4210": _BAND,
    "-4211": _BAND,
    "-4400": _PERMISSION,
    "-4401": _PERMISSION,
    "-4402": _PERMISSION,
    "-5021": _OTHER,  # Fill-or-kill that could not.
    "-5022": _WOULD_TAKE,
    "-5024": _INACTIVE,
    "-5025": _OTHER,
    "-5026": _OTHER,  # Amended too often: to be cancelled and placed anew.
    "-5027": Special.UNCHANGED,
    "-5028": Special.CLOCK,
}

BINANCE_WORDS: Mapping[str, str] = {
    "account has insufficient balance for requested action": "-2010",
    "order would immediately match and take": "-2010",
    "order would trigger immediately": "-2010",
    "stop price would trigger immediately": "-2010",
    "this account may not place or cancel orders": "-2010",
    "rest api trading is not enabled": "-2010",
    "market is closed": "-1013",
    "filter failure:": "-1013",
    "this order type is not possible": "-2010",
    "too many requests. please try again later": "-1003",
    "api key does not exist": "-2014",
    "you are not authorized to execute this request": "-1002",
}
"""ccxt drops Binance's code where it knows the message. The code that goes with it."""

# --- Bybit ----------------------------------------------------------------------------------------

BYBIT: Table = {
    "10001": (
        ("position idx not match", _MODE),
        ("position mode", _MODE),
        ("duplicate", _DUPLICATE),
        ("exceeds minimum limit", _TOO_SMALL),
        ("exceeds maximum limit", _TOO_LARGE),
        ("qty", _BAD_QUANTITY),
        ("quantity", _BAD_QUANTITY),
        ("price", _BAD_PRICE),
        ("symbol", _INACTIVE),
        ("", _OTHER),
    ),
    "10002": Special.CLOCK,
    "10003": _AUTH,
    "10004": _AUTH,
    "10005": _PERMISSION,
    "10006": Special.RATE_LIMIT,
    "10007": _AUTH,
    "10008": _PERMISSION,
    "10009": Special.BAN,
    "10010": _PERMISSION,  # Not from this address.
    "10017": _OTHER,
    "10018": Special.RATE_LIMIT,
    "10024": _PERMISSION,
    "10027": _PERMISSION,
    "10028": _PERMISSION,
    "10029": _INACTIVE,
    "10429": Special.RATE_LIMIT,
    "33004": _AUTH,  # The key has expired.
    # Linear
    "110001": Special.GONE,
    "110003": _BAND,
    "110004": _FUNDS,
    "110005": _OTHER,
    "110006": _FUNDS,
    "110007": _FUNDS,
    "110008": Special.GONE,
    "110009": _TOO_MANY,
    "110010": Special.GONE,
    "110011": _OTHER,
    "110012": _FUNDS,
    "110013": _OTHER,
    "110014": _FUNDS,
    "110016": _OTHER,  # Risk limit.
    "110017": _NOTHING,
    "110020": _TOO_MANY,
    "110021": _OTHER,
    "110022": _OTHER,
    "110023": _INACTIVE,
    "110024": _MODE,
    "110025": Special.UNCHANGED,
    "110026": Special.UNCHANGED,
    "110027": Special.UNCHANGED,
    "110028": _MODE,
    "110029": _MODE,
    "110030": _DUPLICATE,
    "110032": _OTHER,
    "110034": _NOTHING,
    "110040": _OTHER,
    "110042": _INACTIVE,
    "110043": Special.UNCHANGED,
    "110044": _FUNDS,
    "110045": _FUNDS,
    "110051": _FUNDS,
    "110052": _FUNDS,
    "110053": _FUNDS,
    "110063": _INACTIVE,  # Settling.
    "110064": _BAD_QUANTITY,  # Amended to less than what is filled.
    "110066": _INACTIVE,
    "110072": _DUPLICATE,
    "110079": Special.IN_PROGRESS,
    "110092": _WOULD_TAKE,
    "110093": _WOULD_TAKE,
    "110094": _TOO_CHEAP,
    # Spot
    "170005": Special.RATE_LIMIT,
    "170033": _FUNDS,
    "170105": _OTHER,
    "170115": _OTHER,
    "170116": _OTHER,
    "170117": _OTHER,
    "170121": _INACTIVE,
    "170124": _TOO_LARGE,
    "170130": _OTHER,
    "170131": _FUNDS,
    "170132": _BAD_PRICE,
    "170133": _BAD_PRICE,
    "170134": _BAD_PRICE,
    "170135": _TOO_LARGE,
    "170136": _TOO_SMALL,
    "170137": _BAD_QUANTITY,
    "170139": Special.GONE,
    "170140": _TOO_CHEAP,
    "170141": _DUPLICATE,
    "170142": Special.GONE,
    "170143": Special.GONE,
    "170148": _BAD_QUANTITY,
    "170151": _INACTIVE,
    "170157": _INACTIVE,
    "170159": _INACTIVE,
    "170190": Special.GONE,
    "170193": _BAND,
    "170194": _BAND,
    "170195": _BAND,
    "170196": _BAND,
    "170197": _TOO_LARGE,
    "170198": _TOO_LARGE,
    "170199": _TOO_LARGE,
    "170200": _TOO_LARGE,
    "170201": _PERMISSION,
    "170202": _OTHER,
    "170203": _OTHER,
    "170204": _BAND,
    "170206": _BAND,
    "170209": _PERMISSION,
    "170210": _OTHER,
    "170213": Special.GONE,
    "170217": _OTHER,
    "170218": _WOULD_TAKE,
    "170221": _INACTIVE,
    "170222": Special.RATE_LIMIT,
    "170224": _PERMISSION,
    "170228": _TOO_LARGE,
    "170229": _TOO_LARGE,
    "170241": _PERMISSION,  # A risk disclosure must be confirmed.
    "170371": _BAND,
    "170372": _BAND,
}

# --- OKX ------------------------------------------------------------------------------------------

OKX: Table = {
    "50007": _PERMISSION,
    "50008": _AUTH,
    "50009": _PERMISSION,
    "50011": Special.RATE_LIMIT,
    "50014": _OTHER,
    "50015": _OTHER,
    "50016": _OTHER,
    "50024": _OTHER,
    "50027": _PERMISSION,
    "50028": _PERMISSION,
    "50061": Special.RATE_LIMIT,
    "50100": _AUTH,
    "50101": _AUTH,
    "50102": Special.CLOCK,
    "50103": _AUTH,
    "50104": _AUTH,
    "50105": _AUTH,
    "50106": _AUTH,
    "50107": _AUTH,
    "50110": _PERMISSION,  # Not from this address.
    "50111": _AUTH,
    "50112": Special.CLOCK,
    "50113": _AUTH,
    "50114": _AUTH,
    "50119": _AUTH,
    "50120": _PERMISSION,
    "51000": (
        ("posside", _MODE),
        ("clordid", _OTHER),
        ("sz", _BAD_QUANTITY),
        ("px", _BAD_PRICE),
        ("", _OTHER),
    ),
    "51001": _INACTIVE,
    "51003": _OTHER,
    "51004": _TOO_LARGE,
    "51005": _TOO_LARGE,
    "51006": _BAND,
    "51007": _TOO_SMALL,
    "51008": _FUNDS,
    "51009": _PERMISSION,
    "51010": _OTHER,  # The account mode does not allow this.
    "51011": _DUPLICATE,
    "51015": _INACTIVE,
    "51016": _DUPLICATE,
    "51020": _TOO_SMALL,
    "51021": _INACTIVE,
    "51022": _INACTIVE,
    "51023": _NOTHING,
    "51024": _PERMISSION,
    "51025": _TOO_MANY,
    "51027": _INACTIVE,
    "51028": _INACTIVE,
    "51029": _INACTIVE,
    "51030": _INACTIVE,
    "51031": _BAND,
    "51100": _TOO_SMALL,
    "51101": _TOO_LARGE,
    "51102": _TOO_MANY,
    "51103": _TOO_MANY,
    "51104": _TOO_LARGE,
    "51105": _TOO_LARGE,
    "51106": _TOO_LARGE,
    "51107": _TOO_LARGE,
    "51112": _NOTHING,
    "51116": _BAND,
    "51117": _TOO_MANY,
    "51119": _FUNDS,
    "51120": _TOO_SMALL,
    "51121": _BAD_QUANTITY,
    "51122": _BAD_PRICE,
    "51124": _INACTIVE,
    "51127": _FUNDS,
    "51131": _FUNDS,
    "51134": _NOTHING,
    "51135": _BAND,
    "51136": _BAND,
    "51137": _BAND,
    "51138": _BAND,
    "51155": _PERMISSION,
    "51169": _NOTHING,
    "51174": _TOO_MANY,
    "51185": _TOO_LARGE,
    "51201": _TOO_LARGE,
    "51202": _TOO_LARGE,
    "51203": _TOO_LARGE,
    "51204": _BAD_PRICE,
    "51205": _NOTHING,
    "51277": _WOULD_TAKE,
    "51278": _WOULD_TAKE,
    "51279": _WOULD_TAKE,
    "51280": _WOULD_TAKE,
    "51400": Special.GONE,
    "51401": Special.GONE,
    "51402": Special.GONE,
    "51410": Special.IN_PROGRESS,
    "51502": _FUNDS,
    "51503": Special.GONE,
    "51506": _OTHER,
    "51509": Special.GONE,
    "51510": Special.GONE,
    "51511": _WOULD_TAKE,
    "51513": Special.IN_PROGRESS,
    "51603": Special.GONE,
}

# --- KuCoin ---------------------------------------------------------------------------------------

KUCOIN: Table = {
    "order_not_exist": Special.GONE,
    "100001": Special.GONE,
    "100004": Special.GONE,
    "102426": _DUPLICATE,
    "126003": _TOO_CHEAP,
    "126004": _INACTIVE,
    "126005": _PERMISSION,
    "126006": _INACTIVE,
    "126007": _INACTIVE,
    "126009": _INACTIVE,
    "126011": _TOO_MANY,
    "126013": _FUNDS,
    "126015": _INACTIVE,
    "126022": _BAND,
    "126029": _BAND,
    "126030": _BAND,
    "126033": _DUPLICATE,
    "126043": Special.GONE,
    "126044": _DUPLICATE,
    "200003": _TOO_MANY,
    "200004": _FUNDS,
    "300003": _FUNDS,
    "300009": _NOTHING,
    "300011": _BAND,
    "300012": _BAND,
    "330005": _OTHER,  # Another margin mode than the position's.
    "330008": _FUNDS,
    "330012": _MODE,
    "400001": _AUTH,
    "400002": Special.CLOCK,
    "400003": _AUTH,
    "400004": _AUTH,
    "400005": _AUTH,
    "400006": _PERMISSION,  # Not from this address.
    "400007": _PERMISSION,
    "400100": (
        ("order_not_exist", Special.GONE),
        ("order not exist", Special.GONE),
        ("order does not exist", Special.GONE),
        ("clientoid", _OTHER),
        ("available.amount", _FUNDS),
        ("below the minimum", _TOO_SMALL),
        ("min size", _TOO_SMALL),
        ("price increment", _BAD_PRICE),
        ("increment", _BAD_QUANTITY),
        ("price", _BAD_PRICE),
        ("size", _BAD_QUANTITY),
        ("quantity", _BAD_QUANTITY),
        ("", _OTHER),
    ),
    "400200": _PERMISSION,
    "400303": _PERMISSION,
    "400330": _BAND,
    "400350": _OTHER,
    "400370": _BAND,
    "400500": _PERMISSION,
    "400600": _INACTIVE,
    "400760": _BAND,
    "411100": _PERMISSION,
    "429000": Special.RATE_LIMIT,
    "600100": _TOO_CHEAP,
    "600101": _TOO_CHEAP,
}

# --- MEXC -----------------------------------------------------------------------------------------

MEXC: Table = {
    "-1121": _INACTIVE,
    "-1128": _OTHER,
    "-2011": Special.GONE,
    "-2013": Special.GONE,
    "401": _AUTH,
    "402": _AUTH,
    "403": _PERMISSION,
    "406": _PERMISSION,
    "429": Special.RATE_LIMIT,
    "510": Special.RATE_LIMIT,
    "511": _PERMISSION,
    "602": _AUTH,
    "701": _PERMISSION,
    "702": _PERMISSION,
    "703": _PERMISSION,
    "704": _PERMISSION,
    "1001": _INACTIVE,
    "2005": _FUNDS,
    "2009": _NOTHING,
    "10007": _INACTIVE,
    "10072": _AUTH,
    "10073": Special.CLOCK,
    "10095": _BAD_QUANTITY,
    "10096": _BAD_QUANTITY,
    "10097": _BAD_QUANTITY,
    "10098": _PERMISSION,
    "10101": _FUNDS,
    "10102": _BAD_QUANTITY,
    "30000": _INACTIVE,
    "30001": _INACTIVE,
    "30002": _TOO_CHEAP,
    "30003": _TOO_LARGE,
    "30004": _FUNDS,
    "30005": _FUNDS,
    "30010": _BAD_PRICE,
    "30014": _INACTIVE,
    "30016": _INACTIVE,
    "30018": _PERMISSION,
    "30020": _PERMISSION,
    "30021": _INACTIVE,
    "30027": _OTHER,
    "30028": _INACTIVE,
    "30029": _TOO_MANY,
    "30032": _OTHER,
    "30041": _OTHER,
    "30087": _BAND,
    "70011": _PERMISSION,
    "88013": _TOO_CHEAP,
    "700001": _AUTH,
    "700002": _AUTH,
    "700003": Special.CLOCK,
    "700004": _OTHER,
    "700005": _OTHER,
    "700006": _PERMISSION,  # Not from this address.
    "700007": _PERMISSION,
    "700008": _OTHER,
    "700013": _OTHER,
}

# --- Gate -----------------------------------------------------------------------------------------

GATE: Table = {
    "ACCOUNT_LOCKED": _PERMISSION,
    "AMOUNT_TOO_LITTLE": _TOO_SMALL,
    "AMOUNT_TOO_MUCH": _TOO_LARGE,
    "AUTHENTICATION_FAILED": _AUTH,
    "AUTO_TRIGGER_PRICE_GREATE_LAST": _WOULD_TAKE,
    "AUTO_TRIGGER_PRICE_LESS_LAST": _WOULD_TAKE,
    "BALANCE_NOT_ENOUGH": _FUNDS,
    "CLIENT_ID_NOT_FOUND": Special.GONE,
    "CONTRACT_IN_DELISTING": _INACTIVE,
    "CONTRACT_NOT_FOUND": _INACTIVE,
    "FORBIDDEN": _PERMISSION,
    "FUTURES_BALANCE_NOT_ENOUGH": _FUNDS,
    "INCREASE_POSITION": _NOTHING,  # A reduce-only order that would increase.
    "INSUFFICIENT_AVAILABLE": _FUNDS,
    "INVALID_ARGUMENT": (("size", _BAD_QUANTITY), ("price", _BAD_PRICE), ("", _OTHER)),
    "INVALID_CREDENTIALS": _AUTH,
    "INVALID_CURRENCY": _INACTIVE,
    "INVALID_CURRENCY_PAIR": _INACTIVE,
    "INVALID_KEY": _AUTH,
    "INVALID_PARAM_VALUE": (
        ("is too small", _TOO_CHEAP),
        ("minimum is", _TOO_CHEAP),
        ("amount", _BAD_QUANTITY),
        ("price", _BAD_PRICE),
        ("", _OTHER),
    ),
    "INVALID_PRECISION": (("price", _BAD_PRICE), ("", _BAD_QUANTITY)),
    "INVALID_REQUEST_BODY": _OTHER,
    "INVALID_SIGNATURE": _AUTH,
    "IP_FORBIDDEN": _PERMISSION,
    "LEVERAGE_TOO_HIGH": _OTHER,
    "LEVERAGE_TOO_LOW": _OTHER,
    "LIQUIDATE_IMMEDIATELY": _OTHER,
    "MARGIN_BALANCE_NOT_ENOUGH": _FUNDS,
    "MISSING_REQUIRED_HEADER": _AUTH,
    "MISSING_REQUIRED_PARAM": _OTHER,
    "NO_CHANGE": Special.UNCHANGED,
    "ORDER_CANCELLED": Special.GONE,
    "ORDER_CLOSED": Special.GONE,
    "ORDER_FINISHED": Special.GONE,
    "ORDER_NOT_FOUND": Special.GONE,
    "ORDER_POC_IMMEDIATE": _WOULD_TAKE,
    "POC_FILL_IMMEDIATELY": _WOULD_TAKE,
    "POSITION_DUAL_MODE": _MODE,
    "POSITION_EMPTY": _NOTHING,
    "PRICE_OVER_BANKRUPT": _BAND,
    "PRICE_OVER_LIQUIDATION": _BAND,
    "PRICE_THRESHOLD_EXCEEDED": _BAND,
    "PRICE_TOO_DEVIATED": _BAND,
    "QUANTITY_NOT_ENOUGH": _OTHER,  # Not enough on the book.
    "READ_ONLY": _PERMISSION,
    "REPEATED_CREATION": _DUPLICATE,
    "REQUEST_EXPIRED": Special.CLOCK,
    "RISK_LIMIT_EXCEEDED": _OTHER,
    "SIZE_TOO_LARGE": _TOO_LARGE,
    "SIZE_TOO_SMALL": _TOO_SMALL,
    "SUB_ACCOUNT_LOCKED": _PERMISSION,
    "TOO_FAST": Special.RATE_LIMIT,
    "TOO_MANY_ORDERS": _TOO_MANY,
    "TOO_MANY_REQUESTS": Special.RATE_LIMIT,
    "TRADE_RESTRICTED": _PERMISSION,
    "USER_NOT_FOUND": _PERMISSION,
}

TABLES: Mapping[str, Table] = {
    "binance": BINANCE,
    "binanceusdm": BINANCEUSDM,
    "bybit": BYBIT,
    "okx": OKX,
    "kucoin": KUCOIN,
    "mexc": MEXC,
    "gate": GATE,
}

LEFT_OUT: Mapping[str, frozenset[str]] = {
    # Unknown error, internal error, timeout, "status unknown"; on spot -2021 and -2022 are a half-done replacement.
    "binance": frozenset({"-1000", "-1001", "-1004", "-1006", "-1007", "-1010", "-2021", "-2022"}),
    "binanceusdm": frozenset({"-1000", "-1001", "-1004", "-1006", "-1007", "-1010"}),
    # Timeouts and system errors; 10014 and 170035: a copy of the request may be under way; 170149: "failed".
    "bybit": frozenset(
        {"10000", "10014", "10016", "170001", "170007", "170032", "170035", "170146", "170147", "170149", "170150"}
        | {"170191", "170234", "3400214"}
    ),
    "okx": frozenset({"50001", "50004", "50005", "50013", "50026"}),
    "kucoin": frozenset({"200000", "400", "500", "503", "408000", "500000"}),
    "mexc": frozenset({"500", "501", "503", "504", "603", "604", "801", "20002"}),
    "gate": frozenset({"SERVER_ERROR", "INTERNAL", "TOO_BUSY"}),
}
"""Codes that do not tell the fate of a request: never to be in a table."""

# --- order updates --------------------------------------------------------------------------------

UPDATE_REASONS: Mapping[str, tuple[str, Mapping[str, Reason | None]]] = {
    "binance": (
        "r",
        {
            "INSUFFICIENT_BALANCES": _FUNDS,
            "OCO_BAD_PRICES": _BAD_PRICE,
            "STOP_PRICE_WOULD_TRIGGER_IMMEDIATELY": _WOULD_TAKE,
            "WOULD_MATCH_IMMEDIATELY": _WOULD_TAKE,
        },
    ),
    "bybit": (
        "rejectReason",
        {
            "EC_DuplicatedClOrdID": _DUPLICATE,
            "EC_InvalidPriceScale": _BAD_PRICE,
            "EC_InvalidSymbolStatus": _INACTIVE,
            "EC_LimitOrderInvalidPrice": _BAD_PRICE,
            "EC_PostOnlyWillTakeLiquidity": _WOULD_TAKE,
            "EC_QtyCannotBeZero": _BAD_QUANTITY,
            "EC_ReachRiskPriceLimit": _BAND,
            # How an order ended, which is no refusal.
            "EC_PerCancelRequest": None,
            "EC_CancelReplaceOrder": None,
            "EC_NoImmediateQtyToFill": None,
            "EC_NoEnoughQtyToFill": None,
            "EC_CancelForNoFullFill": None,
        },
    ),
    "okx": ("cancelSource", {"31": _WOULD_TAKE}),
    "gate": (
        "finish_as",
        {"poc": _WOULD_TAKE, "reduce_only": _NOTHING, "reduce_out": _NOTHING, "cancelled": None, "filled": None},
    ),
}
"""Exchange -> the raw field of an order update that tells why the order ended, and what its values mean."""
