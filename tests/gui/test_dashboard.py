"""The dashboard's own arithmetic and words."""

from __future__ import annotations

from decimal import Decimal

import orjson
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from control.client import Invalid
from control.config_file import ConfigFile
from gui.live.topics import Cell, Snapshot
from gui.pages.dashboard.curve import HEIGHT, MARGIN, WIDTH, drawn, path
from gui.pages.dashboard.message import KINDS, SECRET, body, field_map
from gui.pages.dashboard.recent import outcome_cell
from gui.pages.dashboard.trial import body_of, told
from gui.pages.state import condition_of, rows_of
from gui.show.numbers import MINUS, NONE, THIN
from gui.show.profit import share, telling_places, total_profit
from gui.show.times import time_cell
from gui.show.words import count, word
from protos.terrace.v1 import account_pb2, engine_pb2, report_pb2, signal_pb2
from protos.terrace.v1.types_pb2 import EngineState, LimitState, Outcome, Side

amounts = st.decimals(min_value=-(10**9), max_value=10**9, places=8, allow_nan=False)


def text(cell: Cell) -> str:
    return cell if isinstance(cell, str) else cell[0]


def plain(value: Decimal) -> str:
    return format(value, "f")


# --- profit ---------------------------------------------------------------------------------------


@pytest.mark.rule("PNL-1")
def test_the_total_says_amount_percent_and_of_what() -> None:
    total, percent, basis = total_profit("150.5", "-50.5", "10100", "USDT")
    assert total == ("+100.00", "gain", "100.0")
    assert text(percent) == f"+1.00{THIN}%"
    assert basis == f"of 10{THIN}000.00 USDT put in (equity less all profit)"


@pytest.mark.parametrize(
    ("realized", "unrealized", "equity", "why"),
    [
        ("", "1", "100", "a price is missing"),
        ("1", "", "100", "a price is missing"),
        ("1", "1", "", "the equity is not known"),
        ("1", "1", "2", "nothing was put in"),
    ],
)
def test_a_percentage_without_its_base_is_a_dash_with_the_reason(
    realized: str, unrealized: str, equity: str, why: str
) -> None:
    _, percent, basis = total_profit(realized, unrealized, equity, "USDT")
    assert (text(percent), basis) == (NONE, why)


@given(amounts, amounts, st.decimals(min_value=1, max_value=10**9, places=2))
def test_the_total_is_exactly_the_sum_and_its_tone_its_sign(
    realized: Decimal, unrealized: Decimal, put_in: Decimal
) -> None:
    total, percent, _ = total_profit(plain(realized), plain(unrealized), plain(put_in + realized + unrealized), "USDT")
    assert Decimal(total[2]) == realized + unrealized
    assert {1: "gain", 0: "", -1: "loss"}[(realized + unrealized).compare(Decimal(0)).__int__()] == total[1]
    assert percent[1] == total[1]


@pytest.mark.parametrize(("value", "places"), [("0", 2), ("12.3", 2), ("0.01", 2), ("-0.00004", 5), ("1E-20", 8)])
def test_a_tiny_percentage_is_not_shown_as_zero(value: str, places: int) -> None:
    assert telling_places(Decimal(value)) == places


@given(amounts, amounts)
def test_a_share_stays_within_its_bar(part: Decimal, whole: Decimal) -> None:
    found = share(part, whole)
    assert (found is None) == (whole <= 0)
    assert found is None or 0 <= found <= 100


# --- state ----------------------------------------------------------------------------------------


def status(**fields: object) -> engine_pb2.Status:
    return engine_pb2.Status(**{"state": EngineState.ENGINE_STATE_RUNNING, **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fields", "word_and_tone"),
    [
        ({}, ("running", "good")),
        ({"limit_state": LimitState.LIMIT_STATE_NONE}, ("running", "good")),
        ({"limit_state": LimitState.LIMIT_STATE_NO_NEW_GROUPS}, ("limited", "warn")),
        ({"state": EngineState.ENGINE_STATE_PAUSED}, ("paused", "warn")),
        ({"state": EngineState.ENGINE_STATE_DEGRADED}, ("degraded", "bad")),
        ({"state": EngineState.ENGINE_STATE_UNSPECIFIED}, ("not known", "warn")),
    ],
)
@pytest.mark.rule("REC-4")
def test_the_banner_says_how_the_engine_is(fields: dict[str, object], word_and_tone: tuple[str, str]) -> None:
    assert condition_of(status(**fields)) == word_and_tone


def test_each_broken_thing_has_a_row_with_its_remedy() -> None:
    broken = engine_pb2.Degradation(
        code="PART_DOWN", subject="group", message="it is down", remedy="restart it", since_time=Timestamp(seconds=5)
    )
    rows: Snapshot = rows_of(status(degraded=[broken]))
    assert rows["degraded:PART_DOWN:group"] == {
        "code": ("part down", "bad"),
        "subject": "group",
        "message": "it is down",
        "remedy": "restart it",
        "since": ("", "", "5000"),
    }
    assert rows[""]["degradations"] == "1"


@pytest.mark.rule("POOL-4")
def test_each_limit_with_a_bound_stands_beside_what_it_is_compared_with() -> None:
    rows = rows_of(
        status(
            limits=[
                engine_pb2.Limit(code="MAX_OPEN_GROUPS", value="2", bound="10"),
                engine_pb2.Limit(code="MAX_REALIZED_LOSS_PER_DAY", value="90", bound="100", unit="USDT"),
                engine_pb2.Limit(code="MAX_DRAWDOWN_PERCENT", value="", bound="", unit="%"),
                engine_pb2.Limit(code="MAX_CONSECUTIVE_LOSSES", value="3", bound="3", breached=True),
            ]
        )
    )
    assert [name for name in rows if name.startswith("limit:")] == [
        "limit:MAX_REALIZED_LOSS_PER_DAY",
        "limit:MAX_CONSECUTIVE_LOSSES",
    ]
    assert rows["limit:MAX_REALIZED_LOSS_PER_DAY"]["now"] == (f"90.00 of 100.00{THIN}USDT", "warn")
    assert rows["limit:MAX_CONSECUTIVE_LOSSES"]["now"] == ("3 of 3", "bad")


def test_what_the_engine_does_not_know_is_a_dash_and_never_zero() -> None:
    row = rows_of(status(realized_pnl="1", reporting_currency="USDT"))[""]
    for key in ("equity", "exposure", "held", "reserved", "free", "unrealized", "total", "total_percent"):
        assert text(row[key]) == NONE, key
    assert row["held_percent"] == ""
    assert row["last_signal"] == ("", "", "")


def test_capital_is_split_into_held_reserved_and_free() -> None:
    row = rows_of(status(exposure="200", reserved_capital="80", free_capital="800", live_groups=3, max_open_groups=10))[
        ""
    ]
    assert (row["held"], row["held_percent"], row["reserved_percent"], row["free_percent"]) == (
        "120.00",
        "12.0",
        "8.0",
        "80.0",
    )
    assert (row["groups"], row["pool_percent"]) == ("3 / 10", "30.0")


# --- curve ----------------------------------------------------------------------------------------


def point(seconds: int, total: str, realized: str = "100", drawdown: str = "0") -> report_pb2.EquityPoint:
    return report_pb2.EquityPoint(
        time=Timestamp(seconds=seconds), total=total, realized=realized, drawdown_percent=drawdown
    )


def test_the_curve_runs_from_left_to_right_and_from_low_to_high() -> None:
    found = drawn(report_pb2.GetEquityCurveResponse(points=[point(0, "90"), point(10, "110", drawdown="1.5")]))
    assert found["total"] == f"M0.0,{HEIGHT - MARGIN}.0 L{WIDTH}.0,{MARGIN}.0"
    assert found["realized"] == "M0.0,50.0 L1000.0,50.0"
    assert (found["low"], found["high"], found["change"]) == ("90.00", "110.00", ("+20.00", "gain"))
    assert found["drawdown"] == f"{MINUS}1.50{THIN}%"


@pytest.mark.parametrize("totals", [[], ["100"], ["", ""], ["100", ""]])
def test_a_curve_of_less_than_two_known_points_is_not_drawn(totals: list[str]) -> None:
    points = [point(at, total) for at, total in enumerate(totals)]
    assert drawn(report_pb2.GetEquityCurveResponse(points=points))["points"] == "0"


@given(st.lists(amounts, min_size=2, max_size=30))
def test_no_point_lies_outside_the_drawing(values: list[Decimal]) -> None:
    shown = path(list(enumerate(values)), 0, len(values) - 1, min(values), max(values))
    for step in shown.removeprefix("M").split(" L"):
        x, y = map(Decimal, step.split(","))
        assert 0 <= x <= WIDTH
        assert MARGIN <= y <= HEIGHT - MARGIN


# --- messages -------------------------------------------------------------------------------------


def test_the_message_of_a_plain_source_is_the_documented_one() -> None:
    written, left_out = body("tradingview", "strategy", {})
    tree = orjson.loads(written)
    assert (tree["secret"], tree["source"], tree["timestamp"]) == (SECRET, "tradingview", "{{timenow}}")
    assert tree["tv"]["action"] == "{{strategy.order.action}}"
    assert left_out == []


@pytest.mark.rule("SIG-13")
def test_a_mapped_source_gets_its_message_in_its_own_shape() -> None:
    mapped = {
        "secret": "key",
        "tv.symbol": "ticker",
        "tv.action": "order.side",
        "tv.timeframe": "'15m'",
        "tv.exchange": "'X'",
    }
    written, left_out = body("mine", "entry", mapped, "s3cret")
    tree = orjson.loads(written)
    assert (tree["key"], tree["ticker"], tree["order"]) == ("s3cret", "{{ticker}}", {"side": "buy"})
    assert "timeframe" not in tree.get("tv", {})
    assert left_out == []


@pytest.mark.rule("SIG-13")
@pytest.mark.parametrize(
    "mapped", [{"tv.symbol": "join('', [a, b])"}, {"tv.symbol": "x", "tv.exchange": "x"}, {"tv.symbol": "tv"}]
)
def test_what_the_message_cannot_hold_is_said(mapped: dict[str, str]) -> None:
    _, left_out = body("mine", "strategy", mapped)
    assert left_out


@given(st.sampled_from(sorted(KINDS)), st.text(max_size=40))
def test_every_message_is_json_whatever_the_secret(kind: str, secret: str) -> None:
    written, _ = body("tradingview", kind, {}, secret)
    assert orjson.loads(written)["secret"] == secret


def test_a_map_is_read_from_the_configuration() -> None:
    from pathlib import Path

    tree = {"sources": {"mine": {"map": {"tv.symbol": "t"}}, "other": {}}}
    config = ConfigFile(path=None, data_dir=Path(), tree=tree)
    assert field_map(config, "mine") == {"tv.symbol": "t"}
    assert field_map(config, "other") == {}


# --- test alert -----------------------------------------------------------------------------------

PAPER = account_pb2.Account(account="paper")


def test_a_test_alert_has_neither_price_nor_time() -> None:
    source, sent = body_of({"routes": {"*": "paper"}, "sources": {"tv": {}}}, PAPER, "BTCUSDT", "exit")
    assert source == "tv"
    assert orjson.loads(sent) == {
        "tv": {"exchange": "PAPER", "symbol": "BTCUSDT", "timeframe": "15", "action": "sell"},
        "execution_intent": {"type": "exit"},
    }


def test_a_test_alert_goes_by_a_source_it_can_be_written_for() -> None:
    sources = {"odd": {"map": {"tv.symbol": "a || b"}}, "plain": {}}
    assert body_of({"sources": sources, "routes": {"KRAKEN": "paper"}}, PAPER, "X", "entry")[0] == "plain"
    with pytest.raises(Invalid):
        body_of({"sources": {"odd": sources["odd"]}}, PAPER, "X", "entry")


def test_what_a_test_alert_did_is_said_in_a_sentence() -> None:
    signal = signal_pb2.Signal(
        outcome=Outcome.OUTCOME_QUEUED,
        side=Side.SIDE_LONG,
        symbol="BTC/USDT",
        timeframe="15m",
        account="paper",
        reason_detail="the pool is full",
    )
    assert (
        told(signal, is_preview=True)
        == "It would be queued: long BTC/USDT 15m on the paper account paper (the pool is full)."
    )


# --- words ----------------------------------------------------------------------------------------


def test_words_and_times() -> None:
    assert word("LIMIT_STATE_NO_NEW_GROUPS", "LIMIT_STATE_") == "no new groups"
    assert word("SIDE_UNSPECIFIED", "SIDE_") == ""
    assert (count(1, "group"), count(0, "group"), count(2, "entry", "entries")) == ("1 group", "0 groups", "2 entries")
    assert time_cell(Timestamp()) == ("", "", "")
    assert time_cell(Timestamp(seconds=1, nanos=5_000_000))[2] == "1005"
    assert outcome_cell(Outcome.OUTCOME_UNSPECIFIED)[0] == "being decided"
