"""`terrace init` as a person and as a script use it. Nothing here reaches an exchange."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from control import alert_message
from control.setup import answers as judge
from control.setup.answers import Answers, Facts, WrongAnswer, read_facts
from daemon.config.first import facts as engine_facts
from tests.control.conftest import ROOT, Home, Ran
from tests.control.terminal import Terminal

KEY, KEY_SECRET, PASSPHRASE = "key-of-the-init-test", "secret-of-the-init-test", "phrase-of-the-init-test"
OKX = ("--exchange", "okx", "--market", "swap", "--testnet", "--capital", "120", "--no-check")
Terrace = Callable[..., Ran]


@pytest.fixture
def bare(tmp_path: Path) -> Home:
    """A home with nothing in it."""
    folder = tmp_path / "bare"
    folder.mkdir()
    return Home(folder)


@pytest.fixture
def init(bare: Home) -> Terrace:
    def run(*arguments: str, stdin: str = "", **environ: str) -> Ran:
        done = subprocess.run(
            [sys.executable, "-m", "control", "init", *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            env={**bare.environ(), **environ},
            cwd=ROOT,
            timeout=60,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def key_files(tmp_path: Path) -> tuple[str, ...]:
    options: list[str] = []
    for name, text in (("api-key", KEY), ("api-secret", KEY_SECRET), ("passphrase", PASSPHRASE)):
        path = tmp_path / name
        path.write_text(f"{text}\n")
        path.chmod(0o600)
        options += [f"--{name}-file", str(path)]
    return tuple(options)


def terminal(bare: Home, *arguments: str) -> Terminal:
    return Terminal("init", *arguments, environ=bare.environ())


def checked(bare: Home) -> Ran:
    """What `terraced --check` says of the file."""
    done = subprocess.run(
        [sys.executable, "-m", "daemon", "--check", "--config", str(bare.config)],
        capture_output=True,
        text=True,
        env={**bare.environ(), "TERRACE_API__ADDRESS": "127.0.0.1:0", "TERRACE_OBSERVE__ADDRESS": "127.0.0.1:0"},
        cwd=ROOT,
        timeout=60,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def leaves(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def is_untouched(bare: Home) -> bool:
    return list(leaves(bare.folder)) == []


# --- by options -----------------------------------------------------------------------------------


def test_paper_needs_no_answer(init: Terrace, bare: Home) -> None:
    ran = init("--paper")
    assert (ran.code, ran.err) == (0, "")
    assert "/hook/tradingview" in ran.out
    assert all(words in ran.out for words in alert_message.WHEN.values())
    assert stat.S_IMODE(bare.config.stat().st_mode) == 0o600
    assert (bare.data / "secrets" / "tradingview").read_text().strip() not in ran.out  # No terminal, no secret.
    found = checked(bare)
    assert (found.code, found.err) == (0, "")


def test_for_programs_the_answer_is_json(init: Terrace, bare: Home) -> None:
    ran = init("--paper", "--pool", "4", "-o", "json")
    told = json.loads(ran.out)
    assert told["config"] == str(bare.config)
    [source] = told["sources"]
    strategy = json.loads(source["messages"]["strategy"])
    assert strategy["tv"]["action"] == "{{strategy.order.action}}"
    assert strategy["secret"] == alert_message.SECRET
    assert json.loads(source["messages"]["exit"])["execution_intent"] == {"type": "exit"}
    assert "max_open_groups: 4 " in bare.config.read_text()


@pytest.mark.rule("LOG-4", "SEC-3")
def test_keys_from_files_end_in_the_vault_and_are_never_told(
    init: Terrace, bare: Home, key_files: tuple[str, ...]
) -> None:
    ran = init(*OKX, "--account", "mine", *key_files)
    assert ran.code == 0, ran.err
    for path in leaves(bare.folder):
        assert all(key.encode() not in path.read_bytes() for key in (KEY, KEY_SECRET, PASSPHRASE)), path
    assert all(key not in ran.out + ran.err for key in (KEY, KEY_SECRET, PASSPHRASE))
    assert "passphrase: vault:mine/passphrase" in bare.config.read_text()
    assert "account check mine" in ran.out
    assert "the key was not tried" in ran.out
    found = checked(bare)
    assert (found.code, found.err) == (0, "")
    listed = subprocess.run(
        [sys.executable, "-m", "daemon", "vault", "check", "--config", str(bare.config)],
        capture_output=True,
        text=True,
        env=bare.environ(),
        cwd=ROOT,
        timeout=60,
        check=True,
    )
    assert "3 secrets" in listed.stdout
    assert "mine/api_secret" in listed.stdout


def test_a_config_that_is_there_is_not_written_over(init: Terrace, bare: Home) -> None:
    bare.write("config_version: 1\n")
    ran = init("--paper")
    assert ran.code == 1
    assert "--force" in ran.err
    assert bare.config.read_text() == "config_version: 1\n"
    forced = init("--paper", "--force")
    assert forced.code == 0, forced.err
    kept = bare.folder / "config.yaml.bak"
    assert str(kept) in forced.out
    assert kept.read_text() == "config_version: 1\n"


def test_dry_run_prints_the_file_and_writes_nothing(init: Terrace, bare: Home) -> None:
    ran = init(*OKX, "--dry-run", "--ladder", "0:60:1,0.5:40:0.8")
    assert ran.code == 0, ran.err
    assert '- {gap_percent: "0.5", weight_percent: "40", tp_percent: "0.8"}' in ran.out
    assert "vault:okx/api_key" in ran.out
    assert is_untouched(bare)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], ["--paper", "--exchange", "kucoin"]),
        (
            ["--exchange", "okx"],
            ["--market", "--testnet", "--live", "--api-key-file", "--passphrase-file", "--capital"],
        ),
        (["--exchange", "mexc", "--market", "spot"], ["missing: --live;", "--api-secret-file"]),
        (["--exchange", "kraken"], ["--exchange", "bybit"]),
        (["--exchange", "mexc", "--testnet"], ["--testnet: mexc has no testnet"]),
        (["--paper", "--exchange", "okx"], ["--paper and --exchange okx"]),
        (["--paper", "--live"], ["--live: a paper account is neither"]),
        (["--paper", "--ladder", "0:60:1 1:30:1"], ["--ladder: the weights make 90 %"]),
        (["--paper", "--capital", "1e3"], ["--capital: must be an amount"]),
        (["--paper", "--pool", "0"], ["--pool: must be a whole number from 1"]),
        (["--paper", "--account", "a b"], ["--account: must be a name"]),
    ],
)
def test_what_is_missing_or_wrong_is_named_with_what_is_allowed(
    cli: Terrace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: list[str], words: list[str]
) -> None:
    monkeypatch.setattr("control.setup.engine.ask", lambda action, _plan: {"facts": engine_facts()}[action])
    ran = cli("init", "--config", str(tmp_path / "new.yaml"), *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert [word for word in words if word not in ran.err] == []
    assert "passphrase" not in ran.err or "okx" in arguments
    assert not (tmp_path / "new.yaml").exists()


def test_a_key_file_that_others_may_read_is_refused(init: Terrace, bare: Home, key_files: tuple[str, ...]) -> None:
    os.chmod(key_files[1], 0o644)
    ran = init(*OKX, *key_files)
    assert ran.code == 2
    assert "chmod 600" in ran.err
    assert is_untouched(bare)


def test_a_key_the_exchange_has_no_use_for_is_refused(init: Terrace, bare: Home, key_files: tuple[str, ...]) -> None:
    ran = init("--exchange", "bybit", "--market", "spot", "--testnet", "--capital", "50", "--no-check", *key_files)
    assert ran.code == 2
    assert "bybit has no use for: passphrase" in ran.err
    assert is_untouched(bare)


# --- by questions ---------------------------------------------------------------------------------


def test_a_person_is_asked_and_wrong_answers_are_asked_for_again(bare: Home) -> None:
    with terminal(bare) as shell:
        shell.answer("Exchange (paper, binance", "bitmex")
        shell.until("must be paper, binance")
        shell.answer("Exchange (", "")
        shell.answer("Name of the account [paper]:", "mine")
        shell.answer("Market (spot, swap) [spot]:", "")
        shell.answer("[200]:", "-1")
        shell.until("must be an amount above 0")
        shell.answer("[200]:", "150")
        shell.answer("Ladder [0:20:1 ", "0:50:1")
        shell.until("the weights make 50 %")
        shell.answer("Ladder [", "0:50:1 1:50:2")
        shell.answer("Pool: groups open at the same time [10]:", "ten")
        shell.until("a whole number from 1")
        shell.answer("[10]:", "2")
        shell.until("2 groups of up to 5 entries of 150: 1500 USDT in use")
        shell.answer("? [Y/n]", "")
        assert shell.end() == 0, shell.shown
        secret = (bare.data / "secrets" / "tradingview").read_text().strip()
        assert f'"secret": "{secret}"' in shell.shown  # On a terminal the message can be pasted as it is.
    text = bare.config.read_text()
    assert "\n  mine:" in text
    assert 'capital_per_pyramid: "150"' in text
    assert "max_open_groups: 2 " in text
    assert checked(bare).code == 0


@pytest.mark.rule("LOG-4")
def test_keys_that_are_typed_are_not_echoed_and_stand_in_no_file(bare: Home) -> None:
    with terminal(bare, *OKX, "--account", "mine", "--pool", "3", "--ladder", "0:100:1") as shell:
        shell.answer("API key (not shown):", KEY)
        shell.answer("API secret (not shown):", "")
        shell.until("must be 1 to")
        shell.answer("API secret (not shown):", KEY_SECRET)
        shell.answer("Passphrase of the key (not shown):", PASSPHRASE)
        shell.answer("? [Y/n]", "y")
        assert shell.end() == 0, shell.shown
        assert all(key not in shell.shown for key in (KEY, KEY_SECRET, PASSPHRASE))
    for path in leaves(bare.folder):
        assert all(key.encode() not in path.read_bytes() for key in (KEY, KEY_SECRET, PASSPHRASE)), path
    assert (bare.data / "secrets" / "vault.json").exists()


@pytest.mark.parametrize("typed", [0, 1, 3])
def test_ctrl_c_at_a_question_leaves_nothing_behind(bare: Home, typed: int) -> None:
    questions = [("API key", KEY), ("API secret", KEY_SECRET), ("Passphrase of the key", PASSPHRASE), ("Write ", "")]
    with terminal(bare, *OKX, "--account", "mine", "--pool", "3", "--ladder", "0:100:1") as shell:
        for question, text in questions[:typed]:
            shell.answer(question, text)
        shell.until(questions[typed][0])
        shell.until(": " if typed < 3 else "[Y/n]")
        shell.type("\x03")
        assert shell.end() == 8, shell.shown
        assert "interrupted" in shell.shown
        assert "Traceback" not in shell.shown
    assert is_untouched(bare)


@pytest.mark.parametrize("after_s", [0.0, 0.3, 0.6])
def test_ctrl_c_while_it_is_written_leaves_all_or_nothing(
    bare: Home, key_files: tuple[str, ...], after_s: float
) -> None:
    with terminal(bare, *OKX, *key_files, "--account", "mine", "--pool", "3") as shell:
        shell.answer("Ladder [", "0:100:1")
        shell.answer("? [Y/n]", "y")
        time.sleep(after_s)
        shell.type("\x03")
        shell.end()
        assert "Traceback" not in shell.shown
    if bare.config.exists():
        assert (bare.data / "secrets" / "vault.json").read_text().count("mine/") == 3
        assert (bare.data / "secrets" / "tradingview").exists()
    else:
        assert is_untouched(bare)


def test_a_no_at_the_end_writes_nothing(bare: Home) -> None:
    with terminal(bare, "--exchange", "paper", "--account", "p", "--market", "spot", "--capital", "9") as shell:
        shell.answer("Ladder [", "")
        shell.answer("Pool", "")
        shell.answer("? [Y/n]", "n")
        assert shell.end() == 8
    assert is_untouched(bare)


def test_an_input_that_ends_writes_nothing(bare: Home) -> None:
    with terminal(bare) as shell:
        shell.until("Exchange (")
        shell.type("\x04")
        assert shell.end() == 8
        assert "the input ended" in shell.shown
    assert is_untouched(bare)


# --- the parts ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def facts() -> Facts:
    return read_facts(engine_facts())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0:100",
        "0:100:1:1",
        "a:b:c",
        "0:50:1 1:49:1",
        "0:100:0",
        "100:100:1",
        "0:100:1e1",
        "NaN:100:1",
        " ".join(["0:9:1"] * 11),
    ],
)
def test_a_ladder_that_is_none_is_refused(facts: Facts, text: str) -> None:
    with pytest.raises(WrongAnswer):
        judge.ladder(text, facts)


def test_a_ladder_is_taken_as_it_is_written(facts: Facts) -> None:
    legs = judge.ladder("-0.5:33.33:1,0:33.33:0.5  2:33.34:2", facts)
    assert legs == (("-0.5", "33.33", "1"), ("0", "33.33", "0.5"), ("2", "33.34", "2"))
    assert judge.ladder(judge.shown_ladder(facts.ladder), facts) == facts.ladder


@pytest.mark.parametrize("text", ["", "\n", "a\nb", "x" * 9000, "a\x1b[1m"])
def test_a_key_that_is_none_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(WrongAnswer) as wrong:
        judge.key(text)
    assert "not shown" in str(wrong.value)
    assert "xxx" not in str(wrong.value)


def test_answers_do_not_show_their_keys() -> None:
    assert KEY not in repr(Answers(exchange="okx", keys={"api_key": KEY}))


def test_a_message_goes_where_the_source_looks_for_it() -> None:
    mapped = {"tv.symbol": "ticker", "tv.exchange": "'BINANCE'", "tv.timeframe": "join('', [a, b])"}
    text, left_out = alert_message.message("custom", "entry", mapped, "s")
    assert json.loads(text)["ticker"] == "{{ticker}}"
    assert "exchange" not in json.loads(text)["tv"]
    assert left_out == ["tv.timeframe"]
