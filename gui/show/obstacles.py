"""What stands in the way of an offset: the engine's stable codes in the command line's words, and what each means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gui.show.numbers import NONE

WORDS: Mapping[str, str] = {
    "RISK_DISABLED": "risk engine switched off",
    "NO_LOSER": "no group can be taken as loser",
    "NOT_FILLED": "nothing filled yet",
    "NOT_ENOUGH_PYRAMIDS": "not all pyramids there",
    "TIMER_NOT_STARTED": "timer not started",
    "TIMER_RUNNING": "timer running",
    "ABOVE_LOSS_THRESHOLD": "loss not deep enough",
    "TOO_YOUNG": "too young",
    "BLOCKED": "blocked by a user",
    "INSTRUMENT_HELD": "its account does not hold what its groups do",
    "SKIPPED": "passed over once",
    "OFFSET_RUNNING": "an offset is under way",
    "GROUP_CLOSING": "closing",
    "PRICE_STALE": "no fresh price",
    "BELOW_MIN_QUANTITY": "too small to be closed",
    "BELOW_MIN_NOTIONAL": "worth too little to be closed",
    "NO_WINNERS": "no winners",
    "INSUFFICIENT_PROFIT": "winners cannot cover it",
    "SHORTFALL": "winners brought less than needed",
    "RECOVERED": "no loss any more",
    "NOT_PROFITABLE": "selling brings no profit now",
    "STOPPED_BY_USER": "stopped by a user",
}
MEANING: Mapping[str, str] = {
    "RISK_DISABLED": "risk.enabled is off. A run by hand still works.",
    "NO_LOSER": "Every group has something in its way; the table of candidates says what.",
    "NOT_FILLED": "None of its entry orders has filled, so there is nothing to close.",
    "NOT_ENOUGH_PYRAMIDS": "It must first have the pyramids the settings ask for, all of them placed.",
    "TIMER_NOT_STARTED": "Its time to recover starts once risk.timer_start is met.",
    "TIMER_RUNNING": "It still has time to recover. A run by hand skips this.",
    "ABOVE_LOSS_THRESHOLD": "It loses less than risk.loss_threshold_percent of what is invested in it, or gains.",
    "TOO_YOUNG": "It is younger than risk.age_threshold_s.",
    "BLOCKED": "It is neither loser nor winner until it is unblocked.",
    "INSTRUMENT_HELD": "Books and exchange differ about the instrument. Settle the difference on the page System.",
    "SKIPPED": "It is left out the next time it would be taken, once; until then it pays for nobody either.",
    "OFFSET_RUNNING": "One offset at a time runs in a quote currency. It is looked at again when that has ended.",
    "GROUP_CLOSING": "It is being closed already.",
    "PRICE_STALE": "Its last price is too old to decide by.",
    "BELOW_MIN_QUANTITY": "What it holds is below the exchange's least quantity.",
    "BELOW_MIN_NOTIONAL": "What it holds is worth less than the exchange takes.",
    "NO_WINNERS": "No group in the same quote currency has a profit that can be taken.",
    "INSUFFICIENT_PROFIT": "The profit that can be taken is less than what is required.",
    "SHORTFALL": "What the winners brought fell short by more than risk.max_shortfall_percent.",
    "RECOVERED": "The loser did not lose any more when its turn came.",
    "NOT_PROFITABLE": "The winner's price had gone: selling it brought no profit.",
    "STOPPED_BY_USER": "Somebody stopped it.",
}


def in_words(codes: Iterable[str]) -> str:
    """Codes as words; one that is newer than this table as it stands. A dash where there is none."""
    return ", ".join(WORDS.get(code, code) for code in codes) or NONE


def meaning(codes: Iterable[str]) -> str:
    """What the codes mean, a sentence or two each; empty where nothing is known."""
    return " ".join(MEANING[code] for code in codes if code in MEANING)
