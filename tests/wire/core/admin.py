"""The simulator's back door: `/_admin/...`, JSON in and out, decimals as strings. Not part of any venue's wire.

POST price {symbol, price} or {prices: {symbol: price}}      POST fill {client_order_id | order_id, quantity}
POST foreign {symbol, side, type, quantity[, price, client_order_id, reduce_only]}: an order made by hand
POST cancel | expire {client_order_id | order_id}            POST liquidate {symbol}
POST funding {symbol, amount}                                POST balance {asset, amount}: a deposit, a withdrawal
POST fault {kind, path, method, client_order_id, count, skip, ms, hide_ms, status}     POST reset_faults
POST clock {offset_ms}                                       POST advance {ms}
POST permissions {withdraw, trade, ip_restricted}            POST limits {window: limit, ...[, ban_after, ban_s]}
GET ledger     GET requests[?since=N]     GET frames[?since=N][&path=PART]     GET status
Errors are HTTP 400 with {"error": words}.
"""

from __future__ import annotations

import decimal
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from actors.rules.model import OrderSide, OrderType
from tests.wire.core.account import Rejected, SimOrder
from tests.wire.core.faults import AT_ONCE, Fault
from tests.wire.core.ledger import ledger, order_json
from tests.wire.core.server import Call, Reply, Simulator

Json = Any
_FAULT_FIELDS = ("kind", "value", "path", "method", "client_order_id", "count", "skip", "ms", "hide_ms", "status")


class Admin:
    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._account = simulator.account
        self._posts: dict[str, Callable[[dict[str, Json]], Json]] = {
            "price": self._price,
            "fill": self._fill,
            "foreign": self._foreign,
            "cancel": self._cancel,
            "expire": self._expire,
            "liquidate": self._liquidate,
            "funding": self._funding,
            "balance": self._balance,
            "fault": self._fault,
            "reset_faults": self._reset_faults,
            "clock": self._clock,
            "advance": self._advance,
            "permissions": self._permissions,
            "limits": self._limits,
        }

    def add(self, name: str, do: Callable[[dict[str, Json]], Json]) -> None:
        self._posts[name] = do

    def answer(self, call: Call) -> Reply:
        name = call.path.removeprefix("/_admin/")
        try:
            if call.method == "GET":
                return Reply(self._look(name, call))
            return Reply(self._posts[name](call.json))
        except (KeyError, ValueError, TypeError, decimal.InvalidOperation, AssertionError) as error:
            return Reply({"error": f"{type(error).__name__}: {error}"}, 400)

    def _look(self, name: str, call: Call) -> Json:
        if name == "ledger":
            return ledger(self._account)
        if name == "requests":
            since = int(call.params.get("since", "0"))
            return [entry for entry in self._simulator.requests if entry["number"] >= since]
        if name == "frames":
            since, part = int(call.params.get("since", "0")), call.params.get("path", "")
            return [each for each in self._simulator.frames if each["number"] >= since and part in each["path"]]
        if name == "status":
            return self._status()
        raise KeyError(name)

    def _status(self) -> Json:
        simulator = self._simulator
        return {
            "venue": simulator.venue,
            "time_ms": simulator.clock(),
            "requests": simulator.request_count,
            "frames": simulator.frame_count,
            "unlisted": dict(simulator.unlisted),
            "sockets": [socket.path for socket in simulator.sockets],
            "bans": simulator.limits.bans,
            "used": {name: window.used for name, window in simulator.limits.windows.items()},
            "waiting_faults": [fault.kind for fault in simulator.faults.waiting],
            "faults": [{"kind": fault.kind, "hits": fault.hits} for fault in simulator.faults.happened],
        }

    # --- the market and the account ---------------------------------------------------------------

    def _price(self, body: dict[str, Json]) -> Json:
        prices = body.get("prices") or {body["symbol"]: body["price"]}
        for symbol, price in prices.items():
            self._account.set_price(symbol, Decimal(str(price)))
        return {}

    def _named(self, body: dict[str, Json]) -> SimOrder:
        """Of several orders with the client id the open one, else the newest. ValueError if there is none."""
        order_id, client_order_id = str(body.get("order_id", "")), str(body.get("client_order_id", ""))
        named = [
            order
            for order in self._account.all_orders()
            if (order_id and order.order_id == order_id)
            or (client_order_id and not order_id and order.client_order_id == client_order_id)
        ]
        if not named:
            raise ValueError(f"no order {order_id or client_order_id}")
        return next((order for order in named if order.is_open), named[-1])

    def _fill(self, body: dict[str, Json]) -> Json:
        return order_json(self._account.fill(self._named(body).order_id, Decimal(str(body["quantity"]))))

    def _foreign(self, body: dict[str, Json]) -> Json:
        price = body.get("price")
        placed = self._account.place(
            SimOrder(
                symbol=body["symbol"],
                side=OrderSide(str(body["side"]).lower()),
                type=OrderType(str(body.get("type", "market")).lower()),
                quantity=Decimal(str(body["quantity"])),
                price=None if price is None else Decimal(str(price)),
                reduce_only=bool(body.get("reduce_only", False)),
                client_order_id=body.get("client_order_id") or self._simulator.foreign_client_id(),
            )
        )
        if isinstance(placed, Rejected):
            raise ValueError(f"{placed.reason.value}: {placed.words}")
        return order_json(placed.order)

    def _cancel(self, body: dict[str, Json]) -> Json:
        order = self._account.cancel(order_id=self._named(body).order_id)
        if order is None:
            raise ValueError("not open")
        return order_json(order)

    def _expire(self, body: dict[str, Json]) -> Json:
        order = self._account.expire(self._named(body).order_id, str(body.get("words", "")))
        if order is None:
            raise ValueError("not open")
        return order_json(order)

    def _liquidate(self, body: dict[str, Json]) -> Json:
        return {"positions": self._account.liquidate(body["symbol"])}

    def _funding(self, body: dict[str, Json]) -> Json:
        self._account.pay_funding(body["symbol"], Decimal(str(body["amount"])))
        return {}

    def _balance(self, body: dict[str, Json]) -> Json:
        self._account.change_balance(body["asset"], Decimal(str(body["amount"])))
        return {}

    # --- the venue --------------------------------------------------------------------------------

    def _fault(self, body: dict[str, Json]) -> Json:
        unknown = set(body) - set(_FAULT_FIELDS)
        if unknown:
            raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
        fault = Fault(**body)
        if "count" not in body and fault.kind.startswith("ws_"):
            fault.count = 0
        if fault.kind in AT_ONCE:
            self._simulator.happen(fault)
        else:
            self._simulator.faults.add(fault)
        return {}

    def _reset_faults(self, body: dict[str, Json]) -> Json:
        self._simulator.faults.reset()
        self._simulator.limits.banned_until_ms = 0
        return {}

    def _clock(self, body: dict[str, Json]) -> Json:
        self._simulator.clock.offset_ms = int(body["offset_ms"])
        return {"time_ms": self._simulator.clock()}

    def _advance(self, body: dict[str, Json]) -> Json:
        self._simulator.clock.advance(int(body["ms"]))
        return {"time_ms": self._simulator.clock()}

    def _permissions(self, body: dict[str, Json]) -> Json:
        self._simulator.permissions.update({name: bool(value) for name, value in body.items()})
        return dict(self._simulator.permissions)

    def _limits(self, body: dict[str, Json]) -> Json:
        limits = self._simulator.limits
        windows = dict(body)
        limits.ban_after = int(windows.pop("ban_after", limits.ban_after))
        limits.ban_s = int(windows.pop("ban_s", limits.ban_s))
        limits.set({name: int(limit) for name, limit in windows.items()})
        return {name: window.limit for name, window in limits.windows.items()}
