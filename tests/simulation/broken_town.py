"""A `Town` whose venue, store and process fail: for tests of one fault, or of a few that come together."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from actors.rules.choices import Market
from actors.rules.model import OrderReport, OrderState, Signal
from actors.rules.settings import Settings
from actors.stepped import Stepped
from daemon.assembly import SettingsHolder, assemble
from daemon.first_view import first_view
from tests.actors.town import ACCOUNT, BTC, INSTALLATION, ROUND, START_MS, Town, account_settings
from tests.simulation.faults import Faults
from tests.simulation.ops import BreakStore, BreakVenue, JumpClock, KillProcess, Op, StoreFault, VenueFault
from tests.simulation.store_faults import FaultyStore
from tests.simulation.venue import SimExchange, SimVenue, is_foreign

D = Decimal
SWAP = f"{BTC}:USDT"


class BrokenTown(Town):
    """The same town with `faults`, on `sim`, the venue. What foreigners do on the account is no business of `check`."""

    def __init__(
        self,
        folder: Path,
        *,
        settings: Settings | None = None,
        seed: int = 1,
        rush: float = 0.0,
        is_harsh: bool = False,
    ) -> None:
        self.faults = Faults(random.Random(seed + 2), is_harsh=is_harsh)
        self.exchanges: dict[str, SimExchange] = {}
        self.sim: Any = None
        super().__init__(folder, settings=settings, seed=seed, rush=rush)

    def start(self) -> None:
        self.starts += 1
        self.is_dead = False
        if self.sim is None:
            self.venue = self.sim = SimVenue(
                self.settings.accounts[ACCOUNT], START_MS, random.Random(self.rng.random())
            )
            whole: Any = FaultyStore(self.store, random.Random(self.rng.random()))
            self.store = whole
        self.system = system = Stepped(
            random.Random(self.rng.random()), start_ms=self.now_ms, rush=self.rush, on_fatal=self._fatal
        )
        self.view = first_view(self.settings, self.store, self.reader, self.store.live_groups(), self.now_ms)
        self.checked_version = -1
        exchange: Any = SimExchange(self.sim, system, random.Random(self.rng.random()))
        self.exchange = exchange
        self.exchanges[ACCOUNT] = exchange
        self.parts = assemble(
            system=system,
            settings=SettingsHolder(self.settings),
            store=self.store,
            view=self.view,
            exchanges={ACCOUNT: exchange},
            ids=self.ids,
            installation_id=INSTALLATION,
            observe=self.notes.append,
            store_state=self.view.mark_store,
        )
        system.before_message = self._before
        system.before_tell = self._tells
        system.after_message = self._after
        self.faults.attach(self)
        self.parts.start()

    def kill(self, down_ms: int = 250) -> None:
        self.is_dead = True
        self.exchanges[ACCOUNT].lost()
        self.system.kill()
        self.now_ms = self.system.now_ms() + down_ms

    def price(self, symbol: str, price: str | Decimal, *, settle: bool = True) -> None:
        self.sim.move(symbol, D(price))
        if settle:
            self.settle()

    def signal(self, *signal: Any, **changes: Any) -> Signal:
        """Stamped by its sender's clock, which nobody sets."""
        return super().signal(*signal, **{"sent_time_ms": self.sim.now_ms(), **changes})

    # --- faults -----------------------------------------------------------------------------------

    def breaks(self, fault: VenueFault, count: int = 1, ms: int = 0) -> None:
        self.arm(BreakVenue(account=ACCOUNT, fault=fault, count=count, ms=ms))

    def fails(self, fault: StoreFault, count: int = 1, ms: int = 0) -> None:
        self.arm(BreakStore(fault=fault, count=count, ms=ms))

    def jump(self, ms: int) -> None:
        self.arm(JumpClock(ms=ms))

    def kill_at(self, messages: int, **more: Any) -> None:
        self.arm(KillProcess(messages=messages, **more))

    def arm(self, op: Op) -> None:
        self.revive()
        self.faults.arm(op)

    def calm(self) -> None:
        """Faults end, and everything comes to rest."""
        self.revive()
        self.faults.stop()
        self.settle()

    def run_for(self, ms: int) -> None:
        """Time passes with all that happens in it; a process that dies comes back."""
        until_ms = self.sim.now_ms() + ms
        while self.sim.now_ms() < until_ms:
            self.revive()
            self.system.advance_to(min(self._next_ms(self.system.now_ms()), self.system.now_ms() + 1_000))

    def _venue_busy(self) -> Iterator[str]:
        """What people have placed there by hand is nobody's business."""
        foreign = [name for name, order in self.sim.open_orders().items() if is_foreign(order)]
        for words in super()._venue_busy():
            if not any(words.startswith(f"order {name} ") for name in foreign):
                yield words

    # --- looking on -------------------------------------------------------------------------------

    def ours(self) -> list[OrderReport]:
        """What the venue holds of the engine's orders, oldest first."""
        return [order.report() for order in self.sim.orders.values() if not is_foreign(order)]

    def bought(self) -> Decimal:
        """Base that the engine's orders brought in, less what they sold."""
        sign = {"buy": 1, "sell": -1}
        return sum((sign[o.side.value] * t.quantity for o, t in self.sim.trades if not is_foreign(o)), D(0))

    def venue_orders(self) -> list[tuple[str, OrderReport]]:
        return [(report.client_order_id, report) for report in self.ours()]

    def check_no_order_twice(self) -> None:
        twice = {
            order.client_order_id
            for order in self.sim.orders.values()
            if len(self.sim.named(order.client_order_id)) > 1
        }
        assert not twice, f"the venue has twice: {twice}"

    def open_at_venue(self) -> list[OrderReport]:
        return [report for report in self.ours() if report.state in (OrderState.OPEN, OrderState.PARTIALLY_FILLED)]


def swap_account(**changes: Any) -> Any:
    """A swap account like the spot one of a town."""
    symbols = (SWAP,)
    return account_settings(
        market=Market.SWAP,
        symbols=symbols,
        start_prices=dict.fromkeys(symbols, D(100)),
        instruments=dict.fromkeys(symbols, ROUND),
        **changes,
    )


@contextmanager
def broken(folder: Path, **more: Any) -> Iterator[BrokenTown]:
    """A town at rest, before its first signal."""
    with BrokenTown(folder, **more) as town:
        assert isinstance(town, BrokenTown)
        town.settle()
        yield town
