"""Configs that hold: what becomes of them."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.rules.plain import to_plain
from actors.rules.settings import (
    KeyPart,
    Market,
    RankRule,
    Settings,
    SizingSource,
    TimerStart,
    TpMode,
    World,
)
from control.config_file import TOP_LEVEL as OF_CONTROL
from control.config_file import read_config as read_config_file
from daemon.config.fault import ConfigFaults
from daemon.config.load import LoadedConfig, load_config, load_text
from daemon.config.reload import flatten
from daemon.config.validate import TOP_LEVEL
from tests.daemon.config.texts import FILE, SHIPPED, faults, load, only_fault

SPEC = Path(__file__).parents[4] / "shared" / "spec" / "config.yaml"


@pytest.mark.rule("CFG-1")
def test_the_shipped_file_holds_every_key_with_its_default_and_warns_of_nothing() -> None:
    shipped = load_config(SHIPPED, {})
    assert isinstance(shipped, LoadedConfig), str(shipped)
    assert shipped.settings == Settings() == load("").settings
    assert shipped.effective == load("").effective
    assert shipped.warnings == ()
    text = shipped.text
    assert [key for key in flatten(shipped.effective) if f"{key.rpartition('.')[2]}:" not in text] == ["routes.*"]


@pytest.mark.skipif(not SPEC.exists(), reason="the shared data is not here")
def test_the_shipped_file_is_the_normative_one_in_other_words() -> None:
    ours, theirs = load_config(SHIPPED, {}), load_config(SPEC, {})
    assert isinstance(ours, LoadedConfig)
    assert isinstance(theirs, LoadedConfig), str(theirs)
    assert ours.effective == theirs.effective


def test_the_commented_exchange_of_the_shipped_file_holds_when_it_is_uncommented() -> None:
    lines = SHIPPED.read_text().splitlines()
    first = lines.index("  # binance:")
    for index in range(first, first + 13):
        assert lines[index].startswith("  # ")
        lines[index] = lines[index].replace("# ", "", 1)
    loaded = load_text("\n".join(lines).replace("market: spot\n    testnet", "market: swap\n    testnet"), FILE, {})
    assert isinstance(loaded, LoadedConfig), str(loaded)
    account = loaded.settings.accounts["binance"]
    assert (account.world, account.api_key, account.symbols) == (World.TESTNET, "env:BINANCE_API_KEY", ())
    assert loaded.warnings == ()


# Numbers


@pytest.mark.rule("CFG-1")
@pytest.mark.parametrize("written", ["0.1", '"0.1"', "'0.1'", ".1", '"+0.1"', "1e-1"])
def test_a_decimal_is_exact_however_it_is_written(written: str) -> None:
    assert load(f"strategy: {{default: {{tp_percent: {written}}}}}").settings.strategy.default.tp_percent == Decimal(
        "0.1"
    )


@given(st.decimals(Decimal("0.000001"), Decimal("1000"), places=18, allow_nan=False))
def test_no_digit_of_a_number_in_the_file_is_lost(value: Decimal) -> None:
    loaded = load(f"strategy: {{default: {{tp_percent: {value:f}}}}}")
    assert loaded.settings.strategy.default.tp_percent.as_tuple() == value.as_tuple()


@pytest.mark.rule("CFG-1")
def test_the_bounds_admit_ten_thousand_groups_and_a_hundred_thousand_queued() -> None:
    settings = load("pool: {max_open_groups: 10000}\nqueue: {max_size: 100000}").settings
    assert (settings.pool.max_open_groups, settings.queue.max_size) == (10_000, 100_000)


def test_words_that_only_look_special_stay_text() -> None:
    settings = load("accounts: {on: {}, no: {}}\nroutes: {yes: on, 1:30: no, 2024-01-01: on}").settings
    assert settings.routes == {"yes": "on", "1:30": "no", "2024-01-01": "on"}


# Ladders


@pytest.mark.rule("DCA-1")
@pytest.mark.parametrize(("last", "holds"), [("39.99", True), ("40.01", True), ("39.989", False), ("40.011", False)])
def test_weights_sum_to_100_within_a_hundredth(last: str, holds: bool) -> None:
    text = f"""strategy:
  default:
    levels:
      - {{gap_percent: 0, weight_percent: 60, tp_percent: 1}}
      - {{gap_percent: 1, weight_percent: {last}, tp_percent: 1}}
"""
    loaded = load_text(f"config_version: 1\n{text}", FILE, {})
    assert isinstance(loaded, LoadedConfig if holds else ConfigFaults)


@pytest.mark.rule("DCA-1")
def test_a_gap_may_be_written_as_the_way_down() -> None:
    text = "strategy: {default: {levels: [{gap_percent: -0.5, weight_percent: 100, tp_percent: 1}]}}"
    assert load(text).settings.strategy.default.levels[0].gap_percent == Decimal("0.5")


@pytest.mark.rule("DCA-1")
@pytest.mark.parametrize(("count", "holds"), [(1, True), (10, True), (11, False)])
def test_a_ladder_has_one_to_ten_legs(count: int, holds: bool) -> None:
    legs = ", ".join([f"{{gap_percent: 1, weight_percent: {Decimal(100) / count:.6f}, tp_percent: 1}}"] * count)
    loaded = load_text(f"config_version: 1\nstrategy: {{default: {{levels: [{legs}]}}}}", FILE, {})
    assert isinstance(loaded, LoadedConfig if holds else ConfigFaults)


@pytest.mark.rule("DCA-1")
def test_a_generated_ladder_is_written_out() -> None:
    loaded = load(
        """strategy:
  default:
    levels:
      generate: {count: 4, first_gap_percent: "0.5", step_percent: "1", step_scale: 2, weight_scale: 2, tp_percent: 1}
    pyramid_levels:
      1: {generate: {count: 3, step_percent: "0.25", tp_percent: "1"}}
  overrides:
    - match: {symbol: BTC/USDT}
      set: {levels: {generate: {count: 1, step_percent: 1, tp_percent: 2}}}
"""
    )
    default = loaded.settings.strategy.default
    assert [leg.gap_percent for leg in default.levels] == [Decimal(gap) for gap in ("0.5", "1.5", "3.5", "7.5")]
    weights = ["6.666667", "13.333333", "26.666667", "53.333333"]
    assert [str(leg.weight_percent) for leg in default.levels] == weights
    assert [leg["weight_percent"] for leg in loaded.effective["strategy"]["default"]["levels"]] == weights
    assert [str(leg.gap_percent) for leg in default.levels_of(1)] == ["0", "0.25", "0.5"]
    assert [str(leg.weight_percent) for leg in default.levels_of(1)] == ["33.333333", "33.333333", "33.333334"]
    (leg,) = loaded.settings.strategy.resolve("paper", "BTC/USDT", "1h").levels
    assert (leg.gap_percent, leg.weight_percent, leg.tp_percent) == (Decimal(0), Decimal(100), Decimal(2))


@given(st.integers(1, 10), st.decimals("0.1", "10", places=2), st.decimals("0.1", "2", places=2))
def test_generated_weights_always_sum_to_exactly_100(count: int, weight_scale: Decimal, step_scale: Decimal) -> None:
    recipe = (
        f"{{count: {count}, step_percent: 0.01, step_scale: {step_scale}, weight_scale: {weight_scale}, tp_percent: 1}}"
    )
    loaded = load_text(f"config_version: 1\nstrategy: {{default: {{levels: {{generate: {recipe}}}}}}}", FILE, {})
    if isinstance(loaded, ConfigFaults):  # A share so small that it rounds to nothing is named as such.
        assert all("weight_percent" in fault.path and "found" in fault.message for fault in loaded.faults)
    else:
        assert sum(leg.weight_percent for leg in loaded.settings.strategy.default.levels) == 100


@pytest.mark.rule("DCA-1")
def test_faults_of_a_recipe_are_named_at_the_recipe() -> None:
    found = faults(
        """strategy:
  default:
    levels:
      generate: {count: 11, step_percent: 1, tp_prcent: 1}
      first: 1
"""
    )
    assert [(fault.line, fault.path) for fault in found] == [
        (5, "strategy.default.levels.generate.count"),
        (5, "strategy.default.levels.generate.tp_percent"),
        (5, "strategy.default.levels.generate.tp_prcent"),
        (6, "strategy.default.levels.first"),
    ]


@pytest.mark.rule("DCA-1")
def test_a_recipe_that_reaches_zero_is_refused_at_the_ladder() -> None:
    text = "strategy:\n  default:\n    levels: {generate: {count: 3, step_percent: 60, tp_percent: 1}}"
    fault = only_fault(text)
    assert (fault.path, fault.line) == ("strategy.default.levels[2].gap_percent", 4)


# Overrides


@pytest.mark.rule("GRP-3")
def test_overrides_of_the_file_resolve_by_how_specific_they_are() -> None:
    book = load(
        """strategy:
  default: {sizing: {capital_per_pyramid: 100, capital_by_pyramid: {1: 50}}}
  overrides:
    - match: {account: paper, symbol: BTC/USDT, timeframe: "240"}
      set: {tp_mode: aggregate}
    - match: {symbol: BTC/USDT}
      set: {tp_mode: hybrid, tp_percent: 2, sizing: {capital_per_pyramid: 500}}
    - match: {account: paper}
      set: {tp_percent: 3, max_pyramids: 2}
"""
    ).settings.strategy
    exact = book.resolve("paper", "BTC/USDT", "4h")
    assert (exact.tp_mode, exact.tp_percent, exact.max_pyramids) == (TpMode.AGGREGATE, Decimal(2), 2)
    assert (exact.sizing.capital_of(0), exact.sizing.capital_of(1)) == (Decimal(500), Decimal(50))
    other = book.resolve("paper", "ETH/USDT", "4h")
    assert (other.tp_mode, other.tp_percent, other.max_pyramids) == (TpMode.PER_LEG, Decimal(3), 2)


@pytest.mark.rule("GRP-3")
def test_two_overrides_for_the_same_trades_are_a_fault() -> None:
    fault = only_fault(
        """strategy:
  overrides:
    - match: {symbol: BTC/USDT, timeframe: 4h}
      set: {max_pyramids: 1}
    - match: {timeframe: "240", symbol: BTC/USDT}
      set: {max_pyramids: 2}
"""
    )
    assert (fault.path, fault.line) == ("strategy.overrides[1].match", 6)
    assert "overrides[0]" in fault.message


def test_equity_percent_may_come_from_the_default_or_the_override() -> None:
    load(
        """strategy:
  default: {sizing: {equity_percent: 5}}
  overrides:
    - {match: {account: paper}, set: {sizing: {source: equity_percent}}}
"""
    )
    fault = only_fault(
        "strategy: {overrides: [{match: {account: paper}, set: {sizing: {source: equity_percent}}}]}",
    )
    assert fault.path == "strategy.overrides[0].set.sizing"


# Other sections


def test_older_words_and_loose_orders_get_their_one_form() -> None:
    settings = load(
        """engine: {group_key: [source, timeframe, symbol, account]}
risk: {timer_start: after_5_pyramids}
queue: {rank: [first_in, highest_expected_profit]}
"""
    ).settings
    assert settings.engine.group_key == (KeyPart.ACCOUNT, KeyPart.SYMBOL, KeyPart.TIMEFRAME, KeyPart.SOURCE)
    assert settings.risk.timer_start is TimerStart.AFTER_FULL_PYRAMIDS
    assert settings.queue.rank == (RankRule.FIRST_IN, RankRule.HIGHEST_EXPECTED_PROFIT)


def test_a_swap_account_has_swaps_as_its_default_symbols() -> None:
    loaded = load("accounts: {paper: {market: swap, leverage: 3, start_prices: {'BTC/USDT:USDT': 60000}}}")
    account = loaded.settings.accounts["paper"]
    assert account.market is Market.SWAP
    assert account.symbols[:2] == ("BTC/USDT:USDT", "ETH/USDT:USDT")
    assert loaded.effective["accounts"]["paper"]["symbols"][0] == "BTC/USDT:USDT"


@pytest.mark.rule("SIG-13")
def test_a_source_may_map_its_own_shape() -> None:
    text = """sources: {bot: {secret: env:BOT, map: {tv.symbol: data.ticker, tv.timeframe: "'15m'"}}}"""
    mapped = load(text).settings.sources["bot"]
    assert mapped.map == {"tv.symbol": "data.ticker", "tv.timeframe": "'15m'"}


@pytest.mark.rule("SEC-2")
def test_listening_beyond_loopback_has_to_be_said_twice() -> None:
    for name in ("api", "panel", "observe", "forwarder"):
        assert only_fault(f"{name}: {{address: '0.0.0.0:1'}}").path == f"{name}.address"
        warned = [w for w in load(f"{name}: {{address: '0.0.0.0:1', public: true}}").warnings if name in w]
        assert len(warned) == (name == "forwarder"), "only it is meant to be reached, through a proxy"
    for address in ("localhost:0", "[::1]:7461", "127.5.5.5:1"):
        assert load(f"api: {{address: '{address}'}}").daemon.api.address == address
    certificate = "tls: {certificate: a.pem, key: b.pem}"
    assert load(f"api: {{address: '0.0.0.0:1', {certificate}}}").daemon.api.tls.key is not None
    assert only_fault("api: {tls: {client_ca: a.pem}}").path == "api.tls.client_ca"


@pytest.mark.rule("CFG-1")
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("127.0.0.1:5", "127.0.0.1:5"),
        ("localhost:5", "127.0.0.1:5"),
        ("0.0.0.0:5", "127.0.0.1:5"),
        ("[::]:5", "[::1]:5"),
    ],
)
def test_no_two_listeners_have_one_port(one: str, other: str) -> None:
    text = f"api: {{address: '{one}', public: true}}\nobserve: {{address: '{other}', public: true}}"
    assert only_fault(text).message == f"{other} is taken by api.address already"
    assert load(text.replace(":5'", ":0'")).daemon.observe.public
    assert load("api: {address: '127.0.0.1:5'}\nobserve: {address: '127.0.0.2:5'}").daemon.observe.address


def test_listeners_may_all_let_the_system_choose_their_port() -> None:
    listeners = "\n".join(f"{name}: {{address: '127.0.0.1:0'}}" for name in ("api", "forwarder", "panel", "observe"))
    assert load(listeners).daemon.observe.address == "127.0.0.1:0"


# Paths


def test_paths_are_relative_to_the_data_directory_and_that_to_the_file() -> None:
    daemon = load("data_dir: ../state\nlogging: {file: /var/log/t.jsonl}").daemon
    assert daemon.config_path == FILE
    assert daemon.data_dir == Path("/srv/state")
    assert daemon.storage.path == Path("/srv/state/terrace.db")
    assert daemon.api.unix_socket == Path("/srv/state/terrace.sock")
    assert daemon.api.tokens == Path("/srv/state/secrets/tokens.yaml")
    assert daemon.secrets_dir == Path("/srv/state/secrets")
    assert daemon.forwarder.spool == Path("/srv/state/spool.db")
    assert daemon.backup.directory == Path("/srv/state/backups")
    assert daemon.logging.file == Path("/var/log/t.jsonl")
    assert load("api: {unix_socket: false}").daemon.api.unix_socket is None
    assert load("storage: {url: 'sqlite:////var/lib/t.db'}").daemon.storage.path == Path("/var/lib/t.db")
    replay = load("data_dir: ../state\naccounts: {paper: {prices: replay, candles: c/BTC.csv}}")
    assert replay.settings.accounts["paper"].candles == "/srv/state/c/BTC.csv"


def test_the_data_directory_of_the_environment_wins() -> None:
    assert load("data_dir: ../state", {"TERRACE_DATA_DIR": "/else"}).daemon.data_dir == Path("/else")
    assert load("", {"TERRACE_DATA_DIR": "else"}).daemon.data_dir == Path.cwd() / "else"


# The environment


@pytest.mark.rule("CFG-1")
def test_the_environment_overrides_single_keys() -> None:
    loaded = load(
        "pool: {max_open_groups: 5}\naccounts: {Main: {seed: 2}}\nroutes: {'*': Main}",
        {
            "TERRACE_API__ADDRESS": "127.0.0.1:9999",
            "TERRACE_POOL__MAX_OPEN_GROUPS": "7",
            "TERRACE_POOL__PYRAMIDS_BYPASS": "false",
            "TERRACE_QUEUE__OPPOSITE_MAX_AGE_S": "null",
            "TERRACE_ACCOUNTS__MAIN__SEED": "3",
            "TERRACE_STRATEGY__DEFAULT__TP_PERCENT": "0.10",
            "TERRACE_STRATEGY__DEFAULT__SIZING__SOURCE": "signal",
            "TERRACE_SOURCES__TRADINGVIEW__ALLOW_ADDRESSES": "[10.0.0.1, 10.1.0.0/16]",
            "TERRACE_STRATEGY__DEFAULT__TP_BY_PYRAMID": '{1: "0.8"}',
            "TERRACE_CONFIG": "/x",
            "TERRACE_COLOUR": "red",
            "OTHER__THING": "1",
        },
    )
    settings = loaded.settings
    assert loaded.daemon.api.address == "127.0.0.1:9999"
    assert (settings.pool.max_open_groups, settings.pool.pyramids_bypass) == (7, False)
    assert settings.queue.opposite_max_age_s is None
    assert settings.accounts["Main"].seed == 3
    assert str(settings.strategy.default.tp_percent) == "0.10"
    assert settings.strategy.default.sizing.source is SizingSource.SIGNAL
    assert settings.strategy.default.tp_by_pyramid == {1: Decimal("0.8")}
    assert settings.sources["tradingview"].allow_addresses == ("10.0.0.1", "10.1.0.0/16")
    assert settings.sources["tradingview"].secret == "file:secrets/tradingview"


@pytest.mark.rule("CFG-1")
@pytest.mark.parametrize(
    ("name", "value", "path", "message"),
    [
        ("TERRACE_POOL__MAX_OPEN_GRUPS", "5", "pool.max_open_grups", "did you mean max_open_groups?"),
        ("TERRACE_POL__MAX_OPEN_GROUPS", "5", "pol", "did you mean pool?"),
        ("TERRACE_POOL__MAX_OPEN_GROUPS", "many", "pool.max_open_groups", "whole number"),
        ("TERRACE_POOL__", "5", "", "not the name of a config key"),
        ("TERRACE_DATA_DIR__X", "5", "data_dir", "does not lead anywhere"),
        ("TERRACE_QUEUE__RANK__9", "first_in", "queue.rank", "does not lead anywhere"),
        ("TERRACE_QUEUE__RANK", "[first_in", "queue.rank", "flow notation"),
        ("TERRACE_STRATEGY__DEFAULT__LEVELS", "[]", "strategy.default.levels", "a ladder of 0 legs"),
    ],
)
def test_a_fault_of_the_environment_names_its_variable(name: str, value: str, path: str, message: str) -> None:
    found = faults("data_dir: x\nqueue: {rank: [first_in]}", {name: value})
    assert [(fault.source, fault.line, fault.path) for fault in found] == [(name, 0, path)]
    assert message in found[0].message
    assert str(found[0]).startswith(f"{name}: ")


@pytest.mark.rule("CFG-1")
def test_a_key_of_the_top_level_is_taken_from_the_environment_as_a_whole() -> None:
    loaded = load(
        "routes: {X: paper}\npool: {max_open_groups: 3, pyramids_bypass: false}",
        {
            "TERRACE_ROUTES": '{"*": paper}',
            "TERRACE_POOL": "{max_open_groups: 7}",
            "TERRACE_POOL__PYRAMIDS_BYPASS": "false",
            "TERRACE_NOTIFICATIONS": "[{url: env:PHONE}]",
            "TERRACE_DATA_DIR": "/else",
        },
    )
    assert dict(loaded.effective["routes"]) == {"*": "paper"}
    assert (loaded.settings.pool.max_open_groups, loaded.settings.pool.pyramids_bypass) == (7, False)
    assert loaded.effective["notifications"][0]["url"] == "env:PHONE"
    assert loaded.daemon.data_dir == Path("/else")


@pytest.mark.rule("CFG-1")
@pytest.mark.parametrize(
    ("name", "value", "path"),
    [
        ("TERRACE_NOTIFICATIONS", "garbage", "notifications"),
        ("TERRACE_ROUTES", '{"*": nowhere}', "routes.*"),
        ("TERRACE_POOL", "5", "pool"),
        ("TERRACE_CONFIG_VERSION", "many", "config_version"),
    ],
)
def test_a_faulty_key_of_the_top_level_is_refused_by_its_variable(name: str, value: str, path: str) -> None:
    assert [(fault.source, fault.path) for fault in faults("", {name: value})] == [(name, path)]


@pytest.mark.rule("CFG-1")
def test_the_programs_beside_the_daemon_read_the_same_keys_of_the_top_level(tmp_path: Path) -> None:
    assert set(OF_CONTROL) <= set(TOP_LEVEL)
    (tmp_path / "c.yaml").write_text("api: {address: '127.0.0.1:8'}")
    found = read_config_file(tmp_path / "c.yaml", {"TERRACE_API": "{address: '127.0.0.1:9'}", "TERRACE_CONFIG": "x"})
    assert found.text("api.address", "") == "127.0.0.1:9"


def test_an_item_of_a_list_in_the_file_can_be_overridden() -> None:
    text = "strategy: {default: {levels: [{gap_percent: 1, weight_percent: 100, tp_percent: 1}]}}"
    loaded = load(text, {"TERRACE_STRATEGY__DEFAULT__LEVELS__0__TP_PERCENT": "2"})
    assert loaded.settings.strategy.default.levels[0].tp_percent == Decimal(2)


# Versions


@pytest.mark.rule("CFG-5")
@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("pool: {}", 1, "is missing: write config_version: 1"),
        ("pool: {}\nconfig_version: 2", 2, "written for a newer Terrace (version 2)"),
        ("config_version: 0", 1, "must be a whole number"),
        ("config_version: true", 1, "must be a whole number"),
        ('config_version: "1"', 1, "must be a whole number"),
    ],
)
def test_the_version_of_the_file_is_one_this_code_knows(text: str, line: int, message: str) -> None:
    loaded = load_text(text, FILE, {})
    assert isinstance(loaded, ConfigFaults)
    assert [(fault.path, fault.line) for fault in loaded.faults] == [("config_version", line)]
    assert message in loaded.faults[0].message


@pytest.mark.rule("CFG-5")
def test_of_a_newer_file_nothing_else_is_judged() -> None:
    loaded = load_text("config_version: 2\npool: {size: 1}", FILE, {})
    assert isinstance(loaded, ConfigFaults)
    assert [fault.path for fault in loaded.faults] == ["config_version"]


def test_the_number_of_the_config_is_the_callers() -> None:
    loaded = load_text("config_version: 1", FILE, {}, version=7)
    assert isinstance(loaded, LoadedConfig)
    assert loaded.settings.version == 7


# The file itself


def test_a_file_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    for path in (tmp_path / "none.yaml", tmp_path):
        loaded = load_config(path, {})
        assert isinstance(loaded, ConfigFaults)
        assert str(loaded).startswith(f"{path}: cannot be read")
        assert "TERRACE_CONFIG" in str(loaded)
        assert ("terrace init" in str(loaded)) is (path != tmp_path)


def test_a_file_that_is_not_utf8_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(b"config_version: 1\n# caf\xe9\n")
    loaded = load_config(path, {})
    assert isinstance(loaded, ConfigFaults)
    assert str(loaded) == "config.yaml:2: is not UTF-8 text"


def test_a_byte_order_mark_and_dos_line_ends_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(b"\xef\xbb\xbfconfig_version: 1\r\npool:\r\n  max_open_groups: 3\r\n")
    loaded = load_config(path, {})
    assert isinstance(loaded, LoadedConfig)
    assert loaded.settings.pool.max_open_groups == 3


def test_the_settings_of_a_file_are_plain_data() -> None:
    text = "strategy: {overrides: [{match: {symbol: A/B}, set: {tp_mode: hybrid, sizing: {equity_percent: 3}}}]}"
    plain = to_plain(load(text).settings)
    assert plain["strategy"]["overrides"][0]["set"] == {"tp_mode": "hybrid", "sizing": {"equity_percent": "3"}}
