"""The command line against a fake daemon: exit codes, JSON shapes, questions."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest
import yaml

from control.exits import ExitCode
from protos.terrace.v1 import common_pb2, queue_pb2, record_pb2
from tests.control.conftest import Home, Ran
from tests.control.fake_daemon import FakeDaemon, Refusal, a_group

Cli = Callable[..., Ran]
ALERT = '{"tv": {"symbol": "BTCUSDT"}}'


def test_a_list_of_groups_has_the_shape_scripts_read(daemon: FakeDaemon, cli: Cli) -> None:
    daemon.groups = [a_group()]
    ran = cli("group", "list", "-o", "json")
    assert ran.code == 0
    assert ran.err == ""
    group = json.loads(ran.out)["groups"][0]
    assert group["state"] == "PARTIALLY_FILLED"
    assert group["side"] == "LONG"
    assert group["close_reason"] == ""
    assert group["close_time"] is None
    assert group["realized_pnl"] == ""
    leg = group["pyramids"][0]["legs"][1]
    assert (leg["state"], leg["price"], leg["filled_quantity"], leg["orders"]) == ("OPEN", "99.00", "", [])


def test_an_engine_status_prints_zeros_and_64_bit_numbers(daemon: FakeDaemon, cli: Cli) -> None:
    status = json.loads(cli("engine", "status", "-o", "json").out)["status"]
    assert status["queued_signals"] == 0
    assert status["config_version"] == 2**53 + 1
    assert status["limit_state"] == "NONE"
    assert status["read_only"] is False
    assert status["last_signal_time"] is None
    assert status["unrealized_pnl"] == "12.50"
    assert status["accounts"][0]["state"] == "READY"


def test_yaml_says_the_same_as_json(daemon: FakeDaemon, cli: Cli) -> None:
    daemon.groups = [a_group()]
    as_json = json.loads(cli("group", "show", "g1", "-o", "json").out)
    assert yaml.safe_load(cli("group", "show", "g1", "-o", "yaml").out) == as_json


def test_a_table_shows_a_group_with_its_legs(daemon: FakeDaemon, cli: Cli) -> None:
    daemon.groups = [a_group()]
    ran = cli("group", "show", "g1")
    assert "partially_filled" in ran.out
    assert "102.00" in ran.out
    assert "1 of 2" in ran.out


def test_a_terminal_is_not_steered_by_names_from_outside(daemon: FakeDaemon, cli: Cli) -> None:
    daemon.groups = [a_group("g1")]
    daemon.groups[0].strategy = "evil\x1b[2J\nname"
    assert "\x1b" not in cli("group", "show", "g1").out


def test_a_missing_thing_exits_3(daemon: FakeDaemon, cli: Cli) -> None:
    ran = cli("group", "show", "nope")
    assert ran.code == ExitCode.NOT_FOUND
    assert "no group nope [GROUP_NOT_FOUND]" in ran.err
    assert ran.out == ""


def test_a_wrong_token_exits_4_and_names_the_token_file(daemon: FakeDaemon, cli: Cli, home: Home) -> None:
    home.write_secret("admin.token", "another")
    ran = cli("group", "list")
    assert ran.code == ExitCode.NOT_PERMITTED
    assert "admin.token" in ran.err


def test_a_missing_token_exits_4(daemon: FakeDaemon, cli: Cli, home: Home) -> None:
    (home.data / "secrets" / "admin.token").unlink()
    assert cli("group", "list").code == ExitCode.NOT_PERMITTED


def test_a_daemon_that_is_down_exits_5_for_reads_and_changes(daemon: FakeDaemon, cli: Cli) -> None:
    daemon.stop()
    try:
        assert cli("group", "list").code == ExitCode.UNAVAILABLE
        ran = cli("group", "close", "g1", "--yes")
        assert ran.code == ExitCode.UNAVAILABLE
        assert "cannot be reached" in ran.err
    finally:
        daemon.start()


def test_a_read_without_an_answer_in_time_exits_5(daemon: FakeDaemon, cli: Cli) -> None:
    daemon.delay_s = 5
    assert cli("--timeout", "0.2", "group", "list").code == ExitCode.UNAVAILABLE


def test_a_change_without_an_answer_in_time_exits_7(daemon: FakeDaemon, cli: Cli) -> None:
    daemon.delay_s = 5
    ran = cli("--timeout", "0.2", "group", "close", "g1", "--yes")
    assert ran.code == ExitCode.UNKNOWN
    assert "not known" in ran.err


def test_a_dry_run_without_an_answer_leaves_nothing_open(daemon: FakeDaemon, cli: Cli) -> None:
    daemon.delay_s = 5
    assert cli("--timeout", "0.2", "group", "close", "g1", "--dry-run").code == ExitCode.UNAVAILABLE


def test_a_refusal_of_the_engine_exits_6_with_its_reason(daemon: FakeDaemon, cli: Cli) -> None:
    daemon.groups = [a_group()]
    daemon.refusals["CloseGroup"] = Refusal(grpc.StatusCode.FAILED_PRECONDITION, "already closing", "GROUP_CLOSING")
    ran = cli("group", "close", "g1", "--yes")
    assert ran.code == ExitCode.REFUSED
    assert "already closing [GROUP_CLOSING]" in ran.err


@pytest.mark.rule("EXIT-6")
def test_a_reduce_shows_what_it_takes_before_it_asks(daemon: FakeDaemon, cli: Cli) -> None:
    daemon.groups = [a_group()]
    ran = cli("group", "reduce", "g1", "--percent", "50")
    assert ran.code == ExitCode.CANCELLED
    assert "Close 1 (1 of pyramid 0 leg 0) of group g1" in ran.err
    assert "paper (PAPER)" in ran.err
    assert daemon.groups[0].quantity == "2.000", "nobody said yes"
    assert cli("group", "reduce", "g1", "--percent", "50", "--dry-run").code == 0
    assert daemon.groups[0].quantity == "2.000", "it was a dry run"
    ran = cli("group", "reduce", "g1", "--percent", "50", "--yes")
    assert (ran.code, daemon.groups[0].quantity) == (0, "1")
    assert "reducing g1" in ran.err


def test_a_reduce_that_takes_everything_says_so(daemon: FakeDaemon, cli: Cli) -> None:
    daemon.groups = [a_group()]
    assert "would reduce g1" in (ran := cli("group", "reduce", "g1", "--percent", "100", "--dry-run")).err
    assert "Close all 2" in ran.err


def test_the_question_before_an_emergency_close_says_how_many_groups_it_is_about(daemon: FakeDaemon, cli: Cli) -> None:
    assert "No group is live there. Pause new entries?" in cli("group", "close-all").err
    daemon.groups = [a_group()]
    assert "Close the only group on paper (PAPER) and pause new entries?" in cli("group", "close-all").err
    daemon.groups = [a_group(), a_group(group_id="g2")]
    assert "Close all 2 groups on paper (PAPER) and pause new entries?" in cli("group", "close-all").err


def test_a_reduce_must_say_how_much_in_one_way(daemon: FakeDaemon, cli: Cli) -> None:
    daemon.groups = [a_group()]
    assert cli("group", "reduce", "g1", "--yes").code == ExitCode.USAGE
    assert cli("group", "reduce", "g1", "--percent", "5", "--quantity", "1", "--yes").code == ExitCode.USAGE


def test_what_the_daemon_cannot_tell_exits_7(daemon: FakeDaemon, cli: Cli) -> None:
    daemon.refusals["CloseGroup"] = Refusal(grpc.StatusCode.ABORTED, "the store is slow", "OUTCOME_UNKNOWN")
    assert cli("group", "close", "g1", "--yes").code == ExitCode.UNKNOWN


@pytest.mark.parametrize(
    "command",
    [
        ("signal", "replay", "s1"),
        ("risk", "show"),
        ("risk", "preview"),
        ("risk", "run", "--yes"),
        ("report", "profit"),
        ("report", "stats"),
        ("config", "show"),
        ("config", "history"),
        ("backup", "create"),
        ("audit", "verify"),
        ("secret", "list"),
        ("log", "search", "x"),
        ("diag", "dump"),
    ],
)
def test_what_is_not_built_yet_is_told_in_clear_words(daemon: FakeDaemon, cli: Cli, command: tuple[str, ...]) -> None:
    ran = cli(*command)
    assert ran.code == ExitCode.FAILED
    assert "does not offer this yet" in ran.err


def test_a_faulty_command_line_exits_2(cli: Cli) -> None:
    assert cli("group", "show").code == ExitCode.USAGE
    assert cli("nonsense").code == ExitCode.USAGE
    assert cli("group", "list", "-o", "xml").code == ExitCode.USAGE
    assert cli("--config", "/nowhere.yaml", "group", "list").code == ExitCode.USAGE


def test_a_near_miss_is_named(cli: Cli) -> None:
    assert "Did you mean 'group'?" in cli("gruop", "list").err
    assert "Did you mean 'close'?" in cli("group", "clsoe").err


def test_every_noun_and_verb_has_help_with_an_example(cli: Cli) -> None:
    import typer

    from control.cli import NOUNS
    from control.cli import app as root

    group = typer.main.get_command(root)
    handed_on = {("backup", "restore"), ("backup", "verify")}
    for noun in NOUNS:
        if noun in ("replay", "db"):
            continue
        command = group.get_command(None, noun)  # type: ignore[attr-defined]
        verbs = getattr(command, "commands", {"": command})
        for verb, found in verbs.items():
            if (noun, verb) not in handed_on:
                assert f"terrace {noun} {verb}".strip() in (found.help or ""), (noun, verb)


# --- signals


def test_a_sent_signal_exits_0_with_its_outcome(daemon: FakeDaemon, cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "alert.json"
    file.write_text(ALERT)
    ran = cli("signal", "send", str(file), "-o", "json")
    assert ran.code == 0
    signal = json.loads(ran.out)["signal"]
    assert (signal["signal_id"], signal["outcome"], signal["group_id"]) == ("s1", "OPENED", "g1")
    assert signal["first_outcome"] == "UNSPECIFIED"
    assert (daemon.arrived[0].source, daemon.arrived[0].body) == ("tradingview", ALERT.encode())


@pytest.mark.rule("SIG-7")
def test_a_signal_has_an_own_identifier_only_if_the_sender_gives_one(daemon: FakeDaemon, cli: Cli) -> None:
    cli("signal", "send", "-", stdin=ALERT)
    cli("signal", "send", "-", "--request-id", "mine", stdin=ALERT)
    assert [one.request_id for one in daemon.arrived] == ["", "mine"]


@pytest.mark.parametrize("outcome", ["REJECTED", "EXPIRED"])
def test_a_rejected_signal_exits_6_and_still_prints_its_outcome(daemon: FakeDaemon, cli: Cli, outcome: str) -> None:
    daemon.outcome, daemon.reason = f"OUTCOME_{outcome}", "NO_ROUTE"
    ran = cli("signal", "send", "-", "-o", "json", stdin=ALERT)
    assert ran.code == ExitCode.REFUSED
    assert json.loads(ran.out)["signal"]["outcome"] == outcome
    assert "NO_ROUTE" in ran.err


@pytest.mark.parametrize("outcome", ["QUEUED", "DUPLICATE", "IGNORED", "SUPERSEDED", "EVICTED"])
def test_every_other_outcome_exits_0(daemon: FakeDaemon, cli: Cli, outcome: str) -> None:
    daemon.outcome = f"OUTCOME_{outcome}"
    assert cli("signal", "send", "-", stdin=ALERT).code == 0


@pytest.mark.rule("SIG-2")
def test_a_faulty_body_exits_2_with_every_field(daemon: FakeDaemon, cli: Cli) -> None:
    daemon.refusals["SubmitSignal"] = Refusal(
        grpc.StatusCode.INVALID_ARGUMENT,
        "faulty body",
        "INVALID_BODY",
        (("tv.symbol", "is missing"), ("tv.action", "not an action")),
    )
    ran = cli("signal", "send", "-", stdin="{}")
    assert ran.code == ExitCode.USAGE
    assert "tv.symbol: is missing" in ran.err
    assert "tv.action: not an action" in ran.err


def test_a_missing_file_exits_2(daemon: FakeDaemon, cli: Cli) -> None:
    assert cli("signal", "send", "/no/such/file").code == ExitCode.USAGE


def test_the_source_is_the_only_configured_one_or_the_bodys_own(daemon: FakeDaemon, cli: Cli, home: Home) -> None:
    api = f"api: {{address: '{daemon.address}'}}\n"
    home.write(api + "sources: {desk: {}}\n")
    cli("signal", "send", "-", stdin=ALERT)
    home.write(api + "sources: {desk: {}, phone: {}}\n")
    cli("signal", "send", "-", stdin='{"source": "phone"}')
    ran = cli("signal", "send", "-", stdin=ALERT)
    assert [one.source for one in daemon.arrived] == ["desk", "phone"]
    assert ran.code == ExitCode.USAGE
    assert "desk|phone" in ran.err


@pytest.mark.rule("SIG-13")
def test_a_check_shows_each_field_and_exits_2_for_a_body_that_would_be_rejected(daemon: FakeDaemon, cli: Cli) -> None:
    good = cli("signal", "check", "-", "--source", "tradingview", stdin=ALERT)
    assert good.code == 0
    assert "ticker" in good.out
    bad = cli("signal", "check", "-", stdin="{}")
    assert bad.code == ExitCode.USAGE
    assert "tv.symbol: is missing" in bad.err


def test_a_list_gathers_pages_up_to_its_limit(daemon: FakeDaemon, cli: Cli) -> None:
    found = json.loads(cli("signal", "list", "--limit", "5", "-o", "json").out)
    assert [one["signal_id"] for one in found["signals"]] == ["s0", "s1", "s2", "s3", "s4"]
    assert found["next_page_token"] != ""
    whole = json.loads(cli("signal", "list", "--limit", "0", "-o", "json").out)
    assert len(whole["signals"]) == 9
    assert whole["next_page_token"] == ""


# --- questions


def test_closing_asks_with_account_and_world_and_no_is_8(daemon: FakeDaemon, cli: Cli) -> None:
    daemon.groups = [a_group()]
    ran = cli("group", "close", "g1", stdin="n\n")
    assert ran.code == ExitCode.CANCELLED
    assert "paper (PAPER)" in ran.err
    assert "CloseGroupRequest" not in [type(one).__name__ for one in daemon.requests]


def test_no_answer_at_all_is_8(daemon: FakeDaemon, cli: Cli) -> None:
    daemon.groups = [a_group()]
    assert cli("group", "close", "g1").code == ExitCode.CANCELLED


def test_yes_closes(daemon: FakeDaemon, cli: Cli) -> None:
    daemon.groups = [a_group()]
    ran = cli("group", "close", "g1", "-o", "json", stdin="y\n")
    assert ran.code == 0
    assert json.loads(ran.out)["group"]["state"] == "CLOSING"
    request = next(one for one in daemon.requests if type(one).__name__ == "CloseGroupRequest")
    assert len(request.request_id) == 32
    assert not request.validate_only


def test_a_dry_run_neither_asks_nor_changes(daemon: FakeDaemon, cli: Cli) -> None:
    daemon.groups = [a_group()]
    ran = cli("group", "close", "g1", "--dry-run", "-o", "json")
    assert ran.code == 0
    assert json.loads(ran.out)["group"]["state"] == "PARTIALLY_FILLED"


def test_an_emergency_close_tells_what_could_not_be_closed(daemon: FakeDaemon, cli: Cli) -> None:
    daemon.groups = [a_group()]
    ran = cli("group", "close-all", "--yes")
    assert ran.code == ExitCode.FAILED
    assert "could not close g1: EXCHANGE_DOWN" in ran.err


def test_removing_from_the_queue_asks_and_a_stranger_is_3(daemon: FakeDaemon, cli: Cli) -> None:
    daemon.queued = [queue_pb2.QueuedSignal(signal_id="s7", account="paper", world="WORLD_PAPER", symbol="BTC/USDT")]
    assert cli("queue", "remove", "s8").code == ExitCode.NOT_FOUND
    ran = cli("queue", "remove", "s7", stdin="yes\n")
    assert ran.code == 0
    assert "paper (PAPER)" in ran.err


def test_pausing_asks_only_where_entries_are_cancelled(daemon: FakeDaemon, cli: Cli) -> None:
    assert cli("engine", "pause").code == 0
    assert cli("engine", "pause", "--cancel-entries", stdin="n\n").code == ExitCode.CANCELLED
    assert cli("engine", "pause", "--cancel-entries", "--yes").code == 0


# --- the rest


def test_a_paper_price_passes_its_decimal_untouched(daemon: FakeDaemon, cli: Cli) -> None:
    ran = cli("paper", "price", "BTC/USDT", "60000.10", "-o", "json")
    assert json.loads(ran.out)["price"]["price"] == "60000.10"
    assert daemon.requests[-1].price == "60000.10"


def test_alerts_are_listed_and_acknowledged(daemon: FakeDaemon, cli: Cli) -> None:
    daemon.alerts = [record_pb2.Alert(alert_id="a1", type="EXCHANGE_DOWN", message="no answer")]
    assert "EXCHANGE_DOWN" in cli("alert", "list").out
    assert json.loads(cli("alert", "ack", "a1", "-o", "json").out)["alert"]["state"] == "ACKNOWLEDGED"


def test_a_tail_ends_with_what_is_stored(daemon: FakeDaemon, cli: Cli) -> None:
    daemon.events = [common_pb2.Event(sequence=n, type="ORDER_FILLED", message=f"m{n}") for n in range(1, 6)]
    lines = cli("log", "tail", "-n", "3", "--no-follow", "-o", "json").out.splitlines()
    assert [json.loads(line)["sequence"] for line in lines] == [3, 4, 5]


def test_a_status_shows_one_world_or_all(daemon: FakeDaemon, cli: Cli) -> None:
    daemon.groups = [a_group()]
    daemon.alerts = [record_pb2.Alert(alert_id="a1", type="EXCHANGE_DOWN", message="no answer")]
    ran = cli("status")
    assert ran.code == 0
    assert ran.out.startswith("ALERTS")
    assert "1 of 10" in ran.out
    daemon.worlds = ("WORLD_PAPER", "WORLD_LIVE")
    found = json.loads(cli("status", "-o", "json").out)
    assert [one["status"]["world"] for one in found["worlds"]] == ["PAPER", "LIVE"]
    assert cli("engine", "status").code == ExitCode.USAGE
    assert cli("engine", "status", "--world", "live").code == 0


def test_watch_can_draw_once(daemon: FakeDaemon, cli: Cli) -> None:
    daemon.groups = [a_group()]
    ran = cli("watch", "--once")
    assert ran.code == 0
    assert "BTC/USDT" in ran.out


def test_doctor_finds_what_is_wrong_and_says_what_to_do(daemon: FakeDaemon, cli: Cli, home: Home) -> None:
    (home.data / "secrets" / "admin.token").chmod(0o644)
    ran = cli("doctor", "-o", "json")
    checks = {one["name"]: one for one in json.loads(ran.out)["checks"]}
    assert ran.code == ExitCode.FAILED
    assert checks["token"]["result"] == "FAILED"
    assert "chmod 600" in checks["token"]["remedy"]
    assert checks["daemon"]["result"] == "OK"
    assert checks["version"]["result"] == "OK"
    assert checks["forwarder"]["result"] == "WARNING"
    (home.data / "secrets" / "admin.token").chmod(0o600)
    assert cli("doctor").code == 0


def test_completion_prints_a_script(cli: Cli) -> None:
    assert "_TERRACE_COMPLETE" in cli("completion", "bash").out
