"""What a client may ask of its own account: orders, executions, positions, wallet, the log, the key itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from actors.rules.choices import MarginMode
from tests.wire.bybit.errors import Fault, parameter
from tests.wire.bybit.holdings import position_rows, wallet_row
from tests.wire.bybit.records import OrderRecord
from tests.wire.bybit.replies import Json, limit_of, page
from tests.wire.bybit.state import State

Query = Mapping[str, str]
WEEK_MS = 7 * 86_400_000


def realtime(state: State, query: Query) -> Json | Fault:
    """Open orders; with `openOnly=1` the finished ones of the short memory. By id both, whatever `openOnly` says."""
    category = query.get("category", "")
    if category not in state.accounts:
        return parameter("Illegal category")
    if category == "linear" and not _names_any(query, "orderId", "orderLinkId", "symbol", "baseCoin", "settleCoin"):
        return parameter("params error: symbol, baseCoin or settleCoin is required")
    recent = frozenset(state.recent[category])
    known = [each for each in state.listed(category) if each.is_open or each.order_id in recent]
    if not _names_any(query, "orderId", "orderLinkId"):
        wants_closed = query.get("openOnly") in ("1", "2")
        known = [each for each in known if each.is_open is not wants_closed]
    return _order_page(state, category, known, query)


def history(state: State, query: Query) -> Json | Fault:
    """Finished orders, however old; open ones are only in `realtime`."""
    category = query.get("category", "")
    if category not in state.accounts:
        return parameter("Illegal category")
    done = [each for each in state.listed(category) if not each.is_open]
    if query.get("orderStatus"):
        done = [each for each in done if each.status == query["orderStatus"]]
    if not _names_any(query, "orderId", "orderLinkId"):
        span = _span(query, state.clock())
        if isinstance(span, Fault):
            return span
        done = [each for each in done if span[0] <= each.created_ms <= span[1]]
    return _order_page(state, category, done, query)


def executions(state: State, query: Query) -> Json | Fault:
    """By order id or link id every other filter is ignored, the type as well."""
    category = query.get("category", "")
    if category not in state.accounts:
        return parameter("Illegal category")
    limit = limit_of(query.get("limit", ""), 50, 100)
    if isinstance(limit, Fault):
        return limit
    found = [each for each in reversed(state.executions) if each.order.category == category]
    found = [each for each in found if each.exec_type == "Funding" or state.is_visible(each.order)]
    if query.get("orderId"):
        found = [each for each in found if each.order.order_id == query["orderId"]]
    elif query.get("orderLinkId"):
        found = [each for each in found if each.order.order_link_id == query["orderLinkId"]]
    else:
        span = _span(query, state.clock())
        if isinstance(span, Fault):
            return span
        found = [each for each in found if span[0] <= each.time_ms <= span[1]]
        found = [each for each in found if query.get("execType") in (None, "", each.exec_type)]
        found = [each for each in found if query.get("symbol") in (None, "", each.order.symbol)]
    rows, cursor = page([each.row() for each in found], query.get("cursor", ""), limit)
    return {"category": category, "list": rows, "nextPageCursor": cursor}


def positions(state: State, query: Query) -> Json | Fault:
    """With a symbol its rows even when flat; by settle coin those that are not."""
    if query.get("category") == "inverse":
        return {"category": "inverse", "list": [], "nextPageCursor": ""}
    if query.get("category") != "linear" or "linear" not in state.accounts:
        return parameter("Illegal category")
    limit = limit_of(query.get("limit", ""), 20, 200)
    if isinstance(limit, Fault):
        return limit
    account, symbol = state.accounts["linear"], query.get("symbol", "")
    if symbol:
        if account.instrument(symbol) is None:
            return parameter("params error: symbol invalid")
        rows = position_rows(state, symbol)
    elif query.get("settleCoin"):
        rows = [row for name in sorted(account.instruments) for row in position_rows(state, name) if row["size"] != "0"]
        rows = [row for row in rows if account.instruments[row["symbol"]].quote == query["settleCoin"]]
    else:
        return parameter("params error: symbol or settleCoin is required")
    rows, cursor = page(rows, query.get("cursor", ""), limit)
    return {"category": "linear", "list": rows, "nextPageCursor": cursor}


def wallet(state: State, query: Query) -> Json | Fault:
    if query.get("accountType") != "UNIFIED":
        return parameter("accountType only support UNIFIED.")
    coins = [coin for coin in query.get("coin", "").split(",") if coin]
    return {"list": [wallet_row(state, coins or None)]}


def transaction_log(state: State, query: Query) -> Json | Fault:
    """Newest first."""
    limit = limit_of(query.get("limit", ""), 20, 50)
    if isinstance(limit, Fault):
        return limit
    rows = state.log[::-1]
    for name in ("category", "currency", "type"):
        rows = [row for row in rows if query.get(name) in (None, "", row[name])]
    if query.get("startTime"):
        rows = [row for row in rows if int(row["transactionTime"]) >= int(query["startTime"])]
    if query.get("endTime"):
        rows = [row for row in rows if int(row["transactionTime"]) <= int(query["endTime"])]
    part, cursor = page(rows, query.get("cursor", ""), limit)
    return {"list": part, "nextPageCursor": cursor}


def account_info(state: State) -> Json:
    settings = state.accounts["linear"].settings
    is_isolated = settings.margin_mode is MarginMode.ISOLATED
    return {
        "marginMode": "ISOLATED_MARGIN" if is_isolated else "REGULAR_MARGIN",
        "updatedTime": str(state.clock()),
        "unifiedMarginStatus": 5,
        "dcpStatus": "OFF",
        "timeWindow": 10,
        "smpGroup": 0,
        "isMasterTrader": False,
        "spotHedgingStatus": "OFF",
    }


def key_info(api_key: str, permissions: Mapping[str, bool]) -> Json:
    """`permissions`: withdraw, trade, ip_restricted."""
    can_trade = permissions["trade"]
    wallet_rights = ["AccountTransfer", "SubMemberTransfer"]
    return {
        "id": "13770661",
        "note": "simulated",
        "apiKey": api_key,
        "readOnly": 0 if can_trade else 1,
        "secret": "",
        "permissions": {
            "ContractTrade": ["Order", "Position"] if can_trade else [],
            "Spot": ["SpotTrade"] if can_trade else [],
            "Wallet": [*wallet_rights, "Withdraw"] if permissions["withdraw"] else wallet_rights,
            "Options": [],
            "Derivatives": ["DerivativesTrade"] if can_trade else [],
            "CopyTrading": [],
            "BlockTrade": [],
            "Exchange": [],
            "NFT": [],
            "Affiliate": [],
            "Earn": [],
        },
        "ips": ["127.0.0.1"] if permissions["ip_restricted"] else ["*"],
        "type": 1,
        "deadlineDay": 83,
        "expiredAt": "2027-05-15T03:21:05Z",
        "createdAt": "2024-10-16T02:24:40Z",
        "unified": 0,
        "uta": 1,
        "userID": 24617703,
        "inviterID": 0,
        "vipLevel": "No VIP",
        "mktMakerLevel": "0",
        "affiliateID": 0,
        "rsaPublicKey": "",
        "isMaster": True,
        "parentUid": "0",
        "kycLevel": "LEVEL_DEFAULT",
        "kycRegion": "",
    }


def _order_page(state: State, category: str, orders: Sequence[OrderRecord], query: Query) -> Json | Fault:
    """Filters in the venue's order of priority: order id, then link id, then symbol, then coins."""
    limit = limit_of(query.get("limit", ""), 20, 50)
    if isinstance(limit, Fault):
        return limit
    instruments = state.accounts[category].instruments
    found: list[OrderRecord] = list(orders)
    if query.get("orderId"):
        found = [each for each in found if each.order_id == query["orderId"]]
    elif query.get("orderLinkId"):
        found = [each for each in found if each.order_link_id == query["orderLinkId"]]
    elif query.get("symbol"):
        found = [each for each in found if each.symbol == query["symbol"]]
    elif query.get("baseCoin"):
        found = [each for each in found if instruments[each.symbol].base == query["baseCoin"]]
    elif query.get("settleCoin"):
        found = [each for each in found if instruments[each.symbol].quote == query["settleCoin"]]
    if query.get("orderFilter"):
        found = [each for each in found if each.order_filter == query["orderFilter"]]
    rows, cursor = page([each.row() for each in found], query.get("cursor", ""), limit)
    return {"category": category, "list": rows, "nextPageCursor": cursor}


def _names_any(query: Query, *names: str) -> bool:
    return any(query.get(name) for name in names)


def _span(query: Query, now_ms: int) -> tuple[int, int] | Fault:
    """From and to: seven days where one end is missing, seven days at most."""
    start, end = query.get("startTime", ""), query.get("endTime", "")
    if (start and not start.isdigit()) or (end and not end.isdigit()):
        return parameter("params error: time")
    if start and end:
        if int(end) - int(start) > WEEK_MS:
            return parameter("The time range between startTime and endTime cannot exceed 7 days.")
        return int(start), int(end)
    if start:
        return int(start), int(start) + WEEK_MS
    last = int(end) if end else now_ms + WEEK_MS
    return last - (WEEK_MS if end else 2 * WEEK_MS), last
