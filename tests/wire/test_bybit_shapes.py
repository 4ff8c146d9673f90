"""The simulated Bybit's rows have every field that the venue's own documentation shows, and its money adds up."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.rules.choices import Market
from tests.wire.bybit import lookups, trading
from tests.wire.bybit.client import Client, client_of
from tests.wire.bybit.errors import Fault
from tests.wire.bybit.holdings import wallet_row
from tests.wire.bybit.settings import switch_mode
from tests.wire.bybit.venue import Bybit, make_simulator
from tests.wire.run import Running

EXAMPLES = Path(__file__).resolve().parents[3] / "shared" / "wire" / "fixtures" / "bybit_v5_doc_examples.json"
SWAP, SPOT = "BTC/USDT:USDT", "BTC/USDT"


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    """With a filled and an open order in both categories, a position, a payment of funding."""
    with Running("bybit") as venue, client_of(venue.endpoints) as made:
        made.load_markets()
        for symbol in (SPOT, SWAP):
            made.create_order(symbol, "market", "buy", "0.01", None, {})
            made.create_order(symbol, "limit", "buy", "0.01", "59000", {})
        venue.admin.post("funding", symbol="BTCUSDT", amount="0.1")
        yield made


def example(page: str, number: int = 0) -> dict[str, Any]:
    """The number-th JSON block of that page of the documentation that is an answer or event."""
    if not EXAMPLES.exists():
        pytest.skip("needs ../shared/wire")
    blocks = json.loads(EXAMPLES.read_text())["blocks"]
    found = [block["json"] for block in blocks if block["file"] == f"docs/v5/{page}.mdx"]
    answers = [block for block in found if "op" not in block]
    assert isinstance(answers[number], dict)
    return dict(answers[number])


@pytest.mark.parametrize(
    ("path", "query", "page", "number"),
    [
        ("OrderRealtime", {"category": "linear", "symbol": "BTCUSDT"}, "order/open-order", 0),
        ("OrderHistory", {"category": "linear"}, "order/order-list", 0),
        ("ExecutionList", {"category": "linear"}, "order/execution", 0),
        ("PositionList", {"category": "linear", "symbol": "BTCUSDT"}, "position/position", 0),
        ("AccountTransactionLog", {}, "account/transaction-log", 0),
        ("MarketInstrumentsInfo", {"category": "spot"}, "market/instrument", 1),
        ("MarketTickers", {"category": "linear"}, "market/tickers", 0),
        ("MarketTickers", {"category": "spot"}, "market/tickers", 2),
    ],
)
def test_a_row_has_the_documented_fields(
    client: Client, path: str, query: dict[str, str], page: str, number: int
) -> None:
    access = "public" if path.startswith("Market") else "private"
    answer = getattr(client, f"{access}GetV5{path}")(query)
    shown = example(page, number)
    assert set(shown) == set(answer)
    assert missing(shown["result"], answer["result"]) <= {"nextPageCursor"}
    row, documented = answer["result"]["list"][0], shown["result"]["list"][0]
    assert missing(documented, row) == set()


def test_the_wallet_has_the_documented_fields(client: Client) -> None:
    answer = client.privateGetV5AccountWalletBalance({"accountType": "UNIFIED"})["result"]["list"][0]
    documented = example("account/wallet-balance")["result"]["list"][0]
    assert missing(documented, answer) == set()
    assert missing(documented["coin"][0], answer["coin"][0]) == set()


def test_account_and_key_have_the_documented_fields(client: Client) -> None:
    assert missing(example("account/account-info")["result"], client.privateGetV5AccountInfo()["result"]) == set()
    told = client.privateGetV5UserQueryApi()["result"]
    documented = example("user/apikey-info")["result"]
    assert {name for name in missing(documented, told) if not name.endswith("Int64")} == set()
    assert client.publicGetV5MarketTime()["result"].keys() == example("market/time")["result"].keys()


@pytest.mark.parametrize("topic", ["order", "execution", "position", "wallet"])
def test_an_event_has_the_documented_fields(topic: str) -> None:
    simulator, events = make_simulator(), list[tuple[str, dict[str, Any]]]()
    simulator.state.listeners.append(lambda name, rows: events.extend((name, row) for row in rows))
    order = {"category": "linear", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Market", "qty": "0.1"}
    assert not isinstance(trading.create(simulator.state, order), Fault)
    event = next(row for name, row in events if name == topic)
    assert missing(example(f"websocket/private/{topic}")["data"][0], event) == set()


def missing(documented: dict[str, Any], shown: dict[str, Any]) -> set[str]:
    return set(documented) - set(shown)


# --- money ----------------------------------------------------------------------------------------

STEPS = st.tuples(
    st.sampled_from(["spot", "linear"]),
    st.sampled_from(["Buy", "Sell"]),
    st.sampled_from(["Market", "Limit", "Stop", "cancel", "price"]),
    st.integers(1, 40),
    st.integers(55_000, 65_000),
)


def act(simulator: Bybit, step: tuple[str, str, str, int, int]) -> None:
    category, side, kind, size, price = step
    state = simulator.state
    if kind == "price":
        state.accounts[category].set_price("BTCUSDT", Decimal(price))
        return
    if kind == "cancel":
        trading.cancel_all(state, {"category": category, "symbol": "BTCUSDT"})
        return
    order = {"category": category, "symbol": "BTCUSDT", "side": side, "qty": str(Decimal(size) / 100)}
    order |= {"orderType": "Market" if kind == "Market" else "Limit", "price": str(price), "marketUnit": "baseCoin"}
    if kind == "Stop":
        now = state.accounts[category].price("BTCUSDT") or Decimal(0)
        order |= {"triggerPrice": str(price), "triggerDirection": "1" if price > now else "2"}
    if state.hedged and category == "linear":
        order["positionIdx"] = "1" if size % 2 else "2"
    trading.create(state, order)


@settings(max_examples=60, deadline=None)
@given(steps=st.lists(STEPS, max_size=40), hedged=st.booleans())
def test_what_the_wallet_has_locked_is_what_orders_and_positions_bind(
    steps: list[tuple[str, str, str, int, int]], hedged: bool
) -> None:
    simulator = make_simulator(None, Market.SPOT, balances={"USDT": Decimal(50_000), "BTC": Decimal("0.3")})
    state, told = simulator.state, list[dict[str, Any]]()
    state.listeners.append(lambda topic, rows: told.extend(rows) if topic == "wallet" else None)
    if hedged:
        switch_mode(state, {"category": "linear", "coin": "USDT", "mode": 3})
    for step in steps:
        act(simulator, step)
    funds = state.accounts["spot"].book.funds
    assert state.accounts["linear"].book.funds is funds
    for coin in wallet_row(state)["coin"]:
        held = funds.balance(coin["coin"])
        bound = Decimal(coin["locked"]) + Decimal(coin["totalOrderIM"]) + Decimal(coin["totalPositionIM"])
        assert (held.locked, held.free + held.locked) == (bound, Decimal(coin["walletBalance"]))
        heard = [row for wallet in told for row in wallet["coin"] if row["coin"] == coin["coin"]]
        assert not heard or heard[-1]["walletBalance"] == coin["walletBalance"]
    changes = [Decimal(row["change"]) for row in state.log if row["currency"] == "USDT"]
    assert funds.total("USDT") == Decimal(50_000) + sum(changes, Decimal(0))


@settings(max_examples=40, deadline=None)
@given(steps=st.lists(STEPS, max_size=40))
def test_every_order_that_was_accepted_is_in_exactly_one_list_with_all_its_executions(
    steps: list[tuple[str, str, str, int, int]],
) -> None:
    simulator = make_simulator(balances={"USDT": Decimal(50_000), "BTC": Decimal("0.3")})
    state = simulator.state
    for step in steps:
        act(simulator, step)
    for category in ("spot", "linear"):
        query = {"category": category, "symbol": "BTCUSDT", "limit": "50"}
        opened, done = lookups.realtime(state, query), lookups.history(state, query)
        traded = lookups.executions(state, {**query, "limit": "100"})
        assert not isinstance(opened, Fault)
        assert not isinstance(done, Fault)
        assert not isinstance(traded, Fault)
        rows = [*opened["list"], *done["list"]]
        assert sorted(row["orderId"] for row in rows) == sorted(row.order_id for row in state.listed(category))
        for row in rows:
            quantities = [Decimal(each["execQty"]) for each in traded["list"] if each["orderId"] == row["orderId"]]
            assert sum(quantities, Decimal(0)) == Decimal(row["cumExecQty"])
