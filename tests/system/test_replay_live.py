"""The same prices and the same alerts, once in a live daemon and once in a replay: the same decisions.

The live daemon is whole: its own threads, store, venue and gRPC. Its prices are set one after the other, and each step
waits until nothing is under way. For the replay the same prices are minutes that stand still, with a minute between
two of them in which the alerts of that step come: so an order rests before the next price in both, and no price of the
one is missing in the other. A live daemon lives in real time, seconds for the day; what waits for a time to pass is
switched off.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from actors.rules.choices import World
from actors.rules.model import Group, GroupState, Order, OrderState, Reason, Trade
from daemon.api.translate import OUTCOME_OF
from daemon.config.load import LoadedConfig, load_config
from daemon.exchanges.matching import Book
from daemon.exchanges.paper import PaperExchange
from daemon.replay.model import ReplayInput, TimedAlert
from daemon.replay.runner import run_replay
from protos.terrace.v1 import account_pb2
from tests import stores
from tests.daemon.api.calls import Client
from tests.daemon.api.conftest import Served

D = Decimal
FULL_DAY = "TERRACE_REPLAY_FULL_DAY"
"""Set to anything: the whole first day of the recorded candles instead of a short made-up past."""
DATA = Path(__file__).parents[3] / "shared" / "data" / "candles"
START_MS = 1_750_000_080_000
MINUTE_MS = 60_000
SYMBOLS = ("BTC/USDT", "ETH/USDT")
SHORT_STEPS = 60
DAY_STEPS = 1_440
REST_LIMIT_S = 30.0
LOOKS_AT_REST = 3
RULES = {
    "BTC/USDT": {"tick_size": "0.01", "step_size": "0.00001", "min_quantity": "0.00001", "min_notional": "5"},
    "ETH/USDT": {"tick_size": "0.01", "step_size": "0.0001", "min_quantity": "0.0001", "min_notional": "5"},
}

Prices = Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class Step:
    """New prices, then these alerts, one after the other."""

    prices: Prices
    alerts: tuple[bytes, ...]


def config(first: Prices) -> dict[str, Any]:
    return {
        "accounts": {
            "paper": {
                "symbols": [*SYMBOLS, "SOL/USDT"],
                "start_prices": {symbol: str(price) for symbol, price in first.items()},
                "instruments": RULES,
                "balances": {"USDT": "20000"},
                "fees": {"maker_percent": "0.05", "taker_percent": "0.1", "paid_in": "quote"},
                "fill": "cross",
                "spread_percent": "0.02",
                "slippage_percent": "0.01",
            }
        },
        "pool": {"max_open_groups": 3},
        "queue": {"opposite_max_age_s": None},
        "risk": {"enabled": False},
        "strategy": {
            "default": {
                "unfilled_group_ttl_s": 0,
                "stop_loss_percent": "2.5",
                "sizing": {"capital_per_pyramid": "1000"},
                "levels": [
                    {"gap_percent": gap, "weight_percent": "25", "tp_percent": target}
                    for gap, target in (("0", "0.6"), ("0.2", "0.4"), ("0.5", "0.5"), ("1", "0.8"))
                ],
            }
        },
    }


# --- prices and alerts ----------------------------------------------------------------------------


def made_up(steps: int, chance: random.Random) -> list[dict[str, D]]:
    prices = {"BTC/USDT": D("60000.00"), "ETH/USDT": D("3000.00")}
    found = [dict(prices)]
    for _ in range(steps - 1):
        prices = {
            symbol: (price * D(str(1 + chance.gauss(0, 0.004)))).quantize(D("0.01")) for symbol, price in prices.items()
        }
        found.append(dict(prices))
    return found


def recorded(steps: int) -> list[dict[str, D]]:
    columns = {}
    for symbol in SYMBOLS:
        with gzip.open(DATA / f"{symbol.replace('/', '')}-1m.csv.gz", "rt", encoding="utf-8") as lines:
            next(lines)
            columns[symbol] = [D(next(lines).split(",")[4]) for _ in range(steps)]
    return [{symbol: column[step] for symbol, column in columns.items()} for step in range(steps)]


def steps_of(prices: Sequence[dict[str, D]], chance: random.Random, share: float) -> list[Step]:
    """`share` of the steps have an alert, a few have two: entries, pyramids, exits, copies and one that is faulty."""
    found = []
    for number, now in enumerate(prices):
        alerts: list[bytes] = []
        while chance.random() < share:
            symbol = chance.choice(SYMBOLS)
            price = (now[symbol] * D(chance.choice(("1", "1", "0.998", "1.001")))).quantize(D("0.01"))
            tv = {
                "exchange": "BINANCE",
                "symbol": symbol.replace("/", ""),
                "timeframe": chance.choice(("15", "60", "240")),
                "action": chance.choice(("buy", "buy", "buy", "sell")),
                "entry_price": str(price),
            }
            alerts.append(json.dumps({"tv": tv, "strategy_info": {"trade_id": f"t{number}.{len(alerts)}"}}).encode())
        found.append(Step(now, tuple(alerts)))
    first = next(number for number, step in enumerate(found) if step.alerts)
    again = found[first + 1]  # Soon: a copy that comes days later is none.
    found[first + 1] = Step(again.prices, (*again.alerts, found[first].alerts[0], b'{"tv": {"symbol": "BTCUSDT"}}'))
    return found


# --- what came of it ------------------------------------------------------------------------------


def essence(groups: Sequence[Group], outcomes: Sequence[tuple[str, str]], balances: Mapping[str, D]) -> dict[str, Any]:
    """What was decided and what came of it, without names and times of its own."""
    return {
        "outcomes": list(outcomes),
        "groups": [group_essence(group) for group in groups],
        "balances": {asset: total for asset, total in balances.items() if total},
    }


def group_essence(group: Group) -> dict[str, Any]:
    orders = sorted(
        group.orders.values(), key=lambda order: (order.role, order.pyramid or 0, order.leg or 0, order.attempt)
    )
    return {
        "key": (group.symbol, group.key.timeframe, group.side),
        "state": (group.state, group.close_reason),
        "money": (group.realized, group.fees),
        "pyramids": [(pyramid.index, pyramid.entry_price, pyramid.capital) for pyramid in group.pyramids],
        "orders": [order_essence(order) for order in orders],
    }


def order_essence(order: Order) -> tuple[Any, ...]:
    place = (order.role, order.pyramid, order.leg, order.attempt)
    shape = (order.side, order.type, order.price, order.quantity, order.state)
    return (*place, *shape, [trade_essence(trade) for trade in order.trades])


def trade_essence(trade: Trade) -> tuple[D, D, D, bool]:
    return trade.price, trade.quantity, trade.fee, trade.maker


# --- live -----------------------------------------------------------------------------------------


class Live:
    """A daemon in a thread of the test, driven over gRPC."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._client: Client = served.client("admin")
        self._daemon = served.daemon
        self.outcomes: list[tuple[str, str]] = []

    def run(self, steps: Sequence[Step]) -> None:
        for step in steps:
            for symbol, price in step.prices.items():
                request = account_pb2.SetPaperPriceRequest(account="paper", symbol=symbol, price=str(price))
                self._client.accounts.SetPaperPrice(request)
                self._rest()
            for alert in step.alerts:
                self.outcomes.append(self._sent(alert))
                self._rest()

    def _sent(self, alert: bytes) -> tuple[str, str]:
        try:
            signal = self._client.send(alert, source="tradingview")
        except Exception as refused:
            return "REJECTED", "INVALID_BODY" if "INVALID" in repr(refused) else repr(refused)
        return _outcome_name(signal.outcome), signal.reason

    def _rest(self) -> None:
        """Until nothing is under way, as far as can be seen, a few looks in a row."""
        deadline_s, quiet = time.monotonic() + REST_LIMIT_S, 0
        while quiet < LOOKS_AT_REST:
            words = self._busy()
            quiet = 0 if words else quiet + 1
            assert time.monotonic() < deadline_s, f"never at rest: {words}"
            time.sleep(0.002)

    def _busy(self) -> str:
        if any(self._daemon._parts.system.depths().values()):
            return "there is mail"
        view = self._daemon._parts.view.current
        here: dict[str, Order] = {}
        for group in view.live():
            if group.state is GroupState.CLOSING:
                return f"{group.group_id} is closing"
            here |= {order.client_order_id: order for order in group.open_orders()}
        if any(_is_moving(order) for order in here.values()):
            return "an order is on its way"
        there = {name: len(order.trades) for name, order in list(self._book().orders.items())}
        if {name: len(order.trades) for name, order in here.items()} != there:
            return "the venue knows other orders"
        if any(True for _ in view.waiting()) and len(view.groups) < 3:
            return "somebody waits, and there is room"
        return ""

    def _book(self) -> Book:
        exchange = self._daemon._parts.exchanges["paper"]
        assert isinstance(exchange, PaperExchange)
        return exchange._venue.book

    def essence(self) -> dict[str, Any]:
        store = self._daemon._store
        balances = {asset: balance.total for asset, balance in self._book().funds.balances().items()}
        return essence(sorted(_all_groups(self._served), key=_opened), self.outcomes, balances) | {
            "waiting": sorted(str(queued.key) for queued in store.load_queue(World.PAPER).entries)
        }


def _is_moving(order: Order) -> bool:
    return order.state is OrderState.PENDING or order.cancel_requested or order.is_amending


def _outcome_name(number: int) -> str:
    return OUTCOME_OF[number].value.upper()


def _opened(group: Group) -> tuple[int, str]:
    return group.create_time_ms, group.group_id


def _all_groups(served: Served) -> Iterator[Group]:
    for (name,) in stores.rows(served.data_dir, "SELECT group_id FROM position_groups ORDER BY id"):
        group = served.daemon._store.load_group(name)
        assert group is not None
        yield group


# --- replayed -------------------------------------------------------------------------------------


def replayed(steps: Sequence[Step], settings_file: Path, folder: Path) -> dict[str, Any]:
    """Each step's prices close a minute that stood still; its alerts come in the minute after that."""
    folder.mkdir()
    for symbol in SYMBOLS:
        lines = [
            f"{START_MS + 2 * number * MINUTE_MS},{price},{price},{price},{price},\n"
            for number, step in enumerate(steps)
            for price in (step.prices[symbol],)
        ]
        (folder / f"{symbol.replace('/', '')}-1m.csv").write_text("".join(lines), encoding="utf-8")
    alerts = [
        TimedAlert(START_MS + (2 * number + 1) * MINUTE_MS + 20_000 + 5_000 * place, "tradingview", body)
        for number, step in enumerate(steps)
        for place, body in enumerate(step.alerts)
    ]
    loaded = load_config(settings_file, {})
    assert isinstance(loaded, LoadedConfig)
    result = run_replay(ReplayInput(settings=loaded.settings, candles=folder, signals=alerts, seed=7))
    outcomes = []
    for outcome in result.outcomes:
        assert outcome.answer is not None, outcome
        reason = "" if outcome.answer.reason is Reason.OK else outcome.answer.reason.value
        outcomes.append((outcome.answer.outcome.value.upper(), reason))
    groups = sorted(result.store.groups.values(), key=_opened)
    balances = {asset: balance.total for asset, balance in result.ledgers["paper"].balances.items()}
    waiting = sorted(str(queued.key) for queued in result.store.queue.values())
    return essence(groups, outcomes, balances) | {"waiting": waiting}


# --- the test -------------------------------------------------------------------------------------


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Callable[[Prices], Served]]:
    started: list[Served] = []

    def start(first: Prices) -> Served:
        folder = tmp_path / "daemon"
        folder.mkdir()
        served = Served(folder, config(first))
        started.append(served)
        served.start()
        return served

    yield start
    for served in started:
        served.stop()


@pytest.mark.rule("PAPER-2")
@pytest.mark.timeout(1_800)
def test_a_replay_decides_what_the_live_daemon_decided(live: Callable[[Prices], Served], tmp_path: Path) -> None:
    chance = random.Random(11)
    if os.environ.get(FULL_DAY):
        if not DATA.is_dir():
            pytest.skip("the recorded candles are not here")
        steps = steps_of(recorded(DAY_STEPS), chance, 0.08)
    else:
        steps = steps_of(made_up(SHORT_STEPS, chance), chance, 0.35)
    served = live(steps[0].prices)
    running = Live(served)
    running.run(steps)
    decided, again = running.essence(), replayed(steps, served.config_file, tmp_path / "candles")
    assert again["outcomes"] == decided["outcomes"]
    assert len(again["groups"]) == len(decided["groups"])
    for mine, theirs in zip(again["groups"], decided["groups"], strict=True):
        assert mine == theirs
    assert again == decided
    kinds = {outcome for outcome, _ in decided["outcomes"]}
    assert {"OPENED", "PYRAMIDED", "QUEUED", "EXITED", "DUPLICATE", "REJECTED"} <= kinds, kinds
    fills = [trade for group in decided["groups"] for order in group["orders"] for trade in order[-1]]
    assert len(fills) > 15
