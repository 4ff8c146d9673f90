"""What a message says beside the bare fact: what it means for a trader and what helps (LOG-5). Words only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

PLACES = (
    *("title", "message", "meaning", "remedy", "severity", "category", "type", "world", "account", "symbol"),
    *("group_id", "signal_id", "alert_id", "time"),
)
"""Names a template may use as `$name`."""


class Words(NamedTuple):
    title: str
    meaning: str = ""
    remedy: str = ""


_LOOK = "See `terrace alert list` and `terrace status`."

WORDS: Mapping[str, Words] = {
    # --- orders ---
    "ORDER_PRECISION": Words(
        "order refused for its size or price",
        "The exchange did not take an order as it was rounded. The trade lacks it.",
        "`terrace account refresh`, then look at the group.",
    ),
    "ENTRY_REFUSED": Words(
        "entry refused by the exchange", "This leg buys nothing; the others go on.", "Check balance and permissions."
    ),
    "TARGET_FAILING": Words(
        "target not placed",
        "The exchange refuses the take profit; it is tried again. Until then the position has none.",
        "Watch the group; close it by hand if it stays so.",
    ),
    "STOP_LOST": Words("stop lost", "A stop is gone at the exchange and is placed anew.", "Look at the group."),
    "CLOSE_FAILING": Words(
        "close failing",
        "The position is still open and is sold again and again.",
        "Close it at the exchange if urgent.",
    ),
    "GROUP_REFUSED": Words(
        "every entry refused", "Nothing was bought, the group closes.", "Check balance, permissions and the symbol."
    ),
    "UNKNOWN_ORDERS": Words(
        "fate of orders unknown",
        "Orders were sent and the exchange has not said what became of them. They are looked up until it is certain.",
        "Compare with the exchange's own page; enter nothing by hand meanwhile.",
    ),
    "ORDER_UNKNOWN": Words(
        "a report about an order nobody knows",
        "The exchange reported an order that is not among the group's; it was not counted.",
        "Look at the exchange whether somebody else trades the account; `terrace account drift`.",
    ),
    "CANCELS_REFUSED": Words("cancels refused", "Orders that should be gone are still open.", "Look at the exchange."),
    "EXTERNAL_CHANGE": Words(
        "changed from outside",
        "Somebody sold, bought or cancelled on the account.",
        "If it was not you: change the key.",
    ),
    "STOP_FAILING": Words(
        "stop not placed", "The exchange refuses the stop; the position has none.", "Watch the group or close it."
    ),
    "TARGET_LOST": Words("target lost", "It was cancelled from outside and is placed anew.", "Look at the group."),
    "ORDER_LATE_FILL": Words("late fill", "An order filled after it was final; what it bought is sold.", "Nothing."),
    "ORDER_SLIPPAGE": Words("slippage", "A market order got a worse price than allowed.", "Look at the group."),
    "ENTRY_UNSENDABLE": Words("entry cannot be sent", "This leg buys nothing.", "Check size and minimum notional."),
    "PRICE_STALE": Words(
        "a close waits for a price",
        "There is no fresh price to sell by, or the account is not traded at all.",
        "Check the network and `terrace status`.",
    ),
    "DRIFT": Words(
        "account differs from the store",
        "No new entries for this instrument until it is settled.",
        "`terrace account drift`, then `terrace account resolve`.",
    ),
    "ORDER_EXITS_EXCEED_HELD": Words(
        "exits promise more than is held",
        "The open exits of a group together would sell more than it holds; those too many are cancelled.",
        "Nothing, unless it comes again: then look at the group.",
    ),
    "ORDER_ATTEMPTS_EXHAUSTED": Words(
        "no more orders can be named",
        "A leg was tried so often that its orders have no names left.",
        "Look at the exchange's words in `terrace group show GROUP`; close the group by hand if it must end.",
    ),
    "ORDER_CONTRADICTION": Words(
        "the exchange contradicts itself",
        "It reports an order as alive or filled after it had said that it was over. The truth is asked for again.",
        "Compare the group's orders with the exchange's own page.",
    ),
    "GROUP_OVERSOLD": Words(
        "more was sold than the group held",
        "A late fill, or somebody else's sale, took more than the group had; the account is short of it.",
        "`terrace account drift`, and look at the exchange.",
    ),
    # --- exchange ---
    "UNREACHABLE": Words(
        "exchange does not answer",
        "No new entries on this account. Orders that rest there still fill.",
        "Check the exchange's status page and this machine's network.",
    ),
    "KEY_REFUSED": Words(
        "exchange refuses the API key",
        "Nothing is sent on this account: no entry, no exit, no stop. Orders that rest there still fill.",
        "`terrace account check` says why: the key, its address list, or its rights. Close at the exchange if urgent.",
    ),
    "CERTIFICATE_ENDS": Words(
        "certificate of the API ends soon",
        "After that panel, command line and forwarder are not let in over TLS; alerts wait in the spool.",
        "Renew the files of api.tls; they are read again by themselves.",
    ),
    "CERTIFICATE": Words(
        "certificate of the API",
        "Once it has ended, panel, command line and forwarder are not let in; alerts wait in the spool.",
        "Renew the files of api.tls; they are read again by themselves.",
    ),
    "ACCOUNT_NOT_TRADED": Words(
        "account is not traded",
        "Nothing is sent to its exchange: no exit, no stop, no target. Orders that rest there still fill.",
        "Mend what it says, then restart the daemon. Close at the exchange if urgent.",
    ),
    "STORED_KEY": Words(
        "an account runs on a key that is not stored",
        "It trades on, but the next start does without that key.",
        "`terrace secret set` with the right key.",
    ),
    "VAULT_SHUT": Words("the vault does not open", "What is stored in it cannot be used.", "`terrace status`."),
    "CIRCUIT": Words(
        "circuit open",
        "The exchange kept failing; nothing is sent but a question now and then.",
        "Nothing, it closes by itself. If it does not: check key and network.",
    ),
    "STREAM": Words("stream lost", "Fills and prices come later, by asking.", "Nothing, unless it stays."),
    "BAN": Words("banned by the exchange", "It takes nothing from this address.", "Wait; look for other programs."),
    "RATE": Words("request budget nearly used up", "Requests will wait.", "Look for other programs with this address."),
    "CLOCK": Words("clock is off", "Requests may be refused.", "Set the clock by a time server (NTP)."),
    "WITHDRAW": Words("API key may withdraw", "Who gets the key gets the money.", "Make a key that may not."),
    "QUOTE_AGE": Words(
        "price is old", "Watched targets and stops of this instrument wait for a price.", "Check the network."
    ),
    "QUOTE": Words("price makes no sense", "It is not used.", "Nothing, unless it stays."),
    "PRECISION": Words(
        "orders refused for the instrument's rules",
        "The exchange has changed the steps or least sizes of an instrument.",
        "`terrace account refresh` reads them again.",
    ),
    "PRECISION_STALE": Words(
        "rules of instruments are old",
        "Prices and quantities are rounded by rules that may no longer hold.",
        "`terrace account refresh`; check that the exchange answers.",
    ),
    "ACCOUNT_CHECK": Words(
        "account check failed",
        "Key, position mode, leverage or time of an account are not as they must be; the message says which.",
        "`terrace account check NAME`.",
    ),
    "NO_INSTRUMENTS": Words(
        "exchange lists no instruments", "Those known before are kept.", "Nothing, unless it stays."
    ),
    # --- engine and risk ---
    "SIGNAL_STOP": Words(
        "the alert's stop is on the wrong side",
        "Its stop lies where the price is already past it, so it was not taken; the configured stop holds.",
        "Mend the stop in the alert's message.",
    ),
    "SIGNAL_TARGET": Words(
        "the alert's target is on the wrong side",
        "Its target lies where the price is already past it, so it was not taken; the configured targets hold.",
        "Mend the target in the alert's message.",
    ),
    "LATE_SIGNAL": Words(
        "an alert came too late",
        "It lay in the spool or on its way for longer than the source's `max_age_s` and was not traded.",
        "See why the daemon or the network was away.",
    ),
    "LIMIT_UNJUDGED": Words(
        "a limit cannot be judged",
        "An account is not ready or a price is missing, so a limit protects from nothing until it is known again.",
        "`terrace status` names the account; the price of each quote currency in the reporting currency is needed.",
    ),
    "REVERSE_NOT_OPENED": Words(
        "the new side of a reverse was not opened",
        "The old side is closed; what was to open then expired, was removed or was refused.",
        "`terrace signal show SIGNAL` says why. Send an entry if it is still wanted.",
    ),
    "RISK_STILL": Words(
        "an offset does not get on",
        "One of its orders waits. It holds up no other offset, and goes on by itself.",
        "`terrace risk show`; look at the group it waits for.",
    ),
    "POISONED": Words(
        "a message was put aside",
        "It stopped a part of the engine twice and is kept away from it.",
        "`terrace engine dead-letters` shows it; report it.",
    ),
    "MAILBOX": Words(
        "a part does not keep up",
        "More than 2,000 messages wait for it; where entries pass it they are turned away.",
        "It ends by itself; if it stays, look at the machine's load and at the log.",
    ),
    "STORE_RESTORED": Words(
        "the store was restored from a backup",
        "What happened since the backup is looked up at the exchanges, and new entries are paused.",
        "Compare with the exchange, then `terrace engine resume`. The old daemon must never run again.",
    ),
    "LIMIT": Words(
        "limit reached", "Entries are held back, or more, as `limits.on_breach` says.", "`terrace engine lift-limit`."
    ),
    "LIMIT_LIFTED": Words("limit lifted", "Trading goes on."),
    "QUEUE_OVERFLOW": Words("queue is full", "Alerts are refused or others evicted.", "Look at `terrace queue list`."),
    "RISK_STOPPED": Words("risk action stopped", "A loser is not offset.", "`terrace risk show`."),
    "RISK_DONE": Words("risk action done"),
    "RISK_PARTIAL": Words("risk action done in part"),
    "GROUP_CLOSED": Words("group closed"),
    "ENGINE_PAUSED": Words("paused", "No new entries.", "`terrace engine resume`."),
    "ENGINE_RESUMED": Words("resumed"),
    "SIGNAL_SILENCE": Words(
        "no signals",
        "A source has sent nothing for long. Trades are missed if it should have.",
        "Check the alert at TradingView (they expire), the webhook's address and the forwarder.",
    ),
    "LATENCY": Words(
        "orders are late",
        "From a signal's arrival to its first order more than `alerts.latency_ms` passed: fills may be worse.",
        "Look at the machine's load and the exchange's budget.",
    ),
    # --- the daemon ---
    "STORE": Words(
        "store takes no writes", "Nothing new is traded; resting orders stay.", "Check the disk, then `terrace doctor`."
    ),
    "STORE_RESERVE": Words("disk is full", "Exits go on, entries are refused.", "Make room on the disk."),
    "STORE_SLOW": Words("store is slow", "Entries are refused until it is quick.", "Look at the disk's load."),
    "DISK_LOW": Words("disk nearly full", "When it is full, entries are refused.", "Make room on the disk."),
    "BACKUP_FAILED": Words("no backup was made", "The newest one grows old.", "Check disk and key of the backups."),
    "CLOCK_JUMPED": Words("the clock jumped", "Timers and ages follow it.", "Use a time server (NTP)."),
    "OVERLOAD": Words("too much to do", "Signals are turned away; their senders repeat them.", _LOOK),
    "CONFIG_INVALID": Words("configuration not used", "The one before stays in force.", "`terrace config validate`."),
    "CONFIG_APPLIED": Words("configuration applied"),
    "CRASHED": Words(
        "a part crashed", "It was started again from the store.", "Send `terrace diag dump` if it repeats."
    ),
    "GIVEN_UP": Words("a part was given up", "It is not started again by itself.", "`terrace engine status`; restart."),
    "DAEMON_STARTED": Words("started"),
    "DAEMON_STOPPED": Words("stopped", "No signal is traded until it runs again. Resting orders stay."),
    "DAEMON_UPDATED": Words("updated"),
    "NOTIFICATION_FAILED": Words(
        "a channel fails", "Messages over it wait and are tried again for a day.", "`terrace alert test`."
    ),
    "DAILY_SUMMARY": Words("daily summary"),
}
"""By type. A type that is not here has its own name as its title."""


def words_of(type: str) -> Words:
    return WORDS.get(type) or Words(type.replace("_", " ").lower())
