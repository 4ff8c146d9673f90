"""Words for the reasons that only the API gives. Those of the engine are in daemon/api/story_words.py."""

from __future__ import annotations

from collections.abc import Mapping

from actors.rules.model import Reason
from daemon.api.errors import AnyReason, ApiReason
from tests.troubles.entry import NOTHING, Entry

OF_A_CALL: Mapping[AnyReason, Entry] = {
    Reason.NOT_FOUND: Entry(
        "there is no such group, signal, account, key or part",
        "List what there is (`terrace group list --all`, `terrace signal list`, `terrace account list`) and name that.",
    ),
    Reason.NOT_BUILT: Entry("the daemon cannot do this in its version", "Use a newer one, or do without."),
}
"""What a reason of the engine means where a call was refused with it, and story_words.py speaks of signals only."""

OF_THE_API: Mapping[AnyReason, Entry] = {
    ApiReason.UNAUTHENTICATED: Entry(
        "the call came without a token or certificate, or with one that is unknown, revoked or has expired",
        "`terrace token list` on the daemon's machine shows what is valid and until when; make another with "
        "`terrace token create NAME --role ROLE --out FILE`, and name it with `--token-file`.",
    ),
    ApiReason.PERMISSION_DENIED: Entry(
        "the token is good, but its role may not call this",
        "Use a token of a higher role; [access.md](access.md) says which role may do what.",
    ),
    ApiReason.LOGIN_THROTTLED: Entry(
        "ten and more wrong tokens came from your address within a quarter of an hour",
        "Wait as long as it says (at most a minute), then use a valid token; end the program that keeps trying an old "
        "one.",
    ),
    ApiReason.SENDER_REFUSED: Entry(
        "a program sent an alert for a source that has no secret, or from an address the source does not allow; the "
        "daemon's log (`sender_refused`) says which",
        "Give the source a `secret` or `hmac_secret`, or add the address to its `allow_addresses`.",
    ),
    ApiReason.INVALID_ARGUMENT: Entry(
        "a field of the request is missing or faulty; the answer names each",
        "Mend the fields it names; `terrace NOUN VERB --help` says what may stand there.",
    ),
    ApiReason.BODY_TOO_LARGE: Entry(
        "the alert has more than 64 KiB",
        "Shorten the alert's message: Terrace needs the fields of [tradingview.md](tradingview.md), nothing else.",
    ),
    ApiReason.UNKNOWN_SOURCE: Entry(
        "the configuration has no source of this name",
        "Look at the address of the webhook (`/hook/SOURCE`) and at `sources` in the configuration; "
        "`terrace source list` shows them. The forwarder keeps such an alert and tries it again.",
    ),
    ApiReason.UNKNOWN_METHOD: Entry(
        "the daemon has no such method: the program that called is of another version",
        "Use programs of one version; `terrace --version`, `terraced --version` and `terrace doctor` tell them.",
    ),
    ApiReason.RATE_LIMITED: Entry(
        "a source that calls the daemon itself sends more signals a minute than its `rate_per_minute`",
        "Send it again after the time it says; raise `sources.NAME.rate_per_minute` and `burst` if the rate is meant.",
    ),
    ApiReason.TOO_MANY_STREAMS: Entry(
        "too many streams are open: followers of the log, or callers without a token that watch the health",
        "End one of them, for example a `terrace log tail` or a panel that nobody looks at, and try again.",
    ),
    ApiReason.ALREADY_CLOSED: Entry(
        "the difference between books and exchange is resolved already",
        f"{NOTHING} `terrace account drift --all` shows how it was resolved.",
    ),
    ApiReason.SOURCE_GONE: Entry(
        "the stored alert came from a source that the configuration has no more, so nobody knows how to read it",
        "Add the source again, or send the alert anew with `terrace signal send`.",
    ),
    ApiReason.NO_BODY: Entry(
        "the signal is stored without the body it came in, so it cannot be replayed",
        "Send it anew with `terrace signal send`.",
    ),
    ApiReason.ALREADY_RESOLVED: Entry(
        "the dead letter is resolved already",
        f"{NOTHING} `terrace engine dead-letters --all` shows how it ended.",
    ),
    ApiReason.NOT_RETRYABLE: Entry(
        "nothing of the dead letter can be handed out once more: it is damaged, or its account or orders are gone",
        "`terrace engine dead-letters show LETTER` says what it was; do by hand what is still wanted of it.",
    ),
    ApiReason.RETRY_RUNNING: Entry(
        "the dead letter is being retried by somebody else at this moment", "Look again in a few seconds."
    ),
    ApiReason.PROFILE_RUNNING: Entry("the memory is being measured already", "Wait until that is done."),
    ApiReason.PART_DOWN: Entry(
        "the part of the engine that would have to do it is down",
        "Start it again with `terrace engine restart PART`, which the message names, then repeat the command.",
    ),
    ApiReason.ETAG_MISMATCH: Entry(
        "the configuration was changed by somebody else since you read it; nothing was done",
        "Get it again and make your change to that.",
    ),
    ApiReason.INVALID_CONFIG: Entry(
        "the configuration that was sent has faults; the one in force stays",
        "Mend the keys it names; `terrace config validate FILE` shows each with its line and what is allowed.",
    ),
    ApiReason.CONFIG_NOT_WRITABLE: Entry(
        "the daemon's user may not replace the configuration file; nothing was changed",
        "Let that user write the file and its folder, or change the file by hand: it is taken up within a second.",
    ),
    ApiReason.BACKUP_FAILED: Entry(
        "no backup was made: too little room, no key, a folder that cannot be written, or one is being made already",
        "Do what the message says ([what it may say](#what-a-program-says-when-it-stops)), then "
        "`terrace backup create`.",
    ),
    ApiReason.VAULT_LOCKED: Entry(
        "the vault's key is missing or is another, or a newer Terrace wrote the vault",
        "Bring the key back to where `vault` in the configuration names it, then restart the daemon; "
        "[secrets.md](secrets.md) has what each kind of key needs.",
    ),
    ApiReason.VAULT_DAMAGED: Entry(
        "the vault's file cannot be read; it was left as it is",
        "Restore it from a backup, or move it aside and store its secrets again with `terrace secret set`.",
    ),
    ApiReason.VAULT_FULL: Entry(
        "the vault holds as many secrets as it takes",
        "Delete what nothing refers to: `terrace secret list`, `terrace secret delete NAME`.",
    ),
    ApiReason.VAULT_NOT_WRITTEN: Entry(
        "the disk did not take the vault; what was stored before stands",
        "Make room on the disk or its folder writable, then store the secret again.",
    ),
    ApiReason.STANDBY: Entry(
        "this daemon waits to take over, another one leads",
        "Ask the leader, whose address the message names; list both in the clients ([standby.md](standby.md)).",
    ),
    ApiReason.INTERNAL: Entry(
        "the daemon made a mistake; whether the request was carried out is in doubt",
        "Look whether it was done before you repeat it. `terrace log search` and the log file have the error; report "
        "it with `terrace diag dump`.",
    ),
}
