"""How many requests Bybit takes: per address, and per account of each kind of order request."""

from __future__ import annotations

from actors.rules.rates import Ask, RateRules, Window

ADDRESS, CREATE, CANCEL, AMEND = "bybit_address_5s", "bybit_create_1s", "bybit_cancel_1s", "bybit_amend_1s"


def rules_of(category: str) -> RateRules:
    """Nine tenths of 600 requests in 5 s of an address, and of 20 (spot) or 10 (linear) a second of each kind."""
    each = 18 if category == "spot" else 9
    return RateRules(
        windows=(
            Window(name=ADDRESS, limit=540, period_ms=5_000, is_shared=True),
            Window(name=CREATE, limit=each, period_ms=1_000),
            Window(name=CANCEL, limit=each, period_ms=1_000),
            Window(name=AMEND, limit=each, period_ms=1_000),
        ),
        costs={
            Ask.SUBMIT: {ADDRESS: 1, CREATE: 1},
            Ask.CANCEL: {ADDRESS: 1, CANCEL: 1},
            Ask.AMEND: {ADDRESS: 1, AMEND: 1},
            Ask.LOOK_UP: {ADDRESS: 3},
            Ask.OPEN_ORDERS: {ADDRESS: 2},
            Ask.BALANCES: {ADDRESS: 1},
            Ask.TRADES: {ADDRESS: 1},
            Ask.INSTRUMENTS: {ADDRESS: 4},
            Ask.PRICES: {ADDRESS: 1},
            Ask.SETUP: {ADDRESS: 6},
            Ask.TIME: {ADDRESS: 1},
        },
    )
