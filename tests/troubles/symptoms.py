"""The way in: what a person sees, where to look first, and what it may be.

`{reason:X}`, `{state:X}` and `{alert:X}` become links to the entries below; one that is not there fails the page.
"""

from __future__ import annotations

from typing import NamedTuple


class Symptom(NamedTuple):
    title: str
    look: str
    """Where to look first."""
    causes: tuple[tuple[str, str], ...]
    """What is seen there, and what it is or what helps."""


SYMPTOMS = (
    Symptom(
        "An alert came and nothing was traded",
        "`terrace signal list`, then `terrace signal show SIGNAL`: it says why, and what helps.",
        (
            (
                "the alert is not in the list",
                "It never arrived or was turned away: [the webhook](#tradingviews-alerts-do-not-arrive).",
            ),
            (
                "`REJECTED`",
                "The alert could not be used: {reason:INVALID_BODY}, {reason:NO_ROUTE}, "
                "{reason:UNKNOWN_SYMBOL}, {reason:SYMBOL_DENIED}, {reason:SHORT_ON_SPOT}, {reason:TOO_OLD}; or an "
                "order would be too small: {reason:BELOW_MIN_NOTIONAL}, {reason:BELOW_MIN_QUANTITY}, "
                "{reason:SIZE_MISSING}.",
            ),
            (
                "`IGNORED`",
                "There was nothing to do: {reason:SAME_POSITION}, {reason:NO_POSITION}, "
                "{reason:MAX_PYRAMIDS}, {reason:OLDER_THAN_GROUP}, {reason:SIDE_MISMATCH}.",
            ),
            ("`QUEUED`", "It waits: [entries wait](#entries-wait)."),
            (
                "`DUPLICATE`",
                "The same alert came before; the line names what became of the first. Without a time or "
                "trade id in the message copies within 60 s count as one.",
            ),
            (
                "`EXPIRED`, `EVICTED`, `SUPERSEDED`, `REMOVED`",
                "It waited and left the queue: "
                "{reason:WAITED_TOO_LONG}, {reason:PRICE_DEVIATED}, {reason:QUEUE_LOWEST}, {reason:NEWER_SIGNAL}, "
                "{reason:REMOVED_BY_USER}.",
            ),
            (
                "`OPENED`, but nothing is filled",
                "Its orders rest below (or above) the price: `terrace group show "
                "GROUP`. A leg that was refused: [an order was refused](#an-order-was-refused).",
            ),
        ),
    ),
    Symptom(
        "TradingView's alerts do not arrive",
        "`terrace doctor` (lines forwarder, spool, sources), the forwarder's log, and the alert's own log in "
        "TradingView.",
        (
            (
                "nothing in the forwarder's log",
                "The address, the proxy before it or the firewall: try "
                "`curl -i https://ADDRESS/hook/SOURCE -d '{}'` from elsewhere, which must answer 401. TradingView "
                "sends to ports 80 and 443 only, and its alerts expire.",
            ),
            ("401, 429, 400 or 413", "[What the forwarder answers](#what-the-forwarder-answers)."),
            (
                "502 or 504",
                "From the proxy: the forwarder does not run or is not where the proxy looks (`forwarder.address`).",
            ),
            ("200 or 202", "It arrived: [nothing was traded](#an-alert-came-and-nothing-was-traded)."),
            ("an alert {alert:SIGNAL_SILENCE}", "A source has been silent for `alerts.silence_hours`."),
            (
                "{alert:LATE_SIGNAL}, {reason:TOO_OLD}",
                "It arrived and was too old by then: the daemon was away, or a clock is off.",
            ),
        ),
    ),
    Symptom(
        "Entries wait",
        "`terrace status` and `terrace queue list`: each waiting signal says what for.",
        (
            ("no slot", "{reason:POOL_FULL}, {reason:ACCOUNT_POOL_FULL}, {reason:MAX_GROUPS_PER_SYMBOL}."),
            (
                "another group is in the way",
                "{reason:OPPOSITE_SIDE}, {reason:OPPOSITE_ON_INSTRUMENT}, {reason:GROUP_CLOSING}, {reason:REVERSING}.",
            ),
            (
                "held back on purpose",
                "{state:ENGINE_PAUSED}, {state:ACCOUNT_PAUSED}, {state:LIMIT_BREACHED}, "
                "{state:READ_ONLY}, {reason:COOLDOWN_AFTER_LOSS}.",
            ),
            (
                "the account is not ready",
                "{state:ACCOUNT_RECONCILING}, {state:ACCOUNT_UNREACHABLE}, "
                "{state:ACCOUNT_KEY_REFUSED}, {state:ACCOUNT_CIRCUIT_OPEN}, {state:ACCOUNT_DIFFERS}, "
                "{state:ACCOUNT_NOT_TRADED}.",
            ),
            ("no price", "{state:PRICE_STALE}, {reason:PRICE_MISSING}, {reason:PRECISION_MISSING}."),
            ("too little money", "{reason:INSUFFICIENT_BALANCE}, {reason:MAX_TOTAL_EXPOSURE}."),
            ("the machine", "{state:STORE_FAILED}, {state:STORE_ON_RESERVE}, {state:STORE_SLOW}, {state:OVERLOADED}."),
        ),
    ),
    Symptom(
        "An order was refused",
        "`terrace group show GROUP`: the last column has the exchange's own words.",
        (
            (
                "an entry",
                "{alert:ENTRY_REFUSED}, {alert:ENTRY_UNSENDABLE}, {alert:GROUP_REFUSED}; "
                "{reason:INSUFFICIENT_FUNDS}, {reason:EXCHANGE_REFUSED}, {reason:WOULD_TAKE}.",
            ),
            (
                "price or quantity",
                "{reason:BAD_PRICE}, {reason:BAD_QUANTITY}, {alert:ORDER_PRECISION}: "
                "`terrace account refresh` reads the exchange's steps again.",
            ),
            (
                "a target, a stop or a close",
                "{alert:TARGET_FAILING}, {alert:STOP_FAILING}, {alert:CLOSE_FAILING}: it "
                "is tried again by itself. Watch it; close at the exchange by hand if it is urgent.",
            ),
            ("the key", "{reason:AUTHENTICATION_FAILED}, {reason:PERMISSION_DENIED}, {alert:KEY_REFUSED}."),
            (
                "nobody knows whether it was taken",
                "{alert:UNKNOWN_ORDERS}, {reason:OUTCOME_UNKNOWN}: it is looked up "
                "until it is certain; enter nothing by hand meanwhile.",
            ),
        ),
    ),
    Symptom(
        "A position does not close",
        "`terrace group show GROUP` and `terrace alert list`.",
        (
            ("{alert:CLOSE_FAILING}", "The exchange refuses the sale; it is tried on and on."),
            ("{alert:PRICE_STALE}", "The close waits for a price, or its account is not traded."),
            (
                "{alert:KEY_REFUSED}, {alert:ACCOUNT_NOT_TRADED}",
                "Nothing can be sent: mend the key, or close at the "
                "exchange by hand. Terrace sees that and takes it into its books.",
            ),
            ("{state:PART_DOWN} of a group", "`terrace engine restart PART`."),
            ("everything must end now", "`terrace group close-all` works with pool, queue and risk engine down."),
        ),
    ),
    Symptom(
        "The daemon does not start",
        "its last line on standard error (`terrace service logs`), and `terraced --check`, which starts nothing.",
        (
            (
                "exit code 2",
                "The configuration has faults; each has its line. `terrace config explain KEY` says what "
                "may stand there.",
            ),
            ("exit code 1", "[What a program says when it stops](#what-a-program-says-when-it-stops) has every line."),
            ("`is in use by`", "Another daemon has this data directory. Two must never trade one account."),
            (
                "`another program listens there`",
                "`ss -ltnp` names it; end it, or set `api.address`, `observe.address`.",
            ),
            (
                "`cannot be used`, of `secrets/tokens.yaml`",
                "Mend the line it names, or put the file back from a backup.",
            ),
            ("it starts, and an account is missing", "{state:ACCOUNT_NOT_TRADED}, {state:VAULT_LOCKED}."),
            (
                "systemd gave up",
                "After 60 starts in 30 minutes: mend the cause, `systemctl reset-failed "
                "terrace-daemon`, then `terrace service start`.",
            ),
            ("`STARTING` for long", "{state:STARTING}: it waits for an exchange; the status says which."),
        ),
    ),
    Symptom(
        "The store is newer than the program",
        "`was written by a newer Terrace`: an older version was started on data a newer one has used. Nothing was "
        "changed.",
        (
            ("you went back by mistake", "Install the newer version again and start that."),
            (
                "you mean to go back",
                "With the **newer** version, the daemon stopped: `terrace db downgrade --dry-run` "
                "says what is lost, `terrace db downgrade` takes one migration back; then install the older one. Or "
                "restore a backup of before into a new folder ([backup.md](backup.md)).",
            ),
            ("the vault says so", "{reason:VAULT_LOCKED}: `was written by a later Terrace`. Run that one."),
        ),
    ),
    Symptom(
        "The store is damaged",
        "`terraced db check` looks it through; a daemon may be running.",
        (
            (
                "`is damaged`",
                "Keep the file for a look, restore the newest backup: `terrace backup verify`, then "
                "`terrace backup restore` ([backup.md](backup.md)). What happened since is reconciled with the "
                "exchanges.",
            ),
            ("only the audit trail", "`terrace audit verify` says from which line on; see [records.md](records.md)."),
        ),
    ),
    Symptom(
        "The disk is full",
        "`terrace status`: {state:STORE_ON_RESERVE} or {state:STORE_FAILED}; before that {state:DISK_LOW}.",
        (
            (
                "what goes on",
                "Exits, stops and targets, out of a reserve of 8 MB. Entries are refused, their senders repeat them.",
            ),
            (
                "make room",
                "Old backups (`terrace backup list`), logs, other programs' files. Nothing in the data "
                "directory but files of `logs/` and `backups/` may be deleted.",
            ),
            (
                "the store itself is large",
                "With the daemon stopped and room for a second copy: `terrace db vacuum "
                "--dry-run`, then `terrace db vacuum`.",
            ),
        ),
    ),
    Symptom(
        "The panel does not open",
        "`terrace doctor`; the panel's own line on standard error.",
        (
            (
                "`the panel is not installed`",
                "Install Terrace once more, with `[panel]` behind its name ([install.md](install.md#extras)).",
            ),
            ("`is taken, perhaps by a panel that runs already`", "End that one, or set `panel.address`."),
            (
                "`can be reached from outside this machine, without TLS`",
                "Leave `panel.address` on 127.0.0.1 with a "
                "proxy before it, or a tunnel; `panel.public: true` if it is meant "
                "([panel](panel/README.md#reaching-it-from-elsewhere)).",
            ),
            ("421, `UNKNOWN_HOST`", "Write the proxy's name into `panel.hosts`."),
            ("403, `FOREIGN_PAGE`", "The proxy must pass `Host` on and set `X-Forwarded-Proto`."),
            ("it opens and takes no token", "[A token is lost or not taken](#a-token-is-lost-or-not-taken)."),
            ("it opens and shows nothing", "The daemon does not answer: start it; the panel goes on by itself."),
        ),
    ),
    Symptom(
        "A token is lost or not taken",
        "on the daemon's machine, `terrace token list`. It needs no daemon and no token, only the right to write "
        "the token file.",
        (
            (
                "admin's is lost",
                "`terrace token rotate admin` writes a new `secrets/admin.token`; with "
                "`--overlap 0` the old one ends at once.",
            ),
            (
                "another is lost",
                "Its text is kept nowhere. `terrace token rotate NAME --overlap 0 --out FILE` makes "
                "another; `terrace token revoke NAME` ends it.",
            ),
            ("{reason:UNAUTHENTICATED}", "Unknown, revoked or expired: make a new one."),
            ("{reason:PERMISSION_DENIED}", "Good, but its role may not do this."),
            ("{reason:LOGIN_THROTTLED}", "Too many wrong ones: wait up to a minute."),
            (
                "the webhook's secret is lost",
                "It stands in the file `terrace source list` names; `terrace source rotate NAME` makes another.",
            ),
            (
                "the vault's key is lost",
                "{reason:VAULT_LOCKED}: without it nobody reads the vault. Move "
                "`secrets/vault.json` aside and store the keys again with `terrace secret set`.",
            ),
        ),
    ),
    Symptom(
        "The command line does not reach the daemon",
        "`terrace doctor`, and `terrace context show`: which daemon is meant.",
        (
            ("`the daemon cannot be reached`", "It does not run, or listens elsewhere (`api.address`)."),
            ("`the daemon's certificate has ended`", "{state:CERTIFICATE}: renew the files of `api.tls`."),
            ("`is not signed by the authority that is trusted here`", "`--tls-ca FILE`, or `tls_ca` of the context."),
            ("`is made out to another name than this address`", "Call it by a name of its certificate."),
            ("`what answers there hangs up at once`", "It wants TLS, or a certificate of yours."),
            ("`what answers there is no Terrace daemon`", "Another program listens there, or the address is wrong."),
            (
                "`the daemon did not answer in time`",
                "It is very busy or stands still: `terrace status`, then its log; `--timeout S` waits longer.",
            ),
            ("{reason:STANDBY}", "You asked the one that waits."),
        ),
    ),
    Symptom(
        "Numbers differ from the exchange's",
        "`terrace account drift` shows what differs; `terrace account check NAME` asks the exchange anew.",
        (
            (
                "a difference is listed",
                "{state:ACCOUNT_DIFFERS}, {alert:DRIFT}: somebody traded by hand, a sub-account "
                "was moved, coins were sent. `terrace account resolve DIFFERENCE` adopts, leaves or closes it "
                "([exchanges.md](exchanges.md)).",
            ),
            ("{alert:EXTERNAL_CHANGE}", "Somebody else sold, bought or cancelled. If it was not you: change the key."),
            (
                "quantity a little less than bought",
                "Fees were paid in the coin itself, and what is too little to be sold stays as dust.",
            ),
            (
                "profit differs",
                "Terrace counts fees and funding, the average price by group; the exchange counts by "
                "account. [reports.md](reports.md) says what each figure means.",
            ),
            ("a fill is missing for seconds", "{state:STREAM_DOWN}: it is asked for every few seconds."),
            (
                "paper differs from the exchange",
                "Paper fills at its own prices: [replay.md](replay.md) says what is the same and what is not.",
            ),
        ),
    ),
    Symptom(
        "A change of the configuration has no effect",
        "`terrace config validate`, `terrace config get KEY`, `terrace config history`.",
        (
            ("{alert:CONFIG_INVALID}", "The file has a fault; the version before stays in force."),
            ("it is said to need a restart", "`terrace service restart`, or stop and start it."),
            ("groups that are open", "They keep the settings they began with."),
            (
                "{reason:ETAG_MISMATCH}, {reason:CONFIG_NOT_WRITABLE}, {reason:INVALID_CONFIG}",
                "From the panel or the command line: see there.",
            ),
            (
                "a variable of the environment",
                "`TERRACE_...` wins over the file; `terrace config get KEY` has what is in force.",
            ),
        ),
    ),
    Symptom(
        "Messages do not come",
        "`terrace alert test`, `terrace alert notifications`.",
        (
            ("{alert:NOTIFICATION_FAILED}", "The service refuses or is away; messages wait for a day."),
            (
                "nothing is listed",
                "The channel's `severity`, `categories`, `types` or quiet hours leave it out ([alerts.md](alerts.md)).",
            ),
            ("a copy of the store", "{state:STORE_COPY}: it sends nothing, on purpose."),
        ),
    ),
    Symptom(
        "It is slow",
        "`terrace status`, `terrace log search`, and [monitoring.md](monitoring.md#slow-operations).",
        (
            ("{alert:LATENCY}", "The machine's load, or the exchange's budget of requests ({alert:RATE})."),
            ("{state:STORE_SLOW}", "The disk."),
            ("{state:OVERLOADED}, {alert:MAILBOX}", "More alerts than the machine can take."),
            ("{alert:BAN}, {reason:RATE_LIMITED}", "Another program uses the exchange from this address."),
        ),
    ),
    Symptom(
        "A part of the engine failed",
        "`terrace engine status`, `terrace engine dead-letters`; [operations.md](operations.md#parts-that-failed).",
        (
            ("{state:PART_RESTARTING}, {alert:CRASHED}", "It was started again from the store."),
            ("{state:PART_DOWN}, {alert:GIVEN_UP}", "`terrace engine restart PART`."),
            (
                "{alert:POISONED}, {reason:POISONED}",
                "A message was put aside; `terrace engine dead-letters retry LETTER` hands it out once more.",
            ),
            ("it comes again", "`terrace diag dump` writes what is needed to find out, without secrets."),
        ),
    ),
)
