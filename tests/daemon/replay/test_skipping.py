"""What is left out changes how long a replay takes, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.rules.records import AddEvent
from daemon.replay.model import ReplayInput, ReplayResult
from daemon.replay.runner import run_replay
from tests.daemon.replay.wild import Wild, whole

SEEDS = (1, 4, 6, 7, 17)
"""Among them swaps, stops, limits that stand, offsets that are planned and such that cannot be paid for."""
MINUTES = 70


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> dict[int, tuple[ReplayInput, ReplayResult]]:
    """By seed: the past, and what a replay makes of it that leaves out what it can."""
    found = {}
    for seed in SEEDS:
        past = Wild(seed, MINUTES).input(tmp_path_factory.mktemp("wild") / "candles")
        found[seed] = past, run_replay(past)
    return found


@pytest.mark.parametrize("seed", SEEDS)
def test_leaving_out_candles_and_looks_gives_the_very_same_result(
    seed: int, quick: dict[int, tuple[ReplayInput, ReplayResult]]
) -> None:
    past, result = quick[seed]
    slow = run_replay(past, skips=False)
    assert whole(result) == whole(slow)
    assert slow.counts["played"] == slow.candles
    assert result.counts["played"] < slow.counts["played"]
    assert result.counts["stops"] < slow.counts["stops"]


def test_the_wild_pasts_hold_what_looks_and_candles_decide(
    quick: dict[int, tuple[ReplayInput, ReplayResult]],
) -> None:
    """Or else the test above would prove nothing."""
    kinds: set[str] = set()
    fills = 0
    for _, result in quick.values():
        kinds |= {stored.event.type for stored in result.store.events if isinstance(stored.event, AddEvent)}
        kinds |= {f"role {order.role.value}" for order in result.store.orders.values()}
        fills += result.counts["fills"]
    assert fills > 100
    wanted = {"signal.queued", "signal.expired", "signal.opened", "limit.set", "risk.skipped", "stop.reached"}
    assert wanted <= kinds, sorted(kinds)


def test_the_same_input_gives_the_same_result_twice(
    quick: dict[int, tuple[ReplayInput, ReplayResult]], tmp_path: Path
) -> None:
    past, result = quick[SEEDS[0]]
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for file in Path(past.candles).iterdir():
        (moved / file.name).write_bytes(file.read_bytes())
    again = run_replay(ReplayInput(settings=past.settings, candles=moved, signals=list(past.signals), seed=past.seed))
    assert whole(again) == whole(result)
    assert again.counts == result.counts
