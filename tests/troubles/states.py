"""What each degraded state means, by the codes of the contract (`Degradation.code`)."""

from __future__ import annotations

from collections.abc import Mapping

from tests.troubles.entry import NOTHING, Entry

STATES: Mapping[str, Entry] = {
    "STARTING": Entry(
        "the daemon loads its state and compares it with the exchanges; entries wait meanwhile",
        "Wait. If it stays, the other lines say what it waits for; an exchange that is away holds up its own account "
        "alone.",
    ),
    "STOPPING": Entry("the daemon was told to stop and finishes what is under way", "Start it again."),
    "PART_DOWN": Entry(
        "a part of the engine failed more than about five times within a minute and was given up; the line says what "
        "that means for trading",
        "Mend the cause it names, then `terrace engine restart PART`; `terrace engine dead-letters` shows what it "
        "failed of.",
    ),
    "PART_RESTARTING": Entry(
        "a part failed and is started again from the store; who asks it is told to come again",
        "Wait, or `terrace engine restart PART`.",
    ),
    "STORE_FAILED": Entry(
        "the store takes no writes: disk full or broken, database away. Nothing new is acknowledged, nothing "
        "acknowledged is lost; orders at the exchange rest there and fill",
        "Make room on the disk, look at the database. It is tried all the time and ends by itself.",
    ),
    "STORE_ON_RESERVE": Entry(
        "the disk is full: entries are refused, exits are committed out of a reserve of 8 MB",
        "Make room on the disk; the reserve is made again by itself.",
    ),
    "STORE_SLOW": Entry(
        "commits take 200 ms and more: entries are refused, exits go on",
        "See what else uses the disk (backups, other databases). It ends by itself once commits are quick.",
    ),
    "STORE_UNREADABLE": Entry(
        "the store takes writes and cannot be read: trading goes on, lists and reports cannot be shown",
        "Look at the database and the log; `terraced db check` looks it through while the daemon runs.",
    ),
    "STORE_COPY": Entry(
        "the store is a copy of another installation's, to look at: no account with real money is traded",
        "On purpose. Start the original again, or let this one take over ([backup.md](backup.md)).",
    ),
    "LEASE_LOST": Entry(
        "with a standby: this daemon could not renew its lead in the database, so it sends nothing",
        "It is renewed by itself, or the standby leads. If it stays: the database and the way to it "
        "([standby.md](standby.md)).",
    ),
    "DISK_LOW": Entry(
        "less is free where the data lies than `alerts.disk_free_mb`; nothing is held back yet",
        "Make room on the disk: old backups and logs first, then `terraced db vacuum`; or lower the limit.",
    ),
    "READ_ONLY": Entry(
        "`engine.mode` is `read_only`: no command is taken, of alerts only exits and reduces",
        "Set `engine.mode` to `normal` in the configuration file.",
    ),
    "OVERLOADED": Entry(
        "more alerts come than can be handled: entries are turned away, exits are taken",
        "It ends by itself; the senders repeat what was turned away. If it comes often, look at the machine's load "
        "and at who sends so much.",
    ),
    "VAULT_LOCKED": Entry(
        "the vault does not open, so what it holds cannot be used",
        "See to its key, then restart the daemon ([secrets.md](secrets.md)).",
    ),
    "KEY_NOT_STORED": Entry(
        "an account trades on with a key that is stored no more; the next start does without it",
        "Store the right key: `terrace secret set NAME`.",
    ),
    "CERTIFICATE": Entry(
        "the certificate of `api.tls` ends within 14 days, has ended, or its renewed files do not fit together",
        "Renew the files; they are read again by themselves.",
    ),
    "ACCOUNT_NOT_TRADED": Entry(
        "an account could not be built or has no key: its groups get no exit, target or stop",
        "Mend what the line says, then restart the daemon. Close at the exchange by hand if it is urgent.",
    ),
    "ACCOUNT_UNREACHABLE": Entry(
        "the exchange does not answer for this account; orders that rest there still fill",
        "`terrace account check NAME` says what is wrong; see the exchange's status page and this machine's network.",
    ),
    "ACCOUNT_KEY_REFUSED": Entry(
        "the exchange refuses the account's key: nothing is sent, exits neither",
        "`terrace account check NAME` says why: the key, its address list, or its rights. One stored by "
        "`terrace secret set` is taken at once, one in a file or variable after a restart.",
    ),
    "ACCOUNT_CIRCUIT_OPEN": Entry(
        "the exchange kept failing, so only a question is sent now and then; exits wait at the front, entries queue",
        "It is tried again by itself; `terrace account check NAME` says what is wrong.",
    ),
    "ACCOUNT_RECONCILING": Entry(
        "the account's books are compared with the exchange; entries wait until that is done", "Wait."
    ),
    "ACCOUNT_DIFFERS": Entry(
        "books and exchange differ about the symbols it names; entries on them wait",
        "`terrace account drift NAME`, then `terrace account resolve DIFFERENCE`.",
    ),
    "ACCOUNT_PAUSED": Entry(
        "the account is paused: entries wait, exits, targets and stops work on",
        "`terrace engine resume --account NAME`.",
    ),
    "STREAM_DOWN": Entry(
        "a stream of the exchange is away: orders are asked for every few seconds instead",
        f"{NOTHING} It connects again by itself.",
    ),
    "PRICE_STALE": Entry(
        "prices of the symbols it names are too old: entries on them wait, and nothing is done at a price",
        "It ends with the next price; `terrace account check NAME` says whether the exchange answers.",
    ),
    "CLOCK_JUMPED": Entry(
        "this machine's clock was set by more than two seconds, or the machine slept",
        "Have the clock kept by a time server (NTP), and see to it that nobody sets it by hand.",
    ),
    "ENGINE_PAUSED": Entry(
        "the engine is paused, by a person, by close-all, or since its store was restored: entries wait, exits, "
        "targets and stops work on",
        "`terrace engine resume`.",
    ),
    "LIMIT_BREACHED": Entry(
        "a limit of `limits` was reached and has the consequence the line names",
        "Look at what happened, then do what the line says: it ends by itself, or with `terrace engine lift-limit`.",
    ),
    "OTHER": Entry("something that has no code of its own; the line says what", "Look at the log."),
}
