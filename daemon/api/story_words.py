"""Why a signal was or was not traded, in words for a person: one clause and one remedy for each reason (SIG-10)."""

from __future__ import annotations

from collections.abc import Mapping

from actors.rules.model import Outcome, Reason

NOTHING_TO_DO = "Nothing has to be done."
ASK_STATUS = "`terrace status` says what stands in the way."

WHY: Mapping[Reason, tuple[str, str]] = {
    Reason.OK: ("nothing stood in its way", NOTHING_TO_DO),
    # The alert itself
    Reason.INVALID_BODY: (
        "the alert's body could not be read",
        "Mend the alert's message in TradingView; `terrace signal check FILE` shows it field by field.",
    ),
    Reason.UNKNOWN_SYMBOL: (
        "the account's exchange has no such symbol",
        "Check the ticker of the alert, and the routes in the configuration.",
    ),
    Reason.SYMBOL_DENIED: (
        "the account's allow and deny lists exclude the symbol",
        "Change the account's `allow` or `deny` if it is to be traded.",
    ),
    Reason.NO_ROUTE: (
        "no route leads to an account",
        "Add the exchange or the source to `routes` in the configuration.",
    ),
    Reason.SHORT_ON_SPOT: (
        "a spot account holds no shorts, and there was nothing to close",
        "Route the alert to a swap account if it is to open shorts.",
    ),
    Reason.TOO_OLD: (
        "the alert was older than max_age_s when it arrived",
        "Check the clock and the way of the alert, or raise the source's `max_age_s`.",
    ),
    Reason.TOO_FAR_AHEAD: (
        "the alert's time lies in the future",
        "Check the clock of this machine and the timestamp in the alert's message.",
    ),
    Reason.NOT_BUILT: (
        "this version cannot act on it for this account",
        "Route it to an account this version can trade; `terrace account list` shows them.",
    ),
    # Routing
    Reason.SAME_POSITION: ("the position it wants is there already", NOTHING_TO_DO),
    Reason.NO_POSITION: ("there is no live group on its key that it could close", NOTHING_TO_DO),
    Reason.OLDER_THAN_GROUP: (
        "it was sent before the group was opened",
        "Nothing has to be done; check the way of the alerts if this happens often.",
    ),
    Reason.SIDE_MISMATCH: (
        "the live group has the other side",
        "Check that the strategy's position and the engine's are the same; `terrace group list` shows the engine's.",
    ),
    Reason.MAX_PYRAMIDS: (
        "the group has all the pyramids it may have",
        "Raise `strategy.default.max_pyramids` if more are wanted.",
    ),
    Reason.REPLACEMENT_OFF: (
        "a signal of the same key waits already and may not be replaced",
        "Switch `queue.allow_replacement` on if newer ones are to take its place.",
    ),
    Reason.NEWER_SIGNAL: ("a newer signal of the same key took its place", "Look at the newer signal instead."),
    # Waiting, or refused by a limit
    Reason.POOL_FULL: (
        "every slot of the pool is taken",
        "Close a group, raise `pool.max_open_groups`, or force it with `terrace queue force-add`.",
    ),
    Reason.ACCOUNT_POOL_FULL: (
        "every slot of the account is taken",
        "Close a group of the account, or raise its own limit of open groups.",
    ),
    Reason.OPPOSITE_SIDE: (
        "a group of the other side is live on its key",
        "It opens when that group closes; `terrace group close` does that by hand.",
    ),
    Reason.OPPOSITE_ON_INSTRUMENT: (
        "a group of the other side is live on the same instrument",
        "It opens when that group closes; a hedge-mode account keeps both sides apart.",
    ),
    Reason.GROUP_CLOSING: ("the group on its key is being closed", "It opens once that is done."),
    Reason.PRECISION_MISSING: (
        "the instrument's price and quantity steps are not known",
        "Check the account's connection; `terrace account refresh` reads them again.",
    ),
    Reason.PRICE_MISSING: ("there was no price of the instrument", "Check the account's price stream and the symbol."),
    Reason.PRICE_STALE: (
        "the last price of the instrument was too old to decide by",
        "Check the account's price stream; `execution.max_quote_age_s` says how old it may be.",
    ),
    Reason.MAX_GROUPS_PER_SYMBOL: (
        "the symbol has all the groups it may have",
        "Close one of them, or raise `limits.max_groups_per_symbol`.",
    ),
    Reason.MAX_TOTAL_EXPOSURE: (
        "the exposure would have become larger than allowed",
        "Close a group, or raise `limits.max_total_exposure`.",
    ),
    Reason.INSUFFICIENT_BALANCE: (
        "the account had too little free balance",
        "Add funds, close a group, or lower the capital per pyramid.",
    ),
    Reason.ACCOUNT_PAUSED: ("the account is paused", "Resume it with `terrace engine resume --account NAME`."),
    Reason.ENGINE_PAUSED: ("the engine is paused", "Resume it with `terrace engine resume`."),
    Reason.ACCOUNT_NOT_READY: ("the account is not ready to trade", ASK_STATUS),
    Reason.NEIGHBOUR_STOP: (
        "the stop of another group of the same position was being taken back",
        "It goes on once that is certain.",
    ),
    Reason.INSTRUMENT_HELD: (
        "the engine's books and the exchange differ about the instrument",
        "Settle the difference; `terrace account drift` shows it and what can be done.",
    ),
    Reason.QUEUE_FULL: ("the queue was full", "Remove waiting signals, or raise `queue.max_size`."),
    Reason.QUEUE_LOWEST: (
        "the queue was full and it ranked lowest",
        "Raise `queue.max_size`; `terrace queue list` shows how signals rank.",
    ),
    Reason.WAITED_TOO_LONG: (
        "it waited longer than it may",
        "Raise `queue.max_age_s` or `queue.opposite_max_age_s`, or give the pool more slots.",
    ),
    Reason.PRICE_DEVIATED: (
        "the price had gone too far from the one it was queued with",
        "Raise `queue.max_deviation_percent` if it is to be opened all the same.",
    ),
    # Preflight
    Reason.BELOW_MIN_QUANTITY: (
        "an order would have been below the exchange's least quantity",
        "Raise the capital per pyramid, or use fewer levels.",
    ),
    Reason.ABOVE_MAX_QUANTITY: (
        "an order would have been above the exchange's greatest quantity",
        "Lower the capital per pyramid, or use more levels.",
    ),
    Reason.BELOW_MIN_NOTIONAL: (
        "an order would have been worth less than the exchange takes",
        "Raise the capital per pyramid, or use fewer levels.",
    ),
    Reason.OUTSIDE_PRICE_BAND: (
        "an order's price would have been outside the band the exchange takes",
        "Check the alert's price and the gaps of the levels.",
    ),
    Reason.TOO_MANY_OPEN_ORDERS: (
        "the exchange takes no more open orders on the instrument",
        "Close a group of it, or use fewer levels.",
    ),
    Reason.UNSELLABLE_AFTER_FEES: (
        "what is left after fees could not have been sold again",
        "Raise the capital per pyramid, or pay fees in another asset.",
    ),
    Reason.SIZE_MISSING: (
        "the alert named no size, and sizes come from the signal",
        "Send order_size in the alert, or set `strategy.default.sizing.source` to config.",
    ),
    Reason.INSTRUMENT_INACTIVE: (
        "the exchange does not trade the instrument at the moment",
        "Wait until it does, or take the symbol out of the strategy.",
    ),
    # Why a group closes
    Reason.EXIT_SIGNAL: ("an exit signal came", NOTHING_TO_DO),
    Reason.MANUAL: ("a person asked for it", NOTHING_TO_DO),
    Reason.FLAT: ("every target was hit and nothing was left to manage", NOTHING_TO_DO),
    Reason.UNFILLED_TTL: (
        "nothing of the group was filled in time",
        "Raise `strategy.default.unfilled_group_ttl_s`, or place the levels nearer to the price.",
    ),
    Reason.ENTRIES_REFUSED: (
        "the exchange refused every entry",
        "Read its words in the orders of the group: `terrace group show GROUP`.",
    ),
    Reason.ENTRIES_FINISHED: ("no entry could fill any more and nothing sellable was held", NOTHING_TO_DO),
    Reason.LATE_FILL: (
        "an order filled after its group had closed, and was sold again",
        "Look at the group's orders: `terrace group show GROUP`.",
    ),
    Reason.TAKE_PROFIT: ("its target was reached", NOTHING_TO_DO),
    Reason.LIQUIDATED: (
        "the exchange liquidated the position",
        "Check margin and leverage of the account before more is traded.",
    ),
    Reason.EXTERNAL_CLOSE: (
        "somebody else closed what was held",
        "Trade this account by Terrace alone, or settle the difference with `terrace account drift`.",
    ),
    Reason.STOP_LOSS: ("its stop was reached", NOTHING_TO_DO),
    Reason.TRAILING_STOP: ("its trailing stop was reached", NOTHING_TO_DO),
    Reason.BREAK_EVEN: ("its stop at the entry was reached", NOTHING_TO_DO),
    Reason.RISK_OFFSET: ("the risk engine closed it in an offset", "`terrace risk history` shows the plan."),
    Reason.REDUCE_SIGNAL: ("a reduce signal came", NOTHING_TO_DO),
    Reason.REVERSE_SIGNAL: ("a reverse signal came", NOTHING_TO_DO),
    Reason.LIMIT_BREACHED: (
        "a limit was breached whose consequence is to close",
        "`terrace status` names the limit; change it in the configuration if it is too tight.",
    ),
    # Limits that were breached
    Reason.MAX_REALIZED_LOSS_PER_DAY: (
        "the loss of the day reached its limit",
        "It ends with the day; `terrace status` shows the figures.",
    ),
    Reason.MAX_DRAWDOWN_PERCENT: (
        "the drawdown reached its limit",
        "Look at the account, then lift the limit with `terrace engine lift-limit`.",
    ),
    Reason.MAX_CONSECUTIVE_LOSSES: (
        "too many groups in a row closed with a loss",
        "Look at the strategy, then lift the limit with `terrace engine lift-limit`.",
    ),
    Reason.COOLDOWN_AFTER_LOSS: (
        "the key rests after a loss",
        "It ends by itself, after `limits.cooldown_after_loss_s`.",
    ),
    # Reverse
    Reason.REVERSING: ("the group it reverses is being closed first", "It opens once that is done."),
    # Offsets
    Reason.RISK_DISABLED: ("the risk engine is switched off", "Switch `risk.enabled` on if it is wanted."),
    Reason.NO_LOSER: ("no group had a loss to offset", NOTHING_TO_DO),
    Reason.NOT_FILLED: ("nothing of the group was filled yet", NOTHING_TO_DO),
    Reason.NOT_ENOUGH_PYRAMIDS: ("the group had too few pyramids", "Wait, or lower the number the rule asks for."),
    Reason.TIMER_NOT_STARTED: ("the group's risk timer had not begun", NOTHING_TO_DO),
    Reason.TIMER_RUNNING: ("the group's risk timer was running", "It ends by itself."),
    Reason.ABOVE_LOSS_THRESHOLD: ("the loss was smaller than the rule asks for", NOTHING_TO_DO),
    Reason.TOO_YOUNG: ("the group was too young", "Wait, or lower the age the rule asks for."),
    Reason.BLOCKED: ("a person keeps the risk engine away from the group", "Unblock it with `terrace risk unblock`."),
    Reason.SKIPPED: ("a person asked to pass it over once", NOTHING_TO_DO),
    Reason.OFFSET_RUNNING: ("another offset was under way", "It goes on once that is done."),
    Reason.NO_WINNERS: ("no group had a profit to pay with", NOTHING_TO_DO),
    Reason.INSUFFICIENT_PROFIT: ("the winners had too little profit", NOTHING_TO_DO),
    Reason.SHORTFALL: ("the winners brought less than was needed", "`terrace risk history` shows the figures."),
    Reason.RECOVERED: ("the loser was no loser any more", NOTHING_TO_DO),
    Reason.NOT_PROFITABLE: ("selling would have brought no profit", NOTHING_TO_DO),
    Reason.STOPPED_BY_USER: ("a person stopped it", NOTHING_TO_DO),
    # Orders
    Reason.BAD_PRICE: ("the exchange did not take the price", "Read the exchange's words in the order's line."),
    Reason.BAD_QUANTITY: ("the exchange did not take the quantity", "Read the exchange's words in the order's line."),
    Reason.INSUFFICIENT_FUNDS: (
        "the account had too little free balance",
        "Add funds, or lower the capital per pyramid.",
    ),
    Reason.WOULD_TAKE: ("a post-only order would have been taken at once", NOTHING_TO_DO),
    Reason.NOTHING_TO_REDUCE: (
        "the exchange said that there was nothing to reduce",
        "Settle the difference; `terrace account drift` shows it.",
    ),
    Reason.DUPLICATE_CLIENT_ORDER_ID: (
        "the exchange knows the order's id already",
        "Make sure that no second Terrace with a copy of this data directory trades the account.",
    ),
    Reason.ORDER_NOT_FOUND: ("the exchange does not know the order", NOTHING_TO_DO),
    Reason.NEVER_ACCEPTED: ("the request never arrived at the exchange", "Check the connection to it."),
    Reason.RETRIES_EXHAUSTED: ("the exchange did not take it after every attempt", "Check the exchange's state."),
    Reason.STALE_ENTRY: ("the entry was too old to be sent", "Check why it waited: `terrace status`."),
    Reason.EXCHANGE_REFUSED: ("the exchange refused it", "Read the exchange's words in the order's line."),
    Reason.ENTRY_TTL: (
        "the entry was not filled in time",
        "Raise `strategy.default.entry_ttl_s` if it is to wait longer.",
    ),
    Reason.BEYOND_LADDER: ("the price had gone beyond its ladder", "Check `strategy.default.cancel_beyond_percent`."),
    # The account at its exchange
    Reason.AUTHENTICATION_FAILED: (
        "the exchange did not take the account's key",
        "Check key, secret, passphrase and the key's address list at the exchange.",
    ),
    Reason.PERMISSION_DENIED: (
        "the account's key may not trade",
        "Give it the permission to trade at the exchange, never the one to withdraw.",
    ),
    Reason.POSITION_MODE_MISMATCH: (
        "the account's position mode is another than configured",
        "Change it at the exchange or in the configuration while nothing is open.",
    ),
    Reason.RATE_LIMITED: (
        "the exchange's rate limit was reached",
        "It goes on by itself; fewer groups need fewer calls.",
    ),
    # The engine
    Reason.READ_ONLY: (
        "the engine is in read-only mode: only exits and reduces are taken",
        "Set `engine.mode` to normal in the configuration file.",
    ),
    Reason.STORE_FAILED: ("the store took no writes", "Check disk and database; `terrace status` says what is wrong."),
    Reason.STORE_SLOW: ("the store was too slow to take entries", "Check the disk; it goes on by itself."),
    Reason.OUTCOME_UNKNOWN: (
        "it was not heard in time whether it was done",
        "Look again in a moment; the same alert may be sent again without harm.",
    ),
    Reason.OVERLOADED: ("more came in than could be handled", "Send it again; exits go before entries."),
    Reason.NOT_FOUND: ("what it is about is not there any more", NOTHING_TO_DO),
    Reason.STOPPING: ("the daemon was stopping", "Start it again; what waits in the forwarder is delivered then."),
    Reason.POISONED: (
        "it stopped a part of the engine twice and was put aside",
        "Look at what was put aside, `terrace engine dead-letters`, and report it.",
    ),
    Reason.REMOVED_BY_USER: ("a person removed it from the queue", NOTHING_TO_DO),
    Reason.NOT_ADOPTABLE: (
        "taking it into the books would not be sound",
        "Settle the difference at the exchange by hand.",
    ),
}

LEAD: Mapping[Outcome, str] = {
    Outcome.OPENED: "It opened a group",
    Outcome.PYRAMIDED: "It added a pyramid to a live group",
    Outcome.EXITED: "It closed a group",
    Outcome.REDUCED: "It closed a part of a group",
    Outcome.REVERSED: "It turned a group around",
    Outcome.QUEUED: "It waits in the queue",
    Outcome.REPLACED: "It waits in the queue in place of an older signal",
    Outcome.DEQUEUED: "Nothing was traded: the exit took the signal that waited on its key out of the queue",
    Outcome.DUPLICATE: "Nothing was traded: the same alert arrived before",
    Outcome.IGNORED: "Nothing was traded",
    Outcome.REJECTED: "Nothing was traded",
    Outcome.SUPERSEDED: "Nothing was traded",
    Outcome.EXPIRED: "Nothing was traded",
    Outcome.EVICTED: "Nothing was traded",
    Outcome.REMOVED: "Nothing was traded",
}
TRADED = frozenset({Outcome.OPENED, Outcome.PYRAMIDED, Outcome.EXITED, Outcome.REDUCED, Outcome.REVERSED})
MAX_DETAIL_CHARS = 300


def summary(outcome: Outcome, reason: Reason, detail: str, since: str = "") -> str:
    """Why something was traded, or why nothing was, with what helps. `since`: what came of it so far, a clause."""
    lead = LEAD[outcome]
    why, remedy = WHY[reason]
    if reason is Reason.OK:
        return f"{lead}{f': {since}' if since else ''}."
    words = f"{lead}, because {why}"
    told = detail.strip().rstrip(".")[:MAX_DETAIL_CHARS]
    if told:
        words += f" ({told})"
    if outcome in TRADED:
        return f"{words}{f'; {since}' if since else ''}."
    return f"{words}. {remedy}"
