"""What the page Queue shows, made from the daemon's answers."""

from __future__ import annotations

from typing import Any

import pytest

from actors.rules.choices import RankRule
from gui.pages.queue.force import forced
from gui.pages.queue.presses import came_of
from gui.pages.queue.reasons import RULES, WAITS, decided, waits_for
from gui.pages.queue.rows import pool_row, queue_rows, rules_in_order
from gui.pages.risk.settings import Settings
from gui.show.numbers import NONE
from protos.terrace.v1 import engine_pb2, signal_pb2
from protos.terrace.v1 import queue_pb2 as pb
from protos.terrace.v1.types_pb2 import EngineState, Intent, LimitState, Outcome, Side, World

NO_SETTINGS = Settings(values={})


def text(cell: Any) -> str:
    shown: str = cell if isinstance(cell, str) else cell[0]
    return shown.replace("\N{NARROW NO-BREAK SPACE}", " ").replace("\N{MINUS SIGN}", "-")


def entry(rank: int = 1, reasons: dict[str, str] | None = None, **more: Any) -> pb.QueuedSignal:
    values: dict[str, Any] = {
        "signal_id": f"s{rank}",
        "symbol": "SOL/USDT",
        "timeframe": "1h",
        "account": "paper",
        "side": Side.SIDE_LONG,
        "intent": Intent.INTENT_ENTRY,
        "rank": rank,
        "entry_price": "101",
        "planned_capital": "900",
        "wait_reason": "POOL_FULL",
        "rank_reasons": [pb.RankReason(rule=rule, value=value) for rule, value in (reasons or {}).items()],
        **more,
    }
    return pb.QueuedSignal(**values)


def status(**changes: Any) -> engine_pb2.Status:
    values: dict[str, Any] = {
        "world": World.WORLD_PAPER,
        "state": EngineState.ENGINE_STATE_RUNNING,
        "limit_state": LimitState.LIMIT_STATE_NONE,
        "live_groups": 2,
        "max_open_groups": 2,
        "exposure": "2000",
        "reporting_currency": "USDT",
        **changes,
    }
    return engine_pb2.Status(**values)


# --- why this rank --------------------------------------------------------------------------------


def test_every_rule_of_the_engine_has_words() -> None:
    assert {rule.value for rule in RankRule} | {"reverse"} == set(RULES)


@pytest.mark.rule("QUE-2", "QUE-7")
def test_a_rank_is_decided_by_the_first_rule_under_which_two_differ() -> None:
    first = entry(1, {"continuation": "no", "deepest_loss": "-3.85 %", "replacements": "1", "first_in": "5 ms"})
    same = {"continuation": "no", "deepest_loss": "-3.85 %", "replacements": "1", "first_in": "5 ms"}
    assert decided(first, None) == "next in line"
    assert text(decided(entry(2, {**same, "deepest_loss": "-2.61 %"}), first)) == "deepest loss: -2.61 % after -3.85 %"
    assert decided(entry(2, {**same, "replacements": "0"}), first) == "most replacements: 0 after 1"
    assert decided(entry(2, {**same, "first_in": "9 ms"}), first) == "first in: came later"
    assert decided(entry(2, same), first) == "equal under every rule"


@pytest.mark.rule("QUE-2")
def test_behind_the_new_side_of_a_reverse_that_is_the_reason() -> None:
    ahead = entry(1, {"reverse": "yes", "continuation": "no"})
    assert decided(entry(2, {"continuation": "yes"}), ahead) == "after the new side of a reverse"


def test_what_it_waits_for_has_words_and_a_new_code_stands_as_it_is() -> None:
    assert waits_for("POOL_FULL") == "a free slot"
    assert waits_for("SOMETHING_NEW") == "SOMETHING_NEW"
    assert waits_for("") == NONE


def test_every_wait_is_for_a_code_the_engine_has() -> None:
    from actors.rules.model import Reason

    assert set(WAITS) <= {reason.value for reason in Reason}


# --- rows -----------------------------------------------------------------------------------------


@pytest.mark.rule("QUE-7")
def test_a_row_has_its_figures_with_units_and_dashes_where_there_is_none() -> None:
    rows = queue_rows(
        [entry(1, loss_percent="-3.85", expected_profit="249.964"), entry(2, entry_price="", planned_capital="")]
    )
    one, two = rows["s1"], rows["s2"]
    assert text(one["loss"]) == "-3.85 %"
    assert text(one["profit"]) == "+249.96 USDT"
    assert text(one["capital"]) == "900.00 USDT"
    assert one["expires"] == ("never", "dim", "")
    assert (text(two["entry"]), text(two["capital"]), text(two["loss"]), text(two["mark"])) == (
        "the mark",
        NONE,
        NONE,
        NONE,
    )


def test_a_row_says_what_it_would_open() -> None:
    kinds = [
        entry(1),
        entry(2, group_id="g"),
        entry(3, reverse=True),
        entry(4, group_id="g", wait_reason="OPPOSITE_SIDE"),
    ]
    assert [row["kind"] for row in queue_rows(kinds).values()] == [
        "new group",
        "pyramid of a live group",
        "new side of a reverse",
        "new group",
    ]


def test_the_pool_says_why_nothing_can_be_promoted_and_what_holds_back_all() -> None:
    row = pool_row(status(limit_reason="MAX_DRAWDOWN_PERCENT: it is 21"), NO_SETTINGS)
    assert row["slot"] == "no slot is free: 2 of 2 are taken"
    assert row["held"] == "MAX_DRAWDOWN_PERCENT: it is 21"
    free = pool_row(status(live_groups=1, state=EngineState.ENGINE_STATE_PAUSED, state_reason="by admin"), NO_SETTINGS)
    assert (free["slot"], free["held"]) == ("", "by admin")


def test_the_rules_are_named_in_their_order() -> None:
    assert rules_in_order("[deepest_loss, first_in]") == "deepest loss, then first in"


# --- a forced add ---------------------------------------------------------------------------------


@pytest.mark.rule("QUE-6", "POOL-2")
def test_a_forced_add_says_that_it_breaks_the_pools_limit() -> None:
    said = forced(entry(), status(), NO_SETTINGS)
    assert said["said"] == "Opens SOL/USDT 1h long at 101 on paper (paper) now."
    assert said["pool"] == "Breaks the pool's limit: 3 open groups, at most 2."
    assert (said["exposure"], said["needs_exposure"]) == ("No exposure limit is set.", False)
    assert (said["stays"], said["needs_limits"]) == ("", False)
    free = forced(entry(), status(live_groups=1), NO_SETTINGS)
    assert free["pool"] == "Stays within the pool's limit: 2 of 2 open groups."


@pytest.mark.rule("QUE-6", "POOL-2")
def test_a_forced_add_names_the_accounts_own_limit() -> None:
    own = engine_pb2.AccountStatus(account="paper", live_groups=1, max_open_groups=1)
    said = forced(entry(), status(live_groups=1, accounts=[own]), NO_SETTINGS)
    assert said["pool"] == "Breaks the account's limit: 2 groups on paper, at most 1."


@pytest.mark.rule("QUE-6", "POOL-3")
@pytest.mark.parametrize(("most", "breaks"), [("2899.99", True), ("2900", False)])
def test_the_exposure_limit_is_broken_only_beyond_it(most: str, breaks: bool) -> None:
    said = forced(entry(), status(), Settings(values={"limits.max_total_exposure": most}))
    assert said["needs_exposure"] is breaks
    assert text(said["exposure"]).startswith("Breaks it: 2 900.00 USDT" if breaks else "Stays within it: 2 900.00 USDT")


def test_amounts_in_another_currency_are_not_compared() -> None:
    said = forced(entry(symbol="SOL/EUR"), status(), Settings(values={"limits.max_total_exposure": "2000"}))
    assert said["needs_exposure"] is False
    assert text(said["exposure"]) == "The limit is 2 000.00 USDT; what this adds is not known in USDT."


@pytest.mark.rule("QUE-6", "POOL-4")
def test_a_breached_limit_needs_its_own_tick_unless_entries_are_being_cancelled() -> None:
    held = forced(entry(), status(limit_state=LimitState.LIMIT_STATE_NO_NEW_GROUPS, limit_reason="L"), NO_SETTINGS)
    assert (held["needs_limits"], held["limits"]) == (True, "L.")
    worse = forced(entry(), status(limit_state=LimitState.LIMIT_STATE_REDUCE_ONLY, limit_reason="L"), NO_SETTINGS)
    assert worse["needs_limits"] is False
    assert worse["limits"] == "L. Entries are being cancelled: no tick helps, lift the limit first."
    rests = forced(entry(wait_reason="COOLDOWN_AFTER_LOSS", wait_detail="rests until 10:00"), status(), NO_SETTINGS)
    assert (rests["needs_limits"], rests["limits"]) == (True, "rests until 10:00.")


def test_what_a_forced_add_does_not_pass_over_is_said() -> None:
    said = forced(entry(wait_reason="INSUFFICIENT_BALANCE"), status(), NO_SETTINGS)
    assert said["stays"] == "It waits for free balance, which a forced add does not pass over."


def test_what_came_of_a_signal_is_said_with_the_engines_reason() -> None:
    opened = signal_pb2.Signal(symbol="SOL/USDT", timeframe="1h", outcome=Outcome.OUTCOME_OPENED)
    assert came_of(opened) == "SOL/USDT 1h: opened."
    waits = signal_pb2.Signal(
        symbol="SOL/USDT",
        timeframe="1h",
        outcome=Outcome.OUTCOME_QUEUED,
        reason="ENGINE_PAUSED",
        reason_detail="by admin",
    )
    assert came_of(waits) == "SOL/USDT 1h still waits. engine paused: by admin"
