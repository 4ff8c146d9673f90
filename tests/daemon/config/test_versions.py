"""What differs between two texts, how it is shown, and what is never shown (CFG-3, LOG-4)."""

from __future__ import annotations

import time

import pytest

from daemon.config.defaults import RESET, with_defaults
from daemon.config.load import LoadedConfig, default_config, load_text
from daemon.config.reload import changed_keys
from daemon.config.versions import MAX_CHANGED_PATHS, key_changes, masked, named, text_diff
from tests.daemon.config.texts import FILE, SHIPPED, load

TEXT = SHIPPED.read_text(encoding="utf-8")


@pytest.mark.rule("LOG-4")
@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("api_key: abcdef # x", "api_key: **** # x"),
        ('{secret: "s3cr et", x: 1}', "{secret: ****, x: 1}"),
        ("  hmac_secret: 'plain'", "  hmac_secret: ****"),
        ("# passphrase: hunter2", "# passphrase: ****"),
        ("# my key: api_key = sk_live_ABCDEFGHIJKLMNOP", "# my key: api_key = ****"),
        ("# token=abcdef, mine", "# token=****, mine"),
        ('{"secret":"s3cr et","x":1}', '{"secret":****,"x":1}'),
        ("# api_key = env:KEY", "# api_key = env:KEY"),
        ("url: https://anna:pw@host/x", "url: https://****@host/x"),
        ("api_secret: file:secrets/binance", "api_secret: file:secrets/binance"),
        ('secret: "env:TV"', 'secret: "env:TV"'),
        ("hmac_secret: null   # lets senders sign", "hmac_secret: null   # lets senders sign"),
        ("tokens: secrets/tokens.yaml", "tokens: secrets/tokens.yaml"),
    ],
)
def test_secrets_in_clear_are_masked_and_references_are_not(text: str, shown: str) -> None:
    assert masked(text) == shown


def test_the_shipped_file_is_shown_as_it_is() -> None:
    assert masked(TEXT) == TEXT


def test_changes_are_told_by_key_with_both_values() -> None:
    old, new = load("pool: {max_open_groups: 3}"), load("api: {address: '127.0.0.1:1'}\nroutes: {'*': paper, X: paper}")
    found = {each.path: each for each in key_changes(old.effective, new.effective)}
    assert set(found) == {"pool.max_open_groups", "api.address", "routes.X"}
    assert (found["pool.max_open_groups"].old, found["pool.max_open_groups"].new) == ("3", "10")
    assert (found["routes.X"].old, found["routes.X"].new) == ("", "paper")
    assert found["api.address"].restart


def test_many_changed_keys_are_cut_with_their_number() -> None:
    paths = [f"routes.X{number}" for number in range(MAX_CHANGED_PATHS + 5)]
    assert named(paths)[-1] == "and 5 more"
    assert named(paths[:3]) == tuple(paths[:3])


def test_a_diff_of_large_texts_that_differ_everywhere_takes_no_time() -> None:
    old, new = ("\n".join(f"{side}{number % 7}" for number in range(40_000)) for side in "ab")
    start = time.monotonic()
    shown = text_diff(old, new, "one", "two")
    assert time.monotonic() - start < 2.0
    assert shown.count("\n-a") == shown.count("\n+b") == 40_000
    assert text_diff(old, old, "one", "two") == ""


OVERRIDE = "overrides: [{match: {symbol: BTC/USDT}, set: {tp_percent: '2'}}]"
LADDER = "strategy: {default: {levels: {generate: {count: 3, step_percent: '1', tp_percent: '1'}}}}"


@pytest.mark.rule("CFG-3")
@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        TEXT.replace("max_open_groups: 10 ", "max_open_groups: 3 ").replace("overrides: []", OVERRIDE),
        f"config_version: 1\nbackup: {{keep: 3}}\n{LADDER}\n",
        "config_version: 1\nlimits: &l {max_consecutive_losses: 3}\nqueue: {max_size: 4}\nbackup: {keep: 3}\n",
        "config_version: 1\nrisk: {equal_quotes: [[USDT, USDC]]}\nprecision: {fallback: {tick_size: '0.1'}}\n",
    ],
)
def test_defaults_are_back_in_every_section_that_is_reset_and_in_no_other(text: str) -> None:
    reset = with_defaults(text, FILE)
    assert isinstance(reset, str), str(reset)
    before, after = load_text(text, FILE, {}), load_text(reset, FILE, {})
    assert isinstance(before, LoadedConfig)
    assert isinstance(after, LoadedConfig)
    assert not [key for key in changed_keys(after.effective, default_config()) if key.split(".")[0] in RESET]
    assert not [key for key in changed_keys(after.effective, before.effective) if key.split(".")[0] not in RESET]
