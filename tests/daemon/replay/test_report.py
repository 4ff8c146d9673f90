"""The report of a replay: what stands in it, and that it is the same twice."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from daemon.config.load import LoadedConfig, load_config
from daemon.replay.job import run_job
from daemon.replay.model import ReplayFault
from daemon.replay.report import config_facts, text_of
from daemon.replay.summary import summary
from tests.daemon.replay.past import LEAVES, MINUTE_MS, START_MS, Past, body, day

GROUP_FIELDS = {
    *("group_id", "account", "symbol", "timeframe", "side", "state", "close_reason", "tp_mode", "pyramid_count"),
    *("max_pyramids", "legs_filled", "legs_total", "quantity", "average_entry", "invested", "mark_price"),
    *("unrealized_pnl", "unrealized_pnl_percent", "realized_pnl", "fees", "dust", "create_time", "close_time"),
    *("risk_timer_expire_time", "pyramids"),
}
LEG_FIELDS = {
    *("index", "gap_percent", "weight_percent", "tp_percent", "price", "quantity", "filled_quantity"),
    *("average_fill_price", "tp_price", "state", "orders"),
}
ORDER_FIELDS = {
    *("client_order_id", "exchange_order_id", "role", "side", "type", "price", "quantity", "filled_quantity"),
    *("average_price", "fee", "state"),
}


def every_value(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [each for inner in value.values() for each in every_value(inner)]
    return [each for inner in value for each in every_value(inner)] if isinstance(value, list) else [value]


@pytest.mark.rule("DCA-2", "TP-2", "PAPER-2")
def test_a_ladder_through_a_day_is_what_it_comes_to_by_hand(past: Past) -> None:
    group = past.report()["groups"][0]
    assert (group["symbol"], group["side"], group["state"], group["close_reason"]) == (
        "BTC/USDT",
        "LONG",
        "CLOSED",
        "FLAT",
    )
    legs = group["pyramids"][0]["legs"]
    assert [(leg["price"], leg["filled_quantity"], leg["tp_price"], leg["state"]) for leg in legs] == [
        ("100", "2", "101", "TP_HIT"),
        ("99.5", "2.01", "100", "TP_HIT"),
        ("99", "2.02", "100.98", "TP_HIT"),
        ("98.5", "0", "99.98", "CANCELLED"),
        ("98", "0", "98.98", "CANCELLED"),
    ]
    # 2 at +1, 2.01 at +0.50, 2.02 at +1.98.
    assert group["realized_pnl"] == "7.0046"
    fills = [fill for leg in legs for order in leg["orders"] for fill in order["fills"]]
    assert len(fills) == 6
    assert {fill["maker"] for fill in fills} == {True, False}


def test_groups_legs_and_orders_have_the_fields_scripts_know(past: Past) -> None:
    for group in past.report()["groups"]:
        assert group.keys() >= GROUP_FIELDS
        for leg in group["pyramids"][0]["legs"]:
            assert leg.keys() >= LEG_FIELDS
            assert all(order.keys() >= ORDER_FIELDS for order in leg["orders"])


def test_every_alert_stands_in_it_once_with_what_became_of_it(past: Past) -> None:
    past.write_signals(
        [
            (1.5, body()),
            (1.5, body()),
            (2.5, body("hold")),
            (3.5, body(symbol="NOPEUSDT")),
            (4.5, "not json"),
            (9.5, body("sell", **LEAVES)),
        ]
    )
    signals = past.report()["signals"]
    assert [signal["number"] for signal in signals] == [1, 2, 3, 4, 5, 6]
    assert [(signal["outcome"], signal["reason"]) for signal in signals] == [
        ("OPENED", ""),
        ("DUPLICATE", ""),
        ("REJECTED", "INVALID_BODY"),
        ("REJECTED", "UNKNOWN_SYMBOL"),
        ("REJECTED", "INVALID_BODY"),
        ("IGNORED", "NO_POSITION"),
    ]
    assert signals[1]["first_outcome"] == "OPENED"
    assert [problem["path"] for problem in signals[2]["problems"]] == ["tv.action"]
    assert signals[4]["time"] == "2025-06-01T00:04:30Z"


def test_a_signal_that_waited_shows_its_answer_and_its_end(past: Past) -> None:
    waits = past.write_config({"pool": {"max_open_groups": 1}})
    past.write_signals([(1.5, body()), (2.5, body(symbol="ETHUSDT", price="10"))])
    second = past.report(config=waits)["signals"][1]
    assert (second["first_outcome"], second["outcome"]) == ("QUEUED", "OPENED")
    assert second["group_id"]


@pytest.mark.rule("PNL-2", "PNL-4")
def test_equity_profit_and_balances_agree(past: Past) -> None:
    report = past.report()
    totals, figures, account = report["totals"][0], report["statistics"][0], report["accounts"][0]
    assert (totals["start_equity"], totals["end_equity"]) == ("10000", "10007.0046")
    earned = Decimal(totals["end_equity"]) - Decimal(totals["start_equity"])
    assert earned == Decimal(totals["realized"]) + Decimal(totals["unrealized"])
    assert (figures["trades"], figures["win_rate"], figures["realized"]) == (1, "100", "7.0046")
    balances = {row["asset"]: Decimal(row["total"]) for row in account["balances"]}
    held = report["groups"][1]
    assert balances["ETH"] == Decimal(held["quantity"])
    assert balances["USDT"] == Decimal("10007.0046") - Decimal(held["invested"])
    points = report["equity_curves"][0]["points"]
    assert points[-1]["total"] == totals["end_equity"]
    assert [point["time"] for point in points] == sorted(point["time"] for point in points)


def test_the_same_input_gives_the_same_bytes_in_another_folder_and_another_process(past: Past, tmp_path: Path) -> None:
    first = text_of(past.report())
    folder = tmp_path / "elsewhere" / "deeper"
    folder.mkdir(parents=True)
    assert text_of(day(Past(folder)).report()) == first
    assert past.terraced("--out", "-").stdout == first


def test_no_path_of_the_machine_no_clock_and_no_float_stands_in_it(past: Past) -> None:
    text = text_of(past.report())
    assert str(past.folder) not in text
    assert not any(isinstance(value, float) for value in every_value(json.loads(text)))
    assert not re.search(r'"-?[0-9.]+[eE][-+]?[0-9]+"', text)
    assert set(re.findall(r'"(20[0-9]{2})-', text)) == {"2025"}


def test_what_went_in_is_named(past: Past) -> None:
    report = past.report()
    found = report["input"]
    assert found["candles"] == [
        {
            "file": f"{symbol}-1m.csv",
            "symbol": symbol,
            "timeframe_s": 60,
            "candles": 11,
            "start_time": "2025-06-01T00:00:00Z",
            "end_time": "2025-06-01T00:11:00Z",
        }
        for symbol in ("BTCUSDT", "ETHUSDT")
    ]
    assert (found["signals"]["file"], found["signals"]["count"]) == ("signals.jsonl", 3)
    assert (report["candles"], found["seed"]) == (22, 1)


def test_the_config_s_hash_is_of_what_is_decided_by_not_of_its_layout(past: Past) -> None:
    def of(path: Path, environ: dict[str, str] | None = None) -> str:
        loaded = load_config(path, environ or {})
        assert isinstance(loaded, LoadedConfig), loaded
        return config_facts(loaded).sha256

    plain = of(past.config)
    commented = past.folder / "commented.yaml"
    commented.write_text("# Words.\n" + past.config.read_text(encoding="utf-8"), encoding="utf-8")
    assert of(commented) == plain
    assert of(past.write_config({"api": {"address": "127.0.0.1:1"}}, "api.yaml")) == plain
    assert of(past.write_config({"pool": {"max_open_groups": 3}}, "pool.yaml")) != plain
    assert of(past.config, {"TERRACE_POOL__MAX_OPEN_GROUPS": "3"}) != plain


def test_another_config_is_another_story(past: Past) -> None:
    at_market = past.write_config({"strategy": {"default": {"tp_mode": "aggregate", "tp_percent": "0.5"}}}, "b.yaml")
    assert past.report(config=at_market)["totals"][0]["realized"] != past.report()["totals"][0]["realized"]


def test_without_signals_nothing_would_happen_and_that_is_a_fault(past: Past) -> None:
    past.write_signals([])
    with pytest.raises(ReplayFault, match=r"signals\.jsonl: there is no signal in it"):
        past.report()


def test_signals_outside_the_candles_are_counted_and_all_outside_is_a_fault(past: Past) -> None:
    past.write_signals([(-5, body()), (1.5, body()), (30, body(price="101"))])
    notes = past.report()["notes"]
    span = "the candles, 2025-06-01 00:00 to 2025-06-01 00:11 UTC"
    assert notes[:2] == [f"1 of 3 signals are before {span}", f"1 of 3 signals are after {span}"]
    past.write_signals([(60, body())])
    with pytest.raises(ReplayFault, match="every signal is outside the time the candles cover") as raised:
        past.report()
    assert str(raised.value).endswith(
        "the signals are of 2025-06-01 01:00 to 2025-06-01 01:00 UTC, the candles of 2025-06-01 00:00 to "
        "2025-06-01 00:11 UTC"
    )


def test_a_symbol_without_candles_is_named(past: Past) -> None:
    (past.candles / "ETHUSDT-1m.csv").unlink()
    report = past.report()
    assert any("no candles of ETH/USDT (1)" in note for note in report["notes"])


def test_skipped_lines_are_counted_and_named(past: Past) -> None:
    past.signals.write_text(past.signals.read_text(encoding="utf-8") + "nonsense\n", encoding="utf-8")
    report = run_job(past.job(skip_bad=True), {})
    assert report["input"]["signals"]["skipped"] == 1
    assert any(note.startswith("left out: signals.jsonl:4: ") for note in report["notes"])


def test_accounts_of_two_worlds_share_one_pool_and_the_report_says_so(past: Past) -> None:
    both = past.write_config({"accounts": {"real": {"exchange": "binance", "market": "spot"}}}, "both.yaml")
    report = past.report(config=both)
    assert any("live, paper" in note for note in report["notes"])
    assert any("account real is on binance: replayed on paper" in note for note in report["notes"])
    assert [(row["account"], row["exchange"], row["world"]) for row in report["accounts"]] == [
        ("paper", "paper", "PAPER"),
        ("real", "binance", "PAPER"),
    ]


def test_an_account_on_an_exchange_without_stored_instruments_is_a_fault_with_a_remedy(past: Past) -> None:
    real = {"accounts": {"real": {"exchange": "binance", "market": "spot"}}, "routes": {"*": "real"}}
    with pytest.raises(ReplayFault) as raised:
        past.report(config=past.write_config(real, "real.yaml"))
    assert "account real is on binance" in str(raised.value)
    assert "let the daemon run once" in str(raised.value)


def test_a_faulty_config_is_told_with_every_fault(past: Past) -> None:
    bad = past.write_config({"pool": {"max_open_groups": -1, "nope": 1}}, "bad.yaml")
    with pytest.raises(ReplayFault) as raised:
        past.report(config=bad)
    assert "pool.max_open_groups" in str(raised.value)
    assert "pool.nope" in str(raised.value)


def test_faulty_candles_name_file_and_line(past: Past) -> None:
    with (past.candles / "BTCUSDT-1m.csv").open("a", encoding="utf-8") as file:
        file.write(f"{START_MS + 99 * MINUTE_MS},1,2,nonsense,1,1\n")
    with pytest.raises(ReplayFault, match=r"BTCUSDT-1m\.csv:13: "):
        past.report()


def test_the_summary_names_what_counts_and_is_short(past: Past) -> None:
    words = summary(past.report())
    assert "2025-06-01 00:00 to 2025-06-01 00:11 UTC, 22 candles" in words
    assert "3: 2 OPENED, 1 IGNORED" in words
    assert "realized      7.0046 USDT" in words
    assert "10000 -> 10007.0046 USDT" in words
    assert max(map(len, words.splitlines())) <= 120
