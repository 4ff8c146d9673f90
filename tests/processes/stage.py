"""What the tests of single troubles share: a quiet paper installation under load, brought to rest and checked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

from tests.processes.checks import Terms, at_rest
from tests.processes.load import Load, Market, PaperPrices, Prices
from tests.processes.quiet import Quiet
from tests.processes.works import SYMBOLS, Works
from tests.system.stack import until

D = Decimal
TICKERS = {symbol.replace("/", ""): symbol for symbol in SYMBOLS}
SETTLES_S = 45.0


def terms_of(works: Works) -> Terms:
    config = works.stack.config
    return Terms(
        max_open_groups=config["pool"]["max_open_groups"],
        is_swap=False,
        began_with=D(config["accounts"]["paper"]["balances"]["USDT"]),
    )


@contextmanager
def loaded(works: Works, *, traded: tuple[str, ...] = tuple(TICKERS)) -> Iterator[Load]:
    """Senders by webhook and gRPC of alerts for `traded`, all prices moving. Ended with the block, come what may."""
    prices = Prices(dict.fromkeys(TICKERS, D(100)), PaperPrices(works.stack, TICKERS), 1)
    market = Market(tickers=traded, timeframes=("15", "60"))
    load = Load(works.stack, market, prices, seed=1, http_senders=2, grpc_senders=2, http_pause_s=0.15, pause_s=0.08)
    load.start()
    try:
        yield load
    finally:
        load.give_up()
        load.stop()


def settle_and_check(works: Works, load: Load) -> None:
    """No new alerts; everything comes to rest, and every promise holds. AssertionError in words if not."""
    load.stop()
    load.settle_prices(10.0)
    terms, quiet = terms_of(works), Quiet()

    def busy() -> list[str]:
        works.look_alive("daemon")
        return quiet.busy(works.store(), works.venue(), terms, len(works.spooled()))

    def why() -> str:
        """With what the engine says of itself: on a busy machine the store is slow, and then entries wait (REC-4)."""
        return f"not at rest: {busy()[:5]}; {works.stack.json('engine', 'status')['status']['degradations']}"

    until(lambda: not busy(), SETTLES_S, why)
    broken = list(map(str, at_rest(works.store(), works.venue(), terms, load.sent, works.refused())))
    assert broken == [], broken[:10]
    assert load.failures == [], load.failures[:5]
