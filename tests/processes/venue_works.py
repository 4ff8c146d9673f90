"""An installation on a simulated exchange: the venue is a process of its own behind a proxy of ours.

The daemon speaks Binance's or Bybit's protocol through an unmodified ccxt. Somebody takes parts of resting orders
(`take_parts`), as other traders do.
"""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Mapping
from decimal import ROUND_FLOOR, Decimal
from pathlib import Path
from typing import Any, Self

from tests import stores
from tests.processes.books import Store, Venue, copied, read_store, wire_venue
from tests.processes.proxy import Proxy
from tests.processes.works import Works
from tests.system.stack import Plain, Stack, merged
from tests.system.venues import ACCOUNT, Place, VenueStack
from tests.wire.core.server import Endpoints
from tests.wire.engine import DESKS, NO_LIMIT, Desk
from tests.wire.run import Admin, AdminFault, Running

D = Decimal
PLACES = (Place(venue="binance", market="spot"), Place(venue="bybit", market="swap"))
DESK_NAMES = {PLACES[0]: "binance", PLACES[1]: "bybit_linear"}
BASES = ("BTC", "ETH", "SOL")
STARTS = {"BTC": D(60000), "ETH": D(3000), "SOL": D(150)}
CONFIG: Plain = {
    "sources": {"tradingview": {"rate_per_minute": 60000, "burst": 10000}},
    "pool": {"max_open_groups": 6},
    "queue": {"max_size": 12},
    "strategy": {
        "default": {
            "levels": [
                {"gap_percent": "0", "weight_percent": "60", "tp_percent": "0.5"},
                {"gap_percent": "0.4", "weight_percent": "40", "tp_percent": "0.8"},
            ],
            "sizing": {"capital_per_pyramid": "1001.7"},
            "max_pyramids": 3,
            "tp_reprice_ms": 100,
        }
    },
    "risk": {
        "post_full_wait_s": 1,
        "evaluate_interval_s": 1,
        "require_full_pyramids": False,
        "loss_threshold_percent": "-0.3",
        "min_close_notional": "10",
    },
    "execution": {"sweep_interval_s": 2, "max_quote_age_s": 3600, "retry_base_ms": 100},
    "alerts": {"disk_free_mb": 0},
    "logging": {"level": "warning"},
}


class VenueWorks(Works):
    """`Works` on a `Place`. The venue outlives every daemon."""

    account = ACCOUNT

    def __init__(self, folder: Path, place: Place, config: Mapping[str, Any]) -> None:
        self.place = place
        self.running = Running(place.venue, process=True)
        self.running.__enter__()
        self._is_frozen = False
        self._steps: dict[str, Decimal] = {}
        ends = self.running.endpoints
        self.back = Proxy(_port(ends.rest))
        self.back.__enter__()
        super().__init__(folder, merged(CONFIG, config))
        self.admin = Admin(ends.rest)
        self.admin.limits(**dict.fromkeys(self.admin.status()["used"], NO_LIMIT))
        desk: Desk = DESKS[DESK_NAMES[place]]
        self.requests = {"place": desk.place, "cancel": desk.cancel, "look_up": desk.look_up}

    def _make_stack(self, config: Mapping[str, Any]) -> Stack:
        ends, port = self.running.endpoints, self.back.port
        near = Endpoints(
            f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port}", ends.tls_port, ends.api_key, ends.api_secret
        )
        return VenueStack(self.folder, self.place, near, config)

    def __enter__(self) -> Self:
        self._open.callback(self._end_venue)
        super().__enter__()
        return self

    def _end_venue(self) -> None:
        self.thaw_venue()
        self.back.__exit__(None, None, None)
        self.running.__exit__(None, None, None)

    # --- the venue --------------------------------------------------------------------------------

    def freeze_venue(self) -> None:
        self._is_frozen = True
        self._signal_venue(signal.SIGSTOP)

    def thaw_venue(self) -> None:
        self._signal_venue(signal.SIGCONT)
        self._is_frozen = False

    def _signal_venue(self, number: int) -> None:
        process = self.running._process
        assert process is not None
        if process.poll() is None:
            os.kill(process.pid, number)

    def set_price(self, ticker: str, price: Decimal) -> None:
        """OSError where the venue is frozen."""
        if self._is_frozen:
            raise OSError("the venue is frozen")
        category = f"{self.place.category}:" if self.place.category else ""
        self.admin.price(f"{category}{ticker.removesuffix('.P')}", price)

    def take_parts(self, rng: random.Random) -> None:
        """Somebody takes an awkward part of an order that rests."""
        if self._is_frozen:
            return
        resting = [order for order in self.venue().orders if order.is_open and order.price is not None]
        if not resting:
            return
        order = rng.choice(resting)
        step = self._step(order.symbol)
        quantity = (order.left * D(rng.randint(10, 100)) / 100 / step).to_integral_value(ROUND_FLOOR) * step
        if not quantity:
            return
        body: Plain = {"client_order_id": order.client_order_id, "quantity": str(quantity)}
        if self.place.category:
            body["category"] = self.place.category
        try:
            self.admin.post("fill", **body)
        except AdminFault:
            return  # It has ended meanwhile, or this is no quantity of its.

    def _step(self, symbol: str) -> Decimal:
        """Of the instrument, as the daemon knows it."""
        if not self._steps:
            rows = self.stack.rows("SELECT symbol, step_size FROM instruments")
            self._steps = {name: D(step) for name, step in rows}
        return self._steps[symbol]

    # --- looking ----------------------------------------------------------------------------------

    def venue(self) -> Venue:
        path = f"ledger?category={self.place.category}" if self.place.category else "ledger"
        return wire_venue(self.admin.get(path), is_swap=self.place.is_swap)

    def corpse(self) -> tuple[Store, Venue] | None:
        if self._is_frozen or not stores.is_made(self.stack.data_dir):
            return None
        with copied(self.stack.data_dir, self.folder / "corpse") as files:
            return read_store(files), self.venue()


def _port(url: str) -> int:
    return int(url.rpartition(":")[2])
