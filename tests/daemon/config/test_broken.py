"""Broken configs, each with the fault it must give: path, line, words."""

from __future__ import annotations

import pytest

from daemon.config.fault import ConfigFaults
from daemon.config.load import load_text
from tests.daemon.config.texts import FILE, faults, load, only_fault

TWO_LEGS = """
strategy:
  default:
    levels:
      - {gap_percent: "0", weight_percent: "60", tp_percent: "1"}
      - {gap_percent: "1", weight_percent: "%s", tp_percent: "1"}
"""
LIVE = """
accounts:
  paper: {}
  main:
    exchange: bybit
    %s
"""
TWINS = """
accounts:
  paper: {}
  a:
    exchange: %s
    %s
    api_key: env:KEY
    api_secret: env:SECRET
  b:
    exchange: %s
    %s
    api_secret: env:SECRET
    api_key: env:KEY
"""

BROKEN = {
    # text: (path, line, part of the message, part of what is allowed)
    "pool:\n  max_open_grups: 5": ("pool.max_open_grups", 3, "did you mean max_open_groups?", "max_open_groups"),
    "pol:\n  max_open_groups: 5": ("pol", 2, "did you mean pool?", "pool"),
    "max_open_groups: 5": ("max_open_groups", 2, "a key of that name stands under", "config_version"),
    "pool:\n  max_open_groups: 0": ("pool.max_open_groups", 3, "found 0", "1 to 100000 groups"),
    "pool:\n  max_open_groups: ten": ("pool.max_open_groups", 3, "whole number, found 'ten'", "1 to 100000"),
    "pool:\n  max_open_groups: 2.5": ("pool.max_open_groups", 3, "found 2.5", "1 to 100000"),
    "pool:\n  max_open_groups: true": ("pool.max_open_groups", 3, "found true", "1 to 100000"),
    "pool:\n  max_open_groups: null": ("pool.max_open_groups", 3, "found nothing", "1 to 100000"),
    "pool:\n  pyramids_bypass: yes": ("pool.pyramids_bypass", 3, "true or false, found 'yes'", "false"),
    "pool: 5": ("pool", 2, "must be a map of keys, found 5", ""),
    "pool:": ("pool", 2, "must be a map of keys, found nothing", ""),
    "pool:\n  max_open_groups: 5\nqueue: {}\npool: {}": ("pool", 5, "twice, first in line 2", ""),
    "pool:\n  <<: {max_open_groups: 5}": ("pool.<<", 3, "merge keys are not supported", ""),
    "pool: !mine {max_open_groups: 5}\nqueue:\n  max_size: !!python/int 5": (
        "queue.max_size",
        4,
        "tags (!name) are not supported",
        "",
    ),
    "queue:\n  overflow: reject": ("queue.overflow", 3, "did you mean reject_new?", "evict_lowest"),
    "queue:\n  rank: []": ("queue.rank", 3, "at least one rule", "deepest_loss"),
    "queue:\n  rank: [first_in, first_in]": ("queue.rank", 3, "only once", "deepest_loss"),
    "queue:\n  rank:\n    - first_in\n    - biggest": (
        "queue.rank[1]",
        5,
        "not a choice here",
        "highest_expected_profit",
    ),
    "queue:\n  rank: first_in": ("queue.rank", 3, "must be a list, found 'first_in'", ""),
    "engine:\n  reporting_timezone: Europe/Berln": (
        "engine.reporting_timezone",
        3,
        "did you mean Europe/Berlin?",
        "UTC",
    ),
    "engine:\n  group_key: [account, symbol]": ("engine.group_key", 3, "account, symbol and timeframe", "strategy"),
    "risk:\n  loss_threshold_percent: 5": (
        "risk.loss_threshold_percent",
        3,
        "found 5",
        "-1000 to below 0 %",
    ),
    "risk:\n  equal_quotes: [[USDT, USDC], [USDC, DAI]]": ("risk.equal_quotes", 3, "no asset twice", "USDT"),
    "strategy:\n  default:\n    tp_percent: 1e3x": (
        "strategy.default.tp_percent",
        4,
        "found '1e3x'",
        "above 0 to 1000 %",
    ),
    'strategy:\n  default:\n    tp_percent: "0.0000000000000000001"': (
        "strategy.default.tp_percent",
        4,
        "more than 18 decimal places",
        "%",
    ),
    "strategy:\n  default:\n    tp_percent: .nan": ("strategy.default.tp_percent", 4, "found '.nan'", "%"),
    "strategy:\n  default:\n    tp_by_pyramid: {first: 1}": (
        "strategy.default.tp_by_pyramid.first",
        4,
        "index of a pyramid",
        "0 to 99",
    ),
    "strategy:\n  default:\n    levels: []": ("strategy.default.levels", 4, "a ladder of 0 legs", "1 to 10 legs"),
    "strategy:\n  default:\n    levels:\n      - {gap_percent: 0, weight_percent: 100}": (
        "strategy.default.levels[0].tp_percent",
        5,
        "needed here and missing",
        "",
    ),
    "strategy:\n  default:\n    levels:\n      - {gap_percent: 100, weight_percent: 100, tp_percent: 1}": (
        "strategy.default.levels[0].gap_percent",
        5,
        "found 100",
        "above -100 to below 100 %",
    ),
    TWO_LEGS % "39.98": ("strategy.default.levels", 5, "sum to 99.98, not 100", "100 % within 0.01"),
    "strategy:\n  default:\n    sizing: {source: equity_percent}": (
        "strategy.default.sizing",
        4,
        "needs equity_percent",
        "",
    ),
    "strategy:\n  overrides:\n    - match: {symbol: BTCUSDT}\n      set: {max_pyramids: 1}": (
        "strategy.overrides[0].match.symbol",
        4,
        "unified symbol",
        "BTC/USDT",
    ),
    "strategy:\n  overrides:\n    - match: {timeframe: 4 hours}\n      set: {max_pyramids: 1}": (
        "strategy.overrides[0].match.timeframe",
        4,
        "not a timeframe",
        "4h",
    ),
    "strategy:\n  overrides:\n    - match: {account: papier}\n      set: {max_pyramids: 1}": (
        "strategy.overrides[0].match.account",
        4,
        "did you mean paper?",
        "paper",
    ),
    "strategy:\n  overrides:\n    - match: {}\n      set: {max_pyramids: 1}": (
        "strategy.overrides[0].match",
        4,
        "matches everything",
        "",
    ),
    "strategy:\n  overrides:\n    - match: {account: paper}\n      set: {}": (
        "strategy.overrides[0].set",
        5,
        "sets nothing",
        "",
    ),
    "strategy:\n  overrides:\n    - match: {account: paper}\n      set: {tp_percnt: 1}": (
        "strategy.overrides[0].set.tp_percnt",
        5,
        "did you mean tp_percent?",
        "tp_mode",
    ),
    "routes:\n  BINANCE: papr": ("routes.BINANCE", 3, "there is no account papr, did you mean paper?", "paper"),
    "routes:\n  BINANCE: paper\n  binance: paper": ("routes.binance", 4, "the same route as BINANCE", ""),
    "accounts: {}\nroutes: {}": ("accounts", 2, "at least one account", ""),
    "accounts:\n  paper: {}\n  bad name: {}": ("accounts.bad name", 4, "a name of letters", ""),
    "accounts:\n  paper: {}\n  Paper: {}": ("accounts.Paper", 4, "only by case", ""),
    "accounts:\n  paper:\n    exchange: binanc": ("accounts.paper.exchange", 4, "did you mean binance?", "bybit"),
    "accounts:\n  paper:\n    testnet: true": ("accounts.paper.testnet", 4, "not of the paper exchange", "prices"),
    LIVE % "latency_ms: 5": ("accounts.main.latency_ms", 7, "accounts with exchange: paper", "testnet"),
    LIVE % "leverage: 5": ("accounts.main.leverage", 7, "only for accounts with market: swap", ""),
    LIVE % "api_key: env:KEY": ("accounts.main", 5, "api_secret is missing", ""),
    LIVE % "urls: {web: https://x}": ("accounts.main.urls.web", 7, "rest or ws", ""),
    LIVE % "urls: {rest: wss://x}": ("accounts.main.urls.rest", 7, "wss://x is no address for rest", "https://"),
    LIVE % "urls: {ws: https://x}": ("accounts.main.urls.ws", 7, "https://x is no address for ws", "wss://"),
    "accounts:\n  paper:\n    urls: {ws: https://x}": (
        "accounts.paper.urls.ws",
        4,
        "https://x is no address for ws",
        "wss://",
    ),
    "accounts:\n  paper:\n    prices: live\n    price_source: binanceusdm": (
        "accounts.paper.price_source",
        5,
        "binanceusdm has swaps only",
        "binance",
    ),
    LIVE % "urls: {rest: http://h:port}": ("accounts.main.urls.rest", 7, "http://h:port is no address for rest", ""),
    LIVE.replace("bybit", "kucoin") % "testnet: true": ("accounts.main.testnet", 7, "kucoin has no testnet", "paper"),
    LIVE.replace("bybit", "mexc") % "testnet: true": ("accounts.main.testnet", 7, "mexc has no testnet", "paper"),
    LIVE.replace("bybit", "okx") % "api_key: env:A\n    api_secret: env:B": (
        "accounts.main",
        5,
        "okx also needs a passphrase",
        "",
    ),
    LIVE.replace("bybit", "binanceusdm") % "leverage: 1": (
        "accounts.main.exchange",
        6,
        "binanceusdm trades swaps only",
        "market: swap",
    ),
    LIVE % "position_mode: hedge": ("accounts.main.position_mode", 7, "only for accounts with market: swap", ""),
    LIVE % "margin_mode: cross": ("accounts.main.margin_mode", 7, "only for accounts with market: swap", ""),
    TWINS % ("binance", "market: swap", "binanceusdm", "market: swap"): (
        "accounts.b.api_key",
        14,
        "is the key of accounts.a too",
        "",
    ),
    "accounts:\n  paper:\n    prices: replay": ("accounts.paper.prices", 4, "needs candles", ""),
    "accounts:\n  paper:\n    start_prices: {BTC/USD: 5}": (
        "accounts.paper.start_prices.BTC/USD",
        4,
        "did you mean BTC/USDT?",
        "",
    ),
    "accounts:\n  paper:\n    symbols: [BTC/USDT, 'BTC/USDT:USDT']": (
        "accounts.paper.symbols[1]",
        4,
        "no symbol of a spot account",
        "BTC/USDT",
    ),
    "accounts:\n  paper:\n    symbols: [BTC/USDT, BTC/USDT]": ("accounts.paper.symbols", 4, "stands here twice", ""),
    "accounts:\n  paper:\n    balances: {USDT: -1}": ("accounts.paper.balances.USDT", 4, "found -1", "0 to"),
    "sources:\n  tv:\n    map: {tv.symbl: x}": (
        "sources.tv.map.tv.symbl",
        4,
        "did you mean tv.symbol?",
        "tv.action",
    ),
    "sources:\n  tv:\n    map: {tv.symbol: 'a[['}": ("sources.tv.map.tv.symbol", 4, "not a JMESPath expression", ""),
    "sources:\n  tv:\n    allow_addresses: [52.89.214]": (
        "sources.tv.allow_addresses[0]",
        4,
        "IP address",
        "10.0.0.0/8",
    ),
    "api:\n  address: localhost": ("api.address", 3, "must be host:port", "127.0.0.1:7461"),
    "api:\n  address: 127.0.0.1:70000": ("api.address", 3, "must be host:port", "127.0.0.1:7461"),
    "panel:\n  address: 0.0.0.0:8462": ("panel.address", 3, "reached from outside", "panel.public: true"),
    "panel:\n  address: 127.0.0.1:7461": ("panel.address", 3, "taken by api.address", ""),
    "storage:\n  url: mysql://x": ("storage.url", 3, "URL of a store", "sqlite:///"),
    "notifications:\n  - {severity: warning}": ("notifications[0].url", 3, "needed here and missing", ""),
    "data_dir: 5": ("data_dir", 2, "must be a path, found 5", ""),
}


@pytest.mark.rule("CFG-1")
@pytest.mark.parametrize("text", BROKEN, ids=[expected[0] for expected in BROKEN.values()])
def test_a_broken_config_names_path_line_and_remedy(text: str) -> None:
    path, line, message, allowed = BROKEN[text]
    matching = [fault for fault in faults(text) if fault.path == path]
    assert len(matching) == 1, "\n".join(map(str, faults(text)))
    fault = matching[0]
    assert fault.line == line
    assert message in fault.message
    assert allowed in ", ".join(fault.allowed)
    assert str(fault).startswith(f"config.yaml:{line}: {path}: ")


@pytest.mark.rule("CFG-1")
def test_all_faults_are_reported_at_once_in_the_order_of_the_file() -> None:
    found = faults(
        """pool: {max_open_groups: 0, max_opn: 1}
queue: {overflow: reject}
strategy:
  default:
    tp_mode: per_legs
    levels: [{gap_percent: 0, weight_percent: 90, tp_percent: 1}]
    pyramid_levels: {1: [{gap_percent: 0, weight_percent: 101, tp_percent: 0}]}
  overrides:
    - match: {symbol: X}
      set: {levels: [{gap_percent: 0, weight_percent: 50, tp_percent: 1}]}
routes: {"*": nobody}
accounts: {paper: {market: spt}}
"""
    )
    assert [(fault.line, fault.path) for fault in found] == [
        (2, "pool.max_open_groups"),
        (2, "pool.max_opn"),
        (3, "queue.overflow"),
        (6, "strategy.default.tp_mode"),
        (7, "strategy.default.levels"),
        (8, "strategy.default.pyramid_levels.1[0].tp_percent"),
        (8, "strategy.default.pyramid_levels.1[0].weight_percent"),
        (10, "strategy.overrides[0].match.symbol"),
        (11, "strategy.overrides[0].set.levels"),
        (12, "routes.*"),
        (13, "accounts.paper.market"),
    ]


@pytest.mark.rule("CFG-1")
@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, "the file is empty"),
        ("- a\n- b", 1, "not a map of keys"),
        ("pool:\n  a: [1, 2\n", 3, "not valid YAML"),
        ("pool:\n\tmax_open_groups: 5", 2, "not valid YAML"),
        ("pool: {}\n---\nqueue: {}", 2, "not valid YAML"),
        ("pool: *nowhere", 1, "not valid YAML"),
        ("a: \x07", 1, "may not stand in it"),
        ("[" * 5000, 1, "nested too deeply"),
        ("a: " + "x" * 1_100_000, 1, "larger than"),
    ],
)
def test_what_is_no_yaml_map_says_where(text: str, line: int, message: str) -> None:
    loaded = load_text(text, FILE, {})
    assert isinstance(loaded, ConfigFaults)
    assert len(loaded.faults) == 1
    assert loaded.faults[0].line == line
    assert message in loaded.faults[0].message


@pytest.mark.rule("CFG-1")
def test_aliases_that_blow_up_are_refused_quickly() -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    bomb += "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9))
    assert any("too large" in fault.message for fault in faults(bomb))
    assert any("too large" in fault.message for fault in faults("a: &a [*a]"))


SECRET = "hunter2-this-is-the-value"


@pytest.mark.rule("CFG-1", "LOG-4")
@pytest.mark.parametrize(
    ("text", "path"),
    [
        (f"sources:\n  tv:\n    secret: {SECRET}", "sources.tv.secret"),
        (f"sources:\n  tv:\n    hmac_secret: [{SECRET}]", "sources.tv.hmac_secret"),
        (f"sources:\n  tv:\n    secret: 'env:{SECRET} x'", "sources.tv.secret"),
        (LIVE % f"api_secret: {SECRET}", "accounts.main.api_secret"),
        (f"notifications: [{{url: 'tgram://{SECRET}'}}]", "notifications[0].url"),
        (f"storage: {{url: 'postgresql://me:{SECRET}@host/db'}}", "storage.url"),
        (f"storage: {{url: 'postgresql://host/db?user=me&password={SECRET}'}}", "storage.url"),
        (f"sources:\n  tv:\n    sekret: {SECRET}", "sources.tv.sekret"),
    ],
)
def test_a_secret_in_clear_is_a_fault_that_does_not_repeat_it(text: str, path: str) -> None:
    fault = only_fault(text)
    assert fault.path == path
    assert SECRET not in str(fault)
    assert SECRET not in repr(fault)


@pytest.mark.rule("CFG-1")
def test_a_secret_in_clear_in_the_environment_is_not_repeated_either() -> None:
    fault = only_fault("", {"TERRACE_SOURCES__TRADINGVIEW__SECRET": SECRET})
    assert fault.source == "TERRACE_SOURCES__TRADINGVIEW__SECRET"
    assert SECRET not in repr(fault)


@pytest.mark.rule("CFG-1")
@pytest.mark.parametrize("text", [f"secret: *{SECRET}", f"a: 1\nsecret: '{SECRET}\nb: 2", f"x: {SECRET}: y"])
def test_a_syntax_error_shows_no_text_of_the_file(text: str) -> None:
    assert all(SECRET not in repr(fault) for fault in faults(text))


@pytest.mark.parametrize("reference", ["env:A_b1", "file:/run/x y", "keyring:a/b", "systemd:x"])
def test_every_kind_of_secret_reference_is_taken(reference: str) -> None:
    assert load(f"sources: {{tv: {{secret: '{reference}'}}}}").settings.sources["tv"].secret == reference
