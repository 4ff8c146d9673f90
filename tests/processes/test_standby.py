"""The leader dies, freezes, or loses the store under load: the standby takes over, and no promise is broken.

`kill` runs every day; `TERRACE_TEST_STANDBY=all` runs the others too (`make standby`).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import postgres, stores
from tests.processes.checks import Terms, always, at_rest
from tests.processes.load import Load, Market, Prices
from tests.processes.proxy import Link
from tests.processes.quiet import Quiet
from tests.processes.run import TIMEFRAMES
from tests.processes.standby_works import StandbyWorks
from tests.processes.venue_works import CONFIG, STARTS
from tests.system.stack import until

pytestmark = pytest.mark.skipif(bool(postgres.why_not()), reason=postgres.why_not())

LEADS_WITHIN_S = 40.0
"""Five seconds for the lease to run out, then a start; the rest is for a slow machine."""
TRADES_WITHIN_S = 60.0
SETTLES_S = 150.0
IS_ALL = os.environ.get("TERRACE_TEST_STANDBY") == "all"


def _kill(works: StandbyWorks) -> None:
    works.kill("daemon")


def _freeze(works: StandbyWorks) -> None:
    works.freeze("daemon")


def _cut(works: StandbyWorks) -> None:
    works.to_store.set(Link.BLACK_HOLE)


BLOWS: dict[str, Callable[[StandbyWorks], None]] = {"kill": _kill, "freeze": _freeze, "cut": _cut}
RUN = [name for name in BLOWS if IS_ALL or name == "kill"]


@pytest.fixture
def _on_postgres(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "IS_POSTGRES", True)


@pytest.mark.rule("ORD-2", "ORD-3", "ORD-7", "REC-1", "SIG-9", "SIG-12")
@pytest.mark.parametrize("blow", RUN)
@pytest.mark.usefixtures("_on_postgres")
def test_the_standby_takes_over_under_load_and_breaks_no_promise(tmp_path: Path, blow: str) -> None:
    with StandbyWorks(tmp_path) as works:
        starts = {works.place.ticker(base): price for base, price in STARTS.items()}
        terms = Terms(max_open_groups=CONFIG["pool"]["max_open_groups"], is_swap=False, began_with=works.venue().quote)
        load = Load(
            works.stack,
            Market(tickers=tuple(starts), timeframes=TIMEFRAMES),
            Prices(starts, works.set_price, 1),
            seed=1,
            http_senders=3,
            grpc_senders=0,
            http_pause_s=0.15,
            others=works.take_parts,
        )
        works.begin()
        works.spawn_standby()
        load.start()
        try:
            until(lambda: len(works.venue().orders) > 10, TRADES_WITHIN_S, "nothing is traded")
            before = works.epochs()
            began = time.monotonic()
            BLOWS[blow](works)
            if blow == "kill":  # Nobody leads yet: what is looked at stands still.
                assert list(map(str, always(works.store(), works.venue(), terms))) == []
            works.turn_to_standby()
            works.wait_ready(LEADS_WITHIN_S)
            leads_s = time.monotonic() - began
            until(lambda: bool(works.epochs() - before), TRADES_WITHIN_S, "the standby sends no order")
            trades_s = time.monotonic() - began
            _see_the_old_one_end(works, blow)
            _settle(works, load, terms)
        finally:
            load.give_up()
            load.stop()
        found = works.stack.json("engine", "status")["status"]["leadership"]
    assert (found["leads"], int(found["epoch"])) == (True, 2)
    heard = sum(item.is_acknowledged for item in load.sent)
    print(f"{blow}: leads after {leads_s:.1f} s, its first order after {trades_s:.1f} s; {heard} alerts acknowledged")
    assert heard > 20


def _see_the_old_one_end(works: StandbyWorks, blow: str) -> None:
    """What comes back finds that it does not lead any more, and ends."""
    if blow == "kill":
        return
    old = works.stack.processes["old"]
    if blow == "freeze":
        works.thaw("old")
    works.to_store.set(Link.OPEN)
    works.to_store.cut()  # Else what was connected meanwhile would stay deaf.
    assert old.wait(60) == 1
    assert "another daemon has taken the lead" in works.stack.log("daemon")


def _settle(works: StandbyWorks, load: Load, terms: Terms) -> None:
    load.stop()
    load.settle_prices(10.0)

    quiet = Quiet()

    def busy() -> list[str]:
        works.look_alive("daemon")
        return quiet.busy(works.store(), works.venue(), terms, len(works.spooled()))

    until(lambda: not busy(), SETTLES_S, lambda: f"not at rest: {busy()[:5]}")
    assert list(map(str, at_rest(works.store(), works.venue(), terms, load.sent, works.refused()))) == []
    assert load.failures == []
