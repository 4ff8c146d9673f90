"""Reverses and reduces told to a whole engine again and again, disturbed each time at another place.

Whatever fails wherever: never two groups, never a lost new side, the slot never given to another and never over the
limit, nothing kept or reserved in the end, and the same books as without a disturbance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from actors.rules.choices import Market
from actors.rules.model import Intent, Outcome, Side
from actors.rules.settings import Settings
from tests.actors.havoc import Batch, Havoc, places
from tests.actors.test_reverse import OTHER, PERP
from tests.actors.test_story_crashes import BEFORE, DURING, FailingStore, Measure, Strike, crash
from tests.actors.town import ACCOUNT, ROUND, Apply, Books, D, Dealt, Town, account_settings, town_settings

CHUNKS = 4
RUSH = 0.02


def settings() -> Settings:
    """One slot, on a swap account."""
    symbols = (PERP, OTHER)
    account = account_settings(
        market=Market.SWAP,
        symbols=symbols,
        start_prices=dict.fromkeys(symbols, D(100)),
        instruments=dict.fromkeys(symbols, ROUND),
    )
    return replace(town_settings(max_open_groups=1), accounts={ACCOUNT: account})


def tell(town: Town) -> None:
    """A long is reversed while another instrument waits, the short back to long over a queued short, and that long is
    ended; what waited all the time opens then, is reduced, and ends."""
    town.settle()
    send(town, PERP, "100", side=Side.LONG)
    town.price(PERP, "99")
    send(town, OTHER, "130", side=Side.LONG)
    send(town, PERP, "99", Intent.REVERSE, side=Side.SHORT)
    town.price(PERP, "99.6")
    send(town, PERP, "99.5", side=Side.LONG)
    send(town, PERP, "99.6", Intent.REVERSE, side=Side.LONG)
    send(town, PERP, None, Intent.EXIT, side=Side.LONG)
    send(town, OTHER, None, Intent.REDUCE, side=None, order_size=D(1), prev_market_position_size=D(2))
    send(town, OTHER, None, Intent.EXIT, side=None)


def send(
    town: Town, symbol: str, price: str | None, intent: Intent = Intent.ENTRY, *, side: Side | None, **more: Decimal
) -> None:
    town.submit(town.signal(symbol, price, intent, side=side, **more))
    town.pass_time(1)  # Virtual time may stand still: the next signal of a key is a later one all the same.


OUTCOMES = {
    "alert-0001": Outcome.OPENED,
    "alert-0002": Outcome.OPENED,
    "alert-0003": Outcome.REVERSED,
    "alert-0004": Outcome.SUPERSEDED,
    "alert-0005": Outcome.REVERSED,
    "alert-0006": Outcome.EXITED,
    "alert-0007": Outcome.REDUCED,
    "alert-0008": Outcome.EXITED,
}


@contextmanager
def told(folder: Path, *, seed: int = 1, prepare: Callable[[Town], None] | None = None) -> Iterator[Town]:
    with Town(folder, settings=settings(), seed=seed, rush=RUSH) as town:
        if prepare is not None:
            prepare(town)
        tell(town)
        town.settle()
        yield town


@cache
def undisturbed(seed: int) -> Measure:
    counts = {"messages": 0, "tells": 0, "commits": 0}

    def counting(what: str) -> Callable[[str, object], None]:
        def count(_name: str, _message: object) -> None:
            counts[what] += 1

        return count

    def apply(go_on: Apply, batch: Batch) -> list[object]:
        counts["commits"] += len(batch)
        return go_on(batch)  # type: ignore[return-value]

    def look(town: Town) -> None:
        town.on_message, town.on_tell = counting("messages"), counting("tells")
        town.store.around = apply  # type: ignore[assignment]

    with TemporaryDirectory() as folder, told(Path(folder), seed=seed, prepare=look) as town:
        return Measure(merged(town.books()), counts["messages"], counts["tells"], town.store.batches, counts["commits"])


def merged(books: Books) -> Books:
    """Without what is a matter of moments: in how many orders a reduce sold its share."""
    sums: dict[tuple[str, str, Decimal], tuple[Decimal, Decimal]] = {}
    for dealt in books.dealt:
        at = (dealt.group, dealt.role, dealt.price)
        quantity, fee = sums.get(at, (D(0), D(0)))
        sums[at] = (quantity + dealt.quantity, fee + dealt.fee)
    dealt_in_all = tuple(
        Dealt(group=group, role=role, pyramid=None, leg=None, price=price, quantity=quantity, fee=fee)
        for (group, role, price), (quantity, fee) in sorted(sums.items())
    )
    return replace(books, dealt=dealt_in_all)


def run(seed: int, disturb: Callable[[Town], None], what: str) -> None:
    expected = undisturbed(seed).books
    try:
        with TemporaryDirectory() as folder, told(Path(folder), seed=seed, prepare=disturb) as town:
            books = merged(town.books())
            assert books.outcomes == expected.outcomes
            assert books == expected
            town.check_profit()
    except BaseException as error:
        error.add_note(what)
        raise


@pytest.mark.rule("SIG-6", "EXIT-6", "SIG-10")
def test_the_story_of_the_reverses_without_a_disturbance() -> None:
    books = undisturbed(1).books
    assert books.outcomes == OUTCOMES
    names = [(name, state, reason) for name, state, reason, *_ in books.groups]
    assert names == [
        (f"{PERP} 1h #1", "closed", "REVERSE_SIGNAL"),
        (f"{PERP} 1h #2", "closed", "REVERSE_SIGNAL"),
        (f"{PERP} 1h #3", "closed", "EXIT_SIGNAL"),
        (f"{OTHER} 1h #1", "closed", "EXIT_SIGNAL"),
    ]
    assert (books.slots, books.waiting, books.open_orders) == (0, (), ())


def strike_everywhere(seed: int, moment: str, act: Callable[[Town], None], chunk: int) -> None:
    measure = undisturbed(seed)
    count = measure.tells if moment == DURING else measure.messages
    for at in places(chunk, count, CHUNKS, 6):
        strike = Strike(at, moment, act)
        run(seed, strike, f"{act.__name__} {moment} {at} of {count}")
        assert strike.struck


@pytest.mark.rule("REC-1", "REC-2", "SIG-6", "GRP-1", "POOL-2", "SIG-10")
@pytest.mark.parametrize("chunk", range(CHUNKS))
@pytest.mark.parametrize("moment", [BEFORE, DURING])
def test_an_actor_may_crash_at_any_message_of_a_reverse(moment: str, chunk: int) -> None:
    strike_everywhere(1, moment, crash, chunk)


@pytest.mark.rule("REC-1", "SIG-6", "SIG-9", "GRP-1", "POOL-2", "QUE-5")
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_the_process_may_be_killed_at_any_message_of_a_reverse(chunk: int) -> None:
    strike_everywhere(2, DURING, Town.kill, chunk)


@pytest.mark.rule("REC-1", "REC-4", "SIG-6", "POOL-2")
@pytest.mark.parametrize("durable", [False, True], ids=["lost", "durable"])
def test_the_store_may_fail_at_any_batch_of_a_reverse(durable: bool) -> None:
    for at in places(0, undisturbed(1).batches, 1, 3):
        run(1, FailingStore(at, durable=durable), f"fault at batch {at}, durable: {durable}")


@pytest.mark.rule("REC-1", "REC-2", "SIG-6", "POOL-2")
def test_failures_may_follow_on_each_other_in_reverses() -> None:
    for seed in places(0, 40, 1, 3):
        run(1, Havoc(seed), f"havoc with seed {seed}")
