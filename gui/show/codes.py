"""Why something is as it is: the engine's stable codes in a few words. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

WORDS: Mapping[str, str] = {
    # Why a group closes
    "EXIT_SIGNAL": "exit signal",
    "MANUAL": "by hand",
    "FLAT": "every target hit",
    "UNFILLED_TTL": "nothing filled in time",
    "ENTRIES_REFUSED": "entries refused by the exchange",
    "ENTRIES_FINISHED": "no entry can fill any more",
    "LATE_FILL": "filled late, after it had ended",
    "TAKE_PROFIT": "take-profit",
    "LIQUIDATED": "liquidated by the exchange",
    "EXTERNAL_CLOSE": "closed outside Terrace",
    "STOP_LOSS": "stop-loss",
    "TRAILING_STOP": "trailing stop",
    "BREAK_EVEN": "stop at break-even",
    "RISK_OFFSET": "offset by the risk engine",
    "REDUCE_SIGNAL": "reduce signal",
    "REVERSE_SIGNAL": "reverse signal",
    "LIMIT_BREACHED": "a limit was breached",
    # Why a leg or an order waits, or ended
    "OUTSIDE_PRICE_BAND": "outside the exchange's price band",
    "TOO_MANY_OPEN_ORDERS": "the exchange takes no more open orders",
    "NEIGHBOUR_STOP": "another group's stop is being taken back",
    "INSTRUMENT_HELD": "books and exchange differ about this pair",
    "PRICE_STALE": "no fresh price",
    "PRICE_MISSING": "no price",
    "ACCOUNT_PAUSED": "account paused",
    "ENGINE_PAUSED": "engine paused",
    "ACCOUNT_NOT_READY": "account not ready",
    "BELOW_MIN_QUANTITY": "below the exchange's least quantity",
    "ABOVE_MAX_QUANTITY": "above the exchange's largest quantity",
    "BELOW_MIN_NOTIONAL": "worth less than the exchange takes",
    "BAD_PRICE": "price refused by the exchange",
    "BAD_QUANTITY": "quantity refused by the exchange",
    "INSUFFICIENT_FUNDS": "not enough funds",
    "INSUFFICIENT_BALANCE": "not enough balance",
    "WOULD_TAKE": "would have been taken at once",
    "NOTHING_TO_REDUCE": "nothing to reduce",
    "ORDER_NOT_FOUND": "not found at the exchange",
    "NEVER_ACCEPTED": "never reached the exchange",
    "RETRIES_EXHAUSTED": "given up after several tries",
    "STALE_ENTRY": "too old to be sent again",
    "EXCHANGE_REFUSED": "refused by the exchange",
    "ENTRY_TTL": "not filled in time",
    "BEYOND_LADDER": "price went beyond the ladder",
    "OUTCOME_UNKNOWN": "not known yet, being looked up",
    "RATE_LIMITED": "rate limit",
    # Flags
    "CLOSE_FAILING": "its close fails and is tried again",
    "TARGET_FAILING": "its target cannot be placed",
    "STOP_FAILING": "its stop cannot be placed",
    "OVERSOLD": "more was sold than it held",
    "EXTERNAL_CHANGE": "changed outside Terrace",
    "LIQUIDATION": "liquidated by the exchange",
}


def in_words(code: str) -> str:
    """A code as words; one this table does not know, spelled out; the exchange's own words after a colon stay."""
    name, colon, rest = code.partition(":")
    return WORDS.get(name, name.replace("_", " ").lower() if name.isupper() else name) + colon + rest


def all_in_words(codes: Iterable[str]) -> str:
    """Several, with commas between them; empty where there is none."""
    return ", ".join(in_words(code) for code in codes)
