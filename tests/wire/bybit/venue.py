"""Bybit v5 on this machine: one unified account, spot and linear, REST and streams.

    simulator = make_simulator()                      # or make_simulator(Path("instruments.json"), balances={...})
    endpoints = await simulator.start()

- Answers of create, amend and cancel carry ids only; the rest comes over `/v5/private` or is looked up.
- Post-only orders that would take are accepted, then Cancelled with EC_PostOnlyWillTakeLiquidity.
- Conditional orders bind nothing until they are triggered, and keep their id then. There is one price for all triggers.
- `order/realtime` gives 20 rows a page, 50 at most, and knows the last 500 finished orders until the next restart.
- Fields the venue does not know are ignored, as the real one does: a look-up by a misspelt name finds the wrong order.
- Refusals are HTTP 200 with a `retCode`; too many requests of an address are HTTP 403, and it is banned.
- Limits by name (POST /_admin/limits): IP (600 in 5 s), and a second's create_spot, create_linear, amend_*, cancel_*,
  cancel-all_*, create-batch_*, amend-batch_*, cancel-batch_*, realtime, history, executions, positions, wallet, log,
  settings.
Not built: attached take-profit and stop-loss, trading-stop, cross margin (margin is always isolated), borrowing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from actors.rules.choices import FeePaidIn, Market
from actors.rules.model import Instrument, Quote
from actors.rules.money import ZERO
from actors.rules.settings import FeeSettings
from tests.wire.bybit import lookups, settings, trading
from tests.wire.bybit.backdoor import BybitAdmin
from tests.wire.bybit.catalogue import START_PRICES, own_instruments, read_instruments
from tests.wire.bybit.errors import Fault, fault, parameter
from tests.wire.bybit.markets import book, instrument_row, ticker_row
from tests.wire.bybit.replies import Json, envelope, limit_of, page, refusal
from tests.wire.bybit.signing import Keys, check_request
from tests.wire.bybit.state import State
from tests.wire.bybit.streams import PrivateSession, PublicSession, StreamSession
from tests.wire.bybit.unified import SECOND_IDS, UnifiedAccount
from tests.wire.core.account import SimAccount
from tests.wire.core.clock import SimClock
from tests.wire.core.limits import Limit, Limits, Over
from tests.wire.core.server import Call, Reply, Route, Simulator
from tests.wire.core.sockets import Socket

CATEGORIES = ("spot", "linear")
SIGNED, TRADES = frozenset({"signed"}), frozenset({"signed", "trades"})
IP = "IP"
BAN_S = 600
_PER_SECOND = {
    "create_spot": 20,
    "create_linear": 10,
    "amend_spot": 20,
    "amend_linear": 10,
    "cancel_spot": 20,
    "cancel_linear": 10,
    "cancel-all_spot": 20,
    "cancel-all_linear": 10,
    "create-batch_spot": 20,
    "create-batch_linear": 10,
    "amend-batch_spot": 20,
    "amend-batch_linear": 10,
    "cancel-batch_spot": 20,
    "cancel-batch_linear": 10,
    "realtime": 50,
    "history": 50,
    "executions": 50,
    "positions": 50,
    "wallet": 50,
    "log": 30,
    "settings": 10,
}
"""Requests per second of one account, by endpoint and for trading by category. Batches count their orders."""

Answer = Callable[[Call], Json | Fault | tuple[Json, Json]]


class Bybit(Simulator):
    venue = "bybit"

    def __init__(self, accounts: Mapping[str, SimAccount], default: str, clock: SimClock) -> None:
        windows = {IP: Limit(600, 5000)} | {name: Limit(most, 1000) for name, most in _PER_SECOND.items()}
        unified = UnifiedAccount(accounts, default, clock)
        super().__init__(account=unified, clock=clock, limits=Limits(windows, ban_after=0, ban_s=BAN_S))
        self.state = State(accounts, clock)
        self.keys = Keys(self.api_key, self.api_secret)
        self.sessions: set[StreamSession] = set()
        self._admin = BybitAdmin(self, self.state, self.sessions)
        self._add_public()
        self._add_trading()
        self._add_account()
        self.ws_route("/v5/private", self._private)
        self.ws_route("/v5/public/(spot|linear)", self._public)

    # --- routes -----------------------------------------------------------------------------------

    def _add_public(self) -> None:
        self._get("/v5/market/time", lambda call: self._time(call.now_ms))
        self._get("/v5/market/instruments-info", self._instruments)
        self._get("/v5/market/tickers", self._tickers)
        self._get("/v5/market/orderbook", self._orderbook)

    def _add_trading(self) -> None:
        state = self.state
        self._trade("create", lambda call: trading.create(state, call.json))
        self._trade("amend", lambda call: trading.amend(state, call.json))
        self._trade("cancel", lambda call: trading.cancel(state, call.json))
        self._trade("cancel-all", lambda call: trading.cancel_all(state, call.json))
        self._trade("create-batch", lambda call: trading.batch(state, call.json, trading.create, creates=True))
        self._trade("amend-batch", lambda call: trading.batch(state, call.json, trading.amend, creates=False))
        self._trade("cancel-batch", lambda call: trading.batch(state, call.json, trading.cancel, creates=False))

    def _add_account(self) -> None:
        state = self.state
        self._look("order/realtime", "realtime", lambda call: lookups.realtime(state, call.params))
        self._look("order/history", "history", lambda call: lookups.history(state, call.params))
        self._look("execution/list", "executions", lambda call: lookups.executions(state, call.params))
        self._look("position/list", "positions", lambda call: lookups.positions(state, call.params))
        self._look("account/wallet-balance", "wallet", lambda call: lookups.wallet(state, call.params))
        self._look("account/transaction-log", "log", lambda call: lookups.transaction_log(state, call.params))
        self._look("account/info", "settings", lambda call: lookups.account_info(state))
        self._look("user/query-api", "settings", lambda call: lookups.key_info(self.api_key, self.permissions))
        self._set("position/set-leverage", lambda call: settings.set_leverage(state, call.json))
        self._set("position/switch-mode", lambda call: settings.switch_mode(state, call.json))
        self._set("account/set-margin-mode", lambda call: settings.set_margin_mode(state, call.json))
        forbidden = fault(100028, "unified account is forbidden")
        self._set("position/switch-isolated", lambda call: forbidden)

    def _get(self, path: str, answer: Answer) -> None:
        self.route("GET", path, _handler(answer), weights={IP: 1})

    def _look(self, path: str, window: str, answer: Answer) -> None:
        self.route(
            "GET",
            f"/v5/{path}",
            _handler(answer),
            client_id_of=self._client_id,
            weights={IP: 1, window: 1},
            tags=SIGNED,
        )

    def _set(self, path: str, answer: Answer) -> None:
        self.route("POST", f"/v5/{path}", _handler(answer), weights={IP: 1, "settings": 1}, tags=TRADES)

    def _trade(self, name: str, answer: Answer) -> None:
        self.route(
            "POST",
            f"/v5/order/{name}",
            _handler(answer),
            client_id_of=self._client_id,
            weights=lambda call: {IP: 1, _window(name, call): _orders_in(call)},
            tags=TRADES,
        )

    def _client_id(self, call: Call) -> str:
        """The link id that is asked for; of a request by order id, that order's."""
        link, category, order_id = call.get("orderLinkId"), call.get("category"), call.get("orderId")
        record = self.state.records.get(order_id)
        if order_id and record is not None and record.category == category:
            return record.order_link_id
        return link

    # --- what surrounds a request -----------------------------------------------------------------

    def guard(self, call: Call, route: Route) -> Reply | None:
        if "signed" not in route.tags:
            return None
        payload = call.raw_query if call.method == "GET" else call.body.decode("utf-8", "replace")
        said = check_request(self.keys, call.headers, payload, call.now_ms)
        if said is None and "trades" in route.tags and not self.permissions["trade"]:
            said = fault(10005)
        return None if said is None else Reply(refusal(said, call.now_ms))

    def finish(self, call: Call, reply: Reply) -> Reply:
        """With what is left of the endpoint's limit."""
        route = self._routes.get((call.method, call.path))
        if route is None or "signed" not in route.tags:
            return reply
        name = next((each for each in route.weights(call) if each != IP), "")
        if name not in self.limits.windows:
            return reply
        window, now_ms = self.limits.windows[name], self.clock()
        left = max(0, window.limit - self.limits.used(name, now_ms))
        headers = {
            "X-Bapi-Limit": str(window.limit),
            "X-Bapi-Limit-Status": str(left),
            "X-Bapi-Limit-Reset-Timestamp": str((now_ms // 1000 + 1) * 1000 if not left else now_ms),
            "Traceid": f"{call.now_ms:032x}",
            "Timenow": str(now_ms),
        }
        return Reply(reply.body, reply.status, headers | dict(reply.headers))

    def error(self, code: str, call: Call) -> Reply:
        """A return code; below 1000 an HTTP status."""
        if int(code) == 403:
            return Reply("403, access too frequent", 403)
        said = fault(int(code))
        return Reply(refusal(said, call.now_ms), int(code) if 400 <= said.code < 1000 else 200)

    def refuse_rate(self, over: Over, call: Call) -> Reply:
        """Of the address: 403, and a ban. Of the account: 10006 with the time when it may go on."""
        if over.window == IP and not over.is_ban:
            self.limits.ban(self.limits.ban_s, call.now_ms)
        if over.window == IP or over.is_ban:
            return Reply("403, access too frequent", 403)
        until = call.now_ms + over.retry_after_s * 1000
        until = until if not over.window else (call.now_ms // 1000 + 1) * 1000
        headers = {"X-Bapi-Limit-Status": "0", "X-Bapi-Limit-Reset-Timestamp": str(until)}
        return Reply(refusal(fault(10006), call.now_ms), 200, headers)

    def missing(self, call: Call) -> Reply:
        return Reply(refusal(fault(10017), call.now_ms), 404)

    # --- the market -------------------------------------------------------------------------------

    def _time(self, now_ms: int) -> Json:
        return {"timeSecond": str(now_ms // 1000), "timeNano": f"{now_ms}000000"}

    def _market(self, call: Call) -> tuple[SimAccount, list[Instrument]] | Fault:
        account, symbol = self.state.accounts.get(call.get("category")), call.get("symbol")
        if account is None:
            return parameter("Illegal category")
        if symbol and account.instrument(symbol) is None:
            return parameter("Not supported symbols")
        return account, [each for name, each in sorted(account.instruments.items()) if symbol in ("", name)]

    def _instruments(self, call: Call) -> Json | Fault:
        """Spot is one page, whatever the limit."""
        category = call.get("category")
        found, limit = self._market(call), limit_of(call.get("limit"), 500, 1000)
        if isinstance(found, Fault):
            return found
        if isinstance(limit, Fault):
            return limit
        wanted = call.get("status") or "Trading"
        rows = [row for each in found[1] if (row := instrument_row(each, category))["status"] == wanted]
        if category == "spot":
            return {"category": category, "list": rows}
        part, cursor = page(rows, call.get("cursor"), limit)
        return {"category": category, "list": part, "nextPageCursor": cursor}

    def _tickers(self, call: Call) -> Json | Fault:
        category, found = call.get("category"), self._market(call)
        if isinstance(found, Fault):
            return found
        rows = []
        for instrument in found[1]:
            quote, price = _quote(found[0], instrument, call.now_ms), found[0].price(instrument.venue_symbol)
            if quote is not None and price is not None:
                rows.append(ticker_row(instrument, quote, price, category))
        return {"category": category, "list": rows}

    def _orderbook(self, call: Call) -> Json | Fault:
        found = self._market(call)
        if isinstance(found, Fault):
            return found
        if not call.get("symbol"):
            return parameter("params error: symbol is required")
        quote = _quote(found[0], found[1][0], call.now_ms)
        levels: Json = {"s": call.get("symbol"), "b": [], "a": [], "u": 1, "seq": 1}
        if quote is not None:
            levels = book(found[1][0], quote, len(self.state.executions) + 1)
        return {**levels, "ts": call.now_ms, "cts": call.now_ms}

    # --- streams ----------------------------------------------------------------------------------

    def _private(self, socket: Socket) -> PrivateSession:
        return PrivateSession(socket, self.sessions, self.state, self.keys)

    def _public(self, socket: Socket) -> PublicSession:
        return PublicSession(socket, self.sessions, self.state, socket.match.group(1))


def make_simulator(
    instruments_file: Path | None = None,
    market: Market = Market.SPOT,
    *,
    balances: Mapping[str, Decimal] | None = None,
    maker_percent: Decimal = Decimal("0.10"),
    taker_percent: Decimal = Decimal("0.10"),
    spread_percent: Decimal = ZERO,
    prices: Mapping[str, Decimal] | None = None,
    clock: SimClock | None = None,
    **more: Any,
) -> Bybit:
    """Both categories; `market` is the one a bare symbol means in the admin. `more` goes to both books.

    Fees are spot's; perpetuals pay 0.02 as maker and 0.055 as taker. The wallet is one for both.
    """
    clock = clock or SimClock()
    given = {"USDT": Decimal(100_000)} if balances is None else balances
    fees = {
        "spot": FeeSettings(maker_percent=maker_percent, taker_percent=taker_percent, paid_in=FeePaidIn.BASE),
        "linear": FeeSettings(maker_percent=Decimal("0.02"), taker_percent=Decimal("0.055"), paid_in=FeePaidIn.QUOTE),
    }
    accounts = {
        category: SimAccount(
            exchange="bybit",
            market=Market.SPOT if category == "spot" else Market.SWAP,
            instruments=read_instruments(instruments_file, category) if instruments_file else own_instruments(category),
            balances=given if category == "spot" else {},
            fees=fees[category],
            clock=clock,
            spread_percent=spread_percent,
            unique_ids="ever",
            **more,
        )
        for category in CATEGORIES
    }
    accounts["linear"]._next_id = SECOND_IDS
    simulator = Bybit(accounts, "spot" if market is Market.SPOT else "linear", clock)
    for symbol, price in (START_PRICES if prices is None else prices).items():
        if simulator.account.instrument(symbol) is not None:
            simulator.account.set_price(symbol, price)
    return simulator


def _handler(answer: Answer) -> Callable[[Call], Reply]:
    def handle(call: Call) -> Reply:
        said = answer(call)
        if isinstance(said, Fault):
            return Reply(refusal(said, call.now_ms))
        result, ext = said if isinstance(said, tuple) else (said, None)
        return Reply(envelope(result, call.now_ms, ext))

    return handle


def _window(name: str, call: Call) -> str:
    return f"{name}_{'linear' if call.get('category') == 'linear' else 'spot'}"


def _orders_in(call: Call) -> int:
    requests = call.json.get("request")
    return len(requests) if isinstance(requests, list) and requests else 1


def _quote(account: SimAccount, instrument: Instrument, now_ms: int) -> Quote | None:
    quotes = account.bid_ask(instrument.venue_symbol)
    return None if quotes is None else Quote(bid=quotes[0], ask=quotes[1], time_ms=now_ms)
