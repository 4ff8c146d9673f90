"""The admin of this venue: `category` in any request says which book is meant, and the ledger shows both.

GET ledger: {balances, orders, trades, positions, conditional, prices, prices_by_category}; orders and trades have a
`category` and the id the venue shows (`venue_order_id`). POST restart {[streams]}: finished orders are only in the
history from now on; with `streams` every socket breaks as well. POST liquidate {symbol[, kind: adl]}.
GET status has the `topics` of open streams.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from tests.wire.bybit.state import State
from tests.wire.bybit.streams import StreamSession
from tests.wire.core.account import SimAccount
from tests.wire.core.admin import Admin
from tests.wire.core.ledger import ledger, text
from tests.wire.core.server import Call, Reply, Simulator

Json = Any


class BybitAdmin(Admin):
    def __init__(self, simulator: Simulator, state: State, sessions: Collection[StreamSession]) -> None:
        super().__init__(simulator)
        self._state, self._sessions = state, sessions
        self._posts |= {"restart": self._restart, "liquidate": self._take_over}

    def answer(self, call: Call) -> Reply:
        chosen = call.get("category")
        body = call.json
        body.pop("category", None)
        if chosen and chosen not in self._state.accounts:
            return Reply({"error": f"no category {chosen}"}, 400)
        self._account = self._state.accounts[chosen] if chosen else self._simulator.account
        return super().answer(call)

    def _look(self, name: str, call: Call) -> Json:
        return self._ledger(call.params.get("category", "")) if name == "ledger" else super()._look(name, call)

    def _status(self) -> Json:
        """Besides: the topics that are subscribed to, one for each socket."""
        topics = sorted(topic for session in self._sessions for topic in session.topics)
        return {**super()._status(), "topics": topics}

    def _ledger(self, category: str) -> Json:
        """Of one category or of both."""
        accounts: Mapping[str, SimAccount] = self._state.accounts
        shown = [category] if category else list(accounts)
        ledgers = {each: ledger(accounts[each]) for each in shown}
        prices = {each: ledgers[each]["prices"] for each in shown}
        merged: dict[str, Json] = {
            "balances": ledgers[shown[0]]["balances"],
            "positions": [],
            "orders": [],
            "trades": [],
            "prices": {},
            "prices_by_category": prices,
        }
        for each in reversed(shown):
            merged["prices"] |= prices[each]
        for each in shown:
            for kind in ("orders", "trades", "positions"):
                merged[kind] += [{**row, "category": each} for row in ledgers[each][kind]]
        ids = {core: shown_id for shown_id, core in self._state.core_ids.items()}
        for row in (*merged["orders"], *merged["trades"]):
            row["venue_order_id"] = ids.get(row["order_id"], "")
        merged["conditional"] = [
            {
                "category": record.category,
                "venue_order_id": record.order_id,
                "client_order_id": record.order_link_id,
                "symbol": record.symbol,
                "side": record.side.lower(),
                "quantity": text(record.leaves),
                "trigger_price": text(record.trigger_price),
                "trigger_direction": record.trigger_direction,
            }
            for record in self._state.records.values()
            if record.status == "Untriggered" and record.trigger_price is not None and record.category in shown
        ]
        return merged

    def _take_over(self, body: dict[str, Json]) -> Json:
        self._state.take_over = "AdlTrade" if body.get("kind") == "adl" else "BustTrade"
        try:
            return self._liquidate(body)
        finally:
            self._state.take_over = "BustTrade"

    def _restart(self, body: dict[str, Json]) -> Json:
        self._state.restart()
        if body.get("streams"):
            for socket in tuple(self._simulator.sockets):
                socket.close(1006)
        return {}
