"""A whole Terrace that trades on a simulated venue: daemon, CLI and venue are processes of their own.

    with trading(folder, Place(venue="binance", market="spot")) as stack:
        opened = stack.send(stack.alert("ETH", price="3000"))
        stack.fill(stack.order(opened["group_id"], "e", leg=0), "0.0371")
        stack.settle()                     # venue ledger and store agree to the last unit

Secrets reach the daemon by its environment. `tls=True`: no address is rewritten, a resolver leads every host to the
simulator's TLS port (tls_daemon.py).
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from actors.rules.naming import OrderName, parse_client_order_id
from protos.terrace.v1 import group_pb2 as pb
from protos.terrace.v1 import types_pb2 as t
from tests.system.stack import EVENTUALLY_S, Plain, Stack, _environment, alert, merged, until
from tests.wire.core.server import Endpoints
from tests.wire.run import Admin, Running

D = Decimal
ACCOUNT = "venue"
KEY, SECRET = "VENUE_API_KEY", "VENUE_API_SECRET"
"""Names of the environment variables."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A venue, a market of it, and how positions are kept there."""

    venue: str
    market: str
    position_mode: str = "one_way"

    def __str__(self) -> str:
        return f"{self.venue}-{self.market}" + ("-hedge" if self.is_hedge else "")

    @property
    def is_swap(self) -> bool:
        return self.market == "swap"

    @property
    def is_hedge(self) -> bool:
        return self.position_mode == "hedge"

    @property
    def signs(self) -> tuple[int, ...]:
        """1: groups may be long, -1: short."""
        return (1, -1) if self.is_swap else (1,)

    @property
    def category(self) -> str:
        """The simulated Bybit has two books."""
        return "" if self.venue != "bybit" else "linear" if self.is_swap else "spot"

    def symbol(self, base: str) -> str:
        """ccxt's."""
        return f"{base}/USDT:USDT" if self.is_swap else f"{base}/USDT"

    def ticker(self, base: str) -> str:
        """TradingView's."""
        return f"{base}USDT.P" if self.is_swap else f"{base}USDT"


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueOrder:
    """An order of the venue's ledger that is ours; `name` is what its client id says."""

    name: OrderName
    client_order_id: str
    order_id: str
    symbol: str
    side: str
    type: str
    time_in_force: str
    reduce_only: bool
    price: D | None
    quantity: D
    filled: D
    state: str
    extra: Mapping[str, str]

    @property
    def role(self) -> str:
        return self.client_order_id[-4]

    @property
    def is_open(self) -> bool:
        return self.state in ("open", "partially_filled")

    @property
    def left(self) -> D:
        return self.quantity - self.filled

    @property
    def position_side(self) -> str:
        """Which position it belongs to, as the venue was told: both, long or short."""
        index = {"": "", "0": "BOTH", "1": "LONG", "2": "SHORT"}[self.extra.get("positionIdx", "")]
        return (self.extra.get("positionSide", "") or index).lower() or "both"


class VenueStack(Stack):
    """`Stack` with one account on a simulated venue in place of the paper account."""

    def __init__(
        self,
        folder: Path,
        place: Place,
        endpoints: Endpoints,
        config: Mapping[str, object] | None = None,
        *,
        account: Mapping[str, object] | None = None,
        tls: bool = False,
        api_key: str | None = None,
        api_secret: str | None = None,
    ) -> None:
        self.place, self.endpoints, self.tls = place, endpoints, tls
        self.admin = Admin(endpoints.rest)
        self.environ = {KEY: endpoints.api_key, SECRET: endpoints.api_secret}
        if api_key is not None:
            self.environ[KEY] = api_key
        if api_secret is not None:
            self.environ[SECRET] = api_secret
        self._own = merged(account_config(place, endpoints, tls=tls), account or {})
        super().__init__(folder, config)

    def write_config(self, changes: Mapping[str, object] | None = None) -> None:
        self.config = {**self.config, "accounts": {ACCOUNT: self._own}, "routes": {"*": ACCOUNT}}
        super().write_config(changes)

    def spawn(self, name: str, command: list[str]) -> None:
        if self.tls and name == "daemon":
            port = str(self.endpoints.tls_port)
            command = [sys.executable, "-m", "tests.system.tls_daemon", *command[3:], "--tls-port", port]
        environ = {name: text for name, text in _environment().items() if name not in (KEY, SECRET)}
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(command, stdout=log, stderr=log, env=environ | self.environ)

    # --- doing ------------------------------------------------------------------------------------

    @property
    def is_limited(self) -> bool:
        """Market orders go out as limits at the slippage bound (EXIT-4)."""
        return bool(self.config.get("execution", {}).get("slippage_action") == "limit")

    def tell(self, body: Plain) -> Plain:
        """An alert, by the webhook if the forwarder runs, else by the CLI. Its outcome as the CLI names it."""
        if "forwarder" not in self.processes:
            return self.send(body)
        status, answer = self.post(body)
        assert status == 200, answer
        return {**answer, "outcome": str(answer["outcome"]).upper()}

    def alert(self, base: str = "ETH", timeframe: str = "60", action: str = "buy", **more: object) -> Plain:
        return alert(self.place.ticker(base), timeframe, action, **more)

    def move(self, base: str, price: D | str) -> None:
        """The venue's price, on its book of this market."""
        category = f"{self.place.category}:" if self.place.category else ""
        self.admin.price(f"{category}{base}USDT", price)

    def fill(self, order: VenueOrder, quantity: D | str) -> None:
        """Somebody takes that much of a resting order."""
        self.admin.fill(order.client_order_id, quantity)

    def run(self, *words: str) -> tuple[int, str]:
        """The CLI: its exit code, and what it printed; errors only where it printed nothing else."""
        command = [sys.executable, "-m", "control", "--config", str(self.config_file), *words]
        done = subprocess.run(command, capture_output=True, timeout=EVENTUALLY_S, env=_environment(), check=False)
        return done.returncode, (done.stdout or done.stderr).decode()

    # --- looking ----------------------------------------------------------------------------------

    def shown(self, group_id: str) -> pb.Group:
        """The whole group, over gRPC: quicker than the CLI."""
        return self.client.call(pb.GetGroupRequest(group_id=group_id), pb.GetGroupResponse).group

    def live(self) -> list[pb.Group]:
        """All groups that are not closed."""
        return list(self.client.call(pb.ListGroupsRequest(), pb.ListGroupsResponse).groups)

    def is_closed(self, group_id: str) -> bool:
        return self.shown(group_id).state == t.GROUP_STATE_CLOSED

    def wait_closed(self, group_id: str) -> pb.Group:
        until(lambda: self.is_closed(group_id), EVENTUALLY_S, lambda: f"not closed: {self.shown(group_id)}")
        return self.shown(group_id)

    def venue_ledger(self) -> Plain:
        found: Plain = self.admin.get(f"ledger?category={self.place.category}" if self.place.category else "ledger")
        return found

    def orders(self, group_id: str, role: str = "", **place: int | None) -> list[VenueOrder]:
        """The group's orders at the venue, oldest first; `role`: e, t, s or c; `pyramid`, `leg`: only there."""
        found = [_order(row) for row in self.venue_ledger()["orders"] if parse_client_order_id(row["client_order_id"])]
        return [
            order
            for order in found
            if order.name.group_id == group_id
            and role in ("", order.role)
            and all(getattr(order.name, field) == value for field, value in place.items())
        ]

    def order(self, group_id: str, role: str, pyramid: int | None = 0, leg: int | None = 0) -> VenueOrder:
        """The one open order of that place. Waited for."""

        def found() -> list[VenueOrder]:
            each = self.orders(group_id, role, pyramid=pyramid, leg=leg)
            return [order for order in each if order.is_open]

        orders = until(found, EVENTUALLY_S, lambda: f"no {role} order: {self.orders(group_id)}")
        assert len(orders) == 1, orders
        first: VenueOrder = orders[0]
        return first

    def quote_balance(self) -> D:
        return self.holding("USDT")

    def holding(self, asset: str) -> D:
        balance = self.venue_ledger()["balances"].get(asset, {"free": "0", "locked": "0"})
        return D(balance["free"]) + D(balance["locked"])

    def step(self, base: str) -> tuple[D, D]:
        """Tick and step of the instrument as the daemon knows them."""
        [row] = self.json("account", "instruments", ACCOUNT, "--symbol", self.place.symbol(base))["instruments"]
        return D(row["tick_size"]), D(row["step_size"])

    # --- comparing --------------------------------------------------------------------------------

    def settle(self, started_with: D) -> None:
        """Venue and store agree to the last unit, once both are quiet.

        Every order of ours at the venue is in the store, under its group, filled alike; every execution is in it once,
        with the same price, quantity and fee; what the account holds is what the groups hold, dust included; and the
        quote balance has changed by what was realised less the cost of what is still held (PNL-2). The store has no
        order besides those that never reached the venue.
        """
        until(lambda: not self.differences(started_with), 15, lambda: "\n".join(self.differences(started_with)))

    def differences(self, started_with: D) -> list[str]:
        """What differs, in words."""
        ledger = self.venue_ledger()
        return [
            *self._orders_that_differ(ledger),
            *self._trades_that_differ(ledger),
            *self._holdings_that_differ(ledger),
            *self._money_that_differs(ledger, started_with),
        ]

    def _orders_that_differ(self, ledger: Plain) -> Iterator[str]:
        names = "client_order_id, group_id, side, price, quantity, filled_quantity, state"
        ours = {row[0]: row for row in self.rows(f"SELECT {names} FROM orders")}
        theirs = Counter(row["client_order_id"] for row in ledger["orders"])
        yield from (f"{name} was taken {count} times" for name, count in theirs.items() if count > 1)
        for row in ledger["orders"]:
            name = row["client_order_id"]
            if name not in ours:
                yield f"the store does not know {row}"
                continue
            _, group_id, side, price, quantity, filled, state = ours[name]
            here = (side, _number(price), D(quantity), D(filled), self._told(state))
            there = (row["side"], _number(row["price"]), D(row["quantity"]), D(row["filled"]), self._told(row["state"]))
            if here != there:
                yield f"{name}: {here} here, {there} there"
            said = parse_client_order_id(name)
            if said is None or said.group_id != group_id:
                yield f"{name} is of {group_id}"
        for name, row in ours.items():
            if name not in theirs and (row[6] not in ("rejected", "cancelled") or D(row[5])):
                yield f"the venue does not know {row}"

    def _told(self, state: str) -> str:
        """Bybit calls an order cancelled that ended because nothing is left to reduce."""
        return "cancelled" if state == "expired" and self.place.venue == "bybit" else state

    def _trades_that_differ(self, ledger: Plain) -> Iterator[str]:
        kept = self.rows("SELECT client_order_id, price, quantity, fee, fee_asset, trade_id FROM fills")
        ours = Counter((name, D(p), D(q), D(fee), asset if D(fee) else "") for name, p, q, fee, asset, _ in kept)
        theirs = Counter(
            (
                row["client_order_id"],
                *(D(row[field]) for field in ("price", "quantity", "fee")),
                row["fee_asset"] if D(row["fee"]) else "",
            )
            for row in ledger["trades"]
        )
        yield from (f"the store lacks {trade}" for trade in (theirs - ours).elements())
        yield from (f"the store has too much {trade}" for trade in (ours - theirs).elements())
        ids = Counter((name, trade_id) for name, *_, trade_id in kept)
        yield from (f"{trade} was counted {count} times" for trade, count in ids.items() if count > 1)

    def _holdings_that_differ(self, ledger: Plain) -> Iterator[str]:
        here: Counter[tuple[str, str]] = Counter()
        for symbol, side, quantity in self._held():
            base = symbol.partition("/")[0]
            here[(f"{base}USDT", side) if self.place.is_swap else (base, "long")] += quantity  # type: ignore[assignment]
        if self.place.is_swap:
            there = {(row["symbol"], row["side"]): D(row["quantity"]) for row in ledger["positions"]}
        else:
            there = {
                (asset, "long"): D(row["free"]) + D(row["locked"])
                for asset, row in ledger["balances"].items()
                if asset != "USDT"
            }
        for key in sorted(here.keys() | there.keys()):
            ours, theirs = here.get(key, 0), there.get(key, 0)
            if ours != theirs:
                yield f"{key}: {ours} held here, {theirs} there"

    def _held(self) -> Sequence[tuple[str, str, D]]:
        """Of each group its symbol, side and everything it holds."""
        groups = self.rows("SELECT group_id, symbol, side, loose_quantity FROM position_groups")
        loose = {group_id: more for group_id, *more in groups}
        held = {group_id: D(quantity) for group_id, (_, _, quantity) in loose.items()}
        for group_id, quantity in self.rows("SELECT group_id, lot_quantity FROM legs"):
            held[group_id] += D(quantity)
        return [(loose[group_id][0], loose[group_id][1], quantity) for group_id, quantity in held.items()]

    def _money_that_differs(self, ledger: Plain, started_with: D) -> Iterator[str]:
        """On a swap account with an open position the margin is part of the balance: only the settled part moves."""
        realized = sum((D(row[0]) for row in self.rows("SELECT realized FROM position_groups")), D(0))
        cost = sum((D(row[0]) for row in self.rows("SELECT lot_cost FROM legs")), D(0))
        cost += sum((D(row[0]) for row in self.rows("SELECT loose_cost FROM position_groups")), D(0))
        balance = ledger["balances"]["USDT"]
        change = D(balance["free"]) + D(balance["locked"]) - started_with
        expected = realized if self.place.is_swap else realized - cost
        if change != expected:
            yield f"USDT changed by {change} there; {expected} here: realised {realized}, cost of what is held {cost}"


def account_config(place: Place, endpoints: Endpoints, *, tls: bool = False) -> Plain:
    """The account as a user would write it."""
    config: Plain = {
        "exchange": place.venue,
        "market": place.market,
        "api_key": f"env:{KEY}",
        "api_secret": f"env:{SECRET}",
    }
    if place.is_swap:
        config |= {"position_mode": place.position_mode, "leverage": 3, "margin_mode": "isolated"}
    return config if tls else {**config, "urls": {"rest": endpoints.rest, "ws": endpoints.ws}}


@contextlib.contextmanager
def trading(
    folder: Path, place: Place, config: Mapping[str, object] | None = None, *, tls: bool = False
) -> Iterator[VenueStack]:
    """A simulated venue and a daemon that is ready to trade on it, both ended afterwards. TLS: with the webhook."""
    with Running(place.venue, process=True) as venue:
        stack = VenueStack(folder, place, venue.endpoints, config, tls=tls)
        try:
            stack.start(*(("daemon", "forwarder") if tls else ("daemon",)))
            yield stack
            unlisted = venue.admin.status()["unlisted"]
            assert not unlisted, f"the simulator does not have {unlisted}"
        finally:
            stack.stop()


def leaks(folder: Path, secrets: Sequence[str], *texts: str) -> list[str]:
    """Files below `folder` that hold a secret, and texts that do (LOG-4)."""
    wanted = [secret.encode() for secret in secrets if secret]
    files = [Path(root) / name for root, _, names in os.walk(folder) for name in names]
    found = [str(file) for file in files if file.is_file() and any(each in file.read_bytes() for each in wanted)]
    return found + [text for text in texts if any(each in text.encode() for each in wanted)]


def _order(row: Plain) -> VenueOrder:
    name = parse_client_order_id(row["client_order_id"])
    assert name is not None, row
    known = {field.name for field in dataclasses.fields(VenueOrder)}
    values = {field: value for field, value in row.items() if field in known}
    numbers = {field: _number(row[field]) for field in ("price", "quantity", "filled")}
    return VenueOrder(**{**values, **numbers, "name": name})


def _number(text: str | None) -> D | None:
    return None if text is None else D(text)
