"""The user data stream, as `/private/ws?listenKey=` carries it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs

from actors.rules.model import Balance
from actors.rules.money import ZERO
from tests.wire.binance_usdm import views
from tests.wire.binance_usdm.algo import Algo, AlgoDesk
from tests.wire.binance_usdm.modes import ISOLATED, Modes
from tests.wire.core.account import Changed, SimOrder, SimPosition, SimTrade
from tests.wire.core.ledger import text
from tests.wire.core.sockets import Socket

Json = dict[str, Any]

LISTEN_KEY_MS = 3_600_000
_EXECUTIONS = {"new": "NEW", "trade": "TRADE", "canceled": "CANCELED", "expired": "EXPIRED", "amended": "AMENDMENT"}


class UserStream:
    """One listen key at a time, and every socket that was opened with it."""

    def __init__(self, modes: Modes, algos: AlgoDesk, clock: Callable[[], int]) -> None:
        self.modes, self.algos, self.clock = modes, algos, clock
        self.account = modes.account
        self.key, self.key_ends_ms, self.keys_made = "", 0, 0
        self._sessions: set[UserSession] = set()
        self._wallets = self._current_wallets()
        self._realized: dict[tuple[str, str], Decimal] = {}
        self._reason, self._moved = "", ZERO
        self._funded_symbol = ""
        self._is_trading = False
        """Trades were told of whose position has not been yet."""
        self.account.on_change(self._changed)
        algos.on_update = self._algo_updated

    # --- listen keys ------------------------------------------------------------------------------

    def create_key(self) -> str:
        """The current key with new life, else a new one."""
        if not self.keep_alive():
            self.keys_made += 1
            self.key = f"listenKey{self.keys_made}x".ljust(64, "0")
        self.key_ends_ms = self.clock() + LISTEN_KEY_MS
        return self.key

    def keep_alive(self) -> bool:
        """False where there is no key to keep."""
        self._end_old_key()
        if not self.key:
            return False
        self.key_ends_ms = self.clock() + LISTEN_KEY_MS
        return True

    def delete_key(self) -> None:
        self.key = ""

    def expire_key(self) -> None:
        """Says so once; afterwards the sockets stay open and silent."""
        if self.key:
            now_ms = self.clock()
            self._send({"e": "listenKeyExpired", "E": now_ms, "listenKey": self.key})
            self.key = ""

    def _end_old_key(self) -> None:
        if self.key and self.clock() > self.key_ends_ms:
            self.expire_key()

    def session(self, socket: Socket) -> UserSession:
        """A socket whose key is not valid is taken, but never hears anything."""
        session = UserSession(self, socket, parse_qs(socket.query).get("listenKey", [""])[0])
        self._sessions.add(session)
        return session

    def leave(self, session: UserSession) -> None:
        self._sessions.discard(session)

    def _send(self, event: Json) -> None:
        if event["e"] != "listenKeyExpired":
            self._end_old_key()
        for session in tuple(self._sessions):
            if session.key and session.key == self.key:
                session.socket.event(event)

    # --- events -----------------------------------------------------------------------------------

    def _changed(self, changed: Changed) -> None:
        if changed.order is not None:
            self._order_changed(changed, changed.order)
        elif changed.kind == "funding":
            self._reason, self._moved = "FUNDING_FEE", changed.amount
            self.modes.book_income(changed.symbol, "FUNDING_FEE", changed.amount, changed.asset, changed.time_ms)
            self._funded_symbol = changed.symbol
        elif changed.kind == "balance":
            self._balances_changed(changed.balances)
        elif changed.kind == "position":
            self._is_trading = False
            self._update_account("ORDER", changed.positions)
        elif changed.kind == "leverage":
            now_ms = self.clock()
            setting = {"s": changed.symbol, "l": int(changed.amount)}
            self._send({"e": "ACCOUNT_CONFIG_UPDATE", "E": now_ms, "T": changed.time_ms, "ac": setting})

    def _order_changed(self, changed: Changed, order: SimOrder) -> None:
        if changed.trade is not None:
            self._is_trading = True
            self._book_trade(changed.trade, order)
        body = order_event(order, _EXECUTIONS[changed.kind], changed.time_ms, changed.trade)
        self._send({"e": "ORDER_TRADE_UPDATE", "E": self.clock(), "T": changed.time_ms, "o": body})

    def _book_trade(self, trade: SimTrade, order: SimOrder) -> None:
        side = views.position_side(order)
        key = (trade.symbol, side)
        self._realized[key] = self._realized.get(key, ZERO) + trade.realized
        quote = self.account.instruments[trade.symbol].quote
        if trade.realized:
            self.modes.book_income(trade.symbol, "REALIZED_PNL", trade.realized, quote, trade.time_ms, trade.trade_id)
        if trade.fee:
            self.modes.book_income(
                trade.symbol, "COMMISSION", -trade.fee, trade.fee_asset, trade.time_ms, trade.trade_id
            )

    def _balances_changed(self, balances: Iterable[Balance]) -> None:
        """Margin that is bound or freed moves nothing; what trades move is told with their position."""
        if self._is_trading:
            return
        if self._reason:
            positions = self.account.positions(self._funded_symbol)
            isolated = self.modes.margin_type(self._funded_symbol) == ISOLATED
            self._update_account(self._reason, positions if isolated else ())
            self._reason, self._moved = "", ZERO
            return
        moved = ZERO
        for balance in balances:
            moved = balance.free + balance.locked - self._wallets.get(balance.asset, ZERO)
            if moved:
                break
        if moved:
            self._moved = moved
            self._update_account("DEPOSIT" if moved > 0 else "WITHDRAW", ())
            self._moved = ZERO

    def _update_account(self, reason: str, positions: Iterable[SimPosition]) -> None:
        now_ms, wallets = self.clock(), self._current_wallets()
        rows = [
            {"a": asset, "wb": text(wallet), "cw": text(wallet - self._isolated(asset)), "bc": text(self._moved)}
            for asset, wallet in wallets.items()
            if wallet != self._wallets.get(asset)
        ]
        self._wallets = wallets
        held = [self._position(each) for each in self._shown(positions)]
        self._send({"e": "ACCOUNT_UPDATE", "E": now_ms, "T": now_ms, "a": {"m": reason, "B": rows, "P": held}})

    def _current_wallets(self) -> dict[str, Decimal]:
        return {each.asset: each.free + each.locked for each in self.account.balances()}

    def _isolated(self, asset: str) -> Decimal:
        return sum(
            (
                each.margin
                for each in self.account.positions()
                if self.account.instruments[each.symbol].quote == asset
                and self.modes.margin_type(each.symbol) == ISOLATED
            ),
            ZERO,
        )

    def _shown(self, positions: Iterable[SimPosition]) -> list[SimPosition]:
        """In one-way mode a symbol has one row: the side that is held, else either."""
        if self.modes.is_hedge:
            return list(positions)
        shown: dict[str, SimPosition] = {}
        for position in positions:
            if position.symbol not in shown or position.quantity:
                shown[position.symbol] = position
        return list(shown.values())

    def _position(self, position: SimPosition) -> Json:
        side = self.modes.position_side(position)
        isolated = self.modes.margin_type(position.symbol) == ISOLATED
        return {
            "s": position.symbol,
            "pa": text(views.amount(position)),
            "ep": views.rounded(position.entry_price),
            "bep": views.rounded(position.entry_price),
            "cr": text(self._realized.get((position.symbol, side), ZERO)),
            "up": views.rounded(position.unrealized),
            "mt": "isolated" if isolated else "cross",
            "iw": views.rounded(position.margin) if isolated else "0",
            "ps": side,
            "ma": self.account.instruments[position.symbol].quote,
        }

    def _algo_updated(self, algo: Algo) -> None:
        now_ms = self.clock()
        self._send({"e": "ALGO_UPDATE", "E": now_ms, "T": algo.update_ms, "o": self.algos.event(algo)})


def order_event(order: SimOrder, execution: str, time_ms: int, trade: SimTrade | None) -> Json:
    """The `o` of an ORDER_TRADE_UPDATE."""
    if execution == "TRADE" and ("liquidation" in order.extra or "autoclose" in order.extra):
        execution = "CALCULATED"
    body: Json = {
        "s": order.symbol,
        "c": views.client_id(order),
        "S": order.side.value.upper(),
        "o": views.order_type(order),
        "f": views.time_in_force(order),
        "q": text(order.quantity),
        "p": text(order.price or ZERO),
        "ap": views.rounded(order.average_price),
        "sp": order.extra.get("stopPrice", "0"),
        "x": execution,
        "X": views.STATUS[order.state],
        "i": int(order.order_id),
        "l": text(ZERO if trade is None else trade.quantity),
        "z": text(order.filled),
        "L": text(ZERO if trade is None else trade.price),
        "T": time_ms,
        "t": 0 if trade is None else int(trade.trade_id),
        "b": "0",
        "a": "0",
        "m": trade is not None and trade.maker,
        "R": order.reduce_only,
        "wt": "CONTRACT_PRICE",
        "ot": order.extra.get("origType", views.order_type(order)),
        "ps": views.position_side(order),
        "cp": order.extra.get("closePosition") == "true",
        "rp": text(ZERO if trade is None else trade.realized),
        "pP": False,
        "si": int(order.extra.get("algoId", "0")),
        "ss": 0,
        "V": "EXPIRE_MAKER",
        "pm": "NONE",
        "gtd": 0,
    }
    if trade is not None:
        body |= {"N": trade.fee_asset, "n": text(trade.fee)}
    return body


class UserSession:
    def __init__(self, stream: UserStream, socket: Socket, key: str) -> None:
        self.stream, self.socket, self.key = stream, socket, key

    def received(self, text: str) -> None:
        """Nothing is to be asked here."""

    def closed(self) -> None:
        self.stream.leave(self)
