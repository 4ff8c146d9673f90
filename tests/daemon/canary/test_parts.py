"""The gate, the vault that is only read, and what is compared, each by itself."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from actors.budget import Budget
from actors.messages import Answered, AnsweredAll, Fate, LookedUp, OpenOrdersFetched
from actors.ports import Sink
from actors.rules.model import Order, OrderReport, OrderSide, OrderState, Reason, Refused
from actors.rules.records import DriftKind, SaveDrift
from daemon.canary import compare
from daemon.canary.compare import Moment
from daemon.canary.executions import Execution, PaperMoney
from daemon.canary.facts import Facts, Known, Money, OpenOrder
from daemon.canary.folder import time_of_backup
from daemon.canary.gate import MAX_HELD, GatedExchange, Seen
from daemon.canary.vault import seen_vault
from daemon.clock import SystemClock
from daemon.config.load import LoadedConfig, load_config
from daemon.secret_sources.value import Secret
from daemon.vault.opening import make_vault
from tests.daemon.exchanges.fake_venue import an_order

D = Decimal
HOUR_MS = 3_600_000
MOMENT = Moment(copy_ms=10 * HOUR_MS, margin_ms=60_000)


class Inner:
    """An exchange that notes what reaches it."""

    acceptance_window_ms = 1_000
    can_amend = can_stop = True

    def __init__(self) -> None:
        self.budget = Budget()
        self.asked: list[str] = []
        self.sink: Sink = lambda _message: None

    def start(self, sink: Sink, _incarnation: int) -> None:
        self.sink = sink

    def __getattr__(self, name: str) -> Any:
        return lambda *_: self.asked.append(name)


@pytest.fixture
def gated() -> tuple[GatedExchange, Inner, list[Any]]:
    inner, heard = Inner(), list[Any]()
    gate = GatedExchange(inner, SystemClock())
    gate.start(heard.append, 7)
    return gate, inner, heard


def test_nothing_that_changes_anything_passes_the_gate(gated: tuple[GatedExchange, Inner, list[Any]]) -> None:
    gate, inner, heard = gated
    order = an_order()
    said: list[object] = []

    class Reply:
        def reply(self, answer: object) -> None:
            said.append(answer)

    for what in (gate.submit, gate.cancel, gate.amend):
        what([order, an_order(2)])
    gate.set_price("BTC/USDT", D(1), Reply())
    assert inner.asked == []
    assert isinstance(said[0], Refused)
    answers = [answer for message in heard for answer in message.answers]
    assert [answer.request for answer in answers] == ["submit"] * 2 + ["cancel"] * 2 + ["amend"] * 2
    assert {(each.fate, each.reason, each.incarnation) for each in answers} == {
        (Fate.TEMPORARY, Reason.ACCOUNT_NOT_READY, 7)
    }
    assert {key[0] for key in gate.look().held} == {"submit", "cancel", "amend"}


def test_questions_pass_the_gate_and_their_answers_are_kept(gated: tuple[GatedExchange, Inner, list[Any]]) -> None:
    gate, inner, heard = gated
    order = an_order()
    gate.look_up(order)
    gate.fetch_open_orders()
    gate.fetch_balances()
    gate.fetch_instruments()
    gate.subscribe(["BTC/USDT"])
    gate.probe()
    assert inner.asked == [
        *("look_up", "fetch_open_orders", "fetch_balances", "fetch_instruments", "subscribe", "probe")
    ]
    name = order.client_order_id
    absent = LookedUp(incarnation=7, client_order_id=name, fate=Fate.ACCEPTED, report=None, asked_ms=1)
    inner.sink(absent)
    assert gate.look().absent == {name}
    report = OrderReport(client_order_id=name, state=OrderState.OPEN, time_ms=5)
    listed = OpenOrdersFetched(incarnation=7, fate=Fate.ACCEPTED, reports=(report,), asked_ms=2)
    inner.sink(listed)
    assert (gate.look().absent, gate.look().listed, gate.look().reports) == (set(), (report,), {name: report})
    assert heard == [absent, listed]


def test_what_is_held_back_has_a_limit_and_is_counted_beyond_it(
    gated: tuple[GatedExchange, Inner, list[Any]],
) -> None:
    gate, _, heard = gated
    gate.submit([an_order(number) for number in range(1, MAX_HELD + 6)])
    assert (len(gate.look().held), gate.look().held_more) == (MAX_HELD, 5)
    assert isinstance(heard[0], AnsweredAll)
    assert isinstance(heard[0].answers[0], Answered)


def facts(**changes: Any) -> Facts:
    order = open_order()
    plain: dict[str, Any] = {
        "schema": "001_initial",
        "restored_from": "",
        "newest_ms": 0,
        "groups": {"g": Money(count=1, quantity=D("1.5"), cost=D(150), realized=D("0.1"), fills=2, filled=D("1.5"))},
        "closed": {"paper": Money(count=3, realized=D(7))},
        "open_orders": {order.client_order_id: order},
        "unfounded": {},
    }
    return Facts(**plain | changes)


def open_order(**changes: Any) -> OpenOrder:
    plain: dict[str, Any] = {
        "client_order_id": an_order().client_order_id,
        "account": "paper",
        "symbol": "BTC/USDT",
        "state": "open",
        "price": D(100),
        "quantity": D(2),
        "filled": D(0),
    }
    return OpenOrder(**plain | changes)


@pytest.mark.parametrize("field", ["count", "quantity", "cost", "realized", "fees", "fills", "filled", "turnover"])
def test_a_migration_that_changes_money_is_found(field: str) -> None:
    before = facts()
    assert list(compare.of_migration(before, facts())) == []
    group = replace(before.groups["g"])
    setattr(group, field, getattr(group, field) + 1)
    [found] = compare.of_migration(before, facts(groups={"g": group}))
    assert found.where == "group g"
    closed = replace(before.closed["paper"])
    setattr(closed, field, getattr(closed, field) + 1)
    [found] = compare.of_migration(before, facts(closed={"paper": closed}))
    assert found.where == "closed groups of account paper"


def test_a_migration_that_loses_a_group_or_an_order_is_found() -> None:
    assert [each.what for each in compare.of_migration(facts(), facts(groups={}))] == ["migration: group"]
    [found] = compare.of_migration(facts(), facts(open_orders={}))
    assert (found.copy, found.now) == ("open, 2 at 100, 0 filled", "nothing")


def test_balances_of_a_paper_account_must_not_change() -> None:
    before = PaperMoney(balances={"BTC": ("1", "0")}, positions={}, orders={}, symbols=())
    after = replace(before, balances={"BTC": ("1", "0.1")})
    assert list(compare.of_paper("paper", before, before)) == []
    [found] = compare.of_paper("paper", before, after)
    assert (found.where, found.copy, found.now) == ("account paper: BTC", "1 0", "1 0.1")


def execution(time_ms: int, **changes: Any) -> Execution:
    plain: dict[str, Any] = {
        "client_order_id": "",
        "exchange_order_id": "77",
        "symbol": "BTC/USDT",
        "trade_id": "1",
        "side": OrderSide.SELL,
        "quantity": D(1),
        "price": D(100),
        "time_ms": time_ms,
    }
    return Execution(**plain | changes)


@pytest.mark.parametrize(("age_ms", "is_later"), [(-HOUR_MS, False), (-60_001, False), (-60_000, True), (1, True)])
def test_what_is_younger_than_the_copy_is_later_and_no_difference(age_ms: int, is_later: bool) -> None:
    name = an_order().client_order_id
    time_ms = MOMENT.copy_ms + age_ms
    known = Known(ids={name}, by_exchange_id={"77": name})
    [(told, found)] = compare.of_executions("paper", known, [execution(time_ms)], MOMENT, name[:4])
    assert (told, found.copy) == (is_later, "nothing")
    report = OrderReport(client_order_id=name, state=OrderState.OPEN, time_ms=time_ms, quantity=D(3), price=D(100))
    [(told, found)] = compare.of_orders("paper", [open_order()], Seen(reports={name: report}), MOMENT)
    assert (told, found.what, found.copy, found.now) == (is_later, "order quantity", "2", "3")
    [unknown] = compare.unknown_orders("paper", [report], set(), MOMENT, name[:4])
    assert unknown.is_later is is_later


def test_executions_of_others_are_nobodys_difference() -> None:
    assert list(compare.of_executions("paper", Known(), [execution(0)], MOMENT, "abcd")) == []
    report = OrderReport(client_order_id="somebody", state=OrderState.OPEN, time_ms=0)
    assert list(compare.unknown_orders("paper", [report], set(), MOMENT, "abcd")) == []


@pytest.mark.parametrize(
    ("told", "is_later"),
    [
        ([], False),
        ([execution(MOMENT.copy_ms + 1)], True),
        ([execution(MOMENT.copy_ms + 1, quantity=D("0.9"))], False),
        ([execution(MOMENT.copy_ms + 1, side=OrderSide.BUY)], False),
        ([execution(MOMENT.copy_ms - HOUR_MS)], False),
    ],
)
def test_a_holding_that_was_sold_since_is_later(told: Sequence[Execution], is_later: bool) -> None:
    drift = SaveDrift(
        drift_id="d",
        account="paper",
        symbol="BTC/USDT",
        kind=DriftKind.UNCOVERED,
        subject="BTC/USDT:long",
        expected="2 BTC",
        actual="1 BTC",
        shortfall=D(1),
        message="",
        create_time_ms=0,
    )
    [(found, _)] = compare.of_drifts("paper", [drift], {}, Known(), told, MOMENT)
    assert found is is_later
    assert list(compare.of_drifts("paper", [drift], {"d": drift}, Known(), told, MOMENT)) == []


def test_the_name_of_a_backup_tells_when_it_was_made() -> None:
    assert time_of_backup("terrace-19700101T000001005Z-012_config_changes.backup") == 1_005
    assert [time_of_backup(name) for name in ("", "mine.backup", "terrace-19701301T000001005Z-x.backup")] == [None] * 3


@pytest.mark.rule("SEC-3")
def test_the_vault_is_read_without_its_lock_and_nothing_of_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for where in ("daemon.canary.vault", "daemon.vault.opening"):
        monkeypatch.setattr(f"{where}.machine_id", lambda: "0123456789abcdef")
    (tmp_path / "config.yaml").write_text("config_version: 1\ndata_dir: ./data\nvault: {key: machine}\n")
    config = load_config(tmp_path / "config.yaml", {})
    assert isinstance(config, LoadedConfig), config
    real = make_vault(config.daemon, {}, SystemClock().now_ms)
    real.put("binance/api_key", "the key")
    folder = config.daemon.secrets_dir
    (folder / "vault.key.next").write_text("half of a rotation")
    (folder / "vault.key.next").chmod(0o600)
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        done = threading.Event()
        found: list[object] = []

        def read() -> None:
            found.append(seen_vault(config.daemon, {}, SystemClock().now_ms).get("binance/api_key"))
            done.set()

        threading.Thread(target=read, daemon=True).start()
        assert done.wait(2)
    finally:
        os.close(handle)
    assert isinstance(found[0], Secret)
    assert found[0].reveal() == "the key"
    assert {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()} == before


def test_orders_are_compared_by_account_only() -> None:
    order: Order = an_order()
    seen = Seen(absent={order.client_order_id})
    [(is_later, found)] = compare.of_orders("paper", [open_order()], seen, MOMENT)
    assert (is_later, found.what) == (False, "order")
    assert list(compare.of_orders("other", [open_order()], seen, MOMENT)) == []
    assert list(compare.of_orders("paper", [open_order(state="pending")], seen, MOMENT)) == []
