"""How an alert's body is read, and how its faults are named."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.rules.alert import Alert, AlertFaults, MarketPosition, read_alert
from actors.rules.alert_scan import MAX_FAULTS
from actors.rules.model import SizeType
from tests.rules.builders import NOW_MS, D, alert, body


def faults(data: object) -> dict[str, str]:
    """Path to problem; fails if the body is read."""
    read = read_alert(data)
    assert isinstance(read, AlertFaults)
    assert read.faults
    return {fault.path: fault.problem for fault in read.faults}


@pytest.mark.rule("SIG-1", "SIG-3")
def test_a_whole_alert_is_read() -> None:
    data = body(
        tv={
            "market_position": "Long",
            "prev_market_position": "flat",
            "market_position_size": "2.5",
            "prev_market_position_size": 0,
            "entry_price": D("104250.5"),
            "close_price": "104251",
            "order_size": D("0.25"),
        },
        strategy_info={"trade_id": "Long 1", "alert_name": "RSI", "alert_message": "up\nwe go"},
        execution_intent={"type": "signal", "side": "buy", "position_size_type": "base", "precision_mode": "auto"},
        risk={"stop_loss": "99000", "take_profit": None, "max_slippage_percent": "0.5"},
    )
    assert read_alert(data) == Alert(
        source="tradingview",
        exchange="BINANCE",
        symbol="BTCUSDT",
        timeframe="1h",
        action="buy",
        sent_time_ms=NOW_MS,
        market_position=MarketPosition.LONG,
        prev_market_position=MarketPosition.FLAT,
        market_position_size=D("2.5"),
        prev_market_position_size=D(0),
        entry_price=D("104250.5"),
        close_price=D(104251),
        order_size=D("0.25"),
        trade_id="Long 1",
        alert_name="RSI",
        alert_message="up\nwe go",
        intent="signal",
        intent_side="buy",
        size_type=SizeType.BASE,
        stop_loss=D(99000),
        max_slippage_percent=D("0.5"),
    )


@pytest.mark.rule("SIG-1")
def test_the_required_fields_alone_are_an_alert() -> None:
    tv = {"exchange": "BINANCE", "symbol": "BTCUSDT", "timeframe": "15", "action": "sell"}
    assert read_alert({"tv": tv}) == Alert(exchange="BINANCE", symbol="BTCUSDT", timeframe="15m", action="sell")


@pytest.mark.rule("SIG-1")
@pytest.mark.parametrize("nothing", [None, "", "  ", "NaN", "nan", D("NaN"), D("sNaN"), float("nan")])
def test_null_empty_and_nan_mean_absent_in_optional_fields(nothing: object) -> None:
    data = body(
        timestamp=nothing,
        source=nothing,
        tv={"entry_price": nothing, "order_size": nothing, "market_position": nothing},
        strategy_info={"trade_id": nothing, "alert_message": nothing},
        execution_intent={"type": nothing, "position_size_type": nothing},
        risk={"stop_loss": nothing},
    )
    assert read_alert(data) == Alert(exchange="BINANCE", symbol="BTCUSDT", timeframe="1h", action="buy")
    assert read_alert(body(risk=None, execution_intent=nothing)) == alert()


@pytest.mark.rule("SIG-2")
@pytest.mark.parametrize("nothing", [None, "", "  ", "NaN"])
def test_a_required_field_that_is_absent_is_a_fault(nothing: object) -> None:
    assert set(faults(body(tv={"symbol": nothing, "action": nothing}))) == {"tv.symbol", "tv.action"}


@pytest.mark.rule("SIG-1")
def test_unknown_fields_are_ignored() -> None:
    assert read_alert(body(tv={"colour": [1, {"a": None}]}, note={"deep": {"er": True}})) == alert()


@pytest.mark.rule("SIG-2")
def test_every_faulty_field_is_listed_by_path_not_only_the_first() -> None:
    data = {
        "secret": 5,
        "timestamp": "yesterday",
        "tv": {
            "exchange": 1,
            "symbol": "{{ticker}}",
            "timeframe": "4H",
            "action": "hold",
            "entry_price": "12,5",
            "close_price": -1,
            "order_size": True,
            "market_position": "up",
        },
        "strategy_info": [],
        "execution_intent": {"type": "open", "side": 3, "precision_mode": "exact", "position_size_type": "lots"},
        "risk": {"stop_loss": 0, "max_slippage_percent": "101"},
    }
    found = faults(data)
    assert set(found) == {
        "secret",
        "timestamp",
        *(f"tv.{name}" for name in data["tv"]),  # type: ignore[attr-defined]
        "strategy_info",
        *(f"execution_intent.{name}" for name in data["execution_intent"]),  # type: ignore[attr-defined]
        *(f"risk.{name}" for name in data["risk"]),  # type: ignore[attr-defined]
    }
    assert found["tv.symbol"] == 'holds an unexpanded placeholder "{{ticker}}"'
    assert found["tv.action"] == 'must be one of buy, sell, long, short, not "hold"'
    assert found["tv.exchange"] == "must be a string, not a number"


@pytest.mark.rule("SIG-2")
@pytest.mark.parametrize("section", [None, 5, "text", [], {}])
def test_without_its_main_part_every_required_field_is_missing(section: object) -> None:
    required = {"tv.exchange", "tv.symbol", "tv.timeframe", "tv.action"}
    found = set(faults({"tv": section}))
    assert found - {"tv"} == required
    assert ("tv" in found) == (section not in (None, {}))


@pytest.mark.rule("SIG-2")
@pytest.mark.parametrize("data", [[], "text", 5, None, True, [{"tv": {}}]])
def test_a_body_that_is_no_object_is_no_alert(data: object) -> None:
    assert faults(data) == {"": "must be a JSON object"}


@pytest.mark.rule("SIG-2")
@pytest.mark.parametrize(
    ("sections", "path", "placeholder"),
    [
        ({"tv": {"entry_price": "{{strategy.order.price}}"}}, "tv.entry_price", "{{strategy.order.price}}"),
        ({"note": {"a": ["x", {"b c": '1 {{plot("Long SL")}} 2'}]}}, "note.a[1].b c", '{{plot("Long SL")}}'),
        ({"{{weird}}": 1}, "{{weird}}", "{{weird}}"),
        ({"strategy_info": {"alert_message": "at {{close}}"}}, "strategy_info.alert_message", "{{close}}"),
    ],
)
def test_an_unexpanded_placeholder_anywhere_is_named_with_its_path(
    sections: dict[str, Any], path: str, placeholder: str
) -> None:
    found = faults(body(**sections))
    assert list(found) == [path]
    assert placeholder in found[path].replace("\\", "")


@pytest.mark.rule("SIG-2")
def test_braces_that_are_no_placeholder_pass() -> None:
    assert read_alert(body(note="{a} }} {{ {")) == alert()


@pytest.mark.rule("SIG-2")
def test_a_body_full_of_opening_braces_is_read_in_no_time() -> None:
    assert read_alert(body(note="{{" * 32_000)) == alert()
    assert len(faults(body(note="{{a}}" * 13_000))) == 2, "cut, with a last line that says so"


@pytest.mark.rule("SIG-2")
def test_faults_without_end_are_cut_and_counted() -> None:
    read = read_alert(body(note=[f"{{{{{number}}}}}" for number in range(500)]))
    assert isinstance(read, AlertFaults)
    assert len(read.faults) == MAX_FAULTS
    assert read.faults[-1].problem == "and 401 more faults"


@pytest.mark.rule("LOG-4")
def test_no_fault_ever_shows_the_secret() -> None:
    for secret in ("hunter2 {{hunter2}}", "hunter2" * 50, ["hunter2"], "hunter2\ud800"):
        read = read_alert(body(secret=secret))
        assert isinstance(read, AlertFaults)
        assert [fault.path.partition("[")[0] for fault in read.faults] == ["secret"]
        assert "hunter2" not in str(read)


def nested(levels: int) -> object:
    return {"a": nested(levels - 1)} if levels else 1


@pytest.mark.rule("SIG-2")
def test_eight_levels_are_allowed_and_nine_are_not() -> None:
    assert read_alert(body(note=nested(7))) == alert()
    found = faults(body(note=nested(8)))
    assert found == {"note.a.a.a.a.a.a.a": "is nested more than 8 levels deep"}


@pytest.mark.rule("SIG-2")
def test_nesting_of_any_depth_is_survived() -> None:
    deep: object = 1
    for _ in range(30_000):
        deep = [deep]
    assert list(faults(body(note=deep))) == ["note" + "[0]" * 7]


@pytest.mark.rule("SIG-2")
@pytest.mark.parametrize(
    "number", [D("Infinity"), D("-Infinity"), float("inf"), D("1E+400"), D("1E-400"), 10**400, -(10**400)]
)
def test_a_number_that_is_not_finite_or_absurd_is_a_fault_anywhere(number: object) -> None:
    assert list(faults(body(note=number))) == ["note"]
    assert list(faults(body(tv={"order_size": number}))) == ["tv.order_size"]


@pytest.mark.rule("SIG-2")
@pytest.mark.parametrize("price", ["1e18", 10**18, "0", "-1", "abc", "0x1f", "1" * 70, True, [1], {"a": 1}])
def test_a_price_that_is_none_is_a_fault(price: object) -> None:
    assert list(faults(body(tv={"entry_price": price}))) == ["tv.entry_price"]


@pytest.mark.rule("SIG-1")
@pytest.mark.parametrize("price", ["100.50", "1.005e2", D("100.5"), 100.5, " 100.5 "])
def test_a_price_is_read_exactly_however_it_is_written(price: object) -> None:
    assert alert(tv={"entry_price": price}).entry_price == D("100.5")


@pytest.mark.rule("SIG-1")
def test_a_strategys_size_has_no_sign() -> None:
    read = alert(tv={"market_position_size": "-2", "prev_market_position_size": D("-1.5")})
    assert (read.market_position_size, read.prev_market_position_size) == (D(2), D("1.5"))


@pytest.mark.rule("SIG-1")
@pytest.mark.parametrize(
    "timestamp",
    [
        "2025-06-15T15:06:40Z",
        "2025-06-15T15:06:40.000Z",
        "2025-06-15T17:06:40+02:00",
        "2025-06-15 15:06:40",
        "20250615T150640Z",
        1_750_000_000,
        "1750000000",
        D("1750000000.000"),
        1_750_000_000_000,
        "1750000000000",
    ],
)
def test_a_timestamp_is_iso_8601_or_epoch_seconds_or_milliseconds(timestamp: Any) -> None:
    assert alert(timestamp=timestamp).sent_time_ms == NOW_MS


@pytest.mark.rule("SIG-1")
@pytest.mark.parametrize("timestamp", ["2025-06-15T15:06:40.123Z", D("1750000000.123"), 1_750_000_000_123])
def test_milliseconds_of_a_timestamp_are_kept(timestamp: Any) -> None:
    assert alert(timestamp=timestamp).sent_time_ms == NOW_MS + 123


@pytest.mark.rule("SIG-2")
@pytest.mark.parametrize(
    "timestamp",
    ["noon", "2025-13-01", 0, -1, 12, "20250615", 10**15, 10**17, "0001-01-01T00:00:00+14:00", True, [], "1969-12-31"],
)
def test_a_timestamp_that_is_none_or_not_plausible_is_a_fault(timestamp: object) -> None:
    assert list(faults(body(timestamp=timestamp))) == ["timestamp"]


@pytest.mark.rule("SIG-2")
@pytest.mark.parametrize("text", ["a\ud800b", "nul\0"])
def test_text_that_cannot_be_stored_is_a_fault(text: str) -> None:
    assert list(faults(body(note=text))) == ["note"]
    for fault in read_alert(body(**{text: 1})).faults:  # type: ignore[union-attr]
        str(fault).encode()


@pytest.mark.rule("SIG-2")
@pytest.mark.parametrize("name", ["x" * 129, "tab\there", "line\nbreak", "bell\a"])
def test_names_are_short_and_printable(name: str) -> None:
    data = body(tv={"symbol": name}, strategy_info={"alert_name": name, "alert_message": "line\nbreak"})
    assert set(faults(data)) == {"tv.symbol", "strategy_info.alert_name"}


leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.decimals()
    | st.text(max_size=20)
    | st.sampled_from(["NaN", "buy", "flat", "{{close}}", "15", "1e5", "2025-06-15T15:06:40Z"])
)
anything = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
)
_TV = (
    *("exchange", "symbol", "timeframe", "action", "market_position", "prev_market_position", "entry_price"),
    *("market_position_size", "prev_market_position_size", "close_price", "order_size"),
)
shaped = st.fixed_dictionaries(
    {"tv": anything | st.fixed_dictionaries({}, optional=dict.fromkeys(_TV, anything))},
    optional={
        "secret": anything,
        "source": anything,
        "timestamp": anything,
        "strategy_info": anything | st.fixed_dictionaries({}, optional={"trade_id": anything, "alert_name": anything}),
        "execution_intent": anything | st.fixed_dictionaries({}, optional={"type": anything, "side": anything}),
        "risk": anything | st.fixed_dictionaries({}, optional={"stop_loss": anything, "take_profit": anything}),
    },
)


@pytest.mark.rule("SIG-2")
@given(anything | shaped)
def test_whatever_the_json_holds_it_is_an_alert_or_a_list_of_faults(data: object) -> None:
    read = read_alert(data)
    if isinstance(read, AlertFaults):
        assert 0 < len(read.faults) <= MAX_FAULTS
        assert str(read).encode()
    else:
        assert read.timeframe
        assert read.action in ("buy", "sell", "long", "short")
        assert read.entry_price is None or read.entry_price > 0


def decoded(text: str) -> Mapping[str, Any]:
    read: Mapping[str, Any] = json.loads(text, parse_float=Decimal, parse_constant=Decimal)
    return read


@pytest.mark.rule("SIG-1", "SIG-2")
def test_nan_and_infinity_as_json_readers_let_them_through() -> None:
    tv = '"exchange":"BINANCE","symbol":"BTCUSDT","timeframe":"15","action":"buy"'
    read = read_alert(decoded(f'{{"tv":{{{tv},"entry_price":NaN}}}}'))
    assert isinstance(read, Alert)
    assert read.entry_price is None
    assert list(faults(decoded(f'{{"tv":{{{tv},"entry_price":Infinity}}}}'))) == ["tv.entry_price"]
