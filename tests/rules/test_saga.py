"""The steps of an offset, alone: what is asked of whom, whatever is heard in whatever order."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.rules import saga
from actors.rules.choices import World
from actors.rules.model import Cut, CutState, Reason, Refused
from actors.rules.plain import from_plain, to_plain
from actors.rules.risk_model import OffsetPlan, OffsetWinner, RiskAction, RiskActionState
from actors.rules.saga import Ask, CutNews, Scene, Share, Standing, Stop, Turn

D = Decimal
NOW_MS = 1_000
A_CUT, B_CUT, LOSER_CUT = "act:1", "act:4", "act:6"


def winner(group_id: str, quantity: str = "20", profit: str = "80", **changes: object) -> OffsetWinner:
    made = OffsetWinner(
        group_id=group_id,
        account="paper",
        symbol=f"{group_id.upper()}/USDT",
        quantity=D(quantity),
        expected_profit=D(profit),
        is_whole=False,
        worst_price=D(1),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def action(*winners: OffsetWinner, required: str = "120", **changes: object) -> RiskAction:
    """A loser of 120 and, unless said otherwise, the two winners of the worked example."""
    plan = OffsetPlan(
        loser_group_id="loser",
        quote="USDT",
        required=D(required),
        loss=D(required),
        winners=winners or (winner("a"), winner("b", "80", "40")),
        expected_profit=D(required),
        is_sufficient=True,
        loser_percent=D(100),
        loser_quantity=D(5),
    )
    made = saga.new_action(action_id="act", world=World.PAPER, plan=plan, now_ms=NOW_MS, inputs={})
    return replace(made, **changes)  # type: ignore[arg-type]


def scene(
    loser: Standing | None = None,
    *,
    winners: dict[str, Standing] | None = None,
    take: dict[str, OffsetWinner | Refused] | None = None,
    share: Share | None = None,
    patience_over: bool = False,
) -> Scene:
    whole = Share(quantity=D(5), is_whole=True, percent=D(100))
    plain = {"a": winner("a"), "b": winner("b", "80", "40")}
    return Scene(
        loser=loser or Standing(),
        winner=lambda group_id: (winners or {}).get(group_id, Standing()),
        take=lambda group_id, _needed: (take or plain).get(group_id) or winner(group_id),
        share=lambda _earned: share or whole,
        is_patience_over=lambda _cut_id: patience_over,
    )


def cut(cut_id: str, state: CutState = CutState.DONE, sold: str = "20", realized: str = "80", **changes: object) -> Cut:
    ended = None if state is CutState.RUNNING else NOW_MS
    made = Cut(
        cut_id=cut_id,
        reason=Reason.RISK_OFFSET,
        quantity=D(sold),
        sold=D(sold),
        realized=D(realized),
        state=state,
        create_time_ms=NOW_MS,
        end_time_ms=ended,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def running(cut_id: str) -> Cut:
    return cut(cut_id, CutState.RUNNING, "0", "0")


def whole(made: Cut) -> CutNews:
    return CutNews(cut=made, targets_free=True, targets_whole=True)


def advance(one: RiskAction, news: dict[int, CutNews] | None = None, now: Scene | None = None) -> Turn:
    return saga.advance(one, news or {}, now or scene(), NOW_MS)


def test_the_first_winner_is_asked_first_and_by_the_name_of_its_step() -> None:
    turn = advance(action())
    assert turn.ask == Ask(group_id="a", cut_id=A_CUT, quantity=D(20), worst_price=D(1))
    assert turn.action.steps[1].is_asked
    assert turn.action.state is RiskActionState.PLANNED


@pytest.mark.rule("RISK-7")
def test_winners_come_one_after_the_other_and_then_the_loser() -> None:
    first = advance(action())
    second = advance(first.action, {1: whole(cut(A_CUT))})
    assert second.ask == Ask(group_id="b", cut_id=B_CUT, quantity=D(80), worst_price=D(1))
    third = advance(second.action, {1: whole(cut(A_CUT)), 4: whole(cut(B_CUT, sold="80", realized="40"))})
    assert third.ask == Ask(group_id="loser", cut_id=LOSER_CUT, quantity=None, worst_price=None)
    last = advance(third.action, {6: CutNews(cut=cut(LOSER_CUT, sold="5", realized="-119"), closed=True)})
    assert last.action.state is RiskActionState.DONE
    assert (last.action.realized_profit, last.action.realized_loss) == (D(120), D(119))
    assert last.action.end_time_ms == NOW_MS
    assert all(step.is_done for step in last.action.steps)


def test_what_has_ended_changes_no_more() -> None:
    over = replace(action(), state=RiskActionState.DONE)
    assert advance(over, {1: whole(cut(A_CUT))}) == Turn(action=over)


@pytest.mark.rule("RISK-7")
def test_targets_out_of_the_way_is_a_step_of_its_own() -> None:
    first = advance(action())
    turn = advance(first.action, {1: CutNews(cut=running(A_CUT), targets_free=True)})
    assert [step.is_done for step in turn.action.steps[:3]] == [True, False, False]
    assert turn.action.state is RiskActionState.RUNNING


@pytest.mark.rule("RISK-7")
def test_the_next_winner_waits_until_the_targets_of_the_last_are_whole_again() -> None:
    first = advance(action())
    ended = {1: CutNews(cut=cut(A_CUT), targets_free=True)}
    waits = advance(first.action, ended)
    assert waits.ask == first.ask
    assert waits.action.realized_profit == 80
    goes_on = advance(waits.action, ended, scene(patience_over=True))
    assert isinstance(goes_on.ask, Ask)
    assert goes_on.ask.group_id == "b"


@pytest.mark.rule("RISK-7")
def test_enough_realised_early_leaves_the_other_winners_alone() -> None:
    first = advance(action())
    turn = advance(first.action, {1: whole(cut(A_CUT, realized="125"))})
    assert turn.ask is not None
    assert turn.ask.group_id == "loser"
    assert not turn.action.steps[4].is_asked
    assert "not needed" in turn.action.steps[4].result


@pytest.mark.rule("RISK-7")
def test_the_next_winner_is_asked_for_what_the_earlier_ones_did_not_bring() -> None:
    asked: list[Decimal] = []

    def take(group_id: str, needed: Decimal) -> OffsetWinner:
        asked.append(needed)
        return winner(group_id, "90", "45")

    now = replace(scene(), take=take)
    first = advance(action(), {}, now)
    second = advance(first.action, {1: whole(cut(A_CUT, realized="75"))}, now)
    assert asked == [D(120), D(45)]
    assert isinstance(second.ask, Ask)
    assert second.ask.quantity == D(90)
    assert second.action.steps[4].quantity == D(90), "stored before it is asked"


@pytest.mark.rule("RISK-7")
def test_what_was_asked_is_asked_again_as_it_was_whatever_the_prices_are_now() -> None:
    first = advance(action())
    other = scene(take={"a": winner("a", "3")}, winners={"a": Standing(stop=Reason.PRICE_STALE)})
    assert advance(first.action, {}, other) == Turn(action=first.action, ask=first.ask)


@pytest.mark.rule("RISK-7")
@pytest.mark.parametrize("reason", [Reason.GROUP_CLOSING, Reason.RECOVERED, Reason.BLOCKED, Reason.RISK_DISABLED])
def test_a_loser_that_is_gone_stops_what_runs_and_what_is_to_come(reason: Reason) -> None:
    first = advance(action())
    gone = scene(Standing(stop=reason, detail="why"))
    stopping = advance(first.action, {1: CutNews(cut=running(A_CUT))}, gone)
    assert stopping.ask == Stop(group_id="a", cut_id=A_CUT, reason=reason)
    part = cut(A_CUT, CutState.STOPPED, "4", "16", stop_reason=reason)
    over = advance(stopping.action, {1: whole(part)}, scene()).action
    assert (over.state, over.reason, over.detail) == (RiskActionState.STOPPED, reason, "why")
    assert over.realized_profit == 16
    assert not over.steps[4].is_asked
    assert not over.steps[-1].is_asked


@pytest.mark.rule("RISK-7")
def test_a_stop_waits_for_the_word_of_the_group_that_was_asked() -> None:
    """Its cut may have begun: only the group knows."""
    first = advance(action())
    gone = scene(Standing(stop=Reason.RECOVERED))
    turn = advance(first.action, {}, gone)
    assert turn.ask == first.ask
    assert not turn.action.state.is_final


@pytest.mark.rule("RISK-7")
def test_a_stale_price_of_the_loser_stops_what_has_sold_nothing() -> None:
    turn = advance(action(), {}, scene(Standing(is_stale=True)))
    assert turn.ask is None
    assert (turn.action.state, turn.action.reason) == (RiskActionState.STOPPED, Reason.PRICE_STALE)


@pytest.mark.rule("RISK-7")
def test_a_stale_price_of_the_loser_is_waited_for_once_winners_are_sold() -> None:
    first = advance(action())
    stale = scene(Standing(is_stale=True))
    waits = advance(first.action, {1: whole(cut(A_CUT))}, stale)
    assert (waits.ask, waits.action.state) == (None, RiskActionState.RUNNING)
    goes_on = advance(waits.action, {1: whole(cut(A_CUT))})
    assert goes_on.ask is not None
    lost = advance(waits.action, {}, scene(Standing(stop=Reason.PRICE_STALE, is_stale=True)))
    assert (lost.action.state, lost.action.reason) == (RiskActionState.STOPPED, Reason.PRICE_STALE)


@pytest.mark.rule("RISK-7")
def test_a_stale_price_of_the_next_winner_is_waited_for_once_others_are_sold() -> None:
    first = advance(action())
    stale = scene(winners={"b": Standing(is_stale=True)})
    waits = advance(first.action, {1: whole(cut(A_CUT))}, stale)
    assert waits.ask is None
    assert not waits.action.steps[4].is_done
    goes_on = advance(waits.action, {1: whole(cut(A_CUT))})
    assert goes_on.ask is not None
    assert goes_on.ask.group_id == "b"


@pytest.mark.rule("RISK-7", "RISK-12")
def test_a_winner_that_is_blocked_meanwhile_sells_no_more_and_the_others_go_on() -> None:
    first = advance(action())
    blocked = scene(winners={"a": Standing(stop=Reason.BLOCKED)})
    turn = advance(first.action, {1: CutNews(cut=running(A_CUT))}, blocked)
    assert turn.ask == Stop(group_id="a", cut_id=A_CUT, reason=Reason.BLOCKED)
    part = cut(A_CUT, CutState.STOPPED, "1", "4", stop_reason=Reason.BLOCKED)
    after = advance(turn.action, {1: whole(part)}, blocked)
    assert after.ask is not None
    assert after.ask.group_id == "b"


@pytest.mark.rule("RISK-7")
@pytest.mark.parametrize(
    "standing",
    [
        Standing(stop=Reason.GROUP_CLOSING, detail="why"),
        Standing(stop=Reason.PRICE_STALE, detail="why"),
        Standing(is_stale=True, detail="why"),
        Standing(stop=Reason.BLOCKED, detail="why"),
    ],
)
def test_a_winner_that_is_not_fit_is_passed_over(standing: Standing) -> None:
    turn = advance(action(), {}, scene(winners={"a": standing}))
    assert turn.ask is not None
    assert turn.ask.group_id == "b"
    assert turn.action.steps[1].result == f"{standing.stop or Reason.PRICE_STALE}: why"


@pytest.mark.rule("RISK-7")
def test_a_winner_that_is_gone_counts_as_nothing() -> None:
    first = advance(action())
    turn = advance(first.action, {1: CutNews(cut=None, closed=True)})
    assert turn.ask is not None
    assert turn.ask.group_id == "b"
    assert turn.action.realized_profit == 0


@pytest.mark.rule("RISK-7")
def test_a_shortfall_closes_the_covered_share_only() -> None:
    part = Share(quantity=D(2), is_whole=False, percent=D(40), reason=Reason.SHORTFALL)
    first = advance(action(winner("a")))
    turn = advance(first.action, {1: whole(cut(A_CUT, realized="48"))}, scene(share=part))
    assert turn.ask == Ask(group_id="loser", cut_id="act:3", quantity=D(2), worst_price=None)
    over = advance(turn.action, {3: whole(cut("act:3", sold="2", realized="-47"))}).action
    assert (over.state, over.reason, over.realized_loss) == (RiskActionState.PARTIAL, Reason.SHORTFALL, D(47))


@pytest.mark.rule("RISK-7")
def test_nothing_realised_closes_nothing() -> None:
    nothing = Share(quantity=D(0), is_whole=False, percent=D(0), reason=Reason.SHORTFALL)
    none_fit = scene(take={"a": Refused(reason=Reason.NOT_PROFITABLE)}, share=nothing)
    over = advance(action(winner("a")), {}, none_fit).action
    assert (over.state, over.reason) == (RiskActionState.STOPPED, Reason.SHORTFALL)
    assert not over.steps[-1].is_asked


@pytest.mark.rule("RISK-7")
def test_a_loser_that_closes_by_itself_before_its_cut_begins_ends_the_action() -> None:
    first = advance(action(winner("a")))
    turn = advance(first.action, {1: whole(cut(A_CUT, realized="120"))})
    over = advance(turn.action, {3: CutNews(cut=None, closed=True)}).action
    assert (over.state, over.reason) == (RiskActionState.STOPPED, Reason.GROUP_CLOSING)
    assert over.realized_profit == 120


@pytest.mark.rule("RISK-7")
def test_once_the_loser_is_asked_no_recovery_stops_it() -> None:
    first = advance(action(winner("a")))
    turn = advance(first.action, {1: whole(cut(A_CUT, realized="120"))})
    recovered = scene(Standing(stop=Reason.RECOVERED))
    again = advance(turn.action, {3: CutNews(cut=running("act:3"))}, recovered)
    assert again == Turn(action=turn.action, ask=turn.ask)
    assert saga.stop(turn.action, Reason.RISK_DISABLED) is turn.action


@pytest.mark.rule("RISK-10")
def test_a_skipped_evaluation_has_an_end_and_no_steps() -> None:
    over = saga.skipped(action(), Reason.INSUFFICIENT_PROFIT, "50 of 120")
    assert (over.state, over.reason, over.steps, over.end_time_ms) == (
        RiskActionState.SKIPPED,
        Reason.INSUFFICIENT_PROFIT,
        (),
        NOW_MS,
    )


def test_the_name_of_a_cut_leads_back_to_its_step() -> None:
    assert saga.step_of(saga.cut_id("act", 4)) == ("act", 4)
    assert saga.step_of("reduce-signal-1") == ("reduce-signal-1", -1)


# --- whatever happens -----------------------------------------------------------------------------


@dataclass
class Town:
    """Groups as the protocol promises them, a store, and mail that gets lost, comes twice and late."""

    rng: random.Random
    action: RiskAction
    cuts: dict[str, Cut] = field(default_factory=dict)
    asked: dict[str, tuple[Decimal | None, Decimal | None]] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    loser: Standing = field(default_factory=Standing)
    blocked: set[str] = field(default_factory=set)
    news: dict[int, CutNews] = field(default_factory=dict)
    mail: list[object] = field(default_factory=list)

    def go_on(self) -> None:
        turn = saga.advance(self.action, self.news, self.scene(), NOW_MS)
        self.action = from_plain(RiskAction, to_plain(turn.action))
        if turn.ask is not None:
            self.mail.append(turn.ask)

    def scene(self) -> Scene:
        share = self.rng.choice(
            [Share(quantity=D(5), is_whole=True, percent=D(100)), Share(quantity=D(2), is_whole=False, percent=D(40))]
        )
        return Scene(
            loser=self.loser,
            winner=lambda group_id: Standing(stop=Reason.BLOCKED if group_id in self.blocked else None),
            take=lambda group_id, needed: winner(group_id, str(self.rng.randint(1, 9)), str(needed)),
            share=lambda earned: share if earned > 0 else replace(share, quantity=D(0)),
            is_patience_over=lambda _cut_id: self.rng.random() < 0.2,
        )

    def deliver(self) -> None:
        if not self.mail:
            return
        at = self.rng.randrange(len(self.mail))
        message = self.mail[at] if self.rng.random() < 0.2 else self.mail.pop(at)
        if self.rng.random() < 0.2:
            return
        if isinstance(message, Ask):
            self.begin(message)
        elif isinstance(message, Stop):
            known = self.cuts.get(message.cut_id)
            if known is not None and known.state is CutState.RUNNING and not known.is_whole:
                self.end(known, CutState.STOPPED)
            self.report(message.cut_id)
        elif isinstance(message, tuple):
            self.hear(*message)

    def begin(self, ask: Ask) -> None:
        how = (ask.quantity, ask.worst_price)
        assert self.asked.setdefault(ask.cut_id, how) == how, "asked again for something else"
        if ask.group_id == "loser":
            assert all(cut.state is not CutState.RUNNING for cut in self.cuts.values() if cut.cut_id != ask.cut_id)
        if ask.cut_id not in self.cuts and ask.group_id not in self.gone:
            others = [one for one in self.cuts.values() if one.state is CutState.RUNNING]
            assert not others, "two cuts of an action at once"
            self.cuts[ask.cut_id] = replace(
                running(ask.cut_id), is_whole=ask.quantity is None, quantity=ask.quantity or D(5)
            )
        self.report(ask.cut_id)

    def sell(self) -> None:
        for one in list(self.cuts.values()):
            if one.state is CutState.RUNNING:
                sold = min(one.quantity, one.sold + self.rng.randint(0, 3))
                per_unit = D(-24) if one.cut_id == f"act:{len(self.action.steps) - 1}" else D(self.rng.randint(0, 12))
                grown = replace(one, sold=sold, realized=one.realized + (sold - one.sold) * per_unit)
                self.cuts[one.cut_id] = grown
                if sold == one.quantity:
                    self.end(grown, CutState.DONE)
                self.report(one.cut_id)

    def end(self, one: Cut, state: CutState) -> None:
        self.cuts[one.cut_id] = replace(one, state=state, end_time_ms=NOW_MS, stop_reason=Reason.NOT_PROFITABLE)

    def report(self, cut_id: str) -> None:
        known = self.cuts.get(cut_id)
        ended = known is not None and known.state is not CutState.RUNNING
        whole_again = ended and self.rng.random() < 0.6
        self.mail.append((cut_id, CutNews(cut=known, targets_free=self.rng.random() < 0.5, targets_whole=whole_again)))

    def hear(self, cut_id: str, heard: CutNews) -> None:
        self.news[saga.step_of(cut_id)[1]] = heard
        self.go_on()

    def step(self) -> None:
        chance = self.rng.random()
        if chance < 0.55:
            self.deliver()
        elif chance < 0.7:
            self.sell()
        elif chance < 0.9:
            self.go_on()
        elif chance < 0.93:
            self.news = {}
            self.go_on()  # A new life: it has heard nothing yet.
        elif chance < 0.95:
            self.loser = self.rng.choice([Standing(), Standing(stop=Reason.RECOVERED), Standing(is_stale=True)])
        elif chance < 0.97:
            self.blocked = set(self.rng.choice([(), ("a",), ("b",)]))


@pytest.mark.rule("RISK-7")
@given(seed=st.integers(0, 1_000_000))
def test_whatever_is_lost_or_repeated_an_action_ends_and_nothing_is_asked_twice(seed: int) -> None:
    rng = random.Random(seed)
    town = Town(rng, action())
    if rng.random() < 0.2:
        town.gone.add(rng.choice(["a", "b", "loser"]))
    town.go_on()
    for _ in range(400):
        before = town.action
        town.step()
        if before.state.is_final:
            assert town.action == before, "what has ended changes no more"
    town.loser, town.blocked = Standing(), set()
    for _ in range(2_000):
        if town.action.state.is_final:
            break
        town.step()
    assert town.action.state.is_final
    assert town.action.realized_profit == sum((step.realized for step in town.action.steps[:-1]), D(0))
    assert -town.action.realized_loss == town.action.steps[-1].realized
    for step in town.action.steps:
        known = town.cuts.get(saga.cut_id("act", step.index))
        if known is not None:
            assert (step.sold, step.realized) == (known.sold, known.realized), "counted once, and whole"
    if not town.action.steps[-1].is_asked:
        assert "act:6" not in town.cuts
