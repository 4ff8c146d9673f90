"""An alert about a state stands as long as the state does, and no longer (LOG-5)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from actors.ports import Applied, StoreFault
from actors.rules.model import Intent, Outcome
from actors.rules.records import Row
from actors.rules.settings import ExecutionSettings
from tests.actors.town import Apply, Town, town_settings


def standing(town: Town) -> set[str]:
    """What alerts are about that have not ended, without the group."""
    rows = town.rows("SELECT alert_key FROM alerts WHERE resolve_time_ms IS NULL")
    return {key.partition("/")[0] for (key,) in rows}


def ever(town: Town) -> set[str]:
    return {key.partition("/")[0] for (key,) in town.rows("SELECT alert_key FROM alerts")}


@pytest.mark.rule("LOG-5", "ORD-10")
def test_the_alert_of_a_close_that_waits_for_a_price_ends_when_the_price_is_there(tmp_path: Path) -> None:
    settings = town_settings(execution=ExecutionSettings(max_quote_age_s=1))  # Prices come only every five seconds.
    with Town(tmp_path, settings=settings) as town:
        signal = town.signal()
        assert town.submit(signal).outcome is Outcome.OPENED
        town.price(signal.key.symbol, "100")
        town.pass_time(2_500)
        assert town.submit(town.signal(intent=Intent.EXIT)).outcome is Outcome.EXITED
        town.pass_time(10_000)
        assert not town.view.current.groups, "it is closed"
        assert "price_stale" in ever(town)
        assert standing(town) == set()


@pytest.mark.rule("LOG-5", "REC-4")
def test_the_alert_of_a_store_that_takes_no_writes_ends_when_it_takes_them_again(tmp_path: Path) -> None:
    failures = 3

    def fail_at_first(apply: Apply, batch: Sequence[tuple[str, Sequence[Row]]]) -> list[Applied]:
        nonlocal failures
        if failures:
            failures -= 1
            raise StoreFault("the disk is full")
        return apply(batch)

    with Town(tmp_path) as town:
        town.settle()
        town.store.around = fail_at_first
        assert town.submit(town.signal()).outcome is Outcome.OPENED
        assert "store" in ever(town)
        assert standing(town) == set()
