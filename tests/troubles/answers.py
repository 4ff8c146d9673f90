"""What the forwarder and the panel answer over HTTP, and what a faulty alert is told of its fields."""

from __future__ import annotations

from collections.abc import Mapping

from tests.troubles.entry import Entry

ANSWERS: Mapping[tuple[int, str], Entry] = {
    (200, ""): Entry(
        "the daemon has the alert, durably; `outcome` may also be `IGNORED` or `REJECTED`",
        "Look up its `reason` [here](#reasons); `terrace signal show SIGNAL` tells the whole story.",
    ),
    (202, ""): Entry(
        "the daemon did not acknowledge it in time, so it lies in the spool (`outcome` is `SPOOLED`) and is delivered "
        "later",
        "Nothing, unless they pile up: `terrace doctor` says how many wait and whether the daemon answers.",
    ),
    (400, "INVALID_BODY"): Entry(
        "the alert's body is faulty; `problems` has each fault with its place",
        "Mend the message in TradingView ([faults of a body](#faults-of-an-alerts-body)); try it with "
        "`terrace signal check FILE`.",
    ),
    (400, "TOO_OLD"): Entry("the alert's own time is more than the source's `max_age_s` ago", "See {reason:TOO_OLD}."),
    (400, "TOO_FAR_AHEAD"): Entry(
        "the alert's own time is more than the source's `max_ahead_s` ahead", "See {reason:TOO_FAR_AHEAD}."
    ),
    (400, "BAD_REQUEST"): Entry(
        "what came is no request of HTTP/1.1, for example TLS or HTTP/2",
        "The forwarder speaks plain HTTP/1.1: put the proxy with the certificate before it ([webhook.md](webhook.md)).",
    ),
    (401, "UNAUTHENTICATED"): Entry(
        "wrong or no secret, wrong signature, address not allowed, or no such source; it does not say which",
        "The forwarder's log does: `alert turned away`, with `cause`. Compare the secret in the alert's message with "
        "the file that `terrace source list` names.",
    ),
    (404, "NOT_FOUND"): Entry(
        "there is no such path", "The webhook is `/hook/SOURCE`, SOURCE as in the configuration."
    ),
    (405, "METHOD_NOT_ALLOWED"): Entry("the webhook takes POST only", "Send a POST."),
    (408, "TIMEOUT"): Entry(
        "the body did not come within 5 s", "Look at the network, and at a proxy that holds bodies back."
    ),
    (413, "TOO_LARGE"): Entry("the body has more than 64 KiB", "Shorten the alert's message."),
    (417, ""): Entry("an `Expect` header nobody knows (plain text)", "Leave that header out."),
    (429, "TOO_MANY_ATTEMPTS"): Entry(
        "too many failed attempts from this address, or from the proxy that speaks for all",
        "Wait as `Retry-After` says. Behind a proxy set `forwarder.trusted_proxies`, so that each sender counts alone.",
    ),
    (500, "INTERNAL"): Entry(
        "the forwarder made a mistake; the alert is not taken", "Its log has the error: report it. Send it again."
    ),
    (503, "SPOOL_FULL"): Entry(
        "the daemon has been away so long that the spool is full; the alert is not taken",
        "Start the daemon; `forwarder.max_spooled` and `forwarder.max_spool_mb` say how much is kept.",
    ),
    (503, "SPOOL_BROKEN"): Entry(
        "the spool cannot be written; the alert is not taken",
        "Look at the disk and the folder of `forwarder.spool`, then start the forwarder again.",
    ),
    (503, ""): Entry(
        "there are too many connections (no body)",
        "Look who holds them; a proxy before the forwarder, or `allow_addresses`, keeps strangers off.",
    ),
}
"""By status and `reason` of the JSON; empty where there is none."""

FAULTS: Mapping[str, Entry] = {
    "NOT_JSON": Entry(
        "the message is no JSON, often for a comma or a quote", "Mend it at the line and column it names."
    ),
    "NOT_UTF8": Entry("the message is no UTF-8 text", "Send it as UTF-8."),
    "PLACEHOLDER": Entry(
        "a `{{placeholder}}` that TradingView did not fill in",
        "It knows `strategy.*` in alerts of strategies only: correct the name, or leave the field out.",
    ),
    "WRONG_TYPE": Entry(
        "a JSON object was expected and something else came, or a header is no printable text",
        "Write the message as `{...}`.",
    ),
    "TOO_DEEP": Entry("the JSON is nested more than 8 levels deep", "Write it flatter."),
    "TOO_OLD": Entry("see {reason:TOO_OLD}", "See there."),
    "TOO_FAR_AHEAD": Entry("see {reason:TOO_FAR_AHEAD}", "See there."),
    "INVALID": Entry(
        "the daemon has read the field and cannot use it; the words say what it may be",
        "Mend the field; [tradingview.md](tradingview.md) has them all.",
    ),
    "FAULTY": Entry("the same, of an alert that is stored (`terrace signal show`)", "Mend the field."),
}
"""`problems[].reason`."""

OF_THE_PANEL: Mapping[str, Entry] = {
    "NOT_FOUND": Entry("the page, button or stream is not there any more", "Reload the page."),
    "UNKNOWN_HOST": Entry(
        "the panel was asked under a name it does not know (421)",
        "Write the name into `panel.hosts`, or call it by an IP address or `localhost`.",
    ),
    "LOGIN_NEEDED": Entry("the login has ended", "Log in again."),
    "FOREIGN_PAGE": Entry(
        "the request did not come from a page of this panel, or a proxy changes `Host` or `Origin`",
        "Reload the page. Behind a proxy: pass `Host` on and set `X-Forwarded-Proto` "
        "([panel](panel/README.md#reaching-it-from-elsewhere)).",
    ),
    "BAD_METHOD": Entry("the panel takes GET and POST only", "Use a browser."),
    "LENGTH_NEEDED": Entry("a body came without its length", "Let the proxy pass `Content-Length` on."),
    "TOO_LARGE": Entry("what the page sent is too large", "Send less at once."),
    "TOO_MANY_TABS": Entry("too many tabs of the panel are open", "Close some."),
    "INVALID_BODY": Entry("what the page sent is too large or no JSON", "Reload the page; shorten what you typed."),
    "INVALID_FIELD": Entry("a field of a form is empty or faulty; the words say which", "Mend the field."),
    "NOT_PAPER": Entry(
        "a test alert is only sent to a paper account, and there is none, or the routes lead elsewhere",
        "Add a paper account, or send the alert yourself: `terrace signal send FILE`.",
    ),
    "MAPPED": Entry(
        "the `map` of each source is more than a list of paths, so the panel cannot write a test alert for it",
        "Send one of the sender's own alerts: `terrace signal send FILE --source NAME`.",
    ),
    "PERMISSION_DENIED": Entry("your role may not do this", "See {reason:PERMISSION_DENIED}."),
    "BODY_LATE": Entry("what the page sent did not come in time", "Look at the network; press again."),
    "PANEL_FAULT": Entry(
        "the panel made a mistake; it is not known whether this was done",
        "Look whether it was done before you press again; the panel's log has the error.",
    ),
}
"""`error.reason` of what the panel itself answers; the daemon's reasons come through as they are."""
