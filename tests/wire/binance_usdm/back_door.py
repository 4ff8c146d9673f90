"""What only the tests may do to the venue; `venue` says how it is asked."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from actors.rules.model import OrderSide, OrderType, Side
from tests.wire.binance_usdm.desk import Desk
from tests.wire.binance_usdm.modes import Modes
from tests.wire.core.account import SimOrder
from tests.wire.core.ledger import order_json, text
from tests.wire.core.server import Fail

Json = Any


class BackDoor:
    def __init__(self, desk: Desk, modes: Modes, client_id: Callable[[], str]) -> None:
        """`client_id` names orders made by hand."""
        self._desk, self._modes, self._client_id = desk, modes, client_id
        self._account = desk.account

    def funding(self, body: dict[str, Json]) -> Json:
        symbol = body["symbol"]
        if "amount" in body:
            amounts = [Decimal(str(body["amount"]))]
        else:
            rate = Decimal(str(body["rate"]))
            held = self._account.positions(symbol)
            amounts = [-each.mark * each.quantity * each.side.sign * rate for each in held]
        for amount in amounts:
            self._account.pay_funding(symbol, amount)
        return {"amounts": [text(amount) for amount in amounts]}

    def adl(self, body: dict[str, Json]) -> Json:
        held = [each for each in self._account.positions(body["symbol"]) if body.get("side") in (None, each.side.value)]
        if not held:
            raise ValueError(f"no position in {body['symbol']}")
        position = held[0]
        quantity = Decimal(str(body.get("quantity", position.quantity)))
        order = self._desk.submit(
            SimOrder(
                symbol=position.symbol,
                side=position.side.exit,
                type=OrderType.MARKET,
                quantity=quantity,
                reduce_only=True,
                extra={"autoclose": "adl_autoclose", "positionSide": self._modes.position_side(position)},
            )
        )
        return order_json(order)

    def foreign(self, body: dict[str, Json]) -> Json:
        kind = str(body.get("type") or "market").upper()
        params = {
            "symbol": body["symbol"],
            "side": str(body["side"]).upper(),
            "type": kind,
            "quantity": str(body["quantity"]),
            "newClientOrderId": body.get("client_order_id") or self._client_id(),
        }
        if kind == "LIMIT":
            params |= {"price": str(body["price"]), "timeInForce": "GTC"}
        if self._modes.is_hedge:
            buys = params["side"] == OrderSide.BUY.value.upper()
            reduce_only = bool(body.get("reduce_only"))
            building = Side.LONG if buys is not reduce_only else Side.SHORT
            params["positionSide"] = str(body.get("position_side") or building.value).upper()
        elif body.get("reduce_only"):
            params["reduceOnly"] = "true"
        try:
            return order_json(self._desk.place(params))
        except Fail as fail:
            raise ValueError(str(fail.reply.body)) from fail
