"""Help of `accounts` and `sources`."""

from __future__ import annotations

from daemon.config.help import Fields, Help, Tables
from daemon.config.schema_accounts import (
    ExchangeAccountModel,
    FeesModel,
    InstrumentModel,
    PaperAccountModel,
    SourceModel,
)

_BOTH: Fields = {
    "exchange": Help(
        "paper is the exchange inside Terrace, with made-up money; the others are real ones. binanceusdm is binance "
        "with market: swap.",
        "PAPER-1",
        "binance",
    ),
    "market": Help(
        "spot buys and sells coins; swap trades perpetual contracts, long and short. Symbols of the two differ: "
        "BTC/USDT and BTC/USDT:USDT.",
        "SIG-4",
    ),
    "leverage": Help(
        "With market swap: set at the exchange before the first order. It changes the margin, never the size.", "DCA-3"
    ),
    "margin_mode": Help(
        "With market swap: whether each position stands for itself (isolated) or with the whole balance (cross)."
    ),
    "position_mode": Help(
        "With market swap: one_way has one position per instrument, so the opposite side waits; hedge allows a long "
        "and a short at the same time.",
        "GRP-6",
    ),
    "max_open_groups": Help(
        "Trades open on this account at the same time, besides pool.max_open_groups. null: no limit of its own.",
        "POOL-2",
        "3",
    ),
    "allow": Help(
        "Patterns of symbols that may be opened on this account; trades already open go on.", "SIG-4", '["*/USDT"]'
    ),
    "deny": Help("Patterns of symbols that may not, whatever allow says.", "SIG-4", '["DOGE/*"]'),
    "urls": Help(
        "Other hosts, for a proxy or simulator; of a paper account those its live prices come from.",
        "",
        '{rest: "https://proxy.example", ws: "wss://proxy.example"}',
    ),
}

_PAPER: Fields = {
    "prices": Help(
        "Where prices come from: synthetic makes them up, manual takes those of `terrace paper price`, replay plays "
        "recorded candles, live reads the public prices of a real exchange.",
        "PAPER-1",
    ),
    "candles": Help("With prices replay: a file of candles, or a folder of them.", "PAPER-2", "candles"),
    "speed": Help("With prices replay: how many times faster than real time.", "PAPER-2"),
    "price_source": Help(
        "With prices live: whose public prices and trading rules are used; no key is needed.", "PAPER-1"
    ),
    "symbols": Help(
        "The instruments this account has. null: ten well-known ones of its market.", "PAPER-1", "[BTC/USDT, ETH/USDT]"
    ),
    "start_prices": Help(
        "With prices synthetic or manual: where a symbol's price begins.", "PAPER-1", '{BTC/USDT: "60000"}'
    ),
    "instruments": Help("Other trading rules for single symbols.", "PRC-1", '{BTC/USDT: {tick_size: "0.1"}}'),
    "balances": Help("What the account holds before its first trade.", "PAPER-3", '{USDT: "5000"}'),
    "fees": Help("What trading costs.", "PAPER-1"),
    "fill": Help(
        "When a resting order fills: cross, when the price goes through it; touch, when the price reaches it, which "
        "flatters results.",
        "PAPER-1",
    ),
    "spread_percent": Help("Distance of bid and ask; with prices live the exchange's own counts.", "PAPER-1"),
    "slippage_percent": Help("By how much a market order fills worse than the price.", "PAPER-1", '"0.05"'),
    "latency_ms": Help("How long the exchange takes to answer.", "PAPER-1", "50"),
    "seed": Help("Of synthetic prices: the same seed gives the same prices.", "PAPER-1"),
}

_EXCHANGE: Fields = {
    "testnet": Help(
        "true: the exchange's test system; its trades stand in a world of their own. false: real money. KuCoin and "
        "MEXC have no test system."
    ),
    "api_key": Help(
        "Where the key is kept: env:NAME, file:PATH, keyring:, systemd: or vault:. Without key and secret the account "
        "is not traded.",
        "CFG-1",
        "env:BINANCE_API_KEY",
    ),
    "api_secret": Help("Where the key's secret is kept.", "CFG-1", "file:secrets/binance"),
    "passphrase": Help("Where the key's passphrase is kept; OKX and KuCoin want one.", "CFG-1", "env:OKX_PASSPHRASE"),
    "allow_withdraw": Help(
        "true: open trades on a live account though its key may withdraw funds. Such a key is refused otherwise.",
        "SEC-5",
    ),
}

_FEES: Fields = {
    "maker_percent": Help("Of an order that waited in the book. Negative: a rebate.", "PAPER-1"),
    "taker_percent": Help("Of an order that filled at once.", "PAPER-1"),
    "paid_in": Help(
        "base: the fee of a buy is taken in the coin bought, as on real spot markets; quote: in money.", "PRC-5"
    ),
}

_INSTRUMENT: Fields = {
    "tick_size": Help("Step of its prices.", "PRC-1", '"0.1"'),
    "step_size": Help("Step of its quantities.", "PRC-1", '"0.001"'),
    "min_quantity": Help("Least quantity of an order.", "PRC-1", '"0.001"'),
    "min_notional": Help("Least value of an order.", "PRC-1", '"5"'),
}

_SOURCE: Fields = {
    "secret": Help(
        "Where the secret is kept that must come with every alert. A file in the data directory is made on the first "
        "start. A source with neither secret nor hmac_secret accepts nothing.",
        "SIG-5",
        "file:secrets/tradingview",
    ),
    "hmac_secret": Help(
        "Where the key is kept by which senders that can set headers sign their alerts instead.",
        "SIG-5",
        "env:HOOK_KEY",
    ),
    "previous_secret": Help(
        "Where the secret so far is kept while senders are changed to the new one: both are taken until "
        "previous_until. `terrace source rotate` writes it.",
        "SIG-5",
        "file:secrets/tradingview.previous",
    ),
    "previous_hmac_secret": Help("The same of hmac_secret.", "SIG-5", "file:secrets/hook.previous"),
    "previous_until": Help(
        "Until when the previous ones are taken; needed beside them.", "SIG-5", '"2026-12-01T00:00:00Z"'
    ),
    "allow_addresses": Help(
        "Addresses or networks alerts may come from. Empty: any.", "SIG-5", "[52.89.214.238, 34.212.75.30]"
    ),
    "max_age_s": Help("An alert older than this when it arrives is refused; later, an entry expires.", "SIG-5"),
    "max_ahead_s": Help("So is one whose time lies further in the future.", "SIG-5"),
    "idempotency_window_s": Help("The same alert again within this time does nothing a second time.", "SIG-7"),
    "rate_per_minute": Help("Alerts a minute on average; what comes faster is kept and delivered later.", "SIG-8"),
    "burst": Help("Alerts at once before that.", "SIG-8"),
    "map": Help(
        "How another sender's JSON is read: a field of a signal, and a JMESPath expression for it. Try it with "
        "`terrace signal check`.",
        "SIG-13",
        "{tv.symbol: ticker, tv.action: side, tv.timeframe: \"'15m'\"}",
    ),
}

TABLES: Tables = {
    PaperAccountModel: {**_BOTH, **_PAPER},
    ExchangeAccountModel: {**_BOTH, **_EXCHANGE},
    FeesModel: _FEES,
    InstrumentModel: _INSTRUMENT,
    SourceModel: _SOURCE,
}
